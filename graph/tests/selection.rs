//! Which frames a selection holds, and that it holds no others.

mod common;

use common::{events, view};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Event, FrameNo, LinkType, PointId, Selection, Timestamp, View};

/// Two guests on a bridge and a stranger in another network with an address of the first; numbered as they come.
const NETWORK: &str = "
    0.0 host ns 1 own
    0.0 host device 2 tap0 tap 1a master 4
    0.0 host device 3 tap1 tap 1b master 4
    0.0 host device 4 br0 bridge 4
    0.0 host device 5 tap9 tap 1c
    0.0 host guest 100 g1 a@2
    0.0 host guest 101 g2 b@3
    0.0 host guest 102 g9 c@5
    0.0 tap0< a>* arp who-has 10.0.0.2 tell 10.0.0.1
    0.1 tap1> a>* arp who-has 10.0.0.2 tell 10.0.0.1
    0.2 tap1< b>a arp 10.0.0.2 is-at for 10.0.0.1
    0.3 tap0> b>a arp 10.0.0.2 is-at for 10.0.0.1
    1.0 tap0< a>b icmp request 10.0.0.1>10.0.0.2 1/1
    1.1 tap1> a>b icmp request 10.0.0.1>10.0.0.2 1/1
    2.0 tap0< a>b tcp syn 10.0.0.1:1234>10.0.0.2:80
    2.1 tap1< b>a tcp syn+ack 10.0.0.2:80>10.0.0.1:1234
    2.2 tap0< a>b tcp syn 10.0.0.1:1235>10.0.0.2:80
    3.0 tap0< a.10>b udp x 10.0.0.1:53>10.0.0.2:53
    4.0 tap9< c>d icmp request 10.0.0.1>10.0.0.7 5/1
    5.0 tap9< c>* arp who-has 10.0.0.2 tell 10.0.0.1
";

/// The numbers of the frames that a selection holds.
fn held(select: impl FnOnce(&mut Selection, &View)) -> Vec<u64> {
    let (mut network, events) = events(NETWORK, Limits::default());
    let view = network.view();
    let mut selection = Selection::default();
    select(&mut selection, &view);
    let frames = events.iter().filter_map(|event| match event {
        Event::Frames(batch) => Some(batch.frames().collect::<Vec<_>>()),
        _ => None,
    });
    let numbered = frames.flatten().zip(1..);
    numbered.filter(|(frame, number)| selection.holds(FrameNo(*number), LinkType::ETHERNET, frame)).map(|(_, number)| number).collect()
}

fn second(second: f64) -> Option<Timestamp> {
    Some(Timestamp(1_700_000_000_000_000_000 + (second * 1e9) as i64))
}

#[test]
fn nothing_chosen_is_everything() {
    assert_eq!(held(|_, _| {}), (1..=12).collect::<Vec<_>>());
    assert!(Selection::default().is_everything());
}

#[test]
fn a_point_is_all_that_was_seen_there_and_a_link_what_has_its_tag() {
    assert_eq!(held(|selection, view| assert!(selection.add_point(&view.tables, "tap1"))), [2, 3, 6, 8]);
    assert_eq!(held(|selection, view| assert!(selection.add_link(&view.topology, "tap0 VLAN 10"))), [10]);
    assert_eq!(held(|selection, view| assert!(selection.add_link(&view.topology, "tap0"))), [1, 4, 5, 7, 9]);
    held(|selection, view| {
        assert!(!selection.add_point(&view.tables, "tap7") && !selection.add_link(&view.topology, "tap7"));
        assert!(selection.is_everything());
    });
}

#[test]
fn a_guest_is_what_it_sends_and_gets_and_whoever_asks_for_it() {
    let second = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    for name in ["g2", "02:00:00:00:00:0b"] {
        assert_eq!(held(|selection, view| assert!(selection.add_node(view, name))), second, "{name}");
    }
    assert_eq!(held(|selection, view| assert!(selection.add_node(view, "g9"))), [11, 12]);
    held(|selection, view| assert!(!selection.add_node(view, "nobody")));
}

#[test]
fn an_address_that_two_guests_have_means_each_of_them_in_its_own_network() {
    assert_eq!(held(|selection, view| assert!(selection.add_node(view, "g1"))), (1..=10).collect::<Vec<_>>());
    assert_eq!(held(|selection, view| assert!(selection.add_node(view, "10.0.0.1"))), (1..=12).collect::<Vec<_>>());
    assert_eq!(held(|selection, view| assert!(selection.add_node(view, "10.0.0.7"))), [11], "nobody's: the address as it stands");
}

#[test]
fn a_bridge_is_what_passes_its_ports() {
    assert_eq!(held(|selection, view| assert!(selection.add_node(view, "br0"))), (1..=10).collect::<Vec<_>>());
}

#[test]
fn a_flow_is_both_ways_at_all_points() {
    let flow = "10.0.0.2:80-10.0.0.1:1234/tcp".parse().expect("a flow");
    assert_eq!(held(|selection, _| selection.flows.push(flow)), [7, 8]);
    let by_number = |selection: &mut Selection, view: &View| {
        let index = view.tables.flows.iter().position(|flow| flow.ports == Some((1235, 80))).expect("a flow");
        assert!(selection.add_flow(&view.tables, index) && !selection.add_flow(&view.tables, 99));
    };
    assert_eq!(held(by_number), [9]);
    let flow = "10.0.0.1-10.0.0.2".parse().expect("a flow");
    assert_eq!(held(|selection, _| selection.flows.push(flow)), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_journey_is_its_sightings() {
    let journey = |selection: &mut Selection, view: &View| {
        let echo = view.tables.echoes.iter().find(|echo| echo.frame == FrameNo(5)).expect("an echo");
        assert!(selection.add_journey(&view.tables, echo.journey.expect("a journey")) && !selection.add_journey(&view.tables, 999));
    };
    assert_eq!(held(journey), [5, 6]);
}

#[test]
fn time_begins_with_from_and_ends_before_to() {
    assert_eq!(held(|selection, _| (selection.from, selection.to) = (second(1.0), second(2.0))), [5, 6]);
}

#[test]
fn kinds_narrow_each_other_and_parts_of_a_kind_add_up() {
    let both = |selection: &mut Selection, view: &View| {
        assert!(selection.add_point(&view.tables, "tap0") && selection.add_point(&view.tables, "tap9"));
        assert!(selection.add_node(view, "g2") && selection.add_node(view, "g9"));
        selection.from = second(2.0);
    };
    assert_eq!(held(both), [7, 9, 10, 11, 12]);
    let mut selection = Selection::default();
    both(&mut selection, &view(NETWORK));
    assert!(selection.may_hold(PointId(0)) && !selection.may_hold(PointId(1)), "a reader may pass over points");
}
