//! What is odd about cables, and what a user-mode stack does to a guest's packets.

use super::host::finding;
use super::{FRAMES, Finding, FindingKind, Severity, is_too_early, times};
use crate::MacAddr;
use crate::host::{Cable, CableKind, CableRole, CableState, Host, Prefix, UserNetwork};
use crate::tables::{Side, Tables, TcpState};
use crate::topology::{Key, Link, LinkKind, LinkState, NodeKind, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Finds it.
pub(super) fn cables(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    for link in topology.links().filter(|link| link.kind == LinkKind::Cable) {
        let Some(cable) = link.cable.as_ref().and_then(|key| tables.host.cable(key)) else { continue };
        unplugged(&tables.host, cable, link, found);
        if cable.kind == CableKind::User {
            icmp_blocked(tables, cable, link, found);
        }
    }
    duplicates(topology, found);
}

/// Cables that lead to nobody.
fn unplugged(host: &Host, cable: &Cable, link: &Link, found: &mut Vec<Finding>) {
    let LinkState::Unplugged(state) = link.state else { return };
    let by_role = |role: CableRole| cable.ends.iter().filter(move |end| end.role == role).map(|end| end.called(host));
    let listener = by_role(CableRole::Listens).next().unwrap_or_else(|| "a listener".to_owned());
    let all: Vec<String> = cable.ends.iter().map(|end| end.called(host)).collect();
    let all = if all.is_empty() { "nobody".to_owned() } else { all.join(", ") };
    let (severity, kind, text) = match state {
        // It may wait for good reason.
        CableState::Listening => (
            Severity::Note,
            FindingKind::CableUnconnected,
            format!("{listener} waits on {}, and nobody is connected: start its peer with connect= to that address", cable.key),
        ),
        CableState::Disconnected => (
            Severity::Warning,
            FindingKind::CableUnconnected,
            format!(
                "nobody is at the other end of {} for {all}: `-netdev socket` connects once, when QEMU starts; start the listener first \
                 and the guest again, or use `-netdev stream` with reconnect-ms=",
                cable.key
            ),
        ),
        CableState::NotAccepted => {
            let peers: Vec<String> = by_role(CableRole::Connects).collect();
            let peers = if peers.is_empty() { all } else { peers.join(", ") };
            (
                Severity::Warning,
                FindingKind::CableNotAccepted,
                format!(
                    "not all of {peers} are accepted on {}: {listener} takes one peer at a time; end the one that is too many, or join \
                     them by mcast= or `tapscope hub`",
                    cable.key
                ),
            )
        }
        CableState::Alone => (
            Severity::Note,
            FindingKind::CableAlone,
            format!("{all} is alone on {}: give its peers the same group and localaddr=", cable.key),
        ),
        CableState::Connected | CableState::Unknown => return,
    };
    found.push(finding(severity, kind, text, Some(link.key)));
}

/// Guests with one link-layer address on one cable: neither takes the other's frames for somebody else's.
fn duplicates(topology: &Topology, found: &mut Vec<Finding>) {
    let mut cards: BTreeMap<(Key, MacAddr), (&Link, BTreeSet<String>)> = BTreeMap::new();
    for (node, link, interface) in topology.attachments().filter(|(node, ..)| node.kind == NodeKind::Guest) {
        if let (Some(mac), LinkKind::Cable) = (interface.mac, link.kind) {
            let name = node.name.as_ref().map_or_else(|| node.key.to_string(), ToString::to_string);
            cards.entry((link.key, mac)).or_insert((link, BTreeSet::new())).1.insert(name);
        }
    }
    for ((key, mac), (link, guests)) in cards.into_iter().filter(|(_, (_, guests))| guests.len() > 1) {
        let guests: Vec<String> = guests.into_iter().collect();
        let text = format!("{} have the same address {mac} on {}: give each a mac= of its own", guests.join(" and "), link.name);
        found.push(finding(Severity::Error, FindingKind::DuplicateMac, text, Some(key)));
    }
}

/// libslirp sends a guest's echo from a socket of its own, for which the host needs `net.ipv4.ping_group_range` (libslirp,
/// `ip_icmp.c`); TCP needs nothing. Only where both were seen: echoes beyond the stack in vain, and TCP that was answered from there.
fn icmp_blocked(tables: &Tables, cable: &Cable, link: &Link, found: &mut Vec<Finding>) {
    let Some(point) = link.point else { return };
    let backend = cable.ends.iter().find_map(|end| tables.host.plugged(end)?.1.backend.as_ref());
    let Some(user) = backend.and_then(|backend| UserNetwork::of(&backend.options)) else { return };
    let network: Prefix = user.network;
    let is_beyond = |ip: IpAddr| ip.is_ipv4() && !network.contains(ip);
    let (mut frames, mut count, mut targets, mut refusal) = (Vec::new(), 0, BTreeSet::new(), None);
    for echo in tables.echoes.iter().filter(|echo| echo.point == point && network.contains(echo.source) && is_beyond(echo.destination)) {
        if echo.reply.is_some() {
            // ICMP does get through, at least up to here.
            (frames, count, targets, refusal) = (Vec::new(), 0, BTreeSet::new(), None);
            continue;
        }
        let error = echo.error.and_then(|row| tables.icmp_errors.get(row as usize)).map(|row| &row.error);
        let is_refused = error.is_some_and(|error| error.reporter == IpAddr::V4(user.gateway));
        if !is_refused && (error.is_some() || is_too_early(tables, echo.at)) {
            continue;
        }
        refusal = refusal.or(error.map(ToString::to_string));
        count += 1;
        targets.insert(echo.destination);
        if frames.len() < FRAMES - 1 {
            frames.push(echo.frame);
        }
    }
    if count == 0 {
        return;
    }
    let is_answered = |state: TcpState| !matches!(state, TcpState::SynSent | TcpState::Refused | TcpState::Midstream);
    let tcp = tables.flows.iter().find(|flow| {
        let server = if flow.initiator == Side::A { flow.b() } else { flow.a() };
        flow.points.iter().any(|(at, ..)| *at == point) && is_beyond(server.ip) && flow.tcp.is_some_and(is_answered)
    });
    let Some(flow) = tcp else { return };
    let server = if flow.initiator == Side::A { flow.b() } else { flow.a() };
    frames.push(flow.first);
    let guest = cable.ends.first().map_or_else(String::new, |end| end.called(&tables.host));
    let targets: Vec<String> = targets.iter().take(4).map(IpAddr::to_string).collect();
    let how = refusal.map_or_else(|| "are swallowed by".to_owned(), |words| format!("are refused ({words}) by"));
    let text = format!(
        "{guest}'s pings to {} {how} its user-mode stack{}, while TCP to {} port {} gets through: it may not send ICMP; \
         sysctl -w net.ipv4.ping_group_range=\"0 2147483647\", or look for a rule that drops it",
        targets.join(", "),
        times(count),
        server.ip,
        server.port.unwrap_or(0),
    );
    let kind = FindingKind::SlirpIcmpBlocked;
    found.push(Finding { severity: Severity::Warning, kind, text, about: Some(link.key), point: Some(point), frames, count });
}
