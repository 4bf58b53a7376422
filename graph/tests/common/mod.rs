//! Networks written as text: a line a frame.
//!
//! `0.5 tap0 a>b icmp request 10.0.0.1>10.0.0.2 1/7` is a frame 0.5 s after the first, seen at the point tap0, from the station `a`
//! (02:00:00:00:00:0a) to `b`; `*` is broadcast; `a.20>b` carries a tag of VLAN 20; `tap0<` and `tap0>` say that the point's interface
//! received or sent the frame. A frame's octets are those that etherparse makes. What the host says is written as [`host`] tells; a point
//! listens on the device or cable of its name, with `_` for spaces.

mod host;

use etherparse::{Ethernet2Header, IpHeaders, PacketBuilder, PacketBuilderStep, VlanId};
use tapscope_graph::host::CableSight;
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Direction, Event, Frame, LinkType, Network, PointId, PointInfo, Text, Timestamp, View};

/// The view of a network written as text. Points are opened in the order in which they occur.
pub fn view(script: &str) -> View {
    view_with(script, Limits::default())
}

/// The same with other bounds.
pub fn view_with(script: &str, limits: Limits) -> View {
    events(script, limits).0.view()
}

/// A time in seconds after the first moment.
pub fn moment(text: &str) -> Timestamp {
    Timestamp(1_700_000_000_000_000_000 + (text.parse::<f64>().expect("a time") * 1e9) as i64)
}

/// The events of a network written as text, and who observed them.
pub fn events(script: &str, limits: Limits) -> (Network, Vec<Event>) {
    let mut network = Network::new(limits, 7);
    let mut events = Vec::new();
    let mut points: Vec<&str> = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = moment(words[0]);
        let first = events.len();
        if words[1] == "host" {
            events.push(Event::Host { at, changes: vec![host::change(&words[2..])] });
        } else {
            let (point, direction) = match words[1].split_at(words[1].len() - 1) {
                (point, "<") => (point, Direction::Inbound),
                (point, ">") => (point, Direction::Outbound),
                _ => (words[1], Direction::Unknown),
            };
            let id = points.iter().position(|known| *known == point).unwrap_or_else(|| {
                points.push(point);
                let device = network.tables().host.device_named(host::NETNS, point).map(|device| device.id);
                let key = Text::new(&point.replace('_', " "));
                let cable = network.tables().host.cable(&key);
                let carrier = match cable.map(|cable| &cable.sight) {
                    Some(CableSight::Carried { device, .. }) => Some(*device),
                    _ => None,
                };
                let (device, cable) = (device.or(carrier), cable.map(|cable| cable.key.clone()));
                let name = Some(key.to_string());
                let info = PointInfo { name, link_type: LinkType::ETHERNET, device, cable, ..PointInfo::default() };
                events.push(Event::Opened(info));
                points.len() - 1
            });
            let bytes = frame(&words[2..]);
            let mut batch = Batch::default();
            batch.push(Frame { at, point: PointId(id as u32), direction, original_length: bytes.len() as u32, bytes: &bytes });
            events.push(Event::Frames(batch));
        }
        events[first..].iter().for_each(|event| network.observe(event));
    }
    (network, events)
}

