//! Captures on their way: served by TCP, by ssh from another host, and into Wireshark's pipes.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tapscope_lab::{Error, Lab, Namespace, Process};

const TAPSCOPE: &str = env!("CARGO_BIN_EXE_tapscope");

/// A host that pings another over a bridge, without guests: five times a second, for as long as the lab lives.
struct Net {
    lab: Lab,
    host: Namespace,
    pings: Process,
}

impl Net {
    fn new(name: &str) -> Result<Option<Net>, Error> {
        let lab = match Lab::without_guests(name) {
            Ok(lab) => lab,
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "{name}: {why:?}");
                // Past the harness, which keeps what passing tests print to itself.
                let _ = writeln!(std::io::stderr(), "\nLEFT OUT: the test {name} did not run: {why:?}\n");
                return Ok(None);
            }
        };
        let (host, peer) = (lab.namespace("host")?, lab.namespace("peer")?);
        host.veth("port0", &peer, "eth0")?.bridge("br0", ["port0"])?.address("br0", "10.9.0.1/24")?;
        peer.address("eth0", "10.9.0.2/24")?;
        let pings = peer.start("ping", peer.command("ping").args(["-i", "0.2", "10.9.0.1"]))?;
        pings.wait_for("bytes from", Duration::from_secs(10))?;
        Ok(Some(Net { lab, host, pings }))
    }

    fn tapscope(&self, arguments: &[&str]) -> Command {
        let mut command = self.host.command(TAPSCOPE);
        command.args(arguments);
        command
    }

    fn json(&self, command: &mut Command) -> Value {
        let output = command.output().expect("tapscope runs");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("one JSON object")
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn echoes(report: &Value) -> usize {
    report["echoes"].as_array().expect("echoes").len()
}

fn points(report: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = report["points"].as_array().expect("points").iter().filter_map(|point| point["name"].as_str()).collect();
    names.sort_unstable();
    names
}

/// What tshark reads of a capture.
fn tshark(host: &Namespace, arguments: &[&str]) -> Vec<String> {
    let output = host.command("tshark").args(arguments).output().expect("tshark runs");
    assert!(output.status.success(), "tshark {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn whoever_connects_gets_the_picture_from_its_beginning() -> Result<(), Error> {
    let Some(net) = Net::new("whoever_connects")? else { return Ok(()) };
    let server = net.host.start("serve", &mut net.tapscope(&["record", "--serve", "57012", "--netns", "own"]))?;
    server.wait_for("serving at tcp://127.0.0.1:57012", Duration::from_secs(10))?;

    let there = "tcp://127.0.0.1:57012";
    let report = net.json(&mut net.tapscope(&["show", there, "--for", "2s", "--format", "json"]));
    assert_eq!(points(&report), ["br0", "port0"]);
    assert!(echoes(&report) > 4, "frames came as they were: {report}");
    assert_eq!(report["host"]["devices"].as_array().map(Vec::is_empty), Some(false), "and what the host says of itself");

    // A second one, later, and another program.
    let filtered = net.json(&mut net.tapscope(&["show", there, "--for", "1s", "--format", "json", "-f", "arp"]));
    assert_eq!((points(&filtered), echoes(&filtered)), (vec!["br0", "port0"], 0));
    let lines =
        tshark(&net.host, &["-i", "TCP@127.0.0.1:57012", "-c", "6", "-T", "fields", "-e", "frame.interface_name", "-e", "icmp.type"]);
    assert_eq!(lines.len(), 6);
    assert!(lines.iter().any(|line| line.starts_with("port0\t8") || line.starts_with("port0\t0")), "{lines:?}");

    let watch = net.host.start("watch", &mut net.tapscope(&["watch", there, "--color", "never"]))?;
    watch.wait_for("echo 10.9.0.2 -> 10.9.0.1", Duration::from_secs(10))?;
    let file = net.lab.folder().join("served.pcapng");
    let file = file.to_str().expect("UTF-8");
    let export = net.tapscope(&["export", there, "-o", file, "--for", "1s", "--point", "port0"]).output().expect("it runs");
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
    assert!(!tshark(&net.host, &["-r", file]).is_empty());

    assert_eq!(server.finish(Duration::from_secs(5))?, 0, "{}", server.text()?);
    until("the end of the stream", || (!watch.is_running()).then_some(()));
    assert!(watch.text()?.contains("the stream ended"), "{}", watch.text()?);
    Ok(())
}

#[test]
fn nobody_there_and_nothing_said_are_told_apart() {
    let run = |origin: &str| {
        let output = Command::new(TAPSCOPE).args(["show", origin, "--for", "1s"]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    // A port that is ours and on which nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let error = run(&format!("tcp://127.0.0.1:{port}"));
    assert!(error.contains("cannot connect") && error.contains("tapscope record --serve"), "{error}");
    let error = run("tcp://127.0.0.1:0");
    assert!(error.contains("tcp://127.0.0.1:57012"), "{error}");

    let talker = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = talker.local_addr().expect("an address").port();
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = talker.accept().expect("a client");
        socket.write_all(b"SSH-2.0-x\r\n").expect("written");
        // Until the client has seen enough.
        let _ = socket.read(&mut [0; 16]);
    });
    let error = run(&format!("tcp://127.0.0.1:{port}"));
    assert!(error.contains("is not a pcap or pcapng file"), "{error}");
    thread.join().expect("it ends");
}

#[test]
fn a_port_that_is_taken_is_said_and_nothing_is_recorded_to_nowhere() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = Command::new(TAPSCOPE).args(["record", "--serve", &address]).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && error.contains(&format!("cannot serve at {address}")), "{error}");
    let output = Command::new(TAPSCOPE).arg("record").output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--write <FILE>"), "it asks where to");
}

