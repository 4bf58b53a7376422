//! What the host says, as text.
//!
//! - `host device 2 tap0 tap 1a master 4`: device 2, its name, kind and MAC (02:00:00:00:00:1a); up with carrier unless `down` or `unread`
//!   follows; `master N`, `lower N` and `state blocking` as they read.
//! - `host address 4 10.0.2.100/24`, `host guest 100 g1 a@2 b@3`: a process, its name, its cards with the device that each reads.
//! - `host ns 2 web` (`own` for the one that tapscope runs in); a device there is `2/5`. `host neighbor 4 10.0.2.101 a reachable`,
//!   `host fdb 2 a bridge 4 age 3`, `host backlog 7`, `host unreadable WHAT WHY REMEDY` with `_` for spaces.
//! - `host cable tcp_127.0.0.1:8010 tcp connected listens=100.0 connects=101.0 carried`: a cable, `_` for spaces in its key; its kind and
//!   state; its ends as `ROLE=PROCESS.CARD` or `ROLE=PROGRAM:PROCESS`; how it can be seen: `carried`, `asked=REMEDY`, `unseen=WHY=REMEDY`.
//!   A card behind which is no device is `a@user`, `a@socket`, `a@vhost-user`, with options as `a@user:net=10.9.0.0/24`.
//! - `host reader 300 tapscope_hub 2 tap0`: a program that is no guest and has a TAP open.
//! - `host set net.ipv4.ip_forward 1`, `host gone device 2`, `host gone guest 100`.

use tapscope_graph::host::{
    Backend, BackendKind, Bridge, BridgePort, Cable, CableEnd, CableKind, CableRole, CableSight, CableState, Carrier, Device, DeviceId,
    DeviceKind, FdbEntry, Guest, HostAddress, HostChange, HostFact, HostKey, HostNeighbor, Namespace, NeighborState, Netns, Nic, PortState,
    Reader, Setting, TunMode, Unreadable,
};
use tapscope_graph::{MacAddr, Text};

/// Where everything is.
pub const NETNS: Netns = Netns(1);

fn id(index: &str) -> DeviceId {
    match index.split_once('/') {
        Some((netns, index)) => DeviceId { netns: Netns(netns.parse().expect("a namespace")), index: index.parse().expect("an index") },
        None => DeviceId { netns: NETNS, index: index.parse().expect("an index") },
    }
}

/// The change that some words describe.
pub fn change(words: &[&str]) -> HostChange {
    match *words {
        ["device", index, name, kind, mac, ref rest @ ..] => {
            HostChange::Set(HostFact::Device(Box::new(device(index, name, kind, mac, rest))))
        }
        ["address", index, address] => {
            let (ip, length) = address.split_once('/').expect("an address and a length");
            HostChange::Set(HostFact::Address(HostAddress {
                device: id(index),
                ip: ip.parse().expect("an address"),
                length: length.parse().expect("a length"),
                peer: None,
                scope: Default::default(),
                is_tentative: false,
                is_duplicate: false,
                is_deprecated: false,
                is_dynamic: false,
            }))
        }
        ["guest", pid, name, ref cards @ ..] => HostChange::Set(HostFact::Guest(Box::new(Guest {
            pid: pid.parse().expect("a process"),
            name: Some(Text::new(name)),
            nics: cards.iter().map(|card| nic(card)).collect(),
            ..Guest::default()
        }))),
        ["set", name, value] => {
            HostChange::Set(HostFact::Setting(Setting { netns: NETNS, name: Text::new(name), value: Text::new(value) }))
        }
        ["ns", id, name] => HostChange::Set(HostFact::Namespace(Namespace {
            id: Netns(id.parse().expect("a namespace")),
            name: (name != "own").then(|| Text::new(name)),
            pid: None,
            is_own: name == "own",
        })),
        ["neighbor", index, ip, mac, state] => HostChange::Set(HostFact::Neighbor(HostNeighbor {
            device: id(index),
            ip: ip.parse().expect("an address"),
            mac: (mac != "-").then(|| MacAddr(super::station(mac))),
            state: match state {
                "reachable" => NeighborState::Reachable,
                "stale" => NeighborState::Stale,
                "failed" => NeighborState::Failed,
                other => panic!("no such state: {other}"),
            },
            is_router: false,
            is_proxy: false,
        })),
        ["fdb", port, mac, "bridge", bridge, "age", age] => HostChange::Set(HostFact::Fdb(FdbEntry {
            port: id(port),
            mac: MacAddr(super::station(mac)),
            bridge: Some(id(bridge)),
            age: Some(age.parse().expect("seconds")),
            ..FdbEntry::default()
        })),
        ["backlog", frames] => HostChange::Set(HostFact::Backlog(frames.parse().expect("a number"))),
        ["unreadable", what, why, remedy] => HostChange::Set(HostFact::Unreadable(Unreadable {
            what: Text::new(&what.replace('_', " ")),
            why: Text::new(&why.replace('_', " ")),
            remedy: Text::new(&remedy.replace('_', " ")),
        })),
        ["cable", key, kind, state, ref rest @ ..] => HostChange::Set(HostFact::Cable(Box::new(cable(key, kind, state, rest)))),
        ["reader", pid, program, index, interface] => HostChange::Set(HostFact::Reader(Reader {
            pid: pid.parse().expect("a process"),
            program: spaced(program),
            netns: Some(NETNS),
            interface: Text::new(interface),
            device: Some(id(index)),
        })),
        ["gone", "cable", key] => HostChange::Gone(HostKey::Cable(spaced(key))),
        ["gone", "device", index] => HostChange::Gone(HostKey::Device(id(index))),
        ["gone", "guest", pid] => HostChange::Gone(HostKey::Guest(pid.parse().expect("a process"))),
        _ => panic!("not understood: {words:?}"),
    }
}

