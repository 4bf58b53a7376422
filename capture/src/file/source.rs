//! Where the octets of a capture file come from: a path, standard input or memory, through gzip where it is compressed.

use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tapscope_graph::{Batch, Head};

/// Octets that one `read(2)` asks for.
///
/// Two such buffers take turns, and stay in the cache.
const CHUNK: usize = 64 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Buffered octets with a place: what was parsed lies before `start`, what was read before `end`.
pub(super) struct Source {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    heads: Vec<Head>,
    /// Of the marked frames, by their indexes.
    comments: Vec<(u32, Box<str>)>,
    start: usize,
    end: usize,
    /// Octets parsed, after decompression.
    offset: u64,
    raw: Arc<AtomicU64>,
    size: Option<u64>,
    is_gzip: bool,
}

/// Counts what passes: the octets of the file itself, before decompression.
struct Counted<R> {
    input: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Source {
    pub fn path(path: &Path) -> io::Result<Source> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Self::new(file, metadata.is_file().then_some(metadata.len()))
    }

    /// Reads what `input` gives; `size`, where known, is for the progress.
    pub fn new(input: impl Read + Send + 'static, size: Option<u64>) -> io::Result<Source> {
        let raw = Arc::new(AtomicU64::new(0));
        let mut input = Counted { input, count: raw.clone() };
        // A pipe may give one octet first: the magic needs two.
        let mut head = Vec::new();
        input.by_ref().take(2).read_to_end(&mut head)?;
        let is_gzip = head == GZIP;
        let input = io::Cursor::new(head).chain(input);
        let input: Box<dyn Read + Send> =
            if is_gzip { Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, input))) } else { Box::new(input) };
        Ok(Source {
            input,
            buffer: vec![0; CHUNK],
            heads: Vec::new(),
            comments: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            raw,
            size,
            is_gzip,
        })
    }

    /// What is there and was not parsed yet.
    #[inline]
    pub fn ready(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Whether `count` octets are there without reading.
    #[inline]
    pub fn has(&self, count: usize) -> bool {
        self.end - self.start >= count
    }

    /// Reads until `count` octets are there. `false` where the input ends before: what there is, is there. The buffer grows with the
    /// octets that arrive, never by a length that a file claims.
    pub fn fill(&mut self, count: usize) -> io::Result<bool> {
        debug_assert!(self.has(count) || !self.has_frames(), "reading would move frames that are marked");
        while !self.has(count) {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.end == self.buffer.len() {
                let grown = self.buffer.len() + CHUNK.max(self.buffer.len() / 2);
                self.buffer.resize(grown, 0);
            }
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Marks octets that are there as parsed.
    #[inline]
    pub fn advance(&mut self, count: usize) {
        debug_assert!(self.has(count));
        self.start += count;
        self.offset += count as u64;
    }

    /// Marks a frame, whose place is counted from what is parsed next, for [`Source::hand_over`].
    #[inline]
    pub fn mark(&mut self, head: Head) {
        let base = self.start as u32;
        self.heads.push(Head { start: base + head.start, end: base + head.end, ..head });
    }

    /// Keeps what was written beside the frame that was marked last.
    pub fn comment(&mut self, comment: Box<str>) {
        if let Some(last) = self.heads.len().checked_sub(1) {
            self.comments.push((last as u32, comment));
        }
    }

    /// Whether frames are marked: then nothing may be read, which would move them.
    #[inline]
    pub fn has_frames(&self) -> bool {
        !self.heads.is_empty()
    }

    /// Gives the marked frames away together with the buffer that they lie in, and goes on in another one.
    pub fn hand_over(&mut self, batch: &mut Batch) {
        let rest = self.start..self.end;
        (self.start, self.end) = (0, rest.len());
        batch.exchange(&mut self.heads, &mut self.buffer, rest);
        if !self.comments.is_empty() {
            batch.set_comments(std::mem::take(&mut self.comments));
        }
    }

    /// Passes over octets that need not be there at once. `false` where the input ends before.
    pub fn skip(&mut self, mut count: u64) -> io::Result<bool> {
        while count > 0 {
            if !self.has(1) && !self.fill(1)? {
                return Ok(false);
            }
            let step = (self.end - self.start).min(usize::try_from(count).unwrap_or(usize::MAX));
            self.advance(step);
            count -= step as u64;
        }
        Ok(true)
    }

    /// Octets parsed so far, after decompression.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Octets of the file read so far, and in all where known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.raw.load(Ordering::Relaxed), self.size)
    }

    pub fn is_gzip(&self) -> bool {
        self.is_gzip
    }
}
