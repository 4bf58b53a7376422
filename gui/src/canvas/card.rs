//! Painting what hangs on rails: guests, namespaces, stations, ports that nobody is attached to, and what is behind a card.

use super::draw::Drawing;
use super::icon;
use super::wire::{rate_color, rate_lines};
use crate::theme::Palette;
use crate::window::Selection;
use crate::{format, things};
use egui::{Align2, Color32, CornerRadius, Painter, Rect, Shape, Stroke, StrokeKind, vec2};
use tapscope_graph::topology::{Key, Link, Node, NodeKind};

impl Drawing<'_> {
    pub(super) fn card(&self, painter: &Painter, palette: &Palette, rect: Rect, node: &Node) {
        let edge = self.edge(palette, node);
        painter.rect(rect, CornerRadius::same((7.0 * self.lens.zoom) as u8), palette.card, edge, StrokeKind::Inside);
        let mut clipped = painter.with_clip_rect(rect.shrink(2.0).intersect(self.lens.clip));
        if self.digest.stopped.contains_key(&node.key) {
            clipped.set_opacity(0.5);
        }
        if self.layout.is_dense {
            self.small(&clipped, palette, rect, node);
        } else {
            self.large(&clipped, palette, rect, node);
        }
        if self.arranged.pins.contains_key(&node.key) {
            clipped.circle_filled(rect.right_bottom() + vec2(-9.0, -9.0) * self.lens.zoom, 3.0 * self.lens.zoom, palette.weak);
        }
    }

    fn edge(&self, palette: &Palette, node: &Node) -> Stroke {
        let has_conflict = node.addresses.iter().any(|address| !address.conflicts.is_empty());
        match (self.selection == Selection::Thing(node.key), has_conflict, self.digest.stranger(node.key).is_some()) {
            (true, ..) => Stroke::new(2.0, palette.strong),
            (false, true, _) => Stroke::new(1.5, palette.bad),
            (false, false, true) => Stroke::new(1.5, palette.warn),
            (false, false, false) => Stroke::new(1.0, palette.edge),
        }
    }

    fn large(&self, painter: &Painter, palette: &Palette, rect: Rect, node: &Node) {
        let zoom = self.lens.zoom;
        let mark = rect.left_top() + vec2(17.0, 17.0) * zoom;
        icon::node(painter, self.drawn_as(node), self.is_namespace(node), mark, 13.0 * zoom, palette.weak);
        let title = self.title(node);
        let at = rect.left_top() + vec2(30.0, 8.0) * zoom;
        let drawn = painter.text(at, Align2::LEFT_TOP, &title, self.font(14.0), palette.strong);
        if let Some(aside) = self.aside(node) {
            let right = rect.right_top() + vec2(-10.0, 10.5) * zoom;
            let room = right.x - drawn.right() - 6.0 * zoom;
            let galley = painter.layout_no_wrap(aside, self.font(11.0), palette.weak);
            if galley.size().x < room {
                painter.galley(right - vec2(galley.size().x, 0.0), galley, palette.weak);
            }
        }
        let mut at = rect.left_top() + vec2(12.0, 28.0) * zoom;
        for (text, color) in self.lines(palette, node, &title).into_iter().take(3) {
            painter.text(at, Align2::LEFT_TOP, text, self.font(11.5), color);
            at.y += 13.5 * zoom;
        }
    }

    /// A card of a crowd: its name and its link, its address and its rate.
    fn small(&self, painter: &Painter, palette: &Palette, rect: Rect, node: &Node) {
        let zoom = self.lens.zoom;
        let mark = rect.left_top() + vec2(13.0, 11.0) * zoom;
        icon::node(painter, self.drawn_as(node), self.is_namespace(node), mark, 9.0 * zoom, palette.weak);
        let title = self.title(node);
        let font = self.font(10.5);
        let right = rect.right_top() + vec2(-7.0, 4.5) * zoom;
        let link = self.digest.first_link(node.key);
        let name = match link {
            _ if self.digest.stopped.contains_key(&node.key) => "stopped",
            Some(link) => link.name.as_str(),
            None => "",
        };
        let left =
            painter.text(rect.left_top() + vec2(22.0, 3.5) * zoom, Align2::LEFT_TOP, &title, self.font(12.0), palette.strong).right();
        let galley = painter.layout_no_wrap(name.to_owned(), font.clone(), palette.weak);
        if right.x - galley.size().x > left + 3.0 {
            painter.galley(right - vec2(galley.size().x, 0.0), galley, palette.weak);
        }
        let at = rect.left_top() + vec2(9.0, 20.0) * zoom;
        let mut lines = self.lines(palette, node, &title);
        if let Some(link) = link.filter(|link| things::is_broken(link.state)) {
            lines.insert(0, (link.state.to_string(), palette.warn));
        }
        let Some((text, color)) = lines.into_iter().next() else { return };
        let left = painter.text(at, Align2::LEFT_TOP, text, font.clone(), color).right();
        let rate = self.digest.rate(node.key);
        if rate > 0 {
            let color = rate_color(palette, rate);
            let galley = painter.layout_no_wrap(format::rate(rate), font, color);
            if right.x - galley.size().x > left + 3.0 {
                painter.galley(egui::pos2(right.x - galley.size().x, at.y), galley, color);
            }
        }
    }

    /// What stands at the right of a title.
    fn aside(&self, node: &Node) -> Option<String> {
        if self.digest.stopped.contains_key(&node.key) {
            return Some("stopped".to_owned());
        }
        if self.arranged.names.contains_key(&node.key) {
            return Some(format::title(node));
        }
        match node.kind {
            NodeKind::Guest => things::guest(&self.shown.view, node).map(|guest| format!("pid {}", guest.pid)),
            NodeKind::Router => Some("router".to_owned()),
            NodeKind::Local => Some("namespace".to_owned()),
            NodeKind::Program => Some("program".to_owned()),
            NodeKind::Host | NodeKind::Bridge | NodeKind::Outside | NodeKind::Stack => None,
        }
    }

    /// What a card says, the most important first.
    fn lines(&self, palette: &Palette, node: &Node, title: &str) -> Vec<(String, Color32)> {
        let mut lines = Vec::new();
        if let Some(count) = self.layout.folded.get(&node.key) {
            lines.push((format!("{count} folded"), palette.accent));
        }
        let addresses: Vec<String> = node.addresses.iter().map(things::with_length).filter(|ip| ip != title).collect();
        let has_v4 = node.addresses.iter().any(|address| address.ip.is_ipv4());
        // A link-local address says little where there is another.
        let addresses: Vec<String> = addresses.into_iter().filter(|ip| !(has_v4 && ip.starts_with("fe80:"))).collect();
        match addresses.len() {
            0 => {}
            1 | 2 => lines.push((addresses.join(", "), palette.strong)),
            count => lines.push((format!("{}, {} and {} more", addresses[0], addresses[1], count - 2), palette.strong)),
        }
        if node.addresses.iter().any(|address| !address.conflicts.is_empty()) {
            lines.push(("address conflict".to_owned(), palette.bad));
        }
        if let Some(mac) = self.digest.stranger(node.key) {
            let at = if self.layout.is_dense { 0 } else { lines.len() };
            lines.insert(at, (format!("also sends from {mac}"), palette.warn));
        }
        if let Some(guest) = things::guest(&self.shown.view, node) {
            for nic in guest.nics.iter().take(2) {
                let mac = nic.mac.map_or_else(String::new, |mac| mac.to_string());
                let model = things::model(nic);
                let text = if model.is_empty() || self.layout.is_dense { mac } else { format!("{mac} · {model}") };
                lines.push((text, palette.weak));
            }
            if guest.nics.is_empty() {
                lines.push(("no network card".to_owned(), palette.weak));
            }
            if self.layout.is_dense && addresses.is_empty() {
                let kinds: Vec<&str> =
                    guest.nics.iter().filter_map(|nic| nic.backend.as_ref()).map(|backend| backend.kind.name()).collect();
                if kinds.iter().any(|kind| *kind != "tap") {
                    lines.insert(0, (format!("{} network", kinds.join(", ")), palette.weak));
                }
            }
            if guest.unreadable.is_some() {
                lines.push(("not all of it can be read".to_owned(), palette.warn));
            }
            return lines;
        }
        if node.kind == NodeKind::Stack {
            return things::stack_lines(&self.shown.view, node).into_iter().map(|line| (line, palette.weak)).collect();
        }
        if node.kind == NodeKind::Outside {
            lines.push((format!("{} remote addresses", node.remote_count), palette.weak));
            lines.extend(node.remotes.iter().take(2).map(|remote| (remote.to_string(), palette.weak)));
        }
        if let Key::Station(_, mac) = node.key {
            lines.push((mac.to_string(), palette.weak));
        }
        lines
    }

    /// A port of a rail that nobody is attached to.
    pub(super) fn empty_port(&self, painter: &Painter, palette: &Palette, rect: Rect, link: &Link) {
        let is_selected = self.selection == Selection::Thing(link.key);
        self.dashed_box(
            painter,
            rect,
            Stroke::new(if is_selected { 2.0 } else { 1.0 }, if is_selected { palette.strong } else { palette.edge }),
        );
        let painter = painter.with_clip_rect(rect.shrink(2.0).intersect(self.lens.clip));
        let departed = self.shown.view.tables.host.departed().find(|row| Some(row.device.id) == link.device);
        let state = match departed {
            Some(row) => format!("{} stopped", things::guest_name(row.guest)),
            None if things::is_broken(link.state) => link.state.to_string(),
            None => "nobody was seen behind it".to_owned(),
        };
        let color = if things::is_broken(link.state) { palette.warn } else { palette.weak };
        if self.layout.is_dense {
            painter.text(
                rect.left_top() + vec2(9.0, 3.5) * self.lens.zoom,
                Align2::LEFT_TOP,
                link.name.as_str(),
                self.font(12.0),
                palette.weak,
            );
            painter.text(rect.left_top() + vec2(9.0, 20.0) * self.lens.zoom, Align2::LEFT_TOP, state, self.font(10.5), color);
            return;
        }
        let device = things::device(&self.shown.view, link);
        painter.text(rect.center() - vec2(0.0, 2.0), Align2::CENTER_BOTTOM, state, self.font(12.0), color);
        let kind = device.map_or_else(String::new, |device| format!("{} port", device.kind.name()));
        painter.text(rect.center() + vec2(0.0, 2.0), Align2::CENTER_TOP, kind, self.font(11.0), palette.weak);
    }

    /// What is behind a guest's card without being a device.
    pub(super) fn stub(&self, painter: &Painter, palette: &Palette, rect: Rect, link: &Link) {
        let is_selected = self.selection == Selection::Thing(link.key);
        self.dashed_box(painter, rect, Stroke::new(1.0, if is_selected { palette.strong } else { palette.edge }));
        let painter = painter.with_clip_rect(rect.shrink(2.0).intersect(self.lens.clip));
        let mut text = match link.name.as_str().trim() {
            "user" => "user-mode network".to_owned(),
            other => other.to_owned(),
        };
        let words = if things::is_broken(link.state) { Some(link.state.to_string()) } else { None };
        for words in words.into_iter().chain(things::sight(&self.shown.view, link).map(str::to_owned)) {
            text = format!("{text}, {words}");
        }
        painter.text(rect.left_center() + vec2(24.0 * self.lens.zoom, 0.0), Align2::LEFT_CENTER, text, self.font(11.0), palette.weak);
    }

    fn dashed_box(&self, painter: &Painter, rect: Rect, stroke: Stroke) {
        let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
        painter.extend(Shape::dashed_line(&corners, stroke, 4.0, 4.0));
    }

    /// The rates of a row of the spine.
    pub(super) fn rate_of(&self, link: Key) -> Option<(u32, String)> {
        let (node, _) = self.layout.spine?;
        let rate = self.digest.interface(node, link)?.series.rate(self.now);
        let total = rate.0.saturating_add(rate.1);
        (total > 0).then(|| (total, rate_lines(rate).join(", ")))
    }
}
