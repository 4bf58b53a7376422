//! A living host in the window, as a screen reader sees it; where things lie; and two pictures.

#[path = "../../graph/tests/common/mod.rs"]
mod common;
mod harness;
#[allow(dead_code)]
mod hosts;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use harness::{State, assert_says, at, says, with};
use hosts::{BRIDGED, varied};
use std::collections::BTreeMap;
use std::sync::Arc;
use tapscope_graph::topology::Key;
use tapscope_graph::{LossCause, Packets, View};
use tapscope_gui::canvas::layout::{Layout, Slots, layout};
use tapscope_gui::{Command, Playback, PlaybackState, Shown, Window};

fn live(script: &str) -> Shown {
    let view = if script.is_empty() { View::default() } else { common::view(script) };
    let view = Arc::new(view);
    Shown {
        whole: view.clone(),
        view,
        packets: Packets::new(1 << 20),
        playback: Playback { state: PlaybackState::Live, speed: 1.0, position: at(2.0), begin: at(0.0), end: at(2.0), is_past: false },
        title: "kvm01".into(),
        notice: None,
        doing: tapscope_gui::session::Doing::default(),
    }
}

fn tall(script: &str) -> Harness<'static, State> {
    with(Window::new(), live(script), [1200.0, 1600.0], egui::Theme::Dark)
}

fn click(harness: &mut Harness<'_, State>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(4);
}

#[test]
fn a_guest_is_explained_with_where_each_fact_comes_from() {
    let mut harness = tall(BRIDGED);
    click(&mut harness, "guest web 10.0.2.101");
    assert_says(&harness, &["CARD 1", "virtio-net-pci", "02:00:00:00:00:0a", "seen by arp, source", "configured", "seen", "forwarding"]);
    assert!(!says(&harness, "which is not the address of the guest's card"));
}

#[test]
fn a_bridge_tells_its_ports_and_who_is_behind_them() {
    let mut harness = tall(BRIDGED);
    click(&mut harness, "bridge bridge0");
    assert_says(&harness, &["spanning tree", "PORTS", "FORWARDING DATABASE", "web 3 s ago", "db 12 s ago"]);
}

#[test]
fn this_host_tells_its_addresses_forwarding_and_neighbours() {
    let mut harness = tall(BRIDGED);
    click(&mut harness, "this host 10.0.2.100 10.0.3.100");
    assert_says(&harness, &["10.0.2.100/24", "configured on bridge0", "IPv4 forwarding", "NEIGHBOURS", "failed", "reachable"]);
}

#[test]
fn a_tap_tells_its_device_and_its_point() {
    let mut harness = tall(BRIDGED);
    harness.get_all_by_label("tap0").next().expect("a port in the list").click();
    harness.run_steps(4);
    assert_says(&harness, &["DEVICE", "BRIDGE PORT", "hairpin", "POINT", "1500"]);
}

#[test]
fn a_guest_that_sends_from_another_address_stands_out() {
    let mut harness = tall(&format!("{BRIDGED}\n1.3 tap0< c>* arp who-has 10.0.3.101 tell 10.0.2.55"));
    click(&mut harness, "guest web 10.0.2.101");
    assert_says(&harness, &["tap0 also carries frames from 02:00:00:00:00:0c", "seen, not configured", "OTHER STATIONS"]);
}

#[test]
fn the_list_and_the_picture_name_what_is_there() {
    let harness = with(Window::new(), live(&varied()), [1400.0, 2400.0], egui::Theme::Dark);
    assert_says(&harness, &["GUESTS", "THIS HOST AND NAMESPACES", "BRIDGES", "OTHER STATIONS", "POINTS"]);
    for label in
        ["bridge br0", "bridge br1", "bridge br2", "bridge macvlan on eth0", "guest mirror", "guest build", "namespace blue 10.0.1.77"]
    {
        harness.get_by_label(label);
    }
    for link in ["link vnet51, nobody has it open", "link vnet53, down", "link tap10, nobody has it open"] {
        harness.get_by_label(link);
    }
}

