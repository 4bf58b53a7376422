//! Frames that go round: one broadcast comes in at one place again and again, faster than anybody asks.
//!
//! Bridges forward what is for everybody, and nothing in a frame counts down (IEEE 802.1D, section 7.1): where they are joined twice
//! without a spanning tree, it never ends. Whoever scans a network sends as fast, but never the same.

use crate::fact::Fact;
use crate::journey::Journey;
use crate::{Direction, FrameNo, MacAddr, PointId};
use std::collections::BTreeMap;

/// The span in which they are counted, nanoseconds.
const SPAN: i64 = 100_000_000;
/// So many of one kind within it are no retry any more.
const MANY: usize = 20;
/// The most different packets of one sender that are told apart in a span; a scan has more.
const KINDS: usize = 8;

/// What one sender sent in one span, and the frames that say the same.
type Kinds<'a> = Vec<(&'a Fact, Vec<FrameNo>)>;

/// A place where one broadcast comes in again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Storm {
    pub point: PointId,
    /// Whose broadcast it is.
    pub source: Option<MacAddr>,
    /// The first of the frames that were the same.
    pub frames: Vec<FrameNo>,
    /// How many were, in the worst span.
    pub count: usize,
}

/// The storms in some journeys, one for a place, in the places' order.
pub(crate) fn storms<'a>(journeys: impl Iterator<Item = &'a Journey>) -> Vec<Storm> {
    let mut same: BTreeMap<(PointId, i64, Option<MacAddr>), Kinds<'_>> = BTreeMap::new();
    for packet in journeys.filter(|packet| packet.destination.is_some_and(MacAddr::is_group)) {
        for seen in packet.sightings.iter().filter(|seen| seen.direction != Direction::Outbound) {
            let kinds = same.entry((seen.point, seen.at.0.div_euclid(SPAN), packet.source)).or_default();
            match kinds.iter().position(|(subject, _)| **subject == packet.subject) {
                Some(index) => kinds[index].1.push(seen.frame),
                None if kinds.len() < KINDS => kinds.push((&packet.subject, vec![seen.frame])),
                None => {}
            }
        }
    }
    let mut worst: BTreeMap<PointId, Storm> = BTreeMap::new();
    for ((point, _, source), kinds) in same {
        for (_, mut frames) in kinds.into_iter().filter(|(_, frames)| frames.len() >= MANY) {
            let count = frames.len();
            frames.truncate(4);
            let storm = Storm { point, source, frames, count };
            if worst.get(&point).is_none_or(|known| known.count < count) {
                worst.insert(point, storm);
            }
        }
    }
    worst.into_values().collect()
}
