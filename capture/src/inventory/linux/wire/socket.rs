//! Sockets to the kernel: one that hears what changes, one that asks.

use super::nla::push;
use super::{AF_BRIDGE, AF_INET, AF_INET6, News, Unread};
use netlink_packet_core::NetlinkBuffer;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use tapscope_graph::host::Netns;

/// The groups that are listened to (`enum rtnetlink_groups`): link, neighbours and forwarding databases, addresses, routes and rules of
/// both versions, their settings, numbers of namespaces, VLANs of bridges.
const GROUPS: [u32; 12] = [1, 3, 5, 7, 8, 9, 11, 19, 24, 25, 28, 33];

/// Octets of messages that may wait while this program does something else: about 10,000 changes of devices.
const WAITING: usize = 16 << 20;

/// A netlink datagram is at most 32 KiB (`NLMSG_GOODSIZE`); one of a card with many virtual functions may be larger.
const DATAGRAM: usize = 128 << 10;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNEIGH: u16 = 30;
const RTM_GETRULE: u16 = 34;
const RTM_GETQDISC: u16 = 38;
const RTM_GETNSID: u16 = 90;
const RTM_GETSTATS: u16 = 94;

/// What became of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Read {
    /// Everything that was there.
    All,
    /// There was more than fits, and the kernel threw the rest away: what is known may be old.
    Lost,
}

