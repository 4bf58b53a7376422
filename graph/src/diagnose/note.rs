//! What looks like a fault and is none: healthy look-alikes are told, and never accused.

use super::diagnosis::{Leg, Loss, Note, Pattern, Verdict};
use super::scene::Case;
use super::sight::{began, packets};
use crate::journey::Journey;

/// What there is to say.
pub(crate) fn notes(case: &Case<'_>, verdict: Verdict, requests: &[(&Journey, Option<i64>)], loss: &Loss) -> Vec<Note> {
    let mut notes = Vec::new();
    if verdict == Verdict::Works && loss.pattern == Pattern::Time {
        let lost = loss.sent - loss.answered;
        notes.push(Note {
            code: "ARP_RETRY_ON_BOOT",
            text: format!("the first {lost} of {} were lost before the other end was there; the last ones were answered", loss.sent),
        });
    }
    let questions = packets(case.tables, Leg::ArpRequest, &case.from, &case.to, case.window);
    let first_answered = requests.iter().find(|(_, answered)| answered.is_some()).map(|(request, _)| began(request));
    let early = questions.iter().filter(|question| first_answered.is_some_and(|at| began(question) < at)).count();
    if verdict == Verdict::Works && early > 1 && notes.is_empty() {
        notes.push(Note { code: "ARP_RETRY_ON_BOOT", text: format!("{early} questions for {} before it was there", case.to.label()) });
    }
    let redirect = case.errors().find(|(error, _)| matches!((error.is_v6, error.kind), (false, 5) | (true, 137)));
    if let Some((error, frame)) = redirect {
        let gateway = error.gateway.map_or_else(|| "another router".to_owned(), |ip| ip.to_string());
        notes.push(Note {
            code: "ICMP_REDIRECT",
            text: format!("{} says that {gateway} is nearer (#{}); the echo goes on all the same", error.reporter, frame.0),
        });
    }
    notes
}
