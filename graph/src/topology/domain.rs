//! Layer-2 domains: which points see the same broadcasts.

use crate::PointId;
use crate::tables::Tables;

/// Which points are one layer-2 domain: frames crossed from one to the other with their link-layer addresses unchanged. A domain is named
/// by its lowest point, and covers all VLANs of its points.
pub(crate) struct Domains(Vec<PointId>);

impl Domains {
    /// The domains that crossings show; points that no frame joined are domains of their own.
    pub fn of(tables: &Tables) -> Domains {
        let mut domains = Domains((0..tables.points.len()).map(|index| PointId(index as u32)).collect());
        for crossing in tables.crossings.iter().filter(|crossing| crossing.is_bridged) {
            let (a, b) = (domains.root(crossing.from), domains.root(crossing.to));
            if let Some(higher) = domains.0.get_mut(a.max(b).0 as usize) {
                *higher = a.min(b);
            }
        }
        // Every point's parent is lower than itself, and thus final by the time it is asked.
        for index in 0..domains.0.len() {
            domains.0[index] = domains.0[domains.0[index].0 as usize];
        }
        domains
    }

    /// The lowest point of the domain.
    pub fn of_point(&self, point: PointId) -> PointId {
        self.0.get(point.0 as usize).copied().unwrap_or(point)
    }

    /// As [`Domains::of_point`] while domains are still joined; halves the way that it goes.
    fn root(&mut self, point: PointId) -> PointId {
        let mut at = point;
        while let Some(&parent) = self.0.get(at.0 as usize)
            && parent != at
        {
            let above = self.0[parent.0 as usize];
            self.0[at.0 as usize] = above;
            at = above;
        }
        at
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
