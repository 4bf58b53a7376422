//! TAPs: who reads them, and how (Documentation/networking/tuntap.rst; drivers/net/tun.c).

use super::prelude::*;
use crate::diagnose::endpoint::device_of_point;
use crate::host::{Device, DeviceKind, Guest, Nic};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "TAP_BUSY",
        layer: "L1 QEMU",
        proven_by: ProvenBy::Qemu,
        at: &[At::Reader, At::Egress],
        test: Test::Place(tap_busy),
        drop_reasons: &[],
        meaning: "Another process has the TAP open, so the guest could not start.",
        wire: "VM never starts; TAP traffic belongs to someone else",
        state: "QEMU stderr \"could not configure /dev/net/tun (tapB): Device or resource busy\"; fdinfo iff: tapB held by another pid",
        alike: "TAP_NO_CARRIER",
        fix: "stop the other holder or use another ifname",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "TAP_QUEUE_MODE_MISMATCH",
        layer: "L1 QEMU",
        proven_by: ProvenBy::State,
        at: &[At::Egress],
        test: Test::Named,
        drop_reasons: &[],
        meaning: "The TAP was made for several queues, and QEMU asks for one, or the other way round.",
        wire: "none: QEMU exits",
        state: "ip -d link: tun ... multi_queue, numqueues 0; stderr \"could not configure /dev/net/tun (tapM): Invalid argument\"",
        alike: "TAP_BUSY (EBUSY), TAP_PERMISSION_DENIED (EPERM/EACCES)",
        fix: "ip tuntap del tapM mode tap multi_queue; re-add without multi_queue, or -netdev tap,...,queues=N",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "TAP_PERMISSION_DENIED",
        layer: "L1 QEMU",
        proven_by: ProvenBy::State,
        at: &[At::Egress],
        test: Test::Named,
        drop_reasons: &[],
        meaning: "QEMU may not open the TAP.",
        wire: "none: QEMU exits",
        state: "TAP owner/group (ip -d tuntap) differs from QEMU uid; /dev/net/tun mode; qemu-bridge-helper \"access denied / failed to parse default acl file /etc/qemu/bridge.conf\"",
        alike: "TAP_BUSY",
        fix: "ip tuntap add dev tapP mode tap user $USER, or echo \"allow br0\" >> /etc/qemu/bridge.conf",
        undo: "",
        source: "https://github.com/GNS3/gns3-gui/issues/554",
    },
    Cause {
        code: "VM_PAUSED",
        layer: "L1 QEMU",
        proven_by: ProvenBy::Qemu,
        at: &[At::Reader],
        test: Test::Place(paused),
        drop_reasons: &[],
        meaning: "The guest is paused: QEMU does not run it, and takes nothing from its TAP.",
        wire: "as TAP_NOT_READ",
        state: "QMP query-status: paused / prelaunch / io-error / internal-error; tapB tx_packets frozen",
        alike: "TAP_NOT_READ (process stopped), GUEST_NIC_NOT_READY",
        fix: "QMP {\"execute\":\"cont\"} (virsh resume)",
        undo: "QMP {\"execute\":\"stop\"}",
        source: "QEMU QMP run-state docs",
    },
    Cause {
        code: "TAP_NOT_READ",
        layer: "L1 QEMU",
        proven_by: ProvenBy::State,
        at: &[At::Reader],
        test: Test::Place(not_read),
        drop_reasons: &["FULL_RING"],
        meaning: "Frames wait in the TAP: the process that has it open does not fetch them.",
        wire: "frames ARE seen out on tapB, B never sends anything",
        state: "tapB tx_packets delta < captured outbound frames (tun counts tx when the fd is read); process state T/D, or QEMU not polling; later: tx_dropped + kfree_skb FULL_RING at tun_net_xmit (queue 1000)",
        alike: "GUEST_FIREWALL / TARGET_SILENT: there tx_packets keeps pace",
        fix: "kill -CONT PID, or QMP cont; look why QEMU is stuck",
        undo: "",
        source: "observed; kernel drivers/net/tun.c",
    },
    Cause {
        code: "GUEST_NIC_NOT_READY",
        layer: "L1 guest",
        proven_by: ProvenBy::Qemu,
        at: &[At::Reader],
        test: Test::Place(nic_not_ready),
        drop_reasons: &[],
        meaning: "The guest's driver has not started the network card, so QEMU takes nothing from the TAP.",
        wire: "frames out on tapB, none ever in from tapB (not even IPv6 RS/DHCP)",
        state: "tapB tx_packets frozen at 0-1; QMP x-query-virtio-status \"started\": false / DRIVER_OK missing; query-rx-filter stays at reset defaults",
        alike: "VM_PAUSED; TARGET_SILENT",
        fix: "boot a guest with the NIC driver (virtio on Windows), or use -device e1000",
        undo: "",
        source: "https://cr0x.net/uk/proxmox-windows-virtio-bez-merezhi ; https://github.com/OP-TEE/optee_os/issues/2194",
    },
    Cause {
        code: "NETDEV_HAS_NO_NIC",
        layer: "L1 QEMU",
        proven_by: ProvenBy::Qemu,
        at: &[At::Reader],
        test: Test::Place(no_nic),
        drop_reasons: &[],
        meaning: "QEMU reads the TAP and throws the frames away: no network card of the guest is joined with it.",
        wire: "frames out on tapB, none in; tapB tx_packets DOES move (QEMU reads and throws away)",
        state: "QEMU stderr \"warning: netdev t0 has no peer\"; HMP info network shows t0 at top level, not under a NIC; no -device ...,netdev=t0 in cmdline",
        alike: "GUEST_FIREWALL; GUEST_LINK_SET_DOWN",
        fix: "add -device virtio-net-pci,netdev=t0",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "GUEST_LINK_SET_DOWN",
        layer: "L1 QEMU",
        proven_by: ProvenBy::Qemu,
        at: &[At::Reader],
        test: Test::Place(link_set_down),
        drop_reasons: &[],
        meaning: "The guest's network card has no link: set_link was used.",
        wire: "frames out on tapB, none in; tx_packets moves",
        state: "QMP set_link was used: nothing in info network shows it; libvirt: virsh domif-getlink / <link state=\"down\"/>; guest sees NO-CARRIER",
        alike: "NETDEV_HAS_NO_NIC, TARGET_SILENT",
        fix: "QMP {\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\",\"up\":true}}",
        undo: "QMP {\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\",\"up\":false}}",
        source: "qapi/net.json @set_link",
    },
    Cause {
        code: "TAP_HEADER_MISMATCH",
        layer: "L1 QEMU",
        proven_by: ProvenBy::State,
        at: &[At::Reader],
        test: Test::Place(header_mismatch),
        drop_reasons: &[],
        meaning: "The reader of the TAP and the TAP disagree about what stands before each frame.",
        wire: "on tapB everything looks normal; inside B frames start with 10 zero bytes (vnet_hdr) or 4 extra bytes (PI): MACs like 00:00:86:dd:33:33, unknown EtherType; B->host frames vanish",
        state: "ip -d link: \"vnet_hdr on\"/\"pi on\" vs what the reader set; tapB rx_errors/rx_dropped/rx_frame_errors rise while the process writes",
        alike: "GUEST_NIC_NOT_READY, TARGET_SILENT",
        fix: "open the TAP with IFF_NO_PI and matching IFF_VNET_HDR/TUNSETVNETHDRSZ",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// The guest that should read the TAP.
fn guest<'s>(scene: &Scene<'s>) -> Option<(&'s Guest, &'s Nic)> {
    scene.host().guest_behind(scene.spot.device?)
}

