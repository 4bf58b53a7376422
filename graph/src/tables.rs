//! What was learned, as flat tables: one row a thing, in the order of first sight.
//!
//! The tables are the model's memory; the picture ([`Topology`](crate::topology::Topology)) and what is wrong
//! ([`Finding`](crate::finding::Finding)) are pure functions of them. Every table has a bound ([`Limits`]); what a bound kept out or
//! pushed out is counted in [`Dropped`].

use crate::decode::{Addresses, Stop, Tunnel};
use crate::evidence::Evidence;
use crate::fact::{Arp, GroupAction, IcmpError, Lacp, Lldp, NameSource, Prefix, Stp};
use crate::happening::Log;
use crate::host::{DeviceId, Host};
pub use crate::journey::{Journey, JourneyKind, Sighting};
use crate::{Direction, FrameNo, LossCause, MacAddr, PointId, PointInfo, Text, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    /// By [`PointId`].
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

/// Packets, and their octets on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Octets on the wire.
    pub octets: u64,
}

impl Counters {
    /// One more packet.
    #[inline]
    pub fn add(&mut self, octets: u32) {
        self.packets += 1;
        self.octets += u64::from(octets);
    }

    /// More packets at once.
    pub fn merge(&mut self, other: Counters) {
        self.packets += other.packets;
        self.octets += other.octets;
    }
}

/// Octets per second over the latest [`Series::SECONDS`] seconds that had traffic or lie between such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// The second (since 1970) of the last bucket.
    pub second: i64,
    /// Octets sent and received, per second, the oldest first; the last is of `second`.
    pub buckets: VecDeque<(u32, u32)>,
}

impl Series {
    /// The most seconds that are kept.
    pub const SECONDS: usize = 60;

    /// Counts octets in a second. A second before the kept ones is ignored; counts saturate.
    pub fn add(&mut self, second: i64, sent: u64, received: u64) {
        if self.buckets.is_empty() {
            self.second = second;
            self.buckets.push_back((0, 0));
        }
        if second > self.second {
            let gap = (second - self.second).min(Self::SECONDS as i64) as usize;
            let excess = (self.buckets.len() + gap).saturating_sub(Self::SECONDS);
            self.buckets.drain(..excess.min(self.buckets.len()));
            self.buckets.resize((self.buckets.len() + gap).min(Self::SECONDS), (0, 0));
            self.second = second;
        }
        let back = (self.second - second) as usize;
        if let Some(index) = self.buckets.len().checked_sub(1 + back) {
            let (out, into) = &mut self.buckets[index];
            *out = out.saturating_add(u32::try_from(sent).unwrap_or(u32::MAX));
            *into = into.saturating_add(u32::try_from(received).unwrap_or(u32::MAX));
        }
    }

    /// Octets sent and received in the last full second before `now`, and 0 where nothing is known of it.
    pub fn rate(&self, now: Timestamp) -> (u32, u32) {
        let wanted = now.parts().0 - 1;
        let back = self.second - wanted;
        if back < 0 {
            return (0, 0);
        }
        self.buckets.len().checked_sub(1 + back as usize).map_or((0, 0), |index| self.buckets[index])
    }
}

/// A point, and what passed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// What its source says of it.
    pub info: PointInfo,
    /// Whether it still captures; a file's point is closed at its end.
    pub closed: bool,
    /// Why it stopped, where there is a reason.
    pub reason: Option<String>,
    /// Frames.
    pub counters: Counters,
    /// Captured octets.
    pub captured_octets: u64,
    /// Frames that passed and were not captured.
    pub lost: u64,
    /// The same by cause.
    pub lost_by: BTreeMap<LossCause, u64>,
    /// First and last time stamp, in the order of arrival.
    pub first_at: Option<Timestamp>,
    /// See `first_at`.
    pub last_at: Option<Timestamp>,
    /// How often decoding stopped early, and why.
    pub stops: BTreeMap<Stop, u64>,
    /// Frames whose segmentation or checksum was left to the device.
    pub offloaded: u64,
    /// Traffic over time for a plot of the whole recording; `received` is not used.
    pub history: History,
}

impl Point {
    /// The device whose own frames are seen here; none where a device only carries a cable's.
    pub fn own_device(&self) -> Option<DeviceId> {
        self.info.device.filter(|_| self.info.cable.is_none())
    }

