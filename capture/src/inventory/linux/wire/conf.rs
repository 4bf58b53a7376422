//! Settings that the kernel tells with a device, and as messages of their own (linux/ip.h, linux/ipv6.h, linux/netconf.h).

use super::link::LinkConf;
use super::nla::{attributes, word, word_at};
use super::{AF_INET, AF_INET6, News, Unread};

/// Names and places in `IFLA_INET_CONF`, which is an array in the order of `IPV4_DEVCONF_…` from 1.
const V4: [(&str, usize); 8] = [
    ("forwarding", 1),
    ("proxy_arp", 3),
    ("send_redirects", 6),
    ("rp_filter", 8),
    ("arp_filter", 13),
    ("arp_announce", 18),
    ("arp_ignore", 19),
    ("accept_local", 23),
];

/// The same for `IFLA_INET6_CONF`, in the order of `DEVCONF_…` from 0.
const V6: [(&str, usize); 4] = [("forwarding", 0), ("accept_ra", 3), ("proxy_ndp", 22), ("disable_ipv6", 26)];

/// The settings in a device's `IFLA_AF_SPEC`.
pub(super) fn of_link(value: &[u8]) -> Vec<LinkConf> {
    const IFLA_INET_CONF: u16 = 1;
    const IFLA_INET6_CONF: u16 = 2;
    let mut conf = Vec::new();
    let at = |array: &[u8], place: usize| word_at(array, 4 * place).map(|value| value as i32);
    for (family, value) in attributes(value) {
        for (kind, array) in attributes(value) {
            match (family, kind) {
                (2, IFLA_INET_CONF) => {
                    conf.extend(V4.iter().filter_map(|&(name, place)| at(array, place - 1).map(|value| (false, name, value))));
                }
                (10, IFLA_INET6_CONF) => {
                    conf.extend(V6.iter().filter_map(|&(name, place)| at(array, place).map(|value| (true, name, value))));
                }
                _ => {}
            }
        }
    }
    conf
}

/// `RTM_NEWNETCONF`
pub(super) fn netconf(bytes: &[u8]) -> Result<Option<News>, Unread> {
    let is_v6 = match bytes.first() {
        Some(&AF_INET) => false,
        Some(&AF_INET6) => true,
        _ => return Ok(None),
    };
    let (mut index, mut conf) = (None, Vec::new());
    for (kind, value) in attributes(bytes.get(4..).ok_or(Unread::short("settings"))?) {
        let Some(value) = word(value).map(|value| value as i32) else { continue };
        let name = match kind {
            1 => {
                index = Some(value);
                continue;
            }
            2 => "forwarding",
            3 if !is_v6 => "rp_filter",
            5 if is_v6 => "proxy_ndp",
            5 => "proxy_arp",
            _ => continue,
        };
        conf.push((is_v6, name, value));
    }
    Ok(index.map(|index| News::Conf { index, conf }))
}
