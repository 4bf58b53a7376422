//! What a cause's test can look at.

use super::diagnosis::Pattern;
use super::endpoint::Endpoint;
use super::firewall::Rules;
use super::question::Pinged;
use super::routing;
use super::sight::{Ear, Window, ear};
use super::trail::{At, Spot, Stop};
use super::walk::{Walk, case_name};
use crate::fact::{ArpOperation, Fact, IcmpError, Neighbor};
use crate::host::{Bridge, Device, DeviceCounters, DeviceId, DeviceKind, Host, HostKey, Netns, RouteInquiry, Tracked};
use crate::journey::Journey;
use crate::tables::Tables;
use crate::topology::Topology;
use crate::{Direction, FrameNo, MacAddr, Timestamp};
use std::net::IpAddr;

/// One question, and all that is known.
pub(crate) struct Case<'a> {
    pub tables: &'a Tables,
    pub host: &'a Host,
    pub topology: &'a Topology,
    pub from: Endpoint,
    pub to: Endpoint,
    pub is_v6: bool,
    pub window: Window,
    /// What lost echoes have in common.
    pub pattern: Pattern,
    /// What ping said itself.
    pub pinged: Option<Pinged>,
    /// The rules of the host's firewalls.
    pub rules: Rules<'a>,
}

impl<'a> Case<'a> {
    pub fn ear(&self, device: DeviceId) -> Ear {
        ear(self.tables, device)
    }

    /// Whether somebody listened at a stop and all was heard.
    pub fn is_covered(&self, stop: &Stop) -> bool {
        matches!(stop, Stop::Point { device, .. } if self.ear(*device) == Ear::Whole)
    }

    /// The packets that are followed, in the time that is looked at.
    pub fn journeys(&self) -> impl Iterator<Item = &'a Journey> {
        let window = self.window;
        self.tables.journeys.iter().filter(move |journey| window.holds(super::sight::began(journey)))
    }

    /// How many frames were seen at a device in one direction, up to a moment.
    pub fn captured(&self, device: DeviceId, direction: Direction, until: Timestamp) -> u64 {
        let sightings = self.journeys().flat_map(|journey| &journey.sightings);
        let here = sightings.filter(|seen| seen.direction == direction && seen.at <= until);
        here.filter(|seen| super::endpoint::device_of_point(self.tables, seen.point) == Some(device)).count() as u64
    }

    /// What a device's counters grew by.
    pub fn grew(&self, device: DeviceId) -> Option<DeviceCounters> {
        self.host.device_grew(device, self.window.since, self.window.until)
    }

    /// What a rule's or another counter grew by.
    pub fn grown(&self, key: &HostKey) -> Option<u64> {
        self.host.grown(key, self.window.since, self.window.until)
    }

    /// ICMP errors that quote an echo from A to B, with the frames.
    pub fn errors(&self) -> impl Iterator<Item = (&'a IcmpError, FrameNo)> {
        let (from, to) = (self.from.ip, self.to.ip);
        self.journeys().filter_map(move |journey| match &journey.subject {
            Fact::IcmpError(error) => {
                let quoted = error.quoted.filter(|quoted| quoted.echo.is_some())?;
                let is_ours = Some(quoted.source) == from && Some(quoted.destination) == to;
                is_ours.then(|| (error, journey.sightings.first().map(|seen| seen.frame).unwrap_or_default()))
            }
            _ => None,
        })
    }

    /// Whom an end asks for besides the other end after a moment, in vain.
    pub fn asked_elsewhere(&self, end: &Endpoint, since: Timestamp) -> Option<(IpAddr, FrameNo)> {
        let is_theirs = |journey: &&Journey| match (end.ip, &journey.subject) {
            (Some(ip), Fact::Arp(arp)) => arp.operation == ArpOperation::Request && IpAddr::V4(arp.sender_ip) == ip,
            // Whether its own address is free, a station asks from no address (RFC 4862); and one version of IP says nothing of the other.
            (Some(IpAddr::V6(_)), Fact::Neighbor(Neighbor::Solicitation { source, .. })) => {
                end.mac.is_some() && journey.source == end.mac && !source.is_unspecified()
            }
            _ => false,
        };
        self.journeys().filter(|journey| super::sight::began(journey) >= since).filter(is_theirs).find_map(|journey| {
            let asked: IpAddr = match &journey.subject {
                Fact::Arp(arp) => arp.target_ip.into(),
                Fact::Neighbor(Neighbor::Solicitation { target, .. }) => (*target).into(),
                _ => return None,
            };
            let is_elsewhere = Some(asked) != self.from.ip && Some(asked) != self.to.ip && Some(asked) != end.ip;
            let is_answered = self.journeys().any(|answer| match &answer.subject {
                Fact::Arp(arp) => {
                    arp.operation == ArpOperation::Reply && IpAddr::V4(arp.sender_ip) == asked && super::sight::began(answer) >= since
                }
                Fact::Neighbor(Neighbor::Advertisement { target, .. }) => IpAddr::V6(*target) == asked,
                _ => false,
            });
            (is_elsewhere && !is_answered).then(|| (asked, journey.sightings.first().map(|seen| seen.frame).unwrap_or_default()))
        })
    }

    /// Whether the kernel told which connections between both ends it tracks in a namespace: it is asked together with the ways.
    pub fn knows_tracked(&self, netns: Netns) -> bool {
        self.host.route_lookups().any(|row| row.packet.netns == netns)
            && !self.host.unreadable().any(|row| row.what.as_str().starts_with("the tracked connections of"))
    }

    /// Whether both ends are on one link, as ports of one bridge.
    pub fn is_one_link(&self) -> bool {
        let bridge = |end: &Endpoint| {
            let device = self.host.device(end.device()?)?;
            device.master.or_else(|| matches!(device.kind, DeviceKind::Bridge(_)).then_some(device.id))
        };
        bridge(&self.from).is_some() && bridge(&self.from) == bridge(&self.to)
    }

    /// Every address that a station was seen to have, by what proves it.
    pub fn owners(&self, ip: IpAddr) -> impl Iterator<Item = MacAddr> {
        self.tables.bindings.iter().filter(move |row| row.ip == ip && row.learned.proves_owner()).map(|row| row.mac)
    }
}

