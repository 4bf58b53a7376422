//! Live capture, in namespaces of its own. Needs root, and fails without it.

mod lab;

use crossbeam_channel::bounded;
use lab::frame::{arp, dhcp, echo, stp, tagged, tcp, udp};
use lab::generator::{Generator, Sizes, number_of};
use lab::session::{PATIENCE, Session, target};
use lab::{Other, in_namespace, ip, ip_batch, veth};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tapscope_capture::interface::{Follow, Live, OpenError, Outlets, Role, Settings, StartError, Target};
use tapscope_graph::{Event, LossCause, MacAddr, PointId};

fn is(wanted: Vec<u8>) -> impl Fn(&[u8]) -> bool {
    move |bytes| bytes == wanted
}

fn is_of(protocol: u8) -> impl Fn(&[u8]) -> bool {
    move |bytes| bytes[12..14] == [8, 0] && bytes[23] == protocol
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as i64
}

#[test]
fn frames_come_with_direction_time_and_point() {
    in_namespace(|| {
        veth("v0", "v1");
        let mut session = Session::listening(Settings::default(), vec![target("v0", Role::Whole), target("v1", Role::Whole)]);
        let (one, other) = (Generator::new("v0").expect("v0"), Generator::new("v1").expect("v1"));
        let begin = now();
        one.send(&udp(1, 2, (7, 9), b"there"));
        other.send(&udp(2, 1, (9, 7), b"back"));
        session.until("four frames", |session| session.seen.len() == 4);
        let end = now();
        assert_eq!(session.counts(is(udp(1, 2, (7, 9), b"there"))), "v0 out 1, v1 in 1");
        assert_eq!(session.counts(is(udp(2, 1, (9, 7), b"back"))), "v0 in 1, v1 out 1");
        assert!(session.seen.iter().all(|seen| (begin..=end).contains(&seen.at.0)));
        assert!(session.seen.is_sorted_by_key(|seen| seen.at), "across rings, frames come in the order of time");
    });
}

#[test]
fn questions_come_before_their_answers() {
    in_namespace(|| {
        veth("v0", "v1");
        let mut session = Session::listening(Settings::default(), vec![target("v0", Role::Whole), target("v1", Role::Edge)]);
        let (one, other) = (Generator::new("v0").expect("v0"), Generator::new("v1").expect("v1"));
        for sequence in 0..500 {
            one.send(&echo(1, 2, sequence));
            other.send(&echo(2, 1, sequence));
        }
        session.until("all frames", |session| session.seen.len() == 2000);
        let steps = session.seen.windows(2).filter(|pair| pair[1].at < pair[0].at).count();
        assert_eq!(steps, 0, "time steps back");
    });
}

#[test]
fn bulk_is_taken_once_and_control_everywhere() {
    in_namespace(|| {
        ip_batch("link add br0 type bridge\nlink set br0 up\n");
        for (guest, port) in [("h0", "p0"), ("h1", "p1")] {
            veth(guest, port);
            ip(&format!("link set {port} master br0"));
        }
        let targets = vec![target("p0", Role::Edge), target("p1", Role::Edge), target("br0", Role::Inner)];
        let mut session = Session::listening(Settings::default(), targets);
        let guests = [Generator::new("h0").expect("h0"), Generator::new("h1").expect("h1")];
        // So that the bridge knows where they are.
        guests[0].send(&arp(1, 2));
        guests[1].send(&arp(2, 1));
        for sequence in 0..200 {
            guests[0].send(&tcp(1, 2, sequence));
            guests[1].send(&tcp(2, 1, sequence));
        }
        guests[0].send(&echo(1, 2, 1));
        guests[0].send(&dhcp(1));
        guests[0].send(&stp(1));
        guests[1].send(&arp(2, 9));
        session.until("the last frame passed the last point", |session| session.counts(is(arp(2, 9))).contains("p0 out"));
        assert_eq!(session.counts(is_of(6)), "p0 in 200, p1 in 200");
        assert_eq!(session.counts(is(echo(1, 2, 1))), "p0 in 1, p1 out 1");
        assert_eq!(session.counts(is(dhcp(1))), "br0 in 1, p0 in 1, p1 out 1");
        assert_eq!(session.counts(is(arp(2, 9))), "br0 in 1, p0 out 1, p1 in 1");
        // Bridges that do not take part in STP forward it.
        assert_eq!(session.counts(is(stp(1))), "br0 in 1, p0 in 1, p1 out 1");
    });
}

