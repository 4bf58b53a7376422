//! Tables: rows of what was learned, as CSV or JSON.

mod cell;
pub mod packets;
mod rows;

pub use cell::Format;

use anyhow::Result;
use cell::Rows;
use clap::ValueEnum;
use std::io::Write;
use tapscope_graph::View;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableName {
    /// Guests, hosts, routers, bridges
    Hosts,
    /// Who talked to whom, both ways
    Flows,
    /// Who asked for whose MAC, who answered
    Arp,
    /// DHCP transactions
    Dhcp,
    /// Every echo request, and its reply
    Echoes,
    /// Every frame, a line each
    Packets,
    /// The host's network devices
    Devices,
    /// The host's neighbour tables
    Neighbours,
}

impl TableName {
    /// All names, for an error.
    pub fn all() -> String {
        let names = TableName::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        names.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(" | ")
    }
}

/// Writes a table of a view. The packets are no part of a view: see [`packets::write`].
///
/// # Errors
/// Where it cannot be written.
pub fn write(out: &mut impl Write, view: &View, table: TableName, format: Format) -> Result<()> {
    let columns: &[&str] = match table {
        TableName::Hosts => &rows::HOSTS,
        TableName::Flows => &rows::FLOWS,
        TableName::Arp => &rows::ARP,
        TableName::Dhcp => &rows::DHCP,
        TableName::Echoes => &rows::ECHOES,
        TableName::Packets => &packets::COLUMNS,
        TableName::Devices => &rows::DEVICES,
        TableName::Neighbours => &rows::NEIGHBOURS,
    };
    let mut out = Rows::begin(out, columns, format)?;
    match table {
        TableName::Hosts => rows::hosts(view, &mut |row| out.row(row))?,
        TableName::Flows => rows::flows(view, &mut |row| out.row(row))?,
        TableName::Arp => rows::arp(view, &mut |row| out.row(row))?,
        TableName::Dhcp => rows::dhcp(view, &mut |row| out.row(row))?,
        TableName::Echoes => rows::echoes(view, &mut |row| out.row(row))?,
        TableName::Packets => {}
        TableName::Devices => rows::devices(view, &mut |row| out.row(row))?,
        TableName::Neighbours => rows::neighbours(view, &mut |row| out.row(row))?,
    }
    out.end()
}
