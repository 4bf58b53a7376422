//! Who belongs where: the request for a picture, and the memory of places.

use super::segment::{Census, Segment, segments};
use super::{Group, Request, Slot, Spine, Tie};
use crate::digest::Map;
use egui::Pos2;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use tapscope_graph::host::{Device, DeviceId, DeviceKind, Netns};
use tapscope_graph::topology::{Configured, Key, Link, LinkKind, Node, NodeKind};
use tapscope_graph::{PointId, View};

/// With more cards than this they are small, until there are fewer than half.
const FULL: usize = 10;
/// Slots of a rail that are kept for who left, before newcomers take them, the longest empty first.
const KEPT: usize = 4;
/// Rails whose slots are remembered while they are away.
const RAILS: usize = 1024;

/// The slots that nodes had so far.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    rails: BTreeMap<Option<Key>, Vec<Seat>>,
    /// Which cable has which cell; a cell is kept for a cable that is away until there are many.
    cables: Vec<Key>,
    is_dense: bool,
    turn: u64,
}

/// A slot and who it is kept for.
#[derive(Clone, Debug)]
struct Seat {
    node: Option<Key>,
    port: Key,
    taken: Option<Slot>,
    left: u64,
}

/// Who is to sit at a rail.
struct Member {
    slot: Slot,
    /// The link by what it stays when a point opens on it.
    port: Key,
    /// The VLAN of its untagged frames, where its bridge keeps VLANs apart.
    vlan: Option<u16>,
    /// Guests come first, then the host's own, then stations, then empty ports.
    rank: u8,
}

/// Where each node sits: the rail, and the link by which it hangs there.
type Placed = Map<Key, (Option<Key>, Key)>;

impl Slots {
    /// The request for a picture: known nodes keep their slots, newcomers take the first free one.
    pub fn request(&mut self, view: &View, pins: &BTreeMap<Key, Pos2>) -> Request {
        let census = Census::of(view);
        let segments = segments(view, &census);
        let stopped = crate::things::stopped(view).into_keys().collect();
        let mut seeker = Seeker { view, census: &census, stopped, placed: Placed::default() };
        let mut ties = Vec::new();
        // Bridges first: a guest that is also on a segment hangs below its bridge.
        let mut order: Vec<Key> = segments.iter().filter_map(|segment| segment.rail).collect();
        order.extend(census.bridges().map(|node| node.key));
        let frames = frames(view, &census, &segments);
        // What a namespace holds stands together, below what is the host's own.
        order.sort_unstable();
        order.dedup();
        order.sort_by_cached_key(|key| (frames.get(key), matches!(key, Key::Link(..) | Key::Device(_) | Key::Cable(_)), *key));
        let mut by_rail: Map<Key, Vec<&Segment<'_>>> = Map::default();
        for segment in &segments {
            if let Some(rail) = segment.rail {
                by_rail.entry(rail).or_default().push(segment);
            }
        }
        let mut groups: Vec<(Option<Key>, Vec<Member>)> = Vec::new();
        for &rail in &order {
            let mut members = Vec::new();
            for segment in by_rail.get(&rail).into_iter().flatten() {
                seeker.seek(segment, Some(rail), &mut members);
            }
            groups.push((Some(rail), members));
        }
        let mut free = Vec::new();
        let is_free = |segment: &&Segment<'_>| segment.rail.is_none() && segment.link.kind.is_local();
        let (cables, wires): (Vec<_>, Vec<_>) = segments.iter().filter(is_free).partition(|segment| segment.link.kind == LinkKind::Cable);
        for segment in wires {
            seeker.seek(segment, None, &mut free);
        }
        for node in &census.cardless {
            free.push(Member { slot: Slot { node: Some(node.key), link: node.key }, port: node.key, vlan: None, rank: 0 });
        }
        groups.push((None, free));
        for segment in &cables {
            let mut members = Vec::new();
            seeker.seek(segment, Some(segment.key), &mut members);
            groups.push((Some(segment.key), members));
        }
        let cells = self.cells(&cables.iter().map(|segment| segment.key).collect::<Vec<_>>());
        further(&segments, &seeker.placed, &mut ties);
        let outside = if census.has(NodeKind::Outside) { outside(view) } else { Vec::new() };
        let spine = census.spine.map(|node| Spine {
            node: node.key,
            rows: crate::things::local_lines(view, node).len(),
            ports: segments
                .iter()
                .filter(|segment| segment.has_spine && segment.others.is_empty() && segment.bridges.is_empty() && segment.rail.is_none())
                .map(|segment| segment.key)
                .collect(),
            beyond: outside.iter().filter(|(router, ..)| *router == node.key).map(|&(_, outside, link)| (outside, link)).collect(),
        });
        let pins = pins.iter().map(|(key, pos)| (*key, *pos)).collect();
        let mut request = Request { spine, pins, vlans: vlans(&segments), ..Request::default() };
        self.turn += 1;
        let shown: BTreeSet<Option<Key>> = groups.iter().map(|(rail, _)| *rail).collect();
        for seats in self.rails.iter_mut().filter(|(rail, _)| !shown.contains(rail)).map(|(_, seats)| seats) {
            seats.iter_mut().for_each(|seat| seat.taken = None);
        }
        let mut cards = 0;
        for (rail, members) in groups {
            let is_present = |router: Key| members.iter().any(|member| member.slot.node == Some(router));
            let beyond: Vec<_> = outside.iter().filter(|(router, ..)| is_present(*router)).copied().collect();
            let slots = self.seat(rail, members);
            let cell = rail.and_then(|rail| cells.get(&rail)).copied();
            if (rail.is_some() && cell.is_none()) || slots.iter().any(Option::is_some) {
                let frame = rail.and_then(|rail| frames.get(&rail)).copied();
                cards += slots.len();
                request.groups.push(Group { rail, slots, beyond, cell, frame });
            }
        }
        while self.rails.len() > RAILS {
            self.rails.pop_last();
        }
        ties.sort_unstable();
        ties.dedup();
        request.ties = ties;
        self.is_dense = if self.is_dense { cards * 2 > FULL } else { cards > FULL };
        request.is_dense = self.is_dense;
        request
    }

