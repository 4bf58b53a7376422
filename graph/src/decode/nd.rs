//! Neighbor Discovery messages and their options.
//!
//! Read RFC 4861 section 4 first, then RFC 8106 for DNS servers.

use super::read::{array, be16, be32, rest};
use crate::MacAddr;
use crate::fact::{Neighbor, Prefix};
use std::net::Ipv6Addr;

/// The most prefixes and the most DNS servers that are taken from one advertisement.
const LIST: usize = 32;

/// ND options, as far as they were captured.
#[derive(Default)]
struct Options {
    source_mac: Option<MacAddr>,
    target_mac: Option<MacAddr>,
    mtu: Option<u32>,
    prefixes: Vec<Prefix>,
    dns: Vec<Ipv6Addr>,
}

/// A message of types 133 to 136; redirects are ICMP errors here.
pub(super) fn parse(bytes: &[u8], source: Ipv6Addr) -> Option<Neighbor> {
    let target = || array::<16>(bytes, 8).map(Ipv6Addr::from);
    match *bytes.first()? {
        133 => Some(Neighbor::RouterSolicitation { source, mac: options(rest(bytes, 8)).source_mac }),
        134 => {
            let lifetime = be16(bytes, 6)?;
            let options = options(rest(bytes, 16));
            Some(Neighbor::RouterAdvertisement {
                source,
                mac: options.source_mac,
                lifetime,
                mtu: options.mtu,
                prefixes: options.prefixes,
                dns: options.dns,
            })
        }
        135 => Some(Neighbor::Solicitation { source, target: target()?, mac: options(rest(bytes, 24)).source_mac }),
        136 => {
            let flags = *bytes.get(4)?;
            Some(Neighbor::Advertisement {
                source,
                target: target()?,
                mac: options(rest(bytes, 24)).target_mac,
                is_router: flags & 0x80 != 0,
                is_solicited: flags & 0x40 != 0,
            })
        }
        _ => None,
    }
}

fn options(mut bytes: &[u8]) -> Options {
    let mut found = Options::default();
    while let &[kind, length, ..] = bytes {
        // RFC 4861, section 4.6: a length of zero invalidates the message; what came before it is kept.
        let size = usize::from(length) * 8;
        let Some(option) = bytes.get(..size).filter(|_| size > 0) else { break };
        match kind {
            1 => found.source_mac = array(option, 2).map(MacAddr),
            2 => found.target_mac = array(option, 2).map(MacAddr),
            3 if found.prefixes.len() < LIST => found.prefixes.extend(prefix(option)),
            5 => found.mtu = be32(option, 4),
            25 => {
                let servers = rest(option, 8).chunks_exact(16).filter_map(|server| array::<16>(server, 0)).map(Ipv6Addr::from);
                found.dns.extend(servers.take(LIST.saturating_sub(found.dns.len())));
            }
            _ => {}
        }
        bytes = rest(bytes, size);
    }
    found
}

fn prefix(option: &[u8]) -> Option<Prefix> {
    let flags = *option.get(3)?;
    Some(Prefix {
        prefix: Ipv6Addr::from(array::<16>(option, 16)?),
        length: option[2].min(128),
        is_on_link: flags & 0x80 != 0,
        is_autonomous: flags & 0x40 != 0,
        valid: be32(option, 4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertisement_gives_prefixes_and_its_own_mac() {
        let mut bytes = vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&[1, 1, 0x52, 0x55, 10, 0, 2, 2]);
        bytes.extend_from_slice(&[3, 4, 64, 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[0xfe, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[5, 1, 0, 0, 0, 0, 5, 220]);
        bytes.extend_from_slice(&[9, 0]);
        let source = "fe80::2".parse().expect("an address");
        assert_eq!(
            parse(&bytes, source),
            Some(Neighbor::RouterAdvertisement {
                source,
                mac: Some(MacAddr([0x52, 0x55, 10, 0, 2, 2])),
                lifetime: 1800,
                mtu: Some(1500),
                prefixes: vec![Prefix {
                    prefix: "fec0::".parse().expect("an address"),
                    length: 64,
                    is_on_link: true,
                    is_autonomous: true,
                    valid: 86_400,
                }],
                dns: vec![],
            })
        );
    }
}
