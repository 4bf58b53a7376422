//! The receiving end of one filter: a UDP socket, since that is what never makes QEMU wait.

use super::datagram::Assembler;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, recvmmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use tapscope_graph::{Direction, PointId, Timestamp};

/// What the kernel may keep for us while we are slow: 30,000 frames of 1,500 octets (it counts more than the octets).
const BUFFER: usize = 64 << 20;
/// Datagrams that are taken from the kernel at a time, and the room for each: UDP has none that is longer.
const AT_ONCE: usize = 64;
const LONGEST: usize = 65_536;
/// How often that is done before the other ears have their turn.
const ROUNDS: usize = 16;

/// The receiving end of one filter.
pub(super) struct Ear {
    pub socket: UdpSocket,
    pub point: PointId,
    pub direction: Direction,
    assembler: Assembler,
    /// The kernel's counter of datagrams that it dropped, as it was last told, and all of them.
    counter: u32,
    dropped: u64,
    /// Frames whose loss is told.
    told: u64,
}

/// How far an ear was read.
pub(super) enum Read {
    /// To its end.
    Empty,
    /// Up to a frame of that time; there is more.
    More(Timestamp),
}

/// Room for what is read.
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    pub fn new() -> Scratch {
        Scratch(vec![0; AT_ONCE * LONGEST])
    }
}

