//! What differs on the BSDs.

use super::prelude::*;
use crate::host::DeviceKind;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "BSD_TAP_NOT_UP",
        layer: "L1 BSD",
        proven_by: ProvenBy::State,
        at: &[At::Egress],
        test: Test::Place(bsd_tap_not_up),
        drop_reasons: &[],
        meaning: "The TAP is open, and was not switched on.",
        wire: "NetBSD/FreeBSD host: nothing on tap0",
        state: "FreeBSD net.link.tap.up_on_open=0; ifconfig tap0 not UP after open; NetBSD: ifconfig tap0 create up, brconfig bridge0 add tap0 up",
        alike: "TAP_NO_CARRIER",
        fix: "sysctl net.link.tap.up_on_open=1; ifconfig tap0 up",
        undo: "ifconfig tap0 down",
        source: "http://uyota.k.asablo.jp/blog/2009/03/05/4153010 ; gist kbruner/524520af",
    },
    Cause {
        code: "BSD_BRIDGE_FLAGS",
        layer: "L2 BSD",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(bsd_bridge_flags),
        drop_reasons: &[],
        meaning: "The bridge's member neither learns nor gets what is flooded.",
        wire: "no learning/flooding towards a member",
        state: "brconfig/ifconfig member flags without LEARNING,DISCOVER; bridge \"down\"; NetBSD BRIDGE_IPF ipfilter on bridge; FreeBSD net.link.bridge.pfil_member/pfil_bridge; host address on a member: works on NetBSD/older FreeBSD (opposite of Linux), member_ifaddrs=0 forbids it",
        alike: "PORT_NOT_IN_BRIDGE",
        fix: "brconfig bridge0 discover tap0 learn tap0 up",
        undo: "",
        source: "https://man.NetBSD.org/brconfig.8 ; https://reviews.freebsd.org/D49995",
    },
];

/// A BSD's host has no network namespaces, and is known as the one without a number.
pub(super) fn is_bsd(scene: &Scene<'_>) -> bool {
    scene.spot.netns.0 == 0 && scene.host().namespaces().next().is_none()
}

/// Its TAP is read and was never switched on (tap(4), net.link.tap.up_on_open).
fn bsd_tap_not_up(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device().filter(|device| is_bsd(scene) && matches!(device.kind, DeviceKind::Tun(_)) && !device.is_up) else {
        return Answer::Idle;
    };
    Hit::new(&device.name, Some(device.id), format!("{} is open, and was not switched on", device.name))
        .state(format!("{} has no UP flag", device.name))
        .fix(format!("ifconfig {} up (FreeBSD: sysctl net.link.tap.up_on_open=1)", device.name))
        .undo(format!("ifconfig {} down", device.name))
        .expect(format!("the packet out on {}", device.name))
        .yes()
}

/// A member without DISCOVER gets nothing that is sent to all, or to somebody who is not known (brconfig(8), bridge(4)).
fn bsd_bridge_flags(scene: &Scene<'_>) -> Answer {
    let Some((out, port)) = scene.out().filter(|_| is_bsd(scene)).and_then(|out| Some((out, out.port.as_ref()?))) else {
        return Answer::Idle;
    };
    let mac = scene.spot.probe.destination_mac.filter(|mac| !mac.is_group());
    let is_learned = mac.is_some_and(|mac| scene.host().fdb().any(|entry| entry.mac == mac && entry.bridge == scene.spot.bridge));
    let is_bridge_up = scene.bridge().is_none_or(|(bridge, _)| bridge.is_up);
    if is_bridge_up && (port.flood || is_learned) {
        return Answer::Idle;
    }
    let bridge = scene.spot.bridge.map_or_else(|| "BRIDGE".into(), |bridge| scene.name(bridge));
    let (name, flags) = (&out.name, if port.learning { "LEARNING" } else { "no LEARNING" });
    let state = if is_bridge_up { format!("{name} has the flags {flags}, no DISCOVER") } else { format!("{bridge} is down") };
    Hit::new(
        format!("bridge {bridge}, member {name}"),
        Some(out.id),
        format!("{bridge} sends {name} nothing that it has not learned to be there"),
    )
    .state(state)
    .fix(format!("brconfig {bridge} discover {name} learn {name} up (FreeBSD: ifconfig {bridge} discover {name} learn {name} up)"))
    .undo(format!("brconfig {bridge} -discover {name}"))
    .expect(format!("the packet out on {name}"))
    .yes()
}
