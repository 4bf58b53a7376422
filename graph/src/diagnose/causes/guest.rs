//! What only the guests themselves decide.

use super::prelude::*;
use crate::diagnose::diagnosis::Pattern;
use crate::diagnose::endpoint::{Place, device_of_point};
use crate::diagnose::sight::Ear;
use crate::diagnose::trail::Stop;
use crate::fact::Fact;
use crate::host::{Device, DeviceKind, Guest, Host};
use crate::journey::Journey;
use crate::tables::Learned;
use crate::{Direction, FrameNo, MacAddr};
use std::net::IpAddr;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "NO_ADDRESS",
        layer: "L3 guest",
        proven_by: ProvenBy::Guest,
        at: &[At::Receiver],
        test: Test::Place(no_address),
        drop_reasons: &[],
        meaning: "The guest does not have the address that is asked for.",
        wire: "ARP request reaches B (out on tapB, read), no answer; B emits only IPv6/DHCP/169.254",
        state: "G: B's IP never seen in any ARP sender/IP source field; last DHCP has no ACK",
        alike: "TARGET_ABSENT, ARP_IGNORED, NOARP",
        fix: "give B an address (DHCP or static)",
        undo: "",
        source: "https://github.com/larkmjc/busybear-linux/issues/16",
    },
    Cause {
        code: "TARGET_ABSENT",
        layer: "L3 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver],
        test: Test::Place(target_absent),
        drop_reasons: &[],
        meaning: "Nobody on the link has that address.",
        wire: "ARP request flooded to every port, nobody answers; no port ever sourced that IP",
        state: "whole segment covered by capture and every port forwarding",
        alike: "PORT_NOT_IN_BRIDGE (request not out on B's port), TARGET_SILENT (B answers ARP)",
        fix: "check the address; start the host",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "TARGET_SILENT",
        layer: "L3 guest",
        proven_by: ProvenBy::Guest,
        at: &[At::Receiver],
        test: Test::Place(target_silent),
        drop_reasons: &[],
        meaning: "The request came into the guest, and the guest said nothing. What happened inside cannot be seen from here.",
        wire: "ARP answered; echo request out on tapB and READ (tx_packets moved); no reply in from tapB",
        state: "nothing on the host: say \"inside guest B\", list candidates",
        alike: "TAP_NOT_READ (counter), reply lost later (reply seen on tapB)",
        fix: "in B: iptables -S; sysctl net.ipv4.icmp_echo_ignore_all; ip route get A",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "GUEST_FIREWALL",
        layer: "L3 guest",
        proven_by: ProvenBy::Guest,
        at: &[],
        test: Test::Named,
        drop_reasons: &[],
        meaning: "A firewall inside the guest drops echoes.",
        wire: "as TARGET_SILENT; hint: TCP/UDP from the same A answered, or ICMP unreachable/admin-prohibited from B",
        state: "G; Windows blocks echo by default",
        alike: "ICMP_ECHO_IGNORED",
        fix: "allow ICMP echo in B (netsh advfirewall ... / iptables -I INPUT -p icmp -j ACCEPT)",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "SOURCE_GUEST_DROPS_REPLY",
        layer: "L3 guest",
        proven_by: ProvenBy::Guest,
        at: &[At::Receiver, At::Answer],
        test: Test::Place(source_drops),
        drop_reasons: &[],
        meaning: "The reply came into the guest that asked, and the guest does not take it.",
        wire: "reply out on tapA and read by A's VM, ping in A still shows loss",
        state: "G: A's firewall/conntrack; check id/seq/src/checksum match first",
        alike: "LATE_REPLY, WRONG_SOURCE_ADDRESS, BAD_CHECKSUM",
        fix: "in A: iptables -I INPUT -p icmp -j ACCEPT",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "NOT_SENT",
        layer: "L3 guest",
        proven_by: ProvenBy::Guest,
        at: &[At::Sender],
        test: Test::Place(not_sent),
        drop_reasons: &[],
        meaning: "The guest sends neither the echo nor the question that comes before it.",
        wire: "nothing from A on tapA: neither ARP nor ICMP",
        state: "G: no route, OUTPUT firewall, target is A's own address; but if tapA rx_packets rises while capture shows nothing -> XDP_DROP",
        alike: "XDP_DROP, capture loss",
        fix: "in A: ip route get B; iptables -S OUTPUT",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// Whether the packet is known to have come out where the receiver is.
pub(super) fn is_delivered(scene: &Scene<'_>) -> bool {
    scene.has_packets() && scene.walk.is_delivered()
}

/// Where the receiver is, for people.
pub(super) fn receiver(scene: &Scene<'_>) -> String {
    scene.walk.to.title(scene.host())
}

/// Whether anybody was seen to use an address.
fn is_used(scene: &Scene<'_>, ip: IpAddr) -> bool {
    scene.case.tables.bindings.iter().any(|row| row.ip == ip && (row.learned.proves_owner() || row.learned == Learned::Source))
}

/// A frame of whoever is behind a device: that is switched on, and has a link.
fn heard(scene: &Scene<'_>) -> Option<(MacAddr, FrameNo)> {
    let tables = scene.case.tables;
    let is_theirs = |row: &&crate::tables::Station| {
        row.inbound > 0 && device_of_point(tables, row.point) == scene.spot.device && row.evidence.last_at >= scene.case.window.since
    };
    tables.stations.iter().filter(is_theirs).max_by_key(|row| row.evidence.last_at).map(|row| (row.mac, row.evidence.last))
}

/// A question for a link-layer address that came in, and no answer: the guest speaks, and never with that address.
fn no_address(scene: &Scene<'_>) -> Answer {
    let (Leg::ArpRequest, Some(ip)) = (scene.walk.leg, scene.walk.to.ip) else { return Answer::Idle };
    let is_guest = matches!(scene.walk.to.place, Place::Behind(_));
    if !is_guest || scene.walk.to.is_supposed || !is_delivered(scene) || is_used(scene, ip) {
        return Answer::Idle;
    }
    let Some((mac, frame)) = heard(scene) else { return Answer::Idle };
    let protocol = if ip.is_ipv6() { "Neighbor Solicitation" } else { "ARP" };
    let place = receiver(scene);
    Hit::new(&place, scene.spot.device, format!("{place} was asked for {ip} and said nothing: it does not seem to have the address"))
        .frames(Rank::Packets, format!("{protocol} for {ip} came out ×{}, and {ip} never sent anything", scene.count()), scene.frames())
        .frames(Rank::Packets, format!("{mac} sends other things"), vec![frame])
        .fix(format!("in the guest: ip address add {ip}/PREFIX dev eth0"))
        .maybe(&["ARP_IGNORED_SYSCTL", "NOARP_INTERFACE", "WRONG_SUBNET"], ARP_IN_GUEST)
        .expect("an answer in from the guest")
        .in_guest()
        .yes()
}

/// What tells in a guest why it does not answer for an address.
const ARP_IN_GUEST: &str = "in the guest: ip address; ip link; sysctl net.ipv4.conf.all.arp_ignore";

/// The question came out where the address should be, and nothing tells why no answer came: the guest has the address, or never spoke.
fn silent_to_question(scene: &Scene<'_>) -> Answer {
    let is_odd = super::tap::may_mistake_header(scene);
    let Some(ip) = scene.walk.to.ip.filter(|_| !scene.walk.to.is_supposed || is_odd) else { return Answer::Idle };
    let (place, is_used) = (receiver(scene), is_used(scene, ip));
    if !is_used && heard(scene).is_some() {
        return Answer::Idle;
    }
    let (what, codes): (_, &[&'static str]) = if is_used {
        ("it uses the address, and does not answer for it", &["NOARP_INTERFACE", "ARP_IGNORED_SYSCTL", "WRONG_SUBNET"])
    } else {
        ("nothing was ever heard from it", &["NO_ADDRESS", "GUEST_LINK_SET_DOWN", "ARP_IGNORED_SYSCTL", "NOARP_INTERFACE"])
    };
    let odd: &[&'static str] = if is_odd { &["TAP_HEADER_MISMATCH"] } else { &[] };
    Hit::new(&place, scene.spot.device, format!("{place} was asked for {ip} and said nothing: {what}; inside it cannot be seen from here"))
        .frames(Rank::Absence, format!("{} questions out, no answer in", scene.count()), scene.frames())
        .fix(ARP_IN_GUEST)
        .expect("an answer in from the guest")
        .in_guest()
        .maybe(odd, "see how the program that has the TAP open sets IFF_NO_PI and IFF_VNET_HDR: it should read a frame's first octets as its addresses")
        .maybe(codes, ARP_IN_GUEST)
        .guess()
        .yes()
}

/// Asked for at every port, and nobody claims it.
fn target_absent(scene: &Scene<'_>) -> Answer {
    let (Leg::ArpRequest, Some(ip)) = (scene.walk.leg, scene.walk.to.ip) else { return Answer::Idle };
    if scene.walk.to.place != Place::Nowhere && !scene.walk.to.is_supposed {
        return Answer::Idle;
    }
    let Some(bridge) = scene.walk.trail.stops.iter().find_map(|stop| match stop {
        Stop::Spot(spot) => spot.bridge,
        Stop::Point { .. } => None,
    }) else {
        return Answer::Idle;
    };
    let is_end = [scene.case.to.ip, scene.case.from.ip].contains(&Some(ip));
    if !is_end || !scene.has_packets() || scene.case.owners(ip).next().is_some() {
        return Answer::Idle;
    }
    let others: Vec<_> = scene.host().ports(bridge).filter(|port| Some(port.id) != scene.walk.from.device()).collect();
    if let Some(beyond) = others.iter().find(|port| leads_elsewhere(scene.host(), port)) {
        return Answer::Unknown(format!("who is behind {}: it leads out of sight", beyond.name));
    }
    let deaf = others.iter().find(|port| scene.walk.seen.at(port.id, Direction::Outbound).is_none());
    if let Some(deaf) = deaf {
        return Answer::Unknown(format!("whether the question came out on {}: nothing was seen there", deaf.name));
    }
    if super::tap::may_mistake_header(scene) {
        return Answer::Unknown("whether the program behind the TAP understands what it reads".into());
    }
    let names: Vec<String> = others.iter().map(|port| port.name.to_string()).collect();
    Hit::new(scene.name(bridge), Some(bridge), format!("nobody on {} has {ip}", scene.name(bridge)))
        .frames(
            Rank::Packets,
            format!("asked ×{} at every port ({}), answered by nobody, and {ip} never sent anything", scene.count(), names.join(", ")),
            scene.frames(),
        )
        .fix(format!("check the address {ip}, or start the host that should have it"))
        .expect("an answer in from the host")
        .maybe(&["NO_ADDRESS", "NOARP_INTERFACE", "ARP_IGNORED_SYSCTL"], ARP_IN_GUEST)
        .yes()
}

/// Whether a port leads to a network that is not all in view, rather than to one station.
pub(super) fn leads_elsewhere(host: &Host, port: &Device) -> bool {
    match port.kind {
        DeviceKind::Tun(_) | DeviceKind::Macvtap(_) | DeviceKind::Dummy => false,
        DeviceKind::Veth => port.lower.and_then(|peer| host.device(peer)).is_none(),
        _ => true,
    }
}

/// What makes a guest keep silent, of what is not contradicted: who answers some of them has a way back.
fn silences(scene: &Scene<'_>) -> &'static [&'static str] {
    let subnet = |ip: Option<IpAddr>| if let Some(IpAddr::V4(ip)) = ip { Some(ip.to_bits() >> 8) } else { None };
    let (from, to) = (subnet(scene.walk.from.ip), subnet(scene.walk.to.ip));
    match scene.case.pattern {
        Pattern::Rate | Pattern::Burst => &["ICMP_RATE_LIMITED", "GUEST_FIREWALL"],
        Pattern::Size => &["FRAGMENTS_DROPPED", "GUEST_FIREWALL"],
        _ if from != to && scene.case.is_one_link() => {
            &["WRONG_SUBNET", "GUEST_FIREWALL", "ICMP_ECHO_IGNORED", "NO_ROUTE_BACK", "WRONG_PREFIX_LENGTH"]
        }
        _ => &["GUEST_FIREWALL", "ICMP_ECHO_IGNORED", "NO_ROUTE_BACK", "WRONG_PREFIX_LENGTH"],
    }
}

fn target_silent(scene: &Scene<'_>) -> Answer {
    let is_guest = matches!(scene.walk.to.place, Place::Behind(_));
    if !is_guest || !is_delivered(scene) || scene.walk.to.device() != scene.spot.device {
        return Answer::Idle;
    }
    match scene.walk.leg {
        Leg::Request => {}
        Leg::ArpRequest => return silent_to_question(scene),
        Leg::ArpReply | Leg::Reply => return Answer::Idle,
    }
    let (place, from) = (receiver(scene), scene.walk.from.label());
    let read = scene.spot.device.and_then(|device| scene.unread(device)).filter(|(sent, captured)| *captured > 0 && sent >= captured);
    let mut hit = Hit::new(
        &place,
        scene.spot.device,
        format!("the request came into {place}, and no reply came out; inside it cannot be seen from here"),
    )
    .frames(Rank::Absence, format!("{} requests out, no reply in", scene.count()), scene.frames())
    .fix(format!("in the guest: ip route get {from}; iptables -nvL INPUT; sysctl net.ipv4.icmp_echo_ignore_all"))
    .expect("the reply in from the guest")
    .in_guest()
    .maybe(silences(scene), format!("in the guest: ip route get {from}; iptables -nvL INPUT"));
    if let Some((sent, captured)) = read {
        hit = hit.proof(Rank::Counter, format!("the guest's process took them: {captured} seen out, {sent} fetched"));
    }
    hit.guess().yes()
}

/// The reply is where the asker can take it, and ping says that it did not get it.
fn source_drops(scene: &Scene<'_>) -> Answer {
    let is_lost = scene.case.pinged.is_some_and(|pinged| pinged.received < pinged.sent);
    if scene.walk.leg != Leg::Reply || !is_delivered(scene) || !is_lost {
        return Answer::Idle;
    }
    let place = receiver(scene);
    Hit::new(&place, scene.spot.device, format!("the reply came into {place}, which does not take it"))
        .frames(Rank::Packets, "the reply was seen where the asker can take it", scene.frames())
        .fix("where ping runs: iptables -I INPUT -p icmp -j ACCEPT")
        .expect("ping counts the replies")
        .guess()
        .yes()
}

fn not_sent(scene: &Scene<'_>) -> Answer {
    if scene.walk.from.place == Place::Nowhere && scene.walk.leg == Leg::Request && !scene.has_packets() {
        return sent_by_nobody(scene);
    }
    let Place::Behind(device) = scene.walk.from.place else { return Answer::Idle };
    if scene.has_packets() || scene.walk.leg != Leg::Request || scene.case.ear(device) != Ear::Whole {
        return Answer::Idle;
    }
    // What a program in the device throws away was sent, and nobody could see it.
    let came = scene.case.grew(device).map_or(0, |grew| grew.received_packets);
    if came > 0
        && scene.host().device(device).is_some_and(|row| row.xdp.is_some())
        && scene.case.captured(device, Direction::Inbound, scene.case.window.until) == 0
    {
        return Answer::Idle;
    }
    // Whoever pings under another address does send.
    let pings =
        |journey: &Journey| matches!(journey.subject, Fact::Echo(echo) if echo.is_request && Some(echo.destination) == scene.walk.to.ip);
    if scene.case.journeys().any(|journey| pings(journey) && scene.walk.from.mac.is_none_or(|mac| journey.source == Some(mac))) {
        return Answer::Idle;
    }
    let (place, to) = (scene.walk.from.title(scene.host()), scene.walk.to.label());
    Hit::new(&place, Some(device), format!("{place} sent neither an echo to {to} nor a question for its address while tapscope listened"))
        .proof(Rank::Absence, format!("nothing of it came in on {}, where all was heard", scene.name(device)))
        .fix(format!("ping {to} in the guest while tapscope listens; if nothing comes then: ip route get {to}; iptables -S OUTPUT"))
        .expect(format!("the echo in on {}", scene.name(device)))
        .in_guest()
        .guess()
        .yes()
}

/// Nothing with the address was seen anywhere, so that not even its place is known.
/// Whether a guest has a card on a network that has no device of the host.
fn is_out_of_earshot(scene: &Scene<'_>, guest: &Guest) -> bool {
    guest.nics.iter().enumerate().any(|(number, nic)| {
        let is_plugged = |plug: &crate::host::CableEnd| plug.pid == Some(guest.pid) && plug.nic == Some(number as u32);
        let cable = scene.host().cables().find(|cable| cable.ends.iter().any(is_plugged));
        let is_heard =
            cable.is_some_and(|cable| scene.case.tables.points.iter().any(|point| point.info.cable.as_ref() == Some(&cable.key)));
        nic.backend.as_ref().is_some_and(|backend| backend.devices.is_empty()) && !is_heard
    })
}

fn sent_by_nobody(scene: &Scene<'_>) -> Answer {
    let tables = scene.case.tables;
    let was_seen = scene.case.journeys().any(|journey| match journey.subject {
        // Whoever pings under another address is seen.
        Fact::Echo(echo) => echo.is_request && Some(echo.destination) == scene.walk.to.ip || Some(echo.source) == scene.walk.from.ip,
        Fact::Arp(arp) => Some(IpAddr::V4(arp.sender_ip)) == scene.walk.from.ip,
        _ => false,
    });
    if was_seen || scene.host().is_empty() {
        return Answer::Idle;
    }
    // Whoever is behind a stack or a cable that nobody can listen to may have sent anything.
    if let Some(guest) = scene.host().guests().find(|guest| is_out_of_earshot(scene, guest)) {
        let who = guest.name.as_ref().map_or_else(|| format!("the guest of process {}", guest.pid), |name| format!("the guest {name}"));
        return Answer::Unknown(format!("whether {who} pings: its network has no device of this host that one could listen to"));
    }
    let are_whole = !tables.points.is_empty() && tables.points.iter().all(|point| point.lost == 0);
    let Some(ip) = scene.walk.from.ip.filter(|_| are_whole) else { return Answer::Idle };
    let to = scene.walk.to.label();
    Hit::new(
        ip,
        None,
        format!(
            "nothing of {ip} was seen anywhere while tapscope listened: it sent neither an echo to {to} nor a question for its address"
        ),
    )
    .proof(Rank::Absence, format!("{} points listened, and none saw {ip}", tables.points.len()))
    .fix(format!("ping {to} in the guest while tapscope listens; if nothing comes then: ip route get {to}; iptables -S OUTPUT"))
    .expect("the echo in at the guest's TAP")
    .in_guest()
    .guess()
    .yes()
}
