//! Linux: netlink in every namespace that may be entered, and what only files and programs tell.

mod backlog;
mod cable;
mod firewall;
pub mod guest;
mod guests;
mod inquiry;
mod listening;
mod namespace;
mod provider;
mod setting;
mod space;
mod statistics;
#[cfg(test)]
mod tests;
mod watch;
mod wire;

use super::rows::Rows;
use super::{Inventory, InventoryError, Scope};
use namespace::Place;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use provider::{Provider, World};
use space::Space;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, Instant};
use tapscope_graph::Text;
use tapscope_graph::host::{HostChange, HostFact, HostKey, Inquiry, Netns, Unreadable};
use watch::Watch;

/// A name's file is there before its namespace is; how long to look again, and how often.
const UNFINISHED_FOR: Duration = Duration::from_secs(2);
const UNFINISHED_EVERY: Duration = Duration::from_millis(10);

/// As long as this, nothing is asked for the sake of its age.
const NEVER: Duration = Duration::from_secs(1 << 30);

/// How often to see whether the process is still there that keeps a namespace without a name, and whether there are new ones.
const PROCESSES_EVERY: Duration = Duration::from_secs(2);

/// Everything that is listened to.
pub(super) struct Linux {
    scope: Scope,
    own: Place,
    /// Those that are listened to, with their places.
    spaces: BTreeMap<Netns, Space>,
    places: BTreeMap<Netns, Place>,
    /// Those that could not be entered; they are not tried again and again.
    closed: BTreeMap<Netns, Place>,
    rows: Rows,
    watch: Option<Watch>,
    providers: Vec<Asked>,
    names: Names,
    counters_every: Option<Duration>,
    counters_at: Instant,
    quiet_at: Instant,
    resyncs: u64,
    /// What the firewalls' programs said.
    firewall: BTreeSet<HostKey>,
    room: Option<usize>,
}

/// When to look for namespaces.
struct Names {
    must_look: bool,
    at: Instant,
    /// Until when unfinished names are worth looking at again.
    unfinished_until: Instant,
    is_unfinished: bool,
}

/// A provider, what it said, and when it is asked again.
struct Asked {
    provider: Box<dyn Provider>,
    said: BTreeSet<HostKey>,
    at: Instant,
}

/// What a message of the kernel's says, in words: for who tries what becomes of strange ones. Kind 0 is an answer of sock_diag(7), 256 a
/// tracked connection, 257 the way of one packet.
#[doc(hidden)]
pub fn read_netlink(kind: u16, flags: u16, payload: &[u8]) -> String {
    match kind {
        0 => wire::read_socket(payload),
        256 | 257 => wire::read_answer(kind == 256, payload),
        kind => format!("{:?}", wire::read(Netns(1), kind, flags, payload)),
    }
}

impl Linux {
    /// Opens a socket in the own namespace; the others follow with the first call of [`Inventory::next`].
    pub(super) fn open(scope: Scope) -> Result<Linux, InventoryError> {
        Self::with_room(scope, None)
    }

    /// As [`Linux::open`], with room for so many octets of messages.
    fn with_room(scope: Scope, room: Option<usize>) -> Result<Linux, InventoryError> {
        let own = Place::own().map_err(|cause| InventoryError::Open { cause })?;
        if let Scope::These(wanted) = &scope {
            for path in wanted {
                Place::find(path).map_err(|cause| InventoryError::NoNamespace { path: path.clone(), cause })?;
            }
        }
        let now = Instant::now();
        let id = own.namespace.id;
        let space = Space::open(&own, room).map_err(|cause| InventoryError::Open { cause })?;
        let asked = |provider| Asked { provider, said: BTreeSet::new(), at: now };
        let mut linux = Linux {
            watch: if scope == Scope::Own { None } else { Watch::open() },
            providers: provider::all(&scope).into_iter().map(asked).collect(),
            scope,
            spaces: BTreeMap::from([(id, space)]),
            places: BTreeMap::from([(id, own.clone())]),
            closed: BTreeMap::new(),
            rows: Rows::default(),
            names: Names { must_look: true, at: now, unfinished_until: now, is_unfinished: false },
            counters_every: Some(Duration::from_secs(1)),
            counters_at: now + Duration::from_secs(1),
            quiet_at: now + setting::GOOD_FOR,
            resyncs: 0,
            firewall: BTreeSet::new(),
            own,
            room,
        };
        linux.rows.set(HostFact::Namespace(linux.own.namespace.clone()));
        linux.with_spaces(|space, rows| space.read_all(rows, now))?;
        Ok(linux)
    }

