//! Routes: `RTM_NEWROUTE` (linux/rtnetlink.h).

use super::{AF_INET6, Unread};
use netlink_packet_core::Parseable;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteVia};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tapscope_graph::Text;
use tapscope_graph::host::{DeviceId, Netns, Prefix, Route, RouteKind};

/// `RTM_F_CLONED`: a cached exception, such as a path's MTU, that is no route.
const CLONED: u32 = 0x200;
/// `RTNH_F_DEAD` and `RTNH_F_LINKDOWN`.
const DEAD: u32 = 1 | 16;

/// A route: one row for each next hop. `None` for cached ones.
pub(super) fn routes(netns: Netns, bytes: &[u8]) -> Result<Option<Vec<Route>>, Unread> {
    let message = parse(bytes)?;
    if message.header.flags.bits() & CLONED != 0 { Ok(None) } else { rows(netns, bytes, &message).map(Some) }
}

/// The way of one packet, which the kernel marks as cached.
pub(super) fn answer(netns: Netns, bytes: &[u8]) -> Result<Vec<Route>, Unread> {
    rows(netns, bytes, &parse(bytes)?)
}

fn parse(bytes: &[u8]) -> Result<RouteMessage, Unread> {
    RouteMessage::parse(bytes).map_err(|why| Unread { about: "a route", why: why.to_string() })
}

fn rows(netns: Netns, bytes: &[u8], message: &RouteMessage) -> Result<Vec<Route>, Unread> {
    let header = &message.header;
    let flags = header.flags.bits();
    // The crate's names of types and protocols are not those of ip(8); the octets stand behind the lengths and tables.
    let (family, protocol, kind) = match *bytes {
        [family, _, _, _, _, protocol, _, kind, ..] => (family, protocol, kind),
        _ => return Err(Unread::short("a route")),
    };
    let any = if family == AF_INET6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let mut route = Route {
        netns,
        table: u32::from(header.table),
        destination: Prefix { ip: any, length: header.destination_prefix_length },
        gateway: None,
        device: None,
        source: None,
        metric: 0,
        kind: route_kind(kind),
        protocol: protocol_name(protocol),
        is_dead: flags & DEAD != 0,
    };
    let mut hops = Vec::new();
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => route.destination.ip = ip(to).unwrap_or(any),
            RouteAttribute::PrefSource(from) => route.source = ip(from),
            RouteAttribute::Priority(metric) => route.metric = *metric,
            RouteAttribute::Table(table) => route.table = *table,
            RouteAttribute::Oif(index) => route.device = Some(DeviceId { netns, index: *index }),
            RouteAttribute::MultiPath(several) => hops.extend(several),
            other => route.gateway = gateway(other).or(route.gateway),
        }
    }
    if hops.is_empty() {
        return Ok(vec![route]);
    }
    let row = |hop: &&netlink_packet_route::route::RouteNextHop| Route {
        gateway: hop.attributes.iter().find_map(gateway),
        device: Some(DeviceId { netns, index: hop.interface_index }),
        is_dead: u32::from(hop.flags.bits()) & DEAD != 0,
        ..route.clone()
    };
    Ok(hops.iter().map(row).collect())
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

/// The next hop, which may be of the other version (`via inet6`).
fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(hop) => ip(hop),
        RouteAttribute::Via(RouteVia::Inet(ip)) => Some(IpAddr::V4(*ip)),
        RouteAttribute::Via(RouteVia::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

/// `RTN_…`
fn route_kind(kind: u8) -> RouteKind {
    match kind {
        1 => RouteKind::Unicast,
        2 => RouteKind::Local,
        3 => RouteKind::Broadcast,
        4 => RouteKind::Anycast,
        5 => RouteKind::Multicast,
        6 => RouteKind::Blackhole,
        7 => RouteKind::Unreachable,
        8 => RouteKind::Prohibit,
        9 => RouteKind::Throw,
        _ => RouteKind::Other,
    }
}

/// As `/etc/iproute2/rt_protos` has them.
pub(super) fn protocol_name(protocol: u8) -> Text {
    Text::new(match protocol {
        0 => "unspec",
        1 => "redirect",
        2 => "kernel",
        3 => "boot",
        4 => "static",
        8 => "gated",
        9 => "ra",
        10 => "mrt",
        11 => "zebra",
        12 => "bird",
        13 => "dnrouted",
        14 => "xorp",
        15 => "ntk",
        16 => "dhcp",
        18 => "keepalived",
        42 => "babel",
        186 => "bgp",
        187 => "isis",
        188 => "ospf",
        189 => "rip",
        192 => "eigrp",
        other => return Text::new(&other.to_string()),
    })
}
