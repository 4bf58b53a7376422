//! The list at the left: who is there, where we listen, what is wrong.

use crate::commands::{self, Situation, Wish};
use crate::digest::Digest;
use crate::tables::Tone;
use crate::window::Selection;
use crate::{format, lists, theme, things};
use egui::{Align, Button, Color32, Layout, Pos2, Response, RichText, ScrollArea, Sense, Shape, Stroke, TextWrapMode, Ui, vec2};
use std::collections::BTreeSet;
use tapscope_graph::PointId;
use tapscope_graph::finding::{Finding, Severity};
use tapscope_graph::topology::{Configured, Key, LinkState, Node, NodeKind};

/// Rows of each list before it is cut.
const ROWS: usize = 200;

/// Shows it; what is not in `matching` stands back.
pub(crate) fn show(
    ui: &mut Ui,
    situation: &Situation<'_>,
    digest: &Digest,
    matching: Option<&BTreeSet<Key>>,
    selection: &mut Selection,
    wishes: &mut Vec<Wish>,
) {
    let palette = theme::palette(ui.ctx());
    let shown = situation.shown;
    let mut list = List { situation, matching, selection, wishes };
    let view = &shown.view;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let lists = &digest.lists;
        let has_host = !view.tables.host.is_empty() || shown.is_live();
        if has_host {
            list.nodes(ui, digest, "GUESTS", "no guests are running here", &lists.guests);
            list.nodes(ui, digest, "THIS HOST AND NAMESPACES", "", &lists.locals);
            list.bridges(ui, digest);
            list.cables(ui, &lists.cables);
        }
        let (title, nobody) = if has_host { ("OTHER STATIONS", "") } else { ("HOSTS", "nobody was seen yet") };
        list.nodes(ui, digest, title, nobody, &lists.stations);
        heading(ui, "POINTS");
        let points = view.tables.points.iter().enumerate().filter(|(_, point)| !point.closed || !shown.is_live());
        for (index, point) in points.take(ROWS) {
            let id = PointId(index as u32);
            let lost = if point.lost > 0 { format!("{} lost", point.lost) } else { format::packets(point.counters.packets) };
            let color = if point.lost > 0 { palette.bad } else { palette.weak };
            list.row(ui, Selection::Point(id), &point.label(id), &lost, color);
        }
        more(ui, view.tables.points.len());
        heading(ui, "HEALTH");
        if view.findings.is_empty() {
            ui.label(RichText::new("nothing is wrong as far as was seen").color(palette.good));
        }
        for (index, finding) in view.findings.iter().enumerate().take(ROWS) {
            list.finding(ui, index, finding);
        }
        more(ui, view.findings.len());
        for row in view.tables.host.unreadable().take(ROWS) {
            ui.horizontal(|ui| {
                mark(ui, Severity::Warning);
                let text = format!("not readable: {}", row.what);
                let label = egui::Label::new(RichText::new(text).color(palette.warn)).truncate();
                ui.add(label).on_hover_text(format!("{}\n{}", row.why, row.remedy));
            });
        }
    });
}

/// The list, and what came of it.
struct List<'a, 'b> {
    situation: &'a Situation<'b>,
    matching: Option<&'a BTreeSet<Key>>,
    selection: &'a mut Selection,
    wishes: &'a mut Vec<Wish>,
}

impl List<'_, '_> {
    /// A heading and a row for each node; where there is none, `nobody` is said, or nothing.
    fn nodes(&mut self, ui: &mut Ui, digest: &Digest, title: &str, nobody: &str, places: &[u32]) {
        let palette = theme::palette(ui.ctx());
        if places.is_empty() && nobody.is_empty() {
            return;
        }
        heading(ui, title);
        if places.is_empty() {
            ui.label(RichText::new(nobody).color(palette.weak));
        }
        for node in lists::nodes(&self.situation.shown.view, places).take(ROWS) {
            let rate = digest.rate(node.key);
            let color = if rate > 0 { palette.good } else { palette.weak };
            let aside = match things::guest(&self.situation.shown.view, node) {
                Some(guest) => format!("  pid {}", guest.pid),
                None if node.kind == NodeKind::Router => " router".to_owned(),
                None => String::new(),
            };
            let text = match (digest.stopped.contains_key(&node.key), rate) {
                (true, _) => "stopped".to_owned(),
                (false, 0) => "idle".to_owned(),
                (false, rate) => format::rate(rate),
            };
            self.row(ui, Selection::Thing(node.key), &format!("{}{aside}", self.situation.title(node)), &text, color);
        }
        more(ui, places.len());
    }

