//! The answer at the right: the verdict, the cause, its evidence, the fix, what comes next.

use super::Why;
use crate::commands::Wish;
use crate::icons::{self, Icon};
use crate::session::Shown;
use crate::sidebar::heading;
use crate::{format, theme};
use egui::{Align, Button, Color32, CornerRadius, Frame, Label, Layout, Margin, RichText, ScrollArea, Stroke, Ui};
use tapscope_graph::FrameNo;
use tapscope_graph::diagnose::{Accusation, Confidence, Diagnosis, Fix, Needs, Proof, Verdict};

/// Packets of a proof that are named.
const FRAMES: usize = 8;

/// What the user wants of the answer.
#[derive(Default)]
pub(crate) struct Reaction {
    pub is_closed: bool,
    pub is_watching_again: bool,
}

impl Why {
    /// Shows it.
    pub(crate) fn answer(&self, ui: &mut Ui, shown: &Shown, wishes: &mut Vec<Wish>) -> Reaction {
        let mut reaction = Reaction::default();
        let diagnosis = &*self.diagnosis;
        let palette = theme::palette(ui.ctx());
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                ui.label(RichText::new(words(diagnosis.verdict)).strong().size(19.0).color(color(ui, diagnosis.verdict)));
                badge(
                    ui,
                    diagnosis.confidence.name(),
                    if diagnosis.confidence == Confidence::Proven { palette.good } else { palette.warn },
                );
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    reaction.is_closed = icons::small_button(ui, Icon::X, "Close the answer").clicked();
                });
            });
            let host = &shown.view.tables.host;
            let end = |end: &tapscope_graph::diagnose::Endpoint| format!("{} ({})", end.label(), end.title(host));
            wrapped(ui, &format!("{} to {}", end(&diagnosis.from), end(&diagnosis.to)), palette.weak);
            wrapped(ui, &loss(diagnosis), palette.weak);
            if let Some(since) = self.since() {
                wrapped(ui, &format!("watching since {}", format::clock(since)), palette.weak);
            }
            if diagnosis.verdict == Verdict::NotSent {
                let target = diagnosis.to.label();
                wrapped(ui, "Nothing was sent: let A ping B, and the answer comes by itself", palette.strong);
                commands(ui, &format!("ping -c 3 {target}"));
            }
            if let (Some(last), Some(next)) = (&diagnosis.last_seen, &diagnosis.next_expected)
                && diagnosis.causes.is_empty()
                && diagnosis.verdict == Verdict::Fails
            {
                wrapped(ui, &format!("last seen at {last}, never at {next}"), palette.strong);
            }
            for (index, cause) in diagnosis.causes.iter().enumerate() {
                if index == 1 {
                    heading(ui, "EACH OF THESE STOPS IT, TOO");
                }
                accusation(ui, cause, index == 0, wishes);
            }
            for candidate in &diagnosis.candidates {
                heading(ui, "IT MAY BE");
                ui.label(RichText::new(candidate.code).monospace());
                wrapped(ui, "this would decide it:", palette.weak);
                commands(ui, &candidate.decide_with);
            }
            if !diagnosis.notes.is_empty() {
                heading(ui, "LOOKS LIKE A FAULT AND IS NONE");
            }
            for note in &diagnosis.notes {
                wrapped(ui, &note.text, palette.weak).on_hover_text(note.code);
            }
            if matches!(diagnosis.verdict, Verdict::Fails | Verdict::Degraded) {
                heading(ui, "NEXT OBSTACLE");
                if diagnosis.latent.is_empty() {
                    wrapped(ui, "none found on the rest of the way", palette.weak);
                }
                for cause in &diagnosis.latent {
                    ui.label(RichText::new(cause.cause.code).monospace().small());
                    wrapped(ui, &cause.summary, palette.strong);
                }
            }
            ui.add_space(10.0);
            let again = icons::button(ui, Icon::RotateCcw, "Watch again", |button| button);
            reaction.is_watching_again = again.on_hover_text("forget what was seen so far: only what comes from now on counts").clicked();
        });
        reaction
    }
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Works => "works",
        Verdict::Degraded => "partly works",
        Verdict::Fails => "fails",
        Verdict::NotSent => "not sent",
        Verdict::Undetermined => "cannot be known from here",
    }
}

fn color(ui: &Ui, verdict: Verdict) -> Color32 {
    let palette = theme::palette(ui.ctx());
    match verdict {
        Verdict::Works => palette.good,
        Verdict::Degraded => palette.warn,
        Verdict::Fails => palette.bad,
        Verdict::NotSent | Verdict::Undetermined => palette.strong,
    }
}

