//! What waits to be written to a port: whole frames, up to a bound.

use super::framing::header;
use super::wire::{Refusal, Wire};
use crate::cable::LENGTH;
use std::io;

/// Frames on their way out, framed as in a stream.
pub(super) struct Queue {
    octets: Vec<u8>,
    /// Where the next octet to be written lies. In a stream it may be within a frame, which is then finished before all else.
    start: usize,
    /// Octets that may wait.
    limit: usize,
}

/// What came of writing.
pub(super) enum Written {
    /// All of it.
    All,
    /// The peer takes no more for now.
    Some,
    /// The peer is gone.
    Gone(io::Error),
}

impl Queue {
    pub fn new(limit: usize) -> Queue {
        Queue { octets: Vec::new(), start: 0, limit }
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.octets.len()
    }

    /// Takes a frame; or none of it, where there is no room. Gives whether it did.
    pub fn push(&mut self, frame: &[u8]) -> bool {
        // A frame always fits into an empty queue: the longest one is shorter than any bound that makes sense.
        if !self.is_empty() && self.octets.len() - self.start + LENGTH + frame.len() > self.limit {
            return false;
        }
        self.octets.extend_from_slice(&header(frame.len()));
        self.octets.extend_from_slice(frame);
        true
    }

    /// Writes as much as the wire takes; `refused` counts frames that it did not want.
    pub fn write(&mut self, wire: &Wire, refused: &mut u64) -> Written {
        let written = if wire.is_stream() { self.write_stream(wire) } else { self.write_frames(wire, refused) };
        if self.is_empty() {
            self.octets.clear();
            self.start = 0;
        } else if self.start > self.octets.len() / 2 {
            self.octets.drain(..self.start);
            self.start = 0;
        }
        written
    }

    fn write_stream(&mut self, wire: &Wire) -> Written {
        while !self.is_empty() {
            match wire.write(&self.octets[self.start..]) {
                Ok(0) => return Written::Gone(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.start += count,
                Err(Refusal::Later | Refusal::Frame) => return Written::Some,
                Err(Refusal::Gone(error)) => return Written::Gone(error),
            }
        }
        Written::All
    }

    fn write_frames(&mut self, wire: &Wire, refused: &mut u64) -> Written {
        while let Some(&length) = self.octets[self.start..].first_chunk::<LENGTH>() {
            let begin = self.start + LENGTH;
            let end = begin + u32::from_be_bytes(length) as usize;
            match wire.write(&self.octets[begin..end]) {
                Ok(_) => {}
                Err(Refusal::Later) => return Written::Some,
                Err(Refusal::Frame) => *refused += 1,
                Err(Refusal::Gone(error)) => return Written::Gone(error),
            }
            self.start = end;
        }
        Written::All
    }
}
