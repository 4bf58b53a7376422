//! What the host says, beside what ip(8) and bridge(8) just did. Needs root: everything happens in namespaces that these tests make.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tapscope_capture::inventory::{self, Inventory, Scope};
use tapscope_graph::MacAddr;
use tapscope_graph::host::{
    BridgePort, Device, DeviceKind, Host, HostChange, HostFact, HostKey, NeighborState, Netns, PortState, RouteKind, TunMode,
};

/// What a change may take until it is known.
const SOON: Duration = Duration::from_millis(100);
/// What anything may take that waits for the kernel's own timers.
const LATER: Duration = Duration::from_secs(10);

/// A namespace that goes with the test.
struct Space {
    name: String,
}

impl Space {
    fn new(name: &str) -> Space {
        let name = format!("tapscope-{}-{name}", std::process::id());
        run(&["ip", "netns", "add", &name]);
        Space { name }
    }

    /// Runs ip(8) in it.
    fn ip(&self, line: &str) {
        let words: Vec<&str> = ["ip", "-n", &self.name].into_iter().chain(line.split(' ')).collect();
        run(&words);
    }

    /// Runs anything in it.
    fn exec(&self, line: &str) {
        let words: Vec<&str> = ["ip", "netns", "exec", &self.name].into_iter().chain(line.split(' ')).collect();
        run(&words);
    }

    /// Runs many lines of ip(8) at once.
    fn batch(&self, lines: &str) {
        use std::io::Write;
        let mut child =
            Command::new("ip").args(["-n", &self.name, "-batch", "-"]).stdin(std::process::Stdio::piped()).spawn().expect("ip starts");
        child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("ip reads");
        assert!(child.wait().expect("ip ends").success(), "ip -batch failed");
    }

    fn id(&self) -> Netns {
        use std::os::unix::fs::MetadataExt;
        Netns(std::fs::metadata(Path::new("/run/netns").join(&self.name)).expect("the namespace is there").ino())
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

fn run(words: &[&str]) {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|error| panic!("{words:?}: {error}"));
    assert!(output.status.success(), "{words:?} (these tests need root and iproute2): {}", String::from_utf8_lossy(&output.stderr));
}

/// An inventory and what it said.
struct Seen {
    inventory: Box<dyn Inventory>,
    host: Host,
    last: Vec<HostChange>,
}

impl Seen {
    fn of(spaces: &[&Space]) -> Seen {
        Seen::open(Scope::These(spaces.iter().map(|space| PathBuf::from(&space.name)).collect()))
    }

    fn open(scope: Scope) -> Seen {
        let mut seen = Seen { inventory: inventory::open(scope).expect("the inventory opens"), host: Host::default(), last: Vec::new() };
        seen.next(Duration::ZERO);
        seen
    }

    fn next(&mut self, wait: Duration) {
        self.last = self.inventory.next(wait).expect("the inventory goes on");
        for change in &self.last {
            assert!(self.host.apply(tapscope_graph::Timestamp(0), change.clone()), "a change that changes nothing: {change:?}");
        }
    }

    /// Reads on until it is so.
    fn until<T>(&mut self, within: Duration, what: &str, holds: impl Fn(&Host) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = holds(&self.host) {
                return found;
            }
            let rest = within.checked_sub(start.elapsed()).unwrap_or_else(|| panic!("not within {within:?}: {what}"));
            self.next(rest);
        }
    }

    fn device(&self, space: &Space, name: &str) -> &Device {
        self.host.device_named(space.id(), name).unwrap_or_else(|| panic!("no device {name}"))
    }
}

fn yes(is: bool) -> Option<()> {
    is.then_some(())
}

