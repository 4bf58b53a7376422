//! What is wrong before anybody asks, beside the healthy networks that it looks like.

mod common;

use common::view;
use expect_test::{Expect, expect};
use std::collections::BTreeSet;
use tapscope_graph::finding::FindingKind;

/// What is wrong with a network, a line a finding.
fn check(script: &str, expected: Expect) {
    let lines: Vec<String> = view(script)
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}\n", finding.severity.name(), finding.kind.code(), finding.text))
        .collect();
    expected.assert_eq(&lines.concat());
}

/// Three guests on br0.
const BRIDGED: &str = "
    0 host device 4 br0 bridge 12
    0 host device 5 tap0 tap 15 master 4
    0 host device 6 tap1 tap 16 master 4
    0 host device 7 tap2 tap 17 master 4
";

#[test]
fn a_bridge_of_guests_with_addresses_of_their_own_is_healthy() {
    check(&format!("{BRIDGED} 0 host guest 100 g1 a@5\n0 host guest 101 g2 b@6\n0 host guest 102 g3 c@7"), expect![[""]]);
}

#[test]
fn two_guests_with_one_hardware_address_on_a_bridge() {
    check(
        &format!("{BRIDGED} 0 host guest 100 g1 a@5\n0 host guest 101 g2 a@6\n0 host guest 102 g3 c@7"),
        expect![[r#"
        warning DUPLICATE_MAC: g1 at tap0 and g2 at tap1 have the same address 02:00:00:00:00:0a on br0: give each a mac= of its own
    "#]],
    );
}

#[test]
fn one_hardware_address_on_two_bridges_is_no_conflict() {
    // 52:54:00:12:34:56 is every QEMU's default.
    let apart = "
        0 host device 4 br0 bridge 12
        0 host device 5 tap0 tap 15 master 4
        0 host device 6 br1 bridge 13
        0 host device 7 tap1 tap 16 master 6
        0 host guest 100 g1 a@5
        0 host guest 101 g2 a@7
    ";
    check(apart, expect![[""]]);
}

#[test]
fn a_port_that_is_narrower_than_the_rest() {
    let wide = BRIDGED.replace("tap 15", "tap 15 mtu 1500").replace("tap 16", "tap 16 mtu 1500");
    let guests = "0 host guest 100 g1 a@5\n0 host guest 101 g2 b@6\n0 host guest 102 g3 c@7";
    check(
        &format!("{} {guests}", wide.replace("tap 17", "tap 17 mtu 1400")),
        expect![[r#"
        warning MTU_MISMATCH: tap2 has an MTU of 1400, other ports of br0 1500: larger packets are lost on their way to it, and nobody is told
    "#]],
    );
    check(&format!("{} {guests}", wide.replace("tap 17", "tap 17 mtu 1500")), expect![[""]]);
}

/// Questions for addresses at tap0, so many within a twentieth of a second.
fn questions(target: impl Fn(usize) -> usize) -> String {
    let line = |number: usize| format!("0.{:05} tap0< a>* arp who-has 10.0.0.{} tell 10.0.0.1\n", number * 200, target(number));
    (0..25).map(line).collect()
}

#[test]
fn a_broadcast_that_goes_round_is_a_loop_and_a_scan_is_none() {
    let codes = |script: &str| view(script).findings.iter().map(|finding| finding.kind.code()).collect::<BTreeSet<_>>();
    assert!(codes(&questions(|_| 2)).contains("L2_LOOP"));
    assert!(!codes(&questions(|number| number + 2)).contains("L2_LOOP"));
    let text = view(&questions(|_| 2)).findings.into_iter().find(|finding| finding.kind.code() == "L2_LOOP").expect("a loop");
    let told = format!("{}\n{:?}\n", text.text, text.frames);
    expect![[r#"
        frames go round: one broadcast of 02:00:00:00:00:0a came in at tap0 25 times within a tenth of a second; bridges are joined twice there, take one of the links down or switch the spanning tree on
        [FrameNo(1), FrameNo(2), FrameNo(3), FrameNo(4)]
    "#]].assert_eq(&told);
}

#[test]
fn what_means_the_same_is_called_as_the_cause_is() {
    let causes: BTreeSet<&str> = tapscope_graph::diagnose::cause::all().map(|cause| cause.code).collect();
    let shared = [
        FindingKind::AddressConflict,
        FindingKind::DuplicateMac,
        FindingKind::DhcpUnanswered,
        FindingKind::AddressOnPort,
        FindingKind::PortDisabled,
        FindingKind::PortNotForwarding,
        FindingKind::TapDown,
        FindingKind::TapUnread,
        FindingKind::L2Loop,
        FindingKind::CableUnconnected,
        FindingKind::CableNotAccepted,
        FindingKind::SlirpIcmpBlocked,
    ];
    for kind in shared {
        assert!(causes.contains(kind.code()), "{kind:?} is called {}", kind.code());
    }
}
