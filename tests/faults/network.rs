//! The networks that are broken, in namespaces of their own.

use crate::answer::Answer;
use crate::fault::{Base, Fault, PLACES};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tapscope_lab::{Lab, Namespace, Process};

/// How long tapscope may take before it listens, and after that to answer: the machine is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it listens at least: ARP gives up after three seconds.
const LONG_ENOUGH: Duration = Duration::from_millis(3500);
/// How long whoever saw nothing listens; it is told to end earlier.
const MOST: &str = "90s";

/// A network with a fault in it.
pub struct Network {
    /// First, so that it is taken down before the rest goes.
    lab: Lab,
    places: BTreeMap<&'static str, Namespace>,
    wires: BTreeMap<&'static str, Process>,
}

/// Guests that a base may have: their namespace, TAP, MAC.
const GUESTS: [(&str, &str, &str); 3] =
    [("a", "tapA", "52:54:00:aa:00:01"), ("b", "tapB", "52:54:00:aa:00:02"), ("c", "tapC", "52:54:00:aa:00:03")];

impl Network {
    /// Builds it, and breaks it.
    ///
    /// # Errors
    /// Where a command failed that has to work.
    pub fn build(fault: &Fault) -> Result<Network, Box<dyn Error>> {
        let lab = Lab::without_guests(&fault.name)?;
        let mut places = BTreeMap::new();
        for (place, _) in PLACES {
            let is_wanted = ["host", "a", "b"].contains(&place)
                || fault.more.iter().any(|more| more == place)
                || (place == "x" && fault.base == Base::Uplink);
            if is_wanted {
                places.insert(place, lab.namespace(place)?);
            }
        }
        let mut network = Network { lab, places, wires: BTreeMap::new() };
        network.base(fault)?;
        for command in &fault.build {
            network.must(command)?;
        }
        Ok(network)
    }

    fn base(&mut self, fault: &Fault) -> Result<(), Box<dyn Error>> {
        let host = self.places["host"].clone();
        let bridge =
            |name: &str| format!("ip link add {name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0 && ip link set {name} up");
        let (guests, bridges): (&[&str], &[&str]) = match fault.base {
            Base::Bridged => (&["a", "b", "c"], &["br0", "br0", "br0"]),
            Base::Routed => (&["a", "b", "c"], &["brA", "brB", "brB"]),
            Base::Uplink => (&["a"], &["br0"]),
            Base::Bare => (&[], &[]),
        };
        let mut made: Vec<&str> = bridges.to_vec();
        made.dedup();
        for name in made {
            host.must(&bridge(name))?;
        }
        for (&guest, &bridge) in guests.iter().zip(bridges) {
            let Some(place) = self.places.get(guest).cloned() else { continue };
            let Some(&(_, tap, mac)) = GUESTS.iter().find(|(name, ..)| *name == guest) else { continue };
            if fault.qemu.contains_key(guest) {
                host.tap(tap)?;
            } else {
                self.wires.insert(guest, host.wire(tap, &place, "eth0", mac)?);
            }
            host.port(bridge, tap)?;
        }
        for (guest, _, mac) in GUESTS {
            let Some(arguments) = fault.qemu.get(guest) else { continue };
            let arguments = arguments.replace("$LAB", &self.lab.folder().display().to_string());
            let arguments: Vec<&str> = arguments.split(' ').collect();
            self.wires.insert(guest, host.qemu(guest, &self.places[guest], "eth0", mac, &arguments)?);
        }
        let addresses = fault.addresses.clone().unwrap_or_else(|| {
            let has_nic = |guest: &str| self.wires.contains_key(guest);
            let both = ["a", "b"].iter().zip(fault.base.addresses()).filter(|(guest, _)| has_nic(guest));
            both.map(|(guest, address)| ((*guest).to_owned(), address.to_owned())).collect()
        });
        for (guest, address) in &addresses {
            if address.contains(':') {
                self.must(&format!("{guest}: sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0"))?;
                self.must(&format!("{guest}: ip address add {address} dev eth0 nodad"))?;
            } else {
                self.must(&format!("{guest}: ip address add {address} dev eth0"))?;
            }
        }
        match fault.base {
            Base::Routed => {
                self.must("host: ip address add 10.9.1.254/24 dev brA; ip address add 10.9.2.254/24 dev brB")?;
                host.forwards()?;
                // Guests with other addresses have other routers.
                for (guest, prefix) in [("a", "10.9.1."), ("b", "10.9.2.")] {
                    if addresses.get(guest).is_some_and(|address| address.starts_with(prefix)) {
                        self.must(&format!("{guest}: ip route add default via {prefix}254"))?;
                    }
                }
                Ok(())
            }
            Base::Uplink => {
                host.veth("up0", &self.places["x"], "up0")?.forwards()?;
                self.must("host: ip address add 10.9.1.254/24 dev br0; ip address add 198.51.100.2/24 dev up0")?;
                self.must("host: ip route add default via 198.51.100.1")?;
                self.must("x: ip address add 198.51.100.1/24 dev up0; ip address add 203.0.113.9/32 dev lo")?;
                self.must("a: ip route add default via 10.9.1.254")
            }
            Base::Bridged | Base::Bare => Ok(()),
        }
    }

