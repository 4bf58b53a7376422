//! What each fuzz target does with its input: everything that tapscope would do with such bytes, and a look at what comes out.

use std::fmt::Write as _;
use std::io::Cursor;
use tapscope_capture::file::{Merged, Next, Reader};
use tapscope_graph::decode;
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Event, Frame, LinkType, Network, PointId, PointInfo, Timestamp};

/// `LINKTYPE_` numbers: every one that is decoded, and one that is not.
const LINK_TYPES: [u32; 10] = [1, 0, 12, 101, 108, 113, 228, 229, 276, 147];
const ETHERNET: u32 = 1;

/// A link type, then frames: two octets of length, one of point (bit 0) and time, the frame's octets.
pub fn frame(input: &[u8]) {
    let Some((&choice, mut rest)) = input.split_first() else { return };
    let mut frames = Vec::new();
    while let Some((&[high, low, when], after)) = rest.split_first_chunk() {
        let (bytes, after) = after.split_at(after.len().min(usize::from(u16::from_be_bytes([high, low]))));
        frames.push((u32::from(when & 1), i64::from(when >> 1), bytes));
        rest = after;
    }
    observe(LINK_TYPES[usize::from(choice) % LINK_TYPES.len()], &frames);
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
    observe(ETHERNET, &[(0, 0, bytes)]);
}

/// Decodes frames (point, second, octets), lets a network observe them, and looks at everything that comes out.
fn observe(link_type: u32, frames: &[(u32, i64, &[u8])]) {
    let link_type = LinkType(link_type);
    let mut batch = Batch::default();
    for &(point, second, bytes) in frames {
        let at = Timestamp(second * 1_000_000_000);
        batch.push(Frame { at, point: PointId(point), direction: Default::default(), original_length: bytes.len() as u32, bytes });
    }
    for frame in batch.frames() {
        let _ = decode::summary(link_type, &frame);
        for layer in decode::layers(link_type, &frame) {
            assert!(layer.fields.iter().all(|field| field.range.end <= frame.bytes.len()), "a field outside of its frame");
        }
    }
    let point = |name: &str| Event::Opened(PointInfo { name: Some(name.into()), link_type, ..Default::default() });
    let events = [point("tap0"), point("tap1"), Event::Frames(batch)];
    let views = [0, 0x5eed].map(|seed| {
        let mut network = Network::new(small(), seed);
        events.iter().for_each(|event| network.observe(event));
        let mut text = String::new();
        let _ = write!(text, "{:?}", network.view());
        text
    });
    assert!(views[0] == views[1], "the seed shows in the view");
}

/// Bounds so low that an input reaches them.
fn small() -> Limits {
    Limits { points: 2, flows: 4, stations: 8, echoes: 4, journeys: 4, transactions: 4, rows: 4 }
}
