//! Scenarios: recordings of real guests, each with the text that `tapscope show` prints of it.
//!
//! Replaying them needs neither QEMU nor root. The tests that need both set the same up again with real guests, record it, and see that the
//! recording shows what was shown live; with `TAPSCOPE_BLESS=1` they replace the recording and its text.

use expect_test::expect_file;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tapscope_lab::{Error, Guest, Lab, Namespace};

const SOON: Duration = Duration::from_secs(20);
/// The largest recording that is kept; octets.
const LARGEST: u64 = 40_000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario").join(name)
}

/// What a recording shows.
fn replayed(folder: &Path, recording: &str) -> String {
    show(folder, &[recording])
}

fn show(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapscope"));
    let output = command.args(["show", "--color", "never"]).args(arguments).current_dir(folder).output().expect("tapscope runs");
    assert!(output.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn recordings_of_real_guests_show_what_they_always_showed() {
    let mut count = 0;
    for entry in fs::read_dir(folder("")).expect("the scenarios").map(|entry| entry.expect("one of them")) {
        if entry.path().join("recording.pcapng").exists() {
            expect_file![entry.path().join("expected.txt")].assert_eq(&replayed(&entry.path(), "recording.pcapng"));
            count += 1;
        }
    }
    assert!(count >= 8, "there are {count} scenarios");
}

/// The picture: without what only a file, or only a living host, has.
fn picture(text: &str) -> &str {
    text.find("\nTopology").map_or_else(|| panic!("no picture in:\n{text}"), |at| text[at..].trim_end())
}

/// What was shown live at several moments.
fn moments(text: &str) -> Vec<(&str, &str)> {
    text.split("\nAt ").skip(1).filter_map(|shown| shown.split_once('\n')).collect()
}

/// Records what guests do, and compares what was shown then with what the recording shows.
fn record(lab: &Lab, host: &Namespace, name: &str, happens: impl FnOnce() -> Result<(), Error>) -> Result<String, Error> {
    let path = lab.folder().join("recording.pcapng");
    let mut command = host.command(env!("CARGO_BIN_EXE_tapscope"));
    command.args(["show", "--live", "--for", "60s", "--every", "100ms", "--netns", "own", "--color", "never", "-w"]).arg(&path);
    let live = host.start("live", &mut command)?;
    live.wait_for("listening on", SOON)?;
    happens()?;
    assert_eq!(live.finish(SOON)?, 0, "{}", live.text()?);
    let text = live.text()?;
    let moments = moments(&text);
    assert!(moments.len() >= 3, "only {} moments:\n{text}", moments.len());
    for (at, shown) in &moments {
        assert_eq!(picture(&show(lab.folder(), &["recording.pcapng", "--until", at])), picture(shown), "replay equals live at {at}");
    }
    let shown = moments.last().map(|(_, shown)| (*shown).to_owned()).unwrap_or_default();
    assert_eq!(picture(&replayed(lab.folder(), "recording.pcapng")), picture(&shown), "replay equals live");
    let size = fs::metadata(&path).expect("the recording").len();
    assert!(size < LARGEST, "{name} has {size} octets");
    if std::env::var_os("TAPSCOPE_BLESS").is_some() {
        fs::create_dir_all(folder(name)).expect("a folder");
        fs::write(folder(name).join("recording.pcapng"), without_release(fs::read(&path).expect("the recording"))).expect("written");
        fs::write(folder(name).join("expected.txt"), replayed(&folder(name), "recording.pcapng")).expect("written");
    }
    Ok(shown)
}

/// A recording names the kernel that it was made with, which is of no interest in a scenario.
fn without_release(mut recording: Vec<u8>) -> Vec<u8> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("the kernel's release");
    let release = release.trim().as_bytes();
    while let Some(at) = recording.windows(release.len()).position(|octets| octets == release) {
        recording[at..at + release.len()].fill(b'x');
    }
    recording
}

/// Pings each guest from each other one, after they have forgotten each other's hardware addresses.
fn everybody_pings(guests: &[(&Guest, &str)]) -> Result<(), Error> {
    for (guest, _) in guests {
        guest.must("ip neigh flush all")?;
    }
    for (guest, own) in guests {
        for (_, other) in guests.iter().filter(|(_, other)| other != own) {
            guest.must(&format!("ping -c2 -i0.2 -W5 {other}"))?;
        }
    }
    Ok(())
}

/// How many frames of each guest a picture shows, as `g1: sent 4, received 4`.
fn traffic(shown: &str) -> Vec<String> {
    let mut lines: Vec<String> = shown
        .lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once("guest ")?;
            let (name, rest) = rest.split_once(' ')?;
            Some(format!("{name}: sent {}", rest.split_once("sent ")?.1))
        })
        .collect();
    lines.sort();
    lines
}

