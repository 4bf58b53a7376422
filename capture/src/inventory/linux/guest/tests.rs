//! Guests in a `/proc` that the test writes.

use super::*;
use expect_test::{Expect, expect};
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory like `/proc` that goes with the test.
struct Proc(PathBuf);

impl Proc {
    fn new() -> Proc {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tapscope-proc-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let proc = Proc(std::env::temp_dir().join(name));
        proc.process(1, "init", "/sbin/init", &[]);
        symlink("1", proc.0.join("self")).unwrap();
        proc
    }

    /// A process that lives in the namespace 7 and started at its number; descriptors are links, TAPs' followed by their name.
    fn process(&self, pid: u32, comm: &str, command_line: &str, descriptors: &[(u32, &str)]) {
        let directory = self.0.join(pid.to_string());
        let _ = fs::remove_dir_all(&directory);
        for name in ["ns", "net", "fd", "fdinfo"] {
            fs::create_dir_all(directory.join(name)).unwrap();
        }
        symlink("net:[7]", directory.join("ns/net")).unwrap();
        symlink("/srv", directory.join("cwd")).unwrap();
        fs::write(directory.join("net/dev"), "").unwrap();
        let zeros = "0 ".repeat(17);
        fs::write(directory.join("stat"), format!("{pid} ({comm}) S {zeros}0 {pid} 0 0\n")).unwrap();
        let words: String = command_line.split_whitespace().map(|word| format!("{word}\0")).collect();
        fs::write(directory.join("cmdline"), words).unwrap();
        for (number, link) in descriptors {
            let (link, interface) = link.split_once(' ').unwrap_or((link, ""));
            symlink(link, directory.join(format!("fd/{number}"))).unwrap();
            fs::write(directory.join(format!("fdinfo/{number}")), format!("pos:\t0\nflags:\t02\niff:\t{interface}\n")).unwrap();
        }
    }

    fn scan(&self) -> GuestScan {
        scan(&self.0, &resolve)
    }

