//! Schema `tapscope.show/1`: one JSON object.
//!
//! Rows are made while they are written: a million flows need no second copy. Members may be added; those that are here keep their
//! names and meanings.

use super::host::{HostReport, PointReport};
use crate::show::Reading;
use anyhow::Result;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::net::IpAddr;
use tapscope_capture::file::FileFacts;
use tapscope_graph::evidence::Evidence;
use tapscope_graph::fact::ArpOperation;
use tapscope_graph::tables::{self, Learned, Tables};
use tapscope_graph::topology::{self, Key, Topology, Vertex};
use tapscope_graph::{MacAddr, PointId, PointInfo, Text, View, finding};

/// Writes the object and a line feed.
pub fn write(out: &mut impl Write, reading: &Reading) -> Result<()> {
    let View { tables, topology, findings } = &reading.view;
    let mut serializer = serde_json::Serializer::new(&mut *out);
    let mut object = serializer.serialize_map(None)?;
    object.serialize_entry("schema", "tapscope.show/1")?;
    object.serialize_entry("files", &Rows(|| reading.files.iter().map(|facts| File::of(facts, tables))))?;
    if let Some(host) = HostReport::of(tables) {
        object.serialize_entry("points", &Rows(|| tables.points.iter().enumerate().map(|(index, row)| PointReport::of(index, row))))?;
        object.serialize_entry("host", &host)?;
    }
    object.serialize_entry("macs", &Rows(|| macs(tables)))?;
    object.serialize_entry("bindings", &Rows(|| bindings(tables)))?;
    object.serialize_entry("arp", &Rows(|| arp(tables)))?;
    object.serialize_entry("dhcp", &Rows(|| tables.dhcp.iter().map(Dhcp::of)))?;
    object.serialize_entry("dhcp6", &Rows(|| tables.dhcp6.iter().map(Dhcp6::of)))?;
    object.serialize_entry("echoes", &Rows(|| tables.echoes.iter().map(Echo::of)))?;
    object.serialize_entry("flows", &Rows(|| tables.flows.iter().map(Flow::of)))?;
    object.serialize_entry("nodes", &Rows(|| topology.graph.node_weights().filter_map(Node::of)))?;
    object.serialize_entry("links", &Rows(|| topology.graph.node_weights().filter_map(Link::of)))?;
    object.serialize_entry("interfaces", &Rows(|| interfaces(topology)))?;
    object.serialize_entry("findings", &Rows(|| findings.iter().map(Finding::of)))?;
    object.serialize_entry("resolutions", &Rows(|| tables.resolutions.iter().map(Resolution::of)))?;
    // A journey of one sighting says no more than its frame does.
    object.serialize_entry("journeys", &Rows(|| tables.journeys.iter().filter(|journey| journey.sightings.len() > 1).map(Journey::of)))?;
    object.serialize_entry("names", &Rows(|| tables.names.iter().map(Name::of)))?;
    object.serialize_entry("routers", &Rows(|| tables.routers.iter().map(Router::of)))?;
    object.serialize_entry("icmp_errors", &Rows(|| tables.icmp_errors.iter().map(IcmpError::of)))?;
    object.serialize_entry("lldp", &Rows(|| tables.lldp.iter().map(Lldp::of)))?;
    object.serialize_entry("stp", &Rows(|| tables.stp.iter().map(Stp::of)))?;
    object.serialize_entry("tunnels", &Rows(|| tables.tunnels.iter().map(Tunnel::of)))?;
    object.serialize_entry("crossings", &Rows(|| tables.crossings.iter().map(Crossing::of)))?;
    object.serialize_entry("dropped", &Dropped::of(&tables.dropped))?;
    object.end()?;
    out.write_all(b"\n")?;
    Ok(())
}

/// A sequence whose items are made while it is written.
struct Rows<F>(F);

impl<F: Fn() -> I, I: IntoIterator<Item: Serialize>> Serialize for Rows<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Anything by its text.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

fn shown<T: Display>(list: &[T]) -> Vec<Shown<&T>> {
    list.iter().map(Shown).collect()
}

#[derive(Serialize)]
struct File<'a> {
    path: Shown<Text>,
    format: &'static str,
    gzip: bool,
    packets: u64,
    octets: u64,
    captured_octets: u64,
    truncated_packets: u64,
    first: Option<Shown<tapscope_capture::file::Stamp>>,
    last: Option<Shown<tapscope_capture::file::Stamp>>,
    incomplete: Option<&'a str>,
    points: Vec<Point>,
}

