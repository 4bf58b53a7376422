//! Recordings of the living host: what others read of them, what tapscope shows of them, and what happens when something goes wrong.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tapscope_lab::{Error, Lab, Namespace, Process};

const PATIENCE: Duration = Duration::from_secs(20);

fn tapscope(host: &Namespace, arguments: &[&str]) -> Command {
    let mut command = host.command(env!("CARGO_BIN_EXE_tapscope"));
    command.args(arguments);
    command
}

/// What a program prints that must succeed.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// What tshark prints of a file.
fn tshark(path: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.arg("-nr").arg(path).args(arguments).env("HOME", path.parent().expect("a folder"));
    output(&mut command).lines().map(str::to_owned).collect()
}

fn show(path: &Path) -> String {
    output(Command::new(env!("CARGO_BIN_EXE_tapscope")).args(["show", "--color", "never"]).arg(path))
}

/// The picture: without what only a file, or only a living host, has.
fn picture(text: &str) -> &str {
    text.find("\nTopology").map_or_else(|| panic!("no picture in:\n{text}"), |at| &text[at..])
}

fn start(host: &Namespace, name: &str, arguments: &[&str]) -> Result<Process, Error> {
    let process = host.start(name, &mut tapscope(host, arguments))?;
    process.wait_for("listening on", PATIENCE)?;
    Ok(process)
}

/// Two stations on a bridge of the host.
fn bridged(lab: &Lab) -> Result<(Namespace, [Namespace; 2]), Error> {
    let host = lab.namespace("host")?;
    let (one, two) = (lab.namespace("one")?, lab.namespace("two")?);
    host.bridge("br0", [])?.address("br0", "10.9.0.254/24")?;
    host.veth("port1", &one, "eth0")?.veth("port2", &two, "eth0")?.port("br0", "port1")?.port("br0", "port2")?;
    one.address("eth0", "10.9.0.1/24")?;
    two.address("eth0", "10.9.0.2/24")?;
    one.must("ping -c1 -W5 10.9.0.2")?;
    Ok((host, [one, two]))
}

/// Sends datagrams to a port that nobody listens on until it is stopped, each with a number, so many a second.
fn flood(from: &Namespace, to: &str, rate: u32) -> Result<Process, Error> {
    let program = format!(
        "import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
n = 0
while True:
    for _ in range({rate} // 100):
        s.sendto(n.to_bytes(8, 'big') + b'x' * 92, ('{to}', 9)); n += 1
    time.sleep(0.01)"
    );
    from.start("flood", from.command("python3").args(["-c", &program]))
}

fn path(lab: &Lab, name: &str) -> (PathBuf, String) {
    let path = lab.folder().join(name);
    let text = path.to_str().expect("a plain path").to_owned();
    (path, text)
}

/// Waits until something is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Watches while `happens`, then shows it, and what its recording shows.
fn live_and_replayed(lab: &Lab, host: &Namespace, happens: impl FnOnce() -> Result<(), Error>) -> Result<(String, String), Error> {
    let (file, name) = path(lab, "live.pcapng");
    let live = start(host, "live", &["show", "--live", "--for", "60s", "--netns", "own", "--color", "never", "-w", &name])?;
    happens()?;
    assert_eq!(live.finish(PATIENCE)?, 0, "{}", live.text()?);
    Ok((live.text()?, show(&file)))
}

#[test]
fn set_up_3_replays_as_it_was_live() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("set_up_3_replays_as_it_was_live") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.tap("tap0")?.address("tap0", "10.0.2.100/24")?;
    let guest = lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.101/24").tap(&host, "tap0").boot()?;
    let (live, replayed) = live_and_replayed(&lab, &host, || {
        guest.must("ping -c2 -W5 10.0.2.100")?;
        assert!(!guest.can("ping -c1 -W1 10.0.2.77")?);
        Ok(())
    })?;
    assert!(live.contains("guest g1"), "{live}");
    assert_eq!(picture(&replayed), picture(&live));
    Ok(())
}

