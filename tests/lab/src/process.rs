//! A program that runs in the background of a lab.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::error::{Error, file};
use crate::lab::Shared;

/// How often something is looked at that cannot wake us.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A program in the background. It runs until it is stopped or its lab ends; dropping this handle does nothing.
#[derive(Clone, Debug)]
pub struct Process {
    name: String,
    pid: u32,
    log: PathBuf,
    child: Arc<Mutex<Child>>,
}

impl Process {
    /// Starts it with a log in the lab's folder, `NAME.log`, for both of its output channels.
    pub(crate) fn start(lab: &Shared, place: &str, name: &str, command: &mut Command) -> Result<Self, Error> {
        let log = lab.folder.join(format!("{name}.log"));
        let output = File::create(&log).map_err(file("write", &log))?;
        let errors = output.try_clone().map_err(file("write", &log))?;
        // A group of its own: ctrl-C is for the test, and what it starts itself ends with it.
        command.process_group(0).stdin(Stdio::null()).stdout(output).stderr(errors);
        let started = command.spawn();
        let child = started.map_err(|cause| Error::Start { place: place.to_owned(), command: format!("{command:?}"), cause })?;
        let process = Self { name: name.to_owned(), pid: child.id(), log, child: Arc::new(Mutex::new(child)) };
        lab.remember(&process);
        Ok(process)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        matches!(self.child().try_wait(), Ok(None))
    }

    /// All that it wrote so far.
    ///
    /// # Errors
    ///
    /// If the log is gone, because the lab is.
    pub fn text(&self) -> Result<String, Error> {
        let octets = fs::read(&self.log).map_err(file("read", &self.log))?;
        Ok(String::from_utf8_lossy(&octets).into_owned())
    }

    /// Where it writes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until it has written this text.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] if it does not within the limit, [`Error::Ended`] if it ends before.
    pub fn wait_for(&self, wanted: &str, limit: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + limit;
        loop {
            // In this order: its last words count.
            let runs = self.is_running();
            let text = self.text()?;
            if text.contains(wanted) {
                return Ok(());
            }
            if !runs {
                return Err(Error::Ended { place: self.name.clone(), text });
            }
            if Instant::now() > deadline {
                return Err(Error::TooLong { place: self.name.clone(), wanted: format!("{wanted:?}"), limit, text });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Asks it to end (SIGTERM), and waits; ends it if it does not. Gives the status, as [`Output`](crate::Output) has it.
    ///
    /// # Errors
    ///
    /// If the system does not say how it ended.
    pub fn finish(&self, limit: Duration) -> Result<i32, Error> {
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + limit;
        while self.is_running() && Instant::now() < deadline {
            std::thread::sleep(LOOK_AGAIN);
        }
        self.stop();
        let status = self.child().wait().map_err(file("wait for", &self.name))?;
        Ok(crate::run::status_of(status))
    }

    /// Ends it at once, and what it started, and waits until it is gone.
    pub fn stop(&self) {
        self.signal(Signal::SIGKILL);
        let _ = self.child().wait();
    }

    fn signal(&self, signal: Signal) {
        // Under the lock: as long as nobody has waited for it, its number is not given to another process.
        let mut child = self.child();
        if matches!(child.try_wait(), Ok(None)) {
            let _ = killpg(Pid::from_raw(self.pid.cast_signed()), signal);
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
