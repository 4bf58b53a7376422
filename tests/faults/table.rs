//! Each code of the table of causes, and what shows that it is recognised: a fault of this folder, or a golden test.

use crate::fault::Fault;
use libtest_mimic::Failed;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use tapscope_graph::diagnose::cause;

/// The golden tests, by their file.
const GOLDENS: [(&str, &str); 2] =
    [("unbuilt", include_str!("../../graph/tests/diagnose/unbuilt.rs")), ("vlan", include_str!("../../graph/tests/diagnose/vlan.rs"))];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    test: BTreeMap<String, String>,
}

/// What shows that a code is recognised, the strongest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// A fault of which it is the cause.
    Live(String),
    /// A fault of which it is a candidate: what only the guest, or its QEMU, could tell.
    Candidate(String),
    /// A golden test.
    Golden(String),
    /// Nothing.
    Not,
}

/// All codes, with what shows them. `faults` are those that this kernel can build, with their file.
fn rows(faults: &[(&str, Fault)]) -> BTreeMap<&'static str, Shown> {
    let file: File = toml::from_str(include_str!("golden.toml")).unwrap_or_else(|error| panic!("tests/faults/golden.toml: {error}"));
    let named = |list: &[String], code: &str| list.iter().any(|one| one.split(" at ").next() == Some(code));
    let find = |list: fn(&Fault) -> &[String], code: &str| {
        let solved = faults.iter().filter(|(_, fault)| fault.unsolved.is_none());
        solved.into_iter().find(|(_, fault)| named(list(fault), code)).map(|(file, fault)| format!("{file}::{}", fault.name))
    };
    let shown = |code: &str| {
        find(|fault| &fault.expect.causes, code)
            .map(Shown::Live)
            .or_else(|| find(|fault| &fault.expect.candidates, code).map(Shown::Candidate))
            .or_else(|| file.test.get(code).cloned().map(Shown::Golden))
            .unwrap_or(Shown::Not)
    };
    cause::all().map(|cause| (cause.code, shown(cause.code))).collect()
}

/// The table, a code a line, and how many there are of each kind.
pub fn print(faults: &[(&str, Fault)]) -> String {
    let (mut text, mut counts) = (String::new(), [0; 4]);
    for (code, shown) in rows(faults) {
        let (kind, what) = match &shown {
            Shown::Live(fault) => (0, format!("live       {fault}")),
            Shown::Candidate(fault) => (1, format!("candidate  {fault}")),
            Shown::Golden(test) => (2, format!("golden     graph/tests/diagnose {test}")),
            Shown::Not => (3, "nothing    ".to_owned()),
        };
        counts[kind] += 1;
        let _ = writeln!(text, "{code:28} {what}");
    }
    let [live, candidate, golden, not] = counts;
    let _ = writeln!(
        text,
        "{} codes: {live} the cause of a fault that is built here, {candidate} a candidate of one, {golden} in golden tests, {not} not shown",
        counts.iter().sum::<usize>()
    );
    text
}

/// Every code is shown by something that exists.
pub fn check(faults: &[(&str, Fault)]) -> Result<(), Failed> {
    for (code, shown) in rows(faults) {
        match shown {
            Shown::Live(_) | Shown::Candidate(_) => {}
            Shown::Golden(test) => {
                let (file, name) = test.split_once("::").unwrap_or(("", &test));
                let has = GOLDENS.iter().any(|(known, text)| *known == file && text.contains(&format!("fn {name}(")));
                if !has {
                    return Err(format!("{code}: there is no golden test {test}").into());
                }
            }
            Shown::Not => return Err(format!("{code}: no fault and no golden test shows it").into()),
        }
    }
    Ok(())
}
