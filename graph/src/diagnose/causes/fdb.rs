//! Forwarding databases: who is where, and who only seems to be.

use super::prelude::*;
use crate::diagnose::endpoint::device_of_point;
use crate::host::{Device, DeviceId, DeviceKind, FdbEntry};
use crate::journey::Journey;
use crate::storm::storms;
use crate::tables::Learned;
use crate::{Direction, FrameNo, MacAddr};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "INVALID_SOURCE_MAC",
        layer: "L2 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::BridgeIn],
        test: Test::Place(invalid_source),
        drop_reasons: &["MAC_INVALID_SOURCE"],
        meaning: "The sender's link-layer address is a group's, which no bridge takes as a source.",
        wire: "frames in on tapA with the multicast bit set in the source MAC (odd first octet, e.g. 53:54:..); nothing anywhere else",
        state: "kfree_skb MAC_INVALID_SOURCE at br_handle_frame",
        alike: "PORT_LOCKED",
        fix: "use a unicast MAC (even first octet)",
        undo: "",
        source: "https://xuehaonan27.github.io/cohpc/a_bug_caused_by_mac_address.html ; https://coderoad.ru/58808705/",
    },
    Cause {
        code: "GUEST_MAC_IS_HOST_MAC",
        layer: "L2 host",
        proven_by: ProvenBy::State,
        at: &[At::BridgeUp, At::Route, At::Resolve],
        test: Test::Place(guest_mac_is_host_mac),
        drop_reasons: &["IP_INADDRERRORS"],
        meaning: "The guest's link-layer address is also one of the host's: the bridge keeps its frames.",
        wire: "ARP works; unicast to B is swallowed by br0 (seen up on br0, never out on tapB); kfree_skb IP_INADDRERRORS dev=br0",
        state: "bridge fdb: B MAC \"permanent\" on tapB / equals tap or bridge address; dmesg own address as source",
        alike: "IP_FORWARD_OFF (same drop reason!), FDB_STATIC_WRONG_PORT",
        fix: "ip link set tapB address fe:54:00:.. (never the guest's own MAC)",
        undo: "",
        source: "https://lists.libvirt.org/archives/list/devel@lists.libvirt.org/thread/AWAZK65CCAHDWS4CY3XPFJ4DDNBAVWY7",
    },
    Cause {
        code: "DUPLICATE_MAC",
        layer: "L2 guest",
        proven_by: ProvenBy::Packets,
        at: &[At::BridgeOut],
        test: Test::Place(duplicate_mac),
        drop_reasons: &["NOT_SPECIFIED"],
        meaning: "Two stations use one link-layer address: frames to it go to whoever spoke last.",
        wire: "two ports source the same MAC; FDB flaps; ARP reply from B to A comes back to B's own port (kfree_skb NOT_SPECIFIED at br_handle_frame_finish, dev=tapB)",
        state: "same mac= in two QEMU cmdlines; default 52:54:00:12:34:56 in both",
        alike: "REFLECTED_FRAMES, L2_LOOP, MCAST self-echo, live migration (one-way move)",
        fix: "give each -device its own mac=52:54:00:xx:xx:xx",
        undo: "",
        source: "https://rt-software.net/cgi-bin/article.cgi?d=Notes&q=QEMU%20Networking.wiki",
    },
    Cause {
        code: "REFLECTED_FRAMES",
        layer: "L2 uplink",
        proven_by: ProvenBy::Packets,
        at: &[At::BridgeIn, At::BridgeOut, At::Beyond, At::Receiver],
        test: Test::Place(reflected),
        drop_reasons: &[],
        meaning: "What the guests send comes back from the uplink, and the bridge believes that they are there.",
        wire: "on up0 every guest frame appears twice: out, then in with the guest's own source MAC within 1 ms; ARP reply is sent to up0",
        state: "bridge fdb: guest MACs on up0; port list shows guests on tapA/tapB",
        alike: "DUPLICATE_MAC: needs a different host answering; here contents are identical",
        fix: "fix the upstream port (hairpin/bond/VMware promisc); or nft drop on up0 ingress of local MACs",
        undo: "",
        source: "https://rhokp.service.nutius.com/solutions/750553/ (Red Hat: VMs cannot communicate over bridges)",
    },
    Cause {
        code: "FDB_STATIC_WRONG_PORT",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(fdb_static),
        drop_reasons: &[],
        meaning: "A static entry of the forwarding database leads to the wrong port.",
        wire: "ARP (broadcast) reaches B and is answered; unicast echo leaves on tapC",
        state: "bridge fdb: B MAC static sticky on tapC while frames from that MAC come in on tapB (plain static entries roam back by themselves)",
        alike: "FDB_STALE (dynamic), DUPLICATE_MAC (two live talkers)",
        fix: "bridge fdb del MAC dev tapC master",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "FDB_STALE",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(fdb_stale),
        drop_reasons: &[],
        meaning: "The forwarding database still leads to where the station was before.",
        wire: "echo leaves on the old port; B silent since it moved; heals when B sends anything or after ageing (300 s)",
        state: "bridge -s fdb: B MAC dynamic on tapC, \"used\" age old; B's TAP is tapB",
        alike: "FDB_STATIC_WRONG_PORT",
        fix: "bridge fdb del MAC dev tapC master (or have B arping -U)",
        undo: "",
        source: "observed; QEMU announce-self exists for this",
    },
    Cause {
        code: "L2_LOOP",
        layer: "L2 bridge",
        proven_by: ProvenBy::Packets,
        at: &[At::Ingress, At::BridgeIn, At::BridgeOut, At::Egress, At::Receiver],
        test: Test::Place(l2_loop),
        drop_reasons: &["FULL_RING", "CPU_BACKLOG", "QDISC_DROP"],
        meaning: "Bridges are joined twice, and frames go round.",
        wire: "thousands of identical frames/s on several ports, same frame re-entering; FDB for one MAC flaps; dmesg \"received packet on X with own address as source address\"",
        state: "two bridges joined twice / veth loop, stp_state 0; FULL_RING, CPU_BACKLOG, QDISC_DROP events",
        alike: "SOCKET mcast self-echo (exactly 1 copy), REFLECTED_FRAMES (1 copy, one port)",
        fix: "ip link set lp2 down; enable STP",
        undo: "",
        source: "https://github.com/GNS3/gns3-server/issues/2194",
    },
];

