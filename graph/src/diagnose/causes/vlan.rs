//! VLANs on a bridge that filters them (net/bridge/br_vlan.c).

use super::prelude::*;
use crate::Direction;
use crate::diagnose::endpoint::device_of_point;
use crate::host::{BridgePort, Device, PortVlan};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "VLAN_NO_PVID",
        layer: "L2 VLAN",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn],
        test: Test::Place(no_pvid),
        drop_reasons: &["VLAN_FILTER"],
        meaning: "The port has no VLAN for frames that come in untagged.",
        wire: "untagged frames in on tapA go nowhere, no FDB entry learned",
        state: "bridge vlan: port has VIDs but none is PVID (or vlan_default_pvid 0)",
        alike: "PORT_LOCKED",
        fix: "bridge vlan add dev tapA vid 1 pvid untagged",
        undo: "bridge vlan del dev tapA vid 1",
        source: "https://github.com/kernelkit/infix/pull/200",
    },
    Cause {
        code: "VLAN_INGRESS_FILTERED",
        layer: "L2 VLAN",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn],
        test: Test::Place(ingress_filtered),
        drop_reasons: &["VLAN_FILTER"],
        meaning: "The port is not a member of the VLAN that the guest tags its frames with.",
        wire: "802.1Q frames (vlan 30) in on tapA, nowhere else",
        state: "VID 30 not in tapA's list",
        alike: "VLAN_EGRESS_FILTERED (FDB entry exists)",
        fix: "bridge vlan add dev tapA vid 30",
        undo: "bridge vlan del dev tapA vid 30",
        source: "https://github.com/TAPPaaS/TAPPaaS/issues/62",
    },
    Cause {
        code: "VLAN_PVID_MISMATCH",
        layer: "L2 VLAN",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(pvid_mismatch),
        drop_reasons: &[],
        meaning: "The two ports put untagged frames into different VLANs.",
        wire: "ARP in on tapA, not out on tapB; both untagged",
        state: "bridge vlan: PVID differs (10/20); FDB lists A in vlan 10, B in vlan 20; bridge -s vlan: vid10 RX n, TX 0",
        alike: "PORT_ISOLATED",
        fix: "bridge vlan add dev tapB vid 10 pvid untagged",
        undo: "",
        source: "https://github.com/TAPPaaS/TAPPaaS/issues/65",
    },
    Cause {
        code: "VLAN_EGRESS_FILTERED",
        layer: "L2 VLAN",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(egress_filtered),
        drop_reasons: &[],
        meaning: "The port that the frame should leave by is not a member of its VLAN.",
        wire: "tagged in on tapA and learned (fdb vlan 30), not out on tapB",
        state: "VID 30 on tapA but not on tapB/up0 (bridge -s vlan: RX n, TX 0)",
        alike: "VLAN_INGRESS_FILTERED",
        fix: "bridge vlan add dev tapB vid 30",
        undo: "bridge vlan del dev tapB vid 30",
        source: "https://github.com/TAPPaaS/TAPPaaS/issues/65 (bridge-vids missing)",
    },
    Cause {
        code: "VLAN_EGRESS_TAGGED",
        layer: "L2 VLAN",
        proven_by: ProvenBy::Packets,
        at: &[At::BridgeOut, At::Receiver],
        test: Test::Place(egress_tagged),
        drop_reasons: &[],
        meaning: "Frames leave with a tag that the guest does not expect.",
        wire: "untagged in on tapA, TAGGED out on tapB; B ignores it",
        state: "tapB VID without \"Egress Untagged\"",
        alike: "VLAN_UNAWARE_TAGGED_GUEST",
        fix: "bridge vlan add dev tapB vid 1 pvid untagged",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "VLAN_UNAWARE_TAGGED_GUEST",
        layer: "L2 VLAN",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver],
        test: Test::Place(tagged_guest),
        drop_reasons: &[],
        meaning: "One guest sends tagged frames, and the other has no such VLAN.",
        wire: "tagged in on tapA and tagged out on tapB; B has no such VLAN interface",
        state: "vlan_filtering 0; A sends tags, B's own frames are untagged",
        alike: "VLAN_EGRESS_TAGGED",
        fix: "remove the VLAN interface in A or add it in B",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "VLAN_BRIDGE_SELF_MISSING",
        layer: "L2 VLAN",
        proven_by: ProvenBy::State,
        at: &[At::BridgeUp],
        test: Test::Place(self_missing),
        drop_reasons: &[],
        meaning: "The bridge's own device is not a member of the guests' VLAN: guests do not reach the host.",
        wire: "guest-guest works, guest-host does not; ARP for host IP unanswered",
        state: "bridge vlan show dev br0: VID of the guests missing on \"self\"",
        alike: "NFT_INPUT_DROP, MACVTAP_HOST_ISOLATION",
        fix: "bridge vlan add dev br0 vid 10 self (pvid untagged)",
        undo: "bridge vlan del dev br0 vid 10 self",
        source: "https://github.com/openwrt/openwrt/issues/14195",
    },
];

