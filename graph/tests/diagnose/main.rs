//! Why a ping fails: a network as text, and the whole answer.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/large.rs"]
mod large;
mod networks;

mod bridge;
mod dhcp;
mod dropped;
mod guest;
mod healthy;
mod large_host;
mod neighbor;
mod outside;
mod route;
mod unbuilt;
mod vlan;

use expect_test::Expect;
use networks::{ASKED, KNOWN, ROUTED, SENT, STD};
use tapscope_graph::diagnose::{Diagnosis, Pinged, Question, diagnose};

/// The answer to "why does a ping from one to the other fail?", a second after the last line.
fn check(script: &str, from: &str, to: &str, expected: Expect) {
    let mut view = common::view(script);
    view.tables.now = view.tables.now.map(|now| tapscope_graph::Timestamp(now.0 + 1_000_000_000));
    let party = |text: &str| text.parse().expect("a party");
    expected.assert_eq(&diagnose(&view, &Question::new(party(from), party(to))).printed(&view.tables.host));
}

/// The answer a second after the last line, after what ping itself said; before it its verdict, how sure it is, and the codes: of causes, then
/// of what comes next.
fn ask(script: &str, from: &str, to: &str, pinged: Option<Pinged>) -> (String, Diagnosis, String) {
    let mut view = common::view(script);
    view.tables.now = view.tables.now.map(|now| tapscope_graph::Timestamp(now.0 + 1_000_000_000));
    let party = |text: &str| text.parse().expect("a party");
    let found = diagnose(&view, &Question { pinged, ..Question::new(party(from), party(to)) });
    let codes = |list: &[tapscope_graph::diagnose::Accusation]| list.iter().map(|one| one.cause.code).collect::<Vec<_>>().join(" ");
    let text = format!("{} {}: {} / {}", found.verdict.name(), found.confidence.name(), codes(&found.causes), codes(&found.latent));
    let printed = found.printed(&view.tables.host);
    (text, found, printed)
}

/// Only the verdict, how sure it is, and the codes: of causes, then of what comes next.
fn brief(script: &str, from: &str, to: &str, expected: &str) {
    let (text, _, printed) = ask(script, from, to, None);
    assert_eq!(text, expected, "{printed}");
}

/// Only the verdict and the codes of what looks like a fault and is none; nothing is accused.
fn noted(script: &str, from: &str, to: &str, expected: &str) {
    let view = common::view(script);
    let party = |text: &str| text.parse().expect("a party");
    let found = diagnose(&view, &Question::new(party(from), party(to)));
    let codes: Vec<&str> = found.notes.iter().map(|note| note.code).collect();
    let printed = found.printed(&view.tables.host);
    assert!(found.causes.is_empty() && found.latent.is_empty(), "{printed}");
    assert_eq!(format!("{}: {}", found.verdict.name(), codes.join(" ")), expected, "{printed}");
}
