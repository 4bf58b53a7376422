//! An archive as the kernel unpacks it at boot.
//!
//! Read the kernel's Documentation/driver-api/early-userspace/buffer-format.rst: the format "newc" of cpio.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes all folders and ordinary files below `folder`, as root's, in the order of their names: the same tree gives the same octets.
pub(crate) fn write(folder: &Path, to: &mut impl Write) -> io::Result<()> {
    let mut number = 1;
    below(folder, "", &mut number, to)?;
    entry("TRAILER!!!", 0, 0, &[], to)
}

fn below(folder: &Path, prefix: &str, number: &mut u32, to: &mut impl Write) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for one in entries {
        let name = format!("{prefix}{}", one.file_name().to_string_lossy());
        let mode = one.metadata()?.permissions().mode() & 0o7777;
        *number += 1;
        if one.file_type()?.is_dir() {
            entry(&name, *number, 0o040_000 | mode, &[], to)?;
            below(&one.path(), &format!("{name}/"), number, to)?;
        } else {
            entry(&name, *number, 0o100_000 | mode, &fs::read(one.path())?, to)?;
        }
    }
    Ok(())
}

fn entry(name: &str, number: u32, mode: u32, content: &[u8], to: &mut impl Write) -> io::Result<()> {
    const PADDING: [u8; 3] = [0; 3];
    // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize with its NUL, check.
    let fields = [number, mode, 0, 0, 1, 0, content.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
    to.write_all(b"070701")?;
    for field in fields {
        write!(to, "{field:08x}")?;
    }
    to.write_all(name.as_bytes())?;
    to.write_all(&[0])?;
    // The header is 110 octets; name and content each end at a multiple of 4.
    to.write_all(&PADDING[..(4 - (110 + name.len() + 1) % 4) % 4])?;
    to.write_all(content)?;
    to.write_all(&PADDING[..(4 - content.len() % 4) % 4])
}
