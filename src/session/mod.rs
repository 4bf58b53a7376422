//! What feeds the window: one thread learns, and publishes pictures; the window looks at the latest, and sends commands.

mod live;
mod replay;

use crate::live::{Live, LiveArguments};
use crate::source::Source;
use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tapscope_capture::remote::Origin;
use tapscope_gui::{Command, Shown};

/// Octets of packets that are kept for looking into.
const PACKETS: usize = 64 << 20;
/// At most this often a new picture is published.
const FRAME: Duration = Duration::from_millis(33);
/// Making pictures takes at most this part of the time.
const SHARE: u32 = 8;
/// Commands that may wait; a window sends a few per second.
const COMMANDS: usize = 64;

/// What the thread and the window share.
#[derive(Default)]
struct Shared {
    shown: Mutex<Option<Arc<Shown>>>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Shared {
    fn publish(&self, shown: Shown) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(shown));
        if let Some(wake) = self.wake.get() {
            wake();
        }
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
        let shared = Arc::new(Shared::default());
        let mut player = replay::Player::new(source, shared.clone());
        Session::start(shared, move |commands| player.run(commands))
    }

    /// Starts to watch this host.
    ///
    /// # Errors
    /// Where it cannot be watched.
    pub fn live(arguments: &LiveArguments) -> Result<Session> {
        let shared = Arc::new(Shared::default());
        let mut watcher = live::Watcher::start(Live::start(arguments, None)?, "this host".to_owned(), shared.clone())?;
        Session::start(shared, move |commands| watcher.run(commands))
    }

    /// Starts to watch streams.
    ///
    /// # Errors
    /// Where one cannot be opened.
    pub fn stream(origins: &[Origin], title: String) -> Result<Session> {
        let shared = Arc::new(Shared::default());
        let mut watcher = live::Watcher::start(Live::stream(origins, None, None)?, title, shared.clone())?;
        Session::start(shared, move |commands| watcher.run(commands))
    }

    fn start(shared: Arc<Shared>, run: impl FnOnce(&Receiver<Command>) + Send + 'static) -> Result<Session> {
        let (commands, received) = bounded(COMMANDS);
        std::thread::Builder::new().name("model".into()).spawn(move || {
            // A model that died would leave a window that lies: the program ends with the thread's name.
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&received))).is_err() {
                eprintln!("tapscope: the thread `model` panicked");
                std::process::exit(101);
            }
        })?;
        Ok(Session { shared, commands })
    }
}

impl tapscope_gui::Session for Session {
    fn shown(&self) -> Arc<Shown> {
        let shown = self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.clone().expect("a picture is published before the session is handed out")
    }

    fn send(&self, command: Command) {
        let _ = self.commands.try_send(command);
    }

    fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>) {
        let _ = self.shared.wake.set(wake);
    }
}
