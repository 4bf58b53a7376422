//! Who is on which link, and which links are rails or hang on one.

use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use tapscope_graph::View;
use tapscope_graph::host::{Device, DeviceKind};
use tapscope_graph::topology::{Key, Link, LinkKind, Node, NodeKind, Vertex};

/// A link with everybody on it. A device's VLANs are on the device.
pub(super) struct Segment<'a> {
    /// What it is known by.
    pub key: Key,
    pub link: &'a Link,
    /// Bridges, and what is a rail like one; sorted.
    pub bridges: SmallVec<[Key; 1]>,
    /// Everybody else but this host, by key.
    pub others: SmallVec<[&'a Node; 2]>,
    /// Whether this host is on it.
    pub has_spine: bool,
    /// The VLAN of what comes untagged from a port, where its bridge keeps VLANs apart.
    pub vlan: Option<u16>,
    /// Its bridge, or itself where it is a segment of several; none for a link that is just a wire.
    pub rail: Option<Key>,
}

/// What there is, from one look at everything.
pub(super) struct Census<'a> {
    /// Links by what they are known by, with their places in the graph.
    links: Vec<(Key, usize, &'a Link)>,
    /// Nodes that are neither guests nor stations: there are few.
    pub few: Vec<&'a Node>,
    /// Guests without a network card.
    pub cardless: Vec<&'a Node>,
    /// This host.
    pub spine: Option<&'a Node>,
}

impl<'a> Census<'a> {
    pub fn of(view: &'a View) -> Census<'a> {
        let graph = &view.topology.graph;
        let mut census = Census { links: Vec::new(), few: Vec::new(), cardless: Vec::new(), spine: None };
        for place in graph.node_indices() {
            match &graph[place] {
                Vertex::Link(link) => census.links.push((base(view, link), place.index(), link)),
                Vertex::Node(node) => match node.kind {
                    NodeKind::Guest if graph.neighbors(place).next().is_none() => census.cardless.push(node),
                    NodeKind::Guest | NodeKind::Host | NodeKind::Router => {}
                    _ => census.few.push(node),
                },
            }
        }
        census.links.sort_unstable_by_key(|(key, place, _)| (*key, *place));
        census.spine = census.few.iter().copied().filter(|node| crate::things::is_own(view, node)).min_by_key(|node| node.key);
        census
    }

    /// Whether there is such a node; not for guests and stations.
    pub fn has(&self, kind: NodeKind) -> bool {
        self.few.iter().any(|node| node.kind == kind)
    }

    /// Bridges, in the order of the graph.
    pub fn bridges(&self) -> impl Iterator<Item = &'a Node> {
        self.few.iter().copied().filter(|node| node.kind == NodeKind::Bridge)
    }
}

/// Every link with who is on it, sorted by key. What is gone from the host is not shown.
pub(super) fn segments<'a>(view: &'a View, census: &Census<'a>) -> Vec<Segment<'a>> {
    let (graph, links) = (&view.topology.graph, &census.links);
    let mut segments: Vec<Segment<'_>> = Vec::with_capacity(links.len());
    // Which one a link belongs to, by its place in the graph.
    let mut of = vec![usize::MAX; graph.node_count()];
    for same in links.chunk_by(|(a, ..), (b, ..)| a == b) {
        let mut here = same.iter().filter(|(.., link)| !crate::things::is_gone(view, link));
        let Some(&(key, _, first)) = here.next() else { continue };
        let link = here.rfind(|(.., link)| link.vlan.is_none()).map_or(first, |(.., link)| *link);
        same.iter().for_each(|(_, place, _)| of[*place] = segments.len());
        segments.push(Segment { key, link, bridges: SmallVec::new(), others: SmallVec::new(), has_spine: false, vlan: None, rail: None });
    }
    let joints = if census.has(NodeKind::Program) { joints(view) } else { BTreeSet::new() };
    let spine = census.spine.map(|node| node.key);
    for (node, place) in attachments(view) {
        let Some(segment) = segments.get_mut(of[place]) else { continue };
        if node.kind == NodeKind::Bridge || joints.contains(&node.key) {
            segment.bridges.push(node.key);
        } else if Some(node.key) == spine {
            segment.has_spine = true;
        } else {
            segment.others.push(node);
        }
    }
    let keeps_apart = |device: &Device| matches!(&device.kind, DeviceKind::Bridge(settings) if settings.vlan_filtering);
    let has_vlans = view.tables.host.devices().any(keeps_apart);
    for segment in &mut segments {
        segment.bridges.sort_unstable();
        segment.bridges.dedup();
        segment.others.sort_unstable_by_key(|node| node.key);
        segment.others.dedup_by_key(|node| node.key);
        segment.rail = rail(segment);
        if has_vlans {
            segment.vlan = vlan(view, segment.link);
        }
    }
    segments
}

/// What a link is known by.
fn base(view: &View, link: &Link) -> Key {
    let host = &view.tables.host;
    match (link.key, link.cable.as_ref().and_then(|key| host.cable(key))) {
        (Key::Link(..), Some(cable)) => Key::Cable(host.cable_number(cable)),
        (Key::Link(point, Some(_)), None) if link.device.is_some() => Key::Link(point, None),
        (key, _) => key,
    }
}

/// Who is attached, and the place of the link in the graph.
fn attachments(view: &View) -> impl Iterator<Item = (&Node, usize)> {
    let graph = &view.topology.graph;
    graph.raw_edges().iter().filter_map(|edge| match (&graph[edge.source()], &graph[edge.target()]) {
        (Vertex::Node(node), Vertex::Link(_)) => Some((node, edge.target().index())),
        (Vertex::Link(_), Vertex::Node(node)) => Some((node, edge.source().index())),
        _ => None,
    })
}

/// Programs that join several: each is a rail like a bridge.
fn joints(view: &View) -> BTreeSet<Key> {
    let programs = || view.topology.attachments().filter(|(node, ..)| node.kind == NodeKind::Program);
    let joined: BTreeSet<Key> = programs().map(|(_, link, _)| base(view, link)).collect();
    let mut on: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for (node, link, _) in view.topology.attachments() {
        let key = base(view, link);
        if joined.contains(&key) {
            on.entry(key).or_default().insert(node.key);
        }
    }
    let mut peers: BTreeMap<Key, usize> = BTreeMap::new();
    for (node, link, _) in programs() {
        *peers.entry(node.key).or_default() += on.get(&base(view, link)).map_or(0, |nodes| nodes.len() - 1);
    }
    peers.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key).collect()
}

fn rail(segment: &Segment<'_>) -> Option<Key> {
    let is_recorded = segment.link.kind == LinkKind::Point && segment.link.device.is_none();
    let has_stations = || segment.others.iter().any(|node| matches!(node.kind, NodeKind::Host | NodeKind::Router));
    match segment.bridges.first() {
        _ if !segment.link.kind.is_local() => None,
        Some(&bridge) => Some(bridge),
        None if is_recorded || segment.others.len() > 2 || has_stations() => Some(segment.key),
        None => None,
    }
}

/// The VLAN of what comes untagged from a port, where its bridge keeps VLANs apart.
fn vlan(view: &View, link: &Link) -> Option<u16> {
    let device = view.tables.host.device(link.device?)?;
    let bridge = view.tables.host.device(device.master?)?;
    matches!(&bridge.kind, DeviceKind::Bridge(settings) if settings.vlan_filtering).then(|| device.port.as_ref()?.pvid()).flatten()
}