    /// The point's name, else its description, sanitised; `point 3` for one without either.
    pub fn label(&self, id: PointId) -> String {
        match self.info.name.as_ref().or(self.info.description.as_ref()) {
            Some(name) => Text::new(name).to_string(),
            None => format!("point {}", id.0),
        }
    }
}

/// Octets over the whole time, in at most [`History::BUCKETS`] buckets of equal width; the width doubles when they run out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Start of the first bucket.
    pub start: Timestamp,
    /// Width of a bucket in nanoseconds.
    pub width: i64,
    /// Octets.
    pub buckets: Vec<u64>,
    /// The bucket that was counted in last: the next frame's, as a rule, which saves a division per frame.
    latest: usize,
}

impl Default for History {
    fn default() -> Self {
        History { start: Timestamp(0), width: 100_000_000, buckets: Vec::new(), latest: 0 }
    }
}

impl History {
    /// The most buckets.
    pub const BUCKETS: usize = 512;

    /// Counts octets at a time; a time before the first counts in the first bucket.
    #[inline]
    pub fn add(&mut self, at: Timestamp, octets: u64) {
        let within = at.since(self.start).wrapping_sub(self.latest as i64 * self.width);
        match self.buckets.get_mut(self.latest) {
            Some(bucket) if (0..self.width).contains(&within) => *bucket += octets,
            _ => self.add_elsewhere(at, octets),
        }
    }

    #[cold]
    fn add_elsewhere(&mut self, at: Timestamp, octets: u64) {
        if self.buckets.is_empty() {
            self.start = at;
        }
        let mut index = at.since(self.start).max(0) / self.width;
        while index >= Self::BUCKETS as i64 {
            self.buckets = self.buckets.chunks(2).map(|pair| pair.iter().sum()).collect();
            self.width *= 2;
            index = at.since(self.start).max(0) / self.width;
        }
        self.latest = index as usize;
        if self.latest >= self.buckets.len() {
            self.buckets.resize(self.latest + 1, 0);
        }
        self.buckets[self.latest] += octets;
    }
}

/// A MAC address as it was seen at one point in one VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Station {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// Whose.
    pub mac: MacAddr,
    /// Frames from it.
    pub sent: Counters,
    /// Frames to it.
    pub received: Counters,
    /// Journeys of frames from it that began here, and those that came by here later: where the first prevail, it is attached here.
    pub entered: u64,
    /// See `entered`.
    pub passed: u64,
    /// Frames from it by direction at this point: from inside the interface, and towards it.
    pub inbound: u64,
    /// See `inbound`.
    pub outbound: u64,
    /// Rates.
    pub series: Series,
    /// Frames from it.
    pub evidence: Evidence,
}

/// Frames from one MAC address to another at one point in one VLAN; one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacFlow {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// From; cooked headers may have none.
    pub source: Option<MacAddr>,
    /// To; cooked headers have none.
    pub destination: Option<MacAddr>,
    /// How much.
    pub counters: Counters,
    /// When first.
    pub first_at: Timestamp,
    /// When last.
    pub last_at: Timestamp,
}

/// How a binding was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Learned {
    /// Sender fields of ARP.
    Arp,
    /// Neighbor Discovery: target link-layer address of an advertisement, source link-layer address of the others.
    Ndp,
    /// A DHCP acknowledgement: the client's MAC and its lease.
    Dhcp,
    /// The host says so: it is set on one of its devices.
    Configured,
    /// The host's neighbour table says so: it asked, and was answered.
    NeighborTable,
    /// The frame's link-layer source and its outermost IP source. A router's MAC collects remote addresses this way: see
    /// [`Learned::proves_owner`].
    Source,
}

impl Learned {
    /// Whether this kind of evidence says that the station itself has the address, rather than forwards for it.
    pub fn proves_owner(self) -> bool {
        self != Learned::Source
    }

    /// `arp`, `ndp`, `dhcp`, `configured`, `neighbor table` or `source`.
    pub fn name(self) -> &'static str {
        match self {
            Learned::Arp => "arp",
            Learned::Ndp => "ndp",
            Learned::Dhcp => "dhcp",
            Learned::Configured => "configured",
            Learned::NeighborTable => "neighbor table",
            Learned::Source => "source",
        }
    }
}

