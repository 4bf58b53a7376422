//! Settings of a whole namespace, from `/proc/sys/net`.
//!
//! Read Documentation/networking/ip-sysctl.rst of the kernel. Those of single devices come by netlink. The kernel tells of forwarding,
//! rp_filter and proxy_arp at once (`RTM_NEWNETCONF`); what else is changed with sysctl(8) is seen within [`GOOD_FOR`].

use super::provider::{Provider, World};
use std::fs;
use std::time::Duration;
use tapscope_graph::Text;
use tapscope_graph::host::{HostChange, HostFact, Netns, Setting};

/// How old a setting may be that changed without a word.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(5);

/// Per namespace.
const SINGLE: [&str; 11] = [
    "net.ipv4.ip_forward",
    "net.ipv4.icmp_echo_ignore_all",
    "net.ipv4.icmp_echo_ignore_broadcasts",
    "net.ipv4.ping_group_range",
    "net.ipv4.neigh.default.gc_thresh3",
    "net.ipv6.icmp.echo_ignore_all",
    "net.ipv6.neigh.default.gc_thresh3",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.bridge.bridge-nf-call-arptables",
    "net.bridge.bridge-nf-filter-vlan-tagged",
];

/// For all devices, and for new ones.
const BY_VERSION: [(&str, &[&str]); 2] = [
    ("ipv4", &["forwarding", "rp_filter", "arp_ignore", "arp_announce", "arp_filter", "proxy_arp", "send_redirects", "accept_local"]),
    ("ipv6", &["forwarding", "accept_ra", "disable_ipv6", "proxy_ndp"]),
];

/// Reads them.
pub(super) struct Settings;

impl Provider for Settings {
    fn facts(&mut self, world: &World<'_>) -> Vec<HostFact> {
        let read = |(netns, place): (&Netns, &super::namespace::Place)| place.within(|| of_namespace(*netns)).unwrap_or_default();
        world.places.iter().flat_map(read).map(HostFact::Setting).collect()
    }

    fn good_for(&self) -> Duration {
        GOOD_FOR
    }

    fn is_outdated_by(&mut self, change: &HostChange) -> bool {
        matches!(change, HostChange::Set(HostFact::Namespace(_)))
    }
}

/// The settings of the namespace that this thread is in: `/proc/sys/net` shows that of whoever opens it.
fn of_namespace(netns: Netns) -> Vec<Setting> {
    let both = |(version, names): (&'static str, &'static [&'static str])| {
        ["all", "default"].into_iter().flat_map(move |which| names.iter().map(move |name| format!("net.{version}.conf.{which}.{name}")))
    };
    let names = SINGLE.into_iter().map(String::from).chain(BY_VERSION.into_iter().flat_map(both));
    let found = names.filter_map(|name| read(&name).map(|value| Setting { netns, name: Text::new(&name), value }));
    found.chain(conntrack(netns)).collect()
}

/// How full the table of connections is, which changes with every packet: said only where it matters.
fn conntrack(netns: Netns) -> Vec<Setting> {
    let [count, most] = ["net.netfilter.nf_conntrack_count", "net.netfilter.nf_conntrack_max"].map(|name| (name, read(name)));
    let number = |value: &Option<Text>| value.as_ref().and_then(|value| value.as_str().parse::<u64>().ok());
    let is_nearly_full =
        number(&count.1).zip(number(&most.1)).is_some_and(|(count, most)| count.saturating_mul(10) >= most.saturating_mul(9));
    let row = |(name, value): (&str, Option<Text>)| value.map(|value| Setting { netns, name: Text::new(name), value });
    if is_nearly_full { [count, most].into_iter().filter_map(row).collect() } else { Vec::new() }
}

/// A value; numbers in a row have one space between them. `None` for what this kernel or namespace does not have.
fn read(name: &str) -> Option<Text> {
    let text = fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).ok()?;
    Some(Text::new(&text.split_whitespace().collect::<Vec<_>>().join(" ")))
}
