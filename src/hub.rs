//! `tapscope hub`: a switch that new guests are plugged into, and that tells what passes.

use crate::cli::{Color, EXIT_FAILURE, EXIT_OK};
use crate::live::{Format, now, stop_signal, watch};
use anyhow::{Context, Result};
use clap::Args;
use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use serde::Serialize;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tapscope_capture::hub::{Hub, Outlets, Place, PortReport, Report, Settings, What};
use tapscope_graph::changes::{Kind, Told};
use tapscope_graph::finding::findings;
use tapscope_graph::tables::Limits;
use tapscope_graph::topology::Topology;
use tapscope_graph::{Batch, Event, Network};

/// Where guests are waited for if nothing else is said: the how-to's port, for this host only.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8010);
/// Events that may wait for the model.
const EVENTS: usize = 1024;
/// Reports that may wait to be printed.
const REPORTS: usize = 1024;
/// How often the time and ctrl-C are looked at.
const STEP: Duration = Duration::from_millis(50);
/// How often news are looked for when nothing comes: what waits for an answer is told when its time is over.
const LOOK: Duration = Duration::from_millis(500);

/// `tapscope hub`
#[derive(Args, Debug)]
#[command(after_help = "A guest is plugged in by QEMU's command line, each with a MAC of its own:
  -device virtio-net-pci,netdev=n0,mac=52:54:00:12:34:57 -netdev …
  any version, wire dead when the hub ends   socket,id=n0,connect=127.0.0.1:8010
  7.2 and newer, the same                    stream,id=n0,server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=8010
  8.0 to 9.1, comes back by itself           …,addr.port=8010,reconnect=1
  9.2 and newer, comes back by itself        …,addr.port=8010,reconnect-ms=500
  by a path, as above but                    stream,id=n0,server=off,addr.type=unix,addr.path=/run/hub.sock
  a guest that listens (--connect)           socket,id=n0,listen=127.0.0.1:8011
  datagrams (--udp 127.0.0.1:7001,127.0.0.1:7002)   socket,id=n0,udp=127.0.0.1:7001,localaddr=127.0.0.1:7002

Examples:
  tapscope hub --watch                                   guests on 127.0.0.1:8010, and what they say
  tapscope hub --unix /run/hub.sock
  tapscope hub --connect 127.0.0.1:8011 --connect 127.0.0.1:8012     joins two guests that listen
  sudo tapscope hub --tap tap9                           joins guests with the bridge that tap9 is a port of

Frames to an address that was not heard yet go to every port. There is no spanning tree: two ways from the hub to
one network are a loop. A guest that listens takes one peer, and --connect is that peer.

Exit status: 0 the time is over or ctrl-C; 1 a place cannot be had; 64 usage.")]
pub struct HubArguments {
    /// Wait for guests at this address; a number alone is a port of 127.0.0.1. It is 127.0.0.1:8010 if neither this nor --unix is
    /// given, nor two others to be joined
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    listen: Vec<SocketAddr>,
    /// Wait for guests at this path
    #[arg(long, value_name = "PATH")]
    unix: Vec<PathBuf>,
    /// Go to a guest that listens at this address, and again whenever it is there
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    connect: Vec<SocketAddr>,
    /// Exchange datagrams with a guest: our address, its address
    #[arg(long, value_name = "OURS,THEIRS", value_parser = addresses)]
    udp: Vec<(SocketAddr, SocketAddr)>,
    /// Join a TAP device of this host, which has to be there and be used by nobody else
    #[arg(long, value_name = "NAME")]
    tap: Vec<String>,
    /// Tell what passes, as `tapscope watch` does
    #[arg(long)]
    watch: bool,
    /// Stop after this long, such as 10s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// When to use colours in text
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::new(DEFAULT.ip(), port));
    }
    let numbers = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let parsed = numbers.as_deref().unwrap_or(text).parse();
    parsed.map_err(|_| "not an address and a port, such as 127.0.0.1:8010; for all addresses of this host 0.0.0.0:8010".to_owned())
}

fn addresses(text: &str) -> Result<(SocketAddr, SocketAddr), String> {
    let (ours, theirs) = text.split_once(',').ok_or("not two addresses, such as 127.0.0.1:7001,127.0.0.1:7002")?;
    Ok((address(ours)?, address(theirs)?))
}

