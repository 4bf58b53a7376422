//! What the host says, as text.
//!
//! - `host device 2 tap0 tap 1a master 4`: device 2, its name, kind and MAC (02:00:00:00:00:1a); up with carrier unless `down` or `unread`
//!   follows; `master N`, `lower N` and `state blocking` as they read.
//! - `host address 4 10.0.2.100/24`, `host guest 100 g1 a@2 b@3`: a process, its name, its cards with the device that each reads.
//! - `host ns 2 web` (`own` for the one that tapscope runs in); a device there is `2/5`. `host neighbor 4 10.0.2.101 a reachable`,
//!   `host fdb 2 a bridge 4 age 3`, `host backlog 7`, `host unreadable WHAT WHY REMEDY` with `_` for spaces.
//! - A port's words: `state listening`, `isolated`, `locked`, `hairpin`, `guard`, `no-flood`, `no-broadcast`, `no-multicast`, `suppress` (neigh_suppress), `vlan 10` (a
//!   member), `pvid 10` (untagged, too). A device's: `mtu 1000`, `xdp 7`, `noarp`, `packets IN OUT` (its counters); a bridge's `filtering`.
//! - `host fdb 2 a bridge 4 static`, `host route 10.0.0.0/24 4` (device 4), `host route 0.0.0.0/0 4 via 10.0.0.1`, `host route blackhole 10.0.0.1/32`,
//!   `host rule 100 from 10.0.0.0/24 table 100`, `host nft inet fw forward forward/0 0 RULE …`, `host iptables filter FORWARD forward/0 0 RULE …`.
//! - `host cable tcp_127.0.0.1:8010 tcp connected listens=100.0 connects=101.0 carried`: a cable, `_` for spaces in its key; its kind and
//!   state; its ends as `ROLE=PROCESS.CARD` or `ROLE=PROGRAM:PROCESS`; how it can be seen: `carried`, `asked=REMEDY`, `unseen=WHY=REMEDY`.
//!   `at=ADDRESS:PORT` says where the end before it is bound. A card behind which is no device is `a@user`, `a@socket`, `a@vhost-user`, with options as `a@user:net=10.9.0.0/24`.
//! - A card `a/unplugged@3` has no link; `a@tap:tapB` names a TAP that somebody else has open. A TAP's words: `multi-queue`, `vnet-header`, `owner 1000`;
//!   a bridge's `self 10` (its own device is a member of that VLAN).
//! - `host reader 300 tapscope_hub 2 tap0`: a program that is no guest and has a TAP open.
//! - `host drop NETFILTER_DROP nft_do_chain 800 1.0001 2.0001`: a reason, the function, the EtherType, the moments as those of lines; the same
//!   key again says them all.
//! - `host set net.ipv4.ip_forward 1`, `host gone device 2`, `host gone guest 100`.

