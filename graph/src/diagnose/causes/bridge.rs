//! Whether a bridge is on, and which devices are its ports.

use super::prelude::*;
use crate::host::{BackendKind, BridgePort, Device, DeviceId, DeviceKind};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "BRIDGE_DOWN",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn, At::BridgeUp, At::Egress],
        test: Test::Place(bridge_down),
        drop_reasons: &["BRIDGE_INGRESS_STP_STATE"],
        meaning: "The bridge is switched off: none of its ports lets anything pass.",
        wire: "seen in on tapA; nothing on any other port or br0",
        state: "br0 has no UP flag: every port state disabled; kfree_skb BRIDGE_INGRESS_STP_STATE at br_handle_frame",
        alike: "PORT_STATE_DISABLED (one port only)",
        fix: "ip link set br0 up",
        undo: "ip link set br0 down",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "QEMU_IFUP_WRONG_BRIDGE",
        layer: "L2 topology",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(ifup_wrong_bridge),
        drop_reasons: &[],
        meaning: "QEMU's own script put the TAP into whatever bridge it found, or into none.",
        wire: "as PORT_IN_WRONG_BRIDGE",
        state: "no script=no in cmdline: /etc/qemu-ifup ran (Debian version puts the TAP into whatever bridge holds the default route, else none: \"W: /etc/qemu-ifup: no bridge for guest interface found\")",
        alike: "PORT_NOT_IN_BRIDGE set by hand",
        fix: "ip link set tapB master br0; use script=no,downscript=no",
        undo: "",
        source: "https://github.com/GNS3/gns3-gui/issues/554 (/etc/qemu-ifup: could not launch network script)",
    },
    Cause {
        code: "PORT_NOT_IN_BRIDGE",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(not_in_bridge),
        drop_reasons: &[],
        meaning: "The device is not a port of the bridge that the other end is on.",
        wire: "ARP request in on tapA and (non-promisc) up on br0, not out on tapB; B quiet or talking to itself",
        state: "tapB has no IFLA_MASTER",
        alike: "PORT_ISOLATED, BCAST_FLOOD_OFF, STP: same wire picture. No drop event in any of them",
        fix: "ip link set tapB master br0",
        undo: "ip link set tapB nomaster",
        source: "https://hexie.dev/bridge-with-no-slave/",
    },
    Cause {
        code: "PORT_IN_WRONG_BRIDGE",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(in_wrong_bridge),
        drop_reasons: &[],
        meaning: "The two ends are on different bridges, and nothing joins them.",
        wire: "ARP seen on br0, not on br1; B's frames only on br1",
        state: "IFLA_MASTER(tapA) != IFLA_MASTER(tapB) and no veth/patch between them",
        alike: "WRONG_SUBNET with a router in between (then that is intended)",
        fix: "ip link set tapB master br0",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// The port of a bridge that a frame goes out by; a pair's end elsewhere stands for its end here.
pub(super) fn outgoing<'s>(scene: &Scene<'s>) -> Option<&'s Device> {
    let out = scene.out()?;
    let is_here = out.id.netns == scene.spot.netns;
    if is_here { Some(out) } else { out.lower.and_then(|peer| scene.host().device(peer)).or(Some(out)) }
}

/// The port that is asked about: where the frame comes in, or where it goes out.
pub(super) fn port<'s>(scene: &Scene<'s>) -> Option<(&'s Device, &'s BridgePort)> {
    let device = if scene.spot.at == At::BridgeIn { scene.device()? } else { outgoing(scene)? };
    Some((device, device.port.as_ref()?))
}

/// A port that would pass frames but for its state.
pub(super) fn running_port<'s>(scene: &Scene<'s>) -> Option<(&'s Device, &'s BridgePort)> {
    let is_bridge_up = scene.bridge().is_none_or(|(bridge, _)| bridge.is_up);
    port(scene).filter(|(device, _)| device.is_up && device.has_carrier && is_bridge_up)
}

pub(super) fn place(scene: &Scene<'_>, device: &Device) -> String {
    match device.master {
        Some(bridge) => format!("bridge {}, port {}", scene.name(bridge), device.name),
        None => scene.name(device.id),
    }
}

pub(super) fn seen_out(device: &Device) -> String {
    format!("the packet out on {}", device.name)
}

