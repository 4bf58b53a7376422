//! What stands in a file of faults.

use serde::Deserialize;
use std::collections::BTreeMap;

use crate::answer::Expect;

/// What is built.
pub const FILES: [(&str, &str); 14] = [
    ("bridge", include_str!("bridge.toml")),
    ("cable", include_str!("cable.toml")),
    ("dhcp", include_str!("dhcp.toml")),
    ("drops", include_str!("drops.toml")),
    ("fdb", include_str!("fdb.toml")),
    ("filter", include_str!("filter.toml")),
    ("guest", include_str!("guest.toml")),
    ("healthy", include_str!("healthy.toml")),
    ("ipv6", include_str!("ipv6.toml")),
    ("outside", include_str!("outside.toml")),
    ("pairs", include_str!("pairs.toml")),
    ("route", include_str!("route.toml")),
    ("tap", include_str!("tap.toml")),
    ("vlan", include_str!("vlan.toml")),
];

/// One fault: a network, what is broken in it, and what `tapscope why` has to say.
///
/// A command is `WHERE: shell command`, where `WHERE` is one of [`PLACES`]. It finds the namespaces' names in `$H`, `$A`, `$B` and so on, the
/// processes that have the guests' TAPs open in `$WIRE_A`, `$WIRE_B` and so on, a folder for files in `$LAB`, and the scripts of this folder
/// in `$SCRIPTS`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The code of its cause, or what is special.
    pub name: String,
    /// The network.
    pub base: Base,
    /// Further namespaces: `c`, a third guest behind `tapC`, and any other of [`PLACES`].
    #[serde(default)]
    pub more: Vec<String>,
    /// The guests' addresses; where they are not named, those of the base.
    pub addresses: Option<BTreeMap<String, String>>,
    /// Guests whose card is in a real QEMU: its arguments, with a netdev `n0`.
    #[serde(default)]
    pub qemu: BTreeMap<String, String>,
    /// What the kernel must have.
    pub needs: Option<Need>,
    /// What breaks it, before tapscope comes.
    #[serde(default)]
    pub build: Vec<String>,
    /// What is done while tapscope listens, and may fail: what one would do to see the fault. Otherwise A pings B three times.
    pub trigger: Option<Vec<String>>,
    /// Whom to ask for; otherwise A's and B's address.
    pub ask: Option<[String; 2]>,
    /// Namespaces that tapscope looks into besides the host's.
    #[serde(default)]
    pub see: Vec<String>,
    /// Further arguments of tapscope, such as `--qmp all`.
    #[serde(default)]
    pub with: Vec<String>,
    /// Whether its recording is kept; not where it would be large.
    #[serde(default = "yes")]
    pub keep: bool,
    /// What tapscope lacks for the right answer, as long as it gives another one: such a fault only runs with `--include-ignored`, and is
    /// named in each run.
    pub unsolved: Option<String>,
    /// The answer.
    pub expect: Expect,
}

fn yes() -> bool {
    true
}

/// Where commands run.
pub const PLACES: [(&str, &str); 8] = [("host", "H"), ("a", "A"), ("b", "B"), ("c", "C"), ("x", "X"), ("k", "K"), ("n", "N"), ("q", "Q")];

/// What not every kernel has.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Bridges that keep VLANs apart (`CONFIG_BRIDGE_VLAN_FILTERING`).
    VlanFiltering,
    /// Devices for VLANs (`CONFIG_VLAN_8021Q`).
    VlanDevices,
    /// Tracing that tells why packets are dropped (`CONFIG_TRACING`, Linux 5.17).
    DropReasons,
}

/// The networks to break.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// A (10.9.0.1/24) on tapA and B (10.9.0.2/24) on tapB, both ports of br0.
    Bridged,
    /// A (10.9.1.1/24) on tapA of brA, B (10.9.2.1/24) on tapB of brB; the host has .254 in both and routes.
    Routed,
    /// A (10.9.1.1/24) on tapA of br0, where the host has .254; its uplink up0 (198.51.100.2) leads to X (198.51.100.1, 203.0.113.9). No NAT.
    Uplink,
    /// Only the namespaces of the host, A and B, and guests in a QEMU.
    Bare,
}

impl Base {
    /// A's and B's addresses, if nothing else is said.
    pub fn addresses(self) -> [&'static str; 2] {
        match self {
            Base::Bridged | Base::Bare => ["10.9.0.1/24", "10.9.0.2/24"],
            Base::Routed => ["10.9.1.1/24", "10.9.2.1/24"],
            Base::Uplink => ["10.9.1.1/24", "203.0.113.9/32"],
        }
    }
}

impl Fault {
    /// Whom to ask for.
    pub fn parties(&self) -> [String; 2] {
        let address = |(guest, usual): (&str, &str)| {
            let address = self.addresses.as_ref().and_then(|all| all.get(guest)).map_or(usual, String::as_str);
            address.split('/').next().unwrap_or_default().to_owned()
        };
        let [a, b] = self.base.addresses();
        self.ask.clone().unwrap_or_else(|| [("a", a), ("b", b)].map(address))
    }
}

/// A fault that no test can build, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unbuilt {
    /// The code of its cause.
    pub code: String,
    /// Why not.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fault: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Missing {
    unbuilt: Vec<Unbuilt>,
}

/// Reads a file of faults.
///
/// # Panics
/// If something else stands in it.
pub fn read(name: &str, text: &str) -> Vec<Fault> {
    let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("tests/faults/{name}.toml: {error}"));
    file.fault
}

/// Reads the file of those that are not built.
///
/// # Panics
/// As [`read`].
pub fn unbuilt() -> Vec<Unbuilt> {
    let file: Missing = toml::from_str(include_str!("unbuilt.toml")).unwrap_or_else(|error| panic!("tests/faults/unbuilt.toml: {error}"));
    file.unbuilt
}
