//! tcpdump, which only copies.

use crate::lab::generator::Sent;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What it saw.
pub struct Peer {
    /// Frames that the kernel dropped because its ring was full, as it says itself.
    pub lost: u64,
    pub cpu: Duration,
}

/// Runs tcpdump on an interface while something is sent.
pub fn tcpdump(interface: &str, send: impl FnOnce() -> io::Result<Sent>) -> io::Result<(Sent, Peer)> {
    let mut child = Command::new("tcpdump")
        .args(["-i", interface, "-n", "-Q", "in", "-B", "16384", "-w", "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        if said.read_line(&mut line)? == 0 {
            return Err(io::Error::other("tcpdump does not listen"));
        }
    }
    let id = child.id();
    let before = cpu_of(id)?;
    let sent = send()?;
    let cpu = cpu_of(id)? - before;
    // As Ctrl-C: it then says what it saw.
    Command::new("kill").args(["-INT", &id.to_string()]).status()?;
    let mut rest = String::new();
    said.read_to_string(&mut rest)?;
    child.wait()?;
    // Not what it captured: what is in an unfinished block when it is interrupted is not lost.
    let lost = rest.lines().find_map(|line| line.strip_suffix(" dropped by kernel")?.split_whitespace().next()?.parse().ok());
    let lost = lost.ok_or_else(|| io::Error::other(format!("tcpdump did not count: {rest}")))?;
    Ok((sent, Peer { lost, cpu }))
}

fn cpu_of(id: u32) -> io::Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{id}/schedstat"))?;
    let time = text.split_ascii_whitespace().next().and_then(|time| time.parse().ok());
    Ok(Duration::from_nanos(time.ok_or_else(|| io::Error::other("no schedstat"))?))
}
