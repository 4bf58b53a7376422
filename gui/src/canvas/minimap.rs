//! The whole picture small, in a corner, while not all of it is in view: a click or a drag goes there.

use super::layout::Layout;
use crate::theme::Palette;
use egui::{Color32, CornerRadius, Id, Mesh, Pos2, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};
use std::sync::Arc;

/// The most room that it takes.
const SIZE: Vec2 = vec2(184.0, 128.0);
/// The most of the canvas that it may cover.
const SHARE: f32 = 0.34;
const MARGIN: f32 = 10.0;

/// The last drawing of it, and what it was made of.
#[derive(Default)]
pub(super) struct Minimap {
    made_of: Option<(u64, Rect, Color32)>,
    mesh: Arc<Mesh>,
}

impl Minimap {
    /// Shows it where `view`, the part of the picture that is on the screen, does not hold all of it; gives the point of the picture that
    /// the user wants in the middle. `turn` is another for each layout.
    pub fn show(&mut self, ui: &mut Ui, palette: &Palette, canvas: Rect, layout: &Layout, view: Rect, turn: u64) -> Option<Pos2> {
        let bounds = layout.bounds.filter(|bounds| !view.expand(1.0).contains_rect(*bounds))?;
        let scale = (SIZE.min(canvas.size() * SHARE) / bounds.size().max(Vec2::splat(1.0))).min_elem();
        let size = bounds.size() * scale;
        let place = Rect::from_min_size(canvas.right_bottom() - size - Vec2::splat(MARGIN), size);
        let frame = place.expand(5.0);
        let to_map = |pos: Pos2| place.min + (pos - bounds.min) * scale;
        let painter = ui.painter_at(canvas);
        painter.rect(frame, CornerRadius::same(6), palette.canvas, Stroke::new(1.0, palette.edge), StrokeKind::Inside);
        let made = (turn, place, palette.canvas);
        if self.made_of != Some(made) {
            self.mesh = Arc::new(drawn(palette, layout, &|rect| Rect::from_min_max(to_map(rect.min), to_map(rect.max))));
            self.made_of = Some(made);
        }
        painter.add(Shape::Mesh(self.mesh.clone()));
        let seen = Rect::from_min_max(to_map(view.min), to_map(view.max)).intersect(place);
        if seen.is_positive() {
            painter.rect(
                seen,
                CornerRadius::same(2),
                palette.accent.gamma_multiply(0.15),
                Stroke::new(1.5, palette.accent),
                StrokeKind::Inside,
            );
        }
        let response = self.widget(ui, frame);
        let is_used = response.clicked() || response.dragged();
        let at = response.interact_pointer_pos().filter(|_| is_used)?;
        Some(bounds.min + (place.clamp(at) - place.min) / scale)
    }

    fn widget(&self, ui: &Ui, frame: Rect) -> Response {
        let response = ui.interact(frame, Id::unique("minimap"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "the whole picture, small"));
        response.on_hover_text("the whole picture: click or drag to go there; F fits it into view")
    }
}

/// Cards are dots and rails are lines.
fn drawn(palette: &Palette, layout: &Layout, to_map: &dyn Fn(Rect) -> Rect) -> Mesh {
    let mut mesh = Mesh::default();
    let mut block = |rect: Rect, color: Color32| {
        let rect = to_map(rect);
        mesh.add_colored_rect(Rect::from_center_size(rect.center(), rect.size().max(Vec2::splat(1.0))), color);
    };
    layout.spine.iter().for_each(|(_, rect)| block(*rect, palette.accent.gamma_multiply(0.5)));
    layout.rails.values().for_each(|rect| block(*rect, palette.accent.gamma_multiply(0.7)));
    layout.cards.values().for_each(|rect| block(*rect, palette.weak.gamma_multiply(0.7)));
    mesh
}