#[test]
fn the_tables_list_hosts_devices_and_neighbours() {
    let mut harness = tall(BRIDGED);
    for (tab, row) in [("Hosts 3", "10.0.2.100/24, 10.0.3.100/24"), ("Devices 3", "MTU"), ("Neighbours 2", "10.0.3.7")] {
        click(&mut harness, tab);
        assert_says(&harness, &[row]);
    }
}

#[test]
fn a_living_host_can_be_paused_and_taken_up_again() {
    let mut harness = tall(BRIDGED);
    assert_says(&harness, &["live", "3 points"]);
    assert!(!says(&harness, "Restart"), "a host has no beginning to go back to");
    click(&mut harness, "Pause");
    harness.state_mut().shown.playback.state = PlaybackState::Paused;
    harness.run_steps(4);
    assert_says(&harness, &["the picture stands"]);
    click(&mut harness, "Back to live");
    assert_eq!(harness.state().commands, [Command::Pause, Command::Play]);
}

#[test]
fn what_was_lost_is_shown() {
    let mut shown = live(&format!("{BRIDGED}\n0 host backlog 222\n1 host backlog 229"));
    shown.whole = Arc::default();
    let view = Arc::get_mut(&mut shown.view).expect("nobody else has it");
    view.tables.points[0].lost = 5;
    view.tables.points[0].lost_by.insert(LossCause::Queue, 5);
    let harness = with(Window::new(), shown, [1200.0, 800.0], egui::Theme::Dark);
    assert_says(&harness, &["5 lost", "7 dropped by the host"]);
}

#[test]
fn what_cannot_be_read_is_said() {
    let harness = tall(&format!("{BRIDGED}\n1 host unreadable the_guest_behind_tap7 process_812_is_another_user's sudo_tapscope"));
    assert_says(&harness, &["not readable: the guest behind tap7"]);
}

#[test]
fn a_notice_stays_until_it_is_read_and_another_comes() {
    let mut shown = live("");
    shown.notice = Some("the permission to capture is missing: sudo setcap cap_net_raw+ep tapscope".into());
    let mut harness = with(Window::new(), shown, [1200.0, 800.0], egui::Theme::Dark);
    assert_says(&harness, &["no guests are running here", "sudo setcap"]);
    click(&mut harness, "Dismiss");
    assert!(!says(&harness, "sudo setcap"));
    harness.state_mut().shown.notice = Some("another".into());
    harness.run_steps(4);
    assert_says(&harness, &["another"]);
}

/// Where the picture puts things, after each of some moments.
fn moments(scripts: &[String]) -> Vec<Layout> {
    let mut slots = Slots::default();
    scripts.iter().map(|script| layout(&slots.request(&common::view(script), &BTreeMap::new()))).collect()
}

/// That no card, rail or port of the first is elsewhere in the second; a rail may be longer.
fn assert_nothing_moved(before: &Layout, after: &Layout) {
    for (key, rect) in before.cards.iter().chain(&before.rails).filter(|(key, _)| !matches!(key, Key::Link(..))) {
        if let Some(now) = after.cards.get(key).or(after.rails.get(key)) {
            assert_eq!(rect.min, now.min, "{key} moved");
        }
    }
    assert_eq!(before.spine, after.spine);
}

#[test]
fn nothing_moves_when_a_guest_comes_leaves_and_comes_back() {
    let more = "
        3 host device 8 tap2 tap 18 master 4
        3 host guest 4800 new c@8
    ";
    let left = format!("{more}\n4 host gone guest 4711\n4 host gone device 2");
    let back = format!("{left}\n5 host device 12 tap0 tap 12 master 4\n5 host guest 5000 web a@12");
    let scripts: Vec<String> = ["", more, &left, &back].iter().map(|more| format!("{BRIDGED}{more}")).collect();
    let all = moments(&scripts);
    for pair in all.windows(2) {
        assert_nothing_moved(&pair[0], &pair[1]);
    }
    assert_nothing_moved(&all[0], &all[3]);
    assert_eq!(all[0].cards.len() + 1, all[3].cards.len());
}

