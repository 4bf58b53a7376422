//! Who forwards, who only has several addresses, and where a station is attached.

mod common;

use common::view;
use expect_test::{Expect, expect};

/// The nodes of a network with their links and addresses.
fn check(script: &str, expected: Expect) {
    let printed = view(script).printed();
    let is_node = |line: &&str| ["host ", "router ", "bridge ", "outside ", "  "].iter().any(|start| line.starts_with(start));
    let lines: Vec<String> = printed.lines().filter(is_node).map(|line| format!("{line}\n")).collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn a_router_that_advertises_itself_does_not_own_the_one_address_beyond_it() {
    check(
        "
        0.0 tap0 1>* icmp6 ra fe80::1>ff02::1
        0.1 tap0 a>1 icmp6 request 2001:db8:1::a>2001:db8:2::9 1/1
        0.2 tap0 1>a icmp6 reply 2001:db8:2::9>2001:db8:1::a 1/1
        ",
        expect![[r#"
            router 02:00:00:00:00:01@0 at tap0, beyond 02:00:00:00:00:01
              fe80::1 by source 0.0 to 0.0
              beyond it 2001:db8:2::9
            host 02:00:00:00:00:0a@0 at tap0
              2001:db8:1::a by source 0.1 to 0.1
            outside outside-02:00:00:00:00:01@0 at beyond 02:00:00:00:00:01
        "#]],
    );
}

#[test]
fn a_packet_that_was_routed_here_did_not_begin_here() {
    check(
        "
        0.000 tap0 a>1 icmp request 10.0.2.5>10.0.3.5 1/1
        0.001 tap1 2>b icmp request 10.0.2.5>10.0.3.5 1/1
        0.002 tap1 b>2 icmp reply 10.0.3.5>10.0.2.5 1/1
        0.003 tap0 1>a icmp reply 10.0.3.5>10.0.2.5 1/1
        ",
        expect![[r#"
            router 02:00:00:00:00:01@0 at tap0, beyond 02:00:00:00:00:01
              beyond it 10.0.3.5
            host 02:00:00:00:00:0a@0 at tap0
              10.0.2.5 by source 0.0 to 0.0
            router 02:00:00:00:00:02@1 at tap1, beyond 02:00:00:00:00:02
              beyond it 10.0.2.5
            host 02:00:00:00:00:0b@1 at tap1
              10.0.3.5 by source 0.0 to 0.0
            outside outside-02:00:00:00:00:01@0 at beyond 02:00:00:00:00:01
            outside outside-02:00:00:00:00:02@1 at beyond 02:00:00:00:00:02
        "#]],
    );
}

#[test]
fn a_router_on_a_stick_sends_one_vlan_s_addresses_into_another() {
    check(
        "
        0.0 trunk a.10>* arp who-has 10.0.10.1 tell 10.0.10.5
        0.1 trunk 1.10>a arp 10.0.10.1 is-at for 10.0.10.5
        0.2 trunk 1.20>* arp who-has 10.0.20.5 tell 10.0.20.1
        0.3 trunk b.20>1 arp 10.0.20.5 is-at for 10.0.20.1
        0.4 trunk a.10>1 udp - 10.0.10.5:1>10.0.20.5:2
        0.5 trunk 1.20>b udp - 10.0.10.5:1>10.0.20.5:2
        ",
        expect![[r#"
            router 02:00:00:00:00:01@0 at trunk VLAN 10, trunk VLAN 20
              10.0.10.1 by arp 0.1 to 0.1
              10.0.20.1 by arp 0.2 to 0.2
            host 02:00:00:00:00:0a@0 at trunk VLAN 10
              10.0.10.5 by arp, source 0.0 to 0.0
            host 02:00:00:00:00:0b@0 at trunk VLAN 20
              10.0.20.5 by arp 0.3 to 0.3
        "#]],
    );
}

#[test]
fn a_mac_that_takes_packets_for_three_networks_is_a_router_though_nothing_is_heard_from_it() {
    check(
        "
        0.0 tap0 a>1 udp - 10.0.2.5:1>198.51.100.7:53
        0.1 tap0 a>1 udp - 10.0.2.5:1>203.0.113.9:53
        0.2 tap0 a>1 udp - 10.0.2.5:1>192.0.2.4:53
        ",
        expect![[r#"
            router 02:00:00:00:00:01@0 at tap0, beyond 02:00:00:00:00:01
              beyond it 192.0.2.4, 198.51.100.7, 203.0.113.9
            host 02:00:00:00:00:0a@0 at tap0
              10.0.2.5 by source 0.0 to 0.2
            outside outside-02:00:00:00:00:01@0 at beyond 02:00:00:00:00:01
        "#]],
    );
}

#[test]
fn two_hosts_without_any_arp_are_hosts() {
    check(
        "
        0.0 tap0 a>b udp - 10.0.2.5:1>10.0.2.6:2
        0.1 tap0 b>a udp - 10.0.2.6:2>10.0.2.5:1
        ",
        expect![[r#"
            host 02:00:00:00:00:0a@0 at tap0
              10.0.2.5 by source 0.0 to 0.0
            host 02:00:00:00:00:0b@0 at tap0
              10.0.2.6 by source 0.1 to 0.1
        "#]],
    );
}

#[test]
fn a_station_is_attached_where_the_interface_receives_from_it() {
    check(
        "
        0.0 tap0> a>* arp who-has 10.0.0.9 tell 10.0.0.1
        0.000001 tap1< a>* arp who-has 10.0.0.9 tell 10.0.0.1
        ",
        expect![[r#"
            host 02:00:00:00:00:0a@0 at tap1
              10.0.0.1 by arp 0.0 to 0.0
            bridge bridge@0 at tap0, tap1
        "#]],
    );
}

#[test]
fn a_gateway_that_only_takes_packets_keeps_silent_about_the_address_it_sends_from() {
    check(
        "
        0.0 tap0 a>1 udp - 10.0.2.5:1>198.51.100.7:53
        0.1 tap0 a>1 udp - 10.0.2.5:1>203.0.113.9:53
        0.2 tap0 a>1 udp - 10.0.2.5:1>192.0.2.4:53
        0.3 tap0 1>* udp - 10.0.9.1:520>224.0.0.9:520
        ",
        expect![[r#"
            router 02:00:00:00:00:01@0 at tap0, beyond 02:00:00:00:00:01
              beyond it 192.0.2.4, 198.51.100.7, 203.0.113.9
            host 02:00:00:00:00:0a@0 at tap0
              10.0.2.5 by source 0.0 to 0.2
            outside outside-02:00:00:00:00:01@0 at beyond 02:00:00:00:00:01
        "#]],
    );
}

#[test]
fn a_host_seen_on_its_access_port_and_tagged_on_the_trunk_is_no_router() {
    check(
        "
        0.000000 tap0  a>* arp who-has 10.0.10.1 tell 10.0.10.5
        0.000004 trunk a.10>* arp who-has 10.0.10.1 tell 10.0.10.5
        0.1 trunk 1.10>a arp 10.0.10.1 is-at for 10.0.10.5
        0.2 trunk a.10>1 udp - 10.0.10.5:1>10.0.10.1:2
        0.3 tap0  a>1 udp - 10.0.10.5:1>10.0.10.1:3
        0.4 tap0  1>a udp - 10.0.10.1:3>10.0.10.5:1
        ",
        expect![[r#"
            host 02:00:00:00:00:01@0 at tap0, trunk VLAN 10
              10.0.10.1 by arp, source 0.1 to 0.1
            host 02:00:00:00:00:0a@0 at tap0, trunk VLAN 10
              10.0.10.5 by arp, source 0.0 to 0.0
              10.0.10.5 by arp 0.0 to 0.0
            bridge bridge@0 at tap0, trunk, trunk VLAN 10
        "#]],
    );
}
