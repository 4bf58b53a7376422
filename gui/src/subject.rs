//! What a display filter is asked of besides packets: nodes and links of the picture, flows and echoes.

use crate::things;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use tapscope_graph::display_filter::{DisplayFilter, Field, Protocol, Subject, Value};
use tapscope_graph::tables::{EchoRow, Flow, Side};
use tapscope_graph::topology::{Key, Link, Node};
use tapscope_graph::{PointId, Text, View};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Rows that are asked whether their ends pass a filter: enough to find who is meant, and no slow frame.
const ROWS: usize = 20_000;

/// The nodes and links that pass a filter: those that have what it asks for, and those that a flow or an echo belongs to that has.
pub(crate) fn matching(view: &View, filter: &DisplayFilter) -> BTreeSet<Key> {
    let names = &Names::of(view);
    let mut ends: BTreeSet<IpAddr> = BTreeSet::new();
    for flow in view.tables.flows.iter().rev().take(ROWS).filter(|flow| filter.matches(&FlowSubject { view, flow, names })) {
        ends.extend([flow.a().ip, flow.b().ip]);
    }
    for echo in view.tables.echoes.iter().rev().take(ROWS).filter(|echo| filter.matches(&EchoSubject { view, echo, names, state: "" })) {
        ends.extend([echo.source, echo.destination]);
    }
    let mut keys: BTreeSet<Key> = BTreeSet::new();
    for node in view.topology.nodes() {
        if node.addresses.iter().any(|address| ends.contains(&address.ip)) || filter.matches(&NodeSubject { view, node }) {
            keys.insert(node.key);
        }
    }
    let links = view.topology.links().filter(|link| filter.matches(&LinkSubject(link))).map(|link| link.key);
    let mut links: BTreeSet<Key> = links.collect();
    for (node, link, _) in view.topology.attachments() {
        if keys.contains(&node.key) {
            links.insert(link.key);
        }
    }
    keys.extend(links);
    keys
}

/// A node of the picture.
pub(crate) struct NodeSubject<'a> {
    pub view: &'a View,
    pub node: &'a Node,
}

impl Subject for NodeSubject<'_> {
    fn any(&self, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let node = self.node;
        match field {
            Field::IpAddr | Field::IpSource | Field::IpDestination => {
                let remotes = node.remotes.iter().copied();
                node.addresses.iter().map(|address| address.ip).chain(remotes).any(|ip| test(Value::Ip(ip)))
            }
            Field::EthAddr | Field::EthSource | Field::EthDestination => {
                let cards = things::guest(self.view, node).into_iter().flat_map(|guest| &guest.nics).filter_map(|nic| nic.mac);
                let station = match node.key {
                    Key::Station(_, mac) => Some(mac),
                    _ => None,
                };
                node.macs.iter().copied().chain(cards).chain(station).any(|mac| test(Value::Mac(mac)))
            }
            Field::Name => test(Value::Text(&crate::format::title(node))),
            Field::Interface => {
                let mut attached = self.view.topology.attachments().filter(|(other, ..)| other.key == node.key);
                attached.any(|(_, link, _)| test(Value::Text(link.name.as_str())))
            }
            Field::Info => test(Value::Text(node.kind.name())),
            _ => false,
        }
    }

    /// A node speaks whatever its addresses speak; the rest is known of its flows.
    fn has(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Ip => self.node.addresses.iter().any(|address| address.ip.is_ipv4()),
            Protocol::Ip6 => self.node.addresses.iter().any(|address| address.ip.is_ipv6()),
            _ => false,
        }
    }
}

/// A link of the picture.
pub(crate) struct LinkSubject<'a>(pub &'a Link);

impl Subject for LinkSubject<'_> {
    fn any(&self, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        match field {
            Field::Interface | Field::Name => test(Value::Text(self.0.name.as_str())),
            Field::Vlan => self.0.vlan.is_some_and(|vid| test(Value::Number(vid.into()))),
            Field::State => test(Value::Text(&self.0.state.to_string())),
            _ => false,
        }
    }

    fn has(&self, protocol: Protocol) -> bool {
        protocol == Protocol::Vlan && self.0.vlan.is_some()
    }
}

/// A flow.
pub(crate) struct FlowSubject<'a> {
    pub view: &'a View,
    pub flow: &'a Flow,
    pub names: &'a Names<'a>,
}

