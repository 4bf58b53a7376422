//! What a bridge sends to all its ports, and what it answers itself instead: read `br_flood` and `br_multicast_flood` of Linux.

use super::bridge::{outgoing, place, port, seen_out};
use super::prelude::*;
use crate::MacAddr;
use crate::fact::GroupAction;
use crate::host::Device;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "BCAST_FLOOD_OFF",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(broadcast_flood_off),
        drop_reasons: &[],
        meaning: "Broadcasts do not leave by that port, so ARP never arrives.",
        wire: "ARP dies, but unicast with static ARP works",
        state: "port \"bcast_flood off\"",
        alike: "PORT_ISOLATED (kills unicast too)",
        fix: "bridge link set dev tapB bcast_flood on",
        undo: "bridge link set dev tapB bcast_flood off",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "UNICAST_FLOOD_OFF",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(unicast_flood_off),
        drop_reasons: &["NO_TX_TARGET"],
        meaning: "The bridge does not know where the station is, and frames to unknown stations do not leave by its port.",
        wire: "ARP works while B talks; unicast to an aged-out MAC vanishes; kfree_skb NO_TX_TARGET",
        state: "port \"flood off\" (often learning off) and no FDB entry for B",
        alike: "FDB_STALE (goes to another port)",
        fix: "bridge link set dev tapB flood on learning on",
        undo: "bridge link set dev tapB flood off",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "MCAST_FLOOD_OFF",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(multicast_flood_off),
        drop_reasons: &[],
        meaning: "Multicast does not leave by that port, so Neighbor Solicitations never arrive.",
        wire: "IPv4 fine; IPv6 NS not out on tapB",
        state: "port \"mcast_flood off\"",
        alike: "MCAST_SNOOPING_NO_QUERIER",
        fix: "bridge link set dev tapB mcast_flood on",
        undo: "bridge link set dev tapB mcast_flood off",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "MCAST_SNOOPING_NO_QUERIER",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(snooping),
        drop_reasons: &[],
        meaning: "The bridge sends multicast only to who asked for it, and nobody reminds the guests to ask.",
        wire: "IPv4 fine; IPv6 NS to 33:33:ff:.. seen in on tapA, not out on tapB; works again for minutes after B speaks MLD",
        state: "mcast_snooping 1, mcast_querier 0, a querier was heard once, bridge mdb show lacks ff02::1:ffXX:XXXX for B",
        alike: "MCAST_FLOOD_OFF, guest v6 firewall",
        fix: "ip link set br0 type bridge mcast_querier 1 (or mcast_snooping 0)",
        undo: "ip link set br0 type bridge mcast_querier 0",
        source: "https://sobrelinux.info/questions/26913/ipv6-does-not-work-over-bridge ; https://daniel-lange.com/archives/109-IPv6-Getting-rid-of-the-dreaded-Neighbour-table-overflow.html",
    },
    Cause {
        code: "NEIGH_SUPPRESS_STALE",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut, At::Receiver],
        test: Test::Place(neigh_suppress),
        drop_reasons: &[],
        meaning: "The bridge answers ARP in the guest's place, with what it knows wrongly.",
        wire: "ARP request not out on tapB yet a reply appears on tapA, with a MAC nobody uses",
        state: "port \"neigh_suppress on\" and host neigh/FDB entry with the wrong lladdr",
        alike: "PROXY_ARP_HIJACK (router MAC), DUPLICATE_IP",
        fix: "bridge link set dev tapB neigh_suppress off",
        undo: "bridge link set dev tapB neigh_suppress on",
        source: "https://man.cx/bridge(8)",
    },
];

/// A flag of the port that keeps a kind of frame in.
fn flood_off(scene: &Scene<'_>, out: &Device, flag: &str, summary: String) -> Answer {
    let bridge = tool(scene.host(), out.id.netns, "bridge");
    Hit::new(place(scene, out), Some(out.id), summary)
        .state(format!("{} has {flag} off", out.name))
        .fix(format!("{bridge} link set dev {} {flag} on", out.name))
        .undo(format!("{bridge} link set dev {} {flag} off", out.name))
        .expect(seen_out(out))
        .yes()
}

