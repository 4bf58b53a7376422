//! One order for the events of several sources, which all number their points from 0: here each point gets its number in the model.
//!
//! Listeners (a recording, a client) hear every event before the model does, also those for which the model is too slow.

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, TrySendError, bounded, unbounded};
use std::collections::{BTreeMap, VecDeque};
use std::thread::JoinHandle;
use std::time::Duration;
use tapscope_graph::host::{Host, HostChange};
use tapscope_graph::{Batch, Event, LossCause, PointId, PointInfo};

/// Events of a source that may wait to be put in order.
const QUEUE: usize = 256;
/// How soon events that the model had no room for are tried again.
const RETRY: Duration = Duration::from_millis(5);

/// Hears all events, in order, before the model does.
pub trait Listener: Send {
    /// Takes one; must not wait. Gives whether it wants more.
    fn hear(&mut self, event: &Event) -> bool;
}

/// What happens to frames for which the model has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// They are left out and counted: what is captured here does not wait.
    Sheds,
    /// Their source waits: a stream's other side sheds, and counts.
    Waits,
}

/// The thread that puts events in order.
pub struct Order {
    requests: Sender<Request>,
    thread: Option<JoinHandle<()>>,
}

enum Request {
    Source(Receiver<Event>),
    Listener(Box<dyn Listener>),
    Finish,
}

/// Where listeners come in, from whatever thread.
#[derive(Clone)]
pub struct Door(Sender<Request>);

impl Door {
    /// Adds a listener, who first hears how things stand.
    pub fn listen(&self, listener: Box<dyn Listener>) {
        let _ = self.0.send(Request::Listener(listener));
    }
}

impl Order {
    /// Starts it. `model` gets the events; batches that it has no room for go to `spent`, and are counted as lost to it.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(model: Sender<Event>, spent: Sender<Batch>, overload: Overload) -> Result<Order> {
        let (requests, received) = unbounded();
        let bench = Bench { way: Way { overload, ..Way::new(model, spent) }, ..Bench::new() };
        let thread = std::thread::Builder::new().name("order".into()).spawn(move || bench.run(&received));
        Ok(Order { requests, thread: Some(thread.context("cannot start the thread that orders events")?) })
    }

    /// A new source's way in.
    pub fn source(&self) -> Sender<Event> {
        let (events, received) = bounded(QUEUE);
        let _ = self.requests.send(Request::Source(received));
        events
    }

    /// Adds a listener, who first hears how things stand.
    pub fn listen(&self, listener: Box<dyn Listener>) {
        self.door().listen(listener);
    }

    /// Where others may listen.
    pub fn door(&self) -> Door {
        Door(self.requests.clone())
    }

    /// No source and no listener will be added: the model's events end when all sources have.
    pub fn finish(&self) {
        let _ = self.requests.send(Request::Finish);
    }
}

