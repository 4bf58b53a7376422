//! What was found out, put together as the answer.

use super::climb::{Story, is_lasting};
use super::diagnosis::{Confidence, Coverage, Diagnosis, Loss, Verdict};
use super::echoes::Echoes;
use super::endpoint::Place;
use super::note;
use super::question::Question;
use super::scene::Case;
use super::sight::Ear;
use super::trail::{At, Stop};
use super::verdict::is_same;
use super::walk::{Walk, case_name};
use crate::host::CableState;

/// Whether one could have heard the asker at all: a guest on a cable only where that is listened to.
fn is_heard(case: &Case<'_>) -> bool {
    // Where nobody listens at all, or nobody knows at whom, anything may have been sent.
    if case.from.is_unknown() || case.tables.points.iter().all(|point| point.closed && point.reason.is_some()) {
        return false;
    }
    let Place::Backend(pid, card) = case.from.place else { return true };
    let is_plugged = |cable: &&crate::host::Cable| cable.ends.iter().any(|end| end.pid == Some(pid) && end.nic == Some(card));
    let cable = case.host.cables().find(is_plugged);
    let joined = cable.filter(|cable| matches!(cable.state, CableState::Connected | CableState::Unknown));
    joined.is_some_and(|cable| case.tables.points.iter().any(|point| point.info.cable.as_ref() == Some(&cable.key)))
}

/// Puts it all together.
pub(crate) fn tell(case: &Case<'_>, question: &Question, echoes: Echoes<'_>, story: Story<'_>, loss: Loss, verdict: Verdict) -> Diagnosis {
    let Story { walks, found, was_sent } = story;
    let is_accused = found.causes.iter().any(|cause| cause.cause.code != "NOT_SENT");
    let verdict = if verdict == Verdict::NotSent && was_sent { Verdict::Fails } else { verdict };
    let verdict = match verdict {
        // With its own counters against it, nothing seen is not nothing sent.
        Verdict::NotSent
            if is_accused && (question.pinged.is_some() || found.causes.iter().any(|cause| cause.cause.code == "XDP_DROP")) =>
        {
            Verdict::Fails
        }
        // A cable that nobody can listen to may have carried anything.
        Verdict::NotSent if !is_heard(case) => {
            let is_explained = found.causes.first().is_some_and(|first| first.cause.code != "NOT_SENT");
            if is_explained { Verdict::Fails } else { Verdict::Undetermined }
        }
        // What answered in the end may be the wrong one next time.
        Verdict::Works if loss.answered < loss.sent && found.causes.iter().any(is_lasting) => Verdict::Degraded,
        Verdict::Fails if found.causes.first().is_some_and(|first| first.cause.code == "TARGET_SILENT") => Verdict::Undetermined,
        Verdict::Fails if found.causes.is_empty() => Verdict::Undetermined,
        other => other,
    };
    let confidence = match verdict {
        Verdict::Works => Confidence::Proven,
        Verdict::NotSent => found.confidence.unwrap_or(Confidence::Undetermined),
        _ => found.confidence.unwrap_or(Confidence::Undetermined),
    };
    let (mut causes, mut latent, mut candidates) = (found.causes, found.latent, found.candidates);
    if verdict == Verdict::NotSent {
        // Nothing died: what would stop it is still ahead. Why a guest sends nothing is a suspicion, unless it is sure.
        let is_here = |cause: &super::diagnosis::Accusation| {
            cause.cause.code == "NOT_SENT" || cause.cause.at.contains(&At::Sender) && cause.is_sufficient_alone
        };
        let (here, others): (Vec<_>, Vec<_>) = causes.into_iter().partition(is_here);
        causes = here;
        let (guesses, ahead): (Vec<_>, Vec<_>) = others.into_iter().partition(|cause| !cause.is_sufficient_alone);
        candidates
            .extend(guesses.into_iter().map(|one| super::diagnosis::Candidate { code: one.cause.code, decide_with: one.fix.command }));
        latent.splice(0..0, ahead);
    }
    let mut ahead: Vec<super::diagnosis::Accusation> = Vec::new();
    for later in latent {
        if !causes.iter().chain(&ahead).any(|known| is_same(known, &later)) {
            ahead.push(later);
        }
    }
    let latent = ahead;
    let mut named: Vec<&str> = causes.iter().map(|cause| cause.cause.code).collect();
    candidates.retain(|candidate| {
        let is_new = !named.contains(&candidate.code);
        named.push(candidate.code);
        is_new
    });
    let stuck =
        walks.iter().rev().find(|walk| walk.last_seen.is_some() || walk.next_expected.is_some()).filter(|_| verdict != Verdict::Works);
    let last_seen = stuck.and_then(|walk| walk.last_seen.map(|index| walk.label(case.host, index)));
    let next_expected = stuck.and_then(|walk| walk.next_expected.map(|index| walk.label(case.host, index)));
    let notes = note::notes(case, verdict, &echoes.requests, &loss);
    let mut path: Vec<_> = walks.iter().flat_map(|walk| walk.steps(case)).collect();
    path.truncate(128);
    Diagnosis {
        from: case.from.clone(),
        to: case.to.clone(),
        is_v6: case.is_v6,
        window: case.tables.begin.is_some().then_some((case.window.since, case.window.until)),
        verdict,
        confidence,
        loss,
        causes,
        latent,
        notes,
        candidates,
        ruled_out: found.ruled_out,
        path,
        last_seen,
        next_expected,
        coverage: coverage(case, &walks, found.undecided),
    }
}

fn coverage(case: &Case<'_>, walks: &[Walk<'_>], undecided: Vec<String>) -> Coverage {
    let mut coverage = Coverage::default();
    for (index, point) in case.tables.points.iter().enumerate() {
        if !(point.closed && point.reason.is_some()) {
            coverage.interfaces.push(point.label(crate::PointId(index as u32)));
        }
    }
    for stop in walks.iter().flat_map(|walk| &walk.trail.stops) {
        let Stop::Point { device, .. } = stop else { continue };
        let name = case_name(case.host, *device);
        match case.ear(*device) {
            Ear::Deaf if !coverage.missing.contains(&name) => coverage.missing.push(name),
            Ear::Lossy(lost) => coverage.capture_drops = coverage.capture_drops.max(lost),
            Ear::Deaf | Ear::Whole => {}
        }
    }
    for end in [&case.from, &case.to].into_iter().filter(|end| end.is_unknown()) {
        let unknown = format!("{}: no guest, node or device here is called that; `tapscope list` has the names", end.asked);
        coverage.unreadable.push(unknown);
    }
    let unreadable = case.host.unreadable().take(8).map(|row| format!("{}: {}: {}", row.what, row.why, row.remedy));
    coverage.unreadable.extend(unreadable.chain(undecided));
    coverage
}
