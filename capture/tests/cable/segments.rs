//! Segments and datagrams made by hand: what overtakes, is missing, begins again, lies.

use crate::carrier::{self, ACK, FIN, RST, SYN, record, tcp, udp};
use crate::frame::{self, arp, echo};
use crate::said::{Cable, LISTENER, OTHER, PEER, ping};
use expect_test::expect;
use tapscope_graph::host::Carrier;

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
