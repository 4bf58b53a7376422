//! Guests that did not get an address (RFC 2131).

use super::prelude::*;
use crate::diagnose::endpoint::{Endpoint, device_of_point};
use crate::diagnose::firewall::{Conn, Hook, Packet, Protocol, Ruling};
use crate::host::FirewallRule;
use crate::tables::{DhcpState, DhcpTransaction};
use crate::{FrameNo, MacAddr};
use std::net::{IpAddr, Ipv4Addr};

/// The rows.
pub(super) const CAUSES: &[Cause] = &[
    Cause {
        code: "CLONED_DHCP_IDENTITY",
        layer: "L3 DHCP",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver],
        test: Test::Place(cloned_identity),
        drop_reasons: &[],
        meaning: "Two guests ask for their lease with one identity, and get one address.",
        wire: "two MACs send the same DHCP option 61 client-id and are ACKed the same IP",
        state: "same /etc/machine-id in clones (systemd DUID)",
        alike: "DUPLICATE_IP by hand",
        fix: "in the clone: rm /etc/machine-id; systemd-machine-id-setup (or ClientIdentifier=mac)",
        undo: "",
        source: "https://github.com/systemd/systemd/issues/9609 ; https://github.com/chef/bento/issues/1062",
    },
    Cause {
        code: "DHCP_NO_SERVER",
        layer: "L3 DHCP",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Sender],
        test: Test::Place(no_server),
        drop_reasons: &[],
        meaning: "Nobody answers the guest's DHCP, so it has no address.",
        wire: "DISCOVER x n (backoff), no OFFER anywhere; then 169.254/none; host: udp 67 not open",
        state: "ss -uln :67 empty; no dnsmasq",
        alike: "DHCP_BLOCKED, DHCP_POOL_EXHAUSTED, STP_NOT_FORWARDING",
        fix: "start dnsmasq / libvirt network",
        undo: "",
        source: "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/6/html/virtualization_host_configuration_and_guest_installation_guide/app_pxe_guest_boot_fail",
    },
    Cause {
        code: "DHCP_POOL_EXHAUSTED",
        layer: "L3 DHCP",
        proven_by: ProvenBy::State,
        at: &[At::Receiver, At::Sender],
        test: Test::Place(pool_exhausted),
        drop_reasons: &[],
        meaning: "The DHCP server has no address left.",
        wire: "as above but others got leases recently; server silent",
        state: "dnsmasq log \"no address available\"; lease count = range",
        alike: "DHCP_NO_SERVER",
        fix: "widen --dhcp-range / clear old leases",
        undo: "",
        source: "observed (dnsmasq 2.90)",
    },
    Cause {
        code: "DHCP_BLOCKED",
        layer: "L3 filter",
        proven_by: ProvenBy::State,
        at: &[At::Receiver, At::Sender],
        test: Test::Place(dhcp_blocked),
        drop_reasons: &["NETFILTER_DROP"],
        meaning: "A rule keeps DHCP from its server.",
        wire: "DISCOVER reaches br0, server process never logs it",
        state: "INPUT drop on udp/67 counter = DISCOVER count; kfree_skb NETFILTER_DROP dev=br0",
        alike: "DHCP_POOL_EXHAUSTED",
        fix: "iptables -I INPUT -i br0 -p udp --dport 67 -j ACCEPT",
        undo: "",
        source: "libvirt docs/firewall.rst",
    },
    Cause {
        code: "DHCP_NAK_LOOP",
        layer: "L3 DHCP",
        proven_by: ProvenBy::Packets,
        at: &[At::Receiver, At::Sender],
        test: Test::Place(nak_loop),
        drop_reasons: &[],
        meaning: "The server refuses the address that the guest wants again and again.",
        wire: "REQUEST for an old address, NAK \"wrong network\", repeat",
        state: "dnsmasq log DHCPNAK",
        alike: "two servers",
        fix: "clear the guest's lease file",
        undo: "",
        source: "observed on Linux 6.18",
    },
];

