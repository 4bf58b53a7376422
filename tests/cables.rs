//! Guests joined without a TAP: what `tapscope list`, `watch` and `show --live` see of their cables, without touching them.

use serde_json::Value;
use std::process::Command;
use std::time::Duration;
use tapscope_lab::{Error, Lab, Namespace, Process};

const SOON: Duration = Duration::from_secs(10);

/// The kinds of cable that packets carry: what the first guest has, what the second has, and how the model calls it. The guests' addresses
/// on the cable number N are 10.0.N.100 and 10.0.N.101.
const CABLES: [(&str, &str, &str); 5] = [
    ("socket,listen=:8010", "socket,connect=127.0.0.1:8010", "tcp"),
    (
        "stream,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=8020",
        "stream,server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=8020",
        "tcp",
    ),
    ("socket,udp=127.0.0.1:7002,localaddr=127.0.0.1:7001", "socket,udp=127.0.0.1:7001,localaddr=127.0.0.1:7002", "udp"),
    (
        "dgram,local.type=inet,local.host=127.0.0.1,local.port=7011,remote.type=inet,remote.host=127.0.0.1,remote.port=7012",
        "dgram,local.type=inet,local.host=127.0.0.1,local.port=7012,remote.type=inet,remote.host=127.0.0.1,remote.port=7011",
        "udp",
    ),
    ("socket,mcast=230.0.0.1:1234,localaddr=127.0.0.1", "socket,mcast=230.0.0.1:1234,localaddr=127.0.0.1", "multicast"),
];

fn tapscope(host: &Namespace, arguments: &[&str]) -> Command {
    let mut command = host.command(env!("CARGO_BIN_EXE_tapscope"));
    command.args(arguments).args(["--netns", "own"]);
    command
}

fn json(host: &Namespace, arguments: &[&str]) -> Value {
    let output = tapscope(host, arguments).args(["--format", "json"]).output().expect("tapscope runs");
    assert!(output.status.success(), "tapscope {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn watch(host: &Namespace, arguments: &[&str]) -> Result<Process, Error> {
    let process = host.start("watch", tapscope(host, &["watch", "--color", "never"]).args(arguments))?;
    process.wait_for("listening on", SOON)?;
    Ok(process)
}

#[test]
fn set_up_2_guests_on_every_cable_that_packets_carry() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("set_up_2_guests_on_every_cable_that_packets_carry") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let plan = |name: &str, last: u8, own: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
        let nics = CABLES.iter().zip(2..);
        nics.fold(lab.guest(name).within(&host), |plan, (cable, number)| {
            let mac =
                if number == 2 { format!("52:54:00:12:34:{:x}", 0x57 - (last - 100)) } else { format!("52:54:00:0{number}:00:{last:x}") };
            plan.mac(&mac).ip(&format!("10.0.{number}.{last}/24")).netdev(own(cable))
        })
    };
    // Who connects needs a listener.
    let g1 = plan("g1", 100, |cable| cable.0).boot()?;
    let g2 = plan("g2", 101, |cable| cable.1).boot()?;

    // What is listened to, and how it is called.
    let list = json(&host, &["list"]);
    let mut points: Vec<String> = list["points"]
        .as_array()
        .expect("points")
        .iter()
        .filter(|point| point["kind"] == "cable")
        .map(|point| {
            format!(
                "{} {}: {}",
                point["name"].as_str().unwrap_or_default(),
                point["listened"],
                point["description"].as_str().unwrap_or_default()
            )
        })
        .collect();
    points.sort();
    assert_eq!(points.len(), CABLES.len(), "{points:#?}");
    let ends = |point: &String| point.contains("g1") && point.contains("g2") && point.contains(" true: ") && point.ends_with(", connected");
    assert!(points.iter().all(ends), "{points:#?}");

    // Pings both ways, on each.
    let watched = watch(&host, &[])?;
    for number in 2..7 {
        g1.must(&format!("ping -c1 -W5 10.0.{number}.101"))?;
        g2.must(&format!("ping -c1 -W5 10.0.{number}.100"))?;
        watched.wait_for(&format!("echo 10.0.{number}.100 -> 10.0.{number}.101"), SOON)?;
        watched.wait_for(&format!("echo 10.0.{number}.101 -> 10.0.{number}.100"), SOON)?;
    }

    // A guest that starts again: its listener waits for it, and the same point goes on.
    g2.restart()?;
    g2.must("ip addr add 10.0.2.111/24 dev eth0")?;
    g1.must("ping -c1 -W5 10.0.2.111")?;
    watched.wait_for("echo 10.0.2.100 -> 10.0.2.111", SOON)?;

    // All of it, in numbers: nobody lost anything, and multicast is there once.
    g1.must("for n in 2 3 4 5 6; do ping -i 0.2 10.0.$n.101 >/dev/null 2>&1 & done")?;
    let report = json(&host, &["show", "--live", "--for", "3s"]);
    let points = report["points"].as_array().expect("points");
    let packets = |key: &str| -> Vec<u64> {
        let named = points.iter().filter(|point| point["cable"].as_str().is_some_and(|cable| cable.starts_with(key)));
        named.filter_map(|point| point["packets"].as_u64()).collect()
    };
    let [tcp, udp, group] = ["tcp", "udp", "multicast"].map(packets);
    assert_eq!([tcp.len(), udp.len(), group.len()], [2, 2, 1], "{points:#?}");
    assert!(group[0] < tcp[0] * 3 / 2, "the same pings, so each frame is there once: {points:#?}");
    for point in points {
        assert!(point["packets"].as_u64().is_some_and(|frames| frames > 10), "{point}");
        assert!(point["lost"] == 0, "{point}");
    }

    // One cable, by its guest and by its name; and the filter is for its frames.
    let filtered = json(&host, &["show", "--live", "--for", "2s", "-i", "tcp*8010", "-f", "icmp"]);
    let points = filtered["points"].as_array().expect("points");
    assert_eq!(points.len(), 1, "{points:#?}");
    assert!(points[0]["packets"].as_u64().is_some_and(|frames| frames > 0), "{points:#?}");
    Ok(())
}
