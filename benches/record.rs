//! What recording costs who captures, and whether all of a fast line is recorded, beside dumpcap and tcpdump.
//!
//! The answer is Markdown, for the README. Files go to the system's folder for temporary files, and away again.

#[path = "../capture/tests/lab/mod.rs"]
mod lab;

use lab::generator::{Generator, Sent, Sizes};
use lab::{in_namespace, ip, veth};
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tapscope_capture::file::{Next, Reader};
use tapscope_capture::record::{End, Options, Place, Recorder, Section};
use tapscope_graph::{Batch, Direction, Event, Frame, LinkType, PointId, PointInfo, Timestamp};

/// Frames of the generator in memory, and how many come in a second.
const FRAMES: u64 = 5_000_000;
const RATE: f64 = 1_000_000.0;
/// On the line.
const LINE_RATE: f64 = 500_000.0;
const LINE_FRAMES: u64 = 2_500_000;

fn main() -> ExitCode {
    let folder = std::env::temp_dir().join(format!("tapscope-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    memory(&folder);
    if nix::unistd::geteuid().is_root() {
        line(&folder);
    } else {
        eprintln!("record: the line needs root: sudo env PATH=\"$PATH\" cargo bench --bench record");
    }
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
    ExitCode::SUCCESS
}

fn thread_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has it").into()
}

/// Small packets from memory: what a capturing thread does for them.
fn memory(folder: &Path) {
    let bytes = [7; 64];
    let mut batch = Batch::default();
    while batch.len() < Batch::FRAMES {
        let (at, point) = (Timestamp(1_700_000_000_000_000_000), PointId(0));
        batch.push(Frame { at, point, direction: Direction::Inbound, original_length: 64, bytes: &bytes });
    }
    let event = Event::Frames(batch);
    println!("| from memory to disk | ns a packet in the capturing thread | packets | lost |");
    println!("|---|--:|--:|--:|");
    for (what, rate) in [("1,000,000 packets a second", Some(RATE)), ("as fast as it goes", None)] {
        let path = folder.join("memory.pcapng");
        let options = Options { min_free: Some(0), ..Options::new(Place::File(path.clone()), Section::default()) };
        let recorder = Recorder::start(options).expect("it begins");
        let inlet = recorder.inlet();
        inlet.record(&Event::Opened(PointInfo { link_type: LinkType::ETHERNET, ..PointInfo::default() }));
        let (began, mut cost, mut sent) = (Instant::now(), Duration::ZERO, 0);
        while sent < FRAMES {
            // A batch each quarter of a millisecond, in groups: sleeping is not exact.
            let due = rate.map_or(FRAMES, |rate| (began.elapsed().as_secs_f64() * rate) as u64);
            if sent >= due {
                std::thread::sleep(Duration::from_micros(500));
                continue;
            }
            let before = thread_time();
            while sent < due.min(FRAMES) {
                inlet.record(&event);
                sent += Batch::FRAMES as u64;
            }
            cost += thread_time() - before;
        }
        let status = recorder.finish();
        assert!(matches!(status.end, Some(End::Asked)), "{status:?}");
        assert_eq!(status.packets + status.dropped, sent);
        println!("| {what} | {} | {sent} | {} |", cost.as_nanos() / u128::from(sent), status.dropped);
        std::fs::remove_file(path).expect("it is there");
    }
}

/// A program that records a line.
struct Peer {
    name: &'static str,
    program: String,
    arguments: Vec<String>,
    /// What it says on standard error when it listens.
    ready: &'static str,
}

fn peers(file: &str) -> Vec<Peer> {
    let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let peer = |name, program: &str, text: String, ready| Peer { name, program: program.to_owned(), arguments: words(&text), ready };
    vec![
        peer("tapscope record", env!("CARGO_BIN_EXE_tapscope"), format!("record --netns own -i v1 --min-free 0 -w {file}"), "listening on"),
        peer("dumpcap", "dumpcap", format!("-i v1 -q -B 16 -w {file}"), "File:"),
        peer("tcpdump", "tcpdump", format!("-i v1 -n -B 16384 -w {file}"), "listening on"),
    ]
}

/// A pair of veths at half a million frames a second.
fn line(folder: &Path) {
    println!("\n| on a line | frames | rate a second | sent | recorded | lost | CPU of a core |");
    println!("|---|---|--:|--:|--:|--:|--:|");
    for sizes in [Sizes::Small, Sizes::Mixed] {
        let path = folder.join("line.pcapng");
        for peer in peers(&path.to_string_lossy()) {
            let frames = if sizes == Sizes::Small { "64 octets" } else { "64 to 1,514" };
            match in_namespace(|| record(&peer, &path, sizes)) {
                Ok((sent, recorded, cpu)) => {
                    let lost = sent.frames.saturating_sub(sent.backlog).saturating_sub(recorded);
                    let share = 100.0 * cpu.as_secs_f64() / sent.took.as_secs_f64();
                    println!("| {} | {frames} | {:.0} | {} | {recorded} | {lost} | {share:.0} % |", peer.name, sent.rate(), sent.frames);
                }
                Err(error) => println!("| {} | {frames} | | | | {error} | |", peer.name),
            }
            let _ = std::fs::remove_file(&path);
        }
    }
}

fn record(peer: &Peer, path: &Path, sizes: Sizes) -> io::Result<(Sent, u64, Duration)> {
    veth("v0", "v1");
    ip("link set v1 promisc on");
    let mut child = Command::new(&peer.program).args(&peer.arguments).stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains(peer.ready) {
        line.clear();
        if said.read_line(&mut line)? == 0 {
            return Err(io::Error::other(format!("{} does not listen", peer.name)));
        }
    }
    // dumpcap says the file's name some moments before it listens.
    std::thread::sleep(Duration::from_millis(500));
    let before = cpu_of(&child)?;
    let sent = Generator::new("v0").and_then(|mut generator| generator.flood(sizes, Some(LINE_RATE), LINE_FRAMES))?;
    // What is in the rings then comes out in a moment.
    std::thread::sleep(Duration::from_millis(500));
    let cpu = cpu_of(&child)? - before;
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT)?;
    let mut rest = String::new();
    said.read_to_string(&mut rest)?;
    child.wait()?;
    Ok((sent, count(path)?, cpu))
}

/// All threads' time, in the system's ticks.
fn cpu_of(child: &Child) -> io::Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).ok_or_else(|| io::Error::other("no times"))?;
    Ok(Duration::from_millis((user + system) * 10))
}

fn count(path: &Path) -> io::Result<u64> {
    let mut reader = Reader::open(path).map_err(io::Error::other)?;
    let mut batch = Batch::default();
    while !matches!(reader.next(&mut batch), Next::End) {}
    Ok(reader.facts().packets)
}
