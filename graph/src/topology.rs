//! The picture: who is attached to what, as a bipartite graph of nodes and links.
//!
//! petgraph's vertices are nodes (hosts, routers, bridges) and links; its edges are interfaces: a node has interfaces, an interface
//! attaches to a link (RFC 4861, section 2.1). Fifty guests on one bridge are fifty edges, not 1,225. [`Topology::build`] is a pure
//! function of the tables, and gives the same graph for the same tables: `domain` says which points are joined, `build` who is
//! attached where, `owner` who has which address and who is a router, `conflict` who claims the same one; `configured` adds what the
//! host says, `cable` what it says of cables.

mod build;
mod cable;
mod configured;
mod conflict;
mod domain;
mod owner;

pub(crate) use domain::Domains;

use crate::evidence::Evidence;
use crate::host::{CableState, DeviceId, Netns, PortState};
use crate::tables::{Counters, Learned, RouterReason, Series};
use crate::{MacAddr, PointId, Text};
use petgraph::graph::UnGraph;
use std::fmt;
use std::net::IpAddr;

/// The graph.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Nodes and links are vertices, interfaces are edges between a node and a link.
    pub graph: UnGraph<Vertex, Interface>,
}

/// A vertex: either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vertex {
    /// Something that has interfaces.
    Node(Node),
    /// Something that interfaces attach to.
    Link(Link),
}

/// What identifies a node or link from one view to the next, as long as no layer-2 domains turn out to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A station: the lowest point of its layer-2 domain, and its MAC.
    Station(PointId, MacAddr),
    /// A node of which only an address is known, on a link without link-layer addresses.
    Address(PointId, IpAddr),
    /// The bridge that joins the points of a domain; the lowest of them.
    Bridge(PointId),
    /// Everything beyond a router: its domain's lowest point, and its MAC.
    Outside(PointId, MacAddr),
    /// The link of a point, per VLAN.
    Link(PointId, Option<u16>),
    /// The link between a router and what lies beyond it.
    Beyond(PointId, MacAddr),
    /// The host's own IP stack, in a network namespace.
    Local(Netns),
    /// A guest, by [`Host::guest_number`](crate::host::Host::guest_number).
    Guest(u32),
    /// A bridge or bond of the host, by [`Host::device_number`](crate::host::Host::device_number).
    Joint(u32),
    /// The link of a device that no point listens on, by the same number.
    Device(u32),
    /// The link behind a guest's network card of which nothing is known but QEMU's option: the guest's number, the card's place.
    Backend(u32, u32),
    /// A cable, by [`Host::cable_number`](crate::host::Host::cable_number).
    Cable(u32),
    /// The user-mode stack at the other end of a cable, by the same number.
    Stack(u32),
    /// A program at the end of cables, by its process.
    Program(u32),
}

/// A node: a host, router or bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its identity.
    pub key: Key,
    /// What it is.
    pub kind: NodeKind,
    /// Its best name: DHCP's, mDNS's, LLDP's or DNS's, in this order.
    pub name: Option<Text>,
    /// Addresses that it has, sorted; of a router not the remote ones.
    pub addresses: Vec<Address>,
    /// Why it is a router, if it is one.
    pub router: Vec<RouterReason>,
    /// Remote addresses seen behind it, sorted, at most [`Node::REMOTES`].
    pub remotes: Vec<IpAddr>,
    /// Remote addresses seen behind it in all.
    pub remote_count: u64,
    /// Link-layer addresses that it has, sorted.
    pub macs: Vec<MacAddr>,
    /// Where the host says more of it.
    pub host: Option<Configured>,
}

/// Where a node stands among what the host says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Configured {
    /// The host itself, in a namespace.
    Local(Netns),
    /// A guest, by its process.
    Guest(u32),
    /// A bridge, bond, or the base of macvlans.
    Device(DeviceId),
}

impl Node {
    /// The most remote addresses that a node lists.
    pub const REMOTES: usize = 64;

    /// What it is called: its name, its first address, its link-layer address.
    pub fn title(&self) -> String {
        if let Some(name) = &self.name {
            return name.to_string();
        }
        match (self.kind, self.addresses.first(), &self.macs[..]) {
            (NodeKind::Bridge, ..) => "bridge".to_owned(),
            (NodeKind::Outside, ..) if self.remote_count == 1 => "1 remote address".to_owned(),
            (NodeKind::Outside, ..) => format!("{} remote addresses", self.remote_count),
            (_, Some(address), _) => address.ip.to_string(),
            (_, None, [mac]) => mac.to_string(),
            (_, None, _) => self.key.to_string(),
        }
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// A station.
    Host,
    /// A station that forwards for others.
    Router,
    /// A virtual machine of this host.
    Guest,
    /// This host's own IP stack, in one network namespace.
    Local,
    /// What joins the points of a layer-2 domain: inferred from frames that crossed it.
    Bridge,
    /// The remote hosts behind a router, as one.
    Outside,
    /// QEMU's user-mode stack (libslirp): a guest's router, DHCP and DNS server inside its own QEMU.
    Stack,
    /// A program at the end of cables, such as passt, socat or tapscope's own hub.
    Program,
}

/// An address of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The VLAN that it was claimed in; none also where only the source of frames shows it.
    pub vlan: Option<u16>,
    /// How it was learned, all ways, sorted.
    pub learned: Vec<Learned>,
    /// The frames.
    pub evidence: Evidence,
    /// Other stations of the same layer-2 domain and VLAN that claimed it in the same span of time, sorted, at most
    /// [`Address::CONFLICTS`].
    pub conflicts: Vec<MacAddr>,
    /// Whether another station claimed it later, and alone.
    pub moved: bool,
    /// The station that claims it, or sends from it, by its domain's lowest point; none where only the host says so.
    pub station: Option<(PointId, MacAddr)>,
    /// The device that it is set on, and its prefix length, where the host says so.
    pub device: Option<(DeviceId, u8)>,
}

