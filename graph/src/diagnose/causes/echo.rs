//! What is odd about the echo itself: its addresses, its checksum, how often and how late it is answered.

use super::guest::{is_delivered, receiver};
use super::prelude::*;
use crate::diagnose::diagnosis::Pattern;
use crate::diagnose::endpoint::Place;
use crate::diagnose::routing;
use crate::fact::Fact;
use crate::host::Prefix;
use crate::journey::Journey;
use crate::{Direction, FrameNo, MacAddr};
use std::net::IpAddr;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "ICMP_ECHO_IGNORED",
        layer: "L3 guest",
        proven_by: ProvenBy::State,
        at: &[At::Answer],
        test: Test::Place(echo_ignored),
        drop_reasons: &[],
        meaning: "The host is told not to answer echoes.",
        wire: "as TARGET_SILENT; B's IcmpInEchos rises, IcmpOutEchoReps does not (if readable)",
        state: "B: net.ipv4.icmp_echo_ignore_all=1 (host itself: provable)",
        alike: "GUEST_FIREWALL",
        fix: "sysctl -w net.ipv4.icmp_echo_ignore_all=0",
        undo: "sysctl -w net.ipv4.icmp_echo_ignore_all=1",
        source: "kernel Documentation/networking/ip-sysctl.rst",
    },
    Cause {
        code: "ICMP_RATE_LIMITED",
        layer: "L3",
        proven_by: ProvenBy::Guest,
        at: &[At::Receiver],
        test: Test::Place(rate_limited),
        drop_reasons: &[],
        meaning: "Replies come at a fixed rate only: somebody limits them.",
        wire: "all requests delivered; replies stop after a burst, then arrive evenly (1/s)",
        state: "target: icmp_ratemask bit 0 + icmp_ratelimit, or a limit rule (nft limit / iptables -m limit); on the host: rule counters",
        alike: "random loss: spacing not even; QDISC_OVERLIMIT: request not delivered",
        fix: "slow the ping (-i 1); sysctl net.ipv4.icmp_ratemask=6168",
        undo: "",
        source: "ip-sysctl icmp_ratelimit/icmp_ratemask (default mask 6168 has no echo reply)",
    },
    Cause {
        code: "LATE_REPLY",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Answer],
        test: Test::Place(late_reply),
        drop_reasons: &[],
        meaning: "The reply comes later than ping waits for it.",
        wire: "reply exists on tapA, RTT larger than ping -W",
        state: "timestamps; queue (tbf, paused VM resumed)",
        alike: "SOURCE_GUEST_DROPS_REPLY",
        fix: "ping -W 5; find the slow hop (largest inter-hop gap)",
        undo: "",
        source: "https://github.com/beringresearch/macpine/issues/107 (absurd RTT + DUP on macOS slirp)",
    },
    Cause {
        code: "BROADCAST_TARGET",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Answer],
        test: Test::Place(broadcast_target),
        drop_reasons: &["INVALID_PROTO"],
        meaning: "The address is a broadcast address: hosts do not answer echoes to it.",
        wire: "echo to x.255 / ff:ff..; kfree_skb INVALID_PROTO at receivers",
        state: "icmp_echo_ignore_broadcasts=1 (default)",
        alike: "TARGET_SILENT",
        fix: "ping a unicast address",
        undo: "",
        source: "kernel Documentation/networking/ip-sysctl.rst",
    },
    Cause {
        code: "BAD_CHECKSUM",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Answer],
        test: Test::Place(bad_checksum),
        drop_reasons: &["ICMP_CSUM", "IP_CSUM"],
        meaning: "The packet's checksum is wrong, and whoever gets it throws it away.",
        wire: "ICMP/IP checksum wrong on tapB; receiver drops (ICMP_CSUM / IP_INHDR at br_nf_pre_routing); classic: DHCP UDP checksum = pseudo-header only",
        state: "tshark -o ip.check_checksum:TRUE; offload flags (ethtool -k); NEVER judge frames captured outbound on an interface with tx-checksum offload",
        alike: "offload artefact (healthy)",
        fix: "ethtool -K tapB tx off; old DHCP clients: iptables -t mangle -A POSTROUTING -p udp --dport 68 -j CHECKSUM --checksum-fill",
        undo: "",
        source: "https://git.netfilter.org/iptables/commit/include?h=v1.4.17&id=9d1b11102b53103c00b7fddf4658a4d2bdee1338 ; https://reviews.freebsd.org/differential/diff/161737",
    },
    Cause {
        code: "WRONG_SOURCE_ADDRESS",
        layer: "L3 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::Sender],
        test: Test::Place(wrong_source),
        drop_reasons: &[],
        meaning: "The request has a source address that replies do not come back to.",
        wire: "request carries an unexpected source; reply goes elsewhere / ICMP net unreachable back to the replier",
        state: "route \"src\"; source not in the interface prefix",
        alike: "NAT_MISSING",
        fix: "ip route change default via GW src RIGHT",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

fn echo_ignored(scene: &Scene<'_>) -> Answer {
    let Place::Local(netns, _) = scene.walk.to.place else { return Answer::Idle };
    if scene.walk.leg != Leg::Request {
        return Answer::Idle;
    }
    let name = if scene.case.is_v6 { "net.ipv6.icmp.echo_ignore_all" } else { "net.ipv4.icmp_echo_ignore_all" };
    match scene.host().setting(netns, name).map(|value| value.as_str().to_owned()).as_deref() {
        Some("1") => Hit::new("host", scene.spot.device, "the host is told not to answer echoes")
            .state(format!("{name} = 1"))
            .fix(within(scene.host(), netns, &format!("sysctl -w {name}=0")))
            .undo(within(scene.host(), netns, &format!("sysctl -w {name}=1")))
            .expect("the reply out")
            .yes(),
        Some(_) => Answer::No(format!("{name} is 0")),
        None => Answer::Idle,
    }
}

fn rate_limited(scene: &Scene<'_>) -> Answer {
    if scene.case.pattern != Pattern::Rate || scene.walk.leg != Leg::Request || !is_delivered(scene) {
        return Answer::Idle;
    }
    let place = receiver(scene);
    Hit::new(&place, scene.spot.device, format!("{place} gets every request and answers at a fixed rate"))
        .frames(Rank::Packets, "all requests came out, and the answered ones are evenly spaced", scene.frames())
        .fix("ping more slowly (-i 1); in the guest: sysctl -w net.ipv4.icmp_ratemask=6168, or look for a limit in iptables -nvL INPUT")
        .expect("a reply to each request")
        .in_guest()
        .yes()
}

/// RFC 1122, section 3.2.2.6: an echo to a broadcast address may be ignored, and is by default.
fn broadcast_target(scene: &Scene<'_>) -> Answer {
    let Some(IpAddr::V4(ip)) = scene.case.to.ip else { return Answer::Idle };
    let is_network = |prefix: Prefix| {
        let host_bits = 32_u32.saturating_sub(u32::from(prefix.length));
        (2..32).contains(&host_bits) && prefix.contains(ip.into()) && ip.to_bits() & ((1 << host_bits) - 1) == (1 << host_bits) - 1
    };
    let is_known = scene.host().addresses().any(|row| is_network(routing::prefix(row)));
    let is_sent_to_all =
        scene.walk.packets.iter().any(|packet| packet.destination == Some(MacAddr::BROADCAST)) && scene.walk.leg == Leg::Request;
    if !(is_known || is_sent_to_all || ip.is_broadcast()) {
        return Answer::Idle;
    }
    Hit::new(format!("address {ip}"), scene.spot.device, format!("{ip} is a broadcast address: hosts do not answer echoes to it"))
        .frames(Rank::Packets, format!("the echo to {ip} goes to all stations"), scene.frames())
        .fix("ping the address of one host")
        .expect("a reply")
        .in_guest()
        .yes()
}

/// Only frames that came in are judged: what goes out may have its checksum filled in by the device later.
fn bad_checksum(scene: &Scene<'_>) -> Answer {
    let is_bad =
        |packet: &&&Journey| packet.has_bad_checksum && packet.sightings.first().is_some_and(|seen| seen.direction == Direction::Inbound);
    let bad: Vec<FrameNo> =
        scene.walk.packets.iter().filter(is_bad).filter_map(|packet| packet.sightings.first()).map(|seen| seen.frame).collect();
    if bad.is_empty() || bad.len() < scene.walk.packets.len() {
        return Answer::Idle;
    }
    let place = scene.walk.from.title(scene.host());
    Hit::new(&place, scene.spot.device, format!("{place} sends ICMP with a wrong checksum, and whoever gets it throws it away"))
        .frames(Rank::Packets, format!("the checksum of {} frames is wrong where they came in", bad.len()), bad)
        .fix("in the guest: ethtool -K eth0 tx off")
        .expect("a reply")
        .in_guest()
        .yes()
}

fn wrong_source(scene: &Scene<'_>) -> Answer {
    // Without its card, the echo may be somebody else's: that of a user-mode stack has the host's address.
    let (Some(mac), Some(to)) = (scene.walk.from.mac, scene.walk.to.ip) else { return Answer::Idle };
    if scene.has_packets() || scene.walk.leg != Leg::Request || scene.walk.from.is_local() {
        return Answer::Idle;
    }
    let other = scene.case.journeys().find_map(|journey| match journey.subject {
        Fact::Echo(echo)
            if echo.is_request && echo.destination == to && journey.source == Some(mac) && Some(echo.source) != scene.walk.from.ip =>
        {
            Some((echo.source, journey.sightings.first().map(|seen| seen.frame).unwrap_or_default()))
        }
        _ => None,
    });
    let Some((source, frame)) = other else { return Answer::Idle };
    let place = scene.walk.from.title(scene.host());
    let hit = Hit::new(&place, scene.spot.device, format!("{place} pings with the source {source}, to which replies do not come back"))
        .frames(Rank::Packets, format!("its echo to {to} has the source {source}"), vec![frame])
        .fix(format!("in the guest: ip route change default via ROUTER src {}", scene.walk.from.label()))
        .expect("the echo with the right source")
        .in_guest();
    hit.yes()
}

/// A reply that is there after ping stopped waiting.
fn late_reply(scene: &Scene<'_>) -> Answer {
    if scene.case.pattern != Pattern::Time || scene.walk.leg != Leg::Reply || !is_delivered(scene) {
        return Answer::Idle;
    }
    let requests = crate::diagnose::sight::packets(scene.case.tables, Leg::Request, &scene.case.from, &scene.case.to, scene.case.window);
    // From one place to the next, request and reply together: where it took longest.
    let slowest = scene.walk.packets.iter().filter_map(|reply| {
        let request =
            requests.iter().find(|request| crate::diagnose::sight::echo_key(request) == crate::diagnose::sight::echo_key(reply))?;
        let seen: Vec<_> = request.sightings.iter().chain(&reply.sightings).collect();
        let whole = seen.last()?.at.since(seen.first()?.at);
        let step = seen.windows(2).max_by_key(|pair| pair[1].at.since(pair[0].at))?;
        Some((whole, step[0].point, step[1].point, step[1].at.since(step[0].at), step[1].frame))
    });
    let Some((whole, before, behind, gap, frame)) = slowest.max_by_key(|(whole, ..)| *whole).filter(|(whole, ..)| *whole > 1_000_000_000)
    else {
        return Answer::Idle;
    };
    let name = |point: crate::PointId| scene.case.tables.points.get(point.0 as usize).map_or_else(String::new, |row| row.label(point));
    let place =
        if before == behind { format!("behind {}", name(before)) } else { format!("between {} and {}", name(before), name(behind)) };
    Hit::new(
        &place,
        scene.spot.device,
        format!("replies take {:.1} s, longer than ping waits; {:.1} s of it {place}", whole as f64 / 1e9, gap as f64 / 1e9),
    )
    .frames(Rank::Packets, "the reply is there, later than a second after its request", vec![frame])
    .fix("ping -W 5; then see what holds it up there: a full queue, a rate limit, a guest that was paused")
    .expect("the reply within a second")
    .yes()
}
