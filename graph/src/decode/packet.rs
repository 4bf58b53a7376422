//! What a frame says about itself: the digest that every frame gets, borrowed from its bytes.

use crate::MacAddr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The digest of one frame, from the outside in, up to the outermost IP header's transport. Nothing in it is guessed: what the frame
/// does not tell is `None`, and what ended the reading early is in `stop`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source of the outermost Ethernet header, or of a Linux SLL or SLL2 header where it is a six-octet address.
    pub source: Option<MacAddr>,
    /// Destination of the outermost Ethernet header; cooked headers have none.
    pub destination: Option<MacAddr>,
    /// VLAN tags, the outermost first (IEEE 802.1Q, 802.1ad).
    pub vlans: Vlans,
    /// Whether nothing but VLAN tags, LLC and SNAP lies between the link-layer header and `ip`, so that `source` speaks for `ip`.
    pub adjacent: bool,
    /// The outermost IP header.
    pub ip: Option<Ip<'a>>,
    /// What was found behind the last header that was read.
    pub body: Body<'a>,
    /// Why reading ended before the end of the frame's headers.
    pub stop: Option<Stop>,
    /// A TCP or UDP packet of more than 1500 octets, or an IPv4 header that leaves its length to the device: segmentation offload (TSO,
    /// GSO) has yet to happen, or was undone on arrival (GRO); or the link has a larger MTU. Expected on TAPs; not a fault. Checksums
    /// that were left to the device show in [`super::layers`].
    pub offload: bool,
}

/// Up to four VLAN identifiers, the outermost first; more tags than that stop the decoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vlans {
    vids: [u16; 4],
    count: u8,
}

impl Vlans {
    /// Appends an inner tag's VLAN identifier (12 bits). `false` if there is no room.
    pub fn push(&mut self, vid: u16) -> bool {
        let Some(slot) = self.vids.get_mut(self.count as usize) else { return false };
        *slot = vid & 0xfff;
        self.count += 1;
        true
    }

    /// The identifiers, the outermost first.
    pub fn as_slice(&self) -> &[u16] {
        &self.vids[..self.count as usize]
    }

    /// The outermost VLAN that the frame belongs to; a priority tag (VID 0) is none.
    pub fn outer(&self) -> Option<u16> {
        self.as_slice().first().copied().filter(|&vid| vid != 0)
    }
}

/// Source and destination of an IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Addresses {
    /// Source, destination.
    V4([u8; 4], [u8; 4]),
    /// Source, destination.
    V6([u8; 16], [u8; 16]),
}

impl Addresses {
    /// The source.
    pub fn source(&self) -> IpAddr {
        match *self {
            Addresses::V4(source, _) => Ipv4Addr::from(source).into(),
            Addresses::V6(source, _) => Ipv6Addr::from(source).into(),
        }
    }

    /// The destination.
    pub fn destination(&self) -> IpAddr {
        match *self {
            Addresses::V4(_, destination) => Ipv4Addr::from(destination).into(),
            Addresses::V6(_, destination) => Ipv6Addr::from(destination).into(),
        }
    }
}

/// Where in its datagram a packet lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fragment {
    /// The whole datagram.
    #[default]
    Whole,
    /// The first of several.
    First,
    /// Not the first: without a transport header.
    Later,
}

/// The outermost IP header, with the transport's ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip<'a> {
    /// Source and destination.
    pub addresses: Addresses,
    /// IPv4 protocol, or the last next-header of the chain of hop-by-hop, routing, fragment and destination options (RFC 8200).
    pub protocol: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Whether this is a fragment.
    pub fragment: Fragment,
    /// IPv4 identification, or the identification of an IPv6 fragment header.
    pub identification: Option<u32>,
    /// Source and destination port: TCP, UDP and SCTP where the header was captured and this is no later fragment.
    pub ports: Option<(u16, u16)>,
    /// The captured octets behind the IP headers, without link-layer padding.
    pub payload: &'a [u8],
}

