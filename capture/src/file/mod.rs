//! Capture files: pcap and pcapng, from a path, a pipe or memory, gzipped or not.
//!
//! [`Reader`] gives the file's points as they are announced and its frames in batches, in the buffer they were read into. Whatever the file claims, memory
//! follows the octets that are really there; damage ends the reading with a reason and the place, after everything before it was given.
//!
//! Why not a crate: libpcap refuses pcapng files whose interfaces differ; `pcap-file` 2 loops on a bad packet and its successor is a
//! release candidate that refuses a block for one bad option; `pcap-parser` panics on a short block where overflow is checked. None of
//! them tells where the damage is, reads libpcap's modified variants, and hands over batches without a copy between.

mod facts;
mod merge;
mod pcap;
mod pcapng;
mod source;
mod time;

pub use facts::{FileFacts, Format, Stamp};
pub use merge::Merged;

use source::Source;
use std::io::{self, Read};
use std::path::Path;
use tapscope_graph::{Batch, Event};

/// Why a file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system says no.
    #[error("cannot open")]
    Open(#[source] io::Error),
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// It starts like no capture file.
    #[error("is not a pcap or pcapng file: it starts with {0}")]
    Unknown(String),
    /// A version or variant that nobody reads.
    #[error("{0}")]
    Unsupported(String),
}

/// What [`Reader::next`] gave.
#[derive(Debug)]
pub enum Next {
    /// A point opened, or frames were lost.
    Event(Event),
    /// The batch holds frames.
    Frames,
    /// The file ends here, or reading does: see [`FileFacts::incomplete`].
    End,
}

/// Why reading ends before the end of the file.
#[derive(Debug)]
pub(crate) enum Damage {
    Read(io::Error),
    Bad(String),
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Damage {
        Damage::Read(error)
    }
}

enum Parser {
    Pcap(pcap::Parser),
    Pcapng(pcapng::Parser),
}

/// A capture file that is being read.
pub struct Reader {
    source: Source,
    parser: Parser,
    facts: FileFacts,
    ended: bool,
}

impl Reader {
    /// Opens a file; `-` is standard input. Its points are numbered from 0 on.
    ///
    /// # Errors
    /// Where it cannot be opened, is empty, or starts like no capture file.
    pub fn open(path: &Path) -> Result<Reader, OpenError> {
        let name = path.to_string_lossy().into_owned();
        let source = if path == Path::new("-") { Source::new(io::stdin(), None) } else { Source::path(path) };
        Self::with_source(source.map_err(OpenError::Open)?, name)
    }

    /// Reads from anything.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn new(input: impl Read + Send + 'static, name: &str) -> Result<Reader, OpenError> {
        Self::with_source(Source::new(input, None).map_err(OpenError::Open)?, name.to_owned())
    }

    fn with_source(mut source: Source, path: String) -> Result<Reader, OpenError> {
        source.fill(4).map_err(OpenError::Open)?;
        let magic = match *source.ready() {
            [] => return Err(OpenError::Empty),
            [a, b, c, d, ..] => [a, b, c, d],
            _ => return Err(OpenError::Unknown(hex(source.ready()))),
        };
        let parser = if magic == pcapng::MAGIC {
            Parser::Pcapng(pcapng::Parser::new())
        } else if pcap::Variant::of(magic).is_some() {
            Parser::Pcap(pcap::Parser::open(&mut source)?)
        } else {
            return Err(OpenError::Unknown(hex(&magic)));
        };
        let format = match parser {
            Parser::Pcap(_) => Format::Pcap,
            Parser::Pcapng(_) => Format::Pcapng,
        };
        let facts = FileFacts {
            path,
            format,
            is_gzip: source.is_gzip(),
            packets: 0,
            octets: 0,
            captured_octets: 0,
            truncated_packets: 0,
            first: None,
            last: None,
            incomplete: None,
            passed_over: 0,
            first_passed_over: None,
            points: Vec::new(),
        };
        Ok(Reader { source, parser, facts, ended: false })
    }

    /// The next event, or frames in `batch`, which is cleared first. Waits for the file, but never holds back frames that are there.
    pub fn next(&mut self, batch: &mut Batch) -> Next {
        batch.clear();
        if self.ended {
            return Next::End;
        }
        let found = match &mut self.parser {
            Parser::Pcap(parser) => parser.next(&mut self.source, &mut self.facts),
            Parser::Pcapng(parser) => parser.next(&mut self.source, &mut self.facts),
        };
        let next = match found {
            Ok(next) => next,
            Err(damage) => {
                self.facts.incomplete = Some(self.describe(&damage));
                Next::End
            }
        };
        self.ended = matches!(next, Next::End);
        if self.source.has_frames() {
            self.source.hand_over(batch);
            return Next::Frames;
        }
        next
    }

    fn describe(&self, damage: &Damage) -> String {
        let packets = self.facts.packets;
        match damage {
            Damage::Bad(what) => format!("{what}, at octet {} behind packet {packets}", self.source.offset()),
            Damage::Read(error) => format!("cannot read on at octet {} behind packet {packets}: {error}", self.source.offset()),
        }
    }

    /// What is known of the file by now.
    pub fn facts(&self) -> &FileFacts {
        &self.facts
    }

    /// What is known of the file at the end.
    pub fn into_facts(self) -> FileFacts {
        self.facts
    }

    /// Octets of the file read so far, and in all where known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        self.source.progress()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Counts a packet.
#[inline]
fn count(facts: &mut FileFacts, captured: usize, original: u32) {
    facts.packets += 1;
    facts.octets += u64::from(original);
    facts.captured_octets += captured as u64;
    facts.truncated_packets += u64::from((captured as u64) < u64::from(original));
}

/// Widens the time that the file covers.
fn cover(facts: &mut FileFacts, first: Stamp, last: Stamp) {
    facts.first = Some(facts.first.map_or(first, |known| known.min(first)));
    facts.last = Some(facts.last.map_or(last, |known| known.max(last)));
}
