//! Two guests on unix datagram sockets, whose names tapscope takes, with the user's yes.

use super::*;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

/// A socket that has a name.
fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|there| there.ino())
}

#[test]
fn a_unix_datagram_cable_is_stood_in_with_a_yes_and_loses_nothing_when_tapscope_comes_ends_and_is_killed() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_unix_datagram_cable_is_stood_in") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let paths = ["a", "b"].map(|name| lab.folder().join(name));
    let dgram = |own: &PathBuf, other: &PathBuf| {
        format!("dgram,local.type=unix,local.path={},remote.type=unix,remote.path={}", own.display(), other.display())
    };
    let [g1, g2] = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&host).netdev(&dgram(&paths[0], &paths[1])),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").within(&host).netdev(&dgram(&paths[1], &paths[0])),
    ])?;
    let own = paths.each_ref().map(|path| inode(path));
    let path = paths[0].display().to_string();

    let list = tapscope(&host, &["list", "--netns", "own"]).output().expect("tapscope runs");
    assert!(String::from_utf8_lossy(&list.stdout).contains(&format!("tapscope watch --interpose {path}")), "{list:?}");

    // Nobody said yes.
    let refused = tapscope(&host, &["watch", "--netns", "own", "--interpose", &path]).stdin(std::process::Stdio::null()).output();
    let refused = refused.expect("tapscope runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("will take the place of") && said.contains("say --yes"), "{said}");
    assert_eq!(paths.each_ref().map(|path| inode(path)), own);

    // It comes and goes while they ping.
    g1.must("ping -i 0.02 10.0.2.101 >/tmp/pings 2>&1 &")?;
    let show = record(&lab, &host, "unix-dgram", &["--interpose", &path, "--yes"], "took the place of")?;
    g2.must("ping -c3 -i0.2 -W5 10.0.2.100")?;
    let (report, said) = report(&show)?;
    assert!(said.contains(&format!("put back {path}")) && !said.contains("found no guest"), "{said}");
    assert_eq!(paths.each_ref().map(|path| inode(path)), own, "as it was");
    // The last one may be on its way when ping is ended: what counts is that no answer is missing between two others.
    let gaps = "awk -F'seq=' 'NF > 1 { split($2, a, \" \"); if (a[1] != n++) { print; lost = 1 } } END { exit lost || n < 10 }' /tmp/pings";
    g1.must(&format!("sleep 1; killall -INT ping; sleep 1; {gaps} || {{ tail -3 /tmp/pings; false; }}"))?;
    let echoes = rows(&report, "echoes");
    let from = |who: &str| echoes.iter().filter(|echo| echo.to_string().contains(&format!("\"from\":\"{who}\""))).count();
    assert!(echoes.len() > 10, "{echoes:#?} {}", from("10.0.2.100"));
    assert!(has_binding(&report, "52:54:00:12:34:57", "10.0.2.100") && has_binding(&report, "52:54:00:12:34:56", "10.0.2.101"));
    keep(&lab, "unix-dgram", &["10.0.2.100", "10.0.2.101"]);

    // Killed, and its names are put back by its guard.
    let killed = host.start("killed", &mut tapscope(&host, &["watch", "--netns", "own", "--interpose", &path, "--yes"]))?;
    killed.wait_for("took the place of", SOON)?;
    assert_ne!(paths.each_ref().map(|path| inode(path)), own);
    g1.must("ping -c2 -i0.2 -W5 10.0.2.101")?;
    killed.stop();
    let by = Instant::now() + SOON;
    while paths.each_ref().map(|path| inode(path)) != own {
        assert!(Instant::now() < by, "the names are not put back");
        std::thread::sleep(Duration::from_millis(10));
    }
    g1.must("ping -c2 -i0.2 -W5 10.0.2.101")?;
    Ok(())
}
