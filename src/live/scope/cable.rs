//! Cables between guests: those whose carrier can be listened to are, as TAPs are.

use super::{Only, Refusal, Scope, way_in};
use tapscope_capture::interface::{Role, Target, TargetCable, matches};
use tapscope_graph::host::{Cable, CableEnd, CableSight, CableState, Guest, Host, Nic};

impl Scope {
    /// How to listen on a cable. Its key stays the same while guests come and go, so its point goes on.
    ///
    /// # Errors
    /// Why not, with the next step.
    pub fn cable(&self, host: &Host, cable: &Cable) -> Result<Target, String> {
        if !self.names(host, cable) {
            return Err(Refusal::NotAskedFor.words().to_owned());
        }
        let (device, carrier) = match &cable.sight {
            CableSight::Carried { device, carrier } => (*device, *carrier),
            CableSight::Asked { remedy, .. } => return Err(format!("only QEMU itself can show it: {remedy}")),
            CableSight::Unseen { why, remedy } => return Err(format!("{why}: {remedy}")),
            CableSight::Unknown => return Err("it is not known what carries it: sudo tapscope".to_owned()),
        };
        let name = host.device(device).map(|device| device.name.to_string()).ok_or("the device that carries it is not there (ip link)")?;
        Ok(Target {
            // Devices' keys are numbers.
            key: format!("cable {}", cable.key),
            device,
            name,
            netns: way_in(host, device.netns).map_err(|refusal| refusal.words().to_owned())?,
            description: Some(description(host, cable)),
            role: Role::Whole,
            promiscuous: false,
            cable: Some(TargetCable { key: cable.key.clone(), carrier }),
        })
    }

    /// By its key, or by a guest that it is plugged into.
    pub fn names(&self, host: &Host, cable: &Cable) -> bool {
        let guests = || cable.ends.iter().filter_map(|end| guest(host, end)?.name.as_ref());
        let is_named = |pattern: &String| matches(pattern, cable.key.as_str()) || guests().any(|name| matches(pattern, name.as_str()));
        match &self.only {
            Some(only) => *only == Only::Cable(cable.key.clone()),
            None => self.interfaces.is_empty() || self.interfaces.iter().any(is_named),
        }
    }
}

/// What a person calls the cable: `guest g1 52:54:00:12:34:57 to guest g2 52:54:00:12:34:56, connected`.
pub fn description(host: &Host, cable: &Cable) -> String {
    let ends: Vec<String> = cable.ends.iter().map(|end| plug(host, end)).collect();
    let ends = match ends.len() {
        0 => "nobody".to_owned(),
        1 | 2 => ends.join(" to "),
        _ => ends.join(", "),
    };
    // Where there is no state to know, as with the user-mode stack, nothing is missing.
    if cable.state == CableState::Unknown { ends } else { format!("{ends}, {}", cable.state) }
}

fn guest<'a>(host: &'a Host, end: &CableEnd) -> Option<&'a Guest> {
    host.guests().find(|guest| Some(guest.pid) == end.pid)
}