/// A real sshd in a namespace, with keys of its own.
struct Sshd {
    folder: PathBuf,
    _process: Process,
}

impl Sshd {
    const PORT: &str = "2222";

    /// None where there is no sshd, which is said; where all tests have to run, there is one.
    fn or_say(net: &Net, name: &str) -> Result<Option<Sshd>, Error> {
        if net.host.can("test -x /usr/sbin/sshd")? {
            return Sshd::start(net).map(Some);
        }
        assert!(std::env::var_os("CI").is_none(), "{name}: sshd is needed (apt-get install openssh-server)");
        let _ = writeln!(std::io::stderr(), "\nLEFT OUT: the test {name} did not run: there is no /usr/sbin/sshd (openssh-server)\n");
        Ok(None)
    }

    fn start(net: &Net) -> Result<Sshd, Error> {
        let folder = net.lab.folder().join("ssh");
        std::fs::create_dir_all(&folder).expect("a folder");
        // sshd's own, which its service makes when the system starts.
        std::fs::create_dir_all("/run/sshd").expect("sshd's folder");
        let path = |name: &str| folder.join(name).display().to_string();
        for key in ["host", "user"] {
            net.host.must(&format!("ssh-keygen -q -t ed25519 -N '' -f '{}'", path(key)))?;
        }
        std::fs::copy(folder.join("user.pub"), folder.join("authorized")).expect("copied");
        let sshd = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin yes\n",
            Sshd::PORT,
            path("host"),
            path("authorized")
        );
        std::fs::write(folder.join("sshd_config"), sshd).expect("written");
        let ssh = format!(
            "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  BatchMode yes\n  UserKnownHostsFile {}\n  StrictHostKeyChecking accept-new\n  LogLevel ERROR\n",
            path("user"),
            path("known")
        );
        std::fs::write(folder.join("ssh_config"), ssh).expect("written");
        let process = net.host.start("sshd", net.host.command("/usr/sbin/sshd").args(["-D", "-e", "-f", &path("sshd_config")]))?;
        process.wait_for("Server listening", Duration::from_secs(10))?;
        Ok(Sshd { folder, _process: process })
    }

    /// The system's ssh with these keys.
    fn tapscope(&self, net: &Net, arguments: &[&str]) -> Command {
        let mut command = net.tapscope(arguments);
        command.env("TAPSCOPE_SSH", format!("ssh -F {}", self.folder.join("ssh_config").display()));
        command
    }

    fn place(program: &str) -> String {
        format!("ssh://root@127.0.0.1:{}{program}", Sshd::PORT)
    }
}

