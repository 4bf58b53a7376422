//! A host with many TAPs and rules, as text.

use std::fmt::Write;

/// Guests with a TAP each, ports of one bridge.
const GUESTS: u32 = 500;
/// Rules of the hook forward that concern others.
const RULES: u32 = 5_000;

/// Guest a's echoes for b come in at tapA, and the last of all rules drops them. `std` are the two guests, `known` their first words.
pub fn script(std: &str, known: &str) -> String {
    let mut script = std.to_owned();
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
    script.push_str(known);
    for second in 3..60 {
        let _ = writeln!(script, "{second}.0 tapA< a>b icmp request 10.9.0.1>10.9.0.2 7/{second}");
    }
    script
}
