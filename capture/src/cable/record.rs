//! Whether octets look like a record: the length of a frame in four octets, then the frame.
//!
//! The signs were measured on streams of real guests. Random octets are taken for a strong record some once in 2³² places; a chain of three
//! records is only ever wrong where guests copy such streams to each other, and one of twelve was not seen to be wrong even then.

use std::ops::ControlFlow;

/// Octets of the length in front of each frame, which is big-endian and does not count itself (QEMU, `net/socket.c`).
pub const LENGTH: usize = 4;
/// The longest frame, in octets: QEMU ends a connection that announces a longer one (`NET_BUFSIZE` in `include/net/net.h`).
pub const LONGEST: usize = 4096 + 65536;
/// The shortest frame that can be one: Ethernet's header (IEEE 802.3, section 3.1).
pub(super) const SHORTEST: usize = 14;

/// What the first octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// Not a record.
    Impossible,
    /// Too few to tell.
    Short,
    /// Perhaps one, of so many octets with its length: its protocol is known.
    Weak(usize),
    /// One, of so many octets with its length: a checksum, or the lengths and the numbers of its protocol, are right.
    Strong(usize),
}

/// What a row of records is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// Records whose octets are all there.
    pub whole: usize,
    /// Whether any of them is strong.
    pub is_strong: bool,
    /// Whether something behind them is no record.
    pub is_broken: bool,
    /// Whether it ends where the octets end.
    pub is_exact: bool,
}

/// Follows a row of records from a place on, up to so many; `at` is told each place where one of them ends.
pub(super) fn chain(octets: &[u8], start: usize, most: usize, mut at: impl FnMut(usize, usize) -> ControlFlow<()>) -> Chain {
    let mut chain = Chain { whole: 0, is_strong: false, is_broken: false, is_exact: false };
    let mut place = start;
    while chain.whole < most {
        let (length, is_strong) = match judge(&octets[place..]) {
            Record::Impossible => {
                chain.is_broken = true;
                break;
            }
            Record::Short => break,
            Record::Weak(length) => (length, false),
            Record::Strong(length) => (length, true),
        };
        if octets.len() - place < length {
            break;
        }
        place += length;
        chain.whole += 1;
        chain.is_strong |= is_strong;
        if at(place, chain.whole).is_break() {
            break;
        }
    }
    chain.is_exact = chain.whole > 0 && place == octets.len();
    chain
}

/// Looks at the beginning of a record.
pub(super) fn judge(octets: &[u8]) -> Record {
    let Some((head, frame)) = octets.split_first_chunk::<LENGTH>() else {
        // The longest frame has 0x00011000 octets.
        return if matches!(octets, [1..=255, ..] | [0, 2..=255, ..]) { Record::Impossible } else { Record::Short };
    };
    let length = u32::from_be_bytes(*head) as usize;
    if !(SHORTEST..=LONGEST).contains(&length) {
        return Record::Impossible;
    }
    let Some(ethernet) = frame.first_chunk::<SHORTEST>() else { return Record::Short };
    // A station's own address is neither a group's (IEEE 802, section 8.2) nor zero.
    if ethernet[6] & 1 != 0 || ethernet[6..12] == [0; 6] {
        return Record::Impossible;
    }
    let mut ether_type = u16::from_be_bytes([ethernet[12], ethernet[13]]);
    let mut header = SHORTEST;
    while matches!(ether_type, 0x8100 | 0x88a8) {
        let Some(tag) = frame.get(header..header + 4) else { return short_or_impossible(frame, length) };
        ether_type = u16::from_be_bytes([tag[2], tag[3]]);
        header += 4;
    }
    let whole = LENGTH + length;
    let network = &frame[header..];
    let verdict = match ether_type {
        0x0800 => ipv4(network, length, header),
        0x0806 => arp(network, length, header),
        0x86dd => ipv6(network, length, header),
        // A length (IEEE 802.3): LLC, such as spanning tree.
        0..=1500 => Some(if header + usize::from(ether_type) <= length { Sign::Weak } else { Sign::None }),
        // MPLS, PPPoE, LLDP, EAPOL, slow protocols, MACsec, wake on LAN, RARP, loopback, transparent bridging, RoCE, PTP, CFM, announcements.
        0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x88cc | 0x888e | 0x8809 | 0x88e5 | 0x0842 | 0x8035 | 0x9000 | 0x6558 | 0x8915 | 0x88f7
        | 0x8902 | 0x8899 | 0x88e1 => Some(Sign::Weak),
        _ => Some(Sign::None),
    };
    match verdict {
        None => short_or_impossible(frame, length),
        Some(Sign::None) => Record::Impossible,
        Some(Sign::Weak) => Record::Weak(whole),
        Some(Sign::Strong) => Record::Strong(whole),
    }
}

/// Headers that end before they should: later, if more of the frame is to come.
fn short_or_impossible(frame: &[u8], length: usize) -> Record {
    if frame.len() < length { Record::Short } else { Record::Impossible }
}

enum Sign {
    None,
    Weak,
    Strong,
}

/// RFC 791, section 3.1; none where octets are missing.
fn ipv4(packet: &[u8], length: usize, header: usize) -> Option<Sign> {
    let fixed = packet.first_chunk::<20>()?;
    let own = usize::from(fixed[0] & 15) * 4;
    if fixed[0] >> 4 != 4 || own < 20 {
        return Some(Sign::None);
    }
    let total = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    // Longer than 65,535 octets: the field cannot say it (Linux, BIG TCP).
    if total == 0 {
        return Some(Sign::Weak);
    }
    // Short frames are padded to 60 octets (IEEE 802.3), and some senders align.
    let is_length = total >= own && header + total <= length && (length <= 64 || length - header - total <= 8);
    if !is_length {
        return Some(Sign::None);
    }
    let options = packet.get(..own)?;
    let sum: u32 = options.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    Some(if (folded & 0xffff) + (folded >> 16) == 0xffff { Sign::Strong } else { Sign::None })
}

/// RFC 826; none where octets are missing.
fn arp(packet: &[u8], length: usize, header: usize) -> Option<Sign> {
    let fixed = packet.first_chunk::<6>()?;
    let is_arp = *fixed == [0, 1, 8, 0, 6, 4] && header + 28 <= length && length <= 64;
    Some(if is_arp { Sign::Strong } else { Sign::None })
}

/// RFC 8200, section 3; none where octets are missing.
fn ipv6(packet: &[u8], length: usize, header: usize) -> Option<Sign> {
    let fixed = packet.first_chunk::<6>()?;
    let payload = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let is_length = header + 40 + payload == length;
    Some(match payload {
        _ if fixed[0] >> 4 != 6 => Sign::None,
        0 if !is_length => Sign::Weak,
        _ if is_length => Sign::Strong,
        _ => Sign::None,
    })
}
