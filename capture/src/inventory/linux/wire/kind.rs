//! What a device is, by its driver: `IFLA_LINKINFO` (linux/if_link.h).

use super::link::bridge_port;
use super::nla::{attributes, buffers, integer, word};
use netlink_packet_core::{NlaBuffer, Parseable};
use netlink_packet_route::link::{BridgeId, BridgeStpState, InfoBond, InfoBridge, InfoMacVlan, InfoVxlan};
use tapscope_graph::host::{Bridge, BridgePort, DeviceKind, TunMode, VlanProtocol};
use tapscope_graph::{MacAddr, Text};

const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_INFO_SLAVE_KIND: u16 = 4;
const IFLA_INFO_SLAVE_DATA: u16 = 5;

const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

/// `IFF_TAP` of linux/if_tun.h, which is what `IFLA_TUN_TYPE` says.
const IFF_TAP: u64 = 2;

/// What a driver says.
#[derive(Default)]
pub(super) struct Info {
    /// The device's kind; none where it has no driver of this sort.
    pub kind: Option<DeviceKind>,
    /// As a port of a bridge.
    pub port: Option<BridgePort>,
}

impl Info {
    /// Reads `IFLA_LINKINFO`; `hardware` is the device's ARPHRD_… type.
    pub(super) fn read(value: &[u8], hardware: u16) -> Info {
        let find = |wanted| attributes(value).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
        let data = find(IFLA_INFO_DATA).unwrap_or_default();
        let is_bridged = find(IFLA_INFO_SLAVE_KIND).is_some_and(|kind| trimmed(kind) == b"bridge");
        Info {
            kind: find(IFLA_INFO_KIND).map(|kind| device_kind(trimmed(kind), data, hardware)),
            port: is_bridged.then(|| bridge_port(find(IFLA_INFO_SLAVE_DATA).unwrap_or_default())),
        }
    }
}

/// The kind of a device whose driver has no name here.
pub(super) fn without_driver(hardware: u16, has_parent: bool) -> DeviceKind {
    match hardware {
        ARPHRD_LOOPBACK => DeviceKind::Loopback,
        ARPHRD_ETHER => DeviceKind::Physical,
        _ if has_parent => DeviceKind::Physical,
        _ => DeviceKind::Unknown,
    }
}

fn trimmed(value: &[u8]) -> &[u8] {
    value.strip_suffix(&[0]).unwrap_or(value)
}

fn device_kind(kind: &[u8], data: &[u8], hardware: u16) -> DeviceKind {
    match kind {
        b"tun" => DeviceKind::Tun(tun(data, hardware)),
        b"bridge" => DeviceKind::Bridge(bridge(data)),
        b"veth" => DeviceKind::Veth,
        b"vlan" => vlan(data),
        b"macvlan" => DeviceKind::Macvlan(macvlan_mode(data)),
        b"macvtap" => DeviceKind::Macvtap(macvlan_mode(data)),
        b"vxlan" => DeviceKind::Vxlan(
            each(data, |buffer| InfoVxlan::parse(buffer).ok())
                .find_map(|attribute| if let InfoVxlan::Id(id) = attribute { Some(id) } else { None })
                .unwrap_or(0),
        ),
        b"bond" => DeviceKind::Bond(
            each(data, |buffer| InfoBond::parse(buffer).ok())
                .find_map(|attribute| if let InfoBond::Mode(mode) = attribute { Some(Text::new(&mode.to_string())) } else { None })
                .unwrap_or_default(),
        ),
        b"dummy" => DeviceKind::Dummy,
        other => DeviceKind::Other(Text::from_wire(other)),
    }
}

/// Reads each attribute with the crate's reader, and leaves out those that it refuses.
fn each<'a, T: 'a>(data: &'a [u8], read: impl Fn(&NlaBuffer<&'a [u8]>) -> Option<T> + 'a) -> impl Iterator<Item = T> + 'a {
    buffers(data).filter_map(move |buffer| read(&buffer))
}

/// `IFLA_TUN_…`; the crate does not know them.
fn tun(data: &[u8], hardware: u16) -> TunMode {
    // Kernels before 4.18 do not tell the type; a TAP is what looks like Ethernet.
    let mut mode = TunMode { is_tap: hardware == ARPHRD_ETHER, ..TunMode::default() };
    for (kind, value) in attributes(data) {
        let on = integer(value).is_some_and(|value| value != 0);
        match kind {
            1 => mode.owner = word(value),
            3 => mode.is_tap = integer(value) == Some(IFF_TAP),
            4 => mode.has_packet_information = on,
            5 => mode.has_vnet_header = on,
            6 => mode.is_persistent = on,
            7 => mode.is_multi_queue = on,
            _ => {}
        }
    }
    mode
}

/// `IFLA_VLAN_ID` and `IFLA_VLAN_PROTOCOL`, an EtherType in network order.
fn vlan(data: &[u8]) -> DeviceKind {
    let (mut vid, mut protocol) = (0, VlanProtocol::Q);
    for (kind, value) in attributes(data) {
        match (kind, value) {
            (1, &[a, b]) => vid = u16::from_ne_bytes([a, b]),
            (5, [0x88, 0xa8]) => protocol = VlanProtocol::Ad,
            _ => {}
        }
    }
    DeviceKind::Vlan { vid, protocol }
}

