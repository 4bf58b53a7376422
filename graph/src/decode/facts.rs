//! From the digest of a frame to what it proves.

use super::{Body, Packet, arp, carried, dhcp, dhcp6, dns, group, icmp, lacp, lldp, nd, stp};
use crate::fact::Fact;
use std::net::IpAddr;

/// UDP ports whose payload teaches.
pub(super) mod port {
    pub const DNS: u16 = 53;
    pub const DHCP_SERVER: u16 = 67;
    pub const DHCP_CLIENT: u16 = 68;
    pub const DHCP6_CLIENT: u16 = 546;
    pub const DHCP6_SERVER: u16 = 547;
    pub const MDNS: u16 = 5353;
    pub const LLMNR: u16 = 5355;
}

/// What a UDP payload is, by its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Dhcp,
    Dhcp6,
    Dns,
    Mdns,
}

/// The service of a UDP packet; the well-known port is either side's.
#[inline]
pub(super) fn service(ports: Option<(u16, u16)>) -> Option<Service> {
    let (source, destination) = ports?;
    let of = |port| match port {
        port::DHCP_SERVER | port::DHCP_CLIENT => Some(Service::Dhcp),
        port::DHCP6_CLIENT | port::DHCP6_SERVER => Some(Service::Dhcp6),
        port::DNS | port::LLMNR => Some(Service::Dns),
        port::MDNS => Some(Service::Mdns),
        _ => None,
    };
    of(destination).or_else(|| of(source))
}

/// Whether [`facts`] may find anything: no, for nearly every packet of bulk traffic.
#[inline]
pub fn may_teach(packet: &Packet<'_>) -> bool {
    match packet.body {
        Body::Tcp(_) | Body::Other | Body::Sctp => false,
        Body::Udp(_) => service(packet.ip.and_then(|ip| ip.ports)).is_some(),
        _ => true,
    }
}

/// Appends what the frame proves.
pub fn facts(packet: &Packet<'_>, out: &mut Vec<Fact>) {
    let addresses = packet.ip.map(|ip| (ip.addresses.source(), ip.addresses.destination()));
    match (packet.body, addresses) {
        (Body::Arp(bytes), None) => out.extend(arp::parse(bytes).map(Fact::Arp)),
        (Body::Icmp(bytes), Some((source, destination))) => out.extend(icmp::parse_v4(bytes, source, destination)),
        (Body::Icmp6(bytes), Some((source, destination))) => {
            out.extend(icmp::parse_v6(bytes, source, destination));
            // RFC 4861, section 7.1: a hop limit of 255 proves that nobody forwarded it.
            if let (IpAddr::V6(source), Some(255)) = (source, packet.ip.map(|ip| ip.ttl)) {
                out.extend(nd::parse(bytes, source).map(Fact::Neighbor));
            }
            group::parse_mld(bytes, source, out);
        }
        (Body::Igmp(bytes), Some((source, _))) => group::parse_igmp(bytes, source, out),
        (Body::Udp(bytes), Some((source, _))) => match service(packet.ip.and_then(|ip| ip.ports)) {
            Some(Service::Dhcp) => out.extend(dhcp::parse(bytes).map(|dhcp| Fact::Dhcp(Box::new(dhcp)))),
            Some(Service::Dhcp6) => out.extend(dhcp6::parse(bytes, source).map(|dhcp| Fact::Dhcp6(Box::new(dhcp)))),
            Some(Service::Dns) => dns::parse(bytes, false, out),
            Some(Service::Mdns) => dns::parse(bytes, true, out),
            None => {}
        },
        (Body::Lldp(bytes), None) => out.extend(lldp::parse(bytes).map(|lldp| Fact::Lldp(Box::new(lldp)))),
        (Body::Stp(bytes), None) => out.extend(stp::parse(bytes).map(Fact::Stp)),
        (Body::Slow(bytes), None) => out.extend(lacp::parse(bytes).map(Fact::Lacp)),
        (Body::Tunnel(tunnel, bytes), Some(outer)) => out.push(Fact::Carried(carried::parse(tunnel, bytes, outer))),
        _ => {}
    }
}
