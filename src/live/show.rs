//! `tapscope show --live`: the host's picture after some seconds.

use super::{Live, LiveArguments, stop_signal};
use crate::record::Recording;
use crate::show::Reading;
use anyhow::Result;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tapscope_capture::remote::Origin;
use tapscope_graph::Timestamp;

/// When a picture is wanted.
pub struct Looks<'a> {
    /// The last one after this time; none: when nothing more comes.
    pub time: Option<Duration>,
    /// Others this often before.
    pub every: Option<Duration>,
    /// Gets those.
    pub between: &'a mut dyn FnMut(&Reading) -> Result<()>,
}

/// Watches for a time, or until ctrl-C; gives what is known then. `recording` gets all of it, and ends at that moment, too.
///
/// # Errors
/// Where the host cannot be watched.
pub fn read(arguments: &LiveArguments, looks: Looks<'_>, recording: Option<&mut Recording>) -> Result<Reading> {
    let stop = stop_signal()?;
    let listener = recording.as_ref().map(|recording| recording.listener());
    picture(Live::start(arguments, listener)?, looks, &stop, recording)
}

/// Reads streams for a time, to their ends, or until ctrl-C; gives what is known then.
///
/// # Errors
/// Where one cannot be opened.
pub fn stream(origins: &[Origin], arguments: &LiveArguments, time: Option<Duration>) -> Result<Reading> {
    let stop = stop_signal()?;
    let looks = Looks { time, every: None, between: &mut |_| Ok(()) };
    picture(Live::stream(origins, arguments, None)?, looks, &stop, None)
}

fn picture(mut live: Live, looks: Looks<'_>, stop: &AtomicBool, recording: Option<&mut Recording>) -> Result<Reading> {
    live.settle(Instant::now() + Duration::from_secs(1))?;
    live.announce(&match looks.time {
        Some(time) => format!("the picture comes in {}, or with ctrl-C", humantime::format_duration(time)),
        None => "the picture comes when the stream ends, or with ctrl-C".to_owned(),
    });
    let began = Instant::now();
    let end = looks.time.map(|time| began + time);
    let mut next = looks.every.map(|every| began + every);
    while end.is_none_or(|end| Instant::now() < end) && !stop.load(Ordering::Relaxed) && !live.is_over() {
        let step = Instant::now() + Duration::from_millis(100);
        live.take([end, next].into_iter().flatten().fold(step, Instant::min), Some)?;
        if let (Some(due), Some(every)) = (next, looks.every)
            && due <= Instant::now()
        {
            // A picture may take longer than it is good for.
            next = Some((due + every).max(Instant::now()));
            let at = live.now();
            (looks.between)(&look(&mut live, at)?)?;
        }
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
    look(&mut live, end)
}

/// The picture of a moment, which is marked in what is recorded: `show --until` then gives the same.
fn look(live: &mut Live, at: Timestamp) -> Result<Reading> {
    live.tell_time(at)?;
    Ok(Reading { files: Vec::new(), at: Some(at), view: live.network.view() })
}
