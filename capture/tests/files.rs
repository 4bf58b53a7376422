//! Capture files of every kind, as octets, and what is read of them.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::io::Cursor;
use tapscope_capture::file::{FileFacts, Merged, Next, Reader};
use tapscope_graph::{Batch, Event};

/// Everything that a file gives, as text.
fn read(bytes: &[u8]) -> (String, Option<FileFacts>) {
    let reader = match Reader::new(Cursor::new(bytes.to_vec()), "test") {
        Ok(reader) => reader,
        Err(error) => return (format!("{error}\n"), None),
    };
    let mut files = Merged::new(vec![reader]);
    let (mut text, mut batch) = (String::new(), Batch::default());
    loop {
        match files.next(&mut batch) {
            Next::Event(Event::Opened(info)) => {
                text += &format!("opened {:?} link type {}\n", info.name.unwrap_or_default(), info.link_type.0)
            }
            Next::Event(event) => text += &format!("{event:?}\n"),
            Next::Frames => {
                for frame in batch.frames() {
                    let direction = format!("{:?}", frame.direction).to_lowercase();
                    text +=
                        &format!("{} point {} {direction} {:02x?} of {}\n", frame.at, frame.point.0, frame.bytes, frame.original_length);
                }
            }
            Next::End => break,
        }
    }
    let facts = files.into_facts().remove(0);
    if let Some(reason) = &facts.incomplete {
        text += &format!("incomplete: {reason}\n");
    }
    (text, Some(facts))
}

fn check(bytes: &[u8], expected: Expect) {
    expected.assert_eq(&read(bytes).0);
}

/// Numbers of 32 bits in either order.
fn words(is_big_endian: bool, numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() }).collect()
}

/// A pcap file of one packet of three octets; `extra` octets stand in its record header behind the lengths.
fn pcap(is_big_endian: bool, magic: u32, minor: u32, lengths: [u32; 2], extra: usize) -> Vec<u8> {
    let version = if is_big_endian { 2 << 16 | minor } else { minor << 16 | 2 };
    let header = words(is_big_endian, &[magic, version, 0, 0, 65_535, 1, 1_700_000_000, 5, lengths[0], lengths[1]]);
    [header, vec![0; extra], vec![0xa, 0xb, 0xc]].concat()
}

#[test]
fn both_byte_orders_and_resolutions_give_the_same_packet() {
    let one = "opened \"\" link type 1\n1700000000.000005000 point 0 unknown [0a, 0b, 0c] of 60\n";
    assert_eq!(read(&pcap(false, 0xa1b2_c3d4, 4, [3, 60], 0)).0, one);
    assert_eq!(read(&pcap(true, 0xa1b2_c3d4, 4, [3, 60], 0)).0, one);
    assert_eq!(read(&pcap(true, 0xa1b2_3c4d, 4, [3, 60], 0)).0, one.replace("000005000", "000000005"));
}

#[test]
fn kuznetzovs_records_and_the_swapped_lengths_of_old_versions_are_read_as_libpcap_reads_them() {
    let one = "opened \"\" link type 1\n1700000000.000005000 point 0 unknown [0a, 0b, 0c] of 60\n";
    assert_eq!(read(&pcap(false, 0xa1b2_cd34, 4, [3, 60], 8)).0, one);
    assert_eq!(read(&pcap(false, 0xa1b2_c3d4, 2, [60, 3], 0)).0, one);
    assert_eq!(read(&pcap(false, 0xa1b2_c3d4, 3, [60, 3], 0)).0, one);
    assert_eq!(read(&pcap(false, 0xa1b2_c3d4, 3, [3, 60], 0)).0, one);
}

