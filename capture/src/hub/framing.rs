//! Frames in a stream, as QEMU's `-netdev socket` and `stream` put them there: each behind its length.
//!
//! Read `net_fill_rstate` in QEMU's `net/net.c` first. An end of the stream reads it from its first octet on, so there is nothing to
//! find again: a length that cannot be is the end of the connection, for QEMU as for us.

use crate::cable::{LENGTH, LONGEST};

/// A length that no frame has: the peer does not speak this protocol, or is not in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it announced a frame of {length} octets, and {LONGEST} are the most: it does not speak as QEMU's socket and stream do")]
pub struct LyingLength {
    /// What it said.
    pub length: u32,
}

/// What stands before a frame of this many octets.
pub fn header(length: usize) -> [u8; LENGTH] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// Takes a stream apart, in whatever pieces it comes. Holds less than one frame.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The begin of a frame, with its header, whose rest has not come yet.
    begun: Vec<u8>,
}

impl Decoder {
    /// Takes the next octets of the stream and gives each frame that is whole, in order.
    ///
    /// # Errors
    /// A length above [`LONGEST`]: the frames before it were given, and nothing after it can be read.
    pub fn feed(&mut self, mut octets: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), LyingLength> {
        while !self.begun.is_empty() {
            let missing = match length(&self.begun)? {
                None => LENGTH - self.begun.len(),
                Some(length) => LENGTH + length - self.begun.len(),
            };
            let (now, later) = octets.split_at(missing.min(octets.len()));
            self.begun.extend_from_slice(now);
            octets = later;
            match length(&self.begun)? {
                Some(length) if self.begun.len() == LENGTH + length => {
                    each(&self.begun[LENGTH..]);
                    self.begun.clear();
                }
                _ if octets.is_empty() => return Ok(()),
                _ => {}
            }
        }
        while let Some(length) = length(octets)? {
            let Some(frame) = octets.get(LENGTH..LENGTH + length) else { break };
            each(frame);
            octets = &octets[LENGTH + length..];
        }
        self.begun.extend_from_slice(octets);
        Ok(())
    }

    /// How many octets have come of the frame that is not whole yet, and how many it has, as far as they are known; with its header.
    pub fn pending(&self) -> Option<(usize, Option<usize>)> {
        let whole = length(&self.begun).ok().flatten().map(|length| LENGTH + length);
        (!self.begun.is_empty()).then_some((self.begun.len(), whole))
    }
}

/// The length that the octets begin with, once all of it is there.
fn length(octets: &[u8]) -> Result<Option<usize>, LyingLength> {
    let Some(&header) = octets.first_chunk::<LENGTH>() else { return Ok(None) };
    let length = u32::from_be_bytes(header);
    if length as usize > LONGEST { Err(LyingLength { length }) } else { Ok(Some(length as usize)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(frames: &[Vec<u8>]) -> Vec<u8> {
        frames.iter().flat_map(|frame| header(frame.len()).into_iter().chain(frame.iter().copied())).collect()
    }

    fn decoded(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<LyingLength>) {
        let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
        for piece in pieces {
            if let Err(lie) = decoder.feed(piece, |frame| frames.push(frame.to_vec())) {
                return (frames, Some(lie));
            }
        }
        (frames, None)
    }

    #[test]
    fn a_lying_length_ends_the_stream_behind_the_frames_before_it() {
        let mut octets = stream(&[vec![1; 60]]);
        octets.extend([0x47, 0x45, 0x54, 0x20]);
        octets.extend(b"/ HTTP/1.1");
        assert_eq!(decoded(&[&octets]), (vec![vec![1; 60]], Some(LyingLength { length: 0x4745_5420 })));
        let longest = header(LONGEST + 1);
        assert_eq!(decoded(&[&longest[..2], &longest[2..]]).1, Some(LyingLength { length: 69_633 }));
    }

    #[test]
    fn half_a_frame_is_known_as_such() {
        let mut decoder = Decoder::default();
        decoder.feed(&header(60)[..3], |_| unreachable!()).expect("no lie");
        assert_eq!(decoder.pending(), Some((3, None)));
        decoder.feed(&[60, 1, 2], |_| unreachable!()).expect("no lie");
        assert_eq!(decoder.pending(), Some((6, Some(64))));
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_the_stream_is_cut(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
            cuts in prop::collection::vec(1_usize..300, 1..50),
        ) {
            let octets = stream(&frames);
            let (mut rest, mut pieces) = (octets.as_slice(), Vec::new());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at(*cut.min(&rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(decoded(&pieces), (frames, None));
        }

        #[test]
        fn any_octets_are_survived_and_less_than_a_frame_is_held(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..64)) {
            let mut decoder = Decoder::default();
            for piece in &pieces {
                if decoder.feed(piece, |frame| assert!(frame.len() <= LONGEST)).is_err() { break }
                prop_assert!(decoder.pending().is_none_or(|(held, _)| held < LENGTH + LONGEST));
            }
        }
    }
}
