//! ARP, ICMP, ICMPv6 with Neighbor Discovery, IGMP.

use super::{Reading, flags};
use crate::decode::read::{be16, be32};
use crate::decode::{arp, icmp};
use crate::fact::{ArpPurpose, Fact};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an ARP packet asks or says.
pub(in crate::decode) fn arp_words(bytes: &[u8]) -> String {
    let Some(arp) = arp::parse(bytes) else { return "not for Ethernet and IPv4".to_owned() };
    match arp.purpose() {
        ArpPurpose::Resolve => format!("who has {}? tell {}", arp.target_ip, arp.sender_ip),
        ArpPurpose::Probe => format!("probe: does anybody use {}?", arp.target_ip),
        ArpPurpose::Announcement => format!("announcement: {} is at {}", arp.sender_ip, arp.sender_mac),
        ArpPurpose::Gratuitous => format!("gratuitous: {} is at {}", arp.sender_ip, arp.sender_mac),
        ArpPurpose::Answer => format!("{} is at {}", arp.sender_ip, arp.sender_mac),
    }
}

/// What an ICMP message says.
pub(in crate::decode) fn icmp_words(bytes: &[u8]) -> String {
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    words(icmp::parse_v4(bytes, nowhere, nowhere), bytes)
}

/// What an ICMPv6 message says.
pub(in crate::decode) fn icmp6_words(bytes: &[u8]) -> String {
    let address = |at: usize| crate::decode::read::array::<16>(bytes, at).map_or_else(String::new, |ip| Ipv6Addr::from(ip).to_string());
    match bytes.first() {
        Some(130) => "multicast listener query".into(),
        Some(131) => format!("multicast listener report {}", address(8)),
        Some(132) => format!("multicast listener done {}", address(8)),
        Some(133) => "router solicitation".into(),
        Some(134) => "router advertisement".into(),
        Some(135) => format!("neighbor solicitation: who has {}?", address(8)),
        Some(136) => format!("neighbor advertisement: {}", address(8)),
        Some(143) => "multicast listener report version 2".into(),
        _ => {
            let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            words(icmp::parse_v6(bytes, nowhere, nowhere), bytes)
        }
    }
}

fn words(fact: Option<Fact>, bytes: &[u8]) -> String {
    match fact {
        Some(Fact::Echo(echo)) => {
            let what = if echo.is_request { "request" } else { "reply" };
            format!("echo {what} id {} seq {}", echo.identifier, echo.sequence)
        }
        Some(Fact::IcmpError(error)) => {
            let about = error.quoted.map_or_else(String::new, |quoted| format!(", about {} to {}", quoted.source, quoted.destination));
            format!("{error}{about}")
        }
        _ => match bytes {
            [kind, code, ..] => format!("type {kind} code {code}"),
            _ => "cut short".to_owned(),
        },
    }
}