fn invalid_source(scene: &Scene<'_>) -> Answer {
    let Some(mac) = scene.spot.probe.source_mac.filter(|mac| mac.is_group()) else { return Answer::Idle };
    Hit::new(scene.walk.from.title(scene.host()), scene.spot.device, format!("{mac} is a group's address: no bridge takes it as a source"))
        .frames(Rank::Packets, format!("frames come from {mac}, whose first octet is odd"), scene.frames())
        .fix("give the guest's card an address whose first octet is even, such as 52:54:00:xx:xx:xx")
        .expect("the packet behind the bridge")
        .in_guest()
        .yes()
}

/// The bridge keeps frames to its own addresses, those of its ports among them.
fn guest_mac_is_host_mac(scene: &Scene<'_>) -> Answer {
    let (Some(mac), Some(to)) = (scene.spot.probe.destination_mac, scene.walk.to.device()) else { return Answer::Idle };
    let is_theirs = scene.walk.to.mac == Some(mac) && !scene.walk.to.is_local();
    let bridge = if scene.spot.at == At::BridgeUp { scene.spot.bridge } else { scene.spot.device };
    let is_on_link = scene.host().device(to).is_some_and(|device| device.master == bridge && bridge.is_some());
    if mac.is_group() || !is_theirs || !is_on_link {
        return Answer::Idle;
    }
    // The bridge takes the lowest address of its ports for its own: the port is the culprit.
    let own = || scene.host().devices().filter(|device| device.mac == Some(mac) && device.id.netns == scene.spot.netns);
    let Some(owner) = own().find(|device| device.port.is_some()).or_else(|| own().next()) else { return Answer::Idle };
    let ip = tool(scene.host(), owner.id.netns, "ip");
    Hit::new(
        scene.name(owner.id),
        Some(owner.id),
        format!("{mac} is the address of the guest behind {} and of {}: the bridge keeps its frames", scene.name(to), owner.name),
    )
    .state(format!("{} has the address {mac}, so the bridge takes it for its own", owner.name))
    .fix(format!("{ip} link set {} address fe:54:00:xx:xx:xx (never the guest's own)", owner.name))
    .undo(format!("{ip} link set {} address {mac}", owner.name))
    .expect(format!("the packet out on {}", scene.name(to)))
    .yes()
}

