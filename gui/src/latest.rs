//! What the window shows of what the session gives it: of a large view the one before, until it was looked up what the view's frames share.

use crate::digest::Digest;
use crate::session::Shown;
use crate::worker::{MANY, Worker};
use egui::Context;
use std::sync::Arc;

/// Something shown, and its digest.
#[derive(Default)]
pub(crate) struct Latest {
    shown: Option<Arc<Shown>>,
    digest: Arc<Digest>,
    worker: Worker<(Arc<Shown>, Digest)>,
}

impl Latest {
    /// What to show now that this is the latest.
    pub fn of(&mut self, context: &Context, shown: &Arc<Shown>) -> (Arc<Shown>, Arc<Digest>) {
        if let Some((shown, digest)) = self.worker.done() {
            (self.shown, self.digest) = (Some(shown), Arc::new(digest));
        }
        if self.digest.is_of(shown) {
            self.shown = Some(shown.clone());
        } else if self.shown.is_none() || shown.view.topology.graph.node_count() <= MANY {
            (self.shown, self.digest) = (Some(shown.clone()), Arc::new(Digest::of(shown)));
        } else if !self.worker.is_busy() {
            let next = shown.clone();
            self.worker.begin("digest", context, move || {
                let digest = Digest::of(&next);
                (next, digest)
            });
        }
        (self.shown.clone().unwrap_or_else(|| shown.clone()), self.digest.clone())
    }
}
