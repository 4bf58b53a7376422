//! `tapscope show`: a capture's network, printed.

use crate::cli::{EXIT_FAILURE, EXIT_OK, Format, ShowArguments};
use crate::live::LiveArguments;
use crate::report;
use anyhow::{Context, Result, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use tapscope_capture::file::{FileFacts, Merged, Next, Reader};
use tapscope_capture::filter::Filter;
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Event, LinkType, Network, Text, View};

/// What was read, and what it shows.
pub struct Reading {
    /// The files, in the order of the command line.
    pub files: Vec<FileFacts>,
    /// The network at the end.
    pub view: View,
}

/// Prints what the files show; gives the exit code.
pub fn run(arguments: &ShowArguments) -> Result<u8> {
    if arguments.live {
        let live = LiveArguments {
            interfaces: arguments.interfaces.clone(),
            filter: arguments.filter.clone(),
            follow: arguments.follow.clone(),
            netns: arguments.netns.clone(),
            with_uplinks: false,
        };
        print(&crate::live::show::read(&live, arguments.time)?, arguments.format, arguments.color.is_on())?;
        return Ok(EXIT_OK);
    }
    let filter = arguments.filter.as_deref().map(Filter::new).transpose()?;
    let mut readers = Vec::new();
    let mut failed = false;
    for path in &arguments.files {
        match Reader::open(path) {
            Ok(reader) => readers.push(reader),
            Err(error) => {
                failed = true;
                complain(path, &anyhow!(error));
            }
        }
    }
    if readers.is_empty() {
        return Ok(EXIT_FAILURE);
    }
    let reading = read(Merged::new(readers), filter)?;
    for facts in &reading.files {
        if let Some(reason) = &facts.incomplete {
            failed = true;
            complain(&PathBuf::from(&facts.path), &anyhow!("{reason}"));
        }
    }
    print(&reading, arguments.format, arguments.color.is_on())?;
    // The process ends here: giving back a million rows one by one would only take time.
    std::mem::forget(reading);
    Ok(if failed { EXIT_FAILURE } else { EXIT_OK })
}

/// Prints a reading to standard output.
pub fn print(reading: &Reading, format: Format, color: bool) -> Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    match format {
        Format::Text => report::text::write(&mut out, reading, color)?,
        Format::Json => report::json::write(&mut out, reading)?,
        Format::Dot => report::dot::write(&mut out, &reading.view)?,
    }
    out.flush().context("cannot write to standard output")
}

fn complain(path: &std::path::Path, error: &anyhow::Error) {
    eprintln!("tapscope: {}: {error:#}", Text::new(&path.to_string_lossy()));
}

/// Batches that go from thread to thread together: fewer would make the threads wake each other too often.
const GROUP: usize = 8;
/// Groups that take turns. With more, what was read would not be in a cache any more when it is learned.
const GROUPS: usize = 4;

/// Reads to the end: one thread reads and outlines the frames, this one learns them in their order.
///
/// # Errors
/// Where the filter does not fit a link type of the files, or the system gives no thread.
pub fn read(files: Merged, mut filter: Option<Filter>) -> Result<Reading> {
    let mut network = Network::new(Limits::default(), seed());
    let mut link_types: Vec<LinkType> = Vec::new();
    let (given, groups) = channel();
    let (back, empty) = channel();
    for _ in 0..GROUPS {
        back.send(vec![Batch::default(); GROUP])?;
    }
    let reader = std::thread::Builder::new().name("reader".into()).spawn(move || give(files, &given, &empty));
    let reader = reader.context("cannot start the thread that reads")?;
    for events in groups {
        let mut learned = Vec::with_capacity(GROUP);
        for event in events {
            if let Event::Opened(info) = &event {
                link_types.push(info.link_type);
            }
            learned.push(match (event, &mut filter) {
                (Event::Frames(batch), Some(filter)) => {
                    network.observe_batch(&passed(filter, &link_types, &batch)?);
                    batch
                }
                (Event::Frames(batch), None) => {
                    network.observe_batch(&batch);
                    batch
                }
                (event, _) => {
                    network.observe(&event);
                    Batch::default()
                }
            });
        }
        // At the end nobody waits for them.
        let _ = back.send(learned);
    }
    let files = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    Ok(Reading { files, view: network.into_view() })
}

/// The thread that reads: gives every event in its order, one for each empty batch, until the end or until nobody listens.
fn give(mut files: Merged, given: &Sender<Vec<Event>>, empty: &Receiver<Vec<Batch>>) -> Vec<FileFacts> {
    let mut progress = Progress::new();
    let mut link_types: Vec<LinkType> = Vec::new();
    let mut ended = false;
    while !ended && let Ok(group) = empty.recv() {
        let mut events = Vec::with_capacity(GROUP);
        for mut batch in group {
            match files.next(&mut batch) {
                Next::Event(event) => {
                    if let Event::Opened(info) = &event {
                        link_types.push(info.link_type);
                    }
                    events.push(event);
                }
                Next::Frames => {
                    batch.outline(&link_types);
                    events.push(Event::Frames(batch));
                }
                Next::End => {
                    ended = true;
                    break;
                }
            }
        }
        progress.tick(&files);
        ended |= given.send(events).is_err();
    }
    progress.finish();
    files.into_facts()
}

fn passed(filter: &mut Filter, link_types: &[LinkType], batch: &Batch) -> Result<Batch> {
    let mut passed = Batch::default();
    for frame in batch.frames() {
        let link_type = link_types.get(frame.point.0 as usize).copied().unwrap_or_default();
        if filter.matches(link_type, frame.bytes)? {
            passed.push(frame);
        }
    }
    Ok(passed)
}

/// A seed that guests cannot know: the standard library's own, which comes from the operating system.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// A bar on standard error for what takes longer than a moment, on a terminal.
struct Progress {
    began: Instant,
    looked: Instant,
    bar: Option<ProgressBar>,
    is_wanted: bool,
}

impl Progress {
    const PATIENCE: Duration = Duration::from_millis(500);
    const STEP: Duration = Duration::from_millis(100);

    fn new() -> Progress {
        let now = Instant::now();
        Progress { began: now, looked: now, bar: None, is_wanted: std::io::stderr().is_terminal() }
    }

    fn tick(&mut self, files: &Merged) {
        if !self.is_wanted {
            return;
        }
        let now = Instant::now();
        if now - self.looked < Self::STEP || now - self.began < Self::PATIENCE {
            return;
        }
        self.looked = now;
        let (done, size) = files.progress();
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
            let template = match size {
                Some(_) => "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
                None => "{spinner} {bytes}, {bytes_per_sec}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        bar.set_position(done);
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
