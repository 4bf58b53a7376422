//! Datagrams: each one is a frame.
//!
//! A frame to a group comes back to its sender (`IP_MULTICAST_LOOP`), but not through a packet socket once more: the kernel does not show
//! it there (`PACKET_LOOPBACK` in `net/packet/af_packet.c`). So each datagram that is seen is one frame.

use super::carried::addresses;
use super::fragment::{Fragments, Whole};
use super::{Counts, Passed};
use etherparse::{IpNumber, LaxSlicedPacket, TransportSlice, UdpSlice};
use std::net::{IpAddr, SocketAddr};
use tapscope_graph::host::Carrier;
use tapscope_graph::{Direction, Timestamp};

/// The datagrams of one cable.
pub(super) struct Datagrams {
    carrier: Carrier,
    fragments: Fragments,
}

impl Datagrams {
    pub fn new(carrier: Carrier) -> Datagrams {
        Datagrams { carrier, fragments: Fragments::default() }
    }

    pub fn packet(&mut self, at: Timestamp, packet: &LaxSlicedPacket<'_>, counts: &mut Counts, sink: &mut impl FnMut(Passed<'_>)) {
        let Some([from, to]) = addresses(packet) else {
            counts.foreign += 1;
            return;
        };
        if let Some(TransportSlice::Udp(udp)) = &packet.transport {
            let is_cut = packet.net.as_ref().and_then(|net| net.ip_payload_ref()).is_some_and(|payload| payload.incomplete);
            self.datagram(at, [from, to], udp, is_cut, counts, sink);
            return;
        }
        let is_ours = |carrier: Carrier| match carrier {
            Carrier::Udp { first, second } => {
                let fits = |ip: IpAddr, socket: SocketAddr| socket.ip().is_unspecified() || socket.ip() == ip;
                fits(from, first) && fits(to, second) || fits(from, second) && fits(to, first)
            }
            Carrier::Multicast { group } => to == group.ip(),
            Carrier::Tcp { .. } | Carrier::Connection { .. } => false,
        };
        if !is_ours(self.carrier) {
            counts.foreign += 1;
            return;
        }
        match self.fragments.take(at, packet, counts) {
            Some(Whole { octets, protocol: IpNumber::UDP }) => match UdpSlice::from_slice(&octets) {
                Ok(udp) => self.datagram(at, [from, to], &udp, false, counts, sink),
                Err(_) => counts.foreign += 1,
            },
            Some(_) => counts.foreign += 1,
            None => {}
        }
    }

    pub fn deadline(&self) -> Option<Timestamp> {
        self.fragments.deadline()
    }

    pub fn expire(&mut self, now: Timestamp, counts: &mut Counts) {
        self.fragments.expire(now, counts);
    }

    fn datagram(
        &self,
        at: Timestamp,
        [from, to]: [IpAddr; 2],
        udp: &UdpSlice<'_>,
        is_cut: bool,
        counts: &mut Counts,
        sink: &mut impl FnMut(Passed<'_>),
    ) {
        let (source, destination) = (SocketAddr::new(from, udp.source_port()), SocketAddr::new(to, udp.destination_port()));
        let Some(direction) = direction(self.carrier, source, destination) else {
            counts.foreign += 1;
            return;
        };
        if is_cut {
            counts.lost += 1;
        } else if udp.payload().is_empty() {
            counts.empty += 1;
        } else {
            counts.frames += 1;
            sink(Passed { at, direction, octets: udp.payload() });
        }
    }
}

/// Which way a datagram goes; none if it is not the cable's.
fn direction(carrier: Carrier, source: SocketAddr, destination: SocketAddr) -> Option<Direction> {
    let is = |wanted: SocketAddr, socket: SocketAddr| {
        wanted.port() == socket.port() && (wanted.ip().is_unspecified() || wanted.ip() == socket.ip())
    };
    match carrier {
        Carrier::Udp { first, second } if is(first, source) && is(second, destination) => Some(Direction::Inbound),
        Carrier::Udp { first, second } if is(second, source) && is(first, destination) => Some(Direction::Outbound),
        // Every member is bound to the group's own port: which of them sent it, only the frame itself tells.
        Carrier::Multicast { group } if is(group, destination) => Some(Direction::Unknown),
        Carrier::Udp { .. } | Carrier::Multicast { .. } | Carrier::Tcp { .. } | Carrier::Connection { .. } => None,
    }
}
