//! Events as the old format, libpcap's: frames of one link type, and nothing else.

use super::encoder::MAX_FRAME;
use tapscope_graph::{Event, Frame, LinkType};

/// Seconds and nanoseconds (libpcap, savefile.c).
const MAGIC: u32 = 0xa1b2_3c4d;

/// The frames do not all begin in the same way, which this format cannot say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pcap file holds one link type, and here are {} and {}: leave out --pcap, or choose points with -i", label(.0), label(.1))]
pub struct LinkTypes(pub LinkType, pub LinkType);

fn label(link_type: &LinkType) -> String {
    link_type.name().map_or_else(|| link_type.0.to_string(), str::to_owned)
}

/// Puts frames into pcap. All points go into one.
#[derive(Debug, Default)]
pub struct PcapEncoder {
    link_type: Option<LinkType>,
    snap_length: u32,
    has_header: bool,
}

impl PcapEncoder {
    /// Begins a file; its header comes with the first point, where none is known yet.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        self.has_header = false;
        if self.link_type.is_some() {
            self.header(out);
        }
    }

    /// Appends an event's frames.
    ///
    /// # Errors
    /// Where a point of another link type opens.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), LinkTypes> {
        match event {
            Event::Opened(info) | Event::Resumed { info, .. } => {
                match self.link_type {
                    Some(known) if known != info.link_type => return Err(LinkTypes(known, info.link_type)),
                    _ => self.link_type = Some(info.link_type),
                }
                self.snap_length = self.snap_length.max(info.snap_length);
                self.header(out);
            }
            Event::Frames(batch) => batch.frames().for_each(|frame| self.frame(&frame, out)),
            Event::Closed { .. } | Event::Lost { .. } | Event::Host { .. } => {}
        }
        Ok(())
    }

    /// Appends a frame.
    pub fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        self.header(out);
        let (seconds, nanos) = frame.at.parts();
        let seconds = u32::try_from(seconds.max(0)).unwrap_or(u32::MAX);
        let bytes = &frame.bytes[..frame.bytes.len().min(MAX_FRAME)];
        for word in [seconds, nanos, bytes.len() as u32, frame.original_length] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(bytes);
    }

    /// Ends a file: one without a header would be none.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.header(out);
    }

    fn header(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_header, true) {
            return;
        }
        let link_type = self.link_type.unwrap_or(LinkType::ETHERNET);
        let snap_length = if self.snap_length == 0 { MAX_FRAME as u32 } else { self.snap_length };
        for word in [MAGIC, 4 << 16 | 2, 0, 0, snap_length, link_type.0] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}
