//! What guests boot: Debian's cloud kernel, and an initramfs with busybox that is put together here.
//!
//! Both are kept below cargo's target folder, in `lab/`, and are made once, whichever of several test processes comes first.

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::accelerator::{self, Accelerator};
use crate::error::{Error, file};
use crate::{cpio, need};

const FETCH_KERNEL: &str = include_str!("../guest/fetch-kernel");
const INIT: &str = include_str!("../guest/init");
const DHCP_SCRIPT: &str = include_str!("../guest/dhcp-script");

/// Modules that a guest has, by their name below `kernel/`; busybox's modprobe finds what they need of each other.
const MODULES: [&str; 23] = [
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio_pci",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev",
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
    // For those who want more than a NIC: `modprobe 8021q`.
    "net/8021q/8021q",
    "net/802/garp",
    "net/802/mrp",
    "net/802/stp",
    "net/llc/llc",
    "net/bridge/bridge",
    "net/ipv4/ip_tunnel",
    "net/ipv4/udp_tunnel",
    "net/ipv6/ip6_udp_tunnel",
    "net/ipv4/gre",
    "drivers/net/dummy",
    "drivers/net/macvlan",
    "drivers/net/tun",
    "drivers/net/veth",
    "drivers/net/vxlan/vxlan",
];

/// What guests boot, and how they are run.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) kernel: PathBuf,
    pub(crate) initramfs: PathBuf,
    pub(crate) accelerator: Accelerator,
}

/// The image, made if it is not there yet.
///
/// # Errors
///
/// If a tool is missing, the kernel can not be downloaded, or a file can not be written.
pub(crate) fn image() -> Result<Image, Error> {
    let target = target();
    let folder = target.join("lab");
    fs::create_dir_all(&folder).map_err(file("make", &folder))?;
    let lock = folder.join("lock");
    // It is given up when the file is closed, also by a process that ended in the middle.
    let locked = File::create(&lock).map_err(file("open", &lock))?;
    locked.lock().map_err(file("lock", &lock))?;

    let kernel = kernel(&folder)?;
    let mut image = Image { initramfs: initramfs(&folder, &kernel)?, kernel: kernel.join("vmlinuz"), accelerator: Accelerator::Emulation };
    image.accelerator = accelerator::choose(&folder, &image)?;
    give_to_owner(&target, &folder);
    Ok(image)
}

/// Cargo's target folder: the one this program lies in, known by a file that cargo always puts there, or else that of this source.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let found = program.ancestors().skip(1).find(|folder| folder.join(".rustc_info.json").exists());
    found.map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")), Path::to_path_buf)
}

/// What root made under `sudo` must not be in the way of the user whose folder it is. It is a courtesy: nothing depends on it.
fn give_to_owner(target: &Path, folder: &Path) {
    let Ok(owner) = fs::metadata(target) else { return };
    let made_here = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in made_here.chain([folder.to_owned()]) {
        let _ = chown(path, Some(owner.uid()), Some(owner.gid()));
    }
}

fn kernel(folder: &Path) -> Result<PathBuf, Error> {
    let kernel = folder.join("kernel");
    if !kernel.join("vmlinuz").exists() {
        let mut fetch = Command::new("sh");
        fetch.args(["-c", FETCH_KERNEL, "fetch-kernel"]).arg(&kernel);
        let done = fetch.stdin(Stdio::null()).output().map_err(file("run", "sh"))?;
        if !done.status.success() {
            let text = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            return Err(Error::Missing { what: format!("a kernel for its guests ({text})"), next: "see tests/lab/guest/fetch-kernel" });
        }
    }
    Ok(kernel)
}

fn initramfs(folder: &Path, kernel: &Path) -> Result<PathBuf, Error> {
    let modules = kernel.join("lib/modules");
    let version = fs::read_dir(&modules).map_err(file("read", &modules))?.flatten().map(|entry| entry.file_name()).next();
    let version = version.ok_or_else(|| Error::Missing {
        what: format!("the kernel's modules, and {} is empty", modules.display()),
        next: "remove the folder lab in cargo's target folder",
    })?;
    let busybox = need::static_busybox()?;
    let binary = fs::read(&busybox).map_err(file("read", &busybox))?;

    // Its name says what is in it: a changed init, kernel or busybox makes a new one.
    let mut hasher = DefaultHasher::new();
    (INIT, DHCP_SCRIPT, MODULES, &version, &binary).hash(&mut hasher);
    let finished = folder.join(format!("initramfs-{:016x}.gz", hasher.finish()));
    if finished.exists() {
        return Ok(finished);
    }

    let tree = folder.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree).map_err(file("remove", &tree))?;
    }
    put(&tree.join("init"), INIT.as_bytes(), 0o755)?;
    put(&tree.join("bin/busybox"), &binary, 0o755)?;
    put(&tree.join("lib/dhcp-script"), DHCP_SCRIPT.as_bytes(), 0o755)?;
    put(&tree.join("etc/hosts"), b"127.0.0.1 localhost\n", 0o644)?;
    for name in ["proc", "sys", "dev", "tmp"] {
        fs::create_dir_all(tree.join(name)).map_err(file("make", tree.join(name)))?;
    }
    for module in MODULES {
        if let Some(content) = module_of(&modules.join(&version).join("kernel"), module)? {
            put(&tree.join("lib/modules").join(&version).join(format!("kernel/{module}.ko")), &content, 0o644)?;
        }
    }
    let mut index = Command::new(&busybox);
    index.arg("depmod").arg("-b").arg(&tree).arg(&version);
    let done = index.output().map_err(file("run", &busybox))?;
    if !done.status.success() {
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        let status = done.status.code().unwrap_or(-1);
        return Err(Error::Failed { place: "the lab's folder".to_owned(), command: format!("{index:?}"), status, text });
    }

    let unfinished = folder.join("initramfs");
    let write = || {
        let mut packed = GzEncoder::new(File::create(&unfinished)?, Compression::best());
        cpio::write(&tree, &mut packed)?;
        packed.finish()?.flush()?;
        fs::rename(&unfinished, &finished)
    };
    write().map_err(file("write", &unfinished))?;
    fs::remove_dir_all(&tree).map_err(file("remove", &tree))?;
    Ok(finished)
}

/// A module, unpacked: Debian packs them from version 13 on. `None` if this kernel has it built in, or not at all.
fn module_of(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, Error> {
    for (ending, program) in [("ko", "cat"), ("ko.xz", "xzcat"), ("ko.zst", "zstdcat")] {
        let path = folder.join(format!("{name}.{ending}"));
        if path.exists() {
            let done = Command::new(program).arg(&path).stdin(Stdio::null()).output().map_err(file("run", program))?;
            if !done.status.success() {
                let text = String::from_utf8_lossy(&done.stderr).into_owned();
                let command = format!("{program} {}", path.display());
                return Err(Error::Failed {
                    place: "the lab's folder".to_owned(),
                    command,
                    status: done.status.code().unwrap_or(-1),
                    text,
                });
            }
            return Ok(Some(done.stdout));
        }
    }
    Ok(None)
}

fn put(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, content)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    write().map_err(file("write", path))
}
