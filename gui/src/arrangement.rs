//! How the user arranged the picture of a host or a capture: where cards are pinned, what they are called, what is hidden or folded.
//!
//! Each host and each capture has a small file of its own beside the settings: `$XDG_CONFIG_HOME/tapscope/pictures/NAME.toml`. Things are
//! known there by what lasts, such as a guest's name or a station's address, rather than by the numbers of one run.

use crate::names::Names;
use crate::settings::{self, Settings};
use egui::{Pos2, pos2};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};
use tapscope_graph::host::Guest;
use tapscope_graph::topology::{Configured, Key, Link, Node, Vertex};
use tapscope_graph::{Text, View};

/// The most entries of each kind that are read from a file.
const MOST: usize = 10_000;
/// The most octets of a file that are read, and of a name in the file's own name.
const LENGTH: u64 = 4 << 20;
const NAME: usize = 80;

/// The arrangement, by lasting names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arrangement {
    /// Things that are left out of the picture.
    pub hidden: BTreeSet<String>,
    /// Groups that are shown as one: a bridge without its guests, a namespace without its inside.
    pub folded: BTreeSet<String>,
    /// What the user calls a node.
    pub names: BTreeMap<String, String>,
    /// Where the user put a card: its upper left corner.
    pub pins: BTreeMap<String, [f32; 2]>,
}

impl Arrangement {
    /// Where the arrangement of a host or capture is kept; none where the user has no home.
    pub fn path(title: &str) -> Option<PathBuf> {
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let plain: String = title.chars().map(|c| if is_plain(&c) { c } else { '_' }).take(NAME).collect();
        // Another title may have the same plain letters.
        let sum = title.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, octet| (sum ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3));
        let name = if plain == title && !plain.starts_with('.') { plain } else { format!("picture-{plain}-{sum:016x}") };
        Some(Settings::path()?.with_file_name("pictures").join(format!("{name}.toml")))
    }

    /// Reads it; what cannot be read is as at first.
    pub fn load(path: &Path) -> Arrangement {
        let is_short = fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= LENGTH);
        let text = if is_short { fs::read_to_string(path).ok() } else { None };
        let mut read: Arrangement = text.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default();
        read.pins.retain(|_, [x, y]| x.is_finite() && y.is_finite() && x.abs() < 1e6 && y.abs() < 1e6);
        read.names = read.names.into_iter().take(MOST).map(|(of, name)| (of, Text::new(name.trim()).to_string())).collect();
        read.names.retain(|_, name| !name.is_empty());
        read.pins = read.pins.into_iter().take(MOST).collect();
        read.hidden = read.hidden.into_iter().take(MOST).collect();
        read.folded = read.folded.into_iter().take(MOST).collect();
        read
    }

    /// Writes it down; nothing arranged needs no file.
    ///
    /// # Errors
    /// Where the directory or the file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if *self == Arrangement::default() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        settings::write(path, &toml::to_string(self).map_err(io::Error::other)?)
    }
}

/// An arrangement, and what it means for the things of a view.
#[derive(Default)]
pub(crate) struct Arranged {
    pub arrangement: Arrangement,
    pub pins: BTreeMap<Key, Pos2>,
    /// Shared with the other views of a frame.
    pub names: Arc<Names>,
    pub hidden: BTreeSet<Key>,
    /// Rails that stand for themselves or for their namespace, and which of both.
    pub folded: BTreeMap<Key, Key>,
}

impl Arranged {
    /// Looks up what it means.
    pub fn resolve(&mut self, view: &View) {
        let arrangement = &self.arrangement;
        let mut names = BTreeMap::new();
        (self.pins, self.hidden, self.folded, self.names) = Default::default();
        // Who stopped keeps its name.
        let stopped = crate::things::stopped(view);
        names.extend(stopped.iter().map(|(key, row)| (*key, crate::things::guest_name(row.guest))));
        if *arrangement == Arrangement::default() {
            self.names = Arc::new(Names::of(view, names));
            return;
        }
        for vertex in view.topology.graph.node_weights() {
            let key = key(vertex);
            let guest = stopped.get(&key).and_then(|row| of_guest(row.guest));
            let Some(of) = guest.or_else(|| lasting(view, vertex)) else { continue };
            self.pins.extend(arrangement.pins.get(&of).map(|&[x, y]| (key, pos2(x, y))));
            names.extend(arrangement.names.get(&of).map(|name| (key, name.clone())));
            self.hidden.extend(arrangement.hidden.contains(&of).then_some(key));
            self.folded.extend(arrangement.folded.contains(&of).then_some((key, key)));
        }
        self.names = Arc::new(Names::of(view, names));
        for node in view.topology.nodes() {
            let Some(Configured::Device(device)) = node.host else { continue };
            if self.folded.contains_key(&Key::Local(device.netns)) {
                self.folded.insert(node.key, Key::Local(device.netns));
            }
        }
    }

    /// Pins a card there; without a place lets it go.
    pub fn pin(&mut self, view: &View, key: Key, at: Option<Pos2>) {
        let Some(of) = lasting_key(view, key) else { return };
        match at {
            Some(at) => {
                self.pins.insert(key, at);
                self.arrangement.pins.insert(of, [at.x, at.y]);
            }
            None => {
                self.pins.remove(&key);
                self.arrangement.pins.remove(&of);
            }
        }
    }

