//! The network: observes events, and gives views.

use crate::decode::{self, LinkKey, Outline, Packet, outline};
use crate::event::Frame;
use crate::fact::{Fact, NameSource, Neighbor};
use crate::finding::{Finding, findings};
use crate::learn::{
    AddressLearner, Ahead, DhcpLearner, EchoLearner, FlowLearner, JourneyLearner, Layer2, Lesson, RowLearner, Seen, Traffic, about,
};
use crate::tables::{Learned, Limits, Point, RouterReason, Tables};
use crate::topology::Topology;
use crate::{Batch, Direction, Event, FrameNo, PointInfo, Timestamp};
use std::net::IpAddr;

/// Frames that are digested and looked up together.
const GROUP: usize = 16;

/// Everything that was learned, at one moment; immutable and shared by who looks.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What was learned.
    pub tables: Tables,
    /// The picture.
    pub topology: Topology,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl View {
    fn of(tables: Tables) -> View {
        let topology = Topology::build(&tables);
        let findings = findings(&tables, &topology);
        View { tables, topology, findings }
    }
}

/// The model. The same events in the same order give the same views. A clone learns on
/// by itself.
#[derive(Clone, Debug)]
pub struct Network {
    tables: Tables,
    limits: Limits,
    hasher: foldhash::fast::FixedState,
    layer2: Layer2,
    flows: FlowLearner,
    journeys: JourneyLearner,
    addresses: AddressLearner,
    dhcp: DhcpLearner,
    echoes: EchoLearner,
    rows: RowLearner,
    facts: Vec<Fact>,
    /// The second of capture time whose traffic the stations' series have yet to hear of.
    second: i64,
}

impl Network {
    /// An empty network. `seed` keys the hash tables against chosen keys: flows are chosen by guests; it does not show in any view.
    pub fn new(limits: Limits, seed: u64) -> Network {
        Network {
            tables: Tables::default(),
            limits,
            hasher: foldhash::fast::FixedState::with_seed(seed),
            layer2: Layer2::new(seed),
            flows: FlowLearner::new(seed),
            journeys: JourneyLearner::new(seed),
            addresses: AddressLearner::new(seed),
            dhcp: DhcpLearner::new(seed),
            echoes: EchoLearner::new(seed),
            rows: RowLearner::new(seed),
            facts: Vec::new(),
            second: i64::MIN,
        }
    }