/// The end that should have an address by DHCP: what it asked, and what came of it.
fn client<'s>(scene: &Scene<'s>) -> Option<(&'s Endpoint, Vec<&'s DhcpTransaction>)> {
    let ends: [&Endpoint; 2] = if scene.spot.at == At::Sender { [&scene.walk.from; 2] } else { [&scene.walk.to; 2] };
    let end = ends.into_iter().find(|end| end.mac.is_some())?;
    let tables = scene.case.tables;
    let has_address =
        end.ip.is_some_and(|ip| tables.bindings.iter().any(|row| row.ip == ip && Some(row.mac) == end.mac && row.learned.proves_owner()));
    let transactions: Vec<_> = tables.dhcp.iter().filter(|row| row.client_mac == end.mac).collect();
    (!transactions.is_empty() && !has_address).then_some((end, transactions))
}

fn frames(transactions: &[&DhcpTransaction]) -> Vec<FrameNo> {
    transactions.iter().flat_map(|row| &row.messages).filter(|message| !message.repeated).map(|message| message.frame).take(4).collect()
}

fn is_unanswered(transactions: &[&DhcpTransaction]) -> bool {
    transactions.iter().all(|row| row.messages.iter().all(|message| message.op == 1))
}

/// A listener for DHCP in the namespace of the guest's bridge.
fn server(scene: &Scene<'_>) -> Option<String> {
    let found = scene.host().listeners().find(|row| (row.protocol, row.port) == (17, 67))?;
    Some(found.program.as_ref().map_or_else(|| "a server".to_owned(), ToString::to_string))
}

fn no_server(scene: &Scene<'_>) -> Answer {
    let Some((end, transactions)) = client(scene).filter(|(_, transactions)| is_unanswered(transactions)) else { return Answer::Idle };
    if server(scene).is_some() || server_seen(scene, end).is_some() || blocking_rule(scene).is_some() {
        return Answer::Idle;
    }
    let place = end.title(scene.host());
    let mut hit = Hit::new(&place, end.device(), format!("{place} has no address: no server answers its DHCP"))
        .frames(Rank::Packets, "DISCOVER, and no OFFER anywhere", frames(&transactions))
        .fix("start a DHCP server on the bridge (dnsmasq, or the libvirt network), or give the guest an address")
        .expect("an OFFER");
    if scene.host().listeners().next().is_some() {
        hit = hit.state("nobody listens on UDP port 67");
    }
    hit.yes()
}

/// A server that answered another client on the same link.
fn server_seen(scene: &Scene<'_>, end: &Endpoint) -> Option<(Ipv4Addr, FrameNo)> {
    let host = scene.host();
    let link = |device| host.device(device).and_then(|row| row.master.or(Some(row.id)));
    let own = end.device().and_then(link)?;
    let is_there = |row: &&DhcpTransaction| {
        let device = device_of_point(scene.case.tables, row.point);
        row.client_mac != end.mac && !row.acked.is_empty() && device.and_then(link) == Some(own)
    };
    let row = scene.case.tables.dhcp.iter().rfind(is_there)?;
    Some((*row.servers.first()?, row.messages.last().map(|message| message.frame)?))
}

/// The server answers others, hears this one, and has nothing for it.
fn pool_exhausted(scene: &Scene<'_>) -> Answer {
    let Some((end, transactions)) = client(scene).filter(|(_, transactions)| is_unanswered(transactions)) else { return Answer::Idle };
    if blocking_rule(scene).is_some() {
        return Answer::Idle;
    }
    let Some((server, frame)) = server_seen(scene, end) else { return Answer::Idle };
    let place = end.title(scene.host());
    Hit::new(&place, end.device(), format!("{place} has no address: the server {server} gives leases to others, and says nothing to it"))
        .frames(Rank::Packets, format!("{server} answered another client"), vec![frame])
        .frames(Rank::Packets, "DISCOVER, and no OFFER", frames(&transactions))
        .fix("widen the server's range, or take back old leases; its log says \u{201c}no address available\u{201d}")
        .expect("an OFFER")
        .maybe(&["DHCP_BLOCKED"], "the DHCP server's log")
        .guess()
        .yes()
}

