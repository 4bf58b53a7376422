//! Runs a program, but not for ever.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The most octets that are read of what a program prints; a rule takes some hundred.
const MOST: u64 = 16 << 20;

/// A program gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It is not installed.
    #[error("it is not installed")]
    Missing,
    /// It could not be started, or not be waited for.
    #[error("it does not start: {0}")]
    Start(io::Error),
    /// It said no.
    #[error("{0}")]
    Refused(String),
    /// It took too long.
    #[error("it did not end within {} seconds", .0.as_secs())]
    TooLong(Duration),
}

/// What a program prints; it inherits the namespace of this thread.
pub(super) fn run(command: &[&str], patience: Duration) -> Result<String, Failure> {
    let [program, arguments @ ..] = command else { return Err(Failure::Missing) };
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| if error.kind() == io::ErrorKind::NotFound { Failure::Missing } else { Failure::Start(error) })?;
    let (printed, complained) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let status = wait(&mut child, patience);
    if status.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let status = status?;
    let (printed, complained) = (text(printed), text(complained));
    if status.success() { Ok(printed) } else { Err(Failure::Refused(complained.lines().next().unwrap_or("it failed").into())) }
}

fn wait(child: &mut Child, patience: Duration) -> Result<std::process::ExitStatus, Failure> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(Failure::Start)? {
            return Ok(status);
        }
        if start.elapsed() >= patience {
            return Err(Failure::TooLong(patience));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Reads in a thread of its own, so that a full pipe stops nobody.
fn reader(pipe: Option<impl Read + Send + 'static>) -> Option<JoinHandle<Vec<u8>>> {
    let mut pipe = pipe?;
    let read = move || {
        let mut bytes = Vec::new();
        let _ = pipe.by_ref().take(MOST).read_to_end(&mut bytes);
        // The rest is let through, for the program to end.
        let _ = io::copy(&mut pipe, &mut io::sink());
        bytes
    };
    std::thread::Builder::new().name("tapscope-read".into()).spawn(read).ok()
}

fn text(reader: Option<JoinHandle<Vec<u8>>>) -> String {
    let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let start = Instant::now();
        let failure = run(&["sleep", "1000"], Duration::from_millis(50)).expect_err("too long");
        assert!(matches!(failure, Failure::TooLong(_)));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_that_is_missing_or_fails_says_so() {
        assert!(matches!(run(&["no-such-program-of-tapscope"], Duration::from_secs(5)), Err(Failure::Missing)));
        let failure = run(&["sh", "-c", "echo not permitted >&2; exit 4"], Duration::from_secs(5)).expect_err("it fails");
        assert_eq!(failure.to_string(), "not permitted");
        assert_eq!(run(&["echo", "a rule"], Duration::from_secs(5)).expect("it prints"), "a rule\n");
    }
}
