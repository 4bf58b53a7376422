//! Recordings: events as pcapng (draft-ietf-opsawg-pcapng), so that reading gives the same events, and every other program the frames.
//!
//! [`Encoder`] puts events into octets, [`Writer`] brings these to anything that takes them, and a [`Recorder`] does so in a thread of
//! its own, with files that take turns, and with a contract: what is older than a fifth of a second is in the file, and the file is
//! readable up to its last whole block, whatever happens to the program or the disk.
//!
//! Why not a crate: libpcap's writer gives no error on a full disk; `pcap-file` writes blocks one by one through a buffer of its own,
//! and its version 3 is a release candidate; `pcapng-writer` is a version 0.1 without names and custom blocks. What is needed is
//! small: blocks of many points into one buffer that ends at the border of a block.

mod block;
mod classic;
mod encoder;
mod limits;
mod naming;
mod output;
mod recorder;
mod section;
pub(crate) mod told;
mod writer;

pub use classic::{LinkTypes, PcapEncoder};
pub use encoder::Encoder;
pub use limits::Limits;
pub use recorder::{End, Inlet, Options, Recorder, Status};
pub use section::Section;
pub use writer::Writer;

use std::io;
use std::path::PathBuf;

/// Where a recording goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, pipe or device.
    File(PathBuf),
    /// Standard output.
    Output,
}

/// Why a recording cannot begin, or go on.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is no such folder, or we may not.
    #[error("cannot record to {path}")]
    Create {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// A full disk, a quota, a disk that fails, a reader that went away.
    #[error("cannot write on to {path}, which is whole up to there")]
    Write {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// The floor of free space is reached.
    #[error("{path} is whole, and the recording ends: only {free} octets are free there, and {floor} should stay free (--min-free)")]
    NoRoom {
        /// Which file.
        path: PathBuf,
        /// Octets that are free.
        free: u64,
        /// Octets that should be.
        floor: u64,
    },
    /// The old format.
    #[error(transparent)]
    LinkTypes(#[from] LinkTypes),
    /// Nothing was written for so long that what waits does not fit into memory.
    #[error("the disk takes nothing any more")]
    Stalled,
    /// The system gives no more threads.
    #[error("cannot start the thread that records")]
    Thread(#[source] io::Error),
}

impl RecordError {
    /// Whether whoever read the recording went away: it has seen enough.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, RecordError::Write { cause, .. } if cause.kind() == io::ErrorKind::BrokenPipe)
    }
}