    /// The host's bridges, each with its ports.
    fn bridges(&mut self, ui: &mut Ui, digest: &Digest) {
        let palette = theme::palette(ui.ctx());
        let view = &self.situation.shown.view;
        let places = &digest.lists.bridges;
        if places.is_empty() {
            return;
        }
        let bridges = || {
            let device = |node: &Node| if let Some(Configured::Device(id)) = node.host { Some(id) } else { None };
            lists::nodes(view, places).filter_map(move |node| Some((node, device(node)?))).take(ROWS)
        };
        // Where there are many, only those of the selected bridge are listed: each row is a widget.
        let rows: usize = bridges().map(|(_, id)| digest.ports(id).len()).sum();
        heading(ui, "BRIDGES");
        for (node, id) in bridges() {
            let ports = digest.ports(id);
            let count = if ports.len() == 1 { "1 port".to_owned() } else { format!("{} ports", ports.len()) };
            self.row(ui, Selection::Thing(node.key), &self.situation.title(node), &count, palette.weak);
            if rows > ROWS && *self.selection != Selection::Thing(node.key) {
                continue;
            }
            for port in ports.iter().take(ROWS).filter_map(|id| view.tables.host.device(*id)) {
                let (state, tone) = crate::tables::devices::state(port);
                let color = if tone == Tone::Bad { palette.warn } else { palette.weak };
                let Some(link) = digest.link_of(port.id) else { continue };
                ui.indent((node.key, port.id), |ui| self.row(ui, Selection::Thing(link), port.name.as_str(), &state, color));
            }
            more(ui, ports.len());
        }
        more(ui, places.len());
    }

    /// What joins guests without a device, with its state, or how it can be seen.
    fn cables(&mut self, ui: &mut Ui, places: &[u32]) {
        let palette = theme::palette(ui.ctx());
        let view = &self.situation.shown.view;
        if places.is_empty() {
            return;
        }
        heading(ui, "CABLES");
        for link in lists::links(view, places).take(ROWS) {
            let (text, color) = match (link.state, things::sight(view, link)) {
                (LinkState::Unplugged(state), _) => (state.to_string(), if things::may_wait(state) { palette.weak } else { palette.warn }),
                (_, Some(sight)) => (sight.to_owned(), palette.weak),
                (_, None) => (format::packets(link.counters.packets), palette.weak),
            };
            self.row(ui, Selection::Thing(link.key), link.name.as_str(), &text, color);
        }
        more(ui, places.len());
    }

    fn row(&mut self, ui: &mut Ui, this: Selection, text: &str, right: &str, color: Color32) {
        ui.horizontal(|ui| {
            if self.is_dimmed(this) {
                ui.set_opacity(0.4);
            }
            let room = (ui.available_width() - if right.len() > 12 { 124.0 } else { 86.0 }).max(40.0);
            let response = ui
                .scope(|ui| {
                    ui.set_max_width(room);
                    ui.add(Button::selectable(*self.selection == this, text).wrap_mode(TextWrapMode::Truncate))
                })
                .inner;
            self.choose(&response, this);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(RichText::new(right).small().color(color)));
        });
    }

    fn finding(&mut self, ui: &mut Ui, index: usize, finding: &Finding) {
        let this = Selection::Finding(index);
        let button = Button::selectable(*self.selection == this, &finding.text).wrap_mode(TextWrapMode::Truncate);
        let response = ui
            .horizontal(|ui| {
                mark(ui, finding.severity);
                ui.add(button)
            })
            .inner;
        self.choose(&response, this);
        response.on_hover_text(&finding.text);
    }

    /// A click selects; a right click tells what can be done.
    fn choose(&mut self, response: &Response, this: Selection) {
        if response.clicked() {
            match (*self.selection, this) {
                (Selection::Thing(from), Selection::Thing(to)) if from != to && response.ctx.input(|input| input.modifiers.shift) => {
                    self.wishes.push(Wish::WhyBetween(from, to));
                }
                _ => *self.selection = this,
            }
        }
        commands::context_menu(response, response.has_focus(), |ui| {
            commands::thing_menu(ui, &Situation { target: this, is_pinned: false, is_folded: false, ..*self.situation }, self.wishes);
        });
    }

    /// Whether the filter leaves a thing out.
    fn is_dimmed(&self, this: Selection) -> bool {
        matches!(this, Selection::Thing(key) if self.matching.is_some_and(|matching| !matching.contains(&key)))
    }
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
