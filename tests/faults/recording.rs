//! Where the recordings of faults are kept, so that their questions can be asked again without root.

use crate::fault::Fault;
use flate2::{Compression, GzBuilder};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file of one, among the scenarios.
pub fn path(file: &str, fault: &Fault) -> PathBuf {
    let name: String = fault.name.chars().map(|letter| if letter.is_alphanumeric() || letter == '_' { letter } else { '-' }).collect();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario/faults").join(format!("{file}-{name}.pcapng.gz"))
}

/// Keeps one, without the name of the kernel that it was made on.
///
/// # Errors
/// Where it cannot be read or written.
pub fn keep(file: &str, fault: &Fault, recording: &Path) -> io::Result<()> {
    let mut octets = fs::read(recording)?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let release = release.trim().as_bytes();
    // As long as before: lengths stand in the file.
    while let Some(at) = octets.windows(release.len()).position(|octets| octets == release) {
        octets[at..at + release.len()].fill(b'-');
    }
    let path = path(file, fault);
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    // The same octets each time: no name and no time of the file.
    let mut to = GzBuilder::new().write(Vec::new(), Compression::best());
    to.write_all(&octets)?;
    fs::write(path, to.finish()?)
}
