//! The picture: its frames, its overview, and how the user arranges it (names, what is hidden, groups that are folded), which is undone, and
//! found again by who opens the window anew.

#[path = "../../graph/tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
mod hosts;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use hosts::{BRIDGED, crowd, divided, varied};
use std::sync::Arc;
use tapscope_graph::{Packets, Timestamp};
use tapscope_gui::canvas::layout::{Layout, Slots, layout};
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
fn a_name_is_told_wherever_its_bearer_is_told_of() {
    let mut harness = open(BRIDGED);
    name_web(&mut harness, "shop");
    for label in ["10.0.2.101  shop", "shop"] {
        assert!(harness.query_all_by_label(label).next().is_some(), "{label:?} is in the echoes and the inspector");
    }
    click(&mut harness, "109/1");
    assert!(says(&harness, "10.0.2.101 (shop)"), "the echo's sender");
    click(&mut harness, "Hosts 3");
    assert!(says(&harness, "shop"), "the table of hosts");
    click(&mut harness, "bridge bridge0, on the way");
    assert!(says(&harness, "shop 3 s ago"), "the forwarding database");
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

/// What a picture becomes that was drawn of one view after the other.
fn placed(slots: &mut Slots, script: &str) -> Layout {
    layout(&slots.request(&common::view(script), &std::collections::BTreeMap::new()))
}

#[test]
fn a_newcomer_moves_nobody_whichever_vlan_it_is_in() {
    for guests in [4, 5, 30, 31] {
        let mut slots = Slots::default();
        let (before, after) = (placed(&mut slots, &divided(guests)), placed(&mut slots, &divided(guests + 1)));
        assert_eq!(after.cards.len(), before.cards.len() + 1);
        let moved: Vec<_> = before.cards.iter().filter(|(key, rect)| after.cards[*key] != **rect).map(|(key, _)| *key).collect();
        // What is below a grid that grew a row makes room for it, and goes straight down.
        let is_straight =
            |key| after.cards[&key].left() == before.cards[&key].left() && after.cards[&key].top() > before.cards[&key].bottom();
        assert!(moved.iter().all(|key| is_straight(*key)) && moved.len() <= 3, "with {guests} guests {moved:?} moved");
    }
}

#[test]
fn the_same_host_is_drawn_the_same_whenever_it_is_opened() {
    assert_eq!(placed(&mut Slots::default(), &divided(30)), placed(&mut Slots::default(), &divided(30)));
}

#[test]
fn guests_of_a_vlan_are_in_one_frame_and_so_is_the_inside_of_a_namespace() {
    let placed = placed(&mut Slots::default(), &divided(6));
    let vlans: std::collections::BTreeSet<u16> = placed.vlans.iter().map(|(vlan, _)| *vlan).collect();
    assert_eq!(vlans.into_iter().collect::<Vec<_>>(), [10, 20]);
    assert_eq!(placed.frames.len(), 1);
    assert!(placed.frames.values().all(|frame| placed.rails.values().filter(|rail| frame.contains_rect(**rail)).count() == 1));
}

#[test]
fn zooming_to_the_selection_brings_it_near_and_an_overview_says_where_that_is() {
    let mut harness = with(Window::new(), &crowd(80), [1280.0, 800.0], egui::Theme::Dark);
    let label = "guest vm40 10.0.4.50";
    assert!(!says(&harness, "map of the whole picture"), "all of it is in view");
    let before = harness.get_by_label(label).rect();
    click(&mut harness, label);
    press(&mut harness, Modifiers::NONE, Key::Z);
    assert!(harness.get_by_label(label).rect().width() > before.width() * 2.0);
    assert!(says(&harness, "map of the whole picture"));
    press(&mut harness, Modifiers::NONE, Key::F);
    assert!(!says(&harness, "map of the whole picture"));
}

#[test]
fn a_click_into_the_overview_goes_there() {
    let mut harness = with(Window::new(), &crowd(80), [1280.0, 800.0], egui::Theme::Dark);
    click(&mut harness, "guest vm00 10.0.0.10");
    press(&mut harness, Modifiers::NONE, Key::Z);
    let first = harness.get_by_label("guest vm00 10.0.0.10").rect();
    click(&mut harness, "map of the whole picture");
    let is_elsewhere = harness.query_all_by_label("guest vm00 10.0.0.10").next().is_none_or(|card| card.rect() != first);
    assert!(is_elsewhere, "the middle of the picture is in the middle of the window");
}

#[test]
fn a_namespace_is_folded_into_its_card() {
    let mut harness = with(Window::new(), &divided(4), [1400.0, 1600.0], egui::Theme::Dark);
    assert!(says(&harness, "guest cache"));
    let namespace = harness.get_all_by_label_contains("namespace blue").next().expect("it has a card");
    namespace.click();
    harness.run_steps(4);
    press(&mut harness, Modifiers::NONE, Key::G);
    assert!(!says(&harness, "guest cache"));
    assert_eq!(arrangement(&harness).folded.iter().collect::<Vec<_>>(), ["namespace blue"]);
}

#[test]
fn frames_in_the_dark() {
    with(Window::new(), &divided(4), [1280.0, 800.0], egui::Theme::Dark).snapshot("divided_dark");
}

#[test]
fn frames_in_the_light() {
    with(Window::new(), &divided(14), [1280.0, 800.0], egui::Theme::Light).snapshot("divided_light");
}

/// Near a guest of many.
fn near(theme: egui::Theme) -> Harness<'static, State> {
    let mut harness = with(Window::new(), &crowd(150), [1280.0, 800.0], theme);
    click(&mut harness, "guest vm40 10.0.4.50");
    press(&mut harness, Modifiers::NONE, Key::Z);
    harness
}

#[test]
fn an_overview_in_the_dark() {
    near(egui::Theme::Dark).snapshot("overview_dark");
}

#[test]
fn an_overview_in_the_light() {
    near(egui::Theme::Light).snapshot("overview_light");
}
