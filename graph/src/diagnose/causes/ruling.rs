//! What rules say of a packet at a place, and how one is told and taken away.

use super::prelude::*;
use crate::diagnose::endpoint::device_of_point;
use crate::diagnose::firewall::{Conn, Hook, Packet, Protocol, Ruling};
use crate::diagnose::sight::packets;
use crate::host::{DeviceId, FirewallRule, HostFact};

/// Families of rules that see frames of a bridge.
pub(super) const BRIDGE: &[&str] = &["bridge"];

/// Families of rules that see frames of one device.
pub(super) const NETDEV: &[&str] = &["netdev"];

/// The packet as the rules of the spot see it.
pub(crate) fn packet<'s>(scene: &Scene<'s>) -> Packet<'s> {
    let probe = &scene.spot.probe;
    let is_v6 = probe.is_v6();
    let protocol = match (probe.leg, is_v6) {
        (Leg::ArpRequest, false) => Protocol::Arp(1),
        (Leg::ArpReply, false) => Protocol::Arp(2),
        (Leg::ArpRequest, true) => Protocol::Icmp(135),
        (Leg::ArpReply, true) => Protocol::Icmp(136),
        (Leg::Request, false) => Protocol::Icmp(8),
        (Leg::Request, true) => Protocol::Icmp(128),
        (Leg::Reply, false) => Protocol::Icmp(0),
        (Leg::Reply, true) => Protocol::Icmp(129),
    };
    let name = |device: Option<DeviceId>| device.and_then(|device| scene.host().device(device)).map(|device| device.name.as_str());
    Packet {
        in_name: name(scene.spot.device),
        out_name: name(scene.spot.out),
        physical_in: None,
        physical_out: None,
        is_bridged: false,
        source_mac: probe.source_mac,
        destination_mac: probe.destination_mac,
        source: probe.source,
        destination: Some(probe.destination),
        is_v6,
        protocol,
        conn: conn(scene),
    }
}

/// What conntrack makes of it: a reply belongs to a connection if its request came by this host.
pub(super) fn conn(scene: &Scene<'_>) -> Conn {
    match scene.spot.probe.leg {
        Leg::ArpRequest | Leg::ArpReply => Conn::Untracked,
        Leg::Request => Conn::New,
        Leg::Reply => {
            let requests = packets(scene.case.tables, Leg::Request, &scene.case.from, &scene.case.to, scene.case.window);
            let was_here = requests
                .iter()
                .flat_map(|packet| &packet.sightings)
                .any(|seen| device_of_point(scene.case.tables, seen.point).is_some_and(|device| device.netns == scene.spot.netns));
            if was_here || !scene.has_packets() { Conn::Established } else { Conn::Invalid }
        }
    }
}

/// A bridged packet as the IP stack's rules see it, where they are shown it (net/bridge/br_netfilter_hooks.c).
pub(super) fn bridged<'s>(scene: &Scene<'s>) -> Option<Packet<'s>> {
    if scene.spot.probe.is_resolution() && !scene.spot.probe.is_v6() {
        return None;
    }
    let (bridge, _) = scene.bridge()?;
    let own = packet(scene);
    let out_name = own.out_name.map(|_| bridge.name.as_str());
    Some(Packet {
        in_name: Some(bridge.name.as_str()),
        physical_in: own.in_name,
        physical_out: own.out_name,
        out_name,
        is_bridged: true,
        ..own
    })
}

/// Whether bridged packets are shown to the IP stack's rules.
pub(super) fn is_shown(scene: &Scene<'_>) -> bool {
    let name = if scene.spot.probe.is_v6() { "net.bridge.bridge-nf-call-ip6tables" } else { "net.bridge.bridge-nf-call-iptables" };
    let of_bridge = scene.bridge().is_some_and(|(_, bridge)| bridge.calls_iptables && !scene.spot.probe.is_v6());
    scene.setting(name) == 1 || of_bridge
}

/// What the rules of one hook say of the packet.
pub(super) fn rule<'s>(
    scene: &Scene<'s>,
    name: &'static str,
    families: &'static [&'static str],
    device: Option<&str>,
    packet: &Packet<'_>,
) -> Ruling<'s> {
    scene.case.rules.ask(scene.spot.netns, Hook { name, families, device }, packet)
}

/// The hooks of a bridge that a frame passes at a spot.
pub(super) fn bridge_rulings<'s>(scene: &Scene<'s>) -> Vec<Ruling<'s>> {
    let hooks: &[&'static str] = match scene.spot.at {
        At::BridgeIn => &["prerouting"],
        At::BridgeUp => &["input"],
        _ if scene.spot.device.is_some() => &["forward", "postrouting"],
        _ => &["output", "postrouting"],
    };
    hooks.iter().map(|name| rule(scene, name, BRIDGE, None, &packet(scene))).collect()
}

