//! `brconfig -a` of NetBSD, and the lines of bridges in FreeBSD's and macOS's ifconfig(8).

use super::ifconfig::bridge_settings;
use super::{after, blocks, flags, mac, number};
use std::collections::BTreeMap;
use tapscope_graph::host::{BridgePort, Device, DeviceId, DeviceKind, FdbEntry, HostFact, PortState};

/// Which device is a port of which bridge, and what the bridges learned; by names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ports {
    ports: Vec<(String, String, BridgePort)>,
    /// Bridge, port, entry.
    learned: Vec<(String, String, FdbEntry)>,
}

impl Ports {
    /// Reads the lines of one bridge.
    pub(super) fn read(&mut self, bridge: &str, body: &[&str]) {
        let timeout = timeout(body);
        // NetBSD lists ports below `Interfaces:`; the others write `member:` before each.
        let mut in_interfaces = false;
        for line in body {
            let words: Vec<&str> = line.split_whitespace().collect();
            if line.ends_with(':') || line.starts_with("Address cache") {
                in_interfaces = *line == "Interfaces:";
            } else if let ["member:", port, ref rest @ ..] = words[..] {
                self.ports.push((bridge.into(), port.into(), port_of(line, !rest.is_empty())));
            } else if let (Some(entry), Some(port)) = (learned(&words, timeout), port_word(&words)) {
                self.learned.push((bridge.into(), port.into(), entry));
            } else if let (true, [port, flags]) = (in_interfaces, &words[..])
                && flags.starts_with("flags=")
            {
                self.ports.push((bridge.into(), (*port).into(), port_of(line, true)));
            } else if let Some((owner, _, port)) = self.ports.last_mut().filter(|(owner, ..)| owner == bridge)
                && owner == bridge
            {
                more_of_port(line, port);
            }
        }
    }

    /// Gives the devices their ports and masters, and the entries their devices. What names a device that is not there is left out.
    pub(super) fn join(self, devices: &mut [Device]) -> Vec<HostFact> {
        let ids: BTreeMap<String, DeviceId> = devices.iter().map(|device| (device.name.as_str().to_owned(), device.id)).collect();
        for (bridge, port, settings) in self.ports {
            let Some(&master) = ids.get(&bridge) else { continue };
            if let Some(device) = devices.iter_mut().find(|device| device.name.as_str() == port) {
                device.master = Some(master);
                device.port = Some(settings);
            }
        }
        let entry = |(bridge, port, entry): (String, String, FdbEntry)| {
            let (bridge, port) = (Some(*ids.get(&bridge)?), *ids.get(&port)?);
            Some(HostFact::Fdb(FdbEntry { bridge, port, ..entry }))
        };
        self.learned.into_iter().filter_map(entry).collect()
    }
}

/// What `brconfig -a` adds to what [`ifconfig`](super::ifconfig()) told: the devices anew, as ports, and what bridges learned.
pub fn brconfig(text: &str, known: &[HostFact]) -> Vec<HostFact> {
    let mut devices: Vec<Device> =
        known.iter().filter_map(|fact| if let HostFact::Device(device) = fact { Some((**device).clone()) } else { None }).collect();
    let mut ports = Ports::default();
    for (name, _, body) in blocks(text) {
        ports.read(name, &body);
        if let Some(device) = devices.iter_mut().find(|device| device.name.as_str() == name) {
            device.kind = DeviceKind::Bridge(bridge_settings(&body));
        }
    }
    let fdb = ports.join(&mut devices);
    devices.into_iter().map(|device| HostFact::Device(Box::new(device))).chain(fdb).collect()
}

/// Seconds until a learned address is forgotten: `timeout 1200`, or `(max cache: 100, timeout: 1200):`.
pub(super) fn timeout(body: &[&str]) -> Option<u32> {
    let word = |line: &&str| {
        after(line, "timeout").or(after(line, "timeout:")).map(|word| word.trim_matches([')', ':', ','].as_slice()).to_owned())
    };
    body.iter().find_map(word)?.parse().ok()
}

