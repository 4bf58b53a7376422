//! The whole of `tapscope show --format json` beside the tools that people know, in one run.
//!
//! Every tool reads the same generated capture, in turns, so that what disturbs the machine disturbs all of them. The answer is a
//! Markdown table of medians, for the README. What is not installed is named, and left out.

mod dataset;

use dataset::Shape;
use nix::sys::resource::{UsageWho, getrusage};
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const PACKETS: u32 = 2_000_000;
/// Callgrind is some fifty times slower than the machine. Two sizes: the difference is without start and first sights of most flows.
const CALLGRIND_PACKETS: [u32; 2] = [400_000, 800_000];
const ROUNDS: usize = 7;
/// tshark needs some 16 s for all packets.
const TSHARK_ROUNDS: usize = 3;
const TAPSCOPE: &str = env!("CARGO_BIN_EXE_tapscope");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, command)) if first == MEASURE => measure(command),
        _ => compare().map_or_else(
            |error| {
                eprintln!("whole: {error}");
                ExitCode::FAILURE
            },
            |()| ExitCode::SUCCESS,
        ),
    }
}

/// What is measured.
struct Tool {
    command: Vec<String>,
    rounds: usize,
    runs: Vec<Usage>,
}

impl Tool {
    fn new(rounds: usize, command: &[&str]) -> Tool {
        Tool { command: command.iter().map(|&word| word.to_owned()).collect(), rounds, runs: Vec::new() }
    }

    fn name(&self) -> &str {
        if self.command[0] == TAPSCOPE { "tapscope" } else { &self.command[0] }
    }

    /// Median nanoseconds per packet.
    fn per_packet(&self, of: impl Fn(&Usage) -> Duration) -> f64 {
        median(self.runs.iter().map(|run| of(run).as_nanos() as f64).collect()) / f64::from(PACKETS)
    }

    /// The largest memory of all runs, in MB (10^6 octets).
    fn memory(&self) -> f64 {
        self.runs.iter().map(|run| run.peak_octets).max().unwrap_or(0) as f64 / 1e6
    }
}

fn compare() -> io::Result<()> {
    let all = dataset::file(Shape::usual(PACKETS))?;
    let all = text(&all);
    let mut tools = vec![
        Tool::new(ROUNDS, &[TAPSCOPE, "show", "--format", "json", all]),
        Tool::new(ROUNDS, &["tcpdump", "-r", all, "-w", "/dev/null"]),
        Tool::new(ROUNDS, &["pcap-toolkit", "stats", "--json", all]),
        Tool::new(TSHARK_ROUNDS, &["tshark", "-q", "-z", "conv,ip", "-r", all]),
    ];
    tools.retain(|tool| {
        let found = is_installed(&tool.command[0]);
        if !found {
            println!("{} is not installed: left out", tool.name());
        }
        found
    });
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for tool in tools.iter_mut().filter(|tool| round <= tool.rounds) {
            tool.runs.push(run_measured(&tool.command)?);
        }
    }
    print_table(&tools, all);
    count_instructions()
}

fn print_table(tools: &[Tool], all: &str) {
    let Some((ours, others)) = tools.split_first() else { return };
    let whole = ours.per_packet(|run| run.wall);
    println!();
    println!("| command | ns a packet | CPU ns a packet | peak memory | beside tapscope |");
    println!("|---|--:|--:|--:|---|");
    for tool in tools {
        let command = tool.command.join(" ").replace(TAPSCOPE, "tapscope").replace(all, "F");
        let (wall, cpu) = (tool.per_packet(|run| run.wall), tool.per_packet(|run| run.cpu));
        let ratio = match wall / whole {
            _ if tool.command[0] == TAPSCOPE => String::new(),
            ratio if ratio < 1.0 => format!("tapscope takes {:.2} times as long", 1.0 / ratio),
            ratio => format!("tapscope is {ratio:.1} times faster"),
        };
        println!("| `{command}` | {wall:.0} | {cpu:.0} | {:.0} MB | {ratio} |", tool.memory());
    }
    println!();
    println!("F: {PACKETS} packets, 500 hosts, 20,000 flows. Medians of {ROUNDS} runs in turns, of {TSHARK_ROUNDS} for tshark.");
    println!();
    println!("To reach:");
    let limit = |name: &str, what: &str, held: &dyn Fn(&Tool) -> bool| {
        if let Some(tool) = others.iter().find(|tool| tool.name() == name) {
            println!("- {what}: {}", if held(tool) { "reached" } else { "NOT REACHED" });
        }
    };
    limit("tcpdump", "at most 2.5 times as long as tcpdump", &|tool| whole <= 2.5 * tool.per_packet(|run| run.wall));
    limit("tshark", "at least 60 times faster than tshark", &|tool| tool.per_packet(|run| run.wall) >= 60.0 * whole);
    limit("pcap-toolkit", "faster than pcap-toolkit", &|tool| whole < tool.per_packet(|run| run.wall));
    println!("- under 64 MB of memory: {}", if ours.memory() < 64.0 { "reached" } else { "NOT REACHED" });
}

