//! `tapscope hub` with real guests.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tapscope_lab::{Error, Lab, Namespace, Process};

const SOON: Duration = Duration::from_secs(10);

fn tapscope(host: &Namespace, arguments: &[&str]) -> Command {
    let mut command = host.command(env!("CARGO_BIN_EXE_tapscope"));
    command.args(arguments);
    command
}

fn hub(host: &Namespace, arguments: &[&str]) -> Result<Process, Error> {
    let mut all = vec!["hub", "--watch", "--color", "never"];
    all.extend(arguments);
    let process = host.start("hub", &mut tapscope(host, &all))?;
    process.wait_for("the hub forwards", SOON)?;
    Ok(process)
}

/// Waits until the process has said something so many times.
fn wait_for_times(process: &Process, words: &str, times: usize) -> Result<(), Error> {
    let deadline = Instant::now() + SOON;
    loop {
        let text = process.text()?;
        if text.matches(words).count() >= times {
            return Ok(());
        }
        assert!(Instant::now() < deadline, "{words:?} is not there {times} times:\n{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn unix_path(lab: &Lab) -> String {
    lab.folder().join("hub.sock").display().to_string()
}

/// The how-to's set-up 2, with a hub in between: one guest by TCP, the other by a unix stream.
#[test]
fn guests_on_tcp_and_on_a_path_reach_each_other_and_one_that_starts_again_has_its_port_again() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("guests_on_a_hub") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let path = unix_path(&lab);
    let hub = hub(&host, &["--listen", "127.0.0.1:8010", "--unix", &path])?;
    let by_path = format!("stream,server=off,addr.type=unix,addr.path={path}");
    let [g1, g2] = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&host).netdev("socket,connect=127.0.0.1:8010"),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").within(&host).netdev(&by_path),
    ])?;
    g1.must("ping -c2 -W5 10.0.2.101")?;
    g2.must("ping -c1 -W5 10.0.2.100")?;
    hub.wait_for("echo 10.0.2.101 -> 10.0.2.100", SOON)?;
    let text = hub.text()?;
    for words in [
        "listens at tcp 127.0.0.1:8010",
        "at tcp 127.0.0.1:8010\n",
        &format!("at unix {path}\n"),
        "10.0.2.100 is at 52:54:00:12:34:57",
        "10.0.2.101 is at 52:54:00:12:34:56",
        "echo 10.0.2.100 -> 10.0.2.101",
        ": answered after ",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    let port =
        |text: &str| text.lines().find(|line| line.contains("+ hub port") && line.contains(" at tcp ")).map(|line| line[13..25].to_owned());
    let before = port(&text).expect("the port of g1");

    g1.stop();
    hub.wait_for(&format!("- {}", &before[2..]), SOON)?;
    g1.restart()?;
    wait_for_times(&hub, &before, 2)?;
    g2.must("ping -c1 -W5 10.0.2.100")?;
    wait_for_times(&hub, "echo 10.0.2.101 -> 10.0.2.100", 2)?;

    assert_eq!(hub.finish(SOON)?, 0);
    let text = hub.text()?;
    assert!(text.contains("hub port 1 (52:54:00:12:34:5") && text.contains("hub port 2 (52:54:00:12:34:5"), "{text}");
    assert!(!text.contains("hub port 3") && text.contains(" 0 dropped"), "{text}");
    assert!(!Path::new(&path).exists(), "the hub removes its socket");
    Ok(())
}

