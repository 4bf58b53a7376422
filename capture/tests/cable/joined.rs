//! Streams that are joined, cut and shuffled anywhere.

use crate::carrier::{self, ACK, SYN, record, tcp};
use crate::frame::echo;
use crate::said::{LISTENER, PEER, group, listener, pair, ping, words};
use expect_test::expect;
use proptest::prelude::*;
use tapscope_capture::cable::{Counts, Stream, Unwrapper};
use tapscope_graph::{LinkType, Timestamp};

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
    let pcap = include_bytes!("../data/socket-tcp-bulk.pcap");
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
    let pcap = include_bytes!("../data/socket-tcp-bulk.pcap");
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
    let recorded = include_bytes!("../data/bulk.stream");
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
