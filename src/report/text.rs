//! For people: the topology as a tree first, then what is wrong, then DHCP, echoes and talkers.

use super::plural;
use crate::show::Reading;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::{Duration, SystemTime};
use tapscope_graph::finding::Severity;
use tapscope_graph::tables::{DhcpState, Side, Tables};
use tapscope_graph::topology::{Address, Interface, Key, Link, LinkState, Node, NodeKind, Topology};
use tapscope_graph::{PointId, Text, View};

/// Rows of a list before it is cut.
const ROWS: usize = 12;

/// Terminal colours; nothing where colours are off.
struct Paint(bool);

impl Paint {
    fn wrap(&self, code: &str, text: impl std::fmt::Display) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    fn heading(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn dim(&self, text: impl std::fmt::Display) -> String {
        self.wrap("2", text)
    }

    fn severity(&self, severity: Severity) -> String {
        match severity {
            Severity::Error => self.wrap("31", "error  "),
            Severity::Warning => self.wrap("33", "warning"),
            Severity::Note => self.wrap("2", "note   "),
        }
    }
}

/// Writes all sections that have something to say.
pub fn write(out: &mut impl Write, reading: &Reading, color: bool) -> Result<()> {
    let paint = Paint(color);
    if let Some(Ok(since)) = reading.at.map(|at| u64::try_from(at.0)) {
        // As `--until` takes it.
        let at = SystemTime::UNIX_EPOCH + Duration::from_nanos(since);
        writeln!(out, "At {}", humantime::format_rfc3339_nanos(at))?;
    }
    files(out, reading, &paint)?;
    if reading.files.is_empty() {
        points(out, &reading.view.tables, &paint)?;
    }
    let View { tables, findings, .. } = &reading.view;
    writeln!(out, "\n{}", paint.heading("Topology"))?;
    tree(out, &reading.view, &paint)?;
    writeln!(out, "\n{}", paint.heading("What is wrong"))?;
    if findings.is_empty() {
        writeln!(out, "  nothing that these frames show")?;
    }
    for finding in findings.iter().take(2 * ROWS) {
        let frames: Vec<String> = finding.frames.iter().take(4).map(|frame| frame.0.to_string()).collect();
        let packets = plural(frames.len() as u64, "packet", "packets");
        let proof = if frames.is_empty() { String::new() } else { paint.dim(format!("  ({packets} {})", frames.join(", "))) };
        writeln!(out, "  {} {} {}{proof}", paint.severity(finding.severity), paint.dim(finding.kind.code()), finding.text)?;
    }
    more(out, findings.len(), 2 * ROWS, &paint)?;
    dhcp(out, tables, &paint)?;
    echoes(out, tables, &paint)?;
    talkers(out, tables, &paint)
}

fn files(out: &mut impl Write, reading: &Reading, paint: &Paint) -> Result<()> {
    for facts in &reading.files {
        let gzip = if facts.is_gzip { ", gzipped" } else { "" };
        let packets = plural(facts.packets, "packet", "packets");
        writeln!(
            out,
            "{}: {}{gzip}, {} {packets}, {}",
            paint.heading(Text::path(&facts.path).as_str()),
            facts.format.name(),
            facts.packets,
            octets(facts.octets)
        )?;
        if let (Some(first), Some(last)) = (facts.first, facts.last) {
            writeln!(out, "  from {} to {} ({} s)", utc(first.seconds), utc(last.seconds), last.seconds - first.seconds)?;
        }
        if facts.truncated_packets > 0 {
            let captured = octets(facts.captured_octets);
            writeln!(out, "  {} packets were captured shorter than they were: {captured} in all", facts.truncated_packets)?;
        }
        for (id, info) in facts.points.iter().take(ROWS) {
            let row = reading.view.tables.points.get(id.0 as usize);
            let count = row.map_or(0, |row| row.counters.packets);
            let link_type = info.link_type.name().map_or_else(|| format!("link type {}", info.link_type.0), str::to_owned);
            let label = row.map_or_else(String::new, |row| row.label(*id));
            let lost = row.filter(|row| row.lost > 0).map_or_else(String::new, |row| format!(", {} lost", row.lost));
            let offload = row.filter(|row| row.offloaded > 0).map_or_else(String::new, |row| {
                format!(", {} larger than Ethernet allows: segmentation offload or a larger MTU", row.offloaded)
            });
            writeln!(out, "  {label}: {link_type}, {count} {}{lost}{offload}", plural(count, "packet", "packets"))?;
        }
        more(out, facts.points.len(), ROWS, paint)?;
    }
    Ok(())
}

/// Where a living host was listened to.
fn points(out: &mut impl Write, tables: &Tables, paint: &Paint) -> Result<()> {
    let count = tables.points.len() as u64;
    writeln!(out, "{}: listened on {count} {}", paint.heading("this host"), plural(count, "point", "points"))?;
    for (index, row) in tables.points.iter().enumerate().take(2 * ROWS) {
        let packets = row.counters.packets;
        let lost: Vec<String> = row.lost_by.iter().map(|(cause, frames)| format!("{frames} by the {}", cause.name())).collect();
        let lost = if lost.is_empty() { String::new() } else { paint.wrap("31", format!(", lost {}", lost.join(", "))) };
        let reason = row.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", Text::long(reason)));
        let closed = if row.closed { paint.wrap("33", format!(", closed{reason}")) } else { String::new() };
        let description = row.info.description.as_ref().map_or_else(String::new, |text| paint.dim(format!("  {}", Text::long(text))));
        let label = row.label(PointId(index as u32));
        writeln!(out, "  {label}: {packets} {}{lost}{closed}{description}", plural(packets, "packet", "packets"))?;
    }
    if tables.host.backlog() > 0 {
        writeln!(out, "  the kernel threw away {} frames before any point, since it started", tables.host.backlog())?;
    }
    more(out, tables.points.len(), 2 * ROWS, paint)
}

/// Bridges with their points and what is attached there; then the links that no bridge joins; then what lies beyond routers.
fn tree(out: &mut impl Write, view: &View, paint: &Paint) -> Result<()> {
    let topology: &Topology = &view.topology;
    let mut attached: BTreeMap<Key, Vec<(&Node, &Interface)>> = BTreeMap::new();
    for (node, link, interface) in topology.attachments() {
        attached.entry(link.key).or_default().push((node, interface));
    }
    let mut cables: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for (&link, nodes) in &attached {
        for (program, _) in nodes.iter().filter(|(node, _)| node.kind == NodeKind::Program) {
            cables.entry(program.key).or_default().insert(link);
        }
    }
    // A program that several cables lead to joins them, as a bridge does.
    let is_bridge = |node: &Node| node.kind == NodeKind::Bridge || cables.get(&node.key).is_some_and(|links| links.len() > 1);
    let bridged = |link: &Link| attached.get(&link.key).into_iter().flatten().find(|(node, _)| is_bridge(node)).map(|(node, _)| node.key);
    for bridge in topology.nodes().filter(|node| is_bridge(node)) {
        let ports: Vec<&Link> = topology.links().filter(|link| bridged(link) == Some(bridge.key)).collect();
        let inferred = if bridge.kind == NodeKind::Program {
            " (program)".to_owned()
        } else if bridge.host.is_none() {
            paint.dim(" (frames cross from point to point unchanged)")
        } else {
            String::new()
        };
        writeln!(out, "  {}{inferred}", paint.heading(&bridge.title()))?;
        for (index, link) in ports.iter().enumerate() {
            let is_last = index + 1 == ports.len();
            writeln!(out, "  {} {}{}", if is_last { "└─" } else { "├─" }, link.name, state(link, paint))?;
            members(out, &attached, link, Some(bridge.key), if is_last { "     " } else { "  │  " }, paint)?;
        }
    }
    for link in topology.links().filter(|link| link.kind.is_local() && bridged(link).is_none()) {
        if link.vlan.is_none() || attached.contains_key(&link.key) {
            writeln!(out, "  {}{}{}", link.name, state(link, paint), sight(&view.tables, link, paint))?;
            members(out, &attached, link, None, "  ", paint)?;
        }
    }
    Ok(())
}

/// What keeps frames from passing, if anything does.
fn state(link: &Link, paint: &Paint) -> String {
    match link.state {
        LinkState::Unknown | LinkState::Up => String::new(),
        state => paint.wrap("33", format!("  {state}")),
    }
}

/// How the frames of a cable can be seen that no point listens on.
fn sight(tables: &Tables, link: &Link, paint: &Paint) -> String {
    let cable = link.cable.as_ref().filter(|_| link.point.is_none()).and_then(|key| tables.host.cable(key));
    let words = cable.map_or_else(String::new, |cable| cable.sight.words(&tables.host));
    if words.is_empty() { words } else { paint.dim(format!("  {words}")) }
}

fn members(
    out: &mut impl Write,
    attached: &BTreeMap<Key, Vec<(&Node, &Interface)>>,
    link: &Link,
    bridge: Option<Key>,
    indent: &str,
    paint: &Paint,
) -> Result<()> {
    let mut nodes: Vec<_> = attached
        .get(&link.key)
        .into_iter()
        .flatten()
        .filter(|(node, _)| node.kind != NodeKind::Bridge && Some(node.key) != bridge)
        .collect();
    nodes.sort_by_key(|(_, interface)| std::cmp::Reverse(interface.sent.packets + interface.received.packets));
    let shown = nodes.len().min(4 * ROWS);
    let mut interfaces: BTreeMap<Key, usize> = BTreeMap::new();
    nodes.iter().for_each(|(node, _)| *interfaces.entry(node.key).or_default() += 1);
    let mut told: BTreeSet<Key> = BTreeSet::new();
    for (index, (node, interface)) in nodes.iter().take(shown).enumerate() {
        let is_last = index + 1 == nodes.len();
        let mark = if is_last { "└─" } else { "├─" };
        let kind = match node.kind {
            NodeKind::Router => "router ",
            NodeKind::Guest => "guest ",
            NodeKind::Program => "program ",
            NodeKind::Host | NodeKind::Bridge | NodeKind::Outside | NodeKind::Local | NodeKind::Stack => "",
        };
        let station =
            interface.mac.map(|mac| mac.to_string()).filter(|mac| *mac != node.title()).map_or_else(String::new, |mac| format!("  {mac}"));
        let traffic = paint.dim(format!("  sent {}, received {}", interface.sent.packets, interface.received.packets));
        writeln!(out, "{indent}{mark} {kind}{}{station}{traffic}", paint.heading(&node.title()))?;
        let below = if is_last { "   " } else { "│  " };
        // An address that is set on another device is told there, and one of several interfaces on this link at its own.
        let (is_first, is_only) = (told.insert(node.key), interfaces.get(&node.key) == Some(&1));
        let is_here = |address: &&Address| {
            let is_own = |(_, mac)| Some(mac) == interface.mac;
            address.device.is_none_or(|(device, _)| link.device == Some(device)) && (is_only || address.station.map_or(is_first, is_own))
        };
        for address in node.addresses.iter().filter(is_here).take(ROWS) {
            let learned: Vec<&str> = address.learned.iter().map(|learned| learned.name()).collect();
            let how = match address.evidence.count {
                0 if learned.is_empty() => String::new(),
                0 => format!("  {}", learned.join(", ")),
                count => format!("  by {}, {count} {}", learned.join(", "), plural(count, "packet", "packets")),
            };
            let conflict = match address.conflicts.len() {
                0 if address.moved => paint.dim("  moved away later"),
                0 => String::new(),
                _ => paint.wrap("31", "  also claimed by another station"),
            };
            let length = address.device.map_or_else(String::new, |(_, length)| format!("/{length}"));
            writeln!(out, "{indent}{below}   {}{length}{}{conflict}", address.ip, paint.dim(how))?;
        }
        if node.remote_count > 0 && is_first {
            let some: Vec<String> = node.remotes.iter().take(4).map(ToString::to_string).collect();
            let dots = if node.remote_count > 4 { ", …" } else { "" };
            let addresses = plural(node.remote_count, "address", "addresses");
            writeln!(out, "{indent}{below}   beyond it {} remote {addresses}: {}{dots}", node.remote_count, some.join(", "))?;
        }
    }
    if nodes.len() > shown {
        writeln!(out, "{indent}└─ {}", paint.dim(format!("… and {} more (--format json has all)", nodes.len() - shown)))?;
    }
    Ok(())
}

fn dhcp(out: &mut impl Write, tables: &Tables, paint: &Paint) -> Result<()> {
    if tables.dhcp.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", paint.heading("DHCP"))?;
    for transaction in tables.dhcp.iter().take(ROWS) {
        let client = transaction.client_mac.map_or_else(|| "unknown client".to_owned(), |mac| mac.to_string());
        let name = transaction.hostnames.first().map_or_else(String::new, |name| format!(" ({name})"));
        let messages: Vec<String> =
            transaction.messages.iter().filter(|message| !message.repeated).take(8).map(|message| message.name()).collect();
        let lease = match (transaction.state(), transaction.acked.first()) {
            (DhcpState::Bound, Some(ip)) => format!(" {ip}"),
            _ => String::new(),
        };
        writeln!(out, "  {client}{name}: {}{lease}  {}", transaction.state(), paint.dim(messages.join(" ")))?;
    }
    more(out, tables.dhcp.len(), ROWS, paint)
}

fn echoes(out: &mut impl Write, tables: &Tables, paint: &Paint) -> Result<()> {
    if tables.echoes.is_empty() {
        return Ok(());
    }
    let mut pairs: BTreeMap<_, (u64, u64, i64)> = BTreeMap::new();
    for (_, echo) in tables.echo_requests() {
        let (sent, answered, fastest) = pairs.entry((echo.source, echo.destination)).or_insert((0, 0, i64::MAX));
        *sent += 1;
        *answered += u64::from(echo.reply.is_some());
        *fastest = tables.round_trip(echo).map_or(*fastest, |time| time.min(*fastest));
    }
    writeln!(out, "\n{}", paint.heading("Echoes"))?;
    let count = pairs.len();
    for ((source, destination), (sent, answered, fastest)) in pairs.into_iter().take(ROWS) {
        let time = if fastest == i64::MAX { String::new() } else { format!(", fastest {:.3} ms", fastest as f64 / 1e6) };
        let verdict = match answered {
            1 if sent == 1 => format!("answered{time}"),
            _ if answered == sent => format!("all {sent} answered{time}"),
            _ => format!("{answered} of {sent} answered{time}"),
        };
        let verdict = if answered == 0 { paint.wrap("31", verdict) } else { verdict };
        writeln!(out, "  {source} -> {destination}: {verdict}")?;
    }
    more(out, count, ROWS, paint)
}

fn talkers(out: &mut impl Write, tables: &Tables, paint: &Paint) -> Result<()> {
    if tables.flows.is_empty() {
        return Ok(());
    }
    let mut flows: Vec<_> = tables.flows.iter().map(|flow| (flow.counted_once(), flow)).collect();
    let total = |flow: &((tapscope_graph::tables::Counters, tapscope_graph::tables::Counters), _)| flow.0.0.octets + flow.0.1.octets;
    flows.sort_by_key(|flow| std::cmp::Reverse(total(flow)));
    writeln!(out, "\n{}", paint.heading("Talkers"))?;
    for ((a_to_b, b_to_a), flow) in flows.iter().take(ROWS) {
        let ((from, sent), (to, back)) = match flow.initiator {
            Side::A => ((flow.a(), a_to_b), (flow.b(), b_to_a)),
            Side::B => ((flow.b(), b_to_a), (flow.a(), a_to_b)),
        };
        let end = |endpoint: tapscope_graph::tables::Endpoint| match (endpoint.port, endpoint.ip.is_ipv6()) {
            (Some(port), false) => format!("{}:{port}", endpoint.ip),
            (Some(port), true) => format!("[{}]:{port}", endpoint.ip),
            (None, _) => endpoint.ip.to_string(),
        };
        let protocol = super::protocol(flow.protocol);
        let state = flow.tcp.map_or_else(String::new, |state| paint.dim(format!("  {}", state.name())));
        writeln!(out, "  {protocol} {} -> {}: {}, back {}{state}", end(from), end(to), octets(sent.octets), octets(back.octets))?;
    }
    more(out, flows.len(), ROWS, paint)
}

fn more(out: &mut impl Write, count: usize, shown: usize, paint: &Paint) -> Result<()> {
    if count > shown {
        writeln!(out, "  {}", paint.dim(format!("… and {} more (--format json has all)", count - shown)))?;
    }
    Ok(())
}

/// With a unit that keeps the number short.
fn octets(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Year-month-day hour:minute:second of a second since 1970, UTC. Days to date as in Howard Hinnant's `civil_from_days`.
fn utc(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_dates() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_827_696), "2000-02-29 12:34:56 UTC");
        assert_eq!(utc(-1), "1969-12-31 23:59:59 UTC");
    }

    #[test]
    fn octets_stay_short() {
        assert_eq!([999, 1000, 1_234_567].map(octets), ["999 B", "1.0 kB", "1.2 MB"]);
    }
}
