//! Opening one interface: two rings with their filters, in the namespace where the interface is.

use super::program::{self, Refusal};
use super::ring::Pace;
use super::{Role, Settings, Target};
use crate::cable::expression;
use crate::clock::now;
use crate::filter::link_type;
use nix::errno::Errno;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sched::{CloneFlags, setns};
use pcap::{Active, Capture, Precision};
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tapscope_graph::host::{DeviceId, Netns};
use tapscope_graph::{Direction, LinkType, PointInfo, Text, Timestamp};

/// Why an interface is not listened to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No CAP_NET_RAW.
    #[error(
        "no permission to capture (needs CAP_NET_RAW: sudo setcap cap_net_raw,cap_net_admin+ep $(command -v tapscope), or run it with sudo)"
    )]
    NotPermitted,
    /// The interface is not there.
    #[error("there is no interface {name} (see `ip link`); it is listened to as soon as there is one")]
    NoDevice {
        /// Its name.
        name: Text,
    },
    /// The name belongs to another device than the one that is meant.
    #[error("the interface {name} is another device now (number {index}, not {wanted})")]
    OtherDevice {
        /// Its name.
        name: Text,
        /// The index of the device that has the name.
        index: u32,
        /// The index that was asked for.
        wanted: u32,
    },
    /// The interface is down.
    #[error("the interface {name} is down; it is listened to as soon as it is up (sudo ip link set {name} up)")]
    Down {
        /// Its name.
        name: Text,
    },
    /// libpcap has something else of this name.
    #[error("{name} is not one interface; name each (`-i '*'` for all)")]
    NotAnInterface {
        /// The name.
        name: Text,
    },
    /// The namespace cannot be entered.
    #[error("cannot enter the network namespace {} to listen on {name} (needs CAP_SYS_ADMIN: run it with sudo)", path.display())]
    Namespace {
        /// The interface's name.
        name: Text,
        /// The namespace's file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The user's filter does not fit this interface's link type.
    #[error("the filter does not fit {name}, link type {link_type}: {reason}")]
    Filter {
        /// The interface's name.
        name: Text,
        /// The link type's name or number.
        link_type: String,
        /// libpcap's words.
        reason: String,
    },
    /// Something else failed.
    #[error("cannot listen on {name}: {reason}")]
    Other {
        /// The interface's name.
        name: Text,
        /// libpcap's or the system's words.
        reason: String,
    },
}

impl OpenError {
    /// Whether it may end without anybody's doing.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, OpenError::NoDevice { .. } | OpenError::OtherDevice { .. } | OpenError::Down { .. })
    }
}

/// Whether this process may capture at all.
pub fn may_capture() -> Result<(), OpenError> {
    match Socket::new(Domain::PACKET, Type::RAW, None) {
        Err(error) if matches!(error.raw_os_error(), Some(errno) if errno == Errno::EPERM as i32 || errno == Errno::EACCES as i32) => {
            Err(OpenError::NotPermitted)
        }
        Ok(_) => Ok(()),
        Err(error) => Err(OpenError::Other { name: Text::from_wire(b"any interface"), reason: error.to_string() }),
    }
}

/// One ring.
pub(super) struct Ring {
    pub capture: Capture<Active>,
    /// Which way its frames go; `Unknown` where each has to be asked.
    pub direction: Direction,
    pub link_type: LinkType,
    /// When its filter was in place: earlier frames came in unfiltered.
    pub begin: Timestamp,
    /// Frames that the interface itself lost before that.
    pub lost_before: u32,
}

/// An open interface.
pub(super) struct Opened {
    pub info: PointInfo,
    pub rings: Vec<Ring>,
}

/// What to open, and how.
#[derive(Clone)]
pub(super) struct Plan {
    pub target: Target,
    pub pace: Pace,
    /// Octets of the rings, inbound and outbound.
    pub octets: (u32, u32),
}

/// Opens an interface. Where it is in another namespace, the calling thread stays in that one: it must be good for nothing else.
pub(super) fn open(plan: &Plan, settings: &Settings) -> Result<Opened, OpenError> {
    let target = &plan.target;
    let name = || Text::from_wire(target.name.as_bytes());
    if target.name == "any" {
        // It would be all interfaces, cooked: without the destinations' hardware addresses.
        return Err(OpenError::NotAnInterface { name: name() });
    }
    if let Some(path) = &target.netns {
        enter(path).map_err(|cause| OpenError::Namespace { name: name(), path: path.clone(), cause })?;
    }
    let index = if_nametoindex(target.name.as_str()).map_err(|_| OpenError::NoDevice { name: name() })?;
    let wanted = target.device.index;
    if wanted != 0 && wanted != index {
        return Err(OpenError::OtherDevice { name: name(), index, wanted });
    }
    let inbound = ring(plan, settings, Some(Direction::Inbound))?;
    let link_type = inbound.link_type;
    let mut rings = vec![inbound];
    // What carries a cable over loopback comes in as it went out.
    let is_twice = target.cable.is_some() && is_loopback(&target.name);
    if link_type != LinkType::LINUX_SLL && !is_twice {
        rings.push(ring(plan, settings, Some(Direction::Outbound))?);
    }
    // libpcap takes a name: between our look and its own, the name may have gone to another device.
    match if_nametoindex(target.name.as_str()) {
        Ok(after) if after == index => {}
        Ok(after) => return Err(OpenError::OtherDevice { name: name(), index: after, wanted: index }),
        Err(_) => return Err(OpenError::NoDevice { name: name() }),
    }
    let netns = std::fs::metadata("/proc/thread-self/ns/net").map_or(target.device.netns, |file| Netns(file.ino()));
    let info = PointInfo {
        name: Some(target.point_name()),
        description: target.description.clone(),
        link_type: if target.cable.is_some() { LinkType::ETHERNET } else { link_type },
        snap_length: settings.snap_length,
        file: 0,
        device: Some(DeviceId { netns, index }),
        cable: target.cable.as_ref().map(|cable| cable.key.clone()),
    };
    Ok(Opened { info, rings })
}

