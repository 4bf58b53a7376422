//! What each fuzz target does with its input: everything that tapscope would do with such bytes, and a look at what comes out.

#[cfg(target_os = "linux")]
mod host;

#[cfg(target_os = "linux")]
pub use host::{monitor_answer, netlink, process};

use std::io::Cursor;
use std::ops::Range;
use std::time::{Duration, Instant};
use tapscope_capture::cable::LONGEST;
use tapscope_capture::cable::{Counts, Passed, Stream, Unwrapper};
use tapscope_capture::file::{Merged, Next, Reader};
use tapscope_capture::hub::{Decoder, Switch, Way};
use tapscope_capture::qemu::ask::network;
use tapscope_capture::qemu::command_line::{CommandLine, NICS};
use tapscope_graph::decode::{Summary, layers, summary};
use tapscope_graph::host::Carrier;
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Direction, Event, Frame, LinkType, Network, PointId, PointInfo, Timestamp};

/// `LINKTYPE_` numbers: every one that is decoded, and one that is not.
const LINK_TYPES: [u32; 10] = [1, 0, 12, 101, 108, 113, 228, 229, 276, 147];

/// A link type, then frames: two octets of length, one that says where, when, which way and whether it was cut, the frame's octets.
pub fn frame(input: &[u8]) {
    let Some((&choice, mut rest)) = input.split_first() else { return };
    let mut batch = Batch::default();
    while let Some((&[high, low, how], after)) = rest.split_first_chunk() {
        let (bytes, after) = after.split_at(after.len().min(usize::from(u16::from_be_bytes([high, low]))));
        batch.push(Frame {
            at: Timestamp(i64::from(how >> 4) * 1_000_000_000),
            point: PointId(u32::from(how & 1)),
            direction: [Direction::Unknown, Direction::Inbound, Direction::Outbound, Direction::Unknown][usize::from(how >> 1 & 3)],
            original_length: bytes.len() as u32 + if how & 8 == 0 { 0 } else { 1500 },
            bytes,
        });
        rest = after;
    }
    observe(LinkType(LINK_TYPES[usize::from(choice) % LINK_TYPES.len()]), batch);
}

/// A capture file: all of it is read, and a network observes it.
pub fn file(input: &[u8]) {
    let Ok(reader) = Reader::new(Cursor::new(input.to_vec()), "fuzz") else { return };
    let mut files = Merged::new(vec![reader]);
    let mut network = Network::new(small(), 0);
    let mut batch = Batch::default();
    loop {
        match files.next(&mut batch) {
            Next::Event(event) => network.observe(&event),
            Next::Frames => network.observe_batch(&batch),
            Next::End => break,
        }
    }
    let _ = network.view();
    for facts in files.into_facts() {
        let _ = (facts.first.map(|stamp| stamp.to_string()), facts.last.map(|stamp| stamp.to_string()));
    }
}

/// What a recording tells of the host, behind the mark that it has in front; a zero begins the next such event, a one the description of an
/// interface.
pub fn recording(input: &[u8]) {
    let mut recording = Vec::new();
    let mut block = |kind: u32, body: &[u8], content: &[u8]| {
        let mut body = body.to_vec();
        for part in content.chunks(65_531) {
            body.extend(19_373_u16.to_le_bytes());
            body.extend((part.len() as u16 + 4).to_le_bytes());
            body.extend(32_473_u32.to_le_bytes());
            body.extend_from_slice(part);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body.extend([0; 4]);
        let length = (body.len() as u32 + 12).to_le_bytes();
        recording.extend([&kind.to_le_bytes()[..], &length, &body, &length].concat());
    };
    block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat(), &[]);
    let interface = [1, 0, 0, 0, 0, 0, 0, 0];
    block(1, &interface, &[]);
    for told in input.split_inclusive(|octet| *octet <= 1) {
        let (is_interface, told) = match told {
            [told @ .., 0] => (false, told),
            [told @ .., 1] => (true, told),
            told => (false, told),
        };
        let content = [b"tapscope/1 ", told].concat();
        if is_interface { block(1, &interface, &content) } else { block(4, &[0; 4], &content) }
    }
    file(&recording);
}

