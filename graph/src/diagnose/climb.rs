//! The ladder that a ping climbs (RFC 1122, section 3.3.1; RFC 4861, section 5.2): the next hop's link-layer address, the request, the
//! reply. The earliest rung that was not reached is the one that is explained.

use super::cause::ProvenBy;
use super::diagnosis::{Confidence, Diagnosis, Leg, Pattern, Rank, Status, Verdict};
use super::echoes::Echoes;
use super::endpoint::{Endpoint, Place};
use super::firewall::Rules;
use super::question::{Party, Question};
use super::routing;
use super::scene::Case;
use super::sight::{Ear, Window, began, echo_key, packets};
use super::suppose::{choose_own_address, claimed, only_one_behind, stand_for, suppose, suppose_behind_program};
use super::tell::tell;
use super::trail::{At, Stop};
use super::verdict::{Findings, foresee, is_same, judge};
use super::walk::Walk;
use crate::fact::{ArpOperation, Fact, Neighbor};
use crate::host::NeighborState;
use crate::journey::Journey;
use crate::tables::Tables;
use crate::topology::Topology;
use crate::{Direction, Timestamp};
use std::net::IpAddr;

/// Who is asked about, and all that is known.
pub(crate) fn case<'a>(tables: &'a Tables, topology: &'a Topology, question: &Question) -> Case<'a> {
    let mut from = Endpoint::find(tables, topology, &question.from, &question.to);
    let mut to = Endpoint::find(tables, topology, &question.to, &question.from);
    let window = Window {
        since: question.since.or(tables.begin).unwrap_or(Timestamp(i64::MIN)),
        until: question.until.or(tables.now).unwrap_or(Timestamp(i64::MAX)),
    };
    choose_own_address(tables, &mut from, &to);
    choose_own_address(tables, &mut to, &from);
    let is_v6 = to.ip.or(from.ip).is_some_and(|ip| ip.is_ipv6());
    stand_for(tables, &mut from, &to);
    stand_for(tables, &mut to, &from);
    suppose_behind_program(tables, &mut from);
    suppose(tables, topology, &mut to, &from);
    suppose(tables, topology, &mut from, &to);
    for end in [&mut from, &mut to] {
        end.mac = end.mac.or_else(|| claimed(tables, end.ip?)).or_else(|| only_one_behind(tables, end));
    }
    Case {
        tables,
        host: &tables.host,
        topology,
        from,
        to,
        is_v6,
        window,
        pattern: Pattern::None,
        pinged: question.pinged,
        rules: Rules::of(&tables.host),
    }
}

/// Answers a question.
pub(crate) fn diagnose(tables: &Tables, topology: &Topology, question: &Question) -> Diagnosis {
    let mut case = case(tables, topology, question);
    let echoes = Echoes::of(&case);
    let mut story = Story::default();
    let (loss, verdict) = echoes.fate(&case, question);
    case.pattern = loss.pattern;
    match verdict {
        Verdict::Works => story.follow_healthy(&case, &echoes),
        Verdict::Degraded => {
            story.climb(&case, &echoes);
            story.add_lasting(&case, &echoes);
        }
        _ => story.climb(&case, &echoes),
    }
    tell(&case, question, echoes, story, loss, verdict)
}

/// What was found out on the way up.
#[derive(Default)]
pub(crate) struct Story<'a> {
    pub walks: Vec<Walk<'a>>,
    pub found: Findings,
    /// Something was sent, be it only a question for a link-layer address.
    pub was_sent: bool,
}

/// Faults that are there also while a ping works.
pub(crate) fn is_lasting(accused: &super::diagnosis::Accusation) -> bool {
    matches!(accused.cause.code, "DUPLICATE_IP" | "CLONED_DHCP_IDENTITY")
}

