//! Addresses that two claim, or that nobody answers for.

use super::{FRAMES, Finding, FindingKind, Severity, is_too_early, times};
use crate::tables::{Resolution, Tables};
use crate::topology::{Domains, Key, Topology};
use crate::{FrameNo, MacAddr, PointId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Those who claim one address at one time, as far as they are listed.
#[derive(Default)]
struct Claimants {
    macs: BTreeSet<MacAddr>,
    frames: BTreeSet<FrameNo>,
    count: u64,
}

pub(super) fn conflicts(topology: &Topology, found: &mut Vec<Finding>) {
    let mut contested: BTreeMap<(PointId, Option<u16>, IpAddr), Claimants> = BTreeMap::new();
    let mut nodes: BTreeMap<(PointId, MacAddr), Key> = BTreeMap::new();
    for node in topology.nodes() {
        for address in node.addresses.iter().filter(|address| !address.conflicts.is_empty()) {
            let Some((domain, mac)) = address.station else { continue };
            nodes.insert((domain, mac), node.key);
            let claimants = contested.entry((domain, address.vlan, address.ip)).or_default();
            // A forged claim names a station that may never send a frame, and is then no node.
            claimants.macs.extend(address.conflicts.iter().copied().chain([mac]));
            claimants.count += address.evidence.count;
            claimants.frames.extend(address.evidence.samples.iter());
        }
    }
    for ((domain, _, ip), Claimants { macs, frames, count }) in contested {
        let mut names: Vec<String> = macs.iter().take(FRAMES).map(MacAddr::to_string).collect();
        if macs.len() > FRAMES {
            names.push(format!("{} more", macs.len() - FRAMES));
        }
        let last = names.pop().unwrap_or_default();
        let names =
            if names.is_empty() { format!("two stations that both have {last}") } else { format!("{} and {last}", names.join(", ")) };
        let text = format!("{ip} is claimed by {names}");
        found.push(Finding {
            severity: Severity::Error,
            kind: FindingKind::AddressConflict,
            subject: text.clone(),
            text,
            about: macs.iter().find_map(|mac| nodes.get(&(domain, *mac))).copied(),
            point: Some(domain),
            frames: frames.into_iter().take(FRAMES).collect(),
            count,
        });
    }
}

/// Who asks three times, a second apart, gives up (RFC 4861, section 10; Linux does the same for ARP).
const GIVES_UP: (u64, i64) = (3, 2_000_000_000);

/// Where an address was heard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Vlans {
    Any,
    Only(Option<u16>),
}

pub(super) fn resolutions(tables: &Tables, found: &mut Vec<Finding>) {
    let unanswered = |row: &&Resolution| row.open > 0 && !row.is_probe() && row.asker_ip != row.target;
    let domains = Domains::of(tables);
    let wanted: BTreeSet<(PointId, IpAddr)> =
        tables.resolutions.iter().filter(unanswered).map(|row| (domains.of_point(row.point), row.target)).collect();
    if wanted.is_empty() {
        return;
    }
    // Whoever was heard from an address after it was asked for can be reached: only the answer was not captured. But only on the same
    // link: the same address elsewhere, or behind a port that is not in the bridge, answers nobody here.
    let mut heard: BTreeMap<(PointId, IpAddr, Vlans), Timestamp> = BTreeMap::new();
    for binding in tables.bindings.iter().filter(|binding| binding.learned.proves_owner()) {
        let (domain, ip) = (domains.of_point(binding.point), binding.ip);
        if !wanted.contains(&(domain, ip)) {
            continue;
        }
        for vlans in [Vlans::Only(binding.vlan), Vlans::Any] {
            let last = heard.entry((domain, ip, vlans)).or_insert(binding.evidence.last_at);
            *last = (*last).max(binding.evidence.last_at);
        }
    }
    for row in tables.resolutions.iter().filter(unanswered) {
        // A trunk's tag is not seen on an access port: without a tag, any VLAN may be the same.
        let same_vlan = match row.vlan {
            None => [Vlans::Any; 2],
            vlan => [Vlans::Only(vlan), Vlans::Only(None)],
        };
        let heard_in = |vlans| heard.get(&(domains.of_point(row.point), row.target, vlans)).copied();
        let last_heard = same_vlan.into_iter().filter_map(heard_in).max();
        let was_answered = !row.answers.is_empty();
        let is_alive = last_heard.is_some_and(|last| match was_answered {
            false => last >= row.asked.first_at,
            true => row.open < GIVES_UP.0 || row.asked.last_at.since(last) < GIVES_UP.1,
        });
        let since = if was_answered { row.asked.last_at } else { row.asked.first_at };
        if is_too_early(tables, since) || is_alive {
            continue;
        }
        let protocol = if row.target.is_ipv6() { "Neighbor Solicitation" } else { "ARP" };
        let subject = match was_answered {
            false => format!("nobody answers {}'s {protocol} for {}", row.asker_ip, row.target),
            true => format!("{} no longer answers {}'s {protocol}", row.target, row.asker_ip),
        };
        found.push(Finding {
            severity: Severity::Warning,
            kind: FindingKind::ResolutionUnanswered,
            text: format!("{subject}{}", times(row.open)),
            subject,
            about: None,
            point: Some(row.point),
            // The samples are the first questions, which were answered; the last was not.
            frames: if was_answered { vec![row.asked.last] } else { row.asked.samples.to_vec() },
            count: row.open,
        });
    }
}
