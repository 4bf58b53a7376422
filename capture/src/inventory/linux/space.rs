//! One network namespace, as the kernel tells of it.

mod fdb;

use super::super::rows::Rows;
use super::namespace::Place;
use super::wire::{Abilities, Dump, Events, Link, LinkConf, News, Offloads, PortNews, Queries, Read, Unread};
use fdb::fdb_place;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};
use tapscope_graph::host::{
    Counter, Device, DeviceId, DeviceKind, FdbEntry, HostFact, HostKey, Netns, PortVlan, RouteAnswer, RouteInquiry, Setting, Unreadable,
};
use tapscope_graph::{MacAddr, Text};

/// After a change that the kernel tells in part only, this long until the rest is read: one reading for many changes.
const LATER: Duration = Duration::from_millis(20);

/// Datagrams that are read before the other namespaces have their turn.
const TURN: usize = 1024;

/// Bridge, address, VLAN: what leads to one port at a time.
type FdbPlace = (u32, MacAddr, Option<u16>);

/// A namespace that is listened to.
pub(super) struct Space {
    id: Netns,
    events: Events,
    queries: Queries,
    /// None where the kernel has no such thing.
    offloads: Option<Offloads>,
    /// What it said, and the devices that it is to be asked about.
    offloaded: BTreeMap<u32, Abilities>,
    changed: BTreeSet<u32>,
    links: BTreeMap<u32, Link>,
    fdb: BTreeMap<FdbPlace, FdbAge>,
    /// The namespaces that this one knows by a number.
    numbers: BTreeMap<i32, Netns>,
    /// Whether there is a number that means nothing yet.
    pub wants_numbers: bool,
    /// Whether the numbers changed, which is when namespaces come and go.
    pub numbers_changed: bool,
    /// When to read routes again, and devices.
    routes_at: Option<Instant>,
    links_at: Option<Instant>,
    /// Whether an end of a pair came or went: the kernel does not tell its other end.
    pairs_changed: bool,
    must_resync: bool,
    /// How often everything was read again because messages were lost.
    pub resyncs: u64,
}

/// Where a forwarding entry leads, and its age as it was said.
struct FdbAge {
    port: u32,
    refreshed: Option<Instant>,
    said: Option<u32>,
}

impl Space {
    /// Opens sockets in a namespace. `room` is the octets of messages that may wait.
    ///
    /// # Errors
    /// It may not be entered, or is gone.
    pub fn open(place: &Place, room: Option<usize>) -> io::Result<Space> {
        let open = || Ok::<_, io::Error>((Events::open(room)?, Queries::open()?, Offloads::open().ok()));
        let (events, queries, offloads) = place.within(open)??;
        Ok(Space {
            id: place.namespace.id,
            events,
            queries,
            offloads,
            offloaded: BTreeMap::new(),
            changed: BTreeSet::new(),
            links: BTreeMap::new(),
            fdb: BTreeMap::new(),
            numbers: BTreeMap::new(),
            wants_numbers: false,
            numbers_changed: false,
            routes_at: None,
            links_at: None,
            pairs_changed: false,
            must_resync: false,
            resyncs: 0,
        })
    }

