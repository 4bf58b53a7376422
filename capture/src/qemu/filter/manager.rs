//! Who knows what is wanted and what is added, and brings the two together. Waiting for monitors is done here, so that nobody else waits.

use super::attach::{QUEUES, attach, remove, sweep};
use super::ear::Ear;
use super::reader::Order;
use super::{Ask, FilterError, Question, Report};
use crate::clock::now;
use crate::orders::Orders;
use crate::qemu::ask::ask;
use crate::qemu::monitor::{Monitor, MonitorError, Queue};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tapscope_graph::host::{Asked, HostChange, HostFact, HostKey};
use tapscope_graph::{Direction, Event, LinkType, PointId, PointInfo};

/// How often it is looked whether the filters are still there, and what was refused is tried again.
const LOOK: Duration = Duration::from_secs(5);

/// What the manager hears.
pub(super) enum Message {
    /// All that is wanted, and all that is asked.
    Listen(Vec<Ask>, Vec<Question>),
    /// Take everything away, and end.
    Stop,
}

/// What is known of one wish.
struct Entry {
    ask: Ask,
    is_wanted: bool,
    is_attached: bool,
    point: Option<PointId>,
    /// When it is looked at again; none if never.
    due: Option<Instant>,
    /// The last reason that was told.
    told: Option<String>,
    /// What QEMU said of the guest, as it was told.
    asked: Option<Asked>,
}

/// The manager's thread.
pub(super) struct Manager {
    pub reports: Sender<Report>,
    pub orders: Orders<Order>,
    pub reader: JoinHandle<()>,
    entries: BTreeMap<String, Entry>,
    questions: Vec<Open>,
    points: u32,
}

/// A question, and when it is asked next.
struct Open {
    question: Question,
    due: Instant,
    /// The last reason that was told for having no answer.
    told: Option<String>,
    /// The last answer that was told.
    asked: Option<Asked>,
}

impl Manager {
    pub fn new(reports: Sender<Report>, orders: Orders<Order>, reader: JoinHandle<()>) -> Manager {
        Manager { reports, orders, reader, entries: BTreeMap::new(), questions: Vec::new(), points: 0 }
    }

    pub fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let due = self.entries.values().filter_map(|entry| entry.due).chain(self.questions.iter().map(|open| open.due)).min();
            let message = match due {
                Some(at) => messages.recv_deadline(at),
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(Message::Listen(asks, questions)) => {
                    self.want(asks);
                    self.wonder(questions);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look();
            self.question();
        }
        let keys: Vec<String> = self.entries.keys().cloned().collect();
        for key in keys {
            self.detach(&key);
        }
        self.orders.give(Order::Stop);
        let _ = self.reader.join();
    }

    fn want(&mut self, asks: Vec<Ask>) {
        let wanted: BTreeSet<String> = asks.iter().map(|ask| ask.key.clone()).collect();
        let unwanted: Vec<String> = self.entries.keys().filter(|key| !wanted.contains(*key)).cloned().collect();
        for key in unwanted {
            self.detach(&key);
            if let Some(entry) = self.entries.get_mut(&key) {
                (entry.is_wanted, entry.due, entry.told) = (false, None, None);
            }
        }
        // What never had a point leaves nothing behind.
        self.entries.retain(|_, entry| entry.is_wanted || entry.point.is_some());
        for ask in asks {
            let is_other = self.entries.get(&ask.key).is_some_and(|entry| entry.is_attached && !entry.ask.is_same(&ask));
            if is_other {
                self.detach(&ask.key);
            }
            let entry = self.entries.entry(ask.key.clone()).or_insert_with(|| Entry {
                ask: ask.clone(),
                is_wanted: true,
                is_attached: false,
                point: None,
                due: None,
                told: None,
                asked: None,
            });
            (entry.ask, entry.is_wanted) = (ask, true);
            if !entry.is_attached {
                entry.due = Some(Instant::now());
            }
        }
    }

    fn wonder(&mut self, questions: Vec<Question>) {
        self.questions.retain(|open| questions.contains(&open.question));
        for question in questions {
            if !self.questions.iter().any(|open| open.question == question) {
                self.questions.push(Open { question, due: Instant::now(), told: None, asked: None });
            }
        }
    }

    /// Asks what is to be asked, and tells answers that are new.
    fn question(&mut self) {
        let now = Instant::now();
        for open in self.questions.iter_mut().filter(|open| open.due <= now) {
            let Question { pid, guest, monitor } = &open.question;
            match Monitor::open(monitor).and_then(|mut monitor| ask(&mut monitor, *pid)) {
                Ok(asked) if open.asked.as_ref() != Some(&asked) => {
                    (open.asked, open.told) = (Some(asked.clone()), None);
                    let changes = vec![HostChange::Set(HostFact::Asked(Box::new(asked)))];
                    self.orders.give(Order::Tell(Event::Host { at: self::now(), changes }));
                }
                Ok(_) => {}
                Err(reason) => {
                    let text = reason.to_string();
                    if open.told.as_ref() != Some(&text) {
                        open.told = Some(text);
                        let report = Report::Refused { key: format!("process {pid}"), place: guest.to_string(), reason: reason.into() };
                        let _ = self.reports.try_send(report);
                    }
                }
            }
            open.due = Instant::now() + LOOK;
        }
    }

