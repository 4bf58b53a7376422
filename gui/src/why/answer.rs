//! The answer at the right: the verdict, the cause, its evidence, the fix, what comes next.

use super::cause::{self, Weight};
use super::words::{commands, pattern, verdict, verdict_color, wrapped};
use super::{Why, way};
use crate::commands::{Situation, Wish};
use crate::icons::{self, Icon};
use crate::sidebar::heading;
use crate::{format, theme};
use egui::{Align, CollapsingHeader, Layout, RichText, ScrollArea, Ui};
use tapscope_graph::diagnose::{Confidence, Endpoint, Verdict};

/// What the user wants of the answer.
#[derive(Default)]
pub(crate) struct Reaction {
    pub is_closed: bool,
    pub is_watching_again: bool,
}

impl Why {
    /// Shows it.
    pub(crate) fn answer(&self, ui: &mut Ui, situation: &Situation<'_>, wishes: &mut Vec<Wish>) -> Reaction {
        let mut reaction = Reaction::default();
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            let palette = theme::palette(ui.ctx());
            let diagnosis = &*self.diagnosis;
            ui.label(RichText::new(verdict(diagnosis.verdict)).strong().size(19.0).color(verdict_color(ui, diagnosis.verdict)));
            if diagnosis.verdict != Verdict::Undetermined {
                let color = if diagnosis.confidence == Confidence::Proven { palette.good } else { palette.warn };
                theme::badge(ui, diagnosis.confidence.name(), color);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                reaction.is_closed = icons::small_button(ui, Icon::X, "Close the answer").clicked();
                let again = icons::button(ui, Icon::RotateCcw, "Watch again", |button| button);
                reaction.is_watching_again =
                    again.on_hover_text("forget what was seen so far: only what comes from now on counts").clicked();
            });
        });
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            self.question(ui, situation);
            self.causes(ui, situation, wishes);
            self.candidates(ui);
            self.notes(ui);
            self.ahead(ui, situation, wishes);
            ui.add_space(10.0);
        });
        reaction
    }

    /// Who pings whom, and what became of it.
    fn question(&self, ui: &mut Ui, situation: &Situation<'_>) {
        let (diagnosis, palette) = (&*self.diagnosis, theme::palette(ui.ctx()));
        let view = &situation.shown.view;
        let end = |end: &Endpoint| {
            let given = way::node(view, end).and_then(|key| situation.names.get(&key));
            let title = end.title(&view.tables.host);
            match given {
                Some(name) => format!("{} ({name}: {title})", end.label()),
                None => format!("{} ({title})", end.label()),
            }
        };
        wrapped(ui, &format!("{} to {}", end(&diagnosis.from), end(&diagnosis.to)), palette.strong);
        let fate = diagnosis.fate();
        wrapped(ui, &pattern(diagnosis.loss.pattern).map_or(fate.clone(), |pattern| format!("{fate}: {pattern}")), palette.weak);
        if let Some(since) = self.since() {
            wrapped(ui, &format!("watching since {}", format::clock(since)), palette.weak);
        }
        if diagnosis.verdict == Verdict::NotSent {
            wrapped(ui, "Nothing was sent: let A ping B, and the answer comes by itself", palette.strong);
            commands(ui, &format!("ping -c 3 {}", diagnosis.to.label()), "Copy the ping");
        }
        if let (Some(last), Some(next)) = (&diagnosis.last_seen, &diagnosis.next_expected)
            && diagnosis.verdict != Verdict::Works
        {
            wrapped(ui, &format!("last seen {last}, next expected {next}"), palette.strong);
        }
    }

    fn causes(&self, ui: &mut Ui, situation: &Situation<'_>, wishes: &mut Vec<Wish>) {
        let (diagnosis, palette) = (&*self.diagnosis, theme::palette(ui.ctx()));
        for (index, cause) in diagnosis.causes.iter().enumerate() {
            let weight = if index == 0 { Weight::First } else { Weight::Enough };
            if index == 1 {
                heading(ui, "EACH OF THESE IS ENOUGH ALONE: MEND IT, TOO");
            }
            ui.push_id(index, |ui| cause::show(ui, &situation.shown.view, diagnosis, cause, weight, wishes));
        }
        if let Some(why) = diagnosis.not_known() {
            ui.add_space(4.0);
            wrapped(ui, &format!("The cause is not known: {why}"), palette.strong);
        }
    }

    fn candidates(&self, ui: &mut Ui) {
        let (diagnosis, palette) = (&*self.diagnosis, theme::palette(ui.ctx()));
        for (index, candidate) in diagnosis.candidates.iter().enumerate() {
            if index == 0 {
                heading(ui, "IT MAY BE");
            }
            let code = ui.label(RichText::new(candidate.code).monospace());
            if let Some(cause) = tapscope_graph::diagnose::by_code(candidate.code) {
                code.on_hover_text(cause.meaning);
                wrapped(ui, cause.meaning, palette.weak);
            }
            // One command often decides several.
            let is_told = diagnosis.candidates[..index].iter().any(|other| other.decide_with == candidate.decide_with);
            if !candidate.decide_with.is_empty() && !is_told {
                wrapped(ui, "this would decide it:", palette.weak);
                commands(ui, &candidate.decide_with, "Copy what decides it");
            }
        }
    }

    fn notes(&self, ui: &mut Ui) {
        let (diagnosis, palette) = (&*self.diagnosis, theme::palette(ui.ctx()));
        if !diagnosis.notes.is_empty() {
            heading(ui, "LOOKS LIKE A FAULT AND IS NONE");
        }
        for note in &diagnosis.notes {
            wrapped(ui, &note.text, palette.weak).on_hover_text(note.code);
        }
    }

    /// What would stop it next.
    fn ahead(&self, ui: &mut Ui, situation: &Situation<'_>, wishes: &mut Vec<Wish>) {
        let (diagnosis, palette) = (&*self.diagnosis, theme::palette(ui.ctx()));
        if !matches!(diagnosis.verdict, Verdict::Fails | Verdict::Degraded) && diagnosis.latent.is_empty() {
            return;
        }
        heading(ui, "NEXT OBSTACLE");
        if diagnosis.latent.is_empty() {
            wrapped(ui, "none found on the rest of the way", palette.weak);
        }
        for (index, cause) in diagnosis.latent.iter().enumerate() {
            wrapped(ui, &cause.summary, palette.strong);
            CollapsingHeader::new(RichText::new(cause.cause.code).monospace().small()).id_salt(("ahead", index)).show(ui, |ui| {
                cause::show(ui, &situation.shown.view, diagnosis, cause, Weight::Ahead, wishes);
            });
        }
    }
}
