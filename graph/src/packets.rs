//! Frames kept for looking at: the latest, within a bound of octets.

use crate::{Batch, Frame, FrameNo};
use std::collections::VecDeque;
use std::sync::Arc;

/// The latest frames in the order of arrival. Cloning is cheap: the batches are shared.
#[derive(Clone, Debug)]
pub struct Packets {
    chunks: VecDeque<(u64, Arc<Batch>)>,
    octets: usize,
    limit: usize,
    next: u64,
    pushed_out: u64,
}

impl Packets {
    /// Octets that a frame costs beyond its bytes, for the bound.
    const OVERHEAD: usize = 32;

    /// Keeps about `limit` octets; the oldest frames go first, and are counted.
    pub fn new(limit: usize) -> Packets {
        Packets { chunks: VecDeque::new(), octets: 0, limit, next: 1, pushed_out: 0 }
    }

    /// Appends the frames of a batch.
    pub fn push(&mut self, batch: Arc<Batch>) {
        if batch.is_empty() {
            return;
        }
        self.octets += Self::cost(&batch);
        let first = self.next;
        self.next += batch.len() as u64;
        self.chunks.push_back((first, batch));
        while self.octets > self.limit && self.chunks.len() > 1 {
            if let Some((_, old)) = self.chunks.pop_front() {
                self.octets -= Self::cost(&old);
                self.pushed_out += old.len() as u64;
            }
        }
    }

    fn cost(batch: &Batch) -> usize {
        batch.octets() + batch.len() * Self::OVERHEAD
    }

    /// Frames that are kept.
    pub fn len(&self) -> usize {
        (self.next - 1 - self.pushed_out) as usize
    }

    /// Whether no frame is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frames that were pushed out by later ones.
    pub fn pushed_out(&self) -> u64 {
        self.pushed_out
    }

    /// The number of the first frame that is kept.
    pub fn first(&self) -> FrameNo {
        FrameNo(self.pushed_out + 1)
    }

    /// A frame by its number; `None` if it was pushed out or did not arrive yet.
    pub fn get(&self, number: FrameNo) -> Option<Frame<'_>> {
        let index = self.chunks.partition_point(|(first, _)| *first <= number.0).checked_sub(1)?;
        let (first, batch) = &self.chunks[index];
        batch.get((number.0 - first) as usize)
    }
}
