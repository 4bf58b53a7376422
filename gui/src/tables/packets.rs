//! Packets: a line each, and for the chosen one its layers and its octets, each showing where the other lies.

use super::{ROW, Tone};
use crate::session::Shown;
use crate::{format, theme};
use egui::{
    Align, CollapsingHeader, Color32, FontId, Label, Layout, RichText, ScrollArea, Sense, TextFormat, TextWrapMode, Ui, text::LayoutJob,
};
use egui_extras::{Column, TableBuilder};
use std::ops::Range;
use tapscope_graph::decode::{self, Layer};
use tapscope_graph::{Frame, FrameNo, LinkType};

const COLUMNS: [(&str, f32); 6] =
    [("no.", 44.0), ("time", 92.0), ("point", 64.0), ("source", 106.0), ("destination", 106.0), ("protocol", 62.0)];
/// Octets in one line of the hex view.
const LINE: usize = 16;
/// The most octets that the hex view shows.
const OCTETS: usize = 4096;

/// The table's own state.
#[derive(Default)]
pub struct State {
    /// The packet that the table last scrolled to.
    scrolled_to: Option<FrameNo>,
    /// The chosen octets.
    octets: Range<usize>,
}

impl State {
    pub fn show(&mut self, ui: &mut Ui, shown: &Shown, chosen: &mut Option<FrameNo>) {
        let packets = &shown.packets;
        let palette = theme::palette(ui.ctx());
        if packets.is_empty() {
            ui.label(RichText::new("no packet was seen yet").color(palette.weak));
            return;
        }
        if packets.pushed_out() > 0 {
            let text = format!("the first {} packets made room for later ones", packets.pushed_out());
            ui.label(RichText::new(text).small().color(palette.warn));
        }
        self.keys(ui, shown, chosen);
        let detail = chosen.and_then(|number| packets.get(number)).is_some();
        let width = if detail { ui.available_width() * 0.55 } else { ui.available_width() };
        let height = ui.available_height();
        ui.horizontal_top(|ui| {
            ui.allocate_ui_with_layout(egui::vec2(width, height), Layout::top_down(Align::LEFT), |ui| {
                ui.set_min_width(width);
                self.rows(ui, shown, chosen);
            });
            if let Some(frame) = chosen.and_then(|number| packets.get(number)) {
                ui.separator();
                ui.vertical(|ui| self.detail(ui, &frame, link_type(shown, &frame)));
            }
        });
    }

    /// Page up and down, with the chosen packet in view.
    fn keys(&mut self, ui: &Ui, shown: &Shown, chosen: &mut Option<FrameNo>) {
        let Some(number) = *chosen else { return };
        let step = ui.input(|input| {
            let pressed = |key| i64::from(input.key_pressed(key));
            20 * (pressed(egui::Key::PageDown) - pressed(egui::Key::PageUp)) + pressed(egui::Key::N) - pressed(egui::Key::P)
        });
        if step != 0 && !ui.ctx().text_edit_focused() {
            let last = shown.packets.first().0 + shown.packets.len() as u64 - 1;
            *chosen = Some(FrameNo(number.0.saturating_add_signed(step).clamp(shown.packets.first().0, last)));
        }
    }

    fn rows(&mut self, ui: &mut Ui, shown: &Shown, chosen: &mut Option<FrameNo>) {
        let palette = theme::palette(ui.ctx());
        let packets = &shown.packets;
        let first = packets.first().0;
        let mut table = TableBuilder::new(ui).striped(true).sense(Sense::click()).auto_shrink(false).id_salt("packets");
        for (_, width) in COLUMNS {
            table = table.column(Column::initial(width).resizable(true).clip(true));
        }
        table = table.column(Column::remainder().clip(true));
        if let Some(number) = chosen.filter(|number| self.scrolled_to != Some(*number)) {
            self.scrolled_to = Some(number);
            self.octets = 0..0;
            table = table.scroll_to_row(number.0.saturating_sub(first) as usize, Some(Align::Center));
        }
        let table = table.header(ROW, |mut header| {
            for name in COLUMNS.map(|(name, _)| name).into_iter().chain(["what it says"]) {
                header.col(|ui| drop(ui.label(RichText::new(name).small().color(palette.weak))));
            }
        });
        table.body(|body| {
            body.rows(ROW, packets.len(), |mut row| {
                let number = FrameNo(first + row.index() as u64);
                let Some(frame) = packets.get(number) else { return };
                row.set_selected(*chosen == Some(number));
                let summary = decode::summary(link_type(shown, &frame), &frame);
                let point = shown.view.tables.points.get(frame.point.0 as usize).map_or_else(String::new, |point| point.label(frame.point));
                let cells = [
                    (number.0.to_string(), Tone::Weak),
                    (format::clock(frame.at), Tone::Plain),
                    (point, Tone::Weak),
                    (summary.source, Tone::Plain),
                    (summary.destination, Tone::Plain),
                    (summary.protocol.to_owned(), Tone::Good),
                    (summary.info, Tone::Plain),
                ];
                for (text, tone) in cells {
                    row.col(|ui| {
                        let color = match tone {
                            Tone::Weak => palette.weak,
                            Tone::Good => palette.accent,
                            Tone::Plain | Tone::Bad => palette.strong,
                        };
                        ui.add(Label::new(RichText::new(text).color(color)).wrap_mode(TextWrapMode::Truncate).selectable(false));
                    });
                }
                if row.response().clicked() {
                    *chosen = Some(number);
                    self.scrolled_to = Some(number);
                    self.octets = 0..0;
                }
            });
        });
    }

