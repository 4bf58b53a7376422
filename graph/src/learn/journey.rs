//! Journeys: one packet seen at several points is one packet.
//!
//! Sightings are joined by what forwarding leaves alone: the addresses, the IP identification and the transport's octets, but neither
//! link-layer addresses nor the hop limit. A second sighting at the same point in the same direction is another packet that says the
//! same (ARP retries do).

use super::{Layer2, Lesson, Map, map, row_of};
use crate::decode::{Addresses, Body, Fragment, LinkKey, Packet};
use crate::fact::Fact;
use crate::tables::{Crossing, Journey, JourneyKind, Sighting};
use crate::{MacAddr, PointId};
use std::hash::{BuildHasher, Hash, Hasher};

/// Sightings of one packet are at most this far apart, nanoseconds.
const WINDOW: i64 = 1_000_000_000;
/// The most sightings of one journey that are kept.
const SIGHTINGS: usize = 16;

#[derive(Clone, Debug)]
pub(crate) struct JourneyLearner {
    /// The latest journey of a fingerprint.
    latest: Map<u64, u64>,
    /// Fingerprints, and the link-layer addresses of the last sighting, in the order of the table's journeys.
    runs: std::collections::VecDeque<(u64, Option<MacAddr>, Option<MacAddr>)>,
    next: u64,
    crossings: Map<(PointId, PointId, bool), u32>,
}

impl JourneyLearner {
    pub fn new(seed: u64) -> JourneyLearner {
        JourneyLearner { latest: map(seed), runs: Default::default(), next: 1, crossings: map(seed) }
    }

    /// Records a sighting; gives the journey's number, and whether the packet was seen before.
    pub fn observe(&mut self, lesson: &mut Lesson<'_>, layer2: &mut Layer2, key: LinkKey, about: &About<'_>) -> (u64, bool) {
        let fingerprint = about.fingerprint;
        let sighting = Sighting {
            point: lesson.seen.point,
            direction: lesson.seen.direction,
            at: lesson.seen.at,
            frame: lesson.seen.frame,
            source: lesson.seen.source(),
            destination: lesson.seen.destination(),
            vlan: lesson.seen.vlan(),
            hop_limit: about.packet.ip.map_or(0, |ip| ip.ttl),
        };
        let first_kept = self.next - lesson.tables.journeys.len() as u64;
        let known = self.latest.get(&fingerprint).copied().filter(|&id| id >= first_kept);
        if let Some(id) = known {
            let index = (id - first_kept) as usize;
            let journey = &mut lesson.tables.journeys[index];
            let run = &mut self.runs[index];
            let is_new = journey
                .sightings
                .iter()
                .all(|old| (old.point, old.direction) != (sighting.point, sighting.direction) && sighting.at.since(old.at).abs() <= WINDOW);
            if is_new {
                let is_bridged = (run.1, run.2) == (lesson.seen.source(), lesson.seen.destination());
                (run.1, run.2) = (lesson.seen.source(), lesson.seen.destination());
                let before = *journey.sightings.last().unwrap_or(&sighting);
                let began = journey.sightings.first().map_or(lesson.seen.point, |first| first.point);
                if journey.sightings.len() < SIGHTINGS {
                    // Several sources may deliver out of order: the way of a packet is the order of its stamps.
                    let place = journey.sightings.partition_point(|old| old.at <= sighting.at);
                    journey.sightings.insert(place, sighting);
                }
                let begins_here = journey.sightings.first().is_some_and(|first| first.frame == lesson.seen.frame);
                if is_bridged {
                    self.attach(lesson, layer2, key, begins_here, began);
                }
                if before.point != lesson.seen.point {
                    self.cross(lesson, before, sighting, is_bridged);
                }
                return (id, true);
            }
        }
        (self.begin(lesson, layer2, key, about, sighting), false)
    }

    fn begin(&mut self, lesson: &mut Lesson<'_>, layer2: &mut Layer2, key: LinkKey, about: &About<'_>, sighting: Sighting) -> u64 {
        if lesson.tables.journeys.len() >= lesson.limits.journeys.max(16) {
            // An eighth at once: taking them one by one from the front of a vector would cost as much each time.
            let going = lesson.tables.journeys.len() / 8;
            let first = self.next - lesson.tables.journeys.len() as u64;
            lesson.tables.journeys.drain(..going);
            for (offset, (old, _, _)) in self.runs.drain(..going).enumerate() {
                if self.latest.get(&old) == Some(&(first + offset as u64)) {
                    self.latest.remove(&old);
                }
            }
            lesson.tables.dropped.journeys += going as u64;
        }
        let id = self.next;
        self.next += 1;
        self.latest.insert(about.fingerprint, id);
        self.runs.push_back((about.fingerprint, lesson.seen.source(), lesson.seen.destination()));
        lesson.tables.journeys.push(Journey {
            id,
            kind: about.kind,
            subject: about.subject.clone(),
            octets: lesson.seen.octets,
            is_fragment: about.packet.ip.is_some_and(|ip| ip.fragment == Fragment::First),
            has_bad_checksum: has_bad_checksum(about.packet, lesson.seen.octets),
            source: lesson.seen.source(),
            destination: lesson.seen.destination(),
            sightings: vec![sighting],
        });
        self.attach(lesson, layer2, key, true, lesson.seen.point);
        id
    }

