//! Guests that are asked for copies of their frames, because the user said so with `--qmp`: whom, for which backends, and what was done.

use anyhow::{Context, Result, bail};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::{BTreeMap, BTreeSet};
use tapscope_capture::qemu::filter::{Ask, Filters, Outlets, Question, Report};
use tapscope_capture::qemu::monitor::{Address, owner};
use tapscope_graph::host::{Backend, BackendKind, Cable, CableSight, Guest, Host, Nic};
use tapscope_graph::{Batch, Direction, Event, MacAddr, Text};

/// Reports that may wait to be told.
const REPORTS: usize = 1024;

/// One `--qmp`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    /// Every guest with a monitor, but those of libvirt's.
    All,
    /// A guest by its name.
    Guest(String),
    /// A monitor.
    At(Address),
    /// A cable by its key, at one of its guests.
    #[cfg_attr(not(feature = "window"), allow(dead_code, reason = "it is the window that asks for one cable"))]
    Cable(Text),
}

/// Guests that are asked. When it is dropped, what was added to them is taken away.
pub struct Asking {
    wishes: Vec<Wish>,
    filters: Option<Filters>,
    reports: Receiver<Report>,
    asks: Vec<Ask>,
    /// Guests that are only asked what they are: whose backends have no known ids, or whose frames are seen without them.
    questions: Vec<Question>,
    /// How many of these have not answered.
    unanswered: usize,
    /// Objects that were announced.
    announced: BTreeSet<String>,
    /// The guests behind monitors that no command line names, and which guests there were when that was looked up.
    owners: BTreeMap<Address, u32>,
    looked_up_for: Vec<u32>,
    refused: BTreeMap<String, String>,
}

impl Asking {
    /// Starts.
    ///
    /// # Errors
    /// A wish that makes no sense, or no threads.
    pub fn start(wishes: &[String], events: Sender<Event>, spent: Receiver<Batch>) -> Result<Asking> {
        let wishes = wishes.iter().map(|wish| Wish::read(wish)).collect::<Result<Vec<Wish>>>()?;
        let (told, reports) = bounded(REPORTS);
        let filters = Filters::start(Outlets { events, spent, reports: told }).context("cannot start to ask guests")?;
        Ok(Asking {
            wishes,
            filters: Some(filters),
            reports,
            asks: Vec::new(),
            questions: Vec::new(),
            unanswered: 0,
            announced: BTreeSet::new(),
            owners: BTreeMap::new(),
            looked_up_for: Vec::new(),
            refused: BTreeMap::new(),
        })
    }

    /// Adds a cable to what is asked for, by its key.
    #[cfg_attr(not(feature = "window"), allow(dead_code, reason = "it is the window that asks for one cable"))]
    pub fn wish(&mut self, cable: &Text, host: &Host) {
        let wish = Wish::Cable(cable.clone());
        if !self.wishes.contains(&wish) {
            self.wishes.push(wish);
            self.update(host);
        }
    }

    /// Takes a cable away from what is asked for; its filters go.
    #[cfg_attr(not(feature = "window"), allow(dead_code, reason = "it is the window that asks for one cable"))]
    pub fn unwish(&mut self, cable: &Text, host: &Host) {
        let before = self.wishes.len();
        self.wishes.retain(|wish| !matches!(wish, Wish::Cable(key) if key == cable));
        if self.wishes.len() < before {
            self.update(host);
        }
    }

