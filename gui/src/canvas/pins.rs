//! Where the user put cards, from one start to the next: by what nodes are called, because their keys are numbers of one run.

use super::Canvas;
use crate::format;
use crate::settings::Settings;
use egui::{Pos2, pos2};
use std::collections::{BTreeMap, BTreeSet};
use tapscope_graph::View;
use tapscope_graph::topology::{Key, Node};

/// The places that are kept.
#[derive(Default)]
pub(super) struct Kept {
    places: BTreeMap<String, (f32, f32)>,
    /// Who got a kept place already: whoever is let go then stays free.
    restored: BTreeSet<String>,
    /// The pins that `places` was made with.
    pins: BTreeMap<Key, Pos2>,
}

/// What a node is called from one start to the next.
fn name(node: &Node) -> String {
    format!("{} {}", node.kind.name(), format::title(node))
}

impl Kept {
    /// Puts those who came back where they were.
    pub fn restore(&mut self, view: &View, pins: &mut BTreeMap<Key, Pos2>) {
        if self.places.len() == self.restored.len() {
            return;
        }
        for node in view.topology.nodes() {
            let name = name(node);
            let Some(&(x, y)) = self.places.get(&name) else { continue };
            if self.restored.insert(name) {
                pins.entry(node.key).or_insert(pos2(x, y));
            }
        }
        self.pins = pins.clone();
    }
}

impl Canvas {
    /// Has cards stand where they stood at an earlier start, as soon as they are there.
    pub(crate) fn remember(&mut self, places: &BTreeMap<String, (f32, f32)>) {
        self.kept = Kept { places: places.clone(), ..Kept::default() };
    }

    /// Where cards stand by now, to be kept; none where that has not changed.
    pub(crate) fn kept(&mut self) -> Option<BTreeMap<String, (f32, f32)>> {
        // What is under way is kept when it has come to rest.
        if self.kept.pins == self.pins || self.dragged.is_some() {
            return None;
        }
        let view = self.made_of.as_ref()?;
        for node in view.topology.nodes() {
            let (was, is) = (self.kept.pins.contains_key(&node.key), self.pins.get(&node.key));
            match is {
                Some(at) => {
                    let name = name(node);
                    if self.kept.places.len() < Settings::PINS || self.kept.places.contains_key(&name) {
                        self.kept.restored.insert(name.clone());
                        self.kept.places.insert(name, (at.x.round(), at.y.round()));
                    }
                }
                None if was => {
                    let name = name(node);
                    self.kept.restored.remove(&name);
                    self.kept.places.remove(&name);
                }
                None => {}
            }
        }
        self.kept.pins = self.pins.clone();
        Some(self.kept.places.clone())
    }
}