impl File<'_> {
    fn of<'a>(facts: &'a FileFacts, tables: &'a Tables) -> File<'a> {
        File {
            path: Shown(Text::path(&facts.path)),
            format: facts.format.name(),
            gzip: facts.is_gzip,
            packets: facts.packets,
            octets: facts.octets,
            captured_octets: facts.captured_octets,
            truncated_packets: facts.truncated_packets,
            first: facts.first.map(Shown),
            last: facts.last.map(Shown),
            incomplete: facts.incomplete.as_deref(),
            points: facts.points.iter().map(|(id, info)| Point::of(*id, info, tables)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Point {
    id: u32,
    name: Option<String>,
    description: Option<String>,
    link_type: String,
    link_type_number: u32,
    snap_length: u32,
    packets: u64,
    octets: u64,
    lost: u64,
    offloaded: u64,
    not_decoded: BTreeMap<String, u64>,
}

impl Point {
    fn of(id: PointId, info: &PointInfo, tables: &Tables) -> Point {
        let point = tables.points.get(id.0 as usize).cloned().unwrap_or_default();
        let text = |text: &Option<String>| text.as_ref().map(|text| Text::new(text).to_string());
        Point {
            id: id.0,
            name: text(&info.name),
            description: text(&info.description),
            link_type: info.link_type.name().map_or_else(|| info.link_type.0.to_string(), str::to_owned),
            link_type_number: info.link_type.0,
            snap_length: info.snap_length,
            packets: point.counters.packets,
            octets: point.counters.octets,
            lost: point.lost,
            offloaded: point.offloaded,
            not_decoded: point.stops.iter().map(|(stop, count)| (stop.to_string(), *count)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Mac {
    mac: Shown<MacAddr>,
    group: bool,
    sent: u64,
    received: u64,
}

/// Summed over points and VLANs: the file's view.
fn macs(tables: &Tables) -> Vec<Mac> {
    let mut sums: BTreeMap<MacAddr, (u64, u64)> = BTreeMap::new();
    for station in &tables.stations {
        let sum = sums.entry(station.mac).or_default();
        sum.0 += station.sent.packets;
        sum.1 += station.received.packets;
    }
    sums.into_iter().map(|(mac, (sent, received))| Mac { mac: Shown(mac), group: mac.is_group(), sent, received }).collect()
}

#[derive(Serialize)]
struct Binding {
    mac: Shown<MacAddr>,
    ip: IpAddr,
    learned: &'static str,
    packets: u64,
}

fn bindings(tables: &Tables) -> Vec<Binding> {
    let mut sums: BTreeMap<(MacAddr, IpAddr, Learned), u64> = BTreeMap::new();
    for binding in &tables.bindings {
        *sums.entry((binding.mac, binding.ip, binding.learned)).or_default() += binding.evidence.count;
    }
    let row = |((mac, ip, learned), packets): ((_, _, Learned), _)| Binding { mac: Shown(mac), ip, learned: learned.name(), packets };
    sums.into_iter().map(row).collect()
}

#[derive(Serialize)]
struct Arp {
    operation: &'static str,
    sender_mac: Shown<MacAddr>,
    sender_ip: IpAddr,
    target_ip: IpAddr,
    packets: u64,
}

fn arp(tables: &Tables) -> Vec<Arp> {
    let mut sums: BTreeMap<_, u64> = BTreeMap::new();
    for row in &tables.arp {
        let arp = &row.arp;
        *sums.entry((arp.sender_ip, arp.target_ip, arp.sender_mac, arp.operation)).or_default() += row.evidence.count;
    }
    sums.into_iter()
        .map(|((sender, target, mac, operation), packets)| Arp {
            operation: match operation {
                ArpOperation::Request => "request",
                ArpOperation::Reply => "reply",
            },
            sender_mac: Shown(mac),
            sender_ip: sender.into(),
            target_ip: target.into(),
            packets,
        })
        .collect()
}

#[derive(Serialize)]
struct Dhcp<'a> {
    xid: String,
    client_mac: Option<Shown<MacAddr>>,
    state: String,
    messages: Vec<String>,
    packets: Vec<u64>,
    more_messages: u64,
    offered: &'a [std::net::Ipv4Addr],
    acked: &'a [std::net::Ipv4Addr],
    requested: &'a [std::net::Ipv4Addr],
    servers: &'a [std::net::Ipv4Addr],
    lease_seconds: &'a [u32],
    routers: &'a [std::net::Ipv4Addr],
    dns: &'a [std::net::Ipv4Addr],
    subnet_masks: &'a [std::net::Ipv4Addr],
    domains: Vec<Shown<&'a Text>>,
    hostnames: Vec<Shown<&'a Text>>,
    vendor_classes: Vec<Shown<&'a Text>>,
    relays: &'a [std::net::Ipv4Addr],
    messages_text: Vec<Shown<&'a Text>>,
    option82: bool,
}

impl Dhcp<'_> {
    fn of(transaction: &tables::DhcpTransaction) -> Dhcp<'_> {
        Dhcp {
            xid: format!("{:#010x}", transaction.xid),
            client_mac: transaction.client_mac.map(Shown),
            state: transaction.state().to_string(),
            messages: transaction.messages.iter().map(tables::DhcpMessage::name).collect(),
            packets: transaction.messages.iter().map(|message| message.frame.0).collect(),
            more_messages: transaction.more_messages,
            offered: &transaction.offered,
            acked: &transaction.acked,
            requested: &transaction.requested,
            servers: &transaction.servers,
            lease_seconds: &transaction.lease_seconds,
            routers: &transaction.routers,
            dns: &transaction.dns,
            subnet_masks: &transaction.subnet_masks,
            domains: shown(&transaction.domains),
            hostnames: shown(&transaction.hostnames),
            vendor_classes: shown(&transaction.vendor_classes),
            relays: &transaction.relays,
            messages_text: shown(&transaction.texts),
            option82: transaction.option82,
        }
    }
}

#[derive(Serialize)]
struct Dhcp6<'a> {
    xid: String,
    client_id: Option<Shown<&'a Text>>,
    client_mac: Option<Shown<MacAddr>>,
    message_types: Vec<u8>,
    packets: Vec<u64>,
    servers: Vec<Shown<&'a Text>>,
    addresses: Vec<std::net::Ipv6Addr>,
    prefixes: Vec<String>,
    hostnames: Vec<Shown<&'a Text>>,
}

impl Dhcp6<'_> {
    fn of(transaction: &tables::Dhcp6Transaction) -> Dhcp6<'_> {
        Dhcp6 {
            xid: format!("{:#08x}", transaction.xid),
            client_id: transaction.client_id.as_ref().map(Shown),
            client_mac: transaction.client_mac.map(Shown),
            message_types: transaction.messages.iter().map(|message| message.0).collect(),
            packets: transaction.messages.iter().map(|message| message.1.0).collect(),
            servers: shown(&transaction.servers),
            addresses: transaction.addresses.iter().map(|address| address.0).collect(),
            prefixes: transaction.prefixes.iter().map(|(prefix, length)| format!("{prefix}/{length}")).collect(),
            hostnames: shown(&transaction.hostnames),
        }
    }
}

#[derive(Serialize)]
struct Echo {
    point: u32,
    src: IpAddr,
    dst: IpAddr,
    id: u16,
    seq: u16,
    packet: u64,
    reply_packet: Option<u64>,
    rtt_ns: Option<i64>,
    icmp_error: Option<u32>,
    journey: Option<u64>,
}

impl Echo {
    fn of(echo: &tables::EchoRow) -> Echo {
        Echo {
            point: echo.point.0,
            src: echo.source,
            dst: echo.destination,
            id: echo.identifier,
            seq: echo.sequence,
            packet: echo.frame.0,
            reply_packet: echo.reply.map(|(frame, _)| frame.0),
            rtt_ns: echo.reply.map(|(_, at)| at.since(echo.at)),
            icmp_error: echo.error,
            journey: echo.journey,
        }
    }
}

#[derive(Serialize)]
struct Endpoint {
    ip: IpAddr,
    port: Option<u16>,
}

impl From<tables::Endpoint> for Endpoint {
    fn from(endpoint: tables::Endpoint) -> Endpoint {
        Endpoint { ip: endpoint.ip, port: endpoint.port }
    }
}

#[derive(Serialize)]
struct Counters {
    packets: u64,
    octets: u64,
}

impl From<tables::Counters> for Counters {
    fn from(counters: tables::Counters) -> Counters {
        Counters { packets: counters.packets, octets: counters.octets }
    }
}

#[derive(Serialize)]
struct Flow {
    protocol: u8,
    a: Endpoint,
    b: Endpoint,
    initiator: &'static str,
    a_to_b: Counters,
    b_to_a: Counters,
    /// Nanoseconds since 1970.
    first_ns: i64,
    /// Nanoseconds since 1970.
    last_ns: i64,
    tcp: Option<&'static str>,
    rtt_ns: Option<i64>,
    points: Vec<u32>,
}

impl Flow {
    fn of(flow: &tables::Flow) -> Flow {
        Flow {
            protocol: flow.protocol,
            a: flow.a().into(),
            b: flow.b().into(),
            initiator: match flow.initiator {
                tables::Side::A => "a",
                tables::Side::B => "b",
            },
            a_to_b: flow.a_to_b.into(),
            b_to_a: flow.b_to_a.into(),
            first_ns: flow.first_at.0,
            last_ns: flow.last_at.0,
            tcp: flow.tcp.map(tables::TcpState::name),
            rtt_ns: flow.rtt_ns,
            points: flow.points.iter().map(|(point, _, _)| point.0).collect(),
        }
    }
}

#[derive(Serialize)]
struct Node<'a> {
    id: Shown<Key>,
    kind: &'static str,
    name: Option<Shown<&'a Text>>,
    addresses: Vec<Address>,
    router: Vec<&'static str>,
    remotes: &'a [IpAddr],
    remote_count: u64,
}

