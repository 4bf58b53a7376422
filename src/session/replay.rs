//! A recording that plays: one thread reads and learns at the recording's own pace, the window looks at what it publishes.
//!
//! Nothing of the recording is kept but the latest packets: going back in time reads it again from the start, which gives the same
//! network, because the model is deterministic.

use super::{FRAME, PACKETS, Pace, Shared};
use crate::show::seed;
use crate::source::Source;
use anyhow::{Result, anyhow};
use crossbeam_channel::{Receiver, RecvTimeoutError, never};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tapscope_capture::file::{Merged, Next};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Event, Network, Packets, Text, Timestamp, View};
use tapscope_gui::session::Progress;
use tapscope_gui::{Command, Playback, PlaybackState, Shown};

/// Octets of a recording's latest packets that are kept for looking into: about a million of usual ones.
const LOOKED_INTO: usize = 384 << 20;

/// How long a way to a moment may take before another wish calls it off.
const PATIENCE: Duration = Duration::from_millis(200);

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
    commands: Receiver<Command>,
    /// What was asked for while something was read.
    waiting: Vec<Command>,
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
                state: PlaybackState::Loading(Progress::default()),
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
            commands: never(),
            waiting: Vec::new(),
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
        self.commands = commands.clone();
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
                if self.start == Start::Play && self.waiting.is_empty() {
                    self.obey(Command::Restart);
                }
            }
        }
        self.publish();
        loop {
            self.hear();
            for command in std::mem::take(&mut self.waiting) {
                self.obey(command);
            }
            if self.playback.state == PlaybackState::Playing {
                self.advance();
            }
            self.publish_if_due();
            let wait = match self.playback.state {
                _ if !self.waiting.is_empty() => Duration::ZERO,
                PlaybackState::Playing => FRAME,
                _ => Duration::from_secs(3600),
            };
            match self.commands.recv_timeout(wait) {
                Ok(command) => self.keep(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Takes what was asked for.
    fn hear(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            self.keep(command);
        }
    }

    /// Of what is asked for time and again only the last counts, as of a moment that is dragged to: so little waits, whatever is asked.
    fn keep(&mut self, command: Command) {
        self.waiting.retain(|known| std::mem::discriminant(known) != std::mem::discriminant(&command));
        self.waiting.push(command);
    }

    /// Whether something was asked for that makes the rest of a long way needless.
    fn is_called_off(&mut self) -> bool {
        self.hear();
        let is_elsewhere =
            |command: &Command| matches!(command, Command::Seek(_) | Command::Restart | Command::End | Command::StopReading | Command::Now);
        self.waiting.iter().any(is_elsewhere)
    }

    /// Learns everything, and shows how far it is: a large recording is of use from the first second.
    fn read_through(&mut self) -> Result<()> {
        let mut files = self.source.open()?;
        let mut span: Option<(Timestamp, Timestamp)> = None;
        let mut cover = |at: Timestamp| span = Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        let mut batch = Batch::default();
        let mut is_cut = false;
        while !is_cut {
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
            self.hear();
            // Of nothing there is nothing to show.
            is_cut = self.waiting.contains(&Command::StopReading) && self.network.current().now.is_some();
            if self.pace.is_due() {
                self.playback.state = PlaybackState::Loading(progress(&files));
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
        let cut = is_cut.then(|| cut_short(progress(&files)));
        let reasons: Vec<String> = files
            .into_facts()
            .into_iter()
            .filter_map(|facts| facts.incomplete.map(|reason| format!("{}: {reason}", Text::path(&facts.path))))
            .chain(cut)
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
                if is_over && self.playback.position < self.playback.end {
                    self.playback.state = PlaybackState::Paused;
                }
            }
            Command::End => {
                self.go_to(self.playback.end);
                let is_there = self.playback.position == self.playback.end;
                self.playback.state = if is_there { PlaybackState::Ended } else { PlaybackState::Paused };
            }
            // What was under way is over by now.
            Command::StopReading => {
                if !is_over {
                    self.playback.state = PlaybackState::Paused;
                }
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

    /// Learns everything up to a moment; or up to an earlier one, where something else is asked for on the way.
    fn go_to(&mut self, mut to: Timestamp) {
        let (began, mut kept) = (Instant::now(), Batch::default());
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
                Next::Frames => {
                    // A short way is gone to its end: so the picture follows while a moment is dragged.
                    if began.elapsed() > PATIENCE && self.is_called_off() {
                        to = self.network.current().now.unwrap_or(self.playback.begin).clamp(self.playback.begin, to);
                        break;
                    }
                    self.publish_while_reading();
                }
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
        let Some(progress) = self.files.as_ref().map(progress) else { return };
        let before = self.playback.state;
        self.playback.state = PlaybackState::Loading(progress);
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

fn progress(files: &Merged) -> Progress {
    let (done, size) = files.progress();
    Progress { done, size }
}

/// What the user should know of a recording of which a part was read.
fn cut_short(Progress { done, size }: Progress) -> String {
    let all = size.map_or_else(String::new, |size| format!(" of {size}"));
    format!("reading was stopped after {done}{all} octets, and what follows is not shown: open the recording again to read all of it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Wake;
    use crossbeam_channel::unbounded;
    use std::path::Path;
    use tapscope_capture::record::{Section, Writer};
    use tapscope_capture::remote::Origin;
    use tapscope_graph::{Direction, Frame, PointId, PointInfo};

    const SECONDS: i64 = 200;

    /// A recording of 1,000 frames a second, which is many batches.
    fn recording(name: &str) -> Source {
        let path = std::env::temp_dir().join(format!("tapscope-{}-{name}.pcapng", std::process::id()));
        let file = std::fs::File::create(&path).expect("a temporary file");
        let mut writer = Writer::new(std::io::BufWriter::new(file), Section::default());
        writer.write(&Event::Opened(PointInfo::default())).expect("room on the disk");
        for second in 1..=SECONDS {
            let mut batch = Batch::default();
            for number in 0..1_000 {
                let (at, point) = (Timestamp(second * 1_000_000_000 + number), PointId(0));
                batch.push(Frame { at, point, direction: Direction::Unknown, original_length: 60, bytes: &[0; 60] });
            }
            writer.write(&Event::Frames(batch)).expect("room on the disk");
        }
        writer.finish().expect("room on the disk");
        Source::Files(vec![Origin::File(path)])
    }

    /// A player that has heard this already, before anything is read; and what it shows at the end, once nobody asks for more.
    fn played(name: &str, commands: &[Command]) -> Arc<Shown> {
        let source = recording(name);
        let shared = Shared::new(&Arc::new(Wake::default()));
        let (sender, receiver) = unbounded();
        commands.iter().for_each(|command| sender.send(command.clone()).expect("it is heard"));
        drop(sender);
        let mut player = Player::new(source.clone(), Start::End, shared.clone());
        player.run(&receiver);
        if let Source::Files(files) = source {
            files.iter().for_each(|origin| {
                if let Origin::File(path) = origin {
                    drop(std::fs::remove_file::<&Path>(path.as_ref()))
                }
            });
        }
        shared.shown.lock().expect("nobody panicked").clone().expect("something was shown")
    }

    #[test]
    fn what_is_asked_for_while_a_recording_is_read_is_done_when_it_is_read() {
        let shown = played("asked", &[Command::Seek(Timestamp(7)), Command::Seek(Timestamp(50_000_000_000))]);
        assert_eq!(shown.playback.position, Timestamp(50_000_000_000));
        assert_eq!(shown.playback.state, PlaybackState::Paused);
        assert_eq!(shown.view.tables.now, Some(Timestamp(50_000_000_000)));
    }

    #[test]
    fn reading_that_is_stopped_leaves_what_was_read_and_says_so() {
        let shown = played("stopped", &[Command::StopReading]);
        assert!(shown.playback.end < Timestamp(SECONDS * 1_000_000_000), "{:?}", shown.playback);
        assert!(shown.playback.begin >= Timestamp(1_000_000_000));
        let notice = shown.notice.clone().unwrap_or_default();
        assert!(notice.starts_with("reading was stopped after "), "{notice}");
        assert!(notice.contains("open the recording again"), "{notice}");
    }

    #[test]
    fn of_a_flood_of_wishes_one_of_each_kind_waits() {
        let mut player = Player::new(Source::Demo, Start::End, Shared::new(&Arc::new(Wake::default())));
        for moment in 0..10_000 {
            player.keep(Command::Seek(Timestamp(moment)));
            player.keep(Command::Speed(moment as f32));
        }
        assert_eq!(player.waiting, [Command::Seek(Timestamp(9_999)), Command::Speed(9_999.0)]);
    }
}
