//! What the host says and what frames show, in one picture.

mod common;

use common::view;
use expect_test::{Expect, expect};

fn check(script: &str, expected: Expect) {
    expected.assert_eq(&view(script).printed());
}

/// Two guests on tap0 and tap1, joined by bridge0.
const BRIDGED: &str = "
    0 host device 2 tap0 tap 12 master 4
    0 host device 3 tap1 tap 13 master 4
    0 host device 4 bridge0 bridge 12
    0 host guest 100 g1 a@2
    0 host guest 101 g2 b@3
    0 host address 4 10.0.2.100/24
    0 host address 4 10.0.3.100/24
    0 host set net.ipv4.ip_forward 1
";

#[test]
fn a_guest_is_the_station_behind_its_tap() {
    let frames = "
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
    ";
    check(
        &format!("{BRIDGED}{frames}"),
        expect![[r#"
        point tap0: 6 packets, 268 octets
        point bridge0: 3 packets, 134 octets
        point tap1: 4 packets, 176 octets
        local local@1 this host at bridge0
          10.0.2.100 by configured, source 0.4 to 0.4
          10.0.3.100 by configured
        guest guest-3 g1 at tap0
          10.0.2.101 by arp, source 0.0 to 0.0
        guest guest-4 g2 at tap1
          10.0.3.101 by arp, source 0.1 to 0.1
        bridge joint-2 bridge0 at tap0, bridge0, tap1
        echo 10.0.2.101 -> 10.0.2.100 109/2: answered after 0 ns
        echo 10.0.2.101 -> 10.0.3.101 109/1: answered after 100000000 ns
        flow 1 10.0.2.100 / 10.0.2.101: 2/2 packets, 92/92 octets, by B
        flow 1 10.0.2.101 / 10.0.3.101: 2/2 packets, 92/92 octets, by A
        resolution 10.0.2.101 for 10.0.3.101 ×1: 02:00:00:00:00:0b ×1
    "#]],
    );
}

#[test]
fn without_frames_the_picture_is_what_is_configured() {
    check(
        BRIDGED,
        expect![[r#"
        local local@1 this host at bridge0
          10.0.2.100 by configured
          10.0.3.100 by configured
        guest guest-3 g1 at tap0
        guest guest-4 g2 at tap1
        bridge joint-2 bridge0 at tap0, tap1, bridge0
    "#]],
    );
}

#[test]
fn a_guest_that_starts_again_is_the_same_node() {
    let again = "
        1 host gone guest 100
        1 host gone device 2
        2 host device 7 tap0 tap 17 master 4
        2 host guest 222 g1 a@7
    ";
    let nodes = |script: &str| {
        let view = view(script);
        view.topology.nodes().map(|node| node.key.to_string()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(nodes(BRIDGED), nodes(&format!("{BRIDGED}{again}")));
}

#[test]
fn a_veth_pair_is_one_link_and_an_unread_tap_says_so() {
    check(
        "
        0 host device 2 tap0 tap 12 unread
        0 host device 3 v0 veth 13 lower 4
        0 host device 4 v1 veth 14 lower 3 master 5
        0 host device 5 br0 bridge 14
        0 host address 3 10.0.0.1/24
        0 host device 6 eth0 physical 16
        0 host device 7 mvt0 macvtap 17 lower 6
        0 host guest 9 m 17@7
        0 host guest 10 u c@user
        ",
        expect![[r#"
            local local@1 this host at tap0 (nobody has it open), v0, br0, eth0
              10.0.0.1 by configured
            guest guest-6 m at mvt0
            guest guest-7 u at user 
            bridge joint-3 br0 at v0, br0
            bridge joint-4 macvlan on eth0 at eth0, mvt0
            note TAP_NO_CARRIER: nobody has tap0 open: what is sent there is lost
        "#]],
    );
}

#[test]
fn what_is_odd_about_the_host_is_found() {
    check(
        "
        0 host device 2 tap0 tap 12 master 4
        0 host device 3 tap1 tap 13 master 4 state blocking
        0 host device 4 bridge0 bridge 12
        0 host device 5 tap2 tap 15 unread
        0 host device 6 tap3 tap 16 down
        0 host guest 100 g1 a@2
        0 host guest 101 g2 b@3 c@6
        0 host address 2 10.0.2.100/24
        0 host neighbor 4 10.0.2.101 a reachable
        0.1 tap0< e>* arp who-has 10.0.2.7 tell 10.0.2.9
        0.2 tap0< e>* arp who-has 10.0.2.8 tell 10.0.2.9
        ",
        expect![[r#"
            point tap0: 2 packets, 84 octets
            host 02:00:00:00:00:0e@0 at tap0
              10.0.2.9 by arp 0.0 to 0.1
            local local@1 this host at tap0, bridge0, tap2 (nobody has it open), tap3 (down)
              10.0.2.100 by configured
            guest guest-5 g1 at tap0
              10.0.2.101 by neighbor table
            guest guest-6 g2 at tap1 (port blocking), tap3 (down)
            bridge joint-2 bridge0 at tap0, tap1 (port blocking), bridge0
            resolution 10.0.2.9 for 10.0.2.7 ×1: nobody
            resolution 10.0.2.9 for 10.0.2.8 ×1: nobody
            warning IP_ON_BRIDGE_PORT: 10.0.2.100 is set on tap0, a port of bridge0: what comes in there belongs to bridge0, and answers go out by another way; set it on bridge0
            warning STP_NOT_FORWARDING: port tap1 is blocking: nothing passes
            warning IFACE_ADMIN_DOWN: tap3 is down, and a guest has it open
            note TAP_NO_CARRIER: nobody has tap2 open: what is sent there is lost
            note MAC_DIFFERS: 02:00:00:00:00:0e sends from behind tap0, and is not g1, whose card there is 02:00:00:00:00:0a
        "#]],
    );
}

#[test]
fn a_guest_that_ended_is_remembered_while_its_tap_waits_for_it() {
    let departed = |more: &str| {
        let view = view(&format!("{BRIDGED}{more}"));
        let told = view.tables.host.departed().map(|row| {
            let name = row.guest.name.as_ref().map_or("?", |name| name.as_str());
            format!("{name} at {} since {:.1}", row.device.name, row.at.parts().1 as f64 / 1e9)
        });
        told.collect::<Vec<_>>()
    };
    let ended = "    0.5 host gone guest 101\n";
    assert_eq!(departed(""), [""; 0]);
    assert_eq!(departed(ended), ["g2 at tap1 since 0.5"]);
    assert_eq!(departed(&format!("{ended}    0.6 host guest 102 g2 b@3\n")), [""; 0], "it is started again");
    assert_eq!(departed(&format!("{ended}    0.6 host guest 102 g3 b@3\n")), [""; 0], "another one has its TAP");
    assert_eq!(departed(&format!("{ended}    0.6 host gone device 3\n")), [""; 0], "its TAP went");
}
