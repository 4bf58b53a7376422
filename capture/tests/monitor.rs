//! Monitors that are busy, hostile or odd: what a session with them ends in, and how soon.
#![cfg(target_os = "linux")]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tapscope_capture::qemu::monitor::{Address, Monitor, MonitorError, Queue};

const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}"#;

/// The path of a socket that is not there yet.
fn place() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tapscope-monitor-{}-{number}", std::process::id()))
}

/// Serves one client.
fn serve(serve: impl FnOnce(UnixStream) + Send + 'static) -> Address {
    let path = place();
    let listener = UnixListener::bind(&path).expect("a socket");
    let address = Address::Unix(path.clone());
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        std::fs::remove_file(path).expect("removed");
        serve(stream);
    });
    address
}

/// Serves QMP: `answer` gives the lines that follow a command, in which `ID` stands for its number.
fn qmp(mut answer: impl FnMut(&str, &Value) -> String + Send + 'static) -> Address {
    serve(move |mut stream| {
        writeln!(stream, "{GREETING}\r").expect("greeted");
        let reader = BufReader::new(stream.try_clone().expect("the same"));
        for line in reader.lines().map_while(Result::ok) {
            let request: Value = serde_json::from_str(&line).expect("a command");
            let name = request["execute"].as_str().expect("a name").to_owned();
            let said = if name == "qmp_capabilities" { "{\"return\": {}, \"id\": ID}".to_owned() } else { answer(&name, &request) };
            if stream.write_all(format!("{}\r\n", said.replace("ID", &request["id"].to_string())).as_bytes()).is_err() {
                return;
            }
        }
    })
}

fn refused(address: &Address) -> String {
    Monitor::open(address).err().map_or_else(|| "it opened".to_owned(), |error| error.to_string())
}

#[test]
fn a_monitor_that_serves_somebody_else_is_busy_after_two_seconds() {
    let path = place();
    let _listener = UnixListener::bind(&path).expect("a socket");
    let began = Instant::now();
    let error = refused(&Address::Unix(path.clone()));
    assert!(error.contains("is busy: libvirt or another program holds it"), "{error}");
    assert!((2.0..4.0).contains(&began.elapsed().as_secs_f64()), "it took {:?}", began.elapsed());
    std::fs::remove_file(path).expect("removed");
}

#[test]
fn a_monitor_where_too_many_wait_is_busy_at_once() {
    let path = place();
    let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    listener.bind(&socket2::SockAddr::unix(&path).expect("an address")).expect("bound");
    listener.listen(0).expect("listening");
    let _first = UnixStream::connect(&path).expect("there is room for one");
    let began = Instant::now();
    assert!(refused(&Address::Unix(path.clone())).contains("is busy"));
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    std::fs::remove_file(path).expect("removed");
}

#[test]
fn what_is_no_monitor_is_named_with_what_it_says() {
    let said = |words: &'static [u8]| {
        refused(&serve(move |mut stream| {
            let _ = stream.write_all(words);
            // It stays open, and is silent.
            let _ = std::io::Read::read(&mut stream, &mut [0]);
        }))
    };
    assert!(
        said(b"SSH-2.0-OpenSSH_9.2\r\n").contains("is no monitor of QEMU's: it says `SSH-2.0-OpenSSH_9.2`"),
        "{}",
        said(b"SSH-2.0\r\n")
    );
    assert!(said(b"{\"QMP\": {\"vers").contains("is no monitor of QEMU's"), "half a greeting");
    assert!(said(b"{\"return\": {}}\r\n").contains("is no monitor of QEMU's"), "no greeting");
    assert!(said(b"\xff\xfe\x00\x1b[2J\n").contains("is no monitor of QEMU's"), "octets that are no text");
    let gone = refused(&Address::Unix(PathBuf::from("/nonexistent/qmp")));
    assert!(gone.contains("cannot connect to the monitor unix:/nonexistent/qmp: No such file"), "{gone}");
}

#[test]
fn a_line_without_an_end_and_a_flood_of_events_end() {
    let endless = serve(|mut stream| while stream.write_all(&[b'a'; 65536]).is_ok() {});
    assert!(refused(&endless).contains("is no monitor"));

    let flood = qmp(|_, _| format!("{}\r\n", "{\"event\": \"RESUME\", \"data\": {}}").repeat(5000));
    let error = Monitor::open(&flood).expect("it greets").name().expect_err("it never answers");
    assert!(matches!(error, MonitorError::Flood { .. }), "{error}");

    let long = qmp(|_, _| format!("{{\"return\": \"{}\"}}", "a".repeat(5 << 20)));
    let error = Monitor::open(&long).expect("it greets").name().expect_err("it says too much");
    assert!(matches!(error, MonitorError::Flood { .. }), "{error}");
}

#[test]
fn an_answer_that_makes_no_sense_is_quoted() {
    let ask = |words: &'static str| {
        let error = Monitor::open(&qmp(move |_, _| words.to_owned())).expect("it greets").name().expect_err(words);
        assert!(matches!(error, MonitorError::Garbage { .. }), "{words}: {error}");
        error.to_string()
    };
    assert!(ask("what?").contains("answers query-name with `what?`, which makes no sense"));
    ask("{\"return\": {}, \"id\": 77}");
    ask("{\"return\": {}}");
    ask("{\"id\": ID}");
    ask("{\"error\": {\"desc\": 5}, \"id\": ID}");
    let deep = Box::leak(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_boxed_str());
    ask(deep);
}

