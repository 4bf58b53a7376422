//! Sockets of a namespace: TCP, UDP and Unix, with their inode numbers and peers.
//!
//! Read sock_diag(7), linux/inet_diag.h and linux/unix_diag.h first. Anybody may ask. The rows are those of `/proc/net/{tcp,udp,unix}`,
//! and say besides who the peer of a Unix socket is, and who waits to be accepted.

use super::nla::{attributes, word};
use super::socket::Queries;
use super::{AF_INET, AF_INET6};
use netlink_packet_core::{Emitable, Parseable};
use netlink_packet_sock_diag::constants::{IPPROTO_TCP, IPPROTO_UDP, SOCK_DIAG_BY_FAMILY, UNIX_DIAG_ICONS, UNIX_DIAG_NAME, UNIX_DIAG_PEER};
use netlink_packet_sock_diag::inet::{self, ExtensionFlags, InetRequest, InetResponseHeader, SocketId};
use netlink_packet_sock_diag::unix::{self, ShowFlags, UnixRequest, UnixResponseHeader};
use std::io;
use std::net::SocketAddr;

const NETLINK_SOCK_DIAG: isize = 4;
const NLM_F_DUMP: u16 = 0x300;
/// Of `struct unix_diag_msg`.
const UNIX_HEADER: usize = 16;
/// The most sockets of one kind that are kept.
const MOST: usize = 1 << 18;

/// A TCP or UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct InetSocket {
    /// Its inode number; 0 while no process has it: nobody accepted the connection, or it is closed already.
    pub inode: u64,
    /// TCP's state; UDP's are [`State::Other`] unless connected.
    pub state: State,
    /// Where it is bound; IPv4 in IPv6 is IPv4.
    pub local: SocketAddr,
    /// Its peer; the unspecified address and port 0 without.
    pub remote: SocketAddr,
}

/// The states that tell cables apart (linux net/tcp_states.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum State {
    /// TCP_ESTABLISHED
    Established,
    /// TCP_SYN_SENT
    SynSent,
    /// TCP_LISTEN
    Listen,
    /// Another: it is no connection, or none any more.
    Other,
}

/// A Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct UnixSocket {
    /// Its inode number.
    pub inode: u64,
    /// SOCK_DGRAM
    pub is_datagram: bool,
    /// Whether it waits for connections.
    pub listens: bool,
    /// Where it is bound, or, of an accepted connection, where its listener is; abstract names begin with a NUL.
    pub name: Option<Vec<u8>>,
    /// The inode number of its peer; 0 for one that was not accepted.
    pub peer: Option<u64>,
    /// Of a listener: the inode numbers of the peers that wait.
    pub waiting: Vec<u64>,
}

/// All sockets of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Sockets {
    /// TCP: connections and listeners.
    pub tcp: Vec<InetSocket>,
    /// UDP.
    pub udp: Vec<InetSocket>,
    /// Unix.
    pub unix: Vec<UnixSocket>,
}

/// Asks for sockets, in one namespace.
pub(in super::super) struct SocketQueries(Queries);

impl SocketQueries {
    /// Opens, in the namespace of this thread.
    ///
    /// # Errors
    /// The kernel gives no socket.
    pub fn open() -> io::Result<SocketQueries> {
        Queries::speaking(NETLINK_SOCK_DIAG).map(SocketQueries)
    }

    /// All of them, as they are now.
    ///
    /// # Errors
    /// The kernel does not answer, or has no such thing (`NotFound`: it was built without `unix_diag`, `tcp_diag` or `udp_diag`).
    pub fn all(&mut self) -> io::Result<Sockets> {
        let states = inet::StateFlags::ESTABLISHED | inet::StateFlags::SYN_SENT | inet::StateFlags::LISTEN;
        Ok(Sockets { tcp: self.inet(IPPROTO_TCP, &states)?, udp: self.udp()?, unix: self.unix()? })
    }

    /// UDP alone.
    ///
    /// # Errors
    /// As [`SocketQueries::all`].
    pub fn udp(&mut self) -> io::Result<Vec<InetSocket>> {
        self.inet(IPPROTO_UDP, &inet::StateFlags::all())
    }

    fn inet(&mut self, protocol: u8, states: &inet::StateFlags) -> io::Result<Vec<InetSocket>> {
        let mut found = Vec::new();
        for family in [AF_INET, AF_INET6] {
            let socket_id = if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() };
            let request = InetRequest { family, protocol, extensions: ExtensionFlags::empty(), states: states.clone(), socket_id };
            self.dump(&request, &mut |bytes| {
                if found.len() < MOST {
                    found.extend(inet_socket(bytes));
                }
            })?;
        }
        Ok(found)
    }

    fn unix(&mut self) -> io::Result<Vec<UnixSocket>> {
        let mut found = Vec::new();
        let show_flags = ShowFlags::NAME | ShowFlags::PEER | ShowFlags::ICONS;
        let state_flags = unix::StateFlags::from_bits_retain(u32::MAX);
        let request = UnixRequest { state_flags, inode: 0, show_flags, cookie: [0; 8] };
        self.dump(&request, &mut |bytes| {
            if found.len() < MOST {
                found.extend(unix_socket(bytes));
            }
        })?;
        Ok(found)
    }

    fn dump(&mut self, request: &impl Emitable, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut payload = vec![0; request.buffer_len()];
        request.emit(&mut payload);
        self.0.ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &payload, &mut |_, bytes| each(bytes)).map(drop)
    }
}

