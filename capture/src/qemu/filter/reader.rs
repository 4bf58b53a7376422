//! One thread that reads all filters' sockets and hands on their frames in the order of their time stamps.
//!
//! The two directions of a netdev come by two sockets. What is in them is read as of a moment, and what is later than that moment waits for
//! the next one, so that a reply never comes before its question.

use super::ear::{Ear, Read as EarRead, Scratch};
use crate::clock::now;
use crate::orders::{Inbox, Orders, orders};
use crate::out::Out;
use crossbeam_channel::{Receiver, Sender};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::AsFd;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tapscope_graph::{Batch, Direction, Event, Frame, LossCause, PointId, Timestamp};

/// A frame may be stamped and not be in its socket yet, for so long; nanoseconds.
const SLACK: i64 = 1_000_000;
/// A frame that is stamped so much later than now was stamped before the clock was set back; nanoseconds.
const FUTURE: i64 = 100_000_000;
/// How often losses are told.
const COUNT: Duration = Duration::from_millis(500);
/// How soon what waits is tried again.
const SOON: Duration = Duration::from_millis(2);
/// How often the sockets are read before they are closed: more than fits into them.
const LAST_ROUNDS: usize = 256;
/// How long the last events wait for room.
const PATIENCE: Duration = Duration::from_millis(400);

/// What the reader is to do.
pub(super) enum Order {
    /// Tell that a point is open, and read its sockets.
    Add(Event, Vec<Ear>),
    /// Tell this.
    Tell(Event),
    /// Read what is there, close the point and tell why.
    Remove(PointId, Option<String>),
    /// Close all, and end.
    Stop,
}

/// Starts the thread.
pub(super) fn start(events: Sender<Event>, spent: Receiver<Batch>) -> io::Result<(Orders<Order>, JoinHandle<()>)> {
    let (orders, inbox) = orders()?;
    let reader = Reader {
        inbox,
        ears: Vec::new(),
        held: Held::default(),
        out: Out::new(events, spent),
        scratch: Scratch::new(),
        counted: Instant::now(),
    };
    let thread = std::thread::Builder::new().name("filters".into()).spawn(move || reader.run())?;
    Ok((orders, thread))
}

struct Reader {
    inbox: Inbox<Order>,
    ears: Vec<Ear>,
    held: Held,
    out: Out,
    scratch: Scratch,
    counted: Instant,
}

/// Frames that were read, in no order yet.
#[derive(Default)]
struct Held {
    frames: Vec<(Timestamp, PointId, Direction, std::ops::Range<usize>)>,
    octets: Vec<u8>,
}

impl Reader {
    fn run(mut self) {
        let mut more = false;
        loop {
            self.wait(more);
            if self.obey() {
                self.end();
                return;
            }
            more = self.read();
            if self.counted.elapsed() >= COUNT {
                self.counted = Instant::now();
                self.tell_losses();
            }
            self.out.flush();
            self.out.send_waiting();
            if self.out.is_gone {
                return;
            }
        }
    }

    fn wait(&mut self, more: bool) {
        let time = match (more, self.held.frames.is_empty() && self.out.waiting.is_empty()) {
            (true, _) => Duration::ZERO,
            (false, false) => SOON,
            (false, true) => COUNT,
        };
        let mut polled = vec![PollFd::new(self.inbox.as_fd(), PollFlags::POLLIN)];
        polled.extend(self.ears.iter().map(|ear| PollFd::new(ear.socket.as_fd(), PollFlags::POLLIN)));
        // Interrupted, or out of memory for a moment: what is there is looked for anyway.
        let _ = poll(&mut polled, PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO));
    }

    /// Carries out what it was told to do; says whether it is to end.
    fn obey(&mut self) -> bool {
        for order in self.inbox.take() {
            match order {
                Order::Add(event, ears) => {
                    self.out.tell(event);
                    self.ears.extend(ears);
                }
                Order::Tell(event) => self.out.tell(event),
                Order::Remove(point, reason) => {
                    self.read_rest();
                    self.tell_losses();
                    self.ears.retain(|ear| ear.point != point);
                    self.out.tell(Event::Closed { point, reason });
                }
                Order::Stop => return true,
            }
        }
        false
    }

    /// Reads all sockets and hands on what is in order; says whether there is more in them.
    fn read(&mut self) -> bool {
        let mut until = Timestamp(now().0 - SLACK);
        let mut more = false;
        for ear in &mut self.ears {
            let (point, direction) = (ear.point, ear.direction);
            let held = &mut self.held;
            let read = ear.read(&mut self.scratch, |at, frame| {
                let start = held.octets.len();
                held.octets.extend_from_slice(frame);
                held.frames.push((at, point, direction, start..held.octets.len()));
            });
            if let EarRead::More(at) = read {
                until = until.min(at);
                more = true;
            }
        }
        self.hand_on(Some(until));
        more
    }

    /// Reads what came by now. More may come as fast as it is read, if the filters could not be taken away.
    fn read_rest(&mut self) {
        for _ in 0..LAST_ROUNDS {
            if !self.read() {
                break;
            }
        }
        self.hand_on(None);
    }

    /// Hands on the frames up to a time, or all.
    fn hand_on(&mut self, until: Option<Timestamp>) {
        let future = now().0.saturating_add(FUTURE);
        let Held { frames, octets } = &mut self.held;
        frames.sort_by_key(|frame| frame.0);
        let is_due = |at: Timestamp| until.is_none_or(|until| at <= until) || at.0 > future;
        let mut later = Held::default();
        for (at, point, direction, place) in frames.drain(..) {
            let bytes = &octets[place];
            if is_due(at) {
                self.out.push(Frame { at, point, direction, original_length: bytes.len() as u32, bytes });
            } else {
                let start = later.octets.len();
                later.octets.extend_from_slice(bytes);
                later.frames.push((at, point, direction, start..later.octets.len()));
            }
        }
        if later.frames.is_empty() {
            // The room is kept.
            octets.clear();
        } else {
            self.held = later;
        }
    }

    fn tell_losses(&mut self) {
        for index in 0..self.ears.len() {
            let (point, frames) = (self.ears[index].point, self.ears[index].lost());
            if frames > 0 {
                self.out.tell(Event::Lost { point, frames, cause: LossCause::Kernel });
            }
        }
        for (point, frames) in self.out.dropped.iter_mut().enumerate().filter(|(_, frames)| **frames > 0) {
            let event = Event::Lost { point: PointId(point as u32), frames: std::mem::take(frames), cause: LossCause::Queue };
            self.out.waiting.push_back(event);
        }
        self.out.send_waiting();
    }

    fn end(&mut self) {
        self.read_rest();
        self.tell_losses();
        let mut points: Vec<PointId> = self.ears.drain(..).map(|ear| ear.point).collect();
        points.dedup();
        for point in points {
            self.out.tell(Event::Closed { point, reason: None });
        }
        let deadline = Instant::now() + PATIENCE;
        while !self.out.waiting.is_empty() && !self.out.is_gone && Instant::now() < deadline {
            std::thread::sleep(SOON);
            self.out.send_waiting();
        }
    }
}
