//! What the hub tells the model, if anybody wants to know.

use crate::out::Out;
use crossbeam_channel::{Receiver, Sender};
use tapscope_graph::{Batch, Direction, Event, Frame, LossCause, PointId, Timestamp};

/// The way to the model; nothing is made where there is none.
pub(super) struct Teller(Option<Out>);

impl Teller {
    pub fn new(events: Option<Sender<Event>>, spent: Receiver<Batch>) -> Teller {
        Teller(events.map(|events| Out::new(events, spent)))
    }

    #[inline]
    pub fn frame(&mut self, port: usize, direction: Direction, at: Timestamp, bytes: &[u8]) {
        if let Some(out) = &mut self.0 {
            // Longer ones do not come in (`cable::LONGEST`).
            let original_length = bytes.len() as u32;
            out.push(Frame { at, point: point(port), direction, original_length, bytes });
        }
    }

    pub fn tell(&mut self, event: impl FnOnce() -> Event) {
        if let Some(out) = &mut self.0 {
            out.tell(event());
        }
    }

    /// Hands over what there is, and says what the model had no room for.
    pub fn flush(&mut self) {
        let Some(out) = &mut self.0 else { return };
        out.flush();
        out.send_waiting();
        if out.waiting.is_empty() {
            let Out { dropped, events, .. } = out;
            for (port, frames) in dropped.iter_mut().enumerate().filter(|(_, frames)| **frames > 0) {
                let lost = Event::Lost { point: point(port), frames: *frames, cause: LossCause::Queue };
                if events.try_send(lost).is_ok() {
                    *frames = 0;
                }
            }
        }
        if out.is_gone {
            self.0 = None;
        }
    }

    /// Whether something waits for room.
    pub fn is_behind(&self) -> bool {
        self.0.as_ref().is_some_and(|out| !out.waiting.is_empty() || out.dropped.iter().any(|&frames| frames > 0))
    }
}

pub(super) fn point(port: usize) -> PointId {
    PointId(port as u32)
}
