//! The host's devices: what each is, where it belongs, and what passes it.

use super::{Cell, Column, Rows, Tone, column};
use crate::session::Shown;
use crate::window::Selection;
use crate::{format, things};
use std::collections::BTreeMap;
use tapscope_graph::PointId;
use tapscope_graph::display_filter::{Field, Value};
use tapscope_graph::host::{Device, DeviceId, PortState};
use tapscope_graph::topology::Key;

pub struct Devices<'a> {
    shown: &'a Shown,
    devices: Vec<&'a Device>,
    points: BTreeMap<DeviceId, PointId>,
    links: BTreeMap<DeviceId, Key>,
}

const COLUMNS: &[Column] = &[
    column("device", 120.0),
    column("kind", 80.0),
    column("namespace", 90.0),
    column("state", 130.0),
    column("master", 80.0),
    column("MAC", 130.0),
    column("MTU", 50.0),
    column("received", 84.0),
    column("sent", 84.0),
    column("dropped", 64.0),
    column("point", 90.0),
    column("lost", 60.0),
];

impl<'a> Devices<'a> {
    pub fn of(shown: &'a Shown) -> Devices<'a> {
        let points = shown.view.tables.points.iter().enumerate();
        let points = points.filter_map(|(index, point)| Some((point.own_device()?, PointId(index as u32)))).collect();
        let links = shown.view.topology.links().filter_map(|link| Some((link.device?, link.key))).collect();
        Devices { shown, devices: shown.view.tables.host.devices().collect(), points, links }
    }
}

/// What hinders a device, or that nothing does.
pub(crate) fn state(device: &Device) -> (String, Tone) {
    match &device.port {
        _ if !device.is_up => ("down".to_owned(), Tone::Bad),
        _ if !device.has_carrier && device.kind.name() == "tap" => ("nobody has it open".to_owned(), Tone::Bad),
        _ if !device.has_carrier && device.kind.name() != "bridge" => ("no carrier".to_owned(), Tone::Bad),
        Some(port) if port.state != PortState::Forwarding => (format!("port {}", port.state.name()), Tone::Bad),
        Some(_) => ("forwarding".to_owned(), Tone::Good),
        None => ("up".to_owned(), Tone::Good),
    }
}

impl Rows for Devices<'_> {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn len(&self) -> usize {
        self.devices.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let device = self.devices[row];
        let view = &self.shown.view;
        let (sent, received) = view.tables.host.series(device.id).map_or((0, 0), |series| series.rate(self.shown.now()));
        let point = self.points.get(&device.id).copied();
        let dropped = device.counters.received_dropped + device.counters.sent_dropped;
        let rate = |octets: u32| match octets {
            0 => Cell::number("", 0),
            octets => Cell::number(format::rate(octets), octets).tone(Tone::Good),
        };
        match column {
            0 => Cell::text(device.name.as_str()),
            1 => Cell::text(device.kind.name()),
            2 => Cell::text(things::namespace_name(view, device.id.netns)).tone(Tone::Weak),
            3 => {
                let (text, tone) = state(device);
                Cell::text(text).tone(tone)
            }
            4 => Cell::text(device.master.map_or_else(String::new, |master| things::device_name(view, master))),
            5 => Cell::text(device.mac.map_or_else(String::new, |mac| mac.to_string())).tone(Tone::Weak),
            6 => Cell::number(device.mtu.to_string(), device.mtu),
            7 => rate(received),
            8 => rate(sent),
            9 => Cell::number(dropped.to_string(), dropped).tone(if dropped > 0 { Tone::Bad } else { Tone::Weak }),
            10 => match point.and_then(|id| Some((id, view.tables.points.get(id.0 as usize)?))) {
                Some((id, point)) if !point.closed => Cell::text(point.label(id)),
                Some(_) => Cell::text("closed").tone(Tone::Weak),
                None => Cell::text("not listened").tone(Tone::Weak),
            },
            _ => match point.and_then(|id| view.tables.points.get(id.0 as usize)) {
                Some(point) => Cell::number(point.lost.to_string(), point.lost).tone(if point.lost > 0 { Tone::Bad } else { Tone::Weak }),
                None => Cell::number("", -1),
            },
        }
    }

    fn selection(&self, row: usize) -> Option<Selection> {
        self.links.get(&self.devices[row].id).map(|key| Selection::Thing(*key))
    }

    fn empty(&self) -> &'static str {
        "this is a capture: it does not say which devices the host had"
    }

    fn any(&self, row: usize, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let device = self.devices[row];
        let host = &self.shown.view.tables.host;
        match field {
            Field::EthAddr => device.mac.is_some_and(|mac| test(Value::Mac(mac))),
            Field::IpAddr => host.addresses().filter(|address| address.device == device.id).any(|address| test(Value::Ip(address.ip))),
            Field::Interface => test(Value::Text(device.name.as_str())),
            Field::State => test(Value::Text(&state(device).0)),
            Field::Name => {
                let guest = host.guest_behind(device.id).and_then(|(guest, _)| guest.name.as_ref());
                guest.is_some_and(|name| test(Value::Text(name.as_str())))
            }
            _ => false,
        }
    }
}
