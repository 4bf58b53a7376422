//! What the model needs of an ordinary packet, in few octets and without a borrow: it can be made ahead, in another thread, and the
//! frame's own octets are then not touched again.

use super::{Addresses, Body, Packet, Tcp, digest_into, may_teach};
use crate::{Frame, LinkType, MacAddr, PointId};

/// An ordinary packet's digest: its link key, its flow, TCP's flags.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outline {
    pub link: LinkKey,
    /// None without an IP header.
    pub flow: Option<FlowKey>,
    /// Whether the packet goes from a to b of its flow.
    pub forward: bool,
    pub tcp_flags: Option<u8>,
    /// As [`Packet::offload`].
    pub offload: bool,
    /// Whether the frame itself has more to tell: it teaches, or its digest stopped early.
    pub tells_more: bool,
}

// There are as many of these on their way between threads as there are frames.
const _: () = assert!(size_of::<Outline>() == 80);

impl Outline {
    #[inline]
    pub fn of(packet: &Packet<'_>, point: PointId) -> Outline {
        let flow = packet.ip.as_ref().map(|ip| FlowKey::new(ip.addresses, ip.ports, ip.protocol));
        Outline {
            link: LinkKey::new(point, packet),
            flow: flow.map(|(key, _)| key),
            forward: flow.is_none_or(|(_, forward)| forward),
            tcp_flags: match packet.body {
                Body::Tcp(Tcp { flags, .. }) => Some(flags),
                _ => None,
            },
            offload: packet.offload,
            tells_more: packet.stop.is_some() || may_teach(packet),
        }
    }
}

/// Reads a frame as far as its outline needs; `link_type` is that of its point. A frame of an unknown point has none.
#[inline]
pub(crate) fn outline(link_type: Option<LinkType>, frame: &Frame<'_>) -> Outline {
    let Some(link_type) = link_type else { return Outline::default() };
    let mut packet = Packet::default();
    digest_into(&mut packet, link_type, frame);
    Outline::of(&packet, frame.point)
}

/// The 5-tuple of a flow: the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowKey {
    V4(KeyV4),
    V6(KeyV6),
}

/// The 5-tuple of an IPv4 flow in 16 octets: the split keys and the seeded hash are what makes the look-up cheap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyV4(u64, u64);

/// The 5-tuple of an IPv6 flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyV6([u64; 5]);

/// What a flow's key says: both addresses, the ports where it has any, and the protocol.
type Tuple = (Addresses, Option<(u16, u16)>, u8);

impl FlowKey {
    /// The key, and whether the source is the lower end: a.
    #[inline]
    pub fn new(addresses: Addresses, ports: Option<(u16, u16)>, protocol: u8) -> (FlowKey, bool) {
        match addresses {
            Addresses::V4(source, destination) => {
                let (s, d) = (u32::from_be_bytes(source), u32::from_be_bytes(destination));
                let forward = (s, ports.map(|p| p.0)) <= (d, ports.map(|p| p.1));
                let (a, b, ports) = if forward { (s, d, ports) } else { (d, s, swap(ports)) };
                (FlowKey::V4(KeyV4(u64::from(a) << 32 | u64::from(b), tail(ports, protocol))), forward)
            }
            Addresses::V6(source, destination) => {
                let (s, d) = (u128::from_be_bytes(source), u128::from_be_bytes(destination));
                let forward = (s, ports.map(|p| p.0)) <= (d, ports.map(|p| p.1));
                let (a, b, ports) = if forward { (s, d, ports) } else { (d, s, swap(ports)) };
                let key = [(a >> 64) as u64, a as u64, (b >> 64) as u64, b as u64, tail(ports, protocol)];
                (FlowKey::V6(KeyV6(key)), forward)
            }
        }
    }