use tapscope_graph::host::{
    Backend, BackendKind, Bridge, BridgePort, Cable, CableEnd, CableKind, CableRole, CableSight, CableState, Carrier, Device, DeviceId,
    DeviceKind, Drop, FdbEntry, FirewallRule, Guest, HostAddress, HostChange, HostFact, HostKey, HostNeighbor, Namespace, NeighborState,
    Netns, Nic, PortState, PortVlan, Prefix, Reader, Route, RouteKind, Rule, Setting, TunMode, Unreadable,
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
        ["drop", reason, location, ether_type, ref moments @ ..] => HostChange::Set(HostFact::Drop(Drop {
            reason: Text::new(reason),
            location: Text::new(location),
            ether_type: u16::from_str_radix(ether_type, 16).expect("an EtherType"),
            packets: moments.len() as u64,
            moments: moments.iter().map(|moment| super::moment(moment)).collect(),
            ..Drop::default()
        })),
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
                "permanent" => NeighborState::Permanent,
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
        ["fdb", port, mac, "bridge", bridge, "static"] => HostChange::Set(HostFact::Fdb(FdbEntry {
            port: id(port),
            mac: MacAddr(super::station(mac)),
            bridge: Some(id(bridge)),
            flags: vec![Text::new("static")],
            ..FdbEntry::default()
        })),
        ["route", kind @ ("blackhole" | "unreachable" | "prohibit"), destination] => {
            let kind = match kind {
                "blackhole" => RouteKind::Blackhole,
                "unreachable" => RouteKind::Unreachable,
                _ => RouteKind::Prohibit,
            };
            HostChange::Set(HostFact::Route(Route { kind, device: None, ..route(destination, "0") }))
        }
        ["route", destination, device] => HostChange::Set(HostFact::Route(route(destination, device))),
        ["route", destination, device, "table", table] => {
            HostChange::Set(HostFact::Route(Route { table: table.parse().expect("a number"), ..route(destination, device) }))
        }
        ["route", destination, device, "via", gateway] => {
            HostChange::Set(HostFact::Route(Route { gateway: Some(gateway.parse().expect("an address")), ..route(destination, device) }))
        }
        ["rule", priority, "from", source, "table", table] => HostChange::Set(HostFact::Rule(Rule {
            netns: NETNS,
            is_v6: false,
            priority: priority.parse().expect("a number"),
            source: Some(prefix(source)),
            destination: None,
            in_device: None,
            out_device: None,
            mark: None,
            table: Some(table.parse().expect("a number")),
            text: Text::new(&format!("from {source} lookup {table}")),
        })),
        ["rule", priority, "table", table] => HostChange::Set(HostFact::Rule(Rule {
            netns: NETNS,
            is_v6: false,
            priority: priority.parse().expect("a number"),
            source: None,
            destination: None,
            in_device: None,
            out_device: None,
            mark: None,
            table: Some(table.parse().expect("a number")),
            text: Text::new(&format!("from all lookup {table}")),
        })),
        ["nft", family, table, chain, hook, number, ref rule @ ..] => {
            firewall("nft", &format!("{family} {table}"), chain, hook, number, rule)
        }
        ["iptables", table, chain, hook, number, ref rule @ ..] => firewall("iptables", &format!("ip {table}"), chain, hook, number, rule),
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

fn prefix(text: &str) -> Prefix {
    let (ip, length) = text.split_once('/').expect("an address and a length");
    Prefix { ip: ip.parse().expect("an address"), length: length.parse().expect("a length") }
}

fn route(destination: &str, device: &str) -> Route {
    Route {
        netns: NETNS,
        table: 254,
        destination: prefix(destination),
        gateway: None,
        device: Some(id(device)),
        source: None,
        metric: 0,
        kind: RouteKind::Unicast,
        protocol: Text::new("kernel"),
        is_dead: false,
    }
}

/// `forward/0` is the hook with its priority.
fn firewall(tool: &str, table: &str, chain: &str, hook: &str, number: &str, rule: &[&str]) -> HostChange {
    HostChange::Set(HostFact::Firewall(FirewallRule {
        netns: NETNS,
        tool: Text::new(tool),
        table: Text::new(table),
        chain: Text::new(&chain.replace('/', " ")),
        hook: (hook != "-").then(|| Text::new(&hook.replace('/', " "))),
        number: number.parse().expect("a number"),
        rule: Text::long(&rule.join(" ")),
        handle: None,
        hits: None,
    }))
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
            "macvlan" => DeviceKind::Macvlan(Text::new("bridge")),
            "vxlan" => DeviceKind::Vxlan(10),
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
                device.port = Some(open_port());
            }
            // What it received and sent since it was made, octets.
            "counted" => {
                let mut next = || rest.next().and_then(|count| count.parse().ok()).expect("octets");
                (device.counters.received_octets, device.counters.sent_octets) = (next(), next());
            }
            "lower" => device.lower = rest.next().map(|index| id(index)),
            "state" => {
                let state = match rest.next() {
                    Some(&"blocking") => PortState::Blocking,
                    Some(&"listening") => PortState::Listening,
                    Some(&"learning") => PortState::Learning,
                    _ => PortState::Disabled,
                };
                device.port = Some(BridgePort { state, ..open_port() });
            }
            "mtu" => device.mtu = rest.next().and_then(|mtu| mtu.parse().ok()).expect("octets"),
            "xdp" => device.xdp = rest.next().and_then(|id| id.parse().ok()),
            "noarp" => device.is_noarp = true,
            "packets" => {
                let mut next = || rest.next().and_then(|count| count.parse().ok()).expect("packets");
                (device.counters.received_packets, device.counters.sent_packets) = (next(), next());
            }
            "filtering" => device.kind = DeviceKind::Bridge(Bridge { vlan_filtering: true, ..Bridge::default() }),
            // The bridge's own device is a member.
            "self" => {
                let vid = rest.next().and_then(|vid| vid.parse().ok()).expect("a VLAN");
                if let DeviceKind::Bridge(bridge) = &mut device.kind {
                    bridge.vlans.push(PortVlan { vid, is_pvid: true, is_untagged: true });
                }
            }
            "multi-queue" | "vnet-header" | "owner" => {
                let DeviceKind::Tun(mode) = &mut device.kind else { panic!("no TAP: {word}") };
                match *word {
                    "multi-queue" => mode.is_multi_queue = true,
                    "vnet-header" => mode.has_vnet_header = true,
                    _ => mode.owner = rest.next().and_then(|user| user.parse().ok()),
                }
            }
            word => {
                let port = device.port.as_mut().unwrap_or_else(|| panic!("not understood: {word}"));
                port_word(port, word, &mut rest);
            }
        }
    }
    device
}

