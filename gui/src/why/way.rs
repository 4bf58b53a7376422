//! The expected way on the picture, and how far the packets came on it.

use std::collections::BTreeMap;
use tapscope_graph::View;
use tapscope_graph::diagnose::{Diagnosis, Endpoint, Place, Status, Verdict};
use tapscope_graph::host::DeviceId;
use tapscope_graph::topology::{Configured, Key, NodeKind};

/// What is known of a place on the way; the worse is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Nothing came there, or nobody would have seen it.
    Beyond,
    /// The packet was seen there.
    Seen,
    /// It died there.
    Died,
}

/// Nodes and links on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    pub reach: BTreeMap<Key, Reach>,
    /// The places where packets were seen, in the order in which that happened, from 1.
    pub numbers: BTreeMap<Key, Vec<usize>>,
}

impl Way {
    /// Where the things of a diagnosis are on the picture.
    pub fn of(view: &View, diagnosis: &Diagnosis) -> Way {
        let mut way = Way::default();
        let mut has_died = false;
        let mut number = 0;
        for step in &diagnosis.path {
            let reach = match step.status {
                Status::Seen | Status::Read | Status::Passed => Reach::Seen,
                // What comes behind the place where it died is not to blame.
                Status::Blocked | Status::NotSeen | Status::NotRead if !std::mem::replace(&mut has_died, true) => Reach::Died,
                Status::Blocked | Status::NotSeen | Status::NotRead | Status::NotCaptured | Status::NotReached => Reach::Beyond,
            };
            let is_sighting = step.status == Status::Seen && step.direction.is_some();
            number += usize::from(is_sighting);
            for key in step.device.into_iter().flat_map(|device| keys(view, device)) {
                way.mark(key, reach);
                if is_sighting {
                    way.numbers.entry(key).or_default().push(number);
                }
            }
        }
        // Where the packets do not tell the place, the cause does.
        let accused = diagnosis.causes.first().and_then(|cause| cause.device).filter(|_| !has_died);
        for key in accused.into_iter().flat_map(|device| keys(view, device)) {
            way.mark(key, Reach::Died);
        }
        let is_sent = if diagnosis.verdict == Verdict::NotSent { Reach::Beyond } else { Reach::Seen };
        let is_there = if diagnosis.verdict == Verdict::Works { Reach::Seen } else { Reach::Beyond };
        for (end, reach) in [(&diagnosis.from, is_sent), (&diagnosis.to, is_there)] {
            if let Some(key) = node(view, end) {
                way.mark(key, reach);
            }
        }
        way
    }

    pub(super) fn mark(&mut self, key: Key, reach: Reach) {
        let known = self.reach.entry(key).or_insert(reach);
        *known = (*known).max(reach);
    }
}

/// The link and the node that a device is.
fn keys(view: &View, device: DeviceId) -> Vec<Key> {
    let links = view.topology.links().filter(|link| link.device == Some(device)).map(|link| link.key);
    let nodes = view.topology.nodes().filter(|node| node.host == Some(Configured::Device(device))).map(|node| node.key);
    links.chain(nodes).collect()
}

pub(super) fn node(view: &View, end: &Endpoint) -> Option<Key> {
    let topology = &view.topology;
    let by_host = |wanted: Configured| topology.nodes().find(|node| node.host == Some(wanted)).map(|node| node.key);
    match end.place {
        Place::Local(netns, _) => by_host(Configured::Local(netns)),
        Place::Backend(pid, _) => by_host(Configured::Guest(pid)),
        Place::Behind(device) => end.pid.and_then(|pid| by_host(Configured::Guest(pid))).or_else(|| {
            let attached = topology.attachments().filter(|(_, link, _)| link.device == Some(device));
            let mut stations = attached.filter(|(node, ..)| matches!(node.kind, NodeKind::Guest | NodeKind::Host | NodeKind::Router));
            stations.next().map(|(node, ..)| node.key)
        }),
        Place::Stack(..) | Place::Nowhere => {
            let ip = end.ip?;
            topology.nodes().find(|node| node.addresses.iter().any(|address| address.ip == ip)).map(|node| node.key)
        }
    }
}
