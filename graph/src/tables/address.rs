//! Who was seen, which addresses it has, and who asked for them.

use super::{Counters, Series};
use crate::evidence::Evidence;
use crate::fact::Arp;
use crate::{Direction, MacAddr, PointId, Timestamp};
use std::net::IpAddr;

/// A MAC address as it was seen at one point in one VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Station {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// Whose.
    pub mac: MacAddr,
    /// Frames from it.
    pub sent: Counters,
    /// Frames to it.
    pub received: Counters,
    /// Journeys of frames from it that began here, and those that came by here later: where the first prevail, it is attached here.
    pub entered: u64,
    /// See `entered`.
    pub passed: u64,
    /// Frames from it by direction at this point: from inside the interface, and towards it.
    pub inbound: u64,
    /// See `inbound`.
    pub outbound: u64,
    /// Rates.
    pub series: Series,
    /// Frames from it.
    pub evidence: Evidence,
}

/// Frames from one MAC address to another at one point in one VLAN; one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacFlow {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// From; cooked headers may have none.
    pub source: Option<MacAddr>,
    /// To; cooked headers have none.
    pub destination: Option<MacAddr>,
    /// How much.
    pub counters: Counters,
    /// When first.
    pub first_at: Timestamp,
    /// When last.
    pub last_at: Timestamp,
}

/// How a binding was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Learned {
    /// Sender fields of ARP.
    Arp,
    /// Neighbor Discovery: target link-layer address of an advertisement, source link-layer address of the others.
    Ndp,
    /// A DHCP acknowledgement: the client's MAC and its lease.
    Dhcp,
    /// The host says so: it is set on one of its devices.
    Configured,
    /// The host's neighbour table says so: it asked, and was answered.
    NeighborTable,
    /// The frame's link-layer source and its outermost IP source. A router's MAC collects remote addresses this way: see
    /// [`Learned::proves_owner`].
    Source,
}

impl Learned {
    /// Whether this kind of evidence says that the station itself has the address, rather than forwards for it.
    pub fn proves_owner(self) -> bool {
        self != Learned::Source
    }

    /// `arp`, `ndp`, `dhcp`, `configured`, `neighbor table` or `source`.
    pub fn name(self) -> &'static str {
        match self {
            Learned::Arp => "arp",
            Learned::Ndp => "ndp",
            Learned::Dhcp => "dhcp",
            Learned::Configured => "configured",
            Learned::NeighborTable => "neighbor table",
            Learned::Source => "source",
        }
    }
}

/// A MAC address used with an IP address at one point in one VLAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// Whose.
    pub mac: MacAddr,
    /// What.
    pub ip: IpAddr,
    /// How.
    pub learned: Learned,
    /// The frames; for [`Learned::Source`] without samples.
    pub evidence: Evidence,
    /// Whether a frame from inside the point's interface said so.
    pub inbound: bool,
    /// Whether a frame towards it said so.
    pub outbound: bool,
}

impl Binding {
    /// One more frame says so, which went this way.
    pub(crate) fn turn(&mut self, direction: Direction) {
        self.inbound |= direction == Direction::Inbound;
        self.outbound |= direction == Direction::Outbound;
    }
}

/// Frames to `mac` whose outermost IP destination is `ip`: their sender took `mac` for the next hop towards `ip` (RFC 4861, section 2.1).
/// Where `mac` does not own `ip`, it is a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// The next hop.
    pub mac: MacAddr,
    /// The destination; unicast.
    pub ip: IpAddr,
    /// The frames, without samples.
    pub evidence: Evidence,
}

/// ARP packets that say the same at one point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArpRow {
    /// Where.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// What they say; the target's MAC is that of the first.
    pub arp: Arp,
    /// The frames.
    pub evidence: Evidence,
}

/// Somebody wants to know a link-layer address: by ARP, or by Neighbor Solicitation. One row for one asker and one target; the same
/// packet at several points is one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The point where the first question was first seen.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// Who asks.
    pub asker_mac: MacAddr,
    /// Its address; unspecified in a probe (RFC 5227) or Duplicate Address Detection, where no answer is the good answer.
    pub asker_ip: IpAddr,
    /// Whose address is wanted.
    pub target: IpAddr,
    /// Questions.
    pub asked: Evidence,
    /// Questions since the last answer.
    pub open: u64,
    /// Who answered, and the answers.
    pub answers: Vec<(MacAddr, Evidence)>,
}

impl Resolution {
    /// Whether the asker would rather not hear an answer: ARP probe, DAD.
    pub fn is_probe(&self) -> bool {
        self.asker_ip.is_unspecified()
    }
}