#[test]
fn each_kind_of_device_is_told_by_its_driver_and_not_by_its_name() {
    let space = Space::new("kinds");
    space.ip("tuntap add dev eth7 mode tap user 1234 vnet_hdr multi_queue");
    space.ip("tuntap add dev br7 mode tun");
    space.ip("link add tap7 type bridge ageing_time 12000 forward_delay 400 priority 4096 mcast_snooping 0");
    space.ip("link add veth7 type veth peer name tun7");
    space.ip("link add macvlan7 link veth7 type macvlan mode private");
    space.ip("link add vxlan7 type vxlan id 77 dstport 4789 remote 192.0.2.9");
    space.ip("link add ifb7 type ifb");
    space.ip("link set veth7 alias uplink_of_seven");
    space.ip("link property add dev veth7 altname seven");
    space.ip("link set veth7 mtu 1400 promisc on");
    let seen = Seen::of(&[&space]);
    let kind = |name: &str| seen.device(&space, name).kind.clone();
    assert_eq!(kind("lo"), DeviceKind::Loopback);
    let tap = TunMode {
        is_tap: true,
        has_packet_information: false,
        has_vnet_header: true,
        is_multi_queue: true,
        is_persistent: true,
        owner: Some(1234),
    };
    assert_eq!(kind("eth7"), DeviceKind::Tun(tap));
    assert_eq!(kind("br7"), DeviceKind::Tun(TunMode { is_persistent: true, ..TunMode::default() }));
    let DeviceKind::Bridge(bridge) = kind("tap7") else { panic!("tap7 is a bridge") };
    assert_eq!((bridge.ageing_seconds, bridge.forward_delay_seconds, bridge.multicast_snooping), (120, 4, false));
    // A bridge without ports has no address in its identifier yet.
    assert_eq!((bridge.stp, bridge.vlan_filtering, bridge.id), (false, false, Some((4096, MacAddr::ZERO))));
    assert_eq!(kind("veth7"), DeviceKind::Veth);
    assert_eq!(kind("macvlan7").name(), "macvlan");
    assert!(matches!(kind("macvlan7"), DeviceKind::Macvlan(mode) if mode.as_str() == "private"));
    assert_eq!(kind("vxlan7"), DeviceKind::Vxlan(77));
    assert_eq!(kind("ifb7").name(), "ifb");

    let veth = seen.device(&space, "veth7");
    assert_eq!((veth.mtu, veth.promiscuity, veth.is_up), (1400, 1, false));
    assert_eq!(veth.aliases.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["uplink_of_seven", "seven"]);
    assert_eq!(veth.lower, Some(seen.device(&space, "tun7").id));
    assert_eq!(seen.device(&space, "macvlan7").lower, Some(veth.id));
    assert_eq!(seen.host.fdb().filter(|entry| entry.destination == Some("192.0.2.9".parse().expect("an address"))).count(), 1);
}

#[test]
fn offloads_are_told_and_told_anew_when_they_change() {
    let space = Space::new("offload");
    space.ip("link add v0 type veth peer name v1");
    let mut seen = Seen::of(&[&space]);
    let has =
        |host: &Host, name: &str| host.device_named(space.id(), "v0").is_some_and(|v0| v0.offloads.iter().any(|one| one.as_str() == name));
    assert!(has(&seen.host, "tx-tcp-segmentation"), "{:?}", seen.device(&space, "v0").offloads);
    assert!(!has(&seen.host, "highdma"), "it does not show in frames");
    run(&["ip", "netns", "exec", &space.name, "ethtool", "-K", "v0", "tx-tcp-segmentation", "off"]);
    seen.until(Duration::from_millis(100), "the offload goes", |host| yes(!has(host, "tx-tcp-segmentation")));
    space.ip("link add v2 type veth peer name v3");
    seen.until(Duration::from_millis(100), "a new device has its own", |host| {
        yes(host.device_named(space.id(), "v2").is_some_and(|v2| !v2.offloads.is_empty()))
    });
}

