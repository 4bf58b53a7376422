//! A cable, and in words what comes out of it.

use crate::carrier::{ACK, SYN, record, tcp};
use crate::frame::echo;
use expect_test::Expect;
use std::fmt::Write;
use std::net::SocketAddrV4;
use tapscope_capture::cable::{Counts, Passed, Unwrapper};
use tapscope_graph::host::Carrier;
use tapscope_graph::{Direction, LinkType, Timestamp};

pub const LISTENER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 8010);
pub const PEER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 40_000);
pub const OTHER: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 40_002);

/// A cable, the time in milliseconds, and all that came out, a line each.
pub struct Cable {
    pub unwrapper: Unwrapper,
    pub now: i64,
    pub text: String,
}

impl Cable {
    pub fn new(carrier: Carrier) -> Cable {
        Cable { unwrapper: Unwrapper::new(carrier, LinkType::ETHERNET), now: 0, text: String::new() }
    }

    pub fn tcp() -> Cable {
        Cable::new(Carrier::Tcp { address: "0.0.0.0".parse().unwrap(), port: 8010 })
    }

    /// One that was opened: both begin with octet 1.
    pub fn connected() -> Cable {
        let mut cable = Cable::tcp();
        cable.open(PEER);
        cable
    }

    pub fn open(&mut self, peer: SocketAddrV4) {
        self.packet(&tcp(peer, LISTENER, 0, 0, SYN, &[]));
        self.packet(&tcp(LISTENER, peer, 0, 1, SYN | ACK, &[]));
        self.packet(&tcp(peer, LISTENER, 1, 1, ACK, &[]));
    }

    /// A packet, a millisecond after the one before.
    pub fn packet(&mut self, octets: &[u8]) {
        self.now += 1;
        let text = &mut self.text;
        self.unwrapper.packet(Timestamp(self.now * 1_000_000), octets, &mut |passed| tell(text, passed));
    }

    /// Octets from the listener to its peer.
    pub fn listener(&mut self, sequence: u32, octets: &[u8]) {
        self.packet(&tcp(LISTENER, PEER, sequence, 1, ACK, octets));
    }

    /// The peer has everything before a sequence number.
    pub fn acknowledge(&mut self, sequence: u32) {
        self.packet(&tcp(PEER, LISTENER, 1, sequence, ACK, &[]));
    }

    /// Time passes.
    pub fn wait(&mut self, milliseconds: i64) {
        self.now += milliseconds;
        let text = &mut self.text;
        self.unwrapper.expire(Timestamp(self.now * 1_000_000), &mut |passed| tell(text, passed));
    }

    pub fn check(self, expected: Expect) {
        expected.assert_eq(&format!("{}{}\n", self.text, words(self.unwrapper.counts())));
    }
}

/// When, which way, what.
pub fn tell(text: &mut String, passed: Passed<'_>) {
    let way = match passed.direction {
        Direction::Inbound => "in",
        Direction::Outbound => "out",
        Direction::Unknown => "?",
    };
    let frame = passed.octets;
    let what = match frame.get(12..14) {
        Some([8, 0]) if frame[23] == 1 => format!("echo {}", u16::from_be_bytes([frame[40], frame[41]])),
        Some([8, 0]) => format!("ip {}", frame[23]),
        Some([8, 6]) => "arp".to_owned(),
        _ => format!("{} octets", frame.len()),
    };
    let _ = writeln!(text, "{} ms {way} {what}", passed.at.0 / 1_000_000);
}

/// Those that are not zero.
pub fn words(counts: Counts) -> String {
    let Counts { frames, empty, lost, resyncs, skipped_octets, missing_octets, repeated, foreign } = counts;
    let all = [
        (frames, "frames"),
        (empty, "empty"),
        (lost, "lost"),
        (resyncs, "resyncs"),
        (skipped_octets, "octets skipped"),
        (missing_octets, "octets missing"),
        (repeated, "repeated"),
        (foreign, "foreign"),
    ];
    all.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

/// A ping's record: 78 octets.
pub fn ping(sequence: u16) -> Vec<u8> {
    record(&echo(1, 2, sequence))
}

pub fn listener() -> Carrier {
    Carrier::Tcp { address: "0.0.0.0".parse().unwrap(), port: 8010 }
}

pub fn pair() -> Carrier {
    Carrier::Udp { first: "127.0.0.1:7001".parse().unwrap(), second: "127.0.0.1:7002".parse().unwrap() }
}

pub fn group() -> Carrier {
    Carrier::Multicast { group: "230.0.0.1:1234".parse().unwrap() }
}
