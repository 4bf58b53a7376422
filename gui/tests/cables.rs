//! Guests without a TAP in the window: cables between their cards, as a screen reader sees them; and a picture.

#[path = "../../graph/tests/common/mod.rs"]
mod common;
mod harness;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use harness::{State, assert_says, at, says, with};
use std::collections::BTreeMap;
use std::sync::Arc;
use tapscope_graph::{Packets, Text};
use tapscope_gui::canvas::layout::{Layout, Slots, layout};
use tapscope_gui::{Command, Playback, PlaybackState, Shown, Window};

/// Set-ups 1 and 2: a guest on the user-mode stack, whose frames QEMU copies, and two guests on a socket cable. Beside them one that
/// nobody may see, and one whose peer has yet to come.
const CABLES: &str = "
    0 host ns 1 own
    0 host guest 4801 build a@user
    0 host guest 4802 lab-a 57@socket:listen=:8010
    0 host guest 4803 lab-b 56@socket:connect=127.0.0.1:8010
    0 host guest 4804 mail c@user:net=192.168.76.0/24
    0 host guest 4805 early d@socket:listen=:8011
    0 host guest 4806 fast e@vhost-user
    0 host cable user_build/n0 user unknown peer=4801.0 asked=tapscope_--qmp_/run/build.sock
    0 host cable tcp_127.0.0.1:8010 tcp connected listens=4802.0 connects=4803.0 carried
    0 host cable user_mail/n0 user unknown peer=4804.0 asked=tapscope_--qmp_/run/mail.sock
    0 host cable tcp_0.0.0.0:8011 tcp listening listens=4805.0 carried
    0 host cable vhost-user_fast/n0 vhost-user unknown peer=4806.0 unseen=its_frames_are_in_shared_memory=mirror_them_in_the_switch
    0.1 user_build/n0< a>* dhcp discover a
    0.1 user_build/n0> gateway>* dhcp offer a 10.0.2.15 10.0.2.2
    0.2 user_build/n0< a>* dhcp request a
    0.2 user_build/n0> gateway>* dhcp ack a 10.0.2.15 10.0.2.2
    0.3 user_build/n0< a>* arp who-has 10.0.2.2 tell 10.0.2.15
    0.3 user_build/n0> gateway>a arp 10.0.2.2 is-at for 10.0.2.15
    0.4 user_build/n0< a>gateway tcp syn 10.0.2.15:57396>203.0.113.1:8080
    0.4 user_build/n0> gateway>a tcp syn+ack 203.0.113.1:8080>10.0.2.15:57396
    0.4 user_build/n0< a>gateway icmp request 10.0.2.15>203.0.113.1 120/0
    0.5 tcp_0.0.0.0:8011< d>* arp who-has 10.0.2.102 tell 10.0.2.102
    1.5 tcp_127.0.0.1:8010> 56>* arp who-has 10.0.2.100 tell 10.0.2.101
    1.5 tcp_127.0.0.1:8010< 57>56 arp 10.0.2.100 is-at for 10.0.2.101
    1.6 tcp_127.0.0.1:8010> 56>57 icmp request 10.0.2.101>10.0.2.100 109/1
    1.6 tcp_127.0.0.1:8010< 57>56 icmp reply 10.0.2.100>10.0.2.101 109/1
";

fn open(script: &str, size: [f32; 2], state: PlaybackState) -> Harness<'static, State> {
    let view = Arc::new(common::view(script));
    let shown = Shown {
        whole: view.clone(),
        view,
        packets: Packets::new(1 << 20),
        playback: Playback { state, speed: 1.0, position: at(1.7), begin: at(0.0), end: at(1.7), is_past: false },
        title: "kvm01".into(),
        notice: None,
        doing: tapscope_gui::session::Doing::default(),
    };
    with(Window::new(), shown, size, egui::Theme::Dark)
}

fn tall() -> Harness<'static, State> {
    open(CABLES, [1400.0, 1600.0], PlaybackState::Live)
}

fn click(harness: &mut Harness<'_, State>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(4);
}

#[test]
fn every_cable_is_in_the_picture_with_its_state_and_how_it_can_be_seen() {
    let harness = tall();
    for label in [
        "cable user build/n0",
        "cable tcp 127.0.0.1:8010",
        "cable user mail/n0, unseen, ask QEMU",
        "cable tcp 0.0.0.0:8011, nobody is connected",
        "cable vhost-user fast/n0, cannot be seen",
    ] {
        harness.get_by_label(label);
    }
    assert_says(&harness, &["CABLES", "guest lab-a 10.0.2.100", "guest lab-b 10.0.2.101", "user-mode stack 10.0.2.2 10.0.2.3"]);
}

#[test]
fn a_cable_tells_its_ends() {
    let mut harness = tall();
    click(&mut harness, "cable tcp 127.0.0.1:8010");
    assert_says(&harness, &["CABLE", "carried by", "connected", "END 1", "listens", "END 2", "connects", "listened to", "POINT"]);
    assert!(!says(&harness, "Listen here…"));
}

#[test]
fn the_user_mode_stack_tells_what_is_configured_and_what_was_seen() {
    let mut harness = tall();
    click(&mut harness, "user-mode stack 10.0.2.2 10.0.2.3");
    assert_says(&harness, &["libslirp", "configured", "seen by arp, source", "BEYOND IT", "203.0.113.1"]);
}

