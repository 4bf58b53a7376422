//! What the host says of itself: namespaces, devices, addresses, routes, neighbours, bridges' tables, settings, rules and guests.
//!
//! The same facts as frames prove, with another provenance: "configured" beside "seen". A fact is one row with a key; a later row with
//! the same key replaces it, and [`HostChange::Gone`] takes it away. Read netdevice(7), rtnetlink(7) and bridge(8) for the words.

mod asked;
mod cable;
mod counter;
mod device;
mod guest;
mod index;
mod inquiry;
mod ip;
mod readings;
mod table;
mod user;

pub use asked::{Asked, AskedCard, ReceiveFilter};
pub use cable::{Cable, CableEnd, CableKind, CableRole, CableSight, CableState, Carrier};
pub use counter::{Counter, Drop, Listener};
pub use device::{Bridge, BridgePort, Device, DeviceCounters, DeviceId, DeviceKind, OperState, PortState, PortVlan, TunMode, VlanProtocol};
pub use guest::{Backend, BackendKind, Guest, Nic, Reader};
pub use inquiry::{Inquiry, RouteAnswer, RouteInquiry, RouteLookup, Tracked, TrackedTuple};
pub use ip::{AddressScope, HostAddress, HostNeighbor, NeighborState, Prefix, Route, RouteKind, Rule};
pub use table::{Departed, Host};
pub use user::UserNetwork;

use crate::{MacAddr, Text};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A network namespace, by the inode number of `/proc/PID/ns/net`; unique while it exists. 0 where the system has none (the BSDs).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Netns(pub u64);

/// A network namespace and what it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Which.
    pub id: Netns,
    /// Its name in `/run/netns`, where it has one.
    pub name: Option<Text>,
    /// The lowest process that lives in it, where that may be seen.
    pub pid: Option<u32>,
    /// Whether it is the one that tapscope runs in.
    pub is_own: bool,
}

/// A setting that decides over packets, such as `net.ipv4.ip_forward` = `1` (sysctl(8)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// Where.
    pub netns: Netns,
    /// Its name in sysctl's form, with dots; per device `net.ipv4.conf.tap0.rp_filter`.
    pub name: Text,
    /// Its value, as the kernel prints it.
    pub value: Text,
}

/// A rule of a firewall, in the order of its chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FirewallRule {
    /// Where.
    pub netns: Netns,
    /// `nft`, `iptables`, `ip6tables`, `ebtables` or `tc`.
    pub tool: Text,
    /// Family and table, such as `inet filter`; for tc the device's name.
    pub table: Text,
    /// Chain; for tc `ingress` or `egress`; `set NAME` for what is in a set of nftables, an element a rule.
    pub chain: Text,
    /// The hook and priority of a base chain, such as `forward 0`, and its policy.
    pub hook: Option<Text>,
    /// Its place in the chain, from 0; the chain's policy comes behind the last rule.
    pub number: u32,
    /// The rule, as its tool would print it.
    pub rule: Text,
    /// What nft(8) calls it by, when one rule is taken away; none for other tools, and for policies.
    pub handle: Option<u64>,
    /// Packets and octets that met it, where it counts.
    pub hits: Option<(u64, u64)>,
}

/// An entry of a bridge's forwarding database (bridge(8), fdb).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FdbEntry {
    /// The port that it leads to; the bridge itself for its own addresses.
    pub port: DeviceId,
    /// Whose.
    pub mac: MacAddr,
    /// In which VLAN; none where the bridge does not filter VLANs.
    pub vlan: Option<u16>,
    /// The bridge; none in a device's own table (`self`), such as a VXLAN's.
    pub bridge: Option<DeviceId>,
    /// Seconds since the entry was last refreshed by a frame.
    pub age: Option<u32>,
    /// The port's own address, or a static entry: never learned, never aged.
    pub is_permanent: bool,
    /// Other flags, such as `extern_learn`, `sticky`, `offload`.
    pub flags: Vec<Text>,
    /// Remote tunnel end, for a VXLAN.
    pub destination: Option<IpAddr>,
}

/// Something that could not be read, and what would make it readable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unreadable {
    /// What, such as `the guest behind tap0`.
    pub what: Text,
    /// Why, such as `process 812 belongs to another user`.
    pub why: Text,
    /// The one command that gives it.
    pub remedy: Text,
}

