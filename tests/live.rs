//! The living host, with real guests: what `tapscope list`, `watch` and `show --live` say of it.

use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};
use tapscope_lab::{Error, Guest, Lab, Namespace, Process};

fn tapscope(host: &Namespace, arguments: &[&str]) -> Command {
    let mut command = host.command(env!("CARGO_BIN_EXE_tapscope"));
    command.args(arguments);
    command
}

fn output(host: &Namespace, arguments: &[&str]) -> String {
    let output = tapscope(host, arguments).output().expect("tapscope runs");
    assert!(output.status.success(), "tapscope {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn json(host: &Namespace, arguments: &[&str]) -> Value {
    serde_json::from_str(&output(host, arguments)).expect("one JSON object")
}

fn watch(host: &Namespace) -> Result<Process, Error> {
    let process = host.start("watch", &mut tapscope(host, &["watch", "--netns", "own", "--color", "never"]))?;
    process.wait_for("listening on", Duration::from_secs(10))?;
    Ok(process)
}

/// As ctrl-C does.
fn interrupt(process: &Process) {
    let pid = nix::unistd::Pid::from_raw(process.pid() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("sent");
}

/// The nodes of a kind, as `name: address address`.
fn nodes(report: &Value, kind: &str) -> Vec<String> {
    let nodes = report["nodes"].as_array().expect("nodes").iter().filter(|node| node["kind"] == kind);
    let line = |node: &Value| {
        let addresses = node["addresses"].as_array().expect("addresses").iter();
        let addresses: Vec<&str> = addresses.filter_map(|address| address["ip"].as_str()).collect();
        format!("{}: {}", node["name"].as_str().unwrap_or_default(), addresses.join(" "))
    };
    let mut lines: Vec<String> = nodes.map(line).collect();
    lines.sort();
    lines
}

/// What is attached to each link, as `link: node node`.
fn links(report: &Value) -> Vec<String> {
    let list = |name: &str| report[name].as_array().expect("rows").clone();
    let name_of = |id: &Value| {
        let node = list("nodes").into_iter().find(|node| node["id"] == *id).expect("a node");
        node["name"].as_str().unwrap_or_default().to_owned()
    };
    let mut lines: Vec<String> = list("links")
        .iter()
        .map(|link| {
            let mut nodes: Vec<String> =
                list("interfaces").iter().filter(|edge| edge["link"] == link["id"]).map(|edge| name_of(&edge["node"])).collect();
            nodes.sort();
            format!("{}: {}", link["name"].as_str().unwrap_or_default(), nodes.join(", "))
        })
        .collect();
    lines.sort();
    lines
}

fn findings(report: &Value) -> Vec<&str> {
    report["findings"].as_array().expect("findings").iter().filter_map(|finding| finding["code"].as_str()).collect()
}

/// Set-up 4 of the how-to: two guests on tap0 and tap1, joined by bridge0.
fn bridged(lab: &Lab, host_addresses_on: [&str; 2]) -> Result<(Namespace, [Guest; 2]), Error> {
    let host = lab.namespace("host")?;
    host.tap("tap0")?.tap("tap1")?.bridge("bridge0", ["tap0", "tap1"])?.forwards()?;
    host.address(host_addresses_on[0], "10.0.2.100/24")?.address(host_addresses_on[1], "10.0.3.100/24")?;
    let guests = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.101/16").tap(&host, "tap0"),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.3.101/16").tap(&host, "tap1"),
    ])?;
    Ok((host, guests))
}

#[test]
fn set_up_3_one_guest_on_a_tap() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("set_up_3_one_guest_on_a_tap") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.tap("tap0")?.address("tap0", "10.0.2.100/24")?;
    let guest = lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.101/24").tap(&host, "tap0").boot()?;

    let watch = watch(&host)?;
    guest.must("ping -c1 -W5 10.0.2.100")?;
    watch.wait_for("echo 10.0.2.101 -> 10.0.2.100", Duration::from_secs(5))?;
    let text = watch.text()?;
    assert!(text.contains("+ guest g1 (52:54:00:12:34:57) at tap0"), "{text}");

    let report = json(&host, &["show", "--live", "--for", "1s", "--netns", "own", "--format", "json"]);
    assert_eq!(nodes(&report, "guest"), ["g1: 10.0.2.101"]);
    assert_eq!(nodes(&report, "local"), ["this host: 10.0.2.100"]);
    assert_eq!(links(&report), ["tap0: g1, this host"]);
    assert_eq!(findings(&report), [""; 0]);
    Ok(())
}

