//! The model as the session runs it: one thread that observes, and makes a view 30 times a second.

use crate::lab::generator::number_of;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};
use tapscope_capture::interface::{Live, Outlets, Settings, Target};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Event, Network};

/// Batches that may wait for the model.
const QUEUE: usize = 256;
/// How often a view is made, and which part of the time it may take.
const FRAME: Duration = Duration::from_millis(33);
const SHARE: u32 = 8;
/// Every so many frames the latency is taken.
const SAMPLE: usize = 16;
/// Nothing came for so long: the rest has come.
const QUIET: Duration = Duration::from_millis(200);

/// What the model saw.
#[derive(Default)]
pub struct Measured {
    /// Frames of the generator.
    pub frames: u64,
    /// As told by the capturing side.
    pub lost: u64,
    pub cpu: Duration,
    /// Nanoseconds from the kernel's time stamp until the model had observed a frame, sorted.
    latencies: Vec<u64>,
}

impl Measured {
    pub fn with_cpu(self, cpu: Duration) -> Measured {
        Measured { cpu, ..self }
    }

    pub fn latency(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        Duration::from_nanos(self.latencies.get(last * percent / 100).copied().unwrap_or(0))
    }
}

/// Live capture with a model behind it.
pub struct Model {
    live: Live,
    thread: JoinHandle<Measured>,
    frames: Arc<AtomicU64>,
}

impl Model {
    /// Starts, and waits until all points are open.
    pub fn start(targets: Vec<Target>) -> Model {
        let (to_events, events) = bounded(QUEUE);
        let (spent, spent_out) = bounded(QUEUE + 1);
        let (refused, refusals) = bounded(64);
        let live = Live::start(Settings::default(), Outlets { events: to_events, spent: spent_out, refused }).expect("live capture");
        let wanted = targets.len();
        let (opened, is_open) = mpsc::channel();
        let frames = Arc::new(AtomicU64::new(0));
        let count = frames.clone();
        let thread =
            std::thread::Builder::new().name("model".into()).spawn(move || run(&events, &spent, &opened, &count)).expect("a thread");
        live.listen(targets);
        for _ in 0..wanted {
            if is_open.recv_timeout(Duration::from_secs(10)).is_err() {
                let reasons: Vec<String> = refusals.try_iter().map(|refused| refused.reason.to_string()).collect();
                panic!("not all points opened: {reasons:?}");
            }
        }
        Model { live, thread, frames }
    }

    /// Waits until nothing comes any more, and stops.
    pub fn stop(self) -> Measured {
        let mut before = (self.frames.load(Ordering::Relaxed), Instant::now());
        while before.0 > 0 && before.1.elapsed() < QUIET {
            std::thread::sleep(Duration::from_millis(10));
            let frames = self.frames.load(Ordering::Relaxed);
            if frames != before.0 {
                before = (frames, Instant::now());
            }
        }
        self.live.stop();
        self.thread.join().expect("the model does not panic")
    }
}

fn run(events: &Receiver<Event>, spent: &Sender<Batch>, opened: &mpsc::Sender<()>, count: &AtomicU64) -> Measured {
    let mut network = Network::new(Limits::default(), 1);
    let mut measured = Measured { latencies: Vec::with_capacity(1 << 20), ..Measured::default() };
    let mut view = network.view();
    let (mut published, mut cost) = (Instant::now(), Duration::ZERO);
    let mut is_stale = false;
    loop {
        let event = match events.recv_timeout(FRAME) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if let Some(event) = event {
            network.observe(&event);
            is_stale = true;
            match event {
                Event::Frames(batch) => {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
                    measured.latencies.extend(batch.frames().step_by(SAMPLE).map(|frame| now.saturating_sub(frame.at.0).max(0) as u64));
                    measured.frames += batch.frames().filter(|frame| number_of(frame.bytes).is_some()).count() as u64;
                    count.store(measured.frames, Ordering::Relaxed);
                    let _ = spent.try_send(batch);
                }
                Event::Opened(_) => drop(opened.send(())),
                Event::Lost { frames, .. } => measured.lost += frames,
                Event::Closed { .. } | Event::Resumed { .. } | Event::Host { .. } => {}
            }
        }
        if is_stale && published.elapsed() >= FRAME.max(cost * SHARE) {
            let began = Instant::now();
            view = network.view();
            (cost, published, is_stale) = (began.elapsed(), Instant::now(), false);
        }
    }
    drop(view);
    measured.latencies.sort_unstable();
    measured
}

/// Time on a processor of all threads of this process that capture or observe, so far.
pub fn cpu_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let of = |folder: std::path::PathBuf| {
        let name = std::fs::read_to_string(folder.join("comm")).ok()?;
        let time = std::fs::read_to_string(folder.join("schedstat")).ok()?;
        let is_ours = matches!(name.trim(), "capture" | "interfaces" | "model");
        time.split_ascii_whitespace().next()?.parse::<u64>().ok().filter(|_| is_ours)
    };
    Duration::from_nanos(tasks.flatten().filter_map(|task| of(task.path())).sum())
}

/// Octets of packet sockets' rings that this process has mapped.
pub fn ring_octets() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let octets = |line: &str| {
        let (from, to) = line.split_ascii_whitespace().next()?.split_once('-')?;
        Some(u64::from_str_radix(to, 16).ok()? - u64::from_str_radix(from, 16).ok()?)
    };
    maps.lines().filter(|line| line.contains("socket:[")).filter_map(octets).sum()
}
