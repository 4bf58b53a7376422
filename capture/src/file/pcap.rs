//! libpcap's format: a header of 24 octets, then records.
//!
//! Read pcap-savefile(5) first, then libpcap's `sf-pcap.c` for the variants: either byte order, nanoseconds, Alexey Kuznetzov's longer
//! record header, and the files of before version 2.4 that have the two lengths the other way around.

use super::source::Source;
use super::time::Unit;
use super::{Damage, FileFacts, Next, OpenError, count, cover};
use tapscope_graph::{Direction, Event, Head, LinkType, PointId, PointInfo};

const FILE_HEADER: usize = 24;
/// libpcap's MAXIMUM_SNAPLEN: a record that claims more is damaged.
const MAX_CAPTURED: u32 = 262_144;
/// D-Bus messages may have 128 MiB (libpcap's MAXIMUM_DBUS_SNAPLEN); no more than this is taken.
const MAX_CAPTURED_ODD: u32 = 16 << 20;
const DBUS: u32 = 231;

/// What the magic number tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    is_big_endian: bool,
    unit: Unit,
    record_header: usize,
}

impl Variant {
    pub fn of(magic: [u8; 4]) -> Option<Variant> {
        let variant = |is_big_endian, unit, record_header| Some(Variant { is_big_endian, unit: Unit::Decimal(unit), record_header });
        match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => variant(true, 6, 16),
            [0xd4, 0xc3, 0xb2, 0xa1] => variant(false, 6, 16),
            [0xa1, 0xb2, 0x3c, 0x4d] => variant(true, 9, 16),
            [0x4d, 0x3c, 0xb2, 0xa1] => variant(false, 9, 16),
            [0xa1, 0xb2, 0xcd, 0x34] => variant(true, 6, 24),
            [0x34, 0xcd, 0xb2, 0xa1] => variant(false, 6, 24),
            _ => None,
        }
    }
}

/// Whether the captured length comes second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    InOrder,
    Swapped,
    MaybeSwapped,
}

pub(super) struct Parser {
    variant: Variant,
    lengths: Lengths,
    info: Option<PointInfo>,
    max_captured: u32,
    /// Earliest and latest time stamp in units.
    span: Option<(u64, u64)>,
}

impl Parser {
    /// Reads the file header.
    pub fn open(source: &mut Source) -> Result<Parser, OpenError> {
        let complete = source.fill(FILE_HEADER).map_err(OpenError::Open)?;
        let header = source.ready();
        let Some(variant) = header.first_chunk().and_then(|&magic| Variant::of(magic)).filter(|_| complete) else {
            return Err(OpenError::Unsupported(format!(
                "is cut short in the pcap file header: {} of {FILE_HEADER} octets of it are there",
                header.len()
            )));
        };
        let u16_at = |at: usize| {
            let two = [header[at], header[at + 1]];
            if variant.is_big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }
        };
        let u32_at = |at| number(&variant, header, at);
        let lengths = match (u16_at(4), u16_at(6)) {
            (0..=1, _) => return Err(OpenError::Unsupported("has the archaic pcap format of before version 2".into())),
            (2, 0..=2) | (2, 543) => Lengths::Swapped,
            (2, 3) => Lengths::MaybeSwapped,
            (2, _) | (543, _) => Lengths::InOrder,
            (major, minor) => return Err(OpenError::Unsupported(format!("has pcap version {major}.{minor}, which nobody reads"))),
        };
        // The upper bits tell the length of a frame check sequence (pcap-savefile(5)).
        let link_type = u32_at(20) & 0xffff;
        let info = PointInfo { link_type: LinkType(link_type), snap_length: u32_at(16), ..PointInfo::default() };
        source.advance(FILE_HEADER);
        let max_captured = if link_type == DBUS { MAX_CAPTURED_ODD } else { MAX_CAPTURED };
        Ok(Parser { variant, lengths, info: Some(info), max_captured, span: None })
    }

    pub fn next(&mut self, source: &mut Source, facts: &mut FileFacts) -> Result<Next, Damage> {
        if let Some(info) = self.info.take() {
            facts.points.push((PointId(0), info.clone()));
            return Ok(Next::Event(Event::Opened(info)));
        }
        let found = self.records(source, facts);
        if let Some((first, last)) = self.span.take() {
            cover(facts, self.variant.unit.stamp(first, 0), self.variant.unit.stamp(last, 0));
        }
        found
    }

    fn records(&mut self, source: &mut Source, facts: &mut FileFacts) -> Result<Next, Damage> {
        let header_len = self.variant.record_header;
        loop {
            if !source.has(header_len) {
                if source.has_frames() {
                    return Ok(Next::Frames);
                }
                if !source.fill(header_len)? {
                    return match source.ready().len() {
                        0 => Ok(Next::End),
                        there => Err(Damage::Bad(format!("cut short in a record header: {there} of {header_len} octets of it are there"))),
                    };
                }
            }
            let header = source.ready();
            let field = |at| number(&self.variant, header, at);
            let (seconds, fraction) = (field(0), field(4));
            let (captured, original) = self.ordered(field(8), field(12));
            if captured > self.max_captured {
                return Err(Damage::Bad(format!(
                    "a packet claims {captured} captured octets, more than the {} that pcap allows",
                    self.max_captured
                )));
            }
            let size = header_len + captured as usize;
            if !source.has(size) {
                if source.has_frames() {
                    return Ok(Next::Frames);
                }
                if !source.fill(size)? {
                    let there = source.ready().len() - header_len;
                    return Err(Damage::Bad(format!("cut short in a packet: {there} of {captured} octets of it are there")));
                }
            }
            let per_second = if self.variant.unit == Unit::Decimal(9) { 1_000_000_000 } else { 1_000_000 };
            let units = u64::from(seconds) * per_second + u64::from(fraction);
            self.span = Some(self.span.map_or((units, units), |(first, last)| (first.min(units), last.max(units))));
            count(facts, captured as usize, original);
            let at = self.variant.unit.timestamp(units, 0);
            let (start, end) = (header_len as u32, size as u32);
            source.mark(Head { at, start, end, original_length: original, point: PointId(0), direction: Direction::Unknown });
            source.advance(size);
        }
    }

    fn ordered(&self, first: u32, second: u32) -> (u32, u32) {
        match self.lengths {
            Lengths::InOrder => (first, second),
            Lengths::MaybeSwapped if first <= second => (first, second),
            Lengths::Swapped | Lengths::MaybeSwapped => (second, first),
        }
    }
}

#[inline]
fn number(variant: &Variant, bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or_default();
    if variant.is_big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
}
