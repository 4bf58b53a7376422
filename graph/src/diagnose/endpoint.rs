//! Who A and B are, and where they are attached.

use super::question::Party;
use crate::fact::{Fact, Neighbor};
use crate::host::{Backend, BackendKind, Device, DeviceId, DeviceKind, Guest, Host, Netns};
use crate::tables::{Learned, Tables};
use crate::topology::{Configured, Node, NodeKind, Topology};
use crate::{Direction, MacAddr, Text};
use std::net::IpAddr;

/// One end of a ping, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// As it was asked for.
    pub asked: Party,
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Its link-layer address.
    pub mac: Option<MacAddr>,
    /// Where it is attached.
    pub place: Place,
    /// The guest's name.
    pub name: Option<Text>,
    /// The guest's process.
    pub pid: Option<u32>,
    /// The guest's backend.
    pub netdev: Option<Text>,
    /// Nothing shows that it has the address: it is the only place where it could be.
    pub is_supposed: bool,
}

/// Where an end is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// This host, in a namespace, by the device that has the address.
    Local(Netns, DeviceId),
    /// Behind a device: what the device receives comes from there.
    Behind(DeviceId),
    /// A guest's card without a device of the host: the process, the card.
    Backend(u32, u32),
    /// The user-mode stack behind a guest's card: its gateway, or its DNS forwarder; the process, the card.
    Stack(u32, u32),
    /// Not known.
    Nowhere,
}

impl Endpoint {
    /// Finds out who is meant, among all that is known.
    pub(crate) fn find(tables: &Tables, topology: &Topology, party: &Party, other: &Party) -> Endpoint {
        let empty = Endpoint {
            asked: party.clone(),
            ip: None,
            mac: None,
            place: Place::Nowhere,
            name: None,
            pid: None,
            netdev: None,
            is_supposed: false,
        };
        let finder = Finder { tables, topology, wants_v6: wants_v6(party).or(wants_v6(other)) };
        let mut found = match party {
            Party::Ip(ip) => finder.by_ip(Endpoint { ip: Some(*ip), ..empty }),
            Party::Mac(mac) => finder.by_mac(Endpoint { mac: Some(*mac), ..empty }),
            Party::Name(name) => finder.by_name(empty, name),
            Party::At(ip, name) => Endpoint { ip: Some(*ip), ..finder.by_name(empty, name) },
        };
        finder.settle_on_port(&mut found);
        finder.name_guest(&mut found);
        found
    }

    /// The device that it is behind, or that has its address.
    pub fn device(&self) -> Option<DeviceId> {
        match self.place {
            Place::Local(_, device) | Place::Behind(device) => Some(device),
            Place::Backend(..) | Place::Stack(..) | Place::Nowhere => None,
        }
    }

    /// Whether nothing here is called as it was asked for.
    pub fn is_unknown(&self) -> bool {
        let is_found = self.ip.is_some() || self.mac.is_some() || self.pid.is_some() || self.place != Place::Nowhere;
        matches!(self.asked, Party::Name(_)) && !is_found
    }

    /// The guest and the backend of an end on a user-mode network.
    pub(crate) fn user_mode<'a>(&self, host: &'a Host) -> Option<(&'a Guest, &'a Backend)> {
        let Place::Backend(pid, number) = self.place else { return None };
        let (guest, nic) = host.card(pid, number)?;
        Some((guest, nic.backend.as_ref().filter(|backend| backend.kind == BackendKind::User)?))
    }

    /// Whether it is this host itself, in whatever namespace.
    pub fn is_local(&self) -> bool {
        matches!(self.place, Place::Local(..))
    }

    /// Its address as text, or what it was asked for by.
    pub fn label(&self) -> String {
        self.ip.map_or_else(|| self.asked.to_string(), |ip| ip.to_string())
    }

    /// What a person calls it: `guest web (tap0)`.
    pub fn title(&self, host: &Host) -> String {
        let device = self.device().and_then(|device| host.device(device)).map(|device| device.name.to_string());
        let what = match (&self.name, self.place, self.pid) {
            (Some(name), Place::Stack(..), _) => format!("user-mode stack of {name}"),
            (None, Place::Stack(pid, _), _) => format!("user-mode stack of process {pid}"),
            (Some(name), _, _) => format!("guest {name}"),
            (None, _, Some(pid)) => format!("guest process {pid}"),
            (None, Place::Local(netns, _), _) => match host.namespace(netns).filter(|row| !row.is_own).and_then(|row| row.name.as_ref()) {
                Some(name) => format!("namespace {name}"),
                None => "this host".into(),
            },
            (None, Place::Behind(_) | Place::Backend(..), _) => "station".into(),
            (None, Place::Nowhere, _) => "not in view".into(),
        };
        device.map_or_else(|| what.clone(), |device| format!("{what}, {device}"))
    }
}

