//! Packets: a line each, and for the chosen one its layers and its octets, each showing where the other lies.

use super::list::{Listing, list};
use super::order::Filters;
use super::{Cell, Column, Desk, Rows, Source, Tone, column};
use crate::session::Shown;
use crate::window::Selection;
use crate::{format, theme};
use egui::{
    Align, CollapsingHeader, Color32, FontId, Label, Layout, RichText, ScrollArea, Sense, TextFormat, TextWrapMode, Ui, text::LayoutJob,
};
use std::cell::RefCell;
use std::ops::Range;
use tapscope_graph::decode::{self, Layer, Summary};
use tapscope_graph::display_filter::{PacketSubject, Subject};
use tapscope_graph::{Frame, FrameNo, LinkType};

const COLUMNS: &[Column] = &[
    column("no.", 44.0),
    column("time", 92.0),
    column("point", 64.0),
    column("source", 106.0),
    column("destination", 106.0),
    column("protocol", 62.0),
    column("what it says", 300.0),
];
/// Octets in one line of the hex view.
const LINE: usize = 16;
/// The most octets that the hex view shows.
const OCTETS: usize = 4096;

/// The table's own state.
#[derive(Default)]
pub struct State {
    /// The packet whose octets are chosen.
    shown: Option<FrameNo>,
    /// The chosen octets.
    octets: Range<usize>,
    /// The octets that the pointer is at, here or in the layers; of the frame before, and of this one.
    pointed: Range<usize>,
    pointing: Range<usize>,
    /// The layer to be opened, because one of its octets was chosen.
    opened: Option<usize>,
}

/// The packets that are kept; row `n` is packet `n`, however many made room.
pub(super) struct PacketRows<'a> {
    shown: &'a Shown,
    /// The line of the row that was asked for last: each has several cells.
    last: RefCell<Option<(usize, Summary)>>,
}

impl<'a> PacketRows<'a> {
    pub fn of(shown: &'a Shown) -> PacketRows<'a> {
        PacketRows { shown, last: RefCell::default() }
    }

    fn frame(&self, row: usize) -> Option<Frame<'_>> {
        self.shown.packets.get(FrameNo(row as u64))
    }

    fn point(&self, frame: &Frame<'_>) -> String {
        self.shown.view.tables.points.get(frame.point.0 as usize).map_or_else(String::new, |point| point.label(frame.point))
    }
}

impl Rows for PacketRows<'_> {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn first(&self) -> usize {
        self.shown.packets.first().0 as usize
    }

    fn len(&self) -> usize {
        self.first() + self.shown.packets.len()
    }

    fn is_only_added_to(&self) -> bool {
        true
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(frame) = self.frame(row) else { return Cell::text("") };
        match column {
            0 => return Cell::number(row.to_string(), row as i64).tone(Tone::Weak),
            1 => return Cell::number(format::clock(frame.at), frame.at.0),
            2 => return Cell::text(self.point(&frame)).tone(Tone::Weak),
            _ => {}
        }
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(known, _)| *known != row) {
            *last = Some((row, decode::summary(link_type(self.shown, &frame), &frame)));
        }
        let Some((_, summary)) = &*last else { return Cell::text("") };
        match column {
            3 => Cell::text(summary.source.as_str()),
            4 => Cell::text(summary.destination.as_str()),
            5 => Cell::text(summary.protocol).tone(Tone::Accent),
            _ => Cell::text(summary.info.as_str()),
        }
    }

    fn selection(&self, _row: usize) -> Option<Selection> {
        None
    }

    fn empty(&self) -> &'static str {
        "no packet was seen yet"
    }

    fn with_subject(&self, row: usize, ask: &mut dyn FnMut(Option<&dyn Subject>) -> bool) -> bool {
        let Some(frame) = self.frame(row) else { return false };
        let link_type = link_type(self.shown, &frame);
        let (point, summary) = (self.point(&frame), || decode::summary(link_type, &frame));
        let packet = decode::digest(link_type, &frame);
        let number = FrameNo(row as u64);
        ask(Some(&PacketSubject { number, length: frame.original_length, point: &point, packet, summary: &summary }))
    }
}