    /// Asks the guests that there are now. What will be changed is said before.
    pub fn update(&mut self, host: &Host) {
        self.look_up(host);
        let mut asks: Vec<Ask> = Vec::new();
        let mut questions: Vec<Question> = Vec::new();
        for guest in host.guests() {
            let monitor = self.wishes.iter().find_map(|wish| self.monitor(wish, host, guest));
            let (by_cable, is_whole) = (first_monitor(host, guest), monitor.is_some());
            let Some(monitor) = monitor.or(by_cable) else { continue };
            let is_wished = |key: &Text| is_whole || self.wishes.iter().any(|wish| matches!(wish, Wish::Cable(wished) if wished == key));
            let mut is_complete = true;
            let mut is_copied = false;
            for need in needs_of(host, guest).filter(|need| need.cable.map_or(is_whole, |cable| is_wished(&cable.key))) {
                let Some(ask) = need.ask(guest, &monitor) else {
                    is_complete = false;
                    continue;
                };
                is_copied = true;
                // One end of a cable sees all that the other does.
                if !asks.iter().any(|other| other.key == ask.key) {
                    asks.push(ask);
                }
            }
            // Whoever gives copies is asked along with them.
            if !is_complete || (is_whole && !is_copied) {
                questions.push(Question { pid: guest.pid, guest: called(guest), monitor });
            }
        }
        self.unanswered = questions.iter().filter(|question| !host.asked().any(|row| row.pid == question.pid)).count();
        if asks == self.asks && questions == self.questions {
            return;
        }
        for ask in &asks {
            let [rx, tx] = ask.objects();
            if self.announced.insert(format!("{}\n{rx}", ask.pid)) {
                eprintln!(
                    "tapscope: adds filter objects {rx} and {tx} to {}, by its monitor {}; removed on exit",
                    ask.place(),
                    ask.monitor
                );
            }
        }
        let is_asked =
            |key: &str| asks.iter().any(|ask| ask.key == key) || questions.iter().any(|row| format!("process {}", row.pid) == key);
        self.refused.retain(|key, _| is_asked(key));
        if let Some(filters) = &self.filters {
            filters.listen(asks.clone(), questions.clone());
        }
        (self.asks, self.questions) = (asks, questions);
    }

    /// Finds the guests behind monitors that no command line names: those for people, and those by another path.
    fn look_up(&mut self, host: &Host) {
        let pids: Vec<u32> = host.guests().map(|guest| guest.pid).collect();
        if pids == self.looked_up_for {
            return;
        }
        self.owners.clear();
        for wish in &self.wishes {
            if let Wish::At(address) = wish
                && !host.guests().any(|guest| names(guest, address))
                && let Some(pid) = owner(address)
            {
                self.owners.insert(address.clone(), pid);
            }
        }
        self.looked_up_for = pids;
    }

    /// The monitor by which a wish asks a whole guest, if it does.
    fn monitor(&self, wish: &Wish, host: &Host, guest: &Guest) -> Option<Address> {
        let is_owners = |address: &Address| self.owners.get(address) == Some(&guest.pid);
        wish.monitor(host, guest, is_owners)
    }

    /// Tells on standard error what was done; says whether anything was.
    pub fn tell(&mut self) -> bool {
        let mut anything = false;
        for report in self.reports.try_iter() {
            anything = true;
            match &report {
                Report::Refused { key, .. } => drop(self.refused.insert(key.clone(), report.to_string())),
                _ => eprintln!("tapscope: {report}"),
            }
        }
        anything
    }

    /// Backends that are wanted, and are neither open nor refused if it is fewer points than that.
    pub fn wanted(&self) -> usize {
        self.asks.len() + self.unanswered
    }

    /// How many of them were refused.
    pub fn refused(&self) -> usize {
        self.refused.len()
    }

    /// What to do where a guest could not be asked: a sentence each.
    pub fn notices(&self, host: &Host) -> Vec<String> {
        let mut notices: Vec<String> = self.refused.values().cloned().collect();
        for wish in self.wishes.iter().filter(|_| !host.is_empty()) {
            let is_met = host.guests().any(|guest| self.monitor(wish, host, guest).is_some());
            match wish {
                _ if is_met => {}
                Wish::All => notices
                    .push("--qmp all: no guest with a monitor is seen here: start guests with -qmp unix:PATH,server=on,wait=off".into()),
                Wish::Guest(name) => {
                    let guest = host.guests().find(|guest| guest.name.as_ref().is_some_and(|known| known.as_str() == name));
                    let name = Text::long(name);
                    notices.push(match guest {
                        Some(guest) if guest.is_libvirt => {
                            format!(
                                "libvirt holds the monitor of {name}: --qmp libvirt:{name} asks through virsh, which marks it as tainted"
                            )
                        }
                        Some(_) => format!("{name} has no QMP monitor that can be asked: start it with -qmp unix:PATH,server=on,wait=off"),
                        None => format!("no guest is called {name}: tapscope list names them"),
                    });
                }
                Wish::At(address) => notices.push(no_guest_at(host, address)),
                Wish::Cable(key) if self.asks.iter().any(|ask| ask.cable.as_ref() == Some(key)) => {}
                Wish::Cable(key) => {
                    let sight = host.cables().find(|cable| cable.key == *key).map(|cable| cable.sight.words(host));
                    notices.push(format!("{key}: {}", sight.unwrap_or_else(|| "it is not there any more".to_owned())));
                }
            }
        }
        notices
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.filters = None;
        self.tell();
    }
}

