//! What looks like a fault and is none: healthy look-alikes are told where they were seen, and never accused.

use super::diagnosis::{Leg, Loss, Note, Pattern, Verdict};
use super::endpoint::{Endpoint, Place, device_of_point};
use super::scene::Case;
use super::sight::{began, packets};
use crate::fact::{ArpOperation, ArpPurpose, Fact, Neighbor};
use crate::host::{CableKind, DeviceId};
use crate::journey::Journey;
use crate::tables::Station;
use crate::{Direction, MacAddr};
use std::net::IpAddr;

/// A cable of multicast gives a frame back within this time, nanoseconds.
const SELF_ECHO: i64 = 5_000_000;

/// What there is to say.
pub(crate) fn notes(case: &Case<'_>, verdict: Verdict, requests: &[(&Journey, Option<i64>)], loss: &Loss) -> Vec<Note> {
    let late = late_start(case, verdict, requests, loss);
    let found = [
        late,
        redirect(case),
        ping_check(case),
        probe(case),
        flood(case, verdict, requests),
        self_echo(case),
        refresh(case),
        harmless_policy(case),
        offload(case),
        moved(case),
        asymmetric(case, verdict, requests),
    ];
    found.into_iter().flatten().collect()
}

fn note(code: &'static str, text: String) -> Option<Note> {
    Some(Note { code, text })
}

fn frame(journey: &Journey) -> u64 {
    journey.sightings.first().map_or(0, |seen| seen.frame.0)
}

/// The first ones of a ping are lost while the other end is not there yet.
fn late_start(case: &Case<'_>, verdict: Verdict, requests: &[(&Journey, Option<i64>)], loss: &Loss) -> Option<Note> {
    if verdict != Verdict::Works {
        return None;
    }
    if loss.pattern == Pattern::Time {
        let lost = loss.sent - loss.answered;
        let text = format!("the first {lost} of {} were lost before the other end was there; the last ones were answered", loss.sent);
        return note("ARP_RETRY_ON_BOOT", text);
    }
    let questions = packets(case.tables, Leg::ArpRequest, &case.from, &case.to, case.window);
    let first_answered = requests.iter().find(|(_, answered)| answered.is_some()).map(|(request, _)| began(request));
    let mut early: Vec<_> =
        questions.iter().map(|question| began(question)).filter(|asked| first_answered.is_some_and(|at| *asked < at)).collect();
    // A question that is given back to who asked it is one.
    early.dedup_by(|later, earlier| later.since(*earlier) <= SELF_ECHO);
    let early = early.len();
    if early < 2 {
        return None;
    }
    note("ARP_RETRY_ON_BOOT", format!("{early} questions for {} before it was there", case.to.label()))
}

/// RFC 792: a router that sends a packet back by where it came from says so to the sender.
fn redirect(case: &Case<'_>) -> Option<Note> {
    let (error, frame) = case.errors().find(|(error, _)| matches!((error.is_v6, error.kind), (false, 5) | (true, 137)))?;
    let gateway = error.gateway.map_or_else(|| "another router".to_owned(), |ip| ip.to_string());
    note("ICMP_REDIRECT", format!("{} says that {gateway} is nearer (#{}); the echo goes on all the same", error.reporter, frame.0))
}

/// Whom a packet asks for.
fn asked(journey: &Journey) -> Option<IpAddr> {
    match &journey.subject {
        Fact::Arp(arp) if arp.operation == ArpOperation::Request => Some(arp.target_ip.into()),
        Fact::Neighbor(Neighbor::Solicitation { target, .. }) => Some((*target).into()),
        Fact::Echo(echo) if echo.is_request => Some(echo.destination),
        _ => None,
    }
}

/// A DHCP server asks whether anybody has the address that it is about to give (RFC 2131, section 3.1): silence is what it wants.
fn ping_check(case: &Case<'_>) -> Option<Note> {
    let ends = [case.from.ip, case.to.ip];
    case.tables.dhcp.iter().find_map(|row| {
        let ip = row.offered.iter().map(|ip| IpAddr::V4(*ip)).find(|ip| ends.contains(&Some(*ip)))?;
        let offer = row.messages.iter().find(|message| message.op == 2)?;
        let check =
            case.journeys().find(|journey| asked(journey) == Some(ip) && journey.source != row.client_mac && began(journey) < offer.at)?;
        let text =
            format!("the DHCP server asks whether anybody has {ip} (#{}) before it gives it: silence is what it wants", frame(check));
        note("DHCP_PING_CHECK", text)
    })
}

