//! The recording thread: files that take turns, limits, and what happens when the disk says no.

use std::fs;
use std::path::{Path, PathBuf};
use tapscope_capture::file::{Format, Next, Reader};
use tapscope_capture::record::{End, Limits, Options, Place, RecordError, Recorder, Section, Status};
use tapscope_graph::host::{HostChange, HostFact, Netns, Setting};
use tapscope_graph::{Batch, Direction, Event, Frame, LinkType, LossCause, PointId, PointInfo, Text, Timestamp};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("tapscope-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a folder");
        Folder(path)
    }

    fn options(&self, name: &str) -> Options {
        let section = Section { application: "tapscope test".into(), ..Section::default() };
        Options { min_free: Some(0), ..Options::new(Place::File(self.0.join(name)), section) }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.0).expect("read").map(|entry| entry.expect("read").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn opened(name: &str, link_type: LinkType) -> Event {
    Event::Opened(PointInfo { name: Some(name.to_owned()), link_type, ..PointInfo::default() })
}

fn host() -> Event {
    let setting = Setting { netns: Netns(1), name: Text::new("net.ipv4.ip_forward"), value: Text::new("1") };
    Event::Host { at: Timestamp(1), changes: vec![HostChange::Set(HostFact::Setting(setting))] }
}

fn frames(first: u64, count: u64, octets: usize) -> Event {
    let bytes = vec![7; octets];
    let mut batch = Batch::default();
    for n in first..first + count {
        let at = Timestamp(n as i64);
        batch.push(Frame { at, point: PointId(0), direction: Direction::Inbound, original_length: octets as u32, bytes: &bytes });
    }
    Event::Frames(batch)
}

/// The stamps of a file's frames, and its other events.
fn read(path: &Path) -> (Vec<i64>, Vec<Event>) {
    let mut reader = Reader::open(path).expect("a capture file");
    let (mut stamps, mut events, mut batch) = (Vec::new(), Vec::new(), Batch::default());
    loop {
        match reader.next(&mut batch) {
            Next::Event(event) => events.push(event),
            Next::Frames => stamps.extend(batch.frames().map(|frame| frame.at.0)),
            Next::End => break,
        }
    }
    let facts = reader.into_facts();
    assert_eq!((facts.incomplete, facts.first_passed_over), (None, None), "{}", path.display());
    (stamps, events)
}

fn record(options: Options, events: &[Event]) -> Status {
    let recorder = Recorder::start(options).expect("it begins");
    let inlet = recorder.inlet();
    for event in events {
        if !inlet.record(event) {
            break;
        }
    }
    recorder.finish()
}

#[test]
fn each_file_of_a_ring_is_whole_by_itself_and_none_is_larger_than_was_asked() {
    let folder = Folder::new("ring");
    let ring = Limits { octets: Some(20_000), files: Some(3), ..Limits::default() };
    let mut events = vec![host(), opened("tap0", LinkType::ETHERNET)];
    events.extend((0..40).map(|n| frames(n * 50, 50, 60)));
    let status = record(Options { ring: Some(ring), ..folder.options("trace.pcapng") }, &events);
    assert!(matches!(status.end, Some(End::Asked)), "{status:?}");
    assert_eq!((status.packets, status.dropped), (2000, 0));
    let names = folder.names();
    assert_eq!(names.len(), 3, "{names:?}");
    let mut all: Vec<i64> = Vec::new();
    for name in &names {
        assert!(name.starts_with("trace_000") && name.ends_with(".pcapng"), "{name}");
        let path = folder.0.join(name);
        let size = fs::metadata(&path).expect("there").len();
        assert!(size <= 20_000 && (size > 19_000 || *name == names[2]), "{name}: {size}");
        let (stamps, others) = read(&path);
        assert_eq!(others, [host(), opened("tap0", LinkType::ETHERNET)], "{name}");
        all.extend(stamps);
    }
    assert_eq!(all, (2000 - all.len() as i64..2000).collect::<Vec<_>>(), "nothing is missing between the files");
    assert_eq!(status.kept, names.iter().map(|name| folder.0.join(name)).collect::<Vec<_>>());
}

#[test]
fn it_ends_where_it_was_told_to() {
    let folder = Folder::new("limits");
    let events = [vec![opened("tap0", LinkType::ETHERNET)], (0..20).map(|n| frames(n * 50, 50, 60)).collect()].concat();
    let with = |name: &str, end: Limits, ring: Option<Limits>| {
        let status = record(Options { end, ring, ..folder.options(name) }, &events);
        assert!(matches!(status.end, Some(End::Limit)), "{name}: {status:?}");
        status
    };
    with("packets", Limits { packets: Some(123), ..Limits::default() }, None);
    assert_eq!(read(&folder.0.join("packets")).0.len(), 123);
    with("octets", Limits { octets: Some(10_000), ..Limits::default() }, None);
    let size = fs::metadata(folder.0.join("octets")).expect("there").len();
    assert!((9_800..=10_000).contains(&size), "{size}");
    let ring = Limits { packets: Some(100), ..Limits::default() };
    let status = with("files", Limits { files: Some(3), ..Limits::default() }, Some(ring));
    assert_eq!((status.packets, status.files), (300, 3));
}

#[test]
fn the_old_format_holds_one_link_type_and_says_so() {
    let folder = Folder::new("pcap");
    let options = |name: &str| Options { format: Format::Pcap, ..folder.options(name) };
    let status = record(options("one"), &[opened("a", LinkType::ETHERNET), opened("b", LinkType::ETHERNET), frames(5, 2, 61)]);
    assert!(matches!(status.end, Some(End::Asked)), "{status:?}");
    assert_eq!(read(&folder.0.join("one")).0, [5, 6]);
    let status = record(options("two"), &[opened("a", LinkType::ETHERNET), opened("b", LinkType::RAW), frames(5, 2, 61)]);
    let Some(End::Failed(error)) = status.end else { panic!("{status:?}") };
    assert_eq!(
        error.to_string(),
        "a pcap file holds one link type, and here are ETHERNET and RAW: leave out --pcap, or choose points with -i"
    );
    record(options("none"), &[]);
    assert_eq!(read(&folder.0.join("none")).0, [0; 0]);
}

#[test]
fn a_device_that_is_full_ends_it_with_the_reason() {
    let section = Section::default();
    let options = Options::new(Place::File("/dev/full".into()), section);
    let recorder = Recorder::start(options).expect("it begins");
    let inlet = recorder.inlet();
    inlet.record(&opened("tap0", LinkType::ETHERNET));
    while inlet.record(&frames(0, 50, 60)) {}
    let Some(End::Failed(error)) = recorder.finish().end else { panic!("it failed") };
    assert!(matches!(&*error, RecordError::Write { cause, .. } if cause.raw_os_error() == Some(28)), "{error:?}");
}

/// A terminal whose other side is gone says what a broken disk says.
#[test]
fn a_device_that_breaks_ends_it_with_the_reason() {
    use nix::fcntl::OFlag;
    let master = nix::pty::posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).expect("a terminal");
    nix::pty::grantpt(&master).and_then(|()| nix::pty::unlockpt(&master)).expect("it is ours");
    let name = nix::pty::ptsname_r(&master).expect("a name");
    let recorder = Recorder::start(Options::new(Place::File(name.into()), Section::default())).expect("it begins");
    drop(master);
    let inlet = recorder.inlet();
    inlet.record(&opened("tap0", LinkType::ETHERNET));
    while inlet.record(&frames(0, 50, 60)) {}
    let Some(End::Failed(error)) = recorder.finish().end else { panic!("it failed") };
    assert!(matches!(&*error, RecordError::Write { cause, .. } if cause.raw_os_error() == Some(5)), "{error:?}");
}

