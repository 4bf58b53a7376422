//! One direction of a TCP connection: segments in, octets in order out (RFC 9293, section 3.4).
//!
//! Who listens is no receiver: nobody sends again what was not captured. A hole is waited for only because segments may be seen in
//! another order than they were sent; when the receiver says that it has what is missing, or 100 ms have passed, it is given up.

use super::{Counts, Stream};
use std::collections::VecDeque;
use tapscope_graph::Timestamp;

/// How long a hole is waited for, in nanoseconds of the packets' clock.
const PATIENCE: i64 = 100_000_000;
/// What is kept behind a hole: octets and segments.
const HELD_OCTETS: usize = 1 << 20;
const HELD: usize = 1024;
/// So many segments without anything new, one after the other, are no retransmissions: the sequence numbers are another connection's.
const STALE: u32 = 64;

/// One direction of a connection.
pub(super) struct Half {
    /// The sequence number of the octet that is to come; none until a segment was seen.
    next: Option<u32>,
    stream: Stream,
    /// What came behind a hole, in the order of sequence numbers.
    held: VecDeque<Held>,
    held_octets: usize,
    /// What the receiver has, where that is more than was seen, and nothing is held behind it.
    acknowledged: Option<u32>,
    /// Since when something is waited for.
    since: Option<Timestamp>,
    stale: u32,
}

struct Held {
    sequence: u32,
    at: Timestamp,
    octets: Vec<u8>,
}

impl Half {
    /// Nothing is known of it.
    pub fn unknown() -> Half {
        Half { next: None, stream: Stream::joined(), held: VecDeque::new(), held_octets: 0, acknowledged: None, since: None, stale: 0 }
    }

    /// It begins with the octet of this sequence number.
    pub fn beginning(next: u32) -> Half {
        Half { next: Some(next), stream: Stream::from_beginning(), ..Half::unknown() }
    }

    /// Whether anything of it was seen.
    pub fn is_known(&self) -> bool {
        self.next.is_some()
    }

    /// Whether it begins with this octet, and nothing came yet.
    pub fn begins(&self, next: u32) -> bool {
        self.next == Some(next)
    }

    /// When what is waited for is given up.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.since.map(|since| Timestamp(since.0.saturating_add(PATIENCE)))
    }

    /// A segment's octets.
    pub fn segment(&mut self, at: Timestamp, sequence: u32, octets: &[u8], counts: &mut Counts, sink: &mut impl FnMut(Timestamp, &[u8])) {
        if octets.is_empty() {
            return;
        }
        let ahead = self.next.map_or(0, |next| distance(next, sequence));
        if ahead > 0 {
            self.hold(sequence, at, octets, counts, sink);
            return;
        }
        let known = ahead.unsigned_abs() as usize;
        if known >= octets.len() {
            counts.repeated += 1;
            self.stale += 1;
            if self.stale < STALE {
                return;
            }
            counts.skipped_octets += self.held_octets as u64;
            self.stream.gap(counts);
            *self = Half { stream: std::mem::replace(&mut self.stream, Stream::joined()), ..Half::unknown() };
            self.take(at, sequence, octets, true, counts, sink);
            return;
        }
        self.take(at, sequence.wrapping_add(known as u32), &octets[known..], known == 0, counts, sink);
        self.release(counts, sink);
    }

    /// The receiver has everything before this sequence number.
    pub fn acknowledge(&mut self, at: Timestamp, sequence: u32, counts: &mut Counts, sink: &mut impl FnMut(Timestamp, &[u8])) {
        while let Some(first) = self.held.front()
            && distance(first.sequence, sequence) >= 0
        {
            self.give_up(counts, sink);
        }
        // One more than was sent is the end's own number (RFC 9293, section 3.4).
        if let Some(next) = self.next
            && self.held.is_empty()
            && distance(next, sequence) > 1
        {
            self.acknowledged = Some(sequence);
            self.since.get_or_insert(at);
        }
    }

    /// Gives up what was waited for too long.
    pub fn expire(&mut self, now: Timestamp, counts: &mut Counts, sink: &mut impl FnMut(Timestamp, &[u8])) {
        while let Some(since) = self.since
            && now.since(since) >= PATIENCE
        {
            self.give_up(counts, sink);
        }
    }

    /// It ends here.
    pub fn end(&mut self, counts: &mut Counts, sink: &mut impl FnMut(Timestamp, &[u8])) {
        while self.since.is_some() {
            self.give_up(counts, sink);
        }
        self.stream.end(counts);
    }

    fn take(
        &mut self,
        at: Timestamp,
        sequence: u32,
        octets: &[u8],
        starts_segment: bool,
        counts: &mut Counts,
        sink: &mut impl FnMut(Timestamp, &[u8]),
    ) {
        let next = sequence.wrapping_add(octets.len() as u32);
        self.next = Some(next);
        self.stale = 0;
        self.stream.push(at, octets, starts_segment, counts, sink);
        if self.acknowledged.is_some_and(|sequence| distance(next, sequence) <= 1) {
            self.acknowledged = None;
            self.since = None;
        }
    }

    /// Keeps a segment that came too early.
    fn hold(&mut self, sequence: u32, at: Timestamp, octets: &[u8], counts: &mut Counts, sink: &mut impl FnMut(Timestamp, &[u8])) {
        let place = self.held.partition_point(|held| distance(held.sequence, sequence) > 0);
        // The same again, and no longer.
        if self.held.get(place).is_some_and(|held| held.sequence == sequence && held.octets.len() >= octets.len()) {
            counts.repeated += 1;
            return;
        }
        self.held.insert(place, Held { sequence, at, octets: octets.to_vec() });
        self.held_octets += octets.len();
        self.since.get_or_insert(at);
        while self.held_octets > HELD_OCTETS || self.held.len() > HELD {
            self.give_up(counts, sink);
        }
    }

    /// Hands on what is held and not behind a hole any more.
    fn release(&mut self, counts: &mut Counts, sink: &mut impl FnMut(Timestamp, &[u8])) {
        while let (Some(next), Some(first)) = (self.next, self.held.front()) {
            let ahead = distance(next, first.sequence);
            if ahead > 0 {
                // Another hole: from the time on at which it was first seen.
                self.since = Some(first.at);
                return;
            }
            let Some(first) = self.held.pop_front() else { return };
            self.held_octets -= first.octets.len();
            let known = ahead.unsigned_abs() as usize;
            if let Some(octets) = first.octets.get(known..).filter(|octets| !octets.is_empty()) {
                self.take(first.at, first.sequence.wrapping_add(known as u32), octets, known == 0, counts, sink);
            } else {
                counts.repeated += 1;
            }
        }
        if self.acknowledged.is_none() {
            self.since = None;
        }
    }

    /// The hole stays one: goes on behind it.
    fn give_up(&mut self, counts: &mut Counts, sink: &mut impl FnMut(Timestamp, &[u8])) {
        let goes_on = self.held.front().map(|first| first.sequence).or(self.acknowledged);
        self.acknowledged = None;
        self.since = None;
        let (Some(next), Some(goes_on)) = (self.next, goes_on) else { return };
        counts.missing_octets += u64::from(goes_on.wrapping_sub(next));
        self.stream.gap(counts);
        self.next = Some(goes_on);
        self.release(counts, sink);
    }
}

/// How far a sequence number is ahead of another; negative if it is behind (RFC 9293, section 3.4: all arithmetic is modulo 2³²).
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}
