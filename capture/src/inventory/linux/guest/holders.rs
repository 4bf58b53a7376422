//! Which processes hold sockets: whoever is at the other end of a guest's.

use super::descriptors::between;
use super::process::{Process, pids};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tapscope_graph::Text;

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Holder {
    /// The process; where several hold it, the lowest.
    pub pid: u32,
    /// Its program.
    pub program: Text,
}

/// Looks for the holders of sockets, by inode number. One that may not be seen is not among them.
pub(in super::super) fn holders(proc_root: &Path, wanted: &BTreeSet<u64>) -> BTreeMap<u64, Holder> {
    let mut found = BTreeMap::new();
    for pid in pids(proc_root).unwrap_or_default() {
        if found.len() == wanted.len() {
            break;
        }
        let process = Process::new(proc_root, pid);
        let Ok(entries) = fs::read_dir(process.directory.join("fd")) else { continue };
        let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let inodes: BTreeSet<u64> = links.filter_map(|link| between(link.as_os_str().as_bytes(), b"socket:[", b"]")).collect();
        for &inode in inodes.intersection(wanted) {
            found.entry(inode).or_insert_with(|| Holder { pid, program: Text::from_wire(&process.program().1) });
        }
    }
    found
}
