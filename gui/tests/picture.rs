//! Large pictures: what is folded, framed and seen from afar, as a screen reader sees it, and in pictures.

#[path = "../../graph/tests/common/mod.rs"]
mod common;
#[path = "../../benches/crowd/mod.rs"]
mod crowd;
#[allow(dead_code)]
mod hosts;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tapscope_graph::topology::Key;
use tapscope_graph::{Packets, View};
use tapscope_gui::canvas::layout::{Layout, Slots, layout};
use tapscope_gui::{Playback, PlaybackState, Shown, Window};

/// Two namespaces with a bridge each, and the host's own bridge.
const NAMESPACES: &str = "
    0 host ns 1 own
    0 host ns 2 web
    0 host ns 3 db
    0 host device 4 br0 bridge 14
    0 host device 5 tap0 tap 15 master 4
    0 host device 6 tap1 tap 16 master 4
    0 host device 2/4 br-web bridge 24
    0 host device 2/5 tap2 tap 25 master 2/4
    0 host device 2/6 tap3 tap 26 master 2/4
    0 host device 2/7 tap4 tap 27 master 2/4
    0 host device 3/4 br-db bridge 34
    0 host device 3/5 tap5 tap 35 master 3/4
    0 host address 4 10.0.0.1/24
    0 host guest 100 mail a@5
    0 host guest 101 dns b@6
    0 host guest 200 web1 c@2/5
    0 host guest 201 web2 d@2/6
    0 host guest 202 web3 e@2/7
    0 host guest 300 db1 f@3/5
    1 host backlog 0
";

fn live(view: View) -> Arc<Shown> {
    let at = view.tables.now.unwrap_or_default();
    let view = Arc::new(view);
    Arc::new(Shown {
        whole: view.clone(),
        view,
        packets: Packets::new(1 << 20),
        playback: Playback { state: PlaybackState::Live, speed: 1.0, position: at, begin: at, end: at, is_past: false },
        title: "kvm01".into(),
        notice: None,
        doing: tapscope_gui::session::Doing::default(),
    })
}

struct State {
    window: Window,
    shown: Arc<Shown>,
}

fn open(view: View, size: [f32; 2], theme: egui::Theme) -> Harness<'static, State> {
    let state = State { window: Window::new(), shown: live(view) };
    let mut harness = Harness::builder().with_size(size).with_theme(theme).with_max_steps(20).build_ui_state(
        |ui, state: &mut State| {
            let shown = state.shown.clone();
            state.window.ui(ui, &shown);
        },
        state,
    );
    harness.run_steps(4);
    harness
}

fn says(harness: &Harness<'_, State>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

/// Waits until the window says something; a layout may be made in a thread.
fn wait_for(harness: &mut Harness<'_, State>, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !says(harness, text) {
        assert!(Instant::now() < deadline, "the window never says {text}");
        harness.run_steps(1);
    }
}

/// Selects a bridge in the picture: the list at the left has a row of the same name.
fn select(harness: &mut Harness<'_, State>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(3);
}

fn key(harness: &mut Harness<'_, State>, key: egui::Key) {
    harness.key_press(key);
    harness.run_steps(4);
}

#[test]
fn a_bridge_folds_what_hangs_on_it_and_unfolds_it_again() {
    let mut harness = open(common::view(&hosts::crowd(12)), [1200.0, 900.0], egui::Theme::Dark);
    assert!(harness.query_by_label("guest vm03").is_some() || says(&harness, "guest vm03"));
    select(&mut harness, "bridge br0");
    key(&mut harness, egui::Key::G);
    assert!(!says(&harness, "guest vm03"), "a folded card is not there");
    wait_for(&mut harness, "bridge br0, 12 folded");
    key(&mut harness, egui::Key::G);
    assert!(says(&harness, "guest vm03") && !says(&harness, "folded"));
}

