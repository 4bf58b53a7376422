//! Events as pcapng blocks.
//!
//! A point is an interface; one that goes on as something else than it was is another interface, which says whose it is. One that goes on
//! as it was stays the interface that it is: a port that flaps for days must not fill the recording with interfaces. Statistics blocks tell
//! everybody what was lost; the event itself is told beside them, because pcapng has no place for when and where.

use super::block::{Block, CUSTOM_OPTION, ENHANCED_PACKET, INTERFACE, MAX_OPTION, NAMES, SECTION_HEADER, STATISTICS};
use super::section::Section;
use super::told::{CHUNK, Described, ENTERPRISE, MARK, Told};
use serde::Serialize;
use std::borrow::Cow;
use std::net::IpAddr;
use tapscope_graph::host::{Host, HostChange};
use tapscope_graph::{Batch, Direction, Event, Frame, LossCause, PointId, PointInfo, Text, Timestamp};

/// The most octets of a frame that other programs take (Wireshark's WTAP_MAX_PACKET_SIZE_STANDARD); what is longer is cut.
pub(crate) const MAX_FRAME: usize = 262_144;

/// Points of one recording.
const MAX_POINTS: usize = 65_536;

/// Puts events into pcapng. It keeps how things stand, so that a recording can go on in another file that is whole by itself.
#[derive(Debug)]
pub struct Encoder {
    section: Section,
    points: Vec<Point>,
    host: Host,
    /// When the host spoke last.
    host_at: Timestamp,
    /// Interfaces of this section.
    interfaces: u32,
    /// The latest time that was told.
    latest: Option<Timestamp>,
    scratch: Vec<u8>,
}

/// A point, and the interface that it is now.
#[derive(Debug)]
struct Point {
    info: PointInfo,
    interface: u32,
    /// The reason, if it is closed.
    closed: Option<Option<String>>,
    since: Option<Timestamp>,
    frames: u64,
    lost: [u64; 4],
    /// Lost since its latest packet.
    fresh: u64,
}

impl Encoder {
    /// Begins a recording; [`Encoder::begin`] comes first.
    pub fn new(section: Section) -> Encoder {
        Encoder {
            section,
            points: Vec::new(),
            host: Host::default(),
            host_at: Timestamp::default(),
            interfaces: 0,
            latest: None,
            scratch: Vec::new(),
        }
    }

