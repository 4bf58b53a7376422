//! Transactions of DHCP and DHCPv6.

use super::{Shown, shown};
use serde::Serialize;
use tapscope_graph::tables::{self};
use tapscope_graph::{MacAddr, Text};

#[derive(Serialize)]
pub(super) struct Dhcp<'a> {
    xid: String,
    client_mac: Option<Shown<MacAddr>>,
    state: String,
    messages: Vec<String>,
    packets: Vec<u64>,
    more_messages: u64,
    offered: &'a [std::net::Ipv4Addr],
    acked: &'a [std::net::Ipv4Addr],
    requested: &'a [std::net::Ipv4Addr],
    servers: &'a [std::net::Ipv4Addr],
    lease_seconds: &'a [u32],
    routers: &'a [std::net::Ipv4Addr],
    dns: &'a [std::net::Ipv4Addr],
    subnet_masks: &'a [std::net::Ipv4Addr],
    domains: Vec<Shown<&'a Text>>,
    hostnames: Vec<Shown<&'a Text>>,
    vendor_classes: Vec<Shown<&'a Text>>,
    relays: &'a [std::net::Ipv4Addr],
    messages_text: Vec<Shown<&'a Text>>,
    option82: bool,
}

impl Dhcp<'_> {
    pub(super) fn of(transaction: &tables::DhcpTransaction) -> Dhcp<'_> {
        Dhcp {
            xid: format!("{:#010x}", transaction.xid),
            client_mac: transaction.client_mac.map(Shown),
            state: transaction.state().to_string(),
            messages: transaction.messages.iter().map(tables::DhcpMessage::name).collect(),
            packets: transaction.messages.iter().map(|message| message.frame.0).collect(),
            more_messages: transaction.more_messages,
            offered: &transaction.offered,
            acked: &transaction.acked,
            requested: &transaction.requested,
            servers: &transaction.servers,
            lease_seconds: &transaction.lease_seconds,
            routers: &transaction.routers,
            dns: &transaction.dns,
            subnet_masks: &transaction.subnet_masks,
            domains: shown(&transaction.domains),
            hostnames: shown(&transaction.hostnames),
            vendor_classes: shown(&transaction.vendor_classes),
            relays: &transaction.relays,
            messages_text: shown(&transaction.texts),
            option82: transaction.option82,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Dhcp6<'a> {
    xid: String,
    client_id: Option<Shown<&'a Text>>,
    client_mac: Option<Shown<MacAddr>>,
    message_types: Vec<u8>,
    packets: Vec<u64>,
    servers: Vec<Shown<&'a Text>>,
    addresses: Vec<std::net::Ipv6Addr>,
    prefixes: Vec<String>,
    hostnames: Vec<Shown<&'a Text>>,
}

impl Dhcp6<'_> {
    pub(super) fn of(transaction: &tables::Dhcp6Transaction) -> Dhcp6<'_> {
        Dhcp6 {
            xid: format!("{:#08x}", transaction.xid),
            client_id: transaction.client_id.as_ref().map(Shown),
            client_mac: transaction.client_mac.map(Shown),
            message_types: transaction.messages.iter().map(|message| message.0).collect(),
            packets: transaction.messages.iter().map(|message| message.1.0).collect(),
            servers: shown(&transaction.servers),
            addresses: transaction.addresses.iter().map(|address| address.0).collect(),
            prefixes: transaction.prefixes.iter().map(|(prefix, length)| format!("{prefix}/{length}")).collect(),
            hostnames: shown(&transaction.hostnames),
        }
    }
}
