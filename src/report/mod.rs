//! What `show` prints, one file per format.

pub mod card;
pub mod dot;
pub mod graphml;
pub mod host;
pub mod json;
#[cfg(test)]
mod tests;
pub mod text;
pub mod why;

use tapscope_graph::MacAddr;
use tapscope_graph::topology::{Node, NodeKind};

/// What a node is called: its name, its first address, its MAC.
pub fn title(node: &Node) -> String {
    if let Some(name) = &node.name {
        return name.to_string();
    }
    match (node.kind, node.addresses.first()) {
        (NodeKind::Bridge, _) => "bridge".to_owned(),
        (NodeKind::Outside, _) => format!("{} remote {}", node.remote_count, plural(node.remote_count, "address", "addresses")),
        (_, Some(address)) => address.ip.to_string(),
        (_, None) => mac(node).map_or_else(|| node.key.to_string(), |mac| mac.to_string()),
    }
}

/// Its link-layer address, if it has just one.
fn mac(node: &Node) -> Option<MacAddr> {
    match node.macs[..] {
        [mac] => Some(mac),
        _ => None,
    }
}

/// An IP protocol's name, or its number.
pub fn protocol(number: u8) -> String {
    match number {
        1 => "icmp".into(),
        6 => "tcp".into(),
        17 => "udp".into(),
        58 => "icmpv6".into(),
        132 => "sctp".into(),
        other => format!("protocol {other}"),
    }
}

fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}
