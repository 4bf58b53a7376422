//! What a command asks before it is carried out: where to record to, what to export, who pings whom.

mod export;
mod name;
mod path;
mod record;
mod why;

use crate::names::Names;
use crate::session::{Command, Shown};
use crate::window::Selection;
use egui::{Context, Id, Modal, RichText, Ui};
use export::ExportForm;
use name::NameForm;
use path::PathField;
use tapscope_graph::diagnose::Party;
use tapscope_graph::display_filter::DisplayFilter;
use tapscope_graph::topology::Key;
use why::WhyForm;

/// The question that is asked, if one is.
#[derive(Default)]
pub(crate) enum Dialog {
    #[default]
    None,
    Record(PathField),
    Open(PathField),
    Export(Box<ExportForm>),
    Why(WhyForm),
    Name(NameForm),
}

/// What came of a question.
pub(crate) enum Answer {
    Do(Command),
    Why(Party, Party),
    Name(Key, String),
}

/// What a form did in a frame.
enum Outcome {
    Open,
    Cancelled,
    Answered(Box<Answer>),
}

impl Dialog {
    pub fn record() -> Dialog {
        Dialog::Record(PathField::save("tapscope.pcapng"))
    }

    pub fn open() -> Dialog {
        Dialog::Open(PathField::open())
    }

    /// Asks where the frames of a thing go; `filter` is what the search box has.
    pub fn export(shown: &Shown, target: Selection, filter: &DisplayFilter) -> Dialog {
        Dialog::Export(Box::new(ExportForm::new(shown, target, filter)))
    }

    /// Asks who pings whom, as far as that is not known.
    pub fn why(shown: &Shown, from: Option<Party>, to: Option<Party>) -> Dialog {
        Dialog::Why(WhyForm::new(shown, from, to))
    }

    /// Asks what a node is to be called; `given` is what the user calls it now, `own` its own name.
    pub fn name(key: Key, given: String, own: &str) -> Dialog {
        Dialog::Name(NameForm::new(key, given, own))
    }

    pub fn is_open(&self) -> bool {
        !matches!(self, Dialog::None)
    }

    /// Shows the question; gives the answer, once.
    pub fn show(&mut self, context: &Context, shown: &Shown, names: &Names) -> Option<Answer> {
        let mut outcome = Outcome::Open;
        if !self.is_open() {
            return None;
        }
        let frame = egui::Frame::popup(&context.global_style()).inner_margin(16);
        let modal = Modal::new(Id::unique("dialog")).frame(frame).show(context, |ui| {
            ui.set_width(470.0);
            outcome = match self {
                Dialog::None => Outcome::Cancelled,
                Dialog::Record(field) => record::show(ui, field),
                Dialog::Open(field) => record::show_open(ui, field),
                Dialog::Export(form) => form.show(ui, shown),
                Dialog::Why(form) => form.show(ui, shown, names),
                Dialog::Name(form) => form.show(ui),
            };
        });
        match outcome {
            Outcome::Open if !modal.should_close() => None,
            Outcome::Open | Outcome::Cancelled => {
                *self = Dialog::None;
                None
            }
            Outcome::Answered(answer) => {
                *self = Dialog::None;
                Some(*answer)
            }
        }
    }
}

fn title(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).strong().size(16.0));
    ui.add_space(6.0);
}

/// The buttons below a form; gives whether the first one was pressed, or Enter, and whether the second one was.
fn buttons(ui: &mut Ui, yes: &str, objection: Option<&str>) -> (bool, bool) {
    ui.add_space(10.0);
    let is_entered = objection.is_none() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    ui.horizontal(|ui| {
        let response = ui.add_enabled(objection.is_none(), egui::Button::new(yes));
        let response = match objection {
            Some(why) => response.on_disabled_hover_text(why),
            None => response,
        };
        let is_cancelled = ui.button("Cancel").clicked();
        (!is_cancelled && (response.clicked() || is_entered), is_cancelled)
    })
    .inner
}
