//! ARP and Neighbor Discovery: who asked for whom, and who answered.

use super::{Cell, Column, Rows, Tone, column};
use crate::format;
use crate::session::Shown;
use crate::subject::{Names, test_point};
use crate::window::Selection;
use tapscope_graph::display_filter::{Field, Protocol, Value};
use tapscope_graph::tables::Resolution;

pub struct Resolutions<'a> {
    pub shown: &'a Shown,
    pub names: &'a Names<'a>,
}

const COLUMNS: &[Column] = &[
    column("first", 96.0),
    column("protocol", 70.0),
    column("who asks", 200.0),
    column("for", 170.0),
    column("asked", 60.0),
    column("answer", 180.0),
    column("answer after", 110.0),
    column("at", 100.0),
];

impl Resolutions<'_> {
    fn row(&self, row: usize) -> &Resolution {
        &self.shown.view.tables.resolutions[row]
    }
}

impl Rows for Resolutions<'_> {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn len(&self) -> usize {
        self.shown.view.tables.resolutions.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let row = self.row(row);
        match column {
            0 => Cell::number(format::clock(row.asked.first_at), row.asked.first_at.0),
            1 => Cell::text(if row.target.is_ipv6() { "ND" } else { "ARP" }),
            2 if row.is_probe() => Cell::text(format!("{} (probe)", row.asker_mac)),
            2 => Cell::text(row.asker_ip.to_string()),
            3 => Cell::text(row.target.to_string()),
            4 => Cell::number(row.asked.count.to_string(), row.asked.count),
            5 => match row.answers.first() {
                Some((mac, _)) if row.is_probe() => Cell::text(format!("in use by {mac}")).tone(Tone::Bad),
                Some((mac, _)) => Cell::text(mac.to_string()).tone(Tone::Good),
                None if row.is_probe() => Cell::text("free").tone(Tone::Good),
                None => Cell::text("nobody").tone(Tone::Bad),
            },
            6 => row.answers.first().map_or_else(
                || Cell::number("", -1),
                |(_, evidence)| {
                    let wait = evidence.first_at.since(row.asked.first_at);
                    Cell::number(format::span(wait), wait)
                },
            ),
            _ => {
                Cell::text(self.shown.view.tables.points.get(row.point.0 as usize).map_or_else(String::new, |point| point.label(row.point)))
            }
        }
    }

    fn selection(&self, row: usize) -> Option<Selection> {
        Some(Selection::Resolution(row))
    }

    fn empty(&self) -> &'static str {
        "nobody asked for a link-layer address yet"
    }

    fn any(&self, row: usize, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let row = self.row(row);
        match field {
            Field::IpAddr => test(Value::Ip(row.asker_ip)) || test(Value::Ip(row.target)),
            Field::IpSource => test(Value::Ip(row.asker_ip)),
            Field::IpDestination => test(Value::Ip(row.target)),
            Field::EthAddr => test(Value::Mac(row.asker_mac)) || row.answers.iter().any(|(mac, _)| test(Value::Mac(*mac))),
            Field::EthSource => test(Value::Mac(row.asker_mac)),
            Field::Vlan => row.vlan.is_some_and(|vid| test(Value::Number(vid.into()))),
            Field::Interface => test_point(&self.shown.view, row.point, test),
            Field::Name => self.names.any(row.asker_ip, test) || self.names.any(row.target, test),
            Field::State => test(Value::Text(if row.answers.is_empty() { "unanswered" } else { "answered" })),
            _ => false,
        }
    }

    fn has(&self, row: usize, protocol: Protocol) -> bool {
        let row = self.row(row);
        match protocol {
            Protocol::Arp => row.target.is_ipv4(),
            Protocol::Nd | Protocol::Icmp6 | Protocol::Ip6 => row.target.is_ipv6(),
            Protocol::Vlan => row.vlan.is_some(),
            _ => false,
        }
    }
}
