//! Who knows what is wanted and what is open, and brings the two together.

use super::open::{Opened, Plan, open};
use super::reader::{self, Order};
use super::ring::{BUDGET, Pace, octets};
use super::{OpenError, Outlets, Refused, Settings, Target};
use crate::clock::now;
use crate::orders::Orders;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use pcap::{Active, Capture};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tapscope_graph::host::Netns;
use tapscope_graph::{Event, PointId, PointInfo, Text};

/// Threads that open interfaces at the same time: each sleeps most of its time.
const OPENERS: usize = 64;
/// The first and the longest time until an interface that was not there is looked for again.
const RETRY: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(2);
/// How long stopping waits for interfaces that are being opened.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the manager hears.
pub(super) enum Message {
    /// All that is wanted.
    Listen(Vec<Target>),
    /// An opener is done.
    Opened { key: String, target: Box<Target>, pace: Pace, octets: u64, result: Result<Opened, OpenError> },
    /// The reader closed a point and told so.
    Closed { point: PointId, captures: Vec<Capture<Active>> },
    /// The reader's thread ends.
    ReaderEnded,
    /// The end.
    Stop,
}

/// All that is known of one key.
struct Entry {
    /// What is wanted; none: nothing any more.
    wanted: Option<Target>,
    /// Its point, once it had one.
    point: Option<PointId>,
    state: State,
    /// The last reason that was told.
    told: Option<String>,
    /// How long the next wait is.
    wait: Duration,
}

enum State {
    /// Nothing is open, nothing is tried; from some time on it may be tried again.
    Idle { retry: Option<Instant> },
    /// Its turn will come.
    Queued,
    /// An opener is at work.
    Opening,
    /// The reader has it.
    Open { target: Box<Target>, info: Box<PointInfo>, octets: u64 },
    /// The reader was told to close it.
    Closing { octets: u64 },
}

/// The manager's thread.
pub(super) struct Manager {
    settings: Arc<Settings>,
    refused: Sender<Refused>,
    messages: Sender<Message>,
    orders: Orders<Order>,
    reader: JoinHandle<()>,
    entries: BTreeMap<String, Entry>,
    /// The keys of all points, by number.
    points: Vec<String>,
    queue: VecDeque<String>,
    openers: usize,
    /// Threads that close rings.
    closers: Vec<JoinHandle<()>>,
    /// Octets of rings that are being opened.
    opening_octets: u64,
}

impl Manager {
    pub fn start(
        settings: Settings,
        outlets: Outlets,
        messages: Sender<Message>,
        received: Receiver<Message>,
    ) -> io::Result<JoinHandle<()>> {
        let (orders, reader) = reader::start(outlets.events, outlets.spent, messages.clone())?;
        let manager = Manager {
            settings: Arc::new(settings),
            refused: outlets.refused,
            messages,
            orders,
            reader,
            entries: BTreeMap::new(),
            points: Vec::new(),
            queue: VecDeque::new(),
            openers: 0,
            closers: Vec::new(),
            opening_octets: 0,
        };
        std::thread::Builder::new().name("interfaces".into()).spawn(move || manager.run(&received))
    }

