//! Addresses: `RTM_NEWADDR` (linux/if_addr.h).

use super::Unread;
use netlink_packet_core::Parseable;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope as Scope};
use std::net::IpAddr;
use tapscope_graph::host::{AddressScope, DeviceId, HostAddress, Netns};

/// An address. `None` for families other than IP's.
pub(super) fn address(netns: Netns, bytes: &[u8]) -> Result<Option<HostAddress>, Unread> {
    let message = AddressMessage::parse(bytes).map_err(|why| Unread { about: "an address", why: why.to_string() })?;
    let (mut local, mut address, mut valid) = (None, None, u32::MAX);
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    for attribute in message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(ip),
            AddressAttribute::Address(ip) => address = Some(ip),
            // It repeats the header's flags, which have grown out of their octet.
            AddressAttribute::Flags(all) => flags = all,
            AddressAttribute::CacheInfo(cache) => valid = cache.ifa_valid,
            _ => {}
        }
    }
    // On a point-to-point link IFA_ADDRESS is the other end, and IFA_LOCAL the own address; IPv6 has IFA_LOCAL only there.
    let Some(ip) = local.or(address) else { return Ok(None) };
    let peer: Option<IpAddr> = address.filter(|&other| other != ip);
    Ok(Some(HostAddress {
        device: DeviceId { netns, index: message.header.index },
        ip,
        length: message.header.prefix_len,
        peer,
        scope: match message.header.scope {
            Scope::Site => AddressScope::Site,
            Scope::Link => AddressScope::Link,
            Scope::Host | Scope::Nowhere => AddressScope::Host,
            _ => AddressScope::Global,
        },
        is_tentative: flags.contains(AddressFlags::Tentative),
        is_duplicate: flags.contains(AddressFlags::Dadfailed),
        is_deprecated: flags.contains(AddressFlags::Deprecated),
        // As ip(8) decides it: what is not permanent has a lifetime.
        is_dynamic: !flags.contains(AddressFlags::Permanent) || valid != u32::MAX,
    }))
}
