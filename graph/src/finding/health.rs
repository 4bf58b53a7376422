//! What is wrong with a host's bridges before anybody asks: two guests with one link-layer address, frames that go round, ports that
//! frames do not fit through.

use super::host::finding;
use super::{Finding, FindingKind, Severity};
use crate::MacAddr;
use crate::host::{Device, DeviceId, DeviceKind, Host};
use crate::storm::storms;
use crate::tables::Tables;
use crate::topology::{Key, Topology};
use std::collections::{BTreeMap, BTreeSet};

/// The most ports that a finding names.
const PORTS: usize = 4;

/// Finds it.
pub(super) fn health(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    loops(tables, found);
    duplicate_cards(&tables.host, topology, found);
    narrow_ports(&tables.host, topology, found);
}

fn loops(tables: &Tables, found: &mut Vec<Finding>) {
    for storm in storms(tables.journeys.iter()) {
        let place = tables.points.get(storm.point.0 as usize).map_or_else(String::new, |point| point.label(storm.point));
        let whose = storm.source.map_or_else(|| "one broadcast".to_owned(), |mac| format!("one broadcast of {mac}"));
        let text = format!(
            "frames go round: {whose} came in at {place} {} times within a tenth of a second; bridges are joined twice there, take one of \
             the links down or switch the spanning tree on",
            storm.count
        );
        found.push(Finding {
            severity: Severity::Error,
            kind: FindingKind::L2Loop,
            text,
            subject: format!("{whose} at {place}"),
            about: Some(Key::Link(storm.point, None)),
            point: Some(storm.point),
            frames: storm.frames,
            count: storm.count as u64,
        });
    }
}

/// Guests whose cards have one link-layer address on one bridge: it sends what is for the one to whoever of them spoke last.
fn duplicate_cards(host: &Host, topology: &Topology, found: &mut Vec<Finding>) {
    let mut cards: BTreeMap<(DeviceId, MacAddr), BTreeMap<DeviceId, String>> = BTreeMap::new();
    for device in host.devices() {
        let (Some(bridge), Some((guest, nic))) = (bridge_of(host, device), host.guest_behind(device.id)) else { continue };
        let Some(mac) = nic.mac else { continue };
        let name = guest.name.as_ref().map_or_else(|| format!("process {}", guest.pid), ToString::to_string);
        cards.entry((bridge.id, mac)).or_default().insert(device.id, format!("{name} at {}", device.name));
    }
    for ((bridge, mac), cards) in cards.into_iter().filter(|(_, cards)| cards.len() > 1) {
        let about = cards.keys().find_map(|device| link_of(topology, *device));
        let names: Vec<&str> = cards.values().map(String::as_str).take(PORTS).collect();
        let bridge = host.device(bridge).map_or_else(String::new, |bridge| format!(" on {}", bridge.name));
        let text = format!("{} have the same address {mac}{bridge}: give each a mac= of its own", names.join(" and "));
        // A guest may have given its card another address.
        found.push(finding(Severity::Warning, FindingKind::DuplicateMac, text, about));
    }
}

/// A bridge's port with a smaller MTU than another throws away what does not fit, and tells nobody (net/bridge/br_forward.c,
/// `br_dev_queue_push_xmit`, `is_skb_forwardable`). Nothing is lost before somebody sends so much.
fn narrow_ports(host: &Host, topology: &Topology, found: &mut Vec<Finding>) {
    let mut ports: BTreeMap<DeviceId, Vec<&Device>> = BTreeMap::new();
    for port in host.devices().filter(|device| device.mtu > 0) {
        if let Some(bridge) = bridge_of(host, port) {
            ports.entry(bridge.id).or_default().push(port);
        }
    }
    for (bridge, ports) in ports {
        let mtus: BTreeSet<u32> = ports.iter().map(|port| port.mtu).collect();
        let (Some(least), Some(most)) = (mtus.first(), mtus.last()) else { continue };
        let Some(bridge) = host.device(bridge).filter(|_| least < most) else { continue };
        let narrow: Vec<&&Device> = ports.iter().filter(|port| port.mtu == *least).collect();
        let mut names: Vec<String> = narrow.iter().take(PORTS).map(|port| port.name.to_string()).collect();
        if narrow.len() > PORTS {
            names.push(format!("{} more", narrow.len() - PORTS));
        }
        let (verb, pronoun) = if narrow.len() == 1 { ("has", "it") } else { ("have", "them") };
        let text = format!(
            "{} {verb} an MTU of {least}, other ports of {} {most}: larger packets are lost on their way to {pronoun}, and nobody is told",
            names.join(", "),
            bridge.name
        );
        let about = narrow.first().and_then(|port| link_of(topology, port.id));
        found.push(finding(Severity::Warning, FindingKind::MtuMismatch, text, about));
    }
}

/// The bridge that a device is a port of.
fn bridge_of<'a>(host: &'a Host, device: &Device) -> Option<&'a Device> {
    let bridge = device.port.as_ref().and_then(|_| host.device(device.master?))?;
    matches!(bridge.kind, DeviceKind::Bridge(_)).then_some(bridge)
}

fn link_of(topology: &Topology, device: DeviceId) -> Option<Key> {
    topology.links().find(|link| link.device == Some(device)).map(|link| link.key)
}
