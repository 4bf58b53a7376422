//! The table of causes, and docs/causes.md, which is made from it.

use std::collections::BTreeSet;
use std::fmt::Write;
use tapscope_graph::diagnose::ProvenBy;
use tapscope_graph::diagnose::cause::{all, by_code};

/// The codes that scripts may rely on: as many as the study of pings that fail has.
const CODES: usize = 117;

/// docs/causes.md.
fn catalogue() -> String {
    let mut text = String::from(
        "# Why a ping fails\n\nMade from the table in `graph/src/diagnose/causes/`; `make docs` writes it anew. `tapscope why A B` names these codes, and \
         never changes one.\n\n",
    );
    let layers: BTreeSet<&str> = all().map(|cause| cause.layer).collect();
    for layer in layers {
        let _ = writeln!(text, "## {layer}\n");
        for cause in all().filter(|cause| cause.layer == layer) {
            let _ = writeln!(text, "### {}\n\n{}\n", cause.code, cause.meaning);
            let proven_by = match cause.proven_by {
                ProvenBy::Packets => "packets alone",
                ProvenBy::State => "packets and what the host says",
                ProvenBy::Qemu => "what QEMU says",
                ProvenBy::Guest => "the guest only; from outside it can be suspected",
            };
            for (what, words) in [
                ("On the wire", cause.wire),
                ("State", cause.state),
                ("Looks like", cause.alike),
                ("Proven by", proven_by),
                ("Fix", cause.fix),
                ("Undo", cause.undo),
                ("Source", cause.source),
            ] {
                if !words.is_empty() {
                    let _ = writeln!(text, "- {what}: {words}");
                }
            }
            text.push('\n');
        }
    }
    text
}

#[test]
fn the_catalogue_is_up_to_date() {
    // `make docs` writes it anew.
    expect_test::expect_file!["../../docs/causes.md"].assert_eq(&catalogue());
}

#[test]
fn every_code_is_there_once_and_in_capitals() {
    let codes: Vec<&str> = all().map(|cause| cause.code).collect();
    let different: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!((codes.len(), different.len()), (CODES, CODES));
    for code in codes {
        assert!(code.bytes().all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit() || octet == b'_'), "{code}");
        assert_eq!(by_code(code).map(|cause| cause.code), Some(code));
    }
}
