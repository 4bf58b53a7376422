//! Looking for the beginning of a record in the middle of a stream.
//!
//! QEMU sends each frame whole, so almost every segment begins with a record: of 3,883 segments of real guests all did. That is the first
//! place to look. Where a relay or a small segment size cuts the stream otherwise, every octet is a candidate, and a long row of records
//! proves it.

use super::record::{Chain, LENGTH, Record, SHORTEST, chain, judge};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use tapscope_graph::Timestamp;

/// Records in a row that are looked at first.
const FIRST: usize = 3;
/// Records in a row that prove a beginning anywhere.
const SURE: usize = 12;
/// Octets that are kept while looking: some hundred frames of usual size, and half a dozen of the longest.
const LIMIT: usize = 512 * 1024;
/// Segments that are kept while looking.
const SEGMENTS: usize = 4096;
/// Beginnings of segments about which too little is known yet.
const UNDECIDED: usize = 16;

/// Octets among which a beginning is looked for.
#[derive(Default)]
pub(super) struct Seek {
    octets: Vec<u8>,
    /// Where each piece begins, and when it was seen.
    pieces: VecDeque<(usize, Timestamp)>,
    /// Beginnings of segments that may be those of records.
    starts: VecDeque<usize>,
    /// Everything before is no beginning, other than those.
    scanned: usize,
    /// Octets that were let go.
    skipped: u64,
}

/// What is behind a beginning that was found.
pub(super) struct Found {
    /// Octets that came before.
    pub skipped: u64,
    octets: Vec<u8>,
    pieces: VecDeque<(usize, Timestamp)>,
    start: usize,
}

impl Found {
    /// The octets from the beginning on.
    pub fn octets(&self) -> &[u8] {
        &self.octets[self.start..]
    }

    /// When the octet at a place behind the beginning was seen.
    pub fn at(&self, place: usize) -> Timestamp {
        let before = self.pieces.partition_point(|&(offset, _)| offset <= self.start + place);
        self.pieces.get(before.saturating_sub(1)).map_or(Timestamp(0), |&(_, at)| at)
    }

    /// Goes on looking, behind the octet at a place: what was found did not last.
    pub fn give_up(mut self, place: usize) -> Seek {
        let place = (self.start + place + 1).min(self.octets.len());
        let at = self.at(place - self.start - 1);
        self.octets.drain(..place);
        while self.pieces.pop_front_if(|piece| piece.0 <= place).is_some() {}
        for piece in &mut self.pieces {
            piece.0 -= place;
        }
        self.pieces.push_front((0, at));
        Seek { starts: VecDeque::new(), scanned: 0, skipped: 0, octets: self.octets, pieces: self.pieces }
    }
}

impl Seek {
    /// Appends what follows.
    pub fn push(&mut self, at: Timestamp, octets: &[u8], starts_segment: bool) {
        let offset = self.octets.len();
        self.pieces.push_back((offset, at));
        if starts_segment {
            if self.starts.len() == UNDECIDED {
                self.starts.pop_front();
            }
            self.starts.push_back(offset);
        }
        self.octets.extend_from_slice(octets);
    }

    /// Octets that came in and lead nowhere.
    pub fn skipped(&self) -> u64 {
        self.skipped + self.octets.len() as u64
    }

    /// Looks for a beginning.
    pub fn find(&mut self) -> Option<Found> {
        loop {
            if let Some(start) = self.at_segment().or_else(|| self.anywhere()) {
                let Seek { octets, pieces, skipped, .. } = std::mem::take(self);
                return Some(Found { skipped: skipped + start as u64, octets, pieces, start });
            }
            if self.octets.len() <= LIMIT && self.pieces.len() <= SEGMENTS {
                self.forget();
                return None;
            }
            // The candidate that everything waits for is not it.
            let behind = if self.pieces.len() > SEGMENTS { self.pieces[SEGMENTS / 2].0 } else { 0 };
            self.scanned = (self.scanned + 1).max(behind);
            self.starts.clear();
            self.forget();
        }
    }

    /// A segment that begins with a record.
    fn at_segment(&mut self) -> Option<usize> {
        let mut found = None;
        let (octets, starts) = (&self.octets, &self.starts);
        let others = starts.clone();
        let mut undecided = VecDeque::with_capacity(starts.len());
        for &start in starts {
            let mut meets = false;
            let Chain { whole, is_strong, is_broken, is_exact } = chain(octets, start, FIRST, |end, _| {
                meets = others.contains(&end) && end < octets.len();
                if meets { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            // Both ends of a weak one are where segments end, or something in the row is strong and nothing speaks against it.
            if (is_exact || meets) && whole > 0 || whole == FIRST && is_strong {
                found = Some(start);
                break;
            }
            if !is_broken {
                undecided.push_back(start);
            }
        }
        self.starts = undecided;
        found
    }

    /// A strong record anywhere, and a row behind it.
    fn anywhere(&mut self) -> Option<usize> {
        while self.octets.len().saturating_sub(self.scanned) >= LENGTH + SHORTEST {
            let start = self.scanned;
            match judge(&self.octets[start..]) {
                Record::Short => return None,
                Record::Strong(_) => {
                    let mut meets = false;
                    let row = chain(&self.octets, start, SURE, |end, whole| {
                        meets = whole >= FIRST && self.starts.contains(&end) && end < self.octets.len();
                        if meets { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                    });
                    let is_full = self.octets.len() > LIMIT && row.whole >= FIRST;
                    if row.whole == SURE || meets || is_full && !row.is_broken {
                        return Some(start);
                    }
                    if !row.is_broken {
                        return None;
                    }
                }
                Record::Impossible | Record::Weak(_) => {}
            }
            self.scanned += 1;
        }
        None
    }

    /// Lets go of what can be no beginning any more.
    fn forget(&mut self) {
        let keep = self.starts.front().map_or(self.scanned, |&start| start.min(self.scanned));
        // Not each time: what stays is moved.
        let is_full = self.octets.len() > LIMIT || self.pieces.len() > SEGMENTS;
        if !is_full && (keep < 4096 || keep < self.octets.len() / 2) {
            return;
        }
        self.octets.drain(..keep);
        self.skipped += keep as u64;
        self.scanned -= keep;
        self.starts.iter_mut().for_each(|start| *start -= keep);
        let mut at = None;
        while let Some(piece) = self.pieces.pop_front_if(|piece| piece.0 <= keep) {
            at = Some(piece.1);
        }
        self.pieces.iter_mut().for_each(|piece| piece.0 -= keep);
        if let Some(at) = at {
            self.pieces.push_front((0, at));
        }
    }
}