    fn run(mut self, received: &Receiver<Message>) {
        loop {
            let message = match self.next_retry() {
                Some(at) => received.recv_deadline(at),
                None => received.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(Message::Listen(targets)) => self.want(targets),
                Ok(Message::Opened { key, target, pace, octets, result }) => {
                    self.openers -= 1;
                    self.opening_octets -= octets;
                    self.opened(&key, target, pace, octets, result);
                }
                Ok(Message::Closed { point, captures }) => {
                    self.dispose(captures);
                    self.closed(point);
                }
                Err(RecvTimeoutError::Timeout) => self.retry(),
                Ok(Message::Stop | Message::ReaderEnded) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.open_queued();
        }
        self.end(received);
    }

    /// Closes everything, and waits for it.
    fn end(mut self, received: &Receiver<Message>) {
        self.orders.give(Order::Stop);
        let reader = std::mem::replace(&mut self.reader, std::thread::spawn(|| {}));
        let _ = reader.join();
        let deadline = Instant::now() + PATIENCE;
        while let Ok(message) =
            if self.openers > 0 { received.recv_deadline(deadline) } else { received.try_recv().map_err(|_| RecvTimeoutError::Timeout) }
        {
            match message {
                Message::Opened { result, .. } => {
                    self.openers -= 1;
                    if let Ok(opened) = result {
                        self.dispose(opened.rings.into_iter().map(|ring| ring.capture).collect());
                    }
                }
                Message::Closed { captures, .. } => self.dispose(captures),
                Message::Listen(_) | Message::ReaderEnded | Message::Stop => {}
            }
        }
        for closer in self.closers {
            let _ = closer.join();
        }
    }

    fn want(&mut self, targets: Vec<Target>) {
        let mut wanted: BTreeMap<String, Target> = targets.into_iter().map(|target| (target.key.clone(), target)).collect();
        for key in wanted.keys() {
            self.entries.entry(key.clone()).or_insert_with(|| Entry {
                wanted: None,
                point: None,
                state: State::Idle { retry: None },
                told: None,
                wait: RETRY,
            });
        }
        // What never had a point leaves nothing behind.
        self.entries.retain(|key, entry| wanted.contains_key(key) || entry.point.is_some() || !matches!(entry.state, State::Idle { .. }));
        for (key, entry) in &mut self.entries {
            entry.wanted = wanted.remove(key);
            entry.wait = RETRY;
            match (&mut entry.state, &entry.wanted) {
                (State::Idle { .. }, Some(_)) => {
                    entry.state = State::Queued;
                    self.queue.push_back(key.clone());
                }
                (State::Idle { retry }, None) => *retry = None,
                (State::Open { target, info, octets }, wanted) => {
                    let octets = *octets;
                    let Some(point) = entry.point else { continue };
                    match wanted {
                        Some(wanted) if is_same(target, info, wanted) => {
                            if (&wanted.name, &wanted.description) != (&target.name, &target.description) {
                                info.name = Some(wanted.point_name());
                                info.description.clone_from(&wanted.description);
                                self.orders.give(Order::Tell(Event::Resumed { point, info: (**info).clone(), at: now() }));
                            }
                            **target = wanted.clone();
                        }
                        _ => {
                            self.orders.give(Order::Remove { point, reason: None });
                            entry.state = State::Closing { octets };
                        }
                    }
                }
                (State::Queued | State::Opening | State::Closing { .. }, _) => {}
            }
        }
    }

    fn next_retry(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| if let State::Idle { retry } = entry.state { retry } else { None }).min()
    }

    fn retry(&mut self) {
        let now = Instant::now();
        for (key, entry) in &mut self.entries {
            if matches!(entry.state, State::Idle { retry: Some(at) } if at <= now) {
                entry.state = State::Queued;
                self.queue.push_back(key.clone());
            }
        }
    }

    fn open_queued(&mut self) {
        let points = self.entries.values().filter(|entry| entry.wanted.is_some()).count();
        while self.openers < OPENERS
            && let Some(key) = self.queue.pop_front()
        {
            let used: u64 = self.entries.values().map(|entry| entry.state.octets()).sum::<u64>() + self.opening_octets;
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            let Some(target) = entry.wanted.clone() else {
                entry.state = State::Idle { retry: None };
                continue;
            };
            let rings = octets(target.role, points, self.settings.ring_octets, BUDGET.saturating_sub(used));
            let octets = u64::from(rings.0) + u64::from(rings.1);
            let plan = Plan { target, pace: Pace::new(points, self.settings.time_out_ms), octets: rings };
            let (settings, messages) = (self.settings.clone(), self.messages.clone());
            let name = Text::from_wire(plan.target.name.as_bytes());
            let sent = key.clone();
            let thread = std::thread::Builder::new().name("open".into()).spawn(move || {
                let result = open(&plan, &settings);
                let target = Box::new(plan.target);
                let _ = messages.send(Message::Opened { key: sent, target, pace: plan.pace, octets, result });
            });
            match thread {
                Ok(_) => {
                    entry.state = State::Opening;
                    self.openers += 1;
                    self.opening_octets += octets;
                }
                Err(error) => {
                    entry.state = State::Idle { retry: None };
                    self.refuse(&key, OpenError::Other { name, reason: format!("cannot start a thread: {error}") });
                }
            }
        }
    }