fn plug(host: &Host, end: &CableEnd) -> String {
    match (guest(host, end), end.pid, &end.program) {
        (Some(guest), _, _) => {
            let name = guest.name.as_ref().map_or_else(|| format!("process {}", guest.pid), |name| format!("guest {name}"));
            let nic: Option<&Nic> = end.nic.and_then(|place| guest.nics.get(place as usize));
            nic.and_then(|nic| nic.mac).map_or_else(|| name.clone(), |mac| format!("{name} {mac}"))
        }
        (None, Some(pid), Some(program)) => format!("{program} {pid}"),
        (None, Some(pid), None) => format!("process {pid}"),
        (None, None, _) => end.local.or(end.remote).map_or_else(|| "somebody".to_owned(), |socket| format!("somebody at {socket}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::scope::Places;
    use tapscope_graph::host::{CableKind, Carrier, Device, DeviceId, DeviceKind, HostChange, HostFact, HostKey, Netns};
    use tapscope_graph::{MacAddr, Text, Timestamp};

    const LOOPBACK: DeviceId = DeviceId { netns: Netns(1), index: 1 };

    fn guest(pid: u32, name: &str, last: u8) -> HostFact {
        let nic = Nic { mac: Some(MacAddr([0x52, 0x54, 0, 0x12, 0x34, last])), ..Nic::default() };
        HostFact::Guest(Box::new(Guest { pid, name: Some(Text::new(name)), nics: vec![nic], ..Guest::default() }))
    }

    fn cable(key: &str, pids: &[u32], sight: CableSight) -> HostFact {
        let end = |&pid: &u32| CableEnd { pid: Some(pid), nic: Some(0), ..CableEnd::default() };
        let ends = pids.iter().map(end).collect();
        let kind = CableKind::Tcp;
        HostFact::Cable(Box::new(Cable { key: Text::new(key), kind, ends, state: CableState::Connected, sight, ..Cable::default() }))
    }

    fn carried() -> CableSight {
        CableSight::Carried { device: LOOPBACK, carrier: Carrier::Tcp { address: [0, 0, 0, 0].into(), port: 8010 } }
    }

    fn host(facts: Vec<HostFact>) -> Host {
        let mut host = Host::default();
        let lo = Device { id: LOOPBACK, name: Text::new("lo"), kind: DeviceKind::Loopback, ..Device::default() };
        for fact in [HostFact::Device(Box::new(lo)), guest(10, "g1", 0x57), guest(20, "g2", 0x56)].into_iter().chain(facts) {
            host.apply(Timestamp(0), HostChange::Set(fact));
        }
        host
    }

    fn listened(host: &Host, interfaces: &[&str]) -> Vec<String> {
        let scope = Scope { interfaces: interfaces.iter().map(|&name| name.to_owned()).collect(), ..Scope::default() };
        let targets = scope.targets(host, &mut Places::default());
        targets.iter().map(|target| format!("{} on {}", target.point_name(), target.name)).collect()
    }

    #[test]
    fn cables_are_listened_to_by_default_or_by_their_own_or_a_guests_name() {
        let host = host(vec![cable("tcp 0.0.0.0:8010", &[10, 20], carried()), cable("tcp 0.0.0.0:8020", &[20], carried())]);
        assert_eq!(listened(&host, &[]), ["tcp 0.0.0.0:8010 on lo", "tcp 0.0.0.0:8020 on lo"]);
        assert_eq!(listened(&host, &["g1"]), ["tcp 0.0.0.0:8010 on lo"]);
        assert_eq!(listened(&host, &["tcp *:8020"]), ["tcp 0.0.0.0:8020 on lo"]);
        assert_eq!(listened(&host, &["tap*"]), [""; 0]);
    }

    #[test]
    fn one_cable_is_listened_to_alone() {
        let host = host(vec![cable("tcp 0.0.0.0:8010", &[10, 20], carried()), cable("tcp 0.0.0.0:8020", &[20], carried())]);
        let only = |only| Scope { only: Some(only), ..Scope::default() }.targets(&host, &mut Places::default()).len();
        assert_eq!(only(Only::Cable(Text::new("tcp 0.0.0.0:8020"))), 1);
        assert_eq!(only(Only::Device(Netns(1), Text::new("tap0"))), 0);
    }

    #[test]
    fn a_cable_goes_on_as_the_same_point_when_its_guest_starts_again() {
        let mut host = host(vec![cable("tcp 0.0.0.0:8010", &[10, 20], carried())]);
        let before = Scope::default().targets(&host, &mut Places::default());
        let text = before[0].description.as_deref();
        assert_eq!(text, Some("guest g1 52:54:00:12:34:57 to guest g2 52:54:00:12:34:56, connected"));
        for change in [
            HostChange::Gone(HostKey::Guest(20)),
            HostChange::Set(guest(21, "g2", 0x56)),
            HostChange::Set(cable("tcp 0.0.0.0:8010", &[10, 21], carried())),
        ] {
            host.apply(Timestamp(0), change);
        }
        assert_eq!(Scope::default().targets(&host, &mut Places::default()), before);
    }

    #[test]
    fn a_cable_that_nothing_carries_is_refused_with_what_to_do() {
        let unseen =
            CableSight::Unseen { why: Text::new("its frames stay in shared memory"), remedy: Text::new("mirror them in the switch") };
        let host = host(vec![cable("vhost-user g1/n0", &[10], unseen)]);
        assert_eq!(listened(&host, &[]), [""; 0]);
        let reason = Scope::default().cable(&host, host.cables().next().expect("one")).expect_err("refused");
        assert_eq!(reason, "its frames stay in shared memory: mirror them in the switch");
    }
}
