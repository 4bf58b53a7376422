//! How long "why does a ping fail?" takes on a host with 500 TAPs and 5,000 rules. It has to be answered within 300 ms of the last packet;
//! criterion prints the time of one answer.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/large.rs"]
mod large;
#[path = "../tests/diagnose/networks.rs"]
#[expect(dead_code, reason = "tests need more of them")]
mod networks;

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use tapscope_graph::diagnose::{Question, Verdict, diagnose};

criterion_group! {
    name = why;
    config = Criterion::default().sample_size(20);
    targets = large_host
}
criterion_main!(why);

fn large_host(criterion: &mut Criterion) {
    let view = common::view(&large::script(networks::STD, networks::KNOWN));
    let party = |text: &str| text.parse().expect("a party");
    let question = Question::new(party("a"), party("b"));
    assert_eq!(diagnose(&view, &question).verdict, Verdict::Fails);
    criterion.bench_function("why/500 TAPs, 5000 rules", |bencher| bencher.iter(|| diagnose(black_box(&view), &question)));
}
