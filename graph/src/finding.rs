//! What is wrong, as far as frames and the host show it.

mod cable;
mod health;
mod host;

use crate::decode::Stop;
use crate::tables::{DhcpState, Dropped, Resolution, Side, Tables, TcpState};
use crate::topology::{Domains, Key, LinkKind, Topology};
use crate::{FrameNo, MacAddr, PointId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something is odd and may explain a failure.
    Warning,
    /// Worth knowing: what could not be read, what was left out.
    Note,
}

/// Which kind of trouble; the stable code is [`FindingKind::code`], that of the [cause](crate::diagnose::Cause) where it means the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Two stations of one layer-2 domain claim one address.
    AddressConflict,
    /// Nobody answered for a link-layer address.
    ResolutionUnanswered,
    /// An echo request without a reply.
    EchoLost,
    /// An echo request that was answered with an ICMP error.
    EchoRefused,
    /// A DHCP client without an answer.
    DhcpUnanswered,
    /// A DHCP server said no.
    DhcpRefused,
    /// A DHCP client found its address in use.
    DhcpDeclined,
    /// More than one DHCP server answers.
    DhcpServers,
    /// TCP connections were refused or not answered.
    TcpRefused,
    /// TCP SYNs without an answer.
    TcpUnanswered,
    /// Spanning tree topology changes.
    TopologyChanges,
    /// An address of the host is set on a port of a bridge.
    AddressOnPort,
    /// A bridge's port is switched off.
    PortDisabled,
    /// The spanning tree does not let a bridge's port forward, or not yet.
    PortNotForwarding,
    /// A guest's TAP is down.
    TapDown,
    /// A TAP that nobody has open.
    TapUnread,
    /// A guest sends from another address than its card's.
    MacDiffers,
    /// Guests on one cable, or on one bridge, have the same link-layer address.
    DuplicateMac,
    /// A broadcast goes round.
    L2Loop,
    /// Ports of one bridge have different MTUs.
    MtuMismatch,
    /// Nobody is at a cable's other end.
    CableUnconnected,
    /// A cable's listener has another peer.
    CableNotAccepted,
    /// A guest is alone in its multicast group.
    CableAlone,
    /// A guest's pings end at its user-mode stack, while its TCP gets beyond.
    SlirpIcmpBlocked,
    /// Frames passed a point and were not captured.
    FramesLost,
    /// Frames that were not decoded, or that contradict themselves.
    NotDecoded,
    /// A bound of the model was reached.
    Dropped,
}

