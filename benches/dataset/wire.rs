//! Frames, octet by octet, as the RFCs draw them.

use super::random::Random;

pub const SYN: u8 = 2;
pub const ACK: u8 = 16;

const BROADCAST: [u8; 6] = [0xff; 6];
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// A host: its number gives its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint(u16);

impl Endpoint {
    /// The one that gives the others their addresses, and is their router.
    pub const FIRST: Endpoint = Endpoint(0);

    /// Two different ones.
    pub fn pair(hosts: u32, random: &mut Random) -> (Endpoint, Endpoint) {
        let first = random.below(hosts);
        let distance = 1 + random.below(hosts - 1);
        (Endpoint(first as u16), Endpoint(((first + distance) % hosts) as u16))
    }

    fn mac(self) -> [u8; 6] {
        let [high, low] = self.0.to_be_bytes();
        [0x52, 0x54, 0, 0, high, low]
    }

    /// In 10.0.0.0/16, from 10.0.1.0 on.
    fn v4(self) -> [u8; 4] {
        let [high, low] = (self.0 + 256).to_be_bytes();
        [10, 0, high, low]
    }

    /// In fd00::/64.
    fn v6(self) -> [u8; 16] {
        let [high, low] = self.0.to_be_bytes();
        [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, high, low]
    }
}

/// Between whom a packet of a flow travels.
#[derive(Clone, Copy)]
pub struct Addresses {
    pub from: Endpoint,
    pub to: Endpoint,
    pub ports: (u16, u16),
    pub vlan: Option<u16>,
    pub version_6: bool,
}

impl Addresses {
    /// Ethernet, VLAN and IP header without options.
    fn header_length(&self) -> usize {
        14 + if self.vlan.is_some() { 4 } else { 0 } + if self.version_6 { 40 } else { 20 }
    }
}

/// Builds frames.
pub struct Wire {
    /// What data consists of.
    payload: Vec<u8>,
    spare: Vec<Vec<u8>>,
    identification: u16,
}

impl Wire {
    pub fn new(random: &mut Random) -> Wire {
        let mut payload = vec![0; 1514];
        random.fill(&mut payload);
        Wire { payload, spare: Vec::new(), identification: 0 }
    }

    /// Takes frames back to reuse their memory.
    pub fn recycle(&mut self, frames: Vec<Vec<u8>>) {
        self.spare.extend(frames);
    }

    fn buffer(&mut self) -> Vec<u8> {
        let mut frame = self.spare.pop().unwrap_or_default();
        frame.clear();
        frame
    }

    /// A UDP datagram in a frame of `length` octets, or as short as its headers allow.
    pub fn udp(&mut self, addresses: Addresses, length: usize) -> Vec<u8> {
        let data = length.saturating_sub(addresses.header_length() + 8);
        let mut segment = self.buffer();
        segment.extend(addresses.ports.0.to_be_bytes());
        segment.extend(addresses.ports.1.to_be_bytes());
        segment.extend((8 + data as u16).to_be_bytes());
        segment.extend([0, 0]);
        segment.extend_from_slice(&self.payload[..data]);
        self.packet(addresses, UDP, 6, segment)
    }

    /// A TCP segment in a frame of about `length` octets, and by how many its sequence number advances.
    pub fn tcp(&mut self, addresses: Addresses, flags: u8, sequence: u32, acknowledgment: u32, length: usize) -> (Vec<u8>, u32) {
        let syn = flags & SYN != 0;
        let data = if syn { 0 } else { length.saturating_sub(addresses.header_length() + 20) };
        let mut segment = self.buffer();
        segment.extend(addresses.ports.0.to_be_bytes());
        segment.extend(addresses.ports.1.to_be_bytes());
        segment.extend(sequence.to_be_bytes());
        segment.extend(if flags & ACK != 0 { acknowledgment } else { 0 }.to_be_bytes());
        // Data offset 5 words, flags, window, checksum, urgent pointer.
        segment.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
        segment.extend_from_slice(&self.payload[..data]);
        (self.packet(addresses, TCP, 16, segment), data as u32 + u32::from(syn))
    }

    /// Puts IP and Ethernet headers in front of a segment, and the checksum into it at `checksum_at`.
    fn packet(&mut self, addresses: Addresses, protocol: u8, checksum_at: usize, mut segment: Vec<u8>) -> Vec<u8> {
        let Addresses { from, to, vlan, version_6, .. } = addresses;
        let pseudo_header = if version_6 { sum(&from.v6()) + sum(&to.v6()) } else { sum(&from.v4()) + sum(&to.v4()) };
        let checksum = checksum(pseudo_header + u64::from(protocol) + segment.len() as u64 + sum(&segment));
        segment[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());

        let mut frame = self.buffer();
        ethernet(&mut frame, from.mac(), to.mac(), vlan, if version_6 { 0x86dd } else { 0x0800 });
        if version_6 {
            frame.extend([0x60, 0, 0, 0]);
            frame.extend((segment.len() as u16).to_be_bytes());
            frame.extend([protocol, 64]);
            frame.extend(from.v6());
            frame.extend(to.v6());
        } else {
            self.ipv4(&mut frame, from.v4(), to.v4(), protocol, segment.len());
        }
        frame.extend_from_slice(&segment);
        self.spare.push(segment);
        frame
    }

    fn ipv4(&mut self, frame: &mut Vec<u8>, from: [u8; 4], to: [u8; 4], protocol: u8, length: usize) {
        self.identification = self.identification.wrapping_add(1);
        let start = frame.len();
        frame.extend([0x45, 0]);
        frame.extend((20 + length as u16).to_be_bytes());
        frame.extend(self.identification.to_be_bytes());
        // Don't fragment; time to live 64.
        frame.extend([0x40, 0, 64, protocol, 0, 0]);
        frame.extend(from);
        frame.extend(to);
        let checksum = checksum(sum(&frame[start..]));
        frame[start + 10..start + 12].copy_from_slice(&checksum.to_be_bytes());
    }

