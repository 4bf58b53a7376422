//! A row of a table: a flow, an echo, a finding.

use super::Inspector;
use crate::commands::Wish;
use crate::format;
use crate::sidebar::{heading, mark};
use crate::window::Selection;
use egui::{RichText, Ui};

impl Inspector<'_> {
    pub(super) fn flow(&mut self, ui: &mut Ui, index: usize) {
        let Some(flow) = self.shown.view.tables.flows.get(index) else { return };
        let names = self.situation.names;
        self.title(ui, &format!("{} flow", format::protocol(flow.protocol)), "");
        let end = |endpoint: tapscope_graph::tables::Endpoint| match endpoint.port {
            Some(port) => format!("{} port {port}", names.told(endpoint.ip)),
            None => names.told(endpoint.ip),
        };
        let ((sent_a, sent_b), initiator) = (flow.counted_once(), flow.initiator);
        let mut facts = vec![
            ("a", end(flow.a())),
            ("b", end(flow.b())),
            ("initiator", format!("{initiator:?}").to_lowercase()),
            ("a to b", format!("{} packets, {}", sent_a.packets, format::octets(sent_a.octets))),
            ("b to a", format!("{} packets, {}", sent_b.packets, format::octets(sent_b.octets))),
            ("first", format::clock(flow.first_at)),
            ("last", format::clock(flow.last_at)),
        ];
        facts.extend(flow.tcp.map(|state| ("TCP", state.name().to_owned())));
        facts.extend(flow.rtt_ns.map(|rtt| ("round trip", format::span(rtt))));
        self.facts(ui, "flow", &facts);
        heading(ui, "SEEN AT");
        for (id, a_to_b, b_to_a) in &flow.points {
            let label = self.shown.view.tables.points.get(id.0 as usize).map_or_else(String::new, |point| point.label(*id));
            ui.label(format!("{label}: {} and {} packets", a_to_b.packets, b_to_a.packets));
        }
        self.packets(ui, &[flow.first, flow.last]);
    }

    pub(super) fn echo(&mut self, ui: &mut Ui, index: usize) {
        let tables = &self.shown.view.tables;
        let Some(echo) = tables.echoes.get(index) else { return };
        let names = self.situation.names;
        self.title(ui, "echo", &format!("id {} seq {}", echo.identifier, echo.sequence));
        let fate = match (echo.reply, echo.error.and_then(|error| tables.icmp_errors.get(error as usize))) {
            (Some(_), _) => format!("answered after {}", tables.round_trip(echo).map_or_else(String::new, format::span)),
            (None, Some(row)) => format!("{} says {}", row.error.reporter, row.error),
            (None, None) => "no reply was seen".to_owned(),
        };
        self.facts(
            ui,
            "echo",
            &[("from", names.told(echo.source)), ("to", names.told(echo.destination)), ("sent", format::clock(echo.at)), ("fate", fate)],
        );
        for (heading_text, journey) in [("REQUEST", echo.journey), ("REPLY", echo.reply_journey)] {
            let Some(journey) = journey.and_then(|id| tables.journey(id)) else { continue };
            heading(ui, heading_text);
            let mut before = None;
            for sighting in &journey.sightings {
                let label = tables.points.get(sighting.point.0 as usize).map_or_else(String::new, |point| point.label(sighting.point));
                let wait = before.map_or_else(String::new, |at| format!("  after {}", format::span(sighting.at.since(at))));
                before = Some(sighting.at);
                ui.horizontal(|ui| {
                    ui.label(format!("{label}{wait}"));
                    if ui.link(sighting.frame.0.to_string()).clicked() {
                        self.wishes.push(Wish::Jump(sighting.frame));
                    }
                });
            }
        }
    }

    pub(super) fn finding(&mut self, ui: &mut Ui, index: usize, selection: &mut Selection) {
        let Some(finding) = self.shown.view.findings.get(index) else { return };
        ui.horizontal_wrapped(|ui| {
            mark(ui, finding.severity);
            ui.label(RichText::new(finding.severity.name()).strong());
            ui.label(RichText::new(finding.kind.code()).monospace());
        });
        ui.add_space(4.0);
        ui.add(egui::Label::new(RichText::new(&finding.text).size(14.0)).wrap());
        let at = finding.point.and_then(|id| self.shown.view.tables.points.get(id.0 as usize).map(|point| point.label(id)));
        let mut facts = vec![("count", finding.count.to_string())];
        facts.extend(at.map(|at| ("point", at)));
        self.facts(ui, "finding", &facts);
        if !finding.frames.is_empty() {
            heading(ui, "EVIDENCE");
            self.packets(ui, &finding.frames);
        }
        if let Some(key) = finding.about
            && ui.link("show on the picture").clicked()
        {
            *selection = Selection::Thing(key);
        }
    }
}
