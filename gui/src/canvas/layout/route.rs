//! Ways for what is attached once more than where it sits: this host at its rails, guests with several cards, rails with each other.

use super::{Corners, Label, Layout, Request, Tie, Wire};
use crate::digest::Map;
use egui::{Rect, pos2, vec2};
use smallvec::smallvec;
use std::collections::BTreeMap;
use tapscope_graph::topology::Key;

/// Between wires that run beside each other.
const LANE: f32 = 10.0;

/// Adds the wires of a request's ties, and lets the spine reach as far down as they go.
pub fn route(request: &Request, layout: &mut Layout) {
    let mut router = Router {
        layout,
        at_rail: BTreeMap::new(),
        at_shelf: BTreeMap::new(),
        at_card: Map::default(),
        at_side: 0,
        lowest: f32::NEG_INFINITY,
    };
    for tie in &request.ties {
        router.tie(*tie);
    }
    let lowest = router.lowest;
    if let Some((_, spine)) = &mut layout.spine {
        spine.max.y = spine.max.y.max(lowest + 14.0);
    }
}

struct Router<'a> {
    layout: &'a mut Layout,
    /// How many wires of the spine a rail has.
    at_rail: BTreeMap<Key, usize>,
    /// How many wires of the spine pass above a shelf.
    at_shelf: BTreeMap<i64, usize>,
    /// How many further wires or stubs a card has.
    at_card: Map<Key, usize>,
    /// How many wires join rails at their right ends.
    at_side: usize,
    /// The lowest wire at the spine.
    lowest: f32,
}

