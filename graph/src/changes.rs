//! What changed between two looks at the network: what `tapscope watch` tells, and the window between two moments.

use crate::finding::Finding;
use crate::host::CableState;
use crate::tables::{DhcpState, EchoRow, Tables};
use crate::topology::{Key, Link, LinkKind, LinkState, Node, NodeKind, Topology};
use crate::{MacAddr, PointId, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

/// An echo request without an answer after this long is called lost; nanoseconds.
const PATIENCE: i64 = 2_000_000_000;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// When, seconds since 1970 with nine decimals.
    #[serde(serialize_with = "text")]
    pub at: Timestamp,
    /// What kind of thing.
    pub event: Kind,
    /// One line for people, sanitised.
    pub text: String,
    /// The node or link that it is about, as `show --format json` names it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_text")]
    pub about: Option<Key>,
    /// Addresses that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Link-layer addresses that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "texts")]
    pub macs: Vec<MacAddr>,
    /// Points where it was seen, by name, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<String>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A node came.
    NodeAdded,
    /// A node went.
    NodeGone,
    /// A link came.
    LinkAdded,
    /// A link went.
    LinkGone,
    /// A link's state changed.
    LinkState,
    /// A station has an address.
    Binding,
    /// Somebody asked for a link-layer address, and was answered.
    Resolved,
    /// Somebody asked for a link-layer address in vain.
    Unresolved,
    /// A DHCP transaction went on.
    Dhcp,
    /// An echo was answered.
    EchoAnswered,
    /// An echo was not answered.
    EchoLost,
    /// An echo was refused.
    EchoRefused,
    /// A point stopped, or goes on.
    Point,
    /// Frames were lost.
    Lost,
    /// Something is wrong.
    Finding,
    /// Something is not wrong any more.
    FindingGone,
}

fn text<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn optional_text<T: std::fmt::Display, S: serde::Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

fn texts<T: std::fmt::Display, S: serde::Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}

/// What was told already.
#[derive(Clone, Debug, Default)]
pub struct Told {
    nodes: BTreeMap<Key, String>,
    links: BTreeMap<Key, (String, LinkState)>,
    bindings: BTreeSet<(MacAddr, IpAddr)>,
    bindings_read: usize,
    /// Questions asked and answers given, per row.
    resolutions: Vec<(u64, u64)>,
    dhcp: Vec<(usize, DhcpState)>,
    echoes_read: usize,
    /// Echo rows whose fate is open.
    waiting: Vec<usize>,
    points: Vec<(bool, u64)>,
    findings: BTreeMap<(&'static str, String), String>,
}

impl Told {
    /// What is new since the last call, in a fixed order of kinds.
    pub fn news(&mut self, tables: &Tables, topology: &Topology, findings: &[Finding]) -> Vec<Change> {
        let mut news = News { at: tables.now.unwrap_or_default(), tables, changes: Vec::new() };
        self.picture(topology, &mut news);
        self.points(&mut news);
        self.bindings(&mut news);
        self.resolutions(&mut news);
        self.dhcp(&mut news);
        self.echoes(&mut news);
        self.findings(findings, &mut news);
        news.changes
    }

    fn picture(&mut self, topology: &Topology, news: &mut News<'_>) {
        let mut places: BTreeMap<Key, Vec<&Link>> = BTreeMap::new();
        for (node, link, _) in topology.attachments() {
            places.entry(node.key).or_default().push(link);
        }
        let nodes: BTreeMap<Key, &Node> = topology.nodes().map(|node| (node.key, node)).collect();
        for (&key, node) in nodes.iter().filter(|(key, _)| !self.nodes.contains_key(key)) {
            let links: Vec<&str> = places.get(&key).into_iter().flatten().take(8).map(|link| link.name.as_str()).collect();
            let at = if links.is_empty() { String::new() } else { format!(" at {}", links.join(", ")) };
            let change = news.tell(Kind::NodeAdded, format!("+ {}{at}", called(node)));
            change.about = Some(key);
            change.addresses = node.addresses.iter().map(|address| address.ip).collect();
            change.macs.clone_from(&node.macs);
        }
        for (&key, title) in self.nodes.iter().filter(|(key, _)| !nodes.contains_key(key)) {
            news.tell(Kind::NodeGone, format!("- {title}")).about = Some(key);
        }
        self.nodes = nodes.into_iter().map(|(key, node)| (key, called(node))).collect();

        let links: BTreeMap<Key, &Link> = topology.links().map(|link| (link.key, link)).collect();
        for (&key, link) in &links {
            // A cable that is up is connected.
            let state = match (link.kind, link.state) {
                (_, LinkState::Unknown) => String::new(),
                (LinkKind::Cable, LinkState::Up) => format!(": {}", CableState::Connected),
                (_, state) => format!(": {state}"),
            };
            let what = if link.kind == LinkKind::Cable { "cable" } else { "link" };
            match self.links.get(&key) {
                None => news.tell(Kind::LinkAdded, format!("+ {what} {}{state}{}", link.name, joins(topology, link))).about = Some(key),
                Some((_, before)) if *before != link.state => {
                    let before = match before {
                        LinkState::Up if link.kind == LinkKind::Cable => CableState::Connected.name().to_owned(),
                        before => before.to_string(),
                    };
                    let text = format!("  {what} {}{state}{}, before {before}", link.name, joins(topology, link));
                    news.tell(Kind::LinkState, text).about = Some(key)
                }
                Some(_) => {}
            }
        }
        for (&key, (name, _)) in self.links.iter().filter(|(key, _)| !links.contains_key(key)) {
            let what = if matches!(key, Key::Cable(_)) { "cable" } else { "link" };
            news.tell(Kind::LinkGone, format!("- {what} {name}")).about = Some(key);
        }
        self.links = links.into_iter().map(|(key, link)| (key, (link.name.to_string(), link.state))).collect();
    }

