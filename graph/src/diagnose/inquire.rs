//! What only the kernel knows of a packet's way: which questions to ask it.

use super::causes::ruling;
use super::diagnosis::Leg;
use super::echoes::Echoes;
use super::firewall::Hook;
use super::scene::{Case, Scene, bridge};
use super::trail::{At, Spot, Stop};
use super::walk::Walk;
use crate::host::{Inquiry, RouteInquiry};
use crate::journey::Journey;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The questions about both legs.
pub(crate) fn inquiries(case: &Case<'_>) -> Vec<Inquiry> {
    let echoes = Echoes::of(case);
    // The last ones are those that are explained.
    let requests: Vec<&Journey> = echoes.requests.iter().rev().take(1).map(|(request, _)| *request).collect();
    let replies: Vec<&Journey> = echoes.replies.iter().rev().take(1).copied().collect();
    let mut asked = BTreeSet::new();
    for (leg, from, to, packets) in [(Leg::Request, &case.from, &case.to, requests), (Leg::Reply, &case.to, &case.from, replies)] {
        let walk = Walk::new(case, leg, from, to, packets);
        for stop in &walk.trail.stops {
            if let Stop::Spot(spot) = stop {
                asked.extend(of_spot(&Scene { case, walk: &walk, spot }));
            }
        }
    }
    asked.into_iter().collect()
}

fn of_spot(scene: &Scene<'_>) -> Vec<Inquiry> {
    let (spot, probe) = (scene.spot, &scene.spot.probe);
    match spot.at {
        At::Route | At::RouteOut if is_routed(probe.destination) => {
            let route = RouteInquiry { mark: mark(scene), ..scene.routed() };
            let pair = scene.case.from.ip.zip(scene.case.to.ip).filter(|(one, other)| one.is_ipv4() == other.is_ipv4());
            let tracked = pair.map(|(one, other)| Inquiry::Tracked { netns: spot.netns, one, other });
            [Some(Inquiry::Route(route)), tracked].into_iter().flatten().collect()
        }
        At::BridgeOut => fdb(scene, spot).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Of groups and of one link no table decides.
fn is_routed(destination: IpAddr) -> bool {
    !destination.is_multicast() && !destination.is_unspecified() && !super::routing::is_link_local(destination)
}

/// The firewall's mark on the packet when its way is looked up.
fn mark(scene: &Scene<'_>) -> u32 {
    let packet = ruling::packet(scene);
    let name = if scene.spot.at == At::Route { "prerouting" } else { "output" };
    scene.case.rules.mark(scene.spot.netns, Hook { name, families: packet.families(), device: None }, &packet)
}

/// Where the bridge has VLANs, the entry may be in any of those that it has one for.
fn fdb(scene: &Scene<'_>, spot: &Spot) -> Option<Inquiry> {
    let (device, settings) = bridge(scene.host(), spot.bridge?)?;
    let mac = spot.probe.destination_mac.filter(|mac| mac.is_station())?;
    let known = scene.host().fdb().find(|entry| entry.bridge == Some(device.id) && entry.mac == mac && !entry.is_permanent);
    let vlan = known.and_then(|entry| entry.vlan);
    (known.is_some() || !settings.vlan_filtering).then_some(Inquiry::Fdb { bridge: device.id, mac, vlan })
}
