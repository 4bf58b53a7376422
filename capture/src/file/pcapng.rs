//! pcapng: sections of blocks (draft-ietf-opsawg-pcapng).
//!
//! Each section has its own byte order and its own interfaces, which are points here. Unknown blocks and options are passed over; a bad
//! option ends the options of its block and nothing else. What tapscope wrote there of its own is read back as the events that it was
//! (`record/told.rs`); where that is damaged, it is told and the frames go on.

use super::source::Source;
use super::time::Unit;
use super::{Damage, FileFacts, Next, count, cover};
use crate::record::told::{self, Described, ENTERPRISE, MAX_TOLD, Told};
use std::collections::VecDeque;
use tapscope_graph::host::{Host, HostChange};
use tapscope_graph::{Direction, Event, Head, LinkType, LossCause, PointId, PointInfo, Timestamp};

/// The type of a section header block, which reads the same in both byte orders.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
/// The kinds of custom option that hold octets: to be copied, and not to be.
const CUSTOM_OPTIONS: [u16; 2] = [2989, 19_373];

/// Type and length of a block, before its body.
const BLOCK_HEADER: usize = 8;
/// A packet block that claims more is damaged.
const MAX_BLOCK: u32 = 16 << 20;
/// Interfaces of one file.
const MAX_INTERFACES: usize = 65_536;
/// Octets of a name that are kept.
const MAX_NAME: usize = 1024;
/// Changes of the host in one event.
const MAX_CHANGES: usize = 2 * Host::ROWS;

struct Interface {
    point: PointId,
    unit: Unit,
    /// Seconds that are added to each stamp.
    offset: i64,
    snap_length: u32,
    /// Earliest and latest time stamp in units, since the file's facts were told.
    span: Option<(u64, u64)>,
    /// Dropped packets told by statistics blocks so far.
    dropped: u64,
    /// Whether losses are told by events.
    is_recorded: bool,
}

pub(super) struct Parser {
    is_big_endian: bool,
    made: usize,
    /// Of this section.
    interfaces: Vec<Interface>,
    /// Of this section, as its recording numbers them.
    points: Vec<PointId>,
    /// Changes of the host that go on in the next block.
    changes: Vec<HostChange>,
    events: VecDeque<Event>,
    /// Beside the packet that was read last.
    comments: Vec<Box<str>>,
    /// The last packet's time.
    latest: Timestamp,
}

/// Where the data of a packet block lie, and what is said of them.
struct PacketHead {
    interface: usize,
    units: Option<u64>,
    captured: usize,
    original: u32,
    data: usize,
}

impl Parser {
    pub fn new() -> Parser {
        Parser {
            is_big_endian: false,
            made: 0,
            interfaces: Vec::new(),
            points: Vec::new(),
            changes: Vec::new(),
            events: VecDeque::new(),
            comments: Vec::new(),
            latest: Timestamp::default(),
        }
    }

    pub fn next(&mut self, source: &mut Source, facts: &mut FileFacts) -> Result<Next, Damage> {
        let found = self.blocks(source, facts);
        if matches!(found, Ok(Next::End) | Err(_)) {
            self.tell_span(facts);
        }
        found
    }

