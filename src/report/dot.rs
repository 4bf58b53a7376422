//! The topology for graphviz.

use anyhow::Result;
use std::io::Write;
use tapscope_graph::View;
use tapscope_graph::topology::{LinkState, Node, NodeKind};

/// Writes an undirected graph: nodes as boxes, links as ellipses, interfaces as edges.
pub fn write(out: &mut impl Write, view: &View) -> Result<()> {
    let topology = &view.topology;
    writeln!(out, "graph tapscope {{")?;
    writeln!(out, "  node [fontname=\"sans-serif\", fontsize=11];")?;
    for node in topology.nodes() {
        let shape = match node.kind {
            NodeKind::Host | NodeKind::Guest => "box",
            NodeKind::Local => "house",
            NodeKind::Router => "diamond",
            NodeKind::Bridge => "hexagon",
            NodeKind::Outside => "cylinder",
            NodeKind::Stack | NodeKind::Program => "component",
        };
        writeln!(out, "  {} [shape={shape}, label={}];", quoted(&node.key.to_string()), quoted(&label(node)))?;
    }
    for link in topology.links() {
        let state = match link.state {
            LinkState::Unplugged(state) => format!("\n{state}"),
            _ => String::new(),
        };
        let label = quoted(&format!("{}{state}", link.name));
        writeln!(out, "  {} [shape=ellipse, style=dashed, label={label}];", quoted(&link.key.to_string()))?;
    }
    for (node, link, interface) in topology.attachments() {
        let (a, b) = (quoted(&node.key.to_string()), quoted(&link.key.to_string()));
        let packets = interface.sent.packets + interface.received.packets;
        match packets {
            0 => writeln!(out, "  {a} -- {b};")?,
            _ => writeln!(out, "  {a} -- {b} [label=\"{packets} packets\"];")?,
        }
    }
    writeln!(out, "}}")?;
    Ok(())
}

fn label(node: &Node) -> String {
    let mut lines = vec![node.title()];
    let more = (node.macs.len() == 1).then(|| node.macs[0].to_string()).into_iter();
    let more = more.chain(node.addresses.iter().take(8).map(|address| address.ip.to_string()));
    for line in more {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// A DOT string: quotes and backslashes escaped, line feeds as `\n`.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
