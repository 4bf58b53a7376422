//! Streams instead of this host: what a server or another host captures, as it comes (`tcp://`, `ssh://`).

use super::LiveArguments;
use super::order::Order;
use anyhow::{Context, Result, bail};
use crossbeam_channel::{Receiver, Sender};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;
use tapscope_capture::file::{Next, Reader};
use tapscope_capture::filter::Filter;
use tapscope_capture::remote::{Origin, Place, Stop};
use tapscope_graph::{Batch, Event, LinkType, Text, Timestamp};

/// Streams that are being read, a thread each.
pub(super) struct Streams {
    stops: Vec<Stop>,
    threads: Vec<JoinHandle<()>>,
    /// Threads that still read.
    running: Arc<AtomicUsize>,
    /// Why streams ended, or what was wrong with them.
    notices: Arc<Mutex<Vec<String>>>,
    /// The latest moment that a stream told, and when it came.
    latest: Option<(Timestamp, Instant)>,
}

/// What one thread needs.
struct Feed {
    origin: Origin,
    reader: Reader,
    filter: Option<Filter>,
    events: Sender<Event>,
    spent: Receiver<Batch>,
    notices: Arc<Mutex<Vec<String>>>,
}

impl Streams {
    /// Opens streams and begins to read them. Spent batches come back by `spent`.
    ///
    /// # Errors
    /// Where one cannot be opened, or the filter is none.
    pub fn start(origins: &[Origin], arguments: &LiveArguments, order: &Order, spent: &Receiver<Batch>) -> Result<Streams> {
        let running = Arc::new(AtomicUsize::new(0));
        let mut streams =
            Streams { stops: Vec::new(), threads: Vec::new(), running: running.clone(), notices: Arc::default(), latest: None };
        for origin in origins {
            let mut filter = arguments.filter.as_deref().map(Filter::new).transpose()?;
            // Messages of servers and hosts name the place.
            let (reader, stop) = match origin {
                Origin::Ssh(place) => {
                    // What is not wanted need not come here.
                    filter = None;
                    Origin::Ssh(Place { options: options(arguments), ..place.clone() }).open()?
                }
                _ if !arguments.interfaces.is_empty() || !arguments.netns.is_empty() => {
                    bail!("{origin} gives what was captured there: -i and --netns can choose on this host and by ssh:// only")
                }
                Origin::Tcp { .. } => origin.open()?,
                Origin::File(_) => origin.open().with_context(|| origin.to_string())?,
            };
            let (events, spent, notices) = (order.source(), spent.clone(), streams.notices.clone());
            let feed = Feed { origin: origin.clone(), reader, filter, events, spent, notices };
            running.fetch_add(1, Ordering::Relaxed);
            let running = running.clone();
            let thread = std::thread::Builder::new().name("stream".into()).spawn(move || {
                feed.run();
                running.fetch_sub(1, Ordering::Release);
            });
            streams.stops.push(stop);
            streams.threads.push(thread.context("cannot start the thread that reads a stream")?);
        }
        Ok(streams)
    }

    /// Whether every stream came to its end.
    pub fn are_over(&self) -> bool {
        self.running.load(Ordering::Acquire) == 0
    }

    /// Takes note of the latest moment that the streams told.
    pub fn told(&mut self, now: Option<Timestamp>) {
        if let Some(now) = now.filter(|now| self.latest.is_none_or(|(latest, _)| latest < *now)) {
            self.latest = Some((now, Instant::now()));
        }
    }

    /// What time it is there: the other host's clock is not ours.
    pub fn now(&self) -> Option<Timestamp> {
        let (latest, since) = self.latest?;
        let passed = if self.are_over() { 0 } else { i64::try_from(since.elapsed().as_nanos()).unwrap_or(i64::MAX) };
        Some(Timestamp(latest.0.saturating_add(passed)))
    }

    /// Why streams ended, and what the other hosts said.
    pub fn notices(&self) -> Vec<String> {
        let ended = self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ended.into_iter().chain(self.stops.iter().filter_map(Stop::words)).collect()
    }
}

/// The same wish for a tapscope elsewhere.
fn options(arguments: &LiveArguments) -> Vec<String> {
    let pair = |name: &str, value: &String| [name.to_owned(), value.clone()];
    let filter = arguments.filter.iter().flat_map(|filter| pair("-f", filter));
    let interfaces = arguments.interfaces.iter().flat_map(|name| pair("-i", name));
    let netns = arguments.netns.iter().flat_map(|name| pair("--netns", name));
    filter.chain(interfaces).chain(netns).collect()
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.stops.iter_mut().for_each(Stop::stop);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Feed {
    fn run(mut self) {
        let mut link_types: Vec<LinkType> = Vec::new();
        loop {
            let mut batch = self.spent.try_recv().unwrap_or_default();
            let event = match self.reader.next(&mut batch) {
                Next::Event(event) => {
                    if let Event::Opened(info) = &event {
                        link_types.push(info.link_type);
                    }
                    event
                }
                Next::Frames => match self.passed(&link_types, batch) {
                    Ok(batch) => Event::Frames(batch),
                    Err(error) => return self.end(error.to_string()),
                },
                Next::End => {
                    let reason = self.reader.facts().incomplete.clone();
                    return self.end(reason.unwrap_or_else(|| "the stream ended".to_owned()));
                }
            };
            if self.events.send(event).is_err() {
                return;
            }
        }
    }

    fn passed(&mut self, link_types: &[LinkType], batch: Batch) -> Result<Batch> {
        match &mut self.filter {
            None => Ok(batch),
            Some(filter) => crate::show::passed(filter, link_types, &batch),
        }
    }

    /// Closes the points, so that the picture does not look alive.
    fn end(&self, reason: String) {
        for (point, _) in &self.reader.facts().points {
            let _ = self.events.send(Event::Closed { point: *point, reason: Some(reason.clone()) });
        }
        let text = format!("{}: {}", self.origin, Text::long(&reason));
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}