/// A port as bridges make them.
fn open_port() -> BridgePort {
    BridgePort {
        state: PortState::Forwarding,
        learning: true,
        flood: true,
        multicast_flood: true,
        broadcast_flood: true,
        ..BridgePort::default()
    }
}

fn port_word<'a>(port: &mut BridgePort, word: &str, rest: &mut impl Iterator<Item = &'a &'a str>) {
    let mut vid = || rest.next().and_then(|vid| vid.parse().ok()).expect("a VLAN");
    match word {
        "isolated" => port.is_isolated = true,
        "locked" => port.is_locked = true,
        "hairpin" => port.hairpin = true,
        "guard" => port.guard = true,
        "no-flood" => port.flood = false,
        "no-broadcast" => port.broadcast_flood = false,
        "no-multicast" => port.multicast_flood = false,
        "suppress" => port.neighbor_suppression = true,
        "vlan" => port.vlans.push(PortVlan { vid: vid(), ..PortVlan::default() }),
        "pvid" => port.vlans.push(PortVlan { vid: vid(), is_pvid: true, is_untagged: true }),
        other => panic!("not understood: {other}"),
    }
}

/// `a@2`: a card with the MAC of station a that reads device 2; `a@user`: one with that backend.
fn nic(card: &str) -> Nic {
    let (mac, device) = card.split_once('@').expect("mac@device");
    let (name, options) = device.split_once(':').unwrap_or((device, ""));
    let named = |kind| Backend { kind, options: Text::new(options), ..Backend::default() };
    let backend = match name {
        "user" => named(BackendKind::User),
        // One that names its TAP and does not have it open.
        "tap" => Backend { interface: Some(Text::new(options)), ..named(BackendKind::Tap) },
        "socket" => named(BackendKind::Socket),
        "stream" => named(BackendKind::Stream),
        "vhost-user" => named(BackendKind::VhostUser),
        index => Backend { kind: BackendKind::Tap, devices: vec![id(index)], ..Backend::default() },
    };
    let model = Some(Text::new("virtio-net-pci"));
    let (mac, is_link_up) = match mac.strip_suffix("/unplugged") {
        Some(mac) => (mac, Some(false)),
        None => (mac, None),
    };
    Nic { mac: Some(MacAddr(super::station(mac))), model, backend: Some(backend), is_link_up, ..Nic::default() }
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
            // Where the end before is bound.
            "at" => {
                cable.ends.last_mut().expect("an end").local = value.parse().ok();
                continue;
            }
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
