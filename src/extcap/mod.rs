//! tapscope as one of Wireshark's external capture programs (extcap(4)): its list of interfaces then shows guests and cables by name.
//!
//! Wireshark runs every program in its extcap folder: to ask what interfaces there are, how they are set up, and to capture from one into a
//! pipe. Each of these is a new process with the user's own rights, and stops on SIGTERM.

mod call;
mod capture;
mod install;
mod places;

pub use call::Call;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::PathBuf;

/// `tapscope extcap`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  sudo tapscope extcap install       for everybody on this host
  tapscope extcap install --dir ~/.local/lib/wireshark/extcap
                                     for yourself, from Wireshark 4.2 on
  tshark -i tapscope-tap0 -f arp     Wireshark and tshark then know every place that `tapscope list` names

Exit status: 0 done; 1 it could not be done; 64 usage.")]
pub struct ExtcapArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make this tapscope known to Wireshark: a link in the folder where it looks
    Install(Folder),
    /// Take the link away
    Uninstall(Folder),
}

#[derive(Args, Debug)]
struct Folder {
    /// Which folder; otherwise the one that `tshark -G folders` names
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Installs or uninstalls; gives the exit code.
pub fn run(arguments: &ExtcapArguments) -> Result<u8> {
    match &arguments.action {
        Action::Install(folder) => install::install(folder.dir.as_deref()),
        Action::Uninstall(folder) => install::uninstall(folder.dir.as_deref()),
    }
}

/// Does what Wireshark asks for; gives the exit code.
pub fn answer(call: &Call) -> Result<u8> {
    let mut out = std::io::stdout().lock();
    match call {
        Call::Interfaces => places::list(&mut out)?,
        Call::LinkTypes => writeln!(out, "dlt {{number=1}}{{name=EN10MB}}{{display=Ethernet}}")?,
        // There is nothing to set up.
        Call::Config => {}
        Call::Capture { interface, fifo, filter } => {
            drop(out);
            return capture::run(interface, fifo, filter.as_deref());
        }
    }
    std::io::stdout().flush().context("cannot answer Wireshark")?;
    Ok(crate::cli::EXIT_OK)
}
