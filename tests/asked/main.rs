//! Guests behind QEMU's user-mode stack and on unix sockets, where no device carries the frames: captured by asking QEMU (`--qmp`).

mod interposed;
mod libvirt;
mod passt;
mod stalled;
mod whom;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tapscope_lab::{Error, Guest, Lab, Namespace, Process};

const SOON: Duration = Duration::from_secs(20);

fn tapscope(host: &Namespace, arguments: &[&str]) -> Command {
    let mut command = host.command(env!("CARGO_BIN_EXE_tapscope"));
    command.args(arguments);
    command
}

fn signal(process: &Process, signal: Signal) {
    kill(Pid::from_raw(process.pid().cast_signed()), signal).expect("sent");
}

/// Listens until [`report`], by asking `whom`; the filters are there when this returns.
fn listen(host: &Namespace, name: &str, whom: &[&str]) -> Result<Process, Error> {
    let mut arguments = vec!["show", "--live", "--netns", "own", "--for", "10m", "--format", "json"];
    arguments.extend(whom.iter().flat_map(|whom| ["--qmp", whom]));
    let process = host.start(name, &mut tapscope(host, &arguments))?;
    process.wait_for("added filters", SOON)?;
    Ok(process)
}

/// As [`listen`], and records it; [`keep`] keeps the recording.
fn record(lab: &Lab, host: &Namespace, name: &str, whom: &[&str], sign: &str) -> Result<Process, Error> {
    let file = lab.folder().join(format!("{name}.pcapng")).display().to_string();
    let mut arguments = vec!["show", "--live", "--netns", "own", "--for", "10m", "--format", "json", "-w", &file];
    arguments.extend(whom);
    let process = host.start(name, &mut tapscope(host, &arguments))?;
    process.wait_for(sign, SOON)?;
    Ok(process)
}

/// Looks whether the recording says what was seen, in a scenario's words; `TAPSCOPE_BLESS=1` makes it the scenario of that name.
fn keep(lab: &Lab, name: &str, words: &[&str]) {
    let file = lab.folder().join(format!("{name}.pcapng"));
    let shown = Command::new(env!("CARGO_BIN_EXE_tapscope")).args(["show", "--color", "never"]).arg(&file).output().expect("tapscope runs");
    // The first line says where the file was.
    let text = String::from_utf8_lossy(&shown.stdout).split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned());
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    for word in words {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
    if std::env::var_os("TAPSCOPE_BLESS").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario").join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(&file, folder.join("recording.pcapng")).expect("copied");
        let mut show = Command::new(env!("CARGO_BIN_EXE_tapscope"));
        let shown = show.args(["show", "--color", "never", "recording.pcapng"]).current_dir(&folder).output().expect("tapscope runs");
        std::fs::write(folder.join("expected.txt"), shown.stdout).expect("written");
    }
}

/// Ends it as ctrl-C does; gives what it shows, and what it said on standard error.
fn report(process: &Process) -> Result<(Value, String), Error> {
    signal(process, Signal::SIGINT);
    assert_eq!(process.finish(SOON)?, 0, "{}", process.text()?);
    let text = process.text()?;
    let line = text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON object in:\n{text}"));
    Ok((serde_json::from_str(line).expect("one JSON object"), text.replace(line, "")))
}

/// The ids of what tapscope added to a guest and is still there.
fn objects(guest: &Guest) -> Result<Vec<String>, Error> {
    let objects = guest.qmp("qom-list", json!({ "path": "/objects" }))?;
    let chardevs = guest.qmp("query-chardev", Value::Null)?;
    let ids = |rows: &Value, key: &str| -> Vec<String> {
        let rows = rows.as_array().expect("rows").iter().filter_map(|row| row[key].as_str().map(str::to_owned));
        rows.filter(|id| id.starts_with("tapscope")).collect()
    };
    Ok([ids(&objects, "name"), ids(&chardevs, "label")].concat())
}

