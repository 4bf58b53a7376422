//! What a rule asks of a packet, and what it does.

use crate::MacAddr;
use std::net::IpAddr;

/// A packet as rules see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub in_name: Option<&'a str>,
    pub out_name: Option<&'a str>,
    /// The bridge's ports, where the packet is bridged and shown to the IP stack's rules.
    pub physical_in: Option<&'a str>,
    pub physical_out: Option<&'a str>,
    pub is_bridged: bool,
    pub source_mac: Option<MacAddr>,
    pub destination_mac: Option<MacAddr>,
    pub source: Option<IpAddr>,
    pub destination: Option<IpAddr>,
    pub is_v6: bool,
    pub protocol: Protocol,
    pub conn: Conn,
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// ARP, 1 a request and 2 a reply.
    Arp(u8),
    /// ICMP or ICMPv6, by type.
    Icmp(u8),
    /// UDP, by source and destination port.
    Udp(u16, u16),
}

/// What conntrack says of a packet (iptables-extensions(8), conntrack).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conn {
    New,
    Established,
    Invalid,
    Untracked,
}

impl Packet<'_> {
    /// The families of rules that see it in the IP stack.
    pub fn families(&self) -> &'static [&'static str] {
        if self.is_v6 { &["ip6", "inet"] } else { &["ip", "inet"] }
    }
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect<'a> {
    Accept,
    Drop,
    Reject,
    Return,
    /// Nothing that decides: counts, logs, marks.
    Goes,
    /// Another address, and accept.
    Rewrite,
    Jump(&'a str),
    Goto(&'a str),
    /// By conntrack's word: states and what each does.
    ByState(Vec<(&'a str, &'a str)>),
    Unknown,
}

impl<'a> Effect<'a> {
    /// The effect on this packet.
    pub fn of(&self, packet: &Packet<'_>) -> Effect<'a> {
        let Effect::ByState(cases) = self else { return self.clone() };
        let found = cases.iter().find(|(state, _)| state.split(',').any(|state| state.trim() == packet.conn.name()));
        found.map_or(Effect::Goes, |(_, verdict)| Effect::by_name(verdict))
    }

    /// nft's verdicts.
    pub fn by_name(verdict: &'a str) -> Effect<'a> {
        let mut words = verdict.split_whitespace();
        match (words.next(), words.next()) {
            (Some("accept"), _) => Effect::Accept,
            (Some("drop"), _) => Effect::Drop,
            (Some("return"), _) => Effect::Return,
            (Some("continue"), _) => Effect::Goes,
            (Some("jump"), Some(name)) => Effect::Jump(name),
            (Some("goto"), Some(name)) => Effect::Goto(name),
            _ => Effect::Unknown,
        }
    }
}

impl Conn {
    pub fn name(self) -> &'static str {
        match self {
            Conn::New => "new",
            Conn::Established => "established",
            Conn::Invalid => "invalid",
            Conn::Untracked => "untracked",
        }
    }
}

/// What a term is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    InName,
    OutName,
    PhysicalIn,
    PhysicalOut,
    Bridged,
    SourceMac,
    DestinationMac,
    Source4,
    Destination4,
    Source6,
    Destination6,
    /// Of the version that the tool speaks.
    Source,
    Destination,
    /// EtherType or the family of the network layer, by name.
    Network,
    /// The protocol above IP, by name or number.
    Transport,
    IcmpType,
    Icmp6Type,
    ArpOperation,
    State,
    SourcePort,
    DestinationPort,
    /// A later fragment: what is traced never is one.
    Fragment,
    Unknown,
}

/// One thing that must hold: one of the values, or none of them.
#[derive(Clone, Debug)]
pub(crate) struct Term<'a> {
    pub about: About,
    pub is_negated: bool,
    pub values: Vec<&'a str>,
}

impl<'a> Term<'a> {
    pub fn unknown() -> Term<'a> {
        Term { about: About::Unknown, is_negated: false, values: Vec::new() }
    }

    /// Whether it holds; `None` where that is not known.
    pub fn holds(&self, packet: &Packet<'_>) -> Option<bool> {
        let any = |holds: &dyn Fn(&str) -> Option<bool>| -> Option<bool> {
            let mut is_known = true;
            for value in &self.values {
                // What is in a set is not always known.
                match if value.starts_with('@') { None } else { holds(value) } {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => is_known = false,
                }
            }
            is_known.then_some(false)
        };
        let name = |own: Option<&str>| any(&|value| Some(own.is_some_and(|own| is_name(value, own))));
        let mac = |own: Option<MacAddr>| any(&|value| own.map(|own| is_mac(value, own)));
        let address = |own: Option<IpAddr>| any(&|value| own.map_or(Some(false), |own| is_in(value, own)));
        let v4 = |own: Option<IpAddr>| own.filter(|_| !packet.is_v6 && !matches!(packet.protocol, Protocol::Arp(_)));
        let v6 = |own: Option<IpAddr>| own.filter(|_| packet.is_v6);
        let holds = match self.about {
            About::InName => name(packet.in_name),
            About::OutName => name(packet.out_name),
            About::PhysicalIn => name(packet.physical_in),
            About::PhysicalOut => name(packet.physical_out),
            About::Bridged => Some(packet.is_bridged),
            About::SourceMac => mac(packet.source_mac),
            About::DestinationMac => mac(packet.destination_mac),
            About::Source => address(packet.source),
            About::Destination => address(packet.destination),
            About::Source4 => address(v4(packet.source)),
            About::Destination4 => address(v4(packet.destination)),
            About::Source6 => address(v6(packet.source)),
            About::Destination6 => address(v6(packet.destination)),
            About::Network => any(&|value| is_network(value, packet)),
            About::Transport => any(&|value| is_transport(value, packet)),
            About::IcmpType => match packet.protocol {
                Protocol::Icmp(kind) if !packet.is_v6 => any(&|value| is_icmp(value, kind, &ICMP)),
                _ => Some(false),
            },
            About::Icmp6Type => match packet.protocol {
                Protocol::Icmp(kind) if packet.is_v6 => any(&|value| is_icmp(value, kind, &ICMP6)),
                _ => Some(false),
            },
            About::ArpOperation => match packet.protocol {
                Protocol::Arp(operation) => any(&|value| {
                    Some(value.eq_ignore_ascii_case(["request", "reply"][usize::from(operation == 2)]) || value.parse() == Ok(operation))
                }),
                _ => Some(false),
            },
            About::State => any(&|value| Some(value.eq_ignore_ascii_case(packet.conn.name()))),
            About::SourcePort => ports(packet).map_or(Some(false), |(own, _)| any(&|value| is_port(value, own))),
            About::DestinationPort => ports(packet).map_or(Some(false), |(_, own)| any(&|value| is_port(value, own))),
            About::Fragment => Some(false),
            About::Unknown => None,
        };
        holds.map(|holds| holds != self.is_negated)
    }
}

