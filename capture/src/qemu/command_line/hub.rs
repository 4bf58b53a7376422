//! Who is plugged into whom: cards and backends by name, and over hubs (net/hub.c).

use super::Card;
use super::mac::Defaults;
use super::network::{Adapter, Netdev, Peer};
use std::collections::{BTreeMap, BTreeSet};
use tapscope_graph::Text;
use tapscope_graph::host::{Backend, BackendKind, Nic};

/// What is on a hub, by place in the lists.
#[derive(Default)]
struct Hub {
    adapters: Vec<usize>,
    netdevs: Vec<usize>,
}

/// Cards with their backends, then backends without a card, all in the order of the command line.
pub(super) fn join(adapters: Vec<Adapter>, netdevs: Vec<Netdev>) -> Vec<Card> {
    let mut by_id = BTreeMap::new();
    for (at, netdev) in netdevs.iter().enumerate() {
        if let Some(id) = &netdev.id {
            by_id.entry(id.as_str()).or_insert(at);
        }
    }
    let opening = opening_order(&netdevs);
    let hubs = hubs(&adapters, &netdevs, &by_id);
    // A hub number for backends that a `hubport` joins, which do not say it themselves.
    let hub_of: BTreeMap<usize, u32> = hubs.iter().flat_map(|(&hub, on)| on.netdevs.iter().map(move |&at| (at, hub))).collect();
    let build = |at: usize| {
        let netdev = &netdevs[at];
        let mut backend = netdev.backend();
        backend.hub = hub_of.get(&at).copied().or(backend.hub);
        Card {
            nic: Nic { backend: Some(backend), ..Nic::default() },
            plug: netdev.plug.clone(),
            descriptors: netdev.descriptors(),
            order: opening[at],
            by_helper: netdev.is_by_helper(),
        }
    };
    let macs = macs(&adapters);
    let mut used = BTreeSet::new();
    let mut out = Vec::new();
    for (adapter, (mac, has_default_mac)) in adapters.iter().zip(macs) {
        let peer = match &adapter.peer {
            Peer::Netdev(id) => by_id.get(id.as_str()).copied(),
            _ => None,
        };
        used.extend(peer);
        let hub = match adapter.peer {
            Peer::Hub(number) => Some(number),
            _ => peer.and_then(|at| netdevs[at].hub),
        };
        let cable = hub.and_then(|number| hubs.get(&number)).and_then(|hub| match (hub.adapters.as_slice(), hub.netdevs.as_slice()) {
            ([_], &[at]) => Some(at),
            _ => None,
        });
        let mut card = match (cable, hub, peer) {
            (Some(at), ..) => {
                used.insert(at);
                build(at)
            }
            (None, Some(number), None) => port_of(number),
            (None, _, Some(at)) => build(at),
            (None, None, None) => Card::default(),
        };
        card.nic.id = adapter.id.as_deref().map(Text::new);
        card.nic.model = adapter.model.as_deref().map(Text::new);
        card.nic.mac = mac;
        card.nic.has_default_mac = has_default_mac;
        out.push((adapter.at, card));
    }
    for (at, netdev) in netdevs.iter().enumerate() {
        // A hub's port that joins a backend shows as that backend's hub.
        let is_told = netdev.joins.as_deref().is_some_and(|id| by_id.contains_key(id));
        if !used.contains(&at) && !is_told {
            out.push((netdev.at, build(at)));
        }
    }
    out.sort_by_key(|&(at, _)| at);
    out.into_iter().map(|(_, card)| card).collect()
}

fn hubs(adapters: &[Adapter], netdevs: &[Netdev], by_id: &BTreeMap<&str, usize>) -> BTreeMap<u32, Hub> {
    let mut hubs: BTreeMap<u32, Hub> = BTreeMap::new();
    for (at, netdev) in netdevs.iter().enumerate() {
        let Some(number) = netdev.hub else { continue };
        let hub = hubs.entry(number).or_default();
        match &netdev.joins {
            Some(id) => hub.netdevs.extend(by_id.get(id.as_str())),
            None if netdev.options.value("type") == Some("hubport") => {}
            None => hub.netdevs.push(at),
        }
    }
    for (at, adapter) in adapters.iter().enumerate() {
        let number = match &adapter.peer {
            Peer::Hub(number) => Some(*number),
            Peer::Netdev(id) => by_id.get(id.as_str()).and_then(|&at| netdevs[at].hub),
            Peer::None => None,
        };
        if let Some(number) = number {
            hubs.entry(number).or_default().adapters.push(at);
        }
    }
    hubs
}

fn port_of(hub: u32) -> Card {
    let backend = Backend { kind: BackendKind::Hubport, queues: 1, hub: Some(hub), ..Backend::default() };
    Card { nic: Nic { backend: Some(backend), ..Nic::default() }, ..Card::default() }
}

/// For each card its address and whether QEMU makes it up.
fn macs(adapters: &[Adapter]) -> Vec<(Option<tapscope_graph::MacAddr>, bool)> {
    let mut order: Vec<usize> = (0..adapters.len()).collect();
    order.sort_by_key(|&at| (adapters[at].stage, at));
    let mut defaults = Defaults::new();
    let mut out = vec![(None, false); adapters.len()];
    for at in order {
        out[at] = defaults.next(adapters[at].mac);
    }
    out
}

fn opening_order(netdevs: &[Netdev]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..netdevs.len()).collect();
    order.sort_by_key(|&at| (netdevs[at].opened, at));
    let mut out = vec![0; netdevs.len()];
    for (place, at) in order.into_iter().enumerate() {
        out[at] = place as u32;
    }
    out
}
