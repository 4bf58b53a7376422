//! Who has which address, and who only forwards for it.
//!
//! ARP, Neighbor Discovery and DHCP prove an owner. The source of a frame does not: a router's frames carry everybody's addresses. So a
//! station is a router, and addresses that it sends from or is sent packets for are remote, if
//! - it claims an address of its own, and those lie elsewhere and nobody on the link asked for or claimed them, or
//! - it claims none, and they lie in three networks or more, or it advertises itself as a router, or
//! - a journey shows that the packet was routed into this domain, or out of it.
//!
//! Where it forwards and nothing tells its own addresses from those beyond it, nothing is said of them.

use super::conflict::rivalries;
use super::{Address, Domains};
use crate::evidence::Evidence;
use crate::fact::Prefix;
use crate::tables::{Learned, RouterReason, Tables};
use crate::{MacAddr, PointId};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

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
pub(super) struct Claim {
    pub learned: BTreeSet<Learned>,
    pub evidence: Evidence,
}

/// Without any proof of an address of its own, a station that sends from this many networks is a router.
const NETWORKS: usize = 3;

/// What stations say and do, gathered from the tables.
#[derive(Default)]
struct Gathered {
    /// Who claims what, per domain and VLAN: the same address in another VLAN is another matter.
    claims: BTreeMap<(PointId, Option<u16>, IpAddr), BTreeMap<MacAddr, Claim>>,
    /// The claimed addresses, in whatever VLAN.
    claimed: BTreeSet<(PointId, IpAddr)>,
    /// What somebody asked for.
    asked: BTreeSet<(PointId, IpAddr)>,
    /// Addresses of routers that are on the link, unless a relay stands between: named by a DHCP server, or the source of a redirect,
    /// which only the first hop sends (RFC 792, RFC 4861, section 8).
    first_hops: BTreeSet<(PointId, IpAddr)>,
    /// What stations send from.
    sources: BTreeMap<StationKey, BTreeMap<IpAddr, Evidence>>,
    /// What stations are sent packets for.
    towards: BTreeMap<StationKey, BTreeSet<IpAddr>>,
    /// Addresses that stations send from, and that are claimed in another VLAN only.
    between_vlans: BTreeMap<StationKey, BTreeSet<IpAddr>>,
    /// Stations that advertise themselves as IPv6 routers.
    advertised: BTreeSet<StationKey>,
    /// Stations from which reports of a router came, whether it is them or one behind them; by the version of IP: `true` for 6.
    reported: BTreeSet<(StationKey, bool)>,
    /// Prefixes that a router calls on-link.
    on_link: BTreeMap<StationKey, Vec<Prefix>>,
    /// Sources whose packets came into a domain, and destinations whose packets left it, by routing.
    routed: BTreeSet<(PointId, IpAddr)>,
}

/// Who has which address, per station.
pub(super) fn owners(tables: &Tables, domains: &Domains) -> BTreeMap<StationKey, Owned> {
    let gathered = Gathered::of(tables, domains);
    let mut owned = claimed_addresses(&gathered.claims);
    let stations: BTreeSet<StationKey> = gathered.sources.keys().chain(gathered.towards.keys()).copied().collect();
    for key in stations {
        gathered.judge(key, owned.entry(key).or_default());
    }
    name_routers(tables, |point| domains.of_point(point), &mut owned);
    for station in owned.values_mut() {
        station.addresses.sort_by_key(|address| address.ip);
    }
    owned
}

/// The addresses that stations claim, with who else does.
fn claimed_addresses(claims: &BTreeMap<(PointId, Option<u16>, IpAddr), BTreeMap<MacAddr, Claim>>) -> BTreeMap<StationKey, Owned> {
    let mut owned: BTreeMap<StationKey, Owned> = BTreeMap::new();
    for ((domain, vlan, ip), claimants) in claims {
        let mut rivalries = rivalries(claimants);
        for (mac, claim) in claimants {
            let rivalry = rivalries.remove(mac).unwrap_or_default();
            owned.entry((*domain, *mac)).or_default().addresses.push(Address {
                ip: *ip,
                vlan: *vlan,
                learned: claim.learned.iter().copied().collect(),
                evidence: claim.evidence.clone(),
                conflicts: rivalry.conflicts,
                moved: rivalry.moved,
                station: Some((*domain, *mac)),
                device: None,
            });
        }
    }
    owned
}

