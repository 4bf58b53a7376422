//! Who has which address: ARP (RFC 826) and what keeps it from being answered.

use super::prelude::*;
use crate::diagnose::endpoint::{Endpoint, Place};
use crate::diagnose::routing::{self, Way};
use crate::diagnose::sight::{Ear, began};
use crate::diagnose::trail::Stop;
use crate::fact::{ArpOperation, Fact, Neighbor};
use crate::host::{Device, DeviceId, DeviceKind, HostAddress, HostNeighbor, NeighborState};
use crate::{FrameNo, MacAddr, Timestamp};
use std::net::IpAddr;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "DUPLICATE_IP",
        layer: "L3 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver],
        test: Test::Place(duplicate_ip),
        drop_reasons: &[],
        meaning: "Two stations say that they have the address.",
        wire: "two ARP replies for one IP with different MACs (Wireshark: arp.duplicate-address-detected); ping may work or flap",
        state: "FDB: the two MACs on two ports",
        alike: "PROXY_ARP_HIJACK, VRRP/failover (GARP, one-way), bonding, NEIGH_SUPPRESS",
        fix: "change one address; arping -D -I b",
        undo: "",
        source: "https://packetpilotai.com/blog/potw-03-duplicate-ip-arp-war ; Wireshark packet-arp.c",
    },
    Cause {
        code: "PROXY_ARP_HIJACK",
        layer: "L2 host",
        proven_by: ProvenBy::State,
        at: &[At::BridgeUp, At::Route, At::Receiver],
        test: Test::Place(proxy_arp),
        drop_reasons: &[],
        meaning: "The host answers ARP in the guest's place.",
        wire: "a second ARP reply with the router's MAC, 0-0.8 s later; traffic detours to the host",
        state: "proxy_arp=1 on br0 and a route for B via another interface",
        alike: "DUPLICATE_IP (other guest)",
        fix: "sysctl -w net.ipv4.conf.br0.proxy_arp=0",
        undo: "sysctl -w net.ipv4.conf.br0.proxy_arp=1",
        source: "https://github.com/virt-manager/virt-manager/issues/49 (first ARP answered by wrong host)",
    },
    Cause {
        code: "STALE_ARP_ENTRY",
        layer: "L2 guest/host",
        proven_by: ProvenBy::Packets,
        at: &[At::Neighbor, At::BridgeOut, At::Receiver],
        test: Test::Place(stale_arp),
        drop_reasons: &[],
        meaning: "The sender uses a link-layer address that nobody has, and does not ask again.",
        wire: "echo sent to a MAC that no port sources; no ARP asked; flooded; kfree_skb OTHERHOST at each receiver",
        state: "host: ip neigh PERMANENT/wrong (provable); guest: inferred from missing ARP",
        alike: "FDB_STALE (right MAC, wrong port), GATEWAY_MAC_CHANGED",
        fix: "ip neigh del B dev brB",
        undo: "",
        source: "https://github.com/GNS3/gns3-server/issues/2250",
    },
    Cause {
        code: "GATEWAY_MAC_CHANGED",
        layer: "L2 host",
        proven_by: ProvenBy::Packets,
        at: &[At::BridgeOut],
        test: Test::Place(gateway_mac_changed),
        drop_reasons: &["NO_TX_TARGET"],
        meaning: "The bridge's link-layer address changed, and guests still use the one before.",
        wire: "A keeps sending to the old bridge MAC (REACHABLE up to 30 s, then re-ARPs); kfree_skb NO_TX_TARGET",
        state: "br0 MAC = lowest port MAC and a port left/joined (netlink event); A's dst MAC = previous br0 address",
        alike: "STALE_ARP_ENTRY (static)",
        fix: "ip link set br0 address X (pin it)",
        undo: "",
        source: "http://blog.unixstyle.ru/320/dlya-chego-nuzhen-virbr0-nic/",
    },
    Cause {
        code: "NOARP_INTERFACE",
        layer: "L2 guest",
        proven_by: ProvenBy::State,
        at: &[At::Resolve],
        test: Test::Place(noarp),
        drop_reasons: &[],
        meaning: "The device does not take part in ARP.",
        wire: "as NO_ADDRESS though B sends IP traffic with that address",
        state: "G; on host interfaces flag NOARP",
        alike: "NO_ADDRESS",
        fix: "ip link set eth0 arp on",
        undo: "ip link set eth0 arp off",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "ARP_IGNORED_SYSCTL",
        layer: "L2 guest/host",
        proven_by: ProvenBy::State,
        at: &[At::Resolve],
        test: Test::Place(arp_ignored),
        drop_reasons: &[],
        meaning: "A setting keeps the host from answering ARP for this address on this device.",
        wire: "as NO_ADDRESS",
        state: "arp_ignore=1/2/8, arp_filter=1 (host: provable)",
        alike: "RP_FILTER on ARP",
        fix: "sysctl -w net.ipv4.conf.all.arp_ignore=0",
        undo: "",
        source: "kernel Documentation/networking/ip-sysctl.rst",
    },
    Cause {
        code: "IP_ON_BRIDGE_PORT",
        layer: "L3 host",
        proven_by: ProvenBy::State,
        at: &[At::Resolve, At::Answer, At::Route, At::Neighbor],
        test: Test::Place(ip_on_port),
        drop_reasons: &["IP_RPFILTER"],
        meaning: "The host's address is set on a port of a bridge: what comes in there belongs to the bridge.",
        wire: "host ARPs out of tapA, guest answers, answer is delivered to br0; guest->host echo arrives on br0, no reply ever leaves",
        state: "host IP is on an enslaved port; neigh: \"10.9.0.1 dev br0 REACHABLE\" and \"dev tapA INCOMPLETE\"; with rp_filter: IP_RPFILTER dev=br0",
        alike: "RP_FILTER_DROP, TARGET_ABSENT",
        fix: "ip addr del X dev eth0; ip addr add X dev br0",
        undo: "",
        source: "https://github.com/devplayer0/docker-net-dhcp/issues/19 ; https://github.com/GNS3/gns3-server/issues/2216",
    },
];

