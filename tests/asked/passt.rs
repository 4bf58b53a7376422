//! A guest behind passt, which QEMU reaches by a unix stream.
//!
//! Without TCP: the passt of Debian 12 (2023-03-09) answers nothing any more after a guest's first TCP connection, with Linux 6.18, asked or not.

use super::*;

#[test]
fn a_guest_behind_passt_is_seen_by_asking_and_its_own_recording_is_named() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_guest_behind_passt_is_seen_by_asking") else { return Ok(()) };
    let (host, out) = (lab.namespace("host")?, lab.namespace("out")?);
    host.veth("vout", &out, "vin")?.address("vout", "203.0.113.2/24")?.resolver("203.0.113.1")?;
    host.must("ip route add default via 203.0.113.1")?;
    host.setting("net/ipv4/ping_group_range", "0 2147483647")?;
    // What goes to the router's address goes to this host's loopback, with passt.
    out.address("vin", "203.0.113.1/24")?.address("vin", "203.0.113.9/24")?;
    // passt becomes nobody before it makes its socket.
    let folder = lab.folder().join("passt");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("for nobody");
    let socket = folder.join("socket");
    host.start("passt", host.command("passt").args(["-f", "--mtu", "1500", "-s"]).arg(&socket))?;
    let by = std::time::Instant::now() + SOON;
    while !socket.exists() {
        assert!(std::time::Instant::now() < by, "passt makes no socket");
        std::thread::sleep(Duration::from_millis(10));
    }
    let stream = format!("stream,server=off,addr.type=unix,addr.path={}", socket.display());
    let guest = lab.guest("g1").mac("52:54:00:12:34:57").ip("dhcp").within(&host).netdev(&stream).start()?;
    let show = record(&lab, &host, "passt", &["--qmp", "g1"], "added filters")?;
    guest.wait_until_up()?;
    guest.must("ping -c2 -i0.2 -W5 203.0.113.9")?;
    let (report, _) = report(&show)?;
    assert_eq!(rows(&report, "points").iter().filter(|point| point["name"] == "n0 of g1").count(), 1);
    assert!(has_binding(&report, "52:54:00:12:34:57", "203.0.113.2"), "{}", report["bindings"]);
    assert_eq!(rows(&report, "echoes").len(), 2, "{}", report["echoes"]);
    assert!(rows(&report, "dhcp")[0].to_string().contains("203.0.113.2"), "{}", report["dhcp"]);
    let list = tapscope(&host, &["list", "--netns", "own"]).output().expect("tapscope runs");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("or start passt with --pcap FILE"), "{list}");
    keep(&lab, "passt", &["203.0.113.2", "203.0.113.9"]);
    Ok(())
}
