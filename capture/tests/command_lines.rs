//! What tapscope reads from command lines is what QEMU makes of them: each line is given to QEMU, which is asked `info network`.
//!
//! Needs root, ip(8) and qemu-system-x86_64: the TAPs that QEMU makes are in a network namespace of their own.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use tapscope_capture::qemu::command_line::CommandLine;
use tapscope_graph::host::BackendKind;

/// A network namespace that goes with the test.
struct Namespace(String);

impl Namespace {
    fn new(name: &str) -> Namespace {
        let name = format!("tapscope-{name}-{}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).status().expect("ip(8) is installed (iproute2)");
        assert!(made.success(), "no network namespace can be made: this test needs root");
        Namespace(name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// What QEMU says of its network: a line for each card with its backend, for each backend without one, and for what is on a hub.
fn asked(namespace: &Namespace, argv: &[String]) -> BTreeSet<String> {
    let mut qemu = Command::new("ip")
        .args(["netns", "exec", &namespace.0])
        .args(argv)
        .args(["-S", "-display", "none", "-serial", "none", "-monitor", "stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ip(8) is installed");
    qemu.stdin.take().expect("a pipe").write_all(b"info network\nquit\n").expect("QEMU reads");
    let output = qemu.wait_with_output().expect("QEMU ends");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout).replace('\r', ""), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{argv:?}: needs qemu-system-x86_64 (Debian: qemu-system-x86): {errors}");
    let mut out = BTreeSet::new();
    let (mut hub, mut card) = (None, None);
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("hub ") {
            hub = Some(format!("hub {number}: "));
            continue;
        }
        let is_below = line.starts_with(" \\ ");
        if !is_below {
            hub = None;
            out.extend(card.take().map(|card| format!("{card} <- nothing")));
        }
        let value = |key: &str| line.split([',', ' ']).find_map(|part| part.strip_prefix(key)).map(str::to_owned);
        if value("index=").is_none_or(|index| index != "0") {
            continue;
        }
        let kind = value("type=").expect("a type");
        let text = if kind == "nic" {
            format!("{} {}", value("model=").expect("a model"), value("macaddr=").expect("an address"))
        } else {
            kind.clone()
        };
        match (&hub, card.take()) {
            (Some(hub), _) => drop(out.insert(format!("{hub}{text}"))),
            (None, Some(card)) if is_below => drop(out.insert(format!("{card} <- {text}"))),
            (None, _) if kind == "nic" => card = Some(text),
            (None, _) => drop(out.insert(text)),
        }
    }
    out.extend(card.map(|card| format!("{card} <- nothing")));
    out
}

/// The same from the command line.
fn read(argv: &[String]) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for card in CommandLine::parse(argv).nics {
        let nic = card.nic;
        let hub = nic.backend.as_ref().and_then(|backend| backend.hub).map(|hub| format!("hub {hub}: "));
        let adapter = nic.model.map(|model| format!("{model} {}", nic.mac.expect("an address")));
        let backend = nic.backend.filter(|backend| backend.kind != BackendKind::Hubport).map(|backend| backend.kind.name().to_owned());
        match (hub, adapter, backend) {
            (Some(hub), adapter, backend) => out.extend([adapter, backend].into_iter().flatten().map(|what| format!("{hub}{what}"))),
            (None, Some(adapter), backend) => drop(out.insert(format!("{adapter} <- {}", backend.as_deref().unwrap_or("nothing")))),
            (None, None, backend) => out.extend(backend),
        }
    }
    out
}

#[test]
fn qemu_agrees_with_what_is_read_from_its_command_line() {
    let lines = [
        "",
        "-nodefaults",
        "-nic none",
        "-net none",
        "-M q35",
        "-M pc-q35-2.11",
        "-M pc-q35-2.12 -nic user",
        "-machine type=isapc",
        "-machine none",
        "-M microvm",
        "-M microvm -nic user",
        "-device rtl8139",
        "-netdev user,id=a",
        "--netdev user,id=a --device virtio-net,netdev=a",
        "-netdev {'type':'user','id':'a'} -device {'driver':'e1000','netdev':'a'}",
        "-nic user,model=virtio -nic user,mac=52:54:00:12:34:56 -nic user",
        "-device {\"driver\":\"rtl8139\"} -device e1000 -device e1000,mac=52:54:00:12:34:57 -device virtio-net -net nic -nic user -net user",
        "-net nic,model=rtl8139,macaddr=52:54:00:01:02:03 -net tap,script=no,downscript=no",
        "-net nic -net user -net nic,macaddr=0x102 -net socket,listen=127.0.0.1:8010",
        "-netdev tap,id=a,script=no,downscript=no -net nic,netdev=a,model=virtio",
        "-netdev user,id=u -netdev hubport,id=p0,hubid=7 -device e1000,netdev=p0 -netdev hubport,id=p1,hubid=7,netdev=u",
        "-netdev socket,id=s,udp=127.0.0.1:7001,localaddr=127.0.0.1:7002 -device e1000e,netdev=s,mac=52:54:00:00:00:01 -nic tap,script=no",
        "-netdev tap,id=a,ifname=x,,y,script=no -device virtio-net-pci,netdev=a,id=net0",
        "-netdev stream,id=a,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=8011 -device pcnet,netdev=a -nodefaults",
        "-nodefaults -name -net",
    ];
    let namespace = Namespace::new("lines");
    let up = Command::new("ip").args(["-n", &namespace.0, "link", "set", "lo", "up"]).status();
    assert!(up.is_ok_and(|status| status.success()));
    for line in lines {
        let mut argv = vec!["qemu-system-x86_64".to_owned()];
        argv.extend(line.split_whitespace().map(str::to_owned));
        assert_eq!(read(&argv), asked(&namespace, &argv), "{line}");
    }
}
