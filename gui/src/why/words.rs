//! The words of an answer, and texts to copy.

use crate::theme;
use egui::{Align, Button, Color32, Frame, Label, Layout, Response, RichText, Role, Ui, WidgetInfo};
use tapscope_graph::diagnose::{Pattern, Verdict};

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Works => "works",
        Verdict::Degraded => "partly works",
        Verdict::Fails => "fails",
        Verdict::NotSent => "not sent",
        Verdict::Undetermined => "cannot be known from here",
    }
}

pub(super) fn verdict_color(ui: &Ui, verdict: Verdict) -> Color32 {
    let palette = theme::palette(ui.ctx());
    match verdict {
        Verdict::Works => palette.good,
        Verdict::Degraded => palette.warn,
        Verdict::Fails => palette.bad,
        Verdict::NotSent | Verdict::Undetermined => palette.strong,
    }
}

/// What the lost echoes have in common, where that says more than their number.
pub(super) fn pattern(pattern: Pattern) -> Option<&'static str> {
    match pattern {
        Pattern::None | Pattern::All => None,
        Pattern::Size => Some("the large ones are lost"),
        Pattern::Rate => Some("those beyond a rate are lost"),
        Pattern::Time => Some("those at one end of the time are lost"),
        Pattern::Burst => Some("several in a row are lost"),
    }
}

/// Commands to copy, with a button that is called so.
pub(super) fn commands(ui: &mut Ui, text: &str, copy: &str) {
    let palette = theme::palette(ui.ctx());
    // The button first: the text takes the room that is left, and never more, which would widen the panel frame by frame.
    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
        let button = ui.add(Button::new("Copy"));
        button.widget_info(|| WidgetInfo::labeled(Role::Button, true, copy));
        if button.on_hover_text("copy this text").clicked() {
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

pub(super) fn wrapped(ui: &mut Ui, text: &str, color: Color32) -> Response {
    ui.add(Label::new(RichText::new(text).color(color)).wrap())
}