/// A host's address that is set on a port of the bridge that the packet came in by.
fn on_port<'s>(scene: &Scene<'s>) -> Option<(&'s HostAddress, &'s Device, DeviceId)> {
    let host = scene.host();
    let of = |end: &Endpoint| match end.place {
        Place::Local(_, device) => end.ip.and_then(|ip| host.addresses().find(|row| row.device == device && row.ip == ip)),
        _ => None,
    };
    let address = of(&scene.case.to).or_else(|| of(&scene.case.from))?;
    let device = host.device(address.device).filter(|device| device.port.is_some())?;
    let bridge = device.master.filter(|master| host.device(*master).is_some_and(|row| matches!(row.kind, DeviceKind::Bridge(_))))?;
    Some((address, device, bridge))
}

/// Linux hands what comes in by a bridge's port to the bridge: the host asks on the port, and the answers belong to the bridge.
fn ip_on_port(scene: &Scene<'_>) -> Answer {
    let Some((address, device, bridge)) = on_port(scene) else { return Answer::Idle };
    let is_here = match scene.spot.at {
        At::Neighbor => scene.spot.out == Some(device.id),
        _ => scene.spot.device == Some(bridge),
    };
    // It answers by the right way where another route leads back.
    let other = if scene.case.to.ip == Some(address.ip) { scene.case.from.ip } else { scene.case.to.ip };
    let back = other.map(|ip| routing::look_up(scene.host(), device.id.netns, None, ip, None));
    let goes_by_port = matches!(&back, Some(Way::Out(hop)) if hop.device == device.id);
    if !is_here || !goes_by_port {
        return Answer::Idle;
    }
    let (name, bridge, ip) = (&device.name, scene.name(bridge), tool(scene.host(), device.id.netns, "ip"));
    let place = format!("{}/{}", address.ip, address.length);
    let mut hit = Hit::new(
        format!("{name}, a port of {bridge}"),
        Some(device.id),
        format!("{place} is set on {name}, a port of {bridge}: the host asks and answers there, and what comes in belongs to {bridge}"),
    )
    .state(format!("{place} is on {name}, whose master is {bridge}, and the way back is by {name}"))
    .fix(format!("{ip} address del {place} dev {name}; {ip} address add {place} dev {bridge}"))
    .undo(format!("{ip} address del {place} dev {bridge}; {ip} address add {place} dev {name}"))
    .expect(format!("the packet out on {bridge}"));
    for row in scene.host().neighbors().filter(|row| Some(row.ip) == other).take(2) {
        hit = hit.state(format!("neighbour {} dev {} is {}", row.ip, scene.name(row.device), row.state.name().to_uppercase()));
    }
    hit.yes()
}

