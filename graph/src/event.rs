//! Events: the only way into the model.
//!
//! A source (`capture`) turns the world into events; one thread puts them in one order; [`Network::observe`](crate::Network::observe)
//! takes them one by one. Frames travel in [`Batch`]es: one message for some hundred frames, plain data without pointers into the
//! capturing side, so that the channel between source and model can become a process boundary.

use crate::Text;
use crate::decode::{Outline, outline};
use crate::host::{DeviceId, HostChange};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// Nanoseconds since 1970-01-01 00:00:00 UTC, as the capturing side stamped them. May step back from frame to frame.
///
/// Stamps of files that lie outside of the years 1677 to 2262 are clamped to these ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Nanoseconds from `earlier` to `self`; negative where the clock stepped back.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds since 1970, rounded down, and the nanoseconds within that second.
    pub fn parts(self) -> (i64, u32) {
        (self.0.div_euclid(1_000_000_000), self.0.rem_euclid(1_000_000_000) as u32)
    }
}

/// Seconds since 1970 with nine decimals.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let all = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", all / 1_000_000_000, all % 1_000_000_000)
    }
}

/// An observation point (RFC 7011, section 2): a place where frames are captured, such as an interface or one interface of a file.
///
/// Numbered from 0 in the order of their [`Event::Opened`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PointId(pub u32);

/// The number of a frame in the order of arrival, from 1; in a file the number that Wireshark shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNo(pub u64);

/// How the first octets of a frame are to be read: libpcap's `LINKTYPE_` number (pcap-linktype(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkType(pub u32);

/// Whether a frame was received or sent by the interface of its point, seen from the host (pcapng `epb_flags`, bits 0 and 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The source does not say.
    #[default]
    Unknown,
    /// Received by the interface; from a guest, on its TAP.
    Inbound,
    /// Sent through the interface; towards a guest, on its TAP.
    Outbound,
}

/// What is known of a point when it opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PointInfo {
    /// The interface's name, such as `tap0`; unsanitised, print it through [`crate::text::Text`].
    pub name: Option<String>,
    /// A description for people, where the source has one.
    pub description: Option<String>,
    /// How its frames start.
    pub link_type: LinkType,
    /// The most octets of a frame that are captured; 0 where there is no limit.
    pub snap_length: u32,
    /// Which of the opened files the point belongs to, from 0; 0 for live points. A file cannot say that of itself.
    #[serde(skip)]
    pub file: u32,
    /// The device that it listens on; none for a file's point whose file does not say.
    pub device: Option<DeviceId>,
    /// The cable that it listens on, by [`Cable::key`](crate::host::Cable::key). Inbound is then what the cable's first end sends.
    pub cable: Option<Text>,
}

/// Where frames were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossCause {
    /// In the kernel's ring of the point: the reader was slow (`ps_drop`).
    #[default]
    Kernel,
    /// In the interface or its driver (`ps_ifdrop`).
    Interface,
    /// In tapscope's own queue: the model was slow.
    Queue,
    /// In what carries a cable: octets are missing, or could not be told apart. One for each such place, which may have been more.
    Carrier,
}

impl LossCause {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            LossCause::Kernel => "kernel",
            LossCause::Interface => "interface",
            LossCause::Queue => "queue",
            LossCause::Carrier => "carrier",
        }
    }
}

/// One frame as it was seen at one point. Borrowed from a [`Batch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub point: PointId,
    /// Which way, where the source knows.
    pub direction: Direction,
    /// Length on the wire, in octets. May be smaller than `bytes.len()` in damaged files; nothing may rely on the order of the two.
    pub original_length: u32,
    /// The captured octets.
    pub bytes: &'a [u8],
}

/// A frame without its octets, which lie from `start` to `end` in a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// As [`Frame::at`].
    pub at: Timestamp,
    /// The first octet.
    pub start: u32,
    /// Behind the last octet.
    pub end: u32,
    /// As [`Frame::original_length`].
    pub original_length: u32,
    /// As [`Frame::point`].
    pub point: PointId,
    /// As [`Frame::direction`].
    pub direction: Direction,
}

/// Frames in the order of arrival, in one buffer. A batch is recycled: [`Batch::clear`] keeps its memory.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    heads: Vec<Head>,
    buffer: Vec<u8>,
    /// Of all frames, or of none.
    outlines: Vec<Outline>,
    /// What people wrote beside frames, by their indexes; few, if any.
    comments: Vec<(u32, Box<str>)>,
}

impl Batch {
    /// Frames after which a batch should be handed over.
    pub const FRAMES: usize = 256;
    /// Octets after which a batch should be handed over.
    pub const OCTETS: usize = 64 * 1024;

    /// Appends a copy of a frame.
    ///
    /// # Panics
    /// If the batch would hold 4 GiB or more; hand it over when [`Batch::is_full`] says so.
    pub fn push(&mut self, frame: Frame<'_>) {
        if self.heads.is_empty() {
            self.buffer.clear();
        }
        let start = self.buffer.len() as u32;
        self.buffer.extend_from_slice(frame.bytes);
        let end = u32::try_from(self.buffer.len()).expect("a batch holds less than 4 GiB");
        let Frame { at, point, direction, original_length, .. } = frame;
        self.outlines.clear();
        self.heads.push(Head { at, start, end, original_length, point, direction });
    }

    /// Appends a copy of a frame, with what people wrote beside the frame at `index` of another batch.
    ///
    /// # Panics
    /// As [`Batch::push`].
    pub fn push_beside(&mut self, frame: Frame<'_>, other: &Batch, index: usize) {
        self.push(frame);
        if !other.comments.is_empty() {
            let here = (self.heads.len() - 1) as u32;
            self.comments.extend(other.comments(index).map(|comment| (here, comment.into())));
        }
    }

