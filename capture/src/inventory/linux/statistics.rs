//! What the kernel's IP stack counts for a whole namespace, as nstat(8) names it.
//!
//! Read Documentation/networking/snmp_counter.rst of the kernel. There are some three hundred; those that tell why a packet was thrown away,
//! or that an echo was answered, are said.

use super::namespace::Place;
use super::provider::{Provider, World};
use std::fs;
use std::time::Duration;
use tapscope_graph::Text;
use tapscope_graph::host::{Counter, HostChange, HostFact, Netns};

/// Their names.
const WANTED: [&str; 42] = [
    "IpInHdrErrors",
    "IpInAddrErrors",
    "IpInDiscards",
    "IpInUnknownProtos",
    "IpForwDatagrams",
    "IpOutDiscards",
    "IpOutNoRoutes",
    "IpReasmFails",
    "IpFragFails",
    "IcmpInErrors",
    "IcmpInCsumErrors",
    "IcmpInEchos",
    "IcmpInEchoReps",
    "IcmpOutDestUnreachs",
    "IcmpOutTimeExcds",
    "IcmpOutRedirects",
    "IcmpOutEchos",
    "IcmpOutEchoReps",
    "IcmpOutRateLimitGlobal",
    "IcmpOutRateLimitHost",
    "UdpNoPorts",
    "TcpExtIPReversePathFilter",
    "TcpExtArpFilter",
    "IpExtInNoRoutes",
    "IpExtInTruncatedPkts",
    "IpExtInCsumErrors",
    "Ip6InHdrErrors",
    "Ip6InTooBigErrors",
    "Ip6InNoRoutes",
    "Ip6InAddrErrors",
    "Ip6InDiscards",
    "Ip6OutForwDatagrams",
    "Ip6OutDiscards",
    "Ip6OutNoRoutes",
    "Ip6ReasmFails",
    "Ip6FragFails",
    "Icmp6InErrors",
    "Icmp6InEchos",
    "Icmp6OutEchoReplies",
    "Icmp6OutDestUnreachs",
    "Icmp6OutPktTooBigs",
    "Icmp6OutTimeExcds",
];

/// Reads `/proc/net/snmp`, `/proc/net/netstat` and `/proc/net/snmp6`, which are those of whoever opens them.
pub(super) struct Statistics;

impl Provider for Statistics {
    fn facts(&mut self, world: &World<'_>) -> Vec<HostFact> {
        let read = |(netns, place): (&Netns, &Place)| place.within(|| of_namespace(*netns)).unwrap_or_default();
        world.places.iter().flat_map(read).map(HostFact::Counter).collect()
    }

    fn good_for(&self) -> Duration {
        Duration::MAX
    }

    fn is_outdated_by(&mut self, change: &HostChange) -> bool {
        matches!(change, HostChange::Set(HostFact::Namespace(_)))
    }

    fn counts(&self) -> bool {
        true
    }
}

fn of_namespace(netns: Netns) -> Vec<Counter> {
    let read = |name: &str| fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default();
    let (snmp, netstat, snmp6) = (read("snmp"), read("netstat"), read("snmp6"));
    let found = tables(&snmp).into_iter().chain(tables(&netstat)).chain(lines(&snmp6));
    let wanted = found.filter(|(name, _)| WANTED.contains(&name.as_str()));
    wanted.map(|(name, value)| Counter { netns, device: None, name: Text::new(&name), value }).collect()
}

/// Two lines for each protocol, one with names, one with values (net/ipv4/proc.c, `snmp_seq_show`).
fn tables(text: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let (Some((protocol, names)), Some((_, values))) = (names.split_once(':'), values.split_once(':')) else { continue };
        // `Tcp MaxConn` may be -1.
        let pairs = names.split_whitespace().zip(values.split_whitespace());
        found.extend(pairs.filter_map(|(name, value)| Some((format!("{protocol}{name}"), value.parse().ok()?))));
    }
    found
}

/// A line for each counter (net/ipv6/proc.c, `snmp6_seq_show`).
fn lines(text: &str) -> Vec<(String, u64)> {
    let pair = |line: &str| {
        let (name, value) = line.split_once(char::is_whitespace)?;
        Some((name.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counters_are_called_as_nstat_calls_them() {
        let snmp = "Ip: Forwarding DefaultTTL InAddrErrors\nIp: 1 64 3\nTcp: MaxConn\nTcp: -1\n";
        assert_eq!(tables(snmp), [("IpForwarding".into(), 1), ("IpDefaultTTL".into(), 64), ("IpInAddrErrors".into(), 3)]);
        assert_eq!(lines("Ip6InReceives                   \t12\nodd\n"), [("Ip6InReceives".to_owned(), 12)]);
    }

    #[test]
    fn the_running_kernel_counts_echoes() {
        assert!(of_namespace(Netns(1)).iter().any(|counter| counter.name.as_str() == "IcmpInEchos"));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "([A-Za-z:]{0,6}[ 0-9:]{0,8}\n?){0,12}") {
            let _ = (tables(&text), lines(&text));
        }
    }
}
