//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, fragments and extension headers.

use super::read::{array, be16, be32, rest};
use super::transport;
use super::{Addresses, Fragment, Ip, Packet, Stop};
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

/// More extension headers than this are no packet that anybody sends.
const EXTENSIONS: usize = 32;

/// What Ethernet carries without segmentation offload or a larger MTU, octets.
const ETHERNET_MTU: usize = 1500;

/// An IPv4 packet. Valid is what tells its addresses: version 4, a header of 20 octets or more of which 20 were captured, and a total
/// length that covers the header, or is 0 because the sender's segmentation offload has yet to fill it in.
#[inline]
pub(super) fn digest_v4<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    match Ipv4HeaderSlice::from_slice(bytes) {
        Ok(header) => digest_v4_header(bytes, &header, usize::from(header.ihl()) * 4, packet),
        Err(_) => digest_v4_cut(bytes, packet),
    }
}

/// A header that is damaged, or whose options were not captured whole.
#[cold]
fn digest_v4_cut<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    let Some(mut fixed) = array::<20>(bytes, 0) else {
        packet.stop = Some(Stop::Cut("IPv4"));
        return;
    };
    let header_len = usize::from(fixed[0] & 0xf) * 4;
    if fixed[0] >> 4 != 4 || header_len < 20 {
        packet.stop = Some(Stop::Malformed("IPv4"));
        return;
    }
    fixed[0] = 0x45;
    if let Ok(header) = Ipv4HeaderSlice::from_slice(&fixed) {
        packet.stop = Some(Stop::Cut("IPv4 options"));
        digest_v4_header(bytes, &header, header_len, packet);
    }
}

#[inline]
fn digest_v4_header<'a>(bytes: &'a [u8], header: &Ipv4HeaderSlice<'_>, header_len: usize, packet: &mut Packet<'a>) {
    let total_len = usize::from(header.total_len());
    if total_len != 0 && total_len < header_len {
        packet.stop = Some(Stop::Malformed("IPv4"));
        return;
    }
    let end = if total_len == 0 { bytes.len() } else { total_len.min(bytes.len()) };
    let later = header.fragments_offset().value() != 0;
    let fragment = match (later, header.more_fragments()) {
        (true, _) => Fragment::Later,
        (false, true) => Fragment::First,
        (false, false) => Fragment::Whole,
    };
    let ip = Ip {
        addresses: Addresses::V4(header.source(), header.destination()),
        protocol: header.protocol().0,
        ttl: header.ttl(),
        fragment,
        identification: Some(u32::from(header.identification())),
        ports: None,
        payload: bytes.get(header_len..end).unwrap_or_default(),
    };
    transport::digest(ip, total_len == 0 || total_len > ETHERNET_MTU, packet);
}

/// An IPv6 packet: a payload length of 0 is a jumbogram's, or segmentation offload's.
#[inline]
pub(super) fn digest_v6<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    let header = match Ipv6HeaderSlice::from_slice(bytes) {
        Ok(header) => header,
        Err(_) => {
            packet.stop = Some(if bytes.len() < 40 { Stop::Cut("IPv6") } else { Stop::Malformed("IPv6") });
            return;
        }
    };
    let length = usize::from(header.payload_length());
    let end = if length == 0 { bytes.len() } else { (40 + length).min(bytes.len()) };
    let mut ip = Ip {
        addresses: Addresses::V6(header.source(), header.destination()),
        protocol: header.next_header().0,
        ttl: header.hop_limit(),
        fragment: Fragment::Whole,
        identification: None,
        ports: None,
        payload: &bytes[40..end],
    };
    if matches!(ip.protocol, 0 | 43 | 44 | 60) {
        extensions(&mut ip, packet);
    }
    transport::digest(ip, length == 0 && ip.protocol != 59 || length + 40 > ETHERNET_MTU, packet);
}

/// Follows hop-by-hop options, routing, fragment and destination options (RFC 8200, section 4). Where the chain was not captured, the
/// protocol stays that of the header which is missing.
#[cold]
fn extensions(ip: &mut Ip<'_>, packet: &mut Packet<'_>) {
    let mut fragmented = false;
    for _ in 0..EXTENSIONS {
        if !matches!(ip.protocol, 0 | 43 | 44 | 60) {
            return;
        }
        let Some(&[next, length]) = ip.payload.first_chunk::<2>() else {
            packet.stop = Some(Stop::Cut("IPv6 extension header"));
            ip.payload = &[];
            return;
        };
        let size = if ip.protocol == 44 { 8 } else { (usize::from(length) + 1) * 8 };
        if ip.protocol == 44 && !fragmented {
            fragmented = true;
            let (Some(offset), identification) = (be16(ip.payload, 2), be32(ip.payload, 4)) else {
                packet.stop = Some(Stop::Cut("IPv6 fragment header"));
                ip.payload = &[];
                return;
            };
            ip.identification = identification;
            ip.fragment = match (offset >> 3, offset & 1) {
                (0, 0) => Fragment::Whole,
                (0, _) => Fragment::First,
                _ => Fragment::Later,
            };
        }
        ip.protocol = next;
        if ip.payload.len() < size {
            packet.stop = Some(Stop::Cut("IPv6 extension header"));
        }
        ip.payload = rest(ip.payload, size);
        if ip.fragment == Fragment::Later {
            return;
        }
    }
    packet.stop = Some(Stop::TooDeep);
}