/// A port of a bridge that filters VLANs.
fn filtered<'s>(scene: &Scene<'s>, device: Option<&'s Device>) -> Option<(&'s Device, &'s BridgePort)> {
    scene.bridge().filter(|(_, bridge)| bridge.vlan_filtering)?;
    let device = device?;
    Some((device, device.port.as_ref()?))
}

/// The VLAN that a frame belongs to on the bridge.
fn vid(scene: &Scene<'_>) -> Option<u16> {
    let (_, port) = filtered(scene, scene.device())?;
    scene.spot.probe.vlan.or_else(|| port.pvid())
}

fn is_member(vlans: &[PortVlan], vid: u16) -> bool {
    vlans.iter().any(|vlan| vlan.vid == vid)
}

fn place(scene: &Scene<'_>, device: &Device) -> String {
    match device.master {
        Some(bridge) => format!("bridge {}, port {}", scene.name(bridge), device.name),
        None => scene.name(device.id),
    }
}

fn list(vlans: &[PortVlan]) -> String {
    let all: Vec<String> = vlans.iter().map(|vlan| vlan.vid.to_string()).collect();
    if all.is_empty() { "none".into() } else { all.join(", ") }
}

fn add(scene: &Scene<'_>, device: &Device, vid: u16, flags: &str) -> (String, String) {
    let bridge = tool(scene.host(), device.id.netns, "bridge");
    (format!("{bridge} vlan add dev {} vid {vid}{flags}", device.name), format!("{bridge} vlan del dev {} vid {vid}", device.name))
}

fn no_pvid(scene: &Scene<'_>) -> Answer {
    let Some((device, port)) = filtered(scene, scene.device()) else { return Answer::Idle };
    if scene.spot.probe.vlan.is_some() || port.pvid().is_some() {
        return Answer::Idle;
    }
    let (fix, undo) = add(scene, device, 1, " pvid untagged");
    Hit::new(place(scene, device), Some(device.id), format!("{} has no VLAN for untagged frames", device.name))
        .state(format!("VLANs of {}: {}; none is the PVID", device.name, list(&port.vlans)))
        .fix(fix)
        .undo(undo)
        .expect("the packet behind the bridge")
        .yes()
}

fn ingress_filtered(scene: &Scene<'_>) -> Answer {
    let (Some((device, port)), Some(vid)) = (filtered(scene, scene.device()), scene.spot.probe.vlan) else { return Answer::Idle };
    if is_member(&port.vlans, vid) {
        return Answer::No(format!("{} is a member of VLAN {vid}", device.name));
    }
    let (fix, undo) = add(scene, device, vid, "");
    Hit::new(
        place(scene, device),
        Some(device.id),
        format!("frames come in with the tag {vid}, and {} is no member of that VLAN", device.name),
    )
    .state(format!("VLANs of {}: {}", device.name, list(&port.vlans)))
    .fix(fix)
    .undo(undo)
    .expect("the packet behind the bridge")
    .yes()
}

/// The port that a frame should leave by and is no member of its VLAN.
fn missing_out<'s>(scene: &Scene<'s>) -> Option<(&'s Device, &'s BridgePort, u16)> {
    let vid = vid(scene)?;
    let (out, port) = filtered(scene, scene.out())?;
    (!is_member(&port.vlans, vid)).then_some((out, port, vid))
}

fn pvid_mismatch(scene: &Scene<'_>) -> Answer {
    let Some((out, port, vid)) = missing_out(scene).filter(|_| scene.spot.probe.vlan.is_none()) else { return Answer::Idle };
    let (Some(other), Some(device)) = (port.pvid(), scene.device()) else { return Answer::Idle };
    let (fix, undo) = add(scene, out, vid, " pvid untagged");
    Hit::new(place(scene, out), Some(out.id), format!("{} is in VLAN {vid}, and {} in VLAN {other}", device.name, out.name))
        .state(format!("PVID of {}: {vid}, of {}: {other}", device.name, out.name))
        .fix(fix)
        .undo(undo)
        .expect(format!("the packet out on {}", out.name))
        .yes()
}

