//! Frames for other programs: pcapng with all that is known, or pcap.

use super::cut::Cut;
use super::input::Input;
use super::{Sink, copy};
use anyhow::{Result, anyhow};
use std::io::Write;
use tapscope_capture::file::FileFacts;
use tapscope_capture::record::{PcapEncoder, Section, Writer};
use tapscope_graph::{Event, FrameNo, PointInfo};

/// Octets of pcap that are gathered before they are written.
const CHUNK: usize = 256 << 10;

/// How frames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With points, losses and the host's facts.
    Pcapng,
    /// Frames of one link type.
    Pcap,
}

/// Writes what was chosen; gives what is known of the files.
///
/// # Errors
/// Where it cannot be written, or pcap would need two link types.
pub fn write(input: Input, cut: Cut, out: &mut dyn Write, format: Format) -> Result<Vec<FileFacts>> {
    match format {
        Format::Pcapng => {
            let section = Section::here(concat!("tapscope ", env!("CARGO_PKG_VERSION")));
            let mut sink = Pcapng(Writer::new(out, section));
            let facts = copy(input, cut, &mut sink)?;
            sink.0.finish()?;
            Ok(facts)
        }
        Format::Pcap => {
            let mut sink = Pcap { encoder: PcapEncoder::default(), waiting: Vec::new(), pending: Vec::new(), out };
            sink.encoder.begin(&mut sink.pending);
            let facts = copy(input, cut, &mut sink)?;
            sink.encoder.end(&mut sink.pending);
            sink.out.write_all(&sink.pending)?;
            Ok(facts)
        }
    }
}

struct Pcapng<'a>(Writer<&'a mut dyn Write>);

impl Sink for Pcapng<'_> {
    fn take(&mut self, event: &Event, _: &[FrameNo]) -> Result<()> {
        Ok(self.0.write(event)?)
    }
}

struct Pcap<'a> {
    encoder: PcapEncoder,
    /// Points without frames so far: one that stays without is no reason to refuse.
    waiting: Vec<Option<PointInfo>>,
    pending: Vec<u8>,
    out: &'a mut dyn Write,
}

impl Sink for Pcap<'_> {
    fn take(&mut self, event: &Event, _: &[FrameNo]) -> Result<()> {
        match event {
            Event::Opened(info) => self.waiting.push(Some(info.clone())),
            Event::Resumed { point, info, .. } => {
                if let Some(waiting) = self.waiting.get_mut(point.0 as usize) {
                    *waiting = Some(info.clone());
                }
            }
            Event::Frames(batch) => {
                for frame in batch.frames() {
                    if let Some(info) = self.waiting.get_mut(frame.point.0 as usize).and_then(Option::take) {
                        self.encoder.event(&Event::Opened(info), &mut self.pending).map_err(|types| {
                            let name = |kind: tapscope_graph::LinkType| kind.name().map_or_else(|| kind.0.to_string(), str::to_owned);
                            let (a, b) = (name(types.0), name(types.1));
                            anyhow!("a pcap file holds one link type, and these frames have {a} and {b}: choose a --point, or write pcapng")
                        })?;
                    }
                    self.encoder.frame(&frame, &mut self.pending);
                }
            }
            Event::Closed { .. } | Event::Lost { .. } | Event::Host { .. } => {}
        }
        if self.pending.len() >= CHUNK {
            self.out.write_all(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }
}
