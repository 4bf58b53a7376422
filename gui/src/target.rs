//! What a command is about, in the words of those who carry it out: a party of a ping, frames to export, a filter.

use crate::session::Shown;
use crate::things;
use crate::window::Selection;
use std::net::IpAddr;
use tapscope_graph::diagnose::Party;
use tapscope_graph::host::DeviceId;
use tapscope_graph::topology::{Configured, Key, Link, Node, NodeKind};
use tapscope_graph::{PointId, View};

/// Addresses that a filter names before it becomes longer than anybody reads.
const NAMED: usize = 4;

pub(crate) fn node(view: &View, key: Key) -> Option<&Node> {
    view.topology.nodes().find(|node| node.key == key)
}

pub(crate) fn link(view: &View, key: Key) -> Option<&Link> {
    view.topology.links().find(|link| link.key == key)
}

/// The device that one can listen on where a thing is.
pub(crate) fn device(view: &View, target: Selection) -> Option<DeviceId> {
    match target {
        Selection::Thing(key) => match node(view, key) {
            Some(node) => match node.host {
                Some(Configured::Device(device)) => Some(device),
                Some(Configured::Guest(_)) => {
                    view.topology.attachments().filter(|(other, ..)| other.key == key).find_map(|(_, link, _)| link.device)
                }
                Some(Configured::Local(_)) | None => None,
            },
            None => link(view, key)?.device,
        },
        Selection::Point(point) => view.tables.points.get(point.0 as usize)?.own_device(),
        _ => None,
    }
}

/// Whether an open point listens on a device.
pub(crate) fn is_listened(view: &View, device: DeviceId) -> bool {
    view.tables.points.iter().any(|point| !point.closed && point.info.device == Some(device))
}

/// Who pings, or is pinged, where a thing is meant; `other` is the other end, where it is known.
pub(crate) fn party(view: &View, key: Key, other: Option<&Party>) -> Option<Party> {
    let Some(node) = node(view, key) else {
        let link = link(view, key)?;
        return Some(Party::Name(link.name.clone()));
    };
    match node.kind {
        NodeKind::Bridge | NodeKind::Outside => return None,
        NodeKind::Guest if node.name.is_some() => return node.name.clone().map(Party::Name),
        _ => {}
    }
    let wanted = match other {
        Some(Party::Ip(ip) | Party::At(ip, _)) => Some(*ip),
        Some(Party::Name(name)) => view.topology.nodes().find(|node| node.name.as_ref() == Some(name)).and_then(first_address),
        Some(Party::Mac(_)) | None => None,
    };
    // A host with several addresses pings from that of the same prefix.
    let is_near = |ip: IpAddr| {
        let set = node.addresses.iter().find(|address| address.ip == ip).and_then(|address| address.device);
        let prefix = set.map(|(_, length)| tapscope_graph::host::Prefix { ip, length });
        wanted.zip(prefix).is_some_and(|(wanted, prefix)| prefix.contains(wanted))
    };
    let near = node.addresses.iter().map(|address| address.ip).find(|ip| is_near(*ip));
    near.or_else(|| first_address(node)).map(Party::Ip).or_else(|| node.macs.first().copied().map(Party::Mac))
}

/// The address that a person would name: IPv4 before IPv6, never a loopback one.
fn first_address(node: &Node) -> Option<IpAddr> {
    let usable = |ip: &IpAddr| !ip.is_loopback();
    let addresses = || node.addresses.iter().map(|address| address.ip).filter(usable);
    addresses().find(IpAddr::is_ipv4).or_else(|| addresses().next())
}

/// Both ends, where a thing has two: an echo, a flow.
pub(crate) fn parties(view: &View, target: Selection) -> Option<(Party, Party)> {
    match target {
        Selection::Echo(index) => {
            let echo = view.tables.echoes.get(index)?;
            Some((Party::Ip(echo.source), Party::Ip(echo.destination)))
        }
        Selection::Flow(index) => {
            let flow = view.tables.flows.get(index)?;
            let (a, b) = (Party::Ip(flow.a().ip), Party::Ip(flow.b().ip));
            Some(if flow.initiator == tapscope_graph::tables::Side::A { (a, b) } else { (b, a) })
        }
        Selection::Resolution(index) => {
            let row = view.tables.resolutions.get(index)?;
            Some((if row.is_probe() { Party::Mac(row.asker_mac) } else { Party::Ip(row.asker_ip) }, Party::Ip(row.target)))
        }
        _ => None,
    }
}

/// The frames of a thing; none where they cannot be told from others.
pub(crate) fn frames(view: &View, target: Selection) -> Option<tapscope_graph::Selection> {
    let mut chosen = tapscope_graph::Selection::default();
    let tables = &view.tables;
    let is_any = match target {
        Selection::None => true,
        Selection::Thing(key) => chosen.add(view, key),
        Selection::Point(point) => chosen.add_point(tables, &point.0.to_string()),
        Selection::Flow(index) => chosen.add_flow(tables, index),
        Selection::Echo(index) => {
            let echo = tables.echoes.get(index)?;
            let journeys = echo.journey.into_iter().chain(echo.reply_journey);
            journeys.filter(|id| chosen.add_journey(tables, *id)).count() > 0
        }
        Selection::Finding(index) => {
            let frames = &view.findings.get(index)?.frames;
            chosen.frames = Some(frames.iter().copied().collect());
            !frames.is_empty()
        }
        Selection::Dhcp(index) => {
            let frames = match index.checked_sub(tables.dhcp.len()) {
                None => tables.dhcp[index].messages.iter().map(|message| message.frame).collect(),
                Some(index) => tables.dhcp6.get(index)?.messages.iter().map(|(_, frame, _)| *frame).collect(),
            };
            chosen.frames = Some(frames);
            true
        }
        Selection::Resolution(index) => {
            let row = tables.resolutions.get(index)?;
            chosen.add_address(Some(row.target), None);
            true
        }
    };
    is_any.then_some(chosen)
}

