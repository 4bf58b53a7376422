//! What lies beyond this host.

use super::prelude::*;
use crate::MacAddr;
use crate::decode::Tunnel;
use crate::diagnose::endpoint::device_of_point;
use crate::host::DeviceKind;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "UPLINK_REJECTS_FOREIGN_MAC",
        layer: "L2 outside",
        proven_by: ProvenBy::Packets,
        at: &[At::Beyond],
        test: Test::Place(rejects_foreign_mac),
        drop_reasons: &[],
        meaning: "What is behind the uplink takes frames from the host's own address only.",
        wire: "guest frames leave on up0, nothing unicast to the guest MAC ever comes back; the host's own MAC works to the same target",
        state: "none on this host (Wi-Fi STA without 4addr, ESXi forged-transmits/promiscuous reject, Hyper-V MAC spoofing off, cloud anti-spoof): infer from the contrast host-ok/guest-fail on one uplink",
        alike: "UPLINK VLAN mismatch, upstream firewall",
        fix: "enable promiscuous/forged transmits on the outer vSwitch, or route+NAT instead of bridging",
        undo: "",
        source: "https://williamlam.com/tag/virtual-switch ; https://github.com/GNS3/gns3-vm/issues/177 ; https://unix.stackexchange.com/questions/554331",
    },
    Cause {
        code: "VXLAN_MISMATCH",
        layer: "L2 overlay",
        proven_by: ProvenBy::Packets,
        at: &[At::Egress],
        test: Test::Place(vxlan_mismatch),
        drop_reasons: &["VXLAN_VNI_NOT_FOUND"],
        meaning: "The two ends of the VXLAN use different identifiers or ports.",
        wire: "outer UDP 4789 seen out and arriving, inner frame never on the far bridge; ICMP port unreachable if dstport differs",
        state: "ip -d link vxlan id/dstport/remote vs VNI on the wire; kfree_skb VXLAN_VNI_NOT_FOUND at vxlan_rcv",
        alike: "underlay loss",
        fix: "same id and dstport on both ends",
        undo: "",
        source: "kernel vxlan docs",
    },
];

/// Frames of guests left by an uplink and nothing came back to any guest, while the host's own were answered there.
fn rejects_foreign_mac(scene: &Scene<'_>) -> Answer {
    let (Some(device), Some(guest)) = (scene.device(), scene.walk.from.mac) else { return Answer::Idle };
    if device.port.is_none() || scene.spot.probe.source_mac != Some(guest) {
        return Answer::Idle;
    }
    let tables = scene.case.tables;
    let comes_back = |mac: MacAddr| {
        tables.mac_flows.iter().any(|flow| {
            flow.destination == Some(mac)
                && device_of_point(tables, flow.point) == Some(device.id)
                && flow.counters.packets > 0
                && flow.source.is_some_and(|source| !scene.host().devices().any(|own| own.mac == Some(source)) && source != guest)
        })
    };
    let own = device.master.and_then(|master| scene.host().device(master)).and_then(|bridge| bridge.mac);
    let Some(own) = own.filter(|own| comes_back(*own) && !comes_back(guest)) else { return Answer::Idle };
    let name = &device.name;
    Hit::new(
        scene.name(device.id),
        Some(device.id),
        format!("what is behind {name} answers the host ({own}) and not the guest ({guest}): it takes no frames from other addresses"),
    )
    .frames(Rank::Packets, format!("out on {name} from {guest}, nothing back; {own} is answered"), scene.frames())
    .fix("allow forged transmits and promiscuous mode there, or route and masquerade instead of bridging")
    .expect(format!("the reply in on {name}"))
    .outside()
    .yes()
}

/// What goes into a VXLAN comes out under another identifier, or at a port that nobody listens on.
fn vxlan_mismatch(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device() else { return Answer::Idle };
    let DeviceKind::Vxlan(vni) = device.kind else { return Answer::Idle };
    let tunnels = scene.case.tables.tunnels.iter();
    let other = tunnels.filter_map(|row| match row.tunnel {
        Tunnel::Vxlan { vni: seen } if seen != vni => Some((seen, row.evidence.last)),
        _ => None,
    });
    let Some((seen, frame)) = other.into_iter().next() else { return Answer::Idle };
    Hit::new(scene.name(device.id), Some(device.id), format!("{} has the identifier {vni}, and the other side sends {seen}", device.name))
        .frames(Rank::Packets, format!("VXLAN packets carry {seen}"), vec![frame])
        .state(format!("{} has the identifier {vni}", device.name))
        .fix(format!("make both ends with id {vni} and the same dstport"))
        .expect("the packet at the far bridge")
        .outside()
        .yes()
}
