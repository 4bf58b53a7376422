//! The command line.

use crate::source::Source;
use crate::{show, window};
use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Everything that was asked for was done.
pub const EXIT_OK: u8 = 0;
/// A file could not be read, or not to its end.
pub const EXIT_FAILURE: u8 = 1;
/// The command line makes no sense.
pub const EXIT_USAGE: u8 = 2;

/// Packet capture and live topology visualizer for virtual-machine networks.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  tapscope demo                      a recording of two guests on a bridge, in the window
  tapscope capture.pcapng            a capture of yours, in the window
  tapscope show capture.pcapng       the same as text: topology, what is wrong, talkers
  tcpdump -w - -i br0 | tapscope show -

Exit status: 0 done; 1 a file could not be read, or only up to some damage; 2 usage."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// A pcap or pcapng file to look at in the window; several are merged by time
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what a capture shows: the topology, what is wrong, who talks
    Show(ShowArguments),
    /// Open the window on a recording of two real guests on a bridge
    Demo,
}

/// `tapscope show`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tapscope show capture.pcapng
  tapscope show tap0.pcap tap1.pcap bridge0.pcap     merged by time, one point each
  tapscope show --filter 'arp or icmp' capture.pcap
  tapscope show --format json capture.pcapng.gz | jq .findings
  tapscope show --format dot capture.pcap | dot -Tsvg > picture.svg
  tcpdump -w - -i br0 -c 1000 | tapscope show -

Exit status: 0 done; 1 a file could not be read, or only up to some damage (what came before it is
printed, and the damage is told on standard error); 2 usage.")]
pub struct ShowArguments {
    /// pcap or pcapng files, gzipped or not; `-` is standard input; several are merged by time
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Look only at frames that pass this capture filter (pcap-filter(7)); they are numbered anew
    #[arg(long, value_name = "BPF")]
    pub filter: Option<String>,
    /// When to use colours in text
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// What `show` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs: schema tapscope.show/1
    Json,
    /// The topology for graphviz
    Dot,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Whether to colour what goes to standard output.
    pub fn is_on(self) -> bool {
        use std::io::IsTerminal;
        match self {
            Color::Auto => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && std::io::stdout().is_terminal(),
            Color::Always => true,
            Color::Never => false,
        }
    }
}

/// Does what the command line asks for; gives the exit code.
pub fn run(arguments: Arguments) -> Result<u8> {
    match arguments.command {
        Some(Command::Show(arguments)) => show::run(&arguments),
        Some(Command::Demo) => window::demo(),
        None if arguments.files.is_empty() => {
            eprintln!("tapscope: name a capture file, or try `tapscope demo`; `tapscope --help` tells more");
            Ok(EXIT_USAGE)
        }
        None => window::open(Source::Files(arguments.files)),
    }
}

/// Whether the reader of our standard output went away.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        kind.or(json) == Some(std::io::ErrorKind::BrokenPipe)
    })
}
