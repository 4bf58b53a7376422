//! What lies beyond this host.

use super::prelude::*;
use crate::decode::Tunnel;
use crate::diagnose::endpoint::device_of_point;
use crate::host::{Device, DeviceKind};
use crate::tables::TunnelRow;
use crate::{Direction, MacAddr};

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
        at: &[At::Egress, At::Beyond, At::Receiver],
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

/// Frames of a guest left by an uplink and nothing came back to it, while the very same station answered the host there.
fn rejects_foreign_mac(scene: &Scene<'_>) -> Answer {
    let (Some(device), Some(guest)) = (scene.device(), scene.walk.from.mac) else { return Answer::Idle };
    if device.port.is_none() || scene.spot.probe.source_mac != Some(guest) || scene.walk.from.device() == Some(device.id) {
        return Answer::Idle;
    }
    let tables = scene.case.tables;
    // What comes back to one's address from the station, or, where that is not known, from anybody who is not of this host.
    let comes_back = |mac: MacAddr| {
        tables.mac_flows.iter().any(|flow| {
            let is_foreign = |source| source != guest && !scene.host().devices().any(|own| own.mac == Some(source));
            flow.destination == Some(mac)
                && flow.counters.packets > 0
                && device_of_point(tables, flow.point) == Some(device.id)
                && flow.source.is_some_and(|source| scene.walk.to.mac.map_or_else(|| is_foreign(source), |target| source == target))
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
    .guess()
    .yes()
}

/// A VXLAN that the packet went into: the way's own, or one that it was flooded into.
fn vxlan<'s>(scene: &Scene<'s>) -> Option<(&'s Device, u32)> {
    let host = scene.host();
    let vni = |device: &'s Device| if let DeviceKind::Vxlan(vni) = device.kind { Some((device, vni)) } else { None };
    if scene.spot.at == At::Egress {
        return scene.device().and_then(vni);
    }
    if scene.walk.to.device().is_some() && !scene.walk.to.is_supposed {
        return None;
    }
    let bridge = scene.walk.from.device().and_then(|device| host.device(device))?;
    let bridge = if matches!(bridge.kind, DeviceKind::Bridge(_)) { bridge.id } else { bridge.master? };
    host.ports(bridge).filter(|port| scene.walk.seen.at(port.id, Direction::Outbound).is_some()).find_map(vni)
}

/// What goes into a VXLAN comes out under another identifier, or at a port that nobody listens on.
fn vxlan_mismatch(scene: &Scene<'_>) -> Answer {
    let Some((device, vni)) = vxlan(scene) else { return Answer::Idle };
    let tables = scene.case.tables;
    let carrying = |row: &TunnelRow| if let Tunnel::Vxlan { vni } = row.tunnel { Some(vni) } else { None };
    let is_ours = |seen: u32| scene.host().devices().any(|row| matches!(row.kind, DeviceKind::Vxlan(own) if own == seen));
    let sent: Vec<_> = tables.tunnels.iter().filter(|row| carrying(row) == Some(vni)).collect();
    let hit = |summary: String| {
        Hit::new(scene.name(device.id), Some(device.id), summary)
            .state(format!("{} has the identifier {vni}", device.name))
            .fix(format!("make both ends with id {vni} and the same dstport"))
            .expect("the packet at the far bridge")
            .outside()
    };
    // The other end of the tunnel sends under an identifier that nobody has here.
    let back = tables.tunnels.iter().find_map(|row| {
        let seen = carrying(row).filter(|seen| *seen != vni && !is_ours(*seen))?;
        sent.iter().any(|own| own.outer == (row.outer.1, row.outer.0)).then_some((seen, row.evidence.last))
    });
    if let Some((seen, frame)) = back {
        return hit(format!("{} has the identifier {vni}, and the other end sends {seen}", device.name))
            .frames(Rank::Packets, format!("VXLAN packets of the other end carry {seen}"), vec![frame])
            .yes();
    }
    let refused = tables.icmp_errors.iter().find(|row| {
        let is_unreachable = matches!((row.error.is_v6, row.error.kind, row.error.code), (false, 3, 3) | (true, 1, 4));
        is_unreachable
            && row.error.quoted.is_some_and(|quoted| {
                // Where the tunnel's own packets were not listened to, the usual ports tell (IANA's, and Linux's own).
                let is_tunnels = sent.iter().any(|own| own.outer == (quoted.source, quoted.destination));
                let is_vxlan = quoted.ports.is_some_and(|(_, port)| matches!(port, 4789 | 8472));
                let is_own = scene.host().addresses().any(|own| own.ip == quoted.source && own.device.netns == device.id.netns);
                quoted.protocol == 17 && (is_tunnels || is_vxlan && is_own)
            })
    });
    let Some(refused) = refused else { return Answer::Idle };
    let (other, port) = (refused.error.reporter, refused.error.quoted.and_then(|quoted| quoted.ports).map_or(4789, |(_, port)| port));
    hit(format!("{other} has nobody at UDP port {port}, where {} sends to: its dstport is another one, or it has no VXLAN", device.name))
        .frames(Rank::IcmpError, format!("port unreachable of {other} quotes a packet of the tunnel"), vec![refused.evidence.last])
        .yes()
}
