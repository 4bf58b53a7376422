//! Packets that are too large.

use super::prelude::*;
use crate::FrameNo;
use crate::fact::IcmpError;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "MTU_EXCEEDED",
        layer: "L3 host",
        proven_by: ProvenBy::Packets,
        at: &[At::Forward, At::Output],
        test: Test::Place(mtu_exceeded),
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
        test: Test::Place(mtu_blackhole),
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

/// The errors that tell the sender to send less: ICMP's fragmentation needed (RFC 1191), ICMPv6's packet too big (RFC 8201).
fn told(scene: &Scene<'_>) -> Vec<(u32, FrameNo)> {
    let is_it = |error: &IcmpError| matches!((error.is_v6, error.kind, error.code), (false, 3, 4) | (true, 2, _));
    scene.case.errors().filter(|(error, _)| is_it(error)).map(|(error, frame)| (error.mtu.unwrap_or(0), frame)).collect()
}

fn mtu_exceeded(scene: &Scene<'_>) -> Answer {
    let told = told(scene);
    let Some(out) = scene.out().filter(|out| !told.is_empty() && scene.spot.probe.octets > out.mtu) else { return Answer::Idle };
    let (name, ip) = (&out.name, tool(scene.host(), out.id.netns, "ip"));
    Hit::new(
        scene.name(out.id),
        Some(out.id),
        format!("the packet has {} octets, {name} takes {}, and it may not be fragmented", scene.spot.probe.octets, out.mtu),
    )
    .frames(
        Rank::IcmpError,
        format!("an ICMP error asks for {} octets at most", told[0].0),
        told.iter().map(|(_, frame)| *frame).take(4).collect(),
    )
    .state(format!("{name} has mtu {}", out.mtu))
    .fix(format!("ping -s {} (or {ip} link set {name} mtu {})", out.mtu.saturating_sub(28), scene.spot.probe.octets))
    .expect(format!("the packet out on {name}"))
    .yes()
}

fn mtu_blackhole(scene: &Scene<'_>) -> Answer {
    let Some(out) = scene.out().filter(|out| out.mtu > 0 && scene.spot.probe.octets > out.mtu && told(scene).is_empty()) else {
        return Answer::Idle;
    };
    if !scene.has_packets() {
        return Answer::Idle;
    }
    let (name, ip) = (&out.name, tool(scene.host(), out.id.netns, "ip"));
    Hit::new(
        scene.name(out.id),
        Some(out.id),
        format!(
            "the packet has {} octets, {name} takes {}, and the message that would tell its sender does not arrive",
            scene.spot.probe.octets, out.mtu
        ),
    )
    .state(format!("{name} has mtu {}, and no ICMP error was seen", out.mtu))
    .fix(format!("allow icmp destination-unreachable in the host's rules (or {ip} link set {name} mtu {})", scene.spot.probe.octets))
    .expect("an ICMP error that tells the MTU, then smaller packets")
    .yes()
}
