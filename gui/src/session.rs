//! What the window shows, and what it asks for.

use std::sync::Arc;
use tapscope_graph::{Packets, Text, Timestamp, View};

/// Everything that one frame of the window is made of; immutable.
#[derive(Clone)]
pub struct Shown {
    /// The model at this moment.
    pub view: Arc<View>,
    /// The latest packets, for looking into.
    pub packets: Packets,
    /// Where in time this is.
    pub playback: Playback,
    /// What is looked at, such as a file's name.
    pub title: String,
    /// What the user should know of the source, such as where a file is cut short.
    pub notice: Option<String>,
}

/// Where a recording stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playback {
    /// What it does.
    pub state: PlaybackState,
    /// Recorded seconds per second.
    pub speed: f32,
    /// The moment that is shown.
    pub position: Timestamp,
    /// The recording's first moment.
    pub begin: Timestamp,
    /// The recording's last moment.
    pub end: Timestamp,
    /// Whether this is the past of something that is watched: [`Command::Now`] goes back to it.
    pub is_past: bool,
}

/// See [`Playback`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlaybackState {
    /// The recording is being measured or read up to a moment; how much of it is done, where that is known.
    Loading(Option<f32>),
    /// Time runs.
    Playing,
    /// Time stands.
    Paused,
    /// The end is reached.
    Ended,
    /// What is shown is the host as it is now; [`Command::Pause`] lets the picture stand, [`Command::Play`] goes back to now.
    Live,
}

/// What the user wants of the session.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Let time run; from the beginning, if the end was reached.
    Play,
    /// Let time stand.
    Pause,
    /// Recorded seconds per second.
    Speed(f32),
    /// Show this moment.
    Seek(Timestamp),
    /// Show the end.
    End,
    /// Show the beginning and play.
    Restart,
    /// Back from the past to what is watched.
    Now,
    /// Ask QEMU for a copy of the frames of a cable, by [`Cable::key`](tapscope_graph::host::Cable::key); the user has agreed to what that
    /// changes.
    Ask(Text),
}

/// Where the window's pictures come from.
pub trait Session: Send {
    /// The latest picture; never waits.
    fn shown(&self) -> Arc<Shown>;
    /// Asks for something; never waits.
    fn send(&self, command: Command);
    /// `wake` is called, from any thread, when there is a new picture.
    fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>);
}
