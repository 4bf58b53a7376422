//! The kernel's process events: which process has executed a program.
//!
//! Read linux/cn_proc.h and drivers/connector/cn_proc.c. The kernel only answers processes of the initial user, process and network
//! namespaces that may administer the network.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{CONNECTOR, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recvfrom, send, socket_with};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// CN_IDX_PROC and CN_VAL_PROC
const PROC: u32 = 1;
/// PROC_CN_MCAST_LISTEN
const LISTEN: u32 = 1;
/// PROC_EVENT_NONE: the answer to a request.
const ANSWER: u32 = 0;
/// PROC_EVENT_EXEC
const EXEC: u32 = 2;
/// Offset of `struct proc_event` behind `struct nlmsghdr` and `struct cn_msg`.
const EVENT: usize = 16 + 20;
/// How long the kernel may take to answer; it does so within the request.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// A socket on which the kernel tells of each exec.
#[derive(Debug)]
pub(super) struct Connector(OwnedFd);

/// What the kernel told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The answer to a request: 0 or an error number.
    Answer(u32),
    /// A process executed a program.
    Exec(u32),
    /// Something else.
    Other,
}

impl Connector {
    /// # Errors
    /// `PermissionDenied` without CAP_NET_ADMIN, `ConnectionRefused` in another network namespace than the first, `TimedOut` in another
    /// user or process namespace.
    pub(super) fn open() -> io::Result<Connector> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(CONNECTOR))?;
        bind(&socket, &SocketAddrNetlink::new(0, PROC))?;
        let connector = Connector(socket);
        connector.request(&[LISTEN])?;
        connector.wait_for_answer()?;
        // Linux 6.6 can leave out forks and exits; earlier ones ignore a request of that length.
        connector.request(&[LISTEN, EXEC])?;
        Ok(connector)
    }

    fn request(&self, words: &[u32]) -> io::Result<()> {
        send(&self.0, &request(words), SendFlags::empty())?;
        Ok(())
    }

    fn wait_for_answer(&self) -> io::Result<()> {
        // The kernel answers within the request. Events of others may lie before the answer, and in a container only these may come.
        for _ in 0..10_000 {
            if poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&PATIENCE))? == 0 {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.receive() {
                Ok(Some(Told::Answer(0))) => return Ok(()),
                Ok(Some(Told::Answer(error))) => return Err(io::Error::from_raw_os_error(error as i32)),
                Ok(_) | Err(Errno::NOBUFS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The processes that executed a program since the last call, at most so many; none where some were lost.
    pub(super) fn execs(&self, most: usize) -> Option<Vec<u32>> {
        let mut out = Vec::new();
        for _ in 0..most {
            match self.receive() {
                Ok(Some(Told::Exec(pid))) => out.push(pid),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return None,
            }
        }
        Some(out)
    }

    fn receive(&self) -> Result<Option<Told>, Errno> {
        let mut buffer = [0; 1024];
        match recvfrom(&self.0, &mut buffer, RecvFlags::empty()) {
            Ok((length, _, sender)) => {
                let is_kernel = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok()).is_some_and(|sender| sender.pid() == 0);
                Ok(Some(if is_kernel { told(&buffer[..length.min(1024)]) } else { Told::Other }))
            }
            Err(Errno::AGAIN) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Connector {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A request to the connector: the header of netlink, that of the connector, and the request's words.
fn request(words: &[u32]) -> Vec<u8> {
    /// NLMSG_DONE
    const DONE: u32 = 3;
    let payload = 4 * words.len() as u32;
    // The lengths' upper halves are other fields, which stay 0: type and flags, length and flags.
    let header = [EVENT as u32 + payload, u32::from_ne_bytes(pair(DONE as u16, 0)), 0, 0];
    let connector = [PROC, PROC, 0, 0, u32::from_ne_bytes(pair(payload as u16, 0))];
    [&header[..], &connector[..], words].concat().into_iter().flat_map(u32::to_ne_bytes).collect()
}

fn pair(first: u16, second: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (first.to_ne_bytes(), second.to_ne_bytes());
    [a, b, c, d]
}

/// Reads a message: `struct nlmsghdr`, `struct cn_msg`, `struct proc_event`.
fn told(message: &[u8]) -> Told {
    let word = |at: usize| message.get(at..at + 4).and_then(|octets| octets.try_into().ok()).map(u32::from_ne_bytes);
    if (word(16), word(20)) != (Some(PROC), Some(PROC)) {
        return Told::Other;
    }
    // `what`, processor, time in nanoseconds; then the error, or thread and process.
    match (word(EVENT), word(EVENT + 16), word(EVENT + 20)) {
        (Some(ANSWER), Some(error), _) => Told::Answer(error),
        (Some(EXEC), _, Some(process)) => Told::Exec(process),
        _ => Told::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn messages_of_linux_6_18_are_read() {
        let octets =
            |text: &str| -> Vec<u8> { (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect() };
        let answer = "4c0000000300000000000000000000000100000001000000000000000100000028000000\
                      00000000000000006864254940010000000000000000000000000000000000000000000000000000";
        let exec = "4c000000030000000300000000000000010000000100000003000000000000002800000002000000\
                    000000003ddc274940010000c56a0000c56a000000000000000000000000000000000000";
        assert_eq!(told(&octets(answer)), Told::Answer(0));
        assert_eq!(told(&octets(exec)), Told::Exec(0x6ac5));
        for length in 0..60 {
            assert_eq!(told(&octets(exec)[..length.min(59)]), Told::Other);
        }
        assert_eq!(request(&[LISTEN]), octets("28000000030000000000000000000000010000000100000000000000000000000400000001000000"));
    }
}