    fn check(&self, expected: Expect) {
        expected.assert_eq(&show(&self.scan()));
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The namespace 7 has `tap0` to `tap9`, with indices from 10.
fn resolve(netns: Netns, name: &str) -> Option<DeviceId> {
    let number: u32 = name.strip_prefix("tap")?.parse().ok().filter(|&number| number < 10 && netns == Netns(7))?;
    Some(DeviceId { netns, index: 10 + number })
}

fn show(scan: &GuestScan) -> String {
    let mut out = String::new();
    let text = |text: &Option<Text>| text.as_ref().map_or("-".into(), Text::to_string);
    for guest in &scan.guests {
        let netns = guest.netns.map_or("?".into(), |netns| netns.0.to_string());
        let _ = writeln!(out, "{} {} {} in {netns}", guest.pid, guest.program, text(&guest.name));
        guest.monitors.iter().for_each(|monitor| out.push_str(&format!("  qmp {monitor}\n")));
        for nic in &guest.nics {
            let _ = write!(out, "  {}", text(&nic.model));
            if let Some(backend) = &nic.backend {
                let indices: Vec<u32> = backend.devices.iter().map(|device| device.index).collect();
                let vhost = if backend.has_vhost { " vhost" } else { "" };
                let _ = write!(out, " <- {} {} {} {indices:?}{vhost}", text(&backend.id), backend.kind.name(), text(&backend.interface));
            }
            out.push('\n');
        }
        guest.unreadable.iter().for_each(|missing| out.push_str(&format!("  not seen: {missing}\n")));
    }
    for reader in &scan.readers {
        let _ =
            writeln!(out, "{} {} reads {} {:?}", reader.pid, reader.program, reader.interface, reader.device.map(|device| device.index));
    }
    for row in &scan.unreadable {
        let _ = writeln!(out, "{}: {}: {}", row.what, row.why, row.remedy);
    }
    out
}

#[test]
fn taps_by_name_by_descriptor_and_by_what_is_left() {
    let proc = Proc::new();
    proc.process(
        20,
        "qemu-system-x86",
        "/usr/bin/qemu-system-x86_64 -name a -netdev tap,id=n0,ifname=tap3 -device e1000,netdev=n0 -netdev tap,id=n1,fds=11:12,vhost=on
         -device virtio-net-pci,netdev=n1 -netdev bridge,id=n2 -device rtl8139,netdev=n2 -qmp unix:a.qmp,server=on",
        &[(3, "socket:[77]"), (9, "/dev/net/tun tap3"), (11, "/dev/net/tun tap4"), (12, "/dev/net/tun tap4"), (13, "/dev/net/tun tap5")],
    );
    proc.check(expect![[r#"
        20 qemu-system-x86_64 a in 7
          qmp unix:/srv/a.qmp
          e1000 <- n0 tap tap3 [13]
          virtio-net-pci <- n1 tap tap4 [14]
          rtl8139 <- n2 tap tap5 [15]
    "#]]);
    assert_eq!(proc.scan().owners(77).collect::<Vec<_>>(), [&GuestSocket { pid: 20, descriptor: 3, inode: 77 }]);
}

#[test]
fn taps_without_a_name_are_matched_in_the_order_of_opening_unless_a_helper_opened_one() {
    let proc = Proc::new();
    let open = [(9, "/dev/net/tun tap0"), (10, "/dev/net/tun tap1")];
    proc.process(20, "qemu-system-x86", "qemu-system-x86_64 -nic tap -netdev tap,id=n0 -device e1000e,netdev=n0", &open);
    proc.process(21, "qemu-system-x86", "qemu-system-x86_64 -nic bridge -netdev tap,id=n0 -device e1000e,netdev=n0", &open);
    proc.check(expect![[r#"
        20 qemu-system-x86_64 - in 7
          e1000 <- - tap tap1 [11]
          e1000e <- n0 tap tap0 [10]
        21 qemu-system-x86_64 - in 7
          e1000 <- - tap - []
          e1000e <- n0 tap - []
          - <- - tap tap0 [10]
          - <- - tap tap1 [11]
    "#]]);
}

#[test]
fn what_was_plugged_in_later_macvtap_and_vhost() {
    let proc = Proc::new();
    proc.process(
        20,
        "qemu-system-x86",
        "qemu-system-x86_64 -netdev tap,id=n0,fd=30,vhost=on -device virtio-net-pci,netdev=n0",
        &[(30, "/dev/tap6"), (31, "/dev/vhost-net"), (32, "/dev/net/tun tap2"), (33, "/dev/net/tun")],
    );
    proc.process(
        21,
        "qemu-system-x86",
        "qemu-system-x86_64 -netdev tap,id=n0,ifname=tap1,vhost=on -device virtio-net-pci,netdev=n0",
        &[(30, "/dev/net/tun tap1")],
    );
    proc.check(expect![[r#"
        20 qemu-system-x86_64 - in 7
          virtio-net-pci <- n0 macvtap - [6] vhost
          - <- - tap tap2 [12]
        21 qemu-system-x86_64 - in 7
          virtio-net-pci <- n0 tap tap1 [11]
    "#]]);
}

#[test]
fn a_tap_of_another_namespace_and_one_that_is_not_open_have_no_device() {
    let proc = Proc::new();
    proc.process(20, "qemu-system-x86", "qemu-system-x86_64 -netdev tap,id=n0,fd=9 -nic tap,ifname=tap1", &[(9, "/dev/net/tun vnet0")]);
    proc.check(expect![[r#"
        20 qemu-system-x86_64 - in 7
          - <- n0 tap vnet0 []
          e1000 <- - tap tap1 []
    "#]]);
}

#[test]
fn other_programs_with_a_tap_are_told_and_none_is_a_guest_by_its_arguments() {
    let proc = Proc::new();
    proc.process(20, "openvpn", "/usr/sbin/openvpn --dev tap0", &[(5, "/dev/net/tun tap0"), (6, "/dev/net/tun tun\x1b7")]);
    proc.process(21, "cloud-hyperviso", "/bin/cloud-hypervisor --net tap=tap2", &[(5, "/dev/net/tun tap2"), (6, "/dev/net/tun tap2")]);
    proc.process(22, "grep", "grep qemu-system-x86_64", &[]);
    proc.process(23, "kthreadd", "", &[]);
    proc.process(24, "qemu-ga", "/usr/bin/qemu-ga", &[]);
    proc.check(expect![[r#"
        21 cloud-hypervisor - in 7
          - <- - tap tap2 [12]
        20 openvpn reads tap0 Some(10)
        20 openvpn reads tun\x1b7 None
    "#]]);
}

#[test]
fn a_monitor_that_was_handed_over_is_found_by_its_socket() {
    let proc = Proc::new();
    let line = "/usr/bin/kvm -nodefaults -chardev socket,id=charmonitor,fd=29,server=on -mon chardev=charmonitor,mode=control";
    proc.process(20, "kvm", line, &[(29, "socket:[613854]")]);
    proc.check(expect![[r#"
        20 kvm - in 7
          qmp fd:29
    "#]]);
    let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                 0000: 00000003 00000000 00000000 0001 03  1585\n\
                 0000: 00000002 00000000 00010000 0001 01 613854 /var/lib/lib virt/monitor.sock\n";
    fs::write(proc.0.join("20/net/unix"), table).unwrap();
    proc.check(expect![[r#"
        20 kvm - in 7
          qmp unix:/var/lib/lib virt/monitor.sock
    "#]]);
    assert!(proc.scan().guests[0].is_libvirt);
}

#[test]
fn what_is_known_of_a_process_is_kept_until_it_is_another_one() {
    let proc = Proc::new();
    let mut guests = Guests::new(&proc.0);
    let mut count = || guests.scan(&resolve).guests.len();
    proc.process(20, "sh", "sh start-guest", &[]);
    assert_eq!(count(), 0);
    proc.process(20, "qemu-system-x86", "qemu-system-x86_64 -nodefaults", &[]);
    assert_eq!(count(), 1);
    fs::write(proc.0.join("20/stat"), format!("20 (qemu-system-x86) Z {}0 20 0", "0 ".repeat(17))).unwrap();
    assert_eq!(count(), 0, "it has ended and waits for its parent");
    fs::remove_dir_all(proc.0.join("20")).unwrap();
    assert_eq!(count(), 0);
}

#[test]
fn what_vanishes_while_it_is_read_and_what_is_damaged_is_survived() {
    let proc = Proc::new();
    for missing in ["stat", "cmdline", "fd", "fdinfo", "ns", "net"] {
        proc.process(20, "a) S (qemu", "qemu-system-x86_64 -nic tap", &[(5, "/dev/net/tun tap0")]);
        let path = proc.0.join("20").join(missing);
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        let scan = proc.scan();
        assert!(scan.unreadable.is_empty(), "{missing}: {:?}", scan.unreadable);
    }
    for stat in ["", "20", "20 (a) S", ")(", "20 (a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 x"] {
        fs::write(proc.0.join("20/stat"), stat).unwrap();
        assert!(proc.scan().guests.is_empty(), "{stat}");
    }
    assert_eq!(scan(Path::new("/nowhere"), &resolve).guests, []);
}

#[test]
fn hidden_processes_are_told() {
    let proc = Proc::new();
    fs::remove_dir_all(proc.0.join("1")).unwrap();
    proc.check(expect![[r#"
        guests of other users: their processes are hidden (hidepid of /proc): sudo tapscope
    "#]]);
}

#[test]
fn a_command_line_beyond_the_bound_is_told() {
    let proc = Proc::new();
    proc.process(20, "qemu-system-x86", &format!("qemu-system-x86_64 -name {}", "x".repeat(2 << 20)), &[]);
    let guest = &proc.scan().guests[0];
    assert_eq!(
        guest.unreadable.as_ref().map(Text::as_str),
        Some("its command line beyond 1048576 octets: xargs -0 -n1 < /proc/20/cmdline")
    );
}