fn port_of(line: &str, has_flags: bool) -> BridgePort {
    let has = |flag: &str| flags(line).any(|word| word == flag);
    let mut port = BridgePort {
        // Without the spanning tree every port forwards, and no state is printed.
        state: PortState::Forwarding,
        learning: has("LEARNING") || !has_flags,
        is_isolated: has("PRIVATE"),
        flood: has("DISCOVER") || !has_flags,
        multicast_flood: true,
        broadcast_flood: true,
        ..BridgePort::default()
    };
    more_of_port(line, &mut port);
    port
}

/// `port 4 priority 128 path cost 55 forwarding`, and FreeBSD's `ifmaxaddr 0 port 6 …`, `role designated state forwarding`.
fn more_of_port(line: &str, port: &mut BridgePort) {
    if !line.split_whitespace().any(|word| matches!(word, "port" | "state" | "role")) {
        return;
    }
    port.number = number(line, "port").unwrap_or(port.number);
    port.priority = number(line, "priority").unwrap_or(port.priority);
    port.cost = number(line, "cost").unwrap_or(port.cost);
    for word in line.split_whitespace() {
        port.state = match word {
            "disabled" => PortState::Disabled,
            "listening" => PortState::Listening,
            "learning" => PortState::Learning,
            "forwarding" => PortState::Forwarding,
            "blocking" | "discarding" => PortState::Blocking,
            _ => port.state,
        };
    }
}

/// The port in an entry: `52:54:0:12:34:57 tap0 1155 flags=0<>`, with FreeBSD's `Vlan1` before it.
fn port_word<'a>(words: &[&'a str]) -> Option<&'a str> {
    words.get(if is_vlan(words.get(1)?) { 2 } else { 1 }).copied()
}

fn is_vlan(word: &str) -> bool {
    word.strip_prefix("Vlan").is_some_and(|vid| vid.parse::<u16>().is_ok())
}

/// The entry, without its devices. The number is how many seconds it has left.
fn learned(words: &[&str], timeout: Option<u32>) -> Option<FdbEntry> {
    let mac = mac(words.first()?)?;
    let vlan = words.get(1).and_then(|word| word.strip_prefix("Vlan")).and_then(|vid| vid.parse().ok());
    let left: Option<u32> = words.get(if vlan.is_some() { 3 } else { 2 }).and_then(|word| word.parse().ok());
    let is_permanent = flags(words.last()?).any(|flag| flag == "STATIC");
    let age = timeout.zip(left).and_then(|(timeout, left)| timeout.checked_sub(left)).filter(|_| !is_permanent);
    // VLAN 1 is FreeBSD's word for none where the bridge does not filter.
    Some(FdbEntry { mac, vlan: vlan.filter(|&vid| vid > 1), age, is_permanent, ..FdbEntry::default() })
}

#[cfg(test)]
mod tests {
    use super::super::ifconfig;
    use super::*;
    use expect_test::{Expect, expect};

