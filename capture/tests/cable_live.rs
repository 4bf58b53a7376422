//! Cables of a living host: connections over loopback, in a namespace that has nothing else. Needs root, and fails without it.

mod lab;

use lab::frame::{arp, echo, tcp};
use lab::generator::{Sizes, number_of};
use lab::session::{Session, target};
use lab::wire::Wire;
use lab::{in_namespace, ip, ip_batch, veth};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use tapscope_capture::interface::{Role, Settings, Target, TargetCable};
use tapscope_graph::host::Carrier;
use tapscope_graph::{Direction, Event, LinkType, LossCause, Text};

const PORT: u16 = 8010;
const SECONDS: u64 = 3;
/// Frames a second from each end.
const RATE: f64 = 100_000.0;

fn cable(device: &str, key: &str, carrier: Carrier) -> Target {
    Target { cable: Some(TargetCable { key: Text::new(key), carrier }), key: key.to_owned(), ..target(device, Role::Whole) }
}

fn over_tcp() -> Target {
    cable("lo", "wire", Carrier::Tcp { address: Ipv4Addr::UNSPECIFIED.into(), port: PORT })
}

fn listener() -> TcpListener {
    TcpListener::bind(("0.0.0.0", PORT)).expect("nobody else is in the namespace")
}

fn listening(settings: Settings, target: Target) -> Session {
    Session::listening(settings, vec![target])
}

/// What was seen, in order: `in echo 1`.
fn seen(session: &Session) -> Vec<String> {
    let name = |bytes: &[u8]| match bytes.get(12..14) {
        Some([8, 6]) => "arp".to_owned(),
        Some([8, 0]) if bytes[23] == 1 => format!("echo {}", u16::from_be_bytes([bytes[40], bytes[41]])),
        _ => format!("{} octets", bytes.len()),
    };
    let way = |direction| match direction {
        Direction::Inbound => "in",
        Direction::Outbound => "out",
        Direction::Unknown => "?",
    };
    session.seen.iter().map(|seen| format!("{} {}", way(seen.direction), name(&seen.bytes))).collect()
}

fn lost(session: &Session) -> u64 {
    [LossCause::Kernel, LossCause::Interface, LossCause::Queue, LossCause::Carrier].map(|cause| session.lost(cause)).iter().sum()
}

#[test]
fn two_ends_lose_nothing_at_two_hundred_thousand_frames_a_second() {
    in_namespace(|| {
        let mut session = listening(Settings::default(), over_tcp());
        let listener = listener();
        let (two, one) = (Wire::connect(PORT), Wire::accept(&listener));
        let count = RATE as u64 * SECONDS;
        let sent = std::thread::scope(|scope| {
            let ends = [&one, &two].map(|end| scope.spawn(move || end.flood(Sizes::Small, RATE, count)));
            session.until("all of it", |session| session.seen.len() as u64 + lost(session) >= 2 * count);
            ends.map(|end| end.join().expect("an end sends"))
        });
        for (took, sends) in sent {
            println!("{count} frames in {sends} sends, {:.0} a second", count as f64 / took.as_secs_f64());
        }
        assert_eq!(lost(&session), 0);
        for direction in [Direction::Inbound, Direction::Outbound] {
            let numbers = session.seen.iter().filter(|seen| seen.direction == direction).map(|seen| number_of(&seen.bytes));
            assert!(numbers.eq((0..count).map(Some)), "{direction:?}: each once, in order");
        }
    });
}

#[test]
fn a_cable_is_a_point_of_guests_frames_with_its_name() {
    in_namespace(|| {
        let listener = listener();
        let (two, one) = (Wire::connect(PORT), Wire::accept(&listener));
        // Joined in the middle.
        one.send(&echo(1, 2, 1));
        let mut session = listening(Settings { snap_length: 96, ..Settings::default() }, over_tcp());
        let Some(Event::Opened(info)) = session.told.first() else { panic!("{:?}", session.told) };
        assert_eq!((info.name.as_deref(), info.cable.clone()), (Some("wire"), Some(Text::new("wire"))));
        assert_eq!(info.link_type, LinkType::ETHERNET);
        for sequence in 2..5 {
            one.send(&echo(1, 2, sequence));
            two.send(&echo(2, 1, sequence));
            session.until("both", |session| session.seen.len() == 2 * (usize::from(sequence) - 1));
        }
        let mut expected: Vec<String> = (2..5).flat_map(|number| [format!("in echo {number}"), format!("out echo {number}")]).collect();
        let mut all = seen(&session);
        expected.sort();
        all.sort();
        assert_eq!(all, expected);
        assert_eq!(lost(&session), 0);
    });
}

