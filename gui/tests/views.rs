//! Each view, as a screen reader and a keyboard see it, and a few pictures.

#[path = "../../graph/tests/common/mod.rs"]
mod common;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use std::sync::Arc;
use tapscope_graph::{Batch, Direction, Frame, Packets, PointId, Timestamp, View};
use tapscope_gui::{Command, Playback, PlaybackState, Shown, Window};

/// Two guests on a bridge: one ping is answered, another is lost, and one address is asked for in vain.
const BRIDGE: &str = "
    0.000000 tap0 a>* arp who-has 10.0.3.101 tell 10.0.2.101
    0.000005 tap1 a>* arp who-has 10.0.3.101 tell 10.0.2.101
    0.000300 tap1 b>a arp 10.0.3.101 is-at for 10.0.2.101
    0.000304 tap0 b>a arp 10.0.3.101 is-at for 10.0.2.101
    0.001000 tap0 a>b icmp request 10.0.2.101>10.0.3.101 109/1
    0.001004 tap1 a>b icmp request 10.0.2.101>10.0.3.101 109/1
    0.001300 tap1 b>a icmp reply 10.0.3.101>10.0.2.101 109/1
    0.001305 tap0 b>a icmp reply 10.0.3.101>10.0.2.101 109/1
    1.000000 tap0 a>* arp who-has 10.0.2.7 tell 10.0.2.101
    1.100000 tap0 a>b icmp request 10.0.2.101>10.0.3.101 109/2
    1.100004 tap1 a>b icmp request 10.0.2.101>10.0.3.101 109/2
    2.000000 tap0 a>b tcp syn 10.0.2.101:4000>10.0.3.101:80
    2.000300 tap0 b>a tcp rst+ack 10.0.3.101:80>10.0.2.101:4000
    4.000000 tap0 a>b udp - 10.0.2.101:5000>10.0.3.101:5001
";

/// The frames of a script, for the packet table.
fn packets(script: &str) -> Packets {
    let mut packets = Packets::new(1 << 20);
    let mut points: Vec<&str> = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let point = points.iter().position(|known| *known == words[1]).unwrap_or_else(|| {
            points.push(words[1]);
            points.len() - 1
        });
        let bytes = common::frame(&words[2..]);
        let mut batch = Batch::default();
        batch.push(Frame {
            at: at(words[0].parse().expect("a time")),
            point: PointId(point as u32),
            direction: Direction::Unknown,
            original_length: bytes.len() as u32,
            bytes: &bytes,
        });
        packets.push(Arc::new(batch));
    }
    packets
}

fn at(seconds: f64) -> Timestamp {
    Timestamp(1_700_000_000_000_000_000 + (seconds * 1e9) as i64)
}

struct State {
    window: Window,
    shown: Arc<Shown>,
    commands: Vec<Command>,
}

fn shown(script: &str, state: PlaybackState) -> Arc<Shown> {
    let view = if script.is_empty() { View::default() } else { common::view(script) };
    let view = Arc::new(view);
    Arc::new(Shown {
        whole: view.clone(),
        view,
        packets: packets(script),
        playback: Playback { state, speed: 1.0, position: at(4.0), begin: at(0.0), end: at(5.0), is_past: false },
        title: "lab".into(),
        notice: None,
        doing: tapscope_gui::session::Doing::default(),
    })
}

fn open(script: &str, theme: egui::Theme) -> Harness<'static, State> {
    let state = State { window: Window::new(), shown: shown(script, PlaybackState::Paused), commands: Vec::new() };
    let mut harness = Harness::builder().with_size([1100.0, 700.0]).with_theme(theme).with_max_steps(20).build_ui_state(
        |ui, state: &mut State| {
            let shown = state.shown.clone();
            let commands = state.window.ui(ui, &shown);
            state.commands.extend(commands);
        },
        state,
    );
    harness.run_steps(4);
    harness
}

fn says(harness: &Harness<'_, State>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn a_click_on_a_card_explains_the_host() {
    let mut harness = open(BRIDGE, egui::Theme::Dark);
    assert!(!says(&harness, "seen by arp"));
    harness.get_by_label("host 10.0.3.101").click();
    harness.run_steps(4);
    assert!(says(&harness, "seen by arp, source"));
    assert!(says(&harness, "02:00:00:00:00:0b"));
}

#[test]
fn the_bridge_and_its_points_are_there_for_a_screen_reader() {
    let harness = open(BRIDGE, egui::Theme::Dark);
    for label in ["bridge", "host 10.0.2.101", "host 10.0.3.101"] {
        harness.get_by_label(label);
    }
    assert!(says(&harness, "tap0") && says(&harness, "tap1"));
}

