//! One process, by proc(5). It may vanish between any two reads; then the second one says so, and there is no process.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tapscope_graph::host::Netns;

use crate::qemu::command_line::base_name;

/// The most octets of a command line that are read. The kernel allows a quarter of the stack's limit, 2 MiB as a rule.
pub(super) const COMMAND_LINE: usize = 1 << 20;

/// What a program is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// QEMU: its command line can be read.
    Qemu,
    /// Another virtual machine monitor.
    Monitor,
    /// Any other program.
    Other,
    /// A thread of the kernel, which has no descriptors.
    Kernel,
}

/// What tells a process from a later one with its number, and from itself after another exec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// When it started, in clock ticks after boot.
    start: u64,
    /// The first 15 octets of its program's name, as a rule.
    comm: Vec<u8>,
}

/// A process's directory.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) directory: PathBuf,
}

impl Process {
    pub(super) fn new(proc_root: &Path, pid: u32) -> Process {
        Process { pid, directory: proc_root.join(pid.to_string()) }
    }

    /// None for a process that has ended, also where its parent has not asked for its exit status yet.
    pub(super) fn identity(&self) -> Option<Identity> {
        let stat = read(&self.directory.join("stat"), 4096).ok()?;
        // The name is chosen by the program, and may hold blanks and parentheses.
        let open = stat.iter().position(|&octet| octet == b'(')?;
        let close = stat.iter().rposition(|&octet| octet == b')')?;
        let comm = stat.get(open + 1..close)?.to_vec();
        let mut fields = stat.get(close + 1..)?.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let state = fields.next()?;
        if matches!(state, b"Z" | b"X" | b"x") {
            return None;
        }
        // Field 22; the state is field 3.
        let start = std::str::from_utf8(fields.nth(18)?).ok()?.parse().ok()?;
        Some(Identity { start, comm })
    }

    /// Its words, each ended by a NUL; empty for the kernel's threads.
    pub(super) fn command_line(&self) -> io::Result<Vec<u8>> {
        read(&self.directory.join("cmdline"), COMMAND_LINE)
    }

    /// The program's path, which only its user may see.
    pub(super) fn executable(&self) -> Option<Vec<u8>> {
        let path = fs::read_link(self.directory.join("exe")).ok()?;
        let path = path.as_os_str().as_bytes();
        // The package was upgraded while it ran.
        Some(path.strip_suffix(b" (deleted)").unwrap_or(path).to_vec())
    }

    /// What it runs, and the name of that program.
    pub(super) fn program(&self) -> (Kind, Vec<u8>) {
        let first = read(&self.directory.join("cmdline"), 4096).unwrap_or_default();
        let called = base_name(first.split(|&octet| octet == 0).next().unwrap_or_default());
        let executable = self.executable();
        let file = executable.as_deref().map(base_name).unwrap_or_default();
        // A wrapper may have renamed the file or the word, not both.
        for name in [file, called] {
            if let Some(kind) = known(name) {
                return (kind, name.to_vec());
            }
        }
        match (called, file) {
            (b"", b"") => (Kind::Kernel, Vec::new()),
            (called, b"") => (Kind::Other, called.to_vec()),
            (_, file) => (Kind::Other, file.to_vec()),
        }
    }

    /// The user whom it belongs to.
    pub(super) fn user(&self) -> Option<u32> {
        fs::metadata(&self.directory).ok().map(|metadata| metadata.uid())
    }

    /// A path that it uses, seen from the root.
    pub(super) fn absolute(&self, path: &str) -> PathBuf {
        let path = Path::new(path);
        match fs::read_link(self.directory.join("cwd")) {
            Ok(directory) if path.is_relative() => directory.join(path),
            _ => path.to_owned(),
        }
    }
}

/// The processes that are there, in order.
pub(super) fn pids(proc_root: &Path) -> io::Result<Vec<u32>> {
    let number = |name: &OsStr| name.to_str().and_then(|name| name.parse().ok());
    let mut pids: Vec<u32> = fs::read_dir(proc_root)?.filter_map(|entry| number(&entry.ok()?.file_name())).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// `qemu-system-…`, and its names at Red Hat, at Debian, on NixOS (`.qemu-system-x86_64-wrapped`) and before version 1.0.
fn known(name: &[u8]) -> Option<Kind> {
    let name = name.strip_prefix(b".").unwrap_or(name);
    match name {
        b"qemu-kvm" | b"kvm" | b"qemu" => Some(Kind::Qemu),
        b"cloud-hypervisor" | b"firecracker" | b"crosvm" | b"lkvm" => Some(Kind::Monitor),
        _ if name.starts_with(b"qemu-system-") => Some(Kind::Qemu),
        _ => None,
    }
}

/// At most so many octets of a file. Files of /proc have no length, and what one read gives belongs together: the buffer is large enough
/// for most at once.
pub(super) fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut out = vec![0; most.min(4096)];
    let mut length = 0;
    loop {
        match file.read(&mut out[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length == most {
            break;
        }
        if length == out.len() {
            out.resize((2 * length).min(most), 0);
        }
    }
    out.truncate(length);
    Ok(out)
}

/// Network namespaces of processes. Only a process's user may ask for its namespace's number, but anybody may see whether it is our own:
/// the files below `/proc/PID/net` are the same ones for all processes of a namespace.
#[derive(Debug)]
pub(super) struct Namespaces {
    own: Option<(Netns, (u64, u64))>,
}

impl Namespaces {
    pub(super) fn new(proc_root: &Path) -> Namespaces {
        let own = proc_root.join("self");
        Namespaces { own: number(&own).zip(marker(&own)) }
    }

    pub(super) fn of(&self, process: &Process) -> Option<Netns> {
        number(&process.directory).or_else(|| {
            let (netns, own) = self.own?;
            (marker(&process.directory)? == own).then_some(netns)
        })
    }
}

fn number(directory: &Path) -> Option<Netns> {
    let link = fs::read_link(directory.join("ns/net")).ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok().map(Netns)
}

fn marker(directory: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(directory.join("net/dev")).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
