//! What the host says, in the picture: its guests, bridges and devices, and itself.
//!
//! A TAP is a link between its guest and its bridge, or its guest and the host; a veth pair is one link between what its ends belong to; a
//! bridge is a node, and its own device the link by which the host's IP stack is attached to it; macvlans hang on a node for their base.
//! What frames show is then laid over it: a station with the MAC of a guest's card, on the TAP of that card, is the guest.

use super::build::Picture;
use super::domain::{Domains, is_joint};
use super::owner::StationKey;
use super::{Address, Configured, Interface, Key, Link, LinkKind, LinkState, Node, NodeKind, Vertex};
use crate::host::{Device, DeviceId, DeviceKind, Guest, Host, NeighborState, Netns, PortState, Prefix};
use crate::tables::{Counters, Learned, RouterReason, Series, Station, Tables};
use crate::{Direction, MacAddr, PointId, Text};
use petgraph::graph::NodeIndex;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A station that the host knows: whose it is, and where it is attached.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub node: NodeIndex,
    pub link: NodeIndex,
    /// The point at that link.
    pub point: Option<PointId>,
    /// Which way its frames go at that point, where that tells the ends of a cable apart.
    pub side: Direction,
}

/// What the host says of the picture.
#[derive(Default)]
pub(super) struct Wiring {
    /// Points that listen on the other end of a veth pair, and the point that stands for the pair.
    pub same_link: BTreeMap<PointId, PointId>,
    /// The point on a device, or on its other end.
    points: BTreeMap<DeviceId, PointId>,
    /// Devices with addresses of the host.
    addressed: BTreeSet<DeviceId>,
    /// The point on a cable.
    pub cables: BTreeMap<Text, PointId>,
    /// Cards that are plugged into a cable: process, place.
    pub plugged: BTreeSet<(u32, u32)>,
}

impl Wiring {
    pub fn of(tables: &Tables) -> Wiring {
        let host = &tables.host;
        let mut wiring = Wiring::default();
        if host.is_empty() {
            return wiring;
        }
        for (index, row) in tables.points.iter().enumerate() {
            let point = PointId(index as u32);
            if let Some(cable) = row.info.cable.as_ref().and_then(|key| host.cable(key)) {
                match wiring.cables.get(&cable.key) {
                    Some(&standing) => drop(wiring.same_link.insert(point, standing)),
                    None => drop(wiring.cables.insert(cable.key.clone(), point)),
                }
                continue;
            }
            let Some(id) = row.own_device() else { continue };
            match host.device(id).and_then(other_end).and_then(|other| wiring.points.get(&other)).copied() {
                Some(standing) => drop(wiring.same_link.insert(point, standing)),
                None => drop(wiring.points.entry(id).or_insert(point)),
            }
        }
        let ends: Vec<(DeviceId, PointId)> = wiring.points.iter().map(|(&id, &point)| (id, point)).collect();
        for (id, point) in ends {
            if let Some(other) = host.device(id).and_then(other_end) {
                wiring.points.entry(other).or_insert(point);
            }
        }
        wiring.addressed = host.addresses().map(|address| address.device).collect();
        let ends = host.cables().flat_map(|cable| &cable.ends);
        wiring.plugged = ends.filter_map(|end| Some((end.pid?, end.nic?))).collect();
        wiring
    }
}

/// The other end of a veth pair.
fn other_end(device: &Device) -> Option<DeviceId> {
    device.lower.filter(|_| device.kind == DeviceKind::Veth)
}

/// Whether frames can pass a device.
pub(super) fn state(device: &Device) -> LinkState {
    let is_tap = matches!(&device.kind, DeviceKind::Tun(_));
    match &device.port {
        _ if !device.is_up => LinkState::Down,
        _ if !device.has_carrier && is_tap => LinkState::Unread,
        // A bridge without a port that is up has no carrier itself, which hinders nobody.
        _ if !device.has_carrier && !matches!(device.kind, DeviceKind::Bridge(_)) => LinkState::NoCarrier,
        Some(port) if port.state != PortState::Forwarding => LinkState::Blocked(port.state),
        _ => LinkState::Up,
    }
}

