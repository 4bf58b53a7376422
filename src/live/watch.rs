//! `tapscope watch`: what happens on the host, as it happens.

use super::{Format, Live, LiveArguments, stop_signal};
use crate::cli::{Color, EXIT_OK};
use crate::record::Recording;
use anyhow::Result;
use clap::Args;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tapscope_graph::Timestamp;
use tapscope_graph::changes::{Change, Told};
use tapscope_graph::display_filter::DisplayFilter;
use tapscope_graph::finding::findings;
use tapscope_graph::topology::Topology;

/// How often it looks for news.
const STEP: Duration = Duration::from_millis(50);

/// `tapscope watch`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapscope watch                          guests, addresses, ARP, DHCP and echoes as they come
  tapscope watch -i 'tap*' --for 10s
  tapscope watch --where 'dhcp or arp'
  tapscope watch --qmp g1                 also what g1 sends to QEMU's user-mode stack, which changes g1 meanwhile
  tapscope watch ssh://root@host          another host, where tapscope is installed, too
  tapscope watch --format json | jq -c 'select(.event == \"echo-lost\")'

Exit status: 0 the time is over or ctrl-C; 1 this host cannot be watched; 64 usage.")]
pub struct WatchArguments {
    /// Watch tcp://host:port or ssh://user@host instead of this host
    #[arg(value_name = "STREAM", conflicts_with = "follow")]
    streams: Vec<OsString>,
    #[command(flatten)]
    live: LiveArguments,
    /// Tell only of frames that this display filter means, in the language of the window's search box: `icmp and ip.addr == 10.0.2.101`
    #[arg(long = "where", value_name = "FILTER", value_parser = crate::show::display_filter)]
    display: Option<DisplayFilter>,
    /// Stop after this long, such as 10s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Record it, too: into this pcapng file, from which `tapscope show` prints the same
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    write: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// When to use colours in text
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

/// Watches until the time is over or the user says so; gives the exit code.
pub fn run(arguments: &WatchArguments) -> Result<u8> {
    let stop = stop_signal()?;
    let looked_at = LiveArguments { display: arguments.display.clone().unwrap_or_default(), ..arguments.live.clone() };
    let mut recording = arguments.write.as_deref().map(|path| Recording::beside(path, &arguments.live)).transpose()?;
    let listener = recording.as_ref().map(Recording::listener);
    let mut live = match arguments.streams.as_slice() {
        [] => Live::start(&looked_at, listener)?,
        streams => Live::stream(&crate::source::origins(streams)?, &looked_at, listener)?,
    };
    let end = arguments.time.map(|time| Instant::now() + time);
    let mut told = Told::default();
    let mut notices: Vec<String> = Vec::new();
    let mut looked = Instant::now();
    live.settle(Instant::now() + Duration::from_secs(1))?;
    live.announce("ctrl-C ends");
    loop {
        let is_over = stop.load(Ordering::Relaxed) || live.is_over() || end.is_some_and(|end| Instant::now() >= end);
        let until = (Instant::now() + STEP).min(end.unwrap_or(Instant::now() + STEP));
        let anything = live.take(if is_over { Instant::now() } else { until }, Some)?;
        // What waits for an answer is told when its time is over, also when nothing comes.
        if anything || is_over || looked.elapsed() > Duration::from_millis(500) {
            looked = Instant::now();
            for notice in live.notices() {
                if !notices.contains(&notice) {
                    eprintln!("tapscope: {notice}");
                    notices.push(notice);
                }
            }
            if let Some(recording) = recording.as_mut() {
                recording.learn_names(live.network.tables());
            }
            if is_over && let Some(recording) = &recording {
                let at = live.now();
                recording.end_at(at);
                live.tell_time(at)?;
            } else {
                live.network.tick(live.now());
            }
            let tables = live.network.current();
            let topology = Topology::build(tables);
            let findings = findings(tables, &topology);
            let news = told.news(tables, &topology, &findings);
            print(&news, arguments.format, arguments.color.is_on())?;
        }
        if is_over {
            return Ok(recording.map_or(EXIT_OK, Recording::end));
        }
    }
}

/// Prints changes, a line each.
pub fn print(news: &[Change], format: Format, color: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for change in news {
        match format {
            Format::Json => {
                serde_json::to_writer(&mut out, change)?;
                writeln!(out)?;
            }
            Format::Text => write_line(&mut out, change.at, &change.text, color)?,
        }
    }
    out.flush()?;
    Ok(())
}

/// Prints one line for people; its first character says how it is meant.
pub fn print_line(at: Timestamp, text: &str, color: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    write_line(&mut out, at, text, color)?;
    out.flush()?;
    Ok(())
}

fn write_line(out: &mut impl Write, at: Timestamp, text: &str, color: bool) -> std::io::Result<()> {
    let code = match text.as_bytes().first() {
        Some(b'!') => "31",
        Some(b'+') => "32",
        Some(b'-') => "33",
        _ => "0",
    };
    let time = clock(at);
    if color && code != "0" { writeln!(out, "{time} \x1b[{code}m{text}\x1b[0m") } else { writeln!(out, "{time} {text}") }
}

/// The time of the day in UTC, with milliseconds.
fn clock(at: Timestamp) -> String {
    let (seconds, nanos) = at.parts();
    let of_day = seconds.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}.{:03}", of_day / 3600, of_day / 60 % 60, of_day % 60, nanos / 1_000_000)
}
