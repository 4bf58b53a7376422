//! What is odd about cables, and what a user-mode stack does to a guest's packets.

use super::host::finding;
use super::{FRAMES, Finding, FindingKind, Severity, is_too_early, times};
use crate::MacAddr;
use crate::host::{Cable, CableRole, CableState, Host, UserNetwork};
use crate::tables::{Flow, Side, Tables, TcpState};
use crate::topology::{Key, Link, LinkKind, LinkState, Node, NodeKind, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Finds it.
pub(super) fn cables(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    for link in topology.links().filter(|link| link.kind == LinkKind::Cable) {
        let Some(cable) = link.cable.as_ref().and_then(|key| tables.host.cable(key)) else { continue };
        unplugged(&tables.host, cable, link, found);
    }
    // The stack has an interface for each of its link-layer addresses.
    let mut told: BTreeSet<Key> = BTreeSet::new();
    for (node, link, _) in topology.attachments().filter(|(node, link, _)| node.kind == NodeKind::Stack && link.kind.is_local()) {
        if told.insert(node.key) {
            icmp_blocked(tables, node, link, found);
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
        // A guest may have given its card another address.
        found.push(finding(Severity::Warning, FindingKind::DuplicateMac, text, Some(key)));
    }
}

/// libslirp sends a guest's echo from a socket of its own, for which the host needs `net.ipv4.ping_group_range` (libslirp,
/// `ip_icmp.c`); TCP needs nothing. Only where both were seen: echoes beyond the stack in vain, and TCP that was answered from there.
fn icmp_blocked(tables: &Tables, node: &Node, link: &Link, found: &mut Vec<Finding>) {
    let Some(point) = link.point else { return };
    let cable = link.cable.as_ref().and_then(|key| tables.host.cable(key));
    let backend = cable.and_then(|cable| cable.ends.iter().find_map(|end| tables.host.plugged(end)?.1.backend.as_ref()));
    let user = backend.and_then(|backend| UserNetwork::of(&backend.options));
    let is_beyond = |ip: IpAddr| match user {
        Some(user) => ip.is_ipv4() && !user.network.contains(ip),
        None => node.remotes.contains(&ip),
    };
    let (mut frames, mut count, mut targets, mut refusal, mut source) = (Vec::new(), 0, BTreeSet::new(), None, None);
    for echo in tables.echoes.iter().filter(|echo| echo.point == point && !is_beyond(echo.source) && is_beyond(echo.destination)) {
        if echo.reply.is_some() {
            // ICMP does get through, at least up to here.
            (frames, count, targets, refusal) = (Vec::new(), 0, BTreeSet::new(), None);
            continue;
        }
        let error = echo.error.and_then(|row| tables.icmp_errors.get(row as usize)).map(|row| &row.error);
        let is_refused = error.is_some_and(|error| node.addresses.iter().any(|address| address.ip == error.reporter));
        if !is_refused && (error.is_some() || is_too_early(tables, echo.at)) {
            continue;
        }
        refusal = refusal.or(error.map(ToString::to_string));
        count += 1;
        source = Some(echo.source);
        targets.insert(echo.destination);
        if frames.len() < FRAMES - 1 {
            frames.push(echo.frame);
        }
    }
    if count == 0 {
        return;
    }
    let is_answered = |state: TcpState| !matches!(state, TcpState::SynSent | TcpState::Refused | TcpState::Midstream);
    let server = |flow: &Flow| if flow.initiator == Side::A { flow.b() } else { flow.a() };
    let tcp = tables.flows.iter().find(|flow| {
        let is_here = flow.points.iter().any(|(at, ..)| *at == point);
        flow.tcp.is_some_and(is_answered) && is_here && is_beyond(server(flow).ip)
    });
    let Some(flow) = tcp else { return };
    frames.push(flow.first);
    let guest = cable.and_then(|cable| cable.ends.first()).map(|end| end.called(&tables.host));
    let guest = guest.or(source.map(|ip| ip.to_string())).unwrap_or_default();
    let targets: Vec<String> = targets.iter().take(4).map(IpAddr::to_string).collect();
    let how = refusal.map_or_else(|| "are swallowed by".to_owned(), |words| format!("are refused ({words}) by"));
    let subject = format!("{guest}'s pings to {} {how} its user-mode stack", targets.join(", "));
    let text = format!(
        "{subject}{}, while TCP to {} port {} gets through: it may not send ICMP; \
         sysctl -w net.ipv4.ping_group_range=\"0 2147483647\", or look for a rule that drops it",
        times(count),
        server(flow).ip,
        server(flow).port.unwrap_or(0),
    );
    let kind = FindingKind::SlirpIcmpBlocked;
    found.push(Finding { severity: Severity::Warning, kind, text, subject, about: Some(node.key), point: Some(point), frames, count });
}
