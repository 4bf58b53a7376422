//! The picture: pan, zoom, select, drag.

mod afar;
mod card;
mod draw;
mod empty;
mod frame;
mod icon;
pub mod layout;
mod lens;
mod marks;
mod minimap;
mod overview;
mod pulse;
mod step;
mod svg;
mod wanted;
mod wire;

pub(crate) use marks::Marks;
pub use svg::{font, svg};

use crate::arrangement::{Arranged, Arrangement};
use crate::commands::{self, Action, Situation, Wish};
use crate::digest::Digest;
use crate::session::{PlaybackState, Shown};
use crate::theme;
use crate::window::Selection;
use crate::worker::Worker;
use draw::Drawing;
use egui::{Button, Id, Key as Press, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};
use layout::{Layout, Request, Slots};
use lens::Lens;
use minimap::Minimap;
use overview::Overview;
use std::sync::Arc;
use tapscope_graph::topology::Key;
use tapscope_graph::{Timestamp, View};
use wanted::{Made, Wanted};

/// The most cards that are widgets for keyboards and screen readers; beyond it they are drawn and can be clicked.
const WIDGETS: usize = 300;
/// How far in and out.
const ZOOM: std::ops::RangeInclusive<f32> = 0.02..=4.0;
/// One step of the keyboard.
const STEP: f32 = 60.0;

