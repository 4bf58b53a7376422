//! The window as a whole: its parts, what is selected, and the keys.

use crate::ask::{self, Asking};
use crate::canvas::Canvas;
use crate::session::{Command, PlaybackState, Session, Shown};
use crate::tables::{Tab, Tables};
use crate::{inspector, notice, sidebar, theme, timeline, topbar};
use egui::{CentralPanel, Context, Key, Panel, Ui};
use std::sync::Arc;
use tapscope_graph::topology;
use tapscope_graph::{FrameNo, PointId};

/// What the inspector explains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Nothing: the recording as a whole.
    #[default]
    None,
    /// A node or a link.
    Thing(topology::Key),
    /// A point.
    Point(PointId),
    /// A row of the flows.
    Flow(usize),
    /// A row of the echoes.
    Echo(usize),
    /// A row of the findings.
    Finding(usize),
}

/// The window's own state: what does not come from the session.
pub struct Window {
    pub(crate) selection: Selection,
    pub(crate) packet: Option<FrameNo>,
    pub(crate) canvas: Canvas,
    pub(crate) tables: Tables,
    is_help_open: bool,
    /// The cable that the user wants to listen to, until it is agreed to what that changes.
    asking: Asking,
    is_set_up: bool,
    /// Whether a living host was shown: then time that stands may go back to now.
    is_of_host: bool,
    /// The notice that the user has read.
    dismissed: Option<String>,
}

impl Default for Window {
    fn default() -> Self {
        Self::new()
    }
}

impl Window {
    /// A window that nobody has touched.
    pub fn new() -> Window {
        Window {
            selection: Selection::None,
            packet: None,
            canvas: Canvas::default(),
            tables: Tables::default(),
            is_help_open: false,
            asking: None,
            is_set_up: false,
            is_of_host: false,
            dismissed: None,
        }
    }

    /// Shows everything; gives what the user asked for.
    pub fn ui(&mut self, ui: &mut Ui, shown: &Arc<Shown>) -> Vec<Command> {
        if !self.is_set_up {
            theme::install(ui.ctx());
            self.is_set_up = true;
        }
        let mut commands = Vec::new();
        self.is_of_host |= shown.is_live();
        self.keys(ui.ctx(), shown, &mut commands);
        Panel::top("top").show(ui, |ui| topbar::show(ui, shown, self.is_of_host, &mut commands, &mut self.is_help_open));
        notice::show(ui, shown, &mut self.dismissed);
        Panel::bottom("tables").resizable(true).default_size(250.0).min_size(90.0).show(ui, |ui| self.show_tables(ui, shown));
        Panel::bottom("time").resizable(false).exact_size(76.0).show(ui, |ui| timeline::show(ui, shown, &mut commands));
        Panel::left("things").resizable(true).default_size(230.0).show(ui, |ui| sidebar::show(ui, shown, &mut self.selection));
        Panel::right("inspector").resizable(true).default_size(300.0).show(ui, |ui| {
            let wish = inspector::show(ui, shown, &mut self.selection);
            if let Some(frame) = wish.jump {
                self.go_to(frame);
            }
            self.asking = wish.ask.or(self.asking.take());
        });
        let palette = theme::palette(ui.ctx());
        CentralPanel::no_frame().frame(egui::Frame::new().fill(palette.canvas)).show(ui, |ui| {
            self.canvas.show(ui, shown, &mut self.selection);
        });
        ask::show(ui.ctx(), shown, &mut self.asking, &mut commands);
        self.help(ui.ctx());
        commands
    }

    fn show_tables(&mut self, ui: &mut Ui, shown: &Arc<Shown>) {
        self.tables.show(ui, shown, &mut self.selection, &mut self.packet);
    }

    /// Opens a packet in its table.
    fn go_to(&mut self, frame: FrameNo) {
        self.packet = Some(frame);
        self.tables.open(Tab::Packets);
    }

    fn keys(&mut self, context: &Context, shown: &Shown, commands: &mut Vec<Command>) {
        if context.text_edit_focused() {
            return;
        }
        let pressed = |key| context.input(|input| input.key_pressed(key) && input.modifiers.is_none());
        if pressed(Key::Space) && context.memory(|memory| memory.focused()).is_none() {
            let runs = matches!(shown.playback.state, PlaybackState::Playing | PlaybackState::Live);
            commands.push(if runs { Command::Pause } else { Command::Play });
        }
        if pressed(Key::Home) && (!self.is_of_host || shown.playback.is_past) {
            commands.push(Command::Restart);
        }
        if pressed(Key::End) {
            commands.push(match (shown.playback.is_past, self.is_of_host) {
                (true, _) => Command::Now,
                (false, true) => Command::Play,
                (false, false) => Command::End,
            });
        }
        if pressed(Key::Escape) {
            self.selection = Selection::None;
            self.is_help_open = false;
        }
        if context.input(|input| input.key_pressed(Key::Questionmark)) {
            self.is_help_open = !self.is_help_open;
        }
        for (key, tab) in
            [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9].into_iter().zip(Tab::ALL)
        {
            if pressed(key) {
                self.tables.open(tab);
            }
        }
    }

    fn help(&mut self, context: &Context) {
        const KEYS: [(&str, &str); 9] = [
            ("Space", "play or pause; back to live"),
            ("Home, End", "back to the beginning, on to the end"),
            ("drag, arrow keys", "move the picture"),
            ("wheel, + and -", "zoom"),
            ("F", "fit the picture into view"),
            ("drag a card", "pin it there; double-click lets it go"),
            ("1 to 9", "tables"),
            ("Esc", "select nothing"),
            ("?", "these keys"),
        ];
        egui::Window::new("Keys").open(&mut self.is_help_open).collapsible(false).resizable(false).show(context, |ui| {
            egui::Grid::new("keys").num_columns(2).spacing([18.0, 6.0]).show(ui, |ui| {
                for (key, action) in KEYS {
                    ui.strong(key);
                    ui.label(action);
                    ui.end_row();
                }
            });
        });
    }
}

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
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let shown = self.session.shown();
        for command in self.window.ui(ui, &shown) {
            self.session.send(command);
        }
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
        Ok(Box::new(App { session, window: Window::new() }))
    });
    eframe::run_native("tapscope", options, app).map_err(|error| OpenError::Refused(error.to_string()))
}
