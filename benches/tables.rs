//! Frames of the window over 1,000,000 packets and 100,000 flows: CPU time of building, painting and tessellating each, without a GPU.
//!
//! What counts is the slowest frame: while somebody scrolls, while a million rows are sorted, and while they are filtered.

#[expect(dead_code, reason = "nothing is written to a file here")]
mod dataset;

use dataset::Shape;
use egui::accesskit::{Node, NodeId};
use egui::{Context, Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, RawInput, Rect, TouchPhase, pos2, vec2};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Direction, Event as Told, Frame, LinkType, Network, Packets, PointId, PointInfo, Timestamp};
use tapscope_gui::session::Doing;
use tapscope_gui::{Playback, PlaybackState, Shown, Window};

/// Of so many flows to choose from a million packets meet more than 100,000.
const SHAPE: Shape = Shape { packets: 1_000_000, hosts: 500, flows: 1_200_000 };
const LARGE: Rect = Rect { min: Pos2::ZERO, max: pos2(1600.0, 1000.0) };
/// What a frame may take where sixty are shown in a second.
const BUDGET: Duration = Duration::from_millis(16);
/// The window looks as often as this, at the most, how far work is that goes on elsewhere.
const PROGRESS: Duration = Duration::from_millis(100);
/// Frames of scrolling.
const FRAMES: usize = 120;
/// Work that goes on for longer never ends.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() {
    // `cargo test --benches` only wants to know whether it can be built.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let shown = Arc::new(shown());
    println!("{} packets, {} flows", shown.packets.len(), shown.view.tables.flows.len());
    println!("{:<46} {:>8} {:>8} {:>8} {:>8} {:>9}", "", "frames", "median", "p99", "worst", "done in");
    let mut bench = Bench::new(shown);
    for (tab, key, column) in [("packets", Key::Num6, "source"), ("flows", Key::Num2, "responder"), ("hosts", Key::Num3, "addresses")] {
        bench.press(Modifiers::NONE, key);
        bench.still(&format!("{tab}: nothing happens"));
        bench.scroll(&format!("{tab}: scrolled"));
        bench.click(column);
        bench.settle(&format!("{tab}: sorted by {column}"));
        bench.scroll(&format!("{tab}: sorted, scrolled"));
        bench.click(column);
        bench.settle(&format!("{tab}: sorted the other way"));
        bench.press(Modifiers::COMMAND, Key::F);
        bench.events(vec![Event::Text("tcp and ip.addr == 10.0.1.5".to_owned())]);
        // A cursor that blinks is no work.
        bench.press(Modifiers::NONE, Key::Enter);
        bench.settle(&format!("{tab}: filtered and sorted"));
        bench.scroll(&format!("{tab}: filtered, scrolled"));
        bench.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::F);
        bench.press(Modifiers::NONE, Key::Escape);
        bench.settle(&format!("{tab}: the filter is cleared"));
    }
    if bench.slow > 0 {
        println!("{} frames took more than {BUDGET:?}", bench.slow);
    }
}

/// The window, and what its frames took.
struct Bench {
    context: Context,
    window: Window,
    shown: Arc<Shown>,
    time: f64,
    wants_more: bool,
    slow: usize,
}

impl Bench {
    fn new(shown: Arc<Shown>) -> Bench {
        let mut bench = Bench { context: Context::default(), window: Window::new(), shown, time: 0.0, wants_more: false, slow: 0 };
        // The first frames lay everything out.
        (0..8).for_each(|_| bench.pass());
        bench
    }

    /// One frame; gives its CPU time.
    fn events(&mut self, events: Vec<Event>) -> Duration {
        self.time += 1.0 / 60.0;
        let input = RawInput { screen_rect: Some(LARGE), time: Some(self.time), events, focused: true, ..RawInput::default() };
        let began = clock_gettime(ClockId::ThreadCPUTime);
        let output = self.context.run_ui(input, |ui| drop(black_box(self.window.ui(ui, &self.shown))));
        black_box(self.context.tessellate(output.shapes, output.pixels_per_point));
        let spent = clock_gettime(ClockId::ThreadCPUTime) - began;
        let next = output.viewport_output.values().map(|viewport| viewport.repaint_delay).min();
        self.wants_more = next.is_some_and(|next| next <= PROGRESS);
        Duration::try_from(spent).expect("time goes on")
    }

    /// One frame that nobody measures.
    fn pass(&mut self) {
        self.events(Vec::new());
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        let event = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
        self.events(vec![event(true), event(false)]);
        (0..3).for_each(|_| self.pass());
    }