#[test]
fn a_pair_across_namespaces_knows_its_other_end_also_where_both_have_the_same_index() {
    let (a, b) = (Space::new("pair-a"), Space::new("pair-b"));
    a.ip(&format!("link add left index 50 type veth peer name right index 50 netns {}", b.name));
    let mut seen = Seen::of(&[&a, &b]);
    let (left, right) = (seen.device(&a, "left").id, seen.device(&b, "right").id);
    assert_eq!((left.index, right.index), (50, 50));
    assert_ne!(left.netns, right.netns);
    assert_eq!(seen.device(&a, "left").lower, Some(right));
    assert_eq!(seen.device(&b, "right").lower, Some(left));

    // Another pair, while one looks.
    a.ip(&format!("link add near type veth peer name far netns {}", b.name));
    seen.until(SOON, "the new pair", |host| {
        let (near, far) = (host.device_named(a.id(), "near")?, host.device_named(b.id(), "far")?);
        yes(near.lower == Some(far.id) && far.lower == Some(near.id))
    });
    // One end moves: its other end knows it there.
    a.ip(&format!("link set near netns {}", b.name));
    seen.until(SOON, "the moved end", |host| {
        let (near, far) = (host.device_named(b.id(), "near")?, host.device_named(b.id(), "far")?);
        yes(host.device_named(a.id(), "near").is_none() && near.lower == Some(far.id) && far.lower == Some(near.id))
    });
}

#[test]
fn ports_of_a_bridge_come_change_and_go() {
    let space = Space::new("ports");
    space.batch("link add br0 up type bridge\nlink add p0 type veth peer name x0\nlink set x0 up\nlink set p0 up\n");
    let mut seen = Seen::of(&[&space]);
    let bridge = seen.device(&space, "br0").id;
    let port = |host: &Host| host.device_named(space.id(), "p0").and_then(|device| device.port.clone());
    assert_eq!(port(&seen.host), None);

    space.ip("link set p0 master br0");
    let plain = seen.until(SOON, "a port that forwards", |host| port(host).filter(|port| port.state == PortState::Forwarding));
    assert_eq!(seen.host.ports(bridge).map(|port| port.name.as_str()).collect::<Vec<_>>(), ["p0"]);
    let expected = BridgePort {
        state: PortState::Forwarding,
        number: plain.number,
        cost: 2,
        priority: 32,
        learning: true,
        flood: true,
        multicast_flood: true,
        broadcast_flood: true,
        ..BridgePort::default()
    };
    assert_eq!(BridgePort { vlans: Vec::new(), ..plain.clone() }, expected);

    space.exec("bridge link set dev p0 isolated on hairpin on learning off flood off mcast_flood off guard on locked on cost 9");
    let changed = BridgePort {
        is_isolated: true,
        hairpin: true,
        learning: false,
        flood: false,
        multicast_flood: false,
        guard: true,
        is_locked: true,
        cost: 9,
        ..plain
    };
    seen.until(SOON, "the port's new settings", |host| yes(port(host) == Some(changed.clone())));

    space.ip("link set p0 nomaster");
    seen.until(SOON, "no port any more", |host| yes(port(host).is_none() && host.ports(bridge).count() == 0));
}

#[test]
fn a_bridge_learns_where_an_address_is_and_that_it_moved() {
    let (host_side, guest) = (Space::new("fdb"), Space::new("fdb-guest"));
    host_side.batch("link add br0 up type bridge\n");
    for name in ["p0", "p1"] {
        host_side.ip(&format!("link add {name} type veth peer name {name} netns {}", guest.name));
        host_side.ip(&format!("link set {name} master br0 up"));
        guest.ip(&format!("link set {name} up"));
    }
    guest.ip("link set p0 address 02:00:00:00:00:aa");
    let mut seen = Seen::of(&[&host_side]);
    let at = |host: &Host| {
        let entries = host.fdb().filter(|entry| entry.mac.to_string() == "02:00:00:00:00:aa" && entry.bridge.is_some());
        let found: Vec<_> =
            entries.map(|entry| (host.device(entry.port).map(|port| port.name.to_string()), entry.age, entry.is_permanent)).collect();
        found
    };
    let learned =
        |port: &'static str| move |host: &Host| matches!(&at(host)[..], [(Some(name), Some(0..2), false)] if name == port).then_some(());
    // Frames make a bridge learn; a duplicate address detection is some.
    guest.ip("addr add 2001:db8::a/64 dev p0");
    seen.until(LATER, "the address at port p0", learned("p0"));

    guest.ip("link set p0 address 02:00:00:00:00:ab");
    guest.ip("link set p1 address 02:00:00:00:00:aa");
    guest.ip("addr add 2001:db8::b/64 dev p1");
    seen.until(LATER, "the address at port p1 only", learned("p1"));

    host_side.exec("bridge fdb del 02:00:00:00:00:aa dev p1 master");
    seen.until(SOON, "the address nowhere", |host| yes(at(host).is_empty()));
}

