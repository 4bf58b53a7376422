//! The tables at the bottom: one tab each, sorted by a click on a column, only the visible rows built.

pub(crate) mod devices;
mod dhcp;
mod echoes;
mod findings;
mod flows;
mod hosts;
pub(crate) mod neighbors;
mod packets;
mod resolutions;

use crate::session::Shown;
use crate::theme;
use crate::window::Selection;
use egui::{Align, Label, Layout, RichText, ScrollArea, Sense, TextWrapMode, Ui};
use egui_extras::{Column as Width, TableBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use tapscope_graph::{FrameNo, View};

/// Height of a row.
const ROW: f32 = 20.0;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tab {
    /// Echo requests and their journeys.
    Echoes,
    /// Flows.
    Flows,
    /// Stations and their addresses.
    Hosts,
    /// ARP and Neighbor Discovery questions.
    Resolutions,
    /// DHCP transactions.
    Dhcp,
    /// Packets, with their layers and octets.
    Packets,
    /// What is wrong.
    Findings,
    /// The host's devices.
    Devices,
    /// The host's neighbours.
    Neighbors,
}

impl Tab {
    /// In the order of the keys 1 to 9.
    pub const ALL: [Tab; 9] =
        [Tab::Echoes, Tab::Flows, Tab::Hosts, Tab::Resolutions, Tab::Dhcp, Tab::Packets, Tab::Findings, Tab::Devices, Tab::Neighbors];

    /// Whether it has rows only where the host says something of itself.
    fn is_of_host(self) -> bool {
        matches!(self, Tab::Devices | Tab::Neighbors)
    }

    fn label(self, shown: &Shown) -> String {
        let view = &shown.view;
        match self {
            Tab::Echoes => format!("Echoes {}", view.tables.echo_requests().count()),
            Tab::Flows => format!("Flows {}", view.tables.flows.len()),
            Tab::Hosts => format!("Hosts {}", hosts::count(view)),
            Tab::Resolutions => format!("ARP/ND {}", view.tables.resolutions.len()),
            Tab::Dhcp => format!("DHCP {}", view.tables.dhcp.len() + view.tables.dhcp6.len()),
            Tab::Packets => format!("Packets {}", view.tables.frames),
            Tab::Findings => format!("Findings {}", view.findings.len()),
            Tab::Devices => format!("Devices {}", view.tables.host.devices().count()),
            Tab::Neighbors => format!("Neighbours {}", view.tables.host.neighbors().count()),
        }
    }
}

/// A column's name and width.
pub(crate) struct Column {
    pub name: &'static str,
    pub width: f32,
}

pub(crate) const fn column(name: &'static str, width: f32) -> Column {
    Column { name, width }
}

/// A cell, and what it sorts by.
pub(crate) struct Cell {
    pub text: String,
    pub order: Order,
    pub tone: Tone,
}

/// Numbers before texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    Number(i128),
    Text(String),
}

/// How a cell is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Weak,
    Good,
    Bad,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Cell {
        let text = text.into();
        Cell { order: Order::Text(text.clone()), text, tone: Tone::Plain }
    }

    pub fn number(text: impl Into<String>, number: impl Into<i128>) -> Cell {
        Cell { text: text.into(), order: Order::Number(number.into()), tone: Tone::Plain }
    }

    pub fn tone(mut self, tone: Tone) -> Cell {
        self.tone = tone;
        self
    }
}

/// One table over what is shown.
pub(crate) trait Rows {
    fn columns(&self) -> &'static [Column];
    fn len(&self) -> usize;
    fn cell(&self, row: usize, column: usize) -> Cell;
    fn selection(&self, row: usize) -> Option<Selection>;
    /// What to say while there is no row.
    fn empty(&self) -> &'static str;
}

