//! Netlink: the kernel's messages about the network, as this program's facts. Read rtnetlink(7) and linux/rtnetlink.h first.
//!
//! The crates that know the formats change their interfaces with almost every release, so nothing outside of this directory names them.
//! Messages are read attribute by attribute: one that is not understood is left out, and the others count.

mod conf;
mod diag;
mod ip;
mod kind;
mod link;
mod lookup;
mod neighbor;
mod nla;
mod offload;
mod qdisc;
mod route;
mod rule;
mod socket;
mod tracked;
mod vlan;

pub(super) use diag::{InetSocket, SocketQueries, Sockets, State, UnixSocket, read_socket};
pub(super) use link::{Link, LinkConf, PortNews};
pub(super) use offload::{Abilities, Offloads};
pub(super) use socket::{Dump, Events, Queries, Read};
pub(super) use tracked::TrackedQueries;

use nla::integer;
use tapscope_graph::Text;
use tapscope_graph::host::{DeviceCounters, FdbEntry, HostFact, HostKey, Netns, PortVlan, Route};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_NEWNEIGH: u16 = 28;
const RTM_DELNEIGH: u16 = 29;
const RTM_NEWRULE: u16 = 32;
const RTM_DELRULE: u16 = 33;
const RTM_NEWQDISC: u16 = 36;
const RTM_NEWNETCONF: u16 = 80;
const RTM_NEWNSID: u16 = 88;
const RTM_DELNSID: u16 = 89;
const RTM_NEWSTATS: u16 = 92;
const RTM_NEWLINKPROP: u16 = 108;
const RTM_DELLINKPROP: u16 = 109;
const RTM_NEWVLAN: u16 = 112;
const RTM_DELVLAN: u16 = 113;

const AF_INET: u8 = 2;
const AF_BRIDGE: u8 = 7;
const AF_INET6: u8 = 10;

/// `NLM_F_REPLACE` of a message that tells of something new: it took the place of another.
const NLM_F_REPLACE: u16 = 0x100;

/// What one message of the kernel says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum News {
    /// A device is so now.
    Link(Box<Link>),
    /// A device is not there any more.
    LinkGone(u32),
    /// What a bridge says of a port, or of itself.
    Port(Box<PortNews>),
    /// A device is no port any more.
    PortGone(u32),
    /// A device joined VLANs of its bridge, or left them.
    Vlans { index: u32, vlans: Vec<PortVlan>, left: bool },
    /// An address, neighbour or rule.
    Fact(HostFact),
    /// Not any more.
    Gone(HostKey),
    /// A route's rows; one that took the place of another does not say which.
    Routes { rows: Vec<Route>, replaces: bool },
    /// A route is not any more.
    RoutesGone(Vec<Route>),
    /// An entry of a forwarding database.
    Fdb(FdbEntry),
    /// Not any more.
    FdbGone(FdbEntry),
    /// Settings of a device: -1 is all, -2 the default for new ones.
    Conf { index: i32, conf: Vec<LinkConf> },
    /// The numbers by which namespaces know each other changed.
    NamespaceNumbers,
    /// Counters of a device.
    Counters(u32, DeviceCounters),
    /// What a device's queues dropped, by the counter's name.
    Dropped { index: u32, name: Text, packets: u64 },
}

