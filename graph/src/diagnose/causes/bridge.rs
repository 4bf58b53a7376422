//! What a bridge does with a frame: read `br_handle_frame` and `should_deliver` of Linux.

use super::prelude::*;
use crate::MacAddr;
use crate::fact::GroupAction;
use crate::host::{BackendKind, BridgePort, Device, DeviceId, DeviceKind, PortState};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "BRIDGE_DOWN",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn, At::BridgeUp, At::Egress],
        test: Test::Place(bridge_down),
        drop_reasons: &["BRIDGE_INGRESS_STP_STATE"],
        meaning: "The bridge is switched off: none of its ports lets anything pass.",
        wire: "seen in on tapA; nothing on any other port or br0",
        state: "br0 has no UP flag: every port state disabled; kfree_skb BRIDGE_INGRESS_STP_STATE at br_handle_frame",
        alike: "PORT_STATE_DISABLED (one port only)",
        fix: "ip link set br0 up",
        undo: "ip link set br0 down",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "QEMU_IFUP_WRONG_BRIDGE",
        layer: "L2 topology",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(ifup_wrong_bridge),
        drop_reasons: &[],
        meaning: "QEMU's own script put the TAP into whatever bridge it found, or into none.",
        wire: "as PORT_IN_WRONG_BRIDGE",
        state: "no script=no in cmdline: /etc/qemu-ifup ran (Debian version puts the TAP into whatever bridge holds the default route, else none: \"W: /etc/qemu-ifup: no bridge for guest interface found\")",
        alike: "PORT_NOT_IN_BRIDGE set by hand",
        fix: "ip link set tapB master br0; use script=no,downscript=no",
        undo: "",
        source: "https://github.com/GNS3/gns3-gui/issues/554 (/etc/qemu-ifup: could not launch network script)",
    },
    Cause {
        code: "PORT_NOT_IN_BRIDGE",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(not_in_bridge),
        drop_reasons: &[],
        meaning: "The device is not a port of the bridge that the other end is on.",
        wire: "ARP request in on tapA and (non-promisc) up on br0, not out on tapB; B quiet or talking to itself",
        state: "tapB has no IFLA_MASTER",
        alike: "PORT_ISOLATED, BCAST_FLOOD_OFF, STP: same wire picture. No drop event in any of them",
        fix: "ip link set tapB master br0",
        undo: "ip link set tapB nomaster",
        source: "https://hexie.dev/bridge-with-no-slave/",
    },
    Cause {
        code: "PORT_IN_WRONG_BRIDGE",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(in_wrong_bridge),
        drop_reasons: &[],
        meaning: "The two ends are on different bridges, and nothing joins them.",
        wire: "ARP seen on br0, not on br1; B's frames only on br1",
        state: "IFLA_MASTER(tapA) != IFLA_MASTER(tapB) and no veth/patch between them",
        alike: "WRONG_SUBNET with a router in between (then that is intended)",
        fix: "ip link set tapB master br0",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "STP_BPDU_GUARD",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn, At::BridgeOut],
        test: Test::Place(bpdu_guard),
        drop_reasons: &[],
        meaning: "A guest sent a BPDU, and the port's guard switched it off.",
        wire: "a BPDU comes IN from the guest port, then silence; br0 itself may go NO-CARRIER",
        state: "port: guard on, state disabled while UP,LOWER_UP; dmesg \"br0: BPDU received on blocked port 1(tapA)\"",
        alike: "PORT_STATE_DISABLED by hand (no BPDU seen)",
        fix: "stop STP in the guest, then ip link set tapA down; ip link set tapA up",
        undo: "",
        source: "vSphere 6.5.1 docs: guest BPDU disables the switch port",
    },
    Cause {
        code: "PORT_STATE_DISABLED",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn, At::BridgeOut],
        test: Test::Place(state_disabled),
        drop_reasons: &["BRIDGE_INGRESS_STP_STATE"],
        meaning: "The bridge's port is in the state disabled.",
        wire: "as PORT_NOT_IN_BRIDGE",
        state: "port state disabled with UP,LOWER_UP and bridge up",
        alike: "BRIDGE_DOWN, TAP_NO_CARRIER",
        fix: "bridge link set dev tapB state 3",
        undo: "bridge link set dev tapB state 0",
        source: "netdev 20241217230711.192781-1-rrendec@redhat.com (bridge drop reasons, with test recipes)",
    },
    Cause {
        code: "STP_NOT_FORWARDING",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn, At::BridgeOut],
        test: Test::Place(not_forwarding),
        drop_reasons: &["BRIDGE_INGRESS_STP_STATE"],
        meaning: "The spanning tree does not let the port forward, or not yet.",
        wire: "BPDUs out of every port each 2 s; ARP in on tapA, not out on tapB for up to 2 x forward_delay (30 s); then it works",
        state: "port state listening/learning/blocking; stp_state 1, forward_delay; if ingress port: kfree_skb BRIDGE_INGRESS_STP_STATE; egress: no event",
        alike: "ARP_RETRY_ON_BOOT (also heals), DHCP_NO_SERVER (DHCP client gave up during the delay)",
        fix: "ip link set br0 type bridge stp_state 0 (or forward_delay 200)",
        undo: "ip link set br0 type bridge stp_state 1",
        source: "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/6/html/virtualization_host_configuration_and_guest_installation_guide/app_pxe_guest_boot_fail",
    },
    Cause {
        code: "PORT_LOCKED",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn],
        test: Test::Place(locked),
        drop_reasons: &["NOT_SPECIFIED"],
        meaning: "The port is locked, and the sender's address is not among those that may send there.",
        wire: "frames in on tapA go nowhere, not even to br0",
        state: "port \"locked on\" and no FDB entry for A on that port; kfree_skb NOT_SPECIFIED at br_handle_frame_finish",
        alike: "STP_NOT_FORWARDING on ingress",
        fix: "bridge fdb add MAC dev tapA master static, or locked off",
        undo: "bridge link set dev tapA locked on",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "PORT_ISOLATED",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(isolated),
        drop_reasons: &[],
        meaning: "Both ports are isolated: nothing passes from one to the other.",
        wire: "as PORT_NOT_IN_BRIDGE between two guests; each can still reach the host/uplink",
        state: "both ports \"isolated on\"; no drop event",
        alike: "PVLAN/neigh policy; PORT_NOT_IN_BRIDGE",
        fix: "bridge link set dev tapB isolated off",
        undo: "bridge link set dev tapB isolated on",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "BCAST_FLOOD_OFF",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(broadcast_flood_off),
        drop_reasons: &[],
        meaning: "Broadcasts do not leave by that port, so ARP never arrives.",
        wire: "ARP dies, but unicast with static ARP works",
        state: "port \"bcast_flood off\"",
        alike: "PORT_ISOLATED (kills unicast too)",
        fix: "bridge link set dev tapB bcast_flood on",
        undo: "bridge link set dev tapB bcast_flood off",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "UNICAST_FLOOD_OFF",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(unicast_flood_off),
        drop_reasons: &["NO_TX_TARGET"],
        meaning: "The bridge does not know where the station is, and frames to unknown stations do not leave by its port.",
        wire: "ARP works while B talks; unicast to an aged-out MAC vanishes; kfree_skb NO_TX_TARGET",
        state: "port \"flood off\" (often learning off) and no FDB entry for B",
        alike: "FDB_STALE (goes to another port)",
        fix: "bridge link set dev tapB flood on learning on",
        undo: "bridge link set dev tapB flood off",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "MCAST_FLOOD_OFF",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(multicast_flood_off),
        drop_reasons: &[],
        meaning: "Multicast does not leave by that port, so Neighbor Solicitations never arrive.",
        wire: "IPv4 fine; IPv6 NS not out on tapB",
        state: "port \"mcast_flood off\"",
        alike: "MCAST_SNOOPING_NO_QUERIER",
        fix: "bridge link set dev tapB mcast_flood on",
        undo: "bridge link set dev tapB mcast_flood off",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "MCAST_SNOOPING_NO_QUERIER",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(snooping),
        drop_reasons: &[],
        meaning: "The bridge sends multicast only to who asked for it, and nobody reminds the guests to ask.",
        wire: "IPv4 fine; IPv6 NS to 33:33:ff:.. seen in on tapA, not out on tapB; works again for minutes after B speaks MLD",
        state: "mcast_snooping 1, mcast_querier 0, a querier was heard once, bridge mdb show lacks ff02::1:ffXX:XXXX for B",
        alike: "MCAST_FLOOD_OFF, guest v6 firewall",
        fix: "ip link set br0 type bridge mcast_querier 1 (or mcast_snooping 0)",
        undo: "ip link set br0 type bridge mcast_querier 0",
        source: "https://sobrelinux.info/questions/26913/ipv6-does-not-work-over-bridge ; https://daniel-lange.com/archives/109-IPv6-Getting-rid-of-the-dreaded-Neighbour-table-overflow.html",
    },
    Cause {
        code: "HAIRPIN_OFF",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(hairpin),
        drop_reasons: &[],
        meaning: "Both stations are behind one port, and frames may not leave by the port that they came in by.",
        wire: "frame in on trunk, must go out on trunk; never does",
        state: "two guests behind one port (VEPA, nested bridge) and hairpin off",
        alike: "PORT_ISOLATED",
        fix: "bridge link set dev trunk hairpin on (or macvlan mode bridge)",
        undo: "bridge link set dev trunk hairpin off",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "NEIGH_SUPPRESS_STALE",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut, At::Receiver],
        test: Test::Place(neigh_suppress),
        drop_reasons: &[],
        meaning: "The bridge answers ARP in the guest's place, with what it knows wrongly.",
        wire: "ARP request not out on tapB yet a reply appears on tapA, with a MAC nobody uses",
        state: "port \"neigh_suppress on\" and host neigh/FDB entry with the wrong lladdr",
        alike: "PROXY_ARP_HIJACK (router MAC), DUPLICATE_IP",
        fix: "bridge link set dev tapB neigh_suppress off",
        undo: "bridge link set dev tapB neigh_suppress on",
        source: "https://man.cx/bridge(8)",
    },
    Cause {
        code: "L2_MTU_DROP",
        layer: "L2 bridge",
        proven_by: ProvenBy::State,
        at: &[At::BridgeOut],
        test: Test::Place(l2_mtu),
        drop_reasons: &["NOT_SPECIFIED"],
        meaning: "The frame is larger than the MTU of the port that it should leave by; a bridge tells nobody.",
        wire: "small pings fine; frames larger than tapB MTU seen in on tapA, not out on tapB; NO ICMP error",
        state: "port MTU < frame; kfree_skb NOT_SPECIFIED at br_dev_queue_push_xmit, or br_nf_dev_queue_xmit with bridge-nf (which fragments non-DF packets)",
        alike: "MTU_BLACKHOLE (routed), FRAGMENTS_DROPPED, guest MRU",
        fix: "ip link set tapB mtu 1500 (all ports and guests equal)",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// The port of a bridge that a frame goes out by; a pair's end elsewhere stands for its end here.
fn outgoing<'s>(scene: &Scene<'s>) -> Option<&'s Device> {
    let out = scene.out()?;
    let is_here = out.id.netns == scene.spot.netns;
    if is_here { Some(out) } else { out.lower.and_then(|peer| scene.host().device(peer)).or(Some(out)) }
}

