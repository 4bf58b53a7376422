//! Who is on-link, and who is the router (RFC 1122, section 3.3.1).

use super::prelude::*;
use crate::FrameNo;
use crate::diagnose::endpoint::Place;
use crate::diagnose::routing::{self, Way};
use crate::tables::Learned;
use std::net::IpAddr;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "WRONG_SUBNET",
        layer: "L3 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::Sender, At::Receiver],
        test: Test::Place(wrong_subnet),
        drop_reasons: &[],
        meaning: "The two are on one link with addresses of different subnets, and no router joins them.",
        wire: "A sends nothing, or ARPs for a gateway; A and B on one L2 but their ARP sender addresses are in different subnets",
        state: "ARP/DHCP-learned prefixes; no router between",
        alike: "NO_ROUTE",
        fix: "put both in one subnet or add a router",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "WRONG_PREFIX_LENGTH",
        layer: "L3 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver],
        test: Test::Place(wrong_prefix),
        drop_reasons: &[],
        meaning: "The guest's prefix length is wrong: it takes a neighbour for somebody behind a router.",
        wire: "echo delivered to B; B reacts by ARPing for ITS GATEWAY instead of A (mask too narrow), or by silence (/32, no gateway); or A ARPs for a far host directly (mask too wide)",
        state: "G, but the ARP for the gateway right after each request proves \"B thinks A is off-link\"",
        alike: "NO_ROUTE_BACK, TARGET_SILENT",
        fix: "ip addr change in B to the segment's prefix (/24)",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "GATEWAY_UNREACHABLE",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver],
        test: Test::Place(gateway_unreachable),
        drop_reasons: &[],
        meaning: "The guest asks for its router, and nobody answers.",
        wire: "A ARPs for its gateway, never answered; no ICMP leaves A",
        state: "gateway IP not on any host interface / any ARP sender",
        alike: "NO_ROUTE_BACK (leg differs); RP_FILTER on ARP (gateway exists!)",
        fix: "fix default gateway in A",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "WRONG_GATEWAY",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver],
        test: Test::Place(wrong_gateway),
        drop_reasons: &[],
        meaning: "The guest sends to a router that is none.",
        wire: "request goes to a MAC that is a plain host (answers ARP, never forwards, no ICMP)",
        state: "the \"gateway\" is a guest without forwarding",
        alike: "IP_FORWARD_OFF on the real router",
        fix: "point the default route at the router",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "NO_ROUTE_BACK",
        layer: "L3",
        proven_by: ProvenBy::Guest,
        at: &[At::Receiver, At::Route, At::RouteOut],
        test: Test::Place(no_route_back),
        drop_reasons: &[],
        meaning: "The guest has no way back to who asks.",
        wire: "request delivered to B (or to a router), no reply; or reply leaves towards another gateway; if the lost leg is on this host: ICMP net unreachable to B",
        state: "B: G. Host/router: ip route get A",
        alike: "TARGET_SILENT, GUEST_FIREWALL",
        fix: "in B: ip route add A-net via host",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// Whom the receiver asks for after the first request, in vain, instead of answering.
fn asks_instead(scene: &Scene<'_>) -> Option<(IpAddr, FrameNo)> {
    if scene.walk.leg != Leg::Request || !scene.walk.is_delivered() {
        return None;
    }
    let first = scene.walk.packets.first().map(|packet| crate::diagnose::sight::began(packet))?;
    scene.case.asked_elsewhere(&scene.walk.to, first)
}

/// B takes A for somebody behind its router.
fn wrong_prefix(scene: &Scene<'_>) -> Answer {
    let Some((router, frame)) = asks_instead(scene).filter(|_| scene.case.is_one_link()) else { return Answer::Idle };
    let (place, from) = (scene.walk.to.title(scene.host()), scene.walk.from.label());
    Hit::new(
        &place,
        scene.spot.device,
        format!("{place} asks for its router {router} instead of answering {from}, which is on its own link: its prefix is too long"),
    )
    .frames(Rank::Packets, format!("ARP for {router} after the request"), vec![frame])
    .fix(format!("in the guest: give {} the prefix of its link, such as /24", scene.walk.to.label()))
    .expect(format!("ARP for {from}, then the reply"))
    .in_guest()
    .yes()
}

fn gateway_unreachable(scene: &Scene<'_>) -> Answer {
    if let Some((router, frame)) = asks_instead(scene).filter(|_| !scene.case.is_one_link()) {
        let place = scene.walk.to.title(scene.host());
        return Hit::new(&place, scene.spot.device, format!("{place} asks for its router {router} to send the reply, and nobody answers"))
            .frames(Rank::Packets, format!("ARP for {router} after the request, never answered"), vec![frame])
            .fix("in the guest: set the default route to the router of its link")
            .expect("the reply in from the guest")
            .in_guest()
            .yes();
    }
    let is_router = scene.walk.leg == Leg::ArpRequest
        && scene.walk.to.ip.is_some()
        && scene.walk.to.ip != scene.case.to.ip
        && scene.walk.to.ip != scene.case.from.ip;
    let is_by_end = scene.walk.from.ip == scene.case.from.ip || scene.walk.from.ip == scene.case.to.ip;
    let (true, true, Some(router)) = (is_router && scene.has_packets(), is_by_end, scene.walk.to.ip) else { return Answer::Idle };
    let place = scene.walk.from.title(scene.host());
    Hit::new(&place, scene.spot.device, format!("{place} asks for its router {router}, and nobody answers"))
        .frames(Rank::Packets, format!("asked for {router} ×{}, never answered", scene.count()), scene.frames())
        .fix(format!("in the guest: set the default route to a router that is there, or give a router the address {router}"))
        .expect(format!("an answer for {router}"))
        .in_guest()
        .yes()
}

