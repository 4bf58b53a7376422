//! Cables: packets as they are seen on the carrier's device, and the guests' frames that come out of them.

#[path = "lab/carrier.rs"]
#[allow(dead_code)]
mod carrier;
#[path = "lab/frame.rs"]
#[allow(dead_code)]
mod frame;

use carrier::{ACK, FIN, RST, SYN, record, tcp, udp};
use expect_test::{Expect, expect};
use frame::{arp, echo};
use proptest::prelude::*;
use std::fmt::Write;
use std::net::SocketAddrV4;
use tapscope_capture::cable::{Counts, Passed, Stream, Unwrapper};
use tapscope_graph::host::Carrier;
use tapscope_graph::{Direction, LinkType, Timestamp};

const LISTENER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 8010);
const PEER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 40_000);
const OTHER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 40_002);

/// A cable, the time in milliseconds, and all that came out, a line each.
struct Cable {
    unwrapper: Unwrapper,
    now: i64,
    text: String,
}

impl Cable {
    fn new(carrier: Carrier) -> Cable {
        Cable { unwrapper: Unwrapper::new(carrier, LinkType::ETHERNET), now: 0, text: String::new() }
    }

    fn tcp() -> Cable {
        Cable::new(Carrier::Tcp { address: "0.0.0.0".parse().unwrap(), port: 8010 })
    }

    /// One that was opened: both begin with octet 1.
    fn connected() -> Cable {
        let mut cable = Cable::tcp();
        cable.open(PEER);
        cable
    }

    fn open(&mut self, peer: SocketAddrV4) {
        self.packet(&tcp(peer, LISTENER, 0, 0, SYN, &[]));
        self.packet(&tcp(LISTENER, peer, 0, 1, SYN | ACK, &[]));
        self.packet(&tcp(peer, LISTENER, 1, 1, ACK, &[]));
    }

    /// A packet, a millisecond after the one before.
    fn packet(&mut self, octets: &[u8]) {
        self.now += 1;
        let text = &mut self.text;
        self.unwrapper.packet(Timestamp(self.now * 1_000_000), octets, &mut |passed| tell(text, passed));
    }

    /// Octets from the listener to its peer.
    fn listener(&mut self, sequence: u32, octets: &[u8]) {
        self.packet(&tcp(LISTENER, PEER, sequence, 1, ACK, octets));
    }

    /// The peer has everything before a sequence number.
    fn acknowledge(&mut self, sequence: u32) {
        self.packet(&tcp(PEER, LISTENER, 1, sequence, ACK, &[]));
    }

    /// Time passes.
    fn wait(&mut self, milliseconds: i64) {
        self.now += milliseconds;
        let text = &mut self.text;
        self.unwrapper.expire(Timestamp(self.now * 1_000_000), &mut |passed| tell(text, passed));
    }

    fn check(self, expected: Expect) {
        expected.assert_eq(&format!("{}{}\n", self.text, words(self.unwrapper.counts())));
    }
}

/// When, which way, what.
fn tell(text: &mut String, passed: Passed<'_>) {
    let way = match passed.direction {
        Direction::Inbound => "in",
        Direction::Outbound => "out",
        Direction::Unknown => "?",
    };
    let frame = passed.octets;
    let what = match frame.get(12..14) {
        Some([8, 0]) if frame[23] == 1 => format!("echo {}", u16::from_be_bytes([frame[40], frame[41]])),
        Some([8, 0]) => format!("ip {}", frame[23]),
        Some([8, 6]) => "arp".to_owned(),
        _ => format!("{} octets", frame.len()),
    };
    let _ = writeln!(text, "{} ms {way} {what}", passed.at.0 / 1_000_000);
}

