//! What the host's IP stack decides: forwarding, which route, source validation.

use super::prelude::*;
use super::refused::said;
use crate::diagnose::endpoint::Place;
use crate::diagnose::routing::{self, Hop, Way};
use crate::fact::Fact;
use crate::host::{DeviceId, HostKey, NeighborState, Route};
use crate::journey::Journey;
use crate::{FrameNo, Text};
use std::net::IpAddr;

/// The rows, in the order of `ip_route_input_slow` (net/ipv4/route.c): the way, forwarding, the source.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "TTL_EXCEEDED_LOOP",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[At::Route, At::Receiver, At::Beyond],
        test: Test::Place(ttl_loop),
        drop_reasons: &["IP_INHDR"],
        meaning: "Two routers send the packet to each other until its time to live is over, or it was sent with too few hops.",
        wire: "same id/seq with falling TTL bouncing on brB; ICMP time exceeded",
        state: "routes of two routers point at each other",
        alike: "L2_LOOP (TTL constant)",
        fix: "fix the route",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "IP_FORWARD_OFF",
        layer: "L3 host",
        proven_by: ProvenBy::State,
        at: &[At::Route],
        test: Test::Place(forward_off),
        drop_reasons: &["IP_INADDRERRORS"],
        meaning: "The host does not forward between its devices.",
        wire: "request up on brA to the host's MAC for a foreign IP; not out on brB; host itself answers pings",
        state: "net.ipv4.ip_forward=0 (or conf.brA.forwarding=0); IpInAddrErrors = lost; kfree_skb IP_INADDRERRORS at ip_error; ip route get ... iif brA = EHOSTUNREACH",
        alike: "GUEST_MAC_IS_HOST_MAC, BRIDGED_TRAFFIC_NATED share the drop reason",
        fix: "sysctl -w net.ipv4.ip_forward=1",
        undo: "sysctl -w net.ipv4.ip_forward=0",
        source: "kernel Documentation/networking/ip-sysctl.rst",
    },
    Cause {
        code: "MARTIAN_SOURCE",
        layer: "L3 host",
        proven_by: ProvenBy::State,
        at: &[At::Route],
        test: Test::Place(martian),
        drop_reasons: &["IP_LOCAL_SOURCE"],
        meaning: "The packet's source is one of the host's own addresses, and the host does not believe it.",
        wire: "as RP_FILTER_DROP",
        state: "the source IP is one of the host's own / loopback / broadcast; kfree_skb IP_LOCAL_SOURCE; log_martians: \"martian source DST from SRC, on dev brA\"",
        alike: "RP_FILTER_DROP, DUPLICATE_IP with the host",
        fix: "remove the duplicate local address",
        undo: "",
        source: "kernel Documentation/networking/ip-sysctl.rst",
    },
    Cause {
        code: "RP_FILTER_DROP",
        layer: "L3 host",
        proven_by: ProvenBy::State,
        at: &[At::Resolve, At::Route],
        test: Test::Place(rp_filter),
        drop_reasons: &["IP_RPFILTER"],
        meaning: "The host's way back to the source is not by the device that the packet came in by.",
        wire: "packet up on br1, no forward, no ICMP. Variant: the host does not answer ARP for its own IP because the ARP sender fails the same check (no counter moves)",
        state: "max(all,br1).rp_filter=1 and route to the source is not via br1; TcpExtIPReversePathFilter; kfree_skb IP_RPFILTER",
        alike: "IP_FORWARD_OFF, GATEWAY_UNREACHABLE (ARP variant)",
        fix: "sysctl -w net.ipv4.conf.all.rp_filter=2",
        undo: "sysctl -w net.ipv4.conf.all.rp_filter=1",
        source: "https://access.redhat.com/solutions/53031",
    },
    Cause {
        code: "POLICY_RULE_MISROUTE",
        layer: "L3 host",
        proven_by: ProvenBy::State,
        at: &[At::Route, At::RouteOut],
        test: Test::Place(policy_rule),
        drop_reasons: &[],
        meaning: "A routing rule leads the packet to another table than the one where its destination is.",
        wire: "request leaves on brC, or ARP for a foreign next hop on brC",
        state: "ip rule matches A before main; ip route get B from A iif brA shows table 100",
        alike: "ROUTE_SHADOWED",
        fix: "ip rule del prio 100",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "SUBNET_OVERLAP",
        layer: "L3 host",
        proven_by: ProvenBy::State,
        at: &[At::Route, At::RouteOut],
        test: Test::Place(subnet_overlap),
        drop_reasons: &[],
        meaning: "Two devices of the host have the same subnet, and the host looks at the wrong one.",
        wire: "host ARPs for B on br0; B lives on br1",
        state: "two connected routes with the same prefix; FDB puts B on br1",
        alike: "TARGET_ABSENT",
        fix: "renumber one network (nested libvirt default 192.168.122.0/24)",
        undo: "",
        source: "https://github.com/RamenDR/ramen/issues/1297",
    },
    Cause {
        code: "ROUTE_SHADOWED",
        layer: "L3 host",
        proven_by: ProvenBy::State,
        at: &[At::Route, At::RouteOut],
        test: Test::Place(route_shadowed),
        drop_reasons: &[],
        meaning: "A more specific route leads elsewhere than where the destination is.",
        wire: "ARP for B on the wrong bridge",
        state: "a more specific prefix on brC covers B",
        alike: "SUBNET_OVERLAP (equal prefixes)",
        fix: "remove/narrow the shadowing prefix",
        undo: "",
        source: "https://github.com/NVIDIA/deepops/issues/421",
    },
    Cause {
        code: "NEXTHOP_NEIGH_FAILED",
        layer: "L3 host",
        proven_by: ProvenBy::Packets,
        at: &[At::Neighbor],
        test: Test::Place(neigh_failed),
        drop_reasons: &["NEIGH_FAILED"],
        meaning: "The host asks for the next hop's link-layer address, and nobody answers.",
        wire: "host ARPs 3 x 1 s on brB unanswered, then ICMP host unreachable (3/1) to A for the whole queue",
        state: "ip neigh B FAILED/INCOMPLETE; kfree_skb NEIGH_FAILED at neigh_invalidate",
        alike: "symptom: look for the ARP fault on brB (NO_ADDRESS, PORT_..., ROUTE_LINKDOWN)",
        fix: "fix the ARP leg",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "ASYMMETRIC_PATH",
        layer: "L3",
        proven_by: ProvenBy::Packets,
        at: &[],
        test: Test::Named,
        drop_reasons: &[],
        meaning: "Request and reply take different ways: no fault by itself.",
        wire: "request and reply use different interfaces",
        state: "contributing, not a fault by itself",
        alike: "(healthy in many networks)",
        fix: "only with RP_FILTER/CONNTRACK_INVALID/FDB ageing",
        undo: "",
        source: "kernel Documentation/networking/ip-sysctl.rst",
    },
];

