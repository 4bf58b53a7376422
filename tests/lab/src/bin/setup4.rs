//! Two guests on a bridge, to look at with tapscope: set-up 4 of the how-to that tapscope's pictures are about.
//!
//! It takes everything down on Enter or ctrl-C.

use std::env;
use std::error::Error as StdError;
use std::io::{BufRead, IsTerminal, stdin};
use std::process::{ExitCode, exit};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use tapscope_lab::{Error, Guest, Lab, Namespace};

const USAGE: &str = "usage: setup4 [bridge|taps|apart]
  bridge  the host's addresses are on bridge0: all reach all (this is what you get if you say nothing)
  taps    the host's addresses are on tap0 and tap1, as in the how-to: on Linux, the guests reach each other, and not the host
  apart   no bridge: the host routes between tap0 and tap1";

/// Where the host has its addresses.
#[derive(Clone, Copy)]
enum Variant {
    Bridge,
    Taps,
    Apart,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let variant = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["bridge"] => Variant::Bridge,
        ["taps"] => Variant::Taps,
        ["apart"] => Variant::Apart,
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match show(variant) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("setup4: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn show(variant: Variant) -> Result<(), Box<dyn StdError>> {
    let enough = end_of_show()?;
    println!("Two guests are booting; without KVM that takes some seconds.");
    let lab = Lab::new("set-up 4")?;
    let host = lab.namespace("host")?;
    let (g1, g2) = set_up(&lab, &host, variant)?;

    let name = host.name();
    println!("\n  g1  {}  10.0.2.101  tap0  QEMU's process {}", g1.macs().concat(), g1.pid());
    println!("  g2  {}  10.0.3.101  tap1  QEMU's process {}", g2.macs().concat(), g2.pid());
    println!("  the host has 10.0.2.100 and 10.0.3.100, in the network namespace {name}\n");
    println!("To look at it:        sudo ip netns exec {name} tapscope");
    println!("To be the host:       sudo ip netns exec {name} bash");
    println!("To be a guest:        sudo socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:{}", g1.console().display());
    println!("                      (press Enter; ctrl-] leaves; g2 has {})", g2.console().display());
    println!("To talk to its QEMU:  sudo socat READLINE UNIX-CONNECT:{}\n", g1.monitor().display());
    println!("The guests ping each other and the host every few seconds. Enter or ctrl-C takes it all down.");

    watch(&g1, &g2, &enough)?;
    println!("Taking it down.");
    drop(lab);
    println!("Nothing is left of it.");
    Ok(())
}

fn set_up(lab: &Lab, host: &Namespace, variant: Variant) -> Result<(Guest, Guest), Error> {
    host.forwards()?.tap("tap0")?.tap("tap1")?;
    if !matches!(variant, Variant::Apart) {
        host.bridge("bridge0", ["tap0", "tap1"])?;
    }
    let (first, second) = if matches!(variant, Variant::Bridge) { ("bridge0", "bridge0") } else { ("tap0", "tap1") };
    let (g1, g2) = (lab.guest("g1").mac("52:54:00:12:34:57"), lab.guest("g2").mac("52:54:00:12:34:56"));
    let (g1, g2) = match variant {
        Variant::Bridge | Variant::Taps => (g1.ip("10.0.2.101/16"), g2.ip("10.0.3.101/16")),
        Variant::Apart => (g1.ip("10.0.2.101/24").gateway("10.0.2.100"), g2.ip("10.0.3.101/24").gateway("10.0.3.100")),
    };
    host.address(first, "10.0.2.100/24")?.address(second, "10.0.3.100/24")?;
    let [g1, g2] = lab.boot([g1.tap(host, "tap0"), g2.tap(host, "tap1")])?;
    Ok((g1, g2))
}

/// Pings, and says when the outcome changes, until it is enough.
fn watch(g1: &Guest, g2: &Guest, enough: &Receiver<()>) -> Result<(), Error> {
    let start = Instant::now();
    let mut last = None;
    loop {
        let ways = [(g1, "10.0.3.101"), (g2, "10.0.2.101"), (g1, "10.0.2.100"), (g2, "10.0.3.100")];
        let mut now = Vec::new();
        for (guest, target) in ways {
            // Somebody may have paused or stopped a guest to see what happens: that is an outcome, too.
            let answered = guest.can(&format!("ping -c1 -W1 {target}")).unwrap_or(false);
            now.push(format!("{} {} {target}", guest.name(), if answered { "->" } else { "-x" }));
        }
        if last.as_ref() != Some(&now) {
            println!("{:5} s  {}", start.elapsed().as_secs(), now.join("   "));
            last = Some(now);
        }
        match enough.recv_timeout(Duration::from_secs(3)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Tells when somebody has pressed Enter, or sent a signal to end. The second signal ends this process at once; its lab is taken down all the same.
fn end_of_show() -> Result<Receiver<()>, nix::Error> {
    let (sender, receiver) = channel();
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    // Before there are other threads: they inherit it. What is started has a mask of its own.
    signals.thread_block()?;
    let on_signal = sender.clone();
    thread::spawn(move || {
        let _ = signals.wait();
        println!(" Coming to an end; once more to leave at once.");
        let _ = on_signal.send(());
        let _ = signals.wait();
        exit(130);
    });
    if stdin().is_terminal() {
        thread::spawn(move || on_enter(&sender));
    }
    Ok(receiver)
}

fn on_enter(sender: &Sender<()>) {
    let mut line = String::new();
    if stdin().lock().read_line(&mut line).is_ok_and(|count| count > 0) {
        let _ = sender.send(());
    }
}
