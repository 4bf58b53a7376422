//! The command palette: every command by a few letters of its name.

use crate::commands::{About, ENTRIES, Entry, Situation, Wish, written};
use crate::{icons, theme};
use egui::{Align2, Area, Button, Context, Frame, Id, Key, Modifiers, Order, RichText, ScrollArea, TextEdit, vec2};

/// The palette's own state.
#[derive(Default)]
pub(crate) struct CommandPalette {
    is_open: bool,
    text: String,
    chosen: usize,
}

impl CommandPalette {
    pub fn toggle(&mut self) {
        *self = CommandPalette { is_open: !self.is_open, ..CommandPalette::default() };
    }

    pub fn is_open(&self) -> bool {
        self.is_open
    }

    pub fn show(&mut self, context: &Context, situation: &Situation<'_>, wishes: &mut Vec<Wish>) {
        if !self.is_open {
            return;
        }
        let take = |key| context.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if take(Key::Escape) {
            self.is_open = false;
            return;
        }
        let found = self.found(situation);
        let (up, down, enter) = (take(Key::ArrowUp), take(Key::ArrowDown), take(Key::Enter));
        self.chosen = (self.chosen + usize::from(down)).saturating_sub(usize::from(up)).min(found.len().saturating_sub(1));
        let mut done = enter.then(|| found.get(self.chosen).copied()).flatten();
        let palette = theme::palette(context);
        let area = Area::new(Id::unique("palette")).order(Order::Foreground).anchor(Align2::CENTER_TOP, vec2(0.0, 64.0));
        let shown = area.show(context, |ui| {
            Frame::popup(ui.style()).inner_margin(10).show(ui, |ui| {
                ui.set_width(420.0);
                let edit = TextEdit::singleline(&mut self.text).hint_text("What to do?").desired_width(f32::INFINITY);
                let response = ui.add(edit.id(Id::unique("palette text")));
                response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "command"));
                response.request_focus();
                if response.changed() {
                    self.chosen = 0;
                }
                ui.add_space(4.0);
                if found.is_empty() {
                    ui.label(RichText::new("no command is called that").color(palette.weak));
                }
                ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
                    for (index, entry) in found.iter().enumerate() {
                        let keys = RichText::new(written(ui.ctx(), entry)).small().color(palette.weak);
                        let row = |button: Button<'static>| {
                            button
                                .selected(index == self.chosen)
                                .right_text(keys)
                                .frame_when_inactive(index == self.chosen)
                                .min_size(vec2(412.0, 24.0))
                        };
                        let response = icons::button(ui, entry.icon, entry.name, row);
                        if index == self.chosen && (up || down) {
                            response.scroll_to_me(None);
                        }
                        if response.clicked() {
                            done = Some(entry);
                        }
                    }
                });
            });
        });
        if let Some(entry) = done {
            wishes.push(Wish::Do(entry.action, situation.target));
            self.is_open = false;
        } else if shown.response.clicked_elsewhere() {
            self.is_open = false;
        }
    }

    /// What can be done now and is called so, the best first.
    fn found(&self, situation: &Situation<'_>) -> Vec<&'static Entry> {
        let is_possible = |entry: &&Entry| {
            let is_about = entry.about == About::All || situation.target != crate::window::Selection::None;
            is_about && situation.objection(entry.action).is_none()
        };
        let mut found: Vec<(u32, &Entry)> =
            ENTRIES.iter().filter(is_possible).filter_map(|entry| Some((score(&self.text, entry.name)?, entry))).collect();
        // Stable: what is equally good stays in the table's order.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.into_iter().map(|(_, entry)| entry).collect()
    }
}

/// How well a name has these letters, in this order: at the beginnings of words, and behind each other, is better. None if it has not.
fn score(letters: &str, name: &str) -> Option<u32> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let (mut at, mut score, mut last) = (0, 1, None);
    for letter in letters.to_lowercase().chars().filter(|letter| !letter.is_whitespace()) {
        let is_start = |index: usize| index == 0 || !name[index - 1].is_alphanumeric();
        let hit = |index: &usize| name[*index] == letter;
        // The next letter of the word, else the beginning of a word, else anywhere.
        let next = Some(at).filter(|index| last.is_some() && *index < name.len() && hit(index));
        let place = next.or_else(|| (at..name.len()).filter(hit).find(|&index| is_start(index))).or_else(|| (at..name.len()).find(hit))?;
        score += if last.is_some_and(|last| last + 1 == place) { 8 } else { 1 } + if is_start(place) { 10 } else { 0 };
        (last, at) = (Some(place), place + 1);
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn a_name_is_found_by_the_beginnings_of_its_words_first() {
        let best = |letters: &str, names: &[&'static str]| {
            names.iter().filter_map(|name| Some((score(letters, name)?, *name))).max_by_key(|(score, _)| *score).map(|(_, name)| name)
        };
        let names = ["Stop recording", "Reset the settings", "Record…", "Show ARP and ND", "Search or filter"];
        assert_eq!(best("rec", &names), Some("Record…"));
        assert_eq!(best("sr", &names), Some("Stop recording"));
        assert_eq!(best("rs", &names), Some("Reset the settings"));
        assert_eq!(best("arp", &names), Some("Show ARP and ND"));
        assert_eq!(best("xyz", &names), None);
        assert!(score("", "Record…").is_some());
    }
}
