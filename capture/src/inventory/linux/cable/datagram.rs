//! Datagrams: two sockets that send to each other, and groups.

use super::super::wire::InetSocket;
use super::join::{Joiner, Outlet};
use super::sight::{device_with, is_local, routed};
use super::stream::{is_at, shown};
use crate::qemu::command_line::{Plug, PlugAddress};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use tapscope_graph::Text;
use tapscope_graph::host::{Cable, CableEnd, CableKind, CableRole, CableState, DeviceId, Netns};

/// The most ends of a group that are told.
const ENDS: usize = super::line::ENDS;

impl<'a> Joiner<'a> {
    pub(super) fn datagrams(&mut self, outlets: &[Outlet<'a>]) {
        let mut found: BTreeMap<String, Cable> = BTreeMap::new();
        for outlet in outlets {
            match outlet.plug {
                Plug::Datagram { local: Some(local @ PlugAddress::Inet(..)), remote: Some(remote) } => {
                    if let (Some(netns), Some(local), Some(remote)) = (outlet.guest.netns, local.ip(), remote.ip()) {
                        self.udp(outlet, netns, local, remote, &mut found);
                    }
                }
                Plug::Datagram { local: Some(local), remote } => self.unix_datagram(outlet, local, remote.as_ref(), &mut found),
                Plug::Descriptor(number) => {
                    let socket = self.descriptor(outlet, *number).and_then(|inode| self.tables.udp(inode));
                    if let Some((netns, row)) = socket.filter(|(_, row)| !row.local.ip().is_multicast()) {
                        self.udp(outlet, netns, row.local, row.remote, &mut found);
                        self.taken.insert(row.inode);
                    }
                }
                _ => {}
            }
        }
        self.finish(found);
    }

    fn udp(&mut self, outlet: &Outlet<'a>, netns: Netns, local: SocketAddr, remote: SocketAddr, found: &mut BTreeMap<String, Cable>) {
        let remote = if remote.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], remote.port())) } else { remote };
        let local = SocketAddr::new(if local.ip().is_unspecified() { self.source(netns, remote) } else { local.ip() }, local.port());
        let (first, second) = (local.min(remote), local.max(remote));
        let key = format!("udp {first} {second}{}", self.suffix(netns));
        let end = CableEnd { local: Some(local), remote: Some(remote), role: CableRole::Peer, ..outlet.end() };
        let cable = found.entry(key.clone()).or_insert_with(|| Cable {
            key: Text::path(&key),
            kind: CableKind::Udp,
            netns: Some(netns),
            ..Cable::default()
        });
        cable.ends.push(end);
    }

    /// The address that the kernel would send from.
    fn source(&self, netns: Netns, remote: SocketAddr) -> IpAddr {
        let host = self.input.host;
        if is_local(host, netns, remote.ip()) {
            return remote.ip();
        }
        let device = routed(host, netns, remote.ip());
        let fits = |ip: IpAddr| ip.is_ipv4() == remote.is_ipv4();
        let address = device.and_then(|device| host.addresses().find(|row| row.device == device && fits(row.ip)));
        address.map_or_else(|| IpAddr::from([0, 0, 0, 0]), |row| row.ip)
    }

    fn unix_datagram(
        &mut self,
        outlet: &Outlet<'a>,
        local: &PlugAddress,
        remote: Option<&PlugAddress>,
        found: &mut BTreeMap<String, Cable>,
    ) {
        let mut paths: Vec<Text> = [Some(local), remote].into_iter().flatten().map(shown).collect();
        paths.sort();
        let names: Vec<&str> = paths.iter().map(Text::as_str).collect();
        let key = format!("unix datagram {}", names.join(" "));
        let end = CableEnd { path: Some(shown(local)), ..outlet.end() };
        let cable = found.entry(key.clone()).or_insert_with(|| Cable {
            key: Text::path(&key),
            kind: CableKind::UnixDatagram,
            netns: outlet.guest.netns,
            ..Cable::default()
        });
        cable.ends.push(end);
        if let Some(remote) = remote {
            self.unix_remotes.insert(key, remote.clone());
        }
    }

    /// Adds whoever is at the other side of one that only one guest has.
    fn finish(&mut self, found: BTreeMap<String, Cable>) {
        for (key, mut cable) in found {
            cable.state = CableState::Connected;
            if let [only] = cable.ends.as_slice() {
                let (other, state) = match (&cable.kind, only.remote, cable.netns) {
                    (CableKind::Udp, Some(remote), Some(netns)) => self.opposite_udp(netns, remote),
                    _ => self.opposite_unix(&key),
                };
                cable.ends.extend(other);
                cable.state = state;
            }
            cable.ends.sort_by(|a, b| (a.local, &a.path, a.pid).cmp(&(b.local, &b.path, b.pid)));
            self.cables.push(cable);
        }
    }

    fn opposite_udp(&mut self, netns: Netns, at: SocketAddr) -> (Option<CableEnd>, CableState) {
        let there = self.tables.bound(netns, at).next();
        match there {
            Some(row) => (Some(CableEnd { local: Some(at), ..self.stranger(row.inode) }), CableState::Connected),
            None if !self.input.sockets.contains_key(&netns) => (None, CableState::Unknown),
            None if is_local(self.input.host, netns, at.ip()) => (None, CableState::Disconnected),
            // Another host does not say whether anybody is there.
            None => (Some(CableEnd { local: Some(at), ..CableEnd::default() }), CableState::Unknown),
        }
    }

    fn opposite_unix(&mut self, key: &str) -> (Option<CableEnd>, CableState) {
        let Some(remote) = self.unix_remotes.get(key).cloned() else { return (None, CableState::Unknown) };
        let there = self.tables.unix_datagrams().find(|row| is_at(row, &remote)).map(|row| row.inode);
        match there {
            Some(inode) => (Some(CableEnd { path: Some(shown(&remote)), ..self.stranger(inode) }), CableState::Connected),
            None => (None, CableState::Disconnected),
        }
    }

    pub(super) fn groups(&mut self, outlets: &[Outlet<'a>]) {
        let mut found: BTreeMap<String, (Cable, DeviceId, SocketAddr)> = BTreeMap::new();
        for outlet in outlets {
            let Some(netns) = outlet.guest.netns else { continue };
            let (group, interface) = match outlet.plug {
                Plug::Group { group, interface } => (*group, *interface),
                Plug::Descriptor(number) => match self.descriptor(outlet, *number).and_then(|inode| self.tables.udp(inode)) {
                    Some((_, row)) if row.local.ip().is_multicast() => {
                        self.taken.insert(row.inode);
                        (row.local, None)
                    }
                    _ => continue,
                },
                _ => continue,
            };
            let device = self.device_of(netns, group.ip(), interface);
            let name = self.input.host.device(device).map_or_else(|| "lo".to_owned(), |device| device.name.to_string());
            let key = format!("multicast {group} on {name}{}", self.suffix(netns));
            let cable = found.entry(key.clone()).or_insert_with(|| {
                let cable = Cable { key: Text::path(&key), kind: CableKind::Multicast, netns: Some(netns), ..Cable::default() };
                (cable, device, group)
            });
            cable.0.ends.push(CableEnd { local: Some(group), remote: Some(group), ..outlet.end() });
        }
        for (mut cable, device, group) in found.into_values() {
            for end in self.other_members(device.netns, group) {
                cable.ends.push(end);
            }
            cable.ends.sort_by_key(|end| (end.pid, end.nic));
            cable.ends.truncate(ENDS);
            cable.state = if cable.ends.len() > 1 { CableState::Connected } else { CableState::Alone };
            self.devices.insert(cable.key.clone(), device);
            self.cables.push(cable);
        }
    }

    /// Programs that are no guests and are bound to a group.
    fn other_members(&mut self, netns: Netns, group: SocketAddr) -> Vec<CableEnd> {
        let rows: Vec<&InetSocket> = self.tables.bound(netns, group).filter(|row| row.local == group).take(ENDS).collect();
        let strangers = rows.into_iter().filter(|row| !self.is_guests(row.inode)).collect::<Vec<_>>();
        strangers.into_iter().map(|row| CableEnd { local: Some(group), remote: Some(group), ..self.stranger(row.inode) }).collect()
    }

    /// The device that carries a group: that with the wanted address, the only one that joined it, or the one that the routes choose.
    fn device_of(&self, netns: Netns, group: IpAddr, interface: Option<IpAddr>) -> DeviceId {
        let host = self.input.host;
        let loopback = DeviceId { netns, index: super::sight::LOOPBACK };
        let joined = self.input.memberships.get(&netns).into_iter().flatten().filter(|row| IpAddr::V4(row.group) == group);
        let joined: Vec<u32> = joined.map(|row| row.index).collect();
        let wanted = interface.filter(|ip| !ip.is_unspecified());
        if let Some(ip) = wanted {
            return device_with(host, netns, ip).unwrap_or(loopback);
        }
        match joined.as_slice() {
            &[index] => DeviceId { netns, index },
            _ => routed(host, netns, group).unwrap_or(loopback),
        }
    }
}