/// What lies behind the last header that the digest reads. The slices are the captured part and may be cut anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body<'a> {
    /// Nothing that is read further.
    #[default]
    Other,
    /// A TCP segment whose header was captured.
    Tcp(Tcp),
    /// An SCTP packet.
    Sctp,
    /// A UDP datagram's payload, behind the 8 octets of its header; not of later fragments.
    Udp(&'a [u8]),
    /// An ICMP message, from its type on (RFC 792).
    Icmp(&'a [u8]),
    /// An ICMPv6 message, from its type on (RFC 4443): also ND (RFC 4861) and MLD.
    Icmp6(&'a [u8]),
    /// An IGMP message, from its type on.
    Igmp(&'a [u8]),
    /// An ARP packet, from its hardware type on (RFC 826).
    Arp(&'a [u8]),
    /// An LLDP data unit (IEEE 802.1AB).
    Lldp(&'a [u8]),
    /// A bridge protocol data unit (IEEE 802.1D), behind the LLC header.
    Stp(&'a [u8]),
    /// A slow protocols data unit (IEEE 802.3 annex 57A; LACP is subtype 1).
    Slow(&'a [u8]),
    /// A tunnel's payload: the kind, and the carried packet from its first header on.
    Tunnel(Tunnel, &'a [u8]),
}

/// TCP's header fields that the model uses (RFC 9293).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// FIN, SYN, RST, PSH, ACK, URG: bits 0 to 5 of the flags octet.
    pub flags: u8,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
}

impl Tcp {
    /// Flag bits.
    pub const FIN: u8 = 1;
    /// See [`Tcp::FIN`].
    pub const SYN: u8 = 2;
    /// See [`Tcp::FIN`].
    pub const RST: u8 = 4;
    /// See [`Tcp::FIN`].
    pub const ACK: u8 = 16;
}

/// How one packet travels inside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tunnel {
    /// IPv4 or IPv6 directly in IP (RFC 2003, 2473, 4213): protocol 4 or 41.
    IpInIp,
    /// GRE (RFC 2784, 2890), with the EtherType of what it carries.
    Gre {
        /// EtherType of the payload.
        protocol: u16,
        /// The key, where one is present.
        key: Option<u32>,
    },
    /// VXLAN (RFC 7348): an Ethernet frame behind UDP port 4789.
    Vxlan {
        /// VXLAN network identifier, 24 bits.
        vni: u32,
    },
    /// Geneve (RFC 8926), UDP port 6081, with the EtherType of what it carries.
    Geneve {
        /// Virtual network identifier, 24 bits.
        vni: u32,
        /// EtherType of the payload.
        protocol: u16,
    },
}

/// Why the digest ends where it does. Counted per point; a packet with a `stop` is still counted with what was read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// The captured octets end inside of a header; the name of that header.
    Cut(&'static str),
    /// A header contradicts itself or its surroundings; its name.
    Malformed(&'static str),
    /// Headers nest deeper than is followed.
    TooDeep,
    /// A link type that is not decoded.
    LinkType,
    /// An EtherType that is not read further.
    EtherType(u16),
    /// An LLC destination service access point that is not read further.
    ServiceAccessPoint(u8),
    /// A SNAP organization code and protocol that is not read further.
    Snap([u8; 3], u16),
}

/// For people, such as `cut in TCP`.
impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Cut(header) => write!(f, "cut in {header}"),
            Stop::Malformed(header) => write!(f, "malformed {header}"),
            Stop::TooDeep => write!(f, "headers nest too deep"),
            Stop::LinkType => write!(f, "link type"),
            Stop::EtherType(kind) => write!(f, "EtherType {kind:#06x}"),
            Stop::ServiceAccessPoint(sap) => write!(f, "LLC SAP {sap:#04x}"),
            Stop::Snap([a, b, c], protocol) => write!(f, "SNAP {a:02x}:{b:02x}:{c:02x} {protocol:#06x}"),
        }
    }
}

/// Such as `VXLAN 7`.
impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tunnel::IpInIp => write!(f, "IP in IP"),
            Tunnel::Gre { key: Some(key), .. } => write!(f, "GRE key {key}"),
            Tunnel::Gre { .. } => write!(f, "GRE"),
            Tunnel::Vxlan { vni } => write!(f, "VXLAN {vni}"),
            Tunnel::Geneve { vni, .. } => write!(f, "Geneve {vni}"),
        }
    }
}
