//! What is wrong in bridges: frames that go round, stations with one address, ports of different lengths.

use super::host::finding;
use super::{FRAMES, Finding, FindingKind, Severity};
use crate::host::{Device, DeviceId, DeviceKind, Host};
use crate::journey::going_round;
use crate::tables::Tables;
use crate::topology::{Key, Topology};
use crate::{MacAddr, PointId};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Finds it.
pub(super) fn bridges(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    loops(tables, topology, found);
    let host = &tables.host;
    for bridge in host.devices().filter(|device| matches!(device.kind, DeviceKind::Bridge(_))) {
        let ports: Vec<&Device> = host.ports(bridge.id).collect();
        lengths(topology, bridge, &ports, found);
        duplicates(tables, topology, bridge, &ports, found);
    }
}

fn about(topology: &Topology, device: DeviceId) -> Option<Key> {
    topology.links().find(|link| link.device == Some(device)).map(|link| link.key)
}

/// One fault, though every point of the loop shows it.
fn loops(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    let mut rounds = going_round(tables.journeys.iter()).into_iter().collect::<Vec<_>>();
    let device = |point: PointId| tables.points.get(point.0 as usize).and_then(|row| row.info.device);
    let bridge = |point: PointId| tables.host.device(device(point)?)?.master;
    while let Some((point, frames)) = (!rounds.is_empty()).then(|| rounds.remove(0)) {
        // Without what the host says, each point may be another link.
        let is_same = |other: PointId| bridge(point).is_some() && bridge(point) == bridge(other);
        let mut points = vec![point];
        rounds.retain(|(other, _)| {
            let is_same = is_same(*other);
            points.extend(is_same.then_some(*other));
            !is_same
        });
        let names: Vec<String> = points.iter().map(|point| tables.points[point.0 as usize].label(*point)).collect();
        let count = frames.len() as u64;
        let text = format!("frames go round: one broadcast comes in again and again at {}", names.join(" and "));
        found.push(Finding {
            severity: Severity::Error,
            kind: FindingKind::Loop,
            text,
            about: device(point).and_then(|device| about(topology, device)),
            point: Some(point),
            frames: frames.into_iter().take(FRAMES).collect(),
            count,
        });
    }
}

/// A bridge drops what is too long for the port that it should leave by, and tells nobody (br_forward.c, `is_skb_forwardable`).
fn lengths(topology: &Topology, bridge: &Device, ports: &[&Device], found: &mut Vec<Finding>) {
    let ports: Vec<&&Device> = ports.iter().filter(|port| port.mtu > 0).collect();
    let (Some(least), Some(most)) = (ports.iter().min_by_key(|port| port.mtu), ports.iter().max_by_key(|port| port.mtu)) else { return };
    if least.mtu == most.mtu {
        return;
    }
    let text = format!(
        "ports of {} take packets of different lengths: {} up to {} octets, {} up to {}: what is longer is lost at {}, and nobody is told",
        bridge.name, most.name, most.mtu, least.name, least.mtu, least.name
    );
    found.push(finding(Severity::Warning, FindingKind::MtuDiffers, text, about(topology, least.id)));
}

/// Stations with one link-layer address at two ports: cards of two guests, or whoever says of itself that it has different IP addresses.
fn duplicates(tables: &Tables, topology: &Topology, bridge: &Device, ports: &[&Device], found: &mut Vec<Finding>) {
    let host = &tables.host;
    let mut cards: BTreeMap<MacAddr, BTreeSet<DeviceId>> = BTreeMap::new();
    for port in ports {
        if let Some(mac) = host.guest_behind(port.id).and_then(|(_, nic)| nic.mac) {
            cards.entry(mac).or_default().insert(port.id);
        }
    }
    let mut heard: BTreeMap<MacAddr, BTreeMap<DeviceId, PointId>> = BTreeMap::new();
    for row in tables.stations.iter().filter(|row| row.inbound > 0 && row.mac.is_station()) {
        let device = tables.points.get(row.point.0 as usize).and_then(|point| point.info.device);
        let Some(port) = ports.iter().find(|port| Some(port.id) == device && !joins_bridges(host, port)) else { continue };
        heard.entry(row.mac).or_default().insert(port.id, row.point);
    }
    for (mac, places) in heard.into_iter().filter(|(_, places)| places.len() > 1) {
        let own = |point: &PointId| -> BTreeSet<IpAddr> {
            let rows = tables.bindings.iter().filter(|own| own.mac == mac && own.point == *point && own.inbound);
            rows.filter(|own| own.learned.proves_owner()).map(|own| own.ip).collect()
        };
        let claims: Vec<BTreeSet<IpAddr>> = places.values().map(own).collect();
        // A station that moved has the same addresses as before.
        let differ = |own: &BTreeSet<IpAddr>, other: &BTreeSet<IpAddr>| !own.is_subset(other) && !other.is_subset(own);
        if claims.iter().any(|own| claims.iter().any(|other| differ(own, other))) {
            cards.entry(mac).or_default().extend(places.into_keys());
        }
    }
    for (mac, places) in cards.into_iter().filter(|(_, places)| places.len() > 1) {
        let names: Vec<&str> = ports.iter().filter(|port| places.contains(&port.id)).map(|port| port.name.as_str()).collect();
        let text = format!(
            "{mac} is used at {}, ports of {}: what is sent to it goes to whoever spoke last; give each card an address of its own",
            names.join(" and "),
            bridge.name
        );
        found.push(finding(Severity::Warning, FindingKind::DuplicateMac, text, places.first().and_then(|port| about(topology, *port))));
    }
}

/// A pair of veth that leads from one bridge to another: behind it are all stations of the other.
fn joins_bridges(host: &Host, port: &Device) -> bool {
    let peer = port.lower.filter(|_| port.kind == DeviceKind::Veth).and_then(|peer| host.device(peer));
    peer.is_some_and(|peer| peer.port.is_some())
}
