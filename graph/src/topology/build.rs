//! Who is attached to what.

use super::cable::twins;
use super::configured::{Known, Wiring, drop_on_link, merge_addresses, neighbors, state};
use super::domain::Domains;
use super::owner::{Owned, StationKey, is_host_address, owners};
use super::{Interface, Key, Link, LinkKind, LinkState, Node, NodeKind, Topology, Vertex};
use crate::fact::NameSource;
use crate::host::{DeviceId, Netns};
use crate::tables::{Counters, Station, Tables};
use crate::{MacAddr, PointId, Text};
use petgraph::graph::{EdgeIndex, NodeIndex, UnGraph};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The most nodes that are drawn by address at one point without link-layer addresses.
const ADDRESSES: usize = 256;

/// Where a station is attached, in one VLAN.
type Attachment<'a> = (Option<u16>, &'a Station);

impl Topology {
    /// The picture of what is known.
    pub fn build(tables: &Tables) -> Topology {
        let domains = Domains::of(tables);
        let mut picture = Picture { names: names(tables), wiring: Wiring::of(tables), comings: comings(tables), ..Picture::default() };
        for (index, _) in tables.points.iter().enumerate() {
            picture.link(tables, PointId(index as u32), None);
        }
        let mut known = picture.configure(tables, &domains);
        let mut stations: BTreeMap<StationKey, BTreeMap<Option<u16>, Vec<&Station>>> = BTreeMap::new();
        for station in tables.stations.iter().filter(|station| station.mac.is_station()) {
            let vlans = stations.entry((domains.of_point(station.point), station.mac)).or_default();
            vlans.entry(station.vlan).or_default().push(station);
        }
        let mut owned = owners(tables, &domains);
        picture.foreign_stacks(tables, &domains, &owned, &mut known);
        for (key, addresses) in neighbors(tables, &domains) {
            // Guests that keep silent are known to the host all the same.
            if known.contains_key(&key) {
                stations.entry(key).or_default();
            }
            if stations.contains_key(&key) {
                merge_addresses(&mut owned.entry(key).or_default().addresses, addresses);
            }
        }
        for (&key, vlans) in &stations {
            let owned = owned.remove(&key).unwrap_or_default();
            if let Some(known) = known.get(&key) {
                picture.known_station(tables, key, known, vlans, owned);
                continue;
            }
            let attachments = vlans.iter().filter_map(|(&vlan, seen)| Some((vlan, picture.attachment(seen)?))).collect();
            picture.station(tables, key, attachments, owned);
        }
        picture.addresses(tables);
        picture.bridges(tables, &domains);
        Topology { graph: picture.graph }
    }
}

/// Where frames to stations that never sent any came in: they are attached elsewhere.
fn comings(tables: &Tables) -> BTreeSet<(PointId, Option<u16>, MacAddr)> {
    let place = |station: &Station| (station.point, station.vlan, station.mac);
    let silent: BTreeSet<_> = tables.stations.iter().filter(|station| station.sent.packets == 0).map(place).collect();
    if silent.is_empty() {
        return silent;
    }
    let entered: BTreeSet<_> = tables.stations.iter().filter(|station| station.inbound > station.outbound).map(place).collect();
    let flows = tables.mac_flows.iter().filter(|flow| flow.source.is_some_and(|source| entered.contains(&(flow.point, flow.vlan, source))));
    flows.filter_map(|flow| Some((flow.point, flow.vlan, flow.destination?))).filter(|to| silent.contains(to)).collect()
}

/// Names for addresses and stations: the station's own word first.
#[derive(Default)]
struct Names {
    by_ip: BTreeMap<IpAddr, (u8, Text)>,
    by_mac: BTreeMap<MacAddr, (u8, Text)>,
}

fn names(tables: &Tables) -> Names {
    let mut names = Names { by_ip: BTreeMap::new(), by_mac: BTreeMap::new() };
    let better = |slot: Option<&(u8, Text)>, rank: u8| slot.is_none_or(|(known, _)| rank < *known);
    for row in &tables.names {
        let rank = match row.by {
            NameSource::Dhcp => 0,
            NameSource::Mdns => 1,
            NameSource::Lldp => 2,
            NameSource::Dns => 3,
        };
        if better(names.by_ip.get(&row.ip), rank) {
            names.by_ip.insert(row.ip, (rank, row.name.clone()));
        }
        if let Some(mac) = row.mac.filter(|mac| better(names.by_mac.get(mac), rank)) {
            names.by_mac.insert(mac, (rank, row.name.clone()));
        }
    }
    for row in &tables.lldp {
        if let Some(name) = row.lldp.system_name.as_ref().filter(|_| better(names.by_mac.get(&row.source), 2)) {
            names.by_mac.insert(row.source, (2, name.clone()));
        }
    }
    names
}