fn bridge_down(scene: &Scene<'_>) -> Answer {
    let bridge = match scene.spot.at {
        At::Egress => scene.device().filter(|device| matches!(device.kind, DeviceKind::Bridge(_))),
        _ => scene.bridge().map(|(bridge, _)| bridge),
    };
    let Some(bridge) = bridge.filter(|bridge| !bridge.is_up) else { return Answer::Idle };
    let ip = tool(scene.host(), bridge.id.netns, "ip");
    Hit::new(format!("bridge {}", scene.name(bridge.id)), Some(bridge.id), format!("the bridge {} is switched off", bridge.name))
        .state(format!("{} has no UP flag, so every port is disabled", bridge.name))
        .fix(format!("{ip} link set {} up", bridge.name))
        .undo(format!("{ip} link set {} down", bridge.name))
        .expect("the packet behind the bridge")
        .yes()
}

/// The device that should be a port of the bridge and is not: of the one who sends, or of the other end.
fn stray<'s>(scene: &Scene<'s>) -> Option<&'s Device> {
    match scene.spot.bridge {
        None => scene.device().filter(|device| device.port.is_none()),
        Some(_) => outgoing(scene).filter(|out| out.port.is_none() && !matches!(out.kind, DeviceKind::Bridge(_))),
    }
}

/// The bridge that the other side is on.
fn wanted_bridge(scene: &Scene<'_>) -> Option<DeviceId> {
    scene.spot.bridge.or_else(|| outgoing(scene).and_then(|out| out.master))
}

fn not_in_bridge(scene: &Scene<'_>) -> Answer {
    let Some(stray) = stray(scene).filter(|stray| !uses_script(scene, stray)) else { return Answer::Idle };
    let Some(bridge) = wanted_bridge(scene) else { return Answer::Idle };
    let (name, ip, bridge) = (&stray.name, tool(scene.host(), stray.id.netns, "ip"), scene.name(bridge));
    Hit::new(place(scene, stray), Some(stray.id), format!("{name} is not a port of {bridge}"))
        .state(format!("{name} has no master"))
        .fix(format!("{ip} link set {name} master {bridge}"))
        .undo(format!("{ip} link set {name} nomaster"))
        .expect(seen_out(stray))
        .yes()
}

fn wrong_bridge<'s>(scene: &Scene<'s>) -> Option<(&'s Device, DeviceId, DeviceId)> {
    let bridge = scene.spot.bridge?;
    let out = outgoing(scene).filter(|out| out.port.is_some())?;
    let other = out.master.filter(|master| *master != bridge)?;
    Some((out, bridge, other))
}

fn in_wrong_bridge(scene: &Scene<'_>) -> Answer {
    let Some((out, bridge, other)) = wrong_bridge(scene).filter(|(out, ..)| !uses_script(scene, out)) else { return Answer::Idle };
    let (name, ip) = (&out.name, tool(scene.host(), out.id.netns, "ip"));
    let (bridge, other) = (scene.name(bridge), scene.name(other));
    Hit::new(place(scene, out), Some(out.id), format!("{name} is a port of {other}, and the sender is on {bridge}; nothing joins the two"))
        .state(format!("{name} has the master {other}"))
        .fix(format!("{ip} link set {name} master {bridge}"))
        .undo(format!("{ip} link set {name} master {other}"))
        .expect(seen_out(out))
        .yes()
}

/// Without script=no QEMU runs /etc/qemu-ifup, which puts the TAP where it likes (qemu(1), -netdev tap).
fn uses_script(scene: &Scene<'_>, device: &Device) -> bool {
    let backend = scene.host().guest_behind(device.id).filter(|(guest, _)| !guest.is_libvirt).and_then(|(_, nic)| nic.backend.as_ref());
    backend.is_some_and(|backend| {
        let options = backend.options.as_str();
        backend.kind == BackendKind::Tap
            && !options.is_empty()
            && !["script=no", "fd=", "fds=", "helper=", "br="].iter().any(|word| options.contains(word))
    })
}

fn ifup_wrong_bridge(scene: &Scene<'_>) -> Answer {
    let device = stray(scene).or(wrong_bridge(scene).map(|(out, ..)| out)).filter(|device| uses_script(scene, device));
    let (Some(device), Some(bridge)) = (device, wanted_bridge(scene)) else { return Answer::Idle };
    let (name, ip, bridge) = (&device.name, tool(scene.host(), device.id.netns, "ip"), scene.name(bridge));
    let now = device.master.map_or_else(|| "no bridge".into(), |master| scene.name(master));
    Hit::new(place(scene, device), Some(device.id), format!("QEMU's own script left {name} in {now}, not in {bridge}"))
        .state(format!("{name} is in {now}, and its guest was started without script=no"))
        .fix(format!("{ip} link set {name} master {bridge}"))
        .expect(format!("{}; use script=no,downscript=no from then on", seen_out(device)))
        .yes()
}