/// The port that is asked about: where the frame comes in, or where it goes out.
fn port<'s>(scene: &Scene<'s>) -> Option<(&'s Device, &'s BridgePort)> {
    let device = if scene.spot.at == At::BridgeIn { scene.device()? } else { outgoing(scene)? };
    Some((device, device.port.as_ref()?))
}

/// A port that would pass frames but for its state.
fn running_port<'s>(scene: &Scene<'s>) -> Option<(&'s Device, &'s BridgePort)> {
    let is_bridge_up = scene.bridge().is_none_or(|(bridge, _)| bridge.is_up);
    port(scene).filter(|(device, _)| device.is_up && device.has_carrier && is_bridge_up)
}

fn place(scene: &Scene<'_>, device: &Device) -> String {
    match device.master {
        Some(bridge) => format!("bridge {}, port {}", scene.name(bridge), device.name),
        None => scene.name(device.id),
    }
}

fn seen_out(device: &Device) -> String {
    format!("the packet out on {}", device.name)
}

fn bridge_down(scene: &Scene<'_>) -> Answer {
    let bridge = match scene.spot.at {
        At::Egress => scene.device().filter(|device| matches!(device.kind, DeviceKind::Bridge(_))),
        _ => scene.bridge().map(|(bridge, _)| bridge),
    };
    let Some(bridge) = bridge.filter(|bridge| !bridge.is_up) else { return Answer::Idle };
    let ip = tool(scene.host(), bridge.id.netns, "ip");
    Hit::new(format!("bridge {}", scene.name(bridge.id)), Some(bridge.id), format!("the bridge {} is switched off", bridge.name))
        .state(format!("{} has no UP flag, so every port is disabled", bridge.name))
        .fix(format!("{ip} link set {} up", bridge.name))
        .undo(format!("{ip} link set {} down", bridge.name))
        .expect("the packet behind the bridge")
        .yes()
}

