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

/// How soon a stream ends after ctrl-C.
const BREATH: Duration = Duration::from_millis(50);

/// What is read.
pub struct Input {
    files: Merged,
    progress: Progress,
    watch: Option<Watch>,
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
        Ok(Input { files: Merged::new(vec![reader]), progress: Progress::new(), watch: Some(watch) })
    }

    fn of_files(origins: &[Origin], time: Option<Duration>) -> Result<Input> {
        if time.is_some() {
            bail!("--for is for streams (tcp:// and ssh://); the time of a file is chosen by --from and --to");
        }
        let readers = origins.iter().map(source::reader).collect::<Result<_>>()?;
        Ok(Input { files: Merged::new(readers), progress: Progress::new(), watch: None })
    }

    /// The next event; none at the end.
    pub fn next(&mut self) -> Option<Event> {
        let mut batch = Batch::default();
        let next = self.files.next(&mut batch);
        self.progress.tick(&self.files);
        match next {
            Next::Event(event) => Some(event),
            Next::Frames => Some(Event::Frames(batch)),
            Next::End => {
                self.progress.finish();
                None
            }
        }
    }

    /// What is known of the files at the end. That a stream was ended by us is no damage.
    pub fn into_facts(self) -> Vec<FileFacts> {
        let was_ended = self.watch.as_ref().is_some_and(|watch| watch.over.load(Ordering::Relaxed));
        let mut facts = self.files.into_facts();
        if was_ended {
            facts.iter_mut().for_each(|facts| facts.incomplete = None);
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
