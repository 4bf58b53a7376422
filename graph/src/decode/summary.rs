//! One line about a frame.

use super::facts::{Service, service};
use super::layers::{arp_words, dhcp_words, dhcp6_words, dns_words, icmp_words, icmp6_words, lldp_words, slow_words, stp_words, tcp_flags};
use super::{Body, Fragment, Packet, digest};
use crate::{Frame, LinkType};

/// One line about a frame: a row of the packet table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The outermost IP source, else the link-layer source.
    pub source: String,
    /// The outermost IP destination, else the link-layer destination.
    pub destination: String,
    /// The highest protocol that was read.
    pub protocol: &'static str,
    /// What it says.
    pub info: String,
}

/// What the frame is about.
pub fn summary(link_type: LinkType, frame: &Frame<'_>) -> Summary {
    let packet = digest(link_type, frame);
    let (source, destination) = match &packet.ip {
        Some(ip) => (ip.addresses.source().to_string(), ip.addresses.destination().to_string()),
        None => {
            let text = |mac: Option<crate::MacAddr>| mac.map_or_else(String::new, |mac| mac.to_string());
            (text(packet.source), text(packet.destination))
        }
    };
    let (protocol, info) = words(&packet);
    let tag = packet.vlans.outer().map_or_else(String::new, |vlan| format!("VLAN {vlan}  "));
    Summary { source, destination, protocol, info: format!("{tag}{info}") }
}

fn words(packet: &Packet<'_>) -> (&'static str, String) {
    let ports = packet.ip.and_then(|ip| ip.ports);
    let between = || ports.map_or_else(String::new, |(source, destination)| format!("{source} to {destination}"));
    match packet.body {
        Body::Arp(bytes) => ("ARP", arp_words(bytes)),
        Body::Icmp(bytes) => ("ICMP", icmp_words(bytes)),
        Body::Icmp6(bytes) => ("ICMPv6", icmp6_words(bytes)),
        Body::Igmp(bytes) => ("IGMP", format!("type {:#04x}", bytes.first().copied().unwrap_or(0))),
        Body::Lldp(bytes) => ("LLDP", lldp_words(bytes)),
        Body::Stp(bytes) => ("STP", stp_words(bytes)),
        Body::Slow(bytes) => ("LACP", slow_words(bytes)),
        Body::Tcp(tcp) => {
            let flags = tcp_flags(tcp.flags);
            ("TCP", format!("{} [{flags}] seq {} ack {}", between(), tcp.sequence, tcp.acknowledgment))
        }
        Body::Sctp => ("SCTP", between()),
        Body::Tunnel(tunnel, bytes) => {
            let inner = super::carried::inner(tunnel, bytes);
            let carries = inner.ip.map_or_else(String::new, |ip| format!(": {} to {}", ip.addresses.source(), ip.addresses.destination()));
            ("tunnel", format!("{tunnel}{carries}"))
        }
        Body::Udp(bytes) => match service(ports) {
            Some(Service::Dhcp) => ("DHCP", dhcp_words(bytes)),
            Some(Service::Dhcp6) => ("DHCPv6", dhcp6_words(bytes)),
            Some(Service::Dns) => ("DNS", dns_words(bytes)),
            Some(Service::Mdns) => ("mDNS", dns_words(bytes)),
            None => ("UDP", format!("{}, {} octets", between(), bytes.len())),
        },
        Body::Other => match (&packet.ip, packet.stop) {
            (Some(ip), _) if ip.fragment == Fragment::Later => ("IP", format!("a later fragment of protocol {}", ip.protocol)),
            (Some(ip), None) => ("IP", format!("protocol {}", ip.protocol)),
            (_, Some(stop)) => ("", format!("not decoded: {stop}")),
            (None, None) => ("", String::new()),
        },
    }
}
