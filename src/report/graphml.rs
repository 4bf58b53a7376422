//! The topology as GraphML (graphml.graphdrawing.org): nodes and links are nodes there, interfaces are edges.

use anyhow::Result;
use std::io::Write;
use tapscope_graph::View;
use tapscope_graph::text::xml;
use tapscope_graph::topology::Vertex;

/// What is told: for what, its key, its type.
const KEYS: [(&str, &str, &str); 11] = [
    ("node", "is", "string"),
    ("node", "kind", "string"),
    ("node", "label", "string"),
    ("node", "macs", "string"),
    ("node", "addresses", "string"),
    ("node", "state", "string"),
    ("edge", "mac", "string"),
    ("edge", "vlan", "int"),
    ("edge", "sent", "long"),
    ("edge", "received", "long"),
    ("edge", "seen", "boolean"),
];

/// Writes an undirected graph.
pub fn write(out: &mut impl Write, view: &View) -> Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">")?;
    for (whose, key, kind) in KEYS {
        writeln!(out, "  <key id=\"{key}\" for=\"{whose}\" attr.name=\"{key}\" attr.type=\"{kind}\"/>")?;
    }
    writeln!(out, "  <graph id=\"tapscope\" edgedefault=\"undirected\">")?;
    for vertex in view.topology.graph.node_weights() {
        let (key, rows) = match vertex {
            Vertex::Node(node) => {
                let macs: Vec<String> = node.macs.iter().map(ToString::to_string).collect();
                let addresses: Vec<String> = node.addresses.iter().map(|address| address.ip.to_string()).collect();
                let title = node.title();
                (
                    node.key,
                    vec![
                        ("is", "node".into()),
                        ("kind", node.kind.name().into()),
                        ("label", title),
                        ("macs", macs.join(" ")),
                        ("addresses", addresses.join(" ")),
                    ],
                )
            }
            Vertex::Link(link) => {
                let rows = vec![
                    ("is", "link".into()),
                    ("kind", link.kind.name().into()),
                    ("label", link.name.to_string()),
                    ("state", link.state.to_string()),
                ];
                (link.key, rows)
            }
        };
        writeln!(out, "    <node id=\"{}\">", xml(&key.to_string()))?;
        data(out, &rows)?;
        writeln!(out, "    </node>")?;
    }
    for (node, link, interface) in view.topology.attachments() {
        writeln!(out, "    <edge source=\"{}\" target=\"{}\">", xml(&node.key.to_string()), xml(&link.key.to_string()))?;
        let mut rows = vec![
            ("sent", interface.sent.packets.to_string()),
            ("received", interface.received.packets.to_string()),
            ("seen", interface.is_seen.to_string()),
        ];
        rows.extend(interface.mac.map(|mac| ("mac", mac.to_string())));
        rows.extend(interface.vlan.map(|vlan| ("vlan", vlan.to_string())));
        data(out, &rows)?;
        writeln!(out, "    </edge>")?;
    }
    writeln!(out, "  </graph>\n</graphml>")?;
    Ok(())
}

fn data(out: &mut impl Write, rows: &[(&str, String)]) -> Result<()> {
    for (key, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "      <data key=\"{key}\">{}</data>", xml(value))?;
    }
    Ok(())
}
