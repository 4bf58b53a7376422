//! Guests: which processes are virtual machines, what their command lines say, and which devices they have open.
//!
//! Read proc(5) and `qemu::command_line` first. No guest is asked and no libvirt is needed. Command lines may be read by anybody;
//! descriptors and namespaces only by the process's user and by root: what may not be read is told, with the command that gives it, and
//! never guessed. Names and command lines are chosen by users of the host and taken as hostile.

mod assemble;
mod connector;
mod descriptors;
mod holders;
mod plugs;
mod process;
mod watch;

pub(super) use holders::{Holder, holders};
pub use plugs::GuestPlug;
pub use watch::{GuestWatch, Means, WatchError};

use crate::qemu::command_line::{CommandLine, Monitor, MonitorAddress};
use assemble::Place;
use descriptors::Descriptors;
use process::{COMMAND_LINE, Identity, Kind, Namespaces, Process};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use tapscope_graph::Text;
use tapscope_graph::host::{DeviceId, Guest, HostFact, Netns, Reader, Unreadable};

/// Finds the device of a name in a namespace.
pub type Resolve<'a> = dyn Fn(Netns, &str) -> Option<DeviceId> + 'a;

/// The most guests, and the most other readers, that are told.
const MOST: usize = 4096;
/// What gives everything that is said to be missing here.
const REMEDY: &str = "sudo tapscope";

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestScan {
    /// Virtual machines, by process.
    pub guests: Vec<Guest>,
    /// Other programs that have a TUN or TAP device open, by process.
    pub readers: Vec<Reader>,
    /// The guests' monitors, unsanitised: what a program connects to.
    pub monitors: Vec<GuestMonitor>,
    /// What the guests' backends without a device are plugged into.
    pub plugs: Vec<GuestPlug>,
    /// The guests' sockets, by process and descriptor.
    pub sockets: Vec<GuestSocket>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
}

/// A monitor, with its path seen from the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestMonitor {
    /// The guest's process.
    pub pid: u32,
    /// What its command line says; descriptors that were handed over are replaced by the path of their socket, where it is known.
    pub monitor: Monitor,
}

/// A socket of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestSocket {
    /// The guest's process.
    pub pid: u32,
    /// Its descriptor.
    pub descriptor: u32,
    /// The socket's inode number, as in `/proc/net/tcp` and of sock_diag(7).
    pub inode: u64,
}

impl GuestScan {
    /// The guests that have a socket, by its inode number; several where one was inherited.
    pub fn owners(&self, inode: u64) -> impl Iterator<Item = &GuestSocket> {
        self.sockets.iter().filter(move |socket| socket.inode == inode)
    }

    /// The guests, other readers, and what is missing.
    pub fn facts(&self) -> impl Iterator<Item = HostFact> {
        let guests = self.guests.iter().cloned().map(|guest| HostFact::Guest(Box::new(guest)));
        let readers = self.readers.iter().cloned().map(HostFact::Reader);
        guests.chain(readers).chain(self.unreadable.iter().cloned().map(HostFact::Unreadable))
    }
}

/// The guests of this host, looked for again and again: what is known of a process is kept while it runs.
#[derive(Debug)]
pub struct Guests {
    proc_root: PathBuf,
    namespaces: Namespaces,
    known: BTreeMap<u32, Known>,
}

/// What is kept of a process.
#[derive(Debug)]
struct Known {
    identity: Identity,
    kind: Kind,
    program: Vec<u8>,
    /// Length and hash of the command line that `line` was made of; the words themselves may be a megabyte for each process.
    read: (usize, u64),
    line: CommandLine,
    /// Paths of sockets that were handed over, by inode number.
    paths: BTreeMap<u64, Option<MonitorAddress>>,
}

/// Looks once; see [`Guests`] to look more often.
pub fn scan(proc_root: &Path, resolve: &Resolve<'_>) -> GuestScan {
    Guests::new(proc_root).scan(resolve)
}

impl Guests {
    /// By the processes below `proc_root`, which is `/proc`.
    pub fn new(proc_root: &Path) -> Guests {
        Guests { proc_root: proc_root.to_owned(), namespaces: Namespaces::new(proc_root), known: BTreeMap::new() }
    }

