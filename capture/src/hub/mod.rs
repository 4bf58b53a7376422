//! A small Ethernet switch that guests are plugged into, and that sees every frame: for new guests, which can be started with it.
//!
//! Read `net/socket.c` and `net/stream.c` of QEMU first. One thread (`engine.rs`) has all ports. A port's peer may be a guest that
//! connects to us, a guest that we connect to, a pair of UDP sockets, or a TAP device of the host; so the hub also joins two cables, or a
//! cable with a bridge.
//!
//! **Whole frames or none.** QEMU reads a length, then so many octets; it cannot find the next length after a piece was left out. What
//! finds no room in a port's queue is dropped before it is begun, and counted.
//!
//! **Nobody waits for anybody.** A peer that does not read fills its own queue, and only that.
//!
//! **A port is a point.** Its frames become events, [`Direction::Inbound`](tapscope_graph::Direction::Inbound) what the peer sends and
//! [`Direction::Outbound`](tapscope_graph::Direction::Outbound) what was put on the way to it: so a frame that was dropped here came in
//! and did not go out. Where nobody wants events, none are made.
//!
//! **A port's number stays with its guest** when that starts again: who comes gets the lowest port of its place that is free, and as soon
//! as it speaks the one where its address was heard first, if that is free.

mod engine;
mod framing;
mod home;
mod place;
mod port;
mod queue;
mod switch;
#[cfg(target_os = "linux")]
mod tap;
mod tell;
#[cfg(test)]
mod tests;
mod wire;

pub use framing::{Decoder, LyingLength, header};
pub use place::{Place, PlaceError};
pub use port::{PortCounters, PortReport};
pub use switch::{ADDRESSES, AGEING, Port, Switch, Way};
#[cfg(target_os = "linux")]
pub use tap::TapError;

use crossbeam_channel::{Receiver, Sender};
use engine::Engine;
use home::Home;
use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;
use tapscope_graph::{Batch, Event, MacAddr, Text, Timestamp};
use tell::Teller;

/// The most ports, in use or waiting for their guest to come back.
pub const PORTS: usize = 512;

/// How the hub is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where ports are.
    pub places: Vec<Place>,
    /// How long an address is kept that is not heard again.
    pub ageing: Duration,
    /// Octets that may wait for a port that does not read, at least one frame.
    pub queue_octets: usize,
}

impl Default for Settings {
    /// No place, and what a switch usually does.
    fn default() -> Settings {
        Settings { places: Vec::new(), ageing: AGEING, queue_octets: 1 << 20 }
    }
}

/// Where things go, and where spent batches come back from.
pub struct Outlets {
    /// Events for the model, in order, points numbered from 0; none if nobody wants them. When it is full, frames are dropped on the way
    /// to the model and counted ([`tapscope_graph::LossCause::Queue`]); the guests get theirs.
    pub events: Option<Sender<Event>>,
    /// Batches that were looked at and are given back to be filled again; what does not come back is allocated anew.
    pub spent: Receiver<Batch>,
    /// Who came and went. When it is full, the report is dropped.
    pub reports: Sender<Report>,
}

/// Something that a person would want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When.
    pub at: Timestamp,
    /// The port, from 1; none where it is about a place.
    pub port: Option<u32>,
    /// The place, as [`Place`] prints it; with the port that the system chose, if it was 0.
    pub place: Text,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Guests can come.
    Listens,
    /// Somebody was plugged in.
    Came {
        /// Its address.
        peer: Text,
    },
    /// Who just came is who had this port before; it was in another one until it spoke.
    Recognised {
        /// Its address.
        peer: Text,
        /// By which it was recognised.
        mac: MacAddr,
        /// The number of the port that it was given first.
        before: u32,
    },
    /// A port is free.
    Went {
        /// Why.
        reason: Text,
    },
    /// Something does not work, and is tried again.
    Trouble {
        /// What, and what to do.
        reason: Text,
    },
}

impl What {
    /// In lower case, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            What::Listens => "listens",
            What::Came { .. } => "port-up",
            What::Recognised { .. } => "port-recognised",
            What::Went { .. } => "port-down",
            What::Trouble { .. } => "trouble",
        }
    }
}

/// One line for people, sanitised.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { port, place, what, .. } = self;
        let port = port.unwrap_or_default();
        match what {
            What::Listens => write!(f, "  listens at {place}"),
            What::Came { peer } => write!(f, "+ hub port {port}: {peer} at {place}"),
            What::Recognised { peer, mac, before } => write!(f, "+ hub port {port}: {peer} is {mac} again, before at hub port {before}"),
            What::Went { reason } => write!(f, "- hub port {port}: {reason}"),
            What::Trouble { reason } => write!(f, "! {place}: {reason}"),
        }
    }
}

/// Why a hub cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The system gives no more threads or file descriptors.
    #[error("cannot start the hub's thread")]
    System(#[source] io::Error),
}

/// A running hub. Dropping it stops it: all ports are closed, and the paths that it listened on are removed.
pub struct Hub {
    /// Closing it is what ends the thread.
    wake: Option<UnixStream>,
    thread: Option<JoinHandle<Vec<PortReport>>>,
}

impl Hub {
    /// Opens all places, and forwards from now on.
    ///
    /// # Errors
    /// A place that cannot be had, and that waiting would not help.
    pub fn start(settings: Settings, outlets: Outlets) -> Result<Hub, StartError> {
        let (wake, woken) = UnixStream::pair().map_err(StartError::System)?;
        let homes = settings.places.iter().cloned().map(Home::open_first).collect::<Result<Vec<_>, _>>()?;
        let engine = Engine::new(homes, &settings, Teller::new(outlets.events, outlets.spent), outlets.reports, woken);
        let thread = std::thread::Builder::new().name("hub".into()).spawn(move || engine.run()).map_err(StartError::System)?;
        Ok(Hub { wake: Some(wake), thread: Some(thread) })
    }

    /// Whether its thread ended by itself, which it should not.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops, and gives what each port had.
    pub fn stop(mut self) -> Vec<PortReport> {
        self.end()
    }

    fn end(&mut self) -> Vec<PortReport> {
        self.wake = None;
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.end();
    }
}

/// An error with its causes, on one line.
fn words(error: &dyn std::error::Error) -> Text {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(": {error}"));
        cause = error.source();
    }
    Text::long(&words)
}
