//! Painting the picture. Everything is placed by the layout; what is out of sight or too small to read is left out.

use super::icon;
use super::layout::{Layout, ROW, TITLE};
use super::lens::Lens;
use super::wire::rate_color;
use crate::arrangement::Arranged;
use crate::digest::Digest;
use crate::session::Shown;
use crate::theme::{self, Palette};
use crate::window::Selection;
use crate::{format, things};
use egui::{Align2, CornerRadius, FontId, Painter, Rect, Stroke, StrokeKind, Ui, Vec2, pos2, vec2};
use std::sync::Arc;
use tapscope_graph::Timestamp;
use tapscope_graph::host::DeviceKind;
use tapscope_graph::topology::{Configured, Key, Link, LinkKind, LinkState, Node, NodeKind};

/// Below this zoom cards are blocks without text.
pub(super) const READABLE: f32 = 0.42;

pub(super) struct Drawing<'a> {
    pub ui: &'a Ui,
    pub shown: &'a Arc<Shown>,
    pub layout: &'a Arc<Layout>,
    pub selection: Selection,
    pub arranged: &'a Arranged,
    pub lens: Lens,
    /// The moment that packets under way are shown of.
    pub position: Timestamp,
    /// The moment that rates are told of.
    pub now: Timestamp,
    /// Whether the host says what there is: then what was not seen is known to be there.
    pub is_told: bool,
    pub digest: &'a Arc<Digest>,
}

/// What a screen reader says of a node.
pub(super) fn spoken(shown: &Shown, digest: &Digest, given: Option<&String>, node: &Node) -> String {
    let kind = match node.kind {
        _ if digest.stopped.contains_key(&node.key) => "stopped guest",
        NodeKind::Host => "host",
        NodeKind::Router => "router",
        NodeKind::Guest => "guest",
        NodeKind::Local if things::is_own(&shown.view, node) => "",
        NodeKind::Local => "",
        NodeKind::Bridge if node.host.is_some() || given.is_some() => {
            return format!("bridge {}", given.cloned().unwrap_or_else(|| format::title(node)));
        }
        NodeKind::Bridge => return "bridge".to_owned(),
        NodeKind::Outside => return format!("outside, {} remote addresses", node.remote_count),
        NodeKind::Stack => "",
        NodeKind::Program => "program",
    };
    let addresses: Vec<String> = node.addresses.iter().take(4).map(|address| address.ip.to_string()).collect();
    let name = given.cloned().or_else(|| node.name.as_ref().map(ToString::to_string));
    let text = match (name, addresses.is_empty()) {
        (Some(name), _) => format!("{kind} {name} {}", addresses.join(" ")),
        (None, false) => format!("{kind} {}", addresses.join(" ")),
        (None, true) => format!("{kind} {}", format::title(node)),
    };
    text.trim().to_owned()
}

/// What a screen reader says of a link.
pub(super) fn spoken_link(shown: &Shown, link: &Link) -> String {
    if link.kind == LinkKind::Cable {
        let mut parts = vec![format!("cable {}", link.name)];
        parts.extend(matches!(link.state, LinkState::Unplugged(_)).then(|| link.state.to_string()));
        parts.extend(things::sight(&shown.view, link).map(str::to_owned));
        return parts.join(", ");
    }
    let mut text = format!("link {}", link.name);
    if things::is_broken(link.state) {
        text = format!("{text}, {}", link.state);
    }
    if things::is_isolated(&shown.view, link) { format!("{text}, isolated") } else { text }
}