    /// Clicks on what a screen reader calls by this name.
    fn click(&mut self, name: &str) {
        let (_, node) = self.node(name);
        let bounds = node.bounds().expect("it is somewhere");
        let pos = pos2((bounds.x0 + bounds.x1) as f32 / 2.0, (bounds.y0 + bounds.y1) as f32 / 2.0);
        let button = |pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
        self.events(vec![Event::PointerMoved(pos)]);
        self.events(vec![button(true)]);
        self.events(vec![button(false)]);
    }

    fn node(&mut self, name: &str) -> (NodeId, Node) {
        self.context.enable_accesskit();
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let input = RawInput { screen_rect: Some(LARGE), time: Some(self.time), ..RawInput::default() };
            let output = self.context.run_ui(input, |ui| drop(self.window.ui(ui, &self.shown)));
            nodes = output.platform_output.accesskit_update.map(|update| update.nodes).unwrap_or_default();
        }
        self.context.disable_accesskit();
        let is_it = |node: &Node| [node.label(), node.value()].into_iter().flatten().any(|text| text.split(" (").next() == Some(name));
        nodes.into_iter().find(|(_, node)| is_it(node)).unwrap_or_else(|| panic!("nothing is called {name:?}"))
    }

    fn still(&mut self, what: &str) {
        let spent = (0..FRAMES).map(|_| self.events(Vec::new())).collect();
        self.tell(what, spent, None);
    }

    /// Half of it line by line, half by great leaps.
    fn scroll(&mut self, what: &str) {
        self.events(vec![Event::PointerMoved(pos2(800.0, 940.0))]);
        let wheel = |lines: f32| Event::MouseWheel {
            unit: MouseWheelUnit::Line,
            delta: vec2(0.0, lines),
            phase: TouchPhase::Move,
            source: MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        };
        let leaps = (0..FRAMES).map(|frame| if frame < FRAMES / 2 { -3.0 } else { -9000.0 });
        let spent = leaps.map(|lines| self.events(vec![wheel(lines)])).collect();
        self.tell(what, spent, None);
    }

    /// Frames until there is nothing more to do, at sixty a second as they would be shown.
    fn settle(&mut self, what: &str) {
        let began = Instant::now();
        let mut spent = Vec::new();
        let mut calm = 0;
        while calm < 30 {
            let frame = Instant::now();
            spent.push(self.events(Vec::new()));
            calm = if self.wants_more { 0 } else { calm + 1 };
            assert!(began.elapsed() < PATIENCE, "{what}: it never ends");
            if self.wants_more {
                std::thread::sleep(BUDGET.saturating_sub(frame.elapsed()));
            }
        }
        spent.truncate(spent.len() - 29);
        self.tell(what, spent, Some(began.elapsed()));
    }

    fn tell(&mut self, what: &str, mut spent: Vec<Duration>, took: Option<Duration>) {
        self.slow += spent.iter().filter(|spent| **spent > BUDGET).count();
        spent.sort();
        let at = |share: f64| spent[((spent.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let took = took.map_or_else(String::new, |took| format!("{:.2} s", took.as_secs_f64()));
        let (median, high, worst) = (at(0.5), at(0.99), at(1.0));
        println!("{what:<46} {:>8} {median:>5.2} ms {high:>5.2} ms {worst:>5.2} ms {took:>9}", spent.len());
    }
}

/// The capture, read to its end.
fn shown() -> Shown {
    let mut network = Network::new(Limits::default(), 0x5eed);
    network.observe(&Told::Opened(PointInfo { link_type: LinkType::ETHERNET, ..PointInfo::default() }));
    let mut packets = Packets::new(usize::MAX);
    let mut batch = Batch::default();
    let mut last = Timestamp::default();
    let result = dataset::each_frame(SHAPE, |at, bytes| {
        last = Timestamp(at);
        batch.push(Frame { at: last, point: PointId(0), direction: Direction::Unknown, original_length: bytes.len() as u32, bytes });
        if batch.is_full() {
            network.observe_batch(&batch);
            packets.push(Arc::new(std::mem::take(&mut batch)));
        }
        Ok(())
    });
    result.expect("nothing here fails");
    network.observe_batch(&batch);
    packets.push(Arc::new(batch));
    network.tick(last);
    let view = Arc::new(network.view());
    let begin = view.tables.begin.unwrap_or_default();
    Shown {
        whole: view.clone(),
        view,
        packets,
        playback: Playback { state: PlaybackState::Ended, speed: 1.0, position: last, begin, end: last, is_past: false },
        title: "a million packets".into(),
        notice: None,
        doing: Doing::default(),
    }
}
