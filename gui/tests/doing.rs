//! What can be done in the window: commands by button, menu, palette and key; search; why; what is remembered.

#[path = "../../graph/tests/common/mod.rs"]
mod common;
mod harness;
#[allow(dead_code)]
mod hosts;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use harness::{State, assert_says, at, click, live, press, recorded, says, shown, taken, type_text, with};
use hosts::{BRIDGED, PORT_ADDRESS};
use std::sync::Arc;
use tapscope_graph::{Batch, Direction, Frame, Packets, PointId};
use tapscope_gui::session::{Job, JobId, JobState, Progress, Recording};
use tapscope_gui::{Command, PlaybackState, Settings, Window};

/// A guest that gets a lease.
const LEASES: &str = "
    0.1 tap0 a>* dhcp discover a
    0.2 tap0 9>* dhcp offer a 10.0.0.5
    0.3 tap0 a>* dhcp request a
    0.4 tap0 9>* dhcp ack a 10.0.0.5
";

#[test]
fn the_bar_has_a_button_for_each_thing_that_is_done_often() {
    let mut harness = live(BRIDGED);
    for label in ["Record…", "Why A to B…", "Export…", "Open in Wireshark", "Menu", "search or filter"] {
        harness.get_by_label(label);
    }
    click(&mut harness, "Open in Wireshark");
    assert!(matches!(taken(&mut harness)[..], [Command::Wireshark(_)]));
    harness.state_mut().shown.doing.recording = Some(Recording { path: "today.pcapng".into(), packets: 12, octets: 3400, dropped: 0 });
    harness.run_steps(2);
    assert_says(&harness, &["12 packets, 3.4 kB"]);
    click(&mut harness, "Stop recording");
    assert_eq!(taken(&mut harness), [Command::StopRecording]);
}

#[test]
fn in_a_narrow_window_commands_are_icons_and_nothing_is_cut() {
    // 1280 by 800 with the text half as large again.
    let (width, height) = (853.0, 533.0);
    for state in [PlaybackState::Live, PlaybackState::Paused] {
        let harness = with(Window::new(), shown(BRIDGED, state), [width, height], egui::Theme::Dark);
        for label in ["Why A to B…", "Export…", "Open in Wireshark", "Menu", "search or filter", "follow the selection"] {
            let rect = harness.get_by_label(label).rect();
            assert!(rect.min.x >= 0.0 && rect.max.x <= width, "{label}: {rect:?}");
        }
        let bar = |label: &str| harness.get_by_label(label).rect();
        let order = ["Why A to B…", "Export…", "Open in Wireshark", "search or filter", "Menu"].map(bar);
        assert!(order.windows(2).all(|pair| pair[0].max.x <= pair[1].min.x), "none lies on another: {order:?}");
        assert!(bar("follow the selection").min.y > height * 0.5, "the tables leave room for the picture");
    }
}

#[test]
fn a_recording_that_is_read_tells_how_far_it_is_and_can_be_stopped() {
    let mut harness = recorded(LEASES);
    assert!(!says(&harness, "Stop reading"));
    let progress = Progress { done: 312_000_000, size: Some(1_024_000_000) };
    harness.state_mut().shown.playback.state = PlaybackState::Loading(progress);
    harness.run_steps(2);
    click(&mut harness, "Stop reading");
    assert_eq!(taken(&mut harness), [Command::StopReading]);
    harness.state_mut().shown.playback.state = PlaybackState::Loading(Progress { size: None, ..progress });
    harness.run_steps(2);
    assert_says(&harness, &["312.0 MB read"]);
}

#[test]
fn single_points_are_stopped_and_started_from_the_list_of_points() {
    let mut harness = live(BRIDGED);
    click(&mut harness, "Listening · 3 points");
    click(&mut harness, "tap0  (guest web)");
    let commands = taken(&mut harness);
    assert!(matches!(commands[..], [Command::StopListening(device)] if device.index == 2), "{commands:?}");
}

#[test]
fn the_palette_finds_a_command_by_a_few_letters() {
    let mut harness = live(BRIDGED);
    press(&mut harness, Modifiers::COMMAND, Key::K);
    assert!(says(&harness, "command") && says(&harness, "Larger text"));
    type_text(&mut harness, "reco");
    assert!(!says(&harness, "Larger text"), "what is not meant is not there");
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_says(&harness, &["Record what happens"]);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(!says(&harness, "Record what happens"));
}