impl FindingKind {
    /// A stable code in capitals.
    pub fn code(self) -> &'static str {
        match self {
            FindingKind::AddressConflict => "DUPLICATE_IP",
            FindingKind::ResolutionUnanswered => "RESOLUTION_UNANSWERED",
            FindingKind::EchoLost => "ECHO_LOST",
            FindingKind::EchoRefused => "ECHO_REFUSED",
            FindingKind::DhcpUnanswered => "DHCP_NO_SERVER",
            FindingKind::DhcpRefused => "DHCP_REFUSED",
            FindingKind::DhcpDeclined => "DHCP_DECLINED",
            FindingKind::DhcpServers => "DHCP_SERVERS",
            FindingKind::TcpRefused => "TCP_REFUSED",
            FindingKind::TcpUnanswered => "TCP_UNANSWERED",
            FindingKind::TopologyChanges => "TOPOLOGY_CHANGES",
            FindingKind::AddressOnPort => "IP_ON_BRIDGE_PORT",
            FindingKind::PortDisabled => "PORT_STATE_DISABLED",
            FindingKind::PortNotForwarding => "STP_NOT_FORWARDING",
            FindingKind::TapDown => "IFACE_ADMIN_DOWN",
            FindingKind::TapUnread => "TAP_NO_CARRIER",
            FindingKind::MacDiffers => "MAC_DIFFERS",
            FindingKind::DuplicateMac => "DUPLICATE_MAC",
            FindingKind::L2Loop => "L2_LOOP",
            FindingKind::MtuMismatch => "MTU_MISMATCH",
            FindingKind::CableUnconnected => "SOCKET_NETDEV_NOT_CONNECTED",
            FindingKind::CableNotAccepted => "SOCKET_ONE_CLIENT_ONLY",
            FindingKind::CableAlone => "CABLE_ALONE",
            FindingKind::SlirpIcmpBlocked => "SLIRP_ICMP_BLOCKED",
            FindingKind::FramesLost => "FRAMES_LOST",
            FindingKind::NotDecoded => "NOT_DECODED",
            FindingKind::Dropped => "DROPPED",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What kind.
    pub kind: FindingKind,
    /// One sentence without a full stop, sanitised.
    pub text: String,
    /// The node or link it is about.
    pub about: Option<Key>,
    /// The point it was seen at.
    pub point: Option<PointId>,
    /// Frames that show it, at most eight.
    pub frames: Vec<FrameNo>,
    /// How often.
    pub count: u64,
}

/// What is wrong, the worst first, then by kind and first frame.
///
/// What looks like a fault and is none stays out: questions that were answered on a retry, probes and announcements that nobody
/// answers, what was asked in the last second of the recording, echoes to groups, a DHCP server's own echo before it offers.
pub fn findings(tables: &Tables, topology: &Topology) -> Vec<Finding> {
    let mut found = Vec::new();
    conflicts(topology, &mut found);
    resolutions(tables, &mut found);
    echoes(tables, &mut found);
    dhcp(tables, &mut found);
    tcp(tables, &mut found);
    spanning_tree(tables, &mut found);
    host::host(tables, topology, &mut found);
    health::health(tables, topology, &mut found);
    cable::cables(tables, topology, &mut found);
    points(tables, topology, &mut found);
    dropped(tables, &mut found);
    found.sort_by(|a, b| (a.severity, a.kind, a.frames.first(), &a.text).cmp(&(b.severity, b.kind, b.frames.first(), &b.text)));
    found
}

/// The most frames that a finding names.
const FRAMES: usize = 8;

/// What was asked in the last second may still be answered.
const PATIENCE: i64 = 1_000_000_000;

fn is_too_early(tables: &Tables, asked: Timestamp) -> bool {
    tables.now.is_some_and(|now| now.since(asked) < PATIENCE)
}

/// `5 times`, or nothing for once.
fn times(count: u64) -> String {
    if count == 1 { String::new() } else { format!(", {count} times") }
}

/// Those who claim one address at one time, as far as they are listed.
#[derive(Default)]
struct Claimants {
    macs: BTreeSet<MacAddr>,
    frames: BTreeSet<FrameNo>,
    count: u64,
}

fn conflicts(topology: &Topology, found: &mut Vec<Finding>) {
    let mut contested: BTreeMap<(PointId, Option<u16>, IpAddr), Claimants> = BTreeMap::new();
    let mut nodes: BTreeMap<(PointId, MacAddr), Key> = BTreeMap::new();
    for node in topology.nodes() {
        for address in node.addresses.iter().filter(|address| !address.conflicts.is_empty()) {
            let Some((domain, mac)) = address.station else { continue };
            nodes.insert((domain, mac), node.key);
            let claimants = contested.entry((domain, address.vlan, address.ip)).or_default();
            // A forged claim names a station that may never send a frame, and is then no node.
            claimants.macs.extend(address.conflicts.iter().copied().chain([mac]));
            claimants.count += address.evidence.count;
            claimants.frames.extend(address.evidence.samples.iter());
        }
    }
    for ((domain, _, ip), Claimants { macs, frames, count }) in contested {
        let mut names: Vec<String> = macs.iter().take(FRAMES).map(MacAddr::to_string).collect();
        if macs.len() > FRAMES {
            names.push(format!("{} more", macs.len() - FRAMES));
        }
        let last = names.pop().unwrap_or_default();
        let names =
            if names.is_empty() { format!("two stations that both have {last}") } else { format!("{} and {last}", names.join(", ")) };
        found.push(Finding {
            severity: Severity::Error,
            kind: FindingKind::AddressConflict,
            text: format!("{ip} is claimed by {names}"),
            about: macs.iter().find_map(|mac| nodes.get(&(domain, *mac))).copied(),
            point: Some(domain),
            frames: frames.into_iter().take(FRAMES).collect(),
            count,
        });
    }
}

/// Who asks three times, a second apart, gives up (RFC 4861, section 10; Linux does the same for ARP).
const GIVES_UP: (u64, i64) = (3, 2_000_000_000);

/// Where an address was heard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Vlans {
    Any,
    Only(Option<u16>),
}