#[test]
fn the_users_filter_is_for_the_guests_frames() {
    in_namespace(|| {
        let mut session = listening(Settings { filter: Some("icmp or arp".to_owned()), ..Settings::default() }, over_tcp());
        let listener = listener();
        let (_two, one) = (Wire::connect(PORT), Wire::accept(&listener));
        for frame in [arp(1, 2), tcp(1, 2, 7), echo(1, 2, 1)] {
            one.send(&frame);
        }
        session.until("the last one", |session| session.seen.len() == 2);
        assert_eq!(seen(&session), ["in arp", "in echo 1"]);
    });
}

#[test]
fn a_cable_is_followed_through_reconnects_and_a_waiting_peer() {
    in_namespace(|| {
        let mut session = listening(Settings::default(), over_tcp());
        let listener = listener();
        let (two, one) = (Wire::connect(PORT), Wire::accept(&listener));
        one.send(&echo(1, 2, 1));
        session.until("the first", |session| session.seen.len() == 1);
        // Another one waits in the kernel's queue: it sends, and nobody reads.
        let three = Wire::connect(PORT);
        three.send(&echo(3, 1, 2));
        session.until("who waits", |session| session.seen.len() == 2);
        two.send(&echo(2, 1, 3));
        session.until("the second", |session| session.seen.len() == 3);
        // Half a frame, and it hangs up; who waited has its place.
        two.octets(&[0, 0, 0, 80, 1, 2, 3]);
        drop((two, one));
        let one = Wire::accept(&listener);
        one.send(&echo(1, 3, 4));
        session.until("the new peer", |session| session.seen.len() == 4);
        // The listener starts again.
        drop((one, three, listener));
        let listener = self::listener();
        let (two, one) = (Wire::connect(PORT), Wire::accept(&listener));
        one.send(&echo(1, 2, 5));
        two.send(&echo(2, 1, 5));
        session.until("both again", |session| session.seen.len() == 6);
        assert_eq!(seen(&session)[..5], ["in echo 1", "out echo 2", "out echo 3", "in echo 4", "in echo 5"]);
        assert_eq!((seen(&session)[5].as_str(), lost(&session)), ("out echo 5", 0));
    });
}

#[test]
fn datagrams_go_both_ways_and_in_fragments() {
    in_namespace(|| {
        // Frames of usual size do not fit.
        ip("link set lo mtu 1500");
        let ends = ["127.0.0.1:7001", "127.0.0.1:7002"].map(|address| UdpSocket::bind(address).expect("a free port"));
        let addresses = ends.each_ref().map(|end| end.local_addr().expect("bound"));
        let mut session = listening(Settings::default(), cable("lo", "wire", Carrier::Udp { first: addresses[0], second: addresses[1] }));
        ends[0].send_to(&arp(1, 2), addresses[1]).expect("sent");
        ends[1].send_to(&lab::frame::udp(2, 1, (1, 2), &[7; 1472]), addresses[0]).expect("sent");
        session.until("both", |session| session.seen.len() == 2);
        assert_eq!(seen(&session), ["in arp", "out 1514 octets"]);
    });
}

#[test]
fn a_frame_to_a_group_is_one_frame_though_it_comes_back() {
    let group = Ipv4Addr::new(230, 0, 0, 1);
    let carrier = Carrier::Multicast { group: (group, 1234).into() };
    let member = |own: Ipv4Addr| {
        // As QEMU does (net_socket_mcast_create in net/socket.c).
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("shared");
        socket.bind(&std::net::SocketAddr::from((group, 1234)).into()).expect("bound");
        socket.join_multicast_v4(&group, &own).expect("joined");
        socket.set_multicast_loop_v4(true).expect("it comes back");
        socket.set_multicast_if_v4(&own).expect("an interface");
        UdpSocket::from(socket)
    };
    for (device, own) in [("lo", Ipv4Addr::LOCALHOST), ("v0", Ipv4Addr::new(10, 9, 0, 1))] {
        in_namespace(|| {
            veth("v0", "v1");
            ip_batch("addr add 10.9.0.1/24 dev v0\n");
            let members = [member(own), member(own)];
            let mut session = listening(Settings::default(), cable(device, "wire", carrier));
            members[0].send_to(&echo(1, 2, 1), (group, 1234)).expect("sent");
            // It came back, and the other one has it.
            for member in &members {
                member.recv(&mut [0; 2000]).expect("a frame");
            }
            members[1].send_to(&echo(2, 1, 2), (group, 1234)).expect("sent");
            session.until("the last", |session| session.seen.iter().any(|seen| seen.bytes == echo(2, 1, 2)));
            assert_eq!(seen(&session), ["? echo 1", "? echo 2"], "on {device}");
        });
    }
}
