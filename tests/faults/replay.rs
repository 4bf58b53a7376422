//! Asks again what the faults' recordings show: the same answers, without root and without waiting.
//!
//! `make faults` breaks the networks anew and keeps their recordings.

mod answer;
#[expect(dead_code, reason = "nothing is built here")]
mod fault;
#[expect(dead_code, reason = "nothing is kept here")]
mod recording;

use answer::Answer;
use fault::Fault;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (file, text) in fault::FILES {
        // Of what this kernel could not build there is no recording, and the run that breaks networks says so.
        for fault in fault::read(file, text).into_iter().filter(|fault| recording::path(file, fault).exists()) {
            trials.push(Trial::test(format!("{file}::{}", fault.name), move || run(file, &fault)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(file: &str, fault: &Fault) -> Result<(), Failed> {
    let [from, to] = fault.parties();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapscope"));
    let output = command.args(["why", &from, &to, "--format", "json"]).arg(recording::path(file, fault)).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = serde_json::from_str(&text).map_err(|error| format!("no answer: {error}\n{told}\n{text}"))?;
    let answer = Answer { json, text: format!("{text}\n{told}"), status: output.status.code().unwrap_or(-1) };
    let problems = fault.expect.problems(&answer);
    if problems.is_empty() { Ok(()) } else { Err(format!("{}\n\n{}", problems.join("\n"), answer.text).into()) }
}
