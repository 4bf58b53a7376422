//! Cables in the picture: what joins guests' network cards without a device of the host.
//!
//! A cable is a link between the nodes of what is plugged into it: guests, programs, or the user-mode stack, which is a node of its own.
//! It is there whether a point listens on it or not. Where one does, its stations are laid over the cards by their link-layer addresses,
//! and by the direction of their frames where both ends have the same one.

use super::build::Picture;
use super::configured::{Known, merge_addresses};
use super::domain::Domains;
use super::owner::{Owned, StationKey};
use super::{Address, Interface, Key, Link, LinkKind, LinkState, Node, NodeKind, Vertex};
use crate::host::{Cable, CableEnd, CableKind, CableState, Guest, Host, UserNetwork};
use crate::tables::{Counters, Learned, Series, Station, Tables};
use crate::{Direction, MacAddr, PointId, Text};
use petgraph::graph::NodeIndex;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

impl Link {
    /// A cable that no point listens on.
    pub(super) fn of_cable(host: &Host, cable: &Cable) -> Link {
        Link {
            key: Key::Cable(host.cable_number(cable)),
            kind: LinkKind::Cable,
            point: None,
            vlan: None,
            name: cable.key.clone(),
            counters: Counters::default(),
            device: None,
            cable: Some(cable.key.clone()),
            state: match cable.state {
                CableState::Unknown => LinkState::Unknown,
                CableState::Connected => LinkState::Up,
                state => LinkState::Unplugged(state),
            },
        }
    }
}

impl Picture {
    /// A cable with what is plugged into it; adds the stations that the host thereby knows.
    pub(super) fn cable(&mut self, tables: &Tables, domains: &Domains, cable: &Cable, known: &mut BTreeMap<StationKey, Vec<Known>>) {
        let host = &tables.host;
        let link = self.cable_link(tables, cable);
        let point = self.wiring.cables.get(&cable.key).copied();
        let mut know = |node, mac: MacAddr, side| {
            if let Some(domain) = point.map(|point| domains.of_point(point)) {
                known.entry((domain, mac)).or_default().push(Known { node, link, point, side });
            }
        };
        let mut cards: BTreeSet<MacAddr> = BTreeSet::new();
        for (place, end) in cable.ends.iter().enumerate() {
            let guest = end.pid.and_then(|pid| self.guests.get(&pid)).copied();
            if let (Some(node), Some(guest)) = (guest, host.plugged(end).map(|(guest, _)| guest)) {
                let macs = macs(guest, end);
                if macs.is_empty() {
                    self.attach(node, link, None, Series::default());
                }
                for mac in macs {
                    cards.insert(mac);
                    self.attach(node, link, Some(mac), Series::default());
                    know(node, mac, side(cable, place));
                }
            } else if let Some(program) = &end.program {
                let node = self.program(end.pid, program, link);
                self.attach(node, link, None, Series::default());
            }
        }
        let seen = || tables.stations.iter().filter(|station| Some(station.point) == point && station.mac.is_station());
        let node = match cable.kind {
            CableKind::User => self.stack(host, cable),
            // passt speaks for itself only; what sends from its end is passt.
            CableKind::Passt => match cable.ends.iter().find(|end| end.nic.is_none() && end.program.is_some()) {
                Some(end) => self.program(end.pid, end.program.as_ref().unwrap_or(&cable.key), link),
                None => return,
            },
            _ => return,
        };
        let is_user = cable.kind == CableKind::User;
        if point.is_none() && is_user {
            self.attach(node, link, None, Series::default());
        }
        if point.is_none() {
            return;
        }
        let is_far = |station: &Station| station.outbound > station.inbound || (is_user && UserNetwork::is_stack(station.mac));
        let far: BTreeSet<MacAddr> = seen().filter(|row| !cards.contains(&row.mac) && is_far(row)).map(|row| row.mac).collect();
        if is_user && far.is_empty() {
            self.attach(node, link, None, Series::default());
        }
        for &mac in &far {
            self.attach(node, link, Some(mac), Series::default());
            know(node, mac, Direction::Outbound);
        }
        if let Vertex::Node(node) = &mut self.graph[node] {
            node.macs = far.into_iter().collect();
        }
    }

