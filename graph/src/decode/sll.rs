//! Linux cooked captures: what `any` gives. The link-layer destination is lost, and the source is there where it fits.
//!
//! LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2 as pcap-linktype(7) describes them.

use super::ethernet::digest_type;
use super::read::{array, be16, rest};
use super::{Body, Packet, Stop, ethernet};
use crate::MacAddr;

/// LINKTYPE_LINUX_SLL: packet type, ARPHRD, address length, address, protocol.
pub(super) fn digest<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    if bytes.len() < 16 {
        packet.stop = Some(Stop::Cut("SLL"));
        return;
    }
    if be16(bytes, 4) == Some(6) {
        packet.source = array(bytes, 6).map(MacAddr);
    }
    digest_protocol(be16(bytes, 2), be16(bytes, 14).unwrap_or(0), rest(bytes, 16), packet);
}

/// LINKTYPE_LINUX_SLL2: protocol, reserved, interface index, ARPHRD, packet type, address length, address.
pub(super) fn digest_v2<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    if bytes.len() < 20 {
        packet.stop = Some(Stop::Cut("SLL2"));
        return;
    }
    if bytes[11] == 6 {
        packet.source = array(bytes, 12).map(MacAddr);
    }
    digest_protocol(be16(bytes, 8), be16(bytes, 0).unwrap_or(0), rest(bytes, 20), packet);
}

fn digest_protocol<'a>(hardware: Option<u16>, protocol: u16, bytes: &'a [u8], packet: &mut Packet<'a>) {
    /// ARPHRD_NETLINK: the protocol is a netlink family then.
    const NETLINK: u16 = 824;
    packet.adjacent = packet.source.is_some();
    match (hardware, protocol) {
        (Some(NETLINK), _) => packet.body = Body::Other,
        // 802.3 frames without an EtherType come with 1 (no LLC: Novell) or 4 (LLC).
        (_, 4) => ethernet::digest_llc(bytes, packet),
        (_, 0..=ethernet::ether_type::MAX_LENGTH) => packet.stop = Some(Stop::EtherType(protocol)),
        _ => digest_type(protocol, bytes, packet, 4),
    }
}