/// `struct inet_diag_msg`; what is behind it is not asked for.
fn inet_socket(bytes: &[u8]) -> Option<InetSocket> {
    let header = InetResponseHeader::parse(bytes).ok()?;
    let id = header.socket_id;
    Some(InetSocket {
        inode: header.inode.into(),
        state: match header.state {
            1 => State::Established,
            2 => State::SynSent,
            10 => State::Listen,
            _ => State::Other,
        },
        local: SocketAddr::new(id.source_address.to_canonical(), id.source_port),
        remote: SocketAddr::new(id.destination_address.to_canonical(), id.destination_port),
    })
}

/// `struct unix_diag_msg` and its attributes.
fn unix_socket(bytes: &[u8]) -> Option<UnixSocket> {
    const SOCK_DGRAM: u8 = 2;
    const LISTEN: u8 = 10;
    let header = UnixResponseHeader::parse(bytes).ok()?;
    let mut socket = UnixSocket {
        inode: header.inode.into(),
        is_datagram: header.kind == SOCK_DGRAM,
        listens: header.state == LISTEN,
        name: None,
        peer: None,
        waiting: Vec::new(),
    };
    for (kind, value) in attributes(bytes.get(UNIX_HEADER..)?) {
        match kind {
            // A path ends with a NUL, an abstract name begins with one.
            UNIX_DIAG_NAME if value.first() == Some(&0) => socket.name = Some(value.to_vec()),
            UNIX_DIAG_NAME => socket.name = value.split(|&octet| octet == 0).next().map(<[u8]>::to_vec),
            UNIX_DIAG_PEER => socket.peer = word(value).map(u64::from),
            UNIX_DIAG_ICONS => socket.waiting = value.chunks_exact(4).filter_map(word).map(u64::from).collect(),
            _ => {}
        }
    }
    Some(socket)
}

/// One answer, read as whatever it may be, in words.
pub(in super::super) fn read_socket(bytes: &[u8]) -> String {
    format!("{:?} {:?}", inet_socket(bytes), unix_socket(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream};

    fn inode(socket: &impl AsFd) -> u64 {
        rustix::fs::fstat(socket).expect("a socket").st_ino
    }

    #[test]
    fn the_kernel_tells_who_listens_who_is_connected_and_who_waits() {
        let mut queries = SocketQueries::open().expect("a socket");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("an address");
        let client = TcpStream::connect(at).expect("loopback");
        let (accepted, _) = listener.accept().expect("a connection");
        let waiting = TcpStream::connect(at).expect("the backlog has room");
        let udp = UdpSocket::bind("[::1]:0").or_else(|_| UdpSocket::bind("127.0.0.1:0")).expect("a port");
        let name = format!("tapscope-diag-{}", std::process::id());
        let unix = UnixListener::bind_addr(&UnixAddr::from_abstract_name(&name).expect("a name")).expect("a name");
        let peer = UnixStream::connect_addr(&UnixAddr::from_abstract_name(&name).expect("a name")).expect("it listens");
        let served = unix.accept().expect("a connection").0;
        let late = UnixStream::connect_addr(&UnixAddr::from_abstract_name(&name).expect("a name")).expect("it listens");

        let sockets = queries.all().expect("a kernel with sock_diag");
        let (client_at, waiting_at) = (client.local_addr().expect("bound"), waiting.local_addr().expect("bound"));
        let tcp = |local, remote| sockets.tcp.iter().find(|row| (row.local, row.remote) == (local, remote)).expect("it is there");
        let none = SocketAddr::from(([0, 0, 0, 0], 0));
        assert_eq!((tcp(at, none).inode, tcp(at, none).state), (inode(&listener), State::Listen));
        assert_eq!((tcp(at, client_at).inode, tcp(at, client_at).state), (inode(&accepted), State::Established));
        assert_eq!(tcp(client_at, at).inode, inode(&client));
        assert_eq!(tcp(at, waiting_at).inode, 0, "nobody accepted it");
        assert!(sockets.udp.iter().any(|row| row.inode == inode(&udp) && row.local == udp.local_addr().expect("bound")));
        let row = |inode| sockets.unix.iter().find(|row| row.inode == inode).expect("it is there");
        assert_eq!(row(inode(&unix)).name.as_deref(), Some([&[0], name.as_bytes()].concat().as_slice()));
        assert_eq!((row(inode(&unix)).listens, &row(inode(&unix)).waiting), (true, &vec![inode(&late)]));
        assert_eq!((row(inode(&peer)).peer, row(inode(&served)).peer), (Some(inode(&served)), Some(inode(&peer))));
        assert_eq!(row(inode(&late)).peer, Some(0));
    }

    /// `ss -xlp`'s row of a socket that QEMU 7.2 listens on.
    #[test]
    #[cfg(target_endian = "little")]
    fn a_row_of_linux_6_18_is_read_and_a_part_of_it_is_survived() {
        let mut octets = vec![1, 1, 10, 0, 0x34, 0x12, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        octets.extend([10, 0, 0, 0, b'/', b'a', b'.', b's', b'k', 0, 0, 0]);
        octets.extend([12, 0, 3, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
        octets.extend([5, 0, 6, 0, 3, 0, 0, 0]);
        let whole = unix_socket(&octets).expect("whole");
        let wanted =
            UnixSocket { inode: 0x1234, is_datagram: false, listens: true, name: Some(b"/a.sk".to_vec()), peer: None, waiting: vec![1, 2] };
        assert_eq!(whole, wanted);
        for length in 0..octets.len() {
            let _ = unix_socket(&octets[..length]);
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (inet_socket(&bytes), unix_socket(&bytes));
        }
    }
}
