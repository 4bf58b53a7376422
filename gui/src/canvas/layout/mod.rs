//! Where everything lies: a pure function of a comparable request.
//!
//! This host is the spine at the left. A bridge, or a segment that several stations share, is a horizontal rail beside it; what is
//! attached hangs below the rail as cards in a grid, and the spine reaches each rail at its left end. Guests that read a TAP without a
//! bridge have a block of their own with straight wires to the spine; below lie the cables, each a line between the two cards that it
//! joins. Every card keeps the place that it once got, also while it is away
//! ([`Slots`]), and a grid grows without moving what is in it ([`cell`]): nothing moves because somebody arrives, leaves or comes back.

mod fold;
mod frame;
mod place;
mod route;
mod segment;
mod slots;

pub use place::{cell, layout};
pub use slots::Slots;

use egui::{Pos2, Rect, Vec2, vec2};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use tapscope_graph::topology::Key;

/// Width of the spine.
pub const SPINE: f32 = 196.0;
/// Height of a row of the spine: an address, or a device that only this host is attached to.
pub const ROW: f32 = 16.0;
/// Height of the spine's title.
pub const TITLE: f32 = 34.0;
/// Height of a rail.
pub const RAIL: f32 = 30.0;

/// One rail and its slots; or the block of what hangs on no rail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The bridge, or the link, that the rail stands for; none for the block without a rail.
    pub rail: Option<Key>,
    /// What is in which slot; empty slots were left, or are kept for who left.
    pub slots: Vec<Option<Slot>>,
    /// What lies beyond a card: (router, outside, link).
    pub beyond: Vec<(Key, Key, Key)>,
    /// Its place among the cables, if the rail is one: a line between two cards.
    pub cell: Option<usize>,
    /// The namespace that it belongs to, where that is not the host's own.
    pub frame: Option<Key>,
}

/// A slot that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Who; none for a port that nobody is attached to.
    pub node: Option<Key>,
    /// By which link.
    pub link: Key,
}

/// This host, as the spine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spine {
    /// The node.
    pub node: Key,
    /// Rows of text below its title.
    pub rows: usize,
    /// Links that only it is attached to.
    pub ports: Vec<Key>,
    /// What lies beyond it: (outside, link).
    pub beyond: Vec<(Key, Key)>,
}

/// One more attachment of something that has its place already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// This host at a rail.
    SpineToRail(Key, Key),
    /// This host on the link of somebody in a slot.
    SpineToCard(Key, Key),
    /// A card at a further rail: node, link, rail.
    CardToRail(Key, Key, Key),
    /// Two cards on one link: node, link, other node.
    CardToCard(Key, Key, Key),
    /// Two rails on one link: node, link, other node.
    RailToRail(Key, Key, Key),
    /// Something behind a card that is no device of the host: node, link.
    Stub(Key, Key),
}

/// What the layout depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// This host, where it says something of itself.
    pub spine: Option<Spine>,
    /// In order.
    pub groups: Vec<Group>,
    /// Further attachments, sorted.
    pub ties: Vec<Tie>,
    /// Cards that the user put somewhere.
    pub pins: Vec<(Key, Pos2)>,
    /// Whether there are so many that cards are small.
    pub is_dense: bool,
    /// What stands for others: how many.
    pub folded: Vec<(Key, usize)>,
    /// Ports of a bridge that keeps VLANs apart: the VLAN of untagged frames.
    pub vlans: BTreeMap<Key, u16>,
}

/// A line's corners: most have room where the line is, because there are very many.
pub type Corners = SmallVec<[Pos2; 4]>;

/// A line that stands for an attachment.
#[derive(Clone, Debug, PartialEq)]
pub struct Wire {
    /// The link that it stands for.
    pub link: Key,
    /// The node whose attachment it is.
    pub node: Key,
    /// Corners, the rail's end first.
    pub corners: Corners,
    /// Where its name and rate stand; none where there is no room.
    pub label: Option<Label>,
    /// Whether it ends at a card's edge, where a port is drawn.
    pub has_port: bool,
}

/// Where a label stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Label {
    /// At the right of a point, upwards.
    Right(Pos2),
    /// Above and below a point, centred.
    Center(Pos2),
}

/// Places for everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// This host.
    pub spine: Option<(Key, Rect)>,
    /// Links that only this host is attached to: rows of the spine.
    pub rows: BTreeMap<Key, Rect>,
    /// Rails.
    pub rails: BTreeMap<Key, Rect>,
    /// Cards.
    pub cards: BTreeMap<Key, Rect>,
    /// Who sits by a link without a rail.
    pub homes: BTreeMap<Key, Key>,
    /// Ports of rails that nobody is attached to, by their links.
    pub ports: BTreeMap<Key, Rect>,
    /// What is behind a card without being a device, by its link.
    pub stubs: BTreeMap<Key, Rect>,
    /// Cables: the room between their cards.
    pub cables: BTreeMap<Key, Rect>,
    /// Wires.
    pub wires: Vec<Wire>,
    /// Around each wire.
    pub spans: Vec<Rect>,
    /// Around what a namespace holds, by the namespace's own node.
    pub frames: BTreeMap<Key, Rect>,
    /// Around cards of a bridge that are in one VLAN.
    pub vlans: Vec<(u16, Rect)>,
    /// What stands for others that the user does not want to see, and how many those are.
    pub folded: BTreeMap<Key, usize>,
    /// Around a rail and all that hangs on it.
    pub extents: BTreeMap<Key, Rect>,
    /// Around everything.
    pub bounds: Option<Rect>,
    /// Whether cards are small.
    pub is_dense: bool,
}

impl Layout {
    /// Where a thing lies: a card, a rail with what hangs on it, a link with all its wires.
    pub fn place_of(&self, key: Key) -> Option<Rect> {
        let spine = self.spine.filter(|(node, _)| *node == key).map(|(_, rect)| rect);
        let places = [&self.extents, &self.frames, &self.cards, &self.ports, &self.stubs, &self.cables, &self.rows];
        let wires = || self.wires.iter().zip(&self.spans).filter(|(wire, _)| wire.link == key).map(|(_, span)| *span).reduce(Rect::union);
        spine.or_else(|| places.iter().find_map(|places| places.get(&key)).copied()).or_else(wires)
    }
}

/// A card's size.
pub fn card_size(is_dense: bool) -> Vec2 {
    if is_dense { vec2(140.0, 37.0) } else { vec2(186.0, 70.0) }
}

/// Between the two cards of a cable: room for its name and state.
pub(crate) fn reach(is_dense: bool) -> f32 {
    if is_dense { 130.0 } else { 176.0 }
}

/// Between cards.
pub(crate) fn gap(is_dense: bool) -> Vec2 {
    if is_dense { vec2(20.0, 9.0) } else { vec2(44.0, 66.0) }
}

/// Between a rail and its first row of cards.
pub(crate) fn drop_height(is_dense: bool) -> f32 {
    if is_dense { 20.0 } else { 74.0 }
}
