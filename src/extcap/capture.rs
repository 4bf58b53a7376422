//! Capturing for Wireshark, into its pipe.

use super::places::find;
use crate::cli::EXIT_OK;
use crate::live::{Live, LiveArguments, stop_signal};
use crate::serve::Outlet;
use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tapscope_capture::interface;

/// How soon an end is noticed.
const STEP: Duration = Duration::from_millis(50);
/// How long the place may take to open.
const PATIENCE: Duration = Duration::from_secs(4);

/// Captures until Wireshark closes its pipe or says so; gives the exit code.
pub fn run(interface: &str, fifo: &Path, filter: Option<&str>) -> Result<u8> {
    let stop = stop_signal()?;
    // Wireshark starts us first, and shows what we say on standard error.
    interface::may_capture()?;
    let place = find(interface)?;
    let whose = place.display.clone();
    let arguments = LiveArguments {
        filter: filter.map(str::to_owned),
        only: place.only,
        qmp: place.qmp.into_iter().collect(),
        ..LiveArguments::default()
    };
    let pipe = OpenOptions::new().write(true).open(fifo).with_context(|| format!("cannot write to Wireshark's pipe {}", fifo.display()))?;
    let watched = pipe.try_clone().context("cannot watch Wireshark's pipe")?;
    let (outlet, listener) = Outlet::new(pipe, crate::record::section(&arguments))?;
    let mut live = Live::start(&arguments, Some(listener))?;
    // A guest that is asked for copies takes a moment to give them.
    let patience = Instant::now() + PATIENCE;
    while live.open_points() == 0 && Instant::now() < patience && !stop.load(Ordering::Relaxed) {
        live.take(Instant::now() + STEP, Some)?;
    }
    if live.open_points() == 0 && !stop.load(Ordering::Relaxed) {
        let why = live.notices();
        bail!("nobody can listen at {whose} now{}{}", if why.is_empty() { "" } else { ": " }, why.join("; "));
    }
    while !stop.load(Ordering::Relaxed) && !outlet.is_closed() && !is_abandoned(&watched) {
        live.take(Instant::now() + STEP, Some)?;
    }
    drop(live);
    outlet.end();
    Ok(EXIT_OK)
}

/// Whether nobody reads the pipe any more, also while there is nothing to write.
fn is_abandoned(pipe: &File) -> bool {
    let mut fds = [PollFd::new(pipe, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut fds, Some(&now)), Ok(1..)) && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}
