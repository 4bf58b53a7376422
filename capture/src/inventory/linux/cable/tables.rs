//! The sockets of all namespaces, to be found by inode number, by address and by name.

use super::super::wire::{InetSocket, Sockets, State, UnixSocket};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tapscope_graph::host::Netns;

/// A socket of a namespace.
pub(super) type Placed<'a> = (Netns, &'a InetSocket);

/// Every socket that may be seen. Inode numbers are unique over all namespaces.
#[derive(Default)]
pub(super) struct Tables<'a> {
    tcp: BTreeMap<u64, Placed<'a>>,
    listeners: BTreeMap<(Netns, u16), Vec<&'a InetSocket>>,
    /// By local and remote address.
    connections: BTreeMap<(SocketAddr, SocketAddr), Vec<Placed<'a>>>,
    served: BTreeMap<(Netns, u16), Vec<&'a InetSocket>>,
    udp: BTreeMap<u64, Placed<'a>>,
    bound: BTreeMap<(Netns, u16), Vec<&'a InetSocket>>,
    unix: BTreeMap<u64, &'a UnixSocket>,
    named: BTreeMap<&'a [u8], Vec<&'a UnixSocket>>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(spaces: &'a BTreeMap<Netns, Sockets>) -> Tables<'a> {
        let mut tables = Tables::default();
        for (&netns, sockets) in spaces {
            for row in &sockets.tcp {
                if row.inode != 0 {
                    tables.tcp.insert(row.inode, (netns, row));
                }
                if row.state == State::Listen {
                    tables.listeners.entry((netns, row.local.port())).or_default().push(row);
                } else {
                    tables.connections.entry((row.local, row.remote)).or_default().push((netns, row));
                }
            }
            // Only connections to a listener are served by it.
            for row in sockets.tcp.iter().filter(|row| row.state == State::Established) {
                if tables.listeners.contains_key(&(netns, row.local.port())) {
                    tables.served.entry((netns, row.local.port())).or_default().push(row);
                }
            }
            for row in &sockets.udp {
                tables.udp.insert(row.inode, (netns, row));
                tables.bound.entry((netns, row.local.port())).or_default().push(row);
            }
            for row in &sockets.unix {
                tables.unix.insert(row.inode, row);
                if let Some(name) = &row.name {
                    tables.named.entry(name).or_default().push(row);
                }
            }
        }
        tables
    }

    pub(super) fn tcp(&self, inode: u64) -> Option<Placed<'a>> {
        self.tcp.get(&inode).copied()
    }

    pub(super) fn udp(&self, inode: u64) -> Option<Placed<'a>> {
        self.udp.get(&inode).copied()
    }

    pub(super) fn unix(&self, inode: u64) -> Option<&'a UnixSocket> {
        self.unix.get(&inode).copied()
    }

    /// Whoever would get a connection to an address: who listens on exactly that, else who listens on any.
    pub(super) fn listener(&self, netns: Netns, at: SocketAddr) -> Option<&'a InetSocket> {
        let rows = self.listeners.get(&(netns, at.port()))?;
        let any = |row: &&&InetSocket| row.local.ip().is_unspecified() && (row.local.is_ipv6() || at.is_ipv4());
        rows.iter().find(|row| row.local == at).or_else(|| rows.iter().find(any)).copied()
    }

    /// A listener's own connections: accepted ones, and those without an inode number that wait.
    pub(super) fn served(&self, netns: Netns, listener: &InetSocket) -> impl Iterator<Item = &'a InetSocket> {
        let at = listener.local;
        let rows = self.served.get(&(netns, at.port())).into_iter().flatten().copied();
        rows.filter(move |row| at.ip().is_unspecified() || row.local.ip() == at.ip())
    }

    /// The other side of a connection: in the same namespace, else in the only other one that has it.
    pub(super) fn opposite(&self, netns: Netns, row: &InetSocket) -> Option<Placed<'a>> {
        let rows = self.connections.get(&(row.remote, row.local))?;
        let here = rows.iter().find(|(place, _)| *place == netns);
        here.or(rows.first().filter(|_| rows.len() == 1)).copied()
    }

    /// Who gets the datagrams to an address.
    pub(super) fn bound(&self, netns: Netns, at: SocketAddr) -> impl Iterator<Item = &'a InetSocket> {
        let rows = self.bound.get(&(netns, at.port())).into_iter().flatten().copied();
        rows.filter(move |row| row.local == at || row.local.ip().is_unspecified() && !at.ip().is_multicast())
    }

    pub(super) fn unix_listeners(&self) -> impl Iterator<Item = &'a UnixSocket> {
        self.named.values().flatten().copied().filter(|row| row.listens)
    }

    pub(super) fn unix_datagrams(&self) -> impl Iterator<Item = &'a UnixSocket> {
        self.named.values().flatten().copied().filter(|row| row.is_datagram)
    }

    /// The sockets of a name.
    pub(super) fn named(&self, name: &[u8]) -> impl Iterator<Item = &'a UnixSocket> {
        self.named.get(name).into_iter().flatten().copied()
    }
}
