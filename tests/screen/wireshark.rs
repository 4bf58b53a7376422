//! Somebody in Wireshark's place: it says how it was called, and keeps what it is given.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct StandIn(PathBuf);

impl StandIn {
    /// A program called `wireshark`, in a folder of its own.
    pub fn new(folder: &Path) -> StandIn {
        let folder = folder.join("wireshark");
        std::fs::create_dir_all(&folder).expect("a folder");
        let _ = std::fs::remove_file(folder.join("capture.pcapng"));
        let program = folder.join("wireshark");
        let script = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho \"$*\" >arguments\nexec cat >capture.pcapng\n";
        std::fs::write(&program, script).expect("a program");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
        StandIn(folder)
    }

    /// `PATH` with it in front.
    pub fn path(&self) -> OsString {
        let others = std::env::var_os("PATH").unwrap_or_default();
        std::env::join_paths(std::iter::once(self.0.clone()).chain(std::env::split_paths(&others))).expect("a path")
    }

    /// How it was called.
    pub fn arguments(&self) -> String {
        std::fs::read_to_string(self.0.join("arguments")).unwrap_or_default().trim().to_owned()
    }

    /// Source and destination of the echoes that it was given so far, as tshark reads them.
    pub fn echoes(&self) -> Vec<String> {
        let file = self.0.join("capture.pcapng");
        let fields = ["-n", "-Y", "icmp", "-T", "fields", "-e", "ip.src", "-e", "ip.dst", "-r"];
        // It may be in the middle of a block.
        let read = Command::new("tshark").args(fields).arg(file).output().expect("tshark runs");
        String::from_utf8_lossy(&read.stdout).lines().map(|line| line.replace('\t', " to ")).collect()
    }
}
