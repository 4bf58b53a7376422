//! What is under way, and what came of it: a quiet line for each, until it was read.

use crate::icons::{self, Icon};
use crate::session::{Command, JobState, Shown};
use crate::sidebar::mark;
use crate::theme;
use egui::{Align, Button, Frame, Label, Layout, Panel, ProgressBar, RichText, Ui};
use tapscope_graph::finding::Severity;

/// Shows the jobs; those that are over can be dismissed.
pub(crate) fn show(ui: &mut Ui, shown: &Shown, commands: &mut Vec<Command>) {
    let jobs = &shown.doing.jobs;
    if jobs.is_empty() {
        return;
    }
    let palette = theme::palette(ui.ctx());
    Panel::bottom("doing").frame(Frame::new().fill(palette.card).inner_margin(6)).show(ui, |ui| {
        for job in jobs.iter().rev().take(4) {
            ui.horizontal(|ui| {
                let (word, text, color) = match &job.state {
                    JobState::Running(done) => {
                        ui.label(&job.title);
                        match done {
                            Some(done) => drop(ui.add(ProgressBar::new(*done).desired_width(180.0).show_percentage())),
                            None => drop(ui.spinner()),
                        }
                        ("Cancel", String::new(), palette.weak)
                    }
                    JobState::Done(what) => {
                        ui.label(RichText::new("✔").color(palette.good));
                        ui.label(&job.title);
                        ("Dismiss", what.clone(), palette.weak)
                    }
                    JobState::Failed(why) => {
                        mark(ui, Severity::Error);
                        ui.label(&job.title);
                        ("Dismiss", why.clone(), palette.bad)
                    }
                };
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if ui.add(Button::new(word)).clicked() {
                        commands.push(Command::Cancel(job.id));
                    }
                    if matches!(job.state, JobState::Failed(_)) && icons::small_button(ui, Icon::Copy, "Copy the reason").clicked() {
                        ui.ctx().copy_text(format!("{}: {text}", job.title));
                    }
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(Label::new(RichText::new(text).color(color)).truncate());
                    });
                });
            });
        }
        if jobs.len() > 4 {
            ui.label(RichText::new(format!("and {} more", jobs.len() - 4)).small().color(palette.weak));
        }
    });
}
