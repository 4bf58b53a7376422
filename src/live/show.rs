//! `tapscope show --live`: the host's picture after some seconds.

use super::{Live, LiveArguments, stop_signal};
use crate::record::Recording;
use crate::show::Reading;
use anyhow::Result;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tapscope_capture::remote::Origin;

/// Watches for a time, or until ctrl-C; gives what is known then. `recording` gets all of it, and ends at that moment, too.
///
/// # Errors
/// Where the host cannot be watched.
pub fn read(arguments: &LiveArguments, time: Duration, recording: Option<&mut Recording>) -> Result<Reading> {
    let stop = stop_signal()?;
    let listener = recording.as_ref().map(|recording| recording.listener());
    picture(Live::start(arguments, listener)?, Some(time), &stop, recording)
}

/// Reads streams for a time, to their ends, or until ctrl-C; gives what is known then.
///
/// # Errors
/// Where one cannot be opened.
pub fn stream(origins: &[Origin], arguments: &LiveArguments, time: Option<Duration>) -> Result<Reading> {
    let stop = stop_signal()?;
    picture(Live::stream(origins, arguments, None)?, time, &stop, None)
}

fn picture(mut live: Live, time: Option<Duration>, stop: &AtomicBool, recording: Option<&mut Recording>) -> Result<Reading> {
    live.settle(Instant::now() + Duration::from_secs(1))?;
    live.announce(&match time {
        Some(time) => format!("the picture comes in {}, or with ctrl-C", humantime::format_duration(time)),
        None => "the picture comes when the stream ends, or with ctrl-C".to_owned(),
    });
    let end = time.map(|time| Instant::now() + time);
    while end.is_none_or(|end| Instant::now() < end) && !stop.load(Ordering::Relaxed) && !live.is_over() {
        let step = Instant::now() + Duration::from_millis(100);
        live.take(end.map_or(step, |end| end.min(step)), Some)?;
    }
    // What was captured by then is still on its way.
    live.take(Instant::now() + Duration::from_millis(100), Some)?;
    for notice in live.notices() {
        eprintln!("tapscope: {notice}");
    }
    let end = live.now();
    if let Some(recording) = recording {
        recording.end_at(end);
        recording.learn_names(live.network.tables());
    }
    live.tell_time(end)?;
    Ok(Reading { files: Vec::new(), view: live.network.view() })
}
