//! Link types without link-layer addresses: IP from the first octet on, or behind four octets that name the address family.

use super::{Packet, Stop, ip};

/// LINKTYPE_RAW: the version tells which IP.
#[inline]
pub(super) fn digest_raw<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => ip::digest_v4(bytes, packet),
        Some(6) => ip::digest_v6(bytes, packet),
        Some(_) => packet.stop = Some(Stop::Malformed("IP")),
        None => packet.stop = Some(Stop::Cut("IP")),
    }
}

/// LINKTYPE_NULL, where the family is in the byte order of the machine that captured, which the file does not tell for sure, and
/// LINKTYPE_LOOP, where it is in network order. Families are small numbers: IPv4 is 2 everywhere; IPv6 is 10 on Linux, 24 on NetBSD and
/// OpenBSD, 28 on FreeBSD, 30 on macOS.
#[inline]
pub(super) fn digest_family<'a>(bytes: &'a [u8], packet: &mut Packet<'a>) {
    let Some(&family) = bytes.first_chunk::<4>() else {
        packet.stop = Some(Stop::Cut("family"));
        return;
    };
    let little = u32::from_le_bytes(family);
    match if little <= 0xffff { little } else { u32::from_be_bytes(family) } {
        2 => ip::digest_v4(&bytes[4..], packet),
        10 | 24 | 28 | 30 => ip::digest_v6(&bytes[4..], packet),
        _ => packet.stop = Some(Stop::Malformed("family")),
    }
}
