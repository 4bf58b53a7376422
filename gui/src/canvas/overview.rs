//! The picture from afar: what is too small for words is a few meshes, which last until something changes.

use super::draw::Drawing;
use super::icon;
use super::wire::{Look, rate_width};
use crate::theme::{self, Palette};
use crate::window::Selection;
use egui::epaint::Mesh;
use egui::{Align2, Color32, FontId, Pos2, Rect, Shape, Stroke, StrokeKind, Theme, Vec2, pos2, vec2};
use std::sync::Arc;
use tapscope_graph::topology::{Key, Node};
use tapscope_graph::{Timestamp, View};

/// Below this zoom a card has no icon: it is a dot.
const ICONS: f32 = 0.24;
/// The most icons of a frame; with more than that in view all of them are dots.
const MOST_ICONS: usize = 400;
/// Nothing is smaller on the screen than this, or it would be gone.
const DOT: f32 = 2.0;
/// With more wires in view than this a dash is no longer told from a line, and each would be a dozen shapes.
const MOST_DASHED: usize = 2_000;

/// What the meshes were made of.
#[derive(Clone)]
struct Made {
    view: Arc<View>,
    second: Timestamp,
    layout: usize,
    zoom: f32,
    offset: Vec2,
    clip: Rect,
    selection: Selection,
    theme: Theme,
}

impl PartialEq for Made {
    fn eq(&self, other: &Made) -> bool {
        Arc::ptr_eq(&self.view, &other.view)
            && self.second == other.second
            && self.layout == other.layout
            && (self.zoom, self.offset, self.clip) == (other.zoom, other.offset, other.clip)
            && (self.selection, self.theme) == (other.selection, other.theme)
    }
}

/// The meshes of the last frame.
#[derive(Default)]
pub(super) struct Overview {
    made: Option<Made>,
    wires: Arc<Mesh>,
    cards: Arc<Mesh>,
}

impl Overview {
    /// Paints the whole picture; `layout` is the number of its layout, which is another one for each.
    pub fn paint(&mut self, drawing: &Drawing<'_>, layout: usize) {
        let made = Made {
            view: drawing.shown.view.clone(),
            second: drawing.now,
            layout,
            zoom: drawing.zoom,
            offset: drawing.offset,
            clip: drawing.clip,
            selection: drawing.selection,
            theme: drawing.ui.ctx().theme(),
        };
        let palette = theme::palette(drawing.ui.ctx());
        if self.made.as_ref() != Some(&made) {
            self.wires = Arc::new(drawing.wire_mesh(&palette));
            self.cards = Arc::new(drawing.card_mesh(&palette));
            self.made = Some(made);
        }
        let painter = drawing.ui.painter_at(drawing.clip);
        // egui joins what has one clip in one mesh: a large one would be copied again for each shape that follows it there.
        let apart = drawing.ui.painter_at(drawing.clip.expand(0.01));
        drawing.frames(&painter, &palette);
        apart.add(Shape::Mesh(self.wires.clone()));
        drawing.rails(&painter, &palette);
        apart.add(Shape::Mesh(self.cards.clone()));
        drawing.icons(&painter, &palette);
        drawing.names(&painter, &palette);
    }
}

