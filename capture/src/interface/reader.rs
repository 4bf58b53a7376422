//! One thread that reads all rings and hands on their frames in the order of their time stamps.
//!
//! Each ring shows its frames in blocks, some milliseconds late. So a frame is handed on when it is older than [`Pace::hold`]: what came
//! before it has then come out everywhere. Until then frames stay in the kernel's ring, but for the first of each, which has to be looked
//! at. Frames that are later still (the machine was busy) are handed on at once: time stamps may step back.

use super::TargetCable;
use super::ear::{Ear, Pause};
use super::manager::Message;
use super::open::Ring;
use super::ring::Pace;
use super::wires::Wires;
use crate::clock::now;
use crate::orders::{Inbox, Orders, orders};
use crate::out::Out;
use crossbeam_channel::{Receiver, Sender};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcap::{Active, Capture};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::os::fd::AsFd;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tapscope_graph::{Batch, Direction, Event, LinkType, LossCause, PointId, Timestamp};

/// Frames that are handed on before the reader looks around again.
const ROUND: usize = 8192;
/// How often the kernel's counters of loss are asked for.
const COUNT: Duration = Duration::from_secs(1);
/// How long events that nobody takes are tried to be handed on.
const RETRY: Duration = Duration::from_millis(5);
/// How long a point that closes waits for its last frames, and stopping for room in the channel.
const PATIENCE: Duration = Duration::from_millis(400);
/// A frame that is stamped so much later than now was stamped before the clock was set back.
const FUTURE: i64 = 100_000_000;

/// What the manager wants of the reader.
pub(super) enum Order {
    /// Read these rings; the event tells of the point. Those of a cable's carrier are looked into, and the filter is for what is in them.
    Add { point: PointId, event: Event, rings: Vec<Ring>, pace: Pace, cable: Option<TargetCable>, filter: Option<String> },
    /// Tell this, in the order of things.
    Tell(Event),
    /// Close a point.
    Remove { point: PointId, reason: Option<String> },
    /// Close all, and end.
    Stop,
}

/// Starts the thread.
pub(super) fn start(
    events: Sender<Event>,
    spent: Receiver<Batch>,
    reports: Sender<Message>,
) -> io::Result<(Orders<Order>, JoinHandle<()>)> {
    let (orders, inbox) = orders()?;
    let make = move || Reader {
        inbox,
        reports,
        ears: Vec::new(),
        points: BTreeMap::new(),
        first: BinaryHeap::new(),
        out: Out::new(events, spent),
        closed: Vec::new(),
        hold: Duration::ZERO,
        tick: Duration::ZERO,
        looked: Instant::now(),
        counted: Instant::now(),
        stopping: None,
    };
    // Made in there: libpcap's compiled filters stay in one thread.
    let thread = std::thread::Builder::new().name("capture".into()).spawn(move || make().run())?;
    Ok((orders, thread))
}

/// What is known of a point.
struct Point {
    ears: Vec<usize>,
    pace: Pace,
    /// Losses that are not told yet.
    kernel: u64,
    interface: u64,
    carrier: u64,
    closing: Option<Closing>,
    wires: Option<Wires>,
}

impl Point {
    fn losses(&mut self) -> [(LossCause, &mut u64); 3] {
        self.carrier += self.wires.as_mut().map_or(0, Wires::take_lost);
        [(LossCause::Kernel, &mut self.kernel), (LossCause::Interface, &mut self.interface), (LossCause::Carrier, &mut self.carrier)]
    }
}

struct Closing {
    at: Timestamp,
    since: Instant,
    reason: Option<String>,
}

struct Reader {
    inbox: Inbox<Order>,
    reports: Sender<Message>,
    /// The rings; places are used again.
    ears: Vec<Option<Ear>>,
    points: BTreeMap<PointId, Point>,
    /// The heads, the earliest first: time, and whose.
    first: BinaryHeap<Reverse<(Timestamp, usize)>>,
    out: Out,
    /// Closed points, for the manager as soon as their last event is out.
    closed: Vec<(PointId, Vec<Capture<Active>>)>,
    hold: Duration,
    tick: Duration,
    looked: Instant,
    counted: Instant,
    stopping: Option<Instant>,
}

impl Reader {
    fn run(mut self) {
        let mut more = false;
        loop {
            self.wait(more);
            self.obey();
            more = self.hand_on();
            self.expire();
            self.close_due();
            if self.counted.elapsed() >= COUNT {
                self.count_losses();
                self.counted = Instant::now();
            }
            self.out.flush();
            self.tell_losses();
            let is_told = self.out.waiting.is_empty();
            if is_told {
                self.report_closed();
            }
            if self.out.is_gone {
                break;
            }
            if let Some(since) = self.stopping {
                let is_done = self.points.is_empty() && is_told;
                if is_done || since.elapsed() > PATIENCE + self.hold {
                    break;
                }
            }
        }
        let rest: Vec<PointId> = self.points.keys().copied().collect();
        for point in rest {
            self.close(point);
        }
        self.report_closed();
        let _ = self.reports.send(Message::ReaderEnded);
    }

