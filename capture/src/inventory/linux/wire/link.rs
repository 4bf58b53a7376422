//! Devices: `RTM_NEWLINK` (linux/if_link.h).

use super::nla::{attributes, buffers, integer, word, word_at};
use super::{Unread, conf, kind, vlan};
use netlink_packet_core::Parseable;
use netlink_packet_route::link::{InfoBridgePort, Stats64};
use tapscope_graph::host::{BridgePort, Device, DeviceCounters, DeviceId, Netns, OperState, PortState, PortVlan};
use tapscope_graph::{MacAddr, Text};

const ABOUT: &str = "a network device";
/// `struct ifinfomsg`
const HEADER: usize = 16;

const IFF_UP: u32 = 1;
const IFF_NOARP: u32 = 1 << 7;
const IFF_LOWER_UP: u32 = 1 << 16;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_WIRELESS: u16 = 11;
const IFLA_PROTINFO: u16 = 12;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_STATS64: u16 = 23;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_PROMISCUITY: u16 = 30;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_XDP: u16 = 43;
const IFLA_PROP_LIST: u16 = 52;
const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_PARENT_DEV_NAME: u16 = 56;

/// A device, as far as one message tells of it.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Link {
    /// The device. VLANs of its port are not in it, and `lower` is left to whoever knows the namespaces.
    pub device: Device,
    /// The index of the device below.
    pub lower: Option<u32>,
    /// The number of the namespace that the device below is in; none for the device's own. Negative where it has no number.
    pub lower_namespace: Option<i32>,
    /// Its settings.
    pub conf: Vec<LinkConf>,
}

/// A setting of a device: whether IPv6's, its name, its value.
pub(in super::super) type LinkConf = (bool, &'static str, i32);

/// What a bridge says of a port, or of itself.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct PortNews {
    /// The port's or the bridge's index.
    pub index: u32,
    /// The bridge; none where it speaks of itself.
    pub bridge: Option<u32>,
    /// The port, but for its VLANs.
    pub port: Option<BridgePort>,
    /// VLANs; none where the message does not tell.
    pub vlans: Option<Vec<PortVlan>>,
}

/// The index in a device's message.
pub(super) fn index(bytes: &[u8]) -> Result<u32, Unread> {
    word_at(bytes, 4).ok_or(Unread::short(ABOUT))
}

/// A device. `None` for messages about the radio of a wireless card, which tell nothing else.
pub(super) fn link(netns: Netns, bytes: &[u8]) -> Result<Option<Link>, Unread> {
    let rest = bytes.get(HEADER..).ok_or(Unread::short(ABOUT))?;
    let hardware = u16::from_ne_bytes([bytes[2], bytes[3]]);
    let flags = word_at(bytes, 8).unwrap_or(0);
    let mut device = Device { id: DeviceId { netns, index: index(bytes)? }, ..Device::default() };
    device.is_up = flags & IFF_UP != 0;
    device.has_carrier = flags & IFF_LOWER_UP != 0;
    device.is_noarp = flags & IFF_NOARP != 0;
    let mut link = Link { device: Device::default(), lower: None, lower_namespace: None, conf: Vec::new() };
    let mut info = kind::Info::default();
    let mut has_parent = false;
    for (kind, value) in attributes(rest) {
        match kind {
            IFLA_WIRELESS => return Ok(None),
            IFLA_ADDRESS => device.mac = value.try_into().ok().map(MacAddr),
            IFLA_IFNAME => device.name = Text::from_wire(value),
            IFLA_MTU => device.mtu = word(value).unwrap_or(0),
            IFLA_LINK => link.lower = word(value).filter(|&index| index != 0),
            IFLA_LINK_NETNSID => link.lower_namespace = word(value).map(|number| number as i32),
            IFLA_MASTER => device.master = word(value).filter(|&index| index != 0).map(|index| DeviceId { netns, index }),
            IFLA_OPERSTATE => device.oper_state = oper_state(value),
            IFLA_LINKINFO => info = kind::Info::read(value, hardware),
            IFLA_IFALIAS => device.aliases.push(Text::long_from_wire(value)),
            IFLA_PROP_LIST => {
                let names = attributes(value).filter(|(kind, _)| *kind == IFLA_ALT_IFNAME);
                device.aliases.extend(names.map(|(_, name)| Text::long_from_wire(name)));
            }
            IFLA_STATS64 => device.counters = counters(value),
            IFLA_PROMISCUITY => device.promiscuity = word(value).unwrap_or(0),
            IFLA_PARENT_DEV_NAME => has_parent = true,
            IFLA_XDP => device.xdp = xdp(value),
            IFLA_AF_SPEC => link.conf = conf::of_link(value),
            _ => {}
        }
    }
    if device.name.is_empty() {
        return Err(Unread { about: ABOUT, why: "it has no name".into() });
    }
    if device.mac == Some(MacAddr::ZERO) {
        device.mac = None;
    }
    device.port = device.master.and(info.port);
    device.kind = info.kind.unwrap_or_else(|| kind::without_driver(hardware, has_parent));
    // The kernel leaves out IFLA_LINK if the peer has our own index; IFLA_LINK_NETNSID then tells the two apart.
    if link.lower_namespace.is_some() && link.lower.is_none() {
        link.lower = Some(device.id.index);
    }
    link.device = device;
    Ok(Some(link))
}

