//! What the host says now: the latest row for each key.

use super::index::Index;
use super::readings::Readings;
use super::{
    Asked, Cable, CableEnd, Counter, Device, DeviceCounters, DeviceId, Drop, FdbEntry, FirewallRule, Guest, HostAddress, HostChange,
    HostFact, HostKey, HostNeighbor, Listener, Namespace, Netns, Nic, Reader, Route, RouteInquiry, RouteLookup, Rule, Setting, Tracked,
    Unreadable,
};
use crate::tables::Series;
use crate::{Text, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Everything that the host said last.
#[derive(Clone, Debug, Default)]
pub struct Host {
    rows: BTreeMap<HostKey, HostFact>,
    index: Index,
    /// What is the same thing when it is made again: numbers in the order of first sight.
    numbers: BTreeMap<Identity, u32>,
    /// What devices sent and received per second, by their own counters.
    series: BTreeMap<DeviceId, Series>,
    /// What devices' counters, rules' hits and the like were.
    readings: BTreeMap<HostKey, Readings<Count>>,
    /// When a device's counters changed last. All of a namespace are read together.
    counted: BTreeMap<Netns, Timestamp>,
    /// Guests that ended, the latest last, until they are started again.
    departed: VecDeque<(Timestamp, Arc<Guest>)>,
    /// What the backlog's counter was when it was read first.
    first_backlog: Option<u64>,
    /// Rows that found no room.
    pub dropped: u64,
}

/// A guest that ended, and a device of this host that it had.
#[derive(Clone, Copy, Debug)]
pub struct Departed<'a> {
    /// When that was seen.
    pub at: Timestamp,
    /// As it was.
    pub guest: &'a Guest,
    /// The card that the device served.
    pub nic: &'a Nic,
    /// What is left of it.
    pub device: &'a Device,
}

/// The most guests that are remembered after they ended.
const DEPARTED: usize = 64;

/// What a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    Device(DeviceCounters),
    Packets(u64),
}

impl Count {
    fn of(fact: &HostFact) -> Option<Count> {
        match fact {
            HostFact::Device(device) => Some(Count::Device(device.counters)),
            HostFact::Firewall(rule) => rule.hits.map(|(packets, _)| Count::Packets(packets)),
            HostFact::Counter(counter) => Some(Count::Packets(counter.value)),
            HostFact::Drop(drop) => Some(Count::Packets(drop.packets)),
            _ => None,
        }
    }

    /// A counter that was set back has grown by nothing that is known.
    fn since(self, before: Count) -> Count {
        match (self, before) {
            (Count::Device(now), Count::Device(before)) => Count::Device(now.since(&before)),
            (Count::Packets(now), Count::Packets(before)) => Count::Packets(now.saturating_sub(before)),
            (now, _) => now,
        }
    }
}

/// What makes a thing the same when its process or device number is another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Device(Netns, Text),
    Guest(Text),
    /// A guest without a name, or with one that another running guest has, too.
    Process(u32),
    Cable(Text),
}

/// The same rows, whatever came before them.
impl PartialEq for Host {
    fn eq(&self, other: &Host) -> bool {
        self.rows == other.rows
    }
}

impl Eq for Host {}

