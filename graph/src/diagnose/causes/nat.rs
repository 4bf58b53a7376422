//! Addresses that are rewritten, or should be.

use super::prelude::*;
use crate::Direction;
use crate::diagnose::endpoint::device_of_point;
use crate::diagnose::firewall::Packet;
use crate::diagnose::routing;
use crate::fact::Fact;
use crate::host::Tracked;
use std::net::{IpAddr, Ipv4Addr};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "BRIDGED_TRAFFIC_NATED",
        layer: "L3 NAT",
        proven_by: ProvenBy::Packets,
        at: &[At::BridgeOut, At::Answer, At::Route],
        test: Test::Place(bridged_nated),
        drop_reasons: &["IP_INADDRERRORS"],
        meaning: "Frames between two ports of a bridge get another source address, and the reply does not find back.",
        wire: "same id/seq: source A on tapA, source HOST on tapB; B answers the host; reply dies there (IP_INADDRERRORS) or loops back via the host",
        state: "bridge-nf=1 + masquerade rule without \"! -d same-net\"; conntrack -L shows the rewrite",
        alike: "IP_FORWARD_OFF alone",
        fix: "iptables -t nat -I POSTROUTING -s NET -d NET -j RETURN; bridge-nf-call-iptables=0",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "NAT_MISSING",
        layer: "L3 NAT",
        proven_by: ProvenBy::State,
        at: &[At::Beyond],
        test: Test::Place(nat_missing),
        drop_reasons: &[],
        meaning: "A private source address leaves to the outside, and nobody there can answer it.",
        wire: "request leaves up0 with a private source; nothing comes back",
        state: "no masquerade/snat for that source on oif up0",
        alike: "UPLINK_REJECTS..., upstream loss",
        fix: "iptables -t nat -A POSTROUTING -s NET -o up0 -j MASQUERADE",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// The same echo on two ports of one bridge, with another source at the second one.
fn bridged_nated(scene: &Scene<'_>) -> Answer {
    if !scene.case.is_one_link() || scene.case.to.is_local() || scene.case.from.is_local() {
        return Answer::Idle;
    }
    let Some(to) = scene.case.to.device() else { return Answer::Idle };
    let requests = crate::diagnose::sight::packets(scene.case.tables, Leg::Request, &scene.case.from, &scene.case.to, scene.case.window);
    let twins = crate::diagnose::sight::rewritten(scene.case.tables, &requests);
    let there = twins.iter().find_map(|packet| {
        let Fact::Echo(echo) = packet.subject else { return None };
        let seen = packet.sightings.iter().find(|seen| device_of_point(scene.case.tables, seen.point) == Some(to))?;
        (Some(echo.source) != scene.case.from.ip).then_some((echo.source, seen.frame))
    });
    let Some((source, frame)) = there else { return Answer::Idle };
    let from = scene.case.from.label();
    let network = scene
        .host()
        .addresses()
        .find(|row| Some(row.ip) == Some(source))
        .map_or_else(|| "NET".to_owned(), |row| network(row.ip, row.length));
    let netns = scene.spot.netns;
    let hit = Hit::new(
        format!("bridge of {}", scene.name(to)),
        Some(to),
        format!(
            "frames from {from} to {} get the source {source} though they stay on one bridge; the reply goes to the host",
            scene.case.to.label()
        ),
    )
    .frames(
        Rank::Packets,
        format!("the same echo has the source {from} where it comes in and {source} where it goes out"),
        vec![frame],
    );
    let rewritten = scene.tracked().filter(|row| row.new_source() == Some(source));
    with_tracked(hit, rewritten)
        .fix(within(scene.host(), netns, &format!("iptables -t nat -I POSTROUTING -s {network} -d {network} -j RETURN")))
        .undo(within(scene.host(), netns, &format!("iptables -t nat -D POSTROUTING -s {network} -d {network} -j RETURN")))
        .expect(format!("the echo with the source {from} at both ports"))
        .yes()
}

/// With what the kernel tracks of the echo, where it is known.
fn with_tracked(hit: Hit, row: Option<&Tracked>) -> Hit {
    match row {
        Some(row) => hit.state(format!("conntrack: {}", row.words())),
        None => hit,
    }
}

fn network(ip: IpAddr, length: u8) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            format!("{}/{length}", Ipv4Addr::from_bits(ip.to_bits() & mask))
        }
        IpAddr::V6(_) => format!("{ip}/{length}"),
    }
}

/// What left with a private source to a public address cannot be answered (RFC 1918).
fn nat_missing(scene: &Scene<'_>) -> Answer {
    let (Some(IpAddr::V4(source)), IpAddr::V4(destination), Some(device)) =
        (scene.spot.probe.source, scene.spot.probe.destination, scene.device())
    else {
        return Answer::Idle;
    };
    let own = scene.host().addresses().any(|row| row.device == device.id && routing::prefix(row).contains(source.into()));
    let was_rewritten = scene.walk.seen.at(device.id, Direction::Outbound).is_some_and(|here| here.rewritten.is_some());
    if scene.walk.leg != Leg::Request || !source.is_private() || destination.is_private() || own || was_rewritten || !scene.has_packets() {
        return Answer::Idle;
    }
    let name = &device.name;
    let leaves = Packet { in_name: None, out_name: Some(name.as_str()), ..super::ruling::packet(scene) };
    if scene.case.rules.rewrites_source(scene.spot.netns, &leaves) != Some(false) {
        return Answer::Idle;
    }
    // What the kernel rewrites, it has in its list of connections; one that is there as it came, was left alone.
    let tracked = scene.tracked();
    if let Some(row) = tracked.filter(|row| row.new_source().is_some()) {
        return Answer::No(format!("conntrack rewrites it: {}", row.words()));
    }
    let network = scene.host().addresses().find(|row| row.ip != IpAddr::V4(source) && routing::prefix(row).contains(source.into()));
    let network = network.map_or_else(|| source.to_string(), |row| self::network(row.ip, row.length));
    let hit = Hit::new(
        scene.name(device.id),
        Some(device.id),
        format!("{source} leaves by {name} as it is: nobody outside can answer a private address"),
    )
    .frames(Rank::Packets, format!("out on {name} with the source {source}, no reply"), scene.frames())
    .state(format!("nothing rewrites {source} on its way out by {name}"));
    with_tracked(hit, tracked)
        .fix(within(scene.host(), scene.spot.netns, &format!("iptables -t nat -A POSTROUTING -s {network} -o {name} -j MASQUERADE")))
        .undo(within(scene.host(), scene.spot.netns, &format!("iptables -t nat -D POSTROUTING -s {network} -o {name} -j MASQUERADE")))
        .expect(format!("the echo out on {name} with the host's address"))
        .yes()
}