/// Instructions per packet, by Callgrind: the same on every machine, however busy.
fn count_instructions() -> io::Result<()> {
    println!();
    if !is_installed("valgrind") {
        println!("valgrind is not installed: no instruction counts");
        return Ok(());
    }
    let mut counts = [0.0; 2];
    for (count, packets) in counts.iter_mut().zip(CALLGRIND_PACKETS) {
        let path = dataset::file(Shape::usual(packets))?;
        eprintln!("counting the instructions for {packets} packets");
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", TAPSCOPE, "show", "--format", "json", text(&path)])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()?;
        let report = String::from_utf8_lossy(&output.stderr);
        let collected = report.lines().find_map(|line| line.split_once("Collected :")).and_then(|(_, number)| number.trim().parse().ok());
        let Some(collected) = collected.filter(|_| output.status.success()) else {
            return Err(io::Error::other(format!("valgrind gave no count: {report}")));
        };
        *count = collected;
    }
    let per_packet = (counts[1] - counts[0]) / f64::from(CALLGRIND_PACKETS[1] - CALLGRIND_PACKETS[0]);
    println!("tapscope executes {per_packet:.0} instructions a packet (callgrind, the difference of {CALLGRIND_PACKETS:?} packets).");
    Ok(())
}

/// What one run of a command took.
#[derive(Clone, Copy, Debug)]
struct Usage {
    wall: Duration,
    /// User and system time of all threads.
    cpu: Duration,
    /// The most physical memory at one time.
    peak_octets: u64,
}

/// The argument with which this program calls itself to run one command and say what it took: the system tells the peak memory only
/// of all children together, so each command is the only child of a process of its own.
const MEASURE: &str = "--measure";

fn run_measured(command: &[String]) -> io::Result<Usage> {
    let output = Command::new(std::env::current_exe()?).arg(MEASURE).args(command).stderr(Stdio::inherit()).output()?;
    let report = String::from_utf8_lossy(&output.stdout);
    let numbers: Option<Vec<u64>> = report.split_whitespace().map(|number| number.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[wall, cpu, peak_octets]) if output.status.success() => {
            Ok(Usage { wall: Duration::from_nanos(wall), cpu: Duration::from_nanos(cpu), peak_octets })
        }
        _ => Err(io::Error::other(format!("{} failed: {report}", command.join(" ")))),
    }
}

/// Runs a command to its end and prints the nanoseconds on the clock, those on all processors, and the octets of memory.
fn measure(command: &[String]) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
    let start = Instant::now();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let wall = start.elapsed();
    match (output, getrusage(UsageWho::RUSAGE_CHILDREN)) {
        (Ok(output), Ok(usage)) if output.status.success() => {
            let cpu: i64 = [usage.user_time(), usage.system_time()].iter().map(|time| time.tv_sec() * 1_000_000 + time.tv_usec()).sum();
            // Kibibytes everywhere but on macOS.
            let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
            println!("{} {} {}", wall.as_nanos(), cpu * 1000, usage.max_rss() * unit);
            ExitCode::SUCCESS
        }
        (Ok(output), _) => {
            println!("{}", String::from_utf8_lossy(&output.stderr));
            ExitCode::FAILURE
        }
        (Err(error), _) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether a program can be called: by its path, or by its name from one of the folders in `PATH`.
fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path of the build folder is UTF-8")
}
