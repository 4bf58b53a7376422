//! The bar at the top: what is looked at, what can be done with it, and the search box.

use crate::commands::{self, Action, Situation, Wish};
use crate::icons::{self, Icon};
use crate::search::Search;
use crate::session::{Command, PlaybackState, Progress, Shown};
use crate::window::Selection;
use crate::{format, target, theme};
use egui::{Align, Button, Color32, ComboBox, Label, Layout, Popup, PopupCloseBehavior, RichText, ScrollArea, Ui, vec2};
use std::collections::BTreeMap;
use tapscope_graph::LossCause;
use tapscope_graph::host::{Device, DeviceKind};

/// Recorded seconds per second.
const SPEEDS: [f32; 7] = [0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 1000.0];
/// Devices that the menu of points lists.
const DEVICES: usize = 200;
/// With less room than this, commands are icons.
const WIDE: f32 = 1_080.0;
/// The part of the bar that the name of what is looked at may take.
const TITLE: f32 = 0.2;
/// With words, or without.
type CommandButton = fn(&mut Ui, &Situation<'_>, Action, &mut Vec<Wish>);
/// The search box, at least and at most.
const SEARCH: std::ops::RangeInclusive<f32> = 120.0..=330.0;

pub(crate) fn show(ui: &mut Ui, situation: &Situation<'_>, search: &mut Search, commands: &mut Vec<Command>, wishes: &mut Vec<Wish>) {
    let shown = situation.shown;
    let palette = theme::palette(ui.ctx());
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let button: CommandButton = if ui.available_width() < WIDE { commands::short_button } else { commands::button };
        ui.label(RichText::new("tapscope").strong().size(15.0));
        ui.scope(|ui| {
            ui.set_max_width(ui.available_width() * TITLE);
            ui.add(Label::new(RichText::new(&shown.title).color(palette.weak)).truncate());
        });
        if shown.playback.is_past {
            past(ui, shown, situation, commands, wishes);
        } else if situation.is_of_host {
            live(ui, shown, commands);
            listening(ui, situation, commands);
            recording(ui, situation, button, wishes);
        } else {
            playback(ui, shown, situation, commands, wishes);
        }
        for action in [Action::Why, Action::Export, Action::Wireshark] {
            button(ui, situation, action, wishes);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            menu(ui, situation, wishes);
            let width = (ui.available_width() - 30.0).clamp(*SEARCH.start(), *SEARCH.end());
            search.show(ui, shown, width);
        });
    });
    ui.add_space(2.0);
}

/// Everything else, for the mouse.
fn menu(ui: &mut Ui, situation: &Situation<'_>, wishes: &mut Vec<Wish>) {
    let button = icons::small_button(ui, Icon::Menu, "Menu");
    Popup::menu(&button).show(|ui| {
        let groups: [&[Action]; 5] = [
            &[Action::Open, Action::Demo],
            &[Action::Undo, Action::Redo, Action::ClearFilter, Action::FollowSelection],
            &[Action::Dark, Action::Light, Action::SystemTheme],
            &[Action::LargerText, Action::SmallerText, Action::NormalText, Action::ResetSettings],
            &[Action::Palette, Action::Keys],
        ];
        for (index, group) in groups.into_iter().enumerate() {
            if index > 0 {
                ui.separator();
            }
            for action in group {
                commands::menu_item(ui, situation, *action, wishes);
            }
        }
    });
}

/// The buttons of a recording that is played.
fn playback(ui: &mut Ui, shown: &Shown, situation: &Situation<'_>, commands: &mut Vec<Command>, wishes: &mut Vec<Wish>) {
    let is_playing = commands::is_running(shown.playback.state);
    let (icon, word) = if is_playing { (Icon::Pause, "Pause") } else { (Icon::Play, "Play") };
    if icons::small_button(ui, icon, word).clicked() {
        wishes.push(Wish::Do(Action::PlayOrPause, situation.target));
    }
    for (action, icon) in [(Action::Restart, Icon::SkipBack), (Action::ToTheEnd, Icon::SkipForward)] {
        if icons::small_button(ui, icon, commands::entry(action).name).clicked() {
            wishes.push(Wish::Do(action, situation.target));
        }
    }
    let speed = shown.playback.speed;
    let chosen = ComboBox::from_id_salt("speed").selected_text(format!("{speed}×")).width(56.0).show_ui(ui, |ui| {
        for choice in SPEEDS {
            if ui.selectable_label(choice == speed, format!("{choice}×")).clicked() {
                commands.push(Command::Speed(choice));
            }
        }
    });
    chosen.response.widget_info(|| {
        let mut info = egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "speed");
        info.current_text_value = Some(format!("{speed}×"));
        info
    });
    if let PlaybackState::Loading(Progress { done, size }) = shown.playback.state {
        match size {
            Some(size) => {
                let part = done as f32 / size.max(1) as f32;
                let text = format!("{} of {}", format::octets(done), format::octets(size));
                let bar = ui.add(egui::ProgressBar::new(part).desired_width(140.0).text(&text));
                bar.on_hover_text("the recording is being read; what you ask for meanwhile is done then");
            }
            None => drop(ui.label(format!("{} read", format::octets(done)))),
        }
        if icons::small_button(ui, Icon::X, "Stop reading").on_hover_text("what was read is all that is shown").clicked() {
            wishes.push(Wish::Do(Action::StopReading, situation.target));
        }
    }
}