/// The graph while it is drawn.
#[derive(Default)]
pub(super) struct Picture {
    pub graph: UnGraph<Vertex, Interface>,
    links: BTreeMap<(PointId, Option<u16>), NodeIndex>,
    names: Names,
    pub wiring: Wiring,
    /// Links of devices that no point listens on.
    pub devices: BTreeMap<DeviceId, NodeIndex>,
    /// Bridges and the like.
    pub joints: BTreeMap<DeviceId, NodeIndex>,
    /// Guests, by process.
    pub guests: BTreeMap<u32, NodeIndex>,
    /// Programs at the ends of cables, by process.
    pub programs: BTreeMap<u32, NodeIndex>,
    /// The host itself, per namespace.
    pub locals: BTreeMap<Netns, NodeIndex>,
    /// Interfaces that the host says.
    pub edges: BTreeMap<(NodeIndex, NodeIndex, Option<MacAddr>), EdgeIndex>,
    /// See [`comings`].
    comings: BTreeSet<(PointId, Option<u16>, MacAddr)>,
}

impl Interface {
    /// Where frames show a station.
    fn seen(mac: MacAddr, vlan: Option<u16>, station: &Station) -> Interface {
        let Station { sent, received, series, .. } = station;
        Interface { mac: Some(mac), vlan, sent: *sent, received: *received, series: series.clone(), is_seen: true, is_configured: false }
    }
}

impl Node {
    /// A node of which nothing else is known.
    pub(super) fn new(key: Key, kind: NodeKind) -> Node {
        Node {
            key,
            kind,
            name: None,
            addresses: Vec::new(),
            router: Vec::new(),
            remotes: Vec::new(),
            remote_count: 0,
            macs: Vec::new(),
            host: None,
        }
    }
}