    fn check(facts: &[HostFact], expected: Expect) {
        let name = |id: DeviceId| {
            let device = |fact: &HostFact| matches!(fact, HostFact::Device(device) if device.id == id);
            facts.iter().find(|fact| device(fact)).map_or("?".into(), |fact| match fact {
                HostFact::Device(device) => device.name.to_string(),
                _ => String::new(),
            })
        };
        let mut text = String::new();
        for fact in facts {
            text += &match fact {
                HostFact::Device(device) => {
                    let mac = device.mac.map_or("-".into(), |mac| mac.to_string());
                    let state = if device.is_up { "up" } else { "down" };
                    let carrier = if device.has_carrier { "carrier" } else { "no-carrier" };
                    let port = device.port.as_ref().map_or(String::new(), |port| {
                        let master = device.master.map_or("?".into(), name);
                        format!(" port {} of {master} {} cost {}", port.number, port.state.name(), port.cost)
                    });
                    let aliases: String = device.aliases.iter().map(|alias| format!(" ({alias})")).collect();
                    let bridge = match &device.kind {
                        DeviceKind::Bridge(bridge) => format!(" delay {} ageing {}", bridge.forward_delay_seconds, bridge.ageing_seconds),
                        _ => String::new(),
                    };
                    format!("{} {} {mac} mtu {} {state} {carrier}{bridge}{port}{aliases}\n", device.name, device.kind.name(), device.mtu)
                }
                HostFact::Address(row) => format!(
                    "{} {}/{}{}{}\n",
                    name(row.device),
                    row.ip,
                    row.length,
                    row.peer.map_or(String::new(), |peer| format!(" peer {peer}")),
                    if row.is_duplicate { " duplicate" } else { "" }
                ),
                HostFact::Fdb(row) => {
                    format!("{} at {} of {} age {:?}\n", row.mac, name(row.port), row.bridge.map_or("?".into(), name), row.age)
                }
                _ => String::new(),
            };
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn netbsd_new_and_old() {
        let new = "\
tap0: flags=0x8943<UP,BROADCAST,RUNNING,PROMISC,SIMPLEX,MULTICAST> mtu 1500
\taddress: f2:0b:a4:4e:d1:00
\tmedia: Ethernet autoselect
\tinet 10.0.2.100/24 broadcast 10.0.2.255 flags 0
\tinet6 fe80::f00b:a4ff:fe4e:d100%tap0/64 flags 0x2<DUPLICATED> scopeid 0x3
tap1: flags=8943<UP,BROADCAST,RUNNING,PROMISC,SIMPLEX,MULTICAST> mtu 1500
\taddress: f2:b:a4:4e:d1:1
\tinet 10.0.3.100 netmask 0xffffff00 broadcast 10.0.3.255
\tinet alias 10.0.4.100 netmask 0xffff0000 broadcast 10.0.255.255
bridge0: flags=0x41<UP,RUNNING> mtu 1500
lo0: flags=0x8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 33624
\tinet 127.0.0.1/8 flags 0
tun0: flags=0x8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1500
\tinet 10.8.0.1/32 --> 10.8.0.2 flags 0
";
        let bridges = "\
bridge0: flags=41<UP,RUNNING>
\tConfiguration:
\t\tpriority 32768 hellotime 2 fwddelay 15 maxage 20
\tInterfaces:
\t\ttap1 flags=3<LEARNING,DISCOVER>
\t\t\tport 4 priority 128 path cost 55 blocking
\t\ttap0 flags=3<LEARNING,DISCOVER>
\t\t\tport 3 priority 128
\tAddress cache (max cache: 100, timeout: 1200):
\t\t52:54:00:12:34:57 tap0 1155 flags=0<>
\t\t52:54:0:12:34:56 tap1 1200 flags=0<>
";
        let facts = ifconfig(new);
        check(
            &facts,
            expect![[r#"
            tap0 tap f2:0b:a4:4e:d1:00 mtu 1500 up carrier
            tap1 tap f2:0b:a4:4e:d1:01 mtu 1500 up carrier
            bridge0 bridge - mtu 1500 up carrier delay 0 ageing 0
            lo0 loopback - mtu 33624 up carrier
            tun0 tun - mtu 1500 up carrier
            tap0 10.0.2.100/24
            tap0 fe80::f00b:a4ff:fe4e:d100/64 duplicate
            tap1 10.0.3.100/24
            tap1 10.0.4.100/16
            lo0 127.0.0.1/8
            tun0 10.8.0.1/32 peer 10.8.0.2
        "#]],
        );
        check(
            &brconfig(bridges, &facts),
            expect![[r#"
            tap0 tap f2:0b:a4:4e:d1:00 mtu 1500 up carrier port 3 of bridge0 forwarding cost 0
            tap1 tap f2:0b:a4:4e:d1:01 mtu 1500 up carrier port 4 of bridge0 blocking cost 55
            bridge0 bridge - mtu 1500 up carrier delay 15 ageing 1200
            lo0 loopback - mtu 33624 up carrier
            tun0 tun - mtu 1500 up carrier
            52:54:00:12:34:57 at tap0 of bridge0 age Some(45)
            52:54:00:12:34:56 at tap1 of bridge0 age Some(0)
        "#]],
        );
    }

    #[test]
    fn freebsd_and_a_bridge_that_was_renamed() {
        let text = "\
tap0: flags=8943<UP,BROADCAST,RUNNING,PROMISC,SIMPLEX,MULTICAST> metric 0 mtu 1500
\toptions=80000<LINKSTATE>
\tether 58:9c:fc:10:ff:b1
\tgroups: tap
\tmedia: Ethernet 1000baseT <full-duplex>
\tstatus: active
\tnd6 options=29<PERFORMNUD,IFDISABLED,AUTO_LINKLOCAL>
\tOpened by PID 92891
vm-public: flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> metric 0 mtu 1500
\tether 9a:0c:49:d4:05:f4
\tinet 192.168.7.1 netmask 0xffffff00 broadcast 192.168.7.255
\tid 00:00:00:00:00:00 priority 32768 hellotime 2 fwddelay 15
\tmaxage 20 holdcnt 6 proto rstp maxaddr 2000 timeout 1200
\troot id 00:00:00:00:00:00 priority 32768 ifcost 0 port 0
\tmember: tap0 flags=143<LEARNING,DISCOVER,AUTOEDGE,AUTOPTP>
\t        ifmaxaddr 0 port 6 priority 128 path cost 2000000
\t52:54:00:12:34:57 Vlan1 tap0 1155 flags=0<>
\tgroups: bridge vm-switch viid-4c918@
\tnd6 options=1<PERFORMNUD>
vtnet0: flags=8863<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> metric 0 mtu 1500
\tether 02:00:00:00:00:01
\tmedia: Ethernet autoselect (10Gbase-T <full-duplex>)
\tstatus: no carrier
";
        check(
            &ifconfig(text),
            expect![[r#"
            tap0 tap 58:9c:fc:10:ff:b1 mtu 1500 up carrier port 6 of vm-public forwarding cost 2000000 (Opened by PID 92891)
            vm-public bridge 9a:0c:49:d4:05:f4 mtu 1500 up carrier delay 15 ageing 1200
            vtnet0 physical 02:00:00:00:00:01 mtu 1500 up no-carrier
            vm-public 192.168.7.1/24
            52:54:00:12:34:57 at tap0 of vm-public age Some(45)
        "#]],
        );
    }

    #[test]
    fn macos() {
        let text = "\
bridge100: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\toptions=63<RXCSUM,TXCSUM,TSO4,TSO6>
\tether 0:1c:42:0:0:8
\tinet 192.168.64.1 netmask 0xffffff00 broadcast 192.168.64.255
\tConfiguration:
\t\tid 0:0:0:0:0:0 priority 0 hellotime 0 fwddelay 0
\t\tmaxage 0 holdcnt 0 proto stp maxaddr 100 timeout 1200
\t\troot id 0:0:0:0:0:0 priority 0 ifcost 0 port 0
\t\tipfilter disabled flags 0x0
\tmember: vmenet0 flags=3<LEARNING,DISCOVER>
\t        ifmaxaddr 0 port 21 priority 0 path cost 0
vmenet0: flags=8963<UP,BROADCAST,SMART,RUNNING,PROMISC,SIMPLEX,MULTICAST> mtu 1500
\tether 9e:3e:53:12:34:56
\tmedia: autoselect
\tstatus: active
";
        check(
            &ifconfig(text),
            expect![[r#"
            bridge100 bridge 00:1c:42:00:00:08 mtu 1500 up carrier delay 0 ageing 1200
            vmenet0 tap 9e:3e:53:12:34:56 mtu 1500 up carrier port 21 of bridge100 forwarding cost 0
            bridge100 192.168.64.1/24
        "#]],
        );
    }
}
