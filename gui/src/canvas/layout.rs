//! Where everything lies: a pure function of a comparable request.
//!
//! A bridge, or a segment that several stations share, is a horizontal rail; what is attached hangs below it as cards in a grid. Every
//! card keeps the slot that it once got, and a newcomer takes the first free one: nothing moves because somebody arrives.

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use std::collections::{BTreeMap, BTreeSet};
use tapscope_graph::topology::{Key, LinkKind, NodeKind, Topology};

/// A card's size.
pub const CARD: Vec2 = vec2(184.0, 66.0);
const GAP: Vec2 = vec2(40.0, 66.0);
const RAIL_HEIGHT: f32 = 30.0;
/// Between a rail and its first row of cards.
const DROP: f32 = 74.0;
const MARGIN: f32 = 24.0;
/// What a label beside the last wire may need more.
const LABEL: f32 = 40.0;
/// Height of a column of groups before the next column begins.
const COLUMN: f32 = 1600.0;

/// One rail and its slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The bridge, or the link, that the rail stands for.
    pub rail: Key,
    /// Who hangs in which slot, and on which link; empty slots were left.
    pub slots: Vec<Option<(Key, Key)>>,
    /// What lies beyond a card: (router, outside, link).
    pub beyond: Vec<(Key, Key, Key)>,
}

/// What the layout depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// In order.
    pub groups: Vec<Group>,
    /// Cards that the user put somewhere.
    pub pins: Vec<(Key, Pos2)>,
}

/// A line from a card to its rail, or from a router to what lies beyond.
#[derive(Clone, Debug, PartialEq)]
pub struct Wire {
    /// The link that it stands for.
    pub link: Key,
    /// The node at the card's end.
    pub node: Key,
    /// Corners, the rail's end first.
    pub corners: Vec<Pos2>,
}

/// Places for everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Rails.
    pub rails: BTreeMap<Key, Rect>,
    /// Cards.
    pub cards: BTreeMap<Key, Rect>,
    /// Wires.
    pub wires: Vec<Wire>,
    /// Around everything.
    pub bounds: Option<Rect>,
}

/// Who hangs on a rail, and on which link; each once.
type Members = (Vec<(Key, Key)>, BTreeSet<Key>);

/// The slots that nodes had so far.
#[derive(Clone, Debug, Default)]
pub struct Slots(BTreeMap<Key, Vec<Option<(Key, Key)>>>);

impl Slots {
    /// The request for a picture: known nodes keep their slots, newcomers take the first free one.
    pub fn request(&mut self, topology: &Topology, pins: &BTreeMap<Key, Pos2>) -> Request {
        let mut rails: BTreeMap<Key, Key> = BTreeMap::new();
        for (node, link, _) in topology.attachments().filter(|(node, ..)| node.kind == NodeKind::Bridge) {
            rails.insert(link.key, node.key);
        }
        let mut groups: BTreeMap<Key, Members> = BTreeMap::new();
        for link in topology.links().filter(|link| link.kind.is_local()) {
            // A bridge's ports without a station hang below it, too: somebody listens there and hears nobody.
            groups.entry(rails.get(&link.key).copied().unwrap_or(link.key)).or_default();
        }
        let mut outside: BTreeMap<Key, Key> = BTreeMap::new();
        let mut routers: BTreeMap<Key, Key> = BTreeMap::new();
        for (node, link, _) in topology.attachments() {
            match (link.kind, node.kind) {
                (LinkKind::Beyond, NodeKind::Outside) => drop(outside.insert(link.key, node.key)),
                (LinkKind::Beyond, _) => drop(routers.insert(link.key, node.key)),
                (LinkKind::Point | LinkKind::Device | LinkKind::Backend, NodeKind::Bridge) => {}
                (LinkKind::Point | LinkKind::Device | LinkKind::Backend, _) => {
                    let rail = rails.get(&link.key).copied().unwrap_or(link.key);
                    let (members, seen) = groups.entry(rail).or_default();
                    if seen.insert(node.key) {
                        members.push((node.key, link.key));
                    }
                }
            }
        }
        let beyond: Vec<(Key, Key, Key)> =
            routers.iter().filter_map(|(link, router)| outside.get(link).map(|outside| (*router, *outside, *link))).collect();
        self.0.retain(|rail, _| groups.contains_key(rail));
        let mut request = Request { groups: Vec::new(), pins: pins.iter().map(|(key, pos)| (*key, *pos)).collect() };
        for (rail, (mut members, seen)) in groups {
            members.sort_by_key(|&(node, link)| (link, node));
            let slots = self.0.entry(rail).or_default();
            for slot in slots.iter_mut() {
                if slot.is_some_and(|(node, _)| !seen.contains(&node)) {
                    *slot = None;
                }
            }
            let placed: BTreeSet<Key> = slots.iter().flatten().map(|(node, _)| *node).collect();
            let mut free: Vec<usize> = (0..slots.len()).rev().filter(|&index| slots[index].is_none()).collect();
            for member in members.into_iter().filter(|(node, _)| !placed.contains(node)) {
                match free.pop() {
                    Some(index) => slots[index] = Some(member),
                    None => slots.push(Some(member)),
                }
            }
            let mine = |router: &Key| seen.contains(router);
            let beyond = beyond.iter().filter(|(router, ..)| mine(router)).copied().collect();
            request.groups.push(Group { rail, slots: slots.clone(), beyond });
        }
        request
    }
}

