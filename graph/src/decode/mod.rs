//! Bytes to knowledge, one file per protocol.
//!
//! [`digest`] reads what every frame has, without allocating: addresses, VLANs, the outermost IP header and its ports. [`facts`] reads
//! the protocols that teach (ARP, ND, DHCP, ICMP, DNS, LLDP, STP, …) and says what they prove. [`layers`] names every layer and field of
//! one frame for people.

mod arp;
mod carried;
mod dhcp;
mod dhcp6;
mod dns;
mod encapsulation;
mod ethernet;
mod facts;
mod group;
mod icmp;
mod ip;
mod lacp;
mod lldp;
mod nd;
mod packet;
mod raw;
mod read;
mod sll;
mod stp;
mod transport;

pub use facts::{facts, may_teach};
pub use packet::{Addresses, Body, Fragment, Ip, Packet, Stop, Tcp, Tunnel, Vlans};

use crate::{Frame, LinkType};
use std::ops::Range;

/// One layer of a frame, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The protocol, such as `Ethernet II` or `DHCP`.
    pub name: &'static str,
    /// One line that says the most important of it.
    pub summary: String,
    /// Its octets in the frame.
    pub range: Range<usize>,
    /// Its fields in order.
    pub fields: Vec<Field>,
}

/// One field of a layer. Values that come from the wire as text are sanitised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name in its standard.
    pub name: &'static str,
    /// Its value, with the unit.
    pub value: String,
    /// Its octets in the frame.
    pub range: Range<usize>,
}

/// One line about a frame: a row of the packet table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The outermost IP source, else the link-layer source.
    pub source: String,
    /// The outermost IP destination, else the link-layer destination.
    pub destination: String,
    /// The highest protocol that was read.
    pub protocol: &'static str,
    /// What it says.
    pub info: String,
}

/// What a frame says about itself, from the outside in to the outermost IP header's transport. Allocates nothing.
#[inline]
pub fn digest<'a>(link_type: LinkType, frame: &Frame<'a>) -> Packet<'a> {
    let mut packet = Packet::default();
    match link_type {
        LinkType::ETHERNET => ethernet::digest(frame.bytes, &mut packet),
        // Some writers of LOOP use their own byte order all the same.
        LinkType::NULL | LinkType::LOOP => raw::digest_family(frame.bytes, &mut packet),
        LinkType::RAW | LinkType(12 | 14) => raw::digest_raw(frame.bytes, &mut packet),
        LinkType::IPV4 => ip::digest_v4(frame.bytes, &mut packet),
        LinkType::IPV6 => ip::digest_v6(frame.bytes, &mut packet),
        LinkType::LINUX_SLL => sll::digest(frame.bytes, &mut packet),
        LinkType::LINUX_SLL2 => sll::digest_v2(frame.bytes, &mut packet),
        _ => packet.stop = Some(Stop::LinkType),
    }
    packet
}

/// PLACEHOLDER
pub fn layers(_link_type: LinkType, _frame: &Frame<'_>) -> Vec<Layer> {
    Vec::new()
}
/// PLACEHOLDER
pub fn summary(_link_type: LinkType, _frame: &Frame<'_>) -> Summary {
    Summary { source: String::new(), destination: String::new(), protocol: "", info: String::new() }
}