/// The device that should be a port of the bridge and is not: of the one who sends, or of the other end.
fn stray<'s>(scene: &Scene<'s>) -> Option<&'s Device> {
    match scene.spot.bridge {
        None => scene.device().filter(|device| device.port.is_none()),
        Some(_) => outgoing(scene).filter(|out| out.port.is_none() && !matches!(out.kind, DeviceKind::Bridge(_))),
    }
}

/// The bridge that the other side is on.
fn wanted_bridge(scene: &Scene<'_>) -> Option<DeviceId> {
    scene.spot.bridge.or_else(|| outgoing(scene).and_then(|out| out.master))
}

fn not_in_bridge(scene: &Scene<'_>) -> Answer {
    let Some(stray) = stray(scene).filter(|stray| !uses_script(scene, stray)) else { return Answer::Idle };
    let Some(bridge) = wanted_bridge(scene) else { return Answer::Idle };
    let (name, ip, bridge) = (&stray.name, tool(scene.host(), stray.id.netns, "ip"), scene.name(bridge));
    Hit::new(place(scene, stray), Some(stray.id), format!("{name} is not a port of {bridge}"))
        .state(format!("{name} has no master"))
        .fix(format!("{ip} link set {name} master {bridge}"))
        .undo(format!("{ip} link set {name} nomaster"))
        .expect(seen_out(stray))
        .yes()
}

