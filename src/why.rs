//! `tapscope why A B`: why a ping from A to B fails, where it died, and what to do.

use crate::cli::EXIT_OK;
use crate::live::{Format, Live, LiveArguments, now, stop_signal};
use crate::record::Recording;
use crate::report;
use crate::show;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tapscope_capture::file::{Merged, Reader};
use tapscope_capture::interface::Follow;
use tapscope_graph::View;
use tapscope_graph::diagnose::{Confidence, Diagnosis, Endpoint, Party, Pinged, Place, Question, Verdict, diagnose, inquiries};
use tapscope_graph::host::{Host, Inquiry};

/// Codes of `why` and `check` beside [`EXIT_OK`].
pub const EXIT_FAILS: u8 = 1;
/// Some echoes are answered.
pub const EXIT_DEGRADED: u8 = 2;
/// It cannot be known, or nothing was sent.
pub const EXIT_UNDETERMINED: u8 = 3;
/// The host cannot be watched, or a file cannot be read.
pub const EXIT_COULD_NOT_RUN: u8 = 4;

/// How often the counters are read while somebody pings.
const COUNTERS: Duration = Duration::from_millis(250);
/// How long the last packets, and what counted them, may take.
const LINGER: Duration = Duration::from_millis(900);

/// `tapscope why`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapscope why web db                        two guests, by name: ping from the one to the other meanwhile
  tapscope why 10.0.2.101 10.0.3.101 --listen 30s
  tapscope why br0 10.0.2.101 --ping         this host pings, by its address on br0
  tapscope why web 10.0.2.7@tap3             the address that the guest behind tap3 should have
  tapscope why web db --drops                and in the kernel's own words why it drops packets
  tapscope why web db -w lost.pcapng         and record what the answer rests on: why web db lost.pcapng says the same
  tapscope why 10.0.0.1 10.0.0.2 tap0.pcap tap1.pcap
  tapscope why web db --format json | jq -r '.causes[].code'

Exit status: 0 it works; 1 it fails; 2 some echoes are lost; 3 it cannot be known from here, or nothing
was sent; 4 the host cannot be watched, or a file cannot be read; 64 usage.")]
pub struct WhyArguments {
    /// Who pings: an address, a guest, a node, a device that it is behind; ADDRESS@GUEST or ADDRESS@DEVICE for both
    #[arg(value_name = "A")]
    from: Party,
    /// Who is pinged
    #[arg(value_name = "B")]
    to: Party,
    /// Captures to answer from, instead of this host
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How long to listen
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    listen: Duration,
    /// Send the echoes, where A is this host; otherwise say what to type in A
    #[arg(long)]
    ping: bool,
    /// Record it, too: into this pcapng file, from which the same question has the same answer
    #[arg(short = 'w', long = "write", value_name = "RECORDING", conflicts_with = "files")]
    write: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Ask the kernel, too, why it drops packets: tapscope switches on its event skb:kfree_skb, in a tracing instance of its own that is
    /// removed at the end. It costs every packet that anybody loses on this machine some time, and needs root
    #[arg(long, conflicts_with = "files")]
    drops: bool,
    #[command(flatten)]
    live: LiveArguments,
}

/// Answers; gives the exit code.
pub fn run(arguments: &WhyArguments) -> u8 {
    let answered = if arguments.files.is_empty() { live(arguments) } else { recorded(arguments) };
    match answered.and_then(|(view, diagnosis)| print(arguments.format, &view, &diagnosis).map(|()| exit_code(&diagnosis))) {
        Ok(code) => code,
        Err(error) if crate::cli::is_broken_pipe(&error) => EXIT_OK,
        Err(error) => {
            eprintln!("tapscope: {error:#}");
            EXIT_COULD_NOT_RUN
        }
    }
}

/// What a verdict is for a script.
fn exit_code(diagnosis: &Diagnosis) -> u8 {
    match diagnosis.verdict {
        Verdict::Works => EXIT_OK,
        Verdict::Fails => EXIT_FAILS,
        Verdict::Degraded => EXIT_DEGRADED,
        Verdict::NotSent | Verdict::Undetermined => EXIT_UNDETERMINED,
    }
}

fn print(format: Format, view: &View, diagnosis: &Diagnosis) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let host = &view.tables.host;
    match format {
        Format::Text => out.write_all(diagnosis.printed(host).as_bytes())?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &report::why::Report::of(diagnosis, host))?;
            writeln!(out)?;
        }
    }
    out.flush().context("cannot write to standard output")
}

