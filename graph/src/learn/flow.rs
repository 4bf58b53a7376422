//! Flows: the hot path.
//!
//! A packet of a known flow costs one look-up of its 5-tuple, which is made for some packets at once, and one comparison: a flow has, per
//! direction, a [`Lane`] of one cache line with the link key (point, VLAN, link-layer addresses) of the last packet, and its counts. What a lane counted goes to the flow's
//! row, to stations, MAC flows and bindings when the next packet takes another path, and before anybody looks
//! ([`FlowLearner::settle`]). So the cost per packet does not grow with hosts, flows, or the number of a host's neighbours.

use super::{Layer2, Lesson, Map, NONE, Seen, Traffic, map, row_of};
use crate::decode::{FlowKey, KeyV4, KeyV6, LinkKey, Outline, Tcp};
use crate::evidence::Evidence;
use crate::tables::{Binding, Counters, Flow, Learned, NextHop, Side, Tables, TcpState};
use crate::{FrameNo, MacAddr, PointId, Timestamp};
use std::hint::black_box;
use std::net::IpAddr;

/// Lanes that may wait to be settled. Each is settled at a few cache misses, so the longer they wait the cheaper the packet.
const UNSETTLED: usize = 1 << 18;

/// What the last packets of one direction have in common, and how many they were: all that an ordinary packet touches.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
struct Lane {
    key: LinkKey,
    last: (FrameNo, Timestamp),
    /// Not settled yet, as `packets`.
    octets: u32,
    /// None if the lane is empty.
    packets: u32,
    /// The leg of `key`.
    leg: u32,
    /// The stations that `key` names.
    ends: (u32, u32),
    /// Whether the lane is in the list of those to settle.
    dirty: bool,
    /// Whether this is a TCP connection that only SYN, FIN and RST change.
    calm: bool,
}

const _: () = assert!(size_of::<Lane>() == 64);

/// A flow that was looked up ahead of its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    flow: u32,
    /// As [`FlowLearner::epoch`], when it was looked up.
    epoch: u32,
}

/// Traffic of one direction of one flow over one link key.
#[derive(Clone, Debug)]
struct Leg {
    key: LinkKey,
    flow: u32,
    forward: bool,
    first: (FrameNo, Timestamp),
    mac_flow: u32,
    binding: u32,
    next_hop: u32,
}

/// What a flow needs at hand besides its row.
#[derive(Clone, Debug)]
struct Run {
    /// Whether a direction has several legs, which are then found through the index.
    branched: [bool; 2],
    /// Who opened the TCP connection, and the first sighting of the SYN.
    opener: Option<Side>,
    syn: Option<(PointId, Timestamp)>,
    /// Which sides have sent FIN: bit 0 for a, bit 1 for b.
    fins: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct FlowLearner {
    seed: u64,
    v4: Map<KeyV4, u32>,
    v6: Map<KeyV6, u32>,
    runs: Vec<Run>,
    /// By flow: from a to b, and from b to a.
    lanes: Vec<[Lane; 2]>,
    /// Changes when flows get new numbers.
    epoch: u32,
    legs: Vec<Leg>,
    branches: Map<(u32, bool, LinkKey), u32>,
    /// Lanes with traffic that is not settled: flow and direction.
    dirty: Vec<(u32, bool)>,
    bindings: Map<(PointId, Option<u16>, MacAddr, IpAddr), u32>,
    next_hops: Map<(PointId, Option<u16>, MacAddr, IpAddr), u32>,
}

impl FlowLearner {
    pub fn new(seed: u64) -> FlowLearner {
        FlowLearner {
            seed,
            v4: map(seed),
            v6: map(seed),
            runs: Vec::new(),
            lanes: Vec::new(),
            epoch: 0,
            legs: Vec::new(),
            branches: map(seed),
            dirty: Vec::new(),
            bindings: map(seed),
            next_hops: map(seed),
        }
    }

    /// Looks up the flow of a packet that will be counted soon.
    #[inline]
    pub fn look_ahead(&self, outline: &Outline) -> Option<Ahead> {
        Some(Ahead { flow: self.find(&outline.flow?)?, epoch: self.epoch })
    }

    /// Touches the lanes of packets that will be counted soon, so that they arrive from memory side by side.
    #[inline]
    pub fn fetch(&self, outlines: &[Outline], ahead: &[Option<Ahead>]) {
        let lane = |(outline, ahead): (&Outline, &Option<Ahead>)| {
            ahead.map_or(0, |ahead| self.lanes[ahead.flow as usize][usize::from(!outline.forward)].packets)
        };
        black_box(outlines.iter().zip(ahead).map(lane).fold(0, u32::wrapping_add));
    }

