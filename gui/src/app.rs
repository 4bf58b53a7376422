//! Opening the window on a display.

use crate::arrangement::Arrangement;
use crate::session::{Session, Shown};
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
    /// How the picture of what is shown is arranged in its file, once that was read.
    arranged: Option<(PathBuf, Arrangement)>,
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

impl App {
    /// Arranges the picture as it was left when this host or capture was looked at last.
    fn arrange(&mut self, shown: &Shown) {
        if self.arranged.is_none()
            && !shown.title.is_empty()
            && let Some(path) = Arrangement::path(&shown.title)
        {
            let arrangement = Arrangement::load(&path);
            self.window.arrange(arrangement.clone());
            self.arranged = Some((path, arrangement));
        }
    }

    /// Writes down how the picture is arranged, where that changed.
    fn save_arrangement(&mut self) {
        if let (Some((path, saved)), Some(now)) = (&mut self.arranged, self.window.arrangement())
            && saved != now
        {
            *saved = now.clone();
            if let Err(error) = saved.save(path) {
                let path = tapscope_graph::Text::path(&path.to_string_lossy());
                eprintln!("tapscope: cannot save how the picture is arranged to {path}: {error}");
            }
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let shown = self.session.shown();
        self.arrange(&shown);
        for command in self.window.ui(ui, &shown) {
            self.session.send(command);
        }
        self.save();
        self.save_arrangement();
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
        Ok(Box::new(App { session, window: Window::with(saved.clone()), path, saved, arranged: None }))
    });
    eframe::run_native("tapscope", options, app).map_err(|error| OpenError::Refused(error.to_string()))
}
