//! What the things of the picture are, in the words that every view shares.

use crate::session::Shown;
use std::collections::BTreeMap;
use tapscope_graph::host::{Cable, CableSight, CableState, Departed, Device, DeviceId, Guest, Netns, Nic, UserNetwork};
use tapscope_graph::tables::Point;
use tapscope_graph::topology::{Address, Configured, Interface, Key, Link, LinkKind, LinkState, Node, NodeKind};
use tapscope_graph::{MacAddr, Timestamp, View};

/// Addresses of this host that the picture lists.
const LINES: usize = 8;

/// Whether a node is the host that tapscope runs on, rather than a namespace of it.
pub(crate) fn is_own(view: &View, node: &Node) -> bool {
    let Some(Configured::Local(netns)) = node.host else { return false };
    view.tables.host.namespace(netns).is_none_or(|namespace| namespace.is_own)
}

/// Whether a link was there and the host has it no more: its point is closed and its device gone, or it was on a cable that is gone.
pub(crate) fn is_gone(view: &View, link: &Link) -> bool {
    let tables = &view.tables;
    let is_left = |point: &Point| point.closed || point.info.cable.is_some();
    let is_left = link.point.and_then(|point| tables.points.get(point.0 as usize)).is_some_and(is_left);
    is_left && link.device.is_none() && link.cable.is_none() && !tables.host.is_empty()
}

/// Stations that are guests which ended: their TAP is still there, and waits for them.
pub(crate) fn stopped(view: &View) -> BTreeMap<Key, Departed<'_>> {
    let departed: BTreeMap<DeviceId, Departed<'_>> = view.tables.host.departed().map(|row| (row.device.id, row)).collect();
    if departed.is_empty() {
        return BTreeMap::new();
    }
    let attached = view.topology.attachments().filter(|(node, ..)| matches!(node.kind, NodeKind::Host | NodeKind::Router));
    let rows = attached.filter_map(|(node, link, interface)| {
        let row = departed.get(&link.device?).filter(|row| interface.mac.is_some() && row.nic.mac == interface.mac)?;
        Some((node.key, *row))
    });
    rows.collect()
}

/// What a guest is called, or the program and its process.
pub(crate) fn guest_name(guest: &Guest) -> String {
    guest.name.as_ref().map_or_else(|| format!("{} {}", guest.program, guest.pid), ToString::to_string)
}

/// The guest that a node is.
pub(crate) fn guest<'a>(view: &'a View, node: &Node) -> Option<&'a Guest> {
    let Some(Configured::Guest(pid)) = node.host else { return None };
    view.tables.host.guest(pid)
}

/// The host's device that a link is.
pub(crate) fn device<'a>(view: &'a View, link: &Link) -> Option<&'a Device> {
    view.tables.host.device(link.device?)
}

/// What a device is called, or its number where it is not known.
pub(crate) fn device_name(view: &View, id: DeviceId) -> String {
    view.tables.host.device(id).map_or_else(|| format!("device {}", id.index), |device| device.name.to_string())
}

/// What a namespace is called.
pub(crate) fn namespace_name(view: &View, netns: Netns) -> String {
    match view.tables.host.namespace(netns) {
        None => String::new(),
        Some(namespace) if namespace.is_own => "this host".to_owned(),
        Some(namespace) => match (&namespace.name, namespace.pid) {
            (Some(name), _) => name.to_string(),
            (None, Some(pid)) => format!("of process {pid}"),
            (None, None) => netns.0.to_string(),
        },
    }
}

/// An address with the length of its prefix, where that is known.
pub(crate) fn with_length(address: &Address) -> String {
    match address.device {
        Some((_, length)) => format!("{}/{length}", address.ip),
        None => address.ip.to_string(),
    }
}

/// What the picture says of this host below its title: its addresses with the devices that they are set on, and whether it forwards.
pub(crate) fn local_lines(view: &View, node: &Node) -> Vec<String> {
    let is_shown = |address: &&Address| match address.ip {
        std::net::IpAddr::V4(ip) => !ip.is_loopback(),
        std::net::IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    };
    let addresses: Vec<&Address> = node.addresses.iter().filter(is_shown).collect();
    let mut lines: Vec<String> = addresses
        .iter()
        .take(LINES)
        .map(|address| match address.device {
            Some((id, _)) => format!("{}  {}", with_length(address), device_name(view, id)),
            None => address.ip.to_string(),
        })
        .collect();
    if addresses.len() > LINES {
        lines.push(format!("and {} more addresses", addresses.len() - LINES));
    }
    lines.push(if node.router.is_empty() { "forwarding off".to_owned() } else { "forwarding on".to_owned() });
    lines
}

/// A card's model without the bus that it sits on: `virtio-net` for `virtio-net-pci`.
pub(crate) fn model(nic: &Nic) -> &str {
    let name = nic.model.as_ref().map_or("", |model| model.as_str());
    name.trim_end_matches("-device").trim_end_matches("-pci")
}

