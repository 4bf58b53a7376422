//! One reader behind a pipe: an extcap's, or a Wireshark that was started.

use super::Shared;
use super::client::{Client, send};
use crate::live::order::Listener;
use anyhow::{Context, Result};
use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tapscope_capture::record::Section;

/// How long the reader may take to fetch the rest.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where events go as pcapng, from a fresh header on.
pub struct Outlet {
    thread: JoinHandle<()>,
}

impl Outlet {
    /// Makes one, and what has to hear the events for it.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn new(pipe: impl Write + Send + 'static, section: Section) -> Result<(Outlet, Box<dyn Listener>)> {
        let (client, queue) = Client::new(section, Arc::<Shared>::default());
        let thread = std::thread::Builder::new().name("pipe".into()).spawn(move || send(pipe, &queue));
        Ok((Outlet { thread: thread.context("cannot start the thread that writes to the pipe")? }, Box::new(client)))
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.thread.is_finished()
    }

    /// Nothing more comes: lets the reader have the rest, unless it does not want it.
    pub fn end(self) {
        let end = Instant::now() + PATIENCE;
        while !self.thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
