//! Live capture: many interfaces at once, by libpcap, as events for the model.
//!
//! Read packet(7) and `Documentation/networking/packet_mmap.rst` of Linux first. Each [`Target`] becomes a point. Three threads' work:
//!
//! - The *manager* (`manager.rs`) knows what is wanted, opens and closes it in short-lived threads, because each opening and closing waits
//!   some 20 ms for the kernel, and numbers the points.
//! - The *reader* (`reader.rs`) is one thread for all rings. It hands on all frames in one order, that of their time stamps: a ring comes
//!   out in blocks, at a time of its own, so a reply could otherwise be there before its question. The rings are the queue meanwhile:
//!   nothing is copied twice on an ordinary way.
//!
//! **Bulk once, control everywhere.** A frame that crosses a bridge passes several points. Each frame costs its sender 140 to 480 ns at
//! every point that takes it, so the kernel filters by the point's [`Role`]: what enters at an edge is taken there and counted once, and
//! only the control protocols (ARP, ICMP, DHCP, STP …) and what the user follows are taken at every point in both directions.
//!
//! **Two rings for each point**, one for each direction: libpcap does not say of a frame which way it went, and the kernel's filter can
//! ask. Where only the control protocols are taken, the ring is the smallest one, 512 KiB.
//!
//! **A cable** ([`crate::cable`]) is listened to through the device that carries it: the kernel takes the packets of its connection, whole,
//! and the reader gives the guests' frames in them. On loopback one ring is enough, because each packet comes in again as it went out. The
//! user's filter is for the frames, so it is applied behind the reader, not in the kernel.
//!
//! **Nothing is lost silently.** What the kernel dropped because a ring was full, and what was dropped here because the model was slow,
//! is counted for each point and told by [`Event::Lost`].

mod ear;
mod manager;
mod open;
mod pattern;
mod program;
mod reader;
mod ring;
mod wires;

pub use open::{OpenError, may_capture};
pub use pattern::matches;

use crate::filter::{Filter, FilterError};
use crossbeam_channel::{Receiver, Sender, unbounded};
use manager::{Manager, Message};
use std::net::IpAddr;
use std::path::PathBuf;
use std::thread::JoinHandle;
use tapscope_graph::host::{Carrier, DeviceId};
use tapscope_graph::{Batch, Event, MacAddr, Text};

/// What a point is for, which decides what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Where frames enter and leave: a TAP, a veth's end, an uplink. All that the interface receives, and the control protocols of what it
    /// sends.
    Edge,
    /// A bridge's own device: what the host itself sends into the bridge, and the control protocols of what it receives.
    Bridge,
    /// Between edges, such as an uplink: the control protocols only.
    Inner,
    /// Everything both ways, for a recording, or because the user asked for it.
    Whole,
}

/// One thing to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What stays the same when the interface is made again: a target with the key of an earlier one continues that one's point.
    pub key: String,
    /// Which device is meant; index 0 for whichever has the name.
    pub device: DeviceId,
    /// The kernel's name of it.
    pub name: String,
    /// A file of the network namespace that it is in, such as `/run/netns/x` or `/proc/1/ns/net`; none for our own.
    pub netns: Option<PathBuf>,
    /// For people.
    pub description: Option<String>,
    /// What it is for.
    pub role: Role,
    /// Whether frames to other stations' addresses are asked for. TAPs, veths and ports of a bridge get them anyway, and on a bridge's own
    /// device they would be each frame once more ([`Role::Bridge`] and [`Role::Inner`] never ask); only a card that is no port of anything needs this.
    pub promiscuous: bool,
    /// The cable whose frames are wanted instead of the device's own; all of them, whatever the role.
    pub cable: Option<TargetCable>,
}

impl Target {
    /// What the point is called: as its cable, or else as its device.
    pub fn point_name(&self) -> String {
        self.cable.as_ref().map_or_else(|| self.name.clone(), |cable| cable.key.to_string())
    }
}

