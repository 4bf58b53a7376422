//! Events straight into anything that takes octets.

use super::encoder::Encoder;
use super::section::Section;
use std::io::{self, Write};
use std::net::IpAddr;
use tapscope_graph::{Event, Text};

/// Octets that are gathered before they are written.
const CHUNK: usize = 256 << 10;

/// Writes pcapng: each write ends at the border of a block. What was given is written by [`Writer::flush`] at the latest.
#[derive(Debug)]
pub struct Writer<W: Write> {
    encoder: Encoder,
    pending: Vec<u8>,
    output: W,
}

impl<W: Write> Writer<W> {
    /// Begins with the section's header.
    pub fn new(output: W, section: Section) -> Writer<W> {
        let mut encoder = Encoder::new(section);
        let mut pending = Vec::new();
        encoder.begin(&mut pending);
        Writer { encoder, pending, output }
    }

    /// Appends an event. Points are numbered in the order in which they open; frames of others are left out.
    ///
    /// # Errors
    /// Where the octets cannot be written.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        self.encoder.event(event, &mut self.pending);
        if self.pending.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Appends what is known of names.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn names<'n>(&mut self, names: impl IntoIterator<Item = (IpAddr, &'n Text)>) -> io::Result<()> {
        self.encoder.names(names, &mut self.pending);
        if self.pending.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn flush(&mut self) -> io::Result<()> {
        let written = self.output.write_all(&self.pending).and_then(|()| self.output.flush());
        self.pending.clear();
        written
    }

    /// Ends with each point's statistics; gives what was written to.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn finish(mut self) -> io::Result<W> {
        self.encoder.statistics(&mut self.pending);
        self.flush()?;
        Ok(self.output)
    }
}
