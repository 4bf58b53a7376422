//! What looks like a fault and is none, beside the fault that it looks like.

mod common;

use common::view;
use expect_test::{Expect, expect};

/// What is wrong with a network, a line a finding.
fn check(script: &str, expected: Expect) {
    let lines: Vec<String> = view(script)
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}\n", finding.severity.name(), finding.kind.code(), finding.text))
        .collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn a_dhcp_server_that_pings_before_it_offers_hopes_for_no_answer() {
    check(
        "
        0.0 tap0 a>* dhcp discover a
        0.1 tap0 1>a icmp request 10.0.0.1>10.0.0.50 7/1
        1.1 tap0 1>a dhcp offer a 10.0.0.50
        1.2 tap0 a>* dhcp request a
        1.3 tap0 1>a dhcp ack a 10.0.0.50
        9.0 tap0 a>1 udp - 10.0.0.50:1>10.0.0.1:2
        ",
        expect![[""]],
    );
}

#[test]
fn a_ping_to_an_address_that_was_leased_before_is_lost() {
    check(
        "
        0.0 tap0 a>* dhcp discover a
        1.1 tap0 1>a dhcp offer a 10.0.0.50
        1.2 tap0 a>* dhcp request a
        1.3 tap0 1>a dhcp ack a 10.0.0.50
        2.0 tap0 1>a icmp request 10.0.0.1>10.0.0.50 7/1
        3.0 tap0 1>a icmp request 10.0.0.1>10.0.0.50 7/2
        9.0 tap0 a>1 udp - 10.0.0.50:1>10.0.0.1:2
        ",
        expect![[r#"
            error ECHO_LOST: ping 10.0.0.1 -> 10.0.0.50: 2 of 2 echo requests unanswered
        "#]],
    );
}

#[test]
fn a_refusal_before_a_lease_is_a_note() {
    check(
        "
        0.0 tap0 a>* dhcp request a
        0.1 tap0 1>a dhcp nak a
        0.2 tap0 a>* dhcp discover a
        0.3 tap0 1>a dhcp offer a 10.0.0.50
        0.4 tap0 a>* dhcp request a
        0.5 tap0 1>a dhcp ack a 10.0.0.50
        9.0 tap0 a>1 udp - 10.0.0.50:1>10.0.0.1:2
        ",
        expect![[""]],
    );
}

#[test]
fn a_client_that_no_server_answers_is_an_error() {
    check(
        "
        0.0 tap0 a>* dhcp discover a
        3.0 tap0 a>* dhcp discover a
        9.0 tap0 b>c udp - 10.0.0.50:1>10.0.0.1:2
        ",
        expect![[r#"
            error DHCP_NO_SERVER: no server answers the DHCP DISCOVER of 02:00:00:00:00:0a, 2 times
        "#]],
    );
}

#[test]
fn a_retry_that_is_answered_and_a_probe_that_is_not_are_healthy() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        1.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        2.0 tap0 b>* arp who-has 10.0.0.2 tell 0.0.0.0
        2.5 tap0 b>* arp who-has 10.0.0.2 tell 10.0.0.2
        3.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        3.1 tap0 b>a arp 10.0.0.2 is-at for 10.0.0.1
        9.0 tap0 a>b udp - 10.0.0.1:1>10.0.0.2:2
        ",
        expect![[""]],
    );
}

#[test]
fn an_address_on_another_link_does_not_answer_for_this_one() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        1.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        2.0 tap1 b>* arp who-has 10.0.0.2 tell 10.0.0.2
        9.0 tap0 a>* udp - 10.0.0.1:1>10.0.0.255:2
        ",
        expect![[r#"
            warning RESOLUTION_UNANSWERED: nobody answers 10.0.0.1's ARP for 10.0.0.2, 2 times
        "#]],
    );
}

#[test]
fn a_station_that_answered_once_and_then_no_more_is_missed() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        0.1 tap0 b>a arp 10.0.0.2 is-at for 10.0.0.1
        60.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        61.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        62.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        70.0 tap0 a>c udp - 10.0.0.1:1>10.0.0.3:2
        ",
        expect![[r#"
            warning RESOLUTION_UNANSWERED: 10.0.0.2 no longer answers 10.0.0.1's ARP, 3 times
        "#]],
    );
}

#[test]
fn one_echo_at_three_points_is_lost_once() {
    check(
        "
        0.000000 tap0 a>b icmp request 10.0.0.1>10.0.0.2 3/1
        0.000004 br0  a>b icmp request 10.0.0.1>10.0.0.2 3/1
        0.000008 tap1 a>b icmp request 10.0.0.1>10.0.0.2 3/1
        1.000000 tap0 a>b icmp request 10.0.0.1>10.0.0.2 3/2
        1.000008 tap1 a>b icmp request 10.0.0.1>10.0.0.2 3/2
        1.000300 tap1 b>a icmp reply 10.0.0.2>10.0.0.1 3/2
        1.000308 tap0 b>a icmp reply 10.0.0.2>10.0.0.1 3/2
        9.0 tap0 a>b udp - 10.0.0.1:1>10.0.0.2:2
        ",
        expect![[r#"
            error ECHO_LOST: ping 10.0.0.1 -> 10.0.0.2: 1 of 2 echo requests unanswered
        "#]],
    );
}

#[test]
fn an_echo_to_a_group_and_one_at_the_very_end_are_not_lost() {
    check(
        "
        0.0 tap0 a>* icmp request 10.0.0.1>255.255.255.255 3/1
        0.1 tap0 a>* icmp request 10.0.0.1>224.0.0.1 3/2
        5.0 tap0 a>b icmp request 10.0.0.1>10.0.0.2 3/3
        ",
        expect![[""]],
    );
}

#[test]
fn a_virtual_router_beside_its_own_address_is_no_conflict() {
    check(
        "
        0.0 tap0 vrrp1>* arp who-has 10.0.0.1 tell 10.0.0.1
        0.1 tap0 a>* arp who-has 10.0.0.1 tell 10.0.0.1
        0.2 tap0 vrrp1>* arp who-has 10.0.0.1 tell 10.0.0.1
        0.3 tap0 a>* arp who-has 10.0.0.1 tell 10.0.0.1
        ",
        expect![[""]],
    );
}

#[test]
fn proxy_arp_for_many_addresses_is_no_conflict() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.0.2 tell 10.0.0.1
        0.1 tap0 1>a arp 10.0.0.2 is-at for 10.0.0.1
        0.2 tap0 a>* arp who-has 10.0.0.3 tell 10.0.0.1
        0.3 tap0 1>a arp 10.0.0.3 is-at for 10.0.0.1
        9.0 tap0 a>1 udp - 10.0.0.1:1>10.0.0.3:2
        ",
        expect![[""]],
    );
}

#[test]
fn a_forged_claim_conflicts_with_the_owner_though_its_station_never_sends() {
    check(
        "
        0.0 tap0 a>* arp who-has 10.0.0.1 tell 10.0.0.1
        0.1 tap0 c>* arp who-has 10.0.0.9 tell 10.0.0.1 as ee
        0.2 tap0 a>* arp who-has 10.0.0.1 tell 10.0.0.1
        ",
        expect![[r#"
            error DUPLICATE_IP: 10.0.0.1 is claimed by 02:00:00:00:00:0a and 02:00:00:00:00:ee
        "#]],
    );
}

/// What is both a cause of a failed ping and a finding without a question has one name.
#[test]
fn a_finding_that_is_a_cause_has_its_name() {
    use tapscope_graph::diagnose::cause::by_code;
    use tapscope_graph::finding::FindingKind;
    for kind in [
        FindingKind::AddressConflict,
        FindingKind::DuplicateMac,
        FindingKind::DhcpUnanswered,
        FindingKind::AddressOnPort,
        FindingKind::PortNotForwarding,
        FindingKind::PortDisabled,
        FindingKind::L2Loop,
        FindingKind::TapDown,
        FindingKind::TapUnread,
        FindingKind::CableUnconnected,
        FindingKind::CableNotAccepted,
        FindingKind::SlirpIcmpBlocked,
    ] {
        assert!(by_code(kind.code()).is_some(), "{}", kind.code());
    }
}
