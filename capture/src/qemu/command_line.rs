//! QEMU's command line, as far as it says who a guest is, what its network is made of, and where its monitors listen.
//!
//! Read qemu(1), "Network options", first. A command line is what QEMU was started with: what was plugged in later does not stand there,
//! and files that it names (`-readconfig`) are not read here. Anybody may start a process with any command line: any octets give a
//! result, in time and memory that are linear in their number, with at most [`NICS`] cards.

mod argv;
mod hub;
mod mac;
mod monitor;
mod network;
mod options;
mod plug;

pub use monitor::{Monitor, MonitorAddress};
pub use plug::{Plug, PlugAddress};

use monitor::Monitors;
use network::Network;
use options::Options;
use tapscope_graph::Text;
use tapscope_graph::host::Nic;

/// The most network cards, and the most backends, that are kept; a PCI bus has room for 256 functions.
pub const NICS: usize = 1024;

/// What a command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// `-name`
    pub name: Option<Text>,
    /// `-uuid`
    pub uuid: Option<Text>,
    /// Whether libvirt wrote it: its monitor is always called `charmonitor`.
    pub is_libvirt: bool,
    /// Its monitors, in order.
    pub monitors: Vec<Monitor>,
    /// Its cards and backends, in order.
    pub nics: Vec<Card>,
    /// Files that hold more options (`-readconfig`).
    pub files: Vec<Text>,
}

/// A card with its backend, or a backend without a card, and what the process must have open for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// As the command line says; without devices.
    pub nic: Nic,
    /// What the backend is plugged into, if it is no device.
    pub plug: Plug,
    /// Descriptors that were handed over for it (`fd=`, `fds=`).
    pub descriptors: Vec<u32>,
    /// Its place in the order in which QEMU opens backends; a later one has a higher descriptor unless a helper program opened it.
    pub order: u32,
    /// Whether a helper program opens its TAP (`bridge`, `helper=`).
    pub by_helper: bool,
}

impl CommandLine {
    /// Reads a command line; its first word is the program.
    pub fn parse<T: AsRef<[u8]>>(argv: &[T]) -> CommandLine {
        let mut line = CommandLine::default();
        let mut monitors = Monitors::default();
        let mut network = Network::default();
        let program = argv.first().map(|program| base_name(program.as_ref())).unwrap_or_default();
        for (at, word) in argv::words(argv).enumerate() {
            match word.name {
                "name" => {
                    let options = Options::parse(word.argument, "guest");
                    line.name = options.value("guest").map(Text::new).filter(|name| !name.is_empty());
                }
                "uuid" => line.uuid = Some(Text::from_wire(word.argument)),
                "readconfig" if line.files.len() < 16 => line.files.push(Text::path(&String::from_utf8_lossy(word.argument))),
                "chardev" => {
                    monitors.chardev(word.argument);
                    network.chardev(word.argument);
                }
                "mon" => monitors.mon(word.argument),
                "qmp" | "qmp-pretty" => monitors.legacy(word.argument, true),
                "monitor" => monitors.legacy(word.argument, false),
                name => network.option(at, name, word.argument),
            }
        }
        line.is_libvirt = monitors.has_chardev("charmonitor");
        line.monitors = monitors.into_monitors();
        line.nics = network.into_cards(program);
        line
    }
}

/// The last part of a path, in which slashes separate.
pub fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&octet| octet == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
