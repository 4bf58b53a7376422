//! What looks like a fault and is none.

use super::{KNOWN, ROUTED, SENT, STD, brief, check, noted};
use expect_test::expect;

const ANSWERED: &str = "
    1.01 tapB>   a>b icmp request 10.9.0.1>10.9.0.2 7/1
    1.02 tapB<   b>a icmp reply 10.9.0.2>10.9.0.1 7/1
    1.03 tapA>   b>a icmp reply 10.9.0.2>10.9.0.1 7/1
    2.01 tapB>   a>b icmp request 10.9.0.1>10.9.0.2 7/2
    2.02 tapB<   b>a icmp reply 10.9.0.2>10.9.0.1 7/2
    2.03 tapA>   b>a icmp reply 10.9.0.2>10.9.0.1 7/2
";

#[test]
fn what_works_is_said_to() {
    check(
        &format!("{STD}{KNOWN}{ANSWERED}"),
        "a",
        "b",
        expect![[r#"
        ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (guest b, tapB): WORKS  2 of 2 echo requests answered  [proven]

         path   request  --> tapA in            #5     22:13:21.000  ok
                         --> tapB out           #7     22:13:21.010  ok
                reply    --> tapB in            #8     22:13:21.020  ok
                         --> tapA out           #9     22:13:21.030  ok
    "#]],
    );
}

#[test]
fn rules_and_flags_that_would_stop_other_packets_are_not_accused() {
    let odd = "
        0.01 host set net.ipv4.ip_forward 0
        0.01 host set net.bridge.bridge-nf-call-iptables 0
        0.01 host iptables filter FORWARD forward/0 0 policy drop
        0.01 host device 2 tapA tap 12 master 4 isolated
    ";
    brief(&format!("{STD}{odd}{KNOWN}{ANSWERED}"), "a", "b", "works proven:  / ");
}

#[test]
fn a_guest_that_was_not_there_yet() {
    let early = "
        0.2 tapA< a>* arp who-has 10.9.0.2 tell 10.9.0.1
        0.3 tapA< a>* arp who-has 10.9.0.2 tell 10.9.0.1
    ";
    brief(&format!("{STD}{early}{KNOWN}{ANSWERED}"), "a", "b", "works proven:  / ");
}

#[test]
fn a_way_that_was_listened_to_in_part_only_is_not_proven() {
    // Nobody listens at tapB, and nothing explains it.
    brief(&format!("{STD}{}", KNOWN.replace("tapB", "other")), "a", "b", "undetermined undetermined:  / ");
    brief(&format!("{ROUTED}{SENT}"), "10.9.1.1", "10.9.2.1", "undetermined undetermined:  / ");
}

#[test]
fn a_request_that_takes_an_unseen_way_and_whose_reply_comes_back() {
    let back = "
        1.0 tapB<   b>a icmp reply 10.9.0.2>10.9.0.1 7/1
        1.1 tapA>   b>a icmp reply 10.9.0.2>10.9.0.1 7/1
    ";
    let known: String = KNOWN.lines().filter(|line| !line.contains("icmp")).map(|line| format!("{line}\n")).collect();
    brief(&format!("{STD}{known}{back}"), "10.9.0.1", "10.9.0.2", "works proven:  / ");
}

#[test]
fn what_looks_like_a_fault_and_is_none_is_told() {
    let one = |lines: &str, code: &str| noted(&format!("{STD}{lines}{KNOWN}{ANSWERED}"), "a", "b", &format!("works: {code}"));
    let retried = "0.02 tapA< a>* arp who-has 10.9.0.2 tell 10.9.0.1\n 0.03 tapA< a>* arp who-has 10.9.0.2 tell 10.9.0.1";
    one(retried, "ARP_RETRY_ON_BOOT");
    one("0.02 tapB< b>* arp who-has 10.9.0.99 tell 0.0.0.0", "ACD_PROBE");
    one("0.02 tapB< b>a arp who-has 10.9.0.1 tell 10.9.0.2", "NUD_PROBE");
    let policy = "0 host set net.bridge.bridge-nf-call-iptables 0\n 0 host iptables filter FORWARD forward/0 0 policy drop";
    one(policy, "HARMLESS_POLICY_DROP");
    one("", "");
}

#[test]
fn an_echo_that_a_bystander_gets_too_is_no_fault() {
    let third = "0 host device 5 tapC tap 15 master 4";
    let flooded = "2.005 tapC> a>b icmp request 10.9.0.1>10.9.0.2 7/2";
    noted(&format!("{STD}{third}{KNOWN}{ANSWERED}{flooded}"), "a", "b", "works: SILENT_HOST_FLOOD");
}

#[test]
fn a_server_that_asks_before_it_gives_an_address() {
    let lease = "
        0.01 tapA< a>* dhcp discover a
        0.02 tapA> 14>* arp who-has 10.9.0.1 tell 10.9.0.254
        0.03 tapA> 14>a dhcp offer a 10.9.0.1
        0.04 tapA< a>* dhcp request a
        0.05 tapA> 14>a dhcp ack a 10.9.0.1
    ";
    noted(&format!("{STD}{lease}{KNOWN}{ANSWERED}"), "a", "b", "works: DHCP_PING_CHECK");
}

#[test]
fn a_guest_that_was_moved_to_another_port() {
    let third = "0 host device 5 tapC tap 15 master 4\n";
    let moved = "
        3.0 tapC< b>* arp who-has 10.9.0.9 tell 10.9.0.2
        4.00 tapA< a>b icmp request 10.9.0.1>10.9.0.2 8/1
        4.01 tapC> a>b icmp request 10.9.0.1>10.9.0.2 8/1
        4.02 tapC< b>a icmp reply 10.9.0.2>10.9.0.1 8/1
        4.03 tapA> b>a icmp reply 10.9.0.2>10.9.0.1 8/1
    ";
    let without_card = STD.replace("0 host guest 101 b b@3", "");
    noted(&format!("{without_card}{third}{KNOWN}{ANSWERED}{moved}"), "10.9.0.1", "10.9.0.2", "works: LEASE_MOVE");
}
