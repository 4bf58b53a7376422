#[path = "../../graph/tests/common/mod.rs"]
mod common;
mod harness;
#[allow(dead_code)]
mod hosts;
use egui::{Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use harness::{State, click, press, shown, type_text};
use hosts::*;
use std::sync::Arc;
use tapscope_graph::{Batch, Direction, Frame, Packets, PointId};
use tapscope_gui::session::{Job, JobId, JobState, Recording};
use tapscope_gui::{PlaybackState, Settings, Shown, Window};

fn packets(script: &str) -> Packets {
    let mut packets = Packets::new(1 << 20);
    let mut batch = Batch::default();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("host ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let bytes = common::frame(&words[2..]);
        let seconds: f64 = words[0].parse().expect("a time");
        let point = PointId(["tap0", "bridge0", "tap1"].iter().position(|name| words[1].starts_with(name)).unwrap_or(0) as u32);
        batch.push(Frame {
            at: harness::at(seconds),
            point,
            direction: Direction::Unknown,
            original_length: bytes.len() as u32,
            bytes: &bytes,
        });
    }
    packets.push(Arc::new(batch));
    packets
}

fn open(shown: Shown, window: Window, theme: Theme, large: bool, text: bool) -> Harness<'static, State> {
    let state = State { window, shown, commands: Vec::new() };
    let size = if large { [1920.0, 1080.0] } else { [1280.0, 800.0] };
    let mut builder = Harness::builder().with_size(size).with_theme(theme).with_max_steps(40);
    if large {
        builder = builder.with_pixels_per_point(2.0);
    }
    let mut harness = builder.build_ui_state(
        |ui, state: &mut State| {
            let commands = state.window.ui(ui, &Arc::new(state.shown.clone()));
            state.commands.extend(commands);
        },
        state,
    );
    harness.run_steps(4);
    if text {
        for _ in 0..5 {
            press(&mut harness, Modifiers::COMMAND, Key::Plus);
        }
    }
    harness
}

