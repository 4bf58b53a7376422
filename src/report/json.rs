//! Schema `tapscope.show/1`: one JSON object.
//!
//! Rows are made while they are written: a million flows need no second copy. Members may be added; those that are here keep their
//! names and meanings.

mod address;
mod dhcp;
mod flow;
mod picture;
mod row;
mod source;

use super::host::{HostReport, PointReport};
use crate::show::Reading;
use address::{Name, Resolution, arp, bindings, macs};
use anyhow::Result;
use dhcp::{Dhcp, Dhcp6};
use flow::{Echo, Flow, Journey};
use picture::{Finding, Link, Node, interfaces};
use row::{Crossing, IcmpError, Lldp, Router, Stp, Tunnel};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use source::File;
use std::fmt::Display;
use std::io::Write;
use tapscope_graph::View;
use tapscope_graph::tables::{self};

/// Writes the object and a line feed.
pub fn write(out: &mut impl Write, reading: &Reading) -> Result<()> {
    let View { tables, topology, findings } = &reading.view;
    let mut serializer = serde_json::Serializer::new(&mut *out);
    let mut object = serializer.serialize_map(None)?;
    object.serialize_entry("schema", "tapscope.show/1")?;
    object.serialize_entry("files", &Rows(|| reading.files.iter().map(|facts| File::of(facts, tables))))?;
    if let Some(host) = HostReport::of(tables) {
        object.serialize_entry("points", &Rows(|| tables.points.iter().enumerate().map(|(index, row)| PointReport::of(index, row))))?;
        object.serialize_entry("host", &host)?;
    }
    object.serialize_entry("macs", &Rows(|| macs(tables)))?;
    object.serialize_entry("bindings", &Rows(|| bindings(tables)))?;
    object.serialize_entry("arp", &Rows(|| arp(tables)))?;
    object.serialize_entry("dhcp", &Rows(|| tables.dhcp.iter().map(Dhcp::of)))?;
    object.serialize_entry("dhcp6", &Rows(|| tables.dhcp6.iter().map(Dhcp6::of)))?;
    object.serialize_entry("echoes", &Rows(|| tables.echoes.iter().map(Echo::of)))?;
    object.serialize_entry("flows", &Rows(|| tables.flows.iter().map(Flow::of)))?;
    object.serialize_entry("nodes", &Rows(|| topology.graph.node_weights().filter_map(Node::of)))?;
    object.serialize_entry("links", &Rows(|| topology.graph.node_weights().filter_map(Link::of)))?;
    object.serialize_entry("interfaces", &Rows(|| interfaces(topology)))?;
    object.serialize_entry("findings", &Rows(|| findings.iter().map(Finding::of)))?;
    object.serialize_entry("resolutions", &Rows(|| tables.resolutions.iter().map(Resolution::of)))?;
    // A journey of one sighting says no more than its frame does.
    object.serialize_entry("journeys", &Rows(|| tables.journeys.iter().filter(|journey| journey.sightings.len() > 1).map(Journey::of)))?;
    object.serialize_entry("names", &Rows(|| tables.names.iter().map(Name::of)))?;
    object.serialize_entry("routers", &Rows(|| tables.routers.iter().map(Router::of)))?;
    object.serialize_entry("icmp_errors", &Rows(|| tables.icmp_errors.iter().map(IcmpError::of)))?;
    object.serialize_entry("lldp", &Rows(|| tables.lldp.iter().map(Lldp::of)))?;
    object.serialize_entry("stp", &Rows(|| tables.stp.iter().map(Stp::of)))?;
    object.serialize_entry("tunnels", &Rows(|| tables.tunnels.iter().map(Tunnel::of)))?;
    object.serialize_entry("crossings", &Rows(|| tables.crossings.iter().map(Crossing::of)))?;
    object.serialize_entry("dropped", &Dropped::of(&tables.dropped))?;
    object.end()?;
    out.write_all(b"\n")?;
    Ok(())
}

/// A sequence whose items are made while it is written.
struct Rows<F>(F);

impl<F: Fn() -> I, I: IntoIterator<Item: Serialize>> Serialize for Rows<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Anything by its text.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

fn shown<T: Display>(list: &[T]) -> Vec<Shown<&T>> {
    list.iter().map(Shown).collect()
}

#[derive(Serialize)]
struct Dropped {
    flows: u64,
    stations: u64,
    echoes: u64,
    journeys: u64,
    transactions: u64,
    rows: u64,
    frames: u64,
}

impl Dropped {
    fn of(dropped: &tables::Dropped) -> Dropped {
        let &tables::Dropped { flows, stations, echoes, journeys, transactions, rows, frames } = dropped;
        Dropped { flows, stations, echoes, journeys, transactions, rows, frames }
    }
}
