//! When to look for guests again.
//!
//! The kernel tells of each exec where it may (the process connector); else it is looked every two seconds, and [`GuestWatch::means`] says so
//! and why. That a known guest has ended is told at once either way (pidfd_open(2)).

use super::connector::Connector;
use super::process::{Kind, Process};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_gettime, timerfd_settime,
};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// How often it is looked without events.
const EVERY: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };
/// How long after an exec it is looked again: QEMU opens its TAPs when it has loaded its libraries, and later under load.
const AFTER_EXEC: [Timespec; 2] = [Timespec { tv_sec: 0, tv_nsec: 100_000_000 }, Timespec { tv_sec: 1, tv_nsec: 0 }];
const NEVER: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// The most guests whose end is waited for, by a descriptor each; the usual limit is 1024 for all of a process.
const FOLLOWED: usize = 512;

/// Marks of what is waited for; a guest's is the number of its process, which is below.
const EXECS: u64 = 1 << 32;
const TIMERS: u64 = 1 << 33;

/// Why processes cannot be watched.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The kernel gave no descriptor.
    #[error("cannot wait for events of processes (epoll or timerfd)")]
    Wait(#[source] io::Error),
}

/// How new guests are noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// The kernel tells of them.
    Events,
    /// It is looked every two seconds.
    Rescans {
        /// Why the kernel does not tell, and what would help.
        why: String,
    },
}

/// Waits for guests to start and to end. Its descriptor is readable when [`GuestWatch::changed`] should be asked.
#[derive(Debug)]
pub struct GuestWatch {
    proc_root: PathBuf,
    wait: OwnedFd,
    connector: Option<Connector>,
    means: Means,
    /// Twice after an exec, and again and again without events.
    timers: [OwnedFd; 3],
    followed: BTreeMap<u32, OwnedFd>,
}

impl GuestWatch {
    /// Starts to listen: what starts after this call is noticed, so look for guests after it.
    ///
    /// # Errors
    /// Where the process has no descriptors left. That the kernel tells of no processes is no error, see [`GuestWatch::means`].
    pub fn new(proc_root: &Path) -> Result<GuestWatch, WatchError> {
        Self::with(proc_root, Connector::open())
    }

    /// As if the kernel would not tell.
    ///
    /// # Errors
    /// As [`GuestWatch::new`].
    pub fn without_events(proc_root: &Path) -> Result<GuestWatch, WatchError> {
        Self::with(proc_root, Err(io::ErrorKind::Unsupported.into()))
    }

    fn with(proc_root: &Path, connector: io::Result<Connector>) -> Result<GuestWatch, WatchError> {
        let failed = |error: rustix::io::Errno| WatchError::Wait(error.into());
        let wait = epoll::create(CreateFlags::CLOEXEC).map_err(failed)?;
        let timer = || timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK).map_err(failed);
        let timers = [timer()?, timer()?, timer()?];
        for (at, timer) in timers.iter().enumerate() {
            epoll::add(&wait, timer, EventData::new_u64(TIMERS + at as u64), EventFlags::IN).map_err(failed)?;
        }
        let (connector, means) = match connector {
            Ok(connector) => (Some(connector), Means::Events),
            Err(error) => (None, Means::Rescans { why: why(&error) }),
        };
        if let Some(connector) = &connector {
            epoll::add(&wait, connector, EventData::new_u64(EXECS), EventFlags::IN).map_err(failed)?;
        }
        let watch = GuestWatch { proc_root: proc_root.to_owned(), wait, connector, means, timers, followed: BTreeMap::new() };
        if watch.connector.is_none() {
            watch.rescan();
        }
        Ok(watch)
    }

    /// How new guests are noticed.
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// The guests whose end is to be noticed: all that the last look found.
    pub fn follow(&mut self, pids: impl IntoIterator<Item = u32>) {
        let mut before = std::mem::take(&mut self.followed);
        for pid in pids {
            if let Some(descriptor) = before.remove(&pid) {
                self.followed.insert(pid, descriptor);
            } else if let Err(error) = self.follow_one(pid) {
                if error == rustix::io::Errno::SRCH {
                    // It ended since the look.
                    set(&self.timers[0], Timespec { tv_sec: 0, tv_nsec: 1 }, NEVER);
                } else {
                    self.means = Means::Rescans { why: format!("the end of process {pid} cannot be waited for ({error})") };
                    self.rescan();
                }
            }
        }
    }

    fn follow_one(&mut self, pid: u32) -> rustix::io::Result<()> {
        if self.followed.len() >= FOLLOWED {
            return Err(rustix::io::Errno::MFILE);
        }
        let process = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(rustix::io::Errno::SRCH)?;
        let descriptor = pidfd_open(process, PidfdFlags::NONBLOCK)?;
        epoll::add(&self.wait, &descriptor, EventData::new_u64(pid.into()), EventFlags::IN)?;
        self.followed.insert(pid, descriptor);
        Ok(())
    }

    fn rescan(&self) {
        set(&self.timers[2], EVERY, EVERY);
    }

    /// Whether it is time to look again: a guest started or ended since the last call, or may have. Does not wait.
    pub fn changed(&mut self) -> bool {
        let mut changed = false;
        // What is readable after so many rounds is readable at the next call.
        for _ in 0..16 {
            let mut events = Vec::with_capacity(64);
            if !matches!(epoll::wait(&self.wait, rustix::buffer::spare_capacity(&mut events), Some(&NEVER)), Ok(1..)) {
                break;
            }
            for event in events {
                changed |= self.take(event);
            }
        }
        changed
    }

    fn take(&mut self, event: Event) -> bool {
        match event.data.u64() {
            EXECS => self.take_execs(),
            mark @ TIMERS.. => {
                let mut expirations = [0; 8];
                let timer = usize::try_from(mark - TIMERS).ok().and_then(|at| self.timers.get(at));
                timer.is_some_and(|timer| rustix::io::read(timer, &mut expirations).is_ok())
            }
            pid => u32::try_from(pid).ok().and_then(|pid| self.followed.remove(&pid)).is_some(),
        }
    }

    fn take_execs(&mut self) -> bool {
        let Some(connector) = &self.connector else { return false };
        let is_guest = |pid| matches!(Process::new(&self.proc_root, pid).program().0, Kind::Qemu | Kind::Monitor);
        let has_started = match connector.execs(256) {
            Some(pids) => pids.into_iter().any(is_guest),
            None => true,
        };
        if has_started {
            // The first look is not put off by further starts, the last one comes after the last start.
            if timerfd_gettime(&self.timers[0]).is_ok_and(|left| left.it_value == NEVER) {
                set(&self.timers[0], AFTER_EXEC[0], NEVER);
            }
            set(&self.timers[1], AFTER_EXEC[1], NEVER);
        }
        has_started
    }
}

impl AsFd for GuestWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wait.as_fd()
    }
}

/// Can fail for a descriptor that is no timer only.
fn set(timer: &OwnedFd, first: Timespec, then: Timespec) {
    let _ = timerfd_settime(timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: then, it_value: first });
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "the kernel tells of processes only to who may administer the network: sudo tapscope".into(),
        io::ErrorKind::ConnectionRefused => "the kernel tells of processes only in the first network namespace".into(),
        io::ErrorKind::TimedOut => "the kernel tells of processes only outside of containers".into(),
        _ => format!("the kernel does not tell of processes ({error})"),
    }
}
