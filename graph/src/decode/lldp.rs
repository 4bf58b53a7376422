//! The Link Layer Discovery Protocol (IEEE 802.1AB-2016, clause 8): type-length-value elements up to an end mark.

use super::read::{array, be16, rest};
use crate::fact::Lldp;
use crate::{MacAddr, Text};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most management addresses that are taken from one unit.
const ADDRESSES: usize = 16;

/// A data unit, as far as it was captured; `None` if not even a chassis identifier is there.
pub(super) fn parse(bytes: &[u8]) -> Option<Lldp> {
    let mut lldp = Lldp::default();
    for (kind, value) in elements(bytes) {
        match kind {
            1 => lldp.chassis = identifier(value, 4, 5),
            2 => lldp.port = identifier(value, 3, 4),
            3 => lldp.ttl = be16(value, 0),
            4 => lldp.port_description = Some(Text::from_wire(value)),
            5 => lldp.system_name = Some(Text::from_wire(value)),
            6 => lldp.system_description = Some(Text::from_wire(value)),
            7 => lldp.capabilities = be16(value, 2),
            8 if lldp.management.len() < ADDRESSES => lldp.management.extend(management(value)),
            127 => match (value.first_chunk::<4>(), be16(value, 4)) {
                (Some([0x00, 0x80, 0xc2, 1]), Some(vid)) => lldp.port_vlan = Some(vid),
                (Some([0x00, 0x12, 0x0f, 4]), Some(size)) => lldp.max_frame = Some(size),
                _ => {}
            },
            _ => {}
        }
    }
    lldp.chassis.is_some().then_some(lldp)
}

/// Type and value of each element, up to the end mark or the first one that was not captured whole.
pub(super) fn elements(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let head = be16(bytes, 0)?;
        let (kind, length) = ((head >> 9) as u8, usize::from(head & 0x1ff));
        let value = bytes.get(2..2 + length).filter(|_| kind != 0)?;
        bytes = rest(bytes, 2 + length);
        Some((kind, value))
    })
}

/// A chassis or port identifier: a subtype, of which one says MAC address and one network address, then what it says.
pub(super) fn identifier(value: &[u8], mac: u8, network: u8) -> Option<Text> {
    let (&subtype, id) = value.split_first()?;
    let special = if subtype == mac {
        array(id, 0).filter(|_| id.len() == 6).map(|id| MacAddr(id).to_string())
    } else if subtype == network {
        address(id).map(|ip| ip.to_string())
    } else {
        None
    };
    Some(special.map_or_else(|| Text::from_wire(id), |id| Text::new(&id)))
}

/// An address behind its family number (IANA): 1 IPv4, 2 IPv6.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.first()? {
        1 => array::<4>(bytes, 1).map(|ip| Ipv4Addr::from(ip).into()),
        2 => array::<16>(bytes, 1).map(|ip| Ipv6Addr::from(ip).into()),
        _ => None,
    }
}

fn management(value: &[u8]) -> Option<IpAddr> {
    let length = usize::from(*value.first()?);
    address(value.get(1..1 + length)?)
}