/// A guest on a cable, and a guest on a TAP of the host's bridge, are one network.
#[test]
fn a_guest_that_listens_is_joined_with_the_bridge_of_a_tap() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_hub_joins_a_cable_and_a_tap") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.tap("tap0")?.tap("tap9")?.bridge("bridge0", ["tap0", "tap9"])?.address("bridge0", "10.0.2.1/24")?;
    let hub = hub(&host, &["--connect", "127.0.0.1:8011", "--tap", "tap9"])?;
    hub.wait_for("! connect 127.0.0.1:8011: cannot connect", SOON)?;
    let [g1, g2] = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&host).netdev("socket,listen=127.0.0.1:8011"),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").tap(&host, "tap0"),
    ])?;
    hub.wait_for("127.0.0.1:8011 at connect 127.0.0.1:8011", SOON)?;
    g1.must("ping -c1 -W5 10.0.2.101")?;
    g1.must("ping -c1 -W5 10.0.2.1")?;
    g2.must("ping -c1 -W5 10.0.2.100")?;
    // A checksum that the host's stack left unfinished, or a frame of many segments, would show here and nowhere with echoes.
    let serve = "import socket; s = socket.create_server(('10.0.2.1', 80)); print('serves', flush=True); \
                 c = s.accept()[0]; c.sendall(b'x' * 300000); c.close()";
    let server = host.start("server", host.command("python3").args(["-c", serve]))?;
    server.wait_for("serves", SOON)?;
    assert_eq!(g1.must("nc 10.0.2.1 80 </dev/null | wc -c")?.trim(), "300000");
    hub.wait_for("echo 10.0.2.101 -> 10.0.2.100", SOON)?;
    assert_eq!(hub.finish(SOON)?, 0);
    Ok(())
}

#[test]
fn what_the_hub_cannot_have_is_said_with_the_next_step() -> Result<(), Error> {
    let lab = Lab::without_guests("what_the_hub_cannot_have_is_said_with_the_next_step")?;
    let host = lab.namespace("host")?;
    let path = unix_path(&lab);
    host.tap("tap0")?.bridge("br0", [])?;
    let _first = hub(&host, &["--listen", "8010", "--unix", &path, "--tap", "tap0"])?;
    let fails = |arguments: &[&str], code: i32, words: &str| {
        let output = tapscope(&host, &[&["hub", "--for", "1s"], arguments].concat()).output().expect("tapscope runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(err.contains(words), "{arguments:?}: {err}");
    };
    fails(&["--listen", "8010"], 1, "cannot listen on 127.0.0.1:8010 (`ss -lnp` tells who does)");
    fails(&["--unix", &path], 1, "is there already");
    fails(&["--tap", "tap7", "--listen", "8011"], 1, "there is no TAP device tap7 (sudo ip tuntap add dev tap7");
    fails(&["--tap", "tap0", "--listen", "8011"], 1, "the TAP device tap0 is in use");
    fails(&["--tap", "br0", "--listen", "8011"], 1, "br0 is no TAP device");
    fails(&["--listen", ":8010"], 64, "for all addresses of this host 0.0.0.0:8010");
    Ok(())
}

#[test]
fn programs_read_what_passed_as_json() -> Result<(), Error> {
    let lab = Lab::without_guests("programs_read_what_passed_as_json")?;
    let host = lab.namespace("host")?;
    let hub = host.start("hub", &mut tapscope(&host, &["hub", "--format", "json"]))?;
    hub.wait_for("\"event\":\"listens\"", SOON)?;
    let peer = "import socket; s = socket.create_connection(('127.0.0.1', 8010)); \
                f = b'\\xff' * 6 + b'\\x02\\0\\0\\0\\0\\x01' + b'\\x88\\xb5' + b'x' * 46; s.sendall(len(f).to_bytes(4, 'big') + f)";
    assert!(host.command("python3").args(["-c", peer]).status().expect("python3 runs").success());
    hub.wait_for("port-down", SOON)?;
    assert_eq!(hub.finish(SOON)?, 0);
    let text = hub.text()?;
    let lines: Vec<serde_json::Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events, ["listens", "port-up", "port-down", "statistics"], "{text}");
    let port = &lines[3]["ports"][0];
    let told = ["received_frames", "received_octets", "sent_frames", "dropped_frames", "mac"].map(|key| port[key].to_string());
    assert_eq!(told, ["1", "60", "0", "0", "\"02:00:00:00:00:01\""], "{port}");
    Ok(())
}
