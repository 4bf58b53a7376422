//! Guests to look at with tapscope: the set-ups of the how-to that tapscope's pictures are about.
//!
//! It takes everything down on Enter or ctrl-C.

mod bridged;
mod cabled;
mod end;
mod stage;

use std::env;
use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use stage::Stage;
use tapscope_lab::{Error, Lab};

const USAGE: &str = "usage: setup [VARIANT]
with TAPs, two guests (set-up 4 of the how-to):
  bridge  the host's addresses are on bridge0: all reach all (this is what you get if you say nothing)
  taps    the host's addresses are on tap0 and tap1, as in the how-to: on Linux, the guests reach each other, and not the host
  apart   no bridge: the host routes between tap0 and tap1
without a TAP:
  user    one guest behind QEMU's user-mode stack; outside, echoes are swallowed (set-up 1)
  socket  two guests on a cable over TCP, -netdev socket,listen= and connect= (set-up 2)
  stream  the same by -netdev stream
  udp     two guests that send each other datagrams, -netdev socket,udp=
  mcast   three guests in a multicast group, -netdev socket,mcast=
  hub     two guests at tapscope hub, which has to be built";

/// How a variant is set up.
type SetUp = fn(&Lab) -> Result<Stage, Error>;

/// What there is to be seen, by the name of the variant.
const VARIANTS: [(&str, SetUp); 9] = [
    ("bridge", bridged::bridge),
    ("taps", bridged::taps),
    ("apart", bridged::apart),
    ("user", cabled::user),
    ("socket", cabled::socket),
    ("stream", cabled::stream),
    ("udp", cabled::udp),
    ("mcast", cabled::mcast),
    ("hub", cabled::hub),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let wanted = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => "bridge",
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [wanted] => wanted,
        _ => "",
    };
    let Some((_, set_up)) = VARIANTS.iter().find(|(name, _)| *name == wanted) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match show(*set_up) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("setup: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn show(set_up: SetUp) -> Result<(), Box<dyn StdError>> {
    let enough = end::of_show()?;
    println!("The guests are booting; without KVM that takes some seconds.");
    let lab = Lab::new("set-up")?;
    let stage = set_up(&lab)?;
    stage.tell(&tapscope());
    watch(&stage, &enough)?;
    println!("Taking it down.");
    drop(lab);
    println!("Nothing is left of it.");
    Ok(())
}

/// The tapscope that was built beside this program, else the one that is installed.
fn tapscope() -> PathBuf {
    let built = env::current_exe().ok().map(|own| own.with_file_name("tapscope"));
    built.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("tapscope"))
}

/// Lets the guests try, and says when the outcome changes, until it is enough.
fn watch(stage: &Stage, enough: &Receiver<()>) -> Result<(), Error> {
    let start = Instant::now();
    let mut last = None;
    loop {
        // Somebody may have paused or stopped a guest to see what happens: that is an outcome, too.
        let outcome = |attempt: &stage::Attempt| {
            let guest = &stage.guests[attempt.guest];
            let is_done = guest.can(&attempt.command).unwrap_or(false);
            format!("{} {} {}", guest.name(), if is_done { "->" } else { "-x" }, attempt.target)
        };
        let now: Vec<String> = stage.attempts.iter().map(outcome).collect();
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
