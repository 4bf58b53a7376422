//! `tapscope show`: a capture's network, printed.

use crate::cli::{EXIT_FAILURE, EXIT_OK, EXIT_USAGE, Format, ShowArguments};
use crate::export::says;
use crate::live::LiveArguments;
use crate::live::show::Looks;
use crate::record::Recording;
use crate::until::Until;
use crate::{report, source};
use anyhow::{Context, Result, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use tapscope_capture::file::{FileFacts, Merged, Next, Reader};
use tapscope_capture::filter::Filter;
use tapscope_capture::remote::Origin;
use tapscope_graph::display_filter::DisplayFilter;
use tapscope_graph::tables::Limits;
use tapscope_graph::tables::Point;
use tapscope_graph::{Batch, Event, FrameNo, LinkType, Network, PointId, Text, Timestamp, View};

/// What was read, and what it shows.
pub struct Reading {
    /// The files, in the order of the command line.
    pub files: Vec<FileFacts>,
    /// When somebody looked at a living host.
    pub at: Option<Timestamp>,
    /// The network at the end.
    pub view: View,
}

/// Prints what the files show; gives the exit code.
pub fn run(arguments: &ShowArguments) -> Result<u8> {
    let live = LiveArguments {
        interfaces: arguments.interfaces.clone(),
        filter: arguments.filter.clone(),
        follow: arguments.follow.clone(),
        netns: arguments.netns.clone(),
        cables: arguments.cables.clone(),
        qmp: arguments.qmp.clone(),
        interpose: arguments.interpose.clone(),
        yes: arguments.yes,
        display: arguments.display.clone().unwrap_or_default(),
        ..LiveArguments::default()
    };
    if arguments.live {
        let time = arguments.time.unwrap_or(Duration::from_secs(5));
        let mut recording = arguments.write.as_deref().map(|path| Recording::beside(path, &live)).transpose()?;
        let mut between = |reading: &Reading| print(reading, arguments.format, arguments.color.is_on());
        let looks = Looks { time: Some(time), every: arguments.every, between: &mut between };
        let last = crate::live::show::read(&live, looks, recording.as_mut())?;
        print(&last, arguments.format, arguments.color.is_on())?;
        return Ok(recording.map_or(EXIT_OK, Recording::end));
    }
    let origins = source::origins(&arguments.files)?;
    if origins.iter().any(Origin::is_stream) {
        if arguments.until.is_some() {
            eprintln!("tapscope: --until is for files: a stream ends with --for or ctrl-C");
            return Ok(EXIT_USAGE);
        }
        let reading = crate::live::show::stream(&origins, &live, arguments.time)?;
        print(&reading, arguments.format, arguments.color.is_on())?;
        return Ok(EXIT_OK);
    }
    if arguments.time.is_some() || !arguments.interfaces.is_empty() || !arguments.netns.is_empty() {
        eprintln!("tapscope: --for, -i and --netns are for what is captured now: --live, and ssh:// (--for also tcp://)");
        return Ok(EXIT_USAGE);
    }
    let filter = arguments.filter.as_deref().map(Filter::new).transpose()?;
    if let Some((path, _)) = arguments.offset.iter().find(|(path, _)| !arguments.files.contains(path)) {
        anyhow::bail!("--offset names {}, which is not among the files", Text::path(&path.to_string_lossy()));
    }
    let mut readers = Vec::new();
    let mut failed = false;
    for path in &arguments.files {
        match Reader::open(path) {
            Ok(reader) => {
                let offset = arguments.offset.iter().rfind(|(named, _)| named == path).map_or(0, |(_, nanos)| *nanos);
                readers.push((reader, offset));
            }
            Err(error) => {
                failed = true;
                complain(path, &anyhow!(error));
            }
        }
    }
    if readers.is_empty() {
        return Ok(EXIT_FAILURE);
    }
    let reading = read_where(Merged::shifted(readers), filter, &live.display, arguments.until.map(Until::new))?;
    for facts in &reading.files {
        if let Some(reason) = &facts.incomplete {
            failed = true;
            complain(&PathBuf::from(&facts.path), &anyhow!("{reason}"));
        }
        if let Some(first) = &facts.first_passed_over {
            failed = true;
            let more = if facts.passed_over > 1 { format!(", and {} more", facts.passed_over - 1) } else { String::new() };
            complain(&PathBuf::from(&facts.path), &anyhow!("passed over {first}{more}"));
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

/// A display filter of the command line; an error shows where it is wrong.
pub fn display_filter(text: &str) -> Result<DisplayFilter, String> {
    DisplayFilter::parse(text).map_err(|error| {
        let column = text.get(..error.at.start).map_or(0, |before| before.chars().count());
        format!("{}\n  {text}\n  {}^", error.text, " ".repeat(column))
    })
}

/// `FILE=SECONDS`, as the file and nanoseconds.
pub fn offset(text: &str) -> Result<(PathBuf, i64), String> {
    let (path, seconds) = text.rsplit_once('=').ok_or("is not FILE=SECONDS")?;
    let (is_behind, digits) = seconds.strip_prefix('-').map_or((false, seconds.strip_prefix('+').unwrap_or(seconds)), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = fraction.len() <= 9 && (whole.to_owned() + fraction).bytes().all(|digit| digit.is_ascii_digit());
    let nanos =
        is_number.then(|| whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(format!("{fraction:0<9}").parse().ok()?));
    let nanos = nanos.flatten().ok_or(format!("{seconds:?} is no number of seconds"))?;
    Ok((PathBuf::from(path), if is_behind { -nanos } else { nanos }))
}

fn complain(path: &std::path::Path, error: &anyhow::Error) {
    eprintln!("tapscope: {}: {error:#}", Text::new(&path.to_string_lossy()));
}

/// Batches that go from thread to thread together: fewer would make the threads wake each other too often.
const GROUP: usize = 8;
/// Groups that take turns. With more, what was read would not be in a cache any more when it is learned.
const GROUPS: usize = 4;

/// Reads to the end.
///
/// # Errors
/// As [`read_where`].
pub fn read(files: Merged, filter: Option<Filter>) -> Result<Reading> {
    read_where(files, filter, &DisplayFilter::default(), None)
}

/// Reads to the end, or up to a moment, what both filters mean: one thread reads and outlines the frames, this one learns them in their order.
///
/// # Errors
/// Where the filter does not fit a link type of the files, or the system gives no thread.
pub fn read_where(files: Merged, mut filter: Option<Filter>, display: &DisplayFilter, until: Option<Until>) -> Result<Reading> {
    let mut network = Network::new(Limits::default(), seed());
    let mut link_types: Vec<LinkType> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut frames = 0;
    let (given, groups) = channel();
    let (back, empty) = channel();
    for _ in 0..GROUPS {
        back.send(vec![Batch::default(); GROUP])?;
    }
    let reader = std::thread::Builder::new().name("reader".into()).spawn(move || give(files, until, &given, &empty));
    let reader = reader.context("cannot start the thread that reads")?;
    for events in groups {
        let mut learned = Vec::with_capacity(GROUP);
        for event in events {
            if let Event::Opened(info) = &event {
                names.push(Point { info: info.clone(), ..Point::default() }.label(PointId(link_types.len() as u32)));
                link_types.push(info.link_type);
            }
            learned.push(match (event, &mut filter) {
                (Event::Frames(batch), filter) if !display.is_empty() => {
                    let passed = filter.as_mut().map(|filter| passed(filter, &link_types, &batch)).transpose()?;
                    let name = |point: PointId| Some((*link_types.get(point.0 as usize)?, names.get(point.0 as usize)?.clone()));
                    network.observe_batch(&meant(display, passed.as_ref().unwrap_or(&batch), &mut frames, name));
                    batch
                }
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
    Ok(Reading { files, at: None, view: network.into_view() })
}

/// The thread that reads: gives every event in its order, one for each empty batch, until the end or until nobody listens.
fn give(mut files: Merged, mut until: Option<Until>, given: &Sender<Vec<Event>>, empty: &Receiver<Vec<Batch>>) -> Vec<FileFacts> {
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
        if let Some(limit) = &mut until {
            events = events.into_iter().flat_map(|event| limit.pass(event)).collect();
            ended |= limit.is_over();
            if ended {
                events.extend(until.take().and_then(Until::end));
            }
        }
        ended |= given.send(events).is_err();
    }
    progress.finish();
    files.into_facts()
}

/// The frames of a batch that pass a filter; `link_types` are those of the points by their numbers.
///
/// # Errors
/// Where the filter does not fit a link type.
pub fn passed(filter: &mut Filter, link_types: &[LinkType], batch: &Batch) -> Result<Batch> {
    let mut passed = Batch::default();
    for (index, frame) in batch.frames().enumerate() {
        let link_type = link_types.get(frame.point.0 as usize).copied().unwrap_or_default();
        if filter.matches(link_type, frame.bytes)? {
            passed.push_beside(frame, batch, index);
        }
    }
    Ok(passed)
}

/// The frames of a batch that a display filter means; `frames` counts those that came, `name` gives a point's link type and label.
pub fn meant(filter: &DisplayFilter, batch: &Batch, frames: &mut u64, name: impl Fn(PointId) -> Option<(LinkType, String)>) -> Batch {
    let mut meant = Batch::default();
    let mut known: BTreeMap<PointId, Option<(LinkType, String)>> = BTreeMap::new();
    for frame in batch.frames() {
        *frames += 1;
        let point = known.entry(frame.point).or_insert_with(|| name(frame.point));
        let Some((link_type, label)) = point else { continue };
        if says(filter, FrameNo(*frames), *link_type, label, &frame) {
            meant.push(frame);
        }
    }
    meant
}

/// A seed that guests cannot know: the standard library's own, which comes from the operating system.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// A bar on standard error for what takes longer than a moment, on a terminal.
pub struct Progress {
    began: Instant,
    looked: Instant,
    bar: Option<ProgressBar>,
    is_wanted: bool,
}

impl Progress {
    const PATIENCE: Duration = Duration::from_millis(500);
    const STEP: Duration = Duration::from_millis(100);

    /// Nothing is shown yet.
    pub fn new() -> Progress {
        let now = Instant::now();
        Progress { began: now, looked: now, bar: None, is_wanted: std::io::stderr().is_terminal() }
    }

    /// Shows how far it is, once it takes long.
    pub fn tick(&mut self, files: &Merged) {
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

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
