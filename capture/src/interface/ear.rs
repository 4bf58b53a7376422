//! Reading one ring, in its own order.

use super::open::{Ring, words};
use super::wires::Wires;
use crate::out::Out;
use pcap::{Active, Capture};
use tapscope_graph::{Direction, Frame, LinkType, PointId, Timestamp};

/// A ring that is read, and its first frame that is not handed on yet.
pub(super) struct Ear {
    pub capture: Capture<Active>,
    pub point: PointId,
    pub direction: Direction,
    pub is_cooked: bool,
    pub begin: Timestamp,
    /// Time and original length of the frame in `octets`.
    pub head: Option<(Timestamp, u32)>,
    pub octets: Vec<u8>,
    /// The kernel's counters, as they were last told.
    pub dropped: u32,
    pub lost: u32,
}

/// Why an ear gives no more frames for now.
pub(super) enum Pause {
    /// Its ring is empty.
    Empty,
    /// Its next frame is later than was asked for, and is its head now.
    Later(Timestamp),
    /// It is over.
    Ended(String),
}

impl Ear {
    pub fn new(point: PointId, ring: Ring) -> Ear {
        Ear {
            capture: ring.capture,
            point,
            direction: ring.direction,
            is_cooked: ring.link_type == LinkType::LINUX_SLL,
            begin: ring.begin,
            head: None,
            octets: Vec::new(),
            dropped: 0,
            lost: ring.lost_before,
        }
    }

    /// Hands on the head and what follows in the ring, up to a time and a number of frames; through the wires of its cable, if the point
    /// has one.
    pub fn hand_on(&mut self, until: Timestamp, left: &mut usize, mut wires: Option<&mut Wires>, out: &mut Out) -> Pause {
        let (point, direction, is_cooked) = (self.point, self.direction, self.is_cooked);
        let mut give = |at, original_length, octets: &[u8]| match &mut wires {
            Some(wires) => wires.packet(at, octets, out),
            None => out.push(frame(point, direction, is_cooked, at, original_length, octets)),
        };
        if let Some((at, original_length)) = self.head.take() {
            *left = left.saturating_sub(1);
            give(at, original_length, &self.octets);
        }
        loop {
            match self.capture.next_packet() {
                Ok(packet) => {
                    let header = packet.header;
                    // The precision makes these nanoseconds.
                    let at = Timestamp((header.ts.tv_sec).saturating_mul(1_000_000_000).saturating_add(header.ts.tv_usec));
                    if at < self.begin {
                        continue;
                    }
                    if at > until || *left == 0 {
                        self.octets.clear();
                        self.octets.extend_from_slice(packet.data);
                        self.head = Some((at, header.len));
                        return Pause::Later(at);
                    }
                    *left -= 1;
                    give(at, header.len, packet.data);
                }
                Err(pcap::Error::TimeoutExpired) => return Pause::Empty,
                Err(error) => return Pause::Ended(words(&error)),
            }
        }
    }
}

fn frame(point: PointId, direction: Direction, is_cooked: bool, at: Timestamp, original_length: u32, bytes: &[u8]) -> Frame<'_> {
    // The packet type, in pcap's LINKTYPE_LINUX_SLL: 4 was sent by us.
    let direction = match bytes {
        [0, 4, ..] if is_cooked => Direction::Outbound,
        [0, 0..=3, ..] if is_cooked => Direction::Inbound,
        _ => direction,
    };
    Frame { at, point, direction, original_length, bytes }
}
