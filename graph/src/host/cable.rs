//! Cables: what joins guests' network cards without a device of the host (qemu(1), `-netdev socket`, `stream`, `dgram`, `user`, …).

use super::{DeviceId, Host, Netns};
use crate::Text;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A connection of guests' network cards that is no device of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cable {
    /// What stays the same while its ends come and go, such as `tcp 127.0.0.1:8010` or `user g1/n0`; with the namespace where that is not
    /// our own.
    pub key: Text,
    /// What carries its frames.
    pub kind: CableKind,
    /// The network namespace that its sockets are in; none where it has none, or may not be seen.
    pub netns: Option<Netns>,
    /// What is plugged in; who listens comes first, then by address, guest's name and card.
    pub ends: Vec<CableEnd>,
    /// Whether frames can pass it.
    pub state: CableState,
    /// How its frames can be seen.
    pub sight: CableSight,
}

/// What is plugged into a cable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CableEnd {
    /// The process; none where it may not be seen, or the end is on another host.
    pub pid: Option<u32>,
    /// The guest's card, by its place in [`Guest::nics`](super::Guest::nics); none if the process is no guest.
    pub nic: Option<u32>,
    /// The program, such as `passt` or `socat`, if it is no guest.
    pub program: Option<Text>,
    /// Where it listens or is bound, and where its peer is: for sockets of the Internet family.
    pub local: Option<SocketAddr>,
    /// The other side of its connection, or where its datagrams go.
    pub remote: Option<SocketAddr>,
    /// The path that it listens on or is bound to: for unix sockets.
    pub path: Option<Text>,
    /// What it does.
    pub role: CableRole,
}

/// What an end does to get its peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CableRole {
    /// It waits for a peer.
    Listens,
    /// It goes to its peer.
    Connects,
    /// Neither: datagrams, a group, a descriptor that it was given.
    #[default]
    Peer,
}

/// What carries a cable's frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CableKind {
    /// TCP, each frame behind its length in four octets (QEMU, `net/socket.c` and `net/stream.c`).
    Tcp,
    /// UDP, a frame in each datagram.
    Udp,
    /// UDP to a group, a frame in each datagram.
    Multicast,
    /// A unix stream socket, framed as TCP.
    UnixStream,
    /// A unix datagram socket, a frame in each datagram.
    UnixDatagram,
    /// A socket that QEMU was handed open, and whose family is not known.
    Descriptor,
    /// QEMU's user-mode stack (libslirp).
    User,
    /// passt(1), by a unix stream socket.
    Passt,
    /// Another backend, by QEMU's name: `vhost-user`, `vde`, `l2tpv3`, …
    Other(Text),
    /// Not known.
    #[default]
    Unknown,
}

/// Whether frames can pass a cable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CableState {
    /// Both ends have each other.
    Connected,
    /// One end waits, and nobody is connected.
    Listening,
    /// An end is connected, and the listener has another peer: it was never accepted, and its frames wait.
    NotAccepted,
    /// An end should be connected, and is not.
    Disconnected,
    /// A group of one.
    Alone,
    /// Not known, or there is nothing to know.
    #[default]
    Unknown,
}

/// How a cable's frames can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CableSight {
    /// By listening to what carries them, which changes nothing.
    Carried {
        /// The device, such as loopback.
        device: DeviceId,
        /// Which of its packets.
        carrier: Carrier,
    },
    /// By asking QEMU for a copy, which changes the running guest, and only if the user says so.
    Asked {
        /// The QMP socket: path or address; none where only libvirt or another program holds the monitor.
        monitor: Option<Text>,
        /// How to ask, for people: the option to add, or the command.
        remedy: Text,
    },
    /// Not at all from here.
    Unseen {
        /// Why.
        why: Text,
        /// What would make it possible.
        remedy: Text,
    },
    /// Not known.
    #[default]
    Unknown,
}

