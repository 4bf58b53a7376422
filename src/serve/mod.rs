//! pcap-over-IP: whoever connects gets a recording that begins with how things stand, and goes on.
//!
//! Each client has an encoder and a queue of its own. One that is too slow does not hold up the others: its frames are left out, counted,
//! and told to it as lost.

mod client;
mod outlet;

pub use outlet::Outlet;

use crate::live::order::Door;
use anyhow::{Context, Result};
use client::Client;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tapscope_capture::record::Section;
use tapscope_capture::remote::PORT;

/// Clients at once; each has its queue.
const CLIENTS: usize = 16;
/// How soon a new client is noticed.
const BREATH: Duration = Duration::from_millis(20);
/// How long clients may take to fetch the rest when it is over.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where to serve, as it is said on the command line: `57012`, `127.0.0.1:57012`, `[::1]:57012`, or an address alone.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok((ip, PORT).into());
    }
    let port = text.strip_prefix("localhost").unwrap_or(text).trim_start_matches(':');
    let port = if port.is_empty() { Ok(PORT) } else { port.parse() };
    port.map(|port| (Ipv4Addr::LOCALHOST, port).into()).map_err(|_| "neither a port nor an address such as 127.0.0.1:57012".to_owned())
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// What the server and its clients share.
#[derive(Default)]
struct Shared {
    clients: Mutex<Vec<Served>>,
    /// Frames that slow clients did not get.
    shed: AtomicU64,
    /// Clients that found no room.
    refused: AtomicU64,
}

struct Served {
    socket: TcpStream,
    thread: JoinHandle<()>,
}

impl Server {
    /// Begins to serve, before there is anything to hear.
    ///
    /// # Errors
    /// Where the port is taken, or the address is not ours.
    pub fn start(address: SocketAddr) -> Result<(Server, Waiting)> {
        let listener = TcpListener::bind(address)
            .with_context(|| format!("cannot serve at {address} (another port: --serve {}:0 takes a free one)", address.ip()))?;
        let address = listener.local_addr().context("cannot tell where the server listens")?;
        listener.set_nonblocking(true).context("cannot serve")?;
        let server = Server { address, over: Arc::default(), thread: None, shared: Arc::default() };
        Ok((server, Waiting(listener)))
    }

    /// Lets clients in: each hears what passes the door.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn open(&mut self, waiting: Waiting, door: Door, section: Section) -> Result<()> {
        let (over, shared) = (self.over.clone(), self.shared.clone());
        let run = move || {
            while !over.load(Ordering::Relaxed) {
                match waiting.0.accept() {
                    Ok((socket, _)) => shared.admit(socket, &door, &section),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(BREATH),
                    // A client that went before it was let in; or no descriptors are left, which may pass.
                    Err(_) => std::thread::sleep(BREATH),
                }
            }
        };
        self.thread = Some(std::thread::Builder::new().name("server".into()).spawn(run).context("cannot start the server's thread")?);
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was left out for slow clients and for those without a place: for people, where there is anything.
    pub fn summary(&self) -> Option<String> {
        let (shed, refused) = (self.shared.shed.load(Ordering::Relaxed), self.shared.refused.load(Ordering::Relaxed));
        let shed = (shed > 0).then(|| format!("{shed} frames were not sent to clients that were too slow"));
        let refused = (refused > 0).then(|| format!("{refused} clients found no room beside {CLIENTS} others"));
        let parts: Vec<String> = shed.into_iter().chain(refused).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// A port that is ours, where nobody was let in yet.
pub struct Waiting(TcpListener);

impl Shared {
    fn admit(self: &Arc<Self>, socket: TcpStream, door: &Door, section: &Section) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| !client.thread.is_finished());
        if clients.len() >= CLIENTS {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Ok(own) = socket.try_clone() else { return };
        let _ = socket.set_nonblocking(false);
        let _ = socket.set_nodelay(true);
        let (client, queue) = Client::new(section.clone(), self.clone());
        let thread = std::thread::Builder::new().name("client".into()).spawn(move || client::send(socket, &queue));
        if let Ok(thread) = thread {
            clients.push(Served { socket: own, thread });
            door.listen(Box::new(client));
        }
    }

    fn count_shed(&self, frames: u64) {
        self.shed.fetch_add(frames, Ordering::Relaxed);
    }
}

impl Drop for Server {
    /// Gives the clients a moment for what is on its way.
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let clients = std::mem::take(&mut *self.shared.clients.lock().unwrap_or_else(PoisonError::into_inner));
        let end = Instant::now() + PATIENCE;
        for client in clients {
            while !client.thread.is_finished() && Instant::now() < end {
                std::thread::sleep(BREATH);
            }
            let _ = client.socket.shutdown(Shutdown::Both);
            let _ = client.thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_address_only_this_host_is_served() {
        for text in ["57012", ":57012", "127.0.0.1:57012", "127.0.0.1", "localhost:57012", "localhost", ""] {
            assert_eq!(address(text).map(|address| address.to_string()).as_deref(), Ok("127.0.0.1:57012"), "{text:?}");
        }
        assert_eq!(address("[::1]:5").map(|address| address.to_string()).as_deref(), Ok("[::1]:5"));
        assert!(address("host:5").is_err() && address("70000").is_err());
    }
}
