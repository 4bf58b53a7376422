//! Guests without a TAP: cables of every kind, and the user-mode stack.

mod common;

use common::view;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn check(script: &str, expected: Expect) {
    expected.assert_eq(&view(script).printed());
}

/// Set-up 1: one guest on the user-mode stack, and QEMU gives a copy of its frames.
const USER: &str = "
    0 host guest 100 g1 a@user
    0 host cable user_g1/n0 user unknown peer=100.0 asked=tapscope_watch_--qmp_/run/qmp.sock
";

/// Set-up 2: two guests joined by `-netdev socket,listen=:8010` and `connect=127.0.0.1:8010`.
const SOCKET: &str = "
    0 host device 1 lo loopback 0
    0 host address 1 127.0.0.1/8
    0 host guest 100 g1 57@socket:listen=:8010
    0 host guest 101 g2 56@socket:connect=127.0.0.1:8010
    0 host cable tcp_127.0.0.1:8010 tcp connected listens=100.0 connects=101.0 carried
";

#[test]
fn set_up_1_the_user_mode_stack_gives_addresses_and_swallows_pings() {
    let frames = "
        0.1 user_g1/n0< a>* dhcp discover a
        0.1 user_g1/n0> gateway>* dhcp offer a 10.0.2.15 10.0.2.2
        0.2 user_g1/n0< a>* dhcp request a
        0.2 user_g1/n0> gateway>* dhcp ack a 10.0.2.15 10.0.2.2
        0.3 user_g1/n0< a>* arp who-has 10.0.2.2 tell 10.0.2.15
        0.3 user_g1/n0> gateway>a arp 10.0.2.2 is-at for 10.0.2.15
        0.4 user_g1/n0< a>* arp who-has 10.0.2.3 tell 10.0.2.15
        0.4 user_g1/n0> dns>a arp 10.0.2.3 is-at for 10.0.2.15
        0.5 user_g1/n0< a>dns udp - 10.0.2.15:48724>10.0.2.3:53
        0.5 user_g1/n0> gateway>a udp - 10.0.2.3:53>10.0.2.15:48724
        0.6 user_g1/n0< a>gateway tcp syn 10.0.2.15:57396>203.0.113.1:8080
        0.6 user_g1/n0> gateway>a tcp syn+ack 203.0.113.1:8080>10.0.2.15:57396
        0.6 user_g1/n0< a>gateway tcp ack 10.0.2.15:57396>203.0.113.1:8080
        1.0 user_g1/n0< a>gateway icmp request 10.0.2.15>203.0.113.1 120/0
        2.0 user_g1/n0< a>gateway icmp request 10.0.2.15>203.0.113.1 120/1
        9.0 user_g1/n0< a>gateway icmp request 10.0.2.15>10.0.2.2 121/0
        9.0 user_g1/n0> gateway>a icmp reply 10.0.2.2>10.0.2.15 121/0
    ";
    check(
        &format!("{USER}{frames}"),
        expect![[r#"
            point user g1/n0: 17 packets, 1774 octets
            outside outside-52:55:0a:00:02:02@0 at beyond user-mode stack
            guest guest-0 g1 at user g1/n0
              10.0.2.15 by arp, dhcp, source 0.1 to 0.3
            stack stack-1 user-mode stack at beyond user-mode stack, user g1/n0
              10.0.2.2 by arp, configured, source 0.2 to 0.2
              10.0.2.3 by arp, configured 0.3 to 0.3
              beyond it 203.0.113.1
            cable cable-1 user g1/n0, listened
            dhcp 0x00000001 DISCOVER OFFER REQUEST ACK: bound
            echo 10.0.2.15 -> 10.0.2.2 121/0: answered after 0 ns
            echo 10.0.2.15 -> 203.0.113.1 120/0: unanswered
            echo 10.0.2.15 -> 203.0.113.1 120/1: unanswered
            flow 1 10.0.2.15 / 203.0.113.1: 2/0 packets, 92/0 octets, by A
            flow 1 10.0.2.2 / 10.0.2.15: 1/1 packets, 46/46 octets, by B
            flow 17 0.0.0.0 port 68 / 255.255.255.255 port 67: 2/0 packets, 572/0 octets, by A
            flow 17 10.0.2.2 port 67 / 255.255.255.255 port 68: 2/0 packets, 596/0 octets, by A
            flow 17 10.0.2.3 port 53 / 10.0.2.15 port 48724: 1/1 packets, 46/46 octets, by B
            flow 6 10.0.2.15 port 57396 / 203.0.113.1 port 8080: 2/1 packets, 108/54 octets, by A established rtt 0 ns
            resolution 10.0.2.15 for 10.0.2.2 ×1: 52:55:0a:00:02:02 ×1
            resolution 10.0.2.15 for 10.0.2.3 ×1: 52:55:0a:00:02:03 ×1
            error ECHO_LOST: ping 10.0.2.15 -> 203.0.113.1: 2 of 2 echo requests unanswered
            warning SLIRP_ICMP_BLOCKED: g1's pings to 203.0.113.1 are swallowed by its user-mode stack, 2 times, while TCP to 203.0.113.1 port 8080 gets through: it may not send ICMP; sysctl -w net.ipv4.ping_group_range="0 2147483647", or look for a rule that drops it
        "#]],
    );
}

#[test]
fn a_refused_ping_beside_tcp_that_works_is_the_stacks_doing_until_one_gets_through() {
    let refused = "
        0.6 user_g1/n0< a>gateway tcp syn 10.0.2.15:57396>203.0.113.1:8080
        0.6 user_g1/n0> gateway>a tcp syn+ack 203.0.113.1:8080>10.0.2.15:57396
        1.0 user_g1/n0< a>gateway icmp request 10.0.2.15>203.0.113.1 120/0
        1.0 user_g1/n0> gateway>a icmp net-unreachable 10.0.2.2>10.0.2.15 10.0.2.15>203.0.113.1 120/0
    ";
    let found = |script: &str| {
        let view = view(script);
        view.findings
            .iter()
            .filter(|finding| finding.kind.code() == "SLIRP_ICMP_BLOCKED")
            .map(|finding| finding.text.clone())
            .collect::<Vec<_>>()
    };
    expect![[r#"
        [
            "g1's pings to 203.0.113.1 are refused (network unreachable) by its user-mode stack, while TCP to 203.0.113.1 port 8080 gets through: it may not send ICMP; sysctl -w net.ipv4.ping_group_range=\"0 2147483647\", or look for a rule that drops it",
        ]
    "#]].assert_debug_eq(&found(&format!("{USER}{refused}")));
    let later = "
        5.0 user_g1/n0< a>gateway icmp request 10.0.2.15>203.0.113.1 121/0
        5.0 user_g1/n0> gateway>a icmp reply 203.0.113.1>10.0.2.15 121/0
    ";
    assert_eq!(found(&format!("{USER}{refused}{later}")), Vec::<String>::new());
    let without_tcp = refused.lines().filter(|line| !line.contains("tcp")).collect::<Vec<_>>().join("\n");
    assert_eq!(found(&format!("{USER}{without_tcp}")), Vec::<String>::new());
    // A capture from elsewhere tells the same of the address that pings.
    let claim = "0.1 user_g1/n0> gateway>a arp 10.0.2.2 is-at for 10.0.2.15\n0.1 user_g1/n0 a>* arp who-has 10.0.2.2 tell 10.0.2.15";
    let [told] = &found(&format!("{USER}{refused}"))[..] else { panic!("it is found once") };
    assert_eq!(found(&format!("{claim}{refused}")), [told.replace("g1's", "10.0.2.15's")]);
}

#[test]
fn a_user_mode_stack_that_nobody_listens_to_is_what_is_configured() {
    check(
        "
        0 host guest 100 g1 a@user:net=192.168.76.0/24,dns=192.168.76.9
        0 host guest 101 g2 a@user:ipv4=off
        0 host cable user_g1/n0 user unknown peer=100.0 asked=tapscope_watch_--qmp_/run/qmp.sock
        0 host cable user_g2/n0 user unknown peer=101.0 unseen=it_has_no_monitor=start_it_with_-qmp
        ",
        expect![[r#"
            guest guest-0 g1 at user g1/n0
            guest guest-1 g2 at user g2/n0
            stack stack-2 user-mode stack at user g1/n0
              192.168.76.2 by configured
              192.168.76.9 by configured
            stack stack-3 user-mode stack at user g2/n0
            cable cable-2 user g1/n0, QEMU gives a copy of its frames if it is asked, which changes the running guest: tapscope watch --qmp /run/qmp.sock
            cable cable-3 user g2/n0, its frames cannot be seen: it has no monitor; start it with -qmp
        "#]],
    );
}

#[test]
fn in_a_capture_from_elsewhere_the_stack_is_known_by_the_address_that_it_claims() {
    check(
        "
        0.3 n0 a>* arp who-has 10.0.2.2 tell 10.0.2.15
        0.3 n0 gateway>a arp 10.0.2.2 is-at for 10.0.2.15
        0.4 n0 a>* arp who-has 10.0.2.3 tell 10.0.2.15
        0.4 n0 dns>a arp 10.0.2.3 is-at for 10.0.2.15
        0.5 n0 a>dns udp - 10.0.2.15:48724>10.0.2.3:53
        0.5 n0 gateway>a udp - 10.0.2.3:53>10.0.2.15:48724
        0.6 n0 a>gateway tcp syn 10.0.2.15:57396>203.0.113.1:8080
        0.6 n0 gateway>a tcp syn+ack 203.0.113.1:8080>10.0.2.15:57396
        ",
        expect![[r#"
            point n0: 8 packets, 368 octets
            host 02:00:00:00:00:0a@0 at n0
              10.0.2.15 by arp, source 0.0 to 0.1
            stack 52:55:0a:00:02:02@0 user-mode stack at n0, beyond user-mode stack
              10.0.2.2 by arp 0.0 to 0.0
              10.0.2.3 by arp 0.1 to 0.1
              beyond it 203.0.113.1
            outside outside-52:55:0a:00:02:02@0 at beyond user-mode stack
            flow 17 10.0.2.3 port 53 / 10.0.2.15 port 48724: 1/1 packets, 46/46 octets, by B
            flow 6 10.0.2.15 port 57396 / 203.0.113.1 port 8080: 1/1 packets, 54/54 octets, by A syn received
            resolution 10.0.2.15 for 10.0.2.2 ×1: 52:55:0a:00:02:02 ×1
            resolution 10.0.2.15 for 10.0.2.3 ×1: 52:55:0a:00:02:03 ×1
        "#]],
    );
    // Another station may have such an address, too: it is no stack.
    check(
        "
        0.3 n0 a>* arp who-has 10.7.7.7 tell 10.0.2.15
        0.3 n0 gateway>a arp 10.7.7.7 is-at for 10.0.2.15
        ",
        expect![[r#"
            point n0: 2 packets, 84 octets
            host 02:00:00:00:00:0a@0 at n0
              10.0.2.15 by arp 0.0 to 0.0
            host 52:55:0a:00:02:02@0 at n0
              10.7.7.7 by arp 0.0 to 0.0
            resolution 10.0.2.15 for 10.7.7.7 ×1: 52:55:0a:00:02:02 ×1
        "#]],
    );
}

#[test]
fn set_up_2_two_guests_on_a_socket_cable() {
    let frames = "
        0.1 tcp_127.0.0.1:8010> 56>* arp who-has 10.0.2.100 tell 10.0.2.101
        0.1 tcp_127.0.0.1:8010< 57>56 arp 10.0.2.100 is-at for 10.0.2.101
        0.2 tcp_127.0.0.1:8010> 56>57 icmp request 10.0.2.101>10.0.2.100 109/1
        0.2 tcp_127.0.0.1:8010< 57>56 icmp reply 10.0.2.100>10.0.2.101 109/1
    ";
    check(
        &format!("{SOCKET}{frames}"),
        expect![[r#"
            point tcp 127.0.0.1:8010: 4 packets, 176 octets
            guest guest-1 g1 at tcp 127.0.0.1:8010
              10.0.2.100 by arp, source 0.0 to 0.0
            guest guest-2 g2 at tcp 127.0.0.1:8010
              10.0.2.101 by arp, source 0.0 to 0.0
            cable cable-3 tcp 127.0.0.1:8010, connected, listened
            echo 10.0.2.101 -> 10.0.2.100 109/1: answered after 0 ns
            flow 1 10.0.2.100 / 10.0.2.101: 1/1 packets, 46/46 octets, by B
            resolution 10.0.2.101 for 10.0.2.100 ×1: 02:00:00:00:00:57 ×1
        "#]],
    );
}

#[test]
fn guests_that_start_again_leave_the_cable_what_it_was() {
    let again = "
        1 host gone guest 100
        1 host gone guest 101
        1 host cable tcp_127.0.0.1:8010 tcp unknown
        2 host guest 200 g1 57@socket:listen=:8010
        2 host guest 201 g2 56@socket:connect=127.0.0.1:8010
        2 host cable tcp_127.0.0.1:8010 tcp connected listens=200.0 connects=201.0 carried
    ";
    let shape = |script: &str| {
        let view = view(script);
        let attached = view.topology.attachments().map(|(node, link, _)| format!("{} {}", node.key, link.key));
        attached.collect::<BTreeSet<_>>()
    };
    assert_eq!(shape(SOCKET), shape(&format!("{SOCKET}{again}")));
    assert_eq!(shape(SOCKET).into_iter().collect::<Vec<_>>(), ["guest-1 cable-3", "guest-2 cable-3"]);
}

#[test]
fn guests_with_qemus_default_address_are_told_apart_by_the_end_that_they_send_from() {
    let guests = "
        0 host guest 100 g1 q@socket:listen=:8010
        0 host guest 101 g2 q@socket:connect=127.0.0.1:8010
        0 host cable tcp_127.0.0.1:8010 tcp connected listens=100.0 connects=101.0 carried
    ";
    let frames = "
        0.1 tcp_127.0.0.1:8010> q>* arp who-has 10.0.2.100 tell 10.0.2.101
        0.2 tcp_127.0.0.1:8010< q>* arp who-has 10.0.2.101 tell 10.0.2.100
        0.3 tcp_127.0.0.1:8010> q>* arp who-has 10.0.2.7 tell 10.0.2.9
        0.3 tcp_127.0.0.1:8010< q>* arp who-has 10.0.2.7 tell 10.0.2.9
    ";
    check(
        &format!("{guests}{frames}"),
        expect![[r#"
            point tcp 127.0.0.1:8010: 4 packets, 168 octets
            guest guest-0 g1 at tcp 127.0.0.1:8010
              10.0.2.9 by arp 0.2 to 0.2 conflict 52:54:00:12:34:56
              10.0.2.100 by arp 0.1 to 0.1
            guest guest-1 g2 at tcp 127.0.0.1:8010
              10.0.2.9 by arp 0.2 to 0.2 conflict 52:54:00:12:34:56
              10.0.2.101 by arp 0.0 to 0.0
            cable cable-2 tcp 127.0.0.1:8010, connected, listened
            resolution 10.0.2.100 for 10.0.2.101 ×1: nobody
            resolution 10.0.2.101 for 10.0.2.100 ×1: nobody
            resolution 10.0.2.9 for 10.0.2.7 ×1: nobody
            error DUPLICATE_IP: 10.0.2.9 is claimed by two stations that both have 52:54:00:12:34:56
            warning DUPLICATE_MAC: g1 and g2 have the same address 52:54:00:12:34:56 on tcp 127.0.0.1:8010: give each a mac= of its own
        "#]],
    );
    // Without a direction nothing tells whose they are.
    let blind = frames.replace(['<'], "").replace("8010> ", "8010 ");
    check(
        &format!("{guests}{blind}"),
        expect![[r#"
            point tcp 127.0.0.1:8010: 4 packets, 168 octets
            host 52:54:00:12:34:56@0 at tcp 127.0.0.1:8010
              10.0.2.9 by arp 0.2 to 0.2
              10.0.2.100 by arp 0.1 to 0.1
              10.0.2.101 by arp 0.0 to 0.0
            guest guest-0 g1 at tcp 127.0.0.1:8010
            guest guest-1 g2 at tcp 127.0.0.1:8010
            cable cable-2 tcp 127.0.0.1:8010, connected, listened
            resolution 10.0.2.100 for 10.0.2.101 ×1: nobody
            resolution 10.0.2.101 for 10.0.2.100 ×1: nobody
            resolution 10.0.2.9 for 10.0.2.7 ×2: nobody
            warning DUPLICATE_MAC: g1 and g2 have the same address 52:54:00:12:34:56 on tcp 127.0.0.1:8010: give each a mac= of its own
        "#]],
    );
}

#[test]
fn three_guests_in_a_multicast_group_share_one_link() {
    check(
        "
        0 host guest 100 g1 a@socket:mcast=230.0.0.1:1234
        0 host guest 101 g2 b@socket:mcast=230.0.0.1:1234
        0 host guest 102 g3 c@socket:mcast=230.0.0.1:1234
        0 host cable multicast_230.0.0.1:1234 multicast connected peer=100.0 peer=101.0 peer=102.0 carried
        0.1 multicast_230.0.0.1:1234 a>* arp who-has 10.0.2.2 tell 10.0.2.1
        0.1 multicast_230.0.0.1:1234 b>a arp 10.0.2.2 is-at for 10.0.2.1
        0.2 multicast_230.0.0.1:1234 d>* arp who-has 10.0.2.2 tell 10.0.2.4
        ",
        expect![[r#"
            point multicast 230.0.0.1:1234: 3 packets, 126 octets
            host 02:00:00:00:00:0d@0 at multicast 230.0.0.1:1234
              10.0.2.4 by arp 0.1 to 0.1
            guest guest-0 g1 at multicast 230.0.0.1:1234
              10.0.2.1 by arp 0.0 to 0.0
            guest guest-1 g2 at multicast 230.0.0.1:1234
              10.0.2.2 by arp 0.0 to 0.0
            guest guest-2 g3 at multicast 230.0.0.1:1234
            cable cable-3 multicast 230.0.0.1:1234, connected, listened
            resolution 10.0.2.1 for 10.0.2.2 ×1: 02:00:00:00:00:0b ×1
            resolution 10.0.2.4 for 10.0.2.2 ×1: nobody
            note MAC_DIFFERS: 02:00:00:00:00:0d sends on multicast 230.0.0.1:1234, and is neither g1, whose card there is 02:00:00:00:00:0a, nor g2, whose card there is 02:00:00:00:00:0b, nor g3, whose card there is 02:00:00:00:00:0c
        "#]],
    );
}

#[test]
fn what_leads_to_nobody_says_so_and_what_to_do() {
    check(
        "
        0 host guest 100 g1 a@socket:listen=:8010
        0 host cable tcp_0.0.0.0:8010 tcp listening listens=100.0 carried
        0 host guest 101 g2 b@socket:listen=:8011
        0 host guest 102 g3 c@socket:connect=127.0.0.1:8011
        0 host guest 103 g4 d@socket:connect=127.0.0.1:8011
        0 host cable tcp_127.0.0.1:8011 tcp not-accepted listens=101.0 connects=102.0 connects=103.0 carried
        0 host guest 104 g5 e@socket:connect=127.0.0.1:8012
        0 host cable tcp_127.0.0.1:8012 tcp disconnected connects=104.0
        0 host guest 105 g6 f@socket:mcast=230.0.0.1:1234
        0 host cable multicast_230.0.0.1:1234 multicast alone peer=105.0 carried
        ",
        expect![[r#"
            guest guest-0 g1 at tcp 0.0.0.0:8010 (nobody is connected)
            guest guest-2 g2 at tcp 127.0.0.1:8011 (never accepted by the listener)
            guest guest-3 g3 at tcp 127.0.0.1:8011 (never accepted by the listener)
            guest guest-4 g4 at tcp 127.0.0.1:8011 (never accepted by the listener)
            guest guest-6 g5 at tcp 127.0.0.1:8012 (not connected)
            guest guest-8 g6 at multicast 230.0.0.1:1234 (nobody else is in the group)
            cable cable-1 tcp 0.0.0.0:8010, nobody is connected, its frames pass device 1 as tcp port 8010, which can be listened to without a change
            cable cable-5 tcp 127.0.0.1:8011, never accepted by the listener, its frames pass device 1 as tcp port 8010, which can be listened to without a change
            cable cable-7 tcp 127.0.0.1:8012, not connected
            cable cable-9 multicast 230.0.0.1:1234, nobody else is in the group, its frames pass device 1 as tcp port 8010, which can be listened to without a change
            warning SOCKET_NETDEV_NOT_CONNECTED: nobody is at the other end of tcp 127.0.0.1:8012 for g5: `-netdev socket` connects once, when QEMU starts; start the listener first and the guest again, or use `-netdev stream` with reconnect-ms=
            warning SOCKET_ONE_CLIENT_ONLY: not all of g3, g4 are accepted on tcp 127.0.0.1:8011: g2 takes one peer at a time; end the one that is too many, or join them by mcast= or `tapscope hub`
            note SOCKET_NETDEV_NOT_CONNECTED: g1 waits on tcp 0.0.0.0:8010, and nobody is connected: start its peer with connect= to that address
            note CABLE_ALONE: g6 is alone on multicast 230.0.0.1:1234: give its peers the same group and localaddr=
        "#]],
    );
}

#[test]
fn a_unix_stream_and_vhost_user_say_how_they_can_be_seen_or_why_not() {
    check(
        "
        0 host guest 100 g1 a@stream:addr.path=/run/wire.sock
        0 host guest 101 g2 b@stream:addr.path=/run/wire.sock
        0 host cable unix_/run/wire.sock unix-stream connected listens=100.0 connects=101.0 asked=tapscope_watch_--qmp_/run/qmp.sock
        0 host guest 102 g3 c@vhost-user
        0 host cable vhost-user_g3/n0 vhost-user unknown peer=102.0 unseen=its_frames_go_through_shared_memory=mirror_them_in_the_switch
        ",
        expect![[r#"
            guest guest-0 g1 at unix /run/wire.sock
            guest guest-1 g2 at unix /run/wire.sock
            guest guest-3 g3 at vhost-user g3/n0
            cable cable-2 unix /run/wire.sock, connected, QEMU gives a copy of its frames if it is asked, which changes the running guest: tapscope watch --qmp /run/qmp.sock
            cable cable-4 vhost-user g3/n0, its frames cannot be seen: its frames go through shared memory; mirror them in the switch
        "#]],
    );
}

#[test]
fn a_program_at_the_end_is_a_node_and_what_sends_from_passts_end_is_passt() {
    check(
        "
        0 host guest 100 g1 a@stream
        0 host guest 101 g2 b@stream
        0 host guest 102 g3 c@stream
        0 host cable tcp_hub/1 tcp connected listens=tapscope_hub:300 connects=100.0 carried
        0 host cable tcp_hub/2 tcp connected listens=tapscope_hub:300 connects=101.0 carried
        0 host cable passt_g3/n0 passt connected peer=102.0 peer=passt:301
        0.1 tcp_hub/1> a>* arp who-has 10.0.2.2 tell 10.0.2.1
        0.1 tcp_hub/2< a>* arp who-has 10.0.2.2 tell 10.0.2.1
        0.2 tcp_hub/2> b>a arp 10.0.2.2 is-at for 10.0.2.1
        0.2 tcp_hub/1< b>a arp 10.0.2.2 is-at for 10.0.2.1
        0.3 passt_g3/n0< c>* arp who-has 192.168.1.1 tell 192.168.1.5
        0.3 passt_g3/n0> e>c arp 192.168.1.1 is-at for 192.168.1.5
        ",
        expect![[r#"
            point tcp hub/1: 2 packets, 84 octets
            point tcp hub/2: 2 packets, 84 octets
            point passt g3/n0: 2 packets, 84 octets
            guest guest-0 g1 at tcp hub/1
              10.0.2.1 by arp 0.0 to 0.0
            guest guest-1 g2 at tcp hub/2
              10.0.2.2 by arp 0.1 to 0.1
            guest guest-2 g3 at passt g3/n0
              192.168.1.5 by arp 0.2 to 0.2
            program program-300 tapscope hub at tcp hub/1, tcp hub/2
            program program-301 passt at passt g3/n0
              192.168.1.1 by arp 0.2 to 0.2
            cable cable-3 tcp hub/1, connected, listened
            cable cable-4 tcp hub/2, connected, listened
            cable cable-5 passt g3/n0, connected, listened
            resolution 10.0.2.1 for 10.0.2.2 ×1: 02:00:00:00:00:0b ×1
            resolution 192.168.1.5 for 192.168.1.1 ×1: 02:00:00:00:00:0e ×1
        "#]],
    );
}

#[test]
fn a_guest_with_a_tap_and_a_cable_is_one_node_on_two_links() {
    check(
        "
        0 host device 2 tap0 tap 12
        0 host guest 100 g1 a@2 b@socket:listen=:8010
        0 host guest 101 g2 c@socket:connect=127.0.0.1:8010
        0 host address 2 10.0.0.1/24
        0 host cable tcp_127.0.0.1:8010 tcp connected listens=100.1 connects=101.0 carried
        0.1 tap0< a>12 arp who-has 10.0.0.1 tell 10.0.0.5
        0.2 tcp_127.0.0.1:8010< b>* arp who-has 10.0.2.101 tell 10.0.2.100
        0.2 tcp_127.0.0.1:8010> c>b arp 10.0.2.101 is-at for 10.0.2.100
        ",
        expect![[r#"
            point tap0: 1 packets, 42 octets
            point tcp 127.0.0.1:8010: 2 packets, 84 octets
            local local@1 this host at tap0
              10.0.0.1 by configured
            guest guest-1 g1 at tap0, tcp 127.0.0.1:8010
              10.0.0.5 by arp 0.0 to 0.0
              10.0.2.100 by arp 0.1 to 0.1
            guest guest-2 g2 at tcp 127.0.0.1:8010
              10.0.2.101 by arp 0.1 to 0.1
            cable cable-3 tcp 127.0.0.1:8010, connected, listened
            resolution 10.0.0.5 for 10.0.0.1 ×1: nobody
            resolution 10.0.2.100 for 10.0.2.101 ×1: 02:00:00:00:00:0c ×1
        "#]],
    );
}

#[test]
fn a_hub_joins_its_cables_and_its_tap_when_frames_cross_it() {
    check(
        "
        0 host device 2 tap0 tap 12
        0 host address 2 10.0.2.1/24
        0 host guest 100 g1 a@stream
        0 host guest 101 g2 b@stream
        0 host cable tcp_hub/1 tcp connected listens=tapscope_hub:300 connects=100.0 carried
        0 host cable tcp_hub/2 tcp connected listens=tapscope_hub:300 connects=101.0 carried
        0 host reader 300 tapscope_hub 2 tap0
        0.1 tcp_hub/1> a>* arp who-has 10.0.2.1 tell 10.0.2.100
        0.1 tcp_hub/2< a>* arp who-has 10.0.2.1 tell 10.0.2.100
        0.1 tap0< a>* arp who-has 10.0.2.1 tell 10.0.2.100
        0.2 tap0> 12>a arp 10.0.2.1 is-at for 10.0.2.100
        0.2 tcp_hub/1< 12>a arp 10.0.2.1 is-at for 10.0.2.100
        0.3 tcp_hub/2> b>* arp who-has 10.0.2.1 tell 10.0.2.101
        ",
        expect![[r#"
            point tcp hub/1: 2 packets, 84 octets
            point tcp hub/2: 2 packets, 84 octets
            point tap0: 2 packets, 84 octets
            local local@1 this host at tap0
              10.0.2.1 by arp, configured 0.1 to 0.1
            guest guest-1 g1 at tcp hub/1
              10.0.2.100 by arp 0.0 to 0.0
            guest guest-2 g2 at tcp hub/2
              10.0.2.101 by arp 0.2 to 0.2
            program program-300 tapscope hub at tap0, tcp hub/1, tcp hub/2
            cable cable-3 tcp hub/1, connected, listened
            cable cable-4 tcp hub/2, connected, listened
            resolution 10.0.2.100 for 10.0.2.1 ×1: 02:00:00:00:00:12 ×1
            resolution 10.0.2.101 for 10.0.2.1 ×1: nobody
        "#]],
    );
}

/// A line of a script: guests, cables with ends that need not exist, programs, and frames that may come from anybody.
fn line() -> impl Strategy<Value = String> {
    const KINDS: &[&str] = &["tcp", "udp", "multicast", "unix-stream", "user", "passt", "vde"];
    const STATES: &[&str] = &["connected", "listening", "not-accepted", "disconnected", "alone", "unknown"];
    const ENDS: &[&str] =
        &["listens=1.0", "connects=2.0", "peer=2.1", "peer=3.9", "peer=9.0", "peer=socat:7", "listens=passt:1", "peer=nobody"];
    const SIGHTS: &[&str] = &["carried", "asked=how", "unseen=why=remedy"];
    const STATIONS: &[&str] = &["a", "b", "q", "gateway", "dns", "1"];
    let cable = (
        0..3_u8,
        proptest::sample::select(KINDS),
        proptest::sample::select(STATES),
        proptest::collection::vec(proptest::sample::select(ENDS), 0..5),
        proptest::sample::select(SIGHTS),
    );
    let frame = (0..3_u8, proptest::sample::select(&["<", ">", ""]), proptest::sample::select(STATIONS), 1..5_u8);
    prop_oneof![
        (1..4_u8, proptest::sample::select(STATIONS), proptest::sample::select(&["user", "socket", "user:net=x", "2"]))
            .prop_map(|(pid, mac, behind)| format!("0 host guest {pid} g{pid} {mac}@{behind} q@user")),
        cable.prop_map(|(key, kind, state, ends, sight)| format!("0 host cable c{key} {kind} {state} {} {sight}", ends.join(" "))),
        (0..3_u8).prop_map(|key| format!("0 host gone cable c{key}")),
        (1..4_u8).prop_map(|pid| format!("0 host gone guest {pid}")),
        Just("0 host device 2 tap0 tap 12".to_owned()),
        Just("0 host reader 7 socat 2 tap0".to_owned()),
        frame.clone().prop_map(|(key, way, from, ip)| format!("1 c{key}{way} {from}>* arp who-has 10.0.2.9 tell 10.0.2.{ip}")),
        frame.prop_map(|(key, way, from, ip)| format!("2 c{key}{way} {from}>b icmp request 10.0.2.{ip}>203.0.113.1 1/{ip}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_the_host_says_of_cables_every_thing_is_there_once(lines in proptest::collection::vec(line(), 0..40)) {
        let view = view(&lines.join("\n"));
        let keys: Vec<_> = view.topology.nodes().map(|node| node.key).chain(view.topology.links().map(|link| link.key)).collect();
        prop_assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{}", view.printed());
        prop_assert_eq!(view.topology.attachments().count(), view.topology.graph.edge_count());
        let text = view.printed();
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{}", text);
    }
}
