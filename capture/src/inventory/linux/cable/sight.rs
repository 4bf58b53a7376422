//! How a cable's frames can be seen, in words that people can act on.

use super::super::guest::GuestMonitor;
use super::Input;
use crate::qemu::command_line::MonitorAddress;
use std::collections::BTreeMap;
use std::net::IpAddr;
use tapscope_graph::Text;
use tapscope_graph::host::{
    Backend, Cable, CableEnd, CableKind, CableRole, CableSight, CableState, Carrier, DeviceId, Guest, Host, Netns, RouteKind,
};

/// The index of loopback in every namespace (LOOPBACK_IFINDEX).
pub(super) const LOOPBACK: u32 = 1;

/// Says of each cable how it can be seen.
pub(super) fn look(input: &Input<'_>, devices: &BTreeMap<Text, DeviceId>, cables: &mut [Cable]) {
    // Whoever made it may have said.
    for cable in cables.iter_mut().filter(|cable| cable.sight == CableSight::Unknown) {
        cable.sight = of(input, devices.get(&cable.key).copied(), cable);
    }
}

fn of(input: &Input<'_>, device: Option<DeviceId>, cable: &Cable) -> CableSight {
    match (&cable.kind, cable.netns) {
        (CableKind::Tcp, Some(netns)) => tcp(input.host, netns, cable),
        (CableKind::Udp, Some(netns)) => udp(input.host, netns, cable),
        (CableKind::Multicast, Some(_)) => match (device, cable.ends.iter().find_map(|end| end.local)) {
            (Some(device), Some(group)) => CableSight::Carried { device, carrier: Carrier::Multicast { group } },
            _ => CableSight::Unknown,
        },
        (kind, _) => unseen(kind).unwrap_or_else(|| {
            let sight = by_guest(input, cable);
            match kind {
                CableKind::Passt => or(sight, "start passt with --pcap FILE"),
                CableKind::UnixDatagram => or_between(sight, cable),
                _ => sight,
            }
        }),
    }
}

fn tcp(host: &Host, netns: Netns, cable: &Cable) -> CableSight {
    let listener = cable.ends.iter().find(|end| end.role == CableRole::Listens).and_then(|end| end.local);
    let peers = || cable.ends.iter().filter(|end| end.role == CableRole::Connects);
    let Some(at) = listener.or_else(|| peers().find_map(|end| end.remote)) else { return CableSight::Unknown };
    // A peer's address that is not ours leads out; so does a listener's.
    let is_far = |ip: &IpAddr| !is_local(host, netns, *ip);
    let far = peers().filter_map(|end| end.local).chain([at]).map(|at| at.ip()).find(is_far);
    let device = carrying(host, netns, far.unwrap_or(IpAddr::from([127, 0, 0, 1])));
    CableSight::Carried { device, carrier: Carrier::Tcp { address: at.ip(), port: at.port() } }
}

fn udp(host: &Host, netns: Netns, cable: &Cable) -> CableSight {
    let (first, second) = match cable.ends.as_slice() {
        [CableEnd { local: Some(first), .. }, CableEnd { local: Some(second), .. }, ..] => (*first, *second),
        [CableEnd { local: Some(local), remote: Some(remote), .. }] => (*local, *remote),
        _ => return CableSight::Unknown,
    };
    let far = [first, second].map(|at| at.ip()).into_iter().find(|ip| !is_local(host, netns, *ip)).unwrap_or(first.ip());
    CableSight::Carried { device: carrying(host, netns, far), carrier: Carrier::Udp { first, second } }
}

/// By the first guest on it that can be asked; else what the first one lacks.
fn by_guest(input: &Input<'_>, cable: &Cable) -> CableSight {
    let guests = cable.ends.iter().filter_map(|end| {
        let guest = input.scan.guests.iter().find(|guest| Some(guest.pid) == end.pid)?;
        Some((guest, guest.nics.get(end.nic? as usize)?.backend.as_ref()?))
    });
    let mut sights: Vec<CableSight> = guests.map(|(guest, backend)| asked(guest, backend, &input.scan.monitors)).collect();
    sights.sort_by_key(|sight| match sight {
        CableSight::Asked { monitor: Some(_), .. } => 0,
        CableSight::Asked { .. } => 1,
        _ => 2,
    });
    sights.into_iter().next().unwrap_or_default()
}

/// Whether an address is this namespace's own.
pub(super) fn is_local(host: &Host, netns: Netns, ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified() || device_with(host, netns, ip).is_some()
}

pub(super) fn device_with(host: &Host, netns: Netns, ip: IpAddr) -> Option<DeviceId> {
    host.addresses().find(|row| row.device.netns == netns && row.ip == ip).map(|row| row.device)
}

