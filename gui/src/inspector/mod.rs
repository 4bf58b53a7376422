//! The column at the right: what is known of the selected thing, and how.

mod cable;
mod device;
mod dhcp;
mod host;
mod pages;
mod rows;

pub(crate) use pages::Page;

use crate::commands::{self, Action, Situation, Wish};
use crate::session::Shown;
use crate::sidebar::{heading, mark};
use crate::window::Selection;
use crate::{format, theme, things};
use egui::{Grid, RichText, ScrollArea, Sense, Shape, Stroke, Ui, pos2, vec2};
use tapscope_graph::evidence::Evidence;
use tapscope_graph::tables::{Learned, Series};
use tapscope_graph::topology::{Interface, Key, Link, LinkKind, Node, NodeKind, Vertex};
use tapscope_graph::{FrameNo, PointId, Text};

/// Shows it, and in it what an answer accuses; what the user wants is added to the wishes.
pub(crate) fn show(
    ui: &mut Ui,
    situation: &Situation<'_>,
    accused: &[&str],
    selection: &mut Selection,
    page: &mut Page,
    wishes: &mut Vec<Wish>,
) {
    if *selection != Selection::None {
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for action in [Action::WhyThis, Action::Packets, Action::ExportThis] {
                commands::button(ui, &Situation { target: *selection, ..*situation }, action, wishes);
            }
        });
    }
    let mut inspector = Inspector { shown: situation.shown, situation, accused, wishes };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.add_space(6.0);
        match *selection {
            Selection::None => inspector.recording(ui),
            Selection::Thing(key) => inspector.thing(ui, key, selection, page),
            Selection::Point(id) => inspector.point(ui, id),
            Selection::Flow(index) => inspector.flow(ui, index),
            Selection::Echo(index) => inspector.echo(ui, index),
            Selection::Finding(index) => inspector.finding(ui, index, selection),
            Selection::Dhcp(index) => inspector.dhcp(ui, index),
            Selection::Resolution(index) => inspector.resolution(ui, index),
        }
    });
}

struct Inspector<'a> {
    shown: &'a Shown,
    situation: &'a Situation<'a>,
    /// Rules, routes and entries that an answer accuses.
    accused: &'a [&'a str],
    wishes: &'a mut Vec<Wish>,
}

