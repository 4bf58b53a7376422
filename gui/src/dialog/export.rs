//! What to export, and where to.

use super::path::PathField;
use super::{Answer, Outcome, buttons, title};
use crate::session::{Chosen, Command, Export, Shown};
use crate::window::Selection;
use crate::{target, theme};
use egui::{ComboBox, RichText, Ui};
use tapscope_graph::display_filter::DisplayFilter;

/// What is written: its name, its endings, and what it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Frames,
    Picture,
    /// By its name in `tapscope export --table`.
    Table(&'static str),
    Everything,
}

const KINDS: [(Kind, &str, &[&str]); 11] = [
    (Kind::Frames, "Frames", &["pcapng", "pcap"]),
    (Kind::Picture, "The picture", &["svg", "png", "dot", "graphml"]),
    (Kind::Everything, "All that was learned", &["json"]),
    (Kind::Table("hosts"), "Table of hosts", &["csv", "json"]),
    (Kind::Table("flows"), "Table of flows", &["csv", "json"]),
    (Kind::Table("echoes"), "Table of echoes", &["csv", "json"]),
    (Kind::Table("arp"), "Table of ARP and ND", &["csv", "json"]),
    (Kind::Table("dhcp"), "Table of DHCP", &["csv", "json"]),
    (Kind::Table("packets"), "Table of packets", &["csv", "json"]),
    (Kind::Table("devices"), "Table of devices", &["csv", "json"]),
    (Kind::Table("neighbours"), "Table of neighbours", &["csv", "json"]),
];

/// An export that is being chosen.
pub(crate) struct ExportForm {
    kind: Kind,
    field: PathField,
    /// The thing whose frames are meant, and its name.
    of: Option<(tapscope_graph::Selection, String)>,
    is_of_thing: bool,
    filter: DisplayFilter,
    is_filtered: bool,
}

impl ExportForm {
    pub fn new(shown: &Shown, about: Selection, filter: &DisplayFilter) -> ExportForm {
        let frames = (about != Selection::None).then(|| target::frames(&shown.view, about)).flatten();
        let of = frames.map(|frames| (frames, target::title(shown, about)));
        ExportForm {
            kind: Kind::Frames,
            field: PathField::save("tapscope.pcapng"),
            is_of_thing: of.is_some(),
            of,
            filter: filter.clone(),
            is_filtered: !filter.is_empty(),
        }
    }

    fn row(&self) -> &'static (Kind, &'static str, &'static [&'static str]) {
        KINDS.iter().find(|(kind, ..)| *kind == self.kind).unwrap_or(&KINDS[0])
    }

    fn is_of_frames(&self) -> bool {
        matches!(self.kind, Kind::Frames | Kind::Table("packets"))
    }

    pub(super) fn show(&mut self, ui: &mut Ui, shown: &Shown) -> Outcome {
        title(ui, "Write to a file");
        let is_told = !shown.view.tables.host.is_empty();
        ui.horizontal(|ui| {
            let before = self.kind;
            let label = ui.label("What");
            let what = ComboBox::from_id_salt("what").selected_text(self.row().1).width(170.0).show_ui(ui, |ui| {
                for (kind, name, _) in KINDS {
                    let is_of_host = matches!(kind, Kind::Table("devices" | "neighbours"));
                    if is_told || !is_of_host {
                        ui.selectable_value(&mut self.kind, kind, name);
                    }
                }
            });
            what.response.labelled_by(label.id);
            if self.kind != before {
                self.field.set_ending(self.row().2[0]);
            }
            let mut ending = self.field.ending();
            let label = ui.label("as");
            let as_what = ComboBox::from_id_salt("as").selected_text(ending.clone()).width(80.0).show_ui(ui, |ui| {
                for choice in self.row().2 {
                    ui.selectable_value(&mut ending, (*choice).to_owned(), *choice);
                }
            });
            as_what.response.labelled_by(label.id);
            self.field.set_ending(&ending);
        });
        if self.is_of_frames() {
            if let Some((_, name)) = &self.of {
                ui.checkbox(&mut self.is_of_thing, format!("only frames of {name}"));
            }
            if !self.filter.is_empty() {
                ui.checkbox(&mut self.is_filtered, "only what the filter shows");
            }
        } else {
            let text = "as it is at the moment that is shown";
            ui.label(RichText::new(text).color(theme::palette(ui.ctx()).weak));
        }
        self.field.show(ui);
        let ending = self.field.ending();
        let is_known = self.row().2.contains(&ending.as_str());
        if !is_known {
            let text =
                format!("end the name in {}", self.row().2.iter().map(|ending| format!(".{ending}")).collect::<Vec<_>>().join(" or "));
            ui.label(RichText::new(text).small().color(theme::palette(ui.ctx()).warn));
        }
        let is_there = self.field.objection().is_none() && self.field.path().exists();
        if is_there {
            ui.label(RichText::new("this file is there already and is overwritten").color(theme::palette(ui.ctx()).warn));
        }
        let objection = self.field.objection().or_else(|| (!is_known).then(|| "the ending says what is written".to_owned()));
        match buttons(ui, "Export", objection.as_deref()) {
            (_, true) => Outcome::Cancelled,
            (true, _) => Outcome::Answered(Box::new(Answer::Do(Command::Export(self.export(is_there))))),
            _ => Outcome::Open,
        }
    }

    fn export(&self, is_forced: bool) -> Export {
        let is_of_frames = self.is_of_frames();
        let selection = self.of.as_ref().filter(|_| is_of_frames && self.is_of_thing).map(|(frames, _)| frames.clone());
        Export {
            chosen: Chosen {
                selection: selection.unwrap_or_default(),
                filter: if is_of_frames && self.is_filtered { self.filter.clone() } else { DisplayFilter::default() },
            },
            path: self.field.path(),
            table: match self.kind {
                Kind::Table(name) => Some(name),
                Kind::Frames | Kind::Picture | Kind::Everything => None,
            },
            is_forced,
        }
    }
}
