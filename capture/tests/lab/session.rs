//! Live capture, and all that comes of it.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tapscope_capture::interface::{Live, Outlets, Refused, Role, Settings, Target};
use tapscope_graph::host::DeviceId;
use tapscope_graph::{Batch, Direction, Event, LossCause, Timestamp};

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn target(name: &str, role: Role) -> Target {
    Target {
        key: name.to_owned(),
        device: DeviceId::default(),
        name: name.to_owned(),
        netns: None,
        description: None,
        role,
        promiscuous: false,
        cable: None,
    }
}

/// A frame that was seen.
pub struct Seen {
    pub at: Timestamp,
    pub point: u32,
    pub direction: Direction,
    pub bytes: Vec<u8>,
}

/// Live capture, and all that came of it.
pub struct Session {
    pub live: Live,
    pub events: Receiver<Event>,
    pub spent: Sender<Batch>,
    pub refused: Receiver<Refused>,
    pub told: Vec<Event>,
    pub seen: Vec<Seen>,
    pub names: Vec<String>,
}

impl Session {
    pub fn start(settings: Settings, room: usize) -> Session {
        let (to_events, events) = bounded(room);
        let (spent, spent_out) = bounded(room + 1);
        let (to_refused, refused) = bounded(64);
        let live = Live::start(settings, Outlets { events: to_events, spent: spent_out, refused: to_refused }).expect("live capture");
        Session { live, events, spent, refused, told: Vec::new(), seen: Vec::new(), names: Vec::new() }
    }

    pub fn listening(settings: Settings, targets: Vec<Target>) -> Session {
        let count = targets.len();
        let mut session = Session::start(settings, 1024);
        session.live.listen(targets);
        session.until("all points are open", |session| session.names.len() == count);
        session
    }

    /// Takes what comes until a condition holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Session) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let event = self.events.recv_deadline(deadline);
            let Ok(event) = event else {
                panic!(
                    "waited in vain until {what}; told {:?}, {} frames, refused {:?}",
                    self.told,
                    self.seen.len(),
                    self.refused.try_iter().map(|refused| refused.reason.to_string()).collect::<Vec<_>>()
                )
            };
            self.take(event);
        }
    }

    pub fn take(&mut self, event: Event) {
        match event {
            Event::Frames(batch) => {
                for frame in batch.frames() {
                    let point = frame.point.0;
                    assert!((point as usize) < self.names.len(), "a frame came before its point was opened");
                    self.seen.push(Seen { at: frame.at, point, direction: frame.direction, bytes: frame.bytes.to_vec() });
                }
                let _ = self.spent.try_send(batch);
            }
            other => {
                if let Event::Opened(info) = &other {
                    self.names.push(info.name.clone().expect("an interface has a name"));
                }
                self.told.push(other);
            }
        }
    }

    /// How often each point saw frames of a kind, in which direction: `h0 in 2`.
    pub fn counts(&self, of: impl Fn(&[u8]) -> bool) -> String {
        let mut counts = BTreeMap::<String, u32>::new();
        for seen in self.seen.iter().filter(|seen| of(&seen.bytes)) {
            let way = match seen.direction {
                Direction::Inbound => "in",
                Direction::Outbound => "out",
                Direction::Unknown => "?",
            };
            *counts.entry(format!("{} {way}", self.names[seen.point as usize])).or_default() += 1;
        }
        counts.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
    }

    pub fn lost(&self, cause: LossCause) -> u64 {
        let frames = |event: &Event| match event {
            Event::Lost { frames, cause: of, .. } if *of == cause => *frames,
            _ => 0,
        };
        self.told.iter().map(frames).sum()
    }
}