/// By which column a table is sorted, and the order that this gives: made once for a view, not for every frame.
#[derive(Default)]
struct Sorting {
    /// The column, and whether the largest comes first.
    column: Option<(usize, bool)>,
    /// The order of the rows, and what it was made of. A view that nobody shows any more is not kept alive for it.
    order: Vec<u32>,
    made_of: Option<(Weak<View>, usize, bool)>,
}

impl Sorting {
    /// Makes the order, unless it is that of this view and column already.
    fn refresh(&mut self, rows: &impl Rows, view: &Arc<View>) {
        let Some((column, is_down)) = self.column else {
            self.order.clear();
            self.made_of = None;
            return;
        };
        let is_same = |(of, sorted, down): &(Weak<View>, usize, bool)| {
            // As long as the weak pointer is there, no other view can have its address.
            of.as_ptr() == Arc::as_ptr(view) && (*sorted, *down) == (column, is_down)
        };
        if self.made_of.as_ref().is_some_and(is_same) {
            return;
        }
        let mut keyed: Vec<(Order, u32)> = (0..rows.len()).map(|row| (rows.cell(row, column).order, row as u32)).collect();
        keyed.sort_unstable();
        if is_down {
            keyed.reverse();
        }
        self.order = keyed.into_iter().map(|(_, row)| row).collect();
        self.made_of = Some((Arc::downgrade(view), column, is_down));
    }
}

/// The tables' own state.
pub struct Tables {
    open: Tab,
    sortings: BTreeMap<Tab, Sorting>,
    packets: packets::State,
}

impl Default for Tables {
    fn default() -> Self {
        Tables { open: Tab::Echoes, sortings: BTreeMap::new(), packets: packets::State::default() }
    }
}

impl Tables {
    /// Brings a table to the front.
    pub fn open(&mut self, tab: Tab) {
        self.open = tab;
    }

    pub(crate) fn show(&mut self, ui: &mut Ui, shown: &Arc<Shown>, selection: &mut Selection, packet: &mut Option<FrameNo>) {
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let is_told = !shown.view.tables.host.is_empty();
            for tab in Tab::ALL.into_iter().filter(|tab| is_told || !tab.is_of_host()) {
                if ui.selectable_label(self.open == tab, tab.label(shown)).clicked() {
                    self.open = tab;
                }
            }
        });
        ui.separator();
        if self.open == Tab::Packets {
            self.packets.show(ui, shown, packet);
            return;
        }
        // A narrow window does not show all columns at once.
        ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| self.rows(ui, shown, selection));
    }

    fn rows(&mut self, ui: &mut Ui, shown: &Arc<Shown>, selection: &mut Selection) {
        let sorting = self.sortings.entry(self.open).or_default();
        match self.open {
            Tab::Echoes => list(ui, &echoes::Echoes::of(shown), shown, sorting, selection),
            Tab::Flows => list(ui, &flows::Flows(shown), shown, sorting, selection),
            Tab::Hosts => list(ui, &hosts::Hosts::of(shown), shown, sorting, selection),
            Tab::Resolutions => list(ui, &resolutions::Resolutions(shown), shown, sorting, selection),
            Tab::Dhcp => list(ui, &dhcp::Dhcp(shown), shown, sorting, selection),
            Tab::Devices => list(ui, &devices::Devices::of(shown), shown, sorting, selection),
            Tab::Neighbors => list(ui, &neighbors::Neighbors::of(shown), shown, sorting, selection),
            Tab::Findings => list(ui, &findings::Findings(shown), shown, sorting, selection),
            Tab::Packets => {}
        }
    }
}