impl Gathered {
    fn of(tables: &Tables, domains: &Domains) -> Gathered {
        let mut gathered = Gathered::default();
        let bindings = || tables.bindings.iter().filter(|binding| binding.mac.is_station() && is_host_address(binding.ip));
        for binding in bindings().filter(|binding| binding.learned.proves_owner()) {
            let domain = domains.of_point(binding.point);
            let claim = gathered.claims.entry((domain, binding.vlan, binding.ip)).or_default().entry(binding.mac).or_default();
            claim.learned.insert(binding.learned);
            claim.evidence.merge(&binding.evidence);
            gathered.claimed.insert((domain, binding.ip));
        }
        for binding in bindings().filter(|binding| !binding.learned.proves_owner()) {
            let domain = domains.of_point(binding.point);
            let key = (domain, binding.mac);
            gathered.sources.entry(key).or_default().entry(binding.ip).or_default().merge(&binding.evidence);
            let in_another_vlan =
                gathered.claimed.contains(&(domain, binding.ip)) && !gathered.claims.contains_key(&(domain, binding.vlan, binding.ip));
            if in_another_vlan {
                gathered.between_vlans.entry(key).or_default().insert(binding.ip);
            }
        }
        for next_hop in tables.next_hops.iter().filter(|next_hop| next_hop.mac.is_station() && is_host_address(next_hop.ip)) {
            gathered.towards.entry((domains.of_point(next_hop.point), next_hop.mac)).or_default().insert(next_hop.ip);
        }
        gathered.asked = tables.resolutions.iter().map(|row| (domains.of_point(row.point), row.target)).collect();
        for row in &tables.routers {
            let domain = domains.of_point(row.point);
            if let (Some(ip), RouterReason::NamedByDhcp) = (row.ip, row.reason) {
                gathered.first_hops.insert((domain, ip));
            }
            let (Some(mac), Some(ip)) = (row.mac, row.ip) else { continue };
            let key = (domain, mac);
            match row.reason {
                RouterReason::Advertises => gathered.advertised.insert(key),
                _ => gathered.reported.insert((key, ip.is_ipv6())),
            };
            let on_link = row.prefixes.iter().filter(|prefix| prefix.is_on_link);
            gathered.on_link.entry(key).or_default().extend(on_link);
        }
        let redirects = tables.icmp_errors.iter().filter(|row| row.error.gateway.is_some());
        gathered.first_hops.extend(redirects.map(|row| (domains.of_point(row.point), row.error.reporter)));
        gathered.follow_journeys(tables, domains);
        gathered
    }

    /// An echo that was seen in several domains was routed: in the later ones its source is elsewhere, in the earlier ones its
    /// destination.
    fn follow_journeys(&mut self, tables: &Tables, domains: &Domains) {
        for (_, echo) in tables.echo_requests() {
            for (journey, source, destination) in
                [(echo.journey, echo.source, echo.destination), (echo.reply_journey, echo.destination, echo.source)]
            {
                let Some(journey) = journey.and_then(|id| tables.journey(id)) else { continue };
                let path: Vec<PointId> = journey.sightings.iter().map(|seen| domains.of_point(seen.point)).collect();
                let (Some(first), Some(last)) = (path.first(), path.last()) else { continue };
                self.routed.extend(path.iter().filter(|domain| *domain != first).map(|domain| (*domain, source)));
                self.routed.extend(path.iter().filter(|domain| *domain != last).map(|domain| (*domain, destination)));
            }
        }
    }

