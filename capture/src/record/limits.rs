//! When a recording goes on in another file, and when it ends.

use std::time::Duration;

/// What makes a file full; nothing is reached where nothing is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Frames.
    pub packets: Option<u64>,
    /// Octets of the file.
    pub octets: Option<u64>,
    /// Since it began.
    pub time: Option<Duration>,
    /// Files: how many are kept of a ring, or after how many the recording ends.
    pub files: Option<u32>,
}

impl Limits {
    /// Whether one more frame of so many octets is too much.
    #[inline]
    pub(super) fn is_full(&self, packets: u64, octets: u64, more: u64) -> bool {
        self.packets.is_some_and(|most| packets >= most) || self.octets.is_some_and(|most| octets.saturating_add(more) > most)
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self, time: Duration) -> bool {
        self.time.is_some_and(|most| time >= most)
    }

    /// Whether anything makes a file full.
    pub fn has_any(&self) -> bool {
        *self != Limits { files: self.files, ..Limits::default() }
    }
}
