//! Guests: QEMU's processes, and what their command lines and descriptors say.

use super::{DeviceId, Netns};
use crate::{MacAddr, Text};
use serde::{Deserialize, Serialize};

/// A virtual machine: one QEMU process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guest {
    /// Its process.
    pub pid: u32,
    /// Its name: `-name`, libvirt's, or none.
    pub name: Option<Text>,
    /// `-uuid`
    pub uuid: Option<Text>,
    /// The network namespace that its process lives in; none where it may not be seen.
    pub netns: Option<Netns>,
    /// The program, such as `qemu-system-x86_64`.
    pub program: Text,
    /// Whether libvirt started it.
    pub is_libvirt: bool,
    /// Its monitors that a program may ask: paths or addresses of QMP sockets.
    pub monitors: Vec<Text>,
    /// Its network cards, in the order of the command line, and backends without a card. A hub that joins one card with one backend
    /// counts as a cable; where a hub joins more, each card on it has a `hubport` backend and each backend an entry without a card, all
    /// with the hub's number.
    pub nics: Vec<Nic>,
    /// What of it could not be read, and the one command that gives it.
    pub unreadable: Option<Text>,
    /// Its process is stopped by a signal or a debugger (state `T` or `t` in proc_pid_stat(5)).
    pub is_stopped: bool,
    /// Its run state by QMP's `query-status`, such as `running` or `paused`; none where it was not asked.
    pub run_state: Option<Text>,
}

/// A program that is no guest and has a TUN or TAP device open, such as a VPN's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reader {
    /// Its process.
    pub pid: u32,
    /// The program, such as `openvpn`.
    pub program: Text,
    /// The network namespace that its process lives in; none where it may not be seen.
    pub netns: Option<Netns>,
    /// The device's name, in the namespace where it was made.
    pub interface: Text,
    /// The device; none where no device of that name is in the process's namespace.
    pub device: Option<DeviceId>,
}

/// A guest's network card and what is behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Nic {
    /// `id=` of the device, where it has one.
    pub id: Option<Text>,
    /// The model, such as `virtio-net-pci`, or `machine default` where QEMU chooses one by the machine and it is not known which; none for
    /// a backend without a card.
    pub model: Option<Text>,
    /// Its address; QEMU's default where the command line names none.
    pub mac: Option<MacAddr>,
    /// Whether `mac` is QEMU's default, which every guest without one shares.
    pub has_default_mac: bool,
    /// The backend that it is plugged into; none for a card without one.
    pub backend: Option<Backend>,
    /// Whether the guest's driver has started it, by QMP's `x-query-virtio-status`; none where it was not asked.
    pub is_started: Option<bool>,
    /// Whether its link is up, by libvirt's or QEMU's word; none where it is not known.
    pub is_link_up: Option<bool>,
}

/// A `-netdev`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backend {
    /// `id=`; QEMU makes one up for `-nic` and `-net`.
    pub id: Option<Text>,
    /// What it is.
    pub kind: BackendKind,
    /// Its options as they stand on the command line, such as `listen=:8010`.
    pub options: Text,
    /// The TAP or macvtap devices that it reads: by the process's descriptors, else by name; several with several queues of several names.
    pub devices: Vec<DeviceId>,
    /// The interface name that it asks for or has open, where there is one.
    pub interface: Option<Text>,
    /// Queues.
    pub queues: u32,
    /// Whether the kernel moves its frames (vhost-net): filters of QEMU do not see them.
    pub has_vhost: bool,
    /// The number of the hub that joins it with other backends and cards (`-net`, `hubport`).
    pub hub: Option<u32>,
}

/// The type of a backend (qemu(1), `-netdev`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendKind {
    /// A TAP device, also by `bridge` with its helper.
    Tap,
    /// A macvtap device, handed over as a descriptor.
    Macvtap,
    /// The user-mode stack.
    User,
    /// `socket`: TCP, UDP or multicast.
    Socket,
    /// `stream`
    Stream,
    /// `dgram`
    Dgram,
    /// `hubport`
    Hubport,
    /// `vhost-user`
    VhostUser,
    /// `vhost-vdpa`
    VhostVdpa,
    /// `passt`
    Passt,
    /// Another, by QEMU's name: `vde`, `l2tpv3`, `netmap`, `af-xdp`, `vmnet-shared`, …
    Other(Text),
    /// Not known.
    #[default]
    Unknown,
}

impl BackendKind {
    /// As QEMU calls it.
    pub fn named(name: &str) -> BackendKind {
        let kinds = [
            BackendKind::Tap,
            BackendKind::User,
            BackendKind::Socket,
            BackendKind::Stream,
            BackendKind::Dgram,
            BackendKind::Hubport,
            BackendKind::VhostUser,
            BackendKind::VhostVdpa,
            BackendKind::Passt,
        ];
        kinds.into_iter().find(|kind| kind.name() == name).unwrap_or_else(|| BackendKind::Other(Text::new(name)))
    }

    /// QEMU's name.
    pub fn name(&self) -> &str {
        match self {
            BackendKind::Tap => "tap",
            BackendKind::Macvtap => "macvtap",
            BackendKind::User => "user",
            BackendKind::Socket => "socket",
            BackendKind::Stream => "stream",
            BackendKind::Dgram => "dgram",
            BackendKind::Hubport => "hubport",
            BackendKind::VhostUser => "vhost-user",
            BackendKind::VhostVdpa => "vhost-vdpa",
            BackendKind::Passt => "passt",
            BackendKind::Other(name) => name.as_str(),
            BackendKind::Unknown => "unknown",
        }
    }
}
