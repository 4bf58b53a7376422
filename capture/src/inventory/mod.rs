//! What the host says of itself, as facts that change: namespaces, devices, addresses, routes, neighbours, forwarding databases, settings.
//!
//! On Linux the kernel tells changes by netlink as they happen; read rtnetlink(7) and network_namespaces(7) first. On the BSDs and macOS
//! the texts of ifconfig(8) and brconfig(8) are read again and again.

pub mod bsd;
#[cfg(target_os = "linux")]
pub mod linux;
mod rows;

use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tapscope_graph::host::{HostChange, Inquiry};

/// Which network namespaces are looked at. The own one always is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Only the namespace that this process runs in.
    Own,
    /// The own one, those with a name in `/run/netns`, and those that guests live in.
    #[default]
    Usual,
    /// These besides the own one: names in `/run/netns`, or paths such as `/proc/812/ns/net`.
    These(Vec<PathBuf>),
    /// Every one that a visible process lives in or that has a name.
    All,
}

/// The host could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The kernel gave no netlink socket in the own namespace.
    #[error("cannot open a netlink socket to ask the kernel about network devices")]
    Open {
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A wanted namespace is not there.
    #[error("there is no network namespace {path} (`ip netns` lists those with a name)")]
    NoNamespace {
        /// As it was asked for.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Waiting for the kernel failed.
    #[error("cannot wait for changes of the network devices")]
    Wait {
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A program that says what the host has could not be run.
    #[error("cannot run {command} to list the network devices")]
    Run {
        /// The command line.
        command: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// This system is not known.
    #[error("tapscope cannot list the network devices of this system; it can on Linux, NetBSD, FreeBSD, OpenBSD and macOS")]
    Unsupported,
}

/// What the host says, and how it changes.
pub trait Inventory: Send {
    /// What changed since the last call; the first call gives everything. Waits at most `wait` for a change, and returns with the first.
    ///
    /// Applied in order, the changes lead from an empty [`Host`](tapscope_graph::host::Host) to what the host says now. Where a namespace
    /// cannot be read, that is a fact ([`HostFact::Unreadable`](tapscope_graph::host::HostFact::Unreadable)), and the rest goes on.
    ///
    /// # Errors
    /// The own namespace cannot be read.
    fn next(&mut self, wait: Duration) -> Result<Vec<HostChange>, InventoryError>;

    /// Reads the firewalls' rules of every namespace, which starts programs (`nft`, `iptables-save`, …) and may take seconds.
    ///
    /// What changed since the last call comes back. A program that is missing or not permitted is an `Unreadable` fact.
    fn firewall(&mut self) -> Vec<HostChange>;

    /// Asks the kernel about single packets; what it says comes back, and what it no longer says is taken back. What cannot be asked is an
    /// `Unreadable` fact. Only Linux can be asked.
    fn inquire(&mut self, inquiries: &[Inquiry]) -> Vec<HostChange> {
        let _ = inquiries;
        Vec::new()
    }

    /// How often devices' counters are read again; `None` for never, so that an idle host costs nothing. At the start: a second.
    fn refresh_counters(&mut self, every: Option<Duration>);

    /// How often the kernel lost messages because they came faster than they were read, and everything was read again.
    fn resyncs(&self) -> u64;
}

/// Opens what this system offers.
///
/// # Errors
/// The own namespace cannot be asked, or a namespace of [`Scope::These`] does not exist.
pub fn open(scope: Scope) -> Result<Box<dyn Inventory>, InventoryError> {
    #[cfg(target_os = "linux")]
    return Ok(Box::new(linux::Linux::open(scope)?));
    #[cfg(any(target_os = "netbsd", target_os = "freebsd", target_os = "openbsd", target_os = "macos"))]
    return Ok(Box::new(bsd::Bsd::open(scope)));
    #[cfg(not(any(target_os = "linux", target_os = "netbsd", target_os = "freebsd", target_os = "openbsd", target_os = "macos")))]
    {
        let _ = scope;
        Err(InventoryError::Unsupported)
    }
}