#[derive(Serialize)]
struct Address {
    ip: IpAddr,
    learned: Vec<&'static str>,
    conflicts: Vec<Shown<MacAddr>>,
    evidence: Seen,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_length: Option<u8>,
}

impl Node<'_> {
    fn of(vertex: &Vertex) -> Option<Node<'_>> {
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
struct Seen {
    first: u64,
    last: u64,
    packets: u64,
}

impl Seen {
    fn of(evidence: &Evidence) -> Seen {
        Seen { first: evidence.first.0, last: evidence.last.0, packets: evidence.count }
    }
}

#[derive(Serialize)]
struct Link<'a> {
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
    fn of(vertex: &Vertex) -> Option<Link<'_>> {
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
struct Interface {
    node: Shown<Key>,
    link: Shown<Key>,
    mac: Option<Shown<MacAddr>>,
    vlan: Option<u16>,
    sent: Counters,
    received: Counters,
    seen: bool,
    configured: bool,
}

fn interfaces(topology: &Topology) -> impl Iterator<Item = Interface> {
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
struct Finding<'a> {
    code: &'static str,
    severity: &'static str,
    text: &'a str,
    about: Option<Shown<Key>>,
    point: Option<u32>,
    packets: Vec<u64>,
    count: u64,
}

impl Finding<'_> {
    fn of(finding: &finding::Finding) -> Finding<'_> {
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

