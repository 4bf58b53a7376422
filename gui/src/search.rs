//! The search box: a name, an address, a MAC, a port, or a display filter, with what may be written next and what is wrong.

use crate::session::Shown;
use crate::theme;
use egui::text::{CCursor, CCursorRange, LayoutJob};
use egui::text_edit::TextEditState;
use egui::{Button, Frame, Id, Key, Modifiers, Popup, PopupCloseBehavior, RichText, Stroke, TextEdit, TextFormat, Ui, vec2};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use tapscope_graph::display_filter::{Completion, DisplayFilter, FilterError, complete};

/// Names and addresses that are offered to choose from.
const KNOWN: usize = 2000;

/// What is looked for.
#[derive(Default)]
pub(crate) struct Search {
    text: String,
    /// What the text means; while it makes no sense, what it meant before.
    filter: DisplayFilter,
    error: Option<FilterError>,
    is_wanted: bool,
    /// Which of the offers is chosen; none until an arrow key was pressed.
    chosen: Option<usize>,
    is_popup_dismissed: bool,
}

fn id() -> Id {
    Id::unique("search")
}

impl Search {
    /// What the user wrote.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is looked for; everything, where nothing is.
    pub fn filter(&self) -> &DisplayFilter {
        &self.filter
    }

    /// Looks for something else.
    pub fn set(&mut self, text: &str) {
        if self.text != text {
            self.text = text.to_owned();
            self.read();
        }
        self.is_popup_dismissed = true;
    }

    /// Puts the cursor there.
    pub fn focus(&mut self) {
        self.is_wanted = true;
    }

    fn read(&mut self) {
        match DisplayFilter::parse(&self.text) {
            Ok(filter) => (self.filter, self.error) = (filter, None),
            Err(error) => self.error = Some(error),
        }
    }

    /// Shows the box, `width` wide.
    pub fn show(&mut self, ui: &mut Ui, shown: &Shown, width: f32) {
        let palette = theme::palette(ui.ctx());
        let has_focus = ui.memory(|memory| memory.has_focus(id()));
        let offers = if has_focus && !self.is_popup_dismissed { self.offers(ui, shown) } else { Vec::new() };
        let mut taken = if has_focus { self.keys(ui, &offers) } else { None };
        let wrong = self.error.as_ref().map(|error| error.at.clone());
        let mut layouter = |ui: &Ui, text: &dyn egui::TextBuffer, _: f32| {
            let job = underlined(text.as_str(), wrong.as_ref(), ui);
            ui.fonts_mut(|fonts| fonts.layout_job(job))
        };
        let edit = TextEdit::singleline(&mut self.text)
            .id(id())
            .hint_text("Search or filter: name, address, MAC, port   Ctrl+F")
            .desired_width(width)
            // Tab takes an offer; without one it goes on as everywhere.
            .lock_focus(!offers.is_empty())
            .layouter(&mut layouter);
        let response = ui.add(edit);
        response.widget_info(|| {
            let mut info = egui::WidgetInfo::labeled(egui::Role::TextInput, true, "search or filter");
            info.current_text_value = Some(self.text.clone());
            info
        });
        if std::mem::take(&mut self.is_wanted) {
            response.request_focus();
            select_all(ui, self.text.chars().count());
        }
        if response.changed() {
            self.read();
            (self.chosen, self.is_popup_dismissed) = (None, false);
        }
        let is_wrong = self.error.is_some() && !self.text.is_empty();
        if has_focus && (!offers.is_empty() || is_wrong) {
            let popup = Popup::from_response(&response).close_behavior(PopupCloseBehavior::IgnoreClicks).open(true).width(width.max(280.0));
            popup.frame(Frame::popup(ui.style()).inner_margin(6)).show(|ui| {
                if let Some(error) = &self.error {
                    ui.label(RichText::new(&error.text).color(palette.bad));
                }
                for (index, offer) in offers.iter().enumerate() {
                    let help = RichText::new(offer.help).small().color(palette.weak);
                    let button = Button::new(RichText::new(&offer.text).monospace()).right_text(help).selected(self.chosen == Some(index));
                    if ui.add(button.frame_when_inactive(self.chosen == Some(index)).min_size(vec2(width.max(270.0), 20.0))).clicked() {
                        taken = Some(offer.clone());
                    }
                }
            });
        }
        if let Some(offer) = taken {
            self.take(ui, &offer);
        }
    }

