//! Flows as they are meant: by their 5-tuple, or by less of it.

use crate::decode::Packet;
use crate::tables::Flow;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Packets between two addresses, both ways; by the outermost IP header, as [`Flow`] counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowPattern {
    /// One end.
    pub a: IpAddr,
    /// The other.
    pub b: IpAddr,
    /// The ports of `a` and `b`.
    pub ports: Ports,
    /// IP protocol; any where there is none.
    pub protocol: Option<u8>,
}

/// Which ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Whichever, also none.
    Any,
    /// None: protocols without ports, and later fragments.
    None,
    /// Those of `a` and `b`.
    These(u16, u16),
}

impl FlowPattern {
    /// Whether a packet is of the flow.
    pub fn holds(&self, packet: &Packet<'_>) -> bool {
        let Some(ip) = packet.ip else { return false };
        let ends = (ip.addresses.source(), ip.addresses.destination());
        let is_port = |ports: Option<(u16, u16)>| match self.ports {
            Ports::Any => true,
            Ports::None => ports.is_none(),
            Ports::These(a, b) => ports == Some((a, b)),
        };
        let forward = ends == (self.a, self.b) && is_port(ip.ports);
        let back = ends == (self.b, self.a) && is_port(ip.ports.map(|(source, destination)| (destination, source)));
        self.protocol.is_none_or(|protocol| protocol == ip.protocol) && (forward || back)
    }
}

impl From<&Flow> for FlowPattern {
    fn from(flow: &Flow) -> FlowPattern {
        FlowPattern {
            a: flow.a().ip,
            b: flow.b().ip,
            ports: flow.ports.map_or(Ports::None, |(a, b)| Ports::These(a, b)),
            protocol: Some(flow.protocol),
        }
    }
}

/// `10.0.0.1:1234-10.0.0.2:80/tcp`; the ports, both, and the protocol may be left out. IPv6 as in `[fe80::1]:53-[fe80::2]:4000/udp`.
impl FromStr for FlowPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<FlowPattern, &'static str> {
        const SHAPE: &str = "a flow is written as 10.0.0.1:1234-10.0.0.2:80/tcp; ports and protocol may be left out";
        let (ends, protocol) = match text.split_once('/') {
            Some((ends, protocol)) => (ends, Some(number(protocol).ok_or("the protocol is tcp, udp, icmp, icmp6, sctp, or a number")?)),
            None => (text, None),
        };
        let (a, b) = ends.split_once('-').ok_or(SHAPE)?;
        let ((a, a_port), (b, b_port)) = (end(a).ok_or(SHAPE)?, end(b).ok_or(SHAPE)?);
        let ports = match (a_port, b_port) {
            (Some(a), Some(b)) => Ports::These(a, b),
            (None, None) => Ports::Any,
            _ => return Err("a flow has a port at both ends, or at none"),
        };
        Ok(FlowPattern { a, b, ports, protocol })
    }
}

fn end(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let text = text.trim();
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some((socket.ip(), Some(socket.port())));
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().map(|ip| (ip, None))
}

/// IANA's number of an IP protocol.
fn number(name: &str) -> Option<u8> {
    match name.to_ascii_lowercase().as_str() {
        "icmp" => Some(1),
        "tcp" => Some(6),
        "udp" => Some(17),
        "icmp6" | "icmpv6" | "ipv6-icmp" => Some(58),
        "sctp" => Some(132),
        other => other.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_written_as_people_write_it() {
        let flow = |text: &str| text.parse::<FlowPattern>();
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let full = FlowPattern { a, b, ports: Ports::These(1234, 80), protocol: Some(6) };
        assert_eq!(flow("10.0.0.1:1234-10.0.0.2:80/tcp"), Ok(full));
        assert_eq!(flow("10.0.0.1-10.0.0.2"), Ok(FlowPattern { ports: Ports::Any, protocol: None, ..full }));
        assert_eq!(flow("10.0.0.1-10.0.0.2/47").map(|flow| flow.protocol), Ok(Some(47)));
        assert_eq!(flow("[fe80::1]:53-[fe80::2]:4000/udp").map(|flow| flow.ports), Ok(Ports::These(53, 4000)));
        assert_eq!(flow("fe80::1-[fe80::2]/icmp6").map(|flow| flow.protocol), Ok(Some(58)));
        for wrong in ["", "10.0.0.1", "10.0.0.1:1-10.0.0.2", "a-b", "10.0.0.1-10.0.0.2/rdp"] {
            assert!(flow(wrong).is_err(), "{wrong}");
        }
    }
}
