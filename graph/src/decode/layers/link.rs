//! Ethernet, tags, LLC and SNAP, cooked headers.

use super::Reading;
use crate::decode::ethernet::ether_type;
use crate::decode::read::be16;

/// An EtherType's name, or its number.
fn type_name(kind: u16) -> String {
    use ether_type::*;
    match kind {
        IPV4 => "IPv4".into(),
        ARP => "ARP".into(),
        RARP => "RARP".into(),
        VLAN | QINQ | QINQ_OLD | QINQ_OLDER => "VLAN tag".into(),
        IPV6 => "IPv6".into(),
        SLOW => "slow protocols".into(),
        MPLS | MPLS_UPSTREAM => "MPLS".into(),
        PPPOE_DISCOVERY => "PPPoE discovery".into(),
        PPPOE_SESSION => "PPPoE session".into(),
        LLDP => "LLDP".into(),
        other => format!("{other:#06x}"),
    }
}

impl Reading<'_> {
    pub(super) fn ethernet(&mut self, at: usize, depth: u8) {
        let mut draft = self.draft("Ethernet II", at, 14);
        let (Some(destination), Some(source), Some(kind)) = (draft.mac("destination", 0), draft.mac("source", 6), be16(draft.bytes, 12))
        else {
            return self.cut("Ethernet II", at);
        };
        if kind <= ether_type::MAX_LENGTH {
            draft.layer.name = "IEEE 802.3";
            draft.add("length", 12..14, format!("{kind} octets"));
        } else {
            draft.add("EtherType", 12..14, format!("{kind:#06x} {}", type_name(kind)));
        }
        if depth == super::DEPTH && self.wire as usize > 1522 {
            draft.add("length on the wire", 0..0, format!("{} octets: segmentation offload has yet to happen, or a larger MTU", self.wire));
        }
        self.push(draft, format!("{source} to {destination}"));
        self.behind_type(kind, at + 14, depth);
    }

    pub(super) fn behind_type(&mut self, kind: u16, at: usize, depth: u8) {
        use ether_type::*;
        let end = self.bytes.len();
        match kind {
            _ if self.is_full() || at >= end => {}
            IPV4 | IPV6 => self.ip(at, end, depth),
            ARP | RARP => self.arp(at),
            VLAN | QINQ | QINQ_OLD | QINQ_OLDER => self.vlan(at, depth),
            LLDP => self.lldp(at),
            SLOW => self.slow(at),
            MPLS | MPLS_UPSTREAM => self.mpls(at, depth),
            PPPOE_SESSION => self.pppoe(at, depth),
            0..=MAX_LENGTH => self.llc(at, end.min(at + usize::from(kind)), depth),
            other => self.data(at, end, &format!("not decoded: EtherType {other:#06x}")),
        }
    }

    fn vlan(&mut self, at: usize, depth: u8) {
        let mut draft = self.draft("IEEE 802.1Q", at, 4);
        let (Some(control), Some(kind)) = (be16(draft.bytes, 0), be16(draft.bytes, 2)) else { return self.cut("IEEE 802.1Q", at) };
        draft.add("priority code point", 0..1, (control >> 13).to_string());
        draft.add("drop eligible", 0..1, (control >> 12 & 1).to_string());
        draft.add("VLAN identifier", 0..2, (control & 0xfff).to_string());
        draft.add("EtherType", 2..4, format!("{kind:#06x} {}", type_name(kind)));
        self.push(draft, format!("VLAN {}", control & 0xfff));
        self.behind_type(kind, at + 4, depth);
    }

    fn mpls(&mut self, mut at: usize, depth: u8) {
        while !self.is_full() {
            let mut draft = self.draft("MPLS", at, 4);
            let Some(entry) = crate::decode::read::be32(draft.bytes, 0) else { return self.cut("MPLS", at) };
            let (label, is_bottom) = (entry >> 12, entry >> 8 & 1 == 1);
            draft.add("label", 0..3, label.to_string());
            draft.add("traffic class", 2..3, (entry >> 9 & 7).to_string());
            draft.add("bottom of stack", 2..3, is_bottom.to_string());
            draft.add("ttl", 3..4, (entry & 0xff).to_string());
            self.push(draft, format!("label {label}"));
            at += 4;
            if is_bottom {
                return self.ip(at, self.bytes.len(), depth);
            }
        }
    }

    fn pppoe(&mut self, at: usize, depth: u8) {
        let mut draft = self.draft("PPPoE session", at, 8);
        draft.u16("session identifier", 2);
        draft.u16("length", 4);
        let protocol = draft.hex16("PPP protocol", 6);
        self.push(draft, "");
        match protocol {
            Some(0x0021 | 0x0057) => self.ip(at + 8, self.bytes.len(), depth),
            _ => self.data(at + 8, self.bytes.len(), ""),
        }
    }

    fn llc(&mut self, at: usize, end: usize, depth: u8) {
        let mut draft = self.draft("LLC", at, 3);
        let &[destination, source, control] = draft.bytes else { return self.cut("LLC", at) };
        draft.add("DSAP", 0..1, format!("{destination:#04x}"));
        draft.add("SSAP", 1..2, format!("{source:#04x}"));
        draft.add("control", 2..3, format!("{control:#04x}"));
        self.push(draft, format!("DSAP {destination:#04x} SSAP {source:#04x}"));
        let behind = at + if control & 3 == 3 { 3 } else { 4 };
        match destination {
            0x42 => self.stp(behind),
            0x06 => self.ip(behind, end, depth),
            0xaa => self.snap(behind, depth),
            _ => self.data(behind, end, "not decoded"),
        }
    }

    fn snap(&mut self, at: usize, depth: u8) {
        let mut draft = self.draft("SNAP", at, 5);
        let (Some(&[a, b, c]), Some(protocol)) = (draft.bytes.first_chunk::<3>(), be16(draft.bytes, 3)) else {
            return self.cut("SNAP", at);
        };
        draft.add("organization code", 0..3, format!("{a:02x}:{b:02x}:{c:02x}"));
        draft.add("protocol", 3..5, format!("{protocol:#06x}"));
        self.push(draft, format!("{a:02x}:{b:02x}:{c:02x} {protocol:#06x}"));
        match ([a, b, c], depth) {
            ([0, 0, 0 | 0xf8], 1..) if protocol > ether_type::MAX_LENGTH => self.behind_type(protocol, at + 5, depth - 1),
            _ => self.data(at + 5, self.bytes.len(), "not decoded"),
        }
    }

    pub(super) fn family(&mut self, at: usize) {
        let mut draft = self.draft("Loopback", at, 4);
        let Some(&family) = draft.bytes.first_chunk::<4>() else { return self.cut("Loopback", at) };
        let little = u32::from_le_bytes(family);
        let family = if little <= 0xffff { little } else { u32::from_be_bytes(family) };
        draft.add("address family", 0..4, family.to_string());
        self.push(draft, format!("address family {family}"));
        self.ip(at + 4, self.bytes.len(), super::DEPTH);
    }

    pub(super) fn sll(&mut self) {
        let mut draft = self.draft("Linux SLL", 0, 16);
        let Some(protocol) = be16(draft.bytes, 14) else { return self.cut("Linux SLL", 0) };
        draft.add("packet type", 0..2, packet_type(be16(draft.bytes, 0).unwrap_or(0)));
        draft.u16("ARPHRD type", 2);
        draft.u16("address length", 4);
        draft.mac("source", 6);
        draft.hex16("protocol", 14);
        self.push(draft, type_name(protocol));
        self.behind_type(protocol, 16, super::DEPTH);
    }

    pub(super) fn sll2(&mut self) {
        let mut draft = self.draft("Linux SLL2", 0, 20);
        let (Some(protocol), Some(&kind)) = (be16(draft.bytes, 0), draft.bytes.get(19).and(draft.bytes.get(10))) else {
            return self.cut("Linux SLL2", 0);
        };
        draft.hex16("protocol", 0);
        let index = draft.u32("interface index", 4).unwrap_or(0);
        draft.u16("ARPHRD type", 8);
        draft.add("packet type", 10..11, packet_type(u16::from(kind)));
        draft.u8("address length", 11);
        draft.mac("source", 12);
        self.push(draft, format!("interface {index}, {}", type_name(protocol)));
        self.behind_type(protocol, 20, super::DEPTH);
    }
}

/// Linux's PACKET_HOST and its like (packet(7)).
fn packet_type(kind: u16) -> String {
    match kind {
        0 => "to us".into(),
        1 => "broadcast".into(),
        2 => "multicast".into(),
        3 => "to another host".into(),
        4 => "sent by us".into(),
        other => other.to_string(),
    }
}
