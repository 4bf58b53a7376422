//! Echoes, flows, and the journeys of packets.

use serde::Serialize;
use std::net::IpAddr;
use tapscope_graph::tables::{self};

#[derive(Serialize)]
pub(super) struct Echo {
    point: u32,
    src: IpAddr,
    dst: IpAddr,
    id: u16,
    seq: u16,
    packet: u64,
    reply_packet: Option<u64>,
    rtt_ns: Option<i64>,
    icmp_error: Option<u32>,
    journey: Option<u64>,
}

impl Echo {
    pub(super) fn of(echo: &tables::EchoRow) -> Echo {
        Echo {
            point: echo.point.0,
            src: echo.source,
            dst: echo.destination,
            id: echo.identifier,
            seq: echo.sequence,
            packet: echo.frame.0,
            reply_packet: echo.reply.map(|(frame, _)| frame.0),
            rtt_ns: echo.reply.map(|(_, at)| at.since(echo.at)),
            icmp_error: echo.error,
            journey: echo.journey,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Endpoint {
    ip: IpAddr,
    port: Option<u16>,
}

impl From<tables::Endpoint> for Endpoint {
    fn from(endpoint: tables::Endpoint) -> Endpoint {
        Endpoint { ip: endpoint.ip, port: endpoint.port }
    }
}

#[derive(Serialize)]
pub(super) struct Counters {
    packets: u64,
    octets: u64,
}

impl From<tables::Counters> for Counters {
    fn from(counters: tables::Counters) -> Counters {
        Counters { packets: counters.packets, octets: counters.octets }
    }
}

#[derive(Serialize)]
pub(super) struct Flow {
    protocol: u8,
    a: Endpoint,
    b: Endpoint,
    initiator: &'static str,
    a_to_b: Counters,
    b_to_a: Counters,
    /// Nanoseconds since 1970.
    first_ns: i64,
    /// Nanoseconds since 1970.
    last_ns: i64,
    tcp: Option<&'static str>,
    rtt_ns: Option<i64>,
    points: Vec<u32>,
}

impl Flow {
    pub(super) fn of(flow: &tables::Flow) -> Flow {
        Flow {
            protocol: flow.protocol,
            a: flow.a().into(),
            b: flow.b().into(),
            initiator: match flow.initiator {
                tables::Side::A => "a",
                tables::Side::B => "b",
            },
            a_to_b: flow.a_to_b.into(),
            b_to_a: flow.b_to_a.into(),
            first_ns: flow.first_at.0,
            last_ns: flow.last_at.0,
            tcp: flow.tcp.map(tables::TcpState::name),
            rtt_ns: flow.rtt_ns,
            points: flow.points.iter().map(|(point, _, _)| point.0).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Journey {
    id: u64,
    kind: &'static str,
    sightings: Vec<Sighting>,
}

#[derive(Serialize)]
pub(super) struct Sighting {
    point: u32,
    /// Nanoseconds since 1970.
    at_ns: i64,
    packet: u64,
}

impl Journey {
    pub(super) fn of(journey: &tables::Journey) -> Journey {
        let sighting = |seen: &tables::Sighting| Sighting { point: seen.point.0, at_ns: seen.at.0, packet: seen.frame.0 };
        Journey { id: journey.id, kind: journey.kind.name(), sightings: journey.sightings.iter().map(sighting).collect() }
    }
}
