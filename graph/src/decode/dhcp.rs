//! BOOTP (RFC 951) and DHCP (RFC 2131) messages with their options (RFC 2132).
//!
//! Read RFC 2131 section 2 first. A message that the snap length cut is normal in captures, and gives what is there; `dhcproto`, which
//! gives nothing for such a message, also panics on hostile options where overflow is checked, so the options are walked here.

use super::read::{array, be16, be32, rest};
use crate::fact::Dhcp;
use crate::{MacAddr, Text};
use std::net::Ipv4Addr;

const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
const OPTIONS: usize = 240;
const FILE: std::ops::Range<usize> = 108..236;
const SERVER_NAME: std::ops::Range<usize> = 44..108;
/// The most addresses of one list.
const LIST: usize = 32;
/// The most option numbers that are kept.
const NUMBERS: usize = 64;

/// A message, as far as it was captured; `None` if it was cut before the client's hardware address.
pub(super) fn parse(bytes: &[u8]) -> Option<Dhcp> {
    let &[op, hardware, hardware_length, ..] = bytes else { return None };
    let ip = |at| array::<4>(bytes, at).map(Ipv4Addr::from).filter(|ip| !ip.is_unspecified());
    let chaddr: [u8; 6] = array(bytes, 28)?;
    let mut dhcp = Dhcp {
        op,
        xid: be32(bytes, 4)?,
        client_mac: (hardware == 1 && hardware_length == 6).then_some(MacAddr(chaddr)),
        secs: be16(bytes, 8)?,
        wants_broadcast: be16(bytes, 10)? & 0x8000 != 0,
        client_ip: ip(12),
        your_ip: ip(16),
        next_server_ip: ip(20),
        relay_ip: ip(24),
        ..Dhcp::default()
    };
    if array(bytes, 236) == Some(MAGIC_COOKIE) {
        // RFC 2132, section 9.3: option 52 says that the file and server name fields hold options, too.
        let mut overload = 0;
        read(rest(bytes, OPTIONS), &mut dhcp, Some(&mut overload));
        if overload & 1 != 0 {
            read(&bytes[FILE], &mut dhcp, None);
        }
        if overload & 2 != 0 {
            read(&bytes[SERVER_NAME], &mut dhcp, None);
        }
    }
    Some(dhcp)
}

/// Number and value of each option up to the end mark, pads skipped; the last may be cut.
pub(super) fn options(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            match *bytes {
                [] | [255, ..] => return None,
                [0, ..] => bytes = &bytes[1..],
                [_] => return None,
                [number, length, ..] => {
                    let end = (2 + usize::from(length)).min(bytes.len());
                    let value = &bytes[2..end];
                    bytes = &bytes[end..];
                    return Some((number, value));
                }
            }
        }
    })
}

fn read(bytes: &[u8], dhcp: &mut Dhcp, mut overload: Option<&mut u8>) {
    for (number, value) in options(bytes) {
        if dhcp.options.len() < NUMBERS && !dhcp.options.contains(&number) {
            dhcp.options.push(number);
        }
        let ip = || array::<4>(value, 0).map(Ipv4Addr::from);
        let text = || Some(Text::long_from_wire(value)).filter(|text| !text.is_empty());
        // RFC 3396: an option that comes twice is one long option. For lists this appends; of single values the first counts.
        match number {
            1 => first(&mut dhcp.subnet_mask, ip()),
            3 => extend(&mut dhcp.routers, value),
            6 => extend(&mut dhcp.dns, value),
            12 => first(&mut dhcp.hostname, text()),
            15 => first(&mut dhcp.domain, text()),
            26 => first(&mut dhcp.mtu, be16(value, 0)),
            50 => first(&mut dhcp.requested_ip, ip()),
            51 => first(&mut dhcp.lease_seconds, be32(value, 0)),
            52 => {
                if let (Some(overload), Some(&which)) = (overload.as_deref_mut(), value.first()) {
                    *overload = which;
                }
            }
            53 => first(&mut dhcp.message_type, value.first().copied()),
            54 => first(&mut dhcp.server_id, ip()),
            56 => first(&mut dhcp.message, text()),
            58 => first(&mut dhcp.renewal.0, be32(value, 0)),
            59 => first(&mut dhcp.renewal.1, be32(value, 0)),
            60 => first(&mut dhcp.vendor_class, text()),
            61 => first(&mut dhcp.client_id, Some(Text::hex(value))),
            // RFC 4702, section 2: three octets of flags and unused codes, then the name.
            81 if value.len() > 3 && value[0] & 4 == 0 => first(&mut dhcp.full_name, Some(Text::long_from_wire(&value[3..]))),
            82 => dhcp.has_option82 = true,
            _ => {}
        }
    }
}

fn first<T>(slot: &mut Option<T>, value: Option<T>) {
    if slot.is_none() {
        *slot = value;
    }
}

fn extend(list: &mut Vec<Ipv4Addr>, value: &[u8]) {
    let room = LIST.saturating_sub(list.len());
    list.extend(value.chunks_exact(4).filter_map(|ip| array::<4>(ip, 0)).map(Ipv4Addr::from).take(room));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of the fixed part, the magic cookie and options.
    pub fn message(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS];
        bytes[..8].copy_from_slice(&[2, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
        bytes[16..20].copy_from_slice(&[10, 0, 2, 15]);
        bytes[28..34].copy_from_slice(&[0x52, 0x54, 0, 0x12, 0x34, 0x57]);
        bytes[236..].copy_from_slice(&MAGIC_COOKIE);
        bytes.extend_from_slice(options);
        bytes
    }

    #[test]
    fn options_follow_an_overload_into_the_file_field() {
        let mut bytes = message(&[53, 1, 2, 52, 1, 1, 255]);
        bytes[108..116].copy_from_slice(&[3, 4, 10, 0, 2, 2, 255, 0]);
        let dhcp = parse(&bytes).expect("a message");
        assert_eq!((dhcp.message_type, dhcp.routers), (Some(2), vec![Ipv4Addr::new(10, 0, 2, 2)]));
    }

    #[test]
    fn a_message_cut_by_the_snap_length_gives_what_is_there() {
        let bytes = message(&[53, 1, 5, 51, 4, 0, 1, 81, 128, 12, 3, b'w', b'e', b'b', 255]);
        let whole = parse(&bytes).expect("a message");
        assert_eq!((whole.lease_seconds, whole.hostname.as_ref().map(Text::as_str)), (Some(86_400), Some("web")));
        for cut in 0..bytes.len() {
            let part = parse(&bytes[..cut]);
            assert_eq!(part.is_some(), cut >= 34, "cut at {cut}");
            if let Some(part) = part {
                assert!(part.message_type.is_none() || part.message_type == Some(5));
            }
        }
    }

    #[test]
    fn without_the_magic_cookie_it_is_bootp() {
        let mut bytes = message(&[53, 1, 5]);
        bytes[236] = 0;
        assert_eq!(parse(&bytes).expect("a message").message_type, None);
    }
}
