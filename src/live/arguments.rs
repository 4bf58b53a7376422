//! What the user says of the host to look at: the options that `watch`, `list`, `record`, `why` and the window share.

use super::scope::{self, Only};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use tapscope_capture::interface::Follow;
use tapscope_capture::inventory;
use tapscope_graph::display_filter::DisplayFilter;

/// What to look at on the living host.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveArguments {
    /// Listen only on these interfaces, cables (by their name in `list`, or a guest's), `*` and `?` allowed; otherwise on every TAP, macvtap,
    /// bridge port, bridge and cable that something carries
    #[arg(short, long = "interface", value_name = "NAME")]
    pub interfaces: Vec<String>,
    /// Listen also on this cable between guests that tapscope does not find itself: PORT, tcp:ADDRESS:PORT, udp:ADDRESS:PORT,ADDRESS:PORT or
    /// mcast:GROUP:PORT, with @DEVICE where loopback does not carry it
    #[arg(long = "cable", value_name = "CABLE", value_parser = scope::named)]
    pub cables: Vec<scope::Named>,
    /// Capture only what passes this filter (pcap-filter(7))
    #[arg(short = 'f', long, value_name = "BPF")]
    pub filter: Option<String>,
    /// Take everything to and from these addresses at every point, beside ARP, ICMP and the like: IP or MAC addresses
    #[arg(long, value_name = "ADDRESS", value_parser = followed)]
    pub follow: Vec<Follow>,
    /// Network namespaces to look into besides our own: names of `ip netns`, paths, `own` for no other, `all` for those of all processes;
    /// otherwise those with a name and those of guests
    #[arg(long, value_name = "NAME")]
    pub netns: Vec<String>,
    /// Ask these guests for copies of what passes their user-mode stacks and unix sockets, which changes them until tapscope ends: the path
    /// of a monitor's socket, a guest's name, libvirt:DOMAIN, or `all`
    #[arg(long, value_name = "MONITOR")]
    pub qmp: Vec<String>,
    /// Take the place of this unix datagram socket (`-netdev dgram`) and of its peer's, and hand on each frame, until tapscope ends: for
    /// guests that cannot be asked. It says what it does, and asks
    #[arg(long, value_name = "PATH")]
    pub interpose: Vec<PathBuf>,
    /// Yes to what --interpose asks
    #[arg(long, requires = "interpose")]
    pub yes: bool,
    /// Ask the kernel why it drops packets.
    #[arg(skip)]
    pub drops: bool,
    /// Listen on uplinks, too, for what explains a failure.
    #[arg(skip)]
    pub with_uplinks: bool,
    /// Listen at this place only.
    #[arg(skip)]
    pub only: Option<Only>,
    /// Learn only from frames that this means.
    #[arg(skip)]
    pub display: DisplayFilter,
    /// Take everything in both directions at every point.
    #[arg(skip)]
    pub whole: bool,
    /// The most octets of a frame that are captured.
    #[arg(skip)]
    pub snap_length: Option<u32>,
}

/// What `list` and `watch` print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

impl LiveArguments {
    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        *self == LiveArguments::default()
    }

    /// Which namespaces to look into.
    pub fn namespaces(&self) -> inventory::Scope {
        match self.netns.as_slice() {
            [] => inventory::Scope::Usual,
            [name] if name == "own" => inventory::Scope::Own,
            names if names.iter().any(|name| name == "all") => inventory::Scope::All,
            names => inventory::Scope::These(names.iter().map(|name| Path::new("/run/netns").join(name)).collect()),
        }
    }
}

/// An IP or MAC address that is followed.
pub fn followed(text: &str) -> Result<Follow, String> {
    if let Ok(ip) = text.parse() {
        return Ok(Follow::Ip(ip));
    }
    text.parse().map(Follow::Mac).map_err(|_| "neither an IP nor a MAC address".to_owned())
}
