//! Opening the window on a display.

use crate::session::Session;
use crate::settings::Settings;
use crate::window::Window;
use egui::Ui;
use std::path::PathBuf;

/// Why the window cannot open.
#[derive(Debug)]
pub enum OpenError {
    /// There is no display.
    NoDisplay,
    /// The display, or its graphics, refuse.
    Refused(String),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::NoDisplay => write!(f, "there is no display: neither WAYLAND_DISPLAY nor DISPLAY is set"),
            OpenError::Refused(reason) => write!(
                f,
                "the display does not open a window: {reason} (on Debian and Ubuntu: apt install libx11-6 libx11-xcb1 libxcursor1 libxi6 \
                 libxkbcommon-x11-0 libgl1 libgl1-mesa-dri)"
            ),
        }
    }
}

impl std::error::Error for OpenError {}

/// Whether there is a display to open a window on.
pub fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("WAYLAND_DISPLAY") || is_set("DISPLAY")
}

struct App {
    session: Box<dyn Session>,
    window: Window,
    /// Where the settings are kept, and what is there.
    path: Option<PathBuf>,
    saved: Settings,
}

impl App {
    /// Writes the settings down where they changed.
    fn save(&mut self) {
        if let Some(path) = &self.path
            && self.saved != *self.window.settings()
        {
            self.saved = self.window.settings().clone();
            if let Err(error) = self.saved.save(path) {
                eprintln!(
                    "tapscope: cannot save the window's settings to {}: {error}",
                    tapscope_graph::Text::path(&path.to_string_lossy())
                );
                self.path = None;
            }
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let shown = self.session.shown();
        for command in self.window.ui(ui, &shown) {
            self.session.send(command);
        }
        self.save();
    }
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// Where there is no display, or it refuses.
pub fn run(session: Box<dyn Session>) -> Result<(), OpenError> {
    if !has_display() {
        return Err(OpenError::NoDisplay);
    }
    let viewport = egui::ViewportBuilder::default().with_title("tapscope").with_app_id("tapscope").with_inner_size([1280.0, 800.0]);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let app: eframe::AppCreator<'_> = Box::new(move |creation| {
        let context = creation.egui_ctx.clone();
        session.on_change(Box::new(move || context.request_repaint()));
        let path = Settings::path();
        let saved = path.as_deref().map(Settings::load).unwrap_or_default();
        Ok(Box::new(App { session, window: Window::with(saved.clone()), path, saved }))
    });
    eframe::run_native("tapscope", options, app).map_err(|error| OpenError::Refused(error.to_string()))
}