#[test]
fn addresses_routes_neighbours_and_rules_come_and_go_within_a_tenth_of_a_second() {
    let space = Space::new("ip");
    space.batch("link add p0 type veth peer name p1\nlink set p1 up\nlink set p0 up\naddr add 10.9.0.1/16 dev p0\n");
    let mut seen = Seen::of(&[&space]);
    let device = seen.device(&space, "p0").id;
    let id = space.id();

    space.ip("addr add 10.0.2.1/24 dev p0");
    let address = |host: &Host| host.addresses().find(|row| row.ip.to_string() == "10.0.2.1").cloned();
    let row = seen.until(SOON, "the address", address);
    assert_eq!((row.device, row.length, row.is_dynamic, row.peer), (device, 24, false, None));
    seen.until(SOON, "its route", |host| {
        host.routes().find(|row| row.netns == id && row.destination.to_string() == "10.0.2.0/24").cloned()
    });

    space.ip("route add default via 10.0.2.9 dev p0 metric 7 proto static");
    let default = |host: &Host| host.routes().find(|row| row.netns == id && row.destination.length == 0 && row.metric == 7).cloned();
    let row = seen.until(SOON, "the default route", default);
    assert_eq!((row.table, row.kind, row.protocol.as_str()), (254, RouteKind::Unicast, "static"));
    assert_eq!((row.gateway, row.device), (Some("10.0.2.9".parse().expect("an address")), Some(device)));
    // The kernel does not say that the old one is gone.
    space.ip("route replace default via 10.0.2.8 dev p0 metric 7");
    seen.until(SOON, "the other next hop alone", |host| {
        let hops: Vec<_> = host.routes().filter(|row| row.netns == id && row.metric == 7).filter_map(|row| row.gateway).collect();
        yes(hops == ["10.0.2.8".parse::<std::net::IpAddr>().expect("an address")])
    });
    space.ip("route add 10.7.0.0/16 nexthop via 10.0.2.3 nexthop via 10.0.2.4");
    let hops = |host: &Host| host.routes().filter(|row| row.netns == id && row.destination.to_string() == "10.7.0.0/16").count();
    seen.until(SOON, "two next hops", |host| yes(hops(host) == 2));
    space.ip("route add unreachable 10.8.0.0/16");
    seen.until(SOON, "an unreachable route", |host| {
        host.routes().find(|row| row.destination.to_string() == "10.8.0.0/16" && row.kind == RouteKind::Unreachable).map(drop)
    });

    space.ip("neigh add 10.0.2.9 lladdr 02:00:00:00:00:09 dev p0 nud permanent");
    let neighbor = |host: &Host| host.neighbors().find(|row| row.ip.to_string() == "10.0.2.9").cloned();
    let row = seen.until(SOON, "the neighbour", neighbor);
    assert_eq!((row.state, row.mac.map(|mac| mac.to_string())), (NeighborState::Permanent, Some("02:00:00:00:00:09".into())));
    space.ip("neigh add proxy 10.0.2.77 dev p0");
    // Of these the kernel says nothing.
    seen.until(LATER, "the proxy", |host| host.neighbors().find(|row| row.ip.to_string() == "10.0.2.77" && row.is_proxy).map(drop));

    space.ip("rule add from 10.0.2.0/24 fwmark 0x10/0xff iif p0 lookup 100 priority 500");
    let rule = |host: &Host| host.rules().find(|row| row.netns == id && row.priority == 500).map(|row| row.text.to_string());
    let text = seen.until(SOON, "the rule", rule);
    assert_eq!(text, "500: from 10.0.2.0/24 fwmark 0x10/0xff iif p0 lookup 100");

    space.ip("rule del priority 500");
    seen.until(SOON, "no rule", |host| yes(rule(host).is_none()));
    space.ip("neigh del 10.0.2.9 dev p0");
    seen.until(SOON, "no neighbour", |host| yes(neighbor(host).is_none_or(|row| row.mac.is_none())));
    // IPv4 routes that go with an address, and with a device that is down, go without a word.
    space.ip("route add 10.6.0.0/16 dev p0 src 10.0.2.1");
    let from = |host: &Host| host.routes().filter(|row| row.netns == id && row.destination.to_string() == "10.6.0.0/16").count();
    seen.until(SOON, "the route with a source", |host| yes(from(host) == 1));
    space.ip("addr del 10.0.2.1/24 dev p0");
    seen.until(SOON, "no address, and no route from it", |host| yes(address(host).is_none() && from(host) == 0));
    let wide = |host: &Host| host.routes().filter(|row| row.netns == id && row.destination.to_string() == "10.9.0.0/16").count();
    assert_eq!(wide(&seen.host), 1);
    space.ip("link set p0 down");
    seen.until(SOON, "no route over a device that is down", |host| yes(wide(host) == 0));
}