    /// The arrows choose, Tab and Enter take, Escape closes; a second one leaves the box.
    fn keys(&mut self, ui: &Ui, offers: &[Completion]) -> Option<Completion> {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::Escape) {
            if offers.is_empty() {
                ui.memory_mut(|memory| memory.surrender_focus(id()));
            }
            self.is_popup_dismissed = true;
            return None;
        }
        if offers.is_empty() {
            return None;
        }
        let last = offers.len() - 1;
        if pressed(Key::ArrowDown) {
            self.chosen = Some(self.chosen.map_or(0, |chosen| (chosen + 1).min(last)));
        }
        if pressed(Key::ArrowUp) {
            self.chosen = self.chosen.and_then(|chosen| chosen.checked_sub(1));
        }
        if pressed(Key::Tab) {
            return offers.get(self.chosen.unwrap_or(0)).cloned();
        }
        let chosen = self.chosen?;
        if pressed(Key::Enter) { offers.get(chosen).cloned() } else { None }
    }

    fn offers(&self, ui: &Ui, shown: &Shown) -> Vec<Completion> {
        if self.text.is_empty() {
            return Vec::new();
        }
        let cursor = TextEditState::load(ui.ctx(), id()).and_then(|state| state.cursor.char_range()).map(|range| range.primary.index.0);
        let octet = self.text.char_indices().nth(cursor.unwrap_or(usize::MAX)).map_or(self.text.len(), |(octet, _)| octet);
        complete(&self.text, octet, known(shown).iter().map(String::as_str))
    }

    fn take(&mut self, ui: &Ui, offer: &Completion) {
        let Some(head) = self.text.get(..offer.at.start) else { return };
        let tail = self.text.get(offer.at.end..).unwrap_or_default();
        let word =
            if offer.text.contains(char::is_whitespace) { format!("\"{}\"", offer.text.replace('"', "")) } else { offer.text.clone() };
        let space = if tail.starts_with(' ') { "" } else { " " };
        let before = format!("{head}{word}{space}");
        let at = before.chars().count();
        self.text = before + tail;
        self.chosen = None;
        self.read();
        put_cursor(ui, CCursorRange::one(CCursor::new(at)));
        ui.memory_mut(|memory| memory.request_focus(id()));
    }
}

fn select_all(ui: &Ui, end: usize) {
    put_cursor(ui, CCursorRange::two(CCursor::new(0), CCursor::new(end)));
}

fn put_cursor(ui: &Ui, range: CCursorRange) {
    let mut state = TextEditState::load(ui.ctx(), id()).unwrap_or_default();
    state.cursor.set_char_range(Some(range));
    state.store(ui.ctx(), id());
}

/// Names and addresses that were seen.
fn known(shown: &Shown) -> BTreeSet<String> {
    let view = &shown.view;
    let mut known = BTreeSet::new();
    for node in view.topology.nodes().take(KNOWN) {
        known.extend(node.name.iter().map(ToString::to_string));
        known.extend(node.addresses.iter().take(8).map(|address| address.ip.to_string()));
        known.extend(node.macs.iter().take(8).map(ToString::to_string));
    }
    known.extend(view.topology.links().take(KNOWN).map(|link| link.name.to_string()));
    known
}

/// The text, with what is wrong underlined.
fn underlined(text: &str, wrong: Option<&Range<usize>>, ui: &Ui) -> LayoutJob {
    let palette = theme::palette(ui.ctx());
    let plain = TextFormat::simple(egui::TextStyle::Body.resolve(ui.style()), palette.strong);
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    let underline = TextFormat { underline: Stroke::new(2.0, palette.bad), ..plain.clone() };
    let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let (start, end) = wrong.map_or((text.len(), text.len()), |wrong| (boundary(wrong.start), boundary(wrong.end)));
    // Where something is missing at the end, the last word is what it is missing behind.
    let start = if wrong.is_some() && start == text.len() { text.trim_end().rfind(' ').map_or(0, |at| at + 1) } else { start };
    let end = end.max(start);
    let end = if wrong.is_some() && start == end { text.len() } else { end };
    for (part, format) in [(&text[..start], &plain), (&text[start..end], &underline), (&text[end..], &plain)] {
        job.append(part, 0.0, format.clone());
    }
    job
}

/// What passes a filter of the picture, and what it was made of.
#[derive(Default)]
pub(crate) struct Matching {
    made_of: Option<(std::sync::Weak<tapscope_graph::View>, DisplayFilter)>,
    keys: Option<Arc<BTreeSet<tapscope_graph::topology::Key>>>,
}

impl Matching {
    /// The nodes and links that pass; none where there is no filter.
    pub fn refresh(&mut self, shown: &Shown, filter: &DisplayFilter) -> Option<Arc<BTreeSet<tapscope_graph::topology::Key>>> {
        let is_same =
            self.made_of.as_ref().is_some_and(|(view, made)| std::ptr::eq(view.as_ptr(), Arc::as_ptr(&shown.view)) && made == filter);
        if !is_same {
            self.keys = (!filter.is_empty()).then(|| Arc::new(crate::subject::matching(&shown.view, filter)));
            self.made_of = Some((Arc::downgrade(&shown.view), filter.clone()));
        }
        self.keys.clone()
    }
}
