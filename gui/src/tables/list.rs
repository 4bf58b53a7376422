//! A table's rows on the screen: sorted, filtered, walked by keys, copied; only what is visible is built.

use super::order::{Filters, Ordered};
use super::{Desk, ROW, Rows, Source, Tone};
use crate::commands::{self, Situation};
use crate::session::PlaybackState;
use crate::theme::{self, Palette};
use crate::window::Selection;
use egui::{Align, Color32, Event, EventFilter, Id, Key, Label, Layout, RichText, Sense, TextWrapMode, Ui, WidgetInfo};
use egui_extras::{Column as Width, TableBuilder};
use std::time::Duration;

/// How often progress is shown.
const PROGRESS: Duration = Duration::from_millis(100);

/// One table's own state.
#[derive(Default)]
pub(crate) struct Listing {
    pub ordered: Ordered,
    /// The row that the keys are at.
    pub cursor: Option<usize>,
    /// Whether the cursor moved to where it may not be seen.
    pub is_moved: bool,
    told: Option<String>,
}

impl Listing {
    /// What is said beside the tabs, such as `12 of 340`.
    pub fn told(&self) -> Option<&str> {
        self.told.as_deref()
    }
}

/// Shows the rows.
pub(crate) fn list(ui: &mut Ui, source: &Source, rows: &dyn Rows, listing: &mut Listing, filters: &Filters, desk: &mut Desk<'_, '_>) {
    let shown = &source.shown;
    let palette = theme::palette(ui.ctx());
    if rows.len() == rows.first() {
        ui.label(RichText::new(rows.empty()).color(palette.weak));
        listing.told = None;
        return;
    }
    listing.ordered.refresh(rows, &shown.view, filters, &mut |work| source.elsewhere(ui.ctx(), work));
    let count = listing.ordered.len(rows);
    let all = rows.len() - rows.first();
    listing.told = match (listing.ordered.making(), filters.is_empty()) {
        (Some(percent), true) => Some(format!("sorting… {percent} %")),
        (Some(percent), false) => Some(format!("filtering… {percent} %")),
        (None, true) => None,
        (None, false) => Some(format!("{count} of {all}")),
    };
    if listing.ordered.making().is_some() {
        ui.ctx().request_repaint_after(PROGRESS);
    } else if let Some(wait) = listing.ordered.later() {
        ui.ctx().request_repaint_after(wait);
    }
    let id = ui.make_persistent_id(("rows", rows.columns()[0].name, rows.columns().len()));
    let ground = ui.interact(ui.available_rect_before_wrap(), id, Sense::focusable_noninteractive());
    ground.widget_info(|| WidgetInfo::labeled(egui::Role::Table, true, format!("{count} rows: arrow keys move, Enter opens")));
    let has_focus = ground.has_focus();
    if has_focus {
        keys(ui, id, rows, listing, desk);
        ui.painter().rect_stroke(ground.rect, 2.0, egui::Stroke::new(1.0, palette.accent), egui::StrokeKind::Outside);
    }
    if count == 0 && listing.ordered.making().is_none() {
        let text = if filters.search.is_empty() { "nothing of what is selected is here" } else { "no row passes the filter" };
        ui.label(RichText::new(text).color(palette.weak));
        return;
    }
    let columns = rows.columns();
    // The rows themselves leave enough room between their texts.
    ui.spacing_mut().item_spacing.y = 0.0;
    // As `egui_extras` numbers the handles between columns, which have no name of their own.
    let handles = ui.scope_id().with(egui::IdSalt::new(id));
    let context = ui.ctx().clone();
    let mut table = TableBuilder::new(ui).striped(true).sense(Sense::CLICK).auto_shrink(false).min_scrolled_height(0.0).id_salt(id);
    for (index, column) in columns.iter().enumerate() {
        let width = if index + 1 == columns.len() { Width::remainder() } else { Width::initial(column.width).resizable(true) };
        table = table.column(width.clip(true));
    }
    // While time runs the end is where it happens; whoever scrolls away from there stays where they are.
    let is_running = matches!(shown.playback.state, PlaybackState::Live | PlaybackState::Playing);
    table = table.stick_to_bottom(is_running && listing.ordered.column.is_none());
    if std::mem::take(&mut listing.is_moved)
        && let Some(place) = listing.cursor.and_then(|row| listing.ordered.place(rows, row))
    {
        table = table.scroll_to_row(place, None);
    }
    let table = table.header(ROW, |mut header| {
        for (index, column) in columns.iter().enumerate() {
            header.col(|ui| {
                let mark = match listing.ordered.column {
                    Some((sorted, false)) if sorted == index => " (up)",
                    Some((sorted, true)) if sorted == index => " (down)",
                    _ => "",
                };
                let text = RichText::new(format!("{}{mark}", column.name)).small().color(palette.weak);
                let header = ui.add(Label::new(text).sense(Sense::click()).selectable(false));
                let is_shown = !column.name.is_empty();
                header.widget_info(|| WidgetInfo::labeled(egui::Role::Button, is_shown, format!("sort by {}{mark}", column.name)));
                if header.on_hover_text("sort").clicked() {
                    listing.ordered.column = match listing.ordered.column {
                        Some((sorted, false)) if sorted == index => Some((index, true)),
                        Some((sorted, true)) if sorted == index => None,
                        _ => Some((index, false)),
                    };
                }
            });
        }
    });
    table.body(|body| {
        body.rows(ROW, count, |mut row| {
            let Some(index) = listing.ordered.row(rows, row.index()) else {
                // It made room for later ones since the order was made.
                columns.iter().for_each(|_| drop(row.col(|_| {})));
                return;
            };
            let this = rows.selection(index);
            let is_selected = this.is_some_and(|this| this == *desk.selection);
            row.set_selected(is_selected || listing.cursor == Some(index));
            for column in 0..columns.len() {
                row.col(|ui| cell(ui, rows, index, column, &palette, desk));
            }
            let response = row.response();
            let has_keyboard = listing.cursor == Some(index) && response.ctx.memory(|memory| memory.has_focus(id));
            commands::context_menu(&response, has_keyboard, |ui| menu(ui, rows, index, this, desk));
            if response.clicked() || response.secondary_clicked() {
                listing.cursor = Some(index);
                response.ctx.memory_mut(|memory| memory.request_focus(id));
                if let Some(this) = this {
                    *desk.selection = this;
                }
            }
        });
    });
    for (index, column) in columns.iter().enumerate().take(columns.len() - 1) {
        let handle = handles.with("resize_column").with(index);
        context.accesskit_node_builder(handle, |node| {
            node.set_role(egui::accesskit::Role::Splitter);
            node.set_label(format!("width of {}", column.name));
        });
    }
}

