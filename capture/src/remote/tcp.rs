//! Captures that a server gives to whoever connects ("pcap-over-IP").

use super::{OpenError, Stop};
use crate::file::{self, Reader};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};
use tapscope_graph::Text;

/// The port that such servers use by custom.
pub const PORT: u16 = 57012;
/// How long a connection may take to come about, for all addresses of the host together.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the file's header may take to come.
const HEADER: Duration = Duration::from_secs(10);
/// A peer that is silent for this long is asked whether it is still there.
const ALIVE: Duration = Duration::from_secs(10);

/// `host:port` or `host`.
pub(super) fn parse(text: &str) -> Option<(String, u16)> {
    let text = text.trim_end_matches('/');
    let (host, port) = split(text)?;
    Some((host.to_owned(), port.unwrap_or(PORT)))
}

/// Host and port; an IPv6 address stands in brackets.
pub(super) fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            match port {
                "" => (host, None),
                port => (host, Some(port.strip_prefix(':')?)),
            }
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || host.starts_with('-') || !host.chars().all(is_name) {
        return None;
    }
    match port {
        None => Some((host, None)),
        Some(port) => port.parse().ok().filter(|&port| port > 0).map(|port| (host, Some(port))),
    }
}

pub(super) fn open(host: &str, port: u16) -> Result<(Reader, Stop), OpenError> {
    let socket = connect(host, port).map_err(|cause| OpenError::Connect { host: Text::new(host), port, cause })?;
    let (stop, alive) = (socket.try_clone(), TcpKeepalive::new().with_time(ALIVE).with_interval(ALIVE));
    // Without them a peer that vanishes is noticed late, and that is all.
    let _ = SockRef::from(&socket).set_tcp_keepalive(&alive);
    let _ = socket.set_read_timeout(Some(HEADER));
    let name = if host.contains(':') { format!("tcp://[{host}]:{port}") } else { format!("tcp://{host}:{port}") };
    let patience = SockRef::from(&socket).try_clone();
    let reader = Reader::new(socket, &name).map_err(|error| match error {
        file::OpenError::Open(cause) if matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            OpenError::Silent { host: Text::new(host), port, seconds: HEADER.as_secs() }
        }
        error => OpenError::File(error),
    })?;
    // A quiet network sends nothing for hours.
    if let Ok(socket) = patience {
        let _ = socket.set_read_timeout(None);
    }
    Ok((reader, Stop { socket: stop.ok(), child: None }))
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let end = Instant::now() + CONNECT;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}