/// Where the tables lead, and the device that the other end really is behind; none where that is not on this host.
pub(super) fn way<'s>(scene: &Scene<'s>) -> Way<'s> {
    let probe = &scene.spot.probe;
    routing::look_up(scene.host(), scene.spot.netns, probe.source, probe.destination, scene.spot.device)
}

/// The device of this namespace that leads straight to the other end.
fn connected(scene: &Scene<'_>) -> Option<DeviceId> {
    let device = scene.host().device(scene.walk.to.device()?)?;
    if matches!(scene.walk.to.place, Place::Local(..)) {
        return None;
    }
    device.master.or(Some(device.id)).filter(|id| id.netns == scene.spot.netns)
}

/// A packet for somebody on the very link that it came from, which the bridge should have kept from the host.
pub(super) fn is_astray(scene: &Scene<'_>) -> bool {
    let to = scene.walk.to.device().and_then(|device| scene.host().device(device));
    let is_on_link = to.is_some_and(|device| device.master.is_some() && device.master == scene.spot.device);
    is_on_link && scene.spot.probe.destination_mac.is_some() && scene.spot.probe.destination_mac == scene.walk.to.mac
}

/// A counter of the namespace that grew, as evidence.
fn counted(scene: &Scene<'_>, hit: Hit, name: &str) -> Hit {
    let key = HostKey::Counter(scene.spot.netns, None, Text::new(name));
    match scene.case.grown(&key).filter(|grown| *grown > 0) {
        Some(grown) => hit.proof(Rank::Counter, format!("{name} +{grown}, {} lost", scene.count())),
        None => hit,
    }
}

