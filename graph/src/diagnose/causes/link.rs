//! A device of the host that is down or has nothing behind it.

use super::prelude::*;
use crate::host::{Device, DeviceKind};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "IFACE_ADMIN_DOWN",
        layer: "L1 host",
        proven_by: ProvenBy::State,
        at: &[At::Ingress, At::Egress],
        test: Test::Place(admin_down),
        drop_reasons: &[],
        meaning: "A device on the way is switched off.",
        wire: "frames reach the bridge (seen in on tapA); nothing out on tapB; bridge port shows state disabled",
        state: "ip link: no UP flag on TAP/bridge/veth",
        alike: "TAP_NO_CARRIER has UP but no LOWER_UP",
        fix: "ip link set tapB up",
        undo: "ip link set tapB down",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "TAP_NO_CARRIER",
        layer: "L1 QEMU",
        proven_by: ProvenBy::State,
        at: &[At::Ingress, At::Egress, At::Reader],
        test: Test::Place(no_carrier),
        drop_reasons: &[],
        meaning: "No process has the TAP open, or the other side of the device is missing.",
        wire: "same as above; tapB tcpdump gives nothing; tapB tx_dropped rises when the host itself sends",
        state: "UP without LOWER_UP (NO-CARRIER); no /proc/*/fdinfo line \"iff:<TAB>tapB\"; bridge port state disabled",
        alike: "IFACE_ADMIN_DOWN; VM off is not a network fault: say \"no process has tapB open\"",
        fix: "start the VM (or fix -netdev tap,ifname=tapB)",
        undo: "",
        source: "https://github.com/systemd/systemd/issues/9408 ; https://github.com/systemd/systemd/issues/30217",
    },
    Cause {
        code: "ROUTE_LINKDOWN",
        layer: "L3 host",
        proven_by: ProvenBy::State,
        at: &[At::Neighbor],
        test: Test::Place(route_linkdown),
        drop_reasons: &["QDISC_DROP"],
        meaning: "The route leads to a device that has no carrier: nothing is behind it.",
        wire: "as above but no ARP is even transmitted (kfree_skb QDISC_DROP dev=brB)",
        state: "route \"linkdown\", brB NO-CARRIER (no running member)",
        alike: "NEXTHOP_NEIGH_FAILED",
        fix: "bring a member of brB up",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// A device that is switched off neither takes nor gives; of a pair it may be the other end.
fn admin_down(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device() else { return Answer::Idle };
    let peer = device.lower.filter(|_| device.kind == DeviceKind::Veth).and_then(|peer| scene.host().device(peer));
    let down = [Some(device), peer].into_iter().flatten().find(|device| !device.is_up);
    // A bridge's own row, and that of the BSDs' TAPs, say it better.
    let is_bsd = super::bsd::is_bsd(scene);
    let is_told = |down: &&Device| matches!(down.kind, DeviceKind::Bridge(_)) || is_bsd && matches!(down.kind, DeviceKind::Tun(_));
    let Some(down) = down.filter(|down| !is_told(down)) else { return Answer::Idle };
    let (name, ip) = (&down.name, tool(scene.host(), down.id.netns, "ip"));
    Hit::new(scene.name(down.id), Some(down.id), format!("{} is switched off", scene.name(down.id)))
        .state(format!("{name} has no UP flag"))
        .fix(format!("{ip} link set {name} up"))
        .undo(format!("{ip} link set {name} down"))
        .expect(format!("the packet at {name}"))
        .yes()
}

/// A device that is switched on with nobody at its other side.
fn no_carrier(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device().filter(|device| device.is_up && !device.has_carrier) else { return Answer::Idle };
    let name = &device.name;
    match &device.kind {
        DeviceKind::Tun(_) | DeviceKind::Macvtap(_) => {
            let hit = Hit::new(scene.name(device.id), Some(device.id), format!("no process has {name} open: no guest runs behind it"))
                .state(format!("{name} is UP without LOWER_UP, and no process reads it"))
                .fix(format!("start the guest that belongs to {name} (or mend its -netdev tap,ifname={name})"))
                .expect(format!("the packet out on {name}"));
            why_not_open(hit, device).yes()
        }
        // Only a TAP has a reader.
        _ if scene.spot.at == At::Reader => Answer::Idle,
        // A bridge without a running port is the route's matter; of a pair whose other end is down that end is named.
        DeviceKind::Bridge(_) | DeviceKind::Loopback | DeviceKind::Dummy => Answer::Idle,
        DeviceKind::Veth if device.lower.and_then(|peer| scene.host().device(peer)).is_some_and(|peer| !peer.is_up) => Answer::Idle,
        _ => Hit::new(scene.name(device.id), Some(device.id), format!("{name} has no carrier: its other side is off or missing"))
            .state(format!("{name} is UP without LOWER_UP"))
            .fix(format!("switch on the other side of {name}"))
            .expect(format!("the packet out on {name}"))
            .yes(),
    }
}

/// What may have kept a guest from opening its TAP. Its QEMU is gone and took its words with it, so these are never more than possible.
fn why_not_open(hit: Hit, device: &Device) -> Hit {
    let DeviceKind::Tun(mode) = &device.kind else { return hit };
    let mut hit = hit;
    if mode.is_multi_queue {
        let told = format!("the guest's log says “Invalid argument”: {} was made for several queues; start it with queues=N", device.name);
        hit = hit.maybe(&["TAP_QUEUE_MODE_MISMATCH"], told);
    }
    if let Some(owner) = mode.owner {
        let told =
            format!("the guest's log says “Operation not permitted”: {} belongs to user {owner}; start it as that user", device.name);
        hit = hit.maybe(&["TAP_PERMISSION_DENIED"], told);
    }
    hit
}

/// The kernel does not even ask by ARP there.
fn route_linkdown(scene: &Scene<'_>) -> Answer {
    let Some(out) = scene.out().filter(|out| out.is_up && !out.has_carrier) else { return Answer::Idle };
    if !matches!(out.kind, DeviceKind::Bridge(_)) {
        return Answer::Idle;
    }
    let ports: Vec<String> = scene.host().ports(out.id).filter(|port| !port.has_carrier).map(|port| port.name.to_string()).collect();
    let which = if ports.is_empty() { "it has no port".into() } else { format!("none of its ports runs: {}", ports.join(", ")) };
    let name = &out.name;
    Hit::new(scene.name(out.id), Some(out.id), format!("the route leads to {name}, which has no carrier: {which}"))
        .state(format!("{name} is NO-CARRIER, its routes are linkdown; {which}"))
        .fix(
            ports
                .first()
                .map_or_else(|| format!("give {name} a port that runs"), |port| format!("start what belongs to {port}, a port of {name}")),
        )
        .expect(format!("ARP out on {name}"))
        .yes()
}
