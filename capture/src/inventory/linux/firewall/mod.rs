//! Firewalls, as their own programs list them: nft(8), iptables-save(8), ebtables-save(8), tc(8).

mod nft;
mod program;
mod save;
mod tc;

use super::namespace::Place;
use program::Failure;
use std::collections::BTreeSet;
use std::time::Duration;
use tapscope_graph::Text;
use tapscope_graph::host::{FirewallRule, HostFact, Netns, Unreadable};

/// A program that takes longer waits for a lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// The programs that list rules in iptables' form: what they are, how they are called, the family in nft's words.
const SAVERS: [(&str, &[&str], &str); 5] = [
    ("iptables", &["iptables-save", "-c"], "ip"),
    ("iptables-legacy", &["iptables-legacy-save", "-c"], "ip"),
    ("ip6tables", &["ip6tables-save", "-c"], "ip6"),
    ("ip6tables-legacy", &["ip6tables-legacy-save", "-c"], "ip6"),
    ("ebtables", &["ebtables-save"], "bridge"),
];

/// The rules of a namespace. That iptables is missing is no loss: nft lists what iptables made nowadays.
pub(super) fn rules(place: &Place) -> Vec<HostFact> {
    let netns = place.namespace.id;
    let read = || {
        let nft = program::run(&["nft", "-j", "list", "ruleset"], PATIENCE);
        let saved = SAVERS.map(|(tool, command, family)| (tool, command, family, program::run(command, PATIENCE)));
        (nft, saved, tc::rules(netns))
    };
    let (nft, saved, filters) = match place.within(read) {
        Ok(read) => read,
        Err(cause) => return vec![unreadable(place, "nft -j list ruleset", &cause.to_string())],
    };
    let (mut facts, mut rules) = (Vec::new(), Vec::new());
    // What iptables made through nf_tables is listed by both; iptables knows its own matches, nft prints some as "xt".
    let (mut better, mut nf_tables) = (BTreeSet::new(), BTreeSet::new());
    for (tool, command, family, output) in saved {
        match output {
            Ok(text) => {
                let is_nf_tables = save::is_nf_tables(&text);
                // Without nf_tables the short name is the old program, too; its rules are there already.
                if tool.ends_with("-legacy") && !nf_tables.contains(family) {
                    continue;
                }
                let found = save::read(netns, tool, family, &text);
                if is_nf_tables {
                    nf_tables.insert(family);
                    better.extend(found.iter().map(|rule| rule.table.clone()));
                }
                rules.extend(found);
            }
            Err(Failure::Missing) => {}
            Err(failure) => facts.push(unreadable(place, &command.join(" "), &failure.to_string())),
        }
    }
    match nft.map_err(|failure| failure.to_string()).and_then(|text| nft::read(netns, &text)) {
        Ok(found) => rules.extend(found.into_iter().filter(|rule| !better.contains(&rule.table))),
        Err(why) => facts.push(unreadable(place, "nft -j list ruleset", &why)),
    }
    match filters {
        Ok(found) => rules.extend(found),
        // Without the program nobody made filters here; but another may have.
        Err(Failure::Missing) => {}
        Err(failure) => facts.push(unreadable(place, "tc -s filter show", &failure.to_string())),
    }
    facts.extend(rules.into_iter().map(HostFact::Firewall));
    facts
}

fn unreadable(place: &Place, command: &str, why: &str) -> HostFact {
    let program = command.split(' ').next().unwrap_or_default();
    let inside = match (&place.namespace.name, place.namespace.is_own) {
        (_, true) | (None, false) => String::new(),
        (Some(name), false) => format!("ip netns exec {name} "),
    };
    HostFact::Unreadable(Unreadable {
        what: Text::long(&format!("the firewall rules of {program} in {}", place.title())),
        why: Text::long(why.trim()),
        remedy: Text::long(&format!("sudo {inside}{command}")),
    })
}

/// Numbers the rules of a chain, and appends its policy.
fn chain(rows: Vec<FirewallRule>, policy: Option<FirewallRule>) -> impl Iterator<Item = FirewallRule> {
    (0..).zip(rows.into_iter().chain(policy)).map(|(number, row)| FirewallRule { number, ..row })
}

/// A row without its rule.
fn row(netns: Netns, tool: &str, table: &str, chain: &str, hook: Option<&str>) -> FirewallRule {
    FirewallRule {
        netns,
        tool: Text::new(tool),
        table: Text::new(table),
        chain: Text::new(chain),
        hook: hook.map(Text::new),
        ..FirewallRule::default()
    }
}
