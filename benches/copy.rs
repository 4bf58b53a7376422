//! What it costs a guest behind the user-mode stack that its frames are copied (`--qmp`): with nobody, somebody, a stopped and a killed
//! tapscope listening.
//!
//! The answer is Markdown, for the README. It boots a real guest in namespaces of its own.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tapscope_lab::{Error, Guest, Lab, Namespace, Process};

/// Echoes of a flood; as many frames go back.
const ECHOES: u32 = 600;
/// How often each is measured, in turns, so that what else this machine does meets all alike.
const ROUNDS: usize = 5;
const SOON: Duration = Duration::from_secs(20);

/// What a flood cost.
#[derive(Clone, Copy)]
struct Cost {
    /// Processor time of QEMU's main loop, where filters run, for each frame.
    frame: Duration,
    /// How long it took.
    took: Duration,
    /// The worst of QEMU's answers meanwhile.
    answer: Duration,
}

fn main() -> Result<(), Error> {
    let lab = Lab::new("copy")?;
    let host = lab.namespace("host")?;
    let guest = lab.guest("g1").ip("dhcp").user(&host).boot()?;
    flood(&guest)?;
    let mut costs: [(&str, Vec<Cost>); 4] = ["nobody", "tapscope", "a stopped tapscope", "a killed tapscope"].map(|who| (who, Vec::new()));
    for round in 0..ROUNDS {
        costs[0].1.push(flood(&guest)?);
        let show = listen(&host, &format!("show{round}"))?;
        costs[1].1.push(flood(&guest)?);
        signal(&show, Signal::SIGSTOP);
        costs[2].1.push(flood(&guest)?);
        show.stop();
        costs[3].1.push(flood(&guest)?);
        // Removes what the killed one left.
        let sweeper = listen(&host, &format!("sweeper{round}"))?;
        signal(&sweeper, Signal::SIGINT);
        sweeper.finish(SOON)?;
    }
    println!("| who listens | QEMU's main loop, µs a frame | {ECHOES} echoes, s | worst answer, ms |");
    println!("|---|--:|--:|--:|");
    for (who, costs) in &mut costs {
        let mut median = |key: fn(&Cost) -> Duration| {
            costs.sort_by_key(key);
            key(&costs[ROUNDS / 2]).as_secs_f64()
        };
        let (frame, took, answer) = (median(|cost| cost.frame), median(|cost| cost.took), median(|cost| cost.answer));
        println!("| {who} | {:.1} | {took:.2} | {:.1} |", frame * 1e6, answer * 1e3);
    }
    Ok(())
}

fn listen(host: &Namespace, name: &str) -> Result<Process, Error> {
    let mut command = host.command(env!("CARGO_BIN_EXE_tapscope"));
    command.args(["show", "--live", "--netns", "own", "--for", "10m", "--format", "json", "--qmp", "g1"]);
    let process = host.start(name, &mut command)?;
    process.wait_for("added filters", SOON)?;
    Ok(process)
}

fn signal(process: &Process, signal: Signal) {
    kill(Pid::from_raw(process.pid().cast_signed()), signal).expect("sent");
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