    fn blocks(&mut self, source: &mut Source, facts: &mut FileFacts) -> Result<Next, Damage> {
        loop {
            // Frames come before what was announced behind them.
            if !self.events.is_empty() {
                if source.has_frames() {
                    return Ok(Next::Frames);
                }
                if let Some(event) = self.events.pop_front() {
                    return Ok(Next::Event(event));
                }
            }
            if !source.has(12) {
                if source.has_frames() {
                    return Ok(Next::Frames);
                }
                if !source.fill(12)? {
                    return match source.ready().len() {
                        0 => Ok(Next::End),
                        there => Err(Damage::Bad(format!("cut short in a block header: {there} of 12 octets of it are there"))),
                    };
                }
            }
            let head = source.ready();
            if head[..4] == MAGIC {
                self.is_big_endian = match head[8..12] {
                    [0x1a, 0x2b, 0x3c, 0x4d] => true,
                    [0x4d, 0x3c, 0x2b, 0x1a] => false,
                    _ => return Err(Damage::Bad("a section header has no byte-order magic".into())),
                };
            }
            let (kind, length) = (self.u32(head, 0), self.u32(head, 4));
            if length < 12 || length % 4 != 0 {
                return Err(Damage::Bad(format!("a block claims a length of {length} octets, which no block has")));
            }
            // Nobody has so many names in one block, and nothing else is of interest there.
            let is_told = kind == NAMES && length as usize <= MAX_TOLD;
            if !is_told && !matches!(kind, SECTION_HEADER | INTERFACE | PACKET | SIMPLE_PACKET | STATISTICS | ENHANCED_PACKET) {
                if source.has_frames() {
                    return Ok(Next::Frames);
                }
                self.pass_over(source, length)?;
                continue;
            }
            if length > MAX_BLOCK {
                return Err(Damage::Bad(format!("a block claims {length} octets, more than the {MAX_BLOCK} that are taken")));
            }
            let size = length as usize;
            if !source.has(size) {
                if source.has_frames() {
                    return Ok(Next::Frames);
                }
                if !source.fill(size)? {
                    let there = source.ready().len();
                    return Err(Damage::Bad(format!("cut short in a block: {there} of {length} octets of it are there")));
                }
            }
            let block = &source.ready()[..size];
            let trailer = self.u32(block, size - 4);
            if trailer != length {
                return Err(Damage::Bad(format!("a block's lengths disagree: {length} in front, {trailer} behind")));
            }
            match kind {
                SECTION_HEADER => {
                    let version = self.u16(block, 12);
                    if version != Some(1) {
                        return Err(Damage::Bad(format!("a section has pcapng version {}, which nobody reads", version.unwrap_or(0))));
                    }
                    self.tell_span(facts);
                    self.interfaces.clear();
                    self.points.clear();
                    self.changes.clear();
                }
                INTERFACE => self.interface(&block[BLOCK_HEADER..size - 4], facts)?,
                STATISTICS => self.statistics(&block[BLOCK_HEADER..size - 4]),
                _ if is_told => {
                    let content = self.custom(&block[BLOCK_HEADER..size - 4]);
                    if let Some(told) = told::read(&content)
                        && let Err(reason) = told.and_then(|told| self.told(told, facts))
                    {
                        facts.pass_over(format!("what the name resolution block tells at octet {}: {reason}", source.offset()));
                    }
                }
                _ => {
                    let head = self.packet(kind, &block[BLOCK_HEADER..size - 4], facts)?;
                    source.mark(head);
                    self.comments.drain(..).for_each(|comment| source.comment(comment));
                }
            }
            source.advance(size);
        }
    }

    /// Skips a block of which nothing is wanted but its end.
    fn pass_over(&self, source: &mut Source, length: u32) -> Result<(), Damage> {
        let cut = || Damage::Bad(format!("cut short in a block of {length} octets"));
        if !source.skip(u64::from(length) - 4)? || !source.fill(4)? {
            return Err(cut());
        }
        let trailer = self.u32(source.ready(), 0);
        if trailer != length {
            return Err(Damage::Bad(format!("a block's lengths disagree: {length} in front, {trailer} behind")));
        }
        source.advance(4);
        Ok(())
    }

