//! What lies between the rings of a cable's carrier and its point: the guests' frames are taken out, and those that the user wants go on.

use super::TargetCable;
use crate::cable::{Passed, Unwrapper};
use crate::filter::{Filter, FilterError};
use crate::out::Out;
use tapscope_graph::{Frame, LinkType, PointId, Timestamp};

/// How late a packet can be: what was waited for until then is given up.
const LATE: i64 = 20_000_000;

/// The cable of a point.
pub(super) struct Wires {
    point: PointId,
    unwrapper: Unwrapper,
    filter: Option<Filter>,
    /// Losses that were told.
    told: u64,
}

impl Wires {
    /// For what comes out of rings of this link type.
    ///
    /// # Errors
    /// Where libpcap does not understand the filter.
    pub fn new(point: PointId, cable: &TargetCable, link_type: LinkType, filter: Option<&str>) -> Result<Wires, FilterError> {
        let filter = filter.map(Filter::new).transpose()?;
        Ok(Wires { point, unwrapper: Unwrapper::new(cable.carrier, link_type), filter, told: 0 })
    }

    /// Takes a packet of the carrier.
    pub fn packet(&mut self, at: Timestamp, octets: &[u8], out: &mut Out) {
        let Wires { point, unwrapper, filter, .. } = self;
        unwrapper.packet(at, octets, &mut |passed| push(*point, filter.as_mut(), passed, out));
    }

    /// When [`Wires::expire`] has something to do.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.unwrapper.deadline().map(|deadline| Timestamp(deadline.0.saturating_add(LATE)))
    }

    /// Gives up what was waited for too long.
    pub fn expire(&mut self, now: Timestamp, out: &mut Out) {
        let Wires { point, unwrapper, filter, .. } = self;
        let now = Timestamp(now.0.saturating_sub(LATE));
        unwrapper.expire(now, &mut |passed| push(*point, filter.as_mut(), passed, out));
    }

    /// Frames that were lost in the carrier since the last time.
    pub fn take_lost(&mut self) -> u64 {
        let lost = self.unwrapper.counts().lost;
        lost - std::mem::replace(&mut self.told, lost)
    }
}

fn push(point: PointId, filter: Option<&mut Filter>, passed: Passed<'_>, out: &mut Out) {
    let Passed { at, direction, octets } = passed;
    // It compiled for this link type when it was made.
    if filter.is_none_or(|filter| filter.matches(LinkType::ETHERNET, octets).unwrap_or(true)) {
        let original_length = octets.len() as u32;
        out.push(Frame { at, point, direction, original_length, bytes: octets });
    }
}
