//! Painting the picture. Everything is placed by the layout; what is out of sight or too small to read is left out.

use super::layout::{Layout, Wire};
use crate::format;
use crate::session::Shown;
use crate::theme::{self, Palette};
use crate::window::Selection;
use egui::epaint::Mesh;
use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Ui, Vec2, pos2, vec2};
use std::collections::BTreeMap;
use std::sync::Arc;
use tapscope_graph::topology::{Interface, Key, Link, Node, NodeKind, Vertex};

/// Below this zoom cards are blocks without text.
const READABLE: f32 = 0.45;

pub(super) struct Drawing<'a> {
    pub ui: &'a Ui,
    pub shown: &'a Arc<Shown>,
    pub layout: &'a Layout,
    pub selection: Selection,
    pub pins: &'a BTreeMap<Key, Pos2>,
    pub zoom: f32,
    pub offset: Vec2,
    pub clip: Rect,
}

/// What a screen reader says of a node.
pub(super) fn spoken(node: &Node) -> String {
    let kind = match node.kind {
        NodeKind::Host => "host",
        NodeKind::Router => "router",
        NodeKind::Guest => "guest",
        NodeKind::Local => "local",
        NodeKind::Bridge => return "bridge".to_owned(),
        NodeKind::Outside => return format!("outside, {} remote addresses", node.remote_count),
    };
    let addresses: Vec<String> = node.addresses.iter().take(4).map(|address| address.ip.to_string()).collect();
    match (&node.name, addresses.is_empty()) {
        (Some(name), _) => format!("{kind} {name} {}", addresses.join(" ")),
        (None, false) => format!("{kind} {}", addresses.join(" ")),
        (None, true) => format!("{kind} {}", format::title(node)),
    }
}

