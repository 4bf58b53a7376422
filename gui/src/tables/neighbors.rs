//! The host's neighbours: whose link-layer address it knows, asks for, or asked for in vain.

use super::{Cell, Column, Rows, Tone, column};
use crate::session::Shown;
use crate::things;
use crate::window::Selection;
use std::collections::BTreeMap;
use tapscope_graph::MacAddr;
use tapscope_graph::display_filter::{Field, Protocol, Value};
use tapscope_graph::host::{HostNeighbor, NeighborState};
use tapscope_graph::topology::Key;

pub struct Neighbors<'a> {
    shown: &'a Shown,
    rows: Vec<&'a HostNeighbor>,
    owners: BTreeMap<MacAddr, Key>,
}

const COLUMNS: &[Column] =
    &[column("address", 220.0), column("MAC", 140.0), column("device", 110.0), column("namespace", 110.0), column("state", 110.0)];

impl<'a> Neighbors<'a> {
    pub fn of(shown: &'a Shown) -> Neighbors<'a> {
        let nodes = shown.view.topology.nodes();
        let owners = nodes.flat_map(|node| node.macs.iter().map(|mac| (*mac, node.key))).collect();
        Neighbors { shown, rows: shown.view.tables.host.neighbors().collect(), owners }
    }
}

/// How a neighbour's state reads: failed is bad, confirmed is good.
pub(crate) fn tone(state: NeighborState) -> Tone {
    match state {
        NeighborState::Failed | NeighborState::Incomplete => Tone::Bad,
        NeighborState::Reachable | NeighborState::Permanent => Tone::Good,
        NeighborState::Stale | NeighborState::Delay | NeighborState::Probe | NeighborState::NoArp | NeighborState::None => Tone::Weak,
    }
}

impl Rows for Neighbors<'_> {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let neighbor = self.rows[row];
        match column {
            0 => Cell::text(neighbor.ip.to_string()),
            1 => Cell::text(neighbor.mac.map_or_else(String::new, |mac| mac.to_string())).tone(Tone::Weak),
            2 => Cell::text(things::device_name(&self.shown.view, neighbor.device)),
            3 => Cell::text(things::namespace_name(&self.shown.view, neighbor.device.netns)).tone(Tone::Weak),
            _ => Cell::text(neighbor.state.name()).tone(tone(neighbor.state)),
        }
    }

    fn selection(&self, row: usize) -> Option<Selection> {
        self.owners.get(&self.rows[row].mac?).map(|key| Selection::Thing(*key))
    }

    fn empty(&self) -> &'static str {
        "no neighbour is known: the host said none, or this is a capture"
    }

    fn any(&self, row: usize, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let neighbor = self.rows[row];
        match field {
            Field::IpAddr => test(Value::Ip(neighbor.ip)),
            Field::EthAddr => neighbor.mac.is_some_and(|mac| test(Value::Mac(mac))),
            Field::Interface => test(Value::Text(&things::device_name(&self.shown.view, neighbor.device))),
            Field::State => test(Value::Text(neighbor.state.name())),
            _ => false,
        }
    }

    fn has(&self, row: usize, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Arp => self.rows[row].ip.is_ipv4(),
            Protocol::Nd => self.rows[row].ip.is_ipv6(),
            _ => false,
        }
    }
}
