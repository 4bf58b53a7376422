//! What copies cost a guest: its QEMU's processor time for each frame, with nobody, somebody, a stopped and a killed one listening.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Echoes of a flood; as many frames go back.
const ECHOES: u32 = 600;
/// How often each is measured.
const ROUNDS: usize = 3;
/// The most that the copies of a frame, three datagrams over loopback, may cost: 10 to 20 microseconds were measured.
const COPY: Duration = Duration::from_micros(80);

/// What a flood cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Processor time of QEMU's main loop, where filters run, for each frame: other work on this machine does not change it much.
    frame: Duration,
    /// How long it took.
    took: Duration,
    /// The worst of QEMU's answers meanwhile.
    answer: Duration,
}

/// Processor time that the first thread of a process has had (the first number of /proc/PID/task/TID/schedstat, in nanoseconds).
fn spent(pid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/schedstat")).expect("a process");
    Duration::from_nanos(text.split(' ').next().and_then(|first| first.parse().ok()).expect("a number"))
}

/// Lets the guest ping its gateway as fast as may be, and asks QEMU meanwhile how it is.
fn flood(guest: &Guest) -> Result<Cost, Error> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut worst = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                guest.qmp("query-status", Value::Null)?;
                worst = worst.max(began.elapsed());
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(worst)
        });
        let (before, began) = (spent(guest.pid()), Instant::now());
        let said = guest.run_within(&format!("ping -i 0.002 -c {ECHOES} -s 1400 10.0.2.2 | tail -2"), Duration::from_secs(60));
        let (took, used) = (began.elapsed(), spent(guest.pid()) - before);
        is_over.store(true, Ordering::Relaxed);
        let answer = asked.join().expect("no panic")?;
        let said = said?.text;
        assert!(said.contains(" 0% packet loss"), "{said}");
        Ok(Cost { frame: used / (2 * ECHOES), took, answer })
    })
}

fn median(mut costs: Vec<Cost>) -> Cost {
    let middle = costs.len() / 2;
    let mut of = |key: fn(&Cost) -> Duration| {
        costs.sort_by_key(key);
        key(&costs[middle])
    };
    Cost { frame: of(|cost| cost.frame), took: of(|cost| cost.took), answer: of(|cost| cost.answer) }
}

/// Measured in turns, so that what else this machine does meets all alike.
#[test]
fn a_stopped_or_killed_tapscope_costs_a_guest_no_more_than_one_that_listens() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_stopped_or_killed_tapscope_costs_a_guest_no_more_than_one_that_listens") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let guest = lab.guest("g1").ip("dhcp").user(&host).boot()?;
    flood(&guest)?;
    let (mut nobody, mut listening, mut stopped, mut killed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut left: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        nobody.push(flood(&guest)?);
        let show = listen(&host, &format!("show{round}"), &["g1"])?;
        let there = objects(&guest)?;
        assert!(there.len() == 4 && there.iter().all(|id| !left.contains(id)), "what was left is removed: {there:?}");
        listening.push(flood(&guest)?);
        signal(&show, Signal::SIGSTOP);
        stopped.push(flood(&guest)?);
        show.stop();
        left = objects(&guest)?;
        assert_eq!(left, there, "what is killed leaves its filters");
        killed.push(flood(&guest)?);
        let sweeper = listen(&host, &format!("sweeper{round}"), &["g1"])?;
        report(&sweeper)?;
        assert_eq!(objects(&guest)?, [""; 0]);
    }
    let [nobody, listening, stopped, killed] = [nobody, listening, stopped, killed].map(median);
    println!("nobody {nobody:?}, listening {listening:?}, stopped {stopped:?}, killed {killed:?}");
    assert!(listening.frame < nobody.frame + COPY, "a copy costs {:?} a frame", listening.frame.saturating_sub(nobody.frame));
    for (who, cost) in [("stopped", stopped), ("killed", killed)] {
        assert!(cost.frame < listening.frame * 3 / 2, "{who}: {:?} a frame, and {:?} while somebody listens", cost.frame, listening.frame);
        assert!(cost.took < listening.took * 2 + Duration::from_secs(1), "{who}: {:?}, and {:?}", cost.took, listening.took);
    }
    for cost in [listening, stopped, killed] {
        assert!(cost.answer < nobody.answer + Duration::from_millis(500), "QEMU answered after {:?}", cost.answer);
    }
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