    /// Sleeps until a ring has frames, the earliest head is old enough, or there is something else to do; then takes the rings' heads.
    fn wait(&mut self, is_behind: bool) {
        // A busy line shows something all the time: frames are let gather.
        let rest = self.tick.saturating_sub(self.looked.elapsed());
        if !rest.is_zero() && !is_behind && self.stopping.is_none() {
            let mut woken = [PollFd::new(self.inbox.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut woken, milliseconds(rest));
        }
        let quiet: Vec<usize> = self
            .ears
            .iter()
            .enumerate()
            .filter(|(_, ear)| ear.as_ref().is_some_and(|ear| ear.head.is_none()))
            .map(|(slot, _)| slot)
            .collect();
        let mut ready = Vec::with_capacity(quiet.len());
        {
            let ears = quiet.iter().filter_map(|&slot| self.ears[slot].as_ref());
            let mut files: Vec<PollFd<'_>> = std::iter::once(PollFd::new(self.inbox.as_fd(), PollFlags::POLLIN))
                .chain(ears.map(|ear| PollFd::new(ear.capture.as_fd(), PollFlags::POLLIN)))
                .collect();
            // Interrupted, or out of memory: what there is will be seen in the next round.
            let _ = poll(&mut files, self.patience());
            for (file, &slot) in files.iter().skip(1).zip(&quiet) {
                if file.revents().is_some_and(|what| !what.is_empty()) {
                    ready.push(slot);
                }
            }
        }
        self.looked = Instant::now();
        for slot in ready {
            // No frame is as early as that: this one becomes the head.
            self.read(slot, Timestamp(i64::MIN), &mut 0);
        }
    }

    /// How long there is nothing to do if no ring becomes ready.
    fn patience(&self) -> PollTimeout {
        let now = now();
        let mut wait = if self.points.is_empty() { None } else { Some(COUNT.saturating_sub(self.counted.elapsed())) };
        let mut at_most = |time: Duration| wait = Some(wait.map_or(time, |wait: Duration| wait.min(time)));
        if let Some(Reverse((at, _))) = self.first.peek() {
            at_most(Duration::from_nanos(self.due(*at, now).max(0) as u64));
        }
        if !self.out.waiting.is_empty() || self.out.dropped.iter().any(|&frames| frames > 0) || self.stopping.is_some() {
            at_most(RETRY);
        }
        for deadline in self.points.values().filter_map(|point| point.wires.as_ref()?.deadline()) {
            at_most(Duration::from_nanos(deadline.since(now).clamp(1_000_000, FUTURE) as u64));
        }
        for closing in self.points.values().filter_map(|point| point.closing.as_ref()) {
            at_most((self.hold + self.tick).saturating_sub(closing.since.elapsed()).max(Duration::from_millis(1)));
        }
        wait.map_or(PollTimeout::NONE, milliseconds)
    }

    /// Nanoseconds until a frame is old enough; zero or less if it is.
    fn due(&self, at: Timestamp, now: Timestamp) -> i64 {
        let age = now.since(at);
        if age < -FUTURE { 0 } else { self.hold.as_nanos() as i64 - age }
    }

    fn obey(&mut self) {
        for order in self.inbox.take() {
            match order {
                Order::Add { point, event, rings, pace, cable, filter } => {
                    self.out.tell(event);
                    let link_type = rings.first().map_or(LinkType::ETHERNET, |ring| ring.link_type);
                    let wires = cable.map(|cable| Wires::new(point, &cable, link_type, filter.as_deref())).transpose();
                    let ears = rings.into_iter().map(|ring| self.place(Ear::new(point, ring))).collect();
                    let (wires, problem) = wires.map_or_else(|error| (None, Some(error)), |wires| (wires, None));
                    self.points.insert(point, Point { ears, pace, kernel: 0, interface: 0, carrier: 0, closing: None, wires });
                    if let Some(error) = problem {
                        self.begin_to_close(point, Some(error.to_string()));
                    }
                    self.set_pace();
                }
                Order::Tell(event) => self.out.tell(event),
                Order::Remove { point, reason } => self.begin_to_close(point, reason),
                Order::Stop => {
                    let all: Vec<PointId> = self.points.keys().copied().collect();
                    for point in all {
                        self.begin_to_close(point, None);
                    }
                    self.stopping = Some(Instant::now());
                }
            }
        }
    }

    fn place(&mut self, ear: Ear) -> usize {
        match self.ears.iter().position(Option::is_none) {
            Some(slot) => {
                self.ears[slot] = Some(ear);
                slot
            }
            None => {
                self.ears.push(Some(ear));
                self.ears.len() - 1
            }
        }
    }

    fn set_pace(&mut self) {
        let slowest = self.points.values().map(|point| point.pace).max_by_key(|pace| pace.hold);
        (self.hold, self.tick) = slowest.map_or((Duration::ZERO, Duration::ZERO), |pace| (pace.hold, pace.tick));
    }

    /// Hands on all frames that are old enough, in the order of time. Whether there are more of them.
    fn hand_on(&mut self) -> bool {
        let now = now();
        let until = Timestamp(now.0.saturating_sub(self.hold.as_nanos() as i64));
        let mut left = ROUND;
        while let Some(&Reverse((at, slot))) = self.first.peek() {
            if self.due(at, now) > 0 {
                return false;
            }
            if left == 0 {
                return true;
            }
            self.first.pop();
            let next = self.first.peek().map_or(until, |Reverse((at, _))| until.min(*at));
            self.read(slot, next, &mut left);
        }
        false
    }

    /// Reads on in a ring.
    fn read(&mut self, slot: usize, until: Timestamp, left: &mut usize) {
        let Some(ear) = self.ears[slot].as_mut() else { return };
        let wires = self.points.get_mut(&ear.point).and_then(|point| point.wires.as_mut());
        match ear.hand_on(until, left, wires, &mut self.out) {
            Pause::Empty => {}
            Pause::Later(at) => self.first.push(Reverse((at, slot))),
            Pause::Ended(reason) => {
                let point = ear.point;
                self.begin_to_close(point, Some(reason));
            }
        }
    }

    /// Gives up what cables wait for.
    fn expire(&mut self) {
        let now = now();
        for wires in self.points.values_mut().filter_map(|point| point.wires.as_mut()) {
            if wires.deadline().is_some_and(|deadline| deadline <= now) {
                wires.expire(now, &mut self.out);
            }
        }
    }

    /// What was captured until now is still waited for.
    fn begin_to_close(&mut self, point: PointId, reason: Option<String>) {
        if let Some(point) = self.points.get_mut(&point)
            && point.closing.is_none()
        {
            point.closing = Some(Closing { at: now(), since: Instant::now(), reason });
        }
    }

    fn close_due(&mut self) {
        let due = |(&id, point): (&PointId, &Point)| {
            let closing = point.closing.as_ref()?;
            let waited = closing.since.elapsed();
            let heads = || point.ears.iter().filter_map(|&slot| self.ears[slot].as_ref()?.head);
            let is_read = waited >= self.hold + self.tick && heads().all(|(at, _)| at > closing.at);
            (is_read || waited > PATIENCE).then_some(id)
        };
        let due: Vec<PointId> = self.points.iter().filter_map(due).collect();
        for point in due {
            self.close(point);
        }
    }

    fn close(&mut self, id: PointId) {
        self.count_losses();
        let Some(mut point) = self.points.remove(&id) else { return };
        if let Some(wires) = &mut point.wires {
            wires.expire(Timestamp(i64::MAX), &mut self.out);
        }
        self.first.retain(|Reverse((_, slot))| !point.ears.contains(slot));
        let captures = point.ears.iter().filter_map(|&slot| self.ears[slot].take()).map(|ear| ear.capture).collect();
        self.out.flush();
        let mut queue = self.out.dropped.get_mut(id.0 as usize).map_or(0, std::mem::take);
        for (cause, frames) in point.losses().into_iter().chain([(LossCause::Queue, &mut queue)]) {
            if *frames > 0 {
                self.out.tell(Event::Lost { point: id, frames: *frames, cause });
            }
        }
        self.out.tell(Event::Closed { point: id, reason: point.closing.and_then(|closing| closing.reason) });
        self.closed.push((id, captures));
        self.set_pace();
    }

    fn report_closed(&mut self) {
        for (point, captures) in self.closed.drain(..) {
            let _ = self.reports.send(Message::Closed { point, captures });
        }
    }

    /// Asks the kernel what it dropped.
    fn count_losses(&mut self) {
        for ear in self.ears.iter_mut().flatten() {
            let (Ok(stat), Some(point)) = (ear.capture.stats(), self.points.get_mut(&ear.point)) else { continue };
            point.kernel += u64::from(stat.dropped.wrapping_sub(ear.dropped));
            // Both rings see the interface's counter.
            if ear.direction != Direction::Outbound {
                point.interface += u64::from(stat.if_dropped.wrapping_sub(ear.lost));
            }
            (ear.dropped, ear.lost) = (stat.dropped, stat.if_dropped);
        }
    }

    /// Tells of losses as far as there is room.
    fn tell_losses(&mut self) {
        self.out.send_waiting();
        if !self.out.waiting.is_empty() {
            return;
        }
        let Out { events, dropped, .. } = &mut self.out;
        for (&id, point) in &mut self.points {
            let mut none = 0;
            let queue = dropped.get_mut(id.0 as usize).unwrap_or(&mut none);
            for (cause, frames) in point.losses().into_iter().chain([(LossCause::Queue, queue)]) {
                if *frames > 0 && events.try_send(Event::Lost { point: id, frames: *frames, cause }).is_ok() {
                    *frames = 0;
                }
            }
        }
    }
}

/// Rounded up: a time-out must not be over before there is something to do.
fn milliseconds(time: Duration) -> PollTimeout {
    PollTimeout::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
}
