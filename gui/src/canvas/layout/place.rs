//! Rectangles for the spine, rails, cards and ports.

use super::route::route;
use super::{Corners, Group, Label, Layout, RAIL, ROW, Request, SPINE, TITLE, Tie, Wire, card_size, drop_height, gap, reach};
use egui::{Pos2, Rect, Vec2, pos2, vec2};
use smallvec::smallvec;
use std::collections::BTreeMap;
use tapscope_graph::topology::Key;

/// Between the spine and the rails: room for the name and the rate of what joins them.
const REACH: (f32, f32) = (104.0, 72.0);
const MARGIN: f32 = 24.0;
/// Between a namespace's frame and what it holds, and room for its name.
const FRAME: Vec2 = vec2(16.0, 14.0);
const HEAD: f32 = 24.0;
/// What a label beside the last wire may need more.
const LABEL: f32 = 40.0;
/// Height of a column of groups before the next column begins, where there is no spine.
const COLUMN: f32 = 1600.0;
/// With more groups than this beside a spine they stand on shelves, and how much wider than high those are.
const SHELVED: usize = 6;
const SHELF: f32 = 1.2;
/// Between shelves: room for wires, and from afar for the names of rails.
const AISLE: f32 = 120.0;
/// How much wider than high a grid of cards grows; small cards leave room for the spine beside them.
const ASPECT: (f32, f32) = (1.75, 1.3);
/// Columns that a grid begins with.
const COLUMNS: usize = 4;

/// Places for everything in the request.
pub fn layout(request: &Request) -> Layout {
    let folded = request.folded.iter().copied().collect();
    let mut layout = Layout { is_dense: request.is_dense, folded, ..Layout::default() };
    layout.wires.reserve(request.groups.iter().map(|group| group.slots.len()).sum::<usize>() + request.ties.len());
    let pins: BTreeMap<Key, Pos2> = request.pins.iter().copied().collect();
    let groups: Vec<&Group> = request.groups.iter().filter(|group| group.cell.is_none()).collect();
    let (corners, corner) = corners(&groups, request);
    for (group, &corner) in groups.iter().zip(&corners) {
        let size = size_of(group, request.is_dense);
        let extent = Rect::from_min_size(corner, size);
        match group.rail {
            Some(rail) => {
                place(group, rail, corner, &pins, &mut layout);
                layout.extents.insert(rail, extent);
                let vlans = super::frame::vlans(request, group, &layout);
                layout.vlans.extend(vlans);
            }
            None => block(group, corner, &pins, &mut layout),
        }
        if let Some(frame) = group.frame {
            let around = Rect::from_min_max(extent.min - vec2(0.0, HEAD), extent.max).expand2(FRAME);
            layout.frames.entry(frame).and_modify(|rect| *rect = rect.union(around)).or_insert(around);
        }
    }
    let is_tied = |link: Key| request.ties.iter().any(|tie| matches!(tie, Tie::CardToCard(_, tied, _) if *tied == link));
    for group in &request.groups {
        cable(group, group.rail.is_some_and(is_tied), corner, &pins, &mut layout);
    }
    if let Some(spine) = &request.spine {
        let left = -(SPINE + if request.is_dense { REACH.1 } else { REACH.0 });
        let top = RAIL / 2.0 - TITLE / 2.0;
        let rows = top + TITLE + spine.rows as f32 * ROW + 4.0;
        for (index, port) in spine.ports.iter().enumerate() {
            let row = Rect::from_min_size(pos2(left, rows + index as f32 * ROW), vec2(SPINE, ROW));
            layout.rows.insert(*port, row);
        }
        let bottom = rows + spine.ports.len() as f32 * ROW + 8.0;
        layout.spine = Some((spine.node, Rect::from_min_max(pos2(left, top), pos2(left + SPINE, bottom))));
        let size = card_size(request.is_dense);
        for (index, &(outside, link)) in spine.beyond.iter().enumerate() {
            let min = pos2(left - 70.0 - size.x, top + index as f32 * (size.y + 12.0));
            let card = Rect::from_min_size(pins.get(&outside).copied().unwrap_or(min), size);
            layout.cards.insert(outside, card);
            let corners = smallvec![pos2(left, card.center().y), pos2(card.right(), card.center().y)];
            layout.wires.push(Wire { link, node: outside, corners, label: None, has_port: false });
        }
    }
    route(request, &mut layout);
    let rects = [&layout.rails, &layout.cards, &layout.ports, &layout.stubs, &layout.cables, &layout.frames];
    let rects = rects.into_iter().flat_map(|rects| rects.values()).copied().chain(layout.spine.map(|(_, rect)| rect));
    layout.spans = layout.wires.iter().map(|wire| Rect::from_points(&wire.corners)).collect();
    let corners = layout.wires.iter().flat_map(|wire| &wire.corners).map(|corner| Rect::from_min_max(*corner, *corner));
    let aside = if request.is_dense { 0.0 } else { LABEL };
    // Names stand at the right of the wires that join rails there.
    let right = if request.ties.iter().any(|tie| matches!(tie, Tie::RailToRail(..))) { LABEL } else { 0.0 };
    layout.bounds = rects.chain(corners).reduce(Rect::union).map(|bounds| bounds.expand2(vec2(aside, 0.0)));
    if let Some(bounds) = &mut layout.bounds {
        bounds.max.x += right;
    }
    layout
}