/// Hears what changes in the namespace that it was opened in.
pub(in super::super) struct Events {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Events {
    /// Opens and subscribes, in the namespace of this thread. `room` is the octets that may wait, or this module's default.
    ///
    /// # Errors
    /// The kernel gives no socket. Groups that it does not know are left out.
    pub fn open(room: Option<usize>) -> io::Result<Events> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        let room = room.unwrap_or(WAITING);
        // The forced form passes over the system's limit, and needs CAP_NET_ADMIN; the other is cut to the limit.
        if setsockopt(&socket, sockopt::RcvBufForce, &room).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &room)?;
        }
        socket.bind_auto()?;
        socket.set_non_blocking(true)?;
        for group in GROUPS {
            let _ = socket.add_membership(group);
        }
        Ok(Events { socket, buffer: vec![0; DATAGRAM] })
    }

    /// For poll(2).
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Reads what waits, and hands over each message's news. At most `limit` datagrams, so that a storm does not keep the caller.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn read(&mut self, netns: Netns, limit: usize, each: &mut dyn FnMut(Result<News, Unread>)) -> io::Result<Read> {
        for _ in 0..limit {
            match receive(&self.socket, &mut self.buffer) {
                Ok(datagram) => {
                    for (header, payload) in messages(datagram) {
                        if let Some(news) = super::read(netns, header.kind, header.flags, payload).transpose() {
                            each(news);
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Read::All),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(nix::libc::ENOBUFS) || error.kind() == io::ErrorKind::InvalidData => {
                    return Ok(Read::Lost);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Read::All)
    }
}

/// What may be asked for as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Dump {
    /// Devices.
    Links,
    /// Ports of bridges, with their VLANs.
    Ports,
    /// Addresses.
    Addresses,
    /// IPv4 routes.
    RoutesV4,
    /// IPv6 routes.
    RoutesV6,
    /// IPv4 rules.
    RulesV4,
    /// IPv6 rules.
    RulesV6,
    /// Neighbours.
    Neighbors,
    /// Neighbours that this host answers for.
    Proxies,
    /// Forwarding databases.
    Fdb,
    /// Counters.
    Counters,
    /// Queueing disciplines.
    Qdiscs,
}

impl Dump {
    /// Everything but counters, which come with the devices.
    pub const ALL: [Dump; 10] = [
        Dump::Links,
        Dump::Ports,
        Dump::Addresses,
        Dump::RoutesV4,
        Dump::RoutesV6,
        Dump::RulesV4,
        Dump::RulesV6,
        Dump::Neighbors,
        Dump::Proxies,
        Dump::Fdb,
    ];

    /// The message's type, family and length of its header.
    fn request(self) -> (u16, u8, usize) {
        match self {
            Dump::Links => (RTM_GETLINK, 0, 16),
            Dump::Ports => (RTM_GETLINK, AF_BRIDGE, 16),
            Dump::Addresses => (RTM_GETADDR, 0, 8),
            Dump::RoutesV4 => (RTM_GETROUTE, AF_INET, 12),
            Dump::RoutesV6 => (RTM_GETROUTE, AF_INET6, 12),
            Dump::RulesV4 => (RTM_GETRULE, AF_INET, 12),
            Dump::RulesV6 => (RTM_GETRULE, AF_INET6, 12),
            Dump::Neighbors | Dump::Proxies => (RTM_GETNEIGH, 0, 12),
            Dump::Fdb => (RTM_GETNEIGH, AF_BRIDGE, 12),
            Dump::Counters => (RTM_GETSTATS, 0, 12),
            Dump::Qdiscs => (RTM_GETQDISC, 0, 20),
        }
    }

    /// The request behind netlink's header.
    fn payload(self) -> (u16, Vec<u8>) {
        const IFLA_EXT_MASK: u16 = 29;
        const RTEXT_FILTER_BRVLAN_COMPRESSED: u32 = 4;
        const NTF_PROXY: u8 = 8;
        const STATS_LINK_64: u32 = 1;
        let (kind, family, header) = self.request();
        let mut payload = vec![0; header];
        payload[0] = family;
        match self {
            Dump::Ports => push(&mut payload, IFLA_EXT_MASK, &RTEXT_FILTER_BRVLAN_COMPRESSED.to_ne_bytes()),
            Dump::Proxies => payload[10] = NTF_PROXY,
            Dump::Counters => payload[8..12].copy_from_slice(&STATS_LINK_64.to_ne_bytes()),
            _ => {}
        }
        (kind, payload)
    }
}

/// Asks the namespace that it was opened in.
pub(in super::super) struct Queries {
    socket: Socket,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Queries {
    /// Opens, in the namespace of this thread.
    ///
    /// # Errors
    /// The kernel gives no socket.
    pub fn open() -> io::Result<Queries> {
        Queries::speaking(NETLINK_ROUTE)
    }

    /// As [`Queries::open`], for another protocol of netlink.
    ///
    /// # Errors
    /// The kernel gives no socket.
    pub(super) fn speaking(protocol: isize) -> io::Result<Queries> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // The kernel answers at once; this is against waiting for ever, should it not.
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(5, 0))?;
        Ok(Queries { socket, buffer: vec![0; DATAGRAM], sequence: 0 })
    }

    /// Everything of a kind. What changes meanwhile makes the kernel say so, and is asked for again.
    ///
    /// # Errors
    /// The kernel refuses, or does not answer. What it does not have (no bridges, no IPv6) is empty.
    pub fn dump(&mut self, netns: Netns, what: Dump) -> io::Result<(Vec<News>, Vec<Unread>)> {
        const TRIES: usize = 4;
        let mut found = (Vec::new(), Vec::new());
        for _ in 0..TRIES {
            found = (Vec::new(), Vec::new());
            let (news, unread) = &mut found;
            let (kind, payload) = what.payload();
            let whole =
                self.ask(kind, NLM_F_DUMP, &payload, &mut |header, bytes| match super::read(netns, header.kind, header.flags, bytes) {
                    Ok(Some(one)) => news.push(one),
                    Ok(None) => {}
                    Err(error) => unread.push(error),
                });
            match whole {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) if matches!(error.raw_os_error(), Some(nix::libc::EOPNOTSUPP | nix::libc::EAFNOSUPPORT)) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The number by which this socket's namespace knows the one of `fd`; `None` where it has none.
    ///
    /// # Errors
    /// The kernel refuses, or does not answer.
    pub fn namespace_number(&mut self, fd: RawFd) -> io::Result<Option<i32>> {
        const NETNSA_FD: u16 = 3;
        let mut payload = vec![0; 4];
        push(&mut payload, NETNSA_FD, &fd.to_ne_bytes());
        let mut number = None;
        self.ask(RTM_GETNSID, 0, &payload, &mut |_, bytes| number = super::namespace_number(bytes))?;
        Ok(number)
    }

    /// Asks, and hands over each answer. Says whether nothing changed in the middle of it.
    pub(super) fn ask(&mut self, kind: u16, flags: u16, payload: &[u8], each: &mut dyn FnMut(Header, &[u8])) -> io::Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        self.socket.send(&request(kind, NLM_F_REQUEST | flags, self.sequence, payload), 0)?;
        let mut whole = true;
        loop {
            let datagram = match receive(&self.socket, &mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            for (header, bytes) in messages(datagram) {
                if header.sequence != self.sequence {
                    continue;
                }
                whole &= header.flags & NLM_F_DUMP_INTR == 0;
                match header.kind {
                    NLMSG_DONE => return Ok(whole),
                    NLMSG_ERROR => {
                        let code = bytes.get(..4).and_then(|code| code.try_into().ok()).map_or(-nix::libc::EPROTO, i32::from_ne_bytes);
                        return if code == 0 { Ok(whole) } else { Err(io::Error::from_raw_os_error(code.saturating_neg())) };
                    }
                    _ => each(header, bytes),
                }
                if flags & NLM_F_DUMP == 0 {
                    return Ok(whole);
                }
            }
        }
    }
}

/// Of `struct nlmsghdr`.
pub(super) struct Header {
    kind: u16,
    flags: u16,
    sequence: u32,
}

impl Header {
    /// The message's type.
    pub(super) fn kind(&self) -> u16 {
        self.kind
    }
}

fn request(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 16];
    let mut header = NetlinkBuffer::new(&mut bytes);
    header.set_length(u32::try_from(16 + payload.len()).unwrap_or(u32::MAX));
    header.set_message_type(kind);
    header.set_flags(flags);
    header.set_sequence_number(sequence);
    bytes.extend_from_slice(payload);
    bytes
}

/// One datagram of the kernel.
///
/// # Errors
/// As recvfrom(2); `InvalidData` for one that is larger than the buffer.
fn receive<'a>(socket: &Socket, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut room = &mut *buffer;
    let (length, from) = socket.recv_from(&mut room, nix::libc::MSG_TRUNC)?;
    // Whoever is root may send to this socket, too.
    if from.port_number() != 0 {
        return Ok(&[]);
    }
    buffer.get(..length).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a message of the kernel is too large"))
}

/// The messages of a datagram, up to the first that is damaged.
fn messages(mut datagram: &[u8]) -> impl Iterator<Item = (Header, &[u8])> {
    std::iter::from_fn(move || {
        let header = NetlinkBuffer::new_checked(datagram).ok()?;
        let length = header.length() as usize;
        let bytes = datagram.get(16..length)?;
        let found = Header { kind: header.message_type(), flags: header.flags(), sequence: header.sequence_number() };
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((found, bytes))
    })
}
