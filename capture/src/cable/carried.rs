//! The packets of the carrier, down to TCP and UDP.

use etherparse::{EtherType, LaxSlicedPacket};
use tapscope_graph::LinkType;

/// Reads the headers; none where there is nothing of the Internet's.
pub(super) fn packet(link_type: LinkType, octets: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    match link_type {
        LinkType::ETHERNET => LaxSlicedPacket::from_ethernet(octets).ok(),
        LinkType::RAW => LaxSlicedPacket::from_ip(octets).ok(),
        // LINKTYPE_LINUX_SLL: 16 octets, the last two of which are the protocol.
        LinkType::LINUX_SLL => {
            let (header, rest) = octets.split_first_chunk::<16>()?;
            Some(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes([header[14], header[15]])), rest))
        }
        _ => None,
    }
}

/// Source and destination.
pub(super) fn addresses(packet: &LaxSlicedPacket<'_>) -> Option<[std::net::IpAddr; 2]> {
    use etherparse::LaxNetSlice::{Arp, Ipv4, Ipv6};
    match packet.net.as_ref()? {
        Ipv4(ip) => Some([ip.header().source_addr().into(), ip.header().destination_addr().into()]),
        Ipv6(ip) => Some([ip.header().source_addr().into(), ip.header().destination_addr().into()]),
        Arp(_) => None,
    }
}