    /// Begins a file: the section header, and how things stand by now.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let Section { hardware, os, application, comment, .. } = &self.section;
        let mut block = Block::new(out, SECTION_HEADER);
        // Byte order, version 1.0, a length that is not known.
        block.bytes(&0x1a2b_3c4d_u32.to_le_bytes()).bytes(&[1, 0, 0, 0]).bytes(&[0xff; 8]);
        for (code, text) in [(1, comment), (2, hardware), (3, os), (4, application)] {
            if !text.is_empty() {
                block.text(code, text);
            }
        }
        block.end();
        self.interfaces = 0;
        let facts: Vec<HostChange> = self.host.facts().cloned().map(HostChange::Set).collect();
        if !facts.is_empty() {
            self.host_changed(self.host_at, &facts, out);
        }
        for index in 0..self.points.len() {
            self.describe(index, None, out);
            if let Some(reason) = self.points[index].closed.clone() {
                self.tell(&Told::Closed { point: PointId(index as u32), reason: reason.map(Cow::Owned) }, out);
            }
        }
    }

    /// Appends an event.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Frames(batch) => self.frames(batch, out),
            Event::Opened(info) => {
                if self.points.len() < MAX_POINTS {
                    self.points.push(Point::new(info));
                    self.describe(self.points.len() - 1, None, out);
                }
            }
            Event::Resumed { point, info, at } => {
                self.pass(*at);
                let index = point.0 as usize;
                if let Some(known) = self.points.get_mut(index).filter(|known| known.info == *info) {
                    known.closed = None;
                    self.tell(&Told::Resumed { point: *point, at: *at }, out);
                } else if index < self.points.len() {
                    self.count(index, out);
                    self.points[index] = Point { fresh: self.points[index].fresh, ..Point::new(info) };
                    self.describe(index, Some(*at), out);
                }
            }
            Event::Closed { point, reason } => {
                let index = point.0 as usize;
                if index < self.points.len() {
                    self.points[index].closed = Some(reason.clone());
                    self.count(index, out);
                    self.tell(&Told::Closed { point: *point, reason: reason.as_deref().map(Cow::Borrowed) }, out);
                }
            }
            Event::Lost { point, frames, cause } => {
                if let Some(known) = self.points.get_mut(point.0 as usize) {
                    known.lost[place(*cause)] = known.lost[place(*cause)].saturating_add(*frames);
                    known.fresh = known.fresh.saturating_add(*frames);
                    self.tell(&Told::Lost { point: *point, frames: *frames, cause: *cause }, out);
                }
            }
            Event::Host { at, changes } => {
                self.pass(*at);
                self.host_at = *at;
                for change in changes {
                    self.host.apply(*at, change.clone());
                }
                self.host_changed(*at, changes, out);
            }
        }
    }

    /// Appends frames; those of a point that never opened are left out.
    pub fn frames(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        for (index, frame) in batch.frames().enumerate() {
            let start = out.len();
            self.frame(&frame, out);
            if batch.has_comments() && out.len() > start {
                beside(out, start, batch.comments(index));
            }
        }
    }

    /// Appends a frame. A stamp before 1970 becomes 1970, which is all that pcapng can say of it.
    #[inline]
    pub fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        let Some(point) = self.points.get_mut(frame.point.0 as usize) else { return };
        point.frames += 1;
        if self.latest.is_none_or(|latest| latest < frame.at) {
            self.latest = Some(frame.at);
        }
        let bytes = &frame.bytes[..frame.bytes.len().min(MAX_FRAME)];
        let padded = bytes.len().next_multiple_of(4);
        let flags: u32 = match frame.direction {
            Direction::Unknown => 0,
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        };
        let options = if flags > 0 { 8 } else { 0 } + if point.fresh > 0 { 12 } else { 0 };
        let options = if options > 0 { options + 4 } else { 0 };
        let length = (32 + padded + options) as u32;
        let units = u64::try_from(frame.at.0).unwrap_or(0);
        let mut head = [0; 28];
        for (place, word) in head.chunks_exact_mut(4).zip([
            ENHANCED_PACKET,
            length,
            point.interface,
            (units >> 32) as u32,
            units as u32,
            bytes.len() as u32,
            frame.original_length,
        ]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        out.reserve(length as usize);
        out.extend_from_slice(&head);
        out.extend_from_slice(bytes);
        out.extend_from_slice(&[0; 4][..padded - bytes.len()]);
        if flags > 0 {
            out.extend_from_slice(&[2, 0, 4, 0, flags as u8, 0, 0, 0]);
        }
        if point.fresh > 0 {
            out.extend_from_slice(&[4, 0, 8, 0]);
            out.extend_from_slice(&std::mem::take(&mut point.fresh).to_le_bytes());
        }
        if options > 0 {
            out.extend_from_slice(&[0; 4]);
        }
        out.extend_from_slice(&length.to_le_bytes());
    }

    /// Appends what is known of names: a name resolution block.
    pub fn names<'n>(&mut self, names: impl IntoIterator<Item = (IpAddr, &'n Text)>, out: &mut Vec<u8>) {
        let mut names = names.into_iter().peekable();
        if names.peek().is_none() {
            return;
        }
        let mut block = Block::new(out, NAMES);
        for (ip, name) in names {
            let (kind, address): (u16, &[u8]) = match &ip {
                IpAddr::V4(ip) => (1, &ip.octets()),
                IpAddr::V6(ip) => (2, &ip.octets()),
            };
            let name = name.as_str().as_bytes();
            let Ok(length) = u16::try_from(address.len() + name.len() + 1) else { continue };
            block.bytes(&kind.to_le_bytes()).bytes(&length.to_le_bytes()).bytes(address).bytes(name).bytes(&[0]).pad(0);
        }
        // The end of the records.
        block.bytes(&[0; 4]).end();
    }

    /// Appends what every point received and lost so far: a statistics block for each.
    pub fn statistics(&mut self, out: &mut Vec<u8>) {
        for index in 0..self.points.len() {
            self.count(index, out);
        }
    }

    fn pass(&mut self, at: Timestamp) {
        self.latest = self.latest.max(Some(at));
    }

    /// An interface description.
    fn describe(&mut self, index: usize, resumed: Option<Timestamp>, out: &mut Vec<u8>) {
        let point = &mut self.points[index];
        point.interface = self.interfaces;
        point.since = resumed.or(self.latest);
        (point.frames, point.lost) = (0, [0; 4]);
        self.interfaces += 1;
        let info = &point.info;
        let mut block = Block::new(out, INTERFACE);
        let link_type = u16::try_from(info.link_type.0).unwrap_or(u16::MAX);
        block.bytes(&link_type.to_le_bytes()).bytes(&[0; 2]).bytes(&info.snap_length.to_le_bytes());
        if resumed.is_some() {
            block.text(1, "goes on after it was gone, or under another name");
        }
        if let Some(name) = &info.name {
            block.text(2, name);
        }
        if let Some(description) = &info.description {
            block.text(3, description);
        }
        if let Some(mac) = info.device.and_then(|device| self.host.device(device)).and_then(|device| device.mac) {
            block.option(6, &[&mac.0]);
        }
        let speed = info.device.and_then(|device| self.host.device(device)).and_then(|device| device.speed);
        if let Some(speed) = speed {
            // Bits a second.
            block.option(8, &[&(u64::from(speed) * 1_000_000).to_le_bytes()]);
        }
        // Nanoseconds.
        block.option(9, &[&[9]]);
        if let Some(filter) = &self.section.filter {
            // In libpcap's language.
            block.option(11, &[&[0], filter.as_bytes()]);
        }
        let resumes = resumed.map(|at| (PointId(index as u32), at));
        json(&mut self.scratch, &Described { resumes, point: Cow::Borrowed(info) });
        block.option(CUSTOM_OPTION, &[&ENTERPRISE.to_le_bytes(), &self.scratch]);
        block.end();
    }

    /// A statistics block.
    fn count(&mut self, index: usize, out: &mut Vec<u8>) {
        let point = &self.points[index];
        let [kernel, interface, queue, carrier] = point.lost;
        let lost = [kernel, interface, queue, carrier].into_iter().fold(0_u64, u64::saturating_add);
        let now = self.latest.unwrap_or_default();
        let mut block = Block::new(out, STATISTICS);
        block.bytes(&point.interface.to_le_bytes()).bytes(&halves(now));
        if let Some(since) = point.since {
            block.option(2, &[&halves(since)]);
        }
        block.option(3, &[&halves(now)]);
        let dropped = kernel.saturating_add(queue).saturating_add(carrier);
        for (code, count) in [(4, point.frames.saturating_add(lost)), (5, interface), (7, dropped), (8, point.frames)] {
            block.option(code, &[&count.to_le_bytes()]);
        }
        block.end();
    }

    fn host_changed(&mut self, at: Timestamp, changes: &[HostChange], out: &mut Vec<u8>) {
        // Each row is measured by writing it: what comes together must not make a block that nobody takes.
        let (mut first, mut size) = (0, 0);
        for (index, change) in changes.iter().enumerate() {
            json(&mut self.scratch, change);
            if size > 0 && size + self.scratch.len() > CHUNK {
                self.tell(&Told::Host { at, changes: Cow::Borrowed(&changes[first..index]), goes_on: true }, out);
                (first, size) = (index, 0);
            }
            size += self.scratch.len();
        }
        self.tell(&Told::Host { at, changes: Cow::Borrowed(&changes[first..]), goes_on: false }, out);
    }

    fn tell(&mut self, told: &Told<'_>, out: &mut Vec<u8>) {
        json(&mut self.scratch, told);
        let mut block = Block::new(out, NAMES);
        // The end of no names.
        block.bytes(&[0; 4]);
        for part in self.scratch.chunks(MAX_OPTION - 4) {
            block.option(CUSTOM_OPTION, &[&ENTERPRISE.to_le_bytes(), part]);
        }
        block.end();
    }
}

