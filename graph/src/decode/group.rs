//! Multicast group membership: IGMP (RFC 1112, 2236, 3376) and MLD (RFC 2710, 3810).

use super::read::{array, be16, rest};
use crate::fact::{Fact, Group, GroupAction};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most group records that are taken from one report.
const RECORDS: usize = 32;

/// IGMP versions 1 to 3.
pub(super) fn parse_igmp(bytes: &[u8], source: IpAddr, out: &mut Vec<Fact>) {
    let Some(&kind) = bytes.first() else { return };
    let group = || array::<4>(bytes, 4).map(|group| IpAddr::V4(Ipv4Addr::from(group)));
    match kind {
        0x11 => out.extend(group().map(|group| fact(source, group, GroupAction::Query))),
        0x12 | 0x16 => out.extend(group().map(|group| fact(source, group, GroupAction::Join))),
        0x17 => out.extend(group().map(|group| fact(source, group, GroupAction::Leave))),
        0x22 => records(bytes, source, 4, |record| array::<4>(record, 4).map(|group| Ipv4Addr::from(group).into()), out),
        _ => {}
    }
}

/// MLD versions 1 and 2, which are ICMPv6 messages.
pub(super) fn parse_mld(bytes: &[u8], source: IpAddr, out: &mut Vec<Fact>) {
    let Some(&kind) = bytes.first() else { return };
    let group = || array::<16>(bytes, 8).map(|group| IpAddr::V6(Ipv6Addr::from(group)));
    match kind {
        130 => out.extend(group().map(|group| fact(source, group, GroupAction::Query))),
        131 => out.extend(group().map(|group| fact(source, group, GroupAction::Join))),
        132 => out.extend(group().map(|group| fact(source, group, GroupAction::Leave))),
        143 => records(bytes, source, 16, |record| array::<16>(record, 4).map(|group| Ipv6Addr::from(group).into()), out),
        _ => {}
    }
}

fn fact(source: IpAddr, group: IpAddr, action: GroupAction) -> Fact {
    Fact::Group(Group { source, group, action })
}

/// A version 3 (IGMP) or 2 (MLD) report: records of type, auxiliary length, number of sources, group, sources.
fn records(bytes: &[u8], source: IpAddr, width: usize, group: impl Fn(&[u8]) -> Option<IpAddr>, out: &mut Vec<Fact>) {
    let count = usize::from(be16(bytes, 6).unwrap_or(0)).min(RECORDS);
    let mut record = rest(bytes, 8);
    for _ in 0..count {
        let (Some(&[kind, auxiliary]), Some(sources), Some(group)) = (record.first_chunk::<2>(), be16(record, 2), group(record)) else {
            return;
        };
        // MODE_IS_INCLUDE and CHANGE_TO_INCLUDE of no source say: not interested; BLOCK_OLD_SOURCES says nothing about the group.
        let action = match (kind, sources) {
            (1 | 3, 0) => Some(GroupAction::Leave),
            (1..=5, _) => Some(GroupAction::Join),
            _ => None,
        };
        out.extend(action.map(|action| fact(source, group, action)));
        record = rest(record, 4 + width * (1 + usize::from(sources)) + usize::from(auxiliary) * 4);
    }
}
