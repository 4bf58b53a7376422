//! What the kernel says itself of packets that it dropped.
//!
//! Its word (tracepoint `skb:kfree_skb`) names the reason, the function, the protocol and the moment, but neither a device nor a namespace. A
//! drop is that of a packet that is followed if it falls into the moments after the packet was seen.

use super::cause::{self, Cause};
use super::diagnosis::{Candidate, Proof, Rank};
use super::scene::Case;
use super::walk::Walk;
use crate::Timestamp;
use crate::host::{Drop, HostKey};
use crate::journey::Journey;
use std::ops::RangeInclusive;

/// How exactly two clocks can be compared, nanoseconds.
const JITTER: i64 = 1_000_000;
/// How long the kernel handles a packet that it need not wait with, nanoseconds; a queue or another processor's turn included.
const AT_ONCE: i64 = 20_000_000;
/// How long packets wait for the next hop's address: `mcast_solicit` questions, a second each (arp(7)), nanoseconds.
const FOR_NEIGHBOR: i64 = 5_000_000_000;
/// So many other drops of the same kind for each that fits, and the moments say nothing any more.
const OTHERS: u64 = 3;
/// The reason that is none.
const NONE: &str = "NOT_SPECIFIED";

/// What the kernel's word says of the packets of a walk.
struct Word<'a> {
    row: &'a Drop,
    /// Drops that fit to a packet each.
    fit: u64,
    /// All of the kind in the time that is looked at.
    all: u64,
    /// Packets that are followed.
    packets: u64,
}

impl Word<'_> {
    /// It is about these packets, and says something.
    fn is_theirs(&self) -> bool {
        self.fit == self.packets && self.all - self.fit <= self.fit * OTHERS && self.row.reason.as_str() != NONE
    }

    fn text(&self) -> String {
        let (reason, location) = (&self.row.reason, &self.row.location);
        match (self.packets, self.all - self.fit) {
            (0, _) => format!("kernel drop {reason} at {location}, as often as ping sent: {}", self.all),
            (_, 0) => format!("kernel drop {reason} at {location}, just after {} of {} were seen", self.fit, self.packets),
            (_, others) => {
                format!(
                    "kernel drop {reason} at {location}, just after {} of {} were seen; {others} at other times",
                    self.fit, self.packets
                )
            }
        }
    }

    /// E1 where it is about these very packets; otherwise it is a line of a log. Without a packet to compare with, a counter.
    fn proof(&self) -> Proof {
        let rank = match self.packets {
            0 => Rank::Counter,
            _ if self.is_theirs() => Rank::DropEvent,
            _ => Rank::Log,
        };
        Proof { rank, text: self.text(), counted: None, frames: Vec::new() }
    }
}

/// The kernel's word that it dropped these packets for a reason that the cause is known by; the one that fits best.
pub(crate) fn proof(case: &Case<'_>, walk: &Walk<'_>, cause: &Cause) -> Option<Proof> {
    let is_meant = |row: &Drop| cause.drop_reasons.contains(&row.reason.as_str());
    words(case, walk, is_meant).max_by_key(|word| (word.is_theirs(), word.fit)).map(|word| word.proof())
}

/// The kernel's word where no cause explains the gap, and what it may be by that.
pub(crate) fn unexplained(case: &Case<'_>, walk: &Walk<'_>) -> Option<(String, Vec<Candidate>)> {
    let word = words(case, walk, |_| true).filter(Word::is_theirs).max_by_key(|word| word.fit)?;
    let gap: Vec<_> = walk.gap().filter_map(|index| walk.spot(index)).map(|spot| spot.at).collect();
    let is_known =
        |cause: &&'static Cause| cause.drop_reasons.contains(&word.row.reason.as_str()) && cause.at.iter().any(|at| gap.contains(at));
    let candidate = |cause: &'static Cause| Candidate { code: cause.code, decide_with: cause.fix.to_owned() };
    Some((word.text(), cause::all().filter(is_known).take(4).map(candidate).collect()))
}

fn words<'a>(case: &Case<'a>, walk: &Walk<'_>, is_meant: impl Fn(&Drop) -> bool) -> impl Iterator<Item = Word<'a>> {
    let ether_type = match (walk.leg, case.is_v6) {
        (_, true) => 0x86dd,
        (super::diagnosis::Leg::ArpRequest | super::diagnosis::Leg::ArpReply, false) => 0x0806,
        (_, false) => 0x0800,
    };
    let rows = case.host.drops().filter(|row| row.ether_type == ether_type && is_meant(row)).collect::<Vec<_>>();
    rows.into_iter().filter_map(|row| word(case, walk, row))
}

fn word<'a>(case: &Case<'a>, walk: &Walk<'_>, row: &'a Drop) -> Option<Word<'a>> {
    let mut moments: Vec<Timestamp> = row.moments.iter().copied().filter(|at| case.window.holds(*at)).collect();
    let all = grown(case, row).max(moments.len() as u64);
    if walk.packets.is_empty() {
        // Never seen anywhere: it can only be counted.
        let is_all = case.pinged.is_some_and(|pinged| pinged.sent > 0 && pinged.sent == all);
        return (is_all && row.reason.as_str() != NONE && case.from.is_local()).then_some(Word { row, fit: 0, all, packets: 0 });
    }
    let patience = if row.reason.as_str().starts_with("NEIGH_") { FOR_NEIGHBOR } else { AT_ONCE };
    let mut fit = 0;
    for packet in &walk.packets {
        let Some(span) = span(packet, patience) else { continue };
        // One drop is of one packet.
        if let Some(index) = moments.iter().position(|at| span.contains(&at.0)) {
            moments.remove(index);
            fit += 1;
        }
    }
    (fit > 0).then_some(Word { row, fit, all, packets: walk.packets.len() as u64 })
}

/// All drops of a kind in the time that is looked at, also those whose moments are not known any more.
fn grown(case: &Case<'_>, row: &Drop) -> u64 {
    let key = HostKey::Drop(row.netns, row.device, row.reason.clone(), row.location.clone(), row.ether_type);
    // The first reading has the first drops in it.
    if row.packets as usize <= row.moments.len() { 0 } else { case.grown(&key).unwrap_or(row.packets) }
}

/// When a packet may have been dropped.
fn span(packet: &Journey, patience: i64) -> Option<RangeInclusive<i64>> {
    let times = || packet.sightings.iter().map(|seen| seen.at.0);
    Some(times().min()?.saturating_sub(JITTER)..=times().max()?.saturating_add(patience))
}
