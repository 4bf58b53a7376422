//! Rules as nft(8) writes them.

use super::term::{About, Effect, Term};
use super::{Parsed, number, words};

/// Reads a rule.
pub(super) fn parse(text: &str) -> Parsed<'_> {
    let words = words(text);
    let mut parsed = Parsed { terms: Vec::new(), effect: Effect::Goes, mark: None };
    let mut at = 0;
    while at < words.len() {
        at += statement(&words[at..], &mut parsed);
    }
    parsed
}

/// Reads one statement; gives how many words it has.
fn statement<'a>(words: &[&'a str], parsed: &mut Parsed<'a>) -> usize {
    let next = words.get(1).copied().unwrap_or_default();
    match words[0] {
        "counter" | "notrack" => 1,
        "comment" => 2,
        "log" => log(words),
        "accept" | "drop" | "return" | "continue" => {
            parsed.effect = Effect::by_name(words[0]);
            1
        }
        "jump" => {
            parsed.effect = Effect::Jump(next);
            2
        }
        "goto" => {
            parsed.effect = Effect::Goto(next);
            2
        }
        "reject" => {
            parsed.effect = Effect::Reject;
            // `with icmp port-unreachable`
            words.len().min(if next == "with" { 4 } else { 1 })
        }
        "masquerade" | "snat" => {
            parsed.effect = Effect::Rewrite;
            words.len()
        }
        "dnat" | "redirect" | "queue" | "tproxy" | "dup" | "fwd" => {
            parsed.effect = Effect::Unknown;
            words.len()
        }
        _ => term(words, parsed),
    }
}

fn log(words: &[&str]) -> usize {
    let mut length = 1;
    while matches!(words.get(length), Some(&("prefix" | "level" | "group" | "flags"))) {
        length += 2;
    }
    length.min(words.len())
}

/// What a match is about, by its first words, and how many these are.
fn about(words: &[&str]) -> Option<(About, usize)> {
    let pair = |second: usize| (words.first().copied().unwrap_or_default(), words.get(second).copied().unwrap_or_default());
    Some(match pair(1) {
        ("iifname" | "iif", _) => (About::InName, 1),
        ("oifname" | "oif", _) => (About::OutName, 1),
        ("meta", "iifname" | "iif") => (About::InName, 2),
        ("meta", "oifname" | "oif") => (About::OutName, 2),
        ("meta", "l4proto") | ("ip", "protocol") | ("ip6", "nexthdr") => (About::Transport, 2),
        ("meta", "protocol" | "nfproto") | ("ether", "type") => (About::Network, 2),
        ("ip", "saddr") => (About::Source4, 2),
        ("ip", "daddr") => (About::Destination4, 2),
        ("ip6", "saddr") => (About::Source6, 2),
        ("ip6", "daddr") => (About::Destination6, 2),
        ("ether", "saddr") => (About::SourceMac, 2),
        ("ether", "daddr") => (About::DestinationMac, 2),
        ("icmp", "type") => (About::IcmpType, 2),
        ("icmpv6", "type") => (About::Icmp6Type, 2),
        ("arp", "operation") => (About::ArpOperation, 2),
        ("ct", "state") => (About::State, 2),
        ("tcp", "dport" | "sport" | "flags") | ("sctp" | "dccp", _) => (About::Unknown, 2),
        ("udp" | "th", "dport") => (About::DestinationPort, 2),
        ("udp" | "th", "sport") => (About::SourcePort, 2),
        _ => return None,
    })
}

fn term<'a>(words: &[&'a str], parsed: &mut Parsed<'a>) -> usize {
    if words.starts_with(&["ip", "frag-off"]) {
        // `ip frag-off & 0x1fff != 0`
        let length = words.iter().position(|word| matches!(*word, "!=" | "==" | ">")).map_or(words.len(), |at| at + 2);
        parsed.terms.push(Term { about: About::Fragment, is_negated: false, values: Vec::new() });
        return length.min(words.len());
    }
    if words[0] == "tcp" {
        // Nothing that is traced is TCP.
        parsed.terms.push(Term { about: About::Fragment, is_negated: false, values: Vec::new() });
        return words.len();
    }
    let Some((about, mut at)) = about(words) else {
        if words.get(2) == Some(&"set") || words.get(1) == Some(&"set") {
            // `meta mark set 1` decides nothing by itself.
            if words.starts_with(&["meta", "mark", "set"]) {
                parsed.mark = words.get(3).and_then(|word| number(word));
            }
            return words.len().min(if words.get(2) == Some(&"set") { 4 } else { 3 });
        }
        parsed.terms.push(Term::unknown());
        // Where what is not known ends is not known either; a verdict stands at the end.
        let rest = words.iter().skip(1).position(|word| {
            matches!(
                *word,
                "counter"
                    | "accept"
                    | "drop"
                    | "return"
                    | "jump"
                    | "goto"
                    | "reject"
                    | "log"
                    | "masquerade"
                    | "snat"
                    | "dnat"
                    | "queue"
                    | "comment"
            )
        });
        return rest.map_or(words.len(), |at| at + 1);
    };
    let mut is_negated = false;
    match words.get(at) {
        Some(&"vmap") => {
            parsed.effect = match (about, words.get(at + 1)) {
                (About::State, Some(set)) => Effect::ByState(cases(set)),
                _ => Effect::Unknown,
            };
            return words.len().min(at + 2);
        }
        Some(&"!=") => {
            is_negated = true;
            at += 1;
        }
        Some(&("==" | "in")) => at += 1,
        Some(&("<" | ">" | "<=" | ">=" | "&" | "|")) => {
            parsed.terms.push(Term::unknown());
            return words.len().min(at + 4);
        }
        _ => {}
    }
    let values = words.get(at).copied().unwrap_or_default();
    parsed.terms.push(Term { about, is_negated, values: list(values) });
    words.len().min(at + 1)
}

/// `{ a, b }`, `a,b`, or one.
fn list(text: &str) -> Vec<&str> {
    text.trim_matches(['{', '}', ' ']).split(',').map(str::trim).filter(|value| !value.is_empty()).collect()
}

/// `{ established : accept, invalid : drop }`
fn cases(set: &str) -> Vec<(&str, &str)> {
    list(set).into_iter().filter_map(|pair| pair.split_once(" : ")).map(|(state, verdict)| (state.trim(), verdict.trim())).collect()
}
