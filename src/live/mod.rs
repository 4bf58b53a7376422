//! The living host: one thread reads what the host says, some read what the wire says, and whoever owns [`Live`] learns from both, in one order.

mod arguments;
pub mod ask;
pub mod between;
mod drops;
pub mod list;
pub mod order;
pub mod own;
pub mod scope;
pub mod show;
mod stock;
mod stream;
pub mod watch;

pub use arguments::{Format, LiveArguments, followed};

use anyhow::{Context, Result, bail};
use ask::Asking;
use between::Between;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use drops::Drops;
use order::{Door, Listener, Order, Overload};
use scope::{Places, Scope};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use stock::{Ask, take_stock};
use stream::Streams;
pub use tapscope_capture::clock::now;
use tapscope_capture::interface::{self, Outlets, Refused, Role, Settings, StartError, Target};
use tapscope_capture::inventory;
use tapscope_capture::remote::Origin;
use tapscope_graph::display_filter::DisplayFilter;
#[cfg(feature = "window")]
use tapscope_graph::host::DeviceId;
use tapscope_graph::host::{HostChange, HostFact, HostKey, Unreadable};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Event, Network, PointId, Text, Timestamp};

/// Events that may wait for the model: 64 MiB of full batches at the most.
const QUEUE: usize = 1024;
/// Empty batches on their way back to who captures.
const SPENT: usize = 1024;
/// How long a model that is behind may take to hear what time it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the programs that list rules may take all together.
const RULES: Duration = Duration::from_secs(15);

/// The host, being watched.
pub struct Live {
    /// The model.
    pub network: Network,
    events: Receiver<Event>,
    spent: Sender<Batch>,
    refusals: Receiver<Refused>,
    /// Points that could not be opened, by name, with the reason.
    refused: BTreeMap<String, Refused>,
    /// None where we may not capture; then `blind` says why.
    capture: Option<interface::Live>,
    blind: Option<String>,
    /// None where the user does not want guests to be asked.
    asking: Option<Asking>,
    /// None where the user does not want tapscope to stand in cables.
    between: Option<Between>,
    /// None where the user does not want the kernel to be asked why it drops packets.
    drops: Option<Drops>,
    /// Where spent batches come back from, for sources that start later.
    empty: Receiver<Batch>,
    inventory: Option<JoinHandle<()>>,
    /// What is read instead of this host.
    streams: Option<Streams>,
    is_over: bool,
    /// Behind all sources: it ends when they have.
    order: Option<Order>,
    /// A source of our own, for the time.
    clock: Option<Sender<Event>>,
    /// What the clock said last, and what it is waited to say: nothing behind that is learned before somebody looked.
    told: Option<Timestamp>,
    awaited: Option<Timestamp>,
    asks: Sender<Ask>,
    stop: Arc<AtomicBool>,
    scope: Scope,
    places: Places,
    targets: Vec<Target>,
    whole: bool,
    /// What frames have to say for the model to hear of them.
    display: DisplayFilter,
    /// Frames that came.
    frames: u64,
}

