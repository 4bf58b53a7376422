//! Frames around what belongs together: the bridges of a namespace, and the cards of a VLAN.

use super::{Frame, Group, Holds, Layout, Request};
use egui::{Rect, vec2};
use std::collections::BTreeMap;
use tapscope_graph::topology::Key;

/// Around a namespace, whose name stands above its first rail.
const AROUND: f32 = 14.0;
const TITLE: f32 = 22.0;
/// Cards of a rail beyond which their VLANs have no frames: nobody could read them.
const MOST: usize = 400;

/// The frames of a group that was placed; `room` is what it takes with its rail.
pub fn frame(request: &Request, group: &Group, room: Rect, layout: &mut Layout) {
    if let Some(&namespace) = group.rail.and_then(|rail| request.namespaces.get(&rail)) {
        let of = Holds::Namespace(namespace);
        let rect = Rect::from_min_max(room.min - vec2(AROUND, TITLE), room.max + vec2(AROUND, AROUND));
        // The bridges of a namespace follow each other.
        match layout.frames.iter_mut().rev().find(|frame| matches!(frame.of, Holds::Namespace(_))) {
            Some(frame) if frame.of == of && frame.rect.left() == rect.left() => frame.rect = frame.rect.union(rect),
            _ => layout.frames.push(Frame { of, rect }),
        }
    }
    layout.frames.extend(vlans(request, group, layout));
}

/// A frame for each part of a grid whose cards are in one VLAN.
fn vlans(request: &Request, group: &Group, layout: &Layout) -> Vec<Frame> {
    if group.slots.len() > MOST || request.vlans.is_empty() {
        return Vec::new();
    }
    let pinned: BTreeMap<Key, ()> = request.pins.iter().map(|(key, _)| (*key, ())).collect();
    let mut cards: Vec<(Option<u16>, Rect)> = Vec::new();
    for slot in group.slots.iter().flatten() {
        let rect = match slot.node {
            Some(node) if pinned.contains_key(&node) => continue,
            Some(node) => layout.cards.get(&node),
            None => layout.ports.get(&slot.link),
        };
        cards.extend(rect.map(|rect| (request.vlans.get(&slot.link).copied(), *rect)));
    }
    let mut frames: Vec<(u16, Rect)> = Vec::new();
    for &(vlan, rect) in &cards {
        let Some(vlan) = vlan else { continue };
        let is_free = |room: Rect| cards.iter().all(|(other, card)| *other == Some(vlan) || !room.intersects(*card));
        match frames.iter_mut().filter(|(known, _)| *known == vlan).find(|(_, frame)| is_free(frame.union(rect))) {
            Some((_, frame)) => *frame = frame.union(rect),
            None => frames.push((vlan, rect)),
        }
    }
    let (side, top) = if layout.is_dense { (4.0, 4.0) } else { (12.0, 40.0) };
    let around = |rect: Rect| Rect::from_min_max(rect.min - vec2(side, top), rect.max + vec2(side, side));
    frames.into_iter().map(|(vlan, rect)| Frame { of: Holds::Vlan(vlan), rect: around(rect) }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Slot, layout};
    use super::*;

    fn group(rail: u32, guests: &[u32]) -> Group {
        let slot = |number: &u32| Some(Slot { node: Some(Key::Guest(*number)), link: Key::Device(*number) });
        Group { rail: Some(Key::Joint(rail)), slots: guests.iter().map(slot).collect(), beyond: vec![], cell: None }
    }

    #[test]
    fn a_frame_of_a_vlan_holds_its_guests_and_nobody_else() {
        let vlans = [(1, 10), (2, 10), (3, 20), (4, 10)].map(|(guest, vlan)| (Key::Device(guest), vlan));
        let placed = layout(&Request { groups: vec![group(1, &[1, 2, 3, 4])], vlans: vlans.into(), ..Request::default() });
        let frames: Vec<(Holds, Vec<Key>)> = placed
            .frames
            .iter()
            .map(|frame| (frame.of, placed.cards.iter().filter(|(_, card)| frame.rect.intersects(**card)).map(|(key, _)| *key).collect()))
            .collect();
        let guest = Key::Guest;
        let expected = [(Holds::Vlan(10), vec![guest(1), guest(2)]), (Holds::Vlan(20), vec![guest(3)]), (Holds::Vlan(10), vec![guest(4)])];
        assert_eq!(frames, expected);
    }

    #[test]
    fn the_bridges_of_a_namespace_are_in_one_frame_and_this_hosts_are_not() {
        let namespace = Key::Local(tapscope_graph::host::Netns(7));
        let request = Request {
            groups: vec![group(1, &[1]), group(2, &[2]), group(3, &[3])],
            namespaces: BTreeMap::from([(Key::Joint(2), namespace), (Key::Joint(3), namespace)]),
            ..Request::default()
        };
        let placed = layout(&request);
        let [frame] = &placed.frames[..] else { panic!("there is one frame: {:?}", placed.frames) };
        assert_eq!(frame.of, Holds::Namespace(namespace));
        assert!([2, 3].iter().all(|number| frame.rect.contains_rect(placed.cards[&Key::Guest(*number)])));
        assert!(!frame.rect.intersects(placed.cards[&Key::Guest(1)]));
    }
}
