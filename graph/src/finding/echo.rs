//! Echoes that are lost or refused.

use super::{FRAMES, Finding, FindingKind, Severity, is_too_early, times};
use crate::tables::Tables;
use crate::{FrameNo, PointId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// One packet seen at several points is one echo; its fate is the same for all echoes from one address to another.
#[derive(Default)]
struct Echoes {
    sent: u64,
    lost: Vec<FrameNo>,
    lost_count: u64,
    refused: Vec<FrameNo>,
    refused_by: Option<u32>,
    point: Option<PointId>,
}

/// A DHCP server waits this long, at most, for an answer to its ping before it offers the address, nanoseconds. dnsmasq waits three
/// seconds, ISC's server one.
const PING_CHECK: i64 = 5_000_000_000;

/// When addresses were offered, in order. A transaction's offers count for all addresses that it was offered: rarely more than one.
fn offers(tables: &Tables) -> BTreeMap<IpAddr, Vec<Timestamp>> {
    let mut offers: BTreeMap<IpAddr, Vec<Timestamp>> = BTreeMap::new();
    for transaction in &tables.dhcp {
        let times = transaction.messages.iter().filter(|message| message.message_type == Some(2) && !message.repeated);
        for &ip in &transaction.offered {
            offers.entry(IpAddr::V4(ip)).or_default().extend(times.clone().map(|message| message.at));
        }
    }
    offers.values_mut().for_each(|times| times.sort_unstable());
    offers
}

pub(super) fn echoes(tables: &Tables, found: &mut Vec<Finding>) {
    // Sightings and replies are paired first in, first out: any sighting's reply is the packet's.
    let answered: BTreeSet<u64> = tables.echoes.iter().filter(|echo| echo.reply.is_some()).filter_map(|echo| echo.journey).collect();
    let offers = offers(tables);
    let mut pairs: BTreeMap<(IpAddr, IpAddr), Echoes> = BTreeMap::new();
    for (_, echo) in tables.echo_requests() {
        let is_to_group = match echo.destination {
            IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
            IpAddr::V6(ip) => ip.is_multicast(),
        };
        if is_to_group {
            continue;
        }
        let is_answered = echo.reply.is_some() || echo.journey.is_some_and(|journey| answered.contains(&journey));
        // RFC 2131, section 3.1: a server may ping an address before it offers it, and hopes for no answer.
        let is_offered_next = || {
            let times = offers.get(&echo.destination).map_or(&[][..], Vec::as_slice);
            times.get(times.partition_point(|at| *at < echo.at)).is_some_and(|at| at.since(echo.at) <= PING_CHECK)
        };
        if !is_answered && is_offered_next() {
            continue;
        }
        let pair = pairs.entry((echo.source, echo.destination)).or_default();
        pair.sent += 1;
        pair.point.get_or_insert(echo.point);
        match echo.error {
            _ if is_answered || is_too_early(tables, echo.at) => {}
            Some(error) => {
                pair.refused.push(echo.frame);
                pair.refused_by = Some(error);
            }
            None => {
                pair.lost_count += 1;
                if pair.lost.len() < FRAMES {
                    pair.lost.push(echo.frame);
                }
            }
        }
    }
    for ((source, destination), pair) in pairs {
        if let Some(row) = pair.refused_by.and_then(|error| tables.icmp_errors.get(error as usize)) {
            let subject = format!("ping {source} -> {destination}: {} says {}", row.error.reporter, row.error);
            found.push(Finding {
                severity: Severity::Error,
                kind: FindingKind::EchoRefused,
                text: format!("{subject}{}", times(pair.refused.len() as u64)),
                subject,
                about: None,
                point: pair.point,
                frames: pair.refused.iter().take(FRAMES).copied().collect(),
                count: pair.refused.len() as u64,
            });
        }
        if pair.lost_count > 0 {
            found.push(Finding {
                severity: Severity::Error,
                kind: FindingKind::EchoLost,
                text: format!("ping {source} -> {destination}: {} of {} echo requests unanswered", pair.lost_count, pair.sent),
                subject: format!("ping {source} -> {destination}"),
                about: None,
                point: pair.point,
                frames: pair.lost,
                count: pair.lost_count,
            });
        }
    }
}
