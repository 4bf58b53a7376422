//! The command line.

use crate::live::LiveArguments;
use crate::source::Source;
use crate::{export, extcap, hub, live, record, show, why, window};
use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use tapscope_capture::interface::Follow;
use tapscope_graph::display_filter::DisplayFilter;

/// Everything that was asked for was done.
pub const EXIT_OK: u8 = 0;
/// A file could not be read, or not to its end.
pub const EXIT_FAILURE: u8 = 1;
/// The command line makes no sense (sysexits.h, EX_USAGE).
pub const EXIT_USAGE: u8 = 64;

/// Packet capture and live topology visualizer for virtual-machine networks.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  tapscope                           this host as it is now, in the window
  tapscope list                      its guests and bridges, and where one can listen
  tapscope watch                     what happens on it, a line each
  tapscope record -w today.pcapng    keep it, for a look later or for Wireshark
  tapscope why web db                why a ping from the guest web to the guest db fails
  tapscope demo                      a recording of two guests on a bridge, in the window
  tapscope capture.pcapng            a capture of yours, in the window
  tapscope show capture.pcapng       the same as text: topology, what is wrong, talkers
  tapscope ssh://root@host           another host as it is now, if tapscope is there
  tapscope tcp://127.0.0.1:57012     what `tapscope record --serve` or another server captures
  tcpdump -w - -i br0 | tapscope show -

Capturing needs the right to: sudo, or once `sudo setcap cap_net_raw,cap_net_admin+ep $(command -v tapscope)`.

Exit status: 0 done; 1 a file could not be read, or only up to some damage, or the host cannot be watched; 64 usage."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// A pcap or pcapng file to look at in the window; several are merged by time. tcp://host:port and ssh://user@host are watched live
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    live: LiveArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what a capture shows: the topology, what is wrong, who talks
    Show(ShowArguments),
    /// List the guests and bridges of this host, and where one can listen
    List(live::list::ListArguments),
    /// Tell what happens on this host, as it happens
    Watch(live::watch::WatchArguments),
    /// Write what a capture shows, or a part of it, for other programs: frames, the picture, tables
    Export(export::ExportArguments),
    /// Record what happens on this host, to be looked at later, by whatever reads pcapng
    Record(record::RecordArguments),
    /// Say why a ping from A to B fails, where it died, and what to do
    Why(why::WhyArguments),
    /// Check a list of pairs that must reach each other, or must not
    Check(crate::check::CheckArguments),
    /// Be a switch for new guests, and tell what passes
    Hub(hub::HubArguments),
    /// Show Wireshark the guests and links of this host, among its interfaces
    Extcap(extcap::ExtcapArguments),
    /// Open the window on a recording of two real guests on a bridge
    Demo,
}

/// `tapscope show`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tapscope show capture.pcapng
  tapscope show tap0.pcap tap1.pcap bridge0.pcap     merged by time, one point each
  tapscope show a.pcap b.pcap --offset b.pcap=-1.5   b's clock was 1.5 s ahead
  tapscope show --filter 'arp or icmp' capture.pcap
  tapscope show --where 'dhcp or eth.addr == 52:54:00:12:34:56' capture.pcap
  tapscope show --format json capture.pcapng.gz | jq .findings
  tapscope show --format dot capture.pcap | dot -Tsvg > picture.svg
  tcpdump -w - -i br0 -c 1000 | tapscope show -
  tapscope show today.pcapng --until 1m30s           as it stood then
  tapscope show --live --for 10s     this host, after ten seconds of listening
  tapscope show --live --qmp all     also what is on no device: asks every guest's QEMU for copies
  tapscope show ssh://root@host --for 10s

\"What is wrong\" is told unasked: an address or MAC that two have, DHCP without a server, a blocked port, a loop, ports with
different MTUs, a TAP that nobody reads; with the code that `tapscope why` has for it and the packets that show it.

