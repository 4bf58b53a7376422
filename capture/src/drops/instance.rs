//! An instance of the kernel's tracing of our own: a folder in tracefs with its own buffer and its own switches.

use super::DropsError;
use super::event::{Format, format};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where tracefs is as a rule (Documentation/trace/ftrace.rst).
const USUAL: &str = "/sys/kernel/tracing";
/// How our instances begin; the process follows.
const PREFIX: &str = "tapscope-";
/// The event, below a root of tracefs.
const EVENT: &str = "events/skb/kfree_skb";
/// ARP, IPv4, IPv6: what a ping is made of.
const FILTER: &str = "protocol == 0x0806 || protocol == 0x0800 || protocol == 0x86dd";
/// The buffer of each processor, KiB: some 6000 drops.
const BUFFER: &str = "512";
/// How lines are written, whatever the whole machine's tracing was told.
const OPTIONS: [&str; 8] =
    ["noraw", "nohex", "nobin", "nolatency-format", "norecord-tgid", "context-info", "nosym-addr", "noprintk-msg-only"];

/// The folder of an instance; it is removed when this is dropped, and with it its switches.
#[derive(Debug)]
pub(super) struct Instance {
    root: Root,
    name: String,
}

/// Where tracefs can be reached.
#[derive(Debug)]
enum Root {
    Usual(PathBuf),
    /// Mounted nowhere: only this descriptor leads there.
    Own(OwnedFd),
}

impl Root {
    /// The usual place; where nobody mounted it, it is opened without being mounted anywhere, so that nobody else sees any of it.
    fn find() -> Result<Root, DropsError> {
        let usual = PathBuf::from(USUAL);
        match fs::metadata(usual.join("instances")) {
            Ok(_) => return Ok(Root::Usual(usual)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(DropsError::NotPermitted(error)),
            Err(_) => {}
        }
        let open = || {
            let kind = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
            fsconfig_create(&kind)?;
            fsmount(&kind, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_NOEXEC | MountAttrFlags::MOUNT_ATTR_NOSUID)
        };
        open().map(Root::Own).map_err(|error| match error {
            Errno::PERM | Errno::ACCESS => DropsError::NotPermitted(error.into()),
            _ => DropsError::NoTracefs(error.into()),
        })
    }

    fn path(&self) -> PathBuf {
        match self {
            Root::Usual(path) => path.clone(),
            Root::Own(descriptor) => PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd())),
        }
    }
}

impl Instance {
    /// Makes one for this process, after those were removed whose process is not there any more.
    pub fn make() -> Result<Instance, DropsError> {
        let root = Root::find()?;
        let folder = root.path().join("instances");
        sweep(&folder);
        let name = (0..16).map(|number| match number {
            0 => format!("{PREFIX}{}", std::process::id()),
            _ => format!("{PREFIX}{}-{number}", std::process::id()),
        });
        for name in name {
            match fs::create_dir(folder.join(&name)) {
                Ok(()) => return Ok(Instance { root, name }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("make an instance", error)),
            }
        }
        Err(failed("make an instance", io::ErrorKind::AlreadyExists.into()))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("instances").join(&self.name)
    }

    /// What the event has in the running kernel.
    pub fn format(&self) -> Result<Format, DropsError> {
        let path = self.folder().join(EVENT).join("format");
        let text = fs::read_to_string(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => DropsError::NoReasons,
            _ => failed("read the event's format", cause),
        })?;
        let format = format(&text);
        if format.reasons.is_empty() { Err(DropsError::NoReasons) } else { Ok(format) }
    }

    /// Switches the event on; gives what to read it from, without waiting.
    pub fn start(&self) -> Result<File, DropsError> {
        let folder = self.folder();
        let event = folder.join(EVENT);
        let write = |what: &'static str, path: &Path, text: &str| fs::write(path, text).map_err(|cause| failed(what, cause));
        // A trace of another form is a trace all the same.
        for option in OPTIONS {
            let _ = fs::write(folder.join("trace_options"), option);
        }
        // Readers are woken by the first event, not by half a buffer (Linux 5.0).
        let _ = fs::write(folder.join("buffer_percent"), "0");
        write("set the clock", &folder.join("trace_clock"), "mono")?;
        write("size the buffer", &folder.join("buffer_size_kb"), BUFFER)?;
        write("set a filter", &event.join("filter"), FILTER)?;
        let pipe = fs::OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(folder.join("trace_pipe"));
        let pipe = pipe.map_err(|cause| failed("read events", cause))?;
        write("switch on the event skb:kfree_skb", &event.join("enable"), "1")?;
        Ok(pipe)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let folder = self.folder();
        let _ = fs::write(folder.join(EVENT).join("enable"), "0");
        let _ = fs::remove_dir(folder);
    }
}

/// Removes instances that were left behind. One that somebody still reads is busy, and stays.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        // One that has ended has no program any more, also while nobody has asked how it ended.
        let program = |process: u32| fs::read_link(format!("/proc/{process}/exe"));
        if process.is_some_and(|process| program(process).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

fn failed(what: &'static str, cause: io::Error) -> DropsError {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => DropsError::NotPermitted(cause),
        _ => DropsError::Failed { what, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Drops;
    use super::*;

    /// What a test needs of the machine, or why it cannot run.
    fn needed() -> Root {
        Root::find().expect("root, and a kernel with CONFIG_TRACING: run the tests as root")
    }

    #[test]
    fn an_instance_is_ours_alone_and_gone_at_the_end() {
        // Its path leads nowhere any more once the root is dropped.
        let root = needed();
        let folder = root.path().join("instances");
        let enabled = |name: &str| fs::read_to_string(folder.join(name).join(EVENT).join("enable")).unwrap_or_default();
        let drops = Drops::open().expect("it opens");
        let name = drops.name().to_owned();
        assert!(drops.reasons().iter().any(|reason| reason.as_str() == "NETFILTER_DROP"), "{:?}", drops.reasons());
        assert_eq!(enabled(&name).trim(), "1");
        let second = Drops::open().expect("another one, too");
        assert_ne!(second.name(), name);
        drop((drops, second));
        assert!(!folder.join(&name).exists());
    }

    #[test]
    fn what_a_dead_process_left_is_removed() {
        let root = needed();
        let folder = root.path().join("instances");
        // No process has such a number (PID_MAX_LIMIT).
        let left = folder.join(format!("{PREFIX}4194305"));
        if let Err(error) = fs::create_dir(&left) {
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
        }
        let other = folder.join("somebody-else-4194305");
        fs::create_dir(&other).expect("made");
        drop(Drops::open().expect("it opens"));
        let is_there = (left.exists(), other.exists());
        fs::remove_dir(&other).expect("it is still there");
        assert_eq!(is_there, (false, true));
    }
}