/// The upper left corners of groups, and where there is room below all of them. A few stand below each other, so that each is beside this
/// host; many stand on shelves, as many on each as makes the picture about as wide as high.
fn corners(groups: &[&Group], request: &Request) -> (Vec<Pos2>, Pos2) {
    let sizes: Vec<Vec2> = groups.iter().map(|group| size_of(group, request.is_dense)).collect();
    let count = match groups.len() {
        many if many > SHELVED && request.spine.is_some() => (many as f32 * SHELF).sqrt().ceil() as usize,
        _ => 1,
    };
    let mut widths = vec![0.0_f32; count];
    let mut corners = Vec::with_capacity(groups.len());
    let (mut corner, mut column_width, mut height, mut frame) = (Pos2::ZERO, 0.0_f32, 0.0_f32, None);
    let mut cells: Vec<(usize, f32)> = Vec::with_capacity(groups.len());
    let mut column = 0;
    for (group, size) in groups.iter().zip(&sizes) {
        if column == count || (group.frame != frame && column > 0) {
            corner.y += height + if count > 1 { AISLE } else { MARGIN * 2.0 };
            (column, height) = (0, 0.0);
        }
        if group.frame != frame {
            frame = group.frame;
            corner.y += FRAME.y + if frame.is_some() { HEAD } else { 0.0 };
        }
        // Without a spine, whole columns stand beside each other.
        if request.spine.is_none() && corner.y > COLUMN {
            corner = pos2(corner.x + column_width + MARGIN * 3.0, 0.0);
            column_width = 0.0;
        }
        cells.push((column, corner.y));
        corners.push(corner);
        widths[column] = widths[column].max(size.x);
        column_width = column_width.max(size.x);
        height = height.max(size.y);
        column += 1;
    }
    if count > 1 {
        let lefts: Vec<f32> = widths.iter().scan(0.0, |left, width| Some(std::mem::replace(left, *left + width + MARGIN * 3.0))).collect();
        corners = cells.iter().map(|&(column, top)| pos2(lefts[column], top)).collect();
    }
    if !groups.is_empty() {
        corner.y += height + MARGIN * 2.0;
    }
    (corners, corner)
}

