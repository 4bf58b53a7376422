//! A small map of the whole picture, while not all of it is in view: a click goes there.

use super::layout::Layout;
use crate::theme;
use egui::epaint::Mesh;
use egui::{Color32, CornerRadius, Id, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Theme, Ui, WidgetInfo, vec2};
use std::sync::Arc;

/// The most room that it takes.
const MOST: egui::Vec2 = vec2(190.0, 130.0);
const MARGIN: f32 = 10.0;

/// The map of the last frame.
#[derive(Default)]
pub(super) struct Minimap {
    made: Option<(usize, Rect, Theme)>,
    mesh: Arc<Mesh>,
}

impl Minimap {
    /// Shows it in the corner of `canvas` where `seen`, the picture's part that is in view, is not all of it; where the user wants to go.
    pub fn show(&mut self, ui: &Ui, canvas: Rect, layout: &Layout, number: usize, seen: Rect) -> Option<Pos2> {
        let bounds = layout.bounds?;
        if seen.expand(1.0).contains_rect(bounds) || canvas.width() < MOST.x * 2.0 || canvas.height() < MOST.y * 2.0 {
            return None;
        }
        let scale = (MOST.x / bounds.width().max(1.0)).min(MOST.y / bounds.height().max(1.0));
        let size = (bounds.size() * scale).max(vec2(40.0, 30.0));
        let map = Rect::from_min_size(canvas.max - size - vec2(MARGIN + 4.0, MARGIN + 4.0), size);
        let place = |at: Pos2| map.min + (at - bounds.min) * scale;
        let place_rect = |rect: Rect| Rect::from_min_max(place(rect.min), place(rect.max));
        let palette = theme::palette(ui.ctx());
        let made = (number, map, ui.ctx().theme());
        if self.made != Some(made) {
            let mut mesh = Mesh::default();
            let mut add = |rect: &Rect, color: Color32| {
                let rect = place_rect(*rect);
                mesh.add_colored_rect(Rect::from_min_size(rect.min, rect.size().max(vec2(1.0, 1.0))), color);
            };
            layout.cards.values().for_each(|rect| add(rect, palette.weak.gamma_multiply(0.7)));
            layout.rails.values().for_each(|rect| add(rect, palette.accent));
            layout.spine.iter().for_each(|(_, rect)| add(rect, palette.accent));
            (self.mesh, self.made) = (Arc::new(mesh), Some(made));
        }
        let response = ui.interact(map.expand(4.0), Id::unique("minimap"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "map of the whole picture"));
        let painter = ui.painter_at(canvas);
        painter.rect_filled(map.expand(4.0), CornerRadius::same(5), palette.canvas.gamma_multiply(0.92));
        painter.add(Shape::Mesh(self.mesh.clone()));
        let window = place_rect(seen).intersect(map);
        painter.rect(window, 2.0, palette.strong.gamma_multiply(0.08), Stroke::new(1.5, palette.strong), StrokeKind::Inside);
        painter.rect_stroke(map.expand(4.0), CornerRadius::same(5), Stroke::new(1.0, palette.edge), StrokeKind::Inside);
        let pointer = response.interact_pointer_pos().filter(|_| response.clicked() || response.dragged());
        let wanted = pointer.map(|at| bounds.min + (at.clamp(map.min, map.max) - map.min) / scale);
        response.on_hover_text("click or drag to go there");
        wanted
    }
}
