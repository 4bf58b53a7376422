//! Time in the window: events on the time line, steps between them, the past of a host, and what changed between two moments.

#[path = "../../graph/tests/common/mod.rs"]
mod common;
mod harness;

use egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use harness::{State, at, with};
use std::sync::Arc;
use tapscope_graph::Packets;
use tapscope_gui::{Command, Playback, PlaybackState, Shown, Window};

const BEFORE: &str = "
    0 host ns 1 own
    0 host guest 4802 lab-a 57@socket:listen=:8010
    0 host cable tcp_127.0.0.1:8010 tcp listening listens=4802.0 carried
";
const AFTER: &str = "
    2 host guest 4803 lab-b 56@socket:connect=127.0.0.1:8010
    2 host cable tcp_127.0.0.1:8010 tcp connected listens=4802.0 connects=4803.0 carried
";

/// What is shown at a second of three.
fn shown(second: f64, is_past: bool) -> Shown {
    let whole = Arc::new(common::view(&format!("{BEFORE}{AFTER}")));
    let view = if second < 2.0 { Arc::new(common::view(BEFORE)) } else { whole.clone() };
    let state = if is_past { PlaybackState::Paused } else { PlaybackState::Live };
    Shown {
        view,
        whole,
        packets: Packets::new(1 << 20),
        playback: Playback { state, speed: 1.0, position: at(second), begin: at(0.0), end: at(3.0), is_past },
        title: "kvm01".into(),
        notice: None,
        doing: tapscope_gui::session::Doing::default(),
    }
}

fn open(second: f64, is_past: bool) -> Harness<'static, State> {
    with(Window::new(), shown(second, is_past), [1280.0, 800.0], egui::Theme::Dark)
}

fn press(harness: &mut Harness<'_, State>, key: Key) {
    harness.key_press(key);
    harness.run_steps(4);
}

#[test]
fn what_changed_between_two_moments_is_listed_whichever_comes_first() {
    for (marked, compared) in [(1.0, 3.0), (3.0, 1.0)] {
        let mut harness = open(marked, true);
        press(&mut harness, Key::M);
        harness.state_mut().shown = shown(compared, true);
        harness.run_steps(4);
        assert!(harness.query_all_by_label_contains("+ guest lab-b").next().is_some(), "from {marked} to {compared}");
        press(&mut harness, Key::M);
        assert!(harness.query_all_by_label_contains("+ guest lab-b").next().is_none(), "the mark is gone");
    }
}

#[test]
fn the_bracket_keys_step_to_what_happened_on_the_host() {
    let mut harness = open(1.0, true);
    press(&mut harness, Key::CloseBracket);
    let sought = |command: &Command| matches!(command, Command::Seek(moment) if *moment > at(2.0) && *moment < at(2.1));
    assert!(harness.state().commands.iter().any(sought), "lab-b started then: {:?}", harness.state().commands);
}

#[test]
fn from_the_past_there_is_a_way_back_to_now() {
    let mut harness = open(1.0, true);
    harness.get_by_label("Back to live").click();
    harness.run_steps(4);
    assert_eq!(harness.state().commands, [Command::Now]);
    assert!(open(3.0, false).query_by_label("Back to live").is_none(), "now is now");
}