impl Wish {
    fn read(text: &str) -> Result<Wish> {
        match text {
            "" => bail!("--qmp takes the path of a monitor's socket, the name of a guest, or `all`"),
            "all" => Ok(Wish::All),
            // Guests' names have neither.
            _ if text.contains('/') || text.contains(':') => Ok(Wish::At(text.parse()?)),
            name => Ok(Wish::Guest(name.to_owned())),
        }
    }
}

/// What to do where a monitor is nobody's that can be asked.
fn no_guest_at(host: &Host, address: &Address) -> String {
    let Address::Tcp(at, _) = address else { return format!("no guest that is seen here has the monitor {address}: tapscope list") };
    let elsewhere = host.guests().find(|guest| names(guest, address)).and_then(|guest| guest.netns).and_then(|netns| host.namespace(netns));
    if let Some(namespace) = elsewhere.filter(|namespace| !namespace.is_own) {
        let name = namespace.name.as_ref().map_or_else(|| "NAME".to_owned(), Text::to_string);
        return format!(
            "the monitor {address} is in the network namespace {name}, and copies cannot come from there to here over TCP: \
             ip netns exec {name} tapscope …, or give the guest another one with -qmp unix:PATH,server=on,wait=off"
        );
    }
    let is_ours = at.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback() || host.addresses().any(|row| row.ip == ip));
    if is_ours || at == "localhost" {
        return format!("no guest that is seen here has the monitor {address}: tapscope list");
    }
    format!("the monitor {address} is on another host, and copies cannot come from there to here: tapscope ssh://root@{}", Text::new(at))
}

/// The monitors by which wishes, as in `--qmp`, ask guests; those that can only be found by asking the kernel are found, too.
///
/// # Errors
/// A wish that makes no sense.
pub fn monitors(wishes: &[String], host: &Host) -> Result<Vec<(u32, Address)>> {
    let wishes = wishes.iter().map(|wish| Wish::read(wish)).collect::<Result<Vec<Wish>>>()?;
    let found = host.guests().filter_map(|guest| {
        let is_owners = |address: &Address| owner(address) == Some(guest.pid);
        let monitor = wishes.iter().find_map(|wish| wish.monitor(host, guest, is_owners))?;
        Some((guest.pid, monitor))
    });
    Ok(found.collect())
}

impl Wish {
    fn monitor(&self, host: &Host, guest: &Guest, is_owners: impl Fn(&Address) -> bool) -> Option<Address> {
        match self {
            Wish::All if guest.is_libvirt => None,
            Wish::All => first_monitor(host, guest),
            Wish::Guest(name) => guest.name.as_ref().filter(|known| known.as_str() == name).and_then(|_| first_monitor(host, guest)),
            Wish::At(Address::Libvirt(domain)) => (guest.is_libvirt && guest.name.as_ref().is_some_and(|name| name.as_str() == domain))
                .then(|| Address::Libvirt(domain.clone())),
            Wish::At(address) => ((names(guest, address) || is_owners(address)) && is_near(host, guest, address)).then(|| address.clone()),
            Wish::Cable(_) => None,
        }
    }
}

/// Whether a guest's command line has that monitor.
fn names(guest: &Guest, address: &Address) -> bool {
    guest.monitors.iter().any(|monitor| monitor.as_str().parse::<Address>().as_ref() == Ok(address))
}