/// A DHCP message.
pub fn dhcp(input: &[u8]) {
    observe_one(&[ETHERNET_IPV4, &ipv4_udp([68, 67], input)].concat());
}

/// A DHCPv6 message.
pub fn dhcp6(input: &[u8]) {
    observe_one(&[ETHERNET_IPV6, &ipv6_udp([546, 547], input)].concat());
}

/// A DNS message; mDNS if the first octet is odd.
pub fn dns(input: &[u8]) {
    let Some((&choice, message)) = input.split_first() else { return };
    let port = if choice & 1 == 0 { 53 } else { 5353 };
    observe_one(&[ETHERNET_IPV4, &ipv4_udp([port, port], message)].concat());
}

/// An LLDP data unit, a bridge protocol data unit, or a slow protocols data unit.
pub fn link(input: &[u8]) {
    let Some((&choice, unit)) = input.split_first() else { return };
    let header: &[u8] = match choice % 3 {
        0 => &[0x01, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 1, 0x88, 0xcc],
        1 => &[0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0x26, 0x42, 0x42, 3],
        _ => &[0x01, 0x80, 0xc2, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0x09],
    };
    observe_one(&[header, unit].concat());
}

/// A command line of QEMU's; its words end with a NUL each, as in `/proc/PID/cmdline`.
pub fn qemu_command_line(input: &[u8]) {
    let argv: Vec<&[u8]> = input.split(|&octet| octet == 0).collect();
    let line = CommandLine::parse(&argv);
    assert!(line.nics.len() <= 2 * NICS);
    line.monitors.iter().for_each(|monitor| assert_printable(&monitor.address.to_string()));
    for card in line.nics {
        let backend = card.nic.backend.unwrap_or_default();
        [card.nic.id, card.nic.model, backend.id, backend.interface].iter().flatten().for_each(|text| assert_printable(text.as_str()));
        assert_printable(backend.options.as_str());
        assert_printable(backend.kind.name());
    }
}

/// What peers of the hub send: an octet says who and how much, and as many octets of its stream follow. What is whole is switched.
pub fn hub(input: &[u8]) {
    let (mut decoders, mut switch, begin) = ([const { None }; 4], Switch::default(), Instant::now());
    let (mut rest, mut pieces) = (input, 0);
    while let Some((&how, after)) = rest.split_first() {
        let (piece, after) = after.split_at(after.len().min(usize::from(how >> 2)));
        let port = usize::from(how & 3);
        pieces += 1;
        let now = begin + Duration::from_secs(pieces);
        let decoder = decoders[port].get_or_insert_with(Decoder::default);
        let fed = decoder.feed(piece, |frame| {
            assert!(frame.len() <= LONGEST);
            assert_ne!(switch.forward(port, frame, now), Way::To(port));
        });
        // Less than a frame is held.
        assert!(fed.is_err() || decoder.pending().is_none_or(|(held, whole)| held < whole.unwrap_or(4)));
        if fed.is_err() {
            decoders[port] = None;
            switch.forget(port);
        }
        rest = after;
    }
    switch.age(begin + Duration::from_secs(pieces));
}

/// What the kernel's tracing says of packets that it drops: lines of `trace_pipe`; the same octets as the event's `format` file.
#[cfg(target_os = "linux")]
pub fn drop_reasons(input: &[u8]) {
    use tapscope_capture::drops::{Line, format, line};
    let text = String::from_utf8_lossy(input);
    for one in text.split_inclusive('\n') {
        if let Some(Line::Event(event)) = line(one) {
            assert!(!event.reason.is_empty() && event.reason.len() <= 64 && one.contains(&event.reason));
            assert!(!event.location.is_empty() && event.location.len() <= 128 && one.contains(&event.location));
        }
    }
    assert!(format(&text).reasons.len() <= 1024);
}

