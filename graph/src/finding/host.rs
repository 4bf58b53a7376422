//! What is odd in what the host says, or between that and what frames show.

use super::{Finding, FindingKind, Severity};
use crate::MacAddr;
use crate::host::{Device, DeviceKind, PortState};
use crate::tables::Tables;
use crate::topology::{Key, LinkState, NodeKind, Topology};
use std::collections::{BTreeMap, BTreeSet};

/// Finds it.
pub(super) fn host(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    if tables.host.is_empty() {
        return;
    }
    addresses_on_ports(tables, topology, found);
    links(tables, topology, found);
    strangers(topology, found);
}

pub(super) fn finding(severity: Severity, kind: FindingKind, text: String, about: Option<Key>) -> Finding {
    Finding { severity, kind, subject: text.clone(), text, about, point: None, frames: Vec::new(), count: 1 }
}

/// Linux hands what comes in by a bridge's port to the bridge: an address on the port is answered for, but never heard (br_input.c).
fn addresses_on_ports(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    let host = &tables.host;
    for address in host.addresses() {
        let Some(device) = host.device(address.device).filter(|device| device.port.is_some()) else { continue };
        let Some(bridge) = device.master.and_then(|master| host.device(master)) else { continue };
        if !matches!(bridge.kind, DeviceKind::Bridge(_)) || address.ip.is_ipv6() {
            continue;
        }
        let text = format!(
            "{} is set on {}, a port of {}: what comes in there belongs to {}, and answers go out by another way; set it on {}",
            address.ip, device.name, bridge.name, bridge.name, bridge.name
        );
        found.push(finding(Severity::Warning, FindingKind::AddressOnPort, text, link_of(topology, device)));
    }
}

fn link_of(topology: &Topology, device: &Device) -> Option<Key> {
    topology.links().find(|link| link.device == Some(device.id)).map(|link| link.key)
}

/// Links that let nothing pass although somebody wants them to.
fn links(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    for link in topology.links() {
        let Some(device) = link.device.and_then(|device| tables.host.device(device)) else { continue };
        let (severity, kind, text) = match link.state {
            LinkState::Blocked(PortState::Disabled) => {
                (Severity::Warning, FindingKind::PortDisabled, format!("port {} is disabled: nothing passes", link.name))
            }
            LinkState::Blocked(PortState::Blocking) => {
                (Severity::Warning, FindingKind::PortNotForwarding, format!("port {} is blocking: nothing passes", link.name))
            }
            LinkState::Blocked(state) => {
                (Severity::Note, FindingKind::PortNotForwarding, format!("port {} is {}: nothing passes yet", link.name, state.name()))
            }
            LinkState::Unread => {
                (Severity::Note, FindingKind::TapUnread, format!("nobody has {} open: what is sent there is lost", link.name))
            }
            LinkState::Down if tables.host.guest_behind(device.id).is_some() => {
                (Severity::Warning, FindingKind::TapDown, format!("{} is down, and a guest has it open", link.name))
            }
            LinkState::Down | LinkState::Unknown | LinkState::Up | LinkState::NoCarrier | LinkState::Unplugged(_) => continue,
        };
        found.push(finding(severity, kind, text, Some(link.key)));
    }
}

/// Stations behind a guest's TAP, or on a cable of guests only, that are not their cards.
fn strangers(topology: &Topology, found: &mut Vec<Finding>) {
    let mut cards: BTreeMap<Key, Vec<(String, Option<MacAddr>)>> = BTreeMap::new();
    let mut relayed: BTreeSet<Key> = BTreeSet::new();
    for (node, link, interface) in topology.attachments() {
        match node.kind {
            NodeKind::Guest => {
                let name = node.name.as_ref().map_or_else(|| node.key.to_string(), ToString::to_string);
                let card = interface.mac.map_or(name.clone(), |mac| format!("{name}, whose card there is {mac}"));
                cards.entry(link.key).or_default().push((card, interface.mac));
            }
            // Behind a program may be anybody.
            NodeKind::Stack | NodeKind::Program => drop(relayed.insert(link.key)),
            NodeKind::Host | NodeKind::Router | NodeKind::Local | NodeKind::Bridge | NodeKind::Outside => {}
        }
    }
    for (node, link, interface) in topology.attachments() {
        let is_station = matches!(node.kind, NodeKind::Host | NodeKind::Router) && !relayed.contains(&link.key);
        let (Some(cards), Some(mac), true) = (cards.get(&link.key), interface.mac, is_station && interface.is_seen) else { continue };
        if cards.iter().any(|(_, card)| card.is_none() || *card == Some(mac)) {
            continue;
        }
        let names: Vec<&str> = cards.iter().map(|(card, _)| card.as_str()).collect();
        let text = match names[..] {
            [card] => format!("{mac} sends from behind {}, and is not {card}", link.name),
            _ => format!("{mac} sends on {}, and is neither {}", link.name, names.join(", nor ")),
        };
        found.push(finding(Severity::Note, FindingKind::MacDiffers, text, Some(node.key)));
    }
}
