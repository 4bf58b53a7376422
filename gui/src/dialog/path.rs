//! A field for a path, with the desktop's own file dialog beside it where there is one.

use crate::icons::{self, Icon};
use egui::{RichText, TextEdit, Ui};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// A path that is being chosen.
pub(crate) struct PathField {
    pub text: String,
    is_new: bool,
    /// The file dialog that is open, on its own thread: the window goes on meanwhile.
    browsing: Option<Receiver<Option<PathBuf>>>,
    /// The file dialog gave nothing: it was closed, or there is none (as root, over ssh).
    had_none: bool,
    is_focused: bool,
}

impl PathField {
    /// Where something is written.
    pub fn save(name: &str) -> PathField {
        PathField { text: name.to_owned(), is_new: true, browsing: None, had_none: false, is_focused: false }
    }

    /// What is read.
    pub fn open() -> PathField {
        PathField { text: String::new(), is_new: false, browsing: None, had_none: false, is_focused: false }
    }

    /// The path; `~/` is the home directory, as in a shell.
    pub fn path(&self) -> PathBuf {
        let text = self.text.trim();
        match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => PathBuf::from(text),
        }
    }

    /// The ending, in lower case.
    pub fn ending(&self) -> String {
        self.path().extension().map_or_else(String::new, |ending| ending.to_string_lossy().to_lowercase())
    }

    /// Another ending for the same name.
    pub fn set_ending(&mut self, ending: &str) {
        if self.ending() != ending {
            self.text = Path::new(self.text.trim()).with_extension(ending).to_string_lossy().into_owned();
        }
    }

    /// What speaks against the path, with the next step.
    pub fn objection(&self) -> Option<String> {
        let path = self.path();
        if path.as_os_str().is_empty() {
            return Some("name a file".to_owned());
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if self.is_new && !folder.is_dir() {
            return Some(format!("there is no folder {}: make it first, or name another", folder.display()));
        }
        if path.is_dir() {
            return Some("this is a folder: name a file in it".to_owned());
        }
        (!self.is_new && !path.exists()).then(|| "there is no such file".to_owned())
    }

    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            let label = ui.label("File");
            let response = ui.add(TextEdit::singleline(&mut self.text).desired_width(330.0)).labelled_by(label.id);
            // The first frame of a dialog only measures it, and Enter in a field that is not right yet leaves it for nothing.
            let is_left = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) && self.objection().is_some();
            if !self.is_focused || is_left {
                response.request_focus();
            }
            self.is_focused |= response.has_focus();
            let is_browsing = self.browsing.is_some();
            let browse = ui.add_enabled_ui(!is_browsing, |ui| icons::button(ui, Icon::FolderOpen, "Browse…", |button| button)).inner;
            if browse.clicked() {
                self.browse(ui);
            }
        });
        self.receive();
        let palette = crate::theme::palette(ui.ctx());
        if self.had_none {
            let text = "no file was chosen; where no file dialog opens (as root, over ssh), type the path";
            ui.label(RichText::new(text).small().color(palette.weak));
        }
        if let Some(objection) = self.objection().filter(|_| !self.text.is_empty()) {
            ui.label(RichText::new(objection).small().color(palette.warn));
        }
    }

    fn browse(&mut self, ui: &Ui) {
        let (chosen, received) = channel();
        let (is_new, name, context) = (self.is_new, self.path(), ui.ctx().clone());
        let run = move || {
            let mut dialog = rfd::FileDialog::new();
            if let Some(folder) = name.parent().filter(|folder| folder.is_dir()) {
                dialog = dialog.set_directory(folder);
            }
            if let Some(name) = name.file_name() {
                dialog = dialog.set_file_name(name.to_string_lossy());
            }
            let path = if is_new { dialog.save_file() } else { dialog.pick_file() };
            let _ = chosen.send(path);
            context.request_repaint();
        };
        match std::thread::Builder::new().name("file dialog".into()).spawn(run) {
            Ok(_) => self.browsing = Some(received),
            Err(_) => self.had_none = true,
        }
    }

    fn receive(&mut self) {
        let Some(browsing) = &self.browsing else { return };
        match browsing.try_recv() {
            Ok(Some(path)) => {
                self.text = path.to_string_lossy().into_owned();
                (self.browsing, self.had_none) = (None, false);
            }
            Ok(None) | Err(TryRecvError::Disconnected) => (self.browsing, self.had_none) = (None, true),
            Err(TryRecvError::Empty) => {}
        }
    }
}
