//! A port: a number that stays, and the wire that is in it for now.

use super::framing::Decoder;
use super::queue::Queue;
use super::wire::Wire;
use tapscope_graph::{MacAddr, Text};

/// A port of the hub, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortReport {
    /// Its number, from 1.
    pub number: u32,
    /// Where it is, as [`Place`](super::Place) prints it.
    pub place: Text,
    /// Who is plugged in: an address, where there is one; none if nobody is.
    pub peer: Option<Text>,
    /// Who spoke first on it.
    pub mac: Option<MacAddr>,
    /// What came in, and what went out.
    pub counters: PortCounters,
}

/// What passed a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    /// Frames that the peer sent.
    pub received_frames: u64,
    /// Their octets, without lengths.
    pub received_octets: u64,
    /// Frames that were put on their way to the peer.
    pub sent_frames: u64,
    /// Their octets, without lengths.
    pub sent_octets: u64,
    /// Frames to the peer that were dropped: it does not read, or could not take them.
    pub dropped_frames: u64,
    /// Frames of the peer that are too short to be one, and were passed to nobody.
    pub short_frames: u64,
}

/// A port within the hub.
pub(super) struct Port {
    /// Which of the hub's places it belongs to.
    pub home: usize,
    /// Who spoke first after the last plugging in, or before that.
    pub mac: Option<MacAddr>,
    pub counters: PortCounters,
    /// None: nobody is plugged in.
    pub line: Option<Line>,
}

/// A wire in its port.
pub(super) struct Line {
    pub wire: Wire,
    pub peer: Text,
    /// Whether it has sent a frame.
    pub has_spoken: bool,
    pub decoder: Decoder,
    pub queue: Queue,
    /// The wire took no more when it was last tried: not before poll(2) says so again.
    pub is_blocked: bool,
}

impl Line {
    pub fn new(wire: Wire, peer: Text, queue_octets: usize) -> Line {
        Line { wire, peer, has_spoken: false, decoder: Decoder::default(), queue: Queue::new(queue_octets), is_blocked: false }
    }
}
