//! Living hosts, written as text.

use std::fmt::Write;

/// Two guests on tap0 and tap1, joined by bridge0, where this host has its addresses; they ping each other and the host.
pub const BRIDGED: &str = "
    0 host ns 1 own
    0 host device 2 tap0 tap 12 master 4
    0 host device 3 tap1 tap 13 master 4
    0 host device 4 bridge0 bridge 12
    0 host guest 4711 web a@2
    0 host guest 4718 db b@3
    0 host address 4 10.0.2.100/24
    0 host address 4 10.0.3.100/24
    0 host set net.ipv4.ip_forward 1
    0 host neighbor 4 10.0.2.101 a reachable
    0 host neighbor 4 10.0.3.7 - failed
    0 host fdb 2 a bridge 4 age 3
    0 host fdb 3 b bridge 4 age 12
    0.1 tap0<    a>* arp who-has 10.0.3.101 tell 10.0.2.101
    0.1 bridge0< a>* arp who-has 10.0.3.101 tell 10.0.2.101
    0.1 tap1>    a>* arp who-has 10.0.3.101 tell 10.0.2.101
    0.2 tap1<    b>a arp 10.0.3.101 is-at for 10.0.2.101
    0.2 tap0>    b>a arp 10.0.3.101 is-at for 10.0.2.101
    0.3 tap0<    a>b icmp request 10.0.2.101>10.0.3.101 109/1
    0.3 tap1>    a>b icmp request 10.0.2.101>10.0.3.101 109/1
    0.4 tap1<    b>a icmp reply 10.0.3.101>10.0.2.101 109/1
    0.4 tap0>    b>a icmp reply 10.0.3.101>10.0.2.101 109/1
    0.5 tap0<    a>12 icmp request 10.0.2.101>10.0.2.100 109/2
    0.5 bridge0< a>12 icmp request 10.0.2.101>10.0.2.100 109/2
    0.5 bridge0> 12>a icmp reply 10.0.2.100>10.0.2.101 109/2
    0.5 tap0>    12>a icmp reply 10.0.2.100>10.0.2.101 109/2
    1 host device 2 tap0 tap 12 master 4 counted 150000 4000
    1 host device 3 tap1 tap 13 master 4 counted 4000 150000
    1.2 tap0<    a>b icmp request 10.0.2.101>10.0.3.101 109/3
    1.2 tap1>    a>b icmp request 10.0.2.101>10.0.3.101 109/3
";

/// Some guests on one bridge.
pub fn crowd(guests: usize) -> String {
    let mut out = "0 host ns 1 own\n0 host device 9 br0 bridge 9\n0 host address 9 10.0.0.1/16\n".to_owned();
    for number in 0..guests {
        let (index, mac) = (number + 10, number + 100);
        let _ = writeln!(out, "0 host device {index} vnet{number} tap {:x} master 9", number + 16);
        let _ = writeln!(out, "0 host guest {} vm{number:02} {:x}@{index}", 2000 + number, mac);
    }
    for number in 0..guests {
        let ip = format!("10.0.{}.{}", number / 10, number + 10);
        let _ = writeln!(out, "0.5 vnet{number}< {:x}>* arp who-has 10.0.0.1 tell {ip}", number + 100);
    }
    for number in (0..guests).step_by(3) {
        let octets = 1000 * (number + 1) * (number + 1);
        let _ = writeln!(out, "1 host device {} vnet{number} tap {:x} master 9 counted {octets} 500", number + 10, number + 16);
    }
    out + "2 vnet0< 64>9 icmp request 10.0.0.10>10.0.0.1 1/1\n"
}

