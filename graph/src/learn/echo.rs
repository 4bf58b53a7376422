//! Echo requests and their replies.

use super::{Lesson, Map, map};
use crate::fact::{Echo, Quoted};
use crate::tables::EchoRow;
use std::collections::VecDeque;
use std::net::IpAddr;

type Key = (IpAddr, IpAddr, u16, u16);

#[derive(Clone, Debug)]
pub(crate) struct EchoLearner {
    /// Unanswered requests, the oldest first. Bounded by the table of echoes.
    open: Map<Key, VecDeque<u32>>,
}

impl EchoLearner {
    pub fn new(seed: u64) -> EchoLearner {
        EchoLearner { open: map(seed) }
    }

    pub fn learn(&mut self, lesson: &mut Lesson<'_>, echo: &Echo) {
        let journey = lesson.seen.journey.map(|(id, _)| id);
        if echo.is_request {
            if lesson.tables.echoes.len() >= lesson.limits.echoes {
                lesson.tables.dropped.echoes += 1;
                return;
            }
            let key = (echo.source, echo.destination, echo.identifier, echo.sequence);
            self.open.entry(key).or_default().push_back(lesson.tables.echoes.len() as u32);
            lesson.tables.echoes.push(EchoRow {
                point: lesson.seen.point,
                source: echo.source,
                destination: echo.destination,
                identifier: echo.identifier,
                sequence: echo.sequence,
                frame: lesson.seen.frame,
                at: lesson.seen.at,
                reply: None,
                error: None,
                journey,
                reply_journey: None,
            });
            return;
        }
        let key = (echo.destination, echo.source, echo.identifier, echo.sequence);
        let Some(open) = self.open.get_mut(&key) else { return };
        if let Some(row) = open.pop_front() {
            let row = &mut lesson.tables.echoes[row as usize];
            row.reply = Some((lesson.seen.frame, lesson.seen.at));
            row.reply_journey = journey;
        }
        if open.is_empty() {
            self.open.remove(&key);
        }
    }

    /// Notes on the latest open request that `error` (a row of ICMP errors) quotes it.
    pub fn refuse(&mut self, lesson: &mut Lesson<'_>, quoted: &Quoted, error: u32) {
        let Some((identifier, sequence)) = quoted.echo else { return };
        let Some(open) = self.open.get(&(quoted.source, quoted.destination, identifier, sequence)) else { return };
        // All sightings of one request have the same fate; earlier requests of the same number may have had another.
        let journey = open.back().and_then(|&row| lesson.tables.echoes[row as usize].journey);
        for &row in open.iter().rev().take(16) {
            let row = &mut lesson.tables.echoes[row as usize];
            if row.journey == journey {
                row.error = Some(error);
            }
        }
    }
}
