//! Where frames were seen, and how many passed when.

use crate::decode::Stop;
use crate::host::DeviceId;
use crate::{LossCause, PointId, PointInfo, Text, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// Packets, and their octets on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Octets on the wire.
    pub octets: u64,
}

impl Counters {
    /// One more packet.
    #[inline]
    pub fn add(&mut self, octets: u32) {
        self.packets += 1;
        self.octets += u64::from(octets);
    }

    /// More packets at once.
    pub fn merge(&mut self, other: Counters) {
        self.packets += other.packets;
        self.octets += other.octets;
    }
}

/// Octets per second over the latest [`Series::SECONDS`] seconds that had traffic or lie between such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// The second (since 1970) of the last bucket.
    pub second: i64,
    /// Octets sent and received, per second, the oldest first; the last is of `second`.
    pub buckets: VecDeque<(u32, u32)>,
}

impl Series {
    /// The most seconds that are kept.
    pub const SECONDS: usize = 60;

    /// Counts octets in a second. A second before the kept ones is ignored; counts saturate.
    pub fn add(&mut self, second: i64, sent: u64, received: u64) {
        if self.buckets.is_empty() {
            self.second = second;
            self.buckets.push_back((0, 0));
        }
        if second > self.second {
            let gap = (second - self.second).min(Self::SECONDS as i64) as usize;
            let excess = (self.buckets.len() + gap).saturating_sub(Self::SECONDS);
            self.buckets.drain(..excess.min(self.buckets.len()));
            self.buckets.resize((self.buckets.len() + gap).min(Self::SECONDS), (0, 0));
            self.second = second;
        }
        let back = (self.second - second) as usize;
        if let Some(index) = self.buckets.len().checked_sub(1 + back) {
            let (out, into) = &mut self.buckets[index];
            *out = out.saturating_add(u32::try_from(sent).unwrap_or(u32::MAX));
            *into = into.saturating_add(u32::try_from(received).unwrap_or(u32::MAX));
        }
    }

    /// Octets sent and received in the last full second before `now`, and 0 where nothing is known of it.
    pub fn rate(&self, now: Timestamp) -> (u32, u32) {
        let wanted = now.parts().0 - 1;
        let back = self.second - wanted;
        if back < 0 {
            return (0, 0);
        }
        self.buckets.len().checked_sub(1 + back as usize).map_or((0, 0), |index| self.buckets[index])
    }
}

/// A point, and what passed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// What its source says of it.
    pub info: PointInfo,
    /// Whether it still captures; a file's point is closed at its end.
    pub closed: bool,
    /// Why it stopped, where there is a reason.
    pub reason: Option<String>,
    /// Frames.
    pub counters: Counters,
    /// Captured octets.
    pub captured_octets: u64,
    /// Frames that passed and were not captured.
    pub lost: u64,
    /// The same by cause.
    pub lost_by: BTreeMap<LossCause, u64>,
    /// First and last time stamp, in the order of arrival.
    pub first_at: Option<Timestamp>,
    /// See `first_at`.
    pub last_at: Option<Timestamp>,
    /// How often decoding stopped early, and why.
    pub stops: BTreeMap<Stop, u64>,
    /// Frames whose segmentation or checksum was left to the device.
    pub offloaded: u64,
    /// Traffic over time for a plot of the whole recording; `received` is not used.
    pub history: History,
}

impl Point {
    /// The device whose own frames are seen here; none where a device only carries a cable's.
    pub fn own_device(&self) -> Option<DeviceId> {
        self.info.device.filter(|_| self.info.cable.is_none())
    }

    /// The point's name, else its description, sanitised; `point 3` for one without either.
    pub fn label(&self, id: PointId) -> String {
        match self.info.name.as_ref().or(self.info.description.as_ref()) {
            Some(name) => Text::new(name).to_string(),
            None => format!("point {}", id.0),
        }
    }
}

/// Octets over the whole time, in at most [`History::BUCKETS`] buckets of equal width; the width doubles when they run out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Start of the first bucket.
    pub start: Timestamp,
    /// Width of a bucket in nanoseconds.
    pub width: i64,
    /// Octets.
    pub buckets: Vec<u64>,
    /// The bucket that was counted in last: the next frame's, as a rule, which saves a division per frame.
    latest: usize,
}

impl Default for History {
    fn default() -> Self {
        History { start: Timestamp(0), width: 100_000_000, buckets: Vec::new(), latest: 0 }
    }
}

impl History {
    /// The most buckets.
    pub const BUCKETS: usize = 512;

    /// Counts octets at a time; a time before the first counts in the first bucket.
    #[inline]
    pub fn add(&mut self, at: Timestamp, octets: u64) {
        let within = at.since(self.start).wrapping_sub(self.latest as i64 * self.width);
        match self.buckets.get_mut(self.latest) {
            Some(bucket) if (0..self.width).contains(&within) => *bucket += octets,
            _ => self.add_elsewhere(at, octets),
        }
    }

    #[cold]
    fn add_elsewhere(&mut self, at: Timestamp, octets: u64) {
        if self.buckets.is_empty() {
            self.start = at;
        }
        let mut index = at.since(self.start).max(0) / self.width;
        while index >= Self::BUCKETS as i64 {
            self.buckets = self.buckets.chunks(2).map(|pair| pair.iter().sum()).collect();
            self.width *= 2;
            index = at.since(self.start).max(0) / self.width;
        }
        self.latest = index as usize;
        if self.latest >= self.buckets.len() {
            self.buckets.resize(self.latest + 1, 0);
        }
        self.buckets[self.latest] += octets;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_keeps_every_octet_while_its_buckets_widen() {
        let mut history = History::default();
        for at in (0..10_000_i64).rev().chain(0..10_000) {
            history.add(Timestamp(1_700_000_000_000_000_000 + at * 77_000_000), 3);
        }
        assert!(history.buckets.len() <= History::BUCKETS);
        assert_eq!(history.buckets.iter().sum::<u64>(), 60_000);
    }

    #[test]
    fn a_history_of_the_widest_time_ends() {
        let mut history = History::default();
        history.add(Timestamp(i64::MIN), 1);
        history.add(Timestamp(i64::MAX), 1);
        assert_eq!(history.buckets.iter().sum::<u64>(), 2);
    }

    #[test]
    fn a_rate_is_that_of_the_last_full_second() {
        let mut series = Series::default();
        series.add(100, 500, 0);
        series.add(101, 7, 20);
        assert_eq!(series.rate(Timestamp(102_300_000_000)), (7, 20));
        assert_eq!(series.rate(Timestamp(101_300_000_000)), (500, 0));
        assert_eq!(series.rate(Timestamp(104_000_000_000)), (0, 0));
        series.add(100_000, 1, 1);
        series.add(99_990, 2, 2);
        series.add(5, 9, 9);
        assert_eq!(series.buckets.len(), Series::SECONDS);
        assert_eq!(series.buckets[Series::SECONDS - 11], (2, 2));
        assert_eq!(series.buckets.iter().map(|bucket| bucket.0).sum::<u32>(), 3);
    }
}
