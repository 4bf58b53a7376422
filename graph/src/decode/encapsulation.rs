//! What lies between Ethernet and IP in providers' and data centres' networks, and is looked through: PPPoE sessions, MPLS labels,
//! provider backbone bridges, VN-tags, MACsec without encryption, service function chains.
//!
//! Read RFC 2516 (PPPoE), RFC 3032 (MPLS), IEEE 802.1ah (PBB), IEEE 802.1AE (MACsec) and RFC 8300 (NSH).

use super::ethernet::{digest_type, ether_type};
use super::read::{be16, rest};
use super::{Packet, Stop, ip};

/// What lies behind one of these EtherTypes. The outer link-layer source no longer speaks for the IP source.
pub(super) fn digest<'a>(kind: u16, bytes: &'a [u8], packet: &mut Packet<'a>, depth: u8) {
    use ether_type::*;
    packet.adjacent = false;
    match (kind, depth.checked_sub(1)) {
        (PPPOE_SESSION, _) => digest_pppoe(bytes, packet),
        (MPLS | MPLS_UPSTREAM, _) => digest_mpls(bytes, packet),
        // Four octets of service identifier, then the customer's frame.
        (PBB, Some(_)) => inner_ethernet(rest(bytes, 4), packet, depth),
        (VN_TAG, Some(depth)) => digest_tag("VN-tag", 4, bytes, packet, depth),
        (CISCO_METADATA, Some(depth)) => digest_tag("Cisco metadata", 6, bytes, packet, depth),
        (MACSEC, Some(depth)) => digest_macsec(bytes, packet, depth),
        (NSH, Some(_)) => digest_nsh(bytes, packet, depth),
        (PBB | VN_TAG | CISCO_METADATA | MACSEC | NSH, None) => packet.stop = Some(Stop::TooDeep),
        _ => packet.stop = Some(Stop::EtherType(kind)),
    }
}

/// A tag of a fixed length, and an EtherType.
fn digest_tag<'a>(name: &'static str, length: usize, bytes: &'a [u8], packet: &mut Packet<'a>, depth: u8) {
    match be16(bytes, length) {
        Some(kind) => digest_type(kind, rest(bytes, length + 2), packet, depth),
        None => packet.stop = Some(Stop::Cut(name)),
    }
}

/// An Ethernet frame inside, whose addresses are not the outer link's.
fn inner_ethernet<'a>(bytes: &'a [u8], packet: &mut Packet<'a>, depth: u8) {
    match be16(bytes, 12) {
        Some(kind) => digest_type(kind, rest(bytes, 14), packet, depth.saturating_sub(1)),
        None => packet.stop = Some(Stop::Cut("inner Ethernet")),
    }
}

/// IEEE 802.1AE: what is encrypted stays unread.
fn digest_macsec<'a>(bytes: &'a [u8], packet: &mut Packet<'a>, depth: u8) {
    const ENCRYPTED_OR_CHANGED: u8 = 0x0c;
    const HAS_CHANNEL: u8 = 0x20;
    let Some(&control) = bytes.first() else {
        packet.stop = Some(Stop::Cut("MACsec"));
        return;
    };
    let header = if control & HAS_CHANNEL != 0 { 14 } else { 6 };
    match be16(bytes, header) {
        _ if control & ENCRYPTED_OR_CHANGED != 0 => packet.stop = Some(Stop::EtherType(ether_type::MACSEC)),
        Some(kind) => digest_type(kind, rest(bytes, header + 2), packet, depth),
        None => packet.stop = Some(Stop::Cut("MACsec")),
    }
}

/// RFC 8300: the length in words of four octets, and what comes next.
fn digest_nsh<'a>(bytes: &'a [u8], packet: &mut Packet<'a>, depth: u8) {
    let Some(&[_, length, _, next]) = bytes.first_chunk::<4>() else {
        packet.stop = Some(Stop::Cut("NSH"));
        return;
    };
    let payload = rest(bytes, usize::from(length & 0x3f) * 4);
    match next {
        1 => ip::digest_v4(payload, packet),
        2 => ip::digest_v6(payload, packet),
        3 => inner_ethernet(payload, packet, depth),
        _ => packet.stop = Some(Stop::EtherType(ether_type::NSH)),
    }
}

/// RFC 2516: six octets, then PPP's protocol number, in one octet where the peers agreed on that (it is odd then).
fn digest_pppoe<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    let Some(&first) = bytes.get(6) else {
        packet.stop = Some(Stop::Cut("PPPoE"));
        return;
    };
    let (protocol, payload) = if first & 1 == 1 {
        (u16::from(first), rest(bytes, 7))
    } else {
        let Some(protocol) = be16(bytes, 6) else {
            packet.stop = Some(Stop::Cut("PPPoE"));
            return;
        };
        (protocol, rest(bytes, 8))
    };
    match protocol {
        0x0021 => ip::digest_v4(payload, packet),
        0x0057 => ip::digest_v6(payload, packet),
        // Link and network control protocols carry nothing further in.
        _ => {}
    }
}

/// RFC 3032: labels of four octets up to the bottom of the stack. What follows is not said; the first four bits tell IP from the rest
/// (RFC 4928), and a pseudowire's Ethernet from nothing.
fn digest_mpls<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    let Some(bottom) = bytes.chunks_exact(4).position(|label| label[2] & 1 == 1) else {
        packet.stop = Some(Stop::Cut("MPLS"));
        return;
    };
    let payload = rest(bytes, 4 * (bottom + 1));
    match payload.first().map(|first| first >> 4) {
        Some(4) => ip::digest_v4(payload, packet),
        Some(6) => ip::digest_v6(payload, packet),
        Some(_) => packet.stop = Some(Stop::EtherType(ether_type::MPLS)),
        None => packet.stop = Some(Stop::Cut("MPLS")),
    }
}
