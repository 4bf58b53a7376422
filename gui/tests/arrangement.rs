//! How the user arranges the picture: names, what is hidden, groups that are folded; undone, and found again by who opens the window anew.

#[path = "../../graph/tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
mod hosts;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use hosts::{BRIDGED, varied};
use std::sync::Arc;
use tapscope_graph::{Packets, Timestamp};
use tapscope_gui::session::Doing;
use tapscope_gui::{Arrangement, Playback, PlaybackState, Shown, Window};

struct State {
    window: Window,
    shown: Shown,
}

fn at(seconds: f64) -> Timestamp {
    Timestamp(1_700_000_000_000_000_000 + (seconds * 1e9) as i64)
}

fn live(script: &str) -> Shown {
    let view = Arc::new(common::view(script));
    Shown {
        whole: view.clone(),
        view,
        packets: Packets::new(1 << 20),
        playback: Playback { state: PlaybackState::Live, speed: 1.0, position: at(2.0), begin: at(0.0), end: at(2.0), is_past: false },
        title: "kvm01".into(),
        notice: None,
        doing: Doing::default(),
    }
}

fn with(window: Window, script: &str, size: [f32; 2], theme: egui::Theme) -> Harness<'static, State> {
    let state = State { window, shown: live(script) };
    let mut harness = Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .with_max_steps(40)
        .build_ui_state(|ui, state: &mut State| drop(state.window.ui(ui, &Arc::new(state.shown.clone()))), state);
    harness.run_steps(4);
    harness
}

fn open(script: &str) -> Harness<'static, State> {
    with(Window::new(), script, [1200.0, 1000.0], egui::Theme::Dark)
}

fn says(harness: &Harness<'_, State>, text: &str) -> bool {
    harness.query_all_by_label(text).next().is_some()
}

fn click(harness: &mut Harness<'_, State>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(4);
}

fn press(harness: &mut Harness<'_, State>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.run_steps(4);
}

/// Long enough that what was done is a step that can be undone.
fn rest(harness: &mut Harness<'_, State>) {
    harness.run_steps(8);
}

fn arrangement(harness: &Harness<'_, State>) -> Arrangement {
    harness.state().window.arrangement().cloned().expect("nothing is being dragged")
}

fn name_web(harness: &mut Harness<'_, State>, name: &str) {
    click(harness, "guest web 10.0.2.101");
    press(harness, Modifiers::NONE, Key::F2);
    harness.get_by_label("name").type_text(name);
    harness.run_steps(2);
    press(harness, Modifiers::NONE, Key::Enter);
}

#[test]
fn a_node_is_called_as_the_user_calls_it_until_that_is_undone() {
    let mut harness = open(BRIDGED);
    rest(&mut harness);
    name_web(&mut harness, "shop");
    assert!(says(&harness, "guest shop 10.0.2.101"), "the card has the name");
    assert!(says(&harness, "shop  pid 4711"), "so has the list");
    rest(&mut harness);
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    assert!(says(&harness, "guest web 10.0.2.101"));
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(says(&harness, "guest shop 10.0.2.101"));
}

#[test]
fn a_name_belongs_to_the_guest_whatever_process_it_is_next_time() {
    let mut harness = open(BRIDGED);
    name_web(&mut harness, "shop");
    let mut window = Window::new();
    window.arrange(arrangement(&harness));
    let later = with(window, &BRIDGED.replace("4711", "9999"), [1200.0, 1000.0], egui::Theme::Dark);
    assert!(says(&later, "guest shop 10.0.2.101"));
}

#[test]
fn what_is_hidden_is_gone_from_the_picture_with_a_way_to_have_it_back() {
    let mut harness = open(BRIDGED);
    rest(&mut harness);
    click(&mut harness, "guest web 10.0.2.101");
    press(&mut harness, Modifiers::NONE, Key::H);
    assert!(!says(&harness, "guest web 10.0.2.101"));
    assert!(says(&harness, "guest db 10.0.3.101"));
    click(&mut harness, "1 hidden, show");
    assert!(says(&harness, "guest web 10.0.2.101"));
    assert_eq!(arrangement(&harness), Arrangement::default());
}

#[test]
fn hiding_is_undone_like_every_other_change() {
    let mut harness = open(BRIDGED);
    rest(&mut harness);
    click(&mut harness, "guest web 10.0.2.101");
    press(&mut harness, Modifiers::NONE, Key::H);
    rest(&mut harness);
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    assert!(says(&harness, "guest web 10.0.2.101"));
}

#[test]
fn this_host_cannot_be_hidden_because_the_picture_is_of_it() {
    let mut harness = open(BRIDGED);
    click(&mut harness, "this host 10.0.2.100 10.0.3.100");
    press(&mut harness, Modifiers::NONE, Key::H);
    assert!(says(&harness, "this host 10.0.2.100 10.0.3.100"));
}

#[test]
fn a_folded_bridge_is_itself_alone_and_what_hung_on_others_stays() {
    let mut harness = with(Window::new(), &varied(), [1400.0, 2400.0], egui::Theme::Dark);
    click(&mut harness, "bridge br0");
    press(&mut harness, Modifiers::NONE, Key::G);
    assert!(!says(&harness, "guest vm00 10.0.1.10"));
    assert!(harness.query_all_by_label_contains("guest vm06").next().is_some(), "it hangs on another bridge");
    assert_eq!(arrangement(&harness).folded.iter().collect::<Vec<_>>(), ["bridge br0"]);
    press(&mut harness, Modifiers::NONE, Key::G);
    assert!(says(&harness, "guest vm00 10.0.1.10"));
}

#[test]
fn what_was_remembered_is_not_undone() {
    let mut harness = open(BRIDGED);
    name_web(&mut harness, "shop");
    let mut window = Window::new();
    window.arrange(arrangement(&harness));
    let mut later = with(window, BRIDGED, [1200.0, 1000.0], egui::Theme::Dark);
    rest(&mut later);
    press(&mut later, Modifiers::COMMAND, Key::Z);
    assert!(says(&later, "guest shop 10.0.2.101"));
}

/// A folded bridge, a guest with a name of the user's, and one that is hidden.
fn arranged(theme: egui::Theme) -> Harness<'static, State> {
    let mut window = Window::new();
    let mut arrangement = Arrangement::default();
    arrangement.folded.insert("bridge br0".to_owned());
    arrangement.hidden.insert("guest vm07".to_owned());
    arrangement.names.insert("guest vm09".to_owned(), "mail".to_owned());
    window.arrange(arrangement);
    with(window, &varied(), [1280.0, 800.0], theme)
}

#[test]
fn a_folded_bridge_in_the_dark() {
    arranged(egui::Theme::Dark).snapshot("arranged_dark");
}

#[test]
fn a_folded_bridge_in_the_light() {
    arranged(egui::Theme::Light).snapshot("arranged_light");
}
