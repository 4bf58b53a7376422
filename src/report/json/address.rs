//! Who was seen, and who asked for whom.

use super::Shown;
use super::picture::Seen;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use tapscope_graph::fact::ArpOperation;
use tapscope_graph::tables::{self, Learned, Tables};
use tapscope_graph::{MacAddr, Text};

#[derive(Serialize)]
pub(super) struct Mac {
    mac: Shown<MacAddr>,
    group: bool,
    sent: u64,
    received: u64,
}

/// Summed over points and VLANs: the file's view.
pub(super) fn macs(tables: &Tables) -> Vec<Mac> {
    let mut sums: BTreeMap<MacAddr, (u64, u64)> = BTreeMap::new();
    for station in &tables.stations {
        let sum = sums.entry(station.mac).or_default();
        sum.0 += station.sent.packets;
        sum.1 += station.received.packets;
    }
    sums.into_iter().map(|(mac, (sent, received))| Mac { mac: Shown(mac), group: mac.is_group(), sent, received }).collect()
}

#[derive(Serialize)]
pub(super) struct Binding {
    mac: Shown<MacAddr>,
    ip: IpAddr,
    learned: &'static str,
    packets: u64,
}

pub(super) fn bindings(tables: &Tables) -> Vec<Binding> {
    let mut sums: BTreeMap<(MacAddr, IpAddr, Learned), u64> = BTreeMap::new();
    for binding in &tables.bindings {
        *sums.entry((binding.mac, binding.ip, binding.learned)).or_default() += binding.evidence.count;
    }
    let row = |((mac, ip, learned), packets): ((_, _, Learned), _)| Binding { mac: Shown(mac), ip, learned: learned.name(), packets };
    sums.into_iter().map(row).collect()
}

#[derive(Serialize)]
pub(super) struct Arp {
    operation: &'static str,
    sender_mac: Shown<MacAddr>,
    sender_ip: IpAddr,
    target_ip: IpAddr,
    packets: u64,
}

pub(super) fn arp(tables: &Tables) -> Vec<Arp> {
    let mut sums: BTreeMap<_, u64> = BTreeMap::new();
    for row in &tables.arp {
        let arp = &row.arp;
        *sums.entry((arp.sender_ip, arp.target_ip, arp.sender_mac, arp.operation)).or_default() += row.evidence.count;
    }
    sums.into_iter()
        .map(|((sender, target, mac, operation), packets)| Arp {
            operation: match operation {
                ArpOperation::Request => "request",
                ArpOperation::Reply => "reply",
            },
            sender_mac: Shown(mac),
            sender_ip: sender.into(),
            target_ip: target.into(),
            packets,
        })
        .collect()
}

#[derive(Serialize)]
pub(super) struct Resolution {
    point: u32,
    vlan: Option<u16>,
    asker_mac: Shown<MacAddr>,
    asker_ip: IpAddr,
    target: IpAddr,
    asked: Seen,
    unanswered: u64,
    answers: Vec<Answer>,
}

#[derive(Serialize)]
pub(super) struct Answer {
    mac: Shown<MacAddr>,
    evidence: Seen,
}

impl Resolution {
    pub(super) fn of(row: &tables::Resolution) -> Resolution {
        Resolution {
            point: row.point.0,
            vlan: row.vlan,
            asker_mac: Shown(row.asker_mac),
            asker_ip: row.asker_ip,
            target: row.target,
            asked: Seen::of(&row.asked),
            unanswered: row.open,
            answers: row.answers.iter().map(|(mac, evidence)| Answer { mac: Shown(*mac), evidence: Seen::of(evidence) }).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Name<'a> {
    ip: IpAddr,
    name: Shown<&'a Text>,
    by: &'static str,
    mac: Option<Shown<MacAddr>>,
    packets: u64,
}

impl Name<'_> {
    pub(super) fn of(row: &tables::NameRow) -> Name<'_> {
        Name { ip: row.ip, name: Shown(&row.name), by: row.by.name(), mac: row.mac.map(Shown), packets: row.evidence.count }
    }
}