#[test]
fn set_up_4_two_guests_on_a_bridge() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("set_up_4_two_guests_on_a_bridge") else { return Ok(()) };
    let (host, [g1, g2]) = bridged(&lab, ["bridge0", "bridge0"])?;

    let list = output(&host, &["list", "--netns", "own"]);
    for line in [
        "virtio-net-pci 52:54:00:12:34:57  tap tap0, port of bridge0",
        "bridge0  10.0.2.100/24 10.0.3.100/24",
        "tap1             forwarding   g2",
    ] {
        assert!(list.contains(line), "{line:?} is not in:\n{list}");
    }

    let watch = watch(&host)?;
    g1.must("ping -c1 -W5 10.0.3.101")?;
    g2.must("ping -c1 -W5 10.0.3.100")?;
    watch.wait_for("echo 10.0.2.101 -> 10.0.3.101", Duration::from_secs(5))?;
    watch.wait_for("echo 10.0.3.101 -> 10.0.3.100", Duration::from_secs(5))?;
    assert!(!g1.can("ping -c1 -W1 10.0.2.77")?, "nobody has that address");
    watch.wait_for("10.0.2.101 asks for 10.0.2.77: nobody answers", Duration::from_secs(5))?;

    // Guests that keep silent are known by the host's neighbour table.
    host.must("ping -c1 -W5 10.0.2.101")?;
    host.must("ping -c1 -W5 10.0.3.101")?;
    let report = json(&host, &["show", "--live", "--for", "1s", "--netns", "own", "--format", "json"]);
    assert_eq!(nodes(&report, "guest"), ["g1: 10.0.2.101", "g2: 10.0.3.101"]);
    assert_eq!(nodes(&report, "local"), ["this host: 10.0.2.100 10.0.3.100"]);
    assert_eq!(links(&report), ["bridge0: bridge0, this host", "tap0: bridge0, g1", "tap1: bridge0, g2"]);
    assert_eq!(findings(&report), [""; 0]);
    Ok(())
}

#[test]
fn an_echo_is_one_journey_over_all_points() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("an_echo_is_one_journey_over_all_points") else { return Ok(()) };
    let (host, [g1, _g2]) = bridged(&lab, ["bridge0", "bridge0"])?;
    let show = host.start("show", &mut tapscope(&host, &["watch", "--netns", "own", "--format", "json"]))?;
    show.wait_for("\"node-added\"", Duration::from_secs(10))?;
    g1.must("ping -c3 -i1 -W5 10.0.3.101")?;
    show.wait_for("echo-answered", Duration::from_secs(5))?;
    let text = show.text()?;
    let echoes: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|change| change["event"] == "echo-answered" && change["addresses"][0] == "10.0.2.101")
        .collect();
    assert!(!echoes.is_empty(), "{text}");
    for echo in echoes {
        // The request goes in at tap0 and out at tap1, the reply the other way; the bridge's own device is not on the way.
        assert_eq!(echo["points"], serde_json::json!(["tap0", "tap1", "tap1", "tap0"]), "{echo}");
    }
    Ok(())
}

#[test]
fn a_lease_is_told_message_by_message() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_lease_is_told_message_by_message") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.tap("tap0")?.bridge("br0", ["tap0"])?.address("br0", "10.0.2.1/24")?;
    let _server = host.dnsmasq(["--interface=br0", "--dhcp-range=10.0.2.50,10.0.2.59,1h"])?;
    let watch = watch(&host)?;
    let guest = lab.guest("g1").mac("52:54:00:12:34:57").ip("dhcp").tap(&host, "tap0").boot()?;
    watch.wait_for("DHCP 52:54:00:12:34:57 ACK 10.0.2.5", Duration::from_secs(30))?;
    let text = watch.text()?;
    let messages: Vec<&str> = text.lines().filter_map(|line| line.split("DHCP 52:54:00:12:34:57 ").nth(1)).collect();
    let kinds: Vec<&str> = messages.iter().filter_map(|message| message.split(' ').next()).collect();
    assert_eq!(kinds, ["DISCOVER", "OFFER", "REQUEST", "ACK"], "{text}");
    assert!(text.contains("by dhcp"), "{text}");
    guest.must("true")?;
    Ok(())
}

