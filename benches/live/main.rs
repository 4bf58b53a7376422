//! Live capture with the real model behind it, beside `tcpdump -w /dev/null`, on a pair of veths in a namespace of its own.
//!
//! One processor sends, so with two of them capture and model share the other one. The answer is Markdown, for the README. Where the
//! generator did not reach its rate, or the kernel threw frames away before any point, a row is marked as inconclusive.

#[path = "../../capture/tests/lab/mod.rs"]
mod lab;
mod model;
mod peer;

use lab::generator::{Generator, Sent, Sizes};
use lab::wire::Wire;
use lab::{in_namespace, ip, ip_batch, veth};
use model::{Measured, Model, cpu_time, ring_octets};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tapscope_capture::interface::{Role, Target, TargetCable};
use tapscope_graph::Text;
use tapscope_graph::host::{Carrier, DeviceId};

const IDLE_POINTS: usize = 50;
const IDLE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_root = status.lines().any(|line| line.starts_with("Uid:") && line.split_ascii_whitespace().nth(2) == Some("0"));
    if !is_root {
        eprintln!("live: needs root for namespaces and packet sockets: sudo env PATH=\"$PATH\" cargo bench --bench live");
        return ExitCode::FAILURE;
    }
    let mut goals = Vec::new();
    load(&mut goals);
    cable(&mut goals);
    quiet(&mut goals);
    idle(&mut goals);
    copies(&mut goals);
    senders();
    println!("\nTo reach:");
    for (what, verdict) in goals {
        println!("- {what}: {verdict}");
    }
    ExitCode::SUCCESS
}

/// What is to be reached, and whether it was.
type Goals = Vec<(String, &'static str)>;

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "NOT REACHED" }
}

fn target(name: &str, role: Role) -> Target {
    Target {
        key: name.to_owned(),
        device: DeviceId::default(),
        name: name.to_owned(),
        netns: None,
        description: None,
        role,
        promiscuous: false,
        cable: None,
    }
}

/// Frames that did not arrive, of those that reached the interface.
fn missing(sent: &Sent, arrived: u64) -> u64 {
    sent.frames.saturating_sub(sent.backlog).saturating_sub(arrived)
}

fn load(goals: &mut Goals) {
    println!("| frames | rate a second | sent | tapscope lost | told | CPU of a core | p50 | p99 | tcpdump lost | CPU | |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|");
    for (rate, seconds) in [(500_000.0, 10), (1_000_000.0, 3)] {
        for sizes in [Sizes::Small, Sizes::Mixed] {
            let count = rate as u64 * seconds;
            let (sent, ours) = in_namespace(|| {
                veth("v0", "v1");
                let model = Model::start(vec![target("v1", Role::Edge)]);
                let began = cpu_time();
                let sent =
                    Generator::new("v0").and_then(|mut generator| generator.flood(sizes, Some(rate), count)).expect("frames are sent");
                let cpu = cpu_time() - began;
                (sent, model.stop().with_cpu(cpu))
            });
            let peer = in_namespace(|| {
                veth("v0", "v1");
                peer::tcpdump("v1", || Generator::new("v0").and_then(|mut generator| generator.flood(sizes, Some(rate), count)))
            });
            let lost = missing(&sent, ours.frames);
            let share = 100.0 * ours.cpu.as_secs_f64() / sent.took.as_secs_f64();
            let frames = if sizes == Sizes::Small { "64 octets" } else { "64 to 1,514" };
            let (peer_lost, peer_share) = match &peer {
                Ok((sent, peer)) => (Some(peer.lost), format!("{:.0} %", 100.0 * peer.cpu.as_secs_f64() / sent.took.as_secs_f64())),
                Err(error) => (None, error.to_string()),
            };
            let mut notes = Vec::new();
            if sent.rate() < 0.95 * rate {
                notes.push("inconclusive: the generator was slow".to_owned());
            }
            if sent.backlog > 0 {
                notes.push(format!("inconclusive: {} frames were thrown away before the interface", sent.backlog));
            }
            println!(
                "| {frames} | {:.0} | {} | {lost} | {} | {share:.0} % | {} | {} | {} | {peer_share} | {} |",
                sent.rate(),
                sent.frames,
                ours.lost,
                milliseconds(ours.latency(50)),
                milliseconds(ours.latency(99)),
                peer_lost.map_or("not installed".to_owned(), |lost| lost.to_string()),
                notes.join("; "),
            );
            let of = |reached| if notes.is_empty() || reached { verdict(reached) } else { "inconclusive" };
            goals.push((format!("{frames} at {rate}: no loss, or no more than tcpdump's"), of(lost <= peer_lost.unwrap_or(0))));
            goals.push((format!("{frames} at {rate}: what was lost was told"), of(lost == ours.lost)));
            if rate == 500_000.0 {
                goals.push((format!("{frames} at {rate}: at most 30 % of a core"), of(share <= 30.0)));
            }
            goals.push((format!("{frames} at {rate}: p99 below 20 ms"), of(ours.latency(99) < Duration::from_millis(20))));
        }
    }
}

