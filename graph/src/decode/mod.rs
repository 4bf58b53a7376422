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
mod layers;
mod lldp;
mod nd;
mod outline;
mod packet;
mod raw;
mod read;
mod sll;
mod stp;
mod summary;
mod transport;

pub use facts::{facts, may_teach};
pub use layers::{Field, Layer, layers};
pub(crate) use outline::{FlowKey, KeyV4, KeyV6, LinkKey, Outline, outline};
pub use packet::{Addresses, Body, Fragment, Ip, Packet, Stop, Tcp, Tunnel, Vlans};
pub use summary::{Summary, summary};

use crate::{Frame, LinkType};

/// What a frame says about itself, from the outside in to the outermost IP header's transport. Allocates nothing.
pub fn digest<'a>(link_type: LinkType, frame: &Frame<'a>) -> Packet<'a> {
    let mut packet = Packet::default();
    digest_into(&mut packet, link_type, frame);
    packet
}

/// As [`digest`], where the packet stays: a packet is too large to be handed around for every frame.
#[inline]
pub(crate) fn digest_into<'a>(packet: &mut Packet<'a>, link_type: LinkType, frame: &Frame<'a>) {
    *packet = Packet::default();
    match link_type {
        LinkType::ETHERNET => ethernet::digest(frame.bytes, packet),
        // Some writers of LOOP use their own byte order all the same.
        LinkType::NULL | LinkType::LOOP => raw::digest_family(frame.bytes, packet),
        LinkType::RAW | LinkType(12 | 14) => raw::digest_raw(frame.bytes, packet),
        LinkType::IPV4 => ip::digest_v4(frame.bytes, packet),
        LinkType::IPV6 => ip::digest_v6(frame.bytes, packet),
        LinkType::LINUX_SLL => sll::digest(frame.bytes, packet),
        LinkType::LINUX_SLL2 => sll::digest_v2(frame.bytes, packet),
        _ => packet.stop = Some(Stop::LinkType),
    }
}
