//! What is exported: files from their start, or one stream as it comes.

use crate::cli::{EXIT_FAILURE, EXIT_OK};
use crate::live::stop_signal;
use crate::show::Progress;
use crate::source;
use anyhow::{Context, Result, bail};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tapscope_capture::file::{FileFacts, Merged, Next};
use tapscope_capture::remote::{Origin, Stop};
use tapscope_graph::{Batch, Event, Text};
#[cfg(feature = "window")]
use tapscope_graph::{Packets, View, host::HostChange};

/// How soon a stream ends after ctrl-C.
const BREATH: Duration = Duration::from_millis(50);

/// What is read.
pub struct Input {
    feed: Feed,
    meter: Meter,
    watch: Option<Watch>,
    /// Whether ctrl-C ended it, where that is no usual end.
    stop: Option<Arc<AtomicBool>>,
}

enum Feed {
    Files(Box<Merged>),
    /// What a window keeps of a living host: how it stands, then the frames from this one on.
    #[cfg(feature = "window")]
    Kept {
        standing: std::vec::IntoIter<Event>,
        packets: Packets,
        next: u64,
    },
}

/// Who hears how far it is.
enum Meter {
    Terminal(Progress),
    /// Hears it from 0 to 1, where that is known, and says whether to go on.
    #[cfg(feature = "window")]
    Told {
        tell: Tell,
        at: Instant,
    },
}

/// How a window hears of it.
#[cfg(feature = "window")]
pub type Tell = Box<dyn FnMut(Option<f32>) -> bool>;

/// How often a window hears of it.
#[cfg(feature = "window")]
const STEP: Duration = Duration::from_millis(100);

#[cfg(feature = "window")]
impl Input {
    /// Files whose reader is told how far it is, and may say that it is enough: then the input ends.
    pub fn told(files: Merged, tell: Tell) -> Input {
        Input { feed: Feed::Files(Box::new(files)), meter: Meter::Told { tell, at: Instant::now() }, watch: None, stop: None }
    }

    /// What a window keeps of a living host.
    pub fn kept(view: &View, packets: Packets, tell: Tell) -> Input {
        let tables = &view.tables;
        let facts = tables.host.facts().cloned().map(HostChange::Set).collect();
        let mut standing = vec![Event::Host { at: tables.begin.unwrap_or_default(), changes: facts }];
        standing.extend(tables.points.iter().map(|point| Event::Opened(point.info.clone())));
        let next = packets.first().0;
        let feed = Feed::Kept { standing: standing.into_iter(), packets, next };
        Input { feed, meter: Meter::Told { tell, at: Instant::now() }, watch: None, stop: None }
    }
}

impl Meter {
    /// Says how far it is; gives whether to go on.
    fn tick(&mut self, feed: &Feed) -> bool {
        match (self, feed) {
            (Meter::Terminal(progress), Feed::Files(files)) => progress.tick(files),
            #[cfg(feature = "window")]
            (Meter::Told { tell, at }, feed) if at.elapsed() >= STEP => {
                *at = Instant::now();
                return tell(feed.done());
            }
            #[cfg(feature = "window")]
            _ => {}
        }
        true
    }
}

#[cfg(feature = "window")]
impl Feed {
    fn done(&self) -> Option<f32> {
        match self {
            Feed::Files(files) => {
                let (done, size) = files.progress();
                size.map(|size| done as f32 / size.max(1) as f32)
            }
            Feed::Kept { packets, next, .. } => Some((next - packets.first().0) as f32 / packets.len().max(1) as f32),
        }
    }
}

impl Feed {
    fn next(&mut self) -> Option<Event> {
        match self {
            Feed::Files(files) => {
                let mut batch = Batch::default();
                match files.next(&mut batch) {
                    Next::Event(event) => Some(event),
                    Next::Frames => Some(Event::Frames(batch)),
                    Next::End => None,
                }
            }
            #[cfg(feature = "window")]
            Feed::Kept { standing, packets, next } => standing.next().or_else(|| {
                let mut batch = Batch::default();
                while let Some(frame) = packets.get(tapscope_graph::FrameNo(*next)).filter(|_| !batch.is_full()) {
                    batch.push(frame);
                    *next += 1;
                }
                (!batch.is_empty()).then_some(Event::Frames(batch))
            }),
        }
    }
}