/// Whether a packet is of one of the ends.
fn is_by_end(case: &Case<'_>, journey: &Journey) -> bool {
    journey.source.is_some() && [case.from.mac, case.to.mac].contains(&journey.source)
}

/// RFC 5227 and RFC 4862: a station asks whether its address is free.
fn probe(case: &Case<'_>) -> Option<Note> {
    let is_probe = |journey: &&Journey| match &journey.subject {
        Fact::Arp(arp) => arp.purpose() == ArpPurpose::Probe,
        Fact::Neighbor(Neighbor::Solicitation { source, .. }) => source.is_unspecified(),
        _ => false,
    };
    let probe = case.journeys().filter(is_probe).find(|journey| is_by_end(case, journey))?;
    let ip = asked(probe)?;
    let who = probe.source?;
    // An answer would be another matter.
    let is_answered = case.tables.resolutions.iter().any(|row| row.is_probe() && row.target == ip && !row.answers.is_empty());
    if is_answered {
        return None;
    }
    note("ACD_PROBE", format!("{who} asks whether {ip} is free (#{}): that nobody answers is what it wants", frame(probe)))
}

/// A bridge that does not know where a station is sends the frame to all ports; the reply teaches it.
fn flood(case: &Case<'_>, verdict: Verdict, requests: &[(&Journey, Option<i64>)]) -> Option<Note> {
    let own = case.to.device().filter(|_| verdict == Verdict::Works)?;
    let bridge = case.host.device(own)?.master?;
    let is_bystander = |device: DeviceId| {
        device != own && case.from.device() != Some(device) && case.host.device(device).is_some_and(|row| row.master == Some(bridge))
    };
    requests.iter().find_map(|(request, _)| {
        let to_one = request.destination.is_some_and(MacAddr::is_station);
        let outs = request.sightings.iter().filter(|seen| seen.direction == Direction::Outbound);
        outs.clone().find(|seen| device_of_point(case.tables, seen.point) == Some(own))?;
        let stray = outs.filter_map(|seen| device_of_point(case.tables, seen.point)).find(|device| is_bystander(*device))?;
        let name = super::walk::case_name(case.host, stray);
        let text = format!("an echo came out at {name}, too (#{}): the bridge had forgotten where {} is", frame(request), case.to.label());
        if to_one { note("SILENT_HOST_FLOOD", text) } else { None }
    })
}

/// Whether a guest's card is in a multicast group of QEMU.
fn is_in_group(case: &Case<'_>, end: &Endpoint) -> bool {
    let Place::Backend(pid, card) = end.place else { return false };
    let is_plugged = |plug: &crate::host::CableEnd| plug.pid == Some(pid) && plug.nic == Some(card);
    case.host.cables().any(|cable| cable.kind == CableKind::Multicast && cable.ends.iter().any(is_plugged))
}

/// `-netdev socket,mcast=` gives each frame back to who sent it, once.
fn self_echo(case: &Case<'_>) -> Option<Note> {
    if !is_in_group(case, &case.from) && !is_in_group(case, &case.to) {
        return None;
    }
    let all: Vec<&Journey> = case.journeys().collect();
    let is_twice = |pair: &&[&Journey]| {
        pair[0].subject == pair[1].subject && pair[0].source == pair[1].source && began(pair[1]).since(began(pair[0])) <= SELF_ECHO
    };
    let twin = all.windows(2).find(is_twice)?;
    let text = format!(
        "QEMU gives each frame of a multicast group back to who sent it (#{}): neither a loop nor a second station",
        frame(twin[1])
    );
    note("MCAST_SELF_ECHO", text)
}

/// RFC 4861, section 7.3: who knows an address asks for it alone from time to time.
fn refresh(case: &Case<'_>) -> Option<Note> {
    let is_unicast = |journey: &&Journey| {
        !matches!(journey.subject, Fact::Echo(_))
            && asked(journey).is_some_and(|ip| [case.from.ip, case.to.ip].contains(&Some(ip)))
            && journey.destination.is_some_and(MacAddr::is_station)
    };
    let check = case.journeys().find(is_unicast)?;
    note("NUD_PROBE", format!("a known address is asked for again, of its owner alone (#{}): the sender refreshes its table", frame(check)))
}

