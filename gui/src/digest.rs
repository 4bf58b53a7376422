//! What the frames of one snapshot share: looked up once, not in each frame.

use crate::lists::Lists;
use crate::seen::Seen;
use crate::session::Shown;
use crate::things;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tapscope_graph::host::DeviceId;
use tapscope_graph::topology::{Interface, Key, Link, LinkKind, Node, NodeKind, Vertex};
use tapscope_graph::{MacAddr, PointId, Timestamp, View};

/// Keys are of what guests say they are: the hash is another one in each run, so that nobody can choose them to be alike.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Finds a view's things, and tells their rates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digest {
    view: Arc<View>,
    /// The moment that rates are told of.
    pub now: Timestamp,
    /// Places in the graph.
    vertices: Map<Key, u32>,
    interfaces: Map<(Key, Key), u32>,
    /// How each attachment looks, by its place in the graph.
    seen: Vec<Seen>,
    /// The lowest VLAN of a node at a point.
    tagged: Map<(Key, PointId), (u16, u32)>,
    /// The first link that somebody is attached to.
    first_link: Map<Key, Key>,
    /// Octets per second of each node, sent and received together.
    rates: Map<Key, u32>,
    /// Who is in which list.
    pub lists: Lists,
    /// Guests that ended, by the stations that are left of them, with the moment.
    pub stopped: BTreeMap<Key, Timestamp>,
    /// The ports of each bridge, by index.
    ports: Map<DeviceId, Vec<DeviceId>>,
    /// The links that devices are.
    devices: Map<DeviceId, Key>,
    /// Guests through whose link a station with another address sends.
    strangers: Map<Key, MacAddr>,
}

/// Whole seconds: rates are told of the last one.
fn second(at: Timestamp) -> i64 {
    at.parts().0
}

impl Digest {
    /// Of what is shown.
    pub fn of(shown: &Shown) -> Digest {
        let view = shown.view.clone();
        let (graph, now) = (&view.topology.graph, shown.now());
        let mut digest = Digest { now, ..Digest::default() };
        digest.stopped = things::stopped(&view).into_iter().map(|(key, row)| (key, row.at)).collect();
        for index in graph.node_indices() {
            let key = match &graph[index] {
                Vertex::Node(node) => node.key,
                Vertex::Link(link) => link.key,
            };
            digest.vertices.insert(key, index.index() as u32);
        }
        // A node may have several addresses on a link: the busiest tells its rate.
        let busy = |interface: &Interface| interface.sent.packets + interface.received.packets;
        let mut guests: Map<Key, Key> = Map::default();
        for (edge, (node, link, interface)) in (0_u32..).zip(view.topology.attachments()) {
            let known = digest.interfaces.entry((node.key, link.key)).or_insert(edge);
            if graph.edge_weight((*known).into()).is_some_and(|known| busy(known) < busy(interface)) {
                *known = edge;
            }
            if let Key::Link(point, Some(vlan)) = link.key {
                let lowest = digest.tagged.entry((node.key, point)).or_insert((vlan, edge));
                *lowest = (*lowest).min((vlan, edge));
            }
            digest.first_link.entry(node.key).or_insert(link.key);
            let seen = Seen::of(&view, link.key, Some(link), Some(interface), now);
            digest.seen.push(seen);
            let rate = digest.rates.entry(node.key).or_default();
            *rate = rate.saturating_add(seen.octets);
            if node.kind == NodeKind::Guest && link.kind != LinkKind::Cable {
                guests.insert(link.key, node.key);
            }
        }
        for (node, link, interface) in view.topology.attachments() {
            let is_stranger = matches!(node.kind, NodeKind::Host | NodeKind::Router) && interface.is_seen;
            if let (true, Some(&guest), Some(mac)) = (is_stranger, guests.get(&link.key), interface.mac) {
                digest.strangers.entry(guest).or_insert(mac);
            }
        }
        for device in view.tables.host.devices().filter(|device| device.port.is_some()) {
            if let Some(bridge) = device.master {
                digest.ports.entry(bridge).or_default().push(device.id);
            }
        }
        digest.devices = view.topology.links().filter_map(|link| Some((link.device?, link.key))).collect();
        digest.lists = Lists::of(&view, |key| digest.stopped.contains_key(&key));
        digest.view = view;
        digest
    }

    /// Whether it is of what is shown.
    pub fn is_of(&self, shown: &Shown) -> bool {
        Arc::ptr_eq(&self.view, &shown.view) && second(self.now) == second(shown.now())
    }

    /// Whether the host says what there is.
    pub fn is_told(&self) -> bool {
        !self.view.tables.host.is_empty()
    }

    fn vertex(&self, key: Key) -> Option<&Vertex> {
        self.view.topology.graph.node_weight((*self.vertices.get(&key)?).into())
    }

    /// A node.
    pub fn node(&self, key: Key) -> Option<&Node> {
        match self.vertex(key)? {
            Vertex::Node(node) => Some(node),
            Vertex::Link(_) => None,
        }
    }

    /// A link.
    pub fn link(&self, key: Key) -> Option<&Link> {
        match self.vertex(key)? {
            Vertex::Link(link) => Some(link),
            Vertex::Node(_) => None,
        }
    }

    /// An attachment's place; of a device's VLANs the one that is there.
    fn edge(&self, node: Key, link: Key) -> Option<u32> {
        let tagged = || match link {
            Key::Link(point, None) => self.tagged.get(&(node, point)).map(|(_, edge)| *edge),
            _ => None,
        };
        self.interfaces.get(&(node, link)).copied().or_else(tagged)
    }

    /// An attachment; of a device's VLANs the one that is there.
    pub fn interface(&self, node: Key, link: Key) -> Option<&Interface> {
        self.view.topology.graph.edge_weight(self.edge(node, link)?.into())
    }

    /// How an attachment looks; where it is none any more, how its link looks.
    pub fn seen(&self, node: Key, link: Key) -> Seen {
        let seen = self.edge(node, link).and_then(|edge| self.seen.get(edge as usize)).copied();
        seen.unwrap_or_else(|| Seen::of(&self.view, link, self.link(link), None, self.now))
    }

    /// The first link that a node is attached to.
    pub fn first_link(&self, node: Key) -> Option<&Link> {
        self.link(*self.first_link.get(&node)?)
    }

    /// The ports of a bridge, by index.
    pub fn ports(&self, bridge: DeviceId) -> &[DeviceId] {
        self.ports.get(&bridge).map_or(&[], Vec::as_slice)
    }

    /// The link that a device is.
    pub fn link_of(&self, device: DeviceId) -> Option<Key> {
        self.devices.get(&device).copied()
    }

    /// Octets per second of a node.
    pub fn rate(&self, node: Key) -> u32 {
        self.rates.get(&node).copied().unwrap_or(0)
    }

    /// Who else sends through a guest's link.
    pub fn stranger(&self, guest: Key) -> Option<MacAddr> {
        self.strangers.get(&guest).copied()
    }
}
