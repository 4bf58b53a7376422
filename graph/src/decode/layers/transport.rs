//! TCP, UDP, SCTP, and what they carry; tunnels.

use super::network::protocol_name;
use super::{Draft, Reading, flags, sum};
use crate::decode::facts::{Service, service};
use crate::decode::read::be16;
use crate::decode::{Tunnel, carried};

/// TCP's flags, the highest bit first (RFC 9293, section 3.1).
const TCP_FLAGS: [(u32, &str); 8] =
    [(0x80, "CWR"), (0x40, "ECE"), (0x20, "URG"), (0x10, "ACK"), (0x08, "PSH"), (0x04, "RST"), (0x02, "SYN"), (0x01, "FIN")];

/// The names of TCP's flags that are set.
pub(in crate::decode) fn tcp_flags(bits: u8) -> String {
    flags(u32::from(bits), &TCP_FLAGS)
}

impl Reading<'_> {
    /// `pseudo`: the sum of the pseudo-header without its length.
    pub(super) fn transport(&mut self, protocol: u8, at: usize, end: usize, pseudo: u32, depth: u8) {
        let end = end.min(self.bytes.len());
        match protocol {
            _ if at >= end || self.is_full() => {}
            1 => self.icmp(at, end, depth),
            2 => self.igmp(at, end),
            4 | 41 if depth > 0 => self.ip(at, end, depth - 1),
            6 => self.tcp(at, end, pseudo),
            17 => self.udp(at, end, pseudo, depth),
            47 => self.gre(at, end, depth),
            58 => self.icmp6(at, end, depth),
            132 => self.sctp(at, end),
            other => self.data(at, end, &format!("not decoded: {}", protocol_name(other))),
        }
    }

    fn tcp(&mut self, at: usize, end: usize, pseudo: u32) {
        let length = self.bytes.get(at + 12).map_or(20, |offset| usize::from(offset >> 4) * 4);
        let mut draft = self.draft("TCP", at, length.max(20).min(end - at));
        let (Some(source), Some(destination)) = (draft.u16("source port", 0), draft.u16("destination port", 2)) else {
            return self.cut("TCP", at);
        };
        let sequence = draft.u32("sequence number", 4).unwrap_or(0);
        let acknowledgment = draft.u32("acknowledgment number", 8).unwrap_or(0);
        draft.add("data offset", 12..13, format!("{length} octets"));
        let set = draft.bytes.get(13).map_or_else(String::new, |bits| tcp_flags(*bits));
        draft.add("flags", 13..14, set.clone());
        draft.u16("window", 14);
        self.checksum(&mut draft, 16, at, end, pseudo);
        draft.u16("urgent pointer", 18);
        if length > 20 {
            draft.add("options", 20..length, format!("{} octets", length - 20));
        }
        let data = end.saturating_sub(at + length);
        self.push(draft, format!("{source} to {destination} [{set}] seq {sequence} ack {acknowledgment} len {data}"));
        self.data(at + length, end, "");
    }

    fn udp(&mut self, at: usize, end: usize, pseudo: u32, depth: u8) {
        let mut draft = self.draft("UDP", at, 8.min(end - at));
        let (Some(source), Some(destination)) = (draft.u16("source port", 0), draft.u16("destination port", 2)) else {
            return self.cut("UDP", at);
        };
        let length = draft.u16("length", 4).map_or(0, usize::from);
        self.checksum(&mut draft, 6, at, end, pseudo);
        self.push(draft, format!("{source} to {destination}, {} octets of data", length.saturating_sub(8)));
        let end = if length < 8 { end } else { end.min(at + length) };
        let at = at + 8;
        match (service(Some((source, destination))), destination) {
            _ if at >= end => {}
            (Some(Service::Dhcp), _) => self.dhcp(at, end),
            (Some(Service::Dhcp6), _) => self.dhcp6(at, end),
            (Some(Service::Dns), _) => self.dns(at, end, "DNS"),
            (Some(Service::Mdns), _) => self.dns(at, end, "mDNS"),
            (None, 4789) if depth > 0 => self.vxlan(at, depth),
            (None, _) => self.data(at, end, ""),
        }
    }

    /// A checksum that is right, wrong, left out, or left to the device: then only the pseudo-header is in it.
    fn checksum(&self, draft: &mut Draft<'_>, field: usize, at: usize, end: usize, pseudo: u32) {
        let Some(value) = be16(draft.bytes, field) else { return };
        let segment = &self.bytes[at..end];
        let is_whole = self.wire as usize <= self.bytes.len();
        let pseudo = pseudo + segment.len() as u32;
        let verdict = match value {
            0 => "left out, or left to the device",
            _ if !is_whole => "not checked: the packet was not captured whole",
            _ if sum(segment, pseudo) == 0xffff => "good",
            _ if value == sum(&[], pseudo) => "partial: the device fills it in (checksum offload)",
            _ => "bad",
        };
        draft.add("checksum", field..field + 2, format!("{value:#06x} {verdict}"));
    }

    fn sctp(&mut self, at: usize, end: usize) {
        let mut draft = self.draft("SCTP", at, 12.min(end - at));
        let (Some(source), Some(destination)) = (draft.u16("source port", 0), draft.u16("destination port", 2)) else {
            return self.cut("SCTP", at);
        };
        draft.u32("verification tag", 4);
        draft.u32("checksum", 8);
        self.push(draft, format!("{source} to {destination}"));
        self.data(at + 12, end, "");
    }

    fn gre(&mut self, at: usize, end: usize, depth: u8) {
        let mut draft = self.draft("GRE", at, 4);
        let (Some(bits), Some(protocol)) = (draft.hex16("flags and version", 0), draft.hex16("protocol type", 2)) else {
            return self.cut("GRE", at);
        };
        self.push(draft, format!("carries {protocol:#06x}"));
        let optional = [0x8000, 0x2000, 0x1000].iter().filter(|bit| bits & **bit != 0).count() * 4;
        let at = at + 4 + optional;
        match (protocol, depth) {
            (_, 0) => self.data(at, end, "not followed deeper"),
            (0x6558, _) => self.ethernet(at, depth - 1),
            (protocol, _) => self.behind_type(protocol, at, depth - 1),
        }
    }

    fn vxlan(&mut self, at: usize, depth: u8) {
        let mut draft = self.draft("VXLAN", at, 8);
        let Some(&[flags, _, _, _, a, b, c, _]) = draft.bytes.first_chunk::<8>() else { return self.cut("VXLAN", at) };
        let vni = u32::from_be_bytes([0, a, b, c]);
        draft.add("flags", 0..1, format!("{flags:#04x}"));
        draft.add("network identifier", 4..7, vni.to_string());
        let inner = carried::inner(Tunnel::Vxlan { vni }, self.bytes.get(at + 8..).unwrap_or_default());
        let carries = inner.ip.map_or_else(String::new, |ip| format!(", {} to {}", ip.addresses.source(), ip.addresses.destination()));
        self.push(draft, format!("network {vni}{carries}"));
        self.ethernet(at + 8, depth - 1);
    }
}
