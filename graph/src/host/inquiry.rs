//! What the kernel is asked about one very packet, and what it says: its own routing, forwarding database and connection tracking decide,
//! whatever a simulation of their rules gives.

use super::{DeviceId, HostKey, Netns, Route, RouteKind};
use crate::MacAddr;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A question to the kernel, about one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inquiry {
    /// Which way it would take: `ip route get`.
    Route(RouteInquiry),
    /// Where a bridge would send it: `bridge fdb get`.
    Fdb {
        /// Which bridge.
        bridge: DeviceId,
        /// The frame's destination.
        mac: MacAddr,
        /// In which VLAN; none where the bridge does not filter VLANs.
        vlan: Option<u16>,
    },
    /// Which connections between two addresses are tracked: `conntrack -L`.
    Tracked {
        /// Where.
        netns: Netns,
        /// One address.
        one: IpAddr,
        /// The other.
        other: IpAddr,
    },
}

/// A packet whose way is asked for (`RTM_GETROUTE`, rtnetlink(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteInquiry {
    /// Where.
    pub netns: Netns,
    /// Its source.
    pub source: Option<IpAddr>,
    /// Its destination.
    pub destination: IpAddr,
    /// In by this device; none for what the namespace itself sends.
    pub in_device: Option<DeviceId>,
    /// The firewall's mark on it; 0 for none.
    #[serde(default)]
    pub mark: u32,
}

impl RouteInquiry {
    /// What identifies its answer: the mark is what the firewall makes of such a packet.
    pub fn key(&self) -> HostKey {
        HostKey::RouteLookup(self.netns, self.source, self.destination, self.in_device.map(|device| device.index))
    }
}

/// The way that the kernel would send a packet, asked in that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteLookup {
    /// The packet.
    pub packet: RouteInquiry,
    /// What the kernel said.
    pub answer: RouteAnswer,
}

/// What the kernel says of a packet's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteAnswer {
    /// It goes by this route: of several next hops the one of this very packet. The destination is the route's where the kernel tells it
    /// (`RTM_F_FIB_MATCH`, Linux 4.13), otherwise the packet's.
    Way(Route),
    /// It goes nowhere, by errno(3).
    Refused(i32),
}

impl RouteAnswer {
    /// What a refusal means if nothing but the routes decides (net/ipv4/fib_semantics.c, `fib_props`); none for another error, or a way.
    pub fn refusal(&self) -> Option<Option<RouteKind>> {
        // The numbers are those of Linux, which alone is asked.
        match self {
            RouteAnswer::Refused(13) => Some(Some(RouteKind::Prohibit)),
            RouteAnswer::Refused(22) => Some(Some(RouteKind::Blackhole)),
            RouteAnswer::Refused(101) => Some(None),
            RouteAnswer::Refused(113) => Some(Some(RouteKind::Unreachable)),
            RouteAnswer::Refused(_) | RouteAnswer::Way(_) => None,
        }
    }

    /// In the words of ip(8).
    pub fn words(&self) -> String {
        match self {
            RouteAnswer::Way(route) => {
                let via = route.gateway.map_or_else(String::new, |gateway| format!(" via {gateway}"));
                format!("{} {}{via} table {}", route.kind.name(), route.destination, route.table)
            }
            RouteAnswer::Refused(13) => "Permission denied".to_owned(),
            RouteAnswer::Refused(22) => "Invalid argument".to_owned(),
            RouteAnswer::Refused(101) => "Network is unreachable".to_owned(),
            RouteAnswer::Refused(113) => "No route to host".to_owned(),
            RouteAnswer::Refused(18) => "Invalid cross-device link".to_owned(),
            RouteAnswer::Refused(number) => format!("error {number}"),
        }
    }
}

/// One direction of a tracked connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrackedTuple {
    /// From.
    pub source: IpAddr,
    /// To.
    pub destination: IpAddr,
    /// Source and destination port; of ICMP the identifier, twice.
    pub ports: (u16, u16),
}

/// A connection that the kernel tracks (nf_conntrack).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    /// Where.
    pub netns: Netns,
    /// 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6.
    pub protocol: u8,
    /// As its first packet was before anything was rewritten.
    pub original: TrackedTuple,
    /// As a reply has to be: what differs from the original turned round was rewritten.
    pub reply: TrackedTuple,
    /// A reply was seen (`IPS_SEEN_REPLY`).
    pub is_answered: bool,
}

impl Tracked {
    /// The source that it leaves with, where that is rewritten.
    pub fn new_source(&self) -> Option<IpAddr> {
        Some(self.reply.destination).filter(|ip| *ip != self.original.source)
    }

    /// The destination that it goes to, where that is rewritten.
    pub fn new_destination(&self) -> Option<IpAddr> {
        Some(self.reply.source).filter(|ip| *ip != self.original.destination)
    }

    /// Both tuples, as conntrack(8) prints them.
    pub fn words(&self) -> String {
        let tuple = |tuple: &TrackedTuple| format!("src={} dst={}", tuple.source, tuple.destination);
        let answered = if self.is_answered { "" } else { " [UNREPLIED]" };
        format!("{}{answered} {}", tuple(&self.original), tuple(&self.reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_of_a_tracked_connection_shows_what_is_rewritten() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let tuple = |source, destination| TrackedTuple { source: ip(source), destination: ip(destination), ports: (7, 7) };
        let tracked = Tracked {
            netns: Netns(1),
            protocol: 1,
            original: tuple("10.0.0.1", "203.0.113.9"),
            reply: tuple("203.0.113.9", "198.51.100.2"),
            is_answered: false,
        };
        assert_eq!(tracked.new_source(), Some(ip("198.51.100.2")));
        assert_eq!(tracked.new_destination(), None);
        assert_eq!(tracked.words(), "src=10.0.0.1 dst=203.0.113.9 [UNREPLIED] src=203.0.113.9 dst=198.51.100.2");
    }
}