/// Set-up 2 of the how-to: two guests on a cable.
fn pair(name: &str, first: &str, second: &str) -> Result<(), Error> {
    let Some(lab) = Lab::or_say(name) else { return Ok(()) };
    let host = lab.namespace("host")?;
    // Who connects needs a listener.
    let g1 = lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&host).netdev(first).start()?;
    let g2 = lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").within(&host).netdev(second).boot()?;
    g1.wait_until_up()?;
    let shown = record(&lab, &host, name, || everybody_pings(&[(&g1, "10.0.2.100"), (&g2, "10.0.2.101")]))?;
    for words in ["10.0.2.100 -> 10.0.2.101: all 2 answered", "10.0.2.101 -> 10.0.2.100: all 2 answered", "nothing that these frames show"]
    {
        assert!(shown.contains(words), "{words:?} is not in:\n{shown}");
    }
    let traffic = traffic(&shown);
    assert_eq!(traffic.len(), 2, "{shown}");
    Ok(())
}

#[test]
fn a_cable_over_tcp_by_socket() -> Result<(), Error> {
    pair("cable-tcp-socket", "socket,listen=:8010", "socket,connect=127.0.0.1:8010")
}

#[test]
fn a_cable_over_tcp_by_stream() -> Result<(), Error> {
    let at = |server: &str| format!("stream,server={server},addr.type=inet,addr.host=127.0.0.1,addr.port=8010");
    pair("cable-tcp-stream", &at("on"), &at("off"))
}

#[test]
fn a_cable_of_datagrams_by_socket() -> Result<(), Error> {
    let at = |own: u16, other: u16| format!("socket,udp=127.0.0.1:{other},localaddr=127.0.0.1:{own}");
    pair("cable-udp-socket", &at(7001, 7002), &at(7002, 7001))
}

#[test]
fn a_cable_of_datagrams_by_dgram() -> Result<(), Error> {
    let at = |own: u16, other: u16| {
        format!("dgram,local.type=inet,local.host=127.0.0.1,local.port={own},remote.type=inet,remote.host=127.0.0.1,remote.port={other}")
    };
    pair("cable-udp-dgram", &at(7001, 7002), &at(7002, 7001))
}

#[test]
fn three_guests_in_a_group() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("three_guests_in_a_group") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let plan = |name: &str, last: u8| {
        let plan = lab.guest(name).mac(&format!("52:54:00:12:34:{last:02x}")).ip(&format!("10.0.2.{last}/24"));
        plan.within(&host).netdev("socket,mcast=230.0.0.1:1234,localaddr=127.0.0.1")
    };
    let [g1, g2, g3] = lab.boot([plan("g1", 100), plan("g2", 101), plan("g3", 102)])?;
    let guests = [(&g1, "10.0.2.100"), (&g2, "10.0.2.101"), (&g3, "10.0.2.102")];
    let shown = record(&lab, &host, "cable-multicast", || everybody_pings(&guests))?;
    assert_eq!(shown.matches(": all 2 answered").count(), 6, "QEMU's own echo is no second frame:\n{shown}");
    Ok(())
}

