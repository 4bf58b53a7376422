//! The window: the network as a picture, its facts, its tables and its time.
//!
//! Views are functions of what a [`session::Session`] shows (an immutable view of the model, the latest packets, the playback) and of the
//! window's own state; what the user wants done goes back as [`session::Command`]s. No view knows where frames come from.

mod app;
pub mod arrangement;
mod ask;
pub mod canvas;
mod choices;
mod commands;
mod compare;
mod dialog;
mod digest;
mod doing;
mod format;
mod icons;
mod inspector;
mod keys;
mod latest;
mod lists;
mod names;
mod notice;
mod palette;
mod search;
mod seen;
pub mod session;
pub mod settings;
mod sidebar;
mod subject;
mod tables;
mod target;
mod theme;
mod things;
mod timeline;
mod topbar;
mod welcome;
mod why;
pub mod window;
mod worker;

pub use app::{OpenError, has_display, run};
pub use arrangement::Arrangement;
pub use session::{Command, Playback, PlaybackState, Session, Shown};
pub use settings::Settings;
pub use window::Window;
