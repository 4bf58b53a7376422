//! Packets that carry frames between QEMU processes.

use super::frame;
use std::net::SocketAddrV4;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

/// A frame behind its length.
pub fn record(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_be_bytes()[..], frame].concat()
}

/// A segment of TCP, with no checksum, as on loopback.
pub fn tcp(from: SocketAddrV4, to: SocketAddrV4, sequence: u32, acknowledgment: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = [from.port(), to.port()].map(u16::to_be_bytes).concat();
    header.extend([sequence, acknowledgment].map(u32::to_be_bytes).concat());
    header.extend([0x50, flags, 255, 255, 0, 0, 0, 0]);
    ipv4(from, to, 6, 0, &[&header, payload].concat())
}

/// A datagram of UDP.
pub fn udp(from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let header = [from.port(), to.port(), (8 + payload.len()) as u16, 0].map(u16::to_be_bytes).concat();
    ipv4(from, to, 17, 0, &[&header, payload].concat())
}

/// What a packet becomes where only so many octets fit behind each header.
pub fn fragments(packet: &[u8], identification: u16, most: usize) -> Vec<Vec<u8>> {
    let payload = &packet[34..];
    let count = payload.chunks(most).count();
    let fragment = |(number, piece): (usize, &[u8])| {
        let mut fragment = [&packet[..34], piece].concat();
        fragment[16..18].copy_from_slice(&((20 + piece.len()) as u16).to_be_bytes());
        fragment[18..20].copy_from_slice(&identification.to_be_bytes());
        let more = if number + 1 < count { 0x2000 } else { 0 };
        fragment[20..22].copy_from_slice(&(more | (number * most / 8) as u16).to_be_bytes());
        fragment
    };
    payload.chunks(most).enumerate().map(fragment).collect()
}

fn ipv4(from: SocketAddrV4, to: SocketAddrV4, protocol: u8, identification: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend([(20 + payload.len()) as u16, identification, 0x4000].map(u16::to_be_bytes).concat());
    header.extend([64, protocol, 0, 0]);
    header.extend(from.ip().octets());
    header.extend(to.ip().octets());
    [&frame::mac(9)[..], &frame::mac(8), &[8, 0], &header, payload].concat()
}

/// The packets of a classic little-endian pcap file of microseconds, with their time in nanoseconds.
pub fn packets(pcap: &[u8]) -> impl Iterator<Item = (i64, &[u8])> {
    assert_eq!(pcap[..4], 0xa1b2_c3d4_u32.to_le_bytes());
    let mut rest = &pcap[24..];
    std::iter::from_fn(move || {
        let (header, after) = rest.split_first_chunk::<16>()?;
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (packet, after) = after.split_at(word(8) as usize);
        rest = after;
        Some((i64::from(word(0)) * 1_000_000_000 + i64::from(word(4)) * 1000, packet))
    })
}
