//! Real QEMUs, without a guest system in them, in network namespaces of their own: who they are, and which TAP each card is plugged into.
//!
//! Needs root, ip(8), python3, setpriv(1) and qemu-system-x86_64.

#![cfg(target_os = "linux")]

use expect_test::{Expect, expect};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tapscope_capture::inventory::linux::guest::{GuestScan, GuestWatch, Guests, Means, scan};
use tapscope_capture::qemu::command_line::MonitorAddress;
use tapscope_graph::Text;
use tapscope_graph::host::{DeviceId, Netns};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const QUIET: [&str; 7] = ["-S", "-nodefaults", "-display", "none", "-serial", "none", "-no-user-config"];

/// A network namespace and a directory that go with the test.
struct Place {
    name: String,
    directory: PathBuf,
}

impl Place {
    fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tapscope-guests-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("ip").args(["netns", "add", &name]).status().expect("ip(8) is installed (iproute2)");
        assert!(made.success(), "no network namespace can be made: this test needs root");
        let directory = std::env::temp_dir().join(&name);
        fs::create_dir_all(&directory).expect("a directory");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("a directory of our own");
        Place { name, directory }
    }

    fn netns(&self) -> Netns {
        Netns(fs::metadata(Path::new("/run/netns").join(&self.name)).expect("the namespace is there").ino())
    }

    /// A command in the namespace, in the directory. ip(8) becomes the command, so the process is the same.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).args(words).current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    fn start(&self, words: &[&str]) -> Running {
        Running(self.command(words).spawn().expect("ip(8) is installed"))
    }

    /// A QEMU with that network; `words` are separated by blanks.
    fn qemu(&self, words: &str) -> Running {
        let words: Vec<&str> = ["qemu-system-x86_64"].into_iter().chain(QUIET).chain(words.split_whitespace()).collect();
        self.start(&words)
    }

    fn index(&self, interface: &str) -> Option<u32> {
        let path = format!("/sys/class/net/{interface}/ifindex");
        let output = self.command(&["cat", &path]).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    }

    fn resolve(&self) -> impl Fn(Netns, &str) -> Option<DeviceId> {
        let own = self.netns();
        move |netns, interface| {
            let index = self.index(interface).filter(|_| netns == own)?;
            Some(DeviceId { netns, index })
        }
    }

    fn scan(&self) -> GuestScan {
        scan(Path::new("/proc"), &self.resolve())
    }

    /// Waits until the process is a guest or reader with so many devices, and shows it.
    fn check(&self, running: &mut Running, devices: usize, expected: Expect) {
        let pid = running.0.id();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (shown, count) = self.show(&self.scan(), pid);
            if count == devices {
                return expected.assert_eq(&shown);
            }
            running.assert_runs();
            assert!(Instant::now() < deadline, "not {devices} devices in time:\n{shown}");
        }
    }

    /// What is known of a process, with the names of its devices, and their number.
    fn show(&self, scan: &GuestScan, pid: u32) -> (String, usize) {
        let mut out = String::new();
        let mut count = 0;
        let text = |text: &Option<Text>| text.as_ref().map_or("-".into(), Text::to_string);
        for guest in scan.guests.iter().filter(|guest| guest.pid == pid) {
            assert_eq!(guest.netns, Some(self.netns()));
            assert_eq!(guest.unreadable, None);
            let _ = writeln!(out, "{} {}", guest.program, text(&guest.name));
            for nic in &guest.nics {
                let mac = nic.mac.map_or("-".into(), |mac| mac.to_string());
                let default = if nic.has_default_mac { " default" } else { "" };
                let _ = write!(out, "  {} {mac}{default}", text(&nic.model));
                if let Some(backend) = &nic.backend {
                    let _ = write!(out, " <- {} {}", backend.kind.name(), text(&backend.interface));
                    let hub = backend.hub.map(|hub| format!(" hub {hub}")).unwrap_or_default();
                    let queues = if backend.queues == 1 { String::new() } else { format!(" queues {}", backend.queues) };
                    let _ = write!(out, "{hub}{queues}");
                    for device in &backend.devices {
                        count += 1;
                        let interface = backend.interface.as_ref().map(Text::as_str).unwrap_or_default();
                        assert_eq!(Some(device.index), self.index(interface), "{interface}");
                        out.push_str(" (found)");
                    }
                }
                out.push('\n');
            }
        }
        for reader in scan.readers.iter().filter(|reader| reader.pid == pid) {
            count += usize::from(reader.device.is_some());
            let _ = writeln!(
                out,
                "{} reads {}",
                if reader.program.as_str().starts_with("python3") { "python3" } else { "?" },
                reader.interface
            );
        }
        (out, count)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Running {
    fn assert_runs(&mut self) {
        let ended = self.0.try_wait().expect("a child");
        assert_eq!(ended, None, "it ended at once; is qemu-system-x86_64 installed (Debian: qemu-system-x86), and is there /dev/net/tun?");
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program in Python that opens TAPs of these names, puts them to the descriptors from 40, and then does as `end` says.
fn python(taps: &[&str], end: &str) -> String {
    format!(
        "import fcntl, os, struct, signal\n\
         for number, name in enumerate({taps:?}):\n\
         \x20   tap = os.open('/dev/net/tun', os.O_RDWR)\n\
         \x20   fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', name.encode(), 0x1002))\n\
         \x20   os.dup2(tap, 40 + number, inheritable=True)\n\
         \x20   os.close(tap)\n\
         {end}\n"
    )
}

#[test]
fn a_tap_and_a_card_with_qemus_default_address() {
    let place = Place::new();
    let mut qemu = place.qemu("-name web -netdev tap,id=n0,ifname=tap0,script=no,downscript=no -device e1000,netdev=n0");
    place.check(
        &mut qemu,
        1,
        expect![[r#"
            qemu-system-x86_64 web
              e1000 52:54:00:12:34:56 default <- tap tap0 (found)
        "#]],
    );
}

#[test]
fn two_cards_and_several_queues() {
    let place = Place::new();
    let mut qemu = place.qemu(
        "-name guest=two,debug-threads=on -netdev tap,id=n0,ifname=left,script=no,downscript=no
         -device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01 -device virtio-net-pci,netdev=n1,mac=52:54:00:00:00:02,mq=on
         -netdev tap,id=n1,ifname=right,script=no,downscript=no,queues=2",
    );
    place.check(
        &mut qemu,
        2,
        expect![[r#"
            qemu-system-x86_64 two
              virtio-net-pci 52:54:00:00:00:01 <- tap left (found)
              virtio-net-pci 52:54:00:00:00:02 <- tap right queues 2 (found)
        "#]],
    );
}

#[test]
fn taps_that_were_handed_over() {
    let place = Place::new();
    let network = r#"-name handed -netdev {"type":"tap","fd":"41","id":"n0"} -device {"driver":"e1000","netdev":"n0"}
        -netdev tap,fd=40,id=n1 -device rtl8139,netdev=n1"#;
    let words: Vec<&str> = ["qemu-system-x86_64"].into_iter().chain(QUIET).chain(network.split_whitespace()).collect();
    let script = python(&["given0", "given1"], &format!("os.execvp('qemu-system-x86_64', {words:?})"));
    let mut qemu = place.start(&["python3", "-c", &script]);
    // Before, it is Python that has both open.
    let program = format!("/proc/{}/comm", qemu.0.id());
    while !fs::read_to_string(&program).is_ok_and(|name| name.starts_with("qemu")) {
        qemu.assert_runs();
    }
    place.check(
        &mut qemu,
        2,
        expect![[r#"
            qemu-system-x86_64 handed
              e1000 52:54:00:12:34:57 default <- tap given1 (found)
              rtl8139 52:54:00:12:34:56 default <- tap given0 (found)
        "#]],
    );
}

#[test]
fn a_card_and_a_tap_on_a_hub() {
    let place = Place::new();
    let mut qemu = place.qemu("-net nic,model=ne2k_pci -net tap,ifname=tap0,script=no,downscript=no");
    place.check(
        &mut qemu,
        1,
        expect![[r#"
            qemu-system-x86_64 -
              ne2k_pci 52:54:00:12:34:56 default <- tap tap0 hub 0 (found)
        "#]],
    );
}

#[test]
fn taps_that_the_kernel_named_are_matched_as_qemu_says_itself() {
    let place = Place::new();
    let mut qemu = place.qemu(
        r#"-net nic -net tap,script=no,downscript=no -nic tap,model=rtl8139,script=no,downscript=no
           -netdev tap,id=b,script=no,downscript=no -netdev {"type":"tap","id":"a","script":"no","downscript":"no"}
           -device e1000e,netdev=a -device pcnet,netdev=b -monitor unix:hmp,server=on,wait=off"#,
    );
    place.check(
        &mut qemu,
        4,
        expect![[r#"
            qemu-system-x86_64 -
              e1000 52:54:00:12:34:57 default <- tap tap3 hub 0 (found)
              rtl8139 52:54:00:12:34:56 default <- tap tap2 (found)
              e1000e 52:54:00:12:34:58 default <- tap tap0 (found)
              pcnet 52:54:00:12:34:59 default <- tap tap1 (found)
        "#]],
    );
    let network = ask(&place.directory.join("hmp"), "info network");
    let after = |card: &str| network.lines().skip_while(|line| !line.contains(card)).nth(1).unwrap_or_default().to_owned();
    for (card, tap) in [("rtl8139", "tap2"), ("e1000e", "tap0"), ("pcnet", "tap1")] {
        assert!(after(card).contains(&format!("ifname={tap},")), "{network}");
    }
}

/// Asks a monitor for people.
fn ask(path: &Path, question: &str) -> String {
    use std::io::{BufRead, BufReader, Write};
    let mut stream = UnixStream::connect(path).expect("the monitor waits");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.write_all(format!("{question}\nhelp quit\n").as_bytes()).expect("the monitor reads");
    let mut out = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line.expect("the monitor answers");
        if line.starts_with("quit") {
            return out;
        }
        out.push_str(&line);
        out.push('\n');
    }
    panic!("the monitor ended: {out}");
}

#[test]
fn a_monitor_is_told_so_that_it_can_be_asked() {
    let place = Place::new();
    let mut qemu = place.qemu("-nic tap,ifname=tap0,script=no,downscript=no -qmp unix:a.qmp,server=on,wait=off");
    place.check(
        &mut qemu,
        1,
        expect![[r#"
            qemu-system-x86_64 -
              e1000 52:54:00:12:34:56 default <- tap tap0 (found)
        "#]],
    );
    let scan = place.scan();
    let guest = scan.guests.iter().find(|guest| guest.pid == qemu.0.id()).expect("it is there");
    assert_eq!(guest.monitors, [Text::path(&format!("unix:{}", place.directory.join("a.qmp").display()))]);
    let monitor = scan.monitors.iter().find(|monitor| monitor.pid == guest.pid).expect("it has one");
    let MonitorAddress::Unix(path) = &monitor.monitor.address else { panic!("{monitor:?}") };
    UnixStream::connect(path).expect("it waits there");
    assert!(scan.sockets.iter().any(|socket| socket.pid == guest.pid), "the monitor's socket");
}

#[test]
fn another_program_that_has_a_tap_open_is_no_guest() {
    let place = Place::new();
    let mut reader = place.start(&["python3", "-c", &python(&["vpn0"], "signal.pause()")]);
    place.check(
        &mut reader,
        1,
        expect![[r#"
            python3 reads vpn0
        "#]],
    );
}

#[test]
fn an_ordinary_user_is_told_what_is_missing() {
    let built =
        std::env::current_exe().expect("a path").parent().and_then(Path::parent).expect("a build directory").join("examples/guests");
    let place = Place::new();
    // The build directory may not be open to that user.
    let program = place.directory.join("guests");
    fs::copy(&built, &program)
        .unwrap_or_else(|error| panic!("{}: {error}: cargo build --package tapscope-capture --examples", built.display()));
    let program = program.to_str().expect("a path");
    let mut qemu = place.qemu("-name web -netdev tap,id=n0,ifname=tap0,script=no,downscript=no -device e1000,netdev=n0");
    place.check(
        &mut qemu,
        1,
        expect![[r#"
            qemu-system-x86_64 web
              e1000 52:54:00:12:34:56 default <- tap tap0 (found)
        "#]],
    );
    let pid = qemu.0.id();
    let as_nobody = |within: bool| {
        let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program];
        let mut command = if within { place.command(&user) } else { Command::new(user[0]) };
        if !within {
            command.args(&user[1..]);
        }
        let output = command.output().expect("setpriv(1) is installed (util-linux)");
        let text = String::from_utf8(output.stdout).expect("text");
        let mut rest = text.lines().skip_while(|line| !line.starts_with(&format!("guest {pid} ")));
        let mut own: Vec<&str> = rest.next().into_iter().collect();
        own.extend(rest.take_while(|line| line.starts_with("  ")));
        let devices = text.lines().filter(|line| line.contains(&format!("process {pid})"))).collect::<Vec<_>>();
        [own, devices].concat().join("\n").replace(&pid.to_string(), "PID")
    };
    let index = place.index("tap0").expect("it is there");
    // Its own namespace is known to it: the name on the command line leads to a device.
    assert_eq!(
        as_nobody(true),
        format!(
            "guest PID qemu-system-x86_64 web\n  e1000 52:54:00:12:34:56 <- tap tap0 [{index}]\n  \
             not seen: which devices it has open: sudo tapscope\n\
             not seen: the devices of guest web (process PID): the process belongs to another user (user 0): sudo tapscope"
        )
    );
    assert_eq!(
        as_nobody(false),
        "guest PID qemu-system-x86_64 web\n  e1000 52:54:00:12:34:56 <- tap tap0 []\n  \
         not seen: which devices it has open, and its network namespace: sudo tapscope\n\
         not seen: the devices of guest web (process PID): the process belongs to another user (user 0): sudo tapscope"
    );
}

/// Waits until the watch says that something changed, at most so long.
fn is_told(watch: &mut GuestWatch, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let ready = poll(&mut [PollFd::new(watch, PollFlags::IN)], Some(&left)).expect("poll");
        if ready == 0 {
            return false;
        }
        if watch.changed() {
            return true;
        }
    }
}

/// Looks whenever the watch says so, until it finds what it looks for.
fn until(watch: &mut GuestWatch, guests: &mut Guests, place: &Place, pid: u32, is_there: bool) -> Duration {
    let start = Instant::now();
    while is_told(watch, PATIENCE.saturating_sub(start.elapsed())) {
        let scan = guests.scan(&place.resolve());
        watch.follow(scan.guests.iter().map(|guest| guest.pid));
        let found = scan
            .guests
            .iter()
            .any(|guest| guest.pid == pid && guest.nics.iter().flat_map(|nic| &nic.backend).any(|backend| !backend.devices.is_empty()));
        if found == is_there {
            return start.elapsed();
        }
    }
    panic!("not noticed in {PATIENCE:?}, {:?}", watch.means());
}

#[test]
fn a_guest_that_starts_and_one_that_ends_are_noticed() {
    let place = Place::new();
    let root = Path::new("/proc");
    let watches = [GuestWatch::new(root).expect("a watch"), GuestWatch::without_events(root).expect("a watch")];
    assert_eq!(*watches[0].means(), Means::Events, "root in the first namespaces is told by the kernel");
    assert!(matches!(watches[1].means(), Means::Rescans { .. }));
    for mut watch in watches {
        let mut guests = Guests::new(root);
        let mut qemu = place.qemu("-nic tap,ifname=tap0,script=no,downscript=no");
        let pid = qemu.0.id();
        let after = until(&mut watch, &mut guests, &place, pid, true);
        println!("{:?}: the start was noticed after {after:?}", watch.means());
        qemu.0.kill().expect("it runs");
        // The kernel takes its time to take a process apart: what counts is when it says to the parent that it is done.
        let ended = std::thread::spawn(move || {
            qemu.0.wait().expect("a child");
            Instant::now()
        });
        while is_told(&mut watch, PATIENCE) {
            if guests.scan(&|_, _| None).guests.iter().all(|guest| guest.pid != pid) {
                break;
            }
        }
        let noticed = Instant::now();
        let after = noticed.saturating_duration_since(ended.join().expect("a thread"));
        println!("{:?}: the end was noticed after {after:?}", watch.means());
        assert!(after < Duration::from_millis(100), "{after:?}");
    }
}