/// A rule of the input hook that drops what goes to a DHCP server.
fn blocking_rule<'s>(scene: &Scene<'s>) -> Option<&'s FirewallRule> {
    let (end, _) = client(scene)?;
    let device = scene.host().device(end.device()?)?;
    let bridge = scene.host().device(device.master?)?;
    let packet = Packet {
        in_name: Some(bridge.name.as_str()),
        out_name: None,
        physical_in: Some(device.name.as_str()),
        physical_out: None,
        is_bridged: false,
        source_mac: end.mac,
        destination_mac: Some(MacAddr::BROADCAST),
        source: Some(Ipv4Addr::UNSPECIFIED.into()),
        destination: Some(Ipv4Addr::BROADCAST.into()),
        is_v6: false,
        protocol: Protocol::Udp(68, 67),
        conn: Conn::New,
    };
    match scene.case.rules.ask(bridge.id.netns, Hook { name: "input", families: packet.families(), device: None }, &packet) {
        Ruling::Drop(rule) | Ruling::Reject(rule) => Some(rule),
        Ruling::Pass | Ruling::Unclear(_) => None,
    }
}

fn dhcp_blocked(scene: &Scene<'_>) -> Answer {
    let Some((end, transactions)) = client(scene).filter(|(_, transactions)| is_unanswered(transactions)) else { return Answer::Idle };
    let Some(rule) = blocking_rule(scene) else { return Answer::Idle };
    let place = end.title(scene.host());
    Hit::new(
        format!("{} {} chain {}", rule.tool, rule.table, rule.chain),
        end.device(),
        format!("{place} has no address: a rule keeps its DHCP from the server: {}", rule.rule),
    )
    .object(format!("{} {} chain {}: {}", rule.tool, rule.table, rule.chain, rule.rule))
    .frames(Rank::Packets, "DISCOVER, and no OFFER anywhere", frames(&transactions))
    .state(format!("{} drops UDP port 67", rule.rule))
    .fix(within(scene.host(), rule.netns, "iptables -I INPUT -p udp --dport 67 -j ACCEPT"))
    .undo(within(scene.host(), rule.netns, "iptables -D INPUT -p udp --dport 67 -j ACCEPT"))
    .expect("an OFFER")
    .yes()
}

fn nak_loop(scene: &Scene<'_>) -> Answer {
    let Some((end, transactions)) = client(scene) else { return Answer::Idle };
    let naks =
        transactions.iter().flat_map(|row| &row.messages).filter(|message| message.message_type == Some(6) && !message.repeated).count();
    let is_bound = transactions.last().is_some_and(|row| row.state() == DhcpState::Bound);
    if naks < 2 || is_bound {
        return Answer::Idle;
    }
    let place = end.title(scene.host());
    Hit::new(&place, end.device(), format!("{place} asks for an old address again and again, and the server refuses it"))
        .frames(Rank::Packets, format!("{naks} NAKs"), frames(&transactions))
        .fix("in the guest: remove the client's lease file and ask again")
        .expect("DISCOVER, OFFER, REQUEST, ACK")
        .in_guest()
        .yes()
}

/// One address acknowledged to two cards.
fn cloned_identity(scene: &Scene<'_>) -> Answer {
    let Some(IpAddr::V4(ip)) = scene.walk.to.ip else { return Answer::Idle };
    let mut clients: Vec<(MacAddr, FrameNo)> = Vec::new();
    for row in scene.case.tables.dhcp.iter().filter(|row| row.acked.contains(&ip)) {
        if let (Some(mac), Some(message)) = (row.client_mac, row.messages.last())
            && !clients.iter().any(|(known, _)| *known == mac)
        {
            clients.push((mac, message.frame));
        }
    }
    if clients.len() < 2 {
        return Answer::Idle;
    }
    let macs: Vec<String> = clients.iter().map(|(mac, _)| mac.to_string()).collect();
    Hit::new(
        format!("address {ip}"),
        scene.spot.device,
        format!("the DHCP server gave {ip} to {}: they ask with one identity", macs.join(" and to ")),
    )
    .frames(Rank::Packets, format!("{ip} acknowledged to {}", macs.join(" and ")), clients.iter().map(|(_, frame)| *frame).collect())
    .fix("in the clone: rm /etc/machine-id; systemd-machine-id-setup (or ClientIdentifier=mac)")
    .expect("two addresses for two guests")
    .in_guest()
    .yes()
}
