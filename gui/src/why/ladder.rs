//! Below the picture: the way, step by step, as far as it was seen; what it is not; what nobody saw.

use super::Why;
use super::cause::{jumps, leg_name};
use crate::commands::Wish;
use crate::sidebar::heading;
use crate::{format, theme};
use egui::{Color32, Label, RichText, ScrollArea, Ui, vec2};
use tapscope_graph::Direction;
use tapscope_graph::diagnose::{PathStep, Status, by_code};

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
        let weak = theme::palette(ui.ctx()).weak;
        if self.diagnosis.path.is_empty() {
            ui.label(RichText::new("no way is known from A to B").color(weak));
        }
        for leg in self.diagnosis.path.chunk_by(|a, b| a.leg == b.leg) {
            ui.add_space(3.0);
            ui.label(RichText::new(leg_name(leg[0].leg)).color(weak));
            for (index, step) in leg.iter().enumerate() {
                rung(ui, step, is_in_the_dark(leg, index), wishes);
            }
        }
        if self.diagnosis.is_reply_untried() {
            ui.add_space(3.0);
            ui.label(RichText::new("the way of the reply was not exercised").color(weak));
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
            let said = line(ui, row.because.clone(), palette.strong);
            let code = line(ui, row.code.to_owned(), palette.weak);
            if let Some(cause) = by_code(row.code) {
                said.on_hover_text(cause.meaning);
                code.on_hover_text(cause.meaning);
            }
        }
        heading(ui, "LISTENED TO");
        let coverage = &diagnosis.coverage;
        match coverage.interfaces.as_slice() {
            [] => line(ui, "nothing: nobody listened anywhere".to_owned(), palette.warn),
            heard => line(ui, heard.join(", "), palette.strong),
        };
        heading(ui, "NOT SEEN");
        if coverage.missing.is_empty() && coverage.unreadable.is_empty() && coverage.capture_drops == 0 {
            line(ui, "nothing on the way: somebody listened everywhere".to_owned(), palette.weak);
        }
        for place in &coverage.missing {
            line(ui, format!("nobody listened at {place}"), palette.warn);
        }
        for what in &coverage.unreadable {
            line(ui, format!("not known: {what}"), palette.warn);
        }
        if coverage.capture_drops > 0 {
            line(ui, format!("{} frames passed a place on the way and were not captured", coverage.capture_drops), palette.bad);
        }
        if let Some((since, until)) = diagnosis.window {
            line(ui, format!("looked at from {} to {}", format::clock(since), format::clock(until)), palette.weak);
        }
    }
}

/// Whether a stop lies behind the last sighting of a leg and before the place where it was missed, and nothing says more of it.
fn is_in_the_dark(leg: &[PathStep], index: usize) -> bool {
    let is_at = |step: &PathStep, wanted: &[Status]| wanted.contains(&step.status);
    let was_seen = leg[..index].iter().any(|step| is_at(step, &[Status::Seen]));
    let has_ended = leg[..index].iter().any(|step| is_at(step, &[Status::Blocked, Status::NotSeen, Status::NotRead]));
    leg[index].status == Status::NotReached && was_seen && !has_ended
}

/// A mark, the place, what is known of it; not by colour alone.
fn rung(ui: &mut Ui, step: &PathStep, is_in_the_dark: bool, wishes: &mut Vec<Wish>) {
    let palette = theme::palette(ui.ctx());
    let (mark, color, words) = match step.status {
        Status::Seen => ("✔", palette.good, "seen"),
        Status::Read => ("✔", palette.good, "the guest took it"),
        Status::Passed => ("✔", palette.good, "passed"),
        Status::Blocked => ("✖", palette.bad, "died here"),
        Status::NotSeen => ("✖", palette.bad, "not seen, though somebody listened"),
        Status::NotRead => ("✖", palette.bad, "the guest did not take it"),
        Status::NotCaptured => ("?", palette.warn, "nobody listened"),
        Status::NotReached if is_in_the_dark => ("?", palette.weak, "perhaps; nothing tells"),
        Status::NotReached => ("…", palette.weak, "not reached"),
    };
    let direction = match step.direction {
        Some(Direction::Inbound) => " in",
        Some(Direction::Outbound) => " out",
        Some(Direction::Unknown) | None => "",
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
        ui.label(RichText::new(mark).color(color));
        ui.label(RichText::new(format!("{}{direction}", step.hop)).color(if step.status == Status::NotReached {
            palette.weak
        } else {
            palette.strong
        }));
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