/// A MAC address used with an IP address at one point in one VLAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// Whose.
    pub mac: MacAddr,
    /// What.
    pub ip: IpAddr,
    /// How.
    pub learned: Learned,
    /// The frames; for [`Learned::Source`] without samples.
    pub evidence: Evidence,
    /// Whether a frame from inside the point's interface said so.
    pub inbound: bool,
    /// Whether a frame towards it said so.
    pub outbound: bool,
}

impl Binding {
    /// One more frame says so, which went this way.
    pub(crate) fn turn(&mut self, direction: Direction) {
        self.inbound |= direction == Direction::Inbound;
        self.outbound |= direction == Direction::Outbound;
    }
}

/// Frames to `mac` whose outermost IP destination is `ip`: their sender took `mac` for the next hop towards `ip` (RFC 4861, section 2.1).
/// Where `mac` does not own `ip`, it is a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// The next hop.
    pub mac: MacAddr,
    /// The destination; unicast.
    pub ip: IpAddr,
    /// The frames, without samples.
    pub evidence: Evidence,
}

/// ARP packets that say the same at one point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArpRow {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// What they say; the target's MAC is that of the first.
    pub arp: Arp,
    /// The frames.
    pub evidence: Evidence,
}

/// Somebody wants to know a link-layer address: by ARP, or by Neighbor Solicitation. One row for one asker and one target; the same
/// packet at several points is one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The point where the first question was first seen.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// Who asks.
    pub asker_mac: MacAddr,
    /// Its address; unspecified in a probe (RFC 5227) or Duplicate Address Detection, where no answer is the good answer.
    pub asker_ip: IpAddr,
    /// Whose address is wanted.
    pub target: IpAddr,
    /// Questions.
    pub asked: Evidence,
    /// Questions since the last answer.
    pub open: u64,
    /// Who answered, and the answers.
    pub answers: Vec<(MacAddr, Evidence)>,
}

impl Resolution {
    /// Whether the asker would rather not hear an answer: ARP probe, DAD.
    pub fn is_probe(&self) -> bool {
        self.asker_ip.is_unspecified()
    }
}

/// A DHCPv4 or BOOTP transaction: one transaction identifier of one client (RFC 2131).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DhcpTransaction {
    /// The point where it was first seen.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// `xid`
    pub xid: u32,
    /// `chaddr`
    pub client_mac: Option<MacAddr>,
    /// Every message seen, in order; the same packet at several points comes several times.
    pub messages: Vec<DhcpMessage>,
    /// Messages that found no room.
    pub more_messages: u64,
    /// `yiaddr` of OFFERs, without repeats in order of appearance; likewise all that follow.
    pub offered: Vec<Ipv4Addr>,
    /// `yiaddr` of ACKs.
    pub acked: Vec<Ipv4Addr>,
    /// Option 50.
    pub requested: Vec<Ipv4Addr>,
    /// Option 54.
    pub servers: Vec<Ipv4Addr>,
    /// Option 51 of OFFERs and ACKs, seconds.
    pub lease_seconds: Vec<u32>,
    /// Option 3 from a server.
    pub routers: Vec<Ipv4Addr>,
    /// Option 6 from a server.
    pub dns: Vec<Ipv4Addr>,
    /// Option 1 from a server.
    pub subnet_masks: Vec<Ipv4Addr>,
    /// Option 15 from a server.
    pub domains: Vec<Text>,
    /// Option 12 from the client.
    pub hostnames: Vec<Text>,
    /// Option 60 from the client.
    pub vendor_classes: Vec<Text>,
    /// `giaddr`
    pub relays: Vec<Ipv4Addr>,
    /// Option 56.
    pub texts: Vec<Text>,
    /// Whether a message carried option 82.
    pub option82: bool,
}

/// One message of a DHCP transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpMessage {
    /// `op`: 1 from the client.
    pub op: u8,
    /// Option 53, or none for BOOTP.
    pub message_type: Option<u8>,
    /// The frame.
    pub frame: FrameNo,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub point: PointId,
    /// Whether the same packet was seen before at another point.
    pub repeated: bool,
}