#[test]
fn addresses_on_the_taps_of_a_bridge_are_found() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("addresses_on_the_taps_of_a_bridge_are_found") else { return Ok(()) };
    let (host, [g1, _g2]) = bridged(&lab, ["tap0", "tap1"])?;
    assert!(!g1.can("ping -c1 -W1 10.0.2.100")?, "Linux does not deliver to a bridge's port");
    let report = json(&host, &["show", "--live", "--for", "1s", "--netns", "own", "--format", "json"]);
    assert_eq!(findings(&report).iter().filter(|code| **code == "IP_ON_BRIDGE_PORT").count(), 2, "{:?}", findings(&report));
    Ok(())
}

#[test]
fn a_guest_that_starts_again_is_the_same_and_its_capture_goes_on() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_guest_that_starts_again_is_the_same_and_its_capture_goes_on") else { return Ok(()) };
    let (host, [g1, g2]) = bridged(&lab, ["bridge0", "bridge0"])?;
    let watch = watch(&host)?;
    watch.wait_for("+ guest g1", Duration::from_secs(5))?;
    g1.stop();
    watch.wait_for("- guest g1", Duration::from_secs(5))?;
    g1.restart()?;
    g1.wait_until_up()?;
    g2.must("ping -c1 -W5 10.0.2.101")?;
    watch.wait_for("echo 10.0.3.101 -> 10.0.2.101", Duration::from_secs(5))?;
    let text = watch.text()?;
    assert!(text.matches("+ guest g1").count() == 2, "{text}");
    let after = text.split("- guest g1").nth(1).expect("what came after");
    assert!(after.contains("+ guest g1 (52:54:00:12:34:57) at tap0"), "{after}");
    Ok(())
}

#[test]
fn bulk_is_counted_once_and_who_is_followed_everywhere() -> Result<(), Error> {
    let lab = Lab::without_guests("bulk_is_counted_once_and_who_is_followed_everywhere")?;
    let host = lab.namespace("host")?;
    let (one, two) = (lab.namespace("one")?, lab.namespace("two")?);
    host.bridge("br0", [])?.veth("port1", &one, "eth0")?.veth("port2", &two, "eth0")?.port("br0", "port1")?.port("br0", "port2")?;
    one.address("eth0", "10.9.0.1/24")?;
    two.address("eth0", "10.9.0.2/24")?;
    one.must("ping -c1 -W5 10.9.0.2")?;
    // Datagrams to a port that nobody listens on: one of many is answered, by ICMP.
    let send =
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b'x' * 100, ('10.9.0.2', 9)) for _ in range(50)]";
    let packets_and_points = |arguments: &[&str]| -> Result<(u64, usize), Error> {
        let mut all = vec!["show", "--live", "--for", "60s", "--netns", "own", "--format", "json"];
        all.extend(arguments);
        let show = host.start("show", &mut tapscope(&host, &all))?;
        show.wait_for("listening on", Duration::from_secs(10))?;
        let sent = one.command("python3").args(["-c", send]).status().expect("python3 runs");
        assert!(sent.success());
        interrupt(&show);
        assert_eq!(show.finish(Duration::from_secs(10))?, 0);
        let text = show.text()?;
        let line = text.lines().find(|line| line.starts_with('{')).expect("a JSON object");
        let report: Value = serde_json::from_str(line).expect("one JSON object");
        let flows = report["flows"].as_array().expect("flows").clone();
        let flow = flows.iter().find(|flow| flow["protocol"] == 17 || flow["protocol"] == "udp").expect("the datagrams").clone();
        let packets = flow["a_to_b"]["packets"].as_u64().unwrap_or(0) + flow["b_to_a"]["packets"].as_u64().unwrap_or(0);
        Ok((packets, flow["points"].as_array().expect("points").len()))
    };
    assert_eq!(packets_and_points(&[])?, (50, 1));
    assert_eq!(packets_and_points(&["--follow", "10.9.0.1"])?.1, 2);
    Ok(())
}