/// The room that a group takes.
fn size_of(group: &Group, is_dense: bool) -> Vec2 {
    let (size, gap) = (card_size(is_dense), gap(is_dense));
    let (columns, rows) = extent(group.slots.len(), is_dense);
    if group.rail.is_none() {
        return vec2(columns as f32 * (size.x + gap.x), rows as f32 * (size.y + gap.y));
    }
    let width = rail_width(columns, is_dense);
    let below = if is_dense { 0.0 } else { gap.y / 2.0 };
    let height = if rows == 0 { RAIL } else { RAIL + drop_height(is_dense) + rows as f32 * (size.y + gap.y) - gap.y + below };
    let beyond = group.beyond.len() as f32;
    let aside = if group.beyond.is_empty() { Vec2::ZERO } else { vec2(width + gap.x * 2.0 + size.x, beyond * (size.y + 40.0)) };
    vec2(width, height).max(aside)
}

/// How long a rail is. Small cards hang beside their wires.
fn rail_width(columns: usize, is_dense: bool) -> f32 {
    let (size, gap) = (card_size(is_dense), gap(is_dense));
    let indent = if is_dense { gap.x } else { 0.0 };
    columns.max(if is_dense { 3 } else { 2 }) as f32 * (size.x + gap.x) - gap.x + indent
}

/// The column and row of a slot.
pub fn cell(index: usize, is_dense: bool) -> (usize, usize) {
    grown(index, COLUMNS, aspect(is_dense), card_size(is_dense) + gap(is_dense))
}

fn aspect(is_dense: bool) -> f32 {
    if is_dense { ASPECT.1 } else { ASPECT.0 }
}

/// A grid that begins with some columns and one row. It grows by a column at its right or a row below, so that no place ever moves.
struct Grid {
    columns: usize,
    rows: usize,
    /// How many places it has.
    places: usize,
}

impl Grid {
    fn new(columns: usize) -> Grid {
        Grid { columns, rows: 1, places: columns }
    }

    /// Whether it grows by a row next.
    fn is_wide(&self, aspect: f32, pitch: Vec2) -> bool {
        self.columns as f32 * pitch.x > aspect * (self.rows + 1) as f32 * pitch.y
    }

    fn grow(&mut self, is_wide: bool) {
        let (more, side) = if is_wide { (self.columns, &mut self.rows) } else { (self.rows, &mut self.columns) };
        *side += 1;
        self.places += more;
    }
}

/// The column and row of a place in a grid.
fn grown(index: usize, columns: usize, aspect: f32, pitch: Vec2) -> (usize, usize) {
    let mut grid = Grid::new(columns);
    if index < columns {
        return (index, 0);
    }
    loop {
        let (is_wide, before) = (grid.is_wide(aspect, pitch), grid.places);
        grid.grow(is_wide);
        if index < grid.places {
            return if is_wide { (index - before, grid.rows - 1) } else { (grid.columns - 1, index - before) };
        }
    }
}

/// Columns and rows that slots take.
fn extent(slots: usize, is_dense: bool) -> (usize, usize) {
    if slots <= COLUMNS {
        return (slots, slots.min(1));
    }
    let (aspect, pitch) = (aspect(is_dense), card_size(is_dense) + gap(is_dense));
    let mut grid = Grid::new(COLUMNS);
    while grid.places < slots {
        let is_wide = grid.is_wide(aspect, pitch);
        grid.grow(is_wide);
    }
    (grid.columns, grid.rows)
}

/// The place of a slot in a group whose first card is at `origin`.
fn slot(origin: Pos2, index: usize, is_dense: bool) -> Rect {
    let (size, gap) = (card_size(is_dense), gap(is_dense));
    let (column, row) = cell(index, is_dense);
    Rect::from_min_size(origin + vec2(column as f32 * (size.x + gap.x), row as f32 * (size.y + gap.y)), size)
}