    fn interface(&mut self, body: &[u8], facts: &mut FileFacts) -> Result<(), Damage> {
        let (Some(link_type), Some(_)) = (self.u16(body, 0), body.get(7)) else {
            return Err(Damage::Bad("an interface description is too short".into()));
        };
        if self.made.max(self.interfaces.len()) >= MAX_INTERFACES {
            return Err(Damage::Bad(format!("more than {MAX_INTERFACES} interfaces")));
        }
        let mut info = PointInfo { link_type: LinkType(u32::from(link_type)), snap_length: self.u32(body, 4), ..PointInfo::default() };
        let (mut unit, mut offset) = (Unit::Decimal(6), 0);
        let mut described = None;
        for (code, value) in self.options(&body[8..]) {
            let text = || Some(String::from_utf8_lossy(&value[..value.len().min(MAX_NAME)]).trim_end_matches('\0').to_owned());
            match (code, value) {
                (2, _) => info.name = text(),
                (3, _) => info.description = text(),
                (9, &[resolution, ..]) => unit = Unit::from_tsresol(resolution),
                (14, _) => offset = self.u64(value, 0).unwrap_or(0) as i64,
                (code, value) if CUSTOM_OPTIONS.contains(&code) && value.len() > 4 && self.u32(value, 0) == ENTERPRISE => {
                    match told::read::<Described<'_>>(&value[4..]) {
                        Some(Ok(told)) => described = Some(told),
                        Some(Err(reason)) => facts.pass_over(format!("an option of the interface {}: {reason}", self.interfaces.len())),
                        None => {}
                    }
                }
                _ => {}
            }
        }
        let is_recorded = described.is_some();
        let snap_length = info.snap_length;
        let mut resumed = None;
        if let Some(described) = described {
            resumed = described.resumes.and_then(|(point, at)| Some((*self.points.get(point.0 as usize)?, at)));
            info = described.point.into_owned();
            for text in [&mut info.name, &mut info.description].into_iter().flatten() {
                text.truncate(text.floor_char_boundary(MAX_NAME));
            }
        }
        let point = resumed.map_or(PointId(self.made as u32), |(point, _)| point);
        self.interfaces.push(Interface { point, unit, offset, snap_length, span: None, dropped: 0, is_recorded });
        match resumed {
            Some((point, at)) => {
                if let Some((_, known)) = facts.points.get_mut(point.0 as usize) {
                    known.clone_from(&info);
                }
                self.events.push_back(Event::Resumed { point, info, at });
            }
            None => {
                self.made += 1;
                self.points.push(point);
                facts.points.push((point, info.clone()));
                self.events.push_back(Event::Opened(info));
            }
        }
        Ok(())
    }

    /// Our own options behind the names of a name resolution block, put together.
    fn custom(&self, body: &[u8]) -> Vec<u8> {
        let mut at = 0;
        while let (Some(kind), Some(length)) = (self.u16(body, at), self.u16(body, at + 2)) {
            at += 4 + usize::from(length).next_multiple_of(4);
            if kind == 0 {
                break;
            }
        }
        let options = self.options(body.get(at..).unwrap_or_default());
        let ours = options.filter(|(code, value)| CUSTOM_OPTIONS.contains(code) && value.len() > 4 && self.u32(value, 0) == ENTERPRISE);
        ours.flat_map(|(_, value)| &value[4..]).copied().collect()
    }

    /// An event that a recording tells.
    fn told(&mut self, told: Told<'_>, facts: &FileFacts) -> Result<(), String> {
        let point = |point: PointId| {
            let known = self.points.get(point.0 as usize).copied();
            known.ok_or_else(|| format!("it names point {}, and the section has {}", point.0, self.points.len()))
        };
        let event = match told {
            Told::Closed { point: number, reason } => Event::Closed { point: point(number)?, reason: reason.map(Into::into) },
            Told::Resumed { point: number, at } => {
                let point = point(number)?;
                let known = facts.points.get(point.0 as usize).map(|(_, info)| info.clone());
                Event::Resumed { point, info: known.unwrap_or_default(), at }
            }
            Told::Lost { point: number, frames, cause } => Event::Lost { point: point(number)?, frames, cause },
            Told::Host { at, changes, goes_on } => {
                if self.changes.len() + changes.len() > MAX_CHANGES {
                    self.changes.clear();
                    return Err(format!("it goes on for more than {MAX_CHANGES} changes of the host"));
                }
                self.changes.extend(changes.into_owned());
                if goes_on {
                    return Ok(());
                }
                Event::Host { at, changes: std::mem::take(&mut self.changes) }
            }
        };
        self.events.push_back(event);
        Ok(())
    }

    /// `isb_ifdrop` and `isb_osdrop` count from the start of the capture: what is new is lost.
    fn statistics(&mut self, body: &[u8]) {
        let id = self.u32(body, 0) as usize;
        let options = body.get(12..).unwrap_or_default();
        let dropped = self
            .options(options)
            .filter(|(code, _)| matches!(code, 5 | 7))
            .filter_map(|(_, value)| self.u64(value, 0))
            .fold(0_u64, u64::saturating_add);
        let Some(interface) = self.interfaces.get_mut(id) else { return };
        if dropped > interface.dropped && !interface.is_recorded {
            self.events.push_back(Event::Lost { point: interface.point, frames: dropped - interface.dropped, cause: LossCause::Kernel });
            interface.dropped = dropped;
        }
    }

    #[inline]
    fn packet(&mut self, kind: u32, body: &[u8], facts: &mut FileFacts) -> Result<Head, Damage> {
        let head = self.packet_head(kind, body).ok_or_else(|| Damage::Bad("a packet block is too short for its header".into()))?;
        let count_of = self.interfaces.len();
        let Some(interface) = self.interfaces.get_mut(head.interface) else {
            return Err(Damage::Bad(format!("a packet names interface {}, and the section has {count_of}", head.interface)));
        };
        let end = head.data.saturating_add(head.captured);
        let Some(bytes) = body.get(head.data..end) else {
            return Err(Damage::Bad(format!(
                "a packet claims {} captured octets, and its block has room for {}",
                head.captured,
                body.len().saturating_sub(head.data)
            )));
        };
        let at = match head.units {
            Some(units) => {
                interface.span = Some(interface.span.map_or((units, units), |(first, last)| (first.min(units), last.max(units))));
                interface.unit.timestamp(units, interface.offset)
            }
            // A simple packet block has no time stamp: it came after what stands before it.
            None => self.latest,
        };
        self.latest = at;
        let point = interface.point;
        count(facts, bytes.len(), head.original);
        let options = end.next_multiple_of(4);
        let direction =
            if kind == ENHANCED_PACKET && body.len() >= options + 8 { self.direction(&body[options..]) } else { Direction::Unknown };
        let (start, end) = ((BLOCK_HEADER + head.data) as u32, (BLOCK_HEADER + end) as u32);
        Ok(Head { at, start, end, original_length: head.original, point, direction })
    }

    #[inline]
    fn packet_head(&self, kind: u32, body: &[u8]) -> Option<PacketHead> {
        match kind {
            ENHANCED_PACKET | PACKET => {
                body.get(19)?;
                let interface = if kind == PACKET { u32::from(self.u16(body, 0)?) } else { self.u32(body, 0) };
                Some(PacketHead {
                    interface: interface as usize,
                    units: Some(u64::from(self.u32(body, 4)) << 32 | u64::from(self.u32(body, 8))),
                    captured: self.u32(body, 12) as usize,
                    original: self.u32(body, 16),
                    data: 20,
                })
            }
            _ => {
                body.get(3)?;
                let original = self.u32(body, 0);
                let limit = self.interfaces.first().map_or(0, |interface| interface.snap_length);
                let captured = if limit == 0 { original } else { original.min(limit) };
                Some(PacketHead { interface: 0, units: None, captured: captured as usize, original, data: 4 })
            }
        }
    }

    /// `epb_flags`: bits 0 and 1 of the first; what people wrote beside the packet is kept for [`Source::comment`].
    fn direction(&mut self, options: &[u8]) -> Direction {
        let mut flags = None;
        for (code, value) in self.options(options) {
            match (code, value.len()) {
                (2, 4) if flags.is_none() => flags = Some(self.u32(value, 0) & 3),
                (1, 1..) => self.comments.push(String::from_utf8_lossy(value).into()),
                _ => {}
            }
        }
        match flags {
            Some(1) => Direction::Inbound,
            Some(2) => Direction::Outbound,
            _ => Direction::Unknown,
        }
    }

    /// Tells the file's facts the times of this section's interfaces.
    fn tell_span(&mut self, facts: &mut FileFacts) {
        for interface in &mut self.interfaces {
            if let Some((first, last)) = interface.span.take() {
                cover(facts, interface.unit.stamp(first, interface.offset), interface.unit.stamp(last, interface.offset));
            }
        }
    }

    /// Code and value of each option, up to the end mark or the first one that does not fit.
    fn options<'a>(&self, mut bytes: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let is_big_endian = self.is_big_endian;
        std::iter::from_fn(move || {
            let (code, length) = (u16_of(is_big_endian, bytes, 0)?, usize::from(u16_of(is_big_endian, bytes, 2)?));
            let value = bytes.get(4..4 + length).filter(|_| code != 0)?;
            bytes = bytes.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
            Some((code, value))
        })
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        u16_of(self.is_big_endian, bytes, at)
    }

    /// 0 where it is not there: callers have looked.
    #[inline]
    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or_default();
        if self.is_big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    }

    fn u64(&self, bytes: &[u8], at: usize) -> Option<u64> {
        let eight = bytes.get(at..at + 8)?.try_into().ok()?;
        Some(if self.is_big_endian { u64::from_be_bytes(eight) } else { u64::from_le_bytes(eight) })
    }
}

fn u16_of(is_big_endian: bool, bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(if is_big_endian { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
}
