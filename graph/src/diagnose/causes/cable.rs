//! Guests that are joined without a device of the host (qemu(1), `-netdev socket`, `stream`, `dgram`).

use super::prelude::*;
use crate::diagnose::endpoint::{Endpoint, Place};
use crate::diagnose::routing::{self, Way};
use crate::host::{Cable, CableKind, CableState};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "SOCKET_NETDEV_NOT_CONNECTED",
        layer: "L1 backend",
        proven_by: ProvenBy::Qemu,
        at: &[At::Backend],
        test: Test::Place(not_connected),
        drop_reasons: &[],
        meaning: "The guest's socket has no peer.",
        wire: "no interface on the host carries the frames; guest ARPs unanswered",
        state: "info network: \"s0: type=socket,\" with empty detail (listen, no peer); ss -tl: LISTEN and no ESTAB; connect side: no socket; stream netdev: \"connection error\"",
        alike: "TARGET_ABSENT",
        fix: "start the peer; connect=HOST:PORT must match listen=",
        undo: "",
        source: "QEMU docs; https://github.com/vrnetlab/vrnetlab/issues/186 (IPv4-only listen)",
    },
    Cause {
        code: "SOCKET_ONE_CLIENT_ONLY",
        layer: "L1 backend",
        proven_by: ProvenBy::Qemu,
        at: &[At::Backend],
        test: Test::Place(one_client),
        drop_reasons: &[],
        meaning: "The listener has a peer already, and a socket netdev takes only one.",
        wire: "A<->B fine, C silent although its TCP is ESTAB",
        state: "ss -tan: LISTEN Recv-Q=1; server side ESTAB socket with no owning process and Recv-Q growing",
        alike: "SOCKET_NETDEV_NOT_CONNECTED",
        fix: "-netdev socket,listen is point to point: use mcast=, stream via a switch, or a bridge",
        undo: "",
        source: "observed (real QEMU 7.2)",
    },
    Cause {
        code: "SOCKET_MCAST_MISMATCH",
        layer: "L1 backend",
        proven_by: ProvenBy::Qemu,
        at: &[At::Backend],
        test: Test::Place(mcast_mismatch),
        drop_reasons: &[],
        meaning: "The guests use different multicast groups or ports.",
        wire: "A hears only its own frames back (each frame twice on A), never B",
        state: "ss -uan: different group or port (230.0.0.1:7002 vs 230.0.0.2:7002 / :7003); ip maddr",
        alike: "SOCKET_MCAST_NO_ROUTE",
        fix: "same mcast=GROUP:PORT on all",
        undo: "",
        source: "QEMU docs",
    },
    Cause {
        code: "SOCKET_MCAST_NO_ROUTE",
        layer: "L1 backend",
        proven_by: ProvenBy::Qemu,
        at: &[At::Backend],
        test: Test::Place(mcast_no_route),
        drop_reasons: &[],
        meaning: "QEMU could not join the multicast group and did not start.",
        wire: "none: QEMU exits",
        state: "stderr \"can't add socket to multicast group 230.0.0.1: No such device\": no multicast-capable/routed interface and no localaddr=",
        alike: "SOCKET_MCAST_MISMATCH",
        fix: "add localaddr=127.0.0.1 (or ip route add 224.0.0.0/4 dev br0)",
        undo: "",
        source: "https://github.com/cockpit-project/bots/pull/3717",
    },
    Cause {
        code: "DGRAM_PEER_MISMATCH",
        layer: "L1 backend",
        proven_by: ProvenBy::Qemu,
        at: &[At::Backend],
        test: Test::Place(dgram_mismatch),
        drop_reasons: &["NO_SOCKET"],
        meaning: "The datagram sockets do not point at each other.",
        wire: "on lo: UDP A->port nobody owns, followed by ICMP port unreachable; UdpNoPorts rises; kfree_skb NO_SOCKET at __udp4_lib_rcv",
        state: "ss -uan local ports vs the other side remote.port; info network \"udp=127.0.0.1:7011/127.0.0.1:7012\"",
        alike: "SOCKET_NETDEV_NOT_CONNECTED",
        fix: "make local/remote port pairs mirror each other",
        undo: "",
        source: "QEMU docs",
    },
];

/// The cable that an end is plugged into.
fn cable<'s>(scene: &Scene<'s>, end: &Endpoint) -> Option<&'s Cable> {
    let Place::Backend(pid, number) = end.place else { return None };
    scene.host().cables().find(|cable| cable.ends.iter().any(|plug| plug.pid == Some(pid) && plug.nic == Some(number)))
}

/// The cables of the two ends; one end may have none.
fn both<'s>(scene: &Scene<'s>) -> [Option<&'s Cable>; 2] {
    [cable(scene, &scene.walk.from), cable(scene, &scene.walk.to)]
}

