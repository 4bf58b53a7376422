//! What was learned, as flat tables: one row a thing, in the order of first sight.
//!
//! The tables are the model's memory; the picture ([`Topology`](crate::topology::Topology)) and what is wrong
//! ([`Finding`](crate::finding::Finding)) are pure functions of them. Every table has a bound ([`Limits`]); what a bound kept out or
//! pushed out is counted in [`Dropped`].

mod address;
mod dhcp;
mod flow;
mod point;
mod rows;

pub use crate::journey::{Journey, JourneyKind, Sighting};
pub use address::{ArpRow, Binding, Learned, MacFlow, NextHop, Resolution, Station};
pub use dhcp::{Dhcp6Transaction, DhcpMessage, DhcpState, DhcpTransaction};
pub use flow::{EchoRow, Endpoint, Flow, Side, TcpState};
pub use point::{Counters, History, Point, Series};
pub use rows::{Crossing, GroupRow, IcmpErrorRow, LacpRow, LldpRow, NameRow, RouterReason, RouterRow, StpRow, TunnelRow};

use crate::Timestamp;
use crate::happening::Log;
use crate::host::Host;

/// All tables.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// The latest time stamp seen.
    pub now: Option<Timestamp>,
    /// The earliest time stamp seen.
    pub begin: Option<Timestamp>,
    /// Frames observed.
    pub frames: u64,
    /// Their octets on the wire.
    pub octets: u64,
    /// By [`PointId`](crate::PointId).
    pub points: Vec<Point>,
    /// What the host says; empty for a capture without it.
    pub host: Host,
    /// What happened on the host.
    pub log: Log,
    /// Stations, per point and VLAN.
    pub stations: Vec<Station>,
    /// Which MAC sends to which.
    pub mac_flows: Vec<MacFlow>,
    /// Which MAC uses which address.
    pub bindings: Vec<Binding>,
    /// Which MAC takes packets for which address.
    pub next_hops: Vec<NextHop>,
    /// ARP packets by what they say.
    pub arp: Vec<ArpRow>,
    /// Who asked for whose link-layer address (ARP and ND), and whether an answer came.
    pub resolutions: Vec<Resolution>,
    /// DHCPv4 and BOOTP transactions.
    pub dhcp: Vec<DhcpTransaction>,
    /// DHCPv6 transactions.
    pub dhcp6: Vec<Dhcp6Transaction>,
    /// Every echo request seen, once per sighting, in the order of the frames.
    pub echoes: Vec<EchoRow>,
    /// One packet, every point it was seen at: ARP, ND, DHCP, ICMP.
    pub journeys: Vec<Journey>,
    /// Flows.
    pub flows: Vec<Flow>,
    /// Names for addresses.
    pub names: Vec<NameRow>,
    /// Routers that said so, and what they announce (RA).
    pub routers: Vec<RouterRow>,
    /// ICMP errors and redirects.
    pub icmp_errors: Vec<IcmpErrorRow>,
    /// LLDP neighbours, per point.
    pub lldp: Vec<LldpRow>,
    /// Spanning tree senders, per point.
    pub stp: Vec<StpRow>,
    /// LACP senders, per point.
    pub lacp: Vec<LacpRow>,
    /// Multicast memberships.
    pub groups: Vec<GroupRow>,
    /// Packets inside packets.
    pub tunnels: Vec<TunnelRow>,
    /// Frames that went in at one point and came out at another.
    pub crossings: Vec<Crossing>,
    /// What bounds kept out.
    pub dropped: Dropped,
}

impl Tables {
    /// A journey by its number; `None` if it was pushed out.
    pub fn journey(&self, id: u64) -> Option<&Journey> {
        let first = self.journeys.first()?.id;
        self.journeys.get(usize::try_from(id.checked_sub(first)?).ok()?)
    }

    /// Each echo request once, as it was seen first: the rows of [`Tables::echoes`] are sightings.
    pub fn echo_requests(&self) -> impl Iterator<Item = (usize, &EchoRow)> {
        let is_first = |echo: &EchoRow| {
            let journey = echo.journey.and_then(|id| self.journey(id));
            journey.is_none_or(|journey| journey.sightings.first().is_none_or(|first| first.frame == echo.frame))
        };
        self.echoes.iter().enumerate().filter(move |(_, echo)| is_first(echo))
    }

    /// The time from the first sighting of a request to the first sighting of its reply at the same point, nanoseconds; where the two
    /// were not seen at one point, between the sightings that were paired.
    pub fn round_trip(&self, echo: &EchoRow) -> Option<i64> {
        let (_, replied) = echo.reply?;
        let same_point = || {
            let request = self.journey(echo.journey?)?.sightings.first()?;
            let reply = self.journey(echo.reply_journey?)?.sightings.iter().find(|seen| seen.point == request.point)?;
            Some(reply.at.since(request.at))
        };
        Some(same_point().unwrap_or_else(|| replied.since(echo.at)))
    }
}

/// How many rows the tables may hold. The policy is in each field's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Points; frames of further points are counted as dropped.
    pub points: usize,
    /// Flows: the flow that is idle for the longest is pushed out.
    pub flows: usize,
    /// Stations, MAC flows, bindings and next hops, each: no new ones beyond.
    pub stations: usize,
    /// Echo rows: no new ones beyond.
    pub echoes: usize,
    /// Journeys: the oldest is pushed out.
    pub journeys: usize,
    /// DHCP transactions, their messages, resolutions, ARP rows, each: no new ones beyond.
    pub transactions: usize,
    /// Every other table: no new rows beyond.
    pub rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            points: 65_536,
            flows: 1 << 20,
            stations: 1 << 17,
            echoes: 1 << 20,
            journeys: 1 << 14,
            transactions: 1 << 17,
            rows: 1 << 14,
        }
    }
}

/// How often a bound kept something out, or pushed something out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Flows pushed out.
    pub flows: u64,
    /// How often a new station, MAC flow, binding or next hop found no room, and frames of flows whose further paths found none.
    pub stations: u64,
    /// Echo requests that found no room.
    pub echoes: u64,
    /// Journeys pushed out.
    pub journeys: u64,
    /// Transactions that found no room.
    pub transactions: u64,
    /// Rows of other tables that found no room.
    pub rows: u64,
    /// Frames of points that found no room.
    pub frames: u64,
}