fn rows<'a>(report: &'a Value, table: &str) -> &'a [Value] {
    report[table].as_array().unwrap_or_else(|| panic!("no {table} in {report}"))
}

fn has_point(report: &Value, name: &str) -> bool {
    rows(report, "points").iter().any(|point| point["name"] == name)
}

fn has_binding(report: &Value, mac: &str, ip: &str) -> bool {
    rows(report, "bindings").iter().any(|row| row["mac"] == mac && row["ip"] == ip)
}

/// Set-up 1 of the how-to: the guest is behind QEMU's user-mode stack; outside is one server, and a firewall that swallows ICMP.
fn outside(lab: &Lab) -> Result<Namespace, Error> {
    let (host, out) = (lab.namespace("host")?, lab.namespace("out")?);
    host.veth("vout", &out, "vin")?.address("vout", "203.0.113.2/24")?.resolver("203.0.113.1")?;
    host.must("ip route add default via 203.0.113.1")?;
    host.setting("net/ipv4/ping_group_range", "0 2147483647")?;
    host.nft(
        "table inet fw {
            chain out {
                type filter hook output priority 0; policy accept;
                oif \"vout\" meta l4proto icmp counter drop
            }
        }",
    )?;
    out.address("vin", "203.0.113.1/24")?;
    out.dnsmasq(["--listen-address=203.0.113.1", "--address=/web.lab.test/203.0.113.1"])?;
    std::fs::write(lab.folder().join("index.html"), "hello from outside\n").expect("written");
    let mut server = out.command("busybox");
    server.args(["httpd", "-f", "-p", "203.0.113.1:8080", "-h"]).arg(lab.folder());
    out.start("httpd", &mut server)?;
    Ok(host)
}

#[test]
fn set_up_1_a_guest_behind_the_user_mode_stack() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("set_up_1_a_guest_behind_the_user_mode_stack") else { return Ok(()) };
    let host = outside(&lab)?;
    let guest = lab.guest("g1").mac("52:54:00:12:34:57").ip("dhcp").user(&host).start()?;
    let show = record(&lab, &host, "user", &["--qmp", "g1"], "added filters")?;
    guest.wait_until_up()?;
    guest.must("ping -c2 -W5 10.0.2.2")?;
    guest.must("nslookup -type=a web.lab.test 10.0.2.3 | grep 203.0.113.1")?;
    guest.must("wget -qO- http://203.0.113.1:8080/ | grep hello")?;
    assert!(!guest.can("ping -c2 -W1 203.0.113.1")?, "the firewall swallows it");
    let (report, said) = report(&show)?;

    let pid = show.pid();
    let before = format!("adds filter objects tapscope-{pid}");
    let told = [before.as_str(), "to netdev n0 of g1, by its monitor unix:", "added filters", "removed filters"]
        .map(|words| said.find(words).unwrap_or_else(|| panic!("{words}: {said}")));
    assert!(told.is_sorted(), "{said}");
    assert_eq!(objects(&guest)?, [""; 0]);

    assert!(has_point(&report, "n0 of g1"), "{}", report["points"]);
    let known = &report["host"]["guests"][0];
    assert_eq!((&known["run_state"], &known["nics"][0]["started"]), (&json!("running"), &json!(true)), "{known}");
    let dhcp = &rows(&report, "dhcp")[0];
    assert!(dhcp.to_string().contains("10.0.2.15") && dhcp.to_string().contains("10.0.2.2"), "{dhcp}");
    assert!(has_binding(&report, "52:54:00:12:34:57", "10.0.2.15"), "{}", report["bindings"]);
    let echoes = rows(&report, "echoes");
    let fates = |to: &str| -> Vec<String> {
        echoes.iter().filter(|echo| echo.to_string().contains(&format!("\"{to}\""))).map(Value::to_string).collect()
    };
    assert_eq!((fates("10.0.2.2").len(), fates("203.0.113.1").len()), (2, 2), "{echoes:#?}");
    let flows = rows(&report, "flows");
    let reaches = |flow: &&Value| flow.to_string().contains("203.0.113.1") && flow.to_string().contains("8080");
    let flow = flows.iter().find(reaches).unwrap_or_else(|| panic!("{flows:#?}"));
    for way in ["a_to_b", "b_to_a"] {
        assert!(flow[way]["packets"].as_u64().is_some_and(|packets| packets >= 4), "{flow}");
    }
    assert!(flows.iter().any(|flow| flow.to_string().contains("10.0.2.3")), "DNS: {flows:#?}");
    keep(&lab, "user", &["10.0.2.15", "10.0.2.2", "203.0.113.1"]);
    Ok(())
}

