//! Sockets that wait for datagrams: is there a DHCP server? Read sock_diag(7) first.

use super::guest::holders;
use super::namespace::Place;
use super::provider::{Provider, World};
use super::wire::{SocketQueries, State};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tapscope_graph::host::{HostChange, HostFact, Listener, Netns};

/// The ports that a guest's fate hangs on: DHCP's and DHCPv6's (RFC 2131, 4.1; RFC 8415, 7.2).
const PORTS: [u16; 2] = [67, 547];
const UDP: u8 = 17;
/// How long it stays good: a server starts without an event.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// Asks each namespace for its sockets.
#[derive(Default)]
pub(super) struct Listening {
    queries: BTreeMap<Netns, SocketQueries>,
}

impl Provider for Listening {
    fn facts(&mut self, world: &World<'_>) -> Vec<HostFact> {
        self.queries.retain(|netns, _| world.places.contains_key(netns));
        let mut found = Vec::new();
        for (&netns, place) in world.places {
            for (inode, listener) in self.of_namespace(netns, place) {
                found.push((inode, listener));
            }
        }
        let inodes: BTreeSet<u64> = found.iter().map(|(inode, _)| *inode).filter(|inode| *inode != 0).collect();
        let owners = if inodes.is_empty() { BTreeMap::new() } else { holders(Path::new("/proc"), &inodes) };
        let with_owner = |(inode, listener): (u64, Listener)| {
            let owner = owners.get(&inode);
            Listener { pid: owner.map(|owner| owner.pid), program: owner.map(|owner| owner.program.clone()), ..listener }
        };
        found.into_iter().map(with_owner).map(HostFact::Listener).collect()
    }

    fn good_for(&self) -> Duration {
        GOOD_FOR
    }

    fn is_outdated_by(&mut self, change: &HostChange) -> bool {
        matches!(change, HostChange::Set(HostFact::Namespace(_)))
    }
}

impl Listening {
    /// Nothing where the kernel does not tell of sockets: whoever looks for cables says so.
    fn of_namespace(&mut self, netns: Netns, place: &Place) -> Vec<(u64, Listener)> {
        if let std::collections::btree_map::Entry::Vacant(entry) = self.queries.entry(netns) {
            match place.within(SocketQueries::open) {
                Ok(Ok(queries)) => entry.insert(queries),
                _ => return Vec::new(),
            };
        }
        let sockets = self.queries.get_mut(&netns).and_then(|queries| queries.udp().ok()).unwrap_or_default();
        let waits = sockets.into_iter().filter(|row| row.state != State::Established && PORTS.contains(&row.local.port()));
        let listener = |local: std::net::SocketAddr| Listener {
            netns,
            protocol: UDP,
            address: local.ip(),
            port: local.port(),
            pid: None,
            program: None,
        };
        waits.map(|row| (row.inode, listener(row.local))).collect()
    }
}