fn device(index: &str, name: &str, kind: &str, mac: &str, rest: &[&str]) -> Device {
    let mut device = Device {
        id: id(index),
        name: Text::new(name),
        kind: match kind {
            "tap" => DeviceKind::Tun(TunMode { is_tap: true, ..TunMode::default() }),
            "bridge" => DeviceKind::Bridge(Bridge::default()),
            "veth" => DeviceKind::Veth,
            "macvtap" => DeviceKind::Macvtap(Text::new("bridge")),
            "physical" => DeviceKind::Physical,
            "loopback" => DeviceKind::Loopback,
            other => panic!("no such kind: {other}"),
        },
        mac: Some(MacAddr(super::station(mac))),
        mtu: 1500,
        is_up: true,
        has_carrier: true,
        ..Device::default()
    };
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        match *word {
            "down" => device.is_up = false,
            "unread" => device.has_carrier = false,
            "master" => {
                device.master = rest.next().map(|index| id(index));
                device.port = Some(BridgePort { state: PortState::Forwarding, ..BridgePort::default() });
            }
            // What it received and sent since it was made, octets.
            "counted" => {
                let mut next = || rest.next().and_then(|count| count.parse().ok()).expect("octets");
                (device.counters.received_octets, device.counters.sent_octets) = (next(), next());
            }
            "lower" => device.lower = rest.next().map(|index| id(index)),
            "state" => {
                let state = if rest.next() == Some(&"blocking") { PortState::Blocking } else { PortState::Disabled };
                device.port = Some(BridgePort { state, ..BridgePort::default() });
            }
            other => panic!("not understood: {other}"),
        }
    }
    device
}

/// `a@2`: a card with the MAC of station a that reads device 2; `a@user`: one with that backend.
fn nic(card: &str) -> Nic {
    let (mac, device) = card.split_once('@').expect("mac@device");
    let (name, options) = device.split_once(':').unwrap_or((device, ""));
    let named = |kind| Backend { kind, options: Text::new(options), ..Backend::default() };
    let backend = match name {
        "user" => named(BackendKind::User),
        "socket" => named(BackendKind::Socket),
        "stream" => named(BackendKind::Stream),
        "vhost-user" => named(BackendKind::VhostUser),
        index => Backend { kind: BackendKind::Tap, devices: vec![id(index)], ..Backend::default() },
    };
    let model = Some(Text::new("virtio-net-pci"));
    Nic { mac: Some(MacAddr(super::station(mac))), model, backend: Some(backend), ..Nic::default() }
}

fn spaced(text: &str) -> Text {
    Text::new(&text.replace('_', " "))
}

fn cable(key: &str, kind: &str, state: &str, rest: &[&str]) -> Cable {
    let mut cable = Cable {
        key: spaced(key),
        kind: match kind {
            "tcp" => CableKind::Tcp,
            "udp" => CableKind::Udp,
            "multicast" => CableKind::Multicast,
            "unix-stream" => CableKind::UnixStream,
            "user" => CableKind::User,
            "passt" => CableKind::Passt,
            other => CableKind::Other(Text::new(other)),
        },
        state: match state {
            "connected" => CableState::Connected,
            "listening" => CableState::Listening,
            "not-accepted" => CableState::NotAccepted,
            "disconnected" => CableState::Disconnected,
            "alone" => CableState::Alone,
            "unknown" => CableState::Unknown,
            other => panic!("no such state: {other}"),
        },
        ..Cable::default()
    };
    for word in rest {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let role = match name {
            "listens" => CableRole::Listens,
            "connects" => CableRole::Connects,
            "peer" => CableRole::Peer,
            "carried" => {
                let carrier = Carrier::Tcp { address: [127, 0, 0, 1].into(), port: 8010 };
                cable.sight = CableSight::Carried { device: id("1"), carrier };
                continue;
            }
            "asked" => {
                cable.sight = CableSight::Asked { monitor: Some(Text::new("/run/qmp.sock")), remedy: spaced(value) };
                continue;
            }
            "unseen" => {
                let (why, remedy) = value.split_once('=').unwrap_or((value, ""));
                cable.sight = CableSight::Unseen { why: spaced(why), remedy: spaced(remedy) };
                continue;
            }
            other => panic!("not understood: {other}"),
        };
        let end = CableEnd { role, ..CableEnd::default() };
        cable.ends.push(match (value.split_once(':'), value.split_once('.')) {
            (Some((program, pid)), _) => CableEnd { program: Some(spaced(program)), pid: pid.parse().ok(), ..end },
            (None, Some((pid, nic))) => CableEnd { pid: pid.parse().ok(), nic: nic.parse().ok(), ..end },
            (None, None) => end,
        });
    }
    cable
}