#[test]
fn set_up_4_replays_as_it_was_live() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("set_up_4_replays_as_it_was_live") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.tap("tap0")?.tap("tap1")?.bridge("bridge0", ["tap0", "tap1"])?.forwards()?;
    host.address("bridge0", "10.0.2.100/24")?.address("bridge0", "10.0.3.100/24")?;
    let [g1, g2] = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.101/16").tap(&host, "tap0"),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.3.101/16").tap(&host, "tap1"),
    ])?;
    let (live, replayed) = live_and_replayed(&lab, &host, || {
        g1.must("ping -c2 -W5 10.0.3.101")?;
        host.must("ping -c1 -W5 10.0.2.101")?;
        // A guest that goes, and one whose port is taken out of the bridge.
        g2.stop();
        host.must("ip link set tap1 nomaster")?;
        assert!(!g1.can("ping -c1 -W1 10.0.3.101")?);
        Ok(())
    })?;
    assert!(live.contains("guest g1"), "{live}");
    assert_eq!(picture(&replayed), picture(&live));
    Ok(())
}

#[test]
fn a_bridge_whose_port_comes_and_goes_replays_as_it_was_live() -> Result<(), Error> {
    let lab = Lab::without_guests("a_bridge_whose_port_comes_and_goes_replays_as_it_was_live")?;
    let (host, [one, two]) = bridged(&lab)?;
    let (live, replayed) = live_and_replayed(&lab, &host, || {
        one.must("ping -c1 -W5 10.9.0.2")?;
        host.must("ip link del port2")?;
        assert!(!one.can("ping -c1 -W1 10.9.0.2")?);
        host.veth("port2", &two, "eth0")?.port("br0", "port2")?;
        two.address("eth0", "10.9.0.2/24")?;
        // It has another MAC address now.
        one.must("ip neigh flush all")?;
        wait_until("the station is there again", || one.can("ping -c1 -W1 10.9.0.2").expect("ping runs"));
        Ok(())
    })?;
    assert_eq!(picture(&replayed), picture(&live));
    Ok(())
}

#[test]
fn others_read_the_points_and_directions() -> Result<(), Error> {
    let lab = Lab::without_guests("others_read_the_points_and_directions")?;
    let (host, [one, _two]) = bridged(&lab)?;
    let (file, name) = path(&lab, "r.pcapng");
    let record = start(&host, "record", &["record", "--netns", "own", "-i", "port*", "-f", "icmp", "-w", &name])?;
    one.must("ping -c3 -i0.2 -W5 10.9.0.2")?;
    assert_eq!(record.finish(PATIENCE)?, 0, "{}", record.text()?);
    assert!(record.text()?.contains("12 packets,"), "{}", record.text()?);

    let packets = tshark(&file, &["-T", "fields", "-e", "frame.interface_name", "-e", "frame.packet_flags", "-e", "icmp.type"]);
    let mut expected = ["port1\t0x00000001\t8", "port2\t0x00000002\t8", "port2\t0x00000001\t0", "port1\t0x00000002\t0"].repeat(3);
    let mut found: Vec<&str> = packets.iter().map(String::as_str).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    assert!(tshark(&file, &["-Y", "_ws.malformed || pcapng"]).is_empty());

    let facts = output(Command::new("capinfos").arg(&file));
    for words in [
        "Number of packets:   12",
        "Capture application: tapscope ",
        "Number of interfaces in file: 2",
        "Name = port1",
        "Description = port of br0",
        "Filter string = icmp",
        "Speed = 10000000000",
        "Time precision = nanoseconds (9)",
        "Number of stat entries = 1",
    ] {
        assert!(facts.contains(words), "{words:?} is not in:\n{facts}");
    }
    Ok(())
}

