//! Painting the picture from afar: what is too small for words is two meshes, which last until something changes.

use super::afar::{Afar, DOT, Meshes, at_least};
use super::draw::Drawing;
use super::icon;
use crate::theme::{self, Palette};
use crate::window::Selection;
use crate::worker::{MANY, Worker};
use egui::{Align2, Context, FontId, Rect, Shape, Stroke, StrokeKind, vec2};
use tapscope_graph::topology::Key;

/// Below this zoom a card has no icon: it is a dot.
const ICONS: f32 = 0.24;
/// The most icons of a frame; with more than that in view all of them are dots.
const MOST_ICONS: usize = 400;

/// The meshes of the last frame, and what they were made of.
#[derive(Default)]
pub(super) struct Overview {
    made: Option<Afar>,
    meshes: Meshes,
    worker: Worker<(Afar, Meshes)>,
}

impl Overview {
    /// Paints the whole picture; `number` is its layout's, which is another one for each.
    pub fn paint(&mut self, drawing: &Drawing<'_>, number: usize) {
        let context = drawing.ui.ctx();
        let palette = theme::palette(context);
        self.follow(Afar::of(drawing, number), context);
        let painter = drawing.ui.painter_at(drawing.lens.clip);
        // egui joins what has one clip in one mesh: a large one would be copied again for each shape that follows it there.
        let apart = drawing.ui.painter_at(drawing.lens.clip.expand(0.01));
        drawing.frames(&painter, &palette);
        apart.add(Shape::Mesh(self.meshes.wires.clone()));
        drawing.rails(&painter, &palette);
        apart.add(Shape::Mesh(self.meshes.cards.clone()));
        drawing.icons(&painter, &palette);
        drawing.names(&painter, &palette);
    }

    /// Has the meshes made where they are out of date: here, or in a thread where the ones there are can stand for them meanwhile.
    fn follow(&mut self, afar: Afar, context: &Context) {
        if let Some(made) = self.worker.done().filter(|(made, _)| made.is_alike(&afar)) {
            self.take(made);
        }
        if self.made.as_ref().is_some_and(|made| made.is_same(&afar)) {
            return;
        }
        let can_wait = afar.size() > MANY && self.made.as_ref().is_some_and(|made| made.is_alike(&afar));
        let last = self.meshes.clone();
        let make = move || {
            let meshes = afar.meshes(&last);
            (afar, meshes)
        };
        if !can_wait {
            self.take(make());
        } else if !self.worker.is_busy() {
            self.worker.begin("picture", context, make);
        }
    }

    fn take(&mut self, (made, meshes): (Afar, Meshes)) {
        (self.made, self.meshes) = (Some(made), meshes);
    }
}

impl Drawing<'_> {
    fn rails(&self, painter: &egui::Painter, palette: &Palette) {
        for (key, rect) in &self.layout.rails {
            let rect = at_least(self.lens.place_rect(*rect), DOT);
            if !rect.intersects(self.lens.clip) {
                continue;
            }
            let is_selected = self.selection == Selection::Thing(*key);
            painter.rect_filled(rect, rect.height() / 2.0, if is_selected { palette.strong } else { palette.accent.gamma_multiply(0.5) });
        }
        if let Some((key, rect)) = self.layout.spine {
            self.spine(painter, palette, key, self.lens.place_rect(rect));
        }
    }

    /// The names of bridges and of this host, above everything and as large as they can be read, however small what they name is; where
    /// two have no room, the larger one's is told.
    fn names(&self, painter: &egui::Painter, palette: &Palette) {
        let spine = self.layout.spine.iter().map(|(key, rect)| (key, self.lens.place_rect(*rect)));
        let rails = self.layout.rails.iter().map(|(key, rect)| (key, self.lens.place_rect(*rect)));
        let mut named: Vec<(&Key, Rect)> = spine.chain(rails).filter(|(_, rect)| rect.intersects(self.lens.clip)).collect();
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
        if self.lens.zoom < ICONS {
            return;
        }
        let in_view =
            |(key, rect): (&Key, &Rect)| Some((*key, self.lens.place_rect(*rect))).filter(|(_, rect)| rect.intersects(self.lens.clip));
        let cards: Vec<(Key, Rect)> = self.layout.cards.iter().filter_map(in_view).take(MOST_ICONS + 1).collect();
        if cards.len() > MOST_ICONS {
            return;
        }
        for (key, rect) in cards {
            let Some(node) = self.digest.node(key) else { continue };
            icon::node(painter, self.drawn_as(node), self.is_namespace(node), rect.center(), (rect.height() * 0.6).min(14.0), palette.weak);
        }
    }
}
