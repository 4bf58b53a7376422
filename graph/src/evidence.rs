//! Which frames proved something.

use crate::{FrameNo, Timestamp};
use std::ops::Deref;

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
    /// Some of them: the first ones.
    pub samples: Samples,
}

/// The first frames of many. Inline: there are as many of these as there are facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    frames: [FrameNo; Samples::MOST],
    count: u8,
}

impl Samples {
    /// The most that are kept.
    pub const MOST: usize = 4;

    /// Keeps a frame, if there is room.
    pub fn push(&mut self, frame: FrameNo) {
        if let Some(slot) = self.frames.get_mut(usize::from(self.count)) {
            *slot = frame;
            self.count += 1;
        }
    }
}

impl Deref for Samples {
    type Target = [FrameNo];

    fn deref(&self) -> &[FrameNo] {
        &self.frames[..usize::from(self.count)]
    }
}

impl Evidence {
    /// Evidence of one frame.
    pub fn of(frame: FrameNo, at: Timestamp) -> Evidence {
        let mut samples = Samples::default();
        samples.push(frame);
        Evidence { first: frame, first_at: at, last: frame, last_at: at, count: 1, samples }
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
        self.samples.push(frame);
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
        let mut all: Vec<FrameNo> = self.samples.iter().chain(&*other.samples).copied().collect();
        all.sort_unstable();
        self.samples = Samples::default();
        all.into_iter().for_each(|frame| self.samples.push(frame));
    }
}
