//! Why a ping fails: the question, its answer on the view that is shown, and how it is told.

mod answer;
mod cause;
mod follow;
mod ladder;
mod state;
mod way;
mod words;

pub(crate) use answer::Reaction;
pub(crate) use follow::Follow;
pub(crate) use way::{Reach, Way};

use crate::session::Shown;
use std::sync::{Arc, Weak};
use tapscope_graph::diagnose::{Diagnosis, Party, Question, diagnose};
use tapscope_graph::{Timestamp, View};

/// How often a living view is asked anew, seconds: a diagnosis reads all that is known.
const PACE: f64 = 0.5;

/// A question, and the latest answer.
pub(crate) struct Why {
    pub from: Party,
    pub to: Party,
    /// What was seen earlier does not count.
    since: Option<Timestamp>,
    made_of: Weak<View>,
    /// When, by the window's clock.
    made_at: f64,
    /// Whether the inspector is shown instead, for a look at what the answer rests on.
    pub is_aside: bool,
    pub diagnosis: Arc<Diagnosis>,
    pub way: Arc<Way>,
}

impl Why {
    /// Asks, of what is shown now.
    pub fn ask(shown: &Shown, from: Party, to: Party, now: f64) -> Why {
        let mut why = Why {
            diagnosis: Arc::new(answered(shown, &from, &to, None)),
            from,
            to,
            since: None,
            is_aside: false,
            made_of: Arc::downgrade(&shown.view),
            made_at: now,
            way: Arc::default(),
        };
        why.way = Arc::new(Way::of(&shown.view, &why.diagnosis));
        why
    }

    /// Forgets what was seen so far: what counts is what comes from now on.
    pub fn watch_again(&mut self, shown: &Shown) {
        self.since = Some(shown.now());
        self.made_of = Weak::new();
        self.made_at = f64::NEG_INFINITY;
    }

    /// The rules, routes and entries that it accuses.
    pub fn accused(&self) -> Vec<&str> {
        let accused = self.diagnosis.causes.iter().chain(&self.diagnosis.latent);
        accused.filter_map(|cause| cause.object.as_deref()).collect()
    }

    /// Since when it watches; none where all that was seen counts.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Answers anew where another view is shown; `now` in seconds of the window's clock. Gives when to come back, if it is too early.
    pub fn refresh(&mut self, shown: &Shown, now: f64) -> Option<f64> {
        if std::ptr::eq(self.made_of.as_ptr(), Arc::as_ptr(&shown.view)) {
            return None;
        }
        if now < self.made_at + PACE && shown.is_live() {
            return Some(self.made_at + PACE - now);
        }
        self.diagnosis = Arc::new(answered(shown, &self.from, &self.to, self.since));
        self.way = Arc::new(Way::of(&shown.view, &self.diagnosis));
        self.made_of = Arc::downgrade(&shown.view);
        self.made_at = now;
        None
    }
}

fn answered(shown: &Shown, from: &Party, to: &Party, since: Option<Timestamp>) -> Diagnosis {
    diagnose(&shown.view, &Question { since, ..Question::new(from.clone(), to.clone()) })
}
