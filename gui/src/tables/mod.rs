//! The tables at the bottom: one tab each, sorted by a click on a column, filtered by the search box, only the visible rows built.

pub(crate) mod devices;
pub(crate) mod dhcp;
mod echoes;
mod findings;
mod flows;
mod hosts;
pub(crate) mod list;
pub(crate) mod neighbors;
mod order;
mod packets;
mod resolutions;

use crate::commands::{Situation, Wish};
use crate::names::Names as Called;
use crate::session::Shown;
use crate::subject::Names;
use crate::target;
use crate::theme;
use crate::window::Selection;
use egui::{RichText, ScrollArea, Ui};
use list::{Listing, list};
use order::{Filters, Work};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use tapscope_graph::display_filter::{DisplayFilter, Field, Protocol, Subject, Value};
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

    fn label(self, shown: &Shown, echoes: usize) -> String {
        let view = &shown.view;
        match self {
            Tab::Echoes => format!("Echoes {}", echoes),
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
    /// Names a kind.
    Accent,
    /// Leads somewhere.
    Link,
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
    /// Behind the last row.
    fn len(&self) -> usize;
    fn cell(&self, row: usize, column: usize) -> Cell;
    fn selection(&self, row: usize) -> Option<Selection>;
    /// What to say while there is no row.
    fn empty(&self) -> &'static str;

    /// The first row that is still there.
    fn first(&self) -> usize {
        0
    }

    /// Whether rows are only ever added, and never change.
    fn is_only_added_to(&self) -> bool {
        false
    }

    /// Asks something of a row that many questions are put to at once, where reading it is dear: the display filter's are.
    fn with_subject(&self, _row: usize, ask: &mut dyn FnMut(Option<&dyn Subject>) -> bool) -> bool {
        ask(None)
    }

    /// Whether any of a field's values passes a test, for the display filter.
    fn any(&self, _row: usize, _field: Field, _test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        false
    }

    /// Whether a row speaks a protocol, for the display filter.
    fn has(&self, _row: usize, _protocol: Protocol) -> bool {
        false
    }

    /// What a click on a cell asks for, besides selecting its row.
    fn wish(&self, _row: usize, _column: usize) -> Option<Wish> {
        None
    }
}

/// What is known of a view before any table is shown, made once for each.
#[derive(Default)]
struct Prepared {
    of: Weak<View>,
    labels: Vec<(Tab, String)>,
    /// Each echo request once: one packet at three points is one row.
    echoes: Arc<[u32]>,
}

/// The tables' own state.
pub struct Tables {
    open: Tab,
    listings: BTreeMap<Tab, Listing>,
    packets: packets::State,
    prepared: Prepared,
}

impl Default for Tables {
    fn default() -> Self {
        Tables { open: Tab::Echoes, listings: BTreeMap::new(), packets: packets::State::default(), prepared: Prepared::default() }
    }
}

/// What one frame of the tables is made with.
pub(crate) struct Desk<'a, 'b> {
    pub situation: &'a Situation<'b>,
    pub search: &'a DisplayFilter,
    pub is_following: &'a mut bool,
    pub selection: &'a mut Selection,
    pub packet: &'a mut Option<FrameNo>,
    pub wishes: &'a mut Vec<Wish>,
}

impl Tables {
    /// Brings a table to the front.
    pub fn open(&mut self, tab: Tab) {
        self.open = tab;
    }

    /// Whether a table is at the front.
    pub fn is_open(&self, tab: Tab) -> bool {
        self.open == tab
    }

    pub(crate) fn show(&mut self, ui: &mut Ui, shown: &Arc<Shown>, desk: &mut Desk<'_, '_>) {
        self.prepare(shown);
        let palette = theme::palette(ui.ctx());
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            for (tab, label) in &self.prepared.labels {
                if ui.selectable_label(self.open == *tab, label).clicked() {
                    self.open = *tab;
                }
            }
            ui.add_space(8.0);
            ui.checkbox(desk.is_following, "follow the selection").on_hover_text("only rows of what is selected (Ctrl+L)");
            if let Some(count) = self.listings.get(&self.open).and_then(Listing::told) {
                ui.label(RichText::new(count).small().color(palette.weak));
            }
        });
        ui.separator();
        let follow = if *desk.is_following { target::filter(&shown.view, *desk.selection) } else { None };
        let follow = follow.and_then(|text| DisplayFilter::parse(&text).ok()).unwrap_or_default();
        let filters = Filters { search: desk.search.clone(), follow };
        if self.open == Tab::Packets {
            let source = Source {
                tab: Tab::Packets,
                shown: shown.clone(),
                echoes: Arc::default(),
                is_filtered: !filters.is_empty(),
                called: desk.situation.names.clone(),
            };
            self.packets.show(ui, &source, self.listings.entry(Tab::Packets).or_default(), &filters, desk);
            return;
        }
        // A narrow window does not show all columns at once.
        ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| self.rows(ui, shown, &filters, desk));
    }

    /// Counts what there is, once for a view.
    fn prepare(&mut self, shown: &Arc<Shown>) {
        if std::ptr::eq(self.prepared.of.as_ptr(), Arc::as_ptr(&shown.view)) && !self.prepared.labels.is_empty() {
            return;
        }
        let echoes: Arc<[u32]> = shown.view.tables.echo_requests().map(|(index, _)| index as u32).collect();
        let is_told = !shown.view.tables.host.is_empty();
        let tabs = Tab::ALL.into_iter().filter(|tab| is_told || !tab.is_of_host());
        let labels = tabs.map(|tab| (tab, tab.label(shown, echoes.len()))).collect();
        self.prepared = Prepared { of: Arc::downgrade(&shown.view), labels, echoes };
    }

    fn rows(&mut self, ui: &mut Ui, shown: &Arc<Shown>, filters: &Filters, desk: &mut Desk<'_, '_>) {
        let listing = self.listings.entry(self.open).or_default();
        let source = Source {
            tab: self.open,
            shown: shown.clone(),
            echoes: self.prepared.echoes.clone(),
            is_filtered: !filters.is_empty(),
            called: desk.situation.names.clone(),
        };
        source.with(|rows| list(ui, &source, rows, listing, filters, desk));
    }
}