/// Whether copies can come from a guest that is asked there: by TCP no socket can be handed over, and QEMU's own is in its namespace.
fn is_near(host: &Host, guest: &Guest, address: &Address) -> bool {
    let namespace = guest.netns.and_then(|netns| host.namespace(netns));
    !matches!(address, Address::Tcp(..)) || namespace.is_none_or(|namespace| namespace.is_own)
}

fn first_monitor(host: &Host, guest: &Guest) -> Option<Address> {
    let monitors = guest.monitors.iter().filter(|_| !guest.is_libvirt).filter_map(|monitor| monitor.as_str().parse::<Address>().ok());
    // A socket is handed over by a unix socket only, which serves wherever the guest is.
    monitors.filter(|address| is_near(host, guest, address)).min_by_key(|address| matches!(address, Address::Tcp(..)))
}

fn called(guest: &Guest) -> Text {
    guest.name.clone().unwrap_or_else(|| Text::new(&format!("process {}", guest.pid)))
}

/// A backend whose frames can be seen in no other way than by asking.
struct Need<'a> {
    nic: &'a Nic,
    backend: &'a Backend,
    cable: Option<&'a Cable>,
}

fn needs_of<'a>(host: &'a Host, guest: &'a Guest) -> impl Iterator<Item = Need<'a>> {
    guest.nics.iter().enumerate().filter_map(|(index, nic)| {
        let backend = nic.backend.as_ref()?;
        let is_seen = match backend.kind {
            // Whoever can listen on the device need not ask.
            BackendKind::Tap | BackendKind::Macvtap => true,
            // The backend behind the hub is asked, not the hub's ports; QEMU does not see what others move.
            BackendKind::Hubport | BackendKind::VhostUser | BackendKind::VhostVdpa => true,
            _ => false,
        };
        let is_here = |cable: &&Cable| cable.ends.iter().any(|end| end.pid == Some(guest.pid) && end.nic == Some(index as u32));
        let cable = host.cables().find(is_here);
        let is_carried = cable.is_some_and(|cable| matches!(cable.sight, CableSight::Carried { .. }));
        (!is_seen && !is_carried).then_some(Need { nic, backend, cable })
    })
}

impl Need<'_> {
    /// None where the backend's id is not known yet.
    fn ask(&self, guest: &Guest, monitor: &Address) -> Option<Ask> {
        let netdev = self.backend.id.as_ref()?;
        let name = called(guest);
        let is_first = self.cable.is_none_or(|cable| cable.ends.first().is_some_and(|end| end.pid == Some(guest.pid)));
        Some(Ask {
            key: self.cable.map_or_else(|| format!("{name}/{netdev}"), |cable| cable.key.to_string()),
            pid: guest.pid,
            monitor: monitor.clone(),
            netdev: netdev.to_string(),
            name: format!("{netdev} of {name}"),
            description: description(&name, self.nic, self.backend.kind.name()),
            cable: self.cable.map(|cable| cable.key.clone()),
            from_guest: if is_first { Direction::Inbound } else { Direction::Outbound },
            guest: name,
        })
    }
}

