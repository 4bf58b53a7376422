//! What a lab needs of the machine, looked for before anything is made.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{Error, file};

const SETUP: &str = "`.ci/setup test` installs it on Debian and Ubuntu";

/// # Errors
///
/// [`Error::Missing`] if this process may not make network namespaces, or the tools for it are not there.
pub(crate) fn namespaces() -> Result<(), Error> {
    if !cfg!(target_os = "linux") {
        return Err(Error::Missing { what: "Linux".to_owned(), next: "run these tests there" });
    }
    if !nix::unistd::geteuid().is_root() {
        let next = "let cargo run the tests as root: cargo --config 'target.\"cfg(unix)\".runner=\"sudo -E\"' test";
        return Err(Error::Missing { what: "root, for network namespaces".to_owned(), next });
    }
    ["ip", "nft", "ping", "sh", "grep", "timeout"].into_iter().try_for_each(|tool| program(tool).map(drop))
}

/// # Errors
///
/// [`Error::Missing`] if guests can not be run and attached to TAPs.
pub(crate) fn guests() -> Result<(), Error> {
    let tun = Path::new("/dev/net/tun");
    if let Err(cause) = File::options().read(true).write(true).open(tun) {
        let what = format!("TAP devices, and {} cannot be opened ({cause})", tun.display());
        return Err(Error::Missing { what, next: "modprobe tun, or give the container the device" });
    }
    program(QEMU)?;
    program("dnsmasq")?;
    static_busybox().map(drop)
}

/// The emulator of the guests.
pub(crate) const QEMU: &str = "qemu-system-x86_64";

/// A busybox that runs where there is nothing else.
pub(crate) fn static_busybox() -> Result<PathBuf, Error> {
    let busybox = program("busybox")?;
    let content = fs::read(&busybox).map_err(file("read", &busybox))?;
    // A dynamic program names its loader.
    let loader = |name: &[u8]| content.windows(name.len()).any(|octets| octets == name);
    if loader(b"/ld-linux") || loader(b"/ld-musl") {
        let what = format!("busybox-static, and {} is the dynamic one", busybox.display());
        return Err(Error::Missing { what, next: SETUP });
    }
    Ok(busybox)
}

/// Where a program lies, by PATH, and in the folders of root's programs, which users do not have in it.
fn program(name: &str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    found.ok_or_else(|| Error::Missing { what: format!("the program {name}"), next: SETUP })
}
