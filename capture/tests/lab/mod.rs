//! Networks to capture in: namespaces without a name, made by a thread for itself, which end with it.
//!
//! Everything needs root, and fails without it.

// The tests and the benches each use a part.
#![allow(dead_code)]

pub mod carrier;
pub mod frame;
pub mod generator;
pub mod session;
pub mod wire;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getpid, gettid};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};

/// Runs in a new network namespace, on a thread of its own; what it starts is in there as well.
pub fn in_namespace<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter_new();
            body()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn enter_new() {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace is made by root only: sudo");
    // Interfaces that come up would otherwise talk by themselves.
    for scope in ["all", "default"] {
        let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1");
    }
    ip("link set lo up");
}

/// Another namespace, which ends when it is dropped.
pub struct Other {
    /// The file by which it is entered.
    pub path: PathBuf,
    /// What `ip link set … netns` takes.
    pub id: String,
    end: Option<Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Other {
    pub fn new() -> Other {
        let (ready, is_ready) = channel();
        let (end, ended) = channel::<()>();
        let thread = std::thread::spawn(move || {
            enter_new();
            ready.send(gettid().to_string()).expect("the maker waits");
            let _ = ended.recv();
        });
        let id: String = is_ready.recv().expect("a namespace, as root");
        let path = PathBuf::from(format!("/proc/{}/task/{id}/ns/net", getpid()));
        Other { path, id, end: Some(end), thread: Some(thread) }
    }

    /// Runs `ip` in it.
    pub fn ip(&self, arguments: &str) {
        run("nsenter", &[&[&format!("--net={}", self.path.display()), "ip"], &words(arguments)[..]].concat());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs `ip`, of iproute2.
pub fn ip(arguments: &str) {
    run("ip", &words(arguments));
}

/// Runs many `ip` commands at once.
pub fn ip_batch(commands: &str) {
    use std::io::Write;
    let mut child = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().expect("ip, of iproute2");
    child.stdin.take().expect("a pipe").write_all(commands.as_bytes()).expect("ip reads");
    assert!(child.wait().expect("ip ends").success(), "ip -batch failed:\n{commands}");
}

/// A pair of veths, up.
pub fn veth(one: &str, other: &str) {
    ip_batch(&format!("link add {one} type veth peer name {other}\nlink set {one} up\nlink set {other} up\n"));
}

fn words(text: &str) -> Vec<&str> {
    text.split_ascii_whitespace().collect()
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    assert!(output.status.success(), "{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
}
