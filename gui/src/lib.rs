//! The window: the network as a picture, its facts, its tables and its time.
//!
//! Views are functions of what a [`session::Session`] shows (an immutable view of the model, the latest packets, the playback) and of the
//! window's own state; what the user wants done goes back as [`session::Command`]s. No view knows where frames come from.

mod ask;
pub mod canvas;
mod compare;
mod format;
mod inspector;
mod notice;
pub mod session;
mod sidebar;
mod tables;
mod theme;
mod things;
mod timeline;
mod topbar;
pub mod window;

pub use session::{Command, Playback, PlaybackState, Session, Shown};
pub use window::{OpenError, Window, run};
