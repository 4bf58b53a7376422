//! Every layer and field of one frame, named as in its standard, with its octets: for looking, not for learning.

mod bridge;
mod control;
mod dhcp;
mod dns;
mod link;
mod network;
mod transport;

pub(super) use bridge::{lldp_words, slow_words, stp_words};
pub(super) use control::{arp_words, icmp_words, icmp6_words};
pub(super) use dhcp::{dhcp_words, dhcp6_words};
pub(super) use dns::dns_words;
pub(super) use transport::tcp_flags;

use super::read::{array, be16, be32};
use crate::{Frame, LinkType, MacAddr};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// One layer of a frame, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The protocol, such as `Ethernet II` or `DHCP`.
    pub name: &'static str,
    /// One line that says the most important of it.
    pub summary: String,
    /// Its octets in the frame.
    pub range: Range<usize>,
    /// Its fields in order.
    pub fields: Vec<Field>,
}

/// One field of a layer. Values that come from the wire as text are sanitised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name in its standard.
    pub name: &'static str,
    /// Its value, with the unit.
    pub value: String,
    /// Its octets in the frame.
    pub range: Range<usize>,
}

/// Packets inside of packets are followed this deep.
const DEPTH: u8 = 4;
/// The most layers and the most fields of one layer: a frame of 64 KiB could hold thousands.
const LAYERS: usize = 48;
const FIELDS: usize = 160;

/// The layers of a frame, from the outside in. What cannot be read further shows as octets.
pub fn layers(link_type: LinkType, frame: &Frame<'_>) -> Vec<Layer> {
    let mut reading = Reading { bytes: frame.bytes, layers: Vec::new(), wire: frame.original_length };
    match link_type {
        LinkType::ETHERNET => reading.ethernet(0, DEPTH),
        LinkType::NULL | LinkType::LOOP => reading.family(0),
        LinkType::RAW | LinkType(12 | 14) | LinkType::IPV4 | LinkType::IPV6 => reading.ip(0, frame.bytes.len(), DEPTH),
        LinkType::LINUX_SLL => reading.sll(),
        LinkType::LINUX_SLL2 => reading.sll2(),
        _ => {
            let name = link_type.name().map_or_else(|| format!("LINKTYPE {}", link_type.0), |name| format!("LINKTYPE_{name}"));
            reading.data(0, frame.bytes.len(), &format!("not decoded: {name}"));
        }
    }
    reading.layers
}

/// A frame that is being read, and what was found.
struct Reading<'a> {
    bytes: &'a [u8],
    layers: Vec<Layer>,
    /// Length on the wire.
    wire: u32,
}

/// A layer in the making: fields are read at offsets from its first octet.
struct Draft<'a> {
    bytes: &'a [u8],
    at: usize,
    layer: Layer,
}

impl<'a> Reading<'a> {
    fn draft(&self, name: &'static str, at: usize, length: usize) -> Draft<'a> {
        let end = at.saturating_add(length).min(self.bytes.len());
        let at = at.min(end);
        Draft { bytes: &self.bytes[at..end], at, layer: Layer { name, summary: String::new(), range: at..end, fields: Vec::new() } }
    }

    fn push(&mut self, draft: Draft<'_>, summary: impl Into<String>) {
        if self.layers.len() < LAYERS {
            self.layers.push(Layer { summary: summary.into(), ..draft.layer });
        }
    }

    /// Octets that are not read further.
    fn data(&mut self, at: usize, end: usize, why: &str) {
        if at < end.min(self.bytes.len()) {
            let draft = self.draft("Data", at, end - at);
            let length = draft.bytes.len();
            self.push(draft, format!("{length} octets{}{why}", if why.is_empty() { "" } else { ", " }));
        }
    }

    /// A header that was not captured whole.
    fn cut(&mut self, name: &'static str, at: usize) {
        let draft = self.draft(name, at, self.bytes.len().saturating_sub(at));
        self.push(draft, "cut short by the capture, or malformed");
    }

    fn is_full(&self) -> bool {
        self.layers.len() >= LAYERS
    }
}

impl Draft<'_> {
    fn add(&mut self, name: &'static str, range: Range<usize>, value: impl Into<String>) {
        let end = range.end.min(self.bytes.len());
        if self.layer.fields.len() < FIELDS && range.start <= end {
            self.layer.fields.push(Field { name, value: value.into(), range: self.at + range.start..self.at + end });
        }
    }