    /// Takes the next event.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Opened(info) => self.open(info),
            Event::Closed { point, reason } => {
                if let Some(point) = self.tables.points.get_mut(point.0 as usize) {
                    point.closed = true;
                    point.reason.clone_from(reason);
                }
            }
            Event::Frames(batch) => self.observe_batch(batch),
            Event::Resumed { point, info, .. } => {
                if let Some(point) = self.tables.points.get_mut(point.0 as usize) {
                    point.info.clone_from(info);
                    (point.closed, point.reason) = (false, None);
                }
            }
            Event::Lost { point, frames, cause } => {
                if let Some(point) = self.tables.points.get_mut(point.0 as usize) {
                    point.lost = point.lost.saturating_add(*frames);
                    let by_cause = point.lost_by.entry(*cause).or_default();
                    *by_cause = by_cause.saturating_add(*frames);
                }
            }
            Event::Host { at, changes } => {
                self.tables.now = Some(self.tables.now.map_or(*at, |now| now.max(*at)));
                for change in changes {
                    self.tables.log.note(&self.tables.host, *at, change);
                    self.tables.host.apply(*at, change.clone());
                }
            }
        }
    }

    fn open(&mut self, info: &PointInfo) {
        if self.tables.points.len() < self.limits.points {
            self.tables.points.push(Point { info: info.clone(), ..Point::default() });
        } else {
            self.tables.dropped.rows += 1;
        }
    }

    /// Takes all frames of a batch.
    ///
    /// Some are outlined and looked up together before the first of them is learned from: what is not in the cache is then fetched for
    /// all of them at once. Where the batch was outlined already ([`Batch::outline`]), the octets of most frames are not touched.
    pub fn observe_batch(&mut self, batch: &Batch) {
        let mut here = [Outline::default(); GROUP];
        for first in (0..batch.len()).step_by(GROUP) {
            let group = || (first..first + GROUP).map_while(|index| batch.get(index));
            let outlines = match batch.outlines() {
                Some(outlines) => &outlines[first..outlines.len().min(first + GROUP)],
                None => {
                    here.iter_mut().zip(group()).for_each(|(outline, frame)| *outline = self.outline(&frame));
                    &here[..GROUP.min(batch.len() - first)]
                }
            };
            let mut ahead = [None; GROUP];
            for (ahead, outline) in ahead.iter_mut().zip(outlines) {
                *ahead = self.flows.look_ahead(outline);
            }
            self.flows.fetch(outlines, &ahead);
            for ((outline, ahead), frame) in outlines.iter().zip(ahead).zip(group()) {
                self.take(&frame, outline, ahead);
            }
        }
    }

    /// Takes one frame.
    pub fn observe_frame(&mut self, frame: &Frame<'_>) {
        self.take(frame, &self.outline(frame), None);
    }

    #[inline]
    fn outline(&self, frame: &Frame<'_>) -> Outline {
        outline(self.tables.points.get(frame.point.0 as usize).map(|point| point.info.link_type), frame)
    }

    #[inline]
    fn take(&mut self, frame: &Frame<'_>, outline: &Outline, ahead: Option<Ahead>) {
        let tables = &mut self.tables;
        tables.frames += 1;
        tables.octets += u64::from(frame.original_length);
        tables.now = Some(tables.now.map_or(frame.at, |now| now.max(frame.at)));
        tables.begin = Some(tables.begin.map_or(frame.at, |begin| begin.min(frame.at)));
        let Some(point) = tables.points.get_mut(frame.point.0 as usize) else {
            tables.dropped.frames += 1;
            return;
        };
        point.counters.add(frame.original_length);
        point.captured_octets += frame.bytes.len() as u64;
        point.first_at.get_or_insert(frame.at);
        point.last_at = Some(frame.at);
        point.history.add(frame.at, u64::from(frame.original_length));
        point.offloaded += u64::from(outline.offload);
        self.learn(frame, outline, ahead);
    }

    #[inline]
    fn learn(&mut self, frame: &Frame<'_>, outline: &Outline, ahead: Option<Ahead>) {
        let second = frame.at.0.div_euclid(1_000_000_000);
        if second != self.second {
            self.layer2.settle(&mut self.tables, self.second);
            self.second = second;
        }
        let number = self.tables.frames;
        // Put together where it stays: a copy would wait for these narrow writes.
        let mut lesson = Lesson {
            tables: &mut self.tables,
            limits: &self.limits,
            seen: Seen {
                frame: FrameNo(number),
                at: frame.at,
                octets: frame.original_length,
                point: frame.point,
                direction: frame.direction,
                link: outline.link,
                journey: None,
            },
        };
        if outline.flow.is_some() {
            self.flows.observe(&mut lesson, &mut self.layer2, outline, ahead);
        } else {
            let row = self.layer2.mac_flow(&mut lesson, outline.link);
            let ends = self.layer2.ends(row);
            self.layer2.pace(ends, frame.original_length);
            self.layer2.count(lesson.tables, row, &Traffic::of(lesson.seen.frame, frame.at, frame.original_length));
        }
        if outline.tells_more {
            let seen = lesson.seen;
            self.learn_more(frame, seen, outline.link);
        }
    }

    /// What is not in the outline: why a digest stopped, and the control protocols. Some packets in a hundred.
    #[cold]
    fn learn_more(&mut self, frame: &Frame<'_>, seen: Seen, key: LinkKey) {
        let Some(point) = self.tables.points.get_mut(frame.point.0 as usize) else { return };
        let packet = decode::digest(point.info.link_type, frame);
        if let Some(stop) = packet.stop {
            *point.stops.entry(stop).or_default() += 1;
        }
        if decode::may_teach(&packet) {
            self.learn_facts(&packet, seen, key);
        }
    }

    fn learn_facts(&mut self, packet: &Packet<'_>, seen: Seen, key: LinkKey) {
        let mut facts = std::mem::take(&mut self.facts);
        decode::facts(packet, &mut facts);
        let mut lesson = Lesson { tables: &mut self.tables, limits: &self.limits, seen };
        if seen.direction != Direction::Unknown {
            self.layer2.direction(&mut lesson, key);
        }
        if let Some(about) = about(&self.hasher, packet, &facts) {
            lesson.seen.journey = Some(self.journeys.observe(&mut lesson, &mut self.layer2, key, &about));
        }
        let seen = lesson.seen;
        for fact in facts.drain(..) {
            self.learn_fact(packet, seen, &fact);
        }
        self.facts = facts;
    }

    fn learn_fact(&mut self, packet: &Packet<'_>, seen: Seen, fact: &Fact) {
        let lesson = &mut Lesson { tables: &mut self.tables, limits: &self.limits, seen };
        match fact {
            Fact::Arp(arp) => self.addresses.learn_arp(lesson, arp),
            Fact::Echo(echo) => self.echoes.learn(lesson, echo),
            Fact::Neighbor(message) => {
                if let Some(ip) = &packet.ip {
                    self.addresses.learn_neighbor(lesson, message, ip.addresses.destination());
                }
                self.learn_router(seen, message);
            }
            Fact::IcmpError(error) => {
                // Time exceeded and redirects come from whoever forwards.
                let forwards = matches!((error.is_v6, error.kind), (false, 5 | 11) | (true, 3 | 137));
                if forwards && let (Some(mac), true) = (seen.source(), packet.adjacent) {
                    self.rows.router(lesson, Some(mac), Some(error.reporter), RouterReason::ReportsForward);
                }
                let row = self.rows.icmp_error(lesson, error);
                if let (Some(row), Some(quoted)) = (row, &error.quoted) {
                    self.echoes.refuse(lesson, quoted, row);
                }
            }
            Fact::Dhcp(dhcp) => {
                let row = self.dhcp.learn(lesson, dhcp);
                let acknowledged = dhcp.your_ip.or(dhcp.client_ip).filter(|_| dhcp.message_type == Some(5));
                if let (Some(ip), Some(mac)) = (acknowledged, dhcp.client_mac) {
                    self.addresses.bind(lesson, mac, IpAddr::V4(ip), Learned::Dhcp);
                    let hostname = row.and_then(|row| lesson.tables.dhcp[row as usize].hostnames.last().cloned());
                    if let Some(name) = hostname {
                        self.rows.name(lesson, IpAddr::V4(ip), &name, NameSource::Dhcp, Some(mac));
                    }
                }
                if matches!(dhcp.message_type, Some(2 | 5)) {
                    for &router in &dhcp.routers {
                        self.rows.router(lesson, None, Some(IpAddr::V4(router)), RouterReason::NamedByDhcp);
                    }
                }
            }
            Fact::Dhcp6(dhcp) => self.dhcp.learn6(lesson, dhcp),
            Fact::Name(name) => self.rows.name(lesson, name.ip, &name.name, name.by, None),
            Fact::Dns(_) => {}
            Fact::Group(group) => self.rows.group(lesson, group),
            Fact::Lldp(lldp) => {
                self.rows.lldp(lesson, lldp);
                if let Some(name) = &lldp.system_name {
                    for &ip in &lldp.management {
                        self.rows.name(lesson, ip, name, NameSource::Lldp, seen.source());
                    }
                }
            }
            Fact::Stp(stp) => self.rows.stp(lesson, stp),
            Fact::Lacp(lacp) => self.rows.lacp(lesson, lacp),
            Fact::Carried(carried) => self.rows.tunnel(lesson, carried),
        }
    }

    fn learn_router(&mut self, seen: Seen, message: &Neighbor) {
        let lesson = &mut Lesson { tables: &mut self.tables, limits: &self.limits, seen };
        match message {
            Neighbor::RouterAdvertisement { source, mac, lifetime, mtu, prefixes, .. } => {
                // A lifetime of zero only says: do not take me for your default router.
                let reason = RouterReason::Advertises;
                let Some(mac) = mac.or(seen.source()).filter(|_| *lifetime > 0 || !prefixes.is_empty()) else { return };
                let Some(row) = self.rows.router(lesson, Some(mac), Some(IpAddr::V6(*source)), reason) else { return };
                row.mtu = mtu.or(row.mtu);
                row.prefixes.clone_from(prefixes);
            }
            Neighbor::Advertisement { target, mac, is_router: true, .. } => {
                if let Some(mac) = mac.or(seen.source()) {
                    self.rows.router(lesson, Some(mac), Some(IpAddr::V6(*target)), RouterReason::Advertises);
                }
            }
            Neighbor::Advertisement { .. } | Neighbor::Solicitation { .. } | Neighbor::RouterSolicitation { .. } => {}
        }
    }

    fn settle(&mut self) {
        self.flows.settle(&mut self.tables, &self.layer2);
        self.layer2.settle(&mut self.tables, self.second);
    }

    /// What was learned so far; flows and rates of the last second are not settled yet: [`Network::view`] does that.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Time goes on without an event: what was asked long enough ago is unanswered now.
    pub fn tick(&mut self, now: Timestamp) {
        self.tables.now = Some(self.tables.now.map_or(now, |latest| latest.max(now)));
    }

    /// What is known now, without a copy.
    pub fn current(&mut self) -> &Tables {
        self.settle();
        &self.tables
    }

    /// What is known now.
    pub fn view(&mut self) -> View {
        self.settle();
        View::of(self.tables.clone())
    }

    /// What is known at the end: as [`Network::view`], without a copy of the tables.
    pub fn into_view(mut self) -> View {
        self.settle();
        View::of(self.tables)
    }
}
