//! A lab: what is made in it lives as long as it does.

use std::env;
use std::fmt;
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, file};
use crate::guest::Guest;
use crate::image::{self, Image};
use crate::keeper::{self, Keeper};
use crate::namespace::Namespace;
use crate::need;
use crate::plan::Plan;
use crate::process::Process;

/// Namespaces, what is in them, and guests. Dropping it takes all of that down, whatever handles are still around.
#[derive(Debug)]
pub struct Lab {
    shared: Arc<Shared>,
    keeper: Keeper,
}

/// What handles to parts of a lab have in common.
pub(crate) struct Shared {
    /// `tslab-PID-NUMBER`: what namespaces' names begin with.
    pub(crate) id: String,
    /// What it was called in [`Lab::new`].
    name: String,
    pub(crate) folder: PathBuf,
    pub(crate) image: Option<Image>,
    /// All that was started, to be waited for in the end.
    processes: Mutex<Vec<Process>>,
    pub(crate) guests: AtomicU32,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.id, self.name)
    }
}

impl Shared {
    pub(crate) fn remember(&self, process: &Process) {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).push(process.clone());
    }
}

impl Lab {
    /// A lab for namespaces and guests. The first one of all makes what guests boot, which takes some seconds and needs Debian's package server.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] where labs cannot work, with what is missing; else what could not be made.
    pub fn new(name: &str) -> Result<Self, Error> {
        need::namespaces()?;
        need::guests()?;
        Self::with(name, Some(image::image()?))
    }

    /// A lab that will have no guests, and so needs neither QEMU nor a kernel.
    ///
    /// # Errors
    ///
    /// As [`Lab::new`].
    pub fn without_guests(name: &str) -> Result<Self, Error> {
        need::namespaces()?;
        Self::with(name, None)
    }

    /// As [`Lab::new`], for tests that a developer's machine may not be able to run: where it cannot, says so on the terminal, past the test
    /// harness, and gives `None`.
    ///
    /// # Panics
    ///
    /// If it cannot be made and the variable `CI` is set: where all tests have to run, none is left out.
    pub fn or_say(name: &str) -> Option<Self> {
        let why = match Self::new(name) {
            Ok(lab) => return Some(lab),
            Err(why) => why,
        };
        assert!(env::var_os("CI").is_none(), "{name}: {why:?}");
        // Not eprintln: the harness keeps that to itself if the test passes.
        let _ = writeln!(std::io::stderr(), "\nLEFT OUT: the test {name} did not run: {why:?}\n");
        None
    }

    fn with(name: &str, image: Option<Image>) -> Result<Self, Error> {
        static LABS: AtomicU32 = AtomicU32::new(0);

        keeper::sweep()?;
        let id = keeper::id(LABS.fetch_add(1, Ordering::Relaxed));
        // From here on the keeper takes down what is there.
        let keeper = Keeper::start(&id)?;
        let folder = keeper::folder(&id);
        let shared = Shared { id, name: name.to_owned(), folder, image, processes: Mutex::default(), guests: AtomicU32::new(0) };
        let lab = Self { shared: Arc::new(shared), keeper };
        DirBuilder::new().mode(0o755).create(lab.folder()).map_err(file("make", lab.folder()))?;
        Ok(lab)
    }

    /// A new network namespace, with `lo` up and IPv6 off. Its name outside begins with the lab's id.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or there is one of that name in this lab.
    pub fn namespace(&self, name: &str) -> Result<Namespace, Error> {
        Namespace::new(&self.shared, name)
    }

    /// Describes a guest; [`Plan::boot`] makes it.
    pub fn guest(&self, name: &str) -> Plan {
        Plan::new(&self.shared, name)
    }

    /// Boots several guests at the same time.
    ///
    /// # Errors
    ///
    /// The first that [`Plan::boot`] would give.
    pub fn boot<const COUNT: usize>(&self, plans: [Plan; COUNT]) -> Result<[Guest; COUNT], Error> {
        let started = plans.into_iter().map(Plan::start).collect::<Result<Vec<_>, _>>()?;
        started.iter().try_for_each(Guest::wait_until_up)?;
        let count = started.len();
        started.try_into().map_err(|_| Error::Plan { place: self.shared.name.clone(), why: format!("{count} guests") })
    }

    /// What distinguishes this lab from all others: `tslab-PID-NUMBER`. Names of namespaces begin with it.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// A folder that goes with the lab, for sockets, captures and logs.
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.keeper.finish();
        for process in self.shared.processes.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            process.stop();
        }
        if self.shared.folder.exists() {
            let _ = writeln!(std::io::stderr(), "the lab {} ({}) could not be taken down", self.shared.name, self.shared.id);
        }
    }
}
