//! What can go wrong with a monitor.

use super::Address;
use std::io;
use tapscope_graph::Text;

/// A monitor could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// Nobody listens there, or we may not connect.
    #[error("cannot connect to the monitor {address}: {cause} (it takes the right to write to its socket: sudo, or the guest's user)")]
    Connect {
        /// Which.
        address: Address,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It accepts connections and does not speak, since it serves one client at a time.
    #[error(
        "the monitor {address} is busy: libvirt or another program holds it (give the guest a second one with -qmp, or use libvirt:DOMAIN)"
    )]
    Busy {
        /// Which.
        address: Address,
    },
    /// Something else listens there.
    #[error("what listens at {address} is no monitor of QEMU's: it says `{said}`")]
    NoMonitor {
        /// Where.
        address: Address,
        /// What it said first.
        said: Text,
    },
    /// It did not answer in time.
    #[error("the monitor {address} does not answer {command}; QEMU may be stopped or frozen")]
    Late {
        /// Which.
        address: Address,
        /// The command.
        command: &'static str,
    },
    /// It says more than an answer can be.
    #[error("the monitor {address} says too much: an answer to {command} has no end")]
    Flood {
        /// Which.
        address: Address,
        /// The command.
        command: &'static str,
    },
    /// It says what makes no sense.
    #[error("the monitor {address} answers {command} with `{said}`, which makes no sense")]
    Garbage {
        /// Which.
        address: Address,
        /// The command.
        command: &'static str,
        /// What it said.
        said: Text,
    },
    /// It closed the connection.
    #[error("the monitor {address} closed the connection before it answered {command}; QEMU may have ended")]
    Closed {
        /// Which.
        address: Address,
        /// The command.
        command: &'static str,
    },
    /// QEMU does not want to.
    #[error("QEMU refuses {command}: {description}")]
    Refused {
        /// The command.
        command: &'static str,
        /// In QEMU's words.
        description: Text,
    },
    /// A descriptor cannot go over this connection.
    #[error("a socket cannot be handed over to the monitor {address}; only unix sockets and virsh --pass-fds can")]
    NoDescriptors {
        /// Which.
        address: Address,
    },
    /// virsh is not there, or failed.
    #[error("cannot ask libvirt: {reason}; by hand: {command}")]
    Virsh {
        /// Why.
        reason: String,
        /// The command to try.
        command: String,
    },
}

impl MonitorError {
    /// Whether QEMU understood, and refused.
    pub fn is_refusal(&self) -> bool {
        matches!(self, MonitorError::Refused { .. })
    }
}
