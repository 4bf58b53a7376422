//! Echo requests: where they went, and what became of them.

use super::{Cell, Column, Rows, Tone, column};
use crate::commands::Wish;
use crate::format;
use crate::session::Shown;
use crate::subject::{EchoSubject, Names};
use crate::window::Selection;
use std::sync::Arc;
use tapscope_graph::diagnose::Party;
use tapscope_graph::display_filter::{Field, Protocol, Subject, Value};
use tapscope_graph::tables::{EchoRow, Tables};
use tapscope_graph::{Timestamp, View};

/// How long a reply may take before an echo counts as lost, nanoseconds.
const PATIENCE: i64 = 1_000_000_000;

pub struct Echoes<'a> {
    view: &'a View,
    now: Timestamp,
    tables: &'a Tables,
    /// Each request once: one packet at three points is one row.
    rows: Arc<[u32]>,
    names: &'a Names<'a>,
}

impl<'a> Echoes<'a> {
    pub fn of(shown: &'a Shown, rows: Arc<[u32]>, names: &'a Names<'a>) -> Echoes<'a> {
        Echoes { view: &shown.view, now: shown.now(), tables: &shown.view.tables, rows, names }
    }

    fn echo(&self, row: usize) -> &'a EchoRow {
        &self.tables.echoes[self.rows[row] as usize]
    }

    fn fate(&self, echo: &EchoRow) -> &'static str {
        match (echo.reply, echo.error) {
            (Some(_), _) => "answered",
            (None, Some(_)) => "refused",
            (None, None) if self.now.since(echo.at) > PATIENCE => "lost",
            (None, None) => "waits",
        }
    }

    fn subject(&self, row: usize) -> EchoSubject<'_> {
        let echo = self.echo(row);
        EchoSubject { view: self.view, echo, names: self.names, state: self.fate(echo) }
    }
}

const COLUMNS: &[Column] = &[
    column("time", 96.0),
    column("from", 130.0),
    column("to", 130.0),
    column("id/seq", 90.0),
    column("round trip", 90.0),
    column("", 40.0),
    column("journey of the request, and of the reply", 400.0),
];

/// `tap0 · 4 µs · bridge0 · 1 µs · tap1`
fn way(tables: &Tables, id: Option<u64>) -> String {
    let Some(journey) = id.and_then(|id| tables.journey(id)) else { return String::new() };
    let mut way = String::new();
    let mut before = None;
    for sighting in &journey.sightings {
        if let Some(at) = before {
            way += &format!(" · {} · ", format::span(sighting.at.since(at)));
        }
        before = Some(sighting.at);
        way += &tables.points.get(sighting.point.0 as usize).map_or_else(String::new, |point| point.label(sighting.point));
    }
    way
}

impl Rows for Echoes<'_> {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let tables = self.tables;
        let echo = self.echo(row);
        match column {
            0 => Cell::number(format::clock(echo.at), echo.at.0),
            1 => Cell::text(echo.source.to_string()),
            2 => Cell::text(echo.destination.to_string()),
            3 => Cell::number(
                format!("{}/{}", echo.identifier, echo.sequence),
                (i64::from(echo.identifier) << 16) + i64::from(echo.sequence),
            ),
            4 => match self.fate(echo) {
                "answered" => {
                    let time = tables.round_trip(echo).unwrap_or(0);
                    Cell::number(format::span(time), time).tone(Tone::Good)
                }
                "waits" => Cell::text("waits").tone(Tone::Weak),
                fate => Cell::text(fate).tone(Tone::Bad),
            },
            5 => match self.wish(row, column) {
                Some(_) => Cell::text("why").tone(Tone::Link),
                None => Cell::text(""),
            },
            _ => {
                let (request, reply) = (way(tables, echo.journey), way(tables, echo.reply_journey));
                Cell::text(if reply.is_empty() { request } else { format!("{request}   back: {reply}") }).tone(Tone::Weak)
            }
        }
    }

    fn selection(&self, row: usize) -> Option<Selection> {
        Some(Selection::Echo(self.rows[row] as usize))
    }

    fn empty(&self) -> &'static str {
        "no echo request was seen yet"
    }

    fn any(&self, row: usize, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        self.subject(row).any(field, test)
    }

    fn has(&self, row: usize, protocol: Protocol) -> bool {
        self.subject(row).has(protocol)
    }

    /// Why a lost one was lost.
    fn wish(&self, row: usize, column: usize) -> Option<Wish> {
        let echo = self.echo(row);
        let is_lost = column == 5 && matches!(self.fate(echo), "lost" | "refused");
        is_lost.then_some(Wish::Why(Party::Ip(echo.source), Party::Ip(echo.destination)))
    }
}
