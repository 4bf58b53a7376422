//! Tracked connections (linux/netfilter/nfnetlink_conntrack.h).

use super::nla::{attributes, integer};
use super::socket::Queries;
use super::{AF_INET, AF_INET6};
use std::io;
use std::net::IpAddr;
use tapscope_graph::host::{Netns, Tracked, TrackedTuple};

const NETLINK_NETFILTER: isize = 12;
const NLM_F_DUMP: u16 = 0x300;
/// `NFNL_SUBSYS_CTNETLINK` and `IPCTNL_MSG_CT_GET`.
const GET: u16 = 1 << 8 | 1;
/// `struct nfgenmsg`
const HEADER: usize = 4;
/// The most connections of one pair that are kept: each ping is one.
const MOST: usize = 64;

/// Asks a namespace for the connections that it tracks.
pub(in super::super) struct TrackedQueries(Queries);

impl TrackedQueries {
    /// Opens, in the namespace of this thread.
    ///
    /// # Errors
    /// The kernel gives no socket: it was built without nfnetlink, or this is not permitted.
    pub fn open() -> io::Result<TrackedQueries> {
        Queries::speaking(NETLINK_NETFILTER).map(TrackedQueries)
    }

    /// The connections that concern both addresses, whichever direction has them; at most so many.
    ///
    /// # Errors
    /// The kernel does not answer, does not track, or it takes CAP_NET_ADMIN.
    pub fn between(&mut self, netns: Netns, one: IpAddr, other: IpAddr) -> io::Result<Vec<Tracked>> {
        let family = if one.is_ipv4() { AF_INET } else { AF_INET6 };
        let mut found = Vec::new();
        self.0.ask(GET, NLM_F_DUMP, &[family, 0, 0, 0], &mut |_, bytes| {
            let row = tracked(netns, bytes).filter(|row| has(row, one) && has(row, other));
            if found.len() < MOST {
                found.extend(row);
            }
        })?;
        Ok(found)
    }
}

fn has(row: &Tracked, ip: IpAddr) -> bool {
    [row.original, row.reply].iter().any(|tuple| tuple.source == ip || tuple.destination == ip)
}

/// A connection; `None` for what cannot be read.
pub(super) fn tracked(netns: Netns, bytes: &[u8]) -> Option<Tracked> {
    const CTA_TUPLE_ORIG: u16 = 1;
    const CTA_TUPLE_REPLY: u16 = 2;
    const CTA_STATUS: u16 = 3;
    const IPS_SEEN_REPLY: u64 = 2;
    let (mut original, mut reply, mut status) = (None, None, 0);
    for (kind, value) in attributes(bytes.get(HEADER..)?) {
        match kind {
            CTA_TUPLE_ORIG => original = tuple(value),
            CTA_TUPLE_REPLY => reply = tuple(value),
            CTA_STATUS => status = swapped(value).unwrap_or(0),
            _ => {}
        }
    }
    let ((original, protocol), (reply, _)) = original.zip(reply)?;
    Some(Tracked { netns, protocol, original, reply, is_answered: status & IPS_SEEN_REPLY != 0 })
}

/// One direction, and its protocol (`enum ctattr_tuple`).
fn tuple(bytes: &[u8]) -> Option<(TrackedTuple, u8)> {
    const CTA_TUPLE_IP: u16 = 1;
    const CTA_TUPLE_PROTO: u16 = 2;
    let (mut source, mut destination, mut protocol, mut ports) = (None, None, None, (0, 0));
    for (kind, value) in attributes(bytes) {
        match kind {
            CTA_TUPLE_IP => {
                for (kind, value) in attributes(value) {
                    match kind {
                        // CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST
                        1 | 3 => source = ip(value),
                        2 | 4 => destination = ip(value),
                        _ => {}
                    }
                }
            }
            CTA_TUPLE_PROTO => {
                for (kind, value) in attributes(value) {
                    let number = || swapped(value).and_then(|number| u16::try_from(number).ok()).unwrap_or(0);
                    match kind {
                        1 => protocol = value.first().copied(),
                        2 => ports.0 = number(),
                        3 => ports.1 = number(),
                        // CTA_PROTO_ICMP_ID, CTA_PROTO_ICMPV6_ID
                        4 | 7 => ports = (number(), number()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some((TrackedTuple { source: source?, destination: destination?, ports }, protocol?))
}

fn ip(address: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(address).map(IpAddr::from);
    v4().or_else(|_| <[u8; 16]>::try_from(address).map(IpAddr::from)).ok()
}

/// An integer in the network's order.
fn swapped(value: &[u8]) -> Option<u64> {
    let mut value = value.to_vec();
    if cfg!(target_endian = "little") {
        value.reverse();
    }
    integer(&value)
}

#[cfg(test)]
mod tests {
    use super::super::nla::push;
    use super::*;

    fn nested(parts: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        parts.iter().for_each(|(kind, value)| push(&mut bytes, *kind, value));
        bytes
    }

    fn direction(source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        let addresses = nested(&[(1, source.to_vec()), (2, destination.to_vec())]);
        let protocol = nested(&[(1, vec![1]), (4, vec![0x12, 0x34]), (5, vec![8]), (6, vec![0])]);
        // NLA_F_NESTED
        nested(&[(1 | 0x8000, addresses), (2 | 0x8000, protocol)])
    }

    #[test]
    fn a_masqueraded_echo_is_read() {
        let mut message = vec![2, 0, 0, 0];
        push(&mut message, 1 | 0x8000, &direction([10, 9, 1, 1], [203, 0, 113, 9]));
        push(&mut message, 2 | 0x8000, &direction([203, 0, 113, 9], [198, 51, 100, 2]));
        push(&mut message, 3, &[0, 0, 1, 0x9a]);
        let row = tracked(Netns(1), &message).expect("a connection");
        assert_eq!(row.new_source(), Some(IpAddr::from([198, 51, 100, 2])));
        assert_eq!((row.protocol, row.original.ports, row.is_answered), (1, (0x1234, 0x1234), true));
    }
}