/// Ports that a station was heard at as one who sends there, with the addresses that it used.
fn heard_at(scene: &Scene<'_>, mac: MacAddr) -> Vec<(DeviceId, Vec<IpAddr>)> {
    let tables = scene.case.tables;
    let mut places: Vec<(DeviceId, Vec<IpAddr>)> = Vec::new();
    for row in tables.stations.iter().filter(|row| row.mac == mac && row.inbound > 0) {
        let Some(device) = device_of_point(tables, row.point) else { continue };
        let is_port = scene.host().device(device).is_some_and(|device| device.port.is_some() && !joins_bridges(scene, device));
        if !is_port || places.iter().any(|(known, _)| *known == device) {
            continue;
        }
        let addresses = tables.bindings.iter().filter(|own| own.mac == mac && own.point == row.point && own.learned != Learned::Source);
        places.push((device, addresses.map(|own| own.ip).collect()));
    }
    places
}

fn duplicate_mac(scene: &Scene<'_>) -> Answer {
    let Some(mac) = scene.spot.probe.destination_mac.filter(|mac| !mac.is_group()) else { return Answer::Idle };
    let places = heard_at(scene, mac);
    let cards = scene.host().guests().flat_map(|guest| &guest.nics).filter(|nic| nic.mac == Some(mac)).count();
    let are_both = scene.walk.from.mac == Some(mac) && scene.walk.to.mac == Some(mac);
    // Two stations say different things; copies of one frame do not.
    let differ = places.iter().any(|(device, own)| {
        places.iter().any(|(other, theirs)| {
            device != other && own.iter().any(|ip| !theirs.contains(ip)) && theirs.iter().any(|ip| !own.contains(ip))
        })
    });
    if !(are_both || differ || cards > 1 && places.len() > 1) {
        return Answer::Idle;
    }
    let names: Vec<String> = if places.len() > 1 {
        places.iter().map(|(device, _)| scene.name(*device)).collect()
    } else {
        [scene.walk.from.device(), scene.walk.to.device()].into_iter().flatten().map(|device| scene.name(device)).collect()
    };
    Hit::new(
        format!("stations at {}", names.join(" and ")),
        scene.spot.out,
        format!("{mac} is used at {}: what is sent to it goes to whoever spoke last", names.join(" and at ")),
    )
    .frames(Rank::Packets, format!("{mac} sends from {}, with different addresses", names.join(" and ")), scene.frames())
    .fix("give each guest's card an address of its own: -device …,mac=52:54:00:xx:xx:xx")
    .expect("the packet at the right port")
    .in_guest()
    .yes()
}

/// Whether a port is one end of a pair whose other end is a port of a bridge, too.
fn joins_bridges(scene: &Scene<'_>, port: &Device) -> bool {
    let peer = port.lower.filter(|_| port.kind == DeviceKind::Veth).and_then(|peer| scene.host().device(peer));
    peer.is_some_and(|peer| peer.port.is_some())
}

