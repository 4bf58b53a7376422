//! A guest behind passt, which QEMU reaches by a unix stream.

use super::*;

#[test]
fn a_guest_behind_passt_is_seen_and_filters_come_and_go_twenty_times_without_a_loss() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_guest_behind_passt_is_seen") else { return Ok(()) };
    let host = outside(&lab)?;
    host.must("nft delete table inet fw")?;
    let bulk: Vec<u8> = (0..2_000_000u32).map(|number| (number % 251) as u8).collect();
    std::fs::write(lab.folder().join("bulk"), bulk).expect("written");
    // passt becomes nobody before it makes its socket.
    let folder = lab.folder().join("passt");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("for nobody");
    let socket = folder.join("socket");
    host.start("passt", host.command("passt").arg("-f").arg("-s").arg(&socket))?;
    let by = std::time::Instant::now() + SOON;
    while !socket.exists() {
        assert!(std::time::Instant::now() < by, "passt makes no socket");
        std::thread::sleep(Duration::from_millis(10));
    }
    let stream = format!("stream,server=off,addr.type=unix,addr.path={}", socket.display());
    let guest = lab.guest("g1").mac("52:54:00:12:34:57").ip("dhcp").within(&host).netdev(&stream).start()?;
    let show = record(&lab, &host, "passt", &["--qmp", "g1"], "added filters")?;
    guest.wait_until_up()?;
    guest.must("ping -c2 -i0.2 -W5 203.0.113.1")?;
    guest.must("wget -qO- http://203.0.113.1:8080/ | grep hello")?;
    let (report, _) = report(&show)?;
    assert_eq!(rows(&report, "points").iter().filter(|point| point["name"] == "n0 of g1").count(), 1);
    assert!(has_binding(&report, "52:54:00:12:34:57", "203.0.113.2"), "{}", report["bindings"]);
    assert_eq!(rows(&report, "echoes").len(), 2, "{}", report["echoes"]);
    assert!(rows(&report, "flows").iter().any(|flow| flow.to_string().contains("8080")), "{}", report["flows"]);
    let list = tapscope(&host, &["list", "--netns", "own"]).output().expect("tapscope runs");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("or start passt with --pcap FILE"), "{list}");
    keep(&lab, "passt", &["203.0.113.2", "203.0.113.1"]);

    guest.must("ping -i 0.05 203.0.113.1 >/tmp/pings 2>&1 &")?;
    guest.must("(while ! test -e /tmp/enough; do wget -qO- http://203.0.113.1:8080/bulk | md5sum; done) >/tmp/sums 2>&1 &")?;
    for round in 0..20 {
        let show = listen(&host, &format!("round{round}"), &["g1"])?;
        signal(&show, Signal::SIGINT);
        assert_eq!(show.finish(SOON)?, 0, "{}", show.text()?);
        assert_eq!(objects(&guest)?, [""; 0], "{round}");
    }
    guest.must(
        "touch /tmp/enough; sleep 1; killall -INT ping; sleep 1; grep ' 0% packet loss' /tmp/pings || { tail -3 /tmp/pings; false; }",
    )?;
    let sums = guest.must("sort /tmp/sums | uniq -c")?;
    assert_eq!(sums.trim().lines().count(), 1, "every copy is the same: {sums}");
    Ok(())
}