#[derive(Serialize)]
struct Resolution {
    point: u32,
    vlan: Option<u16>,
    asker_mac: Shown<MacAddr>,
    asker_ip: IpAddr,
    target: IpAddr,
    asked: Seen,
    unanswered: u64,
    answers: Vec<Answer>,
}

#[derive(Serialize)]
struct Answer {
    mac: Shown<MacAddr>,
    evidence: Seen,
}

impl Resolution {
    fn of(row: &tables::Resolution) -> Resolution {
        Resolution {
            point: row.point.0,
            vlan: row.vlan,
            asker_mac: Shown(row.asker_mac),
            asker_ip: row.asker_ip,
            target: row.target,
            asked: Seen::of(&row.asked),
            unanswered: row.open,
            answers: row.answers.iter().map(|(mac, evidence)| Answer { mac: Shown(*mac), evidence: Seen::of(evidence) }).collect(),
        }
    }
}

#[derive(Serialize)]
struct Journey {
    id: u64,
    kind: &'static str,
    sightings: Vec<Sighting>,
}

#[derive(Serialize)]
struct Sighting {
    point: u32,
    /// Nanoseconds since 1970.
    at_ns: i64,
    packet: u64,
}

impl Journey {
    fn of(journey: &tables::Journey) -> Journey {
        let sighting = |seen: &tables::Sighting| Sighting { point: seen.point.0, at_ns: seen.at.0, packet: seen.frame.0 };
        Journey { id: journey.id, kind: journey.kind.name(), sightings: journey.sightings.iter().map(sighting).collect() }
    }
}

#[derive(Serialize)]
struct Name<'a> {
    ip: IpAddr,
    name: Shown<&'a Text>,
    by: &'static str,
    mac: Option<Shown<MacAddr>>,
    packets: u64,
}

impl Name<'_> {
    fn of(row: &tables::NameRow) -> Name<'_> {
        Name { ip: row.ip, name: Shown(&row.name), by: row.by.name(), mac: row.mac.map(Shown), packets: row.evidence.count }
    }
}