fn egress_filtered(scene: &Scene<'_>) -> Answer {
    let Some((out, port, vid)) = missing_out(scene) else { return Answer::Idle };
    if scene.spot.probe.vlan.is_none() && port.pvid().is_some() {
        return Answer::Idle;
    }
    let (fix, undo) = add(scene, out, vid, "");
    Hit::new(place(scene, out), Some(out.id), format!("the packet is in VLAN {vid}, and {} is no member of it", out.name))
        .state(format!("VLANs of {}: {}", out.name, list(&port.vlans)))
        .fix(fix)
        .undo(undo)
        .expect(format!("the packet out on {}", out.name))
        .yes()
}

/// It came out, with a tag that it did not come in with.
fn egress_tagged(scene: &Scene<'_>) -> Answer {
    let device = scene.walk.to.device().and_then(|device| scene.host().device(device));
    let Some(device) = device.filter(|_| scene.spot.at == At::Receiver) else { return Answer::Idle };
    let (Some(port), None) = (&device.port, scene.spot.probe.vlan) else { return Answer::Idle };
    let tagged = scene.walk.packets.iter().flat_map(|packet| &packet.sightings).find(|seen| {
        seen.vlan.is_some() && seen.direction == Direction::Outbound && device_of_point(scene.case.tables, seen.point) == Some(device.id)
    });
    let Some((vid, frame)) = tagged.and_then(|seen| Some((seen.vlan?, seen.frame))) else { return Answer::Idle };
    let (fix, undo) = add(scene, device, vid, " pvid untagged");
    Hit::new(
        place(scene, device),
        Some(device.id),
        format!("frames leave {} with the tag {vid}, which the guest does not expect", device.name),
    )
    .frames(Rank::Packets, format!("in untagged, out with VLAN {vid}"), vec![frame])
    .state(format!("VLANs of {}: {}; {vid} is not untagged there", device.name, list(&port.vlans)))
    .fix(fix)
    .undo(undo)
    .expect(format!("the packet out on {} untagged", device.name))
    .yes()
}

fn tagged_guest(scene: &Scene<'_>) -> Answer {
    let Some(vid) = scene.spot.probe.vlan.filter(|_| scene.has_packets() && scene.walk.is_delivered()) else { return Answer::Idle };
    let to_device = scene.walk.to.device();
    let own_tags = scene.case.tables.stations.iter().any(|row| {
        row.vlan == Some(vid)
            && row.inbound > 0
            && device_of_point(scene.case.tables, row.point) == to_device
            && scene.walk.to.mac == Some(row.mac)
    });
    if own_tags {
        return Answer::Idle;
    }
    let from = scene.walk.from.title(scene.host());
    Hit::new(&from, scene.spot.device, format!("{from} sends in VLAN {vid}, and {} has no such VLAN", scene.walk.to.title(scene.host())))
        .frames(Rank::Packets, format!("tagged {vid} in and out, and the receiver never sent a frame with that tag"), scene.frames())
        .fix(format!("in the receiver: ip link add link eth0 name eth0.{vid} type vlan id {vid}; or take the VLAN away in the sender"))
        .expect("an answer with the same tag")
        .in_guest()
        .yes()
}

fn self_missing(scene: &Scene<'_>) -> Answer {
    let (Some((device, bridge)), Some(vid)) = (scene.bridge(), vid(scene)) else { return Answer::Idle };
    if is_member(&bridge.vlans, vid) {
        return Answer::No(format!("{} is a member of VLAN {vid}", device.name));
    }
    let tool = tool(scene.host(), device.id.netns, "bridge");
    Hit::new(
        format!("bridge {}", scene.name(device.id)),
        Some(device.id),
        format!("the packet is in VLAN {vid}, and the bridge's own device {} is no member of it", device.name),
    )
    .state(format!("VLANs of {} itself: {}", device.name, list(&bridge.vlans)))
    .fix(format!("{tool} vlan add dev {} vid {vid} self pvid untagged", device.name))
    .undo(format!("{tool} vlan del dev {} vid {vid} self", device.name))
    .expect(format!("the packet in on {}", device.name))
    .yes()
}
