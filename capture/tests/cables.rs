//! Real QEMUs, without a guest system in them, joined without a TAP: who is joined with whom, and how it can be seen.
//!
//! Needs root, ip(8), qemu-system-x86_64, socat, passt and vde_switch.

#![cfg(target_os = "linux")]

mod lab;

use lab::{in_namespace, ip};
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tapscope_capture::inventory::{self, Inventory, Scope};
use tapscope_graph::host::{Cable, CableEnd, CableRole, CableSight, Carrier, Host};
use tapscope_graph::{Text, Timestamp};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const QUIET: [&str; 9] = ["-S", "-nodefaults", "-display", "none", "-serial", "none", "-no-user-config", "-m", "16"];

/// A host of its own: what runs on it, and what is known of it.
struct Stage {
    directory: PathBuf,
    inventory: Box<dyn Inventory>,
    host: Host,
    running: BTreeMap<String, Child>,
}

/// Plays in a new network namespace.
fn on_stage(play: impl FnOnce(&mut Stage) + Send) {
    in_namespace(|| {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tapscope-cables-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a directory");
        // passt gives up being root before it makes its socket.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("a directory of our own");
        let inventory = inventory::open(Scope::Own).expect("netlink");
        play(&mut Stage { directory, inventory, host: Host::default(), running: BTreeMap::new() });
    });
}

impl Stage {
    /// Starts a QEMU of that name; `words` are separated by blanks.
    fn qemu(&mut self, name: &str, words: &str) {
        let words: Vec<&str> = QUIET.into_iter().chain(["-name", name]).chain(words.split_whitespace()).collect();
        self.start(name, "qemu-system-x86_64", &words);
    }

    fn start(&mut self, name: &str, program: &str, words: &[&str]) {
        // vde_switch ends with its input.
        let child = Command::new(program).args(words).current_dir(&self.directory).stdin(Stdio::piped()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{program} cannot be run: {error}; .ci/setup test installs it"));
        self.running.insert(name.to_owned(), child);
    }

    fn end(&mut self, name: &str) {
        let mut child = self.running.remove(name).expect("it was started");
        child.kill().expect("it runs");
        child.wait().expect("a child");
    }

    /// Waits until the cables are those, a line each.
    fn check(&mut self, wanted: &str) {
        let wanted: Vec<&str> = wanted.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            for change in self.inventory.next(Duration::from_millis(200)).expect("netlink") {
                self.host.apply(Timestamp(0), change);
            }
            let shown: Vec<String> = self.host.cables().map(|cable| self.show(cable)).collect();
            if shown == wanted {
                return self.assert_complete();
            }
            assert!(Instant::now() < deadline, "not in time\n{}\nwanted\n{}", shown.join("\n"), wanted.join("\n"));
        }
    }

    /// Each backend is on one cable.
    fn assert_complete(&self) {
        let mut plugged: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for end in self.host.cables().flat_map(|cable| &cable.ends) {
            if let (Some(pid), Some(nic)) = (end.pid, end.nic) {
                *plugged.entry((pid, nic)).or_default() += 1;
            }
        }
        assert!(plugged.values().all(|&count| count == 1), "{plugged:?}");
    }

    fn show(&self, cable: &Cable) -> String {
        let ends: Vec<String> = cable.ends.iter().map(|end| self.end_text(end)).collect();
        let sight = match &cable.sight {
            CableSight::Carried { device, carrier } => {
                let device = self.host.device(*device).expect("the device is known").name.to_string();
                let carrier = match carrier {
                    Carrier::Tcp { address, port } => format!("tcp {}", at(*address, *port)),
                    Carrier::Connection { listener, peer } => {
                        assert!(cable.ends.iter().any(|end| end.local == Some(*peer)), "{cable:?}");
                        format!("tcp {listener} from that end")
                    }
                    Carrier::Udp { first, second } => format!("udp {first} {second}"),
                    Carrier::Multicast { group } => format!("group {group}"),
                };
                format!("{device} {carrier}")
            }
            CableSight::Asked { monitor, .. } => format!("asks {}", monitor.as_ref().map_or("somebody else", Text::as_str)),
            CableSight::Unseen { why, .. } => format!("unseen: {why}"),
            CableSight::Unknown => "?".into(),
        };
        let text = format!("{} | {} | {} | {} | {sight}", cable.key, cable.kind.name(), ends.join(", "), cable.state);
        // passt is built for several processors.
        text.replace(self.directory.to_str().expect("plain"), "DIR").replace("passt.avx2", "passt")
    }