impl Live {
    /// Starts to watch; `listener` hears every event before the model does.
    ///
    /// # Errors
    /// Where the filter does not compile, or the host says nothing at all.
    pub fn start(arguments: &LiveArguments, listener: Option<Box<dyn Listener>>) -> Result<Live> {
        let between = Between::permit(&arguments.interpose, arguments.yes)?;
        let (model, events) = bounded(QUEUE);
        let (spent, empty) = bounded(SPENT);
        let order = Order::start(model, spent.clone(), Overload::Sheds)?;
        if let Some(listener) = listener {
            order.listen(listener);
        }
        let (refuse, refusals) = bounded(QUEUE);
        let mut settings = Settings { filter: arguments.filter.clone(), follow: arguments.follow.clone(), ..Settings::default() };
        settings.snap_length = arguments.snap_length.unwrap_or(settings.snap_length);
        let outlets = Outlets { events: order.source(), spent: empty.clone(), refused: refuse };
        let (capture, blind) = match interface::Live::start(settings, outlets) {
            Ok(capture) => (Some(capture), None),
            // The topology needs no privilege.
            Err(error @ StartError::NotPermitted(_)) => (None, Some(format!("{:#}", anyhow::Error::new(error)))),
            Err(error) => return Err(error).context("cannot start to capture"),
        };
        let is_asked = !arguments.qmp.is_empty();
        let asking = is_asked.then(|| Asking::start(&arguments.qmp, order.source(), empty.clone())).transpose()?;
        let stop = Arc::new(AtomicBool::new(false));
        let inventory = inventory::open(arguments.namespaces()).context("cannot ask this host for its interfaces")?;
        let (asks, asked) = bounded(16);
        let thread = {
            let (stop, events) = (stop.clone(), order.source());
            std::thread::Builder::new().name("inventory".into()).spawn(move || take_stock(inventory, &events, &asked, &stop))?
        };
        Ok(Live {
            network: Network::new(Limits::default(), crate::show::seed()),
            events,
            spent,
            refusals,
            refused: BTreeMap::new(),
            capture,
            blind,
            asking,
            between,
            drops: arguments.drops.then(|| Drops::start(order.source())),
            empty,
            inventory: Some(thread),
            streams: None,
            is_over: false,
            clock: Some(order.source()),
            told: None,
            awaited: None,
            order: Some(order),
            asks,
            stop,
            scope: Scope {
                interfaces: arguments.interfaces.clone(),
                cables: arguments.cables.clone(),
                only: arguments.only.clone(),
                with_uplinks: arguments.with_uplinks,
                ..Scope::default()
            },
            places: Places::default(),
            targets: Vec::new(),
            whole: arguments.whole,
            display: arguments.display.clone(),
            frames: 0,
        })
    }

    /// Starts to read streams instead: another host as it is now, or what a server captures. Files are streams, too, that come at once.
    ///
    /// # Errors
    /// Where the filter does not compile, or a stream cannot be opened.
    pub fn stream(origins: &[Origin], arguments: &LiveArguments, listener: Option<Box<dyn Listener>>) -> Result<Live> {
        let (model, events) = bounded(QUEUE);
        let (spent, empty) = bounded(SPENT);
        let (_, refusals) = bounded(0);
        // There is no host to be asked.
        let (asks, _) = bounded(0);
        let order = Order::start(model, spent.clone(), Overload::Waits)?;
        if let Some(listener) = listener {
            order.listen(listener);
        }
        let streams = Streams::start(origins, arguments, &order, &empty)?;
        Ok(Live {
            network: Network::new(Limits::default(), crate::show::seed()),
            events,
            spent,
            refusals,
            asks,
            refused: BTreeMap::new(),
            capture: None,
            blind: None,
            asking: None,
            between: None,
            drops: None,
            empty,
            inventory: None,
            streams: Some(streams),
            is_over: false,
            clock: Some(order.source()),
            told: None,
            awaited: None,
            order: Some(order),
            stop: Arc::default(),
            scope: Scope::default(),
            places: Places::default(),
            targets: Vec::new(),
            whole: false,
            display: arguments.display.clone(),
            frames: 0,
        })
    }

    /// Where others may listen to all events, before the model does.
    pub fn door(&self) -> Option<Door> {
        self.order.as_ref().map(Order::door)
    }

    /// Whether nothing more will come: this host never ends, a stream may.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What time it is where the events come from.
    pub fn now(&self) -> Timestamp {
        self.streams.as_ref().map_or_else(now, |streams| streams.now().unwrap_or_default())
    }