fn wrong_bridge<'s>(scene: &Scene<'s>) -> Option<(&'s Device, DeviceId, DeviceId)> {
    let bridge = scene.spot.bridge?;
    let out = outgoing(scene).filter(|out| out.port.is_some())?;
    let other = out.master.filter(|master| *master != bridge)?;
    Some((out, bridge, other))
}

fn in_wrong_bridge(scene: &Scene<'_>) -> Answer {
    let Some((out, bridge, other)) = wrong_bridge(scene).filter(|(out, ..)| !uses_script(scene, out)) else { return Answer::Idle };
    let (name, ip) = (&out.name, tool(scene.host(), out.id.netns, "ip"));
    let (bridge, other) = (scene.name(bridge), scene.name(other));
    Hit::new(place(scene, out), Some(out.id), format!("{name} is a port of {other}, and the sender is on {bridge}; nothing joins the two"))
        .state(format!("{name} has the master {other}"))
        .fix(format!("{ip} link set {name} master {bridge}"))
        .undo(format!("{ip} link set {name} master {other}"))
        .expect(seen_out(out))
        .yes()
}

/// Without script=no QEMU runs /etc/qemu-ifup, which puts the TAP where it likes (qemu(1), -netdev tap).
fn uses_script(scene: &Scene<'_>, device: &Device) -> bool {
    let backend = scene.host().guest_behind(device.id).filter(|(guest, _)| !guest.is_libvirt).and_then(|(_, nic)| nic.backend.as_ref());
    backend.is_some_and(|backend| {
        let options = backend.options.as_str();
        backend.kind == BackendKind::Tap
            && !options.is_empty()
            && !["script=no", "fd=", "fds=", "helper=", "br="].iter().any(|word| options.contains(word))
    })
}