#[test]
fn listening_by_qemu_is_asked_for_with_what_it_changes_and_may_be_refused() {
    let mut harness = tall();
    click(&mut harness, "cable user mail/n0, unseen, ask QEMU");
    click(&mut harness, "Listen here…");
    assert_says(
        &harness,
        &["Listen on user mail/n0?", "two filter-mirror objects and two chardevs to guest mail by QMP", "removed when tapscope stops"],
    );
    click(&mut harness, "Cancel");
    assert!(!says(&harness, "filter-mirror"));
    assert_eq!(harness.state().commands, []);
    click(&mut harness, "Listen here…");
    click(&mut harness, "Change the guest and listen");
    assert_eq!(harness.state().commands, [Command::Ask(Text::new("user mail/n0"))]);
    assert!(!says(&harness, "filter-mirror"));
}

#[test]
fn a_recording_has_nobody_to_ask() {
    let mut harness = open(CABLES, [1400.0, 1600.0], PlaybackState::Paused);
    click(&mut harness, "cable user mail/n0, unseen, ask QEMU");
    assert_says(&harness, &["HOW IT CAN BE SEEN"]);
    assert!(!says(&harness, "Listen here…"));
}

/// Where the picture puts things, after each of some moments.
fn moments(scripts: &[String]) -> Vec<Layout> {
    let mut slots = Slots::default();
    scripts.iter().map(|script| layout(&slots.request(&common::view(script), &BTreeMap::new()))).collect()
}

#[test]
fn nothing_moves_when_cables_come_and_go() {
    let left = "
        2 host gone guest 4802
        2 host gone guest 4803
        2 host gone cable tcp_127.0.0.1:8010
    ";
    let more = format!(
        "{left}
        3 host guest 4900 new f@socket:listen=:8012
        3 host cable tcp_0.0.0.0:8012 tcp listening listens=4900.0 carried
        "
    );
    let back = format!(
        "{more}
        4 host guest 5002 lab-a 57@socket:listen=:8010
        4 host guest 5003 lab-b 56@socket:connect=127.0.0.1:8010
        4 host cable tcp_127.0.0.1:8010 tcp connected listens=5002.0 connects=5003.0 carried
        "
    );
    let scripts: Vec<String> = ["", left, &more, &back].iter().map(|more| format!("{CABLES}{more}")).collect();
    let all = moments(&scripts);
    for later in &all[1..] {
        for (key, rect) in &all[0].cards {
            assert!(later.cards.get(key).is_none_or(|now| now == rect), "{key} moved");
        }
    }
    assert_eq!(all[0].cards.len() + 1, all[3].cards.len());
    let cards: Vec<_> = all[3].cards.values().collect();
    for (index, a) in cards.iter().enumerate() {
        assert!(cards[index + 1..].iter().all(|b| !a.intersects(**b)), "cards overlap");
    }
}

#[test]
fn a_chain_of_guests_has_a_card_each_and_a_line_for_each_cable() {
    let view = common::view(
        "
        0 host guest 100 g1 a@socket
        0 host guest 101 g2 b@socket c@socket
        0 host guest 102 g3 d@socket
        0 host cable tcp_127.0.0.1:8010 tcp connected listens=100.0 connects=101.0 carried
        0 host cable tcp_127.0.0.1:8011 tcp connected listens=101.1 connects=102.0 carried
        ",
    );
    let layout = layout(&Slots::default().request(&view, &BTreeMap::new()));
    let wires: Vec<String> = layout.wires.iter().map(|wire| format!("{} {}", wire.node, wire.link)).collect();
    // Of the second cable one end sits by the first.
    assert_eq!(wires, ["guest-0 cable-3", "guest-1 cable-3", "guest-1 cable-4"]);
    assert_eq!((layout.cards.len(), layout.cables.len()), (3, 2));
}

#[test]
fn a_program_that_joins_several_is_a_rail_and_so_is_a_group_of_three() {
    let view = common::view(
        "
        0 host guest 100 g1 a@stream
        0 host guest 101 g2 b@stream
        0 host cable tcp_hub/1 tcp connected listens=tapscope_hub:300 connects=100.0 carried
        0 host cable tcp_hub/2 tcp connected listens=tapscope_hub:300 connects=101.0 carried
        0 host guest 105 g6 f@stream
        0 host guest 106 g7 10@stream
        0 host cable tcp_127.0.0.1:8010 tcp connected listens=socat:301 connects=105.0 connects=106.0 carried
        0 host guest 102 g3 c@socket
        0 host guest 103 g4 d@socket
        0 host guest 104 g5 e@socket
        0 host cable multicast_230.0.0.1:1234 multicast connected peer=102.0 peer=103.0 peer=104.0 carried
        ",
    );
    let layout = layout(&Slots::default().request(&view, &BTreeMap::new()));
    let rails: Vec<String> = layout.rails.keys().map(ToString::to_string).collect();
    assert_eq!(rails, ["cable-10", "program-300", "program-301"]);
    assert_eq!((layout.cards.len(), layout.cables.len()), (7, 0));
}

#[test]
fn cables_in_the_dark() {
    let mut harness = open(CABLES, [1280.0, 800.0], PlaybackState::Live);
    click(&mut harness, "cable tcp 127.0.0.1:8010");
    harness.remove_cursor();
    harness.run_steps(4);
    harness.snapshot("cables_dark");
}