impl<'a> Drawing<'a> {
    /// Looks the view's things up.
    pub fn new(
        ui: &'a Ui,
        shown: &'a Arc<Shown>,
        digest: &'a Arc<Digest>,
        layout: &'a Arc<Layout>,
        arranged: &'a Arranged,
        selection: Selection,
        lens: Lens,
    ) -> Drawing<'a> {
        Drawing {
            ui,
            shown,
            digest,
            layout,
            selection,
            arranged,
            lens,
            position: shown.playback.position,
            now: digest.now,
            is_told: digest.is_told(),
        }
    }

    /// What the user calls a node, or what it is called.
    pub fn title(&self, node: &Node) -> String {
        self.arranged.names.title(node)
    }

    /// A font whose size comes in steps, so that zooming does not fill the glyph atlas.
    pub fn font(&self, size: f32) -> FontId {
        FontId::proportional(((size * self.lens.zoom / 0.75).round() * 0.75).max(6.0))
    }

    /// Whose icon a node has: what is left of a guest that ended is a guest.
    pub fn drawn_as(&self, node: &Node) -> NodeKind {
        if self.digest.stopped.contains_key(&node.key) { NodeKind::Guest } else { node.kind }
    }

    pub fn is_namespace(&self, node: &Node) -> bool {
        matches!(node.host, Some(Configured::Local(_))) && !things::is_own(&self.shown.view, node)
    }

    /// Whether an open point listens on a link.
    pub fn is_listened(&self, link: &Link) -> bool {
        let point = link.point.and_then(|point| self.shown.view.tables.points.get(point.0 as usize));
        point.is_some_and(|point| !point.closed || !self.shown.is_live())
    }

    /// Paints everything, with its words.
    pub fn paint(&self) {
        let palette = theme::palette(self.ui.ctx());
        let painter = self.ui.painter_at(self.lens.clip);
        self.frames(&painter, &palette);
        self.vlans(&painter, &palette);
        // What passes by has its name and rate beside it.
        let near = self.lens.clip.expand(80.0);
        for (wire, span) in self.layout.wires.iter().zip(&self.layout.spans) {
            if self.lens.place_rect(*span).intersects(near) {
                self.wire(&painter, &palette, wire, self.digest.link(wire.link), self.digest.interface(wire.node, wire.link));
            }
        }
        for (key, rect) in &self.layout.rails {
            let on_screen = self.lens.place_rect(*rect);
            if on_screen.intersects(self.lens.clip) {
                self.rail(&painter, &palette, *key, on_screen);
            }
        }
        if let Some((key, rect)) = self.layout.spine {
            self.spine(&painter, &palette, key, self.lens.place_rect(rect));
        }
        for (key, rect) in &self.layout.cards {
            let on_screen = self.lens.place_rect(*rect);
            if let Some(node) = self.digest.node(*key).filter(|_| on_screen.intersects(self.lens.clip)) {
                self.card(&painter, &palette, on_screen, node);
            }
        }
        for (rects, is_port) in [(&self.layout.ports, true), (&self.layout.stubs, false)] {
            for (key, rect) in rects {
                let on_screen = self.lens.place_rect(*rect);
                let Some(link) = self.digest.link(*key).filter(|_| on_screen.intersects(self.lens.clip)) else { continue };
                if is_port {
                    self.empty_port(&painter, &palette, on_screen, link);
                } else {
                    self.stub(&painter, &palette, on_screen, link);
                }
            }
        }
    }

    /// A box around what a namespace holds, with its name.
    pub(super) fn frames(&self, painter: &Painter, palette: &Palette) {
        for (key, rect) in &self.layout.frames {
            let rect = self.lens.place_rect(*rect);
            if !rect.intersects(self.lens.clip) {
                continue;
            }
            let is_selected = self.selection == Selection::Thing(*key);
            let stroke = Stroke::new(if is_selected { 2.0 } else { 1.0 }, if is_selected { palette.strong } else { palette.weak });
            let rounding = CornerRadius::same((12.0 * self.lens.zoom).clamp(2.0, 40.0) as u8);
            painter.rect(rect, rounding, palette.accent.gamma_multiply(0.05), stroke, StrokeKind::Inside);
            let name = match self.digest.node(*key) {
                Some(node) => self.title(node),
                None => "namespace".to_owned(),
            };
            let size = (12.0 * self.lens.zoom).clamp(10.0, 14.0);
            if rect.width() > 60.0 {
                let clipped = painter.with_clip_rect(rect.intersect(self.lens.clip));
                let at = rect.left_top() + vec2(12.0, 6.0) * self.lens.zoom;
                clipped.text(at, Align2::LEFT_TOP, name, FontId::proportional(size), palette.weak);
            }
        }
    }

    fn rail(&self, painter: &Painter, palette: &Palette, key: Key, rect: Rect) {
        let (bridge, link) = (self.digest.node(key), self.digest.link(key));
        let is_selected = self.selection == Selection::Thing(key);
        let stroke = if is_selected { Stroke::new(2.0, palette.strong) } else { Stroke::new(1.0, palette.accent.gamma_multiply(0.6)) };
        let rounding = CornerRadius::same((rect.height() / 2.0).min(120.0) as u8);
        let folded = self.layout.folded.get(&key).copied();
        if folded.is_some() {
            // Cards behind the rail: there is more than is shown.
            for shift in [2.0, 1.0] {
                let behind = rect.shrink2(vec2(14.0 * shift * self.lens.zoom, 0.0)).translate(vec2(0.0, 5.0 * shift * self.lens.zoom));
                painter.rect(behind, rounding, palette.card, Stroke::new(1.0, palette.edge), StrokeKind::Inside);
            }
        }
        painter.rect(rect, rounding, palette.rail, stroke, StrokeKind::Inside);
        let (title, detail) = match (bridge, link) {
            (Some(bridge), _) => (self.title(bridge), self.of_bridge(bridge)),
            (None, Some(link)) => (link.name.to_string(), format!("{} packets", link.counters.packets)),
            (None, None) => (key.to_string(), String::new()),
        };
        let detail = folded.map_or(detail, |count| format!("{count} folded · double-click shows them"));
        let clipped = painter.with_clip_rect(rect.shrink2(vec2(8.0 * self.lens.zoom, 0.0)).intersect(self.lens.clip));
        // The name of a rail that reaches out of view stays in view.
        let start = pos2(rect.left().max(self.lens.clip.left()), rect.center().y);
        let mark = start + vec2(24.0 * self.lens.zoom, 0.0);
        if bridge.is_some() {
            icon::node(painter, NodeKind::Bridge, false, mark, 14.0 * self.lens.zoom, palette.accent);
        }
        let at = start + vec2(if bridge.is_some() { 39.0 } else { 16.0 } * self.lens.zoom, 0.0);
        let title = clipped.text(at, Align2::LEFT_CENTER, title, self.font(13.0), palette.strong);
        clipped.text(title.right_center() + vec2(12.0 * self.lens.zoom, 0.0), Align2::LEFT_CENTER, detail, self.font(11.0), palette.weak);
    }

    /// What a rail says of its bridge.
    fn of_bridge(&self, bridge: &Node) -> String {
        let view = &self.shown.view;
        let Some(Configured::Device(id)) = bridge.host else {
            let ports = view.topology.attachments().filter(|(node, ..)| node.key == bridge.key).count();
            return match bridge.kind {
                NodeKind::Program => format!("{ports} cables"),
                _ => format!("{ports} points, frames cross unchanged"),
            };
        };
        let host = &view.tables.host;
        let Some(device) = host.device(id) else { return String::new() };
        let ports = self.digest.ports(id).len();
        let mut parts = vec![if ports == 1 { "1 port".to_owned() } else { format!("{ports} ports") }];
        match &device.kind {
            DeviceKind::Bridge(settings) => {
                let learned = host.fdb().filter(|entry| entry.bridge == Some(id) && !entry.is_permanent).count();
                if learned > 0 {
                    parts.push(format!("{learned} learned"));
                }
                parts.push(if settings.stp { "STP on".to_owned() } else { "STP off".to_owned() });
                if settings.vlan_filtering {
                    parts.push("VLAN filtering".to_owned());
                }
            }
            DeviceKind::Bond(mode) => parts.push(mode.to_string()),
            _ => {
                let macvlans = host.devices().filter(|other| other.lower == Some(id)).count();
                parts = vec![format!("{macvlans} on it")];
            }
        }
        if !device.is_up {
            parts.insert(0, "down".to_owned());
        }
        parts.join(" · ")
    }

    /// This host: its addresses, and the devices that only it is attached to.
    pub(super) fn spine(&self, painter: &Painter, palette: &Palette, key: Key, rect: Rect) {
        let Some(node) = self.digest.node(key).filter(|_| rect.intersects(self.lens.clip)) else { return };
        let is_selected = self.selection == Selection::Thing(key);
        let edge = if is_selected { Stroke::new(2.0, palette.strong) } else { Stroke::new(1.0, palette.accent.gamma_multiply(0.6)) };
        painter.rect(rect, CornerRadius::same((9.0 * self.lens.zoom) as u8), palette.card, edge, StrokeKind::Inside);
        if self.lens.zoom < READABLE {
            return;
        }
        let zoom = self.lens.zoom;
        let clipped = painter.with_clip_rect(rect.shrink(2.0).intersect(self.lens.clip));
        icon::node(painter, NodeKind::Local, false, rect.left_top() + vec2(20.0, 17.0) * zoom, 14.0 * zoom, palette.accent);
        let at = rect.left_top() + vec2(35.0, TITLE / 2.0) * zoom;
        clipped.text(at, Align2::LEFT_CENTER, self.title(node), self.font(14.0), palette.strong);
        let lines = things::local_lines(&self.shown.view, node);
        let last = lines.len().saturating_sub(1);
        for (index, line) in lines.iter().enumerate() {
            let at = rect.left_top() + vec2(13.0, TITLE + index as f32 * ROW) * zoom;
            let color = if index == last { palette.weak } else { palette.strong };
            clipped.text(at, Align2::LEFT_TOP, line, self.font(12.0), color);
        }
        for (key, row) in &self.layout.rows {
            let Some(link) = self.digest.link(*key) else { continue };
            let row = self.lens.place_rect(*row);
            self.row(painter, &clipped, palette, row, link);
        }
    }

    fn row(&self, painter: &Painter, clipped: &Painter, palette: &Palette, row: Rect, link: &Link) {
        let zoom = self.lens.zoom;
        let is_broken = things::is_broken(link.state);
        if self.selection == Selection::Thing(link.key) {
            clipped.rect_filled(row.shrink2(vec2(6.0 * zoom, 0.0)), 3.0, palette.accent.gamma_multiply(0.25));
        }
        let rate = self.rate_of(link.key);
        let color = rate.as_ref().map_or(palette.edge, |(octets, _)| rate_color(palette, *octets));
        let port = Rect::from_center_size(row.left_center(), Vec2::splat(9.0 * zoom));
        if is_broken || !self.is_listened(link) {
            painter.rect(port, 2.0, palette.canvas, Stroke::new(1.5, color), StrokeKind::Inside);
        } else {
            painter.rect_filled(port, 2.0, color);
        }
        let name = clipped.text(
            row.left_center() + vec2(13.0 * zoom, 0.0),
            Align2::LEFT_CENTER,
            link.name.as_str(),
            self.font(11.5),
            palette.weak,
        );
        let (text, color) = match rate {
            Some((_, text)) => (text, palette.good),
            None if is_broken => (link.state.to_string(), palette.warn),
            None => (things::device(&self.shown.view, link).map_or("", |device| device.kind.name()).to_owned(), palette.weak),
        };
        clipped.text(name.right_center() + vec2(8.0 * zoom, 0.0), Align2::LEFT_CENTER, text, self.font(11.0), color);
    }
}
