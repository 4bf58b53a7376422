//! What the window shows, and what it asks for.

use std::path::PathBuf;
use std::sync::Arc;
use tapscope_graph::diagnose::Party;
use tapscope_graph::display_filter::DisplayFilter;
use tapscope_graph::host::DeviceId;
use tapscope_graph::{Packets, Selection, Text, Timestamp, View};

/// Everything that one frame of the window is made of; immutable.
#[derive(Clone)]
pub struct Shown {
    /// The model at this moment.
    pub view: Arc<View>,
    /// The model at the end of what is known: the time line shows it also while an earlier moment is looked at.
    pub whole: Arc<View>,
    /// The latest packets, for looking into.
    pub packets: Packets,
    /// Where in time this is.
    pub playback: Playback,
    /// What is looked at, such as a file's name.
    pub title: String,
    /// What the user should know of the source, such as where a file is cut short.
    pub notice: Option<String>,
    /// What is under way besides looking, such as a recording.
    pub doing: Doing,
}

/// What is under way besides looking.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doing {
    /// The recording of what happens; none while nothing is recorded.
    pub recording: Option<Recording>,
    /// Exports and the like, the oldest first; what is over stays until it was read.
    pub jobs: Vec<Job>,
}

/// A recording that is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The file, for people.
    pub path: String,
    /// Packets written.
    pub packets: u64,
    /// Octets written.
    pub octets: u64,
    /// Packets that the disk was too slow for.
    pub dropped: u64,
}

/// Something that takes time.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Which.
    pub id: JobId,
    /// What it does, such as `Export web.pcapng`.
    pub title: String,
    /// How far it is.
    pub state: JobState,
}

/// A job's number; no other one ever has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// How far a job is.
#[derive(Clone, Debug, PartialEq)]
pub enum JobState {
    /// Under way; how much of it is done, where that is known, from 0 to 1.
    Running(Option<f32>),
    /// Done; with what came of it.
    Done(String),
    /// It failed; with the reason, and the next step.
    Failed(String),
}

/// Which frames are meant: those that both choose.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chosen {
    /// By where and when they were seen, and whose they are.
    pub selection: Selection,
    /// By what they say.
    pub filter: DisplayFilter,
}

/// What is to be written to a file, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Which frames; a picture and tables are of all that is shown.
    pub chosen: Chosen,
    /// The file; its ending says what is written: `.pcapng`, `.pcap`, `.svg`, `.png`, `.dot`, `.graphml`, `.json`, `.csv`.
    pub path: PathBuf,
    /// A table rather than frames or the picture, by its name as in `tapscope export --table`.
    pub table: Option<&'static str>,
    /// What is there is overwritten.
    pub is_forced: bool,
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

/// How much of a recording is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Octets.
    pub done: u64,
    /// Octets in all; none where that is not known, as of a pipe.
    pub size: Option<u64>,
}

/// See [`Playback`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlaybackState {
    /// The recording is being read, all of it or up to a moment. What is asked for meanwhile is done when that is over;
    /// [`Command::StopReading`] ends it at once.
    Loading(Progress),
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
    /// Read no more of the recording: what was read is all that is shown of it.
    StopReading,
    /// Back from the past to what is watched.
    Now,
    /// Ask QEMU for a copy of the frames of a cable, by [`Cable::key`](tapscope_graph::host::Cable::key); the user has agreed to what that
    /// changes.
    Ask(Text),
    /// Take back what [`Command::Ask`] changed, and listen to that cable no more.
    StopAsking(Text),
    /// Listen on a device of this host.
    Listen(DeviceId),
    /// Listen there no more.
    StopListening(DeviceId),
    /// Record what happens to a file.
    Record(PathBuf),
    /// End the recording.
    StopRecording,
    /// Write something to a file, as a job.
    Export(Export),
    /// Show frames to Wireshark, which the session starts.
    Wireshark(Chosen),
    /// End a job that is under way; forget one that is over.
    Cancel(JobId),
    /// Look more closely at what a ping between the two passes: counters more often, the firewalls' rules once.
    Why(Party, Party),
    /// Look as usual.
    StopWhy,
    /// Open the recording of two guests in another window.
    Demo,
    /// Open a capture in another window.
    Open(PathBuf),
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