fn resolutions(tables: &Tables, found: &mut Vec<Finding>) {
    let unanswered = |row: &&Resolution| row.open > 0 && !row.is_probe() && row.asker_ip != row.target;
    let domains = Domains::of(tables);
    let wanted: BTreeSet<(PointId, IpAddr)> =
        tables.resolutions.iter().filter(unanswered).map(|row| (domains.of_point(row.point), row.target)).collect();
    if wanted.is_empty() {
        return;
    }
    // Whoever was heard from an address after it was asked for can be reached: only the answer was not captured. But only on the same
    // link: the same address elsewhere, or behind a port that is not in the bridge, answers nobody here.
    let mut heard: BTreeMap<(PointId, IpAddr, Vlans), Timestamp> = BTreeMap::new();
    for binding in tables.bindings.iter().filter(|binding| binding.learned.proves_owner()) {
        let (domain, ip) = (domains.of_point(binding.point), binding.ip);
        if !wanted.contains(&(domain, ip)) {
            continue;
        }
        for vlans in [Vlans::Only(binding.vlan), Vlans::Any] {
            let last = heard.entry((domain, ip, vlans)).or_insert(binding.evidence.last_at);
            *last = (*last).max(binding.evidence.last_at);
        }
    }
    for row in tables.resolutions.iter().filter(unanswered) {
        // A trunk's tag is not seen on an access port: without a tag, any VLAN may be the same.
        let same_vlan = match row.vlan {
            None => [Vlans::Any; 2],
            vlan => [Vlans::Only(vlan), Vlans::Only(None)],
        };
        let heard_in = |vlans| heard.get(&(domains.of_point(row.point), row.target, vlans)).copied();
        let last_heard = same_vlan.into_iter().filter_map(heard_in).max();
        let was_answered = !row.answers.is_empty();
        let is_alive = last_heard.is_some_and(|last| match was_answered {
            false => last >= row.asked.first_at,
            true => row.open < GIVES_UP.0 || row.asked.last_at.since(last) < GIVES_UP.1,
        });
        let since = if was_answered { row.asked.last_at } else { row.asked.first_at };
        if is_too_early(tables, since) || is_alive {
            continue;
        }
        let protocol = if row.target.is_ipv6() { "Neighbor Solicitation" } else { "ARP" };
        let text = match was_answered {
            false => format!("nobody answers {}'s {protocol} for {}{}", row.asker_ip, row.target, times(row.open)),
            true => format!("{} no longer answers {}'s {protocol}{}", row.target, row.asker_ip, times(row.open)),
        };
        found.push(Finding {
            severity: Severity::Warning,
            kind: FindingKind::ResolutionUnanswered,
            text,
            about: None,
            point: Some(row.point),
            // The samples are the first questions, which were answered; the last was not.
            frames: if was_answered { vec![row.asked.last] } else { row.asked.samples.to_vec() },
            count: row.open,
        });
    }
}

/// One packet seen at several points is one echo; its fate is the same for all echoes from one address to another.
#[derive(Default)]
struct Echoes {
    sent: u64,
    lost: Vec<FrameNo>,
    lost_count: u64,
    refused: Vec<FrameNo>,
    refused_by: Option<u32>,
    point: Option<PointId>,
}

/// A DHCP server waits this long, at most, for an answer to its ping before it offers the address, nanoseconds. dnsmasq waits three
/// seconds, ISC's server one.
const PING_CHECK: i64 = 5_000_000_000;

/// When addresses were offered, in order. A transaction's offers count for all addresses that it was offered: rarely more than one.
fn offers(tables: &Tables) -> BTreeMap<IpAddr, Vec<Timestamp>> {
    let mut offers: BTreeMap<IpAddr, Vec<Timestamp>> = BTreeMap::new();
    for transaction in &tables.dhcp {
        let times = transaction.messages.iter().filter(|message| message.message_type == Some(2) && !message.repeated);
        for &ip in &transaction.offered {
            offers.entry(IpAddr::V4(ip)).or_default().extend(times.clone().map(|message| message.at));
        }
    }
    offers.values_mut().for_each(|times| times.sort_unstable());
    offers
}

