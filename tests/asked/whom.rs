//! Guests whose backends have names that QEMU made up, and what the other commands do with `--qmp`.

use super::*;

#[test]
fn backends_that_qemu_named_itself_are_found_and_every_command_asks() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("backends_that_qemu_named_itself_are_found") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let nic = ["-nic", "user,model=virtio-net-pci,mac={mac}"];
    let net = ["-net", "nic,model=virtio,macaddr={mac}", "-net", "user"];
    let [g1, g2] =
        lab.boot([lab.guest("g1").ip("dhcp").within(&host).attached(nic), lab.guest("g2").ip("dhcp").within(&host).attached(net)])?;
    let show = host
        .start("show", &mut tapscope(&host, &["show", "--live", "--netns", "own", "--for", "10m", "--format", "json", "--qmp", "all"]))?;
    for name in ["g1", "g2"] {
        show.wait_for(&format!("of {name}\n"), SOON)?;
    }
    for guest in [&g1, &g2] {
        guest.must("ping -c2 -i0.2 -W5 10.0.2.2")?;
    }
    let (report, said) = report(&show)?;
    let names: Vec<&str> = rows(&report, "points").iter().filter_map(|point| point["name"].as_str()).collect();
    assert!(names.len() == 2 && names.iter().all(|name| name.starts_with("#net")), "{names:?}: {said}");
    assert_eq!(rows(&report, "echoes").len(), 4, "{said}");
    for guest in report["host"]["guests"].as_array().expect("guests") {
        assert_eq!(guest["nics"].as_array().map(Vec::len), Some(1), "{guest}");
    }
    for guest in [&g1, &g2] {
        assert_eq!(objects(guest)?, [""; 0]);
    }

    let list = tapscope(&host, &["list", "--netns", "own", "--qmp", "all"]).output().expect("tapscope runs");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert_eq!(list.matches(", running").count(), 2, "{list}");
    assert_eq!(list.matches("; driver started, takes").count(), 2, "{list}");

    let file = lab.folder().join("recording.pcapng").display().to_string();
    let recording = host.start("record", &mut tapscope(&host, &["record", "--netns", "own", "--qmp", "g1", "-w", &file]))?;
    recording.wait_for("added filters", SOON)?;
    g1.must("ping -c2 -i0.2 -W5 10.0.2.2")?;
    signal(&recording, Signal::SIGINT);
    assert_eq!(recording.finish(SOON)?, 0, "{}", recording.text()?);
    let shown = tapscope(&host, &["show", "--format", "json", &file]).output().expect("tapscope runs");
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("one JSON object");
    assert_eq!(rows(&shown, "echoes").len(), 2, "{shown}");

    g1.must("ping -i0.2 10.0.2.2 >/dev/null 2>&1 &")?;
    let why = tapscope(&host, &["why", "g1", "10.0.2.2", "--netns", "own", "--listen", "4s", "--qmp", "g1"]).output();
    let why = why.expect("tapscope runs");
    let said = format!("{}{}", String::from_utf8_lossy(&why.stdout), String::from_utf8_lossy(&why.stderr));
    assert_eq!(why.status.code(), Some(0), "{said}");
    assert!(said.contains("added filters") && said.contains("removed filters"), "{said}");
    assert_eq!(objects(&g1)?, [""; 0]);
    Ok(())
}
