//! ICMP (RFC 792) and ICMPv6 (RFC 4443): echoes, and errors with the packet that they quote.

use super::read::{array, be16, be32, rest};
use super::{Body, Packet, ip};
use crate::fact::{Echo, Fact, IcmpError, Quoted};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Types of ICMP.
pub(super) mod v4 {
    pub const ECHO_REPLY: u8 = 0;
    pub const UNREACHABLE: u8 = 3;
    pub const SOURCE_QUENCH: u8 = 4;
    pub const REDIRECT: u8 = 5;
    pub const ECHO_REQUEST: u8 = 8;
    pub const TIME_EXCEEDED: u8 = 11;
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// Code of [`UNREACHABLE`]: fragmentation needed (RFC 1191).
    pub const FRAGMENTATION_NEEDED: u8 = 4;
}

/// Types of ICMPv6.
pub(super) mod v6 {
    pub const UNREACHABLE: u8 = 1;
    pub const PACKET_TOO_BIG: u8 = 2;
    pub const TIME_EXCEEDED: u8 = 3;
    pub const PARAMETER_PROBLEM: u8 = 4;
    pub const ECHO_REQUEST: u8 = 128;
    pub const ECHO_REPLY: u8 = 129;
    pub const REDIRECT: u8 = 137;
}

/// An echo, an error or a redirect.
pub(super) fn parse_v4(bytes: &[u8], source: IpAddr, destination: IpAddr) -> Option<Fact> {
    let &[kind, code, ..] = bytes else { return None };
    match kind {
        v4::ECHO_REQUEST | v4::ECHO_REPLY => echo(bytes, kind == v4::ECHO_REQUEST, source, destination),
        v4::UNREACHABLE | v4::SOURCE_QUENCH | v4::REDIRECT | v4::TIME_EXCEEDED | v4::PARAMETER_PROBLEM => {
            let needs_fragmentation = (kind, code) == (v4::UNREACHABLE, v4::FRAGMENTATION_NEEDED);
            Some(Fact::IcmpError(IcmpError {
                reporter: source,
                to: destination,
                is_v6: false,
                kind,
                code,
                mtu: be16(bytes, 6).filter(|&mtu| needs_fragmentation && mtu != 0).map(u32::from),
                gateway: array::<4>(bytes, 4).filter(|_| kind == v4::REDIRECT).map(|ip| Ipv4Addr::from(ip).into()),
                quoted: quoted(rest(bytes, 8)),
            }))
        }
        _ => None,
    }
}

/// An echo, an error or a redirect (RFC 4861, section 4.5).
pub(super) fn parse_v6(bytes: &[u8], source: IpAddr, destination: IpAddr) -> Option<Fact> {
    let &[kind, code, ..] = bytes else { return None };
    let error = |mtu, gateway, quoted| {
        Some(Fact::IcmpError(IcmpError { reporter: source, to: destination, is_v6: true, kind, code, mtu, gateway, quoted }))
    };
    match kind {
        v6::ECHO_REQUEST | v6::ECHO_REPLY => echo(bytes, kind == v6::ECHO_REQUEST, source, destination),
        v6::PACKET_TOO_BIG => error(be32(bytes, 4), None, quoted(rest(bytes, 8))),
        v6::UNREACHABLE | v6::TIME_EXCEEDED | v6::PARAMETER_PROBLEM => error(None, None, quoted(rest(bytes, 8))),
        v6::REDIRECT => {
            let gateway = array::<16>(bytes, 8).map(|ip| Ipv6Addr::from(ip).into());
            error(None, gateway, redirected(rest(bytes, 40)))
        }
        _ => None,
    }
}

fn echo(bytes: &[u8], is_request: bool, source: IpAddr, destination: IpAddr) -> Option<Fact> {
    let (identifier, sequence) = (be16(bytes, 4)?, be16(bytes, 6)?);
    Some(Fact::Echo(Echo { is_request, source, destination, identifier, sequence }))
}

/// The redirected header option (RFC 4861, section 4.6.3) among a redirect's options.
fn redirected(mut options: &[u8]) -> Option<Quoted> {
    while let &[kind, length, ..] = options {
        let size = usize::from(length) * 8;
        if kind == 4 {
            return quoted(rest(options, 8));
        }
        if size == 0 {
            return None;
        }
        options = rest(options, size);
    }
    None
}

/// The quoted packet: an IP header and at least the first eight octets behind it, cut anywhere.
fn quoted(bytes: &[u8]) -> Option<Quoted> {
    let inner = quoted_packet(bytes);
    let ip = inner.ip?;
    let echo = match inner.body {
        Body::Icmp(&[v4::ECHO_REQUEST | v4::ECHO_REPLY, ..]) | Body::Icmp6(&[v6::ECHO_REQUEST | v6::ECHO_REPLY, ..]) => {
            be16(ip.payload, 4).zip(be16(ip.payload, 6))
        }
        _ => None,
    };
    Some(Quoted { source: ip.addresses.source(), destination: ip.addresses.destination(), protocol: ip.protocol, ports: ip.ports, echo })
}

/// The digest of a quoted packet.
pub(super) fn quoted_packet(bytes: &[u8]) -> Packet<'_> {
    let mut inner = Packet::default();
    match bytes.first().map(|first| first >> 4) {
        Some(4) => ip::digest_v4(bytes, &mut inner),
        Some(6) => ip::digest_v6(bytes, &mut inner),
        _ => {}
    }
    inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_which_echo_it_is_about() {
        let mut bytes = vec![3, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&[0x45, 0, 0, 84, 0, 1, 0x40, 0, 64, 1, 0, 0, 10, 0, 2, 101, 10, 0, 9, 9]);
        bytes.extend_from_slice(&[8, 0, 0, 0, 0, 109, 0, 7]);
        let host = |last| IpAddr::V4(Ipv4Addr::new(10, 0, 2, last));
        let Some(Fact::IcmpError(error)) = parse_v4(&bytes, host(1), host(101)) else { panic!("an error is expected") };
        assert_eq!(
            error.quoted,
            Some(Quoted {
                source: host(101),
                destination: Ipv4Addr::new(10, 0, 9, 9).into(),
                protocol: 1,
                ports: None,
                echo: Some((109, 7)),
            })
        );
        for cut in 0..bytes.len() {
            let _ = parse_v4(&bytes[..cut], host(1), host(101));
        }
    }
}
