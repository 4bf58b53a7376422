//! Echo requests: where they went, and what became of them.

use super::{Cell, Column, Rows, Tone, column};
use crate::format;
use crate::session::Shown;
use crate::window::Selection;
use tapscope_graph::tables::Tables;

pub struct Echoes<'a> {
    tables: &'a Tables,
    /// Each request once: one packet at three points is one row.
    rows: Vec<usize>,
}

impl<'a> Echoes<'a> {
    pub fn of(shown: &'a Shown) -> Echoes<'a> {
        let tables = &shown.view.tables;
        Echoes { tables, rows: tables.echo_requests().map(|(index, _)| index).collect() }
    }
}

const COLUMNS: &[Column] = &[
    column("time", 96.0),
    column("from", 130.0),
    column("to", 130.0),
    column("id/seq", 90.0),
    column("round trip", 90.0),
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
        let echo = &tables.echoes[self.rows[row]];
        match column {
            0 => Cell::number(format::clock(echo.at), echo.at.0),
            1 => Cell::text(echo.source.to_string()),
            2 => Cell::text(echo.destination.to_string()),
            3 => Cell::number(
                format!("{}/{}", echo.identifier, echo.sequence),
                (i64::from(echo.identifier) << 16) + i64::from(echo.sequence),
            ),
            4 => match (echo.reply, echo.error) {
                (Some(_), _) => {
                    let time = tables.round_trip(echo).unwrap_or(0);
                    Cell::number(format::span(time), time).tone(Tone::Good)
                }
                (None, Some(_)) => Cell::text("refused").tone(Tone::Bad),
                (None, None) if tables.now.is_some_and(|now| now.since(echo.at) > 1_000_000_000) => Cell::text("lost").tone(Tone::Bad),
                (None, None) => Cell::text("waits").tone(Tone::Weak),
            },
            _ => {
                let (request, reply) = (way(tables, echo.journey), way(tables, echo.reply_journey));
                Cell::text(if reply.is_empty() { request } else { format!("{request}   back: {reply}") }).tone(Tone::Weak)
            }
        }
    }

    fn selection(&self, row: usize) -> Option<Selection> {
        Some(Selection::Echo(self.rows[row]))
    }

    fn empty(&self) -> &'static str {
        "no echo request was seen yet"
    }
}
