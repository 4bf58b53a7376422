//! Who talks to whom: flows, and echoes with their answers.

use super::Counters;
use crate::decode::Addresses;
use crate::{FrameNo, PointId, Timestamp};
use std::net::IpAddr;

/// One sighting of an echo request, and the reply that was seen for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoRow {
    /// Where.
    pub point: PointId,
    /// From.
    pub source: IpAddr,
    /// To.
    pub destination: IpAddr,
    /// Identifier.
    pub identifier: u16,
    /// Sequence number.
    pub sequence: u16,
    /// The request.
    pub frame: FrameNo,
    /// When.
    pub at: Timestamp,
    /// The first later unused reply with swapped addresses, the same identifier and sequence number, at whatever point.
    pub reply: Option<(FrameNo, Timestamp)>,
    /// Somebody reported that it could not be delivered: index into [`Tables::icmp_errors`](super::Tables::icmp_errors).
    pub error: Option<u32>,
    /// The journey of the request: its [`Journey::id`](super::Journey::id).
    pub journey: Option<u64>,
    /// The journey of the reply.
    pub reply_journey: Option<u64>,
}

/// A flow's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Address.
    pub ip: IpAddr,
    /// Port, where the protocol has one and it was captured.
    pub port: Option<u16>,
}

/// One of a flow's two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The lower endpoint.
    A,
    /// The other.
    B,
}

/// A bidirectional flow (RFC 5103): the 5-tuple of the outermost IP header, without regard to VLAN and point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The addresses of `a` and `b`: `a` is the lower by (address, port).
    pub addresses: Addresses,
    /// The ports of `a` and `b`.
    pub ports: Option<(u16, u16)>,
    /// IP protocol.
    pub protocol: u8,
    /// Who sent first.
    pub initiator: Side,
    /// From `a` to `b`, all sightings at all points.
    pub a_to_b: Counters,
    /// From `b` to `a`, all sightings at all points.
    pub b_to_a: Counters,
    /// First sighting.
    pub first: FrameNo,
    /// When.
    pub first_at: Timestamp,
    /// Last sighting.
    pub last: FrameNo,
    /// When.
    pub last_at: Timestamp,
    /// TCP's state, as far as it shows.
    pub tcp: Option<TcpState>,
    /// Round-trip time between the SYN and the segment that completes the handshake, both at the first point that saw the SYN, in
    /// nanoseconds.
    pub rtt_ns: Option<i64>,
    /// The same flow, per point: (point, a to b, b to a), in the order of first sight.
    pub points: Vec<(PointId, Counters, Counters)>,
}

impl Flow {
    /// The lower endpoint.
    pub fn a(&self) -> Endpoint {
        Endpoint { ip: self.addresses.source(), port: self.ports.map(|(a, _)| a) }
    }

    /// The other endpoint.
    pub fn b(&self) -> Endpoint {
        Endpoint { ip: self.addresses.destination(), port: self.ports.map(|(_, b)| b) }
    }

    /// What one packet's worth of sightings is: the counters of the point that saw the most, so that a packet that passed three points
    /// counts once.
    pub fn counted_once(&self) -> (Counters, Counters) {
        self.points.iter().map(|&(_, ab, ba)| (ab, ba)).max_by_key(|(ab, ba)| ab.packets + ba.packets).unwrap_or((self.a_to_b, self.b_to_a))
    }
}

/// TCP's state, as far as segments show it (RFC 9293, section 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpState {
    /// Segments were seen without a beginning.
    Midstream,
    /// A SYN, no answer yet.
    SynSent,
    /// SYN and SYN-ACK.
    SynReceived,
    /// The handshake is complete.
    Established,
    /// One side has sent FIN.
    Closing,
    /// Both have.
    Closed,
    /// A reset answered the SYN.
    Refused,
    /// A reset ended it.
    Reset,
}

impl TcpState {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            TcpState::Midstream => "midstream",
            TcpState::SynSent => "syn sent",
            TcpState::SynReceived => "syn received",
            TcpState::Established => "established",
            TcpState::Closing => "closing",
            TcpState::Closed => "closed",
            TcpState::Refused => "refused",
            TcpState::Reset => "reset",
        }
    }
}
