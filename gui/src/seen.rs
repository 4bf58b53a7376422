//! What is seen of an attachment in the picture before any word: how much passes there, and whether anything can.

use crate::things;
use tapscope_graph::topology::{Interface, Key, Link, LinkKind};
use tapscope_graph::{Timestamp, View};

/// How a wire looks, so that no two states differ by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Frames pass.
    Solid,
    /// It is configured, and no frame was seen yet.
    Dotted,
    /// Nothing can pass.
    Dashed,
}

/// An attachment's looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Octets per second, sent and received together.
    pub octets: u32,
    pub look: Look,
    pub is_cable: bool,
}

impl Seen {
    /// Of what is known of it; `key` is the link's, which may be gone.
    pub fn of(view: &View, key: Key, link: Option<&Link>, interface: Option<&Interface>, now: Timestamp) -> Seen {
        let (sent, received) = interface.map_or((0, 0), |interface| interface.series.rate(now));
        let cable = link.filter(|link| link.kind == LinkKind::Cable);
        let look = match () {
            () if link.is_some_and(|link| things::is_broken(link.state)) => Look::Dashed,
            () if cable.is_some_and(|link| things::sight(view, link).is_some()) => Look::Dashed,
            () if cable.is_some() => Look::Solid,
            () if matches!(key, Key::Beyond(..)) || interface.is_some_and(things::is_used) => Look::Solid,
            // The host says what there is: then what was not seen is known to be there.
            () if !view.tables.host.is_empty() => Look::Dotted,
            () => Look::Dashed,
        };
        Seen { octets: sent.saturating_add(received), look, is_cable: cable.is_some() }
    }
}