impl Router<'_> {
    fn tie(&mut self, tie: Tie) {
        let _ = match tie {
            Tie::SpineToRail(link, rail) => self.spine_to_rail(link, rail),
            Tie::SpineToCard(link, _) => self.spine_to_card(link),
            Tie::CardToRail(node, link, rail) => self.card_to_rail(node, link, rail),
            Tie::CardToCard(node, link, other) => self.card_to_card(node, link, other),
            Tie::RailToRail(node, link, other) => self.rail_to_rail(node, link, other),
            Tie::Stub(node, link) => self.stub(node, link),
        };
    }

    fn wire(&mut self, link: Key, node: Key, corners: Corners, label: Option<Label>, has_port: bool) {
        self.layout.wires.push(Wire { link, node, corners, label, has_port });
    }

    fn spine_to_rail(&mut self, link: Key, rail: Key) -> Option<()> {
        let (node, spine) = self.layout.spine?;
        let rect = *self.layout.rails.get(&rail)?;
        if rect.left() > 1.0 {
            // On a shelf, behind others: along above them, and down to the rail.
            let count = self.at_shelf.entry(rect.top() as i64).or_default();
            let lane = rect.top() - 8.0 - 4.0 * (*count % 9) as f32;
            *count += 1;
            self.lowest = self.lowest.max(lane);
            let x = rect.left() + 12.0;
            let corners = smallvec![pos2(x, rect.top()), pos2(x, lane), pos2(spine.right(), lane)];
            self.wire(link, node, corners, None, true);
            return Some(());
        }
        let count = self.at_rail.entry(rail).or_default();
        // In the middle, below it, above it, and so on.
        let offset = LANE * count.div_ceil(2) as f32 * if *count % 2 == 1 { 1.0 } else { -1.0 };
        *count += 1;
        let y = rect.center().y + offset;
        self.lowest = self.lowest.max(y);
        let corners = smallvec![pos2(rect.left(), y), pos2(spine.right(), y)];
        let middle = pos2((rect.left() + spine.right()) / 2.0, y);
        self.wire(link, node, corners, (offset == 0.0).then_some(Label::Center(middle)), true);
        Some(())
    }

    /// This host and somebody in a slot are on one link.
    fn spine_to_card(&mut self, link: Key) -> Option<()> {
        let (node, spine) = self.layout.spine?;
        let Some(hanging) = self.layout.wires.iter().find(|wire| wire.link == link && wire.has_port).cloned() else {
            return self.spine_to_block(link, spine);
        };
        let start = *hanging.corners.first()?;
        let lane = start.y + if self.layout.is_dense { 8.0 } else { 16.0 };
        self.lowest = self.lowest.max(lane);
        self.wire(link, node, smallvec![pos2(start.x, lane), pos2(spine.right(), lane)], None, true);
        Some(())
    }

    /// Straight to a card that hangs on no rail. Cards of the same row have heights of their own, and hide what passes behind them.
    fn spine_to_block(&mut self, link: Key, spine: Rect) -> Option<()> {
        let card = self.layout.homes.get(&link).copied()?;
        let rect = *self.layout.cards.get(&card)?;
        let column = (rect.left() / (rect.width() + super::gap(self.layout.is_dense).x)).max(0.0);
        let y = rect.top() + rect.height() * (0.5 + 0.13 * (column % 4.0));
        self.lowest = self.lowest.max(y);
        let from = pos2(spine.right(), y);
        let label = (column < 0.5).then(|| Label::Center(pos2((from.x + rect.left()) / 2.0, y)));
        self.wire(link, card, smallvec![from, pos2(rect.left(), y)], label, true);
        Some(())
    }

    fn card_to_rail(&mut self, node: Key, link: Key, rail: Key) -> Option<()> {
        let card = *self.layout.cards.get(&node)?;
        let rect = *self.layout.rails.get(&rail)?;
        let count = self.at_card.entry(node).or_default();
        let x = card.right() + 6.0 + 5.0 * *count as f32;
        let y = card.bottom() - 12.0 - LANE * *count as f32;
        *count += 1;
        let (end, before) =
            if rect.top() > card.bottom() { (rect.top(), rect.top() - LANE) } else { (rect.bottom(), rect.bottom() + LANE) };
        let at = x.clamp(rect.left() + 8.0, rect.right() - 8.0);
        let mut corners: Corners = smallvec![pos2(at, end)];
        if at != x {
            corners.extend([pos2(at, before), pos2(x, before)]);
        }
        corners.extend([pos2(x, y), pos2(card.right(), y)]);
        let label = Label::Right(pos2(at, if end == rect.top() { end } else { end + 34.0 }));
        self.wire(link, node, corners, Some(label), true);
        Some(())
    }

    fn card_to_card(&mut self, node: Key, link: Key, other: Key) -> Option<()> {
        let (a, b) = (*self.layout.cards.get(&node)?, *self.layout.cards.get(&other)?);
        let corners: Corners = if (a.top() - b.top()).abs() < 1.0 {
            let lane = a.bottom() + LANE;
            smallvec![b.center_bottom(), pos2(b.center().x, lane), pos2(a.center().x, lane), a.center_bottom()]
        } else {
            let lane = a.right().max(b.right()) + LANE;
            smallvec![b.right_center(), pos2(lane, b.center().y), pos2(lane, a.center().y), a.right_center()]
        };
        let label = corners.get(1).map(|corner| Label::Right(*corner));
        let is_cable = matches!(link, Key::Cable(_));
        if is_cable && let [_, from, to, _] = corners[..] {
            self.layout.cables.insert(link, Rect::from_two_pos(from, to).expand(6.0));
        }
        self.wire(link, node, corners, label, !is_cable);
        Some(())
    }

    fn rail_to_rail(&mut self, node: Key, link: Key, other: Key) -> Option<()> {
        let (a, b) = (*self.layout.rails.get(&node)?, *self.layout.rails.get(&other)?);
        let right = self.layout.rails.values().chain(self.layout.cards.values()).map(|rect| rect.right()).fold(f32::NEG_INFINITY, f32::max);
        let x = right + 30.0 + LANE * 2.0 * self.at_side as f32;
        self.at_side += 1;
        let (from, to) = (a.right_center(), b.right_center());
        let corners = smallvec![from, pos2(x, from.y), pos2(x, to.y), to];
        self.wire(link, node, corners, Some(Label::Right(pos2(x, (from.y + to.y) / 2.0))), false);
        Some(())
    }

    /// What is behind a network card without being a device: a short line down, and a box. Small cards say it in their text.
    fn stub(&mut self, node: Key, link: Key) -> Option<()> {
        let card = *self.layout.cards.get(&node)?;
        if self.layout.is_dense {
            return None;
        }
        let count = self.at_card.entry(node).or_default();
        let left = card.left() + 8.0 + 88.0 * *count as f32;
        *count += 1;
        let width = if *count == 1 { card.width() - 16.0 } else { 80.0 };
        let rect = Rect::from_min_size(pos2(left, card.bottom() + 13.0), vec2(width, 19.0));
        self.layout.stubs.insert(link, rect);
        let x = left + 14.0;
        self.wire(link, node, smallvec![pos2(x, rect.top()), pos2(x, card.bottom())], None, true);
        Some(())
    }
}
