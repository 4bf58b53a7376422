//! What changed between two moments: one is marked, the other is the one that is shown.

use crate::session::Shown;
use crate::{format, theme};
use egui::{RichText, ScrollArea, Ui};
use std::sync::{Arc, Weak};
use tapscope_graph::changes::{Change, Told};
use tapscope_graph::{Timestamp, View};

/// The most changes that are listed.
const CHANGES: usize = 500;

/// The marked moment, and what changed from there.
#[derive(Default)]
pub struct Compare {
    marked: Option<(Arc<View>, Timestamp)>,
    /// The changes, and the view that they lead to; made once for a view.
    changes: Vec<Change>,
    made_of: Option<(Weak<View>, bool)>,
}

impl Compare {
    /// Marks the moment that is shown, or forgets the one that is marked.
    pub fn toggle(&mut self, shown: &Shown) {
        self.marked = match self.marked {
            Some(_) => None,
            None => Some((shown.view.clone(), shown.playback.position)),
        };
        self.made_of = None;
    }

    /// The moment that is marked.
    pub fn marked(&self) -> Option<Timestamp> {
        self.marked.as_ref().map(|(_, at)| *at)
    }

    /// Shows the changes while a moment is marked.
    pub fn show(&mut self, context: &egui::Context, shown: &Shown) {
        let Some((from, at)) = self.marked.clone() else { return };
        let is_back = shown.playback.position < at;
        let (earlier, later) = if is_back { (&shown.view, &from) } else { (&from, &shown.view) };
        let is_made = self.made_of.as_ref().is_some_and(|(of, back)| of.as_ptr() == Arc::as_ptr(&shown.view) && *back == is_back);
        if !is_made {
            let mut told = Told::default();
            told.news(&earlier.tables, &earlier.topology, &earlier.findings);
            self.changes = told.news(&later.tables, &later.topology, &later.findings);
            self.made_of = Some((Arc::downgrade(&shown.view), is_back));
        }
        let mut is_open = true;
        let (first, last) = if is_back { (shown.playback.position, at) } else { (at, shown.playback.position) };
        let title = format!("Changes from {} to {}", format::clock(first), format::clock(last));
        let window = egui::Window::new(title).id(egui::Id::unique("changes")).open(&mut is_open).default_size([460.0, 240.0]);
        window.show(context, |ui| self.list(ui));
        if !is_open {
            self.marked = None;
        }
    }

    fn list(&self, ui: &mut Ui) {
        let palette = theme::palette(ui.ctx());
        if self.changes.is_empty() {
            ui.label("nothing changed; show another moment to compare it with this one");
        }
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            for change in self.changes.iter().take(CHANGES) {
                let color = match change.text.as_bytes().first() {
                    Some(b'!') => palette.bad,
                    Some(b'+') => palette.good,
                    Some(b'-') => palette.warn,
                    _ => palette.strong,
                };
                ui.label(RichText::new(&change.text).color(color));
            }
            if self.changes.len() > CHANGES {
                ui.label(format!("and {} more", self.changes.len() - CHANGES));
            }
        });
    }
}
