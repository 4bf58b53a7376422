//! What takes longer than a frame may is made in a thread: the window stays awake, and shows the last one meanwhile.

use egui::Context;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex};

/// With more nodes and links than this, what is made of all of them takes longer than a frame may.
pub(crate) const MANY: usize = 3_000;

/// The thread's work, while there is some.
pub(crate) struct Worker<T>(Option<Receiver<T>>);

impl<T> Default for Worker<T> {
    fn default() -> Self {
        Worker(None)
    }
}

impl<T: Send + 'static> Worker<T> {
    /// Whether something is being made.
    pub fn is_busy(&self) -> bool {
        self.0.is_some()
    }

    /// Begins; where no thread can be had, it is made here and now, and done all the same.
    pub fn begin(&mut self, name: &str, context: &Context, make: impl FnOnce() -> T + Send + 'static) {
        let (sender, receiver) = channel();
        // A thread that does not come to be does not give back what it was to do.
        let make = Arc::new(Mutex::new(Some(make)));
        let (theirs, context) = (make.clone(), context.clone());
        let work = move || {
            if let Some(make) = theirs.lock().ok().and_then(|mut make| make.take()) {
                // Nobody may be left who waits for it.
                let _ = sender.send(make());
            }
            context.request_repaint();
        };
        if std::thread::Builder::new().name(name.to_owned()).spawn(work.clone()).is_err() {
            work();
        }
        self.0 = Some(receiver);
    }

    /// What is done, once.
    pub fn done(&mut self) -> Option<T> {
        let made = self.0.as_ref()?.try_recv();
        if !matches!(made, Err(TryRecvError::Empty)) {
            self.0 = None;
        }
        made.ok()
    }
}
