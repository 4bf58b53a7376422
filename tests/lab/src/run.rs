//! Running a command to its end, with all that it wrote.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, file};
use crate::lab::Shared;
use crate::output::Output;

/// Runs it, with an empty standard input.
///
/// What it writes goes to a file, not through a pipe: a pipe ends only when the last of those who write to it does, which may be something that
/// the command has left in the background.
pub(crate) fn run(lab: &Shared, place: &str, what: &str, command: &mut Command) -> Result<Output, Error> {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    let path = lab.folder.join(format!("run-{}", RUNS.fetch_add(1, Ordering::Relaxed)));
    let output = File::create(&path).map_err(file("write", &path))?;
    let errors = output.try_clone().map_err(file("write", &path))?;
    let start = |cause| Error::Start { place: place.to_owned(), command: what.to_owned(), cause };
    let status = command.stdin(Stdio::null()).stdout(output).stderr(errors).status().map_err(start)?;
    let octets = fs::read(&path).map_err(file("read", &path))?;
    fs::remove_file(&path).map_err(file("remove", &path))?;
    Ok(Output { status: status_of(status), text: String::from_utf8_lossy(&octets).into_owned() })
}

/// The status as a shell would have it.
pub(crate) fn status_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