#[test]
fn a_port_that_comes_back_goes_on_in_the_same_file() -> Result<(), Error> {
    let lab = Lab::without_guests("a_port_that_comes_back_goes_on_in_the_same_file")?;
    let (host, [one, two]) = bridged(&lab)?;
    let (file, name) = path(&lab, "r.pcapng");
    let record = start(&host, "record", &["record", "--netns", "own", "-i", "port1", "-f", "icmp", "-w", &name])?;
    let count = |at_least: usize| {
        wait_until("packets in the file", || file.exists() && tshark(&file, &["-Y", "icmp"]).len() >= at_least);
    };
    one.must("ping -c1 -W5 10.9.0.2")?;
    count(2);
    host.must("ip link del port1")?;
    host.veth("port1", &one, "eth0")?.port("br0", "port1")?;
    one.address("eth0", "10.9.0.1/24")?;
    // It has another MAC address now.
    two.must("ip neigh flush all")?;
    // It is listened to again within a second; until then pings are not recorded.
    wait_until("the port is listened to again", || {
        two.can("ping -c1 -W1 10.9.0.1").expect("ping runs") && tshark(&file, &["-Y", "icmp"]).len() >= 4
    });
    assert_eq!(record.finish(PATIENCE)?, 0, "{}", record.text()?);
    let facts = output(Command::new("capinfos").arg(&file));
    // The new device, and once more where it is described in another way meanwhile: it is a port of the bridge only after a moment.
    let names = facts.lines().filter(|line| line.trim() == "Name = port1").count();
    assert!((2..=3).contains(&names), "{facts}");
    let text = show(&file);
    assert_eq!(text.lines().filter(|line| line.starts_with("  port1: ETHERNET")).count(), 1, "one point:\n{text}");
    Ok(())
}

#[test]
fn killed_at_any_moment_the_file_has_all_that_is_older_than_a_fifth_of_a_second() -> Result<(), Error> {
    let lab = Lab::without_guests("killed_at_any_moment_the_file_has_all_that_is_older_than_a_fifth_of_a_second")?;
    let (host, [one, _two]) = bridged(&lab)?;
    let flood = flood(&one, "10.9.0.2", 20_000)?;
    for round in 0..4_u32 {
        let (file, name) = path(&lab, &format!("killed{round}.pcapng"));
        let record = start(&host, &format!("record{round}"), &["record", "--netns", "own", "-i", "port1", "-w", &name])?;
        // Some time later, which is another one each time.
        let since = u64::from(std::process::id().wrapping_mul(7919).wrapping_add(round * 104_729) % 400);
        wait_until("something is written", || size(&file) > 100_000 * u64::from(round) + since * 1000);
        let before = now();
        record.stop();
        let stamps = |lines: Vec<String>| lines.last().and_then(|line| line.parse::<f64>().ok()).expect("a time");
        // tshark complains of what is cut, and prints what is whole.
        let whole =
            Command::new("tshark").args(["-n", "-T", "fields", "-e", "frame.time_epoch", "-r"]).arg(&file).output().expect("tshark");
        let lines: Vec<String> = String::from_utf8_lossy(&whole.stdout).lines().map(str::to_owned).collect();
        let count = lines.len();
        let last = stamps(lines);
        // Ring, reader and order take some 20 ms, on a busy machine more, before the fifth of a second begins.
        assert!(before - last < 0.4, "round {round}: the last packet is {} s older than the end", before - last);
        let facts = Command::new("capinfos").arg("-c").arg(&file).output().expect("capinfos");
        assert!(String::from_utf8_lossy(&facts.stdout).contains("Number of packets"), "{facts:?}");
        let ours = Command::new(env!("CARGO_BIN_EXE_tapscope")).args(["show", "--format", "json"]).arg(&file).output().expect("tapscope");
        let ours: serde_json::Value = serde_json::from_slice(&ours.stdout).expect("JSON");
        assert_eq!(ours["files"][0]["packets"], count, "{}", ours["files"][0]);
    }
    flood.stop();
    Ok(())
}

fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.expect("after 1970").as_secs_f64()
}

