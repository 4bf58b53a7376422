//! What a port is plugged into, once it is: a stream of framed frames, or something that takes and gives one frame at a time.

use std::io::{self, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// An open wire; it never waits.
pub(super) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Connected: it hears nobody but its peer.
    Udp(UdpSocket),
    #[cfg(target_os = "linux")]
    Tap(super::tap::Tap),
}

/// What reading or writing a whole frame came to.
pub(super) enum Refusal {
    /// Not now.
    Later,
    /// Not this frame, or not yet: the peer is not there, the device is down, the frame is too long.
    Frame,
    /// Never again.
    Gone(io::Error),
}

impl Wire {
    /// Whether frames stand in a stream, each behind its length.
    pub fn is_stream(&self) -> bool {
        matches!(self, Wire::Tcp(_) | Wire::Unix(_))
    }

    pub fn read(&self, octets: &mut [u8]) -> Result<usize, Refusal> {
        let read = match self {
            Wire::Tcp(stream) => (&mut &*stream).read(octets),
            Wire::Unix(stream) => (&mut &*stream).read(octets),
            Wire::Udp(socket) => socket.recv(octets),
            #[cfg(target_os = "linux")]
            Wire::Tap(tap) => tap.read(octets),
        };
        read.map_err(|error| self.judge(error))
    }

    pub fn write(&self, octets: &[u8]) -> Result<usize, Refusal> {
        let written = match self {
            Wire::Tcp(stream) => (&mut &*stream).write(octets),
            Wire::Unix(stream) => (&mut &*stream).write(octets),
            Wire::Udp(socket) => socket.send(octets),
            #[cfg(target_os = "linux")]
            Wire::Tap(tap) => tap.write(octets),
        };
        written.map_err(|error| self.judge(error))
    }

    fn judge(&self, error: io::Error) -> Refusal {
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
            return Refusal::Later;
        }
        match self {
            Wire::Tcp(_) | Wire::Unix(_) => Refusal::Gone(error),
            Wire::Udp(_) => Refusal::Frame,
            #[cfg(target_os = "linux")]
            Wire::Tap(_) => super::tap::judge(error),
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Wire::Tcp(stream) => stream.as_fd(),
            Wire::Unix(stream) => stream.as_fd(),
            Wire::Udp(socket) => socket.as_fd(),
            #[cfg(target_os = "linux")]
            Wire::Tap(tap) => tap.as_fd(),
        }
    }
}
