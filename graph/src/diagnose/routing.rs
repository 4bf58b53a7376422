//! Which way the host's IP stack would send a packet: a pure function of its addresses, rules and routes.
//!
//! Read ip-rule(8) and ip-route(8) first: rules in the order of their priority name tables; in a table the longest prefix wins, then the
//! lowest metric. Where the kernel was asked for that very packet, its answer counts: it knows marks, users, groups of next hops and devices'
//! own tables, which the listed rules alone do not decide.

use crate::host::{DeviceId, Host, HostAddress, Netns, Route, RouteAnswer, RouteInquiry, RouteKind, RouteLookup, Rule};
use std::net::IpAddr;

/// The local, main and default table (linux/rtnetlink.h).
const LOCAL: u32 = 255;
const MAIN: u32 = 254;
const DEFAULT: u32 = 253;

/// What a look-up gives.
#[derive(Clone, Debug)]
pub(crate) enum Way<'a> {
    /// The packet is for this host.
    Local(DeviceId),
    /// It goes out.
    Out(Hop<'a>),
    /// It is refused.
    Refused(Refusal<'a>),
    /// There is no route.
    Nowhere,
}

/// What refuses a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal<'a> {
    /// Blackhole, unreachable, prohibit.
    pub kind: RouteKind,
    /// The route that does, where it is known.
    pub route: Option<&'a Route>,
    /// Or the rule that does.
    pub rule: Option<&'a Rule>,
}

/// Where it goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop<'a> {
    /// By this device.
    pub device: DeviceId,
    /// To this neighbour.
    pub next: IpAddr,
    /// Because of this route.
    pub route: &'a Route,
    /// That this rule led to; none for the rules that every host has.
    pub rule: Option<&'a Rule>,
}

/// Looks up the way of a packet that came in by a device, or of one's own: what the kernel said of it, otherwise what the rules say.
pub(crate) fn look_up<'a>(
    host: &'a Host,
    netns: Netns,
    source: Option<IpAddr>,
    destination: IpAddr,
    in_device: Option<DeviceId>,
) -> Way<'a> {
    if let Some(own) = own_address(host, netns, destination) {
        return Way::Local(own.device);
    }
    let packet = RouteInquiry { netns, source, destination, in_device, mark: 0 };
    host.route_lookup(&packet).and_then(|lookup| told(host, lookup)).unwrap_or_else(|| simulate(host, &packet))
}

/// What the kernel's answer means; none where it may be about something else than the route.
fn told<'a>(host: &'a Host, lookup: &'a RouteLookup) -> Option<Way<'a>> {
    let packet = &lookup.packet;
    let route = match &lookup.answer {
        RouteAnswer::Way(route) => route,
        RouteAnswer::Refused(_) => return refused(host, lookup),
    };
    match (route.kind, route.device) {
        (RouteKind::Local, device) => packet.in_device.or(device).map(Way::Local),
        (RouteKind::Unicast, Some(device)) => {
            let is_it = |rule: &&Rule| rule.table == Some(route.table) && !USUAL.contains(&route.table);
            let rule = rules(host, packet).into_iter().find(is_it);
            Some(Way::Out(Hop { device, next: route.gateway.unwrap_or(packet.destination), route, rule }))
        }
        _ => None,
    }
}