    /// The cell of each cable: its own, or that of one that is away where many are, or a new one.
    fn cells(&mut self, cables: &[Key]) -> BTreeMap<Key, usize> {
        for &cable in cables {
            if self.cables.contains(&cable) {
                continue;
            }
            let away: Vec<usize> = (0..self.cables.len()).filter(|&cell| !cables.contains(&self.cables[cell])).collect();
            match away.first().filter(|_| away.len() > KEPT) {
                Some(&cell) => self.cables[cell] = cable,
                None => self.cables.push(cable),
            }
        }
        self.cables.iter().enumerate().map(|(cell, cable)| (*cable, cell)).filter(|(cable, _)| cables.contains(cable)).collect()
    }

    /// Gives every member a slot: its own, its port's, a free one, a new one.
    fn seat(&mut self, rail: Option<Key>, mut members: Vec<Member>) -> Vec<Option<Slot>> {
        let turn = self.turn;
        let seats = self.rails.entry(rail).or_default();
        members.sort_by_key(|member| (member.rank, member.vlan, member.port, member.slot.node));
        let mut is_taken = vec![false; seats.len()];
        let by_node: Map<Key, usize> = seats.iter().enumerate().filter_map(|(index, seat)| Some((seat.node?, index))).collect();
        let mut rest = Vec::new();
        for member in members {
            match member.slot.node.and_then(|node| by_node.get(&lasting(node))).copied().filter(|&index| !is_taken[index]) {
                Some(index) => {
                    is_taken[index] = true;
                    take(&mut seats[index], member, turn);
                }
                None => rest.push(member),
            }
        }
        let mut by_port: Map<Key, usize> = Map::default();
        for (index, seat) in seats.iter().enumerate().filter(|(index, _)| !is_taken[*index]) {
            by_port.entry(seat.port).or_insert(index);
        }
        let mut newcomers = Vec::new();
        for member in rest {
            // Many stations may be behind one port: only guests and empty ports are the same by it.
            match by_port.get(&member.port).copied().filter(|&index| !is_taken[index] && member.rank != 2) {
                Some(index) => {
                    is_taken[index] = true;
                    take(&mut seats[index], member, turn);
                }
                None => newcomers.push(member),
            }
        }
        for (seat, _) in seats.iter_mut().zip(&is_taken).filter(|(_, is_taken)| !**is_taken) {
            seat.taken = None;
        }
        let mut kept: Vec<usize> = (0..seats.len()).filter(|&index| !is_taken[index]).collect();
        kept.sort_by_key(|&index| (std::cmp::Reverse(seats[index].left), std::cmp::Reverse(index)));
        for member in newcomers {
            let index = if kept.len() > KEPT { kept.pop() } else { None };
            let index = index.unwrap_or_else(|| {
                seats.push(Seat { node: None, port: member.port, taken: None, left: 0 });
                seats.len() - 1
            });
            take(&mut seats[index], member, turn);
        }
        seats.iter().map(|seat| seat.taken).collect()
    }
}