#[test]
fn control_is_found_behind_vlan_tags() {
    in_namespace(|| {
        veth("v0", "v1");
        // What v0 sends has its tags in the frame, what v1 receives has the outer one beside it.
        let inner = || vec![target("v0", Role::Inner), target("v1", Role::Inner)];
        let mut session = Session::listening(Settings::default(), inner());
        let one = Generator::new("v0").expect("v0");
        let control = [arp(1, 2), echo(1, 2, 7), dhcp(1)];
        for frame in &control {
            one.send(&tagged(5, &tcp(1, 2, 1)));
            one.send(&tagged(5, &tagged(6, &tcp(1, 2, 1))));
            one.send(&tcp(1, 2, 1));
            one.send(frame);
            one.send(&tagged(5, frame));
            one.send(&tagged(5, &tagged(6, frame)));
        }
        session.until("all control frames", |session| session.seen.len() == 18);
        for frame in control {
            assert_eq!(session.counts(is(frame.clone())), "v0 out 1, v1 in 1");
            assert_eq!(session.counts(is(tagged(5, &frame))), "v0 out 1, v1 in 1");
            assert_eq!(session.counts(is(tagged(5, &tagged(6, &frame)))), "v0 out 1, v1 in 1");
        }
        assert_eq!(session.seen.len(), 18);
    });
}

#[test]
fn the_users_filter_holds_beside_the_roles() {
    in_namespace(|| {
        veth("v0", "v1");
        let settings = Settings { filter: Some("vlan 5 or host 10.0.0.3".to_owned()), ..Settings::default() };
        let mut session = Session::listening(settings, vec![target("v0", Role::Edge), target("v1", Role::Edge)]);
        let one = Generator::new("v0").expect("v0");
        let frames =
            [arp(1, 2), tagged(5, &arp(1, 2)), tagged(6, &arp(1, 2)), tagged(5, &tcp(1, 2, 3)), echo(1, 2, 1), tagged(5, &arp(1, 9))];
        for frame in &frames {
            one.send(frame);
        }
        session.until("the last", |session| session.counts(is(tagged(5, &arp(1, 9)))).contains("v1"));
        let counts = frames.map(|frame| session.counts(is(frame)));
        assert_eq!(counts, ["", "v0 out 1, v1 in 1", "", "v1 in 1", "", "v0 out 1, v1 in 1"]);
    });
}

#[test]
fn who_is_followed_is_seen_everywhere() {
    in_namespace(|| {
        veth("v0", "v1");
        let follow = vec![Follow::Ip([10, 0, 0, 7].into()), Follow::Mac(MacAddr(lab::frame::mac(8)))];
        let mut session = Session::listening(Settings { follow, ..Settings::default() }, vec![target("v0", Role::Inner)]);
        let one = Generator::new("v0").expect("v0");
        for frame in [tcp(1, 2, 1), tcp(1, 7, 1), tcp(8, 2, 1), tagged(5, &tcp(7, 2, 1)), arp(1, 2)] {
            one.send(&frame);
        }
        session.until("the last", |session| session.counts(is(arp(1, 2))) == "v0 out 1");
        assert_eq!(session.seen.len(), 4);
        assert_eq!(session.counts(is(tcp(1, 2, 1))), "");
    });
}

#[test]
fn a_device_that_comes_back_goes_on_as_the_same_point() {
    in_namespace(|| {
        veth("v0", "v1");
        veth("w0", "w1");
        let mut session = Session::listening(Settings::default(), vec![target("v1", Role::Edge), target("w1", Role::Edge)]);
        let other = Generator::new("w0").expect("w0");
        ip("link del v0");
        session.until("it is closed", |session| session.told.iter().any(|event| matches!(event, Event::Closed { .. })));
        let closed = session.told.iter().find(|event| matches!(event, Event::Closed { .. }));
        let Some(Event::Closed { point, reason: Some(reason) }) = closed else { panic!("{closed:?} has no reason") };
        assert!(reason.contains("disappeared"), "{reason}");
        let point = *point;
        // The others are not touched by it.
        other.send(&arp(1, 2));
        session.until("the other point goes on", |session| session.counts(is(arp(1, 2))) == "w1 in 1");

        // It comes back under another name, as the inventory would tell.
        veth("v0", "v2");
        let asked = Instant::now();
        session.live.listen(vec![Target { key: "v1".to_owned(), ..target("v2", Role::Edge) }, target("w1", Role::Edge)]);
        let resumed = |session: &Session| {
            session.told.iter().find_map(|event| match event {
                Event::Resumed { point, info, .. } => Some((*point, info.name.clone())),
                _ => None,
            })
        };
        session.until("it goes on", |session| resumed(session).is_some());
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        assert_eq!(resumed(&session), Some((point, Some("v2".to_owned()))));
        let mut generator = Generator::new("v0").expect("v0");
        generator.flood(Sizes::Small, Some(50_000.0), 10_000).expect("sent");
        session.until("all of it", |session| session.seen.iter().filter(|seen| seen.point == point.0).count() == 10_000);
    });
}

