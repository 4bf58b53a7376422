//! Places to listen, as Wireshark's interfaces.

use crate::live::now;
use crate::live::scope::{Only, Scope, cable_description};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;
use tapscope_capture::inventory;
use tapscope_graph::host::{CableSight, Host};

/// How long the host may take to say what it is: Wireshark waits for the answer each time it starts.
const PATIENCE: Duration = Duration::from_secs(2);

/// One interface of Wireshark's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What Wireshark calls it on its command line.
    pub value: String,
    /// What people read.
    pub display: String,
    /// What is listened to; none: everywhere.
    pub only: Option<Only>,
    /// Which guest has to be asked for copies, and so changed.
    pub qmp: Option<String>,
}

/// Tells Wireshark the interfaces.
///
/// # Errors
/// Where the host cannot be asked, or nobody reads.
pub fn list(out: &mut impl Write) -> Result<()> {
    writeln!(out, "extcap {{version={}}}{{display=tapscope}}", env!("CARGO_PKG_VERSION"))?;
    for Place { value, display, .. } in places()? {
        writeln!(out, "interface {{value={value}}}{{display={display}}}")?;
    }
    Ok(())
}

/// A place by its value.
///
/// # Errors
/// Where the host cannot be asked, or has no such place any more.
pub fn find(value: &str) -> Result<Place> {
    let place = places()?.into_iter().find(|place| place.value == value);
    place.with_context(|| format!("there is no place {} any more: refresh Wireshark's interfaces (F5)", tapscope_graph::Text::new(value)))
}

fn places() -> Result<Vec<Place>> {
    let mut inventory = inventory::open(inventory::Scope::Usual).context("cannot ask this host for its interfaces")?;
    let mut host = Host::default();
    for change in inventory.next(PATIENCE).context("cannot ask this host for its interfaces")? {
        host.apply(now(), change);
    }
    Ok(places_of(&host))
}

/// Everything together, then each device and each cable.
fn places_of(host: &Host) -> Vec<Place> {
    let mut places = Vec::new();
    let mut taken = BTreeSet::new();
    let mut add = |name: &str, display: String, only, qmp| {
        let value = free(&mut taken, &format!("tapscope-{}", plain(name)));
        places.push(Place { value, display: display.replace(['{', '}'], "|"), only, qmp });
    };
    add("all", "tapscope: all guests, TAPs and bridges".to_owned(), None, None);
    let scope = Scope::default();
    for device in host.devices() {
        let Ok(target) = scope.target(host, device) else { continue };
        let what = target.description.map_or_else(|| device.kind.name().to_owned(), |what| tapscope_graph::Text::long(&what).to_string());
        // Named after its namespace, so that it stays the same place whatever comes and goes in others.
        let elsewhere = host.namespace(device.id.netns).filter(|namespace| !namespace.is_own);
        let name = match elsewhere.map(|namespace| namespace.name.as_ref()) {
            None => device.name.to_string(),
            Some(Some(namespace)) => format!("{}-in-{namespace}", device.name),
            Some(None) => format!("{}-in-{}", device.name, device.id.netns.0),
        };
        add(&name, format!("{}: {what}", device.name), Some(Only::Device(device.id.netns, device.name.clone())), None);
    }
    for cable in host.cables() {
        let what = cable_description(host, cable);
        let guest = cable.ends.iter().find_map(|end| host.guests().find(|guest| Some(guest.pid) == end.pid));
        let guest = guest.and_then(|guest| guest.name.as_ref()).map(ToString::to_string);
        let (display, qmp) = match &cable.sight {
            CableSight::Carried { .. } => (format!("{}: cable, {what}", cable.key), None),
            CableSight::Asked { monitor: Some(_), .. } if guest.is_some() => {
                (format!("{}: cable, {what}; QEMU is asked for a copy, which changes the guest while it is captured", cable.key), guest)
            }
            CableSight::Asked { .. } | CableSight::Unseen { .. } | CableSight::Unknown => continue,
        };
        add(&format!("cable-{}", cable.key), display, Some(Only::Cable(cable.key.clone())), qmp);
    }
    places
}

/// What a file name and a shell take as it is.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    name.chars().take(48).map(kept).collect()
}

/// Two names that differ only in what is not plain are two places.
fn free(taken: &mut BTreeSet<String>, value: &str) -> String {
    let numbered = (2..).map(|number| format!("{value}-{number}"));
    let free = std::iter::once(value.to_owned()).chain(numbered).find(|value| !taken.contains(value)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapscope_graph::host::{
        Backend, Cable, CableEnd, CableKind, Device, DeviceId, DeviceKind, Guest, HostChange, HostFact, Namespace, Netns, Nic, TunMode,
    };
    use tapscope_graph::{MacAddr, Text, Timestamp};

    #[test]
    fn guests_and_cables_are_called_by_their_names() {
        let mut host = Host::default();
        let mut tell = |fact| host.apply(Timestamp(0), HostChange::Set(fact));
        let tap = |netns, index| {
            let id = DeviceId { netns: Netns(netns), index };
            let kind = DeviceKind::Tun(TunMode { is_tap: true, ..TunMode::default() });
            HostFact::Device(Box::new(Device { id, name: Text::new("tap0"), kind, ..Device::default() }))
        };
        tell(HostFact::Namespace(Namespace { id: Netns(2), is_own: true, ..Namespace::default() }));
        tell(HostFact::Namespace(Namespace { id: Netns(1), name: Some(Text::new("red")), ..Namespace::default() }));
        tell(tap(1, 2));
        tell(tap(2, 2));
        let backend = Backend { devices: vec![DeviceId { netns: Netns(1), index: 2 }], ..Backend::default() };
        let nic = Nic { mac: Some(MacAddr([2, 0, 0, 0, 0, 10])), backend: Some(backend), ..Nic::default() };
        tell(HostFact::Guest(Box::new(Guest { pid: 7, name: Some(Text::new("g{1}")), nics: vec![nic], ..Guest::default() })));
        let end = CableEnd { pid: Some(7), nic: Some(0), ..CableEnd::default() };
        let cable =
            |key: &str, sight| Cable { key: Text::new(key), kind: CableKind::User, ends: vec![end.clone()], sight, ..Cable::default() };
        let asked = |monitor: Option<&str>| CableSight::Asked { monitor: monitor.map(Text::new), remedy: Text::new("") };
        tell(HostFact::Cable(Box::new(cable("user g1/n0", asked(Some("/run/qmp"))))));
        tell(HostFact::Cable(Box::new(cable("user g2/n0", asked(None)))));
        let lines: Vec<String> = places_of(&host).into_iter().map(|place| format!("{} = {}", place.value, place.display)).collect();
        assert_eq!(
            lines,
            [
                "tapscope-all = tapscope: all guests, TAPs and bridges",
                "tapscope-tap0-in-red = tap0: guest g|1| 02:00:00:00:00:0a, in namespace red",
                "tapscope-tap0 = tap0: tap",
                "tapscope-cable-user-g1-n0 = user g1/n0: cable, guest g|1| 02:00:00:00:00:0a; QEMU is asked for a copy, which changes the guest while it is captured",
            ]
        );
    }
}