    /// Counts a packet that has an IP header.
    #[inline]
    pub fn observe(&mut self, lesson: &mut Lesson<'_>, layer2: &mut Layer2, outline: &Outline, ahead: Option<Ahead>) {
        let Seen { frame, at, octets, .. } = lesson.seen;
        let Outline { link: key, flow: Some(flow_key), forward, .. } = outline else { return };
        let (key, forward) = (*key, *forward);
        let flow = match ahead {
            Some(Ahead { flow, epoch }) if epoch == self.epoch => flow,
            _ => self.find(flow_key).unwrap_or_else(|| self.new_flow(lesson, layer2, *flow_key, forward)),
        };
        let side = usize::from(!forward);
        let lane = &self.lanes[flow as usize][side];
        if let Some(flags) = outline.tcp_flags
            && (flags & (Tcp::FIN | Tcp::SYN | Tcp::RST) != 0 || !lane.calm)
        {
            let calm = track(&mut lesson.tables.flows[flow as usize], &mut self.runs[flow as usize], flags, forward, key.point(), at);
            self.lanes[flow as usize].iter_mut().for_each(|lane| lane.calm = calm);
        }
        if self.lanes[flow as usize][side].key != key && !self.change_lane(lesson, layer2, flow, forward, key) {
            lesson.tables.dropped.stations += 1;
            return;
        }
        let lane = &mut self.lanes[flow as usize][side];
        if !lane.dirty {
            lane.dirty = true;
            self.dirty.push((flow, forward));
        }
        match (lane.packets.checked_add(1), lane.octets.checked_add(octets)) {
            (Some(packets), Some(sum)) => (lane.packets, lane.octets, lane.last) = (packets, sum, (frame, at)),
            _ => {
                self.settle_lane(lesson.tables, layer2, flow, forward);
                let lane = &mut self.lanes[flow as usize][side];
                (lane.packets, lane.octets, lane.last) = (1, octets, (frame, at));
            }
        }
        layer2.pace(self.lanes[flow as usize][side].ends, octets);
        if self.dirty.len() >= UNSETTLED {
            self.settle(lesson.tables, layer2);
        }
    }

    /// Empties a lane, and gives it to another link key. `false` if there is no room for one more leg.
    #[cold]
    fn change_lane(&mut self, lesson: &mut Lesson<'_>, layer2: &mut Layer2, flow: u32, forward: bool, key: LinkKey) -> bool {
        let leg = self.leg(lesson, layer2, flow, forward, key);
        if leg == NONE {
            return false;
        }
        self.settle_lane(lesson.tables, layer2, flow, forward);
        let lane = &mut self.lanes[flow as usize][usize::from(!forward)];
        (lane.key, lane.leg) = (key, leg);
        lane.ends = layer2.ends(self.legs[leg as usize].mac_flow);
        true
    }

    /// The flow of a key, if it is known.
    #[inline]
    fn find(&self, key: &FlowKey) -> Option<u32> {
        match key {
            FlowKey::V4(key) => self.v4.get(key).copied(),
            FlowKey::V6(key) => self.v6.get(key).copied(),
        }
    }

    #[cold]
    fn new_flow(&mut self, lesson: &mut Lesson<'_>, layer2: &mut Layer2, key: FlowKey, forward: bool) -> u32 {
        let Seen { frame, at, .. } = lesson.seen;
        if lesson.tables.flows.len() >= lesson.limits.flows.max(1) {
            self.push_out(lesson, layer2);
        }
        let (addresses, ports, protocol) = key.tuple();
        let index = lesson.tables.flows.len() as u32;
        lesson.tables.flows.push(Flow {
            addresses,
            ports,
            protocol,
            initiator: if forward { Side::A } else { Side::B },
            a_to_b: Counters::default(),
            b_to_a: Counters::default(),
            first: frame,
            first_at: at,
            last: frame,
            last_at: at,
            tcp: None,
            rtt_ns: None,
            points: Vec::new(),
        });
        self.lanes.push(Default::default());
        self.runs.push(Run { branched: [false; 2], opener: None, syn: None, fins: 0 });
        self.enter(key, index);
        index
    }

    fn enter(&mut self, key: FlowKey, index: u32) {
        match key {
            FlowKey::V4(key) => _ = self.v4.insert(key, index),
            FlowKey::V6(key) => _ = self.v6.insert(key, index),
        }
    }

