//! Flows: who talks to whom, and how much. A packet that passed several points counts once.

use super::{Cell, Column, Rows, Tone, column};
use crate::format;
use crate::session::Shown;
use crate::subject::{FlowSubject, Names};
use crate::window::Selection;
use tapscope_graph::display_filter::{Field, Protocol, Subject, Value};
use tapscope_graph::tables::{Endpoint, Side, TcpState};

pub struct Flows<'a> {
    pub shown: &'a Shown,
    pub names: &'a Names<'a>,
}

impl Flows<'_> {
    fn subject(&self, row: usize) -> FlowSubject<'_> {
        let view = &self.shown.view;
        FlowSubject { view, flow: &view.tables.flows[row], names: self.names }
    }
}

const COLUMNS: &[Column] = &[
    column("protocol", 80.0),
    column("initiator", 190.0),
    column("responder", 190.0),
    column("packets", 80.0),
    column("sent", 80.0),
    column("back", 80.0),
    column("state", 100.0),
    column("round trip", 80.0),
    column("first", 96.0),
    column("last", 96.0),
];

fn end(endpoint: Endpoint) -> String {
    match (endpoint.port, endpoint.ip.is_ipv6()) {
        (Some(port), false) => format!("{}:{port}", endpoint.ip),
        (Some(port), true) => format!("[{}]:{port}", endpoint.ip),
        (None, _) => endpoint.ip.to_string(),
    }
}

impl Rows for Flows<'_> {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn len(&self) -> usize {
        self.shown.view.tables.flows.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let flow = &self.shown.view.tables.flows[row];
        let (a_to_b, b_to_a) = flow.counted_once();
        let ((from, sent), (to, back)) = match flow.initiator {
            Side::A => ((flow.a(), a_to_b), (flow.b(), b_to_a)),
            Side::B => ((flow.b(), b_to_a), (flow.a(), a_to_b)),
        };
        match column {
            0 => Cell::text(format::protocol(flow.protocol)),
            1 => Cell::text(end(from)),
            2 => Cell::text(end(to)),
            3 => Cell::number((sent.packets + back.packets).to_string(), sent.packets + back.packets),
            4 => Cell::number(format::octets(sent.octets), sent.octets),
            5 => Cell::number(format::octets(back.octets), back.octets),
            6 => match flow.tcp {
                Some(state @ (TcpState::Refused | TcpState::Reset)) => Cell::text(state.name()).tone(Tone::Bad),
                Some(state) => Cell::text(state.name()).tone(Tone::Weak),
                None => Cell::text(""),
            },
            7 => flow.rtt_ns.map_or_else(|| Cell::number("", -1), |rtt| Cell::number(format::span(rtt), rtt)),
            8 => Cell::number(format::clock(flow.first_at), flow.first_at.0),
            _ => Cell::number(format::clock(flow.last_at), flow.last_at.0),
        }
    }

    fn selection(&self, row: usize) -> Option<Selection> {
        Some(Selection::Flow(row))
    }

    fn empty(&self) -> &'static str {
        "no IP packet was seen yet"
    }

    fn any(&self, row: usize, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        self.subject(row).any(field, test)
    }

    fn has(&self, row: usize, protocol: Protocol) -> bool {
        self.subject(row).has(protocol)
    }
}