/// What is attached once more than where it sits.
fn further(segments: &[Segment<'_>], placed: &Placed, ties: &mut Vec<Tie>) {
    for segment in segments.iter().filter(|segment| segment.link.kind.is_local()) {
        let (link, rail) = (segment.key, segment.rail);
        let is_home = |node: &Node| placed.get(&node.key).is_some_and(|(_, home)| *home == link);
        let has_home = segment.others.iter().any(|node| is_home(node));
        if segment.has_spine {
            match rail {
                Some(_) if has_home && segment.link.device.is_some() && !segment.bridges.is_empty() => {
                    ties.push(Tie::SpineToCard(link, link));
                }
                Some(rail) => ties.push(Tie::SpineToRail(link, rail)),
                None if !segment.others.is_empty() => ties.push(Tie::SpineToCard(link, link)),
                None => {}
            }
        }
        if let [first, second, ..] = segment.bridges[..] {
            ties.push(Tie::RailToRail(first, link, second));
        }
        for node in segment.others.iter().filter(|node| !is_home(node)).map(|node| node.key) {
            match rail {
                Some(rail) => ties.push(Tie::CardToRail(node, link, rail)),
                None if segment.others.len() > 1 => {
                    // Where neither sits here, one wire is enough.
                    let is_other = |other: &Key| *other != node && (has_home || node < *other);
                    if let Some(other) = segment.others.iter().map(|other| other.key).find(is_other) {
                        ties.push(Tie::CardToCard(node, link, other));
                    }
                }
                None if segment.link.kind == LinkKind::Backend => ties.push(Tie::Stub(node, link)),
                None if !segment.has_spine => ties.push(Tie::Stub(node, link)),
                None => {}
            }
        }
        // Who sits by a link that leads nowhere else.
        let is_cable = segment.link.kind == LinkKind::Cable && has_home;
        if let ([node], None, false, false) = (&segment.others[..], rail, segment.has_spine, is_cable) {
            ties.push(Tie::Stub(node.key, link));
        }
    }
}

fn take(seat: &mut Seat, member: Member, turn: u64) {
    if let Some(node) = member.slot.node {
        seat.node = Some(lasting(node));
    }
    seat.port = member.port;
    seat.taken = Some(member.slot);
    seat.left = turn;
}

/// A station's key names the lowest point of its domain, which may be another when a point opens or closes.
fn lasting(node: Key) -> Key {
    match node {
        Key::Station(_, mac) => Key::Station(PointId(0), mac),
        other => other,
    }
}

/// Finds who is to sit where.
struct Seeker<'a> {
    view: &'a View,
    census: &'a Census<'a>,
    /// What is left of guests that ended.
    stopped: BTreeSet<Key>,
    placed: Placed,
}