/// Which version of IP a party speaks, where it says.
fn wants_v6(party: &Party) -> Option<bool> {
    match party {
        Party::Ip(ip) | Party::At(ip, _) => Some(ip.is_ipv6()),
        Party::Mac(_) | Party::Name(_) => None,
    }
}

struct Finder<'a> {
    tables: &'a Tables,
    topology: &'a Topology,
    wants_v6: Option<bool>,
}

impl Finder<'_> {
    fn by_ip(&self, mut found: Endpoint) -> Endpoint {
        let Some(ip) = found.ip else { return found };
        let host = &self.tables.host;
        let is_own = |netns: Netns| host.namespace(netns).is_none_or(|namespace| namespace.is_own);
        let own = host.addresses().filter(|row| row.ip == ip).max_by_key(|row| is_own(row.device.netns));
        if let Some(address) = own.filter(|_| !self.is_disputed(ip)) {
            found.place = Place::Local(address.device.netns, address.device);
            found.mac = host.device(address.device).and_then(|device| device.mac);
            return found;
        }
        if let Some((mac, device)) = self.entry(ip) {
            (found.mac, found.place) = (Some(mac), Place::Behind(device));
            return found;
        }
        let has_it = |node: &Node| {
            !matches!(node.kind, NodeKind::Outside | NodeKind::Local) && node.addresses.iter().any(|address| address.ip == ip)
        };
        for (node, link, interface) in self.topology.attachments().filter(|(node, ..)| has_it(node)) {
            let device = link.device.or_else(|| link.point.and_then(|point| device_of_point(self.tables, point)));
            let claimed = node.addresses.iter().find(|address| address.ip == ip).and_then(|address| address.station);
            if claimed.is_some_and(|(_, mac)| interface.mac.is_some_and(|own| own != mac)) && node.macs.len() > 1 {
                continue;
            }
            let mac = interface.mac.or(claimed.map(|(_, mac)| mac));
            if mac.is_some_and(|mac| !self.is_anybodys(mac)) {
                continue;
            }
            found.mac = mac;
            if let Some(device) = device {
                found.place = Place::Behind(device);
                return found;
            }
        }
        let neighbor = host.neighbors().find(|row| row.ip == ip && row.mac.is_some_and(|mac| self.is_anybodys(mac)) && !row.is_proxy);
        if let (Place::Nowhere, Some(mac)) = (found.place, found.mac.or(neighbor.and_then(|row| row.mac))) {
            return self.by_mac(Endpoint { mac: Some(mac), ..found });
        }
        found
    }

    /// Whether anybody was seen to have a link-layer address: entries set by hand may be wrong.
    fn is_anybodys(&self, mac: MacAddr) -> bool {
        let host = &self.tables.host;
        // What was only seen on its way out may be said in somebody's name.
        self.tables.stations.iter().any(|row| row.mac == mac && row.sent.packets > row.outbound)
            || host.devices().any(|device| device.mac == Some(mac))
            || host.guests().any(|guest| guest.nics.iter().any(|nic| nic.mac == Some(mac)))
            || host.fdb().any(|entry| entry.mac == mac && !entry.is_permanent)
    }

    /// Where the last claim of an address came in: there its owner is, whoever else has its link-layer address.
    fn entry(&self, ip: IpAddr) -> Option<(MacAddr, DeviceId)> {
        let host = &self.tables.host;
        let is_own =
            |mac: MacAddr| host.devices().any(|device| device.mac == Some(mac) && host.addresses().any(|row| row.device == device.id));
        let is_hosts = host.addresses().any(|row| row.ip == ip);
        self.tables.journeys.iter().rev().find_map(|journey| {
            let claims = match &journey.subject {
                Fact::Arp(arp) => IpAddr::V4(arp.sender_ip) == ip,
                // Echoes may come from behind a router, but not with an address of this host.
                Fact::Echo(echo) => is_hosts && echo.is_request && echo.source == ip,
                Fact::Neighbor(Neighbor::Solicitation { source, .. }) => IpAddr::V6(*source) == ip,
                Fact::Neighbor(Neighbor::Advertisement { target, .. }) => IpAddr::V6(*target) == ip,
                _ => false,
            };
            // A group's address as a source is an error of that station, which is there all the same.
            let mac = journey.source.filter(|mac| claims && *mac != MacAddr::BROADCAST && !is_own(*mac))?;
            // Several sources may deliver out of order: the port comes before its bridge.
            let port = |seen: &crate::journey::Sighting| {
                let device = host.device(device_of_point(self.tables, seen.point)?)?;
                let is_place = seen.direction == Direction::Inbound && !matches!(device.kind, DeviceKind::Bridge(_));
                is_place.then_some(device.id)
            };
            Some((mac, journey.sightings.iter().find_map(port)?))
        })
    }

    /// Where a station is attached: a guest's card is where its backend is, any other where it sends from.
    fn by_mac(&self, mut found: Endpoint) -> Endpoint {
        let Some(mac) = found.mac else { return found };
        let host = &self.tables.host;
        let card = host.guests().find_map(|guest| {
            let number = guest.nics.iter().position(|nic| nic.mac == Some(mac))?;
            Some((guest, number))
        });
        if let Some((guest, number)) = card {
            found.place = place_of_card(guest, number);
        } else if let Some((_, link, _)) = self
            .topology
            .attachments()
            .find(|(_, link, interface)| interface.mac == Some(mac) && (link.device.is_some() || link.point.is_some()))
        {
            let device = link.device.or_else(|| link.point.and_then(|point| device_of_point(self.tables, point)));
            found.place = device.map_or(Place::Nowhere, Place::Behind);
        } else if let Some(entry) = host.fdb().find(|entry| entry.mac == mac && entry.bridge.is_some() && !entry.is_permanent) {
            found.place = Place::Behind(entry.port);
        }
        if found.ip.is_none() {
            found.ip = self.address_of(|node| node.macs.contains(&mac));
        }
        found
    }

    fn by_name(&self, mut found: Endpoint, name: &Text) -> Endpoint {
        let host = &self.tables.host;
        if let Some(guest) = host.guests().find(|guest| guest.name.as_ref() == Some(name)) {
            // The card that has an address of the wanted kind comes first; without any, the first one.
            let number = guest.nics.iter().position(|nic| nic.backend.is_some()).unwrap_or(0);
            found.place = place_of_card(guest, number);
            found.mac = guest.nics.get(number).and_then(|nic| nic.mac);
            found.ip = self.address_of(|node| node.host == Some(Configured::Guest(guest.pid)));
            return found;
        }
        let mut devices = host.devices().filter(|device| device.name == *name);
        if let Some(device) = devices.next() {
            return self.by_device(found, device);
        }
        if let Some(namespace) = host.namespaces().find(|namespace| namespace.name.as_ref() == Some(name)) {
            let address = host.addresses().find(|row| row.device.netns == namespace.id && self.fits(row.ip));
            if let Some(address) = address {
                found.ip = Some(address.ip);
                found.place = Place::Local(namespace.id, address.device);
                found.mac = host.device(address.device).and_then(|device| device.mac);
            }
            return found;
        }
        if let Some((node, link, interface)) = self.topology.attachments().find(|(node, ..)| node.name.as_ref() == Some(name)) {
            let device = link.device.or_else(|| link.point.and_then(|point| device_of_point(self.tables, point)));
            found.place = device.map_or(Place::Nowhere, Place::Behind);
            found.mac = interface.mac;
            found.ip = node.addresses.iter().map(|address| address.ip).find(|ip| self.fits(*ip));
        }
        found
    }

    /// A bridge is this host; of any other device whoever is behind it is meant.
    fn by_device(&self, mut found: Endpoint, device: &Device) -> Endpoint {
        let host = &self.tables.host;
        let own = host.addresses().find(|row| row.device == device.id && self.fits(row.ip));
        let is_behind = device.port.is_some() || matches!(device.kind, DeviceKind::Tun(_) | DeviceKind::Macvtap(_));
        if let (false, Some(address)) = (is_behind, own) {
            (found.ip, found.place, found.mac) = (Some(address.ip), Place::Local(device.id.netns, device.id), device.mac);
            return found;
        }
        found.place = Place::Behind(device.id);
        if let Some((_, nic)) = host.guest_behind(device.id) {
            found.mac = nic.mac;
        }
        let stations = self.topology.attachments().filter(|(node, link, _)| {
            link.device == Some(device.id) && matches!(node.kind, NodeKind::Guest | NodeKind::Host | NodeKind::Router)
        });
        for (node, _, interface) in stations.filter(|(.., interface)| interface.is_seen || interface.is_configured) {
            found.mac = found.mac.or(interface.mac);
            found.ip = found.ip.or_else(|| node.addresses.iter().map(|address| address.ip).find(|ip| self.fits(*ip)));
        }
        // The other end of a pair may be in a namespace that we see.
        if let (DeviceKind::Veth, Some(peer)) = (&device.kind, device.lower.and_then(|lower| host.device(lower))) {
            found.mac = found.mac.or(peer.mac);
            found.ip = found.ip.or_else(|| host.addresses().find(|row| row.device == peer.id && self.fits(row.ip)).map(|row| row.ip));
        }
        found
    }

    /// Whoever was heard at a bridge's own device, too, is behind one of its ports.
    fn settle_on_port(&self, found: &mut Endpoint) {
        let host = &self.tables.host;
        let (Place::Behind(device), Some(mac)) = (found.place, found.mac) else { return };
        if !host.device(device).is_some_and(|device| matches!(device.kind, DeviceKind::Bridge(_))) {
            return;
        }
        let is_port = |id: &DeviceId| host.device(*id).is_some_and(|port| port.master == Some(device));
        let heard = self.tables.stations.iter().filter(|row| row.mac == mac && row.inbound > 0);
        // With several, the first one is where it was heard first.
        let port = heard.filter_map(|row| device_of_point(self.tables, row.point)).find(is_port);
        let learned = || host.fdb().find(|entry| entry.mac == mac && is_port(&entry.port) && !entry.is_permanent).map(|entry| entry.port);
        found.place = port.or_else(learned).map_or(found.place, Place::Behind);
    }

    /// A station that pings or answers with an address, where the host has the same one.
    fn is_disputed(&self, ip: IpAddr) -> bool {
        self.entry(ip).is_some() || self.is_claimed(ip)
    }

    fn is_claimed(&self, ip: IpAddr) -> bool {
        let is_own = |mac: MacAddr| self.tables.host.devices().any(|device| device.mac == Some(mac));
        let claims = |row: &crate::tables::Binding| row.ip == ip && matches!(row.learned, Learned::Arp | Learned::Ndp) && !is_own(row.mac);
        self.tables.bindings.iter().any(claims)
    }

    fn name_guest(&self, found: &mut Endpoint) {
        let host = &self.tables.host;
        let guest = match found.place {
            Place::Behind(device) => host.guest_behind(device).map(|(guest, nic)| (guest, Some(nic))),
            Place::Backend(pid, card) => host.guest(pid).map(|guest| (guest, guest.nics.get(card as usize))),
            Place::Local(..) | Place::Stack(..) | Place::Nowhere => None,
        };
        let Some((guest, nic)) = guest else { return };
        found.name.clone_from(&guest.name);
        found.pid = Some(guest.pid);
        found.mac = found.mac.or(nic.and_then(|nic| nic.mac));
        found.netdev = nic.and_then(|nic| nic.backend.as_ref()).and_then(|backend| backend.id.clone());
    }

    fn fits(&self, ip: IpAddr) -> bool {
        ip.is_ipv6() == self.wants_v6.unwrap_or(false)
    }

    fn address_of(&self, is_it: impl Fn(&Node) -> bool) -> Option<IpAddr> {
        let addresses = || self.topology.nodes().filter(|node| is_it(node)).flat_map(|node| &node.addresses);
        let own = addresses().find(|address| self.fits(address.ip) && address.learned.iter().any(|learned| learned.proves_owner()));
        own.or_else(|| addresses().find(|address| self.fits(address.ip))).map(|address| address.ip)
    }
}

fn place_of_card(guest: &Guest, number: usize) -> Place {
    let backend = guest.nics.get(number).and_then(|nic| nic.backend.as_ref());
    let device = backend.filter(|backend| matches!(backend.kind, BackendKind::Tap | BackendKind::Macvtap));
    match device.and_then(|backend| backend.devices.first()) {
        Some(&device) => Place::Behind(device),
        None => Place::Backend(guest.pid, number as u32),
    }
}

/// The device whose frames a point shows: what the point says, else the only device of its name; none for a cable, whose frames are not those
/// of the device that carries it.
pub(crate) fn device_of_point(tables: &Tables, point: crate::PointId) -> Option<DeviceId> {
    let row = tables.points.get(point.0 as usize)?;
    if row.info.device.is_some() || row.info.cable.is_some() {
        return row.own_device();
    }
    let name = row.info.name.as_deref()?;
    let mut named = tables.host.devices().filter(|device| device.name.as_str() == name);
    let device = named.next()?;
    named.next().is_none().then_some(device.id)
}
