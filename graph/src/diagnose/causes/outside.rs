//! What lies beyond this host.

use super::prelude::*;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "UPLINK_REJECTS_FOREIGN_MAC",
        layer: "L2 outside",
        proven_by: ProvenBy::Packets,
        at: &[At::Beyond],
        test: Test::Missing("its test is not written yet"),
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
        test: Test::Missing("its test is not written yet"),
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
