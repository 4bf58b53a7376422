//! QEMU's user-mode stack (libslirp): which addresses it has without any frame saying so.
//!
//! Read qemu(1), `-netdev user`, and QEMU's `net/slirp.c`, function `net_slirp_init`, for the defaults.

use super::Prefix;
use crate::{MacAddr, Text};
use std::net::{IpAddr, Ipv4Addr};

/// The addresses of a user-mode stack, by its options and their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserNetwork {
    /// The network that the guest is in; 10.0.2.0/24 where `net=` does not say.
    pub network: Prefix,
    /// The router and DHCP server: `host=`, or the second address of the network.
    pub gateway: Ipv4Addr,
    /// The DNS forwarder: `dns=`, or the third address.
    pub dns: Ipv4Addr,
    /// `restrict=on`: nothing goes beyond the stack.
    pub is_restricted: bool,
}

impl UserNetwork {
    /// Reads the options of a `user` backend as they stand on the command line.
    ///
    /// `None` where it has no IPv4 (`ipv4=off`), or where an address is none.
    pub fn of(options: &Text) -> Option<UserNetwork> {
        let (mut user, mut gateway, mut dns, mut is_restricted) =
            (UserNetwork::in_network(Ipv4Addr::new(10, 0, 2, 0), 24), None, None, false);
        for option in options.as_str().split(',') {
            let (name, value) = option.split_once('=').unwrap_or((option, "on"));
            let is_on = matches!(value, "on" | "yes" | "y" | "true");
            match name {
                "net" => user = network(value)?,
                "host" => gateway = Some(value.parse().ok()?),
                "dns" => dns = Some(value.parse().ok()?),
                "restrict" => is_restricted = is_on,
                "ipv4" if !is_on => return None,
                _ => {}
            }
        }
        Some(UserNetwork { is_restricted, gateway: gateway.unwrap_or(user.gateway), dns: dns.unwrap_or(user.dns), ..user })
    }

    /// Its own addresses are the network's, or'ed with 0.0.2.2 and 0.0.2.3 as far as the mask leaves room.
    fn in_network(ip: Ipv4Addr, length: u8) -> UserNetwork {
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let network = u32::from(ip) & mask;
        let own = |low: u32| Ipv4Addr::from(network | (low & !mask));
        UserNetwork {
            network: Prefix { ip: IpAddr::V4(Ipv4Addr::from(network)), length },
            gateway: own(0x0202),
            dns: own(0x0203),
            is_restricted: false,
        }
    }

    /// Whether a station is the stack itself: libslirp makes its link-layer addresses of 52:55 and an IPv4 address, or 52:56 and the end
    /// of an IPv6 address (libslirp, `slirp.c`, `special_ethaddr`, and `ip6.h`, `in6_compute_ethaddr`).
    pub fn is_stack(mac: MacAddr) -> bool {
        matches!(mac.0, [0x52, 0x55 | 0x56, ..])
    }

    /// The IPv4 address that a link-layer address of the stack is made of.
    pub fn address_in(mac: MacAddr) -> Option<Ipv4Addr> {
        match mac.0 {
            [0x52, 0x55, a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d)),
            _ => None,
        }
    }
}

/// `10.0.2.0/24`, `10.0.2.0/255.255.255.0`, or an address whose mask its class tells.
fn network(text: &str) -> Option<UserNetwork> {
    let (ip, mask) = text.split_once('/').map_or((text, None), |(ip, mask)| (ip, Some(mask)));
    let ip: Ipv4Addr = ip.parse().ok()?;
    let length = match mask {
        Some(mask) => match mask.parse::<u8>() {
            Ok(length) => length,
            Err(_) => u32::from(mask.parse::<Ipv4Addr>().ok()?).leading_ones() as u8,
        },
        None => match u32::from(ip) {
            ip if ip & 0x8000_0000 == 0 => 8,
            ip if ip & 0xfff0_0000 == 0xac10_0000 => 12,
            ip if ip & 0xc000_0000 == 0x8000_0000 => 16,
            ip if ip & 0xffff_0000 == 0xc0a8_0000 => 16,
            ip if ip & 0xffff_0000 == 0xc612_0000 => 15,
            ip if ip & 0xe000_0000 == 0xe000_0000 => 24,
            _ => 28,
        },
    };
    (length <= 32).then(|| UserNetwork::in_network(ip, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &str) -> Option<String> {
        let user = UserNetwork::of(&Text::new(options))?;
        let restricted = if user.is_restricted { " restricted" } else { "" };
        Some(format!("{} {} {}{restricted}", user.network, user.gateway, user.dns))
    }

    #[test]
    fn a_stack_has_the_second_and_third_address_of_its_network() {
        let cases = [
            ("", "10.0.2.0/24 10.0.2.2 10.0.2.3"),
            ("hostfwd=tcp::2222-:22", "10.0.2.0/24 10.0.2.2 10.0.2.3"),
            ("net=192.168.76.0/24,dhcpstart=192.168.76.9", "192.168.76.0/24 192.168.76.2 192.168.76.3"),
            ("net=192.168.76.0/255.255.255.0,host=192.168.76.1", "192.168.76.0/24 192.168.76.1 192.168.76.3"),
            ("net=192.168.0.0", "192.168.0.0/16 192.168.2.2 192.168.2.3"),
            ("restrict=on,dns=10.0.2.9", "10.0.2.0/24 10.0.2.2 10.0.2.9 restricted"),
            ("restrict=on,net=10.1.1.0/24", "10.1.1.0/24 10.1.1.2 10.1.1.3 restricted"),
        ];
        for (options, expected) in cases {
            assert_eq!(read(options).as_deref(), Some(expected), "{options}");
        }
    }

    #[test]
    fn a_stack_without_ipv4_or_with_nonsense_has_none() {
        for options in ["ipv4=off", "net=10.0.2.0/33", "net=lan", "host=10.0.2", "net=10.0.2.0/x"] {
            assert_eq!(read(options), None, "{options}");
        }
    }
}