/// For what came in, IPv4's answer also depends on forwarding and on the source (net/ipv4/route.c, `ip_route_input_slow`), and for what is
/// sent with a source that is nobody's it is about that.
fn refused<'a>(host: &'a Host, lookup: &'a RouteLookup) -> Option<Way<'a>> {
    let packet = &lookup.packet;
    let kind = lookup.answer.refusal()?;
    let is_own = packet.source.is_some_and(|source| own_address(host, packet.netns, source).is_some());
    let is_about_route = match (kind, packet.in_device) {
        _ if packet.destination.is_ipv6() => true,
        (Some(RouteKind::Blackhole), Some(device)) => !is_own && device_setting(host, device, "ipv4", "rp_filter") == 0,
        (Some(RouteKind::Blackhole), None) => packet.source.is_none() || is_own,
        (Some(RouteKind::Unreachable), Some(device)) => {
            let name = host.device(device).map(|row| format!("net.ipv4.conf.{}.forwarding", row.name));
            let own = name.and_then(|name| host.setting(packet.netns, &name));
            own.or_else(|| host.setting(packet.netns, "net.ipv4.ip_forward")).is_some_and(|value| value.as_str() == "1")
        }
        _ => true,
    };
    if !is_about_route {
        return None;
    }
    let listed = simulate(host, packet);
    let Some(kind) = kind else {
        // A rule that is unreachable says the same as if there were no route (net/ipv4/fib_rules.c, `fib4_rule_action`).
        let is_rule = matches!(listed, Way::Refused(Refusal { kind: RouteKind::Unreachable, rule: Some(_), .. }));
        return Some(if is_rule { listed } else { Way::Nowhere });
    };
    Some(match listed {
        Way::Refused(refusal) if refusal.kind == kind => Way::Refused(refusal),
        _ => {
            let route = host
                .routes()
                .find(|route| route.netns == packet.netns && route.kind == kind && route.destination.contains(packet.destination));
            let rule = rules(host, packet).into_iter().find(|rule| rule.refuses() == Some(kind));
            Way::Refused(Refusal { kind, route: route.filter(|_| rule.is_none()), rule: rule.filter(|_| route.is_none()) })
        }
    })
}

/// The tables that every host has.
const USUAL: [u32; 3] = [LOCAL, MAIN, DEFAULT];

/// The rules for a packet's version of IP, in their order.
fn rules<'a>(host: &'a Host, packet: &RouteInquiry) -> Vec<&'a Rule> {
    let mut rules: Vec<&Rule> =
        host.rules().filter(|rule| rule.netns == packet.netns && rule.is_v6 == packet.destination.is_ipv6()).collect();
    rules.sort_by_key(|rule| rule.priority);
    rules
}

/// What the listed rules and routes give.
pub(crate) fn simulate<'a>(host: &'a Host, packet: &RouteInquiry) -> Way<'a> {
    let &RouteInquiry { netns, source, destination, in_device, .. } = packet;
    let in_name = in_device.and_then(|device| host.device(device)).map(|device| &device.name);
    let applies = |rule: &&Rule| {
        rule.destination.is_none_or(|prefix| prefix.contains(destination))
            && rule.source.is_none_or(|prefix| source.is_some_and(|source| prefix.contains(source)))
            && rule.in_device.as_ref().is_none_or(|name| in_name == Some(name))
            // Which mark a packet has, the kernel is told when it is asked.
            && rule.mark.is_none()
            && rule.out_device.is_none()
            && !rule.is_special()
    };
    let rules = rules(host, packet);
    let steps: Vec<(Option<u32>, Option<&Rule>)> = if rules.is_empty() {
        USUAL.into_iter().map(|table| (Some(table), None)).collect()
    } else {
        rules.into_iter().filter(applies).map(|rule| (rule.table, Some(rule))).collect()
    };
    for (table, rule) in steps {
        if let (Some(kind), Some(_)) = (rule.and_then(Rule::refuses), rule) {
            return Way::Refused(Refusal { kind, route: None, rule });
        }
        let Some(table) = table else { continue };
        let Some(route) = best(host, netns, table, destination) else { continue };
        if rule.and_then(Rule::suppresses).is_some_and(|length| route.destination.length <= length) {
            continue;
        }
        let rule = rule.filter(|_| !USUAL.contains(&table));
        match (route.kind, route.device) {
            (RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit, _) => {
                return Way::Refused(Refusal { kind: route.kind, route: Some(route), rule: None });
            }
            (RouteKind::Throw, _) => {}
            (RouteKind::Local, Some(device)) => return Way::Local(device),
            (_, Some(device)) => return Way::Out(Hop { device, next: route.gateway.unwrap_or(destination), route, rule }),
            (_, None) => {}
        }
    }
    Way::Nowhere
}

