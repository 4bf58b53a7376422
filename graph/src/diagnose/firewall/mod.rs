//! What a firewall's rules do with a packet: a pure function of the rules as their tools print them.
//!
//! Read nft(8), iptables-extensions(8) and ebtables(8) first. What is not understood of a rule is not guessed: the rule is then not decided,
//! and so is all that depends on it.

mod iptables;
mod nft;
mod term;

use crate::host::{FirewallRule, Host, Netns};
use std::collections::BTreeMap;
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

/// The rules of a host by their chains, each read once.
#[derive(Debug, Default)]
pub(crate) struct Rules<'a> {
    chains: BTreeMap<ChainKey<'a>, Vec<Entry<'a>>>,
}

/// Namespace, tool, table, chain.
type ChainKey<'a> = (Netns, &'a str, &'a str, &'a str);

#[derive(Debug)]
struct Entry<'a> {
    rule: &'a FirewallRule,
    parsed: Parsed<'a>,
}

impl<'a> Rules<'a> {
    /// All rules of a host.
    pub fn of(host: &'a Host) -> Rules<'a> {
        let mut rules = Rules::default();
        let mut sets: BTreeMap<ChainKey<'a>, Vec<&'a str>> = BTreeMap::new();
        for rule in host.firewall() {
            let (tool, table, chain) = (rule.tool.as_str(), rule.table.as_str(), rule.chain.as_str());
            match chain.strip_prefix("set ") {
                Some(name) => sets.entry((rule.netns, tool, table, name)).or_default().push(rule.rule.as_str()),
                None => rules.chains.entry((rule.netns, tool, table, chain)).or_default().push(Entry { rule, parsed: parse(rule) }),
            }
        }
        // What is named is as if it stood in the rule.
        for ((netns, tool, table, _), entries) in &mut rules.chains {
            for term in entries.iter_mut().flat_map(|entry| &mut entry.parsed.terms) {
                let elements =
                    |value: &'a str| Some(sets.get(&(*netns, *tool, *table, value.strip_prefix('@')?)).cloned().unwrap_or(vec![value]));
                if term.values.iter().any(|value| value.starts_with('@')) {
                    term.values = term.values.iter().flat_map(|value| elements(value).unwrap_or(vec![*value])).collect();
                }
            }
        }
        rules
    }

    /// Asks the chains of a hook in the order of their priority: each can drop, all must accept.
    pub fn ask(&self, netns: Netns, hook: Hook<'_>, packet: &Packet<'_>) -> Ruling<'a> {
        let mut unclear = None;
        for base in self.of_hook(netns, hook) {
            match self.run(base, packet, 0) {
                Outcome::Drop(rule) => return unclear.map_or(Ruling::Drop(rule), Ruling::Unclear),
                Outcome::Reject(rule) => return unclear.map_or(Ruling::Reject(rule), Ruling::Unclear),
                Outcome::Unclear(rule) => unclear = unclear.or(Some(rule)),
                Outcome::Accept | Outcome::Through => {}
            }
        }
        unclear.map_or(Ruling::Pass, Ruling::Unclear)
    }

    /// Whether any rule of the postrouting hook rewrites the source of such a packet; `None` where that is not clear.
    pub fn rewrites_source(&self, netns: Netns, packet: &Packet<'_>) -> Option<bool> {
        let mut is_clear = true;
        for base in self.of_hook(netns, Hook { name: "postrouting", families: packet.families(), device: None }) {
            for Entry { parsed, .. } in base {
                match (&parsed.effect, matches(&parsed.terms, packet)) {
                    (Effect::Rewrite, Some(true)) => return Some(true),
                    (Effect::Rewrite | Effect::Jump(_) | Effect::Goto(_) | Effect::Unknown, met) if met != Some(false) => is_clear = false,
                    _ => {}
                }
            }
        }
        is_clear.then_some(false)
    }

    /// The mark that a packet has behind a hook, as far as its base chains put one on by themselves; 0 for none.
    pub fn mark(&self, netns: Netns, hook: Hook<'_>, packet: &Packet<'_>) -> u32 {
        let chains = self.of_hook(netns, hook);
        let met = chains.into_iter().flatten().filter(|entry| matches(&entry.parsed.terms, packet) == Some(true));
        met.filter_map(|entry| entry.parsed.mark).next_back().unwrap_or(0)
    }

    /// The base chains of a hook, in the order of their priority; each with its rules.
    fn of_hook(&self, netns: Netns, hook: Hook<'_>) -> Vec<&[Entry<'a>]> {
        let mut chains: Vec<(i32, &[Entry<'a>])> = Vec::new();
        for ((_, _, table, _), entries) in self.chains.range((netns, "", "", "")..).take_while(|(key, _)| key.0 == netns) {
            let Some(place) = entries.first().and_then(|entry| entry.rule.hook.as_ref()) else { continue };
            let mut words = place.as_str().split(' ');
            let family = table.split(' ').next().unwrap_or_default();
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
            chains.push((priority, entries));
        }
        chains.sort_by_key(|(priority, _)| *priority);
        chains.into_iter().map(|(_, entries)| entries).collect()
    }

    fn run(&self, rules: &[Entry<'a>], packet: &Packet<'_>, depth: usize) -> Outcome<'a> {
        // What an unclear rule would do matters only if what follows would do otherwise.
        let mut unclear: Option<(&'a FirewallRule, bool)> = None;
        for Entry { rule, parsed } in rules {
            let rule: &'a FirewallRule = rule;
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
                Effect::Jump(name) | Effect::Goto(name) if depth < DEPTH => match self.call(rule, name, packet, depth) {
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

    fn call(&self, from: &FirewallRule, name: &str, packet: &Packet<'_>, depth: usize) -> Outcome<'a> {
        let key = (from.netns, from.tool.as_str(), from.table.as_str(), name);
        self.chains.get(&key).map_or(Outcome::Through, |entries| self.run(entries, packet, depth + 1))
    }
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

/// A rule as it is read: what must hold, and what happens then.
#[derive(Debug)]
struct Parsed<'a> {
    terms: Vec<Term<'a>>,
    effect: Effect<'a>,
    /// The mark that it puts on the packet, whatever else it does.
    mark: Option<u32>,
}

fn parse(rule: &FirewallRule) -> Parsed<'_> {
    let text = rule.rule.as_str();
    if let Some(policy) = text.strip_prefix("policy ") {
        return Parsed { terms: Vec::new(), effect: if policy == "drop" { Effect::Drop } else { Effect::Accept }, mark: None };
    }
    // A rule that was too long to be kept whole is not understood.
    if text.ends_with('…') {
        return Parsed { terms: vec![Term::unknown()], effect: Effect::Unknown, mark: None };
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

/// A number as both tools write it: `0x1`, `0x00000001`, `1`, with a mask behind it or not.
fn number(text: &str) -> Option<u32> {
    let text = text.split('/').next()?;
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok())
}