    /// Does whatever is to be done now.
    fn work(&mut self) -> Result<(), InventoryError> {
        let now = Instant::now();
        self.with_spaces(|space, rows| space.hear(rows, now))?;
        let with_pairs: BTreeSet<Netns> =
            self.spaces.iter_mut().filter_map(|(&id, space)| space.take_pairs_changed().then_some(id)).collect();
        if !with_pairs.is_empty() {
            self.spaces.values_mut().for_each(|space| space.pairs_changed_in(&with_pairs, now));
        }
        if self.counters_every.is_some_and(|_| self.counters_at <= now) {
            self.counters_at = now + self.counters_every.unwrap_or_default();
            self.with_spaces(|space, rows| space.read_counters(rows))?;
            self.providers.iter_mut().filter(|asked| asked.provider.counts()).for_each(|asked| asked.at = now);
        }
        if self.quiet_at <= now {
            self.quiet_at = now + setting::GOOD_FOR;
            self.with_spaces(|space, rows| space.read_quiet(rows, now))?;
        }
        self.look_for_namespaces(now);
        self.ask_providers(now);
        for space in self.spaces.values_mut().filter(|space| space.wants_numbers) {
            space.read_numbers(self.places.values().chain(self.closed.values()), &mut self.rows);
        }
        Ok(())
    }

    /// Does something in each namespace. One that fails is closed, and why is a fact; but the own one must work.
    fn with_spaces(&mut self, act: impl Fn(&mut Space, &mut Rows) -> io::Result<()>) -> Result<(), InventoryError> {
        let mut failed = Vec::new();
        for (&id, space) in &mut self.spaces {
            if let Err(cause) = act(space, &mut self.rows) {
                failed.push((id, cause));
            }
        }
        for (id, cause) in failed {
            if id == self.own.namespace.id {
                return Err(InventoryError::Wait { cause });
            }
            self.spaces.remove(&id);
            if let Some(place) = self.places.remove(&id) {
                self.rows.set(HostFact::Unreadable(unreadable(&place, &cause)));
                self.closed.insert(id, place);
            }
        }
        Ok(())
    }

    /// Finds namespaces that are new, and lets go of those that are gone.
    fn look_for_namespaces(&mut self, now: Instant) {
        if self.watch.as_ref().is_some_and(Watch::has_changed) {
            self.names.must_look = true;
            self.names.unfinished_until = now + UNFINISHED_FOR;
        }
        // Numbers come and go with namespaces.
        for space in self.spaces.values_mut() {
            self.names.must_look |= std::mem::take(&mut space.numbers_changed) && self.scope != Scope::Own;
        }
        if self.names.at <= now {
            self.names.must_look |= self.processes_changed();
            self.names.at = now + if self.names.is_unfinished { UNFINISHED_EVERY } else { PROCESSES_EVERY };
        }
        if !std::mem::take(&mut self.names.must_look) {
            return;
        }
        let wanted = self.wanted(now);
        let known: Vec<Netns> = self.places.keys().chain(self.closed.keys()).copied().collect();
        for id in known.into_iter().filter(|id| !wanted.contains_key(id)) {
            self.spaces.remove(&id);
            let place = self.places.remove(&id).or_else(|| self.closed.remove(&id));
            if let Some(place) = place {
                self.rows.gone(HostFact::Unreadable(unreadable(&place, &io::Error::other(""))).key());
            }
            self.rows.gone(HostKey::Namespace(id));
        }
        for (id, place) in wanted {
            self.rows.set(HostFact::Namespace(place.namespace.clone()));
            let before = self.places.get_mut(&id).or(self.closed.get_mut(&id));
            match before {
                Some(before) => *before = place,
                None => self.enter(place, now),
            }
        }
    }

    fn enter(&mut self, place: Place, now: Instant) {
        let opened = Space::open(&place, self.room).and_then(|mut space| space.read_all(&mut self.rows, now).map(|()| space));
        let id = place.namespace.id;
        match opened {
            Ok(space) => {
                self.spaces.insert(id, space);
                self.places.insert(id, place);
            }
            Err(cause) => {
                self.rows.set(HostFact::Unreadable(unreadable(&place, &cause)));
                self.closed.insert(id, place);
            }
        }
        // Others may know it by a number.
        for space in self.spaces.values_mut() {
            space.wants_numbers = true;
        }
    }

    /// Whether the processes that keep namespaces may have changed.
    fn processes_changed(&self) -> bool {
        let left = |place: &Place| place.namespace.pid.is_some_and(|pid| namespace::of_process(pid) != Some(place.namespace.id));
        let guests = || self.guests().any(|(_, id)| !self.places.contains_key(&id) && !self.closed.contains_key(&id));
        match self.scope {
            Scope::Own => false,
            Scope::All => true,
            Scope::Usual | Scope::These(_) => {
                self.names.is_unfinished || self.places.values().chain(self.closed.values()).any(left) || guests()
            }
        }
    }

    /// The namespaces that guests live in, which whoever looks for guests has said.
    fn guests(&self) -> impl Iterator<Item = (u32, Netns)> {
        self.rows.host.guests().filter_map(|guest| Some((guest.pid, guest.netns?)))
    }

