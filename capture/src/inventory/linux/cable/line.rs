//! A listener and its peers, on the way to a cable: TCP and Unix streams.

use tapscope_graph::Text;
use tapscope_graph::host::{Cable, CableEnd, CableKind, CableSight, CableState, Netns};

/// The most ends of a cable that are told.
pub(super) const ENDS: usize = 64;

/// How far a peer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// The listener accepted it.
    Accepted,
    /// It waits in the listener's backlog.
    Waiting,
    /// It has no connection.
    Nothing,
    /// It may not be seen.
    Unknown,
}

/// Whoever goes to a listener.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) end: CableEnd,
    pub(super) reached: Reached,
    /// Guest and card, such as `g1/n0`; empty for a program.
    pub(super) title: String,
}

impl Peer {
    /// What tells it from the listener's other peers, and stays the same when it comes back, if it is a guest.
    fn called(&self) -> String {
        match (&self.end.program, self.end.local) {
            _ if !self.title.is_empty() => self.title.clone(),
            (_, Some(local)) => local.to_string(),
            (Some(program), None) => format!("{program} {}", self.end.pid.unwrap_or_default()),
            (None, None) => "somebody".to_owned(),
        }
    }
}

/// A cable in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) kind: CableKind,
    pub(super) netns: Option<Netns>,
    pub(super) listener: Option<CableEnd>,
    /// Whether somebody listens.
    pub(super) is_served: bool,
    pub(super) peers: Vec<Peer>,
}

impl Line {
    /// The cable; and where it is in use, one for each further guest that is left without a peer, since nothing joins that one.
    pub(super) fn into_cables(mut self, key: &str) -> Vec<Cable> {
        self.peers.sort_by(|a, b| (a.end.local, &a.title, a.end.pid).cmp(&(b.end.local, &b.title, b.end.pid)));
        let is_used = self.peers.iter().any(|peer| peer.reached == Reached::Accepted);
        let (on, off): (Vec<Peer>, Vec<Peer>) = self.peers.iter().cloned().partition(|peer| !is_used || peer.reached == Reached::Accepted);
        let mut cables: Vec<Cable> = if self.is_at_a_switch() && !on.is_empty() {
            let own = |peer: &Peer| Text::path(&format!("{key} {}", peer.called()));
            on.iter().map(|peer| self.cable(own(peer), self.listener.clone(), std::slice::from_ref(peer))).collect()
        } else {
            vec![self.cable(Text::path(key), self.listener.clone(), &on)]
        };
        cables.sort_by(|a, b| a.key.cmp(&b.key));
        // The listener's card is on the cable in use.
        let listener = self.listener.clone().map(|end| CableEnd { nic: None, ..end });
        for peer in off.into_iter().filter(|peer| peer.end.nic.is_some()) {
            let key = Text::path(&format!("{key} {}", peer.title));
            let why = match peer.reached {
                Reached::Waiting => "the listener has another peer and did not accept it: its frames wait in the kernel",
                _ => "it is not connected, and the listener has another peer",
            };
            let remedy = Text::long("end the other peer and start this guest again, or join all of them by tapscope hub");
            let sight = CableSight::Unseen { why: Text::long(why), remedy };
            cables.push(Cable { sight, ..self.cable(key, listener.clone(), &[peer]) });
        }
        cables
    }

    /// Whether a program that is no guest listens: it has a connection with each of its peers, and what comes by one leaves by others, as
    /// with a switch. QEMU itself has one peer at a time.
    fn is_at_a_switch(&self) -> bool {
        let is_stream = matches!(self.kind, CableKind::Tcp | CableKind::UnixStream);
        is_stream && self.listener.as_ref().is_some_and(|end| end.nic.is_none() && end.program.is_some())
    }

    fn cable(&self, key: Text, listener: Option<CableEnd>, peers: &[Peer]) -> Cable {
        let has = |reached| peers.iter().any(|peer| peer.reached == reached);
        let state = match () {
            () if has(Reached::Accepted) => CableState::Connected,
            () if has(Reached::Waiting) => CableState::NotAccepted,
            () if has(Reached::Nothing) => CableState::Disconnected,
            () if has(Reached::Unknown) || !self.is_served => CableState::Unknown,
            () => CableState::Listening,
        };
        let mut ends: Vec<CableEnd> = listener.into_iter().chain(peers.iter().map(|peer| peer.end.clone())).collect();
        ends.truncate(ENDS);
        Cable { key, kind: self.kind.clone(), netns: self.netns, ends, state, sight: Default::default() }
    }
}