fn ifup_wrong_bridge(scene: &Scene<'_>) -> Answer {
    let device = stray(scene).or(wrong_bridge(scene).map(|(out, ..)| out)).filter(|device| uses_script(scene, device));
    let (Some(device), Some(bridge)) = (device, wanted_bridge(scene)) else { return Answer::Idle };
    let (name, ip, bridge) = (&device.name, tool(scene.host(), device.id.netns, "ip"), scene.name(bridge));
    let now = device.master.map_or_else(|| "no bridge".into(), |master| scene.name(master));
    Hit::new(place(scene, device), Some(device.id), format!("QEMU's own script left {name} in {now}, not in {bridge}"))
        .state(format!("{name} is in {now}, and its guest was started without script=no"))
        .fix(format!("{ip} link set {name} master {bridge}"))
        .expect(format!("{}; use script=no,downscript=no from then on", seen_out(device)))
        .yes()
}

fn bpdu_guard(scene: &Scene<'_>) -> Answer {
    let Some((device, _)) = running_port(scene).filter(|(_, port)| port.guard && port.state == PortState::Disabled) else {
        return Answer::Idle;
    };
    let (name, ip) = (&device.name, tool(scene.host(), device.id.netns, "ip"));
    Hit::new(place(scene, device), Some(device.id), format!("the guard of {name} switched the port off: a BPDU came in"))
        .state(format!("{name} has guard on, and the state disabled while it is UP with carrier"))
        .fix(format!("{ip} link set {name} down; {ip} link set {name} up"))
        .expect("the packet behind the bridge, once the guest sends no BPDUs any more")
        .yes()
}

fn state_disabled(scene: &Scene<'_>) -> Answer {
    let Some((device, port)) = running_port(scene) else { return Answer::Idle };
    if port.state != PortState::Disabled || port.guard {
        return Answer::No(if port.state == PortState::Forwarding { format!("{} forwards", device.name) } else { String::new() });
    }
    let (name, bridge) = (&device.name, tool(scene.host(), device.id.netns, "bridge"));
    Hit::new(place(scene, device), Some(device.id), format!("the port {name} is disabled"))
        .state(format!("{name} has the state disabled, while it is UP with carrier and its bridge is up"))
        .fix(format!("{bridge} link set dev {name} state 3"))
        .undo(format!("{bridge} link set dev {name} state 0"))
        .expect(seen_out(device))
        .yes()
}

fn not_forwarding(scene: &Scene<'_>) -> Answer {
    let Some((device, port)) = running_port(scene) else { return Answer::Idle };
    let (true, Some(master)) = (matches!(port.state, PortState::Listening | PortState::Learning | PortState::Blocking), device.master)
    else {
        return Answer::Idle;
    };
    let (name, ip) = (&device.name, tool(scene.host(), device.id.netns, "ip"));
    let delay = crate::diagnose::scene::bridge(scene.host(), master).map_or(0, |(_, bridge)| bridge.forward_delay_seconds);
    let summary = match port.state {
        PortState::Blocking => format!("the spanning tree blocks {name}: it goes another way"),
        _ => format!("{name} is {}: it does not forward yet, for up to {} s", port.state.name(), 2 * delay),
    };
    Hit::new(place(scene, device), Some(device.id), summary)
        .state(format!("{name} has the state {}, forward_delay is {delay} s", port.state.name()))
        .fix(format!("{ip} link set {} type bridge stp_state 0", scene.name(master)))
        .undo(format!("{ip} link set {} type bridge stp_state 1", scene.name(master)))
        .expect("the packet behind the bridge; where bridges are joined twice, leave STP on and use a shorter forward_delay")
        .yes()
}

fn locked(scene: &Scene<'_>) -> Answer {
    let Some((device, _)) = port(scene).filter(|(_, port)| port.is_locked) else { return Answer::Idle };
    let Some(mac) = scene.spot.probe.source_mac else { return Answer::Idle };
    if scene.host().fdb().any(|entry| entry.mac == mac && entry.port == device.id && entry.bridge.is_some()) {
        return Answer::No(format!("{mac} may send at the locked port {}", device.name));
    }
    let (name, bridge) = (&device.name, tool(scene.host(), device.id.netns, "bridge"));
    Hit::new(place(scene, device), Some(device.id), format!("{name} is locked, and {mac} is not among those that may send there"))
        .state(format!("{name} has locked on, and no forwarding entry for {mac}"))
        .fix(format!("{bridge} fdb add {mac} dev {name} master static"))
        .undo(format!("{bridge} fdb del {mac} dev {name} master static"))
        .expect("the packet behind the bridge")
        .yes()
}