impl Drop for Order {
    /// Ends when all sources have; whoever owns the sources must drop them first.
    fn drop(&mut self) {
        self.finish();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A source, and the numbers of its points in the model.
struct Source {
    events: Receiver<Event>,
    points: Vec<PointId>,
}

/// How things stand: what a listener who comes later has to hear first.
#[derive(Default)]
struct Standing {
    points: Vec<Standpoint>,
    host: Host,
    at: tapscope_graph::Timestamp,
}

struct Standpoint {
    info: PointInfo,
    /// The reason, if it is closed.
    closed: Option<Option<String>>,
}

struct Bench {
    sources: Vec<Source>,
    listeners: Vec<Box<dyn Listener>>,
    standing: Standing,
    way: Way,
}

/// The way to the model.
struct Way {
    model: Sender<Event>,
    spent: Sender<Batch>,
    /// Events other than frames that found no room.
    waiting: VecDeque<Event>,
    /// Frames that found none, by point.
    dropped: BTreeMap<PointId, u64>,
    overload: Overload,
}

impl Bench {
    fn new() -> Bench {
        let ((model, _), (spent, _)) = (bounded(0), bounded(0));
        Bench { sources: Vec::new(), listeners: Vec::new(), standing: Standing::default(), way: Way::new(model, spent) }
    }

    fn run(mut self, requests: &Receiver<Request>) {
        let mut is_open = true;
        while is_open || !self.sources.is_empty() {
            let mut select = Select::new();
            for source in &self.sources {
                select.recv(&source.events);
            }
            if is_open {
                select.recv(requests);
            }
            let ready = if self.way.is_behind() { select.ready_timeout(RETRY).ok() } else { Some(select.ready()) };
            self.way.catch_up();
            match ready {
                None => {}
                Some(index) if index < self.sources.len() => match self.sources[index].events.try_recv() {
                    Ok(event) => self.take(index, event),
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => drop(self.sources.remove(index)),
                },
                Some(_) => match requests.try_recv() {
                    Ok(Request::Source(events)) => self.sources.push(Source { events, points: Vec::new() }),
                    Ok(Request::Listener(mut listener)) => {
                        if self.standing.events().iter().all(|event| listener.hear(event)) {
                            self.listeners.push(listener);
                        }
                    }
                    Err(TryRecvError::Empty) => {}
                    Ok(Request::Finish) | Err(TryRecvError::Disconnected) => is_open = false,
                },
            }
        }
    }

    fn take(&mut self, source: usize, mut event: Event) {
        self.sources[source].number(&mut event, self.standing.points.len());
        self.standing.learn(&event);
        self.listeners.retain_mut(|listener| listener.hear(&event));
        self.way.hand_on(event);
    }
}

impl Source {
    /// Puts the model's numbers in the place of the source's own; `next` is the first free one.
    fn number(&mut self, event: &mut Event, next: usize) {
        match event {
            Event::Opened(_) => self.points.push(PointId(next as u32)),
            Event::Frames(batch) => batch.number(&self.points),
            Event::Resumed { point, .. } | Event::Closed { point, .. } | Event::Lost { point, .. } => {
                *point = self.points.get(point.0 as usize).copied().unwrap_or(*point);
            }
            Event::Host { .. } => {}
        }
    }
}

impl Standing {
    fn learn(&mut self, event: &Event) {
        match event {
            Event::Opened(info) => self.points.push(Standpoint { info: info.clone(), closed: None }),
            Event::Resumed { point, info, .. } => {
                if let Some(known) = self.points.get_mut(point.0 as usize) {
                    *known = Standpoint { info: info.clone(), closed: None };
                }
            }
            Event::Closed { point, reason } => {
                if let Some(known) = self.points.get_mut(point.0 as usize) {
                    known.closed = Some(reason.clone());
                }
            }
            Event::Host { at, changes } => {
                self.at = *at;
                for change in changes {
                    self.host.apply(*at, change.clone());
                }
            }
            Event::Frames(_) | Event::Lost { .. } => {}
        }
    }

    /// As events that lead here.
    fn events(&self) -> Vec<Event> {
        let facts: Vec<HostChange> = self.host.facts().cloned().map(HostChange::Set).collect();
        let mut events = vec![Event::Host { at: self.at, changes: facts }];
        events.extend(self.points.iter().map(|point| Event::Opened(point.info.clone())));
        for (index, point) in self.points.iter().enumerate() {
            if let Some(reason) = &point.closed {
                events.push(Event::Closed { point: PointId(index as u32), reason: reason.clone() });
            }
        }
        events
    }
}

impl Way {
    fn new(model: Sender<Event>, spent: Sender<Batch>) -> Way {
        Way { model, spent, waiting: VecDeque::new(), dropped: BTreeMap::new(), overload: Overload::Sheds }
    }

    fn is_behind(&self) -> bool {
        !self.waiting.is_empty() || !self.dropped.is_empty()
    }

    fn hand_on(&mut self, event: Event) {
        if self.overload == Overload::Waits {
            // The model is gone: so will be the sources, soon.
            let _ = self.model.send(event);
            return;
        }
        self.catch_up();
        match event {
            Event::Frames(batch) if self.is_behind() => self.drop_frames(batch),
            event if !self.waiting.is_empty() => self.waiting.push_back(event),
            event => match self.model.try_send(event) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
                Err(TrySendError::Full(Event::Frames(batch))) => self.drop_frames(batch),
                Err(TrySendError::Full(event)) => self.waiting.push_back(event),
            },
        }
    }

    fn drop_frames(&mut self, mut batch: Batch) {
        for frame in batch.frames() {
            *self.dropped.entry(frame.point).or_default() += 1;
        }
        batch.clear();
        // Nobody needs it if nobody has room for it.
        let _ = self.spent.try_send(batch);
    }

    /// Hands on what waits, then tells what was dropped, as far as there is room.
    fn catch_up(&mut self) {
        loop {
            let event = match (self.waiting.pop_front(), self.dropped.first_key_value()) {
                (Some(event), _) => event,
                (None, Some((&point, &frames))) => {
                    self.dropped.remove(&point);
                    Event::Lost { point, frames, cause: LossCause::Queue }
                }
                (None, None) => return,
            };
            match self.model.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => {
                    self.waiting.clear();
                    self.dropped.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapscope_graph::{Frame, Timestamp};

    fn opened(name: &str) -> Event {
        Event::Opened(PointInfo { name: Some(name.to_owned()), ..PointInfo::default() })
    }

    fn frames(point: u32, count: usize) -> Event {
        let mut batch = Batch::default();
        for _ in 0..count {
            batch.push(Frame { at: Timestamp(1), point: PointId(point), direction: Default::default(), original_length: 1, bytes: &[0] });
        }
        Event::Frames(batch)
    }

    /// The name of an opened point, and the points of frames and losses.
    fn told(event: &Event) -> String {
        match event {
            Event::Opened(info) => info.name.clone().unwrap_or_default(),
            Event::Frames(batch) => batch.frames().map(|frame| frame.point.0.to_string()).collect::<Vec<_>>().join(","),
            Event::Lost { point, frames, .. } => format!("{frames} lost at {}", point.0),
            Event::Closed { point, .. } => format!("{} closed", point.0),
            Event::Host { changes, .. } => format!("{} facts", changes.len()),
            Event::Resumed { point, .. } => format!("{} again", point.0),
        }
    }

    struct Ear(Sender<String>);

    impl Listener for Ear {
        fn hear(&mut self, event: &Event) -> bool {
            self.0.send(told(event)).is_ok()
        }
    }

    #[test]
    fn points_of_two_sources_have_numbers_of_their_own() {
        let (model, received) = bounded(16);
        let order = Order::start(model, bounded(1).0, Overload::Sheds).expect("a thread");
        let (first, second) = (order.source(), order.source());
        let mut heard = Vec::new();
        for (source, event) in [(&first, opened("a")), (&second, opened("b")), (&first, opened("c"))] {
            source.send(event).expect("room");
            heard.push(told(&received.recv().expect("an event")));
        }
        for (source, event) in
            [(&second, frames(0, 2)), (&first, frames(1, 1)), (&second, Event::Closed { point: PointId(0), reason: None })]
        {
            source.send(event).expect("room");
            heard.push(told(&received.recv().expect("an event")));
        }
        assert_eq!(heard, ["a", "b", "c", "1,1", "2", "1 closed"]);
    }

    #[test]
    fn a_stream_waits_for_the_model_and_ends_when_it_is_over() {
        let (model, received) = bounded(1);
        let order = Order::start(model, bounded(1).0, Overload::Waits).expect("a thread");
        let source = order.source();
        let sender = std::thread::spawn(move || {
            source.send(opened("a")).expect("room");
            (0..2000).for_each(|_| source.send(frames(0, 1)).expect("room"));
        });
        order.finish();
        assert_eq!(received.iter().filter(|event| matches!(event, Event::Frames(_))).count(), 2000);
        sender.join().expect("it ends");
    }

    #[test]
    fn who_listens_later_hears_how_things_stand_and_misses_nothing_for_which_the_model_is_too_slow() {
        let (model, received) = bounded(2);
        let order = Order::start(model, bounded(1).0, Overload::Sheds).expect("a thread");
        let source = order.source();
        source.send(opened("a")).expect("room");
        source.send(Event::Closed { point: PointId(0), reason: None }).expect("room");
        let first: Vec<String> = (0..2).map(|_| told(&received.recv().expect("an event"))).collect();
        assert_eq!(first, ["a", "0 closed"]);

        let (ear, heard) = unbounded();
        order.listen(Box::new(Ear(ear)));
        let standing: Vec<String> = (0..3).map(|_| heard.recv().expect("how things stand")).collect();
        assert_eq!(standing, ["0 facts", "a", "0 closed"]);
        for _ in 0..5 {
            source.send(frames(0, 3)).expect("room");
        }
        let all: Vec<String> = (0..5).map(|_| heard.recv().expect("frames")).collect();
        assert_eq!(all, ["0,0,0"; 5]);
        drop(source);
        let mut model = (0, 0);
        while model.0 + model.1 < 15 {
            match received.recv().expect("an event") {
                Event::Frames(batch) => model.0 += batch.len() as u64,
                Event::Lost { point: PointId(0), frames, cause: LossCause::Queue } => model.1 += frames,
                other => panic!("{other:?}"),
            }
        }
        assert!(model.0 >= 6 && model.1 > 0, "what found no room is counted: {model:?}");
    }
}