/// Two ends of a cable over loopback, each of which sends half of the frames and reads the other half.
fn cable(goals: &mut Goals) {
    const RATE: f64 = 200_000.0;
    const PORT: u16 = 8010;
    println!("\n| a cable over loopback | rate a second | sent | in sends | tapscope lost | told | CPU of a core | p50 | p99 |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for sizes in [Sizes::Small, Sizes::Mixed] {
        let count = RATE as u64 * 5 / 2;
        let (sent, measured) = in_namespace(|| {
            let carrier = Carrier::Tcp { address: [0, 0, 0, 0].into(), port: PORT };
            let over_tcp = Target { cable: Some(TargetCable { key: Text::new("wire"), carrier }), ..target("lo", Role::Whole) };
            let model = Model::start(vec![over_tcp]);
            let listener = std::net::TcpListener::bind(("127.0.0.1", PORT)).expect("nobody else is in the namespace");
            let (two, one) = (Wire::connect(PORT), Wire::accept(&listener));
            let began = cpu_time();
            let sent = std::thread::scope(|scope| {
                let ends = [&one, &two].map(|end| scope.spawn(move || end.flood(sizes, RATE / 2.0, count)));
                ends.map(|end| end.join().expect("an end sends"))
            });
            let cpu = cpu_time() - began;
            (sent, model.stop().with_cpu(cpu))
        });
        let took = sent.iter().map(|(took, _)| *took).max().unwrap_or_default().as_secs_f64();
        let (rate, lost) = (2.0 * count as f64 / took, (2 * count).saturating_sub(measured.frames));
        let frames = if sizes == Sizes::Small { "64 octets" } else { "64 to 1,514" };
        println!(
            "| {frames} | {rate:.0} | {} | {} | {lost} | {} | {:.0} % | {} | {} |",
            2 * count,
            sent.iter().map(|(_, sends)| sends).sum::<u64>(),
            measured.lost,
            100.0 * measured.cpu.as_secs_f64() / took,
            milliseconds(measured.latency(50)),
            milliseconds(measured.latency(99)),
        );
        let is_fast = rate > 0.95 * RATE;
        goals.push((format!("a cable, {frames} at {RATE}: no loss"), if is_fast { verdict(lost == 0) } else { "inconclusive" }));
    }
}

fn quiet(goals: &mut Goals) {
    let measured: Measured = in_namespace(|| {
        veth("v0", "v1");
        let model = Model::start(vec![target("v1", Role::Edge)]);
        let mut generator = Generator::new("v0").expect("a packet socket");
        generator.flood(Sizes::Small, Some(50.0), 300).expect("frames are sent");
        model.stop()
    });
    let (half, most) = (measured.latency(50), measured.latency(99));
    println!("\nA frame on a quiet line is in the model after {} (p50), {} (p99).", milliseconds(half), milliseconds(most));
    goals.push(("a frame on a quiet line within 50 ms (p99)".to_owned(), verdict(most < Duration::from_millis(50))));
}

