//! Frames out of the packets that carry a cable: a recording of two real guests, one of which copies a file to the other.

#[path = "../capture/tests/lab/carrier.rs"]
#[allow(dead_code)]
mod carrier;
#[path = "../capture/tests/lab/frame.rs"]
#[allow(dead_code)]
mod frame;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tapscope_capture::cable::{Counts, Stream, Unwrapper};
use tapscope_graph::host::Carrier;
use tapscope_graph::{Batch, Direction, Frame, LinkType, PointId, Timestamp};

const STREAM: &[u8] = include_bytes!("../capture/tests/data/bulk.stream");
const PACKETS: &[u8] = include_bytes!("../capture/tests/data/socket-tcp-bulk.pcap");

criterion_group! {
    name = cable;
    config = Criterion::default().sample_size(50);
    targets = stream, packets
}
criterion_main!(cable);

/// The octets of the stream in pieces of this size; each begins where the one before ended.
fn push(pieces: &[&[u8]], mut sink: impl FnMut(Timestamp, &[u8])) -> Counts {
    let (mut stream, mut counts) = (Stream::from_beginning(), Counts::default());
    for piece in pieces {
        stream.push(Timestamp(0), piece, true, &mut counts, &mut sink);
    }
    counts
}

fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cable");
    group.throughput(Throughput::Bytes(STREAM.len() as u64));
    let records = records();
    let loopback: Vec<&[u8]> = STREAM.chunks(22_770).collect();
    let ethernet: Vec<&[u8]> = STREAM.chunks(1448).collect();
    for (name, pieces) in [("a segment for each frame", &records), ("segments of 22,770", &loopback), ("segments of 1,448", &ethernet)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let counts = push(pieces, |at, frame| {
                    black_box((at, frame));
                });
                assert_eq!((counts.lost, counts.frames), (0, records.len() as u64));
            });
        });
    }
    group.bench_function("a segment for each frame, into batches", |bencher| {
        let mut batch = Batch::default();
        bencher.iter(|| {
            push(&records, |at, bytes| {
                let (point, direction, original_length) = (PointId(0), Direction::Inbound, bytes.len() as u32);
                batch.push(Frame { at, point, direction, original_length, bytes });
                if batch.is_full() {
                    black_box(&batch);
                    batch.clear();
                }
            })
        });
    });
    group.finish();
}

/// The stream cut as QEMU cuts it.
fn records() -> Vec<&'static [u8]> {
    let mut rest = STREAM;
    std::iter::from_fn(|| {
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?) as usize;
        let (record, after) = rest.split_at(4 + length);
        rest = after;
        Some(record)
    })
    .collect()
}

/// From Ethernet's header of loopback on: everything that the reader does with a packet.
fn packets(criterion: &mut Criterion) {
    let packets: Vec<(i64, &[u8])> = carrier::packets(PACKETS).collect();
    let mut group = criterion.benchmark_group("cable");
    group.throughput(Throughput::Elements(packets.len() as u64));
    group.bench_function("packets of loopback", |bencher| {
        bencher.iter(|| {
            let mut unwrapper = Unwrapper::new(Carrier::Tcp { address: [0, 0, 0, 0].into(), port: 8010 }, LinkType::ETHERNET);
            for &(at, octets) in &packets {
                unwrapper.packet(Timestamp(at), octets, &mut |passed| {
                    black_box(passed);
                });
            }
            assert_eq!(unwrapper.counts().lost, 0);
        });
    });
    group.finish();
}