    /// The leg of a packet that did not take its predecessor's.
    fn leg(&mut self, lesson: &mut Lesson<'_>, layer2: &mut Layer2, flow: u32, forward: bool, key: LinkKey) -> u32 {
        let Seen { frame, at, .. } = lesson.seen;
        let side = usize::from(!forward);
        let run = &mut self.runs[flow as usize];
        let lane = &self.lanes[flow as usize][side];
        if run.branched[side]
            && let Some(&leg) = self.branches.get(&(flow, forward, key))
        {
            return leg;
        }
        // A guest can send one flow with a new MAC in every frame: paths beyond a flow's first two share a bound.
        let is_first = lane.key == LinkKey::default();
        if !is_first && self.legs.len() >= 2 * lesson.limits.flows + lesson.limits.stations {
            return NONE;
        }
        let leg = self.legs.len() as u32;
        if !is_first {
            if !run.branched[side] {
                run.branched[side] = true;
                self.branches.insert((flow, forward, lane.key), lane.leg);
            }
            self.branches.insert((flow, forward, key), leg);
        }
        let mac_flow = layer2.mac_flow(lesson, key);
        let addresses = lesson.tables.flows[flow as usize].addresses;
        let (from, to) =
            if forward { (addresses.source(), addresses.destination()) } else { (addresses.destination(), addresses.source()) };
        let (mut binding, mut next_hop) = (NONE, NONE);
        if key.is_adjacent() {
            if let Some(mac) = key.source() {
                binding = self.binding(lesson, key, mac, from);
            }
            if let Some(mac) = key.destination().filter(|mac| mac.is_station()) {
                next_hop = self.next_hop(lesson, key, mac, to);
            }
        }
        self.legs.push(Leg { key, flow, forward, first: (frame, at), mac_flow, binding, next_hop });
        leg
    }

    fn binding(&mut self, lesson: &mut Lesson<'_>, key: LinkKey, mac: MacAddr, ip: IpAddr) -> u32 {
        let Seen { frame, at, direction, .. } = lesson.seen;
        let (point, vlan) = (key.point(), key.vlan());
        let row = row_of(
            &mut self.bindings,
            &mut lesson.tables.bindings,
            lesson.limits.stations,
            &mut lesson.tables.dropped.stations,
            (point, vlan, mac, ip),
            || Binding {
                point,
                vlan,
                mac,
                ip,
                learned: Learned::Source,
                evidence: Evidence { count: 0, ..Evidence::of(frame, at) },
                inbound: false,
                outbound: false,
            },
        );
        row.map_or(NONE, |(row, binding)| {
            binding.turn(direction);
            row
        })
    }

    fn next_hop(&mut self, lesson: &mut Lesson<'_>, key: LinkKey, mac: MacAddr, ip: IpAddr) -> u32 {
        let (point, vlan) = (key.point(), key.vlan());
        row_of(
            &mut self.next_hops,
            &mut lesson.tables.next_hops,
            lesson.limits.stations,
            &mut lesson.tables.dropped.stations,
            (point, vlan, mac, ip),
            || NextHop { point, vlan, mac, ip, evidence: Evidence::default() },
        )
        .map_or(NONE, |(row, _)| row)
    }

    /// Tells the tables what the lanes have counted since the last time.
    pub fn settle(&mut self, tables: &mut Tables, layer2: &Layer2) {
        for (flow, forward) in std::mem::take(&mut self.dirty) {
            self.lanes[flow as usize][usize::from(!forward)].dirty = false;
            self.settle_lane(tables, layer2, flow, forward);
        }
    }

    fn settle_lane(&mut self, tables: &mut Tables, layer2: &Layer2, flow: u32, forward: bool) {
        let lane = &mut self.lanes[flow as usize][usize::from(!forward)];
        if lane.packets == 0 {
            return;
        }
        let leg = &mut self.legs[lane.leg as usize];
        let counters = Counters { packets: u64::from(lane.packets), octets: u64::from(lane.octets) };
        let traffic = Traffic { counters, first: leg.first, last: lane.last };
        (lane.packets, lane.octets) = (0, 0);
        layer2.count(tables, leg.mac_flow, &traffic);
        if let Some(binding) = tables.bindings.get_mut(leg.binding as usize) {
            traffic.prove(&mut binding.evidence);
        }
        if let Some(next_hop) = tables.next_hops.get_mut(leg.next_hop as usize) {
            traffic.prove(&mut next_hop.evidence);
        }
        let flow = &mut tables.flows[flow as usize];
        if traffic.last.0 > flow.last {
            (flow.last, flow.last_at) = traffic.last;
        }
        if forward {
            flow.a_to_b.merge(counters)
        } else {
            flow.b_to_a.merge(counters)
        }
        let point = leg.key.point();
        let at = flow.points.iter().position(|(seen, _, _)| *seen == point).unwrap_or_else(|| {
            // Most flows are seen at one point: a vector would make room for four.
            flow.points.reserve_exact(1);
            flow.points.push((point, Counters::default(), Counters::default()));
            flow.points.len() - 1
        });
        let (_, a_to_b, b_to_a) = &mut flow.points[at];
        if forward { a_to_b.merge(counters) } else { b_to_a.merge(counters) }
    }