/// The buttons of an earlier moment of what is watched.
fn past(ui: &mut Ui, shown: &Shown, situation: &Situation<'_>, commands: &mut Vec<Command>, wishes: &mut Vec<Wish>) {
    let palette = theme::palette(ui.ctx());
    if icons::button(ui, Icon::Play, "Back to live", |button| button).on_hover_text("End").clicked() {
        commands.push(Command::Now);
    }
    ui.label(RichText::new("the past").color(palette.warn));
    playback(ui, shown, situation, commands, wishes);
}

/// Whether time runs.
fn live(ui: &mut Ui, shown: &Shown, commands: &mut Vec<Command>) {
    let palette = theme::palette(ui.ctx());
    if shown.is_live() {
        let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), egui::Sense::hover());
        ui.painter().circle_filled(rect.center(), 4.5, palette.good);
        ui.label(RichText::new("live").color(palette.good));
        if icons::small_button(ui, Icon::Pause, "Pause").on_hover_text("let the picture stand (Space)").clicked() {
            commands.push(Command::Pause);
        }
    } else {
        ui.label(RichText::new("the picture stands").color(palette.warn));
        if icons::button(ui, Icon::Play, "Back to live", |button| button).on_hover_text("Space").clicked() {
            commands.push(Command::Play);
        }
    }
}

/// Where we listen, and what was lost; its menu starts and stops single points.
fn listening(ui: &mut Ui, situation: &Situation<'_>, commands: &mut Vec<Command>) {
    let palette = theme::palette(ui.ctx());
    let tables = &situation.shown.view.tables;
    let open = tables.points.iter().filter(|point| !point.closed).count();
    let lost: u64 = tables.points.iter().map(|point| point.lost).sum();
    let points = if open == 1 { "1 point".to_owned() } else { format!("{open} points") };
    let word = if lost > 0 { format!("Listening · {points} · {lost} lost") } else { format!("Listening · {points}") };
    let is_on = open > 0;
    let fill = match (is_on, lost > 0) {
        (_, true) => palette.bad.gamma_multiply(0.35),
        (true, false) => palette.accent.gamma_multiply(0.35),
        (false, false) => Color32::TRANSPARENT,
    };
    let paint = |button: Button<'static>| if is_on { button.fill(fill) } else { button };
    let button = icons::button(ui, Icon::Ear, &word, paint).on_hover_text(losses(situation.shown));
    Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_min_width(290.0);
        let mut devices: Vec<&Device> = tables.host.devices().filter(|device| !matches!(device.kind, DeviceKind::Loopback)).collect();
        devices.sort_by_key(|device| !target::is_listened(&situation.shown.view, device.id));
        if devices.is_empty() {
            ui.label(RichText::new("this host has no device to listen on").color(palette.weak));
        }
        ScrollArea::vertical().max_height(380.0).show(ui, |ui| {
            for device in devices.iter().take(DEVICES) {
                let was_on = target::is_listened(&situation.shown.view, device.id);
                let mut is_on = was_on;
                let guest = tables.host.guest_behind(device.id).and_then(|(guest, _)| guest.name.as_ref());
                let what = guest.map_or_else(|| device.kind.name().to_owned(), |name| format!("guest {name}"));
                ui.checkbox(&mut is_on, format!("{}  ({what})", device.name));
                if is_on != was_on {
                    commands.push(if is_on { Command::Listen(device.id) } else { Command::StopListening(device.id) });
                }
            }
        });
    });
    let grew = tables.host.backlog_grew();
    if grew > 0 {
        let text = RichText::new(format!("{grew} dropped by the host")).color(palette.warn);
        ui.label(text).on_hover_text(format!(
            "frames that the kernel threw away before any point since tapscope looks; {} since the host started (/proc/net/softnet_stat)",
            tables.host.backlog()
        ));
    }
}

fn losses(shown: &Shown) -> String {
    let mut causes: BTreeMap<LossCause, u64> = BTreeMap::new();
    for (cause, frames) in shown.view.tables.points.iter().flat_map(|point| &point.lost_by) {
        *causes.entry(*cause).or_default() += frames;
    }
    let causes: Vec<String> = causes.iter().map(|(cause, frames)| format!("{frames} lost in the {}", cause.name())).collect();
    if causes.is_empty() { "0 lost: every frame that passed a point was captured".to_owned() } else { causes.join("\n") }
}

/// Starts and stops the recording, and tells how it stands.
fn recording(ui: &mut Ui, situation: &Situation<'_>, button: CommandButton, wishes: &mut Vec<Wish>) {
    let palette = theme::palette(ui.ctx());
    let Some(recording) = &situation.shown.doing.recording else {
        button(ui, situation, Action::Record, wishes);
        return;
    };
    let stop = icons::button(ui, Icon::Square, "Stop recording", |button| button.fill(palette.bad.gamma_multiply(0.35)));
    let hint = format!("to {}", recording.path);
    if stop.on_hover_text(&hint).clicked() {
        wishes.push(Wish::Do(Action::StopRecording, Selection::None));
    }
    let mut text = format!("{} packets, {}", recording.packets, crate::format::octets(recording.octets));
    let mut color = palette.weak;
    if recording.dropped > 0 {
        text += &format!(", {} lost: the disk is too slow", recording.dropped);
        color = palette.bad;
    }
    ui.label(RichText::new(text).color(color)).on_hover_text(hint);
}