    fn points(&mut self, news: &mut News<'_>) {
        for (index, point) in news.tables.points.iter().enumerate() {
            let label = point.label(PointId(index as u32));
            let Some((closed, lost)) = self.points.get_mut(index) else {
                self.points.push((point.closed, point.lost));
                continue;
            };
            if *closed != point.closed {
                *closed = point.closed;
                let reason = point.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
                let words = if point.closed { format!("- point {label} stopped{reason}") } else { format!("+ point {label} goes on") };
                news.tell(Kind::Point, words).points = vec![label.clone()];
            }
            if *lost != point.lost {
                let more = point.lost.saturating_sub(*lost);
                *lost = point.lost;
                let words = format!("! {more} frames lost at {label}, {} in all", point.lost);
                news.tell(Kind::Lost, words).points = vec![label];
            }
        }
    }

    fn bindings(&mut self, news: &mut News<'_>) {
        let tables = news.tables;
        let rows = &tables.bindings;
        for row in rows.iter().skip(self.bindings_read).filter(|row| row.learned.proves_owner()) {
            if self.bindings.insert((row.mac, row.ip)) {
                let change = news.tell(Kind::Binding, format!("  {} is at {}, by {}", row.ip, row.mac, row.learned.name()));
                (change.at, change.addresses, change.macs) = (row.evidence.first_at, vec![row.ip], vec![row.mac]);
                change.points = vec![point_name(tables, row.point)];
            }
        }
        self.bindings_read = rows.len();
    }

    fn resolutions(&mut self, news: &mut News<'_>) {
        let tables = news.tables;
        for (index, row) in tables.resolutions.iter().enumerate() {
            if index == self.resolutions.len() {
                self.resolutions.push((0, 0));
            }
            let answers: u64 = row.answers.iter().map(|(_, evidence)| evidence.count).sum();
            let (asked, answered) = self.resolutions[index];
            if (asked, answered) == (row.asked.count, answers) {
                continue;
            }
            let verb = if row.is_probe() { "probes for" } else { "asks for" };
            let change = match row.answers.iter().max_by_key(|(_, evidence)| evidence.last) {
                Some((mac, evidence)) if answers > answered => {
                    let change = news.tell(Kind::Resolved, format!("  {} {verb} {}: it is {mac}", row.asker_ip, row.target));
                    (change.at, change.macs) = (evidence.last_at, vec![row.asker_mac, *mac]);
                    change
                }
                // The answer may be on its way.
                _ if tables.now.is_some_and(|now| now.since(row.asked.last_at) < PATIENCE / 4) => continue,
                _ if row.is_probe() => {
                    self.resolutions[index] = (row.asked.count, answers);
                    continue;
                }
                _ => {
                    let change = news.tell(Kind::Unresolved, format!("! {} {verb} {}: nobody answers", row.asker_ip, row.target));
                    (change.at, change.macs) = (row.asked.last_at, vec![row.asker_mac]);
                    change
                }
            };
            change.addresses = vec![row.asker_ip, row.target];
            change.points = vec![point_name(tables, row.point)];
            self.resolutions[index] = (row.asked.count, answers);
        }
    }

    fn dhcp(&mut self, news: &mut News<'_>) {
        let tables = news.tables;
        for (index, row) in tables.dhcp.iter().enumerate() {
            if index == self.dhcp.len() {
                self.dhcp.push((0, DhcpState::Unknown));
            }
            let (read, _) = self.dhcp[index];
            for message in row.messages.iter().skip(read).filter(|message| !message.repeated) {
                let client = row.client_mac.map_or_else(|| "unknown client".to_owned(), |mac| mac.to_string());
                let mut words = format!("  DHCP {client} {}", message.name());
                let given = match message.message_type {
                    Some(2) => row.offered.last(),
                    Some(5) => row.acked.last(),
                    Some(3) => row.requested.last(),
                    _ => None,
                };
                if let Some(ip) = given {
                    let _ = write!(words, " {ip}");
                }
                let change = news.tell(Kind::Dhcp, words);
                (change.at, change.macs) = (message.at, row.client_mac.into_iter().collect());
                change.addresses = given.copied().map(IpAddr::V4).into_iter().collect();
                change.points = vec![point_name(tables, message.point)];
            }
            self.dhcp[index] = (row.messages.len(), row.state());
        }
    }