#[test]
fn renamed_is_the_same_device_and_deleted_takes_along_what_was_on_it() {
    let space = Space::new("rename");
    space.batch("link add old type veth peer name other\naddr add 10.0.0.1/8 dev old\n");
    let mut seen = Seen::of(&[&space]);
    let id = seen.device(&space, "old").id;
    let setting = |host: &Host, name: &str| host.setting(space.id(), &format!("net.ipv4.conf.{name}.rp_filter")).is_some();
    assert!(setting(&seen.host, "old"));

    space.ip("link set old name new.5");
    seen.until(SOON, "the new name", |host| yes(host.device(id)?.name.as_str() == "new.5"));
    assert!(setting(&seen.host, "new/5") && !setting(&seen.host, "old"));
    assert_eq!(seen.host.addresses().filter(|row| row.device == id).count(), 1);

    space.ip("link del new.5");
    seen.until(SOON, "neither end", |host| yes(host.device(id).is_none() && host.device_named(space.id(), "other").is_none()));
    assert_eq!(seen.host.addresses().filter(|row| row.device == id).count(), 0);
    assert!(!setting(&seen.host, "new/5"));
}

#[test]
fn settings_are_those_of_the_namespace_and_forwarding_is_known_at_once() {
    let space = Space::new("settings");
    space.batch("link add p0 type veth peer name p1\n");
    space.exec("sysctl -qw net.ipv4.ping_group_range=7\t9 net.ipv4.conf.p0.arp_ignore=2");
    let mut seen = Seen::of(&[&space]);
    let id = space.id();
    let value = |host: &Host, name: &str| host.setting(id, name).map(|value| value.to_string());
    assert_eq!(value(&seen.host, "net.ipv4.ping_group_range").as_deref(), Some("7 9"));
    assert_eq!(value(&seen.host, "net.ipv4.conf.p0.arp_ignore").as_deref(), Some("2"));
    assert_eq!(value(&seen.host, "net.ipv4.ip_forward").as_deref(), Some("0"));

    space.exec("sysctl -qw net.ipv4.ip_forward=1");
    for name in ["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv4.conf.p0.forwarding"] {
        seen.until(SOON, name, |host| yes(value(host, name)? == "1"));
    }
    space.exec("sysctl -qw net.ipv4.conf.p1.rp_filter=2");
    seen.until(SOON, "rp_filter", |host| yes(value(host, "net.ipv4.conf.p1.rp_filter")? == "2"));
    // The kernel says nothing of these.
    space.exec("sysctl -qw net.ipv4.conf.all.arp_announce=1 net.ipv4.conf.p1.arp_announce=2");
    seen.until(LATER, "arp_announce", |host| {
        yes(value(host, "net.ipv4.conf.all.arp_announce")? == "1" && value(host, "net.ipv4.conf.p1.arp_announce")? == "2")
    });
}

#[test]
fn counters_count() {
    let space = Space::new("counters");
    space.ip("link set lo up");
    let mut seen = Seen::of(&[&space]);
    let octets = |host: &Host| host.device_named(space.id(), "lo").map_or(0, |lo| lo.counters.received_octets);
    let before = octets(&seen.host);
    space.exec("bash -c echo>/dev/udp/127.0.0.1/9");
    seen.until(LATER, "octets on the loopback", |host| yes(octets(host) > before));
}

