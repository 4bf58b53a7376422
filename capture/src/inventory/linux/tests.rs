//! What needs the inside: messages that were lost, and kinds of devices that not every kernel can make.

use super::*;
use nix::sched::{CloneFlags, unshare};
use std::process::Command;
use tapscope_graph::host::Host;

/// Does something in a network namespace that nobody else sees. Needs root.
fn alone(act: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace of its own (needs root)");
            act();
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn ip(lines: &str) {
    use std::io::Write;
    let mut child = Command::new("ip").args(["-batch", "-"]).stdin(std::process::Stdio::piped()).spawn().expect("ip of iproute2 starts");
    child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("ip reads");
    assert!(child.wait().expect("ip ends").success(), "ip -batch failed (needs root)");
}

fn apply(host: &mut Host, changes: Vec<HostChange>) {
    for change in changes {
        host.apply(change);
    }
}

/// What is there, but for what grows by itself.
fn still(host: &Host) -> Vec<HostFact> {
    let still = |fact: &HostFact| match fact {
        HostFact::Backlog(_) | HostFact::Neighbor(_) | HostFact::Fdb(_) => None,
        HostFact::Device(device) => {
            let mut device = device.clone();
            device.counters = Default::default();
            Some(HostFact::Device(device))
        }
        other => Some(other.clone()),
    };
    host.facts().filter_map(still).collect()
}

#[test]
fn what_the_kernel_had_no_room_to_say_is_read_and_counted() {
    alone(|| {
        let mut linux = Linux::with_room(Scope::Own, Some(4096)).expect("the inventory opens");
        let mut host = Host::default();
        apply(&mut host, linux.next(Duration::ZERO).expect("the first facts"));
        ip("link add gone type bridge\n");
        apply(&mut host, linux.next(Duration::from_secs(1)).expect("a bridge"));
        assert!(host.devices().any(|device| device.name.as_str() == "gone"));

        let many: String = (0..100).map(|n| format!("link add many{n} type bridge\naddr add 10.9.{n}.1/24 dev many{n}\n")).collect();
        ip(&format!("link del gone\n{many}"));
        apply(&mut host, linux.next(Duration::from_secs(1)).expect("what is left"));
        assert_eq!(linux.resyncs(), 1);
        assert_eq!(host.devices().filter(|device| device.name.as_str().starts_with("many")).count(), 100);
        assert_eq!(host.addresses().filter(|row| row.length == 24).count(), 100);
        assert!(host.devices().all(|device| device.name.as_str() != "gone"));
        assert!(host.settings().all(|setting| !setting.name.as_str().contains(".gone.")));

        let mut fresh = Host::default();
        apply(&mut fresh, Linux::open(Scope::Own).expect("another inventory").next(Duration::ZERO).expect("its facts"));
        assert_eq!(still(&host), still(&fresh));
    });
}

#[test]
fn an_idle_host_says_nothing() {
    alone(|| {
        let mut linux = Linux::open(Scope::Own).expect("the inventory opens");
        linux.next(Duration::ZERO).expect("the first facts");
        // Frames on the host's cards may add to the count of dropped ones; nothing else is going on.
        let changes = linux.next(Duration::from_millis(1500)).expect("nothing");
        assert!(changes.iter().all(|change| matches!(change, HostChange::Set(HostFact::Backlog(_)))), "{changes:?}");
    });
}