#[derive(Serialize)]
struct Router {
    point: u32,
    mac: Option<Shown<MacAddr>>,
    ip: Option<IpAddr>,
    reason: &'static str,
    prefixes: Vec<String>,
    packets: u64,
}

impl Router {
    fn of(row: &tables::RouterRow) -> Router {
        Router {
            point: row.point.0,
            mac: row.mac.map(Shown),
            ip: row.ip,
            reason: row.reason.name(),
            prefixes: row.prefixes.iter().map(|prefix| format!("{}/{}", prefix.prefix, prefix.length)).collect(),
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
struct IcmpError {
    point: u32,
    reporter: IpAddr,
    to: IpAddr,
    version: u8,
    #[serde(rename = "type")]
    kind: u8,
    code: u8,
    mtu: Option<u32>,
    gateway: Option<IpAddr>,
    quoted_src: Option<IpAddr>,
    quoted_dst: Option<IpAddr>,
    quoted_protocol: Option<u8>,
    packets: u64,
}

impl IcmpError {
    fn of(row: &tables::IcmpErrorRow) -> IcmpError {
        let error = &row.error;
        IcmpError {
            point: row.point.0,
            reporter: error.reporter,
            to: error.to,
            version: if error.is_v6 { 6 } else { 4 },
            kind: error.kind,
            code: error.code,
            mtu: error.mtu,
            gateway: error.gateway,
            quoted_src: error.quoted.map(|quoted| quoted.source),
            quoted_dst: error.quoted.map(|quoted| quoted.destination),
            quoted_protocol: error.quoted.map(|quoted| quoted.protocol),
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
struct Lldp<'a> {
    point: u32,
    source: Shown<MacAddr>,
    chassis: Option<Shown<&'a Text>>,
    port: Option<Shown<&'a Text>>,
    system_name: Option<Shown<&'a Text>>,
    port_vlan: Option<u16>,
    packets: u64,
}

impl Lldp<'_> {
    fn of(row: &tables::LldpRow) -> Lldp<'_> {
        Lldp {
            point: row.point.0,
            source: Shown(row.source),
            chassis: row.lldp.chassis.as_ref().map(Shown),
            port: row.lldp.port.as_ref().map(Shown),
            system_name: row.lldp.system_name.as_ref().map(Shown),
            port_vlan: row.lldp.port_vlan,
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
struct Stp {
    point: u32,
    source: Shown<MacAddr>,
    version: u8,
    root: String,
    root_path_cost: u32,
    bridge: String,
    port: u16,
    changes: u64,
    packets: u64,
}

impl Stp {
    fn of(row: &tables::StpRow) -> Stp {
        Stp {
            point: row.point.0,
            source: Shown(row.source),
            version: row.stp.version,
            root: format!("{}/{}", row.stp.root.0, row.stp.root.1),
            root_path_cost: row.stp.root_path_cost,
            bridge: format!("{}/{}", row.stp.bridge.0, row.stp.bridge.1),
            port: row.stp.port,
            changes: row.changes,
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
struct Tunnel {
    point: u32,
    kind: Shown<tapscope_graph::decode::Tunnel>,
    src: IpAddr,
    dst: IpAddr,
    inner: Vec<[IpAddr; 2]>,
    packets: u64,
}

impl Tunnel {
    fn of(row: &tables::TunnelRow) -> Tunnel {
        Tunnel {
            point: row.point.0,
            kind: Shown(row.tunnel),
            src: row.outer.0,
            dst: row.outer.1,
            inner: row.inner.iter().map(|&(source, destination)| [source, destination]).collect(),
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
struct Crossing {
    from: u32,
    to: u32,
    bridged: bool,
    shortest_ns: i64,
    packets: u64,
}

impl Crossing {
    fn of(row: &tables::Crossing) -> Crossing {
        Crossing { from: row.from.0, to: row.to.0, bridged: row.is_bridged, shortest_ns: row.shortest_ns, packets: row.evidence.count }
    }
}

#[derive(Serialize)]
struct Dropped {
    flows: u64,
    stations: u64,
    echoes: u64,
    journeys: u64,
    transactions: u64,
    rows: u64,
    frames: u64,
}

impl Dropped {
    fn of(dropped: &tables::Dropped) -> Dropped {
        let &tables::Dropped { flows, stations, echoes, journeys, transactions, rows, frames } = dropped;
        Dropped { flows, stations, echoes, journeys, transactions, rows, frames }
    }
}