#[test]
fn two_guests_at_a_hub() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("two_guests_at_a_hub") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let hub = host.start("hub", host.command(env!("CARGO_BIN_EXE_tapscope")).args(["hub", "--listen", "127.0.0.1:8010"]))?;
    hub.wait_for("the hub forwards", SOON)?;
    let netdev = "socket,connect=127.0.0.1:8010";
    let [g1, g2] = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&host).netdev(netdev),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").within(&host).netdev(netdev),
    ])?;
    let shown = record(&lab, &host, "hub", || everybody_pings(&[(&g1, "10.0.2.100"), (&g2, "10.0.2.101")]))?;
    assert!(shown.contains("\n  tapscope (program)\n"), "it is what joins them:\n{shown}");
    // Two pings each way, their answers, and one or two for who has which address: each frame is seen at both cables, and is one for each guest.
    let counts: Vec<u32> = traffic(&shown).iter().flat_map(|line| numbers(line)).collect();
    assert_eq!(counts.len(), 4, "{shown}");
    assert!(counts.iter().all(|count| (4..=6).contains(count)), "{counts:?}:\n{shown}");
    assert_eq!(shown.matches(": all 2 answered").count(), 2, "{shown}");

    // A guest that starts again comes from another port, and its cable is the same.
    let watch = host.start("watch", host.command(env!("CARGO_BIN_EXE_tapscope")).args(["watch", "--netns", "own", "--color", "never"]))?;
    watch.wait_for("listening on 2 points", SOON)?;
    g1.restart()?;
    g1.must("ip addr add 10.0.2.110/24 dev eth0")?;
    g1.must("ping -c1 -W5 10.0.2.101")?;
    g2.must("ping -c1 -W5 10.0.2.110")?;
    watch.wait_for("echo 10.0.2.101 -> 10.0.2.110", SOON)?;
    assert_eq!(watch.finish(SOON)?, 0);
    let text = watch.text()?;
    assert!(text.contains("point tcp 127.0.0.1:8010 g1/n0 goes on"), "{text}");
    Ok(())
}

/// The two numbers of a line of [`traffic`].
fn numbers(line: &str) -> Vec<u32> {
    line.split("sent ").skip(1).flat_map(|rest| rest.split(", received ")).filter_map(|number| number.trim().parse().ok()).collect()
}

#[test]
fn a_cable_across_two_namespaces() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_cable_across_two_namespaces") else { return Ok(()) };
    let (one, two) = (lab.namespace("one")?, lab.namespace("two")?);
    one.veth("v1", &two, "v2")?.address("v1", "10.77.0.1/24")?;
    two.address("v2", "10.77.0.2/24")?;
    let g1 = lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&one).netdev("socket,listen=10.77.0.1:8010").start()?;
    let g2 = lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").within(&two).netdev("socket,connect=10.77.0.1:8010").boot()?;
    g1.wait_until_up()?;
    let mut command = one.command(env!("CARGO_BIN_EXE_tapscope"));
    command.args(["show", "--live", "--for", "60s", "--color", "never", "-i", "tcp*", "--netns", two.name()]);
    let live = one.start("live", &mut command)?;
    live.wait_for("listening on", SOON)?;
    everybody_pings(&[(&g1, "10.0.2.100"), (&g2, "10.0.2.101")])?;
    assert_eq!(live.finish(SOON)?, 0, "{}", live.text()?);
    let shown = live.text()?;
    let points: Vec<&str> =
        shown.lines().filter(|line| line.contains("guest g1 52:54:00:12:34:57 to guest g2 52:54:00:12:34:56, connected")).collect();
    assert_eq!(points.len(), 1, "{shown}");
    assert!(points[0].starts_with("  tcp 10.77.0.1:8010"), "{shown}");
    assert_eq!(traffic(&shown).len(), 2, "{shown}");
    assert_eq!(shown.matches(": all 2 answered").count(), 2, "{shown}");
    Ok(())
}

/// Set-up 4 of the how-to.
#[test]
fn two_guests_on_a_bridge() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("two_guests_on_a_bridge") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.tap("tap0")?.tap("tap1")?.bridge("bridge0", ["tap0", "tap1"])?.address("bridge0", "10.0.2.1/24")?;
    let [g1, g2] = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").tap(&host, "tap0"),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").tap(&host, "tap1"),
    ])?;
    let shown = record(&lab, &host, "bridge", || everybody_pings(&[(&g1, "10.0.2.100"), (&g2, "10.0.2.101")]))?;
    assert_eq!(shown.matches(": all 2 answered").count(), 2, "{shown}");
    Ok(())
}
