//! Bytes to knowledge, one file per protocol.
//!
//! [`digest`] reads what every frame has, without allocating: addresses, VLANs, the outermost IP header and its ports. [`facts`] reads
//! the protocols that teach (ARP, ND, DHCP, ICMP, DNS, LLDP, STP, …) and says what they prove. [`layers`] names every layer and field of
//! one frame for people.

mod packet;

pub use packet::{Addresses, Body, Fragment, Ip, Packet, Stop, Tcp, Tunnel, Vlans};

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

/// PLACEHOLDER
pub fn digest<'a>(_link_type: crate::LinkType, _frame: &crate::Frame<'a>) -> Packet<'a> {
    Packet::default()
}
/// PLACEHOLDER
pub fn may_teach(_packet: &Packet<'_>) -> bool {
    false
}
/// PLACEHOLDER
pub fn facts(_packet: &Packet<'_>, _out: &mut Vec<crate::fact::Fact>) {}