fn martian(scene: &Scene<'_>) -> Answer {
    let (Some(source), Some(device)) = (scene.spot.probe.source, scene.device()) else { return Answer::Idle };
    let Some(own) = routing::own_address(scene.host(), scene.spot.netns, source).filter(|_| source.is_ipv4()) else { return Answer::Idle };
    if routing::device_setting(scene.host(), device.id, "ipv4", "accept_local") > 0 {
        return Answer::No("accept_local is 1".into());
    }
    let (owner, ip) = (scene.name(own.device), tool(scene.host(), own.device.netns, "ip"));
    let summary = format!("{source} is also an address of this host, on {owner}: what claims to come from it is not believed");
    let hit = Hit::new(scene.name(device.id), Some(device.id), summary)
        .state(format!("{source}/{} is set on {owner}", own.length))
        .fix(format!("{ip} address del {source}/{} dev {owner}", own.length))
        .undo(format!("{ip} address add {source}/{} dev {owner}", own.length))
        .expect("the packet behind the host's routing");
    counted(scene, hit, "TcpExtIPReversePathFilter").yes()
}

/// RFC 3704's strict and loose mode. For ARP the same check applies to the sender's address (net/ipv4/arp.c, `arp_process`).
fn rp_filter(scene: &Scene<'_>) -> Answer {
    let (Some(IpAddr::V4(source)), Some(device)) = (scene.spot.probe.source, scene.device()) else { return Answer::Idle };
    if source.is_unspecified() || scene.spot.probe.leg == Leg::ArpReply {
        return Answer::Idle;
    }
    let mode = routing::device_setting(scene.host(), device.id, "ipv4", "rp_filter");
    if routing::own_address(scene.host(), scene.spot.netns, source.into()).is_some() {
        return Answer::Idle;
    }
    let back = routing::look_up(scene.host(), scene.spot.netns, None, source.into(), None);
    let (way, leads_back, is_port) = match &back {
        Way::Out(hop) => {
            let is_port = scene.host().device(hop.device).is_some_and(|row| row.port.is_some() && row.master == Some(device.id));
            (format!("the route to {source} is by {}", scene.name(hop.device)), hop.device == device.id, is_port)
        }
        Way::Refused(_) | Way::Nowhere => (format!("there is no route to {source}"), false, false),
        Way::Local(_) => return Answer::Idle,
    };
    let has_any = matches!(back, Way::Out(_));
    if mode == 0 || leads_back || mode == 2 && has_any {
        return Answer::No(if mode == 0 { "rp_filter is 0".into() } else { way });
    }
    // An address on a port leads back by the port: that is what is wrong then.
    if is_port {
        return Answer::Idle;
    }
    let name = &device.name;
    let what = if scene.spot.at == At::Resolve { "its ARP is not answered" } else { "its packets are dropped" };
    let hit = Hit::new(
        scene.name(device.id),
        Some(device.id),
        format!("{source} comes in by {name}, and {way}: rp_filter believes no such source, so {what}"),
    )
    .state(format!("rp_filter is {mode} on {name}, and {way}"))
    .fix(within(scene.host(), scene.spot.netns, "sysctl -w net.ipv4.conf.all.rp_filter=2"))
    .undo(within(scene.host(), scene.spot.netns, &format!("sysctl -w net.ipv4.conf.all.rp_filter={mode}")))
    .expect("the packet behind the host's routing (where there is no route back at all, add one)");
    counted(scene, hit, "TcpExtIPReversePathFilter").yes()
}

fn forward_off(scene: &Scene<'_>) -> Answer {
    let (Some(device), probe) = (scene.device(), &scene.spot.probe) else { return Answer::Idle };
    // Between two ports of one link the host has nothing to forward; that the reply came to it is what is wrong.
    let is_one_link = scene.walk.leg == Leg::Reply && scene.case.is_one_link();
    if is_one_link
        || super::arp::is_proxied(scene)
        || is_astray(scene)
        || matches!(way(scene), Way::Local(_))
        || scene.spot.out.is_none() && connected(scene).is_none() && matches!(way(scene), Way::Nowhere)
    {
        return Answer::Idle;
    }
    let (host, netns) = (scene.host(), scene.spot.netns);
    // What is sent to the host itself is not to be forwarded, whoever should have got it.
    let is_ours =
        |packet: &&Journey| matches!(packet.subject, Fact::Echo(echo) if routing::own_address(host, netns, echo.destination).is_some());
    if scene.walk.packets.iter().any(is_ours) {
        return Answer::Idle;
    }
    let version = if probe.is_v6() { "ipv6" } else { "ipv4" };
    let own = format!("net.{version}.conf.{}.forwarding", device.name);
    let all = if probe.is_v6() { "net.ipv6.conf.all.forwarding".to_owned() } else { "net.ipv4.ip_forward".to_owned() };
    let value = |name: &str| host.setting(netns, name).map(|value| value.as_str() == "1");
    let (name, is_on) = match (value(&own), value(&all)) {
        (Some(false), Some(true)) => (own, false),
        (_, Some(is_on)) => (all, is_on),
        (Some(is_on), None) => (own, is_on),
        (None, None) => return Answer::Unknown(format!("{all} could not be read: sysctl {all}")),
    };
    if is_on {
        return Answer::No(format!("{name} is 1"));
    }
    let out = scene.out().map_or_else(|| "the other side".into(), |out| scene.name(out.id));
    let hit = Hit::new(
        format!("routing from {} to {out}", device.name),
        Some(device.id),
        format!("the host does not route between {} and {out}", device.name),
    )
    .state(format!("{name} = 0"))
    .fix(within(host, netns, &format!("sysctl -w {name}=1")))
    .undo(within(host, netns, &format!("sysctl -w {name}=0")))
    .expect(format!("the packet out on {out}"));
    counted(scene, said(scene, hit), if probe.is_v6() { "Ip6InAddrErrors" } else { "IpInAddrErrors" }).yes()
}

