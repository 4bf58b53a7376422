//! Rules as iptables-save(8) and ebtables-save write them.

use super::term::{About, Effect, Term};
use super::{Parsed, number, words};

/// Reads a rule, without its chain.
pub(super) fn parse(text: &str, is_ebtables: bool) -> Parsed<'_> {
    let words = words(text);
    let mut parsed = Parsed { terms: Vec::new(), effect: Effect::Goes, mark: None };
    let (mut at, mut is_negated) = (0, false);
    while at < words.len() {
        let word = words[at];
        let next = words.get(at + 1).copied().unwrap_or_default();
        // ebtables writes `-s ! 52:54:00:aa:00:01`, too.
        let (negated_behind, value) = if next == "!" { (true, words.get(at + 2).copied().unwrap_or_default()) } else { (false, next) };
        let step = if negated_behind { 3 } else { 2 };
        match word {
            "!" => {
                is_negated = true;
                at += 1;
                continue;
            }
            "-j" | "-g" => {
                parsed.effect = effect(value, word == "-g");
                // `-j MARK --set-xmark 0x1/0xffffffff`
                let is_mark = value == "MARK" && matches!(words.get(at + 2), Some(&("--set-xmark" | "--set-mark")));
                parsed.mark = words.get(at + 3).filter(|_| is_mark).and_then(|word| number(word));
                return parsed;
            }
            "-m" | "--comment" | "--physdev-is-in" | "--physdev-is-out" => {
                at += if word.starts_with("--physdev") { 1 } else { 2 };
                continue;
            }
            "--physdev-is-bridged" => {
                parsed.terms.push(Term { about: About::Bridged, is_negated, values: Vec::new() });
                (is_negated, at) = (false, at + 1);
                continue;
            }
            "-f" => {
                parsed.terms.push(Term { about: About::Fragment, is_negated, values: Vec::new() });
                (is_negated, at) = (false, at + 1);
                continue;
            }
            _ => {}
        }
        let about = about(word, is_ebtables);
        parsed.terms.push(match about {
            Some(about) => Term { about, is_negated: is_negated || negated_behind, values: value.split(',').collect() },
            None => Term::unknown(),
        });
        is_negated = false;
        at += if about.is_some() { step } else { unknown_length(&words[at..]) };
    }
    parsed
}

/// An option that is not known takes all words up to the next option.
fn unknown_length(words: &[&str]) -> usize {
    1 + words.iter().skip(1).take_while(|word| !word.starts_with('-') && **word != "!").count()
}

fn about(option: &str, is_ebtables: bool) -> Option<About> {
    Some(match (option, is_ebtables) {
        ("-i", _) => About::InName,
        ("-o", _) => About::OutName,
        ("-s", true) => About::SourceMac,
        ("-d", true) => About::DestinationMac,
        ("-p", true) => About::Network,
        ("--ip-src" | "--ip-source", true) => About::Source4,
        ("--ip-dst" | "--ip-destination", true) => About::Destination4,
        ("--ip-proto" | "--ip-protocol", true) => About::Transport,
        ("--ip-icmp-type", true) => About::IcmpType,
        ("--arp-ip-src", true) => About::Source,
        ("--arp-ip-dst", true) => About::Destination,
        ("--arp-op" | "--arp-opcode", true) => About::ArpOperation,
        ("-s", false) => About::Source,
        ("-d", false) => About::Destination,
        ("-p", false) => About::Transport,
        ("--icmp-type", false) => About::IcmpType,
        ("--icmpv6-type", false) => About::Icmp6Type,
        ("--ctstate" | "--state", false) => About::State,
        ("--physdev-in", false) => About::PhysicalIn,
        ("--physdev-out", false) => About::PhysicalOut,
        ("--dport" | "--dports", false) => About::DestinationPort,
        ("--sport" | "--sports", false) => About::SourcePort,
        ("--mac-source", false) => About::SourceMac,
        _ => return None,
    })
}

fn effect(target: &str, is_goto: bool) -> Effect<'_> {
    match target {
        "ACCEPT" => Effect::Accept,
        "DROP" => Effect::Drop,
        "REJECT" => Effect::Reject,
        "RETURN" => Effect::Return,
        "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "TRACE" | "CT" | "NOTRACK" | "CHECKSUM" | "TCPMSS" | "TEE" | "CONTINUE" | "SET"
        | "mark" | "DSCP" | "TOS" | "CLASSIFY" | "AUDIT" | "SECMARK" | "CONNSECMARK" | "TTL" => Effect::Goes,
        "MASQUERADE" | "SNAT" | "NETMAP" => Effect::Rewrite,
        "DNAT" | "REDIRECT" | "QUEUE" | "NFQUEUE" | "TPROXY" | "dnat" | "snat" | "redirect" | "arpreply" | "SYNPROXY" => Effect::Unknown,
        name if is_goto => Effect::Goto(name),
        name => Effect::Jump(name),
    }
}
