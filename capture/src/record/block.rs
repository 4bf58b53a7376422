//! How a pcapng block is put together (draft-ietf-opsawg-pcapng, sections 3.1 and 3.5): type, length, body, options, length.

pub(crate) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
pub(crate) const INTERFACE: u32 = 1;
pub(crate) const NAMES: u32 = 4;
pub(crate) const STATISTICS: u32 = 5;
pub(crate) const ENHANCED_PACKET: u32 = 6;
/// A custom option of octets that a program which does not know it must not copy to a file of its own: it names this file's points.
pub(crate) const CUSTOM_OPTION: u16 = 19_373;

/// The most octets of an option.
pub(crate) const MAX_OPTION: usize = 65_535;

/// A block that is being written, in little-endian order.
pub(crate) struct Block<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    has_options: bool,
}

impl<'a> Block<'a> {
    pub fn new(out: &'a mut Vec<u8>, kind: u32) -> Block<'a> {
        let start = out.len();
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        Block { out, start, has_options: false }
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// Fills up to 32 bits.
    pub fn pad(&mut self, with: u8) -> &mut Self {
        let length = self.out.len() - self.start;
        self.out.resize(self.start + length.next_multiple_of(4), with);
        self
    }

    /// An option; one that is longer than options can be is left out.
    pub fn option(&mut self, code: u16, parts: &[&[u8]]) -> &mut Self {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let Ok(written) = u16::try_from(length.min(MAX_OPTION + 1)) else { return self };
        self.has_options = true;
        self.bytes(&code.to_le_bytes()).bytes(&written.to_le_bytes());
        for part in parts {
            self.out.extend_from_slice(part);
        }
        self.pad(0)
    }

    /// A text option; cut between characters where it is longer than options can be.
    pub fn text(&mut self, code: u16, text: &str) -> &mut Self {
        let text = &text[..text.floor_char_boundary(MAX_OPTION)];
        self.option(code, &[text.as_bytes()])
    }

    /// Closes the options, and writes the length at both ends.
    pub fn end(&mut self) {
        if self.has_options {
            self.bytes(&[0; 4]);
        }
        let length = (self.out.len() - self.start + 4) as u32;
        self.bytes(&length.to_le_bytes());
        self.out[self.start + 4..self.start + 8].copy_from_slice(&length.to_le_bytes());
    }
}

/// The octets of `blocks`, which start at a block, up to the last border of a block within the first `written`.
pub(crate) fn whole(blocks: &[u8], written: usize) -> usize {
    let mut border = 0;
    while let Some(length) = blocks.get(border + 4..border + 8).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes) {
        let next = border + length as usize;
        if length < 12 || next > written {
            break;
        }
        border = next;
    }
    border
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_tells_its_length_at_both_ends_and_its_border_is_found() {
        let mut out = Vec::new();
        Block::new(&mut out, NAMES).bytes(&[1, 2, 3]).pad(0).text(1, "abcde").end();
        assert_eq!(out.len(), 8 + 4 + 4 + 8 + 4 + 4);
        assert_eq!(out[4..8], out[out.len() - 4..]);
        let first = out.len();
        Block::new(&mut out, STATISTICS).end();
        for written in 0..=out.len() {
            let expected = if written == out.len() {
                written
            } else if written >= first {
                first
            } else {
                0
            };
            assert_eq!(whole(&out, written), expected, "{written}");
        }
    }
}
