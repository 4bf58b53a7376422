//! What a filter is asked of: packets here; rows of tables where they are shown.

use super::{Field, Protocol};
use crate::decode::{Addresses, Body, Packet, Summary};
use crate::{FrameNo, MacAddr};
use std::net::IpAddr;

/// A value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number.
    Number(u64),
    /// An IP address.
    Ip(IpAddr),
    /// A link-layer address.
    Mac(MacAddr),
    /// A text.
    Text(&'a str),
}

/// A row that a filter may be asked of.
pub trait Subject {
    /// Whether any of a field's values passes a test; false where it has none.
    fn any(&self, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool;

    /// Whether it has such a layer, or speaks such a protocol.
    fn has(&self, protocol: Protocol) -> bool;
}

/// A packet.
pub struct PacketSubject<'a> {
    /// Its number.
    pub number: FrameNo,
    /// Octets on the wire.
    pub length: u32,
    /// Where it was seen.
    pub point: &'a str,
    /// What it says of itself.
    pub packet: Packet<'a>,
    /// Its line in the table, made only if a filter asks for it.
    pub summary: &'a dyn Fn() -> Summary,
}

const DHCP: [u16; 2] = [67, 68];
const DHCP6: [u16; 2] = [546, 547];
const DNS: [u16; 2] = [53, 5353];
/// Protocol numbers of IP.
const TCP: u8 = 6;
const UDP: u8 = 17;

impl PacketSubject<'_> {
    fn ports(&self, protocol: Option<u8>) -> Option<(u16, u16)> {
        let ip = self.packet.ip.as_ref()?;
        ip.ports.filter(|_| protocol.is_none_or(|wanted| wanted == ip.protocol))
    }

    fn is_udp_of(&self, ports: [u16; 2]) -> bool {
        self.ports(Some(UDP)).is_some_and(|(from, to)| ports.contains(&from) || ports.contains(&to))
    }
}

impl Subject for PacketSubject<'_> {
    fn any(&self, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let packet = &self.packet;
        let addresses = packet.ip.map(|ip| ip.addresses);
        let number = |value: u16| Value::Number(u64::from(value));
        let mut pair = |ports: Option<(u16, u16)>| ports.is_some_and(|(from, to)| test(number(from)) || test(number(to)));
        match field {
            Field::FrameNumber => test(Value::Number(self.number.0)),
            Field::FrameLength => test(Value::Number(self.length.into())),
            Field::Interface => test(Value::Text(self.point)),
            Field::EthAddr => packet.source.into_iter().chain(packet.destination).any(|mac| test(Value::Mac(mac))),
            Field::EthSource => packet.source.is_some_and(|mac| test(Value::Mac(mac))),
            Field::EthDestination => packet.destination.is_some_and(|mac| test(Value::Mac(mac))),
            Field::Vlan => packet.vlans.as_slice().iter().any(|&vid| test(number(vid))),
            Field::IpAddr => addresses.is_some_and(|both| test(Value::Ip(both.source())) || test(Value::Ip(both.destination()))),
            Field::IpSource => addresses.is_some_and(|both| test(Value::Ip(both.source()))),
            Field::IpDestination => addresses.is_some_and(|both| test(Value::Ip(both.destination()))),
            Field::Ttl => packet.ip.is_some_and(|ip| test(Value::Number(ip.ttl.into()))),
            Field::Port => pair(self.ports(None)),
            Field::PortSource => self.ports(None).is_some_and(|(from, _)| test(number(from))),
            Field::PortDestination => self.ports(None).is_some_and(|(_, to)| test(number(to))),
            Field::TcpPort => pair(self.ports(Some(TCP))),
            Field::UdpPort => pair(self.ports(Some(UDP))),
            Field::Info => {
                let summary = (self.summary)();
                test(Value::Text(summary.protocol))
                    || [&summary.info, &summary.source, &summary.destination].into_iter().any(|text| test(Value::Text(text)))
            }
            Field::Name | Field::State => false,
        }
    }

    fn has(&self, protocol: Protocol) -> bool {
        let packet = &self.packet;
        let is_ip = |number: u8| packet.ip.is_some_and(|ip| ip.protocol == number);
        match protocol {
            Protocol::Arp => matches!(packet.body, Body::Arp(_)),
            // Types 133 to 137 (RFC 4861, section 4).
            Protocol::Nd => matches!(packet.body, Body::Icmp6(octets) if octets.first().is_some_and(|kind| (133..=137).contains(kind))),
            Protocol::Ip => packet.ip.is_some_and(|ip| matches!(ip.addresses, Addresses::V4(..))),
            Protocol::Ip6 => packet.ip.is_some_and(|ip| matches!(ip.addresses, Addresses::V6(..))),
            Protocol::Icmp => is_ip(1),
            Protocol::Icmp6 => is_ip(58),
            Protocol::Igmp => is_ip(2),
            Protocol::Tcp => is_ip(TCP),
            Protocol::Udp => is_ip(UDP),
            Protocol::Sctp => is_ip(132),
            Protocol::Dhcp => self.is_udp_of(DHCP),
            Protocol::Dhcp6 => self.is_udp_of(DHCP6),
            Protocol::Dns => self.is_udp_of(DNS) || self.ports(Some(TCP)).is_some_and(|(from, to)| from == 53 || to == 53),
            Protocol::Stp => matches!(packet.body, Body::Stp(_)),
            Protocol::Lldp => matches!(packet.body, Body::Lldp(_)),
            Protocol::Lacp => matches!(packet.body, Body::Slow(_)),
            Protocol::Vlan => !packet.vlans.as_slice().is_empty(),
            Protocol::Tunnel => matches!(packet.body, Body::Tunnel(..)),
        }
    }
}
