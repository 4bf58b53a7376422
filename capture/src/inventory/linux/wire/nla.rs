//! Attributes: type, length, value (netlink(7), `struct nlattr`).

use netlink_packet_core::{NlaBuffer, NlasIterator};

/// Walks attributes, with the flags of nesting and byte order taken off their types; ends at the first that is damaged.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    buffers(bytes).map(|buffer| {
        let (kind, whole) = (buffer.kind(), buffer.into_inner());
        let length = usize::from(u16::from_ne_bytes([whole[0], whole[1]]));
        (kind, whole.get(4..length).unwrap_or_default())
    })
}

/// The same, for the crate's readers of single attributes.
pub(super) fn buffers(bytes: &[u8]) -> impl Iterator<Item = NlaBuffer<&[u8]>> {
    NlasIterator::new(bytes).map_while(Result::ok)
}

/// An integer of one, two, four or eight octets, in the host's order.
pub(super) fn integer(value: &[u8]) -> Option<u64> {
    Some(match *value {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_ne_bytes([a, b])),
        [a, b, c, d] => u64::from(u32::from_ne_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        _ => return None,
    })
}

/// A 32-bit integer.
pub(super) fn word(value: &[u8]) -> Option<u32> {
    integer(value).and_then(|value| u32::try_from(value).ok())
}

/// A 32-bit integer in the middle of something.
pub(super) fn word_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..offset + 4).and_then(word)
}

/// Appends an attribute.
pub(super) fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
}
