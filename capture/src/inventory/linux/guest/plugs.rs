//! The backends of a guest that are no device, with paths as others find them.

use super::process::Process;
use crate::qemu::command_line::{CommandLine, Plug, PlugAddress};
use tapscope_graph::host::{BackendKind, Nic};

/// A backend without a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestPlug {
    /// The guest's process.
    pub pid: u32,
    /// The card's place in [`Guest::nics`](tapscope_graph::host::Guest::nics).
    pub nic: u32,
    /// What its command line says; with paths seen from the root.
    pub plug: Plug,
    /// Whether the guest's sockets may be seen.
    pub is_seen: bool,
}

/// The backends that neither are a device nor lead to a hub, which has entries of its own.
pub(super) fn plugs(process: &Process, line: &CommandLine, nics: &[Nic], is_seen: bool) -> Vec<GuestPlug> {
    let mut found = Vec::new();
    for (at, (card, nic)) in line.nics.iter().zip(nics).enumerate() {
        let Some(backend) = &nic.backend else { continue };
        if matches!(backend.kind, BackendKind::Tap | BackendKind::Macvtap | BackendKind::Hubport | BackendKind::Unknown) {
            continue;
        }
        let absolute = |path: &mut String| *path = process.absolute(path).to_string_lossy().into_owned();
        let mut plug = card.plug.clone();
        match &mut plug {
            Plug::Stream { address, .. } => unix_path(address).into_iter().for_each(absolute),
            Plug::Datagram { local, remote } => {
                [local, remote].into_iter().flatten().filter_map(unix_path).for_each(absolute);
            }
            Plug::Path(path) if backend.kind.name() == "vde" => absolute(path),
            Plug::None | Plug::Group { .. } | Plug::Descriptor(_) | Plug::Path(_) => {}
        }
        found.push(GuestPlug { pid: process.pid, nic: at as u32, plug, is_seen });
    }
    found
}

fn unix_path(address: &mut PlugAddress) -> Option<&mut String> {
    match address {
        PlugAddress::Unix(path) => Some(path),
        PlugAddress::Inet(..) | PlugAddress::Abstract(_) | PlugAddress::Descriptor(_) => None,
    }
}
