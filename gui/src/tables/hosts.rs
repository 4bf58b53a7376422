//! Guests, this host, its namespaces, other stations and routers, with their addresses and where they are attached.

use super::{Cell, Column, Rows, column};
use crate::names::Names;
use crate::session::Shown;
use crate::subject::NodeSubject;
use crate::window::Selection;
use crate::{format, things};
use std::collections::BTreeMap;
use tapscope_graph::View;
use tapscope_graph::display_filter::{Field, Protocol, Subject, Value};
use tapscope_graph::tables::Counters;
use tapscope_graph::topology::{Key, Node, NodeKind};

pub struct Hosts<'a> {
    view: &'a View,
    names: &'a Names,
    nodes: Vec<&'a Node>,
    /// Where a node is attached, and its traffic.
    attached: BTreeMap<Key, (String, Counters, Counters)>,
}

const COLUMNS: &[Column] = &[
    column("host", 160.0),
    column("kind", 70.0),
    column("addresses", 260.0),
    column("MAC", 140.0),
    column("attached at", 120.0),
    column("sent", 80.0),
    column("received", 80.0),
];

fn is_host(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Host | NodeKind::Router | NodeKind::Guest | NodeKind::Local | NodeKind::Stack | NodeKind::Program)
}

pub fn count(view: &View) -> usize {
    view.topology.nodes().filter(|node| is_host(node)).count()
}

impl<'a> Hosts<'a> {
    pub fn of(shown: &'a Shown, names: &'a Names) -> Hosts<'a> {
        let mut attached: BTreeMap<Key, (String, Counters, Counters)> = BTreeMap::new();
        for (node, link, interface) in shown.view.topology.attachments().filter(|(node, ..)| is_host(node)) {
            let row = attached.entry(node.key).or_default();
            if interface.mac.is_some() || row.0.is_empty() {
                row.0 = if row.0.is_empty() { link.name.to_string() } else { format!("{}, {}", row.0, link.name) };
            }
            row.1.merge(interface.sent);
            row.2.merge(interface.received);
        }
        Hosts { view: &shown.view, names, nodes: shown.view.topology.nodes().filter(|node| is_host(node)).collect(), attached }
    }
}

impl Rows for Hosts<'_> {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn len(&self) -> usize {
        self.nodes.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let node = self.nodes[row];
        let (link, sent, received) = self.attached.get(&node.key).cloned().unwrap_or_default();
        match column {
            0 => Cell::text(self.names.title(node)),
            1 => Cell::text(node.kind.name()),
            2 => {
                let addresses: Vec<String> = node.addresses.iter().take(6).map(things::with_length).collect();
                Cell::text(addresses.join(", "))
            }
            3 => match node.key {
                Key::Station(_, mac) => Cell::text(mac.to_string()),
                _ => Cell::text(node.macs.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            },
            4 => Cell::text(link),
            5 => Cell::number(format::octets(sent.octets), sent.octets),
            _ => Cell::number(format::octets(received.octets), received.octets),
        }
    }

    fn selection(&self, row: usize) -> Option<Selection> {
        Some(Selection::Thing(self.nodes[row].key))
    }

    fn empty(&self) -> &'static str {
        "nobody was seen yet"
    }

    fn any(&self, row: usize, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        NodeSubject { view: self.view, node: self.nodes[row] }.any(field, test)
    }

    fn has(&self, row: usize, protocol: Protocol) -> bool {
        NodeSubject { view: self.view, node: self.nodes[row] }.has(protocol)
    }
}