#[test]
fn a_namespace_appears_with_its_name_and_vanishes_although_it_was_looked_into() {
    let mut seen = Seen::open(Scope::Usual);
    let space = Space::new("named");
    let id = space.id();
    space.ip("link add inside type bridge");
    seen.until(SOON, "the namespace and its device", |host| {
        host.device_named(id, "inside")?;
        yes(host.namespace(id)?.name.as_ref()?.as_str() == space.name)
    });
    // Only when the last reference is gone does the other end of a pair go, too.
    let other = Space::new("named-other");
    space.ip(&format!("link add near type veth peer name far netns {}", other.name));
    seen.until(SOON, "the pair", |host| host.device_named(other.id(), "far").and_then(|far| yes(far.lower?.netns == id)));
    let far = other.id();
    drop(space);
    seen.until(SOON, "the namespace gone", |host| yes(host.namespace(id).is_none() && host.devices().all(|device| device.id.netns != id)));
    seen.until(LATER, "the kernel has let go of it", |host| yes(host.device_named(far, "far").is_none()));
}

#[test]
fn a_namespace_without_a_name_stays_while_somebody_lives_in_it() {
    let space = Space::new("lived-in");
    let id = space.id();
    let mut child = Command::new("ip").args(["netns", "exec", &space.name, "sleep", "1000"]).spawn().expect("a process in the namespace");
    let mut seen = Seen::open(Scope::Usual);
    // The process enters it in its own time.
    let deadline = Instant::now() + LATER;
    let lives =
        || std::fs::read_link(format!("/proc/{}/ns/net", child.id())).is_ok_and(|link| link.to_string_lossy().contains(&id.0.to_string()));
    while !lives() {
        assert!(Instant::now() < deadline, "ip netns exec did not enter the namespace");
        std::thread::yield_now();
    }
    drop(space);
    seen.until(SOON, "no name, but a process", |host| {
        let namespace = host.namespace(id)?;
        yes(namespace.name.is_none() && namespace.pid == Some(child.id()))
    });
    assert!(seen.host.device_named(id, "lo").is_some());
    child.kill().expect("the process ends");
    child.wait().expect("the process ended");
    seen.until(LATER, "the namespace gone", |host| yes(host.namespace(id).is_none()));
}

#[test]
fn five_hundred_devices_are_known_within_a_second() {
    let space = Space::new("many");
    let mut seen = Seen::of(&[&space]);
    let lines: String = (0..250).map(|n| format!("link add left{n} type veth peer name right{n}\n")).collect();
    let start = Instant::now();
    space.batch(&lines);
    let made = start.elapsed();
    let count = |host: &Host| host.devices().filter(|device| device.id.netns == space.id() && device.lower.is_some()).count();
    seen.until(Duration::from_secs(1), "500 devices", |host| yes(count(host) == 500));
    let seen_after = start.elapsed() - made;
    let start = Instant::now();
    let fresh = Seen::of(&[&space]);
    assert_eq!(count(&fresh.host), 500);
    let read = start.elapsed();
    eprintln!(
        "500 devices: made in {made:?}, known {seen_after:?} later; all read at once in {read:?}; {} resyncs",
        seen.inventory.resyncs()
    );
    assert!(read < Duration::from_secs(1), "{read:?}");
}

