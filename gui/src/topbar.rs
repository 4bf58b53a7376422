//! The bar at the top: what is looked at, and how time runs.

use crate::session::{Command, PlaybackState, Shown};
use crate::theme;
use egui::{Align, ComboBox, Layout, RichText, Ui};

/// Recorded seconds per second.
const SPEEDS: [f32; 7] = [0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 1000.0];

pub fn show(ui: &mut Ui, shown: &Shown, commands: &mut Vec<Command>, is_help_open: &mut bool) {
    let palette = theme::palette(ui.ctx());
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.label(RichText::new("tapscope").strong().size(15.0));
        ui.label(RichText::new(&shown.title).color(palette.weak));
        ui.add_space(10.0);
        let is_playing = shown.playback.state == PlaybackState::Playing;
        if ui.button(if is_playing { "Pause" } else { "Play" }).on_hover_text("Space").clicked() {
            commands.push(if is_playing { Command::Pause } else { Command::Play });
        }
        if ui.button("Restart").on_hover_text("Home").clicked() {
            commands.push(Command::Restart);
        }
        if ui.button("To the end").on_hover_text("End").clicked() {
            commands.push(Command::End);
        }
        let speed = shown.playback.speed;
        ComboBox::from_label("speed").selected_text(format!("{speed}×")).width(64.0).show_ui(ui, |ui| {
            for choice in SPEEDS {
                if ui.selectable_label(choice == speed, format!("{choice}×")).clicked() {
                    commands.push(Command::Speed(choice));
                }
            }
        });
        if let PlaybackState::Loading(done) = shown.playback.state {
            match done {
                Some(done) => drop(ui.add(egui::ProgressBar::new(done).desired_width(140.0).text("reading"))),
                None => drop(ui.label("reading…")),
            }
        }
        if let Some(notice) = &shown.notice {
            ui.label(RichText::new(notice).color(palette.warn));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Keys").on_hover_text("?").clicked() {
                *is_help_open = !*is_help_open;
            }
            let mut preference = ui.ctx().options(|options| options.theme_preference);
            ComboBox::from_label("theme").selected_text(theme_name(preference)).width(74.0).show_ui(ui, |ui| {
                for choice in [egui::ThemePreference::Dark, egui::ThemePreference::Light, egui::ThemePreference::System] {
                    ui.selectable_value(&mut preference, choice, theme_name(choice));
                }
            });
            ui.ctx().set_theme(preference);
        });
    });
    ui.add_space(2.0);
}

fn theme_name(preference: egui::ThemePreference) -> &'static str {
    match preference {
        egui::ThemePreference::Dark => "dark",
        egui::ThemePreference::Light => "light",
        egui::ThemePreference::System => "system",
    }
}