    /// For poll(2).
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.events.fd()
    }

    /// When this must be looked at, even if nothing happens.
    pub fn due(&self) -> Option<Instant> {
        self.routes_at.into_iter().chain(self.links_at).min()
    }

    /// Reads everything, and says what differs from before.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn read_all(&mut self, rows: &mut Rows, now: Instant) -> io::Result<()> {
        let mut facts = Vec::new();
        let old = std::mem::take(&mut self.links);
        // They are worth knowing, and not worth failing for.
        self.offloaded = self.offloads.as_mut().and_then(|offloads| offloads.all().ok()).unwrap_or_default();
        self.changed.clear();
        for what in Dump::ALL {
            let (news, unread) = self.queries.dump(self.id, what)?;
            facts.extend(unread.iter().map(unreadable));
            for one in news {
                match one {
                    News::Link(link) => drop(self.links.insert(link.device.id.index, *link)),
                    News::Port(port) => drop(self.port(*port)),
                    News::Fact(fact) => facts.push(fact),
                    News::Routes { rows, .. } => facts.extend(rows.into_iter().map(HostFact::Route)),
                    News::Fdb(entry) => facts.push(HostFact::Fdb(self.settle(entry, now).0)),
                    _ => {}
                }
            }
        }
        let of_links = self.links.values().flat_map(|link| {
            let settings = self.settings(link).map(HostFact::Setting);
            std::iter::once(HostFact::Device(Box::new(self.device(link)))).chain(settings)
        });
        // Devices come before what is on them.
        let facts: Vec<HostFact> = of_links.chain(facts).collect();
        let settings = |links: &BTreeMap<u32, Link>| -> BTreeSet<HostKey> {
            links.values().flat_map(|link| self.settings(link)).map(|setting| HostFact::Setting(setting).key()).collect()
        };
        settings(&old).difference(&settings(&self.links)).for_each(|key| rows.gone(key.clone()));
        self.wants_numbers |= self.links.values().any(|link| self.is_unresolved(link));
        self.routes_at = None;
        self.links_at = None;
        let id = self.id;
        rows.replace(|fact| is_ours(fact, id), facts);
        Ok(())
    }

    /// Takes in what the kernel said since the last call.
    ///
    /// # Errors
    /// The socket is broken, or the kernel does not answer.
    pub fn hear(&mut self, rows: &mut Rows, now: Instant) -> io::Result<()> {
        let mut heard = Vec::new();
        if self.events.read(self.id, TURN, &mut |news| heard.push(news))? == Read::Lost {
            self.must_resync = true;
        }
        for news in heard {
            match news {
                Ok(news) => {
                    // The kernel tells of a pair's ends before it has joined them, and not again.
                    self.pairs_changed |= matches!(&news, News::Link(link) if link.device.kind == DeviceKind::Veth && link.lower.is_none());
                    self.take(news, rows, now);
                }
                Err(error) => rows.set(unreadable(&error)),
            }
        }
        self.read_offloads(rows);
        if std::mem::take(&mut self.must_resync) {
            self.resyncs += 1;
            self.read_all(rows, now)?;
        }
        if self.routes_at.is_some_and(|at| at <= now) {
            self.read_routes(rows)?;
        }
        if self.links_at.is_some_and(|at| at <= now) {
            self.read_links(rows, now)?;
        }
        Ok(())
    }

    /// Whether ends of pairs came or went since the last call.
    pub fn take_pairs_changed(&mut self) -> bool {
        std::mem::take(&mut self.pairs_changed)
    }

    /// Ends of pairs came or went in these namespaces: reads those again whose other end may be there.
    pub fn pairs_changed_in(&mut self, spaces: &BTreeSet<Netns>, now: Instant) {
        let may_end_there = |link: &Link| {
            let far = link.lower_namespace.map(|number| self.numbers.get(&number));
            link.device.kind == DeviceKind::Veth && far.is_some_and(|far| far.is_none_or(|far| spaces.contains(far)))
        };
        if spaces.contains(&self.id) || self.links.values().any(may_end_there) {
            self.links_at.get_or_insert(now + LATER);
        }
    }

    fn read_links(&mut self, rows: &mut Rows, now: Instant) -> io::Result<()> {
        self.links_at = None;
        let before = self.pairs_changed;
        for news in self.queries.dump(self.id, Dump::Links)?.0 {
            self.take(news, rows, now);
        }
        // What was only read is known whole.
        self.pairs_changed = before;
        Ok(())
    }

    /// The kernel says nothing when it drops IPv4 routes with a device or an address, nor which route another has replaced.
    fn read_routes(&mut self, rows: &mut Rows) -> io::Result<()> {
        self.routes_at = None;
        let mut fresh = Vec::new();
        for what in [Dump::RoutesV4, Dump::RoutesV6] {
            for news in self.queries.dump(self.id, what)?.0 {
                if let News::Routes { rows, .. } = news {
                    fresh.extend(rows.into_iter().map(HostFact::Route));
                }
            }
        }
        let id = self.id;
        rows.replace(|fact| matches!(fact, HostFact::Route(route) if route.netns == id), fresh);
        Ok(())
    }

    /// Reads the counters again.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn read_counters(&mut self, rows: &mut Rows) -> io::Result<()> {
        for news in self.queries.dump(self.id, Dump::Counters)?.0 {
            let News::Counters(index, counters) = news else { continue };
            let Some(link) = self.links.get_mut(&index).filter(|link| link.device.counters != counters) else { continue };
            link.device.counters = counters;
            self.say(index, rows);
        }
        let mut dropped = Vec::new();
        for news in self.queries.dump(self.id, Dump::Qdiscs)?.0 {
            if let News::Dropped { index, name, packets } = news {
                dropped.push(HostFact::Counter(Counter { netns: self.id, device: Some(index), name, value: packets }));
            }
        }
        let id = self.id;
        rows.replace(|fact| matches!(fact, HostFact::Counter(row) if row.netns == id && row.device.is_some()), dropped);
        Ok(())
    }

    /// Reads again what changes without a word: devices' settings, proxies, and when frames refreshed the forwarding entries.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn read_quiet(&mut self, rows: &mut Rows, now: Instant) -> io::Result<()> {
        self.read_links(rows, now)?;
        let proxies = self.queries.dump(self.id, Dump::Proxies)?.0.into_iter();
        let proxies = proxies.filter_map(|news| if let News::Fact(fact) = news { Some(fact) } else { None }).collect();
        let id = self.id;
        rows.replace(|fact| matches!(fact, HostFact::Neighbor(row) if row.is_proxy && row.device.netns == id), proxies);
        if self.links.values().any(|link| matches!(link.device.kind, DeviceKind::Bridge(_) | DeviceKind::Vxlan(_))) {
            for news in self.queries.dump(self.id, Dump::Fdb)?.0 {
                self.take(news, rows, now);
            }
        }
        Ok(())
    }

    /// Asks for the way of one packet.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn look_up(&mut self, packet: &RouteInquiry) -> io::Result<RouteAnswer> {
        self.queries.route(self.id, packet)
    }

    /// Finds out which namespaces the numbers mean.
    pub fn read_numbers<'a>(&mut self, places: impl Iterator<Item = &'a Place>, rows: &mut Rows) {
        self.wants_numbers = false;
        self.numbers.clear();
        for place in places {
            let Ok(file) = place.open() else { continue };
            if let Ok(Some(number)) = self.queries.namespace_number(file.as_raw_fd()) {
                self.numbers.insert(number, place.namespace.id);
            }
        }
        let far: Vec<u32> = self.links.values().filter(|link| link.lower_namespace.is_some()).map(|link| link.device.id.index).collect();
        for index in far {
            self.say(index, rows);
        }
    }

    fn take(&mut self, news: News, rows: &mut Rows, now: Instant) {
        match news {
            News::Link(link) => {
                self.changed.insert(link.device.id.index);
                self.link(*link, rows, now);
            }
            News::LinkGone(index) => {
                self.changed.remove(&index);
                self.offloaded.remove(&index);
                rows.gone(HostKey::Device(self.device_id(index)));
                if let Some(link) = self.links.remove(&index) {
                    self.pairs_changed |= link.device.kind == DeviceKind::Veth;
                    self.settings(&link).for_each(|setting| rows.gone(HostFact::Setting(setting).key()));
                }
                self.fdb.retain(|(bridge, ..), entry| *bridge != index && entry.port != index);
                self.routes_at.get_or_insert(now + LATER);
            }
            News::Port(port) => {
                if let Some(index) = self.port(*port) {
                    self.say(index, rows);
                }
            }
            News::PortGone(index) => {
                if let Some(link) = self.links.get_mut(&index) {
                    link.device.port = None;
                    link.device.master = None;
                    self.say(index, rows);
                }
            }
            News::Vlans { index, vlans, left } => {
                if let Some(old) = self.links.get_mut(&index).and_then(vlans_of) {
                    old.retain(|old| vlans.iter().all(|vlan| vlan.vid != old.vid));
                    if !left {
                        // A port has one PVID: the last that was told.
                        if vlans.iter().any(|vlan| vlan.is_pvid) {
                            old.iter_mut().for_each(|old| old.is_pvid = false);
                        }
                        old.extend(vlans);
                        old.sort_unstable();
                    }
                    self.say(index, rows);
                }
            }
            News::Fact(fact) => rows.set(fact),
            News::Gone(key) => {
                if matches!(key, HostKey::Address(..)) {
                    self.routes_at.get_or_insert(now + LATER);
                }
                rows.gone(key);
            }
            News::Routes { rows: routes, replaces } => {
                if replaces {
                    self.routes_at.get_or_insert(now + LATER);
                }
                routes.into_iter().for_each(|route| rows.set(HostFact::Route(route)));
            }
            News::RoutesGone(routes) => routes.into_iter().for_each(|route| rows.gone(HostFact::Route(route).key())),
            News::Fdb(entry) => {
                let (entry, old) = self.settle(entry, now);
                if let Some(port) = old {
                    let port = self.device_id(port);
                    rows.gone(HostFact::Fdb(FdbEntry { port, ..entry.clone() }).key());
                }
                rows.set(HostFact::Fdb(entry));
            }
            News::FdbGone(entry) => {
                if let Some(place) = fdb_place(&entry)
                    && self.fdb.get(&place).is_some_and(|known| known.port == entry.port.index)
                {
                    self.fdb.remove(&place);
                }
                rows.gone(HostFact::Fdb(entry).key());
            }
            News::Conf { index, conf } => self.conf(index, conf, rows),
            News::NamespaceNumbers => {
                self.numbers_changed = true;
                self.wants_numbers = true;
            }
            News::Counters(..) | News::Dropped { .. } => {}
        }
    }

    /// A device is so now.
    fn link(&mut self, mut link: Link, rows: &mut Rows, now: Instant) {
        let index = link.device.id.index;
        if let Some(old) = self.links.get_mut(&index) {
            // Its VLANs come by other messages.
            let same_bridge = old.device.master == link.device.master;
            if let (Some(old), Some(new)) = (vlans_of(old).filter(|_| same_bridge), vlans_of(&mut link)) {
                *new = std::mem::take(old);
            }
            if (old.device.is_up, old.device.has_carrier) != (link.device.is_up, link.device.has_carrier) {
                self.routes_at.get_or_insert(now + LATER);
            }
        }
        self.wants_numbers |= self.is_unresolved(&link);
        self.pairs_changed |= link.device.kind == DeviceKind::Veth && !self.links.contains_key(&index);
        let old = self.links.insert(index, link);
        let new = &self.links[&index];
        if let Some(old) = old.filter(|old| old.device.name != new.device.name) {
            self.settings(&old).for_each(|setting| rows.gone(HostFact::Setting(setting).key()));
        }
        self.settings(new).for_each(|setting| rows.set(HostFact::Setting(setting)));
        self.say(index, rows);
    }

    /// What a bridge says of a port or itself; gives the index of the device that it is about, if it is known.
    fn port(&mut self, news: PortNews) -> Option<u32> {
        let netns = self.id;
        let link = self.links.get_mut(&news.index)?;
        // A bridge names itself as its own master.
        if let Some(bridge) = news.bridge.filter(|&bridge| bridge != news.index) {
            link.device.master = Some(DeviceId { netns, index: bridge });
        }
        if let Some(mut port) = news.port {
            port.vlans = link.device.port.take().map(|old| old.vlans).unwrap_or_default();
            link.device.port = Some(port);
        }
        if let (Some(vlans), Some(place)) = (news.vlans, vlans_of(link)) {
            *place = vlans;
        }
        Some(news.index)
    }

    /// Settings that changed: of a device, of all (-1), or for new ones (-2).
    fn conf(&mut self, index: i32, conf: Vec<LinkConf>, rows: &mut Rows) {
        let name = match u32::try_from(index) {
            Ok(index) => {
                let Some(link) = self.links.get_mut(&index) else { return };
                for (v6, name, value) in &conf {
                    link.conf.iter_mut().filter(|known| (known.0, known.1) == (*v6, *name)).for_each(|known| known.2 = *value);
                }
                link.device.name.clone()
            }
            Err(_) => Text::new(if index == -1 { "all" } else { "default" }),
        };
        for one in conf {
            if let (-1, (false, "forwarding", value)) = (index, one) {
                rows.set(HostFact::Setting(Setting {
                    netns: self.id,
                    name: Text::new("net.ipv4.ip_forward"),
                    value: Text::new(&value.to_string()),
                }));
            }
            rows.set(HostFact::Setting(self.setting(&name, one)));
        }
    }

    fn say(&self, index: u32, rows: &mut Rows) {
        if let Some(link) = self.links.get(&index) {
            rows.set(HostFact::Device(Box::new(self.device(link))));
        }
    }

    fn device_id(&self, index: u32) -> DeviceId {
        DeviceId { netns: self.id, index }
    }

    /// The device, with the namespace of the one below.
    fn device(&self, link: &Link) -> Device {
        let netns = match link.lower_namespace {
            None => self.id,
            Some(number) => self.numbers.get(&number).copied().unwrap_or_default(),
        };
        let Abilities { offloads, speed } = self.offloaded.get(&link.device.id.index).cloned().unwrap_or_default();
        Device { lower: link.lower.map(|index| DeviceId { netns, index }), offloads, speed, ..link.device.clone() }
    }

    /// Asks for the offloads of devices that changed: a guest's driver sets its TAP's when it starts.
    fn read_offloads(&mut self, rows: &mut Rows) {
        let Some(offloads) = &mut self.offloads else { return };
        let mut told = Vec::new();
        for index in std::mem::take(&mut self.changed) {
            // It may be gone by now, which is told elsewhere.
            let Ok(found) = offloads.of(index) else { continue };
            if self.offloaded.get(&index) != Some(&found) {
                self.offloaded.insert(index, found);
                told.push(index);
            }
        }
        told.into_iter().for_each(|index| self.say(index, rows));
    }

    /// Whether the device below is in a namespace whose number means nothing yet.
    fn is_unresolved(&self, link: &Link) -> bool {
        link.lower_namespace.is_some_and(|number| number >= 0 && !self.numbers.contains_key(&number))
    }

    fn settings(&self, link: &Link) -> impl Iterator<Item = Setting> {
        link.conf.iter().map(|conf| self.setting(&link.device.name, *conf))
    }

    /// sysctl(8) writes a dot in a device's name as a slash.
    fn setting(&self, device: &Text, (is_v6, name, value): LinkConf) -> Setting {
        let version = if is_v6 { "ipv6" } else { "ipv4" };
        let name = format!("net.{version}.conf.{}.{name}", device.as_str().replace('.', "/"));
        Setting { netns: self.id, name: Text::long(&name), value: Text::new(&value.to_string()) }
    }
}

/// The VLANs of a port, or of a bridge itself.
fn vlans_of(link: &mut Link) -> Option<&mut Vec<PortVlan>> {
    match (&mut link.device.port, &mut link.device.kind) {
        (Some(port), _) => Some(&mut port.vlans),
        (None, DeviceKind::Bridge(bridge)) => Some(&mut bridge.vlans),
        (None, _) => None,
    }
}

/// Whether [`Space::read_all`] tells a fact of this sort.
fn is_ours(fact: &HostFact, netns: Netns) -> bool {
    match fact {
        HostFact::Device(row) => row.id.netns == netns,
        HostFact::Address(row) => row.device.netns == netns,
        HostFact::Route(row) => row.netns == netns,
        HostFact::Rule(row) => row.netns == netns,
        HostFact::Neighbor(row) => row.device.netns == netns,
        HostFact::Fdb(row) => row.port.netns == netns,
        _ => false,
    }
}

/// A message that cannot be read is one more thing that is not known.
fn unreadable(error: &Unread) -> HostFact {
    HostFact::Unreadable(Unreadable {
        what: Text::long(&format!("what the kernel says about {}", error.about)),
        why: Text::long(&error.why),
        remedy: Text::new("a tapscope that knows this kernel"),
    })
}
