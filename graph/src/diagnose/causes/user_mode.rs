//! QEMU's user-mode stack (libslirp), and guests that have it without knowing.

use super::prelude::*;
use crate::diagnose::endpoint::{Endpoint, Place};
use crate::host::{Guest, Netns, UserNetwork};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "QEMU_DEFAULT_USER_NET",
        layer: "L2 topology",
        proven_by: ProvenBy::Qemu,
        at: &[At::Backend],
        test: Test::Place(default_user_net),
        drop_reasons: &[],
        meaning: "The guest was started without any network option, and QEMU gave it a user-mode network of its own.",
        wire: "guest never appears on any TAP; host side sees nothing or NATed flows from the QEMU pid",
        state: "cmdline has no -nic/-netdev/-net: info network shows \"#netNNN: type=user ... macaddr=52:54:00:12:34:56\"",
        alike: "PORT_NOT_IN_BRIDGE",
        fix: "-netdev tap,id=n0,ifname=tapA,script=no -device virtio-net-pci,netdev=n0,mac=...",
        undo: "",
        source: "https://wiki.qemu.org/Documentation/Networking",
    },
    Cause {
        code: "SLIRP_GUESTS_ISOLATED",
        layer: "L2 topology",
        proven_by: ProvenBy::Qemu,
        at: &[At::Backend],
        test: Test::Place(guests_isolated),
        drop_reasons: &[],
        meaning: "A guest on a user-mode network is in a network of its own: neither other guests nor the host can ping it.",
        wire: "A ARPs for B, no answer; B idle; both may even be 10.0.2.15; from the host: no route / no interface",
        state: "A and B each have a -netdev user: separate networks; not reachable from the host (only hostfwd TCP/UDP, never ICMP)",
        alike: "PORT_NOT_IN_BRIDGE, DUPLICATE_IP",
        fix: "put both on a TAP bridge or -netdev socket/stream; ping cannot be forwarded by hostfwd",
        undo: "",
        source: "https://github.com/OP-TEE/optee_os/issues/2194",
    },
    Cause {
        code: "SLIRP_RESTRICTED",
        layer: "L3 slirp",
        proven_by: ProvenBy::Qemu,
        at: &[At::Backend],
        test: Test::Place(restricted),
        drop_reasons: &[],
        meaning: "restrict=on keeps the guest's user-mode network from the outside.",
        wire: "gateway 10.0.2.2 answers, nothing ever leaves the QEMU process",
        state: "cmdline/info network: restrict=on",
        alike: "SLIRP_ICMP_BLOCKED (UDP/7 seen)",
        fix: "drop restrict=on",
        undo: "",
        source: "QEMU -netdev user docs",
    },
    Cause {
        code: "SLIRP_WRONG_SUBNET",
        layer: "L3 slirp",
        proven_by: ProvenBy::Qemu,
        at: &[At::Backend],
        test: Test::Place(wrong_subnet),
        drop_reasons: &[],
        meaning: "The guest's address is not in the network of its user-mode stack, which answers for its own addresses only.",
        wire: "guest ARPs for a gateway outside 10.0.2.0/24, no answer; slirp answers ARP only for its own .2 .3 (.4)",
        state: "info network net=10.0.2.0; guest address from its ARP sender field",
        alike: "GATEWAY_UNREACHABLE",
        fix: "use DHCP in the guest, or -netdev user,net=192.168.1.0/24",
        undo: "",
        source: "QEMU -netdev user docs",
    },
    Cause {
        code: "SLIRP_ICMP_BLOCKED",
        layer: "L3 slirp",
        proven_by: ProvenBy::State,
        at: &[At::Backend, At::Egress],
        test: Test::Place(icmp_blocked),
        drop_reasons: &[],
        meaning: "QEMU may not send echoes: its group is not in net.ipv4.ping_group_range.",
        wire: "guest: echo to 10.0.2.2 answered (ttl 255), echo to outside gets ICMP port-unreachable (or silence). Host uplink: UDP to port 7 with payload \"This is a pseudo-PING packet used by Slirp to emulate ICMP ECHO-REQUEST packets.\"",
        state: "net.ipv4.ping_group_range (default \"1 0\") does not contain QEMU egid/groups and QEMU lacks CAP_NET_RAW (as root slirp uses a raw socket and it works)",
        alike: "SLIRP_RESTRICTED; real upstream loss",
        fix: "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"",
        undo: "sysctl -w net.ipv4.ping_group_range=\"1 0\"",
        source: "https://github.com/tianon/docker-qemu/issues/17 ; https://github.com/SerenityOS/serenity/issues/3428",
    },
];

fn title(guest: &Guest) -> String {
    guest.name.as_ref().map_or_else(|| format!("the guest of process {}", guest.pid), |name| format!("the guest {name}"))
}

/// Whether an end is outside of everything that the host knows.
fn is_outside(scene: &Scene<'_>, end: &Endpoint) -> bool {
    end.place == Place::Nowhere && !scene.host().addresses().any(|row| Some(row.ip) == end.ip)
}

const BETTER: &str = "-netdev tap,id=n0,ifname=tapA,script=no,downscript=no -device virtio-net-pci,netdev=n0";

