//! Things by what people call them, looked up in what was learned.

use super::{FlowPattern, Member, Place, Selection, Tag};
use crate::host::Host;
use crate::tables::Tables;
use crate::topology::{Domains, Key, Link, LinkKind, Node, NodeKind, Topology};
use crate::{MacAddr, PointId, View};
use std::collections::BTreeSet;
use std::net::IpAddr;

impl Selection {
    /// Adds every point of a name; by its label, its number, or its description. Says whether there is one.
    pub fn add_point(&mut self, tables: &Tables, name: &str) -> bool {
        let points = tables.points.iter().enumerate().map(|(index, point)| (PointId(index as u32), point));
        let is_called = |(id, point): &(PointId, &crate::tables::Point)| {
            point.label(*id) == name || point.info.description.as_deref() == Some(name) || id.0.to_string() == name
        };
        self.add_places(points.filter(is_called).map(|(point, _)| Place { point, tag: Tag::Any }))
    }

    /// Adds every link of a name; by its name, such as `tap0 VLAN 10`, or its identifier in `show --format json`. Says whether there is one
    /// that a point listens on.
    pub fn add_link(&mut self, topology: &Topology, name: &str) -> bool {
        let links = topology.links().filter(|link| link.kind != LinkKind::Beyond);
        let named = links.filter(|link| link.name.as_str() == name || link.key.to_string() == name);
        self.add_places(named.filter_map(place))
    }

    /// Adds every node of a name, address or link-layer address; an address that no node has stands for itself. Says whether there is one.
    pub fn add_node(&mut self, view: &View, name: &str) -> bool {
        let (ip, mac) = (name.parse::<IpAddr>().ok(), name.parse::<MacAddr>().ok());
        let is_called = |node: &&Node| {
            node.kind != NodeKind::Outside
                && (node.name.as_ref().is_some_and(|own| own.as_str() == name)
                    || node.key.to_string() == name
                    || ip.is_some_and(|ip| node.addresses.iter().any(|address| address.ip == ip))
                    || mac.is_some_and(|mac| node.macs.contains(&mac)))
        };
        let keys: Vec<Key> = view.topology.nodes().filter(is_called).map(|node| node.key).collect();
        for &key in &keys {
            self.add(view, key);
        }
        match (keys.is_empty(), ip, mac) {
            (false, ..) => true,
            (true, None, None) => false,
            (true, ..) => {
                self.add_address(ip, mac);
                true
            }
        }
    }

    /// Adds an address and a link-layer address as they stand, whoever has them.
    pub fn add_address(&mut self, ip: Option<IpAddr>, mac: Option<MacAddr>) {
        self.nodes.push(Member { macs: mac.into_iter().collect(), ips: ip.into_iter().collect(), points: None, is_unique: true });
    }

    /// Adds a node or link of the picture. A bridge is all that passes its ports. Says whether frames of it can be told from others: not,
    /// where no point listens, and of what lies beyond a router.
    pub fn add(&mut self, view: &View, key: Key) -> bool {
        if let Some(link) = view.topology.links().find(|link| link.key == key) {
            return self.add_places(place(link));
        }
        let Some(node) = view.topology.nodes().find(|node| node.key == key) else { return false };
        match node.kind {
            NodeKind::Bridge => {
                let ports = view.topology.attachments().filter(|(node, ..)| node.key == key);
                self.add_places(ports.filter_map(|(_, link, _)| Some(Place { point: link.point?, tag: Tag::Any })))
            }
            NodeKind::Outside => false,
            NodeKind::Host | NodeKind::Router | NodeKind::Guest | NodeKind::Local | NodeKind::Stack | NodeKind::Program => {
                let member = member(view, node);
                let has_any = !member.macs.is_empty() || !member.ips.is_empty();
                if has_any {
                    self.nodes.push(member);
                }
                has_any
            }
        }
    }

    /// Adds a flow by its place in [`Tables::flows`], from 0. Says whether there is one.
    pub fn add_flow(&mut self, tables: &Tables, index: usize) -> bool {
        let flow = tables.flows.get(index);
        self.flows.extend(flow.map(FlowPattern::from));
        flow.is_some()
    }

    /// Adds the sightings of a journey by its number. Says whether it is known.
    pub fn add_journey(&mut self, tables: &Tables, id: u64) -> bool {
        let Some(journey) = tables.journey(id) else { return false };
        self.frames.get_or_insert_default().extend(journey.sightings.iter().map(|seen| seen.frame));
        true
    }

    fn add_places(&mut self, places: impl IntoIterator<Item = Place>) -> bool {
        let places: Vec<Place> = places.into_iter().collect();
        self.places.extend_from_slice(&places);
        self.places.sort_unstable();
        self.places.dedup();
        !places.is_empty()
    }
}

/// Where a link's frames are seen.
fn place(link: &Link) -> Option<Place> {
    Some(Place { point: link.point?, tag: link.vlan.map_or(Tag::None, Tag::Vlan) })
}

/// A node by all addresses that it has; those of a guest also where it was not seen.
fn member(view: &View, node: &Node) -> Member {
    let mut macs: BTreeSet<MacAddr> = node.macs.iter().copied().collect();
    macs.extend(cards(&view.tables.host, node));
    let ips: BTreeSet<IpAddr> = node.addresses.iter().map(|address| address.ip).collect();
    let others = view.topology.nodes().filter(|other| other.key != node.key);
    let is_unique = !others.flat_map(|other| &other.addresses).any(|address| ips.contains(&address.ip));
    Member { macs, ips, points: Some(around(view, node)), is_unique }
}

fn cards(host: &Host, node: &Node) -> Vec<MacAddr> {
    let Some(crate::topology::Configured::Guest(pid)) = node.host else { return Vec::new() };
    let guest = host.guest(pid);
    guest.map_or_else(Vec::new, |guest| guest.nics.iter().filter_map(|nic| nic.mac).collect())
}

/// The points of the layer-2 domains that a node is attached to.
fn around(view: &View, node: &Node) -> BTreeSet<PointId> {
    let domains = Domains::of(&view.tables);
    let attached = view.topology.attachments().filter(|(other, ..)| other.key == node.key);
    let own: BTreeSet<PointId> = attached.filter_map(|(_, link, _)| link.point).map(|point| domains.of_point(point)).collect();
    let all = (0..view.tables.points.len() as u32).map(PointId);
    all.filter(|point| own.contains(&domains.of_point(*point))).collect()
}
