//! From one thing of the picture to the next by the arrow keys.

use egui::{EventFilter, Id, Key as Press, Rect, Ui, Vec2, vec2};
use tapscope_graph::topology::Key;

/// A step aside counts so many times as much as one ahead.
const ASIDE: f32 = 2.0;
/// How much it counts that the middles are aside from each other.
const MIDDLE: f32 = 0.05;

/// What a thing's widget is called.
pub(super) fn id(key: Key) -> Id {
    Id::unique("thing").with(key)
}

/// The thing that the arrow keys lead to from the one that has the keyboard.
pub(super) fn next<'a>(ui: &Ui, focused: Key, things: impl Iterator<Item = (&'a Key, &'a Rect)> + Clone) -> Option<Key> {
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id(focused), filter));
    let arrows = [
        (Press::ArrowLeft, vec2(-1.0, 0.0)),
        (Press::ArrowRight, vec2(1.0, 0.0)),
        (Press::ArrowUp, vec2(0.0, -1.0)),
        (Press::ArrowDown, vec2(0.0, 1.0)),
    ];
    let pressed = ui.input(|input| arrows.into_iter().find(|(key, _)| input.key_pressed(*key) && input.modifiers.is_none()));
    let (_, direction) = pressed?;
    let from = things.clone().find(|(key, _)| **key == focused).map(|(_, rect)| *rect)?;
    nearest(from, direction, things.filter(|(key, _)| **key != focused))
}

/// The nearest of all that lie in a direction: those ahead before those aside.
fn nearest<'a>(from: Rect, direction: Vec2, things: impl Iterator<Item = (&'a Key, &'a Rect)>) -> Option<Key> {
    let across = direction.rot90();
    // From edge to edge: what is wide is near all along its length. Where that tells nothing, from middle to middle.
    let gap = |rect: &Rect, axis: Vec2| {
        let span = |rect: &Rect| {
            let (a, b) = (rect.min.to_vec2().dot(axis), rect.max.to_vec2().dot(axis));
            (a.min(b), a.max(b))
        };
        let ((first, last), (begin, end)) = (span(&from), span(rect));
        (begin - last).max(first - end).max(0.0)
    };
    let distance = |rect: &Rect| {
        let way = rect.center() - from.center();
        let is_ahead = way.dot(direction) > 0.5 && gap(rect, direction) > 0.0;
        is_ahead.then(|| gap(rect, direction) + ASIDE * gap(rect, across) + MIDDLE * way.dot(across).abs())
    };
    let ahead = things.filter_map(|(key, rect)| Some((*key, distance(rect)?)));
    ahead.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_thing_is_the_nearest_ahead() {
        let rect = |x, y, width| Rect::from_min_size(egui::pos2(x, y), vec2(width, 40.0));
        let things = [
            (Key::Guest(0), rect(100.0, 0.0, 400.0)),
            (Key::Guest(1), rect(100.0, 100.0, 90.0)),
            (Key::Guest(2), rect(250.0, 100.0, 90.0)),
            (Key::Guest(3), rect(400.0, 100.0, 90.0)),
        ];
        let go = |from: usize, direction| nearest(things[from].1, direction, things.iter().map(|(key, rect)| (key, rect)));
        let (right, up, down) = (vec2(1.0, 0.0), vec2(0.0, -1.0), vec2(0.0, 1.0));
        assert_eq!(go(1, right), Some(Key::Guest(2)));
        assert_eq!(go(2, right), Some(Key::Guest(3)));
        assert_eq!(go(3, right), None);
        assert_eq!([go(1, up), go(2, up), go(3, up)], [Some(Key::Guest(0)); 3]);
        assert_eq!(go(0, down), Some(Key::Guest(2)), "below its middle");
    }
}
