//! Sees at once when a namespace gets a name or loses it.

use super::namespace::NAMES;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::os::fd::{AsFd, BorrowedFd};

/// Watches the directory of names; while there is none, the directory that it will be made in.
pub(super) struct Watch {
    inotify: Inotify,
    /// The watch on the directory above, in which much goes on that is not our business.
    above: Option<WatchDescriptor>,
}

impl Watch {
    /// Begins. `None` where the system gives no watch: then names are only seen when they are looked for.
    pub fn open() -> Option<Watch> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok()?;
        let above = inotify.add_watch("/run", AddWatchFlags::IN_CREATE | AddWatchFlags::IN_ONLYDIR).ok();
        let watch = Watch { inotify, above };
        (watch.add_names() || watch.above.is_some()).then_some(watch)
    }

    /// Watching what is watched already changes nothing.
    fn add_names(&self) -> bool {
        let flags = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE | AddWatchFlags::IN_ONLYDIR;
        self.inotify.add_watch(NAMES[0], flags).is_ok()
    }

    /// For poll(2).
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Whether a name may have come or gone since the last call.
    pub fn has_changed(&self) -> bool {
        let mut changed = false;
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                if Some(event.wd) != self.above {
                    changed = true;
                } else if event.name.as_deref().is_some_and(|name| name == "netns") {
                    self.add_names();
                    changed = true;
                }
            }
        }
        changed
    }
}