/// The packet came to a plain host, which does not send it on.
fn wrong_gateway(scene: &Scene<'_>) -> Answer {
    let (Leg::Request | Leg::Reply, Some(device), goal) = (scene.walk.leg, scene.spot.device, scene.walk.to.device()) else {
        return Answer::Idle;
    };
    let mac = scene.spot.probe.destination_mac.filter(|mac| !mac.is_group());
    let (Some(mac), true, true) = (mac, Some(device) != goal, scene.walk.is_delivered()) else { return Answer::Idle };
    // Whoever has another card, or sends what others sent, may be a router after all, and its other side out of sight.
    let cards = scene.host().guest_behind(device).map_or(1, |(guest, _)| guest.nics.len());
    let owns = |ip: IpAddr| scene.case.owners(ip).any(|owner| owner == mac);
    let routes = scene.case.tables.bindings.iter().any(|row| row.mac == mac && row.learned == Learned::Source && !owns(row.ip));
    if goal.is_none() && (cards > 1 || routes) {
        return Answer::Idle;
    }
    let its = scene.case.tables.bindings.iter().find(|row| row.mac == mac && row.learned.proves_owner()).map(|row| row.ip);
    // A router is asked for by its own address; a link-layer address alone may be anybody's, the target's among them.
    if its.is_none() {
        return Answer::Idle;
    }
    // Whoever has the very address is a second owner of it, not a router.
    if its == scene.walk.to.ip || scene.case.owners(scene.walk.to.ip.unwrap_or(scene.spot.probe.destination)).any(|owner| owner == mac) {
        return Answer::Idle;
    }
    let who = its.map_or_else(|| mac.to_string(), |ip| ip.to_string());
    let place = scene.name(device);
    Hit::new(
        &place,
        Some(device),
        format!("{} takes {who}, behind {place}, for its router, and it sends nothing on", scene.walk.from.label()),
    )
    .frames(Rank::Packets, format!("the packet went to {mac} at {place} and came out nowhere"), scene.frames())
    .fix("in the guest: set the default route to the router of its link")
    .expect("the packet at the router")
    .in_guest()
    .guess()
    .yes()
}

/// On one link, and neither thinks that the other is.
fn wrong_subnet(scene: &Scene<'_>) -> Answer {
    let (Some(IpAddr::V4(from)), Some(IpAddr::V4(to))) = (scene.case.from.ip, scene.case.to.ip) else { return Answer::Idle };
    let is_sender = scene.spot.at == At::Sender && !scene.has_packets() && scene.walk.leg == Leg::Request;
    let is_far = from.to_bits() >> 8 != to.to_bits() >> 8;
    let has_router = scene.host().addresses().any(|row| routing::prefix(row).contains(from.into()) && row.ip != IpAddr::V4(from));
    if !is_sender || !is_far || !scene.case.is_one_link() || has_router || scene.case.from.is_local() {
        return Answer::Idle;
    }
    Hit::new(
        scene.walk.from.title(scene.host()),
        scene.spot.device,
        format!("{from} and {to} are on one link, and seem to have different subnets"),
    )
    .proof(Rank::Absence, format!("{from} does not even ask for {to}"))
    .fix("give both the same prefix, or set up a router between their subnets")
    .expect(format!("ARP for {to}"))
    .in_guest()
    .guess()
    .yes()
}

/// A guest without a way back is silent like any other; where it is this host, its own tables tell.
fn no_route_back(scene: &Scene<'_>) -> Answer {
    let netns = match (scene.walk.leg, scene.spot.at, scene.walk.to.place) {
        (Leg::Request, At::Receiver, Place::Local(netns, _)) => netns,
        (Leg::Reply, At::Route | At::RouteOut, _) => scene.spot.netns,
        _ => return Answer::Idle,
    };
    let (asker, source) =
        if scene.walk.leg == Leg::Request { (scene.walk.from.ip, scene.walk.to.ip) } else { (scene.walk.to.ip, scene.walk.from.ip) };
    let Some(asker) = asker else { return Answer::Idle };
    let came_in = scene.spot.device.filter(|_| scene.spot.at == At::Route);
    if !matches!(routing::look_up(scene.host(), netns, source, asker, came_in), Way::Nowhere) {
        return Answer::Idle;
    }
    let ip = tool(scene.host(), netns, "ip");
    Hit::new("host routing", scene.spot.device, format!("the host has no route back to {asker}"))
        .state(format!("no route of any table covers {asker}"))
        .fix(format!("{ip} route add {asker} via ROUTER"))
        .undo(format!("{ip} route del {asker}"))
        .expect("the reply out")
        .yes()
}