impl<'a> Story<'a> {
    /// Where some were answered, what is wrong for all of them is named, too.
    fn add_lasting(&mut self, case: &Case<'a>, echoes: &Echoes<'a>) {
        let answered = echoes.requests.iter().filter(|(_, answered)| answered.is_some()).map(|(request, _)| *request).collect();
        let found = judge(case, &mut Walk::new(case, Leg::Request, &case.from, &case.to, answered));
        for lasting in found.causes.into_iter().filter(is_lasting) {
            if !self.found.causes.iter().any(|known| is_same(known, &lasting)) {
                self.found.causes.push(lasting);
            }
        }
    }

    fn follow_healthy(&mut self, case: &Case<'a>, echoes: &Echoes<'a>) {
        let requests = echoes.requests.iter().map(|(request, _)| *request).collect();
        let mut request = Walk::new(case, Leg::Request, &case.from, &case.to, requests);
        // Two owners of one address are a fault also while the right one answers.
        let found = judge(case, &mut request);
        self.found.causes = found.causes.into_iter().chain(found.latent).filter(is_lasting).collect();
        // Packets alone show them.
        self.found.confidence = self.found.causes.first().map(|_| Confidence::Proven);
        self.delivered(request);
        self.walks.push(Walk::new(case, Leg::Reply, &case.to, &case.from, echoes.replies.clone()));
        self.was_sent = true;
    }

    fn climb(&mut self, case: &Case<'a>, echoes: &Echoes<'a>) {
        let lost = echoes.lost();
        if lost.is_empty() && echoes.requests.is_empty() {
            // The request may have taken a way that is not seen here.
            if !echoes.replies.is_empty() {
                self.was_sent = true;
                return self.explain(case, Walk::new(case, Leg::Reply, &case.to, &case.from, echoes.replies.clone()));
            }
            return self.before_the_echo(case);
        }
        self.was_sent = true;
        let lost = if lost.is_empty() { echoes.requests.iter().map(|(request, _)| *request).collect() } else { lost };
        // What happened at last is what is true now.
        let lost: Vec<&Journey> = lost.iter().rev().take(8).rev().copied().collect();
        let request = Walk::new(case, Leg::Request, &case.from, &case.to, lost.clone());
        if !request.is_delivered() && !self.is_answered_somewhere(echoes, &lost) {
            return self.explain_request(case, request);
        }
        let keys: Vec<_> = lost.iter().map(|one| echo_key(one)).collect();
        let replies: Vec<&Journey> = echoes.replies.iter().filter(|reply| keys.contains(&echo_key(reply))).copied().collect();
        let replies = if replies.is_empty() { self.replies_elsewhere(case, &lost) } else { replies };
        if replies.is_empty() {
            return self.explain_silence(case, request);
        }
        self.delivered(request);
        self.explain(case, Walk::new(case, Leg::Reply, &case.to, &case.from, replies));
    }

    /// Whether a lost request had a reply anywhere, so that it did arrive.
    fn is_answered_somewhere(&self, echoes: &Echoes<'a>, lost: &[&Journey]) -> bool {
        lost.iter().any(|request| echoes.replies.iter().any(|reply| echo_key(reply) == echo_key(request)))
    }

