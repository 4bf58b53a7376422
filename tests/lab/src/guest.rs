//! A guest that runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::console::{Console, Lost};
use crate::error::Error;
use crate::lab::Shared;
use crate::namespace::Namespace;
use crate::need::QEMU;
use crate::output::Output;
use crate::process::Process;
use crate::qmp;

/// How long a guest may take to boot; three times as long as on the busiest of machines.
const BOOT_LIMIT: Duration = Duration::from_secs(180);
/// How long QEMU may take to open its sockets.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a command may take in a guest, if nothing is said.
const RUN_LIMIT: Duration = Duration::from_secs(30);

/// A QEMU guest, with commands in it. It runs until it is stopped or its lab ends; dropping this handle does nothing.
#[derive(Debug)]
pub struct Guest {
    machine: Machine,
    // Apart: a guest can be stopped while another thread waits for what it says.
    process: Mutex<Process>,
    talk: Mutex<Talk>,
}

/// What does not change when a guest starts anew.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) lab: Arc<Shared>,
    pub(crate) name: String,
    pub(crate) namespace: Namespace,
    pub(crate) macs: Vec<String>,
    /// QEMU's, without what gives access to the guest.
    pub(crate) arguments: Vec<String>,
}

#[derive(Debug)]
struct Talk {
    console: Console,
    is_up: bool,
}

impl Guest {
    pub(crate) fn start(machine: Machine) -> Result<Self, Error> {
        let (process, talk) = machine.start()?;
        Ok(Self { machine, process: Mutex::new(process), talk: Mutex::new(talk) })
    }

    /// Waits until the guest has booted and has its addresses; at once if it is up already.
    ///
    /// # Errors
    ///
    /// [`Error::Trouble`] if it is up but could not have what it was to have, such as a lease; or else that it did not come up.
    pub fn wait_until_up(&self) -> Result<(), Error> {
        let mut talk = lock(&self.talk);
        if talk.is_up {
            return Ok(());
        }
        let trouble = talk.console.wait_until_up(BOOT_LIMIT).map_err(|lost| self.machine.lost(lost, "the end of its boot", BOOT_LIMIT))?;
        if !trouble.is_empty() {
            return Err(Error::Trouble { guest: self.machine.name.clone(), trouble });
        }
        talk.is_up = true;
        Ok(())
    }

    /// Runs a shell command in the guest to its end: `a.run("ping -c1 10.0.3.101")?.text`. One at a time; the tools are busybox's.
    ///
    /// What is to go on in the background must not write to the same place: `a.run("ping 10.0.3.101 >/dev/null 2>&1 &")`.
    ///
    /// # Errors
    ///
    /// Only if it could not be run, or did not end in half a minute: a failure of the command is in the output. See [`Guest::must`].
    pub fn run(&self, command: &str) -> Result<Output, Error> {
        self.run_within(command, RUN_LIMIT)
    }

    /// As [`Guest::run`], with another limit.
    ///
    /// # Errors
    ///
    /// As [`Guest::run`].
    pub fn run_within(&self, command: &str, limit: Duration) -> Result<Output, Error> {
        self.wait_until_up()?;
        let answer = lock(&self.talk).console.run(command, limit);
        answer.map_err(|lost| self.machine.lost(lost, &format!("the end of `{command}`"), limit))
    }

    /// Runs a shell command that has to work, and gives what it wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with all that it wrote if its status is not 0.
    pub fn must(&self, command: &str) -> Result<String, Error> {
        self.run(command)?.expect(&self.machine.name, command)
    }

    /// Whether a shell command works: `assert!(a.can("ping -c1 -W2 10.0.3.101")?)`.
    ///
    /// # Errors
    ///
    /// As [`Guest::run`].
    pub fn can(&self, command: &str) -> Result<bool, Error> {
        Ok(self.run(command)?.is_success())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.machine.name
    }

    /// The namespace that its QEMU runs in.
    pub fn namespace(&self) -> &Namespace {
        &self.machine.namespace
    }

    /// The hardware addresses of its NICs, in order.
    pub fn macs(&self) -> &[String] {
        &self.machine.macs
    }

    /// The process id of its QEMU.
    pub fn pid(&self) -> u32 {
        lock(&self.process).pid()
    }