    /// Counts where the sender's frames enter: where its journeys begin. `began` is where this one was thought to begin so far.
    fn attach(&mut self, lesson: &mut Lesson<'_>, layer2: &mut Layer2, key: LinkKey, begins_here: bool, began: PointId) {
        let Some(mac) = lesson.seen.source() else { return };
        let here = layer2.station(lesson, lesson.seen.point, key.vlan(), mac);
        if let Some(station) = lesson.tables.stations.get_mut(here as usize) {
            if begins_here { station.entered += 1 } else { station.passed += 1 }
        }
        if begins_here && began != lesson.seen.point {
            let there = layer2.station(lesson, began, key.vlan(), mac);
            if let Some(station) = lesson.tables.stations.get_mut(there as usize) {
                station.entered = station.entered.saturating_sub(1);
                station.passed += 1;
            }
        }
    }

    fn cross(&mut self, lesson: &mut Lesson<'_>, a: Sighting, b: Sighting, is_bridged: bool) {
        let (from, to) = if a.at <= b.at { (a, b) } else { (b, a) };
        let row = row_of(
            &mut self.crossings,
            &mut lesson.tables.crossings,
            lesson.limits.rows,
            &mut lesson.tables.dropped.rows,
            (from.point, to.point, is_bridged),
            || Crossing { from: from.point, to: to.point, is_bridged, evidence: Default::default(), shortest_ns: i64::MAX },
        );
        if let Some((_, crossing)) = row {
            crossing.evidence.add(to.frame, to.at);
            crossing.shortest_ns = crossing.shortest_ns.min(to.at.since(from.at));
        }
    }
}

/// What is followed of a packet.
pub(crate) struct About<'a> {
    packet: &'a Packet<'a>,
    kind: JourneyKind,
    subject: &'a Fact,
    /// What stays the same of it on its way.
    fingerprint: u64,
}

/// `None` for packets whose journeys are not followed.
pub(crate) fn about<'a>(hasher: &foldhash::fast::FixedState, packet: &'a Packet<'a>, facts: &'a [Fact]) -> Option<About<'a>> {
    let (kind, subject) = facts.iter().find_map(|fact| Some((kind(fact)?, fact)))?;
    let mut hash = hasher.build_hasher();
    kind.hash(&mut hash);
    match (packet.ip, packet.body) {
        (Some(ip), _) => {
            match ip.addresses {
                Addresses::V4(source, destination) => (source, destination).hash(&mut hash),
                Addresses::V6(source, destination) => (source, destination).hash(&mut hash),
            }
            (ip.protocol, ip.identification).hash(&mut hash);
            hash.write(ip.payload);
        }
        (None, Body::Arp(bytes)) => hash.write(bytes.get(..28).unwrap_or(bytes)),
        (None, _) => return None,
    }
    Some(About { packet, kind, subject, fingerprint: hash.finish() })
}

fn kind(fact: &Fact) -> Option<JourneyKind> {
    match fact {
        Fact::Arp(_) => Some(JourneyKind::Arp),
        Fact::Neighbor(_) => Some(JourneyKind::Ndp),
        Fact::Dhcp(_) | Fact::Dhcp6(_) => Some(JourneyKind::Dhcp),
        Fact::Echo(echo) if echo.is_request => Some(JourneyKind::EchoRequest),
        Fact::Echo(_) => Some(JourneyKind::EchoReply),
        Fact::IcmpError(_) => Some(JourneyKind::IcmpError),
        Fact::Name(_) | Fact::Dns(_) | Fact::Group(_) | Fact::Lldp(_) | Fact::Stp(_) | Fact::Lacp(_) | Fact::Carried(_) => None,
    }
}

/// Whether a whole ICMP message of IPv4 does not sum up (RFC 1071). IPv6's covers addresses that routing headers may change, and is not
/// judged.
fn has_bad_checksum(packet: &Packet<'_>, octets: u32) -> bool {
    let (Some(ip), Body::Icmp(message)) = (packet.ip, packet.body) else { return false };
    // A frame that was cut when it was captured does not sum up either; the shortest ones are padded.
    let is_cut = octets > 60 && message.len() as u32 + 34 < octets;
    if ip.fragment != Fragment::Whole || packet.stop.is_some() || is_cut {
        return false;
    }
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    let mut sum: u32 = message.chunks(2).map(word).fold(0, u32::wrapping_add);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum != 0xffff
}
