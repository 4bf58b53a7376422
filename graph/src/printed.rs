//! The network as text: what golden tests compare, and what "replay equals live" means. Sorted, times relative to the first frame.

use crate::host::CableState;
use crate::network::View;
use crate::tables::Tables;
use crate::topology::{Link, LinkKind, LinkState, Node, NodeKind};
use crate::{PointId, Timestamp};
use std::fmt::Write;

impl View {
    /// The whole view as stable text.
    pub fn printed(&self) -> String {
        let mut out = String::new();
        let _ = self.print(&mut out);
        out
    }

    fn print(&self, out: &mut String) -> std::fmt::Result {
        let tables = &self.tables;
        for (index, point) in tables.points.iter().enumerate() {
            let lost = if point.lost > 0 { format!(", {} lost", point.lost) } else { String::new() };
            writeln!(
                out,
                "point {}: {} packets, {} octets{lost}",
                point.label(PointId(index as u32)),
                point.counters.packets,
                point.counters.octets
            )?;
            for (stop, count) in &point.stops {
                writeln!(out, "  {stop}: {count}")?;
            }
        }
        let mut nodes: Vec<&Node> = self.topology.nodes().collect();
        nodes.sort_by_key(|node| node.key);
        for node in nodes {
            self.print_node(node, out)?;
        }
        let mut cables: Vec<&Link> = self.topology.links().filter(|link| link.kind == LinkKind::Cable).collect();
        cables.sort_by_key(|link| link.key);
        for link in cables {
            let Some(cable) = link.cable.as_ref().and_then(|key| tables.host.cable(key)) else { continue };
            let words = cable.sight.words(&tables.host);
            let sight = match link.point {
                Some(_) => ", listened".to_owned(),
                None if words.is_empty() => String::new(),
                None => format!(", {words}"),
            };
            let state = if cable.state == CableState::Unknown { String::new() } else { format!(", {}", cable.state) };
            writeln!(out, "cable {} {}{state}{sight}", link.key, link.name)?;
        }
        let mut lines: Vec<String> = Vec::new();
        lines.extend(tables.resolutions.iter().map(|row| {
            let answers: Vec<String> = row.answers.iter().map(|(mac, evidence)| format!("{mac} ×{}", evidence.count)).collect();
            let answers = if answers.is_empty() { "nobody".to_owned() } else { answers.join(", ") };
            format!("resolution {} for {} ×{}: {answers}", row.asker_ip, row.target, row.asked.count)
        }));
        lines.extend(tables.dhcp.iter().map(|row| {
            let messages: Vec<String> = row.messages.iter().filter(|message| !message.repeated).map(|message| message.name()).collect();
            format!("dhcp {:#010x} {}: {}", row.xid, messages.join(" "), row.state())
        }));
        lines.extend(tables.echo_requests().map(|(_, echo)| {
            let fate = match (tables.round_trip(echo), echo.error) {
                (Some(time), _) => format!("answered after {time} ns"),
                (None, Some(_)) => "refused".to_owned(),
                (None, None) => "unanswered".to_owned(),
            };
            format!("echo {} -> {} {}/{}: {fate}", echo.source, echo.destination, echo.identifier, echo.sequence)
        }));
        lines.extend(tables.flows.iter().map(|flow| {
            let end = |end: crate::tables::Endpoint| end.port.map_or_else(|| end.ip.to_string(), |port| format!("{} port {port}", end.ip));
            let state = flow.tcp.map_or_else(String::new, |state| format!(" {}", state.name()));
            let rtt = flow.rtt_ns.map_or_else(String::new, |rtt| format!(" rtt {rtt} ns"));
            let (ab, ba) = (flow.a_to_b, flow.b_to_a);
            format!(
                "flow {} {} / {}: {}/{} packets, {}/{} octets, by {:?}{state}{rtt}",
                flow.protocol,
                end(flow.a()),
                end(flow.b()),
                ab.packets,
                ba.packets,
                ab.octets,
                ba.octets,
                flow.initiator
            )
        }));
        lines.extend(tables.names.iter().map(|row| format!("name {} {} by {}", row.ip, row.name, row.by.name())));
        lines.extend(
            tables.tunnels.iter().map(|row| format!("tunnel {} {} -> {} ×{}", row.tunnel, row.outer.0, row.outer.1, row.evidence.count)),
        );
        lines.sort();
        for line in lines {
            writeln!(out, "{line}")?;
        }
        for finding in &self.findings {
            writeln!(out, "{} {}: {}", finding.severity.name(), finding.kind.code(), finding.text)?;
        }
        Ok(())
    }

    fn print_node(&self, node: &Node, out: &mut String) -> std::fmt::Result {
        let name = node.name.as_ref().map_or_else(String::new, |name| format!(" {name}"));
        let mut attached: Vec<&Link> =
            self.topology.attachments().filter(|(other, ..)| other.key == node.key).map(|(_, link, _)| link).collect();
        attached.sort_by_key(|link| link.key);
        attached.dedup_by_key(|link| link.key);
        let links: Vec<String> = attached
            .iter()
            .map(|link| match link.state {
                LinkState::Unknown | LinkState::Up => link.name.to_string(),
                state => format!("{} ({state})", link.name),
            })
            .collect();
        writeln!(out, "{} {}{name} at {}", node.kind.name(), node.key, links.join(", "))?;
        for address in &node.addresses {
            let learned: Vec<&str> = address.learned.iter().map(|learned| learned.name()).collect();
            let conflicts: Vec<String> = address.conflicts.iter().map(|mac| format!(" conflict {mac}")).collect();
            let moved = if address.moved { " moved" } else { "" };
            let evidence = &address.evidence;
            let when = match evidence.count {
                0 => String::new(),
                _ => format!(" {} to {}", relative(&self.tables, evidence.first_at), relative(&self.tables, evidence.last_at)),
            };
            writeln!(out, "  {} by {}{when}{}{moved}", address.ip, learned.join(", "), conflicts.concat())?;
        }
        if node.kind != NodeKind::Outside && node.remote_count > 0 {
            let remotes: Vec<String> = node.remotes.iter().map(ToString::to_string).collect();
            writeln!(out, "  beyond it {}", remotes.join(", "))?;
        }
        Ok(())
    }
}

/// Seconds since the first frame.
fn relative(tables: &Tables, at: Timestamp) -> String {
    let nanos = tables.begin.map_or(0, |begin| at.since(begin));
    format!("{:.1}", nanos as f64 / 1e9)
}