/// `IFLA_MACVLAN_MODE`; macvtap's attributes are the same.
fn macvlan_mode(data: &[u8]) -> Text {
    each(data, |buffer| InfoMacVlan::parse(buffer).ok())
        .find_map(|attribute| if let InfoMacVlan::Mode(mode) = attribute { Some(Text::new(&mode.to_string())) } else { None })
        .unwrap_or_default()
}

/// `IFLA_BR_…`
fn bridge(data: &[u8]) -> Bridge {
    /// Times are in hundredths of a second for every program (USER_HZ).
    const HUNDREDTHS: u32 = 100;
    const IFLA_BR_MCAST_QUERIER: u16 = 25;
    const IFLA_BR_MCAST_QUERIER_STATE: u16 = 47;
    const BRIDGE_QUERIER_IPV6_OTHER_TIMER: u16 = 7;
    let id = |id: BridgeId| Some((id.priority, MacAddr(id.address)));
    let mut bridge = Bridge::default();
    for attribute in each(data, |buffer| InfoBridge::parse(buffer).ok()) {
        match attribute {
            InfoBridge::StpState(state) => bridge.stp = state != BridgeStpState::Disabled,
            InfoBridge::VlanFiltering(on) => bridge.vlan_filtering = on,
            InfoBridge::VlanDefaultPvid(vid) => bridge.default_pvid = Some(vid).filter(|&vid| vid != 0),
            InfoBridge::BridgeId(own) => bridge.id = id(own),
            InfoBridge::RootId(root) => bridge.root = id(root),
            InfoBridge::AgeingTime(time) => bridge.ageing_seconds = time / HUNDREDTHS,
            InfoBridge::ForwardDelay(time) => bridge.forward_delay_seconds = time / HUNDREDTHS,
            InfoBridge::MulticastSnooping(on) => bridge.multicast_snooping = on,
            InfoBridge::NfCallIpTables(on) => bridge.calls_iptables = on,
            _ => {}
        }
    }
    for (kind, value) in attributes(data) {
        match kind {
            IFLA_BR_MCAST_QUERIER => bridge.multicast_querier = integer(value).is_some_and(|value| value != 0),
            // The timers of others are told as long as they run.
            IFLA_BR_MCAST_QUERIER_STATE => {
                bridge.hears_querier_v6 = attributes(value).any(|(kind, _)| kind == BRIDGE_QUERIER_IPV6_OTHER_TIMER)
            }
            _ => {}
        }
    }
    bridge
}

#[cfg(test)]
mod tests {
    use super::super::nla::push;
    use super::*;

    /// `IFLA_LINKINFO` of a kind with attributes.
    fn kind(name: &[u8], attributes: &[(u16, &[u8])]) -> DeviceKind {
        let (mut value, mut data) = (Vec::new(), Vec::new());
        push(&mut value, IFLA_INFO_KIND, &[name, &[0]].concat());
        attributes.iter().for_each(|(kind, value)| push(&mut data, *kind, value));
        push(&mut value, IFLA_INFO_DATA, &data);
        Info::read(&value, ARPHRD_ETHER).kind.expect("a kind")
    }

    #[test]
    fn kinds_that_not_every_kernel_can_make() {
        let vid = 100u16.to_ne_bytes();
        assert_eq!(kind(b"vlan", &[(1, &vid)]), DeviceKind::Vlan { vid: 100, protocol: VlanProtocol::Q });
        assert_eq!(kind(b"vlan", &[(5, &[0x88, 0xa8]), (1, &vid)]), DeviceKind::Vlan { vid: 100, protocol: VlanProtocol::Ad });
        assert_eq!(kind(b"bond", &[(1, &[1])]), DeviceKind::Bond(Text::new("active-backup")));
        assert_eq!(kind(b"dummy", &[]), DeviceKind::Dummy);
        assert_eq!(kind(b"macvtap", &[(1, &4u32.to_ne_bytes())]), DeviceKind::Macvtap(Text::new("bridge")));
        assert_eq!(kind(b"wireguard", &[]), DeviceKind::Other(Text::new("wireguard")));
    }

    #[test]
    fn a_bridge_that_filters_vlans_and_speaks_stp() {
        let root = [0x80, 0, 2, 0, 0, 0, 0, 1];
        let attributes: [(u16, &[u8]); 6] = [
            (1, &400u32.to_ne_bytes()),
            (4, &30000u32.to_ne_bytes()),
            (5, &1u32.to_ne_bytes()),
            (7, &[1]),
            (10, &root),
            (39, &7u16.to_ne_bytes()),
        ];
        let expected = Bridge {
            stp: true,
            vlan_filtering: true,
            default_pvid: Some(7),
            root: Some((0x8000, MacAddr([2, 0, 0, 0, 0, 1]))),
            ageing_seconds: 300,
            forward_delay_seconds: 4,
            ..Bridge::default()
        };
        assert_eq!(kind(b"bridge", &attributes), DeviceKind::Bridge(expected));
    }

    #[test]
    fn an_attribute_of_the_wrong_length_costs_only_itself() {
        let attributes: [(u16, &[u8]); 2] = [(4, &[1]), (7, &[1])];
        assert_eq!(kind(b"bridge", &attributes), DeviceKind::Bridge(Bridge { vlan_filtering: true, ..Bridge::default() }));
    }
}