#[test]
fn a_tap_that_is_made_again_is_listened_to_within_a_second() -> Result<(), Error> {
    let lab = Lab::without_guests("a_tap_that_is_made_again_is_listened_to_within_a_second")?;
    let host = lab.namespace("host")?;
    let peer = lab.namespace("peer")?;
    host.bridge("br0", [])?.address("br0", "10.9.0.1/24")?.veth("port0", &peer, "eth0")?.port("br0", "port0")?;
    peer.address("eth0", "10.9.0.2/24")?;
    let watch = watch(&host)?;
    peer.must("ping -c1 -W2 10.9.0.1")?;
    watch.wait_for("echo 10.9.0.2 -> 10.9.0.1", Duration::from_secs(5))?;
    host.must("ip link del port0")?;
    watch.wait_for("point port0 stopped", Duration::from_secs(2))?;
    host.veth("port0", &peer, "eth0")?.port("br0", "port0")?;
    peer.address("eth0", "10.9.0.2/24")?;
    let began = Instant::now();
    watch.wait_for("point port0 goes on", Duration::from_secs(5))?;
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    peer.must("ping -c1 -W2 10.9.0.1")?;
    let answered = |text: &str| text.matches("echo 10.9.0.2 -> 10.9.0.1").count() >= 2;
    let deadline = Instant::now() + Duration::from_secs(5);
    while !answered(&watch.text()?) {
        assert!(Instant::now() < deadline, "{}", watch.text()?);
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn an_ordinary_user_sees_the_topology_and_is_told_what_is_missing() -> Result<(), Error> {
    let lab = Lab::without_guests("an_ordinary_user_sees_the_topology_and_is_told_what_is_missing")?;
    let host = lab.namespace("host")?;
    host.tap("tap0")?.bridge("br0", ["tap0"])?.address("br0", "10.9.0.1/24")?;
    // The build's folder may be closed to others.
    let program = lab.folder().join("tapscope");
    std::fs::copy(env!("CARGO_BIN_EXE_tapscope"), &program).expect("copied");
    let run = |arguments: &[&str]| {
        let mut command = host.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(arguments);
        command.output().expect("setpriv runs")
    };
    let show = run(&["show", "--live", "--for", "100ms", "--netns", "own"]);
    let (out, err) = (String::from_utf8_lossy(&show.stdout), String::from_utf8_lossy(&show.stderr));
    assert!(show.status.success(), "{err}");
    assert!(out.contains("10.9.0.1/24  configured"), "{out}");
    assert!(err.contains("sudo setcap cap_net_raw,cap_net_admin+ep"), "{err}");
    let list = run(&["list", "--netns", "own"]);
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("tap0") && list.contains("CAP_NET_RAW"), "{list}");
    Ok(())
}

#[test]
fn who_may_not_ask_the_kernel_why_it_drops_packets_is_told_what_would_help() -> Result<(), Error> {
    let lab = Lab::without_guests("who_may_not_ask_the_kernel_why_it_drops_packets_is_told_what_would_help")?;
    let host = lab.namespace("host")?;
    host.tap("tap0")?.bridge("br0", ["tap0"])?.address("br0", "10.9.0.1/24")?;
    let program = lab.folder().join("tapscope");
    std::fs::copy(env!("CARGO_BIN_EXE_tapscope"), &program).expect("copied");
    let mut command = host.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    command.args(["why", "10.9.0.1", "10.9.0.2", "--netns", "own", "--listen", "100ms", "--drops"]);
    let output = command.output().expect("setpriv runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(4), "it answers all the same: {err}");
    let told = "cannot read why the kernel drops packets: tapscope may not use the kernel's tracing";
    assert!(err.contains(told) && err.contains("sudo tapscope"), "{err}");
    assert!(!err.contains("is on until"), "{err}");
    Ok(())
}

#[test]
fn the_kernels_tracing_is_as_before_also_after_a_tapscope_that_was_killed() -> Result<(), Error> {
    let lab = Lab::without_guests("the_kernels_tracing_is_as_before_also_after_a_tapscope_that_was_killed")?;
    let host = lab.namespace("host")?;
    host.tap("tap0")?.bridge("br0", ["tap0"])?.address("br0", "10.9.0.1/24")?;
    let instances = || {
        let list =
            "test -d /sys/kernel/tracing/instances || mount -t tracefs tracefs /sys/kernel/tracing; ls /sys/kernel/tracing/instances";
        let output = Command::new("unshare").args(["--mount", "sh", "-c", list]).output().expect("unshare runs");
        assert!(output.status.success(), "needs tracefs (CONFIG_TRACING): {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let ask = |name: &str| -> Result<(Process, String), Error> {
        let arguments = ["why", "10.9.0.1", "10.9.0.2", "--netns", "own", "--listen", "60s", "--drops"];
        let process = host.start(name, &mut tapscope(&host, &arguments))?;
        process.wait_for("listening on", Duration::from_secs(20))?;
        let text = process.text()?;
        let instance = text.split_once("tracing instance ").and_then(|(_, rest)| rest.split_whitespace().next()).map(str::to_owned);
        Ok((process, instance.unwrap_or_else(|| panic!("no instance: {text}"))))
    };
    let (killed, left) = ask("killed")?;
    let pid = nix::unistd::Pid::from_raw(killed.pid() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("sent");
    let deadline = Instant::now() + Duration::from_secs(20);
    while killed.is_running() {
        assert!(Instant::now() < deadline, "it is killed");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(instances().lines().any(|name| name == left), "who is killed leaves it");
    let (asks, own) = ask("asks")?;
    assert!(!instances().lines().any(|name| name == left), "the next one removes it");
    assert!(instances().lines().any(|name| name == own));
    interrupt(&asks);
    asks.finish(Duration::from_secs(20))?;
    assert!(!instances().lines().any(|name| name == own));
    assert!(asks.text()?.contains("skb:kfree_skb is off again"), "{}", asks.text()?);
    Ok(())
}

#[test]
fn what_is_wrong_in_a_bridge_is_said_unasked_under_the_names_of_causes() -> Result<(), Error> {
    let lab = Lab::without_guests("what_is_wrong_in_a_bridge_is_said_unasked_under_the_names_of_causes")?;
    let (host, a, b) = (lab.namespace("host")?, lab.namespace("a")?, lab.namespace("b")?);
    let _wires = (host.wire("tap0", &a, "eth0", "52:54:00:aa:00:01")?, host.wire("tap1", &b, "eth0", "52:54:00:aa:00:02")?);
    host.bridge("br0", ["tap0", "tap1"])?;
    let watch = watch(&host)?;
    host.must("ip link set tap1 mtu 1000")?;
    watch.wait_for("! MTU_MISMATCH tap1 has an MTU of 1000", Duration::from_secs(10))?;
    host.must("bridge link set dev tap0 state 0; ip link set tap1 mtu 1500")?;
    watch.wait_for("! PORT_STATE_DISABLED port tap0 is disabled", Duration::from_secs(10))?;
    watch.wait_for("MTU_MISMATCH no more", Duration::from_secs(10))?;
    let report = json(&host, &["show", "--live", "--for", "1s", "--netns", "own", "--format", "json"]);
    assert!(findings(&report).contains(&"PORT_STATE_DISABLED"), "{:?}", findings(&report));
    Ok(())
}

#[test]
fn what_cannot_be_done_is_said_before_anything_starts() -> Result<(), Error> {
    let lab = Lab::without_guests("what_cannot_be_done_is_said_before_anything_starts")?;
    let host = lab.namespace("host")?;
    let fails = |arguments: &[&str], code: i32, words: &str| {
        let output = tapscope(&host, arguments).output().expect("tapscope runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(err.contains(words), "{arguments:?}: {err}");
    };
    fails(&["watch", "-f", "hots 10.0.0.1", "--for", "1s"], 1, "hots 10.0.0.1");
    fails(&["watch", "--netns", "no-such-namespace", "--for", "1s"], 1, "no-such-namespace");
    fails(&["watch", "--for", "soon"], 64, "soon");
    fails(&["show", "--live", "file.pcap"], 64, "cannot be used with");
    Ok(())
}

#[test]
fn rules_of_the_firewall_are_listed_when_they_are_asked_for() -> Result<(), Error> {
    let lab = Lab::without_guests("rules_of_the_firewall_are_listed_when_they_are_asked_for")?;
    let host = lab.namespace("host")?;
    host.nft(
        "table inet filter {
            chain forward {
                type filter hook forward priority 0; policy accept;
                ip protocol icmp counter drop
            }
        }",
    )?;
    let rule = "nft inet filter forward";
    assert!(!output(&host, &["list", "--netns", "own"]).contains(rule));
    let list = output(&host, &["list", "--netns", "own", "--firewall"]);
    let line = list.lines().find(|line| line.contains(rule) && line.contains("icmp")).unwrap_or_else(|| panic!("{list}"));
    assert!(line.contains("drop") && line.ends_with("0 packets, 0 octets"), "{line}");
    Ok(())
}

#[test]
fn ctrl_c_ends_it_promptly() -> Result<(), Error> {
    let lab = Lab::without_guests("ctrl_c_ends_it_promptly")?;
    let host = lab.namespace("host")?;
    host.tap("tap0")?;
    let watch = watch(&host)?;
    let began = Instant::now();
    interrupt(&watch);
    assert_eq!(watch.finish(Duration::from_secs(5))?, 0);
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    Ok(())
}
