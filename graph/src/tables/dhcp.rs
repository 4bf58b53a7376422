//! DHCP: who asked for an address, and what became of it.

use crate::{FrameNo, MacAddr, PointId, Text, Timestamp};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A DHCPv4 or BOOTP transaction: one transaction identifier of one client (RFC 2131).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DhcpTransaction {
    /// The point where it was first seen.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// `xid`
    pub xid: u32,
    /// `chaddr`
    pub client_mac: Option<MacAddr>,
    /// Every message seen, in order; the same packet at several points comes several times.
    pub messages: Vec<DhcpMessage>,
    /// Messages that found no room.
    pub more_messages: u64,
    /// `yiaddr` of OFFERs, without repeats in order of appearance; likewise all that follow.
    pub offered: Vec<Ipv4Addr>,
    /// `yiaddr` of ACKs.
    pub acked: Vec<Ipv4Addr>,
    /// Option 50.
    pub requested: Vec<Ipv4Addr>,
    /// Option 54.
    pub servers: Vec<Ipv4Addr>,
    /// Option 51 of OFFERs and ACKs, seconds.
    pub lease_seconds: Vec<u32>,
    /// Option 3 from a server.
    pub routers: Vec<Ipv4Addr>,
    /// Option 6 from a server.
    pub dns: Vec<Ipv4Addr>,
    /// Option 1 from a server.
    pub subnet_masks: Vec<Ipv4Addr>,
    /// Option 15 from a server.
    pub domains: Vec<Text>,
    /// Option 12 from the client.
    pub hostnames: Vec<Text>,
    /// Option 60 from the client.
    pub vendor_classes: Vec<Text>,
    /// `giaddr`
    pub relays: Vec<Ipv4Addr>,
    /// Option 56.
    pub texts: Vec<Text>,
    /// Whether a message carried option 82.
    pub option82: bool,
}

/// One message of a DHCP transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpMessage {
    /// `op`: 1 from the client.
    pub op: u8,
    /// Option 53, or none for BOOTP.
    pub message_type: Option<u8>,
    /// The frame.
    pub frame: FrameNo,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub point: PointId,
    /// Whether the same packet was seen before at another point.
    pub repeated: bool,
}

impl DhcpMessage {
    /// `DISCOVER` … `INFORM`, `BOOTREQUEST`/`BOOTREPLY`, or the number.
    pub fn name(&self) -> String {
        const NAMES: [&str; 13] = [
            "DISCOVER",
            "OFFER",
            "REQUEST",
            "DECLINE",
            "ACK",
            "NAK",
            "RELEASE",
            "INFORM",
            "FORCERENEW",
            "LEASEQUERY",
            "LEASEUNASSIGNED",
            "LEASEUNKNOWN",
            "LEASEACTIVE",
        ];
        match (self.message_type, self.op) {
            (Some(kind), _) => usize::from(kind)
                .checked_sub(1)
                .and_then(|index| NAMES.get(index))
                .map_or_else(|| kind.to_string(), |name| name.to_string()),
            (None, 1) => "BOOTREQUEST".into(),
            (None, 2) => "BOOTREPLY".into(),
            (None, op) => format!("BOOTP-OP{op}"),
        }
    }
}

/// Who waits for whom in a DHCP transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DhcpState {
    /// The client waits for an offer (SELECTING).
    WaitsForOffer,
    /// The server waits for the client's choice.
    WaitsForRequest,
    /// The client waits for the acknowledgement (REQUESTING, RENEWING, REBINDING).
    WaitsForAck,
    /// The client has its lease or its parameters.
    Bound,
    /// The server refused.
    Refused,
    /// The client found the address in use.
    Declined,
    /// The client gave the lease back.
    Released,
    /// Only a server's or an unknown message was seen.
    Unknown,
}

/// In words that say who waits.
impl fmt::Display for DhcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DhcpState::WaitsForOffer => "waits for an offer",
            DhcpState::WaitsForRequest => "offered",
            DhcpState::WaitsForAck => "waits for an acknowledgement",
            DhcpState::Bound => "bound",
            DhcpState::Refused => "refused",
            DhcpState::Declined => "declined",
            DhcpState::Released => "released",
            DhcpState::Unknown => "unknown",
        })
    }
}

impl DhcpTransaction {
    /// The state after the last message that changes it.
    pub fn state(&self) -> DhcpState {
        let mut state = DhcpState::Unknown;
        for message in &self.messages {
            state = match message.message_type {
                Some(1) => DhcpState::WaitsForOffer,
                Some(2) if matches!(state, DhcpState::WaitsForOffer | DhcpState::Unknown) => DhcpState::WaitsForRequest,
                Some(3) | Some(8) => DhcpState::WaitsForAck,
                Some(4) => DhcpState::Declined,
                Some(5) => DhcpState::Bound,
                Some(6) => DhcpState::Refused,
                Some(7) => DhcpState::Released,
                None if message.op == 1 => DhcpState::WaitsForAck,
                None if message.op == 2 => DhcpState::Bound,
                _ => state,
            };
        }
        state
    }
}

/// A DHCPv6 transaction (RFC 8415).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dhcp6Transaction {
    /// The point where it was first seen.
    pub point: PointId,
    /// The outermost VLAN identifier, or none.
    pub vlan: Option<u16>,
    /// Transaction identifier.
    pub xid: u32,
    /// Client DUID.
    pub client_id: Option<Text>,
    /// The client's MAC, where its DUID tells.
    pub client_mac: Option<MacAddr>,
    /// Message types with their frames, in order; at most 64.
    pub messages: Vec<(u8, FrameNo, Timestamp)>,
    /// Server DUIDs.
    pub servers: Vec<Text>,
    /// Addresses and valid lifetimes that a server gave.
    pub addresses: Vec<(Ipv6Addr, u32)>,
    /// Prefixes that a server delegated.
    pub prefixes: Vec<(Ipv6Addr, u8)>,
    /// DNS servers.
    pub dns: Vec<Ipv6Addr>,
    /// The client's name.
    pub hostnames: Vec<Text>,
}
