//! The connections to one listener: who has which place, and whose octets are whose.

use super::carried::addresses;
use super::half::Half;
use super::{Counts, Passed};
use etherparse::{LaxSlicedPacket, TcpSlice, TransportSlice};
use std::net::SocketAddr;
use tapscope_graph::{Direction, Timestamp};

/// Connections that are kept: QEMU has one peer at a time, a second one waits in the kernel's queue, and those before have ended.
const CONNECTIONS: usize = 8;

/// All connections to one listener, or those of one peer of it.
pub(super) struct Connections {
    /// Unspecified for any address.
    listener: SocketAddr,
    /// The only peer that is wanted.
    only: Option<SocketAddr>,
    /// The one that was last heard of is last.
    open: Vec<Connection>,
}

struct Connection {
    listener: SocketAddr,
    peer: SocketAddr,
    from_listener: Half,
    from_peer: Half,
    /// Who has said that it sends no more.
    ended: [bool; 2],
}

impl Connections {
    pub fn new(listener: SocketAddr, only: Option<SocketAddr>) -> Connections {
        Connections { listener, only, open: Vec::new() }
    }

    pub fn packet(&mut self, at: Timestamp, packet: &LaxSlicedPacket<'_>, counts: &mut Counts, sink: &mut impl FnMut(Passed<'_>)) {
        let (Some(TransportSlice::Tcp(tcp)), Some([from, to])) = (&packet.transport, addresses(packet)) else {
            counts.foreign += 1;
            return;
        };
        let (source, destination) = (SocketAddr::new(from, tcp.source_port()), SocketAddr::new(to, tcp.destination_port()));
        let from_listener = match (self.is_listener(source), self.is_listener(destination)) {
            (true, false) => true,
            (false, true) => false,
            // Both have the port: who opens the connection is not the listener.
            (true, true) => self.knows(source, destination).unwrap_or(!tcp.syn() || tcp.ack()),
            (false, false) => {
                counts.foreign += 1;
                return;
            }
        };
        let (listener, peer) = if from_listener { (source, destination) } else { (destination, source) };
        if self.only.is_some_and(|only| only != peer) {
            counts.foreign += 1;
            return;
        }
        let place = self.place(listener, peer, counts, sink);
        let is_over = self.open[place].segment(at, tcp, from_listener, counts, sink);
        if is_over {
            let mut connection = self.open.remove(place);
            connection.end(counts, sink);
        }
    }

    pub fn deadline(&self) -> Option<Timestamp> {
        let halves = self.open.iter().flat_map(|connection| [&connection.from_listener, &connection.from_peer]);
        halves.filter_map(Half::deadline).min()
    }

    pub fn expire(&mut self, now: Timestamp, counts: &mut Counts, sink: &mut impl FnMut(Passed<'_>)) {
        for connection in &mut self.open {
            connection.from_listener.expire(now, counts, &mut passing(Direction::Inbound, sink));
            connection.from_peer.expire(now, counts, &mut passing(Direction::Outbound, sink));
        }
    }

    fn is_listener(&self, socket: SocketAddr) -> bool {
        socket.port() == self.listener.port() && (self.listener.ip().is_unspecified() || self.listener.ip() == socket.ip())
    }

    /// Whether the source is the listener of a connection that is known.
    fn knows(&self, source: SocketAddr, destination: SocketAddr) -> Option<bool> {
        self.open.iter().find_map(|connection| match (connection.listener, connection.peer) {
            pair if pair == (source, destination) => Some(true),
            pair if pair == (destination, source) => Some(false),
            _ => None,
        })
    }

    /// The place of a connection, which becomes the last one.
    fn place(&mut self, listener: SocketAddr, peer: SocketAddr, counts: &mut Counts, sink: &mut impl FnMut(Passed<'_>)) -> usize {
        let known = self.open.iter().rposition(|connection| connection.peer == peer && connection.listener == listener);
        match known {
            Some(place) if place + 1 == self.open.len() => {}
            Some(place) => {
                let connection = self.open.remove(place);
                self.open.push(connection);
            }
            None => {
                if self.open.len() == CONNECTIONS {
                    self.open.remove(0).end(counts, sink);
                }
                let (from_listener, from_peer) = (Half::unknown(), Half::unknown());
                self.open.push(Connection { listener, peer, from_listener, from_peer, ended: [false; 2] });
            }
        }
        self.open.len() - 1
    }
}

impl Connection {
    /// Takes a segment; says whether the connection is over.
    fn segment(
        &mut self,
        at: Timestamp,
        tcp: &TcpSlice<'_>,
        from_listener: bool,
        counts: &mut Counts,
        sink: &mut impl FnMut(Passed<'_>),
    ) -> bool {
        let (sequence, acknowledgment) = (tcp.sequence_number(), tcp.acknowledgment_number());
        let first = sequence.wrapping_add(u32::from(tcp.syn()));
        if tcp.syn() {
            self.begin(first, tcp.ack().then_some(acknowledgment), from_listener, counts, sink);
        }
        let (own, other, directions) = if from_listener {
            (&mut self.from_listener, &mut self.from_peer, [Direction::Inbound, Direction::Outbound])
        } else {
            (&mut self.from_peer, &mut self.from_listener, [Direction::Outbound, Direction::Inbound])
        };
        own.segment(at, first, tcp.payload(), counts, &mut passing(directions[0], sink));
        if tcp.ack() {
            other.acknowledge(at, acknowledgment, counts, &mut passing(directions[1], sink));
        }
        own.expire(at, counts, &mut passing(directions[0], sink));
        other.expire(at, counts, &mut passing(directions[1], sink));
        self.ended[usize::from(from_listener)] |= tcp.fin();
        tcp.rst() || self.ended == [true; 2]
    }

    /// A connection is opened, perhaps between the ports of an earlier one.
    fn begin(&mut self, first: u32, others: Option<u32>, from_listener: bool, counts: &mut Counts, sink: &mut impl FnMut(Passed<'_>)) {
        let own = if from_listener { &self.from_listener } else { &self.from_peer };
        if own.begins(first) {
            return;
        }
        match (from_listener, others) {
            (true, others) => {
                self.from_listener.end(counts, &mut passing(Direction::Inbound, sink));
                self.from_listener = Half::beginning(first);
                if let Some(first) = others.filter(|_| !self.from_peer.is_known()) {
                    self.from_peer = Half::beginning(first);
                }
            }
            (false, _) => {
                self.end(counts, sink);
                self.from_listener = Half::unknown();
                self.from_peer = Half::beginning(first);
            }
        }
        self.ended = [false; 2];
    }

    fn end(&mut self, counts: &mut Counts, sink: &mut impl FnMut(Passed<'_>)) {
        self.from_listener.end(counts, &mut passing(Direction::Inbound, sink));
        self.from_peer.end(counts, &mut passing(Direction::Outbound, sink));
    }
}

fn passing(direction: Direction, sink: &mut impl FnMut(Passed<'_>)) -> impl FnMut(Timestamp, &[u8]) {
    move |at, octets| sink(Passed { at, direction, octets })
}