#[test]
fn nothing_moves_on_a_host_of_three_bridges_either() {
    let script = varied();
    let left = format!("{script}\n4 host gone guest 2001\n4 host gone guest 2008\n4 host gone device 28");
    let back = format!("{left}\n5 host guest 9001 vm01 65@21\n5 host device 90 vnet8 tap 30 master 4\n5 host guest 9002 vm08 6c@90");
    let all = moments(&[script, left, back]);
    assert_nothing_moved(&all[0], &all[1]);
    assert_nothing_moved(&all[0], &all[2]);
    assert_eq!(all[0].cards.len(), all[2].cards.len());
}

#[test]
fn a_guest_on_two_bridges_has_one_card_and_two_wires() {
    let view = common::view(&varied());
    let layout = layout(&Slots::default().request(&view, &BTreeMap::new()));
    let guest = view.topology.nodes().find(|node| node.name.as_ref().is_some_and(|name| name.as_str() == "vm02")).expect("it is there");
    assert_eq!(layout.wires.iter().filter(|wire| wire.node == guest.key).count(), 2);
    let cards: Vec<_> = layout.cards.values().chain(layout.ports.values()).collect();
    for (index, a) in cards.iter().enumerate() {
        assert!(cards[index + 1..].iter().all(|b| !a.intersects(**b)), "cards overlap");
    }
}

#[test]
fn fifty_guests_have_a_card_each_and_the_bridge_reaches_them() {
    let view = common::view(&hosts::crowd(50));
    let layout = layout(&Slots::default().request(&view, &BTreeMap::new()));
    assert_eq!((layout.cards.len(), layout.rails.len()), (50, 1));
    let bounds = layout.bounds.expect("there is a picture");
    assert!(bounds.width() < 1100.0 && bounds.height() < 560.0, "too large to read: {bounds}");
}

#[test]
fn a_living_host_in_the_dark() {
    let mut harness = with(Window::new(), live(BRIDGED), [1280.0, 760.0], egui::Theme::Dark);
    harness.get_by_label("guest web 10.0.2.101").click();
    harness.run_steps(4);
    harness.remove_cursor();
    harness.run_steps(4);
    harness.snapshot("live_dark");
}

#[test]
fn a_living_host_in_the_light() {
    let mut harness = with(Window::new(), live(BRIDGED), [1280.0, 760.0], egui::Theme::Light);
    harness.get_by_label("Devices 3").click();
    harness.run_steps(4);
    harness.remove_cursor();
    harness.run_steps(4);
    harness.snapshot("live_light");
}

#[test]
fn a_guest_that_stops_stays_in_its_place_with_its_name_until_it_starts_again() {
    let mut harness = tall(BRIDGED);
    let place = |harness: &Harness<'_, State>, label: &str| harness.get_by_label(label).rect();
    let before = place(&harness, "guest db 10.0.3.101");
    let ended = format!("{BRIDGED}\n 1.3 host gone guest 4718\n 1.3 host device 3 tap1 tap 13 unread master 4\n");
    harness.state_mut().shown = live(&ended);
    harness.run_steps(4);
    assert_eq!(place(&harness, "stopped guest db 10.0.3.101"), before, "it moves nowhere");
    assert_says(&harness, &["GUESTS", "db", "stopped"]);
    assert!(!says(&harness, "OTHER STATIONS"), "it is no stranger");
    click(&mut harness, "stopped guest db 10.0.3.101");
    assert_says(&harness, &["a guest that stopped at 22:13:21.300; tap1 waits for it"]);
    harness.state_mut().shown = live(&format!("{ended} 1.5 host device 3 tap1 tap 13 master 4\n 1.5 host guest 4801 db b@3\n"));
    harness.run_steps(4);
    assert_eq!(place(&harness, "guest db 10.0.3.101"), before);
    assert!(!says(&harness, "stopped"));
}

#[test]
fn looking_closer_does_not_move_the_picture() {
    let mut harness = with(Window::new(), live(BRIDGED), [1280.0, 800.0], egui::Theme::Dark);
    let before = harness.get_by_label("guest db 10.0.3.101").rect();
    for label in ["guest web 10.0.2.101", "bridge bridge0", "this host 10.0.2.100 10.0.3.100", "guest db 10.0.3.101"] {
        click(&mut harness, label);
        assert_eq!(harness.get_by_label("guest db 10.0.3.101").rect(), before, "{label}");
    }
}