    fn echoes(&mut self, news: &mut News<'_>) {
        let tables = news.tables;
        let new = tables.echo_requests().map(|(index, _)| index).filter(|&index| index >= self.echoes_read);
        self.waiting.extend(new);
        self.echoes_read = tables.echoes.len();
        self.waiting.retain(|&index| tables.echoes.get(index).is_some_and(|echo| !news.fate(echo)));
    }

    fn findings(&mut self, findings: &[Finding], news: &mut News<'_>) {
        let now: BTreeMap<(&'static str, String), &Finding> =
            findings.iter().map(|finding| ((finding.kind.code(), finding.subject.clone()), finding)).collect();
        for (key, finding) in now.iter().filter(|(key, _)| !self.findings.contains_key(*key)) {
            news.tell(Kind::Finding, format!("! {} {}", key.0, finding.text)).about = finding.about;
        }
        for ((code, _), words) in self.findings.iter().filter(|(key, _)| !now.contains_key(*key)) {
            news.tell(Kind::FindingGone, format!("  {code} no more: {words}"));
        }
        self.findings = now.into_iter().map(|(key, finding)| (key, finding.text.clone())).collect();
    }
}

/// What is being told.
struct News<'a> {
    at: Timestamp,
    tables: &'a Tables,
    changes: Vec<Change>,
}

impl News<'_> {
    fn tell(&mut self, event: Kind, text: String) -> &mut Change {
        let change = Change { at: self.at, event, text, about: None, addresses: Vec::new(), macs: Vec::new(), points: Vec::new() };
        self.changes.push(change);
        self.changes.last_mut().expect("a change was just told")
    }

    /// Tells what became of an echo request; says whether it is decided.
    fn fate(&mut self, echo: &EchoRow) -> bool {
        let tables = self.tables;
        let what = format!("echo {} -> {} {}/{}", echo.source, echo.destination, echo.identifier, echo.sequence);
        let path = |journey: Option<u64>| -> Vec<String> {
            let journey = journey.and_then(|id| tables.journey(id));
            journey.into_iter().flat_map(|journey| &journey.sightings).map(|seen| point_name(tables, seen.point)).collect()
        };
        let request = path(echo.journey);
        let change = if let Some(time) = tables.round_trip(echo) {
            self.tell(Kind::EchoAnswered, format!("  {what}: answered after {:.3} ms", time as f64 / 1e6))
        } else if let Some(error) = echo.error.and_then(|row| tables.icmp_errors.get(row as usize)) {
            self.tell(Kind::EchoRefused, format!("! {what}: {} says {}", error.error.reporter, error.error))
        } else if tables.now.is_some_and(|now| now.since(echo.at) > PATIENCE) {
            let last = request.last().map_or_else(String::new, |point| format!(", last seen at {point}"));
            self.tell(Kind::EchoLost, format!("! {what}: not answered{last}"))
        } else {
            return false;
        };
        (change.at, change.addresses) = (echo.at, vec![echo.source, echo.destination]);
        change.points = request.into_iter().chain(path(echo.reply_journey)).collect();
        true
    }
}

/// Who is plugged into a cable: ` (g1, g2)`.
fn joins(topology: &Topology, link: &Link) -> String {
    let ends: BTreeMap<Key, &Node> = topology
        .attachments()
        .filter(|(_, other, _)| link.kind == LinkKind::Cable && other.key == link.key)
        .map(|(node, ..)| (node.key, node))
        .collect();
    let titles: Vec<String> = ends.values().take(8).map(|node| node.title()).collect();
    if titles.is_empty() { String::new() } else { format!(" ({})", titles.join(", ")) }
}

fn point_name(tables: &Tables, point: PointId) -> String {
    tables.points.get(point.0 as usize).map_or_else(String::new, |row| row.label(point))
}

/// `guest g1 (52:54:00:12:34:57)`.
fn called(node: &Node) -> String {
    let title = node.title();
    let kind = match node.kind {
        NodeKind::Local => "",
        NodeKind::Host => "station ",
        NodeKind::Guest => "guest ",
        NodeKind::Router => "router ",
        NodeKind::Bridge => "bridge ",
        NodeKind::Outside => "outside: ",
        NodeKind::Program => "program ",
        NodeKind::Stack => "",
    };
    let macs: Vec<String> = node.macs.iter().map(MacAddr::to_string).filter(|mac| *mac != title).collect();
    let macs = if macs.is_empty() || node.kind == NodeKind::Local { String::new() } else { format!(" ({})", macs.join(", ")) };
    format!("{kind}{title}{macs}").replace("bridge bridge", "bridge")
}
