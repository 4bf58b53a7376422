//! Several files as one: their frames in the order of time, their points side by side.

use super::{FileFacts, Next, Reader};
use std::collections::VecDeque;
use std::path::Path;
use tapscope_graph::{Batch, Event, Frame, PointId, Timestamp};

/// One file of several, with the batch that its next frame is in.
struct Part {
    reader: Reader,
    batch: Batch,
    at: usize,
    /// An event that waits for its time.
    ahead: Option<(Timestamp, Event)>,
    ended: bool,
    /// Nanoseconds that its clock was behind.
    offset: i64,
    /// The number among all points, of each of its own.
    points: Vec<PointId>,
    /// The file's name without folder and ending.
    stem: Option<String>,
}

/// Files that are read together.
pub struct Merged {
    parts: Vec<Part>,
    events: VecDeque<Event>,
    points: u32,
}

impl Merged {
    /// Reads `readers` together. The points are numbered in the order in which they open.
    pub fn new(readers: Vec<Reader>) -> Merged {
        Merged::shifted(readers.into_iter().map(|reader| (reader, 0)).collect())
    }

    /// The same for files whose clocks differ: each with nanoseconds that are added to its stamps.
    pub fn shifted(readers: Vec<(Reader, i64)>) -> Merged {
        let part = |(reader, offset): (Reader, i64)| {
            let stem = Path::new(&reader.facts().path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
            Part { reader, batch: Batch::default(), at: 0, ahead: None, ended: false, offset, points: Vec::new(), stem }
        };
        Merged { parts: readers.into_iter().map(part).collect(), events: VecDeque::new(), points: 0 }
    }

    /// As [`Reader::next`], for all files.
    pub fn next(&mut self, batch: &mut Batch) -> Next {
        if let [only] = &mut self.parts[..] {
            let next = only.reader.next(batch);
            return match next {
                Next::Event(event) => Next::Event(adopt(shifted(event, only.offset), 0, &only.stem, &mut only.points, &mut self.points)),
                Next::Frames => {
                    shift(batch, only.offset);
                    Next::Frames
                }
                Next::End => Next::End,
            };
        }
        batch.clear();
        loop {
            self.refill();
            if let Some(event) = self.events.pop_front() {
                if batch.is_empty() {
                    return Next::Event(event);
                }
                self.events.push_front(event);
                return Next::Frames;
            }
            let earliest = self
                .parts
                .iter()
                .enumerate()
                .filter_map(|(index, part)| part.next_at().map(|at| (at, index)))
                .min()
                .map(|(_, index)| index);
            let Some(part) = earliest.map(|index| &mut self.parts[index]) else {
                return if batch.is_empty() { Next::End } else { Next::Frames };
            };
            if let Some((_, event)) = part.ahead.take() {
                self.events.push_back(event);
                continue;
            }
            if let Some(frame) = part.batch.get(part.at) {
                let point = part.points.get(frame.point.0 as usize).copied().unwrap_or(frame.point);
                batch.push_beside(Frame { point, ..frame }, &part.batch, part.at);
            }
            part.at += 1;
            if batch.is_full() {
                return Next::Frames;
            }
        }
    }

    /// Gives every part a frame to compare, unless it has ended.
    fn refill(&mut self) {
        for (index, part) in self.parts.iter_mut().enumerate() {
            while !part.ended && part.ahead.is_none() && part.at >= part.batch.len() {
                part.at = 0;
                match part.reader.next(&mut part.batch) {
                    Next::Event(event) => {
                        let event = shifted(event, part.offset);
                        let event = adopt(event, index as u32, &part.stem, &mut part.points, &mut self.points);
                        match event.at() {
                            Some(at) => part.ahead = Some((at, event)),
                            None => self.events.push_back(event),
                        }
                    }
                    Next::Frames => shift(&mut part.batch, part.offset),
                    Next::End => part.ended = true,
                }
            }
        }
    }

    /// Octets read so far, and in all where known of all files.
    pub fn progress(&self) -> (u64, Option<u64>) {
        self.parts
            .iter()
            .map(|part| part.reader.progress())
            .fold((0, Some(0)), |(done, size), (part_done, part_size)| (done + part_done, size.zip(part_size).map(|(a, b)| a + b)))
    }

    /// What is known of the files, with the points numbered as their events were.
    pub fn into_facts(self) -> Vec<FileFacts> {
        let facts = |part: Part| {
            let mut facts = part.reader.into_facts();
            for ((id, _), point) in facts.points.iter_mut().zip(&part.points) {
                *id = *point;
            }
            facts
        };
        self.parts.into_iter().map(facts).collect()
    }
}

impl Part {
    /// When its next frame or event is; none at the end.
    fn next_at(&self) -> Option<Timestamp> {
        self.ahead.as_ref().map(|(at, _)| *at).or_else(|| self.batch.get(self.at).map(|frame| frame.at))
    }
}

/// Corrects the time of frames.
fn shift(batch: &mut Batch, nanos: i64) {
    if nanos != 0 {
        batch.shift(nanos);
    }
}

/// Corrects the time of an event.
fn shifted(mut event: Event, nanos: i64) -> Event {
    if let Event::Host { at, .. } | Event::Resumed { at, .. } = &mut event {
        at.0 = at.0.saturating_add(nanos);
    }
    event
}

/// Numbers what a file says about its own points among all points.
fn adopt(event: Event, file: u32, stem: &Option<String>, points: &mut Vec<PointId>, count: &mut u32) -> Event {
    let global = |point: PointId| points.get(point.0 as usize).copied().unwrap_or(point);
    match event {
        Event::Opened(mut info) => {
            info.file = file;
            // pcap files name no interface; people name the files after it.
            if info.name.is_none() && info.description.is_none() {
                info.description = stem.clone();
            }
            points.push(PointId(*count));
            *count += 1;
            Event::Opened(info)
        }
        Event::Closed { point, reason } => Event::Closed { point: global(point), reason },
        Event::Resumed { point, info, at } => Event::Resumed { point: global(point), info, at },
        Event::Lost { point, frames, cause } => Event::Lost { point: global(point), frames, cause },
        Event::Host { at, changes } => Event::Host { at, changes },
        Event::Frames(batch) => Event::Frames(batch),
    }
}