impl Inspector<'_> {
    /// What a node is called.
    fn called(&self, node: &Node) -> String {
        self.situation.title(node)
    }

    /// Whether an answer accuses a rule, a route or an entry with this text.
    fn is_accused(&self, text: &str) -> bool {
        !text.is_empty() && self.accused.iter().any(|object| object.contains(text))
    }

    fn title(&self, ui: &mut Ui, title: &str, kind: &str) {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(title).strong().size(16.0));
            ui.label(RichText::new(kind).color(theme::palette(ui.ctx()).weak));
        });
    }

    fn facts(&self, ui: &mut Ui, id: &str, facts: &[(&str, String)]) {
        if facts.is_empty() {
            return;
        }
        let weak = theme::palette(ui.ctx()).weak;
        Grid::new(id).num_columns(2).spacing([10.0, 4.0]).show(ui, |ui| {
            for (name, value) in facts {
                ui.label(RichText::new(*name).color(weak));
                ui.add(egui::Label::new(RichText::new(value).monospace()).wrap());
                ui.end_row();
            }
        });
    }

    /// `14 packets, first …` and buttons that open the samples.
    fn evidence(&mut self, ui: &mut Ui, evidence: &Evidence) {
        let frames: Vec<FrameNo> =
            if evidence.samples.is_empty() { vec![evidence.first, evidence.last] } else { evidence.samples.to_vec() };
        self.packets(ui, &frames);
    }

    fn packets(&mut self, ui: &mut Ui, frames: &[FrameNo]) {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("packets").small().color(theme::palette(ui.ctx()).weak));
            for frame in frames {
                if ui.link(frame.0.to_string()).on_hover_text("show this packet").clicked() {
                    self.wishes.push(Wish::Jump(*frame));
                }
            }
        });
    }

    fn recording(&self, ui: &mut Ui) {
        let tables = &self.shown.view.tables;
        self.title(ui, &self.shown.title, if self.shown.is_live() { "live" } else { "recording" });
        self.facts(
            ui,
            "recording",
            &[
                ("packets", tables.frames.to_string()),
                ("octets", format::octets(tables.octets)),
                ("flows", tables.flows.len().to_string()),
                ("points", tables.points.len().to_string()),
                ("from", format::clock(self.shown.playback.begin)),
                ("to", format::clock(self.shown.playback.end)),
            ],
        );
        ui.add_space(8.0);
        ui.label(
            RichText::new("Select a card, a rail or a row to see what is known of it, and which packets prove it")
                .color(theme::palette(ui.ctx()).weak),
        );
    }

    fn thing(&mut self, ui: &mut Ui, key: Key, selection: &mut Selection, page: &mut Page) {
        let shown = self.shown;
        let node = crate::target::node(&shown.view, key);
        let is_of_host = node.is_none_or(|node| node.host.is_some());
        let rules = if is_of_host { self.rules_of(node) } else { Vec::new() };
        page.tabs(ui, !rules.is_empty());
        let heading_of = |inspector: &Self, ui: &mut Ui| {
            let title = node.map_or_else(|| crate::target::title(shown, Selection::Thing(key)), |node| inspector.called(node));
            inspector.title(ui, &title, node.map_or("link", |node| node.kind.name()));
        };
        match page {
            Page::Facts => {}
            Page::Rates => {
                heading_of(self, ui);
                return self.rates(ui, key);
            }
            Page::Time => {
                heading_of(self, ui);
                return self.over_time(ui, key);
            }
            Page::Rules => {
                heading_of(self, ui);
                return self.rules(ui, &rules);
            }
        }
        drop(rules);
        let found = shown.view.topology.graph.node_weights().find(|vertex| match vertex {
            Vertex::Node(node) => node.key == key,
            Vertex::Link(link) => link.key == key,
        });
        match found {
            Some(Vertex::Node(node)) => self.node(ui, node, selection),
            Some(Vertex::Link(link)) => self.link(ui, link, selection),
            None => drop(ui.label("not there at this moment")),
        }
    }

    fn node(&mut self, ui: &mut Ui, node: &Node, selection: &mut Selection) {
        let view = &self.shown.view;
        self.title(ui, &self.called(node), node.kind.name());
        if let Some(row) = things::stopped(&self.shown.view).get(&node.key) {
            let text = format!("a guest that stopped at {}; {} waits for it", format::clock(row.at), row.device.name);
            ui.label(RichText::new(text).color(theme::palette(ui.ctx()).warn));
        } else if self.situation.names.contains_key(&node.key) {
            let own = format!("named by you; it calls itself {}", format::title(node));
            ui.label(RichText::new(own).small().color(theme::palette(ui.ctx()).weak));
        }
        let mut facts = Vec::new();
        match node.key {
            Key::Station(_, mac) => facts.push(("MAC", mac.to_string())),
            Key::Program(pid) if view.tables.host.cables().flat_map(|cable| &cable.ends).any(|end| end.pid == Some(pid)) => {
                facts.push(("process", pid.to_string()));
            }
            _ => {}
        }
        if !node.router.is_empty() {
            let reasons: Vec<&str> = node.router.iter().map(|reason| reason.name()).collect();
            facts.push(("router because it", reasons.join(", ")));
        }
        self.facts(ui, "node", &facts);
        self.of_host(ui, node, selection);
        if node.kind == NodeKind::Bridge && node.host.is_none() {
            ui.label("Frames leave it as they came in, at another point: so it is a bridge, whoever it is");
        }
        if node.kind == NodeKind::Stack {
            ui.label(
                "The network inside QEMU (libslirp). Configured is what -netdev user says, or its defaults by qemu(1); seen are frames from \
                 52:55 and an IPv4 address, which only libslirp makes",
            );
        }
        if !node.addresses.is_empty() {
            heading(ui, "ADDRESSES");
        }
        for address in &node.addresses {
            let is_told = |learned: &&Learned| matches!(learned, Learned::Configured | Learned::NeighborTable);
            let (told, seen): (Vec<&Learned>, Vec<&Learned>) = address.learned.iter().partition(is_told);
            let seen: Vec<&str> = seen.into_iter().map(|learned| learned.name()).collect();
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(things::with_length(address)).monospace());
                if told.contains(&&Learned::Configured) {
                    let on = address.device.map_or_else(String::new, |(device, _)| format!(" on {}", things::device_name(view, device)));
                    badge(ui, &format!("configured{on}"), theme::palette(ui.ctx()).accent);
                }
                if told.contains(&&Learned::NeighborTable) {
                    badge(ui, Learned::NeighborTable.name(), theme::palette(ui.ctx()).accent);
                }
                if address.evidence.count > 0 {
                    badge(ui, &format!("seen by {} ×{}", seen.join(", "), address.evidence.count), theme::palette(ui.ctx()).good);
                }
            });
            if address.evidence.count == 0 {
                continue;
            }
            let since = format!("since {}, last {}", format::clock(address.evidence.first_at), format::clock(address.evidence.last_at));
            ui.label(RichText::new(since).small().color(theme::palette(ui.ctx()).weak));
            for other in &address.conflicts {
                ui.label(RichText::new(format!("also claimed by {other}")).color(theme::palette(ui.ctx()).bad));
            }
            self.evidence(ui, &address.evidence);
        }
        let attached: Vec<_> = view.topology.attachments().filter(|(other, ..)| other.key == node.key).collect();
        heading(ui, "INTERFACES");
        let many = attached.len();
        for (_, link, interface) in attached.into_iter().take(64) {
            ui.horizontal_wrapped(|ui| {
                if ui.link(link.name.as_str()).clicked() {
                    *selection = Selection::Thing(link.key);
                }
                provenance(ui, interface);
                if interface.mac.is_some() && (interface.is_seen || !interface.is_configured) {
                    let text = format!("sent {}, received {} packets", interface.sent.packets, interface.received.packets);
                    ui.label(RichText::new(text).small().color(theme::palette(ui.ctx()).weak));
                }
            });
            if things::is_broken(link.state) {
                ui.label(RichText::new(link.state.to_string()).color(theme::palette(ui.ctx()).warn));
            }
            if interface.mac.is_some() && !interface.series.buckets.is_empty() && many <= 8 {
                sparkline(ui, &interface.series);
            }
        }
        if node.remote_count > 0 {
            heading(ui, "BEYOND IT");
            for remote in node.remotes.iter().take(16) {
                ui.label(RichText::new(remote.to_string()).monospace());
            }
            if node.remote_count > 16 {
                ui.label(format!("and {} more", node.remote_count - 16));
            }
        }
        self.related(ui, node, selection);
    }

    /// Findings about this node.
    fn related(&mut self, ui: &mut Ui, node: &Node, selection: &mut Selection) {
        let addresses: Vec<String> = node.addresses.iter().map(|address| address.ip.to_string()).collect();
        let concerns = |text: &str| {
            let words: Vec<&str> = text.split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':')).collect();
            addresses.iter().any(|address| words.iter().any(|word| word.trim_end_matches(':') == address))
        };
        let findings: Vec<_> = self
            .shown
            .view
            .findings
            .iter()
            .enumerate()
            .filter(|(_, finding)| finding.about == Some(node.key) || concerns(&finding.text))
            .take(12)
            .collect();
        if findings.is_empty() {
            return;
        }
        heading(ui, "HEALTH");
        for (index, finding) in findings {
            ui.horizontal_wrapped(|ui| {
                mark(ui, finding.severity);
                if ui.link(&finding.text).clicked() {
                    *selection = Selection::Finding(index);
                }
            });
        }
    }

    fn link(&mut self, ui: &mut Ui, link: &Link, selection: &mut Selection) {
        self.title(ui, link.name.as_str(), if link.kind == LinkKind::Cable { "cable" } else { "link" });
        let mut facts = vec![("packets", link.counters.packets.to_string()), ("octets", format::octets(link.counters.octets))];
        if let Some(vlan) = link.vlan {
            facts.push(("VLAN", vlan.to_string()));
        }
        self.facts(ui, "link", &facts);
        if things::is_broken(link.state) {
            ui.label(RichText::new(link.state.to_string()).color(theme::palette(ui.ctx()).warn));
        }
        heading(ui, "ATTACHED");
        for (node, _, _) in self.shown.view.topology.attachments().filter(|(_, other, _)| other.key == link.key).take(64) {
            if ui.link(self.called(node)).clicked() {
                *selection = Selection::Thing(node.key);
            }
        }
        if let Some(device) = things::device(&self.shown.view, link) {
            self.device(ui, device);
        }
        if let Some(cable) = things::cable(&self.shown.view, link) {
            self.cable(ui, link, cable);
        }
        match link.point {
            Some(point) => self.point(ui, point),
            None if link.kind.is_local() && link.kind != LinkKind::Cable => {
                heading(ui, "POINT");
                ui.label(RichText::new("nobody listens here").color(theme::palette(ui.ctx()).weak));
            }
            None => {}
        }
    }

    fn point(&mut self, ui: &mut Ui, id: PointId) {
        let Some(point) = self.shown.view.tables.points.get(id.0 as usize) else { return };
        heading(ui, "POINT");
        let link_type = point.info.link_type;
        let mut facts = vec![
            ("name", point.label(id)),
            ("link type", link_type.name().map_or_else(|| link_type.0.to_string(), str::to_owned)),
            ("packets", point.counters.packets.to_string()),
            ("octets", format::octets(point.counters.octets)),
            ("lost", point.lost.to_string()),
        ];
        facts.extend(
            point.lost_by.iter().filter(|(_, frames)| **frames > 0).map(|(cause, frames)| (cause.name(), format!("{frames} lost there"))),
        );
        if point.closed && self.shown.is_live() {
            facts.push(("closed", point.reason.as_ref().map_or_else(|| "yes".to_owned(), |reason| Text::new(reason).to_string())));
        }
        if let Some(description) = &point.info.description {
            facts.push(("description", Text::new(description).to_string()));
        }
        if point.offloaded > 0 {
            facts.push(("larger than Ethernet", format!("{}: offload or a larger MTU", point.offloaded)));
        }
        self.facts(ui, "point", &facts);
        if !point.stops.is_empty() {
            heading(ui, "NOT DECODED");
            for (stop, count) in &point.stops {
                ui.label(format!("{stop}: {count} packets"));
            }
        }
    }
}