/// Seen from the device's other side: what the host receives is what the guest sends.
fn from_outside(series: Option<&Series>) -> Series {
    let mut series = series.cloned().unwrap_or_default();
    for (sent, received) in &mut series.buckets {
        std::mem::swap(sent, received);
    }
    series
}

impl Picture {
    /// Adds what the host says; gives the stations that it knows.
    pub(super) fn configure(&mut self, tables: &Tables, domains: &Domains) -> BTreeMap<StationKey, Vec<Known>> {
        let host = &tables.host;
        let mut known = BTreeMap::new();
        for guest in host.guests() {
            self.guest(tables, domains, guest, &mut known);
        }
        for device in host.devices() {
            if self.is_drawn(device) {
                self.device(tables, domains, device, &mut known);
            }
        }
        for cable in host.cables() {
            self.cable(tables, domains, cable, &mut known);
        }
        self.readers(tables);
        known
    }

    /// Loopback and what nobody uses, such as the tunnels that the kernel makes unasked, only fill the picture.
    fn is_drawn(&self, device: &Device) -> bool {
        let is_listened = self.wiring.points.contains_key(&device.id);
        match device.kind {
            DeviceKind::Loopback => is_listened,
            DeviceKind::Other(_) | DeviceKind::Unknown => is_listened || device.is_up || self.wiring.addressed.contains(&device.id),
            _ => true,
        }
    }

    fn guest(&mut self, tables: &Tables, domains: &Domains, guest: &Guest, known: &mut BTreeMap<StationKey, Vec<Known>>) {
        let host = &tables.host;
        let number = host.guest_number(guest);
        let name = guest.name.clone().unwrap_or_else(|| Text::new(&format!("{} {}", guest.program, guest.pid)));
        let mut macs: Vec<MacAddr> = guest.nics.iter().filter_map(|nic| nic.mac).collect();
        macs.sort_unstable();
        let node = self.graph.add_node(Vertex::Node(Node {
            name: Some(name),
            macs,
            host: Some(Configured::Guest(guest.pid)),
            ..Node::new(Key::Guest(number), NodeKind::Guest)
        }));
        self.guests.insert(guest.pid, node);
        for (card, nic) in guest.nics.iter().enumerate() {
            let Some(backend) = &nic.backend else { continue };
            let taps: Vec<&Device> = backend.devices.iter().filter_map(|&id| host.device(id)).collect();
            for device in &taps {
                let link = self.device_link(tables, device);
                self.attach(node, link, nic.mac, from_outside(host.series(device.id)));
                if let (Some(domain), Some(mac)) = (domains.of_device(device.id), nic.mac) {
                    let point = self.wiring.points.get(&device.id).copied();
                    known.entry((domain, mac)).or_default().push(Known { node, link, point, side: Direction::Unknown });
                }
            }
            if taps.is_empty() && !self.wiring.plugged.contains(&(guest.pid, card as u32)) {
                let link = self.graph.add_node(Vertex::Link(Link {
                    key: Key::Backend(number, card as u32),
                    kind: LinkKind::Backend,
                    point: None,
                    vlan: None,
                    name: Text::new(&format!("{} {}", backend.kind.name(), backend.options)),
                    counters: Counters::default(),
                    device: None,
                    cable: None,
                    state: LinkState::Unknown,
                }));
                self.attach(node, link, nic.mac, Series::default());
            }
        }
    }