/// The two ends of a way for datagrams on our loopback device: QEMU's, and ours.
pub(super) fn pair() -> io::Result<(UdpSocket, UdpSocket)> {
    let (theirs, ours) = (UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
    theirs.connect(ours.local_addr()?)?;
    listen(&ours, theirs.local_addr()?.port())?;
    // Without loopback nothing would ever arrive, and QEMU would complain of each frame.
    theirs.send(&[])?;
    while ours.recv(&mut [0; 1]).is_ok() {}
    Ok((theirs, ours))
}

/// Our end of a way for datagrams that come from a port that QEMU will open.
pub(super) fn half() -> io::Result<(u16, UdpSocket)> {
    let ours = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    // A port that is free now; only what comes from there is heard.
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    listen(&ours, port)?;
    Ok((port, ours))
}

/// Hears only that port, with time stamps, a count of losses and much room. What strangers sent before is thrown away.
fn listen(socket: &UdpSocket, port: u16) -> io::Result<()> {
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_nonblocking(true)?;
    setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(socket, sockopt::RxqOvfl, &1)?;
    // The limit of net.core.rmem_max is for those without CAP_NET_ADMIN.
    if setsockopt(socket, sockopt::RcvBufForce, &BUFFER).is_err() {
        setsockopt(socket, sockopt::RcvBuf, &BUFFER)?;
    }
    while socket.recv(&mut [0; 1]).is_ok() {}
    Ok(())
}

impl Ear {
    pub fn new(socket: UdpSocket, point: PointId, direction: Direction) -> Ear {
        Ear { socket, point, direction, assembler: Assembler::default(), counter: 0, dropped: 0, told: 0 }
    }

    /// Gives each frame that came to `sink`, with its time, up to a bound.
    pub fn read(&mut self, scratch: &mut Scratch, mut sink: impl FnMut(Timestamp, &[u8])) -> Read {
        let mut last = Timestamp::default();
        for _ in 0..ROUNDS {
            let mut slices: Vec<[IoSliceMut<'_>; 1]> = scratch.0.chunks_exact_mut(LONGEST).map(|room| [IoSliceMut::new(room)]).collect();
            // Made anew each time: the kernel shortens the room for ancillary data to what it used, and nix does not put that right.
            let mut headers = MultiHeaders::<()>::preallocate(AT_ONCE, Some(cmsg_space!(TimeSpec, u32)));
            let messages = match recvmmsg(self.socket.as_raw_fd(), &mut headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None) {
                Ok(messages) => messages,
                Err(Errno::EINTR) => continue,
                // Others than EAGAIN tell of the other end, such as ECONNREFUSED, and are gone when they are told.
                Err(_) => return Read::Empty,
            };
            let mut lengths = [(0, Timestamp::default()); AT_ONCE];
            let mut count = 0;
            for (message, length) in messages.zip(&mut lengths) {
                count += 1;
                length.0 = message.bytes.min(LONGEST);
                for part in message.cmsgs().into_iter().flatten() {
                    match part {
                        ControlMessageOwned::ScmTimestampns(at) => length.1 = timestamp(at),
                        ControlMessageOwned::RxqOvfl(counter) => {
                            self.dropped += u64::from(counter.wrapping_sub(self.counter));
                            self.counter = counter;
                        }
                        _ => {}
                    }
                }
            }
            for (&(length, at), room) in lengths[..count].iter().zip(scratch.0.chunks_exact(LONGEST)) {
                last = at;
                if let Some(frame) = self.assembler.take(&room[..length]) {
                    sink(at, frame);
                }
            }
            if count < AT_ONCE {
                return Read::Empty;
            }
        }
        Read::More(last)
    }

    /// Frames that were lost since this was last asked.
    pub fn lost(&mut self) -> u64 {
        let lost = self.assembler.lost(self.dropped);
        let new = lost.saturating_sub(self.told);
        self.told = self.told.max(lost);
        new
    }
}

fn timestamp(at: TimeSpec) -> Timestamp {
    Timestamp(at.tv_sec().saturating_mul(1_000_000_000).saturating_add(at.tv_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(theirs: &UdpSocket, frame: &[u8]) {
        theirs.send(&(frame.len() as u32).to_be_bytes()).expect("sent");
        theirs.send(&[0; 4]).expect("sent");
        theirs.send(frame).expect("sent");
    }

    fn read(ear: &mut Ear) -> Vec<(Timestamp, usize)> {
        let (mut scratch, mut frames) = (Scratch::new(), Vec::new());
        while let Read::More(_) = ear.read(&mut scratch, |at, frame| frames.push((at, frame.len()))) {}
        frames
    }

    #[test]
    fn frames_come_whole_and_stamped() {
        let (theirs, ours) = pair().expect("loopback is up");
        let mut ear = Ear::new(ours, PointId(0), Direction::Inbound);
        for length in [14, 60, 1514, 65_507] {
            send(&theirs, &vec![2; length]);
        }
        let frames = read(&mut ear);
        assert_eq!(frames.iter().map(|frame| frame.1).collect::<Vec<_>>(), [14, 60, 1514, 65_507]);
        assert!(frames.iter().all(|frame| frame.0.0 > 1_600_000_000_000_000_000) && frames.is_sorted(), "{frames:?}");
        assert_eq!(ear.lost(), 0);
    }

    #[test]
    fn what_the_kernel_had_no_room_for_is_counted_to_the_frame() {
        let (theirs, ours) = pair().expect("loopback is up");
        setsockopt(&ours, sockopt::RcvBuf, &(1 << 20)).expect("less room");
        let mut ear = Ear::new(ours, PointId(0), Direction::Inbound);
        const SENT: usize = 5000;
        for _ in 0..SENT {
            send(&theirs, &[2; 1514]);
        }
        let mut came = read(&mut ear).len();
        // The kernel tells of losses with the next datagram.
        send(&theirs, &[2; 60]);
        came += read(&mut ear).len();
        assert!(came < SENT, "{came}");
        assert_eq!(ear.lost() as usize, SENT + 1 - came);
        assert_eq!(ear.lost(), 0, "it is told once");
    }

    #[test]
    fn strangers_are_not_heard() {
        let (port, ours) = half().expect("loopback is up");
        let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let to = ours.local_addr().expect("an address");
        let _ = stranger.send_to(&[0; 60], to);
        let theirs = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("the port");
        theirs.connect(to).expect("connected");
        send(&theirs, &[2; 60]);
        assert_eq!(read(&mut Ear::new(ours, PointId(0), Direction::Inbound)).len(), 1);
    }
}
