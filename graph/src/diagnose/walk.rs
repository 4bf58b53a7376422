//! How far the packets of one leg came on the way that they should have taken.

use super::diagnosis::{Leg, PathStep, Status};
use super::endpoint::{Endpoint, Place};
use super::scene::Case;
use super::sight::{Ear, Here, Seen};
use super::trail::{At, Probe, Spot, Stop, Trail, plan};
use crate::host::{DeviceId, Host};
use crate::journey::Journey;
use crate::{Direction, FrameNo, MacAddr};
use std::net::IpAddr;
use std::ops::Range;

/// The packets of a leg on their way.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    pub leg: Leg,
    pub from: Endpoint,
    pub to: Endpoint,
    pub packets: Vec<&'a Journey>,
    pub seen: Seen,
    pub trail: Trail,
    pub statuses: Vec<Status>,
    /// The last point that saw it.
    pub last_seen: Option<usize>,
    /// The next point that should have, and did not though it listened.
    pub next_expected: Option<usize>,
}

impl<'a> Walk<'a> {
    /// Follows packets from one end to the other.
    pub fn new(case: &Case<'a>, leg: Leg, from: &Endpoint, to: &Endpoint, packets: Vec<&'a Journey>) -> Walk<'a> {
        let twins = super::sight::rewritten(case.tables, &packets);
        let seen = Seen::of(case.tables, packets.iter().map(|one| (*one, false)).chain(twins.into_iter().map(|one| (one, true))));
        // What a station sends shows its address, also where nothing else does.
        let from = &Endpoint { mac: packets.last().and_then(|one| one.source).filter(|_| !from.is_local()).or(from.mac), ..from.clone() };
        let mut probe = probe(leg, from, to, &packets, case.is_v6);
        if packets.is_empty() && !probe.is_resolution() {
            probe.destination_mac = router(case.host, from, to).or(probe.destination_mac);
        }
        let trail = plan(case.host, from, to, probe);
        let mut walk = Walk {
            leg,
            from: from.clone(),
            to: to.clone(),
            packets,
            seen,
            trail,
            statuses: Vec::new(),
            last_seen: None,
            next_expected: None,
        };
        let last_seen = walk.points().filter(|(_, here)| here.is_some()).map(|(index, _)| index).last();
        let first_unseen = last_seen.map_or(0, |last| last + 1);
        let next_expected = walk.stops_from(first_unseen).find(|(_, stop)| case.is_covered(stop)).map(|(index, _)| index);
        (walk.last_seen, walk.next_expected) = (last_seen, next_expected);
        walk.statuses = (0..walk.trail.stops.len()).map(|index| walk.status(case, index)).collect();
        walk
    }

    fn stops_from(&self, first: usize) -> impl Iterator<Item = (usize, &Stop)> {
        self.trail.stops.iter().enumerate().skip(first)
    }

    /// The points of the way, with what was seen there.
    fn points(&self) -> impl Iterator<Item = (usize, Option<&Here>)> {
        self.stops_from(0).filter_map(|(index, stop)| match stop {
            Stop::Point { device, direction, .. } => Some((index, self.seen.at(*device, *direction))),
            Stop::Spot(_) => None,
        })
    }

    fn status(&self, case: &Case<'_>, index: usize) -> Status {
        let is_behind = self.last_seen.is_some_and(|last| index < last);
        match &self.trail.stops[index] {
            Stop::Point { device, direction, .. } => match (self.seen.at(*device, *direction), case.ear(*device)) {
                (Some(_), _) => Status::Seen,
                (None, Ear::Whole) => Status::NotSeen,
                (None, Ear::Lossy(_) | Ear::Deaf) => Status::NotCaptured,
            },
            Stop::Spot(_) if is_behind => Status::Passed,
            Stop::Spot(_) => Status::NotReached,
        }
    }

    /// What decides over packets in a part of the way let them pass.
    pub fn pass(&mut self, part: Range<usize>) {
        for index in part {
            if let (Some(Stop::Spot(_)), Some(status)) = (self.trail.stops.get(index), self.statuses.get_mut(index)) {
                *status = Status::Passed;
            }
        }
    }

    /// Where it died: what lies between the last sighting and the next expected one.
    pub fn gap(&self) -> Range<usize> {
        let first = self.last_seen.map_or(0, |last| last + 1);
        first..self.next_expected.unwrap_or(self.trail.stops.len()).max(first)
    }

    /// Whether it came to the last place where one could see it before its end. Packets of a trail without points did not.
    pub fn is_delivered(&self) -> bool {
        let last = self.points().last().map(|(index, _)| index);
        last.is_some() && self.last_seen == last
    }

    /// Whether somebody listened, and heard all, at every point up to a stop from the last sighting on.
    pub fn is_watched(&self, case: &Case<'_>, upto: usize) -> bool {
        let first = self.last_seen.map_or(0, |last| last + 1);
        self.stops_from(first).take_while(|(index, _)| *index < upto).all(|(_, stop)| match stop {
            Stop::Point { .. } => case.is_covered(stop),
            Stop::Spot(_) => true,
        })
    }

    pub fn spot(&self, index: usize) -> Option<&Spot> {
        match self.trail.stops.get(index)? {
            Stop::Spot(spot) => Some(spot),
            Stop::Point { .. } => None,
        }
    }

    /// The first spot of a kind.
    pub fn find(&self, at: At) -> Option<usize> {
        self.trail.stops.iter().position(|stop| matches!(stop, Stop::Spot(spot) if spot.at == at))
    }

    /// The name of a point, such as `tapA in`.
    pub fn label(&self, host: &Host, index: usize) -> String {
        match &self.trail.stops[index] {
            Stop::Point { device, direction, .. } => format!("{} {}", case_name(host, *device), direction_name(*direction)),
            Stop::Spot(spot) => describe(host, spot),
        }
    }

    /// The frames that were seen last.
    pub fn last_frames(&self) -> Vec<FrameNo> {
        let here = self.last_seen.and_then(|index| match &self.trail.stops[index] {
            Stop::Point { device, direction, .. } => self.seen.at(*device, *direction),
            Stop::Spot(_) => None,
        });
        here.map_or_else(Vec::new, |here| here.frames.iter().copied().take(8).collect())
    }

    /// The way for a picture: points and what decides between them, several deciders in a row as one.
    pub fn steps(&self, case: &Case<'_>) -> Vec<PathStep> {
        let (host, mut steps): (_, Vec<PathStep>) = (case.host, Vec::new());
        // Where the host says nothing, the way is where the packets were seen.
        for (point, here) in &self.seen.elsewhere {
            steps.push(PathStep {
                leg: self.leg,
                hop: case.tables.points.get(point.0 as usize).map_or_else(String::new, |row| row.label(*point)),
                device: None,
                direction: Some(Direction::Unknown),
                status: Status::Seen,
                frames: here.frames.iter().copied().take(8).collect(),
                at: Some(here.at),
                rewritten: None,
            });
        }
        for (index, stop) in self.trail.stops.iter().enumerate() {
            let status = self.statuses[index];
            match stop {
                Stop::Point { device, direction, probe } => {
                    let here = self.seen.at(*device, *direction);
                    steps.push(PathStep {
                        leg: self.leg,
                        hop: case_name(host, *device),
                        device: Some(*device),
                        direction: Some(*direction),
                        status,
                        frames: here.map_or_else(Vec::new, |here| here.frames.iter().copied().take(8).collect()),
                        at: here.map(|here| here.at),
                        rewritten: here.and_then(|here| here.rewritten).map(|pair| rewriting(probe, pair)),
                    });
                }
                Stop::Spot(spot) => {
                    let hop = describe(host, spot);
                    let same = steps.last_mut().filter(|step| step.direction.is_none() && step.hop == hop);
                    match same {
                        Some(step) => {
                            if matches!(status, Status::Blocked | Status::NotRead | Status::Read) {
                                step.status = status;
                            }
                        }
                        None => steps.push(PathStep {
                            leg: self.leg,
                            hop,
                            device: spot.bridge.or(spot.device),
                            direction: None,
                            status,
                            frames: Vec::new(),
                            at: None,
                            rewritten: None,
                        }),
                    }
                }
            }
        }
        steps
    }
}