fn list(ui: &mut Ui, rows: &impl Rows, shown: &Arc<Shown>, sorting: &mut Sorting, selection: &mut Selection) {
    let palette = theme::palette(ui.ctx());
    if rows.len() == 0 {
        ui.label(RichText::new(rows.empty()).color(palette.weak));
        return;
    }
    sorting.refresh(rows, &shown.view);
    let columns = rows.columns();
    let mut table = TableBuilder::new(ui).striped(true).sense(Sense::click()).auto_shrink(false).id_salt(columns[0].name);
    for (index, column) in columns.iter().enumerate() {
        let width = if index + 1 == columns.len() { Width::remainder() } else { Width::initial(column.width).resizable(true) };
        table = table.column(width.clip(true));
    }
    let table = table.header(ROW, |mut header| {
        for (index, column) in columns.iter().enumerate() {
            header.col(|ui| {
                let mark = match sorting.column {
                    Some((sorted, false)) if sorted == index => " (up)",
                    Some((sorted, true)) if sorted == index => " (down)",
                    _ => "",
                };
                let text = RichText::new(format!("{}{mark}", column.name)).small().color(palette.weak);
                if ui.add(Label::new(text).sense(Sense::click()).selectable(false)).on_hover_text("sort").clicked() {
                    sorting.column = match sorting.column {
                        Some((sorted, false)) if sorted == index => Some((index, true)),
                        Some((sorted, true)) if sorted == index => None,
                        _ => Some((index, false)),
                    };
                }
            });
        }
    });
    table.body(|body| {
        body.rows(ROW, rows.len(), |mut row| {
            let index = sorting.order.get(row.index()).map_or(row.index(), |index| *index as usize);
            let this = rows.selection(index);
            row.set_selected(this.is_some_and(|this| this == *selection));
            for column in 0..columns.len() {
                row.col(|ui| {
                    let cell = rows.cell(index, column);
                    let color = match cell.tone {
                        Tone::Plain => palette.strong,
                        Tone::Weak => palette.weak,
                        Tone::Good => palette.good,
                        Tone::Bad => palette.bad,
                    };
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(Label::new(RichText::new(cell.text).color(color)).wrap_mode(TextWrapMode::Truncate).selectable(false));
                    });
                });
            }
            if row.response().clicked()
                && let Some(this) = this
            {
                *selection = this;
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell as Counter;

    /// Rows that count how often they are asked for a cell.
    struct Counted {
        numbers: Vec<i64>,
        asked: Counter<usize>,
    }

    impl Rows for Counted {
        fn columns(&self) -> &'static [Column] {
            &[]
        }

        fn len(&self) -> usize {
            self.numbers.len()
        }

        fn cell(&self, row: usize, column: usize) -> Cell {
            self.asked.set(self.asked.get() + 1);
            let number = self.numbers[row] * if column == 0 { 1 } else { -1 };
            Cell::number(number.to_string(), number)
        }

        fn selection(&self, _row: usize) -> Option<Selection> {
            None
        }

        fn empty(&self) -> &'static str {
            ""
        }
    }

    #[test]
    fn rows_are_sorted_once_for_a_view_a_column_and_a_direction() {
        let rows = Counted { numbers: vec![3, 1, 2], asked: Counter::new(0) };
        let (view, next) = (Arc::new(View::default()), Arc::new(View::default()));
        let mut sorting = Sorting::default();
        let mut frame = |column, view: &Arc<View>| {
            sorting.column = column;
            sorting.refresh(&rows, view);
            (sorting.order.clone(), rows.asked.replace(0))
        };
        assert_eq!(frame(None, &view), (vec![], 0));
        assert_eq!(frame(Some((0, false)), &view), (vec![1, 2, 0], 3));
        assert_eq!(frame(Some((0, false)), &view), (vec![1, 2, 0], 0), "the next frame shows the same");
        assert_eq!(frame(Some((0, true)), &view), (vec![0, 2, 1], 3));
        assert_eq!(frame(Some((1, true)), &view), (vec![1, 2, 0], 3));
        assert_eq!(frame(Some((1, true)), &next), (vec![1, 2, 0], 3), "another view may have other rows");
        assert_eq!(frame(Some((1, true)), &next), (vec![1, 2, 0], 0));
        assert_eq!(frame(None, &next), (vec![], 0));
        assert_eq!((Arc::strong_count(&view), Arc::strong_count(&next)), (1, 1), "no view is kept alive");
    }
}
