//! The thread that reads what the host says.

use super::{Live, RULES, now};
use anyhow::{Result, bail};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tapscope_capture::inventory::Inventory;
use tapscope_graph::host::{HostChange, HostFact, Inquiry, Unreadable};
use tapscope_graph::{Event, Text};

/// How long the inventory waits for a change before it looks whether it should end.
const BREATH: Duration = Duration::from_millis(200);

/// What the inventory does beside listening for changes.
pub enum Ask {
    /// Read the firewalls' rules, then say so.
    Firewall(Sender<()>),
    /// Ask the kernel about packets, then say so.
    Kernel(Vec<Inquiry>, Sender<()>),
    /// Read the counters more often, or less.
    Counters(Duration),
}

impl Live {
    /// Has the firewalls' rules read, and learns them with what else comes meanwhile. That programs fail is a fact of the host.
    ///
    /// # Errors
    /// As [`Live::take`].
    pub fn read_firewall(&mut self) -> Result<()> {
        let (done, is_done) = bounded(1);
        self.order(Ask::Firewall(done), &is_done)
    }

    /// Has the kernel asked about single packets, and learns what it says.
    ///
    /// # Errors
    /// As [`Live::take`].
    pub fn inquire(&mut self, inquiries: Vec<Inquiry>) -> Result<()> {
        let (done, is_done) = bounded(1);
        self.order(Ask::Kernel(inquiries, done), &is_done)
    }

    fn order(&mut self, ask: Ask, is_done: &Receiver<()>) -> Result<()> {
        if self.asks.send(ask).is_err() {
            bail!("nobody watches the host any more");
        }
        let deadline = Instant::now() + RULES;
        while is_done.is_empty() && Instant::now() < deadline {
            self.take(Instant::now() + Duration::from_millis(10), Some)?;
        }
        // What was sent before "done" is in the queue.
        self.take(Instant::now() + Duration::from_millis(10), Some)?;
        Ok(())
    }

    /// Has the firewalls' rules read, without waiting for them: they are learned when they come.
    #[cfg(feature = "window")]
    pub fn ask_for_firewall(&self) {
        let (done, _) = bounded(1);
        let _ = self.asks.try_send(Ask::Firewall(done));
    }

    /// Has the kernel asked about single packets, without waiting for it.
    #[cfg(feature = "window")]
    pub fn ask_for_lookups(&self, inquiries: Vec<Inquiry>) {
        let (done, _) = bounded(1);
        if !inquiries.is_empty() {
            let _ = self.asks.try_send(Ask::Kernel(inquiries, done));
        }
    }
}

/// What the thread does until it is told to stop, or nobody hears it any more.
pub fn take_stock(mut inventory: Box<dyn Inventory>, events: &Sender<Event>, asked: &Receiver<Ask>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for ask in asked.try_iter() {
            let (changes, done) = match ask {
                Ask::Counters(every) => {
                    inventory.refresh_counters(Some(every));
                    continue;
                }
                Ask::Firewall(done) => (inventory.firewall(), done),
                Ask::Kernel(inquiries, done) => (inventory.inquire(&inquiries), done),
            };
            if events.send(Event::Host { at: now(), changes }).is_err() {
                return;
            }
            let _ = done.send(());
        }
        match inventory.next(BREATH) {
            Ok(changes) if changes.is_empty() => {}
            Ok(changes) => {
                if events.send(Event::Host { at: now(), changes }).is_err() {
                    return;
                }
            }
            Err(error) => {
                let told = Unreadable {
                    what: Text::new("this host"),
                    why: Text::long(&format!("{:#}", anyhow::Error::new(error))),
                    remedy: Text::new("start tapscope again"),
                };
                let _ = events.send(Event::Host { at: now(), changes: vec![HostChange::Set(HostFact::Unreadable(told))] });
                return;
            }
        }
    }
}
