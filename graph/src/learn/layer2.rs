//! Stations, and who sends to whom on the link layer.

use super::{Lesson, Map, NONE, map, row_of};
use crate::decode::LinkKey;
use crate::evidence::Evidence;
use crate::tables::{Counters, MacFlow, Station, Tables};
use crate::{Direction, FrameNo, MacAddr, PointId, Timestamp};

/// Traffic of one link key that the tables have yet to hear of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traffic {
    pub counters: Counters,
    pub first: (FrameNo, Timestamp),
    pub last: (FrameNo, Timestamp),
}

impl Traffic {
    pub fn of(frame: FrameNo, at: Timestamp, octets: u32) -> Traffic {
        Traffic { counters: Counters { packets: 1, octets: u64::from(octets) }, first: (frame, at), last: (frame, at) }
    }

    /// Counts the frames in evidence of whose rows there may be thousands: without samples.
    pub fn prove(&self, evidence: &mut Evidence) {
        if evidence.count == 0 {
            (evidence.first, evidence.first_at) = self.first;
        }
        (evidence.last, evidence.last_at) = self.last;
        evidence.count += self.counters.packets;
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Layer2 {
    mac_flows: Map<LinkKey, u32>,
    /// By MAC flow: the rows of its source and destination station.
    ends: Vec<(u32, u32)>,
    stations: Map<(PointId, Option<u16>, MacAddr), u32>,
    /// By station: octets sent and received in this second. Small, because every packet touches two.
    pace: Vec<(u64, u64)>,
    /// Stations with traffic in this second, each once.
    paced: Vec<u32>,
}

impl Layer2 {
    pub fn new(seed: u64) -> Layer2 {
        Layer2 { mac_flows: map(seed), ends: Vec::new(), stations: map(seed), pace: Vec::new(), paced: Vec::new() }
    }

    /// The row of the MAC flow; [`NONE`] where the frame has no link-layer address, or there is no room.
    pub fn mac_flow(&mut self, lesson: &mut Lesson<'_>, key: LinkKey) -> u32 {
        let (source, destination) = (key.source(), key.destination());
        if source.is_none() && destination.is_none() {
            return NONE;
        }
        let made = lesson.tables.mac_flows.len();
        let row = row_of(
            &mut self.mac_flows,
            &mut lesson.tables.mac_flows,
            lesson.limits.stations,
            &mut lesson.tables.dropped.stations,
            key.on_link(),
            || MacFlow {
                point: key.point(),
                vlan: key.vlan(),
                source,
                destination,
                counters: Counters::default(),
                first_at: lesson.seen.at,
                last_at: lesson.seen.at,
            },
        )
        .map_or(NONE, |(row, _)| row);
        if lesson.tables.mac_flows.len() > made {
            let ends = [source, destination].map(|mac| mac.map_or(NONE, |mac| self.station(lesson, key.point(), key.vlan(), mac)));
            self.ends.push((ends[0], ends[1]));
        }
        row
    }

    /// The row of a station, or [`NONE`].
    pub fn station(&mut self, lesson: &mut Lesson<'_>, point: PointId, vlan: Option<u16>, mac: MacAddr) -> u32 {
        let row = row_of(
            &mut self.stations,
            &mut lesson.tables.stations,
            lesson.limits.stations,
            &mut lesson.tables.dropped.stations,
            (point, vlan, mac),
            || Station { point, vlan, mac, ..Station::default() },
        )
        .map_or(NONE, |(row, _)| row);
        self.pace.resize(lesson.tables.stations.len(), (0, 0));
        row
    }

    /// The stations of a MAC flow: source and destination.
    pub fn ends(&self, mac_flow: u32) -> (u32, u32) {
        self.ends.get(mac_flow as usize).copied().unwrap_or((NONE, NONE))
    }

    /// Counts a packet in its second.
    #[inline]
    pub fn pace(&mut self, (source, destination): (u32, u32), octets: u32) {
        if let Some((sent, received)) = self.pace.get_mut(source as usize) {
            if *sent | *received == 0 {
                self.paced.push(source);
            }
            *sent += u64::from(octets);
        }
        if let Some((sent, received)) = self.pace.get_mut(destination as usize) {
            if *sent | *received == 0 {
                self.paced.push(destination);
            }
            *received += u64::from(octets);
        }
    }

    /// Tells the stations' series what this second was.
    pub fn settle(&mut self, tables: &mut Tables, second: i64) {
        for station in self.paced.drain(..) {
            let (sent, received) = std::mem::take(&mut self.pace[station as usize]);
            tables.stations[station as usize].series.add(second, sent, received);
        }
    }

    /// Adds traffic to a MAC flow and its stations.
    pub fn count(&self, tables: &mut Tables, mac_flow: u32, traffic: &Traffic) {
        let Some(row) = tables.mac_flows.get_mut(mac_flow as usize) else { return };
        row.counters.merge(traffic.counters);
        row.last_at = traffic.last.1;
        let (source, destination) = self.ends[mac_flow as usize];
        if let Some(station) = tables.stations.get_mut(source as usize) {
            station.sent.merge(traffic.counters);
            traffic.prove(&mut station.evidence);
            station.evidence.samples.push(traffic.first.0);
        }
        if let Some(station) = tables.stations.get_mut(destination as usize) {
            station.received.merge(traffic.counters);
        }
    }

    /// Where frames of a station come from, by the direction that the source of the frame reports.
    pub fn direction(&mut self, lesson: &mut Lesson<'_>, key: LinkKey) {
        let Some(mac) = key.source() else { return };
        let row = self.station(lesson, key.point(), key.vlan(), mac);
        let Some(station) = lesson.tables.stations.get_mut(row as usize) else { return };
        match lesson.seen.direction {
            Direction::Inbound => station.inbound += 1,
            Direction::Outbound => station.outbound += 1,
            Direction::Unknown => {}
        }
    }
}