    /// What people wrote beside the frame at `index`: unsanitised, print it through [`Text`].
    pub fn comments(&self, index: usize) -> impl Iterator<Item = &str> {
        // They are in the order of the frames.
        let first = self.comments.partition_point(|(of, _)| (*of as usize) < index);
        self.comments[first..].iter().take_while(move |(of, _)| *of as usize == index).map(|(_, comment)| &**comment)
    }

    /// Whether anybody wrote anything beside a frame.
    pub fn has_comments(&self) -> bool {
        !self.comments.is_empty()
    }

    /// Takes all comments in place of those that there are: the frame's index, and the text, in the order of the frames.
    pub fn set_comments(&mut self, comments: Vec<(u32, Box<str>)>) {
        self.comments = comments;
    }

    /// Takes frames together with the buffer that they were read into, and gives its own for the next ones, with a copy of what lies in
    /// `rest` of the buffer at its beginning: the frames are not copied. A head that reaches beyond the buffer has no octets.
    ///
    /// # Panics
    /// If `rest` reaches beyond the buffer.
    pub fn exchange(&mut self, heads: &mut Vec<Head>, buffer: &mut Vec<u8>, rest: Range<usize>) {
        std::mem::swap(&mut self.heads, heads);
        std::mem::swap(&mut self.buffer, buffer);
        self.outlines.clear();
        self.comments.clear();
        heads.clear();
        if buffer.len() < self.buffer.len() {
            buffer.resize(self.buffer.len(), 0);
        }
        buffer[..rest.len()].copy_from_slice(&self.buffer[rest]);
    }

    /// Gives its points other numbers: `numbers` has the new one of each. A point beyond them keeps its own.
    pub fn number(&mut self, numbers: &[PointId]) {
        for head in &mut self.heads {
            head.point = numbers.get(head.point.0 as usize).copied().unwrap_or(head.point);
        }
    }

    /// Moves all frames in time by so many nanoseconds, for a clock that was wrong.
    pub fn shift(&mut self, nanos: i64) {
        for head in &mut self.heads {
            head.at.0 = head.at.0.saturating_add(nanos);
        }
    }

    /// Whether it is time to hand this batch over.
    pub fn is_full(&self) -> bool {
        self.heads.len() >= Self::FRAMES || self.octets() >= Self::OCTETS
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is no frame in it.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Octets that it holds: those of its frames, and what lies between them in the buffer.
    pub fn octets(&self) -> usize {
        self.heads.last().map_or(0, |head| head.end as usize)
    }

    /// Forgets the frames and keeps the memory.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.outlines.clear();
        self.comments.clear();
    }

    /// Reads ahead what the network needs of ordinary frames, which then only has to learn: the half of the work that can be done in
    /// another thread. The network learns the same of a batch without it.
    ///
    /// `link_types` are those of the points by their numbers, as the network has been told.
    pub fn outline(&mut self, link_types: &[LinkType]) {
        let mut outlines = std::mem::take(&mut self.outlines);
        outlines.clear();
        outlines.extend(self.frames().map(|frame| outline(link_types.get(frame.point.0 as usize).copied(), &frame)));
        self.outlines = outlines;
    }

    /// What was read ahead, if anything.
    pub(crate) fn outlines(&self) -> Option<&[Outline]> {
        (self.outlines.len() == self.heads.len()).then_some(&self.outlines)
    }

    /// The frame at `index`, from 0.
    pub fn get(&self, index: usize) -> Option<Frame<'_>> {
        self.heads.get(index).map(|head| self.frame(head))
    }

    /// The frames in order.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.heads.iter().map(|head| self.frame(head))
    }

    #[inline]
    fn frame(&self, head: &Head) -> Frame<'_> {
        let Head { at, start, end, original_length, point, direction } = *head;
        let bytes = self.buffer.get(start as usize..end as usize).unwrap_or_default();
        Frame { at, point, direction, original_length, bytes }
    }
}

/// Batches are the same if their frames are, wherever these lie, and what people wrote beside them.
impl PartialEq for Batch {
    fn eq(&self, other: &Batch) -> bool {
        self.frames().eq(other.frames()) && self.comments == other.comments
    }
}

impl Eq for Batch {}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A point began to capture. Its number is the count of points opened before it.
    Opened(PointInfo),
    /// A point that was closed captures again: its interface came back, perhaps as another device.
    Resumed {
        /// Which point.
        point: PointId,
        /// What it is now.
        info: PointInfo,
        /// When.
        at: Timestamp,
    },
    /// A point stopped, and why, where there is a reason.
    Closed {
        /// Which point.
        point: PointId,
        /// The reason, for people.
        reason: Option<String>,
    },
    /// Frames, in the order of arrival.
    Frames(Batch),
    /// Frames that passed a point and were not captured.
    Lost {
        /// Which point.
        point: PointId,
        /// How many.
        frames: u64,
        /// Where.
        cause: LossCause,
    },
    /// What the host says changed; what comes together is consistent together.
    Host {
        /// When it was read.
        at: Timestamp,
        /// The changes, in order.
        changes: Vec<HostChange>,
    },
}

impl Event {
    /// When it happened, where it says so by itself; frames have a time each, and other events happen when they come.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Event::Host { at, .. } | Event::Resumed { at, .. } => Some(*at),
            Event::Opened(_) | Event::Closed { .. } | Event::Frames(_) | Event::Lost { .. } => None,
        }
    }
}
