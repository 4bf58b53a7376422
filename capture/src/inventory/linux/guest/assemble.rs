//! A guest from its command line and its descriptors: which card is plugged into which device.
//!
//! A descriptor that the command line names is certain, and so is a name that the process has open. What remains is matched where only one
//! match is possible, or by the order in which QEMU opens TAPs; else it stays apart.

use super::Resolve;
use super::descriptors::Descriptors;
use crate::qemu::command_line::{Card, CommandLine};
use std::collections::{BTreeMap, BTreeSet};
use tapscope_graph::Text;
use tapscope_graph::host::{Backend, BackendKind, DeviceId, Netns, Nic};

/// Where to look for devices.
pub(super) struct Place<'a> {
    pub(super) netns: Option<Netns>,
    pub(super) resolve: &'a Resolve<'a>,
}

impl Place<'_> {
    pub(super) fn device(&self, interface: &str) -> Option<DeviceId> {
        self.netns.and_then(|netns| (self.resolve)(netns, interface))
    }

    fn take_interface(&self, backend: &mut Backend, interface: &str) {
        backend.interface = Some(Text::new(interface));
        backend.devices.extend(self.device(interface));
    }
}

/// The cards of a QEMU, and what it has open besides, such as what was plugged in since it was started.
pub(super) fn nics(line: &CommandLine, open: Option<&Descriptors>, place: &Place<'_>) -> Vec<Nic> {
    let mut nics: Vec<Nic> = line.nics.iter().map(|card| card.nic.clone()).collect();
    match open {
        Some(open) => match_open(line, open, place, &mut nics),
        None => {
            for backend in nics.iter_mut().filter_map(|nic| nic.backend.as_mut()) {
                if let Some(interface) = backend.interface.clone() {
                    backend.devices.extend(place.device(interface.as_str()));
                }
            }
        }
    }
    nics
}

fn match_open(line: &CommandLine, open: &Descriptors, place: &Place<'_>, nics: &mut Vec<Nic>) {
    // What no card took yet.
    let mut interfaces = open.interfaces();
    let by_name: BTreeMap<Text, &str> = interfaces.iter().map(|&name| (Text::new(name), name)).collect();
    let mut taken = BTreeSet::new();
    let mut macvtaps = open.macvtaps.clone();
    let mut waiting: Vec<(&Card, usize)> = Vec::new();
    for (at, (card, nic)) in line.nics.iter().zip(nics.iter_mut()).enumerate() {
        let Some(backend) = nic.backend.as_mut().filter(|backend| backend.kind == BackendKind::Tap) else { continue };
        // The kernel does not have the module, or the guest's driver does not want it.
        backend.has_vhost &= open.vhost_net > 0;
        let mut named: Vec<&str> = card.descriptors.iter().filter_map(|number| open.tuns.get(number)).map(String::as_str).collect();
        named.extend(backend.interface.as_ref().and_then(|name| by_name.get(name)));
        named.sort_unstable();
        named.dedup();
        for name in &named {
            place.take_interface(backend, name);
            taken.insert(*name);
        }
        let mut indices: Vec<u32> = card.descriptors.iter().filter_map(|number| macvtaps.remove(number)).collect();
        indices.dedup();
        for &index in &indices {
            backend.kind = BackendKind::Macvtap;
            backend.devices.extend(place.netns.map(|netns| DeviceId { netns, index }));
        }
        if named.is_empty() && indices.is_empty() && card.descriptors.is_empty() {
            waiting.push((card, at));
        }
    }
    interfaces.retain(|name| !taken.contains(name));
    waiting.sort_by_key(|(card, _)| card.order);
    let in_order = waiting.len() == 1 || waiting.iter().all(|(card, _)| !card.by_helper);
    if waiting.len() == interfaces.len() && in_order {
        for ((_, at), interface) in waiting.into_iter().zip(std::mem::take(&mut interfaces)) {
            if let Some(backend) = &mut nics[at].backend {
                place.take_interface(backend, interface);
            }
        }
    }
    let vhost =
        nics.iter().filter_map(|nic| nic.backend.as_ref()).filter(|backend| backend.has_vhost).map(|backend| backend.queues as usize);
    let has_vhost = open.vhost_net > vhost.sum();
    nics.extend(interfaces.into_iter().map(|interface| tap(open, place, interface, has_vhost)));
    let macvtaps: BTreeMap<u32, u32> = macvtaps.into_values().map(|index| (index, 0)).collect();
    nics.extend(macvtaps.into_keys().map(|index| {
        let devices = place.netns.map(|netns| DeviceId { netns, index }).into_iter().collect();
        bare(Backend { kind: BackendKind::Macvtap, devices, queues: 1, has_vhost, ..Backend::default() })
    }));
}

/// The TAPs that another virtual machine monitor has open.
pub(super) fn taps(open: &Descriptors, place: &Place<'_>) -> Vec<Nic> {
    open.interfaces().into_iter().map(|interface| tap(open, place, interface, open.vhost_net > 0)).collect()
}

fn tap(open: &Descriptors, place: &Place<'_>, interface: &str, has_vhost: bool) -> Nic {
    let queues = open.tuns.values().filter(|name| name.as_str() == interface).count() as u32;
    let mut backend = Backend { kind: BackendKind::Tap, queues, has_vhost, ..Backend::default() };
    place.take_interface(&mut backend, interface);
    bare(backend)
}

fn bare(backend: Backend) -> Nic {
    Nic { backend: Some(backend), ..Nic::default() }
}
