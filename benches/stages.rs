//! The stages of reading a capture, one by one. criterion prints `time` for all packets of a bench, and packets per second.
//!
//! `observe` meets several shapes of network: its cost per packet may not grow with hosts, with flows, or with the degree of a node.

mod dataset;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dataset::Shape;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use tapscope_capture::file::{Next, Reader};
use tapscope_capture::hub::{self, Hub, Place};
use tapscope_graph::decode::{digest, facts, may_teach};
use tapscope_graph::tables::Limits;
use tapscope_graph::{Batch, Direction, Event, Frame, LinkType, Network, PointId, PointInfo, Timestamp};

const PACKETS: u32 = 200_000;
const ETHERNET: LinkType = LinkType(1);
const SEED: u64 = 0x5eed;

criterion_group! {
    name = stages;
    config = Criterion::default().sample_size(20);
    targets = read, decode, observe, whole, switch
}
criterion_main!(stages);

/// File to batches.
fn read(criterion: &mut Criterion) {
    let path = dataset::file(Shape::usual(PACKETS)).expect("the capture can be written");
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(u64::from(PACKETS)));
    group.bench_function("pcap", |bencher| {
        bencher.iter(|| {
            each_batch(&path, |batch| {
                black_box(batch);
            })
        });
    });
    group.finish();
}

/// Bytes to what every frame tells, and to the facts of those that teach.
fn decode(criterion: &mut Criterion) {
    let mut batches = batches(Shape::usual(PACKETS));
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(u64::from(PACKETS)));
    group.bench_function("digest", |bencher| {
        bencher.iter(|| {
            for frame in batches.iter().flat_map(Batch::frames) {
                black_box(digest(ETHERNET, &frame));
            }
        });
    });
    group.bench_function("digest and facts", |bencher| {
        let mut learned = Vec::new();
        bencher.iter(|| {
            for frame in batches.iter().flat_map(Batch::frames) {
                let packet = digest(ETHERNET, &frame);
                if may_teach(black_box(&packet)) {
                    facts(&packet, &mut learned);
                    black_box(&mut learned).clear();
                }
            }
        });
    });
    group.bench_function("outline", |bencher| bencher.iter(|| batches.iter_mut().for_each(|batch| batch.outline(&[ETHERNET]))));
    group.finish();
}

/// Batches to a network: decoding, facts and learning. The view at the end has a bench of its own.
fn observe(criterion: &mut Criterion) {
    let shapes = [
        Shape::usual(PACKETS),
        Shape { hosts: 50, ..Shape::usual(PACKETS) },
        Shape { hosts: 5000, ..Shape::usual(PACKETS) },
        Shape { flows: 2000, ..Shape::usual(PACKETS) },
    ];
    let mut group = criterion.benchmark_group("observe");
    for shape in shapes {
        let batches = batches(shape);
        let name = BenchmarkId::from_parameter(format!("{} hosts, {} flows", shape.hosts, shape.flows));
        group.throughput(Throughput::Elements(u64::from(PACKETS)));
        group.bench_function(name, |bencher| bencher.iter_batched(network, |network| learn(network, &batches), BatchSize::PerIteration));
    }
    // As the thread that learns meets them in `tapscope show`.
    let mut outlined = batches(shapes[0]);
    outlined.iter_mut().for_each(|batch| batch.outline(&[ETHERNET]));
    group.throughput(Throughput::Elements(u64::from(PACKETS)));
    group.bench_function("outlined batches", |bencher| {
        bencher.iter_batched(network, |network| learn(network, &outlined), BatchSize::PerIteration);
    });
    group.finish();

    let mut network = learn(network(), &outlined);
    criterion.bench_function("view", |bencher| bencher.iter(|| network.view()));
}

/// File to view, on one thread; `tapscope show` reads and outlines on another.
fn whole(criterion: &mut Criterion) {
    let path = dataset::file(Shape::usual(PACKETS)).expect("the capture can be written");
    let mut group = criterion.benchmark_group("whole");
    group.throughput(Throughput::Elements(u64::from(PACKETS)));
    group.bench_function("pcap", |bencher| {
        bencher.iter(|| {
            let mut network = network();
            each_batch(&path, |batch| network.observe_batch(batch));
            network.into_view()
        });
    });
    group.finish();
}

/// Reads a file to its end, into one batch again and again.
fn each_batch(path: &Path, mut take: impl FnMut(&Batch)) {
    let mut reader = Reader::open(path).expect("the capture can be read");
    let mut batch = Batch::default();
    loop {
        match reader.next(&mut batch) {
            Next::Frames => take(&batch),
            Next::Event(_) => {}
            Next::End => break,
        }
    }
}

fn network() -> Network {
    let mut network = Network::new(Limits::default(), SEED);
    network.observe(&Event::Opened(PointInfo { link_type: ETHERNET, ..PointInfo::default() }));
    network
}

/// Frames through the hub, from one peer on loopback to another, which says when it has read a window of them: so none is dropped.
fn switch(criterion: &mut Criterion) {
    const FRAMES: usize = 100_000;
    const WINDOW: usize = 400;
    let (reports, told) = crossbeam_channel::unbounded();
    let settings = hub::Settings { places: vec![Place::Listen(([127, 0, 0, 1], 0).into())], ..Default::default() };
    let outlets = hub::Outlets { events: None, spent: crossbeam_channel::never(), reports };
    let running = Hub::start(settings, outlets).expect("loopback can be listened on");
    let place = told.recv().expect("the hub says where it listens").place;
    let address = place.as_str().trim_start_matches("tcp ");
    let peers = [(); 2].map(|()| {
        let peer = TcpStream::connect(address).expect("the hub listens");
        told.recv().expect("the hub says who came");
        peer
    });
    let mut group = criterion.benchmark_group("hub");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for octets in [64, 1514] {
        let frame = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1, 0x88, 0xb5], &vec![0; octets - 14]].concat();
        let record = [&hub::header(octets)[..], &frame].concat();
        let window = record.repeat(WINDOW);
        group.bench_function(BenchmarkId::new("forward", octets), |bencher| {
            bencher.iter(|| {
                let mut came = vec![0; window.len()];
                let [mut sender, mut receiver] = peers.each_ref();
                for _ in 0..FRAMES / WINDOW {
                    sender.write_all(&window).expect("sent");
                    receiver.read_exact(&mut came).expect("received");
                }
            });
        });
    }
    group.finish();
    assert_eq!(running.stop()[1].counters.dropped_frames, 0);
}

fn learn(mut network: Network, batches: &[Batch]) -> Network {
    batches.iter().for_each(|batch| network.observe_batch(batch));
    network
}

/// The generated frames, in batches as a reader hands them over.
fn batches(shape: Shape) -> Vec<Batch> {
    let mut batches = vec![Batch::default()];
    let result = dataset::each_frame(shape, |at, bytes| {
        if batches.last().is_some_and(Batch::is_full) {
            batches.push(Batch::default());
        }
        if let Some(batch) = batches.last_mut() {
            let original_length = bytes.len() as u32;
            batch.push(Frame { at: Timestamp(at), point: PointId(0), direction: Direction::Unknown, original_length, bytes });
        }
        Ok(())
    });
    result.expect("nothing here fails");
    batches
}