    /// User-mode stacks that no host tells of, in captures from elsewhere: a station that claims the very address that its link-layer
    /// address is made of is libslirp, and so is what else of that making is in its domain.
    pub(super) fn foreign_stacks(
        &mut self,
        tables: &Tables,
        domains: &Domains,
        owned: &BTreeMap<StationKey, Owned>,
        known: &mut BTreeMap<StationKey, Vec<Known>>,
    ) {
        let proves = |address: &Address, mac| {
            UserNetwork::address_in(mac).map(IpAddr::V4) == Some(address.ip) && address.learned.iter().any(|learned| learned.proves_owner())
        };
        let stacks: BTreeSet<PointId> = owned
            .iter()
            .filter(|((_, mac), owned)| owned.addresses.iter().any(|address| proves(address, *mac)))
            .map(|((domain, _), _)| *domain)
            .collect();
        let mut nodes: BTreeMap<PointId, NodeIndex> = BTreeMap::new();
        let is_plain = |station: &&Station| UserNetwork::is_stack(station.mac) && station.vlan.is_none();
        for station in tables.stations.iter().filter(is_plain) {
            let key = (domains.of_point(station.point), station.mac);
            if !stacks.contains(&key.0) || known.contains_key(&key) {
                continue;
            }
            let node = *nodes.entry(key.0).or_insert_with(|| {
                let name = Some(Text::new("user-mode stack"));
                self.graph.add_node(Vertex::Node(Node { name, ..Node::new(Key::Station(key.0, key.1), NodeKind::Stack) }))
            });
            if let Vertex::Node(node) = &mut self.graph[node] {
                node.macs.push(key.1);
                node.macs.sort_unstable();
            }
            let link = self.link(tables, station.point, None);
            self.attach(node, link, Some(station.mac), Series::default());
            if let Some(&edge) = self.edges.get(&(node, link, Some(station.mac))) {
                self.graph[edge].is_configured = false;
            }
            known.insert(key, vec![Known { node, link, point: Some(station.point), side: Direction::Unknown }]);
        }
    }

    /// A program that holds cables and has a TAP open joins the two: it is attached there, too.
    pub(super) fn readers(&mut self, tables: &Tables) {
        let host = &tables.host;
        for reader in host.readers() {
            let device = reader.device.and_then(|id| host.device(id));
            if let (Some(&node), Some(device)) = (self.programs.get(&reader.pid), device) {
                let link = self.device_link(tables, device);
                self.attach(node, link, None, Series::default());
            }
        }
    }

    fn cable_link(&mut self, tables: &Tables, cable: &Cable) -> NodeIndex {
        match self.wiring.cables.get(&cable.key).copied() {
            Some(point) => self.link(tables, point, None),
            None => self.graph.add_node(Vertex::Link(Link::of_cable(&tables.host, cable))),
        }
    }

    /// A program is one node, however many cables it holds; one that may not be seen is one for each.
    fn program(&mut self, pid: Option<u32>, name: &Text, link: NodeIndex) -> NodeIndex {
        if let Some(node) = pid.and_then(|pid| self.programs.get(&pid)) {
            return *node;
        }
        let key = Key::Program(pid.unwrap_or(u32::MAX - link.index() as u32));
        let node = self.graph.add_node(Vertex::Node(Node { name: Some(name.clone()), ..Node::new(key, NodeKind::Program) }));
        if let Some(pid) = pid {
            self.programs.insert(pid, node);
        }
        node
    }

