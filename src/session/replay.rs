//! A recording that plays: one thread reads and learns at the recording's own pace, the window looks at what it publishes.
//!
//! Nothing of the recording is kept but the latest packets: going back in time reads it again from the start, which gives the same
//! network, because the model is deterministic.

use super::{FRAME, PACKETS, Pace, Shared};
use crate::show::seed;
use crate::source::Source;
use anyhow::{Result, anyhow};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tapscope_capture::file::{Merged, Next};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Event, Network, Packets, Text, Timestamp, View};
use tapscope_gui::{Command, Playback, PlaybackState, Shown};

/// Octets of a recording's latest packets that are kept for looking into: about a million of usual ones.
const LOOKED_INTO: usize = 384 << 20;

/// What a recording shows first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Start {
    /// Itself, as it happened.
    Play,
    /// All of it.
    End,
    /// A moment of it; its first and last moment are known.
    At(Timestamp),
}

impl Start {
    /// Octets of packets that are kept. Beside what is watched its past has no more than that has.
    fn kept(self) -> usize {
        match self {
            Start::Play | Start::End => LOOKED_INTO,
            Start::At(_) => PACKETS,
        }
    }
}

/// The thread's side.
pub(super) struct Player {
    source: Source,
    title: String,
    start: Start,
    shared: Arc<Shared>,
    /// What is read at the moment; none at the end, or where it cannot be opened any more.
    files: Option<Merged>,
    /// The batch that the next frame is in, and its place there.
    batch: Batch,
    at: usize,
    /// An event that waits for its time.
    ahead: Option<Event>,
    network: Network,
    packets: Packets,
    view: Arc<View>,
    /// All of it; of a recording that is being read, what was read.
    whole: Arc<View>,
    playback: Playback,
    notice: Option<String>,
    /// When the position was right, by the wall clock.
    since: Instant,
    /// The last moment of which the recording tells.
    last: Timestamp,
    /// Whether anything came since the view was made.
    is_stale: bool,
    pace: Pace,
}

impl Player {
    /// Shows the first picture, of nothing yet.
    pub(super) fn new(source: Source, start: Start, shared: Arc<Shared>) -> Player {
        let mut player = Player {
            title: source.title(),
            source,
            start,
            shared,
            files: None,
            batch: Batch::default(),
            at: 0,
            ahead: None,
            network: Network::new(Limits::default(), seed()),
            packets: Packets::new(start.kept()),
            view: Arc::default(),
            whole: Arc::default(),
            playback: Playback {
                state: PlaybackState::Loading(None),
                speed: 1.0,
                position: Timestamp::default(),
                begin: Timestamp::default(),
                end: Timestamp::default(),
                is_past: false,
            },
            notice: None,
            since: Instant::now(),
            last: Timestamp::default(),
            is_stale: false,
            pace: Pace::new(),
        };
        player.publish();
        player
    }

    /// The past of something that is watched, up to what was shown of it last, at a moment in between.
    pub(super) fn past(source: Source, now: &Shown, moment: Timestamp, shared: Arc<Shared>) -> Player {
        let mut player = Player::new(source, Start::At(moment), shared);
        (player.title, player.whole) = (now.title.clone(), now.view.clone());
        (player.playback.begin, player.playback.end, player.playback.is_past) = (now.playback.begin, now.playback.end, true);
        player.last = now.playback.end;
        player.publish();
        player
    }