/// Places for everything in the request.
pub fn layout(request: &Request) -> Layout {
    let mut layout = Layout::default();
    let pins: BTreeMap<Key, Pos2> = request.pins.iter().copied().collect();
    let (mut corner, mut column_width) = (Pos2::ZERO, 0.0_f32);
    for group in &request.groups {
        let size = place(group, corner, &pins, &mut layout);
        column_width = column_width.max(size.x);
        corner.y += size.y + MARGIN * 2.0;
        if corner.y > COLUMN {
            corner = pos2(corner.x + column_width + MARGIN * 3.0, 0.0);
            column_width = 0.0;
        }
    }
    // Rates stand beside the wires, and reach out of the last card.
    let everything = layout.rails.values().chain(layout.cards.values()).copied().reduce(Rect::union);
    layout.bounds = everything.map(|bounds| bounds.expand2(vec2(LABEL, 0.0)));
    layout
}

/// Columns of a group: wide rather than high, and the same for a range of sizes, so that growing rarely wraps anew.
fn columns(cards: usize) -> usize {
    let wanted = (cards as f32 * 1.6).sqrt().ceil() as usize;
    wanted.next_multiple_of(4).max(4)
}

fn place(group: &Group, corner: Pos2, pins: &BTreeMap<Key, Pos2>, layout: &mut Layout) -> Vec2 {
    let columns = columns(group.slots.len());
    let used = group.slots.len().clamp(2, columns);
    let rows = group.slots.len().div_ceil(columns).max(1);
    let width = used as f32 * (CARD.x + GAP.x) - GAP.x;
    let rail = Rect::from_min_size(corner, vec2(width, RAIL_HEIGHT));
    layout.rails.insert(group.rail, rail);
    for (index, slot) in group.slots.iter().enumerate() {
        let Some((node, link)) = *slot else { continue };
        let (row, column) = (index / columns, index % columns);
        let min = pos2(corner.x + column as f32 * (CARD.x + GAP.x), rail.bottom() + DROP + row as f32 * (CARD.y + GAP.y));
        let card = Rect::from_min_size(pins.get(&node).copied().unwrap_or(min), CARD);
        layout.cards.insert(node, card);
        let top = card.center_top();
        let corners = if row == 0 || pins.contains_key(&node) {
            let x = top.x.clamp(rail.left() + 8.0, rail.right() - 8.0);
            let middle = (rail.bottom() + top.y) / 2.0;
            if x == top.x {
                vec![pos2(x, rail.bottom()), top]
            } else {
                vec![pos2(x, rail.bottom()), pos2(x, middle), pos2(top.x, middle), top]
            }
        } else {
            // Down the gutter beside the cards above.
            let gutter = card.left() - GAP.x / 2.0;
            let above = card.top() - GAP.y / 2.0;
            vec![pos2(gutter.max(rail.left() + 4.0), rail.bottom()), pos2(gutter, above), pos2(top.x, above), top]
        };
        layout.wires.push(Wire { link, node, corners });
    }
    let mut size = vec2(width, RAIL_HEIGHT + DROP + rows as f32 * (CARD.y + GAP.y));
    for (index, &(router, outside, link)) in group.beyond.iter().enumerate() {
        let min = pos2(corner.x + width + GAP.x * 2.0, corner.y + index as f32 * (CARD.y + GAP.x));
        let card = Rect::from_min_size(pins.get(&outside).copied().unwrap_or(min), CARD);
        layout.cards.insert(outside, card);
        if let Some(from) = layout.cards.get(&router) {
            let lane = from.bottom() + 14.0;
            let side = card.left() - GAP.x;
            let corners =
                vec![from.center_bottom(), pos2(from.center().x, lane), pos2(side, lane), pos2(side, card.center().y), card.left_center()];
            layout.wires.push(Wire { link, node: outside, corners });
        }
        size = size.max(vec2(width + GAP.x * 2.0 + CARD.x, (index + 1) as f32 * (CARD.y + GAP.x)));
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapscope_graph::{MacAddr, PointId};

    fn station(number: u8) -> Key {
        Key::Station(PointId(0), MacAddr([2, 0, 0, 0, 0, number]))
    }

    fn request(stations: &[u8]) -> Request {
        let link = Key::Link(PointId(0), None);
        let slots = stations.iter().map(|&number| Some((station(number), link))).collect();
        Request { groups: vec![Group { rail: link, slots, beyond: vec![] }], pins: vec![] }
    }

    #[test]
    fn a_newcomer_moves_nobody() {
        let (before, after) = (layout(&request(&[1, 2, 3])), layout(&request(&[1, 2, 3, 4])));
        for number in 1..=3 {
            assert_eq!(before.cards[&station(number)], after.cards[&station(number)]);
        }
        assert!(after.cards.contains_key(&station(4)));
    }

    #[test]
    fn cards_do_not_overlap_and_the_same_request_gives_the_same_places() {
        let many: Vec<u8> = (0..100).collect();
        let first = layout(&request(&many));
        assert_eq!(first, layout(&request(&many)));
        let cards: Vec<Rect> = first.cards.values().copied().collect();
        for (index, a) in cards.iter().enumerate() {
            assert!(cards[index + 1..].iter().all(|b| !a.intersects(*b)));
        }
    }

    #[test]
    fn a_pinned_card_stays_where_it_was_put() {
        let mut pinned = request(&[1, 2]);
        pinned.pins.push((station(2), pos2(700.0, 300.0)));
        assert_eq!(layout(&pinned).cards[&station(2)].min, pos2(700.0, 300.0));
    }
}
