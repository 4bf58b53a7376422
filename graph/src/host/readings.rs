//! What a counter was, and when.

use crate::Timestamp;
use std::collections::VecDeque;

/// The latest readings of a counter that changed it, so that what it grew by in some span of time is known.
#[derive(Clone, Debug)]
pub(super) struct Readings<T> {
    kept: VecDeque<(Timestamp, T)>,
    /// Earlier ones were forgotten.
    is_cut: bool,
}

impl<T> Default for Readings<T> {
    fn default() -> Self {
        Readings { kept: VecDeque::new(), is_cut: false }
    }
}

impl<T: Copy + PartialEq> Readings<T> {
    /// The most that are kept: a minute of a busy device, whose counters are read each second.
    const KEPT: usize = 64;

    /// Takes a reading; says whether it is another value than before.
    pub fn add(&mut self, at: Timestamp, value: T) -> bool {
        if self.kept.back().is_some_and(|(_, last)| *last == value) {
            return false;
        }
        if self.kept.len() == Self::KEPT {
            self.kept.pop_front();
            self.is_cut = true;
        }
        self.kept.push_back((at, value));
        true
    }

    /// The value at a moment: that of the last reading before it, or of the very first one.
    pub fn at(&self, moment: Timestamp) -> Option<T> {
        let last = self.kept.iter().rev().find(|(at, _)| *at <= moment);
        last.or_else(|| self.kept.front().filter(|_| !self.is_cut)).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_has_its_value_until_it_is_read_anew() {
        let mut readings = Readings::default();
        for second in 0..100 {
            readings.add(Timestamp(second), second / 2);
        }
        assert_eq!(readings.at(Timestamp(98)), Some(49));
        assert_eq!(readings.at(Timestamp(97)), Some(48));
        assert_eq!(readings.at(Timestamp(-1)), Some(0));
        for second in 100..300 {
            readings.add(Timestamp(second), second / 2);
        }
        assert_eq!(readings.at(Timestamp(10)), None, "that was forgotten");
        assert_eq!(readings.at(Timestamp(1000)), Some(149));
    }
}
