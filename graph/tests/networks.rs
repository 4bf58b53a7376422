//! Kinds of networks, written as frames, and what is understood of them.

mod common;

use common::view;
use expect_test::{Expect, expect};

fn check(script: &str, expected: Expect) {
    expected.assert_eq(&view(script).printed());
}

#[test]
fn two_guests_on_a_bridge_are_attached_where_their_frames_enter() {
    check(
        "
        0.000000 tap0 a>* arp who-has 10.0.3.101 tell 10.0.2.101
        0.000004 br0  a>* arp who-has 10.0.3.101 tell 10.0.2.101
        0.000005 tap1 a>* arp who-has 10.0.3.101 tell 10.0.2.101
        0.000300 tap1 b>a arp 10.0.3.101 is-at for 10.0.2.101
        0.000304 tap0 b>a arp 10.0.3.101 is-at for 10.0.2.101
        0.001000 tap0 a>b icmp request 10.0.2.101>10.0.3.101 109/1
        0.001004 tap1 a>b icmp request 10.0.2.101>10.0.3.101 109/1
        0.001300 tap1 b>a icmp reply 10.0.3.101>10.0.2.101 109/1
        0.001305 tap0 b>a icmp reply 10.0.3.101>10.0.2.101 109/1
        ",
        expect![[r#"
            point tap0: 4 packets, 176 octets
            point br0: 1 packets, 42 octets
            point tap1: 4 packets, 176 octets
            host 02:00:00:00:00:0a@0 at tap0
              10.0.2.101 by arp, source 0.0 to 0.0
            host 02:00:00:00:00:0b@0 at tap1
              10.0.3.101 by arp, source 0.0 to 0.0
            bridge bridge@0 at tap0, br0, tap1
            echo 10.0.2.101 -> 10.0.3.101 109/1: answered after 305000 ns
            flow 1 10.0.2.101 / 10.0.3.101: 2/2 packets, 92/92 octets, by A
            resolution 10.0.2.101 for 10.0.3.101 ×1: 02:00:00:00:00:0b ×1
        "#]],
    );
}

#[test]
fn a_router_does_not_own_the_addresses_beyond_it() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.2.1 tell 10.0.2.5
        0.1 tap0 1>a arp 10.0.2.1 is-at for 10.0.2.5
        0.2 tap0 a>1 tcp syn 10.0.2.5:4000>203.0.113.9:80
        0.3 tap0 1>a tcp syn+ack 203.0.113.9:80>10.0.2.5:4000
        0.4 tap0 a>1 tcp ack 10.0.2.5:4000>203.0.113.9:80
        0.5 tap0 a>1 udp - 10.0.2.5:5000>198.51.100.7:53
        ",
        expect![[r#"
            point tap0: 6 packets, 292 octets
            router 02:00:00:00:00:01@0 at tap0, beyond 02:00:00:00:00:01
              10.0.2.1 by arp 0.1 to 0.1
              beyond it 198.51.100.7, 203.0.113.9
            host 02:00:00:00:00:0a@0 at tap0
              10.0.2.5 by arp, source 0.0 to 0.0
            outside outside-02:00:00:00:00:01@0 at beyond 02:00:00:00:00:01
            flow 17 10.0.2.5 port 5000 / 198.51.100.7 port 53: 1/0 packets, 46/0 octets, by A
            flow 6 10.0.2.5 port 4000 / 203.0.113.9 port 80: 2/1 packets, 108/54 octets, by A established rtt 200000000 ns
            resolution 10.0.2.5 for 10.0.2.1 ×1: 02:00:00:00:00:01 ×1
        "#]],
    );
}

#[test]
fn a_host_with_two_addresses_is_no_router() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.2.100 tell 10.0.2.101
        0.1 tap0 1>a arp 10.0.2.100 is-at for 10.0.2.101
        0.2 tap0 a>* arp who-has 10.0.3.100 tell 10.0.2.101
        0.3 tap0 1>a arp 10.0.3.100 is-at for 10.0.2.101
        0.4 tap0 a>1 icmp request 10.0.2.101>10.0.3.100 1/1
        0.5 tap0 1>a icmp reply 10.0.3.100>10.0.2.101 1/1
        ",
        expect![[r#"
            point tap0: 6 packets, 260 octets
            host 02:00:00:00:00:01@0 at tap0
              10.0.2.100 by arp 0.1 to 0.1
              10.0.3.100 by arp, source 0.3 to 0.3
            host 02:00:00:00:00:0a@0 at tap0
              10.0.2.101 by arp, source 0.0 to 0.2
            echo 10.0.2.101 -> 10.0.3.100 1/1: answered after 100000000 ns
            flow 1 10.0.2.101 / 10.0.3.100: 1/1 packets, 46/46 octets, by A
            resolution 10.0.2.101 for 10.0.2.100 ×1: 02:00:00:00:00:01 ×1
            resolution 10.0.2.101 for 10.0.3.100 ×1: 02:00:00:00:00:01 ×1
        "#]],
    );
}

#[test]
fn an_address_that_two_stations_claim_in_turns_is_a_conflict() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.0.1 tell 10.0.0.1
        1.0 tap0 b>* arp who-has 10.0.0.1 tell 10.0.0.1
        2.0 tap0 a>* arp who-has 10.0.0.9 tell 10.0.0.1
        2.1 tap0 9>a arp 10.0.0.9 is-at for 10.0.0.1
        ",
        expect![[r#"
            point tap0: 4 packets, 168 octets
            host 02:00:00:00:00:09@0 at tap0
              10.0.0.9 by arp 2.1 to 2.1
            host 02:00:00:00:00:0a@0 at tap0
              10.0.0.1 by arp 0.0 to 2.0 conflict 02:00:00:00:00:0b
            host 02:00:00:00:00:0b@0 at tap0
              10.0.0.1 by arp 1.0 to 1.0 conflict 02:00:00:00:00:0a
            resolution 10.0.0.1 for 10.0.0.9 ×1: 02:00:00:00:00:09 ×1
            error DUPLICATE_IP: 10.0.0.1 is claimed by 02:00:00:00:00:0a and 02:00:00:00:00:0b
        "#]],
    );
}

#[test]
fn an_address_that_moves_once_is_no_conflict() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.0.1 tell 10.0.0.1
        5.0 tap0 b>* arp who-has 10.0.0.1 tell 10.0.0.1
        ",
        expect![[r#"
            point tap0: 2 packets, 84 octets
            host 02:00:00:00:00:0a@0 at tap0
              10.0.0.1 by arp 0.0 to 0.0 moved
            host 02:00:00:00:00:0b@0 at tap0
              10.0.0.1 by arp 5.0 to 5.0
        "#]],
    );
}

#[test]
fn a_question_that_nobody_answers_and_a_lost_echo_are_findings() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.0.7 tell 10.0.0.1
        1.0 tap0 a>* arp who-has 10.0.0.7 tell 10.0.0.1
        1.5 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        1.6 tap0 b>a arp 10.0.0.2 is-at for 10.0.0.1
        2.0 tap0 a>b icmp request 10.0.0.1>10.0.0.2 3/1
        9.0 tap0 a>b udp - 10.0.0.1:1>10.0.0.2:2
        ",
        expect![[r#"
            point tap0: 6 packets, 260 octets
            host 02:00:00:00:00:0a@0 at tap0
              10.0.0.1 by arp, source 0.0 to 1.5
            host 02:00:00:00:00:0b@0 at tap0
              10.0.0.2 by arp 1.6 to 1.6
            echo 10.0.0.1 -> 10.0.0.2 3/1: unanswered
            flow 1 10.0.0.1 / 10.0.0.2: 1/0 packets, 46/0 octets, by A
            flow 17 10.0.0.1 port 1 / 10.0.0.2 port 2: 1/0 packets, 46/0 octets, by A
            resolution 10.0.0.1 for 10.0.0.2 ×1: 02:00:00:00:00:0b ×1
            resolution 10.0.0.1 for 10.0.0.7 ×2: nobody
            error ECHO_LOST: ping 10.0.0.1 -> 10.0.0.2: 1 of 1 echo requests unanswered
            warning RESOLUTION_UNANSWERED: nobody answers 10.0.0.1's ARP for 10.0.0.7, 2 times
        "#]],
    );
}

#[test]
fn what_may_still_be_answered_accuses_nobody() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.0.7 tell 10.0.0.1
        0.1 tap0 b>* arp who-has 10.0.0.8 tell 0.0.0.0
        0.2 tap0 a>b icmp request 10.0.0.1>10.0.0.2 3/1
        ",
        expect![[r#"
            point tap0: 3 packets, 130 octets
            host 02:00:00:00:00:0a@0 at tap0
              10.0.0.1 by arp, source 0.0 to 0.0
            host 02:00:00:00:00:0b@0 at tap0
            echo 10.0.0.1 -> 10.0.0.2 3/1: unanswered
            flow 1 10.0.0.1 / 10.0.0.2: 1/0 packets, 46/0 octets, by A
            resolution 0.0.0.0 for 10.0.0.8 ×1: nobody
            resolution 10.0.0.1 for 10.0.0.7 ×1: nobody
        "#]],
    );
}

#[test]
fn a_routed_packet_joins_no_domains_and_the_same_mac_elsewhere_is_another_node() {
    check(
        "
        0.000 tap0 a>1 icmp request 10.0.2.5>10.0.3.5 1/1
        0.001 tap1 2>a icmp request 10.0.2.5>10.0.3.5 1/1
        0.002 tap1 a>2 icmp reply 10.0.3.5>10.0.2.5 1/1
        0.003 tap0 1>a icmp reply 10.0.3.5>10.0.2.5 1/1
        ",
        expect![[r#"
            point tap0: 2 packets, 92 octets
            point tap1: 2 packets, 92 octets
            router 02:00:00:00:00:01@0 at tap0, beyond 02:00:00:00:00:01
              beyond it 10.0.3.5
            host 02:00:00:00:00:0a@0 at tap0
              10.0.2.5 by source 0.0 to 0.0
            router 02:00:00:00:00:02@1 at tap1, beyond 02:00:00:00:00:02
              beyond it 10.0.2.5
            host 02:00:00:00:00:0a@1 at tap1
              10.0.3.5 by source 0.0 to 0.0
            outside outside-02:00:00:00:00:01@0 at beyond 02:00:00:00:00:01
            outside outside-02:00:00:00:00:02@1 at beyond 02:00:00:00:00:02
            echo 10.0.2.5 -> 10.0.3.5 1/1: answered after 3000000 ns
            flow 1 10.0.2.5 / 10.0.3.5: 2/2 packets, 92/92 octets, by A
        "#]],
    );
}

#[test]
fn vlans_are_links_of_their_own() {
    check(
        "
        0.0 trunk a.10>* arp who-has 10.0.10.2 tell 10.0.10.1
        0.1 trunk b.10>a arp 10.0.10.2 is-at for 10.0.10.1
        0.2 trunk c.20>* arp who-has 10.0.10.2 tell 10.0.10.1
        ",
        expect![[r#"
            point trunk: 3 packets, 138 octets
            host 02:00:00:00:00:0a@0 at trunk VLAN 10
              10.0.10.1 by arp 0.0 to 0.0
            host 02:00:00:00:00:0b@0 at trunk VLAN 10
              10.0.10.2 by arp 0.1 to 0.1
            host 02:00:00:00:00:0c@0 at trunk VLAN 20
              10.0.10.1 by arp 0.2 to 0.2
            resolution 10.0.10.1 for 10.0.10.2 ×1: 02:00:00:00:00:0b ×1
            resolution 10.0.10.1 for 10.0.10.2 ×1: nobody
        "#]],
    );
}

#[test]
fn tcp_states_follow_the_flags() {
    check(
        "
        0.0 tap0 a>b tcp syn 10.0.0.1:1000>10.0.0.2:80
        0.1 tap0 b>a tcp syn+ack 10.0.0.2:80>10.0.0.1:1000
        0.2 tap0 a>b tcp ack 10.0.0.1:1000>10.0.0.2:80
        0.3 tap0 a>b tcp fin+ack 10.0.0.1:1000>10.0.0.2:80
        0.4 tap0 b>a tcp fin+ack 10.0.0.2:80>10.0.0.1:1000
        1.0 tap0 a>b tcp syn 10.0.0.1:1001>10.0.0.2:81
        1.1 tap0 b>a tcp rst+ack 10.0.0.2:81>10.0.0.1:1001
        2.0 tap0 a>b tcp syn 10.0.0.1:1002>10.0.0.2:82
        5.0 tap0 a>b tcp syn 10.0.0.1:1002>10.0.0.2:82
        ",
        expect![[r#"
            point tap0: 9 packets, 486 octets
            host 02:00:00:00:00:0a@0 at tap0
              10.0.0.1 by source 0.0 to 5.0
            host 02:00:00:00:00:0b@0 at tap0
              10.0.0.2 by source 0.1 to 1.1
            flow 6 10.0.0.1 port 1000 / 10.0.0.2 port 80: 3/2 packets, 162/108 octets, by A closed rtt 200000000 ns
            flow 6 10.0.0.1 port 1001 / 10.0.0.2 port 81: 1/1 packets, 54/54 octets, by A refused
            flow 6 10.0.0.1 port 1002 / 10.0.0.2 port 82: 2/0 packets, 108/0 octets, by A syn sent
            warning TCP_REFUSED: 10.0.0.2 refuses TCP port 81 to 10.0.0.1
            warning TCP_UNANSWERED: 10.0.0.2 does not answer TCP port 82 to 10.0.0.1
        "#]],
    );
}

#[test]
fn who_never_sends_is_attached_where_frames_to_it_leave() {
    check(
        "
        0.000000 tap0< a>b icmp request 10.0.2.101>10.0.3.101 109/1
        0.000004 tap1> a>b icmp request 10.0.2.101>10.0.3.101 109/1
        ",
        expect![[r#"
            point tap0: 1 packets, 46 octets
            point tap1: 1 packets, 46 octets
            host 02:00:00:00:00:0a@0 at tap0
              10.0.2.101 by source 0.0 to 0.0
            host 02:00:00:00:00:0b@0 at tap1
            bridge bridge@0 at tap0, tap1
            echo 10.0.2.101 -> 10.0.3.101 109/1: unanswered
            flow 1 10.0.2.101 / 10.0.3.101: 2/0 packets, 92/0 octets, by A
        "#]],
    );
}
