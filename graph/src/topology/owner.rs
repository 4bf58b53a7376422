//! Who has which address, and who only forwards for it.
//!
//! ARP, Neighbor Discovery and DHCP prove an owner. The source of a frame does not: a router's frames carry everybody's addresses. So a
//! station that claims an address of its own, and also sends from (or is sent packets for) addresses elsewhere that nobody on the link
//! ever asked for or claimed, is a router, and those addresses are remote.

use super::Address;
use crate::evidence::Evidence;
use crate::tables::{Learned, RouterReason, Tables};
use crate::{MacAddr, PointId};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A station of a layer-2 domain, which is named by its lowest point.
pub(super) type StationKey = (PointId, MacAddr);

/// What is known of one station's addresses.
#[derive(Debug, Default)]
pub(super) struct Owned {
    pub addresses: Vec<Address>,
    pub router: BTreeSet<RouterReason>,
    pub remotes: BTreeSet<IpAddr>,
}

/// How one station came to one address.
#[derive(Debug, Default)]
struct Claim {
    learned: BTreeSet<Learned>,
    evidence: Evidence,
}

/// Without any proof of an address of its own, a station that sends from this many networks is a router.
const NETWORKS: usize = 3;

pub(super) fn owners(tables: &Tables, domain_of: impl Fn(PointId) -> PointId) -> BTreeMap<StationKey, Owned> {
    // Who claims what, per domain and VLAN: the same address in another VLAN is another matter.
    let mut claims: BTreeMap<(PointId, Option<u16>, IpAddr), BTreeMap<MacAddr, Claim>> = BTreeMap::new();
    let mut sources: BTreeMap<StationKey, BTreeMap<IpAddr, Evidence>> = BTreeMap::new();
    for binding in tables.bindings.iter().filter(|binding| binding.mac.is_station() && is_host_address(binding.ip)) {
        let domain = domain_of(binding.point);
        if binding.learned.proves_owner() {
            let claim = claims.entry((domain, binding.vlan, binding.ip)).or_default().entry(binding.mac).or_default();
            claim.learned.insert(binding.learned);
            claim.evidence.merge(&binding.evidence);
        } else {
            sources.entry((domain, binding.mac)).or_default().entry(binding.ip).or_default().merge(&binding.evidence);
        }
    }
    let asked: BTreeSet<(PointId, IpAddr)> =
        tables.resolutions.iter().map(|resolution| (domain_of(resolution.point), resolution.target)).collect();
    let claimed: BTreeSet<(PointId, IpAddr)> = claims.keys().map(|&(domain, _, ip)| (domain, ip)).collect();

    let mut owned: BTreeMap<StationKey, Owned> = BTreeMap::new();
    for ((domain, _, ip), claimants) in &claims {
        for (mac, claim) in claimants {
            let rivals = claimants.iter().filter(|(other, _)| *other != mac && !is_virtual_router(**other) && !is_virtual_router(*mac));
            let (conflicts, later): (Vec<_>, Vec<_>) = rivals.partition(|(_, other)| overlap(&claim.evidence, &other.evidence));
            owned.entry((*domain, *mac)).or_default().addresses.push(Address {
                ip: *ip,
                learned: claim.learned.iter().copied().collect(),
                evidence: claim.evidence.clone(),
                conflicts: conflicts.into_iter().map(|(other, _)| *other).collect(),
                moved: later.iter().any(|(_, other)| other.evidence.first_at > claim.evidence.last_at),
            });
        }
    }

    let mut towards: BTreeMap<StationKey, BTreeSet<IpAddr>> = BTreeMap::new();
    for next_hop in tables.next_hops.iter().filter(|next_hop| is_host_address(next_hop.ip)) {
        towards.entry((domain_of(next_hop.point), next_hop.mac)).or_default().insert(next_hop.ip);
    }
    let stations: BTreeSet<StationKey> = sources.keys().chain(towards.keys()).copied().collect();
    for key in stations {
        let empty = (BTreeMap::new(), BTreeSet::new());
        let (sources, towards) = (sources.get(&key).unwrap_or(&empty.0), towards.get(&key).unwrap_or(&empty.1));
        let station = owned.entry(key).or_default();
        let is_foreign = |ip: &&IpAddr| !claimed.contains(&(key.0, **ip)) && !asked.contains(&(key.0, **ip)) && !is_link_local(**ip);
        for is_v6 in [false, true] {
            let own: BTreeSet<IpAddr> =
                station.addresses.iter().map(|address| address.ip).filter(|ip| ip.is_ipv6() == is_v6 && !is_link_local(*ip)).collect();
            let elsewhere = |ip: &&IpAddr| ip.is_ipv6() == is_v6 && !own.iter().any(|own| network(*own) == network(**ip));
            let remotes: BTreeSet<IpAddr> = if own.is_empty() {
                let all: BTreeSet<IpAddr> = sources.keys().filter(|ip| ip.is_ipv6() == is_v6).filter(is_foreign).copied().collect();
                let networks: BTreeSet<_> = all.iter().map(|ip| network(*ip)).collect();
                if networks.len() >= NETWORKS { all } else { BTreeSet::new() }
            } else {
                sources.keys().chain(towards).filter(is_foreign).filter(elsewhere).copied().collect()
            };
            if !remotes.is_empty() {
                station.router.insert(RouterReason::Forwards);
                station.remotes.extend(remotes);
            }
        }
        // What is neither remote nor somebody else's is its own.
        for (ip, evidence) in sources {
            if let Some(address) = station.addresses.iter_mut().find(|address| address.ip == *ip) {
                address.learned.push(Learned::Source);
            } else if !station.remotes.contains(ip) && !claimed.contains(&(key.0, *ip)) {
                station.addresses.push(Address {
                    ip: *ip,
                    learned: vec![Learned::Source],
                    evidence: evidence.clone(),
                    conflicts: Vec::new(),
                    moved: false,
                });
            }
        }
    }
    name_routers(tables, domain_of, &mut owned);
    for station in owned.values_mut() {
        station.addresses.sort_by_key(|address| address.ip);
        // A server or the station itself may call it a router: then what is sent through it is remote, too.
        for address in &station.addresses {
            station.remotes.remove(&address.ip);
        }
    }
    owned
}

