//! ARP for Ethernet and IPv4.
//!
//! Read RFC 826 first, then RFC 5227 for probes and announcements.

use super::read::{array, be16};
use crate::MacAddr;
use crate::fact::{Arp, ArpOperation};
use std::net::Ipv4Addr;

/// Hardware types: Ethernet, and IEEE 802 networks.
const HARDWARE: [u16; 2] = [1, 6];
const IPV4: u16 = 0x0800;

/// A request or reply; `None` for other hardware, protocols and operations, and for what was cut before its last address.
pub(super) fn parse(bytes: &[u8]) -> Option<Arp> {
    let for_us = HARDWARE.contains(&be16(bytes, 0)?) && be16(bytes, 2)? == IPV4 && array::<2>(bytes, 4)? == [6, 4];
    let operation = match be16(bytes, 6)? {
        1 => ArpOperation::Request,
        2 => ArpOperation::Reply,
        _ => return None,
    };
    for_us.then_some(Arp {
        operation,
        sender_mac: MacAddr(array(bytes, 8)?),
        sender_ip: Ipv4Addr::from(array::<4>(bytes, 14)?),
        target_mac: MacAddr(array(bytes, 18)?),
        target_ip: Ipv4Addr::from(array::<4>(bytes, 24)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::ArpPurpose;

    fn request(sender: [u8; 4], target: [u8; 4]) -> [u8; 28] {
        let mut bytes = [0; 28];
        bytes[..8].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, 1]);
        bytes[8..14].copy_from_slice(&[0x52, 0x54, 0, 0x12, 0x34, 0x57]);
        bytes[14..18].copy_from_slice(&sender);
        bytes[24..].copy_from_slice(&target);
        bytes
    }

    #[test]
    fn the_sender_address_tells_a_probe_an_announcement_and_a_question_apart() {
        let purpose = |sender, target| parse(&request(sender, target)).map(|arp| arp.purpose());
        assert_eq!(purpose([0; 4], [10, 0, 2, 101]), Some(ArpPurpose::Probe));
        assert_eq!(purpose([10, 0, 2, 101], [10, 0, 2, 101]), Some(ArpPurpose::Announcement));
        assert_eq!(purpose([10, 0, 2, 101], [10, 0, 2, 100]), Some(ArpPurpose::Resolve));
    }

    #[test]
    fn other_lengths_and_types_are_none_of_ours() {
        let good = request([10, 0, 0, 1], [10, 0, 0, 2]);
        for (at, value) in [(1, 2), (2, 9), (4, 255), (5, 255), (7, 9)] {
            let mut bytes = good;
            bytes[at] = value;
            assert_eq!(parse(&bytes), None);
        }
        assert_eq!(parse(&good[..27]), None);
    }
}
