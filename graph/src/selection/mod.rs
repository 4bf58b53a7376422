//! What of a recording is meant: points, links, nodes, flows, journeys, a span of time; a value that frames are held against.
//!
//! Parts of one kind add up, kinds narrow each other: two nodes and a span of time mean the frames of either node within that span. What is
//! named by what was learned (a node by its name, a flow by its number) is looked up once, in a [`View`](crate::View) (`find.rs`); from
//! then on a frame is judged by itself, so that a recording of any length is cut in two readings, one that learns and one that copies.

mod find;
mod flow;
mod member;

pub use flow::{FlowPattern, Ports};
pub use member::Member;

use crate::decode::{self, Packet};
use crate::{Frame, FrameNo, LinkType, PointId, Timestamp};
use std::collections::BTreeSet;

/// What is meant. The default is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Frames of any of these places; of all where it is empty.
    pub places: Vec<Place>,
    /// Frames of any of these nodes; of all where it is empty.
    pub nodes: Vec<Member>,
    /// Frames of any of these flows; of all where it is empty.
    pub flows: Vec<FlowPattern>,
    /// These frames, by their numbers in the order of arrival, such as a journey's; all where there are none.
    pub frames: Option<BTreeSet<FrameNo>>,
    /// Frames from this moment on.
    pub from: Option<Timestamp>,
    /// Frames before this moment.
    pub to: Option<Timestamp>,
}

/// Where frames are meant: at a point, or on one of its links only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The point.
    pub point: PointId,
    /// Which of its frames.
    pub tag: Tag,
}

/// Which frames of a point, by their outermost VLAN tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// All.
    Any,
    /// Those without a tag.
    None,
    /// Those of one VLAN.
    Vlan(u16),
}

impl Selection {
    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        *self == Selection::default()
    }

    /// Whether a frame is meant; `number` is its place in the order of arrival, `link_type` that of its point.
    pub fn holds(&self, number: FrameNo, link_type: LinkType, frame: &Frame<'_>) -> bool {
        let is_in_time = self.from.is_none_or(|from| frame.at >= from) && self.to.is_none_or(|to| frame.at < to);
        let is_numbered = self.frames.as_ref().is_none_or(|frames| frames.contains(&number));
        if !is_in_time || !is_numbered || !self.may_hold(frame.point) {
            return false;
        }
        if !self.asks_inside() {
            return true;
        }
        let packet = decode::digest(link_type, frame);
        self.holds_place(frame.point, &packet)
            && (self.nodes.is_empty() || self.nodes.iter().any(|node| node.holds(frame.point, &packet)))
            && (self.flows.is_empty() || self.flows.iter().any(|flow| flow.holds(&packet)))
    }

    /// Whether any frame of a point may be meant: no, where another place is.
    pub fn may_hold(&self, point: PointId) -> bool {
        self.places.is_empty() || self.places.iter().any(|place| place.point == point)
    }

    /// Whether what is inside of a frame matters.
    fn asks_inside(&self) -> bool {
        !self.nodes.is_empty() || !self.flows.is_empty() || self.places.iter().any(|place| place.tag != Tag::Any)
    }

    fn holds_place(&self, point: PointId, packet: &Packet<'_>) -> bool {
        let is_tagged = |place: &Place| match place.tag {
            Tag::Any => true,
            Tag::None => packet.vlans.outer().is_none(),
            Tag::Vlan(vid) => packet.vlans.outer() == Some(vid),
        };
        self.places.is_empty() || self.places.iter().any(|place| place.point == point && is_tagged(place))
    }
}