    /// Adds what is to be added, and looks whether what was added is still there.
    fn look(&mut self) {
        let now = Instant::now();
        let due: Vec<String> =
            self.entries.iter().filter(|(_, entry)| entry.due.is_some_and(|at| at <= now)).map(|(key, _)| key.clone()).collect();
        for key in due {
            let Some(entry) = self.entries.get(&key) else { continue };
            if entry.is_attached {
                self.check(&key);
            }
            self.try_attach(&key);
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.due = entry.is_wanted.then(|| Instant::now() + LOOK);
            }
        }
    }

    fn try_attach(&mut self, key: &str) {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.is_wanted && !entry.is_attached) else { return };
        match attach(&entry.ask) {
            Ok((sockets, asked)) => {
                (entry.is_attached, entry.told) = (true, None);
                let ask = &entry.ask;
                let info = PointInfo {
                    name: Some(ask.name.clone()),
                    description: Some(ask.description.clone()),
                    link_type: LinkType::ETHERNET,
                    snap_length: 0,
                    file: 0,
                    device: None,
                    cable: ask.cable.clone(),
                };
                let (point, event) = match entry.point {
                    Some(point) => (point, Event::Resumed { point, info, at: self::now() }),
                    None => {
                        let point = PointId(self.points);
                        self.points += 1;
                        entry.point = Some(point);
                        (point, Event::Opened(info))
                    }
                };
                let ears = ears(ask, point, sockets);
                let _ = self.reports.try_send(Report::Added { objects: ask.objects(), place: ask.place() });
                self.orders.give(Order::Add(event, ears));
                self.learn(key, asked);
            }
            Err(reason) => {
                let text = reason.to_string();
                if entry.told.as_ref() != Some(&text) {
                    entry.told = Some(text);
                    let _ = self.reports.try_send(Report::Refused { key: key.to_owned(), place: entry.ask.place(), reason });
                }
            }
        }
    }

    /// Closes the point if its filters are gone: with the guest, or taken away by somebody.
    fn check(&mut self, key: &str) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let pid = entry.ask.pid;
        let look = |mut monitor: Monitor| Ok((monitor.objects()?, ask(&mut monitor, pid)?));
        let reason = match Monitor::open(&entry.ask.monitor).and_then(look) {
            Ok((there, asked)) => {
                let is_there = |id: &String| there.iter().any(|object| object.id == *id);
                if entry.ask.objects().iter().all(is_there) {
                    return self.learn(key, Some(asked));
                }
                "somebody removed its filters from the guest".to_owned()
            }
            Err(MonitorError::Connect { .. } | MonitorError::Closed { .. }) => "the guest ended".to_owned(),
            // Another program has the monitor, or QEMU hangs: frames come nevertheless.
            Err(_) => return,
        };
        entry.is_attached = false;
        if let Some(point) = entry.point {
            self.orders.give(Order::Remove(point, Some(reason)));
        }
        self.learn(key, None);
    }

    /// Tells what QEMU says of a guest, if that is new.
    fn learn(&mut self, key: &str, asked: Option<Asked>) {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.asked != asked) else { return };
        let change = match (&asked, &entry.asked) {
            (Some(asked), _) => HostChange::Set(HostFact::Asked(Box::new(asked.clone()))),
            (None, Some(before)) => HostChange::Gone(HostKey::Asked(before.pid)),
            (None, None) => return,
        };
        entry.asked = asked;
        self.orders.give(Order::Tell(Event::Host { at: now(), changes: vec![change] }));
    }

    /// Takes the filters of an entry away, if they are there, and closes its point.
    fn detach(&mut self, key: &str) {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.is_attached) else { return };
        entry.is_attached = false;
        let (objects, place) = (entry.ask.objects(), entry.ask.place());
        // Before its sockets are closed: QEMU would complain of each frame.
        let removed = Monitor::open(&entry.ask.monitor).and_then(|mut monitor| remove(&mut monitor, &objects));
        let report = match removed {
            Ok(()) => Report::Removed { objects, place },
            // A guest that ended has taken them along.
            Err(MonitorError::Connect { .. } | MonitorError::Closed { .. }) => Report::Gone { place },
            Err(reason) => Report::Left { objects, place, reason },
        };
        let _ = self.reports.try_send(report);
        if let Some(point) = entry.point {
            self.orders.give(Order::Remove(point, None));
        }
        self.learn(key, None);
    }
}

fn ears(ask: &Ask, point: PointId, sockets: [UdpSocket; 2]) -> Vec<Ear> {
    let direction = |queue: Queue| match (queue, ask.from_guest) {
        (Queue::Rx, from_guest) => from_guest,
        (Queue::Tx, Direction::Inbound) => Direction::Outbound,
        (Queue::Tx, Direction::Outbound) => Direction::Inbound,
        (Queue::Tx, Direction::Unknown) => Direction::Unknown,
    };
    sockets.into_iter().zip(QUEUES).map(|(socket, queue)| Ear::new(socket, point, direction(queue))).collect()
}

/// As [`super::sweep`].
pub(super) fn sweep_at(address: &crate::qemu::monitor::Address) -> Result<Vec<String>, FilterError> {
    Ok(sweep(&mut Monitor::open(address)?)?)
}
