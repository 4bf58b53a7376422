//! A TAP device of the host as a port: what the hub writes, the host receives from the device, as if a guest had sent it.
//!
//! Read `Documentation/networking/tuntap.rst` of Linux first.

use super::wire::Refusal;
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use tapscope_graph::Text;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

/// An open TAP device.
pub(super) struct Tap(SyncDevice);

/// Why a TAP device is not a port.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// There is none of that name; it is not made, because the hub leaves the host as it is.
    #[error("there is no TAP device {name} (sudo ip tuntap add dev {name} mode tap user \"$USER\" && sudo ip link set {name} up)")]
    Missing {
        /// Its name.
        name: Text,
    },
    /// Another program reads it.
    #[error("the TAP device {name} is in use: a program has it open already, such as a guest (`tapscope list` tells which)")]
    Busy {
        /// Its name.
        name: Text,
    },
    /// We may not.
    #[error(
        "no right to open the TAP device {name} (run it with sudo, or give the device to your user when it is made: `user` of ip-tuntap)"
    )]
    NotPermitted {
        /// Its name.
        name: Text,
    },
    /// It is another kind of device.
    #[error("{name} is no TAP device with one queue (`ip -details link show {name}` tells what it is)")]
    OtherKind {
        /// Its name.
        name: Text,
    },
    /// The system does not have such devices.
    #[error("/dev/net/tun is not there: this system has no TAP devices (sudo modprobe tun)")]
    NoTun,
    /// Something else.
    #[error("cannot open the TAP device {name}")]
    Other {
        /// Its name.
        name: Text,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
}

impl Tap {
    /// Opens a device that is there.
    pub fn open(interface: &str) -> Result<Tap, TapError> {
        let name = || Text::new(interface);
        if !Path::new("/dev/net/tun").exists() {
            return Err(TapError::NoTun);
        }
        // The kernel would make one.
        if if_nametoindex(interface).is_err() {
            return Err(TapError::Missing { name: name() });
        }
        let opened = DeviceBuilder::new().name(interface).layer(Layer::L2).inherit_enable_state().build_sync();
        let device = opened.map_err(|cause| match cause.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EBUSY) => TapError::Busy { name: name() },
            Some(Errno::EPERM | Errno::EACCES) => TapError::NotPermitted { name: name() },
            Some(Errno::EINVAL) => TapError::OtherKind { name: name() },
            _ => TapError::Other { name: name(), cause },
        })?;
        rustix::io::ioctl_fionbio(&device, true).map_err(|errno| TapError::Other { name: name(), cause: errno.into() })?;
        Ok(Tap(device))
    }

    pub fn read(&self, octets: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, octets)?)
    }

    pub fn write(&self, octets: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.0, octets)?)
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What an error of reading or writing means (`drivers/net/tun.c`).
pub(super) fn judge(error: io::Error) -> Refusal {
    match error.raw_os_error().map(Errno::from_raw) {
        // The device was removed.
        Some(Errno::EBADFD) => Refusal::Gone(error),
        // It is down (EIO), or the frame does not please it.
        _ => Refusal::Frame,
    }
}
