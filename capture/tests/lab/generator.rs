//! Sends frames at a given rate, numbered, through a packet socket.

use super::frame;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, bind, send, sendmmsg, socket};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Frames that one system call sends at most.
const BURST: usize = 64;
/// Where a frame has its number: behind the headers of Ethernet, IPv4 and UDP.
pub const NUMBER: usize = 42;
/// Conversations that the frames are spread over.
const FLOWS: u64 = 1000;

/// How long the frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// 64 octets.
    Small,
    /// 64, 594 and 1514 octets, 7:4:1, as in simple IMIX.
    Mixed,
}

impl Sizes {
    fn of(self, number: u64) -> usize {
        match (self, number % 12) {
            (Sizes::Small, _) | (Sizes::Mixed, 0..7) => 64,
            (Sizes::Mixed, 7..11) => 594,
            (Sizes::Mixed, _) => 1514,
        }
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub frames: u64,
    pub took: Duration,
    /// Frames that the kernel threw away before any point, while this was sent: `/proc/net/softnet_stat`.
    pub backlog: u64,
}

impl Sent {
    pub fn rate(&self) -> f64 {
        self.frames as f64 / self.took.as_secs_f64()
    }
}

/// A packet socket on one interface of the calling thread's namespace.
pub struct Generator {
    socket: OwnedFd,
    next: u64,
}

impl Generator {
    pub fn new(interface: &str) -> io::Result<Generator> {
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
        // The system's list of interfaces has packet addresses ready, with protocol 0: this socket receives nothing.
        let address = nix::ifaddrs::getifaddrs()?
            .filter(|one| one.interface_name == interface)
            .find_map(|one| one.address.and_then(|address| address.as_link_addr().copied()))
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no interface {interface}")))?;
        bind(socket.as_raw_fd(), &address)?;
        Ok(Generator { socket, next: 0 })
    }

    /// Sends one frame.
    pub fn send(&self, frame: &[u8]) {
        let sent = send(self.socket.as_raw_fd(), frame, MsgFlags::empty()).expect("the interface is up and takes a frame");
        assert_eq!(sent, frame.len());
    }

    /// Sends numbered frames; `rate` is in frames a second, none for as fast as it goes.
    pub fn flood(&mut self, sizes: Sizes, rate: Option<f64>, count: u64) -> io::Result<Sent> {
        let mut buffers: Vec<Vec<u8>> = vec![frame::udp(1, 2, (40_000, 9), &[0; 1514 - NUMBER]); BURST];
        let mut headers = MultiHeaders::<LinkAddr>::preallocate(BURST, None);
        let nobody = vec![None; BURST];
        let before = backlog()?;
        let began = Instant::now();
        let mut sent = 0;
        while sent < count {
            let due = rate.map_or(count, |rate| (began.elapsed().as_secs_f64() * rate) as u64 + 1).min(count);
            if due <= sent {
                // At most a burst later; the system's timers are no finer than that.
                std::thread::sleep(Duration::from_micros(50));
                continue;
            }
            let burst = ((due - sent) as usize).min(BURST);
            for (at, buffer) in buffers[..burst].iter_mut().enumerate() {
                number(buffer, self.next + at as u64, sizes);
            }
            let slices: Vec<[IoSlice<'_>; 1]> =
                (0..burst).map(|at| [IoSlice::new(&buffers[at][..sizes.of(self.next + at as u64)])]).collect();
            let taken = match sendmmsg(self.socket.as_raw_fd(), &mut headers, &slices, &nobody[..burst], [], MsgFlags::empty()) {
                Ok(results) => results.count() as u64,
                // The queue is full: later.
                Err(nix::errno::Errno::ENOBUFS | nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => 0,
                Err(error) => return Err(error.into()),
            };
            self.next += taken;
            sent += taken;
        }
        Ok(Sent { frames: sent, took: began.elapsed(), backlog: backlog()? - before })
    }
}

/// Writes the number, and what follows from it; says how long the frame is.
pub fn number(buffer: &mut [u8], number: u64, sizes: Sizes) -> usize {
    let octets = sizes.of(number);
    buffer[NUMBER..NUMBER + 8].copy_from_slice(&number.to_be_bytes());
    buffer[34..36].copy_from_slice(&(40_000 + (number % FLOWS) as u16).to_be_bytes());
    buffer[16..18].copy_from_slice(&((octets - 14) as u16).to_be_bytes());
    buffer[38..40].copy_from_slice(&((octets - 34) as u16).to_be_bytes());
    octets
}

/// The number of a frame, if it is one of ours.
pub fn number_of(frame: &[u8]) -> Option<u64> {
    let is_ours = frame.get(6..12) == Some(&frame::mac(1)) && frame.get(36..38) == Some(&[0, 9]);
    let octets = frame.get(NUMBER..NUMBER + 8).filter(|_| is_ours)?;
    Some(u64::from_be_bytes(octets.try_into().ok()?))
}

/// Frames that were thrown away because a processor's queue was full (the second column), on the way into an interface.
fn backlog() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/net/softnet_stat")?;
    Ok(text.lines().filter_map(|line| u64::from_str_radix(line.split_ascii_whitespace().nth(1)?, 16).ok()).sum())
}
