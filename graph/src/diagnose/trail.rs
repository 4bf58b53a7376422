//! The way that a packet should take, as the kernel's hooks have it: places where one can listen, and between them what decides over
//! packets.
//!
//! Read `net/bridge/br_input.c`, `br_forward.c` and `net/ipv4/ip_forward.c` of Linux, and tc(8) for what comes before and after a point.

use super::diagnosis::Leg;
use super::endpoint::{Endpoint, Place};
use super::routing::{self, Way};
use crate::host::{Device, DeviceId, DeviceKind, Host, Netns};
use crate::{Direction, MacAddr};
use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

/// More stops than this are a loop.
const STOPS: usize = 96;

/// A packet on its way, as it is at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub leg: Leg,
    pub source_mac: Option<MacAddr>,
    pub destination_mac: Option<MacAddr>,
    pub vlan: Option<u16>,
    /// Of the IP header; of ARP the sender's protocol address.
    pub source: Option<IpAddr>,
    /// Of ARP the target's protocol address.
    pub destination: IpAddr,
    /// Octets of the IP packet.
    pub octets: u32,
}

impl Probe {
    /// Whether it goes to all stations, or a group of them.
    pub fn is_to_group(&self) -> bool {
        self.destination_mac.is_none_or(MacAddr::is_group)
    }

    /// Whether it asks or answers for a link-layer address.
    pub fn is_resolution(&self) -> bool {
        matches!(self.leg, Leg::ArpRequest | Leg::ArpReply)
    }

    pub fn is_v6(&self) -> bool {
        self.destination.is_ipv6()
    }
}

/// What decides over packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum At {
    /// Who sends, or should.
    Sender,
    /// A backend without a device of the host.
    Backend,
    /// In a device before anybody can listen: XDP.
    Before,
    /// Behind the point, before the bridge or the IP stack: tc, netdev hooks.
    Ingress,
    /// A bridge takes a frame from a port.
    BridgeIn,
    /// A bridge hands a frame to a port.
    BridgeOut,
    /// A bridge hands a frame to its own device.
    BridgeUp,
    /// The IP stack takes an ARP or ND packet.
    Resolve,
    /// The prerouting hook.
    Prerouting,
    /// The IP stack looks up the way of what came in.
    Route,
    /// The input hook.
    Input,
    /// The host answers an echo, or takes the answer.
    Answer,
    /// The IP stack looks up the way of what it sends itself.
    RouteOut,
    /// The output hook.
    Output,
    /// The forward hook.
    Forward,
    /// The postrouting hook: source addresses are rewritten here.
    Postrouting,
    /// The next hop's link-layer address.
    Neighbor,
    /// A device sends: tc, queue, MTU, whether it is up.
    Egress,
    /// The queue of a TAP, and the process that reads it.
    Reader,
    /// Beyond an uplink.
    Beyond,
    /// Whom it is for.
    Receiver,
}

/// One place where something decides over a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub at: At,
    pub netns: Netns,
    /// The device that it is about; of a bridge the port that the frame came in by, none for what the host itself sends.
    pub device: Option<DeviceId>,
    /// Where it goes out.
    pub out: Option<DeviceId>,
    pub bridge: Option<DeviceId>,
    pub next_hop: Option<IpAddr>,
    /// The packet as it is there.
    pub probe: Probe,
}

/// A stop of the way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// Here one can listen.
    Point { device: DeviceId, direction: Direction, probe: Probe },
    /// Here something decides.
    Spot(Spot),
}

/// The expected way of one packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    pub stops: Vec<Stop>,
}

