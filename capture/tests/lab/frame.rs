//! Frames to send.

use std::net::Ipv4Addr;

pub const BROADCAST: [u8; 6] = [0xff; 6];

/// The hardware address of a station.
pub fn mac(station: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, station]
}

fn address(station: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, station)
}

pub fn ethernet(to: [u8; 6], from: u8, kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [&to[..], &mac(from), &kind.to_be_bytes(), payload].concat();
    frame.resize(frame.len().max(60), 0);
    frame
}

/// With a tag of IEEE 802.1Q behind the addresses.
pub fn tagged(vlan: u16, frame: &[u8]) -> Vec<u8> {
    [&frame[..12], &[0x81, 0], &vlan.to_be_bytes(), &frame[12..]].concat()
}

pub fn arp(from: u8, target: u8) -> Vec<u8> {
    let head = [0, 1, 8, 0, 6, 4, 0, 1];
    let payload = [&head[..], &mac(from), &address(from).octets(), &[0; 6], &address(target).octets()].concat();
    ethernet(BROADCAST, from, 0x0806, &payload)
}

pub fn ipv4(from: u8, to: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let mut header = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, from, 10, 0, 0, to];
    header[2..4].copy_from_slice(&length.to_be_bytes());
    let sum: u32 = header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    ethernet(mac(to), from, 0x0800, &[&header[..], payload].concat())
}

pub fn echo(from: u8, to: u8, sequence: u16) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    // Long enough to need no padding, which a bridge takes off where it has a firewall (br_netfilter).
    ipv4(from, to, 1, &[&[8, 0, 0, 0, 0, 1, high, low][..], &[0; 32]].concat())
}

pub fn tcp(from: u8, to: u8, sequence: u32) -> Vec<u8> {
    let ports = if from < to { [0x9c, 0x40, 0, 80] } else { [0, 80, 0x9c, 0x40] };
    ipv4(from, to, 6, &[&ports[..], &sequence.to_be_bytes(), &[0; 4], &[0x50, 0x10, 1, 0, 0, 0, 0, 0]].concat())
}

pub fn udp(from: u8, to: u8, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let head = [ports.0, ports.1, length, 0].map(u16::to_be_bytes).concat();
    ipv4(from, to, 17, &[&head[..], payload].concat())
}

/// A DHCP client's broadcast, as far as a filter looks.
pub fn dhcp(from: u8) -> Vec<u8> {
    let mut frame = udp(from, 255, (68, 67), &[1; 240]);
    frame[..6].copy_from_slice(&BROADCAST);
    frame
}

/// A bridge's hello (IEEE 802.1D, clause 9), as far as a filter looks.
pub fn stp(from: u8) -> Vec<u8> {
    let mut frame = ethernet([1, 0x80, 0xc2, 0, 0, 0], from, 38, &[0x42, 0x42, 3]);
    frame.resize(60, 0);
    frame
}