#[test]
fn where_too_little_is_free_it_ends_before_the_disk_is_full() {
    let folder = Folder::new("floor");
    let status = record(Options { min_free: Some(u64::MAX), ..folder.options("trace") }, &[opened("tap0", LinkType::ETHERNET)]);
    let Some(End::Failed(error)) = status.end else { panic!("{status:?}") };
    assert!(error.to_string().ends_with("should stay free (--min-free)"), "{error}");
}

#[test]
fn what_the_disk_was_too_slow_for_is_counted_and_told_in_the_recording() {
    let folder = Folder::new("slow");
    let path = folder.0.join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    // Whoever opens it first waits for the other.
    let reader = {
        let path = path.clone();
        std::thread::spawn(move || fs::File::open(path).expect("the pipe"))
    };
    let recorder = Recorder::start(Options { room: 100_000, ..folder.options("pipe") }).expect("it begins");
    let pipe = reader.join().expect("opened");
    let inlet = recorder.inlet();
    inlet.record(&opened("tap0", LinkType::ETHERNET));
    let mut sent = 0;
    // Nobody reads: a pipe holds 64 KiB, then the buffer fills up.
    while recorder.status().dropped == 0 {
        assert!(inlet.record(&frames(sent, 50, 60)), "it goes on");
        sent += 50;
    }
    let out = folder.0.join("out");
    let copy = {
        let out = out.clone();
        std::thread::spawn(move || std::io::copy(&mut { pipe }, &mut fs::File::create(out).expect("a file")).expect("copied"))
    };
    let status = recorder.finish();
    copy.join().expect("copied");
    assert!(matches!(status.end, Some(End::Asked)), "{status:?}");
    assert_eq!(status.packets + status.dropped, sent);
    let (stamps, events) = read(&out);
    assert_eq!(stamps.len() as u64, status.packets);
    let lost = Event::Lost { point: PointId(0), frames: status.dropped, cause: LossCause::Queue };
    assert_eq!(events.last(), Some(&lost));
}