/// Routers by their own or a server's word.
fn name_routers(tables: &Tables, domain_of: impl Fn(PointId) -> PointId, owned: &mut BTreeMap<StationKey, Owned>) {
    let by_address: BTreeMap<(PointId, IpAddr), MacAddr> = owned
        .iter()
        .flat_map(|(&(domain, mac), station)| station.addresses.iter().map(move |address| ((domain, address.ip), mac)))
        .collect();
    for row in &tables.routers {
        let domain = domain_of(row.point);
        let mac = row.mac.or_else(|| row.ip.and_then(|ip| by_address.get(&(domain, ip)).copied()));
        if let Some(station) = mac.and_then(|mac| owned.get_mut(&(domain, mac))) {
            station.router.insert(row.reason);
        }
    }
}

/// Whether two claims were made at the same time, or in turns.
fn overlap(a: &Evidence, b: &Evidence) -> bool {
    a.first_at <= b.last_at && b.first_at <= a.last_at
}

/// An address that a host can have: not unspecified, multicast or broadcast.
fn is_host_address(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    }
}

/// Link-local addresses cross no router (RFC 3927, RFC 4291).
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// VRRP's virtual MAC addresses (RFC 9568, section 7.3) stand beside the router's own.
fn is_virtual_router(mac: MacAddr) -> bool {
    matches!(mac.0, [0, 0, 0x5e, 0, 1 | 2, _])
}

/// The usual size of one link's network: /24 and /64. Frames do not tell prefixes.
fn network(ip: IpAddr) -> (bool, u64) {
    match ip {
        IpAddr::V4(ip) => (false, u64::from(u32::from(ip) >> 8)),
        IpAddr::V6(ip) => (true, (u128::from(ip) >> 64) as u64),
    }
}
