//! Where the window shows the state that an answer rests on.

use crate::inspector::Page;
use crate::things;
use tapscope_graph::View;
use tapscope_graph::diagnose::{Accusation, Endpoint, Place};
use tapscope_graph::host::{DeviceId, Netns};
use tapscope_graph::topology::{Configured, Key, Node, NodeKind};

/// A page of the inspector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Where {
    pub thing: Key,
    pub page: Page,
    /// What is shown there, in few words.
    pub title: String,
}

/// What an accusation's state belongs to.
enum Owner {
    Rules,
    Stack,
    Guest,
    Device,
}

/// By the layer that a cause is at home in.
fn owner(layer: &str) -> Owner {
    match layer {
        _ if layer.contains("filter") || layer.contains("NAT") => Owner::Rules,
        "L2 host" | "L3 host" | "L3" => Owner::Stack,
        "L1 backend" | "L1 QEMU" | "L1 guest" | "L2 guest" | "L2 guest/host" | "L3 DHCP" | "L3 guest" | "L3 slirp" => Owner::Guest,
        _ => Owner::Device,
    }
}

/// Where the state is shown that an accusation is about; `ends` are those of the ping.
pub(super) fn find(view: &View, accused: &Accusation, ends: [&Endpoint; 2]) -> Option<Where> {
    let host = &view.tables.host;
    let own = host.namespaces().find(|netns| netns.is_own).map(|netns| netns.id);
    let netns = accused.device.map(|device| device.netns).or(own)?;
    let device = || accused.device.and_then(|device| of_device(view, device));
    match owner(accused.cause.layer) {
        Owner::Rules => of_stack(view, netns, Page::Rules, "firewall of"),
        Owner::Stack => of_stack(view, netns, Page::Facts, "routes and settings of"),
        Owner::Guest => ends.into_iter().find_map(|end| of_guest(view, end, accused.device)).or_else(device),
        Owner::Device => device(),
    }
    .or_else(device)
}

fn node(view: &View, is_it: impl Fn(&&Node) -> bool) -> Option<&Node> {
    view.topology.nodes().find(is_it)
}

fn of_stack(view: &View, netns: Netns, page: Page, what: &str) -> Option<Where> {
    let node = node(view, |node| node.host == Some(Configured::Local(netns)))?;
    Some(Where { thing: node.key, page, title: format!("{what} {}", things::namespace_name(view, netns)) })
}

/// A guest, if it is at the device that is accused, or no device is.
fn of_guest(view: &View, end: &Endpoint, device: Option<DeviceId>) -> Option<Where> {
    let is_there = match (device, end.place) {
        (Some(device), Place::Behind(own)) => device == own,
        (Some(_), _) => false,
        (None, _) => true,
    };
    let pid = end.pid.filter(|_| is_there)?;
    let node = node(view, |node| node.kind == NodeKind::Guest && node.host == Some(Configured::Guest(pid)))?;
    Some(Where { thing: node.key, page: Page::Facts, title: format!("guest {}", crate::format::title(node)) })
}

fn of_device(view: &View, device: DeviceId) -> Option<Where> {
    let link = view.topology.links().find(|link| link.device == Some(device)).map(|link| link.key);
    let bridge = || node(view, |node| node.host == Some(Configured::Device(device))).map(|node| node.key);
    // A bridge is a link of this host, too; what is set on it is shown with the bridge.
    let thing = bridge().or(link)?;
    Some(Where { thing, page: Page::Facts, title: format!("state of {}", things::device_name(view, device)) })
}
