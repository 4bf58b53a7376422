//! A layout that is wanted, and what came of it: made anywhere, in a thread for a large picture.

use super::layout::{Layout, Request, Slots, layout};
use crate::worker::MANY;
use egui::Pos2;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tapscope_graph::View;
use tapscope_graph::topology::Key;

/// What a layout is made of.
#[derive(Clone)]
pub(super) struct Wanted {
    pub view: Arc<View>,
    pub pins: BTreeMap<Key, Pos2>,
    pub slots: Slots,
    /// What is left out.
    pub hidden: BTreeSet<Key>,
    /// Which thing stands for a rail.
    pub folded: BTreeMap<Key, Key>,
    /// The request of the layout that there is.
    pub last: Option<Arc<Request>>,
}

/// A layout, what it was asked for, and who sits where now.
pub(super) struct Made {
    pub slots: Slots,
    pub request: Arc<Request>,
    /// None where the request is the last one's.
    pub layout: Option<Arc<Layout>>,
}

impl Wanted {
    /// Whether it is too much for a frame.
    pub fn is_large(&self) -> bool {
        self.view.topology.graph.node_count() > MANY
    }

    /// Makes it.
    pub fn make(mut self) -> Made {
        let request = self.slots.request(&self.view, &self.pins).without(&self.hidden, &self.folded);
        let layout = (self.last.as_deref() != Some(&request)).then(|| Arc::new(layout(&request)));
        Made { slots: self.slots, request: Arc::new(request), layout }
    }
}