fn isolated(scene: &Scene<'_>) -> Answer {
    let (Some(device), Some((out, port))) = (scene.device(), port(scene)) else { return Answer::Idle };
    if !(port.is_isolated && device.port.as_ref().is_some_and(|port| port.is_isolated)) {
        return Answer::No(String::new());
    }
    let bridge = tool(scene.host(), out.id.netns, "bridge");
    Hit::new(place(scene, out), Some(out.id), format!("{} and {} are isolated: nothing passes between them", device.name, out.name))
        .state("both ports have isolated on")
        .fix(format!("{bridge} link set dev {} isolated off", out.name))
        .undo(format!("{bridge} link set dev {} isolated on", out.name))
        .expect(seen_out(out))
        .yes()
}

/// A flag of the port that keeps a kind of frame in.
fn flood_off(scene: &Scene<'_>, out: &Device, flag: &str, summary: String) -> Answer {
    let bridge = tool(scene.host(), out.id.netns, "bridge");
    Hit::new(place(scene, out), Some(out.id), summary)
        .state(format!("{} has {flag} off", out.name))
        .fix(format!("{bridge} link set dev {} {flag} on", out.name))
        .undo(format!("{bridge} link set dev {} {flag} off", out.name))
        .expect(seen_out(out))
        .yes()
}

fn broadcast_flood_off(scene: &Scene<'_>) -> Answer {
    let probe = &scene.spot.probe;
    let is_broadcast = probe.destination_mac == Some(MacAddr::BROADCAST) || probe.destination_mac.is_none() && probe.leg == Leg::ArpRequest;
    match port(scene) {
        Some((out, port)) if is_broadcast && !probe.is_v6() && !port.broadcast_flood && !super::bsd::is_bsd(scene) => {
            flood_off(scene, out, "bcast_flood", format!("broadcasts do not leave by {}, so ARP does not arrive", out.name))
        }
        _ => Answer::Idle,
    }
}

fn unicast_flood_off(scene: &Scene<'_>) -> Answer {
    let (Some((out, port)), Some(mac), Some(bridge)) = (port(scene), scene.spot.probe.destination_mac, scene.spot.bridge) else {
        return Answer::Idle;
    };
    let is_known = scene.host().fdb().any(|entry| entry.mac == mac && entry.bridge == Some(bridge));
    if mac.is_group() || port.flood || is_known || super::bsd::is_bsd(scene) {
        return Answer::Idle;
    }
    flood_off(
        scene,
        out,
        "flood",
        format!("the bridge does not know where {mac} is, and unknown destinations do not leave by {}", out.name),
    )
}

fn multicast_flood_off(scene: &Scene<'_>) -> Answer {
    let probe = &scene.spot.probe;
    match port(scene) {
        Some((out, port)) if probe.is_v6() && probe.leg == Leg::ArpRequest && probe.is_to_group() && !port.multicast_flood => flood_off(
            scene,
            out,
            "mcast_flood",
            format!("multicast does not leave by {}, so Neighbor Solicitations do not arrive", out.name),
        ),
        _ => Answer::Idle,
    }
}

/// A bridge floods all multicast until it hears a querier (RFC 4541, section 2.1.2).
fn snooping(scene: &Scene<'_>) -> Answer {
    let probe = &scene.spot.probe;
    let (Some((device, bridge)), Some((out, _))) = (scene.bridge(), port(scene)) else { return Answer::Idle };
    let asks = probe.is_v6() && probe.leg == Leg::ArpRequest && probe.is_to_group();
    let had_querier =
        bridge.hears_querier_v6 || scene.case.tables.groups.iter().any(|row| row.action == GroupAction::Query && row.station.is_ipv6());
    if !asks || !bridge.multicast_snooping || bridge.multicast_querier || !had_querier {
        return Answer::Idle;
    }
    let ip = tool(scene.host(), device.id.netns, "ip");
    Hit::new(
        place(scene, out),
        Some(out.id),
        format!("{} sends multicast only where it is wanted, and nobody asks any more who wants it", device.name),
    )
    .proof(Rank::Oracle, "mcast_snooping 1, mcast_querier 0, and a querier was heard before")
    .fix(format!("{ip} link set {} type bridge mcast_querier 1", device.name))
    .undo(format!("{ip} link set {} type bridge mcast_querier 0", device.name))
    .expect(seen_out(out))
    .yes()
}