Exit status: 0 done; 1 a file could not be read, or only up to some damage (what came before it is
printed, and the damage is told on standard error); 64 usage.")]
pub struct ShowArguments {
    /// pcap or pcapng files, gzipped or not; `-` is standard input; several are merged by time; also tcp://host:port and ssh://user@host
    #[arg(value_name = "FILE", required_unless_present = "live", conflicts_with = "live")]
    pub files: Vec<PathBuf>,
    /// Add so many seconds to a file's time stamps, for a clock that was behind (negative: ahead); FILE as it is named above
    #[arg(long, value_name = "FILE=SECONDS", value_parser = show::offset, conflicts_with = "live")]
    pub offset: Vec<(PathBuf, i64)>,
    /// Show this host as it is now, instead of files
    #[arg(long)]
    pub live: bool,
    /// With --live and streams: listen for this long, such as 10s or 5m; otherwise --live takes 5s, and a stream is read to its end
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub time: Option<Duration>,
    /// With --live: print the picture also this often meanwhile
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, requires = "live")]
    pub every: Option<Duration>,
    /// Show files as they stood at this moment: 2026-11-24T12:00:00Z, or seconds or a time such as 1m30s from the first frame
    #[arg(long, value_name = "TIME", value_parser = export::moment, conflicts_with = "live")]
    pub until: Option<export::Moment>,
    /// With --live and ssh://: listen on these interfaces only, `*` and `?` allowed
    #[arg(short, long = "interface", value_name = "NAME")]
    pub interfaces: Vec<String>,
    /// With --live: listen on this cable, too, as in `tapscope watch`
    #[arg(long = "cable", value_name = "CABLE", value_parser = live::scope::named, requires = "live")]
    pub cables: Vec<live::scope::Named>,
    /// With --live: take everything to and from these addresses at every point
    #[arg(long, value_name = "ADDRESS", value_parser = live::followed, requires = "live")]
    pub follow: Vec<Follow>,
    /// With --live and ssh://: network namespaces to look into, as in `tapscope watch`
    #[arg(long, value_name = "NAME")]
    pub netns: Vec<String>,
    /// With --live: guests that are asked for copies of their frames, as in `tapscope watch`
    #[arg(long, value_name = "MONITOR", requires = "live")]
    pub qmp: Vec<String>,
    /// With --live: unix datagram sockets whose place is taken, as in `tapscope watch`
    #[arg(long, value_name = "PATH", requires = "live")]
    pub interpose: Vec<PathBuf>,
    /// Yes to what --interpose asks
    #[arg(long, requires = "interpose")]
    pub yes: bool,
    /// With --live: record it, too, into this pcapng file, from which `tapscope show` prints the same
    #[arg(short = 'w', long = "write", value_name = "FILE", requires = "live")]
    pub write: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Look only at frames that pass this capture filter (pcap-filter(7)); they are numbered anew
    #[arg(short = 'f', long, value_name = "BPF")]
    pub filter: Option<String>,
    /// Look only at frames that this display filter means, in the language of the window's search box: `arp or icmp`,
    /// `ip.addr == 10.0.0.0/8 and not tcp.port == 22`
    #[arg(long = "where", value_name = "FILTER", value_parser = show::display_filter)]
    pub display: Option<DisplayFilter>,
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
        Some(Command::Export(arguments)) => export::run(&arguments),
        Some(Command::Extcap(arguments)) => extcap::run(&arguments),
        Some(Command::Demo) => window::demo(),
        Some(Command::List(arguments)) => live::list::run(&arguments),
        Some(Command::Record(arguments)) => record::run(&arguments),
        Some(Command::Watch(arguments)) => live::watch::run(&arguments),
        Some(Command::Why(arguments)) => Ok(why::run(&arguments)),
        Some(Command::Check(arguments)) => Ok(crate::check::run(&arguments)),
        Some(Command::Hub(arguments)) => hub::run(&arguments),
        None if arguments.files.is_empty() => window::live(&arguments.live),
        None if !arguments.live.is_default() => {
            eprintln!("tapscope: name files, or what to watch on this host (-i, -f, --netns), not both");
            Ok(EXIT_USAGE)
        }
        None => window::open(Source::new(&arguments.files)?),
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
