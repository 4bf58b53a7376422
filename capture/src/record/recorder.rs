//! Recording beside everything else: who captures puts events into memory, one thread brings them to the disk.
//!
//! Two buffers of whole blocks take turns: one is filled while the other is written. The filling costs a copy of each frame; no system
//! call, no allocation once the buffers have grown. The thread wakes at least every [`PERIOD`], so what is older is in the file, whatever
//! ends the program. Where the disk is so slow that the buffer is full, frames are counted instead of kept, and the recording says so.

use super::limits::Limits;
use super::output::Output;
use super::{Encoder, PcapEncoder, Place, RecordError, Section};
use crate::file::Format;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tapscope_graph::{Batch, Event, LossCause, PointId, Text};

/// What was captured is written after this long at the latest.
const PERIOD: Duration = Duration::from_millis(100);
/// Octets that are worth waking the thread for.
const CHUNK: usize = 512 << 10;
/// How often the statistics are written while it goes on.
const STATISTICS: Duration = Duration::from_secs(10);
/// Names that are kept for files to come.
const NAMES: usize = 65_536;

/// What to record, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to.
    pub place: Place,
    /// In which format.
    pub format: Format,
    /// What the recording says of itself.
    pub section: Section,
    /// When it goes on in another file, of a ring; none: all in one.
    pub ring: Option<Limits>,
    /// When it ends.
    pub end: Limits,
    /// Octets that stay free on its file system; none: 500 MB, or a twentieth of it if that is less.
    pub min_free: Option<u64>,
    /// Octets that may wait for the disk.
    pub room: usize,
}

impl Options {
    /// Everything into one file.
    pub fn new(place: Place, section: Section) -> Options {
        Options { place, format: Format::Pcapng, section, ring: None, end: Limits::default(), min_free: None, room: 64 << 20 }
    }
}

/// How a recording stands.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Frames that were taken.
    pub packets: u64,
    /// Octets that were written.
    pub octets: u64,
    /// Frames that found no room because the disk was slow.
    pub dropped: u64,
    /// Frames that were captured and lost by point: taken, and dropped here.
    pub points: Vec<(u64, u64)>,
    /// Files that were begun.
    pub files: u32,
    /// Those that are there.
    pub kept: Vec<PathBuf>,
    /// Why it ended, if it has.
    pub end: Option<End>,
}

/// Why a recording ended.
#[derive(Clone, Debug)]
pub enum End {
    /// It was asked to.
    Asked,
    /// What it should hold is in it.
    Limit,
    /// Something went wrong; up to there it is whole.
    Failed(Arc<RecordError>),
}

enum Encoding {
    Pcapng(Box<Encoder>),
    Pcap(PcapEncoder),
}

/// What who captures and the thread share.
struct State {
    encoding: Encoding,
    ring: Option<Limits>,
    until: Limits,
    room: usize,
    /// Whole blocks that wait to be written, and where among them files end.
    pending: Vec<u8>,
    cuts: Vec<usize>,
    /// Of the file that is being filled.
    file: Filled,
    /// Of all files but this one.
    before: u64,
    began: Instant,
    told: Instant,
    status: Status,
    /// Dropped and not told yet, by point.
    untold: Vec<u64>,
    names: BTreeSet<(IpAddr, Text)>,
}

struct Filled {
    began: Instant,
    packets: u64,
    octets: u64,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

/// A recording that is under way. Dropping it ends it.
pub struct Recorder {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The way into a recording, for whoever has the events.
#[derive(Clone)]
pub struct Inlet {
    shared: Arc<Shared>,
}

impl Recorder {
    /// Opens the file and begins.
    ///
    /// # Errors
    /// Where the file cannot be made, or the system gives no thread.
    pub fn start(options: Options) -> Result<Recorder, RecordError> {
        let Options { place, format, section, ring, end, min_free, room } = options;
        let is_pcapng = format == Format::Pcapng;
        let encoding = match format {
            Format::Pcapng => Encoding::Pcapng(Box::new(Encoder::new(section))),
            Format::Pcap => Encoding::Pcap(PcapEncoder::default()),
        };
        let output = Output::create(place, ring.map(|limits| limits.files), min_free, is_pcapng)?;
        let now = Instant::now();
        let mut state = State {
            encoding,
            ring,
            until: end,
            room,
            pending: Vec::new(),
            cuts: Vec::new(),
            file: Filled { began: now, packets: 0, octets: 0 },
            before: 0,
            began: now,
            told: now,
            status: Status { files: 1, ..Status::default() },
            untold: Vec::new(),
            names: BTreeSet::new(),
        };
        state.begin_file();
        let shared = Arc::new(Shared { state: Mutex::new(state), work: Condvar::new() });
        let thread = {
            let shared = shared.clone();
            std::thread::Builder::new().name("record".into()).spawn(move || shared.run(output)).map_err(RecordError::Thread)?
        };
        Ok(Recorder { shared, thread: Some(thread) })
    }

