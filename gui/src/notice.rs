//! What the user should know of the source, with its next step, until it was read.

use crate::session::Shown;
use crate::sidebar::mark;
use crate::theme;
use egui::{Align, Frame, Layout, Panel, RichText, Ui};
use tapscope_graph::finding::Severity;

/// Shows the session's notice, unless the user dismissed it; another one is shown again.
pub fn show(ui: &mut Ui, shown: &Shown, dismissed: &mut Option<String>) {
    let Some(notice) = shown.notice.as_ref().filter(|notice| dismissed.as_ref() != Some(*notice)) else { return };
    let palette = theme::palette(ui.ctx());
    let frame = Frame::new().fill(palette.warn.gamma_multiply(0.16)).inner_margin(8);
    let mut is_read = false;
    Panel::top("notice").frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            mark(ui, Severity::Warning);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                is_read = ui.button("Dismiss").clicked();
                if ui.button("Copy").on_hover_text("copy this text").clicked() {
                    ui.ctx().copy_text(notice.clone());
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(egui::Label::new(RichText::new(notice).color(palette.strong)).wrap());
                });
            });
        });
    });
    if is_read {
        *dismissed = Some(notice.clone());
    }
}
