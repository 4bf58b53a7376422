//! Why a ping fails, as the window tells it.

#[path = "../../graph/tests/common/mod.rs"]
mod common;
mod harness;
#[allow(dead_code)]
mod hosts;

use egui::{Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use harness::{State, assert_says, click, recorded, says, shown, taken, with};
use hosts::PORT_ADDRESS;
use tapscope_graph::diagnose::Party;
use tapscope_gui::{Command, PlaybackState, Window};

/// What it drops.
const RULE: &str = "0 host nft inet filter forward forward/0 0 ip protocol icmp drop";
/// A host that routes between two guests, and whose firewall drops the echoes.
const RULED: &str = "
    0 host ns 1 own
    0 host device 2 tap0 tap 12
    0 host device 3 tap1 tap 13
    0 host guest 4711 web a@2
    0 host guest 4718 db b@3
    0 host address 2 10.0.2.1/24
    0 host address 3 10.0.3.1/24
    0 host route 10.0.2.0/24 2
    0 host route 10.0.3.0/24 3
    0 host set net.ipv4.ip_forward 1
    0 host nft inet filter forward forward/0 0 ip protocol icmp drop
    0.1 tap0<    a>* arp who-has 10.0.2.1 tell 10.0.2.101
    0.1 tap0>    12>a arp 10.0.2.1 is-at for 10.0.2.101
    0.2 tap1<    b>* arp who-has 10.0.3.1 tell 10.0.3.101
    1.0 tap0<    a>12 icmp request 10.0.2.101>10.0.3.101 110/1
    2.0 tap0<    a>12 icmp request 10.0.2.101>10.0.3.101 110/2
    9.0 tap1<    b>* arp who-has 10.0.3.1 tell 10.0.3.101
";

#[test]
fn why_is_one_click_from_a_lost_echo() {
    let mut harness = recorded(PORT_ADDRESS);
    click(&mut harness, "why");
    assert!(matches!(&taken(&mut harness)[..], [Command::Why(Party::Ip(_), Party::Ip(_))]));
    assert_says(&harness, &["fails", "IP_ON_BRIDGE_PORT", "EVIDENCE", "FIX", "NEXT OBSTACLE", "LADDER", "RULED OUT", "NOT SEEN"]);
    click(&mut harness, "Close the answer");
    assert!(!says(&harness, "LADDER"));
}

#[test]
fn an_answer_stays_as_wide_as_it_is() {
    let mut harness = recorded(PORT_ADDRESS);
    click(&mut harness, "why");
    harness.run_steps(4);
    let left = |harness: &Harness<'_, State>| harness.get_by_label("EVIDENCE").rect().left();
    let before = left(&harness);
    harness.run_steps(40);
    assert_eq!(left(&harness), before);
}

#[test]
fn why_is_asked_by_a_click_and_a_shifted_click() {
    let mut harness = recorded(PORT_ADDRESS);
    click(&mut harness, "guest web 10.0.2.101");
    harness.get_by_label("this host 10.0.2.100").click_modifiers(Modifiers::SHIFT);
    harness.run_steps(4);
    assert_says(&harness, &["LADDER", "fails"]);
}

#[test]
fn evidence_of_state_leads_to_where_it_is_shown_and_back() {
    let mut harness = recorded(PORT_ADDRESS);
    click(&mut harness, "why");
    let link = "routes and settings of this host";
    assert!(!says(&harness, "Back to the answer"));
    harness.get_all_by_label(link).next().unwrap_or_else(|| panic!("nothing is called {link:?}")).click();
    harness.run_steps(4);
    assert_says(&harness, &["Back to the answer", "ROUTES", "NEIGHBOURS"]);
    assert!(!says(&harness, "Watch again") && says(&harness, "LADDER"), "the way stays where it is");
    click(&mut harness, "Back to the answer");
    assert_says(&harness, &["Watch again", "EVIDENCE"]);
}

#[test]
fn a_rule_that_drops_is_shown_among_the_others() {
    let mut harness = recorded(RULED);
    click(&mut harness, "why");
    assert_says(&harness, &["NFT_DROP", "EVIDENCE"]);
    click(&mut harness, "firewall of this host");
    assert_says(&harness, &["Back to the answer", "ip protocol icmp drop", "drops it"]);
}

#[test]
fn the_ladder_tells_what_was_passed_and_what_nobody_reached() {
    let mut harness = recorded(RULED);
    click(&mut harness, "why");
    assert_says(&harness, &["echo request", "died here", "not reached", "the way of the reply was not exercised", "LISTENED TO"]);
    assert!(!says(&harness, "perhaps; nothing tells"), "the cause tells how far it came");
}

#[test]
fn where_nothing_explains_it_the_answer_says_so_and_how_far_it_was_seen() {
    let mut harness = recorded(&RULED.replace(RULE, ""));
    click(&mut harness, "why");
    assert_says(
        &harness,
        &[
            "cannot be known from here",
            "The cause is not known: nothing that the host says explains it",
            "last seen tap0 in, next expected tap1 out",
            "perhaps; nothing tells",
            "net.ipv4.ip_forward is 1",
        ],
    );
}

#[test]
fn what_would_stop_it_next_opens_with_its_own_fix() {
    let mut harness = recorded(&RULED.replace("ip_forward 1", "ip_forward 0"));
    click(&mut harness, "why");
    assert_says(&harness, &["IP_FORWARD_OFF", "NEXT OBSTACLE", "NFT_DROP"]);
    let fixes = |harness: &Harness<'_, State>| harness.query_all_by_label("Copy the fix").count();
    assert_eq!(fixes(&harness), 1);
    click(&mut harness, "NFT_DROP");
    assert_eq!(fixes(&harness), 2);
}

#[test]
fn causes_that_are_each_enough_are_all_told() {
    let isolated = "
        0 host ns 1 own
        0 host device 2 tap0 tap 12 master 4 isolated
        0 host device 3 tap1 tap 13 master 4 isolated no-broadcast
        0 host device 4 bridge0 bridge 14
        0 host guest 4711 web a@2
        0 host guest 4718 db b@3
        0.1 tap1<    b>* arp who-has 10.0.2.1 tell 10.0.2.102
        1.0 tap0<    a>* arp who-has 10.0.2.102 tell 10.0.2.101
        2.0 tap0<    a>* arp who-has 10.0.2.102 tell 10.0.2.101
        9.0 tap1<    b>* arp who-has 10.0.2.1 tell 10.0.2.102
    ";
    let mut harness = recorded(isolated);
    click(&mut harness, "guest web 10.0.2.101");
    harness.get_by_label("guest db 10.0.2.102").click_modifiers(Modifiers::SHIFT);
    harness.run_steps(4);
    assert_says(&harness, &["PORT_ISOLATED", "EACH OF THESE IS ENOUGH ALONE: MEND IT, TOO", "BCAST_FLOOD_OFF"]);
}

fn picture(theme: Theme, name: &str) {
    let mut harness = with(Window::new(), shown(PORT_ADDRESS, PlaybackState::Paused), [1280.0, 800.0], theme);
    click(&mut harness, "why");
    harness.remove_cursor();
    harness.run_steps(4);
    harness.snapshot(name);
}

#[test]
fn why_in_the_dark() {
    picture(Theme::Dark, "why_dark");
}

#[test]
fn why_in_the_light() {
    picture(Theme::Light, "why_light");
}
