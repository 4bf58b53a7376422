//! Painting attachments: width and colour by rate, dashes and marks by state.

use super::draw::Drawing;
use super::layout::{Label, Wire};
use crate::seen::{Look, Seen};
use crate::theme::Palette;
use crate::window::Selection;
use crate::{format, things};
use egui::{Align2, Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};
use tapscope_graph::topology::{Interface, Link, LinkKind, LinkState};

impl Drawing<'_> {
    pub(super) fn wire(&self, painter: &Painter, palette: &Palette, wire: &Wire, link: Option<&Link>, interface: Option<&Interface>) {
        let corners: Vec<Pos2> = wire.corners.iter().map(|corner| self.lens.place(*corner)).collect();
        let (sent, received) = interface.map_or((0, 0), |interface| interface.series.rate(self.now));
        let seen = self.digest.seen(wire.node, wire.link);
        let Seen { octets, look, .. } = seen;
        let state = link.map_or(LinkState::Unknown, |link| link.state);
        let cable = link.filter(|link| link.kind == LinkKind::Cable);
        let color = wire_color(palette, self.selection == Selection::Thing(wire.link), self.is_told, seen);
        // Small cards share the line that they hang on.
        let most = if self.layout.is_dense { 3.5 } else { 9.0 };
        let least = if cable.is_some() { 2.0 } else { 0.0 };
        let stroke = Stroke::new(rate_width(octets).clamp(least, most) * self.lens.zoom.max(0.4), color);
        match look {
            Look::Solid => drop(painter.add(Shape::line(corners.clone(), stroke))),
            Look::Dotted => dashes(painter, &corners, stroke, (2.0, 4.0)),
            Look::Dashed => dashes(painter, &corners, stroke, (7.0, 5.0)),
        }
        if wire.has_port
            && let Some(&end) = corners.last()
        {
            self.port(painter, palette, end, link, stroke.color);
        }
        // Small cards share the line that they hang on: what is theirs alone is its last part.
        let (from, to) = if self.layout.is_dense { (corners.len().saturating_sub(2), 0.4) } else { (0, 0.25) };
        if let (Some(&a), Some(&b)) = (corners.get(from), corners.get(from + 1)) {
            let across = (b - a).normalized().rot90();
            self.stop(painter, palette, a.lerp(b, to), across, state);
            if link.is_some_and(|link| things::is_isolated(&self.shown.view, link)) {
                self.isolated(painter, palette, a.lerp(b, to), across);
            }
            if octets > 0 && !self.layout.is_dense {
                self.arrows(painter, a.lerp(b, 0.6), (b - a).normalized(), (sent, received), stroke);
            }
        }
        if let Some(link) = cable {
            self.cable(painter, palette, wire, link, octets);
            return;
        }
        self.label(painter, palette, wire, link, (sent, received), state);
    }

    /// What is said of a cable: its name above, its rate and state below, and a ring where nobody is.
    fn cable(&self, painter: &Painter, palette: &Palette, wire: &Wire, link: &Link, octets: u32) {
        let rect = self.layout.cables.get(&link.key).map(|rect| self.lens.place_rect(*rect));
        if let (LinkState::Unplugged(_), Some(&end)) = (link.state, wire.corners.last())
            && self.layout.cards.values().all(|card| !card.expand(1.0).contains(end))
        {
            let radius = 4.5 * self.lens.zoom;
            painter.circle(self.lens.place(end), radius, palette.canvas, Stroke::new(1.5 * self.lens.zoom.max(0.6), palette.cable));
        }
        let (Some(Label::Center(at)), Some(rect)) = (wire.label, rect) else {
            self.label(painter, palette, wire, Some(link), (0, 0), link.state);
            return;
        };
        let (font, line, room) = (self.font(11.0), 14.0 * self.lens.zoom, rect.width() - 8.0 * self.lens.zoom);
        let write = |at: Pos2, anchor: Align2, text: &str, color: Color32| {
            let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font.clone(), color);
            job.wrap = egui::text::TextWrapping::truncate_at_width(room.max(40.0 * self.lens.zoom));
            let galley = painter.layout_job(job);
            let min = anchor.anchor_size(at, galley.size()).min;
            painter.galley(min, galley, color);
        };
        let at = self.lens.place(at);
        write(at - vec2(0.0, 5.0 * self.lens.zoom), Align2::CENTER_BOTTOM, link.name.as_str(), palette.weak);
        let mut lines: Vec<(String, Color32)> = Vec::new();
        if octets > 0 {
            lines.push((format::rate(octets), palette.good));
        }
        if let LinkState::Unplugged(state) = link.state {
            lines.push((state.to_string(), if things::may_wait(state) { palette.weak } else { palette.warn }));
        }
        lines.extend(things::sight(&self.shown.view, link).map(|words| (words.to_owned(), palette.weak)));
        let mut below = at + vec2(0.0, 5.0 * self.lens.zoom);
        for (text, color) in lines {
            write(below, Align2::CENTER_TOP, &text, color);
            below.y += line;
        }
    }

    /// A TAP is a port on its card's edge: filled where a point listens.
    fn port(&self, painter: &Painter, palette: &Palette, at: Pos2, link: Option<&Link>, color: Color32) {
        let rect = Rect::from_center_size(at, Vec2::splat(if self.layout.is_dense { 8.0 } else { 11.0 } * self.lens.zoom));
        let is_listened = !self.is_told || link.is_some_and(|link| self.is_listened(link));
        if is_listened {
            painter.rect_filled(rect, 2.0, color);
        } else {
            painter.rect(rect, 2.0, palette.canvas, Stroke::new(1.5, color), StrokeKind::Inside);
        }
    }

    /// A bar across a wire whose port blocks, a cross on one that is down.
    fn stop(&self, painter: &Painter, palette: &Palette, at: Pos2, across: Vec2, state: LinkState) {
        let reach = 7.0 * self.lens.zoom;
        let stroke = Stroke::new(2.5 * self.lens.zoom.max(0.6), palette.warn);
        match state {
            LinkState::Blocked(_) => drop(painter.line_segment([at - across * reach, at + across * reach], stroke)),
            LinkState::Down | LinkState::NoCarrier => {
                let (a, b) = (vec2(reach, reach) * 0.6, vec2(reach, -reach) * 0.6);
                painter.line_segment([at - a, at + a], stroke);
                painter.line_segment([at - b, at + b], stroke);
            }
            LinkState::Unknown | LinkState::Up | LinkState::Unread | LinkState::Unplugged(_) => {}
        }
    }

    /// Two thin bars across a wire whose port is isolated: frames pass, but to no other such port.
    fn isolated(&self, painter: &Painter, palette: &Palette, at: Pos2, across: Vec2) {
        let (reach, apart) = (across * 6.0 * self.lens.zoom, across.rot90() * 2.5 * self.lens.zoom);
        let stroke = Stroke::new(1.5 * self.lens.zoom.max(0.6), palette.accent);
        for at in [at - apart, at + apart] {
            painter.line_segment([at - reach, at + reach], stroke);
        }
    }

    /// Which way frames go: `along` leads from the rail to who is attached, who sends against it.
    fn arrows(&self, painter: &Painter, at: Pos2, along: Vec2, (sent, received): (u32, u32), stroke: Stroke) {
        let size = stroke.width / 2.0 + 4.5 * self.lens.zoom;
        let arrow = |at: Pos2, along: Vec2| {
            let (back, side) = (at - along * size, along.rot90() * size * 0.9);
            painter.add(Shape::convex_polygon(vec![at + along * size, back + side, back - side], stroke.color, Stroke::NONE));
        };
        // A trickle the other way, such as acknowledgements, is no second direction.
        if received > sent / 20 {
            arrow(at + along * size * 1.2, along);
        }
        if sent > received / 20 {
            arrow(at - along * size * 1.2, -along);
        }
    }

    fn label(&self, painter: &Painter, palette: &Palette, wire: &Wire, link: Option<&Link>, rate: (u32, u32), state: LinkState) {
        let (Some(label), Some(link)) = (wire.label, link) else { return };
        let name = if self.layout.rails.contains_key(&link.key) { "" } else { link.name.as_str() };
        let is_empty_port = self.layout.ports.contains_key(&wire.link);
        let rates = if rate.0.saturating_add(rate.1) > 0 { rate_lines(rate) } else { Vec::new() };
        // An empty port says its state in its own box.
        let state = (things::is_broken(state) && !is_empty_port).then(|| state.to_string());
        let is_isolated = things::is_isolated(&self.shown.view, link);
        let font = self.font(11.0);
        let line = 14.0 * self.lens.zoom;
        match label {
            Label::Right(at) => {
                let at = self.lens.place(at) + vec2(10.0, -6.0) * self.lens.zoom;
                let mut at = pos2(at.x, at.y);
                let mut write = |text: &str, color: Color32| {
                    painter.text(at, Align2::LEFT_BOTTOM, text, font.clone(), color);
                    at.y -= line;
                };
                if !name.is_empty() {
                    write(name, palette.weak);
                }
                if let Some(state) = &state {
                    write(state, palette.warn);
                }
                if is_isolated {
                    write("isolated", palette.accent);
                }
                if !rates.is_empty() {
                    write(&rates.join(", "), palette.good);
                }
            }
            Label::Center(at) => {
                let at = self.lens.place(at);
                painter.text(at - vec2(0.0, 6.0 * self.lens.zoom), Align2::CENTER_BOTTOM, name, font.clone(), palette.weak);
                let mut below = at + vec2(0.0, 6.0 * self.lens.zoom);
                let lines = state.iter().map(|text| (text, palette.warn)).chain(rates.iter().map(|text| (text, palette.good)));
                for (text, color) in lines {
                    painter.text(below, Align2::CENTER_TOP, text, font.clone(), color);
                    below.y += line;
                }
            }
        }
    }
}