#[test]
fn events_and_odd_values_are_passed_over() {
    let mut monitor = Monitor::open(&qmp(|name, _| match name {
        "query-name" => "{\"event\": \"STOP\", \"data\": {}}\r\n{\"return\": {\"name\": 5}, \"id\": ID}".to_owned(),
        "qom-list" => {
            "{\"return\": [5, {}, {\"name\": \"a\", \"type\": \"child<filter-mirror>\"}, {\"name\": [], \"type\": 1}], \"id\": ID}".into()
        }
        _ => "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Vhost is not supported\"}, \"id\": ID}".to_owned(),
    }))
    .expect("it greets");
    assert_eq!(monitor.name().expect("an answer"), None);
    let objects = monitor.objects().expect("an answer");
    assert_eq!(objects.iter().map(|object| object.id.as_str()).collect::<Vec<_>>(), ["a"]);
    let error = monitor.add_mirror("a", "n0", "a", Queue::Rx).expect_err("it refuses");
    assert!(error.is_refusal());
    assert_eq!(error.to_string(), "QEMU refuses object-add: Vhost is not supported");
}

#[test]
fn a_descriptor_goes_along_with_its_name() {
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
    use std::os::fd::{AsFd, AsRawFd};
    let (told, heard) = crossbeam_channel::unbounded();
    let address = serve(move |mut stream| {
        writeln!(stream, "{GREETING}\r").expect("greeted");
        loop {
            let mut octets = [0; 4096];
            let mut space = nix::cmsg_space!([std::os::fd::RawFd; 4]);
            let mut slices = [std::io::IoSliceMut::new(&mut octets)];
            let message = recvmsg::<()>(stream.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::empty()).expect("a message");
            let numbers: Vec<i32> = message
                .cmsgs()
                .expect("whole")
                .flat_map(|part| if let ControlMessageOwned::ScmRights(numbers) = part { numbers } else { Vec::new() })
                .collect();
            let length = message.bytes;
            if length == 0 {
                return;
            }
            let request: Value = serde_json::from_slice(&octets[..length]).expect("a command in one message");
            told.send((request["execute"].clone(), request["arguments"].clone(), numbers)).expect("heard");
            writeln!(stream, "{}\r", json!({ "return": {}, "id": request["id"] })).expect("answered");
        }
    });
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    Monitor::open(&address).expect("it greets").add_socket("a", theirs.as_fd()).expect("it takes it");
    drop(theirs);
    let asked: Vec<(Value, Value, Vec<i32>)> = heard.iter().collect();
    let names: Vec<&Value> = asked.iter().map(|(name, _, _)| name).collect();
    assert_eq!(names, ["qmp_capabilities", "getfd", "chardev-add"]);
    assert_eq!(asked[1].1, json!({ "fdname": "a-fd" }));
    assert_eq!(asked[2].1["backend"]["data"]["addr"], json!({ "type": "fd", "data": { "str": "a-fd" } }));
    let [number] = asked[1].2[..] else { panic!("{asked:?}") };
    let link = std::fs::read_link(format!("/proc/self/fd/{number}")).expect("a descriptor");
    assert!(link.to_string_lossy().starts_with("socket:"), "{link:?}");
    drop(ours);
}

#[test]
fn the_monitor_for_people_does_the_same() {
    let (told, heard) = crossbeam_channel::unbounded();
    let address = serve(move |mut stream| {
        write!(stream, "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ").expect("greeted");
        let reader = BufReader::new(stream.try_clone().expect("the same"));
        for line in reader.lines().map_while(Result::ok) {
            told.send(line.clone()).expect("heard");
            // Readline shows the line anew with each character.
            let echo: String = line.chars().map(|c| format!("{c}\x1b[K\x1b[D")).collect();
            let answer = match line.as_str() {
                "info name" => "g1\r\n",
                "qom-list /objects" => "type (string)\r\ntapscope-1-n0-rx (child<filter-mirror>)\r\n",
                "info chardev" => "compat_monitor0: filename=unix:/run/g1.hmp,server=on\r\n",
                line if line.contains("n,,1") => "Error: Vhost is not supported\r\n",
                _ => "",
            };
            write!(stream, "{echo}\r\n{answer}(qemu) ").expect("answered");
        }
    });
    let mut monitor = Monitor::open(&address).expect("it greets");
    assert_eq!(monitor.name().expect("an answer").as_deref(), Some("g1"));
    assert_eq!(monitor.objects().expect("an answer")[1].id, "tapscope-1-n0-rx");
    assert_eq!(monitor.chardevs().expect("an answer")[0].kind, "unix:/run/g1.hmp,server=on");
    monitor.add_mirror("a", "n0", "a", Queue::Tx).expect("it is added");
    let error = monitor.add_mirror("a", "n,1", "a", Queue::Tx).expect_err("it refuses");
    assert_eq!(error.to_string(), "QEMU refuses object-add: Vhost is not supported");
    let error = monitor.add_mirror("a", "n0\nquit", "a", Queue::Tx).expect_err("it is not said");
    assert!(error.is_refusal(), "{error}");
    drop(monitor);
    let lines: Vec<String> = heard.iter().collect();
    assert_eq!(lines[3], "object_add filter-mirror,id=a,netdev=n0,outdev=a,queue=tx,vnet_hdr_support=on");
    assert!(!lines.iter().any(|line| line == "quit"), "{lines:?}");
}
