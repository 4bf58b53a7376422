//! The network: observes events, and gives views.

use crate::Event;
use crate::finding::{Finding, findings};
use crate::tables::{Limits, Tables};
use crate::topology::Topology;

/// Everything that was learned, at one moment; immutable and shared by who looks.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What was learned.
    pub tables: Tables,
    /// The picture.
    pub topology: Topology,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// The model. The same events in the same order give the same views.
#[derive(Debug, Default)]
pub struct Network {
    tables: Tables,
}

impl Network {
    /// An empty network. `seed` keys the hash tables against chosen keys: flows are chosen by guests; it does not show in any view.
    pub fn new(_limits: Limits, _seed: u64) -> Network {
        Network::default()
    }

    /// Takes the next event.
    pub fn observe(&mut self, _event: &Event) {}

    /// What is known now.
    pub fn view(&mut self) -> View {
        let tables = self.tables.clone();
        let topology = Topology::build(&tables);
        let findings = findings(&tables, &topology);
        View { tables, topology, findings }
    }
}
