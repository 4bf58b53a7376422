//! The hub between peers that are made up: those that behave, and those that do not.

use super::*;
use crossbeam_channel::{bounded, unbounded};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Instant;
use tapscope_graph::{Direction, PointInfo};

const LIMIT: Duration = Duration::from_secs(10);

/// A hub, with what it says.
struct Bench {
    hub: Hub,
    reports: Receiver<Report>,
    events: Receiver<Event>,
}

impl Bench {
    fn new(places: &[Place]) -> Bench {
        let (events, received) = unbounded();
        let (reports, told) = unbounded();
        let (_, spent) = bounded(0);
        let settings = Settings { places: places.to_vec(), ..Settings::default() };
        let hub = Hub::start(settings, Outlets { events: Some(events), spent, reports }).expect("a hub");
        Bench { hub, reports: told, events: received }
    }

    /// One that listens on loopback, and where.
    fn listening() -> (Bench, SocketAddr) {
        let bench = Bench::new(&[Place::Listen(([127, 0, 0, 1], 0).into())]);
        let report = bench.next();
        assert_eq!(report.what, What::Listens);
        let address = report.place.as_str().strip_prefix("tcp ").expect("a TCP address").parse().expect("an address");
        (bench, address)
    }

    fn next(&self) -> Report {
        self.reports.recv_timeout(LIMIT).expect("a report in time")
    }

    /// The next reports, without addresses that differ from run to run.
    fn told(&self, count: usize) -> Vec<String> {
        let words = |report: Report| format!("{} {}", report.what.name(), report.port.map_or("-".to_owned(), |port| port.to_string()));
        (0..count).map(|_| words(self.next())).collect()
    }

    /// Waits until a peer is in its port.
    fn plug(&self, address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(LIMIT)).expect("set");
        stream.set_write_timeout(Some(LIMIT)).expect("set");
        assert!(matches!(self.next().what, What::Came { .. }));
        stream
    }

    fn stop(self) -> (Vec<PortReport>, Vec<Event>) {
        (self.hub.stop(), self.events.try_iter().collect())
    }
}

fn mac(last: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, last]
}

fn frame(to: [u8; 6], from: u8, payload: &[u8]) -> Vec<u8> {
    [&to[..], &mac(from), &[0x88, 0xb5], payload].concat()
}

fn send(mut stream: impl Write, frame: &[u8]) {
    stream.write_all(&[&header(frame.len())[..], frame].concat()).expect("sent");
}

fn receive(mut stream: impl Read) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a length in time");
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).expect("a frame in time");
    frame
}

/// Waits until the hub has closed it.
fn wait_for_end(mut stream: &TcpStream) {
    while !matches!(stream.read(&mut [0; 4096]), Ok(0) | Err(_)) {}
}

#[test]
fn frames_go_to_all_until_the_receiver_is_known_and_each_port_is_a_point() {
    let (bench, address) = Bench::listening();
    let (a, b, c) = (bench.plug(address), bench.plug(address), bench.plug(address));
    send(&a, &frame([0xff; 6], 1, b"who has b"));
    assert_eq!(receive(&b), frame([0xff; 6], 1, b"who has b"));
    assert_eq!(receive(&c), frame([0xff; 6], 1, b"who has b"));
    send(&b, &frame(mac(1), 2, b"b is here"));
    assert_eq!(receive(&a), frame(mac(1), 2, b"b is here"));
    // The next that c gets shows that it did not get the one before.
    send(&a, &frame([0xff; 6], 1, b"to all"));
    assert_eq!(receive(&c), frame([0xff; 6], 1, b"to all"));
    let (ports, events) = bench.stop();
    let opened: Vec<String> =
        events.iter().filter_map(|event| if let Event::Opened(PointInfo { name, .. }) = event { name.clone() } else { None }).collect();
    assert_eq!(opened, ["hub port 1", "hub port 2", "hub port 3"]);
    let seen: Vec<String> = events
        .iter()
        .filter_map(|event| if let Event::Frames(batch) = event { Some(batch) } else { None })
        .flat_map(|batch| batch.frames().map(|frame| format!("{} {:?}", frame.point.0, frame.direction)).collect::<Vec<_>>())
        .collect();
    let (inward, outward) = (format!("{:?}", Direction::Inbound), format!("{:?}", Direction::Outbound));
    let expected = [(0, &inward), (1, &outward), (2, &outward), (1, &inward), (0, &outward), (0, &inward), (1, &outward), (2, &outward)];
    assert_eq!(seen, expected.map(|(point, way)| format!("{point} {way}")));
    let counts: Vec<(u64, u64)> = ports.iter().map(|port| (port.counters.received_frames, port.counters.sent_frames)).collect();
    assert_eq!(counts, [(2, 1), (1, 2), (0, 2)]);
}

