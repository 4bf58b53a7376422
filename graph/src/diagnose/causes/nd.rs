//! IPv6: Duplicate Address Detection (RFC 4862), scopes (RFC 4007).

use super::prelude::*;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "IPV6_DAD_FAILED",
        layer: "L3 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Sender],
        test: Test::Missing("its test is not written yet"),
        drop_reasons: &[],
        meaning: "Another station has the IPv6 address, so the guest does not use it.",
        wire: "NS from :: and an NA/NS for the same address; afterwards no traffic from it",
        state: "G: \"dadfailed tentative\"; host: own ip -6 addr",
        alike: "mcast netdev self-echo (old guests without RFC 7527 nonce)",
        fix: "ip -6 addr del/add ... nodad",
        undo: "",
        source: "https://github.com/TritonDataCenter/illumos-kvm-cmd/issues/11",
    },
    Cause {
        code: "IPV6_LINKLOCAL_NO_SCOPE",
        layer: "L3 guest",
        proven_by: ProvenBy::Guest,
        at: &[At::Sender],
        test: Test::Missing("its test is not written yet"),
        drop_reasons: &[],
        meaning: "A link-local address needs the interface that it is meant on.",
        wire: "nothing leaves, or leaves on the wrong interface",
        state: "fe80:: target without %iface",
        alike: "NOT_SENT",
        fix: "ping fe80::1%eth0",
        undo: "",
        source: "https://github.com/troglobit/mdnsd/pull/70",
    },
];
