//! What the host says now: the latest row for each key.

use super::{
    Device, DeviceId, FdbEntry, FirewallRule, Guest, HostAddress, HostChange, HostFact, HostKey, HostNeighbor, Namespace, Netns, Reader,
    Route, Rule, Setting, Unreadable,
};
use crate::Text;
use std::collections::BTreeMap;

/// Everything that the host said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    rows: BTreeMap<HostKey, HostFact>,
    /// Rows that found no room.
    pub dropped: u64,
}

/// Walks the rows of one kind.
macro_rules! rows {
    ($(#[doc = $doc:expr])* $name:ident, $variant:ident, $row:ty) => {
        $(#[doc = $doc])*
        pub fn $name(&self) -> impl Iterator<Item = &$row> {
            self.rows.values().filter_map(|fact| match fact {
                HostFact::$variant(row) => {
                    let row: &$row = row;
                    Some(row)
                }
                _ => None,
            })
        }
    };
}

impl Host {
    /// The most rows; a bridge's forwarding database and the neighbour table are filled by guests.
    pub const ROWS: usize = 1 << 18;

    /// Whether the host said nothing: the model is of a file.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes a change; says whether anything is other than before.
    pub fn apply(&mut self, change: HostChange) -> bool {
        match change {
            HostChange::Set(fact) => self.set(fact),
            HostChange::Gone(key) => self.remove(&key),
        }
    }

    fn set(&mut self, fact: HostFact) -> bool {
        let key = fact.key();
        if self.rows.len() >= Self::ROWS && !self.rows.contains_key(&key) {
            self.dropped += 1;
            return false;
        }
        self.rows.get(&key) != Some(&fact) && {
            self.rows.insert(key, fact);
            true
        }
    }

    /// Takes away a row; with a device its addresses, neighbours and forwarding entries, with a namespace all that is in it.
    fn remove(&mut self, key: &HostKey) -> bool {
        let before = self.rows.len();
        match *key {
            HostKey::Namespace(netns) => self.rows.retain(|key, _| key.netns() != Some(netns)),
            HostKey::Device(device) => self.rows.retain(|key, _| key.device() != Some(device)),
            _ => drop(self.rows.remove(key)),
        }
        self.rows.len() != before
    }

    /// What must change so that this becomes `wanted`: what a resync after lost messages amounts to.
    pub fn changes_to(&self, wanted: &Host) -> Vec<HostChange> {
        let gone = self.rows.keys().filter(|key| !wanted.rows.contains_key(key)).cloned().map(HostChange::Gone);
        let set = wanted.rows.iter().filter(|(key, fact)| self.rows.get(key) != Some(fact)).map(|(_, fact)| HostChange::Set(fact.clone()));
        gone.chain(set).collect()
    }

    /// Every row, by key.
    pub fn facts(&self) -> impl Iterator<Item = &HostFact> {
        self.rows.values()
    }

    /// A device by its number.
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        match self.rows.get(&HostKey::Device(id))? {
            HostFact::Device(device) => Some(device),
            _ => None,
        }
    }

    /// A device by its name in a namespace.
    pub fn device_named(&self, netns: Netns, name: &str) -> Option<&Device> {
        self.devices().find(|device| device.id.netns == netns && device.name.as_str() == name)
    }

    /// A namespace.
    pub fn namespace(&self, id: Netns) -> Option<&Namespace> {
        match self.rows.get(&HostKey::Namespace(id))? {
            HostFact::Namespace(namespace) => Some(namespace),
            _ => None,
        }
    }

    /// A setting's value.
    pub fn setting(&self, netns: Netns, name: &str) -> Option<&Text> {
        match self.rows.get(&HostKey::Setting(netns, Text::new(name)))? {
            HostFact::Setting(setting) => Some(&setting.value),
            _ => None,
        }
    }

    /// The ports of a bridge, by index.
    pub fn ports(&self, bridge: DeviceId) -> impl Iterator<Item = &Device> {
        self.devices().filter(move |device| device.port.is_some() && device.master == Some(bridge))
    }

    /// Frames that the kernel threw away before any point.
    pub fn backlog(&self) -> u64 {
        match self.rows.get(&HostKey::Backlog) {
            Some(HostFact::Backlog(frames)) => *frames,
            _ => 0,
        }
    }

    rows!(/// Namespaces.
        namespaces, Namespace, Namespace);
    rows!(/// Devices, by namespace and index.
        devices, Device, Device);
    rows!(/// Addresses.
        addresses, Address, HostAddress);
    rows!(/// Routes.
        routes, Route, Route);
    rows!(/// Routing policy rules.
        rules, Rule, Rule);
    rows!(/// Neighbours.
        neighbors, Neighbor, HostNeighbor);
    rows!(/// Forwarding databases.
        fdb, Fdb, FdbEntry);
    rows!(/// Settings.
        settings, Setting, Setting);
    rows!(/// Firewall rules.
        firewall, Firewall, FirewallRule);
    rows!(/// Guests, by process.
        guests, Guest, Guest);
    rows!(/// Programs other than guests that have a TUN or TAP device open.
        readers, Reader, Reader);
    rows!(/// What could not be read.
        unreadable, Unreadable, Unreadable);
}

impl HostKey {
    /// The device that the row goes with.
    fn device(&self) -> Option<DeviceId> {
        match self {
            HostKey::Device(device) | HostKey::Address(device, ..) | HostKey::Neighbor(device, _) | HostKey::Fdb(device, ..) => {
                Some(*device)
            }
            _ => None,
        }
    }

    /// The namespace that the row is in.
    fn netns(&self) -> Option<Netns> {
        match self {
            HostKey::Namespace(netns)
            | HostKey::Route(netns, ..)
            | HostKey::Rule(netns, ..)
            | HostKey::Setting(netns, _)
            | HostKey::Firewall(netns, ..) => Some(*netns),
            _ => self.device().map(|device| device.netns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::DeviceKind;

    fn device(netns: u64, index: u32, name: &str) -> HostFact {
        let id = DeviceId { netns: Netns(netns), index };
        HostFact::Device(Box::new(Device { id, name: Text::new(name), kind: DeviceKind::Veth, ..Device::default() }))
    }

    fn address(netns: u64, index: u32, ip: &str) -> HostFact {
        HostFact::Address(HostAddress {
            device: DeviceId { netns: Netns(netns), index },
            ip: ip.parse().expect("an address"),
            length: 24,
            peer: None,
            scope: Default::default(),
            is_tentative: false,
            is_duplicate: false,
            is_deprecated: false,
            is_dynamic: false,
        })
    }

    fn host(facts: impl IntoIterator<Item = HostFact>) -> Host {
        let mut host = Host::default();
        for fact in facts {
            host.apply(HostChange::Set(fact));
        }
        host
    }

    #[test]
    fn with_a_device_goes_what_is_on_it_and_with_a_namespace_everything() {
        let mut all = host([device(1, 2, "a"), address(1, 2, "10.0.0.1"), device(1, 3, "b"), device(2, 2, "c"), address(2, 2, "10.0.0.2")]);
        assert!(all.apply(HostChange::Gone(device(1, 2, "a").key())));
        assert_eq!(all, host([device(1, 3, "b"), device(2, 2, "c"), address(2, 2, "10.0.0.2")]));
        assert!(all.apply(HostChange::Gone(HostKey::Namespace(Netns(2)))));
        assert_eq!(all, host([device(1, 3, "b")]));
        assert!(!all.apply(HostChange::Gone(HostKey::Namespace(Netns(2)))));
    }

    #[test]
    fn the_changes_to_another_state_lead_there() {
        let mut now = host([device(1, 2, "a"), device(1, 3, "b")]);
        let wanted = host([device(1, 3, "renamed"), device(1, 4, "c")]);
        for change in now.changes_to(&wanted) {
            assert!(now.apply(change));
        }
        assert_eq!(now, wanted);
        assert_eq!(now.changes_to(&wanted), []);
    }
}