impl DhcpMessage {
    /// `DISCOVER` … `INFORM`, `BOOTREQUEST`/`BOOTREPLY`, or the number.
    pub fn name(&self) -> String {
        const NAMES: [&str; 13] = [
            "DISCOVER",
            "OFFER",
            "REQUEST",
            "DECLINE",
            "ACK",
            "NAK",
            "RELEASE",
            "INFORM",
            "FORCERENEW",
            "LEASEQUERY",
            "LEASEUNASSIGNED",
            "LEASEUNKNOWN",
            "LEASEACTIVE",
        ];
        match (self.message_type, self.op) {
            (Some(kind), _) => usize::from(kind)
                .checked_sub(1)
                .and_then(|index| NAMES.get(index))
                .map_or_else(|| kind.to_string(), |name| name.to_string()),
            (None, 1) => "BOOTREQUEST".into(),
            (None, 2) => "BOOTREPLY".into(),
            (None, op) => format!("BOOTP-OP{op}"),
        }
    }
}

/// Who waits for whom in a DHCP transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DhcpState {
    /// The client waits for an offer (SELECTING).
    WaitsForOffer,
    /// The server waits for the client's choice.
    WaitsForRequest,
    /// The client waits for the acknowledgement (REQUESTING, RENEWING, REBINDING).
    WaitsForAck,
    /// The client has its lease or its parameters.
    Bound,
    /// The server refused.
    Refused,
    /// The client found the address in use.
    Declined,
    /// The client gave the lease back.
    Released,
    /// Only a server's or an unknown message was seen.
    Unknown,
}

/// In words that say who waits.
impl fmt::Display for DhcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DhcpState::WaitsForOffer => "waits for an offer",
            DhcpState::WaitsForRequest => "offered",
            DhcpState::WaitsForAck => "waits for an acknowledgement",
            DhcpState::Bound => "bound",
            DhcpState::Refused => "refused",
            DhcpState::Declined => "declined",
            DhcpState::Released => "released",
            DhcpState::Unknown => "unknown",
        })
    }
}

impl DhcpTransaction {
    /// The state after the last message that changes it.
    pub fn state(&self) -> DhcpState {
        let mut state = DhcpState::Unknown;
        for message in &self.messages {
            state = match message.message_type {
                Some(1) => DhcpState::WaitsForOffer,
                Some(2) if matches!(state, DhcpState::WaitsForOffer | DhcpState::Unknown) => DhcpState::WaitsForRequest,
                Some(3) | Some(8) => DhcpState::WaitsForAck,
                Some(4) => DhcpState::Declined,
                Some(5) => DhcpState::Bound,
                Some(6) => DhcpState::Refused,
                Some(7) => DhcpState::Released,
                None if message.op == 1 => DhcpState::WaitsForAck,
                None if message.op == 2 => DhcpState::Bound,
                _ => state,
            };
        }
        state
    }
}

/// A DHCPv6 transaction (RFC 8415).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dhcp6Transaction {
    /// The point where it was first seen.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// Transaction identifier.
    pub xid: u32,
    /// Client DUID.
    pub client_id: Option<Text>,
    /// The client's MAC, where its DUID tells.
    pub client_mac: Option<MacAddr>,
    /// Message types with their frames, in order; at most 64.
    pub messages: Vec<(u8, FrameNo, Timestamp)>,
    /// Server DUIDs.
    pub servers: Vec<Text>,
    /// Addresses and valid lifetimes that a server gave.
    pub addresses: Vec<(Ipv6Addr, u32)>,
    /// Prefixes that a server delegated.
    pub prefixes: Vec<(Ipv6Addr, u8)>,
    /// DNS servers.
    pub dns: Vec<Ipv6Addr>,
    /// The client's name.
    pub hostnames: Vec<Text>,
}

/// One sighting of an echo request, and the reply that was seen for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoRow {
    /// Where.
    pub point: PointId,
    /// From.
    pub source: IpAddr,
    /// To.
    pub destination: IpAddr,
    /// Identifier.
    pub identifier: u16,
    /// Sequence number.
    pub sequence: u16,
    /// The request.
    pub frame: FrameNo,
    /// When.
    pub at: Timestamp,
    /// The first later unused reply with swapped addresses, the same identifier and sequence number, at whatever point.
    pub reply: Option<(FrameNo, Timestamp)>,
    /// Somebody reported that it could not be delivered: index into [`Tables::icmp_errors`].
    pub error: Option<u32>,
    /// The journey of the request: its [`Journey::id`].
    pub journey: Option<u64>,
    /// The journey of the reply.
    pub reply_journey: Option<u64>,
}

/// A flow's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Address.
    pub ip: IpAddr,
    /// Port, where the protocol has one and it was captured.
    pub port: Option<u16>,
}

/// One of a flow's two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The lower endpoint.
    A,
    /// The other.
    B,
}

