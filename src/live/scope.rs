//! Where to listen: which devices of the host, and for which of their frames.
//!
//! Bulk traffic is taken once, where it enters: from a guest at its TAP, from the host at the bridge. What explains a failure (ARP, ICMP,
//! DHCP, ND, spanning tree) is taken everywhere and in both directions, so that a packet's journey shows.

use std::path::PathBuf;
use tapscope_capture::interface::{Role, Target, matches};
use tapscope_graph::host::{Device, DeviceId, DeviceKind, Guest, Host, Netns, Nic};

/// What the user wants to listen to.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Names, with `*` and `?`; empty: every TAP, macvtap, bridge port and bridge.
    pub interfaces: Vec<String>,
}

/// Why a device is not listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not asked for: the host's own uplink, loopback, or not named.
    NotAskedFor,
    /// Its namespace has neither a name nor a process that may be entered.
    NamespaceClosed,
}

impl Refusal {
    /// For people, with the next step.
    pub fn words(self) -> &'static str {
        match self {
            Refusal::NotAskedFor => "not asked for: name it with -i",
            Refusal::NamespaceClosed => "its namespace cannot be entered: sudo tapscope",
        }
    }
}

impl Scope {
    /// Everything to listen on now, in the order of the devices.
    pub fn targets(&self, host: &Host) -> Vec<Target> {
        host.devices().filter_map(|device| self.target(host, device).ok()).collect()
    }

    /// How to listen on one device.
    ///
    /// # Errors
    /// Why not.
    pub fn target(&self, host: &Host, device: &Device) -> Result<Target, Refusal> {
        let role = if self.interfaces.is_empty() { by_default(host, device) } else { self.by_name(device) };
        let role = role.ok_or(Refusal::NotAskedFor)?;
        Ok(Target {
            key: identity(host, device),
            device: device.id,
            name: device.name.to_string(),
            netns: way_in(host, device.id.netns)?,
            description: description(host, device),
            role,
            promiscuous: false,
        })
    }

    /// Whoever names a device wants all of it.
    fn by_name(&self, device: &Device) -> Option<Role> {
        let is_named = |pattern: &String| matches(pattern, device.name.as_str());
        self.interfaces.iter().any(is_named).then_some(Role::Whole)
    }
}

fn by_default(host: &Host, device: &Device) -> Option<Role> {
    let is_port = device.port.is_some();
    match &device.kind {
        DeviceKind::Tun(mode) if mode.is_tap && is_port => Some(Role::Edge),
        // Without a bridge, what the host sends to the guest enters nowhere else.
        DeviceKind::Tun(mode) if mode.is_tap => Some(Role::Whole),
        DeviceKind::Macvtap(_) => Some(Role::Whole),
        DeviceKind::Bridge(_) => Some(Role::Bridge),
        // The uplink's bulk is the host's own business, or enters at a guest's TAP.
        DeviceKind::Physical | DeviceKind::Bond(_) if is_port => Some(Role::Inner),
        // Both ends of a pair see the same frames.
        DeviceKind::Veth if is_port => {
            let other = device.lower.and_then(|other| host.device(other));
            let is_second = other.is_some_and(|other| other.port.is_some() && other.id < device.id);
            (!is_second).then_some(Role::Edge)
        }
        _ if is_port => Some(Role::Edge),
        _ => None,
    }
}

/// The file that leads into a device's namespace; none for our own.
fn way_in(host: &Host, netns: Netns) -> Result<Option<PathBuf>, Refusal> {
    match host.namespace(netns) {
        None => Ok(None),
        Some(namespace) if namespace.is_own => Ok(None),
        Some(namespace) => match (&namespace.name, namespace.pid) {
            (Some(name), _) => Ok(Some(PathBuf::from("/run/netns").join(name.as_str()))),
            (None, Some(pid)) => Ok(Some(PathBuf::from(format!("/proc/{pid}/ns/net")))),
            (None, None) => Err(Refusal::NamespaceClosed),
        },
    }
}

