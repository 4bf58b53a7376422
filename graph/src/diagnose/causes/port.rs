//! The state and the flags of a bridge's port: read `br_handle_frame` and `should_deliver` of Linux.

use super::bridge::{place, port, running_port, seen_out};
use super::prelude::*;
use crate::host::PortState;

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
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
