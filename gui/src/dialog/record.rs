//! Where to record to, and which capture to open.

use super::path::PathField;
use super::{Answer, Outcome, buttons, title};
use crate::session::Command;
use crate::theme;
use egui::{RichText, Ui};

pub(super) fn show(ui: &mut Ui, field: &mut PathField) -> Outcome {
    title(ui, "Record what happens");
    field.show(ui);
    let weak = theme::palette(ui.ctx()).weak;
    ui.label(
        RichText::new("pcapng: every frame at full length, and what the host says; Wireshark reads it, and tapscope plays it").color(weak),
    );
    if field.objection().is_none() && field.path().exists() {
        ui.label(RichText::new("this file is there already and is overwritten").color(theme::palette(ui.ctx()).warn));
    }
    match buttons(ui, "Record", field.objection().as_deref()) {
        (_, true) => Outcome::Cancelled,
        (true, _) => Outcome::Answered(Box::new(Answer::Do(Command::Record(field.path())))),
        _ => Outcome::Open,
    }
}

pub(super) fn show_open(ui: &mut Ui, field: &mut PathField) -> Outcome {
    title(ui, "Open a capture in another window");
    field.show(ui);
    match buttons(ui, "Open", field.objection().as_deref()) {
        (_, true) => Outcome::Cancelled,
        (true, _) => Outcome::Answered(Box::new(Answer::Do(Command::Open(field.path())))),
        _ => Outcome::Open,
    }
}
