//! Orders for a thread that sleeps in poll(2): a queue, and a descriptor that wakes it.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

/// Who gives orders. Bounded by nature: one for each point and each call.
pub(crate) struct Orders<T> {
    queue: Arc<Mutex<Vec<T>>>,
    wake: UnixStream,
}

/// Who takes them; readable when there are any.
pub(crate) struct Inbox<T> {
    queue: Arc<Mutex<Vec<T>>>,
    woken: UnixStream,
}

/// Both ends.
///
/// # Errors
/// The system gives no more descriptors.
pub(crate) fn orders<T>() -> io::Result<(Orders<T>, Inbox<T>)> {
    let (wake, woken) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    woken.set_nonblocking(true)?;
    let queue = Arc::new(Mutex::new(Vec::new()));
    Ok((Orders { queue: queue.clone(), wake }, Inbox { queue, woken }))
}

impl<T> Orders<T> {
    pub fn give(&self, order: T) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        // A full pipe wakes as well.
        let _ = (&self.wake).write(&[0]);
    }
}

impl<T> Inbox<T> {
    /// Takes all that there are, in order.
    pub fn take(&mut self) -> Vec<T> {
        while matches!(self.woken.read(&mut [0; 64]), Ok(1..)) {}
        std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> AsFd for Inbox<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}