/// A name, or one that begins with what stands before `*` or iptables' `+`.
fn is_name(value: &str, own: &str) -> bool {
    let value = value.trim_matches('"');
    match value.strip_suffix(['*', '+']) {
        Some(head) => own.starts_with(head),
        None => own == value,
    }
}

fn is_mac(value: &str, own: MacAddr) -> bool {
    // What is masked is not an address alone.
    let value = value.split('/').next().unwrap_or_default();
    let octets: Vec<u8> = value.split(':').filter_map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
    octets == own.0
}

/// An address, a prefix, or a range; a name of a set is not known.
fn is_in(value: &str, own: IpAddr) -> Option<bool> {
    if let Some((first, last)) = value.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
        return Some(first <= own && own <= last && first.is_ipv4() == own.is_ipv4());
    }
    let (ip, length) = value.split_once('/').unwrap_or((value, ""));
    let ip: IpAddr = ip.parse().ok()?;
    let whole = if ip.is_ipv4() { 32 } else { 128 };
    let length = match length {
        "" => whole,
        mask if mask.contains('.') => mask.parse::<std::net::Ipv4Addr>().ok()?.to_bits().leading_ones() as u8,
        bits => bits.parse().ok()?,
    };
    Some(crate::host::Prefix { ip, length }.contains(own))
}

fn is_network(value: &str, packet: &Packet<'_>) -> Option<bool> {
    let own: &[&str] = match packet.protocol {
        Protocol::Arp(_) => &["arp", "0x0806", "0x806"],
        _ if packet.is_v6 => &["ip6", "ipv6", "0x86dd"],
        _ => &["ip", "ipv4", "0x0800", "0x800"],
    };
    Some(own.iter().any(|own| own.eq_ignore_ascii_case(value)))
}

fn is_transport(value: &str, packet: &Packet<'_>) -> Option<bool> {
    let own: &[&str] = match packet.protocol {
        Protocol::Arp(_) => &[],
        Protocol::Icmp(_) if packet.is_v6 => &["icmpv6", "ipv6-icmp", "58"],
        Protocol::Icmp(_) => &["icmp", "1"],
        Protocol::Udp(..) => &["udp", "17"],
    };
    Some(value == "all" || own.contains(&value))
}

/// Names of ICMP's types that rules may use.
const ICMP: [(&str, u8); 5] =
    [("echo-reply", 0), ("destination-unreachable", 3), ("redirect", 5), ("echo-request", 8), ("time-exceeded", 11)];
const ICMP6: [(&str, u8); 9] = [
    ("destination-unreachable", 1),
    ("packet-too-big", 2),
    ("echo-request", 128),
    ("echo-reply", 129),
    ("nd-router-solicit", 133),
    ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135),
    ("nd-neighbor-advert", 136),
    ("nd-redirect", 137),
];

/// By name or number; ip6tables says `neighbour-solicitation` where nft says `nd-neighbor-solicit`.
fn is_icmp(value: &str, kind: u8, names: &[(&str, u8)]) -> Option<bool> {
    if value == "any" {
        return Some(true);
    }
    let number = value.split('/').next().and_then(|number| number.parse::<u8>().ok());
    let known = number.or_else(|| match value {
        "neighbour-solicitation" | "neighbor-solicitation" => Some(135),
        "neighbour-advertisement" | "neighbor-advertisement" => Some(136),
        name => names.iter().find(|(known, _)| *known == name).map(|(_, number)| *number),
    });
    // A name that is not known here is none of those that are traced.
    Some(known == Some(kind))
}

fn ports(packet: &Packet<'_>) -> Option<(u16, u16)> {
    match packet.protocol {
        Protocol::Udp(source, destination) => Some((source, destination)),
        Protocol::Arp(_) | Protocol::Icmp(_) => None,
    }
}

/// A port, or a range of them.
fn is_port(value: &str, own: u16) -> Option<bool> {
    let (first, last) = value.split_once(['-', ':']).unwrap_or((value, value));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    Some((first..=last).contains(&own))
}