#[test]
fn a_full_disk_ends_the_recording_with_the_reason_and_the_picture_lives_on() -> Result<(), Error> {
    let lab = Lab::without_guests("a_full_disk_ends_the_recording_with_the_reason_and_the_picture_lives_on")?;
    let (host, [one, _two]) = bridged(&lab)?;
    let flood = flood(&one, "10.9.0.2", 20_000)?;
    let (folder, disk) = path(&lab, "disk");
    std::fs::create_dir(&folder).expect("a folder");
    let program = env!("CARGO_BIN_EXE_tapscope");
    let (copy, to) = path(&lab, "copy.pcapng");
    // The mount is in a namespace that ends with the shell; what is on the disk is copied out of it.
    let run = |name: &str, words: String| -> Result<(i32, String), Error> {
        let script = format!("mount -t tmpfs -o size=2m none {disk} && {words}; status=$?; cp {disk}/r.pcapng {to}; exit $status");
        let process = host.start(name, host.command("unshare").args(["-m", "sh", "-c", &script]))?;
        wait_until("it ends by itself", || !process.is_running());
        Ok((process.finish(PATIENCE)?, process.text()?))
    };
    let whole = |text: &str| {
        let facts = output(Command::new("capinfos").arg("-c").arg(&copy));
        assert!(facts.contains("Number of packets"), "{facts}");
        assert!(tshark(&copy, &[]).len() > 5000, "{text}");
        show(&copy);
    };
    let (status, text) = run("full", format!("{program} record --netns own -i port1 --min-free 0 -w {disk}/r.pcapng"))?;
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("r.pcapng, which is whole up to there: No space left on device"), "{text}");
    whole(&text);
    let (status, text) = run("floor", format!("{program} record --netns own -i port1 -w {disk}/r.pcapng"))?;
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("should stay free (--min-free)"), "{text}");
    whole(&text);
    let (status, text) = run("quota", format!("ulimit -f 2000; {program} record --netns own -i port1 -w {disk}/r.pcapng"))?;
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("File too large"), "{text}");
    whole(&text);
    let (status, text) = run("watch", format!("{program} watch --netns own -i port1 --for 4s -w {disk}/r.pcapng"))?;
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("+ link port1") && text.contains("should stay free"), "{text}");
    flood.stop();
    Ok(())
}

#[test]
fn a_ring_keeps_the_latest_files_and_a_pipe_is_read_while_it_goes_on() -> Result<(), Error> {
    let lab = Lab::without_guests("a_ring_keeps_the_latest_files_and_a_pipe_is_read_while_it_goes_on")?;
    let (host, [one, _two]) = bridged(&lab)?;
    let flood = flood(&one, "10.9.0.2", 5000)?;
    let folder = lab.folder().join("ring");
    std::fs::create_dir(&folder).expect("a folder");
    let (_, name) = path(&lab, "ring/t.pcapng");
    let ring = ["record", "--netns", "own", "-i", "port1", "-q", "-b", "filesize:100", "-b", "files:3", "-c", "5000", "-w", &name];
    let record = host.start("ring", &mut tapscope(&host, &ring))?;
    wait_until("it ends by itself", || !record.is_running());
    assert_eq!(record.finish(PATIENCE)?, 0, "{}", record.text()?);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).expect("read").map(|entry| entry.expect("read").path()).collect();
    files.sort();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in &files {
        assert!(size(file) <= 100_000, "{}: {}", file.display(), size(file));
        // Each shows the whole host.
        assert!(show(file).contains("10.9.0.254/24"), "{}", file.display());
    }
    let pipe = format!(
        "{} record --netns own -i port1 -q -c 100 -w - | tshark -n -i - -T fields -e frame.interface_name",
        env!("CARGO_BIN_EXE_tapscope")
    );
    let pipe = output(host.command("sh").args(["-c", &pipe]).env("HOME", lab.folder()));
    assert_eq!(pipe.lines().filter(|line| *line == "port1").count(), 100, "{pipe}");
    flood.stop();
    Ok(())
}

#[test]
fn what_makes_no_sense_is_said() -> Result<(), Error> {
    let lab = Lab::without_guests("what_makes_no_sense_is_said")?;
    let host = lab.namespace("host")?;
    let (_, name) = path(&lab, "r.pcapng");
    let fails = |arguments: &[&str], code: i32, words: &str| {
        let output = tapscope(&host, &[&["record", "--netns", "own"], arguments].concat()).output().expect("tapscope runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(err.contains(words), "{arguments:?}: {err}");
    };
    fails(&[], 64, "--write <FILE>");
    fails(&["-w", &name, "-b", "files:3"], 64, "say also when one is full");
    fails(&["-w", "-", "-b", "filesize:3"], 64, "standard output is one");
    fails(&["-w", &name, "-a", "files:3"], 64, "say also when one is full, by -b");
    fails(&["-w", &name, "-a", "size:3"], 64, "duration, filesize, packets or files");
    fails(&["-w", "/no/such/folder/r.pcapng"], 1, "cannot record to /no/such/folder/r.pcapng: No such file or directory");
    Ok(())
}
