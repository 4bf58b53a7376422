//! Cables that the user names, because nobody here may see whose they are: a peer on another host, another user's guest.

use super::Scope;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tapscope_capture::interface::{Role, Target, TargetCable};
use tapscope_graph::Text;
use tapscope_graph::host::{CableSight, Carrier, Device, Host, Netns};

/// A cable by what carries it, and on which device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    key: Text,
    carrier: Carrier,
    device: String,
}

/// Reads `8010`, `tcp:10.0.0.1:8010@eth0`, `udp:127.0.0.1:7001,127.0.0.1:7002` or `mcast:230.0.0.1:1234`.
///
/// # Errors
/// What would be right.
pub fn named(text: &str) -> Result<Named, String> {
    const RIGHT: &str =
        "a cable is PORT, tcp:ADDRESS:PORT, udp:ADDRESS:PORT,ADDRESS:PORT or mcast:GROUP:PORT, with @DEVICE where that is not loopback";
    let (place, device) = text.rsplit_once('@').unwrap_or((text, "lo"));
    let socket = |text: &str| text.parse::<SocketAddr>().ok();
    let any = |port| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
    let (key, carrier) = match place.split_once(':') {
        Some(("tcp", at)) => tcp(socket(at).or_else(|| at.parse().ok().map(any)).ok_or(RIGHT)?),
        Some(("udp", pair)) => {
            let (first, second) = pair.split_once(',').ok_or(RIGHT)?;
            let (first, second) = (socket(first).ok_or(RIGHT)?, socket(second).ok_or(RIGHT)?);
            (format!("udp {first} {second}"), Carrier::Udp { first, second })
        }
        Some(("mcast" | "multicast", at)) => {
            let group = socket(at).filter(|group| group.ip().is_multicast()).ok_or(RIGHT)?;
            (format!("multicast {group} on {device}"), Carrier::Multicast { group })
        }
        _ => tcp(any(place.trim_start_matches(':').parse().map_err(|_| RIGHT)?)),
    };
    if device.is_empty() {
        return Err(RIGHT.to_owned());
    }
    Ok(Named { key: Text::new(&key), carrier, device: device.to_owned() })
}

/// A listener on any address is called by that of loopback, as those are that were found.
fn tcp(at: SocketAddr) -> (String, Carrier) {
    let called = match at.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), at.port()),
        _ => at,
    };
    (format!("tcp {called}"), Carrier::Tcp { address: at.ip(), port: at.port() })
}

impl Scope {
    /// How to listen on the named ones that were not found anyway.
    pub(super) fn named(&self, host: &Host) -> Vec<Target> {
        let own = host.namespaces().find(|namespace| namespace.is_own).map_or(Netns::default(), |namespace| namespace.id);
        let is_found = |named: &Named| {
            host.cable(&named.key).is_some_and(|cable| matches!(cable.sight, CableSight::Carried { .. }) && self.cable(host, cable).is_ok())
        };
        let target = |named: &Named| Target {
            key: format!("cable {}", named.key),
            device: host.device_named(own, &named.device).map(|device: &Device| device.id).unwrap_or_default(),
            name: named.device.clone(),
            netns: None,
            description: Some("named by --cable".to_owned()),
            role: Role::Whole,
            promiscuous: false,
            cable: Some(TargetCable { key: named.key.clone(), carrier: named.carrier }),
        };
        self.cables.iter().filter(|named| !is_found(named)).map(target).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::scope::Places;

    #[test]
    fn a_cable_is_named_by_what_carries_it() {
        let key = |text: &str| named(text).map(|named| format!("{} at {}", named.key, named.device));
        assert_eq!(key("8010").as_deref(), Ok("tcp 127.0.0.1:8010 at lo"));
        assert_eq!(key(":8010").as_deref(), Ok("tcp 127.0.0.1:8010 at lo"));
        assert_eq!(key("tcp:8010@br0").as_deref(), Ok("tcp 127.0.0.1:8010 at br0"));
        assert_eq!(key("tcp:[fd00::1]:8010@eth0").as_deref(), Ok("tcp [fd00::1]:8010 at eth0"));
        assert_eq!(key("udp:127.0.0.1:7001,127.0.0.1:7002").as_deref(), Ok("udp 127.0.0.1:7001 127.0.0.1:7002 at lo"));
        assert_eq!(key("mcast:230.0.0.1:1234").as_deref(), Ok("multicast 230.0.0.1:1234 on lo at lo"));
        for wrong in ["", "x", "tcp:", "udp:127.0.0.1:7001", "mcast:10.0.0.1:1", "70000", "8010@"] {
            assert!(key(wrong).is_err_and(|error| error.starts_with("a cable is PORT")), "{wrong}");
        }
    }

    #[test]
    fn what_is_named_is_listened_to_beside_what_was_found() {
        let scope = Scope { cables: vec![named("8010").expect("a cable")], ..Scope::default() };
        let targets = scope.targets(&Host::default(), &mut Places::default());
        assert_eq!(
            targets.iter().map(|target| (target.point_name(), target.name.as_str())).collect::<Vec<_>>(),
            [("tcp 127.0.0.1:8010".to_owned(), "lo")]
        );
    }
}