fn question(arguments: &WhyArguments) -> Question {
    Question::new(arguments.from.clone(), arguments.to.clone())
}

/// From captures: over all the time that they cover.
fn recorded(arguments: &WhyArguments) -> Result<(View, Diagnosis)> {
    let view = read(&arguments.files)?;
    let diagnosis = diagnose(&view, &question(arguments));
    Ok((view, diagnosis))
}

/// What captures show at their end.
///
/// # Errors
/// Where one cannot be read.
pub fn read(files: &[PathBuf]) -> Result<View> {
    let readers = files.iter().map(|path| {
        let name = tapscope_graph::Text::path(&path.to_string_lossy());
        Reader::open(path).with_context(|| format!("cannot read {name}"))
    });
    let reading = show::read(Merged::new(readers.collect::<Result<Vec<_>>>()?), None)?;
    let mut view = reading.view;
    // Whoever took the capture waited no longer for the last reply.
    view.tables.now = view.tables.now.map(|now| tapscope_graph::Timestamp(now.0.saturating_add(1_000_000_000)));
    Ok(view)
}

/// From this host, while somebody pings.
fn live(arguments: &WhyArguments) -> Result<(View, Diagnosis)> {
    let question = question(arguments);
    let watched = LiveArguments { drops: arguments.drops, ..arguments.live.clone() };
    let (view, mut asked) = listen(&watched, arguments.listen, arguments.ping, arguments.write.as_deref(), vec![question])?;
    let question = asked.pop().context("nothing was asked")?;
    let diagnosis = diagnose(&view, &question);
    let is_open = matches!(diagnosis.verdict, Verdict::Fails | Verdict::Degraded | Verdict::Undetermined);
    if is_open && diagnosis.confidence != Confidence::Proven && !arguments.drops && cfg!(target_os = "linux") {
        eprintln!("tapscope: the kernel was not asked why it drops packets: with --drops it is");
    }
    Ok((view, diagnosis))
}

/// Watches this host for a time, and records it where that is wanted; gives what is known then, and the questions with the time that they are about and what ping said.
///
/// # Errors
/// Where the host cannot be watched, or ping cannot be run.
pub fn listen(
    arguments: &LiveArguments,
    time: Duration,
    pings: bool,
    write: Option<&Path>,
    mut questions: Vec<Question>,
) -> Result<(View, Vec<Question>)> {
    let stop = stop_signal()?;
    let mut watched = LiveArguments { with_uplinks: true, ..arguments.clone() };
    for party in questions.iter().flat_map(|question| [&question.from, &question.to]) {
        match party {
            Party::Ip(ip) | Party::At(ip, _) => watched.follow.push(Follow::Ip(*ip)),
            Party::Mac(mac) => watched.follow.push(Follow::Mac(*mac)),
            Party::Name(_) => {}
        }
    }
    let recording = write.map(|path| Recording::beside(path, &watched)).transpose()?;
    let mut live = Live::start(&watched, recording.as_ref().map(Recording::listener))?;
    live.settle(Instant::now() + Duration::from_secs(2))?;
    live.count_every(COUNTERS);
    live.read_firewall()?;
    let since = now();
    live.network.tick(since);
    let plain = live.network.view();
    let mut running = Vec::new();
    for question in &questions {
        running.push(if pings { ping(&diagnose(&plain, question), &plain.tables.host)? } else { None });
    }
    let until = match running.iter().all(Option::is_some) {
        true => "until ping ends",
        // Others are waited for: nobody tells when they have pinged.
        false => "ping from A to B now; the answer comes then, or with ctrl-C",
    };
    live.announce(&format!("{}, {until}", humantime::format_duration(time)));
    watch(&mut live, time, &mut running, &stop)?;
    for (question, ping) in questions.iter_mut().zip(running) {
        question.since = Some(since);
        question.pinged = ping.map(Ping::end).transpose()?.flatten();
    }
    linger(&mut live, LINGER)?;
    live.read_firewall()?;
    ask_kernel(&mut live, &questions)?;
    match recording {
        Some(mut recording) => {
            recording.learn_names(live.network.tables());
            let at = now();
            recording.end_at(at);
            live.tell_time(at)?;
            // It says itself what it could not write; the answer is there all the same.
            recording.finish();
        }
        None => live.network.tick(now()),
    }
    for notice in live.notices() {
        eprintln!("tapscope: {notice}");
    }
    Ok((live.network.view(), questions))
}