#[test]
fn another_host_is_seen_by_ssh_without_what_ssh_itself_sends() -> Result<(), Error> {
    let Some(net) = Net::new("another_host_by_ssh")? else { return Ok(()) };
    let Some(sshd) = Sshd::or_say(&net, "another_host_is_seen_by_ssh_without_what_ssh_itself_sends")? else { return Ok(()) };
    let there = Sshd::place(TAPSCOPE);

    // On loopback the stream itself passes: it would carry what it carries.
    let show = ["show", &there, "--for", "3s", "--format", "json", "--netns", "own", "-i", "lo", "-i", "port0"];
    let report = net.json(&mut sshd.tapscope(&net, &show));
    assert_eq!(points(&report), ["lo", "port0"]);
    assert!(echoes(&report) > 4, "{report}");
    let own = |flow: &&Value| [&flow["a"]["port"], &flow["b"]["port"]].iter().any(|port| **port == 2222);
    assert_eq!(report["flows"].as_array().expect("flows").iter().filter(own).count(), 0, "its own stream is not captured");
    let devices = report["host"]["devices"].as_array().expect("devices");
    assert!(devices.iter().any(|device| device["name"] == "br0"), "what the host says comes, too");

    let filtered =
        net.json(&mut sshd.tapscope(&net, &["show", &there, "--for", "1s", "--format", "json", "--netns", "own", "-f", "arp or tcp"]));
    assert_eq!(echoes(&filtered), 0, "the filter works there");

    let watch = net.host.start("watch", &mut sshd.tapscope(&net, &["watch", &there, "--netns", "own", "--for", "20s"]))?;
    watch.wait_for("echo 10.9.0.2 -> 10.9.0.1", Duration::from_secs(15))?;
    assert_eq!(watch.finish(Duration::from_secs(5))?, 0, "{}", watch.text()?);
    until("the remote tapscope's end", || net.host.can("pgrep -f '[r]ecord -w - -q --netns'").ok().filter(|runs| !runs));
    Ok(())
}

