//! `tapscope list` over every kind of network card that QEMU knows how to connect: the whole of it, as text and as JSON.
//!
//! The guests are real QEMU processes that never start to run (`-S`): what is said of them comes from their command lines and sockets.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tapscope_lab::{Error, Lab, Namespace, Process};

const SOON: Duration = Duration::from_secs(20);

/// A QEMU without a kernel; it is there, with its sockets, when this returns.
fn qemu(lab: &Lab, host: &Namespace, name: &str, mac: u8, netdev: &str) -> Result<Process, Error> {
    let ready = lab.folder().join(format!("{name}.ready"));
    start(host, name, &ready, &mut command(host, name, &ready, mac, netdev))
}

fn start(host: &Namespace, name: &str, ready: &Path, command: &mut Command) -> Result<Process, Error> {
    let process = host.start(name, command)?;
    // Its serial port is opened behind its network, whatever the order of the command line (QEMU, `qemu_create_late_backends`).
    wait_until(name, || {
        assert!(process.is_running(), "{name}: {}", process.text().unwrap_or_default());
        UnixStream::connect(ready).is_ok()
    });
    Ok(process)
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn command(host: &Namespace, name: &str, ready: &Path, mac: u8, netdev: &str) -> Command {
    let mut command = host.command("qemu-system-x86_64");
    command.args(["-S", "-nodefaults", "-no-user-config", "-display", "none", "-M", "pc", "-m", "16", "-accel", "tcg"]);
    command.args(["-name", name, "-netdev", &format!("{netdev},id=n0")]);
    command.args(["-device", &format!("virtio-net-pci,netdev=n0,mac=52:54:00:00:00:{mac:02x},romfile=")]);
    command.arg("-chardev").arg(format!("socket,id=ready,path={},server=on,wait=off", ready.display()));
    command.args(["-serial", "chardev:ready"]);
    command
}

/// What `tapscope list` prints, without what differs from run to run.
fn list(lab: &Lab, host: &Namespace, guests: &[(&str, Process)], arguments: &[&str]) -> String {
    let mut command = host.command(env!("CARGO_BIN_EXE_tapscope"));
    command.args(["list", "--netns", "own"]).args(arguments);
    let output = command.output().expect("tapscope runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut text = String::from_utf8(output.stdout).expect("text");
    for (name, process) in guests {
        text = text.replace(&format!("qemu-system-x86_64 {}\n", process.pid()), &format!("qemu-system-x86_64 PID-{name}\n"));
    }
    let folder = lab.folder().display().to_string();
    if !text.contains(&folder) {
        return text;
    }
    // The folder's name is not always as long, and so are the columns.
    let squeezed = |line: &str| {
        let begin = line.len() - line.trim_start().len();
        let words: Vec<&str> = line[begin..].split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        format!("{}{}\n", &line[..begin], words.join("  "))
    };
    text.replace(&folder, "/run/lab").lines().map(squeezed).collect()
}

/// Process ids and namespaces differ from run to run.
fn without_numbers(value: &mut Value) {
    match value {
        Value::Array(rows) => rows.iter_mut().for_each(without_numbers),
        Value::Object(fields) => {
            for (key, value) in fields {
                if matches!(key.as_str(), "pid" | "netns") && value.is_number() {
                    *value = "a number".into();
                }
                without_numbers(value);
            }
        }
        _ => {}
    }
}

fn check(lab: &Lab, host: &Namespace, cards: &[(&'static str, u8, &str)], expected: Expect) -> Result<(), Error> {
    let mut guests = Vec::new();
    for &(name, mac, netdev) in cards {
        guests.push((name, qemu(lab, host, name, mac, netdev)?));
    }
    check_guests(lab, host, &guests, expected)
}

fn check_guests(lab: &Lab, host: &Namespace, guests: &[(&str, Process)], expected: Expect) -> Result<(), Error> {
    // A QEMU that has opened its sockets may not have come to accept who waits there.
    let is_expected = |text: &str| {
        let trimmed = |text: &str| text.trim().lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        trimmed(text) == trimmed(expected.data())
    };
    let deadline = Instant::now() + SOON;
    let mut text = list(lab, host, guests, &[]);
    while !is_expected(&text) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
        text = list(lab, host, guests, &[]);
    }
    expected.assert_eq(&text);
    Ok(())
}

#[test]
fn taps() -> Result<(), Error> {
    let lab = Lab::without_guests("taps")?;
    let host = lab.namespace("host")?;
    host.tap("tap0")?.tap("tap1")?.bridge("br0", ["tap0"])?.address("br0", "10.0.2.100/24")?;
    let cards =
        [("bridged", 1, "tap,ifname=tap0,script=no,downscript=no"), ("alone", 2, "tap,ifname=tap1,script=no,downscript=no,vhost=off")];
    check(
        &lab,
        &host,
        &cards,
        expect![[r#"
            Guests
              alone  qemu-system-x86_64 PID-alone
                virtio-net-pci 52:54:00:00:00:02  tap tap1
                  peer     this host
                  capture  at tap1, which changes nothing
              bridged  qemu-system-x86_64 PID-bridged
                virtio-net-pci 52:54:00:00:00:01  tap tap0, port of br0
                  peer     bridge br0
                  capture  at tap0, which changes nothing

            Bridges
              br0  10.0.2.100/24
                tap0             forwarding   bridged

            Points
              lo        loopback  not listened
              tap0      tap       listened  guest bridged, virtio-net-pci 52:54:00:00:00:01, port of br0
              tap1      tap       listened  guest alone, virtio-net-pci 52:54:00:00:00:02
              br0       bridge    listened
              not asked for: name it with -i
        "#]],
    )
}

#[test]
fn streams_over_tcp() -> Result<(), Error> {
    let lab = Lab::without_guests("streams_over_tcp")?;
    let host = lab.namespace("host")?;
    let stream = |server: &str| format!("stream,server={server},addr.type=inet,addr.host=127.0.0.1,addr.port=8030");
    let (served, goes) = (stream("on"), stream("off"));
    let cards = [
        ("waits", 1, "socket,listen=:8000"),
        ("g1", 2, "socket,listen=:8010"),
        ("g2", 3, "socket,connect=127.0.0.1:8010"),
        ("third", 4, "socket,connect=127.0.0.1:8010"),
        ("g3", 5, served.as_str()),
        ("g4", 6, goes.as_str()),
    ];
    check(
        &lab,
        &host,
        &cards,
        expect![[r#"
            Guests
              g1  qemu-system-x86_64 PID-g1
                virtio-net-pci 52:54:00:00:00:02  socket listen=:8010
                  peer     g2 52:54:00:00:00:03, connected
                  capture  its frames pass lo as tcp port 8010, which can be listened to without a change
              g2  qemu-system-x86_64 PID-g2
                virtio-net-pci 52:54:00:00:00:03  socket connect=127.0.0.1:8010
                  peer     g1 52:54:00:00:00:02, connected
                  capture  its frames pass lo as tcp port 8010, which can be listened to without a change
              g3  qemu-system-x86_64 PID-g3
                virtio-net-pci 52:54:00:00:00:05  stream server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=8030
                  peer     g4 52:54:00:00:00:06, connected
                  capture  its frames pass lo as tcp port 8030, which can be listened to without a change
              g4  qemu-system-x86_64 PID-g4
                virtio-net-pci 52:54:00:00:00:06  stream server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=8030
                  peer     g3 52:54:00:00:00:05, connected
                  capture  its frames pass lo as tcp port 8030, which can be listened to without a change
              third  qemu-system-x86_64 PID-third
                virtio-net-pci 52:54:00:00:00:04  socket connect=127.0.0.1:8010
                  peer     g1, never accepted by the listener
                  capture  its frames cannot be seen: the listener has another peer and did not accept it: its frames wait in the kernel; end the other peer and start this guest again, or join all of them by tapscope hub
              waits  qemu-system-x86_64 PID-waits
                virtio-net-pci 52:54:00:00:00:01  socket listen=:8000
                  peer     nobody is connected
                  capture  its frames pass lo as tcp port 8000, which can be listened to without a change

            Bridges
              none

            Points
              lo                           loopback  not listened
              tcp 127.0.0.1:8000           cable     listened  guest waits 52:54:00:00:00:01, nobody is connected
              tcp 127.0.0.1:8010           cable     listened  guest g1 52:54:00:00:00:02 to guest g2 52:54:00:00:00:03, connected
              tcp 127.0.0.1:8010 third/n0  cable     not listened, see above  guest g1 to guest third 52:54:00:00:00:04, never accepted by the listener
              tcp 127.0.0.1:8030           cable     listened  guest g3 52:54:00:00:00:05 to guest g4 52:54:00:00:00:06, connected
              not asked for: name it with -i
        "#]],
    )
}

#[test]
fn datagrams_and_groups() -> Result<(), Error> {
    let lab = Lab::without_guests("datagrams_and_groups")?;
    let host = lab.namespace("host")?;
    let cards = [
        ("g1", 1, "socket,udp=127.0.0.1:7002,localaddr=127.0.0.1:7001"),
        ("g2", 2, "socket,udp=127.0.0.1:7001,localaddr=127.0.0.1:7002"),
        ("nobody", 3, "socket,udp=127.0.0.1:7012,localaddr=127.0.0.1:7011"),
        ("g4", 4, "socket,mcast=230.0.0.1:1234,localaddr=127.0.0.1"),
        ("g5", 5, "socket,mcast=230.0.0.1:1234,localaddr=127.0.0.1"),
        ("alone", 6, "socket,mcast=230.0.0.2:1234,localaddr=127.0.0.1"),
    ];
    check(
        &lab,
        &host,
        &cards,
        expect![[r#"
            Guests
              alone  qemu-system-x86_64 PID-alone
                virtio-net-pci 52:54:00:00:00:06  socket mcast=230.0.0.2:1234,localaddr=127.0.0.1
                  peer     group 230.0.0.2:1234, nobody else is in the group
                  capture  its frames pass lo as udp to 230.0.0.2:1234, which can be listened to without a change
              g1  qemu-system-x86_64 PID-g1
                virtio-net-pci 52:54:00:00:00:01  socket udp=127.0.0.1:7002,localaddr=127.0.0.1:7001
                  peer     g2 52:54:00:00:00:02, connected
                  capture  its frames pass lo as udp between 127.0.0.1:7001 and 127.0.0.1:7002, which can be listened to without a change
              g2  qemu-system-x86_64 PID-g2
                virtio-net-pci 52:54:00:00:00:02  socket udp=127.0.0.1:7001,localaddr=127.0.0.1:7002
                  peer     g1 52:54:00:00:00:01, connected
                  capture  its frames pass lo as udp between 127.0.0.1:7001 and 127.0.0.1:7002, which can be listened to without a change
              g4  qemu-system-x86_64 PID-g4
                virtio-net-pci 52:54:00:00:00:04  socket mcast=230.0.0.1:1234,localaddr=127.0.0.1
                  peer     group 230.0.0.1:1234, with g5 52:54:00:00:00:05, connected
                  capture  its frames pass lo as udp to 230.0.0.1:1234, which can be listened to without a change
              g5  qemu-system-x86_64 PID-g5
                virtio-net-pci 52:54:00:00:00:05  socket mcast=230.0.0.1:1234,localaddr=127.0.0.1
                  peer     group 230.0.0.1:1234, with g4 52:54:00:00:00:04, connected
                  capture  its frames pass lo as udp to 230.0.0.1:1234, which can be listened to without a change
              nobody  qemu-system-x86_64 PID-nobody
                virtio-net-pci 52:54:00:00:00:03  socket udp=127.0.0.1:7012,localaddr=127.0.0.1:7011
                  peer     nobody is at 127.0.0.1:7012
                  capture  its frames pass lo as udp between 127.0.0.1:7011 and 127.0.0.1:7012, which can be listened to without a change

            Bridges
              none

            Points
              lo                                 loopback  not listened
              multicast 230.0.0.1:1234 on lo     cable     listened  guest g4 52:54:00:00:00:04 to guest g5 52:54:00:00:00:05, connected
              multicast 230.0.0.2:1234 on lo     cable     listened  guest alone 52:54:00:00:00:06, nobody else is in the group
              udp 127.0.0.1:7001 127.0.0.1:7002  cable     listened  guest g1 52:54:00:00:00:01 to guest g2 52:54:00:00:00:02, connected
              udp 127.0.0.1:7011 127.0.0.1:7012  cable     listened  guest nobody 52:54:00:00:00:03, not connected
              not asked for: name it with -i
        "#]],
    )
}

#[test]
fn what_no_device_carries() -> Result<(), Error> {
    let lab = Lab::without_guests("what_no_device_carries")?;
    let host = lab.namespace("host")?;
    let path = |name: &str| lab.folder().join(name).display().to_string();
    let unix = |server: &str| format!("stream,server={server},addr.type=unix,addr.path={}", path("wire"));
    let (served, goes) = (unix("on"), unix("off"));
    let cards = [
        ("user", 1, "user"),
        ("g1", 2, served.as_str()),
        ("g2", 3, goes.as_str()),
        ("l2tp", 4, "l2tpv3,src=127.0.0.1,dst=127.0.0.1,udp=on,srcport=7021,dstport=7022,txsession=1"),
    ];
    check(
        &lab,
        &host,
        &cards,
        expect![[r#"
            Guests
              g1  qemu-system-x86_64 PID-g1
                virtio-net-pci 52:54:00:00:00:02  stream server=on,addr.type=unix,addr.path=/run/lab/wire
                  peer  g2 52:54:00:00:00:03, connected
                  capture  its frames cannot be seen: the guest has no monitor that could be asked; start it with -qmp unix:/run/g1.qmp,server=on,wait=off
              g2  qemu-system-x86_64 PID-g2
                virtio-net-pci 52:54:00:00:00:03  stream server=off,addr.type=unix,addr.path=/run/lab/wire
                  peer  g1 52:54:00:00:00:02, connected
                  capture  its frames cannot be seen: the guest has no monitor that could be asked; start it with -qmp unix:/run/g1.qmp,server=on,wait=off
              l2tp  qemu-system-x86_64 PID-l2tp
                virtio-net-pci 52:54:00:00:00:04  l2tpv3 src=127.0.0.1,dst=127.0.0.1,udp=on,srcport=7021,dstport=7022,txsession=1
                  peer  l2tpv3
                  capture  its frames cannot be seen: the guest has no monitor that could be asked; start it with -qmp unix:/run/l2tp.qmp,server=on,wait=off
              user  qemu-system-x86_64 PID-user
                virtio-net-pci 52:54:00:00:00:01  user
                  peer  QEMU's user-mode stack
                  capture  its frames cannot be seen: the guest has no monitor that could be asked; start it with -qmp unix:/run/user.qmp,server=on,wait=off

            Bridges
              none

            Points
              lo  loopback  not listened
              l2tpv3 l2tp/n0  cable  not listened, see above  guest l2tp 52:54:00:00:00:04
              unix stream /run/lab/wire  cable  not listened, see above  guest g1 52:54:00:00:00:02 to guest g2 52:54:00:00:00:03, connected
              user user/n0  cable  not listened, see above  guest user 52:54:00:00:00:01
              not asked for: name it with -i
        "#]],
    )
}

#[test]
fn what_has_a_monitor_can_be_asked() -> Result<(), Error> {
    let lab = Lab::without_guests("what_has_a_monitor_can_be_asked")?;
    let host = lab.namespace("host")?;
    let path = |name: &str| lab.folder().join(name).display().to_string();
    let monitor = format!("unix:{},server=on,wait=off", path("g1.qmp"));
    let ready = lab.folder().join("g1.ready");
    let mut with_monitor = command(&host, "g1", &ready, 1, "user,net=192.168.7.0/24");
    let user = start(&host, "g1", &ready, with_monitor.args(["-qmp", &monitor]))?;
    check_guests(
        &lab,
        &host,
        &[("g1", user)],
        expect![[r#"
            Guests
              g1  qemu-system-x86_64 PID-g1
                virtio-net-pci 52:54:00:00:00:01  user net=192.168.7.0/24
                  peer  QEMU's user-mode stack
                  capture  QEMU gives a copy of its frames if it is asked, which changes the running guest: tapscope watch --qmp /run/lab/g1.qmp

            Bridges
              none

            Points
              lo  loopback  not listened
              user g1/n0  cable  not listened, see above  guest g1 52:54:00:00:00:01
              not asked for: name it with -i
        "#]],
    )
}

#[test]
fn what_other_programs_switch() -> Result<(), Error> {
    let lab = Lab::without_guests("what_other_programs_switch")?;
    let host = lab.namespace("host")?;
    let path = |name: &str| lab.folder().join(name).display().to_string();
    // It ends with its input.
    let _switch = host.start("switch", host.command("sh").args(["-c", &format!("sleep 1000 | vde_switch -s {}", path("switch"))]))?;
    wait_until("the switch is there", || lab.folder().join("switch/ctl").exists());
    let vde = qemu(&lab, &host, "vde", 1, &format!("vde,sock={}", path("switch")))?;
    // It waits for the other side before it does anything else.
    let mut shared = command(&host, "shared", &lab.folder().join("never"), 2, "vhost-user,chardev=c0");
    shared.arg("-chardev").arg(format!("socket,id=c0,path={},server=on", path("vhost")));
    let shared = host.start("shared", &mut shared)?;
    wait_until("it listens", || lab.folder().join("vhost").exists());
    check_guests(
        &lab,
        &host,
        &[("vde", vde), ("shared", shared)],
        expect![[r#"
            Guests
              shared  qemu-system-x86_64 PID-shared
                virtio-net-pci 52:54:00:00:00:02  vhost-user chardev=c0
                  peer  nobody is connected
                  capture  its frames cannot be seen: the frames are in memory that the guest shares with another program, past QEMU and the kernel; let that program mirror the port to a TAP: for Open vSwitch, ovs-vsctl … create Mirror …
              vde  qemu-system-x86_64 PID-vde
                virtio-net-pci 52:54:00:00:00:01  vde sock=/run/lab/switch
                  peer  vde at /run/lab/switch
                  capture  its frames cannot be seen: the guest has no monitor that could be asked; start it with -qmp unix:/run/vde.qmp,server=on,wait=off

            Bridges
              none

            Points
              lo  loopback  not listened
              vde /run/lab/switch  cable  not listened, see above  guest vde 52:54:00:00:00:01
              vhost-user /run/lab/vhost  cable  not listened, see above  guest shared 52:54:00:00:00:02, nobody is connected
              not asked for: name it with -i
        "#]],
    )
}

#[test]
fn a_hub_joins_cables_and_a_tap() -> Result<(), Error> {
    let lab = Lab::without_guests("a_hub_joins_cables_and_a_tap")?;
    let host = lab.namespace("host")?;
    host.tap("tap9")?.bridge("br0", ["tap9"])?;
    let mut hub = host.command(env!("CARGO_BIN_EXE_tapscope"));
    let hub = host.start("hub", hub.args(["hub", "--listen", "8010", "--connect", "127.0.0.1:8011", "--tap", "tap9"]))?;
    hub.wait_for("the hub forwards", SOON)?;
    let waits = qemu(&lab, &host, "waits", 1, "socket,listen=127.0.0.1:8011")?;
    hub.wait_for("at connect 127.0.0.1:8011", SOON)?;
    let goes = qemu(&lab, &host, "goes", 2, "socket,connect=127.0.0.1:8010")?;
    let text = list(&lab, &host, &[("waits", waits), ("goes", goes)], &[]).replace(&format!("process {}", hub.pid()), "process HUB");
    // The port that a guest comes from is another one each time.
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        if words[at - 1] == "and" && words[at].starts_with("127.0.0.1:") {
            words[at] = "127.0.0.1:PORT,".to_owned();
        }
    }
    let text = words.join(" ").replace(&format!("tapscope {}", hub.pid()), "tapscope HUB");
    expect![[r#"
        Guests
          goes  qemu-system-x86_64 PID-goes
            virtio-net-pci 52:54:00:00:00:02  socket connect=127.0.0.1:8010
              peer     tapscope (process HUB), connected
              capture  its frames pass lo as tcp between 127.0.0.1:8010 and 127.0.0.1:PORT, which can be listened to without a change
          waits  qemu-system-x86_64 PID-waits
            virtio-net-pci 52:54:00:00:00:01  socket listen=127.0.0.1:8011
              peer     tapscope (process HUB), connected
              capture  its frames pass lo as tcp port 8011, which can be listened to without a change

        Bridges
          br0
            tap9             forwarding   tapscope (process HUB)
          tapscope  process HUB, joins
            tcp 127.0.0.1:8010 goes/n0  goes
            tcp 127.0.0.1:8011  waits
            tap9

        Points
          lo                          loopback  not listened
          tap9                        tap       listened  port of br0
          br0                         bridge    listened
          tcp 127.0.0.1:8010 goes/n0  cable     listened  tapscope HUB to guest goes 52:54:00:00:00:02, connected
          tcp 127.0.0.1:8011          cable     listened  guest waits 52:54:00:00:00:01 to tapscope HUB, connected
          not asked for: name it with -i
    "#]]
    .assert_eq(&text);
    Ok(())
}

#[test]
fn programs_get_the_same_as_json() -> Result<(), Error> {
    let lab = Lab::without_guests("programs_get_the_same_as_json")?;
    let host = lab.namespace("host")?;
    let guests =
        [("waits", qemu(&lab, &host, "waits", 1, "socket,listen=127.0.0.1:8000")?), ("user", qemu(&lab, &host, "user", 2, "user")?)];
    let text = list(&lab, &host, &guests, &["--format", "json"]);
    let report: Value = serde_json::from_str(&text).expect("one JSON object");
    let points: Vec<&Value> = report["points"].as_array().expect("points").iter().filter(|point| point["kind"] == "cable").collect();
    let mut part = json!({ "guests": report["guests"], "cables": report["cables"], "points": points });
    without_numbers(&mut part);
    expect![[r#"
        {
          "cables": [
            {
              "ends": [
                {
                  "guest": "waits",
                  "local": "127.0.0.1:8000",
                  "nic": 0,
                  "path": null,
                  "pid": "a number",
                  "program": null,
                  "remote": null,
                  "role": "listens"
                }
              ],
              "key": "tcp 127.0.0.1:8000",
              "kind": "tcp",
              "netns": "a number",
              "sight": "carried",
              "sight_text": "its frames pass lo as tcp port 8000, which can be listened to without a change",
              "state": "nobody is connected"
            },
            {
              "ends": [
                {
                  "guest": "user",
                  "local": null,
                  "nic": 0,
                  "path": null,
                  "pid": "a number",
                  "program": null,
                  "remote": null,
                  "role": "peer"
                }
              ],
              "key": "user user/n0",
              "kind": "user",
              "netns": "a number",
              "sight": "unseen",
              "sight_text": "its frames cannot be seen: the guest has no monitor that could be asked; start it with -qmp unix:/run/user.qmp,server=on,wait=off",
              "state": "unknown"
            }
          ],
          "guests": [
            {
              "libvirt": false,
              "monitors": [],
              "name": "user",
              "netns": "a number",
              "nics": [
                {
                  "backend": {
                    "devices": [],
                    "hub": null,
                    "id": "n0",
                    "kind": "user",
                    "options": "",
                    "queues": 1,
                    "vhost": false
                  },
                  "default_mac": false,
                  "id": null,
                  "mac": "52:54:00:00:00:02",
                  "model": "virtio-net-pci",
                  "outlook": {
                    "cable": "user user/n0",
                    "peer": "QEMU's user-mode stack",
                    "sight": "unseen",
                    "sight_text": "its frames cannot be seen: the guest has no monitor that could be asked; start it with -qmp unix:/run/user.qmp,server=on,wait=off"
                  },
                  "started": null
                }
              ],
              "pid": "a number",
              "program": "qemu-system-x86_64",
              "run_state": null,
              "unreadable": null,
              "uuid": null
            },
            {
              "libvirt": false,
              "monitors": [],
              "name": "waits",
              "netns": "a number",
              "nics": [
                {
                  "backend": {
                    "devices": [],
                    "hub": null,
                    "id": "n0",
                    "kind": "socket",
                    "options": "listen=127.0.0.1:8000",
                    "queues": 1,
                    "vhost": false
                  },
                  "default_mac": false,
                  "id": null,
                  "mac": "52:54:00:00:00:01",
                  "model": "virtio-net-pci",
                  "outlook": {
                    "cable": "tcp 127.0.0.1:8000",
                    "peer": "nobody is connected",
                    "sight": "carried",
                    "sight_text": "its frames pass lo as tcp port 8000, which can be listened to without a change"
                  },
                  "started": null
                }
              ],
              "pid": "a number",
              "program": "qemu-system-x86_64",
              "run_state": null,
              "unreadable": null,
              "uuid": null
            }
          ],
          "points": [
            {
              "description": "guest waits 52:54:00:00:00:01, nobody is connected",
              "kind": "cable",
              "listened": true,
              "name": "tcp 127.0.0.1:8000",
              "namespace": null,
              "reason": null
            },
            {
              "description": "guest user 52:54:00:00:00:02",
              "kind": "cable",
              "listened": false,
              "name": "user user/n0",
              "namespace": null,
              "reason": "the guest has no monitor that could be asked: start it with -qmp unix:/run/user.qmp,server=on,wait=off"
            }
          ]
        }"#]].assert_eq(&serde_json::to_string_pretty(&part).expect("text"));
    Ok(())
}