/// The way that the tables give, where it is not the one to the device that the other end is behind.
fn misled<'s>(scene: &Scene<'s>) -> Option<(Hop<'s>, DeviceId)> {
    let Way::Out(hop) = way(scene) else { return None };
    // What should never have come to the host is not misled by it.
    if super::arp::is_proxied(scene) {
        return None;
    }
    let right =
        connected(scene).filter(|right| *right != hop.device && routing::is_on_link(scene.host(), *right, scene.spot.probe.destination))?;
    // The port that an address is on, and its bridge, are one link.
    let port = scene.host().device(hop.device)?;
    (port.master != Some(right)).then_some((hop, right))
}

fn misroute(scene: &Scene<'_>, hop: &Hop<'_>, right: DeviceId, summary: String) -> Hit {
    let (wrong, right) = (scene.name(hop.device), scene.name(right));
    let via = hop.route.gateway.map_or_else(String::new, |gateway| format!(" via {gateway}"));
    said(scene, Hit::new("host routing", Some(hop.device), summary))
        .object(format!("{}{via} dev {wrong}", hop.route.destination))
        .proof(Rank::State, format!("the tables lead {} to {wrong}; its subnet is on {right}", scene.spot.probe.destination))
        .expect(format!("the packet out on {right}"))
}

/// The device on whose link the destination should be by the host's own address there, where a rule of one's own leads elsewhere and nobody
/// was seen to be the other end.
fn misled_off_link<'s>(scene: &Scene<'s>) -> Option<(Hop<'s>, DeviceId)> {
    let Way::Out(hop) = way(scene) else { return None };
    let (host, netns, destination) = (scene.host(), scene.spot.netns, scene.spot.probe.destination);
    let is_there = |row: &&crate::host::HostAddress| row.device.netns == netns && routing::prefix(row).contains(destination);
    let is_unknown = hop.rule.is_some() && scene.walk.to.device().is_none() && !routing::is_on_link(host, hop.device, destination);
    let right = host.addresses().filter(|_| is_unknown).find(is_there)?.device;
    (right != hop.device).then_some((hop, right))
}

fn policy_rule(scene: &Scene<'_>) -> Answer {
    let Some((hop, right)) = misled(scene).or_else(|| misled_off_link(scene)) else { return Answer::Idle };
    let Some(rule) = hop.rule else { return Answer::Idle };
    let ip = tool(scene.host(), scene.spot.netns, "ip");
    misroute(scene, &hop, right, format!("the rule \u{201c}{}\u{201d} leads it by table {}, not where it is", rule.text, hop.route.table))
        .fix(format!("{ip} rule del priority {}", rule.priority))
        .yes()
}

/// Other routes of the table to the right device that would do.
fn right_route<'s>(scene: &Scene<'s>, hop: &Hop<'s>, right: DeviceId) -> Option<&'s Route> {
    let destination = scene.spot.probe.destination;
    scene.host().routes().find(|route| {
        route.netns == scene.spot.netns
            && route.table == hop.route.table
            && route.device == Some(right)
            && route.destination.contains(destination)
    })
}

fn subnet_overlap(scene: &Scene<'_>) -> Answer {
    let Some((hop, right)) = misled(scene).filter(|(hop, _)| hop.rule.is_none()) else { return Answer::Idle };
    let same = right_route(scene, &hop, right).filter(|route| route.destination == hop.route.destination);
    if same.is_none() {
        return Answer::Idle;
    }
    misroute(
        scene,
        &hop,
        right,
        format!(
            "{} is on {} and on {}, and the host looks on the wrong one",
            hop.route.destination,
            scene.name(hop.device),
            scene.name(right)
        ),
    )
    .fix("give one of the two networks another subnet")
    .yes()
}