/// The host's link-layer address on the link of a station, where the other end is on another link: its router, as far as is known.
fn router(host: &Host, from: &Endpoint, to: &Endpoint) -> Option<MacAddr> {
    let Place::Behind(device) = from.place else { return None };
    let link = |id: DeviceId| host.device(id).map(|device| device.master.filter(|_| device.port.is_some()).unwrap_or(id));
    let own = link(device)?;
    let is_far = to.device().is_some_and(|other| link(other) != Some(own));
    let has_stack = host.addresses().any(|row| row.device == own && Some(row.ip.is_ipv6()) == from.ip.map(|ip| ip.is_ipv6()));
    (is_far && has_stack).then(|| host.device(own)?.mac).flatten()
}

fn rewriting(probe: &Probe, (source, destination): (IpAddr, IpAddr)) -> String {
    match (probe.source == Some(source), probe.destination == destination) {
        (false, true) => format!("source {source}"),
        (true, false) => format!("destination {destination}"),
        _ => format!("{source} > {destination}"),
    }
}

/// The packet of a leg at its start: as it was seen, else as it should be.
fn probe(leg: Leg, from: &Endpoint, to: &Endpoint, packets: &[&Journey], is_v6: bool) -> Probe {
    let first = packets.last();
    let unspecified: IpAddr = if is_v6 { std::net::Ipv6Addr::UNSPECIFIED.into() } else { std::net::Ipv4Addr::UNSPECIFIED.into() };
    let to_mac = if leg == Leg::ArpRequest { None } else { to.mac };
    Probe {
        leg,
        source_mac: first.and_then(|journey| journey.source).or(from.mac),
        destination_mac: first.and_then(|journey| journey.destination).or(to_mac),
        vlan: first.and_then(|journey| journey.sightings.first()).and_then(|sighting| sighting.vlan),
        source: from.ip,
        destination: to.ip.unwrap_or(unspecified),
        octets: packets.iter().map(|journey| journey.octets.saturating_sub(14)).max().unwrap_or(84),
    }
}