    /// A device as a link, with what it belongs to at this end.
    fn device(&mut self, tables: &Tables, domains: &Domains, device: &Device, known: &mut BTreeMap<StationKey, Vec<Known>>) {
        let host = &tables.host;
        let link = self.device_link(tables, device);
        let series = || host.series(device.id).cloned().unwrap_or_default();
        let master = device.master.filter(|&master| is_joint(host, master)).and_then(|master| host.device(master));
        if let Some(master) = master {
            let joint = self.joint(host, master, None);
            self.attach(joint, link, None, series());
        }
        match &device.kind {
            DeviceKind::Bridge(_) | DeviceKind::Bond(_) => {
                let joint = self.joint(host, device, None);
                self.attach(joint, link, None, from_outside(host.series(device.id)));
            }
            DeviceKind::Macvlan(_) | DeviceKind::Macvtap(_) => {
                if let Some(base) = device.lower.and_then(|lower| host.device(lower)) {
                    let joint = self.joint(host, base, Some("macvlan on"));
                    let below = self.device_link(tables, base);
                    self.attach(joint, link, None, Series::default());
                    self.attach(joint, below, None, Series::default());
                }
            }
            _ => {}
        }
        let is_macvtap = matches!(device.kind, DeviceKind::Macvtap(_));
        let has_addresses = self.wiring.addressed.contains(&device.id);
        let is_of_host = (master.is_none() && !is_macvtap) || has_addresses;
        // A port's own address is the host's, too: it sends from it what goes out by the bridge.
        let place = if is_of_host { Some(link) } else { master.map(|master| self.device_link(tables, master)) };
        let Some(place) = place else { return };
        let local = self.local(tables, device.id.netns);
        if is_of_host {
            self.attach(local, link, device.mac, series());
            if let (Some(mac), Vertex::Node(node)) = (device.mac, &mut self.graph[local])
                && let Err(at) = node.macs.binary_search(&mac)
            {
                node.macs.insert(at, mac);
            }
        }
        if let (Some(domain), Some(mac)) = (domains.of_device(device.id), device.mac.filter(|mac| mac.is_station())) {
            let stations = known.entry((domain, mac)).or_default();
            if stations.is_empty() {
                let point = self.wiring.points.get(&device.id).copied();
                stations.push(Known { node: local, link: place, point, side: Direction::Unknown });
            }
        }
    }

    /// The link of a device; both ends of a veth pair are one.
    pub(super) fn device_link(&mut self, tables: &Tables, device: &Device) -> NodeIndex {
        if let Some(&point) = self.wiring.points.get(&device.id) {
            return self.link(tables, point, None);
        }
        let host = &tables.host;
        let other = other_end(device).and_then(|other| host.device(other));
        let standing = other.filter(|other| other.id < device.id).unwrap_or(device);
        if let Some(&link) = self.devices.get(&standing.id) {
            return link;
        }
        let link = self.graph.add_node(Vertex::Link(Link {
            key: Key::Device(host.device_number(standing)),
            kind: LinkKind::Device,
            point: None,
            vlan: None,
            name: device_name(host, device),
            counters: Counters::default(),
            device: Some(standing.id),
            cable: None,
            state: state(standing),
        }));
        self.devices.insert(standing.id, link);
        link
    }

    /// What joins devices: a bridge, a bond, or the base of macvlans.
    fn joint(&mut self, host: &Host, device: &Device, what: Option<&str>) -> NodeIndex {
        if let Some(&node) = self.joints.get(&device.id) {
            return node;
        }
        let name = device_name(host, device);
        let name = what.map_or(name.clone(), |what| Text::new(&format!("{what} {name}")));
        let node = self.graph.add_node(Vertex::Node(Node {
            name: Some(name),
            host: Some(Configured::Device(device.id)),
            ..Node::new(Key::Joint(host.device_number(device)), NodeKind::Bridge)
        }));
        self.joints.insert(device.id, node);
        node
    }

    /// The host's own IP stack in a namespace.
    fn local(&mut self, tables: &Tables, netns: Netns) -> NodeIndex {
        if let Some(&node) = self.locals.get(&netns) {
            return node;
        }
        let host = &tables.host;
        let namespace = host.namespace(netns);
        let name = match namespace {
            Some(namespace) if namespace.is_own => "this host".to_owned(),
            Some(namespace) => match (&namespace.name, namespace.pid) {
                (Some(name), _) => format!("namespace {name}"),
                (None, Some(pid)) => format!("namespace of process {pid}"),
                (None, None) => format!("namespace {}", netns.0),
            },
            None => "this host".to_owned(),
        };
        let is_on = |name: &str| host.setting(netns, name).is_some_and(|value| value.as_str() == "1");
        let forwards = is_on("net.ipv4.ip_forward") || is_on("net.ipv6.conf.all.forwarding");
        let node = self.graph.add_node(Vertex::Node(Node {
            name: Some(Text::new(&name)),
            addresses: self.configured_addresses(host, netns),
            router: forwards.then_some(RouterReason::ForwardingIsOn).into_iter().collect(),
            host: Some(Configured::Local(netns)),
            ..Node::new(Key::Local(netns), NodeKind::Local)
        }));
        self.locals.insert(netns, node);
        node
    }