fn enter(path: &Path) -> io::Result<()> {
    Ok(setns(File::open(path)?, CloneFlags::CLONE_NEWNET)?)
}

fn ring(plan: &Plan, settings: &Settings, direction: Option<Direction>) -> Result<Ring, OpenError> {
    let target = &plan.target;
    let name = || Text::from_wire(target.name.as_bytes());
    let other = |reason: String| OpenError::Other { name: name(), reason };
    let octets = if direction == Some(Direction::Outbound) { plan.octets.1 } else { plan.octets.0 };
    let number = |value: u128| i32::try_from(value).unwrap_or(i32::MAX);
    // A frame of a cable may be anywhere in the packet that carries it, and an expression for frames says nothing of packets.
    let (snap_length, filter) = match &target.cable {
        Some(_) => (Settings::default().snap_length, None),
        None => (settings.snap_length, settings.filter.as_deref()),
    };
    let carrier = target.cable.as_ref().map(|cable| expression(cable.carrier));
    let mut capture = Capture::from_device(target.name.as_str())
        .and_then(|capture| {
            capture
                .promisc(target.promiscuous && !matches!(target.role, Role::Bridge | Role::Inner))
                .snaplen(number(snap_length.into()))
                .timeout(number(plan.pace.time_out.as_millis()))
                .buffer_size(number(octets.into()))
                .precision(Precision::Nano)
                .open()
        })
        .and_then(Capture::setnonblock)
        .map_err(|error| classify(error, target))?;
    let link_type = link_type(capture.get_datalink().0);
    // Frames of "cooked" interfaces carry their direction, and programs for them would have to be changed for the kernel.
    let direction = direction.filter(|_| link_type != LinkType::LINUX_SLL);
    if link_type == LinkType::LINUX_SLL {
        if let Some(filter) = carrier.as_deref().or(filter) {
            capture.filter(filter, true).map_err(|error| not_fitting(name(), link_type, &error))?;
        }
    } else {
        let attached = match &carrier {
            Some(carrier) => program::attach(&capture, link_type, Role::Whole, direction, Some(carrier), &[]),
            None => program::attach(&capture, link_type, target.role, direction, filter, &settings.follow),
        };
        attached.map_err(|refusal| match refusal {
            Refusal::User(error) => not_fitting(name(), link_type, &error),
            Refusal::Own(error) => other(words(&error)),
            Refusal::Kernel(error) => other(format!("the kernel does not take the filter: {error}")),
        })?;
    }
    let lost_before = capture.stats().map_or(0, |stat| stat.if_dropped);
    Ok(Ring { capture, direction: direction.unwrap_or_default(), link_type, begin: now(), lost_before })
}

fn not_fitting(name: Text, link_type: LinkType, error: &pcap::Error) -> OpenError {
    let link_type = link_type.name().map_or_else(|| link_type.0.to_string(), str::to_owned);
    OpenError::Filter { name, link_type, reason: words(error) }
}

/// libpcap tells the most frequent reasons by a number that the crate does not hand on, so the system is asked again.
fn classify(error: pcap::Error, target: &Target) -> OpenError {
    let name = Text::from_wire(target.name.as_bytes());
    let words = words(&error);
    if may_capture().is_err() {
        OpenError::NotPermitted
    } else if if_nametoindex(target.name.as_str()).is_err() {
        OpenError::NoDevice { name }
    } else if !is_up(&target.name) {
        OpenError::Down { name }
    } else {
        OpenError::Other { name, reason: words }
    }
}

fn is_up(name: &str) -> bool {
    has_flag(name, InterfaceFlags::IFF_UP)
}

fn is_loopback(name: &str) -> bool {
    has_flag(name, InterfaceFlags::IFF_LOOPBACK)
}

fn has_flag(name: &str, flag: InterfaceFlags) -> bool {
    nix::ifaddrs::getifaddrs().is_ok_and(|mut all| all.any(|one| one.interface_name == name && one.flags.contains(flag)))
}

pub(super) fn words(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) if words.is_empty() => "libpcap does not say why".to_owned(),
        pcap::Error::PcapError(words) => Text::from_wire(words.as_bytes()).to_string(),
        other => other.to_string(),
    }
}