    /// Says of one station what it forwards for, and which of the addresses it sends from are its own.
    fn judge(&self, key: StationKey, station: &mut Owned) {
        let (no_sources, no_towards) = (BTreeMap::new(), BTreeSet::new());
        let sources = self.sources.get(&key).unwrap_or(&no_sources);
        let towards = self.towards.get(&key).unwrap_or(&no_towards);
        let claims_own = |is_v6| station.addresses.iter().any(|own| own.ip.is_ipv6() == is_v6 && !is_link_local(own.ip));
        let has_claims = [claims_own(false), claims_own(true)];
        let is_first_hop = |ip: IpAddr| !has_claims[usize::from(ip.is_ipv6())] && self.first_hops.contains(&(key.0, ip));
        let near = sources.keys().copied().filter(|&ip| is_first_hop(ip));
        let own = station.addresses.iter().map(|address| address.ip).chain(near);
        let networks: BTreeSet<_> = own.filter(|ip| !is_link_local(*ip)).map(network).collect();
        let is_elsewhere = |ip: IpAddr| !networks.contains(&network(ip)) && !self.is_on_link(key, ip);

        // Sources that may be its own or remote, for all that is known.
        let mut unsure: BTreeSet<IpAddr> = BTreeSet::new();
        for is_v6 in [false, true] {
            let is_remote = |ip: &IpAddr| ip.is_ipv6() == is_v6 && self.is_foreign(key.0, *ip) && is_elsewhere(*ip);
            let from: BTreeSet<IpAddr> = sources.keys().copied().filter(is_remote).collect();
            let to: BTreeSet<IpAddr> = towards.iter().copied().filter(is_remote).collect();
            let has_own = networks.iter().any(|network| network.0 == is_v6);
            if has_own || (is_v6 && self.advertised.contains(&key)) || are_many(&from) {
                station.remotes.extend(from.into_iter().chain(to));
            } else if are_many(&to) || self.reported.contains(&(key, is_v6)) {
                station.remotes.extend(to.difference(&from));
                unsure.extend(from);
            }
        }
        let was_routed = |ip: &&IpAddr| self.routed.contains(&(key.0, **ip)) && !self.claimed.contains(&(key.0, **ip));
        station.remotes.extend(sources.keys().chain(towards).filter(was_routed));
        let places: BTreeMap<IpAddr, usize> =
            station.addresses.iter().enumerate().rev().map(|(place, address)| (address.ip, place)).collect();
        // Its own address in another VLAN proves nothing: a trunk and an access port see the same station.
        let routes_vlans = || self.between_vlans.get(&key).is_some_and(|ips| ips.iter().any(|ip| !places.contains_key(ip)));
        if !station.remotes.is_empty() || routes_vlans() {
            station.router.insert(RouterReason::Forwards);
        }

        // What somebody on the link asked for in vain may be beyond a router or its own.
        if !station.router.is_empty() {
            unsure.extend(sources.keys().copied().filter(|&ip| self.asked.contains(&(key.0, ip)) && is_elsewhere(ip)));
        }
        // What is neither remote nor somebody else's is its own.
        for (&ip, evidence) in sources {
            if let Some(&place) = places.get(&ip) {
                station.addresses[place].learned.push(Learned::Source);
                continue;
            }
            if !unsure.contains(&ip) && !station.remotes.contains(&ip) && !self.claimed.contains(&(key.0, ip)) {
                station.addresses.push(Address {
                    ip,
                    vlan: None,
                    learned: vec![Learned::Source],
                    evidence: evidence.clone(),
                    conflicts: Vec::new(),
                    moved: false,
                    station: Some(key),
                    device: None,
                });
            }
        }
    }

    /// Whether nothing shows that an address is on the links of a domain.
    fn is_foreign(&self, domain: PointId, ip: IpAddr) -> bool {
        !self.claimed.contains(&(domain, ip)) && !self.asked.contains(&(domain, ip)) && !is_link_local(ip)
    }

    /// Whether a router says that an address is on its own link.
    fn is_on_link(&self, key: StationKey, ip: IpAddr) -> bool {
        let IpAddr::V6(ip) = ip else { return false };
        self.on_link.get(&key).is_some_and(|prefixes| prefixes.iter().any(|prefix| covers(prefix, ip)))
    }
}

/// Whether addresses lie in too many networks to be one host's.
fn are_many(addresses: &BTreeSet<IpAddr>) -> bool {
    addresses.iter().map(|ip| network(*ip)).collect::<BTreeSet<_>>().len() >= NETWORKS
}

/// Whether an address begins with a prefix.
fn covers(prefix: &Prefix, ip: Ipv6Addr) -> bool {
    let differ = u128::from(prefix.prefix) ^ u128::from(ip);
    differ.leading_zeros() >= u32::from(prefix.length)
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

/// An address that a host can have: not unspecified, multicast or broadcast.
pub(super) fn is_host_address(ip: IpAddr) -> bool {
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

/// The usual size of one link's network: /24 and /64. Frames do not tell prefixes.
fn network(ip: IpAddr) -> (bool, u64) {
    match ip {
        IpAddr::V4(ip) => (false, u64::from(u32::from(ip) >> 8)),
        IpAddr::V6(ip) => (true, (u128::from(ip) >> 64) as u64),
    }
}