/// Those that are not zero.
fn words(counts: Counts) -> String {
    let Counts { frames, empty, lost, resyncs, skipped_octets, missing_octets, repeated, foreign } = counts;
    let all = [
        (frames, "frames"),
        (empty, "empty"),
        (lost, "lost"),
        (resyncs, "resyncs"),
        (skipped_octets, "octets skipped"),
        (missing_octets, "octets missing"),
        (repeated, "repeated"),
        (foreign, "foreign"),
    ];
    all.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

/// A ping's record: 78 octets.
fn ping(sequence: u16) -> Vec<u8> {
    record(&echo(1, 2, sequence))
}

#[test]
fn a_frame_is_behind_its_length_wherever_the_segments_end() {
    let mut cable = Cable::connected();
    // Two at once, one in three parts, one octet of the next length.
    cable.listener(1, &[ping(1), ping(2)].concat());
    let third = ping(3);
    cable.listener(157, &third[..3]);
    cable.listener(160, &third[3..50]);
    cable.packet(&tcp(PEER, LISTENER, 1, 160, ACK, &record(&arp(2, 1))));
    cable.listener(207, &[&third[50..], &[0][..]].concat());
    cable.check(expect![[r#"
        4 ms in echo 1
        4 ms in echo 2
        7 ms out arp
        8 ms in echo 3
        4 frames
    "#]]);
}

#[test]
fn a_length_of_zero_is_read_over() {
    let mut cable = Cable::connected();
    cable.listener(1, &[&[0; 8][..], &ping(1)].concat());
    cable.check(expect![[r#"
        4 ms in echo 1
        1 frames, 2 empty
    "#]]);
}

#[test]
fn segments_that_overtake_each_other_are_put_in_order() {
    let mut cable = Cable::connected();
    cable.listener(79, &ping(2));
    cable.listener(157, &ping(3));
    cable.listener(1, &ping(1));
    cable.check(expect![[r#"
        6 ms in echo 1
        4 ms in echo 2
        5 ms in echo 3
        3 frames
    "#]]);
}

#[test]
fn what_is_sent_again_is_no_second_frame() {
    let mut cable = Cable::connected();
    cable.listener(1, &ping(1));
    cable.listener(1, &ping(1));
    // With new octets behind the old ones.
    cable.listener(1, &[ping(1), ping(2)].concat());
    // Held twice, and overlapping.
    cable.listener(235, &ping(4));
    cable.listener(235, &ping(4));
    cable.listener(157, &[ping(3), ping(4), ping(5)].concat());
    cable.check(expect![[r#"
        4 ms in echo 1
        6 ms in echo 2
        9 ms in echo 3
        9 ms in echo 4
        9 ms in echo 5
        5 frames, 3 repeated
    "#]]);
}

#[test]
fn sequence_numbers_begin_again_at_zero() {
    let mut cable = Cable::tcp();
    let first = u32::MAX - 100;
    cable.packet(&tcp(PEER, LISTENER, 0, 0, SYN, &[]));
    cable.packet(&tcp(LISTENER, PEER, first.wrapping_sub(1), 1, SYN | ACK, &[]));
    cable.listener(first.wrapping_add(78), &ping(2));
    cable.listener(first, &ping(1));
    cable.listener(first.wrapping_add(156), &ping(3));
    cable.check(expect![[r#"
        4 ms in echo 1
        3 ms in echo 2
        5 ms in echo 3
        3 frames
    "#]]);
}

#[test]
fn a_hole_is_given_up_when_the_receiver_has_what_is_missing() {
    let mut cable = Cable::connected();
    cable.listener(1, &ping(1));
    cable.listener(157, &ping(3));
    // It has the first only, as far as this tells.
    cable.acknowledge(79);
    cable.listener(235, &ping(4));
    cable.acknowledge(235);
    cable.check(expect![[r#"
        4 ms in echo 1
        5 ms in echo 3
        7 ms in echo 4
        3 frames, 1 lost, 1 resyncs, 78 octets missing
    "#]]);
}

#[test]
fn a_hole_is_given_up_after_a_tenth_of_a_second() {
    let mut cable = Cable::connected();
    cable.listener(1, &ping(1));
    cable.listener(157, &ping(3));
    cable.wait(98);
    cable.text += "98 ms later\n";
    cable.wait(2);
    cable.check(expect![[r#"
        4 ms in echo 1
        98 ms later
        5 ms in echo 3
        2 frames, 1 lost, 1 resyncs, 78 octets missing
    "#]]);
}

#[test]
fn a_hole_at_the_end_is_told_by_the_receiver() {
    let mut cable = Cable::connected();
    cable.listener(1, &ping(1));
    cable.acknowledge(235);
    cable.wait(100);
    cable.listener(235, &ping(4));
    cable.check(expect![[r#"
        4 ms in echo 1
        106 ms in echo 4
        2 frames, 1 lost, 1 resyncs, 156 octets missing
    "#]]);
}

#[test]
fn half_a_frame_before_a_hole_is_lost_with_it() {
    let mut cable = Cable::connected();
    cable.listener(1, &ping(1)[..40]);
    cable.listener(79, &ping(2));
    cable.acknowledge(157);
    cable.check(expect![[r#"
        5 ms in echo 2
        1 frames, 1 lost, 1 resyncs, 40 octets skipped, 38 octets missing
    "#]]);
}

#[test]
fn in_the_middle_a_segment_begins_with_a_record() {
    let mut cable = Cable::tcp();
    // The rest of a frame that began before.
    cable.listener(1, &ping(1)[30..]);
    cable.listener(49, &ping(2));
    cable.packet(&tcp(PEER, LISTENER, 7, 127, ACK, &record(&arp(2, 1))));
    cable.check(expect![[r#"
        2 ms in echo 2
        3 ms out arp
        2 frames, 48 octets skipped
    "#]]);
}

#[test]
fn a_stream_that_was_cut_otherwise_is_known_by_twelve_records() {
    let mut cable = Cable::tcp();
    let stream: Vec<u8> = (1..=16).flat_map(ping).collect();
    // A relay sends what it has: 100 octets each time.
    for (number, piece) in stream[30..].chunks(100).enumerate() {
        cable.listener(number as u32 * 100, piece);
    }
    cable.check(expect![[r#"
        2 ms in echo 2
        3 ms in echo 3
        3 ms in echo 4
        4 ms in echo 5
        5 ms in echo 6
        6 ms in echo 7
        6 ms in echo 8
        7 ms in echo 9
        8 ms in echo 10
        9 ms in echo 11
        10 ms in echo 12
        10 ms in echo 13
        11 ms in echo 14
        12 ms in echo 15
        13 ms in echo 16
        15 frames, 48 octets skipped
    "#]]);
}

#[test]
fn a_stream_in_a_stream_is_not_taken_for_the_cable() {
    // One guest sends another the recording of a cable: records in the payload of its segments.
    let inner: Vec<u8> = (1..=40).flat_map(ping).collect();
    let outer: Vec<Vec<u8>> = inner
        .chunks(900)
        .map(|piece| {
            record(&frame::ipv4(1, 2, 6, &[&[0x9c, 0x40, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10, 1, 0, 0, 0, 0, 0][..], piece].concat()))
        })
        .collect();
    let stream = outer.concat();
    let mut cable = Cable::tcp();
    for (number, piece) in stream[70..].chunks(536).enumerate() {
        cable.listener(number as u32 * 536, piece);
    }
    cable.listener((stream.len() - 70) as u32, &ping(99));
    cable.check(expect![[r#"
        8 ms in echo 99
        1 frames, 3282 octets skipped
    "#]]);
}

#[test]
fn a_lying_length_ends_the_step_and_the_next_segment_begins_it_again() {
    let mut cable = Cable::connected();
    cable.listener(1, &[&ping(1)[..], &[0, 2, 0, 0], &[0x55; 40]].concat());
    cable.listener(123, &ping(2));
    cable.check(expect![[r#"
        4 ms in echo 1
        5 ms in echo 2
        2 frames, 1 lost, 1 resyncs, 44 octets skipped
    "#]]);
}

#[test]
fn who_connects_again_begins_again() {
    let mut cable = Cable::connected();
    cable.listener(1, &ping(1)[..20]);
    cable.packet(&tcp(PEER, LISTENER, 1, 21, FIN | ACK, &[]));
    cable.packet(&tcp(LISTENER, PEER, 21, 2, RST, &[]));
    // From another port.
    cable.open(OTHER);
    cable.packet(&tcp(LISTENER, OTHER, 1, 1, ACK, &ping(2)));
    // From the first one again, without an end before.
    cable.open(PEER);
    cable.listener(1, &ping(3));
    cable.packet(&tcp(PEER, LISTENER, 500, 0, SYN, &[]));
    cable.packet(&tcp(LISTENER, PEER, 900, 501, SYN | ACK, &[]));
    cable.listener(901, &ping(4));
    cable.check(expect![[r#"
        10 ms in echo 2
        14 ms in echo 3
        17 ms in echo 4
        3 frames, 20 octets skipped
    "#]]);
}

#[test]
fn a_second_peer_in_the_queue_does_not_disturb_the_first() {
    let mut cable = Cable::connected();
    cable.listener(1, &ping(1)[..30]);
    cable.open(OTHER);
    cable.packet(&tcp(OTHER, LISTENER, 1, 1, ACK, &record(&arp(3, 1))));
    cable.listener(31, &ping(1)[30..]);
    cable.packet(&tcp(PEER, LISTENER, 1, 79, ACK, &ping(2)));
    cable.check(expect![[r#"
        8 ms out arp
        9 ms in echo 1
        10 ms out echo 2
        3 frames
    "#]]);
}

#[test]
fn something_that_is_not_qemu_on_the_port_gives_nothing() {
    let mut cable = Cable::connected();
    cable.packet(&tcp(PEER, LISTENER, 1, 1, ACK, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    cable.listener(1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cable.check(expect![[r#"
        2 lost, 2 resyncs
    "#]]);
}

#[test]
fn the_ports_tell_which_way_a_datagram_goes() {
    let (first, second) = ("127.0.0.1:7001".parse().unwrap(), "127.0.0.1:7002".parse().unwrap());
    let mut cable = Cable::new(Carrier::Udp { first: std::net::SocketAddr::V4(first), second: std::net::SocketAddr::V4(second) });
    cable.packet(&udp(first, second, &arp(1, 2)));
    cable.packet(&udp(second, first, &echo(2, 1, 1)));
    cable.packet(&udp(PEER, first, &echo(2, 1, 2)));
    cable.check(expect![[r#"
        1 ms in arp
        2 ms out echo 1
        2 frames, 1 foreign
    "#]]);
}

#[test]
fn a_datagram_in_fragments_is_one_frame_or_lost() {
    let (first, second) = ("10.1.0.1:7001".parse().unwrap(), "10.1.0.2:7002".parse().unwrap());
    let mut cable = Cable::new(Carrier::Udp { first: std::net::SocketAddr::V4(first), second: std::net::SocketAddr::V4(second) });
    let whole = |number| udp(first, second, &frame::udp(1, 2, (number, 9), &[7; 1472]));
    let fragments = carrier::fragments(&whole(1), 1, 1480);
    assert_eq!(fragments.len(), 2);
    // The last one first.
    fragments.iter().rev().for_each(|fragment| cable.packet(fragment));
    cable.packet(&carrier::fragments(&whole(2), 2, 1480)[0]);
    cable.wait(1000);
    cable.check(expect![[r#"
        2 ms in ip 17
        1 frames, 1 lost
    "#]]);
}

/// Reads a recording of loopback.
fn recorded(carrier: Carrier, pcap: &[u8], expected: Expect) {
    let mut cable = Cable::new(carrier);
    for (at, octets) in carrier::packets(pcap) {
        let Cable { unwrapper, text, .. } = &mut cable;
        unwrapper.packet(Timestamp(at), octets, &mut |passed| tell(text, Passed { at: Timestamp(0), ..passed }));
    }
    cable.check(expected);
}

fn listener() -> Carrier {
    Carrier::Tcp { address: "0.0.0.0".parse().unwrap(), port: 8010 }
}

fn pair() -> Carrier {
    Carrier::Udp { first: "127.0.0.1:7001".parse().unwrap(), second: "127.0.0.1:7002".parse().unwrap() }
}

fn group() -> Carrier {
    Carrier::Multicast { group: "230.0.0.1:1234".parse().unwrap() }
}

#[test]
fn real_guests_on_socket_listen_and_connect() {
    recorded(
        listener(),
        include_bytes!("data/socket-tcp.pcap"),
        expect![[r#"
        0 ms in arp
        0 ms out arp
        0 ms in echo 0
        0 ms out echo 0
        0 ms in echo 1
        0 ms out echo 1
        0 ms in echo 2
        0 ms out echo 2
        0 ms out echo 0
        0 ms in echo 0
        0 ms out echo 1
        0 ms in echo 1
        0 ms out echo 2
        0 ms in echo 2
        14 frames
    "#]],
    );
}

#[test]
fn real_guests_on_stream() {
    recorded(
        listener(),
        include_bytes!("data/stream-tcp.pcap"),
        expect![[r#"
        0 ms in arp
        0 ms out arp
        0 ms in echo 0
        0 ms out echo 0
        0 ms in echo 1
        0 ms out echo 1
        0 ms in echo 2
        0 ms out echo 2
        0 ms out echo 0
        0 ms in echo 0
        0 ms out echo 1
        0 ms in echo 1
        12 frames
    "#]],
    );
}

#[test]
fn real_guests_on_socket_udp() {
    recorded(
        pair(),
        include_bytes!("data/socket-udp.pcap"),
        expect![[r#"
        0 ms in arp
        0 ms out arp
        0 ms in echo 0
        0 ms out echo 0
        0 ms in echo 1
        0 ms out echo 1
        0 ms in echo 2
        0 ms out echo 2
        0 ms out echo 0
        0 ms in echo 0
        0 ms out echo 1
        0 ms in echo 1
        0 ms out echo 2
        0 ms in echo 2
        14 frames
    "#]],
    );
}

#[test]
fn real_guests_on_dgram() {
    recorded(
        pair(),
        include_bytes!("data/dgram-udp.pcap"),
        expect![[r#"
        0 ms in arp
        0 ms out arp
        0 ms in echo 0
        0 ms out echo 0
        0 ms in echo 1
        0 ms out echo 1
        0 ms in echo 2
        0 ms out echo 2
        0 ms out echo 0
        0 ms in echo 0
        0 ms out echo 1
        0 ms in echo 1
        0 ms out echo 2
        0 ms in echo 2
        14 frames
    "#]],
    );
}

#[test]
fn real_guests_on_socket_mcast() {
    recorded(
        group(),
        include_bytes!("data/socket-mcast.pcap"),
        expect![[r#"
        0 ms ? arp
        0 ms ? arp
        0 ms ? echo 0
        0 ms ? echo 0
        0 ms ? echo 1
        0 ms ? echo 1
        0 ms ? echo 2
        0 ms ? echo 2
        0 ms ? echo 0
        0 ms ? echo 0
        0 ms ? echo 1
        0 ms ? echo 1
        12 frames, 2 foreign
    "#]],
    );
}

#[test]
fn real_guests_on_dgram_to_a_group() {
    recorded(
        group(),
        include_bytes!("data/dgram-mcast.pcap"),
        expect![[r#"
        0 ms ? arp
        0 ms ? arp
        0 ms ? echo 0
        0 ms ? echo 0
        0 ms ? echo 1
        0 ms ? echo 1
        0 ms ? echo 2
        0 ms ? echo 2
        0 ms ? echo 0
        0 ms ? echo 0
        0 ms ? echo 1
        0 ms ? echo 1
        0 ms ? echo 2
        0 ms ? echo 2
        14 frames, 2 foreign
    "#]],
    );
}

/// The frames of a recording from a packet on.
fn frames_from(packets: &[(i64, &[u8])]) -> (Vec<Vec<u8>>, Counts) {
    let mut unwrapper = Unwrapper::new(listener(), LinkType::ETHERNET);
    let mut frames = Vec::new();
    for (at, octets) in packets {
        unwrapper.packet(Timestamp(*at), octets, &mut |passed| frames.push(passed.octets.to_vec()));
    }
    (frames, unwrapper.counts())
}

#[test]
fn a_bulk_transfer_joined_at_any_packet_gives_the_same_frames_from_there_on() {
    let pcap = include_bytes!("data/socket-tcp-bulk.pcap");
    let packets: Vec<(i64, &[u8])> = carrier::packets(pcap).collect();
    let (all, counts) = frames_from(&packets);
    expect!["375 frames"].assert_eq(&words(counts));
    for joined in 1..packets.len() {
        let (frames, counts) = frames_from(&packets[joined..]);
        assert!(all.ends_with(&frames), "joined at {joined}");
        assert_eq!((counts.lost, counts.skipped_octets), (0, 0), "joined at {joined}");
    }
}

#[test]
fn packets_missing_from_a_bulk_transfer_are_told_and_invent_nothing() {
    let pcap = include_bytes!("data/socket-tcp-bulk.pcap");
    let packets: Vec<(i64, &[u8])> = carrier::packets(pcap).collect();
    let (all, _) = frames_from(&packets);
    for (every, expected) in [
        (7, expect!["324 frames, 50 lost, 50 resyncs, 50020 octets missing"]),
        (50, expect!["367 frames, 8 lost, 8 resyncs, 7728 octets missing"]),
    ] {
        let kept: Vec<_> =
            packets.iter().enumerate().filter(|(number, _)| number % every != every - 1).map(|(_, packet)| *packet).collect();
        let (frames, counts) = frames_from(&kept);
        // Each one was sent, and in this order; what comes behind a hole may be later than what goes the other way.
        for sender in [0x56, 0x57] {
            let mut rest = all.iter().filter(|frame| frame[11] == sender);
            assert!(frames.iter().filter(|frame| frame[11] == sender).all(|frame| rest.any(|sent| sent == frame)));
        }
        expected.assert_eq(&words(counts));
    }
}

/// Frames of a stream pushed in pieces.
fn unframed(stream: &mut Stream, pieces: &[&[u8]], starts_segment: bool) -> (Vec<Vec<u8>>, Counts) {
    let (mut counts, mut frames) = (Counts::default(), Vec::new());
    for piece in pieces {
        stream.push(Timestamp(0), piece, starts_segment, &mut counts, &mut |_, frame| frames.push(frame.to_vec()));
    }
    (frames, counts)
}

#[test]
fn a_recorded_stream_joined_at_any_octet_gives_the_same_frames_from_there_on() {
    let recorded = include_bytes!("data/bulk.stream");
    let (all, _) = unframed(&mut Stream::from_beginning(), &[recorded], true);
    for joined in (0..60_000).step_by(97) {
        let rest = &recorded[joined..];
        let (frames, counts) = unframed(&mut Stream::joined(), &rest.chunks(1448).collect::<Vec<_>>(), false);
        assert!(all.ends_with(&frames) && !frames.is_empty(), "joined at {joined}");
        assert_eq!(counts.resyncs, 0, "joined at {joined}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_cutting_gives_the_same_frames(lengths in prop::collection::vec(14_usize..3000, 1..40), cuts in prop::collection::vec(1_usize..4000, 1..40)) {
        let frames: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(number, &length)| vec![number as u8; length]).collect();
        let stream: Vec<u8> = frames.iter().flat_map(|frame| record(frame)).collect();
        let (mut rest, mut pieces) = (&stream[..], Vec::new());
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*cut));
            pieces.push(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let (seen, counts) = unframed(&mut Stream::from_beginning(), &pieces, false);
        prop_assert_eq!(seen, frames);
        prop_assert_eq!(counts, Counts { frames: lengths.len() as u64, ..Counts::default() });
    }

    #[test]
    fn any_octets_of_a_stream_are_frames_or_counted(pieces in prop::collection::vec(prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 1..200), 1..60), joined in any::<bool>(), starts in any::<bool>()) {
        let mut stream = if joined { Stream::joined() } else { Stream::from_beginning() };
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let (frames, mut counts) = unframed(&mut stream, &pieces, starts);
        stream.end(&mut counts);
        let inside: u64 = frames.iter().map(|frame| frame.len() as u64 + 4).sum();
        let all: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        prop_assert_eq!(inside + 4 * counts.empty + counts.skipped_octets, all);
    }

    #[test]
    fn segments_in_any_order_give_the_same_frames(order in Just((0_usize..12).collect::<Vec<_>>()).prop_shuffle(), first in any::<u32>()) {
        let mut unwrapper = Unwrapper::new(listener(), LinkType::ETHERNET);
        let mut seen = Vec::new();
        let mut packet = |octets: Vec<u8>| unwrapper.packet(Timestamp(0), &octets, &mut |passed| seen.push(passed.octets.to_vec()));
        packet(tcp(PEER, LISTENER, 0, 0, SYN, &[]));
        packet(tcp(LISTENER, PEER, first.wrapping_sub(1), 1, SYN | ACK, &[]));
        for &number in &order {
            packet(tcp(LISTENER, PEER, first.wrapping_add(number as u32 * 78), 1, ACK, &ping(number as u16)));
        }
        prop_assert_eq!(seen, (0..12).map(|number| echo(1, 2, number)).collect::<Vec<_>>());
    }

    #[test]
    fn any_octets_are_survived_as_packets(octets in prop::collection::vec(any::<u8>(), 0..200), link_type in prop_oneof![Just(1), Just(101), Just(113), Just(0)]) {
        for carrier in [listener(), pair(), group()] {
            let mut unwrapper = Unwrapper::new(carrier, LinkType(link_type));
            unwrapper.packet(Timestamp(0), &octets, &mut |_| ());
            unwrapper.expire(Timestamp(i64::MAX), &mut |_| ());
        }
    }
}
