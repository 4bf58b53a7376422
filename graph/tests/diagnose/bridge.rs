//! What bridges and their ports do.

use super::{ASKED, KNOWN, STD, ask, brief, check};
use expect_test::expect;

/// The two guests, with other words for a device.
fn with(line: &str) -> String {
    format!("{STD}\n 0.05 host {line}\n{ASKED}")
}

#[test]
fn a_port_that_is_in_no_bridge() {
    check(
        &with("device 3 tapB tap 13"),
        "a",
        "10.9.0.2",
        expect![[r#"
        ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (guest b, tapB): FAILS  no echo request left: the question before it was not answered  [proven]

         cause  PORT_NOT_IN_BRIDGE   tapB is not a port of br0
                tapB has no master
         fix    ip link set tapB master br0          then expect: the packet out on tapB

         path   ask      --> tapA in            #2     22:13:21.000  ok
                          X  bridge br0          died here
                         --- tapB out            not seen
                last seen tapA in, next expected tapB out
                the way of the reply was not exercised
         ruled out: PORT_STATE_DISABLED (tapA forwards)
    "#]],
    );
}

#[test]
fn a_tap_that_nobody_reads() {
    check(
        &format!("{STD}\n 0.05 host gone guest 101\n 0.06 host device 3 tapB tap 13 unread master 4\n{ASKED}"),
        "10.9.0.1",
        "10.9.0.2",
        expect![[r#"
        ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (station, tapB): FAILS  no echo request left: the question before it was not answered  [proven]

         cause  TAP_NO_CARRIER   no process has tapB open: no guest runs behind it
                tapB is UP without LOWER_UP, and no process reads it
         fix    start the guest that belongs to tapB (or mend its -netdev tap,ifname=tapB)          then expect: the packet out on tapB

         path   ask      --> tapA in            #2     22:13:21.000  ok
                          X  egress of tapB      died here
                         --- tapB out            not seen
                last seen tapA in, next expected tapB out
                the way of the reply was not exercised
         ruled out: PORT_STATE_DISABLED (tapA forwards)
    "#]],
    );
}

#[test]
fn what_lies_between_the_last_sighting_and_the_place_of_death_was_passed() {
    let script = format!("{STD}\n 0.05 host gone guest 101\n 0.06 host device 3 tapB tap 13 unread master 4\n{ASKED}");
    let (_, found, _) = ask(&script, "10.9.0.1", "10.9.0.2", None);
    let ladder: Vec<String> = found.path.iter().map(|step| format!("{}: {}", step.hop, step.status.name())).collect();
    expect![[r#"
        sender: passed
        driver of tapA: passed
        tapA: seen
        ingress of tapA: passed
        bridge br0: passed
        egress of tapB: blocked
        tapB: not_seen
        reader of tapB: not_reached
        receiver: not_reached"#]]
    .assert_eq(&ladder.join("\n"));
}

#[test]
fn two_faults_of_one_port_are_each_enough() {
    check(
        &format!(
            "{STD}\n 0.05 host device 2 tapA tap 12 master 4 isolated\n 0.05 host device 3 tapB tap 13 master 4 isolated no-broadcast\n{ASKED}"
        ),
        "a",
        "b",
        expect![[r#"
            ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (guest b, tapB): FAILS  no echo request left: the question before it was not answered  [proven]

             cause  PORT_ISOLATED   tapA and tapB are isolated: nothing passes between them
                    both ports have isolated on
             fix    bridge link set dev tapB isolated off          then expect: the packet out on tapB
             also   BCAST_FLOOD_OFF   broadcasts do not leave by tapB, so ARP does not arrive
                    tapB has bcast_flood off
                    each enough alone; fix it, too: bridge link set dev tapB bcast_flood on

             path   ask      --> tapA in            #2     22:13:21.000  ok
                              X  bridge br0          died here
                             --- tapB out            not seen
                    last seen tapA in, next expected tapB out
                    the way of the reply was not exercised
             ruled out: PORT_STATE_DISABLED (tapA forwards)
        "#]],
    );
}

#[test]
fn flags_and_states_of_a_port() {
    let one = |words: &str, code: &str| {
        let line = format!("device 3 tapB tap 13 master 4 {words}");
        brief(&with(&line), "a", "10.9.0.2", &format!("fails proven: {code} / "));
    };
    one("state disabled", "PORT_STATE_DISABLED");
    one("state listening", "STP_NOT_FORWARDING");
    one("state blocking", "STP_NOT_FORWARDING");
    one("state disabled guard", "STP_BPDU_GUARD");
    one("no-broadcast", "BCAST_FLOOD_OFF");
    one("down", "IFACE_ADMIN_DOWN");
}

#[test]
fn a_flag_that_does_not_concern_broadcasts_is_not_accused() {
    brief(&with("device 3 tapB tap 13 master 4 no-flood no-multicast"), "a", "10.9.0.2", "undetermined undetermined:  / ");
}

#[test]
fn a_bridge_that_is_down() {
    brief(&with("device 4 br0 bridge 14 down"), "a", "b", "fails proven: BRIDGE_DOWN / ");
}

#[test]
fn a_static_entry_that_leads_elsewhere() {
    let third = "0 host device 6 tapC tap 16 master 4\n 0 host fdb 6 b bridge 4 static";
    check(
        &format!("{STD}\n {third}\n{KNOWN}"),
        "a",
        "b",
        expect![[r#"
        ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (guest b, tapB): FAILS  2 of 2 echo requests lost  [proven]

         cause  FDB_STATIC_WRONG_PORT   a static entry leads 02:00:00:00:00:0b to tapC; it is behind tapB
                the forwarding database has 02:00:00:00:00:0b at tapC
         fix    bridge fdb del 02:00:00:00:00:0b dev tapC master          then expect: the packet out on tapB

         path   request  --> tapA in            #5     22:13:21.000  ok
                          X  bridge br0          died here
                         --- tapB out            not seen
                last seen tapA in, next expected tapB out
                the way of the reply was not exercised
         ruled out: PORT_STATE_DISABLED (tapA forwards)
    "#]],
    );
}

#[test]
fn a_rule_of_the_bridge_and_what_shows_bridged_packets_to_the_host() {
    let rule = "0 host nft bridge f forw forward/0 0 ip protocol icmp icmp type echo-request counter drop";
    check(
        &format!("{STD}\n {rule}\n{KNOWN}"),
        "a",
        "b",
        expect![[r#"
        ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (guest b, tapB): FAILS  2 of 2 echo requests lost  [proven]

         cause  NFT_BRIDGE_DROP   a rule of the bridge's firewall drops it: ip protocol icmp icmp type echo-request counter drop
                nft bridge f chain forw rule 0: ip protocol icmp icmp type echo-request counter drop
         fix    nft -a list chain bridge f forw # then: nft delete rule bridge f forw handle N          then expect: the packet behind that rule, and its counter at rest

         path   request  --> tapA in            #5     22:13:21.000  ok
                          X  bridge br0          died here
                         --- tapB out            not seen
                last seen tapA in, next expected tapB out
                the way of the reply was not exercised
         ruled out: PORT_STATE_DISABLED (tapA forwards)
    "#]],
    );
    let policy = "0 host iptables filter FORWARD forward/0 0 policy drop\n 0 host set net.bridge.bridge-nf-call-iptables";
    brief(&format!("{STD}\n {policy} 1\n{KNOWN}"), "a", "b", "fails proven: BRIDGE_NF_CALL_IPTABLES / ");
    brief(&format!("{STD}\n {policy} 0\n{KNOWN}"), "a", "b", "undetermined undetermined:  / ");
}

#[test]
fn a_rule_that_is_not_understood_is_not_accused() {
    let rules = "0 host nft bridge f forw forward/0 0 meta mark 0x7 drop\n 0 host nft bridge f forw forward/0 1 policy accept";
    check(
        &format!("{STD}\n {rules}\n{KNOWN}"),
        "a",
        "b",
        expect![[r#"
        ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (guest b, tapB): UNDETERMINED  2 of 2 echo requests lost  [undetermined]

         cause  not known: nothing that the host says explains it

         path   request  --> tapA in            #5     22:13:21.000  ok
                         --- tapB out            not seen
                last seen tapA in, next expected tapB out
         ruled out: PORT_STATE_DISABLED (tapA forwards), TAP_NOT_READ (tapB is read: 0 seen out, 0 fetched)
         not known: what this rule does with the packet: nft bridge f chain forw rule 0: meta mark 0x7 drop
    "#]],
    );
}

#[test]
fn an_address_on_a_port_of_the_bridge() {
    let host = "
        0 host address 2 10.9.0.254/24
        0 host route 10.9.0.0/24 2
        1.0 tapA< a>14 icmp request 10.9.0.1>10.9.0.254 7/1
        1.0 br0<  a>14 icmp request 10.9.0.1>10.9.0.254 7/1
        1.1 tapA> 12>* arp who-has 10.9.0.1 tell 10.9.0.254
        1.2 tapA< a>12 arp 10.9.0.1 is-at for 10.9.0.254
        1.2 br0<  a>12 arp 10.9.0.1 is-at for 10.9.0.254
        1.3 host neighbor 2 10.9.0.1 - failed
        2.0 tapA< a>14 icmp request 10.9.0.1>10.9.0.254 7/2
        2.0 br0<  a>14 icmp request 10.9.0.1>10.9.0.254 7/2
    ";
    check(
        &format!("{STD}{host}"),
        "10.9.0.1@a",
        "10.9.0.254",
        expect![[r#"
            ping 10.9.0.1 (guest a, tapA) -> 10.9.0.254 (this host, tapA): FAILS  2 of 2 echo requests lost  [proven]

             cause  IP_ON_BRIDGE_PORT   10.9.0.254/24 is set on tapA, a port of br0: the host asks and answers there, and what comes in belongs to br0
                    10.9.0.254/24 is on tapA, whose master is br0, and the way back is by tapA; neighbour 10.9.0.1 dev tapA is FAILED
             fix    ip address del 10.9.0.254/24 dev tapA; ip address add 10.9.0.254/24 dev br0          then expect: the packet out on br0

             path   request  --> tapA in            #1     22:13:21.000  ok
                             --> br0 in             #2     22:13:21.000  ok
                              X  host routing        died here
                    the way of the reply was not exercised
             next obstacle (not reached yet): NEXTHOP_NEIGH_FAILED  the host asks for 10.9.0.1 on tapA, and nobody answers
             ruled out: RP_FILTER_DROP (rp_filter is 0)
        "#]],
    );
}

#[test]
fn a_rule_that_names_a_set_knows_what_is_in_it() {
    let rules =
        |address: &str| format!("0 host nft bridge f set/bad - 0 {address}\n 0 host nft bridge f fwd forward/0 0 ip daddr @bad drop\n");
    let script = |address: &str| format!("{STD}{}{KNOWN}", rules(address));
    brief(&script("10.9.0.2"), "a", "b", "fails proven: NFT_BRIDGE_DROP / ");
    brief(&script("10.9.0.7"), "a", "b", "undetermined undetermined:  / ");
}
