//! Streams: a listener, and who is connected to it, waits, or is not there.

use super::super::wire::{InetSocket, State, UnixSocket};
use super::join::{Joiner, Outlet, kind, plain, written};
use super::line::{Line, Peer, Reached};
use crate::qemu::command_line::{Plug, PlugAddress};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tapscope_graph::Text;
use tapscope_graph::host::{BackendKind, CableEnd, CableKind, CableRole, Netns};

/// The listening sockets of lines, by key.
type Served<'a> = BTreeMap<String, (Netns, &'a InetSocket)>;

impl<'a> Joiner<'a> {
    pub(super) fn streams(&mut self, outlets: &[Outlet<'a>]) {
        let mut served = Served::new();
        // Listeners first: whoever goes to one belongs to its line.
        for outlet in outlets {
            match outlet.plug {
                Plug::Stream { listens: true, address } => self.listen(outlet, address, &mut served),
                Plug::Descriptor(number) => self.handed_over(outlet, *number, true, &mut served),
                _ => {}
            }
        }
        for outlet in outlets {
            match (outlet.plug, outlet.guest.netns) {
                (Plug::Stream { listens: false, address: address @ PlugAddress::Inet(..) }, Some(netns)) => {
                    let row = self.connection(outlet, address);
                    self.go_tcp(outlet, netns, row, Some(address), &mut served);
                }
                (Plug::Stream { listens: false, address }, _) => self.go_unix(outlet, address),
                (Plug::Descriptor(number), _) => self.handed_over(outlet, *number, false, &mut served),
                _ => {}
            }
        }
        self.further_peers(&served);
    }

    fn listen(&mut self, outlet: &Outlet<'a>, address: &PlugAddress, served: &mut Served<'a>) {
        match (address, outlet.guest.netns) {
            (PlugAddress::Inet(_, port), netns) => {
                let at = address.ip();
                let fits = |row: &InetSocket| row.local.port() == *port && at.is_none_or(|at| fits(row.local, at));
                let own = self.sockets_of(outlet).into_iter().filter_map(|inode| self.tables.tcp(inode));
                let row = own.map(|(_, row)| row).find(|row| row.state == State::Listen && fits(row));
                // Of another user's guest it is not known which sockets it has.
                let unowned = netns.zip(at).filter(|_| !outlet.is_seen).and_then(|(netns, at)| self.tables.listener(netns, at));
                self.listen_tcp(outlet, row.or(unowned), address, served);
            }
            _ => self.listen_unix(outlet, address),
        }
    }

    fn listen_tcp(&mut self, outlet: &Outlet<'a>, row: Option<&'a InetSocket>, address: &PlugAddress, served: &mut Served<'a>) {
        let at = row.map(|row| row.local).or(address.ip());
        let netns = outlet.guest.netns;
        let key = self.tcp_key(netns, at, address);
        if let Some((netns, row)) = netns.zip(row) {
            served.insert(key.clone(), (netns, row));
        }
        let line = self.line(&key, CableKind::Tcp, netns);
        line.listener = Some(CableEnd { local: at, role: CableRole::Listens, ..outlet.end() });
        line.is_served = row.is_some();
    }

    /// A connection of a guest to an address, which no other backend of it has.
    fn connection(&self, outlet: &Outlet<'a>, address: &PlugAddress) -> Option<&'a InetSocket> {
        let PlugAddress::Inet(_, port) = address else { return None };
        let own = self.sockets_of(outlet).into_iter().filter(|inode| !self.taken.contains(inode));
        let rows: Vec<&InetSocket> = own.filter_map(|inode| self.tables.tcp(inode)).map(|(_, row)| row).collect();
        let is_there = |row: &&&InetSocket| row.state != State::Listen && row.remote.port() == *port;
        let exact = rows.iter().filter(is_there).find(|row| address.ip().is_some_and(|at| row.remote == plain(at)));
        // A name may stand for any address.
        let named = || rows.iter().filter(is_there).find(|_| is_name(address));
        exact.or_else(named).copied()
    }

    fn go_tcp(
        &mut self,
        outlet: &Outlet<'a>,
        netns: Netns,
        row: Option<&'a InetSocket>,
        address: Option<&PlugAddress>,
        served: &mut Served<'a>,
    ) {
        let wanted = row.map(|row| row.remote).or_else(|| address.and_then(PlugAddress::ip).map(plain));
        let opposite = row.filter(|row| row.state == State::Established).and_then(|row| self.tables.opposite(netns, row));
        let here = wanted.and_then(|at| self.tables.listener(netns, at)).map(|listener| (netns, listener));
        let elsewhere = || opposite.and_then(|(netns, row)| Some((netns, self.tables.listener(netns, row.local)?)));
        let listener = here.or_else(elsewhere);
        let said = address.map(written).or(wanted.map(|at| at.to_string())).unwrap_or_default();
        let key = match (listener, self.places.get(&(netns, said.clone()))) {
            (Some((netns, listener)), _) => self.key_at(netns, &plain(listener.local).to_string()),
            (None, Some(key)) => key.clone(),
            (None, None) => self.key_at(netns, &wanted.map_or_else(|| said.clone(), |at| at.to_string())),
        };
        self.places.insert((netns, said), key.clone());
        let reached = match (row, opposite) {
            (None, _) if !outlet.is_seen || !self.input.sockets.contains_key(&netns) => Reached::Unknown,
            (None, _) => Reached::Nothing,
            (Some(row), _) if row.state != State::Established => Reached::Nothing,
            (Some(_), Some((_, opposite))) if opposite.inode == 0 => Reached::Waiting,
            (Some(_), _) => Reached::Accepted,
        };
        let has_listener = self.lines.get(&key).is_some_and(|line| line.listener.is_some());
        let end = if has_listener {
            None
        } else {
            let holder = listener.map(|(_, row)| row.inode).or(opposite.map(|(_, row)| row.inode));
            let is_elsewhere = holder.is_none() && reached == Reached::Accepted;
            let known = holder.map(|inode| self.stranger(inode)).or(is_elsewhere.then(CableEnd::default));
            known.map(|end| CableEnd { local: listener.map(|(_, row)| row.local).or(wanted), role: CableRole::Listens, ..end })
        };
        let line = self.line(&key, CableKind::Tcp, listener.map_or(Some(netns), |(netns, _)| Some(netns)));
        line.listener = line.listener.take().or(end);
        line.is_served |= listener.is_some();
        let end = CableEnd { local: row.map(|row| row.local), remote: wanted, role: CableRole::Connects, ..outlet.end() };
        line.peers.push(Peer { end, reached, title: outlet.title.clone() });
        if let Some(found) = listener {
            served.entry(key).or_insert(found);
        }
        self.taken.extend(row.map(|row| row.inode));
    }

    /// Those at a listener that are no guest's backend.
    fn further_peers(&mut self, served: &Served<'a>) {
        for (key, &(netns, listener)) in served {
            let rows: Vec<&InetSocket> = self.tables.served(netns, listener).take(super::line::ENDS).collect();
            for row in rows {
                let is_told = |line: &Line| line.peers.iter().any(|peer| peer.end.local == Some(row.remote));
                if self.lines.get(key).is_some_and(is_told) {
                    continue;
                }
                let opposite = self.tables.opposite(netns, row);
                let end = opposite.map_or_else(CableEnd::default, |(_, opposite)| self.stranger(opposite.inode));
                let end = CableEnd { local: Some(row.remote), remote: Some(row.local), role: CableRole::Connects, ..end };
                let reached = if row.inode == 0 { Reached::Waiting } else { Reached::Accepted };
                if let Some(line) = self.lines.get_mut(key) {
                    line.peers.push(Peer { end, reached, title: String::new() });
                }
            }
        }
    }

    fn listen_unix(&mut self, outlet: &Outlet<'a>, address: &PlugAddress) {
        let own = self.sockets_of(outlet).into_iter().filter_map(|inode| self.tables.unix(inode));
        let row = own.into_iter().find(|row| row.listens && is_at(row, address));
        let key = self.unix_key(outlet, address);
        let waiting = row.map(|row| row.waiting.clone()).unwrap_or_default();
        let accepted: Vec<&UnixSocket> = match row.and_then(|row| row.name.as_ref()) {
            Some(name) => self.tables.named(name).filter(|other| !other.listens && !other.is_datagram).collect(),
            None => Vec::new(),
        };
        let kind = stream_kind(outlet);
        let line = self.line(&key, kind, outlet.guest.netns);
        line.listener = Some(CableEnd { path: Some(shown(address)), role: CableRole::Listens, ..outlet.end() });
        line.is_served = row.is_some();
        // Who they are is told by those that are guests, which come behind; the others are strangers.
        let peers = accepted.iter().filter_map(|row| row.peer).map(|peer| (peer, Reached::Accepted));
        for (inode, reached) in peers.chain(waiting.into_iter().map(|inode| (inode, Reached::Waiting))) {
            self.unix_peers.entry(key.clone()).or_default().insert(inode, reached);
        }
    }

    fn go_unix(&mut self, outlet: &Outlet<'a>, address: &PlugAddress) {
        let key = self.unix_key(outlet, address);
        let own = self.sockets_of(outlet).into_iter().filter_map(|inode| self.tables.unix(inode));
        let connected = own.filter(|row| !row.listens && !row.is_datagram && row.peer.is_some() && !self.taken.contains(&row.inode));
        let by_name = |row: &UnixSocket| row.peer.and_then(|peer| self.tables.unix(peer)).is_some_and(|peer| is_at(peer, address));
        let waits =
            |row: &UnixSocket| self.tables.unix_listeners().find(|other| other.waiting.contains(&row.inode) && is_at(other, address));
        let found = connected.into_iter().find_map(|row| match by_name(row) {
            true => Some((row, Reached::Accepted)),
            false => waits(row).map(|_| (row, Reached::Waiting)),
        });
        let listener = self.tables.unix_listeners().find(|row| is_at(row, address));
        let reached = match found {
            Some((_, reached)) => reached,
            None if outlet.is_seen => Reached::Nothing,
            None => Reached::Unknown,
        };
        let has_listener = self.lines.get(&key).is_some_and(|line| line.listener.is_some());
        let at_its_end = found.and_then(|(row, _)| row.peer).filter(|&peer| peer != 0);
        let holder = listener.map(|row| row.inode).or(at_its_end).filter(|_| !has_listener);
        let end = holder.map(|inode| self.stranger(inode));
        let is_passt = end.as_ref().and_then(|end| end.program.as_ref()).is_some_and(|program| program.as_str().starts_with("passt"));
        let kind = if is_passt { CableKind::Passt } else { stream_kind(outlet) };
        let line = self.line(&key, kind, outlet.guest.netns);
        let end = end.map(|end| CableEnd { path: Some(shown(address)), role: CableRole::Listens, ..end });
        line.listener = line.listener.take().or(end);
        line.is_served |= listener.is_some();
        let end = CableEnd { path: None, role: CableRole::Connects, ..outlet.end() };
        line.peers.push(Peer { end, reached, title: outlet.title.clone() });
        if let Some((row, _)) = found {
            self.taken.insert(row.inode);
        }
    }

    /// Those at a guest's Unix listener that are no guest's backend.
    pub(super) fn further_unix_peers(&mut self) {
        for (key, peers) in std::mem::take(&mut self.unix_peers) {
            for (inode, reached) in peers.into_iter().filter(|(inode, _)| !self.taken.contains(inode)).collect::<Vec<_>>() {
                let end = CableEnd { role: CableRole::Connects, ..self.stranger(inode) };
                if let Some(line) = self.lines.get_mut(&key) {
                    line.peers.push(Peer { end, reached, title: String::new() });
                }
            }
        }
    }

    /// A socket that was handed over: a listener, or a connection.
    fn handed_over(&mut self, outlet: &Outlet<'a>, number: u32, listens: bool, served: &mut Served<'a>) {
        let Some(inode) = self.descriptor(outlet, number) else { return };
        if let Some((netns, row)) = self.tables.tcp(inode) {
            let at = PlugAddress::Inet(row.local.ip().to_string(), row.local.port());
            let server = self.tables.listener(netns, row.local).filter(|_| row.state == State::Established);
            match (row.state == State::Listen, server, listens) {
                (true, _, true) => self.listen_tcp(outlet, Some(row), &at, served),
                // It was accepted before it was handed over, and the listener is still there.
                (false, Some(listener), true) => self.listen_tcp(outlet, Some(listener), &at, served),
                (false, None, false) => self.go_tcp(outlet, netns, Some(row), None, served),
                _ => return,
            }
            self.taken.insert(inode);
        } else if let Some(row) = self.tables.unix(inode).filter(|row| !row.is_datagram) {
            let peer = row.peer.and_then(|peer| self.tables.unix(peer));
            let name = |row: Option<&UnixSocket>| row.and_then(|row| row.name.as_deref()).map(address_of);
            match (name(Some(row)), name(peer)) {
                (Some(address), _) if listens => self.listen_unix(outlet, &address),
                (None, Some(address)) if !listens => self.go_unix(outlet, &address),
                _ => return,
            }
            self.taken.insert(inode);
        }
    }

    pub(super) fn line(&mut self, key: &str, kind: CableKind, netns: Option<Netns>) -> &mut Line {
        let line = self.lines.entry(key.to_owned()).or_insert_with(|| Line { kind: kind.clone(), netns, ..Line::default() });
        if kind == CableKind::Passt {
            line.kind = kind;
        }
        line
    }

    fn tcp_key(&self, netns: Option<Netns>, at: Option<SocketAddr>, address: &PlugAddress) -> String {
        let at = at.map_or_else(|| written(address), |at| plain(at).to_string());
        netns.map_or_else(|| format!("tcp {at}"), |netns| self.key_at(netns, &at))
    }

    fn key_at(&self, netns: Netns, at: &str) -> String {
        format!("tcp {at}{}", self.suffix(netns))
    }

    fn unix_key(&self, outlet: &Outlet<'_>, address: &PlugAddress) -> String {
        // Names without a file are each namespace's own.
        let netns = outlet.guest.netns.filter(|_| matches!(address, PlugAddress::Abstract(_)));
        let suffix = netns.map_or_else(String::new, |netns| self.suffix(netns));
        format!("{} {}{suffix}", stream_kind(outlet).name(), written(address))
    }
}

/// A Unix stream, unless QEMU speaks another language over it.
fn stream_kind(outlet: &Outlet<'_>) -> CableKind {
    match outlet.backend.kind {
        BackendKind::Socket | BackendKind::Stream => CableKind::UnixStream,
        ref other => kind(other),
    }
}

/// A listener's address fits what was asked for.
fn fits(found: SocketAddr, wanted: SocketAddr) -> bool {
    found == wanted || found.ip().is_unspecified() && wanted.ip().is_unspecified()
}

fn is_name(address: &PlugAddress) -> bool {
    matches!(address, PlugAddress::Inet(host, _) if host == "localhost" || address.ip().is_none())
}

/// Whether a socket has that path or name; one that was bound by a relative path only tells that.
pub(super) fn is_at(row: &UnixSocket, address: &PlugAddress) -> bool {
    let Some(name) = row.name.as_deref().filter(|name| !name.is_empty()) else { return false };
    match address {
        PlugAddress::Unix(path) => {
            let path = path.as_bytes();
            name == path || name[0] != b'/' && name[0] != 0 && path.strip_suffix(name).is_some_and(|rest| rest.ends_with(b"/"))
        }
        // Padded with NULs, unless `tight` was asked for.
        PlugAddress::Abstract(wanted) => name
            .strip_prefix(b"\0")
            .is_some_and(|name| name.strip_prefix(wanted.as_bytes()).is_some_and(|rest| rest.iter().all(|&octet| octet == 0))),
        PlugAddress::Inet(..) | PlugAddress::Descriptor(_) => false,
    }
}

/// The address of a name that the kernel tells.
fn address_of(name: &[u8]) -> PlugAddress {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    name.strip_prefix(b"\0").map_or_else(|| PlugAddress::Unix(text(name)), |name| PlugAddress::Abstract(text(name)))
}

pub(super) fn shown(address: &PlugAddress) -> Text {
    Text::path(&written(address))
}
