//! What is marked on the picture from outside: what a filter leaves out is dimmed, the way of a diagnosis is lit.

use super::draw::Drawing;
use super::layout::Wire;
use crate::theme::{self, Palette};
use crate::why::{Reach, Way};
use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, vec2};
use std::collections::BTreeSet;
use std::sync::Arc;
use tapscope_graph::topology::Key;

/// What is marked.
#[derive(Clone, Default)]
pub(crate) struct Marks {
    /// What a filter lets pass; none where there is no filter.
    pub matching: Option<Arc<BTreeSet<Key>>>,
    /// The way of a diagnosis.
    pub way: Option<Arc<Way>>,
}

impl Marks {
    /// Whether a thing stands back.
    fn is_dimmed(&self, key: Key) -> bool {
        let is_off_the_way = self.way.as_ref().is_some_and(|way| !way.reach.is_empty() && !way.reach.contains_key(&key));
        is_off_the_way || self.matching.as_ref().is_some_and(|matching| !matching.contains(&key))
    }

    /// What a screen reader says of a thing on the way.
    pub(super) fn spoken(&self, key: Key) -> Option<&'static str> {
        let reach = self.way.as_ref()?.reach.get(&key)?;
        Some(match reach {
            Reach::Seen => "on the way",
            Reach::Died => "it died here",
            Reach::Beyond => "not reached",
        })
    }

    /// Paints over the picture.
    pub(super) fn paint(&self, drawing: &Drawing<'_>) {
        if self.matching.is_none() && self.way.is_none() {
            return;
        }
        let palette = theme::palette(drawing.ui.ctx());
        let painter = drawing.ui.painter_at(drawing.lens.clip);
        let layout = drawing.layout;
        let things = layout
            .spine
            .iter()
            .map(|(key, rect)| (key, rect))
            .chain(&layout.rails)
            .chain(&layout.cards)
            .chain(&layout.ports)
            .chain(&layout.stubs);
        let veil = palette.canvas.gamma_multiply(0.72);
        for (_, rect) in things.clone().filter(|(key, _)| self.is_dimmed(**key)) {
            painter.rect_filled(drawing.lens.place_rect(*rect).expand(1.0), CornerRadius::same(6), veil);
        }
        for wire in layout.wires.iter().filter(|wire| self.is_dimmed(wire.link)) {
            let corners: Vec<Pos2> = wire.corners.iter().map(|corner| drawing.lens.place(*corner)).collect();
            painter.add(Shape::line(corners, Stroke::new(8.0, veil)));
        }
        let Some(way) = &self.way else { return };
        for wire in &layout.wires {
            if let Some(reach) = way.reach.get(&wire.link) {
                self.wire(drawing, &painter, &palette, wire, *reach, way);
            }
        }
        for (key, rect) in things {
            if let Some(reach) = way.reach.get(key) {
                let stroke = Stroke::new(2.0, color(&palette, *reach));
                painter.rect_stroke(drawing.lens.place_rect(*rect), CornerRadius::same(8), stroke, StrokeKind::Outside);
            }
        }
    }

    fn wire(&self, drawing: &Drawing<'_>, painter: &Painter, palette: &Palette, wire: &Wire, reach: Reach, way: &Way) {
        let corners: Vec<Pos2> = wire.corners.iter().map(|corner| drawing.lens.place(*corner)).collect();
        let color = color(palette, reach);
        match reach {
            Reach::Seen => drop(painter.add(Shape::line(corners.clone(), Stroke::new(4.0, color)))),
            Reach::Died => painter.extend(Shape::dashed_line(&corners, Stroke::new(4.0, color), 7.0, 5.0)),
            Reach::Beyond => painter.extend(Shape::dashed_line(&corners, Stroke::new(2.0, color), 2.0, 5.0)),
        }
        let Some(middle) = middle(&corners) else { return };
        if reach == Reach::Died {
            let size = 10.0;
            painter.circle_filled(middle, size, color);
            let cross = Stroke::new(2.5, palette.canvas);
            let arm = vec2(4.0, 4.0);
            painter.line_segment([middle - arm, middle + arm], cross);
            painter.line_segment([middle - vec2(4.0, -4.0), middle + vec2(4.0, -4.0)], cross);
        }
        if let Some(numbers) = way.numbers.get(&wire.link) {
            let text = numbers.iter().take(4).map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let galley = painter.layout_no_wrap(text, FontId::proportional(11.0), palette.strong);
            let room = Rect::from_center_size(middle + vec2(18.0 + galley.size().x / 2.0, 0.0), galley.size() + vec2(8.0, 4.0));
            painter.rect(room, CornerRadius::same(8), palette.canvas, Stroke::new(1.0, color), StrokeKind::Inside);
            painter.galley(Align2::CENTER_CENTER.anchor_size(room.center(), galley.size()).min, galley, Color32::WHITE);
        }
    }
}

fn color(palette: &Palette, reach: Reach) -> Color32 {
    match reach {
        Reach::Seen => palette.good,
        Reach::Died => palette.bad,
        Reach::Beyond => palette.weak,
    }
}

/// The middle of a line, along it.
fn middle(corners: &[Pos2]) -> Option<Pos2> {
    let length: f32 = corners.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
    let mut left = length / 2.0;
    for pair in corners.windows(2) {
        let step = pair[0].distance(pair[1]);
        if step >= left && step > 0.0 {
            return Some(pair[0] + (pair[1] - pair[0]) * (left / step));
        }
        left -= step;
    }
    corners.first().copied()
}
