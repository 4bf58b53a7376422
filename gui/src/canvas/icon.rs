//! Small marks that tell kinds apart without colour.

use egui::{Color32, CornerRadius, Painter, Pos2, Rect, Stroke, StrokeKind, pos2, vec2};
use tapscope_graph::topology::NodeKind;

/// Paints a node's mark in a square; `size` is its edge.
pub(super) fn node(painter: &Painter, kind: NodeKind, is_namespace: bool, center: Pos2, size: f32, color: Color32) {
    let stroke = Stroke::new((size / 10.0).max(1.0), color);
    let square = Rect::from_center_size(center, vec2(size, size));
    let rounding = CornerRadius::same((size / 8.0) as u8);
    match kind {
        // A screen on its foot.
        NodeKind::Guest => {
            let screen = Rect::from_min_max(square.min + vec2(0.0, size * 0.08), square.max - vec2(0.0, size * 0.28));
            painter.rect_stroke(screen, rounding, stroke, StrokeKind::Inside);
            painter.line_segment([pos2(center.x, screen.bottom()), pos2(center.x, square.bottom() - size * 0.08)], stroke);
            let foot = square.bottom() - size * 0.06;
            painter.line_segment([pos2(center.x - size * 0.25, foot), pos2(center.x + size * 0.25, foot)], stroke);
        }
        // A part of this host.
        NodeKind::Local if is_namespace => {
            let corners = [square.left_top(), square.right_top(), square.right_bottom(), square.left_bottom(), square.left_top()];
            painter.extend(egui::Shape::dashed_line(&corners, stroke, size * 0.2, size * 0.15));
            painter.circle_filled(center, size * 0.16, color);
        }
        // Two units of a rack.
        NodeKind::Local => {
            for top in [0.06, 0.54] {
                let unit = Rect::from_min_size(square.min + vec2(0.0, size * top), vec2(size, size * 0.4));
                painter.rect_stroke(unit, rounding, stroke, StrokeKind::Inside);
                painter.circle_filled(unit.left_center() + vec2(size * 0.22, 0.0), size * 0.07, color);
            }
        }
        // Two ways that cross.
        NodeKind::Router => {
            painter.circle_stroke(center, size * 0.46, stroke);
            let arm = size * 0.26;
            painter.line_segment([center - vec2(arm, arm), center + vec2(arm, arm)], stroke);
            painter.line_segment([center + vec2(-arm, arm), center + vec2(arm, -arm)], stroke);
        }
        // A bar with ports.
        NodeKind::Bridge => {
            painter.line_segment([square.left_center(), square.right_center()], stroke);
            for x in [0.15, 0.5, 0.85] {
                let x = square.left() + size * x;
                painter.line_segment([pos2(x, center.y), pos2(x, center.y + size * 0.35)], stroke);
            }
        }
        // Layers.
        NodeKind::Stack => {
            for y in [-0.3, 0.0, 0.3] {
                let half = vec2(size * 0.42, 0.0);
                painter.line_segment([center + vec2(0.0, size * y) - half, center + vec2(0.0, size * y) + half], stroke);
            }
        }
        // A terminal's prompt.
        NodeKind::Program => {
            painter.rect_stroke(square.shrink(size * 0.04), rounding, stroke, StrokeKind::Inside);
            let tip = center + vec2(size * 0.02, 0.0);
            painter.line_segment([tip + vec2(-size * 0.24, -size * 0.2), tip], stroke);
            painter.line_segment([tip + vec2(-size * 0.24, size * 0.2), tip], stroke);
        }
        NodeKind::Host => drop(painter.circle_stroke(center, size * 0.38, stroke)),
        // A globe.
        NodeKind::Outside => {
            painter.circle_stroke(center, size * 0.46, stroke);
            painter.line_segment([square.left_center(), square.right_center()], stroke);
            painter.line_segment([pos2(center.x, square.top()), pos2(center.x, square.bottom())], stroke);
        }
    }
}