impl Way<'_> {
    /// In words; the same ones for the same way.
    pub fn words(&self, host: &Host) -> String {
        let name = |device: DeviceId| host.device(device).map_or_else(|| format!("device {}", device.index), |row| row.name.to_string());
        match self {
            Way::Local(_) => "to this host itself".to_owned(),
            Way::Out(hop) => format!("out by {} to {}", name(hop.device), hop.next),
            Way::Refused(refusal) => refusal.kind.name().to_owned(),
            Way::Nowhere => "no route".to_owned(),
        }
    }
}

/// The best route of a table.
fn best(host: &Host, netns: Netns, table: u32, destination: IpAddr) -> Option<&Route> {
    let fits = |route: &&Route| {
        route.netns == netns && route.table == table && route.destination.contains(destination) && route.kind != RouteKind::Broadcast
    };
    // Among equals the first one wins, and a link that is down still attracts (ip-sysctl, ignore_routes_with_linkdown).
    host.routes().filter(fits).min_by_key(|route| (u8::MAX - route.destination.length, route.metric))
}

/// The address that a namespace itself has.
pub(crate) fn own_address(host: &Host, netns: Netns, ip: IpAddr) -> Option<&HostAddress> {
    host.addresses().find(|row| row.device.netns == netns && row.ip == ip)
}

/// The address of a device whose prefix has a neighbour in it: what the host is to those on that link.
pub(crate) fn address_towards(host: &Host, device: DeviceId, neighbor: IpAddr) -> Option<&HostAddress> {
    let own = || host.addresses().filter(|row| row.device == device && row.ip.is_ipv6() == neighbor.is_ipv6());
    own().find(|row| prefix(row).contains(neighbor)).or_else(|| own().next())
}

/// Whether an address is on-link at a device, by the prefixes of the host's addresses there.
pub(crate) fn is_on_link(host: &Host, device: DeviceId, ip: IpAddr) -> bool {
    host.addresses().any(|row| row.device == device && prefix(row).contains(ip))
}

/// The on-link prefix of an address.
pub(crate) fn prefix(address: &HostAddress) -> crate::host::Prefix {
    crate::host::Prefix { ip: address.ip, length: address.length }
}

/// A setting of one device or of all, as the kernel joins them: the larger one for rp_filter and arp_ignore, either one for proxy_arp
/// (Documentation/networking/ip-sysctl.rst).
pub(crate) fn device_setting(host: &Host, device: DeviceId, version: &str, name: &str) -> u32 {
    let own = host.device(device).map_or(0, |row| number(host, device.netns, &format!("net.{version}.conf.{}.{name}", row.name)));
    own.max(number(host, device.netns, &format!("net.{version}.conf.all.{name}")))
}

/// A setting as a number; 0 where it is not known.
pub(crate) fn number(host: &Host, netns: Netns, name: &str) -> u32 {
    host.setting(netns, name).and_then(|value| value.as_str().parse().ok()).unwrap_or(0)
}

/// An address that is good on its own link only (RFC 3927, RFC 4291).
pub(crate) fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether somebody gave a device an address; the one that IPv6 makes for each device by itself does not count.
pub(crate) fn has_address(host: &Host, device: DeviceId) -> bool {
    host.addresses().any(|row| row.device == device && !is_link_local(row.ip))
}

/// Whether two addresses are on one link by the prefix that links mostly have: 24 bits (RFC 1918's usual share), 64 bits (RFC 4291, section 2.5.4).
pub(crate) fn are_alike(a: IpAddr, b: IpAddr) -> bool {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => a.to_bits() >> 8 == b.to_bits() >> 8,
        (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() >> 64 == b.to_bits() >> 64,
        _ => false,
    }
}
