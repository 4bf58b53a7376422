//! Where an end may be that nobody was seen to be, and which of its addresses is meant.

use super::endpoint::{Endpoint, Place};
use super::routing;
use crate::fact::Fact;
use crate::host::{DeviceKind, UserNetwork};
use crate::tables::{Learned, Tables};
use crate::topology::{NodeKind, Topology};
use std::net::IpAddr;

/// What this host has of several addresses is the one that it would use.
pub(crate) fn choose_own_address(tables: &Tables, end: &mut Endpoint, other: &Endpoint) {
    let (Place::Local(netns, device), None, Some(goal)) = (end.place, end.ip, other.ip) else { return };
    end.ip = routing::address_towards(&tables.host, device, goal).map(|row| row.ip);
    let _ = netns;
}

/// What a guest behind a user-mode stack calls its gateway or DNS server is that stack.
pub(crate) fn stand_for(tables: &Tables, end: &mut Endpoint, other: &Endpoint) {
    let (Place::Nowhere, Some(IpAddr::V4(ip)), Place::Backend(pid, card)) = (end.place, end.ip, other.place) else { return };
    let Some((guest, backend)) = other.user_mode(&tables.host) else { return };
    let Some(user) = UserNetwork::of(&backend.options) else { return };
    if ip == user.gateway || ip == user.dns {
        (end.place, end.name) = (Place::Stack(pid, card), guest.name.clone());
    }
}

/// An address that nobody was seen to have can only be where nobody else's is known, if there is one such place.
pub(crate) fn suppose(tables: &Tables, topology: &Topology, end: &mut Endpoint, other: &Endpoint) {
    if end.place != Place::Nowhere || end.ip.is_none() {
        return;
    }
    let host = &tables.host;
    // What is sent to somebody else for it, as to a router, says where it is looked for.
    if end.ip.is_some_and(|ip| goes_to_another(tables, ip)) {
        return;
    }
    let has_address = |device| {
        topology.attachments().any(|(node, link, _)| {
            let is_station = matches!(node.kind, NodeKind::Guest | NodeKind::Host | NodeKind::Router);
            is_station && link.device == Some(device) && node.addresses.iter().any(|address| !routing::is_link_local(address.ip))
        })
    };
    let is_place = |device: &&crate::host::Device| {
        let leads_to_station = match device.kind {
            DeviceKind::Tun(ref mode) => mode.is_tap,
            DeviceKind::Veth => device.lower.is_none_or(|peer| host.device(peer).is_none()),
            DeviceKind::Macvtap(_) => true,
            _ => false,
        };
        leads_to_station && Some(device.id) != other.device() && !has_address(device.id) && !routing::has_address(host, device.id)
    };
    let mut places = host.devices().filter(is_place);
    if let (Some(only), None) = (places.next(), places.next()) {
        end.place = Place::Behind(only.id);
        end.is_supposed = true;
        if let Some((guest, nic)) = host.guest_behind(only.id) {
            (end.name, end.pid, end.mac) = (guest.name.clone(), Some(guest.pid), end.mac.or(nic.mac));
        }
        let station = topology.attachments().find(|(node, link, interface)| {
            link.device == Some(only.id)
                && interface.is_seen
                && interface.mac.is_some()
                // What is only sent to may be nobody's.
                && interface.sent.packets > 0
                && matches!(node.kind, NodeKind::Guest | NodeKind::Host)
        });
        end.mac = end.mac.or(station.and_then(|(_, _, interface)| interface.mac));
    }
}

/// Whether echoes to an address are sent to a station that is known by another address, and is not this host.
fn goes_to_another(tables: &Tables, ip: IpAddr) -> bool {
    let is_own = |mac| tables.host.devices().any(|device| device.mac == Some(mac));
    // Everybody has a link-local address besides.
    let is_like = |other: IpAddr| other.is_ipv6() == ip.is_ipv6() && !routing::is_link_local(other);
    tables.journeys.iter().filter(|journey| matches!(journey.subject, Fact::Echo(echo) if echo.is_request && echo.destination == ip)).any(
        |journey| {
            let known = |mac| {
                tables
                    .bindings
                    .iter()
                    .any(|row| row.mac == mac && row.ip != ip && is_like(row.ip) && row.inbound && row.learned.proves_owner())
            };
            journey.destination.is_some_and(|mac| mac.is_station() && !is_own(mac) && known(mac))
        },
    )
}

/// Who was never seen may be where a program of the device takes the frames before anybody can see them, if there is one such place.
pub(crate) fn suppose_behind_program(tables: &Tables, end: &mut Endpoint) {
    let is_hiding = |device: &&crate::host::Device| device.xdp.is_some() && matches!(&device.kind, DeviceKind::Tun(mode) if mode.is_tap);
    let mut places = tables.host.devices().filter(is_hiding);
    if let (Place::Nowhere, Some(only), None) = (end.place, places.next(), places.next()) {
        (end.place, end.is_supposed) = (Place::Behind(only.id), true);
    }
}

/// The station that said that it has an address.
pub(crate) fn claimed(tables: &Tables, ip: IpAddr) -> Option<crate::MacAddr> {
    let is_said = |learned| matches!(learned, Learned::Arp | Learned::Ndp | Learned::Dhcp);
    // What was only seen on its way out may be said in somebody's name.
    let is_theirs = |row: &&crate::tables::Binding| row.ip == ip && is_said(row.learned) && (row.inbound || !row.outbound);
    tables.bindings.iter().filter(is_theirs).max_by_key(|row| row.evidence.last_at).map(|row| row.mac)
}

/// The one station that was heard behind an end's device.
pub(crate) fn only_one_behind(tables: &Tables, end: &Endpoint) -> Option<crate::MacAddr> {
    let Place::Behind(device) = end.place else { return None };
    let is_there = |row: &&crate::tables::Station| {
        row.inbound > 0 && row.mac.is_station() && super::endpoint::device_of_point(tables, row.point) == Some(device)
    };
    let mut heard = tables.stations.iter().filter(is_there);
    let first = heard.next()?.mac;
    heard.all(|row| row.mac == first).then_some(first)
}
