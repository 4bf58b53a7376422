//! Causes that `tests/faults` cannot build on every machine: another system, one setting for all, a kernel without a feature, or words that
//! a program took with it. `tests/faults/unbuilt.toml` names the test of each.

use super::{ASKED, STD, ask, brief, check};
use expect_test::expect;
use tapscope_graph::diagnose::Pinged;

/// A asks for B, and the question comes out at tapB.
const ASKED_OUT: &str = "
    1.0  tapA<   a>* arp who-has 10.9.0.2 tell 10.9.0.1
    1.01 tapB>   a>* arp who-has 10.9.0.2 tell 10.9.0.1
    2.0  tapA<   a>* arp who-has 10.9.0.2 tell 10.9.0.1
    2.01 tapB>   a>* arp who-has 10.9.0.2 tell 10.9.0.1
";

#[test]
fn the_table_of_connections_is_full() {
    let full = "0 host address 4 10.9.0.254/24\n 0 host route 10.9.0.0/24 4\n 0 host set net.netfilter.nf_conntrack_count 262144\n 0 host set net.netfilter.nf_conntrack_max 262144";
    let sent = "
        0.1 tapA<   a>* arp who-has 10.9.0.254 tell 10.9.0.1
        0.2 tapA>  14>a arp 10.9.0.254 is-at for 10.9.0.1
        1.0 tapA<  a>14 icmp request 10.9.0.1>10.9.0.254 7/1
        1.1 br0<   a>14 icmp request 10.9.0.1>10.9.0.254 7/1
        2.0 tapA<  a>14 icmp request 10.9.0.1>10.9.0.254 7/2
        2.1 br0<   a>14 icmp request 10.9.0.1>10.9.0.254 7/2
    ";
    brief(&format!("{STD} {full}{sent}"), "a", "10.9.0.254", "fails proven: CONNTRACK_TABLE_FULL / ");
    // Room for one more is room.
    let half = full.replace("nf_conntrack_count 262144", "nf_conntrack_count 262143");
    brief(&format!("{STD} {half}{sent}"), "a", "10.9.0.254", "undetermined undetermined:  / ");
}

#[test]
fn a_card_without_a_link_takes_nothing() {
    let unplugged = "0.05 host guest 101 b b/unplugged@3";
    brief(&format!("{STD} {unplugged}{ASKED_OUT}"), "a", "10.9.0.2@b", "fails proven: GUEST_LINK_SET_DOWN / ");
}

#[test]
fn a_tap_that_another_program_holds() {
    let held = "0.05 host gone guest 101\n 0.05 host guest 101 b b@tap:tapB\n 0.05 host reader 300 socat 3 tapB";
    brief(&format!("{STD} {held}{ASKED_OUT}"), "a", "10.9.0.2@tapB", "fails proven: TAP_BUSY / ");
    // Without a guest that wants it, the program is who is meant.
    let alone = "0.05 host gone guest 101\n 0.05 host reader 300 socat 3 tapB";
    brief(&format!("{STD} {alone}{ASKED_OUT}"), "a", "10.9.0.2@tapB", "undetermined undetermined: TARGET_SILENT / ");
}