impl HubArguments {
    fn places(&self) -> Vec<Place> {
        let others = self.connect.iter().copied().map(Place::Connect);
        let others = others.chain(self.udp.iter().map(|&(local, remote)| Place::Udp { local, remote }));
        let others: Vec<Place> = others.chain(self.tap.iter().cloned().map(Place::Tap)).collect();
        let is_default = self.listen.is_empty() && self.unix.is_empty() && others.len() < 2;
        let listen = self.listen.iter().copied().chain(is_default.then_some(DEFAULT)).map(Place::Listen);
        listen.chain(self.unix.iter().cloned().map(Place::Unix)).chain(others).collect()
    }
}

/// Forwards until the time is over or the user says so; gives the exit code.
pub fn run(arguments: &HubArguments) -> Result<u8> {
    let stop = stop_signal()?;
    let places = arguments.places();
    for place in &places {
        if let Place::Listen(address) = place
            && !address.ip().is_loopback()
        {
            eprintln!("tapscope: whoever reaches {address} can be plugged in: nobody is asked for a password");
        }
    }
    let printer = Printer { format: arguments.format, color: arguments.color.is_on() };
    let (reports, told) = bounded(REPORTS);
    let (mut watcher, events, spent) = Watcher::new(arguments.watch);
    let hub = Hub::start(Settings { places, ..Settings::default() }, Outlets { events, spent, reports }).context("cannot start the hub")?;
    eprintln!("tapscope: the hub forwards; ctrl-C ends");
    let end = arguments.time.map(|time| Instant::now() + time);
    while !stop.load(Ordering::Relaxed) && end.is_none_or(|end| Instant::now() < end) {
        let step = end.map_or(STEP, |end| STEP.min(end.saturating_duration_since(Instant::now())));
        select! {
            recv(told) -> report => if let Ok(report) = report { printer.report(&report)? },
            recv(watcher.events) -> event => if let Ok(event) = event { watcher.learn(event) },
            default(step) => {}
        }
        watcher.tell(&printer, false)?;
        if hub.is_over() {
            eprintln!("tapscope: the hub's thread ended; start it again");
            return Ok(EXIT_FAILURE);
        }
    }
    let ports = hub.stop();
    for report in told.try_iter() {
        printer.report(&report)?;
    }
    watcher.tell(&printer, true)?;
    printer.statistics(&ports)?;
    Ok(EXIT_OK)
}

/// Learns from the hub's own ports what they tell.
struct Watcher {
    network: Network,
    events: Receiver<Event>,
    spent: Sender<Batch>,
    told: Told,
    looked: Instant,
    is_on: bool,
    is_new: bool,
}

impl Watcher {
    /// Also gives where events go, if they are wanted, and where batches come back from.
    fn new(is_on: bool) -> (Watcher, Option<Sender<Event>>, Receiver<Batch>) {
        let (spent, empty) = bounded(EVENTS);
        let (sender, events) = if is_on {
            let (sender, events) = bounded(EVENTS);
            (Some(sender), events)
        } else {
            (None, never())
        };
        let network = Network::new(Limits::default(), crate::show::seed());
        let watcher = Watcher { network, events, spent, told: Told::default(), looked: Instant::now(), is_on, is_new: false };
        (watcher, sender, empty)
    }

    fn learn(&mut self, event: Event) {
        self.is_new = true;
        let mut next = Some(event);
        // What came together is learned together.
        for _ in 0..EVENTS {
            let Some(event) = next else { break };
            self.network.observe(&event);
            if let Event::Frames(mut batch) = event {
                batch.clear();
                let _ = self.spent.try_send(batch);
            }
            next = self.events.try_recv().ok();
        }
        if let Some(event) = next {
            self.network.observe(&event);
        }
    }

    fn tell(&mut self, printer: &Printer, is_over: bool) -> Result<()> {
        if is_over && let Ok(event) = self.events.try_recv() {
            self.learn(event);
        }
        let since = self.looked.elapsed();
        if !self.is_on || !(is_over || since > LOOK || self.is_new && since > STEP) {
            return Ok(());
        }
        (self.looked, self.is_new) = (Instant::now(), false);
        self.network.tick(now());
        let tables = self.network.current();
        let topology = Topology::build(tables);
        let findings = findings(tables, &topology);
        let mut news = self.told.news(tables, &topology, &findings);
        // Who came and went is told by the hub.
        news.retain(|change| change.event != Kind::Point);
        watch::print(&news, printer.format, printer.color)
    }
}