    /// Makes room: the sixteenth of all flows that are idle for the longest goes.
    ///
    /// Everything is packed anew, which keeps the tables dense and in the order of first sight; spread over the flows that fit into
    /// the room made, it costs each of them sixteen moves.
    #[cold]
    fn push_out(&mut self, lesson: &mut Lesson<'_>, layer2: &mut Layer2) {
        self.settle(lesson.tables, layer2);
        let mut ages: Vec<(Timestamp, FrameNo)> = lesson.tables.flows.iter().map(|flow| (flow.last_at, flow.last)).collect();
        let going = (lesson.limits.flows / 16).clamp(1, ages.len());
        let (_, &mut border, _) = ages.select_nth_unstable(going - 1);

        let mut moved = vec![NONE; lesson.tables.flows.len()];
        let mut kept = 0;
        for (index, flow) in lesson.tables.flows.iter().enumerate() {
            if (flow.last_at, flow.last) > border {
                moved[index] = kept;
                kept += 1;
            }
        }
        lesson.tables.dropped.flows += lesson.tables.flows.len() as u64 - u64::from(kept);
        retain(&mut lesson.tables.flows, &moved);
        retain(&mut self.runs, &moved);
        retain(&mut self.lanes, &moved);
        self.epoch = self.epoch.wrapping_add(1);

        let mut leg_moved = vec![NONE; self.legs.len()];
        let mut legs_kept = 0;
        for (index, leg) in self.legs.iter_mut().enumerate() {
            leg.flow = moved[leg.flow as usize];
            if leg.flow != NONE {
                leg_moved[index] = legs_kept;
                legs_kept += 1;
            }
        }
        retain(&mut self.legs, &leg_moved);
        for lane in self.lanes.as_flattened_mut().iter_mut().filter(|lane| lane.key != LinkKey::default()) {
            lane.leg = leg_moved[lane.leg as usize];
        }
        (self.v4, self.v6, self.branches) = (map(self.seed), map(self.seed), map(self.seed));
        for (index, flow) in lesson.tables.flows.iter().enumerate() {
            self.enter(FlowKey::new(flow.addresses, flow.ports, flow.protocol).0, index as u32);
        }
        for (index, leg) in self.legs.iter().enumerate() {
            if self.runs[leg.flow as usize].branched[usize::from(!leg.forward)] {
                self.branches.insert((leg.flow, leg.forward, leg.key), index as u32);
            }
        }
    }
}

/// Keeps the rows that have a new place.
fn retain<T>(rows: &mut Vec<T>, moved: &[u32]) {
    let mut index = 0;
    rows.retain(|_| {
        index += 1;
        moved[index - 1] != NONE
    });
}

/// Follows TCP's states and the time of the handshake. The same segment seen at a second point changes nothing. `true` if only SYN, FIN
/// and RST can change the state now.
#[cold]
fn track(flow: &mut Flow, run: &mut Run, flags: u8, forward: bool, point: PointId, at: Timestamp) -> bool {
    let (from, other) = if forward { (Side::A, Side::B) } else { (Side::B, Side::A) };
    let syn = flags & Tcp::SYN != 0;
    let ack = flags & Tcp::ACK != 0;
    let state = match flow.tcp {
        Some(TcpState::Closed) if flags & Tcp::RST != 0 => TcpState::Closed,
        Some(TcpState::SynSent | TcpState::Refused) if flags & Tcp::RST != 0 && run.opener != Some(from) => TcpState::Refused,
        _ if flags & Tcp::RST != 0 => TcpState::Reset,
        Some(TcpState::SynSent) if syn && !ack => TcpState::SynSent,
        None | Some(TcpState::Closed | TcpState::Reset | TcpState::Refused) if syn && !ack => {
            (run.opener, run.syn, run.fins) = (Some(from), Some((point, at)), 0);
            TcpState::SynSent
        }
        None if syn => {
            (run.opener, run.fins) = (Some(other), 0);
            TcpState::SynReceived
        }
        Some(TcpState::SynSent) if syn => TcpState::SynReceived,
        None => TcpState::Midstream,
        Some(TcpState::SynReceived) if !syn && ack && run.opener == Some(from) && run.syn.is_none_or(|(seen, _)| seen == point) => {
            flow.rtt_ns = run.syn.map(|(_, sent)| at.since(sent)).filter(|&rtt| rtt >= 0);
            TcpState::Established
        }
        Some(state) => state,
    };
    flow.tcp = Some(state);
    if flags & Tcp::FIN != 0 && !matches!(state, TcpState::Reset | TcpState::Refused) {
        run.fins |= if forward { 1 } else { 2 };
        flow.tcp = Some(if run.fins == 3 { TcpState::Closed } else { TcpState::Closing });
    }
    matches!(flow.tcp, Some(TcpState::Established | TcpState::Midstream))
}
