//! Hardware addresses: as they are written, and those that QEMU makes up (net/net.c).

use tapscope_graph::MacAddr;

/// `52:54:00:12:34:56` or with dashes; QEMU's `net_parse_macaddr` also takes a number: the last three octets, behind zeros.
pub(super) fn parse(text: &str) -> Option<MacAddr> {
    let mut octets = [0; 6];
    let mut parts = text.split([':', '-']);
    if !text.contains([':', '-']) {
        let number = match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        let [_, a, b, c] = number.ok()?.to_be_bytes();
        return Some(MacAddr([0, 0, 0, a, b, c]));
    }
    for octet in &mut octets {
        let part = parts.next()?;
        if part.len() > 2 || part.starts_with('+') {
            return None;
        }
        *octet = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(MacAddr(octets))
}

/// The addresses of QEMU's default range that are in use: `52:54:00:12:34:56` up to `…:fe`.
pub(super) struct Defaults([bool; 256]);

impl Defaults {
    /// None is in use.
    pub(super) fn new() -> Defaults {
        Defaults([false; 256])
    }

    /// The address of the next card that is made, and whether it is made up. A card whose address was given takes it out of the range
    /// only when it is made itself: an earlier card may have got it already.
    pub(super) fn next(&mut self, given: Option<MacAddr>) -> (Option<MacAddr>, bool) {
        if let Some(mac) = given.filter(|&mac| mac != MacAddr::ZERO) {
            if let [0x52, 0x54, 0, 0x12, 0x34, last] = mac.0 {
                self.0[usize::from(last)] = true;
            }
            return (Some(mac), false);
        }
        let free = (0x56..0xff_u8).find(|&last| !self.0[usize::from(last)]);
        if let Some(last) = free {
            self.0[usize::from(last)] = true;
        }
        (free.map(|last| MacAddr([0x52, 0x54, 0, 0x12, 0x34, last])), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_qemu_reads_them() {
        let read = |text| parse(text).map(|mac| mac.to_string());
        assert_eq!(read("52:54:00:AB:cd:01").as_deref(), Some("52:54:00:ab:cd:01"));
        assert_eq!(read("52-54-0-1-2-3").as_deref(), Some("52:54:00:01:02:03"));
        assert_eq!(read("0x010203").as_deref(), Some("00:00:00:01:02:03"));
        for wrong in ["", "52:54:00:ab:cd", "52:54:00:ab:cd:ef:01", "52:54:00:ab:cd:zz", "52:54:00:ab:cd:+1:", "é:é:é:é:é:é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
