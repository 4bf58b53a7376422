//! What can go wrong in a lab, with all that was said about it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a lab, or something in it, did not do as it was told.
///
/// A test may return it: what the test harness prints of it is the whole message, not the names of fields.
#[derive(thiserror::Error)]
pub enum Error {
    /// This machine lacks something that labs need.
    #[error("a lab needs {what}; {next}")]
    Missing {
        /// What is missing.
        what: String,
        /// What to do about it.
        next: &'static str,
    },
    /// A file or folder of the lab.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start `{command}` in {place}")]
    Start {
        /// The namespace or guest.
        place: String,
        /// What should have run.
        command: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A command ran and failed where it had to work.
    #[error("`{command}` in {place} ended with status {status}:\n{text}")]
    Failed {
        /// The namespace or guest.
        place: String,
        /// What ran.
        command: String,
        /// Its exit status; 128 and the signal's number if one ended it.
        status: i32,
        /// All that it wrote.
        text: String,
    },
    /// Something was waited for, and did not come.
    #[error("waited {limit:?} for {wanted} of {place}; it wrote:\n{text}")]
    TooLong {
        /// The namespace, guest or process.
        place: String,
        /// What was waited for.
        wanted: String,
        /// For how long.
        limit: Duration,
        /// What it had written so far.
        text: String,
    },
    /// A process or guest ended that should have gone on.
    #[error("{place} ended; it wrote:\n{text}")]
    Ended {
        /// The guest or process.
        place: String,
        /// What it had written, on all channels.
        text: String,
    },
    /// A guest is up, but not as it was described.
    #[error("the guest {guest} is not as described:{trouble}")]
    Trouble {
        /// The guest.
        guest: String,
        /// What it says about itself.
        trouble: String,
    },
    /// A guest, namespace or command is described in a way that makes no sense.
    #[error("{place}: {why}")]
    Plan {
        /// The guest or lab.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// A guest's monitor refused, or answered nonsense.
    #[error("the monitor {path} did not {command}: {answer}")]
    Monitor {
        /// The socket.
        path: PathBuf,
        /// The QMP command.
        command: String,
        /// What came instead.
        answer: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")?;
        let mut cause = std::error::Error::source(self);
        while let Some(one) = cause {
            write!(formatter, ": {one}")?;
            cause = one.source();
        }
        Ok(())
    }
}

/// Says what was tried on which file.
pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |cause| Error::File { action, path, cause }
}
