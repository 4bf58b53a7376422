//! Rules that drop packets: nftables, iptables, ebtables, tc, XDP.

use super::prelude::*;
use super::ruling::{
    NETDEV, bridge_rulings, conn, dropped, ip_ruling, is_invalid, is_shown, is_spoof, packet, place, rule, shown_rulings, unclear,
};
use crate::diagnose::firewall::{Conn, Ruling};
use crate::diagnose::trail::Stop;
use crate::fact::IcmpError;
use crate::host::{FirewallRule, HostFact, HostKey};
use crate::{Direction, FrameNo, Text};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "XDP_DROP",
        layer: "L2 filter",
        proven_by: ProvenBy::State,
        at: &[At::Before],
        test: Test::Place(xdp_drop),
        drop_reasons: &["NOT_SPECIFIED", "XDP"],
        meaning: "A program in the device drops the frames before anybody can see them.",
        wire: "guest's frames never appear on tapA at all",
        state: "ip link: prog/xdp id N; tapA rx_packets rises while capture-in is 0; kfree_skb NOT_SPECIFIED at do_xdp_generic",
        alike: "NOT_SENT",
        fix: "ip link set dev tapA xdp off",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "TC_DROP",
        layer: "L2 filter",
        proven_by: ProvenBy::State,
        at: &[At::Ingress, At::Egress],
        test: Test::Place(tc_drop),
        drop_reasons: &["TC_INGRESS", "TC_EGRESS"],
        meaning: "A filter of tc drops the frames.",
        wire: "ingress: seen on tapA then nothing; egress: NOT seen out on tapB (capture is after it)",
        state: "tc -s filter / qdisc clsact \"dropped n\"; kfree_skb TC_INGRESS / TC_EGRESS",
        alike: "NFT_NETDEV_DROP",
        fix: "tc filter del dev tapA ingress",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "NFT_NETDEV_DROP",
        layer: "L2 filter",
        proven_by: ProvenBy::State,
        at: &[At::Ingress],
        test: Test::Place(netdev_drop),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "A rule at the device's ingress drops the packets.",
        wire: "in on tapA (capture is before it), nowhere else",
        state: "nft table netdev ingress counter; NETFILTER_DROP dev=tapA",
        alike: "TC_DROP, BRIDGE ingress",
        fix: "nft delete rule netdev n i handle N",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "MAC_SPOOF_FILTER",
        layer: "L2 filter",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn, At::BridgeOut, At::BridgeUp],
        test: Test::Place(mac_spoof),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "A rule lets only one link-layer address send at this port, and the guest has another.",
        wire: "everything B sends dies right after tapB (also ARP replies); what A sends arrives",
        state: "ebtables/nft rule \"-i tapB -s ! MAC\" (libvirt no-mac-spoofing, Proxmox macfilter) and B's source MAC differs",
        alike: "TARGET_SILENT seen from A",
        fix: "fix the MAC in the rule or in the guest",
        undo: "",
        source: "libvirt nwfilter docs",
    },
    Cause {
        code: "NFT_BRIDGE_DROP",
        layer: "L2 filter",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn, At::BridgeOut, At::BridgeUp],
        test: Test::Place(bridge_drop),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "A rule of the bridge's firewall drops the frames.",
        wire: "in on tapA, not out on tapB, for the matched kind only",
        state: "nft table bridge / ebtables rule counter = lost frames; NETFILTER_DROP dev=tapB",
        alike: "MAC_SPOOF_FILTER",
        fix: "nft delete rule bridge f forw handle N",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "BRIDGE_NF_CALL_IPTABLES",
        layer: "L2->L3 filter",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn, At::BridgeOut],
        test: Test::Place(bridge_nf),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "Frames between two ports of a bridge are shown to the host's IP firewall, which drops them.",
        wire: "ARP works, IPv4 between two ports of ONE bridge dies (in on tapA, not out on tapB)",
        state: "net.bridge.bridge-nf-call-iptables=1 AND forward chain drops (policy DROP by Docker/firewalld); counters move; kfree_skb NETFILTER_DROP dev=tapB at nft_do_chain",
        alike: "NFT_BRIDGE_DROP; policy DROP with bridge-nf=0 is harmless",
        fix: "sysctl -w net.bridge.bridge-nf-call-iptables=0 (or iptables -I FORWARD -m physdev --physdev-is-bridged -j ACCEPT)",
        undo: "sysctl -w net.bridge.bridge-nf-call-iptables=1",
        source: "https://wiki.libvirt.org/Net.bridge.bridge-nf-call_and_sysctl.conf.html ; https://github.com/docker/for-linux/issues/949 ; https://github.com/seapath/ansible/issues/909",
    },
    Cause {
        code: "CONNTRACK_TABLE_FULL",
        layer: "L3 filter",
        proven_by: ProvenBy::State,
        at: &[At::Prerouting, At::Output],
        test: Test::Place(conntrack_full),
        drop_reasons: &[],
        meaning: "The table of connections is full, and new ones are dropped.",
        wire: "random new flows die",
        state: "dmesg \"nf_conntrack: table full, dropping packet\"; conntrack -S early_drop/drop; count=max",
        alike: "NFT_DROP",
        fix: "sysctl -w net.netfilter.nf_conntrack_max=262144",
        undo: "",
        source: "kernel nf_conntrack-sysctl",
    },
    Cause {
        code: "CONNTRACK_INVALID_DROP",
        layer: "L3 filter",
        proven_by: ProvenBy::State,
        at: &[At::Forward, At::BridgeOut],
        test: Test::Place(conntrack_invalid),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "A rule drops what belongs to no connection; the host never saw the request that this answers.",
        wire: "reply seen on tapB, not on tapA; request never crossed this host",
        state: "rule \"ct state invalid drop\" counter = replies",
        alike: "NFT_DROP of replies",
        fix: "make the path symmetric or drop the rule for that pair",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "FRAGMENTS_DROPPED",
        layer: "L3 filter",
        proven_by: ProvenBy::Packets,
        at: &[At::Prerouting, At::Forward, At::BridgeOut, At::Receiver],
        test: Test::Place(fragments_dropped),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "A rule drops fragments, so that large packets never become whole.",
        wire: "large ping: first fragment arrives, later ones do not; B waits (reassembly timeout)",
        state: "rule on frag-off / prerouting < -400; IpReasmFails in B",
        alike: "L2_MTU_DROP, MTU_BLACKHOLE",
        fix: "allow fragments",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "NFT_REJECT",
        layer: "L3 filter",
        proven_by: ProvenBy::Packets,
        at: &[At::Input, At::Forward, At::Output, At::BridgeOut],
        test: Test::Place(reject),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "A rule refuses the packet and says so.",
        wire: "ICMP type 3 code 3/9/10/13 from the router quoting the echo (\"Destination Port Unreachable\" for a ping = a reject rule)",
        state: "reject rule counter; libvirt LIBVIRT_FWI/FWO between two virtual networks",
        alike: "SLIRP_ICMP_BLOCKED (also port-unreach); ROUTE_PROHIBIT (code 13)",
        fix: "add an accept before it; libvirt: <forward mode=\"open\"/> or one network",
        undo: "",
        source: "libvirt docs/firewall.rst",
    },
    Cause {
        code: "NFT_INPUT_DROP",
        layer: "L3 filter",
        proven_by: ProvenBy::State,
        at: &[At::Input],
        test: Test::Place(input_drop),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "A rule keeps the packet from the host itself.",
        wire: "guest->host fails, host->guest works, guest->guest works; request up on br0, no reply",
        state: "input chain policy/rule counter",
        alike: "ICMP_ECHO_IGNORED",
        fix: "nft insert rule inet fw input iifname br0 icmp type echo-request accept",
        undo: "",
        source: "observed on Linux 6.18",
    },
    Cause {
        code: "NFT_DROP",
        layer: "L3 filter",
        proven_by: ProvenBy::State,
        at: &[At::BridgeIn, At::Prerouting, At::Forward, At::Output, At::Postrouting],
        test: Test::Place(ip_drop),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "A rule of the host's firewall drops the packet.",
        wire: "in on brA, not out on brB, no ICMP error",
        state: "forward chain rule/policy counter = lost packets; NETFILTER_DROP dev=brA",
        alike: "IP_FORWARD_OFF (counter 0!), RP_FILTER_DROP",
        fix: "nft insert rule inet fw forward iifname brA oifname brB accept",
        undo: "",
        source: "https://dipankardas-portfolio.pages.dev/posts/blogs/networkcoexistence",
    },
    Cause {
        code: "QDISC_OVERLIMIT",
        layer: "L2 queue",
        proven_by: ProvenBy::State,
        at: &[At::Egress],
        test: Test::Place(qdisc),
        drop_reasons: &["QDISC_DROP", "QDISC_OVERLIMIT", "QDISC_CONGESTED"],
        meaning: "The device's queue is full or its rate is limited: frames are dropped.",
        wire: "part of the frames not out on tapB, delay grows",
        state: "tc -s qdisc: dropped/overlimits, backlog; kfree_skb QDISC_DROP",
        alike: "ICMP_RATE_LIMITED (delivered)",
        fix: "tc qdisc del dev tapB root",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

fn mac_spoof(scene: &Scene<'_>) -> Answer {
    match bridge_rulings(scene).into_iter().find(|ruling| !matches!(ruling, Ruling::Pass)) {
        Some(Ruling::Drop(rule)) if is_spoof(rule) => {
            let mac = scene.spot.probe.source_mac.map_or_else(|| "its address".to_owned(), |mac| mac.to_string());
            dropped(scene, rule, format!("{mac} may not send here: a rule against forged addresses expects another one")).yes()
        }
        _ => Answer::Idle,
    }
}

fn bridge_drop(scene: &Scene<'_>) -> Answer {
    match bridge_rulings(scene).into_iter().find(|ruling| !matches!(ruling, Ruling::Pass)) {
        Some(Ruling::Drop(rule) | Ruling::Reject(rule)) if !is_spoof(rule) => {
            dropped(scene, rule, format!("a rule of the bridge's firewall drops it: {}", rule.rule)).yes()
        }
        Some(Ruling::Unclear(rule)) => unclear(rule),
        _ => Answer::Idle,
    }
}

/// A frame for the host itself, whose bridge shows it to the host's rules before it is handed up.
fn is_going_up(scene: &Scene<'_>) -> bool {
    scene.spot.at == At::BridgeIn && scene.walk.find(At::BridgeUp).is_some()
}

fn bridge_nf(scene: &Scene<'_>) -> Answer {
    if is_going_up(scene) {
        return Answer::Idle;
    }
    let ruling = shown_rulings(scene).into_iter().find(|ruling| !matches!(ruling, Ruling::Pass));
    match ruling {
        Some(Ruling::Drop(rule)) if !is_shown(scene) => {
            Answer::No(format!("bridge-nf-call-iptables is 0: {} does not see bridged packets", place(rule)))
        }
        Some(Ruling::Drop(rule)) if !is_invalid(rule) => {
            let name = if scene.spot.probe.is_v6() { "net.bridge.bridge-nf-call-ip6tables" } else { "net.bridge.bridge-nf-call-iptables" };
            let bridge = scene.spot.bridge.map_or_else(|| "the bridge".into(), |bridge| scene.name(bridge));
            dropped(
                scene,
                rule,
                format!("packets between two ports of {bridge} are shown to the host's IP rules, and {} drops them", place(rule)),
            )
            .state(format!("{name} = 1"))
            .fix(within(scene.host(), scene.spot.netns, &format!("sysctl -w {name}=0")))
            .undo(within(scene.host(), scene.spot.netns, &format!("sysctl -w {name}=1")))
            .yes()
        }
        Some(Ruling::Unclear(rule)) if is_shown(scene) => unclear(rule),
        _ => Answer::Idle,
    }
}

fn conntrack_invalid(scene: &Scene<'_>) -> Answer {
    let ruling = match scene.spot.at {
        At::Forward => Some(ip_ruling(scene)),
        _ if is_shown(scene) => shown_rulings(scene).into_iter().find(|ruling| !matches!(ruling, Ruling::Pass)),
        _ => None,
    };
    match ruling {
        Some(Ruling::Drop(rule)) if is_invalid(rule) && conn(scene) == Conn::Invalid => {
            let what = "the host never saw the request that this answers, and a rule drops what belongs to no connection";
            let hit = dropped(scene, rule, what.into());
            match (scene.tracked(), scene.case.knows_tracked(scene.spot.netns)) {
                (None, true) => hit.state("conntrack has no connection that this would answer").yes(),
                // A connection to which it belongs is there: it is not invalid by that.
                (Some(row), _) => Answer::Unknown(format!("why it is invalid though conntrack has {}", row.words())),
                (None, false) => hit.yes(),
            }
        }
        _ => Answer::Idle,
    }
}

/// ICMP errors that firewalls send (nft(8), reject).
fn is_refusal(error: &IcmpError) -> bool {
    matches!((error.is_v6, error.kind, error.code), (false, 3, 2 | 3 | 9 | 10 | 13) | (true, 1, 1 | 4 | 5 | 6))
}

fn reject(scene: &Scene<'_>) -> Answer {
    let ruling = match scene.spot.at {
        At::BridgeOut if is_shown(scene) => shown_rulings(scene).into_iter().find(|ruling| !matches!(ruling, Ruling::Pass)),
        At::BridgeOut => None,
        _ => Some(ip_ruling(scene)),
    };
    let Some(Ruling::Reject(rule)) = ruling else { return Answer::Idle };
    let frames: Vec<FrameNo> = scene.case.errors().filter(|(error, _)| is_refusal(error)).map(|(_, frame)| frame).take(4).collect();
    let hit = dropped(scene, rule, format!("a rule refuses it: {}", rule.rule));
    if frames.is_empty() { hit.yes() } else { hit.frames(Rank::IcmpError, "an ICMP error of the host quotes the echo", frames).yes() }
}

fn ip_drop(scene: &Scene<'_>) -> Answer {
    let ruling = match scene.spot.at {
        At::BridgeIn if is_going_up(scene) && is_shown(scene) => {
            shown_rulings(scene).into_iter().find(|ruling| !matches!(ruling, Ruling::Pass))
        }
        At::BridgeIn => None,
        _ => Some(ip_ruling(scene)),
    };
    match ruling.unwrap_or(Ruling::Pass) {
        Ruling::Drop(rule) if !(is_invalid(rule) && conn(scene) == Conn::Invalid) => {
            dropped(scene, rule, format!("a rule of the host's firewall drops it: {}", rule.rule)).yes()
        }
        Ruling::Unclear(rule) => unclear(rule),
        _ => Answer::Idle,
    }
}

fn input_drop(scene: &Scene<'_>) -> Answer {
    match ip_ruling(scene) {
        Ruling::Drop(rule) => dropped(scene, rule, format!("a rule keeps it from the host: {}", rule.rule)).yes(),
        Ruling::Unclear(rule) => unclear(rule),
        _ => Answer::Idle,
    }
}

fn netdev_drop(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device() else { return Answer::Idle };
    match rule(scene, "ingress", NETDEV, Some(device.name.as_str()), &packet(scene)) {
        Ruling::Drop(rule) => dropped(scene, rule, format!("a rule at the ingress of {} drops it: {}", device.name, rule.rule)).yes(),
        Ruling::Unclear(rule) => unclear(rule),
        _ => Answer::Idle,
    }
}

/// What tc's filters look at is not followed; that one drops is believed if it counts.
fn tc_drop(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device() else { return Answer::Idle };
    let side = if scene.spot.at == At::Ingress { "ingress" } else { "egress" };
    let is_here = |rule: &&FirewallRule| {
        rule.netns == scene.spot.netns && rule.tool.as_str() == "tc" && rule.table == device.name && rule.chain.as_str() == side
    };
    let grown = |rule: &FirewallRule| scene.case.grown(&HostFact::Firewall(rule.clone()).key()).filter(|grown| *grown > 0);
    let mut rules = scene.host().firewall().filter(is_here);
    let Some(rule) = rules.find(|rule| grown(rule).is_some() || rule.rule.as_str().contains("drop")) else { return Answer::Idle };
    let tc = tool(scene.host(), device.id.netns, "tc");
    let hit = Hit::new(
        format!("tc {side} of {}", device.name),
        Some(device.id),
        format!("a filter of tc at the {side} of {} drops it", device.name),
    )
    .object(format!("tc {} {side}: {}", device.name, rule.rule))
    .fix(format!("{tc} filter del dev {} {side}", device.name))
    .expect(format!("the packet behind the {side} of {}", device.name));
    match grown(rule) {
        Some(grown) => hit.proof(Rank::Counter, format!("it dropped {grown}, {} lost", scene.count())).yes(),
        None => hit.proof(Rank::Oracle, format!("tc has there: {}", rule.rule)).guess().yes(),
    }
}

/// XDP runs before anybody can listen (net/core/dev.c, `do_xdp_generic`).
fn xdp_drop(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device().filter(|_| !scene.has_packets()) else { return Answer::Idle };
    let until = scene.host().counted_at(device.id.netns).unwrap_or(scene.case.window.until);
    let seen = scene.case.captured(device.id, Direction::Inbound, until);
    let came = scene.case.grew(device.id).map_or(0, |grew| grew.received_packets);
    let Some(id) = device.xdp.filter(|_| came > 0 && seen == 0) else {
        return match device.xdp {
            Some(id) if came == 0 && seen == 0 => {
                Answer::Unknown(format!("whether the XDP program {id} on {} drops: its counter did not move", device.name))
            }
            _ => Answer::Idle,
        };
    };
    let ip = tool(scene.host(), device.id.netns, "ip");
    Hit::new(
        scene.name(device.id),
        Some(device.id),
        format!("an XDP program on {} drops what comes in before anybody sees it", device.name),
    )
    .proof(Rank::Counter, format!("{} received {came} packets, and none was seen", device.name))
    .state(format!("{} has the XDP program {id}", device.name))
    .fix(format!("{ip} link set dev {} xdp off", device.name))
    .expect(format!("the packet in on {}", device.name))
    .yes()
}

fn qdisc(scene: &Scene<'_>) -> Answer {
    let Some(device) = scene.device() else { return Answer::Idle };
    let key = HostKey::Counter(device.id.netns, Some(device.id.index), Text::new("qdisc dropped"));
    let Some(grown) = scene.case.grown(&key).filter(|grown| *grown > 0) else { return Answer::Idle };
    let tc = tool(scene.host(), device.id.netns, "tc");
    Hit::new(scene.name(device.id), Some(device.id), format!("the queue of {} is full or its rate limited: it drops frames", device.name))
        .proof(Rank::Counter, format!("its queueing discipline dropped {grown}"))
        .fix(format!("{tc} qdisc del dev {} root", device.name))
        .expect(format!("the packet out on {}", device.name))
        .yes()
}

fn conntrack_full(scene: &Scene<'_>) -> Answer {
    let (count, most) = (scene.setting("net.netfilter.nf_conntrack_count"), scene.setting("net.netfilter.nf_conntrack_max"));
    if most == 0 || count < most {
        return Answer::Idle;
    }
    Hit::new("conntrack", scene.spot.device, format!("the table of connections is full: {count} of {most}"))
        .state(format!("net.netfilter.nf_conntrack_count = {count}, nf_conntrack_max = {most}"))
        .fix(within(scene.host(), scene.spot.netns, &format!("sysctl -w net.netfilter.nf_conntrack_max={}", u64::from(most) * 4)))
        .undo(within(scene.host(), scene.spot.netns, &format!("sysctl -w net.netfilter.nf_conntrack_max={most}")))
        .expect("new connections pass")
        .yes()
}

/// The first fragment passes, and a rule keeps the others.
fn fragments_dropped(scene: &Scene<'_>) -> Answer {
    let is_fragmented = scene.walk.packets.iter().any(|packet| packet.is_fragment);
    if !is_fragmented || scene.spot.probe.is_resolution() {
        return Answer::Idle;
    }
    let is_on_way = |rule: &FirewallRule| {
        scene.walk.trail.stops.iter().any(|stop| matches!(stop, Stop::Spot(spot) if spot.netns == rule.netns && spot.at != At::Receiver))
    };
    let is_it = |rule: &&FirewallRule| {
        let text = rule.rule.as_str();
        is_on_way(rule)
            && (text.contains("frag-off") || text.split(' ').any(|word| word == "-f"))
            && text.to_ascii_lowercase().contains("drop")
            // The first one, which is what is followed, came through: the rule has to have caught others.
            && (scene.spot.at != At::Receiver || scene.case.grown(&HostFact::Firewall((*rule).clone()).key()).is_none_or(|grown| grown > 0))
    };
    match scene.host().firewall().find(is_it) {
        Some(rule) => dropped(scene, rule, format!("a rule drops fragments, so a large packet never becomes whole: {}", rule.rule)).yes(),
        None => Answer::Idle,
    }
}
