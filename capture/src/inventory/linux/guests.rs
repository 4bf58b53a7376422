//! Guests as facts: looked for when a TAP comes or goes, and every second or so.

use super::guest::Guests;
use super::provider::{Provider, World};
use std::path::Path;
use std::time::Duration;
use tapscope_graph::host::{DeviceKind, HostChange, HostFact, HostKey};

/// How long a look at the processes is good for, if no device says otherwise.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Looks for guests.
pub(super) struct Provided(Guests);

impl Provided {
    pub(super) fn new() -> Provided {
        Provided(Guests::new(Path::new("/proc")))
    }
}

impl Provider for Provided {
    fn facts(&mut self, world: &World<'_>) -> Vec<HostFact> {
        let resolve = |netns, name: &str| world.host.device_named(netns, name).map(|device| device.id);
        self.0.scan(&resolve).facts().collect()
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
