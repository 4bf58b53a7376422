//! What is left of a request where the user hid things or folded groups.
//!
//! Who is hidden leaves a gap, so that nobody moves. Who is in a folded group is shown by the group, and what joined him to others joins the
//! group to them.

use super::{Request, Tie};
use std::collections::{BTreeMap, BTreeSet};
use tapscope_graph::topology::Key;

impl Request {
    /// The request without what is hidden or folded; `folded` says which thing stands for a rail: itself, or its namespace.
    pub fn without(mut self, hidden: &BTreeSet<Key>, folded: &BTreeMap<Key, Key>) -> Request {
        if hidden.is_empty() && folded.is_empty() {
            return self;
        }
        let mut gone = hidden.clone();
        let mut stands: BTreeMap<Key, Key> = BTreeMap::new();
        let mut counts: BTreeMap<Key, usize> = BTreeMap::new();
        for group in &mut self.groups {
            let Some(rail) = group.rail else { continue };
            let members = || group.slots.iter().flatten().filter_map(|slot| slot.node);
            if hidden.contains(&rail) {
                gone.extend(members());
                group.slots.clear();
            } else if let Some(&by) = folded.get(&rail) {
                stands.extend(members().filter(|node| *node != by).map(|node| (node, by)));
                stands.extend((by != rail).then_some((rail, by)));
                *counts.entry(by).or_default() += members().count() + usize::from(by != rail);
                group.slots.clear();
                group.beyond.clear();
            }
        }
        for group in &mut self.groups {
            for slot in &mut group.slots {
                let is_gone = slot.is_some_and(|slot| slot.node.is_some_and(|node| gone.contains(&node)) || gone.contains(&slot.link));
                if is_gone {
                    *slot = None;
                }
            }
            group.beyond.retain(|(router, outside, link)| ![router, outside, link].into_iter().any(|key| gone.contains(key)));
        }
        let is_left = |rail: Option<Key>| rail.is_none_or(|rail| !gone.contains(&rail) && !stands.contains_key(&rail));
        self.groups.retain(|group| is_left(group.rail));
        if let Some(spine) = &mut self.spine {
            spine.ports.retain(|link| !gone.contains(link));
            spine.beyond.retain(|(outside, link)| !gone.contains(outside) && !gone.contains(link));
        }
        let rails: BTreeSet<Key> = self.groups.iter().filter_map(|group| group.rail).collect();
        let mut joined = BTreeSet::new();
        self.ties = self.ties.iter().filter_map(|tie| tied(*tie, &gone, &stands, &rails)).filter(|tie| joined.insert(ends(*tie))).collect();
        self.ties.sort_unstable();
        self.folded = counts.into_iter().collect();
        self
    }
}

/// A tie between those who stand for its ends.
fn tied(tie: Tie, gone: &BTreeSet<Key>, stands: &BTreeMap<Key, Key>, rails: &BTreeSet<Key>) -> Option<Tie> {
    let (node, link, other) = match tie {
        Tie::SpineToRail(link, rail) => return (!gone.contains(&link) && rails.contains(&rail)).then_some(tie),
        Tie::SpineToCard(link, _) => return (!gone.contains(&link)).then_some(tie),
        Tie::Stub(node, link) => return [node, link].iter().all(|key| !gone.contains(key) && !stands.contains_key(key)).then_some(tie),
        Tie::CardToRail(node, link, other) | Tie::CardToCard(node, link, other) | Tie::RailToRail(node, link, other) => (node, link, other),
    };
    if [node, link, other].iter().any(|key| gone.contains(key)) {
        return None;
    }
    if !stands.contains_key(&node) && !stands.contains_key(&other) {
        return Some(tie);
    }
    let by = |key: Key| stands.get(&key).copied().unwrap_or(key);
    let (node, other) = (by(node), by(other));
    match (rails.contains(&node), rails.contains(&other)) {
        _ if node == other => None,
        (true, true) => Some(Tie::RailToRail(node, link, other)),
        (false, true) => Some(Tie::CardToRail(node, link, other)),
        (true, false) => Some(Tie::CardToRail(other, link, node)),
        (false, false) => Some(Tie::CardToCard(node, link, other)),
    }
}

/// What a tie joins: a folded group is joined to a rail once.
fn ends(tie: Tie) -> (u8, Key, Key, Key) {
    match tie {
        Tie::SpineToRail(link, rail) => (0, link, rail, rail),
        Tie::SpineToCard(link, other) => (1, link, other, other),
        Tie::CardToRail(node, link, rail) => (2, node, link, rail),
        Tie::CardToCard(node, link, other) => (3, node, link, other),
        Tie::RailToRail(node, _, other) => (4, node.min(other), node.max(other), node.min(other)),
        Tie::Stub(node, link) => (5, node, link, link),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Group, Slot, layout};
    use super::*;
    use tapscope_graph::host::Netns;

    const A: Key = Key::Joint(1);
    const B: Key = Key::Joint(2);

    /// Two bridges with two guests each; the second guest of the first is on both.
    fn request() -> Request {
        let slot = |number: u32| Some(Slot { node: Some(Key::Guest(number)), link: Key::Device(number) });
        let group = |rail, numbers: [u32; 2]| Group {
            rail: Some(rail),
            slots: numbers.map(slot).to_vec(),
            beyond: vec![],
            cell: None,
            frame: None,
        };
        Request {
            groups: vec![group(A, [1, 2]), group(B, [3, 4])],
            ties: vec![Tie::CardToRail(Key::Guest(2), Key::Device(9), B)],
            ..Request::default()
        }
    }

    #[test]
    fn who_is_hidden_leaves_a_gap_and_nobody_moves() {
        let (all, left) = (layout(&request()), layout(&request().without(&BTreeSet::from([Key::Guest(1)]), &BTreeMap::new())));
        assert_eq!(left.cards.len(), 3);
        assert!(left.cards.iter().all(|(key, rect)| all.cards[key] == *rect));
    }

    #[test]
    fn a_folded_bridge_is_joined_to_what_its_guests_were_joined_to() {
        let left = request().without(&BTreeSet::new(), &BTreeMap::from([(A, A)]));
        assert_eq!(left.ties, [Tie::RailToRail(A, Key::Device(9), B)]);
        assert_eq!(left.folded, [(A, 2)]);
        let placed = layout(&left);
        assert_eq!(placed.cards.keys().copied().collect::<Vec<_>>(), [Key::Guest(3), Key::Guest(4)]);
        assert_eq!(placed.rails.len(), 2);
    }

    #[test]
    fn a_folded_namespace_is_its_card_alone() {
        let local = Key::Local(Netns(7));
        let mut request = request();
        request.ties = vec![Tie::RailToRail(A, Key::Device(9), B)];
        request.groups[0].slots.push(Some(Slot { node: Some(local), link: Key::Device(8) }));
        let left = request.without(&BTreeSet::new(), &BTreeMap::from([(local, local), (B, local)]));
        assert_eq!(left.ties, [Tie::CardToRail(local, Key::Device(9), A)]);
        assert_eq!(left.groups.iter().map(|group| group.rail).collect::<Vec<_>>(), [Some(A)]);
        assert_eq!(left.folded, [(local, 3)]);
    }
}
