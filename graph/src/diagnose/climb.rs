//! The ladder that a ping climbs (RFC 1122, section 3.3.1; RFC 4861, section 5.2): the next hop's link-layer address, the request, the
//! reply. The earliest rung that was not reached is the one that is explained.

use super::cause::ProvenBy;
use super::diagnosis::{Confidence, Coverage, Diagnosis, Leg, Loss, Pattern, Rank, Status, Verdict};
use super::endpoint::{Endpoint, Place};
use super::firewall::Rules;
use super::note;
use super::question::{Party, Question};
use super::routing;
use super::scene::Case;
use super::sight::{Ear, Window, began, echo_key, packets};
use super::trail::{At, Stop};
use super::verdict::{Findings, foresee, is_same, judge};
use super::walk::{Walk, case_name};
use crate::fact::{ArpOperation, Fact, Neighbor};
use crate::host::{CableState, DeviceKind, NeighborState};
use crate::journey::Journey;
use crate::tables::{Learned, Tables};
use crate::topology::{NodeKind, Topology};
use crate::{Direction, Timestamp};
use std::net::IpAddr;

/// ping(8) as a rule does not wait longer for a reply, nanoseconds.
const PATIENCE: i64 = 1_000_000_000;
/// The last requests whose fate says whether it works now.
const RECENT: usize = 3;

