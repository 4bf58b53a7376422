//! What was said last, so that only what differs is said again.

use tapscope_graph::Timestamp;
use tapscope_graph::host::{Host, HostChange, HostFact, HostKey};

/// The facts that are out, and the changes that are still to be handed over.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// What whoever reads the changes knows, once `changes` is read.
    pub host: Host,
    changes: Vec<HostChange>,
}

impl Rows {
    /// Says a fact, unless it is the same as before.
    pub fn set(&mut self, fact: HostFact) {
        self.apply(HostChange::Set(fact));
    }

    /// Takes a fact back, if it was said.
    pub fn gone(&mut self, key: HostKey) {
        self.apply(HostChange::Gone(key));
    }

    fn apply(&mut self, change: HostChange) {
        // Nobody asks this copy for rates over time.
        if self.host.apply(Timestamp(0), change.clone()) {
            self.changes.push(change);
        }
    }

    /// Of the facts that are `ours`, exactly the `fresh` ones are true now.
    pub fn replace(&mut self, ours: impl Fn(&HostFact) -> bool, fresh: Vec<HostFact>) {
        let keys: std::collections::BTreeSet<HostKey> = fresh.iter().map(HostFact::key).collect();
        let gone: Vec<HostKey> = self.host.facts().filter(|fact| ours(fact)).map(HostFact::key).filter(|key| !keys.contains(key)).collect();
        for key in gone {
            self.gone(key);
        }
        for fact in fresh {
            self.set(fact);
        }
    }

    /// What is still to be handed over.
    pub fn changes(&self) -> &[HostChange] {
        &self.changes
    }

    /// Whether there is anything to hand over.
    pub fn is_settled(&self) -> bool {
        self.changes.is_empty()
    }

    /// Hands over.
    pub fn take(&mut self) -> Vec<HostChange> {
        std::mem::take(&mut self.changes)
    }
}
