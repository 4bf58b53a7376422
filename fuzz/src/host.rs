//! What the host tells: the kernel by netlink, other processes by `/proc`, QEMU by its monitors.

use super::assert_printable;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::OnceLock;
use tapscope_capture::inventory::linux::{guest, read_netlink};
use tapscope_capture::qemu::monitor::read_answer;
use tapscope_graph::host::{BackendKind, Guest};

/// A message of the kernel's: its kind in two octets, flags in one, and what it says. Kind 0 is a socket, as sock_diag(7) tells it.
pub fn netlink(input: &[u8]) {
    let Some((&[high, low, flags], payload)) = input.split_first_chunk() else { return };
    assert_printable(&read_netlink(u16::from_be_bytes([high, low]), u16::from(flags) << 8, payload).replace(['\n', '\r', '\t'], " "));
}

/// A process's files in `/proc`, each ended by 0xff: `stat`, `cmdline`, `net/unix`, then for each descriptor what it links to and its
/// `fdinfo`.
pub fn process(input: &[u8]) {
    static ROOT: OnceLock<std::path::PathBuf> = OnceLock::new();
    // In memory where that is possible: a disk makes it a hundred times slower.
    let folder = || Some(Path::new("/dev/shm")).filter(|shared| shared.is_dir()).map_or_else(std::env::temp_dir, Path::to_owned);
    let root = ROOT.get_or_init(|| folder().join(format!("tapscope-fuzz-proc-{}", std::process::id())));
    write_process(&root.join("7"), input).expect("a folder for temporary files");
    let scan = guest::scan(root, &|_, _| None);
    fs::remove_dir_all(root).expect("it is there");
    assert!(scan.guests.len() + scan.readers.len() <= 1 + input.len());
    for Guest { name, program, monitors, nics, unreadable, .. } in scan.guests {
        name.iter().chain([&program]).chain(&monitors).chain(&unreadable).for_each(|text| assert_printable(text.as_str()));
        for backend in nics.iter().filter_map(|nic| nic.backend.as_ref()) {
            assert_printable(backend.options.as_str());
            assert!(backend.kind != BackendKind::Hubport || backend.devices.is_empty());
        }
    }
    for reader in scan.readers {
        [reader.program, reader.interface].iter().for_each(|text| assert_printable(text.as_str()));
    }
}

fn write_process(directory: &Path, input: &[u8]) -> std::io::Result<()> {
    for folder in ["ns", "net", "fd", "fdinfo"] {
        fs::create_dir_all(directory.join(folder))?;
    }
    let mut files = input.split(|&octet| octet == 0xff);
    for name in ["stat", "cmdline", "net/unix"] {
        fs::write(directory.join(name), files.next().unwrap_or_default())?;
    }
    symlink("net:[7]", directory.join("ns/net"))?;
    for number in 0..64 {
        let Some(link) = files.next() else { break };
        let link = link.split(|&octet| octet == 0).next().unwrap_or_default();
        if !link.is_empty() && link.len() < 4096 {
            symlink(std::ffi::OsStr::from_bytes(link), directory.join(format!("fd/{number}")))?;
            fs::write(directory.join(format!("fdinfo/{number}")), files.next().unwrap_or_default())?;
        }
    }
    Ok(())
}

/// What a monitor answers, for programs and for people.
pub fn monitor_answer(input: &[u8]) {
    for word in read_answer(input) {
        assert_printable(&word);
    }
}
