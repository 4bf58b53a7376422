//! DHCPv6 messages (RFC 8415), unwrapped from relays.
//!
//! Options are walked here for the same reasons as DHCPv4's: cut messages are normal, and `dhcproto` panics on a status code of one octet.

use super::read::{array, be16, be32, rest};
use crate::fact::Dhcp6;
use crate::{MacAddr, Text};
use std::net::{IpAddr, Ipv6Addr};

/// Relays inside of relays (RFC 8415, section 7.6: HOP_COUNT_LIMIT).
const RELAYS: usize = 8;
/// The most addresses, prefixes and servers, each.
const LIST: usize = 32;

/// A message; `None` if its transaction identifier was not captured.
pub(super) fn parse(bytes: &[u8], source: IpAddr) -> Option<Dhcp6> {
    let mut message = bytes;
    let mut relayed = false;
    for _ in 0..RELAYS {
        // RELAY-FORW and RELAY-REPL: hop count, link address, peer address, then options, of which 9 is the message.
        if !matches!(message.first(), Some(12 | 13)) {
            break;
        }
        relayed = true;
        message = options(rest(message, 34)).find(|&(code, _)| code == 9)?.1;
    }
    let kind = *message.first()?;
    let [a, b, c] = array::<3>(message, 1)?;
    let mut dhcp = Dhcp6 {
        message_type: kind,
        xid: u32::from_be_bytes([0, a, b, c]),
        relayed,
        source: match source {
            IpAddr::V6(source) => Some(source),
            IpAddr::V4(_) => None,
        },
        ..Dhcp6::default()
    };
    for (code, value) in options(rest(message, 4)) {
        match code {
            1 => {
                dhcp.client_id = Some(Text::hex(value));
                dhcp.client_mac = duid_mac(value);
            }
            2 => dhcp.server_id = Some(Text::hex(value)),
            3 => identity(rest(value, 12), &mut dhcp),
            4 => identity(rest(value, 4), &mut dhcp),
            25 => identity(rest(value, 12), &mut dhcp),
            13 => dhcp.status = be16(value, 0).filter(|&status| status != 0),
            23 => {
                let servers = value.chunks_exact(16).filter_map(|ip| array::<16>(ip, 0)).map(Ipv6Addr::from);
                dhcp.dns.extend(servers.take(LIST.saturating_sub(dhcp.dns.len())));
            }
            39 => dhcp.hostname = name(rest(value, 1)),
            _ => {}
        }
    }
    Some(dhcp)
}

/// Code and value of each option; the last may be cut.
pub(super) fn options(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (code, length) = (be16(bytes, 0)?, usize::from(be16(bytes, 2)?));
        let value = bytes.get(4..(4 + length).min(bytes.len()))?;
        bytes = rest(bytes, 4 + length);
        Some((code, value))
    })
}

/// Addresses (IAADDR, 5), prefixes (IAPREFIX, 26) and status codes inside an identity association.
fn identity(bytes: &[u8], dhcp: &mut Dhcp6) {
    for (code, value) in options(bytes) {
        match code {
            5 if dhcp.addresses.len() < LIST => {
                dhcp.addresses.extend(array::<16>(value, 0).map(Ipv6Addr::from).zip(be32(value, 20)));
            }
            26 if dhcp.prefixes.len() < LIST => {
                dhcp.prefixes.extend(array::<16>(value, 9).map(Ipv6Addr::from).zip(value.get(8).copied()));
            }
            13 => dhcp.status = dhcp.status.or(be16(value, 0).filter(|&status| status != 0)),
            _ => {}
        }
    }
}

/// The link-layer address in a DUID-LLT (1) or DUID-LL (3) of Ethernet (RFC 8415, section 11).
fn duid_mac(duid: &[u8]) -> Option<MacAddr> {
    match (be16(duid, 0)?, be16(duid, 2)?) {
        (1, 1) => array(duid, 8).map(MacAddr),
        (3, 1) => array(duid, 4).map(MacAddr),
        _ => None,
    }
}

/// A name in DNS's wire form without compression (RFC 4704, section 4.2).
fn name(mut bytes: &[u8]) -> Option<Text> {
    let mut name = Vec::new();
    while let Some((&length, after)) = bytes.split_first() {
        if length == 0 || length > 63 {
            break;
        }
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(&after[..usize::from(length).min(after.len())]);
        bytes = rest(after, usize::from(length));
    }
    Some(Text::long_from_wire(&name)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_code_of_one_octet_is_no_status() {
        let bytes = [7, 1, 2, 3, 0, 13, 0, 1, 0];
        let dhcp = parse(&bytes, Ipv6Addr::LOCALHOST.into()).expect("a message");
        assert_eq!((dhcp.xid, dhcp.status), (0x010203, None));
    }

    #[test]
    fn a_relayed_message_is_unwrapped() {
        let mut bytes = vec![12, 0];
        bytes.extend_from_slice(&[0; 32]);
        bytes.extend_from_slice(&[0, 9, 0, 4, 1, 0xaa, 0xbb, 0xcc]);
        let dhcp = parse(&bytes, Ipv6Addr::LOCALHOST.into()).expect("a message");
        assert_eq!((dhcp.message_type, dhcp.xid, dhcp.relayed), (1, 0xaabbcc, true));
    }
}
