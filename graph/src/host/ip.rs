//! Addresses, routes, rules and neighbours as the host's IP stack has them.

use super::{DeviceId, Netns};
use crate::{MacAddr, Text};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// An address and a length in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Prefix {
    /// The address; bits behind the length are zero.
    pub ip: IpAddr,
    /// Its length in bits.
    pub length: u8,
}

impl Prefix {
    /// Whether an address of the same version lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let same = |a: u128, b: u128, bits: u32| {
            let host = bits.saturating_sub(u32::from(self.length));
            host >= 128 || a >> host == b >> host
        };
        match (self.ip, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// `10.0.2.0/24`
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.length)
    }
}

/// How far an address is valid (rtnetlink(7), `ifa_scope`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressScope {
    /// Everywhere.
    #[default]
    Global,
    /// On this site.
    Site,
    /// On this link.
    Link,
    /// In this host.
    Host,
}

/// An address of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAddress {
    /// The device.
    pub device: DeviceId,
    /// The address.
    pub ip: IpAddr,
    /// The length of its on-link prefix, bits.
    pub length: u8,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// Scope.
    pub scope: AddressScope,
    /// Duplicate Address Detection is under way.
    pub is_tentative: bool,
    /// Duplicate Address Detection found another owner.
    pub is_duplicate: bool,
    /// Not for new connections.
    pub is_deprecated: bool,
    /// Given by DHCP or a router advertisement: it will expire.
    pub is_dynamic: bool,
}

/// What a route does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteKind {
    /// To a next hop or a link.
    #[default]
    Unicast,
    /// To this host.
    Local,
    /// A broadcast address.
    Broadcast,
    /// Multicast.
    Multicast,
    /// Anycast.
    Anycast,
    /// Thrown away silently.
    Blackhole,
    /// Refused: host unreachable.
    Unreachable,
    /// Refused: administratively prohibited.
    Prohibit,
    /// The search goes on in another table.
    Throw,
    /// Another kind.
    Other,
}

/// A route; one with several next hops is several rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where.
    pub netns: Netns,
    /// Table: 254 main, 255 local.
    pub table: u32,
    /// Destination; length 0 is the default route.
    pub destination: Prefix,
    /// Next hop; none where the destination is on-link.
    pub gateway: Option<IpAddr>,
    /// Out of this device.
    pub device: Option<DeviceId>,
    /// Preferred source address.
    pub source: Option<IpAddr>,
    /// Metric: the lowest wins among the same destination.
    pub metric: u32,
    /// What it does.
    pub kind: RouteKind,
    /// Who made it, as ip(8) prints it: `kernel`, `boot`, `static`, `dhcp`, `ra`.
    pub protocol: Text,
    /// The device is down, or the next hop known to be dead.
    pub is_dead: bool,
}

/// A routing policy rule (ip-rule(8)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Where.
    pub netns: Netns,
    /// IPv6's or IPv4's.
    pub is_v6: bool,
    /// The lowest is asked first.
    pub priority: u32,
    /// From these sources.
    pub source: Option<Prefix>,
    /// To these destinations.
    pub destination: Option<Prefix>,
    /// In by this device.
    pub in_device: Option<Text>,
    /// Out by this device.
    pub out_device: Option<Text>,
    /// Firewall mark and its mask.
    pub mark: Option<(u32, u32)>,
    /// The table to look into; none where it refuses.
    pub table: Option<u32>,
    /// The whole rule, as ip(8) would print it.
    pub text: Text,
}

impl Rule {
    /// What it does to the packets that it applies to, where it refuses them itself.
    pub fn refuses(&self) -> Option<RouteKind> {
        let mut kinds = [RouteKind::Blackhole, RouteKind::Unreachable, RouteKind::Prohibit].into_iter();
        kinds.find(|kind| self.table.is_none() && self.words().any(|word| word == kind.name()))
    }

    /// Routes of so many bits or fewer do not count (`suppress_prefixlength`).
    pub fn suppresses(&self) -> Option<u8> {
        self.words().skip_while(|word| *word != "suppress_prefixlength").nth(1)?.parse().ok()
    }

    /// It depends on more than addresses, devices and marks.
    pub fn is_special(&self) -> bool {
        self.words().any(|word| matches!(word, "not" | "tos" | "uidrange" | "ipproto" | "sport" | "dport" | "tun_id" | "suppress_ifgroup"))
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.as_str().split_whitespace()
    }
}

/// The state of a neighbour (RFC 4861, section 7.3.2, and Linux's own).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeighborState {
    /// Asked, and no answer yet.
    Incomplete,
    /// Confirmed lately.
    Reachable,
    /// Not confirmed lately.
    Stale,
    /// Used, and about to be asked again.
    Delay,
    /// Asked again.
    Probe,
    /// Asked in vain.
    Failed,
    /// Needs no asking.
    NoArp,
    /// Set by hand.
    Permanent,
    /// Nothing known.
    #[default]
    None,
}

/// An entry of the neighbour table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNeighbor {
    /// On which device.
    pub device: DeviceId,
    /// Whose address.
    pub ip: IpAddr,
    /// Its link-layer address.
    pub mac: Option<MacAddr>,
    /// State.
    pub state: NeighborState,
    /// It says that it is a router.
    pub is_router: bool,
    /// This host answers for it (proxy ARP).
    pub is_proxy: bool,
}

impl NeighborState {
    /// In lower case, as ip(8) prints it.
    pub fn name(self) -> &'static str {
        match self {
            NeighborState::Incomplete => "incomplete",
            NeighborState::Reachable => "reachable",
            NeighborState::Stale => "stale",
            NeighborState::Delay => "delay",
            NeighborState::Probe => "probe",
            NeighborState::Failed => "failed",
            NeighborState::NoArp => "noarp",
            NeighborState::Permanent => "permanent",
            NeighborState::None => "none",
        }
    }
}

impl RouteKind {
    /// In lower case, as ip(8) prints it.
    pub fn name(self) -> &'static str {
        match self {
            RouteKind::Unicast => "unicast",
            RouteKind::Local => "local",
            RouteKind::Broadcast => "broadcast",
            RouteKind::Multicast => "multicast",
            RouteKind::Anycast => "anycast",
            RouteKind::Blackhole => "blackhole",
            RouteKind::Unreachable => "unreachable",
            RouteKind::Prohibit => "prohibit",
            RouteKind::Throw => "throw",
            RouteKind::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_contains_what_shares_its_bits() {
        let prefix = |ip: &str, length| Prefix { ip: ip.parse().expect("an address"), length };
        let contains = |prefix: Prefix, ip: &str| prefix.contains(ip.parse().expect("an address"));
        assert!(contains(prefix("10.0.0.0", 16), "10.0.3.101"));
        assert!(!contains(prefix("10.0.2.0", 24), "10.0.3.101"));
        assert!(contains(prefix("0.0.0.0", 0), "255.255.255.255"));
        assert!(contains(prefix("::", 0), "ffff::1"));
        assert!(contains(prefix("fe80::", 64), "fe80::1"));
        assert!(!contains(prefix("fe80::", 10), "10.0.0.1"));
    }
}
