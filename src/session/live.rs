//! The living host in the window: the picture is of now, until the user lets it stand.

use super::history::History;
use super::jobs::Jobs;
use super::{PACKETS, Pace, Shared};
use crate::live::{Live, LiveArguments};
use crate::record::Recording;
use anyhow::{Context, Result, bail};
use crossbeam_channel::{Receiver, TryRecvError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tapscope_capture::record::End;
use tapscope_graph::diagnose::{Question, inquiries};
use tapscope_graph::{Packets, Text, Timestamp, View};
use tapscope_gui::session;
use tapscope_gui::{Command, Playback, PlaybackState, Shown};

/// Time goes on in the picture also when nothing comes: rates fall to zero, questions become unanswered ones.
const TICK: Duration = Duration::from_secs(1);
/// How long the first picture waits for the points to be open, so that it does not change at once.
const FIRST: Duration = Duration::from_millis(700);

/// How soon the window hears how a recording stands.
const TOLD: Duration = Duration::from_millis(200);
/// How often counters are read while somebody asks why, and usually.
const CLOSELY: Duration = Duration::from_millis(250);
const USUALLY: Duration = Duration::from_secs(1);

/// What is watched, and how.
pub(super) struct Scene {
    pub title: String,
    pub arguments: LiveArguments,
    pub jobs: Arc<Jobs>,
}

/// The thread's side.
pub(super) struct Watcher {
    live: Live,
    /// What is kept of the past. It goes when the window does; none of a stream, which may be recorded where it comes from.
    history: Weak<History>,
    scene: Scene,
    recording: Option<(Recording, PathBuf)>,
    /// What the window wants to know the reason of.
    question: Option<Question>,
    shared: Arc<Shared>,
    packets: Packets,
    view: Arc<View>,
    begin: Timestamp,
    state: PlaybackState,
    is_stale: bool,
    pace: Pace,
}

impl Watcher {
    /// Starts to watch; the first picture is there when this returns.
    pub(super) fn start(mut live: Live, history: Weak<History>, scene: Scene, shared: Arc<Shared>) -> Result<Watcher> {
        live.settle(Instant::now() + FIRST)?;
        let mut watcher = Watcher {
            begin: live.now(),
            live,
            history,
            scene,
            recording: None,
            question: None,
            shared,
            packets: Packets::new(PACKETS),
            view: Arc::default(),
            state: PlaybackState::Live,
            is_stale: true,
            pace: Pace::new(),
        };
        watcher.publish(None);
        Ok(watcher)
    }

    /// Watches until the window is gone.
    pub(super) fn run(&mut self, commands: &Receiver<Command>) {
        let (mut ticked, mut told) = (Instant::now(), Instant::now());
        loop {
            match commands.try_recv() {
                Ok(command) => self.obey(command),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
            if told.elapsed() >= TOLD {
                told = Instant::now();
                self.tell_recording();
            }
            let packets = &mut self.packets;
            let taken = self.live.take(Instant::now() + self.pace.interval(), |batch| {
                packets.push(Arc::new(batch));
                None
            });
            match taken {
                Ok(anything) => self.is_stale |= anything,
                Err(error) => {
                    self.state = PlaybackState::Ended;
                    self.publish(Some(format!("{error:#}")));
                    return;
                }
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                self.is_stale = true;
                self.inquire();
            }
            if self.is_stale && self.state == PlaybackState::Live && self.pace.is_due() {
                self.publish(None);
            }
        }
    }

    fn obey(&mut self, command: Command) {
        let mut problem = None;
        match command {
            Command::Pause => self.state = PlaybackState::Paused,
            Command::Play | Command::End | Command::Now => self.state = PlaybackState::Live,
            // What was is another player's.
            Command::Speed(_) | Command::Seek(_) | Command::Restart | Command::StopReading => {}
            Command::Ask(cable) => problem = self.live.ask(&cable).err().map(|error| format!("{error:#}")),
            Command::StopAsking(cable) => self.live.stop_asking(&cable),
            Command::Listen(device) => self.live.decide(device, true),
            Command::StopListening(device) => self.live.decide(device, false),
            Command::Record(path) => {
                if let Err(error) = self.record(path) {
                    self.scene.jobs.say("Record", Err(error));
                }
            }
            Command::StopRecording => self.stop_recording(),
            Command::Why(from, to) => {
                self.question = Some(Question::new(from, to));
                self.live.count_every(CLOSELY);
                // That rules cannot be read is a fact of the host, which the answer tells.
                self.live.ask_for_firewall();
            }
            Command::StopWhy => {
                self.question = None;
                self.live.count_every(USUALLY);
            }
            // The session's own.
            Command::Export(_) | Command::Wireshark(_) | Command::Cancel(_) | Command::Demo | Command::Open(_) => {}
        }
        self.publish(problem);
    }

    /// Asks the kernel about the packets of the question: what it would do with them changes when somebody mends something.
    fn inquire(&self) {
        if let Some(question) = &self.question {
            self.live.ask_for_lookups(inquiries(&self.view, question));
        }
    }

    fn record(&mut self, path: PathBuf) -> Result<()> {
        if self.recording.is_some() {
            bail!("something is recorded already: stop that first");
        }
        let Some(door) = self.live.door() else { bail!("nothing comes here that could be recorded") };
        let recording = Recording::beside(&path, &self.scene.arguments).with_context(|| format!("cannot record to {}", named(&path)))?;
        door.listen(recording.listener());
        self.recording = Some((recording, path));
        self.tell_recording();
        Ok(())
    }

    /// Says how the recording stands; one that ended by itself is over.
    fn tell_recording(&mut self) {
        let Some((recording, path)) = &mut self.recording else { return };
        recording.learn_names(self.live.network.tables());
        let status = recording.status();
        if status.end.is_some() {
            self.finish_recording();
            return;
        }
        self.scene.jobs.record(Some(session::Recording {
            path: named(path).to_string(),
            packets: status.packets,
            octets: status.octets,
            dropped: status.dropped,
        }));
    }

    /// Ends it with all that came up to now.
    fn stop_recording(&mut self) {
        let Some((recording, _)) = &mut self.recording else { return };
        let at = self.live.now();
        recording.end_at(at);
        // A host that is gone has nothing more to say.
        let _ = self.live.tell_time(at);
        recording.learn_names(self.live.network.tables());
        self.finish_recording();
    }

    fn finish_recording(&mut self) {
        let Some((recording, path)) = self.recording.take() else { return };
        let status = recording.finish();
        let name = named(&path);
        let result = match &status.end {
            Some(End::Failed(error)) => Err(anyhow::anyhow!("{error} (what came before it is in {name})")),
            Some(End::Asked | End::Limit) | None if status.dropped > 0 => {
                Err(anyhow::anyhow!("{} packets are in {name}, {} are not: the disk was too slow for them", status.packets, status.dropped))
            }
            Some(End::Asked | End::Limit) | None => Ok(format!("{} packets in {name}", status.packets)),
        };
        self.scene.jobs.say("Record", result);
        self.scene.jobs.record(None);
    }

    fn publish(&mut self, problem: Option<String>) {
        let began = Instant::now();
        if self.is_stale && self.state != PlaybackState::Paused {
            self.live.network.tick(self.live.now());
            self.view = Arc::new(self.live.network.view());
            self.is_stale = false;
        }
        let notices: Vec<String> =
            problem.into_iter().chain(self.live.notices()).chain(self.history.upgrade().and_then(|history| history.problem())).collect();
        let end = self.view.tables.now.unwrap_or(self.begin);
        if self.begin == Timestamp::default() {
            // A stream had not said yet what time it is there.
            self.begin = end;
        }
        self.shared.publish(Shown {
            whole: self.view.clone(),
            view: self.view.clone(),
            packets: self.packets.clone(),
            playback: Playback { state: self.state, speed: 1.0, position: end, begin: self.begin.min(end), end, is_past: false },
            title: self.scene.title.clone(),
            notice: (!notices.is_empty()).then(|| notices.join("\n")),
            // The session adds it.
            doing: session::Doing::default(),
        });
        self.pace.published(began);
    }
}

fn named(path: &Path) -> Text {
    Text::path(&path.to_string_lossy())
}
