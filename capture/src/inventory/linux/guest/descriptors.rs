//! What a process has open, as far as it is network: TAPs, macvtaps, vhost-net and sockets.

use super::process::{Process, read};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::{fs, io};

/// The most descriptors of one process that are looked at.
const MOST: usize = 1 << 16;
/// The most TUN and TAP devices of one process.
const INTERFACES: usize = 1024;

/// Open files, by descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Descriptors {
    /// TUN and TAP devices, by the name that the kernel gives now; several descriptors where it has several queues, or where a launcher
    /// duplicated one.
    pub(super) tuns: BTreeMap<u32, String>,
    /// macvtap devices: the interface's index.
    pub(super) macvtaps: BTreeMap<u32, u32>,
    /// How many queues the kernel moves (`/dev/vhost-net`).
    pub(super) vhost_net: usize,
    /// Sockets: their inode numbers.
    pub(super) sockets: BTreeMap<u32, u64>,
}

impl Descriptors {
    /// # Errors
    /// `PermissionDenied` for another user's process, `NotFound` for one that has ended.
    pub(super) fn read(process: &Process) -> io::Result<Descriptors> {
        let mut out = Descriptors::default();
        let directory = process.directory.join("fd");
        for entry in fs::read_dir(&directory)?.take(MOST) {
            let name = entry?.file_name();
            // A descriptor that was closed in between is not there.
            let Ok(link) = fs::read_link(directory.join(&name)) else { continue };
            let link = link.as_os_str().as_bytes();
            let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(inode) = between(link, b"socket:[", b"]") {
                out.sockets.insert(number, inode);
            } else if link.ends_with(b"/tun") {
                let info = read(&process.directory.join("fdinfo").join(&name), 4096).unwrap_or_default();
                if let Some(interface) = interface(&info) {
                    out.tuns.insert(number, interface);
                }
            } else if link == b"/dev/vhost-net" {
                out.vhost_net += 1;
            } else if let Some(index) = between(link, b"/dev/tap", b"") {
                out.macvtaps.insert(number, index as u32);
            }
        }
        Ok(out)
    }

    /// Each TUN or TAP device once, in the order of its first descriptor.
    pub(super) fn interfaces(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.tuns.iter().filter(|(_, name)| seen.insert(name.as_str())).map(|(_, name)| name.as_str()).take(INTERFACES).collect()
    }
}

/// `iff:` of a TUN descriptor (drivers/net/tun.c, `tun_chr_show_fdinfo`); empty before the descriptor is attached to a device.
fn interface(info: &[u8]) -> Option<String> {
    let line = info.split(|&octet| octet == b'\n').find_map(|line| line.strip_prefix(b"iff:"))?;
    let name = String::from_utf8_lossy(line.trim_ascii()).into_owned();
    (!name.is_empty()).then_some(name)
}

pub(super) fn between(link: &[u8], before: &[u8], behind: &[u8]) -> Option<u64> {
    std::str::from_utf8(link.strip_prefix(before)?.strip_suffix(behind)?).ok()?.parse().ok()
}
