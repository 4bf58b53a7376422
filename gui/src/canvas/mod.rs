//! The picture: pan, zoom, select, drag.

mod card;
mod draw;
mod empty;
mod icon;
pub mod layout;
mod marks;
mod minimap;
mod overview;
mod pins;
mod pulse;
mod svg;
mod wire;
mod worker;

pub(crate) use marks::Marks;
pub use svg::{font, svg};

use crate::commands::{self, Situation, Wish};
use crate::digest::Digest;
use crate::session::{PlaybackState, Shown};
use crate::window::Selection;
use draw::Drawing;
use egui::{Id, Key as Button, Pos2, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo, vec2};
use layout::{Layout, Request, Slots};
use minimap::Minimap;
use overview::Overview;
use pins::Kept;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tapscope_graph::topology::Key;
use tapscope_graph::{Timestamp, View};
use worker::{Made, Wanted, Worker};

/// The most cards that are widgets for keyboards and screen readers; beyond it they are drawn and can be clicked.
const WIDGETS: usize = 300;
/// How far in and out.
const ZOOM: std::ops::RangeInclusive<f32> = 0.02..=4.0;
/// One step of the keyboard.
const STEP: f32 = 60.0;

/// The picture's own state.
pub struct Canvas {
    slots: Slots,
    pins: BTreeMap<Key, Pos2>,
    /// Rails whose cards are not shown.
    folds: BTreeSet<Key>,
    /// What the layout was made for, and of.
    request: Request,
    layout: Arc<Layout>,
    /// The layout's number: another one for each.
    number: usize,
    worker: Worker,
    /// Whether the layout that the worker makes is out of date already.
    is_stale: bool,
    made_of: Option<Arc<View>>,
    overview: Overview,
    minimap: Minimap,
    /// Where cards were put, by their names: from earlier starts, too.
    kept: Kept,
    /// What to bring into view as soon as it has a place.
    wanted: Option<Key>,
    /// Screen points per picture point.
    zoom: f32,
    /// The picture's point in the middle of the screen.
    center: Pos2,
    /// Whether the user has moved the picture: until then it fits itself.
    is_moved: bool,
    dragged: Option<Key>,
    /// The room that the picture was fitted into, and its bounds then.
    fitted: Option<(Vec2, Rect)>,
    /// The last moment that came, and when, in the window's seconds.
    came: Option<(Timestamp, f64)>,
    /// What a filter and a diagnosis mark.
    pub(crate) marks: Marks,
}

impl Default for Canvas {
    fn default() -> Self {
        Canvas {
            slots: Slots::default(),
            pins: BTreeMap::new(),
            folds: BTreeSet::new(),
            request: Request::default(),
            layout: Arc::default(),
            number: 0,
            worker: Worker::default(),
            is_stale: false,
            made_of: None,
            overview: Overview::default(),
            minimap: Minimap::default(),
            kept: Kept::default(),
            wanted: None,
            zoom: 1.0,
            center: Pos2::ZERO,
            is_moved: false,
            dragged: None,
            fitted: None,
            came: None,
            marks: Marks::default(),
        }
    }
}

impl Canvas {
    /// Shows the picture in all the room there is.
    pub(crate) fn show(
        &mut self,
        ui: &mut Ui,
        situation: &Situation<'_>,
        shown: &Arc<Shown>,
        digest: &Digest,
        selection: &mut Selection,
        wishes: &mut Vec<Wish>,
    ) {
        let rect = ui.available_rect_before_wrap();
        let response = ui.allocate_rect(rect, Sense::click_and_drag());
        self.follow(ui, shown);
        let position = self.position(ui, shown);
        if !self.is_moved {
            self.fit(rect);
        }
        self.navigate(ui, &response, rect);
        self.approach(rect);
        let placed = self.layout.clone();
        let mut drawing = Drawing::new(ui, shown, digest, &placed, &self.pins, *selection);
        drawing.zoom = self.zoom;
        drawing.offset = rect.center().to_vec2() - self.center.to_vec2() * self.zoom;
        drawing.clip = rect;
        drawing.position = position;
        if self.layout.cards.is_empty() && self.layout.rails.is_empty() && self.layout.spine.is_none() {
            if self.worker.is_busy() {
                drawing.placing()
            } else {
                drawing.empty()
            }
            return;
        }
        if self.zoom < draw::READABLE {
            self.overview.paint(&drawing, self.number);
        } else {
            drawing.paint();
        }
        self.marks.paint(&drawing);
        let is_animated = drawing.pulses();
        drawing.no_guests();
        self.interact(ui, &response, rect, situation, digest, selection, wishes);
        let seen = Rect::from_center_size(self.center, rect.size() / self.zoom);
        if let Some(center) = self.minimap.show(ui, rect, &placed, self.number, seen) {
            self.center = center;
            self.is_moved = true;
        }
        if is_animated && matches!(shown.playback.state, PlaybackState::Playing | PlaybackState::Live) {
            ui.ctx().request_repaint_after(std::time::Duration::from_millis(33));
        }
    }

