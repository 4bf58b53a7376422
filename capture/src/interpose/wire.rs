//! The thread that hands frames on, both ways.

use super::side::Side;
use super::{Outcome, Place};
use crate::clock::now;
use crate::out::Out;
use crossbeam_channel::{Receiver, Sender};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use tapscope_graph::{Batch, Direction, Event, Frame, LinkType, LossCause, PointId, PointInfo, Text};

/// How often it is looked whether the names are still ours.
const LOOK: Duration = Duration::from_millis(500);
/// How soon events that found no room are tried again.
const SOON: Duration = Duration::from_millis(2);
/// How long what came by the end may wait for the guests, and the last events for room.
const PATIENCE: Duration = Duration::from_millis(400);

const POINT: PointId = PointId(0);

pub(super) struct Wire {
    place: Place,
    /// None while its guest starts again.
    sides: [Option<Side>; 2],
    stopped: UnixStream,
    out: Out,
    is_open: bool,
    undelivered: u64,
}

impl Wire {
    pub fn new(place: Place, sides: [Side; 2], stopped: UnixStream, events: Sender<Event>, spent: Receiver<Batch>) -> Wire {
        Wire { place, sides: sides.map(Some), stopped, out: Out::new(events, spent), is_open: true, undelivered: 0 }
    }

    pub fn run(mut self) -> Outcome {
        self.out.tell(Event::Opened(self.info()));
        let mut looked = Instant::now();
        while !self.wait() && !self.out.is_gone {
            self.forward();
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look();
            }
            self.out.flush();
            self.out.send_waiting();
        }
        self.end()
    }

    fn info(&self) -> PointInfo {
        PointInfo {
            name: Some(self.place.name.clone()),
            description: Some(self.place.description.clone()),
            link_type: LinkType::ETHERNET,
            snap_length: 0,
            file: 0,
            device: None,
            cable: Some(self.place.cable.clone()),
        }
    }

    /// Waits for something to do; says whether it is to end.
    fn wait(&self) -> bool {
        let mut polled = vec![PollFd::new(self.stopped.as_fd(), PollFlags::POLLIN)];
        polled.extend(self.sides.iter().flatten().map(|side| match side.pending {
            None => PollFd::new(side.ours.as_fd(), PollFlags::POLLIN),
            // A connected socket is writable when its peer has room.
            Some(_) => PollFd::new(side.onward.as_fd(), PollFlags::POLLOUT),
        }));
        let time = if self.out.waiting.is_empty() { LOOK } else { SOON };
        // Interrupted, or out of memory for a moment: what is there is looked for anyway.
        let _ = poll(&mut polled, PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO));
        polled[0].revents().is_some_and(|events| !events.is_empty())
    }

    /// Hands on what came; says whether there may be more. What comes to the second end's name was sent by the first.
    fn forward(&mut self) -> bool {
        let mut more = false;
        for (side, direction) in self.sides.iter_mut().zip([Direction::Outbound, Direction::Inbound]) {
            let out = &mut self.out;
            let Some(side) = side else { continue };
            more |= side.forward(|bytes| {
                out.push(Frame { at: now(), point: POINT, direction, original_length: bytes.len() as u32, bytes });
            });
        }
        more
    }

    /// Takes names anew that guests made anew.
    fn look(&mut self) {
        for index in 0..self.sides.len() {
            if let Some(side) = self.sides[index].take_if(|side| side.is_displaced()) {
                self.undelivered += side.undelivered + u64::from(side.pending.is_some());
                let reason = format!("{} is another socket now: its guest started again", Text::path(&side.path.to_string_lossy()));
                drop(side);
                if std::mem::take(&mut self.is_open) {
                    self.out.tell(Event::Closed { point: POINT, reason: Some(reason) });
                }
            }
            if self.sides[index].is_none() {
                // It may not be up yet.
                self.sides[index] = Side::place(&self.place.paths[index]).ok();
            }
        }
        if !self.is_open && self.sides.iter().all(Option::is_some) {
            self.is_open = true;
            let info = self.info();
            self.out.tell(Event::Resumed { point: POINT, info, at: now() });
        }
        self.tell_losses();
    }

    fn end(mut self) -> Outcome {
        let mut outcome = Outcome { undelivered: self.undelivered, left: Vec::new() };
        for side in self.sides.iter_mut().flatten() {
            if let Err(error) = side.put_back() {
                outcome.left.push(format!("{}: {error}", Text::path(&side.path.to_string_lossy())));
            }
        }
        // Whoever sends from now on reaches the guest; what came before is handed on.
        let deadline = Instant::now() + PATIENCE;
        while self.forward() && Instant::now() < deadline {
            if self.sides.iter().flatten().any(|side| side.pending.is_some()) {
                std::thread::sleep(SOON);
            }
        }
        outcome.undelivered += self.sides.iter().flatten().map(|side| side.undelivered + u64::from(side.pending.is_some())).sum::<u64>();
        self.tell_losses();
        if self.is_open {
            self.out.tell(Event::Closed { point: POINT, reason: None });
        }
        while !self.out.waiting.is_empty() && !self.out.is_gone && Instant::now() < deadline {
            std::thread::sleep(SOON);
            self.out.send_waiting();
        }
        outcome
    }

    fn tell_losses(&mut self) {
        self.out.flush();
        if let Some(frames) = self.out.dropped.first_mut().map(std::mem::take).filter(|&frames| frames > 0) {
            self.out.waiting.push_back(Event::Lost { point: POINT, frames, cause: LossCause::Queue });
        }
    }
}
