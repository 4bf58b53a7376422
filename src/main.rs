//! tapscope: packet capture and live topology visualizer for virtual-machine networks.
//!
//! The program on one screen: the command line says what to do, one place decides the exit code.

mod check;
mod cli;
/// Networks written as text, for tests.
#[cfg(test)]
#[path = "../graph/tests/common/mod.rs"]
mod common;
mod export;
mod extcap;
mod hub;
mod live;
mod record;
mod report;
mod serve;
#[cfg(feature = "window")]
mod session;
mod show;
mod source;
mod until;
mod why;
mod window;
mod wireshark;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(call) = extcap::Call::of(&words) {
        return ended(call.map_err(anyhow::Error::msg).and_then(|call| extcap::answer(&call)));
    }
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { cli::EXIT_USAGE } else { cli::EXIT_OK });
        }
    };
    ended(cli::run(arguments))
}

/// Says what went wrong; gives the exit code.
fn ended(result: anyhow::Result<u8>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        // Whoever reads our output has seen enough (`tapscope show … | head`).
        Err(error) if cli::is_broken_pipe(&error) => ExitCode::from(cli::EXIT_OK),
        Err(error) => {
            eprintln!("tapscope: {error:#}");
            ExitCode::from(cli::EXIT_FAILURE)
        }
    }
}