#[test]
fn a_peer_that_does_not_read_loses_whole_frames_and_holds_up_nobody() {
    let (bench, address) = Bench::listening();
    let (a, b, stalled) = (bench.plug(address), bench.plug(address), bench.plug(address));
    const FRAMES: u32 = 20_000;
    const PACE: u32 = 200;
    let (done, go_on) = unbounded();
    let reader = std::thread::spawn(move || {
        let mut last = Vec::new();
        for number in 1..=FRAMES {
            last = receive(&b);
            if number % PACE == 0 {
                done.send(()).expect("the writer waits");
            }
        }
        last
    });
    let mut writer = std::io::BufWriter::new(&a);
    for number in 1..=FRAMES {
        let frame = frame([0xff; 6], 1, &[&number.to_be_bytes()[..], &[0; 1400]].concat());
        writer.write_all(&[&header(frame.len())[..], &frame].concat()).expect("sent");
        // At the pace of who reads: the hub drops for who cannot follow.
        if number % PACE == 0 {
            writer.flush().expect("sent");
            go_on.recv_timeout(LIMIT).expect("frames come, whoever else does not read");
        }
    }
    drop(writer);
    let last = reader.join().expect("all came");
    assert_eq!(last[14..18], FRAMES.to_be_bytes());
    // What the stalled one finds when it wakes up is whole frames, in order.
    drop(a);
    let (ports, _) = bench.stop();
    let PortCounters { sent_frames, dropped_frames, .. } = ports[2].counters;
    assert_eq!((ports[1].counters.dropped_frames, sent_frames + dropped_frames), (0, u64::from(FRAMES)));
    assert!(dropped_frames > FRAMES as u64 / 2, "{dropped_frames} were dropped");
    let mut octets = Vec::new();
    (&stalled).read_to_end(&mut octets).expect("the rest");
    let (mut decoder, mut numbers) = (Decoder::default(), Vec::new());
    decoder.feed(&octets, |frame| numbers.push(u32::from_be_bytes(frame[14..18].try_into().expect("four octets")))).expect("no lie");
    assert!(numbers.len() > 100 && numbers.is_sorted(), "{} frames", numbers.len());
}

#[test]
fn a_lying_length_closes_that_port_with_the_reason() {
    let (bench, address) = Bench::listening();
    let (liar, a, b) = (bench.plug(address), bench.plug(address), bench.plug(address));
    (&liar).write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    let report = bench.next();
    assert_eq!(
        report.to_string(),
        "- hub port 1: it announced a frame of 1195725856 octets, and 69632 are the most: it does not speak as QEMU's socket and stream do"
    );
    wait_for_end(&liar);
    send(&a, &frame([0xff; 6], 1, b"goes on"));
    assert_eq!(receive(&b), frame([0xff; 6], 1, b"goes on"));
}

#[test]
fn half_a_frame_is_passed_to_nobody() {
    let (bench, address) = Bench::listening();
    let (a, b) = (bench.plug(address), bench.plug(address));
    (&a).write_all(&[&header(60)[..], &[0xff; 20]].concat()).expect("sent");
    drop(a);
    let report = bench.next();
    assert_eq!(report.to_string(), "- hub port 1: the guest closed it within a frame, 24 of 64 octets");
    let again = bench.plug(address);
    send(&again, &frame([0xff; 6], 1, b"whole"));
    assert_eq!(receive(&b), frame([0xff; 6], 1, b"whole"));
}

#[test]
fn a_frame_that_is_too_short_is_counted_and_passed_to_nobody() {
    let (bench, address) = Bench::listening();
    let (a, b) = (bench.plug(address), bench.plug(address));
    send(&a, &[]);
    send(&a, &[0xff; 13]);
    send(&a, &frame([0xff; 6], 1, b"whole"));
    assert_eq!(receive(&b), frame([0xff; 6], 1, b"whole"));
    assert_eq!(bench.stop().0[0].counters.short_frames, 2);
}

#[test]
fn guests_that_come_back_in_another_order_get_their_ports_back() {
    let (bench, address) = Bench::listening();
    let watcher = bench.plug(address);
    let guests: Vec<TcpStream> = (1..=2).map(|_| bench.plug(address)).collect();
    for (guest, number) in guests.iter().zip(1..) {
        send(guest, &frame([0xff; 6], number, b"here"));
        receive(&watcher);
    }
    drop(guests);
    let mut went = bench.told(2);
    went.sort();
    assert_eq!(went, ["port-down 2", "port-down 3"]);
    let second = bench.plug(address);
    send(&second, &frame([0xff; 6], 2, b"here again"));
    receive(&watcher);
    assert_eq!(bench.told(1), ["port-recognised 3"]);
    let first = bench.plug(address);
    send(&first, &frame(mac(2), 1, b"to the other"));
    assert_eq!(receive(&second), frame(mac(2), 1, b"to the other"));
    let (ports, events) = bench.stop();
    let macs: Vec<Option<MacAddr>> = ports.iter().map(|port| port.mac).collect();
    assert_eq!(macs, [None, Some(MacAddr(mac(1))), Some(MacAddr(mac(2)))]);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Opened(_))).count(), 3);
}

