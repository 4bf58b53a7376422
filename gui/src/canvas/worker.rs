//! Layouts of large pictures are made in a thread: the window stays awake, and shows the last one meanwhile.

use super::layout::{Layout, Request, Slots, layout};
use egui::{Context, Pos2};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use tapscope_graph::View;
use tapscope_graph::topology::Key;

/// With more nodes and links than this a layout takes longer than a frame may.
pub(super) const MANY: usize = 3_000;

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
}

/// A layout, what it was asked for, and who sits where now.
pub(super) struct Made {
    pub slots: Slots,
    pub request: Request,
    /// None where the request is the last one's.
    pub layout: Option<Arc<Layout>>,
}

impl Wanted {
    /// Whether it is too much for a frame.
    pub fn is_large(&self) -> bool {
        self.view.topology.graph.node_count() > MANY
    }

    /// Makes it; `last` is the request of the layout that there is.
    pub fn make(mut self, last: Option<&Request>) -> Made {
        let request = self.slots.request(&self.view, &self.pins).without(&self.hidden, &self.folded);
        let layout = (last != Some(&request)).then(|| Arc::new(layout(&request)));
        Made { slots: self.slots, request, layout }
    }
}

/// The thread's work, while there is some.
#[derive(Default)]
pub(super) struct Worker(Option<Receiver<Made>>);

impl Worker {
    /// Whether a layout is being made.
    pub fn is_busy(&self) -> bool {
        self.0.is_some()
    }

    /// Begins; where no thread can be had, the layout is made here and now.
    pub fn begin(&mut self, wanted: Wanted, last: Option<Request>, context: &Context) -> Option<Made> {
        let (sender, receiver) = channel();
        let (own, own_last, context) = (wanted.clone(), last.clone(), context.clone());
        let work = move || {
            // Nobody may be left who waits for it.
            let _ = sender.send(wanted.make(last.as_ref()));
            context.request_repaint();
        };
        match std::thread::Builder::new().name("layout".to_owned()).spawn(work) {
            Ok(_) => {
                self.0 = Some(receiver);
                None
            }
            Err(_) => Some(own.make(own_last.as_ref())),
        }
    }

    /// What is done, once.
    pub fn done(&mut self) -> Option<Made> {
        match self.0.as_ref()?.try_recv() {
            Ok(made) => {
                self.0 = None;
                Some(made)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.0 = None;
                None
            }
        }
    }
}
