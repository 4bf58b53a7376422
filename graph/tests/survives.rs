//! Any bytes are survived, any bound holds, and the hash seed shows nowhere.

mod common;

use proptest::prelude::*;
use tapscope_graph::decode::{layers, summary};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Direction, Event, Frame, LinkType, Network, PointId, PointInfo, Text, Timestamp};

const LINK_TYPES: [u32; 10] = [1, 0, 12, 101, 108, 113, 228, 229, 276, 147];

fn small() -> Limits {
    Limits { points: 2, flows: 4, stations: 8, echoes: 4, journeys: 16, transactions: 4, rows: 4 }
}

/// Frames that have something to say, to be damaged.
fn seeds() -> Vec<Vec<u8>> {
    [
        "a>* arp who-has 10.0.0.2 tell 10.0.0.1",
        "b>a arp 10.0.0.2 is-at for 10.0.0.1",
        "a>b icmp request 10.0.0.1>10.0.0.2 1/1",
        "b.20>a icmp reply 10.0.0.2>10.0.0.1 1/1",
        "a>b tcp syn 10.0.0.1:1000>10.0.0.2:80",
        "a>b udp - 10.0.0.1:68>10.0.0.2:67",
        "a>b udp - 10.0.0.1:53>10.0.0.2:53",
        "a>b udp - 10.0.0.1:9>10.0.0.2:4789",
    ]
    .map(|line| common::frame(&line.split_whitespace().collect::<Vec<_>>()))
    .to_vec()
}

fn observe(link_type: LinkType, frames: &[(i64, u32, Vec<u8>)], limits: Limits, seed: u64) -> String {
    let mut one_by_one = open(link_type, limits.clone(), seed);
    let mut together = open(link_type, limits.clone(), seed);
    let mut ahead = open(link_type, limits, seed);
    let mut all = Batch::default();
    for (at, point, bytes) in frames {
        let frame =
            Frame { at: Timestamp(*at), point: PointId(*point), direction: Direction::Unknown, original_length: bytes.len() as u32, bytes };
        for layer in layers(link_type, &frame) {
            assert!(layer.fields.iter().all(|field| field.range.end <= bytes.len()));
        }
        let line = summary(link_type, &frame);
        assert!(!line.info.chars().any(char::is_control), "{:?}", line.info);
        one_by_one.observe_frame(&frame);
        all.push(frame);
    }
    let mut outlined = all.clone();
    outlined.outline(&[link_type; 2]);
    together.observe(&Event::Frames(all));
    ahead.observe(&Event::Frames(outlined));
    let view = one_by_one.view();
    assert_eq!(view.tables.frames, frames.len() as u64);
    assert_eq!(view.printed(), together.view().printed(), "a batch shows what its frames show");
    assert_eq!(view.printed(), ahead.view().printed(), "an outline shows what the frames show");
    view.printed()
}

fn open(link_type: LinkType, limits: Limits, seed: u64) -> Network {
    let mut network = Network::new(limits, seed);
    for name in ["tap0", "tap1"] {
        network.observe(&Event::Opened(PointInfo { name: Some(name.into()), link_type, ..PointInfo::default() }));
    }
    network
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let seeds = seeds();
    (0..seeds.len(), proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), any::<prop::sample::Index>()).prop_map(
        move |(seed, changes, cut)| {
            let mut bytes = seeds[seed].clone();
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            let keep = cut.index(bytes.len() * 2);
            bytes.truncate(keep.max(1));
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_of_any_link_type_are_survived(
        link_type in prop::sample::select(LINK_TYPES.to_vec()),
        frames in proptest::collection::vec((any::<i64>(), 0u32..4, proptest::collection::vec(any::<u8>(), 0..120)), 0..12),
    ) {
        observe(LinkType(link_type), &frames, small(), 1);
    }

    #[test]
    fn damaged_frames_are_survived_and_the_seed_does_not_show(
        frames in proptest::collection::vec((0i64..5_000_000_000, 0u32..2, damaged()), 0..40),
    ) {
        let once = observe(LinkType::ETHERNET, &frames, small(), 1);
        prop_assert_eq!(&once, &observe(LinkType::ETHERNET, &frames, small(), 2));
    }

    #[test]
    fn sanitised_text_has_no_control_and_no_direction_override(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = Text::from_wire(&bytes);
        let is_safe = |c: char| !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        prop_assert!(text.as_str().chars().all(is_safe), "{text}");
    }
}

#[test]
fn an_outline_says_nothing_of_frames_that_came_later() {
    let frames = seeds();
    let frame = |bytes| Frame { at: Timestamp(0), point: PointId(0), direction: Direction::Unknown, original_length: 60, bytes };
    let mut batch = Batch::default();
    batch.push(frame(&frames[0]));
    batch.outline(&[LinkType::ETHERNET]);
    batch.push(frame(&frames[1]));
    let mut refilled = batch.clone();
    refilled.outline(&[LinkType::ETHERNET]);
    refilled.clear();
    for bytes in &frames[..2] {
        refilled.push(frame(bytes));
    }
    let view = |batch: &Batch| {
        let mut network = open(LinkType::ETHERNET, small(), 1);
        network.observe_batch(batch);
        network.view().printed()
    };
    let mut one_by_one = open(LinkType::ETHERNET, small(), 1);
    frames[..2].iter().for_each(|bytes| one_by_one.observe_frame(&frame(bytes)));
    assert_eq!([view(&batch), view(&refilled)], [one_by_one.view().printed(), one_by_one.view().printed()]);
}

#[test]
fn bounds_hold_and_say_what_they_dropped() {
    let mut script = String::new();
    for number in 0..200 {
        let host = number % 250 + 1;
        script += &format!(
            "{}.{number:03} tap0 {:x}>{:x} udp - 10.0.{}.{host}:{number}>10.0.0.1:9\n",
            number / 50,
            number % 16,
            (number + 1) % 16,
            number % 7
        );
    }
    let view = common::view_with(&script, small());
    let tables = &view.tables;
    assert!(tables.flows.len() <= 4 && tables.stations.len() <= 8 && tables.bindings.len() <= 8);
    assert_eq!((tables.flows.len() as u64 + tables.dropped.flows, tables.frames), (200, 200));
    assert!(tables.dropped.stations > 0);
    assert!(view.findings.iter().any(|finding| finding.kind.code() == "DROPPED"));
}

#[test]
fn pushed_out_flows_leave_their_octets_with_the_stations() {
    let script: String = (0..50).map(|number| format!("0.{number:03} tap0 a>b udp - 10.0.0.1:{}>10.0.0.2:9\n", 1000 + number)).collect();
    let all = common::view(&script);
    let few = common::view_with(&script, Limits { flows: 4, ..Limits::default() });
    let sums = |view: &tapscope_graph::View| {
        view.tables.stations.iter().map(|station| (station.mac, station.sent, station.received)).collect::<Vec<_>>()
    };
    assert_eq!(sums(&all), sums(&few));
}