    /// The moment that is shown: between two pictures of a living host time goes on.
    fn position(&mut self, ui: &Ui, shown: &Arc<Shown>) -> Timestamp {
        let now = ui.input(|input| input.time);
        let (position, since) = *self.came.get_or_insert((shown.playback.position, now));
        if position != shown.playback.position {
            self.came = Some((shown.playback.position, now));
            return shown.playback.position;
        }
        match shown.playback.state {
            PlaybackState::Live => Timestamp(position.0.saturating_add(((now - since) * 1e9) as i64)),
            _ => position,
        }
    }

    /// Lays out anew where the picture's things have changed.
    fn follow(&mut self, ui: &Ui, shown: &Shown) {
        if let Some(made) = self.worker.done() {
            self.take(made);
        }
        let is_known = self.made_of.as_ref().is_some_and(|view| Arc::ptr_eq(view, &shown.view));
        if !is_known {
            self.made_of = Some(shown.view.clone());
            self.kept.restore(&shown.view, &mut self.pins);
        }
        if (!is_known || self.is_stale) && !self.worker.is_busy() {
            self.place(ui.ctx());
        } else if !is_known {
            self.is_stale = true;
        }
    }

    /// Has everything placed: at once, or by the worker where that takes longer than a frame may.
    fn place(&mut self, context: &egui::Context) {
        self.is_stale = false;
        let Some(view) = self.made_of.clone() else { return };
        let mut wanted = Wanted { view, pins: self.pins.clone(), slots: self.slots.clone() };
        wanted.slots.fold(self.folds.clone());
        let last = self.layout.bounds.is_some().then_some(&self.request);
        let made = if wanted.is_large() { self.worker.begin(wanted, last.cloned(), context) } else { Some(wanted.make(last)) };
        if let Some(made) = made {
            self.take(made);
        }
    }

    fn take(&mut self, made: Made) {
        self.slots = made.slots;
        if let Some(layout) = made.layout {
            self.layout = layout;
            self.request = made.request;
            self.number += 1;
        }
    }

    /// Whether another frame is needed to show what was changed.
    pub(crate) fn is_waiting(&self) -> bool {
        (self.is_stale && !self.worker.is_busy()) || self.wanted.is_some()
    }

    /// The next frame lays out anew.
    fn relayout(&mut self) {
        self.is_stale = true;
    }

    /// Brings a thing into view, with something of what is around it.
    fn approach(&mut self, canvas: Rect) {
        if self.is_stale || self.worker.is_busy() {
            return;
        }
        let Some(place) = self.wanted.take().and_then(|key| self.layout.place_of(key)) else { return };
        let room = place.expand(90.0);
        let scale = (canvas.width() / room.width()).min(canvas.height() / room.height());
        self.zoom = scale.clamp(*ZOOM.start(), 1.25);
        self.center = place.center();
        self.is_moved = true;
    }

    /// Shows a thing from near.
    pub(crate) fn zoom_to(&mut self, key: Key) {
        self.wanted = Some(key);
    }

    /// Shows everything.
    pub(crate) fn show_all(&mut self) {
        self.is_moved = false;
        self.fitted = None;
    }

    /// Rails whose cards are not shown.
    pub(crate) fn folds(&self) -> &BTreeSet<Key> {
        &self.folds
    }

    /// Shows the cards of other rails.
    pub(crate) fn set_folds(&mut self, folds: BTreeSet<Key>) {
        self.folds = folds;
        self.relayout();
    }