    /// Whether its QEMU runs.
    pub fn is_running(&self) -> bool {
        lock(&self.process).is_running()
    }

    /// A QMP socket that the lab does not use.
    pub fn monitor(&self) -> PathBuf {
        self.machine.path("qmp")
    }

    /// A second QMP socket. The lab uses it for as long as [`Guest::qmp`] takes.
    pub fn second_monitor(&self) -> PathBuf {
        self.machine.path("qmp2")
    }

    /// The socket of its first serial port, with the kernel's messages and a shell for people.
    pub fn console(&self) -> PathBuf {
        self.machine.path("console")
    }

    /// Runs a QMP command, and gives what it returns.
    ///
    /// # Errors
    ///
    /// [`Error::Monitor`] if QEMU refuses, or the socket is in use.
    pub fn qmp(&self, command: &str, arguments: Value) -> Result<Value, Error> {
        qmp::execute(&self.second_monitor(), command, arguments)
    }

    /// Stops its processors; QEMU goes on.
    ///
    /// # Errors
    ///
    /// As [`Guest::qmp`].
    pub fn pause(&self) -> Result<(), Error> {
        self.qmp("stop", Value::Null).map(drop)
    }

    /// Lets it go on after [`Guest::pause`].
    ///
    /// # Errors
    ///
    /// As [`Guest::qmp`].
    pub fn resume(&self) -> Result<(), Error> {
        self.qmp("cont", Value::Null).map(drop)
    }

    /// Ends its QEMU, as if the plug was pulled, and waits until it is gone.
    pub fn stop(&self) {
        lock(&self.process).stop();
    }

    /// Stops it if it runs, starts the same one as a new process, and waits until it is up.
    ///
    /// # Errors
    ///
    /// As [`Plan::boot`](crate::Plan::boot).
    pub fn restart(&self) -> Result<(), Error> {
        self.stop();
        let (process, talk) = self.machine.start()?;
        *lock(&self.process) = process;
        *lock(&self.talk) = talk;
        self.wait_until_up()
    }
}

/// A panic of another thread that used it is that thread's affair.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Machine {
    fn start(&self) -> Result<(Process, Talk), Error> {
        let shown = |path: PathBuf| path.display().to_string();
        let mut qemu = self.namespace.command(QEMU);
        qemu.args(&self.arguments);
        for (id, log) in [("console", "console.log"), ("lab", "lab.log")] {
            let socket = self.path(id);
            // That of a former process would refuse who connects before QEMU has replaced it.
            let _ = fs::remove_file(&socket);
            let log = shown(self.path(log));
            qemu.arg("-chardev").arg(format!("socket,id={id},path={},server=on,wait=off,logfile={log}", shown(socket)));
            qemu.arg("-serial").arg(format!("chardev:{id}"));
        }
        for monitor in ["qmp", "qmp2"] {
            qemu.arg("-qmp").arg(format!("unix:{},server=on,wait=off", shown(self.path(monitor))));
        }
        let process = Process::start(&self.lab, &self.name, &format!("{}.qemu", self.name), &mut qemu)?;
        let console =
            Console::open(&self.path("lab"), &process, START_LIMIT).map_err(|lost| self.lost(lost, "its console", START_LIMIT))?;
        Ok((process, Talk { console, is_up: false }))
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.lab.folder.join(format!("{}.{ending}", self.name))
    }

    /// The error for a console that is lost, with the last words of all who may have said why.
    fn lost(&self, lost: Lost, wanted: &str, limit: Duration) -> Error {
        let said = |name: &str, path: &Path| {
            let octets = fs::read(path).unwrap_or_default();
            let text = String::from_utf8_lossy(&octets[octets.len().saturating_sub(4000)..]).trim().to_owned();
            if text.is_empty() { String::new() } else { format!("{name}: {text}\n") }
        };
        let logs = [said("QEMU", &self.path("qemu.log")), said("console", &self.path("console.log"))].concat();
        let place = format!("the guest {}", self.name);
        match lost {
            Lost::Ended => Error::Ended { place, text: logs },
            Lost::Late(text) => Error::TooLong { place, wanted: wanted.to_owned(), limit, text: format!("{text}\n{logs}") },
            Lost::Refused(why) => Error::Plan { place, why },
        }
    }
}
