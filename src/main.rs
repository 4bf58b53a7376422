//! tapscope: packet capture and live topology visualizer for virtual-machine networks.
//!
//! The program on one screen: the command line says what to do, one place decides the exit code.

mod cli;
/// Networks written as text, for tests.
#[cfg(test)]
#[path = "../graph/tests/common/mod.rs"]
mod common;
mod live;
mod record;
mod report;
#[cfg(feature = "window")]
mod session;
mod show;
mod source;
mod window;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { cli::EXIT_USAGE } else { cli::EXIT_OK });
        }
    };
    match cli::run(arguments) {
        Ok(code) => ExitCode::from(code),
        // Whoever reads our output has seen enough (`tapscope show … | head`).
        Err(error) if cli::is_broken_pipe(&error) => ExitCode::from(cli::EXIT_OK),
        Err(error) => {
            eprintln!("tapscope: {error:#}");
            ExitCode::from(cli::EXIT_FAILURE)
        }
    }
}
