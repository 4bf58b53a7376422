//! What happened on the host, and when: for the time line. A bounded log; who wants the state of a moment replays to it.

use crate::host::{Device, DeviceId, Guest, Host, HostChange, HostFact, HostKey};
use crate::{Text, Timestamp};
use std::collections::VecDeque;

/// One thing that the host told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When it was read.
    pub at: Timestamp,
    /// What, in one line.
    pub text: String,
    /// Whether somebody may miss what it took away.
    pub is_bad: bool,
    /// The device that it is about.
    pub device: Option<DeviceId>,
    /// The guest's process that it is about.
    pub guest: Option<u32>,
}

/// The latest of them, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    entries: VecDeque<Happening>,
    /// Those that were pushed out.
    pub pushed_out: u64,
}

impl Log {
    /// The most that are kept.
    pub const ENTRIES: usize = 4096;

    /// In order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Happening> {
        self.entries.iter()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes down what a change means to what was known before it.
    pub(crate) fn note(&mut self, before: &Host, at: Timestamp, change: &HostChange) {
        match change {
            HostChange::Set(HostFact::Device(now)) => match before.device(now.id) {
                Some(then) => self.device_changed(at, then, now),
                // What a namespace has when it is first looked into did not happen then.
                None if before.namespace(now.id.netns).is_some_and(|_| before.devices().any(|device| device.id.netns == now.id.netns)) => {
                    self.device(at, now, "came", false);
                }
                None => {}
            },
            HostChange::Gone(HostKey::Device(id)) => {
                if let Some(then) = before.device(*id) {
                    self.device(at, then, "went", true);
                }
            }
            HostChange::Set(HostFact::Guest(now)) => match before.guest(now.pid) {
                Some(then) if then.run_state != now.run_state => {
                    let state = now.run_state.as_ref().map_or("in a state that is not known", Text::as_str);
                    self.guest(at, now, &format!("is {state}"), state != "running");
                }
                None if !before.is_empty() => self.guest(at, now, "started", false),
                Some(_) | None => {}
            },
            HostChange::Gone(HostKey::Guest(pid)) => {
                if let Some(then) = before.guest(*pid) {
                    self.guest(at, then, "ended", true);
                }
            }
            HostChange::Set(_) | HostChange::Gone(_) => {}
        }
    }

    fn device_changed(&mut self, at: Timestamp, then: &Device, now: &Device) {
        if then.is_up != now.is_up {
            self.device(at, now, if now.is_up { "is up" } else { "is down" }, !now.is_up);
        }
        // A device that is down has no carrier, which need not be said.
        if then.is_up && now.is_up && then.has_carrier != now.has_carrier {
            self.device(at, now, if now.has_carrier { "has a carrier" } else { "lost its carrier" }, !now.has_carrier);
        }
        if then.master != now.master {
            self.device(at, now, if now.master.is_some() { "joined a bridge" } else { "left its bridge" }, now.master.is_none());
        }
        if let (Some(then), Some(port)) = (&then.port, &now.port)
            && then.state != port.state
        {
            self.device(at, now, &format!("is {} as a port", port.state.name()), port.state != crate::host::PortState::Forwarding);
        }
    }

    fn device(&mut self, at: Timestamp, device: &Device, what: &str, is_bad: bool) {
        self.push(Happening { at, text: format!("{} {what}", device.name), is_bad, device: Some(device.id), guest: None });
    }

    fn guest(&mut self, at: Timestamp, guest: &Guest, what: &str, is_bad: bool) {
        let name = guest.name.as_ref().map_or_else(|| format!("process {}", guest.pid), Text::to_string);
        self.push(Happening { at, text: format!("guest {name} {what}"), is_bad, device: None, guest: Some(guest.pid) });
    }

    fn push(&mut self, happening: Happening) {
        if self.entries.len() >= Self::ENTRIES {
            self.entries.pop_front();
            self.pushed_out += 1;
        }
        self.entries.push_back(happening);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{BridgePort, Namespace, Netns, PortState};
    use crate::{Event, Network, tables::Limits};

    fn device(index: u32, name: &str, is_up: bool, state: Option<PortState>) -> HostChange {
        let id = |index| DeviceId { netns: Netns(1), index };
        let port = state.map(|state| BridgePort { state, ..BridgePort::default() });
        let master = port.is_some().then(|| id(9));
        HostChange::Set(HostFact::Device(Box::new(Device {
            id: id(index),
            name: Text::new(name),
            is_up,
            port,
            master,
            ..Device::default()
        })))
    }

    #[test]
    fn what_happens_after_the_first_look_is_taken_down() {
        let mut network = Network::new(Limits::default(), 0);
        let guest = |pid| HostChange::Set(HostFact::Guest(Box::new(Guest { pid, name: Some(Text::new("web")), ..Guest::default() })));
        let steps = [
            vec![
                HostChange::Set(HostFact::Namespace(Namespace { id: Netns(1), is_own: true, ..Namespace::default() })),
                device(2, "tap0", true, Some(PortState::Forwarding)),
            ],
            vec![guest(7)],
            vec![device(2, "tap0", true, Some(PortState::Blocking)), device(3, "tap1", false, None)],
            vec![device(2, "tap0", false, None)],
            vec![HostChange::Gone(HostKey::Guest(7)), HostChange::Gone(HostKey::Device(DeviceId { netns: Netns(1), index: 3 }))],
        ];
        for (second, changes) in steps.into_iter().enumerate() {
            network.observe(&Event::Host { at: Timestamp(second as i64), changes });
        }
        let told: Vec<String> = network.tables().log.iter().map(|entry| format!("{} {}", entry.at.0, entry.text)).collect();
        let wanted = [
            "1 guest web started",
            "2 tap0 is blocking as a port",
            "2 tap1 came",
            "3 tap0 is down",
            "3 tap0 left its bridge",
            "4 guest web ended",
            "4 tap1 went",
        ];
        assert_eq!(told, wanted);
    }
}
