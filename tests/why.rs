//! `tapscope why` and `tapscope check` on recordings, and what their JSON looks like.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn tapscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tapscope")).args(arguments).output().expect("it runs")
}

fn recording(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario").join(name).join("recording.pcapng");
    path.to_str().expect("UTF-8").to_owned()
}

/// What of a value is not as a schema says: as much of JSON Schema (draft 2020-12) as docs/diagnosis.schema.json uses.
fn problems(root: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
        return problems(root, &root["$defs"][name], value, place, found);
    }
    let is_of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some(other) => panic!("{place}: the schema has a type that is not checked: {other}"),
        None => true,
    };
    if !is_of_type {
        found.push(format!("{place} is not of the type {}", schema["type"]));
    }
    if schema.get("const").is_some_and(|wanted| wanted != value) {
        found.push(format!("{place} is not {}", schema["const"]));
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        found.push(format!("{place} is {value}, none of {}", schema["enum"]));
    }
    if schema["pattern"] == "^[A-Z][A-Z0-9_]+$" {
        let text = value.as_str().unwrap_or_default();
        let is_code = text.len() > 1 && text.starts_with(|first: char| first.is_ascii_uppercase());
        if !is_code || !text.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_') {
            found.push(format!("{place} is no code: {text}"));
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{place} lacks {name}"));
        }
    }
    if let (Some(known), Some(members)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, member) in members {
            match known.get(name) {
                Some(schema) => problems(root, schema, member, &format!("{place}.{name}"), found),
                None => found.push(format!("{place} has {name}, which the schema does not know")),
            }
        }
    }
    if let Some(list) = value.as_array() {
        if schema["minItems"].as_u64().is_some_and(|least| (list.len() as u64) < least) {
            found.push(format!("{place} has too few items"));
        }
        for (index, item) in list.iter().enumerate().filter(|_| schema.get("items").is_some()) {
            problems(root, &schema["items"], item, &format!("{place}[{index}]"), found);
        }
    }
}

/// The answer as JSON, which is as its schema says.
fn answer(arguments: &[&str]) -> (i32, Value) {
    let output = tapscope(&[&["why", "--format", "json"], arguments].concat());
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let schema: Value = serde_json::from_str(include_str!("../docs/diagnosis.schema.json")).expect("the schema is JSON");
    let mut found = Vec::new();
    problems(&schema, &schema, &value, "answer", &mut found);
    assert!(found.is_empty(), "{found:?}: {value:#}");
    (output.status.code().expect("it was not killed"), value)
}

#[test]
fn a_recording_of_guests_that_reach_each_other() {
    let (code, value) = answer(&["10.0.2.101", "10.0.3.101", &recording("bridge")]);
    assert_eq!((code, &value["verdict"]), (0, &Value::from("works")), "{value:#}");
}

#[test]
fn a_recording_without_what_the_host_says_accuses_nobody() {
    let (code, value) = answer(&["10.0.2.101", "10.0.2.77", &recording("ports")]);
    assert_eq!(value["causes"], serde_json::json!([]), "{value:#}");
    assert!(code == 1 || code == 3, "{value:#}");
}

#[test]
fn a_name_that_nobody_has_is_said_to_be_unknown() {
    let output = tapscope(&["why", "web", "10.0.2.101", &recording("bridge")]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("UNDETERMINED  no echo request was seen"), "{text}");
    assert!(text.contains("not known: web: no guest, node or device here is called that; `tapscope list` has the names"), "{text}");
    let (_, value) = answer(&["web", "10.0.2.101", &recording("bridge")]);
    assert!(value["coverage"]["state_unreadable"][0].as_str().is_some_and(|text| text.starts_with("web: ")), "{value:#}");
}

#[test]
fn an_answer_is_at_most_25_lines() {
    for (from, to, name) in [("10.0.2.101", "10.0.3.101", "bridge"), ("10.0.2.101", "10.0.2.77", "ports"), ("web", "db", "ports")] {
        let output = tapscope(&["why", from, to, &recording(name)]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!((1..=25).contains(&text.lines().count()), "{text}");
    }
}

#[test]
fn a_file_that_is_not_there_cannot_be_answered_from() {
    let output = tapscope(&["why", "10.0.0.1", "10.0.0.2", "no-such-file.pcap"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-file.pcap"), "{output:?}");
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_64() {
    assert_eq!(tapscope(&["why", "10.0.0.1"]).status.code(), Some(64));
    assert_eq!(tapscope(&["why", "", "10.0.0.2"]).status.code(), Some(64));
}

#[test]
fn a_network_is_as_its_file_says() {
    let net = std::env::temp_dir().join(format!("tapscope-net-{}.toml", std::process::id()));
    std::fs::write(&net, "[[pair]]\nfrom = \"10.0.2.101\"\nto = \"10.0.3.101\"\n").expect("written");
    let path = net.to_str().expect("UTF-8");
    let holds = tapscope(&["check", path, &recording("bridge")]);
    assert_eq!(holds.status.code(), Some(0), "{holds:?}");
    assert!(String::from_utf8_lossy(&holds.stdout).starts_with("ok   10.0.2.101 -> 10.0.3.101: works"), "{holds:?}");
    std::fs::write(&net, "[[pair]]\nfrom = \"10.0.2.101\"\nto = \"10.0.3.101\"\nreaches = false\n").expect("written");
    assert_eq!(tapscope(&["check", path, &recording("bridge")]).status.code(), Some(1));
    std::fs::write(&net, "pairs = 3\n").expect("written");
    assert_eq!(tapscope(&["check", path, &recording("bridge")]).status.code(), Some(4));
    std::fs::remove_file(&net).expect("removed");
}

#[test]
fn guests_without_a_tap_are_asked_for_by_their_addresses() {
    let cables = ["cable-multicast", "cable-tcp-socket", "cable-tcp-stream", "cable-udp-dgram", "cable-udp-socket", "hub"];
    let cables = cables.map(|name| (name, "10.0.2.100", "10.0.2.101", "guest g1", "guest g2"));
    let user = ("user", "10.0.2.15", "10.0.2.2", "guest g1", "user-mode stack of g1");
    for (name, from, to, pinging, pinged) in cables.into_iter().chain([user]) {
        let output = tapscope(&["why", from, to, &recording(name)]);
        let text = String::from_utf8_lossy(&output.stdout);
        let headline = format!("ping {from} ({pinging}) -> {to} ({pinged}): WORKS");
        assert!(text.starts_with(&headline), "{name}: {text}");
    }
}

#[test]
fn a_ping_that_the_host_keeps_from_the_outside_is_not_the_gateways_fault() {
    let (code, answer) = answer(&["10.0.2.15", "203.0.113.1", &recording("user")]);
    assert_eq!((code, &answer["causes"][0]["code"]), (1, &Value::from("SLIRP_ICMP_BLOCKED")), "{answer:#}");
    assert_eq!(answer["causes"][0]["evidence"][0]["kind"], "icmp_error", "{answer:#}");
    assert_eq!(answer["confidence"], "probable");
}

#[test]
fn an_answered_question_for_an_address_is_no_lost_ping() {
    let (code, answer) = answer(&["10.0.2.15", "10.0.2.3", &recording("user")]);
    assert_eq!((code, &answer["verdict"]), (3, &Value::from("not_sent")), "{answer:#}");
    assert_eq!(answer["causes"], Value::Array(Vec::new()));
}
