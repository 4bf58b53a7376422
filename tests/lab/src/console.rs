//! The lab's end of a guest's second serial port; the other end is `serve` in `guest/init`.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::output::Output;
use crate::process::{LOOK_AGAIN, Process};

/// Begins what the guest's server says itself; nothing that a test runs writes it.
const MARK: char = '\u{1}';
/// What a guest may write without an end; a command line that is longer than the other does not fit into the guest's terminal.
const MOST: usize = 16 << 20;
const LONGEST: usize = 16 << 10;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The other end is closed: QEMU has ended.
    Ended,
    /// The time is over; this had come so far.
    Late(String),
    /// It cannot be asked.
    Refused(String),
}

/// A connection to a guest's server of commands.
#[derive(Debug)]
pub(crate) struct Console {
    stream: UnixStream,
    /// What was read and not yet used.
    read: Vec<u8>,
    commands: u32,
}

impl Console {
    /// Connects as soon as QEMU has made the socket: what it writes before that is lost.
    pub(crate) fn open(path: &Path, qemu: &Process, limit: Duration) -> Result<Self, Lost> {
        let deadline = Instant::now() + limit;
        loop {
            match UnixStream::connect(path) {
                Ok(stream) => return Ok(Self { stream, read: Vec::new(), commands: 0 }),
                Err(_) if !qemu.is_running() => return Err(Lost::Ended),
                Err(cause) if Instant::now() > deadline => return Err(Lost::Late(format!("{}: {cause}", path.display()))),
                Err(_) => std::thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// Waits for the server's greeting, and gives what did not work until then; nothing, ordinarily.
    pub(crate) fn wait_until_up(&mut self, limit: Duration) -> Result<String, Lost> {
        let deadline = Instant::now() + limit;
        self.until(&format!("{MARK}ready"), deadline)?;
        self.until("\n", deadline)
    }

    /// Runs a command to its end. The answer to one that was given up is passed over by the next.
    pub(crate) fn run(&mut self, command: &str, limit: Duration) -> Result<Output, Lost> {
        let deadline = Instant::now() + limit;
        self.commands += 1;
        let token = self.commands;
        let line = format!("{token} {}\n", escaped(command)?);
        self.stream.write_all(line.as_bytes()).map_err(|_| Lost::Ended)?;
        self.until(&format!("{MARK}{token} begin\n"), deadline)?;
        let text = self.until(&format!("{MARK}{token} "), deadline)?;
        let status = self.until("\n", deadline)?;
        let status = status.parse().map_err(|_| Lost::Refused(format!("{status:?} is no exit status")))?;
        Ok(Output { status, text })
    }

    /// What comes before this text, which is passed over itself.
    fn until(&mut self, end: &str, deadline: Instant) -> Result<String, Lost> {
        let end = end.as_bytes();
        let mut searched = 0;
        loop {
            if let Some(found) = self.read[searched..].windows(end.len()).position(|octets| octets == end) {
                let text = String::from_utf8_lossy(&self.read[..searched + found]).into_owned();
                self.read.drain(..searched + found + end.len());
                return Ok(text);
            }
            searched = self.read.len().saturating_sub(end.len() - 1);
            self.read_more(deadline)?;
        }
    }

    fn read_more(&mut self, deadline: Instant) -> Result<(), Lost> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || self.read.len() > MOST {
            return Err(Lost::Late(String::from_utf8_lossy(&self.read[..self.read.len().min(LONGEST)]).into_owned()));
        }
        let mut buffer = [0; 4096];
        let count = self.stream.set_read_timeout(Some(left)).and_then(|()| self.stream.read(&mut buffer));
        match count {
            Ok(0) => Err(Lost::Ended),
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(cause) if matches!(cause.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => Ok(()),
            Err(_) => Err(Lost::Ended),
        }
    }
}

/// The command as one word, as `printf %b` understands it.
fn escaped(command: &str) -> Result<String, Lost> {
    let mut word = String::new();
    for octet in command.bytes() {
        match octet {
            0 => return Err(Lost::Refused("a command cannot hold the octet 0".to_owned())),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'/' => word.push(char::from(octet)),
            // Writing to a String does not fail.
            _ => _ = write!(word, "\\0{octet:03o}"),
        }
    }
    if word.len() > LONGEST {
        return Err(Lost::Refused(format!("a command of {} octets is too long", command.len())));
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_word_on_the_line() {
        assert_eq!(escaped("ping -c1 10.0.3.101").ok().as_deref(), Some("ping\\0040-c1\\004010.0.3.101"));
        assert_eq!(escaped("a\n\\'ä").ok().as_deref(), Some("a\\0012\\0134\\0047\\0303\\0244"));
        assert!(escaped("a\0").is_err());
        assert!(escaped(&"x".repeat(LONGEST + 1)).is_err());
    }
}
