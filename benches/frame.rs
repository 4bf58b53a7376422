//! A frame of the window, as CPU time and without a display: its parts are built, painted into lists and tessellated. And where everything
//! in the picture lies: from nothing, and when one guest more comes.
//!
//! `fit` has the whole picture in view, `near` a twentieth of it. `anew` is the slowest of the frames in which a view appears that nobody
//! has seen: what a view's frames share, and its layout, come from other threads meanwhile, so that the frames come as they do on a screen.

mod crowd;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use egui::{Context, Event, RawInput, pos2, vec2};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tapscope_graph::{Packets, View};
use tapscope_gui::canvas::layout::{Slots, layout};
use tapscope_gui::session::Doing;
use tapscope_gui::{Playback, PlaybackState, Shown, Window};

/// Nodes of the picture.
const SIZES: [u32; 2] = [1_000, 10_000];
/// Frames after which a new view is shown whole, also on a busy machine.
const SETTLES: usize = 20;
/// The window.
const SIZE: egui::Vec2 = vec2(1600.0, 1000.0);

criterion_group! {
    name = frames;
    config = Criterion::default().sample_size(20);
    targets = frame, place
}
criterion_main!(frames);

/// CPU time of this thread: what else runs on the machine does not count.
fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn frame(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for nodes in SIZES {
        let views = [nodes, nodes + 1].map(|nodes| Arc::new(crowd::view(nodes)));
        let mut bench = |name: &str, prepare: &mut dyn FnMut(&mut Screen), is_new: bool| {
            let mut screen = Screen::new(&views[0]);
            for _ in 0..20 {
                screen.frame(Vec::new());
            }
            prepare(&mut screen);
            let shapes = screen.frame(Vec::new());
            group.bench_function(BenchmarkId::new(name, format!("{nodes} nodes, {shapes} meshes")), |bencher| {
                let mut turn = 0;
                bencher.iter_custom(|frames| {
                    let timed = |screen: &mut Screen| {
                        let start = used();
                        black_box(screen.frame(Vec::new()));
                        used() - start
                    };
                    (0..frames)
                        .map(|_| {
                            if !is_new {
                                return timed(&mut screen);
                            }
                            turn += 1;
                            screen.show(&views[turn % 2]);
                            let frames = (0..SETTLES).map(|_| {
                                std::thread::sleep(Duration::from_millis(16));
                                timed(&mut screen)
                            });
                            frames.max().unwrap_or_default()
                        })
                        .sum()
                });
            });
        };
        bench("fit", &mut |_| {}, false);
        bench("near", &mut |screen| screen.zoom(), false);
        bench("anew", &mut |_| {}, true);
    }
    group.finish();
}

fn place(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layout");
    for nodes in SIZES {
        let (view, more) = (crowd::view(nodes), crowd::view(nodes + 1));
        let pins = BTreeMap::new();
        group.bench_function(BenchmarkId::new("whole", nodes), |bencher| {
            bencher.iter_custom(|layouts| {
                let start = used();
                for _ in 0..layouts {
                    black_box(layout(&Slots::default().request(&view, &pins)));
                }
                used() - start
            });
        });
        let mut slots = Slots::default();
        black_box(slots.request(&view, &pins));
        group.bench_function(BenchmarkId::new("one more", nodes), |bencher| {
            bencher.iter_custom(|layouts| {
                let all: Vec<Slots> = (0..layouts).map(|_| slots.clone()).collect();
                let start = used();
                for mut slots in all {
                    black_box(layout(&slots.request(&more, &pins)));
                }
                used() - start
            });
        });
    }
    group.finish();
}

/// A window without a display.
struct Screen {
    context: Context,
    window: Window,
    shown: Arc<Shown>,
    time: f64,
}

impl Screen {
    fn new(view: &Arc<View>) -> Screen {
        Screen { context: Context::default(), window: Window::new(), shown: shown(view), time: 0.0 }
    }

    fn show(&mut self, view: &Arc<View>) {
        self.shown = shown(view);
    }

    /// Zooms into the middle of the picture until cards can be read.
    fn zoom(&mut self) {
        let middle = pos2(SIZE.x * 0.5, SIZE.y * 0.3);
        self.frame(vec![Event::PointerMoved(middle)]);
        self.frame(vec![Event::Zoom(20.0)]);
        for _ in 0..20 {
            self.frame(Vec::new());
        }
    }

    /// One frame; how many meshes the painter gets.
    fn frame(&mut self, events: Vec<Event>) -> usize {
        self.time += 1.0 / 60.0;
        let screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, SIZE));
        let input = RawInput { screen_rect, time: Some(self.time), events, ..RawInput::default() };
        let output = self.context.run_ui(input, |ui| {
            black_box(self.window.ui(ui, &self.shown));
        });
        let shapes = output.shapes.clone();
        let pixels = output.pixels_per_point;
        output.drop_without_applying_deltas();
        self.context.tessellate(shapes, pixels).len()
    }
}

fn shown(view: &Arc<View>) -> Arc<Shown> {
    let at = view.tables.now.unwrap_or_default();
    Arc::new(Shown {
        whole: view.clone(),
        view: view.clone(),
        packets: Packets::new(1 << 20),
        playback: Playback { state: PlaybackState::Live, speed: 1.0, position: at, begin: at, end: at, is_past: false },
        title: "crowd".into(),
        notice: None,
        doing: Doing::default(),
    })
}
