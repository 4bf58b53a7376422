//! Who has which address, and who asked in vain: ARP and Neighbor Discovery.
//!
//! Read RFC 826 first, then RFC 5227 for probes and announcements, RFC 4861 section 7 and RFC 4862 section 5.4 for IPv6.

use super::{Lesson, Map, map, row_of};
use crate::evidence::Evidence;
use crate::fact::{Arp, ArpOperation, ArpPurpose, Neighbor};
use crate::tables::{ArpRow, Binding, Learned, Resolution};
use crate::{MacAddr, PointId};
use std::net::{IpAddr, Ipv6Addr};

/// The most askers per target whose questions a group-addressed answer is held against.
const ASKERS: usize = 64;
/// The most different answerers that are kept for one question.
const ANSWERERS: usize = 8;

type Place = (PointId, Option<u16>);

#[derive(Clone, Debug)]
pub(crate) struct AddressLearner {
    bindings: Map<(Place, MacAddr, IpAddr, Learned), u32>,
    arp: Map<(Place, ArpOperation, MacAddr, IpAddr, IpAddr), u32>,
    resolutions: Map<(Place, MacAddr, IpAddr, IpAddr), u32>,
    /// By target: the first [`ASKERS`] resolutions.
    targets: Map<(Place, IpAddr), Vec<u32>>,
}

impl AddressLearner {
    pub fn new(seed: u64) -> AddressLearner {
        AddressLearner { bindings: map(seed), arp: map(seed), resolutions: map(seed), targets: map(seed) }
    }

    /// `mac` has `ip`, as learned in this frame.
    pub fn bind(&mut self, lesson: &mut Lesson<'_>, mac: MacAddr, ip: IpAddr, learned: Learned) {
        let place = (lesson.seen.point, lesson.seen.vlan());
        let row = row_of(
            &mut self.bindings,
            &mut lesson.tables.bindings,
            lesson.limits.stations,
            &mut lesson.tables.dropped.stations,
            (place, mac, ip, learned),
            || Binding {
                point: lesson.seen.point,
                vlan: lesson.seen.vlan(),
                mac,
                ip,
                learned,
                evidence: Evidence::default(),
                inbound: false,
                outbound: false,
            },
        );
        if let Some((_, binding)) = row {
            // A server's word goes the other way than its client's frames do.
            if learned != Learned::Dhcp {
                binding.turn(lesson.seen.direction);
            }
            binding.evidence.add(lesson.seen.frame, lesson.seen.at);
        }
    }

    pub fn learn_arp(&mut self, lesson: &mut Lesson<'_>, arp: &Arp) {
        let place = (lesson.seen.point, lesson.seen.vlan());
        let (sender, target) = (IpAddr::V4(arp.sender_ip), IpAddr::V4(arp.target_ip));
        let row = row_of(
            &mut self.arp,
            &mut lesson.tables.arp,
            lesson.limits.transactions,
            &mut lesson.tables.dropped.transactions,
            (place, arp.operation, arp.sender_mac, sender, target),
            || ArpRow { point: lesson.seen.point, vlan: lesson.seen.vlan(), arp: *arp, evidence: Evidence::default() },
        );
        if let Some((_, row)) = row {
            row.evidence.add(lesson.seen.frame, lesson.seen.at);
        }
        if !arp.sender_ip.is_unspecified() {
            self.bind(lesson, arp.sender_mac, sender, Learned::Arp);
        }
        match arp.purpose() {
            ArpPurpose::Resolve | ArpPurpose::Probe => self.ask(lesson, arp.sender_mac, sender, target),
            ArpPurpose::Answer => self.answer(lesson, arp.sender_mac, sender, Some((arp.target_mac, target))),
            // Whoever asked for this address knows it now.
            ArpPurpose::Announcement | ArpPurpose::Gratuitous => self.answer(lesson, arp.sender_mac, sender, None),
        }
    }