fn cell(ui: &mut Ui, rows: &dyn Rows, row: usize, column: usize, palette: &Palette, desk: &mut Desk<'_, '_>) {
    let cell = rows.cell(row, column);
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        if cell.tone == Tone::Link {
            if ui.link(cell.text).clicked() {
                desk.wishes.extend(rows.wish(row, column));
            }
            return;
        }
        let name = desk.situation.names.behind(&cell.text).map_or_else(String::new, |name| format!("  {name}"));
        let text = RichText::new(cell.text + &name).color(color(palette, cell.tone));
        ui.add(Label::new(text).wrap_mode(TextWrapMode::Truncate).selectable(false));
    });
}

fn color(palette: &Palette, tone: Tone) -> Color32 {
    match tone {
        Tone::Plain => palette.strong,
        Tone::Weak => palette.weak,
        Tone::Good => palette.good,
        Tone::Bad => palette.bad,
        Tone::Accent | Tone::Link => palette.accent,
    }
}

fn menu(ui: &mut Ui, rows: &dyn Rows, row: usize, this: Option<Selection>, desk: &mut Desk<'_, '_>) {
    if let Some(target) = this {
        commands::thing_menu(ui, &Situation { target, is_pinned: false, is_folded: false, ..*desk.situation }, desk.wishes);
        ui.separator();
    }
    if ui.button("Copy the row").clicked() {
        ui.ctx().copy_text(line(rows, row));
        ui.close();
    }
    for (column, name) in rows.columns().iter().enumerate().filter(|(_, column)| !column.name.is_empty()) {
        let text = rows.cell(row, column).text;
        if !text.is_empty() && ui.button(format!("Copy {}", name.name)).clicked() {
            ui.ctx().copy_text(text);
            ui.close();
        }
    }
}

/// A row for the clipboard: cells with tabs between them, as spreadsheets read them.
fn line(rows: &dyn Rows, row: usize) -> String {
    (0..rows.columns().len()).map(|column| rows.cell(row, column).text.replace(['\t', '\n'], " ")).collect::<Vec<_>>().join("\t")
}

/// The keys of a table that has the focus.
fn keys(ui: &Ui, id: Id, rows: &dyn Rows, listing: &mut Listing, desk: &mut Desk<'_, '_>) {
    let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    let count = listing.ordered.len(rows);
    let place = listing.cursor.and_then(|row| listing.ordered.place(rows, row));
    let page = ((ui.available_height() / ROW) as usize).saturating_sub(2).max(1);
    let (mut wanted, mut is_copied, mut is_opened) = (None, false, false);
    ui.input_mut(|input| {
        let pressed = |key| input.key_pressed(key) && input.modifiers.is_none();
        let last = count.saturating_sub(1);
        wanted = match place {
            Some(place) if pressed(Key::ArrowDown) => Some((place + 1).min(last)),
            Some(place) if pressed(Key::ArrowUp) => Some(place.saturating_sub(1)),
            Some(place) if pressed(Key::PageDown) => Some((place + page).min(last)),
            Some(place) if pressed(Key::PageUp) => Some(place.saturating_sub(page)),
            None if pressed(Key::ArrowDown) => Some(0),
            _ if pressed(Key::Home) => Some(0),
            _ if pressed(Key::End) => Some(last),
            _ => None,
        };
        is_opened = pressed(Key::Enter);
        is_copied = input.events.iter().any(|event| matches!(event, Event::Copy));
    });
    if let Some(row) = wanted.and_then(|place| listing.ordered.row(rows, place)) {
        (listing.cursor, listing.is_moved) = (Some(row), true);
    }
    let Some(row) = listing.cursor.filter(|row| (rows.first()..rows.len()).contains(row)) else { return };
    if is_opened && let Some(this) = rows.selection(row) {
        *desk.selection = this;
    }
    if is_copied {
        ui.ctx().copy_text(line(rows, row));
    }
}