/// Stations that send through a guest's link without having the address of its card.
pub(crate) fn strangers<'a>(view: &'a View, guest: &Node) -> Vec<(&'a Link, MacAddr)> {
    let links: Vec<Key> = view.topology.attachments().filter(|(node, ..)| node.key == guest.key).map(|(_, link, _)| link.key).collect();
    view.topology
        .attachments()
        .filter(|(node, link, interface)| {
            let is_station = matches!(node.kind, NodeKind::Host | NodeKind::Router) && interface.is_seen;
            // On a cable it may be from the other end.
            is_station && link.kind != LinkKind::Cable && links.contains(&link.key)
        })
        .filter_map(|(_, link, interface)| Some((link, interface.mac?)))
        .collect()
}

/// The host's cable that a link is.
pub(crate) fn cable<'a>(view: &'a View, link: &Link) -> Option<&'a Cable> {
    view.tables.host.cable(link.cable.as_ref()?)
}

/// Whether an open point listens on a link.
pub(crate) fn is_listened(view: &View, link: &Link) -> bool {
    link.point.and_then(|point| view.tables.points.get(point.0 as usize)).is_some_and(|point| !point.closed)
}

/// How the frames of a cable can be seen that nobody listens to, in few words; nothing where somebody does.
pub(crate) fn sight(view: &View, link: &Link) -> Option<&'static str> {
    let cable = cable(view, link).filter(|_| !is_listened(view, link))?;
    Some(match &cable.sight {
        CableSight::Carried { .. } => "not listened to",
        CableSight::Asked { monitor: Some(_), .. } => "unseen, ask QEMU",
        CableSight::Asked { monitor: None, .. } | CableSight::Unseen { .. } => "cannot be seen",
        CableSight::Unknown => "not known how to see it",
    })
}

/// What a user-mode stack's addresses are for, by its options.
pub(crate) fn stack_lines(view: &View, node: &Node) -> Vec<String> {
    let host = &view.tables.host;
    let cable = view.topology.attachments().find(|(other, link, _)| other.key == node.key && link.cable.is_some());
    let ends = cable.and_then(|(_, link, _)| self::cable(view, link)).into_iter().flat_map(|cable| &cable.ends);
    let user = ends.filter_map(|end| host.plugged(end)?.1.backend.as_ref()).find_map(|backend| UserNetwork::of(&backend.options));
    let is = |ip: std::net::IpAddr, own: std::net::Ipv4Addr| ip == std::net::IpAddr::V4(own);
    let role = |ip| match user {
        Some(user) if is(ip, user.gateway) => " gateway, DHCP",
        Some(user) if is(ip, user.dns) => " DNS",
        _ => "",
    };
    let shown = node.addresses.iter().filter(|address| address.ip.is_ipv4());
    let mut lines: Vec<String> = shown.take(2).map(|address| format!("{}{}", address.ip, role(address.ip))).collect();
    let beyond = match node.remote_count {
        0 if user.is_some_and(|user| user.is_restricted) => Some("restricted to itself".to_owned()),
        0 => None,
        count => Some(format!("{count} beyond it")),
    };
    match (lines.last_mut(), beyond) {
        (Some(last), Some(beyond)) => *last = format!("{last} · {beyond}"),
        (None, beyond) => lines.extend(beyond),
        (Some(_), None) => {}
    }
    lines
}

/// Whether a state lets nothing pass.
pub(crate) fn is_broken(state: LinkState) -> bool {
    !matches!(state, LinkState::Unknown | LinkState::Up)
}

/// Whether a link's port is isolated: no frame passes from it to another such port of the same bridge.
pub(crate) fn is_isolated(view: &View, link: &Link) -> bool {
    device(view, link).and_then(|device| device.port.as_ref()).is_some_and(|port| port.is_isolated)
}

/// Whether a cable in this state may wait for good reason.
pub(crate) fn may_wait(state: CableState) -> bool {
    matches!(state, CableState::Listening | CableState::Alone)
}

/// Whether frames of an attachment were seen, or its counters moved.
pub(crate) fn is_used(interface: &Interface) -> bool {
    interface.is_seen || interface.sent.packets + interface.received.packets > 0 || !interface.series.buckets.is_empty()
}

impl Shown {
    /// The moment that rates are told of.
    pub(crate) fn now(&self) -> Timestamp {
        let known = self.view.tables.now.unwrap_or_default();
        // A quiet host has no frame that says how late it is.
        if self.is_live() { known.max(self.playback.position) } else { known }
    }

    /// Whether what is shown is the host rather than a file.
    pub(crate) fn is_live(&self) -> bool {
        self.playback.state == crate::session::PlaybackState::Live
    }
}
