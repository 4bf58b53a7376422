//! Network devices: TAPs, bridges, cables, cards.

use super::Netns;
use crate::{MacAddr, Text};
use serde::{Deserialize, Serialize};

/// A network device: its namespace, and its index there (`ifindex`). A device that is made again has another index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceId {
    /// Where.
    pub netns: Netns,
    /// Interface index, from 1; 0 where it is not known.
    pub index: u32,
}

/// A network device, as `ip -d link` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// Which.
    pub id: DeviceId,
    /// Its name.
    pub name: Text,
    /// What it is; told by its driver, never by its name.
    pub kind: DeviceKind,
    /// Link-layer address.
    pub mac: Option<MacAddr>,
    /// Largest packet, octets, without the link-layer header.
    pub mtu: u32,
    /// IFF_UP: the administrator wants it up.
    pub is_up: bool,
    /// IFF_LOWER_UP: the other side is there; for a TAP, a process has it open.
    pub has_carrier: bool,
    /// RFC 2863's state.
    pub oper_state: OperState,
    /// How many listeners made it promiscuous (`promiscuity`), tapscope among them.
    pub promiscuity: u32,
    /// The bridge, bond or VRF that it is a part of; in its own namespace.
    pub master: Option<DeviceId>,
    /// The device below: a VLAN's or macvlan's base, a veth's other end. May be in another namespace; 0 as its namespace where that is
    /// not known.
    pub lower: Option<DeviceId>,
    /// As a port of its bridge.
    pub port: Option<BridgePort>,
    /// Alternative names and alias.
    pub aliases: Vec<Text>,
    /// The identifier of an XDP program that sees its frames before anybody else does.
    pub xdp: Option<u32>,
    /// IFF_NOARP: it neither asks for addresses nor answers for its own.
    pub is_noarp: bool,
    /// Offloads that let frames be larger than the MTU or checksums unfinished, as ethtool names them; empty where unknown.
    pub offloads: Vec<Text>,
    /// What its driver says of its speed, megabits a second; none where it says nothing, or nothing is plugged in.
    pub speed: Option<u32>,
    /// Counters.
    pub counters: DeviceCounters,
}

/// What a device is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// A card, or whatever has a bus below it.
    Physical,
    /// `lo`.
    Loopback,
    /// A tun or tap device (Documentation/networking/tuntap.rst).
    Tun(TunMode),
    /// A bridge.
    Bridge(Bridge),
    /// One end of a pair.
    Veth,
    /// A VLAN on a device.
    Vlan {
        /// Identifier.
        vid: u16,
        /// Tag.
        protocol: VlanProtocol,
    },
    /// A macvlan and its mode.
    Macvlan(Text),
    /// A macvtap and its mode: read by a process as `/dev/tapINDEX`.
    Macvtap(Text),
    /// A VXLAN and its network identifier.
    Vxlan(u32),
    /// A bond and its mode.
    Bond(Text),
    /// A dummy.
    Dummy,
    /// Another kind, by the kernel's name (`IFLA_INFO_KIND`).
    Other(Text),
    /// The system did not say.
    #[default]
    Unknown,
}

/// Of a tun or tap device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TunMode {
    /// Ethernet frames (tap), rather than IP packets (tun).
    pub is_tap: bool,
    /// IFF_VNET_HDR.
    pub has_vnet_header: bool,
    /// IFF_MULTI_QUEUE.
    pub is_multi_queue: bool,
    /// It stays when no process has it open.
    pub is_persistent: bool,
    /// Its owner's user identifier.
    pub owner: Option<u32>,
}

/// A VLAN tag's protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VlanProtocol {
    /// 802.1Q.
    #[default]
    Q,
    /// 802.1ad.
    Ad,
}

/// Of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bridge {
    /// Whether the spanning tree protocol runs.
    pub stp: bool,
    /// Whether VLANs are kept apart.
    pub vlan_filtering: bool,
    /// The default PVID of new ports.
    pub default_pvid: Option<u16>,
    /// Own identifier: priority, address.
    pub id: Option<(u16, MacAddr)>,
    /// Root bridge's identifier.
    pub root: Option<(u16, MacAddr)>,
    /// Seconds until a learned address is forgotten.
    pub ageing_seconds: u32,
    /// Seconds in the listening and in the learning state each.
    pub forward_delay_seconds: u32,
    /// Whether multicast is only sent where it is wanted.
    pub multicast_snooping: bool,
    /// Whether it asks who wants multicast.
    pub multicast_querier: bool,
    /// Whether bridged IPv4 passes iptables, for this bridge (`nf_call_iptables`).
    pub calls_iptables: bool,
    /// VLANs of the bridge device itself.
    pub vlans: Vec<PortVlan>,
}