    /// An ARP request to all, and the reply (RFC 826).
    pub fn resolve(&mut self, asker: Endpoint, asked: Endpoint) -> Vec<Vec<u8>> {
        let request = self.arp(asker, BROADCAST, 1, [0; 6], asked);
        let reply = self.arp(asked, asker.mac(), 2, asker.mac(), asker);
        vec![request, reply]
    }

    fn arp(&mut self, from: Endpoint, to: [u8; 6], operation: u8, target: [u8; 6], target_address: Endpoint) -> Vec<u8> {
        let mut frame = self.buffer();
        ethernet(&mut frame, from.mac(), to, None, 0x0806);
        frame.extend([0, 1, 8, 0, 6, 4, 0, operation]);
        frame.extend(from.mac());
        frame.extend(from.v4());
        frame.extend(target);
        frame.extend(target_address.v4());
        frame
    }

    /// An echo request, and the reply (RFC 792).
    pub fn ping(&mut self, from: Endpoint, to: Endpoint, sequence: u16) -> Vec<Vec<u8>> {
        let [high, low] = sequence.to_be_bytes();
        let data: Vec<u8> = (0..56).collect();
        let message = |kind| [&[kind, 0, 0, 0, 0, 1, high, low], &data[..]].concat();
        let (request, reply) = (self.icmp(from, to, message(8)), self.icmp(to, from, message(0)));
        vec![request, reply]
    }

    /// Port unreachable, with the datagram that found it so (RFC 792).
    pub fn unreachable(&mut self, from: Endpoint, to: Endpoint) -> Vec<Vec<u8>> {
        let datagram = self.udp(Addresses { from, to, ports: (40_000, 33_434), vlan: None, version_6: false }, 64);
        let message = [&[3, 3, 0, 0, 0, 0, 0, 0], &datagram[14..42]].concat();
        let error = self.icmp(to, from, message);
        vec![datagram, error]
    }

    fn icmp(&mut self, from: Endpoint, to: Endpoint, mut message: Vec<u8>) -> Vec<u8> {
        let checksum = checksum(sum(&message));
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
        let mut frame = self.buffer();
        ethernet(&mut frame, from.mac(), to.mac(), None, 0x0800);
        self.ipv4(&mut frame, from.v4(), to.v4(), ICMP, message.len());
        frame.extend_from_slice(&message);
        frame
    }

    /// Discover, offer, request and acknowledgment (RFC 2131).
    pub fn lease(&mut self, client: Endpoint, server: Endpoint, transaction: u32) -> Vec<Vec<u8>> {
        let asked = [&[50, 4][..], &client.v4(), &[54, 4], &server.v4()].concat();
        let given = [&[54, 4][..], &server.v4(), &[51, 4, 0, 0, 0x0e, 0x10, 1, 4, 255, 255, 0, 0, 3, 4], &server.v4()].concat();
        vec![
            self.dhcp(client, server, false, transaction, 1, &[]),
            self.dhcp(client, server, true, transaction, 2, &given),
            self.dhcp(client, server, false, transaction, 3, &asked),
            self.dhcp(client, server, true, transaction, 5, &given),
        ]
    }

    fn dhcp(&mut self, client: Endpoint, server: Endpoint, from_server: bool, transaction: u32, kind: u8, options: &[u8]) -> Vec<u8> {
        let mut message = vec![if from_server { 2 } else { 1 }, 1, 6, 0];
        message.extend(transaction.to_be_bytes());
        message.extend([0; 8]);
        message.extend(if from_server { client.v4() } else { [0; 4] });
        message.extend([0; 8]);
        message.extend(client.mac());
        message.resize(236, 0);
        message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, kind]);
        message.extend_from_slice(options);
        message.push(255);
        message.resize(300, 0);

        let (source, mac, to, ports) =
            if from_server { (server.v4(), server.mac(), client.mac(), (67, 68)) } else { ([0; 4], client.mac(), BROADCAST, (68, 67)) };
        let target = if from_server { client.v4() } else { [255; 4] };
        let mut segment = self.buffer();
        segment.extend(u16::to_be_bytes(ports.0));
        segment.extend(u16::to_be_bytes(ports.1));
        segment.extend((8 + message.len() as u16).to_be_bytes());
        segment.extend([0, 0]);
        segment.extend_from_slice(&message);
        let checksum = checksum(sum(&source) + sum(&target) + u64::from(UDP) + segment.len() as u64 + sum(&segment));
        segment[6..8].copy_from_slice(&checksum.to_be_bytes());
        let mut frame = self.buffer();
        ethernet(&mut frame, mac, to, None, 0x0800);
        self.ipv4(&mut frame, source, target, UDP, segment.len());
        frame.extend_from_slice(&segment);
        frame
    }
}

fn ethernet(frame: &mut Vec<u8>, from: [u8; 6], to: [u8; 6], vlan: Option<u16>, ether_type: u16) {
    frame.extend(to);
    frame.extend(from);
    if let Some(vid) = vlan {
        frame.extend([0x81, 0]);
        frame.extend(vid.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
}

/// Sum of 16-bit words, padded with a zero octet (RFC 1071).
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let words: u64 = words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum();
    words + rest.first().map_or(0, |&last| u64::from(last) << 8)
}

/// The Internet checksum of a sum (RFC 1071). For UDP 0 would mean "none"; it is sent as its other form, which TCP accepts as well.
fn checksum(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    match !(sum as u16) {
        0 => 0xffff,
        checksum => checksum,
    }
}