    /// Guest and card, or program; what it does, and where.
    fn end_text(&self, end: &CableEnd) -> String {
        let guest = end.pid.and_then(|pid| self.host.guests().find(|guest| guest.pid == pid));
        let who = match (guest.and_then(|guest| guest.name.as_ref()), end.nic, &end.program) {
            (Some(name), Some(nic), _) => format!("{name}#{nic}"),
            (Some(name), None, _) => name.to_string(),
            (None, _, Some(program)) => program.to_string(),
            (None, ..) => "nobody known".into(),
        };
        let role = match end.role {
            CableRole::Listens => " listens",
            CableRole::Connects => " connects",
            CableRole::Peer => "",
        };
        let local = end.local.filter(|local| end.role != CableRole::Connects || local.port() < 32768);
        let place = local.map(|local| format!(" {}", at(local.ip(), local.port()))).unwrap_or_default();
        let path = end.path.as_ref().map(|path| format!(" {path}")).unwrap_or_default();
        format!("{who}{role}{place}{path}")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn at(ip: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(ip, port).to_string()
}

const CARD: &str = "-device e1000,netdev=n0";

#[test]
fn a_tcp_cable_keeps_its_name_while_peers_come_wait_and_go() {
    on_stage(|stage| {
        stage.qemu("g1", &format!("-netdev socket,id=n0,listen=:8010 {CARD}"));
        stage.check("tcp 127.0.0.1:8010 | tcp | g1#0 listens 0.0.0.0:8010 | nobody is connected | lo tcp 0.0.0.0:8010");

        let connect = format!("-netdev socket,id=n0,connect=127.0.0.1:8010 {CARD}");
        stage.qemu("g2", &connect);
        let both = "tcp 127.0.0.1:8010 | tcp | g1#0 listens 0.0.0.0:8010, g2#0 connects | connected | lo tcp 0.0.0.0:8010";
        stage.check(both);

        stage.qemu("g3", &connect);
        stage.check(&format!(
            "{both}
             tcp 127.0.0.1:8010 g3/n0 | tcp | g1 listens 0.0.0.0:8010, g3#0 connects | never accepted by the listener | \
             unseen: the listener has another peer and did not accept it: its frames wait in the kernel"
        ));

        stage.end("g2");
        stage.check(&both.replace("g2", "g3"));

        stage.end("g1");
        stage.check("tcp 127.0.0.1:8010 | tcp | g3#0 connects | not connected | lo tcp 127.0.0.1:8010");

        stage.qemu("g1", &format!("-netdev socket,id=n0,listen=:8010 {CARD}"));
        stage.check("tcp 127.0.0.1:8010 | tcp | g1#0 listens 0.0.0.0:8010, g3#0 connects | not connected | lo tcp 0.0.0.0:8010");
    });
}

#[test]
fn a_program_between_two_guests_is_an_end_of_both_cables() {
    on_stage(|stage| {
        stage.qemu("g1", "-net nic,model=e1000 -net socket,listen=127.0.0.1:8010");
        stage.check("tcp 127.0.0.1:8010 | tcp | g1#0 listens 127.0.0.1:8010 | nobody is connected | lo tcp 127.0.0.1:8010");
        stage.start("relay", "socat", &["TCP-LISTEN:9000,reuseaddr,fork", "TCP:127.0.0.1:8010"]);
        // QEMU 7.2 does not try again: 9000 is 2328 in hexadecimal.
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string("/proc/thread-self/net/tcp").expect("a list of sockets").contains(":2328 ") {
            assert!(Instant::now() < deadline, "socat does not listen");
            std::thread::yield_now();
        }
        stage.qemu("g2", r#"-netdev {"type":"stream","id":"n0","server":false,"addr":{"type":"inet","host":"127.0.0.1","port":"9000"}}"#);
        stage.check(
            "tcp 127.0.0.1:8010 | tcp | g1#0 listens 127.0.0.1:8010, socat connects | connected | lo tcp 127.0.0.1:8010
             tcp 127.0.0.1:9000 g2/n0 | tcp | socat listens 0.0.0.0:9000, g2#0 connects | connected | lo tcp 127.0.0.1:9000 from that end",
        );
    });
}

#[test]
fn two_cards_of_a_guest_have_a_cable_each_also_over_ipv6() {
    on_stage(|stage| {
        // The kernel gives loopback its address when it comes up with IPv6.
        fs::write("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "0").expect("a kernel with IPv6");
        ip("addr replace ::1/128 dev lo nodad");
        stage.qemu(
            "g1",
            "-netdev stream,id=n0,server=on,addr.type=inet,addr.host=::1,addr.port=8010 -device e1000,netdev=n0
             -netdev stream,id=n1,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=8011 -device e1000,netdev=n1",
        );
        stage.check(
            "tcp 127.0.0.1:8011 | tcp | g1#1 listens 127.0.0.1:8011 | nobody is connected | lo tcp 127.0.0.1:8011
             tcp [::1]:8010 | tcp | g1#0 listens [::1]:8010 | nobody is connected | lo tcp [::1]:8010",
        );
        stage.qemu(
            "g2",
            "-netdev stream,id=n0,server=off,addr.type=inet,addr.host=::1,addr.port=8010 -device e1000,netdev=n0
             -nic socket,connect=127.0.0.1:8011,model=e1000",
        );
        stage.check(
            "tcp 127.0.0.1:8011 | tcp | g1#1 listens 127.0.0.1:8011, g2#1 connects | connected | lo tcp 127.0.0.1:8011
             tcp [::1]:8010 | tcp | g1#0 listens [::1]:8010, g2#0 connects | connected | lo tcp [::1]:8010",
        );
    });
}

#[test]
fn a_group_of_one_is_alone_and_of_two_is_joined() {
    on_stage(|stage| {
        stage.qemu("m1", &format!("-netdev socket,id=n0,mcast=230.0.0.1:1234,localaddr=127.0.0.1 {CARD}"));
        stage.check(
            "multicast 230.0.0.1:1234 on lo | multicast | m1#0 230.0.0.1:1234 | nobody else is in the group | lo group 230.0.0.1:1234",
        );
        stage.qemu(
            "m2",
            &format!(
                "-netdev dgram,id=n0,remote.type=inet,remote.host=230.0.0.1,remote.port=1234,local.type=inet,local.host=127.0.0.1,local.port=1 {CARD}"
            ),
        );
        stage.check(
            "multicast 230.0.0.1:1234 on lo | multicast | m1#0 230.0.0.1:1234, m2#0 230.0.0.1:1234 | connected | lo group 230.0.0.1:1234",
        );
        stage.end("m1");
        stage.check(
            "multicast 230.0.0.1:1234 on lo | multicast | m2#0 230.0.0.1:1234 | nobody else is in the group | lo group 230.0.0.1:1234",
        );
    });
}

#[test]
fn datagrams_have_two_ends_by_address_or_by_path() {
    on_stage(|stage| {
        stage.qemu("d1", &format!("-netdev socket,id=n0,udp=127.0.0.1:7002,localaddr=:7001 {CARD}"));
        stage.qemu("x1", &format!("-netdev dgram,id=n0,local.type=unix,local.path=a,remote.type=unix,remote.path=b {CARD}"));
        stage.check(
            "udp 127.0.0.1:7001 127.0.0.1:7002 | udp | d1#0 127.0.0.1:7001 | not connected | lo udp 127.0.0.1:7001 127.0.0.1:7002
             unix datagram DIR/a DIR/b | unix datagram | x1#0 DIR/a | not connected | unseen: the guest has no monitor that could be asked",
        );
        stage.qemu(
            "d2",
            &format!(
                "-netdev dgram,id=n0,local.type=inet,local.host=127.0.0.1,local.port=7002,remote.type=inet,remote.host=127.0.0.1,remote.port=7001 {CARD}"
            ),
        );
        stage.qemu(
            "x2",
            &format!(
                "-netdev dgram,id=n0,local.type=unix,local.path=b,remote.type=unix,remote.path=a {CARD} -qmp unix:x2.qmp,server=on,wait=off"
            ),
        );
        stage.check(
            "udp 127.0.0.1:7001 127.0.0.1:7002 | udp | d1#0 127.0.0.1:7001, d2#0 127.0.0.1:7002 | connected | lo udp 127.0.0.1:7001 127.0.0.1:7002
             unix datagram DIR/a DIR/b | unix datagram | x1#0 DIR/a, x2#0 DIR/b | connected | asks unix:DIR/x2.qmp",
        );
    });
}

#[test]
fn a_unix_stream_is_listened_on_accepted_or_waits() {
    const UNSEEN: &str = "unseen: the guest has no monitor that could be asked";
    on_stage(|stage| {
        stage.qemu("s1", &format!("-netdev stream,id=n0,server=on,addr.type=unix,addr.path=w.sock {CARD}"));
        stage.check(&format!("unix stream DIR/w.sock | unix stream | s1#0 listens DIR/w.sock | nobody is connected | {UNSEEN}"));
        let connect = format!("-netdev stream,id=n0,server=off,addr.type=unix,addr.path=w.sock {CARD}");
        stage.qemu("s2", &connect);
        let both = format!("unix stream DIR/w.sock | unix stream | s1#0 listens DIR/w.sock, s2#0 connects | connected | {UNSEEN}");
        stage.check(&both);
        stage.qemu("s3", &connect);
        stage.check(&format!(
            "{both}
             unix stream DIR/w.sock s3/n0 | unix stream | s1 listens DIR/w.sock, s3#0 connects | never accepted by the listener | \
             unseen: the listener has another peer and did not accept it: its frames wait in the kernel"
        ));
    });
}

#[test]
fn a_pair_of_sockets_that_a_launcher_made_joins_two_guests() {
    on_stage(|stage| {
        let (one, other) = UnixStream::pair().expect("a pair");
        for (name, socket) in [("f1", &one), ("f2", &other)] {
            // dup(2) leaves the mark behind that closes a descriptor at exec.
            let copy = nix::unistd::dup(socket.as_fd()).expect("a descriptor");
            stage.qemu(name, &format!("-netdev socket,id=n0,fd={} {CARD}", copy.as_raw_fd()));
        }
        drop((one, other));
        stage.check("descriptor f1/n0 | unix stream | f1#0, f2#0 | connected | unseen: the guest has no monitor that could be asked");
    });
}

#[test]
fn what_no_socket_carries_is_asked_for_or_is_said_to_be_unseen() {
    on_stage(|stage| {
        stage.start("vde", "vde_switch", &["-sock", "v.ctl", "-nostdin"]);
        let deadline = Instant::now() + PATIENCE;
        while !stage.directory.join("v.ctl/ctl").exists() {
            assert!(Instant::now() < deadline, "vde_switch did not start");
            std::thread::yield_now();
        }
        stage.qemu("u1", &format!("-netdev user,id=n0 {CARD} -qmp unix:u1.qmp,server=on,wait=off"));
        stage.qemu("u2", "-nic user,model=e1000 -monitor unix:u2.hmp,server=on,wait=off");
        stage.qemu("v1", &format!("-netdev vde,id=n0,sock=v.ctl {CARD} -qmp unix:v1.qmp,server=on,wait=off"));
        stage.qemu("l1", &format!("-netdev l2tpv3,id=n0,src=127.0.0.1,dst=127.0.0.1,udp=on,srcport=5001,dstport=5002,txsession=1 {CARD}"));
        stage.qemu("h1", "-chardev socket,id=c0,path=h.sock,server=on,wait=off -netdev vhost-user,id=n0,chardev=c0");
        stage.check(
            "l2tpv3 l1/n0 | l2tpv3 | l1#0 | unknown | unseen: the guest has no monitor that could be asked
             user u1/n0 | user | u1#0 | unknown | asks unix:DIR/u1.qmp
             user u2/#0 | user | u2#0 | unknown | asks somebody else
             vde DIR/v.ctl | vde | v1#0 DIR/v.ctl | unknown | asks unix:DIR/v1.qmp
             vhost-user DIR/h.sock | vhost-user | h1#0 listens DIR/h.sock | nobody is connected | \
             unseen: the frames are in memory that the guest shares with another program, past QEMU and the kernel",
        );
    });
}

#[test]
fn passt_is_known_by_its_name() {
    on_stage(|stage| {
        // passt gives the guest the host's addresses, and ends where there are none.
        lab::veth("up0", "up1");
        ip("addr add 203.0.113.2/24 dev up0");
        ip("route add default via 203.0.113.1");
        stage.start("passt", "passt", &["-q", "-f", "-s", "p.sock"]);
        let deadline = Instant::now() + PATIENCE;
        while !stage.directory.join("p.sock").exists() {
            assert!(Instant::now() < deadline, "passt did not start");
            std::thread::yield_now();
        }
        stage.qemu(
            "p1",
            &format!("-netdev stream,id=n0,server=off,addr.type=unix,addr.path=p.sock {CARD} -qmp unix:p1.qmp,server=on,wait=off"),
        );
        stage.check("unix stream DIR/p.sock | passt | passt listens DIR/p.sock, p1#0 connects | connected | asks unix:DIR/p1.qmp");
    });
}