/// A device as a port of a bridge (bridge(8), link).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BridgePort {
    /// Spanning tree state.
    pub state: PortState,
    /// Port number.
    pub number: u16,
    /// Path cost.
    pub cost: u32,
    /// Priority.
    pub priority: u16,
    /// Frames do not pass between isolated ports.
    pub is_isolated: bool,
    /// Frames may leave by the port that they came in by.
    pub hairpin: bool,
    /// Source addresses are learned.
    pub learning: bool,
    /// Frames to unknown unicast addresses leave here.
    pub flood: bool,
    /// Frames to multicast groups that nobody joined leave here.
    pub multicast_flood: bool,
    /// Broadcasts leave here.
    pub broadcast_flood: bool,
    /// Only addresses that are in the forwarding database already may send (802.1X).
    pub is_locked: bool,
    /// ARP and ND are answered by the bridge.
    pub neighbor_suppression: bool,
    /// BPDUs that come in shut it down.
    pub guard: bool,
    /// Membership in VLANs; empty where the bridge does not filter them.
    pub vlans: Vec<PortVlan>,
}

impl BridgePort {
    /// The VLAN of frames that come in untagged.
    pub fn pvid(&self) -> Option<u16> {
        self.vlans.iter().find(|vlan| vlan.is_pvid).map(|vlan| vlan.vid)
    }
}

/// A port's membership in a VLAN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct PortVlan {
    /// Identifier.
    pub vid: u16,
    /// Frames that come in untagged belong to it.
    pub is_pvid: bool,
    /// Frames leave untagged.
    pub is_untagged: bool,
}

/// A bridge port's state (IEEE 802.1D, 17.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortState {
    /// No frame passes.
    #[default]
    Disabled,
    /// No frame passes, BPDUs are heard.
    Listening,
    /// No frame passes, addresses are learned.
    Learning,
    /// Frames pass.
    Forwarding,
    /// No frame passes: the spanning tree goes another way.
    Blocking,
}

/// RFC 2863's ifOperStatus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperState {
    /// Drivers that do not say, such as loopback's.
    #[default]
    Unknown,
    /// Hardware is missing.
    NotPresent,
    /// Cannot pass packets.
    Down,
    /// Waits for a device below.
    LowerLayerDown,
    /// In a test.
    Testing,
    /// Waits, such as for 802.1X.
    Dormant,
    /// Passes packets.
    Up,
}

/// A device's counters since it was made, from the host's side: a TAP receives what its guest sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceCounters {
    /// Packets received.
    pub received_packets: u64,
    /// Octets received.
    pub received_octets: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Octets sent.
    pub sent_octets: u64,
    /// Received packets that were thrown away; a veth's other end counts them as sent.
    pub received_dropped: u64,
    /// Packets that were not sent: for a TAP, the guest does not fetch them, or nobody has it open.
    pub sent_dropped: u64,
    /// Damaged on the way in.
    pub received_errors: u64,
    /// Failed on the way out.
    pub sent_errors: u64,
}

impl DeviceCounters {
    /// What was counted since an earlier reading; nothing where a counter was set back.
    pub fn since(&self, before: &DeviceCounters) -> DeviceCounters {
        DeviceCounters {
            received_packets: self.received_packets.saturating_sub(before.received_packets),
            received_octets: self.received_octets.saturating_sub(before.received_octets),
            sent_packets: self.sent_packets.saturating_sub(before.sent_packets),
            sent_octets: self.sent_octets.saturating_sub(before.sent_octets),
            received_dropped: self.received_dropped.saturating_sub(before.received_dropped),
            sent_dropped: self.sent_dropped.saturating_sub(before.sent_dropped),
            received_errors: self.received_errors.saturating_sub(before.received_errors),
            sent_errors: self.sent_errors.saturating_sub(before.sent_errors),
        }
    }
}

impl DeviceKind {
    /// In lower case, for programs and people; the kernel's word where it has one.
    pub fn name(&self) -> &str {
        match self {
            DeviceKind::Physical => "physical",
            DeviceKind::Loopback => "loopback",
            DeviceKind::Tun(mode) if mode.is_tap => "tap",
            DeviceKind::Tun(_) => "tun",
            DeviceKind::Bridge(_) => "bridge",
            DeviceKind::Veth => "veth",
            DeviceKind::Vlan { .. } => "vlan",
            DeviceKind::Macvlan(_) => "macvlan",
            DeviceKind::Macvtap(_) => "macvtap",
            DeviceKind::Vxlan(_) => "vxlan",
            DeviceKind::Bond(_) => "bond",
            DeviceKind::Dummy => "dummy",
            DeviceKind::Other(name) => name.as_str(),
            DeviceKind::Unknown => "unknown",
        }
    }
}

impl PortState {
    /// In lower case, as bridge(8) prints it.
    pub fn name(self) -> &'static str {
        match self {
            PortState::Disabled => "disabled",
            PortState::Listening => "listening",
            PortState::Learning => "learning",
            PortState::Forwarding => "forwarding",
            PortState::Blocking => "blocking",
        }
    }
}

impl OperState {
    /// In lower case, as ip(8) prints it.
    pub fn name(self) -> &'static str {
        match self {
            OperState::Unknown => "unknown",
            OperState::NotPresent => "notpresent",
            OperState::Down => "down",
            OperState::LowerLayerDown => "lowerlayerdown",
            OperState::Testing => "testing",
            OperState::Dormant => "dormant",
            OperState::Up => "up",
        }
    }
}
