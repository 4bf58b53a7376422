//! Breaks one thing of a real network, pings, and asks `tapscope why`: does it name what was broken, and nothing else?
//!
//! The faults are data, in the `.toml` files of this folder; `fault.rs` says what stands in them, `network.rs` builds the networks. Guests are
//! namespaces behind real TAPs, and QEMU where a fault needs it. They run side by side: most of their time they wait for answers that do not
//! come. `cargo test --test faults -- STP` runs those with STP in their name, `--list` lists all.

mod fault;
mod network;

use fault::Fault;
use libtest_mimic::{Arguments, Failed, Trial};
use network::Network;
use std::process::ExitCode;

/// Faults at a time, for each processor.
const SIDE_BY_SIDE: usize = 3;

const FILES: [(&str, &str); 4] = [
    ("bridge", include_str!("bridge.toml")),
    ("filter", include_str!("filter.toml")),
    ("guest", include_str!("guest.toml")),
    ("route", include_str!("route.toml")),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    arguments.test_threads = arguments.test_threads.or(Some(processors * SIDE_BY_SIDE));
    let mut trials = Vec::new();
    for (file, text) in FILES {
        for fault in fault::read(file, text) {
            trials.push(Trial::test(format!("{file}::{}", fault.name), move || run(&fault)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(fault: &Fault) -> Result<(), Failed> {
    let network = Network::build(fault)?;
    let answer = network.ask(fault)?;
    let problems = fault.expect.problems(&answer);
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!("{}\n\n{}", problems.join("\n"), answer.text).into())
}