impl State {
    pub(super) fn show(&mut self, ui: &mut Ui, source: &Source, listing: &mut Listing, filters: &Filters, desk: &mut Desk<'_, '_>) {
        let shown = &source.shown;
        let packets = &shown.packets;
        let palette = theme::palette(ui.ctx());
        if packets.pushed_out() > 0 {
            let text = format!("the first {} packets made room for later ones", packets.pushed_out());
            ui.label(RichText::new(text).small().color(palette.warn));
        }
        self.keys(ui, shown, desk.packet);
        let row = desk.packet.map(|number| number.0 as usize);
        if row.is_some() && row != listing.cursor {
            (listing.cursor, listing.is_moved) = (row, true);
        }
        let chosen = |packet: Option<FrameNo>| packet.and_then(|number| packets.get(number));
        let share = if chosen(*desk.packet).is_some() { 0.55 } else { 1.0 };
        // A window may be smaller than all that is in it.
        let (width, height) = ((ui.available_width() * share).max(40.0), ui.available_height().max(40.0));
        ui.horizontal_top(|ui| {
            ui.allocate_ui_with_layout(egui::vec2(width, height), Layout::top_down(Align::LEFT), |ui| {
                ui.set_min_width(width);
                source.with(|rows| list(ui, source, rows, listing, filters, desk));
            });
            *desk.packet = listing.cursor.map(|row| FrameNo(row as u64)).or(*desk.packet);
            if self.shown != *desk.packet {
                (self.shown, self.octets) = (*desk.packet, 0..0);
            }
            if let Some(frame) = chosen(*desk.packet) {
                ui.separator();
                ui.vertical(|ui| self.detail(ui, &frame, link_type(shown, &frame)));
            }
        });
    }

    /// Next and previous packet, with the chosen packet in view.
    fn keys(&mut self, ui: &Ui, shown: &Shown, chosen: &mut Option<FrameNo>) {
        let Some(number) = *chosen else { return };
        let step = ui.input(|input| {
            let pressed = |key| i64::from(input.key_pressed(key) && input.modifiers.is_none());
            pressed(egui::Key::N) - pressed(egui::Key::P)
        });
        if step != 0 && !ui.ctx().text_edit_focused() && !shown.packets.is_empty() {
            let last = shown.packets.first().0 + shown.packets.len() as u64 - 1;
            *chosen = Some(FrameNo(number.0.saturating_add_signed(step).clamp(shown.packets.first().0, last)));
        }
    }

    fn detail(&mut self, ui: &mut Ui, frame: &Frame<'_>, link_type: LinkType) {
        let layers = decode::layers(link_type, frame);
        self.pointed = std::mem::take(&mut self.pointing);
        let half = ui.available_height() * 0.55;
        ScrollArea::vertical().id_salt("layers").max_height(half).auto_shrink(false).show(ui, |ui| {
            for (index, layer) in layers.iter().enumerate() {
                self.layer(ui, index, layer);
            }
        });
        ui.separator();
        ScrollArea::both().id_salt("hex").auto_shrink(false).show(ui, |ui| self.hex(ui, frame.bytes, &layers));
        if self.pointing != self.pointed {
            ui.ctx().request_repaint();
        }
    }

    fn layer(&mut self, ui: &mut Ui, index: usize, layer: &Layer) {
        let palette = theme::palette(ui.ctx());
        let title = format!("{}  {}", layer.name, layer.summary);
        let is_opened = self.opened.take_if(|opened| *opened == index).map(|_| true);
        let header = CollapsingHeader::new(title).id_salt(("layer", index)).open(is_opened);
        let opened = header.show(ui, |ui| {
            for field in &layer.fields {
                ui.horizontal(|ui| {
                    ui.label(RichText::new(field.name).color(palette.weak));
                    let is_chosen = !field.range.is_empty() && self.octets == field.range;
                    let button = egui::Button::selectable(is_chosen, RichText::new(&field.value).monospace());
                    let response = ui.add(button);
                    if is_opened.is_some() && is_chosen {
                        response.scroll_to_me(None);
                    }
                    self.point(&response, &field.range);
                    if response.clicked() {
                        self.octets = field.range.clone();
                    }
                });
            }
        });
        self.point(&opened.header_response, &layer.range);
        if opened.header_response.clicked() {
            self.octets = layer.range.clone();
        }
    }

