//! Behind the IP header: TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260) ports, ICMP, IGMP, and tunnels.

use super::read::{array, be16, be32, rest};
use super::{Body, Fragment, Ip, Packet, Stop, Tcp, Tunnel};
use etherparse::TcpHeaderSlice;

const VXLAN: u16 = 4789;
const GENEVE: u16 = 6081;

/// Classifies the payload of `ip` and stores both. `is_large`: more than an Ethernet MTU without offload allows.
#[inline]
pub(super) fn digest<'a>(mut ip: Ip<'a>, is_large: bool, packet: &mut Packet<'a>) {
    if ip.fragment != Fragment::Later {
        match ip.protocol {
            6 => {
                packet.offload = is_large;
                packet.body = tcp(&mut ip, packet);
            }
            17 => {
                packet.offload = is_large && ip.fragment == Fragment::Whole;
                packet.body = udp(&mut ip, packet);
            }
            1 => packet.body = Body::Icmp(ip.payload),
            58 => packet.body = Body::Icmp6(ip.payload),
            2 => packet.body = Body::Igmp(ip.payload),
            132 => packet.body = sctp(&mut ip, packet),
            4 | 41 => packet.body = Body::Tunnel(Tunnel::IpInIp, ip.payload),
            47 => packet.body = gre(ip.payload, packet),
            _ => {}
        }
    }
    packet.ip = Some(ip);
}

#[inline]
fn ports(payload: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *payload.first_chunk::<4>()?;
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

#[inline]
fn tcp<'a>(ip: &mut Ip<'a>, packet: &mut Packet<'a>) -> Body<'a> {
    match TcpHeaderSlice::from_slice(ip.payload) {
        Ok(header) => {
            ip.ports = Some((header.source_port(), header.destination_port()));
            Body::Tcp(Tcp {
                flags: header.slice()[13] & 0x3f,
                sequence: header.sequence_number(),
                acknowledgment: header.acknowledgment_number(),
            })
        }
        Err(_) => tcp_cut(ip, packet),
    }
}

/// A header that was not captured whole, or whose data offset is wrong: the ports, and the flags where they are there.
#[cold]
fn tcp_cut<'a>(ip: &mut Ip<'a>, packet: &mut Packet<'a>) -> Body<'a> {
    ip.ports = ports(ip.payload);
    let short = ip.payload.get(12).is_none_or(|offset| offset >> 4 >= 5);
    packet.stop = Some(if short { Stop::Cut("TCP") } else { Stop::Malformed("TCP") });
    match (array::<14>(ip.payload, 0), be32(ip.payload, 4), be32(ip.payload, 8)) {
        (Some(fixed), Some(sequence), Some(acknowledgment)) => Body::Tcp(Tcp { flags: fixed[13] & 0x3f, sequence, acknowledgment }),
        _ => Body::Other,
    }
}

#[inline]
fn udp<'a>(ip: &mut Ip<'a>, packet: &mut Packet<'a>) -> Body<'a> {
    ip.ports = ports(ip.payload);
    let (Some((_, destination)), Some(length)) = (ip.ports, be16(ip.payload, 4)) else {
        packet.stop = Some(Stop::Cut("UDP"));
        return Body::Other;
    };
    // A length of 0 is a jumbogram's or an offload's (RFC 2675); one that is shorter than the header is wrong.
    let end = match usize::from(length) {
        0 => ip.payload.len(),
        length if length < 8 => {
            packet.stop = Some(Stop::Malformed("UDP"));
            return Body::Other;
        }
        length => length.min(ip.payload.len()),
    };
    let payload = ip.payload.get(8..end).unwrap_or_default();
    match destination {
        VXLAN | GENEVE => overlay(destination, payload, packet),
        _ => Body::Udp(payload),
    }
}

/// VXLAN (RFC 7348, section 5) and Geneve (RFC 8926, section 3.4).
#[cold]
fn overlay<'a>(port: u16, payload: &'a [u8], packet: &mut Packet<'a>) -> Body<'a> {
    let Some([flags, _, protocol @ .., a, b, c, _]) = array::<8>(payload, 0) else {
        packet.stop = Some(Stop::Cut(if port == VXLAN { "VXLAN" } else { "Geneve" }));
        return Body::Udp(payload);
    };
    let vni = u32::from_be_bytes([0, a, b, c]);
    if port == VXLAN {
        // The I flag says that this is VXLAN at all.
        return if flags & 0x08 != 0 { Body::Tunnel(Tunnel::Vxlan { vni }, rest(payload, 8)) } else { Body::Udp(payload) };
    }
    let options = usize::from(flags & 0x3f) * 4;
    let version = flags >> 6;
    let protocol = u16::from_be_bytes(protocol);
    if version == 0 { Body::Tunnel(Tunnel::Geneve { vni, protocol }, rest(payload, 8 + options)) } else { Body::Udp(payload) }
}

#[cold]
fn sctp<'a>(ip: &mut Ip<'a>, packet: &mut Packet<'a>) -> Body<'a> {
    ip.ports = ports(ip.payload);
    if ip.payload.len() < 12 {
        packet.stop = Some(Stop::Cut("SCTP"));
    }
    Body::Sctp
}

/// GRE (RFC 2784, RFC 2890): flags for checksum, key and sequence number, each adding four octets.
#[cold]
fn gre<'a>(payload: &'a [u8], packet: &mut Packet<'a>) -> Body<'a> {
    let (Some(flags), Some(protocol)) = (be16(payload, 0), be16(payload, 2)) else {
        packet.stop = Some(Stop::Cut("GRE"));
        return Body::Other;
    };
    if flags & 7 != 0 {
        // Version 1 is PPTP's (RFC 2637).
        return Body::Other;
    }
    let checksum = if flags & 0xc000 != 0 { 4 } else { 0 };
    let has_key = flags & 0x2000 != 0;
    let key = if has_key { be32(payload, 4 + checksum) } else { None };
    let header = 4 + checksum + if has_key { 4 } else { 0 } + if flags & 0x1000 != 0 { 4 } else { 0 };
    Body::Tunnel(Tunnel::Gre { protocol, key }, rest(payload, header))
}
