//! The keys, for who wants to read them.

use crate::commands::{About, ENTRIES, OTHER_KEYS, written};
use crate::theme;
use egui::{Align2, Context, Grid, RichText, ScrollArea, Ui, Vec2, vec2};

/// Shows them while they are wanted.
pub(crate) fn show(context: &Context, is_open: &mut bool) {
    let room = context.content_rect().size() - vec2(60.0, 110.0);
    let window = egui::Window::new("Keys").open(is_open).collapsible(false).resizable(false);
    window.anchor(Align2::CENTER_CENTER, Vec2::ZERO).show(context, |ui| {
        ScrollArea::vertical().max_height(room.y.max(120.0)).max_width(room.x.max(200.0)).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                ui.vertical(|ui| group(ui, "EVERYWHERE", About::All));
                ui.add_space(24.0);
                ui.vertical(|ui| {
                    group(ui, "WITH WHAT IS SELECTED", About::Thing);
                    ui.add_space(10.0);
                    ui.label(RichText::new("PICTURE AND TABLES").small().color(theme::palette(ui.ctx()).weak));
                    rows(ui, "others", OTHER_KEYS.iter().map(|(keys, what)| ((*keys).to_owned(), *what)));
                });
            });
        });
    });
}

fn group(ui: &mut Ui, title: &str, about: About) {
    ui.label(RichText::new(title).small().color(theme::palette(ui.ctx()).weak));
    let entries = ENTRIES.iter().filter(|entry| entry.about == about && entry.keys.is_some());
    let rows_of: Vec<(String, &str)> = entries.map(|entry| (written(ui.ctx(), entry), entry.name)).collect();
    rows(ui, title, rows_of.into_iter());
}

fn rows<'a>(ui: &mut Ui, id: &str, rows: impl Iterator<Item = (String, &'a str)>) {
    Grid::new(id).num_columns(2).spacing([18.0, 4.0]).show(ui, |ui| {
        for (keys, what) in rows {
            ui.strong(keys);
            ui.label(what);
            ui.end_row();
        }
    });
}
