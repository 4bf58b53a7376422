//! Datagrams in several packets: a frame of usual size does not fit into one on an Ethernet (RFC 791, section 3.2; RFC 8200, section 4.5).

use super::Counts;
use super::carried::addresses;
use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber, Ipv6ExtensionSlice, LaxNetSlice, LaxSlicedPacket};
use std::collections::BTreeMap;
use std::net::IpAddr;
use tapscope_graph::Timestamp;

/// Datagrams that are put together at the same time; each has at most 64 KiB.
const AT_ONCE: usize = 64;
/// How long the rest of one is waited for, in nanoseconds of the packets' clock. The fragments of a frame are sent at once.
const PATIENCE: i64 = 1_000_000_000;

/// Source, destination, identification, protocol.
type Key = (IpAddr, IpAddr, u32, u8);

/// Datagrams of which parts were seen.
#[derive(Default)]
pub(super) struct Fragments {
    open: BTreeMap<Key, (IpDefragBuf, Timestamp)>,
}

/// A datagram put together.
pub(super) struct Whole {
    pub protocol: IpNumber,
    pub octets: Vec<u8>,
}

impl Fragments {
    /// Takes a fragment; gives the datagram if it was the last one that was missing.
    pub fn take(&mut self, at: Timestamp, packet: &LaxSlicedPacket<'_>, counts: &mut Counts) -> Option<Whole> {
        self.expire(at, counts);
        let Some((identification, offset, has_more)) = fragment(packet) else {
            counts.foreign += 1;
            return None;
        };
        let ([from, to], payload) = (addresses(packet)?, packet.net.as_ref()?.ip_payload_ref()?);
        if payload.incomplete {
            counts.foreign += 1;
            return None;
        }
        let key = (from, to, identification, payload.ip_number.0);
        if !self.open.contains_key(&key) && self.open.len() == AT_ONCE {
            let oldest = self.open.iter().min_by_key(|(_, (_, since))| *since).map(|(key, _)| *key)?;
            self.open.remove(&oldest);
            counts.lost += 1;
        }
        let (parts, _) = self.open.entry(key).or_insert_with(|| (IpDefragBuf::new(payload.ip_number, Vec::new(), Vec::new()), at));
        if parts.add(offset, has_more, payload.payload).is_err() {
            self.open.remove(&key);
            counts.lost += 1;
            return None;
        }
        if !parts.is_complete() {
            return None;
        }
        let (parts, _) = self.open.remove(&key)?;
        Some(Whole { protocol: payload.ip_number, octets: parts.take_bufs().0 })
    }

    /// When the first of them is given up.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.open.values().map(|(_, since)| Timestamp(since.0.saturating_add(PATIENCE))).min()
    }

    /// Gives up those whose rest did not come.
    pub fn expire(&mut self, now: Timestamp, counts: &mut Counts) {
        let before = self.open.len();
        self.open.retain(|_, (_, since)| now.since(*since) < PATIENCE);
        counts.lost += (before - self.open.len()) as u64;
    }
}

/// Identification, place and whether more follow.
fn fragment(packet: &LaxSlicedPacket<'_>) -> Option<(u32, IpFragOffset, bool)> {
    match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) if ip.header().is_fragmenting_payload() => {
            let header = ip.header();
            Some((header.identification().into(), header.fragments_offset(), header.more_fragments()))
        }
        LaxNetSlice::Ipv6(ip) => ip.extensions().clone().into_iter().find_map(|extension| match extension {
            Ipv6ExtensionSlice::Fragment(part) => Some((part.identification(), part.fragment_offset(), part.more_fragments())),
            _ => None,
        }),
        LaxNetSlice::Ipv4(_) | LaxNetSlice::Arp(_) => None,
    }
}
