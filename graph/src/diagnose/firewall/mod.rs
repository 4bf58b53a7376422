//! What a firewall's rules do with a packet: a pure function of the rules as their tools print them.
//!
//! Read nft(8), iptables-extensions(8) and ebtables(8) first. What is not understood of a rule is not guessed: the rule is then not decided,
//! and so is all that depends on it.

mod iptables;
mod nft;
mod term;

use crate::host::{FirewallRule, Host, Netns};
pub(crate) use term::{Conn, Packet, Protocol};
use term::{Effect, Term};

/// How deep chains may call each other.
const DEPTH: usize = 16;

/// Where the kernel asks (nft(8), address families and hooks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hook<'a> {
    /// `prerouting`, `input`, `forward`, `output`, `postrouting`, `ingress`.
    pub name: &'static str,
    /// Families that are asked there.
    pub families: &'static [&'static str],
    /// Of the family netdev: the device.
    pub device: Option<&'a str>,
}

/// What the rules say.
#[derive(Clone, Debug)]
pub(crate) enum Ruling<'a> {
    /// It passes.
    Pass,
    /// This rule drops it.
    Drop(&'a FirewallRule),
    /// This rule refuses it, and says so.
    Reject(&'a FirewallRule),
    /// It depends on a rule that is not understood.
    Unclear(&'a FirewallRule),
}

/// Asks the chains of a hook in the order of their priority: each can drop, all must accept.
pub(crate) fn ask<'a>(host: &'a Host, netns: Netns, hook: Hook<'_>, packet: &Packet<'_>) -> Ruling<'a> {
    let mut unclear = None;
    for base in chains(host, netns, hook) {
        match run(host, &base, packet, 0) {
            Outcome::Drop(rule) => return unclear.map_or(Ruling::Drop(rule), Ruling::Unclear),
            Outcome::Reject(rule) => return unclear.map_or(Ruling::Reject(rule), Ruling::Unclear),
            Outcome::Unclear(rule) => unclear = unclear.or(Some(rule)),
            Outcome::Accept | Outcome::Through => {}
        }
    }
    unclear.map_or(Ruling::Pass, Ruling::Unclear)
}

/// Whether any rule of the postrouting hook rewrites the source of such a packet; `None` where that is not clear.
pub(crate) fn rewrites_source(host: &Host, netns: Netns, packet: &Packet<'_>) -> Option<bool> {
    let mut is_clear = true;
    for base in chains(host, netns, Hook { name: "postrouting", families: packet.families(), device: None }) {
        for rule in base {
            let parsed = parse(rule);
            match (parsed.effect, matches(&parsed.terms, packet)) {
                (Effect::Rewrite, Some(true)) => return Some(true),
                (Effect::Rewrite | Effect::Jump(_) | Effect::Goto(_) | Effect::Unknown, met) if met != Some(false) => is_clear = false,
                _ => {}
            }
        }
    }
    is_clear.then_some(false)
}

/// The base chains of a hook, in the order of their priority; each with its rules.
fn chains<'a>(host: &'a Host, netns: Netns, hook: Hook<'_>) -> Vec<Vec<&'a FirewallRule>> {
    let mut chains: Vec<(i32, Vec<&FirewallRule>)> = Vec::new();
    for rule in host.firewall().filter(|rule| rule.netns == netns) {
        let Some(place) = rule.hook.as_ref() else { continue };
        let mut words = place.as_str().split(' ');
        let family = rule.table.as_str().split(' ').next().unwrap_or_default();
        if words.next() != Some(hook.name) || !hook.families.contains(&family) {
            continue;
        }
        let priority = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let devices = (words.next() == Some("device")).then(|| words.next().unwrap_or_default());
        if let (Some(wanted), Some(devices)) = (hook.device, devices)
            && !devices.split(',').any(|device| device == wanted)
        {
            continue;
        }
        let is_same = |other: &FirewallRule| (&other.tool, &other.table, &other.chain) == (&rule.tool, &rule.table, &rule.chain);
        match chains.last_mut().filter(|(_, rules)| is_same(rules[0])) {
            Some((_, rules)) => rules.push(rule),
            None => chains.push((priority, vec![rule])),
        }
    }
    chains.sort_by_key(|(priority, _)| *priority);
    chains.into_iter().map(|(_, rules)| rules).collect()
}