impl Drawing<'_> {
    fn place(&self, pos: Pos2) -> Pos2 {
        pos2(pos.x * self.zoom, pos.y * self.zoom) + self.offset
    }

    fn place_rect(&self, rect: Rect) -> Rect {
        Rect::from_min_max(self.place(rect.min), self.place(rect.max))
    }

    /// A font whose size comes in steps, so that zooming does not fill the glyph atlas.
    fn font(&self, size: f32) -> FontId {
        FontId::proportional(((size * self.zoom / 1.5).round() * 1.5).max(6.0))
    }

    /// What to say while there is nothing.
    pub fn empty(&self) {
        let palette = theme::palette(self.ui.ctx());
        let painter = self.ui.painter_at(self.clip);
        let center = self.clip.center();
        painter.text(center, Align2::CENTER_BOTTOM, "nothing was seen yet", FontId::proportional(18.0), palette.strong);
        let hint = "press Play, or drag the time line: hosts appear as their frames do";
        painter.text(center + vec2(0.0, 8.0), Align2::CENTER_TOP, hint, FontId::proportional(13.0), palette.weak);
    }

    pub fn paint(&self) {
        let palette = theme::palette(self.ui.ctx());
        let painter = self.ui.painter_at(self.clip);
        let mut nodes: BTreeMap<Key, &Node> = BTreeMap::new();
        let mut links: BTreeMap<Key, &Link> = BTreeMap::new();
        for vertex in self.shown.view.topology.graph.node_weights() {
            match vertex {
                Vertex::Node(node) => drop(nodes.insert(node.key, node)),
                Vertex::Link(link) => drop(links.insert(link.key, link)),
            }
        }
        let interfaces: BTreeMap<(Key, Key), &Interface> =
            self.shown.view.topology.attachments().map(|(node, link, interface)| ((node.key, link.key), interface)).collect();
        for wire in &self.layout.wires {
            self.wire(&painter, &palette, wire, links.get(&wire.link).copied(), interfaces.get(&(wire.node, wire.link)).copied());
        }
        for (key, rect) in &self.layout.rails {
            let on_screen = self.place_rect(*rect);
            if on_screen.intersects(self.clip) {
                self.rail(&painter, &palette, *key, on_screen, nodes.get(key).copied(), links.get(key).copied());
            }
        }
        let mut blocks = Mesh::default();
        for (key, rect) in &self.layout.cards {
            let on_screen = self.place_rect(*rect);
            let Some(node) = nodes.get(key).filter(|_| on_screen.intersects(self.clip)) else { continue };
            if self.zoom < READABLE {
                let selected = self.selection == Selection::Thing(*key);
                blocks.add_colored_rect(on_screen, if selected { palette.accent } else { palette.edge });
            } else {
                self.card(&painter, &palette, on_screen, node);
            }
        }
        painter.add(Shape::mesh(blocks));
    }

    fn rail(&self, painter: &Painter, palette: &Palette, key: Key, rect: Rect, bridge: Option<&Node>, link: Option<&Link>) {
        let is_selected = self.selection == Selection::Thing(key);
        let stroke = if is_selected { Stroke::new(2.0, palette.strong) } else { Stroke::new(1.0, palette.accent.gamma_multiply(0.6)) };
        let rounding = CornerRadius::same((rect.height() / 2.0).min(120.0) as u8);
        painter.rect(rect, rounding, palette.rail, stroke, StrokeKind::Inside);
        if self.zoom < READABLE {
            return;
        }
        let (title, detail) = match (bridge, link) {
            (Some(bridge), _) => {
                let ports = self.shown.view.topology.attachments().filter(|(node, ..)| node.key == bridge.key).count();
                (format::title(bridge), format!("{ports} points, frames cross unchanged"))
            }
            (None, Some(link)) => (link.name.to_string(), format!("{} packets", link.counters.packets)),
            (None, None) => (key.to_string(), String::new()),
        };
        let at = rect.left_center() + vec2(16.0 * self.zoom, 0.0);
        let title = painter.text(at, Align2::LEFT_CENTER, title, self.font(13.0), palette.strong);
        painter.text(title.right_center() + vec2(12.0 * self.zoom, 0.0), Align2::LEFT_CENTER, detail, self.font(11.0), palette.weak);
    }

    fn wire(&self, painter: &Painter, palette: &Palette, wire: &Wire, link: Option<&Link>, interface: Option<&Interface>) {
        let corners: Vec<Pos2> = wire.corners.iter().map(|corner| self.place(*corner)).collect();
        let bounds = corners.iter().fold(Rect::NOTHING, |bounds, corner| bounds.union(Rect::from_min_max(*corner, *corner)));
        if !bounds.expand(80.0).intersects(self.clip) {
            return;
        }
        let now = self.shown.view.tables.now.unwrap_or_default();
        let (sent, received) = interface.map_or((0, 0), |interface| interface.series.rate(now));
        let is_beyond = matches!(wire.link, Key::Beyond(..));
        let was_used = interface.is_some_and(|interface| interface.sent.packets + interface.received.packets > 0);
        let octets = sent.saturating_add(received);
        let width = if octets == 0 { 1.5 } else { (1.5 + (octets as f32).log10()).clamp(2.0, 9.0) };
        let color = match octets {
            0 => palette.edge,
            1..100_000 => palette.good,
            100_000..10_000_000 => palette.accent,
            _ => palette.warn,
        };
        let is_selected = self.selection == Selection::Thing(wire.link);
        let stroke = Stroke::new(width * self.zoom.max(0.4), if is_selected { palette.strong } else { color });
        if was_used || is_beyond {
            painter.add(Shape::line(corners.clone(), stroke));
        } else {
            painter.extend(Shape::dashed_line(&corners, stroke, 6.0, 5.0));
        }
        if self.zoom < READABLE {
            return;
        }
        let Some(&end) = corners.last() else { return };
        if !is_beyond {
            // A TAP is a port on its card's edge.
            painter.rect_filled(Rect::from_center_size(end, Vec2::splat(11.0 * self.zoom)), 2.0, stroke.color);
            if let Some(link) = link.filter(|link| !self.layout.rails.contains_key(&link.key)) {
                painter.text(end + vec2(10.0, -6.0) * self.zoom, Align2::LEFT_BOTTOM, link.name.as_str(), self.font(11.0), palette.weak);
            }
        }
        if octets > 0 {
            let text = format!("{} out, {} in", format::rate(sent), format::rate(received));
            painter.text(end + vec2(10.0, -22.0) * self.zoom, Align2::LEFT_BOTTOM, text, self.font(11.0), palette.good);
        }
    }

    fn card(&self, painter: &Painter, palette: &Palette, rect: Rect, node: &Node) {
        let is_selected = self.selection == Selection::Thing(node.key);
        let has_conflict = node.addresses.iter().any(|address| !address.conflicts.is_empty());
        let edge = match (is_selected, has_conflict) {
            (true, _) => Stroke::new(2.0, palette.strong),
            (false, true) => Stroke::new(1.5, palette.bad),
            (false, false) => Stroke::new(1.0, palette.edge),
        };
        painter.rect(rect, CornerRadius::same((7.0 * self.zoom) as u8), palette.card, edge, StrokeKind::Inside);
        let painter = painter.with_clip_rect(rect.shrink(3.0).intersect(self.clip));
        let mut at = rect.left_top() + vec2(12.0, 8.0) * self.zoom;
        let mut line = |text: String, size: f32, color: Color32| {
            let drawn = painter.text(at, Align2::LEFT_TOP, text, self.font(size), color);
            at.y = drawn.bottom() + 1.0 * self.zoom;
        };
        let title = format::title(node);
        let kind = if node.kind == NodeKind::Router { "  router" } else { "" };
        line(format!("{title}{kind}"), 14.0, palette.strong);
        let others: Vec<String> = node.addresses.iter().map(|address| address.ip.to_string()).filter(|ip| *ip != title).collect();
        if node.kind == NodeKind::Outside {
            line(format!("{} remote addresses", node.remote_count), 11.0, palette.weak);
            for remote in node.remotes.iter().take(2) {
                line(remote.to_string(), 11.0, palette.weak);
            }
        }
        match others.len() {
            0 => {}
            1 | 2 => line(others.join(", "), 12.0, palette.strong),
            count => line(format!("{}, {} and {} more", others[0], others[1], count - 2), 12.0, palette.strong),
        }
        if let Key::Station(_, mac) = node.key {
            line(mac.to_string(), 11.0, palette.weak);
        }
        if has_conflict {
            line("address conflict".into(), 11.0, palette.bad);
        }
        if self.pins.contains_key(&node.key) {
            painter.circle_filled(rect.right_top() + vec2(-12.0, 12.0) * self.zoom, 3.5 * self.zoom, palette.weak);
        }
    }
}
