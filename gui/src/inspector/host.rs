//! What the host says of a node: a guest's process and cards, a bridge's ports and table, this host's own stack.

use super::device::vlans;
use super::{Inspector, badge};
use crate::sidebar::heading;
use crate::tables::{Tone, devices, neighbors};
use crate::window::Selection;
use crate::{theme, things};
use egui::{RichText, Ui};
use std::collections::BTreeMap;
use tapscope_graph::MacAddr;
use tapscope_graph::host::{Device, DeviceId, DeviceKind, Guest, Netns, Nic};
use tapscope_graph::topology::{Configured, Key, LinkKind, Node};

/// Rows of a list before it is cut.
const ROWS: usize = 48;

impl Inspector<'_> {
    /// What the host says of a node.
    pub(super) fn of_host(&mut self, ui: &mut Ui, node: &Node, selection: &mut Selection) {
        let host = &self.shown.view.tables.host;
        match node.host {
            Some(Configured::Guest(pid)) => {
                if let Some(guest) = host.guest(pid) {
                    self.guest(ui, node, guest, selection);
                }
            }
            Some(Configured::Device(id)) => {
                if let Some(device) = host.device(id) {
                    self.bridge(ui, device, selection);
                }
            }
            Some(Configured::Local(netns)) => self.local(ui, netns),
            None => {}
        }
    }

    fn guest(&self, ui: &mut Ui, node: &Node, guest: &Guest, selection: &mut Selection) {
        let palette = theme::palette(ui.ctx());
        let view = &self.shown.view;
        let mut facts = vec![("process", format!("{} {}", guest.program, guest.pid))];
        facts.extend(guest.netns.map(|netns| ("namespace", things::namespace_name(view, netns))));
        facts.extend(guest.uuid.as_ref().map(|uuid| ("UUID", uuid.to_string())));
        if guest.is_libvirt {
            facts.push(("started by", "libvirt".to_owned()));
        }
        facts.extend(guest.monitors.iter().take(4).map(|monitor| ("monitor", monitor.to_string())));
        self.facts(ui, "guest", &facts);
        if let Some(remedy) = &guest.unreadable {
            ui.label(RichText::new("Not all of it can be read. This gives the rest:").color(palette.warn));
            self.command(ui, remedy.as_str());
        }
        for (link, mac) in things::strangers(view, node) {
            let text = format!("{} also carries frames from {mac}, which is not the address of the guest's card", link.name);
            ui.label(RichText::new(text).color(palette.warn));
            badge(ui, "seen, not configured", palette.warn);
        }
        for (index, nic) in guest.nics.iter().enumerate() {
            heading(ui, &format!("CARD {}", nic.id.as_ref().map_or_else(|| (index + 1).to_string(), |id| id.to_string())));
            self.nic(ui, index, nic, selection);
            self.plugged(ui, guest.pid, index as u32, selection);
        }
        if guest.nics.is_empty() {
            ui.label(RichText::new("It has no network card").color(palette.weak));
        }
    }

    fn nic(&self, ui: &mut Ui, index: usize, nic: &Nic, selection: &mut Selection) {
        let view = &self.shown.view;
        let palette = theme::palette(ui.ctx());
        let mut facts = Vec::new();
        facts.extend(nic.model.as_ref().map(|model| ("model", model.to_string())));
        facts.extend(nic.mac.map(|mac| ("MAC", mac.to_string())));
        if let Some(backend) = &nic.backend {
            let vhost = if backend.has_vhost { ", vhost" } else { "" };
            facts.push(("backend", format!("{}{vhost}", backend.kind.name())));
            if !backend.options.as_str().is_empty() {
                facts.push(("options", backend.options.to_string()));
            }
            if backend.queues > 1 {
                facts.push(("queues", backend.queues.to_string()));
            }
        } else {
            facts.push(("backend", "none: nothing is plugged in".to_owned()));
        }
        self.facts(ui, &format!("nic {index}"), &facts);
        if nic.has_default_mac {
            ui.label(RichText::new("QEMU's default address: every guest without one of its own has it").color(palette.warn));
        }
        for id in nic.backend.iter().flat_map(|backend| &backend.devices) {
            let Some(device) = view.tables.host.device(*id) else { continue };
            self.device_row(ui, device, selection);
        }
    }

    /// The cable that a card is plugged into, as a way to it.
    fn plugged(&self, ui: &mut Ui, pid: u32, nic: u32, selection: &mut Selection) {
        let view = &self.shown.view;
        let palette = theme::palette(ui.ctx());
        for link in view.topology.links().filter(|link| link.kind == LinkKind::Cable) {
            let ends = things::cable(view, link).into_iter().flat_map(|cable| &cable.ends);
            if !ends.into_iter().any(|end| (end.pid, end.nic) == (Some(pid), Some(nic))) {
                continue;
            }
            ui.horizontal_wrapped(|ui| {
                go(ui, link.name.as_str(), link.key, selection);
                if things::is_broken(link.state) {
                    ui.label(RichText::new(link.state.to_string()).small().color(palette.warn));
                }
                let sight = things::sight(view, link).unwrap_or("listened to");
                ui.label(RichText::new(sight).small().color(palette.weak));
            });
        }
    }

    /// A device's name as a way to its link, its bridge and its state.
    fn device_row(&self, ui: &mut Ui, device: &Device, selection: &mut Selection) {
        let view = &self.shown.view;
        let palette = theme::palette(ui.ctx());
        ui.horizontal_wrapped(|ui| {
            let link = view.topology.links().find(|link| link.device == Some(device.id)).map(|link| link.key);
            match link {
                Some(key) => go(ui, device.name.as_str(), key, selection),
                None => drop(ui.label(device.name.as_str())),
            }
            if let Some(master) = device.master {
                ui.label(RichText::new("at").color(palette.weak));
                let bridge = view.topology.nodes().find(|node| node.host == Some(Configured::Device(master))).map(|node| node.key);
                match bridge {
                    Some(key) => go(ui, &things::device_name(view, master), key, selection),
                    None => drop(ui.label(things::device_name(view, master))),
                }
            }
            let (state, tone) = devices::state(device);
            ui.label(RichText::new(state).small().color(if tone == Tone::Bad { palette.warn } else { palette.good }));
        });
    }

    fn bridge(&self, ui: &mut Ui, device: &Device, selection: &mut Selection) {
        let host = &self.shown.view.tables.host;
        let palette = theme::palette(ui.ctx());
        if let DeviceKind::Bridge(bridge) = &device.kind {
            let on = |is: bool| if is { "on".to_owned() } else { "off".to_owned() };
            let mut facts = vec![("spanning tree", on(bridge.stp)), ("VLAN filtering", on(bridge.vlan_filtering))];
            facts.extend(bridge.default_pvid.map(|pvid| ("default PVID", pvid.to_string())));
            facts.push(("forgets after", format!("{} s", bridge.ageing_seconds)));
            facts.push(("forward delay", format!("{} s", bridge.forward_delay_seconds)));
            facts.push(("snooping", on(bridge.multicast_snooping)));
            facts.push(("passes iptables", on(bridge.calls_iptables)));
            facts.extend(bridge.root.map(|(priority, mac)| ("root", format!("{priority} {mac}"))));
            if !bridge.vlans.is_empty() {
                facts.push(("own VLANs", vlans(&bridge.vlans)));
            }
            self.facts(ui, "bridge", &facts);
        }
        heading(ui, "PORTS");
        for port in host.ports(device.id).take(ROWS) {
            self.device_row(ui, port, selection);
        }
        let owners: BTreeMap<MacAddr, String> =
            self.shown.view.topology.nodes().flat_map(|node| node.macs.iter().map(|mac| (*mac, self.called(node)))).collect();
        let learned: Vec<_> = host.fdb().filter(|entry| entry.bridge == Some(device.id) && !entry.is_permanent).collect();
        heading(ui, "FORWARDING DATABASE");
        if learned.is_empty() {
            ui.label(RichText::new("no address was learned").color(palette.weak));
        }
        egui::Grid::new("fdb").num_columns(3).spacing([10.0, 3.0]).show(ui, |ui| {
            for entry in learned.iter().take(ROWS) {
                let is_accused = self.is_accused(&entry.mac.to_string());
                let mac = RichText::new(entry.mac.to_string()).monospace();
                ui.label(if is_accused { mac.color(palette.bad).strong() } else { mac });
                ui.label(things::device_name(&self.shown.view, entry.port));
                let who = owners.get(&entry.mac).map_or("", String::as_str);
                let age = entry.age.map_or_else(String::new, |age| format!(" {age} s ago"));
                ui.label(RichText::new(format!("{who}{age}")).small().color(palette.weak));
                ui.end_row();
            }
        });
        if learned.len() > ROWS {
            ui.label(RichText::new(format!("and {} more", learned.len() - ROWS)).color(palette.weak));
        }
    }

    fn local(&self, ui: &mut Ui, netns: Netns) {
        let view = &self.shown.view;
        let host = &view.tables.host;
        let palette = theme::palette(ui.ctx());
        let setting = |name: &str| {
            host.setting(netns, name)
                .map_or_else(|| "not known".to_owned(), |value| if value.as_str() == "1" { "on".into() } else { value.to_string() })
        };
        let rules = host.rules().filter(|rule| rule.netns == netns).count();
        let firewall = host.firewall().filter(|rule| rule.netns == netns).count();
        let facts = [
            ("IPv4 forwarding", setting("net.ipv4.ip_forward")),
            ("IPv6 forwarding", setting("net.ipv6.conf.all.forwarding")),
            ("routing rules", rules.to_string()),
            ("firewall rules", firewall.to_string()),
        ];
        self.facts(ui, "local", &facts);
        let name = |device: Option<DeviceId>| device.map_or_else(String::new, |id| format!(" dev {}", things::device_name(view, id)));
        let routes: Vec<_> = host.routes().filter(|route| route.netns == netns && route.table != 255).collect();
        if !routes.is_empty() {
            heading(ui, "ROUTES");
        }
        for route in routes.iter().take(ROWS) {
            let to = if route.destination.length == 0 { "default".to_owned() } else { route.destination.to_string() };
            let via = route.gateway.map_or_else(String::new, |gateway| format!(" via {gateway}"));
            let text = format!("{to}{via}{}", name(route.device));
            let is_accused = self.is_accused(&text);
            let text = RichText::new(text).monospace();
            let text = if is_accused { text.color(palette.bad) } else { text };
            ui.label(if route.is_dead { text.color(palette.warn).strikethrough() } else { text });
        }
        let known: Vec<_> = host.neighbors().filter(|neighbor| neighbor.device.netns == netns).collect();
        if !known.is_empty() {
            heading(ui, "NEIGHBOURS");
        }
        egui::Grid::new("neighbours").num_columns(3).spacing([10.0, 3.0]).show(ui, |ui| {
            for neighbor in known.iter().take(ROWS) {
                ui.label(RichText::new(neighbor.ip.to_string()).monospace());
                ui.label(things::device_name(view, neighbor.device));
                let color = match neighbors::tone(neighbor.state) {
                    Tone::Bad => palette.bad,
                    Tone::Good => palette.good,
                    Tone::Weak | Tone::Plain | Tone::Accent | Tone::Link => palette.weak,
                };
                ui.label(RichText::new(neighbor.state.name()).color(color));
                ui.end_row();
            }
        });
        self.settings(ui, netns);
    }

    /// What sysctl says of a namespace.
    fn settings(&self, ui: &mut Ui, netns: Netns) {
        let set: Vec<_> = self.shown.view.tables.host.settings().filter(|row| row.netns == netns).collect();
        if set.is_empty() {
            return;
        }
        heading(ui, "SETTINGS");
        for row in set.iter().take(ROWS) {
            ui.add(egui::Label::new(RichText::new(format!("{} = {}", row.name, row.value)).monospace().small()).wrap());
        }
        if set.len() > ROWS {
            ui.label(format!("and {} more", set.len() - ROWS));
        }
    }

    /// A command that the user may copy.
    fn command(&self, ui: &mut Ui, command: &str) {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(command).monospace());
            if ui.small_button("Copy").clicked() {
                ui.ctx().copy_text(command.to_owned());
            }
        });
    }
}

fn go(ui: &mut Ui, text: &str, key: Key, selection: &mut Selection) {
    if ui.link(text).clicked() {
        *selection = Selection::Thing(key);
    }
}