    /// All guests as they are now.
    pub fn scan(&mut self, resolve: &Resolve<'_>) -> GuestScan {
        let mut out = GuestScan::default();
        let pids = process::pids(&self.proc_root).unwrap_or_default();
        if pids.first() != Some(&1) {
            out.unreadable.push(unreadable("guests of other users", "their processes are hidden (hidepid of /proc)".into()));
        }
        let mut before = std::mem::take(&mut self.known);
        let (mut hidden, mut ignored) = (0, 0);
        for pid in pids {
            let process = Process::new(&self.proc_root, pid);
            let Some(identity) = process.identity() else { continue };
            let mut known =
                before.remove(&pid).filter(|known| known.identity == identity).unwrap_or_else(|| Known::new(&process, identity));
            match known.kind {
                Kind::Kernel => {}
                Kind::Other if out.readers.len() >= MOST => {}
                Kind::Other => hidden += u32::from(!self.reader(&process, &known, resolve, &mut out)),
                Kind::Qemu | Kind::Monitor if out.guests.len() >= MOST => ignored += 1,
                Kind::Qemu | Kind::Monitor => self.guest(&process, &mut known, resolve, &mut out),
            }
            self.known.insert(pid, known);
        }
        if hidden > 0 {
            out.unreadable.push(unreadable("other programs that have a TAP open", format!("{hidden} processes belong to other users")));
        }
        if ignored > 0 {
            out.unreadable.push(unreadable("further guests", format!("there are {ignored} more than {MOST}")));
        }
        out
    }

    /// Looks again at the sockets of the guests that have backends without a device: they come and go without an event.
    pub(super) fn look_at_sockets(&self, scan: &mut GuestScan) {
        let mut pids: Vec<u32> = scan.plugs.iter().map(|plug| plug.pid).collect();
        pids.dedup();
        for pid in pids {
            let Ok(open) = Descriptors::read(&Process::new(&self.proc_root, pid)) else { continue };
            scan.sockets.retain(|socket| socket.pid != pid);
            scan.sockets.extend(open.sockets.into_iter().map(|(descriptor, inode)| GuestSocket { pid, descriptor, inode }));
        }
    }

    /// Says whether it may be known.
    fn reader(&self, process: &Process, known: &Known, resolve: &Resolve<'_>, out: &mut GuestScan) -> bool {
        let open = match Descriptors::read(process) {
            Ok(open) => open,
            Err(error) => return error.kind() != io::ErrorKind::PermissionDenied,
        };
        if !open.tuns.is_empty() {
            let netns = self.namespaces.of(process);
            let place = Place { netns, resolve };
            let program = Text::from_wire(&known.program);
            out.readers.extend(open.interfaces().into_iter().map(|interface| Reader {
                pid: process.pid,
                program: program.clone(),
                netns,
                interface: Text::new(interface),
                device: place.device(interface),
            }));
        }
        true
    }

    fn guest(&self, process: &Process, known: &mut Known, resolve: &Resolve<'_>, out: &mut GuestScan) {
        let Ok(command_line) = process.command_line() else { return };
        let read = (command_line.len(), hash(&command_line));
        if read != known.read {
            let words: Vec<&[u8]> = command_line.strip_suffix(b"\0").unwrap_or(&command_line).split(|&octet| octet == 0).collect();
            known.line = if known.kind == Kind::Qemu { CommandLine::parse(&words) } else { CommandLine::default() };
            known.read = read;
        }
        let open = match Descriptors::read(process) {
            Ok(open) => Some(open),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
            // It has ended.
            Err(_) => return,
        };
        let netns = self.namespaces.of(process);
        let place = Place { netns, resolve };
        let nics = match (known.kind, &open) {
            (Kind::Monitor, Some(open)) => assemble::taps(open, &place),
            _ => assemble::nics(&known.line, open.as_ref(), &place),
        };
        let line = &known.line;
        let missing = missing(process, known, open.is_some(), netns.is_some(), out);
        out.plugs.extend(plugs::plugs(process, line, &nics, open.is_some()));
        let sockets = open.map(|open| open.sockets).unwrap_or_default();
        let monitors: Vec<Monitor> = line.monitors.iter().map(|monitor| locate(process, monitor, &sockets, &mut known.paths)).collect();
        out.guests.push(Guest {
            pid: process.pid,
            name: line.name.clone(),
            uuid: line.uuid.clone(),
            netns,
            program: Text::from_wire(&known.program),
            is_libvirt: line.is_libvirt,
            monitors: askable(&monitors).map(|monitor| Text::path(&monitor.address.to_string())).collect(),
            nics,
            unreadable: missing,
            ..Guest::default()
        });
        out.monitors.extend(monitors.into_iter().map(|monitor| GuestMonitor { pid: process.pid, monitor }));
        out.sockets.extend(sockets.into_iter().map(|(descriptor, inode)| GuestSocket { pid: process.pid, descriptor, inode }));
    }
}