#[test]
fn two_guests_that_listen_are_joined_and_called_again() {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("bound"));
    let addresses = listeners.each_ref().map(|listener| listener.local_addr().expect("an address"));
    let bench = Bench::new(&addresses.map(Place::Connect));
    let accept = |listener: &TcpListener| {
        let (stream, _) = listener.accept().expect("called");
        stream.set_read_timeout(Some(LIMIT)).expect("set");
        stream
    };
    let [a, b] = listeners.each_ref().map(accept);
    bench.told(2);
    send(&a, &frame([0xff; 6], 1, b"over the bridge"));
    assert_eq!(receive(&b), frame([0xff; 6], 1, b"over the bridge"));
    drop(b);
    let b = accept(&listeners[1]);
    assert_eq!(bench.told(2).iter().map(|told| told.split(' ').next()).collect::<Vec<_>>(), [Some("port-down"), Some("port-up")]);
    send(&a, &frame([0xff; 6], 1, b"again"));
    assert_eq!(receive(&b), frame([0xff; 6], 1, b"again"));
    assert_eq!(bench.stop().0.len(), 2);
}

#[test]
fn datagrams_and_a_unix_stream_are_joined_and_the_path_is_removed() {
    let guest = UdpSocket::bind("127.0.0.1:0").expect("bound");
    guest.set_read_timeout(Some(LIMIT)).expect("set");
    let free = UdpSocket::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address");
    let path = std::env::temp_dir().join(format!("tapscope-hub-{}.sock", std::process::id()));
    let bench = Bench::new(&[Place::Udp { local: free, remote: guest.local_addr().expect("an address") }, Place::Unix(path.clone())]);
    let stream = UnixStream::connect(&path).expect("connected");
    stream.set_read_timeout(Some(LIMIT)).expect("set");
    let mut told = bench.told(3);
    told.sort();
    assert_eq!(told, ["listens -", "port-up 1", "port-up 2"]);
    guest.send_to(&frame([0xff; 6], 1, b"in a datagram"), free).expect("sent");
    assert_eq!(receive(&stream), frame([0xff; 6], 1, b"in a datagram"));
    send(&stream, &frame(mac(1), 2, b"in a stream"));
    let mut octets = [0; 2048];
    let count = guest.recv(&mut octets).expect("a datagram in time");
    assert_eq!(octets[..count], frame(mac(1), 2, b"in a stream"));
    // A guest that is not there any more is no reason to end.
    drop(guest);
    (0..3).for_each(|_| send(&stream, &frame([0xff; 6], 2, b"anybody")));
    let taken = Hub::start(Settings { places: vec![Place::Unix(path.clone())], ..Settings::default() }, nobody());
    assert!(matches!(taken, Err(StartError::Place(PlaceError::Taken { .. }))));
    bench.stop();
    assert!(!path.exists());
}

fn nobody() -> Outlets {
    Outlets { events: None, spent: bounded(0).1, reports: bounded(0).0 }
}

#[test]
fn a_model_that_is_stuck_costs_events_and_no_frames() {
    let (events, stuck) = bounded(1);
    let (reports, told) = unbounded();
    let settings = Settings { places: vec![Place::Listen(([127, 0, 0, 1], 0).into())], ..Settings::default() };
    let hub = Hub::start(settings, Outlets { events: Some(events), spent: bounded(0).1, reports }).expect("a hub");
    let bench = Bench { hub, reports: told, events: stuck };
    let address = bench.next().place.as_str()[4..].parse().expect("an address");
    let (a, b) = (bench.plug(address), bench.plug(address));
    for number in 0..1000_u32 {
        send(&a, &frame([0xff; 6], 1, &number.to_be_bytes()));
        assert_eq!(receive(&b)[14..], number.to_be_bytes());
    }
    let mut lost = 0;
    let deadline = Instant::now() + LIMIT;
    while lost == 0 && Instant::now() < deadline {
        if let Ok(Event::Lost { frames, .. }) = bench.events.recv_timeout(Duration::from_millis(100)) {
            lost += frames;
        }
    }
    assert!(lost > 0, "what the model did not get is counted");
}
