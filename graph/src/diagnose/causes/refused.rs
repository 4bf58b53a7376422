//! Packets that the routing tables refuse, and what the kernel says of that when it is asked.

use super::prelude::*;
use super::route::{is_astray, way};
use crate::FrameNo;
use crate::diagnose::routing::{self, Way};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "ROUTE_BLACKHOLE",
        layer: "L3 host",
        proven_by: ProvenBy::State,
        at: &[At::Route, At::RouteOut],
        test: Test::Place(route_blackhole),
        drop_reasons: &["NOT_SPECIFIED"],
        meaning: "A route of the host throws the packet away, or refuses it.",
        wire: "blackhole: silence; unreachable: ICMP 3/1 at once; prohibit: ICMP 3/13 at once",
        state: "ip route show type blackhole|unreachable|prohibit for B; kfree_skb NOT_SPECIFIED at ip_error; route get EINVAL/EHOSTUNREACH/EACCES",
        alike: "NFT_DROP, NEXTHOP_NEIGH_FAILED (3/1 but only after 3 s)",
        fix: "ip route del blackhole B",
        undo: "ip route add blackhole B",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "ROUTER_NO_ROUTE",
        layer: "L3 host",
        proven_by: ProvenBy::Packets,
        at: &[At::Route, At::RouteOut],
        test: Test::Place(no_route),
        drop_reasons: &["IP_INNOROUTES"],
        meaning: "The host has no route to the destination.",
        wire: "ICMP net unreachable (3/0) from the host quoting the echo",
        state: "IpInNoRoutes; ip route get = ENETUNREACH",
        alike: "ROUTE_BLACKHOLE (silent)",
        fix: "ip route add NET via GW",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// With the kernel's word, and with the frames that quote the packet where it was refused before it was sent.
fn proven(scene: &Scene<'_>, hit: Hit) -> Answer {
    let hit = said(scene, hit);
    let frames: Vec<FrameNo> = scene.case.errors().map(|(_, frame)| frame).take(4).collect();
    if frames.is_empty() { hit.yes() } else { hit.frames(Rank::IcmpError, "an ICMP error quotes the echo", frames).yes() }
}

fn route_blackhole(scene: &Scene<'_>) -> Answer {
    let Way::Refused(refusal) = way(scene) else { return Answer::Idle };
    let ip = tool(scene.host(), scene.spot.netns, "ip");
    let (kind, destination) = (refusal.kind.name(), scene.spot.probe.destination);
    let hit = match (refusal.route, refusal.rule) {
        (Some(route), _) => {
            let table = if route.table == 254 { String::new() } else { format!(" table {}", route.table) };
            let route = format!("{kind} {}{table}", route.destination);
            Hit::new("host routing", scene.spot.device, format!("a route of kind {kind} stops everything to {}", &route[kind.len() + 1..]))
                .object(&route)
                .state(format!("the best route to {destination} is {route}"))
                .fix(format!("{ip} route del {route}"))
                .undo(format!("{ip} route add {route}"))
        }
        (None, Some(rule)) => {
            Hit::new("host routing", scene.spot.device, format!("the rule \u{201c}{}\u{201d} refuses the packet", rule.text))
                .object(format!("rule {}", rule.text))
                .state(format!("the first rule that applies is {kind}"))
                .fix(format!("{ip} rule del priority {}", rule.priority))
        }
        // The kernel says so, and what it is among the routes is not seen.
        (None, None) => Hit::new("host routing", scene.spot.device, format!("the kernel refuses to route to {destination}: {kind}"))
            .fix(format!("{ip} route show table all | grep {kind} # then take that route away")),
    };
    proven(scene, hit.expect("the packet behind the host's routing"))
}

/// With what the kernel said when it was asked for this packet, and with what its own lists would give, if that is another way.
pub(super) fn said(scene: &Scene<'_>, hit: Hit) -> Hit {
    let host = scene.host();
    let packet = scene.routed();
    let Some(lookup) = host.route_lookup(&packet) else { return hit };
    let mark = if lookup.packet.mark == 0 { String::new() } else { format!(" with mark {:#x}", lookup.packet.mark) };
    let mut text = format!("the kernel, asked for this packet{mark}: {}", lookup.answer.words());
    let (listed, way) = (routing::simulate(host, &packet).words(host), way(scene).words(host));
    if listed != way {
        text.push_str(&format!("; by addresses and devices alone the listed rules and routes would give: {listed}"));
    }
    hit.proof(Rank::Oracle, text)
}

fn no_route(scene: &Scene<'_>) -> Answer {
    // On the way back it has a name of its own.
    if !matches!(way(scene), Way::Nowhere) || is_astray(scene) || scene.walk.leg == Leg::Reply {
        return Answer::Idle;
    }
    let (destination, ip) = (scene.spot.probe.destination, tool(scene.host(), scene.spot.netns, "ip"));
    let hit = Hit::new("host routing", scene.spot.device, format!("the host has no route to {destination}"))
        .state(format!("no route of any table covers {destination}"))
        .fix(format!("{ip} route add {destination} via ROUTER (or give the device that leads there an address with its prefix)"))
        .undo(format!("{ip} route del {destination}"))
        .expect("the packet behind the host's routing");
    proven(scene, hit)
}