fn noarp(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device().filter(|device| device.is_noarp && !scene.spot.probe.is_v6()) else { return Answer::Idle };
    let (name, ip) = (&device.name, tool(scene.host(), device.id.netns, "ip"));
    Hit::new(scene.name(device.id), Some(device.id), format!("{name} does not take part in ARP"))
        .state(format!("{name} has the flag NOARP"))
        .fix(format!("{ip} link set {name} arp on"))
        .undo(format!("{ip} link set {name} arp off"))
        .expect(format!("ARP answered out on {name}"))
        .yes()
}

/// Documentation/networking/ip-sysctl.rst, arp_ignore and arp_filter.
fn arp_ignored(scene: &Scene<'_>) -> Answer {
    let (Some(device), false, Leg::ArpRequest) = (scene.device(), scene.spot.probe.is_v6(), scene.spot.probe.leg) else {
        return Answer::Idle;
    };
    let (host, target) = (scene.host(), scene.spot.probe.destination);
    let ignore = routing::device_setting(host, device.id, "ipv4", "arp_ignore");
    let filter = routing::device_setting(host, device.id, "ipv4", "arp_filter");
    let on_device = host.addresses().find(|row| row.device == device.id && row.ip == target);
    let is_ignored = match ignore {
        1 => on_device.is_none(),
        2 => !on_device.is_some_and(|row| scene.spot.probe.source.is_some_and(|source| routing::prefix(row).contains(source))),
        8 => true,
        _ => false,
    };
    let back = scene.spot.probe.source.map(|source| routing::look_up(host, device.id.netns, None, source, None));
    let is_filtered = filter > 0 && !matches!(&back, Some(Way::Out(hop)) if hop.device == device.id);
    let (name, value) = match (is_ignored, is_filtered) {
        (true, _) => ("arp_ignore", ignore),
        (_, true) => ("arp_filter", filter),
        _ => return Answer::No(format!("arp_ignore is {ignore}")),
    };
    Hit::new(scene.name(device.id), Some(device.id), format!("{name} keeps the host from answering ARP for {target} on {}", device.name))
        .state(format!("{name} is {value}"))
        .fix(within(host, device.id.netns, &format!("sysctl -w net.ipv4.conf.all.{name}=0 net.ipv4.conf.{}.{name}=0", device.name)))
        .undo(within(host, device.id.netns, &format!("sysctl -w net.ipv4.conf.all.{name}={value}")))
        .expect(format!("ARP answered out on {}", device.name))
        .yes()
}

/// Answers to one question come within this time, nanoseconds; who takes an address over later is another matter.
const ONE_QUESTION: i64 = 2_000_000_000;