/// Datagrams of a filter, each behind one octet of length; the same octets as what `info network` says.
#[cfg(target_os = "linux")]
pub fn qemu_monitor(input: &[u8]) {
    let mut assembler = tapscope_capture::qemu::filter::datagram::Assembler::default();
    let mut rest = input;
    while let Some((&length, after)) = rest.split_first() {
        let (datagram, after) = after.split_at(after.len().min(usize::from(length)));
        if let Some(frame) = assembler.take(datagram) {
            assert!(datagram.ends_with(frame));
        }
        rest = after;
    }
    assert!(assembler.lost(0) <= input.len() as u64);
    for card in network::read(&String::from_utf8_lossy(input)) {
        let (kind, state) = card.backend.unwrap_or_default();
        [card.card, card.model, card.netdev, Some(kind), Some(state)].iter().flatten().for_each(|text| assert_printable(text.as_str()));
    }
}

const ETHERNET_IPV4: &[u8] = &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0];
const ETHERNET_IPV6: &[u8] = &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd];

fn ipv4_udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(65_000)];
    let mut packet = vec![0x45, 0];
    packet.extend((28 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(udp(ports, payload));
    packet
}

fn ipv6_udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(65_000)];
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((8 + payload.len() as u16).to_be_bytes());
    packet.extend([17, 64]);
    for host in [1, 2] {
        packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    packet.extend(udp(ports, payload));
    packet
}

fn udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let mut datagram: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend_from_slice(payload);
    datagram
}

fn observe_one(bytes: &[u8]) {
    let mut batch = Batch::default();
    let original_length = bytes.len() as u32;
    batch.push(Frame { at: Timestamp(0), point: PointId(0), direction: Direction::Unknown, original_length, bytes });
    observe(LinkType::ETHERNET, batch);
}

/// Decodes frames, lets a network observe them, and looks at everything that comes out.
fn observe(link_type: LinkType, batch: Batch) {
    batch.frames().for_each(|frame| look_at(link_type, &frame));
    let point = |name: &str| Event::Opened(PointInfo { name: Some(name.into()), link_type, ..Default::default() });
    let points = [point("tap0"), point("tap1")];
    let mut outlined = batch.clone();
    outlined.outline(&[link_type; 2]);
    let views = [(0, batch), (0x5eed, outlined)].map(|(seed, batch)| {
        let mut network = Network::new(small(), seed);
        points.iter().for_each(|event| network.observe(event));
        network.observe_batch(&batch);
        format!("{:?}", network.view())
    });
    assert!(views[0] == views[1], "the seed, or who outlined the batch, shows in the view");
}

/// Every layer and field lies in the frame, and its text can be printed.
fn look_at(link_type: LinkType, frame: &Frame<'_>) {
    let whole = 0..frame.bytes.len();
    for layer in layers(link_type, frame) {
        assert!(lies_in(&layer.range, &whole), "{} lies outside of the frame", layer.name);
        assert_printable(&layer.summary);
        for field in layer.fields {
            assert!(lies_in(&field.range, &whole), "{} {} lies outside of the frame", layer.name, field.name);
            assert_printable(&field.value);
        }
    }
    let Summary { source, destination, info, .. } = summary(link_type, frame);
    [source, destination, info].iter().for_each(|text| assert_printable(text));
}

fn lies_in(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    inner.start <= inner.end && outer.start <= inner.start && inner.end <= outer.end
}

/// Neither controls a terminal nor turns the reading direction.
fn assert_printable(text: &str) {
    let is_deceptive = |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.contains(is_deceptive), "not sanitised: {text:?}");
}

/// Bounds so low that an input reaches them.
fn small() -> Limits {
    Limits { points: 2, flows: 4, stations: 8, echoes: 4, journeys: 4, transactions: 4, rows: 4 }
}