/// No network option at all: QEMU makes a user-mode network up (qemu(1), -nic).
fn default_user_net(scene: &Scene<'_>) -> Answer {
    let found = [&scene.walk.from, &scene.walk.to]
        .into_iter()
        .find_map(|end| end.user_mode(scene.host()).filter(|(_, backend)| backend.id.is_none() && backend.options.is_empty()));
    let Some((guest, _)) = found.filter(|_| !is_outside(scene, &scene.walk.to)) else { return Answer::Idle };
    Hit::new(
        title(guest),
        None,
        format!("{} was started without a network option, so QEMU gave it a user-mode network of its own", title(guest)),
    )
    .state("its command line has no -nic, -netdev or -net")
    .fix(format!("start it with {BETTER}"))
    .expect("the guest at its TAP")
    .yes()
}

fn guests_isolated(scene: &Scene<'_>) -> Answer {
    let ends = [(&scene.walk.from, &scene.walk.to), (&scene.walk.to, &scene.walk.from)];
    let is_stack = |end: &Endpoint| matches!(end.place, Place::Stack(..));
    let found =
        ends.into_iter().find_map(|(end, other)| end.user_mode(scene.host()).filter(|_| !is_outside(scene, other) && !is_stack(other)));
    let Some((guest, backend)) = found.filter(|(_, backend)| backend.id.is_some() || !backend.options.is_empty()) else {
        return Answer::Idle;
    };
    let id = backend.id.as_ref().map_or_else(|| "user".to_owned(), ToString::to_string);
    Hit::new(
        format!("{}, netdev {id}", title(guest)),
        None,
        format!("{} is on a user-mode network of its own: nobody else is on it, and hostfwd forwards no ping", title(guest)),
    )
    .state(format!("netdev {id} has the type user"))
    .fix(format!("put both guests on one bridge ({BETTER}), or join them with -netdev socket or stream"))
    .expect("both guests on one link")
    .yes()
}

fn restricted(scene: &Scene<'_>) -> Answer {
    let Some((guest, backend)) = scene.walk.from.user_mode(scene.host()).filter(|_| is_outside(scene, &scene.walk.to)) else {
        return Answer::Idle;
    };
    if !UserNetwork::of(&backend.options).is_some_and(|user| user.is_restricted) {
        return Answer::Idle;
    }
    Hit::new(title(guest), None, format!("restrict=on keeps {} from the outside", title(guest)))
        .state(format!("-netdev user,{}", backend.options))
        .fix("start it without restrict=on")
        .expect("the echo out on the host's uplink")
        .yes()
}

fn wrong_subnet(scene: &Scene<'_>) -> Answer {
    let (Some((guest, backend)), Some(ip)) = (scene.walk.from.user_mode(scene.host()), scene.walk.from.ip) else { return Answer::Idle };
    let network = UserNetwork::of(&backend.options).map(|user| user.network);
    let Some(network) = network.filter(|network| ip.is_ipv4() && !network.contains(ip)) else { return Answer::Idle };
    Hit::new(
        title(guest),
        None,
        format!("{} has {ip}, and its user-mode network is {network}, which answers for its own addresses only", title(guest)),
    )
    .state(format!("the network is {network}"))
    .fix(format!("use DHCP in the guest, or start it with -netdev user,net={ip}/24"))
    .expect("ARP answered by the gateway")
    .in_guest()
    .yes()
}

/// What the host does not let QEMU send, slirp answers itself (libslirp, ip_icmp.c, `icmp_input`): neither tables nor rules that are known
/// say why.
fn refused(scene: &Scene<'_>, guest: &Guest, netns: Netns) -> Answer {
    let frames: Vec<_> = scene.case.errors().filter(|(error, _)| !error.is_v6 && error.kind == 3).map(|(_, frame)| frame).take(4).collect();
    if frames.is_empty() {
        return Answer::Idle;
    }
    let to = scene.walk.to.label();
    let look = within(scene.host(), netns, &format!("sh -c 'ip route get {to}; nft list ruleset; iptables -S OUTPUT'"));
    let title = title(guest);
    Hit::new(title.clone(), None, format!("the host refuses what QEMU sends for {title}, and its user-mode stack tells the guest so"))
        .frames(Rank::IcmpError, "an ICMP error of the stack quotes the echo", frames)
        .fix(format!("{look}   # and take away what drops it"))
        .expect("the echo out on the host's uplink")
        .guess()
        .maybe(&["NFT_DROP"], look)
        .yes()
}

/// slirp sends echoes by a socket for which the group must be allowed (icmp(7), ping_group_range).
fn icmp_blocked(scene: &Scene<'_>) -> Answer {
    let Some((guest, _)) = scene.walk.from.user_mode(scene.host()).filter(|_| is_outside(scene, &scene.walk.to)) else {
        return Answer::Idle;
    };
    let netns = guest.netns.unwrap_or_default();
    if scene.spot.at == At::Egress {
        return refused(scene, guest, netns);
    }
    let Some(range) = scene.host().setting(netns, "net.ipv4.ping_group_range") else { return Answer::Idle };
    let mut bounds = range.as_str().split(' ').filter_map(|bound| bound.parse::<u64>().ok());
    let (Some(first), Some(last)) = (bounds.next(), bounds.next()) else { return Answer::Idle };
    if first <= last {
        return Answer::No(format!("ping_group_range is {range}"));
    }
    // As root it works all the same, and whose QEMU is, is not known.
    Hit::new(title(guest), None, format!("QEMU may not send echoes for {}: no group is in net.ipv4.ping_group_range", title(guest)))
        .proof(Rank::Oracle, format!("net.ipv4.ping_group_range = {range}"))
        .fix(within(scene.host(), netns, "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\""))
        .undo(within(scene.host(), netns, &format!("sysctl -w net.ipv4.ping_group_range=\"{range}\"")))
        .expect("the echo out on the host's uplink")
        .guess()
        .yes()
}