/// Who answered for the address that is pinged, when first and when last, and the first frame.
fn answerers(scene: &Scene<'_>) -> Vec<Answerer> {
    let mut found: Vec<Answerer> = Vec::new();
    for journey in scene.case.journeys() {
        let owner = match &journey.subject {
            Fact::Arp(arp) if arp.operation == ArpOperation::Reply && arp.sender_ip != arp.target_ip => {
                Some((IpAddr::V4(arp.sender_ip), arp.sender_mac))
            }
            Fact::Neighbor(Neighbor::Advertisement { target, mac, is_solicited: true, .. }) => {
                mac.or(journey.source).map(|mac| (IpAddr::V6(*target), mac))
            }
            _ => None,
        };
        let Some((_, mac)) = owner.filter(|(ip, _)| Some(*ip) == scene.walk.to.ip) else { continue };
        let at = began(journey);
        match found.iter_mut().find(|known| known.mac == mac) {
            Some(known) => known.at.push(at),
            None => found.push(Answerer { mac, at: vec![at], frame: journey.sightings.first().map(|seen| seen.frame).unwrap_or_default() }),
        }
    }
    found
}

/// Somebody who answered.
struct Answerer {
    mac: MacAddr,
    at: Vec<Timestamp>,
    frame: FrameNo,
}

/// Those who answered the same question as another one.
fn rivals(scene: &Scene<'_>) -> Vec<Answerer> {
    let all = answerers(scene);
    let is_rival = |one: &Answerer| {
        let others = all.iter().filter(|other| other.mac != one.mac).flat_map(|other| &other.at);
        others.into_iter().any(|theirs| one.at.iter().any(|own| own.since(*theirs).abs() <= ONE_QUESTION))
    };
    let keep: Vec<bool> = all.iter().map(is_rival).collect();
    all.into_iter().zip(keep).filter_map(|(one, is_rival)| is_rival.then_some(one)).collect()
}

fn is_host_mac(scene: &Scene<'_>, mac: MacAddr) -> bool {
    scene.host().devices().any(|device| device.mac == Some(mac) && scene.host().addresses().any(|row| row.device == device.id))
}

fn duplicate_ip(scene: &Scene<'_>) -> Answer {
    let answers = rivals(scene);
    let (false, Some(ip)) = (answers.len() < 2 || answers.iter().any(|one| is_host_mac(scene, one.mac)), scene.walk.to.ip) else {
        return Answer::Idle;
    };
    let macs: Vec<String> = answers.iter().map(|one| one.mac.to_string()).collect();
    Hit::new(format!("address {ip}"), scene.spot.device, format!("{} stations say that they have {ip}: {}", macs.len(), macs.join(", ")))
        .frames(
            Rank::Packets,
            format!("ARP for {ip} was answered by {}", macs.join(" and ")),
            answers.iter().map(|one| one.frame).collect(),
        )
        .fix(format!("give one of them another address; arping -D -I BRIDGE {ip} tells who still has it"))
        .expect("one answer to each question")
        .in_guest()
        .yes()
}

/// Whether the host answered for an address of a guest on that link, so that its packets come to the host (arp(7), proxy_arp).
pub(super) fn is_proxied(scene: &Scene<'_>) -> bool {
    let host = scene.host();
    let Some(bridge) = scene.walk.to.device().and_then(|device| host.device(device)?.master).and_then(|bridge| host.device(bridge)) else {
        return false;
    };
    routing::device_setting(host, bridge.id, "ipv4", "proxy_arp") > 0
        && scene.spot.probe.destination_mac == bridge.mac
        && answerers(scene).iter().any(|one| Some(one.mac) == bridge.mac)
}

