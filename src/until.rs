//! A recording up to a moment: the events that had come by then to whoever looked at that moment.

use crate::export::Moment;
use tapscope_graph::{Batch, Event, Timestamp};

/// Who looked let a mark of that moment be recorded, and frames of just before came behind it or frames of just after before it. The mark is
/// looked for this long, in nanoseconds of the recording, and among so many octets.
const PATIENCE: i64 = 1_000_000_000;
const OCTETS: usize = 64 << 20;

/// Lets events pass up to a moment.
pub struct Until {
    moment: Moment,
    to: Option<Timestamp>,
    /// What comes behind the moment, and may come before its mark.
    held: Vec<Event>,
    octets: usize,
    is_over: bool,
}

impl Until {
    /// A distance is one from the first frame.
    pub fn new(moment: Moment) -> Until {
        let to = match moment {
            Moment::At(at) => Some(at),
            Moment::After(_) => None,
        };
        Until { moment, to, held: Vec::new(), octets: 0, is_over: false }
    }

    /// Whether nothing more can come.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What is known to have come by then, now that another event came.
    pub fn pass(&mut self, event: Event) -> Vec<Event> {
        if self.is_over {
            return Vec::new();
        }
        if let (None, Event::Frames(batch)) = (self.to, &event) {
            self.to = batch.get(0).map(|first| self.moment.from(first.at));
        }
        let Some(to) = self.to else { return vec![event] };
        if is_mark(&event, to) {
            self.is_over = true;
            self.held.push(event);
            return std::mem::take(&mut self.held);
        }
        if self.held.is_empty() {
            return match first_behind(&event, to) {
                None => vec![event],
                Some(0) => self.hold(event, to),
                Some(index) => {
                    let Event::Frames(batch) = &event else { return Vec::new() };
                    let (before, behind) = split(batch, index);
                    let mut passed = vec![Event::Frames(before)];
                    passed.append(&mut self.hold(Event::Frames(behind), to));
                    passed
                }
            };
        }
        self.hold(event, to)
    }

    /// Keeps what may come before the mark, until no mark can be expected any more.
    fn hold(&mut self, event: Event, to: Timestamp) -> Vec<Event> {
        let at = match &event {
            Event::Frames(batch) => batch.frames().map(|frame| frame.at).min(),
            event => event.at(),
        };
        self.octets += if let Event::Frames(batch) = &event { batch.octets() } else { 64 };
        if at.is_some_and(|at| at.since(to) > PATIENCE) || self.octets > OCTETS {
            self.is_over = true;
            self.held.clear();
            // Time went on to the moment.
            return vec![Event::Host { at: to, changes: Vec::new() }];
        }
        self.held.push(event);
        Vec::new()
    }

    /// What is known to have come by then, now that nothing more comes.
    pub fn end(self) -> Option<Event> {
        let to = self.to.filter(|_| !self.is_over && !self.held.is_empty())?;
        Some(Event::Host { at: to, changes: Vec::new() })
    }
}

fn is_mark(event: &Event, moment: Timestamp) -> bool {
    matches!(event, Event::Host { at, changes } if *at == moment && changes.is_empty())
}

/// The first frame behind a moment, by its index; 0 for another event behind it.
fn first_behind(event: &Event, moment: Timestamp) -> Option<usize> {
    match event {
        Event::Frames(batch) => batch.frames().position(|frame| frame.at > moment),
        event => event.at().filter(|at| *at > moment).map(|_| 0),
    }
}

fn split(batch: &Batch, at: usize) -> (Batch, Batch) {
    let (mut before, mut behind) = (Batch::default(), Batch::default());
    for (index, frame) in batch.frames().enumerate() {
        if index < at { before.push_beside(frame, batch, index) } else { behind.push_beside(frame, batch, index) }
    }
    (before, behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapscope_graph::Frame;

    fn frames(stamps: &[i64]) -> Event {
        let mut batch = Batch::default();
        for &at in stamps {
            batch.push(Frame {
                at: Timestamp(at),
                point: Default::default(),
                direction: Default::default(),
                original_length: 0,
                bytes: &[],
            });
        }
        Event::Frames(batch)
    }

    fn mark(at: i64) -> Event {
        Event::Host { at: Timestamp(at), changes: Vec::new() }
    }

    /// Stamps of the frames that pass, and `|` and the moment for each mark.
    fn passed(moment: Moment, events: Vec<Event>) -> String {
        let mut until = Until::new(moment);
        let mut passed: Vec<Event> = events.into_iter().flat_map(|event| until.pass(event)).collect();
        passed.extend(until.end());
        let words = passed.iter().flat_map(|event| match event {
            Event::Frames(batch) => batch.frames().map(|frame| frame.at.0.to_string()).collect(),
            event => vec![format!("|{}", event.at().unwrap_or_default().0)],
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_mark_says_what_had_come_by_the_moment_else_the_stamps_do() {
        let at = |nanos| Moment::At(Timestamp(nanos));
        let marked = || vec![frames(&[1, 4, 6]), frames(&[3]), mark(5), frames(&[5, 2]), frames(&[2_000_000_000])];
        assert_eq!(passed(at(5), marked()), "1 4 6 3 |5", "as who looked had it");
        assert_eq!(passed(at(4), marked()), "1 4 |4");
        assert_eq!(passed(at(0), marked()), "|0");
        assert_eq!(passed(at(7_000_000_000), marked()), "1 4 6 3 |5 5 2 2000000000");
        assert_eq!(passed(Moment::After(1), vec![mark(1), frames(&[4, 5, 6])]), "|1 4 5 |5");
    }
}
