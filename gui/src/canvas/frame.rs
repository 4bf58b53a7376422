//! Painting the frames around what belongs together, behind everything else.

use super::draw::{Drawing, READABLE};
use super::layout::{Frame, Holds};
use crate::theme::Palette;
use crate::things;
use egui::{Align2, Color32, CornerRadius, FontId, Painter, Shape, Stroke, StrokeKind, vec2};
use std::collections::BTreeSet;
use tapscope_graph::topology::Key;

/// A frame whose name has no room is not named, points.
const ROOM: f32 = 70.0;

impl Drawing<'_> {
    pub(super) fn frames(&self, painter: &Painter, palette: &Palette) {
        let of_vlans = self.layout.frames.iter().filter_map(|frame| match frame.of {
            Holds::Vlan(vlan) => Some(vlan),
            Holds::Namespace(_) => None,
        });
        let vlans: BTreeSet<u16> = of_vlans.collect();
        // Neighbours look different; which is which is written on them.
        let colors = [palette.cable, palette.accent, palette.good];
        for frame in &self.layout.frames {
            let on_screen = self.place_rect(frame.rect);
            if on_screen.intersects(self.clip) {
                match frame.of {
                    Holds::Namespace(key) => self.namespace(painter, palette, frame, key),
                    Holds::Vlan(vlan) => self.vlan(painter, palette, frame, vlan, colors[vlans.range(..vlan).count() % colors.len()]),
                }
            }
        }
    }

    /// Dashed, as the mark of a namespace is.
    fn namespace(&self, painter: &Painter, palette: &Palette, frame: &Frame, key: Key) {
        let rect = self.place_rect(frame.rect);
        painter.rect_filled(rect, self.rounding(), palette.weak.gamma_multiply(0.07));
        let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
        painter.extend(Shape::dashed_line(&corners, Stroke::new(1.0, palette.weak.gamma_multiply(0.8)), 6.0, 4.0));
        let Key::Local(netns) = key else { return };
        let own = things::namespace_name(&self.shown.view, netns);
        let name = self.arranged.names.get(&key).unwrap_or(&own);
        self.name(painter, palette, frame, &format!("namespace {name}"), vec2(10.0, 3.0));
    }

    fn vlan(&self, painter: &Painter, palette: &Palette, frame: &Frame, vlan: u16, color: Color32) {
        if self.zoom < READABLE {
            return;
        }
        let rect = self.place_rect(frame.rect);
        let edge = Stroke::new(1.0, color.gamma_multiply(0.6));
        painter.rect(rect, self.rounding(), color.gamma_multiply(0.08), edge, StrokeKind::Inside);
        if self.layout.is_dense {
            // There is no room above small cards: it stands upon the edge.
            let text = painter.layout_no_wrap(format!("VLAN {vlan}"), self.font(9.0), color);
            let at = rect.right_top() - vec2(text.size().x + 8.0 * self.zoom, text.size().y / 2.0);
            let behind = egui::Rect::from_min_size(at, text.size()).expand2(vec2(3.0, 0.0));
            painter.rect_filled(behind, CornerRadius::same(3), palette.canvas);
            painter.galley(at, text, color);
        } else {
            painter.text(rect.left_top() + vec2(9.0, 5.0) * self.zoom, Align2::LEFT_TOP, format!("VLAN {vlan}"), self.font(11.0), color);
        }
    }

    fn rounding(&self) -> CornerRadius {
        CornerRadius::same((10.0 * self.zoom).min(120.0) as u8)
    }

    /// A name that can be read from far away, too, where it has room.
    fn name(&self, painter: &Painter, palette: &Palette, frame: &Frame, text: &str, at: egui::Vec2) {
        let rect = self.place_rect(frame.rect);
        if self.zoom >= READABLE {
            painter.text(rect.left_top() + at * self.zoom, Align2::LEFT_TOP, text, self.font(12.0), palette.weak);
        } else if rect.width() > ROOM {
            let painter = painter.with_clip_rect(rect.expand2(vec2(0.0, 16.0)).intersect(self.clip));
            painter.text(rect.left_top(), Align2::LEFT_BOTTOM, text, FontId::proportional(11.0), palette.weak);
        }
    }
}
