//! The first start: what this is, in three lines, and the demo one click away.

use crate::commands::{Action, Situation, Wish};
use crate::icons::{self, Icon};
use crate::theme;
use crate::window::Selection;
use egui::{Align2, Area, Context, CornerRadius, Frame, Id, Margin, Order, RichText, Stroke, vec2};

/// Shows it; gives whether it was read.
pub(crate) fn show(context: &Context, situation: &Situation<'_>, wishes: &mut Vec<Wish>) -> bool {
    let palette = theme::palette(context);
    let mut is_read = false;
    let area = Area::new(Id::unique("welcome")).order(Order::Foreground).anchor(Align2::CENTER_CENTER, vec2(0.0, -60.0));
    area.show(context, |ui| {
        let frame = Frame::new()
            .fill(palette.card)
            .stroke(Stroke::new(1.0, palette.accent))
            .corner_radius(CornerRadius::same(8))
            .inner_margin(Margin::same(16));
        frame.show(ui, |ui| {
            // Each of the three is a line.
            ui.set_max_width(760.0);
            ui.label(RichText::new("Welcome to tapscope").strong().size(17.0));
            ui.add_space(4.0);
            ui.label("The picture shows the guests, bridges and cables that there are, and what passes between them");
            ui.label("Select a card or a row, and the right side says what is known of it, and which packets prove it");
            ui.label("Where a ping fails, ask why: select who pings, shift-click whom. Ctrl+K finds every other command, ? lists the keys");
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                if situation.objection(Action::Demo).is_none() && icons::button(ui, Icon::Play, "Open the demo", |button| button).clicked()
                {
                    wishes.push(Wish::Do(Action::Demo, Selection::None));
                    is_read = true;
                }
                is_read |= ui.button("Got it").clicked();
            });
        });
    });
    is_read
}