#[test]
fn two_guests_on_a_unix_stream_are_seen_at_one_end() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("two_guests_on_a_unix_stream_are_seen_at_one_end") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let wire = lab.folder().join("wire").display().to_string();
    let stream = |server: &str| format!("stream,server={server},addr.type=unix,addr.path={wire}");
    let g1 = lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&host).netdev(&stream("on")).boot()?;
    let g2 = lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").within(&host).netdev(&stream("off")).boot()?;
    let show = record(&lab, &host, "unix-stream", &["--qmp", &g2.monitor().display().to_string()], "added filters")?;
    g1.must("ping -c3 -i0.2 -W5 10.0.2.101")?;
    let (report, _) = report(&show)?;
    let echoes = rows(&report, "echoes");
    assert_eq!(echoes.len(), 3, "{echoes:#?}");
    assert!(has_binding(&report, "52:54:00:12:34:57", "10.0.2.100") && has_binding(&report, "52:54:00:12:34:56", "10.0.2.101"));
    for guest in [&g1, &g2] {
        assert_eq!(objects(guest)?, [""; 0]);
    }
    keep(&lab, "unix-stream", &["10.0.2.100", "10.0.2.101"]);
    Ok(())
}

#[test]
fn who_cannot_be_asked_is_named_with_the_reason() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("who_cannot_be_asked_is_named_with_the_reason") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let guest = lab.guest("g1").ip("dhcp").user(&host).boot()?;
    let says = |whom: &str, words: &str| {
        let arguments = ["show", "--live", "--netns", "own", "--for", "3s", "--qmp", whom];
        let output = tapscope(&host, &arguments).output().expect("tapscope runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "{whom}: {said}");
    };
    says("g2", "no guest is called g2");
    says("/nonexistent/qmp", "no guest that is seen here has the monitor unix:/nonexistent/qmp");
    let _other = std::os::unix::net::UnixStream::connect(guest.monitor()).expect("a client");
    says("g1", "is busy: libvirt or another program holds it");
    assert_eq!(objects(&guest)?, [""; 0]);
    Ok(())
}

#[test]
fn the_monitor_for_people_and_one_by_tcp_do_as_well() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("the_monitor_for_people_and_one_by_tcp_do_as_well") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let human = lab.folder().join("human").display().to_string();
    let (monitor, tcp) = (format!("unix:{human},server=on,wait=off"), "tcp:127.0.0.1:4444,server=on,wait=off");
    let guest = lab.guest("g1").ip("dhcp").user(&host).arguments(["-monitor", &monitor, "-qmp", tcp]).boot()?;
    for (name, whom) in [("human", human.as_str()), ("tcp", "tcp:127.0.0.1:4444")] {
        let show = listen(&host, name, &[whom])?;
        guest.must("ping -c2 -i0.2 -W5 10.0.2.2")?;
        let (report, said) = report(&show)?;
        assert_eq!(rows(&report, "echoes").len(), 2, "{whom}: {said}");
        assert_eq!(report["host"]["guests"][0]["run_state"], "running", "{whom}");
        assert_eq!(objects(&guest)?, [""; 0], "{whom}: {said}");
    }
    Ok(())
}
