//! The network options one by one: `-netdev`, `-nic`, `-net` and `-device`, and what QEMU adds where there is none of them.

use super::options::Options;
use super::plug::{self, Plug};
use super::{Card, NICS, hub, mac};
use std::collections::BTreeMap;
use tapscope_graph::host::{Backend, BackendKind};
use tapscope_graph::{MacAddr, Text};

/// When QEMU makes a card, earliest first; this order decides who gets which default address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// `-nic`
    Nic,
    /// `-net nic`
    Net,
    /// `-device key=value`
    Device,
    /// `-device {…}`
    JsonDevice,
}

/// What a card is plugged into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// Nothing.
    None,
    /// The backend of that name.
    Netdev(String),
    /// A port of that hub.
    Hub(u32),
}

/// When QEMU opens a backend, earliest first; so QEMU 7.2 was seen to name its TAPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Opened {
    /// `-netdev {…}`
    JsonNetdev,
    /// `-netdev key=value`
    Netdev,
    /// `-nic`
    Nic,
    /// `-net`
    Net,
}

/// A card on the command line.
#[derive(Debug)]
pub(super) struct Adapter {
    pub(super) at: usize,
    pub(super) stage: Stage,
    pub(super) id: Option<String>,
    /// None where the machine decides.
    pub(super) model: Option<String>,
    pub(super) mac: Option<MacAddr>,
    pub(super) peer: Peer,
}

/// A backend on the command line.
#[derive(Debug)]
pub(super) struct Netdev {
    pub(super) at: usize,
    /// The order in which they are opened.
    pub(super) opened: Opened,
    pub(super) id: Option<String>,
    pub(super) options: Options,
    /// The hub that it is on: `-net`, or `hubid=` of a `hubport`.
    pub(super) hub: Option<u32>,
    /// What a `hubport` joins with its hub.
    pub(super) joins: Option<String>,
    /// What it is plugged into.
    pub(super) plug: Plug,
}

/// All network options.
#[derive(Debug, Default)]
pub(super) struct Network {
    pub(super) adapters: Vec<Adapter>,
    pub(super) netdevs: Vec<Netdev>,
    /// The sockets of character devices, which a backend may name before or behind them.
    chardevs: BTreeMap<String, Plug>,
    /// The machine's type.
    machine: Option<String>,
    /// Whether there is a network option, or `-nodefaults`.
    has_no_default: bool,
}

impl Network {
    /// Takes an option, which may be of another kind.
    pub(super) fn option(&mut self, at: usize, name: &str, argument: &[u8]) {
        match name {
            "nodefaults" => self.has_no_default = true,
            "M" | "machine" => {
                if let Some(machine) = Options::parse(argument, "type").value("type") {
                    self.machine = Some(machine.to_owned());
                }
            }
            "netdev" => {
                self.has_no_default = true;
                let options = Options::parse(argument, "type");
                let opened = if argument.starts_with(b"{") { Opened::JsonNetdev } else { Opened::Netdev };
                self.netdev(at, opened, options.value("id").map(str::to_owned), options);
            }
            "nic" => {
                self.has_no_default = true;
                self.nic(at, Options::parse(argument, "type"));
            }
            "net" => {
                self.has_no_default = true;
                self.net(at, Options::parse(argument, "type"));
            }
            "device" => self.device(at, Options::parse(argument, "driver"), argument.starts_with(b"{")),
            _ => {}
        }
    }

    /// `-chardev socket,id=ID,…`
    pub(super) fn chardev(&mut self, argument: &[u8]) {
        let options = Options::parse(argument, "backend");
        if let Some(id) = options.value("id").filter(|_| options.value("backend") == Some("socket") && self.chardevs.len() < NICS) {
            self.chardevs.insert(id.to_owned(), plug::chardev(&options));
        }
    }

    fn netdev(&mut self, at: usize, opened: Opened, id: Option<String>, options: Options) {
        let is_hubport = options.value("type") == Some("hubport");
        let hub = if is_hubport { options.number("hubid") } else { None };
        let joins = options.value("netdev").filter(|_| is_hubport).map(str::to_owned);
        if self.netdevs.len() < NICS {
            self.netdevs.push(Netdev { at, opened, id, options, hub, joins, plug: Plug::None });
        }
    }

    fn adapter(&mut self, adapter: Adapter) {
        if self.adapters.len() < NICS {
            self.adapters.push(adapter);
        }
    }

