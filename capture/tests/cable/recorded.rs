//! Recordings of loopback while real guests pinged each other.

use crate::carrier;
use crate::said::{Cable, group, listener, pair, tell};
use expect_test::{Expect, expect};
use tapscope_capture::cable::Passed;
use tapscope_graph::Timestamp;
use tapscope_graph::host::Carrier;

/// Reads a recording of loopback.
fn recorded(carrier: Carrier, pcap: &[u8], expected: Expect) {
    let mut cable = Cable::new(carrier);
    for (at, octets) in carrier::packets(pcap) {
        let Cable { unwrapper, text, .. } = &mut cable;
        unwrapper.packet(Timestamp(at), octets, &mut |passed| tell(text, Passed { at: Timestamp(0), ..passed }));
    }
    cable.check(expected);
}

#[test]
fn real_guests_on_socket_listen_and_connect() {
    recorded(
        listener(),
        include_bytes!("../data/socket-tcp.pcap"),
        expect![[r#"
        0 ms in arp
        0 ms out arp
        0 ms in echo 0
        0 ms out echo 0
        0 ms in echo 1
        0 ms out echo 1
        0 ms in echo 2
        0 ms out echo 2
        0 ms out echo 0
        0 ms in echo 0
        0 ms out echo 1
        0 ms in echo 1
        0 ms out echo 2
        0 ms in echo 2
        14 frames
    "#]],
    );
}

#[test]
fn real_guests_on_stream() {
    recorded(
        listener(),
        include_bytes!("../data/stream-tcp.pcap"),
        expect![[r#"
        0 ms in arp
        0 ms out arp
        0 ms in echo 0
        0 ms out echo 0
        0 ms in echo 1
        0 ms out echo 1
        0 ms in echo 2
        0 ms out echo 2
        0 ms out echo 0
        0 ms in echo 0
        0 ms out echo 1
        0 ms in echo 1
        12 frames
    "#]],
    );
}

#[test]
fn real_guests_on_socket_udp() {
    recorded(
        pair(),
        include_bytes!("../data/socket-udp.pcap"),
        expect![[r#"
        0 ms in arp
        0 ms out arp
        0 ms in echo 0
        0 ms out echo 0
        0 ms in echo 1
        0 ms out echo 1
        0 ms in echo 2
        0 ms out echo 2
        0 ms out echo 0
        0 ms in echo 0
        0 ms out echo 1
        0 ms in echo 1
        0 ms out echo 2
        0 ms in echo 2
        14 frames
    "#]],
    );
}

#[test]
fn real_guests_on_dgram() {
    recorded(
        pair(),
        include_bytes!("../data/dgram-udp.pcap"),
        expect![[r#"
        0 ms in arp
        0 ms out arp
        0 ms in echo 0
        0 ms out echo 0
        0 ms in echo 1
        0 ms out echo 1
        0 ms in echo 2
        0 ms out echo 2
        0 ms out echo 0
        0 ms in echo 0
        0 ms out echo 1
        0 ms in echo 1
        0 ms out echo 2
        0 ms in echo 2
        14 frames
    "#]],
    );
}

#[test]
fn real_guests_on_socket_mcast() {
    recorded(
        group(),
        include_bytes!("../data/socket-mcast.pcap"),
        expect![[r#"
        0 ms ? arp
        0 ms ? arp
        0 ms ? echo 0
        0 ms ? echo 0
        0 ms ? echo 1
        0 ms ? echo 1
        0 ms ? echo 2
        0 ms ? echo 2
        0 ms ? echo 0
        0 ms ? echo 0
        0 ms ? echo 1
        0 ms ? echo 1
        12 frames, 2 foreign
    "#]],
    );
}

#[test]
fn real_guests_on_dgram_to_a_group() {
    recorded(
        group(),
        include_bytes!("../data/dgram-mcast.pcap"),
        expect![[r#"
        0 ms ? arp
        0 ms ? arp
        0 ms ? echo 0
        0 ms ? echo 0
        0 ms ? echo 1
        0 ms ? echo 1
        0 ms ? echo 2
        0 ms ? echo 2
        0 ms ? echo 0
        0 ms ? echo 0
        0 ms ? echo 1
        0 ms ? echo 1
        0 ms ? echo 2
        0 ms ? echo 2
        14 frames, 2 foreign
    "#]],
    );
}