    /// The namespaces to listen to.
    fn wanted(&mut self, now: Instant) -> BTreeMap<Netns, Place> {
        let mut wanted = match &self.scope {
            Scope::Own => BTreeMap::new(),
            Scope::These(paths) => {
                paths.iter().filter_map(|path| Place::find(path).ok()).map(|place| (place.namespace.id, place)).collect()
            }
            Scope::Usual | Scope::All => {
                let named = namespace::named();
                self.names.is_unfinished = named.has_unfinished && now < self.names.unfinished_until;
                if self.names.is_unfinished {
                    self.names.at = now + UNFINISHED_EVERY;
                }
                named.places
            }
        };
        // The own one may have a name, too; but it is always at hand.
        let mut own = self.own.clone();
        own.namespace.name = wanted.remove(&own.namespace.id).and_then(|place| place.namespace.name);
        wanted.insert(own.namespace.id, own);
        if self.scope == Scope::Own {
            return wanted;
        }
        let processes = namespace::of_processes();
        for (&id, &pid) in &processes {
            // A namespace that has lost its name stays as long as somebody lives in it.
            let stays = self.places.contains_key(&id) && !matches!(self.scope, Scope::These(_));
            if let Some(place) = wanted.get_mut(&id) {
                place.namespace.pid = Some(pid);
            } else if stays || self.scope == Scope::All {
                wanted.insert(id, Place::of_process(pid, id));
            }
        }
        if !matches!(self.scope, Scope::These(_)) {
            for (pid, id) in self.guests() {
                wanted.entry(id).or_insert_with(|| Place::of_process(pid, id));
            }
        }
        wanted
    }

    /// Asks those whose facts are old, or outdated by what happened.
    fn ask_providers(&mut self, now: Instant) {
        for asked in &mut self.providers {
            // Each is asked, also where one is reason enough: the provider learns what happened.
            let has_news = asked.provider.has_news();
            let is_outdated = self.rows.changes().iter().any(|change| asked.provider.is_outdated_by(change));
            if !has_news && !is_outdated && asked.at > now {
                continue;
            }
            let facts = asked.provider.facts(&World { host: &self.rows.host, places: &self.places });
            asked.at = now.checked_add(asked.provider.good_for()).unwrap_or(now + NEVER);
            say(&mut self.rows, &mut asked.said, facts);
        }
    }

    /// When something is to be done, even if nothing happens.
    fn due(&self) -> Instant {
        let counters = self.counters_every.map(|_| self.counters_at);
        let names = (self.scope != Scope::Own).then_some(self.names.at);
        let spaces = self.spaces.values().filter_map(Space::due);
        let providers = self.providers.iter().map(|asked| asked.at);
        [counters, names].into_iter().flatten().chain(spaces).chain(providers).fold(self.quiet_at, Instant::min)
    }

    /// Waits until the kernel says something, or until then.
    fn wait(&self, until: Instant) -> Result<(), InventoryError> {
        let mut fds: Vec<PollFd> = self.spaces.values().map(|space| PollFd::new(space.fd(), PollFlags::POLLIN)).collect();
        fds.extend(self.watch.as_ref().map(|watch| PollFd::new(watch.fd(), PollFlags::POLLIN)));
        let told = self.providers.iter().filter_map(|asked| asked.provider.descriptor());
        fds.extend(told.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)));
        // poll(2) counts in milliseconds; rounded down it would be called in vain.
        let time = until.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
        let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, time) {
            Ok(_) | Err(nix::Error::EINTR) => Ok(()),
            Err(cause) => Err(InventoryError::Wait { cause: cause.into() }),
        }
    }
}

impl Inventory for Linux {
    fn next(&mut self, wait: Duration) -> Result<Vec<HostChange>, InventoryError> {
        let deadline = Instant::now().checked_add(wait);
        loop {
            self.work()?;
            if !self.rows.is_settled() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(self.rows.take());
            }
            self.wait(deadline.unwrap_or_else(|| self.due()).min(self.due()))?;
        }
    }

    fn firewall(&mut self) -> Vec<HostChange> {
        let facts = self.places.values().flat_map(firewall::rules).collect();
        say(&mut self.rows, &mut self.firewall, facts);
        self.rows.take()
    }

    fn inquire(&mut self, inquiries: &[Inquiry]) -> Vec<HostChange> {
        for inquiry in inquiries {
            self.ask_kernel(inquiry);
        }
        self.rows.take()
    }

    fn refresh_counters(&mut self, every: Option<Duration>) {
        self.counters_every = every;
        self.counters_at = Instant::now();
    }

    fn resyncs(&self) -> u64 {
        self.resyncs + self.spaces.values().map(|space| space.resyncs).sum::<u64>()
    }
}

/// Says facts, and takes back what was said before and is not among them.
fn say(rows: &mut Rows, said: &mut BTreeSet<HostKey>, facts: Vec<HostFact>) {
    let keys = facts.iter().map(HostFact::key).collect();
    for key in std::mem::replace(said, keys).difference(said) {
        rows.gone(key.clone());
    }
    facts.into_iter().for_each(|fact| rows.set(fact));
}

/// A namespace that cannot be read.
fn unreadable(place: &Place, cause: &io::Error) -> Unreadable {
    let is_refused = matches!(cause.kind(), io::ErrorKind::PermissionDenied);
    let why = if is_refused { "entering another network namespace needs CAP_SYS_ADMIN".into() } else { cause.to_string() };
    Unreadable { what: Text::long(&place.title()), why: Text::long(&why), remedy: Text::new("sudo tapscope") }
}
