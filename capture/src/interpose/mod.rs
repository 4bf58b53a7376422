//! Standing between two guests that are joined by unix datagram sockets: their names lead to us, and we hand each frame on.
//!
//! Read unix(7) and rename(2) first. QEMU sends each frame to its peer's path (`net/dgram.c`), so whoever has that name gets the frame.
//! Each of the two sockets of a cable gets another name, `PATH.tapscope`, and a socket of ours its old one, in one step
//! (`RENAME_EXCHANGE`), so that no frame finds nobody. What comes to ours is seen, and sent on to the guest's. When tapscope ends, the
//! names are put back; when it is killed, a guard does that, and where that is gone as well, the next tapscope.
//!
//! Nothing is dropped that the guests would not have lost without us: a frame is taken only when the one before was handed on, and until
//! then the sender waits as it does for a slow peer. That is the price: a tapscope that is stopped stops the cable.

mod error;
mod guard;
mod side;
mod wire;

pub use error::InterposeError;

use crossbeam_channel::{Receiver, Sender};
use nix::sys::socket::{SockFlag, SockType, UnixAddr, connect, socket};
use side::Side;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use tapscope_graph::{Batch, Event, Text};
use wire::Wire;

/// What the guests' sockets are called meanwhile.
const SUFFIX: &str = ".tapscope";

/// A cable to stand in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the point is called.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// The key of the cable.
    pub cable: Text,
    /// The paths of its two sockets, the first end's first. What the first end sends is inbound.
    pub paths: [PathBuf; 2],
}

/// Standing in one cable. Dropping it puts the names back.
pub struct Interposed {
    /// Closing it ends the thread.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<Outcome>>,
}

/// How it ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Frames that the guest was not there to take, or had no room for at the end.
    pub undelivered: u64,
    /// Names that could not be put back, with the reason.
    pub left: Vec<String>,
}

/// What a guest's socket is called while we have its name.
pub fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

impl Interposed {
    /// Takes both names, and hands frames on from then on. Its only point is number 0.
    ///
    /// # Errors
    /// One of the two is no socket that somebody has bound, its folder may not be written to, or another tapscope stands there.
    pub fn start(place: Place, events: Sender<Event>, spent: Receiver<Batch>) -> Result<Interposed, InterposeError> {
        let first = Side::place(&place.paths[0])?;
        // If this fails, the first is put back.
        let second = Side::place(&place.paths[1])?;
        let (stop, stopped) = UnixStream::pair().map_err(|cause| InterposeError::Resources { cause })?;
        let wire = Wire::new(place, [first, second], stopped, events, spent);
        let thread = std::thread::Builder::new().name("interposer".into()).spawn(move || wire.run());
        let thread = thread.map_err(|cause| InterposeError::Resources { cause })?;
        Ok(Interposed { stop: Some(stop), thread: Some(thread) })
    }

    /// Puts the names back, hands on what came by then, and says how that went. It takes some milliseconds.
    pub fn stop(mut self) -> Outcome {
        self.finish()
    }

    fn finish(&mut self) -> Outcome {
        self.stop = None;
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Interposed {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Whether somebody has a datagram socket of that name.
fn is_bound(path: &Path) -> bool {
    let reach = || {
        let socket = socket(nix::sys::socket::AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        connect(socket.as_raw_fd(), &UnixAddr::new(path)?)
    };
    reach().is_ok()
}
