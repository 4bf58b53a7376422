//! The rows of each table.

use super::cell::Cell;
use crate::report::protocol;
use anyhow::Result;
use tapscope_graph::fact::ArpOperation;
use tapscope_graph::host::{DeviceId, Host};
use tapscope_graph::tables::{Side, Tables};
use tapscope_graph::{PointId, View};

type Take<'a> = &'a mut dyn FnMut(Vec<Cell>) -> Result<()>;

pub const HOSTS: [&str; 9] =
    ["name", "kind", "addresses", "macs", "links", "sent_packets", "sent_octets", "received_packets", "received_octets"];

pub fn hosts(view: &View, take: Take<'_>) -> Result<()> {
    for node in view.topology.nodes() {
        let (mut links, mut sent, mut received) = (Vec::new(), (0, 0), (0, 0));
        for (_, link, interface) in view.topology.attachments().filter(|(other, ..)| other.key == node.key) {
            links.push(link.name.clone());
            sent = (sent.0 + interface.sent.packets, sent.1 + interface.sent.octets);
            received = (received.0 + interface.received.packets, received.1 + interface.received.octets);
        }
        take(vec![
            Cell::Text(node.title()),
            Cell::text(node.kind.name()),
            Cell::list(node.addresses.iter().map(|address| address.ip)),
            Cell::list(&node.macs),
            Cell::List(links.iter().map(ToString::to_string).collect()),
            Cell::count(sent.0),
            Cell::count(sent.1),
            Cell::count(received.0),
            Cell::count(received.1),
        ])?;
    }
    Ok(())
}

pub const FLOWS: [&str; 15] = [
    "number",
    "protocol",
    "initiator",
    "initiator_port",
    "responder",
    "responder_port",
    "packets",
    "octets",
    "packets_back",
    "octets_back",
    "first",
    "last",
    "tcp",
    "rtt_ns",
    "points",
];

pub fn flows(view: &View, take: Take<'_>) -> Result<()> {
    for (number, flow) in view.tables.flows.iter().enumerate() {
        let ((from, there), (to, back)) = match flow.initiator {
            Side::A => ((flow.a(), flow.a_to_b), (flow.b(), flow.b_to_a)),
            Side::B => ((flow.b(), flow.b_to_a), (flow.a(), flow.a_to_b)),
        };
        take(vec![
            Cell::count(number),
            Cell::Text(protocol(flow.protocol)),
            Cell::text(from.ip),
            from.port.map_or(Cell::None, Cell::count),
            Cell::text(to.ip),
            to.port.map_or(Cell::None, Cell::count),
            Cell::count(there.packets),
            Cell::count(there.octets),
            Cell::count(back.packets),
            Cell::count(back.octets),
            Cell::time(flow.first_at),
            Cell::time(flow.last_at),
            Cell::maybe(flow.tcp.map(tapscope_graph::tables::TcpState::name)),
            flow.rtt_ns.map_or(Cell::None, Cell::count),
            Cell::list(flow.points.iter().map(|(point, ..)| label(&view.tables, *point))),
        ])?;
    }
    Ok(())
}

pub const ARP: [&str; 9] = ["point", "vlan", "operation", "sender_mac", "sender_ip", "target_ip", "packets", "first", "last"];

pub fn arp(view: &View, take: Take<'_>) -> Result<()> {
    for row in &view.tables.arp {
        take(vec![
            Cell::Text(label(&view.tables, row.point)),
            row.vlan.map_or(Cell::None, Cell::count),
            Cell::text(match row.arp.operation {
                ArpOperation::Request => "request",
                ArpOperation::Reply => "reply",
            }),
            Cell::text(row.arp.sender_mac),
            Cell::text(row.arp.sender_ip),
            Cell::text(row.arp.target_ip),
            Cell::count(row.evidence.count),
            Cell::time(row.evidence.first_at),
            Cell::time(row.evidence.last_at),
        ])?;
    }
    Ok(())
}