/// Reads a message: its type, its flags, and what is behind its header. `None` for what is not our business.
///
/// # Errors
/// The message is about something that is our business, and cannot be read.
pub(super) fn read(netns: Netns, kind: u16, flags: u16, bytes: &[u8]) -> Result<Option<News>, Unread> {
    let family = bytes.first().copied().unwrap_or(0);
    Ok(match (kind, family) {
        (RTM_NEWLINK | RTM_NEWLINKPROP | RTM_DELLINKPROP, 0) => link::link(netns, bytes)?.map(|link| News::Link(Box::new(link))),
        (RTM_DELLINK, 0) => Some(News::LinkGone(link::index(bytes)?)),
        (RTM_NEWLINK, AF_BRIDGE) => Some(News::Port(Box::new(link::port(bytes)?))),
        (RTM_DELLINK, AF_BRIDGE) => Some(News::PortGone(link::index(bytes)?)),
        (RTM_NEWADDR, _) => ip::address(netns, bytes)?.map(|row| News::Fact(HostFact::Address(row))),
        (RTM_DELADDR, _) => ip::address(netns, bytes)?.map(|row| News::Gone(HostFact::Address(row).key())),
        (RTM_NEWROUTE, AF_INET | AF_INET6) => {
            route::routes(netns, bytes)?.map(|rows| News::Routes { rows, replaces: flags & NLM_F_REPLACE != 0 })
        }
        (RTM_DELROUTE, AF_INET | AF_INET6) => route::routes(netns, bytes)?.map(News::RoutesGone),
        (RTM_NEWRULE, AF_INET | AF_INET6) => Some(News::Fact(HostFact::Rule(rule::rule(netns, bytes)?))),
        (RTM_DELRULE, AF_INET | AF_INET6) => Some(News::Gone(HostFact::Rule(rule::rule(netns, bytes)?).key())),
        (RTM_NEWNEIGH, AF_INET | AF_INET6) => neighbor::neighbor(netns, bytes)?.map(|row| News::Fact(HostFact::Neighbor(row))),
        (RTM_DELNEIGH, AF_INET | AF_INET6) => neighbor::neighbor(netns, bytes)?.map(|row| News::Gone(HostFact::Neighbor(row).key())),
        (RTM_NEWNEIGH, AF_BRIDGE) => neighbor::fdb(netns, bytes)?.map(News::Fdb),
        (RTM_DELNEIGH, AF_BRIDGE) => neighbor::fdb(netns, bytes)?.map(News::FdbGone),
        (RTM_NEWVLAN, _) => Some(vlan::event(bytes, false)?),
        (RTM_DELVLAN, _) => Some(vlan::event(bytes, true)?),
        (RTM_NEWNETCONF, AF_INET | AF_INET6) => conf::netconf(bytes)?,
        (RTM_NEWNSID | RTM_DELNSID, _) => Some(News::NamespaceNumbers),
        (RTM_NEWQDISC, _) => qdisc::dropped(bytes)?,
        (RTM_NEWSTATS, _) => link::stats(bytes)?.map(|(index, counters)| News::Counters(index, counters)),
        _ => None,
    })
}

/// What an answer to a question about one packet says, in words: a tracked connection, or the way of a packet.
pub(super) fn read_answer(is_tracked: bool, payload: &[u8]) -> String {
    match is_tracked {
        true => format!("{:?}", tracked::tracked(Netns(1), payload)),
        false => format!("{:?}", route::answer(Netns(1), payload)),
    }
}

/// A message that is cut short or contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of the kernel about {about} cannot be read: {why}")]
pub(super) struct Unread {
    /// What it would have been about.
    pub about: &'static str,
    /// Why.
    pub why: String,
}

impl Unread {
    fn short(about: &'static str) -> Unread {
        Unread { about, why: "it is too short".into() }
    }
}

/// The number by which the namespace of a socket knows another: the answer to `RTM_GETNSID`. `None` where it has none.
fn namespace_number(bytes: &[u8]) -> Option<i32> {
    const NETNSA_NSID: u16 = 1;
    let value = nla::attributes(bytes.get(4..)?).find(|(kind, _)| *kind == NETNSA_NSID).and_then(|(_, value)| integer(value))?;
    let number = value as u32 as i32;
    (number >= 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_message_is_survived(kind in 16u16..120, flags: u16, family in 0u8..12, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut message = vec![family];
            message.extend(bytes);
            let _ = read(Netns(1), kind, flags, &message);
            let _ = (read_answer(true, &message), read_answer(false, &message));
        }

        #[test]
        fn any_attributes_are_survived(
            kind in 16u16..120,
            family in prop_oneof![Just(0u8), Just(2), Just(7), Just(10)],
            header in 4usize..20,
            attributes in proptest::collection::vec((0u16..70, proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
        ) {
            let mut message = vec![family];
            message.resize(header & !3, 0);
            for (kind, value) in attributes {
                nla::push(&mut message, kind, &value);
            }
            let _ = read(Netns(1), kind, 0, &message);
            let _ = (read_answer(true, &message), read_answer(false, &message));
        }
    }
}
