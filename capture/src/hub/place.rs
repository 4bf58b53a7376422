//! Where ports are: what the hub listens on, goes to, and opens.

#[cfg(target_os = "linux")]
use super::tap::{Tap, TapError};
use super::wire::Wire;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use tapscope_graph::Text;

/// Where ports of the hub are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Guests connect to this address: as many as there are, a port each.
    Listen(SocketAddr),
    /// Guests connect to this path: as many as there are, a port each.
    Unix(PathBuf),
    /// A guest listens at this address (`-netdev socket,listen=`), and takes one peer: the hub. Tried again until it does.
    Connect(SocketAddr),
    /// A guest sends datagrams from `remote` to `local` and takes them there (`-netdev socket,udp=` and `dgram`).
    Udp {
        /// Where the hub is.
        local: SocketAddr,
        /// Where the guest is.
        remote: SocketAddr,
    },
    /// A TAP device of the host, by its name.
    Tap(String),
}

/// As people name it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Listen(address) => write!(f, "tcp {address}"),
            Place::Unix(path) => write!(f, "unix {}", Text::path(&path.to_string_lossy())),
            Place::Connect(address) => write!(f, "connect {address}"),
            Place::Udp { local, remote } => write!(f, "udp {local} {remote}"),
            Place::Tap(name) => write!(f, "tap {}", Text::new(name)),
        }
    }
}

/// Why a place cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The address.
    #[error("cannot listen on {address} (`ss -lnp` tells who does)")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// Something is there.
    #[error(
        "{path} is there already: another program listens there (`ss -xlp` tells which), or left it behind when it crashed, then remove it"
    )]
    Taken {
        /// Which.
        path: Text,
    },
    /// The path.
    #[error("cannot listen on the path {path}")]
    Path {
        /// Which.
        path: Text,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// The guest does not take us.
    #[error("cannot connect to {address}: no guest listens there that has no peer; it is tried again until one does")]
    Connect {
        /// Which.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
    /// The device.
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Tap(#[from] TapError),
    /// Only Linux.
    #[error("{place} cannot be a port on this system: only Linux's TAP devices can")]
    NotHere {
        /// Which.
        place: Text,
    },
}

/// An open listener.
pub(super) enum Listener {
    Tcp(TcpListener),
    /// With the file, which goes when the listener does.
    Unix {
        listener: UnixListener,
        _file: SocketFile,
    },
}

/// A listener's path in the file system; dropping it removes it, if it is still this one.
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    fn new(path: &Path) -> SocketFile {
        SocketFile { path: path.to_owned(), identity: identity(path) }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok().filter(|found| found.file_type().is_socket())?;
    Some((found.dev(), found.ino()))
}

impl Listener {
    /// Also gives the address, in case the system was to choose its port.
    pub fn tcp(address: SocketAddr) -> Result<(Listener, SocketAddr), PlaceError> {
        let refused = |cause| PlaceError::Bind { address, cause };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok((Listener::Tcp(listener), address))
    }

    pub fn unix(path: &Path) -> Result<Listener, PlaceError> {
        let name = || Text::path(&path.to_string_lossy());
        let refused = |cause: io::Error| match cause.kind() {
            io::ErrorKind::AddrInUse => PlaceError::Taken { path: name() },
            _ => PlaceError::Path { path: name(), cause },
        };
        let listener = UnixListener::bind(path).map_err(refused)?;
        let file = SocketFile::new(path);
        listener.set_nonblocking(true).map_err(refused)?;
        Ok(Listener::Unix { listener, _file: file })
    }

    /// The next who wants to be connected, and what is known of it.
    pub fn accept(&self) -> io::Result<(Wire, Text)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                Ok((Wire::Tcp(stream), Text::new(&peer.to_string())))
            }
            Listener::Unix { listener, .. } => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                let peer = process(&stream).map_or_else(|| Text::new("a process"), |pid| Text::new(&format!("process {pid}")));
                Ok((Wire::Unix(stream), peer))
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix { listener, .. } => listener.as_fd(),
        }
    }
}

#[cfg(target_os = "linux")]
fn process(stream: &std::os::unix::net::UnixStream) -> Option<i32> {
    let credentials = nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials).ok()?;
    // 0 for a process of a namespace that we do not see.
    Some(credentials.pid()).filter(|&pid| pid != 0)
}

#[cfg(not(target_os = "linux"))]
fn process(_: &std::os::unix::net::UnixStream) -> Option<i32> {
    None
}

/// Begins to connect; poll(2) tells when it is decided.
pub(super) fn dial(address: SocketAddr) -> Result<Socket, PlaceError> {
    let refused = |cause| PlaceError::Connect { address, cause };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).map_err(refused)?;
    socket.set_nonblocking(true).map_err(refused)?;
    match socket.connect(&SockAddr::from(address)) {
        Err(error) if error.raw_os_error() != Some(nix::errno::Errno::EINPROGRESS as i32) => Err(refused(error)),
        _ => Ok(socket),
    }
}

/// What came of [`dial`].
pub(super) fn dialled(socket: Socket, address: SocketAddr) -> Result<Wire, PlaceError> {
    let refused = |cause| PlaceError::Connect { address, cause };
    if let Some(cause) = socket.take_error().map_err(refused)? {
        return Err(refused(cause));
    }
    let stream = std::net::TcpStream::from(socket);
    let local = stream.local_addr().map_err(refused)?;
    // A port among those that the kernel gives away may be given to who connects to it: TCP then connects it with itself.
    if stream.peer_addr().map_err(refused)? == local {
        return Err(refused(io::ErrorKind::ConnectionRefused.into()));
    }
    stream.set_nodelay(true).map_err(refused)?;
    Ok(Wire::Tcp(stream))
}

/// Opens what needs no peer.
pub(super) fn udp(local: SocketAddr, remote: SocketAddr) -> Result<Wire, PlaceError> {
    let refused = |cause| PlaceError::Bind { address: local, cause };
    let socket = UdpSocket::bind(local).map_err(refused)?;
    socket.connect(remote).map_err(refused)?;
    socket.set_nonblocking(true).map_err(refused)?;
    Ok(Wire::Udp(socket))
}

#[cfg(target_os = "linux")]
pub(super) fn tap(name: &str) -> Result<Wire, PlaceError> {
    Ok(Wire::Tap(Tap::open(name)?))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn tap(name: &str) -> Result<Wire, PlaceError> {
    Err(PlaceError::NotHere { place: Text::new(&format!("the TAP device {}", Text::new(name))) })
}
