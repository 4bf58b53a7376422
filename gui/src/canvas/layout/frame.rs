//! Frames around the cards of a bridge that are in one VLAN.

use super::{Group, Layout, Request};
use egui::{Rect, vec2};
use std::collections::BTreeMap;
use tapscope_graph::topology::Key;

/// Cards of a rail beyond which their VLANs have no frames: nobody could read them.
const MOST: usize = 400;

/// A frame for each part of a grid whose cards are in one VLAN.
pub fn vlans(request: &Request, group: &Group, layout: &Layout) -> Vec<(u16, Rect)> {
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
    frames.into_iter().map(|(vlan, rect)| (vlan, around(rect))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Slot, layout};
    use super::*;

    fn group(rail: u32, guests: &[u32]) -> Group {
        let slot = |number: &u32| Some(Slot { node: Some(Key::Guest(*number)), link: Key::Device(*number) });
        Group { rail: Some(Key::Joint(rail)), slots: guests.iter().map(slot).collect(), beyond: vec![], cell: None, frame: None }
    }

    #[test]
    fn a_frame_of_a_vlan_holds_its_guests_and_nobody_else() {
        let vlans = [(1, 10), (2, 10), (3, 20), (4, 10)].map(|(guest, vlan)| (Key::Device(guest), vlan));
        let placed = layout(&Request { groups: vec![group(1, &[1, 2, 3, 4])], vlans: vlans.into(), ..Request::default() });
        let frames: Vec<(u16, Vec<Key>)> = placed
            .vlans
            .iter()
            .map(|(vlan, rect)| (*vlan, placed.cards.iter().filter(|(_, card)| rect.intersects(**card)).map(|(key, _)| *key).collect()))
            .collect();
        let guest = Key::Guest;
        assert_eq!(frames, [(10, vec![guest(1), guest(2)]), (20, vec![guest(3)]), (10, vec![guest(4)])]);
    }
}