impl Drawing<'_> {
    fn wire_mesh(&self, palette: &Palette) -> Mesh {
        let mut mesh = Mesh::default();
        let in_view = |(_, span): &(_, &Rect)| self.place_rect(**span).expand(4.0).intersects(self.clip);
        let in_view = || self.layout.wires.iter().zip(&self.layout.spans).filter(in_view);
        let has_dashes = in_view().nth(MOST_DASHED).is_none();
        for (wire, _) in in_view() {
            let link = self.digest.link(wire.link);
            let interface = self.digest.interface(wire.node, wire.link);
            let octets = interface.map_or(0, |interface| {
                let (sent, received) = interface.series.rate(self.now);
                sent.saturating_add(received)
            });
            let look = self.look(wire, link, interface);
            // From afar it is the cards that tell of traffic; so many bright lines would hide them.
            let is_selected = self.selection == Selection::Thing(wire.link);
            let color = self.wire_color(palette, wire.link, link, look, octets).gamma_multiply(if is_selected { 1.0 } else { 0.55 });
            let width = rate_width(octets) * self.zoom.max(0.3);
            let (dash, ink) = match look {
                Look::Solid => (None, 1.0),
                Look::Dotted => (Some((2.0, 3.0)), 2.0 / 5.0),
                Look::Dashed => (Some((5.0, 4.0)), 5.0 / 9.0),
            };
            // A whole line with as much ink looks the same from there.
            let (dash, color) = if has_dashes { (dash, color) } else { (None, color.gamma_multiply(ink)) };
            for pair in wire.corners.windows(2) {
                line(&mut mesh, self.place(pair[0]), self.place(pair[1]), width, color, dash);
            }
        }
        mesh
    }

    fn card_mesh(&self, palette: &Palette) -> Mesh {
        let mut mesh = Mesh::default();
        for (key, rect) in &self.layout.cards {
            let rect = at_least(self.place_rect(*rect), DOT);
            if !rect.intersects(self.clip) {
                continue;
            }
            let edge = self.dot_color(palette, *key);
            if rect.height() < 7.0 {
                mesh.add_colored_rect(rect, edge);
            } else {
                mesh.add_colored_rect(rect, edge);
                mesh.add_colored_rect(rect.shrink(1.0), palette.card);
            }
        }
        for (key, rect) in &self.layout.ports {
            let rect = at_least(self.place_rect(*rect), DOT);
            if rect.intersects(self.clip) {
                let is_selected = self.selection == Selection::Thing(*key);
                mesh.add_colored_rect(rect, if is_selected { palette.strong } else { palette.edge.gamma_multiply(0.4) });
            }
        }
        mesh
    }

    /// What is to be seen of a node from afar: whether it is selected, odd, busy.
    fn dot_color(&self, palette: &Palette, key: Key) -> Color32 {
        let has_conflict = |node: &Node| node.addresses.iter().any(|address| !address.conflicts.is_empty());
        match () {
            () if self.selection == Selection::Thing(key) => palette.strong,
            () if self.digest.node(key).is_some_and(has_conflict) => palette.bad,
            () if self.digest.stranger(key).is_some() => palette.warn,
            () => match self.digest.rate(key) {
                0 => palette.edge,
                rate => super::wire::rate_color(palette, rate),
            },
        }
    }

    fn rails(&self, painter: &egui::Painter, palette: &Palette) {
        for (key, rect) in &self.layout.rails {
            let rect = at_least(self.place_rect(*rect), DOT);
            if !rect.intersects(self.clip) {
                continue;
            }
            let is_selected = self.selection == Selection::Thing(*key);
            painter.rect_filled(rect, rect.height() / 2.0, if is_selected { palette.strong } else { palette.accent.gamma_multiply(0.5) });
        }
        if let Some((key, rect)) = self.layout.spine {
            self.spine(painter, palette, key, self.place_rect(rect));
        }
    }

    /// The names of bridges and of this host, above everything and as large as they can be read, however small what they name is; where
    /// two have no room, the larger one's is told.
    fn names(&self, painter: &egui::Painter, palette: &Palette) {
        let spine = self.layout.spine.iter().map(|(key, rect)| (key, self.place_rect(*rect)));
        let rails = self.layout.rails.iter().map(|(key, rect)| (key, self.place_rect(*rect)));
        let mut named: Vec<(&Key, Rect)> = spine.chain(rails).filter(|(_, rect)| rect.intersects(self.clip)).collect();
        named.sort_by(|(_, a), (_, b)| b.width().total_cmp(&a.width()));
        let mut taken: Vec<Rect> = Vec::new();
        for (key, rect) in named.into_iter().take(MOST_ICONS) {
            let name = match (self.digest.node(*key), self.digest.link(*key)) {
                (Some(node), _) => self.title(node),
                (None, Some(link)) => link.name.to_string(),
                (None, None) => continue,
            };
            let galley = painter.layout_no_wrap(name, FontId::proportional(11.0), palette.strong);
            let room = Align2::LEFT_CENTER.anchor_size(rect.left_top() + vec2(3.0, 0.0), galley.size() + vec2(10.0, 2.0));
            if taken.iter().any(|other| other.intersects(room)) {
                continue;
            }
            painter.rect(room, 4.0, palette.rail, Stroke::new(1.0, palette.accent.gamma_multiply(0.6)), StrokeKind::Inside);
            painter.galley(room.min + vec2(5.0, 1.0), galley, palette.strong);
            taken.push(room);
        }
    }

    /// Icons without words, between cards with words and dots.
    fn icons(&self, painter: &egui::Painter, palette: &Palette) {
        if self.zoom < ICONS {
            return;
        }
        let in_view = |(key, rect): (&Key, &Rect)| Some((*key, self.place_rect(*rect))).filter(|(_, rect)| rect.intersects(self.clip));
        let cards: Vec<(Key, Rect)> = self.layout.cards.iter().filter_map(in_view).take(MOST_ICONS + 1).collect();
        if cards.len() > MOST_ICONS {
            return;
        }
        for (key, rect) in cards {
            let Some(node) = self.digest.node(key) else { continue };
            icon::node(painter, node.kind, self.is_namespace(node), rect.center(), (rect.height() * 0.6).min(14.0), palette.weak);
        }
    }
}

