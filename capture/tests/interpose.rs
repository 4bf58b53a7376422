//! Standing between two datagram sockets, with none of QEMU's: who sends what to whom, and who has which name afterwards.

#![cfg(target_os = "linux")]

use crossbeam_channel::{Receiver, bounded};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tapscope_capture::interpose::{InterposeError, Interposed, Place, aside};
use tapscope_graph::{Direction, Event, Text};

const SOON: Duration = Duration::from_secs(10);

/// A folder with two sockets, as two guests have them.
struct Cable {
    folder: PathBuf,
    paths: [PathBuf; 2],
    ends: [UnixDatagram; 2],
}

impl Cable {
    fn new(name: &str) -> Cable {
        let folder = std::env::temp_dir().join(format!("tapscope-interpose-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let paths = ["a b", "c"].map(|name| folder.join(name));
        let ends = paths.each_ref().map(|path| bind(path));
        Cable { folder, paths, ends }
    }

    fn place(&self) -> Place {
        Place { name: "wire".into(), description: "two".into(), cable: Text::new("unix datagram"), paths: self.paths.clone() }
    }

    fn start(&self) -> (Result<Interposed, InterposeError>, Receiver<Event>) {
        let (events, received) = bounded(1024);
        (Interposed::start(self.place(), events, bounded(1).1), received)
    }

    fn send(&self, from: usize, frame: &[u8]) {
        self.ends[from].send_to(frame, &self.paths[1 - from]).expect("sent");
    }

    fn receive(&self, at: usize) -> Vec<u8> {
        let mut frame = vec![0; 70_000];
        let length = self.ends[at].recv(&mut frame).expect("it comes");
        frame.truncate(length);
        frame
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).expect("a folder").flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn bind(path: &Path) -> UnixDatagram {
    let _ = std::fs::remove_file(path);
    let socket = UnixDatagram::bind(path).expect("a name");
    socket.set_read_timeout(Some(SOON)).expect("a limit");
    socket
}

fn frames(events: &Receiver<Event>) -> Vec<(Direction, usize)> {
    let mut frames = Vec::new();
    for event in events.try_iter() {
        if let Event::Frames(batch) = event {
            frames.extend(batch.frames().map(|frame| (frame.direction, frame.bytes.len())));
        }
    }
    frames
}

#[test]
fn frames_pass_both_ways_and_the_names_are_put_back() {
    let cable = Cable::new("pass");
    let (interposed, events) = cable.start();
    let interposed = interposed.expect("it stands there");
    assert_eq!(cable.names(), ["a b", "a b.tapscope", "c", "c.tapscope"]);
    for length in [60, 1514, 69_000] {
        cable.send(0, &vec![1; length]);
        assert_eq!(cable.receive(1).len(), length);
    }
    cable.send(1, &[2; 70]);
    assert_eq!(cable.receive(0), [2; 70]);
    // What is in our hands when it ends is handed on.
    cable.send(0, &[3; 80]);
    let outcome = interposed.stop();
    assert!(outcome.left.is_empty() && outcome.undelivered == 0, "{outcome:?}");
    assert_eq!(cable.receive(1), [3; 80]);
    assert_eq!(cable.names(), ["a b", "c"]);
    cable.send(0, &[4; 90]);
    assert_eq!(cable.receive(1), [4; 90], "as before");
    use Direction::{Inbound, Outbound};
    assert_eq!(frames(&events), [(Inbound, 60), (Inbound, 1514), (Inbound, 69_000), (Outbound, 70), (Inbound, 80)]);
}

#[test]
fn a_guest_that_does_not_read_makes_its_peer_wait_and_loses_nothing() {
    const SENT: usize = 3000;
    let cable = Cable::new("wait");
    let (interposed, events) = cable.start();
    let interposed = interposed.expect("it stands there");
    std::thread::scope(|scope| {
        scope.spawn(|| (0..SENT).for_each(|number| cable.send(0, &(number as u64).to_be_bytes().repeat(8))));
        for number in 0..SENT {
            assert_eq!(cable.receive(1), (number as u64).to_be_bytes().repeat(8), "in order, and none is missing");
        }
    });
    assert_eq!(interposed.stop().undelivered, 0);
    assert_eq!(frames(&events).len(), SENT);
}

#[test]
fn a_guest_that_starts_again_is_stood_before_again() {
    let mut cable = Cable::new("again");
    let (interposed, events) = cable.start();
    let interposed = interposed.expect("it stands there");
    cable.ends[1] = bind(&cable.paths[1]);
    let by = Instant::now() + SOON;
    let mut told = Vec::new();
    while told.len() < 3 {
        match events.recv_deadline(by).expect("it is told") {
            Event::Opened(_) => told.push("opened".to_owned()),
            Event::Closed { reason, .. } => told.push(reason.unwrap_or_default()),
            Event::Resumed { .. } => told.push("resumed".to_owned()),
            _ => {}
        }
    }
    assert!(told[1].ends_with("is another socket now: its guest started again") && told[2] == "resumed", "{told:?}");
    cable.send(0, &[1; 60]);
    assert_eq!(cable.receive(1), [1; 60]);
    interposed.stop();
    assert_eq!(cable.names(), ["a b", "c"]);
    assert_eq!(frames(&events), [(Direction::Inbound, 60)]);
}

#[test]
fn what_was_left_is_put_back_by_the_next_and_what_is_another_tapscopes_is_not_touched() {
    let cable = Cable::new("left");
    // As after a kill of tapscope and its guard.
    std::fs::rename(&cable.paths[0], aside(&cable.paths[0])).expect("renamed");
    drop(UnixDatagram::bind(&cable.paths[0]).expect("a name"));
    let (first, _events) = cable.start();
    let first = first.expect("it stands there");
    let (second, _) = cable.start();
    assert!(matches!(second, Err(InterposeError::Taken { .. })));
    cable.send(1, &[1; 60]);
    assert_eq!(cable.receive(0), [1; 60], "the first goes on");
    first.stop();
    assert_eq!(cable.names(), ["a b", "c"]);
}

#[test]
fn what_is_no_datagram_socket_with_a_guest_is_refused_and_nothing_is_changed() {
    let mut cable = Cable::new("refused");
    cable.paths[1] = cable.folder.join("file");
    std::fs::write(&cable.paths[1], "").expect("written");
    let says = |cable: &Cable| cable.start().0.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(says(&cable).contains("is no socket"));
    cable.paths[1] = cable.folder.join("dead");
    drop(UnixDatagram::bind(&cable.paths[1]).expect("a name"));
    assert!(says(&cable).contains("nobody takes datagrams at"));
    cable.paths[1] = cable.folder.join("none");
    assert!(says(&cable).contains("cannot look at"));
    assert_eq!(cable.names(), ["a b", "c", "dead", "file"], "the first name was put back");
}