#[test]
fn a_captured_length_that_nobody_captures_ends_the_file_there() {
    check(
        &pcap(false, 0xa1b2_c3d4, 4, [0x7fff_ffff, 60], 0),
        expect![[r#"
        opened "" link type 1
        incomplete: a packet claims 2147483647 captured octets, more than the 262144 that pcap allows, at octet 24 behind packet 0
    "#]],
    );
}

/// A pcapng block.
fn block(is_big_endian: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let length = 12 + body.len() as u32;
    [words(is_big_endian, &[kind, length]), body, words(is_big_endian, &[length])].concat()
}

fn section(is_big_endian: bool) -> Vec<u8> {
    let version = if is_big_endian { 1 << 16 } else { 1 };
    block(is_big_endian, 0x0a0d_0d0a, &words(is_big_endian, &[0x1a2b_3c4d, version, u32::MAX, u32::MAX]))
}

fn option(is_big_endian: bool, code: u32, value: &[u8]) -> Vec<u8> {
    let length = value.len() as u32;
    let head = if is_big_endian { code << 16 | length } else { length << 16 | code };
    let mut bytes = [&words(is_big_endian, &[head]), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn interface(is_big_endian: bool, name: &str, tsresol: u8) -> Vec<u8> {
    let link_type = if is_big_endian { 1 << 16 } else { 1 };
    let options =
        [option(is_big_endian, 2, name.as_bytes()), option(is_big_endian, 9, &[tsresol]), option(is_big_endian, 60_000, b"unknown")];
    block(is_big_endian, 1, &[words(is_big_endian, &[link_type, 0]), options.concat()].concat())
}

fn packet(is_big_endian: bool, interface: u32, units: u64, flags: u32) -> Vec<u8> {
    let head = words(is_big_endian, &[interface, (units >> 32) as u32, units as u32, 3, 60]);
    block(is_big_endian, 6, &[head, vec![0xa, 0xb, 0xc, 0], option(is_big_endian, 2, &words(is_big_endian, &[flags]))].concat())
}

/// Two sections of different byte order, resolutions of ten and two, directions, blocks that nobody knows.
fn sections() -> Vec<u8> {
    [
        section(false),
        interface(false, "tap0", 9),
        interface(false, "tap1", 0x8a),
        packet(false, 0, 1_700_000_000_000_000_001, 1),
        block(false, 0x0bad, b"a custom block"),
        packet(false, 1, 1_700_000_001 * 1024 + 512, 2),
        block(false, 3, &[words(false, &[2]), vec![0xd, 0xe, 0, 0]].concat()),
        block(false, 5, &[words(false, &[0, 0, 0]), option(false, 5, &7_u64.to_le_bytes())].concat()),
        section(true),
        interface(true, "br0", 6),
        packet(true, 0, 1_700_000_002_000_000, 0),
    ]
    .concat()
}

#[test]
fn sections_interfaces_byte_orders_and_resolutions_are_kept_apart() {
    check(
        &sections(),
        expect![[r#"
            opened "tap0" link type 1
            opened "tap1" link type 1
            1700000000.000000001 point 0 inbound [0a, 0b, 0c] of 60
            1700000001.500000000 point 1 outbound [0a, 0b, 0c] of 60
            1700000001.500000000 point 0 unknown [0d, 0e] of 2
            Lost { point: PointId(0), frames: 7, cause: Kernel }
            opened "br0" link type 1
            1700000002.000000000 point 2 unknown [0a, 0b, 0c] of 60
        "#]],
    );
}

#[test]
fn a_packet_of_an_interface_that_was_never_described_is_damage() {
    check(
        &[section(false), packet(false, 0, 1, 0)].concat(),
        expect![[r#"
        incomplete: a packet names interface 0, and the section has 0, at octet 28 behind packet 0
    "#]],
    );
}

#[test]
fn a_block_whose_lengths_disagree_is_damage() {
    let mut file = [section(false), interface(false, "tap0", 9), packet(false, 0, 1, 0)].concat();
    let end = file.len();
    file[end - 4] ^= 4;
    check(
        &file,
        expect![[r#"
        opened "tap0" link type 1
        incomplete: a block's lengths disagree: 44 in front, 40 behind, at octet 76 behind packet 0
    "#]],
    );
    // A length of 10 makes a reader underflow that takes the twelve octets of every block off it.
    check(
        &[section(false), words(false, &[1, 10]), vec![0; 40]].concat(),
        expect![[r#"
        incomplete: a block claims a length of 10 octets, which no block has, at octet 28 behind packet 0
    "#]],
    );
}

#[test]
fn a_file_cut_at_any_octet_gives_whole_packets_and_says_that_it_was_cut() {
    for file in [sections(), pcap(false, 0xa1b2_c3d4, 4, [3, 3], 0)] {
        let whole = read(&file).0;
        for cut in 0..file.len() {
            let (part, facts) = read(&file[..cut]);
            let Some(facts) = facts else { continue };
            let packets = part.lines().filter(|line| line.contains(" point ")).count();
            assert_eq!(packets as u64, facts.packets, "cut at {cut}");
            for line in part.lines().filter(|line| !line.starts_with("incomplete")) {
                assert!(whole.contains(line), "cut at {cut}: {line}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_octets_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
    }

    #[test]
    fn damaged_files_end(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        for mut file in [sections(), pcap(false, 0xa1b2_c3d4, 3, [3, 3], 0)] {
            for (place, value) in &changes {
                let place = place.index(file.len());
                file[place] = *value;
            }
            let (text, facts) = read(&file);
            if let Some(facts) = facts {
                prop_assert_eq!(facts.packets, text.lines().filter(|line| line.contains(" point ")).count() as u64);
            }
        }
    }
}

#[test]
fn frames_stay_whole_where_the_buffer_ends_and_where_a_long_block_is_passed_over() {
    const UNKNOWN: u32 = 0x0bad;
    let mut bytes = [section(false), interface(false, "tap0", 9)].concat();
    let mut expected = String::from("opened \"tap0\" link type 1\n");
    for number in 0..5_000 {
        bytes.extend(packet(false, 0, number, 1));
        if number % 1_000 == 500 {
            bytes.extend(block(false, UNKNOWN, &[0xee; 100_000]));
        }
    }
    for number in 0..5_000 {
        let one = read(&[section(false), interface(false, "tap0", 9), packet(false, 0, number, 1)].concat()).0;
        expected += one.lines().last().expect("a packet");
        expected += "\n";
    }
    let (text, facts) = read(&bytes);
    assert!(text == expected, "of {} lines", text.lines().count());
    assert_eq!(facts.map(|facts| facts.packets), Some(5_000));
}

#[test]
fn a_clock_that_was_wrong_is_corrected_and_what_a_host_said_waits_for_its_time() {
    use tapscope_capture::record::{Section, Writer};
    use tapscope_graph::{Frame, PointId, PointInfo, Timestamp};
    let recording = |frames: &[i64], host: i64| {
        let mut writer = Writer::new(Vec::new(), Section::default());
        let mut batch = Batch::default();
        for &at in frames {
            batch.push(Frame { at: Timestamp(at), point: PointId(0), direction: Default::default(), original_length: 1, bytes: &[1] });
        }
        let said = Event::Host { at: Timestamp(host), changes: Vec::new() };
        for event in [Event::Opened(PointInfo::default()), said, Event::Frames(batch)] {
            writer.write(&event).expect("memory takes everything");
        }
        Reader::new(Cursor::new(writer.finish().expect("memory takes everything")), "test").expect("a recording")
    };
    let mut files = Merged::shifted(vec![(recording(&[10, 30], 5), 0), (recording(&[1010, 1030], 1015), -1000)]);
    let (mut order, mut batch) = (Vec::new(), Batch::default());
    loop {
        match files.next(&mut batch) {
            Next::Event(event) => order.extend(event.at().map(|at| format!("host {}", at.0))),
            Next::Frames => order.extend(batch.frames().map(|frame| format!("{} at {}", frame.point.0, frame.at.0))),
            Next::End => break,
        }
    }
    assert_eq!(order, ["host 5", "0 at 10", "host 15", "1 at 10", "0 at 30", "1 at 30"].map(str::to_owned).to_vec());
}
