//! What a capture file is, and how far it was read.

use std::fmt;
use tapscope_graph::{PointId, PointInfo};

/// Which format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// libpcap's: one link type, one point.
    Pcap,
    /// pcapng (draft-ietf-opsawg-pcapng): any number of points.
    Pcapng,
}

impl Format {
    /// `pcap` or `pcapng`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Pcap => "pcap",
            Format::Pcapng => "pcapng",
        }
    }
}

/// Counts and limits of a file; complete when its reader has come to the end.
#[derive(Clone, Debug)]
pub struct FileFacts {
    /// The path as it was given; `-` is standard input.
    pub path: String,
    /// Which format.
    pub format: Format,
    /// Whether it was compressed.
    pub is_gzip: bool,
    /// Packets.
    pub packets: u64,
    /// Octets on the wire.
    pub octets: u64,
    /// Octets captured.
    pub captured_octets: u64,
    /// Packets that were captured shorter than they were.
    pub truncated_packets: u64,
    /// The earliest time stamp.
    pub first: Option<Stamp>,
    /// The latest time stamp.
    pub last: Option<Stamp>,
    /// Why reading stopped before the end of the file.
    pub incomplete: Option<String>,
    /// Parts of the file that make no sense and were passed over.
    pub passed_over: u64,
    /// What the first of them was.
    pub first_passed_over: Option<String>,
    /// Its points.
    pub points: Vec<(PointId, PointInfo)>,
}

impl FileFacts {
    /// Counts a part that makes no sense.
    pub(super) fn pass_over(&mut self, what: String) {
        self.passed_over += 1;
        self.first_passed_over.get_or_insert(what);
    }
}

/// A time stamp with all the digits that the file has. Printed as seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// The rest in 10⁻¹⁸ seconds.
    pub atto: u64,
    /// Decimals of the file's resolution, at most 18.
    pub digits: u8,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.digits.min(18));
        // Before 1970 the fraction counts towards zero.
        let (seconds, atto) = if self.seconds < 0 && self.atto > 0 {
            (self.seconds + 1, 1_000_000_000_000_000_000 - self.atto)
        } else {
            (self.seconds, self.atto)
        };
        let sign = if self.seconds < 0 { "-" } else { "" };
        let fraction = format!("{atto:018}");
        write!(f, "{sign}{}", seconds.unsigned_abs())?;
        if digits > 0 {
            write!(f, ".{}", &fraction[..digits])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_prints_the_digits_of_its_file() {
        let stamp = |seconds, atto, digits| Stamp { seconds, atto, digits }.to_string();
        assert_eq!(stamp(1_700_000_000, 123_456_000_000_000_000, 6), "1700000000.123456");
        assert_eq!(stamp(1, 0, 0), "1");
        assert_eq!(stamp(-1, 500_000_000_000_000_000, 3), "-0.500");
    }
}
