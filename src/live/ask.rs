//! Guests that are asked for copies of their frames, because the user said so with `--qmp`: whom, for which backends, and what was done.

use anyhow::{Context, Result, bail};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::{BTreeMap, BTreeSet};
use tapscope_capture::qemu::filter::{Ask, Filters, Outlets, Report};
use tapscope_capture::qemu::monitor::{Address, owner};
use tapscope_graph::host::{BackendKind, Cable, CableSight, Guest, Host, Nic};
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
}

/// Guests that are asked. When it is dropped, what was added to them is taken away.
pub struct Asking {
    wishes: Vec<Wish>,
    filters: Option<Filters>,
    reports: Receiver<Report>,
    asks: Vec<Ask>,
    /// Objects that were announced.
    announced: BTreeSet<String>,
    /// The guests behind monitors that no command line names, and which guests there were when that was looked up.
    owners: BTreeMap<Address, u32>,
    looked_up_for: Vec<u32>,
    refused: BTreeMap<String, String>,
}

impl Asking {
    /// Starts; none if the user wishes nothing of the kind.
    ///
    /// # Errors
    /// A wish that makes no sense, or no threads.
    pub fn start(wishes: &[String], events: Sender<Event>, spent: Receiver<Batch>) -> Result<Option<Asking>> {
        if wishes.is_empty() {
            return Ok(None);
        }
        let wishes = wishes.iter().map(|wish| Wish::read(wish)).collect::<Result<Vec<Wish>>>()?;
        let (told, reports) = bounded(REPORTS);
        let filters = Filters::start(Outlets { events, spent, reports: told }).context("cannot start to ask guests")?;
        Ok(Some(Asking {
            wishes,
            filters: Some(filters),
            reports,
            asks: Vec::new(),
            announced: BTreeSet::new(),
            owners: BTreeMap::new(),
            looked_up_for: Vec::new(),
            refused: BTreeMap::new(),
        }))
    }

    /// Asks the guests that there are now. What will be changed is said before.
    pub fn update(&mut self, host: &Host) {
        self.look_up(host);
        let mut asks: Vec<Ask> = Vec::new();
        for guest in host.guests() {
            let Some(monitor) = self.wishes.iter().find_map(|wish| self.monitor(wish, guest)) else { continue };
            for ask in asks_of(host, guest, &monitor) {
                // One end of a cable sees all that the other does.
                if !asks.iter().any(|other| other.key == ask.key) {
                    asks.push(ask);
                }
            }
        }
        if asks == self.asks {
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
        self.refused.retain(|key, _| asks.iter().any(|ask| ask.key == *key));
        if let Some(filters) = &self.filters {
            filters.listen(asks.clone());
        }
        self.asks = asks;
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

    /// The monitor by which a wish asks a guest, if it does.
    fn monitor(&self, wish: &Wish, guest: &Guest) -> Option<Address> {
        match wish {
            Wish::All if guest.is_libvirt => None,
            Wish::All => first_monitor(guest),
            Wish::Guest(name) => guest.name.as_ref().filter(|known| known.as_str() == name).and_then(|_| first_monitor(guest)),
            Wish::At(Address::Libvirt(domain)) => (guest.is_libvirt && guest.name.as_ref().is_some_and(|name| name.as_str() == domain))
                .then(|| Address::Libvirt(domain.clone())),
            Wish::At(address) => (names(guest, address) || self.owners.get(address) == Some(&guest.pid)).then(|| address.clone()),
        }
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
        self.asks.len()
    }

    /// How many of them were refused.
    pub fn refused(&self) -> usize {
        self.refused.len()
    }

    /// What to do where a guest could not be asked: a sentence each.
    pub fn notices(&self, host: &Host) -> Vec<String> {
        let mut notices: Vec<String> = self.refused.values().cloned().collect();
        for wish in self.wishes.iter().filter(|_| !host.is_empty()) {
            let is_met = host.guests().any(|guest| self.monitor(wish, guest).is_some());
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
                Wish::At(address) => notices.push(format!("no guest that is seen here has the monitor {address}: tapscope list")),
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

/// Whether a guest's command line has that monitor.
fn names(guest: &Guest, address: &Address) -> bool {
    guest.monitors.iter().any(|monitor| monitor.as_str().parse::<Address>().as_ref() == Ok(address))
}

fn first_monitor(guest: &Guest) -> Option<Address> {
    guest.monitors.iter().filter(|_| !guest.is_libvirt).find_map(|monitor| monitor.as_str().parse().ok())
}

/// The backends of a guest whose frames can be seen in no other way.
fn asks_of(host: &Host, guest: &Guest, monitor: &Address) -> Vec<Ask> {
    let mut asks = Vec::new();
    for (index, nic) in guest.nics.iter().enumerate() {
        let Some(backend) = &nic.backend else { continue };
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
        let Some(netdev) = backend.id.as_ref().filter(|_| !is_seen && !is_carried) else { continue };
        let name = guest.name.clone().unwrap_or_else(|| Text::new(&format!("process {}", guest.pid)));
        let is_first = cable.is_none_or(|cable| cable.ends.first().is_some_and(|end| end.pid == Some(guest.pid)));
        asks.push(Ask {
            key: cable.map_or_else(|| format!("{name}/{netdev}"), |cable| cable.key.to_string()),
            pid: guest.pid,
            monitor: monitor.clone(),
            netdev: netdev.to_string(),
            name: format!("{netdev} of {name}"),
            description: description(&name, nic, backend.kind.name()),
            cable: cable.map(|cable| cable.key.clone()),
            from_guest: if is_first { Direction::Inbound } else { Direction::Outbound },
            guest: name,
        });
    }
    asks
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
    use tapscope_graph::host::{Backend, CableEnd, CableKind, HostChange, HostFact};

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
        let mut asking = Asking::start(&wishes, events, bounded(1).1).expect("it starts").expect("it is wished");
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
}