/// Walks the rows of one kind: all, or those from one key to another where a kind's first and last key are at hand.
macro_rules! rows {
    (@range $variant:ident) => { .. };
    (@range $variant:ident $first:expr, $last:expr) => { HostKey::$variant($first)..=HostKey::$variant($last) };
    ($(#[doc = $doc:expr])* $name:ident, $variant:ident, $row:ty $(, $first:expr, $last:expr)?) => {
        $(#[doc = $doc])*
        pub fn $name(&self) -> impl Iterator<Item = &$row> {
            self.rows.range(rows!(@range $variant $($first, $last)?)).filter_map(|(_, fact)| match fact {
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

    /// Takes a change that was read at a time; says whether anything is other than before.
    pub fn apply(&mut self, at: Timestamp, change: HostChange) -> bool {
        match change {
            HostChange::Set(fact) => self.set(at, fact),
            HostChange::Gone(key) => {
                if let HostKey::Guest(pid) = key {
                    self.depart(at, pid);
                }
                self.remove(&key)
            }
        }
    }

    fn set(&mut self, at: Timestamp, mut fact: HostFact) -> bool {
        let key = fact.key();
        if let HostFact::Guest(guest) = &mut fact
            && let Some(HostFact::Asked(asked)) = self.rows.get(&HostKey::Asked(guest.pid))
        {
            asked.complete(guest);
        }
        if self.rows.len() >= Self::ROWS && !self.rows.contains_key(&key) {
            self.dropped += 1;
            return false;
        }
        match &fact {
            HostFact::Device(device) => {
                self.count(at, device);
                self.name(Identity::Device(device.id.netns, device.name.clone()));
            }
            HostFact::Guest(guest) => {
                let identity = self.identity(guest);
                self.departed.retain(|(_, gone)| gone.name.is_none() || gone.name != guest.name);
                self.name(identity);
            }
            HostFact::Backlog(frames) => drop(self.first_backlog.get_or_insert(*frames)),
            HostFact::Cable(cable) => self.name(Identity::Cable(cable.key.clone())),
            HostFact::Asked(asked) => {
                if let Some(HostFact::Guest(guest)) = self.rows.get_mut(&HostKey::Guest(asked.pid)) {
                    self.index.remove(guest);
                    asked.complete(guest);
                    self.index.add(guest);
                }
            }
            _ => {}
        }
        if let Some(count) = Count::of(&fact) {
            let is_news = self.readings.entry(key.clone()).or_default().add(at, count);
            if let (true, HostFact::Device(device)) = (is_news, &fact) {
                self.counted.insert(device.id.netns, at);
            }
        }
        self.rows.get(&key) != Some(&fact) && {
            if let HostFact::Guest(guest) = &fact {
                self.forget(guest.pid);
                self.index.add(guest);
            }
            self.rows.insert(key, fact);
            true
        }
    }

    /// Takes away a row; with a device its addresses, neighbours and forwarding entries, with a namespace all that is in it.
    fn remove(&mut self, key: &HostKey) -> bool {
        let before = self.rows.len();
        match *key {
            HostKey::Namespace(netns) => {
                self.rows.retain(|key, _| key.netns() != Some(netns));
                self.readings.retain(|key, _| key.netns() != Some(netns));
            }
            HostKey::Device(device) => {
                self.rows.retain(|key, _| key.device() != Some(device));
                self.readings.remove(key);
                self.series.remove(&device);
            }
            _ => {
                if let HostKey::Guest(pid) = *key {
                    self.forget(pid);
                    self.rows.remove(&HostKey::Asked(pid));
                }
                self.rows.remove(key);
                self.readings.remove(key);
            }
        }
        self.rows.len() != before
    }

    /// Takes a guest out of the index.
    fn forget(&mut self, pid: u32) {
        if let Some(HostFact::Guest(guest)) = self.rows.get(&HostKey::Guest(pid)) {
            self.index.remove(guest);
        }
    }

    /// Remembers a guest that ended.
    fn depart(&mut self, at: Timestamp, pid: u32) {
        if let Some(HostFact::Guest(guest)) = self.rows.get(&HostKey::Guest(pid)) {
            let guest = Arc::new(Guest::clone(guest));
            self.departed.push_back((at, guest));
            while self.departed.len() > DEPARTED {
                self.departed.pop_front();
            }
        }
    }

    /// Adds what a device's counters grew by to its series.
    fn count(&mut self, at: Timestamp, device: &Device) {
        let Some(before) = self.device(device.id).map(|known| known.counters) else { return };
        let (now, second) = (device.counters, at.parts().0);
        let sent = now.sent_octets.saturating_sub(before.sent_octets);
        let received = now.received_octets.saturating_sub(before.received_octets);
        if sent > 0 || received > 0 {
            self.series.entry(device.id).or_default().add(second, sent, received);
        }
    }

    fn name(&mut self, identity: Identity) {
        let next = self.numbers.len();
        if next < Self::ROWS {
            self.numbers.entry(identity).or_insert(next as u32);
        }
    }

    /// A guest is the same when it is started again with its name, unless two of that name run at once.
    fn identity(&self, guest: &Guest) -> Identity {
        let is_alone = |name: &Text| self.index.named(name).next().is_none_or(|first| first >= guest.pid);
        guest.name.clone().filter(is_alone).map_or(Identity::Process(guest.pid), Identity::Guest)
    }

    /// A number for a guest that stays the same when it is started again.
    pub fn guest_number(&self, guest: &Guest) -> u32 {
        self.numbers.get(&self.identity(guest)).copied().unwrap_or(u32::MAX)
    }

    /// A number for a device that stays the same when it is made again under its name.
    pub fn device_number(&self, device: &Device) -> u32 {
        self.numbers.get(&Identity::Device(device.id.netns, device.name.clone())).copied().unwrap_or(u32::MAX)
    }

    /// A number for a cable that stays the same while its ends come and go.
    pub fn cable_number(&self, cable: &Cable) -> u32 {
        self.numbers.get(&Identity::Cable(cable.key.clone())).copied().unwrap_or(u32::MAX)
    }

    /// What a device sent and received per second, by its own counters, seen from the host.
    pub fn series(&self, device: DeviceId) -> Option<&Series> {
        self.series.get(&device)
    }

    /// By how much a device's counters grew between two moments; `None` where they were not read before and after.
    pub fn device_grew(&self, device: DeviceId, since: Timestamp, until: Timestamp) -> Option<DeviceCounters> {
        match self.growth(&HostKey::Device(device), since, until)? {
            Count::Device(counters) => Some(counters),
            Count::Packets(_) => None,
        }
    }

    /// When the counters of a namespace's devices were read last and one had changed: none of them was older then.
    pub fn counted_at(&self, netns: Netns) -> Option<Timestamp> {
        self.counted.get(&netns).copied()
    }

    /// By how much the packets of a firewall's rule, a [`Counter`] or a [`Drop`] grew between two moments; as [`Host::device_grew`].
    pub fn grown(&self, key: &HostKey, since: Timestamp, until: Timestamp) -> Option<u64> {
        match self.growth(key, since, until)? {
            Count::Packets(packets) => Some(packets),
            Count::Device(_) => None,
        }
    }

    fn growth(&self, key: &HostKey, since: Timestamp, until: Timestamp) -> Option<Count> {
        let readings = self.readings.get(key)?;
        Some(readings.at(until)?.since(readings.at(since)?))
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

    /// A guest by its process.
    pub fn guest(&self, pid: u32) -> Option<&Guest> {
        match self.rows.get(&HostKey::Guest(pid))? {
            HostFact::Guest(guest) => Some(guest),
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

    /// What the kernel said of a packet's way when it was asked, whatever the packet's mark.
    pub fn route_lookup(&self, packet: &RouteInquiry) -> Option<&RouteLookup> {
        match self.rows.get(&packet.key())? {
            HostFact::RouteLookup(row) => Some(row),
            _ => None,
        }
    }

    /// The ports of a bridge, by index.
    pub fn ports(&self, bridge: DeviceId) -> impl Iterator<Item = &Device> {
        self.devices().filter(move |device| device.port.is_some() && device.master == Some(bridge))
    }

    /// The guest that reads a TAP or macvtap, and the card that it serves.
    pub fn guest_behind(&self, device: DeviceId) -> Option<(&Guest, &Nic)> {
        let reads = |nic: &&Nic| nic.backend.as_ref().is_some_and(|backend| backend.devices.contains(&device));
        self.index.readers(device).filter_map(|pid| self.guest(pid)).find_map(|guest| Some((guest, guest.nics.iter().find(reads)?)))
    }

    /// Guests that ended and were not started again, card by card, with the devices that wait for them: nobody has these open. A guest
    /// whose devices went with it, or serve another, is not among them.
    pub fn departed(&self) -> impl Iterator<Item = Departed<'_>> {
        let cards = self.departed.iter().flat_map(|(at, guest)| guest.nics.iter().map(move |nic| (*at, guest.as_ref(), nic)));
        let devices = cards.flat_map(move |(at, guest, nic)| {
            let devices = nic.backend.iter().flat_map(|backend| &backend.devices);
            devices.filter_map(move |id| Some(Departed { at, guest, nic, device: self.device(*id)? }))
        });
        devices.filter(|row| self.guest_behind(row.device.id).is_none())
    }

    /// A guest by its process, and its card of a number.
    pub fn card(&self, pid: u32, number: u32) -> Option<(&Guest, &Nic)> {
        let guest = self.guest(pid)?;
        Some((guest, guest.nics.get(number as usize)?))
    }

    /// The card of a guest that is plugged into a cable's end.
    pub fn plugged(&self, end: &CableEnd) -> Option<(&Guest, &Nic)> {
        self.card(end.pid?, end.nic?)
    }

    /// A cable by its key.
    pub fn cable(&self, key: &Text) -> Option<&Cable> {
        match self.rows.get(&HostKey::Cable(key.clone()))? {
            HostFact::Cable(cable) => Some(cable),
            _ => None,
        }
    }

    /// Frames that the kernel threw away before any point.
    pub fn backlog(&self) -> u64 {
        match self.rows.get(&HostKey::Backlog) {
            Some(HostFact::Backlog(frames)) => *frames,
            _ => 0,
        }
    }

    /// By how much [`Host::backlog`] grew since it was read first: what came before that is no news.
    pub fn backlog_grew(&self) -> u64 {
        self.backlog().saturating_sub(self.first_backlog.unwrap_or(0))
    }

    rows!(/// Namespaces.
        namespaces, Namespace, Namespace, Netns(0), Netns(u64::MAX));
    rows!(/// Devices, by namespace and index.
        devices, Device, Device, DeviceId { netns: Netns(0), index: 0 }, DeviceId { netns: Netns(u64::MAX), index: u32::MAX });
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
        guests, Guest, Guest, 0, u32::MAX);
    rows!(/// What guests' QEMUs said when they were asked, by process.
        asked, Asked, Asked);
    rows!(/// Cables, by key.
        cables, Cable, Cable);
    rows!(/// Programs other than guests that have a TUN or TAP device open.
        readers, Reader, Reader);
    rows!(/// Counters of the kernel.
        counters, Counter, Counter);
    rows!(/// What the kernel dropped, by reason and place.
        drops, Drop, Drop);
    rows!(/// Sockets that wait.
        listeners, Listener, Listener);
    rows!(/// Ways of packets that the kernel was asked for.
        route_lookups, RouteLookup, RouteLookup);
    rows!(/// Connections that are tracked.
        tracked, Tracked, Tracked);
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
            | HostKey::Counter(netns, ..)
            | HostKey::Listener(netns, ..)
            | HostKey::RouteLookup(netns, ..)
            | HostKey::Tracked(netns, ..)
            | HostKey::Firewall(netns, ..) => Some(*netns),
            HostKey::Drop(netns, ..) => *netns,
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
            host.apply(Timestamp(0), HostChange::Set(fact));
        }
        host
    }

    #[test]
    fn with_a_device_goes_what_is_on_it_and_with_a_namespace_everything() {
        let mut all = host([device(1, 2, "a"), address(1, 2, "10.0.0.1"), device(1, 3, "b"), device(2, 2, "c"), address(2, 2, "10.0.0.2")]);
        assert!(all.apply(Timestamp(0), HostChange::Gone(device(1, 2, "a").key())));
        assert_eq!(all, host([device(1, 3, "b"), device(2, 2, "c"), address(2, 2, "10.0.0.2")]));
        assert!(all.apply(Timestamp(0), HostChange::Gone(HostKey::Namespace(Netns(2)))));
        assert_eq!(all, host([device(1, 3, "b")]));
        assert!(!all.apply(Timestamp(0), HostChange::Gone(HostKey::Namespace(Netns(2)))));
    }

    #[test]
    fn the_changes_to_another_state_lead_there() {
        let mut now = host([device(1, 2, "a"), device(1, 3, "b")]);
        let wanted = host([device(1, 3, "renamed"), device(1, 4, "c")]);
        for change in now.changes_to(&wanted) {
            assert!(now.apply(Timestamp(0), change));
        }
        assert_eq!(now, wanted);
        assert_eq!(now.changes_to(&wanted), []);
    }
}