/// Asks the kernel what it would do with the very packets. Each answer may show more of the way, of which it is asked then.
fn ask_kernel(live: &mut Live, questions: &[Question]) -> Result<()> {
    const ROUNDS: usize = 4;
    let mut asked = BTreeSet::new();
    for _ in 0..ROUNDS {
        let view = live.network.view();
        let open = questions.iter().flat_map(|question| inquiries(&view, question));
        let open: Vec<Inquiry> = open.filter(|inquiry| asked.insert(*inquiry)).collect();
        if open.is_empty() {
            break;
        }
        live.inquire(open)?;
    }
    Ok(())
}

/// Learns what comes until the time is over, all pings are, or somebody says so.
fn watch(live: &mut Live, time: Duration, pings: &mut [Option<Ping>], stop: &Arc<AtomicBool>) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end && !stop.load(Ordering::Relaxed) {
        live.take((Instant::now() + Duration::from_millis(50)).min(end), Some)?;
        let mut are_over = true;
        for ping in &mut *pings {
            // A guest's ping is not ours to wait for.
            are_over &= match ping {
                Some(ping) => ping.child.try_wait().context("cannot wait for ping")?.is_some(),
                None => false,
            };
        }
        if are_over {
            break;
        }
    }
    Ok(())
}

fn linger(live: &mut Live, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        live.take((Instant::now() + Duration::from_millis(50)).min(end), Some)?;
    }
    Ok(())
}

/// A running ping(8).
struct Ping {
    child: Child,
}

impl Ping {
    /// Ends it if it does not end by itself; gives what it counted.
    fn end(mut self) -> Result<Option<Pinged>> {
        // It is ours, and its time is over.
        if self.child.try_wait().context("cannot wait for ping")?.is_none() {
            let _ = self.child.kill();
        }
        let output = self.child.wait_with_output().context("cannot read what ping says")?;
        for line in String::from_utf8_lossy(&output.stderr).lines().take(3) {
            eprintln!("tapscope: ping says: {}", tapscope_graph::Text::long(line));
        }
        Ok(read_summary(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// Starts ping where A is this host; otherwise says what to type in A.
fn ping(plain: &Diagnosis, host: &Host) -> Result<Option<Ping>> {
    let Some(target) = plain.to.ip else { bail!("{} has no address that is known: name the address to ping", plain.to.asked) };
    let command = format!("ping -n -c 3 -i 0.5 -W 1 {target}");
    let Place::Local(netns, _) = plain.from.place else {
        eprintln!("tapscope: type in {}: {command}", plain.from.asked);
        return Ok(None);
    };
    let mut words: Vec<String> = Vec::new();
    if let Some(namespace) = host.namespace(netns).filter(|namespace| !namespace.is_own) {
        let Some(name) = &namespace.name else { bail!("the namespace of {} has no name: type there {command}", plain.from.asked) };
        words.extend(["ip", "netns", "exec", name.as_str()].map(String::from));
    }
    words.extend(command.split(' ').map(String::from));
    if names_address(&plain.from, host)
        && let Some(ip) = plain.from.ip
    {
        let last = words.len() - 1;
        words.splice(last..last, ["-I".to_owned(), ip.to_string()]);
    }
    let child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{}` (Debian's package iputils-ping has it)", words.join(" ")))?;
    Ok(Some(Ping { child }))
}

/// Whoever names an address wants it as the source.
fn names_address(end: &Endpoint, host: &Host) -> bool {
    matches!(end.asked, Party::Ip(_) | Party::At(..)) && host.addresses().any(|row| Some(row.ip) == end.ip)
}

/// `3 packets transmitted, 1 received, 66% packet loss, time 1003ms`
fn read_summary(text: &str) -> Option<Pinged> {
    let line = text.lines().find(|line| line.contains(" packets transmitted"))?;
    let number = |part: Option<&str>| part.and_then(|part| part.split_whitespace().next()).and_then(|word| word.parse().ok());
    let mut parts = line.split(',').map(str::trim);
    Some(Pinged { sent: number(parts.next())?, received: number(parts.next())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ping_says_at_its_end_is_read() {
        let text = "PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n\n--- 10.0.0.2 ping statistics ---\n\
            3 packets transmitted, 1 received, +2 errors, 66% packet loss, time 1003ms\n";
        assert_eq!(read_summary(text), Some(Pinged { sent: 3, received: 1 }));
        assert_eq!(read_summary("ping: connect: Network is unreachable"), None);
    }
}