/// Plans the way of a packet from one end to the other.
pub(crate) fn plan(host: &Host, from: &Endpoint, to: &Endpoint, probe: Probe) -> Trail {
    let mut planner = Planner { host, to, stops: Vec::new() };
    match from.place {
        Place::Behind(device) => {
            planner.spot(At::Sender, device.netns, Some(device), probe);
            planner.spot(At::Before, device.netns, Some(device), probe);
            planner.enter(device, probe);
        }
        Place::Local(netns, device) => planner.send(netns, device, probe),
        Place::Backend(..) | Place::Stack(..) | Place::Nowhere => {
            planner.spot(At::Sender, Netns::default(), None, probe);
            planner.spot(At::Backend, Netns::default(), None, probe);
            if let Some(netns) = user_mode(host, from, to).filter(|_| !probe.is_resolution()) {
                // QEMU pings in the guest's stead, from a socket of its own.
                planner.send_by_socket(netns, Probe { source: None, source_mac: None, destination_mac: None, ..probe });
            }
        }
    }
    Trail { stops: planner.stops }
}

/// Where the user-mode stack of an end runs, if the other end is outside of its network.
fn user_mode(host: &Host, from: &Endpoint, to: &Endpoint) -> Option<Netns> {
    let (guest, _) = from.user_mode(host)?;
    let is_outside = to.place == Place::Nowhere && to.ip.is_some_and(|ip| ip.is_ipv4());
    is_outside.then(|| guest.netns.unwrap_or_default())
}

struct Planner<'a> {
    host: &'a Host,
    to: &'a Endpoint,
    stops: Vec<Stop>,
}