    fn configured_addresses(&self, host: &Host, netns: Netns) -> Vec<Address> {
        let is_shown = |id: DeviceId| id.netns == netns && host.device(id).is_some_and(|device| self.is_drawn(device));
        let mut addresses: Vec<Address> = host
            .addresses()
            .filter(|address| is_shown(address.device))
            .map(|address| Address {
                ip: address.ip,
                vlan: None,
                learned: vec![Learned::Configured],
                evidence: Default::default(),
                conflicts: Vec::new(),
                moved: false,
                station: None,
                device: Some((address.device, address.length)),
            })
            .collect();
        addresses.sort_by_key(|address| address.ip);
        addresses
    }

    /// Attaches a node to a link as the host says, once for each link-layer address.
    pub(super) fn attach(&mut self, node: NodeIndex, link: NodeIndex, mac: Option<MacAddr>, series: Series) {
        if self.edges.contains_key(&(node, link, mac)) {
            return;
        }
        let edge = self.graph.add_edge(node, link, Interface { mac, series, is_configured: true, ..Interface::default() });
        self.edges.insert((node, link, mac), edge);
    }

    /// Lays what frames show of a station over what the host says of it.
    pub(super) fn merge(&mut self, known: Known, station: &Station, mac: MacAddr) {
        let Some(&edge) = self.edges.get(&(known.node, known.link, Some(mac))) else { return };
        let interface = &mut self.graph[edge];
        interface.is_seen = station.sent.packets > 0;
        (interface.sent, interface.received) = (station.sent, station.received);
        // Without the device's own counters, what was captured is all that is known of its rate.
        if interface.series.buckets.is_empty() {
            interface.series = station.series.clone();
        }
    }
}

/// A device's name; with its namespace where that is not ours.
pub(super) fn device_name(host: &Host, device: &Device) -> Text {
    match host.namespace(device.id.netns) {
        Some(namespace) if !namespace.is_own => match &namespace.name {
            Some(name) => Text::new(&format!("{} ({name})", device.name)),
            None => Text::new(&format!("{} ({})", device.name, device.id.netns.0)),
        },
        _ => device.name.clone(),
    }
}

/// What the host's neighbour tables say of stations.
pub(super) fn neighbors(tables: &Tables, domains: &Domains) -> BTreeMap<StationKey, Vec<Address>> {
    let mut told: BTreeMap<StationKey, Vec<Address>> = BTreeMap::new();
    let holds = |state| !matches!(state, NeighborState::Incomplete | NeighborState::Failed | NeighborState::NoArp | NeighborState::None);
    for row in tables.host.neighbors().filter(|row| holds(row.state) && !row.is_proxy) {
        let (Some(mac), Some(domain)) = (row.mac.filter(|mac| mac.is_station()), domains.of_device(row.device)) else { continue };
        let station = (domain, mac);
        told.entry(station).or_default().push(Address {
            ip: row.ip,
            vlan: None,
            learned: vec![Learned::NeighborTable],
            evidence: Default::default(),
            conflicts: Vec::new(),
            moved: false,
            station: Some(station),
            device: None,
        });
    }
    told
}

/// Joins what frames show of a node's addresses with what the host says of them, by address.
pub(super) fn merge_addresses(all: &mut Vec<Address>, more: Vec<Address>) {
    for address in more {
        match all.iter_mut().find(|known| known.ip == address.ip && (known.vlan == address.vlan || known.station.is_none())) {
            Some(known) => {
                known.learned.extend(address.learned);
                known.learned.sort_unstable();
                known.learned.dedup();
                known.evidence.merge(&address.evidence);
                if !address.conflicts.is_empty() {
                    known.conflicts = address.conflicts;
                }
                known.moved |= address.moved && known.device.is_none();
                known.station = address.station;
            }
            None => all.push(address),
        }
    }
    all.sort_by_key(|address| address.ip);
}

/// Takes out what is no more remote than the host's own links: the host routes between them.
pub(super) fn drop_on_link(host: &Host, remotes: &mut BTreeSet<IpAddr>) {
    let on_link: Vec<Prefix> = host.addresses().map(|address| Prefix { ip: address.ip, length: address.length }).collect();
    remotes.retain(|&ip| !on_link.iter().any(|prefix| prefix.length > 0 && prefix.contains(ip)));
}