    /// A backend and a card in one.
    fn nic(&mut self, at: usize, options: Options) {
        if options.value("type") == Some("none") {
            return;
        }
        // QEMU makes up a name that no user can choose, since identifiers start with a letter.
        let id = options.value("id").map_or_else(|| format!("#nic{at}"), str::to_owned);
        let model = options.value("model").map(str::to_owned);
        let mac = options.value("mac").and_then(mac::parse);
        self.adapter(Adapter { at, stage: Stage::Nic, id: None, model, mac, peer: Peer::Netdev(id.clone()) });
        self.netdev(at, Opened::Nic, Some(id), options);
    }

    /// A card or a backend on a hub, which was called VLAN up to QEMU 2.12.
    fn net(&mut self, at: usize, options: Options) {
        let hub = options.number("vlan").unwrap_or(0);
        let id = options.value("name").or(options.value("id")).map(str::to_owned);
        match options.value("type") {
            Some("nic") => {
                let peer = options.value("netdev").map_or(Peer::Hub(hub), |id| Peer::Netdev(id.to_owned()));
                let model = options.value("model").map(str::to_owned);
                let mac = options.value("macaddr").and_then(mac::parse);
                self.adapter(Adapter { at, stage: Stage::Net, id, model, mac, peer });
            }
            // `dump` writes the frames of a hub to a file.
            None | Some("none" | "dump") => {}
            Some(_) => {
                self.netdev(at, Opened::Net, id, options);
                if let Some(netdev) = self.netdevs.last_mut().filter(|netdev| netdev.at == at) {
                    netdev.hub = Some(hub);
                }
            }
        }
    }

    fn device(&mut self, at: usize, options: Options, is_json: bool) {
        let Some(driver) = options.value("driver") else { return };
        let netdev = options.value("netdev").filter(|id| !id.is_empty());
        if !is_card(driver) && netdev.is_none() {
            return;
        }
        let peer = match (netdev, options.number("vlan")) {
            (Some(id), _) => Peer::Netdev(id.to_owned()),
            (None, Some(hub)) => Peer::Hub(hub),
            (None, None) => Peer::None,
        };
        self.adapter(Adapter {
            at,
            stage: if is_json { Stage::JsonDevice } else { Stage::Device },
            id: options.value("id").map(str::to_owned),
            model: Some(driver.to_owned()),
            mac: options.value("mac").and_then(mac::parse),
            peer,
        });
    }

    /// The cards with their backends, as the program by that name makes them.
    pub(super) fn into_cards(mut self, program: &[u8]) -> Vec<Card> {
        if !self.has_no_default {
            // system/vl.c: `-net nic -net user`.
            for argument in ["nic", "user"] {
                self.net(usize::MAX, Options::parse(argument.as_bytes(), "type"));
            }
        }
        let default = default_model(program, self.machine.as_deref().unwrap_or_default());
        if default == DefaultModel::NoCard {
            self.adapters.retain(|adapter| adapter.stage >= Stage::Device);
        }
        for adapter in &mut self.adapters {
            let model = adapter.model.take().unwrap_or_else(|| default.name().to_owned());
            adapter.model = Some(full_model(program, model));
        }
        for netdev in &mut self.netdevs {
            let chardev = netdev.options.value("chardev").and_then(|id| self.chardevs.get(id));
            netdev.plug = plug::plug(&netdev.options, chardev);
        }
        hub::join(self.adapters, self.netdevs)
    }
}

impl Netdev {
    /// As the model knows it.
    pub(super) fn backend(&self) -> Backend {
        let options = &self.options;
        let queues = ["fds", "vhostfds"].map(|key| options.numbers(key).len() as u32).into_iter().max().unwrap_or(0);
        let kind = match options.value("type") {
            None if self.opened <= Opened::Netdev => BackendKind::Unknown,
            name => kind(name.unwrap_or("user")),
        };
        let is_tap = kind == BackendKind::Tap;
        Backend {
            id: self.id.as_deref().filter(|id| !id.starts_with('#')).map(Text::new),
            kind,
            options: options.text(&["type", "id", "mac", "macaddr", "model", "vlan", "name"]),
            devices: Vec::new(),
            interface: options.value("ifname").filter(|name| is_tap && !name.is_empty()).map(Text::new),
            queues: options.number("queues").unwrap_or(queues).clamp(1, 1024),
            has_vhost: is_tap
                && (options.is_on("vhost")
                    || options.is_on("vhostforce")
                    || ["vhostfd", "vhostfds"].iter().any(|key| options.value(key).is_some())),
            hub: self.hub,
        }
    }

