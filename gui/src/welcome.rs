//! The first start: what this is, in three lines, and the demo one click away.

use crate::commands::{Action, Situation, Wish};
use crate::icons::{self, Icon};
use crate::theme;
use crate::window::Selection;
use egui::{Frame, Margin, Panel, RichText, Ui};

/// Shows it above the picture, which it does not cover; gives whether it was read.
pub(crate) fn show(ui: &mut Ui, situation: &Situation<'_>, wishes: &mut Vec<Wish>) -> bool {
    let palette = theme::palette(ui.ctx());
    let mut is_read = false;
    let frame = Frame::new().fill(palette.card).inner_margin(Margin::symmetric(16, 12));
    Panel::top("welcome").frame(frame).show(ui, |ui| {
        ui.label(RichText::new("Welcome to tapscope").strong().size(17.0));
        ui.add_space(4.0);
        ui.label("The picture shows the guests, bridges and cables that there are, and what passes between them.");
        ui.label("Select a card or a row, and the right side says what is known of it, and which packets prove it.");
        ui.label("Where a ping fails, ask why: select who pings, shift-click whom. Ctrl+K finds every other command, ? lists the keys.");
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if situation.is_of_host && icons::button(ui, Icon::Play, "Open the demo", |button| button).clicked() {
                wishes.push(Wish::Do(Action::Demo, Selection::None));
                is_read = true;
            }
            is_read |= ui.button("Got it").clicked();
        });
    });
    is_read
}