#[test]
fn every_key_of_the_table_is_in_the_help() {
    let mut harness = live(BRIDGED);
    press(&mut harness, Modifiers::NONE, Key::Questionmark);
    assert_says(&harness, &["Why A to B…", "Search or filter", "All commands…", "Undo", "Shift-click", "right click"]);
}

#[test]
fn a_recording_goes_where_the_user_says() {
    let mut harness = live(BRIDGED);
    click(&mut harness, "Record…");
    press(&mut harness, Modifiers::COMMAND, Key::A);
    type_text(&mut harness, "/nowhere/at/all.pcapng");
    assert_says(&harness, &["there is no folder /nowhere/at: make it first, or name another"]);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(taken(&mut harness), [], "what cannot be is not asked for");
    let path = std::env::temp_dir().join("tapscope-window-test.pcapng");
    press(&mut harness, Modifiers::COMMAND, Key::A);
    type_text(&mut harness, &path.to_string_lossy());
    click(&mut harness, "Record");
    assert_eq!(taken(&mut harness), [Command::Record(path)]);
}

#[test]
fn an_export_is_of_what_is_selected_and_of_what_the_filter_shows() {
    let mut harness = live(BRIDGED);
    click(&mut harness, "guest web 10.0.2.101");
    press(&mut harness, Modifiers::COMMAND, Key::F);
    type_text(&mut harness, "icmp");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    harness.get_by_label("guest web 10.0.2.101").click_secondary();
    harness.run_steps(4);
    click(&mut harness, "Export its frames…");
    assert_says(&harness, &["only frames of web", "only what the filter shows"]);
    press(&mut harness, Modifiers::COMMAND, Key::A);
    let path = std::env::temp_dir().join("tapscope-export-test.pcap");
    type_text(&mut harness, &path.to_string_lossy());
    click(&mut harness, "Export");
    let commands = taken(&mut harness);
    let [Command::Export(export)] = &commands[..] else { panic!("{commands:?}") };
    assert!(!export.chosen.selection.is_everything() && !export.chosen.filter.is_empty());
    assert_eq!((&export.path, export.table), (&path, None));
}

#[test]
fn long_work_is_shown_with_a_way_to_end_it_and_a_failure_with_the_next_step() {
    let mut harness = live(BRIDGED);
    let job = |id, title: &str, state| Job { id: JobId(id), title: title.into(), state };
    harness.state_mut().shown.doing.jobs = vec![
        job(1, "Export a.pcapng", JobState::Running(Some(0.4))),
        job(2, "Wireshark", JobState::Failed("wireshark is not installed (sudo apt-get install wireshark)".into())),
    ];
    harness.run_steps(4);
    assert_says(&harness, &["Export a.pcapng", "wireshark is not installed (sudo apt-get install wireshark)"]);
    click(&mut harness, "Cancel");
    click(&mut harness, "Dismiss");
    assert_eq!(taken(&mut harness), [Command::Cancel(JobId(1)), Command::Cancel(JobId(2))]);
}

#[test]
fn the_menu_of_a_card_offers_what_makes_sense_for_it() {
    let mut harness = live(BRIDGED);
    harness.get_by_label("guest web 10.0.2.101").click_secondary();
    harness.run_steps(4);
    assert_says(&harness, &["Why from here…", "Only this", "Stop listening here", "Its frames in Wireshark"]);
    assert!(!says(&harness, "Listen here"));
    click(&mut harness, "Stop listening here");
    assert!(matches!(taken(&mut harness)[..], [Command::StopListening(_)]));
}

#[test]
fn a_filter_cuts_the_tables_and_says_what_it_does_not_understand() {
    let mut harness = live(BRIDGED);
    click(&mut harness, "Flows 2");
    assert_says(&harness, &["10.0.3.101", "10.0.2.100"]);
    press(&mut harness, Modifiers::COMMAND, Key::F);
    type_text(&mut harness, "ip.addr == 10.0.3.101");
    assert_says(&harness, &["1 of 2"]);
    type_text(&mut harness, " and ip.addr ==");
    assert_says(&harness, &["expected an address or prefix"]);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::F);
    assert!(!says(&harness, "1 of 2"));
}

#[test]
fn a_filter_is_completed_by_tab() {
    let mut harness = live(BRIDGED);
    press(&mut harness, Modifiers::COMMAND, Key::F);
    type_text(&mut harness, "ip.ad");
    assert_says(&harness, &["either IP address"]);
    press(&mut harness, Modifiers::NONE, Key::Tab);
    let text = harness.get_by_label("search or filter").value();
    assert_eq!(text.as_deref(), Some("ip.addr "));
}

