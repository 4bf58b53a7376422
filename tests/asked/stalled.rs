//! A guest goes on, whatever becomes of a tapscope that has asked its QEMU for copies.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Echoes of a flood, of 1400 octets: what waits unread in a socket's queue is more than it takes (212,992 octets).
const ECHOES: u32 = 600;

/// Lets the guest ping its gateway as fast as may be, and asks QEMU meanwhile how it is; both have to go on, however slow this machine is.
fn flood(guest: &Guest) -> Result<(), Error> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut answers = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(guest.qmp("query-status", Value::Null)?["status"], "running");
                answers += 1;
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(answers)
        });
        let said = guest.run_within(&format!("ping -i 0.002 -c {ECHOES} -s 1400 10.0.2.2 | tail -2"), Duration::from_secs(60));
        is_over.store(true, Ordering::Relaxed);
        let answers: u32 = asked.join().expect("no panic")?;
        let said = said?.text;
        assert!(said.contains(" 0% packet loss"), "{said}");
        assert!(answers > 0, "QEMU answers while the guest is busy");
        Ok(())
    })
}

/// What each frame costs meanwhile is measured by `cargo bench --bench copy`.
#[test]
fn a_stopped_or_killed_tapscope_neither_stops_a_guest_nor_loses_its_frames() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_stopped_or_killed_tapscope_neither_stops_a_guest_nor_loses_its_frames") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let guest = lab.guest("g1").ip("dhcp").user(&host).boot()?;
    flood(&guest)?;
    let show = listen(&host, "show", &["g1"])?;
    let there = objects(&guest)?;
    assert_eq!(there.len(), 4, "{there:?}");
    flood(&guest)?;
    signal(&show, Signal::SIGSTOP);
    flood(&guest)?;
    show.stop();
    let left = objects(&guest)?;
    assert_eq!(left, there, "what is killed leaves its filters");
    flood(&guest)?;
    let next = listen(&host, "next", &["g1"])?;
    let there = objects(&guest)?;
    assert!(there.len() == 4 && there.iter().all(|id| !left.contains(id)), "what was left is removed: {there:?}");
    report(&next)?;
    assert_eq!(objects(&guest)?, [""; 0]);
    Ok(())
}

#[test]
fn filters_come_and_go_twenty_times_under_load_and_the_guest_loses_nothing() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("filters_come_and_go_twenty_times_under_load") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let file = lab.folder().join("bulk");
    std::fs::write(&file, (0..1_000_000u32).map(|number| (number % 251) as u8).collect::<Vec<u8>>()).expect("written");
    let mut server = host.command("socat");
    server.args(["-U", "TCP4-LISTEN:9000,bind=127.0.0.1,reuseaddr,fork"]).arg(format!("OPEN:{},rdonly", file.display()));
    host.start("bulk", &mut server)?;
    let guest = lab.guest("g1").ip("dhcp").user(&host).boot()?;
    let copy = guest.must("nc 10.0.2.2 9000 </dev/null | md5sum")?;
    guest.must("ping -i 0.02 10.0.2.2 >/tmp/pings 2>&1 &")?;
    guest.must("(while ! test -e /tmp/enough; do nc 10.0.2.2 9000 </dev/null | md5sum; done) >/tmp/sums 2>&1 &")?;
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
    assert!(sums.trim().lines().count() == 1 && sums.contains(copy.trim()), "every copy is whole: {copy} {sums}");
    Ok(())
}