    /// What the pointer, or the keyboard, is at shows where it lies; what lies where the pointer is shows itself.
    fn point(&mut self, response: &egui::Response, range: &Range<usize>) {
        if response.hovered() || response.has_focus() {
            self.pointing = range.clone();
        } else if !range.is_empty() && self.pointed == *range {
            response.clone().highlight();
        }
    }

    fn hex(&mut self, ui: &mut Ui, bytes: &[u8], layers: &[Layer]) {
        let palette = theme::palette(ui.ctx());
        let font = FontId::monospace(12.0);
        let plain = TextFormat::simple(font.clone(), palette.strong);
        let weak = TextFormat::simple(font.clone(), palette.weak);
        let chosen = TextFormat { background: palette.accent.gamma_multiply(0.45), ..plain.clone() };
        let pointed = TextFormat { background: palette.accent.gamma_multiply(0.2), ..plain.clone() };
        let (octets_chosen, octets_pointed) = (self.octets.clone(), self.pointed.clone());
        let marked = |octet: usize| match (octets_chosen.contains(&octet), octets_pointed.contains(&octet)) {
            (true, _) => Some(&chosen),
            (false, true) => Some(&pointed),
            (false, false) => None,
        };
        let shown = &bytes[..bytes.len().min(OCTETS)];
        for (line, octets) in shown.chunks(LINE).enumerate() {
            let start = line * LINE;
            let mut job = LayoutJob::default();
            job.append(&format!("{start:04x}  "), 0.0, weak.clone());
            for (index, octet) in octets.iter().enumerate() {
                let format = marked(start + index).unwrap_or(&plain);
                job.append(&format!("{octet:02x} "), 0.0, format.clone());
            }
            job.append(&"   ".repeat(LINE - octets.len()), 0.0, plain.clone());
            for (index, octet) in octets.iter().enumerate() {
                let format = marked(start + index).unwrap_or(&weak);
                let printed = if octet.is_ascii_graphic() { char::from(*octet) } else { '.' };
                job.append(&printed.to_string(), 0.0, format.clone());
            }
            let response = ui.add(Label::new(job).wrap_mode(TextWrapMode::Extend).selectable(false).sense(Sense::click()));
            let width = ui.fonts_mut(|fonts| fonts.glyph_width(&font, '0'));
            let Some(octet) = response.hover_pos().map(|pointer| start + place((pointer.x - response.rect.left()) / width)) else {
                continue;
            };
            self.pointing = innermost(layers, octet);
            if response.clicked() {
                self.octets = innermost(layers, octet);
                self.opened = layers.iter().rposition(|layer| layer.range.contains(&octet));
            }
        }
        if bytes.len() > OCTETS {
            ui.label(RichText::new(format!("and {} octets more", bytes.len() - OCTETS)).color(Color32::GRAY));
        }
    }
}

fn link_type(shown: &Shown, frame: &Frame<'_>) -> LinkType {
    shown.view.tables.points.get(frame.point.0 as usize).map_or(LinkType::ETHERNET, |point| point.info.link_type)
}

/// The octet of a line at a character: behind the offset they stand as numbers, and behind these as they are printed.
fn place(character: f32) -> usize {
    const NUMBERS: f32 = 6.0;
    const PRINTED: f32 = NUMBERS + 3.0 * LINE as f32;
    let octet = if character < PRINTED { (character - NUMBERS) / 3.0 } else { character - PRINTED };
    (octet.max(0.0) as usize).min(LINE - 1)
}

/// The smallest field, else layer, that an octet belongs to.
fn innermost(layers: &[Layer], octet: usize) -> Range<usize> {
    let fields = layers.iter().flat_map(|layer| layer.fields.iter().map(|field| &field.range).chain([&layer.range]));
    fields.filter(|range| range.contains(&octet)).min_by_key(|range| range.len()).cloned().unwrap_or(octet..octet + 1)
}