/// A device's name, with its namespace where that is not our own.
pub(crate) fn case_name(host: &Host, device: DeviceId) -> String {
    let Some(row) = host.device(device) else { return format!("device {}", device.index) };
    match host.namespace(device.netns).filter(|netns| !netns.is_own).and_then(|netns| netns.name.as_ref()) {
        Some(netns) => format!("{}@{netns}", row.name),
        None => row.name.to_string(),
    }
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "in",
        Direction::Outbound => "out",
        Direction::Unknown => "seen",
    }
}

/// What decides at a spot, for people.
pub(crate) fn describe(host: &Host, spot: &Spot) -> String {
    let device = |id: Option<DeviceId>| id.map_or_else(|| "?".into(), |id| case_name(host, id));
    match spot.at {
        At::Sender => "sender".into(),
        At::Backend => "backend".into(),
        At::Before => format!("driver of {}", device(spot.device)),
        At::Ingress => format!("ingress of {}", device(spot.device)),
        At::BridgeIn | At::BridgeOut | At::BridgeUp => match spot.bridge {
            Some(bridge) => format!("bridge {}", case_name(host, bridge)),
            None => "no bridge".into(),
        },
        At::Resolve | At::Answer | At::Input | At::Output | At::RouteOut => "host".into(),
        At::Prerouting | At::Route | At::Forward | At::Postrouting => "host routing".into(),
        At::Neighbor => format!("neighbour on {}", device(spot.out)),
        At::Egress => format!("egress of {}", device(spot.device)),
        At::Reader => format!("reader of {}", device(spot.device)),
        At::Beyond => format!("beyond {}", device(spot.device)),
        At::Receiver => "receiver".into(),
    }
}