struct Printer {
    format: Format,
    color: bool,
}

/// A report for programs, in the form of `tapscope watch`'s changes.
#[derive(Serialize)]
struct ReportLine<'a> {
    at: String,
    event: &'static str,
    text: String,
    place: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// What passed, for programs: the last line.
#[derive(Serialize)]
struct Statistics<'a> {
    at: String,
    event: &'static str,
    ports: Vec<PortLine<'a>>,
}

#[derive(Serialize)]
struct PortLine<'a> {
    port: u32,
    place: &'a str,
    peer: Option<&'a str>,
    mac: Option<String>,
    received_frames: u64,
    received_octets: u64,
    sent_frames: u64,
    sent_octets: u64,
    dropped_frames: u64,
    short_frames: u64,
}

impl Printer {
    fn report(&self, report: &Report) -> Result<()> {
        match self.format {
            Format::Text => watch::print_line(report.at, &report.to_string(), self.color),
            Format::Json => {
                let (peer, mac, reason) = match &report.what {
                    What::Listens => (None, None, None),
                    What::Came { peer } => (Some(peer), None, None),
                    What::Recognised { peer, mac, .. } => (Some(peer), Some(mac), None),
                    What::Went { reason } | What::Trouble { reason } => (None, None, Some(reason)),
                };
                self.json(&ReportLine {
                    at: report.at.to_string(),
                    event: report.what.name(),
                    text: report.to_string(),
                    place: report.place.as_str(),
                    port: report.port,
                    peer: peer.map(|peer| peer.as_str()),
                    mac: mac.map(ToString::to_string),
                    reason: reason.map(|reason| reason.as_str()),
                })
            }
        }
    }

    fn statistics(&self, ports: &[PortReport]) -> Result<()> {
        let at = now();
        match self.format {
            Format::Text => ports.iter().try_for_each(|port| watch::print_line(at, &statistics(port), self.color)),
            Format::Json => {
                self.json(&Statistics { at: at.to_string(), event: "statistics", ports: ports.iter().map(port_line).collect() })
            }
        }
    }

    fn json(&self, line: &impl Serialize) -> Result<()> {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, line)?;
        writeln!(out)?;
        out.flush()?;
        Ok(())
    }
}

/// `hub port 1 (52:54:00:12:34:57): 12 frames in, 13 out, 0 dropped`, with octets.
fn statistics(port: &PortReport) -> String {
    let counters = &port.counters;
    let who = port.mac.map_or_else(|| port.place.to_string(), |mac| mac.to_string());
    let short = if counters.short_frames == 0 { String::new() } else { format!(", {} too short to be frames", counters.short_frames) };
    format!(
        "  hub port {} ({who}): {} frames in ({} octets), {} out ({} octets), {} dropped{short}",
        port.number,
        counters.received_frames,
        counters.received_octets,
        counters.sent_frames,
        counters.sent_octets,
        counters.dropped_frames
    )
}

fn port_line(port: &PortReport) -> PortLine<'_> {
    PortLine {
        port: port.number,
        place: port.place.as_str(),
        peer: port.peer.as_ref().map(|peer| peer.as_str()),
        mac: port.mac.map(|mac| mac.to_string()),
        received_frames: port.counters.received_frames,
        received_octets: port.counters.received_octets,
        sent_frames: port.counters.sent_frames,
        sent_octets: port.counters.sent_octets,
        dropped_frames: port.counters.dropped_frames,
        short_frames: port.counters.short_frames,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_port_of_loopback_and_all_addresses_are_only_meant_when_said() {
        assert_eq!(address("8010"), Ok(DEFAULT));
        assert_eq!(address("localhost:8010"), Ok(DEFAULT));
        assert_eq!(address("0.0.0.0:1"), Ok(([0, 0, 0, 0], 1).into()));
        assert!(address(":8010").is_err());
        assert_eq!(addresses("1,2").map(|(ours, theirs)| (ours.port(), theirs.port())), Ok((1, 2)));
        assert!(addresses("1").is_err());
    }
}
