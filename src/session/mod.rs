//! What feeds the window: one thread learns, and publishes pictures; the window looks at the latest, and sends commands.

mod history;
mod live;
mod replay;

use crate::live::{Live, LiveArguments};
use crate::source::Source;
use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded};
use history::History;
use replay::{Player, Start};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use tapscope_capture::remote::Origin;
use tapscope_graph::Timestamp;
use tapscope_gui::{Command, Shown};

/// Octets of packets that are kept for looking into.
const PACKETS: usize = 64 << 20;
/// At most this often a new picture is published.
const FRAME: Duration = Duration::from_millis(33);
/// Making pictures takes at most this part of the time.
const SHARE: u32 = 8;
/// Commands that may wait; a window sends a few per second.
const COMMANDS: usize = 64;

/// Tells the window that there is something new to see.
#[derive(Default)]
struct Wake(OnceLock<Box<dyn Fn() + Send + Sync>>);

impl Wake {
    fn wake(&self) {
        if let Some(wake) = self.0.get() {
            wake();
        }
    }
}

/// What the thread and the window share.
struct Shared {
    shown: Mutex<Option<Arc<Shown>>>,
    wake: Arc<Wake>,
}

impl Shared {
    fn new(wake: &Arc<Wake>) -> Arc<Shared> {
        Arc::new(Shared { shown: Mutex::new(None), wake: wake.clone() })
    }

    fn publish(&self, shown: Shown) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(shown));
        self.wake.wake();
    }
}

/// When a picture is due: often enough to look alive, and seldom enough to leave time for the rest.
struct Pace {
    published: Instant,
    cost: Duration,
}

impl Pace {
    fn new() -> Pace {
        Pace { published: Instant::now(), cost: Duration::ZERO }
    }

    fn is_due(&self) -> bool {
        self.published.elapsed() >= self.interval()
    }

    fn interval(&self) -> Duration {
        FRAME.max(self.cost * SHARE)
    }

    /// A picture was made, which began at a moment.
    fn published(&mut self, began: Instant) {
        self.cost = began.elapsed();
        self.published = Instant::now();
    }
}

/// The window's side.
pub struct Session {
    /// What is watched or played.
    feed: Feed,
    /// What is kept of what was watched.
    history: Option<Arc<History>>,
    /// The past that is looked at, if it is.
    past: Mutex<Option<Feed>>,
    wake: Arc<Wake>,
}

/// A thread that learns, and the way to it.
struct Feed {
    shared: Arc<Shared>,
    commands: Sender<Command>,
}

impl Session {
    /// Starts to play a recording.
    ///
    /// # Errors
    /// Where the source cannot be opened.
    pub fn replay(source: Source) -> Result<Session> {
        source.open()?;
        let start = if matches!(source, Source::Demo) { Start::Play } else { Start::End };
        let wake = Arc::new(Wake::default());
        let shared = Shared::new(&wake);
        let mut player = Player::new(source, start, shared.clone());
        Session::of(Feed::start(shared, move |commands| player.run(commands))?, None, wake)
    }

    /// Starts to watch this host.
    ///
    /// # Errors
    /// Where it cannot be watched.
    pub fn live(arguments: &LiveArguments) -> Result<Session> {
        let wake = Arc::new(Wake::default());
        let shared = Shared::new(&wake);
        // Without a place for the past there is still a present.
        let history = History::begin(arguments).map_err(|error| eprintln!("tapscope: the past is not kept: {error:#}")).ok().map(Arc::new);
        let live = Live::start(arguments, history.as_ref().and_then(|history| history.listener()))?;
        let mut watcher =
            live::Watcher::start(live, history.as_ref().map_or_else(Weak::new, Arc::downgrade), "this host".to_owned(), shared.clone())?;
        Session::of(Feed::start(shared, move |commands| watcher.run(commands))?, history, wake)
    }

    /// Starts to watch streams.
    ///
    /// # Errors
    /// Where one cannot be opened.
    pub fn stream(origins: &[Origin], title: String) -> Result<Session> {
        let wake = Arc::new(Wake::default());
        let shared = Shared::new(&wake);
        let mut watcher =
            live::Watcher::start(Live::stream(origins, &LiveArguments::default(), None)?, Weak::new(), title, shared.clone())?;
        Session::of(Feed::start(shared, move |commands| watcher.run(commands))?, None, wake)
    }

    fn of(feed: Feed, history: Option<Arc<History>>, wake: Arc<Wake>) -> Result<Session> {
        Ok(Session { feed, history, past: Mutex::new(None), wake })
    }

    fn past(&self) -> MutexGuard<'_, Option<Feed>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a moment of what was watched.
    fn go_back(&self, history: &History, moment: Timestamp) {
        let files = history.files().into_iter().map(Origin::File).collect();
        let now = self.feed.shown();
        let shared = Shared::new(&self.wake);
        let whole = (now.playback.begin, now.playback.end);
        let mut player = Player::past(Source::Files(files), now.title.clone(), whole, moment, shared.clone());
        // Without a thread the picture stays what it is.
        if let Ok(feed) = Feed::start(shared, move |commands| player.run(commands)) {
            *self.past() = Some(feed);
        }
    }
}

impl Feed {
    fn start(shared: Arc<Shared>, run: impl FnOnce(&Receiver<Command>) + Send + 'static) -> Result<Feed> {
        let (commands, received) = bounded(COMMANDS);
        std::thread::Builder::new().name("model".into()).spawn(move || {
            // A model that died would leave a window that lies: the program ends with the thread's name.
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&received))).is_err() {
                eprintln!("tapscope: the thread `model` panicked");
                std::process::exit(101);
            }
        })?;
        Ok(Feed { shared, commands })
    }

    fn shown(&self) -> Arc<Shown> {
        let shown = self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.clone().expect("a picture is published before the session is handed out")
    }
}

impl tapscope_gui::Session for Session {
    fn shown(&self) -> Arc<Shown> {
        self.past().as_ref().unwrap_or(&self.feed).shown()
    }

    fn send(&self, command: Command) {
        let is_back = self.past().is_some();
        match (&self.history, command) {
            (_, Command::Now) if is_back => {
                *self.past() = None;
                let _ = self.feed.commands.try_send(Command::Now);
                self.wake.wake();
            }
            (Some(history), Command::Seek(moment)) if !is_back => self.go_back(history, moment),
            (_, command) => {
                let _ = self.past().as_ref().unwrap_or(&self.feed).commands.try_send(command);
            }
        }
    }

    fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>) {
        let _ = self.wake.0.set(wake);
    }
}
