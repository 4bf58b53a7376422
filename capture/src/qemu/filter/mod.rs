//! Listening on a backend of a running guest by asking QEMU for copies of its frames.
//!
//! Read QEMU's `net/filter.c` and `net/filter-mirror.c` first. A `filter-mirror` writes each frame to a character device, from QEMU's main
//! loop: whatever makes that write wait stops the guest, and its monitors with it. So the character device is always a connected UDP
//! socket on loopback, which drops what finds no room and says how much. A frame costs three datagrams, whether anybody reads them or not; FIFOs,
//! streams and unix sockets, where a reader that stands still freezes the guest within a second, are never used.
//!
//! Two filters, one for each direction, are added to each backend, and taken away when it is not wanted any more, or tapscope ends. What a
//! killed tapscope leaves is found by its name and taken away by the next that asks the same guest.

mod attach;
pub mod datagram;
mod ear;
mod manager;
mod name;
mod reader;

pub use name::object;

use super::monitor::{Address, MonitorError, Queue};
use crossbeam_channel::{Receiver, Sender, unbounded};
use manager::{Manager, Message};
use std::fmt;
use std::io;
use std::thread::JoinHandle;
use tapscope_graph::{Batch, Direction, Event, Text};

/// One backend to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What stays the same when the guest is started again: an ask with the key of an earlier one continues that one's point.
    pub key: String,
    /// The guest's process: filters end with it.
    pub pid: u32,
    /// The guest's name, or what else people call it.
    pub guest: Text,
    /// Its monitor.
    pub monitor: Address,
    /// The backend's id, or a hub's port.
    pub netdev: String,
    /// What the point is called, such as `n0 of g1`.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// The key of the cable that it listens on, where one is known.
    pub cable: Option<Text>,
    /// How a frame from this guest is marked: inbound if the guest is the cable's first end.
    pub from_guest: Direction,
}

impl Ask {
    /// The ids of what will be added to the guest: a filter and a character device of each.
    pub fn objects(&self) -> [String; 2] {
        [Queue::Rx, Queue::Tx].map(|queue| object(std::process::id(), &self.netdev, queue))
    }

    /// Where, for people: `netdev n0 of g1`.
    pub fn place(&self) -> String {
        format!("netdev {} of {}", Text::new(&self.netdev), self.guest)
    }

    /// Whether what is added for one serves the other.
    fn is_same(&self, other: &Ask) -> bool {
        (self.pid, &self.monitor, &self.netdev, self.from_guest) == (other.pid, &other.monitor, &other.netdev, other.from_guest)
            && self.cable == other.cable
    }
}

/// A guest that is only asked what it is, again and again: its frames are seen without it (on a TAP), or it is not known yet what to listen
/// on, because QEMU made up the ids of its backends (`-nic`, `-net`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The guest's process.
    pub pid: u32,
    /// The guest's name, or what else people call it.
    pub guest: Text,
    /// Its monitor.
    pub monitor: Address,
}

/// Why a backend is not listened to.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Its monitor could not be asked, or refused.
    #[error("{}{}", .0, remedy(.0))]
    Monitor(#[from] MonitorError),
    /// There is no way for datagrams.
    #[error("cannot make a UDP socket on the loopback device of our namespace; it may be down: ip link set lo up")]
    Socket(#[source] io::Error),
    /// One of the two filters is missing.
    #[error("only one of two filters could be added")]
    Incomplete,
}

/// What to do about a refusal.
fn remedy(error: &MonitorError) -> &'static str {
    match error {
        MonitorError::Refused { description, .. } if description.as_str().contains("Vhost") => {
            " (the kernel moves its frames past QEMU: listen on its TAP, or start it with vhost=off)"
        }
        MonitorError::Refused { description, .. } if description.as_str().contains("multiqueue") => {
            " (QEMU has no filters for several queues: listen on its TAP)"
        }
        _ => "",
    }
}

/// What was done to a guest, for the user.
#[derive(Debug)]
pub enum Report {
    /// Filters were added.
    Added {
        /// Their ids.
        objects: [String; 2],
        /// To what.
        place: String,
    },
    /// They were taken away again.
    Removed {
        /// Their ids.
        objects: [String; 2],
        /// From what.
        place: String,
    },
    /// They ended with their guest.
    Gone {
        /// Where they were.
        place: String,
    },
    /// They could not be taken away.
    Left {
        /// Their ids.
        objects: [String; 2],
        /// Where.
        place: String,
        /// Why.
        reason: MonitorError,
    },
    /// They could not be added.
    Refused {
        /// As [`Ask::key`].
        key: String,
        /// To what.
        place: String,
        /// Why.
        reason: FilterError,
    },
}

/// One line for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Added { objects: [rx, tx], place } => write!(f, "added filters {rx} and {tx} to {place}"),
            Report::Removed { objects: [rx, tx], place } => write!(f, "removed filters {rx} and {tx} from {place}"),
            Report::Gone { place } => write!(f, "the filters of {place} ended with their guest"),
            Report::Left { objects: [rx, tx], place, reason } => write!(
                f,
                "could not remove the filters {rx} and {tx} from {place}: {reason}; they do no harm, and the next tapscope that asks this \
                 guest removes them"
            ),
            Report::Refused { place, reason, .. } => write!(f, "cannot listen on {place}: {reason}"),
        }
    }
}

/// Where things go, and where spent batches come back from.
pub struct Outlets {
    /// Events, in order. When it is full, frames are dropped and counted ([`tapscope_graph::LossCause::Queue`]).
    pub events: Sender<Event>,
    /// Batches that were looked at and are given back to be filled again; what does not come back is allocated anew.
    pub spent: Receiver<Batch>,
    /// What was done to guests. When the channel is full the message is dropped.
    pub reports: Sender<Report>,
}

/// Listening by filters. Dropping it takes all of them away.
pub struct Filters {
    messages: Sender<Message>,
    manager: Option<JoinHandle<()>>,
}

impl Filters {
    /// Starts, with nothing to listen on yet. The points are numbered from 0, in the order of their [`Event::Opened`].
    ///
    /// # Errors
    /// No threads or descriptors.
    pub fn start(outlets: Outlets) -> io::Result<Filters> {
        let (orders, reader) = reader::start(outlets.events, outlets.spent)?;
        let (messages, received) = unbounded();
        let manager = Manager::new(outlets.reports, orders, reader);
        let manager = std::thread::Builder::new().name("asker".into()).spawn(move || manager.run(&received))?;
        Ok(Filters { messages, manager: Some(manager) })
    }

    /// Names all that is to be listened on, and the guests whose backends are not known yet: filters are added to what is new, and taken away
    /// from what is not named any more. An answer to a question comes as an event of the host.
    pub fn listen(&self, asks: Vec<Ask>, questions: Vec<Question>) {
        let _ = self.messages.send(Message::Listen(asks, questions));
    }

    /// Takes all filters away and closes all points, and waits for that: some milliseconds for each guest, or as long as its monitor may
    /// take to answer.
    pub fn stop(self) {}
}

impl Drop for Filters {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Stop);
        if let Some(manager) = self.manager.take() {
            let _ = manager.join();
        }
    }
}

/// Takes away what tapscopes left behind in a guest that were killed. Gives the ids of what was there.
///
/// # Errors
/// Its monitor cannot be asked.
pub fn sweep(monitor: &Address) -> Result<Vec<String>, FilterError> {
    manager::sweep_at(monitor)
}