/// A rail with what hangs below it.
fn place(group: &Group, rail_key: Key, corner: Pos2, pins: &BTreeMap<Key, Pos2>, layout: &mut Layout) {
    let is_dense = layout.is_dense;
    let (size, gap) = (card_size(is_dense), gap(is_dense));
    let (columns, _) = extent(group.slots.len(), is_dense);
    // Small cards hang beside their wires.
    let indent = if is_dense { gap.x } else { 0.0 };
    let width = rail_width(columns, is_dense);
    let rail = Rect::from_min_size(corner, vec2(width, RAIL));
    layout.rails.insert(rail_key, rail);
    let origin = pos2(corner.x + indent, rail.bottom() + drop_height(is_dense));
    for (index, taken) in group.slots.iter().enumerate() {
        let Some(taken) = *taken else { continue };
        let mut card = slot(origin, index, is_dense);
        let pin = taken.node.and_then(|node| pins.get(&node)).copied();
        if let Some(pin) = pin {
            card = Rect::from_min_size(pin, size);
        }
        match taken.node {
            Some(node) => drop(layout.cards.insert(node, card)),
            None => drop(layout.ports.insert(taken.link, card)),
        }
        let corners = hang(rail, card, cell(index, is_dense).1, pin.is_some(), is_dense);
        let label = (!is_dense).then(|| Label::Right(*corners.last().unwrap_or(&card.center_top())));
        let node = taken.node.unwrap_or(rail_key);
        layout.wires.push(Wire { link: taken.link, node, corners, label, has_port: true });
    }
    for (index, &(router, outside, link)) in group.beyond.iter().enumerate() {
        let min = pos2(corner.x + width + gap.x * 2.0, corner.y + index as f32 * (size.y + 40.0));
        let card = Rect::from_min_size(pins.get(&outside).copied().unwrap_or(min), size);
        layout.cards.insert(outside, card);
        if let Some(from) = layout.cards.get(&router) {
            let lane = from.bottom() + 14.0;
            let side = card.left() - gap.x;
            let corners = smallvec![
                from.center_bottom(),
                pos2(from.center().x, lane),
                pos2(side, lane),
                pos2(side, card.center().y),
                card.left_center()
            ];
            layout.wires.push(Wire { link, node: outside, corners, label: None, has_port: false });
        }
    }
}

/// The way from a rail to a card.
fn hang(rail: Rect, card: Rect, row: usize, is_pinned: bool, is_dense: bool) -> Corners {
    let gap = gap(is_dense);
    let top = card.center_top();
    if is_dense && !is_pinned {
        let trunk = card.left() - gap.x / 2.0;
        return smallvec![pos2(trunk, rail.bottom()), pos2(trunk, card.center().y), card.left_center()];
    }
    if row == 0 || is_pinned {
        let x = top.x.clamp(rail.left() + 8.0, rail.right() - 8.0);
        let middle = (rail.bottom() + top.y) / 2.0;
        return if x == top.x {
            smallvec![pos2(x, rail.bottom()), top]
        } else {
            smallvec![pos2(x, rail.bottom()), pos2(x, middle), pos2(top.x, middle), top]
        };
    }
    // Down the gutter beside the cards above; at the left end of the rail there is none.
    let gutter = if card.left() <= rail.left() { card.right() + gap.x / 2.0 } else { card.left() - gap.x / 2.0 };
    let above = card.top() - 20.0;
    smallvec![pos2(gutter, rail.bottom()), pos2(gutter, above), pos2(top.x, above), top]
}

/// What hangs on no rail; the wires to the spine are routed later.
fn block(group: &Group, corner: Pos2, pins: &BTreeMap<Key, Pos2>, layout: &mut Layout) {
    let is_dense = layout.is_dense;
    let size = card_size(is_dense);
    for (index, taken) in group.slots.iter().enumerate() {
        let Some((node, link)) = taken.and_then(|taken| Some((taken.node?, taken.link))) else { continue };
        layout.homes.insert(link, node);
        let place = slot(corner, index, is_dense);
        layout.cards.insert(node, Rect::from_min_size(pins.get(&node).copied().unwrap_or(place.min), size));
    }
}

