//! Who is accused, of what, and how sure that is.

use super::cause::{self, Answer, Cause, Hit, ProvenBy, Test};
use super::diagnosis::{Accusation, Candidate, Confidence, Leg, Rank, RuledOut, Status};
use super::dropped;
use super::endpoint::Endpoint;
use super::scene::{Case, Scene};
use super::trail::At;
use super::walk::Walk;
use crate::Direction;

/// What the table says about one walk.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// In the gap: the first one, and those that suffice at the same place.
    pub causes: Vec<Accusation>,
    /// What would stop it later.
    pub latent: Vec<Accusation>,
    pub candidates: Vec<Candidate>,
    pub ruled_out: Vec<RuledOut>,
    pub confidence: Option<Confidence>,
    /// What could not be decided before the first cause.
    pub undecided: Vec<String>,
}

/// Asks every cause at every place from the last sighting on.
pub(crate) fn judge(case: &Case<'_>, walk: &mut Walk<'_>) -> Findings {
    let mut found = Findings::default();
    let gap = walk.gap();
    let mut first: Option<usize> = None;
    for index in 0..walk.trail.stops.len() {
        let Some(spot) = walk.spot(index).copied() else { continue };
        for cause in cause::all().filter(|cause| cause.at.contains(&spot.at)) {
            let Test::Place(test) = cause.test else { continue };
            let scene = Scene { case, walk, spot: &spot };
            match test(&scene) {
                Answer::Yes(hit) if index < gap.start => contradict(&mut found, cause, &hit),
                Answer::Yes(hit) if gap.contains(&index) => {
                    let at = *first.get_or_insert(index);
                    // What lies behind decides only when this is gone; the look-up of a way, too, ends at the first that stops it.
                    let is_stopped = spot.at == At::Route && found.causes.iter().any(|known| known.cause.at.contains(&At::Route));
                    let is_parallel = at == index && !is_stopped || is_one_decision(walk, at, index);
                    if is_parallel {
                        found.candidates.extend(hit.maybe.iter().cloned());
                    }
                    let accusation = accuse(walk, cause, *hit);
                    // A suspicion is none before what is known is mended.
                    if !is_parallel && !accusation.is_sufficient_alone {
                        continue;
                    }
                    let known = if is_parallel { &mut found.causes } else { &mut found.latent };
                    if !known.iter().any(|other| is_same(other, &accusation)) {
                        known.push(accusation);
                    }
                }
                Answer::Yes(hit) => latent(walk, cause, *hit, &mut found),
                Answer::No(because) if index >= gap.start && first.is_none() => rule_out(&mut found, cause, because),
                Answer::Unknown(why) if index >= gap.start && first.is_none() => {
                    if !found.undecided.contains(&why) {
                        found.undecided.push(why);
                    }
                }
                Answer::No(_) | Answer::Idle | Answer::Unknown(_) => {}
            }
        }
    }
    settle(&mut found);
    // What the packet passed at first may hold it at last.
    let Findings { causes, ruled_out, .. } = &mut found;
    ruled_out.retain(|one| causes.iter().all(|accused| accused.cause.code != one.code));
    add_kernels_word(case, walk, &mut found);
    if let Some(at) = first {
        let is_watched = walk.is_watched(case, at);
        let is_open = !found.undecided.is_empty();
        // What lies before an end does not depend on where that is.
        let is_at_end = walk.spot(at).is_some_and(|spot| matches!(spot.at, At::BridgeOut | At::Egress | At::Reader | At::Receiver));
        let is_elsewhere = found.causes.first().is_some_and(|first| first.device.is_some() && first.device != walk.to.device());
        let is_known = !is_at_end || is_elsewhere || !(walk.from.is_supposed || walk.to.is_supposed) || is_elsewhere_asked(case, walk);
        found.confidence = found.causes.first().map(|accused| sureness(accused, &walk.to, is_watched && !is_open && is_known));
        // Who says where it died says that it came so far; a suspicion does not.
        if walk.last_seen.is_some() && found.confidence != Some(Confidence::Undetermined) {
            walk.pass(gap.start..at);
        }
        if let Some(status) = walk.statuses.get_mut(at) {
            let is_reader =
                walk.trail.stops.get(at).is_some_and(|stop| matches!(stop, super::trail::Stop::Spot(spot) if spot.at == At::Reader));
            *status = if is_reader { Status::NotRead } else { Status::Blocked };
        }
    }
    found
}

/// A packet is dropped once: the kernel's word is about the first cause that it fits to.
fn add_kernels_word(case: &Case<'_>, walk: &Walk<'_>, found: &mut Findings) {
    for accused in &mut found.causes {
        if let Some(proof) = dropped::proof(case, walk, accused.cause) {
            accused.proofs.push(proof);
            accused.proofs.sort_by_key(|proof| proof.rank);
            return;
        }
    }
    if found.causes.is_empty()
        && let Some((word, candidates)) = dropped::unexplained(case, walk)
    {
        found.undecided.insert(0, word);
        found.candidates.extend(candidates);
    }
}

/// Whether the question came out at every other port of the bridge, so that its receiver is not there.
fn is_elsewhere_asked(case: &Case<'_>, walk: &Walk<'_>) -> bool {
    let bridge = walk.from.device().and_then(|device| case.host.device(device)).and_then(|device| device.master);
    let Some(bridge) = bridge.filter(|_| walk.leg == Leg::ArpRequest) else { return false };
    let ends = [walk.from.device(), walk.to.device()];
    case.host.ports(bridge).filter(|port| !ends.contains(&Some(port.id))).all(|port| walk.seen.at(port.id, Direction::Outbound).is_some())
}

