//! What a guest's QEMU says when it is asked, which its command line does not tell.

use super::{Backend, BackendKind, Guest, Nic};
use crate::{MacAddr, Text};
use serde::{Deserialize, Serialize};

/// What QEMU said of a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The guest's process.
    pub pid: u32,
    /// Whether its processors run; QEMU's word, such as `running`, `paused`, `prelaunch` or `io-error` (`qapi/run-state.json`).
    pub status: Text,
    /// Its network cards and backends as they are now, also those that were plugged in while it ran.
    pub cards: Vec<AskedCard>,
}

/// A network card, or a backend without one, as QEMU has it now (`info network`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedCard {
    /// QEMU's name of the card: its id, or one made up from the model, such as `virtio-net-pci.0`; none for a backend without a card.
    pub card: Option<Text>,
    /// The model.
    pub model: Option<Text>,
    /// Its address.
    pub mac: Option<MacAddr>,
    /// The id of its backend, also one that QEMU made up, such as `#net158`.
    pub netdev: Option<Text>,
    /// What the backend is, and how it stands, in QEMU's words: `socket`, and `socket: connect to 127.0.0.1:8010`.
    pub backend: Option<(Text, Text)>,
    /// Whether the guest's driver has started it, where the model tells.
    pub is_started: Option<bool>,
    /// Which frames the card takes, where the model tells.
    pub filter: Option<ReceiveFilter>,
}

/// Which frames a card takes: what its driver in the guest set up (QEMU, `query-rx-filter`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReceiveFilter {
    /// Whether it takes all frames.
    pub is_promiscuous: bool,
    /// Its main address, as the guest set it.
    pub mac: Option<MacAddr>,
    /// Groups that it takes, at most 64; all of them if `takes_all_groups`.
    pub groups: Vec<MacAddr>,
    /// Whether it takes the frames of all groups.
    pub takes_all_groups: bool,
}

impl Asked {
    /// Adds to what the command line says of a guest what QEMU says: its state, ids that QEMU made up, and what was plugged in later.
    pub(super) fn complete(&self, guest: &mut Guest) {
        guest.run_state = Some(self.status.clone()).filter(|status| !status.as_str().is_empty());
        for card in &self.cards {
            let is_it = |nic: &&mut Nic| match (&nic.backend, &card.netdev) {
                (Some(Backend { id: Some(id), .. }), Some(netdev)) => id == netdev,
                // Default addresses are of more than one card; QEMU's own ids are only missing beside such.
                _ => nic.mac.is_some() && nic.mac == card.mac,
            };
            if let Some(nic) = guest.nics.iter_mut().find(is_it) {
                nic.is_started = card.is_started;
                if let Some(backend) = &mut nic.backend
                    && backend.id.is_none()
                {
                    backend.id.clone_from(&card.netdev);
                }
            } else if let Some((kind, options)) = &card.backend {
                let kind = BackendKind::named(kind.as_str());
                // QEMU does not say which card a hub joins it with; where only one backend can be meant, it is that.
                let is_unnamed = |backend: &&mut Backend| backend.id.is_none() && backend.kind == kind;
                let mut unnamed = guest.nics.iter_mut().filter_map(|nic| nic.backend.as_mut()).filter(is_unnamed);
                if let (Some(backend), None) = (unnamed.next(), unnamed.next()) {
                    backend.id.clone_from(&card.netdev);
                    continue;
                }
                let backend = Backend { id: card.netdev.clone(), kind, options: options.clone(), queues: 1, ..Backend::default() };
                let nic =
                    Nic { id: card.card.clone(), model: card.model.clone(), mac: card.mac, is_started: card.is_started, ..Nic::default() };
                guest.nics.push(Nic { backend: Some(backend), ..nic });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::host::{Host, HostChange, HostFact, HostKey};

    #[test]
    fn a_backend_on_a_hub_gets_the_name_that_qemu_made_up_if_it_is_the_only_one_of_its_kind() {
        let mac = |last| Some(MacAddr([0x52, 0x54, 0, 0x12, 0x34, last]));
        let nic = |last| Nic { mac: mac(last), backend: Some(Backend { kind: BackendKind::User, ..Backend::default() }), ..Nic::default() };
        let said =
            AskedCard { netdev: Some(Text::new("#net158")), backend: Some((Text::new("user"), Text::default())), ..AskedCard::default() };
        let asked = Asked { cards: vec![said, AskedCard { mac: mac(0x57), ..AskedCard::default() }], ..Asked::default() };
        let names = |nics: Vec<Nic>| {
            let mut guest = Guest { nics, ..Guest::default() };
            asked.complete(&mut guest);
            guest.nics.iter().map(|nic| nic.backend.as_ref().and_then(|backend| backend.id.clone())).collect::<Vec<_>>()
        };
        assert_eq!(names(vec![nic(0x57)]), [Some(Text::new("#net158"))]);
        assert_eq!(names(vec![nic(0x57), nic(0x58)]), [None, None, Some(Text::new("#net158"))], "nobody knows which");
    }

    #[test]
    fn what_qemu_says_completes_the_guest_whichever_comes_first() {
        let backend = Backend { kind: BackendKind::User, ..Backend::default() };
        let mac = Some(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x57]));
        let guest = Guest { pid: 7, nics: vec![Nic { mac, backend: Some(backend), ..Nic::default() }], ..Guest::default() };
        let text = |text| Some(Text::new(text));
        let cards = vec![
            AskedCard { mac, netdev: text("#net044"), is_started: Some(true), ..AskedCard::default() },
            AskedCard { netdev: text("n9"), backend: Some((Text::new("tap"), Text::new("ifname=tapq9"))), ..AskedCard::default() },
        ];
        let asked = Asked { pid: 7, status: Text::new("paused"), cards };
        let facts = [HostFact::Guest(Box::new(guest.clone())), HostFact::Asked(Box::new(asked))];
        for facts in [facts.clone(), [facts[1].clone(), facts[0].clone()]] {
            let mut host = Host::default();
            for fact in facts {
                host.apply(Timestamp(0), HostChange::Set(fact));
            }
            let known = host.guests().next().expect("the guest");
            let line = |nic: &Nic| {
                let backend = nic.backend.clone().unwrap_or_default();
                format!("{} {} {:?}", backend.id.unwrap_or_default(), backend.kind.name(), nic.is_started)
            };
            assert_eq!(known.nics.iter().map(line).collect::<Vec<_>>(), ["#net044 user Some(true)", "n9 tap None"]);
            assert_eq!(known.run_state, text("paused"));
            host.apply(Timestamp(0), HostChange::Gone(HostKey::Guest(7)));
            assert_eq!(host.asked().count(), 0, "with the guest goes what it said");
        }
    }
}