#[test]
fn an_ordinary_user_sees_all_of_the_own_namespace_and_is_told_what_the_others_need() {
    let space = Space::new("closed");
    // The user may not be able to reach the directory that the test was built in.
    let program = std::env::temp_dir().join(format!("tapscope-inventory-{}", std::process::id()));
    std::fs::copy(std::env::current_exe().expect("this test has a file"), &program).expect("the temporary directory is writable");
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--"])
        .arg(&program)
        .args(["--exact", "as_an_ordinary_user", "--ignored", "--nocapture"])
        .env("TAPSCOPE_CLOSED_NAMESPACE", &space.name)
        .output()
        .expect("setpriv of util-linux starts");
    std::fs::remove_file(&program).expect("the copy is removed");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// The other half of the test above.
#[test]
#[ignore = "run by an_ordinary_user_sees_all_of_the_own_namespace_and_is_told_what_the_others_need, as another user"]
fn as_an_ordinary_user() {
    let name = std::env::var("TAPSCOPE_CLOSED_NAMESPACE").expect("the other test says which namespace");
    let seen = Seen::open(Scope::Usual);
    let own = seen.host.namespaces().find(|namespace| namespace.is_own).expect("the own namespace").id;
    assert!(seen.host.device_named(own, "lo").is_some());
    assert!(seen.host.setting(own, "net.ipv4.ip_forward").is_some());
    let closed = seen.host.namespaces().find(|namespace| namespace.name.as_ref().is_some_and(|own| own.as_str() == name));
    let closed = closed.expect("the namespace is known").id;
    assert!(seen.host.device_named(closed, "lo").is_none());
    let what = format!("the network namespace {name}");
    let unreadable = seen.host.unreadable().find(|row| row.what.as_str() == what).expect("it is said that it cannot be read");
    assert_eq!(
        (unreadable.why.as_str(), unreadable.remedy.as_str()),
        ("entering another network namespace needs CAP_SYS_ADMIN", "sudo tapscope")
    );
}

#[test]
fn the_rules_of_nft_are_listed_on_request_and_gone_when_they_are() {
    let space = Space::new("firewall");
    space.exec("nft add table inet tapscope");
    space.exec("nft add chain inet tapscope f { type filter hook forward priority 5 ; policy drop ; }");
    space.exec("nft add rule inet tapscope f iifname tap0 tcp dport 22 counter accept");
    let mut seen = Seen::of(&[&space]);
    let read = |seen: &mut Seen| {
        seen.last = seen.inventory.firewall();
        for change in &seen.last {
            seen.host.apply(tapscope_graph::Timestamp(0), change.clone());
        }
        let rules = seen.host.firewall().filter(|rule| rule.netns == space.id() && rule.tool.as_str() == "nft");
        rules.map(|rule| format!("{} {} {:?}: {}", rule.table, rule.number, rule.hits, rule.rule)).collect::<Vec<_>>()
    };
    assert_eq!(
        read(&mut seen),
        ["inet tapscope 0 Some((0, 0)): iifname \"tap0\" tcp dport 22 counter accept", "inet tapscope 1 None: policy drop"]
    );
    assert!(
        seen.host
            .firewall()
            .filter(|rule| rule.tool.as_str() == "nft")
            .all(|rule| { rule.netns != space.id() || rule.hook.as_ref().is_some_and(|hook| hook.as_str() == "forward 5 policy drop") })
    );
    let handle = seen.host.firewall().find_map(|rule| rule.handle.filter(|_| rule.netns == space.id())).expect("a handle");
    space.exec(&format!("nft delete rule inet tapscope f handle {handle}"));
    assert_eq!(read(&mut seen), ["inet tapscope 0 None: policy drop"]);
    space.exec("nft delete table inet tapscope");
    assert_eq!(read(&mut seen), [""; 0]);
}

#[test]
fn a_namespace_that_does_not_exist_is_an_error_that_names_it() {
    let error = inventory::open(Scope::These(vec!["no-such-namespace".into()])).err().expect("an error");
    assert_eq!(error.to_string(), "there is no network namespace no-such-namespace (`ip netns` lists those with a name)");
}

#[test]
fn what_is_gone_is_said_once() {
    let space = Space::new("once");
    space.batch("link add p0 type veth peer name p1\n");
    let mut seen = Seen::of(&[&space]);
    let id = seen.device(&space, "p0").id;
    space.ip("link del p0");
    let mut gone = 0;
    let deadline = Instant::now() + Duration::from_millis(300);
    while let Some(rest) = deadline.checked_duration_since(Instant::now()) {
        seen.next(rest);
        gone += seen.last.iter().filter(|change| **change == HostChange::Gone(HostKey::Device(id))).count();
        assert!(!seen.last.iter().any(|change| matches!(change, HostChange::Set(HostFact::Device(device)) if device.id == id && gone > 0)));
    }
    assert_eq!(gone, 1);
}
