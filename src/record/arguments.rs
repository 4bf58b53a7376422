//! The options of `tapscope record`, which are dumpcap's where it has them.

use crate::live::LiveArguments;
use clap::Args;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use tapscope_capture::record::Limits;

/// `tapscope record`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapscope record -w today.pcapng                     all TAPs, bridges and their ports, until ctrl-C
  tapscope record -i tap0 -i tap1 -f 'arp or icmp' -c 100 -w pings.pcapng
  tapscope record -w ring.pcapng -b filesize:100000 -b files:10
                                                      the last gigabyte, in files of 100 MB
  tapscope record -a duration:3600 --whole -w hour.pcapng
  tapscope record --wireshark -i tap0                 beside a file (-w), or alone
  tapscope record --serve 127.0.0.1:57012             then: tapscope tcp://127.0.0.1:57012, or wireshark -k -i TCP@127.0.0.1:57012
  tapscope show today.pcapng                          what it showed when it ended; tapscope today.pcapng opens the window

The file is pcapng with one interface for each point, which Wireshark reads; tapscope reads back also what the
host said meanwhile. What is older than a fifth of a second is in the file, whatever happens to tapscope.

Exit status: 0 all that was captured is in the file; 1 it could not begin, ended because it could not write on
(standard error says why; the file is whole up to there), or frames were lost on the way; 64 usage.")]
pub struct RecordArguments {
    #[command(flatten)]
    pub live: LiveArguments,
    /// Where to: a file, a pipe, or `-` for standard output
    #[arg(short = 'w', long = "write", value_name = "FILE", required_unless_present_any = ["serve", "wireshark"])]
    pub write: Option<PathBuf>,
    /// Serve it to whoever connects (pcap-over-IP), each from how things stand then: a port of this host, or an address and a port. There is
    /// no password: everybody who reaches the address sees all traffic
    #[arg(long, value_name = "ADDRESS", value_parser = crate::serve::address)]
    pub serve: Option<SocketAddr>,
    /// Open Wireshark on it, from now on
    #[arg(long)]
    pub wireshark: bool,
    /// Take everything in both directions at every point: a frame that crosses a bridge is then recorded at each of its points, instead
    /// of once where it entered (ARP, ICMP, DHCP and the like are taken everywhere anyway)
    #[arg(long)]
    pub whole: bool,
    /// Capture so many octets of each frame
    #[arg(short = 's', long, value_name = "OCTETS", value_parser = clap::value_parser!(u32).range(1..=262_144))]
    pub snapshot_length: Option<u32>,
    /// End after so many packets
    #[arg(short = 'c', long, value_name = "PACKETS", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End after `duration:SECONDS`, `filesize:KB` (of 1,000 octets, all files together), `packets:COUNT`, `files:COUNT` (with -b)
    #[arg(short = 'a', long = "autostop", value_name = "CONDITION")]
    pub autostop: Vec<Condition>,
    /// Go on in another file after `filesize:KB`, `duration:SECONDS` or `packets:COUNT`, and keep the last `files:COUNT`; each file is
    /// called NAME_00001_YYYYMMDDhhmmss (UTC) and shows the whole network by itself
    #[arg(short = 'b', long = "ring-buffer", value_name = "CONDITION")]
    pub ring: Vec<Condition>,
    /// Write the old format pcap: frames of one link type, without points, directions and what the host says
    #[arg(short = 'P', long)]
    pub pcap: bool,
    /// End before less than so many MB are free where the file is; by default 500, or a twentieth of a small file system
    #[arg(long, value_name = "MB")]
    pub min_free: Option<u64>,
    /// Nothing on standard error but what is wrong, and the summary
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

/// One of dumpcap's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `duration:`
    Duration(Duration),
    /// `filesize:`, octets.
    Octets(u64),
    /// `packets:`
    Packets(u64),
    /// `files:`
    Files(u32),
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        let (name, value) = text.split_once(':').ok_or("has no colon: duration:10, filesize:1000, packets:5 or files:3")?;
        let whole = || value.parse::<u64>().ok().filter(|&value| value > 0).ok_or(format!("{value:?} is no count"));
        match name {
            "duration" => match value.parse::<f64>() {
                Ok(seconds) if seconds > 0.0 => Duration::try_from_secs_f64(seconds).map(Condition::Duration).map_err(|e| e.to_string()),
                _ => Err(format!("{value:?} is no number of seconds")),
            },
            "filesize" => whole()?.checked_mul(1000).map(Condition::Octets).ok_or(format!("{value} kB are too many")),
            "packets" => Ok(Condition::Packets(whole()?)),
            "files" => whole().and_then(|files| u32::try_from(files).map(Condition::Files).map_err(|error| error.to_string())),
            other => Err(format!("nobody knows {other:?}: duration, filesize, packets or files")),
        }
    }
}

/// All conditions together; of several of a kind the last one counts.
pub fn limits(conditions: &[Condition]) -> Limits {
    let mut limits = Limits::default();
    for condition in conditions {
        match *condition {
            Condition::Duration(time) => limits.time = Some(time),
            Condition::Octets(octets) => limits.octets = Some(octets),
            Condition::Packets(packets) => limits.packets = Some(packets),
            Condition::Files(files) => limits.files = Some(files),
        }
    }
    limits
}

impl RecordArguments {
    /// What cannot be meant.
    pub fn nonsense(&self) -> Option<&'static str> {
        let is_output = self.write.as_deref() == Some(Path::new("-"));
        if is_output && std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            return Some("a recording is nothing for a terminal: -w FILE, or pipe standard output somewhere");
        }
        if self.write.is_none() && (self.count.is_some() || !self.autostop.is_empty() || !self.ring.is_empty()) {
            return Some("-a, -b and -c are said of a file: -w FILE");
        }
        if !self.ring.is_empty() && is_output {
            return Some("-b makes several files, and standard output is one: -w FILE");
        }
        if !self.ring.is_empty() && !limits(&self.ring).has_any() {
            return Some("-b files: says how many files are kept; say also when one is full: -b filesize:, duration: or packets:");
        }
        if limits(&self.autostop).files.is_some() && self.ring.is_empty() {
            return Some("-a files: ends after so many files; say also when one is full, by -b");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_dumpcaps() {
        let parse = str::parse::<Condition>;
        assert_eq!(parse("filesize:100"), Ok(Condition::Octets(100_000)));
        assert_eq!(parse("duration:0.5"), Ok(Condition::Duration(Duration::from_millis(500))));
        assert_eq!(parse("files:5"), Ok(Condition::Files(5)));
        for wrong in ["", "files", "files:0", "duration:-1", "duration:inf", "duration:1e300", "filesize:18446744073709551615", "x:1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
