//! One packet and all places where it was seen.

use crate::fact::Fact;
use crate::{Direction, FrameNo, MacAddr, PointId, Timestamp};

/// What a journey's packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JourneyKind {
    /// ARP.
    Arp,
    /// Neighbor Discovery.
    Ndp,
    /// DHCP or DHCPv6.
    Dhcp,
    /// Echo request.
    EchoRequest,
    /// Echo reply.
    EchoReply,
    /// ICMP error.
    IcmpError,
}

/// One packet and all its sightings, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// Numbered from 1 in the order of first sight.
    pub id: u64,
    /// What it is.
    pub kind: JourneyKind,
    /// What it says: the fact that made it worth following.
    pub subject: Fact,
    /// Octets of its first sighting on the wire.
    pub octets: u32,
    /// Whether it is the first of several fragments.
    pub is_fragment: bool,
    /// Whether its ICMP checksum was wrong at the first sighting. Says nothing of frames that were captured on their way out: the device
    /// may have been left to fill it in.
    pub has_bad_checksum: bool,
    /// Link-layer source at the first sighting.
    pub source: Option<MacAddr>,
    /// Link-layer destination at the first sighting.
    pub destination: Option<MacAddr>,
    /// The sightings; at most 16.
    pub sightings: Vec<Sighting>,
}

/// One packet seen at one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where.
    pub point: PointId,
    /// Which way, where known.
    pub direction: Direction,
    /// When.
    pub at: Timestamp,
    /// The frame.
    pub frame: FrameNo,
    /// Link-layer source here.
    pub source: Option<MacAddr>,
    /// Link-layer destination here.
    pub destination: Option<MacAddr>,
    /// The outermost VLAN identifier here, or none.
    pub vlan: Option<u16>,
    /// TTL or hop limit here; 0 for what has none.
    pub hop_limit: u8,
}

impl JourneyKind {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            JourneyKind::Arp => "arp",
            JourneyKind::Ndp => "ndp",
            JourneyKind::Dhcp => "dhcp",
            JourneyKind::EchoRequest => "echo request",
            JourneyKind::EchoReply => "echo reply",
            JourneyKind::IcmpError => "icmp error",
        }
    }
}