fn idle(goals: &mut Goals) {
    in_namespace(|| {
        let names: Vec<String> = (0..IDLE_POINTS).map(|number| format!("t{number}")).collect();
        ip_batch(&names.iter().map(|name| format!("tuntap add {name} mode tap\nlink set {name} up\n")).collect::<String>());
        let asked = Instant::now();
        let model = Model::start(names.iter().map(|name| target(name, Role::Edge)).collect());
        let start = asked.elapsed();
        let began = cpu_time();
        std::thread::sleep(IDLE);
        let share = 100.0 * (cpu_time() - began).as_secs_f64() / IDLE.as_secs_f64();
        let rings = ring_octets() as f64 / 1e6;
        let asked = Instant::now();
        model.stop();
        let stop = asked.elapsed();
        println!(
            "\n{IDLE_POINTS} idle TAPs: {share:.2} % of a core, {rings:.0} MB of rings, started in {}, stopped in {}.",
            milliseconds(start),
            milliseconds(stop)
        );
        goals.push((format!("{IDLE_POINTS} idle TAPs: at most 1 % of a core"), verdict(share <= 1.0)));
        goals.push((format!("{IDLE_POINTS} idle TAPs: at most 64 MB of rings"), verdict(rings <= 64.0)));
        goals.push((format!("{IDLE_POINTS} TAPs start within 1.5 s"), verdict(start <= Duration::from_millis(1500))));
        goals.push((format!("{IDLE_POINTS} TAPs stop within 1 s"), verdict(stop <= Duration::from_secs(1))));
    });
}

fn copies(goals: &mut Goals) {
    let (sent, measured) = in_namespace(|| {
        ip_batch("link add br0 type bridge\nlink set br0 up\n");
        for (guest, port) in [("h0", "p0"), ("h1", "p1")] {
            veth(guest, port);
            ip(&format!("link set {port} master br0"));
        }
        let model = Model::start(vec![target("p0", Role::Edge), target("p1", Role::Edge), target("br0", Role::Inner)]);
        let mut generator = Generator::new("h0").expect("a packet socket");
        let sent = generator.flood(Sizes::Mixed, Some(100_000.0), 300_000).expect("frames are sent");
        (sent, model.stop())
    });
    let copies = measured.frames as f64 / sent.frames as f64;
    println!(
        "\n{} frames over a bridge with three points: {} seen, {copies:.2} copies of each, {} lost, {} thrown away before.",
        sent.frames, measured.frames, measured.lost, sent.backlog
    );
    goals.push(("a bridged frame is taken once".to_owned(), verdict(measured.frames + measured.lost + sent.backlog == sent.frames)));
}

/// What listening costs who sends: the kernel runs the filters and fills the rings on the sender's processor.
fn senders() {
    let cost = |role: Option<Role>| {
        in_namespace(|| {
            veth("v0", "v1");
            let model = role.map(|role| Model::start(vec![target("v1", role)]));
            let mut generator = Generator::new("v0").expect("a packet socket");
            generator.flood(Sizes::Small, None, 100_000).expect("frames are sent");
            let began = thread_time();
            let sent = generator.flood(Sizes::Small, None, 1_000_000).expect("frames are sent");
            let cost = (thread_time() - began).as_nanos() as f64 / sent.frames as f64;
            drop(model.map(Model::stop));
            cost
        })
    };
    // In turns, so that what disturbs the machine disturbs all of them.
    let roles = [None, Some(Role::Inner), Some(Role::Edge), Some(Role::Whole)];
    let mut costs = [const { Vec::new() }; 4];
    for _ in 0..5 {
        for (costs, role) in costs.iter_mut().zip(roles) {
            costs.push(cost(role));
        }
    }
    let median = |costs: &mut Vec<f64>| {
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    };
    let [nobody, inner, edge, whole] = costs.each_mut().map(median);
    println!(
        "\nA frame of 64 octets costs its sender {nobody:.0} ns of a processor if nobody listens, {inner:.0} where the receiving end is listened \
         to as Inner (not taken), {edge:.0} as Edge (taken, two sockets), {whole:.0} as Whole; medians of 5."
    );
}

/// Time on a processor of the calling thread.
fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux with schedstat");
    Duration::from_nanos(text.split_ascii_whitespace().next().and_then(|time| time.parse().ok()).expect("a number"))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
