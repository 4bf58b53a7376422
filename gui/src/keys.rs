//! The keys, for who wants to read them.

use crate::commands::{About, ENTRIES, OTHER_KEYS, written};
use crate::theme;
use egui::{Context, Grid, RichText, ScrollArea, Ui};

/// Shows them while they are wanted.
pub(crate) fn show(context: &Context, is_open: &mut bool) {
    egui::Window::new("Keys").open(is_open).collapsible(false).resizable(false).default_width(620.0).show(context, |ui| {
        ScrollArea::vertical().max_height(440.0).show(ui, |ui| {
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