/// All that a table's rows are made of; another thread may have it, too.
#[derive(Clone)]
pub(crate) struct Source {
    tab: Tab,
    shown: Arc<Shown>,
    /// See [`Prepared`].
    echoes: Arc<[u32]>,
    /// Names are only looked for where a filter may ask for them.
    is_filtered: bool,
    /// What the user calls things.
    called: Arc<Called>,
}

impl Source {
    /// Makes the rows for as long as somebody looks at them.
    fn with<T>(&self, look: impl FnOnce(&dyn Rows) -> T) -> T {
        let shown = &self.shown;
        let names = if self.is_filtered { Names::of(&shown.view) } else { Names::default() };
        match self.tab {
            Tab::Echoes => look(&echoes::Echoes::of(shown, self.echoes.clone(), &names)),
            Tab::Flows => look(&flows::Flows { shown, names: &names }),
            Tab::Hosts => look(&hosts::Hosts::of(shown, &self.called)),
            Tab::Resolutions => look(&resolutions::Resolutions { shown, names: &names }),
            Tab::Dhcp => look(&dhcp::Dhcp(shown)),
            Tab::Devices => look(&devices::Devices::of(shown)),
            Tab::Neighbors => look(&neighbors::Neighbors::of(shown)),
            Tab::Findings => look(&findings::Findings(shown)),
            Tab::Packets => look(&packets::PacketRows::of(shown)),
        }
    }

    /// Does work over the rows on a thread of its own, and has the window look at what came of it.
    fn elsewhere(&self, context: &egui::Context, work: Work) {
        let (source, context) = (self.clone(), context.clone());
        let run = move || {
            source.with(|rows| work(rows));
            context.request_repaint();
        };
        // Without a thread the work is dropped, which is told by what waits for it.
        let _ = std::thread::Builder::new().name("table".into()).spawn(run);
    }
}