/// A bidirectional flow (RFC 5103): the 5-tuple of the outermost IP header, without regard to VLAN and point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The addresses of `a` and `b`: `a` is the lower by (address, port).
    pub addresses: Addresses,
    /// The ports of `a` and `b`.
    pub ports: Option<(u16, u16)>,
    /// IP protocol.
    pub protocol: u8,
    /// Who sent first.
    pub initiator: Side,
    /// From `a` to `b`, all sightings at all points.
    pub a_to_b: Counters,
    /// From `b` to `a`, all sightings at all points.
    pub b_to_a: Counters,
    /// First sighting.
    pub first: FrameNo,
    /// When.
    pub first_at: Timestamp,
    /// Last sighting.
    pub last: FrameNo,
    /// When.
    pub last_at: Timestamp,
    /// TCP's state, as far as it shows.
    pub tcp: Option<TcpState>,
    /// Round-trip time between the SYN and the segment that completes the handshake, both at the first point that saw the SYN, in
    /// nanoseconds.
    pub rtt_ns: Option<i64>,
    /// The same flow, per point: (point, a to b, b to a), in the order of first sight.
    pub points: Vec<(PointId, Counters, Counters)>,
}

impl Flow {
    /// The lower endpoint.
    pub fn a(&self) -> Endpoint {
        Endpoint { ip: self.addresses.source(), port: self.ports.map(|(a, _)| a) }
    }

    /// The other endpoint.
    pub fn b(&self) -> Endpoint {
        Endpoint { ip: self.addresses.destination(), port: self.ports.map(|(_, b)| b) }
    }

    /// What one packet's worth of sightings is: the counters of the point that saw the most, so that a packet that passed three points
    /// counts once.
    pub fn counted_once(&self) -> (Counters, Counters) {
        self.points.iter().map(|&(_, ab, ba)| (ab, ba)).max_by_key(|(ab, ba)| ab.packets + ba.packets).unwrap_or((self.a_to_b, self.b_to_a))
    }
}

/// TCP's state, as far as segments show it (RFC 9293, section 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpState {
    /// Segments were seen without a beginning.
    Midstream,
    /// A SYN, no answer yet.
    SynSent,
    /// SYN and SYN-ACK.
    SynReceived,
    /// The handshake is complete.
    Established,
    /// One side has sent FIN.
    Closing,
    /// Both have.
    Closed,
    /// A reset answered the SYN.
    Refused,
    /// A reset ended it.
    Reset,
}

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

impl TcpState {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            TcpState::Midstream => "midstream",
            TcpState::SynSent => "syn sent",
            TcpState::SynReceived => "syn received",
            TcpState::Established => "established",
            TcpState::Closing => "closing",
            TcpState::Closed => "closed",
            TcpState::Refused => "refused",
            TcpState::Reset => "reset",
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_keeps_every_octet_while_its_buckets_widen() {
        let mut history = History::default();
        for at in (0..10_000_i64).rev().chain(0..10_000) {
            history.add(Timestamp(1_700_000_000_000_000_000 + at * 77_000_000), 3);
        }
        assert!(history.buckets.len() <= History::BUCKETS);
        assert_eq!(history.buckets.iter().sum::<u64>(), 60_000);
    }

    #[test]
    fn a_history_of_the_widest_time_ends() {
        let mut history = History::default();
        history.add(Timestamp(i64::MIN), 1);
        history.add(Timestamp(i64::MAX), 1);
        assert_eq!(history.buckets.iter().sum::<u64>(), 2);
    }

    #[test]
    fn a_rate_is_that_of_the_last_full_second() {
        let mut series = Series::default();
        series.add(100, 500, 0);
        series.add(101, 7, 20);
        assert_eq!(series.rate(Timestamp(102_300_000_000)), (7, 20));
        assert_eq!(series.rate(Timestamp(101_300_000_000)), (500, 0));
        assert_eq!(series.rate(Timestamp(104_000_000_000)), (0, 0));
        series.add(100_000, 1, 1);
        series.add(99_990, 2, 2);
        series.add(5, 9, 9);
        assert_eq!(series.buckets.len(), Series::SECONDS);
        assert_eq!(series.buckets[Series::SECONDS - 11], (2, 2));
        assert_eq!(series.buckets.iter().map(|bucket| bucket.0).sum::<u32>(), 3);
    }
}
