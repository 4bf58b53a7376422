//! A device of the host: what it is, its counters, its place at a bridge.

use super::Inspector;
use crate::sidebar::heading;
use crate::tables::Tone;
use crate::tables::devices::state;
use crate::{format, theme, things};
use egui::{RichText, Ui};
use tapscope_graph::host::{BridgePort, Device, DeviceKind, PortVlan};

fn yes(is: bool) -> String {
    if is { "yes".to_owned() } else { "no".to_owned() }
}

/// `10 untagged PVID, 20`
pub(super) fn vlans(vlans: &[PortVlan]) -> String {
    let words = vlans.iter().take(16).map(|vlan| {
        let untagged = if vlan.is_untagged { " untagged" } else { "" };
        let pvid = if vlan.is_pvid { " PVID" } else { "" };
        format!("{}{untagged}{pvid}", vlan.vid)
    });
    words.collect::<Vec<_>>().join(", ")
}

impl Inspector<'_> {
    pub(super) fn device(&self, ui: &mut Ui, device: &Device) {
        let view = &self.shown.view;
        let palette = theme::palette(ui.ctx());
        heading(ui, "DEVICE");
        let (state, tone) = state(device);
        let color = if tone == Tone::Bad { palette.warn } else { palette.good };
        ui.label(RichText::new(state).color(color));
        let mut facts = vec![("name", device.name.to_string()), ("kind", device.kind.name().to_owned())];
        facts.push(("namespace", things::namespace_name(view, device.id.netns)));
        facts.extend(device.mac.map(|mac| ("MAC", mac.to_string())));
        facts.push(("MTU", device.mtu.to_string()));
        facts.push(("up, carrier", format!("{}, {}", yes(device.is_up), yes(device.has_carrier))));
        facts.push(("operational", device.oper_state.name().to_owned()));
        facts.extend(device.master.map(|master| ("part of", things::device_name(view, master))));
        facts.extend(device.lower.map(|lower| match device.kind {
            DeviceKind::Veth => ("other end", things::device_name(view, lower)),
            _ => ("on", things::device_name(view, lower)),
        }));
        match &device.kind {
            DeviceKind::Tun(mode) => {
                facts.push(("persistent", yes(mode.is_persistent)));
                facts.push(("several queues", yes(mode.is_multi_queue)));
                facts.extend(mode.owner.map(|owner| ("owner", format!("user {owner}"))));
            }
            DeviceKind::Vlan { vid, .. } => facts.push(("VLAN", vid.to_string())),
            DeviceKind::Macvlan(mode) | DeviceKind::Macvtap(mode) | DeviceKind::Bond(mode) => facts.push(("mode", mode.to_string())),
            DeviceKind::Vxlan(vni) => facts.push(("network", vni.to_string())),
            _ => {}
        }
        if !device.offloads.is_empty() {
            let names: Vec<&str> = device.offloads.iter().map(|name| name.as_str()).collect();
            facts.push(("offloads", names.join(", ")));
        }
        let counters = &device.counters;
        facts.push(("received", format!("{} packets, {}", counters.received_packets, format::octets(counters.received_octets))));
        facts.push(("sent", format!("{} packets, {}", counters.sent_packets, format::octets(counters.sent_octets))));
        self.facts(ui, "device", &facts);
        for (count, text) in [
            (counters.received_dropped, "received packets were thrown away"),
            (counters.sent_dropped, "packets were not sent: nobody fetches them"),
            (counters.received_errors, "were damaged on the way in"),
            (counters.sent_errors, "failed on the way out"),
        ] {
            if count > 0 {
                ui.label(RichText::new(format!("{count} {text}")).color(palette.bad));
            }
        }
        if let Some(port) = &device.port {
            self.port(ui, port);
        }
    }

    /// As a port of a bridge.
    fn port(&self, ui: &mut Ui, port: &BridgePort) {
        heading(ui, "BRIDGE PORT");
        let mut facts = vec![("state", port.state.name().to_owned())];
        facts.extend(port.pvid().map(|pvid| ("PVID", pvid.to_string())));
        if !port.vlans.is_empty() {
            facts.push(("VLANs", vlans(&port.vlans)));
        }
        facts.extend([
            ("isolated", yes(port.is_isolated)),
            ("hairpin", yes(port.hairpin)),
            ("learning", yes(port.learning)),
            ("floods unicast", yes(port.flood)),
            ("floods multicast", yes(port.multicast_flood)),
            ("floods broadcast", yes(port.broadcast_flood)),
        ]);
        if port.is_locked {
            facts.push(("locked", "only known addresses may send".to_owned()));
        }
        if port.guard {
            facts.push(("BPDU guard", "on".to_owned()));
        }
        self.facts(ui, "port", &facts);
    }
}
