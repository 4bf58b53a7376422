//! What feeds the window: one thread learns, and publishes pictures; the window looks at the latest, and sends commands.

mod history;
mod jobs;
mod live;
mod replay;
mod write;

use crate::live::{Live, LiveArguments};
use crate::source::Source;
use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded};
use history::History;
use jobs::Jobs;
use replay::{Player, Start};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use tapscope_capture::remote::Origin;
use tapscope_graph::Timestamp;
use tapscope_gui::session::Doing;
use tapscope_gui::{Command, Shown};
use write::Origin as From;

/// Octets of packets that are kept for looking into.
const PACKETS: usize = 64 << 20;
/// At most this often a new picture is published.
const FRAME: Duration = Duration::from_millis(33);
/// Making pictures takes at most this part of the time.
const SHARE: u32 = 8;
/// How long the end of a recording may take when the window closes.
const PATIENCE: Duration = Duration::from_secs(5);
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
    /// Where frames that are written come from.
    from: From,
    jobs: Arc<Jobs>,
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
        let (from, jobs) = (From::Recording(source.clone()), Jobs::new(&wake));
        let mut player = Player::new(source, start, shared.clone());
        Ok(Session::of(Feed::start(shared, move |commands| player.run(commands))?, None, from, jobs, wake))
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
        let (from, jobs) = (From::Living(live.door()), Jobs::new(&wake));
        let past = history.as_ref().map_or_else(Weak::new, Arc::downgrade);
        let scene = live::Scene { title: "this host".to_owned(), arguments: arguments.clone(), jobs: jobs.clone() };
        let mut watcher = live::Watcher::start(live, past, scene, shared.clone())?;
        Ok(Session::of(Feed::start(shared, move |commands| watcher.run(commands))?, history, from, jobs, wake))
    }

    /// Starts to watch streams.
    ///
    /// # Errors
    /// Where one cannot be opened.
    pub fn stream(origins: &[Origin], title: String) -> Result<Session> {
        let wake = Arc::new(Wake::default());
        let shared = Shared::new(&wake);
        let arguments = LiveArguments::default();
        let live = Live::stream(origins, &arguments, None)?;
        let (from, jobs) = (From::Living(live.door()), Jobs::new(&wake));
        let scene = live::Scene { title, arguments, jobs: jobs.clone() };
        let mut watcher = live::Watcher::start(live, Weak::new(), scene, shared.clone())?;
        Ok(Session::of(Feed::start(shared, move |commands| watcher.run(commands))?, None, from, jobs, wake))
    }

    fn of(feed: Feed, history: Option<Arc<History>>, from: From, jobs: Arc<Jobs>, wake: Arc<Wake>) -> Session {
        Session { feed, history, past: Mutex::new(None), from, jobs, wake }
    }

    fn current(&self) -> Arc<Shown> {
        self.past().as_ref().unwrap_or(&self.feed).shown()
    }

    fn past(&self) -> MutexGuard<'_, Option<Feed>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a moment of what was watched.
    fn go_back(&self, history: &History, moment: Timestamp) {
        let files = history.files().into_iter().map(Origin::File).collect();
        let now = self.feed.shown();
        let shared = Shared::new(&self.wake);
        let mut player = Player::past(Source::Files(files), &now, moment, shared.clone());
        // Without a thread the picture stays what it is.
        if let Ok(feed) = Feed::start(shared, move |commands| player.run(commands)) {
            *self.past() = Some(feed);
        }
    }
}

fn concerns_what_is_watched(command: &Command) -> bool {
    matches!(
        command,
        Command::Record(_)
            | Command::StopRecording
            | Command::Listen(_)
            | Command::StopListening(_)
            | Command::Ask(_)
            | Command::StopAsking(_)
            | Command::Why(..)
            | Command::StopWhy
    )
}

impl Drop for Session {
    /// A recording ends well before the program does.
    fn drop(&mut self) {
        if self.jobs.doing().recording.is_none() {
            return;
        }
        let _ = self.feed.commands.send_timeout(Command::StopRecording, PATIENCE);
        let deadline = Instant::now() + PATIENCE;
        while self.jobs.doing().recording.is_some() && Instant::now() < deadline {
            std::thread::sleep(FRAME);
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
        let (shown, doing) = (self.current(), self.jobs.doing());
        if doing == Doing::default() { shown } else { Arc::new(Shown { doing, ..(*shown).clone() }) }
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
            (_, Command::Export(what)) => self.from.export(&self.jobs, what, self.current()),
            (_, Command::Wireshark(chosen)) => self.from.wireshark(&self.jobs, chosen, self.current()),
            (_, Command::Cancel(job)) => self.jobs.cancel(job),
            (_, Command::Demo) => write::open(&self.jobs, "Open the demo", &["demo".as_ref()]),
            (_, Command::Open(path)) => write::open(&self.jobs, "Open a capture", &["--".as_ref(), path.as_os_str()]),
            // What is watched goes on being watched while its past is looked at.
            (_, command) if concerns_what_is_watched(&command) => drop(self.feed.commands.try_send(command)),
            (_, command) => {
                let _ = self.past().as_ref().unwrap_or(&self.feed).commands.try_send(command);
            }
        }
    }

    fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>) {
        let _ = self.wake.0.set(wake);
    }
}
