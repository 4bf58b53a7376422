//! IPv4 and IPv6 with their extension headers.

use super::{Reading, flags, sum};
use crate::decode::read::{be16, be32};

/// An IP protocol's name, or its number.
pub(super) fn protocol_name(protocol: u8) -> String {
    match protocol {
        0 => "hop-by-hop options".into(),
        1 => "ICMP".into(),
        2 => "IGMP".into(),
        4 => "IPv4".into(),
        6 => "TCP".into(),
        17 => "UDP".into(),
        41 => "IPv6".into(),
        43 => "routing".into(),
        44 => "fragment".into(),
        47 => "GRE".into(),
        50 => "ESP".into(),
        51 => "AH".into(),
        58 => "ICMPv6".into(),
        60 => "destination options".into(),
        89 => "OSPF".into(),
        112 => "VRRP".into(),
        132 => "SCTP".into(),
        other => format!("protocol {other}"),
    }
}

impl Reading<'_> {
    /// An IP packet that ends at `end` at the latest.
    pub(super) fn ip(&mut self, at: usize, end: usize, depth: u8) {
        match self.bytes.get(at).map(|first| first >> 4) {
            _ if self.is_full() => {}
            Some(4) => self.ipv4(at, end, depth),
            Some(6) => self.ipv6(at, end, depth),
            Some(_) => self.data(at, end, "neither IPv4 nor IPv6"),
            None => {}
        }
    }

    fn ipv4(&mut self, at: usize, end: usize, depth: u8) {
        let header = usize::from(self.bytes[at] & 0xf) * 4;
        let mut draft = self.draft("IPv4", at, header.max(20));
        if header < 20 || draft.bytes.len() < 20 {
            return self.cut("IPv4", at);
        }
        let total = be16(draft.bytes, 2).unwrap_or(0);
        draft.add("header length", 0..1, format!("{header} octets"));
        draft.add("DSCP", 1..2, (draft.bytes[1] >> 2).to_string());
        draft.add("ECN", 1..2, (draft.bytes[1] & 3).to_string());
        let offload = if total == 0 { " (left to the device: segmentation offload)" } else { "" };
        draft.add("total length", 2..4, format!("{total} octets{offload}"));
        draft.hex16("identification", 4);
        let fragment = be16(draft.bytes, 6).unwrap_or(0);
        draft.add("flags", 6..7, flags(u32::from(fragment), &[(0x4000, "don't fragment"), (0x2000, "more fragments")]));
        let offset = usize::from(fragment & 0x1fff) * 8;
        draft.add("fragment offset", 6..8, format!("{offset} octets"));
        let ttl = draft.u8("time to live", 8).unwrap_or(0);
        let protocol = draft.bytes[9];
        draft.add("protocol", 9..10, format!("{protocol} {}", protocol_name(protocol)));
        let checksum = be16(draft.bytes, 10).unwrap_or(0);
        let verdict = match (draft.bytes.len() >= header, checksum) {
            (false, _) => "the header was not captured whole",
            (true, 0) => "left to the device",
            (true, _) if sum(&draft.bytes[..header], 0) == 0xffff => "good",
            (true, _) => "bad",
        };
        draft.add("header checksum", 10..12, format!("{checksum:#06x} {verdict}"));
        let (Some(source), Some(destination)) = (draft.ipv4("source address", 12), draft.ipv4("destination address", 16)) else { return };
        if header > 20 {
            draft.add("options", 20..header, format!("{} octets", header - 20));
        }
        let part = if offset > 0 { format!(", fragment at {offset}") } else { String::new() };
        self.push(draft, format!("{source} to {destination}, {}, ttl {ttl}{part}", protocol_name(protocol)));
        let end = if total == 0 { end } else { end.min(at + usize::from(total)) };
        let pseudo = pseudo_sum(&self.bytes[at + 12..at + 20], protocol);
        if offset > 0 {
            self.data(at + header, end, "a later fragment");
        } else {
            self.transport(protocol, at + header, end, pseudo, depth);
        }
    }

    fn ipv6(&mut self, at: usize, end: usize, depth: u8) {
        let mut draft = self.draft("IPv6", at, 40);
        if draft.bytes.len() < 40 {
            return self.cut("IPv6", at);
        }
        let first = be32(draft.bytes, 0).unwrap_or(0);
        draft.add("traffic class", 0..2, (first >> 20 & 0xff).to_string());
        draft.add("flow label", 1..4, format!("{:#07x}", first & 0xfffff));
        let length = draft.u16("payload length", 4).unwrap_or(0);
        let mut next = draft.bytes[6];
        draft.add("next header", 6..7, format!("{next} {}", protocol_name(next)));
        let hops = draft.u8("hop limit", 7).unwrap_or(0);
        let (Some(source), Some(destination)) = (draft.ipv6("source address", 8), draft.ipv6("destination address", 24)) else { return };
        self.push(draft, format!("{source} to {destination}, {}, hop limit {hops}", protocol_name(next)));
        let end = if length == 0 { end } else { end.min(at + 40 + usize::from(length)) };
        let addresses = at + 8..at + 40;
        let mut at = at + 40;
        while matches!(next, 0 | 43 | 44 | 60) && !self.is_full() {
            let name = match next {
                0 => "IPv6 hop-by-hop options",
                43 => "IPv6 routing header",
                44 => "IPv6 fragment header",
                _ => "IPv6 destination options",
            };
            let Some(&[following, words]) = self.bytes.get(at..end).and_then(|rest| rest.first_chunk::<2>()) else {
                return self.cut(name, at);
            };
            let size = if next == 44 { 8 } else { (usize::from(words) + 1) * 8 };
            let mut draft = self.draft(name, at, size);
            draft.add("next header", 0..1, format!("{following} {}", protocol_name(following)));
            let mut offset = 0;
            if next == 44 {
                let field = be16(draft.bytes, 2).unwrap_or(0);
                offset = usize::from(field >> 3) * 8;
                draft.add("fragment offset", 2..4, format!("{offset} octets"));
                draft.add("more fragments", 2..4, (field & 1 == 1).to_string());
                draft.u32("identification", 4);
            }
            self.push(draft, protocol_name(following));
            next = following;
            at += size;
            if offset > 0 {
                return self.data(at, end, "a later fragment");
            }
        }
        let pseudo = pseudo_sum(&self.bytes[addresses], next);
        self.transport(next, at, end, pseudo, depth);
    }
}

/// The part of a pseudo-header's sum that the length is missing from (RFC 768, RFC 8200 section 8.1).
fn pseudo_sum(addresses: &[u8], protocol: u8) -> u32 {
    u32::from(sum(addresses, u32::from(protocol)))
}
