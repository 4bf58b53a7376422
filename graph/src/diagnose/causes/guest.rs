//! What only the guests themselves decide.

use super::prelude::*;
use crate::diagnose::diagnosis::Pattern;
use crate::diagnose::endpoint::{Place, device_of_point};
use crate::diagnose::routing;
use crate::diagnose::sight::Ear;
use crate::diagnose::trail::Stop;
use crate::fact::Fact;
use crate::host::{Device, DeviceKind, Guest, Host, Prefix};
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
        code: "ICMP_ECHO_IGNORED",
        layer: "L3 guest",
        proven_by: ProvenBy::State,
        at: &[At::Answer],
        test: Test::Place(echo_ignored),
        drop_reasons: &[],
        meaning: "The host is told not to answer echoes.",
        wire: "as TARGET_SILENT; B's IcmpInEchos rises, IcmpOutEchoReps does not (if readable)",
        state: "B: net.ipv4.icmp_echo_ignore_all=1 (host itself: provable)",
        alike: "GUEST_FIREWALL",
        fix: "sysctl -w net.ipv4.icmp_echo_ignore_all=0",
        undo: "sysctl -w net.ipv4.icmp_echo_ignore_all=1",
        source: "kernel Documentation/networking/ip-sysctl.rst",
    },
    Cause {
        code: "ICMP_RATE_LIMITED",
        layer: "L3",
        proven_by: ProvenBy::Guest,
        at: &[At::Receiver],
        test: Test::Place(rate_limited),
        drop_reasons: &[],
        meaning: "Replies come at a fixed rate only: somebody limits them.",
        wire: "all requests delivered; replies stop after a burst, then arrive evenly (1/s)",
        state: "target: icmp_ratemask bit 0 + icmp_ratelimit, or a limit rule (nft limit / iptables -m limit); on the host: rule counters",
        alike: "random loss: spacing not even; QDISC_OVERLIMIT: request not delivered",
        fix: "slow the ping (-i 1); sysctl net.ipv4.icmp_ratemask=6168",
        undo: "",
        source: "ip-sysctl icmp_ratelimit/icmp_ratemask (default mask 6168 has no echo reply)",
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
    Cause {
        code: "LATE_REPLY",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Answer],
        test: Test::Place(late_reply),
        drop_reasons: &[],
        meaning: "The reply comes later than ping waits for it.",
        wire: "reply exists on tapA, RTT larger than ping -W",
        state: "timestamps; queue (tbf, paused VM resumed)",
        alike: "SOURCE_GUEST_DROPS_REPLY",
        fix: "ping -W 5; find the slow hop (largest inter-hop gap)",
        undo: "",
        source: "https://github.com/beringresearch/macpine/issues/107 (absurd RTT + DUP on macOS slirp)",
    },
    Cause {
        code: "BROADCAST_TARGET",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Answer],
        test: Test::Place(broadcast_target),
        drop_reasons: &["INVALID_PROTO"],
        meaning: "The address is a broadcast address: hosts do not answer echoes to it.",
        wire: "echo to x.255 / ff:ff..; kfree_skb INVALID_PROTO at receivers",
        state: "icmp_echo_ignore_broadcasts=1 (default)",
        alike: "TARGET_SILENT",
        fix: "ping a unicast address",
        undo: "",
        source: "kernel Documentation/networking/ip-sysctl.rst",
    },
    Cause {
        code: "BAD_CHECKSUM",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Answer],
        test: Test::Place(bad_checksum),
        drop_reasons: &["ICMP_CSUM", "IP_CSUM"],
        meaning: "The packet's checksum is wrong, and whoever gets it throws it away.",
        wire: "ICMP/IP checksum wrong on tapB; receiver drops (ICMP_CSUM / IP_INHDR at br_nf_pre_routing); classic: DHCP UDP checksum = pseudo-header only",
        state: "tshark -o ip.check_checksum:TRUE; offload flags (ethtool -k); NEVER judge frames captured outbound on an interface with tx-checksum offload",
        alike: "offload artefact (healthy)",
        fix: "ethtool -K tapB tx off; old DHCP clients: iptables -t mangle -A POSTROUTING -p udp --dport 68 -j CHECKSUM --checksum-fill",
        undo: "",
        source: "https://git.netfilter.org/iptables/commit/include?h=v1.4.17&id=9d1b11102b53103c00b7fddf4658a4d2bdee1338 ; https://reviews.freebsd.org/differential/diff/161737",
    },
    Cause {
        code: "WRONG_SOURCE_ADDRESS",
        layer: "L3 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::Sender],
        test: Test::Place(wrong_source),
        drop_reasons: &[],
        meaning: "The request has a source address that replies do not come back to.",
        wire: "request carries an unexpected source; reply goes elsewhere / ICMP net unreachable back to the replier",
        state: "route \"src\"; source not in the interface prefix",
        alike: "NAT_MISSING",
        fix: "ip route change default via GW src RIGHT",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// Whether the packet is known to have come out where the receiver is.
fn is_delivered(scene: &Scene<'_>) -> bool {
    scene.has_packets() && scene.walk.is_delivered()
}

/// Where the receiver is, for people.
fn receiver(scene: &Scene<'_>) -> String {
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

fn echo_ignored(scene: &Scene<'_>) -> Answer {
    let Place::Local(netns, _) = scene.walk.to.place else { return Answer::Idle };
    if scene.walk.leg != Leg::Request {
        return Answer::Idle;
    }
    let name = if scene.case.is_v6 { "net.ipv6.icmp.echo_ignore_all" } else { "net.ipv4.icmp_echo_ignore_all" };
    match scene.host().setting(netns, name).map(|value| value.as_str().to_owned()).as_deref() {
        Some("1") => Hit::new("host", scene.spot.device, "the host is told not to answer echoes")
            .state(format!("{name} = 1"))
            .fix(within(scene.host(), netns, &format!("sysctl -w {name}=0")))
            .undo(within(scene.host(), netns, &format!("sysctl -w {name}=1")))
            .expect("the reply out")
            .yes(),
        Some(_) => Answer::No(format!("{name} is 0")),
        None => Answer::Idle,
    }
}

fn rate_limited(scene: &Scene<'_>) -> Answer {
    if scene.case.pattern != Pattern::Rate || scene.walk.leg != Leg::Request || !is_delivered(scene) {
        return Answer::Idle;
    }
    let place = receiver(scene);
    Hit::new(&place, scene.spot.device, format!("{place} gets every request and answers at a fixed rate"))
        .frames(Rank::Packets, "all requests came out, and the answered ones are evenly spaced", scene.frames())
        .fix("ping more slowly (-i 1); in the guest: sysctl -w net.ipv4.icmp_ratemask=6168, or look for a limit in iptables -nvL INPUT")
        .expect("a reply to each request")
        .in_guest()
        .yes()
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

/// RFC 1122, section 3.2.2.6: an echo to a broadcast address may be ignored, and is by default.
fn broadcast_target(scene: &Scene<'_>) -> Answer {
    let Some(IpAddr::V4(ip)) = scene.case.to.ip else { return Answer::Idle };
    let is_network = |prefix: Prefix| {
        let host_bits = 32_u32.saturating_sub(u32::from(prefix.length));
        (2..32).contains(&host_bits) && prefix.contains(ip.into()) && ip.to_bits() & ((1 << host_bits) - 1) == (1 << host_bits) - 1
    };
    let is_known = scene.host().addresses().any(|row| is_network(routing::prefix(row)));
    let is_sent_to_all =
        scene.walk.packets.iter().any(|packet| packet.destination == Some(MacAddr::BROADCAST)) && scene.walk.leg == Leg::Request;
    if !(is_known || is_sent_to_all || ip.is_broadcast()) {
        return Answer::Idle;
    }
    Hit::new(format!("address {ip}"), scene.spot.device, format!("{ip} is a broadcast address: hosts do not answer echoes to it"))
        .frames(Rank::Packets, format!("the echo to {ip} goes to all stations"), scene.frames())
        .fix("ping the address of one host")
        .expect("a reply")
        .in_guest()
        .yes()
}

/// Only frames that came in are judged: what goes out may have its checksum filled in by the device later.
fn bad_checksum(scene: &Scene<'_>) -> Answer {
    let is_bad =
        |packet: &&&Journey| packet.has_bad_checksum && packet.sightings.first().is_some_and(|seen| seen.direction == Direction::Inbound);
    let bad: Vec<FrameNo> =
        scene.walk.packets.iter().filter(is_bad).filter_map(|packet| packet.sightings.first()).map(|seen| seen.frame).collect();
    if bad.is_empty() || bad.len() < scene.walk.packets.len() {
        return Answer::Idle;
    }
    let place = scene.walk.from.title(scene.host());
    Hit::new(&place, scene.spot.device, format!("{place} sends ICMP with a wrong checksum, and whoever gets it throws it away"))
        .frames(Rank::Packets, format!("the checksum of {} frames is wrong where they came in", bad.len()), bad)
        .fix("in the guest: ethtool -K eth0 tx off")
        .expect("a reply")
        .in_guest()
        .yes()
}

fn wrong_source(scene: &Scene<'_>) -> Answer {
    // Without its card, the echo may be somebody else's: that of a user-mode stack has the host's address.
    let (Some(mac), Some(to)) = (scene.walk.from.mac, scene.walk.to.ip) else { return Answer::Idle };
    if scene.has_packets() || scene.walk.leg != Leg::Request || scene.walk.from.is_local() {
        return Answer::Idle;
    }
    let other = scene.case.journeys().find_map(|journey| match journey.subject {
        Fact::Echo(echo)
            if echo.is_request && echo.destination == to && journey.source == Some(mac) && Some(echo.source) != scene.walk.from.ip =>
        {
            Some((echo.source, journey.sightings.first().map(|seen| seen.frame).unwrap_or_default()))
        }
        _ => None,
    });
    let Some((source, frame)) = other else { return Answer::Idle };
    let place = scene.walk.from.title(scene.host());
    let hit = Hit::new(&place, scene.spot.device, format!("{place} pings with the source {source}, to which replies do not come back"))
        .frames(Rank::Packets, format!("its echo to {to} has the source {source}"), vec![frame])
        .fix(format!("in the guest: ip route change default via ROUTER src {}", scene.walk.from.label()))
        .expect("the echo with the right source")
        .in_guest();
    hit.yes()
}

/// A reply that is there after ping stopped waiting.
fn late_reply(scene: &Scene<'_>) -> Answer {
    if scene.case.pattern != Pattern::Time || scene.walk.leg != Leg::Reply || !is_delivered(scene) {
        return Answer::Idle;
    }
    let requests = crate::diagnose::sight::packets(scene.case.tables, Leg::Request, &scene.case.from, &scene.case.to, scene.case.window);
    // From one place to the next, request and reply together: where it took longest.
    let slowest = scene.walk.packets.iter().filter_map(|reply| {
        let request =
            requests.iter().find(|request| crate::diagnose::sight::echo_key(request) == crate::diagnose::sight::echo_key(reply))?;
        let seen: Vec<_> = request.sightings.iter().chain(&reply.sightings).collect();
        let whole = seen.last()?.at.since(seen.first()?.at);
        let step = seen.windows(2).max_by_key(|pair| pair[1].at.since(pair[0].at))?;
        Some((whole, step[0].point, step[1].point, step[1].at.since(step[0].at), step[1].frame))
    });
    let Some((whole, before, behind, gap, frame)) = slowest.max_by_key(|(whole, ..)| *whole).filter(|(whole, ..)| *whole > 1_000_000_000)
    else {
        return Answer::Idle;
    };
    let name = |point: crate::PointId| scene.case.tables.points.get(point.0 as usize).map_or_else(String::new, |row| row.label(point));
    let place =
        if before == behind { format!("behind {}", name(before)) } else { format!("between {} and {}", name(before), name(behind)) };
    Hit::new(
        &place,
        scene.spot.device,
        format!("replies take {:.1} s, longer than ping waits; {:.1} s of it {place}", whole as f64 / 1e9, gap as f64 / 1e9),
    )
    .frames(Rank::Packets, "the reply is there, later than a second after its request", vec![frame])
    .fix("ping -W 5; then see what holds it up there: a full queue, a rate limit, a guest that was paused")
    .expect("the reply within a second")
    .yes()
}
