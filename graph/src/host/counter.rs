//! What the kernel counts, and what it throws away.

use super::Netns;
use crate::{Text, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A counter of the kernel, since it was made. Its earlier readings are kept for a while: see [`Host::grown`](super::Host::grown).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counter {
    /// Where.
    pub netns: Netns,
    /// The index of the device that it belongs to; none for the whole namespace.
    pub device: Option<u32>,
    /// As nstat(8) names it, such as `IpInAddrErrors` or `TcpExtIPReversePathFilter`; `qdisc dropped` for what a device's queueing
    /// disciplines dropped, all together (tc-qdisc(8)).
    pub name: Text,
    /// Its value.
    pub value: u64,
}

/// Packets that the kernel dropped for one reason at one place, since somebody began to listen (tracepoint `skb:kfree_skb`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drop {
    /// Where; none where the tracepoint does not tell.
    pub netns: Option<Netns>,
    /// The index of the packets' device; none where the tracepoint does not tell.
    pub device: Option<u32>,
    /// The reason's name as the running kernel has it, such as `NETFILTER_DROP`.
    pub reason: Text,
    /// The function that dropped them, such as `nft_do_chain`.
    pub location: Text,
    /// EtherType of the packets.
    pub ether_type: u16,
    /// How many.
    pub packets: u64,
    /// When the latest ones were, at most [`Drop::MOMENTS`], in order. The tracepoint names no device and no namespace; the time is what
    /// tells one packet from another.
    pub moments: Vec<Timestamp>,
}

impl Drop {
    /// The most moments that are kept.
    pub const MOMENTS: usize = 32;
}

/// A socket that waits for datagrams or connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Where.
    pub netns: Netns,
    /// IP protocol: 6 or 17.
    pub protocol: u8,
    /// The address that it is bound to, unspecified for any.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The process; none where it may not be seen.
    pub pid: Option<u32>,
    /// The program, such as `dnsmasq`.
    pub program: Option<Text>,
}
