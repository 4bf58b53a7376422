//! What the user changed, so that it can be undone: the filter, how the picture is arranged, whether the tables follow.

use crate::arrangement::Arrangement;
use crate::window::Window;
use egui::util::undoer::{Settings, Undoer};

/// The user's choices at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Choices {
    pub filter: String,
    pub arrangement: Arrangement,
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
        History::of(Choices::default())
    }
}

impl History {
    /// Nothing that came before these choices can be undone.
    pub fn of(choices: Choices) -> History {
        // What is typed or dragged in one go is undone in one go.
        let settings = Settings { stable_time: 0.7, ..Settings::default() };
        let mut undoer = Undoer::with_settings(settings);
        undoer.feed_state(0.0, &choices);
        History { undoer, last: choices }
    }

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
            arrangement: self.canvas.arrangement().clone(),
            is_following: self.settings.is_following,
        }
    }

    pub(crate) fn choose(&mut self, choices: Choices) {
        self.search.set(&choices.filter);
        if *self.canvas.arrangement() != choices.arrangement {
            self.canvas.arrange(choices.arrangement);
        }
        self.settings.is_following = choices.is_following;
    }
}