    /// The user-mode stack, with the addresses that it has by its options.
    fn stack(&mut self, host: &Host, cable: &Cable) -> NodeIndex {
        let backend = cable.ends.iter().find_map(|end| host.plugged(end)?.1.backend.as_ref());
        let user = backend.and_then(|backend| UserNetwork::of(&backend.options));
        let own = user.map_or_else(Vec::new, |user| vec![user.gateway, user.dns]);
        let addresses = own.into_iter().map(|ip| Address {
            ip: IpAddr::V4(ip),
            vlan: None,
            learned: vec![Learned::Configured],
            evidence: Default::default(),
            conflicts: Vec::new(),
            moved: false,
            station: None,
            device: None,
        });
        self.graph.add_node(Vertex::Node(Node {
            name: Some(Text::new("user-mode stack")),
            addresses: addresses.collect(),
            ..Node::new(Key::Stack(host.cable_number(cable)), NodeKind::Stack)
        }))
    }

    /// Lays what frames show of one address over the guests that share it: what came from one end only is the guest's there, what came
    /// from both is a conflict. Gives what nothing tells apart.
    pub(super) fn twins(
        &mut self,
        tables: &Tables,
        mac: MacAddr,
        known: &[Known],
        vlans: &BTreeMap<Option<u16>, Vec<&Station>>,
        mut owned: Owned,
    ) -> Owned {
        let point = known.first().and_then(|known| known.point);
        let stations: Vec<&Station> = vlans.values().flatten().copied().filter(|station| Some(station.point) == point).collect();
        let came = |ip: IpAddr, side: Direction| {
            let mut here = tables.bindings.iter().filter(|row| Some(row.point) == point && row.mac == mac && row.ip == ip);
            here.any(|row| (side == Direction::Inbound && row.inbound) || (side == Direction::Outbound && row.outbound))
        };
        let mut shared: Vec<Address> = Vec::new();
        for address in std::mem::take(&mut owned.addresses) {
            let from: Vec<&Known> = known.iter().filter(|known| came(address.ip, known.side)).collect();
            for place in &from {
                let mut address = address.clone();
                if from.len() > 1 {
                    address.conflicts.push(mac);
                }
                if let Vertex::Node(node) = &mut self.graph[place.node] {
                    merge_addresses(&mut node.addresses, vec![address]);
                }
            }
            if from.is_empty() {
                shared.push(address);
            }
        }
        for place in known {
            let is_seen = stations.iter().any(|station| match place.side {
                Direction::Inbound => station.inbound > 0,
                Direction::Outbound => station.outbound > 0,
                Direction::Unknown => false,
            });
            if let Some(&edge) = self.edges.get(&(place.node, place.link, Some(mac))) {
                let interface: &mut Interface = &mut self.graph[edge];
                interface.is_seen |= is_seen;
            }
        }
        Owned { addresses: shared, ..owned }
    }
}

/// The stations of one place that share their address, if they do.
pub(super) fn twins(known: &[Known]) -> Option<&[Known]> {
    let [first, rest @ ..] = known else { return None };
    let is_twin = |other: &Known| other.node != first.node && other.link == first.link && other.point.is_some();
    (!rest.is_empty() && rest.iter().all(is_twin)).then_some(known)
}

/// Which way the frames of an end go at a point on the cable: inbound is what the first end sends.
fn side(cable: &Cable, place: usize) -> Direction {
    match (&cable.kind, place, cable.ends.len()) {
        (CableKind::Multicast, ..) => Direction::Unknown,
        (_, 0, _) => Direction::Inbound,
        (_, 1, 2) => Direction::Outbound,
        // Several are behind the listener's connections, and the frames do not tell which.
        _ => Direction::Unknown,
    }
}

/// The addresses of the card at an end: its own, or those of the cards that QEMU's hub joins it with.
fn macs(guest: &Guest, end: &CableEnd) -> Vec<MacAddr> {
    let Some(nic) = end.nic.and_then(|nic| guest.nics.get(nic as usize)) else { return Vec::new() };
    if nic.mac.is_some() {
        return nic.mac.into_iter().collect();
    }
    let hub = nic.backend.as_ref().and_then(|backend| backend.hub);
    let is_joined = |other: &&crate::host::Nic| hub.is_some() && other.backend.as_ref().is_some_and(|backend| backend.hub == hub);
    guest.nics.iter().filter(is_joined).filter_map(|nic| nic.mac).collect()
}