fn hit(cable: &Cable, summary: String) -> Hit {
    Hit::new(format!("cable {}", cable.key), None, summary).object(&cable.key).state(format!(
        "{} {}: {}",
        cable.kind.name(),
        cable.key,
        cable.state
    ))
}

fn not_connected(scene: &Scene<'_>) -> Answer {
    let is_broken = |cable: &&Cable| matches!(cable.state, CableState::Listening | CableState::Disconnected);
    let Some(cable) = both(scene).into_iter().flatten().find(is_broken) else { return Answer::Idle };
    // Datagram sockets that miss each other are another matter.
    if matches!(cable.kind, CableKind::Udp | CableKind::UnixDatagram) {
        return Answer::Idle;
    }
    let what = if cable.state == CableState::Listening { "nobody is connected" } else { "its connection was refused or lost" };
    hit(cable, format!("the cable {} leads nowhere: {what}", cable.key))
        .fix("start the other guest; its connect= must be the listener's address and port")
        .expect("the cable connected")
        .yes()
}

fn one_client(scene: &Scene<'_>) -> Answer {
    let Some(cable) = both(scene).into_iter().flatten().find(|cable| cable.state == CableState::NotAccepted) else { return Answer::Idle };
    hit(cable, format!("the listener of {} has a peer already: a socket netdev takes only one", cable.key))
        .fix("use -netdev socket,mcast=, stream to a switch, or a bridge, for more than two guests")
        .expect("all guests on one link")
        .yes()
}

fn mcast_mismatch(scene: &Scene<'_>) -> Answer {
    let [Some(a), Some(b)] = both(scene) else { return Answer::Idle };
    let are_groups = a.kind == CableKind::Multicast && b.kind == CableKind::Multicast;
    if !are_groups || a.key == b.key {
        return Answer::Idle;
    }
    hit(a, format!("one guest is in {}, the other in {}", a.key, b.key))
        .state(format!("{}: {}", b.key, b.state))
        .fix("start both with the same mcast=GROUP:PORT")
        .expect("both in one group")
        .yes()
}

fn dgram_mismatch(scene: &Scene<'_>) -> Answer {
    let cables = both(scene);
    let is_udp = |cable: &&Cable| matches!(cable.kind, CableKind::Udp | CableKind::UnixDatagram);
    let Some(cable) = cables.into_iter().flatten().find(is_udp) else { return Answer::Idle };
    let are_two = matches!(cables, [Some(a), Some(b)] if a.key != b.key);
    if !are_two && matches!(cable.state, CableState::Connected | CableState::Unknown) {
        return Answer::Idle;
    }
    let ends: Vec<String> = cable.ends.iter().filter_map(|end| Some(format!("{} to {}", end.local?, end.remote?))).collect();
    hit(cable, format!("the datagram sockets do not point at each other: {}", ends.join(", ")))
        .fix("make local and remote of the two guests mirror each other")
        .expect("datagrams both ways")
        .yes()
}

/// One guest is alone in a group that the host has no route to: the other one, which is not there, ended when it tried to join without
/// `localaddr=` (`IP_ADD_MEMBERSHIP` with no interface needs a route, net/ipv4/igmp.c). Its words are gone with it.
fn mcast_no_route(scene: &Scene<'_>) -> Answer {
    let (found, is_other_missing) = match both(scene) {
        [Some(cable), None] => (cable, scene.walk.to.place == Place::Nowhere),
        [None, Some(cable)] => (cable, scene.walk.from.place == Place::Nowhere),
        _ => return Answer::Idle,
    };
    let group = found.ends.iter().flat_map(|end| [end.local, end.remote]).flatten().find(|to| to.ip().is_multicast());
    let (CableKind::Multicast, true, Some(group)) = (&found.kind, is_other_missing && found.ends.len() < 2, group) else {
        return Answer::Idle;
    };
    let netns = scene.host().namespaces().find(|row| row.is_own).map_or(scene.spot.netns, |row| row.id);
    if !matches!(routing::look_up(scene.host(), netns, None, group.ip(), None), Way::Nowhere) {
        return Answer::Idle;
    }
    Hit::new(
        format!("cable {}", found.key),
        None,
        format!(
            "one guest is alone in {}, and the host has no route to {}: another one that names no localaddr= ends when it joins",
            found.key,
            group.ip()
        ),
    )
    .object(&found.key)
    .proof(Rank::Oracle, format!("no route of the host covers {}", group.ip()))
    .fix(format!("start the other guest with mcast={group},localaddr=127.0.0.1"))
    .expect("both guests in the group")
    .guess()
    .yes()
}
