//! The list at the left: who is there, where we listen, what is wrong.

use crate::session::Shown;
use crate::window::Selection;
use crate::{format, theme};
use egui::{Align, Color32, Layout, Pos2, RichText, ScrollArea, Sense, Shape, Stroke, Ui, vec2};
use std::collections::BTreeMap;
use tapscope_graph::finding::Severity;
use tapscope_graph::topology::{Key, NodeKind};
use tapscope_graph::{PointId, Timestamp};

/// Rows of each list before it is cut.
const ROWS: usize = 200;

pub fn show(ui: &mut Ui, shown: &Shown, selection: &mut Selection) {
    let palette = theme::palette(ui.ctx());
    let view = &shown.view;
    let now = view.tables.now.unwrap_or_default();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        heading(ui, "HOSTS");
        let rates = rates(shown, now);
        let hosts: Vec<_> = view.topology.nodes().filter(|node| matches!(node.kind, NodeKind::Host | NodeKind::Router)).collect();
        if hosts.is_empty() {
            ui.label(RichText::new("nobody was seen yet").color(palette.weak));
        }
        for node in hosts.iter().take(ROWS) {
            let rate = rates.get(&node.key).copied().unwrap_or(0);
            let color = if rate > 0 { palette.good } else { palette.weak };
            let kind = if node.kind == NodeKind::Router { " router" } else { "" };
            let text = if rate > 0 { format::rate(rate) } else { "idle".into() };
            row(ui, selection, Selection::Thing(node.key), &format!("{}{kind}", format::title(node)), &text, color);
        }
        more(ui, hosts.len());
        heading(ui, "POINTS");
        for (index, point) in view.tables.points.iter().enumerate().take(ROWS) {
            let id = PointId(index as u32);
            let lost = if point.lost > 0 { format!("{} lost", point.lost) } else { format!("{} packets", point.counters.packets) };
            let color = if point.lost > 0 { palette.bad } else { palette.weak };
            row(ui, selection, Selection::Point(id), &point.label(id), &lost, color);
        }
        more(ui, view.tables.points.len());
        heading(ui, "HEALTH");
        if view.findings.is_empty() {
            ui.label(RichText::new("nothing is wrong as far as was seen").color(palette.good));
        }
        for (index, finding) in view.findings.iter().enumerate().take(ROWS) {
            let response = ui
                .horizontal(|ui| {
                    mark(ui, finding.severity);
                    ui.add(
                        egui::Button::selectable(*selection == Selection::Finding(index), &finding.text)
                            .wrap_mode(egui::TextWrapMode::Truncate),
                    )
                })
                .inner
                .on_hover_text(&finding.text);
            if response.clicked() {
                *selection = Selection::Finding(index);
            }
        }
        more(ui, view.findings.len());
    });
}

pub(crate) fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(8.0);
    ui.label(RichText::new(text).small().color(theme::palette(ui.ctx()).weak));
}

fn more(ui: &mut Ui, count: usize) {
    if count > ROWS {
        ui.label(RichText::new(format!("and {} more in the tables", count - ROWS)).color(theme::palette(ui.ctx()).weak));
    }
}

fn row(ui: &mut Ui, selection: &mut Selection, this: Selection, text: &str, right: &str, color: Color32) {
    ui.horizontal(|ui| {
        let room = (ui.available_width() - 86.0).max(40.0);
        let response = ui
            .scope(|ui| {
                ui.set_max_width(room);
                ui.add(egui::Button::selectable(*selection == this, text).wrap_mode(egui::TextWrapMode::Truncate))
            })
            .inner;
        if response.clicked() {
            *selection = this;
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(RichText::new(right).small().color(color)));
    });
}

/// A severity's shape and colour: circle, triangle, square.
pub(crate) fn mark(ui: &mut Ui, severity: Severity) {
    let palette = theme::palette(ui.ctx());
    let (rect, _) = ui.allocate_exact_size(vec2(12.0, 12.0), Sense::hover());
    let center = rect.center();
    ui.painter().add(match severity {
        Severity::Error => Shape::circle_filled(center, 5.0, palette.bad),
        Severity::Warning => triangle(center, 5.5, palette.warn),
        Severity::Note => Shape::rect_stroke(rect.shrink(2.0), 1.0, Stroke::new(1.5, palette.accent), egui::StrokeKind::Inside),
    });
}

/// A triangle that stands on its base.
pub(crate) fn triangle(center: Pos2, radius: f32, color: Color32) -> Shape {
    let corners = vec![center + vec2(0.0, -radius), center + vec2(radius, radius * 0.8), center + vec2(-radius, radius * 0.8)];
    Shape::convex_polygon(corners, color, Stroke::NONE)
}

/// Octets per second of each node, sent and received.
fn rates(shown: &Shown, now: Timestamp) -> BTreeMap<Key, u32> {
    let mut rates: BTreeMap<Key, u32> = BTreeMap::new();
    for (node, _, interface) in shown.view.topology.attachments() {
        let (sent, received) = interface.series.rate(now);
        let rate = rates.entry(node.key).or_default();
        *rate = rate.saturating_add(sent).saturating_add(received);
    }
    rates
}