fn at_least(rect: Rect, size: f32) -> Rect {
    Rect::from_min_size(rect.min, rect.size().max(Vec2::splat(size)))
}

/// A straight line as one quad, or one a dash. A mesh has soft edges nowhere: what is thinner than a pixel is as much paler.
fn line(mesh: &mut Mesh, a: Pos2, b: Pos2, width: f32, color: Color32, dash: Option<(f32, f32)>) {
    let length = a.distance(b);
    if length < 0.4 {
        return;
    }
    let (along, color) = ((b - a) / length, if width < 1.0 { color.gamma_multiply(width.max(0.35)) } else { color });
    let across = along.rot90() * width.max(1.0) / 2.0;
    let mut quad = |from: Pos2, to: Pos2| {
        let first = mesh.vertices.len() as u32;
        for corner in [from - across, from + across, to + across, to - across] {
            mesh.colored_vertex(snapped(corner), color);
        }
        mesh.add_triangle(first, first + 1, first + 2);
        mesh.add_triangle(first, first + 2, first + 3);
    };
    match dash {
        Some((on, off)) if length > on + off => {
            let mut at = 0.0;
            while at < length {
                quad(a + along * at, a + along * (at + on).min(length));
                at += on + off;
            }
        }
        _ => quad(a, b),
    }
}

/// To whole pixels: a line between two of them would be two pale ones.
fn snapped(at: Pos2) -> Pos2 {
    pos2(at.x.round(), at.y.round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_quad_and_a_dashed_one_several() {
        let mut mesh = Mesh::default();
        line(&mut mesh, pos2(0.0, 0.0), pos2(40.0, 0.0), 2.0, Color32::WHITE, None);
        assert_eq!(mesh.vertices.len(), 4);
        line(&mut mesh, pos2(0.0, 0.0), pos2(40.0, 0.0), 2.0, Color32::WHITE, Some((5.0, 5.0)));
        assert_eq!(mesh.vertices.len(), 4 + 4 * 4);
        line(&mut mesh, pos2(0.0, 0.0), pos2(0.1, 0.0), 2.0, Color32::WHITE, None);
        assert_eq!(mesh.vertices.len(), 20, "what is smaller than a pixel is left out");
    }
}