/// The picture's own state.
pub struct Canvas {
    slots: Slots,
    arranged: Arranged,
    /// What the layout was made for, and of.
    request: Arc<Request>,
    layout: Arc<Layout>,
    /// The layout's number: another one for each.
    number: usize,
    worker: Worker<Made>,
    /// Whether the layout that the worker makes is out of date already.
    is_stale: bool,
    made_of: Option<Arc<View>>,
    overview: Overview,
    minimap: Minimap,
    /// Where cards were put, by their names: from earlier starts, too.
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
            arranged: Arranged::default(),
            request: Arc::default(),
            layout: Arc::default(),
            number: 0,
            worker: Worker::default(),
            is_stale: false,
            made_of: None,
            overview: Overview::default(),
            minimap: Minimap::default(),
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
        digest: &Arc<Digest>,
        selection: &mut Selection,
        wishes: &mut Vec<Wish>,
    ) {
        let rect = ui.available_rect_before_wrap();
        // What is on it can be reached by keys, and the ground itself needs none.
        let response = ui.allocate_rect(rect, Sense::CLICK | Sense::DRAG);
        self.follow(ui, shown);
        let position = self.position(ui, shown);
        if !self.is_moved {
            self.fit(rect);
        }
        self.navigate(ui, &response, rect);
        self.approach(rect);
        let placed = self.layout.clone();
        let mut drawing = Drawing::new(ui, shown, digest, &placed, &self.arranged, *selection, self.lens(rect));
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
        self.interact(ui, &response, situation, digest, selection, wishes);
        // Above the cards.
        self.hidden(ui, rect, wishes);
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
            self.arranged.resolve(&shown.view);
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
        let Arranged { pins, hidden, folded, .. } = &self.arranged;
        let (pins, hidden, folded) = (pins.clone(), hidden.clone(), folded.clone());
        let last = self.layout.bounds.is_some().then(|| self.request.clone());
        let wanted = Wanted { view, pins, slots: self.slots.clone(), hidden, folded, last };
        if wanted.is_large() {
            self.worker.begin("layout", context, || wanted.make());
        } else {
            self.take(wanted.make());
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

    /// How it is shown in a part of the screen.
    fn lens(&self, canvas: Rect) -> Lens {
        Lens::around(self.center, self.zoom, canvas)
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
        for (button, factor) in [(Press::Plus, 1.25), (Press::Equals, 1.25), (Press::Minus, 0.8)] {
            if pressed(button) {
                self.zoom_at(Vec2::ZERO, factor);
            }
        }
        let is_free = ui.memory(|memory| memory.focused()).is_none();
        let arrows = [
            (Press::ArrowLeft, vec2(-STEP, 0.0)),
            (Press::ArrowRight, vec2(STEP, 0.0)),
            (Press::ArrowUp, vec2(0.0, -STEP)),
            (Press::ArrowDown, vec2(0.0, STEP)),
        ];
        for (button, step) in arrows {
            if is_free && pressed(button) {
                self.center += step / self.zoom;
                self.is_moved = true;
            }
        }
    }

    /// How the user arranged it.
    pub(crate) fn arrangement(&self) -> &Arrangement {
        &self.arranged.arrangement
    }

    /// Whether a card is under way, whose place is not decided yet.
    pub(crate) fn is_dragging(&self) -> bool {
        self.dragged.is_some()
    }

    /// Arranges it so.
    pub(crate) fn arrange(&mut self, arrangement: Arrangement) {
        self.arranged.arrangement = arrangement;
        self.rearrange(|arranged, view| arranged.resolve(view));
    }

    /// Changes how it is arranged.
    pub(crate) fn rearrange(&mut self, change: impl FnOnce(&mut Arranged, &View)) {
        if let Some(view) = self.made_of.clone() {
            change(&mut self.arranged, &view);
            self.relayout();
        }
    }

    /// What the arrangement says of the things of the view.
    pub(crate) fn arranged(&self) -> &Arranged {
        &self.arranged
    }

    /// How many things are left out, with a way to have them back.
    fn hidden(&self, ui: &mut Ui, canvas: Rect, wishes: &mut Vec<Wish>) {
        let count = self.arranged.hidden.len();
        if count > 0 {
            let place = Rect::from_min_size(canvas.left_bottom() + vec2(8.0, -30.0), vec2(104.0, 22.0));
            if ui.put(place, Button::new(format!("{count} hidden, show"))).clicked() {
                wishes.push(Wish::Do(Action::ShowHidden, Selection::None));
            }
        }
    }

    /// Zooms so that what lies `from_center` stays there.
    fn zoom_at(&mut self, from_center: Vec2, factor: f32) {
        let zoom = (self.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        self.center += from_center / self.zoom - from_center / zoom;
        self.zoom = zoom;
        self.is_moved = true;
    }

    /// Cards and rails as widgets: hover, click, drag, and names for screen readers.
    fn interact(
        &mut self,
        ui: &Ui,
        background: &Response,
        situation: &Situation<'_>,
        digest: &Arc<Digest>,
        selection: &mut Selection,
        wishes: &mut Vec<Wish>,
    ) {
        let (shown, canvas) = (situation.shown, background.rect);
        let names = self.arranged.names.clone();
        let label = |key: Key| match digest.node(key) {
            Some(node) => Some(draw::spoken(shown, digest, names.get(&key), node)),
            None => digest.link(key).map(|link| draw::spoken_link(shown, link)),
        };
        // The head of a namespace's frame is the namespace once more, beside its card.
        let layout = self.layout.clone();
        let lens = self.lens(canvas);
        let on_screen = |rect: Rect| lens.place_rect(rect);
        let visible = || {
            let heads = layout.frames.iter().map(|(key, rect)| (*key, head(on_screen(*rect), lens.zoom), true));
            things(&layout).map(|(key, rect)| (*key, on_screen(*rect), false)).chain(heads).filter(|(_, rect, _)| rect.intersects(canvas))
        };
        // Beyond the widgets nothing is made of a thing but where the pointer is.
        let beyond = |at: Pos2| visible().skip(WIDGETS).find(|(_, rect, _)| rect.contains(at)).map(|(key, ..)| key);
        let (mut is_hit, mut focused) = (false, None);
        for (key, rect, is_head) in &visible().take(WIDGETS).collect::<Vec<_>>() {
            let Some(mut label) = label(*key) else { continue };
            if let Some(count) = self.layout.folded.get(key) {
                label = format!("{label}, {count} folded");
            }
            if *is_head {
                label = format!("frame of {label}");
            }
            if let Some(reach) = self.marks.spoken(*key) {
                label = format!("{label}, {reach}");
            }
            let response = ui.interact(
                rect.intersect(canvas),
                if *is_head { Id::unique("frame").with(key) } else { step::id(*key) },
                Sense::click_and_drag(),
            );
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, *selection == Selection::Thing(*key), &label));
            is_hit |= response.clicked() || response.dragged();
            if response.has_focus() {
                let stroke = Stroke::new(2.0, theme::palette(ui.ctx()).accent);
                ui.painter_at(canvas).rect_stroke(rect.expand(3.0), 8.0, stroke, StrokeKind::Outside);
                focused = focused.or(Some(*key).filter(|_| !is_head));
            }
            let (is_pinned, is_folded) = (self.arranged.pins.contains_key(key), self.arranged.folded.contains_key(key));
            if *is_head && response.double_clicked() {
                self.rearrange(|arranged, view| arranged.fold(view, *key));
            }
            commands::context_menu(&response, response.has_focus(), |ui| {
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
        if let Some(next) = focused.and_then(|focused| step::next(ui, focused, things(&layout))) {
            ui.memory_mut(|memory| memory.request_focus(step::id(next)));
            let is_in_view = |rect: Rect| canvas.contains_rect(on_screen(rect));
            if let Some(place) = self.layout.place_of(next).filter(|place| !is_in_view(*place)) {
                (self.center, self.is_moved) = (place.center(), true);
            }
        }
        // Beyond the widgets a hint is all that there is to tell one dot from another.
        if let Some(label) = background.hover_pos().and_then(beyond).and_then(label) {
            background.clone().on_hover_text_at_pointer(label);
        }
        if background.clicked() && !is_hit {
            // Beyond the widgets, and on empty ground.
            *selection = background.interact_pointer_pos().and_then(beyond).map_or(Selection::None, Selection::Thing);
        }
    }

    fn card(&mut self, ui: &Ui, response: &Response, key: Key, canvas: Rect, selection: &mut Selection) {
        if response.clicked() {
            *selection = Selection::Thing(key);
        }
        if response.double_clicked() && (self.layout.rails.contains_key(&key) || self.layout.folded.contains_key(&key)) {
            self.rearrange(|arranged, view| arranged.fold(view, key));
            return;
        }
        let Some(place) = self.layout.cards.get(&key).copied() else { return };
        if response.double_clicked() {
            self.rearrange(|arranged, view| arranged.pin(view, key, None));
        }
        if response.drag_started() {
            self.dragged = Some(key);
        }
        if response.dragged() && self.dragged == Some(key) {
            let at = place.min + response.drag_delta() / self.zoom;
            self.is_moved = true;
            self.rearrange(|arranged, view| arranged.pin(view, key, Some(at)));
        }
        if response.drag_stopped() {
            self.dragged = None;
        }
        if response.gained_focus() {
            ui.scroll_to_rect(self.lens(canvas).place_rect(place), None);
        }
    }
}

/// The part of a namespace's frame that has its name, both on the screen.
fn head(frame: Rect, zoom: f32) -> Rect {
    Rect::from_min_size(frame.min, vec2(frame.width(), (24.0 * zoom).max(12.0)))
}

/// All that has a place of its own.
fn things(layout: &Layout) -> impl Iterator<Item = (&Key, &Rect)> + Clone {
    let spine = layout.spine.iter().map(|(key, rect)| (key, rect));
    let on_rails = layout.rails.iter().chain(&layout.rows).chain(&layout.cards).chain(&layout.ports);
    spine.chain(on_rails).chain(&layout.stubs).chain(&layout.cables)
}