#[test]
fn the_tables_follow_the_selection_where_that_is_wanted() {
    let mut harness = live(BRIDGED);
    click(&mut harness, "Flows 2");
    click(&mut harness, "follow the selection");
    click(&mut harness, "guest db 10.0.3.101");
    assert_says(&harness, &["1 of 2"]);
}

#[test]
fn a_table_is_walked_by_keys_and_its_row_copied() {
    let mut harness = live(BRIDGED);
    click(&mut harness, "109/1");
    press(&mut harness, Modifiers::NONE, Key::ArrowDown);
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_says(&harness, &["id 109 seq 2"]);
    harness.event(egui::Event::Copy);
    harness.step();
    let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    assert!(copied.as_ref().is_some_and(|text| text.contains("10.0.2.101\t10.0.2.100\t109/2")), "{copied:?}");
}

#[test]
fn a_change_of_the_filter_is_undone_and_done_again() {
    let mut harness = live(BRIDGED);
    click(&mut harness, "guest db 10.0.3.101");
    press(&mut harness, Modifiers::NONE, Key::O);
    let text = |harness: &Harness<'_, State>| harness.get_by_label("search or filter").value().unwrap_or_default();
    assert!(text(&harness).contains("10.0.3.101"));
    harness.run_steps(80);
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&harness), "");
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(text(&harness).contains("10.0.3.101"));
}

#[test]
fn a_thing_has_pages_of_rates_and_of_what_happened() {
    let mut harness = live(BRIDGED);
    click(&mut harness, "guest web 10.0.2.101");
    assert_says(&harness, &["Facts", "CARD 1"]);
    click(&mut harness, "Rates");
    assert!(!says(&harness, "CARD 1") && says(&harness, "tap0"));
    click(&mut harness, "Over time");
    assert_says(&harness, &["ADDRESSES", "WHAT HAPPENED", "×3, at tap0"]);
}

#[test]
fn a_dhcp_transaction_is_a_ladder() {
    let mut harness = recorded(LEASES);
    click(&mut harness, "DHCP 1");
    click(&mut harness, "bound");
    assert_says(&harness, &["LADDER", "DISCOVER", "OFFER", "REQUEST", "ACK", "MESSAGES"]);
}

#[test]
fn the_first_start_explains_itself_and_the_demo_is_a_click_away() {
    let first = Window::with(Settings::default());
    let mut harness = with(first, shown(BRIDGED, PlaybackState::Live), [1280.0, 900.0], egui::Theme::Dark);
    assert_says(&harness, &["Welcome to tapscope"]);
    click(&mut harness, "Open the demo");
    assert_eq!(taken(&mut harness), [Command::Demo]);
    assert!(!says(&harness, "Welcome to tapscope"));
    assert!(harness.state().window.settings().is_welcomed);
}

#[test]
fn text_grows_and_goes_back() {
    let mut harness = live(BRIDGED);
    press(&mut harness, Modifiers::COMMAND, Key::Plus);
    press(&mut harness, Modifiers::COMMAND, Key::Plus);
    assert_eq!(harness.state().window.settings().scale, 1.2);
    press(&mut harness, Modifiers::COMMAND, Key::Num0);
    assert_eq!(harness.state().window.settings().scale, 1.0);
}

