//! Those who say facts besides netlink: they are asked now and then, and say everything that they have to say.

use super::Scope;
use super::namespace::Place;
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::time::Duration;
use tapscope_graph::host::{Host, HostChange, HostFact, Netns};

/// What a provider may look at.
pub(super) struct World<'a> {
    /// What is known of the host.
    pub host: &'a Host,
    /// The namespaces that may be entered.
    pub places: &'a BTreeMap<Netns, Place>,
}

/// Says facts of some sorts.
pub(super) trait Provider: Send {
    /// All that it has to say now. What it said before and does not say now is taken back.
    fn facts(&mut self, world: &World<'_>) -> Vec<HostFact>;

    /// How long that stays good.
    fn good_for(&self) -> Duration;

    /// Whether a change makes it worth asking at once.
    fn is_outdated_by(&mut self, change: &HostChange) -> bool;

    /// Whether it reads counters: it is asked as often as those of devices are read.
    fn counts(&self) -> bool {
        false
    }

    /// A descriptor that is readable when [`Provider::has_news`] should be asked.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Whether it heard of something that makes it worth asking at once.
    fn has_news(&mut self) -> bool {
        false
    }
}

/// All of them. A new one is added here.
pub(super) fn all(scope: &Scope) -> Vec<Box<dyn Provider>> {
    vec![
        Box::new(super::backlog::Backlog),
        Box::new(super::setting::Settings),
        Box::new(super::statistics::Statistics),
        Box::new(super::listening::Listening::default()),
        Box::new(super::guests::Provided::new(scope)),
    ]
}