/// A cable to listen on, by what carries it ([`crate::cable`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetCable {
    /// As [`Cable::key`](tapscope_graph::host::Cable::key), and the name of the point.
    pub key: Text,
    /// Which of the device's packets carry it.
    pub carrier: Carrier,
}

/// Whose frames are taken at every point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// By its address.
    Ip(IpAddr),
    /// By its link-layer address.
    Mac(MacAddr),
}

/// How to listen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the user wants to see only, in libpcap's language (pcap-filter(7)); in addition to what the roles choose.
    pub filter: Option<String>,
    /// Whose frames are taken at every point, beside the control protocols.
    pub follow: Vec<Follow>,
    /// The most octets of a frame that are captured.
    pub snap_length: u32,
    /// Milliseconds after which the kernel hands over frames; none: 4 for up to 4 points, 10 for up to 24, else 24. A frame is handed on some
    /// 8 ms later than that.
    pub time_out_ms: Option<u32>,
    /// Octets of each ring that takes bulk; none: up to 16 MiB, all together at most 64 MB where there are up to 50 points.
    pub ring_octets: Option<u32>,
}

impl Default for Settings {
    /// Everything, whole.
    fn default() -> Settings {
        // Offloads make frames of 64 KiB and more: libpcap's own maximum.
        Settings { filter: None, follow: Vec::new(), snap_length: 262_144, time_out_ms: None, ring_octets: None }
    }
}

/// A target that is not listened to, and why. Told once for each reason, in a row of failures.
#[derive(Debug)]
pub struct Refused {
    /// As [`Target::key`].
    pub key: String,
    /// The interface's name.
    pub name: Text,
    /// Why, and what to do about it.
    pub reason: OpenError,
}

/// Why listening cannot start at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The user's filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// We may not capture.
    #[error(transparent)]
    NotPermitted(OpenError),
    /// The system gives no more threads or file descriptors.
    #[error("cannot start the threads that listen")]
    System(#[source] std::io::Error),
}

/// Where things go, and where spent batches come back from.
pub struct Outlets {
    /// Events, in order. Bounded by who made it: when it is full, frames are dropped and counted ([`tapscope_graph::LossCause::Queue`]).
    pub events: Sender<Event>,
    /// Batches that were looked at and are given back to be filled again; what does not come back is allocated anew.
    pub spent: Receiver<Batch>,
    /// What could not be opened. A target that is not there yet, or is down, is tried again until it is; all others are when
    /// [`Live::listen`] names them again. When the channel is full the message is dropped.
    pub refused: Sender<Refused>,
}

/// Running live capture. Dropping it stops it.
pub struct Live {
    messages: Sender<Message>,
    manager: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts, with nothing to listen on yet. The points are numbered from 0, in the order of their [`Event::Opened`].
    ///
    /// # Errors
    /// A filter that libpcap does not understand, no right to capture, no threads.
    pub fn start(settings: Settings, outlets: Outlets) -> Result<Live, StartError> {
        let settings = Settings { filter: settings.filter.filter(|filter| !filter.trim().is_empty()), ..settings };
        if let Some(filter) = &settings.filter {
            Filter::new(filter)?;
        }
        open::may_capture().map_err(StartError::NotPermitted)?;
        // Bounded by nature: one message of each point and each call.
        let (messages, received) = unbounded();
        let manager = Manager::start(settings, outlets, messages.clone(), received).map_err(StartError::System)?;
        Ok(Live { messages, manager: Some(manager) })
    }

    /// Names all that is to be listened to: what is new is opened, what is not named any more is closed, the rest goes on.
    pub fn listen(&self, targets: Vec<Target>) {
        let _ = self.messages.send(Message::Listen(targets));
    }

    /// Stops: closes all points, with their [`Event::Closed`] if there is room for it, and waits for the threads; takes well under a second.
    pub fn stop(self) {}
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Stop);
        if let Some(manager) = self.manager.take() {
            let _ = manager.join();
        }
    }
}