#[test]
fn what_a_namespace_holds_has_a_frame_and_is_folded() {
    let mut harness = open(common::view(NAMESPACES), [1200.0, 1100.0], egui::Theme::Dark);
    assert!(says(&harness, "guest web1") && says(&harness, "guest db1"));
    let places = places(NAMESPACES);
    assert_eq!(places.frames.len(), 2, "each namespace with a bridge has a frame");
    let inside = |frame: &egui::Rect| places.cards.values().filter(|card| frame.contains_rect(**card)).count();
    assert_eq!(places.frames.values().map(inside).collect::<Vec<_>>(), [4, 2], "the guests, and the namespace's own stack");
    select(&mut harness, "bridge br-web (web)");
    key(&mut harness, egui::Key::G);
    assert!(!says(&harness, "guest web1") && says(&harness, "guest db1"));
    wait_for(&mut harness, "bridge br-web (web), 4 folded");
}

#[test]
fn the_map_is_there_while_not_all_is_in_view() {
    let mut harness = open(common::view(&hosts::crowd(60)), [1300.0, 1000.0], egui::Theme::Dark);
    assert!(!says(&harness, "map of the whole picture"), "all of it is in view");
    select(&mut harness, "bridge br0");
    harness.get_all_by_label_contains("guest vm07").next().expect("a card").click();
    harness.run_steps(3);
    key(&mut harness, egui::Key::Z);
    wait_for(&mut harness, "map of the whole picture");
    harness.get_by_label("map of the whole picture").click();
    harness.run_steps(3);
    key(&mut harness, egui::Key::F);
    assert!(!says(&harness, "map of the whole picture"), "F shows everything");
}

#[test]
fn a_large_picture_is_placed_in_the_background_and_shown_then() {
    let mut harness = open(crowd::view(2000), [1300.0, 900.0], egui::Theme::Dark);
    wait_for(&mut harness, "bridge br0");
}

fn places(script: &str) -> Layout {
    layout(&Slots::default().request(&common::view(script), &BTreeMap::new()))
}

#[test]
fn the_same_host_is_laid_out_the_same_way_each_time() {
    let view = crowd::view(400);
    let request = || Slots::default().request(&view, &BTreeMap::new());
    assert_eq!(request(), request());
    assert_eq!(layout(&request()), layout(&request()));
    assert_eq!(layout(&request()), layout(&Slots::default().request(&crowd::view(400), &BTreeMap::new())));
}

#[test]
fn one_more_guest_moves_nobody() {
    let mut slots = Slots::default();
    let before = layout(&slots.request(&crowd::view(400), &BTreeMap::new()));
    let after = layout(&slots.request(&crowd::view(401), &BTreeMap::new()));
    assert_eq!(after.cards.len(), before.cards.len() + 1);
    for (key, rect) in &before.cards {
        assert_eq!(after.cards[key], *rect, "{key}");
    }
}

#[test]
fn who_is_folded_keeps_the_place() {
    let request = Slots::default().request(&common::view(NAMESPACES), &BTreeMap::new());
    let before = layout(&request);
    let rails: BTreeMap<Key, Key> = before.rails.keys().map(|rail| (*rail, *rail)).collect();
    let folded = layout(&request.clone().without(&BTreeSet::new(), &rails));
    assert!(folded.cards.is_empty() && folded.folded.keys().eq(rails.keys()));
    assert_eq!(layout(&request.without(&BTreeSet::new(), &BTreeMap::new())), before);
}

fn snapshot(view: View, theme: egui::Theme, name: &str, prepare: impl FnOnce(&mut Harness<'_, State>)) {
    let mut harness = open(view, [1280.0, 800.0], theme);
    prepare(&mut harness);
    harness.remove_cursor();
    harness.run_steps(4);
    harness.snapshot(name);
}

#[test]
fn a_large_picture_from_afar() {
    let ready = |harness: &mut Harness<'_, State>| wait_for(harness, "bridge br0");
    snapshot(crowd::view(1000), egui::Theme::Dark, "afar_dark", ready);
}

#[test]
fn a_large_picture_from_afar_in_the_light() {
    snapshot(crowd::view(1000), egui::Theme::Light, "afar_light", |harness| wait_for(harness, "bridge br0"));
}

#[test]
fn a_folded_bridge_of_a_namespace_in_the_dark() {
    snapshot(common::view(NAMESPACES), egui::Theme::Dark, "folded_dark", |harness| {
        select(harness, "bridge br-web (web)");
        key(harness, egui::Key::G);
    });
}

#[test]
fn frames_around_namespaces_in_the_light() {
    snapshot(common::view(NAMESPACES), egui::Theme::Light, "frames_light", |_| {});
}
