//! The window without a mouse.

#[path = "../../graph/tests/common/mod.rs"]
mod common;
mod harness;
#[allow(dead_code)]
mod hosts;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{By, NodeT, Queryable};
use harness::{State, assert_says, at, click, live, press, recorded, says, taken};
use hosts::{BRIDGED, PORT_ADDRESS};
use tapscope_gui::Command;

/// What has the keyboard, as a screen reader calls it.
fn focused(harness: &Harness<'_, State>) -> Option<String> {
    let nodes = harness.query_all(By::new().predicate(|node| node.is_focused()).recursive(true));
    nodes.last().map(|node| node.accesskit_node().label().unwrap_or_default())
}

fn tab(harness: &mut Harness<'_, State>) -> String {
    press(harness, Modifiers::NONE, Key::Tab);
    focused(harness).unwrap_or_default()
}

/// Goes on to a thing by the tabulator.
fn tab_to(harness: &mut Harness<'_, State>, label: &str) {
    let mut passed = Vec::new();
    while passed.len() < 120 {
        let now = tab(harness);
        if now.starts_with(label) {
            return;
        }
        passed.push(now);
    }
    panic!("the tabulator does not come to {label:?}, but only to {passed:?}");
}

#[test]
fn everything_has_a_place_in_the_tabulators_round_and_a_name() {
    let mut harness = live(BRIDGED);
    let first = tab(&mut harness);
    let mut round = vec![first.clone()];
    while round.len() < 200 {
        let next = tab(&mut harness);
        if next == first {
            break;
        }
        round.push(next);
    }
    assert!(round.len() < 200, "the round ends: {round:?}");
    for wanted in [
        "Pause",
        "Listening · 3 points",
        "Record…",
        "Why A to B…",
        "Export…",
        "Open in Wireshark",
        "search or filter",
        "Menu",
        "web  pid 4711",
        "guest web 10.0.2.101",
        "bridge bridge0",
        "time line at",
        "Echoes 3",
        "follow the selection",
        "3 rows",
        "why",
    ] {
        assert!(round.iter().any(|label| label.starts_with(wanted)), "{wanted:?} is not among {round:?}");
    }
    let nameless = round.iter().filter(|label| label.is_empty()).count();
    assert_eq!(nameless, 0, "a screen reader has a word for each of {round:?}");
}

#[test]
fn arrow_keys_go_from_card_to_card_and_enter_selects() {
    let mut harness = live(BRIDGED);
    tab_to(&mut harness, "guest web");
    press(&mut harness, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(focused(&harness).as_deref(), Some("guest db 10.0.3.101"));
    press(&mut harness, Modifiers::NONE, Key::ArrowUp);
    assert_eq!(focused(&harness).as_deref(), Some("bridge bridge0"));
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    assert!(focused(&harness).is_some_and(|label| label.starts_with("this host")), "{:?}", focused(&harness));
    press(&mut harness, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(focused(&harness).as_deref(), Some("bridge bridge0"));
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_says(&harness, &["spanning tree", "FORWARDING DATABASE"]);
}

#[test]
fn a_table_is_walked_by_keys_and_enter_shows_the_row() {
    let mut harness = live(BRIDGED);
    tab_to(&mut harness, "3 rows");
    press(&mut harness, Modifiers::NONE, Key::End);
    press(&mut harness, Modifiers::NONE, Key::ArrowUp);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_says(&harness, &["id 109 seq 2", "REQUEST", "REPLY"]);
    press(&mut harness, Modifiers::NONE, Key::Home);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_says(&harness, &["id 109 seq 1"]);
}

#[test]
fn the_time_line_is_moved_by_arrow_keys() {
    let mut harness = recorded(BRIDGED);
    tab_to(&mut harness, "time line at");
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    press(&mut harness, Modifiers::NONE, Key::PageUp);
    press(&mut harness, Modifiers::NONE, Key::Home);
    let seconds = |seconds: f64| Command::Seek(at(seconds));
    assert_eq!(taken(&mut harness), [seconds(8.91), seconds(8.1), seconds(0.0)]);
}

#[test]
fn dialogs_and_menus_are_used_and_left_by_keys() {
    let mut harness = live(PORT_ADDRESS);
    press(&mut harness, Modifiers::COMMAND, Key::D);
    assert_says(&harness, &["Ask why"]);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!says(&harness, "Ask why"));
    press(&mut harness, Modifiers::COMMAND, Key::D);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_says(&harness, &["LADDER", "EVIDENCE"]);
    tab_to(&mut harness, "routes and settings of this host");
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_says(&harness, &["Back to the answer"]);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!says(&harness, "Back to the answer"));
    tab_to(&mut harness, "Menu");
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_says(&harness, &["Larger text"]);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!says(&harness, "Larger text"));
}

#[test]
fn the_journey_of_an_echo_is_followed_on_the_picture() {
    let mut harness = live(BRIDGED);
    assert!(!says(&harness, "on the way"));
    click(&mut harness, "109/1");
    for label in ["guest web 10.0.2.101, on the way", "guest db 10.0.3.101, on the way", "bridge bridge0, on the way"] {
        harness.get_by_label(label);
    }
    assert!(harness.query_by_label("this host 10.0.2.100 10.0.3.100, on the way").is_none());
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!says(&harness, "on the way"));
}

#[test]
fn the_menu_of_a_thing_is_opened_walked_and_closed_by_keys() {
    let mut harness = live(BRIDGED);
    tab_to(&mut harness, "guest web");
    press(&mut harness, Modifiers::SHIFT, Key::F10);
    assert_says(&harness, &["Name it…"]);
    assert_eq!(focused(&harness).as_deref(), Some("Why…"), "the first line has the keyboard");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!says(&harness, "Name it…"));
    tab_to(&mut harness, "guest web");
    press(&mut harness, Modifiers::SHIFT, Key::F10);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_says(&harness, &["Why does a ping from A to B fail?"]);
}

#[test]
fn the_menu_of_a_row_is_opened_by_keys() {
    let mut harness = live(BRIDGED);
    tab_to(&mut harness, "3 rows");
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    press(&mut harness, Modifiers::SHIFT, Key::F10);
    assert_says(&harness, &["Copy the row"]);
}