#[test]
fn each_tab_shows_its_rows() {
    let mut harness = open(BRIDGE, egui::Theme::Dark);
    for (tab, row) in [
        ("Echoes 2", "109/2"),
        ("Flows 3", "10.0.3.101:80"),
        ("Hosts 2", "02:00:00:00:00:0a"),
        ("ARP/ND 2", "nobody"),
        ("DHCP 0", "no DHCP message was seen yet"),
        ("Packets 14", "who has 10.0.2.7? tell 10.0.2.101"),
        ("Findings 3", "ECHO_LOST"),
    ] {
        harness.get_by_label(tab).click();
        harness.run_steps(4);
        assert!(says(&harness, row), "{tab} does not show {row}");
    }
}

#[test]
fn a_packet_opens_into_layers_and_octets() {
    let mut harness = open(BRIDGE, egui::Theme::Dark);
    harness.get_by_label("Packets 14").click();
    harness.run_steps(4);
    // The same packet at two points is two rows.
    harness.get_all_by_label("echo request id 109 seq 1").next().expect("a row").click();
    harness.run_steps(4);
    for layer in ["Ethernet II", "IPv4  10.0.2.101 to 10.0.3.101", "ICMP  echo request"] {
        assert!(says(&harness, layer), "{layer}");
    }
    assert!(says(&harness, "0000  02 00 00 00 00 0b"));
}

#[test]
fn a_finding_leads_to_its_packets() {
    let mut harness = open(BRIDGE, egui::Theme::Dark);
    let text = "ping 10.0.2.101 -> 10.0.3.101: 1 of 2 echo requests unanswered";
    harness.get_all_by_label(text).next().expect("it is in the list").click();
    harness.run_steps(4);
    assert!(says(&harness, "EVIDENCE") && says(&harness, "ECHO_LOST"));
    harness.get_by_label("10").click();
    harness.run_steps(4);
    assert!(says(&harness, "ICMP  echo request id 109 seq 2"));
}

#[test]
fn buttons_and_keys_ask_the_session() {
    let mut harness = open(BRIDGE, egui::Theme::Dark);
    harness.get_by_label("Play").click();
    harness.run_steps(2);
    harness.get_by_label("Restart").click();
    harness.run_steps(2);
    harness.get_by_label("To the end").click();
    harness.run_steps(2);
    assert_eq!(harness.state().commands, [Command::Play, Command::Restart, Command::End]);
    harness.state_mut().commands.clear();
    harness.key_press(egui::Key::Home);
    harness.run_steps(2);
    harness.key_press(egui::Key::End);
    harness.run_steps(2);
    assert_eq!(harness.state().commands, [Command::Restart, Command::End]);
}

#[test]
fn a_click_on_the_time_line_seeks() {
    let mut harness = open(BRIDGE, egui::Theme::Dark);
    let line = harness.get_all_by_role(egui::Role::Slider).next().expect("the time line");
    assert!(line.accesskit_node().label().is_some_and(|label| label.contains("time line at 22:13:24")));
    line.click();
    harness.run_steps(2);
    let [Command::Seek(to)] = harness.state().commands[..] else { panic!("{:?}", harness.state().commands) };
    assert!((at(2.0)..at(3.0)).contains(&to), "the middle of the line is the middle of the time: {to}");
}

#[test]
fn nothing_seen_yet_is_said() {
    let harness = open("", egui::Theme::Dark);
    assert!(says(&harness, "nobody was seen yet"));
    assert!(says(&harness, "nothing is wrong as far as was seen"));
}

#[test]
fn the_keys_are_one_key_away() {
    let mut harness = open(BRIDGE, egui::Theme::Dark);
    harness.key_press(egui::Key::Questionmark);
    harness.run_steps(4);
    assert!(says(&harness, "why from the selected card to this one"));
}

#[test]
fn the_window_in_the_dark() {
    let mut harness = open(BRIDGE, egui::Theme::Dark);
    harness.get_by_label("host 10.0.2.101").click();
    harness.run_steps(4);
    harness.remove_cursor();
    harness.run_steps(4);
    harness.snapshot("window_dark");
}

#[test]
fn the_window_in_the_light() {
    let mut harness = open(BRIDGE, egui::Theme::Light);
    harness.get_by_label("Findings 3").click();
    harness.run_steps(4);
    harness.remove_cursor();
    harness.run_steps(4);
    harness.snapshot("window_light");
}
