//! Network namespaces: which there are, and how to do something in one. Read network_namespaces(7), setns(2) and ip-netns(8) first.

use nix::sched::{CloneFlags, setns};
use nix::sys::statfs::{NSFS_MAGIC, statfs};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tapscope_graph::Text;
use tapscope_graph::host::{Namespace, Netns};

/// Where ip-netns(8) keeps names; the second is the first on most systems.
pub(super) const NAMES: [&str; 2] = ["/run/netns", "/var/run/netns"];

/// A namespace and the way into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What is said of it.
    pub namespace: Namespace,
    /// A file that stands for it, as long as the name or process is there. It is opened only for the moment: an open one would keep the
    /// namespace alive.
    pub path: PathBuf,
}

impl Place {
    /// The namespace of this thread.
    ///
    /// # Errors
    /// `/proc` is not there.
    pub fn own() -> io::Result<Place> {
        // A thread has a namespace of its own, and may end before its process does; it is never entered where one already is in it.
        let path = Path::new("/proc/thread-self/ns/net");
        Ok(Place { namespace: Namespace { id: id(path)?, name: None, pid: None, is_own: true }, path: path.into() })
    }

    /// The namespace behind a path, or behind a name.
    ///
    /// # Errors
    /// There is none.
    pub fn find(wanted: &Path) -> io::Result<Place> {
        let is_name = wanted.components().count() == 1 && !wanted.is_absolute();
        let path = if is_name { Path::new(NAMES[0]).join(wanted) } else { wanted.to_path_buf() };
        if statfs(&path)?.filesystem_type() != NSFS_MAGIC {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no namespace"));
        }
        let name = is_name.then(|| Text::new(&wanted.to_string_lossy()));
        Ok(Place { namespace: Namespace { id: id(&path)?, name, ..Namespace::default() }, path })
    }

    /// The namespace of a process.
    pub fn of_process(pid: u32, id: Netns) -> Place {
        Place { namespace: Namespace { id, pid: Some(pid), ..Namespace::default() }, path: format!("/proc/{pid}/ns/net").into() }
    }

    /// Opens it, if it is still the same.
    ///
    /// # Errors
    /// It is gone, or may not be opened.
    pub fn open(&self) -> io::Result<File> {
        let file = File::open(&self.path)?;
        if file.metadata()?.ino() != self.namespace.id.0 {
            return Err(io::Error::new(io::ErrorKind::NotFound, "another namespace has taken its place"));
        }
        Ok(file)
    }

    /// Does something in it. Threads, not processes, are in a namespace: unless this thread already is, another one goes there.
    ///
    /// # Errors
    /// It is gone, or entering it is not permitted (CAP_SYS_ADMIN).
    pub fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> io::Result<T> {
        if id(Path::new("/proc/thread-self/ns/net")).is_ok_and(|here| here == self.namespace.id) {
            return Ok(act());
        }
        let file = self.open()?;
        std::thread::scope(|scope| {
            let work = move || -> io::Result<T> {
                setns(&file, CloneFlags::CLONE_NEWNET)?;
                drop(file);
                Ok(act())
            };
            let thread = std::thread::Builder::new().name("tapscope-netns".into()).spawn_scoped(scope, work)?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// What it is called in messages.
    pub fn title(&self) -> String {
        match (&self.namespace.name, self.namespace.pid) {
            (Some(name), _) => format!("the network namespace {name}"),
            (None, Some(pid)) => format!("the network namespace of process {pid}"),
            (None, None) => format!("the network namespace {}", self.namespace.id.0),
        }
    }
}

/// The number of the namespace behind a path.
fn id(path: &Path) -> io::Result<Netns> {
    Ok(Netns(fs::metadata(path)?.ino()))
}

/// The namespaces that have names.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// By number; one with several names has the first.
    pub places: BTreeMap<Netns, Place>,
    /// Whether there is a file that stands for none: ip-netns(8) makes the file first, and mounts the namespace over it then.
    pub has_unfinished: bool,
}

/// Reads the names.
pub(super) fn named() -> Named {
    let mut named = Named::default();
    for directory in NAMES {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.sort();
        for path in paths {
            match statfs(&path) {
                Ok(system) if system.filesystem_type() == NSFS_MAGIC => {}
                Ok(_) => {
                    named.has_unfinished = true;
                    continue;
                }
                Err(_) => continue,
            }
            let (Ok(id), Some(name)) = (id(&path), path.file_name()) else { continue };
            let name = Some(Text::new(&name.to_string_lossy()));
            named.places.entry(id).or_insert(Place { namespace: Namespace { id, name, ..Namespace::default() }, path });
        }
    }
    named
}

/// For each namespace that a visible process lives in, the lowest such process.
pub(super) fn of_processes() -> BTreeMap<Netns, u32> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir("/proc") else { return found };
    for pid in entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()) {
        if let Some(id) = of_process(pid) {
            let lowest = found.entry(id).or_insert(pid);
            *lowest = pid.min(*lowest);
        }
    }
    found
}

/// The namespace that a process lives in, where that may be seen: `net:[4026531840]`.
pub(super) fn of_process(pid: u32) -> Option<Netns> {
    let link = fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok().map(Netns)
}
