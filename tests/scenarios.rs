//! Recordings of real guests say the same as when they were taken, without QEMU.

use std::path::Path;
use std::process::Command;

/// What `tapscope show` prints, without where the file was.
fn shown(text: &str) -> String {
    text.split_once('\n').map_or(text, |(_, rest)| rest).trim_end().to_owned()
}

#[test]
fn every_recording_says_what_it_said_when_it_was_taken() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario");
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(&scenarios).expect("scenarios").flatten() {
        let Ok(expected) = std::fs::read_to_string(entry.path().join("expected.txt")) else { continue };
        let recording = entry.path().join("recording.pcapng");
        let output = Command::new(env!("CARGO_BIN_EXE_tapscope")).args(["show", "--color", "never"]).arg(&recording).output();
        let output = output.expect("tapscope runs");
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(shown(&String::from_utf8_lossy(&output.stdout)), expected.trim_end(), "{name}");
        seen.push(name);
    }
    seen.sort();
    assert_eq!(seen, ["passt", "unix-dgram", "unix-stream", "user"]);
}
