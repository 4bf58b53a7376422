//! Knowledge that is a row and its evidence: names, routers, ICMP errors, LLDP, STP, LACP, groups, tunnels.

use super::{Lesson, Map, map, row_of};
use crate::decode::Tunnel;
use crate::evidence::Evidence;
use crate::fact::{Carried, Group, IcmpError, Lacp, Lldp, NameSource, Quoted, Stp};
use crate::tables::{GroupRow, IcmpErrorRow, LacpRow, LldpRow, NameRow, RouterReason, RouterRow, StpRow, TunnelRow};
use crate::{MacAddr, PointId, Text};
use std::net::IpAddr;

/// The most inner address pairs that are kept of a tunnel.
const INNER: usize = 16;

#[derive(Clone, Debug)]
pub(crate) struct RowLearner {
    names: Map<(IpAddr, Text, NameSource), u32>,
    routers: Map<RouterKey, u32>,
    icmp_errors: Map<IcmpErrorKey, u32>,
    lldp: Map<(PointId, MacAddr), u32>,
    stp: Map<(PointId, MacAddr, u16), u32>,
    lacp: Map<(PointId, MacAddr), u32>,
    groups: Map<(PointId, IpAddr, IpAddr), u32>,
    tunnels: Map<(PointId, Tunnel, (IpAddr, IpAddr)), u32>,
}

type RouterKey = (PointId, Option<u16>, Option<MacAddr>, Option<IpAddr>, RouterReason);
type IcmpErrorKey = (PointId, IpAddr, IpAddr, u8, u8, Option<Quotation>);

/// What makes two errors about the same thing: not the echo's sequence number.
type Quotation = (IpAddr, IpAddr, u8, Option<(u16, u16)>);

fn quotation(quoted: &Quoted) -> Quotation {
    (quoted.source, quoted.destination, quoted.protocol, quoted.ports)
}

impl RowLearner {
    pub fn new(seed: u64) -> RowLearner {
        RowLearner {
            names: map(seed),
            routers: map(seed),
            icmp_errors: map(seed),
            lldp: map(seed),
            stp: map(seed),
            lacp: map(seed),
            groups: map(seed),
            tunnels: map(seed),
        }
    }

    pub fn name(&mut self, lesson: &mut Lesson<'_>, ip: IpAddr, name: &Text, by: NameSource, mac: Option<MacAddr>) {
        if name.is_empty() {
            return;
        }
        let dropped = &mut lesson.tables.dropped.rows;
        let row = row_of(&mut self.names, &mut lesson.tables.names, lesson.limits.rows, dropped, (ip, name.clone(), by), || NameRow {
            ip,
            name: name.clone(),
            by,
            mac,
            evidence: Evidence::default(),
        });
        if let Some((_, row)) = row {
            row.mac = mac.or(row.mac);
            row.evidence.add(lesson.seen.frame, lesson.seen.at);
        }
    }