/// Three bridges with twenty guests, one of them on two; a veth to a namespace, a macvtap, user-mode guests, a TAP without a bridge, one
/// that nobody has open, a port that blocks, one that is down, and an uplink.
pub fn varied() -> String {
    let mut out = "0 host ns 1 own\n0 host ns 2 blue\n".to_owned();
    for (bridge, address) in [(3, "10.0.1.1/24"), (4, "10.0.2.1/24"), (5, "192.168.7.1/24")] {
        let _ = writeln!(out, "0 host device {bridge} br{} bridge {bridge}", bridge - 3);
        let _ = writeln!(out, "0 host address {bridge} {address}");
    }
    for number in 0..15 {
        let (index, mac, bridge) = (number + 20, number + 100, 3 + number / 6);
        let _ = writeln!(out, "0 host device {index} vnet{number} tap {:x} master {bridge}", number + 32);
        let second = if number == 2 { " c0@50" } else { "" };
        let _ = writeln!(out, "0 host guest {} vm{number:02} {:x}@{index}{second}", 2000 + number, mac);
    }
    out += "
        0 host device 50 vnet50 tap 50 master 4
        0 host device 51 vnet51 tap 51 master 3 unread
        0 host device 52 vnet52 tap 52 master 4 state blocking
        0 host guest 3001 stuck c1@52
        0 host device 53 vnet53 tap 53 master 5 down
        0 host device 6 eth0 physical 6
        0 host address 6 192.0.2.10/24
        0 host device 7 macvtap0 macvtap 70 lower 6
        0 host guest 3002 mirror 70@7
        0 host device 60 veth0 veth 60 master 3 lower 2/61
        0 host device 2/61 eth0 veth 61 lower 60
        0 host address 2/61 10.0.1.77/24
        0 host device 62 tap9 tap 62
        0 host address 62 172.16.0.1/30
        0 host guest 3003 routed c2@62
        0 host device 63 tap10 tap 63 unread
        0 host guest 3004 build c3@user
        0 host guest 3005 lab c4@user
        0 host device 64 p0 veth 64 master 4 lower 65
        0 host device 65 p1 veth 65 master 5 lower 64
        0.1 vnet0< 64>* arp who-has 10.0.1.1 tell 10.0.1.10
        0.1 vnet1< 65>* arp who-has 10.0.1.1 tell 10.0.1.11
        0.1 vnet1< c9>* arp who-has 10.0.1.1 tell 10.0.1.99
        1 host device 20 vnet0 tap 20 master 3 counted 90000 2000
        2 vnet0< 64>* arp who-has 10.0.1.1 tell 10.0.1.10
    ";
    out
}

/// A bridge that keeps two VLANs apart, with a port for both, and a namespace that has a bridge with two guests and a cable to the first.
pub fn divided(guests: usize) -> String {
    let mut out = "
        0 host ns 1 own
        0 host ns 2 blue
        0 host device 3 br0 bridge 3 filtering
        0 host address 3 10.0.1.1/24
        0 host device 4 trunk0 tap 4 master 3 vlan 10 vlan 20
        0 host guest 1999 router c0@4
        0 host device 60 veth0 veth 60 master 3 lower 2/61 pvid 20
        0 host device 2/61 veth1 veth 61 master 2/62 lower 60
        0 host device 2/62 br-blue bridge 62
        0 host address 2/62 10.9.0.1/24
        0 host device 2/63 tap0 tap 63 master 2/62
        0 host device 2/64 tap1 tap 64 master 2/62
        0 host guest 3001 cache c1@2/63
        0 host guest 3002 queue c2@2/64
    "
    .to_owned();
    for number in 0..guests {
        let (index, vlan) = (number + 20, if number % 2 == 0 { 10 } else { 20 });
        let _ = writeln!(out, "0 host device {index} vnet{number} tap {:x} master 3 pvid {vlan}", number + 32);
        let _ = writeln!(out, "0 host guest {} vm{number:02} {:x}@{index}", 2000 + number, number + 100);
    }
    out
}

/// The host's address sits on a port of its bridge: it asks there for the guest, and the guest's answer comes in at the bridge.
pub const PORT_ADDRESS: &str = "
    0 host ns 1 own
    0 host device 2 tap0 tap 12 master 4
    0 host device 3 tap1 tap 13 master 4
    0 host device 4 bridge0 bridge 14
    0 host guest 4711 web a@2
    0 host guest 4718 db b@3
    0 host address 2 10.0.2.100/24
    0 host route 10.0.2.0/24 2
    0.1 tap1<    b>* arp who-has 10.0.3.1 tell 10.0.3.101
    1.0 tap0<    a>14 icmp request 10.0.2.101>10.0.2.100 110/1
    1.0 bridge0< a>14 icmp request 10.0.2.101>10.0.2.100 110/1
    1.1 tap0>    12>* arp who-has 10.0.2.101 tell 10.0.2.100
    1.2 tap0<    a>12 arp 10.0.2.101 is-at for 10.0.2.100
    1.2 bridge0< a>12 arp 10.0.2.101 is-at for 10.0.2.100
    1.3 host neighbor 2 10.0.2.101 - failed
    2.0 tap0<    a>14 icmp request 10.0.2.101>10.0.2.100 110/2
    2.0 bridge0< a>14 icmp request 10.0.2.101>10.0.2.100 110/2
    9.0 tap1<    b>* arp who-has 10.0.3.1 tell 10.0.3.101
";
