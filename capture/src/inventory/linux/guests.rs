//! Guests as facts: looked for when the kernel tells of a new process or of a guest's end, and when a TAP comes or goes.

use super::Scope;
use super::cable::Cables;
use super::guest::{GuestScan, GuestWatch, Guests};
use super::provider::{Provider, World};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};
use tapscope_graph::Text;
use tapscope_graph::host::{DeviceId, DeviceKind, HostChange, HostFact, HostKey, Netns};

/// How long a look at the processes is good for, if nothing says otherwise: descriptors change without an event.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// The same where nobody tells of processes.
const GOOD_FOR_BLIND: Duration = Duration::from_secs(2);
/// The same for sockets: who is connected to whom changes without an event.
const SOCKETS_GOOD_FOR: Duration = Duration::from_secs(1);

/// Looks for guests.
pub(super) struct Provided {
    guests: Guests,
    /// None where not even descriptors are left to wait with.
    watch: Option<GuestWatch>,
    /// Guests elsewhere are nobody's business: their namespaces were not asked for.
    only_here: bool,
    scan: GuestScan,
    /// When to look for guests again.
    look_at: Instant,
    /// Whether somebody had a TAP open: counters change its row, too, and many times a second.
    open: BTreeMap<DeviceId, (Text, bool)>,
    cables: Cables,
}

impl Provided {
    pub(super) fn new(scope: &Scope) -> Provided {
        let proc_root = Path::new("/proc");
        // It listens before the first look, so that nothing is missed between.
        let watch = GuestWatch::new(proc_root).ok();
        Provided {
            guests: Guests::new(proc_root),
            watch,
            only_here: matches!(scope, Scope::Own | Scope::These(_)),
            scan: GuestScan::default(),
            look_at: Instant::now(),
            open: BTreeMap::new(),
            cables: Cables::default(),
        }
    }
}

impl Provider for Provided {
    fn facts(&mut self, world: &World<'_>) -> Vec<HostFact> {
        let now = Instant::now();
        if self.look_at <= now {
            self.look(world);
            self.look_at = now + if self.watch.is_some() { GOOD_FOR } else { GOOD_FOR_BLIND };
        } else {
            self.guests.look_at_sockets(&mut self.scan);
        }
        let cables = self.cables.facts(&self.scan, world);
        self.scan.facts().chain(cables).collect()
    }

    fn good_for(&self) -> Duration {
        let sockets = (!self.scan.plugs.is_empty()).then_some(SOCKETS_GOOD_FOR);
        sockets.unwrap_or(Duration::MAX).min(self.look_at.saturating_duration_since(Instant::now()))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(AsFd::as_fd)
    }

    fn has_news(&mut self) -> bool {
        let has_news = self.watch.as_mut().is_some_and(GuestWatch::changed);
        if has_news {
            self.look_at = Instant::now();
        }
        has_news
    }

    /// A guest opens its TAP when it starts, and leaves it when it ends: the device's carrier tells.
    fn is_outdated_by(&mut self, change: &HostChange) -> bool {
        let is_outdated = match change {
            HostChange::Set(HostFact::Device(device)) => match device.kind {
                DeviceKind::Tun(_) => {
                    let now = (device.name.clone(), device.has_carrier);
                    self.open.insert(device.id, now.clone()) != Some(now)
                }
                // Its carrier is that of the card below.
                DeviceKind::Macvtap(_) => true,
                _ => false,
            },
            HostChange::Gone(HostKey::Device(id)) => {
                self.open.remove(id);
                true
            }
            HostChange::Gone(HostKey::Namespace(netns)) => {
                self.open.retain(|id, _| id.netns != *netns);
                false
            }
            _ => false,
        };
        if is_outdated {
            self.look_at = Instant::now();
        }
        is_outdated
    }
}

impl Provided {
    fn look(&mut self, world: &World<'_>) {
        let resolve = |netns, name: &str| world.host.device_named(netns, name).map(|device| device.id);
        let is_here = |netns: Option<Netns>| !self.only_here || netns.is_none_or(|netns| world.places.contains_key(&netns));
        let mut scan = self.guests.scan(&resolve);
        if let Some(watch) = &mut self.watch {
            watch.follow(scan.guests.iter().map(|guest| guest.pid));
        }
        scan.guests.retain(|guest| is_here(guest.netns));
        scan.readers.retain(|reader| is_here(reader.netns));
        let here: Vec<u32> = scan.guests.iter().map(|guest| guest.pid).collect();
        scan.plugs.retain(|plug| here.contains(&plug.pid));
        self.scan = scan;
        self.cables.forget_holders();
    }
}