impl Point {
    fn new(info: &PointInfo) -> Point {
        Point { info: info.clone(), interface: 0, closed: None, since: None, frames: 0, lost: [0; 4], fresh: 0 }
    }
}

/// Adds what people wrote beside a frame to its block, which starts at `start` and is the last.
fn beside<'c>(out: &mut Vec<u8>, start: usize, comments: impl Iterator<Item = &'c str>) {
    let mut comments = comments.peekable();
    if comments.peek().is_none() {
        return;
    }
    let captured = out[start + 20..start + 24].try_into().map_or(0, u32::from_le_bytes) as usize;
    let has_options = out.len() - start > 32 + captured.next_multiple_of(4);
    // The block's second length, and the end of its options.
    out.truncate(out.len() - if has_options { 8 } else { 4 });
    for comment in comments {
        let text = &comment[..comment.floor_char_boundary(usize::from(u16::MAX))];
        out.extend([1, 0]);
        out.extend((text.len() as u16).to_le_bytes());
        out.extend(text.as_bytes());
        out.extend(&[0; 3][..text.len().next_multiple_of(4) - text.len()]);
    }
    out.extend([0; 4]);
    let length = (out.len() - start + 4) as u32;
    out.extend(length.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
}

fn place(cause: LossCause) -> usize {
    match cause {
        LossCause::Kernel => 0,
        LossCause::Interface => 1,
        LossCause::Queue => 2,
        LossCause::Carrier => 3,
    }
}

/// Nanoseconds as statistics have them: the upper half first.
fn halves(at: Timestamp) -> [u8; 8] {
    let units = u64::try_from(at.0).unwrap_or(0);
    let mut halves = [0; 8];
    halves[..4].copy_from_slice(&((units >> 32) as u32).to_le_bytes());
    halves[4..].copy_from_slice(&(units as u32).to_le_bytes());
    halves
}

/// The mark and the JSON of a value. Rows hold nothing that JSON does not.
fn json(out: &mut Vec<u8>, value: &impl Serialize) {
    out.clear();
    out.extend_from_slice(MARK);
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(MARK.len());
    }
}
