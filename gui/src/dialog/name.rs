//! What the user calls a node.

use super::{Answer, Outcome, buttons, title};
use crate::theme;
use egui::{RichText, TextEdit, Ui};
use tapscope_graph::topology::Key;

/// The most letters of a name.
const LENGTH: usize = 40;

/// A name that is being given.
pub(crate) struct NameForm {
    key: Key,
    text: String,
    own: String,
    is_focused: bool,
}

impl NameForm {
    pub fn new(key: Key, given: String, own: &str) -> NameForm {
        NameForm { key, text: given, own: own.to_owned(), is_focused: false }
    }

    pub(super) fn show(&mut self, ui: &mut Ui) -> Outcome {
        title(ui, &format!("What do you call {}?", self.own));
        let edit = TextEdit::singleline(&mut self.text).char_limit(LENGTH).hint_text(&self.own).desired_width(f32::INFINITY);
        let response = ui.add(edit);
        let text = self.text.clone();
        response.widget_info(|| {
            let mut info = egui::WidgetInfo::labeled(egui::Role::TextInput, true, "name");
            info.current_text_value = Some(text.clone());
            info
        });
        if !std::mem::replace(&mut self.is_focused, true) {
            response.request_focus();
        }
        let weak = theme::palette(ui.ctx()).weak;
        ui.label(
            RichText::new("it is called so in the picture and the list of this host or capture; without a name it has its own").color(weak),
        );
        match buttons(ui, "Name it", None) {
            (_, true) => Outcome::Cancelled,
            (true, _) => Outcome::Answered(Box::new(Answer::Name(self.key, self.text.clone()))),
            _ => Outcome::Open,
        }
    }
}
