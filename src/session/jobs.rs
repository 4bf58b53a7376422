//! What is under way besides looking: exports and Wireshark, each on a thread of its own; how the recording stands.

use super::Wake;
use anyhow::Result;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tapscope_gui::session::{Doing, Job, JobId, JobState, Recording};

/// All of them.
pub(super) struct Jobs {
    doing: Mutex<Doing>,
    cancels: Mutex<BTreeMap<JobId, Arc<AtomicBool>>>,
    next: AtomicU64,
    wake: Arc<Wake>,
}

/// The job's side.
pub(super) struct Task {
    id: JobId,
    jobs: Arc<Jobs>,
    is_cancelled: Arc<AtomicBool>,
}

impl Task {
    /// How far it is, from 0 to 1, where that is known; gives whether it should go on.
    pub fn tell(&self, done: Option<f32>) -> bool {
        self.jobs.set(self.id, JobState::Running(done));
        !self.is_cancelled()
    }

    /// The same job, for what outlives a call.
    pub fn share(&self) -> Arc<Task> {
        Arc::new(Task { id: self.id, jobs: self.jobs.clone(), is_cancelled: self.is_cancelled.clone() })
    }

    /// Whether the user wants it no more.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

impl Jobs {
    pub fn new(wake: &Arc<Wake>) -> Arc<Jobs> {
        Arc::new(Jobs { doing: Mutex::default(), cancels: Mutex::default(), next: AtomicU64::new(1), wake: wake.clone() })
    }

    /// How everything stands.
    pub fn doing(&self) -> Doing {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, id: JobId, state: JobState) {
        if let Some(job) = self.lock().jobs.iter_mut().find(|job| job.id == id) {
            job.state = state;
        }
        self.wake.wake();
    }

    fn add(&self, title: String, state: JobState) -> JobId {
        let id = JobId(self.next.fetch_add(1, Ordering::Relaxed));
        self.lock().jobs.push(Job { id, title, state });
        self.wake.wake();
        id
    }

    /// How the recording stands, if there is one.
    pub fn record(&self, recording: Option<Recording>) {
        let mut doing = self.lock();
        if doing.recording != recording {
            doing.recording = recording;
            drop(doing);
            self.wake.wake();
        }
    }

    /// Something is over that was no job: it is said as one that is.
    pub fn say(&self, title: &str, result: Result<String>) {
        let state = match result {
            Ok(text) => JobState::Done(text),
            Err(error) => JobState::Failed(format!("{error:#}")),
        };
        self.add(title.to_owned(), state);
    }

    /// Starts a job, which gives what came of it.
    pub fn start(self: &Arc<Self>, title: String, run: impl FnOnce(&Task) -> Result<String> + Send + 'static) {
        let id = self.add(title, JobState::Running(None));
        let is_cancelled = Arc::new(AtomicBool::new(false));
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner).insert(id, is_cancelled.clone());
        let task = Task { id, jobs: self.clone(), is_cancelled };
        let run = move || {
            let result = run(&task);
            task.jobs.cancels.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            match result {
                _ if task.is_cancelled() => task.jobs.forget(id),
                Ok(text) => task.jobs.set(id, JobState::Done(text)),
                Err(error) => task.jobs.set(id, JobState::Failed(format!("{error:#}"))),
            }
        };
        if let Err(error) = std::thread::Builder::new().name("job".into()).spawn(run) {
            self.set(id, JobState::Failed(format!("the system gives no thread: {error}")));
        }
    }

    /// Ends a job that is under way; forgets one that is over.
    pub fn cancel(&self, id: JobId) {
        let cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        match cancels.get(&id) {
            Some(cancel) => cancel.store(true, Ordering::Relaxed),
            None => {
                drop(cancels);
                self.forget(id);
            }
        }
    }

    fn forget(&self, id: JobId) {
        self.lock().jobs.retain(|job| job.id != id);
        self.wake.wake();
    }
}
