//! What the user calls things, and who ended was called: by the thing, and by its addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use tapscope_graph::View;
use tapscope_graph::topology::{Key, Node};

/// Names that are not the things' own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    things: BTreeMap<Key, String>,
    addresses: BTreeMap<IpAddr, String>,
}

impl Names {
    /// Of things of a view.
    pub fn of(view: &View, things: BTreeMap<Key, String>) -> Names {
        let named = view.topology.nodes().filter_map(|node| Some((node, things.get(&node.key)?)));
        let addresses = named.flat_map(|(node, name)| node.addresses.iter().map(move |address| (address.ip, name.clone())));
        let addresses = if things.is_empty() { BTreeMap::new() } else { addresses.collect() };
        Names { addresses, things }
    }

    /// What a node is called: by the user, else by itself.
    pub fn title(&self, node: &Node) -> String {
        self.get(&node.key).cloned().unwrap_or_else(|| crate::format::title(node))
    }

    pub fn get(&self, key: &Key) -> Option<&String> {
        self.things.get(key)
    }

    pub fn contains_key(&self, key: &Key) -> bool {
        self.things.contains_key(key)
    }

    /// An address, with the name behind it that its owner goes by.
    pub fn told(&self, ip: IpAddr) -> String {
        self.addresses.get(&ip).map_or_else(|| ip.to_string(), |name| format!("{ip} ({name})"))
    }

    /// The name of whom a text is about that is an address, or an address and a port.
    pub fn behind(&self, text: &str) -> Option<&str> {
        if self.addresses.is_empty() {
            return None;
        }
        let ip = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip())).ok()?;
        self.addresses.get(&ip).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_goes_by_its_owners_name_with_a_port_and_without() {
        let ip: IpAddr = "10.0.0.2".parse().expect("an address");
        let names = Names { addresses: BTreeMap::from([(ip, "shop".to_owned())]), ..Names::default() };
        assert_eq!((names.behind("10.0.0.2"), names.behind("10.0.0.2:80"), names.behind("10.0.0.3")), (Some("shop"), Some("shop"), None));
        assert_eq!(names.told(ip), "10.0.0.2 (shop)");
    }
}
