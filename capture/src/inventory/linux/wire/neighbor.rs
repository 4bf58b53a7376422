//! Neighbours and forwarding databases: `RTM_NEWNEIGH` (linux/neighbour.h).

use super::Unread;
use netlink_packet_core::Parseable;
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourFlags, NeighbourMessage};
use std::net::IpAddr;
use tapscope_graph::host::{DeviceId, FdbEntry, HostNeighbor, NeighborState, Netns};
use tapscope_graph::{MacAddr, Text};

/// `NUD_NOARP` and `NUD_PERMANENT`
const NOARP: u16 = 0x40;
const PERMANENT: u16 = 0x80;

fn parse(about: &'static str, bytes: &[u8]) -> Result<NeighbourMessage, Unread> {
    NeighbourMessage::parse(bytes).map_err(|why| Unread { about, why: why.to_string() })
}

/// A neighbour. `None` without an address.
pub(super) fn neighbor(netns: Netns, bytes: &[u8]) -> Result<Option<HostNeighbor>, Unread> {
    let message = parse("a neighbour", bytes)?;
    let (mut ip, mut mac) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => ip = Some(IpAddr::V4(*address)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => ip = Some(IpAddr::V6(*address)),
            NeighbourAttribute::LinkLayerAddress(address) => mac = mac_addr(address).filter(|&mac| mac != MacAddr::ZERO),
            _ => {}
        }
    }
    let header = &message.header;
    Ok(ip.map(|ip| HostNeighbor {
        device: DeviceId { netns, index: header.ifindex },
        ip,
        mac,
        state: match u16::from(header.state) {
            0x01 => NeighborState::Incomplete,
            0x02 => NeighborState::Reachable,
            0x04 => NeighborState::Stale,
            0x08 => NeighborState::Delay,
            0x10 => NeighborState::Probe,
            0x20 => NeighborState::Failed,
            NOARP => NeighborState::NoArp,
            PERMANENT => NeighborState::Permanent,
            _ => NeighborState::None,
        },
        is_router: header.flags.contains(NeighbourFlags::Router),
        is_proxy: header.flags.contains(NeighbourFlags::Proxy),
    }))
}

/// An entry of a forwarding database. `None` for the groups that a card without a bridge listens to, which lead nowhere.
pub(super) fn fdb(netns: Netns, bytes: &[u8]) -> Result<Option<FdbEntry>, Unread> {
    /// Ages are in hundredths of a second for every program (USER_HZ).
    const HUNDREDTHS: u32 = 100;
    let message = parse("a forwarding database", bytes)?;
    let header = &message.header;
    let state = u16::from(header.state);
    let mut entry =
        FdbEntry { port: DeviceId { netns, index: header.ifindex }, is_permanent: state & (PERMANENT | NOARP) != 0, ..FdbEntry::default() };
    let mut mac = None;
    // bridge(8): an entry that does not age although frames made it is "static".
    let mut flags = Vec::new();
    if state & NOARP != 0 && state & PERMANENT == 0 {
        flags.push("static");
    }
    let names = [(NeighbourFlags::ExtLearned, "extern_learn"), (NeighbourFlags::Offloaded, "offload"), (NeighbourFlags::Sticky, "sticky")];
    flags.extend(names.into_iter().filter(|(flag, _)| header.flags.contains(*flag)).map(|(_, name)| name));
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::LinkLayerAddress(address) => mac = mac_addr(address),
            NeighbourAttribute::Controller(index) => entry.bridge = Some(DeviceId { netns, index: *index }).filter(|id| id.index != 0),
            NeighbourAttribute::Vlan(vid) => entry.vlan = Some(*vid).filter(|&vid| vid != 0),
            NeighbourAttribute::CacheInfo(cache) => entry.age = Some(cache.updated / HUNDREDTHS),
            NeighbourAttribute::Destination(NeighbourAddress::Other(address)) => entry.destination = ip(address),
            NeighbourAttribute::ExtFlags(more) if more.contains(NeighbourExtFlags::Locked) => flags.push("locked"),
            _ => {}
        }
    }
    entry.flags = flags.into_iter().map(Text::new).collect();
    if entry.is_permanent {
        entry.age = None;
    }
    if header.flags.contains(NeighbourFlags::Own) {
        entry.bridge = None;
    }
    let Some(mac) = mac else { return Ok(None) };
    entry.mac = mac;
    Ok((entry.bridge.is_some() || !mac.is_group() || entry.destination.is_some()).then_some(entry))
}

fn ip(address: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(address).map(IpAddr::from);
    v4().or_else(|_| <[u8; 16]>::try_from(address).map(IpAddr::from)).ok()
}

/// None for addresses of another length, such as InfiniBand's.
fn mac_addr(address: &[u8]) -> Option<MacAddr> {
    address.try_into().ok().map(MacAddr)
}
