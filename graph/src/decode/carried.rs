//! What a tunnel carries: named, and counted nowhere.

use super::ethernet::{digest_type, ether_type};
use super::{Packet, Tunnel, ethernet, ip, raw};
use crate::fact::Carried;
use std::net::IpAddr;

/// Transparent Ethernet bridging, as GRE's and Geneve's protocol.
const BRIDGING: u16 = 0x6558;

/// The inner packet's addresses, as far as they were captured.
pub(super) fn parse(tunnel: Tunnel, bytes: &[u8], outer: (IpAddr, IpAddr)) -> Carried {
    let inner = inner(tunnel, bytes);
    Carried {
        tunnel,
        outer,
        inner_macs: inner.source.zip(inner.destination),
        inner: inner.ip.map(|ip| (ip.addresses.source(), ip.addresses.destination())),
    }
}

/// The digest of the inner packet.
pub(super) fn inner(tunnel: Tunnel, bytes: &[u8]) -> Packet<'_> {
    let mut packet = Packet::default();
    match tunnel {
        Tunnel::IpInIp => raw::digest_raw(bytes, &mut packet),
        Tunnel::Vxlan { .. } | Tunnel::Gre { protocol: BRIDGING, .. } | Tunnel::Geneve { protocol: BRIDGING, .. } => {
            ethernet::digest(bytes, &mut packet);
        }
        Tunnel::Gre { protocol: ether_type::IPV4, .. } | Tunnel::Geneve { protocol: ether_type::IPV4, .. } => {
            ip::digest_v4(bytes, &mut packet);
        }
        Tunnel::Gre { protocol, .. } | Tunnel::Geneve { protocol, .. } => digest_type(protocol, bytes, &mut packet, 1),
    }
    packet
}