impl Seeker<'_> {
    /// Adds who is to sit at a segment: who sits nowhere yet, and a port where nobody is.
    fn seek(&mut self, segment: &Segment<'_>, rail: Option<Key>, members: &mut Vec<Member>) {
        let (key, vlan, port) = (segment.key, segment.vlan, port(self.view, segment.link));
        for what in &segment.others {
            let node = what.key;
            match self.placed.entry(node) {
                Entry::Occupied(_) => continue,
                Entry::Vacant(place) => place.insert((rail, key)),
            };
            let rank = match what.kind {
                // Who ended sits where it sat: it is known by its port.
                _ if self.stopped.contains(&node) => 0,
                NodeKind::Guest => 0,
                NodeKind::Local => 1,
                NodeKind::Host | NodeKind::Router | NodeKind::Outside | NodeKind::Bridge | NodeKind::Stack | NodeKind::Program => 2,
            };
            members.push(Member { slot: Slot { node: Some(node), link: key }, port, vlan, rank });
        }
        let is_empty = segment.others.is_empty() && !segment.has_spine && segment.bridges.len() < 2;
        let Some(rail) = rail.filter(|&rail| is_empty && rail != key && segment.link.device.is_some()) else { return };
        let device = segment.link.device.and_then(|id| self.view.tables.host.device(id));
        let is_bridge = |device: &Device| matches!(device.kind, DeviceKind::Bridge(_) | DeviceKind::Bond(_));
        if !device.is_some_and(|device| is_bridge(device) || self.is_base(rail, device.id)) {
            members.push(Member { slot: Slot { node: None, link: key }, port, vlan, rank: 3 });
        }
    }

    /// Whether a rail stands for this very device.
    fn is_base(&self, rail: Key, device: DeviceId) -> bool {
        self.census.few.iter().any(|node| node.key == rail && node.host == Some(Configured::Device(device)))
    }
}

/// The namespaces of the rails that are in another one than the host's own.
fn frames(view: &View, census: &Census<'_>, segments: &[Segment<'_>]) -> BTreeMap<Key, Key> {
    let host = &view.tables.host;
    let others: BTreeSet<Netns> = host.namespaces().filter(|namespace| !namespace.is_own).map(|namespace| namespace.id).collect();
    let bridges = census.bridges().filter_map(|node| match node.host {
        Some(Configured::Device(id)) => Some((node.key, id.netns)),
        _ => None,
    });
    let links = segments.iter().filter_map(|segment| Some((segment.key, segment.link.device?.netns)));
    bridges.chain(links).filter(|(_, netns)| others.contains(netns)).map(|(rail, netns)| (rail, Key::Local(netns))).collect()
}

/// A link's key is another when a point opens on it; its device's number is not.
fn port(view: &View, link: &Link) -> Key {
    if let Key::Device(_) = link.key {
        return link.key;
    }
    let host = &view.tables.host;
    link.device.and_then(|id| host.device(id)).map_or(link.key, |device| Key::Device(host.device_number(device)))
}

/// What lies beyond whom: (router, outside, link).
fn outside(view: &View) -> Vec<(Key, Key, Key)> {
    // A user-mode stack's card says itself what is beyond it.
    let mut outside: BTreeMap<Key, Key> = BTreeMap::new();
    let mut routers: BTreeMap<Key, Key> = BTreeMap::new();
    for (node, link, _) in view.topology.attachments().filter(|(_, link, _)| link.kind == LinkKind::Beyond) {
        if node.kind == NodeKind::Outside {
            outside.insert(link.key, node.key);
        } else if node.kind != NodeKind::Stack {
            routers.insert(link.key, node.key);
        }
    }
    routers.iter().filter_map(|(link, router)| outside.get(link).map(|outside| (*router, *outside, *link))).collect()
}

/// The VLANs of ports, of bridges that have more than one.
fn vlans(segments: &[Segment<'_>]) -> BTreeMap<Key, u16> {
    let mut of_bridge: BTreeMap<Key, BTreeMap<Key, u16>> = BTreeMap::new();
    for segment in segments {
        if let (Some(&bridge), Some(vlan)) = (segment.bridges.first(), segment.vlan) {
            of_bridge.entry(bridge).or_default().insert(segment.key, vlan);
        }
    }
    let several = |ports: &BTreeMap<Key, u16>| ports.values().collect::<BTreeSet<_>>().len() > 1;
    of_bridge.into_values().filter(several).flatten().collect()
}
