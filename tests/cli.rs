//! The program through the front door.

use expect_test::{Expect, expect};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn tapscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tapscope"))
        .args(arguments)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .expect("it runs")
}

fn piped(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tapscope"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario").join(name).join("recording.pcapng")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A pcap file of Ethernet frames, a second apart.
fn pcap(frames: &[&[u8]]) -> Vec<u8> {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for (second, frame) in frames.iter().enumerate() {
        for number in [1_700_000_000 + second as u32, 0, frame.len() as u32, frame.len() as u32] {
            file.extend(number.to_le_bytes());
        }
        file.extend_from_slice(frame);
    }
    file
}

/// Who has 10.0.0.2? Tell 10.0.0.1.
const ARP: [u8; 42] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0xa, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0xa, 10, 0, 0, 1, 0, 0, 0, 0, 0,
    0, 10, 0, 0, 2,
];

/// What `show` says of a file in the folder of a test of its own.
fn check_file(name: &str, content: &[u8], arguments: &[&str], expected: Expect) {
    let folder = std::env::temp_dir().join(format!("tapscope-cli-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    std::fs::write(&path, content).expect("written");
    let output =
        Command::new(env!("CARGO_BIN_EXE_tapscope")).arg("show").args(arguments).arg(name).current_dir(&folder).output().expect("it runs");
    std::fs::remove_dir_all(&folder).expect("removed");
    let code = output.status.code().expect("it was not killed");
    expected.assert_eq(&format!("exit {code}\n-- out\n{}-- err\n{}", out(&output), err(&output)));
}

#[test]
fn the_recording_of_two_guests_on_a_bridge_prints_as_a_tree() {
    let output = piped(&["show", "-"], &std::fs::read(recording("bridge")).expect("the recording"));
    assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()));
    expect![[r#"
        -: pcapng, 108 packets, 8.6 kB
          from 2026-11-22 12:07:56 UTC to 2026-11-22 12:08:06 UTC (10 s)
          tap0: ETHERNET, 32 packets
          tap1: ETHERNET, 30 packets
          bridge0: ETHERNET, 46 packets

        Topology
          bridge (frames cross from point to point unchanged)
          ├─ tap0
          │  └─ 10.0.2.101  52:54:00:12:34:57  sent 15, received 15
          │        10.0.2.101  by arp, source, 14 packets
          ├─ tap1
          │  └─ 10.0.3.101  52:54:00:12:34:56  sent 14, received 13
          │        10.0.3.101  by arp, source, 12 packets
          └─ bridge0
             └─ 10.0.2.100  76:e1:8c:4b:00:03  sent 17, received 13
                   10.0.2.100  by arp, source, 6 packets
                   10.0.3.100  by arp, source, 4 packets

        What is wrong
          nothing that these frames show

        Echoes
          10.0.2.100 -> 10.0.2.101: all 2 answered, fastest 1.013 ms
          10.0.2.101 -> 10.0.2.100: all 2 answered, fastest 0.055 ms
          10.0.2.101 -> 10.0.3.100: all 2 answered, fastest 0.031 ms
          10.0.2.101 -> 10.0.3.101: all 2 answered, fastest 17.082 ms
          10.0.3.100 -> 10.0.3.101: all 2 answered, fastest 0.761 ms
          10.0.3.101 -> 10.0.2.100: all 2 answered, fastest 0.031 ms
          10.0.3.101 -> 10.0.2.101: all 2 answered, fastest 1.320 ms
          10.0.3.101 -> 10.0.3.100: all 2 answered, fastest 0.056 ms

        Talkers
          icmp 10.0.2.101 -> 10.0.3.101: 392 B, back 392 B
          icmp 10.0.2.101 -> 10.0.2.100: 392 B, back 392 B
          icmp 10.0.3.101 -> 10.0.3.100: 392 B, back 392 B
          icmp 10.0.2.101 -> 10.0.3.100: 196 B, back 196 B
          icmp 10.0.3.101 -> 10.0.2.100: 196 B, back 196 B
    "#]]
    .assert_eq(&out(&output));
}

#[test]
fn addresses_on_bridge_ports_show_as_lost_echoes() {
    let output = piped(&["show", "-"], &std::fs::read(recording("ports")).expect("the recording"));
    assert_eq!(output.status.code(), Some(0));
    let wrong: String = out(&output)
        .lines()
        .skip_while(|line| *line != "What is wrong")
        .take_while(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    expect![[r#"
        What is wrong
          error   DUPLICATE_IP 10.0.2.100 is claimed by 06:7d:b8:60:4d:bf and 4e:bc:9f:24:54:95  (packets 34, 35, 38, 43)
          error   DUPLICATE_IP 10.0.3.100 is claimed by 06:7d:b8:60:4d:bf and 4e:bc:9f:24:54:95  (packets 58, 59, 62, 67)
          error   ECHO_LOST ping 10.0.2.101 -> 10.0.2.100: 2 of 2 echo requests unanswered  (packets 36, 41)
          error   ECHO_LOST ping 10.0.2.101 -> 10.0.3.100: 2 of 2 echo requests unanswered  (packets 60, 65)
          error   ECHO_LOST ping 10.0.3.101 -> 10.0.3.100: 2 of 2 echo requests unanswered  (packets 78, 83)
          error   ECHO_LOST ping 10.0.3.101 -> 10.0.2.100: 2 of 2 echo requests unanswered  (packets 96, 101)
    "#]]
    .assert_eq(&wrong);
}

#[test]
fn without_a_display_the_demo_prints_what_the_window_would_show() {
    let output = tapscope(&["demo"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(err(&output).contains("no display") || err(&output).contains("without its window"), "{}", err(&output));
    assert!(out(&output).contains("10.0.2.101") && out(&output).contains("10.0.3.101"), "{}", out(&output));
}

#[test]
fn a_damaged_file_gives_what_came_before_and_says_where_it_ends() {
    let mut file = pcap(&[&ARP, &ARP, &ARP]);
    file.truncate(file.len() - 30);
    check_file(
        "cut.pcap",
        &file,
        &[],
        expect![[r#"
        exit 1
        -- out
        cut.pcap: pcap, 2 packets, 84 B
          from 2023-11-14 22:13:20 UTC to 2023-11-14 22:13:21 UTC (1 s)
          cut: ETHERNET, 2 packets

        Topology
          cut
          └─ 10.0.0.1  02:00:00:00:00:0a  sent 2, received 0
                10.0.0.1  by arp, 2 packets

        What is wrong
          warning RESOLUTION_UNANSWERED nobody answers 10.0.0.1's ARP for 10.0.0.2, 2 times  (packets 1, 2)
        -- err
        tapscope: cut.pcap: cut short in a packet: 12 of 42 octets of it are there, at octet 140 behind packet 2
    "#]],
    );
}

#[test]
fn a_file_of_another_kind_is_refused_by_its_first_octets() {
    check_file(
        "picture.png",
        b"\x89PNG\r\n",
        &[],
        expect![[r#"
        exit 1
        -- out
        -- err
        tapscope: picture.png: is not a pcap or pcapng file: it starts with 89 50 4e 47
    "#]],
    );
    check_file(
        "empty.pcap",
        b"",
        &[],
        expect![[r#"
        exit 1
        -- out
        -- err
        tapscope: empty.pcap: is empty
    "#]],
    );
}

#[test]
fn other_link_types_are_named_and_counted() {
    let mut file = pcap(&[&ARP, &ARP]);
    file[20] = 105;
    check_file(
        "wlan.pcap",
        &file,
        &[],
        expect![[r#"
        exit 0
        -- out
        wlan.pcap: pcap, 2 packets, 84 B
          from 2023-11-14 22:13:20 UTC to 2023-11-14 22:13:21 UTC (1 s)
          wlan: IEEE802_11, 2 packets

        Topology
          wlan

        What is wrong
          note    NOT_DECODED not decoded: LINKTYPE_IEEE802_11, 2 packets at wlan
        -- err
    "#]],
    );
}

#[test]
fn a_filter_chooses_frames_and_a_wrong_one_is_told_in_libpcaps_words() {
    let file = pcap(&[&ARP, &ARP]);
    check_file(
        "two.pcap",
        &file,
        &["--filter", "icmp", "--format", "dot"],
        expect![[r#"
        exit 0
        -- out
        graph tapscope {
          node [fontname="sans-serif", fontsize=11];
          "link@0" [shape=ellipse, style=dashed, label="two"];
        }
        -- err
    "#]],
    );
    check_file(
        "two.pcap",
        &file,
        &["--filter", "hots 1"],
        expect![[r#"
        exit 1
        -- out
        -- err
        tapscope: the filter "hots 1" does not fit link type ETHERNET: libpcap error: can't parse filter expression: syntax error
    "#]],
    );
}

#[test]
fn usage_errors_exit_with_2() {
    for arguments in [&["show"][..], &["show", "--format", "xml", "x"], &["--no-such-option"], &["-i", "tap0", "x.pcap"]] {
        let output = tapscope(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn without_a_display_the_living_host_is_elsewhere() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapscope"));
    let output = command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").output().expect("tapscope runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("`tapscope watch`"), "{}", err(&output));
}

#[test]
fn help_and_version_go_to_standard_output() {
    for arguments in [&["--help"][..], &["show", "--help"], &["--version"]] {
        let output = tapscope(arguments);
        assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tapscope"))
        .args(["show", "--format", "json", text(&recording("bridge"))])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut complaint).expect("UTF-8");
    assert_eq!((child.wait().expect("it ends").code(), complaint), (Some(0), String::new()));
}

#[test]
fn a_pipe_is_read_as_it_comes_and_gzip_is_seen_through() {
    let file = pcap(&[&ARP]);
    let plain = piped(&["show", "--format", "json", "-"], &file);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&file).expect("compressed");
    let compressed = piped(&["show", "--format", "json", "-"], &gzip.finish().expect("compressed"));
    let json = |output: &Output| serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("JSON");
    let (mut plain, compressed) = (json(&plain), json(&compressed));
    assert_eq!(plain["files"][0]["gzip"], false);
    plain["files"][0]["gzip"] = true.into();
    assert_eq!(plain, compressed);
}

#[test]
fn several_files_are_merged_by_time_with_a_point_each() {
    let folder = std::env::temp_dir().join(format!("tapscope-cli-{}-merge", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in ["tap0.pcap", "tap1.pcap"] {
        std::fs::write(folder.join(name), pcap(&[&ARP])).expect("written");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tapscope"))
        .args(["show", "--format", "dot", "tap0.pcap", "tap1.pcap"])
        .current_dir(&folder)
        .output()
        .expect("it runs");
    std::fs::remove_dir_all(&folder).expect("removed");
    expect![[r#"
        graph tapscope {
          node [fontname="sans-serif", fontsize=11];
          "02:00:00:00:00:0a@0" [shape=box, label="10.0.0.1\n02:00:00:00:00:0a"];
          "bridge@0" [shape=hexagon, label="bridge"];
          "link@0" [shape=ellipse, style=dashed, label="tap0"];
          "link@1" [shape=ellipse, style=dashed, label="tap1"];
          "02:00:00:00:00:0a@0" -- "link@0" [label="1 packets"];
          "bridge@0" -- "link@0";
          "bridge@0" -- "link@1";
        }
    "#]]
    .assert_eq(&out(&output));
}

/// A pcapng file whose interface, and a DHCP message in it whose client, have names that would drive a terminal.
fn hostile() -> Vec<u8> {
    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, &body, &length].concat()
    }
    let name = "tap\u{1b}[31m\u{202e}0\n";
    let mut interface = vec![1, 0, 0, 0, 0, 0, 0, 0, 2, 0];
    interface.extend((name.len() as u16).to_le_bytes());
    interface.extend_from_slice(name.as_bytes());
    interface.resize(interface.len().next_multiple_of(4), 0);
    let mut dhcp = vec![0; 240];
    dhcp[..8].copy_from_slice(&[2, 1, 6, 0, 0, 0, 0, 1]);
    dhcp[16..20].copy_from_slice(&[10, 0, 0, 5]);
    dhcp[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 0xb]);
    dhcp[236..].copy_from_slice(&[99, 130, 83, 99]);
    let mut request = dhcp.clone();
    request[0] = 1;
    request.extend_from_slice(b"\x35\x01\x03\x0c\x0a\x1b]0;evil\x07\"\xff");
    dhcp.extend_from_slice(&[53, 1, 5, 255]);
    let packets = [request, dhcp].map(|message| {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xb, 8, 0, 0x45, 0];
        frame.extend((28 + message.len() as u16).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 5, 0, 67, 0, 68]);
        frame.extend((8 + message.len() as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(message);
        let length = (frame.len() as u32).to_le_bytes();
        block(6, &[&[0; 12][..], &length, &length, &frame].concat())
    });
    let section = block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    [section, block(1, &interface), packets.concat()].concat()
}

#[test]
fn names_from_the_wire_never_reach_the_terminal_raw() {
    for format in ["text", "json", "dot"] {
        let output = piped(&["show", "--format", format, "-"], &hostile());
        assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()), "{format}");
        let shown = out(&output);
        assert!(shown.contains("evil"), "the name is shown: {shown}");
        assert!(shown.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{format}: {shown:?}");
        if format == "json" {
            serde_json::from_str::<serde_json::Value>(&shown).expect("JSON");
        }
    }
}

#[test]
fn graphviz_understands_the_picture() {
    let Ok(mut dot) = Command::new("dot").arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        assert!(std::env::var_os("CI").is_none(), "graphviz is not installed");
        eprintln!("left out: graphviz is not installed");
        return;
    };
    let picture = piped(&["show", "--format", "dot", "-"], &hostile()).stdout;
    dot.stdin.take().expect("a pipe").write_all(&picture).expect("it reads");
    let output = dot.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).contains("10.0.0.5"));
}