fn loss(diagnosis: &Diagnosis) -> String {
    let (sent, answered) = (diagnosis.loss.sent, diagnosis.loss.answered);
    match sent {
        0 => "no echo was seen".to_owned(),
        1 if answered == 0 => "the only echo was lost".to_owned(),
        _ if answered == sent => format!("all {sent} echoes were answered"),
        _ => format!("{} of {sent} echoes lost", sent.saturating_sub(answered)),
    }
}

/// A cause with its evidence and its fix.
fn accusation(ui: &mut Ui, accusation: &Accusation, is_first: bool, wishes: &mut Vec<Wish>) {
    let palette = theme::palette(ui.ctx());
    let tint = if is_first { palette.bad } else { palette.warn };
    let frame = Frame::new()
        .fill(tint.gamma_multiply(0.12))
        .stroke(Stroke::new(1.0, tint.gamma_multiply(0.5)))
        .corner_radius(CornerRadius::same(5))
        .inner_margin(Margin::same(9));
    ui.add_space(4.0);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(accusation.cause.code).monospace().strong());
        wrapped(ui, &accusation.summary, palette.strong);
        let mut place = accusation.place.clone();
        if let Some(object) = &accusation.object {
            place = format!("{place}: {object}");
        }
        wrapped(ui, &place, palette.weak);
    });
    if !accusation.proofs.is_empty() {
        heading(ui, "EVIDENCE");
    }
    for proof in &accusation.proofs {
        evidence(ui, proof, wishes);
    }
    if !accusation.fix.command.is_empty() {
        heading(ui, "FIX");
        fix(ui, &accusation.fix);
    }
}

fn evidence(ui: &mut Ui, proof: &Proof, wishes: &mut Vec<Wish>) {
    let palette = theme::palette(ui.ctx());
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.label(RichText::new(proof.rank.name()).small().color(palette.accent)).on_hover_text(proof.rank.kind().replace('_', " "));
        ui.label(&proof.text);
        if let Some((before, after)) = proof.counted {
            ui.label(RichText::new(format!("{before} then {after}")).monospace().color(palette.warn));
        }
        jumps(ui, &proof.frames, wishes);
    });
}

/// Packets, each a jump to its row.
pub(super) fn jumps(ui: &mut Ui, frames: &[FrameNo], wishes: &mut Vec<Wish>) {
    for frame in frames.iter().take(FRAMES) {
        if ui.link(RichText::new(frame.0.to_string()).small()).on_hover_text("show this packet").clicked() {
            wishes.push(Wish::Jump(*frame));
        }
    }
    if frames.len() > FRAMES {
        ui.label(RichText::new(format!("and {} more", frames.len() - FRAMES)).small());
    }
}

fn fix(ui: &mut Ui, fix: &Fix) {
    let palette = theme::palette(ui.ctx());
    let place = match fix.needs {
        Needs::Host => None,
        Needs::Guest => Some("inside the guest"),
        Needs::Outside => Some("not on this host"),
    };
    if let Some(place) = place {
        wrapped(ui, place, palette.weak);
    }
    commands(ui, &fix.command);
    if let Some(undo) = &fix.undo {
        wrapped(ui, "what takes it back:", palette.weak);
        commands(ui, undo);
    }
    if let Some(expected) = &fix.then_expect {
        wrapped(ui, &format!("then expect: {expected}"), palette.weak);
    }
}

/// Commands to copy.
fn commands(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui.ctx());
    // The button first: the text takes the room that is left, and never more, which would widen the panel frame by frame.
    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
        if ui.add(Button::new("Copy")).on_hover_text("copy this text").clicked() {
            ui.ctx().copy_text(text.to_owned());
        }
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            Frame::new().fill(palette.canvas).corner_radius(4).inner_margin(6).show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.add(Label::new(RichText::new(text).monospace()).wrap());
            });
        });
    });
}

fn wrapped(ui: &mut Ui, text: &str, color: Color32) -> egui::Response {
    ui.add(Label::new(RichText::new(text).color(color)).wrap())
}

fn badge(ui: &mut Ui, text: &str, color: Color32) {
    let frame = Frame::new().fill(color.gamma_multiply(0.16)).corner_radius(4).inner_margin(Margin::symmetric(5, 1));
    frame.show(ui, |ui| ui.label(RichText::new(text).small().color(color)));
}
