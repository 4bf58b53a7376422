//! What joins guests without a device: by their command lines, and by the sockets that they and their peers have open.
//!
//! Nobody is asked and nothing is connected to: whoever connects to a guest's listener takes its peer's place. Read qemu(1), `-netdev
//! socket`, `stream` and `dgram`, and sock_diag(7) first.

mod datagram;
mod group;
mod join;
mod line;
mod sight;
mod stream;
mod tables;

use super::guest::{GuestScan, Holder, holders};
use super::namespace::Place;
use super::provider::World;
use super::wire::{SocketQueries, Sockets};
use group::Membership;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use tapscope_graph::Text;
use tapscope_graph::host::{Host, HostFact, Netns, Unreadable};

/// The most listeners that are remembered.
const REMEMBERED: usize = 4096;
/// The octets of a list of groups that are read.
const GROUPS: usize = 1 << 20;

/// What cables are made of.
struct Input<'a> {
    scan: &'a GuestScan,
    host: &'a Host,
    sockets: &'a BTreeMap<Netns, Sockets>,
    memberships: &'a BTreeMap<Netns, Vec<Membership>>,
    holders: &'a BTreeMap<u64, Holder>,
}

/// Finds cables again and again.
#[derive(Default)]
pub(super) struct Cables {
    queries: BTreeMap<Netns, SocketQueries>,
    /// Who holds the sockets at the other ends; none where nobody could be seen.
    known: BTreeMap<u64, Option<Holder>>,
    /// Where a guest's cable was last, so that it stays the same while nobody listens: by namespace and address.
    places: BTreeMap<(Netns, String), String>,
}

impl Cables {
    /// All cables as they are now. Whoever held a socket is looked for again only after [`Cables::forget_holders`].
    pub(super) fn facts(&mut self, scan: &GuestScan, world: &World<'_>) -> Vec<HostFact> {
        if scan.plugs.is_empty() {
            *self = Cables::default();
            return Vec::new();
        }
        let with_plugs: BTreeSet<u32> = scan.plugs.iter().map(|plug| plug.pid).collect();
        let mut places: BTreeMap<Netns, Place> = BTreeMap::new();
        for guest in scan.guests.iter().filter(|guest| with_plugs.contains(&guest.pid)) {
            if let Some(netns) = guest.netns {
                let known = world.places.get(&netns).cloned();
                places.entry(netns).or_insert_with(|| known.unwrap_or_else(|| Place::of_process(guest.pid, netns)));
            }
        }
        self.queries.retain(|netns, _| places.contains_key(netns));
        let (mut sockets, mut memberships, mut facts) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (&netns, place) in &places {
            match self.read(netns, place) {
                Ok((found, groups)) => {
                    sockets.insert(netns, found);
                    memberships.insert(netns, groups);
                }
                Err(cause) => facts.push(HostFact::Unreadable(unreadable(place, &cause))),
            }
        }
        if self.places.len() > REMEMBERED {
            self.places.clear();
        }
        let known = |known: &BTreeMap<u64, Option<Holder>>| -> BTreeMap<u64, Holder> {
            known.iter().filter_map(|(&inode, holder)| Some((inode, holder.clone()?))).collect()
        };
        let mut join = |holders: &BTreeMap<u64, Holder>| {
            let input = Input { scan, host: world.host, sockets: &sockets, memberships: &memberships, holders };
            join::cables(&input, &mut self.places)
        };
        let mut joined = join(&known(&self.known));
        let unknown: BTreeSet<u64> = joined.strangers.iter().filter(|inode| !self.known.contains_key(inode)).copied().collect();
        if !unknown.is_empty() {
            let mut found = holders(Path::new("/proc"), &unknown);
            self.known.extend(unknown.into_iter().map(|inode| (inode, found.remove(&inode))));
            joined = join(&known(&self.known));
        }
        self.known.retain(|inode, _| joined.strangers.contains(inode));
        facts.extend(joined.cables.into_iter().map(|cable| HostFact::Cable(Box::new(cable))));
        facts
    }

    /// Sockets are passed on, and processes that could not be seen end.
    pub(super) fn forget_holders(&mut self) {
        self.known.clear();
    }

    fn read(&mut self, netns: Netns, place: &Place) -> io::Result<(Sockets, Vec<Membership>)> {
        if let std::collections::btree_map::Entry::Vacant(entry) = self.queries.entry(netns) {
            entry.insert(place.within(SocketQueries::open)??);
        }
        let found = self.queries.get_mut(&netns).map(SocketQueries::all).transpose()?.unwrap_or_default();
        Ok((found, groups(netns, place)))
    }
}

/// The file is that of the namespace of whoever opens it, unless it is opened by a process's directory.
fn groups(netns: Netns, place: &Place) -> Vec<Membership> {
    let read = |path: &str| fs::read_to_string(path).map(|text| group::memberships(&text[..text.floor_char_boundary(GROUPS)]));
    let pid = place.namespace.pid.filter(|&pid| super::namespace::of_process(pid) == Some(netns));
    let found = match pid {
        Some(pid) => read(&format!("/proc/{pid}/net/igmp")),
        None => place.within(|| read("/proc/thread-self/net/igmp")).unwrap_or_else(Err),
    };
    found.unwrap_or_default()
}

fn unreadable(place: &Place, cause: &io::Error) -> Unreadable {
    let (why, remedy) = match cause.kind() {
        io::ErrorKind::PermissionDenied => ("entering another network namespace needs CAP_SYS_ADMIN".into(), "sudo tapscope"),
        io::ErrorKind::NotFound => ("the kernel does not tell of sockets".into(), "sudo modprobe -a tcp_diag udp_diag unix_diag"),
        _ => (cause.to_string(), "sudo tapscope"),
    };
    Unreadable { what: Text::long(&format!("the sockets of {}", place.title())), why: Text::long(&why), remedy: Text::new(remedy) }
}
