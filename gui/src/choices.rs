//! What the user changed, so that it can be undone: the filter, pinned and folded cards, whether the tables follow.

use crate::window::Window;
use egui::Pos2;
use egui::util::undoer::{Settings, Undoer};
use std::collections::{BTreeMap, BTreeSet};
use tapscope_graph::topology::Key;

/// The user's choices at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Choices {
    pub filter: String,
    pub pins: BTreeMap<Key, Pos2>,
    pub folds: BTreeSet<Key>,
    pub is_following: bool,
}

/// What they were before, and what was undone.
pub(crate) struct History {
    undoer: Undoer<Choices>,
    /// Undone and redone choices are no new ones.
    last: Choices,
}

impl Default for History {
    fn default() -> Self {
        // What is typed or dragged in one go is undone in one go.
        let settings = Settings { stable_time: 0.7, ..Settings::default() };
        let mut undoer = Undoer::with_settings(settings);
        undoer.feed_state(0.0, &Choices::default());
        History { undoer, last: Choices::default() }
    }
}

impl History {
    /// Looks at the choices of a frame; `now` in seconds.
    pub fn look(&mut self, now: f64, choices: Choices) {
        self.undoer.feed_state(now, &choices);
        self.last = choices;
    }

    /// Whether a choice is under way that is no step yet: then somebody has to look again.
    pub fn is_in_flux(&self) -> bool {
        self.undoer.is_in_flux()
    }

    pub fn can_undo(&self) -> bool {
        self.undoer.has_undo(&self.last)
    }

    pub fn can_redo(&self) -> bool {
        self.undoer.has_redo(&self.last)
    }

    /// The choices one step back.
    pub fn undo(&mut self) -> Option<Choices> {
        let choices = self.undoer.undo(&self.last).cloned()?;
        self.last = choices.clone();
        Some(choices)
    }

    /// The choices one step on.
    pub fn redo(&mut self) -> Option<Choices> {
        let choices = self.undoer.redo(&self.last).cloned()?;
        self.last = choices.clone();
        Some(choices)
    }
}

impl Window {
    pub(crate) fn choices(&self) -> Choices {
        Choices {
            filter: self.search.text().to_owned(),
            pins: self.canvas.pins().clone(),
            folds: self.canvas.folds().clone(),
            is_following: self.settings.is_following,
        }
    }

    pub(crate) fn choose(&mut self, choices: Choices) {
        self.search.set(&choices.filter);
        if *self.canvas.pins() != choices.pins {
            self.canvas.set_pins(choices.pins);
        }
        if *self.canvas.folds() != choices.folds {
            self.canvas.set_folds(choices.folds);
        }
        self.settings.is_following = choices.is_following;
    }
}