/// The device that carries what is sent to an address: loopback for the namespace's own ones, else by the best route.
pub(super) fn carrying(host: &Host, netns: Netns, ip: IpAddr) -> DeviceId {
    let loopback = DeviceId { netns, index: LOOPBACK };
    if is_local(host, netns, ip) {
        return loopback;
    }
    routed(host, netns, ip).unwrap_or(loopback)
}

/// By the routes of the main tables; policy rules are not followed.
pub(super) fn routed(host: &Host, netns: Netns, ip: IpAddr) -> Option<DeviceId> {
    let leads_there = |route: &&tapscope_graph::host::Route| {
        let is_way = matches!(route.kind, RouteKind::Unicast | RouteKind::Multicast);
        route.netns == netns && is_way && !route.is_dead && route.device.is_some() && route.destination.contains(ip)
    };
    let best = host.routes().filter(leads_there).min_by_key(|route| (u8::MAX - route.destination.length, route.metric));
    best.and_then(|route| route.device)
}

/// A copy by QEMU, if somebody can ask for it.
pub(super) fn asked(guest: &Guest, backend: &Backend, monitors: &[GuestMonitor]) -> CableSight {
    let id = backend.id.as_ref().map_or("NETDEV", Text::as_str);
    // libvirt keeps its own monitor busy; another one that it was told to add is free.
    let is_libvirts = |monitor: &str| guest.is_libvirt && monitor.ends_with("/monitor.sock");
    if let Some(monitor) = guest.monitors.iter().find(|monitor| !is_libvirts(monitor.as_str())) {
        let path = monitor.as_str().strip_prefix("unix:").unwrap_or(monitor.as_str());
        let remedy = format!("tapscope watch --qmp {path}");
        return CableSight::Asked { monitor: Some(monitor.clone()), remedy: Text::long(&remedy) };
    }
    if guest.is_libvirt {
        let name = guest.name.as_ref().map_or("DOMAIN", Text::as_str);
        let remedy = format!("libvirt holds the monitor: virsh qemu-monitor-command {name} --pass-fds …, with a filter-mirror on {id}");
        return CableSight::Asked { monitor: None, remedy: Text::long(&remedy) };
    }
    let is_human = |monitor: &&GuestMonitor| {
        let address = &monitor.monitor.address;
        monitor.pid == guest.pid && !monitor.monitor.is_qmp && monitor.monitor.is_server && !matches!(address, MonitorAddress::Other(_))
    };
    if let Some(monitor) = monitors.iter().find(is_human) {
        let remedy = format!(
            "at its monitor for people, {}: object_add filter-dump,id=ts0,netdev={id},file=/tmp/{id}.pcap",
            monitor.monitor.address
        );
        return CableSight::Asked { monitor: None, remedy: Text::long(&remedy) };
    }
    CableSight::Unseen {
        why: Text::new("the guest has no monitor that could be asked"),
        remedy: Text::long(&format!("start it with {}", monitor_option(guest))),
    }
}

/// The option that gives a guest a monitor.
fn monitor_option(guest: &Guest) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = guest.name.as_ref().map_or("", Text::as_str).chars().filter(is_plain).collect();
    let name = if name.is_empty() { "guest".to_owned() } else { name };
    format!("-qmp unix:/run/{name}.qmp,server=on,wait=off")
}

/// What is to be said of a backend whose frames run in no socket that carries them as they are.
pub(super) fn unseen(kind: &CableKind) -> Option<CableSight> {
    let CableKind::Other(name) = kind else { return None };
    let (why, remedy) = match name.as_str() {
        "vhost-user" => (
            "the frames are in memory that the guest shares with another program, past QEMU and the kernel",
            "let that program mirror the port to a TAP: for Open vSwitch, ovs-vsctl … create Mirror …",
        ),
        "vhost-vdpa" => (
            "the frames are in memory that the guest shares with a network card, past QEMU and the kernel",
            "capture on the card's uplink, or at the switch behind it",
        ),
        _ => return None,
    };
    Some(CableSight::Unseen { why: Text::long(why), remedy: Text::long(remedy) })
}

/// Two names of files can be taken, and put back.
fn or_between(sight: CableSight, cable: &Cable) -> CableSight {
    let path = cable.ends.iter().find_map(|end| end.path.as_ref()).filter(|path| path.as_str().starts_with('/'));
    match path {
        Some(path) if cable.state == CableState::Connected => or(sight, &format!("tapscope watch --interpose {path}, which asks before")),
        _ => sight,
    }
}

/// Adds what else would help.
pub(super) fn or(sight: CableSight, other: &str) -> CableSight {
    let add = |remedy: Text| Text::long(&format!("{remedy}; or {other}"));
    match sight {
        CableSight::Asked { monitor, remedy } => CableSight::Asked { monitor, remedy: add(remedy) },
        CableSight::Unseen { why, remedy } => CableSight::Unseen { why, remedy: add(remedy) },
        sight => sight,
    }
}