/// The hooks of the IP stack that a bridged packet is shown to.
pub(super) fn shown_rulings<'s>(scene: &Scene<'s>) -> Vec<Ruling<'s>> {
    let Some(packet) = bridged(scene).filter(|_| scene.spot.device.is_some()) else { return Vec::new() };
    let hooks: &[&'static str] = if scene.spot.at == At::BridgeIn { &["prerouting"] } else { &["forward", "postrouting"] };
    hooks.iter().map(|name| rule(scene, name, packet.families(), None, &packet)).collect()
}

/// The hook of the IP stack at a spot.
pub(super) fn ip_ruling<'s>(scene: &Scene<'s>) -> Ruling<'s> {
    let packet = packet(scene);
    let name = match scene.spot.at {
        At::Prerouting => "prerouting",
        At::Input => "input",
        At::Forward => "forward",
        At::Output => "output",
        _ => "postrouting",
    };
    rule(scene, name, packet.families(), None, &packet)
}

/// The rule in words: `inet fw forward rule 0: …`.
pub(super) fn title(rule: &FirewallRule) -> String {
    let number = if rule.rule.as_str().starts_with("policy ") { String::new() } else { format!(" rule {}", rule.number) };
    format!("{} {} chain {}{number}: {}", rule.tool, rule.table, rule.chain, rule.rule)
}

pub(super) fn place(rule: &FirewallRule) -> String {
    format!("{} table {} chain {}", rule.tool, rule.table, rule.chain)
}

/// The command that takes a rule away, or a policy.
fn removal(scene: &Scene<'_>, rule: &FirewallRule) -> (String, Option<String>) {
    let (family, table) = rule.table.as_str().split_once(' ').unwrap_or(("", rule.table.as_str()));
    let tool = rule.tool.as_str();
    let command = |command: String| within(scene.host(), rule.netns, &command);
    match (rule.rule.as_str().strip_prefix("policy "), tool) {
        (Some(_), "nft") => (
            command(format!("nft chain {family} {table} {} '{{ policy accept; }}'", rule.chain)),
            Some(command(format!("nft chain {family} {table} {} '{{ policy drop; }}'", rule.chain))),
        ),
        (Some(_), tool) => (
            command(format!("{tool} -t {table} -P {} ACCEPT", rule.chain)),
            Some(command(format!("{tool} -t {table} -P {} DROP", rule.chain))),
        ),
        (None, "nft") => {
            let removed = match rule.handle {
                Some(handle) => format!("nft delete rule {family} {table} {} handle {handle}", rule.chain),
                // A recording from before handles were read.
                None => format!(
                    "nft -a list chain {family} {table} {} # then: nft delete rule {family} {table} {} handle N",
                    rule.chain, rule.chain
                ),
            };
            (command(removed), None)
        }
        (None, tool) => (
            command(format!("{tool} -t {table} -D {} {}", rule.chain, rule.rule)),
            Some(command(format!("{tool} -t {table} -A {} {}", rule.chain, rule.rule))),
        ),
    }
}

/// A rule that drops, with its counter where it has one.
pub(super) fn dropped(scene: &Scene<'_>, rule: &FirewallRule, summary: String) -> Hit {
    let (fix, undo) = removal(scene, rule);
    let mut hit = Hit::new(place(rule), scene.spot.device, summary).object(title(rule)).state(title(rule)).fix(fix);
    if let Some(undo) = undo {
        hit = hit.undo(undo);
    }
    let key = HostFact::Firewall(rule.clone()).key();
    if let Some(grown) = scene.case.grown(&key).filter(|grown| *grown > 0) {
        hit = hit.proof(Rank::Counter, format!("its counter grew by {grown}, {} lost", scene.count()));
    }
    hit.expect("the packet behind that rule, and its counter at rest")
}

/// What could not be decided is said; it is a suspicion where its counter moved.
pub(super) fn unclear(rule: &FirewallRule) -> Answer {
    Answer::Unknown(format!("what this rule does with the packet: {}", title(rule)))
}

pub(super) fn is_spoof(rule: &FirewallRule) -> bool {
    let text = rule.rule.as_str();
    ["ether saddr != ", "-s ! ", "! -s ", "ether saddr ip"].iter().any(|words| text.contains(words))
        && rule.table.as_str().starts_with("bridge")
}

pub(super) fn is_invalid(rule: &FirewallRule) -> bool {
    rule.rule.as_str().to_ascii_lowercase().contains("invalid")
}
