//! Guests as facts: looked for when a TAP comes or goes, and every second or so.

use super::Scope;
use super::guest::Guests;
use super::provider::{Provider, World};
use std::path::Path;
use std::time::Duration;
use tapscope_graph::host::{DeviceKind, HostChange, HostFact, HostKey, Netns};

/// How long a look at the processes is good for, if no device says otherwise.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Looks for guests.
pub(super) struct Provided {
    guests: Guests,
    /// Guests elsewhere are nobody's business: their namespaces were not asked for.
    only_here: bool,
}

impl Provided {
    pub(super) fn new(scope: &Scope) -> Provided {
        Provided { guests: Guests::new(Path::new("/proc")), only_here: matches!(scope, Scope::Own | Scope::These(_)) }
    }
}

impl Provider for Provided {
    fn facts(&mut self, world: &World<'_>) -> Vec<HostFact> {
        let resolve = |netns, name: &str| world.host.device_named(netns, name).map(|device| device.id);
        let is_here = |netns: Option<Netns>| !self.only_here || netns.is_none_or(|netns| world.places.contains_key(&netns));
        let mut scan = self.guests.scan(&resolve);
        scan.guests.retain(|guest| is_here(guest.netns));
        scan.readers.retain(|reader| is_here(reader.netns));
        scan.facts().collect()
    }

    fn good_for(&self) -> Duration {
        GOOD_FOR
    }

    /// A guest opens its TAP when it starts, and leaves it when it ends: the device's carrier tells.
    fn is_outdated_by(&self, change: &HostChange) -> bool {
        match change {
            HostChange::Set(HostFact::Device(device)) => matches!(device.kind, DeviceKind::Tun(_) | DeviceKind::Macvtap(_)),
            HostChange::Gone(HostKey::Device(_)) => true,
            _ => false,
        }
    }
}
