//! Below the picture: the way, step by step, as far as it was seen; what it is not; what nobody saw.

use super::Why;
use super::answer::jumps;
use crate::commands::Wish;
use crate::sidebar::heading;
use crate::{format, theme};
use egui::{Color32, Label, RichText, ScrollArea, Ui, vec2};
use tapscope_graph::diagnose::{Leg, PathStep, Status};

impl Why {
    /// Shows it.
    pub(crate) fn ladder(&self, ui: &mut Ui, wishes: &mut Vec<Wish>) {
        if ui.available_width() < 100.0 {
            // A window may be smaller than all that is in it.
            return;
        }
        ScrollArea::vertical().id_salt("ladder").auto_shrink(false).show(ui, |ui| {
            ui.columns(2, |columns| {
                let [left, right] = columns else { return };
                self.steps(left, wishes);
                self.rest(right);
            });
        });
    }

    fn steps(&self, ui: &mut Ui, wishes: &mut Vec<Wish>) {
        heading(ui, "LADDER");
        if self.diagnosis.path.is_empty() {
            ui.label(RichText::new("no way is known from A to B").color(theme::palette(ui.ctx()).weak));
        }
        let mut leg = None;
        for step in &self.diagnosis.path {
            if leg != Some(step.leg) {
                leg = Some(step.leg);
                ui.add_space(3.0);
                ui.label(RichText::new(name(step.leg)).color(theme::palette(ui.ctx()).weak));
            }
            rung(ui, step, wishes);
        }
    }

    fn rest(&self, ui: &mut Ui) {
        let palette = theme::palette(ui.ctx());
        let diagnosis = &*self.diagnosis;
        let line = |ui: &mut Ui, text: String, color: Color32| ui.add(Label::new(RichText::new(text).color(color)).wrap());
        heading(ui, "RULED OUT");
        if diagnosis.ruled_out.is_empty() {
            line(ui, "nothing yet".to_owned(), palette.weak);
        }
        for row in &diagnosis.ruled_out {
            line(ui, row.because.clone(), palette.strong).on_hover_text(row.code);
        }
        heading(ui, "NOT SEEN");
        let coverage = &diagnosis.coverage;
        if coverage.missing.is_empty() && coverage.unreadable.is_empty() {
            line(ui, "nothing on the way: somebody listened everywhere".to_owned(), palette.weak);
        }
        for place in &coverage.missing {
            line(ui, format!("nobody listened at {place}"), palette.warn);
        }
        for what in &coverage.unreadable {
            line(ui, what.clone(), palette.warn);
        }
        if coverage.capture_drops > 0 {
            line(ui, format!("{} frames passed and were not captured", coverage.capture_drops), palette.bad);
        }
    }
}

fn name(leg: Leg) -> &'static str {
    match leg {
        Leg::ArpRequest => "who has the next hop's address?",
        Leg::ArpReply => "its answer",
        Leg::Request => "echo request",
        Leg::Reply => "echo reply",
    }
}

/// A mark, the place, what is known of it; not by colour alone.
fn rung(ui: &mut Ui, step: &PathStep, wishes: &mut Vec<Wish>) {
    let palette = theme::palette(ui.ctx());
    let (mark, color, words) = match step.status {
        Status::Seen => ("✔", palette.good, "seen"),
        Status::Read => ("✔", palette.good, "the guest took it"),
        Status::Passed => ("✔", palette.good, "passed"),
        Status::Blocked => ("✖", palette.bad, "died here"),
        Status::NotSeen => ("✖", palette.bad, "not seen, though somebody listened"),
        Status::NotRead => ("✖", palette.bad, "the guest did not take it"),
        Status::NotCaptured => ("?", palette.warn, "nobody listened"),
        Status::NotReached => ("…", palette.weak, "not reached"),
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
        ui.label(RichText::new(mark).color(color));
        ui.label(RichText::new(&step.hop).color(if step.status == Status::NotReached { palette.weak } else { palette.strong }));
        ui.label(RichText::new(words).small().color(color));
        if let Some(at) = step.at {
            ui.label(RichText::new(format::clock(at)).small().color(palette.weak));
        }
        if let Some(rewritten) = &step.rewritten {
            ui.label(RichText::new(rewritten).small().color(palette.warn));
        }
        jumps(ui, &step.frames, wishes);
    });
}
