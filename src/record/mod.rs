//! `tapscope record`: what happens on this host, into a file.

mod arguments;
mod recording;

pub use arguments::RecordArguments;
pub use recording::{Recording, section};

use crate::cli::{EXIT_FAILURE, EXIT_OK, EXIT_USAGE};
use crate::export::Cut;
use crate::live::own::Own;
use crate::live::{Live, LiveArguments, now, stop_signal};
use crate::serve::Server;
use crate::wireshark::Wireshark;
use anyhow::Result;
use arguments::limits;
use recording::{is_whole, place};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tapscope_capture::file::Format;
use tapscope_capture::record::{End, Options, Status};
use tapscope_graph::tables::Tables;
use tapscope_graph::{LossCause, PointId, Selection, Text};

/// How often it looks whether it is over.
const STEP: Duration = Duration::from_millis(50);
/// How often it tells how far it is.
const PROGRESS: Duration = Duration::from_millis(500);

/// Records until it is over; gives the exit code.
pub fn run(arguments: &RecordArguments) -> Result<u8> {
    if let Some(nonsense) = arguments.nonsense() {
        eprintln!("tapscope: {nonsense}");
        return Ok(EXIT_USAGE);
    }
    let stop = stop_signal()?;
    // Before the live host, so that clients get what is on its way when it ends.
    let mut server = arguments.serve.map(Server::start).transpose()?;
    let looked_at = looked_at(arguments, server.as_ref().map(|(server, _)| server.address()));
    let mut recording = match &arguments.write {
        Some(path) => Some(Recording::begin(options(arguments, path))?),
        None => None,
    };
    let mut live = Live::start(&looked_at, recording.as_ref().map(Recording::listener))?;
    live.settle(Instant::now() + Duration::from_secs(1))?;
    let mut places: Vec<String> =
        arguments.write.iter().map(|path| format!("recording to {}", Text::path(&path.to_string_lossy()))).collect();
    let server = match (server.take(), live.door()) {
        (Some((mut server, waiting)), Some(door)) => {
            server.open(waiting, door, section(&looked_at))?;
            places.push(format!("serving at tcp://{}", server.address()));
            Some(server)
        }
        _ => None,
    };
    let mut wireshark = match (arguments.wireshark, live.door()) {
        (true, Some(door)) => {
            places.push("showing it to Wireshark".to_owned());
            Some(Wireshark::live(&door, Cut::new(Selection::default(), None))?)
        }
        _ => None,
    };
    if !arguments.quiet {
        live.announce(&format!("{}, ctrl-C ends", places.join(" and ")));
    }
    let mut notices: Vec<String> = Vec::new();
    let mut progress = Progress::new(arguments.quiet);
    while !stop.load(Ordering::Relaxed) {
        live.take(Instant::now() + STEP, Some)?;
        for notice in live.notices() {
            if !notices.contains(&notice) {
                progress.clear();
                eprintln!("tapscope: {notice}");
                notices.push(notice);
            }
        }
        let Some(recording) = &mut recording else {
            // Whoever closes Wireshark has seen enough, unless somebody else looks.
            let is_closed = wireshark.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
            if is_closed && server.is_none() {
                break;
            }
            continue;
        };
        recording.learn_names(live.network.tables());
        let status = recording.status();
        if status.end.is_some() {
            break;
        }
        progress.tell(&status, live.network.tables());
    }
    progress.clear();
    // What was captured by then is still on its way.
    live.take(Instant::now() + Duration::from_millis(100), Some)?;
    let end = now();
    if let Some(recording) = &recording {
        recording.end_at(end);
    }
    live.tell_time(end)?;
    if let Some(recording) = &mut recording {
        recording.learn_names(live.network.tables());
    }
    if let Some(told) = server.as_ref().and_then(Server::summary) {
        eprintln!("tapscope: {told}");
    }
    let is_all = recording.is_none_or(|recording| {
        let status = recording.finish();
        summary(&status, live.network.tables()) == 0 && is_whole(&status)
    });
    drop(live);
    Ok(if is_all { EXIT_OK } else { EXIT_FAILURE })
}