/// The display filter that means a thing, as a person would write it.
pub(crate) fn filter(view: &View, target: Selection) -> Option<String> {
    let both = |a: IpAddr, b: IpAddr| format!("ip.addr == {a} and ip.addr == {b}");
    match target {
        Selection::None => None,
        Selection::Thing(key) => match node(view, key) {
            Some(node) if node.kind == NodeKind::Bridge => {
                let ports = view.topology.attachments().filter(|(other, ..)| other.key == key);
                let mut names: Vec<String> = ports.map(|(_, link, _)| quoted(link.name.as_str())).collect();
                names.dedup();
                names.truncate(4 * NAMED);
                (!names.is_empty()).then(|| format!("point in {{{}}}", names.join(" ")))
            }
            Some(node) => of_node(view, node),
            None => Some(format!("point == {}", quoted(link(view, key)?.name.as_str()))),
        },
        Selection::Point(point) => Some(format!("point == {}", quoted(&label(view, point)))),
        Selection::Flow(index) => {
            let flow = view.tables.flows.get(index)?;
            let ports = flow.ports.map_or_else(String::new, |(a, b)| format!(" and port == {a} and port == {b}"));
            Some(format!("{}{ports}", both(flow.a().ip, flow.b().ip)))
        }
        Selection::Echo(index) => {
            let echo = view.tables.echoes.get(index)?;
            let protocol = if echo.source.is_ipv6() { "icmpv6" } else { "icmp" };
            Some(format!("{protocol} and {}", both(echo.source, echo.destination)))
        }
        Selection::Finding(index) => filter(view, Selection::Thing(view.findings.get(index)?.about?)),
        Selection::Dhcp(index) => {
            let tables = &view.tables;
            let mac = match index.checked_sub(tables.dhcp.len()) {
                None => tables.dhcp[index].client_mac,
                Some(index) => tables.dhcp6.get(index)?.client_mac,
            };
            mac.map(|mac| format!("eth.addr == {mac}"))
        }
        Selection::Resolution(index) => {
            let row = view.tables.resolutions.get(index)?;
            Some(format!("ip.addr == {} or ip.addr == {}", row.asker_ip, row.target))
        }
    }
}

fn of_node(view: &View, node: &Node) -> Option<String> {
    let mut parts: Vec<String> =
        node.addresses.iter().filter(|address| !address.ip.is_loopback()).take(NAMED).map(|it| format!("ip.addr == {}", it.ip)).collect();
    parts.extend(node.macs.iter().take(NAMED).map(|mac| format!("eth.addr == {mac}")));
    if let Some(guest) = things::guest(view, node) {
        let cards = guest.nics.iter().filter_map(|nic| nic.mac).filter(|mac| !node.macs.contains(mac));
        parts.extend(cards.take(NAMED).map(|mac| format!("eth.addr == {mac}")));
    }
    (!parts.is_empty()).then(|| parts.join(" or "))
}

/// A text as the filter reads it: always in quotation marks, which no name of ours has.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['"', '\\'], ""))
}

pub(crate) fn label(view: &View, point: PointId) -> String {
    view.tables.points.get(point.0 as usize).map_or_else(String::new, |row| row.label(point))
}

/// What a thing is called in a sentence.
pub(crate) fn title(shown: &Shown, target: Selection) -> String {
    let view = &shown.view;
    match target {
        Selection::None => "everything".to_owned(),
        Selection::Thing(key) => match (node(view, key), link(view, key)) {
            (Some(node), _) => crate::format::title(node),
            (None, Some(link)) => link.name.to_string(),
            (None, None) => "what is gone".to_owned(),
        },
        Selection::Point(point) => label(view, point),
        Selection::Flow(_) => "the flow".to_owned(),
        Selection::Echo(_) => "the echo".to_owned(),
        Selection::Finding(_) => "the finding".to_owned(),
        Selection::Dhcp(_) => "the DHCP transaction".to_owned(),
        Selection::Resolution(_) => "the question".to_owned(),
    }
}

/// Whether a thing is a group that can be shown as one: a bridge, or a namespace with bridges of its own.
pub(crate) fn is_group(view: &View, target: Selection) -> bool {
    let Selection::Thing(key) = target else { return false };
    let is_within = |netns| {
        let is_there = |node: &Node| matches!(node.host, Some(Configured::Device(id)) if id.netns == netns);
        view.topology.nodes().any(is_there)
    };
    node(view, key).is_some_and(|node| match node.host {
        Some(Configured::Local(netns)) => !things::is_own(view, node) && is_within(netns),
        _ => node.kind == NodeKind::Bridge,
    })
}

/// Whether a thing has a name that the user can replace.
pub(crate) fn is_named(view: &View, target: Selection) -> bool {
    matches!(target, Selection::Thing(key) if node(view, key).is_some())
}

/// Whether a thing is the host that tapscope runs on.
pub(crate) fn is_own_host(view: &View, target: Selection) -> bool {
    matches!(target, Selection::Thing(key) if node(view, key).is_some_and(|node| things::is_own(view, node)))
}