    /// A station is a router for a reason; gives the row for what else it announces.
    pub fn router<'t>(
        &mut self,
        lesson: &'t mut Lesson<'_>,
        mac: Option<MacAddr>,
        ip: Option<IpAddr>,
        reason: RouterReason,
    ) -> Option<&'t mut RouterRow> {
        let dropped = &mut lesson.tables.dropped.rows;
        let key = (lesson.seen.point, lesson.seen.vlan(), mac, ip, reason);
        let (_, row) = row_of(&mut self.routers, &mut lesson.tables.routers, lesson.limits.rows, dropped, key, || RouterRow {
            point: lesson.seen.point,
            vlan: lesson.seen.vlan(),
            mac,
            ip,
            reason,
            prefixes: Vec::new(),
            mtu: None,
            evidence: Evidence::default(),
        })?;
        row.evidence.add(lesson.seen.frame, lesson.seen.at);
        Some(row)
    }

    /// Gives the row's number.
    pub fn icmp_error(&mut self, lesson: &mut Lesson<'_>, error: &IcmpError) -> Option<u32> {
        let key = (lesson.seen.point, error.reporter, error.to, error.kind, error.code, error.quoted.as_ref().map(quotation));
        let dropped = &mut lesson.tables.dropped.rows;
        let (index, row) = row_of(&mut self.icmp_errors, &mut lesson.tables.icmp_errors, lesson.limits.rows, dropped, key, || {
            IcmpErrorRow { point: lesson.seen.point, error: *error, evidence: Evidence::default() }
        })?;
        row.evidence.add(lesson.seen.frame, lesson.seen.at);
        Some(index)
    }

    pub fn lldp(&mut self, lesson: &mut Lesson<'_>, lldp: &Lldp) {
        let Some(source) = lesson.seen.source() else { return };
        let dropped = &mut lesson.tables.dropped.rows;
        let row = row_of(&mut self.lldp, &mut lesson.tables.lldp, lesson.limits.rows, dropped, (lesson.seen.point, source), || LldpRow {
            point: lesson.seen.point,
            source,
            lldp: lldp.clone(),
            evidence: Evidence::default(),
        });
        if let Some((_, row)) = row {
            row.lldp.clone_from(lldp);
            row.evidence.add(lesson.seen.frame, lesson.seen.at);
        }
    }

    pub fn stp(&mut self, lesson: &mut Lesson<'_>, stp: &Stp) {
        let Some(source) = lesson.seen.source() else { return };
        let dropped = &mut lesson.tables.dropped.rows;
        let row = row_of(&mut self.stp, &mut lesson.tables.stp, lesson.limits.rows, dropped, (lesson.seen.point, source, stp.port), || {
            StpRow { point: lesson.seen.point, source, stp: *stp, changes: 0, evidence: Evidence::default() }
        });
        if let Some((_, row)) = row {
            row.stp = *stp;
            row.changes += u64::from(stp.is_topology_change || stp.flags & 1 != 0);
            row.evidence.add(lesson.seen.frame, lesson.seen.at);
        }
    }

    pub fn lacp(&mut self, lesson: &mut Lesson<'_>, lacp: &Lacp) {
        let Some(source) = lesson.seen.source() else { return };
        let dropped = &mut lesson.tables.dropped.rows;
        let row = row_of(&mut self.lacp, &mut lesson.tables.lacp, lesson.limits.rows, dropped, (lesson.seen.point, source), || LacpRow {
            point: lesson.seen.point,
            source,
            lacp: *lacp,
            evidence: Evidence::default(),
        });
        if let Some((_, row)) = row {
            row.lacp = *lacp;
            row.evidence.add(lesson.seen.frame, lesson.seen.at);
        }
    }

    pub fn group(&mut self, lesson: &mut Lesson<'_>, group: &Group) {
        let dropped = &mut lesson.tables.dropped.rows;
        let key = (lesson.seen.point, group.source, group.group);
        let row = row_of(&mut self.groups, &mut lesson.tables.groups, lesson.limits.rows, dropped, key, || GroupRow {
            point: lesson.seen.point,
            station: group.source,
            group: group.group,
            action: group.action,
            evidence: Evidence::default(),
        });
        if let Some((_, row)) = row {
            row.action = group.action;
            row.evidence.add(lesson.seen.frame, lesson.seen.at);
        }
    }

    pub fn tunnel(&mut self, lesson: &mut Lesson<'_>, carried: &Carried) {
        let dropped = &mut lesson.tables.dropped.rows;
        let key = (lesson.seen.point, carried.tunnel, carried.outer);
        let row = row_of(&mut self.tunnels, &mut lesson.tables.tunnels, lesson.limits.rows, dropped, key, || TunnelRow {
            point: lesson.seen.point,
            tunnel: carried.tunnel,
            outer: carried.outer,
            inner: Vec::new(),
            evidence: Evidence::default(),
        });
        if let Some((_, row)) = row {
            row.evidence.add(lesson.seen.frame, lesson.seen.at);
            if let Some(inner) = carried.inner
                && row.inner.len() < INNER
                && !row.inner.contains(&inner)
            {
                row.inner.push(inner);
            }
        }
    }
}