/// A port of a bridge, or the bridge itself: a message of the family AF_BRIDGE.
pub(super) fn port(bytes: &[u8]) -> Result<PortNews, Unread> {
    let rest = bytes.get(HEADER..).ok_or(Unread::short("a bridge's port"))?;
    let mut news = PortNews { index: index(bytes)?, bridge: None, port: None, vlans: None };
    for (kind, value) in attributes(rest) {
        match kind {
            IFLA_MASTER => news.bridge = word(value).filter(|&index| index != 0),
            IFLA_PROTINFO => news.port = Some(bridge_port(value)),
            IFLA_AF_SPEC => news.vlans = Some(vlan::of_port(value)),
            _ => {}
        }
    }
    Ok(news)
}

/// The attributes `IFLA_BRPORT_…`, which stand in `IFLA_INFO_SLAVE_DATA` and in a bridge's `IFLA_PROTINFO`.
pub(super) fn bridge_port(value: &[u8]) -> BridgePort {
    let mut port = BridgePort::default();
    for attribute in buffers(value).filter_map(|buffer| InfoBridgePort::parse(&buffer).ok()) {
        match attribute {
            InfoBridgePort::State(state) => port.state = port_state(state.into()),
            InfoBridgePort::PortNumber(number) => port.number = number,
            InfoBridgePort::Cost(cost) => port.cost = cost,
            InfoBridgePort::Priority(priority) => port.priority = priority,
            InfoBridgePort::Isolated(is) => port.is_isolated = is,
            InfoBridgePort::HairpinMode(is) => port.hairpin = is,
            InfoBridgePort::Learning(is) => port.learning = is,
            InfoBridgePort::UnicastFlood(is) => port.flood = is,
            InfoBridgePort::MulticastFlood(is) => port.multicast_flood = is,
            InfoBridgePort::BroadcastFlood(is) => port.broadcast_flood = is,
            InfoBridgePort::Locked(is) => port.is_locked = is,
            InfoBridgePort::NeighSupress(is) => port.neighbor_suppression = is,
            InfoBridgePort::Guard(is) => port.guard = is,
            _ => {}
        }
    }
    port
}

/// The program that sees a device's frames first; of several the driver's.
fn xdp(value: &[u8]) -> Option<u32> {
    const IFLA_XDP_PROG_ID: u16 = 4;
    const IFLA_XDP_DRV_PROG_ID: u16 = 5;
    const IFLA_XDP_SKB_PROG_ID: u16 = 6;
    let find = |wanted| attributes(value).find(|(kind, _)| *kind == wanted).and_then(|(_, value)| word(value));
    [IFLA_XDP_PROG_ID, IFLA_XDP_DRV_PROG_ID, IFLA_XDP_SKB_PROG_ID].into_iter().find_map(find)
}

/// `BR_STATE_…` (linux/if_bridge.h)
fn port_state(state: u8) -> PortState {
    match state {
        1 => PortState::Listening,
        2 => PortState::Learning,
        3 => PortState::Forwarding,
        4 => PortState::Blocking,
        _ => PortState::Disabled,
    }
}

/// `IF_OPER_…` (linux/if.h)
fn oper_state(value: &[u8]) -> OperState {
    match integer(value) {
        Some(1) => OperState::NotPresent,
        Some(2) => OperState::Down,
        Some(3) => OperState::LowerLayerDown,
        Some(4) => OperState::Testing,
        Some(5) => OperState::Dormant,
        Some(6) => OperState::Up,
        _ => OperState::Unknown,
    }
}

/// `struct rtnl_link_stats64`; older kernels have a shorter one.
fn counters(value: &[u8]) -> DeviceCounters {
    let mut whole = value.to_vec();
    whole.resize(value.len().max(size_of::<Stats64>()), 0);
    let Ok(stats) = Stats64::parse(&whole) else { return DeviceCounters::default() };
    DeviceCounters {
        received_packets: stats.rx_packets,
        received_octets: stats.rx_bytes,
        sent_packets: stats.tx_packets,
        sent_octets: stats.tx_bytes,
        received_dropped: stats.rx_dropped,
        sent_dropped: stats.tx_dropped,
        received_errors: stats.rx_errors,
        sent_errors: stats.tx_errors,
    }
}

/// `RTM_NEWSTATS`: a device's index and counters.
pub(super) fn stats(bytes: &[u8]) -> Result<Option<(u32, DeviceCounters)>, Unread> {
    const IFLA_STATS_LINK_64: u16 = 1;
    let rest = bytes.get(12..).ok_or(Unread::short("counters"))?;
    let index = index(bytes)?;
    Ok(attributes(rest).find(|(kind, _)| *kind == IFLA_STATS_LINK_64).map(|(_, value)| (index, counters(value))))
}