/// The same frame came in again by another port at once: what lies behind that port sent it back.
fn reflected(scene: &Scene<'_>) -> Answer {
    let of_end = || [&scene.walk.from, &scene.walk.to].into_iter().find_map(|end| scene.host().device(end.device()?)?.master);
    let Some(bridge) = scene.spot.bridge.or_else(of_end) else { return Answer::Idle };
    let port = |point| {
        let device = scene.host().device(device_of_point(scene.case.tables, point)?)?;
        // What another bridge of this host sends is no reflection, and what a blocked port hears goes nowhere.
        (device.master == Some(bridge) && !joins_bridges(scene, device)).then_some(device.id)
    };
    let echoed = |packet: &&Journey| -> Option<(DeviceId, FrameNo)> {
        let mut ins =
            packet.sightings.iter().filter(|seen| seen.direction == Direction::Inbound).filter_map(|seen| Some((port(seen.point)?, seen)));
        let (first, origin) = ins.next()?;
        ins.find(|(device, seen)| *device != first && seen.source == origin.source && seen.at.since(origin.at) <= 5_000_000)
            .map(|(device, seen)| (device, seen.frame))
    };
    let own: Vec<&Journey> = scene
        .case
        .journeys()
        .filter(|packet| [scene.walk.from.mac, scene.walk.to.mac].contains(&packet.source) && packet.source.is_some())
        .collect();
    let Some((uplink, frame)) = own.iter().find_map(echoed) else { return Answer::Idle };
    if is_looping(scene) {
        return Answer::Idle;
    }
    let name = scene.name(uplink);
    Hit::new(&name, Some(uplink), format!("what the guests send comes back in by {name}, so the bridge looks for them there"))
        .frames(Rank::Packets, format!("the same frame in by {name}, with the guest's own source address"), vec![frame])
        .fix(format!("mend what is behind {name} (hairpin, bond, promiscuous port group), or drop local source addresses at its ingress"))
        .expect("each frame once")
        .outside()
        .yes()
}

/// The entry of the forwarding database that decides where a frame goes, if that is not where the receiver is.
fn wrong_entry<'s>(scene: &Scene<'s>) -> Option<(&'s FdbEntry, DeviceId)> {
    let (mac, bridge) = (scene.spot.probe.destination_mac.filter(|mac| !mac.is_group())?, scene.spot.bridge?);
    let out = scene.spot.out.filter(|out| Some(*out) == scene.walk.to.device() && scene.walk.to.mac == Some(mac))?;
    let entry = scene.host().fdb().find(|entry| {
        entry.mac == mac
            && entry.bridge == Some(bridge)
            && entry.vlan.is_none_or(|vlan| scene.spot.probe.vlan.is_none_or(|own| own == vlan))
    })?;
    (entry.port != out && entry.port != bridge).then_some((entry, out))
}

fn is_static(entry: &FdbEntry) -> bool {
    entry.is_permanent || entry.flags.iter().any(|flag| matches!(flag.as_str(), "static" | "sticky"))
}

fn wrong_port(scene: &Scene<'_>, entry: &FdbEntry, right: DeviceId, what: &str) -> Hit {
    let (wrong, right) = (scene.name(entry.port), scene.name(right));
    let bridge = tool(scene.host(), entry.port.netns, "bridge");
    let age = entry.age.map_or_else(String::new, |age| format!(", {age} s old"));
    Hit::new(
        format!("forwarding database, port {wrong}"),
        Some(entry.port),
        format!("{what} leads {} to {wrong}; it is behind {right}", entry.mac),
    )
    .object(format!("{} dev {wrong}", entry.mac))
    .state(format!("the forwarding database has {} at {wrong}{age}", entry.mac))
    .fix(format!("{bridge} fdb del {} dev {wrong} master", entry.mac))
    .expect(format!("the packet out on {right}"))
}

fn fdb_static(scene: &Scene<'_>) -> Answer {
    match wrong_entry(scene).filter(|(entry, _)| is_static(entry)) {
        Some((entry, right)) => wrong_port(scene, entry, right, "a static entry").yes(),
        None => Answer::Idle,
    }
}

fn fdb_stale(scene: &Scene<'_>) -> Answer {
    // Where two stations share the address, or frames come back, the entry is only the symptom.
    match wrong_entry(scene).filter(|(entry, _)| !is_static(entry) && heard_at(scene, entry.mac).len() < 2) {
        Some((entry, right)) => wrong_port(scene, entry, right, "an entry from before").yes(),
        None if wrong_entry(scene).is_none() => led_astray(scene),
        None => Answer::Idle,
    }
}

