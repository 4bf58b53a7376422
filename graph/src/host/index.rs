//! What is looked for by other than its key: with thousands of guests nobody can walk through all of them for each device.

use super::{DeviceId, Guest};
use crate::Text;
use std::collections::{BTreeMap, BTreeSet};

/// Guests by what they have.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    readers: BTreeMap<DeviceId, BTreeSet<u32>>,
    named: BTreeMap<Text, BTreeSet<u32>>,
}

impl Index {
    /// The processes that read a device, the lowest first.
    pub fn readers(&self, device: DeviceId) -> impl Iterator<Item = u32> {
        self.readers.get(&device).into_iter().flatten().copied()
    }

    /// The processes of guests of a name, the lowest first.
    pub fn named(&self, name: &Text) -> impl Iterator<Item = u32> {
        self.named.get(name).into_iter().flatten().copied()
    }

    /// Takes a guest in.
    pub fn add(&mut self, guest: &Guest) {
        for device in devices(guest) {
            self.readers.entry(device).or_default().insert(guest.pid);
        }
        if let Some(name) = &guest.name {
            self.named.entry(name.clone()).or_default().insert(guest.pid);
        }
    }

    /// Takes a guest out, as it was taken in.
    pub fn remove(&mut self, guest: &Guest) {
        for device in devices(guest) {
            take_out(&mut self.readers, &device, guest.pid);
        }
        if let Some(name) = &guest.name {
            take_out(&mut self.named, name, guest.pid);
        }
    }
}

fn devices(guest: &Guest) -> impl Iterator<Item = DeviceId> {
    guest.nics.iter().filter_map(|nic| nic.backend.as_ref()).flat_map(|backend| backend.devices.iter().copied())
}

fn take_out<K: Ord>(all: &mut BTreeMap<K, BTreeSet<u32>>, key: &K, pid: u32) {
    if let Some(pids) = all.get_mut(key) {
        pids.remove(&pid);
        if pids.is_empty() {
            all.remove(key);
        }
    }
}