/// One place on the way of one packet.
pub(crate) struct Scene<'s> {
    pub case: &'s Case<'s>,
    pub walk: &'s Walk<'s>,
    pub spot: &'s Spot,
}

impl<'s> Scene<'s> {
    pub fn host(&self) -> &'s Host {
        self.case.host
    }

    /// The device that the spot is about.
    pub fn device(&self) -> Option<&'s Device> {
        self.spot.device.and_then(|device| self.case.host.device(device))
    }

    /// Where it goes out.
    pub fn out(&self) -> Option<&'s Device> {
        self.spot.out.and_then(|device| self.case.host.device(device))
    }

    /// The bridge of the spot, and what is set on it.
    pub fn bridge(&self) -> Option<(&'s Device, &'s Bridge)> {
        bridge(self.case.host, self.spot.bridge?)
    }

    pub fn name(&self, device: DeviceId) -> String {
        case_name(self.case.host, device)
    }

    /// The packet where the host looks its way up, as the kernel may be asked for it; its mark is not known here.
    pub fn routed(&self) -> RouteInquiry {
        let (spot, probe) = (self.spot, &self.spot.probe);
        RouteInquiry {
            netns: spot.netns,
            source: probe.source.filter(|ip| !ip.is_unspecified()),
            destination: probe.destination,
            in_device: spot.device.filter(|_| spot.at == At::Route),
            mark: 0,
        }
    }

    /// What the kernel tracks of an echo from A to B in this namespace; the newest is not known, so any.
    pub fn tracked(&self) -> Option<&'s Tracked> {
        let (from, to) = self.case.from.ip.zip(self.case.to.ip)?;
        let is_it = |row: &&Tracked| row.netns == self.spot.netns && row.original.source == from && row.original.destination == to;
        self.case.host.tracked().filter(is_it).find(|row| matches!(row.protocol, 1 | 58))
    }

    /// Packets of the leg: those that are followed here.
    pub fn count(&self) -> u64 {
        self.walk.packets.len() as u64
    }

    /// Whether any packet of the leg was seen at all.
    pub fn has_packets(&self) -> bool {
        !self.walk.packets.is_empty()
    }

    /// The frames that show where it was last.
    pub fn frames(&self) -> Vec<FrameNo> {
        self.walk.last_frames()
    }

    /// A number among the namespace's settings.
    pub fn setting(&self, name: &str) -> u32 {
        routing::number(self.case.host, self.spot.netns, name)
    }

    /// The frames that came out at a TAP and that its reader did not take, as far as counters tell: sent by the device, seen at its point.
    pub fn unread(&self, device: DeviceId) -> Option<(u64, u64)> {
        let counted_at = self.case.host.counted_at(device.netns)?;
        let sent = self.case.grew(device)?.sent_packets;
        Some((sent, self.case.captured(device, Direction::Outbound, counted_at)))
    }
}

/// A device that is a bridge.
pub(crate) fn bridge(host: &Host, id: DeviceId) -> Option<(&Device, &Bridge)> {
    let device = host.device(id)?;
    match &device.kind {
        DeviceKind::Bridge(bridge) => Some((device, bridge)),
        _ => None,
    }
}

/// `ip` and `bridge` as they are called for a namespace: `ip -n web`.
pub(crate) fn tool(host: &Host, netns: Netns, program: &str) -> String {
    match host.namespace(netns).filter(|row| !row.is_own).and_then(|row| row.name.as_ref()) {
        Some(name) => format!("{program} -n {name}"),
        None => program.into(),
    }
}

/// A command that is run in a namespace.
pub(crate) fn within(host: &Host, netns: Netns, command: &str) -> String {
    match host.namespace(netns).filter(|row| !row.is_own).and_then(|row| row.name.as_ref()) {
        Some(name) => format!("ip netns exec {name} {command}"),
        None => command.into(),
    }
}