    /// Descriptors that were handed over.
    pub(super) fn descriptors(&self) -> Vec<u32> {
        let address = |prefix: &str| {
            let is_fd = self.options.value(&format!("{prefix}.type")) == Some("fd");
            self.options.number(&format!("{prefix}.str")).filter(|_| is_fd)
        };
        let mut out = self.options.numbers("fds");
        out.extend(self.options.number("fd"));
        out.extend(["addr", "local", "remote"].into_iter().filter_map(address));
        out
    }

    /// Whether a helper program opens it.
    pub(super) fn is_by_helper(&self) -> bool {
        self.options.value("type") == Some("bridge") || self.options.value("helper").is_some()
    }
}

fn kind(name: &str) -> BackendKind {
    match name {
        "tap" | "bridge" => BackendKind::Tap,
        "user" => BackendKind::User,
        "socket" => BackendKind::Socket,
        "stream" => BackendKind::Stream,
        "dgram" => BackendKind::Dgram,
        "hubport" => BackendKind::Hubport,
        "vhost-user" => BackendKind::VhostUser,
        "vhost-vdpa" => BackendKind::VhostVdpa,
        "passt" => BackendKind::Passt,
        other => BackendKind::Other(Text::new(other)),
    }
}

/// Whether a `-device` of that driver is a network card, also without a backend (`-device help`, network devices).
fn is_card(driver: &str) -> bool {
    const PREFIXES: [&str; 4] = ["e1000", "i8255", "virtio-net", "ne2k_"];
    const NAMES: [&str; 13] = [
        "i82562",
        "i82801",
        "igb",
        "pcnet",
        "rtl8139",
        "spapr-vlan",
        "sungem",
        "tulip",
        "usb-net",
        "vmxnet3",
        "lan9118",
        "xen-net-device",
        "dp8393x",
    ];
    PREFIXES.iter().any(|prefix| driver.starts_with(prefix)) || NAMES.contains(&driver)
}

/// The model of a card whose model is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DefaultModel {
    Known(&'static str),
    /// Only QEMU knows.
    Unknown,
    /// The machine has no cards but those of `-device`.
    NoCard,
}

impl DefaultModel {
    fn name(self) -> &'static str {
        match self {
            DefaultModel::Known(name) => name,
            DefaultModel::Unknown | DefaultModel::NoCard => "machine default",
        }
    }
}

/// What `info network` of QEMU 7.2 showed for these machines.
fn default_model(program: &[u8], machine: &str) -> DefaultModel {
    let is_x86 = matches!(program, b"qemu-system-x86_64" | b"qemu-system-i386" | b"qemu" | b"kvm");
    if machine == "none" || is_x86 && machine == "microvm" {
        return DefaultModel::NoCard;
    }
    // Red Hat's machines have their own.
    if !is_x86 || machine.contains("rhel") {
        return DefaultModel::Unknown;
    }
    let q35_version = machine.strip_prefix("pc-q35-").map(|version| version.split_once('.').unwrap_or((version, "0")));
    match (machine, q35_version.map(|(major, minor)| (major.parse::<u32>(), minor.parse::<u32>()))) {
        ("q35", _) => DefaultModel::Known("e1000e"),
        (_, Some((Ok(major), minor))) => DefaultModel::Known(if (major, minor.unwrap_or(0)) >= (2, 12) { "e1000e" } else { "e1000" }),
        ("isapc", _) => DefaultModel::Known("ne2k_isa"),
        ("" | "pc", _) => DefaultModel::Known("e1000"),
        (name, None) if name.starts_with("pc-i440fx-") || name.starts_with("pc-1.") || name.starts_with("pc-0.") => {
            DefaultModel::Known("e1000")
        }
        _ => DefaultModel::Unknown,
    }
}

/// The name behind an alias (system/qdev-monitor.c, `qdev_alias_table`; hw/pci, `pci_nic_init`).
fn full_model(program: &[u8], model: String) -> String {
    let is_s390 = program.starts_with(b"qemu-system-s390x");
    match model.as_str() {
        "virtio" | "virtio-net" if is_s390 => "virtio-net-ccw".into(),
        "virtio" | "virtio-net" => "virtio-net-pci".into(),
        "e1000-82540em" => "e1000".into(),
        _ => model,
    }
}
