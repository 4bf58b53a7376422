//! Who claims an address at the same time as somebody else, and who gave it up to another.

use super::Address;
use super::owner::Claim;
use crate::evidence::Evidence;
use crate::{MacAddr, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How one claimant of an address stands to the others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rivalry {
    /// Who claimed it in the same span of time, sorted, at most [`Address::CONFLICTS`].
    pub conflicts: Vec<MacAddr>,
    /// Whether somebody claimed it later, and alone.
    pub moved: bool,
}

/// The rivalries among those who claim one address. One pass over the claims in the order of their beginnings: a flood of forged claims
/// must not cost the square of its size.
pub(super) fn rivalries(claimants: &BTreeMap<MacAddr, Claim>) -> BTreeMap<MacAddr, Rivalry> {
    if claimants.len() < 2 {
        return BTreeMap::new();
    }
    let mut spans: Vec<(Timestamp, Timestamp, MacAddr)> = claimants
        .iter()
        .filter(|(mac, _)| !is_virtual_router(**mac))
        .map(|(mac, claim)| {
            let (begin, end) = span(&claim.evidence);
            (begin, end, *mac)
        })
        .collect();
    spans.sort_unstable();
    let latest = spans.last().map_or(Timestamp(i64::MIN), |(begin, ..)| *begin);
    let mut rivalries: BTreeMap<MacAddr, Rivalry> = BTreeMap::new();
    // Claims that still go on, the first to end first; and those of them that have room for more rivals. Each new claim is one more
    // for all of these, so they are never more than the bound.
    let mut open: BTreeSet<(Timestamp, MacAddr)> = BTreeSet::new();
    let mut hungry: BTreeSet<MacAddr> = BTreeSet::new();
    for &(begin, end, mac) in &spans {
        while let Some(&(over, old)) = open.first().filter(|(over, _)| *over < begin) {
            open.remove(&(over, old));
            hungry.remove(&old);
        }
        hungry.retain(|old| {
            let conflicts = &mut rivalries.entry(*old).or_default().conflicts;
            conflicts.push(mac);
            conflicts.len() < Address::CONFLICTS
        });
        let conflicts: Vec<MacAddr> = open.iter().rev().take(Address::CONFLICTS).map(|(_, old)| *old).collect();
        if conflicts.len() < Address::CONFLICTS {
            hungry.insert(mac);
        }
        open.insert((end, mac));
        rivalries.insert(mac, Rivalry { conflicts, moved: latest > end });
    }
    rivalries.values_mut().for_each(|rivalry| rivalry.conflicts.sort_unstable());
    rivalries
}

/// From the first to the last frame of a claim; time stamps may step back in between.
fn span(evidence: &Evidence) -> (Timestamp, Timestamp) {
    (evidence.first_at.min(evidence.last_at), evidence.last_at.max(evidence.first_at))
}

/// VRRP's virtual MAC addresses (RFC 9568, section 7.3) stand beside the router's own.
fn is_virtual_router(mac: MacAddr) -> bool {
    matches!(mac.0, [0, 0, 0x5e, 0, 1 | 2, _])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameNo;

    fn claims(spans: &[(u8, i64, i64)]) -> Vec<(u8, Vec<u8>, bool)> {
        let claim = |begin: i64, end: i64| {
            let mut evidence = Evidence::of(FrameNo(1), Timestamp(begin));
            evidence.add(FrameNo(2), Timestamp(end));
            Claim { learned: BTreeSet::new(), evidence }
        };
        let claimants = spans.iter().map(|&(mac, begin, end)| (MacAddr([2, 0, 0, 0, 0, mac]), claim(begin, end))).collect();
        let last = |mac: MacAddr| mac.0[5];
        rivalries(&claimants)
            .into_iter()
            .map(|(mac, rivalry)| (last(mac), rivalry.conflicts.into_iter().map(last).collect(), rivalry.moved))
            .collect()
    }

    #[test]
    fn claims_of_one_time_conflict_and_later_ones_take_over() {
        let overlap = [(1, vec![2], true), (2, vec![1, 3], false), (3, vec![2], false)];
        assert_eq!(claims(&[(1, 0, 10), (2, 5, 20), (3, 15, 30)]), overlap);
        assert_eq!(claims(&[(1, 0, 10), (2, 11, 20)]), [(1, vec![], true), (2, vec![], false)]);
        assert_eq!(claims(&[(1, 10, 0), (2, 5, 5)]), [(1, vec![2], false), (2, vec![1], false)]);
        assert_eq!(claims(&[(1, 0, 10)]), []);
    }

    #[test]
    fn a_flood_of_claims_lists_a_bounded_number_of_rivals() {
        let claimants: BTreeMap<MacAddr, Claim> = (0..100_000_u32)
            .map(|number| {
                let [a, b, c, d] = number.to_be_bytes();
                let evidence = Evidence::of(FrameNo(1), Timestamp(0));
                (MacAddr([2, 1, a, b, c, d]), Claim { learned: BTreeSet::new(), evidence })
            })
            .collect();
        let rivalries = rivalries(&claimants);
        assert_eq!(rivalries.len(), 100_000);
        assert!(rivalries.values().all(|rivalry| rivalry.conflicts.len() == Address::CONFLICTS));
    }
}