#[test]
fn gallery() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots/gallery");
    std::fs::create_dir_all(&folder).unwrap();
    for (suffix, theme, large, text) in [
        ("dark", Theme::Dark, false, false),
        ("light", Theme::Light, false, false),
        ("4k", Theme::Light, true, false),
        ("text15", Theme::Dark, false, true),
    ] {
        if !std::env::var("KIND").map_or(true, |kind| kind.split(',').any(|k| k == suffix)) {
            continue;
        }
        let save = |name: &str, harness: &mut Harness<'_, State>| {
            harness.remove_cursor();
            harness.run_steps(4);
            let image = harness.render().expect("a picture");
            image.save(folder.join(format!("{name}_{suffix}.png"))).unwrap();
        };
        let want = |name: &str| only.is_empty() || only.split(',').any(|one| name.starts_with(one));
        let sh = |script: &str, state| {
            let mut s = shown(script, state);
            s.packets = packets(script);
            s
        };
        let live = |script: &str| open(sh(script, PlaybackState::Live), Window::new(), theme, large, text);
        if want("main") {
            save("main", &mut live(BRIDGED));
        }
        if want("stopped") {
            let mut h = live(&format!("{BRIDGED}\n 1.3 host gone guest 4718\n 1.3 host device 3 tap1 tap 13 unread master 4\n"));
            save("stopped", &mut h);
        }
        if want("varied") {
            save("varied", &mut live(&varied()));
        }
        if want("crowd") {
            save("crowd", &mut live(&crowd(80)));
        }
        if want("divided") {
            save("divided", &mut live(&divided(12)));
        }
        if want("afar") {
            let mut h = live(&varied());
            for _ in 0..4 {
                press(&mut h, Modifiers::NONE, Key::Minus);
            }
            save("afar", &mut h);
        }
        if want("afar2") {
            let mut h = live(&crowd(150));
            save("afar2", &mut h);
        }
        for (n, tab) in [
            (Key::Num1, "echoes"),
            (Key::Num2, "flows"),
            (Key::Num3, "hosts"),
            (Key::Num4, "arp"),
            (Key::Num5, "dhcp"),
            (Key::Num6, "packets"),
            (Key::Num7, "findings"),
            (Key::Num8, "devices"),
            (Key::Num9, "neighbours"),
        ] {
            let name = format!("tab_{tab}");
            if !want(&name) {
                continue;
            }
            let mut h = live(PORT_ADDRESS);
            press(&mut h, Modifiers::NONE, n);
            if tab == "packets" {
                click(&mut h, "ARP");
            }
            save(&name, &mut h);
        }
        for (page, label) in [("facts", "Facts"), ("rates", "Rates"), ("time", "Over time")] {
            let name = format!("inspect_{page}");
            if want(&name) {
                let mut h = live(BRIDGED);
                click(&mut h, "guest web 10.0.2.101");
                click(&mut h, label);
                save(&name, &mut h);
            }
        }
        if want("inspect_bridge") {
            let mut h = live(BRIDGED);
            click(&mut h, "bridge bridge0");
            save("inspect_bridge", &mut h);
        }
        if want("inspect_host") {
            let mut h = live(BRIDGED);
            click(&mut h, "this host 10.0.2.100 10.0.3.100");
            save("inspect_host", &mut h);
        }
        if want("inspect_link") {
            let mut h = live(BRIDGED);
            click(&mut h, "tap0");
            save("inspect_link", &mut h);
        }
        if want("inspect_echo") {
            let mut h = live(BRIDGED);
            click(&mut h, "109/1");
            save("inspect_echo", &mut h);
        }
        for (dialog, key) in [("record", Key::R), ("export", Key::E), ("why", Key::D), ("palette", Key::K)] {
            let name = format!("dialog_{dialog}");
            if want(&name) {
                let mut h = live(PORT_ADDRESS);
                press(&mut h, Modifiers::COMMAND, key);
                save(&name, &mut h);
            }
        }
        if want("dialog_name") {
            let mut h = live(BRIDGED);
            click(&mut h, "guest web 10.0.2.101");
            press(&mut h, Modifiers::NONE, Key::F2);
            save("dialog_name", &mut h);
        }
        if want("help") {
            let mut h = live(BRIDGED);
            press(&mut h, Modifiers::NONE, Key::Questionmark);
            save("help", &mut h);
        }
        if want("menu") {
            let mut h = live(BRIDGED);
            click(&mut h, "Menu");
            save("menu", &mut h);
        }
        if want("listen") {
            let mut h = live(BRIDGED);
            click(&mut h, "Listening · 3 points");
            save("listen", &mut h);
        }
        if want("welcome") {
            let mut h = open(sh(BRIDGED, PlaybackState::Live), Window::with(Settings::default()), theme, large, false);
            save("welcome", &mut h);
        }
        if want("empty") {
            let mut h = open(shown("", PlaybackState::Live), Window::new(), theme, large, text);
            save("empty", &mut h);
        }
        if want("emptyfile") {
            let mut h = open(shown("", PlaybackState::Paused), Window::new(), theme, large, text);
            save("emptyfile", &mut h);
        }
        if want("errors") {
            let mut h = live(BRIDGED);
            h.state_mut().shown.notice =
                Some("tap9 cannot be opened: permission denied (sudo setcap cap_net_raw,cap_net_admin+ep tapscope)".into());
            let job = |id, title: &str, state| Job { id: JobId(id), title: title.into(), state };
            h.state_mut().shown.doing.jobs = vec![
                job(1, "Export a.pcapng", JobState::Running(Some(0.4))),
                job(2, "Wireshark", JobState::Failed("wireshark is not installed (sudo apt-get install wireshark)".into())),
            ];
            h.state_mut().shown.doing.recording = Some(Recording { path: "today.pcapng".into(), packets: 12, octets: 3400, dropped: 3 });
            save("errors", &mut h);
        }
        if want("why") {
            let mut h = live(PORT_ADDRESS);
            click(&mut h, "why");
            save("why", &mut h);
        }
        if want("aside") {
            let mut h = live(PORT_ADDRESS);
            click(&mut h, "why");
            h.get_all_by_label("routes and settings of this host").next().unwrap().click();
            h.run_steps(4);
            save("aside", &mut h);
        }
        if want("filter") {
            let mut h = live(BRIDGED);
            press(&mut h, Modifiers::COMMAND, Key::F);
            type_text(&mut h, "ip.addr == 10.0.3.101 and ip.ad");
            save("filter", &mut h);
        }
        if want("focus") {
            let mut h = live(BRIDGED);
            for _ in 0..3 {
                press(&mut h, Modifiers::NONE, Key::Tab);
            }
            save("focus", &mut h);
        }
        if want("past") {
            let mut h = live(BRIDGED);
            h.state_mut().shown.playback.is_past = true;
            h.state_mut().shown.playback.state = PlaybackState::Paused;
            h.state_mut().shown.playback.position = harness::at(0.5);
            save("past", &mut h);
        }
    }
}
