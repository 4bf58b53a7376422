//! From guests' plugs and everybody's sockets to cables.

use super::Input;
use super::line::{Line, Reached};
use super::tables::Tables;
use crate::qemu::command_line::{Plug, PlugAddress};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use tapscope_graph::Text;
use tapscope_graph::host::{Backend, BackendKind, Cable, CableEnd, CableKind, CableSight, CableState, DeviceId, Guest, Netns};

/// What was found.
pub(super) struct Joined {
    /// The cables, by key.
    pub(super) cables: Vec<Cable>,
    /// The sockets whose holder would be worth knowing, by inode number.
    pub(super) strangers: BTreeSet<u64>,
}

/// A guest's backend that is to be joined.
#[derive(Clone)]
pub(super) struct Outlet<'a> {
    pub(super) guest: &'a Guest,
    pub(super) nic: u32,
    pub(super) backend: &'a Backend,
    pub(super) plug: &'a Plug,
    /// Whether its guest's sockets may be seen.
    pub(super) is_seen: bool,
    /// Guest and card: `g1/n0`.
    pub(super) title: String,
}

impl Outlet<'_> {
    pub(super) fn end(&self) -> CableEnd {
        CableEnd { pid: Some(self.guest.pid), nic: Some(self.nic), ..CableEnd::default() }
    }
}

/// What is known while cables are made.
pub(super) struct Joiner<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) tables: Tables<'a>,
    /// Each guest's sockets, by descriptor: inode numbers.
    of_guest: BTreeMap<u32, BTreeMap<u32, u64>>,
    guest_of: BTreeMap<u64, u32>,
    /// Connections that a backend has.
    pub(super) taken: BTreeSet<u64>,
    pub(super) lines: BTreeMap<String, Line>,
    pub(super) cables: Vec<Cable>,
    pub(super) strangers: BTreeSet<u64>,
    /// Who is at a guest's Unix listener, by key: inode numbers.
    pub(super) unix_peers: BTreeMap<String, BTreeMap<u64, Reached>>,
    /// Where a guest's Unix datagrams go, by key.
    pub(super) unix_remotes: BTreeMap<String, PlugAddress>,
    /// The devices that carry groups.
    pub(super) devices: BTreeMap<Text, DeviceId>,
    /// Where a guest's cable was last; see [`super::Cables`].
    pub(super) places: &'a mut BTreeMap<(Netns, String), String>,
}

/// All cables of the guests.
pub(super) fn cables<'a>(input: &'a Input<'a>, places: &'a mut BTreeMap<(Netns, String), String>) -> Joined {
    let mut of_guest: BTreeMap<u32, BTreeMap<u32, u64>> = BTreeMap::new();
    let mut guest_of = BTreeMap::new();
    for socket in &input.scan.sockets {
        of_guest.entry(socket.pid).or_default().insert(socket.descriptor, socket.inode);
        guest_of.entry(socket.inode).or_insert(socket.pid);
    }
    let mut joiner = Joiner {
        input,
        tables: Tables::new(input.sockets),
        of_guest,
        guest_of,
        taken: BTreeSet::new(),
        lines: BTreeMap::new(),
        cables: Vec::new(),
        strangers: BTreeSet::new(),
        unix_peers: BTreeMap::new(),
        unix_remotes: BTreeMap::new(),
        devices: BTreeMap::new(),
        places,
    };
    let outlets = outlets(input);
    joiner.streams(&outlets);
    joiner.further_unix_peers();
    joiner.datagrams(&outlets);
    joiner.groups(&outlets);
    joiner.descriptors(&outlets);
    joiner.others(&outlets);
    let Joiner { lines, mut cables, strangers, devices, .. } = joiner;
    cables.extend(lines.into_iter().flat_map(|(key, line)| line.into_cables(&key)));
    super::sight::look(input, &devices, &mut cables);
    Joined { cables, strangers }
}

fn outlets<'a>(input: &'a Input<'a>) -> Vec<Outlet<'a>> {
    let guests: BTreeMap<u32, &Guest> = input.scan.guests.iter().map(|guest| (guest.pid, guest)).collect();
    let plugs = input.scan.plugs.iter();
    plugs
        .filter_map(|plug| {
            let guest = *guests.get(&plug.pid)?;
            let backend = guest.nics.get(plug.nic as usize)?.backend.as_ref()?;
            let title = title(&input.scan.guests, guest, backend, plug.nic);
            Some(Outlet { guest, nic: plug.nic, backend, plug: &plug.plug, is_seen: plug.is_seen, title })
        })
        .collect()
}

/// `g1/n0`; the process instead of a name that it has not, or that an earlier guest has, too.
fn title(guests: &[Guest], guest: &Guest, backend: &Backend, nic: u32) -> String {
    let is_alone = |name: &&Text| !guests.iter().any(|other| other.pid < guest.pid && other.name.as_ref() == Some(*name));
    let name = guest.name.as_ref().filter(is_alone).map_or_else(|| guest.pid.to_string(), Text::to_string);
    let card = backend.id.as_ref().map_or_else(|| format!("#{nic}"), Text::to_string);
    format!("{name}/{card}")
}

impl<'a> Joiner<'a> {
    /// A guest's open sockets.
    pub(super) fn sockets_of(&self, outlet: &Outlet<'_>) -> Vec<u64> {
        self.of_guest.get(&outlet.guest.pid).into_iter().flat_map(|sockets| sockets.values().copied()).collect()
    }

