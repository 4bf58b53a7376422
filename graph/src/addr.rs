//! Link-layer addresses.

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

/// Six octets as hexadecimal numbers between colons or hyphens.
impl FromStr for MacAddr {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<MacAddr, &'static str> {
        let octet = |text: &str| u8::from_str_radix(text, 16).ok().filter(|_| text.len() <= 2 && !text.starts_with('+'));
        let octets: Option<Vec<u8>> = text.split([':', '-']).map(octet).collect();
        let octets = octets.and_then(|octets| <[u8; 6]>::try_from(octets).ok());
        octets.map(MacAddr).ok_or("a MAC address is written as 52:54:00:12:34:56")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_as_everybody_prints_it() {
        assert_eq!(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0xff]).to_string(), "52:54:00:12:34:ff");
        assert_eq!("52-54-0-12-34-FF".parse(), Ok(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0xff])));
        assert!("52:54:00:12:34".parse::<MacAddr>().is_err() && "+1:2:3:4:5:6".parse::<MacAddr>().is_err());
        assert_eq!(format!("{:>19}", MacAddr::ZERO), "  00:00:00:00:00:00");
    }
}
