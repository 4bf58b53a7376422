//! Why the kernel drops packets, in its own words: the tracepoint `skb:kfree_skb`, read through tracefs.
//!
//! Read Documentation/trace/ftrace.rst of the kernel ("Instances") and `include/trace/events/skb.h`. The event is switched on in an own
//! instance, so that nobody else's tracing is disturbed; it is for the whole machine, for all namespaces, and tells no device.

mod event;
mod instance;

pub use event::{Event, Format, Line, format, line};
use instance::Instance;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;
use tapscope_graph::host::{Drop as Dropped, HostChange, HostFact, Unreadable};
use tapscope_graph::{Text, Timestamp};

/// The most kinds of drops that are told: reason, place and protocol.
const KINDS: usize = 512;
/// The longest line of the trace, octets; the kernel's own are shorter than half of it.
const LINE: usize = 1024;
/// What of one reading is taken, octets, so that a flood of drops leaves time for the rest.
const READING: usize = 256 << 10;
/// What could not be read is told under this name.
const WHAT: &str = "why the kernel drops packets";

/// The kernel cannot be asked why it drops packets.
#[derive(Debug, thiserror::Error)]
pub enum DropsError {
    /// There is no tracefs.
    #[error("this kernel has no tracefs")]
    NoTracefs(#[source] io::Error),
    /// It may not be used.
    #[error("tapscope may not use the kernel's tracing")]
    NotPermitted(#[source] io::Error),
    /// The event is not there, or tells no reason.
    #[error("this kernel does not tell why it drops packets")]
    NoReasons,
    /// Something else.
    #[error("cannot {what} in the kernel's tracing")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        cause: io::Error,
    },
}

impl DropsError {
    /// What would help.
    pub fn remedy(&self) -> &'static str {
        match self {
            DropsError::NoTracefs(_) => "a kernel with CONFIG_TRACING has it",
            DropsError::NotPermitted(_) => "sudo tapscope …, where the kernel is not locked down (/sys/kernel/security/lockdown)",
            DropsError::NoReasons => "Linux 5.17 and later does",
            DropsError::Failed { .. } => "dmesg may tell more",
        }
    }

    /// The same as a fact of the host.
    pub fn told(&self) -> HostChange {
        let cause = std::error::Error::source(self).map_or_else(String::new, |cause| format!(" ({cause})"));
        unreadable(&format!("{self}{cause}"), self.remedy())
    }
}

fn unreadable(why: &str, remedy: &str) -> HostChange {
    HostChange::Set(HostFact::Unreadable(Unreadable { what: Text::new(WHAT), why: Text::long(why), remedy: Text::long(remedy) }))
}

/// The kernel's own word for each packet that it drops, from now until this is dropped.
#[derive(Debug)]
pub struct Drops {
    pipe: File,
    /// Removed at the end, whatever happens: the event is off then.
    instance: Instance,
    format: Format,
    rest: Vec<u8>,
    tally: Tally,
}

impl Drops {
    /// Switches the event on, in an own instance named for this process. Instances that a tapscope left that did not end well are removed.
    ///
    /// # Errors
    /// The kernel has no such thing, or we may not.
    pub fn open() -> Result<Drops, DropsError> {
        let instance = Instance::make()?;
        let format = instance.format()?;
        let pipe = instance.start()?;
        Ok(Drops { pipe, instance, format, rest: Vec::new(), tally: Tally::default() })
    }

    /// What the instance is called, below `instances` in tracefs.
    pub fn name(&self) -> &str {
        self.instance.name()
    }

    /// The names that the running kernel has for reasons.
    pub fn reasons(&self) -> &[Text] {
        &self.format.reasons
    }