/// Answers a question.
pub(crate) fn diagnose(tables: &Tables, topology: &Topology, question: &Question) -> Diagnosis {
    let mut from = Endpoint::find(tables, topology, &question.from, &question.to);
    let mut to = Endpoint::find(tables, topology, &question.to, &question.from);
    let window = Window {
        since: question.since.or(tables.begin).unwrap_or(Timestamp(i64::MIN)),
        until: question.until.or(tables.now).unwrap_or(Timestamp(i64::MAX)),
    };
    choose_own_address(tables, &mut from, &to);
    choose_own_address(tables, &mut to, &from);
    let is_v6 = to.ip.or(from.ip).is_some_and(|ip| ip.is_ipv6());
    suppose_behind_program(tables, &mut from);
    suppose(tables, topology, &mut to, &from);
    suppose(tables, topology, &mut from, &to);
    for end in [&mut from, &mut to] {
        end.mac = end.mac.or_else(|| claimed(tables, end.ip?)).or_else(|| only_one_behind(tables, end));
    }
    let mut case = Case {
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
    };
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

/// What this host has of several addresses is the one that it would use.
fn choose_own_address(tables: &Tables, end: &mut Endpoint, other: &Endpoint) {
    let (Place::Local(netns, device), None, Some(goal)) = (end.place, end.ip, other.ip) else { return };
    end.ip = routing::address_towards(&tables.host, device, goal).map(|row| row.ip);
    let _ = netns;
}

/// An address that nobody was seen to have can only be where nobody else's is known, if there is one such place.
fn suppose(tables: &Tables, topology: &Topology, end: &mut Endpoint, other: &Endpoint) {
    if end.place != Place::Nowhere || end.ip.is_none() {
        return;
    }
    let host = &tables.host;
    // What is sent to somebody else for it, as to a router, says where it is looked for.
    if end.ip.is_some_and(|ip| goes_to_another(tables, ip)) {
        return;
    }
    let has_address = |device| {
        topology.attachments().any(|(node, link, _)| {
            let is_station = matches!(node.kind, NodeKind::Guest | NodeKind::Host | NodeKind::Router);
            is_station && link.device == Some(device) && node.addresses.iter().any(|address| !routing::is_link_local(address.ip))
        })
    };
    let is_place = |device: &&crate::host::Device| {
        let leads_to_station = match device.kind {
            DeviceKind::Tun(ref mode) => mode.is_tap,
            DeviceKind::Veth => device.lower.is_none_or(|peer| host.device(peer).is_none()),
            DeviceKind::Macvtap(_) => true,
            _ => false,
        };
        leads_to_station && Some(device.id) != other.device() && !has_address(device.id) && !routing::has_address(host, device.id)
    };
    let mut places = host.devices().filter(is_place);
    if let (Some(only), None) = (places.next(), places.next()) {
        end.place = Place::Behind(only.id);
        end.is_supposed = true;
        if let Some((guest, nic)) = host.guest_behind(only.id) {
            (end.name, end.pid, end.mac) = (guest.name.clone(), Some(guest.pid), end.mac.or(nic.mac));
        }
        let station = topology.attachments().find(|(node, link, interface)| {
            link.device == Some(only.id)
                && interface.is_seen
                && interface.mac.is_some()
                // What is only sent to may be nobody's.
                && interface.sent.packets > 0
                && matches!(node.kind, NodeKind::Guest | NodeKind::Host)
        });
        end.mac = end.mac.or(station.and_then(|(_, _, interface)| interface.mac));
    }
}

/// Whether echoes to an address are sent to a station that is known by another address, and is not this host.
fn goes_to_another(tables: &Tables, ip: IpAddr) -> bool {
    let is_own = |mac| tables.host.devices().any(|device| device.mac == Some(mac));
    tables.journeys.iter().filter(|journey| matches!(journey.subject, Fact::Echo(echo) if echo.is_request && echo.destination == ip)).any(
        |journey| {
            let known = |mac| tables.bindings.iter().any(|row| row.mac == mac && row.ip != ip && row.inbound && row.learned.proves_owner());
            journey.destination.is_some_and(|mac| mac.is_station() && !is_own(mac) && known(mac))
        },
    )
}

/// Who was never seen may be where a program of the device takes the frames before anybody can see them, if there is one such place.
fn suppose_behind_program(tables: &Tables, end: &mut Endpoint) {
    let is_hiding = |device: &&crate::host::Device| device.xdp.is_some() && matches!(&device.kind, DeviceKind::Tun(mode) if mode.is_tap);
    let mut places = tables.host.devices().filter(is_hiding);
    if let (Place::Nowhere, Some(only), None) = (end.place, places.next(), places.next()) {
        (end.place, end.is_supposed) = (Place::Behind(only.id), true);
    }
}

/// The station that said that it has an address.
fn claimed(tables: &Tables, ip: IpAddr) -> Option<crate::MacAddr> {
    let is_said = |learned| matches!(learned, Learned::Arp | Learned::Ndp | Learned::Dhcp);
    // What was only seen on its way out may be said in somebody's name.
    let is_theirs = |row: &&crate::tables::Binding| row.ip == ip && is_said(row.learned) && (row.inbound || !row.outbound);
    tables.bindings.iter().filter(is_theirs).max_by_key(|row| row.evidence.last_at).map(|row| row.mac)
}

/// The one station that was heard behind an end's device.
fn only_one_behind(tables: &Tables, end: &Endpoint) -> Option<crate::MacAddr> {
    let Place::Behind(device) = end.place else { return None };
    let is_there = |row: &&crate::tables::Station| {
        row.inbound > 0 && row.mac.is_station() && super::endpoint::device_of_point(tables, row.point) == Some(device)
    };
    let mut heard = tables.stations.iter().filter(is_there);
    let first = heard.next()?.mac;
    heard.all(|row| row.mac == first).then_some(first)
}

/// The echo requests from A to B, and which were answered.
struct Echoes<'a> {
    /// In order; with the time that its reply took to come back, nanoseconds.
    requests: Vec<(&'a Journey, Option<i64>)>,
    replies: Vec<&'a Journey>,
    /// Those that were seen where who asked can take them.
    came_back: usize,
}

impl<'a> Echoes<'a> {
    fn of(case: &Case<'a>) -> Echoes<'a> {
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

    fn lost(&self) -> Vec<&'a Journey> {
        self.requests.iter().filter(|(_, answered)| answered.is_none()).map(|(request, _)| *request).collect()
    }

    /// Whether it works. Requests of the very last moment do not count yet.
    fn fate(&self, case: &Case<'_>, question: &Question) -> (Loss, Verdict) {
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

/// What was found out on the way up.
#[derive(Default)]
struct Story<'a> {
    walks: Vec<Walk<'a>>,
    found: Findings,
    /// Something was sent, be it only a question for a link-layer address.
    was_sent: bool,
}

/// Faults that are there also while a ping works.
fn is_lasting(accused: &super::diagnosis::Accusation) -> bool {
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
        self.foresee_reply(case);
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
        self.foresee_reply(case);
    }

    /// No echo was seen: somebody may still be asking for a link-layer address, or for a router's.
    fn before_the_echo(&mut self, case: &Case<'a>) {
        if case.from.is_local() && self.explain_own_way(case) {
            return;
        }
        let questions = packets(case.tables, Leg::ArpRequest, &case.from, &case.to, case.window);
        let goal = if questions.is_empty() { self.router_asked_for(case) } else { Some((case.to.clone(), questions)) };
        if let Some((target, questions)) = goal {
            self.was_sent = true;
            let (walks, found) = resolve(case, &case.from, &target, questions);
            self.add(found);
            self.walks.extend(walks);
            return;
        }
        let mut request = Walk::new(case, Leg::Request, &case.from, &case.to, Vec::new());
        let found = judge(case, &mut request);
        // It was sent, if under another address.
        self.was_sent = found.causes.iter().any(|cause| cause.cause.code == "WRONG_SOURCE_ADDRESS");
        self.add(found);
        self.walks.push(request);
        self.foresee_reply(case);
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

    /// What would stop the way back, by what the host says.
    fn foresee_reply(&mut self, case: &Case<'a>) {
        if case.to.place == Place::Nowhere || self.found.causes.iter().any(|cause| cause.leg == Leg::Reply) {
            return;
        }
        let reply = Walk::new(case, Leg::Reply, &case.to, &case.from, Vec::new());
        for later in foresee(case, &reply) {
            let is_known = self.found.causes.iter().chain(&self.found.latent).any(|known| is_same(known, &later));
            if !is_known {
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
fn tell(case: &Case<'_>, question: &Question, echoes: Echoes<'_>, story: Story<'_>, loss: Loss, verdict: Verdict) -> Diagnosis {
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
