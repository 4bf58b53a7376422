//! Recordings: events as pcapng (draft-ietf-opsawg-pcapng), so that reading gives the same events, and every other program the frames.
//!
//! Why not a crate: `pcap-file` writes blocks one by one through a buffer of its own, has no custom options, and its version 3 is a
//! release candidate; `pcapng-writer` knows one interface. What is needed is small: blocks of many points into one buffer that ends at
//! the border of a block, so that whatever stops a recording leaves a file that everybody reads up to there.

mod block;
mod encoder;
mod section;
pub(crate) mod told;
mod writer;

pub use encoder::Encoder;
pub use section::Section;
pub use writer::Writer;