/// The entry is gone since: what was sent to one station came out where that one is not, and nowhere else, so it was not flooded.
fn led_astray(scene: &Scene<'_>) -> Answer {
    let (Some(mac), Some(bridge)) = (scene.spot.probe.destination_mac.filter(|mac| !mac.is_group()), scene.spot.bridge) else {
        return Answer::Idle;
    };
    let Some(right) = scene.spot.out.filter(|out| Some(*out) == scene.walk.to.device() && scene.walk.to.mac == Some(mac)) else {
        return Answer::Idle;
    };
    let is_right = matches!(&heard_at(scene, mac)[..], [(only, _)] if *only == right);
    let came_out = |port: DeviceId| scene.walk.seen.at(port, Direction::Outbound);
    let mut others = scene.host().ports(bridge).filter(|port| Some(port.id) != scene.spot.device && came_out(port.id).is_some());
    let (true, Some(wrong), None) = (is_right, others.next(), others.next()) else { return Answer::Idle };
    if wrong.id == right || joins_bridges(scene, wrong) {
        return Answer::Idle;
    }
    let (name, right) = (&wrong.name, scene.name(right));
    let frames = came_out(wrong.id).map(|here| here.frames.iter().copied().take(4).collect()).unwrap_or_default();
    Hit::new(
        format!("forwarding database, port {name}"),
        Some(wrong.id),
        format!("an entry from before led {mac} to {name}; it is behind {right}, and was forgotten there until it spoke again"),
    )
    .frames(Rank::Packets, format!("frames for {mac} came out at {name} alone, and {mac} sends at {right}"), frames)
    .fix(format!(
        "{} fdb del {mac} dev {name} master (or let the guest announce itself: arping -U)",
        tool(scene.host(), bridge.netns, "bridge")
    ))
    .expect(format!("the packet out on {right}"))
    .yes()
}

/// The same question comes in again and again, more often than anybody asks.
fn is_looping(scene: &Scene<'_>) -> bool {
    !storms(scene.case.journeys()).is_empty()
}

fn l2_loop(scene: &Scene<'_>) -> Answer {
    if !is_looping(scene) {
        return Answer::Idle;
    }
    let host = scene.host();
    let of_end = || [&scene.walk.from, &scene.walk.to].into_iter().find_map(|end| host.device(end.device()?)?.master);
    let bridge = scene.bridge().or_else(|| crate::diagnose::scene::bridge(host, of_end()?));
    let Some((bridge, settings)) = bridge else { return Answer::Idle };
    // Pairs that join this bridge with the same other one twice.
    let mut joined: BTreeMap<DeviceId, Vec<DeviceId>> = BTreeMap::new();
    for port in scene.host().ports(bridge.id) {
        let other = port.lower.and_then(|peer| scene.host().device(peer)).and_then(|peer| peer.master);
        if let Some(other) = other {
            joined.entry(other).or_default().push(port.id);
        }
    }
    let twice = joined.iter().find(|(other, ports)| ports.len() > 1 || **other == bridge.id);
    let ip = tool(scene.host(), bridge.id.netns, "ip");
    let mut hit =
        Hit::new(format!("bridge {}", scene.name(bridge.id)), Some(bridge.id), format!("frames go round: {} is joined twice", bridge.name))
            .frames(Rank::Packets, "one broadcast comes in more than 20 times in a tenth of a second", scene.frames());
    hit = match twice {
        Some((other, ports)) => {
            let port = ports.last().map_or_else(|| "PORT".to_owned(), |port| scene.name(*port));
            hit.state(format!("{} ports join it with {}, and stp_state is {}", ports.len(), scene.name(*other), u8::from(settings.stp)))
                .fix(format!("{ip} link set {port} down"))
                .undo(format!("{ip} link set {port} up"))
        }
        None => hit.fix(format!("{ip} link set {} type bridge stp_state 1, or take away one of the two ways", bridge.name)),
    };
    hit.expect("each frame once").yes()
}