/// Whether two places are checked together: a bridge asks the port and the device that it hands a frame to at once.
fn is_one_decision(walk: &Walk<'_>, first: usize, second: usize) -> bool {
    let (Some(a), Some(b)) = (walk.spot(first), walk.spot(second)) else { return false };
    a.at == At::BridgeOut && b.at == At::Egress && a.out == b.device
}

fn contradict(found: &mut Findings, cause: &'static Cause, hit: &Hit) {
    rule_out(found, cause, format!("{}, yet the packet was seen behind it", hit.summary));
}

fn rule_out(found: &mut Findings, cause: &'static Cause, because: String) {
    if !because.is_empty() && !found.ruled_out.iter().any(|other| other.code == cause.code) {
        found.ruled_out.push(RuledOut { code: cause.code, because });
    }
}

/// What would stop it later is believed by the state alone.
fn latent(walk: &Walk<'_>, cause: &'static Cause, hit: Hit, found: &mut Findings) {
    let is_state = hit.proofs.iter().any(|proof| proof.rank == Rank::State);
    if is_state && !hit.is_guess {
        let later = accuse(walk, cause, hit);
        if !found.causes.iter().chain(&found.latent).any(|other| is_same(other, &later)) {
            found.latent.push(later);
        }
    }
}

/// The same as simulated: nothing was on that way yet.
pub(crate) fn foresee(case: &Case<'_>, walk: &Walk<'_>) -> Vec<Accusation> {
    let mut found = Findings::default();
    for index in 0..walk.trail.stops.len() {
        let Some(spot) = walk.spot(index).copied() else { continue };
        for cause in cause::all().filter(|cause| cause.at.contains(&spot.at)) {
            let Test::Place(test) = cause.test else { continue };
            if let Answer::Yes(hit) = test(&Scene { case, walk, spot: &spot }) {
                latent(walk, cause, *hit, &mut found);
            }
        }
    }
    found.latent
}

fn accuse(walk: &Walk<'_>, cause: &'static Cause, hit: Hit) -> Accusation {
    let mut proofs = hit.proofs;
    proofs.sort_by_key(|proof| proof.rank);
    Accusation {
        cause,
        place: hit.place,
        device: hit.device,
        object: hit.object,
        leg: walk.leg,
        summary: hit.summary,
        is_sufficient_alone: !hit.is_guess,
        proofs,
        fix: hit.fix,
    }
}

/// Symptoms give way to what explains them.
fn settle(found: &mut Findings) {
    // Where frames go round nothing else can be told: what stops one there may well have been done about it.
    if found.causes.iter().any(|accused| accused.cause.code == "L2_LOOP") {
        let (loops, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut found.causes).into_iter().partition(|accused| accused.cause.code == "L2_LOOP");
        found.causes = loops;
        found.latent.splice(0..0, others.into_iter().filter(|other| other.is_sufficient_alone));
    }
    // That a guest is silent, or has no address, is what any other cause at its end explains; that nothing is sent, one at its start.
    for symptom in ["TARGET_SILENT", "NO_ADDRESS", "NOT_SENT"] {
        let explains = |accused: &Accusation| {
            accused.cause.code != symptom && (symptom != "NOT_SENT" || accused.is_sufficient_alone) && is_at_same_end(accused, symptom)
        };
        if found.causes.iter().any(explains) {
            found.causes.retain(|accused| accused.cause.code != symptom);
        }
    }
    let is_guess = |accused: &Accusation| !accused.is_sufficient_alone;
    if found.causes.len() > 1 && !found.causes.iter().all(is_guess) {
        let (guesses, sure): (Vec<_>, Vec<_>) = std::mem::take(&mut found.causes).into_iter().partition(is_guess);
        found.causes = sure;
        for guess in guesses {
            found.candidates.push(Candidate { code: guess.cause.code, decide_with: guess.fix.command });
        }
    }
}

/// Whether an accusation is about the end that a symptom shows at.
fn is_at_same_end(accused: &Accusation, symptom: &str) -> bool {
    match symptom {
        "NOT_SENT" => accused.cause.at.contains(&At::Sender),
        _ => true,
    }
}

/// Whether two accusations are one obstacle: the same cause at the same place, or with the same remedy.
pub(crate) fn is_same(a: &Accusation, b: &Accusation) -> bool {
    a.cause == b.cause && (a.fix.command == b.fix.command || a.place == b.place && a.object == b.object)
}

/// Proven is what the kernel or an error says, what it cannot do otherwise where the packet was seen just before, or what was counted.
fn sureness(accused: &Accusation, to: &Endpoint, is_sure: bool) -> Confidence {
    let best = accused.proofs.iter().map(|proof| proof.rank).min().unwrap_or(Rank::Absence);
    match best {
        // What happens inside a guest is not seen.
        _ if accused.cause.code == "TARGET_SILENT" => Confidence::Undetermined,
        // Somebody who was heard there, and whose address is not known, may have it and keep silent.
        _ if accused.cause.code == "TARGET_ABSENT" && to.is_supposed && to.mac.is_some() => Confidence::Probable,
        _ if !accused.is_sufficient_alone => Confidence::Probable,
        Rank::DropEvent | Rank::IcmpError => Confidence::Proven,
        Rank::Counter | Rank::State if is_sure => Confidence::Proven,
        Rank::Packets if is_sure && accused.cause.proven_by == ProvenBy::Packets => Confidence::Proven,
        Rank::Counter | Rank::State | Rank::Oracle | Rank::Packets | Rank::Log => Confidence::Probable,
        Rank::Absence => Confidence::Undetermined,
    }
}
