//! Time stamps of files: a count of units since 1970, and what a unit is.

use super::facts::Stamp;
use tapscope_graph::Timestamp;

/// What a file's count of units means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// 10⁻ⁿ seconds.
    Decimal(u8),
    /// 2⁻ⁿ seconds.
    Binary(u8),
}

const NANO: i128 = 1_000_000_000;
const ATTO: u128 = 1_000_000_000_000_000_000;

impl Unit {
    /// pcapng's `if_tsresol`: the highest bit says binary.
    pub fn from_tsresol(value: u8) -> Unit {
        if value & 0x80 != 0 { Unit::Binary(value & 0x7f) } else { Unit::Decimal(value) }
    }

    /// The model's time of `units` since 1970, `offset` seconds later; clamped to what it can hold.
    #[inline]
    pub fn timestamp(self, units: u64, offset: i64) -> Timestamp {
        match (self, offset) {
            (Unit::Decimal(9), 0) if units <= i64::MAX as u64 => Timestamp(units as i64),
            (Unit::Decimal(6), 0) if units <= i64::MAX as u64 / 1000 => Timestamp(units as i64 * 1000),
            _ => {
                let stamp = self.stamp(units, offset);
                let nanos = i128::from(stamp.seconds) * NANO + i128::from(stamp.atto / 1_000_000_000);
                Timestamp(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
            }
        }
    }

    /// The same with all digits, of which units below 10⁻¹⁸ seconds lose some.
    pub fn stamp(self, units: u64, offset: i64) -> Stamp {
        let units = u128::from(units);
        let (seconds, atto, digits) = match self {
            Unit::Decimal(n) if n <= 18 => {
                let per_second = 10_u128.pow(u32::from(n));
                (units / per_second, units % per_second * (ATTO / per_second), n)
            }
            // Less than 2⁶⁴ units of less than 10⁻³⁸ seconds are no time at all.
            Unit::Decimal(n) if n <= 38 => {
                let per_second = 10_u128.pow(u32::from(n));
                (units / per_second, units % per_second / 10_u128.pow(u32::from(n) - 18), 18)
            }
            Unit::Decimal(_) => (0, 0, 18),
            Unit::Binary(n) if n < 64 => (units >> n, ((units & ((1 << n) - 1)) * ATTO) >> n, n.min(18)),
            Unit::Binary(_) => (0, units.checked_mul(ATTO).unwrap_or(0) >> 64, 18),
        };
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_add(offset);
        Stamp { seconds, atto: u64::try_from(atto).unwrap_or(0), digits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_of_ten_and_two_give_the_same_second() {
        let at = |unit: Unit, units| unit.timestamp(units, 0).to_string();
        assert_eq!(at(Unit::Decimal(6), 1_700_000_000_500_000), "1700000000.500000000");
        assert_eq!(at(Unit::Decimal(0), 1_700_000_000), "1700000000.000000000");
        assert_eq!(at(Unit::Decimal(12), 1_700_000_000_500_000), "1700.000000500");
        assert_eq!(at(Unit::from_tsresol(0x8a), 1024 * 17 + 512), "17.500000000");
        assert_eq!(Unit::Decimal(3).timestamp(1500, -2), Timestamp(-500_000_000));
    }

    #[test]
    fn no_resolution_overflows() {
        for resolution in 0..=255 {
            let unit = Unit::from_tsresol(resolution);
            let _ = (unit.timestamp(u64::MAX, i64::MAX), unit.timestamp(u64::MAX, i64::MIN), unit.stamp(u64::MAX, 0).to_string());
        }
    }
}
