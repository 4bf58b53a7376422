//! Packets that are too large.

use super::prelude::*;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "MTU_EXCEEDED",
        layer: "L3 host",
        proven_by: ProvenBy::Packets,
        at: &[At::Forward, At::Output],
        test: Test::Missing("its test is not written yet"),
        drop_reasons: &["PKT_TOO_BIG"],
        meaning: "The packet is larger than the next link takes, and may not be fragmented.",
        wire: "DF packet > next MTU: ICMP 3/4 (mtu N) quoting it",
        state: "oif MTU; IpFragFails",
        alike: "L2_MTU_DROP (no ICMP)",
        fix: "ping -s smaller, or raise MTU",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "MTU_BLACKHOLE",
        layer: "L3",
        proven_by: ProvenBy::State,
        at: &[At::Forward],
        test: Test::Missing("its test is not written yet"),
        drop_reasons: &["PKT_TOO_BIG"],
        meaning: "The packet is too large for the next link, and a rule drops the message that would tell its sender.",
        wire: "big DF packets die at the router, no 3/4 reaches A",
        state: "kfree_skb PKT_TOO_BIG at ip_forward, IpFragFails and IcmpOutDestUnreachs rise, but a rule drops the ICMP",
        alike: "L2_MTU_DROP",
        fix: "allow icmp destination-unreachable",
        undo: "",
        source: "observed on Linux 6.18",
    },
];