fn title(guest: &Guest) -> String {
    guest.name.as_ref().map_or_else(|| format!("the guest of process {}", guest.pid), |name| format!("the guest {name}"))
}

fn name(scene: &Scene<'_>) -> String {
    scene.spot.device.map_or_else(|| "the TAP".into(), |device| scene.name(device))
}

fn paused(scene: &Scene<'_>) -> Answer {
    let Some((guest, _)) = guest(scene) else { return Answer::Idle };
    let Some(state) = guest.run_state.as_ref() else { return Answer::Idle };
    if state.as_str() == "running" {
        return Answer::No("QMP says running".into());
    }
    Hit::new(title(guest), scene.spot.device, format!("{} is {state}: it takes nothing from {}", title(guest), name(scene)))
        .state(format!("QMP query-status: {state}"))
        .fix("QMP {\"execute\":\"cont\"}")
        .undo("QMP {\"execute\":\"stop\"}")
        .expect("a reply")
        .yes()
}

/// TUN counts a frame as sent when it is read; a point sees it before (drivers/net/tun.c).
fn not_read(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device().filter(|device| matches!(device.kind, DeviceKind::Tun(_))) else { return Answer::Idle };
    // Where nobody has it open there is nobody to fetch.
    if !device.has_carrier {
        return Answer::Idle;
    }
    let guest = guest(scene);
    let is_stopped = guest.is_some_and(|(guest, _)| guest.is_stopped);
    let Some((fetched, seen)) = scene.unread(device.id) else { return Answer::Idle };
    if seen <= fetched && !is_stopped {
        return Answer::No(format!("{} is read: {seen} seen out, {fetched} fetched", device.name));
    }
    // What QEMU says of the guest explains it better.
    let is_told = guest.is_some_and(|(guest, nic)| {
        let is_halted = guest.run_state.as_ref().is_some_and(|state| state.as_str() != "running");
        is_halted || is_without_driver(guest, nic, device)
    });
    if !is_stopped && is_told {
        return Answer::Idle;
    }
    let who = guest.map_or_else(|| "the process that has it open".to_owned(), |(guest, _)| title(guest));
    let pid = guest.map_or_else(|| "PID".to_owned(), |(guest, _)| guest.pid.to_string());
    let mut hit = Hit::new(scene.name(device.id), Some(device.id), format!("frames wait in {}: {who} does not fetch them", device.name))
        .proof(Rank::Counter, format!("{seen} frames went out on {}, {fetched} were fetched", device.name))
        .fix(format!("kill -CONT {pid} (or QMP cont); else see why it is stuck"))
        .expect("a reply");
    if is_stopped {
        hit = hit.state(format!("process {pid} is stopped"));
    } else if guest.is_some_and(|(guest, _)| guest.run_state.is_none()) {
        // Only its monitor tells a guest that is paused from one whose driver has not started the card.
        let codes: &[&'static str] =
            if device.counters.received_packets == 0 { &["VM_PAUSED", "GUEST_NIC_NOT_READY"] } else { &["VM_PAUSED"] };
        hit = hit.maybe(codes, "QMP {\"execute\":\"query-status\"}, or ask again with --qmp");
    }
    hit.yes()
}

/// Whether a guest that runs has not set up its card: its monitor says so, or says that it runs while nothing ever came from it.
fn is_without_driver(guest: &Guest, nic: &Nic, device: &Device) -> bool {
    let runs = guest.run_state.as_ref().is_some_and(|state| state.as_str() == "running");
    nic.is_started == Some(false) || nic.is_started.is_none() && runs && device.counters.received_packets == 0
}

fn nic_not_ready(scene: &Scene<'_>) -> Answer {
    let (Some((guest, nic)), Some(device)) = (guest(scene), scene.device()) else { return Answer::Idle };
    // Who does not run starts nothing: that is another cause, and this one is seen when it runs.
    let is_halted = guest.run_state.as_ref().is_some_and(|state| state.as_str() != "running");
    if is_halted || guest.is_stopped || !is_without_driver(guest, nic, device) {
        return Answer::Idle;
    }
    let who = title(guest);
    let hit = Hit::new(&who, Some(device.id), format!("{who} has not started its network card"))
        .fix("boot the guest with a driver for its card, or give it -device e1000")
        .expect("frames in from the guest")
        .in_guest();
    let unread = scene.unread(device.id).filter(|(fetched, seen)| seen > fetched);
    match (nic.is_started, unread) {
        (Some(false), _) => hit.state("QMP x-query-virtio-status: started false").yes(),
        (_, Some((fetched, seen))) => hit
            .proof(Rank::Counter, format!("{seen} frames went out on {}, {fetched} were fetched, none ever came in", device.name))
            .state("QMP query-status: running")
            .yes(),
        _ => Answer::Idle,
    }
}

/// A hub or a backend that no card is plugged into.
fn no_nic(scene: &Scene<'_>) -> Answer {
    let Some((guest, nic)) = guest(scene).filter(|(_, nic)| nic.model.is_none() && nic.mac.is_none()) else { return Answer::Idle };
    let id = nic.backend.as_ref().and_then(|backend| backend.id.as_ref()).map_or_else(|| "ID".to_owned(), ToString::to_string);
    Hit::new(
        title(guest),
        scene.spot.device,
        format!("no network card of {} is joined with {}: QEMU reads the frames and throws them away", title(guest), name(scene)),
    )
    .state(format!("no -device has netdev={id}"))
    .fix(format!("start it with -device virtio-net-pci,netdev={id}"))
    .expect("a reply")
    .yes()
}

fn link_set_down(scene: &Scene<'_>) -> Answer {
    let Some((guest, nic)) = guest(scene).filter(|(_, nic)| nic.is_link_up == Some(false)) else { return Answer::Idle };
    let id = nic.id.as_ref().map_or_else(|| "net0".to_owned(), ToString::to_string);
    Hit::new(title(guest), scene.spot.device, format!("the network card of {} has no link: set_link was used", title(guest)))
        .state("its link is down")
        .fix(format!("QMP {{\"execute\":\"set_link\",\"arguments\":{{\"name\":\"{id}\",\"up\":true}}}}"))
        .expect("a reply")
        .yes()
}

/// A program that is no guest has it.
fn tap_busy(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device().filter(|_| guest(scene).is_none()) else { return Answer::Idle };
    let Some(reader) = scene.host().readers().find(|reader| reader.device == Some(device.id)) else { return Answer::Idle };
    // Whoever asks for a guest there, and finds a program, may well mean the program.
    let wanted = scene.host().guests().find(|guest| {
        guest.nics.iter().filter_map(|nic| nic.backend.as_ref()).any(|backend| backend.interface.as_ref() == Some(&device.name))
    });
    if wanted.is_none() {
        return Answer::Idle;
    }
    Hit::new(
        scene.name(device.id),
        Some(device.id),
        format!("{} (process {}) has {} open, not the guest", reader.program, reader.pid, device.name),
    )
    .state(format!("process {} holds {}", reader.pid, device.name))
    .fix(format!("end process {}, or give the guest another ifname", reader.pid))
    .expect("the guest starts")
    .yes()
}

/// Whether a program that is no QEMU has the TAP open with a header before each frame, and nothing was ever understood of what it wrote:
/// the kernel refuses a write without the header, or with a wrong one, and need not count that (`tun_get_user`).
pub(super) fn may_mistake_header(scene: &Scene<'_>) -> bool {
    let Some(device) = scene.device() else { return false };
    let DeviceKind::Tun(mode) = &device.kind else { return false };
    (mode.has_vnet_header || mode.has_packet_information)
        && guest(scene).is_none()
        && scene.host().readers().any(|reader| reader.device == Some(device.id))
        && scene.case.captured(device.id, crate::Direction::Inbound, scene.case.window.until) == 0
}

/// What the guest writes is not understood by the TAP: virtio's header, or that of packet information.
fn header_mismatch(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device() else { return Answer::Idle };
    let DeviceKind::Tun(mode) = &device.kind else { return Answer::Idle };
    // What is written into a device that is off, or that nobody forwards for, is dropped and counted, too.
    if !device.is_up || !device.has_carrier {
        return Answer::Idle;
    }
    let heard = scene.case.captured(device.id, crate::Direction::Inbound, scene.case.window.until);
    let Some(grew) = scene.case.grew(device.id).filter(|_| heard == 0) else { return Answer::Idle };
    let errors = grew.received_errors + grew.received_dropped;
    let tables = scene.case.tables;
    let is_understood = tables.bindings.iter().any(|row| row.inbound && device_of_point(tables, row.point) == Some(device.id));
    let hit = Hit::new(
        scene.name(device.id),
        Some(device.id),
        format!("what is written into {} is not understood: its reader takes another header for granted", device.name),
    )
    .fix("open the TAP with IFF_NO_PI, and IFF_VNET_HDR as the reader uses it")
    .expect("frames in from the guest");
    if errors > 0 {
        return hit.proof(Rank::Counter, format!("{} counts {errors} damaged or dropped frames in, and none was seen", device.name)).yes();
    }
    if mode.has_packet_information && grew.received_packets > 0 && !is_understood {
        return hit
            .proof(Rank::Counter, format!("{} frames came in by {}, and none is ARP or IP", grew.received_packets, device.name))
            .state(format!("{} is open with packet information (no IFF_NO_PI)", device.name))
            .guess()
            .yes();
    }
    Answer::Idle
}