    /// `export H=…; …` in front of a command.
    fn variables(&self) -> String {
        let mut all = format!("LAB='{}' SCRIPTS='{}/tests/faults'", self.lab.folder().display(), env!("CARGO_MANIFEST_DIR"));
        for (place, variable) in PLACES {
            if let Some(namespace) = self.places.get(place) {
                all.push_str(&format!(" {variable}={}", namespace.name()));
            }
        }
        for (guest, process) in &self.wires {
            all.push_str(&format!(" WIRE_{}={}", guest.to_uppercase(), process.pid()));
        }
        format!("export {all}\n")
    }

    fn place<'command>(&self, command: &'command str) -> Result<(&Namespace, &'command str), Box<dyn Error>> {
        let (place, command) = command.split_once(": ").ok_or_else(|| format!("no place in {command:?}"))?;
        let namespace = self.places.get(place).ok_or_else(|| format!("no namespace {place:?} for {command:?}"))?;
        Ok((namespace, command))
    }

    fn must(&self, command: &str) -> Result<(), Box<dyn Error>> {
        let (namespace, command) = self.place(command)?;
        namespace.must(&format!("{}{command}", self.variables()))?;
        Ok(())
    }

    /// Asks tapscope why, and pings meanwhile. Gives its recording, too.
    ///
    /// # Errors
    /// Where it gives no answer.
    pub fn ask(&self, fault: &Fault) -> Result<(Answer, PathBuf), Box<dyn Error>> {
        let [from, to] = fault.parties();
        let (json, recording) = (self.lab.folder().join("answer.json"), self.lab.folder().join("recording.pcapng"));
        let mut command = self.places["host"].command("sh");
        command.args(["-c", "exec \"$0\" \"$@\" >\"$OUT\"", env!("CARGO_BIN_EXE_tapscope"), "why", &from, &to]).env("OUT", &json);
        command.args(["--listen", MOST, "--format", "json", "-w"]).arg(&recording);
        command.args(&fault.with);
        if fault.see.is_empty() {
            command.args(["--netns", "own"]);
        }
        for place in &fault.see {
            command.args(["--netns", self.places[place.as_str()].name()]);
        }
        let tapscope = self.places["host"].start("why", &mut command)?;
        tapscope.wait_for("listening on", PATIENCE)?;
        let began = Instant::now();
        let target = to.split('@').next().unwrap_or_default();
        let ping = format!("a: ping -n -c3 -i0.3 -W1 {target}");
        for command in fault.trigger.as_ref().unwrap_or(&vec![ping]) {
            let (namespace, command) = self.place(command)?;
            namespace.run(&format!("{}{command}", self.variables()))?;
        }
        std::thread::sleep(LONG_ENOUGH.saturating_sub(began.elapsed()));
        let status = tapscope.finish(PATIENCE)?;
        let told = tapscope.text()?;
        let text = fs::read_to_string(&json)?;
        let json = serde_json::from_str(&text).map_err(|error| format!("no answer: {error}\n{told}\n{text}"))?;
        Ok((Answer { json, text: format!("{text}\n{told}"), status }, recording))
    }
}
