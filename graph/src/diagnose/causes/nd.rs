//! IPv6: Duplicate Address Detection (RFC 4862), scopes (RFC 4007).

use super::prelude::*;
use std::net::IpAddr;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "IPV6_DAD_FAILED",
        layer: "L3 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Sender],
        test: Test::Place(dad_failed),
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
        test: Test::Place(no_scope),
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

/// A question for one's own address from nobody is Duplicate Address Detection; whoever answers has the address already.
fn dad_failed(scene: &Scene<'_>) -> Answer {
    let ends = [(&scene.walk.from, scene.walk.from.ip), (&scene.walk.to, scene.walk.to.ip)];
    for (end, ip) in ends {
        let Some(IpAddr::V6(ip)) = ip else { continue };
        let own = scene.host().addresses().find(|row| row.ip == IpAddr::V6(ip) && row.is_duplicate);
        let probe = scene.case.tables.resolutions.iter().find(|row| row.is_probe() && row.target == IpAddr::V6(ip));
        let answered =
            probe.and_then(|row| row.answers.iter().find(|(mac, _)| *mac != row.asker_mac).map(|(mac, seen)| (row, *mac, seen.last)));
        let is_receiver = scene.spot.at == At::Receiver && Some(IpAddr::V6(ip)) == scene.walk.to.ip;
        let is_sender = scene.spot.at == At::Sender && Some(IpAddr::V6(ip)) == scene.walk.from.ip && !scene.has_packets();
        if !(is_receiver || is_sender) || own.is_none() && answered.is_none() {
            continue;
        }
        let place = end.title(scene.host());
        let mut hit = Hit::new(&place, scene.spot.device, format!("{ip} is in use by another station, so {place} does not use it"))
            .fix(format!("in the guest: ip -6 address del {ip}/64 dev eth0, and another address instead"))
            .expect("the station's own address in use")
            .in_guest();
        if let Some(own) = own {
            hit = hit.state(format!("{ip} on {} is dadfailed", scene.name(own.device)));
        }
        if let Some((_, mac, frame)) = answered {
            hit = hit.frames(Rank::Packets, format!("its probe was answered by {mac}"), vec![frame]);
        }
        return hit.yes();
    }
    Answer::Idle
}

/// RFC 4007: without a zone a link-local address means nothing where there are several links.
fn no_scope(scene: &Scene<'_>) -> Answer {
    let Some(IpAddr::V6(ip)) = scene.walk.to.ip.filter(|_| !scene.has_packets() && scene.walk.leg == Leg::Request) else {
        return Answer::Idle;
    };
    if !ip.is_unicast_link_local() {
        return Answer::Idle;
    }
    Hit::new(scene.walk.from.title(scene.host()), scene.spot.device, format!("{ip} is link-local: ping must say on which link"))
        .proof(Rank::Absence, "nothing was sent")
        .fix(format!("ping {ip}%eth0"))
        .expect("a Neighbor Solicitation, then the echo")
        .in_guest()
        .guess()
        .yes()
}