fn echoes(tables: &Tables, found: &mut Vec<Finding>) {
    // Sightings and replies are paired first in, first out: any sighting's reply is the packet's.
    let answered: BTreeSet<u64> = tables.echoes.iter().filter(|echo| echo.reply.is_some()).filter_map(|echo| echo.journey).collect();
    let offers = offers(tables);
    let mut pairs: BTreeMap<(IpAddr, IpAddr), Echoes> = BTreeMap::new();
    for (_, echo) in tables.echo_requests() {
        let is_to_group = match echo.destination {
            IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
            IpAddr::V6(ip) => ip.is_multicast(),
        };
        if is_to_group {
            continue;
        }
        let is_answered = echo.reply.is_some() || echo.journey.is_some_and(|journey| answered.contains(&journey));
        // RFC 2131, section 3.1: a server may ping an address before it offers it, and hopes for no answer.
        let is_offered_next = || {
            let times = offers.get(&echo.destination).map_or(&[][..], Vec::as_slice);
            times.get(times.partition_point(|at| *at < echo.at)).is_some_and(|at| at.since(echo.at) <= PING_CHECK)
        };
        if !is_answered && is_offered_next() {
            continue;
        }
        let pair = pairs.entry((echo.source, echo.destination)).or_default();
        pair.sent += 1;
        pair.point.get_or_insert(echo.point);
        match echo.error {
            _ if is_answered || is_too_early(tables, echo.at) => {}
            Some(error) => {
                pair.refused.push(echo.frame);
                pair.refused_by = Some(error);
            }
            None => {
                pair.lost_count += 1;
                if pair.lost.len() < FRAMES {
                    pair.lost.push(echo.frame);
                }
            }
        }
    }
    for ((source, destination), pair) in pairs {
        if let Some(row) = pair.refused_by.and_then(|error| tables.icmp_errors.get(error as usize)) {
            found.push(Finding {
                severity: Severity::Error,
                kind: FindingKind::EchoRefused,
                text: format!(
                    "ping {source} -> {destination}: {} says {}{}",
                    row.error.reporter,
                    row.error,
                    times(pair.refused.len() as u64)
                ),
                about: None,
                point: pair.point,
                frames: pair.refused.iter().take(FRAMES).copied().collect(),
                count: pair.refused.len() as u64,
            });
        }
        if pair.lost_count > 0 {
            found.push(Finding {
                severity: Severity::Error,
                kind: FindingKind::EchoLost,
                text: format!("ping {source} -> {destination}: {} of {} echo requests unanswered", pair.lost_count, pair.sent),
                about: None,
                point: pair.point,
                frames: pair.lost,
                count: pair.lost_count,
            });
        }
    }
}

fn dhcp(tables: &Tables, found: &mut Vec<Finding>) {
    let mut servers: BTreeMap<PointId, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    let mut bound: BTreeMap<MacAddr, Timestamp> = BTreeMap::new();
    for transaction in tables.dhcp.iter().filter(|transaction| transaction.state() == DhcpState::Bound) {
        if let (Some(mac), Some(last)) = (transaction.client_mac, transaction.messages.last()) {
            let at = bound.entry(mac).or_insert(last.at);
            *at = (*at).max(last.at);
        }
    }
    for transaction in &tables.dhcp {
        servers.entry(transaction.point).or_default().extend(&transaction.servers);
        let Some(last) = transaction.messages.last() else { continue };
        let client = transaction.client_mac.map_or_else(|| format!("xid {:#010x}", transaction.xid), |mac| mac.to_string());
        let asked = transaction.messages.iter().filter(|message| message.op == 1 && !message.repeated).count() as u64;
        // The same client may have had more luck with another transaction identifier.
        let succeeded_later = transaction.client_mac.and_then(|mac| bound.get(&mac)).is_some_and(|at| *at > last.at);
        let mut tell = |severity, kind, text: String| {
            found.push(Finding {
                severity,
                kind,
                text,
                about: None,
                point: Some(transaction.point),
                frames: transaction.messages.iter().map(|message| message.frame).take(FRAMES).collect(),
                count: asked,
            });
        };
        let refused_severity = if succeeded_later { Severity::Note } else { Severity::Error };
        match transaction.state() {
            DhcpState::WaitsForOffer | DhcpState::WaitsForAck if !is_too_early(tables, last.at) && !succeeded_later => {
                let what =
                    transaction.messages.iter().rev().find(|message| message.op == 1).map_or_else(String::new, |message| message.name());
                let text = format!("no server answers the DHCP {what} of {client}{}", times(asked));
                tell(Severity::Error, FindingKind::DhcpUnanswered, text);
            }
            DhcpState::Refused => {
                let why = transaction.texts.first().map_or_else(String::new, |text| format!(": {text}"));
                tell(refused_severity, FindingKind::DhcpRefused, format!("a DHCP server refuses {client}{why}"));
            }
            DhcpState::Declined => {
                let ip = transaction.requested.first().map_or_else(|| "the offered address".into(), Ipv4Addr::to_string);
                tell(refused_severity, FindingKind::DhcpDeclined, format!("{client} found {ip} in use and declined its lease"));
            }
            _ => {}
        }
    }
    for (point, servers) in servers.into_iter().filter(|(_, servers)| servers.len() > 1) {
        let list: Vec<String> = servers.iter().take(FRAMES).map(Ipv4Addr::to_string).collect();
        found.push(Finding {
            severity: Severity::Note,
            kind: FindingKind::DhcpServers,
            text: format!("{} DHCP servers answer: {}", servers.len(), list.join(", ")),
            about: None,
            point: Some(point),
            frames: Vec::new(),
            count: servers.len() as u64,
        });
    }
}