impl Subject for FlowSubject<'_> {
    fn any(&self, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let flow = self.flow;
        let (from, to) = match flow.initiator {
            Side::A => (flow.a(), flow.b()),
            Side::B => (flow.b(), flow.a()),
        };
        let mut port = |ports: [Option<u16>; 2]| ports.into_iter().flatten().any(|port| test(Value::Number(port.into())));
        match field {
            Field::IpAddr => test(Value::Ip(from.ip)) || test(Value::Ip(to.ip)),
            Field::IpSource => test(Value::Ip(from.ip)),
            Field::IpDestination => test(Value::Ip(to.ip)),
            Field::Port => port([from.port, to.port]),
            Field::PortSource => port([from.port, None]),
            Field::PortDestination => port([to.port, None]),
            Field::TcpPort => flow.protocol == TCP && port([from.port, to.port]),
            Field::UdpPort => flow.protocol == UDP && port([from.port, to.port]),
            Field::Interface => flow.points.iter().any(|(id, ..)| test_point(self.view, *id, test)),
            Field::State => flow.tcp.is_some_and(|state| test(Value::Text(state.name()))),
            Field::Name => [from.ip, to.ip].into_iter().any(|ip| self.names.any(ip, test)),
            Field::Info => test(Value::Text(&crate::format::protocol(flow.protocol))),
            _ => false,
        }
    }

    fn has(&self, protocol: Protocol) -> bool {
        let flow = self.flow;
        let is_port = |known: [u16; 2]| flow.ports.is_some_and(|(a, b)| known.contains(&a) || known.contains(&b));
        match protocol {
            Protocol::Ip => flow.a().ip.is_ipv4(),
            Protocol::Ip6 => flow.a().ip.is_ipv6(),
            Protocol::Icmp => flow.protocol == 1,
            Protocol::Icmp6 => flow.protocol == 58,
            Protocol::Igmp => flow.protocol == 2,
            Protocol::Tcp => flow.protocol == TCP,
            Protocol::Udp => flow.protocol == UDP,
            Protocol::Sctp => flow.protocol == 132,
            Protocol::Dhcp => flow.protocol == UDP && is_port([67, 68]),
            Protocol::Dhcp6 => flow.protocol == UDP && is_port([546, 547]),
            Protocol::Dns => matches!(flow.protocol, TCP | UDP) && is_port([53, 5353]),
            _ => false,
        }
    }
}

/// An echo request, with what became of it.
pub(crate) struct EchoSubject<'a> {
    pub view: &'a View,
    pub echo: &'a EchoRow,
    pub names: &'a Names<'a>,
    /// `answered`, `refused`, `lost`, `waits`.
    pub state: &'a str,
}

impl Subject for EchoSubject<'_> {
    fn any(&self, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let echo = self.echo;
        match field {
            Field::IpAddr => test(Value::Ip(echo.source)) || test(Value::Ip(echo.destination)),
            Field::IpSource => test(Value::Ip(echo.source)),
            Field::IpDestination => test(Value::Ip(echo.destination)),
            Field::FrameNumber => test(Value::Number(echo.frame.0)),
            Field::State => test(Value::Text(self.state)),
            Field::Interface => {
                let journeys = [echo.journey, echo.reply_journey].into_iter().flatten().filter_map(|id| self.view.tables.journey(id));
                let mut points: Vec<PointId> = journeys.flat_map(|journey| &journey.sightings).map(|seen| seen.point).collect();
                points.push(echo.point);
                points.into_iter().any(|id| test_point(self.view, id, test))
            }
            Field::Name => [echo.source, echo.destination].into_iter().any(|ip| self.names.any(ip, test)),
            Field::Info => test(Value::Text("echo")),
            _ => false,
        }
    }

    fn has(&self, protocol: Protocol) -> bool {
        let is_v6 = self.echo.source.is_ipv6();
        match protocol {
            Protocol::Icmp | Protocol::Ip => !is_v6,
            Protocol::Icmp6 | Protocol::Ip6 => is_v6,
            _ => false,
        }
    }
}

pub(crate) fn test_point(view: &View, id: PointId, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
    view.tables.points.get(id.0 as usize).is_some_and(|point| test(Value::Text(&point.label(id))))
}

/// The names that addresses go by.
#[derive(Default)]
pub(crate) struct Names<'a>(BTreeMap<IpAddr, Vec<&'a Text>>);

impl<'a> Names<'a> {
    /// Looks them up, once for all rows.
    pub fn of(view: &'a View) -> Names<'a> {
        let mut names: BTreeMap<IpAddr, Vec<&Text>> = BTreeMap::new();
        for node in view.topology.nodes() {
            let Some(name) = &node.name else { continue };
            for address in &node.addresses {
                names.entry(address.ip).or_default().push(name);
            }
        }
        Names(names)
    }

    pub fn any(&self, ip: IpAddr, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        self.0.get(&ip).into_iter().flatten().any(|name| test(Value::Text(name.as_str())))
    }
}
