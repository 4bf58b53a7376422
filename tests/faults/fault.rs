//! What stands in a file of faults.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One fault: a network, what is broken in it, and what `tapscope why` has to say.
///
/// A command is `WHERE: shell command`, where `WHERE` is `host`, `a`, `b`, `c` or `x`. It finds the namespaces' names in `$H`, `$A`, `$B`, `$C`
/// and `$X`, the processes that have the guests' TAPs open in `$WIRE_A`, `$WIRE_B` and `$WIRE_C`, and a folder for files in `$LAB`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The code of its cause, or what is special.
    pub name: String,
    /// The network.
    pub base: Base,
    /// Further namespaces: `c`, a third guest behind `tapC`; `x`, the outside.
    #[serde(default)]
    pub more: Vec<String>,
    /// The guests' addresses; where they are not named, those of the base.
    pub addresses: Option<BTreeMap<String, String>>,
    /// What breaks it, before tapscope comes.
    #[serde(default)]
    pub build: Vec<String>,
    /// What is done while tapscope listens, and may fail: what one would do to see the fault. Otherwise A pings B three times.
    pub trigger: Option<Vec<String>>,
    /// Whom to ask for; otherwise A's and B's address.
    pub ask: Option<[String; 2]>,
    /// Seconds to listen.
    #[serde(default = "six")]
    pub listen: u32,
    /// The answer.
    pub expect: Expect,
}

fn six() -> u32 {
    6
}

/// The networks to break.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// A (10.9.0.1/24) on tapA and B (10.9.0.2/24) on tapB, both ports of br0.
    Bridged,
    /// A (10.9.1.1/24) on tapA of brA, B (10.9.2.1/24) on tapB of brB; the host has .254 in both and routes.
    Routed,
    /// A (10.9.1.1/24) on tapA of br0, where the host has .254; its uplink up0 (198.51.100.2) leads to X (198.51.100.1, 203.0.113.9). No NAT.
    Uplink,
    /// Only the namespaces of the host, A and B.
    Bare,
}

/// What has to be answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `works`, `degraded`, `fails`, `not_sent`, `undetermined`.
    pub verdict: String,
    /// All causes, each `CODE` or `CODE at PLACE`, in no order.
    #[serde(default)]
    pub causes: Vec<String>,
    /// How sure.
    pub confidence: Option<String>,
    /// Next obstacles that have to be among those named.
    #[serde(default)]
    pub latent: Vec<String>,
    /// Candidates that have to be among those named.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// Notes that have to be among those named.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What was answered.
pub struct Answer {
    pub json: Value,
    /// The same for people, and what was written on standard error.
    pub text: String,
    pub status: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fault: Vec<Fault>,
}

/// Reads a file of faults.
///
/// # Panics
/// If something else stands in it.
pub fn read(name: &str, text: &str) -> Vec<Fault> {
    let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("tests/faults/{name}.toml: {error}"));
    file.fault
}

impl Expect {
    /// How an answer differs.
    pub fn problems(&self, answer: &Answer) -> Vec<String> {
        let json = &answer.json;
        let text = |key: &str| json[key].as_str().unwrap_or("nothing").to_owned();
        let mut problems = Vec::new();
        let mut differs = |what: &str, wanted: &str, got: &str| {
            if wanted != got {
                problems.push(format!("{what}: {got}, not {wanted}"));
            }
        };
        differs("verdict", &self.verdict, &text("verdict"));
        if let Some(confidence) = &self.confidence {
            differs("confidence", confidence, &text("confidence"));
        }
        let status = ["works", "fails", "degraded", "undetermined"].iter().position(|&verdict| verdict == self.verdict).unwrap_or(3);
        differs("exit status", &status.to_string(), &answer.status.to_string());
        let named = |key: &str| -> Vec<(String, String)> {
            let rows = json[key].as_array().cloned().unwrap_or_default();
            let field = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
            rows.iter().map(|row| (field(row, "code"), field(row, "where"))).collect()
        };
        let causes = named("causes");
        let is_meant = |wanted: &str, (code, place): &(String, String)| match wanted.split_once(" at ") {
            Some((wanted, at)) => wanted == code && at == place,
            None => wanted == code,
        };
        for wanted in &self.causes {
            if !causes.iter().any(|cause| is_meant(wanted, cause)) {
                problems.push(format!("not named as a cause: {wanted}"));
            }
        }
        for cause in &causes {
            if !self.causes.iter().any(|wanted| is_meant(wanted, cause)) {
                problems.push(format!("accused wrongly: {} at {}", cause.0, cause.1));
            }
        }
        for (key, all) in [("latent", &self.latent), ("candidates", &self.candidates), ("notes", &self.notes)] {
            for wanted in all {
                if !named(key).iter().any(|row| is_meant(wanted, row)) {
                    problems.push(format!("not among {key}: {wanted}"));
                }
            }
        }
        problems
    }
}
