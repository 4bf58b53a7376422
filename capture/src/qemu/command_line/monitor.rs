//! Monitors: where QMP and the human monitor listen (`-qmp`, `-mon`, `-monitor`, `-chardev`).

use super::options::Options;
use std::collections::BTreeMap;
use std::fmt;
use tapscope_graph::Text;

/// The most monitors and character devices that are kept.
const MOST: usize = 256;

/// A monitor of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Whether it speaks QMP, rather than the language for people.
    pub is_qmp: bool,
    /// Whether it waits for connections, rather than making one.
    pub is_server: bool,
    /// Where.
    pub address: MonitorAddress,
}

/// Where a monitor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonitorAddress {
    /// The path of a Unix socket, as it was written: relative to QEMU's working directory.
    Unix(String),
    /// The name of a Unix socket without a file (unix(7), abstract), without its leading NUL.
    Abstract(String),
    /// Host and port.
    Tcp(String, String),
    /// A descriptor of QEMU's that was handed over.
    Descriptor(u32),
    /// Something that nobody else can connect to, such as `stdio`.
    Other(Text),
}

impl fmt::Display for MonitorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MonitorAddress::Unix(path) => write!(f, "unix:{}", Text::path(path)),
            MonitorAddress::Abstract(name) => write!(f, "unix:@{}", Text::path(name)),
            MonitorAddress::Tcp(host, port) => write!(f, "tcp:{}:{}", Text::long(host), Text::new(port)),
            MonitorAddress::Descriptor(number) => write!(f, "fd:{number}"),
            MonitorAddress::Other(what) => write!(f, "{what}"),
        }
    }
}

/// Monitors and the character devices that they may be on, which may stand behind them.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    found: Vec<(bool, Where)>,
    chardevs: BTreeMap<String, (bool, MonitorAddress)>,
}

#[derive(Debug)]
enum Where {
    Here(bool, MonitorAddress),
    Chardev(String),
}

impl Monitors {
    /// `-chardev BACKEND,id=ID,…`
    pub(super) fn chardev(&mut self, argument: &[u8]) {
        let options = Options::parse(argument, "backend");
        let Some(id) = options.value("id").filter(|_| self.chardevs.len() < MOST) else { return };
        let address = match options.value("backend") {
            Some("socket") => socket(&options),
            other => MonitorAddress::Other(Text::new(other.unwrap_or_default())),
        };
        self.chardevs.insert(id.to_owned(), (options.is_on("server"), address));
    }

    /// `-mon [chardev=]ID,mode=control`
    pub(super) fn mon(&mut self, argument: &[u8]) {
        let options = Options::parse(argument, "chardev");
        if let Some(id) = options.value("chardev") {
            self.push(options.value("mode") == Some("control"), Where::Chardev(id.to_owned()));
        }
    }

    /// `-qmp unix:PATH,server=on` and `-monitor tcp:HOST:PORT,server`
    pub(super) fn legacy(&mut self, argument: &[u8], is_qmp: bool) {
        let text = String::from_utf8_lossy(argument);
        let (kind, rest) = text.split_once(':').unwrap_or((&text, ""));
        let place = match kind {
            "chardev" => Where::Chardev(rest.to_owned()),
            "unix" => {
                let options = Options::from_pairs(rest, "path");
                Where::Here(options.is_on("server"), socket(&options))
            }
            "tcp" | "telnet" | "tn3270" | "websocket" => {
                let options = Options::from_pairs(rest, "address");
                let (host, port) = options.value("address").and_then(|address| address.rsplit_once(':')).unwrap_or_default();
                let is_too_long = host.len() > LONGEST || port.len() > LONGEST;
                let address =
                    if is_too_long { MonitorAddress::Other(Text::new(&text)) } else { MonitorAddress::Tcp(host.into(), port.into()) };
                Where::Here(options.is_on("server"), address)
            }
            "none" => return,
            _ => Where::Here(false, MonitorAddress::Other(Text::new(&text))),
        };
        self.push(is_qmp, place);
    }

    fn push(&mut self, is_qmp: bool, place: Where) {
        if self.found.len() < MOST {
            self.found.push((is_qmp, place));
        }
    }

    pub(super) fn has_chardev(&self, id: &str) -> bool {
        self.chardevs.contains_key(id)
    }

    pub(super) fn into_monitors(self) -> Vec<Monitor> {
        let resolve = |place| match place {
            Where::Here(is_server, address) => Some((is_server, address)),
            Where::Chardev(id) => self.chardevs.get(&id).cloned(),
        };
        let found = self.found.into_iter().filter_map(|(is_qmp, place)| Some((is_qmp, resolve(place)?)));
        found.map(|(is_qmp, (is_server, address))| Monitor { is_qmp, is_server, address }).collect()
    }
}

/// The longest path of a Unix socket, and the longest host name that is kept.
const LONGEST: usize = 255;

fn socket(options: &Options) -> MonitorAddress {
    let text = |key| options.value(key).unwrap_or_default().to_owned();
    if ["path", "host", "port"].iter().any(|key| options.value(key).is_some_and(|value| value.len() > LONGEST)) {
        return MonitorAddress::Other(Text::new("an address that is too long"));
    }
    match (options.value("path"), options.number("fd")) {
        (Some(path), _) if options.is_on("abstract") => MonitorAddress::Abstract(path.to_owned()),
        (Some(path), _) => MonitorAddress::Unix(path.to_owned()),
        (None, Some(number)) => MonitorAddress::Descriptor(number),
        (None, None) => MonitorAddress::Tcp(text("host"), text("port")),
    }
}