/// A cable: a line from its first card to its second, or to nobody. Each half is the wire of its own card. Where one of them sits
/// elsewhere, its line is routed later.
fn cable(group: &Group, is_tied: bool, origin: Pos2, pins: &BTreeMap<Key, Pos2>, layout: &mut Layout) -> Option<()> {
    let (cell, link) = (group.cell?, group.rail?);
    let is_dense = layout.is_dense;
    let (size, reach) = (card_size(is_dense), reach(is_dense));
    let pitch = vec2(size.x * 2.0 + reach + MARGIN * 2.0, size.y + if is_dense { 16.0 } else { 34.0 });
    let (column, row) = grown(cell, 1, 1.0, pitch);
    let corner = origin + vec2(column as f32 * pitch.x, row as f32 * pitch.y);
    let mut ends: Vec<(Key, Rect)> = Vec::new();
    for (index, node) in group.slots.iter().enumerate().filter_map(|(index, slot)| Some((index, (*slot)?.node?))) {
        let place = corner + vec2(index.min(1) as f32 * (size.x + reach), index.saturating_sub(1) as f32 * pitch.y);
        let card = Rect::from_min_size(pins.get(&node).copied().unwrap_or(place), size);
        layout.cards.insert(node, card);
        layout.homes.insert(link, node);
        ends.push((node, card));
    }
    let &(first, a) = ends.first()?;
    if is_tied {
        return None;
    }
    let (from, to) = match ends.get(1) {
        Some((_, b)) if b.left() >= a.right() => (a.right_center(), b.left_center()),
        Some((_, b)) if b.right() <= a.left() => (a.left_center(), b.right_center()),
        Some((_, b)) => (a.center(), b.center()),
        None if a.left() > corner.x + size.x => (a.left_center(), a.left_center() - vec2(reach, 0.0)),
        None => (a.right_center(), a.right_center() + vec2(reach, 0.0)),
    };
    let middle = from.lerp(to, 0.5);
    layout.cables.insert(link, Rect::from_two_pos(from, to).expand2(vec2(0.0, 12.0)));
    let mut half = |node, end, label| layout.wires.push(Wire { link, node, corners: smallvec![middle, end], label, has_port: false });
    half(first, from, Some(Label::Center(middle)));
    half(ends.get(1).map_or(first, |(node, _)| *node), to, None);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::layout::Slot;
    use tapscope_graph::{MacAddr, PointId};

    fn station(number: u8) -> Key {
        Key::Station(PointId(0), MacAddr([2, 0, 0, 0, 0, number]))
    }

    fn request(stations: &[u8]) -> Request {
        let link = Key::Link(PointId(0), None);
        let slots = stations.iter().map(|&number| Some(Slot { node: Some(station(number)), link })).collect();
        Request {
            groups: vec![Group { rail: Some(link), slots, beyond: vec![], cell: None, frame: None }],
            is_dense: stations.len() > 10,
            ..Request::default()
        }
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
    fn a_grid_grows_without_moving_what_is_in_it() {
        for is_dense in [false, true] {
            let cells: std::collections::BTreeSet<(usize, usize)> = (0..1000).map(|index| cell(index, is_dense)).collect();
            assert_eq!(cells.len(), 1000, "every slot has a cell of its own");
        }
        assert_eq!([cell(0, false), cell(3, false), cell(4, false)], [(0, 0), (3, 0), (0, 1)]);
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

    #[test]
    fn what_slots_take_is_as_far_as_their_places_go() {
        for is_dense in [false, true] {
            let (mut columns, mut rows) = (0, 0);
            for count in 0..500 {
                assert_eq!(extent(count, is_dense), (columns, rows), "of {count}");
                let (column, row) = cell(count, is_dense);
                (columns, rows) = (columns.max(column + 1), rows.max(row + 1));
            }
        }
    }
}