/// What is captured: without what the recording itself sends.
fn looked_at(arguments: &RecordArguments, server: Option<SocketAddr>) -> LiveArguments {
    let mut own = Own::default();
    if arguments.write.as_deref() == Some(Path::new("-"))
        && let Ok(connection) = std::env::var("SSH_CONNECTION")
    {
        own.add_ssh(&connection);
    }
    if let Some(address) = server {
        own.add_server(address);
    }
    LiveArguments {
        whole: arguments.whole,
        snap_length: arguments.snapshot_length,
        filter: own.filter(arguments.live.filter.as_deref()),
        ..arguments.live.clone()
    }
}

fn options(arguments: &RecordArguments, path: &Path) -> Options {
    let mut end = limits(&arguments.autostop);
    end.packets = arguments.count.or(end.packets);
    Options {
        format: if arguments.pcap { Format::Pcap } else { Format::Pcapng },
        ring: (!arguments.ring.is_empty()).then(|| limits(&arguments.ring)),
        end,
        min_free: arguments.min_free.map(|megabytes| megabytes.saturating_mul(1_000_000)),
        ..Options::new(place(path), section(&arguments.live))
    }
}

/// Frames that a point captured, recorded and lost, by the model's word: but what the model had no time for is in the recording.
fn lost(tables: &Tables, point: usize) -> u64 {
    let lost_by = tables.points.get(point).map(|point| &point.lost_by);
    let of = |cause| lost_by.and_then(|lost| lost.get(&cause)).copied().unwrap_or(0);
    of(LossCause::Kernel) + of(LossCause::Interface) + of(LossCause::Carrier)
}

/// What was recorded at each point, on standard error; gives how many frames were lost.
fn summary(status: &Status, tables: &Tables) -> u64 {
    let kept: Vec<String> = status.kept.iter().map(|path| Text::path(&path.to_string_lossy()).to_string()).collect();
    let files = match &kept[..] {
        [] => "no file".to_owned(),
        [only] => only.clone(),
        [first, .., last] => format!("{} files, {first} to {last}", kept.len()),
    };
    let ended = match &status.end {
        Some(End::Limit) => ", which is what was asked for",
        Some(End::Asked | End::Failed(_)) | None => "",
    };
    let packets = if status.packets == 1 { "packet" } else { "packets" };
    eprintln!("tapscope: {} {packets}, {} octets in {files}{ended}", status.packets, status.octets);
    let mut all = 0;
    for (index, (taken, dropped)) in status.points.iter().enumerate() {
        let by_kernel = lost(tables, index);
        all += by_kernel;
        let label = tables.points.get(index).map_or_else(|| format!("point {index}"), |point| point.label(PointId(index as u32)));
        let packets = if *taken == 1 { "packet" } else { "packets" };
        eprintln!("  {label}: {taken} {packets}, {} lost (kernel {by_kernel}, disk {dropped})", by_kernel + dropped);
    }
    all
}

/// A line that is written over, on a terminal.
struct Progress {
    is_wanted: bool,
    is_shown: bool,
    told: Instant,
}

impl Progress {
    fn new(is_quiet: bool) -> Progress {
        Progress { is_wanted: !is_quiet && std::io::stderr().is_terminal(), is_shown: false, told: Instant::now() }
    }

    fn tell(&mut self, status: &Status, tables: &Tables) {
        if self.is_wanted && self.told.elapsed() >= PROGRESS {
            (self.told, self.is_shown) = (Instant::now(), true);
            let lost: u64 = (0..status.points.len()).map(|point| lost(tables, point)).sum();
            eprint!("\rPackets: {}  Octets: {}  Lost: {}   ", status.packets, status.octets, lost + status.dropped);
            let _ = std::io::stderr().flush();
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            eprintln!();
        }
    }
}