pub const DHCP: [&str; 13] = [
    "point",
    "vlan",
    "transaction",
    "client_mac",
    "hostname",
    "state",
    "messages",
    "requested",
    "offered",
    "acknowledged",
    "servers",
    "routers",
    "lease_seconds",
];

pub fn dhcp(view: &View, take: Take<'_>) -> Result<()> {
    for row in &view.tables.dhcp {
        take(vec![
            Cell::Text(label(&view.tables, row.point)),
            row.vlan.map_or(Cell::None, Cell::count),
            Cell::text(format!("{:#010x}", row.xid)),
            Cell::maybe(row.client_mac),
            Cell::maybe(row.hostnames.last()),
            Cell::text(row.state()),
            Cell::list(row.messages.iter().filter(|message| !message.repeated).map(|message| message.name())),
            Cell::list(&row.requested),
            Cell::list(&row.offered),
            Cell::list(&row.acked),
            Cell::list(&row.servers),
            Cell::list(&row.routers),
            Cell::list(&row.lease_seconds),
        ])?;
    }
    Ok(())
}

pub const ECHOES: [&str; 10] =
    ["point", "time", "source", "destination", "identifier", "sequence", "packet", "reply_packet", "rtt_ns", "journey"];

pub fn echoes(view: &View, take: Take<'_>) -> Result<()> {
    for row in &view.tables.echoes {
        take(vec![
            Cell::Text(label(&view.tables, row.point)),
            Cell::time(row.at),
            Cell::text(row.source),
            Cell::text(row.destination),
            Cell::count(row.identifier),
            Cell::count(row.sequence),
            Cell::count(row.frame.0),
            row.reply.map_or(Cell::None, |(frame, _)| Cell::count(frame.0)),
            row.reply.map_or(Cell::None, |(_, at)| Cell::count(at.since(row.at))),
            row.journey.map_or(Cell::None, Cell::count),
        ])?;
    }
    Ok(())
}

pub const DEVICES: [&str; 13] = [
    "namespace",
    "name",
    "kind",
    "mac",
    "mtu",
    "up",
    "carrier",
    "master",
    "port_state",
    "addresses",
    "guest",
    "received_packets",
    "sent_packets",
];

pub fn devices(view: &View, take: Take<'_>) -> Result<()> {
    let host = &view.tables.host;
    for device in host.devices() {
        let addresses = host.addresses().filter(|address| address.device == device.id);
        take(vec![
            namespace(host, device.id),
            Cell::text(&device.name),
            Cell::text(device.kind.name()),
            Cell::maybe(device.mac),
            Cell::count(device.mtu),
            Cell::Flag(device.is_up),
            Cell::Flag(device.has_carrier),
            Cell::maybe(device.master.and_then(|master| host.device(master)).map(|master| &master.name)),
            Cell::maybe(device.port.as_ref().map(|port| port.state.name())),
            Cell::list(addresses.map(|address| format!("{}/{}", address.ip, address.length))),
            Cell::maybe(host.guest_behind(device.id).and_then(|(guest, _)| guest.name.clone())),
            Cell::count(device.counters.received_packets),
            Cell::count(device.counters.sent_packets),
        ])?;
    }
    Ok(())
}

pub const NEIGHBOURS: [&str; 6] = ["namespace", "device", "address", "mac", "state", "router"];

pub fn neighbours(view: &View, take: Take<'_>) -> Result<()> {
    let host = &view.tables.host;
    for row in host.neighbors() {
        take(vec![
            namespace(host, row.device),
            Cell::maybe(host.device(row.device).map(|device| &device.name)),
            Cell::text(row.ip),
            Cell::maybe(row.mac),
            Cell::text(row.state.name()),
            Cell::Flag(row.is_router),
        ])?;
    }
    Ok(())
}

fn label(tables: &Tables, point: PointId) -> String {
    tables.points.get(point.0 as usize).map_or_else(|| point.0.to_string(), |row| row.label(point))
}

/// A namespace by its name; none for the one that was captured from.
fn namespace(host: &Host, device: DeviceId) -> Cell {
    Cell::maybe(host.namespace(device.netns).and_then(|namespace| namespace.name.clone()))
}