/// What a rate is called on a wire, from the view of what is attached.
pub(super) fn rate_lines((sent, received): (u32, u32)) -> Vec<String> {
    let mut lines = Vec::new();
    if sent > 0 {
        lines.push(format!("{} out", format::rate(sent)));
    }
    if received > 0 {
        lines.push(format!("{} in", format::rate(received)));
    }
    lines
}

/// A wire's colour; `is_told` says whether the host says what there is.
pub(super) fn wire_color(palette: &Palette, is_selected: bool, is_told: bool, Seen { octets, look, is_cable }: Seen) -> Color32 {
    match look {
        _ if is_selected => palette.strong,
        Look::Solid if is_cable => palette.cable,
        _ if is_cable => palette.cable.gamma_multiply(0.75),
        Look::Dashed | Look::Dotted if is_told => palette.weak,
        _ => rate_color(palette, octets),
    }
}

pub(super) fn rate_width(octets: u32) -> f32 {
    if octets == 0 { 1.5 } else { (1.5 + (octets as f32).log10()).clamp(2.0, 9.0) }
}

pub(super) fn rate_color(palette: &Palette, octets: u32) -> Color32 {
    match octets {
        0 => palette.edge,
        1..100_000 => palette.good,
        100_000..10_000_000 => palette.accent,
        _ => palette.warn,
    }
}