    /// Replies to somebody else, because the request's source was rewritten, or from somebody else.
    fn replies_elsewhere(&self, case: &Case<'a>, lost: &[&Journey]) -> Vec<&'a Journey> {
        let is_it = |journey: &&Journey| {
            let Fact::Echo(echo) = journey.subject else { return false };
            !echo.is_request
                && (Some(echo.source) == case.to.ip || Some(echo.destination) == case.from.ip)
                && lost
                    .iter()
                    .any(|request| echo_key(request) == Some((echo.identifier, echo.sequence)) && began(request) <= began(journey))
        };
        case.journeys().filter(is_it).collect()
    }

    fn delivered(&mut self, mut walk: Walk<'a>) {
        for (index, status) in walk.statuses.iter_mut().enumerate() {
            let Some(Stop::Spot(spot)) = walk.trail.stops.get(index) else { continue };
            *status = if spot.at == At::Reader { Status::Read } else { Status::Passed };
        }
        self.walks.push(walk);
    }

    /// Judges a walk and keeps what it says.
    fn explain(&mut self, case: &Case<'a>, mut walk: Walk<'a>) {
        self.add(judge(case, &mut walk));
        self.walks.push(walk);
    }

    fn add(&mut self, found: Findings) {
        self.found.causes.extend(found.causes);
        self.found.latent.extend(found.latent);
        self.found.candidates.extend(found.candidates);
        self.found.ruled_out.extend(found.ruled_out);
        self.found.undecided.extend(found.undecided);
        self.found.confidence = self.found.confidence.or(found.confidence);
    }

    fn explain_request(&mut self, case: &Case<'a>, mut request: Walk<'a>) {
        let found = judge(case, &mut request);
        // A next hop that does not answer is a question of its own.
        let asks = request.find(At::Neighbor).filter(|at| request.gap().contains(at)).and_then(|at| request.spot(at).copied());
        let is_asking = found.causes.first().is_none_or(|first| first.cause.code == "NEXTHOP_NEIGH_FAILED");
        let asked = asks.filter(|_| is_asking).and_then(|spot| self.ask(case, &spot));
        match asked {
            // What only a guest could tell is no better than the host's own word.
            Some((walks, mut below))
                if below.causes.iter().any(|cause| {
                    let is_symptom = cause.cause.proven_by == ProvenBy::Guest || cause.cause.code == "TARGET_ABSENT";
                    let is_counted = cause.proofs.iter().any(|proof| proof.rank <= Rank::Counter);
                    (cause.is_sufficient_alone || is_counted) && !is_symptom && cause.cause.code != "TARGET_SILENT"
                }) =>
            {
                below.latent.extend(found.latent);
                self.add(below);
                self.walks.push(request);
                self.walks.extend(walks);
            }
            Some((walks, below)) => {
                let has_cause = !found.causes.is_empty();
                self.add(found);
                if has_cause {
                    let candidates = below
                        .causes
                        .iter()
                        .map(|guess| super::diagnosis::Candidate { code: guess.cause.code, decide_with: guess.fix.command.clone() });
                    self.found.candidates.extend(candidates);
                    self.found.candidates.extend(below.candidates);
                } else {
                    self.add(below);
                }
                self.walks.push(request);
                self.walks.extend(walks);
            }
            None => {
                self.add(found);
                self.walks.push(request);
            }
        }
        self.foresee(case, Leg::Reply);
    }

    /// The host asks for a next hop: how far does that come?
    fn ask(&self, case: &Case<'a>, spot: &super::trail::Spot) -> Option<(Vec<Walk<'a>>, Findings)> {
        let (out, next) = (spot.out?, spot.next_hop?);
        let row = case.host.neighbors().find(|row| row.device == out && row.ip == next);
        let is_settled = row.is_some_and(|row| {
            row.mac.is_some() && !matches!(row.state, NeighborState::Failed | NeighborState::Incomplete | NeighborState::None)
        });
        let own = routing::address_towards(case.host, out, next);
        let asker = Endpoint {
            asked: Party::Ip(own.map_or(next, |row| row.ip)),
            ip: own.map(|row| row.ip),
            mac: case.host.device(out).and_then(|device| device.mac),
            place: Place::Local(spot.netns, out),
            name: None,
            pid: None,
            netdev: None,
            is_supposed: false,
        };
        let target = if Some(next) == case.to.ip { case.to.clone() } else { find(case, next) };
        let by_any = Endpoint { ip: None, ..asker.clone() };
        let questions = packets(case.tables, Leg::ArpRequest, &by_any, &target, case.window);
        if is_settled || questions.is_empty() {
            return None;
        }
        Some(resolve(case, &asker, &target, questions))
    }

    /// The request arrived and no reply came out.
    fn explain_silence(&mut self, case: &Case<'a>, mut request: Walk<'a>) {
        let questions = packets(case.tables, Leg::ArpRequest, &case.to, &case.from, case.window);
        let first_lost = request.packets.first().map(|one| began(one));
        let asked: Vec<&Journey> = questions.into_iter().filter(|one| first_lost.is_some_and(|first| began(one) >= first)).collect();
        let answers = packets(case.tables, Leg::ArpReply, &case.from, &case.to, case.window);
        let found = judge(case, &mut request);
        let is_sure = found.causes.iter().any(|cause| cause.is_sufficient_alone);
        if !is_sure && !asked.is_empty() && answers.iter().all(|answer| first_lost.is_some_and(|first| began(answer) < first)) {
            let (walks, below) = resolve(case, &case.to, &case.from, asked);
            if !below.causes.is_empty() {
                self.add(below);
                self.delivered(request);
                self.walks.extend(walks);
                return;
            }
        }
        self.add(found);
        self.walks.push(request);
        self.foresee(case, Leg::Reply);
    }

    /// No echo was seen: somebody may still be asking for a link-layer address, or for a router's.
    fn before_the_echo(&mut self, case: &Case<'a>) {
        if case.from.is_local() && self.explain_own_way(case) {
            return;
        }
        let questions = packets(case.tables, Leg::ArpRequest, &case.from, &case.to, case.window);
        let goal = if questions.is_empty() { self.router_asked_for(case) } else { Some((case.to.clone(), questions)) };
        if let Some((target, questions)) = goal {
            let (walks, found) = resolve(case, &case.from, &target, questions);
            if !is_settled(case, &walks, &found) {
                self.was_sent = true;
                self.add(found);
                self.walks.extend(walks);
                // Once its question is answered, a rule may stop the echo itself.
                if self.found.causes.iter().any(|cause| cause.is_sufficient_alone) && case.is_one_link() {
                    self.foresee(case, Leg::Request);
                    self.found.latent.retain(|later| later.leg != Leg::Request || later.object.is_some());
                }
                return;
            }
        }
        let mut request = Walk::new(case, Leg::Request, &case.from, &case.to, Vec::new());
        let found = judge(case, &mut request);
        // It was sent, if under another address.
        self.was_sent = found.causes.iter().any(|cause| cause.cause.code == "WRONG_SOURCE_ADDRESS");
        self.add(found);
        self.walks.push(request);
        self.foresee(case, Leg::Reply);
    }

    /// Where this host pings, its own tables and rules come before any question. Says whether these stop it.
    fn explain_own_way(&mut self, case: &Case<'a>) -> bool {
        let mut request = Walk::new(case, Leg::Request, &case.from, &case.to, Vec::new());
        let found = judge(case, &mut request);
        let is_own = |first: &super::diagnosis::Accusation| first.cause.at.iter().any(|at| matches!(at, At::RouteOut | At::Output));
        if !found.causes.first().is_some_and(is_own) {
            return false;
        }
        self.was_sent = !packets(case.tables, Leg::ArpRequest, &case.from, &case.to, case.window).is_empty();
        self.add(found);
        self.walks.push(request);
        true
    }

    /// Whom A asks for instead, in vain.
    fn router_asked_for(&self, case: &Case<'a>) -> Option<(Endpoint, Vec<&'a Journey>)> {
        // Who is on the same link is asked for himself: another question is about somebody else.
        if case.from.ip.zip(case.to.ip).is_some_and(|(from, to)| routing::are_alike(from, to)) {
            return None;
        }
        let anybody = Endpoint { ip: None, mac: None, ..case.to.clone() };
        let asked = packets(case.tables, Leg::ArpRequest, &case.from, &anybody, case.window);
        let target = asked
            .iter()
            .rev()
            .find_map(|journey| target(journey).filter(|ip| ip.is_ipv6() == case.is_v6 && !routing::is_link_local(*ip)))?;
        let questions: Vec<&Journey> = asked.into_iter().filter(|journey| self::target(journey) == Some(target)).collect();
        let router = find(case, target);
        let answers = packets(case.tables, Leg::ArpReply, &router, &case.from, case.window);
        (!answers.iter().any(|answer| arrived(case, answer, &case.from))).then_some((router, questions))
    }

    /// What would stop a leg, by what the host says.
    fn foresee(&mut self, case: &Case<'a>, leg: Leg) {
        if case.to.place == Place::Nowhere || self.found.causes.iter().any(|cause| cause.leg == leg) {
            return;
        }
        let (from, to) = if leg == Leg::Reply { (&case.to, &case.from) } else { (&case.from, &case.to) };
        let walk = Walk::new(case, leg, from, to, Vec::new());
        for later in foresee(case, &walk) {
            let is_known = self.found.causes.iter().chain(&self.found.latent).any(|known| is_same(known, &later));
            // The same setting stops what comes after, too, wherever it is met again: it is mended once.
            let is_again = |known: &super::diagnosis::Accusation| known.cause.code == later.cause.code && known.object == later.object;
            if !is_known && !self.found.causes.iter().any(is_again) {
                self.found.latent.push(later);
            }
        }
    }
}

/// Who is asked for.
fn target(journey: &Journey) -> Option<IpAddr> {
    match &journey.subject {
        Fact::Arp(arp) if arp.operation == ArpOperation::Request => Some(arp.target_ip.into()),
        Fact::Neighbor(Neighbor::Solicitation { target, .. }) => Some((*target).into()),
        _ => None,
    }
}

fn find(case: &Case<'_>, ip: IpAddr) -> Endpoint {
    Endpoint::find(case.tables, case.topology, &Party::Ip(ip), &case.from.asked)
}

/// Whether a packet was seen where the one whom it is for can take it.
fn arrived(case: &Case<'_>, packet: &Journey, whom: &Endpoint) -> bool {
    let Some(device) = whom.device() else { return true };
    let direction = if whom.is_local() { Direction::Inbound } else { Direction::Outbound };
    case.ear(device) != Ear::Whole
        || packet.sightings.iter().any(|seen| {
            super::endpoint::device_of_point(case.tables, seen.point) == Some(device)
                && (seen.direction == direction || seen.direction == Direction::Unknown)
        })
}

/// Whether who asked has the answer, nothing is wrong with it, and no question came after it: so it was not this that kept an echo back.
fn is_settled(case: &Case<'_>, walks: &[Walk<'_>], found: &Findings) -> bool {
    let [question, answer] = walks else { return false };
    let is_blamed = !found.causes.is_empty() || !found.candidates.is_empty();
    let asked = question.packets.iter().map(|one| began(one)).max();
    !is_blamed && answer.packets.iter().any(|one| Some(began(one)) >= asked && arrived(case, one, &case.from))
}

