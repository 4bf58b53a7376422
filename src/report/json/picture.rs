//! The topology, and what is wrong in it.

use super::Shown;
use super::flow::Counters;
use serde::Serialize;
use std::net::IpAddr;
use tapscope_graph::evidence::Evidence;
use tapscope_graph::topology::{self, Key, Topology, Vertex};
use tapscope_graph::{MacAddr, Text, finding};

#[derive(Serialize)]
pub(super) struct Node<'a> {
    id: Shown<Key>,
    kind: &'static str,
    name: Option<Shown<&'a Text>>,
    addresses: Vec<Address>,
    router: Vec<&'static str>,
    remotes: &'a [IpAddr],
    remote_count: u64,
}

#[derive(Serialize)]
pub(super) struct Address {
    ip: IpAddr,
    learned: Vec<&'static str>,
    conflicts: Vec<Shown<MacAddr>>,
    evidence: Seen,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_length: Option<u8>,
}

impl Node<'_> {
    pub(super) fn of(vertex: &Vertex) -> Option<Node<'_>> {
        let Vertex::Node(node) = vertex else { return None };
        let address = |address: &topology::Address| Address {
            ip: address.ip,
            learned: address.learned.iter().map(|learned| learned.name()).collect(),
            conflicts: address.conflicts.iter().copied().map(Shown).collect(),
            evidence: Seen::of(&address.evidence),
            prefix_length: address.device.map(|(_, length)| length),
        };
        Some(Node {
            id: Shown(node.key),
            kind: node.kind.name(),
            name: node.name.as_ref().map(Shown),
            addresses: node.addresses.iter().map(address).collect(),
            router: node.router.iter().map(|reason| reason.name()).collect(),
            remotes: &node.remotes,
            remote_count: node.remote_count,
        })
    }
}

/// Which frames show it.
#[derive(Serialize)]
pub(super) struct Seen {
    first: u64,
    last: u64,
    packets: u64,
}

impl Seen {
    pub(super) fn of(evidence: &Evidence) -> Seen {
        Seen { first: evidence.first.0, last: evidence.last.0, packets: evidence.count }
    }
}

#[derive(Serialize)]
pub(super) struct Link<'a> {
    id: Shown<Key>,
    kind: &'static str,
    point: Option<u32>,
    vlan: Option<u16>,
    name: Shown<&'a Text>,
    /// The key of the row in `host.cables`, of links of kind `cable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cable: Option<Shown<&'a Text>>,
    state: Shown<topology::LinkState>,
    packets: u64,
    octets: u64,
}

impl Link<'_> {
    pub(super) fn of(vertex: &Vertex) -> Option<Link<'_>> {
        let Vertex::Link(link) = vertex else { return None };
        Some(Link {
            id: Shown(link.key),
            kind: link.kind.name(),
            point: link.point.map(|point| point.0),
            vlan: link.vlan,
            name: Shown(&link.name),
            cable: link.cable.as_ref().map(Shown),
            state: Shown(link.state),
            packets: link.counters.packets,
            octets: link.counters.octets,
        })
    }
}

#[derive(Serialize)]
pub(super) struct Interface {
    node: Shown<Key>,
    link: Shown<Key>,
    mac: Option<Shown<MacAddr>>,
    vlan: Option<u16>,
    sent: Counters,
    received: Counters,
    seen: bool,
    configured: bool,
}

pub(super) fn interfaces(topology: &Topology) -> impl Iterator<Item = Interface> {
    topology.attachments().map(|(node, link, interface)| Interface {
        node: Shown(node.key),
        link: Shown(link.key),
        mac: interface.mac.map(Shown),
        vlan: interface.vlan,
        sent: interface.sent.into(),
        received: interface.received.into(),
        seen: interface.is_seen,
        configured: interface.is_configured,
    })
}

#[derive(Serialize)]
pub(super) struct Finding<'a> {
    code: &'static str,
    severity: &'static str,
    text: &'a str,
    about: Option<Shown<Key>>,
    point: Option<u32>,
    packets: Vec<u64>,
    count: u64,
}

impl Finding<'_> {
    pub(super) fn of(finding: &finding::Finding) -> Finding<'_> {
        Finding {
            code: finding.kind.code(),
            severity: finding.severity.name(),
            text: &finding.text,
            about: finding.about.map(Shown),
            point: finding.point.map(|point| point.0),
            packets: finding.frames.iter().map(|frame| frame.0).collect(),
            count: finding.count,
        }
    }
}