/// `guest g1, virtio-net-pci 52:54:00:12:34:57, user, by QMP`
fn description(guest: &Text, nic: &Nic, kind: &str) -> String {
    let model = nic.model.as_ref().map_or_else(String::new, |model| format!(", {model}"));
    let mac = nic.mac.as_ref().map_or_else(String::new, |mac: &MacAddr| format!(" {mac}"));
    format!("guest {guest}{model}{mac}, {kind}, by QMP")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapscope_graph::Timestamp;
    use tapscope_graph::host::{CableEnd, CableKind, HostChange, HostFact, Namespace, Netns};

    fn guest(pid: u32, name: &str, backends: &[(&str, BackendKind)]) -> Guest {
        let nic = |(id, kind): &(&str, BackendKind)| Nic {
            backend: Some(Backend { id: Some(Text::new(id)), kind: kind.clone(), ..Backend::default() }),
            ..Nic::default()
        };
        Guest {
            pid,
            name: Some(Text::new(name)),
            monitors: vec![Text::new(&format!("unix:/run/{name}.qmp"))],
            nics: backends.iter().map(nic).collect(),
            ..Guest::default()
        }
    }

    fn asked(host: &Host, wishes: &[&str]) -> Vec<String> {
        let (events, _keep) = bounded(16);
        let wishes: Vec<String> = wishes.iter().map(|&wish| wish.to_owned()).collect();
        let mut asking = Asking::start(&wishes, events, bounded(1).1).expect("it starts");
        asking.filters = None;
        asking.update(host);
        let line = |ask: &Ask| format!("{} {:?} {} {}", ask.name, ask.from_guest, ask.monitor, ask.key);
        asking.asks.iter().map(line).chain(asking.notices(host)).collect()
    }

    fn host(facts: Vec<HostFact>) -> Host {
        let mut host = Host::default();
        for fact in facts {
            host.apply(Timestamp(0), HostChange::Set(fact));
        }
        host
    }

    #[test]
    fn what_has_no_device_is_asked_for_and_only_of_whom_the_user_named() {
        let mut libvirts = guest(3, "vm", &[("hostnet0", BackendKind::User)]);
        libvirts.is_libvirt = true;
        let host = host(vec![
            HostFact::Guest(Box::new(guest(1, "g1", &[("n0", BackendKind::User), ("n1", BackendKind::VhostUser)]))),
            HostFact::Guest(Box::new(guest(2, "g2", &[("n0", BackendKind::Stream)]))),
            HostFact::Guest(Box::new(libvirts)),
        ]);
        assert_eq!(asked(&host, &["g1"]), ["n0 of g1 Inbound unix:/run/g1.qmp g1/n0"]);
        assert_eq!(asked(&host, &["/run/g2.qmp"]), ["n0 of g2 Inbound unix:/run/g2.qmp g2/n0"]);
        assert_eq!(asked(&host, &["all"]).len(), 2, "libvirt's monitor is not taken over");
        assert_eq!(asked(&host, &["libvirt:vm"]), ["hostnet0 of vm Inbound libvirt:vm vm/hostnet0"]);
        assert_eq!(
            asked(&host, &["vm"]),
            ["libvirt holds the monitor of vm: --qmp libvirt:vm asks through virsh, which marks it as tainted"]
        );
        assert_eq!(asked(&host, &["g3"]), ["no guest is called g3: tapscope list names them"]);
    }

    #[test]
    fn a_cable_is_asked_for_at_one_end_and_not_if_it_is_seen_anyway() {
        let end = |pid| CableEnd { pid: Some(pid), nic: Some(0), ..CableEnd::default() };
        let cable = Cable { key: Text::new("unix /run/wire"), kind: CableKind::UnixStream, ends: vec![end(2), end(1)], ..Cable::default() };
        let guests = || [1, 2].map(|pid| HostFact::Guest(Box::new(guest(pid, &format!("g{pid}"), &[("n0", BackendKind::Stream)]))));
        let facts = |cable: Cable| guests().into_iter().chain([HostFact::Cable(Box::new(cable))]).collect();
        let joined = host(facts(cable.clone()));
        assert_eq!(asked(&joined, &["all"]), ["n0 of g1 Outbound unix:/run/g1.qmp unix /run/wire"]);
        assert_eq!(asked(&joined, &["g2"]), ["n0 of g2 Inbound unix:/run/g2.qmp unix /run/wire"]);
        let carrier = tapscope_graph::host::Carrier::Multicast { group: "230.0.0.1:1234".parse().expect("an address") };
        let carried = host(facts(Cable { sight: CableSight::Carried { device: Default::default(), carrier }, ..cable }));
        assert_eq!(asked(&carried, &["all"]), [""; 0]);
    }
    #[test]
    fn a_cable_is_asked_for_by_its_key_and_left_again() {
        let end = |pid| CableEnd { pid: Some(pid), nic: Some(0), ..CableEnd::default() };
        let cable = |key: &str, pid| {
            let sight = CableSight::Asked { monitor: None, remedy: Text::new("ask") };
            HostFact::Cable(Box::new(Cable { key: Text::new(key), ends: vec![end(pid)], sight, ..Cable::default() }))
        };
        let guests = [1, 2].map(|pid| HostFact::Guest(Box::new(guest(pid, &format!("g{pid}"), &[("n0", BackendKind::User)]))));
        let host = host(guests.into_iter().chain([cable("user g1/n0", 1), cable("user g2/n0", 2)]).collect());
        let (events, _keep) = bounded(16);
        let mut asking = Asking::start(&[], events, bounded(1).1).expect("it starts");
        asking.filters = None;
        let key = Text::new("user g2/n0");
        asking.wish(&key, &host);
        assert_eq!(asking.asks.iter().map(|ask| ask.name.as_str()).collect::<Vec<_>>(), ["n0 of g2"]);
        assert_eq!(asking.notices(&host), [""; 0]);
        asking.unwish(&key, &host);
        assert!(asking.asks.is_empty());
        asking.unwish(&key, &host);
        asking.wish(&Text::new("user g3/n0"), &host);
        assert_eq!(asking.notices(&host), ["user g3/n0: it is not there any more"]);
    }

    #[test]
    fn a_backend_without_an_id_is_asked_for_first() {
        let mut nameless = guest(1, "g1", &[("n0", BackendKind::User)]);
        nameless.nics[0].backend.as_mut().expect("a backend").id = None;
        let host = host(vec![HostFact::Guest(Box::new(nameless))]);
        let (events, _keep) = bounded(16);
        let mut asking = Asking::start(&["g1".to_owned()], events, bounded(1).1).expect("it starts");
        asking.filters = None;
        asking.update(&host);
        assert!(asking.asks.is_empty());
        assert_eq!(asking.questions.iter().map(|row| row.guest.as_str()).collect::<Vec<_>>(), ["g1"]);
    }

    #[test]
    fn a_guest_on_a_tap_is_only_asked_how_it_is() {
        let host = host(vec![HostFact::Guest(Box::new(guest(1, "g1", &[("n0", BackendKind::Tap)])))]);
        let (events, _keep) = bounded(16);
        let mut asking = Asking::start(&["all".to_owned()], events, bounded(1).1).expect("it starts");
        asking.filters = None;
        asking.update(&host);
        assert!(asking.asks.is_empty(), "its frames are seen at the TAP");
        assert_eq!(asking.questions.iter().map(|row| row.guest.as_str()).collect::<Vec<_>>(), ["g1"]);
        assert_eq!(asking.wanted(), 1, "it has not answered");
    }

    #[test]
    fn a_monitor_by_tcp_elsewhere_is_impossible_and_that_is_said() {
        let far = |monitors: &[&str]| {
            let mut guest = guest(1, "g1", &[("n0", BackendKind::User)]);
            (guest.netns, guest.monitors) = (Some(Netns(2)), monitors.iter().map(|monitor| Text::new(monitor)).collect());
            let namespace = |id, name, is_own| {
                HostFact::Namespace(Namespace { id: Netns(id), name: Some(Text::new(name)), is_own, ..Namespace::default() })
            };
            host(vec![namespace(1, "own", true), namespace(2, "vms", false), HostFact::Guest(Box::new(guest))])
        };
        let said = asked(&far(&["tcp:127.0.0.1:4444"]), &["tcp:127.0.0.1:4444"]);
        assert!(said[0].contains("is in the network namespace vms") && said[0].contains("ip netns exec vms tapscope"), "{said:?}");
        let said = asked(&far(&[]), &["tcp:192.0.2.7:4444"]);
        assert!(said[0].contains("is on another host") && said[0].contains("tapscope ssh://root@192.0.2.7"), "{said:?}");
        let both = far(&["tcp:127.0.0.1:4444", "unix:/run/g1.qmp"]);
        assert_eq!(asked(&both, &["g1"]), ["n0 of g1 Inbound unix:/run/g1.qmp g1/n0"], "of two monitors, the one that serves");
    }
}
