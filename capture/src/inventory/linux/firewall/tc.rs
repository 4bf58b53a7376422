//! Filters of tc(8) at a device's ingress and egress, as `tc -s filter show` prints them.

use super::program::{self, Failure};
use super::{PATIENCE, row};
use std::time::Duration;
use tapscope_graph::Text;
use tapscope_graph::host::{FirewallRule, Netns};

/// The most devices that are asked for: one program for each side of each.
const DEVICES: usize = 64;

/// The filters in the namespace of this thread.
///
/// # Errors
/// As the program says; that it is missing is an error, too.
pub(super) fn rules(netns: Netns) -> Result<Vec<FirewallRule>, Failure> {
    let mut rules = Vec::new();
    let mut left = PATIENCE;
    for (device, dropped) in filtered(&program::run(&["tc", "-s", "qdisc", "show"], PATIENCE)?).into_iter().take(DEVICES) {
        for side in ["ingress", "egress"] {
            let begun = std::time::Instant::now();
            let text = match program::run(&["tc", "-s", "filter", "show", "dev", &device, side], left) {
                Ok(text) => text,
                // An ingress qdisc has no egress.
                Err(Failure::Refused(_)) => continue,
                Err(failure) => return Err(failure),
            };
            left = left.saturating_sub(begun.elapsed()).max(Duration::from_millis(100));
            rules.extend(read(netns, &device, side, dropped, &text));
        }
    }
    Ok(rules)
}

/// The devices that have a place for filters, with what was dropped there.
fn filtered(text: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["qdisc", "clsact" | "ingress", _, "dev", device, ..] = words.as_slice() else { continue };
        let dropped = lines.peek().and_then(|line| line.split_once("(dropped ")?.1.split([',', ' ']).next()?.parse().ok());
        found.push(((*device).to_owned(), dropped.unwrap_or(0)));
    }
    found
}

/// Filters: a line each, and lines about it that begin with a space. Those of eBPF that decide themselves count nothing; what the device's
/// qdisc dropped stands for them.
fn read(netns: Netns, device: &str, side: &str, dropped: u64, text: &str) -> Vec<FirewallRule> {
    let place = row(netns, "tc", device, side, None);
    let mut rules: Vec<(String, Option<(u64, u64)>)> = Vec::new();
    for line in text.lines() {
        if let Some(filter) = line.strip_prefix("filter ") {
            // The first line of a priority only says that there are some.
            if filter.contains(" handle ") || filter.contains(" fh ") {
                let decides = filter.contains("direct-action").then_some((dropped, 0));
                rules.push((filter.trim().to_owned(), decides));
            }
        } else if let (Some((rule, hits)), line) = (rules.last_mut(), line.trim()) {
            if let Some(action) = line.strip_prefix("action ") {
                rule.push_str(", action ");
                rule.push_str(action);
            } else if let Some(counted) = line.strip_prefix("Sent ") {
                let number = |at: usize| counted.split_whitespace().nth(at).and_then(|word| word.parse().ok());
                *hits = number(2).zip(number(0)).or(*hits);
            }
        }
    }
    let numbered = (0..).zip(rules);
    numbered.map(|(number, (rule, hits))| FirewallRule { number, rule: Text::long(&rule), hits, ..place.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_device_with_a_place_for_filters_is_asked_for() {
        let text = "\
qdisc pfifo_fast 0: dev tapA root refcnt 2 bands 3 priomap 1 2 2 2
 Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0)
qdisc clsact ffff: dev tapA parent ffff:fff1
 Sent 84 bytes 3 pkt (dropped 3, overlimits 0 requeues 0)
qdisc ingress ffff: dev tapB parent ffff:fff1 ----------------
";
        assert_eq!(filtered(text), [("tapA".to_owned(), 3), ("tapB".to_owned(), 0)]);
    }

    #[test]
    fn a_filter_comes_with_its_action_and_what_met_it() {
        let text = "\
filter protocol ip pref 49151 matchall chain 0
filter protocol ip pref 49151 matchall chain 0 handle 0x1
  not_in_hw
\taction order 1: gact action drop
\t random type none pass val 0
\tAction statistics:
\tSent 252 bytes 3 pkt (dropped 3, overlimits 0 requeues 0)
filter protocol all pref 49152 bpf chain 0
filter protocol all pref 49152 bpf chain 0 handle 0x1 direct-action not_in_hw bytecode '1,6 0 0 2'
";
        let rules = read(Netns(1), "tapA", "ingress", 7, text);
        let printed: Vec<String> = rules.iter().map(|rule| format!("{} {:?} {}", rule.number, rule.hits, rule.rule)).collect();
        assert_eq!(
            printed,
            [
                "0 Some((3, 252)) protocol ip pref 49151 matchall chain 0 handle 0x1, action order 1: gact action drop",
                "1 Some((7, 0)) protocol all pref 49152 bpf chain 0 handle 0x1 direct-action not_in_hw bytecode '1,6 0 0 2'",
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "((filter|qdisc clsact x dev|Sent|\taction|[ -~]{0,8}) ?\n?){0,20}") {
            let _ = (filtered(&text), read(Netns(1), "tap0", "egress", 0, &text));
        }
    }
}
