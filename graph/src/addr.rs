//! Link-layer addresses.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A MAC address (IEEE 802, EUI-48), in the order of transmission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: MacAddr = MacAddr([0xff; 6]);
    /// `00:00:00:00:00:00`, which no station owns: loopback and generated frames carry it.
    pub const ZERO: MacAddr = MacAddr([0; 6]);

    /// Whether this is a group address (multicast or broadcast; IEEE 802, the I/G bit).
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether a station can own this address: neither a group nor zero.
    pub fn is_station(self) -> bool {
        !self.is_group() && self != Self::ZERO
    }
}

/// Lower case, colons.
impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Reports print them by the ten thousand: the formatting machinery, six times each, would show.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b':'; 17];
        for (octet, place) in self.0.iter().zip(text.chunks_mut(3)) {
            place[0] = DIGITS[usize::from(octet >> 4)];
            place[1] = DIGITS[usize::from(octet & 0xf)];
        }
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Why a text is no MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMacAddr;

impl fmt::Display for NoMacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not six octets in hexadecimal, with colons between them")
    }
}

impl std::error::Error for NoMacAddr {}

/// Six octets in hexadecimal, colons or hyphens between them.
impl FromStr for MacAddr {
    type Err = NoMacAddr;

    fn from_str(text: &str) -> Result<MacAddr, NoMacAddr> {
        let mut octets = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            let part = parts.next().filter(|part| part.len() <= 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit()));
            *octet = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or(NoMacAddr)?;
        }
        if parts.next().is_some() { Err(NoMacAddr) } else { Ok(MacAddr(octets)) }
    }
}

/// As it is printed.
impl Serialize for MacAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MacAddr, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_as_everybody_prints_it() {
        assert_eq!(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0xff]).to_string(), "52:54:00:12:34:ff");
        assert_eq!(format!("{:>19}", MacAddr::ZERO), "  00:00:00:00:00:00");
    }

    #[test]
    fn an_address_is_read_as_it_is_printed() {
        assert_eq!("52:54:0:12:34:ff".parse(), Ok(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0xff])));
        assert_eq!("52-54-00-12-34-FF".parse(), Ok(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0xff])));
        for text in ["", "52:54:00:12:34", "52:54:00:12:34:ff:00", "52:54:00:12:34:+f", "52:54:00:12:34:"] {
            assert_eq!(text.parse::<MacAddr>(), Err(NoMacAddr), "{text:?}");
        }
    }
}
