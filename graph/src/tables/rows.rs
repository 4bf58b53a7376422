//! What single frames taught: names, routers, errors, and what switches say of themselves.

use crate::decode::Tunnel;
use crate::evidence::Evidence;
use crate::fact::{GroupAction, IcmpError, Lacp, Lldp, NameSource, Prefix, Stp};
use crate::{MacAddr, PointId, Text};
use std::net::IpAddr;

/// A name for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRow {
    /// The address.
    pub ip: IpAddr,
    /// The name.
    pub name: Text,
    /// Who says so.
    pub by: NameSource,
    /// The MAC address of the station that is named, where the frame tells (DHCP).
    pub mac: Option<MacAddr>,
    /// The frames.
    pub evidence: Evidence,
}

/// Why a station is believed to be a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouterReason {
    /// It sends Router Advertisements with a lifetime, or sets R in Neighbor Advertisements.
    Advertises,
    /// A DHCP server names its address as the router.
    NamedByDhcp,
    /// It sends ICMP redirects or time-exceeded messages.
    ReportsForward,
    /// Packets of other sources come from its MAC, or packets for other destinations go to it.
    Forwards,
    /// IP forwarding is on.
    ForwardingIsOn,
}

/// A router by its own or a server's word; forwarding itself shows in the bindings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterRow {
    /// Where it was seen.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// Its MAC, where the frame tells.
    pub mac: Option<MacAddr>,
    /// Its address on the link.
    pub ip: Option<IpAddr>,
    /// Why.
    pub reason: RouterReason,
    /// Prefixes it announces.
    pub prefixes: Vec<Prefix>,
    /// MTU it announces.
    pub mtu: Option<u32>,
    /// The frames.
    pub evidence: Evidence,
}

/// ICMP errors that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpErrorRow {
    /// Where.
    pub point: PointId,
    /// What.
    pub error: IcmpError,
    /// The frames.
    pub evidence: Evidence,
}

/// An LLDP neighbour as it last described itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LldpRow {
    /// Where.
    pub point: PointId,
    /// Frame source.
    pub source: MacAddr,
    /// What it says.
    pub lldp: Lldp,
    /// The frames.
    pub evidence: Evidence,
}

/// A spanning tree sender as it last described itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StpRow {
    /// Where.
    pub point: PointId,
    /// Frame source: the bridge port's address.
    pub source: MacAddr,
    /// What it says.
    pub stp: Stp,
    /// Topology change notifications and flags seen.
    pub changes: u64,
    /// The frames.
    pub evidence: Evidence,
}

/// A link aggregation actor as it last described itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LacpRow {
    /// Where.
    pub point: PointId,
    /// Frame source.
    pub source: MacAddr,
    /// What it says.
    pub lacp: Lacp,
    /// The frames.
    pub evidence: Evidence,
}

/// A multicast membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Where.
    pub point: PointId,
    /// The station.
    pub station: IpAddr,
    /// The group.
    pub group: IpAddr,
    /// The last thing said.
    pub action: GroupAction,
    /// The frames.
    pub evidence: Evidence,
}

/// Packets carried inside of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelRow {
    /// Where.
    pub point: PointId,
    /// How.
    pub tunnel: Tunnel,
    /// Source and destination of the outer IP header.
    pub outer: (IpAddr, IpAddr),
    /// Inner addresses seen, without repeats, at most 16 pairs.
    pub inner: Vec<(IpAddr, IpAddr)>,
    /// The frames.
    pub evidence: Evidence,
}

/// Frames that were seen at one point and next at another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// First here,
    pub from: PointId,
    /// then there.
    pub to: PointId,
    /// Whether the link-layer addresses stayed the same: bridged. Otherwise routed.
    pub is_bridged: bool,
    /// The frames (at `to`).
    pub evidence: Evidence,
    /// Shortest time between the two, nanoseconds.
    pub shortest_ns: i64,
}

impl RouterReason {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            RouterReason::Advertises => "advertises",
            RouterReason::NamedByDhcp => "named by dhcp",
            RouterReason::ReportsForward => "reports",
            RouterReason::Forwards => "forwards",
            RouterReason::ForwardingIsOn => "forwarding is on",
        }
    }
}