    /// What was dropped since the last call. Waits at most `wait` for the first drop.
    ///
    /// # Errors
    /// The trace cannot be read any more.
    pub fn next(&mut self, wait: Duration) -> io::Result<Vec<HostChange>> {
        let timeout = Timespec { tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(wait.subsec_nanos()) };
        match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut chunk = [0; 16 << 10];
        let mut taken = 0;
        while taken < READING {
            match self.pipe.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => {
                    taken += length;
                    self.take(&chunk[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.tally.changes())
    }

    fn take(&mut self, chunk: &[u8]) {
        let since_1970 = since_1970();
        for part in chunk.split_inclusive(|octet| *octet == b'\n') {
            if self.rest.len() + part.len() > LINE {
                self.rest.clear();
                self.tally.lost += 1;
                continue;
            }
            self.rest.extend_from_slice(part);
            if self.rest.last() != Some(&b'\n') {
                continue;
            }
            match line(&String::from_utf8_lossy(&self.rest)) {
                Some(Line::Event(event)) => self.tally.add(&event, since_1970),
                Some(Line::Lost(lost)) => self.tally.lost = self.tally.lost.saturating_add(lost),
                None => {}
            }
            self.rest.clear();
        }
    }
}

/// The moment that the monotonic clock counts from.
fn since_1970() -> i64 {
    let monotonic = clock_gettime(ClockId::Monotonic);
    crate::clock::now().0.saturating_sub(monotonic.tv_sec.saturating_mul(1_000_000_000).saturating_add(monotonic.tv_nsec))
}

/// Drops by kind.
#[derive(Debug, Default)]
struct Tally {
    kinds: BTreeMap<(Text, Text, u16), (Dropped, bool)>,
    lost: u64,
    told_lost: u64,
}

impl Tally {
    fn add(&mut self, event: &Event, since_1970: i64) {
        let kind = (Text::new(&event.reason), Text::new(&event.location), event.protocol);
        if self.kinds.len() >= KINDS && !self.kinds.contains_key(&kind) {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        let (reason, location, ether_type) = kind.clone();
        let fresh = || (Dropped { reason, location, ether_type, ..Dropped::default() }, false);
        let (row, is_told) = self.kinds.entry(kind).or_insert_with(fresh);
        row.packets += 1;
        if row.moments.len() >= Dropped::MOMENTS {
            row.moments.remove(0);
        }
        row.moments.push(Timestamp(event.at.saturating_add(since_1970)));
        *is_told = false;
    }

    fn changes(&mut self) -> Vec<HostChange> {
        let mut changes = Vec::new();
        for (row, is_told) in self.kinds.values_mut().filter(|(_, is_told)| !is_told) {
            changes.push(HostChange::Set(HostFact::Drop(row.clone())));
            *is_told = true;
        }
        if self.lost > self.told_lost {
            self.told_lost = self.lost;
            let why = format!("the kernel dropped faster than that was read: {} drops are not known", self.lost);
            changes.push(unreadable(&why, "ask again when less is dropped"));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(reason: &str, at: i64) -> Event {
        Event { at, protocol: 0x800, location: "nft_do_chain".into(), reason: reason.into() }
    }

    #[test]
    fn drops_are_counted_by_kind_with_the_latest_moments() {
        let mut tally = Tally::default();
        for at in 0..100 {
            tally.add(&event("NETFILTER_DROP", at), 1000);
        }
        let changes = tally.changes();
        let [HostChange::Set(HostFact::Drop(row))] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!((row.packets, row.moments.len()), (100, Dropped::MOMENTS));
        assert_eq!(row.moments.last(), Some(&Timestamp(1099)));
        assert_eq!(tally.changes(), [], "told once");
    }

    #[test]
    fn kinds_without_number_are_counted_as_lost() {
        let mut tally = Tally::default();
        for number in 0..KINDS + 3 {
            tally.add(&event(&format!("REASON_{number}"), 0), 0);
        }
        assert_eq!(tally.kinds.len(), KINDS);
        let lost = tally.changes().into_iter().find_map(|change| match change {
            HostChange::Set(HostFact::Unreadable(row)) => Some(row.why.to_string()),
            _ => None,
        });
        assert_eq!(lost.as_deref(), Some("the kernel dropped faster than that was read: 3 drops are not known"));
    }
}
