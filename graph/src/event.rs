//! Events: the only way into the model.
//!
//! A source (`capture`) turns the world into events; one thread puts them in one order; [`Network::observe`](crate::Network::observe)
//! takes them one by one. Frames travel in [`Batch`]es: one message for some hundred frames, plain data without pointers into the
//! capturing side, so that the channel between source and model can become a process boundary.

use std::fmt;

/// Nanoseconds since 1970-01-01 00:00:00 UTC, as the capturing side stamped them. May step back from frame to frame.
///
/// Stamps of files that lie outside of the years 1677 to 2262 are clamped to these ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointId(pub u32);

/// The number of a frame in the order of arrival, from 1; in a file the number that Wireshark shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNo(pub u64);

/// How the first octets of a frame are to be read: libpcap's `LINKTYPE_` number (pcap-linktype(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointInfo {
    /// The interface's name, such as `tap0`; unsanitised, print it through [`crate::text::Text`].
    pub name: Option<String>,
    /// A description for people, where the source has one.
    pub description: Option<String>,
    /// How its frames start.
    pub link_type: LinkType,
    /// The most octets of a frame that are captured; 0 where there is no limit.
    pub snap_length: u32,
    /// Which of the opened files the point belongs to, from 0; 0 for live points.
    pub file: u32,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    at: Timestamp,
    end: u32,
    original_length: u32,
    point: PointId,
    direction: Direction,
}

/// Frames in the order of arrival, in one buffer. A batch is recycled: [`Batch::clear`] keeps its memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    heads: Vec<Head>,
    bytes: Vec<u8>,
}

impl Batch {
    /// Frames after which a batch should be handed over.
    pub const FRAMES: usize = 256;
    /// Octets after which a batch should be handed over.
    pub const OCTETS: usize = 64 * 1024;

    /// Appends a frame.
    ///
    /// # Panics
    /// If the batch would hold 4 GiB or more; hand it over when [`Batch::is_full`] says so.
    pub fn push(&mut self, frame: Frame<'_>) {
        self.bytes.extend_from_slice(frame.bytes);
        let end = u32::try_from(self.bytes.len()).expect("a batch holds less than 4 GiB");
        self.heads.push(Head { at: frame.at, end, original_length: frame.original_length, point: frame.point, direction: frame.direction });
    }

    /// Whether it is time to hand this batch over.
    pub fn is_full(&self) -> bool {
        self.heads.len() >= Self::FRAMES || self.bytes.len() >= Self::OCTETS
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is no frame in it.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Captured octets of all frames together.
    pub fn octets(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the frames and keeps the memory.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.bytes.clear();
    }

    /// The frame at `index`, from 0.
    pub fn get(&self, index: usize) -> Option<Frame<'_>> {
        let head = self.heads.get(index)?;
        let start = if index == 0 { 0 } else { self.heads[index - 1].end as usize };
        Some(Frame {
            at: head.at,
            point: head.point,
            direction: head.direction,
            original_length: head.original_length,
            bytes: &self.bytes[start..head.end as usize],
        })
    }

    /// The frames in order.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut start = 0;
        self.heads.iter().map(move |head| {
            let bytes = &self.bytes[start..head.end as usize];
            start = head.end as usize;
            Frame { at: head.at, point: head.point, direction: head.direction, original_length: head.original_length, bytes }
        })
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A point began to capture. Its number is the count of points opened before it.
    Opened(PointInfo),
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
    },
}