    pub fn learn_neighbor(&mut self, lesson: &mut Lesson<'_>, message: &Neighbor, destination: IpAddr) {
        match message {
            Neighbor::Solicitation { source, target, mac } => {
                let Some(asker) = mac.or(lesson.seen.source()) else { return };
                self.bind_source(lesson, *source, *mac);
                self.ask(lesson, asker, IpAddr::V6(*source), IpAddr::V6(*target));
            }
            Neighbor::Advertisement { target, mac, .. } => {
                let Some(mac) = mac.or(lesson.seen.source()) else { return };
                let target = IpAddr::V6(*target);
                self.bind(lesson, mac, target, Learned::Ndp);
                let asker = lesson.seen.destination().filter(|mac| mac.is_station()).map(|mac| (mac, destination));
                self.answer(lesson, mac, target, asker);
            }
            Neighbor::RouterSolicitation { source, mac } => self.bind_source(lesson, *source, *mac),
            Neighbor::RouterAdvertisement { source, mac, .. } => self.bind_source(lesson, *source, *mac),
        }
    }

    /// The source link-layer address option binds the source of the IP header.
    fn bind_source(&mut self, lesson: &mut Lesson<'_>, source: Ipv6Addr, mac: Option<MacAddr>) {
        if let Some(mac) = mac
            && !source.is_unspecified()
        {
            self.bind(lesson, mac, IpAddr::V6(source), Learned::Ndp);
        }
    }

    fn ask(&mut self, lesson: &mut Lesson<'_>, asker_mac: MacAddr, asker_ip: IpAddr, target: IpAddr) {
        if lesson.seen.is_repeated() {
            return;
        }
        let place = (lesson.seen.point, lesson.seen.vlan());
        let made = lesson.tables.resolutions.len();
        let row = row_of(
            &mut self.resolutions,
            &mut lesson.tables.resolutions,
            lesson.limits.transactions,
            &mut lesson.tables.dropped.transactions,
            (place, asker_mac, asker_ip, target),
            || Resolution {
                point: lesson.seen.point,
                vlan: lesson.seen.vlan(),
                asker_mac,
                asker_ip,
                target,
                asked: Evidence::default(),
                open: 0,
                answers: Vec::new(),
            },
        );
        let Some((index, resolution)) = row else { return };
        resolution.asked.add(lesson.seen.frame, lesson.seen.at);
        resolution.open += 1;
        if lesson.tables.resolutions.len() > made {
            let askers = self.targets.entry((place, target)).or_default();
            if askers.len() < ASKERS {
                askers.push(index);
            }
        }
    }

    /// `mac` says that it has `target`, to one asker or to all. A question is known at the point where it was first seen, so only that
    /// sighting of the answer counts which passes there.
    fn answer(&mut self, lesson: &mut Lesson<'_>, mac: MacAddr, target: IpAddr, asker: Option<(MacAddr, IpAddr)>) {
        let place = (lesson.seen.point, lesson.seen.vlan());
        let mut note = |index: u32| {
            let resolution = &mut lesson.tables.resolutions[index as usize];
            resolution.open = 0;
            if let Some((_, evidence)) = resolution.answers.iter_mut().find(|(answerer, _)| *answerer == mac) {
                evidence.add(lesson.seen.frame, lesson.seen.at);
            } else if resolution.answers.len() < ANSWERERS {
                // As a rule one station answers: a vector would make room for four.
                resolution.answers.reserve_exact(1);
                resolution.answers.push((mac, Evidence::of(lesson.seen.frame, lesson.seen.at)));
            }
        };
        match asker {
            Some((asker_mac, asker_ip)) => {
                if let Some(&index) = self.resolutions.get(&(place, asker_mac, asker_ip, target)) {
                    note(index);
                }
            }
            None => {
                for &index in self.targets.get(&(place, target)).into_iter().flatten() {
                    note(index);
                }
            }
        }
    }
}
