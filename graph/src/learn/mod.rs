//! Facts to tables, one file per kind of knowledge.
//!
//! A learner owns the index into its tables; the tables themselves belong to the network. Indexes are hash maps with a seed against
//! chosen keys, and are never iterated: order comes from the tables alone.

mod address;
mod dhcp;
mod echo;
mod flow;
mod journey;
mod layer2;
mod rows;

pub(crate) use address::AddressLearner;
pub(crate) use dhcp::DhcpLearner;
pub(crate) use echo::EchoLearner;
pub(crate) use flow::{Ahead, FlowLearner};
pub(crate) use journey::{JourneyLearner, about};
pub(crate) use layer2::{Layer2, Traffic};
pub(crate) use rows::RowLearner;

use crate::decode::LinkKey;
use crate::tables::{Limits, Tables};
use crate::{Direction, FrameNo, MacAddr, PointId, Timestamp};
use std::collections::HashMap;
use std::hash::Hash;

/// A seeded hash map.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// An empty seeded map.
pub(crate) fn map<K, V>(seed: u64) -> Map<K, V> {
    Map::with_hasher(foldhash::fast::FixedState::with_seed(seed))
}

/// "No row", where an index is kept per packet and an `Option` would cost its memory.
pub(crate) const NONE: u32 = u32::MAX;

/// What a learner works with: the tables, their bounds, and the frame that it learns from.
pub(crate) struct Lesson<'a> {
    pub tables: &'a mut Tables,
    pub limits: &'a Limits,
    pub seen: Seen,
}

/// The frame that is being learned from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub frame: FrameNo,
    pub at: Timestamp,
    /// Octets on the wire.
    pub octets: u32,
    pub point: PointId,
    pub direction: Direction,
    pub link: LinkKey,
    /// The journey that this is a sighting of, and whether the packet was seen before at another point.
    pub journey: Option<(u64, bool)>,
}

impl Seen {
    pub fn vlan(&self) -> Option<u16> {
        self.link.vlan()
    }

    /// The source on the link layer.
    pub fn source(&self) -> Option<MacAddr> {
        self.link.source()
    }

    /// The destination on the link layer.
    pub fn destination(&self) -> Option<MacAddr> {
        self.link.destination()
    }

    /// Whether the same packet was counted already, at another point.
    pub fn is_repeated(&self) -> bool {
        self.journey.is_some_and(|(_, repeated)| repeated)
    }
}

/// The row of `key`, made by `row` if there is none and the table has room; counts what found no room.
pub(crate) fn row_of<'t, K: Eq + Hash, R>(
    index: &mut Map<K, u32>,
    rows: &'t mut Vec<R>,
    limit: usize,
    dropped: &mut u64,
    key: K,
    row: impl FnOnce() -> R,
) -> Option<(u32, &'t mut R)> {
    let at = match index.get(&key) {
        Some(&at) => at,
        None if rows.len() >= limit => {
            *dropped += 1;
            return None;
        }
        None => {
            let at = rows.len() as u32;
            index.insert(key, at);
            rows.push(row());
            at
        }
    };
    Some((at, &mut rows[at as usize]))
}

/// Appends what is not there yet, up to a bound that no honest list reaches.
pub(crate) fn add_new<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if list.len() < 64 && !list.contains(&value) {
        list.push(value);
    }
}
