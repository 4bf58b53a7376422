//! The right answer on a large host.

use super::{KNOWN, STD};
use std::fmt::Write;
use tapscope_graph::diagnose::{Question, Verdict, diagnose};

/// Guests with a TAP each, ports of one bridge.
const GUESTS: u32 = 500;
/// Rules of the hook forward.
const RULES: u32 = 5_000;

#[test]
fn among_500_taps_and_5000_rules_the_one_that_drops_is_named() {
    let mut script = STD.to_owned();
    let _ = writeln!(script, "0 host set net.bridge.bridge-nf-call-iptables 1");
    for guest in 10..10 + GUESTS {
        let _ = writeln!(script, "0 host device {guest} tap{guest} tap 12 master 4");
    }
    for rule in 0..RULES {
        let (a, b) = (rule / 250, rule % 250);
        let _ = writeln!(
            script,
            "0 host nft inet fw forward forward/0 {rule} ip saddr 172.16.{a}.{b} oifname \"tap{a}\" icmp type echo-request drop"
        );
    }
    let _ = writeln!(script, "0 host nft inet fw forward forward/0 {RULES} ip saddr 10.9.0.1 icmp type echo-request drop");
    script.push_str(KNOWN);
    for second in 3..60 {
        let _ = writeln!(script, "{second}.0 tapA< a>b icmp request 10.9.0.1>10.9.0.2 7/{second}");
    }
    let view = super::common::view(&script);
    let party = |text: &str| text.parse().expect("a party");
    let found = diagnose(&view, &Question::new(party("a"), party("b")));
    assert_eq!(found.verdict, Verdict::Fails, "{}", found.printed(&view.tables.host));
    assert_eq!(found.causes.first().map(|cause| cause.cause.code), Some("BRIDGE_NF_CALL_IPTABLES"));
}