    /// What the key was made of, seen from a.
    pub fn tuple(self) -> Tuple {
        let (addresses, tail) = match self {
            FlowKey::V4(KeyV4(ends, tail)) => (Addresses::V4(((ends >> 32) as u32).to_be_bytes(), (ends as u32).to_be_bytes()), tail),
            FlowKey::V6(KeyV6([a, b, c, d, tail])) => {
                let address = |high, low| (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
                (Addresses::V6(address(a, b), address(c, d)), tail)
            }
        };
        let ports = (tail & HAS_PORTS != 0).then_some(((tail >> 16) as u16, tail as u16));
        (addresses, ports, (tail >> 32) as u8)
    }
}

/// Tells port 0 from no ports.
const HAS_PORTS: u64 = 1 << 40;

/// Ports and protocol in one number.
#[inline]
fn tail(ports: Option<(u16, u16)>, protocol: u8) -> u64 {
    match ports {
        Some((a, b)) => u64::from(a) << 16 | u64::from(b) | u64::from(protocol) << 32 | HAS_PORTS,
        None => u64::from(protocol) << 32,
    }
}

#[inline]
fn swap(ports: Option<(u16, u16)>) -> Option<(u16, u16)> {
    ports.map(|(a, b)| (b, a))
}

/// Point, VLAN and link-layer addresses of a frame in 24 octets, for one quick comparison per packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LinkKey([u64; 3]);

const HAS_SOURCE: u64 = 1;
const HAS_DESTINATION: u64 = 2;
const ADJACENT: u64 = 4;
/// Tells the key of a frame from the default, which is none.
const IS_KEY: u64 = 8;

impl LinkKey {
    #[inline]
    pub fn new(point: PointId, packet: &Packet<'_>) -> LinkKey {
        let mut flags = IS_KEY;
        let mut first = u64::from(packet.vlans.outer().unwrap_or(0));
        let mut second = 0;
        if let Some(mac) = packet.source {
            first |= pack(mac) << 16;
            flags |= HAS_SOURCE;
        }
        if let Some(mac) = packet.destination {
            second |= pack(mac) << 16;
            flags |= HAS_DESTINATION;
        }
        if packet.adjacent {
            flags |= ADJACENT;
        }
        LinkKey([first, second, u64::from(point.0) << 8 | flags])
    }

    pub fn point(&self) -> PointId {
        PointId((self.0[2] >> 8) as u32)
    }

    pub fn vlan(&self) -> Option<u16> {
        Some(self.0[0] as u16).filter(|&vid| vid != 0)
    }

    pub fn source(&self) -> Option<MacAddr> {
        (self.0[2] & HAS_SOURCE != 0).then(|| unpack(self.0[0] >> 16))
    }

    pub fn destination(&self) -> Option<MacAddr> {
        (self.0[2] & HAS_DESTINATION != 0).then(|| unpack(self.0[1] >> 16))
    }

    pub fn is_adjacent(&self) -> bool {
        self.0[2] & ADJACENT != 0
    }

    /// The same without what is only about the IP header.
    pub fn on_link(self) -> LinkKey {
        LinkKey([self.0[0], self.0[1], self.0[2] & !ADJACENT])
    }
}

#[inline]
fn pack(mac: MacAddr) -> u64 {
    let [a, b, c, d, e, f] = mac.0;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

fn unpack(packed: u64) -> MacAddr {
    let [_, _, a, b, c, d, e, f] = packed.to_be_bytes();
    MacAddr([a, b, c, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_key_is_the_same_both_ways_and_tells_its_tuple() {
        let (one, other) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let (low, high) = ([1; 16], [0xfe; 16]);
        let cases = [
            (Addresses::V4(one, other), Addresses::V4(other, one), Some((0, 65_535)), 6),
            (Addresses::V4(one, one), Addresses::V4(one, one), Some((53, 1024)), 17),
            (Addresses::V4(one, other), Addresses::V4(other, one), None, 1),
            (Addresses::V6(low, high), Addresses::V6(high, low), Some((443, 0)), 132),
            (Addresses::V6(low, high), Addresses::V6(high, low), None, 255),
        ];
        for (there, back, ports, protocol) in cases {
            let (key, forward) = FlowKey::new(there, ports, protocol);
            assert_eq!((key, !forward), FlowKey::new(back, swap(ports), protocol));
            assert_eq!((key.tuple(), forward), ((there, ports, protocol), true));
        }
    }
}