/// The thread that ends a stream.
struct Watch {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Input {
    /// Opens everything. A stream ends by itself, after a time, or with ctrl-C.
    ///
    /// # Errors
    /// Where something cannot be opened.
    pub fn open(origins: &[Origin], time: Option<Duration>) -> Result<Input> {
        let [stream] = origins else {
            if origins.iter().any(Origin::is_stream) {
                bail!("a stream is exported by itself: name no other file beside it");
            }
            return Input::of_files(origins, time);
        };
        if !stream.is_stream() {
            return Input::of_files(origins, time);
        }
        let flag = stop_signal()?;
        let (reader, stop) = stream.open()?;
        let over = Arc::new(AtomicBool::new(false));
        let thread = {
            let (over, end) = (over.clone(), time.map(|time| Instant::now() + time));
            std::thread::Builder::new().name("stream's end".into()).spawn(move || wait(stop, &flag, end, &over))
        };
        let watch = Watch { over, thread: Some(thread.context("cannot start the thread that ends the stream")?) };
        let feed = Feed::Files(Box::new(Merged::new(vec![reader])));
        Ok(Input { feed, meter: Meter::Terminal(Progress::new()), watch: Some(watch), stop: None })
    }

    fn of_files(origins: &[Origin], time: Option<Duration>) -> Result<Input> {
        if time.is_some() {
            bail!("--for is for streams (tcp:// and ssh://); the time of a file is chosen by --from and --to");
        }
        let readers = origins.iter().map(source::reader).collect::<Result<_>>()?;
        let feed = Feed::Files(Box::new(Merged::new(readers)));
        // What was read by then is worth a whole file. Where nothing comes any more, a second one ends it at once.
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, flag.clone()).context("cannot listen for ctrl-C")?;
            signal_hook::flag::register(signal, flag.clone()).context("cannot listen for ctrl-C")?;
        }
        Ok(Input { feed, meter: Meter::Terminal(Progress::new()), watch: None, stop: Some(flag) })
    }

    /// The next event; none at the end, or where it is enough.
    pub fn next(&mut self) -> Option<Event> {
        let event = self.feed.next();
        if !self.meter.tick(&self.feed) {
            return None;
        }
        let event = event.filter(|_| !self.is_stopped());
        if event.is_none()
            && let Meter::Terminal(progress) = &mut self.meter
        {
            progress.finish();
        }
        event
    }

    fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// What is known of the files at the end. That a stream was ended by us is no damage.
    pub fn into_facts(self) -> Vec<FileFacts> {
        let was_ended = self.watch.as_ref().is_some_and(|watch| watch.over.load(Ordering::Relaxed));
        let was_stopped = self.is_stopped();
        let mut facts = match self.feed {
            Feed::Files(files) => files.into_facts(),
            #[cfg(feature = "window")]
            Feed::Kept { .. } => Vec::new(),
        };
        if was_ended {
            facts.iter_mut().for_each(|facts| facts.incomplete = None);
        }
        if was_stopped {
            let reason = "it was not read to its end, because of ctrl-C; what came before that is exported";
            facts.iter_mut().for_each(|facts| facts.incomplete = Some(reason.to_owned()));
        }
        facts
    }
}

fn wait(mut stop: Stop, flag: &AtomicBool, end: Option<Instant>, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        if flag.load(Ordering::Relaxed) || end.is_some_and(|end| Instant::now() >= end) {
            over.store(true, Ordering::Relaxed);
        } else {
            std::thread::sleep(BREATH);
        }
    }
    stop.stop();
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Says on standard error what of the files is damaged; gives the exit code.
pub fn told(facts: &[FileFacts]) -> u8 {
    let mut code = EXIT_OK;
    for facts in facts {
        if let Some(reason) = &facts.incomplete {
            eprintln!("tapscope: {}: {reason}", Text::path(&facts.path));
            code = EXIT_FAILURE;
        }
    }
    code
}