fn route_shadowed(scene: &Scene<'_>) -> Answer {
    let Some((hop, right)) = misled(scene).filter(|(hop, _)| hop.rule.is_none()) else { return Answer::Idle };
    if right_route(scene, &hop, right).is_none_or(|route| route.destination.length >= hop.route.destination.length) {
        return Answer::Idle;
    }
    let ip = tool(scene.host(), scene.spot.netns, "ip");
    misroute(scene, &hop, right, format!("the more specific route {} leads to {}", hop.route.destination, scene.name(hop.device)))
        .fix(format!("{ip} route del {} dev {}", hop.route.destination, scene.name(hop.device)))
        .yes()
}

fn neigh_failed(scene: &Scene<'_>) -> Answer {
    // Without a carrier nobody is asked.
    let (Some(out), Some(next)) = (scene.out().filter(|out| out.has_carrier), scene.spot.next_hop) else { return Answer::Idle };
    let row = scene.host().neighbors().find(|row| row.device == out.id && row.ip == next);
    if row.is_some_and(|row| row.mac.is_some() && row.state != NeighborState::Failed) {
        return Answer::No(format!("{next} is known on {}", out.name));
    }
    let asked =
        scene.case.tables.resolutions.iter().find(|row| row.target == next && Some(row.asker_mac) == out.mac && row.answers.is_empty());
    let is_failed = row.is_some_and(|row| matches!(row.state, NeighborState::Failed | NeighborState::Incomplete));
    if !is_failed && asked.is_none() {
        return Answer::Idle;
    }
    let mut hit = Hit::new(
        format!("neighbour {next} on {}", scene.name(out.id)),
        Some(out.id),
        format!("the host asks for {next} on {}, and nobody answers", out.name),
    )
    .fix(format!("see to it that {next} answers on {}", out.name))
    .expect(format!("an answer in on {}", out.name));
    if let Some(row) = row.filter(|_| is_failed) {
        hit = hit.state(format!("neighbour {next} dev {} is {}", out.name, row.state.name().to_uppercase()));
    }
    if let Some(asked) = asked {
        hit = hit.frames(Rank::Packets, format!("asked {} times, never answered", asked.asked.count), asked.asked.samples.to_vec());
    }
    hit.yes()
}

/// Fewer hops than any system gives its packets by itself: the least is 32.
const FEW_HOPS: u8 = 32;

fn ttl_loop(scene: &Scene<'_>) -> Answer {
    let exceeded = |error: &crate::fact::IcmpError| matches!((error.is_v6, error.kind), (false, 11) | (true, 3));
    let frames: Vec<FrameNo> = scene.case.errors().filter(|(error, _)| exceeded(error)).map(|(_, frame)| frame).collect();
    // One echo that comes by one place again and again, each time with a lower hop limit.
    let mut limits: std::collections::BTreeMap<_, Vec<u8>> = Default::default();
    for packet in &scene.walk.packets {
        for seen in &packet.sightings {
            limits.entry((crate::diagnose::sight::echo_key(packet), seen.point, seen.direction)).or_default().push(seen.hop_limit);
        }
    }
    let falls = limits.values().any(|limits| limits.len() >= 3 && limits.windows(2).all(|pair| pair[1] < pair[0]));
    if frames.is_empty() && !falls {
        return Answer::Idle;
    }
    // Who sends with so few hops does not mean to come far, such as traceroute: nobody sends it in circles.
    let first = scene.walk.packets.iter().flat_map(|packet| packet.sightings.first()).map(|seen| seen.hop_limit).max();
    if let Some(limit) = first.filter(|limit| !falls && (1..FEW_HOPS).contains(limit)) {
        return Hit::new("host routing", scene.spot.device, format!("it was sent with a hop limit of {limit}, which is over on the way"))
            .frames(Rank::IcmpError, "time exceeded quotes the echo", frames)
            .fix("ping with the usual hop limit: ping -t 64")
            .in_guest()
            .expect("the packet behind that router")
            .yes();
    }
    let mut hit =
        Hit::new("between routers", scene.spot.device, "the packet goes to and fro between routers until its time to live is over")
            .fix(format!("mend the routes to {}: two routers send it to each other", scene.spot.probe.destination))
            .expect("the packet once at each place");
    if falls {
        hit = hit.frames(Rank::Packets, "the same echo at one place with falling hop limits", scene.frames());
    }
    if !frames.is_empty() {
        hit = hit.frames(Rank::IcmpError, "time exceeded quotes the echo", frames);
    }
    hit.yes()
}
