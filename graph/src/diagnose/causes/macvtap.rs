//! Guests on a macvtap or macvlan.

use super::prelude::*;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "MACVTAP_HOST_ISOLATION",
        layer: "L2 host",
        proven_by: ProvenBy::State,
        at: &[At::Egress, At::Sender],
        test: Test::Missing("its test is not written yet"),
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
        test: Test::Missing("its test is not written yet"),
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
