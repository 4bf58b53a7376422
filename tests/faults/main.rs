//! Breaks one thing of a real network, pings, and asks `tapscope why`: does it name what was broken, and nothing else?
//!
//! The faults are data, in the `.toml` files of this folder; `fault.rs` says what stands in them, `network.rs` builds the networks. Guests are
//! namespaces behind real TAPs, and cards of a real QEMU where a fault needs one. They run side by side: most of their time they wait for
//! answers that do not come. `cargo test --test faults -- STP` runs those with STP in their name, `--list` lists all; with the variable
//! `TAPSCOPE_BLESS` set they keep their recordings, which `cargo test --test replay` asks again, without root.

mod answer;
mod fault;
mod network;
mod recording;
mod table;

use fault::{Fault, Need};
use libtest_mimic::{Arguments, Failed, Trial};
use network::Network;
use std::process::{Command, ExitCode};

/// Faults at a time, for each processor.
const SIDE_BY_SIDE: usize = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    arguments.test_threads = arguments.test_threads.or(Some(processors * SIDE_BY_SIDE));
    let mut trials = Vec::new();
    let mut unbuilt = fault::unbuilt();
    let mut built = Vec::new();
    for (file, text) in fault::FILES {
        for fault in fault::read(file, text) {
            match fault.needs.and_then(lacks) {
                Some(why) => unbuilt.push(fault::Unbuilt { code: fault.name, why: why.to_owned() }),
                None => {
                    let name = format!("{file}::{}", fault.name);
                    if let Some(why) = fault.unsolved.as_ref().filter(|_| !arguments.list) {
                        println!("answered wrongly: {name}: {why}");
                    }
                    let is_unsolved = fault.unsolved.is_some();
                    built.push((file, fault.clone()));
                    trials.push(Trial::test(name, move || run(file, &fault)).with_ignored_flag(is_unsolved));
                }
            }
        }
    }
    if !arguments.list {
        for one in unbuilt {
            println!("not built here: {}: {}", one.code, one.why);
        }
    }
    let is_whole = !arguments.list && arguments.filter.is_none();
    let table = is_whole.then(|| table::print(&built));
    trials.push(Trial::test("table::every_code_is_shown", move || table::check(&built)));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(table) = table {
        print!("{table}");
    }
    conclusion.exit_code()
}

fn run(file: &str, fault: &Fault) -> Result<(), Failed> {
    let network = Network::build(fault)?;
    let (answer, recording) = network.ask(fault)?;
    // The fault is recorded, whatever was answered.
    if fault.keep && std::env::var_os("TAPSCOPE_BLESS").is_some() {
        recording::keep(file, fault, &recording)?;
    }
    let problems = fault.expect.problems(&answer);
    if problems.is_empty() { Ok(()) } else { Err(format!("{}\n\n{}", problems.join("\n"), answer.text).into()) }
}

/// Why this kernel cannot have it.
fn lacks(need: Need) -> Option<&'static str> {
    let (command, why) = match need {
        Need::VlanFiltering => {
            ("ip link add br0 type bridge vlan_filtering 1", "this kernel's bridges do not filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING)")
        }
        Need::VlanDevices => ("ip link add link lo name lo.2 type vlan id 2", "this kernel has no devices for VLANs (CONFIG_VLAN_8021Q)"),
        Need::DropReasons => (
            "cd /sys/kernel/tracing && { test -d instances || mount -t tracefs tracefs .; } && grep -q NETFILTER_DROP \
             /sys/kernel/tracing/events/skb/kfree_skb/format",
            "this kernel does not tell why it drops packets (tracefs, Linux 5.17)",
        ),
    };
    let made = Command::new("unshare").args(["--net", "--mount", "sh", "-c", command]).output();
    (!made.is_ok_and(|output| output.status.success())).then_some(why)
}
