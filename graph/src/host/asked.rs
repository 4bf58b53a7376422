//! What a guest's QEMU says when it is asked, which its command line does not tell.

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
