//! `tapscope show --live`: the host's picture after some seconds.

use super::{Live, LiveArguments, now, stop_signal};
use crate::record::Recording;
use crate::show::Reading;
use anyhow::Result;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Watches for a time, or until ctrl-C; gives what is known then. `recording` gets all of it, and ends at that moment, too.
///
/// # Errors
/// Where the host cannot be watched.
pub fn read(arguments: &LiveArguments, time: Duration, recording: Option<&mut Recording>) -> Result<Reading> {
    let stop = stop_signal()?;
    let mut live = Live::start(arguments, recording.as_ref().map(|recording| recording.listener()))?;
    live.settle(Instant::now() + Duration::from_secs(1))?;
    live.announce(&format!("the picture comes in {}, or with ctrl-C", humantime::format_duration(time)));
    let end = Instant::now() + time;
    while Instant::now() < end && !stop.load(Ordering::Relaxed) {
        live.take((Instant::now() + Duration::from_millis(100)).min(end), Some)?;
    }
    // What was captured by then is still on its way.
    live.take(Instant::now() + Duration::from_millis(100), Some)?;
    for notice in live.notices() {
        eprintln!("tapscope: {notice}");
    }
    let end = now();
    if let Some(recording) = recording {
        recording.end_at(end);
        recording.learn_names(live.network.tables());
    }
    live.tell_time(end)?;
    Ok(Reading { files: Vec::new(), view: live.network.view() })
}
