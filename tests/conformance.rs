//! Real captures are read as others read them: `compare.py` of the conformance corpus, where that lies beside the checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Captures where the reference reading is wrong, each with what their octets say instead.
const REFERENCE_WRONG: &[(&str, &str)] = &[
    (
        "clusterfuzz-testcase",
        "time stamps with more than a second of microseconds, and lengths above 2^31: the reference overflows 32 bits",
    ),
    ("test012.pcapng", "an OFFER and an ACK cut by the snap length: their type and addresses were captured, the reference leaves them out"),
    ("atm-oam-heapoverflow.pcap", "four captured octets of SUNATM: the reference counts its pseudo-header off"),
    (
        "mpls-6in6-broken.pcap",
        "IPv4 headers behind MPLS that the reference calls malformed for their options, or cuts after a limit of labels",
    ),
];

#[test]
fn the_corpus_is_read_as_the_reference_reads_it() {
    let folder = std::env::var_os("TAPSCOPE_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    if !folder.join("compare.py").exists() {
        eprintln!("left out: no conformance corpus at {} (TAPSCOPE_CONFORMANCE names another place)", folder.display());
        return;
    }
    let output = Command::new("python3")
        .arg(folder.join("compare.py"))
        .arg(env!("CARGO_BIN_EXE_tapscope"))
        .args([folder.join("corpus"), folder.join("oracle")])
        .arg("--verbose")
        .output()
        .expect("python3 runs");
    let report = String::from_utf8_lossy(&output.stdout);
    let unexplained: Vec<&str> = report
        .lines()
        .filter(|line| (line.contains(": ") && line.contains('/') && !line.contains("files agree")) || line.starts_with("FAILED"))
        .filter(|line| !REFERENCE_WRONG.iter().any(|(name, _)| line.contains(name)))
        .collect();
    assert!(report.contains("files agree in full, 0 failed"), "{report}");
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}
