//! Which way the host's IP stack would send a packet: a pure function of its addresses, rules and routes.
//!
//! Read ip-rule(8) and ip-route(8) first: rules in the order of their priority name tables; in a table the longest prefix wins, then the
//! lowest metric.

use crate::host::{DeviceId, Host, HostAddress, Netns, Route, RouteKind, Rule};
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
    /// A route refuses it: blackhole, unreachable, prohibit.
    Refused(&'a Route),
    /// There is no route.
    Nowhere,
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

/// Looks up the way of a packet that came in by a device, or of one's own.
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
    let mut rules: Vec<&Rule> = host.rules().filter(|rule| rule.netns == netns && rule.is_v6 == destination.is_ipv6()).collect();
    rules.sort_by_key(|rule| rule.priority);
    let in_name = in_device.and_then(|device| host.device(device)).map(|device| &device.name);
    let applies = |rule: &Rule| {
        rule.destination.is_none_or(|prefix| prefix.contains(destination))
            && rule.source.is_none_or(|prefix| source.is_some_and(|source| prefix.contains(source)))
            && rule.in_device.as_ref().is_none_or(|name| in_name == Some(name))
            // Marks are set by rules of a firewall, which are not followed so far.
            && rule.mark.is_none()
            && rule.out_device.is_none()
    };
    let usual = [LOCAL, MAIN, DEFAULT];
    let tables: Vec<(u32, Option<&Rule>)> = if rules.is_empty() {
        usual.into_iter().map(|table| (table, None)).collect()
    } else {
        rules.into_iter().filter(|rule| applies(rule)).map(|rule| (rule.table.unwrap_or(0), Some(rule))).collect()
    };
    for (table, rule) in tables {
        let Some(route) = best(host, netns, table, destination) else { continue };
        let rule = rule.filter(|_| !usual.contains(&table));
        match (route.kind, route.device) {
            (RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit, _) => return Way::Refused(route),
            (RouteKind::Throw, _) => {}
            (RouteKind::Local, Some(device)) => return Way::Local(device),
            (_, Some(device)) => return Way::Out(Hop { device, next: route.gateway.unwrap_or(destination), route, rule }),
            (_, None) => {}
        }
    }
    Way::Nowhere
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
