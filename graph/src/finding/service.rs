//! DHCP and TCP: who asks for a service, and is not served.

use super::{FRAMES, Finding, FindingKind, Severity, is_too_early, times};
use crate::tables::{DhcpState, Side, Tables, TcpState};
use crate::{FrameNo, MacAddr, PointId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

pub(super) fn dhcp(tables: &Tables, found: &mut Vec<Finding>) {
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
        let mut tell = |severity, kind, subject: String, times: String| {
            found.push(Finding {
                severity,
                kind,
                text: format!("{subject}{times}"),
                subject,
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
                tell(Severity::Error, FindingKind::DhcpUnanswered, format!("no server answers the DHCP {what} of {client}"), times(asked));
            }
            DhcpState::Refused => {
                let why = transaction.texts.first().map_or_else(String::new, |text| format!(": {text}"));
                tell(refused_severity, FindingKind::DhcpRefused, format!("a DHCP server refuses {client}{why}"), String::new());
            }
            DhcpState::Declined => {
                let ip = transaction.requested.first().map_or_else(|| "the offered address".into(), Ipv4Addr::to_string);
                let subject = format!("{client} found {ip} in use and declined its lease");
                tell(refused_severity, FindingKind::DhcpDeclined, subject, String::new());
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
            subject: list.join(", "),
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

pub(super) fn tcp(tables: &Tables, found: &mut Vec<Finding>) {
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
            let subject = format!("{ip} {verb} TCP port {port} to {}", clients.join(", "));
            found.push(Finding {
                severity: Severity::Warning,
                kind,
                text: format!("{subject}{}", times(count)),
                subject,
                about: None,
                point: None,
                frames,
                count,
            });
        }
    }
}