    /// Learns what comes until a moment; `keep` gets the frames, and gives back the batch if it is not needed any more. Says
    /// whether anything came.
    ///
    /// # Errors
    /// Where a thread ended that should not.
    pub fn take(&mut self, until: Instant, mut keep: impl FnMut(Batch) -> Option<Batch>) -> Result<bool> {
        let mut anything = false;
        if let (Some(streams), Some(order)) = (&self.streams, &self.order)
            && streams.are_over()
        {
            self.clock = None;
            order.finish();
        }
        loop {
            let wait = until.saturating_duration_since(Instant::now());
            let event = match self.events.recv_timeout(wait) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) if self.streams.is_some() => {
                    self.is_over = true;
                    std::thread::sleep(wait);
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => bail!("nobody watches the host any more"),
            };
            anything = true;
            match &event {
                Event::Frames(batch) if !self.display.is_empty() => {
                    let meant = self.meant(batch);
                    self.network.observe_batch(&meant);
                }
                event => self.network.observe(event),
            }
            if let Some(streams) = &mut self.streams {
                streams.told(self.network.tables().now);
            }
            match event {
                Event::Frames(batch) => self.give_back(keep(batch)),
                Event::Host { at, changes } => {
                    if changes.is_empty() {
                        self.told = Some(at);
                    }
                    if self.streams.is_none() && changes.iter().any(concerns_targets) {
                        self.listen();
                        if let Some(asking) = &mut self.asking {
                            asking.update(&self.network.tables().host);
                        }
                        if let (Some(between), Some(order)) = (&mut self.between, &self.order) {
                            between.update(&self.network.tables().host, order, &self.empty);
                        }
                    }
                }
                Event::Opened(_) | Event::Closed { .. } | Event::Resumed { .. } | Event::Lost { .. } => {}
            }
            if wait.is_zero() || self.awaited.is_some_and(|at| self.told >= Some(at)) {
                break;
            }
        }
        anything |= self.asking.as_mut().is_some_and(Asking::tell);
        for refused in self.refusals.try_iter() {
            anything = true;
            self.refused.insert(refused.key.clone(), refused);
        }
        Ok(anything)
    }

    /// The frames of a batch that the display filter means.
    fn meant(&mut self, batch: &Batch) -> Batch {
        let points = &self.network.tables().points;
        let name = |point: PointId| points.get(point.0 as usize).map(|row| (row.info.link_type, row.label(point)));
        crate::show::meant(&self.display, batch, &mut self.frames, name)
    }

    /// Lets time go on to now for everybody who hears of events: the model, when this returns, and who listens before it. A host that
    /// says nothing at a time says what time it is.
    ///
    /// # Errors
    /// As [`Live::take`].
    pub fn tell_time(&mut self, at: Timestamp) -> Result<()> {
        let Some(clock) = &self.clock else {
            self.network.tick(at);
            return Ok(());
        };
        let _ = clock.send(Event::Host { at, changes: Vec::new() });
        let patience = Instant::now() + PATIENCE;
        self.awaited = Some(at);
        while self.told.is_none_or(|told| told < at) && !self.is_over && Instant::now() < patience {
            self.take(Instant::now() + Duration::from_millis(10), Some)?;
        }
        self.awaited = None;
        Ok(())
    }

    fn give_back(&self, batch: Option<Batch>) {
        if let Some(mut batch) = batch {
            batch.clear();
            if let Err(TrySendError::Full(batch)) = self.spent.try_send(batch) {
                drop(batch);
            }
        }
    }

    /// Listens on a device from now on, or no more. A stream is listened to elsewhere.
    #[cfg(feature = "window")]
    pub fn decide(&mut self, device: DeviceId, is_wanted: bool) {
        if self.streams.is_none() {
            self.scope.decided.insert(device, is_wanted);
            self.listen();
        }
    }

    /// Listens on what there is now.
    fn listen(&mut self) {
        let mut targets = self.scope.targets(&self.network.tables().host, &mut self.places);
        if self.whole {
            targets.iter_mut().for_each(|target| target.role = Role::Whole);
        }
        if targets != self.targets {
            let is_wanted = |key: &String| targets.iter().any(|target| target.key == *key);
            self.refused.retain(|key, _| is_wanted(key));
            if let Some(capture) = &self.capture {
                capture.listen(targets.clone());
            }
            self.targets = targets;
        }
    }

    /// Takes what comes until the host has said what it is and the points are open, or a moment passes.
    pub fn settle(&mut self, until: Instant) -> Result<()> {
        while Instant::now() < until && !self.is_settled() {
            self.take((Instant::now() + Duration::from_millis(10)).min(until), Some)?;
        }
        Ok(())
    }

    /// Whether the host said what it is, and every point that is wanted is open or refused.
    pub fn is_settled(&self) -> bool {
        if self.streams.is_some() {
            return self.open_points() > 0;
        }
        let targets = if self.capture.is_none() { 0 } else { self.targets.len() };
        let (asked, not_asked) = self.asking.as_ref().map_or((0, 0), |asking| (asking.wanted(), asking.refused()));
        let (stood, not_stood) = self.between.as_ref().map_or((0, 0), |between| (between.wanted(), between.refused()));
        let is_open = self.open_points() + self.refused.len() + not_asked + not_stood >= targets + asked + stood;
        !self.network.tables().host.is_empty() && is_open
    }

    /// Asks a cable's guest for copies of its frames, by the cable's key.
    ///
    /// # Errors
    /// No threads.
    #[cfg_attr(not(feature = "window"), allow(dead_code, reason = "it is the window that asks for one cable"))]
    pub fn ask(&mut self, cable: &Text) -> Result<()> {
        let Some(order) = &self.order else { return Ok(()) };
        let asking = match &mut self.asking {
            Some(asking) => asking,
            None => self.asking.insert(Asking::start(&[], order.source(), self.empty.clone())?),
        };
        asking.wish(cable, &self.network.tables().host);
        Ok(())
    }

    /// Leaves a cable's guest alone again, if it was asked.
    #[cfg(feature = "window")]
    pub fn stop_asking(&mut self, cable: &Text) {
        if let Some(asking) = &mut self.asking {
            asking.unwish(cable, &self.network.tables().host);
        }
    }

    /// Reads the devices' counters this often from now on.
    pub fn count_every(&self, every: Duration) {
        let _ = self.asks.try_send(Ask::Counters(every));
    }

    /// Points that capture now.
    pub fn open_points(&self) -> usize {
        self.network.tables().points.iter().filter(|point| !point.closed).count()
    }

    /// Tells on standard error that it is watching, as soon as it is; `until` says when that ends.
    pub fn announce(&self, until: &str) {
        let open = self.open_points();
        eprintln!("tapscope: listening on {open} {}; {until}", if open == 1 { "point" } else { "points" });
    }

    /// What to do where something could not be seen: one sentence each, with the command that helps.
    pub fn notices(&self) -> Vec<String> {
        let mut notices: Vec<String> = self.blind.iter().cloned().collect();
        notices.extend(self.streams.iter().flat_map(Streams::notices));
        for refused in self.refused.values() {
            notices.push(refused.reason.to_string());
        }
        if let Some(asking) = &self.asking {
            notices.extend(asking.notices(&self.network.tables().host));
        }
        notices.extend(self.between.iter().flat_map(Between::notices));
        let mut unreadable: Vec<&Unreadable> = self.network.tables().host.unreadable().collect();
        // First what was asked for.
        unreadable.sort_by_key(|row| row.what.as_str() != drops::WHAT);
        notices.extend(unreadable.into_iter().map(|Unreadable { what, why, remedy }| format!("cannot read {what}: {why}: {remedy}")));
        // Hundreds of interfaces are refused for one reason.
        notices.truncate(8);
        notices
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Whoever waits for room in the queue must see that nobody takes anything out any more.
        let (_, nobody) = bounded(0);
        self.events = nobody;
        self.capture = None;
        self.asking = None;
        self.between = None;
        self.drops = None;
        self.streams = None;
        self.clock = None;
        if let Some(thread) = self.inventory.take() {
            let _ = thread.join();
        }
        self.order = None;
    }
}

/// Whether a change may open or close a point.
fn concerns_targets(change: &HostChange) -> bool {
    match change {
        HostChange::Set(fact) => {
            matches!(fact, HostFact::Device(_) | HostFact::Guest(_) | HostFact::Asked(_) | HostFact::Cable(_) | HostFact::Namespace(_))
        }
        HostChange::Gone(key) => matches!(key, HostKey::Device(_) | HostKey::Guest(_) | HostKey::Cable(_) | HostKey::Namespace(_)),
    }
}

/// Set when the user wants to stop: ctrl-C, a polite kill, or a terminal that is closed.
pub fn stop_signal() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGHUP, signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, flag.clone()).context("cannot listen for ctrl-C")?;
    }
    Ok(flag)
}