/// A question for a link-layer address, and its answer.
fn resolve<'a>(case: &Case<'a>, asker: &Endpoint, target: &Endpoint, questions: Vec<&'a Journey>) -> (Vec<Walk<'a>>, Findings) {
    let first = questions.first().map(|one| began(one)).unwrap_or_default();
    let asker = &Endpoint { mac: questions.last().and_then(|one| one.source).or(asker.mac), ..asker.clone() };
    let mut question = Walk::new(case, Leg::ArpRequest, asker, target, questions);
    let answers = packets(case.tables, Leg::ArpReply, &Endpoint { mac: None, ..target.clone() }, asker, case.window);
    let answers: Vec<&Journey> = answers.into_iter().filter(|one| began(one) >= first).collect();
    if answers.is_empty() {
        let found = judge(case, &mut question);
        return (vec![question], found);
    }
    for (index, status) in question.statuses.iter_mut().enumerate() {
        if matches!(question.trail.stops.get(index), Some(Stop::Spot(_))) {
            *status = Status::Passed;
        }
    }
    // An answer came out: what is wrong is on its way back, or with what it says.
    let responder = answers.last().and_then(|one| one.source);
    let target = Endpoint { mac: responder.or(target.mac), ..target.clone() };
    let mut answer = Walk::new(case, Leg::ArpReply, &target, asker, answers);
    let found = judge(case, &mut answer);
    (vec![question, answer], found)
}
