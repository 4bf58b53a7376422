//! Which frames proved something.

use crate::{FrameNo, Timestamp};

/// First, last, how often, and some samples of the frames that proved a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The first frame.
    pub first: FrameNo,
    /// When it was seen.
    pub first_at: Timestamp,
    /// The last frame.
    pub last: FrameNo,
    /// When it was seen.
    pub last_at: Timestamp,
    /// How many frames.
    pub count: u64,
    /// Some of them: the first [`Evidence::SAMPLES`].
    pub samples: Vec<FrameNo>,
}

impl Evidence {
    /// The most samples that are kept.
    pub const SAMPLES: usize = 4;

    /// Evidence of one frame.
    pub fn of(frame: FrameNo, at: Timestamp) -> Evidence {
        Evidence { first: frame, first_at: at, last: frame, last_at: at, count: 1, samples: vec![frame] }
    }

    /// One more frame proves it.
    pub fn add(&mut self, frame: FrameNo, at: Timestamp) {
        if self.count == 0 {
            *self = Evidence::of(frame, at);
            return;
        }
        self.last = frame;
        self.last_at = at;
        self.count += 1;
        if self.samples.len() < Self::SAMPLES {
            self.samples.push(frame);
        }
    }

    /// Joins what was learned elsewhere of the same fact.
    pub fn merge(&mut self, other: &Evidence) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        if other.first < self.first {
            (self.first, self.first_at) = (other.first, other.first_at);
        }
        if other.last > self.last {
            (self.last, self.last_at) = (other.last, other.last_at);
        }
        self.count += other.count;
        self.samples.extend_from_slice(&other.samples);
        self.samples.sort_unstable();
        self.samples.truncate(Self::SAMPLES);
    }
}
