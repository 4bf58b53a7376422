//! What can be in the way of standing in a cable.

use std::io;
use tapscope_graph::Text;

/// A name could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum InterposeError {
    /// There is no such name, or it may not be looked at.
    #[error("cannot look at {path}: {cause} (a path without links, as the guest has it, and the right to its folder: sudo)")]
    Look {
        /// Which.
        path: Text,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It is another thing.
    #[error("{path} is no socket; tapscope list names the sockets of guests")]
    NoSocket {
        /// Which.
        path: Text,
    },
    /// Nobody has bound it, or it takes no datagrams.
    #[error("nobody takes datagrams at {path}; is its guest running? tapscope list")]
    Nobody {
        /// Which.
        path: Text,
    },
    /// Another one is there already.
    #[error("{path} is taken: another tapscope stands in this cable, and has to end first")]
    Taken {
        /// The name that the guest's socket would get.
        path: Text,
    },
    /// The folder does not let us, or the file system cannot.
    #[error("cannot put a socket in the place of {path}: {cause} (it takes the right to write to its folder: sudo, or the guest's user)")]
    Name {
        /// Which.
        path: Text,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Nobody would put the names back if we were killed.
    #[error("cannot start `sh`, which would put the name of {path} back if tapscope was killed: {cause}")]
    Guard {
        /// Which.
        path: Text,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// No descriptors or threads.
    #[error("no descriptors or threads are left (ulimit -n, ulimit -u): {cause}")]
    Resources {
        /// Why.
        #[source]
        cause: io::Error,
    },
}