/// A stream between QEMU processes: the first octet says whether it is joined in the middle, then pieces of it: two octets of length, of which
/// the highest bit says that a segment begins and the next that octets are missing before.
pub fn cable_stream(input: &[u8]) {
    let Some((&choice, mut rest)) = input.split_first() else { return };
    let mut stream = if choice & 1 == 0 { Stream::from_beginning() } else { Stream::joined() };
    let (mut counts, mut all, mut inside, mut frames) = (Counts::default(), 0, 0, 0);
    while let Some((&[high, low], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high & 0x3f, low]));
        let (piece, after) = after.split_at(after.len().min(length));
        if high & 0x40 != 0 {
            stream.gap(&mut counts);
        }
        all += piece.len() as u64;
        stream.push(Timestamp(0), piece, high & 0x80 != 0, &mut counts, &mut |_, frame| {
            inside += frame.len() as u64 + 4;
            frames += 1;
        });
        rest = after;
    }
    stream.end(&mut counts);
    assert_eq!(inside + 4 * counts.empty + counts.skipped_octets, all, "every octet is in a frame or counted");
    assert_eq!(frames, counts.frames);
}

/// Segments of TCP to and from a listener: an octet that says which way, whose, how long it took and whether it is raw, flags, four octets of
/// sequence number, four of acknowledgement, two of length, the octets.
pub fn cable_tcp(mut input: &[u8]) {
    let mut unwrapper = Unwrapper::new(Carrier::Tcp { address: [127, 0, 0, 1].into(), port: 8010 }, LinkType::ETHERNET);
    let (mut at, mut frames) = (0, 0);
    let mut sink = |passed: Passed<'_>| {
        assert!((14..=69_632).contains(&passed.octets.len()));
        frames += 1;
    };
    while let Some((&[how, flags, s0, s1, s2, s3, a0, a1, a2, a3, high, low], rest)) = input.split_first_chunk() {
        let (payload, rest) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes([high & 0x7f, low]))));
        at += i64::from(how >> 4) * 10_000_000;
        let peer = 40_000 + u16::from(how >> 1 & 7);
        let ports = if how & 1 == 0 { [8010, peer] } else { [peer, 8010] };
        let mut segment: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
        segment.extend([s0, s1, s2, s3, a0, a1, a2, a3, 0x50, flags, 255, 255, 0, 0, 0, 0]);
        segment.extend_from_slice(payload);
        unwrapper.packet(Timestamp(at), &carried(6, 0, &segment), &mut sink);
        input = rest;
    }
    unwrapper.packet(Timestamp(at), input, &mut sink);
    unwrapper.expire(Timestamp(i64::MAX), &mut sink);
    assert!(unwrapper.deadline().is_none(), "nothing is waited for any more");
    assert_eq!(frames, unwrapper.counts().frames);
}

/// Packets of UDP: an octet that says which carrier, two of the field of fragments, two of length, the octets from the header of UDP on.
pub fn cable_datagram(mut input: &[u8]) {
    let carriers = [
        Carrier::Udp { first: ([127, 0, 0, 1], 7001).into(), second: ([127, 0, 0, 1], 7002).into() },
        Carrier::Multicast { group: ([127, 0, 0, 1], 7002).into() },
    ];
    let mut unwrappers = carriers.map(|carrier| Unwrapper::new(carrier, LinkType::ETHERNET));
    let mut frames = 0;
    let mut sink = |passed: Passed<'_>| frames += u64::from(!passed.octets.is_empty());
    while let Some((&[how, more, offset, high, low], rest)) = input.split_first_chunk() {
        let (payload, rest) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes([high & 0x7f, low]))));
        let unwrapper = &mut unwrappers[usize::from(how & 1)];
        unwrapper.packet(Timestamp(i64::from(how >> 1) * 50_000_000), &carried(17, u16::from_be_bytes([more, offset]), payload), &mut sink);
        input = rest;
    }
    for unwrapper in &mut unwrappers {
        unwrapper.packet(Timestamp(0), input, &mut sink);
        unwrapper.expire(Timestamp(i64::MAX), &mut sink);
        assert!(unwrapper.deadline().is_none(), "nothing is waited for any more");
    }
    assert_eq!(frames, unwrappers.iter().map(|unwrapper| unwrapper.counts().frames).sum::<u64>());
}

/// A packet of loopback.
fn carried(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = [ETHERNET_IPV4, &[0x45, 0][..]].concat();
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 1]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    packet.extend_from_slice(payload);
    packet
}
