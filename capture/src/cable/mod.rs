//! Cables: guests' frames out of the packets that carry them between QEMU processes.
//!
//! Read QEMU's `net/socket.c` and `net/stream.c` first. `-netdev socket` over TCP and `stream` send each frame behind its length in four
//! octets; `-netdev socket,udp=`, `socket,mcast=` and `dgram` send each frame as a datagram. Everything here is a pure function of the
//! packets that were seen: nothing is ever sent, and nobody is ever connected to, because a second peer of a `listen=` socket waits in
//! its queue and takes the first one's place when that leaves.
//!
//! **Loss is declared, never invented.** Octets that were not seen, or that cannot be told apart, are counted ([`Counts`]); a frame comes
//! out only if all of it was seen, and the place where it begins is sure. Whatever the octets say, memory is bounded.

mod carried;
mod datagram;
mod fragment;
mod half;
mod record;
mod seek;
mod stream;
mod tcp;

pub use record::{LENGTH, LONGEST};
pub use stream::Stream;

use datagram::Datagrams;
use std::fmt::Write;
use std::net::SocketAddr;
use tapscope_graph::host::Carrier;
use tapscope_graph::{Direction, LinkType, Timestamp};
use tcp::Connections;

/// A guest's frame, from its destination's address on and without a check sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed<'a> {
    /// When its last octet was seen.
    pub at: Timestamp,
    /// Inbound is what the cable's first end sends ([`tapscope_graph::PointInfo::cable`]).
    pub direction: Direction,
    /// Its octets.
    pub octets: &'a [u8],
}

/// What came out of a cable, and what did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that came out.
    pub frames: u64,
    /// Lengths of zero: QEMU reads on behind one.
    pub empty: u64,
    /// Frames that are known to be lost: one at least for each place where octets are missing or the step was lost.
    pub lost: u64,
    /// Places where the step was lost, and the beginning of a record had to be looked for.
    pub resyncs: u64,
    /// Octets of a stream that were seen and belong to no frame that came out.
    pub skipped_octets: u64,
    /// Octets of a stream that were never seen, as later ones or the receiver's acknowledgements tell.
    pub missing_octets: u64,
    /// Segments of TCP without a new octet: retransmissions.
    pub repeated: u64,
    /// Packets that are not the cable's, or cut short.
    pub foreign: u64,
}

/// Takes the packets that carry one cable, and gives its frames.
pub struct Unwrapper {
    link_type: LinkType,
    carried: Carried,
    counts: Counts,
}

enum Carried {
    Tcp(Box<Connections>),
    Datagrams(Datagrams),
}

impl Unwrapper {
    /// For what is captured on a device of this link type.
    pub fn new(carrier: Carrier, link_type: LinkType) -> Unwrapper {
        let carried = match carrier {
            Carrier::Tcp { address, port } => Carried::Tcp(Box::new(Connections::new(SocketAddr::new(address, port), None))),
            Carrier::Connection { listener, peer } => Carried::Tcp(Box::new(Connections::new(listener, Some(peer)))),
            Carrier::Udp { .. } | Carrier::Multicast { .. } => Carried::Datagrams(Datagrams::new(carrier)),
        };
        Unwrapper { link_type, carried, counts: Counts::default() }
    }

    /// Takes one packet of the carrier, in the order in which they were seen.
    pub fn packet(&mut self, at: Timestamp, octets: &[u8], sink: &mut impl FnMut(Passed<'_>)) {
        let Some(packet) = carried::packet(self.link_type, octets) else {
            self.counts.foreign += 1;
            return;
        };
        match &mut self.carried {
            Carried::Tcp(connections) => connections.packet(at, &packet, &mut self.counts, sink),
            Carried::Datagrams(datagrams) => datagrams.packet(at, &packet, &mut self.counts, sink),
        }
    }

    /// When to call [`Unwrapper::expire`], if no packet comes until then.
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.carried {
            Carried::Tcp(connections) => connections.deadline(),
            Carried::Datagrams(datagrams) => datagrams.deadline(),
        }
    }

    /// Gives up what was waited for until `now`, by the clock of the packets.
    pub fn expire(&mut self, now: Timestamp, sink: &mut impl FnMut(Passed<'_>)) {
        match &mut self.carried {
            Carried::Tcp(connections) => connections.expire(now, &mut self.counts, sink),
            Carried::Datagrams(datagrams) => datagrams.expire(now, &mut self.counts),
        }
    }

    /// What came out until now, and what did not.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// The packets that carry a cable, in libpcap's language (pcap-filter(7)).
///
/// Fragments other than the first have no ports: those between the same hosts are taken as well.
pub fn expression(carrier: Carrier) -> String {
    let mut text = String::new();
    let _ = match carrier {
        Carrier::Tcp { address, port } if address.is_unspecified() => write!(text, "tcp port {port}"),
        Carrier::Tcp { address, port } => write!(text, "tcp port {port} and host {address}"),
        Carrier::Connection { listener, peer } => {
            write!(text, "tcp port {} and tcp port {}{}", listener.port(), peer.port(), hosts(listener, peer))
        }
        Carrier::Udp { first, second } => {
            let hosts = hosts(first, second);
            write!(text, "((udp port {} and udp port {}) or {FRAGMENT}){hosts}", first.port(), second.port())
        }
        Carrier::Multicast { group } => write!(text, "(udp dst port {} or {FRAGMENT}) and dst host {}", group.port(), group.ip()),
    };
    text
}

/// Between those of two addresses that are one.
fn hosts(first: SocketAddr, second: SocketAddr) -> String {
    [first.ip(), second.ip()].iter().filter(|ip| !ip.is_unspecified()).map(|ip| format!(" and host {ip}")).collect()
}

/// All but the first fragment of a datagram of UDP over IPv4; every fragment over IPv6, whose ports libpcap does not look for.
const FRAGMENT: &str = "(ip proto 17 and ip[6:2] & 0x1fff != 0) or ip6 proto 44";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_is_told_in_libpcaps_language() {
        let carriers = [
            Carrier::Tcp { address: "0.0.0.0".parse().unwrap(), port: 8010 },
            Carrier::Tcp { address: "127.0.0.1".parse().unwrap(), port: 8010 },
            Carrier::Connection { listener: "127.0.0.1:8010".parse().unwrap(), peer: "127.0.0.1:40000".parse().unwrap() },
            Carrier::Udp { first: "127.0.0.1:7001".parse().unwrap(), second: "127.0.0.1:7002".parse().unwrap() },
            Carrier::Udp { first: "[::1]:7001".parse().unwrap(), second: "[::]:7002".parse().unwrap() },
            Carrier::Multicast { group: "230.0.0.1:1234".parse().unwrap() },
        ];
        for carrier in carriers {
            let text = expression(carrier);
            crate::filter::Filter::new(&text).unwrap_or_else(|error| panic!("{error}"));
        }
        assert_eq!(expression(carriers[1]), "tcp port 8010 and host 127.0.0.1");
        assert_eq!(expression(carriers[2]), "tcp port 8010 and tcp port 40000 and host 127.0.0.1 and host 127.0.0.1");
    }
}