#[test]
fn what_is_wrong_with_ssh_is_said_with_the_next_step() -> Result<(), Error> {
    let Some(net) = Net::new("what_is_wrong_with_ssh")? else { return Ok(()) };
    let Some(sshd) = Sshd::or_say(&net, "what_is_wrong_with_ssh_is_said_with_the_next_step")? else { return Ok(()) };
    let error = |place: &str| {
        let output = sshd.tapscope(&net, &["show", place, "--for", "1s"]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    let missing = error(&Sshd::place("/opt/nowhere/tapscope"));
    assert!(
        missing.contains("tapscope is not there: scp -P 2222") && missing.contains("root@127.0.0.1:/opt/nowhere/tapscope"),
        "{missing}"
    );
    let closed = error("ssh://root@127.0.0.1:2223");
    assert!(closed.contains("ssh says:") && closed.contains("refused"), "{closed}");
    let nobody = error(&format!("ssh://nobody-like-that@127.0.0.1:{}{TAPSCOPE}", Sshd::PORT));
    assert!(nobody.contains("ssh says:") && nobody.contains("Permission denied"), "{nobody}");
    let script = sshd.folder.join("says");
    std::fs::write(&script, "#!/bin/sh\nprintf 'no\\033[31mright\\n' >&2\nexit 3\n").expect("written");
    net.host.must(&format!("chmod +x '{}'", script.display()))?;
    let said = error(&Sshd::place(script.to_str().expect("UTF-8")));
    assert!(said.contains("exit code 3") && said.contains("no\\x1b[31mright"), "what it says is sanitised: {said}");
    Ok(())
}

/// Runs a command where the folder of Wireshark's capture programs is one of the test's own: in the mount namespace that each command of a
/// lab has for itself. (WIRESHARK_EXTCAP_DIR is nothing for root.)
fn beside_wireshark(net: &Net, program: &str, arguments: &[&str]) -> Command {
    let folders = net.host.must("tshark -G folders 2>/dev/null").expect("tshark runs");
    let folder =
        folders.lines().filter(|line| line.contains("xtcap path") && !line.contains("Personal")).find_map(|line| line.split_once(':'));
    let folder = folder.expect("an extcap folder").1.trim();
    let own = net.lab.folder().join("extcap");
    std::fs::create_dir_all(&own).expect("a folder");
    let script = format!("mount --bind '{}' '{folder}' && exec \"$@\"", own.display());
    let mut command = net.host.command("sh");
    command.args(["-c", &script, "sh", program]).args(arguments);
    command
}

#[test]
fn wireshark_lists_the_places_and_captures_from_them() -> Result<(), Error> {
    let Some(net) = Net::new("wireshark_lists_the_places")? else { return Ok(()) };
    let tshark_in = |arguments: &[&str]| beside_wireshark(&net, "tshark", arguments).output().expect("tshark runs");
    let installed = beside_wireshark(&net, TAPSCOPE, &["extcap", "install"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&installed.stdout).into_owned();
    assert!(installed.status.success() && said.contains("shows tapscope's now"), "{said}{}", String::from_utf8_lossy(&installed.stderr));
    let list = tshark_in(&["-D"]);
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    for line in ["tapscope-all (tapscope: all guests, TAPs and bridges)", "tapscope-port0 (port0: port of br0", "tapscope-br0 (br0: "] {
        assert!(list.contains(line), "{line:?} is not in:\n{list}");
    }
    let types = tshark_in(&["-i", "tapscope-port0", "-L"]);
    assert!(String::from_utf8_lossy(&[types.stdout, types.stderr].concat()).contains("EN10MB"));

    // By filter.
    let file = net.lab.folder().join("arp.pcapng").display().to_string();
    let output = tshark_in(&["-i", "tapscope-port0", "-f", "icmp[icmptype] == 8", "-c", "4", "-a", "duration:20", "-w", &file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kinds = tshark(&net.host, &["-r", &file, "-T", "fields", "-e", "icmp.type"]);
    assert_eq!(kinds, ["8"; 4]);

    // Two at once, until both have come; then both end.
    let arguments = ["-i", "tapscope-port0", "-i", "tapscope-br0", "-l", "-T", "fields", "-e", "frame.interface_name"];
    let both = net.host.start("both", &mut beside_wireshark(&net, "tshark", &arguments))?;
    both.wait_for("port0", Duration::from_secs(20))?;
    both.wait_for("br0", Duration::from_secs(20))?;
    both.finish(Duration::from_secs(10))?;
    let left = |runs: bool| (!runs).then_some(());
    until("the end of both", || net.host.can("pgrep -f '[e]xtcap/tapscope --capture'").ok().and_then(left));

    // A wrong filter, and a place that is gone.
    let wrong = tshark_in(&["-i", "tapscope-port0", "-f", "hots x", "-a", "duration:5", "-c", "1"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("hots x"), "{}", String::from_utf8_lossy(&wrong.stderr));
    let gone = net.tapscope(&["--capture", "--extcap-interface=tapscope-tap7", "--fifo", "/nowhere"]).output().expect("it runs");
    assert!(!gone.status.success() && String::from_utf8_lossy(&gone.stderr).contains("there is no place tapscope-tap7"));

    let output = beside_wireshark(&net, TAPSCOPE, &["extcap", "uninstall"]).output().expect("it runs");
    assert!(output.status.success() && !net.lab.folder().join("extcap/tapscope").exists());
    Ok(())
}

#[test]
fn a_capture_for_wireshark_ends_when_it_is_told_and_when_nobody_reads() -> Result<(), Error> {
    let Some(net) = Net::new("a_capture_for_wireshark_ends")? else { return Ok(()) };
    for ends_by_signal in [true, false] {
        let fifo = net.lab.folder().join(format!("fifo-{ends_by_signal}"));
        net.host.must(&format!("mkfifo '{}'", fifo.display()))?;
        let path = fifo.to_str().expect("UTF-8");
        // A filter that nothing passes: it must see the end without writing.
        let filter = if ends_by_signal { "icmp" } else { "tcp port 1" };
        let arguments = ["--capture", "--extcap-interface=tapscope-port0", "--fifo", path, "--extcap-capture-filter", filter];
        let capture = net.host.start(&format!("capture-{ends_by_signal}"), &mut net.tapscope(&arguments))?;
        let mut pipe = std::fs::File::open(&fifo).expect("opened");
        let mut magic = [0; 4];
        pipe.read_exact(&mut magic).expect("a header");
        assert_eq!(magic, [0x0a, 0x0d, 0x0d, 0x0a]);
        if ends_by_signal {
            let reader = std::thread::spawn(move || std::io::copy(&mut pipe, &mut std::io::sink()));
            assert_eq!(capture.finish(Duration::from_secs(5))?, 0, "{}", capture.text()?);
            reader.join().expect("it ends").expect("read");
        } else {
            drop(pipe);
            until("the capture's end", || (!capture.is_running()).then_some(()));
        }
    }
    Ok(())
}

#[test]
fn wireshark_is_given_a_capture_from_its_beginning_or_missed_with_the_next_step() -> Result<(), Error> {
    let Some(net) = Net::new("wireshark_is_given_a_capture")? else { return Ok(()) };
    let folder = net.lab.folder().join("bin");
    std::fs::create_dir_all(&folder).expect("a folder");
    let read = net.lab.folder().join("read.txt");
    // In its place, and as it is called: tshark reads the pipe.
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2 $3\" = '-k -i -' ] || exit 9\nexec tshark -r - -T fields -e frame.interface_name -e icmp.type >'{}'\n",
        read.display()
    );
    std::fs::write(folder.join("wireshark"), script).expect("written");
    net.host.must(&format!("chmod +x '{}/wireshark'", folder.display()))?;
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenario/bridge/recording.pcapng");
    let export = ["export", recording, "--wireshark", "--point", "tap1", "-f", "icmp"];
    let output = Command::new(TAPSCOPE).args(export).env("PATH", &path).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = std::fs::read_to_string(&read).expect("what it read");
    assert!(lines.lines().count() > 10 && lines.lines().all(|line| line.starts_with("tap1\t")), "{lines}");

    let mut live = net.tapscope(&["record", "--wireshark", "--netns", "own", "-i", "port0"]);
    let live = net.host.start("live", live.env("PATH", &path))?;
    live.wait_for("showing it to Wireshark", Duration::from_secs(10))?;
    // tshark writes its output in pieces: its end makes it whole.
    let sent = |text: &str| text.matches("bytes from").count();
    let pings = net.pings.text()?;
    until("more pings", || net.pings.text().ok().filter(|text| sent(text) > sent(&pings) + 10));
    live.finish(Duration::from_secs(5))?;
    let lines = until("what it read", || std::fs::read_to_string(&read).ok().filter(|text| text.contains("port0\t8")));
    assert!(lines.contains("port0\t0"), "{lines}");

    let output = Command::new(TAPSCOPE).args(export).env("PATH", "/nowhere").output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("wireshark is not installed (sudo apt-get install wireshark)"), "{error}");
    Ok(())
}

/// A client that reads nothing costs the others nothing.
#[test]
fn a_client_that_does_not_read_holds_nobody_up() -> Result<(), Error> {
    let Some(net) = Net::new("a_client_that_does_not_read")? else { return Ok(()) };
    let server = net.host.start("serve", &mut net.tapscope(&["record", "--serve", "57012", "--netns", "own"]))?;
    server.wait_for("serving at", Duration::from_secs(10))?;
    let stuck = net.host.start("stuck", net.host.command("socat").args(["-u", "TCP:127.0.0.1:57012", "EXEC:sleep 60"]))?;
    let report = net.json(&mut net.tapscope(&["show", "tcp://127.0.0.1:57012", "--for", "1s", "--format", "json"]));
    assert!(echoes(&report) > 1, "{report}");
    assert!(stuck.is_running());
    assert_eq!(server.finish(Duration::from_secs(10))?, 0);
    Ok(())
}
