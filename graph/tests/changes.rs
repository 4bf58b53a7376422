//! What changed between two looks, as `tapscope watch` tells it.

mod common;

use common::view;
use expect_test::{Expect, expect};
use tapscope_graph::changes::Told;

/// What each further line of a script adds to what is told.
fn check(scripts: &[&str], expected: Expect) {
    let (mut told, mut script, mut lines) = (Told::default(), String::new(), Vec::new());
    for more in scripts {
        script += more;
        let view = view(&script);
        lines.extend(told.news(&view.tables, &view.topology, &view.findings).into_iter().map(|change| change.text));
        lines.push("--".to_owned());
    }
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn a_cable_tells_who_is_connected_and_who_is_not_any_more() {
    check(
        &[
            "
            0 host guest 100 g1 57@socket
            0 host cable tcp_0.0.0.0:8010 tcp listening listens=100.0 carried
            ",
            "
            1 host guest 101 g2 56@socket
            1 host cable tcp_0.0.0.0:8010 tcp connected listens=100.0 connects=101.0 carried
            ",
            "
            2 host guest 102 g3 58@socket
            2 host cable tcp_0.0.0.0:8010 tcp not-accepted listens=100.0 connects=101.0 connects=102.0 carried
            ",
            "
            3 host gone guest 100
            3 host cable tcp_0.0.0.0:8010 tcp disconnected connects=101.0 connects=102.0
            ",
            "
            4 host gone guest 101
            4 host gone guest 102
            4 host gone cable tcp_0.0.0.0:8010
            ",
        ],
        expect![[r#"
            + guest g1 (02:00:00:00:00:57) at tcp 0.0.0.0:8010
            + cable tcp 0.0.0.0:8010: nobody is connected (g1)
            ! SOCKET_NETDEV_NOT_CONNECTED g1 waits on tcp 0.0.0.0:8010, and nobody is connected: start its peer with connect= to that address
            --
            + guest g2 (02:00:00:00:00:56) at tcp 0.0.0.0:8010
              cable tcp 0.0.0.0:8010: connected (g1, g2), before nobody is connected
              SOCKET_NETDEV_NOT_CONNECTED no more: g1 waits on tcp 0.0.0.0:8010, and nobody is connected: start its peer with connect= to that address
            --
            + guest g3 (02:00:00:00:00:58) at tcp 0.0.0.0:8010
              cable tcp 0.0.0.0:8010: never accepted by the listener (g1, g2, g3), before connected
            ! SOCKET_ONE_CLIENT_ONLY not all of g2, g3 are accepted on tcp 0.0.0.0:8010: g1 takes one peer at a time; end the one that is too many, or join them by mcast= or `tapscope hub`
            --
            - guest g1 (02:00:00:00:00:57)
              cable tcp 0.0.0.0:8010: not connected (g2, g3), before never accepted by the listener
            ! SOCKET_NETDEV_NOT_CONNECTED nobody is at the other end of tcp 0.0.0.0:8010 for g2, g3: `-netdev socket` connects once, when QEMU starts; start the listener first and the guest again, or use `-netdev stream` with reconnect-ms=
              SOCKET_ONE_CLIENT_ONLY no more: not all of g2, g3 are accepted on tcp 0.0.0.0:8010: g1 takes one peer at a time; end the one that is too many, or join them by mcast= or `tapscope hub`
            --
            - guest g2 (02:00:00:00:00:56)
            - guest g3 (02:00:00:00:00:58)
            - cable tcp 0.0.0.0:8010
              SOCKET_NETDEV_NOT_CONNECTED no more: nobody is at the other end of tcp 0.0.0.0:8010 for g2, g3: `-netdev socket` connects once, when QEMU starts; start the listener first and the guest again, or use `-netdev stream` with reconnect-ms=
            --"#]],
    );
}

#[test]
fn what_goes_on_being_wrong_is_told_once() {
    check(
        &[
            "
            0 tap0 a>* arp who-has 10.0.2.1 tell 10.0.2.5
            1 tap0 a>* arp who-has 10.0.2.1 tell 10.0.2.5
            3 tap1 b>* arp who-has 10.0.7.7 tell 10.0.7.7
            ",
            "
            4 tap0 a>* arp who-has 10.0.2.1 tell 10.0.2.5
            7 tap1 b>* arp who-has 10.0.7.7 tell 10.0.7.7
            ",
            "
            8 tap0 1>a arp 10.0.2.1 is-at for 10.0.2.5
            9 tap0 a>1 icmp request 10.0.2.5>10.0.2.1 1/1
            9 tap0 1>a icmp reply 10.0.2.1>10.0.2.5 1/1
            ",
        ],
        expect![[r#"
            + station 10.0.2.5 (02:00:00:00:00:0a) at tap0
            + station 10.0.7.7 (02:00:00:00:00:0b) at tap1
            + link tap0
            + link tap1
              10.0.2.5 is at 02:00:00:00:00:0a, by arp
              10.0.7.7 is at 02:00:00:00:00:0b, by arp
            ! 10.0.2.5 asks for 10.0.2.1: nobody answers
            ! RESOLUTION_UNANSWERED nobody answers 10.0.2.5's ARP for 10.0.2.1, 2 times
            --
            ! 10.0.2.5 asks for 10.0.2.1: nobody answers
            --
            + station 10.0.2.1 (02:00:00:00:00:01) at tap0
              10.0.2.1 is at 02:00:00:00:00:01, by arp
              10.0.2.5 asks for 10.0.2.1: it is 02:00:00:00:00:01
              echo 10.0.2.5 -> 10.0.2.1 1/1: answered after 0.000 ms
              RESOLUTION_UNANSWERED no more: nobody answers 10.0.2.5's ARP for 10.0.2.1, 3 times
            --"#]],
    );
}

#[test]
fn two_ports_of_a_server_that_refuses_are_two_findings() {
    check(
        &["
            0 tap0 a>1 tcp syn 10.0.2.5:40000>10.0.2.1:80
            0 tap0 1>a tcp rst+ack 10.0.2.1:80>10.0.2.5:40000
            0 tap0 a>1 tcp syn 10.0.2.5:40001>10.0.2.1:443
            0 tap0 1>a tcp rst+ack 10.0.2.1:443>10.0.2.5:40001
            "],
        expect![[r#"
            + station 10.0.2.1 (02:00:00:00:00:01) at tap0
            + station 10.0.2.5 (02:00:00:00:00:0a) at tap0
            + link tap0
            ! TCP_REFUSED 10.0.2.1 refuses TCP port 443 to 10.0.2.5
            ! TCP_REFUSED 10.0.2.1 refuses TCP port 80 to 10.0.2.5
            --"#]],
    );
}