    fn detail(&mut self, ui: &mut Ui, frame: &Frame<'_>, link_type: LinkType) {
        let layers = decode::layers(link_type, frame);
        let half = ui.available_height() * 0.55;
        ScrollArea::vertical().id_salt("layers").max_height(half).auto_shrink(false).show(ui, |ui| {
            for (index, layer) in layers.iter().enumerate() {
                self.layer(ui, index, layer);
            }
        });
        ui.separator();
        ScrollArea::both().id_salt("hex").auto_shrink(false).show(ui, |ui| self.hex(ui, frame.bytes, &layers));
    }

    fn layer(&mut self, ui: &mut Ui, index: usize, layer: &Layer) {
        let palette = theme::palette(ui.ctx());
        let title = format!("{}  {}", layer.name, layer.summary);
        let opened = CollapsingHeader::new(title).id_salt(("layer", index)).show(ui, |ui| {
            for field in &layer.fields {
                ui.horizontal(|ui| {
                    ui.label(RichText::new(field.name).color(palette.weak));
                    let is_chosen = !field.range.is_empty() && self.octets == field.range;
                    if ui.add(egui::Button::selectable(is_chosen, RichText::new(&field.value).monospace())).clicked() {
                        self.octets = field.range.clone();
                    }
                });
            }
        });
        if opened.header_response.clicked() {
            self.octets = layer.range.clone();
        }
    }

    fn hex(&mut self, ui: &mut Ui, bytes: &[u8], layers: &[Layer]) {
        let palette = theme::palette(ui.ctx());
        let font = FontId::monospace(12.0);
        let plain = TextFormat::simple(font.clone(), palette.strong);
        let weak = TextFormat::simple(font.clone(), palette.weak);
        let chosen = TextFormat { background: palette.accent.gamma_multiply(0.45), ..plain.clone() };
        let shown = &bytes[..bytes.len().min(OCTETS)];
        for (line, octets) in shown.chunks(LINE).enumerate() {
            let start = line * LINE;
            let mut job = LayoutJob::default();
            job.append(&format!("{start:04x}  "), 0.0, weak.clone());
            for (index, octet) in octets.iter().enumerate() {
                let format = if self.octets.contains(&(start + index)) { &chosen } else { &plain };
                job.append(&format!("{octet:02x} "), 0.0, format.clone());
            }
            job.append(&"   ".repeat(LINE - octets.len()), 0.0, plain.clone());
            for (index, octet) in octets.iter().enumerate() {
                let format = if self.octets.contains(&(start + index)) { &chosen } else { &weak };
                let printed = if octet.is_ascii_graphic() { char::from(*octet) } else { '.' };
                job.append(&printed.to_string(), 0.0, format.clone());
            }
            let response = ui.add(Label::new(job).wrap_mode(TextWrapMode::Extend).selectable(false).sense(Sense::click()));
            if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.clicked()) {
                let width = ui.fonts_mut(|fonts| fonts.glyph_width(&font, '0'));
                let column = ((pointer.x - response.rect.left()) / width - 6.0) / 3.0;
                let octet = start + (column.max(0.0) as usize).min(LINE - 1);
                self.octets = innermost(layers, octet);
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

/// The smallest field, else layer, that an octet belongs to.
fn innermost(layers: &[Layer], octet: usize) -> Range<usize> {
    let fields = layers.iter().flat_map(|layer| layer.fields.iter().map(|field| &field.range).chain([&layer.range]));
    fields.filter(|range| range.contains(&octet)).min_by_key(|range| range.len()).cloned().unwrap_or(octet..octet + 1)
}