fn station(name: &str) -> [u8; 6] {
    match name {
        "*" => [0xff; 6],
        "vrrp1" => [0, 0, 0x5e, 0, 1, 1],
        // QEMU's default, and its user-mode stack's gateway and DNS server.
        "q" => [0x52, 0x54, 0, 0x12, 0x34, 0x56],
        "gateway" => [0x52, 0x55, 10, 0, 2, 2],
        "dns" => [0x52, 0x55, 10, 0, 2, 3],
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
    if words[1] == "icmp6" {
        return icmp6(start, &words[2..]);
    }
    if words[1] == "dhcp" {
        return dhcp(start, &words[2..]);
    }
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
        // As it looks where the device that it goes out by is to fill in the checksum.
        ("icmp", "unfilled-request") => {
            let (id, seq) = numbers(words[4]);
            let first = out.len();
            start.icmpv4_echo_request(id, seq).write(out, b"ping").expect("written");
            // Behind the headers of Ethernet and IPv4: type, code, checksum.
            out[first + 14 + 20 + 2] ^= 0xff;
        }
        ("icmp", "reply") => {
            let (id, seq) = numbers(words[4]);
            start.icmpv4_echo_reply(id, seq).write(out, b"ping").expect("written");
        }
        // `net-unreachable REPORTER>SENDER SENDER>TARGET 1/7`: what it quotes comes last.
        ("icmp", "net-unreachable") => {
            let (source, target) = words[4].split_once('>').expect("from>to");
            let (id, seq) = numbers(words[5]);
            let mut quoted = Vec::new();
            PacketBuilder::ipv4(ip(source), ip(target), 64).icmpv4_echo_request(id, seq).write(&mut quoted, b"ping").expect("written");
            start.icmpv4_raw(3, 0, [0; 4]).write(out, &quoted).expect("written");
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

/// `who-has TARGET tell SENDER` (`as STATION` forges the sender's MAC), `SENDER is-at` (to the asker given as `for ASKER`).
fn arp(source: [u8; 6], destination: [u8; 6], vlan: Option<u16>, words: &[&str]) -> Vec<u8> {
    let mut bytes = [destination, source].concat();
    if let Some(vlan) = vlan {
        bytes.extend([0x81, 0x00]);
        bytes.extend(vlan.to_be_bytes());
    }
    bytes.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0]);
    let (operation, sender, target, mac) = match words {
        ["who-has", target, "tell", sender] => (1, *sender, *target, source),
        ["who-has", target, "tell", sender, "as", forged] => (1, *sender, *target, station(forged)),
        [sender, "is-at", "for", asker] => (2, *sender, *asker, source),
        other => panic!("no such ARP packet: {other:?}"),
    };
    bytes.push(operation);
    bytes.extend(mac);
    bytes.extend(ip(sender));
    bytes.extend(if operation == 1 { [0; 6] } else { destination });
    bytes.extend(ip(target));
    bytes
}

/// `request 2001:db8::1>2001:db8::2 1/1`, `reply …`, `ra fe80::1>ff02::1` (a default router for 30 minutes).
fn icmp6(start: PacketBuilderStep<Ethernet2Header>, words: &[&str]) -> Vec<u8> {
    let ip = |text: &str| text.parse::<std::net::Ipv6Addr>().expect("an address").octets();
    let (from, to) = words[1].split_once('>').expect("from>to");
    let start = start.ipv6(ip(from), ip(to), 255);
    let numbers = || -> (u16, u16) {
        let (id, seq) = words[2].split_once('/').expect("id/seq");
        (id.parse().expect("a number"), seq.parse().expect("a number"))
    };
    let mut out = Vec::new();
    match words[0] {
        "request" => start.icmpv6_echo_request(numbers().0, numbers().1).write(&mut out, b"ping"),
        "reply" => start.icmpv6_echo_reply(numbers().0, numbers().1).write(&mut out, b"ping"),
        "ra" => start.icmpv6_raw(134, 0, [64, 0, 0x07, 0x08]).write(&mut out, &[0; 8]),
        other => panic!("no such packet: {other}"),
    }
    .expect("written");
    out
}

/// `discover CLIENT`, `offer CLIENT ADDRESS`, `request …`, `ack …`, `nak …`, always of transaction 1 and server 10.0.0.1 (RFC 2131,
/// section 2), unless a server follows; that is then the router, too.
fn dhcp(start: PacketBuilderStep<Ethernet2Header>, words: &[&str]) -> Vec<u8> {
    let kind = match words[0] {
        "discover" => 1,
        "offer" => 2,
        "request" => 3,
        "ack" => 5,
        "nak" => 6,
        other => panic!("no such message: {other}"),
    };
    let is_reply = matches!(kind, 2 | 5 | 6);
    let server = words.get(3).map_or([10, 0, 0, 1], |server| ip(server));
    let address = words.get(2).map_or([0; 4], |address| ip(address));
    let mut message = vec![if is_reply { 2 } else { 1 }, 1, 6, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    message.extend(if matches!(kind, 2 | 5) { address } else { [0; 4] });
    message.extend([0; 8]);
    message.extend(station(words[1]));
    message.extend([0; 10 + 64 + 128]);
    message.extend([99, 130, 83, 99, 53, 1, kind]);
    if is_reply {
        message.extend([54, 4]);
        message.extend(server);
        if words.len() > 3 {
            message.extend([3, 4]);
            message.extend(server);
        }
    }
    message.push(255);
    let (addresses, ports) = if is_reply { ((server, [255; 4]), (67, 68)) } else { (([0; 4], [255; 4]), (68, 67)) };
    let mut out = Vec::new();
    start.ipv4(addresses.0, addresses.1, 64).udp(ports.0, ports.1).write(&mut out, &message).expect("written");
    out
}
