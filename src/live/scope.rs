//! Where to listen: which devices of the host, and for which of their frames.
//!
//! Bulk traffic is taken once, where it enters: from a guest at its TAP, from the host at the bridge. What explains a failure (ARP, ICMP,
//! DHCP, ND, spanning tree) is taken everywhere and in both directions, so that a packet's journey shows.

mod cable;
mod named;

pub use cable::description as cable_description;
pub use named::{Named, named};

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tapscope_capture::interface::{Role, Target, matches};
use tapscope_graph::host::{BridgePort, Device, DeviceId, DeviceKind, Host, Netns};
use tapscope_graph::{MacAddr, Text};

/// What the user wants to listen to.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Names of devices, cables and guests, with `*` and `?`; empty: every TAP, macvtap, bridge port, bridge and cable.
    pub interfaces: Vec<String>,
    /// Cables by what carries them, found or not.
    pub cables: Vec<Named>,
    /// Also on every other device but loopback, for what explains a failure.
    pub with_uplinks: bool,
    /// This place and no other.
    pub only: Option<Only>,
    /// Devices that the user decided about since, whatever else is said here.
    pub decided: BTreeMap<DeviceId, bool>,
}

/// One place, by what stays the same when it is made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Only {
    /// The device of a name.
    Device(Netns, Text),
    /// The cable of a key.
    Cable(Text),
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

/// Which place each device was, so that one that is made again, or a guest that gets another TAP, continues its point.
#[derive(Clone, Debug, Default)]
pub struct Places {
    devices: BTreeMap<DeviceId, u32>,
    cards: BTreeMap<(Text, MacAddr), u32>,
    names: BTreeMap<(Netns, Text), u32>,
    next: u32,
}

impl Places {
    /// Cards and names that are remembered before all are forgotten.
    const REMEMBERED: usize = 1 << 16;

    /// Numbers the devices that there are: one keeps its number while it exists; a new one has that of the guest's card that it serves, or
    /// of its name, unless another device has it.
    fn number(&mut self, host: &Host, wanted: &[&Device]) -> BTreeMap<DeviceId, u32> {
        self.devices.retain(|&id, _| host.device(id).is_some());
        let mut taken: BTreeSet<u32> = self.devices.values().copied().collect();
        if self.cards.len().max(self.names.len()) > Self::REMEMBERED {
            (self.cards, self.names) = (BTreeMap::new(), BTreeMap::new());
        }
        let mut numbers = BTreeMap::new();
        // A guest's card is the surer sign.
        let mut wanted: Vec<_> = wanted.iter().map(|device| (card(host, device), device)).collect();
        wanted.sort_by_key(|(card, device)| (card.is_none(), device.id));
        for (card, device) in wanted {
            let name = (device.id.netns, device.name.clone());
            let known = self.devices.get(&device.id).copied().or_else(|| {
                let by_card = card.as_ref().and_then(|card| self.cards.get(card));
                by_card.into_iter().chain(self.names.get(&name)).copied().find(|number| !taken.contains(number))
            });
            let number = known.unwrap_or_else(|| {
                self.next += 1;
                self.next
            });
            taken.insert(number);
            self.devices.insert(device.id, number);
            self.names.insert(name, number);
            if let Some(card) = card {
                self.cards.insert(card, number);
            }
            numbers.insert(device.id, number);
        }
        numbers
    }
}

/// The guest and the card that a TAP serves.
fn card(host: &Host, device: &Device) -> Option<(Text, MacAddr)> {
    let (guest, nic) = host.guest_behind(device.id)?;
    Some((guest.name.clone()?, nic.mac?))
}

impl Scope {
    /// Everything to listen on now: devices in their order, then cables.
    pub fn targets(&self, host: &Host, places: &mut Places) -> Vec<Target> {
        let mut targets: Vec<Target> = host.devices().filter_map(|device| self.target(host, device).ok()).collect();
        let devices: Vec<&Device> = targets.iter().filter_map(|target| host.device(target.device)).collect();
        let numbers = places.number(host, &devices);
        for target in &mut targets {
            target.key = numbers.get(&target.device).map_or_else(String::new, u32::to_string);
        }
        targets.extend(host.cables().filter_map(|cable| self.cable(host, cable).ok()));
        targets.extend(self.named(host));
        targets
    }

    /// How to listen on one device; its key is still to be given.
    ///
    /// # Errors
    /// Why not.
    pub fn target(&self, host: &Host, device: &Device) -> Result<Target, Refusal> {
        let role = match &self.only {
            Some(Only::Device(netns, name)) => (device.id.netns == *netns && device.name == *name).then_some(Role::Whole),
            Some(Only::Cable(_)) => None,
            None if self.interfaces.is_empty() => by_default(host, device).or_else(|| self.beside(device)),
            None => self.by_name(device),
        };
        let role = match self.decided.get(&device.id) {
            Some(true) => role.or(Some(Role::Whole)),
            Some(false) => None,
            None => role,
        };
        let role = role.ok_or(Refusal::NotAskedFor)?;
        Ok(Target {
            key: String::new(),
            device: device.id,
            name: device.name.to_string(),
            netns: way_in(host, device.id.netns)?,
            description: description(host, device),
            role,
            promiscuous: false,
            cable: None,
        })
    }