    /// A way in.
    pub fn inlet(&self) -> Inlet {
        Inlet { shared: self.shared.clone() }
    }

    /// Adds what is known of names, for who reads the file: what is new of it.
    pub fn names<'n>(&self, names: impl IntoIterator<Item = (IpAddr, &'n Text)>) {
        self.shared.lock().learn_names(names);
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.shared.lock().status.clone()
    }

    /// Ends it, and waits until all is written.
    pub fn finish(mut self) -> Status {
        self.end();
        self.status()
    }

    fn end(&mut self) {
        self.shared.lock().status.end.get_or_insert(End::Asked);
        self.shared.work.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

impl Inlet {
    /// Takes an event; never waits for the disk. Gives whether the recording goes on.
    pub fn record(&self, event: &Event) -> bool {
        let mut state = self.shared.lock();
        state.take(event);
        let goes_on = state.status.end.is_none();
        let is_much = state.pending.len() >= CHUNK;
        drop(state);
        if is_much || !goes_on {
            self.shared.work.notify_one();
        }
        goes_on
    }

    /// Ends the recording with what it has taken by now.
    pub fn end(&self) {
        self.shared.lock().status.end.get_or_insert(End::Asked);
        self.shared.work.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread that writes.
    fn run(&self, mut output: Output) {
        let (mut blocks, mut cuts) = (Vec::new(), Vec::new());
        loop {
            let mut state = self.lock();
            if state.status.end.is_none() && state.pending.len() < CHUNK {
                state = self.work.wait_timeout(state, PERIOD).unwrap_or_else(PoisonError::into_inner).0;
            }
            state.look_at_clock();
            let is_last = state.status.end.is_some();
            if is_last {
                state.end_file();
            }
            std::mem::swap(&mut state.pending, &mut blocks);
            std::mem::swap(&mut state.cuts, &mut cuts);
            drop(state);
            let mut written = write(&mut output, &blocks, &cuts);
            if is_last && written.is_ok() {
                written = output.close();
            }
            let mut state = self.lock();
            (state.status.octets, state.status.kept) = (output.octets(), output.kept().iter().cloned().collect());
            if let Err(error) = written {
                // Who asked for the end does not hear otherwise of what went wrong at the end.
                state.status.end = Some(End::Failed(Arc::new(error)));
                (state.pending, state.cuts) = (Vec::new(), Vec::new());
                return;
            }
            if is_last {
                return;
            }
            drop(state);
            (blocks.len() > 4 * CHUNK).then(|| blocks.shrink_to(4 * CHUNK));
            blocks.clear();
            cuts.clear();
        }
    }
}

fn write(output: &mut Output, blocks: &[u8], cuts: &[usize]) -> Result<(), RecordError> {
    let mut from = 0;
    for &cut in cuts {
        output.write(&blocks[from..cut])?;
        output.next()?;
        from = cut;
    }
    output.write(&blocks[from..])
}

impl State {
    fn take(&mut self, event: &Event) {
        if self.status.end.is_some() {
            return;
        }
        if let Event::Opened(_) = event {
            self.status.points.push((0, 0));
        }
        if self.pending.len() >= self.room {
            match event {
                Event::Frames(batch) => self.drop_frames(batch),
                // Few and small; a host that says so much while the disk does nothing at all is not kept.
                event if self.pending.len() < 2 * self.room => self.tell(event),
                _ => self.status.end = Some(End::Failed(Arc::new(RecordError::Stalled))),
            }
            return;
        }
        self.tell_dropped();
        match event {
            Event::Frames(batch) => self.take_frames(batch),
            event => self.tell(event),
        }
    }

    fn take_frames(&mut self, batch: &Batch) {
        let is_limited = self.ring.is_some() || self.until.has_any();
        for frame in batch.frames() {
            if is_limited && !self.has_room(48 + frame.bytes.len().next_multiple_of(4) as u64) {
                return;
            }
            let before = self.pending.len();
            match &mut self.encoding {
                Encoding::Pcapng(encoder) => encoder.frame(&frame, &mut self.pending),
                Encoding::Pcap(encoder) => encoder.frame(&frame, &mut self.pending),
            }
            self.file.packets += 1;
            self.file.octets += (self.pending.len() - before) as u64;
            self.status.packets += 1;
            if let Some((taken, _)) = self.status.points.get_mut(frame.point.0 as usize) {
                *taken += 1;
            }
        }
        // Who asked for so many packets does not want to wait for one more to learn that it is over.
        if self.until.packets.is_some_and(|most| self.status.packets >= most) {
            self.status.end = Some(End::Limit);
        }
    }

    /// Whether a frame may be recorded; goes on in another file where this one is full.
    fn has_room(&mut self, octets: u64) -> bool {
        // What ends a file takes some, too.
        let octets = octets + 128 * self.status.points.len() as u64;
        if self.until.is_full(self.status.packets, self.before + self.file.octets, octets) {
            self.status.end = Some(End::Limit);
            return false;
        }
        if self.ring.is_some_and(|ring| self.file.packets > 0 && ring.is_full(self.file.packets, self.file.octets, octets)) {
            self.next_file();
        }
        self.status.end.is_none()
    }

    fn tell(&mut self, event: &Event) {
        let before = self.pending.len();
        match &mut self.encoding {
            Encoding::Pcapng(encoder) => encoder.event(event, &mut self.pending),
            Encoding::Pcap(encoder) => {
                if let Err(error) = encoder.event(event, &mut self.pending) {
                    self.status.end = Some(End::Failed(Arc::new(RecordError::LinkTypes(error))));
                }
            }
        }
        self.file.octets += (self.pending.len() - before) as u64;
    }

    fn drop_frames(&mut self, batch: &Batch) {
        for frame in batch.frames() {
            let point = frame.point.0 as usize;
            if let Some((_, dropped)) = self.status.points.get_mut(point) {
                *dropped += 1;
                self.untold.resize(self.untold.len().max(point + 1), 0);
                self.untold[point] += 1;
            }
        }
        self.status.dropped += batch.len() as u64;
    }

    fn tell_dropped(&mut self) {
        for (index, frames) in std::mem::take(&mut self.untold).into_iter().enumerate().filter(|(_, frames)| *frames > 0) {
            self.tell(&Event::Lost { point: PointId(index as u32), frames, cause: LossCause::Queue });
        }
    }

    fn learn_names<'n>(&mut self, names: impl IntoIterator<Item = (IpAddr, &'n Text)>) {
        let mut fresh = Vec::new();
        for (ip, name) in names {
            if self.names.len() < NAMES && self.names.insert((ip, name.clone())) {
                fresh.push((ip, name));
            }
        }
        if self.status.end.is_none() {
            self.write_names(&fresh);
        }
    }

    fn write_names(&mut self, names: &[(IpAddr, &Text)]) {
        let before = self.pending.len();
        if let Encoding::Pcapng(encoder) = &mut self.encoding {
            encoder.names(names.iter().copied(), &mut self.pending);
        }
        self.file.octets += (self.pending.len() - before) as u64;
    }

    /// What is due by the clock.
    fn look_at_clock(&mut self) {
        if self.status.end.is_some() {
            return;
        }
        let now = Instant::now();
        if self.until.is_over(now - self.began) {
            self.status.end = Some(End::Limit);
        } else if self.ring.is_some_and(|ring| ring.is_over(now - self.file.began)) {
            self.next_file();
        } else if now - self.told >= STATISTICS {
            self.told = now;
            let before = self.pending.len();
            if let Encoding::Pcapng(encoder) = &mut self.encoding {
                encoder.statistics(&mut self.pending);
            }
            self.file.octets += (self.pending.len() - before) as u64;
        }
    }

    fn next_file(&mut self) {
        if self.until.files.is_some_and(|most| self.status.files >= most) {
            self.status.end = Some(End::Limit);
            return;
        }
        self.end_file();
        self.before += self.file.octets;
        self.status.files += 1;
        self.cuts.push(self.pending.len());
        self.file = Filled { began: Instant::now(), packets: 0, octets: 0 };
        self.begin_file();
    }

    fn begin_file(&mut self) {
        let before = self.pending.len();
        match &mut self.encoding {
            Encoding::Pcapng(encoder) => encoder.begin(&mut self.pending),
            Encoding::Pcap(encoder) => encoder.begin(&mut self.pending),
        }
        self.file.octets += (self.pending.len() - before) as u64;
        let names = std::mem::take(&mut self.names);
        let known: Vec<(IpAddr, &Text)> = names.iter().map(|(ip, name)| (*ip, name)).collect();
        self.write_names(&known);
        self.names = names;
    }

    fn end_file(&mut self) {
        self.tell_dropped();
        match &mut self.encoding {
            Encoding::Pcapng(encoder) => encoder.statistics(&mut self.pending),
            Encoding::Pcap(encoder) => encoder.end(&mut self.pending),
        }
    }
}