#[test]
fn what_kept_a_guest_from_its_tap_is_a_candidate_and_no_more() {
    let candidates = |words: &str| {
        let script = format!("{STD}\n 0.05 host gone guest 101\n 0.06 host device 3 tapB tap 13 unread {words}master 4\n{ASKED}");
        let found = ask(&script, "10.9.0.1", "10.9.0.2", None).1;
        let causes: Vec<&str> = found.causes.iter().map(|one| one.cause.code).collect();
        let candidates: Vec<&str> = found.candidates.iter().map(|one| one.code).collect();
        format!("{causes:?} {candidates:?}")
    };
    assert_eq!(candidates(""), r#"["TAP_NO_CARRIER"] []"#);
    assert_eq!(candidates("multi-queue "), r#"["TAP_NO_CARRIER"] ["TAP_QUEUE_MODE_MISMATCH"]"#);
    assert_eq!(candidates("owner 1000 "), r#"["TAP_NO_CARRIER"] ["TAP_PERMISSION_DENIED"]"#);
}

/// A guest alone in a multicast group; the other one is not there.
const ALONE: &str = "
    0 host ns 1 own
    0 host guest 100 a a@socket
    0 host cable mcast_230.0.0.1:7002 multicast alone peer=100.0 at=230.0.0.1:7002
    1.0 mcast_230.0.0.1:7002 a>* arp who-has 10.9.0.2 tell 10.9.0.1
    2.0 mcast_230.0.0.1:7002 a>* arp who-has 10.9.0.2 tell 10.9.0.1
";

#[test]
fn a_guest_that_could_not_join_its_group() {
    brief(ALONE, "10.9.0.1@a", "10.9.0.2", "fails probable: SOCKET_MCAST_NO_ROUTE / ");
    // With a route there is no such reason.
    let routed = format!("{ALONE}\n 0 host device 2 br0 bridge 12\n 0 host route 224.0.0.0/4 2");
    brief(&routed, "10.9.0.1@a", "10.9.0.2", "undetermined undetermined:  / ");
}

#[test]
fn a_reply_that_ping_does_not_count_dies_in_who_pinged() {
    let script = format!(
        "{STD}
        0 host address 4 10.9.0.254/24
        0 host route 10.9.0.0/24 4
        0.1  br0>   14>a icmp request 10.9.0.254>10.9.0.1 7/1
        0.11 tapA>  14>a icmp request 10.9.0.254>10.9.0.1 7/1
        0.2  tapA<  a>14 icmp reply 10.9.0.1>10.9.0.254 7/1
        0.21 br0<   a>14 icmp reply 10.9.0.1>10.9.0.254 7/1
    "
    );
    let told = |received| ask(&script, "10.9.0.254", "a", Some(Pinged { sent: 1, received })).0;
    assert_eq!(told(0), "fails probable: SOURCE_GUEST_DROPS_REPLY / ");
    assert_eq!(told(1), "works proven:  / ");
}

#[test]
fn a_link_local_address_without_its_link() {
    let other = "0.1 tapA< a>* arp who-has 10.9.0.9 tell 10.9.0.1";
    let (text, found, printed) = ask(&format!("{STD} {other}"), "a", "fe80::2", None);
    assert_eq!(text, "not_sent probable: NOT_SENT / ", "{printed}");
    assert!(found.candidates.iter().any(|one| one.code == "IPV6_LINKLOCAL_NO_SCOPE"), "{printed}");
}

#[test]
fn two_subnets_on_one_link_without_a_router() {
    let both = "
        0.1 tapA< a>* arp who-has 10.9.0.9 tell 10.9.0.1
        0.2 tapA> 9>a arp 10.9.0.9 is-at for 10.9.0.1
        0.3 tapB< b>* arp who-has 10.9.7.9 tell 10.9.7.2
    ";
    let (text, found, printed) = ask(&format!("{STD}{both}"), "10.9.0.1", "10.9.7.2", None);
    assert_eq!(text, "not_sent probable: NOT_SENT / ", "{printed}");
    assert!(found.candidates.iter().any(|one| one.code == "WRONG_SUBNET"), "{printed}");
}

/// A host of a BSD: no namespaces.
const BSD: &str = "
    0 host device 0/2 tap0 tap 12 master 0/4
    0 host device 0/4 bridge0 bridge 14
    0.1 tap1< b>* arp who-has 10.9.0.9 tell 10.9.0.2
    1.0 tap0< a>* arp who-has 10.9.0.2 tell 10.9.0.1
    2.0 tap0< a>* arp who-has 10.9.0.2 tell 10.9.0.1
";

#[test]
fn a_tap_of_a_bsd_that_was_not_switched_on() {
    let down = "0 host device 0/3 tap1 tap 13 down master 0/4";
    brief(&format!("{BSD} {down}"), "10.9.0.1", "10.9.0.2", "fails proven: BSD_TAP_NOT_UP / ");
}

#[test]
fn a_member_of_a_bsds_bridge_without_discover() {
    let hidden = "0 host device 0/3 tap1 tap 13 master 0/4 no-flood no-broadcast";
    check(
        &format!("{BSD} {hidden}"),
        "10.9.0.1",
        "10.9.0.2",
        expect![[r#"
        ping 10.9.0.1 (station, tap0) -> 10.9.0.2 (station, tap1): FAILS  no echo request left: the question before it was not answered  [proven]

         cause  BSD_BRIDGE_FLAGS   bridge0 sends tap1 nothing that it has not learned to be there
                tap1 has the flags LEARNING, no DISCOVER
         fix    brconfig bridge0 discover tap1 learn tap1 up (FreeBSD: ifconfig bridge0 discover tap1 learn tap1 up)          then expect: the packet out on tap1

         path   ask      --> tap0 in            #2     22:13:21.000  ok
                          X  bridge bridge0      died here
                         --- tap1 out            not seen
                last seen tap0 in, next expected tap1 out
                the way of the reply was not exercised
         ruled out: PORT_STATE_DISABLED (tap0 forwards)
    "#]],
    );
}

#[test]
fn a_bridge_whose_own_device_is_in_no_vlan_of_its_guests() {
    let bridge = |own: &str| {
        format!(
            "
            0 host ns 1 own
            0 host device 2 tapA tap 12 master 4 pvid 10
            0 host device 4 br0 bridge 14 filtering {own}
            0 host guest 100 a a@2
            0 host address 4 10.9.0.254/24
            1.0 tapA< a>* arp who-has 10.9.0.254 tell 10.9.0.1
            2.0 tapA< a>* arp who-has 10.9.0.254 tell 10.9.0.1
        "
        )
    };
    brief(&bridge("self 1"), "a", "10.9.0.254", "fails proven: VLAN_BRIDGE_SELF_MISSING / ");
    brief(&bridge("self 10"), "a", "10.9.0.254", "undetermined undetermined:  / ");
}

#[test]
fn what_the_device_fills_in_later_is_no_bad_checksum() {
    let host = "
        0 host address 4 10.9.0.254/24
        0.1 br0>   14>a icmp unfilled-request 10.9.0.254>10.9.0.1 7/1
        0.11 tapA> 14>a icmp unfilled-request 10.9.0.254>10.9.0.1 7/1
        0.2 tapA<  a>14 icmp reply 10.9.0.1>10.9.0.254 7/1
        0.21 br0<  a>14 icmp reply 10.9.0.1>10.9.0.254 7/1
    ";
    super::noted(&format!("{STD}{host}"), "10.9.0.254", "10.9.0.1", "works: OFFLOAD_CHECKSUM");
}

#[test]
fn a_multicast_group_gives_each_frame_back_once() {
    let group = "
        0 host ns 1 own
        0 host guest 100 a a@socket
        0 host guest 101 b b@socket
        0 host cable mcast multicast connected peer=100.0 peer=101.0
        1.000 mcast a>* arp who-has 10.9.0.2 tell 10.9.0.1
        1.001 mcast a>* arp who-has 10.9.0.2 tell 10.9.0.1
        1.002 mcast b>a arp 10.9.0.2 is-at for 10.9.0.1
        1.003 mcast b>a arp 10.9.0.2 is-at for 10.9.0.1
        1.004 mcast a>b icmp request 10.9.0.1>10.9.0.2 7/1
        1.005 mcast a>b icmp request 10.9.0.1>10.9.0.2 7/1
        1.006 mcast b>a icmp reply 10.9.0.2>10.9.0.1 7/1
        1.007 mcast b>a icmp reply 10.9.0.2>10.9.0.1 7/1
    ";
    super::noted(group, "10.9.0.1@a", "10.9.0.2@b", "works: MCAST_SELF_ECHO");
}

#[test]
fn a_reply_by_another_way_is_no_fault_by_itself() {
    let uplinks = "
        0 host ns 1 own
        0 host device 2 up0 physical 12
        0 host device 3 up1 physical 13
        0 host address 2 198.51.100.2/24
        0 host address 3 192.0.2.2/24
        0 host route 0.0.0.0/0 2 via 198.51.100.1
        0 host neighbor 2 198.51.100.1 e reachable
        1.0 up0> 12>e icmp request 198.51.100.2>203.0.113.9 7/1
        1.1 up1< f>13 icmp reply 203.0.113.9>198.51.100.2 7/1
        2.0 up0> 12>e icmp request 198.51.100.2>203.0.113.9 7/2
        2.1 up1< f>13 icmp reply 203.0.113.9>198.51.100.2 7/2
    ";
    super::noted(uplinks, "198.51.100.2", "203.0.113.9", "works: ASYMMETRIC_PATH");
}
