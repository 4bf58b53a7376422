//! From the picture to the screen.

use egui::{Pos2, Rect, Vec2, pos2};

/// How large the picture is shown, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lens {
    /// Screen points per picture point.
    pub zoom: f32,
    /// Where the picture's origin is on the screen.
    pub offset: Vec2,
    /// The part of the screen that shows it.
    pub clip: Rect,
}

impl Lens {
    /// With a point of the picture in the middle of a part of the screen.
    pub fn around(center: Pos2, zoom: f32, clip: Rect) -> Lens {
        Lens { zoom, offset: clip.center().to_vec2() - center.to_vec2() * zoom, clip }
    }

    /// Where a point of the picture is on the screen.
    pub fn place(&self, pos: Pos2) -> Pos2 {
        pos2(pos.x * self.zoom, pos.y * self.zoom) + self.offset
    }

    /// Where a part of the picture is on the screen.
    pub fn place_rect(&self, rect: Rect) -> Rect {
        Rect::from_min_max(self.place(rect.min), self.place(rect.max))
    }
}
