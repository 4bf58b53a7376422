//! Questions about one packet: its route (`RTM_GETROUTE`) and its entry of a forwarding database (`RTM_GETNEIGH`).

use super::nla::push;
use super::socket::Queries;
use super::{AF_BRIDGE, AF_INET, AF_INET6, RTM_NEWNEIGH, Unread, neighbor, route};
use std::io;
use std::net::IpAddr;
use tapscope_graph::MacAddr;
use tapscope_graph::host::{DeviceId, FdbEntry, Netns, Route, RouteAnswer, RouteInquiry};

const RTM_GETROUTE: u16 = 26;
const RTM_GETNEIGH: u16 = 30;

/// `RTM_F_LOOKUP_TABLE` and `RTM_F_FIB_MATCH`.
const LOOKUP_TABLE: u32 = 0x1000;
const FIB_MATCH: u32 = 0x2000;

impl Queries {
    /// Which way a packet would take now.
    ///
    /// # Errors
    /// The kernel does not answer. That it refuses is an answer.
    pub fn route(&mut self, netns: Netns, packet: &RouteInquiry) -> io::Result<RouteAnswer> {
        let resolved = self.route_once(netns, packet, LOOKUP_TABLE)?;
        let RouteAnswer::Way(mut way) = resolved else { return Ok(resolved) };
        // Which prefix it was is told without the next hop that was chosen for the packet, and by newer kernels only.
        if let Ok(RouteAnswer::Way(found)) = self.route_once(netns, packet, LOOKUP_TABLE | FIB_MATCH)
            && found.table == way.table
            && found.destination.contains(packet.destination)
        {
            (way.destination, way.metric, way.protocol, way.is_dead) = (found.destination, found.metric, found.protocol, found.is_dead);
        }
        Ok(RouteAnswer::Way(way))
    }

    fn route_once(&mut self, netns: Netns, packet: &RouteInquiry, flags: u32) -> io::Result<RouteAnswer> {
        let mut found: Option<Result<Vec<Route>, Unread>> = None;
        let asked = self.ask(RTM_GETROUTE, 0, &route_payload(packet, flags), &mut |_, bytes| found = Some(route::answer(netns, bytes)));
        match (asked, found) {
            (Err(error), _) => match error.raw_os_error() {
                // These are of the socket, not of the route.
                None | Some(nix::libc::EAGAIN | nix::libc::EPERM | nix::libc::ENOBUFS) => Err(error),
                Some(number) => Ok(RouteAnswer::Refused(number)),
            },
            (Ok(_), Some(Ok(rows))) => match rows.into_iter().next() {
                Some(row) => Ok(RouteAnswer::Way(row)),
                None => Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel names no route")),
            },
            (Ok(_), Some(Err(unread))) => Err(io::Error::new(io::ErrorKind::InvalidData, unread)),
            (Ok(_), None) => Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel names no route")),
        }
    }

    /// Where a bridge would send a frame now; `None` where it has no entry.
    ///
    /// # Errors
    /// The kernel does not answer, or cannot be asked for one entry (before Linux 5.0).
    pub fn fdb_entry(&mut self, bridge: DeviceId, mac: MacAddr, vlan: Option<u16>) -> io::Result<Option<FdbEntry>> {
        const NDA_LLADDR: u16 = 2;
        const NDA_VLAN: u16 = 5;
        const NDA_MASTER: u16 = 9;
        let mut payload = vec![0; 12];
        payload[0] = AF_BRIDGE;
        push(&mut payload, NDA_LLADDR, &mac.0);
        push(&mut payload, NDA_MASTER, &bridge.index.to_ne_bytes());
        if let Some(vlan) = vlan {
            push(&mut payload, NDA_VLAN, &vlan.to_ne_bytes());
        }
        let mut found = None;
        let asked = self.ask(RTM_GETNEIGH, 0, &payload, &mut |header, bytes| {
            if header.kind() == RTM_NEWNEIGH {
                found = neighbor::fdb(bridge.netns, bytes).ok().flatten();
            }
        });
        match asked {
            Ok(_) => Ok(found),
            Err(error) if error.raw_os_error() == Some(nix::libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// `struct rtmsg` and its attributes.
fn route_payload(packet: &RouteInquiry, flags: u32) -> Vec<u8> {
    const RTA_DST: u16 = 1;
    const RTA_SRC: u16 = 2;
    const RTA_IIF: u16 = 3;
    const RTA_MARK: u16 = 16;
    const RTA_IP_PROTO: u16 = 27;
    let (family, length, icmp) = if packet.destination.is_ipv4() { (AF_INET, 32, 1) } else { (AF_INET6, 128, 58) };
    let source = packet.source.filter(|source| source.is_ipv4() == packet.destination.is_ipv4() && !source.is_unspecified());
    let mut payload = vec![0; 12];
    (payload[0], payload[1], payload[2]) = (family, length, if source.is_some() { length } else { 0 });
    payload[8..12].copy_from_slice(&flags.to_ne_bytes());
    let mut address = |kind, ip: IpAddr| match ip {
        IpAddr::V4(ip) => push(&mut payload, kind, &ip.octets()),
        IpAddr::V6(ip) => push(&mut payload, kind, &ip.octets()),
    };
    address(RTA_DST, packet.destination);
    if let Some(source) = source {
        address(RTA_SRC, source);
    }
    if let Some(device) = packet.in_device {
        push(&mut payload, RTA_IIF, &device.index.to_ne_bytes());
    }
    if packet.mark != 0 {
        push(&mut payload, RTA_MARK, &packet.mark.to_ne_bytes());
    }
    push(&mut payload, RTA_IP_PROTO, &[icmp]);
    payload
}
