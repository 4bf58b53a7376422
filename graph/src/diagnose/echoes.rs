//! The echoes from A to B, which of them were answered, and whether the ping works.

use super::diagnosis::{Leg, Loss, Pattern, Verdict};
use super::question::Question;
use super::scene::Case;
use super::sight::{Ear, began, echo_key, packets};
use super::trail::Stop;
use super::walk::Walk;
use crate::journey::Journey;
use crate::{Direction, Timestamp};

/// ping(8) as a rule does not wait longer for a reply, nanoseconds.
const PATIENCE: i64 = 1_000_000_000;

/// The last requests whose fate says whether it works now.
const RECENT: usize = 3;

/// The echo requests from A to B, and which were answered.
pub(crate) struct Echoes<'a> {
    /// In order; with the time that its reply took to come back, nanoseconds.
    pub requests: Vec<(&'a Journey, Option<i64>)>,
    pub replies: Vec<&'a Journey>,
    /// Those that were seen where who asked can take them.
    pub came_back: usize,
}

impl<'a> Echoes<'a> {
    pub fn of(case: &Case<'a>) -> Echoes<'a> {
        let requests = packets(case.tables, Leg::Request, &case.from, &case.to, case.window);
        let replies = packets(case.tables, Leg::Reply, &case.to, &case.from, case.window);
        // A reply counts when it is where who asked can take it.
        let back = Walk::new(case, Leg::Reply, &case.to, &case.from, replies.clone());
        let last = back.trail.stops.iter().rev().find_map(|stop| match stop {
            Stop::Point { device, direction, .. } => Some((*device, *direction)),
            Stop::Spot(_) => None,
        });
        let arrival = |reply: &&Journey| -> Option<Timestamp> {
            let first = began(reply);
            let Some((device, direction)) = last.filter(|(device, _)| case.ear(*device) == Ear::Whole) else { return Some(first) };
            let here = reply.sightings.iter().find(|seen| {
                super::endpoint::device_of_point(case.tables, seen.point) == Some(device)
                    && (seen.direction == direction || seen.direction == Direction::Unknown)
            });
            here.map(|seen| seen.at)
        };
        let answer = |request: &'a Journey| {
            let same = replies.iter().filter(|reply| echo_key(reply) == echo_key(request) && began(reply) >= began(request));
            let arrived = same.filter_map(arrival).min()?;
            Some(arrived.since(began(request)))
        };
        // Without a place to see it, nobody knows.
        let came_back = replies.iter().filter(|reply| last.is_some() && arrival(reply).is_some()).count();
        Echoes { requests: requests.into_iter().map(|request| (request, answer(request))).collect(), came_back, replies }
    }

    pub fn lost(&self) -> Vec<&'a Journey> {
        self.requests.iter().filter(|(_, answered)| answered.is_none()).map(|(request, _)| *request).collect()
    }

    /// Whether it works. Requests of the very last moment do not count yet.
    pub fn fate(&self, case: &Case<'_>, question: &Question) -> (Loss, Verdict) {
        let is_due =
            |(request, answered): &&(&Journey, Option<i64>)| answered.is_some() || case.window.until.since(began(request)) >= PATIENCE / 2;
        let due: Vec<_> = self.requests.iter().filter(is_due).collect();
        let answered = due.iter().filter(|(_, answered)| answered.is_some()).count();
        let mut loss = Loss { sent: due.len() as u64, answered: answered as u64, pattern: Pattern::None };
        if let Some(pinged) = question.pinged.filter(|_| case.from.is_local()) {
            (loss.sent, loss.answered) = (pinged.sent.max(loss.sent), pinged.received);
        }
        let lost = loss.sent - loss.answered.min(loss.sent);
        let sizes =
            |is_answered: bool| due.iter().filter(move |(_, answered)| answered.is_some() == is_answered).map(|(one, _)| one.octets);
        // Of two that are equally large one may be lost, if it must not be fragmented; then smaller ones were answered before.
        let was_there = |octets: u32| {
            let before = due.iter().take_while(|(_, answered)| answered.is_some());
            before.clone().next().is_some() && before.into_iter().all(|(one, _)| one.octets < octets)
        };
        let is_by_size = match (sizes(false).min(), sizes(true).max()) {
            (Some(lost), Some(answered)) => lost > answered || lost == answered && was_there(lost),
            _ => false,
        };
        let are_recent_answered = due.iter().rev().take(RECENT).all(|(_, answered)| answered.is_some());
        let is_late = due.iter().rev().take(RECENT).any(|(_, answered)| answered.is_some_and(|after| after > PATIENCE));
        // The request may have taken a way that is not seen here.
        let is_seen_back = || loss.sent == 0 && self.came_back > 0 && self.came_back == self.replies.len();
        let verdict = if is_seen_back() {
            (loss.sent, loss.answered) = (self.came_back as u64, self.came_back as u64);
            Verdict::Works
        } else if loss.sent == 0 {
            Verdict::NotSent
        } else if loss.answered == 0 {
            loss.pattern = Pattern::All;
            Verdict::Fails
        } else if is_late {
            loss.pattern = Pattern::Time;
            Verdict::Degraded
        } else if lost == 0 {
            Verdict::Works
        } else if is_by_size {
            loss.pattern = Pattern::Size;
            Verdict::Degraded
        } else if are_recent_answered {
            loss.pattern = Pattern::Time;
            Verdict::Works
        } else {
            loss.pattern = if is_rate(&due) || is_used_up(&due) { Pattern::Rate } else { Pattern::Burst };
            Verdict::Degraded
        };
        (loss, verdict)
    }
}

/// Whether answers come evenly, and more slowly than they are asked for.
fn is_rate(due: &[&(&Journey, Option<i64>)]) -> bool {
    let at = |answered: bool| -> Vec<i64> {
        due.iter().filter(|(_, reply)| !answered || reply.is_some()).map(|(request, _)| began(request).0).collect()
    };
    let gaps = |times: &[i64]| -> Vec<i64> { times.windows(2).map(|pair| pair[1] - pair[0]).collect() };
    let (asked, answered) = (gaps(&at(false)), gaps(&at(true)));
    // What a burst let through does not count.
    let even: Vec<i64> = answered.iter().copied().filter(|gap| asked.first().is_some_and(|step| *gap > step * 3 / 2)).collect();
    let (Some(least), Some(most)) = (even.iter().min(), even.iter().max()) else { return false };
    even.len() >= 2 && most - least <= least / 3
}

/// Whether all are answered at first, and after that only one now and then: a bucket that was full, and fills slowly.
fn is_used_up(due: &[&(&Journey, Option<i64>)]) -> bool {
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for (_, answered) in due {
        match runs.last_mut() {
            Some((kind, length)) if *kind == answered.is_some() => *length += 1,
            _ => runs.push((answered.is_some(), 1)),
        }
    }
    let [(true, burst), rest @ ..] = &runs[..] else { return false };
    // The last run may be cut short by the end of the ping.
    let lost = rest.iter().take(rest.len().saturating_sub(1)).filter(|(is_answered, _)| !is_answered);
    let singles = rest.iter().filter(|(is_answered, _)| *is_answered);
    *burst >= 2
        && singles.clone().count() >= 1
        && singles.into_iter().all(|(_, length)| *length == 1)
        && lost.into_iter().all(|(_, length)| *length >= 2)
}
