//! DHCP transactions: the ladder of messages, and who waits for whom.

use super::{Cell, Column, Rows, Tone, column};
use crate::format;
use crate::session::Shown;
use crate::subject::test_point;
use crate::window::Selection;
use std::net::{IpAddr, Ipv4Addr};
use tapscope_graph::MacAddr;
use tapscope_graph::display_filter::{Field, Protocol, Value};
use tapscope_graph::tables::DhcpState;

pub struct Dhcp<'a>(pub &'a Shown);

const COLUMNS: &[Column] = &[
    column("time", 96.0),
    column("client", 140.0),
    column("name", 110.0),
    column("state", 180.0),
    column("address", 150.0),
    column("server", 110.0),
    column("router", 110.0),
    column("messages", 300.0),
];

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().take(4).map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// DHCPv6 message types (RFC 8415, section 7.3).
pub(crate) fn name6(kind: u8) -> String {
    const NAMES: [&str; 13] = [
        "SOLICIT",
        "ADVERTISE",
        "REQUEST",
        "CONFIRM",
        "RENEW",
        "REBIND",
        "REPLY",
        "RELEASE",
        "DECLINE",
        "RECONFIGURE",
        "INFORMATION-REQUEST",
        "RELAY-FORW",
        "RELAY-REPL",
    ];
    usize::from(kind).checked_sub(1).and_then(|index| NAMES.get(index)).map_or_else(|| kind.to_string(), |name| name.to_string())
}

impl Dhcp<'_> {
    fn v4(&self, row: usize, column: usize) -> Cell {
        let transaction = &self.0.view.tables.dhcp[row];
        let state = transaction.state();
        match column {
            0 => transaction.messages.first().map_or_else(|| Cell::number("", 0), |m| Cell::number(format::clock(m.at), m.at.0)),
            1 => Cell::text(transaction.client_mac.map_or_else(String::new, |mac| mac.to_string())),
            2 => Cell::text(list(&transaction.hostnames)),
            3 => Cell::text(state.to_string()).tone(match state {
                DhcpState::Bound => Tone::Good,
                DhcpState::Refused | DhcpState::Declined | DhcpState::WaitsForOffer | DhcpState::WaitsForAck => Tone::Bad,
                DhcpState::WaitsForRequest | DhcpState::Released | DhcpState::Unknown => Tone::Weak,
            }),
            4 if !transaction.acked.is_empty() => Cell::text(list(&transaction.acked)),
            4 => Cell::text(list(&transaction.offered)).tone(Tone::Weak),
            5 => Cell::text(list(&transaction.servers)),
            6 => Cell::text(list(&transaction.routers)),
            _ => {
                let messages: Vec<String> =
                    transaction.messages.iter().filter(|message| !message.repeated).take(12).map(|message| message.name()).collect();
                Cell::text(messages.join(" · ")).tone(Tone::Weak)
            }
        }
    }

    fn v6(&self, row: usize, column: usize) -> Cell {
        let transaction = &self.0.view.tables.dhcp6[row];
        match column {
            0 => transaction.messages.first().map_or_else(|| Cell::number("", 0), |m| Cell::number(format::clock(m.2), m.2.0)),
            1 => Cell::text(transaction.client_mac.map_or_else(String::new, |mac| mac.to_string())),
            2 => Cell::text(list(&transaction.hostnames)),
            3 => match transaction.addresses.is_empty() && transaction.prefixes.is_empty() {
                true => Cell::text("nothing given").tone(Tone::Weak),
                false => Cell::text("given").tone(Tone::Good),
            },
            4 => Cell::text(list(&transaction.addresses.iter().map(|(ip, _)| *ip).collect::<Vec<_>>())),
            5 | 6 => Cell::text(""),
            _ => {
                let messages: Vec<String> = transaction.messages.iter().take(12).map(|(kind, ..)| name6(*kind)).collect();
                Cell::text(messages.join(" · ")).tone(Tone::Weak)
            }
        }
    }
}

impl Rows for Dhcp<'_> {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn len(&self) -> usize {
        self.0.view.tables.dhcp.len() + self.0.view.tables.dhcp6.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        match row.checked_sub(self.0.view.tables.dhcp.len()) {
            None => self.v4(row, column),
            Some(row) => self.v6(row, column),
        }
    }

    fn selection(&self, row: usize) -> Option<Selection> {
        Some(Selection::Dhcp(row))
    }

    fn empty(&self) -> &'static str {
        "no DHCP message was seen yet"
    }

    fn any(&self, row: usize, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let tables = &self.0.view.tables;
        let mut mac = |mac: Option<MacAddr>| mac.is_some_and(|mac| test(Value::Mac(mac)));
        match (row.checked_sub(tables.dhcp.len()), field) {
            (None, Field::EthAddr | Field::EthSource) => mac(tables.dhcp[row].client_mac),
            (Some(row), Field::EthAddr | Field::EthSource) => mac(tables.dhcp6[row].client_mac),
            (None, Field::IpAddr) => {
                let it = &tables.dhcp[row];
                let lists: [&Vec<Ipv4Addr>; 5] = [&it.acked, &it.offered, &it.requested, &it.servers, &it.routers];
                lists.into_iter().flatten().any(|ip| test(Value::Ip(IpAddr::V4(*ip))))
            }
            (Some(row), Field::IpAddr) => tables.dhcp6[row].addresses.iter().any(|(ip, _)| test(Value::Ip(IpAddr::V6(*ip)))),
            (None, Field::Name) => tables.dhcp[row].hostnames.iter().any(|name| test(Value::Text(name.as_str()))),
            (Some(row), Field::Name) => tables.dhcp6[row].hostnames.iter().any(|name| test(Value::Text(name.as_str()))),
            (None, Field::State) => test(Value::Text(&tables.dhcp[row].state().to_string())),
            (None, Field::Interface) => test_point(&self.0.view, tables.dhcp[row].point, test),
            (Some(row), Field::Interface) => test_point(&self.0.view, tables.dhcp6[row].point, test),
            _ => false,
        }
    }

    fn has(&self, row: usize, protocol: Protocol) -> bool {
        let is_v6 = row >= self.0.view.tables.dhcp.len();
        match protocol {
            Protocol::Dhcp | Protocol::Ip => !is_v6,
            Protocol::Dhcp6 | Protocol::Ip6 => is_v6,
            Protocol::Udp => true,
            _ => false,
        }
    }
}
