//! How large the kernel's rings are, and how long frames wait in them.

use super::Role;
use std::time::Duration;

/// libpcap's blocks: what a ring is made of (`MAXIMUM_SNAPLEN` in pcap-linux.c).
const BLOCK: u32 = 256 * 1024;
/// The smallest ring that can be read and written at the same time.
const SMALLEST: u32 = 2 * BLOCK;
/// 90 ms of 177 MB/s: the longest time that a reader on a busy machine was seen not to run.
const LARGEST: u32 = 16 << 20;
/// What all rings together take, octets; where there are so many points that the smallest ones take more, they are the smallest.
pub(super) const BUDGET: u64 = 64_000_000;

/// Octets of the rings for frames that the interface received, and for those that it sent.
///
/// A ring that takes bulk shares the budget with those of the other points; one that takes the control protocols only is small.
pub(super) fn octets(role: Role, points: usize, wanted: Option<u32>, left: u64) -> (u32, u32) {
    let share = (BUDGET / points.max(1) as u64).min(left);
    let rounded = |octets: u64| octets.clamp(u64::from(SMALLEST), u64::from(LARGEST)) as u32 / BLOCK * BLOCK;
    match (role, wanted) {
        (Role::Inner, _) => (SMALLEST, SMALLEST),
        (Role::Edge, Some(wanted)) => (wanted.max(SMALLEST), SMALLEST),
        (Role::Edge, None) => (rounded(share.saturating_sub(u64::from(SMALLEST))), SMALLEST),
        (Role::Bridge, Some(wanted)) => (SMALLEST, wanted.max(SMALLEST)),
        (Role::Bridge, None) => (SMALLEST, rounded(share.saturating_sub(u64::from(SMALLEST)))),
        (Role::Whole, Some(wanted)) => (wanted.max(SMALLEST), wanted.max(SMALLEST)),
        (Role::Whole, None) => (rounded(share / 2), rounded(share / 2)),
    }
}

/// How long things wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// After which the kernel hands over a block that is not full; each socket has a timer that runs so often, also when idle.
    pub time_out: Duration,
    /// How old a frame is when it is handed on: by then, earlier ones of other rings have come out, too.
    pub hold: Duration,
    /// The shortest time between two looks at the rings, so that a busy line gives full batches.
    pub tick: Duration,
}

impl Pace {
    /// For so many points, unless the user wants another time-out.
    pub fn new(points: usize, wanted: Option<u32>) -> Pace {
        let time_out = wanted.unwrap_or(match points {
            0..=4 => 4,
            5..=24 => 10,
            _ => 24,
        });
        let time_out = time_out.clamp(1, 1000);
        // Before Linux 6.18 the kernel's timer counts in ticks, often of 4 ms: it is late by up to one, and the time-out is rounded up.
        Pace {
            time_out: Duration::from_millis(time_out.into()),
            hold: Duration::from_millis(u64::from(time_out) + 6),
            tick: Duration::from_millis(u64::from(time_out / 5).clamp(2, 5)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_share_the_budget() {
        let mib = |points| {
            let (inbound, outbound) = octets(Role::Edge, points, None, BUDGET);
            (f64::from(inbound) / f64::from(1 << 20), f64::from(outbound) / f64::from(1 << 20))
        };
        assert_eq!([1, 4, 10, 24, 50, 500].map(mib), [(16.0, 0.5), (14.75, 0.5), (5.5, 0.5), (2.0, 0.5), (0.5, 0.5), (0.5, 0.5)]);
    }

    #[test]
    fn up_to_fifty_points_stay_within_the_budget() {
        for points in 1..=50 {
            for role in [Role::Edge, Role::Bridge, Role::Inner, Role::Whole] {
                let (inbound, outbound) = octets(role, points, None, BUDGET);
                assert!(u64::from(inbound + outbound) * points as u64 <= BUDGET, "{points} points, {role:?}");
            }
        }
    }
}