    /// What is on the way of a packet without being of interest by itself.
    fn beside(&self, device: &Device) -> Option<Role> {
        (self.with_uplinks && device.kind != DeviceKind::Loopback).then_some(Role::Inner)
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

/// What a person calls the place: `guest g1, virtio-net-pci 52:54:00:12:34:57, port of bridge0`.
fn description(host: &Host, device: &Device) -> Option<String> {
    let guest = host.guest_behind(device.id).map(|(guest, nic)| {
        let name = guest.name.as_ref().map_or_else(|| format!("process {}", guest.pid), |name| format!("guest {name}"));
        let model = nic.model.as_ref().map_or_else(String::new, |model| format!(", {model}"));
        let mac = nic.mac.map_or_else(String::new, |mac| format!(" {mac}"));
        format!("{name}{model}{mac}")
    });
    let bridge = device.master.and_then(|master| host.device(master)).map(|bridge| {
        let filters = matches!(&bridge.kind, DeviceKind::Bridge(bridge) if bridge.vlan_filtering);
        let vlan = device.port.as_ref().filter(|_| filters).and_then(BridgePort::pvid);
        format!("port of {}{}", bridge.name, vlan.map_or_else(String::new, |vid| format!(", VLAN {vid}")))
    });
    let namespace = host.namespace(device.id.netns).filter(|namespace| !namespace.is_own);
    let namespace = namespace.and_then(|namespace| namespace.name.as_ref()).map(|name| format!("in namespace {name}"));
    let parts: Vec<String> = guest.into_iter().chain(bridge).chain(namespace).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapscope_graph::Timestamp;
    use tapscope_graph::host::{Backend, Guest, HostChange, HostFact, HostKey, Nic, TunMode};

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
        scope.targets(&host(), &mut Places::default()).iter().map(|target| format!("{} {:?}", target.name, target.role)).collect()
    }

    #[test]
    fn a_guest_that_starts_again_continues_its_point_whatever_its_tap_is_called() {
        let (mut host, mut places) = (Host::default(), Places::default());
        let mut apply = |change| host.apply(Timestamp(0), change);
        let guest = |pid, index| {
            let backend = Backend { devices: vec![DeviceId { netns: Netns(1), index }], ..Backend::default() };
            let nic = Nic { mac: Some(MacAddr([2, 0, 0, 0, 0, 10])), backend: Some(backend), ..Nic::default() };
            HostFact::Guest(Box::new(Guest { pid, name: Some(Text::new("g1")), nics: vec![nic], ..Guest::default() }))
        };
        let tap = |index, name| HostFact::Device(Box::new(device(index, name, tap(), None)));
        apply(HostChange::Set(tap(7, "vnet2")));
        apply(HostChange::Set(guest(100, 7)));
        let first = Scope::default().targets(&host, &mut places);

        let mut apply = |change| host.apply(Timestamp(0), change);
        apply(HostChange::Gone(HostKey::Guest(100)));
        assert_eq!(Scope::default().targets(&host, &mut places)[0].key, first[0].key, "the TAP stays the same when its guest ends");
        let mut apply = |change| host.apply(Timestamp(0), change);
        apply(HostChange::Gone(HostKey::Device(DeviceId { netns: Netns(1), index: 7 })));
        apply(HostChange::Set(tap(9, "vnet2")));
        apply(HostChange::Set(tap(8, "vnet4")));
        apply(HostChange::Set(guest(101, 8)));
        let again = Scope::default().targets(&host, &mut places);
        assert_eq!((again[0].name.as_str(), &again[0].key), ("vnet4", &first[0].key));
        assert_ne!(again[1].key, first[0].key, "another device of the old name is another point");
    }

    #[test]
    fn one_place_is_taken_whole_and_alone() {
        let only = |netns, name: &str| Scope { only: Some(Only::Device(Netns(netns), Text::new(name))), ..Scope::default() };
        assert_eq!(listened(&only(1, "tap0")), ["tap0 Whole"]);
        assert_eq!(listened(&only(2, "tap0")), [""; 0]);
    }

    #[test]
    fn bulk_is_taken_once_and_the_uplink_only_when_asked() {
        assert_eq!(listened(&Scope::default()), ["eth1 Inner", "tap0 Edge", "tap1 Whole", "bridge0 Bridge"]);
        assert_eq!(
            listened(&Scope { interfaces: vec!["eth?".into(), "lo".into()], ..Scope::default() }),
            ["lo Whole", "eth0 Whole", "eth1 Whole"]
        );
    }
}