/// What one chain says.
enum Outcome<'a> {
    Accept,
    Drop(&'a FirewallRule),
    Reject(&'a FirewallRule),
    /// Nothing: back to who called.
    Through,
    Unclear(&'a FirewallRule),
}

impl Outcome<'_> {
    fn stops(&self) -> bool {
        matches!(self, Outcome::Drop(_) | Outcome::Reject(_))
    }
}

fn run<'a>(host: &'a Host, rules: &[&'a FirewallRule], packet: &Packet<'_>, depth: usize) -> Outcome<'a> {
    // What an unclear rule would do matters only if what follows would do otherwise.
    let mut unclear: Option<(&FirewallRule, bool)> = None;
    for rule in rules {
        let parsed = parse(rule);
        let is_met = matches(&parsed.terms, packet);
        if is_met == Some(false) {
            continue;
        }
        let outcome = match parsed.effect.of(packet) {
            Effect::Accept | Effect::Rewrite => Outcome::Accept,
            Effect::Drop => Outcome::Drop(rule),
            Effect::Reject => Outcome::Reject(rule),
            Effect::Return => Outcome::Through,
            Effect::Goes => continue,
            Effect::Jump(name) | Effect::Goto(name) if depth < DEPTH => match call(host, rule, name, packet, depth) {
                Outcome::Through => continue,
                other => other,
            },
            Effect::Jump(_) | Effect::Goto(_) | Effect::Unknown | Effect::ByState(_) => Outcome::Unclear(rule),
        };
        if is_met == Some(true) && !matches!(outcome, Outcome::Unclear(_)) {
            return match unclear {
                Some((rule, would_stop)) if would_stop != outcome.stops() => Outcome::Unclear(rule),
                _ => outcome,
            };
        }
        if !matches!(outcome, Outcome::Through) {
            unclear = unclear.or(Some((rule, outcome.stops() || matches!(outcome, Outcome::Unclear(_)))));
        }
    }
    match unclear {
        Some((rule, true)) => Outcome::Unclear(rule),
        _ => Outcome::Through,
    }
}

fn call<'a>(host: &'a Host, from: &FirewallRule, name: &str, packet: &Packet<'_>, depth: usize) -> Outcome<'a> {
    let is_called = |other: &&FirewallRule| {
        (other.netns, &other.tool, &other.table, other.chain.as_str()) == (from.netns, &from.tool, &from.table, name)
    };
    let rules: Vec<&FirewallRule> = host.firewall().filter(is_called).collect();
    run(host, &rules, packet, depth + 1)
}

/// A rule as it is read: what must hold, and what happens then.
struct Parsed<'a> {
    terms: Vec<Term<'a>>,
    effect: Effect<'a>,
}

fn parse(rule: &FirewallRule) -> Parsed<'_> {
    let text = rule.rule.as_str();
    if let Some(policy) = text.strip_prefix("policy ") {
        return Parsed { terms: Vec::new(), effect: if policy == "drop" { Effect::Drop } else { Effect::Accept } };
    }
    // A rule that was too long to be kept whole is not understood.
    if text.ends_with('…') {
        return Parsed { terms: vec![Term::unknown()], effect: Effect::Unknown };
    }
    match rule.tool.as_str() {
        "nft" => nft::parse(text),
        tool => iptables::parse(text, tool.starts_with("ebtables")),
    }
}

/// Whether all terms hold; `None` where that is not known.
fn matches(terms: &[Term<'_>], packet: &Packet<'_>) -> Option<bool> {
    let mut is_known = true;
    for term in terms {
        match term.holds(packet) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(true)
}

/// Splits a rule into words; what is in quotes, and what is in braces, is one word.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quoted, mut depth) = (None, false, 0_u32);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth = depth.saturating_sub(1),
            ' ' if !quoted && depth == 0 => {
                if let Some(from) = start.take() {
                    words.push(&text[from..at]);
                }
                continue;
            }
            _ => {}
        }
        start.get_or_insert(at);
    }
    if let Some(from) = start {
        words.push(&text[from..]);
    }
    words
}