impl Planner<'_> {
    fn spot(&mut self, at: At, netns: Netns, device: Option<DeviceId>, probe: Probe) {
        self.push(Spot { at, netns, device, out: None, bridge: None, next_hop: None, probe });
    }

    fn push(&mut self, spot: Spot) {
        if self.stops.len() < STOPS {
            self.stops.push(Stop::Spot(spot));
        }
    }

    fn is_full(&self) -> bool {
        self.stops.len() >= STOPS
    }

    fn point(&mut self, device: DeviceId, direction: Direction, probe: Probe) {
        if self.stops.len() < STOPS {
            self.stops.push(Stop::Point { device, direction, probe });
        }
    }

    fn arrive(&mut self, device: Option<DeviceId>, probe: Probe) {
        let netns = device.map_or(Netns::default(), |device| device.netns);
        if matches!(self.to.place, Place::Backend(..) | Place::Stack(..)) {
            self.spot(At::Backend, netns, None, probe);
        }
        self.spot(At::Receiver, netns, device, probe);
    }

    /// A frame comes in by a device from outside.
    fn enter(&mut self, id: DeviceId, probe: Probe) {
        self.point(id, Direction::Inbound, probe);
        self.spot(At::Ingress, id.netns, Some(id), probe);
        let Some(device) = self.host.device(id) else { return };
        if self.is_full() {
            return;
        }
        let is_bridge = |id: DeviceId| self.host.device(id).is_some_and(|device| matches!(device.kind, DeviceKind::Bridge(_)));
        match device.master.filter(|_| device.port.is_some()) {
            Some(bridge) if is_bridge(bridge) => {
                self.push(Spot {
                    at: At::BridgeIn,
                    netns: id.netns,
                    device: Some(id),
                    out: None,
                    bridge: Some(bridge),
                    next_hop: None,
                    probe,
                });
                self.forward(bridge, Some(id), probe);
            }
            _ => {
                let tagged = probe.vlan.and_then(|vid| self.vlan_above(id, vid));
                match tagged {
                    Some(above) => self.enter(above, Probe { vlan: None, ..probe }),
                    None if self.is_goal_without_bridge(id, &probe) => {
                        // As if the port were in the bridge: what is missing is told by who looks at this spot.
                        self.push(Spot {
                            at: At::BridgeOut,
                            netns: id.netns,
                            device: Some(id),
                            out: self.goal_device(&probe),
                            bridge: None,
                            next_hop: None,
                            probe,
                        });
                        if let Some(out) = self.goal_device(&probe) {
                            self.leave(out, probe);
                        }
                    }
                    None if self.is_for_another(id, &probe) => self.arrive(None, probe),
                    None => self.up(id, probe),
                }
            }
        }
    }

    /// The other end, where it is a macvlan over the same device.
    fn sibling(&self, device: &Device) -> Option<DeviceId> {
        let other = self.to.device().and_then(|other| self.host.device(other)).filter(|other| other.id != device.id)?;
        let is_macvlan = matches!(other.kind, DeviceKind::Macvlan(_));
        (is_macvlan && other.lower.is_some() && other.lower == device.lower).then_some(other.id)
    }

    /// Whether a frame is for a station that is not this host: its IP stack throws it away (`PACKET_OTHERHOST` in `ip_rcv_core`).
    fn is_for_another(&self, id: DeviceId, probe: &Probe) -> bool {
        let is_own = |mac| self.host.devices().any(|device| device.id.netns == id.netns && device.mac == Some(mac));
        probe.destination_mac.is_some_and(|mac| mac.is_station() && !is_own(mac))
    }

    /// Whether a frame that came in by a device without a bridge should have gone to another port.
    fn is_goal_without_bridge(&self, id: DeviceId, probe: &Probe) -> bool {
        let is_for_host = probe.destination_mac.is_some_and(|mac| self.host.device(id).is_some_and(|device| device.mac == Some(mac)));
        let has_stack = routing::has_address(self.host, id);
        !is_for_host && !has_stack && self.goal_device(probe).is_some_and(|goal| goal != id)
    }

    fn vlan_above(&self, base: DeviceId, vid: u16) -> Option<DeviceId> {
        let is_it = |device: &&Device| device.lower == Some(base) && matches!(device.kind, DeviceKind::Vlan { vid: own, .. } if own == vid);
        self.host.devices().find(is_it).map(|device| device.id)
    }

    /// Whether a link-layer address is one of a namespace's own.
    fn is_own(&self, netns: Netns, bridge: DeviceId, mac: MacAddr) -> bool {
        self.host
            .devices()
            .any(|device| device.id.netns == netns && device.mac == Some(mac) && (device.id == bridge || device.master == Some(bridge)))
    }

    /// The device that the packet should leave by.
    fn goal_device(&self, probe: &Probe) -> Option<DeviceId> {
        let is_for_goal = probe.is_to_group() || self.to.mac.is_none() || probe.destination_mac == self.to.mac;
        match self.to.place {
            Place::Behind(device) | Place::Local(_, device) if is_for_goal => Some(device),
            // Who is not known anywhere is flooded to, also where the other end is.
            Place::Behind(device) => probe.destination_mac.and_then(|mac| self.port_of(mac)).or(Some(device)),
            _ => probe.destination_mac.and_then(|mac| self.port_of(mac)),
        }
    }

    /// Where a station is, by the forwarding databases.
    fn port_of(&self, mac: MacAddr) -> Option<DeviceId> {
        let is_port = |port: DeviceId, bridge: DeviceId| self.host.device(port).is_some_and(|device| device.master == Some(bridge));
        self.host
            .fdb()
            .find(|entry| entry.mac == mac && entry.bridge.is_some_and(|bridge| is_port(entry.port, bridge)))
            .map(|entry| entry.port)
    }

    /// A bridge forwards a frame.
    fn forward(&mut self, bridge: DeviceId, port: Option<DeviceId>, probe: Probe) {
        let netns = bridge.netns;
        let is_up = match (probe.is_to_group(), probe.destination_mac) {
            (false, Some(mac)) => self.is_own(netns, bridge, mac),
            // Whoever asks for an address of this host is answered by the host.
            _ => matches!(self.to.place, Place::Local(goal, _) if goal == netns),
        };
        if is_up && port.is_some() {
            self.push(Spot { at: At::BridgeUp, netns, device: port, out: Some(bridge), bridge: Some(bridge), next_hop: None, probe });
            self.point(bridge, Direction::Inbound, probe);
            self.up(bridge, probe);
            return;
        }
        let goal = self.goal_device(&probe);
        let exit = goal.and_then(|goal| self.exit(bridge, goal, port));
        let out = exit.or(goal.filter(|goal| Some(*goal) != port && *goal != bridge));
        self.push(Spot { at: At::BridgeOut, netns, device: port, out, bridge: Some(bridge), next_hop: None, probe });
        match out {
            Some(out) => self.leave(out, probe),
            None => self.arrive(None, probe),
        }
    }

    /// The port of a bridge that leads to a device: itself, or by pairs to other bridges.
    fn exit(&self, bridge: DeviceId, goal: DeviceId, came_in: Option<DeviceId>) -> Option<DeviceId> {
        let mut seen = BTreeSet::from([bridge]);
        let mut queue: VecDeque<(DeviceId, Option<DeviceId>)> = VecDeque::from([(bridge, None)]);
        while let Some((bridge, first)) = queue.pop_front() {
            for port in self.host.ports(bridge) {
                if Some(port.id) == came_in {
                    continue;
                }
                let first = first.unwrap_or(port.id);
                let peer = port.lower.filter(|_| port.kind == DeviceKind::Veth);
                if port.id == goal || peer == Some(goal) {
                    return Some(first);
                }
                let next = peer.and_then(|peer| self.host.device(peer)).filter(|peer| peer.port.is_some()).and_then(|peer| peer.master);
                if let Some(next) = next
                    && seen.insert(next)
                {
                    queue.push_back((next, Some(first)));
                }
            }
        }
        None
    }

    /// A device sends.
    fn leave(&mut self, id: DeviceId, probe: Probe) {
        if self.is_full() {
            return;
        }
        self.spot(At::Egress, id.netns, Some(id), probe);
        self.point(id, Direction::Outbound, probe);
        let Some(device) = self.host.device(id) else { return self.arrive(None, probe) };
        match &device.kind {
            DeviceKind::Tun(_) | DeviceKind::Macvtap(_) => {
                self.spot(At::Reader, id.netns, Some(id), probe);
                self.arrive(Some(id), probe);
            }
            DeviceKind::Bridge(_) => self.forward(id, None, probe),
            DeviceKind::Veth => match device.lower.filter(|peer| self.host.device(*peer).is_some()) {
                Some(peer) => self.enter(peer, probe),
                None => {
                    self.spot(At::Beyond, id.netns, Some(id), probe);
                    let is_end = device.port.is_some() || self.to.device() == Some(id);
                    self.arrive(Some(id).filter(|_| is_end), probe);
                }
            },
            DeviceKind::Macvlan(_) => {
                self.spot(At::Beyond, id.netns, Some(id), probe);
                match self.sibling(device) {
                    Some(other) => self.enter(other, probe),
                    None => self.arrive(None, probe),
                }
            }
            DeviceKind::Vlan { vid, .. } => match device.lower {
                Some(lower) => self.leave(lower, Probe { vlan: Some(*vid), ..probe }),
                None => self.arrive(Some(id), probe),
            },
            _ => {
                self.spot(At::Beyond, id.netns, Some(id), probe);
                self.arrive(Some(id).filter(|id| self.to.place == Place::Behind(*id)), probe);
            }
        }
    }

    /// The IP stack takes a packet that came in by a device.
    fn up(&mut self, id: DeviceId, probe: Probe) {
        let netns = id.netns;
        if probe.is_resolution() {
            self.spot(At::Resolve, netns, Some(id), probe);
            self.arrive(Some(id), probe);
            return;
        }
        self.spot(At::Prerouting, netns, Some(id), probe);
        let way = routing::look_up(self.host, netns, probe.source, probe.destination, Some(id));
        if let Way::Local(_) = way {
            self.spot(At::Route, netns, Some(id), probe);
            self.spot(At::Input, netns, Some(id), probe);
            self.spot(At::Answer, netns, Some(id), probe);
            self.arrive(Some(id), probe);
            return;
        }
        // Where the tables lead elsewhere than to the other end, what should be is where it is.
        let (out, next) = self.exit_of_stack(netns, &way, &probe);
        self.push(Spot { at: At::Route, netns, device: Some(id), out, bridge: None, next_hop: next, probe });
        let Some(out) = out else { return self.arrive(None, probe) };
        self.push(Spot { at: At::Forward, netns, device: Some(id), out: Some(out), bridge: None, next_hop: next, probe });
        self.send_on(netns, Some(id), out, next, probe);
    }

    /// Where a packet leaves the IP stack: by the tables, but where these lead elsewhere than to a link of the host's own that the other end
    /// is on, by that link. What is wrong with the tables is told by who looks at the spot.
    fn exit_of_stack(&self, netns: Netns, way: &Way<'_>, probe: &Probe) -> (Option<DeviceId>, Option<IpAddr>) {
        let right = self.connected(netns).filter(|device| routing::is_on_link(self.host, *device, probe.destination));
        match (way, right) {
            (Way::Local(device), _) => (Some(*device), None),
            (Way::Out(hop), None) => (Some(hop.device), Some(hop.next)),
            // The port that an address is on stands for its bridge.
            (Way::Out(hop), Some(right))
                if hop.device == right || self.host.device(hop.device).is_some_and(|row| row.master == Some(right)) =>
            {
                (Some(hop.device), Some(hop.next))
            }
            (_, Some(right)) => (Some(right), Some(probe.destination)),
            (Way::Refused(_) | Way::Nowhere, None) => (self.connected(netns), Some(probe.destination)),
        }
    }

    /// The device of a namespace that leads to the other end, by where it is attached.
    fn connected(&self, netns: Netns) -> Option<DeviceId> {
        let device = self.to.device()?;
        let master = self.host.device(device)?.master.filter(|master| master.netns == netns);
        master.or(Some(device).filter(|device| device.netns == netns))
    }

    /// The IP stack of a namespace sends.
    fn send(&mut self, netns: Netns, by: DeviceId, probe: Probe) {
        self.spot(At::Sender, netns, Some(by), probe);
        if probe.is_resolution() {
            self.leave(by, probe);
            return;
        }
        self.send_by_socket(netns, probe);
    }

    /// A packet from a socket in a namespace.
    fn send_by_socket(&mut self, netns: Netns, probe: Probe) {
        let way = routing::look_up(self.host, netns, probe.source, probe.destination, None);
        let (out, next) = self.exit_of_stack(netns, &way, &probe);
        self.push(Spot { at: At::RouteOut, netns, device: None, out, bridge: None, next_hop: next, probe });
        let Some(out) = out else { return self.arrive(None, probe) };
        self.push(Spot { at: At::Output, netns, device: None, out: Some(out), bridge: None, next_hop: next, probe });
        if matches!(way, Way::Local(_)) {
            self.spot(At::Input, netns, Some(out), probe);
            self.spot(At::Answer, netns, Some(out), probe);
            self.arrive(Some(out), probe);
            return;
        }
        self.send_on(netns, None, out, next, probe);
    }

    fn send_on(&mut self, netns: Netns, came_in: Option<DeviceId>, out: DeviceId, next: Option<IpAddr>, probe: Probe) {
        self.push(Spot { at: At::Postrouting, netns, device: came_in, out: Some(out), bridge: None, next_hop: next, probe });
        self.push(Spot { at: At::Neighbor, netns, device: came_in, out: Some(out), bridge: None, next_hop: next, probe });
        let known = self.host.neighbors().find(|row| row.device == out && Some(row.ip) == next && row.mac.is_some());
        let destination_mac = known.and_then(|row| row.mac).or(self.to.mac.filter(|_| next == self.to.ip));
        let source_mac = self.host.device(out).and_then(|device| device.mac);
        self.leave(out, Probe { source_mac, destination_mac, vlan: None, ..probe });
    }
}