    /// The rails that folding a thing is about: itself, or those of a namespace.
    pub(crate) fn rails_of(&self, key: Key) -> Vec<Key> {
        if let Some(frame) = self.layout.frames.get(&key) {
            return self.layout.rails.iter().filter(|(_, rail)| frame.contains_rect(**rail)).map(|(key, _)| *key).collect();
        }
        self.layout.rails.contains_key(&key).then_some(key).into_iter().collect()
    }

    /// Whether the cards of a thing's rails are hidden; none where it has no rails.
    pub(crate) fn is_folded(&self, key: Key) -> Option<bool> {
        let rails = self.rails_of(key);
        (!rails.is_empty()).then(|| rails.iter().all(|rail| self.folds.contains(rail)))
    }

    /// Hides the cards of a thing's rails, or shows them again.
    pub(crate) fn fold(&mut self, key: Key, is_folded: bool) {
        for rail in self.rails_of(key) {
            if is_folded {
                self.folds.insert(rail);
            } else {
                self.folds.remove(&rail);
            }
        }
        self.relayout();
    }

    /// Fits the picture into the room, once; again where the room changes, or the picture outgrows it or leaves most of it empty: so
    /// who comes and goes does not move what is on the screen.
    fn fit(&mut self, rect: Rect) {
        let Some(bounds) = self.layout.bounds else { return };
        if let Some((room, wanted)) = self.fitted
            && room == rect.size()
            && wanted.expand(1.0).contains_rect(bounds)
            && bounds.width().max(bounds.height()) * 2.0 > wanted.width().max(wanted.height())
        {
            return;
        }
        self.fitted = Some((rect.size(), bounds));
        let room = rect.size() - vec2(32.0, 36.0);
        let scale = (room.x / bounds.width().max(1.0)).min(room.y / bounds.height().max(1.0));
        self.zoom = scale.clamp(*ZOOM.start(), 1.25);
        self.center = bounds.center();
    }

    fn navigate(&mut self, ui: &Ui, response: &Response, rect: Rect) {
        if response.dragged() && self.dragged.is_none() {
            self.center -= response.drag_delta() / self.zoom;
            self.is_moved = true;
        }
        if let Some(pointer) = response.hover_pos() {
            let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
            let factor = pinch * (scroll / 400.0).exp();
            if factor != 1.0 {
                self.zoom_at(pointer - rect.center(), factor);
            }
        }
        let is_typing = ui.ctx().text_edit_focused();
        let pressed = |button| !is_typing && ui.input(|input| input.key_pressed(button) && !input.modifiers.command);
        for (button, factor) in [(Button::Plus, 1.25), (Button::Equals, 1.25), (Button::Minus, 0.8)] {
            if pressed(button) {
                self.zoom_at(Vec2::ZERO, factor);
            }
        }
        let is_free = ui.memory(|memory| memory.focused()).is_none();
        let arrows = [
            (Button::ArrowLeft, vec2(-STEP, 0.0)),
            (Button::ArrowRight, vec2(STEP, 0.0)),
            (Button::ArrowUp, vec2(0.0, -STEP)),
            (Button::ArrowDown, vec2(0.0, STEP)),
        ];
        for (button, step) in arrows {
            if is_free && pressed(button) {
                self.center += step / self.zoom;
                self.is_moved = true;
            }
        }
    }

    /// Where the user put cards.
    pub(crate) fn pins(&self) -> &BTreeMap<Key, Pos2> {
        &self.pins
    }

    /// Puts cards there.
    pub(crate) fn set_pins(&mut self, pins: BTreeMap<Key, Pos2>) {
        self.pins = pins;
        self.relayout();
    }

    /// Lets a card go back to its place.
    pub(crate) fn unpin(&mut self, key: Key) {
        if self.pins.remove(&key).is_some() {
            self.relayout();
        }
    }

