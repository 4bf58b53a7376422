//! The living host in the window: the picture is of now, until the user lets it stand.

use super::history::History;
use super::{PACKETS, Pace, Shared};
use crate::live::Live;
use anyhow::Result;
use crossbeam_channel::{Receiver, TryRecvError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tapscope_graph::{Packets, Timestamp, View};
use tapscope_gui::{Command, Playback, PlaybackState, Shown};

/// Time goes on in the picture also when nothing comes: rates fall to zero, questions become unanswered ones.
const TICK: Duration = Duration::from_secs(1);
/// How long the first picture waits for the points to be open, so that it does not change at once.
const FIRST: Duration = Duration::from_millis(700);

/// The thread's side.
pub(super) struct Watcher {
    live: Live,
    /// What is kept of the past. It goes when the window does; none of a stream, which may be recorded where it comes from.
    history: Weak<History>,
    title: String,
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
    pub(super) fn start(mut live: Live, history: Weak<History>, title: String, shared: Arc<Shared>) -> Result<Watcher> {
        live.settle(Instant::now() + FIRST)?;
        let mut watcher = Watcher {
            begin: live.now(),
            live,
            history,
            title,
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
        let mut ticked = Instant::now();
        loop {
            match commands.try_recv() {
                Ok(command) => self.obey(command),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
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
            }
            if self.is_stale && self.state == PlaybackState::Live && self.pace.is_due() {
                self.publish(None);
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Pause => self.state = PlaybackState::Paused,
            Command::Play | Command::End | Command::Now => self.state = PlaybackState::Live,
            // What was is another player's.
            Command::Speed(_) | Command::Seek(_) | Command::Restart => {}
            Command::Ask(_) => {}
        }
        self.publish(None);
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
            view: self.view.clone(),
            packets: self.packets.clone(),
            playback: Playback { state: self.state, speed: 1.0, position: end, begin: self.begin.min(end), end, is_past: false },
            title: self.title.clone(),
            notice: (!notices.is_empty()).then(|| notices.join("\n")),
        });
        self.pace.published(began);
    }
}
