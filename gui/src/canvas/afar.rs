//! The picture from afar: what is too small for words is two meshes, a pure function of what is in view.

use super::draw::Drawing;
use super::layout::Layout;
use super::lens::Lens;
use super::wire::{rate_color, rate_width, wire_color};
use crate::digest::Digest;
use crate::seen::Look;
use crate::theme::{self, Palette};
use crate::window::Selection;
use egui::epaint::Mesh;
use egui::{Color32, Pos2, Rect, Vec2, pos2};
use std::sync::Arc;
use tapscope_graph::topology::{Key, Node};

/// Nothing is smaller on the screen than this, or it would be gone.
pub(super) const DOT: f32 = 2.0;
/// With more wires in view than this a dash is no longer told from a line, and each would be a dozen shapes.
const MOST_DASHED: usize = 2_000;

/// What the meshes are made of.
#[derive(Clone)]
pub(super) struct Afar {
    digest: Arc<Digest>,
    layout: Arc<Layout>,
    /// The layout's number.
    number: usize,
    lens: Lens,
    selection: Selection,
    palette: Palette,
}

/// The meshes.
#[derive(Clone, Default)]
pub(super) struct Meshes {
    pub wires: Arc<Mesh>,
    pub cards: Arc<Mesh>,
}

impl Afar {
    pub fn of(drawing: &Drawing<'_>, number: usize) -> Afar {
        Afar {
            digest: drawing.digest.clone(),
            layout: drawing.layout.clone(),
            number,
            lens: drawing.lens,
            selection: drawing.selection,
            palette: theme::palette(drawing.ui.ctx()),
        }
    }

    /// Whether the same is in view, in the same way.
    pub fn is_alike(&self, other: &Afar) -> bool {
        (self.lens, self.selection, self.palette) == (other.lens, other.selection, other.palette)
    }

    pub fn is_same(&self, other: &Afar) -> bool {
        Arc::ptr_eq(&self.digest, &other.digest) && self.number == other.number && self.is_alike(other)
    }

    /// How many lines and dots it has.
    pub fn size(&self) -> usize {
        self.layout.wires.len() + self.layout.cards.len() + self.layout.ports.len()
    }

    /// Makes the meshes, of about the size of the last ones.
    pub fn meshes(&self, last: &Meshes) -> Meshes {
        Meshes { wires: Arc::new(self.wire_mesh(&last.wires)), cards: Arc::new(self.card_mesh(&last.cards)) }
    }

    fn wire_mesh(&self, last: &Mesh) -> Mesh {
        let palette = &self.palette;
        let mut mesh = as_large_as(last);
        let in_view = |(_, span): &(_, &Rect)| self.lens.place_rect(**span).expand(4.0).intersects(self.lens.clip);
        let in_view = || self.layout.wires.iter().zip(&self.layout.spans).filter(in_view);
        let is_told = self.digest.is_told();
        let has_dashes = in_view().nth(MOST_DASHED).is_none();
        for (wire, _) in in_view() {
            let seen = self.digest.seen(wire.node, wire.link);
            // From afar it is the cards that tell of traffic; so many bright lines would hide them.
            let is_selected = self.selection == Selection::Thing(wire.link);
            let color = wire_color(palette, is_selected, is_told, seen).gamma_multiply(if is_selected { 1.0 } else { 0.55 });
            let width = rate_width(seen.octets) * self.lens.zoom.max(0.3);
            let (dash, ink) = match seen.look {
                Look::Solid => (None, 1.0),
                Look::Dotted => (Some((2.0, 3.0)), 2.0 / 5.0),
                Look::Dashed => (Some((5.0, 4.0)), 5.0 / 9.0),
            };
            // A whole line with as much ink looks the same from there.
            let (dash, color) = if has_dashes { (dash, color) } else { (None, color.gamma_multiply(ink)) };
            for pair in wire.corners.windows(2) {
                line(&mut mesh, self.lens.place(pair[0]), self.lens.place(pair[1]), width, color, dash);
            }
        }
        mesh
    }

    fn card_mesh(&self, last: &Mesh) -> Mesh {
        let palette = &self.palette;
        let mut mesh = as_large_as(last);
        for (key, rect) in &self.layout.cards {
            let rect = at_least(self.lens.place_rect(*rect), DOT);
            if !rect.intersects(self.lens.clip) {
                continue;
            }
            let edge = self.dot_color(*key);
            if rect.height() < 7.0 {
                mesh.add_colored_rect(rect, edge);
            } else {
                mesh.add_colored_rect(rect, edge);
                mesh.add_colored_rect(rect.shrink(1.0), palette.card);
            }
        }
        for (key, rect) in &self.layout.ports {
            let rect = at_least(self.lens.place_rect(*rect), DOT);
            if rect.intersects(self.lens.clip) {
                let is_selected = self.selection == Selection::Thing(*key);
                mesh.add_colored_rect(rect, if is_selected { palette.strong } else { palette.edge.gamma_multiply(0.4) });
            }
        }
        mesh
    }

    /// What is to be seen of a node from afar: whether it is selected, odd, busy.
    fn dot_color(&self, key: Key) -> Color32 {
        let palette = &self.palette;
        let has_conflict = |node: &Node| node.addresses.iter().any(|address| !address.conflicts.is_empty());
        match () {
            () if self.selection == Selection::Thing(key) => palette.strong,
            () if self.digest.node(key).is_some_and(has_conflict) => palette.bad,
            () if self.digest.stranger(key).is_some() => palette.warn,
            () => match self.digest.rate(key) {
                0 => palette.edge,
                rate => rate_color(palette, rate),
            },
        }
    }
}

/// An empty mesh that need not grow to hold as much as another.
fn as_large_as(last: &Mesh) -> Mesh {
    let mut mesh = Mesh::default();
    mesh.vertices.reserve(last.vertices.len());
    mesh.indices.reserve(last.indices.len());
    mesh
}

pub(super) fn at_least(rect: Rect, size: f32) -> Rect {
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
