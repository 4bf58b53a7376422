//! A guest's card as a place to listen: who is at the other side, whether its frames can be seen, how, and at what price.

use serde::Serialize;
use tapscope_graph::Text;
use tapscope_graph::host::{Backend, BackendKind, Cable, CableEnd, CableKind, CableState, Device, Guest, Host};

/// What can be said of a card with a backend.
#[derive(Serialize)]
pub struct Outlook {
    /// Who or what is at the other side, or that nobody is.
    pub peer: String,
    /// The cable's key, where it is no device.
    cable: Option<String>,
    /// `carried`: by listening, which changes nothing; `asked`: by asking QEMU for a copy; `unseen`; `unknown`.
    sight: &'static str,
    /// The same in words, with the price or the reason, and the next step.
    #[serde(rename = "sight_text")]
    pub words: String,
}

impl Outlook {
    /// That of the card at a place among the guest's.
    pub fn of(host: &Host, guest: &Guest, nic: usize) -> Option<Outlook> {
        let backend = guest.nics.get(nic)?.backend.as_ref()?;
        if matches!(backend.kind, BackendKind::Tap | BackendKind::Macvtap) {
            return Some(Outlook::of_device(host, backend));
        }
        if backend.kind == BackendKind::Hubport {
            let hub = backend.hub.map_or_else(String::new, |hub| format!(" {hub}"));
            let words = "its frames pass QEMU's hub, and are seen at the hub's other backends".to_owned();
            return Some(Outlook { peer: format!("hub{hub} inside QEMU"), cable: None, sight: "unknown", words });
        }
        let is_it = |end: &&CableEnd| end.pid == Some(guest.pid) && end.nic == u32::try_from(nic).ok();
        let (cable, own) = host.cables().find_map(|cable| Some((cable, cable.ends.iter().find(is_it)?)))?;
        Some(Outlook {
            peer: peers(host, cable, own),
            cable: Some(cable.key.to_string()),
            sight: cable.sight.name(),
            words: cable.sight.words(host),
        })
    }

    fn of_device(host: &Host, backend: &Backend) -> Outlook {
        let devices: Vec<&Device> = backend.devices.iter().filter_map(|&id| host.device(id)).collect();
        let names: Vec<String> = devices.iter().map(|device| place(host, device)).collect();
        let bridges = devices.iter().filter_map(|device| host.device(device.master?));
        let bridges: Vec<String> = bridges.map(|bridge| format!("{} {}", bridge.kind.name(), bridge.name)).collect();
        let peer = if bridges.is_empty() { "this host".to_owned() } else { bridges.join(", ") };
        if names.is_empty() {
            let name = backend.interface.as_ref().map_or("its device", Text::as_str);
            let words = format!("{name} is not seen from here: sudo tapscope, or --netns with the namespace that it is in");
            return Outlook { peer: "unknown".to_owned(), cable: None, sight: "unseen", words };
        }
        let vhost = if backend.has_vhost { "; filters of QEMU do not see its frames (vhost), the TAP does" } else { "" };
        let words = format!("at {}, which changes nothing{vhost}", names.join(", "));
        Outlook { peer, cable: None, sight: "carried", words }
    }
}

/// A device's name, with its namespace where that is not ours.
pub fn place(host: &Host, device: &Device) -> String {
    match host.namespace(device.id.netns).filter(|namespace| !namespace.is_own) {
        Some(namespace) => {
            format!("{} in {}", device.name, namespace.name.as_ref().map_or_else(|| namespace.id.0.to_string(), Text::to_string))
        }
        None => device.name.to_string(),
    }
}

/// Whoever else is on a cable, and what becomes of frames.
fn peers(host: &Host, cable: &Cable, own: &CableEnd) -> String {
    let others: Vec<String> = cable.ends.iter().filter(|end| *end != own).map(|end| named(host, end)).collect();
    let others = match (&cable.kind, own.local) {
        (CableKind::User, _) => return "QEMU's user-mode stack".to_owned(),
        (CableKind::Multicast, Some(group)) => {
            std::iter::once(format!("group {group}")).chain(others.into_iter().map(|name| format!("with {name}"))).collect()
        }
        _ => others,
    };
    match (others.is_empty(), cable.state) {
        (true, CableState::Disconnected) if own.remote.is_some() => {
            let at = own.remote.map_or_else(String::new, |at| at.to_string());
            if cable.kind == CableKind::Udp { format!("nobody is at {at}") } else { format!("nobody answers at {at}") }
        }
        (true, CableState::Unknown) => {
            let place = own.path.as_ref().map_or_else(String::new, |path| format!(" at {path}"));
            format!("{}{place}", cable.kind.name())
        }
        (true, state) => state.name().to_owned(),
        (false, CableState::Unknown) => others.join(", "),
        (false, state) => format!("{}, {}", others.join(", "), state.name()),
    }
}

/// `g2, e1000 52:54:00:12:34:57`, a program with its process, or an address on another host.
fn named(host: &Host, end: &CableEnd) -> String {
    let guest = end.pid.and_then(|pid| host.guest(pid));
    let address = || end.local.map(|at| at.to_string()).or(end.path.as_ref().map(Text::to_string));
    match (guest, &end.program, end.pid) {
        (Some(guest), ..) => {
            let name = guest.name.as_ref().map_or_else(|| format!("process {}", guest.pid), Text::to_string);
            let nic = end.nic.and_then(|nic| guest.nics.get(nic as usize));
            let mac = nic.and_then(|nic| nic.mac).map_or_else(String::new, |mac| format!(" {mac}"));
            format!("{name}{mac}")
        }
        (None, Some(program), Some(pid)) => format!("{program} (process {pid})"),
        (None, _, Some(pid)) => format!("process {pid}"),
        (None, ..) => address().unwrap_or_else(|| "a program that may not be seen".to_owned()),
    }
}