/// Connections to one server's port that failed in the same way.
#[derive(Default)]
struct Failed {
    clients: BTreeSet<IpAddr>,
    frames: Vec<FrameNo>,
    count: u64,
}

fn tcp(tables: &Tables, found: &mut Vec<Finding>) {
    let (mut refused, mut silent): (BTreeMap<(IpAddr, u16), Failed>, BTreeMap<_, Failed>) = Default::default();
    for flow in tables.flows.iter().filter(|flow| flow.protocol == 6) {
        let list = match flow.tcp {
            Some(TcpState::Refused) => &mut refused,
            Some(TcpState::SynSent) if !is_too_early(tables, flow.first_at) => &mut silent,
            _ => continue,
        };
        let (client, server) = match flow.initiator {
            Side::A => (flow.a(), flow.b()),
            Side::B => (flow.b(), flow.a()),
        };
        let failed = list.entry((server.ip, server.port.unwrap_or(0))).or_default();
        failed.count += 1;
        if failed.clients.len() < FRAMES {
            failed.clients.insert(client.ip);
        }
        if failed.frames.len() < FRAMES {
            failed.frames.push(flow.first);
        }
    }
    let kinds = [(refused, FindingKind::TcpRefused, "refuses"), (silent, FindingKind::TcpUnanswered, "does not answer")];
    for (list, kind, verb) in kinds {
        for ((ip, port), Failed { clients, frames, count }) in list {
            let clients: Vec<String> = clients.iter().map(IpAddr::to_string).collect();
            found.push(Finding {
                severity: Severity::Warning,
                kind,
                text: format!("{ip} {verb} TCP port {port} to {}{}", clients.join(", "), times(count)),
                about: None,
                point: None,
                frames,
                count,
            });
        }
    }
}

fn spanning_tree(tables: &Tables, found: &mut Vec<Finding>) {
    for row in tables.stp.iter().filter(|row| row.changes > 0) {
        found.push(Finding {
            severity: Severity::Note,
            kind: FindingKind::TopologyChanges,
            text: format!("bridge port {} reports spanning tree topology changes{}", row.source, times(row.changes)),
            about: None,
            point: Some(row.point),
            frames: row.evidence.samples.to_vec(),
            count: row.changes,
        });
    }
}

fn points(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    // A cable's link goes by its own key.
    let cables: BTreeMap<PointId, Key> =
        topology.links().filter(|link| link.kind == LinkKind::Cable).filter_map(|link| Some((link.point?, link.key))).collect();
    for (index, point) in tables.points.iter().enumerate() {
        let id = PointId(index as u32);
        let about = cables.get(&id).copied().unwrap_or(Key::Link(id, None));
        let mut tell = |severity, kind, text, count| {
            found.push(Finding { severity, kind, text, about: Some(about), point: Some(id), frames: Vec::new(), count });
        };
        if point.lost > 0 {
            let text = format!("{} frames passed {} and were not captured", point.lost, point.label(id));
            tell(Severity::Warning, FindingKind::FramesLost, text, point.lost);
        }
        for (stop, &count) in &point.stops {
            let packets = if count == 1 { "packet" } else { "packets" };
            let (severity, what) = match stop {
                Stop::LinkType => {
                    let link_type = point.info.link_type;
                    (
                        Severity::Note,
                        link_type.name().map_or_else(|| format!("LINKTYPE {}", link_type.0), |name| format!("LINKTYPE_{name}")),
                    )
                }
                Stop::Malformed(_) => (Severity::Warning, stop.to_string()),
                _ => (Severity::Note, stop.to_string()),
            };
            tell(severity, FindingKind::NotDecoded, format!("not decoded: {what}, {count} {packets} at {}", point.label(id)), count);
        }
    }
}

fn dropped(tables: &Tables, found: &mut Vec<Finding>) {
    let Dropped { flows, stations, echoes, journeys, transactions, rows, frames } = tables.dropped;
    let kinds = [
        (flows, "the flows that were idle for the longest were pushed out"),
        (stations, "stations, bindings or next hops found no room"),
        (echoes, "echo requests found no room"),
        (transactions, "ARP, ND or DHCP transactions found no room"),
        (rows, "rows of smaller tables found no room"),
        (frames, "frames of points found no room"),
    ];
    // Journeys are kept for a while by design: pushing them out loses nothing that was counted.
    let _ = journeys;
    for (count, what) in kinds.into_iter().filter(|(count, _)| *count > 0) {
        found.push(Finding {
            severity: Severity::Warning,
            kind: FindingKind::Dropped,
            text: format!("a bound was reached: {what}, {count} in all"),
            about: None,
            point: None,
            frames: Vec::new(),
            count,
        });
    }
}

impl Severity {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}