fn broadcast_flood_off(scene: &Scene<'_>) -> Answer {
    let probe = &scene.spot.probe;
    let is_broadcast = probe.destination_mac == Some(MacAddr::BROADCAST) || probe.destination_mac.is_none() && probe.leg == Leg::ArpRequest;
    match port(scene) {
        Some((out, port)) if is_broadcast && !probe.is_v6() && !port.broadcast_flood && !super::bsd::is_bsd(scene) => {
            flood_off(scene, out, "bcast_flood", format!("broadcasts do not leave by {}, so ARP does not arrive", out.name))
        }
        _ => Answer::Idle,
    }
}

fn unicast_flood_off(scene: &Scene<'_>) -> Answer {
    let (Some((out, port)), Some(mac), Some(bridge)) = (port(scene), scene.spot.probe.destination_mac, scene.spot.bridge) else {
        return Answer::Idle;
    };
    let is_known = scene.host().fdb().any(|entry| entry.mac == mac && entry.bridge == Some(bridge));
    if mac.is_group() || port.flood || is_known || super::bsd::is_bsd(scene) {
        return Answer::Idle;
    }
    flood_off(
        scene,
        out,
        "flood",
        format!("the bridge does not know where {mac} is, and unknown destinations do not leave by {}", out.name),
    )
}

fn multicast_flood_off(scene: &Scene<'_>) -> Answer {
    let probe = &scene.spot.probe;
    match port(scene) {
        Some((out, port)) if probe.is_v6() && probe.leg == Leg::ArpRequest && probe.is_to_group() && !port.multicast_flood => flood_off(
            scene,
            out,
            "mcast_flood",
            format!("multicast does not leave by {}, so Neighbor Solicitations do not arrive", out.name),
        ),
        _ => Answer::Idle,
    }
}

/// A bridge floods all multicast until it hears a querier (RFC 4541, section 2.1.2).
fn snooping(scene: &Scene<'_>) -> Answer {
    let probe = &scene.spot.probe;
    let (Some((device, bridge)), Some((out, _))) = (scene.bridge(), port(scene)) else { return Answer::Idle };
    let asks = probe.is_v6() && probe.leg == Leg::ArpRequest && probe.is_to_group();
    let had_querier =
        bridge.hears_querier_v6 || scene.case.tables.groups.iter().any(|row| row.action == GroupAction::Query && row.station.is_ipv6());
    if !asks || !bridge.multicast_snooping || bridge.multicast_querier || !had_querier {
        return Answer::Idle;
    }
    let ip = tool(scene.host(), device.id.netns, "ip");
    Hit::new(
        place(scene, out),
        Some(out.id),
        format!("{} sends multicast only where it is wanted, and nobody asks any more who wants it", device.name),
    )
    .proof(Rank::Oracle, "mcast_snooping 1, mcast_querier 0, and a querier was heard before")
    .fix(format!("{ip} link set {} type bridge mcast_querier 1", device.name))
    .undo(format!("{ip} link set {} type bridge mcast_querier 0", device.name))
    .expect(seen_out(out))
    .yes()
}

/// The bridge answers ARP from its neighbour table (bridge(8), neigh_suppress).
fn neigh_suppress(scene: &Scene<'_>) -> Answer {
    // Who is not known there is flooded to, and comes to the wrong one.
    let out = if scene.spot.at == At::Receiver { scene.device() } else { outgoing(scene) };
    let out = out.filter(|out| out.port.as_ref().is_some_and(|port| port.neighbor_suppression));
    let Some(out) = out else { return Answer::Idle };
    let (Some(asked), Some(ip)) = (scene.spot.probe.destination_mac.filter(|mac| !mac.is_group()), scene.walk.to.ip) else {
        return Answer::Idle;
    };
    let Some(wrong) = scene.host().neighbors().find(|row| row.ip == ip && row.mac == Some(asked) && Some(asked) != scene.walk.to.mac)
    else {
        return Answer::Idle;
    };
    let bridge = tool(scene.host(), out.id.netns, "bridge");
    Hit::new(place(scene, out), Some(out.id), format!("the bridge answers ARP for {ip} itself, with {asked}, which is not the guest's"))
        .state(format!("{} has neigh_suppress on, and the neighbour {ip} is {asked} ({})", out.name, wrong.state.name()))
        .fix(format!("{bridge} link set dev {} neigh_suppress off", out.name))
        .undo(format!("{bridge} link set dev {} neigh_suppress on", out.name))
        .expect(format!("ARP out on {}", out.name))
        .yes()
}
