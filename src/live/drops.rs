//! The kernel is asked why it drops packets, because the user said so with `--drops`: that switches an event on until tapscope ends.

use crossbeam_channel::Sender;
#[cfg(target_os = "linux")]
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tapscope_capture::clock::now;
#[cfg(target_os = "linux")]
use tapscope_capture::drops;
use tapscope_graph::Event;
use tapscope_graph::host::{HostChange, HostFact, Unreadable};

/// How long the kernel is waited for before the thread looks whether it should end.
const BREATH: Duration = Duration::from_millis(100);

/// What is told as unreadable where the kernel cannot be asked.
pub const WHAT: &str = "why the kernel drops packets";

/// The thread that reads the kernel's word. When it is dropped, the event is off again.
pub struct Drops {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drops {
    /// Starts, and says what it does; where the kernel cannot be asked, that is a fact of the host.
    pub fn start(events: Sender<Event>) -> Drops {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = match open() {
            Ok(reader) => {
                let (stop, failed) = (stop.clone(), events.clone());
                let spawned = std::thread::Builder::new().name("drops".into()).spawn(move || reader(&events, &stop));
                spawned.map_err(|error| tell(&failed, unreadable(&error.to_string(), "end other programs"))).ok()
            }
            Err(told) => {
                tell(&events, *told);
                None
            }
        };
        Drops { stop, thread }
    }
}

impl Drop for Drops {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
            eprintln!("tapscope: the kernel's event skb:kfree_skb is off again");
        }
    }
}

fn tell(events: &Sender<Event>, change: HostChange) {
    let _ = events.send(Event::Host { at: now(), changes: vec![change] });
}

type Reader = Box<dyn FnOnce(&Sender<Event>, &AtomicBool) + Send>;

#[cfg(target_os = "linux")]
fn open() -> Result<Reader, Box<HostChange>> {
    let mut drops = drops::Drops::open().map_err(|error| Box::new(error.told()))?;
    eprintln!(
        "tapscope: the kernel tells why it drops packets: the event skb:kfree_skb is on until tapscope ends, in the tracing instance {}",
        drops.name()
    );
    Ok(Box::new(move |events, stop| {
        if let Err(error) = read(&mut drops, events, stop) {
            tell(events, unreadable(&error.to_string(), "ask again"));
        }
    }))
}

#[cfg(target_os = "linux")]
fn read(drops: &mut drops::Drops, events: &Sender<Event>, stop: &AtomicBool) -> io::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let changes = drops.next(BREATH)?;
        if !changes.is_empty() && events.send(Event::Host { at: now(), changes }).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn open() -> Result<Reader, Box<HostChange>> {
    Err(Box::new(unreadable("only Linux tells it", "leave --drops out")))
}

fn unreadable(why: &str, remedy: &str) -> HostChange {
    let text = tapscope_graph::Text::long;
    HostChange::Set(HostFact::Unreadable(Unreadable { what: text(WHAT), why: text(why), remedy: text(remedy) }))
}