    /// Plays until the window is gone.
    pub(super) fn run(&mut self, commands: &Receiver<Command>) {
        match self.start {
            Start::At(moment) => {
                self.rewind();
                self.go_to(moment.clamp(self.playback.begin, self.playback.end));
                self.playback.state = PlaybackState::Paused;
            }
            Start::Play | Start::End => {
                if self.read_through().is_err() {
                    return;
                }
                if self.start == Start::Play {
                    self.obey(Command::Restart);
                }
            }
        }
        self.publish();
        loop {
            let wait = if self.playback.state == PlaybackState::Playing { FRAME } else { Duration::from_secs(3600) };
            match commands.recv_timeout(wait) {
                Ok(command) => self.obey_all(command, commands),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.playback.state == PlaybackState::Playing {
                self.advance();
            }
            self.publish_if_due();
        }
    }

    /// Obeys what waits. Of moments that are sought one after the other, as by dragging, only the last one counts.
    fn obey_all(&mut self, first: Command, commands: &Receiver<Command>) {
        let all: Vec<Command> = std::iter::once(first).chain(commands.try_iter()).collect();
        for (index, command) in all.iter().enumerate() {
            let is_outdone = matches!((command, all.get(index + 1)), (Command::Seek(_), Some(Command::Seek(_))));
            if !is_outdone {
                self.obey(command.clone());
            }
        }
    }

    /// Learns everything, and shows how far it is: a large recording is of use from the first second.
    fn read_through(&mut self) -> Result<()> {
        let mut files = self.source.open()?;
        let mut span: Option<(Timestamp, Timestamp)> = None;
        let mut cover = |at: Timestamp| span = Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        let mut batch = Batch::default();
        loop {
            match files.next(&mut batch) {
                Next::Frames => {
                    batch.frames().for_each(|frame| cover(frame.at));
                    self.network.observe_batch(&batch);
                    self.packets.push(Arc::new(std::mem::take(&mut batch)));
                }
                Next::Event(event) => {
                    event.at().into_iter().for_each(&mut cover);
                    self.network.observe(&event);
                }
                Next::End => break,
            }
            self.is_stale = true;
            if self.pace.is_due() {
                let (done, size) = files.progress();
                self.playback.state = PlaybackState::Loading(size.map(|size| done as f32 / size.max(1) as f32));
                let tables = self.network.current();
                (self.playback.begin, self.playback.end) = (tables.begin.unwrap_or_default(), tables.now.unwrap_or_default());
                self.playback.position = self.playback.end;
                self.publish();
                self.whole = self.view.clone();
                if Arc::strong_count(&self.shared) == 1 {
                    return Err(anyhow!("the window is closed"));
                }
            }
        }
        let reasons: Vec<String> = files
            .into_facts()
            .into_iter()
            .filter_map(|facts| facts.incomplete.map(|reason| format!("{}: {reason}", Text::path(&facts.path))))
            .collect();
        self.notice = (!reasons.is_empty()).then(|| reasons.join("; "));
        // A moment more, so that the last packets are seen to arrive.
        let (begin, end) = span.unwrap_or_default();
        (self.playback.begin, self.playback.end) = (begin, Timestamp(end.0.saturating_add(1_000_000_000)));
        self.last = end;
        self.network.tick(end);
        self.view = Arc::new(self.network.view());
        self.whole = self.view.clone();
        self.is_stale = false;
        self.playback.position = self.playback.end;
        self.playback.state = PlaybackState::Ended;
        Ok(())
    }

    fn obey(&mut self, command: Command) {
        let is_over = self.playback.state == PlaybackState::Ended;
        match command {
            Command::Play if is_over => self.obey(Command::Restart),
            Command::Play => {
                self.playback.state = PlaybackState::Playing;
                self.since = Instant::now();
            }
            Command::Pause => {
                self.advance();
                if self.playback.state == PlaybackState::Playing {
                    self.playback.state = PlaybackState::Paused;
                }
            }
            Command::Speed(speed) => {
                self.advance();
                self.playback.speed = speed;
            }
            Command::Seek(to) => {
                let to = to.clamp(self.playback.begin, self.playback.end);
                if to < self.playback.position {
                    self.rewind();
                }
                self.go_to(to);
                if is_over && to < self.playback.end {
                    self.playback.state = PlaybackState::Paused;
                }
            }
            Command::End => {
                self.go_to(self.playback.end);
                self.playback.state = PlaybackState::Ended;
            }
            // What was is over: nobody is there to be asked, or to be listened to.
            Command::Ask(_)
            | Command::StopAsking(_)
            | Command::Listen(_)
            | Command::StopListening(_)
            | Command::Record(_)
            | Command::StopRecording
            | Command::Why(..)
            | Command::StopWhy => {}
            // The session's own.
            Command::Export(_) | Command::Wireshark(_) | Command::Cancel(_) | Command::Demo | Command::Open(_) => {}
            Command::Now => {}
            Command::Restart => {
                self.rewind();
                self.playback.state = PlaybackState::Playing;
            }
        }
        self.publish();
    }

    /// Back to the first moment, with an empty network.
    fn rewind(&mut self) {
        self.network = Network::new(Limits::default(), seed());
        self.packets = Packets::new(self.start.kept());
        self.batch.clear();
        self.at = 0;
        self.ahead = None;
        match self.source.open() {
            Ok(files) => self.files = Some(files),
            Err(error) => {
                self.files = None;
                self.notice = Some(format!("{error:#}"));
            }
        }
        self.playback.position = self.playback.begin;
        self.since = Instant::now();
        self.is_stale = true;
    }

    /// On to where the wall clock says.
    fn advance(&mut self) {
        if self.playback.state != PlaybackState::Playing {
            return;
        }
        let passed = self.since.elapsed().as_nanos() as f64 * f64::from(self.playback.speed);
        let to = Timestamp(self.playback.position.0.saturating_add(passed as i64)).min(self.playback.end);
        self.go_to(to);
        if to == self.playback.end {
            self.playback.state = PlaybackState::Ended;
            self.publish();
        }
    }

    /// Learns everything up to a moment.
    fn go_to(&mut self, to: Timestamp) {
        let mut kept = Batch::default();
        loop {
            if let Some(event) = self.ahead.take_if(|event| event.at().is_none_or(|at| at <= to)) {
                self.network.observe(&event);
                self.is_stale = true;
            }
            if self.ahead.is_some() {
                break;
            }
            while let Some(frame) = self.batch.get(self.at) {
                if frame.at > to {
                    break;
                }
                self.network.observe_frame(&frame);
                kept.push(frame);
                if kept.is_full() {
                    self.packets.push(Arc::new(std::mem::take(&mut kept)));
                }
                self.at += 1;
                self.is_stale = true;
            }
            if self.at < self.batch.len() {
                break;
            }
            self.at = 0;
            let Some(files) = &mut self.files else { break };
            match files.next(&mut self.batch) {
                Next::Event(event) => self.ahead = Some(event),
                Next::Frames => self.publish_while_reading(),
                Next::End => self.files = None,
            }
        }
        self.packets.push(Arc::new(kept));
        // Time goes on also where nothing comes, as it did live: questions become unanswered ones.
        let seconds = |at: Timestamp| at.parts().0;
        self.is_stale |= seconds(to.min(self.last)) != seconds(self.playback.position.min(self.last));
        self.network.tick(to.min(self.last));
        self.playback.position = to;
        self.since = Instant::now();
    }

    /// A long way shows how far it is.
    fn publish_while_reading(&mut self) {
        if self.pace.published.elapsed() < Duration::from_millis(250) {
            return;
        }
        let Some((done, size)) = self.files.as_ref().map(Merged::progress) else { return };
        let before = self.playback.state;
        self.playback.state = PlaybackState::Loading(size.map(|size| done as f32 / size.max(1) as f32));
        self.publish();
        self.playback.state = before;
    }

    fn publish_if_due(&mut self) {
        if self.pace.is_due() {
            self.publish();
        }
    }

    fn publish(&mut self) {
        let began = Instant::now();
        if self.is_stale {
            self.view = Arc::new(self.network.view());
            self.is_stale = false;
        }
        self.shared.publish(Shown {
            whole: self.whole.clone(),
            view: self.view.clone(),
            packets: self.packets.clone(),
            playback: self.playback,
            title: self.title.clone(),
            notice: self.notice.clone(),
            // The session adds it.
            doing: tapscope_gui::session::Doing::default(),
        });
        self.pace.published(began);
    }
}
