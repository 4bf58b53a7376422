//! A host with very many guests: bridges of 50 guests, each guest with two network cards, the second at the next bridge; every third port
//! has counters that move.

use tapscope_graph::host::{
    Backend, BackendKind, Bridge, BridgePort, Device, DeviceCounters, DeviceId, DeviceKind, Guest, HostAddress, HostChange, HostFact,
    Namespace, Netns, Nic, PortState, TunMode,
};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Event, MacAddr, Network, Text, Timestamp, View};

/// Guests of a bridge.
const GUESTS: u32 = 50;
const NETNS: Netns = Netns(1);
/// Device numbers of the bridges; the TAPs come from here on.
const TAPS: u32 = 10_000;

/// The view of a host whose picture has so many nodes, and twice as many links.
pub fn view(nodes: u32) -> View {
    let mut network = Network::new(Limits::default(), 7);
    let bridges = (nodes / (GUESTS + 1)).max(1);
    let guests = nodes - bridges - 1;
    let set = HostChange::Set;
    let mut changes = vec![set(HostFact::Namespace(Namespace { id: NETNS, name: None, pid: None, is_own: true }))];
    for bridge in 0..bridges {
        let kind = DeviceKind::Bridge(Bridge::default());
        changes.push(set(HostFact::Device(Box::new(device(bridge + 1, format!("br{bridge}"), kind, None)))));
        changes.push(set(HostFact::Address(HostAddress {
            device: id(bridge + 1),
            ip: [10, (bridge >> 8) as u8, bridge as u8, 1].into(),
            length: 24,
            peer: None,
            scope: Default::default(),
            is_tentative: false,
            is_duplicate: false,
            is_deprecated: false,
            is_dynamic: false,
        })));
    }
    for guest in 0..guests {
        let taps = [0, 1].map(|card| TAPS + guest * 2 + card);
        for (card, tap) in (0..).zip(taps) {
            let master = Some(id((guest / GUESTS + card) % bridges + 1));
            changes.push(set(HostFact::Device(Box::new(tapped(tap, master)))));
        }
        let nics = taps.map(|tap| Nic {
            model: Some(Text::new("virtio-net-pci")),
            mac: Some(mac(tap)),
            backend: Some(Backend { kind: BackendKind::Tap, devices: vec![id(tap)], ..Backend::default() }),
            ..Nic::default()
        });
        changes.push(set(HostFact::Guest(Box::new(Guest {
            pid: 100_000 + guest,
            name: Some(Text::new(&format!("vm{guest:05}"))),
            nics: nics.to_vec(),
            ..Guest::default()
        }))));
    }
    network.observe(&Event::Host { at: second(0), changes });
    // Counters that moved tell rates.
    let moved = (0..guests * 2).step_by(3).map(|index| {
        let mut device = tapped(TAPS + index, Some(id((index / 2 / GUESTS + index % 2) % bridges + 1)));
        device.counters = DeviceCounters { received_octets: 1_000 * u64::from(index), received_packets: 100, ..DeviceCounters::default() };
        set(HostFact::Device(Box::new(device)))
    });
    network.observe(&Event::Host { at: second(1), changes: moved.collect() });
    network.tick(second(2));
    network.view()
}

fn second(number: i64) -> Timestamp {
    Timestamp((1_700_000_000 + number) * 1_000_000_000)
}

fn id(index: u32) -> DeviceId {
    DeviceId { netns: NETNS, index }
}

fn mac(number: u32) -> MacAddr {
    let [a, b, c, d] = number.to_be_bytes();
    MacAddr([2, 0, a, b, c, d])
}

fn tapped(index: u32, master: Option<DeviceId>) -> Device {
    device(index, format!("vnet{}", index - TAPS), DeviceKind::Tun(TunMode { is_tap: true, ..TunMode::default() }), master)
}

fn device(index: u32, name: String, kind: DeviceKind, master: Option<DeviceId>) -> Device {
    Device {
        id: id(index),
        name: Text::new(&name),
        kind,
        mac: Some(mac(index | 0x8000_0000)),
        mtu: 1500,
        is_up: true,
        has_carrier: true,
        master,
        port: master.map(|_| BridgePort { state: PortState::Forwarding, ..BridgePort::default() }),
        ..Device::default()
    }
}