    fn opened(&mut self, key: &str, target: Box<Target>, pace: Pace, octets: u64, result: Result<Opened, OpenError>) {
        let Some(entry) = self.entries.get_mut(key) else {
            return self.dispose_result(result);
        };
        entry.state = State::Idle { retry: None };
        match (result, &entry.wanted) {
            (result, None) => self.dispose_result(result),
            // It changed meanwhile.
            (result, Some(wanted)) if *wanted != *target => {
                entry.state = State::Queued;
                self.queue.push_back(key.to_owned());
                self.dispose_result(result);
            }
            (Ok(Opened { info, rings }), Some(_)) => {
                (entry.told, entry.wait) = (None, RETRY);
                let cable = target.cable.clone();
                entry.state = State::Open { target, info: Box::new(info.clone()), octets };
                let (point, event) = match entry.point {
                    Some(point) => (point, Event::Resumed { point, info, at: now() }),
                    None => {
                        let point = PointId(self.points.len() as u32);
                        self.points.push(key.to_owned());
                        entry.point = Some(point);
                        (point, Event::Opened(info))
                    }
                };
                let filter = self.settings.filter.clone();
                self.orders.give(Order::Add { point, event, rings, pace, cable, filter });
            }
            (Err(error), Some(_)) => {
                if error.is_passing() {
                    entry.state = State::Idle { retry: Some(Instant::now() + entry.wait) };
                    entry.wait = (entry.wait * 2).min(LONGEST);
                }
                self.refuse(key, error);
            }
        }
    }

    fn refuse(&mut self, key: &str, reason: OpenError) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let text = reason.to_string();
        if entry.told.as_ref() != Some(&text) {
            entry.told = Some(text);
            let name = Text::from_wire(entry.wanted.as_ref().map_or_else(String::new, Target::point_name).as_bytes());
            let _ = self.refused.try_send(Refused { key: key.to_owned(), name, reason });
        }
    }

    fn closed(&mut self, point: PointId) {
        let Some(key) = self.points.get(point.0 as usize) else { return };
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.state = State::Idle { retry: None };
        if entry.wanted.is_some() {
            // Gone by itself, or wanted in another way: it may be there already.
            entry.state = State::Queued;
            self.queue.push_back(key.clone());
        }
    }

    fn dispose_result(&mut self, result: Result<Opened, OpenError>) {
        if let Ok(opened) = result {
            self.dispose(opened.rings.into_iter().map(|ring| ring.capture).collect());
        }
    }

    /// Closes rings elsewhere: each makes the thread wait for the kernel.
    fn dispose(&mut self, captures: Vec<Capture<Active>>) {
        self.closers.retain(|closer| !closer.is_finished());
        for capture in captures {
            // Where there is no thread, the closure is dropped here, and the ring with it.
            if let Ok(closer) = std::thread::Builder::new().name("close".into()).spawn(move || drop(capture)) {
                self.closers.push(closer);
            }
        }
    }
}

impl State {
    /// What its rings take.
    fn octets(&self) -> u64 {
        match self {
            State::Open { octets, .. } | State::Closing { octets } => *octets,
            State::Idle { .. } | State::Queued | State::Opening => 0,
        }
    }
}

/// Whether what is open is what is wanted.
fn is_same(open: &Target, info: &PointInfo, wanted: &Target) -> bool {
    let is_device = match wanted.device.index {
        0 => open.name == wanted.name,
        index => info.device.is_some_and(|device| {
            device.index == index && (wanted.device.netns == Netns::default() || device.netns == wanted.device.netns)
        }),
    };
    let is_cable = open.cable == wanted.cable;
    is_device && is_cable && open.netns == wanted.netns && open.role == wanted.role && open.promiscuous == wanted.promiscuous
}