/// A word on a tinted ground: where a fact comes from.
fn badge(ui: &mut Ui, text: &str, color: egui::Color32) {
    theme::badge(ui, text, color);
}

/// Whether an attachment is configured, seen, or both.
fn provenance(ui: &mut Ui, interface: &Interface) {
    let palette = theme::palette(ui.ctx());
    if interface.is_configured {
        badge(ui, "configured", palette.accent);
    }
    if interface.is_seen {
        badge(ui, "seen", palette.good);
    }
}

/// Octets sent and received per second, the latest at the right.
fn sparkline(ui: &mut Ui, series: &Series) {
    let palette = theme::palette(ui.ctx());
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width().min(280.0), 44.0), Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 4.0, palette.canvas);
    let most = series.buckets.iter().map(|(sent, received)| sent.max(received)).max().copied().unwrap_or(0).max(1);
    let step = rect.width() / (Series::SECONDS - 1) as f32;
    for (color, pick) in [(palette.accent, 1), (palette.good, 0)] {
        let line: Vec<_> = series
            .buckets
            .iter()
            .rev()
            .enumerate()
            .map(|(back, &(sent, received))| {
                let value = if pick == 0 { sent } else { received };
                pos2(rect.right() - back as f32 * step, rect.bottom() - 3.0 - value as f32 / most as f32 * (rect.height() - 8.0))
            })
            .collect();
        painter.add(Shape::line(line, Stroke::new(1.5, color)));
    }
    let text = format!("peak {}", format::rate(most));
    painter.text(rect.left_top() + vec2(5.0, 3.0), egui::Align2::LEFT_TOP, text, egui::FontId::proportional(10.0), palette.weak);
}