impl Address {
    /// The most conflicts that an address lists.
    pub const CONFLICTS: usize = 16;
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its identity.
    pub key: Key,
    /// What it is.
    pub kind: LinkKind,
    /// The point that sees it.
    pub point: Option<PointId>,
    /// Its VLAN.
    pub vlan: Option<u16>,
    /// The point's name, or `beyond NAME`.
    pub name: Text,
    /// Frames seen on it.
    pub counters: Counters,
    /// The host's device that it is.
    pub device: Option<DeviceId>,
    /// The host's cable that it is, by [`Cable::key`](crate::host::Cable::key).
    pub cable: Option<Text>,
    /// Whether frames can pass, where the host says.
    pub state: LinkState,
}

/// What a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// What one point sees: a TAP, a cable, a segment.
    Point,
    /// Between a router and the remote hosts.
    Beyond,
    /// A device of the host that no point listens on.
    Device,
    /// What is behind a guest's network card, where that is no device of the host and no cable that it tells of.
    Backend,
    /// What joins guests' network cards without a device of the host.
    Cable,
}

/// Whether frames can pass a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkState {
    /// Nobody says.
    #[default]
    Unknown,
    /// They can.
    Up,
    /// The administrator switched it off.
    Down,
    /// A TAP that no process has open.
    Unread,
    /// The other side is missing.
    NoCarrier,
    /// The bridge's port lets nothing pass in this state.
    Blocked(PortState),
    /// The cable leads to nobody, in this state.
    Unplugged(CableState),
}

/// An edge: a node's attachment to a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its MAC, where it has one.
    pub mac: Option<MacAddr>,
    /// Its VLAN.
    pub vlan: Option<u16>,
    /// Frames from the node into the link.
    pub sent: Counters,
    /// Frames from the link to the node.
    pub received: Counters,
    /// Rates: sent, received.
    pub series: Series,
    /// Frames from it were seen.
    pub is_seen: bool,
    /// The host says so.
    pub is_configured: bool,
}

impl Topology {
    /// Every interface with its node and its link, in the order of the edges.
    pub fn attachments(&self) -> impl Iterator<Item = (&Node, &Link, &Interface)> {
        self.graph.edge_indices().filter_map(|edge| {
            let (a, b) = self.graph.edge_endpoints(edge)?;
            match (&self.graph[a], &self.graph[b]) {
                (Vertex::Node(node), Vertex::Link(link)) | (Vertex::Link(link), Vertex::Node(node)) => {
                    Some((node, link, &self.graph[edge]))
                }
                _ => None,
            }
        })
    }

    /// The nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.graph.node_weights().filter_map(|vertex| match vertex {
            Vertex::Node(node) => Some(node),
            Vertex::Link(_) => None,
        })
    }

    /// The links.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.graph.node_weights().filter_map(|vertex| match vertex {
            Vertex::Link(link) => Some(link),
            Vertex::Node(_) => None,
        })
    }
}

impl NodeKind {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            NodeKind::Host => "host",
            NodeKind::Router => "router",
            NodeKind::Guest => "guest",
            NodeKind::Local => "local",
            NodeKind::Bridge => "bridge",
            NodeKind::Outside => "outside",
            NodeKind::Stack => "stack",
            NodeKind::Program => "program",
        }
    }
}

impl LinkKind {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            LinkKind::Point => "point",
            LinkKind::Beyond => "beyond",
            LinkKind::Device => "device",
            LinkKind::Backend => "backend",
            LinkKind::Cable => "cable",
        }
    }

    /// Whether it is a place that guests and hosts attach to, rather than the way beyond a router.
    pub fn is_local(self) -> bool {
        self != LinkKind::Beyond
    }
}

/// In lower case, for programs and people.
impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkState::Unknown => f.pad("unknown"),
            LinkState::Up => f.pad("up"),
            LinkState::Down => f.pad("down"),
            LinkState::Unread => f.pad("nobody has it open"),
            LinkState::NoCarrier => f.pad("no carrier"),
            LinkState::Blocked(state) => write!(f, "port {}", state.name()),
            LinkState::Unplugged(state) => f.pad(state.name()),
        }
    }
}

/// A text that names the same thing in every output.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Station(point, mac) => write!(f, "{mac}@{}", point.0),
            Key::Address(point, ip) => write!(f, "{ip}@{}", point.0),
            Key::Bridge(point) => write!(f, "bridge@{}", point.0),
            Key::Outside(point, mac) => write!(f, "outside-{mac}@{}", point.0),
            Key::Link(point, None) => write!(f, "link@{}", point.0),
            Key::Link(point, Some(vlan)) => write!(f, "link.{vlan}@{}", point.0),
            Key::Beyond(point, mac) => write!(f, "beyond-{mac}@{}", point.0),
            Key::Local(netns) => write!(f, "local@{}", netns.0),
            Key::Guest(number) => write!(f, "guest-{number}"),
            Key::Joint(number) => write!(f, "joint-{number}"),
            Key::Device(number) => write!(f, "device-{number}"),
            Key::Backend(guest, card) => write!(f, "backend-{guest}.{card}"),
            Key::Cable(number) => write!(f, "cable-{number}"),
            Key::Stack(number) => write!(f, "stack-{number}"),
            Key::Program(pid) => write!(f, "program-{pid}"),
        }
    }
}
