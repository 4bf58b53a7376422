//! Frames behind their lengths, in a stream of octets.

use super::Counts;
use super::record::{LENGTH, LONGEST, SHORTEST};
use super::seek::Seek;
use tapscope_graph::Timestamp;

/// One direction of a connection: octets in, frames out. Keeps at most 512 KiB and the segment that came last.
pub struct Stream {
    state: State,
}

enum State {
    /// Where the next record begins is known; this much of it was seen.
    InStep(Vec<u8>),
    /// It is looked for.
    Seeking(Seek),
}

impl Stream {
    /// From its first octet on.
    pub fn from_beginning() -> Stream {
        Stream { state: State::InStep(Vec::new()) }
    }

    /// From somewhere in the middle.
    pub fn joined() -> Stream {
        Stream { state: State::Seeking(Seek::default()) }
    }

    /// Takes the octets that follow. `starts_segment`: whether the first of them was the first of a segment of TCP, where most records
    /// begin. Gives each frame with the time at which its last octet came.
    pub fn push(
        &mut self,
        at: Timestamp,
        octets: &[u8],
        starts_segment: bool,
        counts: &mut Counts,
        sink: &mut impl FnMut(Timestamp, &[u8]),
    ) {
        if octets.is_empty() {
            return;
        }
        match &mut self.state {
            State::InStep(partial) => {
                let Some(rest) = step(partial, octets, counts, &mut |_, frame: &[u8]| sink(at, frame)) else { return };
                // An impossible length: its first octet is not the beginning of anything, either.
                counts.skipped_octets += partial.len() as u64;
                self.lose_step(counts);
                self.seek(at, &octets[octets.len() - rest..], false, counts, sink);
            }
            State::Seeking(_) => self.seek(at, octets, starts_segment, counts, sink),
        }
    }

    /// Octets are missing here.
    pub fn gap(&mut self, counts: &mut Counts) {
        counts.skipped_octets += self.kept();
        self.lose_step(counts);
    }

    /// It ends: a frame that has begun will never be whole.
    pub fn end(&mut self, counts: &mut Counts) {
        counts.skipped_octets += self.kept();
        self.state = State::Seeking(Seek::default());
    }

    fn kept(&self) -> u64 {
        match &self.state {
            State::InStep(partial) => partial.len() as u64,
            State::Seeking(seek) => seek.skipped(),
        }
    }

    fn lose_step(&mut self, counts: &mut Counts) {
        counts.resyncs += 1;
        counts.lost += 1;
        self.state = State::Seeking(Seek::default());
    }

    fn seek(&mut self, at: Timestamp, octets: &[u8], starts_segment: bool, counts: &mut Counts, sink: &mut impl FnMut(Timestamp, &[u8])) {
        let State::Seeking(seek) = &mut self.state else { return };
        seek.push(at, octets, starts_segment);
        while let Some(found) = seek.find() {
            counts.skipped_octets += found.skipped;
            let (all, mut partial) = (found.octets(), Vec::new());
            let left = step(&mut partial, all, counts, &mut |left, frame: &[u8]| sink(found.at(all.len() - left - 1), frame));
            let Some(left) = left else {
                self.state = State::InStep(partial);
                return;
            };
            let place = all.len() - left;
            counts.resyncs += 1;
            counts.lost += 1;
            counts.skipped_octets += 1;
            *seek = found.give_up(place);
        }
    }
}

/// Takes octets behind those that are there already, and gives each frame with the number of octets behind it; what there is of the last
/// record stays. Where a length is impossible, says how many octets were left from its own first one on, as far as that is among `octets`.
fn step(partial: &mut Vec<u8>, mut octets: &[u8], counts: &mut Counts, sink: &mut impl FnMut(usize, &[u8])) -> Option<usize> {
    if !partial.is_empty() {
        let wanted = LENGTH.saturating_sub(partial.len()).min(octets.len());
        let (head, rest) = octets.split_at(wanted);
        partial.extend_from_slice(head);
        octets = rest;
        let &head = partial.first_chunk::<LENGTH>()?;
        match length(head) {
            Length::Impossible => return Some(octets.len()),
            Length::Empty => {
                counts.empty += 1;
                partial.clear();
            }
            Length::Of(length) => {
                let wanted = LENGTH + length - partial.len();
                let Some((tail, rest)) = octets.split_at_checked(wanted) else {
                    partial.extend_from_slice(octets);
                    return None;
                };
                partial.extend_from_slice(tail);
                octets = rest;
                counts.frames += 1;
                sink(octets.len(), &partial[LENGTH..]);
                partial.clear();
            }
        }
    }
    while let Some((&head, rest)) = octets.split_first_chunk::<LENGTH>() {
        match length(head) {
            Length::Impossible => return Some(octets.len()),
            Length::Empty => {
                counts.empty += 1;
                octets = rest;
            }
            Length::Of(length) => {
                let Some((frame, rest)) = rest.split_at_checked(length) else { break };
                counts.frames += 1;
                octets = rest;
                sink(octets.len(), frame);
            }
        }
    }
    partial.extend_from_slice(octets);
    None
}

enum Length {
    Impossible,
    Empty,
    Of(usize),
}

/// What QEMU's reader does with it (`net_fill_rstate` in `net/net.c`), but for frames that cannot hold their addresses.
fn length(head: [u8; LENGTH]) -> Length {
    match u32::from_be_bytes(head) as usize {
        0 => Length::Empty,
        length @ SHORTEST..=LONGEST => Length::Of(length),
        _ => Length::Impossible,
    }
}