#[test]
fn a_name_that_comes_back_is_listened_to_without_asking() {
    in_namespace(|| {
        veth("v0", "v1");
        let mut session = Session::listening(Settings::default(), vec![target("v1", Role::Edge)]);
        ip("link del v0");
        veth("v0", "v1");
        session.until("it goes on", |session| session.told.iter().any(|event| matches!(event, Event::Resumed { .. })));
        Generator::new("v0").expect("v0").send(&arp(1, 2));
        session.until("it is seen", |session| session.counts(is(arp(1, 2))) == "v1 in 1");
    });
}

#[test]
fn an_interface_that_is_down_is_waited_for() {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        let mut session = Session::start(Settings::default(), 64);
        session.live.listen(vec![target("v1", Role::Edge), target("nowhere", Role::Edge)]);
        let mut reasons: Vec<String> =
            (0..2).map(|_| session.refused.recv_timeout(PATIENCE).expect("two reasons").reason.to_string()).collect();
        reasons.sort();
        assert_eq!(
            reasons,
            [
                "the interface v1 is down; it is listened to as soon as it is up (sudo ip link set v1 up)",
                "there is no interface nowhere (see `ip link`); it is listened to as soon as there is one",
            ]
        );
        ip_batch("link set v0 up\nlink set v1 up\n");
        session.until("it is open", |session| session.names == ["v1"]);
        // Down and up again is nothing that ends it.
        ip_batch("link set v1 down\nlink set v1 up\n");
        Generator::new("v0").expect("v0").send(&arp(1, 2));
        session.until("it is seen", |session| session.counts(is(arp(1, 2))) == "v1 in 1");
        assert!(!session.told.iter().any(|event| matches!(event, Event::Closed { .. })), "{:?}", session.told);
    });
}

#[test]
fn another_namespace_is_listened_to() {
    in_namespace(|| {
        let other = Other::new();
        veth("v0", "v1");
        ip(&format!("link set v1 netns {}", other.id));
        other.ip("link set v1 up");
        let there = Target { netns: Some(other.path.clone()), ..target("v1", Role::Edge) };
        let mut session = Session::listening(Settings::default(), vec![there, target("v0", Role::Edge)]);
        Generator::new("v0").expect("v0").send(&arp(1, 2));
        session.until("both saw it", |session| session.seen.len() == 2);
        assert_eq!(session.counts(is(arp(1, 2))), "v0 out 1, v1 in 1");
        let netns: Vec<_> =
            session.told.iter().filter_map(|event| if let Event::Opened(info) = event { info.device } else { None }).collect();
        assert_ne!(netns[0].netns, netns[1].netns);

        session.live.listen(vec![Target { netns: Some(PathBuf::from("/nowhere")), ..target("x", Role::Edge) }]);
        let reason = session.refused.recv_timeout(PATIENCE).expect("a reason").reason;
        assert!(matches!(reason, OpenError::Namespace { .. }), "{reason}");
    });
}

#[test]
fn what_is_lost_is_counted() {
    in_namespace(|| {
        veth("v0", "v1");
        // A small ring, so that the kernel loses some as well when the reader is slow.
        let settings = Settings { ring_octets: Some(512 * 1024), ..Settings::default() };
        let mut session = Session::start(settings, 4);
        session.live.listen(vec![target("v1", Role::Edge)]);
        session.until("it is open", |session| session.names.len() == 1);
        let sent = Generator::new("v0").expect("v0").flood(Sizes::Small, None, 200_000).expect("sent");
        // Nobody took anything meanwhile. Now all of it has to add up.
        let all =
            |session: &Session| session.seen.len() as u64 + session.lost(LossCause::Kernel) + session.lost(LossCause::Queue) + sent.backlog;
        session.until("frames and losses are as many as were sent", |session| all(session) >= sent.frames);
        assert_eq!(all(&session), sent.frames);
        assert!(session.lost(LossCause::Queue) > 0, "{:?}", session.told);
        let mut numbers: Vec<u64> = session.seen.iter().filter_map(|seen| number_of(&seen.bytes)).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), session.seen.len(), "each frame once, in order");
    });
}

