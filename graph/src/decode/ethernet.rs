//! Ethernet II, IEEE 802.3 with LLC and SNAP, and VLAN tags.
//!
//! Read IEEE 802.3 clause 3 and IEEE 802.1Q clause 9 first, then RFC 1042 (SNAP).

use super::read::{be16, rest};
use super::{Body, Packet, Stop, encapsulation, ip};
use crate::MacAddr;
use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

/// EtherTypes (IEEE registration authority).
pub(super) mod ether_type {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const RARP: u16 = 0x8035;
    pub const VLAN: u16 = 0x8100;
    pub const IPV6: u16 = 0x86dd;
    pub const SLOW: u16 = 0x8809;
    pub const MPLS: u16 = 0x8847;
    pub const MPLS_UPSTREAM: u16 = 0x8848;
    pub const PPPOE_DISCOVERY: u16 = 0x8863;
    pub const PPPOE_SESSION: u16 = 0x8864;
    pub const MACSEC: u16 = 0x88e5;
    pub const PBB: u16 = 0x88e7;
    pub const VN_TAG: u16 = 0x8926;
    pub const NSH: u16 = 0x894f;
    pub const QINQ: u16 = 0x88a8;
    pub const CISCO_METADATA: u16 = 0x8909;
    pub const LLDP: u16 = 0x88cc;
    pub const QINQ_OLD: u16 = 0x9100;
    pub const QINQ_OLDER: u16 = 0x9200;
    /// Values up to this one are a length (IEEE 802.3, 3.2.6).
    pub const MAX_LENGTH: u16 = 1500;
}

/// How deep an Ethernet frame inside MPLS inside Ethernet … is followed.
const DEPTH: u8 = 4;

/// The outermost frame.
#[inline]
pub(super) fn digest<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    let Ok(header) = Ethernet2HeaderSlice::from_slice(bytes) else {
        packet.stop = Some(Stop::Cut("Ethernet"));
        return;
    };
    packet.source = Some(MacAddr(header.source()));
    packet.destination = Some(MacAddr(header.destination()));
    packet.adjacent = true;
    digest_type(header.ether_type().0, rest(bytes, header.slice().len()), packet, DEPTH);
}

/// What lies behind an EtherType or length field.
#[inline]
pub(super) fn digest_type<'a>(kind: u16, bytes: &'a [u8], packet: &mut Packet<'a>, depth: u8) {
    use ether_type::*;
    match kind {
        IPV4 => ip::digest_v4(bytes, packet),
        IPV6 => ip::digest_v6(bytes, packet),
        VLAN | QINQ | QINQ_OLD | QINQ_OLDER => digest_vlan(bytes, packet, depth),
        ARP => packet.body = Body::Arp(bytes),
        _ => digest_odd(kind, bytes, packet, depth),
    }
}

#[inline]
fn digest_vlan<'a>(bytes: &'a [u8], packet: &mut Packet<'a>, depth: u8) {
    let Ok(tag) = SingleVlanHeaderSlice::from_slice(bytes) else {
        packet.stop = Some(Stop::Cut("VLAN tag"));
        return;
    };
    if !packet.vlans.push(tag.vlan_identifier().value()) {
        packet.stop = Some(Stop::TooDeep);
        return;
    }
    // The number of tags bounds this recursion.
    digest_type(tag.ether_type().0, rest(bytes, tag.slice().len()), packet, depth);
}

/// Types that are not one packet's in a hundred.
#[cold]
fn digest_odd<'a>(kind: u16, bytes: &'a [u8], packet: &mut Packet<'a>, depth: u8) {
    use ether_type::*;
    match kind {
        0..=MAX_LENGTH => digest_llc(&bytes[..bytes.len().min(usize::from(kind))], packet),
        LLDP => packet.body = Body::Lldp(bytes),
        SLOW => packet.body = Body::Slow(bytes),
        RARP | PPPOE_DISCOVERY => {}
        _ => encapsulation::digest(kind, bytes, packet, depth),
    }
}

/// IEEE 802.2: destination and source service access point, and a control field of one or two octets.
pub(super) fn digest_llc<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    let &[destination, source, control, ..] = bytes else {
        packet.stop = Some(Stop::Cut("LLC"));
        return;
    };
    let payload = rest(bytes, if control & 3 == 3 { 3 } else { 4 });
    match (destination, source) {
        (0xaa, 0xaa) if control == 3 => digest_snap(payload, packet),
        (0x42, _) => packet.body = Body::Stp(payload),
        (0x06, _) if control == 3 => ip::digest_v4(payload, packet),
        _ => packet.stop = Some(Stop::ServiceAccessPoint(destination)),
    }
}

/// RFC 1042: an organization code, and a protocol that is an EtherType for organization 0 (and for 802.1H's 00-00-f8).
fn digest_snap<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    let (Some(&[a, b, c]), Some(protocol)) = (bytes.first_chunk::<3>(), be16(bytes, 3)) else {
        packet.stop = Some(Stop::Cut("SNAP"));
        return;
    };
    match [a, b, c] {
        // Tags and a pseudowire's Ethernet may follow: the depth starts to count here, and a length field may not follow again.
        [0, 0, 0 | 0xf8] if protocol > ether_type::MAX_LENGTH => digest_type(protocol, rest(bytes, 5), packet, 0),
        organization => packet.stop = Some(Stop::Snap(organization, protocol)),
    }
}