    /// Calls a node so; an empty name takes the user's name back.
    pub fn name(&mut self, view: &View, key: Key, name: &str) {
        let Some(of) = lasting_key(view, key) else { return };
        match Text::new(name.trim()).to_string() {
            name if name.is_empty() => drop(self.arrangement.names.remove(&of)),
            name => drop(self.arrangement.names.insert(of, name)),
        }
        self.resolve(view);
    }

    /// Leaves a thing out of the picture.
    pub fn hide(&mut self, view: &View, key: Key) {
        self.arrangement.hidden.extend(lasting_key(view, key));
        self.resolve(view);
    }

    /// Shows a group as one, or with all that it has.
    pub fn fold(&mut self, view: &View, key: Key) {
        let Some(of) = lasting_key(view, key) else { return };
        if !self.arrangement.folded.remove(&of) {
            self.arrangement.folded.insert(of);
        }
        self.resolve(view);
    }
}

fn key(vertex: &Vertex) -> Key {
    match vertex {
        Vertex::Node(node) => node.key,
        Vertex::Link(link) => link.key,
    }
}

fn lasting_key(view: &View, wanted: Key) -> Option<String> {
    if let Some(row) = crate::things::stopped(view).get(&wanted) {
        return of_guest(row.guest);
    }
    view.topology.graph.node_weights().find(|vertex| key(vertex) == wanted).and_then(|vertex| lasting(view, vertex))
}

/// What a thing is called from one run to the next; none where nothing of it lasts.
fn lasting(view: &View, vertex: &Vertex) -> Option<String> {
    match vertex {
        Vertex::Node(node) => of_node(view, node),
        Vertex::Link(link) => of_link(view, link),
    }
}

fn of_guest(guest: &Guest) -> Option<String> {
    let mac = guest.nics.iter().find_map(|nic| nic.mac);
    match (&guest.name, mac) {
        (Some(name), _) => Some(format!("guest {name}")),
        (None, Some(mac)) => Some(format!("guest {mac}")),
        (None, None) => None,
    }
}

fn of_node(view: &View, node: &Node) -> Option<String> {
    let host = &view.tables.host;
    Some(match (node.key, node.host) {
        (_, Some(Configured::Guest(_))) => {
            return of_guest(crate::things::guest(view, node)?);
        }
        (_, Some(Configured::Device(id))) => {
            let device = host.device(id)?;
            let namespace = host.namespace(id.netns).filter(|namespace| !namespace.is_own);
            match namespace.map(|namespace| &namespace.name) {
                None => format!("bridge {}", device.name),
                Some(Some(name)) => format!("bridge {} in {name}", device.name),
                Some(None) => return None,
            }
        }
        (_, Some(Configured::Local(netns))) => match host.namespace(netns) {
            Some(namespace) if !namespace.is_own => format!("namespace {}", namespace.name.as_ref()?),
            _ => "this host".to_owned(),
        },
        (Key::Station(_, mac), None) => format!("station {mac}"),
        (Key::Outside(_, mac), None) => format!("outside {mac}"),
        (Key::Address(_, ip), None) => format!("address {ip}"),
        (Key::Bridge(point), None) => format!("bridge of {}", view.tables.points.get(point.0 as usize)?.label(point)),
        _ => return None,
    })
}

fn of_link(view: &View, link: &Link) -> Option<String> {
    if let Some(cable) = &link.cable {
        return Some(format!("cable {cable}"));
    }
    let vlan = link.vlan.map_or_else(String::new, |vlan| format!(" VLAN {vlan}"));
    match link.device.and_then(|id| view.tables.host.namespace(id.netns)).filter(|namespace| !namespace.is_own) {
        None => Some(format!("link {}{vlan}", link.name)),
        Some(namespace) => Some(format!("link {}{vlan} in {}", link.name, namespace.name.as_ref()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrangement_survives_a_restart_and_a_damaged_file_is_as_the_first_start() {
        let folder = std::env::temp_dir().join(format!("tapscope-arrangement-{}", std::process::id()));
        let path = folder.join("kvm01.toml");
        let mut arrangement = Arrangement::default();
        arrangement.pins.insert("guest web".to_owned(), [10.5, -3.0]);
        arrangement.names.insert("station 02:00:00:00:00:01".to_owned(), "printer".to_owned());
        arrangement.hidden.insert("link tap3".to_owned());
        arrangement.save(&path).expect("it is written");
        assert_eq!(Arrangement::load(&path), arrangement);
        fs::write(&path, "[pins]\na = [nan, 1.0]\nb = [1.0, 2.0]\n[names]\nc = \"\\u001b[2J\"\n").expect("it is written");
        let read = Arrangement::load(&path);
        assert_eq!(read.pins.keys().collect::<Vec<_>>(), ["b"]);
        assert!(read.names.values().all(|name| !name.contains('\u{1b}')), "a name that somebody wrote into the file is sanitised");
        Arrangement::default().save(&path).expect("it is removed");
        assert!(!path.exists(), "nothing arranged needs no file");
        fs::remove_dir_all(&folder).expect("it is ours");
    }

    #[test]
    fn titles_that_differ_only_in_odd_letters_have_files_of_their_own() {
        let name = |title| Arrangement::path(title).and_then(|path| path.file_name().map(ToOwned::to_owned));
        assert_ne!(name("a/b"), name("a_b"));
        assert_ne!(name("a/b"), name("a:b"));
        assert!(!name("../../etc/passwd").expect("there is a home").to_string_lossy().contains('/'));
    }
}