/// A dashed line, of which only what is in view is made: far beyond it a wire may go on for thousands of dashes.
fn dashes(painter: &Painter, corners: &[Pos2], stroke: Stroke, (on, off): (f32, f32)) {
    let view = painter.clip_rect().expand(on + off);
    for pair in corners.windows(2) {
        let Some([a, b]) = within(view, pair[0], pair[1], on + off) else { continue };
        painter.extend(Shape::dashed_line(&[a, b], stroke, on, off));
    }
}

/// The part of a line that is in a rectangle (Liang and Barsky). It begins a whole number of `steps` from `a`, so that dashes stay where
/// they are while the view moves.
fn within(rect: Rect, a: Pos2, b: Pos2, step: f32) -> Option<[Pos2; 2]> {
    let (along, length) = (b - a, a.distance(b));
    let (mut from, mut to) = (0.0_f32, 1.0_f32);
    for (delta, low, high) in [(along.x, rect.min.x - a.x, rect.max.x - a.x), (along.y, rect.min.y - a.y, rect.max.y - a.y)] {
        if delta == 0.0 {
            if low > 0.0 || high < 0.0 {
                return None;
            }
        } else {
            let (first, second) = (low / delta, high / delta);
            (from, to) = (from.max(first.min(second)), to.min(first.max(second)));
        }
    }
    if from > to || length == 0.0 {
        return None;
    }
    let begin = (from * length / step).floor() * step / length;
    Some([a + along * begin, a + along * to])
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn of_a_long_line_the_part_in_view_is_made_and_dashes_stay_where_they_are() {
        let view = Rect::from_min_max(pos2(100.0, 0.0), pos2(200.0, 50.0));
        let part = |a, b| within(view, a, b, 12.0);
        assert_eq!(part(pos2(0.0, 10.0), pos2(1_200.0, 10.0)), Some([pos2(96.0, 10.0), pos2(200.0, 10.0)]));
        assert_eq!(part(pos2(1_200.0, 10.0), pos2(0.0, 10.0)).map(|[_, end]| end), Some(pos2(100.0, 10.0)));
        assert_eq!(part(pos2(150.0, -500.0), pos2(150.0, 500.0)).map(|[_, end]| end), Some(pos2(150.0, 50.0)));
        assert_eq!(part(pos2(120.0, 10.0), pos2(130.0, 20.0)), Some([pos2(120.0, 10.0), pos2(130.0, 20.0)]));
        let outside =
            [((0.0, 60.0), (300.0, 60.0)), ((0.0, 0.0), (90.0, 10.0)), ((0.0, -40.0), (300.0, -1.0)), ((150.0, 20.0), (150.0, 20.0))];
        for (a, b) in outside {
            assert_eq!(part(pos2(a.0, a.1), pos2(b.0, b.1)), None, "{a:?} {b:?}");
        }
    }
}