    /// Zooms so that what lies `from_center` stays there.
    fn zoom_at(&mut self, from_center: Vec2, factor: f32) {
        let zoom = (self.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        self.center += from_center / self.zoom - from_center / zoom;
        self.zoom = zoom;
        self.is_moved = true;
    }

    fn on_screen(&self, rect: Rect, canvas: Rect) -> Rect {
        let place = |pos: Pos2| canvas.center() + (pos - self.center) * self.zoom;
        Rect::from_min_max(place(rect.min), place(rect.max))
    }

    /// Cards and rails as widgets: hover, click, drag, and names for screen readers.
    fn interact(
        &mut self,
        ui: &Ui,
        background: &Response,
        canvas: Rect,
        situation: &Situation<'_>,
        digest: &Digest,
        selection: &mut Selection,
        wishes: &mut Vec<Wish>,
    ) {
        let shown = situation.shown;
        let label = |key: Key| match digest.node(key) {
            Some(node) => Some(draw::spoken(shown, node)),
            None => digest.link(key).map(|link| draw::spoken_link(shown, link)),
        };
        // The head of a namespace's frame is the namespace once more, beside its card.
        let visible: Vec<(Key, Rect, bool)> = self
            .layout
            .spine
            .iter()
            .map(|(key, rect)| (key, rect))
            .chain(&self.layout.rails)
            .chain(&self.layout.rows)
            .chain(&self.layout.cards)
            .chain(&self.layout.ports)
            .chain(&self.layout.stubs)
            .chain(&self.layout.cables)
            .map(|(key, rect)| (*key, self.on_screen(*rect, canvas), false))
            .chain(self.layout.frames.iter().map(|(key, rect)| (*key, self.head(*rect, canvas), true)))
            .filter(|(_, rect, _)| rect.intersects(canvas))
            .collect();
        let mut is_hit = false;
        for (key, rect, is_head) in visible.iter().take(WIDGETS) {
            let Some(mut label) = label(*key) else { continue };
            if let Some(count) = self.layout.folded.get(key) {
                label = format!("{label}, {count} folded");
            }
            if *is_head {
                label = format!("frame of {label}");
            }
            let response = ui.interact(rect.intersect(canvas), Id::unique(if *is_head { "frame" } else { "thing" }).with(key), Sense::click_and_drag());
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, *selection == Selection::Thing(*key), &label));
            is_hit |= response.clicked() || response.dragged();
            let is_pinned = self.pins.contains_key(key);
            let is_folded = self.is_folded(*key);
            if let (true, Some(is_folded)) = (response.double_clicked() && (*is_head || !self.layout.cards.contains_key(key)), is_folded) {
                self.fold(*key, !is_folded);
            }
            response.context_menu(|ui| {
                commands::thing_menu(ui, &Situation { target: Selection::Thing(*key), is_pinned, is_folded, ..*situation }, wishes);
            });
            match *selection {
                Selection::Thing(from) if response.clicked() && from != *key && ui.input(|input| input.modifiers.shift) => {
                    wishes.push(Wish::WhyBetween(from, *key));
                }
                _ => self.card(ui, &response, *key, canvas, selection),
            }
            response.on_hover_text(label);
        }
        // Beyond the widgets a hint is all that there is to tell one dot from another.
        if let Some((key, ..)) = background.hover_pos().and_then(|at| visible.iter().skip(WIDGETS).find(|(_, rect, _)| rect.contains(at)))
            && let Some(label) = label(*key)
        {
            background.clone().on_hover_text_at_pointer(label);
        }
        if background.clicked() && !is_hit {
            // Beyond the widgets, and on empty ground.
            let at = background.interact_pointer_pos();
            let hit = at.and_then(|at| visible.iter().skip(WIDGETS).find(|(_, rect, _)| rect.contains(at)));
            *selection = hit.map_or(Selection::None, |(key, ..)| Selection::Thing(*key));
        }
    }

    /// The part of a namespace's frame that has its name.
    fn head(&self, frame: Rect, canvas: Rect) -> Rect {
        let on_screen = self.on_screen(frame, canvas);
        Rect::from_min_size(on_screen.min, vec2(on_screen.width(), (24.0 * self.zoom).max(12.0)))
    }

    fn card(&mut self, ui: &Ui, response: &Response, key: Key, canvas: Rect, selection: &mut Selection) {
        if response.clicked() {
            *selection = Selection::Thing(key);
        }
        let Some(place) = self.layout.cards.get(&key).copied() else { return };
        if response.double_clicked() && self.pins.remove(&key).is_some() {
            self.relayout();
        }
        if response.drag_started() {
            self.dragged = Some(key);
        }
        if response.dragged() && self.dragged == Some(key) {
            self.pins.insert(key, place.min + response.drag_delta() / self.zoom);
            self.is_moved = true;
            self.relayout();
        }
        if response.drag_stopped() {
            self.dragged = None;
        }
        if response.gained_focus() {
            ui.scroll_to_rect(self.on_screen(place, canvas), None);
        }
    }
}