/// The packets that carry a cable's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carrier {
    /// TCP connections to a listener. Inbound is what the listener sends.
    Tcp {
        /// The listener's address, unspecified for any.
        address: IpAddr,
        /// The listener's port.
        port: u16,
    },
    /// One connection of TCP, where the listener keeps several apart, as a switch does. Inbound is what the listener sends.
    Connection {
        /// The listener's end.
        listener: SocketAddr,
        /// Its peer's.
        peer: SocketAddr,
    },
    /// UDP between two sockets. Inbound is what the first sends.
    Udp {
        /// The first end's socket.
        first: SocketAddr,
        /// The second's.
        second: SocketAddr,
    },
    /// UDP to a group.
    Multicast {
        /// The group and port.
        group: SocketAddr,
    },
}

impl CableEnd {
    /// What is plugged in, for people: a guest's name, a program's, or the process.
    pub fn called(&self, host: &Host) -> String {
        match (host.plugged(self), &self.program, self.pid) {
            (Some((guest, _)), ..) => {
                guest.name.as_ref().map_or_else(|| format!("the guest of process {}", guest.pid), ToString::to_string)
            }
            (None, Some(program), _) => program.to_string(),
            (None, None, Some(pid)) => format!("process {pid}"),
            (None, None, None) => "somebody who may not be seen".to_owned(),
        }
    }
}

impl CableRole {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            CableRole::Listens => "listens",
            CableRole::Connects => "connects",
            CableRole::Peer => "peer",
        }
    }
}

impl CableKind {
    /// In lower case, for programs and people.
    pub fn name(&self) -> &str {
        match self {
            CableKind::Tcp => "tcp",
            CableKind::Udp => "udp",
            CableKind::Multicast => "multicast",
            CableKind::UnixStream => "unix stream",
            CableKind::UnixDatagram => "unix datagram",
            CableKind::Descriptor => "descriptor",
            CableKind::User => "user",
            CableKind::Passt => "passt",
            CableKind::Other(name) => name.as_str(),
            CableKind::Unknown => "unknown",
        }
    }
}

impl CableState {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            CableState::Connected => "connected",
            CableState::Listening => "nobody is connected",
            CableState::NotAccepted => "never accepted by the listener",
            CableState::Disconnected => "not connected",
            CableState::Alone => "nobody else is in the group",
            CableState::Unknown => "unknown",
        }
    }
}

/// As [`CableState::name`].
impl fmt::Display for CableState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl CableSight {
    /// In lower case, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            CableSight::Carried { .. } => "carried",
            CableSight::Asked { .. } => "asked",
            CableSight::Unseen { .. } => "unseen",
            CableSight::Unknown => "unknown",
        }
    }

    /// For people: how the frames can be seen, at which price, or why not and what would help; nothing where it is not known.
    pub fn words(&self, host: &Host) -> String {
        match self {
            CableSight::Carried { device, carrier } => {
                let device = host.device(*device).map_or_else(|| format!("device {}", device.index), |device| device.name.to_string());
                format!("its frames pass {device} as {carrier}, which can be listened to without a change")
            }
            CableSight::Asked { monitor: Some(_), remedy } => {
                format!("QEMU gives a copy of its frames if it is asked, which changes the running guest: {remedy}")
            }
            CableSight::Asked { monitor: None, remedy } => {
                format!("QEMU could give a copy of its frames, and cannot be asked from here: {remedy}")
            }
            CableSight::Unseen { why, remedy } if remedy.is_empty() => format!("its frames cannot be seen: {why}"),
            CableSight::Unseen { why, remedy } => format!("its frames cannot be seen: {why}; {remedy}"),
            CableSight::Unknown => String::new(),
        }
    }
}

/// As a capture filter would say it, in short: `tcp port 8010`.
impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Carrier::Tcp { port, .. } => write!(f, "tcp port {port}"),
            Carrier::Connection { listener, peer } => write!(f, "tcp between {listener} and {peer}"),
            Carrier::Udp { first, second } => write!(f, "udp between {first} and {second}"),
            Carrier::Multicast { group } => write!(f, "udp to {group}"),
        }
    }
}
