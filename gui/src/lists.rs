//! Who is in which of the lists at the left: looked up once for each view, because each list looks at everybody.

use crate::digest::Map;
use crate::things;
use tapscope_graph::View;
use tapscope_graph::topology::{Configured, Key, Link, LinkKind, Node, NodeKind, Vertex};

/// Places in the graph, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    /// Guests, and behind them what is left of those that ended.
    pub guests: Vec<u32>,
    /// Network namespaces, the host's own first.
    pub locals: Vec<u32>,
    /// Bridges and bonds of the host.
    pub bridges: Vec<u32>,
    /// What joins guests without a device.
    pub cables: Vec<u32>,
    /// Stations that are no guests.
    pub stations: Vec<u32>,
}

impl Lists {
    /// Of a view; `is_stopped` says what is left of guests that ended.
    pub fn of(view: &View, is_stopped: impl Fn(Key) -> bool) -> Lists {
        // Whether nothing that a node was seen at is there any more.
        let mut gone: Map<Key, bool> = Map::default();
        if !view.tables.host.is_empty() {
            for (node, link, _) in view.topology.attachments() {
                let is_gone = things::is_gone(view, link);
                gone.entry(node.key).and_modify(|all| *all &= is_gone).or_insert(is_gone);
            }
        }
        let mut lists = Lists::default();
        let mut stopped = Vec::new();
        for (place, vertex) in (0_u32..).zip(view.topology.graph.node_weights()) {
            match vertex {
                Vertex::Link(link) if link.kind == LinkKind::Cable => lists.cables.push(place),
                Vertex::Link(_) => {}
                Vertex::Node(node) => {
                    if node.kind == NodeKind::Bridge && matches!(node.host, Some(Configured::Device(_))) {
                        lists.bridges.push(place);
                    }
                    if gone.get(&node.key).is_some_and(|is_gone| *is_gone) {
                        continue;
                    }
                    match node.kind {
                        _ if is_stopped(node.key) => stopped.push(place),
                        NodeKind::Guest => lists.guests.push(place),
                        NodeKind::Local => lists.locals.push(place),
                        NodeKind::Host | NodeKind::Router => lists.stations.push(place),
                        _ => {}
                    }
                }
            }
        }
        lists.guests.extend(stopped);
        let mut locals: Vec<(bool, Key, u32)> =
            nodes(view, &lists.locals).zip(&lists.locals).map(|(node, place)| (!things::is_own(view, node), node.key, *place)).collect();
        locals.sort_unstable();
        lists.locals = locals.into_iter().map(|(.., place)| place).collect();
        lists
    }
}

/// The nodes at these places.
pub(crate) fn nodes<'a>(view: &'a View, places: &[u32]) -> impl Iterator<Item = &'a Node> {
    places.iter().filter_map(|place| match view.topology.graph.node_weight((*place).into())? {
        Vertex::Node(node) => Some(node),
        Vertex::Link(_) => None,
    })
}

/// The links at these places.
pub(crate) fn links<'a>(view: &'a View, places: &[u32]) -> impl Iterator<Item = &'a Link> {
    places.iter().filter_map(|place| match view.topology.graph.node_weight((*place).into())? {
        Vertex::Link(link) => Some(link),
        Vertex::Node(_) => None,
    })
}