/// A policy that drops stands in the hook forward, and bridged packets never get there.
fn harmless_policy(case: &Case<'_>) -> Option<Note> {
    let netns = case.from.device().filter(|_| case.is_one_link() && !case.from.is_local() && !case.to.is_local())?.netns;
    let name = if case.is_v6 { "net.bridge.bridge-nf-call-ip6tables" } else { "net.bridge.bridge-nf-call-iptables" };
    if case.host.setting(netns, name)?.as_str() != "0" {
        return None;
    }
    let is_it = |rule: &&crate::host::FirewallRule| {
        let is_ip =
            ["ip ", "ip6 ", "inet "].iter().any(|family| rule.table.as_str().starts_with(family)) || rule.table.as_str() == "filter";
        rule.netns == netns
            && rule.rule.as_str() == "policy drop"
            && is_ip
            && rule.hook.as_ref().is_some_and(|hook| hook.as_str().starts_with("forward"))
    };
    let rule = case.host.firewall().find(is_it)?;
    let text =
        format!("{} {} chain {} drops by its policy, and does not see bridged packets ({name} is 0)", rule.tool, rule.table, rule.chain);
    note("HARMLESS_POLICY_DROP", text)
}

/// A checksum that the device is left to fill in looks wrong on its way out.
fn offload(case: &Case<'_>) -> Option<Note> {
    let is_outbound = |journey: &Journey| journey.sightings.first().is_some_and(|seen| seen.direction == Direction::Outbound);
    let odd = case.journeys().find(|journey| journey.has_bad_checksum && is_outbound(journey) && is_by_end(case, journey))?;
    note("OFFLOAD_CHECKSUM", format!("the checksum of #{} is filled in later, by the device that it goes out by", frame(odd)))
}

/// Replies come by another link of the host than their requests went, which harms nobody by itself (RFC 3704).
fn asymmetric(case: &Case<'_>, verdict: Verdict, requests: &[(&Journey, Option<i64>)]) -> Option<Note> {
    if verdict != Verdict::Works {
        return None;
    }
    // A port and its bridge are one link.
    let links = |journey: &Journey| -> Vec<DeviceId> {
        let device = |seen: &crate::journey::Sighting| case.host.device(device_of_point(case.tables, seen.point)?);
        journey.sightings.iter().filter_map(device).map(|device| device.master.unwrap_or(device.id)).collect()
    };
    let (reply, request) = packets(case.tables, Leg::Reply, &case.to, &case.from, case.window).into_iter().find_map(|reply| {
        let (request, _) = requests.iter().find(|(request, _)| super::sight::echo_key(request) == super::sight::echo_key(reply))?;
        Some((reply, *request))
    })?;
    let (there, back) = (links(request), links(reply));
    let other = back.iter().find(|device| !there.contains(device))?;
    // What was seen of one leg only says where somebody listened.
    if there.is_empty() || there.iter().all(|device| back.contains(device)) {
        return None;
    }
    let name = super::walk::case_name(case.host, *other);
    note(
        "ASYMMETRIC_PATH",
        format!(
            "the reply #{} comes by {name}, where its request did not pass; that matters to rp_filter and conntrack only",
            frame(reply)
        ),
    )
}

/// A station left one port for another, once: a guest that was moved says so (QEMU, announce-self).
fn moved(case: &Case<'_>) -> Option<Note> {
    let heard = |end: &Endpoint| -> Vec<(DeviceId, &Station)> {
        let is_theirs = |row: &&Station| end.mac == Some(row.mac) && row.inbound > 0 && row.evidence.last_at >= case.window.since;
        let rows = case.tables.stations.iter().filter(is_theirs);
        let is_port = |device: DeviceId| case.host.device(device).is_some_and(|row| row.port.is_some());
        rows.filter_map(|row| Some((device_of_point(case.tables, row.point).filter(|device| is_port(*device))?, row))).collect()
    };
    [&case.from, &case.to].into_iter().find_map(|end| {
        let mut places = heard(end);
        places.sort_by_key(|(_, row)| row.evidence.first_at);
        let [(before, old), (now, new)] = places[..] else { return None };
        if before == now || old.evidence.last_at >= new.evidence.first_at {
            return None;
        }
        let name = |device| super::walk::case_name(case.host, device);
        let text = format!("{} went from {} to {} (#{}): a guest was moved", new.mac, name(before), name(now), new.evidence.first.0);
        note("LEASE_MOVE", text)
    })
}
