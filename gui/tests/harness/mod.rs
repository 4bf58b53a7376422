//! A window without a display: what it says, and what is clicked and typed there.
#![allow(dead_code)]

use super::common;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use std::sync::Arc;
use tapscope_graph::{Packets, Timestamp};
use tapscope_gui::session::Doing;
use tapscope_gui::{Command, Playback, PlaybackState, Shown, Window};

/// The window, what it is shown, and what it asked for.
pub struct State {
    pub window: Window,
    pub shown: Shown,
    pub commands: Vec<Command>,
}

/// Seconds after the beginning.
pub fn at(seconds: f64) -> Timestamp {
    Timestamp(1_700_000_000_000_000_000 + (seconds * 1e9) as i64)
}

/// What a session shows of a script.
pub fn shown(script: &str, state: PlaybackState) -> Shown {
    let view = Arc::new(if script.is_empty() { tapscope_graph::View::default() } else { common::view(script) });
    Shown {
        whole: view.clone(),
        view,
        packets: Packets::new(1 << 20),
        playback: Playback { state, speed: 1.0, position: at(9.0), begin: at(0.0), end: at(9.0), is_past: false },
        title: "kvm01".into(),
        notice: None,
        doing: Doing::default(),
    }
}

/// A window of a size and theme over it.
pub fn with(window: Window, shown: Shown, size: [f32; 2], theme: egui::Theme) -> Harness<'static, State> {
    let state = State { window, shown, commands: Vec::new() };
    let mut harness = Harness::builder().with_size(size).with_theme(theme).with_max_steps(40).build_ui_state(
        |ui, state: &mut State| {
            let commands = state.window.ui(ui, &Arc::new(state.shown.clone()));
            state.commands.extend(commands);
        },
        state,
    );
    harness.run_steps(4);
    harness
}

/// A living host.
pub fn live(script: &str) -> Harness<'static, State> {
    with(Window::new(), shown(script, PlaybackState::Live), [1280.0, 900.0], egui::Theme::Dark)
}

/// A recording of it.
pub fn recorded(script: &str) -> Harness<'static, State> {
    with(Window::new(), shown(script, PlaybackState::Paused), [1280.0, 900.0], egui::Theme::Dark)
}

/// Whether a text is to be read.
pub fn says(harness: &Harness<'_, State>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

/// All of these are.
pub fn assert_says(harness: &Harness<'_, State>, texts: &[&str]) {
    for text in texts {
        assert!(says(harness, text), "it does not say {text:?}");
    }
}

/// Clicks on what is called so.
pub fn click(harness: &mut Harness<'_, State>, label: &str) {
    harness.get_all_by_label(label).next().unwrap_or_else(|| panic!("nothing is called {label:?}")).click();
    harness.run_steps(4);
}

/// Presses keys together.
pub fn press(harness: &mut Harness<'_, State>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.run_steps(4);
}

/// Types.
pub fn type_text(harness: &mut Harness<'_, State>, text: &str) {
    harness.event(egui::Event::Text(text.to_owned()));
    harness.run_steps(4);
}

/// What the window asked for since then.
pub fn taken(harness: &mut Harness<'_, State>) -> Vec<Command> {
    std::mem::take(&mut harness.state_mut().commands)
}
