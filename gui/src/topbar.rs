//! The bar at the top: what is looked at, and how time runs.

use crate::session::{Command, PlaybackState, Shown};
use crate::theme;
use egui::{Align, ComboBox, Layout, RichText, Ui, vec2};
use std::collections::BTreeMap;
use tapscope_graph::LossCause;

/// Recorded seconds per second.
const SPEEDS: [f32; 7] = [0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 1000.0];

pub fn show(ui: &mut Ui, shown: &Shown, is_of_host: bool, commands: &mut Vec<Command>, is_help_open: &mut bool) {
    let palette = theme::palette(ui.ctx());
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.label(RichText::new("tapscope").strong().size(15.0));
        ui.label(RichText::new(&shown.title).color(palette.weak));
        ui.add_space(10.0);
        if shown.playback.is_past {
            past(ui, shown, commands);
        } else if is_of_host {
            live(ui, shown, commands);
        } else {
            playback(ui, shown, commands);
        }
        if let PlaybackState::Loading(done) = shown.playback.state {
            match done {
                Some(done) => drop(ui.add(egui::ProgressBar::new(done).desired_width(140.0).text("reading"))),
                None => drop(ui.label("reading…")),
            }
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

/// The buttons of a recording.
fn playback(ui: &mut Ui, shown: &Shown, commands: &mut Vec<Command>) {
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
}

/// The buttons of an earlier moment of what is watched.
fn past(ui: &mut Ui, shown: &Shown, commands: &mut Vec<Command>) {
    let palette = theme::palette(ui.ctx());
    if ui.button("Back to live").on_hover_text("End").clicked() {
        commands.push(Command::Now);
    }
    ui.label(RichText::new("the past").color(palette.warn));
    playback(ui, shown, commands);
}

/// The buttons of a living host, and what was lost.
fn live(ui: &mut Ui, shown: &Shown, commands: &mut Vec<Command>) {
    let palette = theme::palette(ui.ctx());
    if shown.is_live() {
        let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), egui::Sense::hover());
        ui.painter().circle_filled(rect.center(), 4.5, palette.good);
        ui.label(RichText::new("live").color(palette.good));
        if ui.button("Pause").on_hover_text("let the picture stand (Space)").clicked() {
            commands.push(Command::Pause);
        }
    } else {
        ui.label(RichText::new("the picture stands").color(palette.warn));
        if ui.button("Back to live").on_hover_text("Space").clicked() {
            commands.push(Command::Play);
        }
    }
    ui.add_space(6.0);
    let tables = &shown.view.tables;
    let open = tables.points.iter().filter(|point| !point.closed).count();
    ui.label(RichText::new(if open == 1 { "1 point".to_owned() } else { format!("{open} points") }).color(palette.weak));
    let lost: u64 = tables.points.iter().map(|point| point.lost).sum();
    let text = RichText::new(format!("{lost} lost")).color(if lost > 0 { palette.bad } else { palette.weak });
    let mut causes: BTreeMap<LossCause, u64> = BTreeMap::new();
    for (cause, frames) in tables.points.iter().flat_map(|point| &point.lost_by) {
        *causes.entry(*cause).or_default() += frames;
    }
    let causes: Vec<String> = causes.iter().map(|(cause, frames)| format!("{frames} in the {}", cause.name())).collect();
    let hint = if causes.is_empty() { "every frame that passed a point was captured".to_owned() } else { causes.join("\n") };
    ui.label(text).on_hover_text(hint);
    let backlog = tables.host.backlog();
    if backlog > 0 {
        let text = RichText::new(format!("{backlog} dropped by the host")).color(palette.warn);
        ui.label(text).on_hover_text("frames that the kernel threw away before any point, since it started (/proc/net/softnet_stat)");
    }
}

fn theme_name(preference: egui::ThemePreference) -> &'static str {
    match preference {
        egui::ThemePreference::Dark => "dark",
        egui::ThemePreference::Light => "light",
        egui::ThemePreference::System => "system",
    }
}