fn proxy_arp(scene: &Scene<'_>) -> Answer {
    let (Some(ip), Some(to_device)) = (scene.walk.to.ip, scene.walk.to.device()) else { return Answer::Idle };
    let bridge = match scene.spot.at {
        At::BridgeUp => scene.spot.bridge,
        _ => scene.host().device(to_device).and_then(|device| device.master),
    };
    let Some(bridge) = bridge.and_then(|bridge| scene.host().device(bridge)) else { return Answer::Idle };
    let is_on = routing::device_setting(scene.host(), bridge.id, "ipv4", "proxy_arp") > 0;
    let asked = scene.spot.probe.destination_mac;
    let is_other = scene.host().device(to_device).is_some_and(|device| device.master == Some(bridge.id)) && asked != scene.walk.to.mac;
    if !is_on || asked != bridge.mac || !is_other {
        return Answer::Idle;
    }
    let leads = match routing::look_up(scene.host(), bridge.id.netns, None, ip, None) {
        Way::Out(hop) => format!("its route to {ip} is by {}", scene.name(hop.device)),
        _ => format!("it answers for {ip}"),
    };
    let name = &bridge.name;
    Hit::new(scene.name(bridge.id), Some(bridge.id), format!("the host answers ARP on {name} in place of {ip}, and gets its packets"))
        .state(format!("proxy_arp is 1 on {name}, and {leads}"))
        .fix(within(scene.host(), bridge.id.netns, &format!("sysctl -w net.ipv4.conf.{name}.proxy_arp=0")))
        .undo(within(scene.host(), bridge.id.netns, &format!("sysctl -w net.ipv4.conf.{name}.proxy_arp=1")))
        .expect("the answer of the guest alone")
        .yes()
}

/// Whether anybody sends from a link-layer address.
fn is_alive(scene: &Scene<'_>, mac: MacAddr) -> bool {
    scene.case.tables.stations.iter().any(|row| row.mac == mac && row.sent.packets > 0)
        || scene.host().devices().any(|device| device.mac == Some(mac))
        || scene.host().guests().any(|guest| guest.nics.iter().any(|nic| nic.mac == Some(mac)))
}

/// A packet for an address of the host on a bridge, sent to a link-layer address that the bridge had before.
fn gateway_mac_changed(scene: &Scene<'_>) -> Answer {
    let (Some(mac), Some((bridge, _))) = (scene.spot.probe.destination_mac.filter(|mac| !mac.is_group()), scene.bridge()) else {
        return Answer::Idle;
    };
    let host = scene.host();
    let Some(now) = bridge.mac.filter(|now| *now != mac) else { return Answer::Idle };
    let had = scene.case.tables.bindings.iter().find(|row| {
        row.mac == mac && row.learned.proves_owner() && host.addresses().any(|own| own.ip == row.ip && own.device == bridge.id)
    });
    // A bridge takes the lowest address of its ports, and gives it up when that port leaves.
    let left = host.devices().find(|device| {
        device.mac == Some(mac)
            && device.id.netns == bridge.id.netns
            && device.master != Some(bridge.id)
            && !routing::has_address(host, device.id)
    });
    let is_for_bridge = matches!(scene.walk.to.place, Place::Local(_, device) if device == bridge.id);
    let is_alive = is_alive(scene, mac) && scene.walk.to.mac == Some(mac);
    let ip = scene.walk.to.ip.filter(|_| is_for_bridge && left.is_some()).or(had.map(|row| row.ip));
    let (Some(gateway), false) = (ip, is_alive) else { return Answer::Idle };
    let ip = tool(host, bridge.id.netns, "ip");
    let mut hit = Hit::new(
        scene.name(bridge.id),
        Some(bridge.id),
        format!("{gateway} is sent to {mac}, which {} had before; now it has {now}", bridge.name),
    )
    .fix(format!("{ip} link set {} address {mac}", bridge.name))
    .undo(format!("{ip} link set {} address {now}", bridge.name))
    .expect("the packet at the host; guests also ask anew after half a minute");
    if let Some(row) = had {
        hit = hit.frames(Rank::Packets, format!("{gateway} was at {mac}"), vec![row.evidence.last]);
    }
    if let Some(left) = left {
        hit = hit.state(format!("{} has the address {mac} and is no port of {} any more, which has {now}", left.name, bridge.name));
    }
    hit.yes()
}

