//! The fuzzer's corpus, replayed without the fuzzer: what was once a finding stays a test.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder).expect("the corpus is there").map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no input in {}", folder.display());
    for path in paths {
        // Shown only if the test fails: the last one is to blame.
        println!("{}", path.display());
        run(&fs::read(&path).unwrap());
    }
}

#[test]
fn frames_of_every_link_type_are_survived() {
    replay("frame", targets::frame);
}

#[test]
fn capture_files_are_survived() {
    replay("file", targets::file);
}

#[test]
fn dhcp_messages_are_survived() {
    replay("dhcp", targets::dhcp);
}

#[test]
fn dhcp6_messages_are_survived() {
    replay("dhcp6", targets::dhcp6);
}

#[test]
fn dns_messages_are_survived() {
    replay("dns", targets::dns);
}

#[test]
fn data_units_of_switches_are_survived() {
    replay("link", targets::link);
}

#[test]
fn what_peers_of_the_hub_send_is_survived() {
    replay("hub", targets::hub);
}

#[test]
fn command_lines_of_qemu_are_survived() {
    replay("qemu_command_line", targets::qemu_command_line);
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_kernel_says_of_drops_is_survived() {
    replay("drop_reasons", targets::drop_reasons);
}

#[test]
fn what_qemus_monitors_and_filters_say_is_survived() {
    replay("qemu_monitor", targets::qemu_monitor);
}

#[cfg(target_os = "linux")]
#[test]
fn answers_of_monitors_are_survived() {
    replay("monitor_answer", targets::monitor_answer);
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_kernel_tells_by_netlink_is_survived() {
    replay("netlink", targets::netlink);
}

#[cfg(target_os = "linux")]
#[test]
fn files_of_other_processes_are_survived() {
    replay("process", targets::process);
}

#[test]
fn streams_between_qemu_processes_are_survived() {
    replay("cable_stream", targets::cable_stream);
}

#[test]
fn segments_of_cables_are_survived() {
    replay("cable_tcp", targets::cable_tcp);
}

#[test]
fn datagrams_of_cables_are_survived() {
    replay("cable_datagram", targets::cable_datagram);
}

#[test]
fn what_recordings_tell_is_survived() {
    replay("recording", targets::recording);
}
