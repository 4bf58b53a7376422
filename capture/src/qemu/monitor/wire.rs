//! The connection to a monitor: bounded in time and in octets, whoever is on the other side.

use super::{Address, MonitorError};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tapscope_graph::Text;

/// The most octets that are kept of what was said and not read yet. query-rx-filter tells 4,096 VLANs for each card before the driver is
/// up: 23 KB.
pub(super) const MOST: usize = 4 << 20;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// A connection to a monitor, and what came and was not taken yet.
pub(super) struct Wire {
    socket: Socket,
    pub address: Address,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects, without waiting for room among those who wait already.
    pub fn open(address: &Address) -> Result<Wire, MonitorError> {
        let failed = |cause: io::Error| match cause.kind() {
            // A unix socket whose queue of those who wait is full.
            ErrorKind::WouldBlock | ErrorKind::TimedOut => MonitorError::Busy { address: address.clone() },
            _ => MonitorError::Connect { address: address.clone(), cause },
        };
        let socket = match address {
            Address::Unix(path) => unix(path),
            Address::Abstract(name) => unix(&PathBuf::from(format!("\0{name}"))),
            Address::Tcp(host, port) => tcp(host, *port),
            Address::Libvirt(_) => Err(io::Error::from(ErrorKind::Unsupported)),
        };
        Ok(Wire { socket: socket.map_err(failed)?, address: address.clone(), buffer: Vec::new() })
    }

    /// The process that listens there, as the kernel has it; none for TCP.
    pub fn owner(&self) -> Option<u32> {
        #[cfg(target_os = "linux")]
        if !matches!(self.address, Address::Tcp(..)) {
            let owner = nix::sys::socket::getsockopt(&self.socket, nix::sys::socket::sockopt::PeerCredentials).ok()?;
            return u32::try_from(owner.pid()).ok().filter(|&pid| pid > 0);
        }
        None
    }

    /// Says something, with descriptors beside it.
    pub fn say(&mut self, text: &[u8], descriptors: &[BorrowedFd<'_>], command: &'static str, by: Instant) -> Result<(), MonitorError> {
        if !descriptors.is_empty() && matches!(self.address, Address::Tcp(..)) {
            return Err(MonitorError::NoDescriptors { address: self.address.clone() });
        }
        let told = self.socket.set_write_timeout(Some(left(by))).and_then(|()| {
            let mut sent = 0;
            if !descriptors.is_empty() {
                let numbers: Vec<i32> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
                let rights = [ControlMessage::ScmRights(&numbers)];
                sent = sendmsg::<()>(self.socket.as_raw_fd(), &[IoSlice::new(text)], &rights, MsgFlags::MSG_NOSIGNAL, None)?;
            }
            self.socket.write_all(text.get(sent..).unwrap_or_default())
        });
        told.map_err(|cause| self.failed(&cause, command))
    }

    /// Waits until what was said satisfies `is_whole`, which gives how many octets belong together; takes them. It gets what came so far
    /// and how much of that it saw already.
    pub fn take(
        &mut self,
        command: &'static str,
        by: Instant,
        mut is_whole: impl FnMut(&[u8], usize) -> Option<usize>,
    ) -> Result<Vec<u8>, MonitorError> {
        let mut seen = 0;
        loop {
            if let Some(end) = is_whole(&self.buffer, seen) {
                let rest = self.buffer.split_off(end.min(self.buffer.len()));
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            seen = self.buffer.len();
            if seen >= MOST {
                return Err(MonitorError::Flood { address: self.address.clone(), command });
            }
            let mut chunk = [0; 16 * 1024];
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(MonitorError::Late { address: self.address.clone(), command });
            }
            let read = self.socket.set_read_timeout(Some(left)).and_then(|()| self.socket.read(&mut chunk));
            match read {
                Ok(0) => return Err(MonitorError::Closed { address: self.address.clone(), command }),
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(self.failed(&cause, command)),
            }
        }
    }

    /// A line, without its end.
    pub fn line(&mut self, command: &'static str, by: Instant) -> Result<Vec<u8>, MonitorError> {
        let end = |buffer: &[u8], seen: usize| Some(buffer[seen..].iter().position(|&octet| octet == b'\n')? + seen + 1);
        let mut line = self.take(command, by, end)?;
        while line.last().is_some_and(|octet| matches!(octet, b'\r' | b'\n')) {
            line.pop();
        }
        Ok(line)
    }

    /// What came so far, for an error.
    pub fn said(&self) -> Text {
        Text::long_from_wire(self.buffer.trim_ascii())
    }

    fn failed(&self, cause: &io::Error, command: &'static str) -> MonitorError {
        let address = self.address.clone();
        match cause.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => MonitorError::Late { address, command },
            _ => MonitorError::Closed { address, command },
        }
    }
}

/// A time-out of zero would be none at all.
fn left(by: Instant) -> Duration {
    by.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

fn unix(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // QEMU lets one or two wait; who connects then would wait for ever.
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    socket.set_nonblocking(false)?;
    Ok(socket)
}

fn tcp(host: &str, port: u16) -> io::Result<Socket> {
    let mut last = io::Error::from(ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()?.take(4) {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(Socket::from(stream)),
            Err(cause) => last = cause,
        }
    }
    Err(last)
}