/// Whether it should leave to an address by a device that nobody listens on: who is there would not have been heard.
fn is_out_of_earshot(scene: &Scene<'_>, mac: MacAddr) -> bool {
    let was_seen = scene.walk.packets.iter().any(|packet| packet.destination == Some(mac));
    let is_deaf = |stop: &Stop| match stop {
        Stop::Point { device, probe, .. } => probe.destination_mac == Some(mac) && scene.case.ear(*device) == Ear::Deaf,
        Stop::Spot(_) => false,
    };
    !was_seen && scene.walk.trail.stops.iter().any(is_deaf)
}

fn stale_arp(scene: &Scene<'_>) -> Answer {
    if scene.spot.at == At::Neighbor {
        let (Some(out), Some(next), Some(right)) = (scene.out(), scene.spot.next_hop, scene.walk.to.mac) else { return Answer::Idle };
        let row = scene.host().neighbors().find(|row| row.device == out.id && row.ip == next && Some(next) == scene.walk.to.ip);
        let Some((row, wrong)) = row.and_then(|row| Some((row, row.mac.filter(|mac| *mac != right)?))) else { return Answer::Idle };
        let ip = tool(scene.host(), out.id.netns, "ip");
        return Hit::new(
            format!("neighbour {next} on {}", scene.name(out.id)),
            Some(out.id),
            format!("the host takes {next} for {wrong}; it is {right}"),
        )
        .state(format!("neighbour {next} dev {} is {wrong} {}", out.name, row.state.name().to_uppercase()))
        .fix(format!("{ip} neigh del {next} dev {}", out.name))
        .expect(format!("ARP out on {}", out.name))
        .yes();
    }
    let (Some(mac), Leg::Request | Leg::Reply) = (scene.spot.probe.destination_mac.filter(|mac| !mac.is_group()), scene.spot.probe.leg)
    else {
        return Answer::Idle;
    };
    let asked = crate::diagnose::sight::packets(scene.case.tables, Leg::ArpRequest, &scene.walk.from, &scene.walk.to, scene.case.window);
    let is_learned = scene.host().fdb().any(|entry| entry.mac == mac);
    if !scene.has_packets()
        || is_out_of_earshot(scene, mac)
        || is_alive(scene, mac)
        || is_learned
        || !asked.is_empty()
        || scene.walk.to.mac == Some(mac)
    {
        return Answer::Idle;
    }
    // The host's own table says it in so many words.
    let next_hop = |row: &&HostNeighbor| row.mac == Some(mac) && row.state == NeighborState::Permanent;
    if let Some(row) = scene.host().neighbors().find(next_hop) {
        let (ip, device) = (tool(scene.host(), row.device.netns, "ip"), scene.name(row.device));
        return Hit::new(
            format!("neighbour {} on {device}", row.ip),
            Some(row.device),
            format!("the host takes {} for {mac}, which nobody has", row.ip),
        )
        .state(format!("neighbour {} dev {device} is {mac} PERMANENT, and no port ever had a frame from it", row.ip))
        .fix(format!("{ip} neigh del {} dev {device}", row.ip))
        .expect(format!("ARP out on {device}"))
        .yes();
    }
    let hit = Hit::new(
        format!("{}'s table of neighbours", scene.walk.from.label()),
        scene.spot.device,
        format!("{} sends to {mac}, which nobody has, and does not ask", scene.walk.from.label()),
    )
    .frames(Rank::Packets, format!("no station ever sent from {mac}, and no ARP asked for {}", scene.walk.to.label()), scene.frames())
    .fix(format!("ip neigh del {} dev eth0", scene.walk.to.label()))
    .expect("ARP for it, then the echo to another address")
    .in_guest();
    // Who never spoke may have that address after all.
    if scene.walk.to.mac.is_some() { hit.yes() } else { hit.guess().yes() }
}