#[test]
fn whatever_is_clicked_and_typed_nothing_breaks() {
    // A linear congruential generator (Knuth): the same minute every time.
    let mut state: u64 = 0x5DEE_CE66;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    const KEYS: [Key; 24] = [
        Key::Tab,
        Key::Enter,
        Key::Escape,
        Key::Space,
        Key::ArrowUp,
        Key::ArrowDown,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::K,
        Key::F,
        Key::D,
        Key::E,
        Key::W,
        Key::O,
        Key::L,
        Key::Z,
        Key::N,
        Key::Num2,
        Key::Num5,
        Key::Num6,
        Key::Questionmark,
        Key::Plus,
        Key::Minus,
    ];
    const TEXTS: [&str; 8] = ["icmp", "ip.addr == ", "(", "\"", "10.0.2.101", "…→\u{202e}", "not ", "/"];
    let mut shows = [shown(PORT_ADDRESS, PlaybackState::Live), shown(BRIDGED, PlaybackState::Live), shown("", PlaybackState::Paused)];
    shows[0].packets = packets();
    let mut harness = with(Window::new(), shows[0].clone(), [1280.0, 800.0], egui::Theme::Dark);
    // A minute of sixty steps a second; the machine that is slow plays as much of it as it can in half a minute, and never less than a tenth.
    let began = std::time::Instant::now();
    for step in 0..3600 {
        if step >= 360 && began.elapsed() > std::time::Duration::from_secs(30) {
            break;
        }
        match random(10) {
            0..=3 => {
                let pos = egui::pos2(random(1280) as f32, random(800) as f32);
                let button = if random(4) == 0 { egui::PointerButton::Secondary } else { egui::PointerButton::Primary };
                harness.event(egui::Event::PointerMoved(pos));
                for pressed in [true, false] {
                    harness.event(egui::Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
                }
            }
            4..=6 => {
                let modifiers = [Modifiers::NONE, Modifiers::NONE, Modifiers::COMMAND, Modifiers::SHIFT][random(4) as usize];
                let key = KEYS[random(KEYS.len() as u64) as usize];
                harness.key_press_modifiers(modifiers, key);
            }
            // What fonts lack is drawn as a box in a window, and is a panic only here.
            7 => harness.event(egui::Event::Text(TEXTS[random(5) as usize].to_owned())),
            8 if step % 50 == 0 => harness.state_mut().shown = shows[random(3) as usize].clone(),
            _ => {}
        }
        // Browsing opens the desktop's own dialog.
        harness.step();
        harness.state_mut().commands.clear();
    }
}

#[test]
fn a_click_on_an_octet_opens_the_layer_that_it_belongs_to() {
    let mut harness = recorded(PORT_ADDRESS);
    harness.state_mut().shown.packets = packets();
    press(&mut harness, Modifiers::NONE, Key::Num6);
    click(&mut harness, "ARP");
    assert!(!says(&harness, "sender hardware address"), "layers are closed at first");
    let line = harness.query_all_by_label_contains("0000  ").next().expect("octets").rect();
    // The sixteenth octet of an ARP frame in Ethernet is of its hardware type.
    let pos = line.left_center() + egui::vec2((6.0 + 3.0 * 15.0 + 0.5) * line.width() / 70.0, 0.0);
    harness.event(egui::Event::PointerMoved(pos));
    for pressed in [true, false] {
        harness.event(egui::Event::PointerButton { pos, button: egui::PointerButton::Primary, pressed, modifiers: Modifiers::NONE });
    }
    harness.run_steps(20);
    assert_says(&harness, &["sender hardware address"]);
}

/// The frames of a script, for the packet table.
fn packets() -> Packets {
    let mut packets = Packets::new(1 << 20);
    let mut batch = Batch::default();
    for line in PORT_ADDRESS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("host ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let bytes = common::frame(&words[2..]);
        let seconds: f64 = words[0].parse().expect("a time");
        let point = PointId(["tap0", "bridge0", "tap1"].iter().position(|name| words[1].starts_with(name)).unwrap_or(0) as u32);
        batch.push(Frame { at: at(seconds), point, direction: Direction::Unknown, original_length: bytes.len() as u32, bytes: &bytes });
    }
    packets.push(Arc::new(batch));
    packets
}

fn picture(theme: egui::Theme, name: &str, prepare: impl FnOnce(&mut Harness<'_, State>)) {
    let mut harness = with(Window::new(), shown(PORT_ADDRESS, PlaybackState::Paused), [1280.0, 800.0], theme);
    harness.state_mut().shown.packets = packets();
    harness.run_steps(2);
    prepare(&mut harness);
    harness.remove_cursor();
    harness.run_steps(4);
    harness.snapshot(name);
}

#[test]
fn rates_in_the_dark() {
    let mut harness = with(Window::new(), shown(BRIDGED, PlaybackState::Live), [1280.0, 800.0], egui::Theme::Dark);
    click(&mut harness, "guest web 10.0.2.101");
    click(&mut harness, "Rates");
    harness.remove_cursor();
    harness.run_steps(4);
    harness.snapshot("rates_dark");
}

#[test]
fn the_palette_in_the_dark() {
    picture(egui::Theme::Dark, "palette_dark", |harness| press(harness, Modifiers::COMMAND, Key::K));
}

#[test]
fn the_palette_in_the_light() {
    picture(egui::Theme::Light, "palette_light", |harness| press(harness, Modifiers::COMMAND, Key::K));
}

#[test]
fn the_dialogs_in_the_dark() {
    picture(egui::Theme::Dark, "export_dark", |harness| click(harness, "Export…"));
}

#[test]
fn a_filter_in_the_dark() {
    picture(egui::Theme::Dark, "filter_dark", |harness| {
        press(harness, Modifiers::COMMAND, Key::F);
        type_text(harness, "web and ip.ad");
    });
}
