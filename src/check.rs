//! `tapscope check NET.toml`: pairs that must reach each other, or must not, for the tests of a network.

use crate::cli::EXIT_OK;
use crate::live::{Format, LiveArguments};
use crate::report;
use crate::why::{EXIT_COULD_NOT_RUN, EXIT_FAILS, listen, read};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use tapscope_graph::diagnose::{Diagnosis, Question, Verdict, diagnose};

/// `tapscope check`
#[derive(Args, Debug)]
#[command(after_help = "NET.toml lists pairs:

  [[pair]]
  from = \"web\"                 # an address, a guest, a node, a device; ADDRESS@GUEST for both
  to = \"10.0.3.101\"

  [[pair]]
  from = \"web\"
  to = \"db\"
  reaches = false              # must not reach each other

Examples:
  tapscope check net.toml --listen 20s        ping between them meanwhile; this host pings by itself
  tapscope check net.toml recording.pcapng    from what was recorded
  tapscope check net.toml --format json | jq .holds

Exit status: 0 every pair is as it should be; 1 one is not, or it cannot be known; 4 the host cannot be
watched, or a file cannot be read; 64 usage.")]
pub struct CheckArguments {
    /// The pairs
    #[arg(value_name = "NET.toml")]
    net: PathBuf,
    /// Captures to answer from, instead of this host
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How long to listen
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    listen: Duration,
    /// How to print it: a line for each pair, or an object of schema tapscope.check/1
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Ask the kernel, too, why it drops packets: tapscope switches on its event skb:kfree_skb, in a tracing instance of its own that is
    /// removed at the end. It costs every packet that anybody loses on this machine some time, and needs root
    #[arg(long, conflicts_with = "files")]
    drops: bool,
    #[command(flatten)]
    live: LiveArguments,
}

/// A network's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Net {
    pair: Vec<Pair>,
}

/// Two who should reach each other, or should not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    from: String,
    to: String,
    #[serde(default = "yes")]
    reaches: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    holds: bool,
    pairs: Vec<PairReport<'a>>,
}

#[derive(Serialize)]
struct PairReport<'a> {
    from: &'a str,
    to: &'a str,
    reaches: bool,
    holds: bool,
    diagnosis: report::why::Report<'a>,
}

/// Checks; gives the exit code.
pub fn run(arguments: &CheckArguments) -> u8 {
    match check(arguments) {
        Ok(true) => EXIT_OK,
        Ok(false) => EXIT_FAILS,
        Err(error) if crate::cli::is_broken_pipe(&error) => EXIT_OK,
        Err(error) => {
            eprintln!("tapscope: {error:#}");
            EXIT_COULD_NOT_RUN
        }
    }
}

fn check(arguments: &CheckArguments) -> Result<bool> {
    let name = tapscope_graph::Text::path(&arguments.net.to_string_lossy());
    let text = std::fs::read_to_string(&arguments.net).with_context(|| format!("cannot read {name}"))?;
    let net: Net = toml::from_str(&text).with_context(|| format!("{name} is no list of pairs"))?;
    if net.pair.is_empty() {
        bail!("{name} lists no pair: begin one with [[pair]]");
    }
    let mut questions = Vec::new();
    for pair in &net.pair {
        let party = |text: &str| text.parse().with_context(|| format!("{name} has a pair with an empty end"));
        questions.push(Question::new(party(&pair.from)?, party(&pair.to)?));
    }
    let (view, questions) = match arguments.files.as_slice() {
        [] => listen(&LiveArguments { drops: arguments.drops, ..arguments.live.clone() }, arguments.listen, true, None, questions)?,
        files => (read(files)?, questions),
    };
    let diagnoses: Vec<Diagnosis> = questions.iter().map(|question| diagnose(&view, question)).collect();
    let host = &view.tables.host;
    let all = net.pair.iter().zip(&diagnoses).all(|(pair, diagnosis)| holds(pair, diagnosis));
    let mut out = std::io::stdout().lock();
    match arguments.format {
        Format::Json => {
            let pairs = net.pair.iter().zip(&diagnoses).map(|(pair, diagnosis)| PairReport {
                from: &pair.from,
                to: &pair.to,
                reaches: pair.reaches,
                holds: holds(pair, diagnosis),
                diagnosis: report::why::Report::of(diagnosis, host),
            });
            serde_json::to_writer_pretty(&mut out, &Report { schema: "tapscope.check/1", holds: all, pairs: pairs.collect() })?;
            writeln!(out)?;
        }
        Format::Text => {
            for (pair, diagnosis) in net.pair.iter().zip(&diagnoses) {
                let mark = if holds(pair, diagnosis) { "ok  " } else { "FAIL" };
                let arrow = if pair.reaches { "->" } else { "-/->" };
                let verdict = diagnosis.verdict.name().replace('_', " ");
                let codes: Vec<&str> = diagnosis.causes.iter().map(|cause| cause.cause.code).collect();
                let why = match diagnosis.causes.first() {
                    Some(first) => format!(": {}: {}", codes.join(", "), first.summary),
                    None => String::new(),
                };
                writeln!(out, "{mark} {} {arrow} {}: {verdict}{why}", pair.from, pair.to)?;
            }
        }
    }
    out.flush()?;
    Ok(all)
}

/// What was not tried holds neither way.
fn holds(pair: &Pair, diagnosis: &Diagnosis) -> bool {
    match diagnosis.verdict {
        Verdict::Works => pair.reaches,
        Verdict::Fails => !pair.reaches,
        Verdict::Degraded | Verdict::NotSent | Verdict::Undetermined => false,
    }
}