impl Known {
    fn new(process: &Process, identity: Identity) -> Known {
        let (kind, program) = process.program();
        Known { identity, kind, program, read: (0, 0), line: CommandLine::default(), paths: BTreeMap::new() }
    }
}

/// The QMP monitors that wait for connections.
fn askable(monitors: &[Monitor]) -> impl Iterator<Item = &Monitor> {
    monitors.iter().filter(|monitor| monitor.is_qmp && monitor.is_server && !matches!(monitor.address, MonitorAddress::Other(_)))
}

/// What of a guest may not be read.
fn missing(process: &Process, known: &Known, has_descriptors: bool, has_netns: bool, out: &mut GuestScan) -> Option<Text> {
    let mut missing = Vec::new();
    if !has_descriptors {
        let name = known.line.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let user = process.user().map(|user| format!(" (user {user})")).unwrap_or_default();
        let namespace = if has_netns { "" } else { ", and its network namespace" };
        missing.push(format!("which devices it has open{namespace}: {REMEDY}"));
        out.unreadable.push(unreadable(
            &format!("the devices of guest{name} (process {})", process.pid),
            format!("the process belongs to another user{user}"),
        ));
    }
    if known.read.0 >= COMMAND_LINE {
        missing.push(format!("its command line beyond {COMMAND_LINE} octets: xargs -0 -n1 < /proc/{}/cmdline", process.pid));
    }
    for file in &known.line.files {
        missing.push(format!("options that it reads from a file: cat {file}"));
    }
    (!missing.is_empty()).then(|| Text::long(&missing.join("; ")))
}

fn hash(octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(octets);
    hasher.finish()
}

fn unreadable(what: &str, why: String) -> Unreadable {
    Unreadable { what: Text::long(what), why: Text::long(&why), remedy: Text::new(REMEDY) }
}

/// A monitor with the path at which others find it.
fn locate(
    process: &Process,
    monitor: &Monitor,
    sockets: &BTreeMap<u32, u64>,
    paths: &mut BTreeMap<u64, Option<MonitorAddress>>,
) -> Monitor {
    let address = match &monitor.address {
        MonitorAddress::Unix(path) => MonitorAddress::Unix(process.absolute(path).to_string_lossy().into_owned()),
        MonitorAddress::Descriptor(number) => {
            let path = sockets.get(number).and_then(|&inode| paths.entry(inode).or_insert_with(|| socket_path(process, inode)).clone());
            path.unwrap_or_else(|| monitor.address.clone())
        }
        other => other.clone(),
    };
    Monitor { address, ..monitor.clone() }
}

/// The path of a Unix socket (`/proc/net/unix`, whose last two columns are inode and path).
fn socket_path(process: &Process, inode: u64) -> Option<MonitorAddress> {
    const TABLE: usize = 16 << 20;
    let table = process::read(&process.directory.join("net/unix"), TABLE).ok()?;
    table.split(|&octet| octet == b'\n').find_map(|row| {
        let row = String::from_utf8_lossy(row);
        let mut columns = row.splitn(7, ' ').nth(6)?.trim_start().splitn(2, ' ');
        if columns.next()?.parse() != Ok(inode) {
            return None;
        }
        let path = columns.next()?;
        Some(match path.strip_prefix('@') {
            Some(name) => MonitorAddress::Abstract(name.to_owned()),
            None => MonitorAddress::Unix(path.to_owned()),
        })
    })
}

#[cfg(test)]
mod tests;
