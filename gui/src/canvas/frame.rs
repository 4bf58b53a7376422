//! Painting the frames around a bridge's guests of one VLAN, behind everything else.

use super::draw::Drawing;
use crate::theme::Palette;
use egui::{Align2, Color32, CornerRadius, Painter, Rect, Stroke, StrokeKind, vec2};
use std::collections::BTreeSet;

impl Drawing<'_> {
    pub(super) fn vlans(&self, painter: &Painter, palette: &Palette) {
        let vlans: BTreeSet<u16> = self.layout.vlans.iter().map(|(vlan, _)| *vlan).collect();
        // Neighbours look different; which is which is written on them.
        let colors = [palette.cable, palette.accent, palette.good];
        for (vlan, rect) in &self.layout.vlans {
            let on_screen = self.lens.place_rect(*rect);
            if on_screen.intersects(self.lens.clip) {
                self.vlan(painter, palette, on_screen, *vlan, colors[vlans.range(..vlan).count() % colors.len()]);
            }
        }
    }

    fn vlan(&self, painter: &Painter, palette: &Palette, rect: Rect, vlan: u16, color: Color32) {
        let edge = Stroke::new(1.0, color.gamma_multiply(0.6));
        let rounding = CornerRadius::same((10.0 * self.lens.zoom) as u8);
        painter.rect(rect, rounding, color.gamma_multiply(0.08), edge, StrokeKind::Inside);
        if self.layout.is_dense {
            // There is no room above small cards: it stands upon the edge.
            let text = painter.layout_no_wrap(format!("VLAN {vlan}"), self.font(9.0), color);
            let at = rect.right_top() - vec2(text.size().x + 8.0 * self.lens.zoom, text.size().y / 2.0);
            let behind = Rect::from_min_size(at, text.size()).expand2(vec2(3.0, 0.0));
            painter.rect_filled(behind, CornerRadius::same(3), palette.canvas);
            painter.galley(at, text, color);
        } else {
            painter.text(
                rect.left_top() + vec2(9.0, 5.0) * self.lens.zoom,
                Align2::LEFT_TOP,
                format!("VLAN {vlan}"),
                self.font(11.0),
                color,
            );
        }
    }
}
