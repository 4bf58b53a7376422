//! `tapscope export` through the front door: what other programs read of what it writes.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder of a test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("tapscope-export-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tapscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tapscope")).args(arguments).stdin(Stdio::null()).output().expect("it runs")
}

/// What goes to standard output; it must succeed.
fn exported(arguments: &[&str]) -> Vec<u8> {
    let output = tapscope(&[&["export"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(arguments: &[&str]) -> String {
    String::from_utf8(exported(arguments)).expect("UTF-8")
}

fn refused(arguments: &[&str]) -> String {
    let output = tapscope(&[&["export"], arguments].concat());
    assert!(!output.status.success(), "{arguments:?} is done");
    String::from_utf8(output.stderr).expect("UTF-8")
}

fn recording(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario").join(name).join("recording.pcapng");
    path.to_str().expect("UTF-8").to_owned()
}

/// What another program says.
fn run(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program} is needed (.ci/setup test): {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// tshark's fields of each frame.
fn frames(file: &str, more: &[&str]) -> Vec<String> {
    let fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.interface_name", "-e", "frame.len", "-e", "frame.md5_hash"];
    let hash = ["-o", "frame.generate_md5_hash:TRUE"];
    run("tshark", &[&["-r", file], &hash[..], &fields, more].concat()).lines().map(str::to_owned).collect()
}

/// The numbers of the frames that a choice keeps.
fn chosen(arguments: &[&str]) -> BTreeSet<u64> {
    let table: serde_json::Value =
        serde_json::from_slice(&exported(&[arguments, &["-o", "-", "--table", "packets", "--as", "json"]].concat())).expect("JSON");
    table.as_array().expect("rows").iter().map(|row| row["number"].as_u64().expect("a number")).collect()
}

/// The numbers of the frames that tshark keeps.
fn tsharks(file: &str, filter: &str) -> BTreeSet<u64> {
    run("tshark", &["-r", file, "-Y", filter, "-T", "fields", "-e", "frame.number"])
        .lines()
        .map(|line| line.parse().expect("a number"))
        .collect()
}

#[test]
fn pcapng_keeps_every_frame_with_its_point_and_time() {
    let folder = Folder::new("whole");
    for name in ["bridge", "ports"] {
        let (from, to) = (recording(name), folder.path(&format!("{name}.pcapng")));
        exported(&[&from, "-o", &to]);
        assert_eq!(frames(&to, &[]), frames(&from, &[]), "{name}");
        let again = folder.path(&format!("{name}-again.pcapng"));
        exported(&[&to, "-o", &again]);
        assert_eq!(std::fs::read(&again).expect("read"), std::fs::read(&to).expect("read"), "what was exported is exported the same");
        let show = |file: &str| String::from_utf8(tapscope(&["show", file]).stdout).expect("UTF-8");
        let picture = |file: &str| show(file).split_once("Topology").expect("a topology").1.to_owned();
        assert_eq!(picture(&to), picture(&from), "the picture is the same");
        assert!(run("capinfos", &[&to]).contains("Number of packets"));
    }
}

#[test]
fn what_people_wrote_beside_a_packet_goes_along() {
    let folder = Folder::new("comments");
    let (from, to) = (folder.path("from.pcapng"), folder.path("to.pcapng"));
    run("editcap", &["-a", "1:it begins here <&>", "-a", "7:küche", "-a", "9:not chosen", &recording("bridge"), &from]);
    let comments = |file: &str| run("tshark", &["-r", file, "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment"]);
    exported(&[&from, "-o", &to]);
    assert_eq!(comments(&to), "it begins here <&>\nküche\nnot chosen\n");
    let (both, part) = (folder.path("both.pcapng"), folder.path("part.pcapng"));
    exported(&[&to, &recording("ports"), "-o", &both]);
    assert_eq!(comments(&both), comments(&from), "also where files are merged");
    exported(&[&to, "-o", &part, "-f", "arp"]);
    assert_eq!(comments(&part), "it begins here <&>\n", "and where they are cut");
}

#[test]
fn pcap_keeps_every_frame_to_the_nanosecond_and_refuses_two_link_types() {
    let folder = Folder::new("pcap");
    let (from, to) = (recording("bridge"), folder.path("out.pcap"));
    exported(&[&from, "-o", &to]);
    let without_point = |lines: Vec<String>| -> Vec<String> {
        lines
            .iter()
            .map(|line| {
                line.split('\t').enumerate().filter(|(column, _)| *column != 1).map(|(_, field)| field).collect::<Vec<_>>().join(" ")
            })
            .collect()
    };
    assert_eq!(without_point(frames(&to, &[])), without_point(frames(&from, &[])));
    assert!(run("capinfos", &["-t", &to]).contains("nanosecond pcap"));
    let (raw, both) = (folder.path("raw.pcap"), folder.path("both.pcap"));
    let mut file: Vec<u8> = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 20, 0, 0, 0]);
    file.extend([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    std::fs::write(&raw, file).expect("written");
    let error = refused(&[&from, &raw, "-o", &both]);
    assert!(error.contains("RAW") && error.contains("ETHERNET") && error.contains("pcapng"), "{error}");
    assert!(!Path::new(&both).exists(), "no half of an export stays");
    exported(&[&from, &raw, "--node", "52:54:00:12:34:56", "-o", &both]);
    exported(&[&from, &raw, "-o", &folder.path("both.pcapng")]);
    assert_eq!(frames(&folder.path("both.pcapng"), &[]).len(), 109);
}

#[test]
fn every_choice_holds_exactly_its_frames() {
    let file = recording("bridge");
    let all: BTreeSet<u64> = (1..=108).collect();
    assert_eq!(chosen(&[&file]), all);
    let guest =
        "eth.addr == 52:54:00:12:34:56 or ip.addr == 10.0.3.101 or arp.src.proto_ipv4 == 10.0.3.101 or arp.dst.proto_ipv4 == 10.0.3.101";
    for (choice, filter) in [
        (vec!["--point", "tap1"], "frame.interface_name == \"tap1\""),
        (vec!["--point", "tap1", "--point", "0"], "frame.interface_name == \"tap1\" or frame.interface_id == 0"),
        (vec!["--link", "tap0"], "frame.interface_name == \"tap0\""),
        (vec!["--node", "10.0.3.101"], guest),
        (vec!["--node", "52:54:00:12:34:56"], guest),
        (vec!["--flow", "10.0.3.101-10.0.2.101/icmp"], "icmp and ip.addr == 10.0.3.101 and ip.addr == 10.0.2.101"),
        (vec!["-f", "arp"], "arp"),
        (vec!["--from", "2", "--to", "5s"], "frame.time_relative >= 2 and frame.time_relative < 5"),
        (
            vec!["--node", "10.0.3.101", "--point", "bridge0", "-f", "icmp"],
            &format!("icmp and frame.interface_name == \"bridge0\" and ({guest})"),
        ),
    ] {
        let kept = chosen(&[&[file.as_str()], &choice[..]].concat());
        assert_eq!(kept, tsharks(&file, filter), "{choice:?}");
        assert!(!kept.is_empty() && kept != all, "{choice:?}");
    }
    let show = tapscope(&["show", "--format", "json", &file]).stdout;
    let show: serde_json::Value = serde_json::from_slice(&show).expect("JSON");
    let journey = &show["journeys"][3];
    let sightings: BTreeSet<u64> =
        journey["sightings"].as_array().expect("rows").iter().filter_map(|seen| seen["packet"].as_u64()).collect();
    assert_eq!(chosen(&[&file, "--journey", &journey["id"].to_string()]), sightings);
    let flow = &show["flows"][2];
    let end = |end: &str| flow[end]["ip"].as_str().expect("an address").to_owned();
    let by_hand = chosen(&[&file, "--flow", &format!("{}-{}/{}", end("a"), end("b"), flow["protocol"])]);
    assert_eq!(chosen(&[&file, "--flow", "2"]), by_hand);
}

#[test]
fn a_choice_that_is_nowhere_says_what_there_is() {
    let file = recording("bridge");
    for (choice, words) in [
        (["--node", "g9"], "there are 10.0.2.100, 10.0.2.101, 10.0.3.101, bridge"),
        (["--point", "eth7"], "there are bridge0, tap0, tap1"),
        (["--link", "eth7"], "there are bridge0, tap0, tap1"),
        (["--flow", "99"], "counted from 0"),
        (["--flow", "10.0.0.1"], "10.0.0.1:1234-10.0.0.2:80/tcp"),
        (["--journey", "9999"], "show --format json"),
        (["--from", "noon"], "1m30s"),
        (["-f", "hots x"], "hots x"),
    ] {
        let error = refused(&[&file, "-o", "-", "--as", "pcapng", choice[0], choice[1]]);
        assert!(error.contains(words), "{choice:?}: {error}");
    }
}

#[test]
fn standard_input_is_cut_as_it_comes_and_says_what_it_cannot_know() {
    let file = recording("bridge");
    let piped = |arguments: &[&str]| {
        let input = std::fs::File::open(&file).expect("the recording");
        let command = &mut Command::new(env!("CARGO_BIN_EXE_tapscope"));
        command.args(["export", "-", "-o", "-"]).args(arguments).stdin(input).output().expect("it runs")
    };
    for choice in [&["--point", "tap1"][..], &["--node", "10.0.3.101"], &["--from", "2", "--to", "5"]] {
        let output = piped(&[choice, &["--table", "packets"]].concat());
        assert!(output.status.success(), "{choice:?}: {}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).expect("UTF-8").lines().count() - 1;
        assert!(lines > 0 && lines < 108, "{choice:?}: {lines}");
    }
    assert_eq!(
        piped(&["--table", "packets", "--point", "tap1"]).stdout,
        exported(&[&file, "-o", "-", "--table", "packets", "--point", "tap1"])
    );
    let error = String::from_utf8(piped(&["--as", "pcapng", "--node", "g1"]).stderr).expect("UTF-8");
    assert!(error.contains("save it to a file first"), "{error}");
    let error = String::from_utf8(piped(&["--as", "pcapng", "--point", "eth7"]).stderr).expect("UTF-8");
    assert!(error.contains("there was no point eth7"), "{error}");
}

#[test]
fn what_is_there_is_not_overwritten_and_half_an_export_is_none() {
    let folder = Folder::new("force");
    let (file, to) = (recording("bridge"), folder.path("out.pcapng"));
    std::fs::write(&to, "mine").expect("written");
    assert!(refused(&[&file, "-o", &to]).contains("--force overwrites it"));
    assert!(refused(&[&file, "-o", &to, "--force", "--node", "g9"]).contains("g9"));
    assert_eq!(std::fs::read(&to).expect("read"), b"mine");
    exported(&[&file, "-o", &to, "--force"]);
    let before = frames(&to, &[]);
    exported(&[&to, "-o", &to, "--force"]);
    assert_eq!(frames(&to, &[]), before, "a file may be exported onto itself");
    assert_eq!(std::fs::read_dir(&folder.0).expect("a folder").count(), 1, "nothing else is left");
    assert!(refused(&[&file, "-o", &folder.path("out")]).contains("--as KIND"));
    assert!(refused(&[&file, "-o", &folder.path("out.csv")]).contains("--table"));
    let cut = folder.path("cut.pcapng");
    let bytes = std::fs::read(&file).expect("read");
    std::fs::write(&cut, &bytes[..bytes.len() - 7]).expect("written");
    let output = tapscope(&["export", &cut, "-o", &folder.path("whole.pcapng")]);
    assert_eq!(output.status.code(), Some(1), "the damage is told");
    assert_eq!(frames(&folder.path("whole.pcapng"), &[]).len(), 107, "and what came before it is exported");
}

#[test]
fn ctrl_c_leaves_a_whole_file_of_what_was_read_and_says_so() {
    let folder = Folder::new("interrupted");
    let to = folder.path("out.pcapng");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapscope"));
    let mut child = command.args(["export", "-", "-o", &to]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("tapscope starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(&std::fs::read(recording("bridge")).expect("read")).expect("it reads");
    let deadline = Instant::now() + Duration::from_secs(20);
    // By then it hears of signals.
    while !Path::new(&to).exists() {
        assert!(Instant::now() < deadline && child.try_wait().expect("ours").is_none(), "it does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("sent");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("because of ctrl-C"));
    // As the program that wrote it ended it, whatever is in it.
    let capinfos = run("capinfos", &["-T", "-r", "-c", &to]);
    assert!(capinfos.starts_with(&to), "{capinfos}");
}

/// A capture in which a guest gives itself names that mean something to other programs.
fn hostile(folder: &Folder) -> String {
    let name = b"=cmd|'/c'!A0\",<b>&\x1b[31m]]>\xff";
    let mut dhcp = vec![1, 1, 6, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 10];
    dhcp.resize(236, 0);
    dhcp.extend([99, 130, 83, 99, 53, 1, 3, 50, 4, 10, 0, 0, 10, 12, name.len() as u8]);
    dhcp.extend(name);
    dhcp.push(255);
    let mut reply = dhcp.clone();
    reply[0] = 2;
    reply[16..20].copy_from_slice(&[10, 0, 0, 10]);
    reply[242] = 5;
    let frame = |from: [u8; 6], to: [u8; 6], ports: [u16; 2], payload: &[u8]| {
        let mut frame = [&to[..], &from, &[8, 0, 0x45, 0]].concat();
        frame.extend((28 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, from[5], 255, 255, 255, 255]);
        ports.iter().for_each(|port| frame.extend(port.to_be_bytes()));
        frame.extend((8 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        frame
    };
    let (guest, server) = ([2, 0, 0, 0, 0, 10], [2, 0, 0, 0, 0, 1]);
    let frames = [frame(guest, [255; 6], [68, 67], &dhcp), frame(server, guest, [67, 68], &reply)];
    let mut file: Vec<u8> = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for frame in &frames {
        for word in [1_700_000_000, 0, frame.len() as u32, frame.len() as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    let path = folder.path("hostile.pcap");
    std::fs::write(&path, file).expect("written");
    path
}

/// What the name is, sanitised.
const NAME: &str = "=cmd|'/c'!A0\",<b>&\\x1b[31m]]>\u{fffd}";

#[test]
fn a_name_from_the_wire_is_a_name_in_every_format() {
    let folder = Folder::new("hostile");
    let file = hostile(&folder);
    let graphml = text(&[&file, "-o", "-", "--as", "graphml"]);
    let parsed = roxmltree::Document::parse(&graphml).expect("XML");
    assert!(parsed.descendants().any(|element| element.text() == Some(NAME)), "{graphml}");
    let dot = folder.path("picture.dot");
    exported(&[&file, "-o", &dot]);
    let drawn = run("dot", &["-Tjson", &dot]);
    let drawn: serde_json::Value = serde_json::from_str(&drawn).expect("JSON");
    let labels: Vec<&str> = drawn["objects"].as_array().expect("nodes").iter().filter_map(|node| node["label"].as_str()).collect();
    assert!(labels.iter().any(|label| label.replace("\\\\", "\\").starts_with(NAME)), "{labels:?}");
    let table = text(&[&file, "-o", "-", "--table", "hosts"]);
    assert!(table.contains("\"'=cmd|'/c'!A0\"\",<b>&\\x1b[31m]]>\u{fffd}\""), "{table}");
    let rows = csv::Reader::from_reader(table.as_bytes()).into_records().collect::<Result<Vec<_>, _>>().expect("CSV");
    assert!(rows.iter().any(|row| row[0] == *format!("'{NAME}")), "{rows:?}");
    let json: serde_json::Value = serde_json::from_slice(&exported(&[&file, "-o", "-", "--table", "hosts", "--as", "json"])).expect("JSON");
    assert!(json.as_array().expect("rows").iter().any(|row| row["name"] == NAME), "{json}");
}

#[test]
#[cfg(feature = "window")]
fn the_picture_is_drawn_as_in_the_window() {
    let folder = Folder::new("picture");
    let svg = text(&[&hostile(&folder), "-o", "-", "--as", "svg"]);
    let parsed = roxmltree::Document::parse(&svg).expect("XML");
    let texts: Vec<&str> =
        parsed.descendants().filter(|element| element.has_tag_name("text")).filter_map(|element| element.text()).collect();
    assert!(texts.contains(&NAME) && texts.contains(&"10.0.0.10"), "{texts:?}");
    let png = folder.path("picture.png");
    exported(&[&recording("bridge"), "-o", &png]);
    let found = run("identify", &["-format", "%m %w %h %k", &png]);
    let [kind, width, height, colors] = found.split(' ').collect::<Vec<_>>()[..] else { panic!("{found}") };
    let number = |text: &str| text.parse::<u32>().expect("a number");
    assert!(kind == "PNG" && number(width) > 1000 && number(height) > 300 && number(colors) > 16, "{found}");
    let svg = text(&[&recording("ports"), "-o", "-", "--as", "svg"]);
    roxmltree::Document::parse(&svg).expect("XML");
}

#[test]
fn tables_are_what_show_tells() {
    let file = recording("ports");
    let show: serde_json::Value = serde_json::from_slice(&tapscope(&["show", "--format", "json", &file]).stdout).expect("JSON");
    for (table, rows) in [("flows", "flows"), ("echoes", "echoes"), ("dhcp", "dhcp"), ("hosts", "nodes")] {
        let exported: serde_json::Value =
            serde_json::from_slice(&exported(&[&file, "-o", "-", "--table", table, "--as", "json"])).expect("JSON");
        assert_eq!(exported.as_array().expect("rows").len(), show[rows].as_array().expect("rows").len(), "{table}");
    }
    for table in ["hosts", "flows", "arp", "dhcp", "echoes", "packets", "devices", "neighbours"] {
        let text = text(&[&file, "-o", "-", "--table", table]);
        let records = csv::Reader::from_reader(text.as_bytes()).into_records().collect::<Result<Vec<_>, _>>();
        records.unwrap_or_else(|error| panic!("{table}: {error}"));
    }
}