/// One thing that the host says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostFact {
    /// A network namespace.
    Namespace(Namespace),
    /// A network device.
    Device(Box<Device>),
    /// An address of a device.
    Address(HostAddress),
    /// A route.
    Route(Route),
    /// A routing policy rule.
    Rule(Rule),
    /// An entry of the neighbour table: ARP's or ND's cache.
    Neighbor(HostNeighbor),
    /// An entry of a forwarding database.
    Fdb(FdbEntry),
    /// A setting.
    Setting(Setting),
    /// A firewall's rule.
    Firewall(FirewallRule),
    /// A guest.
    Guest(Box<Guest>),
    /// What a guest's QEMU said when it was asked.
    Asked(Box<Asked>),
    /// What joins guests without a device.
    Cable(Box<Cable>),
    /// Another program that has a TUN or TAP device open.
    Reader(Reader),
    /// A counter of the kernel.
    Counter(Counter),
    /// Packets that the kernel dropped for one reason at one place.
    Drop(Drop),
    /// A socket that waits for datagrams or connections.
    Listener(Listener),
    /// The way of one packet, as the kernel itself told it when it was asked.
    RouteLookup(Box<RouteLookup>),
    /// A connection that is tracked, as the kernel told when it was asked.
    Tracked(Tracked),
    /// Something that could not be read.
    Unreadable(Unreadable),
    /// Frames that the kernel threw away before any point, since it started: the second column of `/proc/net/softnet_stat`, all processors.
    Backlog(u64),
}

/// What identifies a [`HostFact`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKey {
    /// As [`Namespace::id`].
    Namespace(Netns),
    /// As [`Device::id`].
    Device(DeviceId),
    /// Device, address, prefix length.
    Address(DeviceId, IpAddr, u8),
    /// Namespace, table, destination, metric, gateway, device: what two routes may share all but one of.
    Route(Netns, u32, Prefix, u32, Option<IpAddr>, Option<u32>),
    /// Namespace, whether IPv6, priority, its text.
    Rule(Netns, bool, u32, Text),
    /// Device, address.
    Neighbor(DeviceId, IpAddr),
    /// Port, address, VLAN, whether the device's own table.
    Fdb(DeviceId, MacAddr, Option<u16>, bool),
    /// Namespace, name.
    Setting(Netns, Text),
    /// Namespace, tool, table, chain, number.
    Firewall(Netns, Text, Text, Text, u32),
    /// Process.
    Guest(u32),
    /// Process of the guest that was asked.
    Asked(u32),
    /// As [`Cable::key`].
    Cable(Text),
    /// Process, name of the device.
    Reader(u32, Text),
    /// Namespace, device, name.
    Counter(Netns, Option<u32>, Text),
    /// Namespace, device, reason, location, EtherType.
    Drop(Option<Netns>, Option<u32>, Text, Text, u16),
    /// Namespace, protocol, address, port.
    Listener(Netns, u8, IpAddr, u16),
    /// Namespace, source, destination, index of the device that it came in by.
    RouteLookup(Netns, Option<IpAddr>, IpAddr, Option<u32>),
    /// Namespace, protocol, the original direction.
    Tracked(Netns, u8, TrackedTuple),
    /// What.
    Unreadable(Text),
    /// The one counter.
    Backlog,
}

impl HostFact {
    /// What a later row must share to replace this one.
    pub fn key(&self) -> HostKey {
        match self {
            HostFact::Namespace(row) => HostKey::Namespace(row.id),
            HostFact::Device(row) => HostKey::Device(row.id),
            HostFact::Address(row) => HostKey::Address(row.device, row.ip, row.length),
            HostFact::Route(row) => {
                HostKey::Route(row.netns, row.table, row.destination, row.metric, row.gateway, row.device.map(|device| device.index))
            }
            HostFact::Rule(row) => HostKey::Rule(row.netns, row.is_v6, row.priority, row.text.clone()),
            HostFact::Neighbor(row) => HostKey::Neighbor(row.device, row.ip),
            HostFact::Fdb(row) => HostKey::Fdb(row.port, row.mac, row.vlan, row.bridge.is_none()),
            HostFact::Setting(row) => HostKey::Setting(row.netns, row.name.clone()),
            HostFact::Firewall(row) => HostKey::Firewall(row.netns, row.tool.clone(), row.table.clone(), row.chain.clone(), row.number),
            HostFact::Guest(row) => HostKey::Guest(row.pid),
            HostFact::Asked(row) => HostKey::Asked(row.pid),
            HostFact::Cable(row) => HostKey::Cable(row.key.clone()),
            HostFact::Reader(row) => HostKey::Reader(row.pid, row.interface.clone()),
            HostFact::Counter(row) => HostKey::Counter(row.netns, row.device, row.name.clone()),
            HostFact::Drop(row) => HostKey::Drop(row.netns, row.device, row.reason.clone(), row.location.clone(), row.ether_type),
            HostFact::Listener(row) => HostKey::Listener(row.netns, row.protocol, row.address, row.port),
            HostFact::RouteLookup(row) => row.packet.key(),
            HostFact::Tracked(row) => HostKey::Tracked(row.netns, row.protocol, row.original),
            HostFact::Unreadable(row) => HostKey::Unreadable(row.what.clone()),
            HostFact::Backlog(_) => HostKey::Backlog,
        }
    }
}

/// One change of what the host says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostChange {
    /// New, or other than before.
    Set(HostFact),
    /// Not there any more. With a namespace or device goes all that is on it.
    Gone(HostKey),
}
