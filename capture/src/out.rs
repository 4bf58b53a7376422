//! The way to the model: batches and events in one order, and what finds no room is counted.

use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::collections::VecDeque;
use tapscope_graph::{Batch, Event, Frame};

/// The way to the model.
pub(crate) struct Out {
    pub batch: Batch,
    pub events: Sender<Event>,
    pub spent: Receiver<Batch>,
    /// Events that found no room.
    pub waiting: VecDeque<Event>,
    /// Frames dropped because there was no room, by point.
    pub dropped: Vec<u64>,
    /// Whether nobody listens any more.
    pub is_gone: bool,
}

impl Out {
    pub fn new(events: Sender<Event>, spent: Receiver<Batch>) -> Out {
        Out { batch: Batch::default(), events, spent, waiting: VecDeque::new(), dropped: Vec::new(), is_gone: false }
    }

    #[inline]
    pub fn push(&mut self, frame: Frame<'_>) {
        self.batch.push(frame);
        if self.batch.is_full() {
            self.flush();
        }
    }

    /// Hands the batch over, or drops and counts it.
    pub fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        self.send_waiting();
        if self.waiting.is_empty() {
            let fresh = self.spent.try_recv().unwrap_or_default();
            let batch = std::mem::replace(&mut self.batch, fresh);
            self.batch.clear();
            match self.events.try_send(Event::Frames(batch)) {
                Ok(()) => return,
                Err(TrySendError::Full(Event::Frames(batch))) => self.batch = batch,
                Err(TrySendError::Full(_)) => return,
                Err(TrySendError::Disconnected(_)) => {
                    self.is_gone = true;
                    return;
                }
            }
        }
        for frame in self.batch.frames() {
            let point = frame.point.0 as usize;
            if self.dropped.len() <= point {
                self.dropped.resize(point + 1, 0);
            }
            self.dropped[point] += 1;
        }
        self.batch.clear();
    }

    pub fn tell(&mut self, event: Event) {
        self.flush();
        self.waiting.push_back(event);
        self.send_waiting();
    }

    pub fn send_waiting(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => self.is_gone = true,
            }
        }
    }
}