fn hairpin(scene: &Scene<'_>) -> Answer {
    let (Some(device), Some(bridge)) = (scene.device(), scene.spot.bridge) else { return Answer::Idle };
    let goal = scene.walk.to.device();
    let is_learned = scene.spot.probe.destination_mac.is_some_and(|mac| {
        scene.host().fdb().any(|entry| entry.mac == mac && entry.port == device.id && entry.bridge == Some(bridge) && !entry.is_permanent)
    });
    let is_same = goal == Some(device.id) || goal.is_none() && is_learned;
    let Some(port) = device.port.as_ref().filter(|_| is_same && scene.walk.from.mac != scene.walk.to.mac) else { return Answer::Idle };
    if port.hairpin {
        return Answer::No(format!("{} has hairpin on", device.name));
    }
    let tool = tool(scene.host(), device.id.netns, "bridge");
    Hit::new(
        place(scene, device),
        Some(device.id),
        format!("both are behind {}, and frames may not leave by the port that they came in by", device.name),
    )
    .state(format!("{} has hairpin off", device.name))
    .fix(format!("{tool} link set dev {} hairpin on", device.name))
    .undo(format!("{tool} link set dev {} hairpin off", device.name))
    .expect(seen_out(device))
    .yes()
}

/// The bridge answers ARP from its neighbour table (bridge(8), neigh_suppress).
fn neigh_suppress(scene: &Scene<'_>) -> Answer {
    // Who is not known there is flooded to, and comes to the wrong one.
    let out = if scene.spot.at == At::Receiver { scene.device() } else { outgoing(scene) };
    let out = out.filter(|out| out.port.as_ref().is_some_and(|port| port.neighbor_suppression));
    let Some(out) = out else { return Answer::Idle };
    let (Some(asked), Some(ip)) = (scene.spot.probe.destination_mac.filter(|mac| !mac.is_group()), scene.walk.to.ip) else {
        return Answer::Idle;
    };
    let Some(wrong) = scene.host().neighbors().find(|row| row.ip == ip && row.mac == Some(asked) && Some(asked) != scene.walk.to.mac)
    else {
        return Answer::Idle;
    };
    let bridge = tool(scene.host(), out.id.netns, "bridge");
    Hit::new(place(scene, out), Some(out.id), format!("the bridge answers ARP for {ip} itself, with {asked}, which is not the guest's"))
        .state(format!("{} has neigh_suppress on, and the neighbour {ip} is {asked} ({})", out.name, wrong.state.name()))
        .fix(format!("{bridge} link set dev {} neigh_suppress off", out.name))
        .undo(format!("{bridge} link set dev {} neigh_suppress on", out.name))
        .expect(format!("ARP out on {}", out.name))
        .yes()
}

fn l2_mtu(scene: &Scene<'_>) -> Answer {
    let Some((out, _)) = port(scene) else { return Answer::Idle };
    let octets = scene.spot.probe.octets;
    if scene.spot.probe.is_resolution() || out.mtu == 0 || octets <= out.mtu {
        return Answer::Idle;
    }
    let (name, ip) = (&out.name, tool(scene.host(), out.id.netns, "ip"));
    let from = scene.device().map_or(1500, |device| device.mtu);
    Hit::new(
        place(scene, out),
        Some(out.id),
        format!("the packet has {octets} octets, and {name} takes {}; a bridge tells nobody", out.mtu),
    )
    .state(format!("{name} has mtu {}", out.mtu))
    .fix(format!("{ip} link set {name} mtu {}", from.max(octets)))
    .undo(format!("{ip} link set {name} mtu {}", out.mtu))
    .expect(seen_out(out))
    .yes()
}