    fn u8(&mut self, name: &'static str, at: usize) -> Option<u8> {
        let value = *self.bytes.get(at)?;
        self.add(name, at..at + 1, value.to_string());
        Some(value)
    }

    fn u16(&mut self, name: &'static str, at: usize) -> Option<u16> {
        let value = be16(self.bytes, at)?;
        self.add(name, at..at + 2, value.to_string());
        Some(value)
    }

    fn u32(&mut self, name: &'static str, at: usize) -> Option<u32> {
        let value = be32(self.bytes, at)?;
        self.add(name, at..at + 4, value.to_string());
        Some(value)
    }

    fn hex16(&mut self, name: &'static str, at: usize) -> Option<u16> {
        let value = be16(self.bytes, at)?;
        self.add(name, at..at + 2, format!("{value:#06x}"));
        Some(value)
    }

    fn mac(&mut self, name: &'static str, at: usize) -> Option<MacAddr> {
        let value = MacAddr(array(self.bytes, at)?);
        self.add(name, at..at + 6, value.to_string());
        Some(value)
    }

    fn ipv4(&mut self, name: &'static str, at: usize) -> Option<Ipv4Addr> {
        let value = Ipv4Addr::from(array::<4>(self.bytes, at)?);
        self.add(name, at..at + 4, value.to_string());
        Some(value)
    }

    fn ipv6(&mut self, name: &'static str, at: usize) -> Option<Ipv6Addr> {
        let value = Ipv6Addr::from(array::<16>(self.bytes, at)?);
        self.add(name, at..at + 16, value.to_string());
        Some(value)
    }
}

/// The names of the bits that are set, the highest first.
fn flags(value: u32, names: &[(u32, &str)]) -> String {
    let set: Vec<&str> = names.iter().filter(|(bit, _)| value & bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "none".to_owned() } else { set.join(", ") }
}

/// The ones' complement sum of 16-bit words (RFC 1071), folded; an odd octet counts as if a zero followed.
fn sum(bytes: &[u8], start: u32) -> u16 {
    let mut total = u64::from(start);
    for pair in bytes.chunks(2) {
        total += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn of(bytes: &[u8]) -> Vec<String> {
        let frame = Frame {
            at: Timestamp(0),
            point: crate::PointId(0),
            direction: crate::Direction::Unknown,
            original_length: bytes.len() as u32,
            bytes,
        };
        layers(LinkType::ETHERNET, &frame).into_iter().map(|layer| format!("{}: {}", layer.name, layer.summary)).collect()
    }

    const PING: [u8; 46] = [
        0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x52, 0x54, 0, 0x12, 0x34, 0x57, 8, 0, // Ethernet
        0x45, 0, 0, 32, 0, 1, 0x40, 0, 64, 1, 0x22, 0x15, 10, 0, 2, 101, 10, 0, 2, 100, // IPv4
        8, 0, 0, 0, 0, 109, 0, 7, 1, 2, 3, 4, // ICMP
    ];

    #[test]
    fn a_ping_is_three_layers() {
        assert_eq!(
            of(&PING),
            [
                "Ethernet II: 52:54:00:12:34:57 to 52:54:00:12:34:56",
                "IPv4: 10.0.2.101 to 10.0.2.100, ICMP, ttl 64",
                "ICMP: echo request id 109 seq 7",
                "Data: 4 octets",
            ]
        );
    }

    #[test]
    fn every_prefix_of_a_frame_has_layers_inside_of_it() {
        for cut in 0..PING.len() {
            let frame = Frame {
                at: Timestamp(0),
                point: crate::PointId(0),
                direction: crate::Direction::Unknown,
                original_length: PING.len() as u32,
                bytes: &PING[..cut],
            };
            for layer in layers(LinkType::ETHERNET, &frame) {
                assert!(layer.range.end <= cut && layer.fields.iter().all(|field| field.range.end <= cut), "cut at {cut}");
            }
        }
    }

    #[test]
    fn the_checksum_of_rfc_1071_adds_up() {
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], 0), 0xddf2);
    }
}
