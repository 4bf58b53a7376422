//! Addresses that are rewritten, or should be.

use super::prelude::*;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "BRIDGED_TRAFFIC_NATED",
        layer: "L3 NAT",
        proven_by: ProvenBy::Packets,
        at: &[At::BridgeOut, At::Answer, At::Route],
        test: Test::Missing("its test is not written yet"),
        drop_reasons: &["IP_INADDRERRORS"],
        meaning: "Frames between two ports of a bridge get another source address, and the reply does not find back.",
        wire: "same id/seq: source A on tapA, source HOST on tapB; B answers the host; reply dies there (IP_INADDRERRORS) or loops back via the host",
        state: "bridge-nf=1 + masquerade rule without \"! -d same-net\"; conntrack -L shows the rewrite",
        alike: "IP_FORWARD_OFF alone",
        fix: "iptables -t nat -I POSTROUTING -s NET -d NET -j RETURN; bridge-nf-call-iptables=0",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "NAT_MISSING",
        layer: "L3 NAT",
        proven_by: ProvenBy::State,
        at: &[At::Beyond],
        test: Test::Missing("its test is not written yet"),
        drop_reasons: &[],
        meaning: "A private source address leaves to the outside, and nobody there can answer it.",
        wire: "request leaves up0 with a private source; nothing comes back",
        state: "no masquerade/snat for that source on oif up0",
        alike: "UPLINK_REJECTS..., upstream loss",
        fix: "iptables -t nat -A POSTROUTING -s NET -o up0 -j MASQUERADE",
        undo: "",
        source: "observed on Linux 6.18",
    },
];
