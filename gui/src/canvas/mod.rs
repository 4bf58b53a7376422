//! The picture: pan, zoom, select, drag.

mod card;
mod draw;
mod empty;
mod icon;
pub mod layout;
mod marks;
mod pulse;
mod svg;
mod wire;

pub(crate) use marks::Marks;
pub use svg::{font, svg};

use crate::commands::{self, Situation, Wish};
use crate::digest::Digest;
use crate::session::{PlaybackState, Shown};
use crate::window::Selection;
use draw::Drawing;
use egui::{Id, Key as Button, Pos2, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo, vec2};
use layout::{Layout, Request, Slots, layout};
use std::collections::BTreeMap;
use std::sync::Arc;
use tapscope_graph::topology::Key;
use tapscope_graph::{Timestamp, View};

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
    /// What the layout was made for, and of.
    request: Request,
    layout: Layout,
    made_of: Option<Arc<View>>,
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
            request: Request::default(),
            layout: Layout::default(),
            made_of: None,
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
        self.follow(shown);
        let position = self.position(ui, shown);
        if !self.is_moved {
            self.fit(rect);
        }
        self.navigate(ui, &response, rect);
        let placed = self.layout.clone();
        let mut drawing = Drawing::new(ui, shown, digest, &placed, &self.pins, *selection);
        drawing.zoom = self.zoom;
        drawing.offset = rect.center().to_vec2() - self.center.to_vec2() * self.zoom;
        drawing.clip = rect;
        drawing.position = position;
        if self.layout.cards.is_empty() && self.layout.rails.is_empty() && self.layout.spine.is_none() {
            drawing.empty();
            return;
        }
        drawing.paint();
        self.marks.paint(&drawing);
        let is_animated = drawing.pulses();
        drawing.no_guests();
        self.interact(ui, &response, rect, situation, digest, selection, wishes);
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
    fn follow(&mut self, shown: &Shown) {
        if self.made_of.as_ref().is_some_and(|view| Arc::ptr_eq(view, &shown.view)) {
            return;
        }
        self.made_of = Some(shown.view.clone());
        self.relayout();
    }

    fn relayout(&mut self) {
        let Some(view) = &self.made_of else { return };
        let request = self.slots.request(view, &self.pins);
        if request != self.request || self.layout.bounds.is_none() {
            self.layout = layout(&request);
            self.request = request;
        }
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
        if pressed(Button::F) {
            self.is_moved = false;
            self.fitted = None;
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
        let visible: Vec<(Key, Rect)> = self
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
            .map(|(key, rect)| (*key, self.on_screen(*rect, canvas)))
            .filter(|(_, rect)| rect.intersects(canvas))
            .collect();
        let mut is_hit = false;
        for (key, rect) in visible.iter().take(WIDGETS) {
            let Some(label) = label(*key) else { continue };
            let response = ui.interact(rect.intersect(canvas), Id::unique("thing").with(key), Sense::click_and_drag());
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, *selection == Selection::Thing(*key), &label));
            is_hit |= response.clicked() || response.dragged();
            let is_pinned = self.pins.contains_key(key);
            response.context_menu(|ui| {
                commands::thing_menu(ui, &Situation { target: Selection::Thing(*key), is_pinned, ..*situation }, wishes);
            });
            match *selection {
                Selection::Thing(from) if response.clicked() && from != *key && ui.input(|input| input.modifiers.shift) => {
                    wishes.push(Wish::WhyBetween(from, *key));
                }
                _ => self.card(ui, &response, *key, canvas, selection),
            }
            response.on_hover_text(label);
        }
        if background.clicked() && !is_hit {
            // Beyond the widgets, and on empty ground.
            let at = background.interact_pointer_pos();
            let hit = at.and_then(|at| visible.iter().skip(WIDGETS).find(|(_, rect)| rect.contains(at)));
            *selection = hit.map_or(Selection::None, |(key, _)| Selection::Thing(*key));
        }
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