impl Reading<'_> {
    pub(super) fn arp(&mut self, at: usize) {
        let mut draft = self.draft("ARP", at, 28);
        draft.u16("hardware type", 0);
        draft.hex16("protocol type", 2);
        let hardware = draft.u8("hardware address length", 4);
        let protocol = draft.u8("protocol address length", 5);
        if let Some(operation) = be16(draft.bytes, 6) {
            let name = match operation {
                1 => " request",
                2 => " reply",
                3 => " RARP request",
                4 => " RARP reply",
                _ => "",
            };
            draft.add("operation", 6..8, format!("{operation}{name}"));
        }
        if (hardware, protocol) == (Some(6), Some(4)) {
            draft.mac("sender hardware address", 8);
            draft.ipv4("sender protocol address", 14);
            draft.mac("target hardware address", 18);
            draft.ipv4("target protocol address", 24);
        }
        let words = arp_words(draft.bytes);
        self.push(draft, words);
    }

    /// The packet that an ICMP error quotes follows as layers of its own.
    pub(super) fn icmp(&mut self, at: usize, end: usize, depth: u8) {
        let mut draft = self.draft("ICMP", at, 8.min(end - at));
        let kind = draft.u8("type", 0);
        draft.u8("code", 1);
        draft.hex16("checksum", 2);
        match kind {
            Some(0 | 8) => {
                draft.u16("identifier", 4);
                draft.u16("sequence number", 6);
            }
            Some(3) => drop(draft.u16("next-hop MTU", 6)),
            Some(5) => drop(draft.ipv4("gateway", 4)),
            _ => {}
        }
        let words = icmp_words(&self.bytes[at..end]);
        self.push(draft, words);
        match kind {
            Some(3 | 4 | 5 | 11 | 12) if depth > 0 => self.ip(at + 8, end, depth - 1),
            _ => self.data(at + 8, end, ""),
        }
    }

    pub(super) fn icmp6(&mut self, at: usize, end: usize, depth: u8) {
        let kind = self.bytes.get(at).copied();
        let fixed = match kind {
            Some(134) => 16,
            Some(131 | 132 | 135 | 136) => 24,
            Some(137) => 40,
            _ => 8,
        };
        let mut draft = self.draft("ICMPv6", at, fixed.min(end - at));
        draft.u8("type", 0);
        draft.u8("code", 1);
        draft.hex16("checksum", 2);
        match kind {
            Some(128 | 129) => {
                draft.u16("identifier", 4);
                draft.u16("sequence number", 6);
            }
            Some(2) => drop(draft.u32("MTU", 4)),
            Some(134) => {
                draft.u8("current hop limit", 4);
                let bits = draft.bytes.get(5).map_or(0, |bits| u32::from(*bits));
                draft.add("flags", 5..6, flags(bits, &[(0x80, "managed"), (0x40, "other configuration")]));
                draft.u16("router lifetime, seconds", 6);
                draft.u32("reachable time, ms", 8);
                draft.u32("retransmission time, ms", 12);
            }
            Some(136) => {
                let bits = draft.bytes.get(4).map_or(0, |bits| u32::from(*bits));
                draft.add("flags", 4..5, flags(bits, &[(0x80, "router"), (0x40, "solicited"), (0x20, "override")]));
                draft.ipv6("target address", 8);
            }
            Some(131 | 132 | 135) => drop(draft.ipv6("target address", 8)),
            Some(137) => {
                draft.ipv6("target address", 8);
                draft.ipv6("destination address", 24);
            }
            _ => {}
        }
        let words = icmp6_words(&self.bytes[at..end]);
        self.push(draft, words);
        match kind {
            Some(1..=4) if depth > 0 => self.ip(at + 8, end, depth - 1),
            Some(133..=137) => self.nd_options(at + fixed, end),
            _ => self.data(at + fixed, end, ""),
        }
    }

    fn nd_options(&mut self, mut at: usize, end: usize) {
        while let Some(&[kind, words]) = self.bytes.get(at..end).and_then(|rest| rest.first_chunk::<2>()) {
            let size = usize::from(words) * 8;
            if size == 0 || self.is_full() {
                return;
            }
            let mut draft = self.draft("ND option", at, size.min(end - at));
            draft.add("type", 0..1, kind.to_string());
            let name = match kind {
                1 => draft.mac("source link-layer address", 2).map(|mac| format!("source link-layer address {mac}")),
                2 => draft.mac("target link-layer address", 2).map(|mac| format!("target link-layer address {mac}")),
                3 => {
                    let length = draft.u8("prefix length", 2);
                    let bits = draft.bytes.get(3).map_or(0, |bits| u32::from(*bits));
                    draft.add("flags", 3..4, flags(bits, &[(0x80, "on-link"), (0x40, "autonomous")]));
                    draft.u32("valid lifetime, seconds", 4);
                    draft.u32("preferred lifetime, seconds", 8);
                    draft.ipv6("prefix", 16).zip(length).map(|(prefix, length)| format!("prefix {prefix}/{length}"))
                }
                5 => be32(draft.bytes, 4).map(|mtu| format!("MTU {mtu}")),
                25 => draft.ipv6("server", 8).map(|server| format!("DNS server {server}")),
                _ => None,
            };
            self.push(draft, name.unwrap_or_else(|| format!("type {kind}")));
            at += size;
        }
    }

    pub(super) fn igmp(&mut self, at: usize, end: usize) {
        let mut draft = self.draft("IGMP", at, end - at);
        let kind = draft.u8("type", 0);
        draft.u8("maximum response time", 1);
        draft.hex16("checksum", 2);
        let group = draft.ipv4("group", 4);
        let words = match (kind, group) {
            (Some(0x11), Some(group)) => format!("membership query {group}"),
            (Some(0x12 | 0x16), Some(group)) => format!("membership report {group}"),
            (Some(0x17), Some(group)) => format!("leave {group}"),
            (Some(0x22), _) => "membership report version 3".to_owned(),
            _ => "unknown type".to_owned(),
        };
        self.push(draft, words);
    }
}