impl Picture {
    /// Where one station is attached, of all points of its domain that saw it: where the interface receives from it rather than sends on for
    /// it, if every point that heard it tells; then where its journeys begin, where it sends, where it is sent to.
    fn attachment<'a>(&self, seen: &[&'a Station]) -> Option<&'a Station> {
        let tells = |station: &&Station| station.inbound + station.outbound > 0;
        let has_directions = seen.iter().filter(|station| station.sent.packets > 0).all(tells);
        seen.iter().copied().max_by_key(|station| {
            let receives = has_directions && station.inbound > station.outbound;
            let begins = station.entered as i64 - station.passed as i64;
            let is_onwards = !self.comings.contains(&(station.point, station.vlan, station.mac));
            (receives, begins, station.sent.packets, is_onwards, station.received.packets, Reverse(station.point))
        })
    }

    pub(super) fn link(&mut self, tables: &Tables, point: PointId, vlan: Option<u16>) -> NodeIndex {
        let point = self.wiring.same_link.get(&point).copied().unwrap_or(point);
        if let Some(&link) = self.links.get(&(point, vlan)) {
            return link;
        }
        let row = tables.points.get(point.0 as usize);
        let label = row.map_or_else(String::new, |row| row.label(point));
        let name = match vlan {
            Some(vlan) => Text::new(&format!("{label} VLAN {vlan}")),
            None => Text::new(&label),
        };
        let cable = row.and_then(|row| row.info.cable.as_ref()).and_then(|key| tables.host.cable(key));
        let device = row.and_then(|row| row.own_device()).and_then(|id| tables.host.device(id));
        let link = Link {
            key: Key::Link(point, vlan),
            kind: LinkKind::Point,
            point: Some(point),
            vlan,
            name,
            counters: row.filter(|_| vlan.is_none()).map_or_else(Counters::default, |row| row.counters),
            device: device.map(|device| device.id),
            cable: cable.map(|cable| cable.key.clone()),
            state: device.map_or(LinkState::Unknown, state),
        };
        let link = match cable.filter(|_| vlan.is_none()) {
            Some(cable) => Link { point: link.point, counters: link.counters, ..Link::of_cable(&tables.host, cable) },
            None => link,
        };
        let link = self.graph.add_node(Vertex::Link(link));
        self.links.insert((point, vlan), link);
        link
    }

    pub(super) fn station(&mut self, tables: &Tables, (domain, mac): StationKey, attachments: Vec<Attachment<'_>>, owned: Owned) {
        let name = self
            .names
            .by_mac
            .get(&mac)
            .into_iter()
            .chain(owned.addresses.iter().filter_map(|address| self.names.by_ip.get(&address.ip)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, name)| name.clone());
        let remote_count = owned.remotes.len() as u64;
        let remotes: Vec<IpAddr> = owned.remotes.into_iter().take(Node::REMOTES).collect();
        let kind = if owned.router.is_empty() { NodeKind::Host } else { NodeKind::Router };
        let node = self.graph.add_node(Vertex::Node(Node {
            name: name.clone(),
            addresses: owned.addresses,
            router: owned.router.into_iter().collect(),
            remotes: remotes.clone(),
            remote_count,
            macs: vec![mac],
            ..Node::new(Key::Station(domain, mac), kind)
        }));
        for (vlan, station) in attachments {
            let link = self.link(tables, station.point, vlan);
            self.graph.add_edge(node, link, Interface::seen(mac, vlan, station));
        }
        if remote_count > 0 {
            let label = name.map_or_else(|| mac.to_string(), |name| name.to_string());
            self.outside(node, domain, mac, &label, remotes, remote_count);
        }
    }

    /// A station that the host knows: what frames show of it is laid over what the host says.
    fn known_station(
        &mut self,
        tables: &Tables,
        (domain, mac): StationKey,
        known: &[Known],
        vlans: &BTreeMap<Option<u16>, Vec<&Station>>,
        mut owned: Owned,
    ) {
        if let Some(twins) = twins(known) {
            owned = self.twins(tables, mac, twins, vlans, owned);
            if owned.addresses.is_empty() && vlans.values().flatten().all(|station| station.inbound + station.outbound > 0) {
                return;
            }
            let attachments = vlans.iter().filter_map(|(&vlan, seen)| Some((vlan, self.attachment(seen)?))).collect();
            return self.station(tables, (domain, mac), attachments, owned);
        }
        for (&vlan, seen) in vlans {
            for place in known {
                let here = seen.iter().find(|station| Some(station.point) == place.point).copied();
                // Where no point listens at its own link, what others saw of it is all there is.
                let best = here.or_else(|| self.attachment(seen).filter(|_| known.len() == 1));
                let Some(station) = best else { continue };
                match vlan {
                    None => self.merge(*place, station, mac),
                    Some(_) => {
                        let link = self.link(tables, station.point, vlan);
                        self.graph.add_edge(place.node, link, Interface::seen(mac, vlan, station));
                    }
                }
            }
        }
        let Some(first) = known.first() else { return };
        drop_on_link(&tables.host, &mut owned.remotes);
        let remote_count = owned.remotes.len() as u64;
        let Vertex::Node(node) = &mut self.graph[first.node] else { return };
        merge_addresses(&mut node.addresses, owned.addresses);
        node.router.extend(owned.router);
        node.router.sort_unstable();
        node.router.dedup();
        node.remotes.extend(owned.remotes.iter().take(Node::REMOTES));
        node.remotes.sort_unstable();
        node.remotes.dedup();
        node.remotes.truncate(Node::REMOTES);
        node.remote_count += remote_count;
        let label = node.name.as_ref().map_or_else(|| mac.to_string(), Text::to_string);
        if remote_count > 0 {
            let remotes: Vec<IpAddr> = owned.remotes.into_iter().take(Node::REMOTES).collect();
            self.outside(first.node, domain, mac, &label, remotes, remote_count);
        }
    }

    /// What lies beyond a router, as one node on one link.
    fn outside(&mut self, router: NodeIndex, domain: PointId, mac: MacAddr, label: &str, remotes: Vec<IpAddr>, remote_count: u64) {
        let link = self.graph.add_node(Vertex::Link(Link {
            key: Key::Beyond(domain, mac),
            kind: LinkKind::Beyond,
            point: None,
            vlan: None,
            name: Text::new(&format!("beyond {label}")),
            counters: Counters::default(),
            device: None,
            cable: None,
            state: LinkState::Unknown,
        }));
        let outside = Node { remotes, remote_count, ..Node::new(Key::Outside(domain, mac), NodeKind::Outside) };
        let outside = self.graph.add_node(Vertex::Node(outside));
        self.graph.add_edge(router, link, Interface::default());
        self.graph.add_edge(outside, link, Interface::default());
    }

    /// Nodes by address, where no station shows: link types without link-layer addresses, and loopback's zeros.
    fn addresses(&mut self, tables: &Tables) {
        let with_stations: BTreeSet<PointId> =
            tables.stations.iter().filter(|station| station.mac.is_station()).map(|station| station.point).collect();
        let mut nodes: BTreeMap<(PointId, IpAddr), (Counters, Counters)> = BTreeMap::new();
        for flow in &tables.flows {
            for &(point, a_to_b, b_to_a) in flow.points.iter().filter(|(point, _, _)| !with_stations.contains(point)) {
                for (ip, sent, received) in [(flow.a().ip, a_to_b, b_to_a), (flow.b().ip, b_to_a, a_to_b)] {
                    let (out, into) = nodes.entry((point, ip)).or_default();
                    out.merge(sent);
                    into.merge(received);
                }
            }
        }
        let mut drawn: BTreeMap<PointId, usize> = BTreeMap::new();
        for ((point, ip), (sent, received)) in nodes.into_iter().filter(|((_, ip), _)| is_host_address(*ip)) {
            let count = drawn.entry(point).or_default();
            *count += 1;
            if *count > ADDRESSES {
                continue;
            }
            let node = self.graph.add_node(Vertex::Node(Node {
                name: self.names.by_ip.get(&ip).map(|(_, name)| name.clone()),
                addresses: vec![super::Address {
                    ip,
                    vlan: None,
                    learned: Vec::new(),
                    evidence: Default::default(),
                    conflicts: Vec::new(),
                    moved: false,
                    station: None,
                    device: None,
                }],
                ..Node::new(Key::Address(point, ip), NodeKind::Host)
            }));
            let link = self.link(tables, point, None);
            self.graph.add_edge(node, link, Interface { sent, received, ..Interface::default() });
        }
        for (point, count) in drawn.into_iter().filter(|(_, count)| *count > ADDRESSES) {
            let link = self.link(tables, point, None);
            let rest = self.graph.add_node(Vertex::Node(Node {
                remote_count: (count - ADDRESSES) as u64,
                ..Node::new(Key::Outside(point, MacAddr::ZERO), NodeKind::Outside)
            }));
            self.graph.add_edge(rest, link, Interface::default());
        }
    }

    /// What joins the points of one domain is a bridge, whoever it is; where the host tells what its points are, it tells this, too.
    fn bridges(&mut self, tables: &Tables, domains: &Domains) {
        let mut members: BTreeMap<PointId, usize> = BTreeMap::new();
        let is_told = |point: PointId| {
            let Some(row) = tables.points.get(point.0 as usize) else { return false };
            let cable = row.info.cable.as_ref().and_then(|key| tables.host.cable(key));
            // A program at a cable's end joins it with its others.
            cable.is_some_and(|cable| cable.ends.iter().any(|end| end.program.is_some()))
                || row.own_device().is_some_and(|device| tables.host.device(device).is_some())
        };
        for index in (0..tables.points.len()).filter(|&index| !is_told(PointId(index as u32))) {
            *members.entry(domains.of_point(PointId(index as u32))).or_default() += 1;
        }
        let mut ports: BTreeMap<PointId, Vec<(Option<u16>, NodeIndex)>> = BTreeMap::new();
        for (&(point, vlan), &link) in &self.links {
            ports.entry(domains.of_point(point)).or_default().push((vlan, link));
        }
        for (domain, ports) in ports.into_iter().filter(|(domain, _)| members.get(domain).is_some_and(|&points| points > 1)) {
            let bridge = self.graph.add_node(Vertex::Node(Node::new(Key::Bridge(domain), NodeKind::Bridge)));
            for (vlan, link) in ports {
                self.graph.add_edge(bridge, link, Interface { vlan, ..Interface::default() });
            }
        }
    }
}
