//! Adding the filters to a running guest, and taking them away: the only place that changes a guest.

use super::super::monitor::{Monitor, MonitorError, Queue};
use super::ear;
use super::name::{is_stale, object};
use super::{Ask, FilterError};
use crate::qemu;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use tapscope_graph::host::Asked;

/// The queues of a backend, in the order in which they are filtered.
pub(super) const QUEUES: [Queue; 2] = [Queue::Rx, Queue::Tx];

/// Adds both filters; gives our ends of them, and what QEMU says of the guest. What cannot be added whole is taken away again.
pub(super) fn attach(ask: &Ask) -> Result<([UdpSocket; 2], Option<Asked>), FilterError> {
    let mut monitor = Monitor::open(&ask.monitor)?;
    sweep(&mut monitor)?;
    // Frames do not depend on it.
    let asked = qemu::ask::ask(&mut monitor, ask.pid).ok();
    let mut sockets = Vec::new();
    for queue in QUEUES {
        match add(&mut monitor, ask, queue) {
            Ok(socket) => sockets.push(socket),
            Err(error) => {
                // The error that counts is the first one.
                let _ = remove(&mut monitor, &ask.objects());
                return Err(error);
            }
        }
    }
    let sockets = <[UdpSocket; 2]>::try_from(sockets).map_err(|_| FilterError::Incomplete)?;
    Ok((sockets, asked))
}

fn add(monitor: &mut Monitor, ask: &Ask, queue: Queue) -> Result<UdpSocket, FilterError> {
    let id = object(std::process::id(), &ask.netdev, queue);
    let (theirs, ours) = ear::pair().map_err(FilterError::Socket)?;
    let ours = match monitor.add_socket(&id, theirs.as_fd()) {
        Ok(()) => ours,
        // By TCP no descriptor can be handed over, so QEMU has to open a socket itself: on this host, if both share loopback.
        Err(MonitorError::NoDescriptors { .. }) => {
            let (from, ours) = ear::half().map_err(FilterError::Socket)?;
            let to = ours.local_addr().map_err(FilterError::Socket)?.port();
            monitor.add_datagrams(&id, from, to)?;
            ours
        }
        Err(error) => return Err(error.into()),
    };
    monitor.add_mirror(&id, &ask.netdev, &id, queue)?;
    Ok(ours)
}

/// Takes away objects and character devices of these ids, as far as they are there.
pub(super) fn remove(monitor: &mut Monitor, ids: &[String]) -> Result<(), MonitorError> {
    let mut outcome = Ok(());
    // A character device is in use as long as its filter is there.
    for id in ids {
        outcome = outcome.and(forgiven(monitor.remove_object(id)));
    }
    for id in ids {
        outcome = outcome.and(forgiven(monitor.remove_chardev(id)));
    }
    outcome
}

/// What is refused is not there any more.
fn forgiven(outcome: Result<(), MonitorError>) -> Result<(), MonitorError> {
    match outcome {
        Err(error) if error.is_refusal() => Ok(()),
        other => other,
    }
}

/// Takes away what tapscopes left behind that were killed. Gives the ids.
pub(super) fn sweep(monitor: &mut Monitor) -> Result<Vec<String>, MonitorError> {
    let (objects, chardevs) = (monitor.objects()?, monitor.chardevs()?);
    let leads_to = |id: &str| chardevs.iter().find(|chardev| chardev.id == id).map(|chardev| chardev.kind.as_str());
    let mut stale: Vec<String> = objects.iter().chain(&chardevs).map(|found| found.id.clone()).collect();
    stale.retain(|id| is_stale(id, leads_to(id)));
    stale.sort();
    stale.dedup();
    remove(monitor, &stale)?;
    Ok(stale)
}
