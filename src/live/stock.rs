//! The thread that reads what the host says.

use super::now;
use crossbeam_channel::{Receiver, Sender};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tapscope_capture::inventory::Inventory;
use tapscope_graph::host::{HostChange, HostFact, Unreadable};
use tapscope_graph::{Event, Text};

/// How long the inventory waits for a change before it looks whether it should end.
const BREATH: Duration = Duration::from_millis(200);

/// What the inventory does beside listening for changes.
pub enum Ask {
    /// Read the firewalls' rules, then say so.
    Firewall(Sender<()>),
    /// Read the counters more often, or less.
    Counters(Duration),
}

/// What the thread does until it is told to stop, or nobody hears it any more.
pub fn take_stock(mut inventory: Box<dyn Inventory>, events: &Sender<Event>, asked: &Receiver<Ask>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for ask in asked.try_iter() {
            match ask {
                Ask::Counters(every) => inventory.refresh_counters(Some(every)),
                Ask::Firewall(done) => {
                    let changes = inventory.firewall();
                    if events.send(Event::Host { at: now(), changes }).is_err() {
                        return;
                    }
                    let _ = done.send(());
                }
            }
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