#[test]
fn what_is_lost_at_the_end_is_counted() {
    in_namespace(|| {
        veth("v0", "v1");
        let mut session = Session::start(Settings::default(), 4);
        session.live.listen(vec![target("v1", Role::Edge)]);
        session.until("it is open", |session| session.names.len() == 1);
        let sent = Generator::new("v0").expect("v0").flood(Sizes::Mixed, None, 20_000).expect("sent");
        session.live.listen(Vec::new());
        let is_closed = |session: &Session| matches!(session.told.last(), Some(Event::Closed { point: PointId(0), reason: None }));
        session.until("it is closed", is_closed);
        let lost = session.lost(LossCause::Kernel) + session.lost(LossCause::Queue) + sent.backlog;
        assert_eq!(session.seen.len() as u64 + lost, sent.frames);
    });
}

#[test]
fn a_bad_filter_is_told_before_anything_starts() {
    in_namespace(|| {
        let (events, _events) = bounded(1);
        let (_spent, spent) = bounded(1);
        let (refused, _refused) = bounded(1);
        let settings = Settings { filter: Some("hots 10.0.0.1".to_owned()), ..Settings::default() };
        let error = Live::start(settings, Outlets { events, spent, refused }).err().expect("an error");
        assert!(matches!(error, StartError::Filter(_)), "{error}");
        assert!(error.to_string().contains("syntax error"), "{error}");
    });
}

#[test]
fn a_packet_on_a_quiet_line_is_there_at_once() {
    in_namespace(|| {
        veth("v0", "v1");
        let mut session = Session::listening(Settings::default(), vec![target("v1", Role::Edge)]);
        let one = Generator::new("v0").expect("v0");
        let mut waits: Vec<Duration> = (0..21)
            .map(|sequence| {
                let sent = Instant::now();
                one.send(&echo(1, 2, sequence));
                session.until("it is there", |session| session.seen.len() == usize::from(sequence) + 1);
                sent.elapsed()
            })
            .collect();
        waits.sort();
        // The median: a busy machine may let anybody wait once.
        assert!(waits[10] < Duration::from_millis(50), "{waits:?}");
    });
}

#[test]
fn fifty_points_start_and_stop_promptly() {
    in_namespace(|| {
        let names: Vec<String> = (0..50).map(|number| format!("t{number}")).collect();
        ip_batch(&names.iter().map(|name| format!("tuntap add {name} mode tap\nlink set {name} up\n")).collect::<String>());
        let mut session = Session::start(Settings::default(), 1024);
        let asked = Instant::now();
        session.live.listen(names.iter().map(|name| target(name, Role::Edge)).collect());
        session.until("all are open", |session| session.names.len() == 50);
        assert!(asked.elapsed() < Duration::from_millis(1500), "start took {:?}", asked.elapsed());
        let Session { live, events, .. } = session;
        let asked = Instant::now();
        live.stop();
        assert!(asked.elapsed() < Duration::from_secs(1), "stop took {:?}", asked.elapsed());
        let closed = events.try_iter().filter(|event| matches!(event, Event::Closed { reason: None, .. })).count();
        assert_eq!(closed, 50);
    });
}

#[test]
fn stopping_does_not_wait_for_a_model_that_stalls() {
    in_namespace(|| {
        veth("v0", "v1");
        let mut session = Session::start(Settings::default(), 2);
        session.live.listen(vec![target("v1", Role::Edge)]);
        session.until("it is open", |session| session.names.len() == 1);
        Generator::new("v0").expect("v0").flood(Sizes::Small, None, 20_000).expect("sent");
        let Session { live, events: _events, .. } = session;
        let asked = Instant::now();
        live.stop();
        assert!(asked.elapsed() < Duration::from_secs(1), "stop took {:?}", asked.elapsed());
    });
}
