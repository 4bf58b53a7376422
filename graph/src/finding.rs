//! What is wrong, as far as frames and the host show it.

mod address;
mod cable;
mod echo;
mod health;
mod host;
mod kind;
mod service;

pub use kind::{FindingKind, Severity};

use crate::decode::Stop;
use crate::tables::{Dropped, Tables};
use crate::topology::{Key, LinkKind, Topology};
use crate::{FrameNo, PointId, Timestamp};
use std::collections::BTreeMap;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What kind.
    pub kind: FindingKind,
    /// One sentence without a full stop, sanitised.
    pub text: String,
    /// What is wrong with whom, in words that stay while the counts in `text` grow: with the kind it says which finding this is.
    pub subject: String,
    /// The node or link it is about.
    pub about: Option<Key>,
    /// The point it was seen at.
    pub point: Option<PointId>,
    /// Frames that show it, at most eight.
    pub frames: Vec<FrameNo>,
    /// How often.
    pub count: u64,
}

/// What is wrong, the worst first, then by kind and first frame.
///
/// What looks like a fault and is none stays out: questions that were answered on a retry, probes and announcements that nobody
/// answers, what was asked in the last second of the recording, echoes to groups, a DHCP server's own echo before it offers.
pub fn findings(tables: &Tables, topology: &Topology) -> Vec<Finding> {
    let mut found = Vec::new();
    address::conflicts(topology, &mut found);
    address::resolutions(tables, &mut found);
    echo::echoes(tables, &mut found);
    service::dhcp(tables, &mut found);
    service::tcp(tables, &mut found);
    spanning_tree(tables, &mut found);
    host::host(tables, topology, &mut found);
    health::health(tables, topology, &mut found);
    cable::cables(tables, topology, &mut found);
    points(tables, topology, &mut found);
    dropped(tables, &mut found);
    found.sort_by(|a, b| (a.severity, a.kind, a.frames.first(), &a.text).cmp(&(b.severity, b.kind, b.frames.first(), &b.text)));
    found
}

/// The most frames that a finding names.
const FRAMES: usize = 8;

/// What was asked in the last second may still be answered.
const PATIENCE: i64 = 1_000_000_000;

fn is_too_early(tables: &Tables, asked: Timestamp) -> bool {
    tables.now.is_some_and(|now| now.since(asked) < PATIENCE)
}

/// `5 times`, or nothing for once.
fn times(count: u64) -> String {
    if count == 1 { String::new() } else { format!(", {count} times") }
}

fn spanning_tree(tables: &Tables, found: &mut Vec<Finding>) {
    for row in tables.stp.iter().filter(|row| row.changes > 0) {
        let subject = format!("bridge port {} reports spanning tree topology changes", row.source);
        found.push(Finding {
            severity: Severity::Note,
            kind: FindingKind::TopologyChanges,
            text: format!("{subject}{}", times(row.changes)),
            subject,
            about: None,
            point: Some(row.point),
            frames: row.evidence.samples.to_vec(),
            count: row.changes,
        });
    }
}

fn points(tables: &Tables, topology: &Topology, found: &mut Vec<Finding>) {
    // A cable's link goes by its own key.
    let cables: BTreeMap<PointId, Key> =
        topology.links().filter(|link| link.kind == LinkKind::Cable).filter_map(|link| Some((link.point?, link.key))).collect();
    for (index, point) in tables.points.iter().enumerate() {
        let id = PointId(index as u32);
        let about = cables.get(&id).copied().unwrap_or(Key::Link(id, None));
        let mut tell = |severity, kind, text, subject, count| {
            found.push(Finding { severity, kind, text, subject, about: Some(about), point: Some(id), frames: Vec::new(), count });
        };
        if point.lost > 0 {
            let text = format!("{} frames passed {} and were not captured", point.lost, point.label(id));
            tell(Severity::Warning, FindingKind::FramesLost, text, point.label(id), point.lost);
        }
        for (stop, &count) in &point.stops {
            let packets = if count == 1 { "packet" } else { "packets" };
            let (severity, what) = match stop {
                Stop::LinkType => {
                    let link_type = point.info.link_type;
                    (
                        Severity::Note,
                        link_type.name().map_or_else(|| format!("LINKTYPE {}", link_type.0), |name| format!("LINKTYPE_{name}")),
                    )
                }
                Stop::Malformed(_) => (Severity::Warning, stop.to_string()),
                _ => (Severity::Note, stop.to_string()),
            };
            let text = format!("not decoded: {what}, {count} {packets} at {}", point.label(id));
            tell(severity, FindingKind::NotDecoded, text, format!("{what} at {}", point.label(id)), count);
        }
    }
}

fn dropped(tables: &Tables, found: &mut Vec<Finding>) {
    let Dropped { flows, stations, echoes, journeys, transactions, rows, frames } = tables.dropped;
    let kinds = [
        (flows, "the flows that were idle for the longest were pushed out"),
        (stations, "stations, bindings or next hops found no room"),
        (echoes, "echo requests found no room"),
        (transactions, "ARP, ND or DHCP transactions found no room"),
        (rows, "rows of smaller tables found no room"),
        (frames, "frames of points found no room"),
    ];
    // Journeys are kept for a while by design: pushing them out loses nothing that was counted.
    let _ = journeys;
    for (count, what) in kinds.into_iter().filter(|(count, _)| *count > 0) {
        found.push(Finding {
            severity: Severity::Warning,
            kind: FindingKind::Dropped,
            text: format!("a bound was reached: {what}, {count} in all"),
            subject: what.to_owned(),
            about: None,
            point: None,
            frames: Vec::new(),
            count,
        });
    }
}
