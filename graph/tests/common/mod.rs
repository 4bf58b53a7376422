//! Networks written as text: a line a frame.
//!
//! `0.5 tap0 a>b icmp request 10.0.0.1>10.0.0.2 1/7` is a frame 0.5 s after the first, seen at the point tap0, from the station `a`
//! (02:00:00:00:00:0a) to `b`; `*` is broadcast; `a.20>b` carries a tag of VLAN 20. A frame's octets are those that etherparse makes.

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep, VlanId};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Direction, Event, Frame, LinkType, Network, PointId, PointInfo, Timestamp, View};

/// The view of a network written as text. Points are opened in the order in which they occur.
pub fn view(script: &str) -> View {
    view_with(script, Limits::default())
}

/// The same with other bounds.
pub fn view_with(script: &str, limits: Limits) -> View {
    let mut network = Network::new(limits, 7);
    let mut points: Vec<&str> = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (time, point) = (words[0], words[1]);
        let id = points.iter().position(|known| *known == point).unwrap_or_else(|| {
            points.push(point);
            network.observe(&Event::Opened(PointInfo { name: Some(point.into()), link_type: LinkType::ETHERNET, ..PointInfo::default() }));
            points.len() - 1
        });
        let bytes = frame(&words[2..]);
        let seconds: f64 = time.parse().expect("a time");
        let mut batch = Batch::default();
        batch.push(Frame {
            at: Timestamp(1_700_000_000_000_000_000 + (seconds * 1e9) as i64),
            point: PointId(id as u32),
            direction: Direction::Unknown,
            original_length: bytes.len() as u32,
            bytes: &bytes,
        });
        network.observe(&Event::Frames(batch));
    }
    network.view()
}

fn station(name: &str) -> [u8; 6] {
    match name {
        "*" => [0xff; 6],
        name => [2, 0, 0, 0, 0, u8::from_str_radix(name, 16).expect("a station is a hexadecimal number")],
    }
}

fn ip(text: &str) -> [u8; 4] {
    text.parse::<std::net::Ipv4Addr>().expect("an address").octets()
}

/// The octets of `a>b arp who-has …`, `a>b arp is-at …`, `… icmp …`, `… udp …`, `… tcp …`.
pub fn frame(words: &[&str]) -> Vec<u8> {
    let (from, to) = words[0].split_once('>').expect("from>to");
    let (from, vlan) = from.split_once('.').map_or((from, None), |(from, vlan)| (from, Some(vlan.parse::<u16>().expect("a VLAN"))));
    let (source, destination) = (station(from), station(to));
    if words[1] == "arp" {
        return arp(source, destination, vlan, &words[2..]);
    }
    let start = PacketBuilder::ethernet2(source, destination);
    let (from_ip, to_ip) = words[3].split_once('>').expect("from>to");
    let mut out = Vec::new();
    match vlan {
        Some(vlan) => {
            transport(start.single_vlan(VlanId::try_new(vlan).expect("12 bits")).ipv4(ip_of(from_ip), ip_of(to_ip), 64), words, &mut out)
        }
        None => transport(start.ipv4(ip_of(from_ip), ip_of(to_ip), 64), words, &mut out),
    }
    out
}

fn ip_of(text: &str) -> [u8; 4] {
    ip(text.split(':').next().expect("an address"))
}

fn port_of(text: &str) -> u16 {
    text.split(':').nth(1).expect("a port").parse().expect("a port")
}

fn transport(start: PacketBuilderStep<IpHeaders>, words: &[&str], out: &mut Vec<u8>) {
    let (from, to) = words[3].split_once('>').expect("from>to");
    let numbers = |text: &str| -> (u16, u16) {
        let (id, seq) = text.split_once('/').expect("id/seq");
        (id.parse().expect("a number"), seq.parse().expect("a number"))
    };
    match (words[1], words[2]) {
        ("icmp", "request") => {
            let (id, seq) = numbers(words[4]);
            start.icmpv4_echo_request(id, seq).write(out, b"ping").expect("written");
        }
        ("icmp", "reply") => {
            let (id, seq) = numbers(words[4]);
            start.icmpv4_echo_reply(id, seq).write(out, b"ping").expect("written");
        }
        ("tcp", flags) => {
            let mut tcp = start.tcp(port_of(from), port_of(to), 1000, 4000);
            for flag in flags.split('+') {
                tcp = match flag {
                    "syn" => tcp.syn(),
                    "ack" => tcp.ack(1),
                    "fin" => tcp.fin(),
                    "rst" => tcp.rst(),
                    other => panic!("no such flag: {other}"),
                };
            }
            tcp.write(out, b"").expect("written");
        }
        ("udp", _) => start.udp(port_of(from), port_of(to)).write(out, b"data").expect("written"),
        other => panic!("no such packet: {other:?}"),
    }
}

/// `who-has TARGET tell SENDER`, `SENDER is-at` (to the asker given as `for ASKER`).
fn arp(source: [u8; 6], destination: [u8; 6], vlan: Option<u16>, words: &[&str]) -> Vec<u8> {
    let mut bytes = [destination, source].concat();
    if let Some(vlan) = vlan {
        bytes.extend([0x81, 0x00]);
        bytes.extend(vlan.to_be_bytes());
    }
    bytes.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0]);
    let (operation, sender, target) = match words {
        ["who-has", target, "tell", sender] => (1, *sender, *target),
        [sender, "is-at", "for", asker] => (2, *sender, *asker),
        other => panic!("no such ARP packet: {other:?}"),
    };
    bytes.push(operation);
    bytes.extend(source);
    bytes.extend(ip(sender));
    bytes.extend(if operation == 1 { [0; 6] } else { destination });
    bytes.extend(ip(target));
    bytes
}