/// The guest that reads a device, and which of its cards.
fn reader(host: &Host, device: DeviceId) -> Option<(&Guest, &Nic)> {
    let reads = |nic: &&Nic| nic.backend.as_ref().is_some_and(|backend| backend.devices.contains(&device));
    host.guests().find_map(|guest| Some((guest, guest.nics.iter().find(reads)?)))
}

/// What stays the same when a guest starts again and gets another TAP: the guest's card; for all else the device's name.
fn identity(host: &Host, device: &Device) -> String {
    let is_tap = matches!(device.kind, DeviceKind::Tun(_) | DeviceKind::Macvtap(_));
    let card = reader(host, device.id).filter(|_| is_tap).and_then(|(guest, nic)| Some((guest.name.as_ref()?, nic.mac?)));
    match card {
        Some((guest, mac)) => format!("guest {guest} {mac}"),
        None => format!("device {} {}", device.id.netns.0, device.name),
    }
}

/// What a person calls the place: `guest g1, virtio-net-pci 52:54:00:12:34:57, port of bridge0`.
fn description(host: &Host, device: &Device) -> Option<String> {
    let guest = reader(host, device.id).map(|(guest, nic)| {
        let name = guest.name.as_ref().map_or_else(|| format!("process {}", guest.pid), |name| format!("guest {name}"));
        let model = nic.model.as_ref().map_or_else(String::new, |model| format!(", {model}"));
        let mac = nic.mac.map_or_else(String::new, |mac| format!(" {mac}"));
        format!("{name}{model}{mac}")
    });
    let bridge = device.master.and_then(|master| host.device(master)).map(|bridge| format!("port of {}", bridge.name));
    let namespace = host.namespace(device.id.netns).filter(|namespace| !namespace.is_own);
    let namespace = namespace.and_then(|namespace| namespace.name.as_ref()).map(|name| format!("in namespace {name}"));
    let parts: Vec<String> = guest.into_iter().chain(bridge).chain(namespace).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapscope_graph::host::{BridgePort, HostChange, HostFact, TunMode};
    use tapscope_graph::{Text, Timestamp};

    fn device(index: u32, name: &str, kind: DeviceKind, master: Option<u32>) -> Device {
        let id = |index| DeviceId { netns: Netns(1), index };
        Device {
            id: id(index),
            name: Text::new(name),
            kind,
            master: master.map(id),
            port: master.map(|_| BridgePort::default()),
            ..Device::default()
        }
    }

    fn tap() -> DeviceKind {
        DeviceKind::Tun(TunMode { is_tap: true, ..TunMode::default() })
    }

    fn host() -> Host {
        let mut host = Host::default();
        for device in [
            device(1, "lo", DeviceKind::Loopback, None),
            device(2, "eth0", DeviceKind::Physical, None),
            device(3, "eth1", DeviceKind::Physical, Some(9)),
            device(4, "tap0", tap(), Some(9)),
            device(5, "tap1", tap(), None),
            device(6, "tun0", DeviceKind::Tun(TunMode::default()), None),
            device(9, "bridge0", DeviceKind::Bridge(Default::default()), None),
        ] {
            host.apply(Timestamp(0), HostChange::Set(HostFact::Device(Box::new(device))));
        }
        host
    }

    fn listened(scope: &Scope) -> Vec<String> {
        scope.targets(&host()).iter().map(|target| format!("{} {:?}", target.name, target.role)).collect()
    }

    #[test]
    fn bulk_is_taken_once_and_the_uplink_only_when_asked() {
        assert_eq!(listened(&Scope::default()), ["eth1 Inner", "tap0 Edge", "tap1 Whole", "bridge0 Bridge"]);
        assert_eq!(listened(&Scope { interfaces: vec!["eth?".into(), "lo".into()] }), ["lo Whole", "eth0 Whole", "eth1 Whole"]);
    }
}