    /// The socket behind a descriptor.
    pub(super) fn descriptor(&self, outlet: &Outlet<'_>, number: u32) -> Option<u64> {
        self.of_guest.get(&outlet.guest.pid)?.get(&number).copied()
    }

    /// Whether a guest has a socket.
    pub(super) fn is_guests(&self, inode: u64) -> bool {
        self.guest_of.contains_key(&inode)
    }

    /// Behind a key, where that is not our own namespace.
    pub(super) fn suffix(&self, netns: Netns) -> String {
        match self.input.host.namespace(netns) {
            Some(namespace) if namespace.is_own => String::new(),
            Some(namespace) => format!(" in {}", namespace.name.as_ref().map_or_else(|| netns.0.to_string(), Text::to_string)),
            None => format!(" in {}", netns.0),
        }
    }

    /// Who holds a socket that is no guest's backend; without a process where that is not known.
    pub(super) fn stranger(&mut self, inode: u64) -> CableEnd {
        if let Some(pid) = self.guest_of.get(&inode) {
            let program = self.input.scan.guests.iter().find(|guest| guest.pid == *pid).map(|guest| guest.program.clone());
            return CableEnd { pid: Some(*pid), program, ..CableEnd::default() };
        }
        if inode != 0 {
            self.strangers.insert(inode);
        }
        let holder = self.input.holders.get(&inode);
        CableEnd { pid: holder.map(|holder| holder.pid), program: holder.map(|holder| holder.program.clone()), ..CableEnd::default() }
    }

    /// Sockets that were handed over and have no name: two guests', or a guest's and a program's.
    fn descriptors(&mut self, outlets: &[Outlet<'a>]) {
        let of = |joiner: &Self, outlet: &Outlet<'_>| match outlet.plug {
            Plug::Descriptor(number) => joiner.descriptor(outlet, *number),
            _ => None,
        };
        let by_inode: BTreeMap<u64, &Outlet<'_>> = outlets.iter().filter_map(|outlet| Some((of(self, outlet)?, outlet))).collect();
        let mut told = BTreeSet::new();
        for outlet in outlets.iter().filter(|outlet| matches!(outlet.plug, Plug::Descriptor(_))) {
            let inode = of(self, outlet);
            let socket = inode.and_then(|inode| self.tables.unix(inode));
            let is_told = inode.is_some_and(|inode| self.taken.contains(&inode) || told.contains(&inode));
            if is_told {
                continue;
            }
            let peer = socket.and_then(|socket| socket.peer).filter(|&peer| peer != 0);
            let mut titles = vec![outlet.title.as_str()];
            let mut ends = vec![outlet.end()];
            match peer.and_then(|peer| Some((peer, by_inode.get(&peer)?))) {
                Some((peer, other)) => {
                    told.insert(peer);
                    titles.push(&other.title);
                    ends.push(other.end());
                }
                None => ends.extend(peer.map(|peer| self.stranger(peer))),
            }
            told.extend(inode);
            titles.sort_unstable();
            let kind = match socket {
                Some(socket) if socket.is_datagram => CableKind::UnixDatagram,
                Some(_) => CableKind::UnixStream,
                None => CableKind::Descriptor,
            };
            self.cables.push(Cable {
                key: Text::path(&format!("descriptor {}", titles.first().copied().unwrap_or_default())),
                kind,
                netns: outlet.guest.netns,
                ends,
                state: match (socket, peer) {
                    (Some(_), Some(_)) => CableState::Connected,
                    (Some(_), None) => CableState::Disconnected,
                    (None, _) => CableState::Unknown,
                },
                sight: CableSight::Unknown,
            });
        }
    }

    /// What no socket on this host tells more of.
    fn others(&mut self, outlets: &[Outlet<'a>]) {
        let mut shared: BTreeMap<String, Cable> = BTreeMap::new();
        for outlet in outlets {
            let (is_told, path) = match outlet.plug {
                Plug::None => (false, None),
                Plug::Path(path) => (false, Some(path)),
                Plug::Stream { .. } | Plug::Datagram { .. } | Plug::Group { .. } | Plug::Descriptor(_) => (true, None),
            };
            if is_told {
                continue;
            }
            let kind = kind(&outlet.backend.kind);
            // Whatever names a switch is on it together with the others that do.
            let place = path.map_or_else(|| outlet.title.clone(), String::clone);
            let key = format!("{} {place}", kind.name());
            let cable = shared.entry(key.clone()).or_insert_with(|| Cable {
                key: Text::path(&key),
                kind,
                netns: outlet.guest.netns,
                ..Cable::default()
            });
            cable.ends.push(CableEnd { path: path.map(|path| Text::path(path)), ..outlet.end() });
        }
        self.cables.extend(shared.into_values());
    }
}

/// What a cable of a backend is, if its plug does not say.
pub(super) fn kind(backend: &BackendKind) -> CableKind {
    match backend {
        BackendKind::User => CableKind::User,
        BackendKind::Passt => CableKind::Passt,
        BackendKind::Unknown => CableKind::Unknown,
        other => CableKind::Other(Text::new(other.name())),
    }
}

/// An address as keys have it: a listener on any address is found on loopback.
pub(super) fn plain(at: SocketAddr) -> SocketAddr {
    if at.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], at.port())) } else { at }
}

/// An address of the command line, as it was written.
pub(super) fn written(address: &PlugAddress) -> String {
    match address {
        PlugAddress::Inet(host, port) => format!("{host}:{port}"),
        PlugAddress::Unix(path) => path.clone(),
        PlugAddress::Abstract(name) => format!("@{name}"),
        PlugAddress::Descriptor(number) => format!("fd:{number}"),
    }
}
