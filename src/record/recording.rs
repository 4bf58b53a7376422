//! A recording of this host beside whatever else is done with it.

use crate::cli::{EXIT_FAILURE, EXIT_OK};
use crate::live::LiveArguments;
use crate::live::order::Listener;
use anyhow::{Context, Result};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tapscope_capture::record::{End, Inlet, Options, Place, Recorder, Section, Status};
use tapscope_graph::tables::Tables;
use tapscope_graph::{Event, Text, Timestamp};

/// A recording that is under way.
pub struct Recording {
    recorder: Recorder,
    /// When it ends: with the event that says so.
    last: Arc<AtomicI64>,
    /// Names that were written already.
    names: usize,
}

impl Recording {
    /// Begins one.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn begin(options: Options) -> Result<Recording> {
        // Where a file grows beyond what the user may have, the kernel's signal would end the program: the write then fails instead.
        let noted = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, noted).context("cannot ask for what becomes of a quota")?;
        let recorder = Recorder::start(options)?;
        Ok(Recording { recorder, last: Arc::new(AtomicI64::new(i64::MAX)), names: 0 })
    }

    /// Begins one into a file, of what is looked at anyway.
    ///
    /// # Errors
    /// As [`Recording::begin`].
    pub fn beside(path: &Path, live: &LiveArguments) -> Result<Recording> {
        Recording::begin(Options::new(place(path), section(live)))
    }

    /// What hears the events.
    pub fn listener(&self) -> Box<dyn Listener> {
        Box::new(Ear { inlet: self.recorder.inlet(), last: self.last.clone() })
    }

    /// Ends it with the event that tells this time, and before any other that comes later.
    pub fn end_at(&self, at: Timestamp) {
        self.last.store(at.0, Ordering::Release);
    }

    /// Writes the names that frames taught since the last time.
    pub fn learn_names(&mut self, tables: &Tables) {
        let fresh = tables.names.get(self.names..).unwrap_or_default();
        if !fresh.is_empty() {
            self.recorder.names(fresh.iter().map(|row| (row.ip, &row.name)));
            self.names = tables.names.len();
        }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.recorder.status()
    }

    /// Ends it, if it has not ended; tells on standard error what is wrong. Gives how it stood.
    pub fn finish(self) -> Status {
        let status = self.recorder.finish();
        if let Some(End::Failed(error)) = &status.end
            && !error.is_broken_pipe()
        {
            eprintln!("tapscope: {:#}", Cause(error.as_ref()));
        }
        if status.dropped > 0 {
            eprintln!("tapscope: {} frames are not in the recording: the disk was too slow for them", status.dropped);
        }
        status
    }

    /// The same; gives the exit code.
    pub fn end(self) -> u8 {
        let status = self.finish();
        if is_whole(&status) { EXIT_OK } else { EXIT_FAILURE }
    }
}

/// Whether all that came is recorded. Who reads a pipe may have seen enough.
pub fn is_whole(status: &Status) -> bool {
    let failed = matches!(&status.end, Some(End::Failed(error)) if !error.is_broken_pipe());
    !failed && status.dropped == 0
}

/// Where a path leads.
pub fn place(path: &Path) -> Place {
    if path == Path::new("-") { Place::Output } else { Place::File(path.to_owned()) }
}

/// What the recording says of itself.
pub fn section(live: &LiveArguments) -> Section {
    let filter = live.filter.clone().filter(|filter| !filter.trim().is_empty());
    Section { filter, ..Section::here(concat!("tapscope ", env!("CARGO_PKG_VERSION"))) }
}

struct Ear {
    inlet: Inlet,
    last: Arc<AtomicI64>,
}

impl Listener for Ear {
    fn hear(&mut self, event: &Event) -> bool {
        if !self.inlet.record(event) {
            return false;
        }
        let is_last = matches!(event, Event::Host { at, changes } if changes.is_empty() && at.0 >= self.last.load(Ordering::Acquire));
        if is_last {
            self.inlet.end();
        }
        !is_last
    }
}

/// An error and what caused it, in one line; paths in it are somebody's names.
struct Cause<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Text::path(&self.0.to_string()))?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
