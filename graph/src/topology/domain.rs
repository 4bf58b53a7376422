//! Layer-2 domains: which points see the same broadcasts.

use crate::host::{Device, DeviceId, DeviceKind, Host};
use crate::tables::Tables;
use crate::{PointId, Text};
use std::collections::BTreeMap;

/// Which points and devices are one layer-2 domain: frames crossed from one to the other with their link-layer addresses unchanged, or the
/// host says that they are joined. A domain is named by its lowest point, and covers all VLANs of its points.
pub(crate) struct Domains {
    points: Vec<PointId>,
    devices: BTreeMap<DeviceId, PointId>,
}

/// Union-find over points, which come first, and devices: the lowest member names the set.
struct Sets(Vec<usize>);

impl Domains {
    /// The domains that crossings and the host show; points that nothing joined are domains of their own.
    pub fn of(tables: &Tables) -> Domains {
        let points = tables.points.len();
        let devices: BTreeMap<DeviceId, usize> =
            tables.host.devices().enumerate().map(|(index, device)| (device.id, points + index)).collect();
        let mut sets = Sets((0..points + devices.len()).collect());
        for crossing in tables.crossings.iter().filter(|crossing| crossing.is_bridged) {
            sets.join(crossing.from.0 as usize, crossing.to.0 as usize);
        }
        for (index, point) in tables.points.iter().enumerate() {
            if let Some(&device) = point.own_device().and_then(|device| devices.get(&device)) {
                sets.join(index, device);
            }
        }
        // Points on one cable hear the same frames.
        let mut cables: BTreeMap<&Text, usize> = BTreeMap::new();
        for (index, point) in tables.points.iter().enumerate() {
            if let Some(cable) = &point.info.cable {
                sets.join(index, *cables.entry(cable).or_insert(index));
            }
        }
        for device in tables.host.devices() {
            if let Some(&other) = joined(&tables.host, device).and_then(|other| devices.get(&other)) {
                sets.join(devices[&device.id], other);
            }
        }
        sets.flatten();
        let name = |index: usize| PointId(sets.0[index] as u32);
        Domains {
            points: (0..points).map(name).collect(),
            devices: devices.into_iter().filter(|&(_, index)| sets.0[index] < points).map(|(id, index)| (id, name(index))).collect(),
        }
    }

    /// The lowest point of the domain.
    pub fn of_point(&self, point: PointId) -> PointId {
        self.points.get(point.0 as usize).copied().unwrap_or(point)
    }

    /// The lowest point of a device's domain, if any point listens there.
    pub fn of_device(&self, device: DeviceId) -> Option<PointId> {
        self.devices.get(&device).copied()
    }
}

/// What a device's frames pass on to unchanged: its bridge or bond, a veth's other end, what a macvlan stands on.
fn joined(host: &Host, device: &Device) -> Option<DeviceId> {
    if let Some(master) = device.master {
        return is_joint(host, master).then_some(master);
    }
    match device.kind {
        DeviceKind::Veth | DeviceKind::Macvlan(_) | DeviceKind::Macvtap(_) => device.lower,
        _ => None,
    }
}

/// Whether a master joins its members at layer 2; a VRF does not.
pub(super) fn is_joint(host: &Host, master: DeviceId) -> bool {
    host.device(master).is_some_and(|master| matches!(master.kind, DeviceKind::Bridge(_) | DeviceKind::Bond(_)))
}

impl Sets {
    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(higher) = self.0.get_mut(a.max(b)) {
            *higher = a.min(b);
        }
    }

    /// The lowest member of the set; halves the way that it goes.
    fn root(&mut self, member: usize) -> usize {
        let mut at = member;
        while let Some(&parent) = self.0.get(at)
            && parent != at
        {
            let above = self.0[parent];
            self.0[at] = above;
            at = above;
        }
        at
    }

    /// Every parent is lower than its member, and thus final by the time it is asked.
    fn flatten(&mut self) {
        for index in 0..self.0.len() {
            self.0[index] = self.0[self.0[index]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Crossing, Point};

    fn domains(points: usize, crossings: &[(u32, u32, bool)]) -> Vec<u32> {
        let crossing = |&(from, to, is_bridged): &(u32, u32, bool)| Crossing {
            from: PointId(from),
            to: PointId(to),
            is_bridged,
            evidence: Default::default(),
            shortest_ns: 0,
        };
        let tables =
            Tables { points: vec![Point::default(); points], crossings: crossings.iter().map(crossing).collect(), ..Tables::default() };
        let domains = Domains::of(&tables);
        (0..points as u32).map(|point| domains.of_point(PointId(point)).0).collect()
    }

    #[test]
    fn a_bridged_crossing_joins_two_domains_and_a_routed_one_does_not() {
        assert_eq!(domains(5, &[(4, 1, true), (1, 2, false), (3, 4, true)]), [0, 1, 2, 1, 1]);
        assert_eq!(domains(6, &[(5, 4, true), (4, 3, true), (3, 2, true), (2, 1, true), (1, 0, true)]), [0; 6]);
    }
}
