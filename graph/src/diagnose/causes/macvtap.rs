//! Guests on a macvtap or macvlan.

use super::prelude::*;
use crate::diagnose::endpoint::{Endpoint, Place};
use crate::host::{Device, DeviceId, DeviceKind};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "MACVTAP_HOST_ISOLATION",
        layer: "L2 host",
        proven_by: ProvenBy::State,
        at: &[At::Egress, At::Sender],
        test: Test::Place(host_isolation),
        drop_reasons: &[],
        meaning: "A macvtap reaches everything but the host on its own base device.",
        wire: "guest reaches everything except the host itself; frames to host MAC leave on the NIC and are not looped back",
        state: "guest NIC is macvtap/macvlan on the interface that holds the host IP",
        alike: "NFT_INPUT_DROP",
        fix: "put the host IP on a macvlan too, or use a bridge",
        undo: "",
        source: "https://github.com/cloud-hypervisor/cloud-hypervisor/issues/2215 ; https://github.com/IceWhaleTech/ZimaOS/issues/574",
    },
    Cause {
        code: "MACVTAP_MODE_ISOLATION",
        layer: "L2 host",
        proven_by: ProvenBy::State,
        at: &[At::Egress, At::Sender],
        test: Test::Place(mode_isolation),
        drop_reasons: &[],
        meaning: "The mode of the macvtaps keeps guests on one device from each other.",
        wire: "two guests on the same NIC cannot see each other, both reach outside",
        state: "ip -d link: macvtap/macvlan mode private or vepa",
        alike: "PORT_ISOLATED",
        fix: "ip link set macvtap0 type macvtap mode bridge",
        undo: "",
        source: "https://github.com/rsmontero/redmine_test/issues/64",
    },
];

/// The mode of a macvlan or macvtap.
fn mode(device: &Device) -> Option<&str> {
    match &device.kind {
        DeviceKind::Macvlan(mode) | DeviceKind::Macvtap(mode) => Some(mode.as_str()),
        _ => None,
    }
}

/// The macvtap that an end is behind, and its base.
fn macvtap<'s>(scene: &Scene<'s>, end: &Endpoint) -> Option<(&'s Device, DeviceId)> {
    let device = scene.host().device(end.device()?)?;
    mode(device)?;
    Some((device, device.lower?))
}

/// What a macvtap sends goes out by its base device, and never up to the host there.
fn host_isolation(scene: &Scene<'_>) -> Answer {
    let ends = [(&scene.walk.from, &scene.walk.to), (&scene.walk.to, &scene.walk.from)];
    let found = ends.into_iter().find_map(|(end, other)| {
        let (device, base) = macvtap(scene, end)?;
        matches!(other.place, Place::Local(_, local) if local == base).then_some((device, base))
    });
    let Some((device, base)) = found else { return Answer::Idle };
    let (name, base_name) = (&device.name, scene.name(base));
    Hit::new(
        scene.name(device.id),
        Some(device.id),
        format!("{name} is on {base_name}, which has the host's address: the two never see each other"),
    )
    .state(format!("{name} is a {} over {base_name}", device.kind.name()))
    .fix(format!("give the host a macvlan of its own over {base_name} and its address there, or use a bridge"))
    .expect("the packet at the host")
    .yes()
}

fn mode_isolation(scene: &Scene<'_>) -> Answer {
    let (Some((a, base)), Some((b, other))) = (macvtap(scene, &scene.walk.from), macvtap(scene, &scene.walk.to)) else {
        return Answer::Idle;
    };
    let isolating = [a, b].into_iter().find(|device| mode(device).is_some_and(|mode| matches!(mode, "private" | "vepa")));
    let Some(device) = isolating.filter(|_| base == other) else { return Answer::Idle };
    let (name, mode, ip) = (&device.name, mode(device).unwrap_or_default(), tool(scene.host(), device.id.netns, "ip"));
    Hit::new(
        scene.name(device.id),
        Some(device.id),
        format!("{name} has the mode {mode}: it does not talk to others on {}", scene.name(base)),
    )
    .state(format!("{name} has the mode {mode}"))
    .fix(format!("{ip} link set {name} type {} mode bridge", device.kind.name()))
    .undo(format!("{ip} link set {name} type {} mode {mode}", device.kind.name()))
    .expect("the packet at the other one")
    .yes()
}
