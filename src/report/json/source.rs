//! What was read: files and their points.

use super::Shown;
use serde::Serialize;
use std::collections::BTreeMap;
use tapscope_capture::file::FileFacts;
use tapscope_graph::tables::Tables;
use tapscope_graph::{PointId, PointInfo, Text};

#[derive(Serialize)]
pub(super) struct File<'a> {
    path: Shown<Text>,
    format: &'static str,
    gzip: bool,
    packets: u64,
    octets: u64,
    captured_octets: u64,
    truncated_packets: u64,
    first: Option<Shown<tapscope_capture::file::Stamp>>,
    last: Option<Shown<tapscope_capture::file::Stamp>>,
    incomplete: Option<&'a str>,
    points: Vec<Point>,
}

impl File<'_> {
    pub(super) fn of<'a>(facts: &'a FileFacts, tables: &'a Tables) -> File<'a> {
        File {
            path: Shown(Text::path(&facts.path)),
            format: facts.format.name(),
            gzip: facts.is_gzip,
            packets: facts.packets,
            octets: facts.octets,
            captured_octets: facts.captured_octets,
            truncated_packets: facts.truncated_packets,
            first: facts.first.map(Shown),
            last: facts.last.map(Shown),
            incomplete: facts.incomplete.as_deref(),
            points: facts.points.iter().map(|(id, info)| Point::of(*id, info, tables)).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Point {
    id: u32,
    name: Option<String>,
    description: Option<String>,
    link_type: String,
    link_type_number: u32,
    snap_length: u32,
    packets: u64,
    octets: u64,
    lost: u64,
    offloaded: u64,
    not_decoded: BTreeMap<String, u64>,
}

impl Point {
    pub(super) fn of(id: PointId, info: &PointInfo, tables: &Tables) -> Point {
        let point = tables.points.get(id.0 as usize).cloned().unwrap_or_default();
        let text = |text: &Option<String>| text.as_ref().map(|text| Text::new(text).to_string());
        Point {
            id: id.0,
            name: text(&info.name),
            description: text(&info.description),
            link_type: info.link_type.name().map_or_else(|| info.link_type.0.to_string(), str::to_owned),
            link_type_number: info.link_type.0,
            snap_length: info.snap_length,
            packets: point.counters.packets,
            octets: point.counters.octets,
            lost: point.lost,
            offloaded: point.offloaded,
            not_decoded: point.stops.iter().map(|(stop, count)| (stop.to_string(), *count)).collect(),
        }
    }
}
